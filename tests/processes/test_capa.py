"""CAPA: the walk to closure, and each rule shut once and open once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.processes import capa_material as m
from tests.processes.walk import Refused, Walk, hex_of, proof
from vouchsafe.kernel.declare import clocks, faults, findings, overridden, standing_findings
from vouchsafe.processes.capa.gates import due_in_force, risk
from vouchsafe.processes.capa.process import process
from vouchsafe.regulations import packs

rule = pytest.mark.rule


def refused(take: Callable[[], object], *, rule: str) -> Refused:
    with pytest.raises(Refused) as found:
        take()
    assert rule in found.value.rules or rule in str(found.value), found.value
    return found.value


def test_the_declaration_is_sound() -> None:
    assert faults(process) == []


def test_it_has_the_states_and_transitions_of_the_pack() -> None:
    pack = packs.process("CAP")
    ours = {(state, s.to) for s in process.steps if s.to for state in s.frm}
    assert set(process.states) == set(pack.states)
    assert ours == {(f, t.to) for t in pack.transitions for f in t.frm}
    assert process.begins in pack.initial
    assert set(process.ends) == set(pack.final)


def test_each_transition_has_the_meaning_and_the_gates_of_the_pack() -> None:
    for t in packs.process("CAP").transitions:
        (step,) = [s for s in process.steps if s.to == t.to and t.frm[0] in s.frm]
        assert {s.meaning for s in step.signs} == ({t.meaning} if t.meaning else set())
        named = {g.rule for g in step.gates} | {s.rule for s in step.signs} | {x.rule for x in process.limits}
        assert set(t.gates) <= named, step.name


@rule("CAP-02", open=True)
@rule("CAP-04", open=True)
@rule("CAP-05", open=True)
@rule("CAP-06", open=True)
@rule("CAP-07", open=True)
@rule("CAP-08", open=True)
@rule("CAP-09", open=True)
@rule("CAP-10", open=True)
@rule("CAP-11", open=True)
@rule("CAP-12", open=True)
@rule("CAP-13", open=True)
@rule("CAP-14", open=True)
@rule("CAP-15", open=True)
@rule("CAP-16", open=True)
@rule("CAP-18", open=True)
@rule("CAP-19", open=True)
def test_it_is_walked_to_closure_by_distinct_people() -> None:
    walk = m.closing().take("close", "henrik")
    assert walk.state == "closed"
    assert process.due_of(walk.case) is None
    signers = [s.by for s in walk.case.signatures]
    assert len(set(signers)) == 8
    assert [o.process for o, _ in walk.opened] == ["field_action"]


# CAP-01


@rule("CAP-01", shut=True)
def test_screening_late_asks_why_and_is_never_refused_for_good() -> None:
    walk = m.proposed().wait(days=8)
    told = refused(lambda: walk.take("screen", "ingrid", "jonas"), rule="CAP-01")
    assert "Say why it is late" in str(told)
    walk = m.proposed().wait(days=8)
    walk.take("screen", "ingrid", "jonas", reason="Both board members were at the audit")
    assert walk.state == "screened"


@rule("CAP-01", open=True)
def test_screening_in_five_working_days_asks_nothing() -> None:
    walk = m.proposed().wait(days=7)  # Monday to Monday: the fifth working day
    assert [c.rule for c in clocks(process, walk.case)] == ["CAP-01"]
    assert walk.take("screen", "ingrid", "jonas").state == "screened"


def test_what_a_reason_answered_is_kept_for_the_event() -> None:
    walk = m.proposed().wait(days=8)
    step = process.step("screen", "proposed")
    assert step is not None
    from dataclasses import replace

    late = replace(walk.case, now=walk.now, reason="Both board members were at the audit")
    assert [f.rule for f in overridden(process, step, late)] == ["CAP-01"]
    assert overridden(process, step, replace(late, reason="n/a")) == ()


@pytest.mark.parametrize(
    "severity, likelihood, expected",
    [
        ("critical", "probable", "high"),
        ("catastrophic", "improbable", "high"),
        ("minor", "remote", "low"),
        (None, None, ""),
    ],
)
def test_risk_comes_from_one_table_for_every_source(severity: Any, likelihood: Any, expected: str) -> None:
    walk = Walk(process, "marcus").write("marcus", severity=severity, likelihood=likelihood)
    assert risk(walk.case.content) == expected


def test_risk_in_between_is_medium() -> None:
    walk = Walk(process, "marcus").write("marcus", severity="serious", likelihood="occasional")
    assert risk(walk.case.content) == "medium"


# CAP-02 to CAP-04, CAP-21


@rule("CAP-02", shut=True)
def test_a_source_that_nobody_looked_at_keeps_it_proposed() -> None:
    walk = m.proposed()
    some = [r for r in m.MATTER["sources"] if r["source"] != "suppliers"]
    walk.write("marcus", sources=some)
    assert "suppliers" in str(refused(lambda: walk.take("screen", "ingrid", "jonas"), rule="CAP-02"))


@rule("CAP-03", shut=True)
@rule("CAP-21", shut=True)
def test_no_capa_needs_its_reason_and_isolated_low_risk() -> None:
    walk = m.screened()
    told = refused(
        lambda: walk.take("reject", "ingrid", "jonas", reason="It is an isolated event only"), rule="CAP-03"
    )
    assert "no CAPA" in str(told)
    step = process.step("reject", "screened")
    assert step is not None
    assert "CAP-21" in {f.rule for f in findings(process, step, walk.case)}


@rule("CAP-03", open=True)
@rule("CAP-21", open=True)
def test_an_isolated_event_of_low_risk_is_left_to_correction_alone() -> None:
    walk = m.proposed().write("marcus", severity="minor", likelihood="remote")
    walk.take("screen", "ingrid", "jonas")
    walk.write("marcus", why_no_capa="Isolated, corrected on the spot", trend_code="LNK-1", similar="0")
    step = process.step("reject", "screened")
    assert step is not None
    assert "CAP-21" not in {f.rule for f in findings(process, step, walk.case)}
    walk.take("reject", "ingrid", "jonas", reason="Isolated, and the trend shows nothing")
    assert walk.state == "rejected"


@pytest.mark.parametrize("similar, words", [(None, "Count"), ("3", "3 similar events")])
def test_correction_alone_is_checked_against_the_trend(similar: str | None, words: str) -> None:
    walk = (
        m.proposed().write("marcus", severity="minor", likelihood="remote").take("screen", "ingrid", "jonas")
    )
    walk.write("marcus", similar=similar, why_no_capa="Isolated, corrected on the spot")
    step = process.step("reject", "screened")
    assert step is not None
    said = {f.rule: f.sentence for f in findings(process, step, walk.case)}
    assert words in said["CAP-21"]
    assert "code" in said["CAP-03"]


@rule("CAP-04", shut=True)
def test_what_has_occurred_is_not_prevented_but_corrected() -> None:
    walk = m.screened().write("marcus", kind="preventive", occurred=False)
    assert "CMP-2026-0001" in str(refused(lambda: walk.take("open", "ingrid", "jonas"), rule="CAP-04"))
    walk = m.screened().write("marcus", occurred=False)
    refused(lambda: walk.take("open", "ingrid", "jonas"), rule="CAP-04")
    walk = m.screened().write("marcus", occurred=None)
    refused(lambda: walk.take("open", "ingrid", "jonas"), rule="CAP-04")


# CAP-05, CAP-06


@rule("CAP-05", shut=True)
@pytest.mark.parametrize(
    "changes",
    [
        {"containment": m.CONTAINED["containment"][:2]},
        {"field_action_why": "no"},
        {"containment": [{**r, "on": "2027-01-01"} for r in m.CONTAINED["containment"]]},
    ],
)
def test_containment_covers_stock_work_and_field(changes: dict[str, Any]) -> None:
    walk = m.opened().wait(days=2).take("open_field_action", by="marcus")
    refused(lambda: walk.take("contain", "marcus", **{**m.CONTAINED, **changes}), rule="CAP-05")


@rule("CAP-05", shut=True)
def test_a_field_action_that_is_needed_must_be_opened() -> None:
    walk = m.opened().wait(days=2)
    assert "open it from here" in str(
        refused(lambda: walk.take("contain", "marcus", **m.CONTAINED), rule="CAP-05")
    )


@rule("CAP-06", shut=True)
def test_at_high_risk_the_owner_does_not_investigate_alone() -> None:
    walk = m.opened().wait(days=2).take("open_field_action", by="marcus")
    walk.take("contain", "marcus", **{**m.CONTAINED, "investigator": hex_of("marcus")})
    refused(lambda: walk.take("investigate", "marcus", method="five_whys"), rule="CAP-06")


# CAP-07 to CAP-11


@rule("CAP-07", shut=True)
@pytest.mark.parametrize("broken", [{"evidence": None}, {"explains": "n/a"}, {"category": None}])
def test_a_cause_without_evidence_is_no_cause(broken: dict[str, Any]) -> None:
    walk = m.contained().take("investigate", "katarzyna", method="five_whys").wait(days=7)
    walk.write("katarzyna", causes=[{**m.CAUSE, **broken}])
    refused(lambda: walk.take("plan", "marcus", **m.PLAN), rule="CAP-07")


@rule("CAP-07", shut=True)
@pytest.mark.parametrize("by", ["marcus", "daniel", None])
def test_human_error_alone_needs_quality_assurances_exception(by: str | None) -> None:
    walk = m.investigating().write("katarzyna", causes=[{**m.CAUSE, "category": "human_error"}])
    if by:
        walk.write("henrik", exception=proof("EXC-1", by))
    refused(lambda: walk.take("plan", "marcus", **m.PLAN), rule="CAP-07")


@rule("CAP-07", open=True)
def test_human_error_alone_stands_with_the_exception() -> None:
    walk = m.investigating().write("katarzyna", causes=[{**m.CAUSE, "category": "training"}])
    walk.write("henrik", exception=proof("EXC-1", "henrik"))
    assert walk.take("plan", "marcus", **m.PLAN).state == "plan_approval"


@rule("CAP-08", shut=True)
@pytest.mark.parametrize(
    "broken", [{"target": None}, {"period": "0"}, {"sample": "0"}, {"period": "1.5"}, {"measure": "ok"}]
)
def test_the_criterion_is_measurable_before_anything_is_done(broken: dict[str, Any]) -> None:
    walk = m.investigating()
    with pytest.raises(Refused, match="target|Fill in|sample|measured"):
        walk.take("plan", "marcus", **{**m.PLAN, **broken})


@rule("CAP-08", shut=True)
def test_an_action_done_before_the_approval_makes_the_criterion_late() -> None:
    walk = m.done(m.implementing())
    early = (walk.case.since["implementation"] - timedelta(days=3)).date()
    walk.write("rafael", actions=walk.rows("actions", done_on=early.isoformat()))
    refused(lambda: walk.take("verify", "henrik"), rule="CAP-08")


@rule("CAP-09", shut=True)
@pytest.mark.parametrize(
    "broken",
    [
        {"actions": [{**m.ACTION, "kind": "training"}]},
        {"actions": [{**m.ACTION, "due": "2027-01-01"}]},
        {"actions": [{**m.ACTION, "what": "tbd"}]},
        {"proportion": "ok"},
    ],
)
def test_high_risk_is_not_answered_by_telling_people(broken: dict[str, Any]) -> None:
    walk = m.investigating()
    refused(lambda: walk.take("plan", "marcus", **{**m.PLAN, **broken}), rule="CAP-09")


@rule("CAP-10", shut=True)
def test_the_plan_waits_for_every_function_and_for_regulatory_affairs() -> None:
    walk = m.planned()
    assert "regulatory affairs" in str(
        refused(lambda: walk.take("approve", "ingrid", "daniel"), rule="missing")
    )
    walk = m.planned()
    assert "Daniel" in str(refused(lambda: walk.take("approve", "ingrid", "sofia"), rule="missing"))


def test_nobody_who_wrote_the_plan_approves_it() -> None:
    walk = m.planned().write("marcus", proportion="The change removes the cause, and it only")
    with pytest.raises(Refused, match="katarzyna"):
        walk.take("approve", "ingrid", "katarzyna")


def test_regulatory_affairs_is_asked_only_where_the_product_is_touched() -> None:
    walk = m.proposed().write("marcus", severity="minor", likelihood="occasional")
    walk.take("screen", "ingrid", "jonas").take("open", "ingrid", "jonas").take(
        "open_field_action", by="marcus"
    )
    walk.wait(days=2).take("contain", "marcus", **m.CONTAINED).take(
        "investigate", "katarzyna", method="five_whys"
    ).wait(days=7)
    walk.write("katarzyna", causes=[m.CAUSE])
    walk.take("plan", "marcus", **{**m.PLAN, "actions": [{**m.ACTION, "kind": "training"}]})
    assert walk.take("approve", "ingrid", "daniel").state == "implementation"


@rule("CAP-11", shut=True)
def test_the_plan_needs_the_report_that_it_does_no_harm() -> None:
    walk = m.planned().write("marcus", no_harm_report=None)
    refused(lambda: walk.take("approve", "ingrid", "daniel", "sofia"), rule="CAP-11")
    walk = m.planned().write("marcus", no_harm="none")
    refused(lambda: walk.take("approve", "ingrid", "daniel", "sofia"), rule="CAP-11")


# CAP-12 to CAP-14, CAP-20


@rule("CAP-12", shut=True)
def test_a_software_action_waits_for_its_change_order() -> None:
    walk = m.done(m.implementing())
    walk.write("rafael", actions=walk.rows("actions", change=None))
    refused(lambda: walk.take("verify", "henrik"), rule="CAP-12")


@rule("CAP-13", shut=True)
def test_an_action_without_evidence_is_not_done() -> None:
    walk = m.done(m.implementing())
    walk.write("rafael", actions=walk.rows("actions", done=None))
    refused(lambda: walk.take("verify", "henrik"), rule="CAP-13")


@rule("CAP-13", shut=True)
def test_who_did_it_does_not_verify_it() -> None:
    walk = m.planned().write("marcus", checker=hex_of("rafael"))
    walk.take("approve", "ingrid", "daniel", "sofia")
    with pytest.raises(Refused, match="rafael"):
        m.done(walk).take("verify", "rafael")


def test_an_independent_person_may_verify_instead_of_quality_assurance() -> None:
    walk = m.planned().write("marcus", checker=hex_of("fiona"))
    walk.take("approve", "ingrid", "daniel", "sofia")
    assert m.done(walk).take("verify", "fiona").state == "implementation_verified"


def test_implementers_change_what_they_did_and_not_the_plan() -> None:
    walk = m.implementing()
    with pytest.raises(Refused, match=r"actions\.what"):
        walk.write("rafael", actions=walk.rows("actions", what="Something else than what was approved"))
    with pytest.raises(Refused, match="may not write actions"):
        walk.write("rafael", actions=[*walk.rows("actions"), m.ACTION])


@rule("CAP-14", shut=True)
def test_the_worker_waits_for_the_period() -> None:
    walk = m.verified().wait(days=59)
    assert walk.system().state == "implementation_verified"
    assert walk.wait(days=1).system().state == "effectiveness_pending"


@rule("CAP-20", shut=True)
def test_more_time_needs_a_reason_and_a_view_of_the_risk() -> None:
    walk = m.implementing()
    refused(lambda: walk.take("extend", "henrik"), rule="CAP-20")
    walk.write(
        "marcus", extensions=[{"until": "2026-10-15", "why": "tbd", "risk_view": "Users have a workaround"}]
    )
    refused(lambda: walk.take("extend", "henrik"), rule="CAP-20")
    rows = walk.rows("extensions", why="The vendor is late", until="2026-06-30")
    walk.write("marcus", extensions=rows)
    refused(lambda: walk.take("extend", "henrik"), rule="CAP-20")


def extended(walk: Walk, until: str, *signers: str) -> Walk:
    more = {
        "until": until,
        "why": "The vendor delivers later",
        "risk_view": "Users have a workaround until then",
    }
    walk.write("marcus", extensions=[*walk.rows("extensions"), more])
    return walk.take("extend", *signers)


@rule("CAP-20", open=True)
def test_the_third_extension_is_top_managements() -> None:
    walk = extended(extended(m.implementing(), "2026-09-30", "henrik"), "2026-10-31", "henrik")
    assert str(due_in_force(walk.case)) == "2026-10-31"
    with pytest.raises(Refused, match="top management"):
        extended(walk, "2026-11-30", "henrik")
    walk.take("extend", "owen", by="henrik")  # his own signature stands already
    assert walk.state == "implementation"
    assert str(process.due_of(walk.case)) == "2026-11-30"


@rule("CAP-20", shut=True)
def test_a_date_that_passed_keeps_it_in_implementation_until_it_is_extended() -> None:
    walk = m.implementing().wait(days=100)
    from dataclasses import replace

    assert [f.rule for f in standing_findings(process, replace(walk.case, now=walk.now))] == ["CAP-20"]
    day = walk.now.date().isoformat()
    ready = {"done_on": day, "done": proof("BUILD-421", "rafael"), "change": proof("CO-17", "henrik")}
    walk.write("rafael", actions=walk.rows("actions", **ready))
    refused(lambda: walk.take("verify", "henrik"), rule="CAP-20")
    extended(walk, "2026-12-31", "henrik")
    assert walk.take("verify", "henrik").state == "implementation_verified"
