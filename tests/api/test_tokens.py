"""Tokens: scoped, expiring, ended with the person; and a session instead of one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.test import Client

from tests.api.conftest import Api, Company
from vouchsafe.api import tokens
from vouchsafe.api.app import api
from vouchsafe.kernel import people
from vouchsafe.kernel.errors import NotFound, Refused
from vouchsafe.kernel.models import Event

NOW = datetime.now(UTC)


def make(company: Company, *scopes: str, by: str = "priya", **more: Any) -> Api:
    return Api(tokens.make(company.people[by], "test", scopes, at=more.pop("at", NOW), **more)[1])


def test_without_a_token_everything_but_the_document_is_shut(company: Company) -> None:
    stranger = Api("")
    for path in (
        "/me",
        "/me/keys",
        "/records",
        "/events",
        "/fleet/summary",
        "/logs",
        "/advisories",
        "/tokens",
    ):
        assert stranger.get(path, 401)["code"] == "who_are_you"
    assert stranger.http.get("/api/v1/openapi.json").status_code == 200


@pytest.mark.parametrize("text", ["vs_", "vs_wrong", "x" * 500, "vsg_abc", "vs_\u00e9"])
def test_a_token_that_was_never_made_is_nobodys(company: Company, text: str) -> None:
    Api(text).get("/me", 401)


def test_who_one_is(company: Company) -> None:
    found = make(company, "logs:read").get("/me")
    assert (found["username"], found["scopes"]) == ("priya", ["logs:read"])


def test_each_operation_asks_for_a_scope(company: Company) -> None:
    """Every operation of the document refuses a token that holds every scope but the one that it needs."""
    own = ("me", "me/roles", "me/keys", "me/keys/{key}/removal", "tokens", "tokens/{token}")
    free = {f"/api/v1/{path}" for path in own}
    bare = make(company, "logs:read")
    logs = make(company, *(set(tokens.SCOPES) - {"logs:read"}))
    known = {
        "number": "VUL-2026-0001",
        "sha256": "0" * 64,
        "ceremony": "0" * 32,
        "step": "triage",
        "advisory": "1",
    }
    known |= {"serial": "T4-0311-88207", "key": "h0", "index": "0", "process": "vulnerability"}
    bodies = {
        "OpenIn": {"process": "vulnerability", "title": "x"}, "WriteIn": {"seen": 1, "changes": {}}, "StepIn": {"seen": 1},
        "CeremonyIn": {"step": "triage", "meaning": "reviewed", "seen": 1}, "AssertionIn": {"assertion": {}},
        "LinkIn": {"relation": "leads_to", "target": "VUL-2026-0001"}, "VoidIn": {"seen": 1, "reason": "x"},
        "AssignIn": {"seen": 1, "owner": "sal"}, "DraftIn": {"seen": 1, "changes": {}}, "FreezeIn": {},
        "NoteIn": {"kind": "scheduled", "serials": ["x"], "day": "2026-01-01"},
    }  # fmt: skip
    document = api.get_openapi_schema(path_prefix="/api/")
    checked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path in free:
                continue
            of_logs = "logs" in operation["tags"] or path.endswith(("/trust", "/verification"))
            caller = logs if of_logs else bare
            query = {
                p["name"]: _example(p["name"]) for p in operation.get("parameters", []) if p["in"] == "query"
            }
            wanted = operation.get("requestBody", {}).get("content", {})
            more: dict[str, Any] = {"query_params": query}
            if "multipart/form-data" in wanted:
                more |= _form(path)
            elif "application/json" in wanted:
                name = str(wanted["application/json"]["schema"].get("$ref", "")).rpartition("/")[2]
                more |= {"data": json.dumps(bodies.get(name, {})), "content_type": "application/json"}
            for name, value in known.items():
                path = path.replace(f"{{{name}}}", value)
            answer = caller(method.upper(), path.removeprefix("/api/v1"), **more)
            assert answer.status_code == 403, (method, path, answer.status_code, answer.content)
            assert "scope" in answer.json()["message"]
            checked += 1
    assert checked == sum(len(v) for p, v in document["paths"].items() if p not in free)


def _example(name: str) -> str:
    return {
        "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "at": "2026-01-01T00:00:00Z", "set": "confirmed",
        "page": "1", "size": "10", "origin": "x", "index": "0", "text": "x", "verdict": "warning", "open_only": "false",
        "freshness": "unknown", "status": "open", "count": "1", "start": "0", "limit": "1", "closed_only": "false",
        "sealed_only": "false", "overdue_on": "2026-01-01", "fact": "source=x", "sort": "-changed", "before": "1",
    }.get(name, "")  # fmt: skip


def _form(path: str) -> dict[str, Any]:
    given = {"outcome": "returned", "serials": "x", "signed_by": "x", "signed_on": "2026-01-01"}
    names = {"replies": "document", "verification": "bundle"}
    name = names.get(path.rpartition("/")[2], "file")
    parts = [f'--b\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in given.items()]
    parts.append(f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\nx\r\n--b--\r\n')
    return {"data": "".join(parts).encode(), "content_type": "multipart/form-data; boundary=b"}


def test_a_token_ends_by_itself(company: Company) -> None:
    make(company, "logs:read", at=NOW - timedelta(days=1), lasts=timedelta(hours=23)).get("/me", 401)
    make(company, "logs:read", at=NOW + timedelta(days=1)).get("/me", 401)
    make(company, "logs:read", at=NOW - timedelta(days=1), lasts=timedelta(days=2)).get("/me")


def test_a_revoked_token_is_dead_and_only_its_owner_may_revoke_it(company: Company) -> None:
    token, text = tokens.make(company.people["priya"], "test", ["logs:read"], at=NOW)
    with pytest.raises(NotFound):
        tokens.revoke(token.id, company.people["sal"], at=NOW)
    Api(text).get("/me")
    tokens.revoke(token.id, company.people["priya"], at=NOW)
    Api(text).get("/me", 401)
    with pytest.raises(NotFound):
        tokens.revoke(token.id, company.people["priya"], at=NOW)


def test_that_a_token_was_made_and_ended_is_an_event_of_its_person(company: Company) -> None:
    sal = company.people["sal"]
    by_operator, text = tokens.make(sal, "export", ["logs:read", "fleet:read"], at=NOW)
    own, _ = tokens.make(sal, "script", ["logs:read"], by=sal, at=NOW)
    tokens.revoke(own.id, sal, by=sal, at=NOW)
    made, second, ended = Event.objects.filter(subject=sal.id, kind__startswith="token.").order_by("-seq")[
        :3
    ][::-1]
    said = orjson.loads(bytes(made.body))
    assert (said["token"], said["scopes"], said["name"]) == (
        by_operator.id.hex,
        ["fleet:read", "logs:read"],
        "export",
    )
    assert (made.by, second.by, ended.by) == (None, sal, sal)
    assert (second.kind, ended.kind) == ("token.made", "token.revoked")
    assert orjson.loads(bytes(ended.body))["token"] == own.id.hex
    assert text.encode() not in bytes(made.body)


def test_a_leavers_tokens_are_dead(company: Company) -> None:
    person = company.hire("leaver", "sales")
    company["leaver"].get("/me")
    people.deactivate(person, by=company.people["viktor"], at=NOW, reason="Left")
    company["leaver"].get("/me", 401)


@pytest.mark.parametrize(
    ("scopes", "name", "lasts"),
    [
        ([], "x", timedelta(days=1)),
        (["records:sign"], "x", timedelta(days=1)),
        (["logs:read"], " ", timedelta(days=1)),
        (["logs:read"], "x", timedelta(0)),
        (["logs:read"], "x", timedelta(days=367)),
    ],
)
def test_a_token_without_a_scope_a_name_or_an_end_is_not_made(
    company: Company, scopes: list[str], name: str, lasts: timedelta
) -> None:
    before = len(tokens.of(company.people["sal"]))
    with pytest.raises(Refused):
        tokens.make(company.people["sal"], name, scopes, at=NOW, lasts=lasts)
    assert len(tokens.of(company.people["sal"])) == before


def test_the_token_is_not_stored(company: Company) -> None:
    token, text = tokens.make(company.people["sal"], "test", ["logs:read"], at=NOW)
    assert all(text not in str(value) for value in vars(token).values())


def test_a_token_makes_and_ends_no_token(company: Company) -> None:
    before = len(tokens.of(company.people["priya"]))
    given = {"name": "child", "scopes": ["logs:read"]}
    assert company["priya"].post("/tokens", given, 403)["code"] == "denied"
    own = company["priya"].get("/tokens")[0]["id"]
    assert company["priya"]("DELETE", f"/tokens/{own}").status_code == 403
    assert len(tokens.of(company.people["priya"])) == before


def test_somebody_signed_in_makes_and_ends_tokens_with_the_csrf_token_only(company: Company) -> None:
    browser = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    browser.force_login(company.people["marcus"])
    given = json.dumps({"name": "script", "scopes": ["records:read"], "days": 30})
    refused = browser.post("/api/v1/tokens", given, content_type="application/json")
    assert refused.status_code == 403
    page = browser.get("/api/docs")
    csrf = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert page.status_code == 200
    made = browser.post("/api/v1/tokens", given, content_type="application/json", headers=csrf)
    assert made.status_code == 201, made.content
    mine = Api(made.json()["token"])
    assert mine.get("/me")["scopes"] == ["records:read"]
    assert "token" not in mine.get("/tokens")[0]
    ended = browser.delete(f"/api/v1/tokens/{made.json()['id']}", headers=csrf)
    assert ended.status_code == 204
    mine.get("/me", 401)
