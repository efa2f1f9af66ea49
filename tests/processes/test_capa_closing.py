"""CAPA from the effectiveness check to closure: each rule shut once and open once."""

from typing import Any

import pytest

from tests.processes import capa_material as m
from tests.processes.test_capa import extended, refused
from tests.processes.walk import Refused, Walk, hex_of, proof
from vouchsafe.kernel.declare import waiting
from vouchsafe.processes.capa.process import process

rule = pytest.mark.rule


# CAP-15 to CAP-17


@rule("CAP-15", shut=True)
@pytest.mark.parametrize(
    "broken",
    [
        {"measured": "1"},
        {"sample_seen": "499"},
        {"results_data": None},
        {"results_data": proof("FLEET-9", "elin")},
        {"results": "ok"},
    ],
)
def test_effective_can_not_be_said_of_what_did_not_pass(broken: dict[str, Any]) -> None:
    walk = m.pending()
    with pytest.raises(Refused, match="Fill in|not at most|planned|Give|before the period"):
        walk.take("confirm", "elin", **{**m.RESULTS, **broken})


def test_a_criterion_may_be_a_lower_bound() -> None:
    walk = (
        m.planned()
        .write("marcus", bound="at_least", target="99.5")
        .take("approve", "ingrid", "daniel", "sofia")
    )
    m.done(walk).take("verify", "henrik").wait(days=120).system()
    refused(lambda: walk.take("confirm", "elin", **{**m.RESULTS, "measured": "99.4"}), rule="CAP-15")
    assert walk.take("confirm", "elin", measured="99.50").state == "effective"


@rule("CAP-16", shut=True)
@pytest.mark.parametrize("name", ["marcus", "rafael"])
def test_neither_owner_nor_implementer_confirms_the_effect(name: str) -> None:
    walk = m.planned().write("marcus", verifier=hex_of(name)).take("approve", "ingrid", "daniel", "sofia")
    m.done(walk).take("verify", "henrik").wait(days=120).system()
    with pytest.raises(Refused, match="can't give this signature"):
        walk.take("confirm", name, **m.RESULTS)


@rule("CAP-17", shut=True)
def test_what_met_the_criterion_is_not_found_ineffective() -> None:
    walk = m.pending()
    refused(lambda: walk.take("fail", "elin", reason="I don't like the numbers", **m.RESULTS), rule="CAP-17")


def failed(walk: Walk) -> Walk:
    bad = {**m.RESULTS, "measured": "4", "results": "Four restarts on 640 pumps"}
    del bad["sample_seen"], bad["results_data"]
    return walk.take("fail", "elin", reason="The link still restarts", **bad)


@rule("CAP-17", open=True)
def test_not_effective_goes_back_to_the_cause_and_the_second_time_to_top_management() -> None:
    walk = failed(m.pending())
    with pytest.raises(Refused, match="no step close"):
        walk.take("close", "henrik")
    walk.take("open_successor", by="ingrid").take("retry", "ingrid", "jonas")
    assert walk.state == "investigation"
    assert walk.case.content.measured is None
    assert walk.case.content.causes

    walk.take("plan", "marcus").take("approve", "ingrid", "daniel", "sofia")
    extended(walk, "2027-06-30", "henrik")
    m.done(walk).take("verify", "henrik").wait(days=61).system()
    failed(walk)
    with pytest.raises(Refused, match="top management"):
        walk.take("retry", "ingrid", "jonas")
    assert walk.take("retry", "owen", by="ingrid").state == "investigation"


def test_a_rejection_has_its_reason() -> None:
    walk = m.pending()
    with pytest.raises(Refused, match="Give a reason"):
        walk.take("fail", "elin", measured="4", results="Four restarts on 640 pumps")


# CAP-18, CAP-19


@rule("CAP-18", shut=True)
def test_closing_waits_for_every_loose_end() -> None:
    walk = m.closing().write("ingrid", answers=m.CLOSING["answers"][1:])
    assert "risk file" in str(refused(lambda: walk.take("close", "henrik"), rule="CAP-18"))


@rule("CAP-18", shut=True)
def test_closing_waits_for_the_complaint() -> None:
    walk = m.closing().relink("CMP-2026-0001", "triaged")
    assert "CMP-2026-0001 is triaged" in str(refused(lambda: walk.take("close", "henrik"), rule="CAP-18"))


@rule("CAP-19", shut=True)
def test_closing_says_for_each_party_whether_law_asks_for_a_notice() -> None:
    walk = m.closing().write("ingrid", notices=[{**n, "evidence": None} for n in m.CLOSING["notices"]])
    assert "notified body" in str(refused(lambda: walk.take("close", "henrik"), rule="CAP-19"))


def test_owner_implementer_and_verifier_do_not_close() -> None:
    walk = m.planned().write("marcus", actions=[{**m.ACTION, "by": hex_of("henrik")}])
    walk.take("approve", "ingrid", "daniel", "sofia")
    day = walk.wait(days=20).now.date()
    ready = {
        "done_on": day.isoformat(),
        "done": proof("B", "henrik", day),
        "change": proof("CO-17", "henrik", day),
    }
    walk.write("henrik", actions=walk.rows("actions", **ready)).take("verify", "ingrid").wait(
        days=120
    ).system()
    walk.take("confirm", "elin", **m.RESULTS).write("marcus", **m.CLOSING)
    with pytest.raises(Refused, match="henrik"):
        walk.take("close", "henrik")
    assert walk.take("close", "ingrid").state == "closed"


def test_the_signatures_of_one_extension_do_not_serve_for_the_next() -> None:
    walk = extended(m.implementing(), "2026-09-30", "henrik")
    step = process.step("extend", "implementation")
    assert step is not None
    assert len(waiting(step, walk.case)) == 1


def test_a_change_after_a_signature_voids_it() -> None:
    walk = m.planned()
    walk.sign("approve", "ingrid")
    walk.write("marcus", proportion="The change removes the cause, and it alone")
    with pytest.raises(Refused, match="quality assurance"):
        walk.take("approve", "daniel", "sofia", by="ingrid")
