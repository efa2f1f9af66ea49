"""Does an advisory touch a component? Confirmed, possible, or no match; doubt is always "possible".

Source: OSV schema, "Evaluation" (https://ossf.github.io/osv-schema/#evaluation). `None` from `match` means
that the advisory's own words exclude the component: another package, another distribution release, or a
version that every range and list leaves out and that could be compared. Nothing is excluded because something
could not be read.

For a database: store `Component.identity()` (its `pkg` by `joins.stored`) and `joins.component_keys` a
component and `advisory_ranges` an advisory, and select candidates with

    range.pkg is one of the component's keys, OR component.pkg = range.pkg
    AND (range.release IS NULL OR component.release IS NULL OR component.release = range.release)
    AND (component.coarse IS NULL OR range.coarse_min IS NULL OR component.coarse >= range.coarse_min)
    AND (component.coarse IS NULL OR range.coarse_max IS NULL OR component.coarse <= range.coarse_max)

with both coarse columns in `COLLATE "C"` (an empty release stored as NULL; the release line may be left out).
Then call `match` on each candidate with `advisory.affected[range.affected]`. A component that is no candidate
has no match. `matches` does the same in memory.

An entry that names no package of an ecosystem is about every component of that name, and one that names its
product by CPE about every component with that CPE: never more than possible, whatever the versions.

    >>> from vouchsafe.sbom import osv
    >>> entry = osv.read(b'{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package":'
    ...     b' {"ecosystem": "npm", "name": "a"}, "ranges": [{"type": "SEMVER", "events":'
    ...     b' [{"introduced": "1.0.0"}, {"fixed": "1.4.2"}]}]}]}').affected[0]
    >>> found = match(Component(name="a", purl="pkg:npm/a@1.3.0"), entry)
    >>> (found.certainty, found.range, found.reason)
    ('confirmed', '>=1.0.0, <1.4.2', 'a 1.3.0 is in >=1.0.0, <1.4.2')
    >>> match(Component(name="a", purl="pkg:npm/a@1.4.2"), entry) is None
    True
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cmp_to_key, lru_cache
from typing import Literal

from vouchsafe.sbom import joins, purl, versions
from vouchsafe.sbom.advisories import Advisory, Affected, Event, Range
from vouchsafe.sbom.errors import Malformed
from vouchsafe.sbom.joins import cpe_product
from vouchsafe.sbom.limits import MAX_EVENTS_ORDERED, MAX_LISTED_COMPARED
from vouchsafe.sbom.model import Component, Identity
from vouchsafe.sbom.versions import Doubt

Certainty = Literal["confirmed", "possible"]


@dataclass(frozen=True, slots=True)
class Match:
    """One component that one entry of an advisory touches: for which versions, and why."""

    certainty: Certainty
    component: Component
    affected: Affected
    range: str
    reason: str
    advisory: str = ""

    def __str__(self) -> str:
        return f"{self.advisory} {self.certainty}: {self.reason}".strip()


@dataclass(frozen=True, slots=True)
class RangeRow:
    """One row of an advisory in a database: which components are candidates. None: no bound on that side."""

    pkg: str
    coarse_min: str | None
    coarse_max: str | None
    release: str | None
    affected: int


def match(component: Component, affected: Affected, *, identity: Identity | None = None) -> Match | None:
    """How sure it is that `affected` is about `component` in its version, or None when it is not about it."""
    who = identity or component.identity()
    text = range_text(affected)
    if who.pkg != affected.package_key and not _same_generic(component, affected):
        return _by_name(component, who, affected, text) or match_cpe(component, affected)
    if affected.release and who.release and affected.release != who.release:
        return None
    label = f"{component.name} {who.version}".strip()
    if not who.version:
        return Match("possible", component, affected, text, f"{label} has no version; affected is {text}")
    try:
        where = _where(who.version, affected)
    except Doubt as doubt:
        return Match("possible", component, affected, text, f"{label}: {doubt}{_also(affected)}")
    if where is None:
        return None
    if affected.released and not (affected.release and who.release):
        said = f"{label} is in {where}, but its package URL does not say that it is of {affected.ecosystem}"
        return Match("possible", component, affected, where, said)
    return Match("confirmed", component, affected, where, f"{label} is in {where}{_also(affected)}")


def match_cpe(component: Component, affected: Affected) -> Match | None:
    """The possible match of a component whose CPE names a product of the entry, or None.

    Where both sides name the same package, `match` has decided, and this says nothing.
    """
    own = cpe_product(component.cpe or "")
    if own is None or own not in map(cpe_product, affected.cpes):
        return None
    if component.identity().pkg == affected.package_key or _same_generic(component, affected):
        return None
    version = component.version or "without a version"
    reason = (
        f"{component.name} {version} has the CPE of {own[0]} {own[1]}, which the advisory names; "
        "a CPE does not say whose build it is"
    )
    return Match("possible", component, affected, range_text(affected), reason)


def _also(affected: Affected) -> str:
    """What the advisory asks for besides: words that a person weighs; they narrow nothing."""
    return f"; it also says: {', '.join(affected.conditions[:3])}" if affected.conditions else ""


def matches(components: Iterable[Component], advisories: Iterable[Advisory]) -> Iterator[Match]:
    """Every match of the components with the advisories, strongest first for each component and advisory.

    One component matches one advisory once: the first confirmed entry, else the first possible one. Withdrawn
    advisories match nothing: their issuer took them back (OSV schema, `withdrawn`).
    """
    entries: list[tuple[Advisory, Affected]] = []
    by_key: dict[str, list[int]] = defaultdict(list)
    for advisory in advisories:
        if advisory.withdrawn:
            continue
        for affected in advisory.affected:
            for key in joins.entry_keys(affected):
                by_key[key].append(len(entries))
            entries.append((advisory, affected))
    for component in components:
        who = component.identity()
        best: dict[str, Match] = {}
        keys = (who.pkg, *joins.component_keys(component))
        for place in sorted({place for key in keys for place in by_key.get(key, ())}):
            advisory, affected = entries[place]
            _keep_stronger(best, advisory.id, match(component, affected, identity=who))
        yield from best.values()


def _keep_stronger(best: dict[str, Match], advisory: str, found: Match | None) -> None:
    held = best.get(advisory)
    if found is not None and (held is None or (held.certainty, found.certainty) == ("possible", "confirmed")):
        best[advisory] = replace(found, advisory=advisory)


def advisory_ranges(advisory: Advisory) -> tuple[RangeRow, ...]:
    """The rows that find an advisory's candidates in a database. A withdrawn advisory has none."""
    if advisory.withdrawn:
        return ()
    rows: list[RangeRow] = []
    for affected in advisory.affected:
        low, high = _bounds(affected)
        for key in joins.entry_keys(affected):
            is_package = key == affected.package_key
            bounds = (low, high, affected.release or None) if is_package else (None, None, None)
            rows.append(RangeRow(joins.stored(key), *bounds, affected.index))
    return tuple(rows)


