"""COSE_Sign1 (RFC 9052 4.2, 4.4): read, write, and verify under a key whose algorithm is already known.

`parse` gives the parts and checks nothing about trust; `Sign1.verify` checks the signature alone. What our
profile asks on top (tag 18, `alg` and `kid` protected, nothing else) is in `eat.parse`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from vouchsafe.attest import keys, limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor

ALG, CRIT, KID, X5CHAIN = 1, 2, 4, 33

# COSE algorithm numbers (RFC 9864, RFC 9053) and the key that each needs. -8 and -7 are accepted on input
# only.
KEY_OF_ALG = {-19: keys.ED25519, -8: keys.ED25519, -9: keys.P256, -7: keys.P256}
ALG_OF_KEY = {keys.ED25519: -19, keys.P256: -9}


class Sign1(NamedTuple):
    """The parts of a COSE_Sign1 message, as they came."""

    protected: bytes
    headers: Mapping[int | str, cbor.Value]
    unprotected: dict[int | str, cbor.Value]
    payload: bytes
    signature: bytes

    def signed_bytes(self, external_aad: bytes = b"") -> bytes:
        """The Sig_structure. An empty protected map counts as a zero-length string (RFC 9052 4.4)."""
        protected = b"" if self.protected == b"\xa0" else self.protected
        return (
            b"\x84\x6aSignature1"
            + cbor.encode_bytes(protected)
            + cbor.encode_bytes(external_aad)
            + cbor.encode_bytes(self.payload)
        )

    def verify(self, alg: str, public: bytes, *, external_aad: bytes = b"") -> bool:
        """Whether the signature holds under this key. The algorithm is the key's, never the message's."""
        return keys.verify(alg, public, self.signed_bytes(external_aad), self.signature)


def parse(raw: bytes, *, tagged: bool = True) -> Sign1:
    """The parts of one COSE_Sign1 message that fills `raw`. Raises: Malformed."""
    if len(raw) > limits.MAX_EVIDENCE_BYTES:
        raise Malformed("evidence", f"at most {limits.MAX_EVIDENCE_BYTES} bytes", f"{len(raw)} bytes")
    reader = cbor.Reader(raw, "evidence")
    if tagged:
        if raw[:1] != b"\xd2":
            reader.fail(0, "CBOR tag 18 (COSE_Sign1)", raw[:1].hex() or "no bytes")
        reader.pos = 1
    reader.array(4, 4)
    protected = reader.bstr(0, 1024)
    unprotected = _headers(reader.value(3), "unprotected header")
    payload = reader.bstr(0, limits.MAX_EVIDENCE_BYTES)
    signature = reader.bstr(0, 1024)
    reader.end()
    headers = _protected(protected)
    if not headers.keys().isdisjoint(unprotected):  # RFC 9052 3: a label in both buckets is malformed
        raise Malformed("unprotected header", "labels that the protected header lacks", "a label in both")
    return Sign1(protected, headers, unprotected, payload, signature)


@lru_cache(maxsize=16_384)
def _protected(raw: bytes) -> Mapping[int | str, cbor.Value]:
    """The protected header. A device's is the same each time, so most are read once."""
    return _headers(cbor.decode(raw, "protected header"), "protected header") if raw else {}


def _headers(value: cbor.Value, place: str) -> dict[int | str, cbor.Value]:
    if not isinstance(value, dict):
        raise Malformed(place, "a map", type(value).__name__)
    return value


def protect(alg: str, key_id: bytes) -> bytes:
    """The protected header of our profile."""
    return b"\xa2\x01" + cbor.encode(ALG_OF_KEY[alg]) + b"\x04" + cbor.encode_bytes(key_id)


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """What the device's key signs."""
    return b"\x84\x6aSignature1" + cbor.encode_bytes(protected) + b"\x40" + cbor.encode_bytes(payload)


def assemble(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """The message, tag 18, with an empty unprotected header."""
    parts = cbor.encode_bytes(protected), b"\xa0", cbor.encode_bytes(payload), cbor.encode_bytes(signature)
    return b"\xd2\x84" + b"".join(parts)
