"""What the people of the example would write into a complaint, state by state."""

from typing import Any

from tests.processes.walk import Walk, hex_of, proof
from vouchsafe.processes.complaint.content import Market
from vouchsafe.processes.complaint.process import process

ARRIVAL: dict[str, Any] = {
    "summary": "The pump restarted its gateway link during an infusion",
    "event_at": "2026-05-31T14:00:00Z",
    "aware_at": "2026-06-01T08:30:00Z",
    "received_by": "Service desk",
    "channel": "email",
    "complainant": "Sister Margaret Holloway",
    "contact": "St Aldhelm General Hospital, Bath, +44 1225 000000",
    "complainant_role": "healthcare_professional",
    "unit": {"serial": "T4-0311-88207", "di": "05060912340019", "lot": ""},
    "product": "Tarn 4",
    "territory": "GB",
    "words": "The screen said link lost, and the alarm did not come through to us.",
    "language": "English",
    "patient": "F, 71, no harm",
}
FACTS: dict[str, Any] = {
    "outcome": "none",
    "incident": True,
    "could_be_serious": True,
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
}
TRIAGE: dict[str, Any] = {
    "triage": "No harm, but the alarm path was down",
    "complete": "not_needed",
    "may_not_meet_spec": True,
    "severity": "serious",
}
REPORTS = {"GB": "GB-SI", "JP": "JP-30-SERIOUS-KNOWN"}  # what these facts call for


def decision(market: str, **more: Any) -> dict[str, Any]:
    rule = REPORTS.get(market)
    return {
        "market": market,
        "duty": "reportable" if rule else "not_reportable",
        "rule": rule,
        "why": "Link lost in Bath, no harm, alarm path affected",
        "certainty": "certain",
        "decided_by": hex_of("sofia"),
        "second": hex_of("amara"),
        "decided_on": "2026-06-01",
        **more,
    }


DECISIONS = [decision(m) for m in Market]
FOUND: dict[str, Any] = {
    "batch_review": "Batch 0311 reviewed, nothing unusual",
    "examination": "Logs read through the gateway, pump stays in use",
    "trend": "Four in twelve months, within the limit",
    "risk_file": "RMF line 88, still holds",
    "cause": "Unbounded depth in the certificate parser",
    "imdrf_type": "B01",
    "imdrf_finding": "C1002",
    "imdrf_conclusion": "D12",
    "investigation": proof("INV-7", "marcus"),
    "outside": "not_needed",
}
ANSWERED: dict[str, Any] = {
    "capa": "needed",
    "capa_why": "The cause is in every fielded build",
    "correction": "Gateway filters malformed lists since 2 June",
    "reply": "needed",
    "reply_why": "The ward asked what to do",
    "reply_sent": proof("LETTER-7", "nadia"),
}


def received(**more: Any) -> Walk:
    return Walk(process, "viktor", **{**ARRIVAL, **more})


def registered() -> Walk:
    return received().wait(hours=3).take("register", "nadia").write("nadia", **FACTS, **TRIAGE)


def triaged() -> Walk:
    return registered().take("triage", "nadia", "amara").write("sofia", decisions=DECISIONS)


def decided() -> Walk:
    walk = triaged().take("decide", "sofia")
    return walk.write(
        "nadia",
        investigator=hex_of("marcus"),
        plan="Read the logs, review the batch",
        altered="Only logs are read",
    )


def investigating() -> Walk:
    return decided().take("investigate", "marcus")


def concluded() -> Walk:
    return investigating().wait(days=5).write("marcus", **FOUND).take("conclude", "marcus")


def reviewed() -> Walk:
    walk = concluded().take("open_capa", by="nadia").write("nadia", **ANSWERED)
    return walk.take("review", "ingrid")


def reported() -> Walk:
    walk = reviewed()
    rows = walk.rows("decisions")
    sent = [
        {**r, "report": proof(f"MIR-{r['market']}", "sofia")} if r["duty"] == "reportable" else r
        for r in rows
    ]
    return walk.write("sofia", decisions=sent)
