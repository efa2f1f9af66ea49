"""Records through the API: what the pages can do, with the same refusals; and that nothing refused changes anything."""

import hashlib
import io
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import FACTS, Company

COUNTED = (
    "kernel_record",
    "kernel_version",
    "kernel_event",
    "kernel_signature",
    "kernel_file",
    "kernel_link",
)


def counts() -> dict[str, int]:
    """How many rows the tables of records hold: what a refused call must leave as they are."""
    from django.db import connection

    with connection.cursor() as cursor:
        found = {}
        for table in COUNTED:
            cursor.execute(f"SELECT count(*) FROM {table}")
            row = cursor.fetchone()
            assert row is not None
            found[table] = row[0]
        return found


def test_a_record_is_opened_read_and_found(company: Company) -> None:
    number = company.vulnerability()
    found = company["priya"].get(f"/records/{number}")
    assert (found["process"], found["state"], found["version"]) == ("vulnerability", "vuln_received", 1)
    assert found["content"]["summary"] == FACTS["summary"]
    body = company["priya"]("GET", f"/records/{number}/version").content
    assert hashlib.sha256(body).hexdigest() == found["sha256"]
    (event,) = company["priya"].get(f"/records/{number}/history")
    assert (event["kind"], event["seq"]) == ("opened", 0)
    listed = company["priya"].get("/records?process=vulnerability&state=vuln_received&size=200")
    assert number in {row["number"] for row in listed["rows"]}
    assert number in {row["number"] for row in company["priya"].get("/search?text=revocation")}
    assert number in {task["number"] for task in company["priya"].get("/tasks")}


def test_every_process_tells_its_states_and_steps(company: Company) -> None:
    found = {p["key"]: p for p in company["sal"].get("/processes")}
    assert set(found) == {"capa", "complaint", "field_action", "vulnerability"}
    assert "triage" in {step["name"] for step in found["vulnerability"]["steps"]}


def test_a_process_tells_its_fields_and_what_opening_may_write(company: Company) -> None:
    found = company["sal"].get("/processes/complaint")
    fields = {f["name"]: f for f in found["fields"]}
    assert fields["words"]["personal"] and fields["unit"]["kind"] == "device"
    assert "words" in found["opening"] and found["relations"]
    vulnerability = {f["name"]: f for f in company["sal"].get("/processes/vulnerability")["fields"]}
    assert "vulnerability_feed" in vulnerability["source"]["choices"]
    rows = [f for f in vulnerability.values() if f["kind"] == "rows"]
    assert rows and all(f["columns"] for f in rows)
    assert set(FACTS) <= set(vulnerability)
    company["sal"].get("/processes/no_such", 404)


def test_personal_values_are_shown_to_whoever_may_read_the_record(company: Company) -> None:
    given = {"words": "It stopped, twice.", "patient": "Mrs Example, born 1950"}
    made = company["marcus"].post(
        "/records", {"process": "complaint", "title": "Pump stopped", "changes": given}, 201
    )
    found = company["ingrid"].get(f"/records/{made['number']}")
    assert {name: found["content"][name] for name in given} == given
    assert (
        given["patient"].encode()
        not in company["marcus"]("GET", f"/records/{made['number']}/version").content
    )
    (opened,) = company["marcus"].get(f"/records/{made['number']}/history")
    assert {c["field"]: c["after"] for c in opened["changes"]}["words"] == given["words"]
    company["nobody"].get(f"/records/{made['number']}", 404)


def test_the_history_says_what_changed_and_comes_in_pages(company: Company) -> None:
    number = company.vulnerability()
    company["priya"].post(
        f"/records/{number}/versions", {"seen": 1, "changes": {"summary": "Another summary"}}
    )
    newest, oldest = company["priya"].get(f"/records/{number}/history")
    (change,) = newest["changes"]
    assert (change["field"], change["before"], change["after"]) == (
        "summary",
        FACTS["summary"],
        "Another summary",
    )
    assert company["priya"].get(f"/records/{number}/history?size=1") == [newest]
    assert company["priya"].get(f"/records/{number}/history?before={newest['seq']}") == [oldest]
    company["priya"].get(f"/records/{number}/history?size=201", 422)


