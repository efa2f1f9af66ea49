"""The words of the process language: fields, gates, steps, who may, signatures, time."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest

from vouchsafe.kernel.declare import (
    STAY,
    Case,
    Evidence,
    Hidden,
    Linked,
    Person,
    Process,
    Row,
    Sign,
    anyone,
    because,
    changes_between,
    choice,
    clears,
    content,
    day,
    due_system_steps,
    edit,
    evidence,
    field_of,
    fields_of,
    filled,
    gate,
    has_substance,
    linked,
    may,
    may_write,
    moment,
    moves,
    needs,
    number,
    opens,
    overridden,
    owner,
    person,
    persons_at,
    proves,
    role,
    rows,
    shut,
    standing,
    standing_findings,
    step,
    stray_changes,
    system,
    text,
    warn,
    writable,
    yes_no,
)
from vouchsafe.kernel.fields import values_at

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)  # a Wednesday
A, B, C, D = (Person(c * 32) for c in "abcd")
QA, RA, NONE = frozenset({"qa"}), frozenset({"ra"}), frozenset[str]()


class Place(StrEnum):
    HERE, THERE = "here", "there"


@content
class Action(Row):
    what: str | None = text("What")
    by: Person | None = person("By")
    place: Place | None = choice("Place", Place)


@content
class Thing:
    problem: str | None = text("Problem")
    good: bool | None = yes_no("Good?")
    weight: Decimal | None = number("Weight", "kg")
    due: date | None = day("Due", due=True)
    at: datetime | None = moment("At")
    verifier: Person | None = person("Verifier")
    actions: tuple[Action, ...] = rows("Actions", Action, least=1)
    places: tuple[Action, ...] = rows("Places", Action, one_per="place")
    proof: Evidence | None = evidence("Proof")


@gate("CAP-07", basis="ISO 13485:2016 8.5.2 b", fields=("problem",), who="the owner")
def problem_is_told(case: Case[Thing]) -> str | None:
    """The problem
    is told."""
    return None if case.content.problem else "Tell the problem."


@gate("CAP-08", asks=("units_open",))
def no_units(case: Case[Thing]) -> str | None:
    """No unit is open."""
    return None if case.answers["units_open"] == 0 else "A unit is open."


@warn("CAP-21")
def it_is_light(case: Case[Thing]) -> str | None:
    """It is light."""
    return "It is heavy." if (case.content.weight or 0) > 10 else None


def process(*steps: Any, **more: Any) -> Process:
    states = {n for s in steps for n in (*s.frm, s.to) if n not in ("", "*")} | {more.get("begins", "open")}
    given: dict[str, Any] = {
        "key": "thing",
        "title": "Thing",
        "rules": "CAP",
        "number": "THG-{year}-{n:04}",
        "content": Thing,
        "begins": "open",
        "ends": ("closed",),
        "settled": ("closed",),
        "stages": {"All": " ".join(sorted(states))},
        "relations": {},
    }
    return Process(steps=steps, **{**given, **more})


def case(value: Thing | None = None, **more: Any) -> Case[Thing]:
    return Case(content=value or Thing(), now=NOW, **{"state": "open", "owner": A, **more})


# Fields


def test_fields_are_data() -> None:
    found = {f.name: f for f in fields_of(Thing)}
    assert found["weight"].unit == "kg"
    assert found["due"].due
    assert found["actions"].row is Action
    assert [f.name for f in fields_of(Action)] == ["what", "by", "place"]
    assert found["good"].short and not found["problem"].short
    assert field_of(Thing, "actions.by") == field_of(Action, "by")
    assert field_of(Thing, "nothing") is None
    assert field_of(Thing, "problem.x") is None


def test_a_field_that_no_word_declared_is_refused() -> None:
    @content
    class Odd:
        name: str = ""

    with pytest.raises(TypeError, match="not declared by a word"):
        fields_of(Odd)
    with pytest.raises(TypeError, match="not marked"):
        fields_of(int)


def test_a_content_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        Thing().problem = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    "value, good",
    [
        ("The filter was missing", True),
        ("n/a n/a n/a n/a", False),
        ("tbd", False),
        ("done done done done", False),
        ("xxxxxxxxxxxx xxxxxxx", False),
        (None, False),
        ("short", False),
        (Hidden("00" * 32), True),
    ],
)
def test_a_reason_has_substance_or_is_none(value: Any, good: bool) -> None:
    assert has_substance(value) is good


HEX = "ab" * 32


@pytest.mark.parametrize(
    "value, good",
    [
        (Evidence("R", HEX, A, date(2026, 3, 4)), True),
        (Evidence("R", HEX, A, date(2026, 3, 5)), False),
        (Evidence(" ", HEX, A, date(2026, 3, 4)), False),
        (Evidence("R", "", A, date(2026, 3, 4)), False),
        (Evidence("R", HEX, Person("ingrid"), date(2026, 3, 4)), False),
        (True, False),
        (None, False),
    ],
)
def test_evidence_is_all_four_things_or_nothing(value: Any, good: bool) -> None:
    assert proves(value, today=NOW.date()) is good


def test_persons_are_found_by_path() -> None:
    value = Thing(verifier=B, actions=(Action(id="1", by=C), Action(id="2", by=D), Action(id="3")))
    assert persons_at(value, "verifier") == {B}
    assert persons_at(value, "actions.by") == {C, D}
    assert persons_at(value, "actions") == {C, D}
    assert persons_at(Thing(), "verifier") == frozenset()
    assert values_at(value, "actions.what") == ()


def test_changes_are_named_by_column_unless_rows_come_or_go() -> None:
    before = Thing(problem="a", actions=(Action(id="1", what="x"), Action(id="2")))
    assert changes_between(before, before) == frozenset()
    assert changes_between(before, replace(before, problem="b", good=True)) == {"problem", "good"}
    columns = replace(before, actions=(Action(id="1", what="y"), Action(id="2", by=A)))
    assert changes_between(before, columns) == {"actions.what", "actions.by"}
    assert changes_between(before, replace(before, actions=before.actions[:1])) == {"actions"}
    assert changes_between(before, replace(before, actions=before.actions[::-1])) == {"actions"}


def test_a_column_that_may_be_changed_does_not_open_the_rows() -> None:
    assert stray_changes(frozenset({"actions.what"}), frozenset({"actions"})) == frozenset()
    assert stray_changes(frozenset({"actions"}), frozenset({"actions.what"})) == {"actions"}
    assert stray_changes(frozenset({"actions.by"}), frozenset({"actions.what"})) == {"actions.by"}


# Gates


def test_a_gate_says_its_rule_and_its_sentence() -> None:
    go = step("go", "open", "closed", role("qa"), problem_is_told)
    (found,) = shut(process(go), go, case())
    assert (found.rule, found.sentence, found.severity) == ("CAP-07", "Tell the problem.", "block")
    assert (found.who, found.fields, found.basis) == ("the owner", ("problem",), "ISO 13485:2016 8.5.2 b")
    assert problem_is_told.says == "The problem is told."
    assert shut(process(go), go, case(Thing(problem="x"))) == ()


def test_a_gate_without_a_docstring_is_refused() -> None:
    with pytest.raises(TypeError, match="needs a docstring"):

        @gate("CAP-07")
        def bare(case: Case[Thing]) -> str | None:
            return None


@pytest.mark.parametrize("answers", [{}, {"units_open": None}])
def test_no_answer_keeps_the_gate_shut(answers: dict[str, Any]) -> None:
    assert no_units(case(answers=answers)) == "Not known here yet: units open."


def test_an_answer_opens_or_shuts_it() -> None:
    assert no_units(case(answers={"units_open": 0})) is None
    assert no_units(case(answers={"units_open": 2})) == "A unit is open."


def test_a_warning_opens_with_a_reason_of_substance_only() -> None:
    go = step("go", "open", "closed", role("qa"), it_is_light)
    heavy, p = case(Thing(weight=Decimal(11))), process(go)
    assert [f.severity for f in shut(p, go, heavy)] == ["warn"]
    assert shut(p, go, replace(heavy, reason="n/a"))
    told = replace(heavy, reason="The frame must carry the load")
    assert shut(p, go, told) == ()
    assert [f.rule for f in overridden(p, go, told)] == ["CAP-21"]
    assert overridden(p, go, heavy) == ()


def test_a_block_rule_is_not_opened_by_a_reason() -> None:
    go = step("go", "open", "closed", role("qa"), problem_is_told)
    assert shut(process(go), go, case(reason="The frame must carry the load"))
    assert overridden(process(go), go, case(reason="The frame must carry the load")) == ()


def test_needs_names_what_is_empty_and_lets_the_step_write_it() -> None:
    go = step("go", "open", "closed", role("qa"), needs("problem", "good"), may_write("weight"))
    (found,) = shut(process(go), go, case(Thing(problem="  ")))
    assert found.sentence == "Fill in: Problem; Good?"
    assert go.writes == {"problem", "good", "weight"}
    assert shut(process(go), go, case(Thing(problem="x", good=False))) == ()


def test_filled_waits_for_others_and_writes_nothing() -> None:
    go = step("go", "open", "closed", role("qa"), filled("problem", who="the owner"))
    assert go.writes == frozenset()
    assert shut(process(go), go, case())[0].who == "the owner"


def test_rows_have_their_least_and_one_each() -> None:
    waits = needs("actions", "places", "actions.what")
    assert waits(case()) == "Fill in: Actions (at least 1); Places: here; Places: there."
    twice = Thing(
        actions=(Action(id="1"),),
        places=(
            Action(id="1", place=Place.HERE),
            Action(id="2", place=Place.HERE),
            Action(id="3", place=Place.THERE),
        ),
    )
    assert waits(case(twice)) == "Fill in: Places: one row only for here; What (Actions, row 1)."
    assert "nothing" in str(needs("nothing")(case()))


def test_because_asks_for_a_reason() -> None:
    assert because("What is new.")(case()) == "Give a reason: what is new."
    assert because("What is new.")(case(reason="A second device failed")) is None


def test_a_rejection_asks_for_its_reason_unasked() -> None:
    no = step("no", "open", "closed", role("qa"), Sign("rejected", by=role("qa")))
    assert [f.name for f in shut(process(no), no, case())] == ["reason_given"]


@pytest.mark.parametrize(
    "links, words",
    [
        ((), "Link the capa that this leads to."),
        (
            (Linked("leads_to", "capa", "CAPA-1", "opened"),),
            "CAPA-1 is opened: it must be closed or effective first.",
        ),
        ((Linked("leads_to", "capa", "CAPA-1", "effective"),), None),
        ((Linked("leads_to", "document", "DOC-1", "closed"),), "Link the capa that this leads to."),
    ],
)
def test_a_link_gate_sees_the_state_of_the_other_record(links: Any, words: str | None) -> None:
    waits = linked("leads_to", "capa", state="closed effective", rule="CAP-12", least=1)
    assert waits(case(links=links)) == words


def test_a_link_gate_without_a_least_is_open_while_nothing_is_linked() -> None:
    assert linked("leads_to", "capa", state="closed", rule="CAP-12")(case()) is None


def test_a_standing_rule_is_met_before_its_states_are_left() -> None:
    stay = step("stay", "open", "waiting", anyone)
    go = step("go", "open waiting", "closed", anyone)
    p = process(stay, go, standings=(standing("FSC-16", problem_is_told, during="open waiting"),))
    assert [f.rule for f in standing_findings(p, case())] == ["FSC-16"]
    assert shut(p, stay, case()) == ()
    assert [f.rule for f in shut(p, go, case())] == ["FSC-16"]
    assert standing_findings(p, case(state="closed")) == ()
    assert shut(p, go, case(Thing(problem="x"))) == ()


# Steps


def test_a_wildcard_leaves_every_state_but_the_ends() -> None:
    go, drop = step("go", "open", "closed", anyone), step("drop", "*", "dropped", anyone)
    p = process(go, drop, ends=("closed", "dropped"))
    assert p.leaves_from(drop) == ("open",)
    assert p.step("drop", "open") is drop
    assert p.step("drop", "closed") is None
    assert p.steps_from("open") == (go, drop)


def test_a_step_may_stay() -> None:
    more = step("more", "open", STAY, anyone, opens("capa", "leads_to", copy={"what": "problem"}))
    p = process(more, step("go", "open", "closed", anyone))
    assert more.target("open") == "open"
    assert more.opens[0].copy == (("what", "problem"),)
    assert p.states == ("open", "closed")


def test_moves_and_clears_are_kept() -> None:
    go = step("go", "open", "closed", anyone, moves("revises", "supersede"), clears("problem"), label="Go on")
    assert (go.moves[0].relation, go.clears, go.label) == ("revises", ("problem",), "Go on")


def test_states_have_stages_and_labels() -> None:
    p = process(
        step("go", "open", "closed", anyone),
        stages={"First": "open", "Last": "closed"},
        labels={"open": "At work"},
    )
    assert (p.stage("open"), p.stage("closed"), p.stage("other")) == ("First", "Last", "")
    assert (p.label("open"), p.label("closed")) == ("At work", "Closed")


def test_due_is_the_earliest_due_day_until_it_is_settled() -> None:
    p = process(step("go", "open", "closed", anyone))
    value = Thing(due=date(2026, 4, 1))
    assert p.due_of(case(value)) == date(2026, 4, 1)
    assert p.due_of(case(value, state="closed")) is None
    assert p.due_of(case()) is None
    assert replace(p, due=lambda c: date(2027, 1, 1)).due_of(case(value)) == date(2027, 1, 1)


def test_what_may_be_written_depends_on_state_and_person() -> None:
    go = step("go", "open", "closed", role("qa"), needs("good"))
    p = process(go, edits=(edit("open", owner | role("ra"), "problem", "actions.what"),))
    assert writable(p, case(), person=A, roles=NONE) == {"problem", "actions.what"}
    assert writable(p, case(), person=B, roles=QA) == {"good"}
    assert writable(p, case(), person=B, roles=RA | QA) == {"good", "problem", "actions.what"}
    assert writable(p, case(state="closed"), person=A, roles=QA) == frozenset()
    assert p.opening_fields == {"good", "problem", "actions.what"}


def test_the_worker_takes_a_system_step_once_its_gate_opens() -> None:
    wait = step("wait", "open", "closed", system(when=problem_is_told))
    p = process(wait)
    assert due_system_steps(p, case()) == ()
    assert due_system_steps(p, case(Thing(problem="x"))) == (wait,)
    assert not may(wait.by, case(), person=A, roles=QA)
