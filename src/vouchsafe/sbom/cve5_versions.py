"""The versions of a CVE record's product: which are affected, as ranges in OSV's events.

Source: the CVE Program's `versions.md`: the first entry that matches a version gives its status, else
`defaultStatus`, else unknown. The rule is followed exactly where the order of versions is known: every version
that the record names is a point on a line, the rule is asked at each point and between each two, and what is
affected is written down again as ranges. Otherwise what is said to be affected is kept as ranges of the type
CUSTOM, and what is not said to be unaffected as UNKNOWN; both only ever make a match possible.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from vouchsafe.sbom import advisory_fields as fields
from vouchsafe.sbom import versions
from vouchsafe.sbom.advisories import Event, Range
from vouchsafe.sbom.errors import shown
from vouchsafe.sbom.versions import Doubt

Object = dict[str, Any]
_STATUSES = ("affected", "unaffected", "unknown")


@dataclass(frozen=True, slots=True)
class Versions:
    """What is affected of one product, or may be."""

    ranges: tuple[Range, ...]
    versions: tuple[str, ...]
    unaffected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One version object. `upper` is None for a single version; `inclusive` says whether the upper bound is in."""

    version: str
    status: str
    type: str
    upper: str | None
    inclusive: bool
    changes: tuple[tuple[str, str], ...]


# versionType to the order of `versions`. The format names maven, python, rpm, semver, git and custom, and leaves
# others open; these are in use.
_ORDERS = {
    "semver": "semver",
    "npm": "semver",
    "cargo": "semver",
    "go": "semver",
    "python": "pypi",
    "pypi": "pypi",
    "maven": "maven",
    "rpm": "rpm",
    "dpkg": "deb",
    "deb": "deb",
    "apk": "apk",
    "gem": "gem",
    "rubygems": "gem",
    "nuget": "nuget",
    "composer": "composer",
}
# The Linux kernel's word in the entry that ends its list: ordered as the entries before it.
_KERNELS_OWN = "original_commit_for_fix"
# By convention 0 is below and * above everything; records from before there was a convention say it in words.
_NO_LOWER = frozenset(("0", "*", "", "-", "unspecified", "n/a", "unknown", "all", "all versions"))
_NO_UPPER = frozenset(("*", "", "unspecified", "n/a", "unknown"))


def read(product: Object, place: str, problems: list[str], package_key: str) -> Versions | None:
    """The affected versions of a product of `containers.….affected`; None when the record says that none is.

    Raises:
        Malformed: a field that has another kind of value than the schema asks for.
    """
    default = _status(product, "defaultStatus", place, problems)
    found = fields.objects(product, "versions", place)
    entries = [e for at, item in found for e in _entries(item, at, problems)]
    if not entries:
        return Versions((), (), ()) if default != "unaffected" else None
    # Commits are not versions that a component could have: beside versions they say the same thing again.
    plain = [e for e in entries if e.type != "git"]
    if not plain:
        repo = fields.text(product, "repo", place)
        commits = [Range("GIT", repo, _events(e)) for e in entries if _concerns(e)]
        if default != "unaffected":
            commits.append(_everything(default))
        return _result(commits, [], [])
    types = {e.type for e in plain if e.type} - {_KERNELS_OWN}
    order = _ORDERS.get(next(iter(types))) if len(types) == 1 else None
    if all(e.upper is None for e in plain):
        return _singles(plain, default, package_key)
    if order is not None:
        try:
            return _Line(plain, default, order, package_key).read()
        except Doubt as told:
            problems.append(f"{place}.versions: {told}: kept as ranges without an order")
    return _loose(plain, default)


def _status(item: Object, name: str, place: str, problems: list[str]) -> str:
    said = fields.text(item, name, place)
    if said in _STATUSES:
        return said
    if said or name != "defaultStatus":
        problems.append(f"{place}.{name}: expected {', '.join(_STATUSES)}, got {shown(item.get(name))}")
    return "unknown"


def _entries(item: Object, place: str, problems: list[str]) -> list[Entry]:
    """The entry of a version object; two where it has both upper bounds, so that the wider one counts."""
    version = fields.text(item, "version", place)
    if not version:
        problems.append(f"{place}.version: expected a version, got {shown(item.get('version'))}")
    below, up_to = fields.text(item, "lessThan", place), fields.text(item, "lessThanOrEqual", place)
    type_ = fields.text(item, "versionType", place).lower()
    if below and up_to:
        problems.append(f"{place}: expected lessThan or lessThanOrEqual, got both: the wider range counts")
    if (below or up_to) and not type_:
        problems.append(f"{place}.versionType: expected the order of a range, got nothing")
    changes = tuple(
        (fields.text(change, "at", at), _status(change, "status", at, problems))
        for at, change in fields.objects(item, "changes", place)
    )
    status = _status(item, "status", place, problems)
    if not below and not up_to:
        return [Entry(version, status, type_, None, False, changes)]
    if below and up_to and status == "unaffected":
        status = "unknown"
    bounds = [(bound, inclusive) for bound, inclusive in ((below, False), (up_to, True)) if bound]
    return [Entry(version, status, type_, bound, inclusive, changes) for bound, inclusive in bounds]


