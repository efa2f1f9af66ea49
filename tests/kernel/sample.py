"""Three small processes that use every word the writer has to obey. Not a quality process: material for tests."""

from datetime import date
from enum import StrEnum

from vouchsafe.kernel.declare import (
    STAY,
    Case,
    Evidence,
    File,
    Person,
    Process,
    Row,
    Sign,
    because,
    board,
    choice,
    clears,
    content,
    day,
    days,
    each,
    edit,
    evidence,
    file,
    gate,
    limit,
    may_write,
    moves,
    named,
    needs,
    opens,
    owner,
    person,
    role,
    rows,
    standing,
    step,
    system,
    text,
    warn,
    yes_no,
)


class Risk(StrEnum):
    LOW, HIGH = "low", "high"


@content
class Function(Row):
    by: Person | None = person("Approver for this function")
    note: str | None = text("Note")


@content
class Matter:
    problem: str | None = text("Problem")
    risk: Risk | None = choice("Risk", Risk)
    patient: str | None = text("Patient", personal=True)
    plan: str | None = text("Plan")
    due: date | None = day("Actions done by", due=True)
    wait_until: date | None = day("Wait until")
    functions: tuple[Function, ...] = rows("Functions", Function)
    verifier: Person | None = person("Verifier")
    report: File | None = file("Report")
    proof: Evidence | None = evidence("Proof")
    result: str | None = text("Result")
    works: bool | None = yes_no("Works?")


@gate("T-01")
def has_a_source(case: Case[Matter]) -> str | None:
    """A matter of high risk arises from another."""
    if case.content.risk != Risk.HIGH or case.linked("arises_from"):
        return None
    return "Link what this arises from."


@warn("T-02")
def low_risk_needs_no_plan(case: Case[Matter]) -> str | None:
    """A low risk is seldom worth a plan."""
    return "The risk is low." if case.content.risk == Risk.LOW else None


@gate("T-03", asks=("units_open",))
def no_units_open(case: Case[Matter]) -> str | None:
    """No unit is open."""
    return None if case.answers["units_open"] == 0 else f"{case.answers['units_open']} units are open."


@gate("T-04")
def waited(case: Case[Matter]) -> str | None:
    """The waiting period is over."""
    until = case.content.wait_until
    return None if until and case.now.date() >= until else "Too early."


@gate("T-05")
def it_works(case: Case[Matter]) -> str | None:
    """It works."""
    return None if case.content.works else "It doesn't work: send it back."


@gate("T-06")
def patient_is_known(case: Case[Matter]) -> str | None:
    """The patient is written down."""
    return None if case.content.patient else "Write down the patient."


APPROVERS = (
    Sign("approved", by=role("qa"), says="I approve this plan", apart=("owner",)),
    Sign("approved", by=each("functions"), says="I approve this plan for my function"),
)

matter = Process(
    key="matter",
    title="Matter",
    rules="T",
    number="MAT-{year}-{n:04}",
    content=Matter,
    begins="opened",
    ends=("rejected",),
    settled=("closed", "rejected"),
    stages={
        "Open": "opened investigating",
        "Plan": "planned",
        "Work": "acting waiting",
        "Done": "closed rejected",
    },
    steps=(
        step("investigate", "opened", "investigating", role("qa"), needs("problem", "risk"), has_a_source),
        step(
            "plan",
            "investigating",
            "planned",
            owner,
            needs("plan", "due"),
            may_write("functions", "verifier", "wait_until"),
            low_risk_needs_no_plan,
        ),
        step("approve", "planned", "acting", role("qa"), *APPROVERS),
        step("reject", "planned", "rejected", role("qa"), Sign("rejected", by=role("qa"))),
        step("wait", "acting", "waiting", system(when=waited)),
        step("reopen", "waiting", "investigating", role("qa"), may_write("result", "works"), clears("plan")),
        step(
            "close",
            "waiting",
            "closed",
            named("verifier"),
            needs("result", "works"),
            it_works,
            Sign("effectiveness_confirmed", by=named("verifier"), apart=("owner",)),
        ),
        step("again", "closed", "investigating", role("qa"), because("Why it is looked at again.")),
        step("start_order", "acting", STAY, owner, opens("order", "leads_to", copy={"what": "plan"})),
        step("agree", "acting", STAY, board("capa"), Sign("verified", by=board("capa"))),
        step("count", "acting", STAY, owner, no_units_open),
    ),
    edits=(
        edit("opened investigating planned acting waiting", owner, "problem", "patient", "report", "proof"),
    ),
    limits=(limit("T-10", start="opened", stop="investigating", within=days(5), says="Look into it"),),
    standings=(standing("T-06", patient_is_known, during="acting"),),
    relations={"arises_from": ("matter",), "leads_to": ("order",), "similar_to": ("matter",)},
    opens_on=("device.failed", "order.cancel"),
    labels={},
)


@content
class Order:
    what: str | None = text("What")


order = Process(
    key="order",
    title="Order",
    rules="T",
    number="ORD-{year}-{n:03}",
    content=Order,
    begins="draft",
    ends=("cancelled",),
    settled=("done", "old", "cancelled"),
    stages={"Draft": "draft", "Done": "done old cancelled"},
    steps=(
        step("finish", "draft", "done", role("qa"), needs("what"), moves("revises", "supersede")),
        step("supersede", "done", "old", role("qa")),
        step("cancel", "draft old", "cancelled", role("qa")),
    ),
    relations={"revises": ("order",), "arises_from": ("matter",)},
    opened_by=role("qa"),
    labels={},
)

ALL = {"matter": matter, "order": order}


__all__ = ["ALL", "Matter", "Order", "matter", "order"]
