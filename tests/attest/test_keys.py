"""Keys: names, forms, and one rule for Ed25519 that two libraries share."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attest import making as m
from vouchsafe.agent.signer import P256Signer
from vouchsafe.attest import keys
from vouchsafe.attest.errors import Malformed
from vouchsafe.ledger import ed25519

P256 = P256Signer(m.digest("p256"))


def by_the_other_library(public, message, signature):
    if ed25519.public_key_fault(public) or len(signature) != 64 or signature[:32] in ed25519.LOW_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_both_libraries_agree_on_all_edge_cases_under_the_rule(fixtures):
    vectors = json.loads((fixtures / "device-evidence/C2SP_CCTV/ed25519/ed25519vectors.json").read_text())
    assert len(vectors) == 914
    held = 0
    for one in vectors:
        public, signature, message = bytes.fromhex(one["key"]), bytes.fromhex(one["sig"]), one["msg"].encode()
        verdict = keys.verify(keys.ED25519, public, message, signature)
        assert verdict is by_the_other_library(public, message, signature), one["number"]
        flags = set(one["flags"] or ())
        if flags & {"low_order_A", "low_order_R", "non_canonical_A"}:
            assert not verdict, one["number"]
        held += verdict
    assert 0 < held < 914


@pytest.mark.parametrize("signer", [m.SIGNER, P256])
def test_a_signature_holds_for_its_message_and_key_only(signer):
    signature = signer.sign(b"message")
    assert keys.verify(signer.alg, signer.public, b"message", signature)
    assert not keys.verify(signer.alg, signer.public, b"other", signature)
    assert not keys.verify(signer.alg, signer.public, b"message", bytes(64))
    assert not keys.verify(signer.alg, signer.public, b"message", signature + b"\x00")
    assert not keys.verify("RS256", signer.public, b"message", signature)


def test_a_point_outside_the_curve_verifies_nothing():
    assert not keys.verify(keys.P256, b"\x04" + bytes(64), b"", bytes(64))
    assert not keys.verify(keys.P256, b"", b"", bytes(64))
    assert not keys.verify(keys.ED25519, b"\xff" * 32, b"", bytes(64))


@pytest.mark.parametrize("signer", [m.SIGNER, P256])
def test_spki_goes_both_ways_and_is_what_the_library_writes(signer):
    info = keys.spki(signer.alg, signer.public)
    assert keys.from_spki(info) == (signer.alg, signer.public)
    loaded = serialization.load_der_public_key(info)
    pem = loaded.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert keys.from_pem(pem) == (signer.alg, signer.public)


def test_names_of_a_key():
    info = keys.spki(m.SIGNER.alg, m.SIGNER.public)
    assert keys.key_id(info) == keys.hashlib.sha256(info).digest()[:16] == m.KEY.key_id
    assert keys.ueid(info) == b"\x01" + keys.hashlib.sha256(b"udi-ueid/v1" + info).digest() == m.KEY.ueid


def test_an_alias_key_keeps_the_ueid_of_the_identity_key():
    alias = keys.record(P256.alg, P256.public, origin="dice", assurance="substantial", ueid_=m.KEY.ueid)
    assert alias.ueid == m.KEY.ueid
    assert alias.key_id != m.KEY.key_id


@pytest.mark.parametrize(
    ("alg", "public"),
    [(keys.ED25519, bytes(31)), (keys.P256, bytes(65)), (keys.P256, b"\x04" + bytes(63)), ("x", bytes(32))],
)
def test_another_raw_key_has_no_spki(alg, public):
    with pytest.raises(Malformed, match="public key"):
        keys.spki(alg, public)


@pytest.mark.parametrize("origin, assurance", [("magic", "low"), ("tpm", "absolute"), ("software", "high")])
def test_an_unknown_origin_or_a_too_assured_software_key_is_refused(origin, assurance):
    with pytest.raises(Malformed, match="key record"):
        keys.record(m.SIGNER.alg, m.SIGNER.public, origin=origin, assurance=assurance)


def pem_of(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "pem",
    [b"", b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", pem_of(ed448.Ed448PrivateKey.generate().public_key()),
     pem_of(ec.generate_private_key(ec.SECP384R1()).public_key())],
)  # fmt: skip
def test_another_pem_is_refused(pem):
    with pytest.raises(Malformed, match="public key"):
        keys.from_pem(pem)


@pytest.mark.parametrize(
    "der", [b"", bytes(44), keys._SPKI_P256 + b"\x04" + bytes(64), keys._SPKI_P256 + bytes(65)]
)
def test_another_der_is_refused(der):
    with pytest.raises(Malformed, match="public key"):
        keys.from_spki(der)


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_jwk_is_read_and_its_private_part_ignored():
    ed = {"kty": "OKP", "crv": "Ed25519", "x": b64(m.SIGNER.public), "d": "secret"}
    assert keys.from_jwk(ed) == (keys.ED25519, m.SIGNER.public)
    p256 = {"kty": "EC", "crv": "P-256", "x": b64(P256.public[1:33]), "y": b64(P256.public[33:])}
    assert keys.from_jwk(p256) == (keys.P256, P256.public)


@pytest.mark.parametrize(
    "jwk",
    [{}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-384"}, {"kty": "OKP", "crv": "Ed25519"}, {"kty": "OKP", "crv": "Ed25519", "x": 7},
     {"kty": "OKP", "crv": "Ed25519", "x": "A" * 42 + "="}, {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}],
)  # fmt: skip
def test_another_jwk_is_refused(jwk):
    with pytest.raises(Malformed):
        keys.from_jwk(jwk)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120))
def test_random_bytes_are_no_key_and_raise_nothing_else(raw):
    for read in (keys.from_spki, keys.from_pem):
        with pytest.raises(Malformed):
            read(raw)
    assert not keys.verify(keys.P256, raw, raw, raw[:64])
    assert not keys.verify(keys.ED25519, raw[:32], raw, raw[:64])
