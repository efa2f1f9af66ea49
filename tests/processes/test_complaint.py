"""Complaint: the walk, and each rule shut once and open once."""

from dataclasses import replace
from typing import Any

import pytest

from tests.processes import complaint_material as m
from tests.processes.test_capa import refused
from tests.processes.walk import Refused, Walk, hex_of, proof
from vouchsafe.kernel.declare import Hidden, faults
from vouchsafe.processes.complaint.content import Market
from vouchsafe.processes.complaint.gates import expected
from vouchsafe.processes.complaint.process import process
from vouchsafe.regulations import packs

rule = pytest.mark.rule


def test_the_declaration_is_sound() -> None:
    assert faults(process) == []


def test_it_has_the_states_and_transitions_of_the_pack() -> None:
    pack = packs.process("CMP")
    ours = {(state, s.to) for s in process.steps if s.to for state in s.frm}
    assert set(process.states) == set(pack.states)
    assert ours == {(f, t.to) for t in pack.transitions for f in t.frm}
    for t in pack.transitions:
        (step,) = [s for s in process.steps if s.to == t.to and t.frm[0] in s.frm]
        assert {s.meaning for s in step.signs} == {t.meaning}, step.name


@rule("CMP-01", open=True)
@rule("CMP-02", open=True)
@rule("CMP-04", open=True)
@rule("CMP-05", open=True)
@rule("CMP-06", open=True)
@rule("CMP-08", open=True)
@rule("CMP-09", open=True)
@rule("CMP-10", open=True)
@rule("CMP-12", open=True)
@rule("CMP-13", open=True)
@rule("CMP-14", open=True)
@rule("CMP-15", open=True)
@rule("CMP-16", open=True)
@rule("CMP-17", open=True)
@rule("CMP-18", open=True)
@rule("CMP-23", open=True)
def test_it_is_walked_to_closure() -> None:
    walk = m.reported().take("close", "henrik")
    assert walk.state == "closed"
    assert walk.opened[0][0].process == "capa"


def test_anyone_may_write_down_what_they_heard() -> None:
    assert m.received().state == "received"


# CMP-01, CMP-02, CMP-23


@rule("CMP-01", shut=True)
@pytest.mark.parametrize("aware", ["2026-06-01T10:00:00Z", "2027-01-01T00:00:00Z"])
def test_awareness_is_not_the_registration(aware: str) -> None:
    walk = m.received(aware_at=aware).wait(hours=3)
    refused(lambda: walk.take("register", "nadia"), rule="CMP-01")


@rule("CMP-01", shut=True)
def test_registering_late_says_why() -> None:
    walk = m.received().wait(days=2)
    refused(lambda: walk.take("register", "nadia"), rule="CMP-01")
    walk = m.received().wait(days=2)
    assert walk.take("register", "nadia", reason="The mail lay in a wrong folder").state == "registered"


@rule("CMP-02", shut=True)
@pytest.mark.parametrize("broken", [{"channel": "telephone"}, {"language": "German"}])
def test_their_words_are_kept_in_their_language(broken: dict[str, Any]) -> None:
    walk = m.received(**broken).wait(hours=3)
    refused(lambda: walk.take("register", "nadia"), rule="CMP-02")


@rule("CMP-02", open=True)
def test_an_oral_complaint_in_another_language_is_written_down_and_translated() -> None:
    walk = m.received(
        channel="telephone", written_down="By N. Ferrant, 1 June", language="German", translation="Link lost"
    )
    assert walk.wait(hours=3).take("register", "nadia").state == "registered"


@rule("CMP-23", shut=True)
def test_a_name_in_the_open_text_is_refused() -> None:
    walk = m.received(summary="Sister Holloway saw the link fail during an infusion").wait(hours=3)
    assert "In one sentence" in str(refused(lambda: walk.take("register", "nadia"), rule="CMP-23"))


