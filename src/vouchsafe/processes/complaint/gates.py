"""The rules CMP-01 to CMP-23 as functions of a case, each with the source it rests on, and the reporting
clocks.
"""

from datetime import UTC, date, datetime, time
from typing import Any

from vouchsafe.kernel.declare import Case, Clock, Evidence, gate, has_substance, is_empty, proves, warn
from vouchsafe.processes.complaint.content import (
    Certainty,
    Channel,
    Complaint,
    Decision,
    Duty,
    Market,
    Need,
    Outcome,
)
from vouchsafe.regulations import deadlines
from vouchsafe.regulations.errors import Unknown

M = Case[Complaint]
TABLES = {
    Market.EU: "EU-MDR",
    Market.GB: "GB",
    Market.CH: "CH",
    Market.US: "US",
    Market.CA: "CA",
    Market.AU: "AU",
    Market.JP: "JP",
    Market.BR: "BR",
}
FACTS = {  # the pack's name of a fact -> our field
    "incident": "incident",
    "occurred_in": "territory",
    "outcome": "outcome",
    "could_be_serious": "could_be_serious",
    "public_health_threat": "public_health_threat",
    "unanticipated": "unanticipated",
    "expected_documented_quantified": "expected_documented",
    "causality": "causality",
    "malfunction": "malfunction",
    "malf_likely_serious_on_recurrence": "likely_again",
    "remedial_action_needed": "remedial",
    "fda_request": "asked_by_fda",
    "qualified_medical_no_cause": "no_cause",
    "counterfeit": "counterfeit",
    "device_class": "device_class",
    "foreign_action": "foreign_action",
    "infection": "infection",
    "au_41mp_information": "other_information",
}


def facts(c: Complaint) -> dict[str, Any]:
    """The facts as the decision tables name them; None where nobody has answered."""
    return {name: getattr(c, field) for name, field in FACTS.items()}


def expected(c: Complaint, market: Market) -> str | None:
    """What the market's decision table gives for the facts; None while a fact that it needs is open."""
    try:
        return deadlines.decide(TABLES[market], facts(c))
    except Unknown:
        return None


def harmed(case: M) -> bool:
    """Whether there was harm, or might have been: a physician looks at it."""
    c = case.content
    return c.outcome is not Outcome.NONE or c.could_be_serious is not False


def serious(case: M) -> bool:
    """Death or serious harm, or a malfunction of which the risk file says that it can do serious harm."""
    c = case.content
    return c.outcome in (Outcome.DEATH, Outcome.SERIOUS) or bool(c.malfunction and c.likely_again)


def _reported(case: M) -> list[Decision]:
    return [d for d in case.content.decisions if d.duty is Duty.REPORT]


@gate("CMP-01", basis="21 CFR 803.3(b); MDCG 2023-3 Q15", fields=("aware_at", "received_by"))
def awareness_is_first_receipt(case: M) -> str | None:
    """The day of awareness is the first receipt by any employee or agent, not the day of registration."""
    c = case.content
    if c.aware_at is None or is_empty(c.received_by):
        return "Say who first heard of it, and when."
    if c.aware_at > case.now:
        return "The time at which it was first heard of lies in the future."
    opened = case.since.get("received")
    if opened is not None and c.aware_at > opened:
        return f"This record was opened on {opened:%d %B %Y, %H:%M} UTC, so somebody knew of it by then."
    return None


@gate("CMP-02", basis="ISO 13485:2016 8.2.2", fields=("words", "language", "written_down", "translation"))
def their_words_are_kept(case: M) -> str | None:
    """What was said is written down in the words and the language in which it came; oral complaints too."""
    c = case.content
    if is_empty(c.words) or is_empty(c.language):
        return "Write down what happened in their words, and in which language."
    if c.channel in (Channel.PHONE, Channel.VISIT) and is_empty(c.written_down):
        return "It came by word of mouth: say who wrote it down, and when."
    english = str(c.language).strip().lower() in ("english", "en", "en-gb", "en-us")
    return None if english or not is_empty(c.translation) else "Add the translation beside the original."


@gate("CMP-23", basis="ISO 13485:2016 4.2.5", fields=("summary", "triage", "cause"))
def no_name_in_open_text(case: M) -> str | None:
    """Personal and health data stand in the protected fields only: the name of whoever complains is in no
    open text.
    """
    c = case.content
    parts = str(c.complainant or "").lower().split() if isinstance(c.complainant, str) else []
    names = {p.strip(".,") for p in parts if len(p.strip(".,")) > 3}
    for label, value in (
        ("In one sentence", c.summary),
        ("Triage", c.triage),
        ("Cause", c.cause),
        ("Plan", c.plan),
    ):
        if names & {w.strip(".,;:()").lower() for w in str(value or "").split()}:
            return (
                f"Take the name of whoever complains out of “{label}”: it belongs into the protected fields."
            )
    return None