def _concerns(entry: Entry) -> bool:
    return any(s != "unaffected" for s in (entry.status, *(s for _, s in entry.changes)))


def _everything(status: str) -> Range:
    return Range("CUSTOM" if status == "affected" else "UNKNOWN", "", (Event("introduced", "0"),))


def _result(ranges: list[Range], listed: list[str], unaffected: list[str]) -> Versions | None:
    if not ranges and not listed:
        return None
    return Versions(
        tuple(dict.fromkeys(ranges)), tuple(dict.fromkeys(listed)), tuple(dict.fromkeys(unaffected))
    )


_WORDS = re.compile(r"(>=|<=|==|=|>|<)?\s*([0-9A-Za-z][0-9A-Za-z.+~_:-]*)", re.ASCII)
_PLAIN = re.compile(r"v?[0-9][0-9A-Za-z.+~_:-]*", re.ASCII)


def _singles(entries: list[Entry], default: str, package_key: str) -> Versions | None:
    """Single versions: equality needs no order, so what is listed is exact; what is not listed has `default`."""
    scheme = versions.scheme_of(package_key) if package_key else None
    ranges: list[Range] = []
    listed: list[str] = []
    unaffected: list[str] = []
    seen: set[str] = set()
    for e in entries:
        if e.version in seen:  # the first entry that matches decides
            continue
        seen.add(e.version)
        if e.status == "unaffected":
            unaffected.append(e.version)
        elif e.version.lower() in _NO_LOWER:
            ranges.append(_everything(e.status))
        elif e.status == "unknown":
            ranges.append(
                Range("UNKNOWN", "", (Event("introduced", e.version), Event("last_affected", e.version)))
            )
        elif versions.is_version(scheme, e.version) if scheme else _is_plain(e.version):
            listed.append(e.version)
        else:  # `4.x`, `11 and 12`, `>= 1.7.0, < 1.18.4`: more than one version, in words
            ranges.append(Range("CUSTOM", "", _events_in_words(e.version)))
    if default != "unaffected":
        ranges.append(_everything(default))
    return _result(ranges, listed, unaffected)


def _is_plain(version: str) -> bool:
    return bool(_PLAIN.fullmatch(version)) and not version.lower().endswith((".x", ".*"))


def _events_in_words(text: str) -> tuple[Event, ...]:
    parts = [_WORDS.fullmatch(part.strip()) for part in text.split(",")]
    events: list[Event] = []
    for part in parts:
        if part is None or part[1] is None:
            return (Event("introduced", text), Event("last_affected", text))
        sign, version = part[1], part[2]
        if sign in (">=", ">", "=", "=="):
            events.insert(0, Event("introduced", version))
        if sign in ("<=", "=", "=="):
            events.append(Event("last_affected", version))
        elif sign == "<":
            events.append(Event("fixed", version))
    return tuple(events) if events[0].kind == "introduced" else (Event("introduced", "0"), *events)


def _loose(entries: list[Entry], default: str) -> Versions | None:
    """Ranges without an order: everything that is said to be affected, in words, and the default."""
    ranges = [Range("CUSTOM", "", _events(e)) for e in entries if _concerns(e)]
    if default != "unaffected":
        ranges.append(_everything(default))
    return _result(ranges, [], [])


def _events(e: Entry) -> tuple[Event, ...]:
    start = "0" if e.version.lower() in _NO_LOWER else e.version
    events: list[Event] = []
    held = e.status != "unaffected"
    if held:
        events.append(Event("introduced", start))
    if e.upper is None and held:
        return (*events, Event("last_affected", start)) if start != "0" else tuple(events)
    for at, status in e.changes:
        if (status != "unaffected") != held:
            held = not held
            events.append(Event("introduced" if held else "fixed", at))
    if held and e.upper is not None and e.upper.lower() not in _NO_UPPER:
        events.append(Event("last_affected" if e.inclusive else "fixed", e.upper))
    return tuple(events)


_SERIES = re.compile(r"(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?\.\*", re.ASCII)


