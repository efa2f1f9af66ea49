"""People who can sign in, and a browser-like client for each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
import pytest

django.setup()

from django.test import Client  # noqa: E402

from vouchsafe.kernel import people  # noqa: E402

PASSWORD = "nine-tarns-in-a-row-42"
BACKEND = "django.contrib.auth.backends.ModelBackend"
ROLES = {
    "ingrid": ("qa",),
    "henrik": ("qa",),
    "marcus": ("complaint_handler",),
    "nadia": ("complaint_handler",),
    "priya": ("security_lead",),
    "jonas": ("risk_manager",),
    "samir": (),
}


@dataclass
class Site:
    """An installation with its people. `client(name)` is somebody's browser, signed in."""

    data: Path
    who: dict[str, Any] = field(default_factory=dict)

    def client(self, name: str = "") -> Client:
        made = Client(HTTP_HOST="localhost")
        if name:
            made.force_login(self.who[name], backend=BACKEND)
        return made


@pytest.fixture
def site(db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """People in an empty installation."""
    from django.conf import settings

    monkeypatch.setattr(settings, "VOUCHSAFE_DATA", tmp_path)
    at = datetime.now(UTC)
    made = Site(tmp_path)
    for name, roles in ROLES.items():
        person = people.create(
            name, email=f"{name}@fellside.example", full_name=name.capitalize(), at=at,
            password=PASSWORD if name in ("ingrid", "marcus") else None,
        )  # fmt: skip
        for role in roles:
            people.grant(person, role, by=None, at=at)
        made.who[name] = person
    yield made
