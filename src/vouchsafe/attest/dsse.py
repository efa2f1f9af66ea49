"""DSSE envelopes (secure-systems-lab/dsse protocol.md): the bytes that are signed are the bytes that are
used.

`open_envelope` gives type, body and signatures without trusting any; `verified_body` gives the body once the
signatures hold.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from vouchsafe.attest import keys, limits
from vouchsafe.attest.errors import Malformed, NotVerified

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")


class Signature(NamedTuple):
    """One signature; `keyid` is a hint and proves nothing."""

    keyid: str
    sig: bytes


class Envelope(NamedTuple):
    """An opened envelope. `body` is what was signed, byte for byte."""

    payload_type: str
    body: bytes
    signatures: tuple[Signature, ...]


def pae(payload_type: str, body: bytes) -> bytes:
    """The Pre-Authentication Encoding: what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def _decode64(text: Any, place: str) -> bytes:
    # Both alphabets are accepted (protocol.md); Python would silently drop foreign characters, so they are
    # refused before.
    if not isinstance(text, str) or not _BASE64.match(text):
        raise Malformed(place, "base64", "other characters" if isinstance(text, str) else type(text).__name__)
    bare = text.rstrip("=")
    try:
        return base64.b64decode(
            bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4), validate=True
        )
    except binascii.Error as error:
        raise Malformed(place, "base64", str(error)) from error


def open_envelope(raw: bytes) -> Envelope:
    """The parts of an envelope, nothing verified. Raises: Malformed."""
    if len(raw) > limits.MAX_STATEMENT_BYTES:
        raise Malformed("envelope", f"at most {limits.MAX_STATEMENT_BYTES} bytes", f"{len(raw)} bytes")
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed("envelope", "JSON", str(error)[:120]) from error
    if not isinstance(found, dict) or not isinstance(found.get("payloadType"), str):
        raise Malformed("envelope", "an object with payloadType", type(found).__name__)
    signatures = found.get("signatures")
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= 16:
        raise Malformed("envelope.signatures", "an array of 1 to 16", type(signatures).__name__)
    read = []
    for number, one in enumerate(signatures):
        place = f"envelope.signatures[{number}]"
        if not isinstance(one, dict) or not isinstance(one.get("keyid", ""), str):
            raise Malformed(place, "an object with sig and a text keyid", type(one).__name__)
        read.append(Signature(one.get("keyid", ""), _decode64(one.get("sig"), f"{place}.sig")))
    return Envelope(found["payloadType"], _decode64(found.get("payload"), "envelope.payload"), tuple(read))


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
    if alg != keys.P256:
        return False
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        return False
    if max(r, s) >> 256:
        return False
    return keys.verify(alg, public, message, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


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
