"""The burn-down of a population: open units over time, as a step line in plain SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from vouchsafe.web import words

WIDTH, HEIGHT, LEFT, TOP = 720, 180, 52, 12


@dataclass(frozen=True, slots=True)
class Mark:
    """A label with its line."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws."""

    width: int
    height: int
    left: int
    line: str
    area: str
    rows: list[Mark]
    columns: list[Mark]
    end_x: float
    end_y: float
    end_label: str
    says: str


def draw(
    points: Sequence[tuple[datetime, Mapping[str, int]]], scope: int, now: datetime, zone: tzinfo
) -> Chart | None:
    """Open units from the freeze until now; None when there is nothing to draw."""
    if not points or scope <= 0:
        return None
    start, end = points[0][0], max(now, points[-1][0])
    seconds = max((end - start).total_seconds(), 1.0)
    wide, high = WIDTH - LEFT - 90, HEIGHT - TOP - 24

    def x(at: datetime) -> float:
        return round(LEFT + wide * (at - start).total_seconds() / seconds, 1)

    def y(count: int) -> float:
        return round(TOP + high * (1 - count / scope), 1)

    path = f"M{x(start)} {y(points[0][1]['open'])}"
    for at, by in points[1:]:
        path += f"H{x(at)}V{y(by['open'])}"
    last = points[-1][1]["open"]
    path += f"H{x(end)}"
    area = f"{path}V{y(0)}H{x(start)}Z"
    rows = [Mark(y(n), words.count(n)) for n in sorted({0, scope // 2, scope})]
    columns: list[Mark] = []
    for k in range(5):
        at = start + (end - start) * k / 4
        label = words.short(at, zone, now)
        if not columns or columns[-1].label != label:
            columns.append(Mark(x(at), label))
    says = (
        f"{words.count(points[0][1]['open'])} units open at the freeze, {words.count(last)} open "
        f"now, after {len(points) - 1} moves"
    )
    return Chart(
        WIDTH, HEIGHT, LEFT, path, area, rows, columns, x(end), y(last), f"{words.count(last)} open", says
    )
