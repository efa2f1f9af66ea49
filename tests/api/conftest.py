"""A small company behind the API: three pumps that attest, people with roles, and a token for each of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import pytest

django.setup()

from django.test import Client

from tests.kernel.authenticator import Authenticator
from vouchsafe.api import tokens
from vouchsafe.kernel import people

SERIALS = ["T4-0311-88207", "T4-0312-88244", "T4-0313-88281"]
ROLES = {
    "priya": ["security_lead"],
    "marcus": ["complaint_handler"],
    "ingrid": ["qa"],
    "grace": ["recall_coordinator"],
    "sal": ["sales"],
    "viktor": ["it_administrator"],
    "nobody": [],
}
OSV = {
    "schema_version": "1.6.0",
    "id": "RUSTSEC-2020-0071",
    "modified": "2023-06-13T13:10:24Z",
    "published": "2020-11-18T12:00:00Z",
    "aliases": ["CVE-2020-26235"],
    "summary": "Potential segfault in the time crate",
    "details": "Unix-like operating systems may segfault.",
    "affected": [
        {
            "package": {"ecosystem": "crates.io", "name": "time", "purl": "pkg:cargo/time"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0.1.0"}, {"fixed": "0.2.23"}]}],
        }
    ],
}
FACTS = {
    "source": "vulnerability_feed",
    "received_at": (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "summary": "A malformed revocation list stops the gateway link",
    "exploited": "not_known_to_be",
    "advisory": OSV["id"],
}


@dataclass
class Api:
    """The API as one person's program sees it."""

    token: str
    http: Client = field(
        default_factory=lambda: Client(SERVER_NAME="localhost", raise_request_exception=True)
    )

    def __call__(self, method: str, path: str, given: Any = None, **more: Any) -> Any:
        if given is not None and "data" not in more:
            more |= {"data": json.dumps(given), "content_type": "application/json"}
        return self.http.generic(
            method,
            f"/api/v1{path}",
            data=more.pop("data", b""),
            content_type=more.pop("content_type", "application/octet-stream"),
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
            **more,
        )

    def form(self, path: str, given: dict[str, Any]) -> Any:
        return self.http.post(f"/api/v1{path}", given, headers={"Authorization": f"Bearer {self.token}"})

    def get(self, path: str, expect: int = 200) -> Any:
        answer = self("GET", path)
        assert answer.status_code == expect, answer.content
        return answer.json()

    def post(self, path: str, given: Any, expect: int = 200) -> Any:
        answer = self("POST", path, given)
        assert answer.status_code == expect, answer.content
        return answer.json()


@dataclass
class Company:
    """Everybody's account, passkey and API."""

    fleet: Any
    people: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Authenticator] = field(default_factory=dict)
    apis: dict[str, Api] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Api:
        return self.apis[name]

    def hire(self, name: str, *roles: str) -> Any:
        at = datetime.now(UTC) - timedelta(days=1)
        person = people.create(name, email=f"{name}@fellside.example", full_name=name.capitalize(), at=at)
        for role in roles:
            people.grant(person, role, by=None, at=at)
        self.keys[name] = Authenticator()
        self.keys[name].register(person, at=at)
        _, token = tokens.make(person, "test", tokens.SCOPES, at=at)
        self.people[name], self.apis[name] = person, Api(token)
        return person

    def vulnerability(self, **more: Any) -> str:
        """A received vulnerability of priya's."""
        given = {"process": "vulnerability", "title": "CRL parser", "changes": {**FACTS, **more}}
        return str(self["priya"].post("/records", given, 201)["number"])

    def sign(self, number: str, step: str, meaning: str, by: str, **more: Any) -> Any:
        seen = self[by].get(f"/records/{number}")["revision"]
        begun = self[by].post(
            f"/records/{number}/ceremonies", {"step": step, "meaning": meaning, "seen": seen, **more}, 201
        )
        given = {"assertion": self.keys[by].get(begun["options"])}
        return self[by].post(f"/ceremonies/{begun['id']}/signature", given)

    def field_action(self) -> str:
        """A field action that priya opened from a triaged vulnerability; it names the advisory."""
        number = self.vulnerability()
        found = self.sign(number, "triage", "reviewed", "priya")
        self["priya"].post(f"/records/{number}/steps/open_field_action", {"seen": found["revision"]})
        (linked,) = self["priya"].get(f"/records/{number}/links")
        return str(linked["number"])


@pytest.fixture(scope="module")
def company(module_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """One company for the tests of a module, each of which makes the records it needs."""
    from django.conf import settings

    from tests.fleet.world import DI, build_world
    from vouchsafe.fleet import impact
    from vouchsafe.kernel import publish

    with pytest.MonkeyPatch.context() as patch:
        data = tmp_path_factory.mktemp("data")
        patch.setattr(settings, "VOUCHSAFE_DATA", data)
        fleet = build_world(module_db.app_dsn, data, list(SERIALS))
        try:
            fleet.now = int(datetime.now(UTC).timestamp() * 1000) - 3_600_000
            for serial in SERIALS[:2]:  # the third one never attests
                fleet.prove(serial)
            made = Company(fleet)
            for name, roles in ROLES.items():
                made.hire(name, *roles)
            impact.import_advisory(json.dumps(OSV).encode(), by=None, at=datetime.now(UTC))
            fleet.intake.checkpoint(int(datetime.now(UTC).timestamp() * 1000))
            publish.tick(datetime.now(UTC))
            publish.tick(datetime.now(UTC))
            assert DI
            yield made
        finally:
            fleet.intake.close()
