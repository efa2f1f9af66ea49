"""What holds for every process, ours or a company's own: found in the registry, checked without knowing it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.processes.walk import KNOWN, hex_of
from vouchsafe.kernel.canonical import canonical, pack, parse, unpack
from vouchsafe.kernel.declare import (
    Case,
    Device,
    Evidence,
    Field,
    File,
    Linked,
    Process,
    clocks,
    due_system_steps,
    faults,
    fields_of,
    findings,
    may,
    standing_findings,
    waiting,
    writable,
)
from vouchsafe.kernel.registry import processes
from vouchsafe.regulations import packs

ALL = list(processes().values())
NOW = datetime(2026, 6, 10, 9, tzinfo=UTC)
IDS = [p.key for p in ALL]
ANSWERS: dict[str, Any] = {
    "population": {
        "frozen": True,
        "scope": 3,
        "shipped": 3,
        "open": 1,
        "corrected": 2,
        "unreachable": 0,
        "returned": 0,
        "destroyed": 0,
        "unaccounted": ["T4-1"],
    },
    "impact": {"imported": True, "confirmed": 1, "last_known": 1, "unknown": 0, "fixed": 2},
}


def value(f: Field) -> st.SearchStrategy[Any]:
    """Anything that the field may hold, or nothing."""
    people = st.sampled_from([hex_of(n) for n in ("ingrid", "amara", "viktor", "nobody")])
    some: dict[str, st.SearchStrategy[Any]] = {
        "text": st.sampled_from(["n/a", "Said in so many words here", "GB-SI"]),
        "markdown": st.just("# Told in their own words"),
        "day": st.dates(date(2026, 5, 1), date(2026, 7, 1)),
        "moment": st.datetimes(datetime(2026, 5, 1), datetime(2026, 7, 1), timezones=st.just(UTC)),
        "yes_no": st.booleans(),
        "number": st.sampled_from([Decimal(0), Decimal(3), Decimal("99.5")]),
        "person": people,
        "file": st.just(File("ab" * 32, "a.pdf", 1)),
        "device": st.just(Device("T4-1", "05060912340019")),
        "evidence": st.builds(
            Evidence, st.just("R"), st.just("ab" * 32), people, st.dates(date(2026, 5, 1), date(2026, 7, 1))
        ),
    }
    if f.kind == "choice":
        assert f.of is not None
        return st.none() | st.sampled_from(list(f.of))
    if f.kind == "rows":
        assert f.row is not None
        row = st.builds(f.row, **{c.name: value(c) for c in fields_of(f.row)})
        return st.lists(row, max_size=3).map(
            lambda found: tuple(replace(r, id=f"r{n}") for n, r in enumerate(found))
        )
    return st.none() | some[f.kind]


def cases(process: Process) -> st.SearchStrategy[Case[Any]]:
    links = [
        Linked(relation, other, f"{other}-1", state)
        for relation, others in process.relations.items()
        for other in others
        for state in ("opened", "closed")
    ]
    return st.builds(
        Case,
        content=st.builds(process.content, **{f.name: value(f) for f in fields_of(process.content)}),
        now=st.just(NOW),
        state=st.sampled_from(process.states),
        owner=st.sampled_from(["", hex_of("ingrid")]),
        since=st.just({s: datetime(2026, 6, 1, tzinfo=UTC) for s in process.states}) | st.just({}),
        links=st.lists(st.sampled_from(links), max_size=3).map(tuple) if links else st.just(()),
        people=st.just(KNOWN) | st.just({}),
        answers=st.just(ANSWERS) | st.just({}),
        reason=st.sampled_from(["", "There is a reason for it"]),
    )


@pytest.mark.parametrize("process", ALL, ids=IDS)
def test_it_is_sound_beside_the_others(process: Process) -> None:
    assert faults(process, processes()) == []


@pytest.mark.parametrize("process", ALL, ids=IDS)
def test_no_rule_raises_whatever_was_written_down(process: Process) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases(process))
    def check(case: Case[Any]) -> None:
        for s in process.steps:
            for found in findings(process, s, case):
                assert found.sentence and found.severity in ("block", "warn", "late")
            assert isinstance(waiting(s, case), tuple)
        assert all(c.due >= c.start for c in clocks(process, case))
        standing_findings(process, case)
        due_system_steps(process, case)
        process.due_of(case)
        packed = pack(case.content, commit=lambda name, v: {"commitment": "00" * 32})
        assert pack(unpack(process.content, parse(canonical(packed))), commit=lambda n, v: {}) == packed

    check()


@pytest.mark.parametrize("process", ALL, ids=IDS)
def test_an_empty_record_passes_no_step_that_a_rule_guards(process: Process) -> None:
    empty = Case(content=process.content(), now=NOW, people=KNOWN)
    for s in process.steps:
        blocks = [g for g in s.gates if g.rule and g.severity == "block"]
        for state in process.leaves_from(s):
            if blocks:
                assert findings(process, s, replace(empty, state=state)), f"{s.name} from {state}"


@pytest.mark.parametrize("process", ALL, ids=IDS)
def test_somebody_without_a_role_takes_no_step_and_writes_nothing(
    process: Process,
) -> None:
    nobody: dict[str, Any] = {"person": hex_of("nobody"), "roles": frozenset()}
    case = Case(content=process.content(), now=NOW, owner=hex_of("ingrid"))
    for s in process.steps:
        assert not may(s.by, case, **nobody), s.name
    for state in process.states:
        assert writable(process, replace(case, state=state), **nobody) == frozenset()


@pytest.mark.parametrize("process", ALL, ids=IDS)
def test_an_administrator_takes_no_step(process: Process) -> None:
    case = Case(content=process.content(), now=NOW, owner=hex_of("ingrid"))
    for s in process.steps:
        assert not may(s.by, case, person=hex_of("viktor"), roles=frozenset({"it_administrator"}))


@pytest.mark.parametrize("process", ALL, ids=IDS)
def test_every_gate_of_a_rule_says_on_what_it_rests(process: Process) -> None:
    gates = [g for s in process.steps for g in s.gates] + [h.gate for h in process.standings]
    for g in gates:
        assert g.says.endswith((".", "…")), g.name
        if g.rule.startswith(process.rules) and g.name != "filled_in":
            assert g.basis, f"{g.name} ({g.rule})"


@pytest.mark.parametrize("process", ALL, ids=IDS)
def test_each_board_and_role_is_one_that_the_pack_names_for_it(process: Process) -> None:
    from vouchsafe.regulations import roles

    pack_ = packs.process(process.rules)
    theirs = {
        m.name
        for s in (*pack_.roles, *(t.by for t in pack_.transitions))
        for m in roles.meanings_of(s)
        if m.kind in ("role", "board")
    }
    for s in process.steps:
        for want in s.signs:
            for part in () if want.when else want.by.parts():  # who signs in special cases, a rule says
                if part.kind in ("role", "board"):
                    assert set(part.names) <= theirs, f"{s.name}: {part}"


def test_the_names_that_are_kept_for_ever_have_not_changed() -> None:
    """Keys, states and step names stand in signed history: changing one breaks what was written."""
    assert {p.key: set(p.states) for p in ALL if p.key in FROZEN} == {k: set(v) for k, v in FROZEN.items()}


FROZEN = {
    "capa": (
        "proposed",
        "screened",
        "rejected",
        "opened",
        "contained",
        "investigation",
        "plan_approval",
        "implementation",
        "implementation_verified",
        "effectiveness_pending",
        "effective",
        "not_effective",
        "closed",
    ),
    "complaint": (
        "received",
        "registered",
        "not_a_complaint",
        "triaged",
        "reportability_decided",
        "investigation",
        "no_investigation",
        "conclusion",
        "review",
        "closed",
        "reopened",
    ),
    "field_action": (
        "signal",
        "health_hazard_evaluation",
        "decision",
        "no_action_recorded",
        "planned",
        "notified_authorities",
        "launched",
        "notified_authorities_after_urgent_launch",
        "monitoring",
        "effectiveness_verified",
        "closed",
    ),
    "vulnerability": (
        "vuln_received",
        "vuln_triaged",
        "vuln_analysed",
        "not_affected",
        "accepted",
        "remediation",
        "fix_verified",
        "deployed",
        "closed",
    ),
}
