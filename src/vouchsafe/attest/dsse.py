"""DSSE envelopes of statements: the bytes that are signed are the bytes that are used.

`open_envelope` gives type, body and signatures without trusting any; `verified_body` gives the body once the
signatures hold. The envelope is read by `vouchsafe.sbom.dsse`, so there is one reader of DSSE; here are the
limits of a statement, several signers who must all have signed, and keys as `attest.keys` holds them.

>>> from vouchsafe.attest import keys
>>> from vouchsafe.ledger import ed25519
>>> seed = bytes(range(32))
>>> raw = seal("text/plain", b"hello", [("", lambda message: ed25519.sign(seed, message))])
>>> signer = ("the station", keys.ED25519, ed25519.public_of(seed))
>>> verified_body(open_envelope(raw), "text/plain", [signer])
b'hello'
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

from vouchsafe.attest import keys, limits
from vouchsafe.attest.errors import Malformed, NotVerified
from vouchsafe.ledger import ecdsa
from vouchsafe.sbom import dsse
from vouchsafe.sbom.dsse import pae
from vouchsafe.sbom.errors import Malformed as NotAnEnvelope
from vouchsafe.sbom.limits import Limits

__all__ = ["Envelope", "Signature", "open_envelope", "pae", "seal", "verified_body"]

_LIMITS = Limits(
    max_bytes=limits.MAX_STATEMENT_BYTES, max_depth=16, max_signatures=limits.MAX_STATEMENT_SIGNATURES
)


class Signature(NamedTuple):
    """One signature; `keyid` is a hint and proves nothing."""

    keyid: str
    sig: bytes


class Envelope(NamedTuple):
    """An opened envelope. `body` is what was signed, byte for byte."""

    payload_type: str
    body: bytes
    signatures: tuple[Signature, ...]


def open_envelope(raw: bytes) -> Envelope:
    """The parts of an envelope, nothing verified. Raises: Malformed."""
    try:
        found = dsse.parse(raw, limits=_LIMITS)
    except NotAnEnvelope as told:
        place = told.place[1:] if told.place.startswith("$") else f" {told.place}"
        raise Malformed(f"envelope{place}", told.expected, told.got) from None
    signatures = tuple(Signature(hint, sig) for hint, sig in found.signatures)
    return Envelope(found.payload_type, found.payload, signatures)


def seal(payload_type: str, body: bytes, signers: Sequence[tuple[str, Callable[[bytes], bytes]]]) -> bytes:
    """An envelope with one signature for each (keyid, sign)."""
    message = pae(payload_type, body)
    signatures = [
        {"keyid": keyid, "sig": base64.b64encode(sign(message)).decode()} for keyid, sign in signers
    ]
    found = {
        "payload": base64.b64encode(body).decode(),
        "payloadType": payload_type,
        "signatures": signatures,
    }
    return orjson.dumps(found)


def _holds(alg: str, public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds; ECDSA may be r || s or DER, which most signers of envelopes write."""
    if keys.verify(alg, public, message, signature):
        return True
    raw = ecdsa.raw_of_der(signature, keys.P256) if alg == keys.P256 else None
    return raw is not None and keys.verify(alg, public, message, raw)


def verified_body(envelope: Envelope, payload_type: str, signers: Sequence[tuple[str, str, bytes]]) -> bytes:
    """The body, when the type is this one and each (name, algorithm, public key) has signed it.

    Raises: Malformed for another type, NotVerified naming the first signer whose signature is missing.
    """
    if envelope.payload_type != payload_type:
        raise Malformed("envelope.payloadType", payload_type, envelope.payload_type[:120])
    message = pae(payload_type, envelope.body)
    for name, alg, public in signers:
        if not any(_holds(alg, public, message, one.sig) for one in envelope.signatures):
            raise NotVerified(f"no signature of {name} holds over this envelope")
    return envelope.body
