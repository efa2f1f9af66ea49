"""One's own account: roles, passkeys, and what a token can't do to them; and what the end of an account ends."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from tests.api.conftest import Company
from vouchsafe.kernel import people
from vouchsafe.kernel.errors import Refused


def browser_of(person: Any) -> tuple[Client, dict[str, str]]:
    """A browser in which `person` is signed in, and the header that its pages send."""
    browser = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    browser.force_login(person)
    browser.get("/api/docs")
    return browser, {"X-CSRFToken": browser.cookies["csrftoken"].value}


def removal(browser: Client, headers: dict[str, str], key: str, reason: str = "Phone lost") -> int:
    answer = browser.post(
        f"/api/v1/me/keys/{key}/removal", json.dumps({"reason": reason}), "application/json", headers=headers
    )
    return answer.status_code


def test_ones_own_roles_have_their_scopes(company: Company) -> None:
    person = company.hire("scoped", "sales")
    people.grant(person, "ra", by=None, at=datetime.now(UTC), product="Tarn 4", process="capa")
    found = company["scoped"].get("/me/roles")
    assert [(r["role"], r["product"], r["process"], r["site"]) for r in found] == [
        ("ra", "Tarn 4", "capa", ""),
        ("sales", "", "", ""),
    ]
    assert company["nobody"].get("/me/roles") == []


def test_a_passkey_is_listed_and_only_its_owner_in_person_removes_it(company: Company) -> None:
    company.hire("keyed", "sales")
    (key,) = company["keyed"].get("/me/keys")
    (stored,) = people.keys_of(company.people["keyed"], at=datetime.now(UTC))
    assert key["sha256"] == hashlib.sha256(bytes(stored.public_key)).hexdigest()
    refused = company["keyed"].post(f"/me/keys/{key['id']}/removal", {"reason": "Phone lost"}, 403)
    assert "Sign in" in refused["message"]
    stranger, csrf = browser_of(company.people["sal"])
    assert removal(stranger, csrf, key["id"]) == 403
    browser, csrf = browser_of(company.people["keyed"])
    assert removal(browser, {}, key["id"]) == 403
    for reason in ("", "   "):
        assert removal(browser, csrf, key["id"], reason) == 422
    assert len(company["keyed"].get("/me/keys")) == 1
    assert removal(browser, csrf, key["id"]) == 204
    assert company["keyed"].get("/me/keys") == []
    assert removal(browser, csrf, key["id"]) == 409
    assert removal(browser, csrf, "0" * 32) == 404


def test_a_closed_account_ends_its_sessions_tokens_and_signing_at_once(company: Company) -> None:
    number = company.vulnerability()
    gone = company.hire("gone", "security_lead")
    people.set_password(gone, "seven-otters-in-kendal", by=None, at=datetime.now(UTC))
    gone = people.find("gone")
    browser, _ = browser_of(gone)
    assert browser.get("/tasks").status_code == browser.get("/api/v1/me").status_code == 200
    seen = company["gone"].get(f"/records/{number}")["revision"]
    given = {"step": "triage", "meaning": "reviewed", "seen": seen}
    begun = company["gone"].post(f"/records/{number}/ceremonies", given, 201)
    answer = company.keys["gone"].get(begun["options"])
    people.deactivate(gone, by=None, at=datetime.now(UTC), reason="Left the company")
    company["gone"].get("/me", 401)
    company["gone"].post(f"/ceremonies/{begun['id']}/signature", {"assertion": answer}, 401)
    assert browser.get("/api/v1/me").status_code == 401
    assert browser.get("/tasks").headers["Location"].startswith("/login")
    again = Client(SERVER_NAME="localhost")
    for name in ("gone", "gone@fellside.example"):
        form = {"username": name, "password": "seven-otters-in-kendal"}
        assert again.post("/login", form).status_code == 403
    assert company["priya"].get(f"/records/{number}/signatures") == []
    with pytest.raises(Refused, match="closed before"):
        people.deactivate(gone, by=None, at=datetime.now(UTC), reason="Left the company")
