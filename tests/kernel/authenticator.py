"""A passkey in software: makes credentials and assertions as a browser's authenticator would (WebAuthn level 2, 6).

Built by hand from the specification, not with the library that the server checks with, so that the two can disagree.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from vouchsafe.kernel import people
from vouchsafe.kernel.models import Person, PersonKey

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One passkey, of ES256 or of EdDSA by its key. The public attributes can be changed, to answer wrongly in exactly one way."""

    rp_id: str = "localhost"
    origin: str = "http://localhost:8000"
    count: int = 0
    flags: int = USER_PRESENT | USER_VERIFIED
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user_handle: bytes = b""
    cross_origin: bool = False
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer of `navigator.credentials.create`."""
        asked = options["publicKey"]
        self.user_handle = unb64(asked["user"]["id"])
        client = self._client("webauthn.create", asked["challenge"])
        cose = cbor2.dumps(self._public(), canonical=True)
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cose
        data = self._data(self.flags | ATTESTED) + attested
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer({"clientDataJSON": b64(client), "attestationObject": b64(made)})

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer of `navigator.credentials.get`."""
        self.count += 1
        client = self._client("webauthn.get", options["publicKey"]["challenge"])
        data = self._data(self.flags)
        signature = self._sign(data + hashlib.sha256(client).digest())
        return self._answer(
            {
                "clientDataJSON": b64(client),
                "authenticatorData": b64(data),
                "signature": b64(signature),
                "userHandle": b64(self.user_handle),
            }
        )

    def register(self, person: Person, *, at: datetime, name: str = "Test key") -> PersonKey:
        """Go through a whole registration for `person`."""
        options, state = people.begin_registration(person)
        return people.finish_registration(person, state, self.create(options), name=name, at=at)

    def _public(self) -> dict[int, Any]:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return {1: 1, 3: -8, -1: 6, -2: self.key.public_key().public_bytes_raw()}
        point = self.key.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        ).encode()

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        credential = b64(self.credential_id)
        return {
            "id": credential,
            "rawId": credential,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
