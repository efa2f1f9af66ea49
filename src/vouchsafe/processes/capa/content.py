"""What a CAPA writes down. The order of the fields is the order of the form."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from vouchsafe.kernel.declare import (
    Evidence,
    Person,
    Row,
    choice,
    content,
    day,
    evidence,
    number,
    person,
    rows,
    text,
    yes_no,
)


class Kind(StrEnum):
    CORRECTIVE, PREVENTIVE = "corrective", "preventive"


class Severity(StrEnum):
    NEGLIGIBLE, MINOR, SERIOUS, CRITICAL, CATASTROPHIC = (
        "negligible",
        "minor",
        "serious",
        "critical",
        "catastrophic",
    )


class Likelihood(StrEnum):
    IMPROBABLE, REMOTE, OCCASIONAL, PROBABLE, FREQUENT = (
        "improbable",
        "remote",
        "occasional",
        "probable",
        "frequent",
    )


class Source(StrEnum):
    COMPLAINTS, NONCONFORMITIES, AUDITS, SERVICE = "complaints", "nonconformities", "audits", "service"
    PROCESS_DATA, SUPPLIERS, SURVEILLANCE = "process_data", "suppliers", "post_market_surveillance"
    RETURNS, VIGILANCE, REVIEW = "returns", "vigilance", "management_review"


class Place(StrEnum):
    STOCK, WORK, FIELD = "stock", "work_in_process", "field"


class Method(StrEnum):
    WHYS, FISHBONE, FAULT_TREE, COMPARISON = (
        "five_whys",
        "cause_and_effect_diagram",
        "fault_tree",
        "is_and_is_not",
    )
    EXPERIMENT, DATA = "experiment", "data_analysis"


class Category(StrEnum):
    DESIGN, SOFTWARE, PROCESS, EQUIPMENT = "design", "software", "process", "equipment"
    MATERIAL, SUPPLIER, DOCUMENT, ENVIRONMENT = "material", "supplier", "document", "environment"
    HUMAN_ERROR, TRAINING = "human_error", "training"


class ActionKind(StrEnum):
    DESIGN, SOFTWARE, LABELLING, PROCESS = "design", "software", "labelling", "process"
    DOCUMENT, SUPPLIER, TRAINING, CORRECTION = "document", "supplier", "training", "correction"


class Bound(StrEnum):
    AT_MOST, AT_LEAST = "at_most", "at_least"


class Need(StrEnum):
    NEEDED, NOT_NEEDED = "needed", "not_needed"


class Topic(StrEnum):
    RISK_FILE, TRAINING, DOCUMENTS = "risk_file", "training", "documents"
    NOTICES, LINKED = "regulatory_notices", "linked_complaints_and_nonconformities"


class Party(StrEnum):
    NOTIFIED_BODY, UK, AUTHORITIES = "notified_body", "uk_approved_body_and_responsible_person", "authorities"


@content
class Review(Row):
    source: Source | None = choice("Source", Source)
    found: str | None = text("What was looked at, and what it shows")


@content
class Containment(Row):
    place: Place | None = choice("Where", Place)
    done: str | None = text("What was done, and for how many units")
    on: date | None = day("On")


@content
class Cause(Row):
    cause: str | None = text("Root cause")
    category: Category | None = choice("Kind of cause", Category)
    explains: str | None = text("How it explains what was seen, and what it doesn't explain")
    evidence: Evidence | None = evidence("Evidence of it")


@content
class Function(Row):
    function: str | None = text("Function affected")
    by: Person | None = person("Who approves the plan for it")


@content
class Action(Row):
    what: str | None = text("Action")
    kind: ActionKind | None = choice("Kind", ActionKind)
    by: Person | None = person("Who does it")
    due: date | None = day("Due")
    done_on: date | None = day("Done on")
    done: Evidence | None = evidence("Evidence that it is done")
    change: Evidence | None = evidence("Change order, in effect")


@content
class Extension(Row):
    until: date | None = day("New date")
    why: str | None = text("Why more time is needed")
    risk_view: str | None = text("What the delay means for risk")


@content
class Answer(Row):
    topic: Topic | None = choice("Matter", Topic)
    answer: str | None = text("What was done, or why nothing was needed")
    evidence: Evidence | None = evidence("Evidence of it")


@content
class Notice(Row):
    party: Party | None = choice("Whom", Party)
    asked: Need | None = choice("Does the law ask for it?", Need)
    why: str | None = text("By which provision, or why none applies")
    evidence: Evidence | None = evidence("Notice sent, or the assessment that none is due")


@content
class Capa:
    kind: Kind | None = choice("Corrective or preventive?", Kind)
    occurred: bool | None = yes_no("Has a nonconformity occurred?")
    what: str | None = text("What happened?")
    where: str | None = text("Where?")
    when: date | None = day("When was it first seen?")
    extent: str | None = text("How many, in which products, lots, sites?")
    requirement: str | None = text("Which requirement was not met, or might not be?")
    severity: Severity | None = choice("Severity if nothing is done", Severity)
    likelihood: Likelihood | None = choice("Likelihood if nothing is done", Likelihood)
    sources: tuple[Review, ...] = rows("Sources reviewed", Review, one_per="source")
    why_no_capa: str | None = text("Why no CAPA is opened")
    trend_code: str | None = text("Code under which it stays in the trend data")
    similar: Decimal | None = number("Similar events in the last twelve months", "events")
    containment: tuple[Containment, ...] = rows("Containment", Containment, one_per="place")
    field_action: Need | None = choice("Is a field safety corrective action needed?", Need)
    field_action_why: str | None = text("Why a field action is needed, or is not")
    investigator: Person | None = person("Investigator")
    due: date | None = day("Actions done by", due=True)
    method: Method | None = choice("Method of the investigation", Method)
    data: str | None = text("Data that it used")
    causes: tuple[Cause, ...] = rows("Root causes", Cause, least=1)
    exception: Evidence | None = evidence("Quality assurance's exception for human error or training alone")
    contributing: str | None = text("Contributing causes")
    scope: str | None = text("Other products, processes and sites that it may touch")
    actions: tuple[Action, ...] = rows("Actions", Action, least=1)
    proportion: str | None = text("Why the actions fit the effects")
    functions: tuple[Function, ...] = rows("Functions affected", Function, least=1)
    no_harm: str | None = text("Why the actions harm neither conformity nor safety nor performance")
    no_harm_report: Evidence | None = evidence("Verification or validation report for that")
    measure: str | None = text("What is measured to call it effective")
    bound: Bound | None = choice("Effective when the measure is", Bound)
    target: Decimal | None = number("Target")
    sample: Decimal | None = number("Sample", "units")
    period: Decimal | None = number("Watched for", "days")
    check_method: str | None = text("How and from which data it is measured")
    checker: Person | None = person("Independent person who verifies that the actions are done")
    verifier: Person | None = person("Effectiveness verifier")
    extensions: tuple[Extension, ...] = rows("Extensions", Extension)
    measured: Decimal | None = number("Measured")
    sample_seen: Decimal | None = number("Sample seen", "units")
    results: str | None = text("What the check showed")
    results_data: Evidence | None = evidence("Data of the check")
    answers: tuple[Answer, ...] = rows("Before closing", Answer, one_per="topic")
    notices: tuple[Notice, ...] = rows("Informed, where law asks", Notice, one_per="party")
