"""What a field action writes down. Which units it concerns is not typed in here: the population is frozen as
a signed snapshot of the fleet, and this record asks it (`register.py`).
"""

from datetime import date, datetime
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
    moment,
    number,
    person,
    rows,
    text,
    yes_no,
)


class Likelihood(StrEnum):
    IMPROBABLE, REMOTE, OCCASIONAL, PROBABLE, FREQUENT = (
        "improbable",
        "remote",
        "occasional",
        "probable",
        "frequent",
    )


class RecallClass(StrEnum):
    I, II, III = "class_I", "class_II", "class_III"


class Kind(StrEnum):
    UPDATE, CORRECTION, REMOVAL = "software_update", "correction", "removal"
    NOTIFICATION, INSPECTION, IFU = "notification", "inspection", "instructions_for_use"


class Decision(StrEnum):
    ACT, NO_ACTION = "field_action", "no_field_action"


class Seat(StrEnum):
    QA, RA, MEDICAL, TOP, PRRC = "quality", "regulatory", "medical", "top_management", "prrc"


class Vote(StrEnum):
    ACT, NO_ACTION = "for_action", "against_action"


class Market(StrEnum):
    EU, GB, CH, US, CA = "EU", "GB", "CH", "US", "CA"
    AU, JP, BR = "AU", "JP", "BR"


class Duty(StrEnum):
    REPORT, NO_REPORT, NOT_THERE = "report", "no_report", "not_marketed_there"


class Place(StrEnum):
    STOCK, WORK = "stock", "work_in_process"


class Operator(StrEnum):
    AR, UKRP, CH_REP = "authorised_representative", "uk_responsible_person", "swiss_representative"
    IMPORTERS, DISTRIBUTORS, SPONSORS = "importers", "distributors", "sponsors_and_holders"
    BODY = "notified_body"


class Further(StrEnum):
    NONE, FOUND = "none_found", "found"


@content
class Voice(Row):
    seat: Seat | None = choice("Seat", Seat)
    vote: Vote | None = choice("Vote", Vote)
    why: str | None = text("Why")


@content
class Judgement(Row):
    market: Market | None = choice("Market", Market)
    duty: Duty | None = choice("Report to the authority?", Duty)
    why: str | None = text("Why, and by which provision")


@content
class Block(Row):
    place: Place | None = choice("Where", Place)
    units: Decimal | None = number("Units blocked")
    evidence: Evidence | None = evidence("Evidence that they are blocked")


@content
class Report(Row):
    market: Market | None = choice("Market", Market)
    form: str | None = text("Form")
    reference: str | None = text("The authority's reference")
    sent_at: datetime | None = moment("Sent at")
    sent: Evidence | None = evidence("What was sent, with risk assessment and draft notice")
    answered_at: datetime | None = moment("The authority's comments came at")
    final: Evidence | None = evidence("Final report")
    closure: Evidence | None = evidence("Termination or closure by the authority")


@content
class NoticeText(Row):
    language: str | None = text("Language")
    notice: Evidence | None = evidence("Field safety notice in this language")
    reviewed_by: Person | None = person("Reviewed by")


@content
class Informed(Row):
    operator: Operator | None = choice("Whom", Operator)
    how: str | None = text("How they were informed, or why there is none")
    evidence: Evidence | None = evidence("Evidence of it")


@content
class Amendment(Row):
    lots: str | None = text("Further lots or serials")
    found_on: date | None = day("Found on")
    evidence: Evidence | None = evidence("Amendment and new notices as sent")


@content
class FieldAction:
    trigger: str | None = text("What triggers it?")
    advisory: str | None = text("Advisory", help="The id of the advisory whose affected devices are in scope")
    products: str | None = text("Products, UDI-DI, versions")
    made: Decimal | None = number("Made", "units")
    distributed: Decimal | None = number("Distributed", "units")
    in_stock: Decimal | None = number("In stock", "units")
    harm: str | None = text("Harm that may come of it")
    death_possible: bool | None = yes_no("Could someone die?")
    likelihood: Likelihood | None = choice("Likelihood", Likelihood)
    at_risk: str | None = text("Who is at risk")
    detectability: str | None = text("Can a user see it in time?")
    recall_class: RecallClass | None = choice("Class", RecallClass)
    evaluated_by: Person | None = person("Health hazard evaluated by")
    evaluated_on: date | None = day("Evaluated on")
    decision: Decision | None = choice("Decision", Decision)
    decided_by: Person | None = person("Decided by")
    decided_title: str | None = text("Title of the person who decided")
    decided_at: datetime | None = moment("Decided at")
    voices: tuple[Voice, ...] = rows("Votes", Voice, one_per="seat")
    judgements: tuple[Judgement, ...] = rows("Duty, market by market", Judgement, one_per="market")
    justified_by: Person | None = person(
        "Who reviewed the justification for taking no action or making no report"
    )
    kind: Kind | None = choice("Kind of action", Kind)
    strategy: str | None = text("Strategy: depth, notice, checks of effect, timetable")
    initiated_on: date | None = day("Begun on")
    corrected_by: str | None = text("Corrected by version")
    unknown_consignees: str | None = text(
        "Units or consignees that are not known, and what is done about them"
    )
    blocks: tuple[Block, ...] = rows("Blocked at decision time", Block, one_per="place")
    third_country: str | None = text(
        "Actions in other countries, checked for duties in the EU, GB and Canada"
    )
    target_share: Decimal | None = number("Effective when this share of units is reconciled", "%")
    reports: tuple[Report, ...] = rows("Authorities", Report)
    notices: tuple[NoticeText, ...] = rows("Field safety notice", NoticeText, least=1)
    identifies: str | None = text("How the notice lets a user find the device (UDI, SRN)")
    explains: str | None = text("How it explains the reason and the risk")
    instructs: str | None = text("What it tells users to do")
    urgency: str | None = text("Why it can't wait for the authorities' comments")
    readiness: Evidence | None = evidence("Templates, lists and deputies are ready: last mock recall")
    deputy: Person | None = person("Who can sign when the coordinator can't")
    sent_to_consignees: Evidence | None = evidence("Notices as sent, with the list of consignees")
    follow_up: str | None = text("Reminders and escalation (day 7, 14, 30)")
    further: Further | None = choice("Further lots?", Further)
    amendments: tuple[Amendment, ...] = rows("Further lots found", Amendment)
    operators: tuple[Informed, ...] = rows("Economic operators informed", Informed, one_per="operator")
    accepted_reason: Evidence | None = evidence("An authority's acceptance of a lower share")
    due: date | None = day("Done by", due=True)
