"""Verdicts and claims as JSON."""

import json

import pytest

from tests.attest import making as m
from vouchsafe.attest import ear, reasons
from vouchsafe.attest.formats.anycbor import Simple, Tagged


def test_a_verdict_says_status_vector_reasons_and_gap():
    found = ear.to_json(m.check(log=m.part(11, 13)))
    assert json.loads(json.dumps(found)) == found
    assert found["ear_status"] == "warning"
    assert found["ear_trustworthiness_vector"]["executables"] == 33
    assert found["gap"]["from_entry"] == 10
    (reason,) = found["reasons"]
    assert (reason["code"], reason["tier"]) == ("dlog_entries_missing", "warning")
    assert reason["sentence"].startswith(
        "Entries of the device log are missing (device log: expected entries 10 to 13"
    )
    assert ear.to_json(m.check(reference=None))["reference_sha256"] is None


def test_claims_are_named_and_bytes_are_hex():
    found = ear.claims_json(m.claims(other=((-9, {1: b"\x00"}), ("x", [b"\x01"]))))
    assert json.loads(json.dumps(found)) == found
    assert found["nonce"] == m.NONCE.hex()
    assert found["stages"][0] == {"name": "loader", "digest": m.LOADER.hex(), "svn": 1}
    assert found["other"] == {"-9": {"1": "00"}, "x": ["01"]}
    assert "runtime" not in found
    assert "other" not in ear.claims_json(m.claims())


def test_the_words_are_those_of_the_published_results(fixtures):
    """Each expected result of another verifier: our elements, our status words, and the status that our tiers give."""
    found = sorted(
        (fixtures / "device-evidence/veraison_services/integration-tests/data/results").glob("*.json")
    )
    assert len(found) >= 5
    seen = set()
    for path in found:
        for result in json.loads(path.read_text()).values():
            vector = result["ear.trustworthiness-vector"]
            assert set(vector) == set(reasons.ELEMENTS), path.name
            worst = max(reasons.tier_of(value) for value in vector.values())
            assert reasons.TIER_NAMES[worst] == result["ear.status"], path.name
            seen.add(result["ear.status"])
    assert seen <= set(reasons.TIER_NAMES.values()) and len(seen) >= 3


@pytest.mark.parametrize(
    ("values", "tier"),
    [((-1, 0, 1), "none"), ((2, 3, 31, -2, -32), "affirming"), ((32, 33, 95, -33, -96), "warning"),
     ((96, 97, 99, 127, -97, -128), "contraindicated")],
)  # fmt: skip
def test_tiers_are_the_ranges_of_ar4si(values, tier):
    assert {reasons.TIER_NAMES[reasons.tier_of(value)] for value in values} == {tier}


def test_a_verdict_on_a_signature_alone_has_the_same_members():
    of_ours = ear.to_json(m.check())
    alone = ear.of_signature(b"x", [reasons.Reason("signature_invalid")], signed=False)
    assert alone.keys() == of_ours.keys()
    assert (alone["ear_status"], alone["ear_trustworthiness_vector"]["instance-identity"]) == (
        "contraindicated",
        99,
    )


def test_values_of_others_become_json():
    value = {b"k": [Tagged(1, b"\x01"), Simple(23), float("nan"), 1.5], -1: None}
    assert ear.plain(value) == {"6b": [{"tag": 1, "value": "01"}, {"simple": 23}, "nan", 1.5], "-1": None}


def test_no_key_of_others_hides_another():
    value = {1: "the issuer", "1": "a text key", b"\x01": 2, "01": 3, "1 (another)": 4}
    assert list(ear.plain(value).values()) == ["the issuer", "a text key", 2, 3, 4]
    assert ear.plain(value)["1"] == "the issuer"