def test_a_list_is_narrowed_as_on_its_page(company: Company) -> None:
    made = company["priya"].post(
        "/records",
        {"process": "vulnerability", "title": "Narrow", "site": "York", "product": "Tarn 4", "changes": FACTS}, 201,
    )  # fmt: skip
    number = made["number"]

    def listed(query: str) -> set[str]:
        rows = company["priya"].get(f"/records?process=vulnerability&size=200&{query}")["rows"]
        return {row["number"] for row in rows}

    assert listed("site=York") == listed("product=Tarn 4") == {number}
    assert listed("site=York&fact=source=vulnerability_feed&fact=exploited=not_known_to_be") == {number}
    assert listed("site=York&fact=source=customer") == set()
    assert number in listed("owner=priya") == listed(f"owner={company.people['priya'].id.hex}")
    assert number not in listed("owner=ingrid") and number not in listed("closed_only=true")
    assert number not in listed("overdue_on=2001-01-01")
    due = company["priya"].get(f"/records/{number}")["due"]
    assert (number in listed("overdue_on=2999-01-01")) == (due is not None)
    company["priya"].get("/records?owner=stranger", 404)
    for wrong in ("sort=colour", "fact=source", "overdue_on=soon"):
        company["priya"].get(f"/records?{wrong}", 422)


def test_a_signature_is_given_in_the_role_that_is_asked_for(company: Company) -> None:
    number = company.vulnerability()
    seen = company["priya"].get(f"/records/{number}")["revision"]
    given = {"step": "triage", "meaning": "reviewed", "seen": seen}
    begun = company["priya"].post(f"/records/{number}/ceremonies", given, 201)
    signing = {"assertion": company.keys["priya"].get(begun["options"])}
    before = counts()
    company["priya"].post(f"/ceremonies/{begun['id']}/signature", {**signing, "role": "qa"}, 403)
    assert counts() == before
    done = company["priya"].post(f"/ceremonies/{begun['id']}/signature", {**signing, "role": "security_lead"})
    assert done["state"] == "vuln_triaged"


def test_somebody_without_a_role_can_open_nothing_and_learns_who_can(company: Company) -> None:
    before = counts()
    given = {"process": "vulnerability", "title": "CRL parser", "changes": FACTS}
    refused = company["sal"].post("/records", given, 403)
    assert (
        refused["code"] == "denied" and "security_lead" in refused["roles"] and "Priya" in refused["holders"]
    )
    assert counts() == before


def test_a_record_that_one_may_not_see_is_as_if_it_were_not_there(company: Company) -> None:
    number = company.vulnerability()
    unseen = company["nobody"].get(f"/records/{number}", 404)
    absent = company["nobody"].get("/records/VUL-2026-9999", 404)
    assert unseen["message"].replace(number, "") == absent["message"].replace("VUL-2026-9999", "")
    assert company["nobody"].get("/records")["total"] == 0
    assert company["nobody"].get("/search?text=revocation") == []


def test_the_second_of_two_writers_is_told_and_nothing_is_overwritten(company: Company) -> None:
    number = company.vulnerability()
    seen = company["priya"].get(f"/records/{number}")["revision"]
    company["priya"].post(
        f"/records/{number}/versions", {"seen": seen, "changes": {"summary": "By the first"}}
    )
    before = counts()
    refused = company["priya"].post(
        f"/records/{number}/versions", {"seen": seen, "changes": {"summary": "By the second"}}, 409
    )
    assert refused["code"] == "stale" and refused["revision"] == seen + 1
    assert company["priya"].get(f"/records/{number}")["content"]["summary"] == "By the first"
    assert counts() == before


def test_a_step_whose_gates_are_shut_says_what_is_missing(company: Company) -> None:
    number = company.vulnerability(source=None)
    found = company["priya"].get(f"/records/{number}")
    (triage,) = [step for step in found["steps"] if step["step"] == "triage"]
    assert not triage["enabled"] and triage["open_conditions"]
    before = counts()
    given = {"step": "triage", "meaning": "reviewed", "seen": found["revision"]}
    refused = company["priya"].post(f"/records/{number}/ceremonies", given, 409)
    assert refused["code"] == "refused" and refused["reasons"]
    assert counts() == before


def test_a_step_that_needs_a_signature_is_not_taken_without_one(company: Company) -> None:
    number = company.vulnerability()
    before = counts()
    seen = company["priya"].get(f"/records/{number}")["revision"]
    company["priya"].post(f"/records/{number}/steps/triage", {"seen": seen}, 409)
    assert company["priya"].get(f"/records/{number}")["state"] == "vuln_received"
    assert counts() == before


