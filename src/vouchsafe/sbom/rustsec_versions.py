"""Cargo's version requirements as RustSec reads them, and what they leave affected.

Source: the `rustsec` crate, `osv/unaffected_range.rs` and `osv/ranges_for_advisory.rs`: one requirement is one
interval in SemVer's order; `^` and `~` end below the first pre-release of the next series; `> 1.0` begins above
1.0.0; a bare version means `^`. What no interval holds is affected.
"""

import re
from dataclasses import dataclass
from functools import cmp_to_key

from vouchsafe.sbom import versions
from vouchsafe.sbom.advisories import Event, Range
from vouchsafe.sbom.cve5_versions import next_semver
from vouchsafe.sbom.errors import shown
from vouchsafe.sbom.limits import MAX_VERSION_CHARS

FIRST = "0.0.0-0"
"""The lowest semantic version: RustSec's word for "from the beginning"."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Versions from `start` to below `end`; None is no bound on that side."""

    start: str | None
    end: str | None


_COMPARATOR = re.compile(
    r"(?P<op>>=|<=|=|>|<|\^|~)?\s*v?(?P<major>0|[1-9][0-9]*)(?:\.(?P<minor>0|[1-9][0-9]*)"
    r"(?:\.(?P<patch>0|[1-9][0-9]*)(?P<pre>-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)?)?",
    re.ASCII,
)


def interval(text: str) -> Interval | None:
    """The versions of one requirement; None when RustSec would refuse it (or it is no requirement).

    >>> interval("0.13.10")
    Interval(start='0.13.10', end='0.14.0-0')
    >>> interval("> 1.0, <= 1.4")
    Interval(start='1.0.1-0', end='1.4.1-0')
    """
    parts = text.split(",")
    if len(parts) > 2 or len(text) > MAX_VERSION_CHARS:
        return None
    start: str | None = None
    end: str | None = None
    for part in parts:
        found = _COMPARATOR.fullmatch(part.strip())
        if found is None:
            return None
        op = found["op"] or "^"
        version = f"{found['major']}.{found['minor'] or 0}.{found['patch'] or 0}{found['pre'] or ''}"
        if not versions.is_version("semver", version):
            return None
        if op in ("=", "^", "~"):
            if len(parts) > 1:
                return None
            return Interval(version, next_semver(version) if op == "=" else _next_series(op, found))
        if op in (">", ">="):
            if start is not None:
                return None
            start = next_semver(version) if op == ">" else version
        else:
            if end is not None:
                return None
            end = next_semver(version) if op == "<=" else version
    if start is not None and end is not None and versions.compare("semver", start, end) >= 0:
        return None
    return Interval(start, end)


def _next_series(op: str, found: re.Match[str]) -> str:
    major, minor, patch = int(found["major"]), found["minor"], found["patch"]
    if op == "~":
        return f"{major}.{int(minor) + 1}.0-0" if minor is not None else f"{major + 1}.0.0-0"
    if major or minor is None:
        return f"{major + 1}.0.0-0"
    if int(minor) or patch is None:
        return f"0.{int(minor) + 1}.0-0"
    return f"0.0.{int(patch) + 1}-0"


def read(requirements: list[tuple[str, str]], problems: list[str]) -> tuple[Range, ...]:
    """The affected ranges that (place, requirement) pairs of what is not affected leave.

    Overlaps, which RustSec refuses, are noted: together they say no less than apart.
    """
    held: list[Interval] = []
    is_sure = True
    for place, text in requirements:
        found = interval(text)
        if found is None:
            problems.append(f"{place}: expected a requirement that RustSec takes, got {shown(text)}")
            is_sure = False
        else:
            held.append(found)
    events = _left(held, problems, requirements[0][0].rpartition(".")[0] if requirements else "")
    return (Range("SEMVER" if is_sure else "CUSTOM", "", tuple(events)),) if events else ()


def _left(held: list[Interval], problems: list[str], place: str) -> list[Event]:
    """Introduced and fixed events around the intervals, in order."""

    def compare(a: Interval, b: Interval) -> int:
        if a.start is None or b.start is None:
            return (a.start is not None) - (b.start is not None)
        return versions.compare("semver", a.start, b.start)

    events: list[Event] = []
    at: str | None = FIRST  # affected from here on; None: nothing above is
    for one in sorted(held, key=cmp_to_key(compare)):
        start = one.start or FIRST
        if at is None or versions.compare("semver", start, at) < 0:
            problems.append(
                f"{place}: expected requirements that do not overlap, got {_words(one)} among others"
            )
        elif start != at:
            events += [Event("introduced", at), Event("fixed", start)]
        if at is None or one.end is None:
            at = None
        elif versions.compare("semver", one.end, at) > 0:
            at = one.end
    if at is not None:
        events.append(Event("introduced", at))
    return events


def _words(one: Interval) -> str:
    parts = [f">={one.start}" if one.start else "", f"<{one.end}" if one.end else ""]
    return ", ".join(p for p in parts if p) or "every version"
