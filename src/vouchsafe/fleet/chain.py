"""A device's leaves, read backwards from any one of them, and the payload behind each.

Heartbeats have no rows (migration 0001 says why), so a walk follows `pix` from leaf to leaf through the batch
objects. Their hash is checked when they are read; a `Located` that is shared by many readings has it checked again
after an hour only. Start with `Chain.back`.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

from vouchsafe.fleet.timeline import Order
from vouchsafe.ledger import batches, leaves
from vouchsafe.ledger.errors import Tampered
from vouchsafe.ledger.stores import Source

BatchOf = Callable[[str, int], batches.BatchRow | None]
"""The committed batch that holds an entry of a log, or None when there is no such entry."""

MAX_OBJECTS = 64
MAX_LOCATED = 512
HASHED_FOR_S = 3600.0
MAX_LINKS = 2_048
MAX_STEPS = 200_000


@dataclass(frozen=True, slots=True)
class Link:
    """One leaf of a device's chain with the place of its payload."""

    ix: int
    leaf: leaves.Leaf
    raw: bytes
    pack: bytes
    offset: int
    length: int

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self.leaf.facts)

    @property
    def pix(self) -> int:
        return int(self.leaf.facts["pix"])

    @property
    def is_evidence(self) -> bool:
        return self.leaf.kind == "device.evidence"

    @property
    def v(self) -> int:
        """Valid time of the proof, as its leaf states it; of any other leaf the server's time."""
        return int(self.leaf.facts.get("v", self.leaf.at))

    @property
    def order(self) -> Order:
        """The proof's place in the device's own order."""
        facts = self.leaf.facts
        return Order(int(facts.get("gen", -1)), int(facts.get("boot", -1)), int(facts.get("ctr", -1)))

    @property
    def base(self) -> bool:
        """Whether the evidence is signed and continues the device's history (`timeline`)."""
        return self.leaf.facts.get("base", True) is True


class Located:
    """Where the items of batch objects begin, of those whose bytes were hashed lately. Safe for several threads.

    A page that asks for one instant reads some twenty objects for one item each; hashing a megabyte for each again and
    again is what would make it slow.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._known: OrderedDict[str, tuple[float, int, list[int]]] = OrderedDict()
        self._lock = Lock()

    def starts(self, row: batches.BatchRow, origin: str, data: bytes) -> list[int]:
        """Raises: Tampered, Malformed when the bytes are not the committed ones."""
        now = self._now()
        with self._lock:
            at, size, starts = self._known.get(row.name, (-HASHED_FOR_S, -1, []))
            if now - at < HASHED_FOR_S and size == len(data):
                self._known.move_to_end(row.name)
                return starts
        batches.check_bytes(row, origin, data)
        starts = batches.locate(data, row.next - row.first, row.name)
        with self._lock:
            self._known[row.name] = (now, len(data), starts)
            while len(self._known) > MAX_LOCATED:
                self._known.popitem(last=False)
        return starts


class Chain:
    """Reads leaves and payloads of one log. Not safe for several threads at once; cheap to make."""

    def __init__(self, origin: str, store: Source, batch_of: BatchOf, located: Located | None = None) -> None:
        self.origin = origin
        self._located = located or Located()
        self._store = store
        self._batch_of = batch_of
        self._objects: OrderedDict[str, tuple[bytes, list[int]]] = OrderedDict()
        self._last: batches.BatchRow | None = None
        self._links: dict[int, Link] = {}

    def at(self, ix: int) -> Link:
        """The leaf at an index. Raises: LookupError; Tampered when the stored bytes are not the committed
        ones.
        """
        if (known := self._links.get(ix)) is not None:
            return known
        item = self._item(ix)
        link = Link(ix, leaves.parse(item.leaf), item.leaf, item.pack, item.offset, item.length)
        if len(self._links) < MAX_LINKS:  # a page walks the same stretch several times
            self._links[ix] = link
        return link

    def back(self, ix: int) -> Iterator[Link]:
        """The leaf at `ix`, then the same subject's leaves before it, newest first."""
        subj, seq = "", -1
        for _ in range(MAX_STEPS):
            if ix < 0:
                return
            link = self.at(ix)
            # The chain is the subject's own: a pix that leads elsewhere is a broken log, not a shorter
            # history.
            if subj and (link.leaf.subj, link.leaf.seq) != (subj, seq - 1):
                raise Tampered(
                    f"{self.origin} entry {ix}",
                    f"entry {seq - 1} of {subj}",
                    f"{link.leaf.seq} of {link.leaf.subj}",
                )
            subj, seq = link.leaf.subj, link.leaf.seq
            yield link
            ix = link.pix

    def payload(self, link: Link) -> tuple[bytes, bytes]:
        """(salt, payload) of a leaf, checked against its commitment.

        Raises: LookupError when the leaf has none in the store; Tampered when the bytes are others.
        """
        if link.pack == batches.NO_PACK:
            raise LookupError(f"{self.origin} entry {link.ix} has no payload in the store")
        pack = self._store.get(pack_name(link.pack))
        piece = pack[link.offset : link.offset + link.length]
        salt, body = piece[: leaves.SALT_BYTES], piece[leaves.SALT_BYTES :]
        if len(piece) != link.length or leaves.commitment(salt, body) != link.leaf.commit:
            raise Tampered(
                pack_name(link.pack), f"the payload of {self.origin} entry {link.ix}", "other bytes"
            )
        return salt, body

    def _item(self, ix: int) -> batches.Item:
        last = self._last
        row = last if last is not None and last.first <= ix < last.next else self._batch_of(self.origin, ix)
        if row is None or not row.first <= ix < row.next:
            raise LookupError(f"{self.origin} has no entry {ix}")
        self._last = row
        found = self._objects.get(row.name)
        if found is None:
            data = self._store.get(row.name)
            # Where the items begin is enough: a walk wants one of the thousands.
            found = self._objects[row.name] = (data, self._located.starts(row, self.origin, data))
            if len(self._objects) > MAX_OBJECTS:
                self._objects.popitem(last=False)
        else:
            self._objects.move_to_end(row.name)
        data, starts = found
        return batches.item(data, starts[ix - row.first])


def pack_name(sha256: bytes) -> str:
    """The store's name of an evidence pack."""
    text = sha256.hex()
    return f"ev/{text[:2]}/{text}"