def test_a_signature_by_ones_own_passkey_takes_the_step(company: Company) -> None:
    number = company.vulnerability()
    found = company.sign(number, "triage", "reviewed", "priya")
    assert found["state"] == "vuln_triaged"
    (signature,) = company["priya"].get(f"/records/{number}/signatures")
    assert (signature["printed_name"], signature["meaning"], signature["stands"]) == (
        "Priya",
        "reviewed",
        True,
    )


def test_another_persons_passkey_does_not_sign(company: Company) -> None:
    number = company.vulnerability()
    seen = company["priya"].get(f"/records/{number}")["revision"]
    given = {"step": "triage", "meaning": "reviewed", "seen": seen}
    begun = company["priya"].post(f"/records/{number}/ceremonies", given, 201)
    before = counts()
    forged = {"assertion": company.keys["ingrid"].get(begun["options"])}
    refused = company["priya"].post(f"/ceremonies/{begun['id']}/signature", forged, 403)
    assert refused["code"] == "not_signed"
    own = {"assertion": company.keys["ingrid"].get(begun["options"])}
    company["ingrid"].post(f"/ceremonies/{begun['id']}/signature", own, 404)
    assert counts() == before and company["priya"].get(f"/records/{number}")["state"] == "vuln_received"


@pytest.mark.parametrize(
    "given",
    [{"password": "correct horse battery"}, {"assertion": {}, "password": "x"}, {"assertion": {}}, {}],
)
def test_a_token_cannot_sign_by_password(company: Company, given: dict[str, Any]) -> None:
    from datetime import UTC, datetime

    from vouchsafe.kernel import people

    person = company.people["priya"]
    people.set_password(person, "correct horse battery", by=person, at=datetime.now(UTC))
    number = company.vulnerability()
    seen = company["priya"].get(f"/records/{number}")["revision"]
    begun = company["priya"].post(
        f"/records/{number}/ceremonies", {"step": "triage", "meaning": "reviewed", "seen": seen}, 201
    )
    before = counts()
    answer = company["priya"]("POST", f"/ceremonies/{begun['id']}/signature", given)
    assert answer.status_code in (403, 422), answer.content
    assert counts() == before and company["priya"].get(f"/records/{number}")["state"] == "vuln_received"


def test_a_ceremony_that_is_not_there_is_not_found(company: Company) -> None:
    company["priya"].post(f"/ceremonies/{uuid4()}/signature", {"assertion": {}}, 404)


def test_a_draft_is_kept_replaced_and_dropped_and_nobody_else_sees_it(company: Company) -> None:
    number = company.vulnerability()
    path = f"/records/{number}/draft"
    company["priya"].get(path, 404)
    before = counts()
    saved = company["priya"]("PUT", path, {"seen": 1, "changes": {"summary": "half a sent"}})
    assert saved.status_code == 200, saved.content
    company["priya"]("PUT", path, {"seen": 1, "changes": {"summary": "half a sentence"}})
    assert company["priya"].get(path)["changes"] == {"summary": "half a sentence"}
    company["ingrid"].get(path, 404)
    assert company["priya"].get(f"/records/{number}")["content"]["summary"] == FACTS["summary"]
    bad = company["priya"]("PUT", path, {"seen": 1, "changes": {"no_such_field": 1}})
    assert bad.status_code == 422 and bad.json()["place"] == "no_such_field"
    assert company["nobody"]("PUT", path, {"seen": 1, "changes": {}}).status_code == 404
    assert company["priya"]("DELETE", path).status_code == 204
    company["priya"].get(path, 404)
    assert counts() == before


def test_a_file_is_attached_and_comes_back_byte_for_byte(company: Company) -> None:
    number = company.vulnerability()
    data = b"%PDF-1.7 " + bytes(range(256))
    answer = company["priya"].form(f"/records/{number}/files", {"file": _file(data, "report.pdf")})
    assert answer.status_code == 201 and answer.json()["sha256"] == hashlib.sha256(data).hexdigest()
    (listed,) = company["priya"].get(f"/records/{number}/files")
    assert listed == answer.json()
    back = company["priya"]("GET", f"/records/{number}/files/{listed['sha256']}")
    assert back.content == data and back.headers["Content-Type"] == "application/octet-stream"
    company["priya"].get(f"/records/{number}/files/{'0' * 64}", 404)
    company["priya"].get(f"/records/{number}/files/x", 422)
    before = counts()
    refused = company["sal"].form(f"/records/{number}/files", {"file": _file(b"x", "x.txt")})
    assert refused.status_code == 403
    assert counts() == before


