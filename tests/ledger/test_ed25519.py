"""One rule for Ed25519: what is refused before the library is asked, and that the libraries then agree."""

import json
from base64 import b64encode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vouchsafe.attest import dsse as attest_dsse
from vouchsafe.attest import keys
from vouchsafe.attest.errors import Malformed as AttestMalformed
from vouchsafe.attest.errors import NotVerified
from vouchsafe.attest.formats import anykey
from vouchsafe.ledger import ed25519, notes
from vouchsafe.ledger.errors import Malformed, SignatureError
from vouchsafe.sbom import dsse as sbom_dsse
from vouchsafe.sbom.errors import Malformed as SbomMalformed

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
        (
            ed25519.public_of(SEED),
            b"text",
            b"\x05" * 32 + ed25519.ORDER.to_bytes(32, "little"),
            "S is not below",
        ),
        (ed25519.public_of(SEED), b"text", b"\x05" * 32 + b"\xff" * 32, "S is not below"),
    ],
)
def test_each_fault_is_named(public, message, signature, word):
    with pytest.raises(SignatureError, match=word):
        ed25519.verify(public, message, signature)
    assert not ed25519.is_valid(public, message, signature)


def test_an_s_with_the_order_added_is_another_signature_and_refused():
    """S + L verifies where S is not looked at (RFC 8032 5.1.7): the same signature in a second spelling."""
    good = ed25519.sign(SEED, b"text")
    again = int.from_bytes(good[32:], "little") + ed25519.ORDER
    assert not ed25519.is_valid(ed25519.public_of(SEED), b"text", good[:32] + again.to_bytes(32, "little"))


def test_a_non_canonical_r_is_refused(fixtures):
    """The libraries compare R as bytes with the one spelling that they compute, so the rule need not name it."""
    cases = json.loads((fixtures / "device-evidence/C2SP_CCTV/ed25519/ed25519vectors.json").read_text())
    odd = [case for case in cases if "non_canonical_R" in (case["flags"] or [])]
    assert odd
    for case in odd:
        key, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        assert not ed25519.is_valid(key, case["msg"].encode(), signature)


def test_every_place_that_verifies_ed25519_gives_the_same_verdicts(fixtures):
    """Notes, device evidence, foreign COSE messages and both DSSE readers, on all published edge cases."""
    cases = json.loads((fixtures / "device-evidence/C2SP_CCTV/ed25519/ed25519vectors.json").read_text())
    accepted = 0
    for case in cases:
        public, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        message = case["msg"].encode()
        expected = ed25519.is_valid(public, message, signature)
        accepted += expected
        found = {
            "note": verdict(lambda: notes.Verifier("x", notes.ED25519, public).verify(message, signature)),
            "evidence": keys.verify(keys.ED25519, public, message, signature),
            "cose": verdict(lambda: anykey.Key("Ed25519", Point(public)).verify(-8, message, signature)),
            "sbom envelope": sbom_dsse._holds(Point(public), signature, message),
            "statement": attest_dsse._holds(keys.ED25519, public, message, signature),
        }
        assert set(found.values()) == {expected}, (case["number"], found)
    assert (len(cases), accepted) == (914, 43)


class Point(Ed25519PublicKey):
    """Any 32 bytes as the library's type: its own constructor takes all 914 keys, but this need not depend on it."""

    def __init__(self, raw):
        self.raw = raw

    def public_bytes_raw(self):
        return self.raw

    def public_bytes(self, encoding, format):
        raise AssertionError("not asked for")

    def verify(self, signature, data):
        raise AssertionError("asked the library past the rule")

    def __eq__(self, other):
        return self is other

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    __hash__ = None


def verdict(act):
    try:
        act()
    except (SignatureError, NotVerified):
        return False
    return True


def test_a_key_that_the_rule_refuses_is_refused_when_it_is_read(fixtures):
    cases = json.loads((fixtures / "device-evidence/C2SP_CCTV/ed25519/ed25519vectors.json").read_text())
    refused = 0
    for raw in {bytes.fromhex(case["key"]) for case in cases}:
        fault = ed25519.public_key_fault(raw)
        der = keys._SPKI_ED25519 + raw
        pem = b"-----BEGIN PUBLIC KEY-----\n" + b64encode(der) + b"\n-----END PUBLIC KEY-----\n"
        vkey = notes.Verifier("x", notes.ED25519, raw).vkey
        for read, data in (
            (keys.from_spki, der),
            (anykey.read, der),
            (anykey.read, pem),
            (sbom_dsse.public_key, pem),
            (notes.parse_vkey, vkey),
        ):
            if fault is None:
                read(data)
                continue
            refused += 1
            with pytest.raises((Malformed, AttestMalformed, SbomMalformed), match=fault):
                read(data)
    assert refused >= 5 * 14
