"""A field action through the API: freeze, units, replies; and a bundle that verifies."""

import hashlib
import io
import zipfile
from typing import Any

import pytest

from tests.api.conftest import SERIALS, Company
from vouchsafe.bundle import verify
from vouchsafe.fleet import bundles


@pytest.fixture(scope="module")
def action(company: Company) -> str:
    number = company.field_action()
    company["priya"].get(f"/records/{number}/population", 404)
    return number


@pytest.fixture(scope="module")
def frozen(company: Company, action: str) -> Any:
    return company["priya"].post(f"/records/{action}/population", {}, 201)


def test_only_who_takes_part_may_freeze_and_only_a_field_action(company: Company, action: str) -> None:
    refused = company["sal"].post(f"/records/{action}/population", {}, 403)
    assert refused["code"] == "denied" and refused["roles"]
    other = company.vulnerability()
    assert "no field action" in company["priya"].post(f"/records/{other}/population", {}, 409)["message"]
    both = {"udi_di": "05060912340019", "versions": ["4.1.2"]}
    assert company["priya"].post(f"/records/{action}/population", both, 422)["place"] == "versions"
    company["priya"].get(f"/records/{action}/population", 404)


def test_a_population_is_frozen_once_and_adds_up(company: Company, action: str, frozen: Any) -> None:
    assert frozen["size"] == 3 and frozen["sets"] == {"confirmed": 2, "last_known": 0, "unknown": 1}
    standing = frozen["standing"]
    assert standing["scope"] == standing["open"] == 3
    listed = company["priya"]("GET", f"/records/{action}/population/list").content
    assert hashlib.sha256(listed).hexdigest() == frozen["digest"]
    assert "never frozen again" in company["priya"].post(f"/records/{action}/population", {}, 409)["message"]
    assert frozen["against_closing"] and SERIALS[0] in frozen["against_closing"][0]


def test_units_are_listed_by_status_and_serial(company: Company, action: str, frozen: Any) -> None:
    found = company["priya"].get(f"/records/{action}/population/members?status=open&size=2")
    assert found["total"] == 3 and len(found["rows"]) == 2
    assert company["priya"].get(f"/records/{action}/population/members?text={SERIALS[1]}")["total"] == 1
    company["priya"].get(f"/records/{action}/population/members?status=gone", 422)
    company["nobody"].get(f"/records/{action}/population/members", 404)


def test_a_signed_reply_moves_its_units_and_a_refused_one_none(
    company: Company, action: str, frozen: Any
) -> None:
    given = {
        "outcome": "destroyed",
        "serials": SERIALS[2],
        "signed_by": "Dr. Lind",
        "signed_on": "2026-11-01",
    }
    path = f"/records/{action}/population/replies"
    for wrong, status in (
        ({"outcome": "corrected"}, 422), ({"serials": "T4-9999"}, 409), ({"signed_on": "2999-01-01"}, 422),
        ({"signed_by": ""}, 422),
    ):  # fmt: skip
        answer = company["priya"].form(path, {**given, **wrong, "document": _file()})
        assert answer.status_code == status, answer.content
    assert company["priya"].form(path, given).status_code == 422
    assert company["sal"].form(path, {**given, "document": _file()}).status_code == 403
    assert company["priya"].get(f"/records/{action}/population")["standing"]["open"] == 3
    answer = company["priya"].form(path, {**given, "document": _file()})
    assert answer.status_code == 200 and answer.json() == {"units": 1}
    standing = company["priya"].get(f"/records/{action}/population")["standing"]
    assert (standing["open"], standing["destroyed"], standing["scope"]) == (2, 1, 3)


def test_the_progress_ends_where_the_units_stand(company: Company, action: str, frozen: Any) -> None:
    found = company["priya"].get(f"/records/{action}/population/progress")
    assert (found[0]["open"], found[0]["at"]) == (3, frozen["frozen_at"])
    standing = company["priya"].get(f"/records/{action}/population")["standing"]
    assert all(found[-1][name] == standing[name] for name in ("open", "destroyed", "corrected"))
    company["nobody"].get(f"/records/{action}/population/progress", 404)


def test_a_note_moves_nothing(company: Company, action: str, frozen: Any) -> None:
    given = {"kind": "scheduled", "serials": [SERIALS[0]], "day": "2026-12-01"}
    company["sal"].post(f"/records/{action}/population/notes", given, 403)
    assert company["priya"].post(f"/records/{action}/population/notes", given) == {"units": 1}
    standing = company["priya"].get(f"/records/{action}/population")["standing"]
    assert standing["scheduled"] == 1 and standing["open"] >= 2


def test_a_bundle_verifies_with_the_policy_that_the_api_gives(company: Company, tmp_path: Any) -> None:
    number = company.vulnerability()
    company.sign(number, "triage", "reviewed", "priya")
    company["nobody"].post(f"/records/{number}/bundle", {}, 404)
    answer = company["priya"]("POST", f"/records/{number}/bundle")
    assert answer.status_code == 200, answer.content
    assert answer.headers["X-Bundle-SHA256"] == hashlib.sha256(answer.content).hexdigest()
    assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None
    path, policy = tmp_path / "bundle.zip", tmp_path / "trust.txt"
    path.write_bytes(answer.content)
    policy.write_bytes(company["priya"]("GET", "/trust").content)
    assert policy.read_text() == bundles.trust(allow=bundles.UNWITNESSED)
    assert verify.main([str(path), "--policy", str(policy)]) == 0
    (newest, *_) = company["priya"].get(f"/records/{number}/history")
    assert newest["kind"] == "bundle.exported"


def _file() -> io.BytesIO:
    file = io.BytesIO(b"We destroyed it. Signed, Dr. Lind")
    file.name = "reply.pdf"
    return file
