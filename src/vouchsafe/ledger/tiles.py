"""C2SP tlog-tiles: the names of tiles and entry bundles, and their bytes.

Nothing here reads a store. `Edge` is how a log grows: it holds the unfinished tile of every level, takes leaf
hashes, and says which tiles became full.

>>> tile_path(0, 1234067), entries_path(273, 112)
('tile/0/x001/x234/067', 'tile/entries/273.p/112')
>>> parse_entries(encode_entries([b"one", b""]), TileId(ENTRIES, 0, 2))
[b'one', b'']
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import tree
from .errors import Malformed, brief
from .limits import MAX_ENTRY_BYTES, MAX_INT, MAX_LEVEL

WIDTH = 256
HEIGHT = 8
TILE_BYTES = WIDTH * tree.HASH_SIZE
ENTRIES = -1
"""The level of an entry bundle: below the leaf hashes."""

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?\Z",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class TileId:
    """Which tile: level 0..63 of hashes, or ENTRIES; `width` below 256 means partial."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its name below the log's prefix."""
        number = f"{self.index % 1000:03d}"
        rest = self.index // 1000
        while rest:
            number = f"x{rest % 1000:03d}/{number}"
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{level}/{number}{partial}"

    @property
    def full(self) -> "TileId":
        """The full tile of the same place."""
        return TileId(self.level, self.index)

    @property
    def is_partial(self) -> bool:
        """Whether it holds fewer than 256 hashes or entries."""
        return self.width < WIDTH


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """The name of a tile of hashes."""
    return TileId(level, index, width).path


def entries_path(index: int, width: int = WIDTH) -> str:
    """The name of an entry bundle."""
    return TileId(ENTRIES, index, width).path


def parse_path(path: str) -> TileId:
    """The tile that a name stands for. Raises: Malformed for every other spelling."""
    found = _PATH.match(path)
    if not found:
        raise Malformed("tile path", "tile/<level>/<index>[.p/<width>]", brief(path))
    level = ENTRIES if found["level"] == "entries" else int(found["level"])
    index = int(found["index"].replace("x", "").replace("/", ""))
    tile = TileId(level, index, int(found["width"] or WIDTH))
    # A number with needless leading groups (x000/001) or a width of 256 and more has no second spelling.
    if level > MAX_LEVEL or index > MAX_INT or tile.path != path:
        raise Malformed("tile path", "tile/<level>/<index>[.p/<width>] in its one spelling", brief(path))
    return tile


def tile_at(level: int, index: int, size: int) -> TileId:
    """The tile of this place as a log of `size` serves it: full, or partial. Raises ValueError if it has
    none.
    """
    hashes = size >> HEIGHT * max(level, 0)
    width = min(WIDTH, hashes - index * WIDTH)
    if width < 1:
        raise ValueError(f"a log of {size} has no tile {index} at level {level}")
    return TileId(level, index, width)


def tiles_of(size: int) -> Iterator[TileId]:
    """Every tile and bundle that a log of this size serves, bundles first, then level by level."""
    for level in range(ENTRIES, MAX_LEVEL + 1):
        hashes = size >> HEIGHT * max(level, 0)
        if not hashes:
            return
        for index in range((hashes + WIDTH - 1) // WIDTH):
            yield tile_at(level, index, size)


def encode_hashes(hashes: Sequence[bytes]) -> bytes:
    """The bytes of a tile."""
    return b"".join(hashes)


def parse_hashes(data: bytes, tile: TileId) -> list[bytes]:
    """The hashes of a tile. Raises: Malformed unless there are exactly as many as its name says."""
    expected = tile.width * tree.HASH_SIZE
    if len(data) != expected:
        raise Malformed(tile.path, f"{expected} bytes", f"{len(data)} bytes")
    return [data[i : i + 32] for i in range(0, expected, 32)]


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """The bytes of an entry bundle: u16 BE length || entry, each."""
    parts: list[bytes] = []
    for number, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY_BYTES:
            raise Malformed(f"entry {number}", f"at most {MAX_ENTRY_BYTES} bytes", f"{len(entry)} bytes")
        parts.append(len(entry).to_bytes(2, "big"))
        parts.append(entry)
    return b"".join(parts)


def parse_entries(data: bytes, tile: TileId) -> list[bytes]:
    """The entries of a bundle. Raises: Malformed unless there are exactly as many as its name says."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    for number in range(tile.width):
        place = f"{tile.path} entry {number}"
        if at + 2 > end:
            raise Malformed(place, "a length of 2 bytes", f"{end - at} bytes left")
        length = data[at] << 8 | data[at + 1]
        at += 2
        if at + length > end:
            raise Malformed(place, f"{length} bytes", f"{end - at} bytes left")
        entries.append(data[at : at + length])
        at += length
    if at != end:
        raise Malformed(tile.path, f"{tile.width} entries and nothing after them", f"{end - at} more bytes")
    return entries


@dataclass(slots=True)
class Edge:
    """The right edge of a growing log: for each level the hashes of its unfinished tile.

    levels[l] holds floor(size / 256^l) mod 256 hashes. That is all that a writer needs in memory.
    """

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=lambda: [[]])

    def add(self, leaf_hashes: Sequence[bytes]) -> Iterator[tuple[TileId, list[bytes]]]:
        """Take more leaves; gives each tile that became full, lower levels first. Consume it to the end."""
        for value in leaf_hashes:
            self.levels[0].append(value)
            self.size += 1
            if len(self.levels[0]) == WIDTH:
                yield from self._close()

    def _close(self) -> Iterator[tuple[TileId, list[bytes]]]:
        level = 0
        while len(self.levels[level]) == WIDTH:
            hashes = self.levels[level]
            # The size is a multiple of 256^(level+1) here, so the tile just filled is the last one of its
            # level.
            yield TileId(level, (self.size >> HEIGHT * (level + 1)) - 1), hashes
            self.levels[level] = []
            if level + 1 == len(self.levels):
                self.levels.append([])
            self.levels[level + 1].append(tree.root(hashes))
            level += 1

    def partials(self) -> Iterator[tuple[TileId, list[bytes]]]:
        """The unfinished tiles that hold anything."""
        for level, hashes in enumerate(self.levels):
            if hashes:
                yield TileId(level, self.size >> HEIGHT * (level + 1), len(hashes)), list(hashes)

    def root(self) -> bytes:
        """The root of the whole tree so far."""
        parts: list[bytes] = []
        for hashes in reversed(self.levels):
            parts.extend(tree.root(hashes[start:end]) for start, end in _blocks(len(hashes)))
        return tree.fold(parts) if parts else tree.EMPTY_ROOT


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    """Left to right, the ranges of falling powers of two that make up `count`."""
    for height, index in tree.cover(0, count):
        yield index << height, (index + 1) << height
