"""Words, clocks, strips and charts: what is drawn follows from the values, and unknown is drawn as unknown."""

from datetime import UTC, datetime, timedelta

import pytest

from vouchsafe.kernel.limits import Clock
from vouchsafe.web import burndown, strip, words
from vouchsafe.web.clocks import dial

NOW = datetime(2026, 6, 25, 9, 42, tzinfo=UTC)
H = timedelta(hours=1)


@pytest.mark.parametrize(
    ("part", "whole", "says"),
    [
        (0, 0, "0 %"), (0, 9, "0 %"), (9, 9, "100 %"), (1, 50_000, "under 0.1 %"), (49_999, 50_000, "over 99.9 %"),
        (949, 1000, "94.9 %"),
    ],
)  # fmt: skip
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, whole: int, says: str) -> None:
    assert words.percent(part, whole) == says


@pytest.mark.parametrize(
    ("key", "says"),
    [("tarn-4", "Tarn 4"), ("riverbend", "Riverbend"), ("Tarn 4", "Tarn 4"), ("T4/EU", "T4/EU"), ("", "")],
)
def test_a_scope_reads_as_a_name_and_a_name_stays(key: str, says: str) -> None:
    assert words.scope(key) == says


@pytest.mark.parametrize(
    ("left", "kind", "text"),
    [
        (60 * H, "soon", "2 d 12 h"),
        (47 * H, "now", "1 d 23 h"),
        (-4 * H, "late", "4 h 0 min late"),
        (300 * H, "ok", "12 d 12 h"),
    ],
)
def test_a_clock_says_how_near_it_is(left: timedelta, kind: str, text: str) -> None:
    clock = Clock(rule="R", label="Report", start=NOW - timedelta(days=20), due=NOW + left)
    shown = dial(clock, NOW, UTC)
    assert (shown.due, shown.text) == (kind, text)


def test_a_stopped_clock_no_longer_counts() -> None:
    clock = Clock(rule="R", label="Report", start=NOW - 10 * H, due=NOW, stopped=NOW - H)
    assert dial(clock, NOW, UTC).due == "met"
    assert dial(clock, NOW, UTC).until is None


def test_bars_fill_the_width_and_no_part_vanishes() -> None:
    placed = words.shares([("affirming", 99_999), ("warning", 0), ("contraindicated", 1)])
    assert [key for key, _, _ in placed] == ["affirming", "contraindicated"]
    assert placed[-1][2] >= 0.29
    assert abs(sum(width for _, _, width in placed) - 100) < 0.01


def drawn(**more: object) -> strip.Strip:
    given = {
        "start": NOW - 5 * H, "end": NOW + 5 * H, "event": NOW, "zone": UTC, "gaps": [(NOW + H, NOW + 2 * H)],
        "evidence": [NOW - H, NOW - 6 * H, NOW + 3 * H],
        "lanes": [
            ("Trust", [strip.Stretch(start=NOW - 9 * H, end=NOW + H, label="Affirming", tone="affirming"),
                       strip.Stretch(start=NOW + H, end=NOW + 9 * H, label="Unknown", unknown=True)]),
            ("Firmware", []),
        ],
        **more,
    }  # fmt: skip
    return strip.draw(**given)  # type: ignore[arg-type]


def test_a_strip_cuts_stretches_to_its_window_and_marks_the_event() -> None:
    made = drawn()
    affirming, unknown = made.bars
    assert (affirming.x, affirming.width) == ("0.00", "60.00")
    assert unknown.unknown and unknown.x == "60.00"
    assert made.event is not None and made.event.x == "50.00"
    assert len(made.evidence) == 2, "the proof outside of the window has no tick"
    assert len(made.gaps) == 1


def test_a_strip_can_be_read_without_seeing_it() -> None:
    says = drawn().says
    assert "Affirming from" in says
    assert "Firmware: nothing known" in says
    assert "Event at 25 Jun 2026 09:42:00 UTC" in says


def test_a_strip_without_anything_has_no_bar_at_all() -> None:
    assert drawn(lanes=[("Trust", [])], evidence=[], gaps=[]).bars == ()


def test_a_burn_down_steps_down_and_up_again() -> None:
    points = [(NOW, {"open": 10}), (NOW + H, {"open": 4}), (NOW + 2 * H, {"open": 5})]
    chart = burndown.draw(points, 10, NOW + 3 * H, UTC)
    assert chart is not None
    assert chart.end_label == "5 open"
    assert "10 units open at the freeze, 5 open now, after 2 moves" in chart.says
    assert burndown.draw([], 0, NOW, UTC) is None