def test_an_erased_name_is_not_looked_for() -> None:
    walk = m.received(summary="Sister Holloway saw the link fail").wait(hours=3)
    walk.case = replace(walk.case, content=replace(walk.case.content, complainant=Hidden("ab" * 32)))
    assert walk.take("register", "nadia").state == "registered"


# CMP-03


def enquiry() -> Walk:
    walk = m.registered()
    return walk.write(
        "nadia",
        incident=False,
        malfunction=False,
        may_not_meet_spec=False,
        not_complaint_why="Asks for a second manual",
    )


@rule("CMP-03", open=True)
def test_an_enquiry_is_not_a_complaint_by_two_people() -> None:
    walk = enquiry().take("dismiss", "nadia", "henrik")
    assert walk.state == "not_a_complaint"
    assert walk.take("take_up_again", "nadia", reason="The ward says that it did fail").state == "registered"


@rule("CMP-03", shut=True)
@pytest.mark.parametrize("broken", [{"incident": True}, {"malfunction": None}, {"not_complaint_why": "no"}])
def test_an_allegation_stays_a_complaint(broken: dict[str, Any]) -> None:
    walk = enquiry().write("nadia", **broken)
    refused(lambda: walk.take("dismiss", "nadia", "henrik"), rule="CMP-03")


@rule("CMP-03", shut=True)
def test_one_person_alone_does_not_dismiss_it() -> None:
    with pytest.raises(Refused, match="quality assurance"):
        enquiry().take("dismiss", "nadia")


# CMP-04, CMP-05


@rule("CMP-04", shut=True)
@pytest.mark.parametrize("broken", [{"cyber": None}, {"outcome": None}, {"triage": "ok"}])
def test_triage_looks_for_the_urgent(broken: dict[str, Any]) -> None:
    walk = m.registered().write("nadia", **broken)
    refused(lambda: walk.take("triage", "nadia", "amara"), rule="CMP-04")


@rule("CMP-04", shut=True)
def test_late_triage_says_why() -> None:
    walk = m.registered().wait(days=3)
    refused(lambda: walk.take("triage", "nadia", "amara"), rule="CMP-04")


def test_a_physician_looks_only_where_harm_is_possible() -> None:
    with pytest.raises(Refused, match="medical safety officer"):
        m.registered().take("triage", "nadia")
    assert m.registered().write("nadia", could_be_serious=False).take("triage", "nadia").state == "triaged"


@rule("CMP-05", shut=True)
@pytest.mark.parametrize("complete", [None, "needed"])
def test_missing_information_is_asked_for_three_times(complete: str | None) -> None:
    walk = m.registered().write("nadia", complete=complete)
    refused(lambda: walk.take("triage", "nadia", "amara"), rule="CMP-05")


@rule("CMP-05", open=True)
def test_after_three_attempts_it_goes_on() -> None:
    asked = [{"on": "2026-06-01", "asked": "Which giving set was used?"}] * 3
    walk = m.registered().write("nadia", complete="needed", attempts=asked)
    assert walk.take("triage", "nadia", "amara").state == "triaged"


# CMP-06 to CMP-08


@pytest.mark.parametrize(
    "market, outcome",
    [("GB", "GB-SI"), ("EU", "OUTSIDE-TERRITORY"), ("US", "NOT-REPORTABLE"), ("JP", "JP-30-SERIOUS-KNOWN")],
)
def test_the_rules_of_each_market_are_run_on_the_facts(market: str, outcome: str) -> None:
    assert expected(m.triaged().case.content, Market(market)) == outcome


def test_an_open_fact_leaves_the_outcome_open() -> None:
    walk = m.triaged().write("sofia", causality=None)
    assert expected(walk.case.content, Market.GB) is None


