"""Each thing that can be wrong with a declaration, broken in that one way."""

from typing import Any

import pytest

from tests.kernel.test_declare import process
from vouchsafe.kernel.declare import (
    STAY,
    Case,
    Process,
    Row,
    Sign,
    anyone,
    board,
    clears,
    content,
    days,
    each,
    edit,
    faults,
    filled,
    gate,
    limit,
    linked,
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
)


@gate("CAP-07")
def fine(case: Case[Any]) -> str | None:
    """Fine."""
    return None


@gate("CAP-99")
def unknown_rule(case: Case[Any]) -> str | None:
    """Names a rule that nobody has."""
    return None


@warn("CAP-07")
def soft_block(case: Case[Any]) -> str | None:
    """Only warns about a block rule."""
    return None


@gate("CAP-07", fields=("nothing",))
def wrong_field(case: Case[Any]) -> str | None:
    """Points at a field that isn't there."""
    return None


ALL = may_write("problem", "good", "weight", "due", "at", "verifier", "actions", "places", "proof")
GO = step("go", "open", "closed", role("qa"), ALL)


def sound(*steps: Any, **more: Any) -> Process:
    return process(*(steps or (GO,)), **more)


def test_a_sound_process_has_no_faults() -> None:
    assert faults(sound()) == []
    assert faults(sound(), known=["thing"]) == []


@content
class NoRow:
    what: str | None = text("What")


@content
class Nested(Row):
    inner: tuple[Any, ...] = rows("Inner", NoRow)


@content
class Odd:
    one: tuple[Any, ...] = rows("One", NoRow)
    two: tuple[Any, ...] = rows("Two", Nested)
    three: tuple[Any, ...] = rows("Three", Nested, one_per="inner")


@content
class Twice(Row):
    a: str | None = person("A")
    b: str | None = person("B")


@content
class TwoPersons:
    people: tuple[Twice, ...] = rows("People", Twice)


BROKEN = [
    ("'Thing'", lambda: sound(key="Thing")),
    ("number format", lambda: sound(number="THG-{n}")),
    ("sentence case", lambda: sound(title="thing")),
    ("state 'far' can't be reached", lambda: sound(GO, step("x", "far", "closed", anyone))),
    ("end state 'closed' has a way out", lambda: sound(GO, step("x", "closed", "open", anyone))),
    ("state 'lost' has no way out", lambda: sound(GO, step("x", "open", "lost", anyone))),
    ("state 'open' has no way out", lambda: sound(step("x", "open", STAY, anyone, ALL))),
    ("two steps 'go' leave 'open'", lambda: sound(GO, step("go", "open", "closed", anyone))),
    (
        "step 'x' names the unknown field 'nope'",
        lambda: sound(GO, step("x", "open", "closed", anyone, needs("nope"))),
    ),
    ("unknown field 'gone'", lambda: sound(GO, step("x", "open", "closed", anyone, clears("gone")))),
    (
        "unknown field 'ours'",
        lambda: sound(GO, step("x", "open", STAY, anyone, opens("thing", "leads_to", copy={"a": "ours"}))),
    ),
    ("an edit in open names the unknown field 'nope'", lambda: sound(edits=(edit("open", owner, "nope"),))),
    (
        "gate 'wrong_field' names the unknown field",
        lambda: sound(GO, step("x", "open", "closed", anyone, wrong_field)),
    ),
    (
        "rows of 'one' are not of a class that is a Row",
        lambda: sound(step("x", "open", "closed", anyone), content=Odd),
    ),
    ("rows of 'two' have rows of their own", lambda: sound(step("x", "open", "closed", anyone), content=Odd)),
    (
        "one row per 'inner', which is not a choice",
        lambda: sound(step("x", "open", "closed", anyone), content=Odd),
    ),
    ("nobody may write 'problem'", lambda: sound(step("x", "open", "closed", anyone))),
    ("unknown role 'wizard'", lambda: sound(GO, opened_by=role("wizard"))),
    ("unknown board 'moon'", lambda: sound(GO, step("x", "open", "closed", board("moon")))),
    ("'problem' names no person", lambda: sound(GO, step("x", "open", "closed", named("problem")))),
    (
        "'people' names no person",
        lambda: sound(step("x", "open", "closed", each("people"), may_write("people")), content=TwoPersons),
    ),
    ("'nobody' names no person", lambda: sound(edits=(edit("open", named("nobody"), "problem"),))),
    (
        "is the system's and can't be signed",
        lambda: sound(GO, step("x", "open", "closed", system(when=fine), Sign("closed", by=owner))),
    ),
    (
        "is the system's and can't write",
        lambda: sound(GO, step("x", "open", "closed", system(when=fine), may_write("good"))),
    ),
    (
        "not a meaning of the closed list",
        lambda: sound(GO, step("x", "open", "closed", anyone, Sign("agreed", by=owner))),
    ),
    ("anyone can't sign", lambda: sound(GO, step("x", "open", "closed", anyone, Sign("closed", by=anyone)))),
    (
        "nobody stands apart from 'problem'",
        lambda: sound(GO, step("x", "open", "closed", anyone, Sign("closed", by=owner, apart=("problem",)))),
    ),
    (
        "nobody stands apart from 'signer:no'",
        lambda: sound(
            GO, step("x", "open", "closed", anyone, Sign("closed", by=owner, apart=("signer:no",)))
        ),
    ),
    (
        "nobody stands apart from 'go'",
        lambda: sound(GO, step("x", "open", "closed", anyone, Sign("closed", by=owner, apart=("go",)))),
    ),
    ("the pack has no process 'XYZ'", lambda: sound(rules="XYZ")),
    ("no retention rule 'forever'", lambda: sound(retention="forever")),
    (
        "gate 'unknown_rule' names the unknown rule 'CAP-99'",
        lambda: sound(GO, step("x", "open", "closed", anyone, unknown_rule)),
    ),
    (
        "only warns about CAP-07, which is a block rule",
        lambda: sound(GO, step("x", "open", "closed", anyone, soft_block)),
    ),
    (
        "a bare yes or no opens CAP-07",
        lambda: sound(GO, step("x", "open", "closed", anyone, filled("good", rule="CAP-07"))),
    ),
    (
        "unknown rule 'CAP-98'",
        lambda: sound(GO, step("x", "open", "closed", anyone, Sign("closed", by=owner, rule="CAP-98"))),
    ),
    (
        "unknown rule 'CAP-97'",
        lambda: sound(limits=(limit("CAP-97", start="open", stop="closed", within=days(1)),)),
    ),
    ("unknown rule 'CAP-96'", lambda: sound(standings=(standing("CAP-96", fine, during="open"),))),
    ("state 'open' is in 0 stages", lambda: sound(stages={"All": "closed"})),
    ("state 'open' is in 2 stages", lambda: sound(stages={"All": "open closed", "More": "open"})),
    ("stages: unknown state 'moon'", lambda: sound(stages={"All": "open closed moon"})),
    ("ends: unknown state 'moon'", lambda: sound(ends=("closed", "moon"))),
    ("settled: unknown state 'moon'", lambda: sound(settled=("moon",))),
    ("labels: unknown state 'moon'", lambda: sound(labels={"moon": "Moon"})),
    ("an edit: unknown state 'moon'", lambda: sound(edits=(edit("moon", owner, "problem"),))),
    (
        "a standing rule: unknown state 'moon'",
        lambda: sound(standings=(standing("CAP-20", fine, during="moon"),)),
    ),
    ("step 'x' does nothing", lambda: sound(GO, step("x", "*", STAY, anyone))),
    (
        "starts at 'problem'",
        lambda: sound(limits=(limit("CAP-01", start="problem", stop="closed", within=days(1)),)),
    ),
    (
        "stops at the unknown state 'moon'",
        lambda: sound(limits=(limit("CAP-01", start="open", stop="moon", within=days(1)),)),
    ),
    (
        "which can't say why it is late",
        lambda: sound(
            GO,
            step("x", "open", "closed", system(when=fine)),
            limits=(limit("CAP-01", start="open", stop="closed", within=days(1)),),
        ),
    ),
    ("unknown relation 'likes'", lambda: sound(relations={"likes": ("thing",)})),
    (
        "opens a 'capa', which 'leads_to' doesn't lead to",
        lambda: sound(GO, step("x", "open", STAY, anyone, opens("capa", "leads_to"))),
    ),
    (
        "moves along the unknown relation 'revises'",
        lambda: sound(GO, step("x", "open", STAY, anyone, moves("revises", "go"))),
    ),
    (
        "asks for the unknown relation 'arises_from'",
        lambda: sound(
            GO,
            step(
                "x", "open", "closed", anyone, linked("arises_from", "thing", state="closed", rule="CAP-12")
            ),
        ),
    ),
]