@gate("CMP-03", basis="ISO 13485:2016 8.2.2", fields=("not_complaint_why", "incident"))
def it_alleges_nothing(case: M) -> str | None:
    """“Not a complaint” has a reason, and alleges no deficiency: an allegation can't be renamed."""
    c = case.content
    if c.incident is not False or c.malfunction is not False or c.may_not_meet_spec is not False:
        return "It alleges a deficiency, or nobody has said that it doesn't: it stays a complaint."
    return None if has_substance(c.not_complaint_why) else "Say why it is not a complaint."


@gate("CMP-04", basis="MDR Art. 87(4); 21 CFR 803.53", fields=("triage", "outcome", "could_be_serious"))
def triage_covers_the_urgent(case: M) -> str | None:
    """Triage looks for harm, potential harm, a public health threat, counterfeiting and a cyber event."""
    c = case.content
    asked = (c.outcome, c.could_be_serious, c.public_health_threat, c.counterfeit, c.cyber)
    if any(answer is None for answer in asked):
        return (
            "Answer: outcome, could it be serious, public health threat, counterfeit, cyber security event."
        )
    return None if has_substance(c.triage) else "Write down what the triage found."


@gate("CMP-05", basis="MDR Art. 87(6); 21 CFR 803.50(b)", fields=("complete", "attempts"))
def three_attempts_were_made(case: M) -> str | None:
    """Where information is missing, three attempts in good faith to get it are written down. A due report
    doesn't wait for them.
    """
    c = case.content
    if c.complete is None:
        return "Say whether more information is needed."
    made = [a for a in c.attempts if a.on is not None and a.on <= case.now.date() and not is_empty(a.asked)]
    if c.complete is Need.NEEDED and len(made) < 3 and not _reported(case):
        return f"{len(made)} of 3 attempts to learn what is missing are written down."
    return None


@gate("CMP-06", basis="ISO 13485:2016 8.2.2 d, 8.2.3", fields=("decisions",))
def each_market_is_decided(case: M) -> str | None:
    """Each market has a decision with rule, facts, reason, who decided and when. A market without one is
    open.
    """
    today = case.now.date()
    by_market = {d.market: d for d in case.content.decisions}
    for market in Market:
        d = by_market.get(market)
        if d is None or d.duty is None:
            return f"{market}: decide whether it is reportable."
        if not has_substance(d.why) or d.decided_by is None or d.decided_on is None or d.decided_on > today:
            return f"{market}: give facts and reason, who decided, and when."
        if d.duty is Duty.REPORT and not _rule_fits(market, d.rule):
            return f"{market}: name the reporting rule of that market, such as {_example(market)}."
    return None


def _rule_fits(market: Market, rule: str | None) -> bool:
    found = deadlines.deadlines().get(str(rule or "").strip())
    return found is not None and found.jurisdiction == market


def _example(market: Market) -> str:
    return next(
        d.id for d in deadlines.deadlines().values() if d.jurisdiction == market and d.kind == "incident"
    )


@gate("CMP-07", basis="21 CFR 803.20(c)(2); SOD-07", fields=("decisions",))
def two_persons_said_no(case: M) -> str | None:
    """After death or serious harm, “not reportable” is the decision of two persons, one of them medically
    qualified, neither from sales.
    """
    if not serious(case):
        return None
    for d in case.content.decisions:
        if d.duty is not Duty.NO_REPORT:
            continue
        if d.decided_by is None or d.second is None or d.decided_by == d.second:
            return f"{d.market}: two persons decide that it is not reportable."
        if not any(case.holds(p, "medical_safety_officer") for p in (d.decided_by, d.second)):
            return f"{d.market}: one of the two must be medically qualified."
        if any(case.holds(p, "sales") for p in (d.decided_by, d.second)):
            return f"{d.market}: nobody from sales decides on reporting."
    return None


@gate("CMP-08", basis="MDR Art. 87(7)", fields=("decisions",))
def doubt_is_reported(case: M) -> str | None:
    """In doubt it is reported: “not reportable” is certain, and doesn't contradict the market's rules."""
    for d in case.content.decisions:
        if d.duty is not Duty.NO_REPORT or d.market is None:
            continue
        if d.certainty is not Certainty.CERTAIN:
            return f"{d.market}: in doubt it is reported."
        outcome = expected(case.content, d.market)
        if outcome is None:
            return f"{d.market}: the facts that its rules ask for are not all answered."
        if deadlines.is_report(outcome):
            rule = deadlines.deadline(outcome)
            return f"{d.market}: by these facts {outcome} applies ({rule.citation}, {rule.words}): report it."
    return None