def range_text(affected: Affected) -> str:
    """The affected versions in a line, as `>=1.0, <1.2.3 or =2.0`; for people, not for comparing.

    What the advisory itself does not know stands behind them, as such.
    """
    # Repeated: many ranges of commits of one repository.
    parts = [_range_words(r) for r in affected.ranges if r.type != "UNKNOWN"]
    unknown = [_range_words(r) for r in affected.ranges if r.type == "UNKNOWN"]
    if affected.versions:
        some = ", ".join(affected.versions[:3])
        more = len(affected.versions) - 3
        parts.append(f"={some}" + (f" and {more} more listed" if more > 0 else ""))
    known = " or ".join(dict.fromkeys(p for p in parts if p))
    if not unknown:
        return known or "versions that the advisory does not name"
    not_known = " or ".join(dict.fromkeys(p for p in unknown if p)) or "versions that it does not name"
    return f"{known or 'none for certain'}; not known for {not_known}"


def _range_words(r: Range) -> str:
    if r.type == "GIT":
        return f"commits of {r.repo}" if r.repo else "commits of a repository"
    words = []
    for event in r.events:
        sign = {"introduced": ">=", "fixed": "<", "last_affected": "<=", "limit": "<"}[event.kind]
        words.append(f"{sign}{event.version}")
    return ", ".join(words)


def _same_generic(component: Component, affected: Affected) -> bool:
    """`pkg:generic` URLs are joined as bare names; where both sides have the same, the version decides."""
    if not component.purl or not affected.package_key.startswith("pkg:generic/"):
        return False
    try:
        return purl.key(component.purl) == affected.package_key
    except Malformed:
        return False


def _by_name(component: Component, who: Identity, affected: Affected, text: str) -> Match | None:
    """The weak match: the same name, and nothing that says it is the same package."""
    keys = joins.entry_keys(affected)
    if who.pkg not in keys and not any(k in keys for k in joins.component_keys(component) if k[:4] == "any:"):
        return None
    version = who.version or "without a version"
    named = affected.name or component.name
    if who.pkg.startswith("name:"):
        what = "only a CPE" if component.cpe and not component.purl else "no package URL of an ecosystem"
        reason = (
            f"{component.name} {version} has {what}; {affected.ecosystem or 'the advisory'} names {named}"
        )
    else:
        reason = (
            f"{component.name} {version} is {who.pkg}; {affected.ecosystem or 'the advisory'} names {named},"
            " without a package URL of an ecosystem"
        )
    return Match("possible", component, affected, text, reason)


