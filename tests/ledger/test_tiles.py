"""Names and bytes of tiles, and the growing edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchsafe.ledger import tiles, tree
from vouchsafe.ledger.errors import Malformed
from vouchsafe.ledger.tiles import ENTRIES, Edge, TileId


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (TileId(0, 0), "tile/0/000"),
        (TileId(0, 1_234_067), "tile/0/x001/x234/067"),
        (TileId(63, 999, 1), "tile/63/999.p/1"),
        (TileId(ENTRIES, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(tile, path):
    assert tile.path == path
    assert tiles.parse_path(path) == tile


def test_shortcuts_give_the_same_paths():
    assert tiles.tile_path(1, 5, 3) == "tile/1/005.p/3"
    assert tiles.entries_path(5) == "tile/entries/005"


@given(st.integers(-1, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_every_path_reads_back(level, index, width):
    tile = TileId(level, index, width)
    assert tiles.parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001/",
        "tile/0/../000",
        "tile/entries/x001/x02/000",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "/tile/0/000",
        "tile/-1/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",  # 2^63
    ],
)
def test_every_other_spelling_is_refused(path):
    with pytest.raises(Malformed, match="tile path"):
        tiles.parse_path(path)


def test_a_log_of_70000_has_the_tiles_that_the_specification_counts():
    found = list(tiles.tiles_of(70_000))
    level = {n: [t for t in found if t.level == n] for n in (-1, 0, 1, 2)}
    assert len(level[0]) == 274 and level[0][-1] == TileId(0, 273, 112)
    assert level[1] == [TileId(1, 0), TileId(1, 1, 17)]
    assert level[2] == [TileId(2, 0, 1)]
    assert [t.index for t in level[-1]] == list(range(274))
    assert max(t.level for t in found) == 2


def test_a_log_of_256_has_one_full_tile_and_one_of_one_hash_above():
    assert list(tiles.tiles_of(256)) == [TileId(ENTRIES, 0), TileId(0, 0), TileId(1, 0, 1)]


def test_empty_tiles_do_not_exist():
    assert list(tiles.tiles_of(0)) == []
    with pytest.raises(ValueError):
        tiles.tile_at(0, 1, 256)


def test_bundles_read_back():
    entries = [b"", b"x", b"y" * 65_535]
    data = tiles.encode_entries(entries)
    assert tiles.parse_entries(data, TileId(ENTRIES, 0, 3)) == entries


def test_an_entry_of_65535_bytes_works_and_one_more_is_refused():
    tiles.encode_entries([b"x" * 65_535])
    with pytest.raises(Malformed, match="at most 65535 bytes"):
        tiles.encode_entries([b"x" * 65_536])


@pytest.mark.parametrize(
    ("data", "width", "place"),
    [
        (b"", 1, "tile/entries/000.p/1 entry 0"),
        (b"\0", 1, "tile/entries/000.p/1 entry 0"),
        (b"\0\x02x", 1, "tile/entries/000.p/1 entry 0"),
        (b"\0\x01x", 2, "tile/entries/000.p/2 entry 1"),
        (b"\0\x01x!", 1, "tile/entries/000.p/1"),
    ],
)
def test_broken_bundles_name_the_entry(data, width, place):
    with pytest.raises(Malformed) as caught:
        tiles.parse_entries(data, TileId(ENTRIES, 0, width))
    assert caught.value.place == place


def test_a_tile_of_another_length_is_refused():
    with pytest.raises(Malformed, match="expected 64 bytes, got 63 bytes"):
        tiles.parse_hashes(bytes(63), TileId(0, 0, 2))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_536 + 3])
def test_the_edge_gives_the_tiles_and_the_root_of_the_log(size):
    hashes = [tree.leaf_hash(n.to_bytes(4, "big")) for n in range(size)]
    edge = Edge()
    made = {}
    for start in range(0, size, 1000):
        made.update({tile: list(values) for tile, values in edge.add(hashes[start : start + 1000])})
    made.update(dict(edge.partials()))
    assert set(made) == {tile for tile in tiles.tiles_of(size) if tile.level >= 0}
    assert edge.root() == tree.root(hashes)
    for tile, values in made.items():
        span = 256**tile.level
        first = tile.index * 256 * span
        expected = [tree.root(hashes[first + n * span : first + (n + 1) * span]) for n in range(tile.width)]
        assert values == expected
        assert tiles.parse_hashes(tiles.encode_hashes(values), tile) == values
