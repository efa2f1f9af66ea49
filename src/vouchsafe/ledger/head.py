"""The head of a log: the one place where order is decided and a batch becomes durable.

`Head` is what a writer needs from a database; `MemoryHead` is the same in memory. The PostgreSQL head lives
with the kernel. Whoever implements it owns these promises: a commit is all or nothing, it happens only
while the fence is the writer's, and after it returns it survives a loss of power.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from . import tree
from .batches import BatchRow
from .errors import Fenced, LedgerError


@dataclass(frozen=True, slots=True)
class HeadState:
    """Where a log stands: its fence, the next index to give, and the size and root that may be signed."""

    origin: str
    fence: int
    next_index: int
    size: int
    root: bytes
    at_last: int


@dataclass(frozen=True, slots=True)
class SubjectHead:
    """The end of a subject's chain."""

    subj: str
    seq: int
    index: int
    leaf_hash: bytes
    at: int


@dataclass(frozen=True, slots=True)
class LeafRef:
    """A leaf worth a row of its own: found by subject, kind or the caller's own row (`source`)."""

    index: int
    subj: str
    seq: int
    kind: str
    leaf_hash: bytes
    source: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """All that one commit writes."""

    fence: int
    row: BatchRow
    at_last: int
    heads: Sequence[SubjectHead]
    refs: Sequence[LeafRef]


@dataclass(frozen=True, slots=True)
class Appended:
    """A leaf that got its place."""

    origin: str
    index: int
    seq: int
    at: int
    subj: str
    kind: str
    leaf: bytes
    leaf_hash: bytes
    source: int | None


Also = Callable[[Any, Sequence[Appended]], None]
"""More to write in the same transaction: called with the open cursor and what was appended."""


class Head(Protocol):
    """See the module. Every method raises Fenced when the fence is no longer the given one."""

    @property
    def origin(self) -> str: ...

    def read(self) -> HeadState:
        """The committed state."""
        ...

    def take_over(self) -> HeadState:
        """Become the writer: fence + 1. Raises: Fenced when another writer holds the log's lock."""
        ...

    def commit(self, batch: Batch, appended: Sequence[Appended], *, also: Also | None = None) -> None:
        """S3: next_index moves from the batch's first to its next, exactly once, with everything else."""
        ...

    def subjects(self, subjs: Iterable[str]) -> dict[str, SubjectHead]:
        """The chain heads of those subjects that have one."""
        ...

    def batches(self, start: int, end: int) -> list[BatchRow]:
        """The batches that hold entries start..end-1, in order."""
        ...

    def mark(self, *, fence: int, old_size: int, size: int, root: bytes) -> None:
        """C4: this size and root may be signed from now on."""
        ...

    def keep_note(self, *, fence: int, size: int, root: bytes, note: bytes, at_ms: int) -> None:
        """C5: the signed checkpoint. Keeping the same one again changes nothing."""
        ...

    def note(self, size: int) -> bytes | None:
        """The signed checkpoint of this size, if one was kept."""
        ...


@dataclass
class MemoryHead:
    """A head in memory. Several of them may share one `table`, as connections share a database."""

    origin: str
    table: "MemoryTable" = field(default_factory=lambda: MemoryTable())

    def read(self) -> HeadState:
        return self.table.states.setdefault(self.origin, HeadState(self.origin, 0, 0, 0, tree.EMPTY_ROOT, 0))

    def take_over(self) -> HeadState:
        state = self.read()
        state = self.table.states[self.origin] = replace(state, fence=state.fence + 1)
        return state

    def commit(self, batch: Batch, appended: Sequence[Appended], *, also: Also | None = None) -> None:
        state = self._guard(batch.fence)
        if state.next_index != batch.row.first:
            raise Fenced(f"{self.origin}: expected next index {batch.row.first}, got {state.next_index}")
        if also is not None:
            also(None, appended)
        self.table.batches.setdefault(self.origin, []).append(batch.row)
        self.table.refs.extend(batch.refs)
        for head in batch.heads:
            self.table.heads[head.subj] = (self.origin, head)
        self.table.states[self.origin] = replace(state, next_index=batch.row.next, at_last=batch.at_last)

    def subjects(self, subjs: Iterable[str]) -> dict[str, SubjectHead]:
        found = {subj: self.table.heads[subj] for subj in subjs if subj in self.table.heads}
        for subj, (origin, _) in found.items():
            if origin != self.origin:
                raise LedgerError(f"subject {subj} has its chain in {origin}, not in {self.origin}")
        return {subj: head for subj, (_, head) in found.items()}

    def batches(self, start: int, end: int) -> list[BatchRow]:
        rows = self.table.batches.get(self.origin, [])
        return [row for row in rows if row.first < end and row.next > start]

    def mark(self, *, fence: int, old_size: int, size: int, root: bytes) -> None:
        state = self._guard(fence)
        if state.size != old_size:
            raise Fenced(f"{self.origin}: expected size {old_size}, got {state.size}")
        self.table.states[self.origin] = replace(state, size=size, root=root)

    def keep_note(self, *, fence: int, size: int, root: bytes, note: bytes, at_ms: int) -> None:
        self._guard(fence)
        self.table.notes.setdefault((self.origin, size), note)

    def note(self, size: int) -> bytes | None:
        return self.table.notes.get((self.origin, size))

    def _guard(self, fence: int) -> HeadState:
        state = self.read()
        if state.fence != fence:
            raise Fenced(
                f"{self.origin}: expected fence {fence}, got {state.fence}: another writer took over"
            )
        return state


@dataclass
class MemoryTable:
    """What the heads of one process share."""

    states: dict[str, HeadState] = field(default_factory=dict)
    batches: dict[str, list[BatchRow]] = field(default_factory=dict)
    heads: dict[str, tuple[str, SubjectHead]] = field(default_factory=dict)
    refs: list[LeafRef] = field(default_factory=list)
    notes: dict[tuple[str, int], bytes] = field(default_factory=dict)
