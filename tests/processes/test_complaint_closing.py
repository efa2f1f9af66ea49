"""Complaint from review to closure and beyond, and its clocks: each rule shut once and open once."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.processes import complaint_material as m
from tests.processes.test_capa import refused
from tests.processes.walk import START, Refused, Walk, hex_of, proof
from vouchsafe.kernel.declare import clocks, findings
from vouchsafe.processes.complaint.gates import reporting_clocks
from vouchsafe.processes.complaint.process import process

rule = pytest.mark.rule


# CMP-14 to CMP-19, CMP-22


@rule("CMP-14", shut=True)
def test_new_information_is_decided_on_again() -> None:
    walk = m.concluded().write("nadia", **m.ANSWERED, new_information="The patient was harmed after all")
    walk.write("nadia", new_information_at="2026-06-05T08:00:00Z")
    assert "decide again for EU" in str(refused(lambda: walk.take("review", "ingrid"), rule="CMP-14"))
    walk.write("sofia", decisions=[{**r, "decided_on": "2026-06-05"} for r in walk.rows("decisions")])
    assert walk.take("review", "ingrid").state == "review"


@rule("CMP-15", shut=True)
def test_the_items_of_the_law_are_there_or_were_asked_for() -> None:
    walk = m.concluded().write("nadia", **{**m.ANSWERED, "contact": None})
    assert "address" in str(refused(lambda: walk.take("review", "ingrid"), rule="CMP-15"))
    walk = m.concluded().write("nadia", **{**m.ANSWERED, "contact": None})
    walk.write("nadia", attempts=[{"on": "2026-06-02", "asked": "Whom may we write to?"}] * 3)
    assert walk.take("review", "ingrid").state == "review"


@rule("CMP-16", shut=True)
@pytest.mark.parametrize(
    "broken, words",
    [
        ({"risk_file": "ok"}, "risk file"),
        ({"capa": None}, "CAPA"),
        ({"reply_why": None}, "reply"),
        ({"reply_sent": None}, "reply as sent"),
    ],
)
def test_nothing_is_open_when_it_closes(broken: dict[str, Any], words: str) -> None:
    walk = m.reported().write("nadia", **broken)
    assert words in str(refused(lambda: walk.take("close", "henrik"), rule="CMP-16"))


@rule("CMP-16", shut=True)
def test_an_unsent_report_keeps_it_open() -> None:
    walk = m.reviewed()
    assert "GB (GB-SI)" in str(refused(lambda: walk.take("close", "henrik"), rule="CMP-16"))
    walk = m.reported().write("sofia", decisions=[])
    refused(lambda: walk.take("close", "henrik"), rule="CMP-16")


@rule("CMP-16", shut=True)
def test_a_capa_that_is_needed_is_opened() -> None:
    walk = m.reported()
    walk.case = replace(walk.case, links=())
    assert "open it from here" in str(refused(lambda: walk.take("close", "henrik"), rule="CMP-16"))


@rule("CMP-17", shut=True)
def test_the_investigator_does_not_close() -> None:
    walk = m.triaged().take("decide", "sofia")
    walk.write(
        "nadia",
        investigator=hex_of("henrik"),
        plan="Read the logs, review the batch",
        altered="Only logs are read",
    )
    walk.take("investigate", "henrik").wait(days=5).write("henrik", **m.FOUND).take("conclude", "henrik")
    walk.take("open_capa", by="nadia").write("nadia", **m.ANSWERED).take("review", "ingrid")
    rows = [{**r, "report": proof("MIR", "sofia")} for r in walk.rows("decisions")]
    walk.write("sofia", decisions=rows)
    with pytest.raises(Refused, match="henrik"):
        walk.take("close", "henrik")
    assert walk.take("close", "ingrid").state == "closed"


@rule("CMP-18", shut=True)
def test_what_was_corrected_is_written_down() -> None:
    walk = m.reported().write("nadia", correction="none")
    refused(lambda: walk.take("close", "henrik"), rule="CMP-18")


@rule("CMP-19", open=True)
@rule("CMP-14", open=True)
def test_reopening_keeps_the_first_day_and_starts_the_clock_again() -> None:
    walk = m.reported().take("close", "henrik").wait(days=30)
    new = {
        "new_information": "The patient was harmed after all",
        "new_information_at": "2026-07-05T08:00:00Z",
    }
    walk.take("reopen", "nadia", reason="The ward wrote again on 5 July", **new)
    due = {c.rule: c.due.date() for c in reporting_clocks(walk.case)}
    assert due["GB-SI"] == date(2026, 7, 20)
    assert walk.case.content.aware_at == START - timedelta(minutes=30)
    walk.take("triage_again", "nadia", "amara")
    assert walk.state == "triaged"


@rule("CMP-19", shut=True)
@pytest.mark.parametrize(
    "new",
    [
        {"new_information": "tbd", "new_information_at": "2026-06-05T08:00:00Z"},
        {"new_information": "The patient was harmed", "new_information_at": "2027-06-05T08:00:00Z"},
    ],
)
def test_reopening_says_what_is_new_and_since_when(new: dict[str, Any]) -> None:
    walk = m.reported().take("close", "henrik")
    refused(
        lambda: walk.take("reopen", "nadia", reason="The ward wrote again on 5 July", **new), rule="CMP-19"
    )


def test_reopening_needs_its_reason() -> None:
    walk = m.reported().take("close", "henrik")
    new = {
        "new_information": "The patient was harmed after all",
        "new_information_at": "2026-06-05T08:00:00Z",
    }
    with pytest.raises(Refused, match="Give a reason"):
        walk.take("reopen", "nadia", **new)


@rule("CMP-22", shut=True)
@rule("CMP-22", open=True)
@pytest.mark.parametrize(
    "days, who", [(31, "process owner"), (61, "quality assurance"), (91, "top management")]
)
def test_an_old_complaint_says_why(days: int, who: str) -> None:
    walk = m.reported()
    step = process.step("close", "review")
    assert step is not None
    young = replace(walk.case, now=START + timedelta(days=29))
    assert "CMP-22" not in {f.rule for f in findings(process, step, young)}
    old = replace(walk.case, now=START + timedelta(days=days))
    (found,) = [f for f in findings(process, step, old) if f.rule == "CMP-22"]
    assert who in found.sentence and found.severity == "warn"


# Clocks


def test_the_law_starts_at_awareness_and_shows_before_the_decision() -> None:
    walk = m.registered()
    found = {c.rule: c for c in reporting_clocks(walk.case)}
    gb = found["GB-SI"]
    assert (gb.due.date(), gb.jurisdiction, gb.basis, gb.stopped) == (
        date(2026, 6, 16),
        "GB",
        "reg 44ZH",
        None,
    )
    assert gb.label.startswith("Decide on the report to GB")
    assert found["JP-30-SERIOUS-KNOWN"].confidence == "medium"


def test_a_sent_report_stops_its_clock() -> None:
    found = {c.rule: c for c in reporting_clocks(m.reported().case)}
    assert found["GB-SI"].stopped is not None
    assert [c.rule for c in clocks(process, m.reported().case)][:2] == ["CMP-01", "CMP-04"]


def test_before_anyone_knew_no_clock_runs() -> None:
    assert reporting_clocks(Walk(process, "viktor", summary="Something").case) == ()


def test_a_vulnerability_and_a_field_action_are_opened_from_here() -> None:
    walk = m.decided().take("open_vulnerability", by="nadia").take("open_field_action", by="nadia")
    assert [o.process for o, _ in walk.opened] == ["vulnerability", "field_action"]
