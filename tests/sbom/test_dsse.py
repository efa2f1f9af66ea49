"""DSSE envelopes and the release statement inside."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sbom.test_cyclonedx import GOOD
from vouchsafe.attest import dsse as attest_dsse
from vouchsafe.attest.errors import Malformed as NotAStatement
from vouchsafe.ledger import ecdsa
from vouchsafe.sbom import dsse, statement
from vouchsafe.sbom.errors import BadSignature, Malformed, NotBound, SbomError, TooLarge
from vouchsafe.sbom.limits import Limits

ED = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
P256 = ec.derive_private_key(7, ec.SECP256R1())
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
SBOM = json.dumps(GOOD, indent=1).encode() + b"\n"
IMAGE = hashlib.sha256(b"image").hexdigest()
KEYS = pytest.mark.parametrize("key", [ED, P256], ids=["ed25519", "p256"])


def edited(envelope: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(envelope) | changes).encode()


def test_the_encoding_that_is_signed_is_the_published_one() -> None:
    said = dsse.pae("http://example.com/HelloWorld", b"hello world")
    assert said == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert dsse.pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@KEYS
def test_a_signed_envelope_verifies_to_the_same_bytes(key: dsse.PrivateKey) -> None:
    envelope = dsse.sign("t", b"\x00\xffbytes", [key])
    found = dsse.verify(envelope, [OTHER.public_key(), key.public_key()], payload_type="t")
    assert (found.payload, found.key_ids) == (b"\x00\xffbytes", (dsse.key_id(key.public_key()),))


@KEYS
def test_another_key_payload_type_or_signature_does_not(key: dsse.PrivateKey) -> None:
    envelope = dsse.sign("t", b"bytes", [key])
    trusted = [key.public_key()]
    for bad in (
        edited(envelope, payload=base64.b64encode(b"other").decode()),
        edited(envelope, signatures=[{"sig": base64.b64encode(b"x" * 64).decode()}]),
        edited(envelope, signatures=[{"sig": ""}]),
    ):
        with pytest.raises(BadSignature):
            dsse.verify(bad, trusted, payload_type="t")
    with pytest.raises(BadSignature):
        dsse.verify(envelope, [OTHER.public_key()], payload_type="t")
    with pytest.raises(BadSignature):
        dsse.verify(envelope, trusted, payload_type="u")
    with pytest.raises(BadSignature):
        dsse.verify(edited(envelope, payloadType="u"), trusted, payload_type="u")
    with pytest.raises(BadSignature):
        dsse.verify(envelope, [], payload_type="t")


def test_the_key_id_is_a_hint_only() -> None:
    envelope = dsse.sign("t", b"bytes", [ED])
    for hint in ("", "0" * 64, dsse.key_id(OTHER.public_key())):
        sig = json.loads(envelope)["signatures"][0]["sig"]
        said = edited(envelope, signatures=[{"keyid": hint, "sig": sig}])
        keys = [OTHER.public_key(), ED.public_key()]
        assert dsse.verify(said, keys, payload_type="t").key_ids == (dsse.key_id(ED.public_key()),)


def test_two_keys_are_asked_for_and_one_twice_is_not_two() -> None:
    keys = [ED.public_key(), P256.public_key()]
    both = dsse.sign("t", b"bytes", [ED, P256])
    assert len(dsse.verify(both, keys, payload_type="t", least=2).key_ids) == 2
    with pytest.raises(BadSignature):
        dsse.verify(dsse.sign("t", b"bytes", [ED, ED]), keys, payload_type="t", least=2)


def test_both_base64_alphabets_and_raw_ecdsa_are_taken() -> None:
    envelope = dsse.sign("t", b"\xfb\xff\xfe", [ED])
    value = json.loads(envelope)
    value["payload"] = base64.urlsafe_b64encode(b"\xfb\xff\xfe").decode()
    value["signatures"][0]["sig"] = value["signatures"][0]["sig"].replace("+", "-").replace("/", "_")
    assert (
        dsse.verify(json.dumps(value).encode(), [ED.public_key()], payload_type="t").payload
        == b"\xfb\xff\xfe"
    )
    r, s = decode_dss_signature(P256.sign(dsse.pae("t", b"x"), ec.ECDSA(hashes.SHA256())))
    raw = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    said = edited(dsse.sign("t", b"x", [P256]), signatures=[{"sig": raw}])
    assert dsse.verify(said, [P256.public_key()], payload_type="t").payload == b"x"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"payloadType": ""}, "$.payloadType"),
        ({"payloadType": 7}, "$.payloadType"),
        ({"payload": None}, "$.payload"),
        ({"payload": "a+b_"}, "$.payload"),
        ({"payload": "abc"}, "$.payload"),
        ({"signatures": []}, "$.signatures"),
        ({"signatures": {}}, "$.signatures"),
        ({"signatures": ["x"]}, "$.signatures[0]"),
        ({"signatures": [{"sig": "x y"}]}, "$.signatures[0].sig"),
        ({"signatures": [{"keyid": 1, "sig": ""}]}, "$.signatures[0].keyid"),
    ],
)
def test_a_malformed_envelope_names_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Malformed) as told:
        dsse.parse(edited(dsse.sign("t", b"x", [ED]), **changes))
    assert told.value.place == place


def test_signatures_are_counted() -> None:
    envelope = dsse.sign("t", b"x", [ED, P256])
    dsse.parse(envelope, limits=Limits(max_signatures=2))
    with pytest.raises(TooLarge):
        dsse.parse(envelope, limits=Limits(max_signatures=1))


def test_keys_of_other_kinds_are_refused() -> None:
    def pem(key: Any) -> bytes:
        return bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(Malformed):
            dsse.private_key(pem(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        with pytest.raises(Malformed):
            dsse.public_key(public)
    with pytest.raises(Malformed):
        dsse.public_key(b"no key")
    assert isinstance(dsse.private_key(pem(P256)), ec.EllipticCurvePrivateKey)
    with pytest.raises(BadSignature):
        dsse.sign("t", b"x", [ec.generate_private_key(ec.SECP384R1())])


def test_the_published_vector(fixtures: Path) -> None:
    text = (fixtures / "device-evidence/secure-systems-lab_dsse/protocol.md").read_text()
    found = re.search(r'\{"payload":[^}]+\}\]\}', text)
    assert found is not None, "the protocol's example envelope"
    x = re.search(r"X: (\d+)", text)
    y = re.search(r"Y: (\d+)", text)
    assert x is not None
    assert y is not None
    key = ec.EllipticCurvePublicNumbers(int(x[1]), int(y[1]), ec.SECP256R1()).public_key()
    said = dsse.verify(found[0].encode(), [key], payload_type="http://example.com/HelloWorld")
    assert said.payload == b"hello world"


def test_the_envelope_of_a_sigstore_bundle_verifies_under_its_certificate(fixtures: Path) -> None:
    name = "device-evidence/sigstore_sigstore-python/test/assets/a.dsse.staging-rekor-v2.txt.sigstore.json"
    bundle = json.loads((fixtures / name).read_text())
    der = base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"])
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    envelope = json.dumps(bundle["dsseEnvelope"]).encode()
    said = dsse.verify(envelope, [key], payload_type="application/vnd.in-toto+json")
    assert json.loads(said.payload)["_type"].startswith("https://in-toto.io/Statement/")
    for changed in (
        {"payload": base64.b64encode(said.payload + b" ").decode()},
        {"payloadType": "text/plain"},
    ):
        with pytest.raises(BadSignature):
            dsse.verify(edited(envelope, **changed), [key], payload_type="application/vnd.in-toto+json")


@pytest.mark.parametrize("folder", ["vectors/keylime", "device-evidence/keylime_keylime/test/data"])
def test_signed_runtime_policies_good_and_bad(fixtures: Path, folder: str) -> None:
    key = dsse.public_key((fixtures / folder / "runtime-policy-pubkey.pub").read_bytes())
    good = (fixtures / folder / "runtime-policy-test-signed.json").read_bytes()
    kind = dsse.parse(good).payload_type
    said = dsse.verify(good, [key], payload_type=kind)
    assert json.loads(said.payload) == json.loads(
        (fixtures / folder / "runtime-policy-test.json").read_bytes()
    )
    # The bad one's signature was changed, and its base64 lost its padding on the way (RFC 4648 3.2).
    bad = (fixtures / folder / "runtime-policy-test-signed-bad.json").read_bytes()
    with pytest.raises(Malformed) as told:
        dsse.verify(bad, [key], payload_type=kind)
    assert told.value.place == "$.signatures[0].sig"
    sig = json.loads(bad)["signatures"][0]["sig"]
    with pytest.raises(
        BadSignature, match=r"\$.signatures: expected signatures of 1 trusted key\(s\), got 0 among 1"
    ):
        dsse.verify(edited(bad, signatures=[{"sig": sig + "="}]), [key], payload_type=kind)


def test_both_modules_read_an_envelope_alike(fixtures: Path) -> None:
    """There is one reader of DSSE; statements only add their own limits."""
    for name in ("runtime-policy-test-signed.json", "runtime-policy-test-signed-bad.json"):
        data = (fixtures / "vectors/keylime" / name).read_bytes()
        if name.endswith("bad.json"):
            with pytest.raises(
                NotAStatement, match=r"envelope\.signatures\[0\]\.sig: expected base64 with its padding"
            ):
                attest_dsse.open_envelope(data)
            continue
        read, statement_read = dsse.parse(data), attest_dsse.open_envelope(data)
        assert (read.payload_type, read.payload) == (statement_read.payload_type, statement_read.body)
        assert read.signatures == tuple(map(tuple, statement_read.signatures))
    assert attest_dsse.pae is dsse.pae


ORDER = ecdsa.CURVES["P-256"].order


def test_p256_signatures_at_their_edges_are_refused() -> None:
    r, s = decode_dss_signature(P256.sign(dsse.pae("t", b"x"), ec.ECDSA(hashes.SHA256())))
    good = encode_dss_signature(r, s)

    def verdict(signature: bytes) -> bool:
        said = edited(
            dsse.sign("t", b"x", [P256]), signatures=[{"sig": base64.b64encode(signature).decode()}]
        )
        try:
            return dsse.verify(said, [P256.public_key()], payload_type="t").payload == b"x"
        except BadSignature:
            return False

    assert verdict(good)
    assert verdict(encode_dss_signature(r, ORDER - s))  # the other s: decided in vouchsafe.ledger.ecdsa
    for bad in (
        good + b"\x00", good[:-1], b"\x30\x81" + good[1:], encode_dss_signature(0, s), encode_dss_signature(r, 0),
        encode_dss_signature(r + ORDER, s), encode_dss_signature(r, s + ORDER), bytes(64), b"\xff" * 64, b"",
    ):  # fmt: skip
        assert not verdict(bad), bad.hex()


@KEYS
def test_a_release_gives_back_the_sboms_bytes(key: dsse.PrivateKey) -> None:
    envelope = statement.sign_release("tarn4.img", IMAGE, SBOM, key)
    release = statement.check_release(envelope, (key.public_key(),), image_sha256=IMAGE)
    assert release.sbom_bytes == SBOM
    assert release.subjects == (statement.Subject("tarn4.img", IMAGE),)
    assert len(release.sbom.components) == 2


def test_the_payload_is_a_statement_that_others_read() -> None:
    said = json.loads(statement.make("tarn4.img", IMAGE, SBOM))
    assert said == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "tarn4.img", "digest": {"sha256": IMAGE}}],
        "predicateType": "https://cyclonedx.org/bom",
        "predicate": GOOD,
    }


def test_a_release_of_another_image_is_refused() -> None:
    envelope = statement.sign_release("tarn4.img", IMAGE, SBOM, ED)
    with pytest.raises(NotBound):
        statement.check_release(envelope, (ED.public_key(),), image_sha256="0" * 64)


@pytest.mark.parametrize(
    ("name", "digest", "sbom"),
    [
        ("", IMAGE, SBOM),
        ("a", "xyz", SBOM),
        ("a", IMAGE.upper(), SBOM),
        ("a", IMAGE, b"{}"),
        ("a", IMAGE, b"\xef\xbb\xbf" + SBOM),
    ],
)
def test_only_a_readable_sbom_and_a_digest_are_signed(name: str, digest: str, sbom: bytes) -> None:
    with pytest.raises(Malformed):
        statement.make(name, digest, sbom)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "$._type"),
        ({"predicateType": 1}, "$.predicateType"),
        ({"subject": []}, "$.subject"),
        ({"subject": [{"name": "a", "digest": {"sha512": "x"}}]}, "$.subject[0].digest.sha256"),
        ({"subject": [{"name": 1, "digest": {"sha256": IMAGE}}]}, "$.subject[0].name"),
        ({"predicate": []}, "$.predicate"),
    ],
)
def test_a_malformed_statement_names_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Malformed) as told:
        statement.parse(json.dumps(json.loads(statement.make("a", IMAGE, SBOM)) | changes).encode())
    assert told.value.place == place


def test_a_signed_statement_about_something_else_is_no_release() -> None:
    said = json.loads(statement.make("a", IMAGE, SBOM)) | {"predicateType": "https://slsa.dev/provenance/v1"}
    envelope = dsse.sign(statement.PAYLOAD_TYPE, json.dumps(said).encode(), [ED])
    with pytest.raises(Malformed):
        statement.check_release(envelope, (ED.public_key(),))


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 10**9), value=st.integers(0, 255))
def test_a_changed_byte_never_gives_other_contents(at: int, value: int) -> None:
    envelope = bytearray(statement.sign_release("tarn4.img", IMAGE, SBOM, ED))
    envelope[at % len(envelope)] = value
    try:
        release = statement.check_release(bytes(envelope), (ED.public_key(),), image_sha256=IMAGE)
    except SbomError:
        return
    assert release.sbom_bytes == SBOM