@rule("CMP-06", shut=True)
@pytest.mark.parametrize(
    "broken, words",
    [
        (m.DECISIONS[1:], "EU: decide"),
        ([{**d, "why": "no"} for d in m.DECISIONS], "facts and reason"),
        ([{**d, "decided_on": "2027-01-01"} for d in m.DECISIONS], "and when"),
        (
            [{**d, "rule": "EU-MDR-SI"} for d in m.DECISIONS],
            "GB: name the reporting rule of that market, such as GB-",
        ),
    ],
)
def test_every_market_has_its_decision(broken: list[dict[str, Any]], words: str) -> None:
    walk = m.triaged().write("sofia", decisions=broken)
    assert words in str(refused(lambda: walk.take("decide", "sofia"), rule="CMP-06"))


def grave(**more: Any) -> Walk:
    """Serious harm, the device excluded as its cause: not reportable anywhere."""
    walk = m.registered()
    walk.write("nadia", outcome="serious", causality="excluded", could_be_serious=False)
    walk.take("triage", "nadia", "amara")
    rows = [{**d, "duty": "not_reportable", "rule": None, **more} for d in m.DECISIONS]
    return walk.write("sofia", decisions=rows)


@rule("CMP-07", open=True)
def test_after_serious_harm_no_is_said_by_two_one_of_them_a_physician() -> None:
    assert grave().take("decide", "sofia", "amara", "tomasz").state == "reportability_decided"


@rule("CMP-07", shut=True)
@pytest.mark.parametrize(
    "broken, words",
    [
        ({"second": None}, "two persons"),
        ({"second": hex_of("sofia")}, "two persons"),
        ({"second": hex_of("ingrid")}, "medically qualified"),
        ({"decided_by": hex_of("sal")}, "sales"),
    ],
)
def test_one_person_does_not_say_no_after_serious_harm(broken: dict[str, Any], words: str) -> None:
    assert words in str(
        refused(lambda: grave(**broken).take("decide", "sofia", "amara", "tomasz"), rule="CMP-07")
    )


@rule("CMP-07", shut=True)
def test_after_serious_harm_physician_and_prrc_sign() -> None:
    with pytest.raises(Refused, match="medical safety officer"):
        grave().take("decide", "sofia")


@rule("CMP-08", shut=True)
@pytest.mark.parametrize(
    "market, changes, words",
    [
        (
            "GB",
            {"duty": "not_reportable", "rule": None},
            "GB: by these facts GB-SI applies (reg 44ZH, 15 calendar days)",
        ),
        ("EU", {"certainty": "in_doubt"}, "EU: in doubt it is reported"),
        ("EU", {"certainty": None}, "EU: in doubt"),
    ],
)
def test_in_doubt_it_is_reported(market: str, changes: dict[str, Any], words: str) -> None:
    rows = [{**d, **changes} if d["market"] == market else d for d in m.DECISIONS]
    walk = m.triaged().write("sofia", decisions=rows)
    assert words in str(refused(lambda: walk.take("decide", "sofia"), rule="CMP-08"))


@rule("CMP-08", shut=True)
def test_an_unanswered_fact_is_doubt() -> None:
    walk = m.triaged().write("sofia", causality=None)
    assert "not all answered" in str(refused(lambda: walk.take("decide", "sofia"), rule="CMP-08"))


# CMP-09 to CMP-13


def waived(**more: Any) -> Walk:
    reports = [{**d, "duty": "not_reportable", "rule": None} for d in m.DECISIONS]
    walk = (
        m.registered()
        .write("nadia", could_be_serious=False)
        .take("triage", "nadia")
        .write("sofia", decisions=reports)
    )
    walk.take("decide", "sofia")
    good = {
        "no_investigation_why": "The ward had switched it off itself",
        "no_investigation_by": hex_of("henrik"),
    }
    return walk.write("nadia", **{**good, "may_not_meet_spec": False, **more})


@rule("CMP-11", open=True)
@rule("CMP-09", open=True)
@rule("CMP-10", open=True)
def test_no_investigation_with_its_reason() -> None:
    assert waived().take("waive", "ingrid").state == "no_investigation"


