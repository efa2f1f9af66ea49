"""The components of the pages, with the same names and arguments as in the design: `{% load ui %}`.

Each returns escaped HTML. Geometry goes into SVG attributes, meaning into data attributes, colour nowhere.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from vouchsafe.web import icons, words

register = template.Library()

TIER_WORDS = {
    "affirming": "Affirming",
    "warning": "Warning",
    "contraindicated": "Contraindicated",
    "unknown": "Unknown",
    "none": "No verdict",
}
_SELECTED = mark_safe(" selected")
FRESH_WORDS = {"confirmed": "Confirmed", "last_known": "Last known", "unknown": "Unknown"}


@cache
def _build() -> str:
    stamp = Path(__file__).parent.parent / "static" / "vouchsafe" / ".stamp"
    return stamp.read_text()[:12] if stamp.exists() else "0"


@register.simple_tag
@cache
def asset(name: str) -> str:
    """The address of one of our static files, which changes whenever the build does."""
    return f"{static('vouchsafe/' + name)}?v={_build()}"


@register.simple_tag
@cache
def i(name: str, cls: str = "") -> SafeString:
    """An icon; always beside words, so it is hidden from screen readers."""
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        f" {cls}" if cls else "",
        asset("icons.svg"),
        name,
    )


@register.simple_tag
def state(kind: str, label: str, pill: bool = False) -> SafeString:
    """A record's or step's state. `kind` is one of the seven of data-state."""
    return format_html(
        '<span class="state{}" data-state="{}">{}{}</span>',
        " pill" if pill else "",
        kind,
        i(f"st-{kind}"),
        label,
    )


@register.simple_tag
def trust(tier: str, label: str | int | None = None, pill: bool = False) -> SafeString:
    """A verdict. A device without one is drawn as unknown, and its word says so."""
    drawn = tier if tier in icons.TIERS else "unknown"
    text = TIER_WORDS.get(tier, tier) if label is None else label
    return format_html(
        '<span class="trust{}" data-tier="{}">{}{}</span>',
        " pill" if pill else "",
        drawn,
        i(f"tr-{drawn}"),
        text,
    )


@register.simple_tag
def fresh(freshness: str, label: str = "") -> SafeString:
    """How sure the state is: a second thing beside the verdict."""
    tone = {"confirmed": "green", "last_known": "amber"}.get(freshness, "grey")
    return format_html(
        '<span class="state" data-tone="{}">{}{}</span>',
        tone,
        i(icons.FRESHNESS.get(freshness, "circle-help")),
        label or FRESH_WORDS.get(freshness, freshness),
    )


@register.simple_tag
def clock(due: Any, text: str = "") -> SafeString:
    """A running time limit. `due` has: due, percent, text, title and (when it still runs) until."""
    return format_html(
        '<span class="clock" data-due="{}" title="{}">{}{}</span>',
        due.due,
        due.title,
        _ring(due.percent),
        _until(due, text),
    )


def _until(due: Any, text: str) -> SafeString | str:
    if text or not due.until:
        return text or str(due.text)
    return format_html('<span data-until="{}">{}</span>', due.until.isoformat(), due.text)


def _ring(percent: int) -> SafeString:
    return format_html(
        '<svg class="dial" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.25"/>'
        '<circle cx="8" cy="8" r="6.25" pathLength="100" stroke-dasharray="{} 100"/></svg>',
        percent,
    )


@register.simple_tag
def seal(mark: Any, bare: bool = False) -> SafeString:
    """The proof of a fact: a link to its page. `mark` has log, index, state and href; None draws nothing."""
    if mark is None:
        return mark_safe("")
    if mark.state != "logged" or mark.index is None:
        if bare:
            return format_html(
                '<span class="seal bare" data-tone="grey" title="In the queue of the log">{}queued</span>',
                i("hourglass"),
            )
        return format_html('<span class="seal" data-tone="grey">{}Queued for the log</span>', i("hourglass"))
    index = words.count(mark.index)
    if bare:
        return format_html(
            '<a class="seal bare num" href="{}" title="Logged in {}, index {}, not witnessed.'
            ' Open the proof">{}{}</a>',
            mark.href,
            mark.log,
            index,
            i("badge-check"),
            index,
        )
    return format_html(
        '<a class="seal" href="{}" title="Open the proof">{}Logged · index {} · not witnessed</a>',
        mark.href,
        i("badge-check"),
        index,
    )


@register.simple_tag
def ref(number: str, href: str = "", text: str = "", box: bool = False, kind: str = "") -> SafeString:
    """A record, device, site or release: its icon and its name."""
    inner = format_html("{}{}", i(icons.of_number(kind or number)), text or number)
    cls = "ref box" if box else "ref"
    if not href:
        return format_html('<span class="{}">{}</span>', cls, inner)
    return format_html('<a class="{}" href="{}">{}</a>', cls, href, inner)


@register.simple_tag
def tag(text: str, tone: str = "") -> SafeString:
    """A property, never a state."""
    if tone:
        return format_html('<span class="tag" data-tone="{}">{}</span>', tone, text)
    return format_html('<span class="tag">{}</span>', text)


@register.simple_tag
def av(name: str) -> SafeString:
    """A person's initials."""
    return format_html('<span class="av" aria-hidden="true">{}</span>', words.initials(name))


