"""How numbers, times and durations read. No joined fragments: each function returns the whole phrase."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

THIN = "\u2009"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MIN_SHARE = 0.3  # percent; a smaller part of a bar would not be seen


def count(value: int | float) -> str:
    """50 214: thousands apart by a thin space."""
    return f"{value:,}".replace(",", THIN)


def percent(part: int, whole: int) -> str:
    """94.9 %; never 100 % or 0 % unless it is so."""
    if not whole:
        return "0 %"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "under 0.1 %"
    if 99.9 < share < 100:
        return "over 99.9 %"
    return f"{share:.0f} %" if share in (0, 100) else f"{share:.1f} %"


def size(byte_count: int) -> str:
    """12 kB, 2.1 MB."""
    if byte_count < 1000:
        return f"{byte_count} bytes"
    if byte_count < 1_000_000:
        return f"{byte_count / 1000:.0f} kB"
    return f"{byte_count / 1_000_000:.1f} MB"


def scope(key: str) -> str:
    """How the key of a product or site reads: tarn-4 as “Tarn 4”. A name that is no key stays as it is."""
    if not key or any(not (c.isdecimal() or c == "-" or "a" <= c <= "z") for c in key):
        return key
    text = key.replace("-", " ").strip()
    return text[:1].upper() + text[1:]


def zone(name: str) -> tzinfo:
    """The reader's zone; UTC when the name is not known here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def day(value: date, *, now: datetime | None = None) -> str:
    """25 Jun 2026; the year is left out within the year of `now`."""
    text = f"{value.day} {MONTHS[value.month - 1]}"
    return text if now is not None and now.year == value.year else f"{text} {value.year}"


def moment(value: datetime, where: tzinfo, *, seconds: bool = False) -> str:
    """25 Jun 2026 09:42 BST: with the zone's name, as records need it."""
    at = value.astimezone(where)
    clock = at.strftime("%H:%M:%S" if seconds else "%H:%M")
    return f"{day(at.date())} {clock} {at.tzname() or 'UTC'}"


def short(value: datetime, where: tzinfo, now: datetime) -> str:
    """Today 09:38, 23 Jun 16:02, 4 May 2025: for lists and trails. The full moment stands in the title."""
    at, today = value.astimezone(where), now.astimezone(where)
    if at.date() == today.date():
        return f"Today {at:%H:%M}"
    if at.date() == today.date() - timedelta(days=1):
        return f"Yesterday {at:%H:%M}"
    if at.year == today.year:
        return f"{at.day} {MONTHS[at.month - 1]} {at:%H:%M}"
    return day(at.date())


def long_day(value: datetime, where: tzinfo) -> str:
    """Thursday 25 June 2026."""
    at = value.astimezone(where)
    return f"{DAYS[at.weekday()]} {at.day} {at:%B %Y}"


def span(length: timedelta) -> str:
    """The two largest units: 1 d 13 h, 6 h 20 min, 12 min."""
    seconds = int(abs(length.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days >= 14:
        return f"{count(days)} d"
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def remaining(until: datetime, now: datetime) -> str:
    """1 d 13 h, or 4 h late."""
    return span(until - now) if until >= now else f"{span(now - until)} late"


def due_class(start: datetime | None, until: datetime, now: datetime) -> str:
    """ok, soon, now or late. `soon` is the last 7 days or the last quarter, whichever is later; `now` from 48
    h.
    """
    left = until - now
    if left < timedelta(0):
        return "late"
    if left <= timedelta(hours=48):
        return "now"
    week = timedelta(days=7)
    quarter = (until - start) / 4 if start and until > start else week
    return "soon" if left <= min(week, quarter) else "ok"


def elapsed_percent(start: datetime | None, until: datetime, now: datetime) -> int:
    """How much of the time has passed, 0 to 100."""
    if not start or until <= start:
        return 100 if now >= until else 0
    return max(0, min(100, round(100 * (now - start) / (until - start))))


def initials(name: str) -> str:
    """IS for Ingrid Solheim."""
    parts = [p for p in name.split() if p[:1].isalpha()]
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper() if parts else "?"


def shares(parts: list[tuple[str, int]]) -> list[tuple[str, float, float]]:
    """(key, x, width) in percent for a proportion bar; a part that exists is never thinner than 0.3 %."""
    whole = sum(n for _, n in parts)
    if not whole:
        return []
    raw = [(key, max(MIN_SHARE, 100 * n / whole)) for key, n in parts if n]
    total, x, placed = sum(w for _, w in raw), 0.0, []
    for key, width in raw:
        width = width * 100 / total
        placed.append((key, x, width))
        x += width
    return placed
