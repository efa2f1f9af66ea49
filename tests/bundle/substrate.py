"""The formats under a bundle, written from their specifications alone: notes, trees, logs, CBOR, DSSE.

Nothing of `vouchsafe` is used here; `forge` builds bundles of it.
"""

import base64
import dataclasses
import hashlib
import json
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

AUTHORITY = "demo.fellside.example"
T0 = 1_795_000_000_000
RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def ed_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha(b"test key " + name.encode()))


def ed_public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(*RAW)


def vkey(name: str, key: Ed25519PrivateKey, kind: int = 1) -> str:
    raw = bytes([kind]) + ed_public(key)
    key_id = sha(name.encode() + b"\n" + raw)[:4].hex()
    return f"{name}+{key_id}+{base64.b64encode(raw).decode()}"


def p256_vkey(name: str, key: ec.EllipticCurvePrivateKey) -> str:
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"{name}+{sha(spki)[:4].hex()}+{base64.b64encode(b'%c' % 2 + spki).decode()}"


def note_line(name: str, key: Ed25519PrivateKey, text: bytes) -> bytes:
    key_id = sha(name.encode() + b"\n\x01" + ed_public(key))[:4]
    return b"\xe2\x80\x94 " + name.encode() + b" " + base64.b64encode(key_id + key.sign(text)) + b"\n"


def cosignature_line(name: str, key: Ed25519PrivateKey, text: bytes, when: int) -> bytes:
    key_id = sha(name.encode() + b"\n\x04" + ed_public(key))[:4]
    signature = key.sign(f"cosignature/v1\ntime {when}\n".encode() + text)
    blob = key_id + struct.pack(">Q", when) + signature
    return b"\xe2\x80\x94 " + name.encode() + b" " + base64.b64encode(blob) + b"\n"


def tree_hash(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962 2.1, straight from its definition."""
    if not entries:
        return sha(b"")
    if len(entries) == 1:
        return sha(b"\0" + entries[0])
    k = 1 << (len(entries) - 1).bit_length() - 1
    return sha(b"\1" + tree_hash(entries[:k]) + tree_hash(entries[k:]))


def inclusion(index: int, entries: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 2.1.1."""
    if len(entries) <= 1:
        return []
    k = 1 << (len(entries) - 1).bit_length() - 1
    if index < k:
        return [*inclusion(index, entries[:k]), tree_hash(entries[k:])]
    return [*inclusion(index - k, entries[k:]), tree_hash(entries[:k])]


def consistency(m: int, entries: list[bytes], whole: bool = True) -> list[bytes]:
    """PROOF and SUBPROOF of RFC 6962 2.1.2."""
    n = len(entries)
    if m == 0:
        return []
    if m == n:
        return [] if whole else [tree_hash(entries)]
    k = 1 << (n - 1).bit_length() - 1
    if m <= k:
        return [*consistency(m, entries[:k], whole), tree_hash(entries[k:])]
    return [*consistency(m - k, entries[k:], False), tree_hash(entries[:k])]


@dataclasses.dataclass
class Log:
    """One log: entries in order, chained a subject at a time."""

    name: str
    key: Ed25519PrivateKey
    entries: list[bytes] = dataclasses.field(default_factory=list)
    heads: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    payloads: dict[int, bytes] = dataclasses.field(default_factory=dict)
    at: int = T0

    @property
    def origin(self) -> str:
        return f"{AUTHORITY}/{self.name}"

    def append(
        self, kind: str, subj: str, payload: bytes, *, by: str = "s:worker", at: int = 0, **facts: Any
    ) -> int:
        seq, pix = self.heads.get(subj, (-1, -1))
        prev = sha(b"\0" + self.entries[pix]).hex() if pix >= 0 else "0" * 64
        salt = sha(b"salt" + self.name.encode() + struct.pack(">I", len(self.entries)))
        self.at = at or self.at + 60_000
        leaf = {"at": self.at, "by": by, "commit": sha(salt + payload).hex(), "facts": {**facts, "pix": pix}}
        leaf |= {"kind": kind, "prev": prev, "seq": seq + 1, "subj": subj, "v": 1}
        index = len(self.entries)
        self.entries.append(canonical(leaf))
        self.payloads[index] = salt + payload
        self.heads[subj] = (seq + 1, index)
        return index

    def body(self) -> bytes:
        root = base64.b64encode(tree_hash(self.entries)).decode()
        return f"{self.origin}\n{len(self.entries)}\n{root}\n".encode()

    def note(self, *more: bytes) -> bytes:
        return self.body() + b"\n" + note_line(self.origin, self.key, self.body()) + b"".join(more)

    def proof(self, index: int, note: bytes) -> bytes:
        lines = ["c2sp.org/tlog-proof@v1", f"index {index}"]
        lines += [base64.b64encode(h).decode() for h in inclusion(index, self.entries)]
        return ("\n".join(lines) + "\n\n").encode() + note


def cbor(value: Any) -> bytes:
    """Deterministic CBOR of ints, bytes, text, bools, None, lists and maps (RFC 8949 4.2.1)."""

    def head(major: int, n: int) -> bytes:
        for info, limit, form in ((0, 24, ""), (24, 1 << 8, ">B"), (25, 1 << 16, ">H"), (26, 1 << 32, ">I")):
            if n < limit:
                return bytes([major << 5 | (info or n)]) + (struct.pack(form, n) if form else b"")
        return bytes([major << 5 | 27]) + struct.pack(">Q", n)

    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case None:
            return b"\xf6"
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            items = sorted((cbor(k), cbor(v)) for k, v in value.items())
            return head(5, len(items)) + b"".join(k + v for k, v in items)
    raise TypeError(type(value))


def sign_as_dsse(key: Any, message: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def envelope(kind: str, body: bytes, keys: list[Any]) -> bytes:
    """A DSSE envelope."""
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(body), body)
    signatures = [
        {"keyid": str(n), "sig": base64.b64encode(sign_as_dsse(k, message)).decode()}
        for n, k in enumerate(keys)
    ]
    return json.dumps(
        {"payload": base64.b64encode(body).decode(), "payloadType": kind, "signatures": signatures}
    ).encode()
