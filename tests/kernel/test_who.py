"""Who may, which signatures are needed and given, and time: limits and clocks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.kernel.test_declare import (
    HEX,
    NONE,
    NOW,
    QA,
    RA,
    A,
    Action,
    B,
    C,
    D,
    Thing,
    case,
    problem_is_told,
    process,
)
from vouchsafe.kernel.declare import (
    Case,
    Clock,
    Known,
    Linked,
    Person,
    Process,
    Sign,
    Signed,
    anyone,
    board,
    clocks,
    days,
    each,
    findings,
    given,
    hours,
    limit,
    may,
    named,
    owner,
    role,
    roles_of,
    shut,
    slot_for,
    slots,
    step,
    system,
    waiting,
    working_days,
)

# Who


@pytest.mark.parametrize(
    "by, person, roles, good",
    [
        (role("qa", "ra"), B, RA, True),
        (role("qa"), B, RA, False),
        (owner, A, NONE, True),
        (owner, B, QA, False),
        (anyone, B, NONE, True),
        (named("verifier"), B, NONE, True),
        (named("verifier"), C, QA, False),
        (each("actions.by"), C, NONE, True),
        (each("actions.by"), D, NONE, False),
        (board("fsca"), D, frozenset({"prrc"}), True),
        (board("fsca"), D, frozenset({"sales"}), False),
        (owner | named("verifier"), B, NONE, True),
        (role("qa") | owner | named("verifier"), D, NONE, False),
    ],
)
def test_who_may(by: Any, person: Person, roles: frozenset[str], good: bool) -> None:
    value = Thing(verifier=B, actions=(Action(id="1", by=C),))
    assert may(by, case(value), person=person, roles=roles) is good


def test_an_owner_who_is_nobody_is_nobody() -> None:
    assert not may(owner, case(owner=""), person=A, roles=NONE)


def test_who_reads_as_words() -> None:
    assert str(role("qa", "ra")) == "quality assurance or regulatory affairs"
    assert str(owner | named("verifier")) == "the record's owner or the person named as verifier"
    assert str(board("fsca")) == "the field action board"
    assert str(each("actions.by")) == "each person named in actions, by"
    assert str(anyone) == "anyone"
    assert str(system(when=problem_is_told)) == "the system"
    assert roles_of(role("qa") | board("capa") | owner) == ("qa", "risk_manager")


# Signatures


def signed(step: str, meaning: str, role: str, by: Person, **more: Any) -> Signed:
    return Signed(step, meaning, role, by, NOW, **{"revision": 3, "sha256": HEX, **more})


def at(value: Thing | None = None, *signatures: Signed, **more: Any) -> Case[Thing]:
    return case(value, signatures=signatures, **{"entered": 2, "sha256": HEX, **more})


APPROVE = step(
    "approve",
    "open",
    "closed",
    role("qa"),
    Sign("approved", by=role("qa"), says="I approve", apart=("owner",), rule="CAP-10"),
    Sign("approved", by=each("actions.by")),
    Sign("verified", by=role("ra"), when=lambda c: bool(c.content.good)),
)


def test_slots_unfold_to_one_a_role_or_person() -> None:
    value = Thing(actions=(Action(id="1", by=C), Action(id="2", by=D)))
    people = {str(C): Known("Carol"), str(D): Known("Dan")}
    found = slots(APPROVE, at(value, people=people))
    assert [s.role for s in found] == ["qa", f"each:actions.by:{C}", f"each:actions.by:{D}"]
    assert [s.wanted for s in found] == ["quality assurance", "Carol", "Dan"]
    assert found[0].rule == "CAP-10"
    assert [s.meaning for s in slots(APPROVE, at(replace(value, good=True)))][-1] == "verified"


def test_with_nobody_named_the_slot_stays_and_nobody_fits() -> None:
    found = slots(APPROVE, at())
    assert [s.role for s in found] == ["qa", "each:actions.by"]
    assert not found[1].fits(C, QA)
    (by_name,) = slots(step("x", "open", "closed", anyone, Sign("verified", by=named("verifier"))), at())
    assert not by_name.fits(A, QA)


def test_a_board_signs_with_all_its_roles() -> None:
    found = slots(step("x", "open", "closed", anyone, Sign("approved", by=board("fsca"))), at())
    assert [s.role for s in found] == ["qa", "ra", "medical_safety_officer", "top_management", "prrc"]


def test_either_is_one_slot() -> None:
    either = step("x", "open", "closed", anyone, Sign("verified", by=role("qa") | named("verifier")))
    (found,) = slots(either, at(Thing(verifier=C)))
    assert found.role == "qa|named:verifier"
    assert found.fits(B, QA) and found.fits(C, NONE) and not found.fits(D, RA)


def test_a_signature_counts_for_its_bytes_its_visit_and_its_step() -> None:
    value = Thing(actions=(Action(id="1", by=C),))
    good = signed("approve", "approved", "qa", B)
    assert list(given(APPROVE, at(value, good)).values()) == [good]
    for other in (
        replace(good, sha256="00" * 32),
        replace(good, revision=1),
        replace(good, step="other"),
        replace(good, meaning="verified"),
        replace(good, role="ra"),
        replace(good, by=A),  # the owner, who stands apart
    ):
        assert given(APPROVE, at(value, other)) == {}


def test_two_signatures_of_one_step_are_two_persons() -> None:
    value = Thing(actions=(Action(id="1", by=B),))
    mine = signed("approve", "approved", "qa", B)
    also = signed("approve", "approved", f"each:actions.by:{B}", B)
    assert len(given(APPROVE, at(value, mine, also))) == 1
    assert [s.role for s in waiting(APPROVE, at(value, mine, also))] == [f"each:actions.by:{B}"]
    again = slot_for(APPROVE, at(value, mine), person=B, roles=QA, meaning="approved")
    assert "SOD-18" in str(again)


def test_who_is_no_longer_named_no_longer_counts() -> None:
    was = signed("approve", "approved", f"each:actions.by:{C}", C)
    assert given(APPROVE, at(Thing(actions=(Action(id="1", by=D),)), was)) == {}


def test_an_author_does_not_approve() -> None:
    value = Thing(actions=(Action(id="1", by=C),))
    found = slot_for(APPROVE, at(value, authors=frozenset({B})), person=B, roles=QA, meaning="approved")
    assert "wrote" in str(found)
    assert given(APPROVE, at(value, signed("approve", "approved", "qa", B), authors=frozenset({B}))) == {}


@pytest.mark.parametrize(
    "person, roles, meaning, role, words",
    [
        (B, QA, "approved", "", None),
        (B, QA, "approved", "ra", "no signature"),
        (B, QA, "witnessed", "", "no signature “witnessed”"),
        (B, RA, "approved", "", "This signature is for quality assurance or Carol."),
        (A, QA, "approved", "", "You can't give this signature"),
    ],
)
def test_the_slot_for_a_person_or_why_there_is_none(
    person: Person, roles: frozenset[str], meaning: str, role: str, words: str | None
) -> None:
    value = Thing(actions=(Action(id="1", by=C),))
    here = at(value, people={str(C): Known("Carol")})
    found = slot_for(APPROVE, here, person=person, roles=roles, meaning=meaning, role=role)
    assert words in found if words and isinstance(found, str) else not isinstance(found, str)


def test_a_signature_is_given_once() -> None:
    only = step("x", "open", "closed", anyone, Sign("verified", by=role("qa")))
    assert "has been given" in str(
        slot_for(only, at(None, signed("x", "verified", "qa", B)), person=C, roles=QA, meaning="verified")
    )


def test_apart_from_who_signed_an_earlier_step() -> None:
    close = step(
        "close", "open", "closed", anyone, Sign("closed", by=role("qa"), apart=("signer:conclude", "author"))
    )
    first = signed("conclude", "authored", "qa", C, revision=1)
    second = signed("conclude", "authored", "qa", B, revision=2)
    (slot,) = slots(close, at(None, first, second, authors=frozenset({D})))
    assert slot.apart == {B, D}  # of the last time it was taken


# Time


def test_working_days_leave_out_weekends_and_holidays() -> None:
    friday = datetime(2026, 3, 6, 15, tzinfo=UTC)
    assert working_days(1).after(friday).date() == date(2026, 3, 9)
    assert working_days(5).after(friday).date() == date(2026, 3, 13)
    assert working_days(1).after(friday, frozenset({date(2026, 3, 9)})).date() == date(2026, 3, 10)
    assert days(2).after(friday).date() == date(2026, 3, 8)
    assert hours(48).after(friday) == friday + timedelta(hours=48)
    assert (str(working_days(5)), str(hours(1))) == ("5 working days", "1 hour")


def limited(**more: Any) -> Process:
    keep: dict[str, Any] = {"start": "open", "stop": "closed", "within": working_days(5), "says": "Close it"}
    return process(step("close", "open", "closed", anyone), limits=(limit("CAP-01", **{**keep, **more}),))


def test_a_limit_asks_why_only_when_it_is_late() -> None:
    p, go = limited(), limited().steps[0]
    early = case(since={"open": NOW - timedelta(days=2)})
    late = case(since={"open": NOW - timedelta(days=30)})
    assert shut(p, go, early) == ()
    (found,) = findings(p, go, late)
    assert (found.rule, found.severity, found.refuses) == ("CAP-01", "late", False)
    assert shut(p, go, replace(late, reason="The laboratory was closed")) == ()


def test_a_limit_may_start_at_a_day_or_moment_and_depend_on_the_case() -> None:
    p = limited(start="at", within=lambda c: hours(1) if c.content.good else hours(100))
    start = NOW - timedelta(hours=3)
    assert clocks(p, case()) == ()
    assert [c.late(NOW) for c in clocks(p, case(Thing(at=start)))] == [False]
    assert [c.late(NOW) for c in clocks(p, case(Thing(at=start, good=True)))] == [True]
    assert clocks(limited(start="due"), case(Thing(due=date(2026, 3, 2))))[0].start == datetime(
        2026, 3, 2, tzinfo=UTC
    )


def test_a_clock_stops_and_starts_again() -> None:
    p, began = limited(), NOW - timedelta(days=30)
    (stopped,) = clocks(p, case(state="closed", since={"open": began, "closed": began + timedelta(days=1)}))
    assert stopped.stopped and not stopped.late(NOW)
    (again,) = clocks(p, case(since={"open": NOW, "closed": began}))
    assert again.stopped is None


def test_clocks_of_the_law_stand_beside_the_limits() -> None:
    def legal(case: Case[Any]) -> tuple[Clock, ...]:
        return (
            Clock(rule="GB-SI", label="Report", start=NOW, due=NOW + timedelta(days=15), confidence="low"),
        )

    p = replace(limited(), clocks=(legal,))
    assert [c.rule for c in clocks(p, case(since={"open": NOW}))] == ["CAP-01", "GB-SI"]


def test_a_case_knows_people_and_links() -> None:
    here = case(people={str(B): Known("Bea", QA)}, links=(Linked("leads_to", "capa", "CAPA-1", "opened"),))
    assert (here.name_of(B), here.name_of(None), here.name_of(C)) == ("Bea", "nobody", "someone unknown")
    assert (
        here.holds(B, "qa", "ra")
        and not here.holds(B, "ra")
        and not here.holds(C, "qa")
        and not here.holds(None, "qa")
    )
    assert len(here.linked("leads_to")) == 1 and here.linked("leads_to", "document") == ()


def test_a_signature_by_whom_nobody_can_be_is_a_slot_that_nobody_fits() -> None:
    odd = step("x", "open", "closed", anyone, Sign("verified", by=system(when=problem_is_told)))
    (found,) = slots(odd, at())
    assert not found.fits(A, QA)
