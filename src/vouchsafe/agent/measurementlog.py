"""The device's append-only measurement log, in O(log n) memory.

A device need not keep its whole log. It keeps the roots of the complete subtrees ("peaks") of the tree at the
size that it attested last, and the entries since. From these come the head, and the RFC 6962 consistency
proof from the last attested size to the head: each hash of that proof is either an old peak or made of new
entries alone. Source: RFC 6962 2.1, 2.1.2; docs/formats/measurement-log.md.
"""

from __future__ import annotations

from typing import NamedTuple

from vouchsafe.attest.batch import LogPart
from vouchsafe.ledger import tree


class LogState(NamedTuple):
    """What must survive a power loss."""

    attested_size: int
    attested_peaks: tuple[bytes, ...]
    entries: tuple[bytes, ...]


class MeasurementLog:
    """An append-only log: `append` before anything happens, `part` and `head` for evidence, `mark_attested`
    after it.
    """

    def __init__(self, state: LogState = LogState(0, (), ())) -> None:
        self._attested_size = state.attested_size
        self._attested_peaks = list(state.attested_peaks)
        self._entries = list(state.entries)
        self._hashes = [tree.leaf_hash(entry) for entry in state.entries]
        self._peaks = self._attested_peaks[:]
        for number, value in enumerate(self._hashes):
            _grow(self._peaks, self._attested_size + number, value)

    @property
    def size(self) -> int:
        """The number of entries since the log was started."""
        return self._attested_size + len(self._entries)

    def append(self, entry: bytes) -> None:
        """Add one entry. On a device: write it to flash before acting on it."""
        value = tree.leaf_hash(entry)
        _grow(self._peaks, self.size, value)
        self._entries.append(entry)
        self._hashes.append(value)

    def head(self) -> tuple[int, bytes]:
        """(size, root)."""
        return self.size, tree.fold(self._peaks) if self._peaks else tree.EMPTY_ROOT

    def part(self) -> LogPart:
        """The entries since the last attested size, and the proof that the head continues it."""
        old = self._attested_size
        peaks = dict(zip(_peak_ranges(old), self._attested_peaks, strict=True))
        proof = [
            peaks[span] if span in peaks else tree.root(self._hashes[span[0] - old : span[1] - old])
            for span in tree.consistency_ranges(old, self.size)
        ]
        return LogPart(old, tuple(proof), tuple(self._entries))

    def mark_attested(self) -> None:
        """The head was attested: entries up to it may leave the device's memory."""
        self._attested_size = self.size
        self._attested_peaks = self._peaks[:]
        self._entries.clear()
        self._hashes.clear()

    def state(self) -> LogState:
        """What to store."""
        return LogState(self._attested_size, tuple(self._attested_peaks), tuple(self._entries))


def _grow(peaks: list[bytes], size: int, value: bytes) -> None:
    """Add the leaf hash that makes a tree of `size` leaves one larger, as a binary counter carries."""
    while size & 1:
        value = tree.node_hash(peaks.pop(), value)
        size >>= 1
    peaks.append(value)


def _peak_ranges(size: int) -> list[tuple[int, int]]:
    """The leaf ranges of the complete subtrees of a tree, largest first."""
    ranges = []
    start = 0
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            ranges.append((start, start + (1 << bit)))
            start += 1 << bit
    return ranges
