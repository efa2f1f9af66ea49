"""Keys of devices and stations: what is known about one, its names, and one rule for verifying.

Names: `key_id` = first 16 bytes of SHA-256(SPKI), `ueid` = 0x01 || SHA-256("udi-ueid/v1" || SPKI of the
identity key). Ed25519 follows the one rule of `vouchsafe.ledger.ed25519`, P-256 that of `ledger.ecdsa`:
signatures are r || s, 64 bytes (RFC 9053 2.1).

>>> alg, public = from_jwk({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
>>> key_id(spki(alg, public)).hex()
'06e3fd8fda29bb60ab59557de61edb0a'
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from vouchsafe.attest.errors import Malformed
from vouchsafe.ledger import ecdsa
from vouchsafe.ledger import ed25519 as ledger_ed25519

ED25519 = "Ed25519"
P256 = "P-256"
ALGS = (ED25519, P256)

# Where a private key lives. Frozen: written into leaves and statements.
KEY_ORIGINS = ("puf", "secure_element", "tpm", "dice", "software")
# How far the binding of key and device was proven, lowest first. A software key is never more than "low".
ASSURANCES = ("low", "substantial", "high")

_SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
_SPKI_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


class KeyRecord(NamedTuple):
    """What the fleet knows about one evidence key.

    `public` is 32 bytes (Ed25519) or an uncompressed point of 65 bytes (P-256). The key speaks for `ueid`
    from `t0_ms` until before `t1_ms` (None: still).
    """

    key_id: bytes
    alg: str
    public: bytes
    ueid: bytes
    origin: str
    assurance: str
    t0_ms: int = 0
    t1_ms: int | None = None


def spki(alg: str, public: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a raw public key, DER. Raises: Malformed."""
    if alg == ED25519 and len(public) == 32:
        return _SPKI_ED25519 + public
    if alg == P256 and len(public) == 65 and public[0] == 4:
        return _SPKI_P256 + public
    raise Malformed(
        "public key", "32 bytes of Ed25519 or an uncompressed P-256 point", f"{alg}, {len(public)} bytes"
    )


def from_spki(der: bytes) -> tuple[str, bytes]:
    """(algorithm, raw public key) of a SubjectPublicKeyInfo in DER. Raises: Malformed."""
    if len(der) == 44 and der.startswith(_SPKI_ED25519):
        fault = ledger_ed25519.public_key_fault(der[12:])
        if fault:
            raise Malformed("public key", "an Ed25519 public key", fault)
        return ED25519, der[12:]
    if len(der) == 91 and der.startswith(_SPKI_P256):
        point = der[26:]
        if ecdsa.public_key(P256, point) is None:
            raise Malformed("public key", "a point on P-256", "another point")
        return P256, point
    raise Malformed("public key", "a DER SubjectPublicKeyInfo of Ed25519 or P-256", f"{len(der)} other bytes")


def from_pem(pem: bytes) -> tuple[str, bytes]:
    """(algorithm, raw public key) of a PEM public key. Raises: Malformed."""
    try:
        loaded = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed("public key", "a PEM public key", str(error)[:80] or type(error).__name__) from error
    if not isinstance(loaded, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey):
        raise Malformed("public key", "Ed25519 or P-256", type(loaded).__name__)
    der = loaded.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return from_spki(der)


def from_jwk(found: Mapping[str, Any]) -> tuple[str, bytes]:
    """(algorithm, raw public key) of a JWK (RFC 7517; RFC 8037 for Ed25519). A private part is ignored."""
    kind = (found.get("kty"), found.get("crv"))
    if kind == ("OKP", "Ed25519"):
        return from_spki(spki(ED25519, _coordinate(found, "x")))
    if kind == ("EC", "P-256"):
        return from_spki(spki(P256, b"\x04" + _coordinate(found, "x") + _coordinate(found, "y")))
    raise Malformed(
        "JWK", "kty OKP with crv Ed25519, or kty EC with crv P-256", f"{kind[0]!r:.20}, {kind[1]!r:.20}"
    )


def _coordinate(found: Mapping[str, Any], name: str) -> bytes:
    text = found.get(name)
    if not isinstance(text, str) or not re.match(r"[A-Za-z0-9_-]{43}\Z", text):
        raise Malformed(f"JWK {name}", "32 bytes in base64url", f"{text!r:.60}")
    return base64.urlsafe_b64decode(text + "=")


def key_id(subject_public_key_info: bytes) -> bytes:
    """The 16 bytes that name a key in `kid`. Its first 8 bytes are the `k:` name in leaves."""
    return hashlib.sha256(subject_public_key_info).digest()[:16]


def ueid(identity_spki: bytes) -> bytes:
    """The 33-byte UEID of a device, type 0x01 (RFC 9711 4.2.1), from its stable identity key."""
    return b"\x01" + hashlib.sha256(b"udi-ueid/v1" + identity_spki).digest()


def record(
    alg: str,
    public: bytes,
    *,
    origin: str,
    assurance: str,
    ueid_: bytes | None = None,
    t0_ms: int = 0,
    t1_ms: int | None = None,
) -> KeyRecord:
    """A `KeyRecord`, its names computed from the key. Without `ueid_` the key is its own identity key."""
    if origin not in KEY_ORIGINS or assurance not in ASSURANCES:
        raise Malformed("key record", "a known origin and assurance", f"{origin}, {assurance}")
    if origin == "software" and assurance != "low":
        raise Malformed("key record", "assurance low for a software key", assurance)
    info = spki(alg, public)
    return KeyRecord(key_id(info), alg, public, ueid_ or ueid(info), origin, assurance, t0_ms, t1_ms)


def verify(alg: str, public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds. Any other algorithm, length or point: False.

    WEAKNESS: of a P-256 signature (r, s) there is a second one, (r, n - s), so the bytes of P-256 evidence can be
    altered without the key. The counter then does not advance: never affirming.
    """
    if alg == ED25519:
        return ledger_ed25519.is_valid(public, message, signature)
    key = ecdsa.public_key(P256, public) if alg == P256 else None
    return key is not None and ecdsa.is_valid(key, message, signature)
