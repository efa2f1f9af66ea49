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
