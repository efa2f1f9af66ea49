"""Parsers of evidence, of messages and keys of others, and of envelopes: what holds for any bytes.

Each target swallows only the errors that its package raises on purpose; anything else is a finding.
"""

from collections.abc import Callable

from vouchsafe.attest import batch, devicelog, dsse, enrolment, keys, reference, verify
from vouchsafe.attest.errors import AttestError, Malformed, NotVerified
from vouchsafe.attest.formats import anycbor, anycose, anykey, cbor, cose, eat
from vouchsafe.ledger import ed25519
from vouchsafe.sbom import dsse as envelopes
from vouchsafe.sbom.errors import SbomError

_SEED_KEY = anykey.from_jwk(
    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
)
_RECORD = keys.record("Ed25519", _SEED_KEY.raw(), origin="software", assurance="low")
_POLICY = verify.AppraisalPolicy({})


def _cbor(data: bytes) -> None:
    """One encoding of each value; and whatever is accepted strictly is read alike by the reader of others."""
    try:
        value = cbor.decode(data, "item")
    except Malformed:
        return
    assert cbor.encode(value) == data
    assert anycbor.decode(data, "item") == value


def _anycbor(data: bytes) -> None:
    try:
        anycbor.decode(data, "item")
    except Malformed:
        return


def _cose(data: bytes) -> None:
    """A message of our strict form is read alike by the reader of others."""
    try:
        message = cose.parse(data)
    except Malformed:
        return
    other = anycose.read(data)
    assert (other.payload, other.signatures[0].signature) == (message.payload, message.signature)
    assert other.signed_bytes(other.signatures[0]) == message.signed_bytes()


def _anycose(data: bytes) -> None:
    """No signature of a key that has never signed holds."""
    try:
        anycose.read(data).verified(_SEED_KEY)
    except (Malformed, NotVerified):
        return
    raise AssertionError("a signature held that nobody made")


def _eat(data: bytes) -> None:
    """`check` never raises, and claims without extra ones are written as they came."""
    verdict = verify.check(data, key=_RECORD, prior=None, reference=None, policy=_POLICY, at_ms=0)
    assert not verdict.signed
    try:
        claims = eat.parse_claims(data)
    except Malformed:
        return
    assert eat.parse_claims(eat.build_payload(claims)) == claims


def _batch(data: bytes) -> None:
    try:
        items = batch.decode(data)
    except Malformed:
        return
    assert batch.encode(items) == data


def _devicelog(data: bytes) -> None:
    try:
        entry = devicelog.parse_entry(data)
    except Malformed:
        return
    assert devicelog.encode_entry(entry.kind, entry.claimed_ms, entry.data) == data


def _key(data: bytes) -> None:
    try:
        found = anykey.read(data)
    except Malformed:
        return
    if found.kind in keys.ALGS:
        assert keys.from_spki(keys.spki(found.kind, found.raw())) == (found.kind, found.raw())


def _reference(data: bytes) -> None:
    try:
        values = reference.parse_json(data)
    except Malformed:
        return
    assert reference.parse_json(reference.to_json(values)).digest == values.digest


def _dsse(data: bytes) -> None:
    """Both readers agree on what a small envelope says."""
    try:
        opened = dsse.open_envelope(data)
    except Malformed:
        return
    read = envelopes.parse(data)
    assert (read.payload_type, read.payload) == (opened.payload_type, opened.body)


def _sbom_dsse(data: bytes) -> None:
    try:
        envelopes.parse(data)
    except SbomError:
        return


def _enrolment(data: bytes) -> None:
    try:
        statement = enrolment.parse(data)
    except AttestError:
        return
    assert enrolment.parse(enrolment.encode(statement)) == statement


TARGETS: dict[str, Callable[[bytes], None]] = {
    "attest-cbor": _cbor,
    "attest-anycbor": _anycbor,
    "attest-cose": _cose,
    "attest-anycose": _anycose,
    "attest-eat": _eat,
    "attest-batch": _batch,
    "attest-devicelog": _devicelog,
    "attest-key": _key,
    "attest-reference": _reference,
    "attest-dsse": _dsse,
    "attest-enrolment": _enrolment,
    "sbom-dsse": _sbom_dsse,
}

_DEVICE = bytes(range(32))
_SPKI = keys.spki("Ed25519", ed25519.public_of(_DEVICE))
_CLAIMS = eat.Claims(
    keys.ueid(_SPKI), bytes(32), eat.PROFILE, 1, 1, 0, bytes(32), (eat.Stage("firmware", bytes(32), 5),)
)
_PROTECTED, _PAYLOAD = cose.protect("Ed25519", keys.key_id(_SPKI)), eat.build_payload(_CLAIMS)
_SIGNED = ed25519.sign(_DEVICE, cose.to_be_signed(_PROTECTED, _PAYLOAD))
_TOKEN = cose.assemble(_PROTECTED, _PAYLOAD, _SIGNED)
_STATEMENT = enrolment.encode(
    enrolment.make(
        udi_di="05060912340019",
        serial="T4-1",
        alg="Ed25519",
        public=ed25519.public_of(_DEVICE),
        key_origin="software",
        assurance="low",
        nonce=bytes(32),
        station="line-1",
        at_ms=0,
    )
)
_ENVELOPE = dsse.seal("text/plain", b"hello", [("a", lambda message: ed25519.sign(_DEVICE, message))])
SEEDS: dict[str, list[bytes]] = {
    "attest-cbor": [_PAYLOAD, cbor.encode({1: [1, -2, b"x", "y", None, True], "a": {2: 3}})],
    "attest-anycbor": [_PAYLOAD, bytes.fromhex("bf61619f0102fb3ff199999999999aff61625f4101ff6163c100ff")],
    "attest-cose": [_TOKEN],
    "attest-anycose": [_TOKEN, bytes.fromhex("d8628440a0416181834380a0418040a040")],
    "attest-eat": [_TOKEN, _PAYLOAD],
    "attest-batch": [
        batch.make_item(_CLAIMS.ueid, 1, _TOKEN, 5, batch.LogPart(0, (bytes(32),), (b"x",))).raw
    ],
    "attest-devicelog": [devicelog.encode_entry(devicelog.BOOTED, 5, [3])],
    "attest-key": [_SPKI, cbor.encode({1: 1, -1: 6, -2: ed25519.public_of(_DEVICE)})],
    "attest-reference": [reference.to_json(reference.make({bytes(32): reference.Reference("b", "1", 1)}))],
    "attest-dsse": [_ENVELOPE],
    "attest-enrolment": [_STATEMENT],
    "sbom-dsse": [_ENVELOPE],
}
