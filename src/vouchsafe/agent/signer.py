"""Keys held in software: for the simulator, for stations in tests, and as the reference for a secure
element's driver.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

from vouchsafe.attest import keys

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Ed25519Signer:
    """An Ed25519 key from a 32-byte seed (RFC 8032)."""

    alg = keys.ED25519

    def __init__(self, seed: bytes) -> None:
        self.public, self._secret = crypto_sign_seed_keypair(seed)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return bytes(crypto_sign(message, self._secret)[:64])


class P256Signer:
    """A P-256 key from a seed, as many secure elements hold one; signatures are r || s (RFC 9053 2.1)."""

    alg = keys.P256

    def __init__(self, seed: bytes) -> None:
        scalar = int.from_bytes(hashlib.sha512(b"p-256" + seed).digest(), "big") % (_P256_ORDER - 1) + 1
        self._key = ec.derive_private_key(scalar, ec.SECP256R1())
        self.public = self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    def sign(self, message: bytes) -> bytes:
        """64 bytes; randomised."""
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
