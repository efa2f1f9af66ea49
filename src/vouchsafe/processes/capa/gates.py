"""The rules CAP-02 to CAP-21 as functions of a case, each with the source it rests on.

CAP-01 is a time limit, CAP-10 and CAP-16 are signatures: they stand in `process.py`, beside the steps.
"""

from datetime import date, timedelta

from vouchsafe.kernel.declare import Case, Evidence, gate, has_substance, proves, warn
from vouchsafe.processes.capa.content import (
    ActionKind,
    Bound,
    Capa,
    Category,
    Kind,
    Likelihood,
    Need,
    Party,
    Place,
    Severity,
    Source,
    Topic,
)

EARLY = frozenset(
    {"received", "registered", "triaged", "reopened"}
)  # a complaint of which nothing is decided yet
CONTROLLED = frozenset(set(ActionKind) - {ActionKind.TRAINING, ActionKind.CORRECTION})
REGULATED = frozenset({ActionKind.DESIGN, ActionKind.SOFTWARE, ActionKind.LABELLING, ActionKind.PROCESS})
PRODUCT_CHANGES = REGULATED | {ActionKind.SUPPLIER}


def risk(c: Capa) -> str:
    """ "high", "medium", "low" or "" (not yet rated): one table for every source (CAP-01)."""
    if c.severity is None or c.likelihood is None:
        return ""
    s, p = list(Severity).index(c.severity) + 1, list(Likelihood).index(c.likelihood) + 1
    return "high" if s * p >= 12 or s == 5 else "low" if s * p <= 4 else "medium"


def due_in_force(case: Case[Capa]) -> date | None:
    """The date agreed at first, or that of the newest approved extension."""
    approved = case.content.extensions[: case.taken.get("extend", 0)]
    return approved[-1].until if approved else case.content.due


def effect_from(c: Capa) -> date | None:
    """The first day on which effectiveness may be judged; None while an action is not done."""
    done = [a.done_on for a in c.actions if a.done_on is not None]
    if not done or len(done) < len(c.actions) or c.period is None:
        return None
    return max(done) + timedelta(days=int(c.period))


def meets_target(c: Capa) -> bool:
    if c.measured is None or c.target is None or c.bound is None:
        return False
    return c.measured <= c.target if c.bound is Bound.AT_MOST else c.measured >= c.target


def touches_product(case: Case[Capa]) -> bool:
    return any(a.kind in REGULATED for a in case.content.actions)


def third_extension(case: Case[Capa]) -> bool:
    return case.taken.get("extend", 0) >= 2


def failed_twice(case: Case[Capa]) -> bool:
    return case.visits.get("not_effective", 0) >= 2


@gate("CAP-02", basis="ISO 13485:2016 8.4, 8.5.2", fields=("sources", "what"))
def sources_are_reviewed(case: Case[Capa]) -> str | None:
    """Every source of quality data was looked at, and the record says what each shows; one of them raised the
    matter."""
    said = {r.source for r in case.content.sources if has_substance(r.found)}
    silent = [s.replace("_", " ") for s in Source if s not in said]
    if silent:
        return f"Say what was looked at and what it shows: {', '.join(silent)}."
    return None


@gate("CAP-03", basis="ISO 13485:2016 8.5.2 c", fields=("why_no_capa", "trend_code"))
def no_capa_is_explained(case: Case[Capa]) -> str | None:
    """“No CAPA” has a reason, and the event stays in the trend data under a code."""
    if not has_substance(case.content.why_no_capa):
        return "Say why no CAPA is opened."
    return None if case.content.trend_code else "Give the code under which the event stays in the trend data."


@gate("CAP-04", basis="ISO 13485:2016 8.5.3", fields=("kind", "occurred"))
def kind_fits_the_facts(case: Case[Capa]) -> str | None:
    """Preventive action is for what might happen. Once it has happened the action is corrective."""
    c = case.content
    if c.kind is None or c.occurred is None:
        return "Say whether it is corrective or preventive, and whether a nonconformity has occurred."
    source = next(
        (k.number for k in case.linked("arises_from", "complaint") if k.state != "not_a_complaint"), None
    )
    if c.kind is Kind.PREVENTIVE and (c.occurred or source):
        return f"A nonconformity has occurred{f' ({source})' if source else ''}: this is a corrective action."
    if c.kind is Kind.CORRECTIVE and not c.occurred:
        return "Nothing has occurred that could be corrected: this is a preventive action."
    return None


