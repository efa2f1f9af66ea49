"""People, passkeys and sample records for the kernel's tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import pytest
from django.db import transaction

django.setup()  # before any model is imported; the database itself comes with the `db` fixture

from tests.kernel import sample  # noqa: E402
from tests.kernel.authenticator import Authenticator  # noqa: E402
from vouchsafe.kernel import acts, people, registry  # noqa: E402
from vouchsafe.kernel.models import Person, Record  # noqa: E402

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class World:
    """A small company: who is who, their passkeys, and short ways to act."""

    who: dict[str, Person] = field(default_factory=dict)
    keys: dict[str, Authenticator] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    def __getitem__(self, name: str) -> Person:
        return self.who[name]

    def tick(self, **delta: float) -> datetime:
        self.now += timedelta(**(delta or {"seconds": 1}))
        return self.now

    def add(self, name: str, *roles: str, **scope: str) -> Person:
        person = people.create(
            name, email=f"{name}@fellside.example", full_name=name.capitalize(), at=self.now
        )
        for role in roles:
            people.grant(person, role, by=None, at=self.now, **scope)
        self.keys[name] = Authenticator()
        self.keys[name].register(person, at=self.now)
        self.who[name] = person
        return person

    def open(self, by: str = "ada", title: str = "Pump over-infuses", **changes: Any) -> Record:
        return acts.open_record("matter", title, by=self[by], at=self.tick(), changes=changes)

    def act(self, record: Record, step: str, by: str, reason: str = "", **changes: Any) -> Record:
        fresh = Record.objects.get(pk=record.pk)
        return acts.act(
            fresh.number,
            step,
            seen=fresh.revision,
            by=self[by],
            at=self.tick(),
            changes=changes,
            reason=reason,
        )

    def sign(
        self, record: Record, step: str, meaning: str, by: str, reason: str = "", **changes: Any
    ) -> Record:
        fresh = Record.objects.get(pk=record.pk)
        begun = acts.begin_signing(
            fresh.number,
            step,
            meaning,
            seen=fresh.revision,
            by=self[by],
            at=self.tick(),
            reason=reason,
            changes=changes,
        )
        return acts.sign(begun.id, by=self[by], at=self.tick(), assertion=self.keys[by].get(begun.options))

    def planned(self, **more: Any) -> Record:
        """A matter of ada's that waits for approval by quality and by hopper's function."""
        it = self.open(problem="2 ml/h became 20 ml/h")
        it = self.act(it, "investigate", "turing", risk="low")
        plan = {
            "plan": "Filter the sensor",
            "due": "2026-04-01",
            "functions": [{"by": self["hopper"].id.hex}],
        }
        plan |= {"verifier": self["hopper"].id.hex, "wait_until": "2026-06-01"}
        return self.act(it, "plan", "ada", reason="The risk is low, but it recurs.", **{**plan, **more})

    def acting(self) -> Record:
        it = self.planned()
        self.sign(it, "approve", "approved", "grace", reason="The risk is low, but it recurs.")
        return self.sign(it, "approve", "approved", "hopper", reason="The risk is low, but it recurs.")


def sample_processes(patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put the sample processes in place of the real ones; what their registers answer can be put into the result."""
    answers: dict[str, Any] = {}
    patch.setattr(registry, "processes", lambda: sample.ALL)
    patch.setattr(registry, "answers", lambda key: answers if key == "matter" else {})
    return answers


def build(world: World) -> World:
    """Who is who in the tests, in one transaction: a commit waits for the disk."""
    with transaction.atomic():
        _hire(world)
    return world


def _hire(world: World) -> None:
    world.add("ada", "complaint_handler")
    world.add("grace", "qa")
    world.add("hopper", "developer")
    world.add("turing", "qa")
    world.add("noether", "qa")
    world.add("root", "it_administrator")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return sample_processes(monkeypatch)


@pytest.fixture
def world(db: object, processes: dict[str, Any]) -> World:
    return build(World(answers=processes))
