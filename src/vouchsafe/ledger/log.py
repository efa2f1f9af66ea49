"""Writing a log: one writer, in an order in which no crash loses what was acknowledged or signs two roots.

S1 assign index, seq, prev and time; encode. S2 one batch object, durable, read back, hashed again. S3 one
transaction on the head: here a batch becomes durable, and only after it may anything be acknowledged. C1
read the batch objects back from the store. C2 tiles and bundles to their final names. C3 read them back. C4
commit size and root. C5 sign what is committed, and only that. C6 publish.

Final names receive only bytes derived from committed rows, so a paused old writer or a crash cannot change
them. Format and order: docs/formats/log.md.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from . import batches, leaves, notes, tiles, tree
from .checkpoints import Checkpoint, open_checkpoint, parse_body
from .errors import Exists, Fenced, Fork, LedgerError, Malformed, Missing, Tampered
from .head import Also, Appended, Batch, Head, HeadState, LeafRef, SubjectHead
from .limits import MAX_ADVANCE, MAX_BATCH, MAX_BUNDLE_BYTES, MAX_LEVEL, MAX_NOTE_BYTES, MAX_ORIGIN_BYTES
from .reader import Reader
from .stores import Store
from .tiles import ENTRIES, HEIGHT, WIDTH, Edge, TileId

__all__ = ["Appended", "Head", "Pending", "Published", "Reader", "Writer"]

CACHED_SUBJECTS = 200_000


@dataclass(frozen=True, slots=True)
class Pending:
    """A leaf before it has a place. `ref`: worth a row of its own; `source`: the caller's row that it is
    about.
    """

    subj: str
    kind: str
    by: str
    commit: str
    facts: dict[str, Any] = field(default_factory=dict)
    pack: bytes | None = None
    offset: int = 0
    length: int = 0
    ref: bool = True
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint that is signed and public."""

    checkpoint: Checkpoint
    note: bytes
    is_new: bool