@warn("CAP-21", basis="GHTF SG3/N18", fields=("severity", "similar"))
def correction_alone_is_enough(case: Case[Capa]) -> str | None:
    """Correction alone is for isolated events of low risk, checked against the trend."""
    if risk(case.content) != "low":
        return f"The risk is {risk(case.content) or 'not rated'}: correction alone is meant for low risk."
    if case.content.similar is None:
        return "Count the similar events of the last twelve months: correction alone is for isolated events."
    return (
        f"{case.content.similar} similar events: not an isolated one." if case.content.similar > 0 else None
    )


@gate("CAP-05", basis="ISO 13485:2016 8.3.3", fields=("containment", "field_action", "field_action_why"))
def it_is_contained(case: Case[Capa]) -> str | None:
    """Stock, work in process and the field are contained, and whether a field action is needed has been
    decided."""
    c = case.content
    done = {r.place for r in c.containment if has_substance(r.done) and r.on and r.on <= case.now.date()}
    missing = [p.replace("_", " ") for p in Place if p not in done]
    if missing:
        return f"Say what was done, and on which day, for: {', '.join(missing)}."
    if c.field_action is None or not has_substance(c.field_action_why):
        return "Decide whether a field safety corrective action is needed, and say why."
    if c.field_action is Need.NEEDED and not (case.linked("leads_to", "field_action") or _fsca_source(case)):
        return "A field action is needed: open it from here, or link it."
    return None


def _fsca_source(case: Case[Capa]) -> bool:
    return bool(case.linked("arises_from", "field_action"))


@gate("CAP-06", basis="practice", fields=("investigator",))
def investigator_is_independent(case: Case[Capa]) -> str | None:
    """When the risk is high the owner doesn't investigate alone: whose error it was is known only
    afterwards."""
    c = case.content
    if c.investigator is None or not risk(c):
        return "Name an investigator and rate the risk."
    if risk(c) == "high" and c.investigator == case.owner:
        return "The risk is high: name an investigator who is not the owner."
    return None


@gate("CAP-07", basis="ISO 13485:2016 8.5.2 b", fields=("causes", "exception"))
def cause_explains_the_data(case: Case[Capa]) -> str | None:
    """Each root cause has evidence and explains what was seen. Human error or missing training alone is not a
    root cause, unless quality assurance (and not the owner) says so in writing."""
    c, today = case.content, case.now.date()
    for n, cause in enumerate(c.causes, 1):
        if not has_substance(cause.cause) or cause.category is None or not has_substance(cause.explains):
            return f"Cause {n}: say what it is, of which kind, and how it explains what was seen."
        if not proves(cause.evidence, today=today):
            return f"Cause {n}: give evidence (reference, file, person, day)."
    if not c.causes:
        return "Name at least one root cause."
    if all(cause.category in (Category.HUMAN_ERROR, Category.TRAINING) for cause in c.causes):
        if not isinstance(c.exception, Evidence) or not proves(c.exception, today=today):
            return "Human error or training alone: find the cause behind it, or give QA's exception."
        if c.exception.by == case.owner or not case.holds(c.exception.by, "qa"):
            return "The exception must come from quality assurance, and not from the owner."
    return None


@gate("CAP-08", basis="ISO 13485:2016 8.5.2 f", fields=("measure", "bound", "target", "sample", "period"))
def criterion_is_measurable(case: Case[Capa]) -> str | None:
    """Measure, target, sample and period are set before anything is implemented."""
    c = case.content
    if not has_substance(c.measure) or not has_substance(c.check_method):
        return "Say what is measured, and how and from which data."
    if c.bound is None or c.target is None or c.sample is None or c.period is None:
        return "Set the target, the sample and the period."
    if c.sample < 1 or c.period < 1 or c.period != int(c.period):
        return "The sample is at least one unit, and the period at least one whole day."
    return None