@rule("CMP-11", shut=True)
@pytest.mark.parametrize("broken", [{"no_investigation_why": "n/a"}, {"no_investigation_by": None}])
def test_no_investigation_without_reason_or_name(broken: dict[str, Any]) -> None:
    walk = waived(**broken)
    refused(lambda: walk.take("waive", "ingrid"), rule="CMP-11")


@rule("CMP-09", shut=True)
def test_a_possible_failure_is_investigated_or_was() -> None:
    walk = waived(may_not_meet_spec=True)
    refused(lambda: walk.take("waive", "ingrid"), rule="CMP-09")
    walk = waived(may_not_meet_spec=True, similar="The same list, investigated in March")
    walk.link("similar_to", "complaint", "CMP-2026-0003", "closed")
    assert walk.take("waive", "ingrid").state == "no_investigation"


@rule("CMP-09", shut=True)
@pytest.mark.parametrize("broken", [{"plan": "tbd"}, {"may_not_meet_spec": None}])
def test_an_investigation_says_what_it_looks_at(broken: dict[str, Any]) -> None:
    walk = m.decided().write("nadia", **broken)
    refused(lambda: walk.take("investigate", "marcus"), rule="CMP-09")


@rule("CMP-10", shut=True)
def test_what_is_reported_is_investigated() -> None:
    walk = m.decided().write(
        "nadia", no_investigation_why="Seen often enough before", no_investigation_by=hex_of("henrik")
    )
    refused(lambda: walk.take("waive", "ingrid"), rule="CMP-10")


@rule("CMP-10", shut=True)
def test_the_device_is_left_alone_until_the_authority_knows() -> None:
    walk = m.decided().write("nadia", altered=None)
    refused(lambda: walk.take("investigate", "marcus"), rule="CMP-10")
    rows = [{**r, "report": proof("MIR-GB", "sofia")} for r in walk.rows("decisions")]
    walk.write("sofia", decisions=rows)
    assert walk.take("investigate", "marcus").state == "investigation"


@rule("CMP-12", shut=True)
@pytest.mark.parametrize(
    "broken", [{"examination": "none"}, {"imdrf_finding": None}, {"investigation": None}]
)
def test_the_investigation_is_whole(broken: dict[str, Any]) -> None:
    walk = m.investigating().write("marcus", **{**m.FOUND, **broken})
    refused(lambda: walk.take("conclude", "marcus"), rule="CMP-12")


@rule("CMP-12", shut=True)
def test_without_the_device_it_is_not_concluded() -> None:
    walk = m.received(unit=None).wait(hours=3).take("register", "nadia").write("nadia", **m.FACTS, **m.TRIAGE)
    walk.take("triage", "nadia", "amara").write("sofia", decisions=m.DECISIONS).take("decide", "sofia")
    walk.write(
        "nadia",
        investigator=hex_of("marcus"),
        plan="Read the logs, review the batch",
        altered="Only logs are read",
    )
    walk.take("investigate", "marcus").write("marcus", **m.FOUND)
    assert "device" in str(refused(lambda: walk.take("conclude", "marcus"), rule="CMP-12"))


@rule("CMP-13", shut=True)
@pytest.mark.parametrize(
    "broken",
    [{"outside": None}, {"outside": "needed"}, {"outside": "needed", "exchanges": [{"party": "Link Ltd"}]}],
)
def test_who_contributed_outside_is_asked(broken: dict[str, Any]) -> None:
    walk = m.investigating().write("marcus", **{**m.FOUND, **broken})
    refused(lambda: walk.take("conclude", "marcus"), rule="CMP-13")


@rule("CMP-13", open=True)
def test_an_exchange_with_its_evidence_passes() -> None:
    told = [{"party": "Link Ltd", "what": "Makes the parser, sent its traces", "evidence": proof("X-1")}]
    walk = m.investigating().write("marcus", **{**m.FOUND, "outside": "needed", "exchanges": told})
    assert walk.take("conclude", "marcus").state == "conclusion"
