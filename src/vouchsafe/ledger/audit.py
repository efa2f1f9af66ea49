"""Checking a whole log from its bytes: every entry hashed, every tile compared, the root compared with the
signature.

`fsck` believes nothing but the log's key. `check_chains` adds what our own leaves promise: their form, time
that never goes back, and each subject's chain without a hole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from . import leaves, notes, tiles, tree
from .errors import Malformed, Missing, Tampered
from .reader import Reader
from .tiles import ENTRIES, WIDTH, Edge, TileId

Progress = Callable[[int, int], None]
"""Called with the entries hashed so far and the log's size."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first place that is wrong."""

    place: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was hashed, and the first thing that was wrong, if anything."""

    origin: str
    size: int
    root: bytes
    hashed: int
    first_bad: Finding | None

    @property
    def is_sound(self) -> bool:
        """Whether every byte is what the checkpoint's signature covers."""
        return self.first_bad is None


def fsck(
    reader: Reader,
    *keys: str | notes.Verifier,
    leaf_check: Callable[[int, bytes], None] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Hash the whole log again and compare it with its signed checkpoint.

    `leaf_check` sees every entry after its bundle was found right (`ChainCheck().see`). Raises: Missing,
    Malformed or SignatureError when there is no checkpoint of these keys; all that is wrong below it is in
    the report.
    """
    checkpoint = reader.checkpoint(*keys)
    size = checkpoint.size
    edge = Edge()
    hashed = 0
    bad: Finding | None = None
    try:
        for index in range((size + WIDTH - 1) // WIDTH):
            entries = reader.bundle(index)
            hashes = [tree.leaf_hash(entry) for entry in entries]
            stored = reader.hashes(0, index)
            if hashes != stored:
                raise _difference(reader, index, hashes, checkpoint.root)
            for tile, computed in edge.add(hashes):
                _compare(reader, tile, computed)
            if leaf_check is not None:
                for number, entry in enumerate(entries, index * WIDTH):
                    leaf_check(number, entry)
            hashed += len(entries)
            if progress is not None:
                progress(hashed, size)
        for tile, computed in edge.partials():
            _compare(reader, tile, computed)
        if edge.root() != checkpoint.root:
            raise Tampered("checkpoint", f"root {edge.root().hex()}", checkpoint.root.hex())
    except (Tampered, Malformed) as error:
        bad = Finding(error.place, error.expected, error.got)
    except Missing as error:
        bad = Finding(error.name, "an object", "none")
    return Report(checkpoint.origin, size, checkpoint.root, hashed, bad)


def check_bundle(reader: Reader, index: int, root: bytes) -> None:
    """One full bundle, from its bytes up to the root. Raises: Tampered, Malformed, Missing."""
    hashes = [
        tree.leaf_hash(entry)
        for entry in tiles.parse_entries(reader.fetch(TileId(ENTRIES, index)), TileId(ENTRIES, index))
    ]
    level, at = 0, index
    while True:
        tile = tiles.tile_at(level, at, reader.size)
        stored = tiles.parse_hashes(reader.fetch(tile), tile)
        if level == 0 and hashes != stored:
            raise Tampered(tile.path, f"the hashes of {tiles.entries_path(index)}", "others")
        if tile.is_partial:
            break
        parent = tiles.tile_at(level + 1, at // WIDTH, reader.size)
        above = tiles.parse_hashes(reader.fetch(parent), parent)[at % WIDTH]
        if tree.root(stored) != above:
            raise Tampered(tile.path, f"root {above.hex()} as in {parent.path}", tree.root(stored).hex())
        level, at = level + 1, at // WIDTH
    found = Reader(reader.source, size=reader.size).root_at(reader.size)
    if found != root:
        raise Tampered(f"tiles of size {reader.size}", f"root {root.hex()}", found.hex())


def _difference(reader: Reader, index: int, hashes: Sequence[bytes], root: bytes) -> Tampered:
    """A bundle and its tile disagree: the one that does not fit what stands above both is named."""
    tile = tiles.tile_at(0, index, reader.size)
    stored = reader.hashes(0, index)
    at = next(n for n, (a, b) in enumerate(zip(hashes, stored, strict=True)) if a != b)
    if tile.is_partial:
        tile_fits = reader.root_at(reader.size) == root
    else:
        tile_fits = tree.root(stored) == reader.hashes(1, index // WIDTH)[index % WIDTH]
    if tile_fits:
        place = f"{tiles.tile_at(ENTRIES, index, reader.size).path} entry {index * WIDTH + at}"
        return Tampered(place, f"leaf hash {stored[at].hex()}", hashes[at].hex())
    return Tampered(f"{tile.path} hash {at}", hashes[at].hex(), stored[at].hex())


def _compare(reader: Reader, tile: TileId, computed: Sequence[bytes]) -> None:
    stored = tiles.parse_hashes(reader.fetch(tile), tile)
    for number, (mine, theirs) in enumerate(zip(computed, stored, strict=True)):
        if mine != theirs:
            raise Tampered(f"{tile.path} hash {number}", mine.hex(), theirs.hex())


@dataclass
class ChainCheck:
    """The promises of our own leaves, entry by entry, over a whole log from index 0."""

    at: int = 0
    heads: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    """subject -> seq, index and leaf hash of its last leaf"""

    def see(self, index: int, entry: bytes) -> None:
        """Check the next entry. Raises: Malformed, Tampered."""
        place = f"entry {index}"
        leaf = leaves.parse(entry, place)
        if leaf.at < self.at:
            raise Tampered(f"{place} at", f"{self.at} or later", str(leaf.at))
        self.at = leaf.at
        before = self.heads.get(leaf.subj)
        # A chain that comes from another log (subject.move) starts here at any seq with pix -1.
        moved_in = before is None and leaf.kind == "subject.move"
        seq, pix, prev = before or (-1, -1, leaves.ZERO_HASH)
        if not moved_in and (leaf.seq, leaf.facts["pix"], leaf.prev) != (seq + 1, pix, prev):
            expected = f"seq {seq + 1}, pix {pix}, prev {prev}"
            raise Tampered(
                f"{place} chain", expected, f"seq {leaf.seq}, pix {leaf.facts['pix']}, prev {leaf.prev}"
            )
        self.heads[leaf.subj] = (leaf.seq, index, tree.leaf_hash(entry).hex())
