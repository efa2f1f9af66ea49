"""ECDSA signatures on the NIST curves under one rule: r || s of fixed length, r and s in 1..n-1, a point on the curve.

DER is taken where its format says so (DSSE), by turning it into r || s first. High s is taken: FIPS 186-5 and RFC
9053 do not ask for the lower one, and secure elements do not normalise. So a signature can be altered into a second
one by anybody; whoever needs one signature a statement must name it by the statement, never by the signature.

>>> from cryptography.hazmat.primitives import hashes
>>> from cryptography.hazmat.primitives.asymmetric import ec
>>> private = ec.derive_private_key(7, ec.SECP256R1())
>>> raw = raw_of_der(private.sign(b"text", ec.ECDSA(hashes.SHA256())), "P-256")
>>> is_valid(private.public_key(), b"text", raw), is_valid(private.public_key(), b"other", raw)
(True, False)
"""

from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature


class Curve(NamedTuple):
    """A curve, the order of its group, and the bytes of one coordinate. Source: FIPS 186-5, SP 800-186 3.2.1."""

    curve: ec.EllipticCurve
    order: int
    size: int


CURVES = {
    "P-256": Curve(ec.SECP256R1(), 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551, 32),
    "P-384": Curve(
        ec.SECP384R1(),
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        48,
    ),
    "P-521": Curve(
        ec.SECP521R1(),
        int("1" + "F" * 65 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
        66,
    ),
}
_NAMES = {found.curve.name: name for name, found in CURVES.items()}
_SHA256 = hashes.SHA256()


def curve_of(key: ec.EllipticCurvePublicKey) -> str | None:
    """`P-256`, `P-384` or `P-521`; None for every other curve."""
    return _NAMES.get(key.curve.name)


@lru_cache(maxsize=4096)
def public_key(curve: str, point: bytes) -> ec.EllipticCurvePublicKey | None:
    """The key of a point in SEC 1 form (0x04 || x || y, or compressed); None unless it lies on the curve.

    The point at infinity and the hybrid form (0x06, 0x07) are no keys (SEC 1 3.2.2.1).
    """
    if len(point) < 2 or point[0] not in (2, 3, 4):
        return None
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve].curve, point)
    except ValueError:
        return None


def raw_of_der(signature: bytes, curve: str) -> bytes | None:
    """r || s of a DER signature; None for anything but strict DER of two numbers in 1..n-1 (RFC 3279 2.2.3)."""
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        return None
    found = CURVES[curve]
    if not (0 < r < found.order and 0 < s < found.order):
        return None
    return r.to_bytes(found.size, "big") + s.to_bytes(found.size, "big")


def is_valid(
    key: ec.EllipticCurvePublicKey,
    message: bytes,
    signature: bytes,
    hash_: hashes.HashAlgorithm = _SHA256,
) -> bool:
    """Whether r || s is the key's signature over the message. Another length, range or curve: False."""
    name = curve_of(key)
    if name is None:
        return False
    found = CURVES[name]
    if len(signature) != 2 * found.size:  # RFC 9053 2.1: each half as long as the order
        return False
    r = int.from_bytes(signature[: found.size], "big")
    s = int.from_bytes(signature[found.size :], "big")
    if not (0 < r < found.order and 0 < s < found.order):  # SEC 1 4.1.4 step 1
        return False
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hash_))
    except InvalidSignature:
        return False
    return True
