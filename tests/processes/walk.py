"""A record walked through its process by hand: what the writer does, without a database.

`Walk` obeys the language as `kernel.declare` says that the writer must: permission, fields, gates, signatures, visits.
A refusal is an exception with the sentences that a user would read.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from vouchsafe.kernel.canonical import canonical, digest, merge, pack
from vouchsafe.kernel.declare import (
    Case,
    Evidence,
    Known,
    Linked,
    Person,
    Process,
    Signed,
    changes_between,
    due_system_steps,
    may,
    shut,
    slot_for,
    slots,
    stray_changes,
    waiting,
    writable,
)

SALT = "0" * 64


class Refused(Exception):
    def __init__(self, *sentences: str, rules: tuple[str, ...] = ()) -> None:
        super().__init__(" ".join(sentences))
        self.sentences, self.rules = sentences, rules


def hex_of(name: str) -> Person:
    return Person(digest(name.encode())[:32])


PEOPLE = {  # as in examples/fellside/company.yaml
    "ingrid": {"qa", "management_representative", "process_owner"},
    "henrik": {"qa", "qa_releaser", "reviewer", "approver"},
    "tomasz": {"ra", "prrc"},
    "sofia": {"ra", "vigilance_officer", "author"},
    "priya": {"security_lead"},
    "marcus": {"complaint_handler", "investigator"},
    "nadia": {"complaint_handler"},
    "daniel": {"rd", "project_lead", "product_owner"},
    "amara": {"medical_safety_officer", "clinical", "clinical_evaluator"},
    "jonas": {"risk_manager", "reviewer"},
    "elin": {"effectiveness_verifier", "auditor"},
    "owen": {"top_management"},
    "katarzyna": {"software_lead", "developer", "author"},
    "rafael": {"tester", "test_reviewer", "independent_reviewer"},
    "grace": {"recall_coordinator", "communications"},
    "beatrix": {"production_manager", "production"},
    "fiona": {"pms_manager", "statistician"},
    "viktor": {"it_administrator"},
    "sal": {"sales"},
}
KNOWN = {str(hex_of(name)): Known(name.capitalize(), frozenset(roles)) for name, roles in PEOPLE.items()}
START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)  # a Monday


def proof(reference: str = "REP-1", by: str = "ingrid", on: date = date(2026, 5, 4)) -> dict[str, str]:
    return {
        "reference": reference,
        "sha256": digest(reference.encode()),
        "by": hex_of(by),
        "on": on.isoformat(),
    }


def shown(reference: str = "REP-1", by: str = "ingrid", on: date = date(2026, 5, 4)) -> Evidence:
    """`proof` as the value that a gate sees."""
    return Evidence(reference, digest(reference.encode()), hex_of(by), on)


class Walk:
    """One record of a process, from its beginning."""

    def __init__(self, process: Process, owner: str, *, at: datetime = START, **changes: Any) -> None:
        self.process, self.now, self._ids, self.revision, self.opened = process, at, 0, 0, []
        if not may(process.opened_by, Case(content=process.content(), now=at), **self.who(owner)):
            raise Refused(f"{owner} may not open a {process.key}")
        self.case: Case[Any] = Case(
            content=process.content(),
            now=at,
            state=process.begins,
            owner=hex_of(owner),
            since={process.begins: at},
            visits={process.begins: 1},
            people=KNOWN,
        )
        content = merge(self.case.content, changes, new_id=self.new_id)
        if stray := stray_changes(changes_between(self.case.content, content), process.opening_fields):
            raise Refused(f"opening doesn't write {sorted(stray)}")
        self._put(content, owner)

    @staticmethod
    def who(name: str) -> dict[str, Any]:
        return {"person": hex_of(name), "roles": frozenset(PEOPLE.get(name, ()))}

    @property
    def state(self) -> str:
        return self.case.state

    def new_id(self) -> str:
        self._ids += 1
        return f"r{self._ids}"

    def wait(self, **time: int) -> "Walk":
        self.now += timedelta(**time)
        return self

    def at(self, moment: datetime) -> "Walk":
        self.now = moment
        return self

    def link(self, relation: str, process: str, number: str, state: str) -> "Walk":
        self.case = replace(self.case, links=(*self.case.links, Linked(relation, process, number, state)))
        return self

    def answer(self, **answers: Any) -> "Walk":
        self.case = replace(self.case, answers={**self.case.answers, **answers})
        return self

    def _put(self, content: Any, by: str) -> None:
        body = canonical(
            pack(content, commit=lambda name, value: {"commitment": digest(canonical([name, value]))})
        )
        self.revision += 1
        self.case = replace(
            self.case, content=content, sha256=digest(body), authors=self.case.authors | {str(hex_of(by))}
        )

    def write(self, by: str, **changes: Any) -> "Walk":
        content = merge(self.case.content, changes, new_id=self.new_id)
        allowed = writable(self.process, self.case, **self.who(by))
        if stray := stray_changes(changes_between(self.case.content, content), allowed):
            raise Refused(f"{by} may not write {', '.join(sorted(stray))} while {self.state}")
        self._put(content, by)
        return self

    def rows(self, name: str, **columns: Any) -> list[dict[str, Any]]:
        """The rows of a field as they are, each with `columns` laid over."""
        packed = pack(self.case.content, commit=lambda n, v: {"commitment": SALT})[name]
        return [{**row, **columns} for row in packed]

    def take(self, name: str, *signers: str, by: str = "", reason: str = "", **changes: Any) -> "Walk":
        """Take a step as its first signer (or `by`), everyone in `signers` signing the first slot that is theirs."""
        step = self.process.step(name, self.state)
        if step is None:
            raise Refused(f"no step {name} from {self.state}")
        actor = by or signers[0]
        if not may(step.by, self.case, **self.who(actor)):
            raise Refused(f"only {step.by} may {name}, not {actor}")
        if changes:
            content = merge(self.case.content, changes, new_id=self.new_id)
            if stray := stray_changes(changes_between(self.case.content, content), step.writes):
                raise Refused(f"{name} doesn't change {', '.join(sorted(stray))}")
            self._put(content, actor)
        self.case = replace(self.case, now=self.now, reason=reason)
        for signer in signers:
            self.sign(name, signer)
        step = self.process.step(name, self.state)
        assert step is not None
        if found := shut(self.process, step, self.case):
            raise Refused(*(f.sentence for f in found), rules=tuple(f.rule for f in found))
        if missing := waiting(step, self.case):
            raise Refused(*(f"missing: {s.meaning} by {s.wanted}" for s in missing))
        self._move(step)
        return self

    def sign(self, name: str, signer: str) -> None:
        step = self.process.step(name, self.state)
        assert step is not None
        found: Any = "no signature of this step is theirs"
        for meaning in dict.fromkeys(s.meaning for s in slots(step, self.case)):
            found = slot_for(step, self.case, meaning=meaning, **self.who(signer))
            if not isinstance(found, str):
                break
        if isinstance(found, str):
            raise Refused(f"{signer}: {found}")
        signed = Signed(
            name, found.meaning, found.role, hex_of(signer), self.now, self.revision, self.case.sha256
        )
        self.case = replace(self.case, signatures=(*self.case.signatures, signed))

    def system(self) -> "Walk":
        """What the worker does now."""
        self.case = replace(self.case, now=self.now, reason="")
        for step in due_system_steps(self.process, self.case):
            self._move(step)
        return self

    def _move(self, step: Any) -> None:
        before, to = self.state, step.target(self.state)
        for name in step.clears:
            empty: Any = () if isinstance(getattr(self.case.content, name), tuple) else None
            self.case = replace(self.case, content=replace(self.case.content, **{name: empty}))
        approved = any(s.meaning == "approved" for s in step.signs)
        self.revision += 1
        self.case = replace(
            self.case,
            state=to,
            taken={**self.case.taken, step.name: self.case.taken.get(step.name, 0) + 1},
            reason="",
        )
        if to != before:
            self.case = replace(
                self.case,
                since={**self.case.since, to: self.now},
                visits={**self.case.visits, to: self.case.visits.get(to, 0) + 1},
                authors=frozenset() if approved else self.case.authors,
            )
        if to != before or step.signs:
            self.case = replace(self.case, entered=self.revision)
        for opening in step.opens:
            number = f"{opening.process.upper()}-2026-{len(self.opened) + 1:04}"
            self.opened.append((opening, number))
            first = {"capa": "proposed", "field_action": "signal"}.get(opening.process, "vuln_received")
            self.link(opening.relation, opening.process, number, first)

    def relink(self, number: str, state: str) -> "Walk":
        """The record at the other end has moved on."""
        links = tuple(replace(k, state=state) if k.number == number else k for k in self.case.links)
        self.case = replace(self.case, links=links)
        return self


def number_of(text: str) -> Decimal:
    return Decimal(text)
