"""A small company over a real database and real logs: a report about a pump, signed by passkey, ready to be exported."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fleet import world as fleet_world
from tests.kernel.authenticator import Authenticator
from vouchsafe.kernel import acts, people, publish
from vouchsafe.kernel.declare import (
    Device,
    File,
    Process,
    Row,
    Sign,
    content,
    device,
    edit,
    file,
    moment,
    needs,
    owner,
    role,
    rows,
    step,
    text,
)

SERIAL = "T4-0311-88207"


@content
class Line(Row):
    who: str | None = text("Who was told")
    when: datetime | None = moment("When")
    said: str | None = text("What they said", personal=True)


@content
class Report:
    event_at: datetime | None = moment("When it happened")
    unit: Device | None = device("Device")
    what: str | None = text("What happened")
    patient: str | None = text("Patient", personal=True)
    photo: File | None = file("Photo")
    told: tuple[Line, ...] = rows("Who was told", Line)


REPORT = Process(
    key="report",
    title="Report",
    rules="T",
    number="REP-{year}-{n:04}",
    content=Report,
    begins="opened",
    ends=(),
    settled=("closed",),
    stages={"Open": "opened", "Done": "closed"},
    steps=(
        step(
            "close", "opened", "closed", role("qa"), needs("what"),
            Sign("approved", by=role("qa"), says="I approve this report", apart=("owner",)),
            Sign("reviewed", by=role("complaint_handler"), says="I have reviewed this report"),
        ),
    ),
    edits=(edit("opened", owner, "event_at", "unit", "what", "patient", "photo", "told"),),
    relations={},
    labels={},
)  # fmt: skip


@dataclass
class Company:
    """People, a fleet and one report. `now` moves on by itself."""

    fleet: Any
    number: str = ""
    who: dict[str, Any] | None = None
    keys: dict[str, Authenticator] | None = None
    now: datetime = datetime(2026, 9, 22, 9, tzinfo=UTC)

    def tick(self, **delta: float) -> datetime:
        self.now += timedelta(**(delta or {"seconds": 5}))
        return self.now

    def checkpoint(self) -> None:
        """What the intake and the worker do every second."""
        self.fleet.intake.checkpoint(int(self.now.timestamp() * 1000))
        publish.tick(self.tick())

    def until(self, ready: Any) -> None:
        for _ in range(3):
            if ready():
                return
            self.checkpoint()
        assert ready()


def found(dsn: str, data: Path, *, measurements: int = 5) -> Company:
    """A company with people, keys, a pump that has attested, and an open report about it."""
    it = Company(fleet_world.build_world(dsn, data, [SERIAL, "T4-0312-88244"]), who={}, keys={})
    assert it.who is not None and it.keys is not None
    it.now = datetime.fromtimestamp(it.fleet.now / 1000, UTC)
    for name, full, site_role in (
        ("ingrid", "Ingrid Solheim", "qa"),
        ("amara", "Amara Lindqvist", "complaint_handler"),
        ("marcus", "Marcus Oyelaran", "complaint_handler"),
    ):
        person = people.create(
            name,
            email=f"{name}@fellside.example",
            full_name=full,
            at=it.tick(),
            password="a long pass phrase",
        )
        people.grant(person, site_role, by=None, at=it.tick())
        it.keys[name] = Authenticator()
        it.keys[name].register(person, at=it.tick())
        it.who[name] = person
    it.checkpoint()
    for n in range(measurements):
        it.fleet.advance(3_600_000)
        answer = it.fleet.prove(SERIAL)
        assert answer.tier == 2, answer
        if n == 1:
            it.fleet.prove("T4-0312-88244")
    it.now = datetime.fromtimestamp(it.fleet.now / 1000, UTC)
    changes = {
        "event_at": (it.now - timedelta(minutes=90)).isoformat(),
        "unit": {"serial": SERIAL, "di": fleet_world.DI, "lot": "L1"},
        "what": "The pump ran at full rate for 3.8 s – then “Occlusion”.",
        "patient": "Mrs Example, born 1950",
        "told": [{"who": "Ward 3", "when": it.now.isoformat(), "said": "Mrs Example was pale"}],
    }
    record = acts.open_record(
        "report", "Bolus during line change", by=it.who["amara"], at=it.tick(), changes=None
    )
    it.number = record.number
    acts.write(it.number, seen=record.revision, by=it.who["amara"], at=it.tick(), changes=changes)
    return it


def sign(it: Company, name: str, meaning: str, *, password: bool = False) -> None:
    """One signature of the closing step."""
    assert it.who is not None and it.keys is not None
    seen = revision(it)
    begun = acts.begin_signing(it.number, "close", meaning, seen=seen, by=it.who[name], at=it.tick())
    proof: dict[str, Any] = (
        {"password": "a long pass phrase"} if password else {"assertion": it.keys[name].get(begun.options)}
    )
    acts.sign(begun.id, by=it.who[name], at=it.tick(), **proof)


def revision(it: Company) -> int:
    from vouchsafe.kernel import queries

    assert it.who is not None
    return queries.record(it.number, it.who["ingrid"], now=it.now).revision
