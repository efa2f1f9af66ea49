"""A whole CAPA through the real writer: every act, signature and refusal from proposal to the last gate, then the audit."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.kernel.authenticator import Authenticator
from tests.processes import capa_material as material
from tests.processes.walk import PEOPLE, hex_of
from vouchsafe.kernel import acts, audit, people, queries
from vouchsafe.kernel.models import Event, Record, Signature

pytestmark = pytest.mark.server
START = datetime(2026, 6, 1, 9, tzinfo=UTC)


class Company:
    """The example's people, and one CAPA in their hands."""

    def __init__(self, tmp_path):
        self.now, self.root, self.who, self.keys = START, tmp_path, {}, {}
        for name in (
            "ingrid",
            "henrik",
            "tomasz",
            "marcus",
            "daniel",
            "jonas",
            "elin",
            "katarzyna",
            "rafael",
        ):
            person = people.create(
                name, email=f"{name}@fellside.example", full_name=name.capitalize(), at=self.now
            )
            for role in sorted(PEOPLE[name]):
                people.grant(person, role, by=None, at=self.now)
            self.who[name], self.keys[name] = person, Authenticator()
            self.keys[name].register(person, at=self.now)

    def at(self, **delta: float) -> datetime:
        self.now += timedelta(**(delta or {"minutes": 1}))
        return self.now

    def ours(self, value: Any) -> Any:
        """The material with our people's ids in place of its own."""
        text = json.dumps(value, default=str)
        for name, person in self.who.items():
            text = text.replace(hex_of(name), person.id.hex)
        return json.loads(text)

    def fresh(self, number: str) -> Record:
        return Record.objects.get(number=number)

    def attach_all(self, number: str, by: str, value: Any) -> None:
        """Attach what the evidence in `value` refers to: its bytes are its reference."""
        if isinstance(value, dict) and {"reference", "sha256"} <= set(value):
            acts.attach(
                number,
                value["reference"].encode(),
                name="evidence.txt",
                media_type="text/plain",
                by=self.who[by],
                at=self.at(),
                root=self.root,
            )
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            self.attach_all(number, by, item)

    def write(self, number: str, by: str, **changes: Any) -> None:
        changes = self.ours(changes)
        self.attach_all(number, by, changes)
        acts.write(number, seen=self.fresh(number).revision, by=self.who[by], at=self.at(), changes=changes)

    def sign(
        self, number: str, step: str, meaning: str, *signers: str, reason: str = "", **changes: Any
    ) -> None:
        changes = self.ours(changes)
        self.attach_all(number, signers[0], changes)
        for signer in signers:
            begun = acts.begin_signing(
                number,
                step,
                meaning,
                seen=self.fresh(number).revision,
                by=self.who[signer],
                at=self.at(),
                reason=reason,
                changes=changes,
            )
            answer = self.keys[signer].get(begun.options)
            acts.sign(begun.id, by=self.who[signer], at=self.at(), assertion=answer)
            changes = {}

    def rows(self, number: str, name: str, **columns: Any) -> list[dict[str, Any]]:
        view = queries.record(number, self.who["ingrid"], now=self.now)
        return [{"id": row.id, **columns} for row in getattr(view.content, name)]


def test_a_capa_goes_from_proposal_to_the_last_gate(db, tmp_path):
    c = Company(tmp_path)
    source = acts.open_record("complaint", "Pump restarted", by=c.who["marcus"], at=c.at())
    capa = acts.open_record(
        "capa",
        "Gateway link restarts",
        by=c.who["marcus"],
        at=c.at(),
        changes={"what": material.MATTER["what"]},
    ).number
    with pytest.raises(acts.Refused):
        c.sign(capa, "screen", "reviewed", "ingrid")
    c.write(capa, "marcus", **material.MATTER)
    acts.link(capa, "arises_from", source.number, by=c.who["marcus"], at=c.at())
    c.sign(capa, "screen", "reviewed", "ingrid", "jonas")
    assert c.fresh(capa).state == "screened"
    c.sign(capa, "open", "approved", "ingrid", "jonas")
    acts.act(capa, "open_field_action", seen=c.fresh(capa).revision, by=c.who["marcus"], at=c.at())
    c.at(days=3)
    c.sign(capa, "contain", "performed", "marcus", **material.CONTAINED)
    c.sign(capa, "investigate", "performed", "katarzyna", method="five_whys")
    assert c.fresh(capa).due.isoformat() == "2026-08-31"
    c.at(days=9)
    c.write(capa, "katarzyna", causes=[material.CAUSE])
    c.sign(capa, "plan", "authored", "marcus", **material.PLAN)
    for barred in ("marcus", "elin"):
        with pytest.raises(acts.Refused):
            c.sign(capa, "approve", "approved", barred)
    c.sign(capa, "approve", "approved", "ingrid", "daniel", "tomasz")
    assert c.fresh(capa).state == "implementation"
    with pytest.raises(acts.Refused):
        c.sign(capa, "verify", "verified", "henrik")
    c.at(days=30)
    day = c.now.date()
    done = {"done_on": day.isoformat(), "done": material.proof("BUILD-421", "rafael", day)}
    done |= {"change": material.proof("CO-17", "elin", day)}
    c.write(capa, "rafael", actions=c.rows(capa, "actions", **done))
    c.sign(capa, "verify", "verified", "henrik")
    assert acts.system_steps(c.now) == []
    c.at(days=100)
    assert acts.system_steps(c.now) == [(capa, "wait")]
    with pytest.raises(acts.Denied):
        c.sign(capa, "confirm", "effectiveness_confirmed", "ingrid")
    c.sign(capa, "confirm", "effectiveness_confirmed", "elin", **material.RESULTS)
    c.write(capa, "marcus", **material.CLOSING)
    waits = {s.step: s for s in queries.gates(capa, c.who["henrik"], now=c.now)}["close"]
    assert waits.open_conditions and not waits.enabled
    with pytest.raises(acts.Refused):
        c.sign(capa, "close", "closed", "henrik")
    assert Signature.objects.count() == 12
    report = audit.audit(c.now, read_log=False)
    assert report.differences == [] and report.signatures == 12
    assert Event.objects.filter(record__number=capa).count() == c.fresh(capa).trail