@pytest.mark.parametrize("words, broken", BROKEN, ids=[words for words, _ in BROKEN])
def test_each_fault_is_named(words: str, broken: Any) -> None:
    assert [f for f in faults(broken()) if words in f], faults(broken())


@pytest.mark.parametrize("meaning", ["reviewed", "approved", "verified", "closed"])
def test_nobody_judges_what_the_same_step_lets_them_write(meaning: str) -> None:
    own = step("x", "open", "closed", role("qa"), needs("problem"), Sign(meaning, by=role("qa")))
    assert any("writes what its own signature" in f for f in faults(sound(GO, own)))


def test_authored_and_performed_may_write() -> None:
    own = step("x", "open", "closed", owner, needs("problem"), Sign("authored", by=owner))
    assert faults(sound(GO, own)) == []


def test_clearing_is_not_writing() -> None:
    back = step("x", "open", "closed", role("qa"), clears("problem"), Sign("approved", by=role("qa")))
    assert faults(sound(GO, back)) == []


def test_a_relation_leads_to_a_process_that_exists() -> None:
    p = sound(relations={"leads_to": ("moon",)})
    assert faults(p) == []
    assert "relation 'leads_to': no process 'moon'" in faults(p, known=["thing"])


def test_invariants_and_separation_of_duties_are_rules_too() -> None:
    @gate("INV-12")
    def links_are_closed(case: Case[Any]) -> str | None:
        """Linked records are closed."""
        return None

    @warn("SOD-06")
    def apart(case: Case[Any]) -> str | None:
        """They are apart."""
        return None

    assert faults(sound(GO, step("x", "open", "closed", anyone, links_are_closed))) == []
    assert any("SOD-06" in f for f in faults(sound(GO, step("x", "open", "closed", anyone, apart))))


def test_a_row_may_be_written_by_its_columns_alone() -> None:
    some = step("go", "open", "closed", role("qa"), may_write("actions.what"))
    rest = edit("open", owner, "problem", "good", "weight", "due", "at", "verifier", "places", "proof")
    assert faults(sound(some, edits=(rest,))) == []
