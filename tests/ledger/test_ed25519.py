"""One rule for Ed25519: what is refused before the library is asked, and that the libraries then agree."""

import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vouchsafe.ledger import ed25519
from vouchsafe.ledger.errors import SignatureError

SEED = bytes(range(32))


def test_both_libraries_agree_on_all_published_edge_cases(fixtures):
    cases = json.loads((fixtures / "device-evidence/C2SP_CCTV/ed25519/ed25519vectors.json").read_text())
    accepted = 0
    for case in cases:
        key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        message = case["msg"].encode()
        other = ed25519.public_key_fault(key) is None and signature[:32] not in ed25519.LOW_ORDER
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except (InvalidSignature, ValueError):
            other = False
        mine = ed25519.is_valid(key, message, signature)
        assert mine == other, case["number"]
        flags = case["flags"] or []
        if mine:
            assert "low_order_A" not in flags and "low_order_R" not in flags
            accepted += 1
    assert len(cases) == 914 and accepted == 43


def test_the_low_order_list_is_the_published_one(fixtures):
    cases = json.loads((fixtures / "device-evidence/C2SP_CCTV/ed25519/ed25519vectors.json").read_text())
    low = {bytes.fromhex(case["key"]) for case in cases if "low_order_A" in (case["flags"] or [])}
    assert low == ed25519.LOW_ORDER
    assert len(ed25519.LOW_ORDER) == 14


def test_signing_equals_the_other_library():
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    assert ed25519.public_of(SEED) == private.public_key().public_bytes_raw()
    assert ed25519.sign(SEED, b"text") == private.sign(b"text")
    ed25519.verify(ed25519.public_of(SEED), b"text", ed25519.sign(SEED, b"text"))


@pytest.mark.parametrize(
    ("public", "message", "signature", "word"),
    [
        (b"short", b"text", bytes(64), "32 bytes"),
        (bytes(32), b"text", bytes(64), "low order"),
        ((2**255 - 19 + 3).to_bytes(32, "little"), b"text", bytes(64), "canonical"),
        (ed25519.public_of(SEED), b"text", bytes(63), "64 bytes"),
        (ed25519.public_of(SEED), b"text", bytes(64), "R is a point of low order"),
        (ed25519.public_of(SEED), b"other", ed25519.sign(SEED, b"text"), "wrong"),
    ],
)
def test_each_fault_is_named(public, message, signature, word):
    with pytest.raises(SignatureError, match=word):
        ed25519.verify(public, message, signature)
    assert not ed25519.is_valid(public, message, signature)