@gate("CMP-09", basis="21 CFR 820.35(a)", fields=("may_not_meet_spec", "similar"))
def failure_is_investigated(case: M) -> str | None:
    """A possible failure to meet specification is investigated, unless a similar one was and the reference
    says so.
    """
    c = case.content
    if c.may_not_meet_spec is False or (has_substance(c.similar) and case.linked("similar_to", "complaint")):
        return None
    return "It may not meet its specification: investigate it, or link the similar complaint and say why."


@gate("CMP-09", basis="21 CFR 820.35(a)", fields=("plan", "may_not_meet_spec"))
def investigation_is_planned(case: M) -> str | None:
    """The investigation says what it looks at, and whether a failure to meet specification is possible."""
    if case.content.may_not_meet_spec is None:
        return "Say whether device, label or packaging may fail to meet its specification."
    return None if has_substance(case.content.plan) else "Say what is investigated."


@gate("CMP-10", basis="21 CFR 820.35(a)", fields=("decisions",))
def no_report_no_waiver(case: M) -> str | None:
    """What was reported is always investigated."""
    found = [str(d.market) for d in _reported(case)]
    return f"It is reportable ({', '.join(found)}): it must be investigated." if found else None


@gate("CMP-10", basis="MDR Art. 89(1)", fields=("altered",))
def device_is_left_alone(case: M) -> str | None:
    """The device is not altered before authorities are told (EU, GB)."""
    told = [d for d in _reported(case) if d.market in (Market.EU, Market.GB)]
    waits = [d for d in told if not proves(d.report, today=case.now.date())]
    if waits and not has_substance(case.content.altered):
        return "Say how the device is kept unaltered until the authority is told."
    return None


@gate(
    "CMP-11",
    basis="ISO 13485:2016 8.2.2; 21 CFR 820.35(a)",
    fields=("no_investigation_why", "no_investigation_by"),
)
def waiver_is_explained(case: M) -> str | None:
    """“No investigation” has its reason and the name of who is responsible for it."""
    c = case.content
    if not has_substance(c.no_investigation_why) or c.no_investigation_by is None:
        return "Say why it is not investigated, and who is responsible for that."
    return None


@gate(
    "CMP-12",
    basis="ISO 13485:2016 8.2.2",
    fields=("unit", "batch_review", "examination", "trend", "risk_file"),
)
def investigation_is_whole(case: M) -> str | None:
    """Unit or lot, batch record, examination of the device (or why not), trend, risk file, cause, IMDRF
    codes.
    """
    c = case.content
    if c.unit is None:
        return "Give the device (UDI or serial number, or lot)."
    texts = {
        "batch record": c.batch_review,
        "examination": c.examination,
        "trend": c.trend,
        "risk file": c.risk_file,
        "cause": c.cause,
    }
    if missing := [label for label, value in texts.items() if not has_substance(value)]:
        return f"Say what was found on: {', '.join(missing)}."
    codes = (c.imdrf_type, c.imdrf_finding, c.imdrf_conclusion)
    if any(is_empty(code) for code in codes):
        return "Give the IMDRF codes for type of investigation, finding and conclusion (annexes B, C, D)."
    shown = proves(c.investigation, today=case.now.date())
    return None if shown else "Give the investigation report (reference, file, person, day)."


@gate("CMP-13", basis="ISO 13485:2016 8.2.2", fields=("outside", "exchanges"))
def outsiders_are_involved(case: M) -> str | None:
    """Where somebody outside the organisation contributed, the information was exchanged with them."""
    c, today = case.content, case.now.date()
    if c.outside is None:
        return "Say whether anyone outside the organisation contributed."
    good = [e for e in c.exchanges if e.party and has_substance(e.what) and proves(e.evidence, today=today)]
    if c.outside is Need.NEEDED and (not good or len(good) < len(c.exchanges)):
        return "Give each party, what was exchanged, and the evidence."
    return None


@gate("CMP-14", basis="MDCG 2023-3 Q14-15", fields=("decisions", "new_information_at"))
def new_facts_are_decided(case: M) -> str | None:
    """Information that came after a decision is decided on again; the first awareness date stays."""
    c = case.content
    if c.new_information_at is None:
        return None
    old = [
        str(d.market)
        for d in c.decisions
        if d.decided_on is None or d.decided_on < c.new_information_at.date()
    ]
    return (
        f"New information came on {c.new_information_at:%d %B %Y}: decide again for {', '.join(old)}."
        if old
        else None
    )


