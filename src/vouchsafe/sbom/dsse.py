"""DSSE envelopes: a payload of any bytes, signed with its type. Ed25519 and ECDSA P-256.

Ed25519 follows the one rule of `vouchsafe.ledger.ed25519`; P-256 signatures are DER, as most signers of envelopes
write them, or r || s (`vouchsafe.ledger.ecdsa`).

Source: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md. What `verify` returns is the very
bytes that were verified; an envelope is never parsed a second time. A key id is a hint: it picks the key to
try first, and proves nothing.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from vouchsafe.ledger import ecdsa
from vouchsafe.ledger import ed25519 as one_rule
from vouchsafe.sbom import jsontext
from vouchsafe.sbom.errors import BadSignature, Malformed, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

_STANDARD = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]*={0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope taken apart, nothing verified yet. `signatures` are (key id or empty, signature)."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """A payload that trusted keys signed. `key_ids` are those keys' own ids, not the envelope's hints."""

    payload_type: str
    payload: bytes
    key_ids: tuple[str, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: the pre-authentication encoding of type and payload.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def key_id(key: PublicKey) -> str:
    """The id of a public key: the hex SHA-256 of its SubjectPublicKeyInfo."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def sign(payload_type: str, payload: bytes, keys: Sequence[PrivateKey]) -> bytes:
    """An envelope with one signature a key, as JSON."""
    message = pae(payload_type, payload)
    signatures = []
    for key in keys:
        if isinstance(key, ed25519.Ed25519PrivateKey):
            signature = key.sign(message)
        else:
            _require_p256(key.curve)
            signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
        signatures.append({"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()})
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": signatures,
    }
    return json.dumps(envelope, ensure_ascii=True, separators=(",", ":")).encode()


def parse(data: bytes, *, limits: Limits = DEFAULT) -> Envelope:
    """The envelope in `data`, not verified.

    Raises:
        Malformed: not a DSSE envelope.
        TooLarge: past a limit.
    """
    value = jsontext.parse(data, limits=limits)
    if not isinstance(value, dict):
        raise Malformed("$", "a DSSE envelope (an object)", shown(value))
    kind = value.get("payloadType")
    if not isinstance(kind, str) or not kind:
        raise Malformed("$.payloadType", "text", shown(kind))
    payload = _base64(value.get("payload"), "$.payload")
    raw = value.get("signatures")
    if not isinstance(raw, list) or not raw:
        raise Malformed("$.signatures", "at least one signature", shown(raw) if raw != [] else "none")
    if len(raw) > limits.max_signatures:
        raise TooLarge("$.signatures", f"at most {limits.max_signatures}", str(len(raw)))
    signatures = []
    for i, item in enumerate(raw):
        if not isinstance(item, dict):
            raise Malformed(f"$.signatures[{i}]", "an object", shown(item))
        hint = item.get("keyid")
        if hint is not None and not isinstance(hint, str):
            raise Malformed(f"$.signatures[{i}].keyid", "text", shown(hint))
        signatures.append((hint or "", _base64(item.get("sig"), f"$.signatures[{i}].sig")))
    return Envelope(kind, payload, tuple(signatures))


def verify(
    data: bytes, keys: Sequence[PublicKey], *, payload_type: str, least: int = 1, limits: Limits = DEFAULT
) -> Verified:
    """The payload of an envelope that at least `least` of the trusted `keys` signed as `payload_type`.

    Raises:
        Malformed: not a DSSE envelope.
        BadSignature: too few trusted keys signed these bytes, or they were signed as something else.
    """
    envelope = parse(data, limits=limits)
    if envelope.payload_type != payload_type:
        raise BadSignature(
            f"$.payloadType: expected {shown(payload_type)}, got {shown(envelope.payload_type)}"
        )
    message = pae(envelope.payload_type, envelope.payload)
    good: dict[str, None] = {}
    for hint, signature in envelope.signatures:
        for key in sorted(keys, key=lambda k: key_id(k) != hint):  # a hint only: the others are tried too
            if key_id(key) not in good and _holds(key, signature, message):
                good[key_id(key)] = None
                break
    if len(good) < max(least, 1):
        raise BadSignature(
            f"$.signatures: expected signatures of {max(least, 1)} trusted key(s), got {len(good)}"
            f" among {len(envelope.signatures)}"
        )
    return Verified(envelope.payload_type, envelope.payload, tuple(good))


def _holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return one_rule.is_valid(key.public_bytes_raw(), message, signature)
    _require_p256(key.curve)
    if ecdsa.is_valid(key, message, signature):  # r || s, as JOSE and COSE write it
        return True
    raw = ecdsa.raw_of_der(signature, "P-256")
    return raw is not None and ecdsa.is_valid(key, message, raw)


def _require_p256(curve: ec.EllipticCurve) -> None:
    if not isinstance(curve, ec.SECP256R1):
        raise BadSignature(f"expected an Ed25519 or P-256 key, got one on {curve.name}")


def private_key(pem: bytes, *, password: bytes | None = None) -> PrivateKey:
    """The Ed25519 or P-256 private key in a PEM file.

    Raises:
        Malformed: no such key.
    """
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as told:
        raise Malformed("key", "a PEM private key (Ed25519 or P-256)", shown(told)) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise Malformed("key", "an Ed25519 or P-256 key", type(key).__name__)


def public_key(pem: bytes) -> PublicKey:
    """The Ed25519 or P-256 public key in a PEM file.

    Raises:
        Malformed: no such key.
    """
    try:
        key: Any = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as told:
        raise Malformed("key", "a PEM public key (Ed25519 or P-256)", shown(told)) from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        fault = one_rule.public_key_fault(key.public_bytes_raw())
        if fault:
            raise Malformed("key", "an Ed25519 public key", fault)
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise Malformed("key", "an Ed25519 or P-256 key", type(key).__name__)


def _base64(value: Any, place: str) -> bytes:
    """Both alphabets (DSSE protocol: "either standard or URL-safe"), never mixed, always padded."""
    if not isinstance(value, str):
        raise Malformed(place, "base64 text", shown(value))
    if _STANDARD.fullmatch(value):
        text = value
    elif _URL_SAFE.fullmatch(value):
        text = value.replace("-", "+").replace("_", "/")
    else:
        raise Malformed(place, "base64 in one of its two alphabets", shown(value, at_most=24))
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(place, "base64 with its padding", shown(value, at_most=24)) from None
