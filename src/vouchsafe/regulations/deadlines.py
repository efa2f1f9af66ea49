"""Reporting rules: which one applies to the facts of an event, and by when. From
`data/vigilance_deadlines.yaml`.

`decide` runs a market's decision table over the facts; `due` and `legal_latest` count. The day that matters
is `due`: the unshifted one. What the law adds where the last day is no working day is `legal_latest`, shown
as information. An expression of the pack is evaluated by a reader of its own that knows comparisons and
logic, and no calls.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from vouchsafe.regulations import packs
from vouchsafe.regulations.errors import BadPack, Unknown

NO_HOLIDAYS: frozenset[date] = frozenset()
WORKING = ("work_days", "working_days", "business_days")
COUNTED = ("hours", "calendar_days", *WORKING)


@dataclass(frozen=True, slots=True)
class Deadline:
    """One reporting rule of one jurisdiction. `value` None: no number in the law (as agreed, before the
    action …).
    """

    id: str
    jurisdiction: str
    kind: str
    event: str
    trigger: str
    day_zero: str
    value: int | None
    unit: str
    citation: str
    authority: str
    form: str
    confidence: str
    rolls_over: bool
    from_first_day: bool  # day zero counts as day 1
    immediate_first: bool

    @property
    def counted(self) -> bool:
        """Whether a due date can be computed from day zero."""
        return self.value is not None and self.unit in COUNTED

    @property
    def words(self) -> str:
        """The time limit as a reader sees it."""
        if self.value is None or not self.counted:
            return self.unit.replace("_", " ")
        return f"{self.value} {self.unit.replace('_', ' ')}"


@cache
def deadlines() -> Mapping[str, Deadline]:
    """Every rule by id.

    Raises:
        BadPack: a part is missing.
    """
    out = {}
    for r in packs.pack("vigilance_deadlines")["rules"]:
        try:
            out[r["id"]] = _deadline(r)
        except (KeyError, TypeError) as e:
            raise BadPack(
                "vigilance_deadlines", str(r.get("id")), f"part missing or of the wrong kind: {e}"
            ) from e
    return out


def _deadline(r: Mapping[str, Any]) -> Deadline:
    limit = r["deadline"]
    value = limit["value"]
    return Deadline(
        id=r["id"],
        jurisdiction=r["jurisdiction"],
        kind=r["kind"],
        event=r["event_type"],
        trigger=str(r.get("trigger") or ""),
        day_zero=str(r.get("day_zero") or ""),
        value=value if isinstance(value, int) else None,
        unit=limit["unit"],
        citation=str(r["citation"]),
        authority=str(r.get("authority") or ""),
        form=str(r.get("report_form") or ""),
        confidence=r["confidence"],
        rolls_over=bool(r.get("roll_over")),
        from_first_day="beginning on the day" in limit.get("counting", ""),
        immediate_first=bool(limit.get("immediate_first")),
    )


def deadline(rule_id: str) -> Deadline:
    """One rule.

    Raises:
        Unknown: no such rule.
    """
    found = deadlines().get(rule_id)
    if found is None:
        raise Unknown(f"no reporting rule {rule_id!r}")
    return found


def due_day(rule: Deadline, zero: date, *, holidays: frozenset[date] = NO_HOLIDAYS) -> date | None:
    """The last day by the plain count, never shifted; None where the rule counts hours or has no number."""
    if rule.value is None or rule.unit == "hours" or not rule.counted:
        return None
    if rule.unit in WORKING:
        return _working_days_after(zero, rule.value, holidays)
    return zero + timedelta(days=rule.value - (1 if rule.from_first_day else 0))


def due(rule: Deadline, zero: datetime, *, holidays: frozenset[date] = NO_HOLIDAYS) -> datetime | None:
    """The last moment in time: hours run on the UTC time line, days end at midnight UTC; None without a
    number.
    """
    if rule.value is not None and rule.unit == "hours":
        return zero + timedelta(hours=rule.value)
    last = due_day(rule, zero.astimezone(UTC).date(), holidays=holidays)
    return None if last is None else datetime.combine(last, time.max, UTC)


def legal_latest(rule: Deadline, zero: date, *, holidays: frozenset[date] = NO_HOLIDAYS) -> date | None:
    """What the law would still accept where it rolls over. Reg. (EEC, Euratom) 1182/71 Art. 3(4), 3(5)."""
    last = due_day(rule, zero, holidays=holidays)
    if last is None or not rule.rolls_over:
        return last
    while not _works(last, holidays):
        last += timedelta(days=1)
    while (last - zero).days >= 2 and _working_between(zero, last, holidays) < 2:
        last += timedelta(days=1)
        while not _works(last, holidays):
            last += timedelta(days=1)
    return last


def _works(day: date, holidays: frozenset[date]) -> bool:
    return day.weekday() < 5 and day not in holidays


def _working_between(zero: date, last: date, holidays: frozenset[date]) -> int:
    return sum(_works(zero + timedelta(days=n), holidays) for n in range(1, (last - zero).days + 1))


def _working_days_after(zero: date, n: int, holidays: frozenset[date]) -> date:
    last = zero
    while n > 0:
        last += timedelta(days=1)
        n -= _works(last, holidays)
    return last


def tables() -> tuple[str, ...]:
    """The decision tables, one a jurisdiction and framework."""
    return tuple(packs.pack("vigilance_deadlines")["decision_tables"])


def decide(table: str, facts: Mapping[str, Any]) -> str:
    """The rule that a table gives for the facts, or the outcome without a report (`NOT-REPORTABLE` …).

    Raises: Unknown: no such table, or a fact that the table asks for is missing or None: undetermined, never
    "no".
    """
    found = packs.pack("vigilance_deadlines")["decision_tables"].get(table)
    if found is None:
        raise Unknown(f"no decision table {table!r}")
    for row in found["first_match_wins"]:
        if _evaluate(row["when"], facts):
            return str(row["then"])
    raise BadPack("vigilance_deadlines", table, "no row matches")


def is_report(outcome: str) -> bool:
    """Whether an outcome of a table is a rule to report by."""
    return outcome in deadlines()


@cache
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def _evaluate(expression: str, facts: Mapping[str, Any]) -> bool:
    return bool(_value(_parsed(expression), facts))


def _value(node: ast.expr, facts: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            if facts.get(node.id) is None:
                raise Unknown(f"the fact {node.id!r} is not known")
            return facts[node.id]
        case ast.BoolOp():
            return _logic(node, facts)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, facts)
        case ast.Tuple():
            return tuple(_value(item, facts) for item in node.elts)
        case ast.Compare(ops=[op], comparators=[right]):
            return _compared(op, _value(node.left, facts), _value(right, facts))
    raise BadPack(
        "vigilance_deadlines", "decision table", f"{ast.unparse(node)!r} is not an allowed expression"
    )


def _logic(node: ast.BoolOp, facts: Mapping[str, Any]) -> bool:
    if isinstance(node.op, ast.And):
        return all(_value(item, facts) for item in node.values)
    return any(_value(item, facts) for item in node.values)


def _compared(op: ast.cmpop, left: Any, right: Any) -> bool:
    match op:
        case ast.Eq():
            return bool(left == right)
        case ast.NotEq():
            return bool(left != right)
        case ast.In():
            return left in right
    raise BadPack(
        "vigilance_deadlines", "decision table", f"the comparison {type(op).__name__} is not allowed"
    )