class _Line:
    """The versions that a record names, in order, and the status at and between them.

    Position 2i + 1 is the i-th version itself, position 2i what lies before it, the last position what lies
    after all of them.
    """

    def __init__(self, entries: list[Entry], default: str, order: str, package_key: str) -> None:
        self.default, self.order = default, order
        scheme = versions.scheme_of(package_key) if package_key else None
        is_known = scheme == order
        self.type = "SEMVER" if order == "semver" else "ECOSYSTEM" if is_known else "CUSTOM"
        self.entries = [(e, *self._upper(e)) for e in entries]
        named: dict[str, None] = {}
        for e, upper, _ in self.entries:
            if e.version.lower() not in _NO_LOWER:
                named[e.version] = None
            if upper is not None:
                named[upper] = None
            named.update((at, None) for at, _ in e.changes)
        self.points = self._sorted(list(named))
        self.crossed: list[Range] = []

    def _upper(self, e: Entry) -> tuple[str | None, bool]:
        if e.upper is None or e.upper.lower() in _NO_UPPER:
            return None, False
        series = _SERIES.fullmatch(e.upper) if self.order == "semver" else None
        if series is None:
            return e.upper, e.inclusive
        major, minor = int(series[1]), series[2]
        # The series ends below the first pre-release of the next one.
        return (f"{major + 1}.0.0-0" if minor is None else f"{major}.{int(minor) + 1}.0-0"), False

    def _sorted(self, named: list[str]) -> list[str]:
        for version in named:
            if not versions.is_version(self.order, version):
                raise Doubt(f"{shown(version)} is no {self.order} version")

        def compare(a: str, b: str) -> int:
            return versions.compare(self.order, a, b)

        ordered = sorted(named, key=cmp_to_key(compare))
        self.place: dict[str, int] = {}
        points: list[str] = []
        for version in ordered:
            if not points or versions.compare(self.order, points[-1], version) != 0:
                points.append(version)
            self.place[version] = 2 * (len(points) - 1) + 1
        return points

    def _statuses(self) -> list[str]:
        """versions.md: the first entry that matches; its changes in order; else the default.

        Each position is decided once, by the first entry that reaches it, so the work grows with their number.
        """
        size = 2 * len(self.points) + 1
        out = [self.default] * size
        undecided = list(range(size + 1))  # the first position from here on that no entry has reached yet
        for e, upper, inclusive in self.entries:
            low = 0 if e.version.lower() in _NO_LOWER else self.place[e.version]
            if e.upper is None:
                end = low
            else:
                end = size - 1 if upper is None else self.place[upper] - (0 if inclusive else 1)
            if end < low and _concerns(e):  # 2.0 to below 1.0, or to below itself: something else was meant
                self.crossed.append(Range("CUSTOM", "", _events(e)))
            changes = sorted((self.place[at], i, status) for i, (at, status) in enumerate(e.changes))
            at = _find(undecided, low)
            while at <= end:
                before = bisect_right(changes, (at, len(changes), ""))
                out[at] = changes[before - 1][2] if before else e.status
                undecided[at] = at + 1
                at = _find(undecided, at)
        return out

    def read(self) -> Versions | None:
        """The ranges of what is affected; of what is unknown, one range that says so."""
        statuses = self._statuses()
        ranges: list[Range] = []
        listed: list[str] = []
        unaffected: list[str] = []
        for first, last in _runs(statuses, "affected"):
            if first == last and first % 2:
                listed.append(self.points[first // 2])
                continue
            ranges.append(Range(self.type, "", self._events(first, last)))
            if first and first % 2 == 0 and self.order != "semver" and statuses[first - 1] == "unaffected":
                # "Above" has no event in OSV, and this order no next version: the range begins one too early.
                unaffected.append(self.points[first // 2 - 1])
        for first, last in _runs(statuses, "unknown"):
            ranges.append(Range("UNKNOWN", "", self._events(first, last)))
        ranges += self.crossed
        return _result(ranges, listed, unaffected)

    def _events(self, first: int, last: int) -> tuple[Event, ...]:
        if first == 0:
            start = Event("introduced", "0")
        elif first % 2:
            start = Event("introduced", self.points[first // 2])
        else:
            below = self.points[first // 2 - 1]
            start = Event("introduced", next_semver(below) if self.order == "semver" else below)
        if last == 2 * len(self.points):
            return (start,)
        end = Event("last_affected" if last % 2 else "fixed", self.points[last // 2])
        return (start, end)


def _find(undecided: list[int], at: int) -> int:
    root = at
    while undecided[root] != root:
        root = undecided[root]
    while undecided[at] != root:
        undecided[at], at = root, undecided[at]
    return root


def _runs(statuses: list[str], wanted: str) -> list[tuple[int, int]]:
    """First and last position of each unbroken run of a status."""
    found: list[tuple[int, int]] = []
    for at, status in enumerate(statuses):
        if status != wanted:
            continue
        if found and found[-1][1] == at - 1:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found


_SEMVER = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(?:\+.*)?", re.ASCII)


def next_semver(version: str) -> str:
    """The lowest semantic version above `version`: nothing lies between them (Semantic Versioning 2.0.0, 11).

    >>> (next_semver("1.2.3"), next_semver("1.2.3-rc.1"))
    ('1.2.4-0', '1.2.3-rc.1.0')
    """
    found = _SEMVER.fullmatch(version)
    if found is None:
        raise Doubt(f"{shown(version)} is no semver version")
    major, minor, patch = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    if found[4]:
        return f"{major}.{minor}.{patch}{found[4]}.0"
    return f"{major}.{minor}.{patch + 1}-0"
