"""Ed25519 signatures under one rule, so that every verifier gives the same verdict on every input.

The rule: refuse the fourteen encodings of low-order points as public key A or as R, refuse a non-canonical
A and an S that is not below the group's order, and only then ask the library. With it PyNaCl, `cryptography`
and the stand-alone bundle verifier agree on all of the published edge cases (C2SP CCTV); without it they
differ on 165 of 914. In words: docs/formats/ed25519.md.

>>> seed = bytes(range(32))
>>> is_valid(public_of(seed), b"text", sign(seed, b"text"))
True
>>> verify(bytes(32), b"text", sign(seed, b"text"))
Traceback (most recent call last):
vouchsafe.ledger.errors.SignatureError: Ed25519 public key: a point of low order
"""

from functools import lru_cache

from nacl import bindings
from nacl.exceptions import BadSignatureError

from .errors import SignatureError

PUBLIC_SIZE = 32
SIGNATURE_SIZE = 64
_P = 2**255 - 19
_SIGN_BIT = 1 << 255

ORDER = 2**252 + 27742317777372353535851937790883648493

# The y coordinates of the eight points of small order, each below 2^255 in every way of writing it (y and
# y + p where that fits in 255 bits), with both sign bits: fourteen encodings. Source: Chalkias, Garillot,
# Nikolaenko, "Taming the many EdDSAs", 2020, table 2.
_ORDER_8 = 55188659117513257062467267217118295137698188065244968500265048394206261417927
_LOW_ORDER_Y = (0, 1, _P - 1, _P, _P + 1, _ORDER_8, _P - _ORDER_8)
LOW_ORDER = frozenset((y | sign).to_bytes(32, "little") for y in _LOW_ORDER_Y for sign in (0, _SIGN_BIT))


@lru_cache(maxsize=65_536)
def public_key_fault(public: bytes) -> str | None:
    """Why these 32 bytes are refused as a public key, or None. The library still checks that they are a
    point.
    """
    if len(public) != PUBLIC_SIZE:
        return f"expected 32 bytes, got {len(public)}"
    if public in LOW_ORDER:
        return "a point of low order"
    if int.from_bytes(public, "little") & (_SIGN_BIT - 1) >= _P:  # RFC 8032 5.1.3 step 1
        return "not a canonical encoding"
    return None


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Returns when `signature` is the key's over the message. Raises: SignatureError."""
    fault = public_key_fault(public)
    if fault:
        raise SignatureError(f"Ed25519 public key: {fault}")
    if len(signature) != SIGNATURE_SIZE:
        raise SignatureError(f"Ed25519 signature: expected 64 bytes, got {len(signature)}")
    if signature[:32] in LOW_ORDER:
        raise SignatureError("Ed25519 signature: R is a point of low order")
    if int.from_bytes(signature[32:], "little") >= ORDER:  # RFC 8032 5.1.7 step 1
        raise SignatureError("Ed25519 signature: S is not below the order of the group")
    try:
        bindings.crypto_sign_open(signature + message, public)
    except BadSignatureError:
        raise SignatureError("Ed25519 signature: wrong for this key and message") from None


def is_valid(public: bytes, message: bytes, signature: bytes) -> bool:
    """The same answer as a word, for loops over many items."""
    try:
        verify(public, message, signature)
    except SignatureError:
        return False
    return True


def public_of(seed: bytes) -> bytes:
    """The public key of a 32-byte private seed. Source: RFC 8032 5.1.5."""
    return bytes(bindings.crypto_sign_seed_keypair(seed)[0])


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature; deterministic, so signing the same bytes again makes no second statement."""
    secret = bindings.crypto_sign_seed_keypair(seed)[1]
    return bytes(bindings.crypto_sign(message, secret)[:SIGNATURE_SIZE])
