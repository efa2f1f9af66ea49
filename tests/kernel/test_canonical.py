"""The canonical bytes, and contents as JSON and back."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchsafe.kernel.canonical import (
    LIMITS,
    Malformed,
    canonical,
    digest,
    facts_of,
    merge,
    pack,
    parse,
    read,
    unpack,
)
from vouchsafe.kernel.declare import (
    Device,
    Evidence,
    File,
    Hidden,
    Person,
    Row,
    choice,
    content,
    day,
    device,
    evidence,
    fields_of,
    file,
    markdown,
    moment,
    number,
    person,
    rows,
    text,
    yes_no,
)

HEX = "ab" * 32
WHO = "cd" * 16


class Colour(StrEnum):
    RED, BLUE = "red", "blue"


@content
class Line(Row):
    what: str | None = text("What")
    by: Person | None = person("By")
    secret: str | None = text("Secret", personal=True)


@content
class Sheet:
    title: str | None = text("Title")
    body: str | None = markdown("Body")
    on: date | None = day("On")
    at: datetime | None = moment("At")
    colour: Colour | None = choice("Colour", Colour)
    good: bool | None = yes_no("Good?")
    weight: Decimal | None = number("Weight", "kg")
    owner: Person | None = person("Owner")
    attached: File | None = file("Attached")
    unit: Device | None = device("Unit")
    proof: Evidence | None = evidence("Proof")
    patient: str | None = text("Patient", personal=True)
    lines: tuple[Line, ...] = rows("Lines", Line)


def commit(name: str, value: Any) -> dict[str, str]:
    return {"commitment": digest(canonical([name, value]))}


FULL = Sheet(
    title="Pumpe Ø €",
    body="# Ä\n\n- one",
    on=date(2026, 3, 1),
    at=datetime(2026, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC),
    colour=Colour.RED,
    good=False,
    weight=Decimal("12.50"),
    owner=Person(WHO),
    attached=File(HEX, "report.pdf", 1200),
    unit=Device("T4-0311-88207", "05060912340019", "L1"),
    proof=Evidence("CO-17", HEX, Person(WHO), date(2026, 2, 1)),
    lines=(Line(id="r1", what="first"), Line(id="r2", by=Person(WHO))),
)


def counter() -> Any:
    made = iter(f"n{i}" for i in range(1000))
    return lambda: next(made)


# RFC 8785


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode"])
def test_the_vectors_of_rfc_8785_that_hold_no_fractions(fixtures: Path, name: str) -> None:
    folder = fixtures / "device-evidence/cyberphone_json-canonicalization/testdata"
    source = folder / "input" / f"{name}.json"
    value = json.loads(source.read_text(encoding="utf-8"))
    if holds_float(value):
        with pytest.raises(Malformed):
            canonical(value)
        return
    expected = (folder / "output" / f"{name}.json").read_bytes().rstrip(b"\n")
    assert canonical(value) == expected
    assert bytes.fromhex("".join((folder / "outhex" / f"{name}.txt").read_text().split())) == expected
    assert parse(expected) == value


def holds_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(holds_float(v) for v in value.values())
    return any(holds_float(v) for v in value) if isinstance(value, list) else isinstance(value, float)


def test_keys_are_sorted_by_utf16_not_by_code_point() -> None:
    assert canonical({"\U0001f600": 1, "\ufb33": 2}) == '{"\U0001f600":1,"\ufb33":2}'.encode()


def test_control_characters_are_escaped_as_rfc_8785_does() -> None:
    assert (
        canonical('\x00\x1f\b\t\n\f\r"\\/\x7f€') == b'"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\x7f\xe2\x82\xac"'
    )


@pytest.mark.parametrize(
    "value, words",
    [
        (1.0, "float"),
        ({"a": float("nan")}, "a: expected"),
        (2**53, "an integer up to"),
        (date(2026, 1, 1), "date"),
        ({1: 2}, "text as a key"),
        ("\ud800", "lone surrogate"),
        ({"\udfff": 1}, "lone surrogate"),
        ([[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]], "at most 16 levels"),
        (b"x", "bytes"),
    ],
)
def test_what_can_not_be_carried_safely_is_refused(value: Any, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        canonical(value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b"1.0",
        b"1e2",
        b"NaN",
        b"-0",
        b"[",
        b"\xff",
        b'"\\u0041"',
        b"[1]\n",
    ],
)
def test_only_the_very_bytes_are_read_back(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


def test_a_long_body_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="at most 4194304 bytes"):
        parse(b" " * (LIMITS.max_bytes + 1))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_what_is_written_is_read_back(value: Any) -> None:
    try:
        body = canonical(value)
    except Malformed as e:
        assert "levels" in str(e) or "surrogate" in str(e)
        return
    assert parse(body) == value
    assert canonical(parse(body)) == body


# Contents


def test_a_full_content_survives_its_bytes() -> None:
    packed = pack(FULL, commit=commit)
    again = unpack(Sheet, parse(canonical(packed)))
    assert again == Sheet(**{**{f: getattr(FULL, f) for f in Sheet.__slots__}, "weight": Decimal("12.5")})
    assert pack(again, commit=commit) == packed
    assert packed["at"] == "2026-03-01T09:30:00.250000Z"
    assert packed["weight"] == "12.5"
    assert packed["lines"][0] == {"id": "r1", "what": "first", "by": None, "secret": None}


def test_every_field_is_in_the_bytes_even_when_empty() -> None:
    assert set(pack(Sheet())) == set(Sheet.__slots__)
    assert unpack(Sheet, {}) == Sheet()


@pytest.mark.parametrize(
    "number, spelt",
    [
        ("1.0", "1"),
        ("0.10", "0.1"),
        ("-0", "0"),
        ("1E3", "1000"),
        ("100", "100"),
        ("0.000", "0"),
        ("-2.50", "-2.5"),
    ],
)
def test_a_number_has_one_spelling(number: str, spelt: str) -> None:
    assert pack(Sheet(weight=Decimal(number)))["weight"] == spelt


def test_a_moment_is_kept_in_utc_and_a_naive_one_refused() -> None:
    local = datetime.fromisoformat("2026-03-01T10:30:00+01:00")
    assert pack(Sheet(at=local))["at"] == "2026-03-01T09:30:00Z"
    with pytest.raises(Malformed, match="naive"):
        pack(Sheet(at=datetime(2026, 3, 1)))


def test_a_personal_value_never_enters_the_bytes() -> None:
    sheet = Sheet(patient="Jane Doe, 71", lines=(Line(id="r1", secret="allergic"),))
    body = canonical(pack(sheet, commit=commit))
    assert b"Jane" not in body and b"allergic" not in body
    with pytest.raises(Malformed, match="a commitment in place of a personal value"):
        pack(sheet)


def test_a_personal_value_is_read_through_the_vault_or_stays_hidden() -> None:
    sheet = Sheet(patient="Jane Doe, 71", lines=(Line(id="r1", secret="allergic"),))
    packed = pack(sheet, commit=commit)
    values = {
        packed["patient"]["commitment"]: "Jane Doe, 71",
        packed["lines"][0]["secret"]["commitment"]: "allergic",
    }
    asked: list[str] = []

    def reveal(name: str, commitment: str) -> Any:
        asked.append(name)
        return values.get(commitment)

    assert unpack(Sheet, packed, reveal=reveal) == sheet
    assert asked == ["patient", "lines.r1.secret"]
    erased = unpack(Sheet, packed)
    assert erased.patient == Hidden(packed["patient"]["commitment"])
    assert pack(erased, commit=commit) == packed  # an erased value keeps its commitment


@pytest.mark.parametrize("bad", ["Jane", {"commitment": "short"}, {"commitment": HEX, "value": "Jane"}, 7])
def test_a_body_with_a_personal_value_in_the_open_is_refused(bad: Any) -> None:
    with pytest.raises(Malformed, match="patient: expected a commitment"):
        unpack(Sheet, {"patient": bad})


def test_a_row_without_its_id_is_not_written_or_read() -> None:
    with pytest.raises(Malformed, match="a row with its id"):
        pack(Sheet(lines=(Line(),)))
    with pytest.raises(Malformed, match="a row with its id"):
        unpack(Sheet, {"lines": [{"what": "x"}]})


BAD = [
    ("title", 7, "text"),
    ("title", "a\x00b", "control"),
    ("title", "x" * 20_001, "20000 characters"),
    ("title", "\ud800", "surrogate"),
    ("on", "1 March", "a day as"),
    ("on", "2026-02-30", "a day as"),
    ("on", 20260301, "a day as"),
    ("at", "2026-03-01T09:30", "with its zone"),
    ("at", "0001-01-01T00:00:00+14:00", "calendar"),
    ("at", "yesterday, at noon or so", "with its zone"),
    ("colour", "green", "red, blue"),
    ("good", "yes", "true or false"),
    ("good", 1, "true or false"),
    ("weight", "twelve", "decimal"),
    ("weight", "1e999999", "decimal"),
    ("weight", "NaN", "decimal"),
    ("weight", True, "decimal"),
    ("weight", 1.5, "decimal"),
    ("owner", "ingrid", "32 hex"),
    ("attached", {"sha256": HEX, "name": "x"}, "an object of"),
    ("attached", {"sha256": "zz", "name": "x", "size": 1}, "64 lower-case hex"),
    ("attached", {"sha256": HEX, "name": "x", "size": -1}, "a size"),
    ("attached", {"sha256": HEX, "name": "x", "size": True}, "size: expected int"),
    ("attached", {"sha256": HEX, "name": "a\nb", "size": 1}, "printable"),
    ("unit", {"di": "", "lot": "", "serial": "  "}, "serial"),
    ("unit", "T4-0311", "an object of"),
    (
        "proof",
        {"reference": " ", "sha256": HEX, "by": WHO, "on": "2026-01-01"},
        "what the evidence is called",
    ),
    ("proof", {"reference": "R", "sha256": HEX, "by": "x", "on": "2026-01-01"}, "proof.by"),
    ("proof", {"reference": "R", "sha256": HEX, "by": WHO, "on": "then"}, "proof.on"),
    ("lines", {"id": "r1"}, "a list of at most"),
    ("lines", ["x"], "a row"),
    ("lines", [{"colour": "red"}], "columns what, by, secret"),
    ("lines", [{"id": "zz"}], "the id of a row that is there"),
    ("lines", [{}] * 1001, "at most 1000 rows"),
    ("nothing", 1, "a field of Sheet"),
]


@pytest.mark.parametrize("name, value, words", BAD)
def test_bad_input_is_told_where_and_what_was_expected(name: str, value: Any, words: str) -> None:
    with pytest.raises(Malformed, match=words) as found:
        merge(Sheet(), {name: value}, new_id=counter())
    assert name in found.value.place or name == "nothing"
    assert found.value.expected and found.value.got


def test_merging_keeps_what_it_does_not_name() -> None:
    after = merge(FULL, {"title": "New", "good": None}, new_id=counter())
    assert (after.title, after.good, after.body) == ("New", None, FULL.body)
    assert merge(FULL, {"title": ""}, new_id=counter()).title is None


def test_rows_keep_their_ids_and_their_unmentioned_columns() -> None:
    after = merge(FULL, {"lines": [{"id": "r2", "what": "second"}, {"what": "third"}]}, new_id=counter())
    assert [(r.id, r.what, r.by) for r in after.lines] == [("r2", "second", WHO), ("n0", "third", None)]


def test_a_row_id_is_used_once() -> None:
    with pytest.raises(Malformed, match="once"):
        merge(FULL, {"lines": [{"id": "r1"}, {"id": "r1"}]}, new_id=counter())
    with pytest.raises(Malformed, match="a new id"):
        merge(FULL, {"lines": [{"id": "r1"}, {"what": "x"}]}, new_id=lambda: "r1")


def test_a_hidden_value_may_be_left_as_it_is_but_not_swapped() -> None:
    sheet = Sheet(patient=Hidden(HEX))  # type: ignore[arg-type]
    same = merge(sheet, {"patient": {"commitment": HEX}}, new_id=counter())
    assert same.patient == Hidden(HEX)
    with pytest.raises(Malformed, match="another commitment"):
        merge(sheet, {"patient": {"commitment": "00" * 32}}, new_id=counter())


def test_facts_are_the_short_values_and_never_personal() -> None:
    sheet = Sheet(title="T", patient="Jane", colour=Colour.BLUE, lines=(Line(id="r1"),))
    facts = facts_of(Sheet, pack(sheet, commit=commit))
    assert facts["colour"] == "blue"
    assert facts["lines"] == 1
    assert not {"title", "body", "patient", "proof", "attached"} & set(facts)


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(str.strip)
sheets = st.builds(
    Sheet,
    title=st.none() | texts,
    on=st.none() | st.dates(),
    at=st.none()
    | st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)),
    colour=st.none() | st.sampled_from(Colour),
    good=st.none() | st.booleans(),
    weight=st.none()
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4),
    patient=st.none() | texts,
    lines=st.lists(st.builds(Line, what=st.none() | texts), max_size=3).map(
        lambda found: tuple(Line(id=f"r{n}", what=line.what) for n, line in enumerate(found))
    ),
)


@given(sheets)
def test_any_content_survives_its_bytes(sheet: Sheet) -> None:
    vault: dict[str, Any] = {}

    def keep(name: str, value: Any) -> dict[str, str]:
        made = commit(name, value)
        vault[made["commitment"]] = value
        return made

    body = canonical(pack(sheet, commit=keep))
    again = unpack(Sheet, parse(body), reveal=lambda name, commitment: vault.get(commitment))
    assert canonical(pack(again, commit=keep)) == body
    assert (again.title, again.on, again.at, again.patient, again.lines) == (
        sheet.title,
        sheet.on,
        sheet.at,
        sheet.patient,
        sheet.lines,
    )


@pytest.mark.parametrize("number", ["Infinity", "NaN"])
def test_what_is_no_number_is_not_written(number: str) -> None:
    with pytest.raises(Malformed, match="a number"):
        pack(Sheet(weight=Decimal(number)))


def test_rows_are_not_read_as_a_single_value() -> None:
    (lines,) = [f for f in fields_of(Sheet) if f.name == "lines"]
    with pytest.raises(Malformed, match="a single value"):
        read(lines, "x", "lines")
    with pytest.raises(Malformed, match="got nothing"):
        unpack(Sheet, {"lines": [None]})
