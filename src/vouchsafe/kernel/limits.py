"""Time limits and clocks: when something should have happened, and whether it is late. `now` is always passed
in.

A *limit* is a rule of the organisation about its own pace (CAP-01: screened within five working days). It
never refuses the late act, or the late matter could never be recorded: it asks why, and stands in the
reports. A *clock* is either such a limit running on one record, or a legal deadline that a process computes
from what the record says. Hours are elapsed time; working days leave out Saturdays, Sundays and the holidays
that the caller passes in (INV-17).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from vouchsafe.kernel.case import Case

if TYPE_CHECKING:
    from vouchsafe.kernel.declare import Process


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in the unit that the rule uses."""

    value: int
    unit: str  # hours | days | working_days

    def __str__(self) -> str:
        unit = self.unit.replace("_", " ")
        return f"{self.value} {unit.removesuffix('s') if self.value == 1 else unit}"

    def after(self, start: datetime, holidays: frozenset[date] = frozenset()) -> datetime:
        """The last moment that is in time. Days end at midnight UTC; the day of the start is day zero."""
        if self.unit == "hours":
            return start + timedelta(hours=self.value)
        last = start.astimezone(UTC).date()
        if self.unit == "days":
            last += timedelta(days=self.value)
        else:
            last = working_days_after(last, self.value, holidays)
        return datetime.combine(last, time.max, UTC)


def hours(n: int) -> Span:
    return Span(n, "hours")


def days(n: int) -> Span:
    return Span(n, "days")


def working_days(n: int) -> Span:
    return Span(n, "working_days")


def working_days_after(start: date, n: int, holidays: frozenset[date] = frozenset()) -> date:
    """The n-th working day after `start`, which itself is day zero."""
    last, left = start, n
    while left > 0:
        last += timedelta(days=1)
        if last.weekday() < 5 and last not in holidays:
            left -= 1
    return last


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A rule about time: from a state entered (or a day or moment written down) until a state is reached.

    `says` is what the reader sees ("Screen the proposal"). `within` may depend on the case, as where a
    possible death shortens the time.
    """

    rule: str
    start: str  # a state, or a field of kind day or moment
    stop: str  # a state
    within: Span | Callable[[Case[Any]], Span]
    says: str = ""
    basis: str = ""

    def span(self, case: Case[Any]) -> Span:
        return self.within if isinstance(self.within, Span) else self.within(case)


def limit(
    rule: str,
    *,
    start: str,
    stop: str,
    within: Span | Callable[[Case[Any]], Span],
    says: str = "",
    basis: str = "",
) -> Limit:
    """A time limit that never refuses: the late act says why it is late, and the lateness stays in the
    reports."""
    return Limit(rule=rule, start=start, stop=stop, within=within, says=says, basis=basis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One deadline of one record: running while `stopped` is None."""

    rule: str
    label: str
    start: datetime
    due: datetime
    stopped: datetime | None = None
    basis: str = ""
    jurisdiction: str = ""
    confidence: str = "high"  # of the rule itself; medium and low are shown as such
    latest: date | None = None  # the law's last day after roll-over: information only, never the due date

    def late(self, now: datetime) -> bool:
        return (self.stopped or now) > self.due


def _started(limit: Limit, case: Case[Any]) -> datetime | None:
    value = getattr(case.content, limit.start, None) or case.since.get(limit.start)
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time.min, UTC) if isinstance(value, date) else None


def clock_of(limit: Limit, case: Case[Any]) -> Clock | None:
    """The clock of `limit` for this record; None when nothing has started it."""
    start = _started(limit, case)
    if start is None:
        return None
    end = case.since.get(limit.stop)
    restarted = end is not None and limit.start in case.since and case.since[limit.start] > end
    return Clock(
        rule=limit.rule,
        label=limit.says or limit.stop.replace("_", " ").capitalize(),
        start=start,
        due=limit.span(case).after(start, case.holidays),
        stopped=None if restarted else end,
        basis=limit.basis,
    )


def clocks(process: "Process", case: Case[Any]) -> tuple[Clock, ...]:
    """Every clock of the record, its limits first, then what the process computes; soonest due first in
    each."""
    own = [c for c in (clock_of(limit, case) for limit in process.limits) if c is not None]
    legal = [c for compute in process.clocks for c in compute(case)]
    return (*sorted(own, key=lambda c: c.due), *sorted(legal, key=lambda c: c.due))


def late_for(process: "Process", step_to: str, case: Case[Any]) -> tuple[Clock, ...]:
    """The limits that a step into the state `step_to` would stop too late."""
    found = [clock_of(limit, case) for limit in process.limits if limit.stop == step_to]
    return tuple(c for c in found if c is not None and c.stopped is None and c.late(case.now))
