"""What is signed, and how a signature is proved: the statement, its challenge, passkeys and passwords.

A statement is canonical JSON that names the record, the version by number and SHA-256, the step, the
meaning, the signer and the time. With a passkey the WebAuthn challenge *is* the domain-tagged hash of the
statement, so that the authenticator's signature covers it and anyone can check it later with the public key
alone. With a password the proof is only the operator's word, and the signature says so.

Nothing here writes: `acts.begin_signing` and `acts.sign` do. Start at `statement` and `verify_assertion`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.conf import settings
from django.db import connection
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from vouchsafe.kernel.canonical import canonical, digest
from vouchsafe.kernel.errors import SigningFailed
from vouchsafe.ledger import ed25519
from vouchsafe.ledger.errors import SignatureError

DOMAIN = b"vouchsafe/signature/v1\x00"
CEREMONY_LIFETIME = timedelta(minutes=10)
MAX_RESPONSE_BYTES = 16_384
# COSE algorithms that the stand-alone verifier can check too (RFC 9053 2, RFC 8812 2).
ES256, EDDSA, RS256 = -7, -8, -257
ALGORITHMS = (ES256, EDDSA, RS256)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whose passkeys count: the WebAuthn relying party id and the origins that a browser may report."""

    id: str
    name: str
    origins: tuple[str, ...]


def relying_party() -> RelyingParty:
    """The relying party of this installation, from its settings."""
    return RelyingParty(
        settings.VOUCHSAFE_RP_ID, settings.VOUCHSAFE_ORGANISATION, (settings.VOUCHSAFE_ORIGIN,)
    )


@dataclass(frozen=True, slots=True)
class Registered:
    """A passkey that an authenticator made for us, checked."""

    credential_id: bytes
    public_key: bytes
    algorithm: int
    aaguid: UUID
    sign_count: int
    backed_up: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """A checked answer of a passkey, in the parts that are kept and can be checked again."""

    credential_id: bytes
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    sign_count: int


def statement(
    *,
    record: str,
    version: int,
    sha256: str,
    process: str,
    step: str,
    revision: int,
    meaning: str,
    reason: str,
    signer: str,
    at: datetime,
) -> bytes:
    """The bytes that a person signs. `signer` is the person's uuid, 32 hex digits; `at` in UTC to the
    millisecond.
    """
    return canonical(
        {
            "at": moment(at),
            "meaning": meaning,
            "process": process,
            "reason": reason,
            "record": record,
            "revision": revision,
            "sha256": sha256,
            "signer": signer,
            "step": step,
            "version": version,
        }
    )


def challenge(statement: bytes) -> bytes:
    """The WebAuthn challenge for `statement`: SHA-256 of the domain tag, a zero byte and the statement."""
    return hashlib.sha256(DOMAIN + statement).digest()


def moment(at: datetime) -> str:
    """`at` as text: UTC, milliseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_offset_ms(at: datetime) -> int:
    """How far `at` is ahead of the database server's clock, in milliseconds: the second source of R-08."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    now: datetime = row[0]
    return round((at - now).total_seconds() * 1000)


def request_options(rp: RelyingParty, challenge: bytes, credential_ids: Sequence[bytes]) -> dict[str, Any]:
    """JSON for `navigator.credentials.get`: `{"publicKey": ...}` with base64url bytes."""
    options, _ = _server(rp).authenticate_begin(
        [{"type": "public-key", "id": c} for c in credential_ids] or None,  # type: ignore[misc]
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=challenge,
    )
    return _plain(options)