@gate("CAP-08", basis="ISO 13485:2016 8.5.2 f", fields=("actions.done_on",))
def criterion_came_first(case: Case[Capa]) -> str | None:
    """No action was done before the plan, and with it the criterion, was approved."""
    approved = case.since.get("implementation")
    if approved is None:
        return "The plan was never approved."
    early = [n for n, a in enumerate(case.content.actions, 1) if a.done_on and a.done_on < approved.date()]
    return (
        f"Action {early[0]} was done before the plan was approved on {approved:%d %B %Y}." if early else None
    )


@gate("CAP-09", basis="ISO 13485:2016 8.5.2", fields=("actions", "proportion"))
def actions_are_proportionate(case: Case[Capa]) -> str | None:
    """The actions fit the effects. When the risk is high at least one changes the product or the process:
    telling people to be careful is not enough."""
    c = case.content
    for n, a in enumerate(c.actions, 1):
        if not has_substance(a.what) or a.kind is None or a.by is None or a.due is None:
            return f"Action {n}: say what, of which kind, who and by when."
    if not c.actions or not has_substance(c.proportion):
        return "Give the actions, and say why they fit the effects."
    if risk(c) == "high" and not any(a.kind in PRODUCT_CHANGES for a in c.actions):
        return "The risk is high: at least one action must change the product, a process or a supply."
    late = [n for n, a in enumerate(c.actions, 1) if c.due and a.due and a.due > c.due]
    return f"Action {late[0]} is due after the CAPA is." if late else None


@gate("CAP-11", basis="ISO 13485:2016 8.5.2 e, 8.5.3 d", fields=("no_harm", "no_harm_report"), declared=True)
def actions_do_no_harm(case: Case[Capa]) -> str | None:
    """Verification or validation shows that the actions harm neither conformity nor safety nor
    performance."""
    if not has_substance(case.content.no_harm):
        return "Say why the actions do no harm."
    shown = proves(case.content.no_harm_report, today=case.now.date())
    return None if shown else "Give the verification or validation report (reference, file, person, day)."


@gate("CAP-12", basis="ISO 13485:2016 8.5.2 d", fields=("actions.change",), declared=True)
def changes_are_in_effect(case: Case[Capa]) -> str | None:
    """Actions on design, software, labelling, process, documents or supply went through change control, and
    each change is in effect."""
    today = case.now.date()
    open_ones = [
        f"action {n}"
        for n, a in enumerate(case.content.actions, 1)
        if a.kind in CONTROLLED and not proves(a.change, today=today)
    ]
    return (
        f"Give the change order that is in effect (reference, file, person, day): {', '.join(open_ones)}."
        if (open_ones)
        else None
    )


@gate("CAP-13", basis="ISO 13485:2016 8.5.2", fields=("actions.done_on", "actions.done"))
def each_action_has_evidence(case: Case[Capa]) -> str | None:
    """Each action has a day and evidence that it was done."""
    today = case.now.date()
    bare = [
        f"action {n}"
        for n, a in enumerate(case.content.actions, 1)
        if a.done_on is None or a.done_on > today or not proves(a.done, today=today)
    ]
    if not case.content.actions:
        return "There are no actions."
    return f"Give the day and the evidence: {', '.join(bare)}." if bare else None


@gate("CAP-14", basis="ISO 13485:2016 8.5.2 f")
def period_is_over(case: Case[Capa]) -> str | None:
    """The waiting period runs from the day on which the last action was done."""
    on = effect_from(case.content)
    if on is None:
        return "An action is not done."
    return None if case.now.date() >= on else f"Too early: the period ends on {on:%d %B %Y}."


