"""Public keys in the forms in which others hand them over: PEM, DER, X.509 certificate, JWK, COSE_Key.

A certificate is a container here: its public key is taken, its chain and dates are not looked at. A PEM private key
is refused; the private members of a JWK or COSE_Key are not looked at.

>>> read(b'{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}').kind
'Ed25519'
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519

from vouchsafe.attest.errors import Malformed, NotVerified
from vouchsafe.attest.formats import anycbor
from vouchsafe.ledger import ecdsa
from vouchsafe.ledger import ed25519 as one_rule

ED25519, ED448 = "Ed25519", "Ed448"
_FORMS = "a public key: PEM, DER, certificate, JWK or COSE_Key"
_PLACE = "key"

# Names of RFC 9053 2 and RFC 9864. ES256, ES384 and ES512 name the hash, and leave the curve to the key.
NAMES = {
    -7: "ES256", -35: "ES384", -36: "ES512", -9: "ESP256", -51: "ESP384", -52: "ESP512",
    -8: "EdDSA", -19: "Ed25519", -53: "Ed448",
}  # fmt: skip
_HASHES: dict[int, hashes.HashAlgorithm] = {
    -7: hashes.SHA256(), -9: hashes.SHA256(), -35: hashes.SHA384(), -51: hashes.SHA384(),
    -36: hashes.SHA512(), -52: hashes.SHA512(),
}  # fmt: skip
_ALGS_OF = {
    "P-256": {-7, -35, -36, -9}, "P-384": {-7, -35, -36, -51}, "P-521": {-7, -35, -36, -52},
    ED25519: {-8, -19}, ED448: {-8, -53},
}  # fmt: skip
_COSE_CURVES = {1: "P-256", 2: "P-384", 3: "P-521", 6: ED25519, 7: ED448}
_EDWARDS_BYTES = {ED25519: 32, ED448: 57}


class Key(NamedTuple):
    """A public key; `alg` where it came with one: it then verifies nothing else."""

    kind: str
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
    alg: int | None = None

    def raw(self) -> bytes:
        """32 or 57 bytes of an Edwards key, the uncompressed point of another."""
        if isinstance(self.public, ec.EllipticCurvePublicKey):
            return self.public.public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
        return self.public.public_bytes_raw()

    def verify(self, alg: Any, message: bytes, signature: bytes) -> None:
        """Returns when the signature holds under this key and the algorithm that the message names.

        Raises: NotVerified, with the reason.
        """
        if type(alg) is not int or alg not in NAMES:
            raise NotVerified(f"the message names no algorithm of signatures known here: {alg!r:.40}")
        if alg not in _ALGS_OF[self.kind] or self.alg not in (None, alg):
            raise NotVerified(f"the message names {NAMES[alg]}, the key is one of {self._use()}")
        if isinstance(self.public, ec.EllipticCurvePublicKey):
            holds = ecdsa.is_valid(self.public, message, signature, _HASHES[alg])
        elif isinstance(self.public, ed25519.Ed25519PublicKey):
            holds = one_rule.is_valid(self.raw(), message, signature)
        else:
            holds = _ed448_holds(self.public, message, signature)
        if not holds:
            raise NotVerified("the signature does not hold under this key")

    def _use(self) -> str:
        return f"{self.kind} for {NAMES[self.alg]} alone" if self.alg in NAMES else self.kind


def _ed448_holds(public: ed448.Ed448PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def read(data: bytes) -> Key:
    """The public key in `data`, whichever form it has. Raises: Malformed."""
    start = data.lstrip()[:1]
    if b"-----BEGIN" in data:
        return from_pem(data)
    if start == b"{":
        return from_jwk(_json(data))
    if data[:1] == b"\x30":
        return from_der(data)
    if data[:1] and data[0] >> 5 == 5:
        return from_cose_key(anycbor.decode(data, _PLACE))
    raise Malformed(_PLACE, _FORMS, f"{len(data)} other bytes")


def from_pem(data: bytes) -> Key:
    """The key of the first PEM block, which is a public key or a certificate. Raises: Malformed."""
    block = data[data.index(b"-----BEGIN") :] if b"-----BEGIN" in data else data
    label = block[10:].split(b"-----", 1)[0].strip().decode("latin-1")
    if "PRIVATE" in label:
        raise Malformed(_PLACE, _FORMS, "a private key; keep it where it belongs")
    try:
        if label == "CERTIFICATE":
            return _of(x509.load_pem_x509_certificate(block).public_key())
        return _of(serialization.load_pem_public_key(block))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed(_PLACE, _FORMS, f"PEM that does not hold one: {str(error)[:80]}") from None


def from_der(data: bytes) -> Key:
    """The key of a SubjectPublicKeyInfo or of a certificate in DER. Raises: Malformed."""
    try:
        return _of(serialization.load_der_public_key(data))
    except (ValueError, UnsupportedAlgorithm):
        pass  # A certificate begins with the same byte.
    try:
        return _of(x509.load_der_x509_certificate(data).public_key())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed(_PLACE, _FORMS, f"DER of something else: {str(error)[:80]}") from None


def _of(public: Any) -> Key:
    if isinstance(public, ec.EllipticCurvePublicKey):
        name = ecdsa.curve_of(public)
        if name is None:
            raise Malformed(_PLACE, "a key on P-256, P-384 or P-521", f"one on {public.curve.name}")
        return Key(name, public)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return _edwards(ED25519, public.public_bytes_raw(), _PLACE)
    if isinstance(public, ed448.Ed448PublicKey):
        return Key(ED448, public)
    raise Malformed(_PLACE, "an Ed25519, Ed448, P-256, P-384 or P-521 key", type(public).__name__)


def _edwards(kind: str, raw: bytes, place: str) -> Key:
    if len(raw) != _EDWARDS_BYTES[kind]:
        raise Malformed(place, f"{_EDWARDS_BYTES[kind]} bytes of {kind}", f"{len(raw)} bytes")
    fault = one_rule.public_key_fault(raw) if kind == ED25519 else None
    if fault:
        raise Malformed(place, "an Ed25519 public key", fault)
    if kind == ED25519:
        return Key(kind, ed25519.Ed25519PublicKey.from_public_bytes(raw))
    return Key(kind, ed448.Ed448PublicKey.from_public_bytes(raw))


def _point(kind: str, x: bytes, y: bytes | bool, place: str) -> Key:
    size = ecdsa.CURVES[kind].size
    if len(x) != size or (isinstance(y, bytes) and len(y) != size):
        raise Malformed(place, f"coordinates of {size} bytes for {kind}", f"x of {len(x)} bytes")
    # RFC 9053 7.1.1: y may be the sign bit alone.
    point = bytes([2 + y]) + x if isinstance(y, bool) else b"\x04" + x + y
    public = ecdsa.public_key(kind, point)
    if public is None:
        raise Malformed(place, f"a point on {kind}", "another point")
    return Key(kind, public)


def _json(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Malformed(_PLACE, "a JWK", f"no JSON: {str(error)[:80]}") from None
    if not isinstance(found, dict):
        raise Malformed(_PLACE, "a JWK", type(found).__name__)
    return found


def from_jwk(found: Mapping[str, Any]) -> Key:
    """The key of a JWK (RFC 7517, RFC 7518 6.2, RFC 8037); a private part is ignored.

    Raises: Malformed, also for a key that says it is for something else.
    """
    kind, operations = found.get("crv"), found.get("key_ops", ["verify"])
    if found.get("use", "sig") != "sig":  # RFC 7517 4.2
        raise Malformed("JWK use", "sig", f"{found['use']!r:.60}")
    if not isinstance(operations, list) or "verify" not in operations:  # RFC 7517 4.3
        raise Malformed("JWK key_ops", "verify among them", f"{operations!r:.60}")
    if found.get("kty") == "EC" and kind in ecdsa.CURVES:
        key = _point(str(kind), _field(found, "x"), _field(found, "y"), "JWK")
    elif found.get("kty") == "OKP" and kind in _EDWARDS_BYTES:
        key = _edwards(str(kind), _field(found, "x"), "JWK x")
    else:
        raise Malformed(
            "JWK", "kty EC or OKP with a curve known here", f"{found.get('kty')!r:.20}, {kind!r:.20}"
        )
    if "alg" not in found:
        return key
    algs = {name: number for number, name in NAMES.items()}
    return _bound(key, algs.get(str(found["alg"])), found["alg"], "JWK alg")


def _field(found: Mapping[str, Any], name: str) -> bytes:
    text = found.get(name)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", text):
        raise Malformed(f"JWK {name}", "base64url without padding", f"{text!r:.60}")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Malformed(f"JWK {name}", "base64url without padding", f"{text!r:.60}") from None


def from_cose_key(found: Any) -> Key:
    """The key of a COSE_Key that `anycbor.decode` gave (RFC 9052 7, RFC 9053 7). Raises: Malformed."""
    place = "COSE_Key"
    if not isinstance(found, dict):
        raise Malformed(place, "a map", type(found).__name__)
    operations = found.get(4)
    if operations is not None and (not isinstance(operations, list) or 2 not in operations):
        raise Malformed(f"{place} key_ops", "verify (2) among them", f"{operations!r:.60}")
    curve = found.get(-1)
    kind = _COSE_CURVES.get(curve, "") if type(curve) is int else ""
    x, y = found.get(-2), found.get(-3)
    if not isinstance(x, bytes):
        raise Malformed(f"{place} x", "a byte string", type(x).__name__)
    if found.get(1) == 2 and kind in ecdsa.CURVES:
        if not isinstance(y, bytes | bool):
            raise Malformed(f"{place} y", "a byte string or the sign bit", type(y).__name__)
        key = _point(kind, x, y, place)
    elif found.get(1) == 1 and kind in _EDWARDS_BYTES:
        key = _edwards(kind, x, f"{place} x")
    else:
        raise Malformed(
            place, "kty 1 or 2 with a curve known here", f"kty {found.get(1)!r:.20}, crv {curve!r:.20}"
        )
    return key if 3 not in found else _bound(key, found[3], found[3], f"{place} alg")


def _bound(key: Key, alg: Any, named: Any, place: str) -> Key:
    if type(alg) is not int or alg not in _ALGS_OF[key.kind]:
        raise Malformed(place, f"an algorithm of {key.kind}", f"{named!r:.40}")
    return key._replace(alg=alg)
