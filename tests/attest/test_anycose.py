"""Signed COSE messages of others: the whole set of the working group's examples, and each way to be wrong."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import disagreements
from tests.attest import making as m
from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed, NotRead, NotVerified
from vouchsafe.attest.formats import anycose, anykey, cbor, eat

EXAMPLES = "device-evidence/cose-wg_Examples"
LISTED = Path(__file__).with_name("disagreements.tsv")


def jwk(found):
    """The working group's keys: JWKs, some with their coordinates in hex."""
    out = {name: found[name] for name in ("kty", "crv", "x", "y") if name in found}
    for name in ("x", "y"):
        if f"{name}_hex" in found:
            out[name] = base64.urlsafe_b64encode(bytes.fromhex(found[f"{name}_hex"])).rstrip(b"=").decode()
    return anykey.from_jwk(out)


def cases(fixtures):
    folder = fixtures / EXAMPLES
    for path in sorted(folder.glob("*/*.json")):
        example = json.loads(path.read_text())
        yield path.relative_to(folder).as_posix(), example, bytes.fromhex(example["output"]["cbor"])


def signers(given):
    """(key, external data) of each signer that an example names."""
    if "sign0" in given:
        return [given["sign0"]]
    return given["sign"]["signers"]


def plaintext(example):
    given = example["input"]
    return bytes.fromhex(given["plaintext_hex"]) if "plaintext_hex" in given else given["plaintext"].encode()


def test_the_working_groups_signed_examples_agree(fixtures):
    disagreeing, seen, failing = set(), 0, 0
    for name, example, raw in cases(fixtures):
        if not example["input"].keys() & {"sign0", "sign"}:
            continue
        for number, signer in enumerate(signers(example["input"])):
            seen += 1
            failing += bool(example.get("fail"))
            try:
                aad = bytes.fromhex(signer.get("external", ""))
                payload = anycose.read(raw).verified(jwk(signer["key"]), external_aad=aad)
                agrees = not example.get("fail") and payload == plaintext(example)
            except (Malformed, NotVerified):
                agrees = bool(example.get("fail"))
            if not agrees:
                disagreeing.add((name, f"signer {number}"))
    assert seen >= 20 and failing >= 3
    disagreements.compare(LISTED, "cose-wg_Examples", disagreeing)


def test_what_is_signed_is_what_the_examples_say(fixtures):
    compared = 0
    for name, example, raw in cases(fixtures):
        parts = example["input"].get("sign0")
        stated = example.get("intermediates", {}).get("ToBeSign_hex")
        if parts is None or stated is None or example.get("fail"):
            continue
        message = anycose.read(raw)
        aad = bytes.fromhex(parts.get("external", ""))
        assert message.signed_bytes(message.signatures[0], external_aad=aad).hex().upper() == stated, name
        compared += 1
    assert compared >= 8


def test_every_other_kind_is_refused_by_name(fixtures):
    """MACed and encrypted ones by their tag; without one a MAC looks like a signature and names no algorithm of ours."""
    seen = set()
    for name, example, raw in cases(fixtures):
        if example["input"].keys() & {"sign0", "sign"}:
            continue
        seen.add(name.partition("/")[0])
        if name == "mac0-tests/mac-fail-01.json":  # another tag altogether
            with pytest.raises(Malformed, match="CBOR tag 18 .* got tag 992"):
                anycose.read(raw)
        elif name == "mac0-tests/mac-pass-03.json":  # no tag
            with pytest.raises(NotVerified, match="no algorithm of signatures known here: 5"):
                anycose.read(raw).verified(m_key())
        else:
            with pytest.raises(
                NotRead, match=r"COSE_Sign1 \(tag 18\) or COSE_Sign \(tag 98\), got COSE_(Mac|Encrypt)0?"
            ):
                anycose.read(raw)
    assert {"mac0-tests", "CWT", "RFC8152"} <= seen


def m_key():
    return anykey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(m.SIGNER.public).decode().rstrip("=")})  # fmt: skip


def test_no_example_is_taken_for_our_evidence(fixtures):
    for _, _, raw in cases(fixtures):
        with pytest.raises(Malformed):
            eat.parse(raw)