def _where(version: str, affected: Affected) -> str | None:
    """The range or listed version that holds `version`, or None.

    Raises:
        Doubt: nothing holds it for sure, and something could not be decided.
    """
    if version in affected.versions:
        return f"={version}"
    scheme = versions.scheme_of(affected.package_key)
    doubt: Doubt | None = None
    if _left_out(version, affected, scheme):
        return None
    for r in affected.ranges:
        try:
            where = _in_range(version, r, scheme)
            if where:
                _refuse_past_known(version, where, r, affected, scheme)
        except Doubt as told:
            doubt = doubt or told
            continue
        if where:
            return _range_words(where)
    if affected.versions:
        try:
            _refuse_equal(version, affected.versions, scheme)
        except _Equal as same:
            return f"={same.version}"
        except Doubt as told:
            doubt = doubt or told
    if not affected.ranges and not affected.versions:
        doubt = Doubt("the advisory names no versions")
    if doubt is not None:
        raise doubt
    return None


def _left_out(version: str, affected: Affected, scheme: str | None) -> bool:
    """Whether the advisory says of this one version that it is not affected. The same text, or equal in order."""
    return version in affected.unaffected or any(
        scheme is not None
        and versions.is_version(scheme, version)
        and versions.is_version(scheme, other)
        and _surely_equal(scheme, version, other)
        for other in affected.unaffected
    )


def _surely_equal(scheme: str, a: str, b: str) -> bool:
    try:
        return versions.compare(scheme, a, b) == 0
    except Doubt:
        return False


class _Equal(Exception):
    def __init__(self, version: str) -> None:
        self.version = version


def _refuse_equal(version: str, listed: tuple[str, ...], scheme: str | None) -> None:
    """`1.0` is listed as `1.0.0`: the same version in the ecosystem's order, though not the same text."""
    if scheme is None or not versions.is_version(scheme, version):
        raise Doubt(f"{version} is not among the listed versions as text, and its order is not known")
    if len(listed) > MAX_LISTED_COMPARED:
        raise Doubt(f"{version} is not among the listed versions as text, and they are too many to compare")
    for other in listed:
        if versions.is_version(scheme, other) and versions.compare(scheme, version, other) == 0:
            raise _Equal(other)


_NO_ORDER = {
    "GIT": "the range names commits, and the commits in this version are not known",
    "CUSTOM": "the advisory does not say by which order its versions are meant",
    "CPE": "the advisory names a product by CPE, which does not say whose versions are meant",
    "UNKNOWN": "the advisory says that it does not know whether these versions are affected",
}


_BOUND = re.compile(r"(?:>=?\s*[^\s,]+\s*,\s*)?(<=|<|=)\s*([^\s,]+)")


def _refuse_past_known(version: str, held: Range, r: Range, affected: Affected, scheme: str | None) -> None:
    """Nothing was said of a version above the last that the database knew to be affected (`last_known`).

    Such a range has no end because none was known when it was written. A bound counts for the range that
    begins last below it. A bound that can't be read says nothing, and the open range stands.
    """
    if len(held.events) > 1 or not affected.last_known or any(e.kind == "limit" for e in r.events):
        return
    order = "semver" if r.type == "SEMVER" else scheme or ""
    starts = [e.version for one in affected.ranges for e in one.events if e.kind == "introduced"]
    bounds = [_BOUND.fullmatch(text.strip()) for text in affected.last_known.split(" or ")]
    for bound in bounds:
        if bound is None or not versions.is_version(order, bound[2]):
            return
        above = versions.compare(order, version, bound[2])
        if above > 0 or (above == 0 and bound[1] == "<"):
            continue
        if not any(
            not _at_least(order, version, start) and _at_least(order, bound[2], start) for start in starts
        ):
            return
    raise Doubt(
        f"it is in {_range_words(held)}, but the database knew the affected versions only up to"
        f" {affected.last_known}"
    )


