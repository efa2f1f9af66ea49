"""The event strip: a device's measured state on one time axis, as an SVG that needs no script.

Lanes: trust, firmware, configuration, evidence. A stretch without a claim has no bar, an unknown one is
dashed, a gap in the evidence is hatched. Positions are percent of the axis, so the drawing follows the width
of the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from vouchsafe.web import words

LANE_TOP, LANE_PITCH, LANE_HEIGHT = 32, 28, 20
CHAR_PERCENT = 0.95  # of the axis at its narrowest, for deciding whether a label fits into its bar
MIN_WIDTH = 0.4
MAX_TICKS = 400
STEPS = tuple(
    timedelta(minutes=m)
    for m in (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 5760, 10080, 20160, 43200)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A state that held from `start` to `end`. `tone` is a tier, or "" for a plain bar; unknown is drawn
    dashed.
    """

    start: datetime
    end: datetime
    label: str
    tone: str = ""
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One drawn stretch."""

    x: str
    width: str
    text_x: str
    label: str
    title: str
    tone: str
    unknown: bool
    y: int
    text_y: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis, or of the evidence lane."""

    x: str
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Everything that the template draws."""

    lanes: tuple[str, ...]
    bars: tuple[Bar, ...]
    axis: tuple[Tick, ...]
    evidence: tuple[Tick, ...]
    gaps: tuple[Bar, ...]
    event: Tick | None
    event_left: bool
    beside: str
    says: str
    centre: int
    height: int
    axis_y: int
    foot: int
    evidence_y: int


def draw(
    *,
    start: datetime,
    end: datetime,
    lanes: Sequence[tuple[str, Sequence[Stretch]]],
    evidence: Sequence[datetime],
    gaps: Sequence[tuple[datetime, datetime]],
    event: datetime | None,
    zone: tzinfo,
    beside: str = "",
) -> Strip:
    """Lay the lanes out between `start` and `end`."""
    axis = _Axis(start, end)
    bars = [
        bar
        for k, (_, stretches) in enumerate(lanes)
        for s in stretches
        if (bar := _bar(axis, s, k, zone)) is not None
    ]
    row = len(lanes)
    ticks = _thinned([t for t in evidence if start <= t <= end])
    gap_bars = [
        bar
        for a, b in gaps
        if (bar := _bar(axis, Stretch(start=a, end=b, label="gap", unknown=True), row, zone)) is not None
    ]
    foot = LANE_TOP + (row + 1) * LANE_PITCH
    at = axis.percent(event) if event is not None else 50.0
    return Strip(
        lanes=tuple(name for name, _ in lanes),
        bars=tuple(bars),
        axis=tuple(_axis_ticks(axis, zone)),
        evidence=tuple(Tick(f"{axis.percent(t):.2f}", "", "") for t in ticks),
        gaps=tuple(gap_bars),
        event=Tick(f"{at:.2f}", f"Event {event.astimezone(zone):%H:%M:%S}", "")
        if event is not None
        else None,
        event_left=at > 55,
        beside=beside,
        says=_says(start, end, lanes, evidence, gaps, event, zone, beside),
        centre=round(at),
        height=foot + 18,
        axis_y=foot + 15,
        foot=foot,
        evidence_y=LANE_TOP + row * LANE_PITCH,
    )


class _Axis:
    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end = start, end
        self.length = max((end - start).total_seconds(), 1.0)

    def percent(self, at: datetime) -> float:
        return max(0.0, min(100.0, 100 * (at - self.start).total_seconds() / self.length))


def _bar(axis: _Axis, s: Stretch, lane: int, zone: tzinfo) -> Bar | None:
    if s.end <= axis.start or s.start >= axis.end:
        return None
    x, right = axis.percent(s.start), axis.percent(s.end)
    width = max(right - x, MIN_WIDTH)
    fits = len(s.label) * CHAR_PERCENT + 1.5 <= width
    y = LANE_TOP + lane * LANE_PITCH
    title = (
        f"{s.label}, from {words.moment(max(s.start, axis.start), zone)} to "
        f"{words.moment(min(s.end, axis.end), zone)}"
    )
    return Bar(
        f"{x:.2f}",
        f"{width:.2f}",
        f"{x + 0.8:.2f}",
        s.label if fits else "",
        title,
        s.tone,
        s.unknown,
        y,
        y + 14,
    )


def _axis_ticks(axis: _Axis, zone: tzinfo) -> list[Tick]:
    """Round local times, at most seven of them."""
    step = next((s for s in STEPS if axis.length / s.total_seconds() <= 6), STEPS[-1])
    at = axis.start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    out: list[Tick] = []
    daily = step >= timedelta(days=1)
    while at <= axis.end:
        if at >= axis.start:
            x = axis.percent(at)
            anchor = "start" if x < 3 else "end" if x > 97 else "middle"
            local = at.astimezone(zone)
            midnight = local.hour == local.minute == 0
            label = f"{local.day} {words.MONTHS[local.month - 1]}" if daily or midnight else f"{local:%H:%M}"
            out.append(Tick(f"{x:.2f}", label, anchor))
        at += step
    return out


def _thinned(ticks: list[datetime]) -> list[datetime]:
    """At most some hundred ticks: closer than that they are one band anyway, and the count stands beside."""
    every = -(-len(ticks) // MAX_TICKS) if ticks else 1
    return ticks[::every]


def _says(
    start: datetime,
    end: datetime,
    lanes: Sequence[tuple[str, Sequence[Stretch]]],
    evidence: Sequence[datetime],
    gaps: Sequence[tuple[datetime, datetime]],
    event: datetime | None,
    zone: tzinfo,
    beside: str,
) -> str:
    """The whole strip in words, for those who don't see it."""
    parts = [f"From {words.moment(start, zone)} to {words.moment(end, zone)}."]
    for name, stretches in lanes:
        inside = [s for s in stretches if s.end > start and s.start < end]
        told = "; ".join(f"{s.label} from {words.moment(max(s.start, start), zone)}" for s in inside[:6])
        parts.append(f"{name}: {told or 'nothing known'}.")
    parts.append(f"{_count(len(evidence), 'proof')}, {_count(len(gaps), 'gap')}.")
    if event is not None:
        parts.append(f"Event at {words.moment(event, zone, seconds=True)}. {beside}")
    return " ".join(parts)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
