"""COSE_Sign1, on the COSE working group's own examples."""

import json

import pytest

from tests.attest import making as m
from vouchsafe.attest import keys, limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor, cose, eat


def jwk(found):
    out = dict(found)
    for name in ("x", "y"):
        if f"{name}_hex" in out:
            raw = bytes.fromhex(out[f"{name}_hex"])
            out[name] = keys.base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return out


# Sign1 examples that we do not verify, each with its reason. An example that is missing here and fails, fails the test; so
# does one that is listed and verifies.
NOT_OURS = {
    "ecdsa-examples/ecdsa-sig-02.json": "ES384 with P-384: not an algorithm of the profile",
    "eddsa-examples/eddsa-sig-02.json": "Ed448: not an algorithm of the profile",
    "sign1-tests/sign-pass-03.json": "without tag 18, which the profile asks for; verifies when told so",
}


def verdict(example):
    """Whether the example verifies as a general COSE_Sign1 with tag 18."""
    given = example["input"]["sign0"]
    try:
        message = cose.parse(bytes.fromhex(example["output"]["cbor"]))
        alg, public = keys.from_jwk(jwk(given["key"]))
    except Malformed:
        return False
    named = message.headers.get(cose.ALG, message.unprotected.get(cose.ALG))
    if cose.KEY_OF_ALG.get(named) != alg:
        return False
    return message.verify(alg, public, external_aad=bytes.fromhex(given.get("external", "")))


def test_the_working_groups_examples_agree(fixtures):
    folder = fixtures / "device-evidence" / "cose-wg_Examples"
    seen = 0
    for path in sorted(folder.glob("*/*.json")):
        example = json.loads(path.read_text())
        name = path.relative_to(folder).as_posix()
        raw = bytes.fromhex(example["output"]["cbor"])
        if "sign0" not in example["input"]:
            with pytest.raises(Malformed):  # another COSE message: never taken for a COSE_Sign1
                cose.parse(raw)
            continue
        seen += 1
        expected = not example.get("fail") and name not in NOT_OURS
        assert verdict(example) is expected, name
        if "ToBeSign_hex" in example.get("intermediates", {}) and expected:
            aad = bytes.fromhex(example["input"]["sign0"].get("external", ""))
            assert (
                cose.parse(raw).signed_bytes(aad).hex().upper() == example["intermediates"]["ToBeSign_hex"]
            ), name
        with pytest.raises(Malformed):  # none has our protected header, so none is our evidence
            eat.parse(raw)
    assert seen == 12
    for name in NOT_OURS:
        assert (folder / name).exists()


def test_the_untagged_example_verifies_when_told_so(fixtures):
    example = json.loads(
        (fixtures / "device-evidence/cose-wg_Examples/sign1-tests/sign-pass-03.json").read_text()
    )
    message = cose.parse(bytes.fromhex(example["output"]["cbor"]), tagged=False)
    assert message.verify(*keys.from_jwk(jwk(example["input"]["sign0"]["key"])))


def test_the_psa_token_of_tf_m_verifies_and_is_not_our_profile(fixtures):
    folder = fixtures / "device-evidence/veraison_psatoken/testvectors/tf-m"
    raw = (folder / "psa-2_0_0_sign1.bin").read_bytes()
    message = cose.parse(raw)
    assert message.verify(*keys.from_pem((folder / "public.pem").read_bytes()))
    changed = message._replace(payload=message.payload[:-1] + b"\x00")
    assert not changed.verify(*keys.from_pem((folder / "public.pem").read_bytes()))
    with pytest.raises(Malformed, match="protected header"):
        eat.parse(raw)


GOOD = m.token()


def rebuilt(protected=None, unprotected=b"\xa0", signature=None, tag=b"\xd2", count=b"\x84", tail=b""):
    parsed = cose.parse(GOOD)
    return (
        tag + count + cbor.encode_bytes(parsed.protected if protected is None else protected) + unprotected
        + cbor.encode_bytes(parsed.payload) + cbor.encode_bytes(parsed.signature if signature is None else signature) + tail
    )  # fmt: skip


def test_parts_put_together_again_are_the_message():
    assert rebuilt() == GOOD


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", "evidence at byte 0"),
        (rebuilt(tag=b""), "evidence at byte 0"),
        (rebuilt(tag=b"\xd9\x03\xe6"), "evidence at byte 0"),
        (rebuilt(count=b"\x85"), "evidence at byte 1"),
        (rebuilt(unprotected=b"\x80"), "unprotected header"),
        (rebuilt(unprotected=b"\xa1\x01\x32"), "unprotected header"),  # alg in both buckets
        (rebuilt(protected=b"\x80"), "protected header"),
        (rebuilt(protected=b"\xa1\x01"), "protected header at byte 2"),
        (rebuilt(tail=b"\x00"), f"evidence at byte {len(GOOD)}"),
        (GOOD[:-1], f"evidence at byte {len(GOOD) - 66}"),
    ],
)
def test_a_message_of_another_shape_is_refused_at_its_place(raw, place):
    with pytest.raises(Malformed) as refused:
        cose.parse(raw)
    assert refused.value.place == place


@pytest.mark.parametrize(
    "raw",
    [
        rebuilt(protected=b""),
        rebuilt(protected=cbor.encode({1: -19})),
        rebuilt(protected=cbor.encode({1: -19, 4: b"short"})),
        rebuilt(protected=cbor.encode({1: "EdDSA", 4: bytes(16)})),
        rebuilt(protected=cbor.encode({1: True, 4: bytes(16)})),
        rebuilt(protected=cbor.encode({1: -19, 3: 0, 4: bytes(16)})),
        rebuilt(protected=cbor.encode({1: -19, 2: [4], 4: bytes(16)})),
        rebuilt(unprotected=cbor.encode({5: b"iv"})),
        rebuilt(unprotected=cbor.encode({5: b"iv", 33: b""})),
    ],
)
def test_headers_outside_the_profile_are_refused(raw):
    cose.parse(raw)
    with pytest.raises(Malformed, match="protected header"):
        eat.parse(raw)


def test_a_message_at_the_limit_is_read_and_one_byte_more_is_not():
    def sized(size):
        return rebuilt(unprotected=b"\xa1\x18\x21" + cbor.encode_bytes(bytes(size)))

    room = limits.MAX_EVIDENCE_BYTES - len(sized(1000)) + 1000
    assert len(sized(room)) == limits.MAX_EVIDENCE_BYTES
    cose.parse(sized(room))
    with pytest.raises(Malformed, match="at most"):
        cose.parse(sized(room + 1))


def test_another_signature_length_does_not_hold():
    assert not cose.parse(rebuilt(signature=bytes(63))).verify(m.KEY.alg, m.KEY.public)