@register.simple_tag
def person(name: str, short: bool = False) -> SafeString:
    """A person: initials and name."""
    if not name:
        return format_html('<span class="person text-muted">{}System</span>', i("cog", "sm"))
    shown = name.split(" ")[0] if short else name
    return format_html('<span class="person" title="{}">{}{}</span>', name, av(name), shown)


@register.simple_tag
def bar(parts: list[tuple[str, int]], label: str, cls: str = "") -> SafeString:
    """A proportion bar. `parts` are (tier or tone, count); the values must stand beside it as text."""
    rects = format_html_join(
        "",
        '<rect {}="{}" x="{}%" width="{}%"/>',
        (
            ("data-tier" if key in icons.TIERS else "data-tone", key, f"{x:.2f}", f"{width:.2f}")
            for key, x, width in words.shares(parts)
        ),
    )
    return format_html(
        '<svg class="bar{}" role="img" aria-label="{}">{}</svg>', f" {cls}" if cls else "", label, rects
    )


@register.simple_tag
def spark(values: list[float], label: str, tone: str = "seal") -> SafeString:
    """A small line without axes, with its meaning in words for those who don't see it."""
    if len(values) < 2:
        return mark_safe("")
    low, high = min(values), max(values)
    reach = (high - low) or 1
    points = [(k * 80 / (len(values) - 1), 21 - (v - low) / reach * 18) for k, v in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return format_html(
        '<svg class="h-6 w-20 flex-none overflow-visible" viewBox="0 0 80 24" data-tone="{}"'
        ' role="img" aria-label="{}">'
        '<polyline fill="none" stroke="var(--m)" stroke-width="1.5" points="{}"/>'
        '<circle cx="{}" cy="{}" r="2.25" fill="var(--m)"/></svg>',
        tone,
        label,
        line,
        f"{points[-1][0]:.1f}",
        f"{points[-1][1]:.1f}",
    )


@register.simple_tag
def options(choices: Iterable[Any]) -> SafeString:
    """The options of a select: value, label, and on for the one that is chosen."""
    return mark_safe("".join(_option(o.value, o.label, bool(o.on)) for o in choices))


@lru_cache(maxsize=4_096)
def _option(value: str, label: str, on: bool) -> SafeString:
    """One; the same people stand in every field that names a person."""
    return format_html('<option value="{}"{}>{}</option>', value, _SELECTED if on else "", label)


@register.filter
def n(value: Any) -> str:
    """A count with thin spaces."""
    return (
        words.count(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
    )


@register.filter
def pct(part: int, whole: int) -> str:
    """A share in percent."""
    return words.percent(part, whole)


@register.filter
def size(value: int) -> str:
    """A file's size."""
    return words.size(value)


@register.filter
def hexa(value: str | bytes | None, ends: int = 8) -> str:
    """The first and last digits of a digest; the whole one stands in the title."""
    text = value.hex() if isinstance(value, (bytes, memoryview)) else str(value or "")
    return text if len(text) <= 2 * ends + 1 else f"{text[:ends]}…{text[-ends:]}"


@register.filter
def day(value: date | datetime | None) -> str:
    """25 Jun 2026."""
    if value is None:
        return ""
    return words.day(value.date() if isinstance(value, datetime) else value)


@register.simple_tag(takes_context=True)
def when(context: template.Context, value: datetime | None, form: str = "short") -> SafeString:
    """A moment in the reader's zone: `short` in lists, `full` with the zone's name on records."""
    if value is None:
        return mark_safe("")
    where = context.get("zone") or timezone.get_current_timezone()
    full = words.moment(value, where, seconds=form == "seconds")
    shown = words.short(value, where, context.get("now") or timezone.now()) if form == "short" else full
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), full, shown)
