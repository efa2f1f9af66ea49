"""DSSE: the protocol's own example, and each way in which an envelope can be wrong."""

import json
import re

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attest import making as m
from vouchsafe.agent.signer import P256Signer
from vouchsafe.attest import dsse, keys, limits
from vouchsafe.attest.errors import Malformed, NotVerified

P256 = P256Signer(m.digest("p256"))
ED = ("the device", m.SIGNER.alg, m.SIGNER.public)
GOOD = dsse.seal("type", b"body", [("hint", m.SIGNER.sign)])


def test_the_protocols_example_verifies(fixtures):
    text = (fixtures / "device-evidence/secure-systems-lab_dsse/protocol.md").read_text()
    pae = re.search(r"^DSSEv1 .*$", text, re.MULTILINE)[0].encode()
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == pae
    x, y = (int(re.search(rf"^{name}: (\d+)$", text, re.MULTILINE)[1]) for name in "XY")
    public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    raw = re.search(r'^\{"payload".*?^', text, re.MULTILINE | re.DOTALL)[0]
    raw = text[text.index(raw) : text.index("```", text.index(raw))].encode()
    envelope = dsse.open_envelope(raw)
    signer = ("the example's key", keys.P256, public)
    assert dsse.verified_body(envelope, "http://example.com/HelloWorld", [signer]) == b"hello world"
    with pytest.raises(NotVerified, match="the example's key"):
        dsse.verified_body(envelope._replace(body=b"hello worle"), envelope.payload_type, [signer])


def test_pae_counts_bytes_not_characters():
    assert dsse.pae("é", b"\x00") == b"DSSEv1 2 \xc3\xa9 1 \x00"


def test_a_sealed_body_comes_back_for_its_signers():
    assert dsse.verified_body(dsse.open_envelope(GOOD), "type", [ED]) == b"body"


def test_another_type_is_not_this_statement():
    with pytest.raises(Malformed, match="envelope.payloadType: expected other, got type"):
        dsse.verified_body(dsse.open_envelope(GOOD), "other", [ED])


def test_each_named_signer_must_have_signed():
    with pytest.raises(NotVerified, match="the station"):
        dsse.verified_body(dsse.open_envelope(GOOD), "type", [ED, ("the station", P256.alg, P256.public)])


def test_ecdsa_in_der_and_raw_both_hold():
    raw = dsse.seal("type", b"body", [("raw", P256.sign)])
    der = dsse.seal(
        "type", b"body", [("der", lambda message: P256._key.sign(message, ec.ECDSA(hashes.SHA256())))]
    )
    for one in raw, der:
        assert dsse.verified_body(dsse.open_envelope(one), "type", [("x", P256.alg, P256.public)]) == b"body"


@pytest.mark.parametrize("signature", [b"", b"\x30\x00", b"no signature", bytes(64),
                                       encode_dss_signature(1 << 256, 1), encode_dss_signature(0, 1)])  # fmt: skip
def test_another_ecdsa_signature_does_not_hold(signature):
    envelope = dsse.Envelope("type", b"body", (dsse.Signature("", signature),))
    with pytest.raises(NotVerified):
        dsse.verified_body(envelope, "type", [("x", P256.alg, P256.public)])


def test_both_alphabets_are_taken_with_their_padding():
    found = json.loads(GOOD)
    for text in ("_-8=", "/+8="):
        found["payload"] = text
        assert dsse.open_envelope(json.dumps(found).encode()).body == b"\xff\xef"


def changed(**parts):
    return json.dumps({**json.loads(GOOD), **parts}).encode()


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", "envelope line 1 column 1"),
        (b'{"payload":"","payload":""}', "envelope line 1 column 15"),
        (b"\xff\xfe{", "envelope byte 0"),
        (b"[]", "envelope"),
        (changed(payloadType=7), "envelope.payloadType"),
        (changed(payloadType=""), "envelope.payloadType"),
        (changed(payload="_-8"), "envelope.payload"),
        (changed(payload="_+8="), "envelope.payload"),
        (changed(payload=7), "envelope.payload"),
        (changed(payload="a b="), "envelope.payload"),
        (changed(payload="a"), "envelope.payload"),
        (changed(payload="abc=\n"), "envelope.payload"),
        (changed(signatures=[]), "envelope.signatures"),
        (changed(signatures=[{"sig": ""}] * (limits.MAX_STATEMENT_SIGNATURES + 1)), "envelope.signatures"),
        (changed(signatures={}), "envelope.signatures"),
        (changed(signatures=["x"]), "envelope.signatures[0]"),
        (changed(signatures=[{"sig": "", "keyid": 7}]), "envelope.signatures[0].keyid"),
        (changed(signatures=[{"sig": ""}, {}]), "envelope.signatures[1].sig"),
        (b" " * (limits.MAX_STATEMENT_BYTES + 1), "envelope byte 0"),
    ],
)
def test_another_envelope_is_refused_at_its_place(raw, place):
    with pytest.raises(Malformed) as refused:
        dsse.open_envelope(raw)
    assert refused.value.place == place


def test_an_envelope_at_the_limit_is_opened():
    assert dsse.open_envelope(GOOD + b" " * (limits.MAX_STATEMENT_BYTES - len(GOOD)))
    most = changed(signatures=[{"sig": ""}] * limits.MAX_STATEMENT_SIGNATURES)
    assert len(dsse.open_envelope(most).signatures) == limits.MAX_STATEMENT_SIGNATURES


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_mutated_envelopes_raise_malformed_or_are_opened(data):
    raw = bytearray(GOOD)
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        opened = dsse.open_envelope(bytes(raw))
        dsse.verified_body(opened, "type", [ED])
    except (Malformed, NotVerified):
        return
    assert opened.body == b"body"
