"""Reading a C2SP tlog-tiles log, ours or anybody's, from a folder, a store or a URL.

A reader fetches only what a verified checkpoint implies, so call `checkpoint` first; whoever trusts the
source (the log's own writer) may give `size` instead. Proofs that it makes are checked before they are
returned.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from . import notes, proofs, tiles, tree
from .checkpoints import Checkpoint, open_checkpoint
from .errors import LedgerError, Missing, Tampered
from .limits import MAX_BUNDLE_BYTES, MAX_NOTE_BYTES
from .stores import FolderStore, Source
from .tiles import ENTRIES, HEIGHT, WIDTH, TileId
from .urls import Unreachable, UrlSource

__all__ = ["Reader", "Unreachable", "UrlSource", "source_of"]

CACHED_TILES = 1_024
CACHED_BUNDLES = 16


def source_of(place: Source | Path | str) -> Source:
    """A URL, the path of a folder, or a source as it is."""
    if isinstance(place, Path):
        return FolderStore(place)
    if not isinstance(place, str):
        return place
    if "://" in place:
        return UrlSource(place)
    return FolderStore(Path(place))


class Reader:
    """One log, read. Not for use by several threads at once."""

    def __init__(self, place: Source | Path | str, *, size: int | None = None) -> None:
        self.source = source_of(place)
        self.note: bytes | None = None
        self.last: Checkpoint | None = None
        self._size = size
        self._levels: OrderedDict[TileId, list[list[bytes]]] = OrderedDict()
        self._bundles: OrderedDict[TileId, list[bytes]] = OrderedDict()

    @property
    def size(self) -> int:
        """The size up to which tiles are fetched. Raises: LedgerError before one is known."""
        if self._size is None:
            raise LedgerError("no verified checkpoint: call checkpoint() first")
        return self._size

    def checkpoint(self, *keys: str | notes.Verifier) -> Checkpoint:
        """The log's newest checkpoint, signed by one of these keys (vkeys or verifiers).

        Raises: Missing, Malformed, SignatureError.
        """
        trusted = [notes.parse_vkey(key) if isinstance(key, str) else key for key in keys]
        note = self.source.get("checkpoint", max_bytes=MAX_NOTE_BYTES)
        self.last = open_checkpoint(note, trusted)
        self.note = note
        self._size = self.last.size
        return self.last

    def use(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Read at a checkpoint that the caller has verified already."""
        self.last, self.note, self._size = checkpoint, note, checkpoint.size

    def fetch(self, tile: TileId) -> bytes:
        """The bytes of a tile or bundle; those of the full tile where a partial one is not to be had."""
        limit = MAX_BUNDLE_BYTES if tile.level == ENTRIES else tiles.TILE_BYTES
        try:
            return self.source.get(tile.path, max_bytes=limit)
        except (Missing, Unreachable):  # stores say 404, 403 or 410 of what has gone
            if not tile.is_partial:
                raise
            with suppress(Missing, Unreachable):  # C2SP tlog-tiles: the fallback of clients
                full = self.source.get(tile.full.path, max_bytes=limit)
                if tile.level != ENTRIES:
                    return full[: tile.width * tree.HASH_SIZE]
                return tiles.encode_entries(tiles.parse_entries(full, tile.full)[: tile.width])
            raise

    def bundle(self, index: int) -> list[bytes]:
        """The entries of one bundle."""
        tile = tiles.tile_at(ENTRIES, index, self.size)
        if tile not in self._bundles:
            self._bundles[tile] = tiles.parse_entries(self.fetch(tile), tile)
            if len(self._bundles) > CACHED_BUNDLES:
                self._bundles.popitem(last=False)
        return self._bundles[tile]

    def hashes(self, level: int, index: int) -> list[bytes]:
        """The hashes of one tile."""
        return self._tree(tiles.tile_at(level, index, self.size))[0]

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of the entries in a range, each compared with its leaf hash."""
        for index in range(start, self.size if end is None else min(end, self.size)):
            yield index, self.entry(index)

    def entry(self, index: int) -> bytes:
        """The entry, compared with its leaf hash. Raises: Tampered."""
        entry = self.bundle(self._in_range(index) // WIDTH)[index % WIDTH]
        found, expected = tree.leaf_hash(entry), self.leaf_hash(index)
        if found != expected:
            raise Tampered(f"{tiles.entries_path(index // WIDTH)} entry {index}", expected.hex(), found.hex())
        return entry

    def leaf_hash(self, index: int) -> bytes:
        """The leaf hash of an entry, as the tiles say."""
        return self.hashes(0, self._in_range(index) // WIDTH)[index % WIDTH]

    def node(self, node: tree.Node) -> bytes:
        """The root of a complete subtree."""
        height, index = node
        level, within = divmod(height, HEIGHT)
        tile, offset = divmod(index << within, WIDTH)
        return self._tree(tiles.tile_at(level, tile, self.size))[within][offset >> within]

    def root_at(self, size: int) -> bytes:
        """The root of the log's first `size` entries, as the tiles say."""
        return tree.range_hash(0, self._up_to(size), self.node)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The inclusion proof of an entry, checked against the root that the same tiles give."""
        size = self._up_to(self.size if size is None else size)
        proof = [tree.range_hash(start, end, self.node) for start, end in tree.subtree_ranges(index, size)]
        tree.verify_inclusion(index, size, self.leaf_hash(index), proof, self._root(size))
        return proof

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the tree of `new` continues that of `old`, checked as `inclusion` is."""
        new = self._up_to(self.size if new is None else new)
        proof = [tree.range_hash(start, end, self.node) for start, end in tree.consistency_ranges(old, new)]
        tree.verify_consistency(old, new, proof, self.root_at(old), self._root(new))
        return proof

    def prove(self, index: int) -> proofs.TlogProof:
        """The tlog-proof of an entry in the checkpoint last read. Raises: ProofError, LedgerError."""
        if self.note is None or self.last is None:
            raise LedgerError("no verified checkpoint: call checkpoint() first")
        return proofs.make(index, self.inclusion(index, self.last.size), self.note)

    def _root(self, size: int) -> bytes:
        """The signed root where there is one for this size: proofs are checked against that, not against
        tiles.
        """
        if self.last is not None and self.last.size == size:
            return self.last.root
        return self.root_at(size)

    def _tree(self, tile: TileId) -> list[list[bytes]]:
        """The complete subtrees inside a tile: [0] its hashes, [1] their pairs, up to the one root of a full
        tile.
        """
        if tile in self._levels:
            self._levels.move_to_end(tile)
            return self._levels[tile]
        levels = [tiles.parse_hashes(self.fetch(tile), tile)]
        while len(levels[-1]) > 1:
            levels.append(tree.pairs(levels[-1]))
        self._levels[tile] = levels
        if len(self._levels) > CACHED_TILES:
            self._levels.popitem(last=False)
        return levels

    def _in_range(self, index: int) -> int:
        if not 0 <= index < self.size:
            raise LedgerError(f"no entry {index} in a log of {self.size}")
        return index

    def _up_to(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise LedgerError(f"no size {size} in a log of {self.size}")
        return size
