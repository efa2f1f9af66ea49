"""The device's own measurement log: its entries, and whether a new head continues an old one.

The log is an RFC 6962 tree over the entries' bytes. An entry is deterministic CBOR [kind, claimed_ms, data]
(docs/formats/measurement-log.md). Nothing here trusts the clock in an entry: order comes from the index.

>>> parse_entry(encode_entry(BOOTED, 1766361600000, [3])).data
[3]
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from vouchsafe.attest.batch import LogPart
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor
from vouchsafe.ledger import tree
from vouchsafe.ledger.errors import ProofError

# Kinds of entries. Frozen: they are in the logs of devices.
STARTED, BOOTED, CONFIGURED, UPDATED, ATTESTED = range(5)
KIND_NAMES = {
    STARTED: "started",
    BOOTED: "booted",
    CONFIGURED: "configured",
    UPDATED: "updated",
    ATTESTED: "attested",
}


class Entry(NamedTuple):
    """One entry as the device wrote it. `claimed_ms` is the device's own clock. Unknown kinds are kept as
    numbers.
    """

    kind: int
    claimed_ms: int
    data: cbor.Value


def encode_entry(kind: int, claimed_ms: int, data: cbor.Value) -> bytes:
    """The bytes that become a leaf of the device's log."""
    return (
        b"\x83"
        + cbor.encode_head(cbor.UINT, kind)
        + cbor.encode_head(cbor.UINT, claimed_ms)
        + cbor.encode(data)
    )


def parse_entry(raw: bytes, place: str = "device-log entry") -> Entry:
    """An entry from its bytes. Raises: Malformed."""
    found = cbor.decode(raw, place)
    if not isinstance(found, list) or len(found) != 3:
        raise Malformed(place, "[kind, claimed_ms, data]", type(found).__name__)
    kind, claimed_ms, data = found
    if type(kind) is not int or type(claimed_ms) is not int or kind < 0 or claimed_ms < 0:
        raise Malformed(
            place, "kind and claimed_ms as unsigned integers", f"{kind!r:.30}, {claimed_ms!r:.30}"
        )
    return Entry(kind, claimed_ms, data)


class Continuation(Enum):
    """How a new head stands to the old one."""

    WHOLE = "the old log and every new entry are in the new head"
    MISSING = "the entries between the heads were not given"
    DIFFERENT = "the new head continues the old one, but the entries given are not those in it"
    INCONSISTENT = "the new head does not continue the old one"


def continuation(part: LogPart | None, old: tuple[int, bytes], new: tuple[int, bytes]) -> Continuation:
    """Whether `new` (size, root) continues `old`, and whether all entries between them are at hand."""
    old_size, old_root = old
    new_size, new_root = new
    if part is None or part.start != old_size:
        return Continuation.MISSING
    try:
        tree.verify_consistency(old_size, new_size, part.proof, old_root, new_root)  # RFC 9162 2.1.4.2
    except ProofError:
        return Continuation.INCONSISTENT
    if len(part.entries) < new_size - old_size:
        return Continuation.MISSING
    peaks = peaks_of(old_size, new_size, part.proof, old_root)
    if root_after(old_size, peaks, part.entries) != new_root:
        return Continuation.DIFFERENT
    return Continuation.WHOLE


def peaks_of(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes) -> list[bytes]:
    """The roots of the complete subtrees of the old tree, left to right, out of a consistency proof that was
    verified.

    The proof holds them all (RFC 6962 2.1.2), except where the old tree is complete: then its root is the
    only one.
    """
    if old_size == 0:
        return []
    if old_size == new_size or old_size & (old_size - 1) == 0:
        return [old_root]
    ranges = tree.consistency_ranges(old_size, new_size)
    return [value for (_, end), value in sorted(zip(ranges, proof, strict=True)) if end <= old_size]


def root_after(old_size: int, peaks: Sequence[bytes], entries: Sequence[bytes]) -> bytes:
    """The root of the tree of `old_size` leaves with these peaks, after it has taken these entries."""
    stack = list(peaks)
    size = old_size
    for entry in entries:
        value = tree.leaf_hash(entry)
        carry = size
        while carry & 1:  # A carry in the binary count of leaves joins two complete subtrees of equal height.
            value = tree.node_hash(stack.pop(), value)
            carry >>= 1
        stack.append(value)
        size += 1
    return tree.fold(stack) if stack else tree.EMPTY_ROOT