def creation_options(
    rp: RelyingParty, *, person: UUID, username: str, full_name: str, existing: Sequence[bytes]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON for `navigator.credentials.create`, and the state to keep on the server (in the session) until it
    answers.
    """
    options, state = _server(rp).register_begin(
        {"id": person.bytes, "name": username, "displayName": full_name},  # type: ignore[arg-type]
        [{"type": "public-key", "id": c} for c in existing],  # type: ignore[misc]
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(options), {"challenge": state["challenge"]}


def verify_registration(
    rp: RelyingParty, state: Mapping[str, Any], response: Mapping[str, Any]
) -> Registered:
    """Check the answer of `navigator.credentials.create`.

    Raises:
        SigningFailed: another challenge, origin or relying party, no user verification, or not a WebAuthn
        answer.
    """
    _limited(response)
    full = {
        "challenge": state.get("challenge", ""),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }
    try:
        data = _server(rp).register_complete(full, response)
        credential = data.credential_data
    except (ValueError, KeyError, TypeError, AssertionError) as wrong:
        raise SigningFailed(f"The passkey couldn't be registered: {_said(wrong)}") from None
    if credential is None or credential.public_key.get(3) not in ALGORITHMS:
        raise SigningFailed(
            "The passkey uses an algorithm that isn't accepted; expected ES256, EdDSA or RS256."
        )
    if credential.public_key[3] == EDDSA and (
        fault := ed25519.public_key_fault(bytes(credential.public_key.get(-2, b"")))
    ):
        raise SigningFailed(f"The passkey's Ed25519 public key is refused: {fault}.")
    return Registered(
        credential_id=bytes(credential.credential_id),
        public_key=cbor.encode(dict(credential.public_key)),
        algorithm=int(credential.public_key[3]),
        aaguid=UUID(bytes=bytes(credential.aaguid)),
        sign_count=data.counter,
        backed_up=data.is_backed_up(),
    )


def credential_of(response: Mapping[str, Any]) -> bytes:
    """The credential id that an assertion names, unchecked: to look up the key that it must be checked
    with.
    """
    _limited(response)
    try:
        return websafe_decode(response["rawId"])
    except (KeyError, TypeError, ValueError):
        raise SigningFailed("The passkey's answer names no credential.") from None


def user_handle_of(response: Mapping[str, Any]) -> bytes | None:
    """The user handle that a discoverable passkey returned, unchecked."""
    try:
        handle = response["response"].get("userHandle")
        return websafe_decode(handle) if handle else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def verify_assertion(
    rp: RelyingParty,
    *,
    challenge: bytes,
    public_key: bytes,
    credential_id: bytes,
    response: Mapping[str, Any],
) -> Assertion:
    """Check the answer of `navigator.credentials.get` against one registered key.

    Checks type, origin, challenge, relying party id, user presence and verification, and the signature
    (WebAuthn level 2, 7.2 steps 11 to 20). The counter is the caller's to check: it knows the last one.

    Raises:
        SigningFailed: saying which of them fails.
    """
    _limited(response)
    state = {
        "challenge": websafe_encode(challenge),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }
    try:
        known = AttestedCredentialData.create(b"\0" * 16, credential_id, _cose(public_key))
        _server(rp).authenticate_complete(state, [known], response)
        answer = AuthenticationResponse.from_dict(response).response
        _verify(
            _cose(public_key), bytes(answer.authenticator_data), bytes(answer.client_data), answer.signature
        )
    except (ValueError, KeyError, TypeError, AssertionError, SignatureError) as wrong:
        raise SigningFailed(f"The passkey's answer doesn't hold: {_said(wrong)}") from None
    if answer.client_data.cross_origin:
        # WebAuthn level 2, 7.2: a page of ours inside someone else's frame could be clicked for the user.
        raise SigningFailed("The passkey was asked from inside another site.")
    return Assertion(
        credential_id=credential_id,
        authenticator_data=bytes(answer.authenticator_data),
        client_data=bytes(answer.client_data),
        signature=bytes(answer.signature),
        sign_count=answer.authenticator_data.counter,
    )


def verify_stored(
    *,
    statement: bytes,
    public_key: bytes,
    rp_id: str,
    authenticator_data: bytes,
    client_data: bytes,
    assertion: bytes,
) -> str | None:
    """Check a kept passkey signature again, as an auditor would: None when it holds, else what doesn't."""
    try:
        client = json.loads(client_data)
        told = websafe_decode(client["challenge"])
    except (ValueError, KeyError, TypeError):
        return "the client data can't be read"
    if client.get("type") != "webauthn.get":
        return "the client data is of another ceremony"
    if told != challenge(statement):
        return "the challenge isn't the statement's"
    if authenticator_data[:32] != hashlib.sha256(rp_id.encode()).digest():
        return "the relying party is another"
    if len(authenticator_data) < 37 or authenticator_data[32] & 0x05 != 0x05:
        return "the user wasn't present and verified"
    try:
        _verify(_cose(public_key), authenticator_data, client_data, assertion)
    except (
        InvalidSignature,
        SignatureError,
        UnsupportedAlgorithm,
        ValueError,
        TypeError,
        KeyError,
        NotImplementedError,
    ) as wrong:
        return f"the passkey's signature is wrong ({type(wrong).__name__})"
    return None


def content_commitment(salt: bytes, sha256: str) -> str:
    """A version's hash as a leaf may show it: salted, because short contents could be guessed."""
    return digest(salt + bytes.fromhex(sha256))


def _cose(public_key: bytes) -> CoseKey:
    """The key that a registration kept, ready to verify."""
    decoded = cbor.decode(public_key)
    if not isinstance(decoded, Mapping):
        raise ValueError("the public key isn't a COSE_Key")
    return CoseKey.parse(decoded)


def _verify(key: CoseKey, authenticator_data: bytes, client_data: bytes, signature: bytes) -> None:
    """WebAuthn level 2, 7.2 step 20; EdDSA by the one rule of `ledger.ed25519`, which libraries don't share."""
    signed = authenticator_data + hashlib.sha256(client_data).digest()
    if key.get(3) == EDDSA:
        ed25519.verify(bytes(key[-2]), signed, bytes(signature))
    else:
        key.verify(signed, signature)


def _server(rp: RelyingParty) -> Fido2Server:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(name=rp.name, id=rp.id), verify_origin=lambda origin: origin in rp.origins
    )
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=alg) for alg in ALGORITHMS
    ]
    return server


def _plain(options: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(dict(options), default=dict))
    return plain


def _limited(response: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(response))
    except (TypeError, ValueError, RecursionError):
        raise SigningFailed("The passkey's answer isn't JSON.") from None
    if size > MAX_RESPONSE_BYTES:
        raise SigningFailed(f"The passkey's answer has {size} bytes; expected at most {MAX_RESPONSE_BYTES}.")


def _said(wrong: BaseException) -> str:
    return str(wrong).rstrip(".") + "." if str(wrong) else f"{type(wrong).__name__}."
