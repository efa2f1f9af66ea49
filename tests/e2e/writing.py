"""What the people of the story type into their forms."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.e2e.hands import evidence

HERE = ZoneInfo("Europe/London")  # the zone of everyone in the example company
PUMP = "T4-0311-88207"
UDI = f"(01)05060912340019(10)0311(21){PUMP}"
ADVISORY = "RUSTSEC-2026-0104"


def now() -> datetime:
    return datetime.now(HERE)


def today() -> str:
    return now().date().isoformat()


def moment(**ago: float) -> str:
    """A time as a form's control takes it, so long ago."""
    return (now() - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M")


def shown(prefix: str, reference: str, by: str) -> dict[str, Any]:
    return evidence(prefix, reference, by, today())


# ---- a vulnerability ----


ANALYSIS: dict[str, Any] = {
    "products.0.product": "Tarn 4",
    "products.0.versions": "4.1.2",
    "products.0.status": "affected",
    "products.0.why": "Its gateway link parses revocation lists with the affected version",
    "exploitability": "Whoever serves a certificate list to the pump can stop its link",
    "safety_impact": "The link to the gateway ends; the infusion goes on, remote alarms are late",
    "harm": "minor",
    "likelihood": "low",
    "control": "controlled",
    "as_complaint": "not_needed",
    "as_complaint_why": "Nobody has alleged a deficiency of a device because of it",
    "field_action": "needed",
    "field_action_why": "Most pumps in the field have proven the affected build",
}
SCREENING = {
    "duty": "not_reportable",
    "why": "No serious incident, and no field action for a serious risk yet",
}


# ---- a complaint ----


def complaint(device: str, event_at: str, summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "event_at": event_at,
        "aware_at": moment(minutes=30),
        "received_by": "Service desk, Kendal",
        "channel": "email",
        "complainant": "Sister Margaret Holloway",
        "contact": "Riverbend Medical Center, Dayton, ward 7",
        "complainant_role": "healthcare_professional",
        "unit": device,
        "product": "Tarn 4",
        "territory": "US",
        "words": "The screen said that the link was lost. It came back after some minutes.",
        "language": "English",
        "patient": "F, 71, no harm",
    }


FACTS: dict[str, Any] = {
    "outcome": "none",
    "incident": True,
    "could_be_serious": False,
    "public_health_threat": False,
    "unanticipated": False,
    "expected_documented": False,
    "causality": "possible",
    "malfunction": True,
    "likely_again": False,
    "remedial": False,
    "asked_by_fda": False,
    "no_cause": False,
    "counterfeit": False,
    "cyber": True,
    "device_class": "IIb",
    "foreign_action": False,
    "infection": False,
    "other_information": False,
    "triage": "No harm; the alarm at the pump itself was heard; the link was down for minutes",
    "complete": "not_needed",
    "may_not_meet_spec": True,
}


def decision(by: str) -> dict[str, Any]:
    return {
        "duty": "not_reportable",
        "why": "No harm, none likely if it happens again: the alarm at the pump works without the link",
        "certainty": "certain",
        "decided_by": by,
        "decided_on": today(),
    }


# ---- a CAPA ----


def matter() -> dict[str, Any]:
    return {
        "kind": "corrective",
        "occurred": True,
        "what": "A pump lost its gateway link during an infusion",
        "where": "Riverbend Medical Center, ward 7",
        "when": today(),
        "extent": "One pump known; most of the fleet runs the same build",
        "requirement": "DI-118: the link survives a hostile or broken certificate list",
        "severity": "serious",
        "likelihood": "occasional",
    }


def contained() -> dict[str, Any]:
    return {
        "field_action": "not_needed",
        "field_action_why": "A field action has been opened from the vulnerability already",
        "investigator": "Katarzyna Nowak",
        "due": (now() + timedelta(days=60)).date().isoformat(),
    }


def cause() -> dict[str, Any]:
    return {
        "causes.0.cause": "The parser of certificate lists accepts a list without a bound on its depth",
        "causes.0.category": "software",
        "causes.0.explains": "Depth above 64 ends the task, as the trace of this pump shows",
        **shown("causes.0.evidence", "TRACE-7", "Katarzyna Nowak"),
        "data": "The trace of the pump, the vendor's advisory, the attested boot counts",
        "scope": "No other product of ours uses this parser",
    }


def plan() -> dict[str, Any]:
    return {
        "actions.0.what": "Update the certificate parser to the corrected release",
        "actions.0.kind": "software",
        "actions.0.by": "Rafael Duarte",
        "actions.0.due": (now() + timedelta(days=30)).date().isoformat(),
        "functions.0.function": "Research and development",
        "functions.0.by": "Daniel Achterberg",
        "proportion": "The change removes the cause and touches nothing else",
        "no_harm": "The regression suite and a soak test of 72 hours passed",
        **shown("no_harm_report", "TR-88", "Rafael Duarte"),
        "measure": "Restarts of the link in a thousand device days",
        "bound": "at_most",
        "target": "0",
        "sample": "50",
        "period": "1",
        "check_method": "Counted from the attested boot counts of the fleet",
        "verifier": "Elin Backhouse",
    }


def results(measured: str) -> dict[str, Any]:
    return {
        "measured": measured,
        "sample_seen": "1240",
        "results": "1 240 changes of tubing since the update, counted from the pumps' own logs",
        **shown("results_data", "FLEET-0931", "Elin Backhouse"),
    }


def answered(topic: str) -> dict[str, Any]:
    return {
        "answer": f"Brought up to date: {topic.replace('_', ' ')}",
        **shown("evidence", f"A-{topic}", "Ingrid Solheim"),
    }


def not_needed(party: str) -> dict[str, Any]:
    return {
        "asked": "not_needed",
        "why": "No serious risk remains, MDR Art. 83(4)",
        **shown("evidence", f"N-{party}", "Ingrid Solheim"),
    }


# ---- a field action ----


def field_action(title: str) -> dict[str, Any]:
    return {
        "title": title,
        "trigger": f"{ADVISORY}: the gateway link stops on a malformed certificate list",
        "advisory": ADVISORY,
        "products": "Tarn 4, 05060912340019, firmware 4.1.2",
    }


def hazard() -> dict[str, Any]:
    return {
        "harm": "The infusion goes on, its alarms don't reach the ward",
        "death_possible": False,
        "likelihood": "remote",
        "at_risk": "Patients on vasoactive drugs",
        "detectability": "Yes: the pump shows that its link is lost",
        "recall_class": "class_II",
        "evaluated_by": "Amara Lindqvist",
        "evaluated_on": today(),
        "decision": "field_action",
        "decided_by": "Owen Brathwaite",
        "decided_title": "Managing director",
        "decided_at": moment(minutes=5),
    }


VOTE = {"vote": "for_action", "why": "The alarm may not be heard in time"}


def duty(market: str) -> dict[str, Any]:
    told = market == "GB"
    return {
        "duty": "report" if told else "no_report",
        "why": "A field safety corrective action, UK MDR 2002 reg 44ZJ" if told else "No unit is there",
    }


def field_plan() -> dict[str, Any]:
    return {
        "kind": "software_update",
        "strategy": "To each hospital, by notice and by update through its gateway",
        "corrected_by": "4.2.1",
        "unknown_consignees": "Pumps that never attested are asked for by letter, hospital by hospital",
        "third_country": "The same update everywhere; duties of the EU, GB and Canada were checked",
        "target_share": "95",
        "due": (now() + timedelta(days=90)).date().isoformat(),
    }


def blocked(place: str) -> dict[str, Any]:
    return {"units": "12", **shown("evidence", f"BLK-{place}", "Grace Okonkwo")}


def notice() -> dict[str, Any]:
    return {
        "notices.0.language": "English",
        **shown("notices.0.notice", "FSN-7-en", "Grace Okonkwo"),
        "notices.0.reviewed_by": "Sofia Marchetti",
        "identifies": "UDI-DI, serial and SRN on the first page",
        "explains": "The alarm may not reach the ward while the link is down",
        "instructs": "Keep the pump in sight until it is updated",
        **shown("readiness", "MOCK-2026", "Grace Okonkwo"),
        "deputy": "Henrik Vale",
    }


def told() -> dict[str, Any]:
    return {
        "reports.0.market": "GB",
        "reports.0.form": "FSCA report",
        "reports.0.reference": "MHRA-2026-1107",
        "reports.0.sent_at": moment(minutes=4),
        **shown("reports.0.sent", "SENT-GB", "Sofia Marchetti"),
        "reports.0.answered_at": moment(minutes=1),
    }


def followed() -> dict[str, Any]:
    return {
        **shown("sent_to_consignees", "FSN-7-LIST", "Grace Okonkwo"),
        "follow_up": "Reminders on day 7, 14 and 30, then the hospital's management",
        "further": "none_found",
    }


def informed(operator: str) -> dict[str, Any]:
    return {"how": f"By letter: {operator}", **shown("evidence", f"OP-{operator}", "Grace Okonkwo")}


def finished() -> dict[str, Any]:
    return {
        **shown("reports.0.final", "FINAL-GB", "Sofia Marchetti"),
        **shown("reports.0.closure", "CLOSED-GB", "Sofia Marchetti"),
    }