class Writer:
    """The one writer of a log. `append` and `checkpoint` may run in two threads; each of them in one at a
    time.

    `store` takes batch objects, `public` the tiles and the checkpoint. Call `take_over` first.
    """

    def __init__(
        self, origin: str, head: Head, store: Store, public: Store, signers: Sequence[notes.Signer]
    ) -> None:
        notes.check_name(origin, "origin")
        if len(origin.encode()) > MAX_ORIGIN_BYTES or not origin.isascii():
            raise Malformed("origin", f"ASCII of at most {MAX_ORIGIN_BYTES} bytes", ascii(origin))
        if head.origin != origin or not signers or any(signer.name != origin for signer in signers):
            raise Malformed("writer", f"a head and signers of {origin}", f"{head.origin}, {signers!r}")
        self.origin = origin
        self.head = head
        self.store = store
        self.public = public
        self.signers = tuple(signers)
        self.verifiers = tuple(signer.verifier for signer in signers)
        self._fence: int | None = None
        self._next: tuple[int, int] | None = None
        self._subjects: OrderedDict[str, SubjectHead] = OrderedDict()
        self._appending = threading.Lock()
        self._checkpointing = threading.Lock()
        self._scrubbed = 0
        self._rotten: Tampered | None = None

    def take_over(self) -> HeadState:
        """Become the log's writer: fence + 1, after the published checkpoint was found to be no later than
        the head.

        Raises: Fenced when another writer holds the log; Fork when what was published is not what is
        committed, which means a restored or rolled-back database: go on only under a new origin.
        """
        with self._appending, self._checkpointing:
            state = self.head.take_over()
            self._check_published(state)
            self._fence = state.fence
            self._forget()
            return state

    def append(self, pending: Sequence[Pending], *, at_ms: int, also: Also | None = None) -> list[Appended]:
        """S1..S3. When it returns the leaves are durable and may be acknowledged.

        When it raises, nothing may be acknowledged: the batch may or may not have been committed (a reply
        can get lost); what is new is decided by the caller's own duplicate check.
        """
        with self._appending:
            if len(pending) > MAX_BATCH:
                raise Malformed("append", f"at most {MAX_BATCH} leaves", str(len(pending)))
            if not pending:
                return []
            first, at_last = self._position()
            at = max(at_ms, at_last)  # never decreasing within a log, whatever the server's clock does
            heads = self._heads({item.subj for item in pending})
            appended, changed = self._sequence(pending, heads, first, at)
            row = self._store_batch(pending, appended, first)
            refs = [
                LeafRef(done.index, done.subj, done.seq, done.kind, done.leaf_hash, done.source)
                for item, done in zip(pending, appended, strict=True)
                if item.ref
            ]
            batch = Batch(self._held(), row, at, list(changed.values()), refs)
            committed = False
            try:
                self.head.commit(batch, appended, also=also)
                committed = True
            finally:
                if not committed:
                    self._forget()  # whether it was committed is the database's to say: ask it again
            self._next = (row.next, at)
            self._remember(changed.values())
            return appended

    def checkpoint(self, *, at_ms: int | None = None) -> Published:
        """C1..C6: sign and publish everything that is committed. Does nothing new when nothing is new.

        Raises: Tampered or Fork when stored bytes are not the committed ones (nothing is signed then);
        Fenced.
        """
        with self._checkpointing:
            if self._rotten is not None:
                self._recheck()
            while True:
                state = self._current()
                if state.next_index > state.size:
                    self._advance(state)
                published = self._publish(self._current(), at_ms)
                if published.checkpoint.size >= self.head.read().next_index or not published.is_new:
                    return published

    def scrub(self, bundles: int) -> int:
        """Check the next so many full bundles, their tiles and batch objects, from bytes; gives how many
        were read.

        A difference raises Tampered, and no checkpoint is signed until that place is right again.
        """
        from .audit import check_bundle  # audit reads logs and so imports this package's reader

        with self._checkpointing:
            state = self._current()
            reader = Reader(self.public, size=state.size)
            full = state.size // WIDTH
            count = min(bundles, full)
            for _ in range(count):
                index = self._scrubbed % full
                try:
                    check_bundle(reader, index, state.root)
                    self._check_batches(index * WIDTH, (index + 1) * WIDTH)
                except (Missing, Malformed) as error:
                    self._rotten = Tampered(
                        tiles.entries_path(index), "the bytes that were signed", str(error)
                    )
                    raise self._rotten from error
                except Tampered as error:
                    self._rotten = error
                    raise
                self._scrubbed = index + 1
            return count

    # -- S1..S3
    # ---------------------------------------------------------------------------------------------------

    def _sequence(
        self, pending: Sequence[Pending], heads: dict[str, SubjectHead], first: int, at: int
    ) -> tuple[list[Appended], dict[str, SubjectHead]]:
        appended: list[Appended] = []
        changed: dict[str, SubjectHead] = {}
        for index, item in enumerate(pending, first):
            subj = item.subj
            place = f"leaf {index - first}"
            if "pix" in item.facts:
                raise Malformed(f"{place} facts", "no pix: the writer assigns it", str(item.facts["pix"]))
            before = heads.get(subj)
            seq = before.seq + 1 if before else 0
            facts = {**item.facts, "pix": before.index if before else -1}
            prev = before.leaf_hash.hex() if before else leaves.ZERO_HASH
            leaf = leaves.encode_parts(at, item.by, item.commit, facts, item.kind, prev, seq, subj, place)
            leaf_hash = tree.leaf_hash(leaf)
            appended.append(
                Appended(self.origin, index, seq, at, subj, item.kind, leaf, leaf_hash, item.source)
            )
            heads[subj] = changed[subj] = SubjectHead(subj, seq, index, leaf_hash, at)
        return appended, changed

    def _store_batch(
        self, pending: Sequence[Pending], appended: Sequence[Appended], first: int
    ) -> batches.BatchRow:
        following = first + len(appended)
        data = batches.encode(
            batches.Item(done.leaf, item.pack or batches.NO_PACK, item.offset, item.length)
            for item, done in zip(pending, appended, strict=True)
        )
        row = batches.row_of(self.origin, first, following, data)
        try:
            self.store.create(row.name, data)
        except Exists:
            pass  # an earlier attempt whose commit failed: the name holds the hash, and it is checked below
        found = sha256(self.store.get(row.name, max_bytes=batches.MAX_BATCH_BYTES)).digest()
        if found != row.sha256:
            raise Tampered(row.name, f"SHA-256 {row.sha256.hex()}", found.hex())
        return row

    def _heads(self, subjs: set[str]) -> dict[str, SubjectHead]:
        known = {subj: self._subjects[subj] for subj in subjs if subj in self._subjects}
        missing = subjs - known.keys()
        if missing:
            known.update(self.head.subjects(missing))
        return known

    def _remember(self, heads: Iterable[SubjectHead]) -> None:
        for head in heads:
            self._subjects[head.subj] = head
            self._subjects.move_to_end(head.subj)
        while len(self._subjects) > CACHED_SUBJECTS:
            self._subjects.popitem(last=False)

    def _position(self) -> tuple[int, int]:
        if self._next is None:
            state = self._current()
            self._next = (state.next_index, state.at_last)
        return self._next

    def _forget(self) -> None:
        self._next = None
        self._subjects.clear()

    def _held(self) -> int:
        if self._fence is None:
            raise Fenced(f"{self.origin}: not the writer: take_over() first")
        return self._fence

    def _current(self) -> HeadState:
        """The committed state, when this is still the writer."""
        fence = self._held()
        state = self.head.read()
        if state.fence != fence:
            raise Fenced(
                f"{self.origin}: expected fence {fence}, got {state.fence}: another writer took over"
            )
        return state

    # -- C1..C6
    # ---------------------------------------------------------------------------------------------------

    def _advance(self, state: HeadState) -> None:
        """C1..C4 for at most MAX_ADVANCE leaves."""
        size = min(state.next_index, state.size + MAX_ADVANCE)
        start = state.size // WIDTH * WIDTH
        entries = self._committed(start, size)
        edge = self._edge(state, entries[: state.size - start])
        items: list[tuple[str, bytes]] = []
        for tile, hashes in edge.add([tree.leaf_hash(entry) for entry in entries[state.size - start :]]):
            items.append((tile.path, tiles.encode_hashes(hashes)))
        for tile, hashes in edge.partials():
            if size >> HEIGHT * tile.level != state.size >> HEIGHT * tile.level:
                items.append((tile.path, tiles.encode_hashes(hashes)))
        for at in range(0, len(entries), WIDTH):
            part = entries[at : at + WIDTH]
            bundle = TileId(ENTRIES, (start + at) // WIDTH, len(part))
            items.append((bundle.path, tiles.encode_entries(part)))
        self._write_final(items)
        self.head.mark(fence=self._held(), old_size=state.size, size=size, root=edge.root())

    def _committed(self, start: int, end: int) -> list[bytes]:
        """C1: the entries start..end-1 from batch objects whose hashes are those of the committed rows."""
        entries: list[bytes] = []
        at = start
        for row in self.head.batches(start, end):
            if row.first > at:
                break
            items = batches.check(
                row, self.origin, self.store.get(row.name, max_bytes=batches.MAX_BATCH_BYTES)
            )
            entries.extend(item.leaf for item in items[at - row.first : end - row.first])
            at = min(row.next, end)
        if at != end:
            raise Tampered(
                f"{self.origin} batches", f"rows for all entries {start}..{end - 1}", f"none for {at}"
            )
        return entries

    def _edge(self, state: HeadState, entries: Sequence[bytes]) -> Edge:
        """The tree's right edge at the signed size, from stored bytes; it must give the committed root."""
        levels = [[tree.leaf_hash(entry) for entry in entries]]
        level = 1
        while state.size >> HEIGHT * level:
            width = (state.size >> HEIGHT * level) % WIDTH
            tile = TileId(level, state.size >> HEIGHT * (level + 1), width)
            levels.append(
                tiles.parse_hashes(self.public.get(tile.path, max_bytes=tiles.TILE_BYTES), tile)
                if width
                else []
            )
            level += 1
        edge = Edge(state.size, levels)
        if edge.root() != state.root:
            raise Tampered(f"{self.origin} size {state.size}", f"root {state.root.hex()}", edge.root().hex())
        return edge

    def _write_final(self, items: Sequence[tuple[str, bytes]]) -> None:
        """C2 and C3. Equal bytes give the root computed from them; other bytes under a final name stop the
        log.
        """
        self._current()  # an old writer must not come this far
        self.public.create_all(items)
        for name, data in items:
            found = self.public.get(name, max_bytes=MAX_BUNDLE_BYTES)
            if found != data:
                raise Tampered(name, f"SHA-256 {sha256(data).hexdigest()}", sha256(found).hexdigest())

    def _publish(self, state: HeadState, at_ms: int | None) -> Published:
        """C5 and C6 for the committed size and root."""
        checkpoint = Checkpoint(self.origin, state.size, state.root)
        note = self.head.note(state.size)
        if note is None:
            signed = notes.sign(checkpoint.body, *self.signers)
            open_checkpoint(signed, self.verifiers)
            at = state.at_last if at_ms is None else at_ms
            self.head.keep_note(fence=state.fence, size=state.size, root=state.root, note=signed, at_ms=at)
            note = self.head.note(state.size) or signed
        kept = parse_body(notes.parse_note(note).unverified_text)
        if kept != checkpoint:
            raise Fork(kept, checkpoint, "a checkpoint of this size was signed before")
        published = self._published()
        if published is not None and published.size > state.size:
            raise self._fork(
                state, published, checkpoint, "the published checkpoint is ahead of the database"
            )
        is_new = published != checkpoint
        if is_new:
            # WEAKNESS: a writer that is suspended between this check and the put, and loses its lock
            # meanwhile, can
            # put an older checkpoint back. It is a true one, so no fork; the next tick replaces it.
            self._current()
            self.public.put("checkpoint", note)
            self._collect(published.size if published else 0, state.size)
        return Published(checkpoint, note, is_new)

    def _published(self) -> Checkpoint | None:
        try:
            note = self.public.get("checkpoint", max_bytes=MAX_NOTE_BYTES)
        except Missing:
            return None
        return open_checkpoint(note, self.verifiers, f"{self.origin} checkpoint")

    def _check_published(self, state: HeadState) -> None:
        """Refuse to write when what the world has seen is not a prefix of what is committed."""
        published = self._published()
        if published is None:
            return
        committed = Checkpoint(self.origin, state.size, state.root)
        if published.size > state.size:
            raise self._fork(state, published, committed, "the published checkpoint is ahead of the database")
        if published.size == state.size:
            root = state.root
        else:
            root = Reader(self.public, size=state.size).root_at(published.size)
        if published.root != root:
            raise self._fork(state, published, committed, "the published root is not the committed one")

    def _fork(self, state: HeadState, old: Checkpoint, new: Checkpoint, why: str) -> LedgerError:
        """The alarm, unless another writer has taken over meanwhile: then it is `state` that is old."""
        fence = self.head.read().fence
        if fence != state.fence:
            return Fenced(
                f"{self.origin}: expected fence {state.fence}, got {fence}: another writer took over"
            )
        return Fork(old, new, why)

    def _collect(self, old: int, new: int) -> None:
        """Remove the partial tiles whose full tile this step made. C2SP tlog-tiles.md allows just that."""
        for level in range(ENTRIES, MAX_LEVEL + 1):
            shift = HEIGHT * (max(level, 0) + 1)
            if not new >> shift:
                if level >= 0:
                    return
                continue
            for index in range(old >> shift, new >> shift):
                for name in list(self.public.list(f"{TileId(level, index).path}.p/")):
                    self.public.delete(name)

    def _check_batches(self, start: int, end: int) -> None:
        for row in self.head.batches(start, end):
            batches.check(row, self.origin, self.store.get(row.name, max_bytes=batches.MAX_BATCH_BYTES))

    def _recheck(self) -> None:
        """Raises what the scrub found, unless that place has been repaired."""
        from .audit import check_bundle

        assert self._rotten is not None
        state = self._current()
        index = self._scrubbed % max(1, state.size // WIDTH)
        try:
            check_bundle(Reader(self.public, size=state.size), index, state.root)
            self._check_batches(index * WIDTH, (index + 1) * WIDTH)
        except (Missing, Malformed, Tampered):
            raise LedgerError(f"{self.origin}: not signed: {self._rotten}") from self._rotten
        self._rotten = None