def test_the_readmes_traps(fixtures):
    found = {name.partition("/")[2][:-5]: (example, raw) for name, example, raw in cases(fixtures)}
    example, raw = found["sign-pass-01"]  # the protected bucket is h'A0' on the wire, zero-length when signed
    message = anycose.read(raw)
    assert (message.protected, message.headers, message.signatures[0].alg) == (b"\xa0", {}, -7)
    assert message.signed_bytes(message.signatures[0])[12:13] == b"\x40"
    message.verified(jwk(example["input"]["sign0"]["key"]))
    example, raw = found["sign-pass-03"]
    assert anycose.read(raw).tagged is False
    example, raw = found["sign-fail-01"]  # its signature is right: only the tag is wrong
    with pytest.raises(Malformed, match=r"message: expected CBOR tag 18 .*, got tag 998"):
        anycose.read(raw)
    anycose.read(b"\xd2" + raw[3:]).verified(jwk(example["input"]["sign0"]["key"]))
    example, raw = found["sign-pass-02"]
    with pytest.raises(
        NotVerified, match="does not hold"
    ):  # signed with external data, which is not given here
        anycose.read(raw).verified(jwk(example["input"]["sign0"]["key"]))
    example, raw = found["Appendix_C_1_4"]
    key = jwk(example["input"]["sign"]["signers"][0]["key"])
    with pytest.raises(NotVerified, match="the critical header 'reserved' is not understood"):
        anycose.read(raw).verified(key)
    assert anycose.read(raw).verified(key, understood={"reserved"}) == plaintext(example)


def test_psa_tokens_and_a_signed_corim_verify(fixtures):
    folder = fixtures / "device-evidence/veraison_psatoken/testvectors/tf-m"
    key = anykey.read((folder / "public.pem").read_bytes())
    tokens = sorted(folder.glob("*.bin"))
    assert tokens
    for path in tokens:
        message = anycose.read(path.read_bytes())
        assert message.verified(key) == message.payload
        with pytest.raises(NotVerified, match="does not hold under this key"):
            message._replace(payload=message.payload[:-1] + b"\x00").verified(key)
    corim = anycose.read((fixtures / "vectors/corim/corim/signed-good-corim.cbor").read_bytes())
    key = anykey.from_jwk({"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                           "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})  # fmt: skip
    assert corim.verified(key) == corim.payload


# -- Our own messages, broken one way each ----------------------------------------------------------------------------

KEY = m_key()
ALG = {1: -8}


def message(headers=ALG, unprotected=None, payload=b"payload", tag=18, aad=b"", signature=None):
    protected = cbor.encode(headers) if headers is not None else b""
    signed = b"\x84\x6aSignature1" + b"".join(map(cbor.encode_bytes, (protected, aad, payload or b"")))
    made = m.SIGNER.sign(signed) if signature is None else signature
    body = b"\x84" + cbor.encode_bytes(protected) + cbor.encode(unprotected or {}) + cbor.encode(payload)
    return (cbor.encode_head(6, tag) if tag else b"") + body + cbor.encode_bytes(made)


def two_signers(kinds=(-8, -8)):
    body = cbor.encode({})
    signatures = []
    for alg in kinds:
        protected = cbor.encode({1: alg})
        signed = b"\x85\x69Signature" + b"".join(map(cbor.encode_bytes, (b"", protected, b"", b"payload")))
        signatures.append(
            b"\x83" + cbor.encode_bytes(protected) + body + cbor.encode_bytes(m.SIGNER.sign(signed))
        )
    return b"\xd8\x62\x84\x40\xa0\x47payload" + bytes([0x80 + len(kinds)]) + b"".join(signatures)


def test_a_message_verifies_tagged_or_not_with_external_data_and_detached():
    assert anycose.read(message()).verified(KEY) == b"payload"
    assert anycose.read(message(tag=0)).verified(KEY) == b"payload"
    assert anycose.read(message(aad=b"outside")).verified(KEY, external_aad=b"outside") == b"payload"
    detached = message().replace(b"\x47payload", b"\xf6")
    assert anycose.read(detached).verified(KEY, payload=b"payload") == b"payload"
    assert anycose.read(two_signers()).verified(KEY) == b"payload"
    assert anycose.read(two_signers((-7, -8))).verified(KEY) == b"payload"  # the second is the key's
    assert anycose.read(two_signers()[2:]).kind == anycose.SIGN
    assert anycose.read(b"\xd8\x3d" + message()).verified(KEY) == b"payload"  # RFC 8392 6: the tag of a CWT


def test_what_stands_inside_the_tag_of_a_cwt_is_named_too():
    for raw, got in (
        (message(tag=17), r"COSE_Mac0 \(tag 17\)"),
        (message(tag=0), "a CWT without the tag of its message"),
        (b"\xd8\x3d" + message(), "a CWT without the tag of its message"),
    ):
        with pytest.raises(NotRead, match=got):
            anycose.read(b"\xd8\x3d" + raw)


