"""What a complaint writes down.

Health data and whoever complains are `personal`: such values never enter a version's bytes, only their
commitments. The facts are those that the reporting rules ask for
(`regulations/data/vigilance_deadlines.yaml`).
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from vouchsafe.kernel.declare import (
    Device,
    Evidence,
    Person,
    Row,
    choice,
    content,
    day,
    device,
    evidence,
    markdown,
    moment,
    number,
    person,
    rows,
    text,
    yes_no,
)


class Channel(StrEnum):
    PHONE, EMAIL, PORTAL, VISIT = "telephone", "email", "portal", "visit"
    SERVICE, TELEMETRY, LITERATURE, AUTHORITY = "service_report", "telemetry", "literature", "authority"
    DISTRIBUTOR = "distributor_importer_or_representative"


class Role(StrEnum):
    PATIENT, LAY, PROFESSIONAL = "patient", "lay_user", "healthcare_professional"
    DISTRIBUTOR, AUTHORITY, OTHER = "distributor", "authority", "other"


class Territory(StrEnum):
    EU, NI, GB, CH, LI = "EU", "NI", "GB", "CH", "LI"
    US, CA, AU, JP, BR, OTHER = "US", "CA", "AU", "JP", "BR", "OTHER"


class Outcome(StrEnum):
    NONE, MINOR, SERIOUS, DEATH = "none", "minor", "serious", "death"


class Causality(StrEnum):
    ESTABLISHED, POSSIBLE, EXCLUDED = "established", "possible", "excluded"


class DeviceClass(StrEnum):
    I, IIA, IIB, III = "I", "IIa", "IIb", "III"


class Returned(StrEnum):
    NOT_ASKED, ASKED, RECEIVED, REFUSED = "not_requested", "requested", "received", "not_available"


class Market(StrEnum):
    EU, GB, CH, US, CA = "EU", "GB", "CH", "US", "CA"
    AU, JP, BR = "AU", "JP", "BR"


class Duty(StrEnum):
    REPORT, NO_REPORT, NOT_THERE = "reportable", "not_reportable", "not_marketed_there"


class Certainty(StrEnum):
    CERTAIN, DOUBT = "certain", "in_doubt"


class Need(StrEnum):
    NEEDED, NOT_NEEDED = "needed", "not_needed"


class Severity(StrEnum):
    NEGLIGIBLE, MINOR, SERIOUS, CRITICAL, CATASTROPHIC = (
        "negligible",
        "minor",
        "serious",
        "critical",
        "catastrophic",
    )


@content
class Attempt(Row):
    on: date | None = day("On")
    asked: str | None = text("What was asked, and of whom", personal=True)
    answer: str | None = text("Answer", personal=True)


@content
class Decision(Row):
    market: Market | None = choice("Market", Market)
    duty: Duty | None = choice("Decision", Duty)
    rule: str | None = text(
        "Rule", help="The id of the reporting rule, such as GB-SI; empty when not reportable"
    )
    why: str | None = text("Facts and reason")
    certainty: Certainty | None = choice("How certain?", Certainty)
    decided_by: Person | None = person("Decided by")
    second: Person | None = person("Second person")
    decided_on: date | None = day("Decided on")
    report: Evidence | None = evidence("Report as sent")


@content
class Exchange(Row):
    party: str | None = text("Party outside the organisation")
    what: str | None = text("What it had to do with it, and what was exchanged")
    evidence: Evidence | None = evidence("Evidence of it")


@content
class Complaint:
    summary: str | None = text(
        "In one sentence", help="What went wrong with which device; no names, no health data"
    )
    event_at: datetime | None = moment("When it happened")
    aware_at: datetime | None = moment("When anyone in or for the company first heard of it")
    received_by: str | None = text("Who first heard of it")
    channel: Channel | None = choice("How it came", Channel)
    written_down: str | None = text("For an oral complaint: who wrote it down, and when")
    complainant: str | None = text("Who complains", personal=True)
    contact: str | None = text("Address and telephone", personal=True)
    complainant_role: Role | None = choice("In which role", Role)
    unit: Device | None = device("Device", help="UDI or serial number")
    software: str | None = text("Software version, as told")
    product: str | None = text("Product")
    territory: Territory | None = choice("Where it happened", Territory)
    words: str | None = markdown("What happened, in their words", personal=True)
    language: str | None = text("Language of the original")
    translation: str | None = markdown("Translation", personal=True)
    expected: str | None = text("What was expected instead")
    patient: str | None = text("Patient: age, sex, harm", personal=True)
    returned: Returned | None = choice("Device returned?", Returned)
    returned_why: str | None = text("Chain of custody, or why it is not returned")
    outcome: Outcome | None = choice("Outcome for the patient", Outcome)
    incident: bool | None = yes_no("Malfunction, deterioration, use error, wrong information or side effect?")
    could_be_serious: bool | None = yes_no(
        "Could it have led to death or serious harm, now or if it happens again?"
    )
    public_health_threat: bool | None = yes_no("A serious public health threat?")
    unanticipated: bool | None = yes_no("A harm that the risk analysis doesn't foresee?")
    expected_documented: bool | None = yes_no("A documented and quantified side effect?")
    causality: Causality | None = choice("Did the device cause or contribute?", Causality)
    malfunction: bool | None = yes_no("A malfunction?")
    likely_again: bool | None = yes_no("Would it likely cause serious harm if it happened again?")
    remedial: bool | None = yes_no("Is action needed against an unreasonable risk of substantial harm?")
    asked_by_fda: bool | None = yes_no("Has the FDA asked for a report?")
    no_cause: bool | None = yes_no("Has a physician concluded that the device did not cause it?")
    counterfeit: bool | None = yes_no("Counterfeit?")
    cyber: bool | None = yes_no("A cyber security event?")
    device_class: DeviceClass | None = choice("Class of the device", DeviceClass)
    foreign_action: bool | None = yes_no("Is a field action planned or ordered anywhere?")
    infection: bool | None = yes_no("An infection?")
    other_information: bool | None = yes_no(
        "Other information about nonconformity with essential principles?"
    )
    triage: str | None = text("Triage: harm, potential harm, threat, counterfeit, cyber event")
    attempts: tuple[Attempt, ...] = rows("Attempts to learn what is missing", Attempt)
    complete: Need | None = choice("Is more information needed?", Need)
    decisions: tuple[Decision, ...] = rows("Reportability, market by market", Decision, one_per="market")
    imdrf_problem: str | None = text("Device problem (IMDRF annex A)")
    imdrf_harm: str | None = text("Health effect (IMDRF annexes E and F)")
    imdrf_part: str | None = text("Component (IMDRF annex G)")
    not_complaint_why: str | None = text("Why it is not a complaint")
    may_not_meet_spec: bool | None = yes_no("May device, label or packaging fail to meet its specification?")
    similar: str | None = text("Similar complaint that was investigated, and why it answers this one")
    no_investigation_why: str | None = text("Why it is not investigated")
    no_investigation_by: Person | None = person("Responsible for not investigating")
    investigator: Person | None = person("Investigator")
    plan: str | None = text("What is investigated")
    altered: str | None = text("How the device is kept unaltered until authorities are told")
    batch_review: str | None = text("Batch record, as reviewed")
    examination: str | None = text("Examination of the device, or why there was none")
    trend: str | None = text("Trend: similar complaints and rate")
    similar_count: Decimal | None = number("Similar complaints in twelve months", "complaints")
    risk_file: str | None = text("Risk file: which line, and whether it still holds")
    severity: Severity | None = choice("Severity", Severity)
    cause: str | None = text("Cause")
    imdrf_type: str | None = text("Type of investigation (IMDRF annex B)")
    imdrf_finding: str | None = text("Finding (IMDRF annex C)")
    imdrf_conclusion: str | None = text("Conclusion (IMDRF annex D)")
    investigation: Evidence | None = evidence("Investigation report")
    outside: Need | None = choice("Did anyone outside contribute?", Need)
    exchanges: tuple[Exchange, ...] = rows("Exchanged with parties outside", Exchange)
    capa: Need | None = choice("A CAPA?", Need)
    capa_why: str | None = text("Why a CAPA is needed, or is not")
    correction: str | None = text("Correction or corrective action, or why there is none")
    reply: Need | None = choice("A reply to whoever complained?", Need)
    reply_why: str | None = text("Why a reply is due, or is not")
    reply_sent: Evidence | None = evidence("Reply as sent")
    new_information: str | None = text("What is new")
    new_information_at: datetime | None = moment("When it became known")
    due: date | None = day("Close by", due=True)
