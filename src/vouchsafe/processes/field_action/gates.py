"""The rules FSC-01 to FSC-17 as functions of a case, each with the source it rests on.

`population` is the fleet's answer (`register.py`): the frozen snapshot and where its units stand. No answer
shuts a gate that asks; no sentence here is opened by a typed number where a measurement can be had.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from vouchsafe.kernel.declare import Case, Evidence, gate, has_substance, proves, working_days
from vouchsafe.kernel.limits import Span
from vouchsafe.processes.field_action.content import (
    Decision,
    Duty,
    FieldAction,
    Further,
    Market,
    Operator,
    Place,
    Seat,
    Vote,
)

F = Case[FieldAction]
BEFORE_ACTION = (Market.EU, Market.GB, Market.CH)  # told before the action begins
NAMED = 20  # serials that a refusal lists
COMMENT_TIME = timedelta(hours=48)  # MDCG 2023-3: time for an authority's comments on the draft notice


def evaluation_time(case: F) -> Span:
    """Three working days; one where someone could die."""
    return working_days(1 if case.content.death_possible else 3)


def _duties(case: F, duty: Duty) -> list[Market]:
    return [j.market for j in case.content.judgements if j.duty is duty and j.market is not None]


@gate("FSC-01", basis="21 CFR 7.41; MDR Art. 89", fields=("evaluated_by", "harm"))
def hazard_is_evaluated(case: F) -> str | None:
    """A medically qualified person evaluated the health hazard: harm, likelihood, who is at risk,
    detectability.
    """
    c = case.content
    if (
        not has_substance(c.harm)
        or c.likelihood is None
        or not has_substance(c.at_risk)
        or not c.detectability
    ):
        return "Give harm, likelihood, who is at risk and whether a user can see it."
    if c.death_possible is None or c.recall_class is None:
        return "Say whether someone could die, and the class."
    if not case.holds(c.evaluated_by, "medical_safety_officer"):
        who = case.name_of(c.evaluated_by)
        return f"Name the medically qualified person who evaluated the hazard; {who} is not."
    late = c.evaluated_on is None or c.evaluated_on > case.now.date()
    return "Give the day of the evaluation." if late else None


@gate(
    "FSC-02",
    basis="SOR/98-282 s.63.2, 65.3; 21 CFR 806.10; MDR Art. 87(8)",
    fields=("decision", "decided_at"),
)
def decision_is_recorded(case: F) -> str | None:
    """Who decided what, with which title, on which day and at what time: the legal clocks start there."""
    c = case.content
    if c.decision is None or c.decided_by is None or not c.decided_title or c.decided_at is None:
        return "Give the decision, who decided, their title, and the time."
    return "The decision lies in the future." if c.decided_at > case.now else None


@gate("FSC-03", basis="MDR Art. 15(5)", fields=("voices",))
def votes_are_recorded(case: F) -> str | None:
    """Every seat's vote stands in the record. Against the medical vote or the PRRC's there is no “no action”,
    and sales and finance have no seat.
    """
    c = case.content
    votes = {v.seat: v.vote for v in c.voices if v.vote is not None and has_substance(v.why)}
    missing = [s.replace("_", " ") for s in Seat if s not in votes]
    if missing:
        return f"Record the vote, and why, of: {', '.join(missing)}."
    wants = [s for s in (Seat.MEDICAL, Seat.PRRC) if votes[s] is Vote.ACT]
    if c.decision is Decision.NO_ACTION and wants:
        return f"The {wants[0]} vote is for action: it can't be outvoted."
    return None


@gate("FSC-04", basis="21 CFR 806.20(b)(4)", fields=("judgements", "justified_by"))
def no_action_is_justified(case: F) -> str | None:
    """No action, and no report, is justified for each market, and a designated person reviewed it."""
    c = case.content
    if c.decision is not Decision.NO_ACTION:
        return "The decision is to act."
    if why := _judged(case):
        return why
    if (
        c.justified_by is None
        or c.justified_by == case.owner
        or not case.holds(c.justified_by, "ra", "prrc", "qa")
    ):
        return "Name who reviewed the justification: RA, PRRC or QA, and not the owner."
    return None


def _judged(case: F) -> str | None:
    done = {j.market for j in case.content.judgements if j.duty is not None and has_substance(j.why)}
    missing = [m for m in Market if m not in done]
    return f"Decide on the report, and say why, for: {', '.join(missing)}." if missing else None


@gate("FSC-17", basis="21 CFR 806.20", fields=("judgements", "products", "kind"))
def unreported_action_is_recorded(case: F) -> str | None:
    """What is not reported is recorded as fully: product, what was done, and why no report was due."""
    c = case.content
    if why := _judged(case):
        return why
    if not has_substance(c.products) or (c.decision is Decision.ACT and c.kind is None):
        return "Give the products with UDI-DI and versions, and the kind of action."
    return None


@gate(
    "FSC-05",
    basis="ISO 13485:2016 7.5.9; SOR/98-282 s.53",
    asks=("population",),
    fields=("unknown_consignees",),
)
def population_is_frozen(case: F) -> str | None:
    """The affected population is frozen from the records of what was shipped and measured; what isn't known
    is listed.
    """
    population: Mapping[str, Any] = case.answers["population"]
    if not population.get("frozen") or not population.get("scope"):
        return "Freeze the population: the list of affected units, as a signed snapshot."
    shipped, scope = population.get("shipped"), int(population["scope"])
    whole = shipped is not None and int(shipped) <= scope
    if not whole and not has_substance(case.content.unknown_consignees):
        known = "not known" if shipped is None else str(shipped)
        return f"{scope} units are in scope, {known} were shipped: list what is unknown and what is done."
    return None


@gate("FSC-06", basis="ISO 13485:2016 8.3.1", fields=("blocks",), declared=True)
def stock_is_blocked(case: F) -> str | None:
    """Stock and work in process were blocked when the decision fell."""
    today = case.now.date()
    done = {b.place for b in case.content.blocks if b.units is not None and proves(b.evidence, today=today)}
    missing = [p.replace("_", " ") for p in Place if p not in done]
    return f"Give the units blocked, with evidence, for: {', '.join(missing)}." if missing else None


@gate("FSC-15", basis="MDR Art. 87(1)(b); UK MDR 2002 reg 44ZK; SOR/98-282 s.61.2", fields=("third_country",))
def third_countries_are_checked(case: F) -> str | None:
    """An action in another country is checked for duties in the EU, in GB and in Canada."""
    if not has_substance(case.content.third_country):
        return "Say which actions are taken in other countries, and which duties they bring."
    judged = {j.market for j in case.content.judgements if j.duty is not None and has_substance(j.why)}
    missing = [m for m in (Market.EU, Market.GB, Market.CA) if m not in judged]
    return f"Decide on the duty, and say why, for: {', '.join(missing)}." if missing else None


def _unsent(case: F, markets: list[Market]) -> list[str]:
    today = case.now.date()
    sent = {
        r.market
        for r in case.content.reports
        if r.sent_at is not None and r.sent_at <= case.now and r.form and proves(r.sent, today=today)
    }
    return [m for m in markets if m not in sent]


@gate(
    "FSC-07",
    basis="MDR Art. 87(8), 89(8); MDCG 2023-3; UK MDR 2002 reg 44ZJ",
    fields=("reports",),
    declared=True,
)
def authorities_are_told(case: F) -> str | None:
    """The form, the risk assessment and the draft notice went to each authority that is to be told."""
    if why := _judged(case):
        return why
    missing = _unsent(case, _duties(case, Duty.REPORT))
    return (
        f"Give form, time and what was sent (reference, file, person, day) for: {', '.join(missing)}."
        if (missing)
        else None
    )


@gate("FSC-07", basis="MDR Art. 89(8); MDCG 2023-3", fields=("reports.answered_at",))
def comments_had_their_time(case: F) -> str | None:
    """The authorities of the EU, GB and Switzerland had 48 hours for comments, or have answered."""
    early = [
        str(r.market)
        for r in case.content.reports
        if r.market in BEFORE_ACTION
        and (r.answered_at is None or r.answered_at > case.now)
        and (r.sent_at is None or case.now < r.sent_at + COMMENT_TIME)
    ]
    return f"48 hours for comments are not over, and no answer came: {', '.join(early)}." if early else None


@gate("FSC-07", basis="MDR Art. 87(8)", fields=("urgency",))
def urgency_is_recorded(case: F) -> str | None:
    """Only recorded urgency lets an action begin before the authorities have been told."""
    return None if has_substance(case.content.urgency) else "Say why it can't wait for the authorities."


@gate(
    "FSC-08", basis="MDR Art. 89(8)", fields=("notices", "identifies", "explains", "instructs"), declared=True
)
def notice_is_complete(case: F) -> str | None:
    """The notice identifies the device, explains the reason without playing it down, says what to do,
    promotes nothing, and says the same in every language; somebody else than its author read each one.
    """
    c, today = case.content, case.now.date()
    if not all(has_substance(t) for t in (c.identifies, c.explains, c.instructs)):
        return "Say how the notice identifies the device, explains the risk, and instructs users."
    for n, text in enumerate(c.notices, 1):
        if not text.language or not isinstance(text.notice, Evidence) or not proves(text.notice, today=today):
            return f"Notice {n}: give the language and the notice (reference, file, person, day)."
        if text.reviewed_by is None or text.reviewed_by == text.notice.by:
            return f"Notice {n}: name a reviewer who did not write it."
    return None if c.notices else "Add the notice in each language that is needed."


@gate("FSC-09", basis="ISO 13485:2016 8.3.3", fields=("readiness", "deputy"), declared=True)
def notices_can_go_out(case: F) -> str | None:
    """Templates, lists and deputies are ready, shown by a mock recall within the last year."""
    c, today = case.content, case.now.date()
    if not isinstance(c.readiness, Evidence) or not proves(c.readiness, today=today):
        return "Give the last mock recall (reference, file, person, day)."
    if c.readiness.on < today - timedelta(days=366):
        return f"The last mock recall was on {c.readiness.on:%d %B %Y}, more than a year ago."
    return None if c.deputy is not None and c.deputy != case.owner else "Name a deputy, other than the owner."


@gate("FSC-10", basis="21 CFR 7.49, 7.53", asks=("population",), fields=("sent_to_consignees", "follow_up"))
def consignees_are_tracked(case: F) -> str | None:
    """Every unit in scope is followed to what became of it, from a frozen list, with reminders and
    escalation.
    """
    population: Mapping[str, Any] = case.answers["population"]
    if not population.get("frozen"):
        return "Freeze the population first."
    if not proves(case.content.sent_to_consignees, today=case.now.date()):
        return "Give the notices as sent, with the list of consignees (reference, file, person, day)."
    return (
        None
        if has_substance(case.content.follow_up)
        else "Say when reminders go out, and who is told when none answers."
    )


@gate("FSC-11", basis="21 CFR 806.10(d)", fields=("further", "amendments"))
def further_lots_are_amended(case: F) -> str | None:
    """Further lots that were found have their amendment and new notices."""
    c, today = case.content, case.now.date()
    if c.further is None:
        return "Say whether further lots were found."
    if c.further is Further.FOUND and not c.amendments:
        return "List the further lots, with the amendment."
    bare = [
        n
        for n, a in enumerate(c.amendments, 1)
        if not a.lots or not a.found_on or not proves(a.evidence, today=today)
    ]
    return f"Further lots, row {bare[0]}: give lots, day and the amendment as sent." if bare else None


@gate("FSC-16", basis="MDR Art. 10(12)", fields=("operators",), declared=True)
def operators_are_informed(case: F) -> str | None:
    """Representatives, importers, distributors, sponsors and the notified body are informed."""
    today = case.now.date()
    done = {
        o.operator for o in case.content.operators if has_substance(o.how) and proves(o.evidence, today=today)
    }
    missing = [o.replace("_", " ") for o in Operator if o not in done]
    return f"Say how they were informed, with evidence: {', '.join(missing)}." if missing else None


@gate("FSC-12", basis="21 CFR 7.42", fields=("target_share",))
def criterion_is_set(case: F) -> str | None:
    """The share of units by which the action counts as effective is set before it begins."""
    share = case.content.target_share
    return (
        None
        if share is not None and 0 < share <= 100
        else "Set the share of units to be reconciled, in per cent."
    )


@gate("FSC-12", basis="21 CFR 7.42", asks=("population",), fields=("accepted_reason",))
def criterion_is_met(case: F) -> str | None:
    """That share is met by measurement and signed replies, or an authority accepted the reason why not."""
    population, want = case.answers["population"], case.content.target_share
    scope = int(population["scope"])
    done = sum(int(population[name]) for name in ("corrected", "returned", "destroyed"))
    share = Decimal(100 * done) / scope if scope else Decimal(0)
    if want is None:
        return "No criterion was set."
    if share >= want or proves(case.content.accepted_reason, today=case.now.date()):
        return None
    return f"{done} of {scope} units are reconciled ({share:.1f} %), {want} % were aimed at."


@gate("FSC-13", basis="SOR/98-282 s.65; UK MDR 2002 reg 44ZJ", asks=("population",))
def every_unit_is_accounted_for(case: F) -> str | None:
    """The frozen list is reconciled: each unit is corrected, returned, destroyed, or known to be out of
    reach.
    """
    population: Mapping[str, Any] = case.answers["population"]
    if not population.get("frozen"):
        return "The population was never frozen."
    parts = ("open", "corrected", "unreachable", "returned", "destroyed")
    total = sum(int(population[name]) for name in parts)
    if total != int(population["scope"]):
        return f"The parts add up to {total}, {population['scope']} units are in scope."
    missing, still_open = list(population.get("unaccounted", ())), int(population["open"])
    many = max(still_open, len(missing))
    if not many:
        return None
    named = ", ".join(str(serial) for serial in missing[:NAMED])
    others = f" and {many - NAMED} others" if many > NAMED else ""
    return f"{many} {'unit is' if many == 1 else 'units are'} unaccounted for: {named}{others}."


@gate("FSC-13", basis="SOR/98-282 s.65; UK MDR 2002 reg 44ZJ", fields=("reports.final",), declared=True)
def final_reports_are_sent(case: F) -> str | None:
    """Each authority that was told has the final report."""
    return _each_report(case, "final", "the final report")


@gate("FSC-14", basis="21 CFR 7.55", fields=("reports.closure",), declared=True)
def closure_is_stored(case: F) -> str | None:
    """The authority's termination or closure is stored."""
    return _each_report(case, "closure", "the authority's closure")


def _each_report(case: F, part: str, words: str) -> str | None:
    today = case.now.date()
    done = {r.market for r in case.content.reports if proves(getattr(r, part), today=today)}
    missing = [str(m) for m in _duties(case, Duty.REPORT) if m not in done]
    return f"Give {words} (reference, file, person, day) for: {', '.join(missing)}." if missing else None


IMPLEMENTED = frozenset({"implementation_verified", "effectiveness_pending", "effective", "closed"})


@gate("FSC-13", basis="SOR/98-282 s.65", fields=("links.leads_to",))
def root_cause_is_worked_on(case: F) -> str | None:
    """The CAPA on the root cause is at least implemented."""
    found = (*case.linked("leads_to", "capa"), *case.linked("arises_from", "capa"))
    if not found:
        return "Link the CAPA on the root cause, or open it from here."
    behind = [f"{k.number} is {k.state.replace('_', ' ')}" for k in found if k.state not in IMPLEMENTED]
    return f"{'; '.join(behind)}: its actions must be verified first." if behind else None
