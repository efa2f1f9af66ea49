"""What a POST is read as: JSON values that the writer takes, or a sentence beside the field."""

from datetime import UTC
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vouchsafe.kernel.fields import (
    Device,
    File,
    Hidden,
    Row,
    choice,
    content,
    day,
    device,
    evidence,
    moment,
    number,
    person,
    rows,
    text,
    yes_no,
)
from vouchsafe.web import forms

PERSON = "a" * 32


class Market(StrEnum):
    EU, US = "EU", "US"


@content
class Line(Row):
    market: Market | None = choice("Market", Market)
    why: str | None = text("Why")
    on: Any = day("On")


@content
class Sample:
    words: str | None = text("Words")
    secret: Any = text("Secret", personal=True)
    at: Any = moment("At")
    on: Any = day("On")
    share: Any = number("Share", "%")
    sure: bool | None = yes_no("Sure?")
    who: Any = person("Who")
    unit: Any = device("Unit")
    proof: Any = evidence("Proof")
    lines: tuple[Line, ...] = rows("Lines", Line, one_per="market")


def attach(upload: Any) -> File:
    return File("b" * 64, upload, 3)


def resolve(text: str) -> Device | str:
    return Device("T4-1", "0506", "L1") if text == "T4-1" else f"No device {text}."


def parse(post: dict[str, str], before: Any = None, names: Any = None, files: Any = None) -> forms.Parsed:
    read = forms.Reading(
        post=post, files=files or {}, zone=ZoneInfo("Europe/London"), attach=attach, resolve=resolve
    )
    every = ["words", "secret", "at", "on", "share", "sure", "who", "unit", "proof", "lines"]
    return forms.parse(Sample, before or Sample(), names or every, read=read)


def test_values_are_read_in_the_readers_zone_and_words() -> None:
    got = parse(
        {
            "f.words": " said \r\n twice ",
            "f.at": "2026-07-01T10:30",
            "f.on": "2026-07-02",
            "f.share": "95,5",
            "f.sure": "no",
            "f.who": PERSON,
            "f.unit": "T4-1",
        }
    )
    assert got.errors == {}
    assert got.changes == {
        "words": "said \n twice",
        "at": "2026-07-01T09:30:00+00:00",
        "on": "2026-07-02",
        "share": "95.5",
        "sure": False,
        "who": PERSON,
        "unit": {"serial": "T4-1", "di": "0506", "lot": "L1"},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at", "soon"), ("at", "0000-00-00T00:00"), ("on", "31 June"), ("on", "2026-02-30"), ("share", "NaN"),
        ("share", "1e999"), ("share", "many"), ("sure", "maybe"), ("who", "me"), ("unit", "T5"), ("words", "\x00"),
        ("words", "x" * 20_001),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_a_sentence_and_no_value(name: str, value: str) -> None:
    got = parse({f"f.{name}": value})
    assert list(got.errors) == [f"f.{name}"]
    assert got.errors[f"f.{name}"].endswith(".")
    assert name not in got.changes


def test_a_field_that_was_not_sent_stays_as_it_is() -> None:
    assert parse({}).changes == {}


def test_a_field_that_may_not_be_written_is_not_even_read() -> None:
    assert parse({"f.words": "x", "f.on": "2026-01-01"}, names=["on"]).changes == {"on": "2026-01-01"}


def test_a_hidden_personal_value_is_left_alone_unless_typed_anew() -> None:
    before = Sample(secret=Hidden("c" * 64))
    assert parse({"f.secret": ""}, before).changes == {}
    assert parse({"f.secret": "new"}, before).changes == {"secret": "new"}


def test_rows_keep_their_ids_and_the_empty_last_one_falls_away() -> None:
    before = Sample(lines=(Line(id="r1", market=Market.EU, why="old"),))
    got = parse(
        {
            "f.lines.sent": "1", "f.lines.0.id": "r1", "f.lines.0.market": "EU", "f.lines.0.why": "new",
            "f.lines.1.id": "", "f.lines.1.market": "US", "f.lines.1.why": "first",
            "f.lines.2.id": "", "f.lines.2.market": "", "f.lines.2.why": " ",
        },
        before,
    )  # fmt: skip
    assert got.changes["lines"] == [
        {"id": "r1", "market": "EU", "why": "new"},
        {"market": "US", "why": "first"},
    ]


def test_a_row_that_says_nothing_but_its_given_choice_is_not_written() -> None:
    got = parse({"f.lines.sent": "1", "f.lines.0.id": "", "f.lines.0.market": "US", "f.lines.0.why": ""})
    assert got.changes["lines"] == []


def test_removing_all_rows_empties_the_field() -> None:
    before = Sample(lines=(Line(id="r1", market=Market.EU, why="old"),))
    assert parse({"f.lines.sent": "1"}, before).changes == {"lines": []}


def test_a_step_that_may_fill_one_column_changes_no_other() -> None:
    before = Sample(lines=(Line(id="r1", market=Market.EU, why="old"),))
    got = parse(
        {"f.lines.sent": "1", "f.lines.0.id": "r1", "f.lines.0.why": "forged", "f.lines.0.on": "2026-01-02"},
        before,
        names=["lines.on"],
    )
    assert got.changes["lines"] == [{"id": "r1", "on": "2026-01-02"}]


def test_too_many_rows_are_refused_and_the_old_ones_stay() -> None:
    post = {"f.lines.sent": "1", **{f"f.lines.{k}.why": "x" for k in range(forms.MAX_ROWS + 1)}}
    got = parse(post, Sample(lines=(Line(id="r1", market=Market.EU),)))
    assert "at most" in got.errors["f.lines"]
    assert got.changes["lines"] == [{"id": "r1"}]


def test_half_of_an_evidence_is_said_to_be_missing_the_rest() -> None:
    got = parse({"f.proof.sent": "1", "f.proof.reference": "RPT-7", "f.proof.by": "", "f.proof.on": ""})
    assert "the person, the day, the file" in got.errors["f.proof"]


def test_whole_evidence_is_taken() -> None:
    post = {
        "f.proof.sent": "1",
        "f.proof.reference": "RPT-7",
        "f.proof.by": PERSON,
        "f.proof.on": "2026-01-02",
    }
    got = parse(post, files={"f.proof.file": "report.pdf"})
    assert got.changes["proof"] == {
        "reference": "RPT-7",
        "sha256": "b" * 64,
        "by": PERSON,
        "on": "2026-01-02",
    }


def test_each_market_without_a_row_gets_one_that_cannot_be_removed() -> None:
    draw = forms.Drawing(people=[], zone=UTC)
    made = forms.controls(Sample, Sample(lines=(Line(id="r1", market=Market.EU),)), ["lines"], draw=draw)[0]
    markets = [next(o.value for o in row.parts[0].options if o.on) for row in made.rows]
    assert markets == ["EU", "US"]
    assert [row.removable for row in made.rows] == [True, False]
