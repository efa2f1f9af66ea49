"""Reporting rules: the pack's own cases and vectors, executed."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from vouchsafe.regulations import deadlines, packs
from vouchsafe.regulations.deadlines import deadline, decide, due, due_day, is_report, legal_latest
from vouchsafe.regulations.errors import BadPack, Unknown

DATA = packs.pack("vigilance_deadlines")
CASES = [
    (c["name"], table, c["facts"], expected)
    for c in DATA["decision_test_cases"]
    for table, expected in c["expected"].items()
]


@pytest.mark.parametrize("name, table, facts, expected", CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_each_decision_case_of_the_pack(name: str, table: str, facts: dict[str, Any], expected: str) -> None:
    assert decide(table, facts) == expected


@pytest.mark.parametrize("v", DATA["date_test_vectors"], ids=lambda v: f"{v['rule']} {v['day_zero']}")
def test_each_date_vector_of_the_pack(v: dict[str, Any]) -> None:
    rule, holidays = deadline(v["rule"]), frozenset(date.fromisoformat(d) for d in v.get("holidays", ()))
    if rule.unit == "hours":
        zero = datetime.fromisoformat(v["day_zero"])
        assert due(rule, zero) == datetime.fromisoformat(v["internal_due"])
        return
    zero_day = date.fromisoformat(v["day_zero"])
    assert due_day(rule, zero_day, holidays=holidays) == date.fromisoformat(v["internal_due"])
    assert legal_latest(rule, zero_day, holidays=holidays) == date.fromisoformat(v["legal_latest"])


def test_every_rule_has_citation_and_confidence() -> None:
    found = deadlines.deadlines()
    assert len(found) == len(DATA["rules"])
    for rule in found.values():
        assert rule.citation and rule.confidence in ("high", "medium", "low"), rule.id
    assert deadline("BR-FOREIGN").confidence == "low"


def test_each_table_answers_with_a_rule_of_the_pack_or_with_no_report() -> None:
    outcomes = {
        row["then"] for table in DATA["decision_tables"].values() for row in table["first_match_wins"]
    }
    assert all(is_report(o) or o in DATA["outcomes_without_report"] for o in outcomes)
    assert set(deadlines.tables()) == set(DATA["decision_tables"])


def test_a_rule_without_a_number_has_no_due_date() -> None:
    rule = deadline("EU-MDR-FSCA")
    assert not rule.counted
    assert due(rule, datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert legal_latest(rule, date(2026, 1, 1)) is None
    assert rule.words == "before action"


def test_limits_read_as_words_and_days_end_at_midnight() -> None:
    assert deadline("GB-SI").words == "15 calendar days"
    assert due(deadline("GB-SI"), datetime(2026, 6, 1, 14, tzinfo=UTC)) == datetime(
        2026, 6, 16, 23, 59, 59, 999999, UTC
    )
    assert due_day(deadline("AU-48H"), date(2026, 6, 1)) is None


def test_an_open_fact_is_undetermined_and_never_no() -> None:
    facts = {**DATA["decision_test_cases"][0]["facts"], "causality": None}
    with pytest.raises(Unknown, match="causality"):
        decide("EU-MDR", facts)
    with pytest.raises(Unknown):
        decide("EU-MDR", {})
    with pytest.raises(Unknown):
        decide("MARS", facts)
    with pytest.raises(Unknown):
        deadline("MARS-1")


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os')",
        "outcome.upper()",
        "[1]",
        "outcome < 'b'",
        "1 if incident else 0",
        "incident == 1 == 1",
        "-1",
    ],
)
def test_an_expression_can_do_nothing_but_compare(expression: str) -> None:
    with pytest.raises(BadPack):
        deadlines._evaluate(expression, {"outcome": "a", "incident": True})


def test_the_expressions_that_are_allowed() -> None:
    facts = {"a": "x", "b": True}
    for expression, expected in (
        ("a in ('x','z')", True),
        ("a=='x' and not b", False),
        ("a!='x' or b", True),
        ("True", True),
    ):
        assert deadlines._evaluate(expression, facts) is expected


@pytest.fixture
def fresh() -> object:
    deadlines.deadlines.cache_clear()
    yield None
    deadlines.deadlines.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_a_broken_rule_or_table_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        packs,
        "pack",
        lambda name: {"rules": [{"id": "X-1"}], "decision_tables": {"X": {"first_match_wins": []}}},
    )
    with pytest.raises(BadPack, match="X-1: part missing"):
        deadlines.deadlines()
    with pytest.raises(BadPack, match="no row matches"):
        decide("X", {})


def test_a_longer_run_of_holidays_is_rolled_over() -> None:
    rule, friday = deadline("EU-MDR-SPHT"), date(2026, 3, 6)
    holidays = frozenset({date(2026, 3, 9), date(2026, 3, 11)})
    assert legal_latest(rule, friday, holidays=holidays) == date(2026, 3, 12)
