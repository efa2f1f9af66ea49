"""Verdicts and claims as JSON."""

import json

from tests.attest import making as m
from vouchsafe.attest import ear


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