@gate("CMP-15", basis="21 CFR 820.35(a)", fields=("complainant", "contact", "unit", "attempts"))
def seven_items_are_there(case: M) -> str | None:
    """Device, day of receipt, UDI, who complains with address and telephone, nature of the complaint,
    correction, reply: complete, or the attempts to get them are written down.
    """
    c = case.content
    items = {
        "device": c.product or c.unit,
        "day of receipt": c.aware_at,
        "UDI or serial number": c.unit,
        "who complains": c.complainant,
        "address and telephone": c.contact,
        "what happened": c.words,
        "correction": c.correction,
        "reply": c.reply,
    }
    missing = [label for label, value in items.items() if is_empty(value)]
    if not missing or len(c.attempts) >= 3:
        return None
    return f"Missing: {', '.join(missing)}. Fill in, or write down three attempts to learn it."


@gate("CMP-16", basis="ISO 13485:2016 8.2.2", fields=("decisions", "risk_file", "capa", "reply"))
def nothing_is_open(case: M) -> str | None:
    """No market undecided, no report unsent, no CAPA decision, risk file answer or reply decision missing."""
    c, today = case.content, case.now.date()
    if why := each_market_is_decided(case):
        return why
    unsent = [f"{d.market} ({d.rule})" for d in _reported(case) if not proves(d.report, today=today)]
    if unsent:
        return f"The report is not sent, or not stored: {', '.join(unsent)}."
    if not has_substance(c.risk_file):
        return "Say which line of the risk file it concerns, and whether that still holds."
    if c.capa is None or not has_substance(c.capa_why):
        return "Decide whether a CAPA is needed, and say why."
    if c.capa is Need.NEEDED and not case.linked("leads_to", "capa"):
        return "A CAPA is needed: open it from here, or link it."
    if c.reply is None or not has_substance(c.reply_why):
        return "Decide whether a reply is due, and say why."
    if c.reply is Need.NEEDED and not proves(c.reply_sent, today=today):
        return "Give the reply as sent (reference, file, person, day)."
    return None


@gate("CMP-18", basis="ISO 13485:2016 8.2.2", fields=("correction",))
def correction_is_written_down(case: M) -> str | None:
    """Any correction or corrective action that came of the complaint is written down, and so is that there is
    none.
    """
    said = has_substance(case.content.correction)
    return None if said else "Say what was corrected, or why there is nothing to correct."


@gate("CMP-19", basis="MDCG 2023-3", fields=("new_information", "new_information_at"))
def reopening_has_new_facts(case: M) -> str | None:
    """Reopening says what is new and when it became known: deadlines run again from then."""
    c = case.content
    if not has_substance(c.new_information) or c.new_information_at is None:
        return "Say what is new, and when it became known."
    return "That lies in the future." if c.new_information_at > case.now else None


@warn("CMP-22", basis="ISO 13485:2016 8.2.2", fields=("reason",))
def it_has_not_aged(case: M) -> str | None:
    """Complaints are handled within 30 days; what takes longer says why, at 60 and at 90 days to the next
    level.
    """
    if case.content.aware_at is None:
        return None
    age = (case.now - case.content.aware_at).days
    who = "top management" if age > 90 else "quality assurance" if age > 60 else "the process owner"
    return f"It is {age} days old: say why it takes so long; {who} is told." if age > 30 else None


def reporting_clocks(case: M) -> tuple[Clock, ...]:
    """The legal deadline of each market: from the decision, or while there is none from what the facts call
    for.
    """
    c = case.content
    zero = c.aware_at
    if zero is None:
        return ()
    if c.new_information_at is not None and case.visits.get("reopened"):
        zero = max(zero, c.new_information_at)
    decided, out = {d.market: d for d in c.decisions if d.duty is not None}, []
    for market in Market:
        d = decided.get(market)
        rule_id = (d.rule if d.duty is Duty.REPORT else None) if d else expected(c, market)
        rule = deadlines.deadlines().get(str(rule_id or "").strip())
        if rule is not None and rule.counted:
            out.append(_clock(rule, zero, d, case.holidays))
    return tuple(out)


def _clock(rule: deadlines.Deadline, zero: datetime, d: Decision | None, holidays: frozenset[date]) -> Clock:
    due = deadlines.due(rule, zero, holidays=holidays)
    assert due is not None  # `counted` says so
    sent = d.report if d else None
    asked = "Report to" if d else "Decide on the report to"
    return Clock(
        rule=rule.id,
        label=f"{asked} {rule.jurisdiction}: {rule.event.lower()}",
        start=zero,
        due=due,
        stopped=datetime.combine(sent.on, time.min, UTC) if isinstance(sent, Evidence) else None,
        basis=rule.citation,
        jurisdiction=rule.jurisdiction,
        confidence=rule.confidence,
        latest=deadlines.legal_latest(rule, zero.date(), holidays=holidays),
    )
