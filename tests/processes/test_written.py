"""The same walks through the real writer, on PostgreSQL, every signature a passkey's: what the pure walks promise holds.

A complaint opens a CAPA, both are walked to closure by the people of the example, and the vulnerability opens a field
action whose population nobody has frozen.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.processes import capa_material, complaint_material, test_vulnerability
from tests.processes.walk import PEOPLE, START, hex_of

pytestmark = [pytest.mark.server, pytest.mark.slow]


class Written:
    """`Walk`, with the writer in place of the rehearsal."""

    world: Any = None
    source = ""  # the number of the complaint that a CAPA is linked to

    def __init__(
        self, process: Any, owner: str, *, at: datetime = START, number: str = "", **changes: Any
    ) -> None:
        from vouchsafe.kernel import acts

        self.process, self.now, self.number = process, self.world.now, number
        if not number:
            named = {k: v for k, v in self.real(changes).items() if "sha256" not in str(v)}
            made = acts.open_record(
                process.key, "A record of the walk", by=self.world[owner], at=self.now, changes=named
            )
            self.number = made.number

    def real(self, value: Any) -> Any:
        """`value` with the people of this database in place of those of the pure walks."""
        if isinstance(value, dict):
            return {k: self.real(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.real(v) for v in value]
        return self.world.ids.get(value, value) if isinstance(value, str) else value

    @property
    def record(self) -> Any:
        from vouchsafe.kernel.models import Record

        return Record.objects.get(number=self.number)

    @property
    def state(self) -> str:
        return str(self.record.state)

    @property
    def case(self) -> Any:
        from vouchsafe.kernel import cases

        return cases.load(self.record, now=self.now, also=list(self.world.who.values())).case

    def wait(self, **time: int) -> "Written":
        self.now = type(self).world.now = self.now + timedelta(**time)
        return self

    def link(self, relation: str, process: str, number: str, state: str) -> "Written":
        from vouchsafe.kernel import acts

        acts.link(self.number, relation, self.source, by=self.world["marcus"], at=self.now)
        return self

    def answer(self, **answers: Any) -> "Written":
        return self  # the registers answer

    def rows(self, name: str, **columns: Any) -> list[dict[str, Any]]:
        from vouchsafe.kernel.canonical import pack

        packed = pack(self.case.content, commit=lambda n, v: {"commitment": "00" * 32})[name]
        return [{**row, **columns} for row in packed]

    def attach(self, value: Any, by: str) -> None:
        """The file of every evidence in `value`: its bytes are its reference."""
        from vouchsafe.kernel import acts

        if isinstance(value, dict):
            if "reference" in value:
                data = str(value["reference"]).encode()
                acts.attach(
                    self.number, data, name="e.txt", media_type="text/plain", by=self.world[by], at=self.now
                )
            for inner in value.values():
                self.attach(inner, by)
        elif isinstance(value, list):
            for inner in value:
                self.attach(inner, by)

    def write(self, by: str, **changes: Any) -> "Written":
        from vouchsafe.kernel import acts

        self.attach(changes, by)
        acts.write(
            self.number, seen=self.record.revision, by=self.world[by], at=self.now, changes=self.real(changes)
        )
        return self

    def take(self, name: str, *signers: str, by: str = "", reason: str = "", **changes: Any) -> "Written":
        from vouchsafe.kernel import acts
        from vouchsafe.kernel.declare import slot_for, slots

        self.attach(changes, by or signers[0])
        more: dict[str, Any] = {"reason": reason, "changes": self.real(changes)}
        if not signers:
            acts.act(self.number, name, seen=self.record.revision, by=self.world[by], at=self.now, **more)
        for signer in signers:
            case, step = self.case, self.process.step(name, self.state)
            person = self.world[signer].id.hex
            roles = case.people[person].roles
            meanings = [s.meaning for s in slots(step, case)] or [s.meaning for s in step.signs]
            found = [
                m
                for m in meanings
                if not isinstance(slot_for(step, case, person=person, roles=roles, meaning=m), str)
            ]
            begun = acts.begin_signing(
                self.number,
                name,
                (found or meanings)[0],
                seen=self.record.revision,
                by=self.world[signer],
                at=self.now,
                **more,
            )
            acts.sign(
                begun.id,
                by=self.world[signer],
                at=self.now,
                assertion=self.world.keys[signer].get(begun.options),
            )
            more["changes"] = {}
        return self

    def system(self) -> "Written":
        from vouchsafe.kernel import acts

        acts.system_steps(self.now)
        return self


@pytest.fixture
def world(db: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from django.db import transaction

    from tests.kernel.conftest import World

    made = World(now=START)
    with transaction.atomic():
        for name, roles in PEOPLE.items():
            made.add(name, *sorted(roles))
    made.ids = {str(hex_of(name)): made[name].id.hex for name in PEOPLE}  # type: ignore[attr-defined]
    monkeypatch.setattr(Written, "world", made)
    for material in (capa_material, complaint_material, test_vulnerability):
        monkeypatch.setattr(material, "Walk", Written)
    yield made


def test_a_complaint_opens_a_capa_and_both_are_walked_to_closure(world: Any) -> None:
    from vouchsafe.kernel.models import Record, Signature

    complaint = complaint_material.reported()
    assert complaint.state == "review"
    (opened,) = Record.objects.filter(process="capa")
    assert opened.facts["kind"] is None and opened.owner.username == "nadia"
    Written.source = complaint.number
    complaint.take("close", "henrik")
    assert complaint.state == "closed"

    capa = capa_material.closing().take("close", "henrik")
    assert capa.state == "closed"
    assert {k.number for k in capa.case.linked("arises_from")} == {complaint.number}
    assert Record.objects.filter(process="field_action", state="signal").count() == 1
    given = Signature.objects.filter(version__record__number=capa.number)
    assert given.values("by").distinct().count() == 8
    assert set(given.values_list("ceremony", flat=True)) == {"passkey"}


def test_a_refusal_of_the_writer_says_what_is_missing_and_writes_nothing(world: Any) -> None:
    from vouchsafe.kernel.errors import Refused
    from vouchsafe.kernel.models import Event

    complaint = complaint_material.reviewed()
    before = Event.objects.count()
    with pytest.raises(Refused, match=r"The report is not sent, or not stored: GB \(GB-SI\)"):
        complaint.take("close", "henrik")
    assert complaint.state == "review"
    assert Event.objects.count() == before


def test_a_vulnerability_opens_a_field_action_that_waits_for_its_population(world: Any) -> None:
    from tests.processes import test_field_action as material
    from vouchsafe.kernel import registry
    from vouchsafe.kernel.errors import Refused
    from vouchsafe.kernel.models import Record

    vulnerability = test_vulnerability.analysed()
    assert vulnerability.state == "vuln_analysed"
    (opened,) = Record.objects.filter(process="field_action")
    action = Written(registry.process("field_action"), "priya", number=opened.number)
    assert action.case.content.trigger == test_vulnerability.FACTS["summary"]
    action.write("priya", products=material.SIGNAL["products"]).wait(hours=2).take("evaluate", "ingrid").wait(
        days=1
    )
    action.write("grace", **material.HAZARD, **material.DECISION).take("decide", *material.BOARD)
    assert action.state == "decision"
    with pytest.raises(Refused, match="Freeze the population"):
        action.take("plan", "grace", **material.PLAN)
