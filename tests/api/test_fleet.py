"""The fleet through the API: devices and their past, advisories, and who may do what."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import OSV, SERIALS, Api, Company
from vouchsafe.api import tokens
from vouchsafe.kernel import publish
from vouchsafe.ledger import policy, proofs
from vouchsafe.ledger.errors import LedgerError


def test_the_summary_adds_up(company: Company) -> None:
    found = company["marcus"].get("/fleet/summary")
    assert found["total"] == len(SERIALS) == sum(cell["devices"] for cell in found["cells"])
    assert found["freshness"] == {"confirmed": 2, "unknown": 1}
    assert {r["version"]: r["devices"] for r in found["releases"]} == {"4.2.1": 0, "4.1.2": 2, "": 1}


@pytest.mark.parametrize(
    ("query", "serials"),
    [
        ("", set(SERIALS)),
        ("?text=T4-0311", {SERIALS[0]}),
        ("?text=%25", set()),
        ("?verdict=affirming&freshness=confirmed", set(SERIALS[:2])),
        ("?freshness=unknown", {SERIALS[2]}),
        ("?version=4.1.2&site=h0", {SERIALS[0]}),
        ("?version=-", {SERIALS[2]}),
        ("?lot=L9", set()),
    ],
)
def test_devices_are_filtered(company: Company, query: str, serials: set[str]) -> None:
    found = company["marcus"].get(f"/fleet/devices{query}")
    assert {row["serial"] for row in found["rows"]} == serials
    assert found["total"] == len(serials)


def test_devices_come_in_pages(company: Company) -> None:
    pages = [company["marcus"].get(f"/fleet/devices?size=2&page={n}") for n in (1, 2, 3)]
    assert [len(page["rows"]) for page in pages] == [2, 1, 0]
    assert {page["total"] for page in pages} == {3}
    company["marcus"].get("/fleet/devices?size=201", 422)
    company["marcus"].get("/fleet/devices?page=0", 422)


def test_a_device_shows_its_state_its_key_and_its_entries(company: Company) -> None:
    found = company["marcus"].get(f"/fleet/devices/{SERIALS[0]}")
    assert (found["verdict"], found["freshness"], found["version"]) == ("affirming", "confirmed", "4.1.2")
    assert found["identities"][0]["key_origin"] == "software"
    assert [entry["kind"] for entry in found["entries"]] == ["device.evidence", "device.enrol"]
    assert found["intervals"][0]["attested"] and not found["intervals"][-1]["attested"]
    by_udi = company["marcus"].get(f"/fleet/devices/(01)05060912340019(21){SERIALS[0]}")
    assert by_udi["serial"] == SERIALS[0]


def test_a_device_that_is_not_there_is_said_so(company: Company) -> None:
    refused = company["marcus"].get("/fleet/devices/T4-9999", 404)
    assert refused["code"] == "not_found" and "T4-9999" in refused["message"]


def test_the_state_at_an_instant_is_by_what_was_proven_before_it(company: Company) -> None:
    now = company["marcus"].get(f"/fleet/devices/{SERIALS[0]}/state")
    assert (now["version"], now["freshness"], now["in_gap"]) == ("4.1.2", "confirmed", False)
    early = company["marcus"].get(f"/fleet/devices/{SERIALS[0]}/state?at=2026-09-21T14:30:00Z")
    assert (early["version"], early["freshness"], early["proven_at"]) == ("", "unknown", None)
    assert early["next_proof_at"] == now["proven_at"]
    for at in ("yesterday", "2026-09-21T14:30:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"):
        company["marcus"].get(f"/fleet/devices/{SERIALS[0]}/state?at={at}", 422)


def test_the_strip_has_its_lanes_and_a_window(company: Company) -> None:
    now = datetime.now(UTC)
    window = f"from={_z(now - timedelta(days=2))}&to={_z(now)}"
    found = company["marcus"].get(f"/fleet/devices/{SERIALS[0]}/strip?{window}")
    assert len(found["proofs"]) == 1 and found["firmware"][-1]["text"] == "4.1.2"
    backwards = f"from={_z(now)}&to={_z(now - timedelta(days=2))}"
    assert company["marcus"].get(f"/fleet/devices/{SERIALS[0]}/strip?{backwards}", 422)["place"] == "to"


def test_the_proof_of_an_entry_checks_against_the_logs_keys(company: Company) -> None:
    index = company["marcus"].get(f"/fleet/devices/{SERIALS[0]}")["index"]
    found = company["marcus"].get(f"/fleet/devices/{SERIALS[0]}/proof/{index}")
    whole = proofs.TwoStep(
        found["leaf"].encode(), proofs.parse(found["proof"].encode()),
        found["root_leaf"].encode(), proofs.parse(found["root_proof"].encode()),
    )  # fmt: skip
    shard, root = (policy.parse(text) for text in publish.trust_policies())
    assert proofs.verify_two_step(whole, shard_policy=shard, root_policy=root)
    changed = replace(whole, entry=whole.entry.replace(b'"kind"', b'"kind" '))
    with pytest.raises(LedgerError):
        proofs.verify_two_step(changed, shard_policy=shard, root_policy=root)
    other = company["marcus"].get(f"/fleet/devices/{SERIALS[1]}/proof/{index}", 404)
    assert "not about this device" in other["message"]


def test_sites_hold_their_devices(company: Company) -> None:
    found = company["marcus"].get("/fleet/sites")
    assert {site["key"]: site["devices"] for site in found} == {"h0": 1, "h1": 1, "h2": 1}
    assert company["marcus"].get("/fleet/sites/h2")["worst"] == "none"
    company["marcus"].get("/fleet/sites/h9", 404)


def test_an_advisory_reaches_three_sets_that_add_up(company: Company) -> None:
    (row,) = company["marcus"].get("/advisories")
    found = company["marcus"].get(f"/advisories/{row['id']}/impact")
    assert (found["confirmed"], found["last_known"], found["unknown"], found["scope"]) == (2, 0, 1, 3)
    assert [c["name"] for c in found["components"]] == ["time"]
    assert [b["version"] for b in found["builds"]] == ["4.1.2"] and found["unaffected_versions"] == ["4.2.1"]
    listed = company["marcus"].get(f"/advisories/{row['id']}/devices?set=confirmed")
    assert {d["serial"] for d in listed["rows"]} == set(SERIALS[:2])
    company["marcus"].get(f"/advisories/{row['id']}/devices?set=all", 422)
    company["marcus"].get("/advisories/999/impact", 404)


def test_an_advisory_names_its_record_to_whoever_may_see_it(company: Company) -> None:
    data = {**OSV, "id": "RUSTSEC-2026-0003", "aliases": []}
    row = company["priya"].post("/advisories", data, 201)
    number = company["priya"].get(f"/advisories/{row['id']}")["record"]
    assert company["priya"].get(f"/records/{number}")["content"]["advisory"] == row["key"]
    assert company["nobody"].get(f"/advisories/{row['id']}")["record"] == ""
    narrow = Api(tokens.make(company.people["priya"], "x", ["fleet:read"], at=datetime.now(UTC))[1])
    assert narrow.get(f"/advisories/{row['id']}")["record"] == ""


def test_importing_an_advisory_needs_the_role_and_says_which(company: Company) -> None:
    before = company["marcus"].get("/advisories")
    refused = company["sal"].post("/advisories", {**OSV, "id": "RUSTSEC-2026-0001"}, 403)
    assert "security_lead" in refused["roles"] and "Priya" in refused["holders"]
    assert company["marcus"].get("/advisories") == before


def test_the_same_advisory_twice_changes_nothing(company: Company) -> None:
    data = json.dumps(OSV | {"id": "RUSTSEC-2026-0002", "aliases": []}).encode()
    first = company["priya"]("POST", "/advisories", data=data, content_type="application/json")
    again = company["priya"]("POST", "/advisories", data=data, content_type="application/json")
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    assert first.json()["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"id": 1}', b"\xff\xfe", b'{"id":' + b"[" * 5000])
def test_what_is_no_advisory_is_refused_with_its_place(company: Company, data: bytes) -> None:
    before = len(company["priya"].get("/advisories"))
    refused = company["priya"]("POST", "/advisories", data=data, content_type="application/json")
    assert refused.status_code == 422 and refused.json()["place"] == "advisory"
    assert len(company["priya"].get("/advisories")) == before


def test_an_oversized_advisory_is_refused_unread(company: Company) -> None:
    refused = company["priya"]("POST", "/advisories", data=b" " * (4 * 1024 * 1024 + 1))
    assert refused.status_code == 413 and refused.json()["code"] == "too_large"


def _z(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def test_a_reader_without_any_role_sees_the_fleet_as_on_the_pages(company: Company) -> None:
    found: Any = company["nobody"].get("/fleet/devices")
    assert found["total"] == 3
