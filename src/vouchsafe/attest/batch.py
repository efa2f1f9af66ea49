"""The ingest batch: a CBOR sequence (RFC 8742) of items, as a gateway sends it
(docs/formats/ingest-batch.md).

item = [ueid bstr33, fmt uint, evidence bstr, gateway_ms uint, ? [from uint, [hash bstr32...], [entry
bstr...]]]

The fifth element is the part of the device's measurement log since the head that the device last attested:
the entries from index `from` on, and the RFC 6962 consistency proof from `from` to the head in the evidence.

>>> item = make_item(b"\\x01" + bytes(32), FMT_EAT, b"evidence", 1766361600000)
>>> [one.evidence for one in decode(item.raw * 2)]
[b'evidence', b'evidence']
>>> decode(item.raw + b"\\x80")
Traceback (most recent call last):
vouchsafe.attest.errors.Malformed: item 1 at byte 55: expected an array of 4 to 5 items, got 0 items
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor

MEDIA_TYPE = "application/cbor-seq"
FMT_EAT, FMT_TPM2 = 1, 2


class LogPart(NamedTuple):
    """Entries of a device's measurement log from index `start`, and the consistency proof from `start` to the
    new head.
    """

    start: int
    proof: tuple[bytes, ...]
    entries: tuple[bytes, ...]


class Item(NamedTuple):
    """One piece of evidence with its way. `gateway_ms` is the gateway's own word. `raw`: the item's bytes as
    they came.
    """

    ueid: bytes
    fmt: int
    evidence: bytes
    gateway_ms: int
    log: LogPart | None
    raw: bytes


def encode_item(ueid: bytes, fmt: int, evidence: bytes, gateway_ms: int, log: LogPart | None = None) -> bytes:
    """The bytes of one item."""
    parts = [
        b"\x85" if log else b"\x84",
        cbor.encode_bytes(ueid),
        cbor.encode_head(cbor.UINT, fmt),
        cbor.encode_bytes(evidence),
        cbor.encode_head(cbor.UINT, gateway_ms),
    ]
    if log:
        parts += [
            b"\x83",
            cbor.encode_head(cbor.UINT, log.start),
            cbor.encode_head(cbor.ARRAY, len(log.proof)),
        ]
        parts += [cbor.encode_bytes(one) for one in log.proof]
        parts += [cbor.encode_head(cbor.ARRAY, len(log.entries))]
        parts += [cbor.encode_bytes(one) for one in log.entries]
    return b"".join(parts)


def make_item(ueid: bytes, fmt: int, evidence: bytes, gateway_ms: int, log: LogPart | None = None) -> Item:
    """An `Item` with its bytes."""
    return Item(ueid, fmt, evidence, gateway_ms, log, encode_item(ueid, fmt, evidence, gateway_ms, log))


def encode(items: Iterable[Item]) -> bytes:
    """The body of a batch."""
    return b"".join([item.raw for item in items])


def _read_log(reader: cbor.Reader) -> LogPart:
    reader.array(3, 3)
    start = reader.uint()
    proof = tuple([reader.bstr(32, 32) for _ in range(reader.array(0, limits.MAX_LOG_HASHES))])
    count = reader.array(0, limits.MAX_LOG_ENTRIES)
    return LogPart(start, proof, tuple([reader.bstr(1, limits.MAX_LOG_ENTRY_BYTES) for _ in range(count)]))


def read_items(body: bytes) -> Iterator[Item]:
    """The items one after another; `Malformed` at the first that is not one, after those before it were
    yielded.
    """
    reader = cbor.Reader(body, "batch")
    number = 0
    while reader.pos < len(body):
        start = reader.pos
        reader.place = f"item {number}"
        parts = reader.array(4, 5)
        ueid = reader.bstr(33, 33)
        fmt = reader.uint(255)
        evidence = reader.bstr(1, limits.MAX_EVIDENCE_BYTES)
        gateway_ms = reader.uint()
        log = _read_log(reader) if parts == 5 else None
        yield Item(ueid, fmt, evidence, gateway_ms, log, body[start : reader.pos])
        number += 1


def decode(
    body: bytes, *, max_items: int = limits.MAX_BATCH_ITEMS, max_bytes: int = limits.MAX_BATCH_BYTES
) -> list[Item]:
    """All items of a batch, or none.

    Raises: Malformed, naming the item and the byte; a batch is never taken in part.
    """
    if len(body) > max_bytes:
        raise Malformed("batch", f"at most {max_bytes} bytes", f"{len(body)} bytes")
    items: list[Item] = []
    for item in read_items(body):
        if len(items) == max_items:
            raise Malformed("batch", f"at most {max_items} items", "more")
        items.append(item)
    if not items:
        raise Malformed("batch", "at least 1 item", "an empty body")
    return items
