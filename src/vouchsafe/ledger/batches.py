"""Batch objects: the leaves of one append, durable before their indexes are.

n times (u16 BE length || leaf || evidence pack's SHA-256 || u32 BE offset || u32 BE length). The object's
name holds the SHA-256 of its bytes. It stays for good, because it says where each leaf's payload lies.
"""

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from .errors import Malformed, Tampered, brief
from .limits import MAX_BATCH, MAX_LEAF_BYTES

NO_PACK = bytes(32)
_TAIL = struct.Struct(">32sII")
MAX_BATCH_BYTES = MAX_BATCH * (2 + MAX_LEAF_BYTES + _TAIL.size)
_NAME = re.compile(r"batch/([0-9a-f]{64})/(\d{1,19})-(\d{1,19})-([0-9a-f]{64})\Z", re.ASCII)


class Item(NamedTuple):
    """A leaf's bytes and where its payload lies; a pack of 32 zero bytes: nowhere in the store."""

    leaf: bytes
    pack: bytes = NO_PACK
    offset: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A committed batch: entries first..next-1 of a log and the object that holds them."""

    first: int
    next: int
    name: str
    sha256: bytes


def encode(items: Iterable[Item]) -> bytes:
    """The bytes of a batch object."""
    pack = _TAIL.pack
    return b"".join(
        len(item.leaf).to_bytes(2, "big") + item.leaf + pack(item.pack, item.offset, item.length)
        for item in items
    )


def locate(data: bytes, count: int, place: str = "batch") -> list[int]:
    """Where each item begins, without reading any. Raises: Malformed unless there are exactly `count`."""
    starts: list[int] = []
    at, end, tail = 0, len(data), _TAIL.size
    for number in range(count):
        if at + 2 > end:
            raise Malformed(f"{place} item {number}", "a length of 2 bytes", f"{end - at} bytes left")
        starts.append(at)
        at += 2 + (data[at] << 8 | data[at + 1]) + tail
        if at > end:
            left = end - starts[-1] - 2
            raise Malformed(f"{place} item {number}", f"{at - starts[-1] - 2} bytes", f"{left} bytes left")
    if at != end:
        raise Malformed(place, f"{count} items and nothing after them", f"{end - at} more bytes")
    return starts


def item(data: bytes, start: int) -> Item:
    """The item that begins at `start`, as `locate` says."""
    tail = start + 2 + (data[start] << 8 | data[start + 1])
    return Item(data[start + 2 : tail], *_TAIL.unpack_from(data, tail))


def parse(data: bytes, count: int, place: str = "batch") -> list[Item]:
    """The items of a batch object. Raises: Malformed unless there are exactly `count`."""
    return [item(data, start) for start in locate(data, count, place)]


def origin_id(origin: str) -> str:
    """The log's name in object names: hex SHA-256 of its origin."""
    return sha256(origin.encode()).hexdigest()


def row_of(origin: str, first: int, following: int, data: bytes) -> BatchRow:
    """The row of a batch object; its name is `batch/<origin id>/<first>-<next>-<sha256>`."""
    digest = sha256(data).digest()
    return BatchRow(first, following, f"batch/{origin_id(origin)}/{first}-{following}-{digest.hex()}", digest)


def check_bytes(row: BatchRow, origin: str, data: bytes) -> None:
    """The bytes are those of a committed batch: they are hashed again. Raises: Tampered."""
    found = sha256(data).digest()
    if found != row.sha256:
        raise Tampered(row.name, f"SHA-256 {row.sha256.hex()}", found.hex())
    match = _NAME.match(row.name)
    stated = match.groups() if match else ()
    if stated != (origin_id(origin), str(row.first), str(row.next), found.hex()):
        raise Tampered(row.name, f"the batch {row.first}-{row.next} of {brief(origin)}", "another name")


def check(row: BatchRow, origin: str, data: bytes) -> list[Item]:
    """The items of a committed batch, after its bytes were hashed again. Raises: Tampered, Malformed."""
    check_bytes(row, origin, data)
    return parse(data, row.next - row.first, row.name)