@gate("CAP-15", basis="ISO 13485:2016 8.5.2 f", fields=("measured", "sample_seen", "results_data"))
def check_was_passed(case: Case[Capa]) -> str | None:
    """The check met the criterion: measure, sample, and data gathered when the period was over. Nobody can
    close earlier."""
    c, on = case.content, effect_from(case.content)
    if early := period_is_over(case):
        return early
    if c.measured is None or c.sample_seen is None or c.sample is None or not has_substance(c.results):
        return "Give what was measured, on how many units, and what it shows."
    if not isinstance(c.results_data, Evidence) or not proves(c.results_data, today=case.now.date()):
        return "Give the data of the check (reference, file, person, day)."
    if on and c.results_data.on < on:
        return f"The data is from before the period ended on {on:%d %B %Y}."
    if c.sample_seen < c.sample:
        return f"{c.sample_seen} units were seen, {c.sample} were planned."
    if not meets_target(c):
        bound = "at most" if c.bound is Bound.AT_MOST else "at least"
        return f"{c.measured} is not {bound} {c.target}: not effective."
    return None


@gate("CAP-17", basis="ISO 13485:2016 8.5.2", fields=("measured", "results"))
def check_was_not_passed(case: Case[Capa]) -> str | None:
    """“Not effective” rests on a check as “effective” does; it leads back to the investigation."""
    c = case.content
    if c.measured is None or not has_substance(c.results):
        return "Give what was measured and what it shows."
    short = c.sample_seen is None or c.sample is None or c.sample_seen < c.sample
    return None if short or not meets_target(c) else "The results meet the criterion."


@gate("CAP-18", basis="ISO 13485:2016 8.5.2 d", fields=("answers",), declared=True)
def loose_ends_are_tied(case: Case[Capa]) -> str | None:
    """Risk file, training, documents, regulatory notices and linked records each have an answer with
    evidence."""
    today = case.now.date()
    done = {
        r.topic for r in case.content.answers if has_substance(r.answer) and proves(r.evidence, today=today)
    }
    missing = [t.replace("_", " ") for t in Topic if t not in done]
    return f"Answer with evidence (reference, file, person, day): {', '.join(missing)}." if missing else None


@gate("CAP-18", basis="ISO 13485:2016 8.5.2 d", fields=("links.arises_from",))
def sources_are_decided(case: Case[Capa]) -> str | None:
    """Each complaint that this CAPA arises from has been assessed: it is past its reportability decision."""
    early = [
        f"{k.number} is {k.state.replace('_', ' ')}"
        for k in case.linked("arises_from", "complaint")
        if k.state in EARLY
    ]
    return f"{'; '.join(early)}: decide the complaint's reportability first." if early else None


@gate("CAP-19", basis="MDR Art. 83(4); UK MDR 2002 reg 44ZG", fields=("notices",), declared=True)
def those_concerned_are_informed(case: Case[Capa]) -> str | None:
    """Notified body, UK approved body and responsible person, and authorities are informed where law asks."""
    today = case.now.date()
    done = {
        r.party
        for r in case.content.notices
        if r.asked is not None and has_substance(r.why) and proves(r.evidence, today=today)
    }
    missing = [p.replace("_", " ") for p in Party if p not in done]
    return (
        f"Say whether law asks, by which provision, with evidence: {', '.join(missing)}." if missing else None
    )


@gate("CAP-20", basis="ISO 13485:2016 8.5.2", fields=("extensions",))
def extension_is_argued(case: Case[Capa]) -> str | None:
    """More time needs a reason, a view of the risk and an approval; the third time, top management's."""
    taken, asked, now_due = case.taken.get("extend", 0), case.content.extensions, due_in_force(case)
    if len(asked) != taken + 1:
        return "Add one extension: the new date, why, and what the delay means for risk."
    last = asked[-1]
    if last.until is None or not has_substance(last.why) or not has_substance(last.risk_view):
        return "Give the new date, why more time is needed, and what the delay means for risk."
    return None if now_due and last.until > now_due else "The new date is not later than the one in force."


@gate("CAP-20", basis="ISO 13485:2016 8.5.2", fields=("extensions",))
def date_is_kept(case: Case[Capa]) -> str | None:
    """Actions are done by the date in force, or the date has been extended."""
    on = due_in_force(case)
    if on is None:
        return "No date was agreed."
    done = [a.done_on for a in case.content.actions]
    in_time = bool(done) and all(d is not None and d <= on for d in done)
    return None if in_time or case.now.date() <= on else f"Was due {on:%d %B %Y}: extend it, with a reason."