def _in_range(version: str, r: Range, scheme: str | None) -> Range | None:
    """OSV "Evaluation": walk the sorted events. Gives the interval that holds `version`, or None."""
    if r.type not in ("SEMVER", "ECOSYSTEM"):
        raise Doubt(_NO_ORDER.get(r.type, f"the range is of the unknown type {r.type or 'none'}"))
    order = "semver" if r.type == "SEMVER" else scheme
    if order is None:
        raise Doubt("the order of this ecosystem's versions is not known")
    if not versions.is_version(order, version):
        raise Doubt(f"{version} is no {order} version")
    events = _sorted_events(r, order)
    limits = [e for e in events if e.kind == "limit"]
    if limits and not any(
        e.version == "*" or versions.compare(order, version, e.version) < 0 for e in limits
    ):
        return None
    low: Event | None = None
    high: Event | None = None
    for event in events:
        if event.kind == "introduced" and _at_least(order, version, event.version):
            low, high = event, None
        elif event.kind == "fixed":
            if _at_least(order, version, event.version):
                low = None
            elif low and high is None:
                high = event
        elif event.kind == "last_affected":
            if versions.compare(order, version, event.version) > 0:
                low = None
            elif low and high is None:
                high = event
    if low is None:
        return None
    return Range(r.type, "", (low, high) if high else (low,))


def _at_least(order: str, version: str, bound: str) -> bool:
    return bound == "0" or versions.compare(order, version, bound) >= 0


_TIE = {"introduced": 0, "last_affected": 1, "fixed": 2, "limit": 3}


@lru_cache(maxsize=8_192)
def _sorted_events(r: Range, order: str) -> tuple[Event, ...]:
    if len(r.events) > MAX_EVENTS_ORDERED:
        raise Doubt(f"the range has more than {MAX_EVENTS_ORDERED:,} events")
    kinds = {e.kind for e in r.events}
    if "introduced" not in kinds:
        raise Doubt("the range has no introduced event")
    if {"fixed", "last_affected"} <= kinds:
        raise Doubt("the range has both fixed and last_affected events")
    for e in r.events:
        # Before any order is looked for: a range of one odd event has none to fail on.
        open_end = (e.kind, e.version) in (("introduced", "0"), ("limit", "*"))
        if not open_end and not versions.is_version(order, e.version):
            raise Doubt(f"the range's {e.kind} {e.version} is no {order} version")

    def compare(a: Event, b: Event) -> int:
        # "0" introduced sorts before everything; a limit "*" after everything.
        rank_a = -1 if a.kind == "introduced" and a.version == "0" else int(a.version == "*")
        rank_b = -1 if b.kind == "introduced" and b.version == "0" else int(b.version == "*")
        if rank_a != rank_b:
            return rank_a - rank_b
        if rank_a != 0:
            return _TIE[a.kind] - _TIE[b.kind]
        by_version = versions.compare(order, a.version, b.version)
        if by_version == 0 and {a.kind, b.kind} == {"introduced", "fixed"}:
            raise Doubt(f"the range says of {a.version} that it is both introduced and fixed")
        return by_version or _TIE[a.kind] - _TIE[b.kind]

    return tuple(sorted(r.events, key=cmp_to_key(compare)))


def _bounds(affected: Affected) -> tuple[str | None, str | None]:
    """The coarse keys between which every version lies that `match` would not call None."""
    scheme = versions.scheme_of(affected.package_key)
    lows: list[str] = []
    highs: list[str] = []
    for r in affected.ranges:
        if r.type not in ("SEMVER", "ECOSYSTEM") or (r.type == "SEMVER" and scheme != "semver"):
            return None, None
        low, high = _range_bounds(r, affected.package_key, scheme)
        lows.append(low)
        highs.append(high)
    for version in affected.versions:
        key = versions.coarse(affected.package_key, version)
        if key is None:
            return None, None
        lows.append(key)
        highs.append(key)
    if not lows:
        return None, None
    low, high = min(lows), max(highs)
    return low or None, high if high != _ABOVE_ALL else None


_ABOVE_ALL = "~"  # above every coarse key in bytes


def _range_bounds(r: Range, package_key: str, scheme: str | None) -> tuple[str, str]:
    """Bounds of one range; an empty low and `_ABOVE_ALL` mean none. A doubtful range has none."""
    try:
        events = _sorted_events(r, scheme or "")
    except Doubt:
        return "", _ABOVE_ALL
    low, high = "", _ABOVE_ALL
    first = events[0]
    if first.kind == "introduced" and first.version != "0":
        low = versions.coarse(package_key, first.version) or ""
    last = events[-1]
    limits = [e for e in events if e.kind == "limit"]
    if not limits and last.kind in ("fixed", "last_affected"):
        high = versions.coarse(package_key, last.version) or _ABOVE_ALL
    return low, high
