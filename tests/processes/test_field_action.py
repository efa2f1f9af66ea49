"""Field action: the walk, and each rule shut once and open once."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.processes.test_capa import refused
from tests.processes.walk import START, Refused, Walk, hex_of, proof
from vouchsafe.kernel.declare import faults
from vouchsafe.processes.field_action.content import Market, Operator, Place, Seat
from vouchsafe.processes.field_action.process import process
from vouchsafe.regulations import packs

rule = pytest.mark.rule
BOARD = ("ingrid", "sofia", "amara", "owen", "tomasz")
SERIALS = ["T4-0311-88207", "T4-0298-10471"]


def population(open: int = 0, corrected: int = 1240, **more: Any) -> dict[str, Any]:
    return {
        "frozen": True,
        "digest": "ab" * 32,
        "scope": 1240,
        "shipped": 1240,
        "open": open,
        "corrected": corrected,
        "unreachable": 0,
        "returned": 0,
        "destroyed": 0,
        "unaccounted": SERIALS[:open],
        **more,
    }


SIGNAL = {
    "trigger": "The gateway link stops on a malformed list",
    "products": "Tarn 4, 05060912340019, 4.1.2",
}
HAZARD: dict[str, Any] = {
    "harm": "The infusion goes on without its alarm reaching the ward",
    "death_possible": False,
    "likelihood": "remote",
    "at_risk": "Patients on vasoactive drugs",
    "detectability": "Yes: the pump shows it",
    "recall_class": "class_II",
    "evaluated_by": hex_of("amara"),
    "evaluated_on": "2026-06-02",
}
DECISION: dict[str, Any] = {
    "decision": "field_action",
    "decided_by": hex_of("owen"),
    "decided_title": "Managing director",
    "decided_at": "2026-06-02T10:00:00Z",
    "voices": [{"seat": s, "vote": "for_action", "why": "The alarm may not be heard"} for s in Seat],
    "judgements": [
        {
            "market": m,
            "duty": "report" if m in ("EU", "GB") else "no_report",
            "why": "Corrects a risk of harm, MDR Art. 87(1)(b)",
        }
        for m in Market
    ],
}
PLAN: dict[str, Any] = {
    "kind": "software_update",
    "strategy": "To the user, by notice and gateway update",
    "corrected_by": "4.2.1",
    "blocks": [{"place": p, "units": "12", "evidence": proof(f"BLK-{p}")} for p in Place],
    "third_country": "The same update in all markets, duties checked",
    "target_share": "99",
}
NOTICE: dict[str, Any] = {
    "notices": [{"language": "en", "notice": proof("FSN-en", "grace"), "reviewed_by": hex_of("sofia")}],
    "identifies": "UDI-DI, serial and SRN on the first page",
    "explains": "The alarm may not reach the ward",
    "instructs": "Keep the pump in sight until it is updated",
}
READY: dict[str, Any] = {"readiness": proof("MOCK-2026", "grace"), "deputy": hex_of("henrik")}


def reports(**more: Any) -> list[dict[str, Any]]:
    sent = {"form": "FSCA 1.2", "sent_at": "2026-06-03T08:00:00Z", "sent": proof("SENT-1", "sofia")}
    return [{"market": m, **sent, **more} for m in ("EU", "GB")]


FOLLOWED: dict[str, Any] = {
    "sent_to_consignees": proof("FSN-LIST", "grace"),
    "follow_up": "Reminders on day 7, 14 and 30, then the site manager",
    "further": "none_found",
    "operators": [
        {"operator": o, "how": f"Told by letter: {o}", "evidence": proof(f"OP-{o}")} for o in Operator
    ],
}


def evaluated() -> Walk:
    walk = Walk(process, "priya", **SIGNAL).wait(hours=2).take("evaluate", "ingrid")
    return walk.wait(days=1).write("grace", **HAZARD, **DECISION)


def decided() -> Walk:
    return evaluated().wait(hours=4).take("decide", *BOARD)


def planned(**more: Any) -> Walk:
    walk = decided().answer(population=population(open=1240, corrected=0, unaccounted=SERIALS))
    return walk.take("plan", "grace", **{**PLAN, **more})


def ready() -> Walk:
    return planned().wait(days=1).write("grace", **NOTICE, **READY).write("sofia", reports=reports())


def notified() -> Walk:
    return ready().take("notify", "sofia")


def launched() -> Walk:
    return notified().wait(days=3).take("launch", "grace")


def monitoring() -> Walk:
    return launched().write("grace", **FOLLOWED).take("monitor", "grace")


def effective() -> Walk:
    return monitoring().wait(days=60).answer(population=population()).take("verify_effect", "ingrid")


def closing() -> Walk:
    walk = effective().link("leads_to", "capa", "CAPA-2026-0001", "implementation_verified")
    rows = walk.rows("reports", final=proof("FINAL", "sofia"), closure=proof("CLOSED", "sofia"))
    return walk.write("sofia", reports=rows)


def test_the_declaration_is_sound() -> None:
    assert faults(process) == []


def test_it_has_the_states_and_transitions_of_the_pack() -> None:
    pack = packs.process("FSC")
    ours = {(state, s.to) for s in process.steps if s.to for state in s.frm}
    assert set(process.states) == set(pack.states)
    assert ours == {(f, t.to) for t in pack.transitions for f in t.frm}
    for t in pack.transitions:
        (step,) = [s for s in process.steps if s.to == t.to and t.frm[0] in s.frm]
        assert {s.meaning for s in step.signs} == {t.meaning}
        named = {g.rule for g in step.gates} | {s.rule for s in step.signs}
        assert set(t.gates) <= named, step.name


@rule("FSC-01", open=True)
@rule("FSC-02", open=True)
@rule("FSC-03", open=True)
@rule("FSC-05", open=True)
@rule("FSC-06", open=True)
@rule("FSC-07", open=True)
@rule("FSC-08", open=True)
@rule("FSC-09", open=True)
@rule("FSC-10", open=True)
@rule("FSC-11", open=True)
@rule("FSC-12", open=True)
@rule("FSC-13", open=True)
@rule("FSC-14", open=True)
@rule("FSC-15", open=True)
@rule("FSC-16", open=True)
@rule("FSC-17", open=True)
def test_it_is_walked_to_closure_by_the_whole_board() -> None:
    walk = closing().take("close", *BOARD)
    assert walk.state == "closed"
    assert len({s.by for s in walk.case.signatures if s.step == "decide"}) == 5


def test_four_of_five_do_not_decide() -> None:
    walk = evaluated()
    with pytest.raises(
        Refused, match="missing: approved by the person responsible for regulatory compliance"
    ):
        walk.take("decide", *BOARD[:-1])


def test_one_person_with_two_roles_signs_once() -> None:
    walk = evaluated()
    with pytest.raises(Refused, match="SOD-18"):
        walk.take("decide", "ingrid", "tomasz", "amara", "owen", "tomasz")


# FSC-01 to FSC-04, FSC-17


@rule("FSC-01", shut=True)
@pytest.mark.parametrize(
    "broken",
    [
        {"evaluated_by": hex_of("ingrid")},
        {"harm": "tbd"},
        {"death_possible": None},
        {"evaluated_on": "2027-01-01"},
    ],
)
def test_the_hazard_is_evaluated_by_a_physician(broken: dict[str, Any]) -> None:
    walk = evaluated().write("grace", **broken)
    refused(lambda: walk.take("decide", *BOARD), rule="FSC-01")


@rule("FSC-01", shut=True)
@pytest.mark.parametrize("death, days", [(False, 6), (True, 2)])
def test_a_late_evaluation_says_why(death: bool, days: int) -> None:
    walk = evaluated().write("grace", death_possible=death).at(START + timedelta(days=days))
    refused(lambda: walk.take("decide", *BOARD), rule="FSC-01")
    walk = evaluated().write("grace", death_possible=death).at(START + timedelta(days=days))
    assert walk.take("decide", *BOARD, reason="The physician was abroad until today").state == "decision"


@rule("FSC-02", shut=True)
@pytest.mark.parametrize(
    "broken", [{"decided_by": None}, {"decided_title": None}, {"decided_at": "2027-01-01T00:00:00Z"}]
)
def test_the_decision_has_name_title_and_time(broken: dict[str, Any]) -> None:
    walk = evaluated().write("grace", **broken)
    refused(lambda: walk.take("decide", *BOARD), rule="FSC-02")


@rule("FSC-03", shut=True)
def test_every_vote_is_recorded() -> None:
    walk = evaluated().write("grace", voices=DECISION["voices"][1:])
    assert "quality" in str(refused(lambda: walk.take("decide", *BOARD), rule="FSC-03"))


@rule("FSC-03", shut=True)
@pytest.mark.parametrize("seat", ["medical", "prrc"])
def test_the_physician_and_the_prrc_are_not_outvoted(seat: str) -> None:
    voices = [
        {**v, "vote": "for_action" if v["seat"] == seat else "against_action"} for v in DECISION["voices"]
    ]
    walk = evaluated().write("grace", decision="no_field_action", voices=voices)
    assert seat in str(refused(lambda: walk.take("decide", *BOARD), rule="FSC-03"))


def no_action() -> Walk:
    voices = [{**v, "vote": "against_action", "why": "No harm can come of it"} for v in DECISION["voices"]]
    walk = (
        evaluated()
        .write("grace", decision="no_field_action", voices=voices)
        .wait(hours=4)
        .take("decide", *BOARD)
    )
    return walk.write("grace", justified_by=hex_of("henrik"))


@rule("FSC-04", open=True)
def test_no_action_is_an_end_of_its_own() -> None:
    assert no_action().take("decline", *BOARD).state == "no_action_recorded"


@rule("FSC-04", shut=True)
@pytest.mark.parametrize("name", [None, "priya", "sal"])
def test_no_action_is_reviewed_by_a_designated_person(name: str | None) -> None:
    walk = no_action().write("grace", justified_by=hex_of(name) if name else None)
    refused(lambda: walk.take("decline", *BOARD), rule="FSC-04")


@rule("FSC-04", shut=True)
def test_a_decision_to_act_can_not_be_declined() -> None:
    refused(lambda: decided().take("decline", *BOARD), rule="FSC-04")


@rule("FSC-17", shut=True)
@rule("FSC-04", shut=True)
def test_each_market_has_its_reason_even_without_a_report() -> None:
    walk = no_action().write("grace", judgements=DECISION["judgements"][:3])
    told = refused(lambda: walk.take("decline", *BOARD), rule="FSC-17")
    assert "FSC-04" in told.rules


@rule("FSC-17", shut=True)
def test_what_is_not_reported_is_recorded_as_fully() -> None:
    walk = no_action().write("grace", products="n/a")
    refused(lambda: walk.take("decline", *BOARD), rule="FSC-17")


# FSC-05, FSC-06, FSC-15


@rule("FSC-05", shut=True)
@pytest.mark.parametrize("answer", [None, {"frozen": False, "scope": 0}])
def test_the_plan_waits_for_the_frozen_population(answer: Any) -> None:
    walk = decided().answer(population=answer)
    refused(lambda: walk.take("plan", "grace", **PLAN), rule="FSC-05")


@rule("FSC-05", shut=True)
@pytest.mark.parametrize("shipped", [1300, None])
def test_units_that_are_not_in_the_list_are_named(shipped: int | None) -> None:
    walk = decided().answer(population=population(shipped=shipped))
    refused(lambda: walk.take("plan", "grace", **PLAN), rule="FSC-05")
    walk.case = replace(walk.case, signatures=())
    walk.take("plan", "grace", **PLAN, unknown_consignees="60 units with two dealers, both were written to")
    assert walk.state == "planned"


@rule("FSC-06", shut=True)
def test_stock_is_blocked_when_the_decision_falls() -> None:
    walk = decided().answer(population=population())
    refused(lambda: walk.take("plan", "grace", **{**PLAN, "blocks": PLAN["blocks"][:1]}), rule="FSC-06")


@rule("FSC-15", shut=True)
def test_duties_in_other_countries_are_checked() -> None:
    walk = decided().answer(population=population())
    refused(lambda: walk.take("plan", "grace", **{**PLAN, "third_country": "none"}), rule="FSC-15")
    walk = decided().answer(population=population()).write("grace", judgements=DECISION["judgements"][:2])
    assert "CA" in str(refused(lambda: walk.take("plan", "grace", **PLAN), rule="FSC-15"))


# FSC-07 to FSC-09


@rule("FSC-07", shut=True)
@pytest.mark.parametrize(
    "broken", [{"sent": None}, {"sent_at": None}, {"form": None}, {"sent_at": "2027-01-01T00:00:00Z"}]
)
def test_authorities_are_told_before_the_launch(broken: dict[str, Any]) -> None:
    walk = ready().write("sofia", reports=reports(**broken))
    assert "EU" in str(refused(lambda: walk.take("notify", "sofia"), rule="FSC-07"))


@rule("FSC-07", shut=True)
def test_they_have_48_hours_or_have_answered() -> None:
    walk = notified().at(START + timedelta(days=3))
    refused(lambda: walk.take("launch", "grace"), rule="FSC-07")
    walk = notified().at(START + timedelta(days=3))
    walk.write("sofia", reports=walk.rows("reports", answered_at="2026-06-03T20:00:00Z"))
    assert walk.take("launch", "grace").state == "launched"


@rule("FSC-08", shut=True)
@pytest.mark.parametrize(
    "broken",
    [
        {"explains": "tbd"},
        {"notices": []},
        {"notices": [{**NOTICE["notices"][0], "notice": None}]},
        {"notices": [{**NOTICE["notices"][0], "reviewed_by": hex_of("grace")}]},
    ],
)
def test_the_notice_is_complete_and_read_by_another(broken: dict[str, Any]) -> None:
    walk = ready().write("grace", **broken)
    refused(lambda: walk.take("notify", "sofia"), rule="FSC-08")


@rule("FSC-09", shut=True)
@pytest.mark.parametrize(
    "broken",
    [
        {"readiness": None},
        {"readiness": proof("MOCK-2024", "grace", date(2025, 5, 1))},
        {"deputy": None},
        {"deputy": hex_of("priya")},
    ],
)
def test_notices_can_go_out_at_any_time(broken: dict[str, Any]) -> None:
    walk = notified().wait(days=3).write("grace", **broken)
    refused(lambda: walk.take("launch", "grace"), rule="FSC-09")


def test_an_urgent_launch_has_three_signatures_and_its_reason() -> None:
    walk = ready()
    refused(lambda: walk.take("launch_urgently", "grace", "amara", "ingrid"), rule="FSC-07")
    walk = ready().write("grace", urgency="A second alarm was missed this morning")
    walk.take("launch_urgently", "grace", "amara", "ingrid")
    walk.take("notify_late", "sofia").write("grace", **FOLLOWED)
    assert walk.take("monitor_after_urgent_launch", "grace").state == "monitoring"


def test_launched_urgently_it_is_not_monitored_before_the_authorities_are_told() -> None:
    walk = planned().write("grace", **NOTICE, **READY, urgency="A second alarm was missed this morning")
    walk.take("launch_urgently", "grace", "amara", "ingrid").write("grace", **FOLLOWED)
    refused(lambda: walk.take("monitor", "grace"), rule="FSC-07")