@pytest.mark.parametrize(
    ("raw", "given", "reason"),
    [
        (message(aad=b"x"), {}, "does not hold"),
        (message(), {"external_aad": b"x"}, "does not hold"),
        (message(), {"payload": b"payload"}, "carries its own"),
        (message().replace(b"\x47payload", b"\xf6"), {}, "detached and was not given"),
        (message({1: -7}), {}, "the message names ES256, the key is one of Ed25519"),
        (message({1: -53}), {}, "the message names Ed448"),
        (message({1: 5}), {}, "no algorithm of signatures known here: 5"),
        (message({1: "EdDSA"}), {}, "no algorithm of signatures known here: 'EdDSA'"),
        (message({1: True}), {}, "no algorithm of signatures known here: True"),
        (message({4: b"kid"}), {}, "no algorithm of signatures known here: None"),
        (message(signature=bytes(63)), {}, "does not hold"),
        (message({1: -8, 2: [99], 99: 1}), {}, "critical header 99 is not understood"),
        (message({1: -8, 2: [99]}), {"understood": {99}}, "crit names 99, which is not in the protected header"),
        (message({1: -8, 2: []}), {}, "crit is not an array of labels"),
        (message({1: -8, 2: 1}), {}, "crit is not an array of labels"),
        (message({1: -8, 2: [b"x"]}), {}, "crit names b'x'"),
        (message(unprotected={2: [4]}), {}, "crit stands in the unprotected header"),
        (two_signers((-7, -53)), {}, "signature 1: the message names ES256, .*; signature 2: the message names Ed448"),
    ],
)  # fmt: skip
def test_what_does_not_verify_says_why(raw, given, reason):
    with pytest.raises(NotVerified, match=reason):
        anycose.read(raw).verified(KEY, **given)


def test_a_critical_header_that_the_caller_knows_is_let_through():
    raw = message({1: -8, 2: [1, 99], 99: 1})
    assert anycose.read(raw).verified(KEY, understood={99}) == b"payload"


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", "message at byte 0"),
        (message(tag=19), "message"),
        (message(tag=61), "message"),
        (b"\xd2\x83\x40\xa0\x40", "message"),
        (b"\xd2\xa0", "message"),
        (b"\xd2\x84\x60\xa0\x40\x40", "message protected header"),
        (b"\xd2\x84\x41\x80\xa0\x40\x40", "message protected header"),
        (b"\xd2\x84\x41\xff\xa0\x40\x40", "message protected header at byte 0"),
        (b"\xd2\x84\x43\xa1\x41\x78\xa0\x40\x40", "message protected header at byte 3"),
        (b"\xd2\x84\x44\xa1\x41\x78\x00\xa0\x40\x40", "message protected header"),
        (b"\xd2\x84\x40\x80\x40\x40", "message unprotected header"),
        (message(unprotected={1: -8}), "message unprotected header"),
        (b"\xd2\x84\x40\xa0\x60\x40", "message payload"),
        (b"\xd2\x84\x40\xa0\x40\x80", "message signature"),
        (b"\xd8\x62\x84\x40\xa0\x40\x40", "message signatures"),
        (b"\xd8\x62\x84\x40\xa0\x40\x80", "message signatures"),
        (b"\xd8\x62\x84\x40\xa0\x40\x91" + b"\x83\x40\xa0\x40" * 17, "message signatures"),
        (b"\xd8\x62\x84\x40\xa0\x40\x82\x83\x40\xa0\x40\x40", "message signature 2"),
        (b"\xd8\x62\x84\x40\xa0\x40\x81\x83\x40\xa0\x60", "message signature 1"),
        (b"\xd8\x62\x84\x40\xa0\x40\x81\x83\x60\xa0\x40", "message signature 1 protected header"),
        (message() + b"\x00", f"message at byte {len(message())}"),
        (message()[:-1], f"message at byte {len(message()) - 66}"),
        (message(payload=bytes(limits.MAX_FOREIGN_BYTES)), "message"),
    ],
)
def test_a_message_of_another_shape_is_refused_at_its_place(raw, place):
    with pytest.raises(Malformed) as refused:
        anycose.read(raw)
    assert refused.value.place == place


def test_sixteen_signatures_are_read():
    raw = b"\xd8\x62\x84\x40\xa0\x40\x90" + b"\x83\x40\xa0\x40" * 16
    assert len(anycose.read(raw).signatures) == limits.MAX_FOREIGN_SIGNATURES


def test_a_message_of_the_most_bytes_is_read():
    room = limits.MAX_FOREIGN_BYTES - len(message(payload=bytes(1000))) + 1000
    raw = message(payload=bytes(room - 2))
    assert limits.MAX_FOREIGN_BYTES - 2 <= len(raw) <= limits.MAX_FOREIGN_BYTES
    anycose.read(raw).verified(KEY)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_messages_are_malformed_or_not_verified_or_the_same_payload(data):
    raw = bytearray(data.draw(st.sampled_from([message(), two_signers(), message(tag=0, aad=b"x")])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        act = data.draw(st.sampled_from(["set", "cut", "drop", "double"]))
        if act == "set":
            raw[at] = data.draw(st.integers(0, 255))
        elif act == "cut":
            del raw[at + 1 :]
        elif act == "drop" and len(raw) > 1:
            del raw[at]
        else:
            raw[at:at] = raw[at : at + 4]
    try:
        payload = anycose.read(bytes(raw)).verified(KEY)
    except (Malformed, NotVerified):
        return
    assert payload == b"payload"
