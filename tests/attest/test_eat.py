"""Claims: what is built is read again; each claim of the wrong type or size is named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attest import making as m
from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor, eat

FULL = m.claims(
    runtime=m.RUNTIME,
    oem_id=32473,
    boot_seed=bytes(16),
    sw_name="pump",
    other=((-80000, [1, b"x"]), ("vendor", {1: "y"})),
)


def test_all_claims_survive_a_round_trip():
    assert eat.parse_claims(eat.build_payload(FULL)) == FULL
    least = eat.Claims(m.KEY.ueid, m.NONCE, eat.PROFILE, 0, 0, 0, bytes(32), (eat.Stage("x", bytes(32), 0),))
    assert eat.parse_claims(eat.build_payload(least)) == least
    assert eat.parse_claims(eat.build_payload(m.claims(oem_id=b"abc"))).oem_id == b"abc"


def payload(**changed):
    found = cbor.decode(eat.build_payload(m.claims()), "x")
    for key, value in changed.items():
        number = int(key.replace("n", "-").lstrip("c"))
        if value is ...:
            found.pop(number, None)
        else:
            found[number] = value
    return cbor.encode(found)


def body(**changed):
    found = {1: [["x", bytes(32), 1]], 2: bytes(32)} | {int(key[1:]): value for key, value in changed.items()}
    return [[eat.CONTENT_FORMAT, cbor.encode(found)]]


WRONG = [
    ({"c10": ...}, "claim 10 (eat_nonce)"),
    ({"c10": bytes(31)}, "claim 10 (eat_nonce)"),
    ({"c10": bytes(33)}, "claim 10 (eat_nonce)"),
    ({"c256": bytes(33)}, "claim 256 (ueid)"),
    ({"c256": b"\x01" + bytes(31)}, "claim 256 (ueid)"),
    ({"c265": ...}, "claim 265 (eat_profile)"),
    ({"c265": ""}, "claim 265 (eat_profile)"),
    ({"c265": "a\nb"}, "claim 265 (eat_profile)"),
    ({"c265": "x" * 256}, "claim 265 (eat_profile)"),
    ({"c267": ...}, "claim 267 (bootcount)"),
    ({"c267": -1}, "claim 267 (bootcount)"),
    ({"c267": True}, "claim 267 (bootcount)"),
    ({"c267": 2**53}, "claim 267 (bootcount)"),
    ({"n75002": ...}, "claim -75002 (secure counter)"),
    ({"n75001": ...}, "claim -75001 (device-log head)"),
    ({"n75001": [1]}, "claim -75001 (device-log head)"),
    ({"n75001": [-1, bytes(32)]}, "claim -75001 (device-log head) size"),
    ({"n75001": [1, bytes(31)]}, "claim -75001 (device-log head) root"),
    ({"n75003": bytes(31)}, "claim -75003 (previous evidence)"),
    ({"n75004": "1"}, "claim -75004 (epoch)"),
    ({"c6": "now"}, "claim 6 (iat)"),
    ({"c258": b"four"}, "claim 258 (oemid)"),
    ({"c258": "x"}, "claim 258 (oemid)"),
    ({"c259": b""}, "claim 259 (hwmodel)"),
    ({"c259": bytes(33)}, "claim 259 (hwmodel)"),
    ({"c260": "2"}, "claim 260 (hwversion)"),
    ({"c260": [2]}, "claim 260 (hwversion)"),
    ({"c260": ["a"] * 5}, "claim 260 (hwversion)"),
    ({"c261": -5}, "claim 261 (uptime)"),
    ({"c262": 1}, "claim 262 (oemboot)"),
    ({"c263": None}, "claim 263 (dbgstat)"),
    ({"c268": bytes(7)}, "claim 268 (bootseed)"),
    ({"c270": 1}, "claim 270 (swname)"),
    ({"c271": "4.1.2"}, "claim 271 (swversion)"),
    ({"c271": []}, "claim 271 (swversion)"),
    ({"c271": [1]}, "claim 271 (swversion)"),
    ({"c273": ...}, "claim 273 (measurements)"),
    ({"c273": []}, "claim 273 (measurements)"),
    ({"c273": [[1, b""], [2, b""]]}, "claim 273 (measurements)"),
    ({"c273": [7]}, "claim 273 (measurements)"),
    ({"c273": [[258, b""]]}, "claim 273 (measurements)"),
    ({"c273": [[eat.CONTENT_FORMAT, "text"]]}, "claim 273 (measurements)"),
    ({"c273": [[eat.CONTENT_FORMAT, b"\x80"]]}, "measurement body"),
    ({"c273": [[eat.CONTENT_FORMAT, b""]]}, "measurement body at byte 0"),
    ({"c273": body(c4=1)}, "measurement body"),
    ({"c273": body(c1=[])}, "measurement 1 (boot chain)"),
    ({"c273": body(c1=[["x", bytes(32), 1]] * (limits.MAX_BOOT_STAGES + 1))}, "measurement 1 (boot chain)"),
    ({"c273": body(c1=[["x", bytes(32)]])}, "measurement 1 (boot chain) stage 0"),
    ({"c273": body(c1=[["x", bytes(32), 1], ["x", bytes(31), 1]])}, "claim measurement 1 (boot chain) stage 1"),
    ({"c273": body(c1=[[1, bytes(32), 1]])}, "claim measurement 1 (boot chain) stage 0"),
    ({"c273": body(c1=[["x", bytes(32), -1]])}, "claim measurement 1 (boot chain) stage 0"),
    ({"c273": body(c2=b"")}, "claim measurement 2 (config)"),
    ({"c273": body(c3="x")}, "claim measurement 3 (runtime)"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "place"), WRONG)
def test_a_wrong_claim_is_named(changed, place):
    with pytest.raises(Malformed) as refused:
        eat.parse_claims(payload(**changed))
    assert refused.value.place == place


def test_limits_of_claims_are_inclusive():
    stages = tuple(eat.Stage(str(n), bytes(32), n) for n in range(limits.MAX_BOOT_STAGES))
    said = m.claims(
        stages=stages,
        counter=2**53 - 1,
        hw_model=bytes(32),
        hw_version=("a",) * 4,
        sw_name="x" * limits.MAX_TEXT_BYTES,
    )
    assert eat.parse_claims(eat.build_payload(said)) == said


def test_a_payload_that_is_no_map_is_refused():
    with pytest.raises(Malformed, match="a map of claims"):
        eat.parse_claims(b"\x80")


def test_the_scheme_of_a_version_may_be_there():
    assert eat.parse_claims(payload(c271=["4.1.2", 1])).sw_version == "4.1.2"


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(eat._KNOWN)), st.none() | st.booleans() | st.integers(-5, 2**60) | st.binary(max_size=40)
                       | st.text(max_size=5) | st.lists(st.integers(0, 3) | st.binary(max_size=34), max_size=3)))  # fmt: skip
def test_any_types_in_known_claims_give_malformed_and_nothing_else(changed):
    found = cbor.decode(eat.build_payload(m.claims()), "x") | changed
    try:
        said = eat.parse_claims(cbor.encode(found))
    except Malformed:
        return
    assert isinstance(said, eat.Claims)
