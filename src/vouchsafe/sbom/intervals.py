"""Sets of versions as intervals: union, intersection, complement. What version ranges are reckoned with.

A set is a tuple of intervals in ascending order that neither touch nor overlap. Every function takes the name of
a version order (`versions.compare`) and raises `versions.Doubt` where two ends can't be put in order.
"""

from dataclasses import dataclass
from functools import cmp_to_key

from vouchsafe.sbom import versions


@dataclass(frozen=True, slots=True)
class Interval:
    """Versions between two ends. None: no end on that side. `low_in` and `high_in`: whether the end belongs."""

    low: str | None
    low_in: bool
    high: str | None
    high_in: bool


Set = tuple[Interval, ...]

ALL: Set = (Interval(None, False, None, False),)
NOTHING: Set = ()


def point(version: str) -> Set:
    """The one version."""
    return (Interval(version, True, version, True),)


def bounded(comparator: str, version: str) -> Set:
    """The versions that a comparator and a version name: `>=` and `1.0`."""
    if comparator == "=":
        return point(version)
    if comparator == "!=":
        return (Interval(None, False, version, False), Interval(version, False, None, False))
    if comparator.startswith(">"):
        return (Interval(version, comparator == ">=", None, False),)
    return (Interval(None, False, version, comparator == "<="),)


def _low_order(order: str, a: Interval, b: Interval) -> int:
    if a.low is None or b.low is None:
        return (a.low is not None) - (b.low is not None)
    return versions.compare(order, a.low, b.low) or b.low_in - a.low_in


def _high_order(order: str, a: Interval, b: Interval) -> int:
    if a.high is None or b.high is None:
        return (b.high is not None) - (a.high is not None)
    return versions.compare(order, a.high, b.high) or a.high_in - b.high_in


def _meet(order: str, left: Interval, right: Interval) -> bool:
    """Whether nothing lies between `left` and `right`, which starts no lower."""
    if left.high is None or right.low is None:
        return True
    between = versions.compare(order, right.low, left.high)
    return between < 0 or (between == 0 and (left.high_in or right.low_in))


def union(order: str, *sets: Set) -> Set:
    """The versions of any of the sets."""
    parts = [i for s in sets for i in s]
    if any(i.low is None and i.high is None for i in parts):
        return ALL
    parts.sort(key=cmp_to_key(lambda a, b: _low_order(order, a, b)))
    merged: list[Interval] = []
    for part in parts:
        if merged and _meet(order, merged[-1], part):
            last = merged[-1]
            far = part if _high_order(order, part, last) > 0 else last
            merged[-1] = Interval(last.low, last.low_in, far.high, far.high_in)
        else:
            merged.append(_beside(order, merged[-1], part) if merged else part)
    return tuple(merged)


def _beside(order: str, left: Interval, right: Interval) -> Interval:
    """`right`, its low end spelt as `left`'s high end where they are one version (1.0 and 1)."""
    if left.high is None or right.low is None or versions.compare(order, left.high, right.low) != 0:
        return right
    return Interval(left.high, right.low_in, right.high, right.high_in)


def intersection(order: str, a: Set, b: Set) -> Set:
    """The versions of both sets."""
    if a == ALL or b == ALL:
        return b if a == ALL else a
    found: list[Interval] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start = a[i] if _low_order(order, a[i], b[j]) >= 0 else b[j]
        ends_first = _high_order(order, a[i], b[j]) <= 0
        end = a[i] if ends_first else b[j]
        made = Interval(start.low, start.low_in, end.high, end.high_in)
        found += _held(order, made)
        i, j = (i + 1, j) if ends_first else (i, j + 1)
    return tuple(found)


def _held(order: str, i: Interval) -> Set:
    """`i` as a set: nothing where its ends cross, and one spelling where they are one version."""
    if i.low is None or i.high is None:
        return (i,)
    ends = versions.compare(order, i.low, i.high)
    if ends == 0:
        return point(i.low) if i.low_in and i.high_in else NOTHING
    return (i,) if ends < 0 else NOTHING


def complement(s: Set) -> Set:
    """All other versions."""
    left: list[Interval] = []
    low: str | None = None
    low_in = False
    open_below = True
    for i in s:
        if i.low is not None:
            left.append(Interval(low, low_in, i.low, not i.low_in))
        elif not open_below:  # pragma: no cover - only the first interval of a set has no low end
            raise AssertionError("intervals are not in order")
        if i.high is None:
            return tuple(left)
        low, low_in, open_below = i.high, not i.high_in, False
    left.append(Interval(low, low_in, None, False))
    return tuple(left)


def constraints(s: Set) -> list[tuple[str, str]]:
    """The set as comparators and versions in ascending order; `[("*", "")]` for all, `[]` for nothing."""
    if s == ALL:
        return [("*", "")]
    found: list[tuple[str, str]] = []
    for n, i in enumerate(s):
        if i.low is not None and i.low == i.high:
            found.append(("=", i.low))
            continue
        previous = s[n - 1] if n else None
        if i.low is not None and not (previous and previous.high == i.low):
            found.append((">=" if i.low_in else ">", i.low))
        following = s[n + 1] if n + 1 < len(s) else None
        if i.high is not None:
            hole = following is not None and following.low == i.high
            found.append(("!=" if hole else "<=" if i.high_in else "<", i.high))
    return found
