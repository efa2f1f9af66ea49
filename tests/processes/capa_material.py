"""What the people of the example would write into a CAPA, state by state."""

from datetime import date
from typing import Any

from tests.processes.walk import Walk, hex_of, proof
from vouchsafe.processes.capa.content import Party, Place, Source, Topic
from vouchsafe.processes.capa.process import process

MATTER: dict[str, Any] = {
    "kind": "corrective",
    "occurred": True,
    "what": "Pump restarted its gateway link during an infusion",
    "where": "St Aldhelm General Hospital, ward 7",
    "when": "2026-05-20",
    "extent": "One pump known, 1,240 run the same build",
    "requirement": "SRS-112: the link survives a malformed revocation list",
    "severity": "critical",
    "likelihood": "probable",
    "sources": [{"source": s, "found": f"Reviewed {s} since January, nothing further"} for s in Source],
}
CONTAINED: dict[str, Any] = {
    "containment": [{"place": p, "done": f"Blocked 12 units in {p}", "on": "2026-06-03"} for p in Place],
    "field_action": "needed",
    "field_action_why": "Pumps in the field run the affected build",
    "investigator": hex_of("katarzyna"),
    "due": "2026-08-31",
}
CAUSE = {
    "cause": "The parser accepts a revocation list without a bound on its depth",
    "category": "software",
    "explains": "Depth above 64 ends the task, as the three traces show",
    "evidence": proof("TRACE-7", "katarzyna", date(2026, 6, 9)),
}
ACTION = {
    "what": "Update the certificate parser to the corrected release",
    "kind": "software",
    "by": hex_of("rafael"),
    "due": "2026-08-15",
}
PLAN: dict[str, Any] = {
    "data": "Traces of three pumps, the vendor's advisory",
    "scope": "No other product uses the parser",
    "actions": [ACTION],
    "functions": [{"function": "Research and development", "by": hex_of("daniel")}],
    "proportion": "The change removes the cause and nothing else",
    "no_harm": "Regression suite and a soak test of 72 hours",
    "no_harm_report": proof("TR-88", "rafael", date(2026, 6, 9)),
    "measure": "Link restarts a thousand device days",
    "bound": "at_most",
    "target": "0",
    "sample": "500",
    "period": "60",
    "check_method": "Counted from attested boot counts of the fleet",
    "verifier": hex_of("elin"),
}
RESULTS: dict[str, Any] = {
    "measured": "0",
    "sample_seen": "640",
    "results": "No restart on 640 pumps in 60 days",
    "results_data": proof("FLEET-9", "elin", date(2026, 10, 20)),
}
CLOSING: dict[str, Any] = {
    "answers": [
        {"topic": t, "answer": f"Brought up to date: {t}", "evidence": proof(f"A-{t}")} for t in Topic
    ],
    "notices": [
        {
            "party": p,
            "asked": "not_needed",
            "why": "No serious risk remains, MDR Art. 83(4)",
            "evidence": proof(f"N-{p}"),
        }
        for p in Party
    ],
}


def proposed() -> Walk:
    """Opened by the complaint handler, from a complaint."""
    walk = Walk(process, "marcus", what=MATTER["what"]).link(
        "arises_from", "complaint", "CMP-2026-0001", "investigation"
    )
    return walk.write("marcus", **MATTER)


def screened() -> Walk:
    return proposed().wait(days=1).take("screen", "ingrid", "jonas")


def opened() -> Walk:
    return screened().take("open", "ingrid", "jonas")


def contained() -> Walk:
    return opened().wait(days=2).take("open_field_action", by="marcus").take("contain", "marcus", **CONTAINED)


def investigating() -> Walk:
    walk = contained().take("investigate", "katarzyna", method="five_whys").wait(days=7)
    return walk.write("katarzyna", causes=[CAUSE])


def planned() -> Walk:
    return investigating().take("plan", "marcus", **PLAN)


def implementing() -> Walk:
    return planned().wait(days=1).take("approve", "ingrid", "daniel", "sofia")


def done(walk: Walk) -> Walk:
    """The actions done, with evidence, twenty days later."""
    walk.wait(days=20)
    day = walk.now.date()
    rows = walk.rows(
        "actions",
        done_on=day.isoformat(),
        done=proof("BUILD-421", "rafael", day),
        change=proof("CO-17", "henrik", day),
    )
    return walk.write("rafael", actions=rows)


def verified() -> Walk:
    return done(implementing()).take("verify", "henrik")


def pending() -> Walk:
    return verified().wait(days=120).system()


def effective() -> Walk:
    return pending().take("confirm", "elin", **RESULTS)


def closing() -> Walk:
    return effective().write("marcus", **CLOSING)
