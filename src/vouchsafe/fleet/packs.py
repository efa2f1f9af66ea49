"""Evidence packs: raw items with their salts, durable before anything is decided about them.

n times (u32 BE length || salt32 || payload), named by SHA-256; a leaf's `commit` is SHA-256 of the stored
slice (evidence.md 1.4). What a leaf commits to is the whole item as the gateway sent it.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from vouchsafe.fleet.chain import pack_name
from vouchsafe.ledger.errors import Exists
from vouchsafe.ledger.leaves import SALT_BYTES
from vouchsafe.ledger.stores import Store


def put(store: Store, payloads: Iterable[bytes]) -> tuple[bytes, list[tuple[int, int, str]]]:
    """Write one pack; its SHA-256, and offset, length and commitment of each slice.

    Durable when it returns.
    """
    parts: list[bytes] = []
    slices: list[tuple[int, int, str]] = []
    at = 0
    salts = _salts()
    for payload in payloads:
        piece = next(salts) + payload
        parts += [len(piece).to_bytes(4, "big"), piece]
        slices.append((at + 4, len(piece), sha256(piece).hexdigest()))
        at += 4 + len(piece)
    data = b"".join(parts)
    name = sha256(data).digest()
    try:
        store.create(pack_name(name), data)
    except Exists:  # equal salts: this very pack was written before
        pass
    return name, slices


def _salts(each: int = 512) -> Iterator[bytes]:  # one system call for many salts
    while True:
        block = secrets.token_bytes(SALT_BYTES * each)
        for n in range(each):
            yield block[n * SALT_BYTES : (n + 1) * SALT_BYTES]


def read(pack: bytes) -> Sequence[tuple[int, bytes, bytes]]:
    """(offset, salt, payload) of every slice. Raises: ValueError when the bytes are no pack."""
    found = []
    at = 0
    while at < len(pack):
        length = int.from_bytes(pack[at : at + 4], "big")
        piece = pack[at + 4 : at + 4 + length]
        if length < SALT_BYTES or len(piece) != length:
            raise ValueError(f"evidence pack byte {at}: expected a slice of {length} bytes, got {len(piece)}")
        found.append((at + 4, piece[:SALT_BYTES], piece[SALT_BYTES:]))
        at += 4 + length
    return found