def test_a_link_an_owner_and_a_void_need_their_people(company: Company) -> None:
    number, other = company.vulnerability(), company.vulnerability()
    before = counts()
    company["priya"].post(f"/records/{number}/links", {"relation": "leads_to", "target": other}, 409)
    company["sal"].post(f"/records/{number}/owner", {"seen": 1, "owner": "sal"}, 403)
    company["sal"].post(
        f"/records/{number}/void", {"seen": 1, "reason": "It was opened twice by mistake"}, 403
    )
    assert counts() == before
    seen = company["priya"].get(f"/records/{number}")["revision"]
    given = company["priya"].post(
        f"/records/{number}/owner", {"seen": seen, "owner": "ingrid", "reason": "Away"}
    )
    assert given["owner"] == "Ingrid"
    asked = company["ingrid"].post(
        f"/records/{number}/void", {"seen": given["revision"], "reason": "It was opened twice by mistake"}
    )
    assert not asked["void"]
    again = {"seen": asked["revision"], "reason": "It was opened twice by mistake"}
    company["ingrid"].post(f"/records/{number}/void", again, 409)


def test_the_directory_names_everybody_who_is_here(company: Company) -> None:
    found = {p["username"] for p in company["marcus"].get("/people")}
    assert {"priya", "ingrid", "marcus"} <= found


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/records", {"process": "no_such", "title": "x"}),
        ("/records", {"process": "vulnerability", "title": ""}),
        ("/records", {"process": "vulnerability", "title": "x" * 201}),
        ("/records", {"process": "vulnerability", "title": "a\x00b"}),
        ("/records", {"process": "vulnerability", "title": "x", "changes": {"summary": 5}}),
        ("/records", {"process": "vulnerability", "title": "x", "changes": {"summary": "a\x00b"}}),
        ("/records", {"process": "vulnerability", "title": "x", "changes": {"score": "1e400"}}),
        ("/records", {"process": "vulnerability", "title": "x", "changes": {"received_at": "yesterday"}}),
        ("/records", {"process": "vulnerability", "title": "x", "changes": {"summary": "x" * 2_000_000}}),
        ("/records", {"process": "vulnerability", "title": "x", "changes": {f"f{n}": 1 for n in range(300)}}),
        ("/records", {"process": "vulnerability", "title": "x", "links": [["leads_to", "CAPA-2026-9999"]]}),
        ("/records", [1, 2]),
        ("/records/VUL-2026-0001/links", {"relation": "leads_to", "target": "no number"}),
        ("/records/VUL-2026-0001/versions", {"seen": -1, "changes": {}}),
        ("/records/VUL-2026-0001/versions", {"seen": 2**40, "changes": {}}),
    ],
)
def test_bad_input_is_refused_with_a_sentence_and_changes_nothing(
    company: Company, path: str, given: Any
) -> None:
    before = counts()
    answer = company["priya"]("POST", path, given)
    assert answer.status_code in (404, 409, 422), answer.content
    assert answer.json()["message"]
    assert counts() == before


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b'{"process": "vulnerability", "title": "\\ud800"}', b"[" * 100_000,
             b'{"process": "vulnerability", "title": "x", "changes": {"summary": "\\ud800"}}',
             b'{"process": "vulnerability", "title": "x", "changes": {"\\ud800": 1}}',
             b'{"process": "vulnerability", "title": "x", "changes": {"score": 1e999}}',
             b'{"process": "vulnerability", "title": "x", "changes": {"score": NaN}}']
)  # fmt: skip
def test_a_broken_body_is_refused_and_changes_nothing(company: Company, data: bytes) -> None:
    before = counts()
    answer = company["priya"]("POST", "/records", data=data, content_type="application/json")
    assert answer.status_code in (400, 422), answer.content
    assert json.loads(answer.content)["message"]
    assert counts() == before


def _file(data: bytes, name: str) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file
