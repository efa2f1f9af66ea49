"""Field action from launch to closure: each rule shut once and open once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.processes.test_capa import refused
from tests.processes.test_field_action import (
    BOARD,
    FOLLOWED,
    PLAN,
    closing,
    decided,
    effective,
    evaluated,
    launched,
    monitoring,
    notified,
    planned,
    population,
    ready,
)
from tests.processes.walk import Refused, Walk, proof
from vouchsafe.kernel.declare import clocks, standing_findings
from vouchsafe.processes.field_action.process import process

rule = pytest.mark.rule


# FSC-10, FSC-11, FSC-16


@rule("FSC-10", shut=True)
@pytest.mark.parametrize("broken", [{"sent_to_consignees": None}, {"follow_up": "yes"}])
def test_each_unit_is_followed(broken: dict[str, Any]) -> None:
    walk = launched().write("grace", **{**FOLLOWED, **broken})
    refused(lambda: walk.take("monitor", "grace"), rule="FSC-10")


@rule("FSC-10", shut=True)
def test_without_a_frozen_list_nothing_is_followed() -> None:
    walk = launched().write("grace", **FOLLOWED).answer(population={"frozen": False})
    refused(lambda: walk.take("monitor", "grace"), rule="FSC-10")


@rule("FSC-11", shut=True)
@pytest.mark.parametrize(
    "broken",
    [
        {"further": None},
        {"further": "found"},
        {"further": "found", "amendments": [{"lots": "L7", "found_on": "2026-06-05"}]},
    ],
)
def test_further_lots_have_their_amendment(broken: dict[str, Any]) -> None:
    walk = launched().write("grace", **{**FOLLOWED, **broken})
    refused(lambda: walk.take("monitor", "grace"), rule="FSC-11")


@rule("FSC-11", open=True)
def test_further_lots_with_their_amendment_pass() -> None:
    found = [{"lots": "L7", "found_on": "2026-06-05", "evidence": proof("AM-1")}]
    walk = launched().write("grace", **{**FOLLOWED, "further": "found", "amendments": found})
    assert walk.take("monitor", "grace").state == "monitoring"


@rule("FSC-16", shut=True)
def test_operators_are_informed_before_monitoring_is_left() -> None:
    walk = launched().write("grace", **{**FOLLOWED, "operators": FOLLOWED["operators"][1:]})
    walk.take("monitor", "grace").answer(population=population())
    assert [f.rule for f in standing_findings(process, walk.case)] == ["FSC-16"]
    told = refused(lambda: walk.take("verify_effect", "ingrid"), rule="FSC-16")
    assert "authorised representative" in str(told)


# FSC-12 to FSC-14


@rule("FSC-12", shut=True)
@pytest.mark.parametrize("share", ["0", "101"])
def test_the_criterion_is_set_before_the_launch(share: str) -> None:
    walk = decided().answer(population=population())
    refused(lambda: walk.take("plan", "grace", **{**PLAN, "target_share": share}), rule="FSC-12")


@rule("FSC-12", shut=True)
def test_the_share_is_measured_and_not_typed() -> None:
    walk = monitoring().answer(population=population(open=40, corrected=1200))
    assert "96.8 %" in str(refused(lambda: walk.take("verify_effect", "ingrid"), rule="FSC-12"))


@rule("FSC-12", open=True)
def test_an_authority_may_accept_a_lower_share() -> None:
    walk = monitoring().answer(population=population(open=40, corrected=1200))
    walk.write("grace", accepted_reason=proof("MHRA-7", "sofia"))
    assert walk.take("verify_effect", "ingrid").state == "effectiveness_verified"


@rule("FSC-13", shut=True)
@pytest.mark.parametrize(
    "counts, words",
    [
        (population(open=1, corrected=1239), "1 unit is unaccounted for: T4-0311-88207."),
        (population(open=2, corrected=1238), "2 units are unaccounted for: T4-0311-88207, T4-0298-10471."),
        (population(unaccounted=[f"S{n}" for n in range(25)]), "S19 and 5 others"),
        (population(corrected=1239), "The parts add up to 1239, 1240 units are in scope."),
        ({"frozen": False}, "never frozen"),
    ],
)
def test_closing_is_refused_while_a_unit_is_unaccounted_for_and_says_which(
    counts: dict[str, Any], words: str
) -> None:
    walk = closing().answer(population=counts)
    assert words in str(refused(lambda: walk.take("close", *BOARD), rule="FSC-13"))


@rule("FSC-13", open=True)
def test_units_out_of_reach_returned_or_destroyed_are_accounted_for() -> None:
    walk = closing().answer(population=population(corrected=1200, unreachable=20, returned=15, destroyed=5))
    assert walk.take("close", *BOARD).state == "closed"


@rule("FSC-13", shut=True)
def test_closing_waits_for_the_capa_on_the_cause() -> None:
    walk = closing().relink("CAPA-2026-0001", "implementation")
    assert "CAPA-2026-0001 is implementation" in str(
        refused(lambda: walk.take("close", *BOARD), rule="FSC-13")
    )
    walk.case = replace(walk.case, links=(), signatures=())
    assert "Link the CAPA" in str(refused(lambda: walk.take("close", *BOARD), rule="FSC-13"))


@rule("FSC-13", shut=True)
@rule("FSC-14", shut=True)
@pytest.mark.parametrize("part, rule_id", [("final", "FSC-13"), ("closure", "FSC-14")])
def test_closing_waits_for_reports_and_closure(part: str, rule_id: str) -> None:
    walk = closing()
    walk.write("sofia", reports=walk.rows("reports", **{part: None}))
    assert "EU, GB" in str(refused(lambda: walk.take("close", *BOARD), rule=rule_id))


def test_a_field_action_opens_the_capa_on_its_cause() -> None:
    walk = decided().take("open_capa", by="ingrid")
    ((opening, number),) = walk.opened
    assert (opening.process, opening.copy) == ("capa", (("what", "trigger"),))
    assert walk.case.linked("leads_to", "capa")[0].number == number


def test_the_first_days_run_as_a_clock() -> None:
    (clock,) = clocks(process, evaluated().case)
    assert (clock.rule, clock.due.date()) == ("FSC-01", date(2026, 6, 4))


def walks() -> list[Callable[[], Walk]]:
    return [evaluated, decided, planned, ready, notified, launched, monitoring, effective, closing]


@pytest.mark.parametrize("walk", walks(), ids=lambda f: f.__name__)
def test_a_stranger_takes_no_step(walk: Callable[[], Walk]) -> None:
    here = walk()
    for step in process.steps_from(here.state):
        with pytest.raises(Refused, match="only"):
            here.take(step.name, by="viktor")
