"""Where a version stands in an advisory's ranges and lists: in one of them, in none, or it can't be told.

Source: OSV schema, "Evaluation" (https://ossf.github.io/osv-schema/#evaluation). `where` answers or raises
`Doubt`; `bounds` are the coarse keys between which everything lies that it would not call outside.

    >>> held = Range("SEMVER", "", (Event("introduced", "1.0.0"), Event("fixed", "1.4.2")))
    >>> entry = Affected(0, "pkg:npm/a", "", "npm", "", "a", (held,), ())
    >>> (where("1.3.0", entry), where("1.4.2", entry))
    ('>=1.0.0, <1.4.2', None)
"""

import re
from dataclasses import replace
from functools import cmp_to_key, lru_cache

from vouchsafe.sbom import versions
from vouchsafe.sbom.advisories import Affected, Event, Range
from vouchsafe.sbom.limits import MAX_EVENTS_ORDERED, MAX_LISTED_COMPARED
from vouchsafe.sbom.versions import Doubt


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


def where(version: str, affected: Affected) -> str | None:
    """The range or listed version that holds `version`, or None.

    Raises:
        Doubt: nothing holds it for sure, and something could not be decided.
    """
    is_named = version in affected.versions or version in affected.unaffected
    if affected.package_key.startswith(_REPOSITORIES) and _COMMIT.fullmatch(version) and not is_named:
        raise Doubt(f"{version} is a commit or a day, which releases' versions have no order with")
    found = _where(version, affected)
    shorter = _without_addition(version, affected)
    if shorter and version not in affected.versions:
        held = _where(shorter, affected)
        if (found is None) != (held is None):
            said, other = (version, shorter) if found else (shorter, version)
            raise Doubt(f"{said} is in {found or held}, and {other}, which may be meant, is not")
    if found is None and ":" not in version and (epoch := _epoch_of(affected)):
        held = _where(f"{epoch}:{version}", affected)
        if held:  # who writes package URLs without qualifiers leaves rpm's epoch out
            raise Doubt(f"{version} says no epoch, and with the advisory's it is in {held}")
    return found


_REPOSITORIES = ("pkg:github/", "pkg:gitlab/", "pkg:bitbucket/", "pkg:git/", "pkg:generic/")
_COMMIT = re.compile(r"[0-9a-f]{7,64}|[0-9]{4}([.-])[0-9]{2}\1[0-9]{2}", re.ASCII)
_EPOCH = re.compile(r"0*[1-9][0-9]*:(.+)", re.ASCII | re.DOTALL)
_REVISION = re.compile(r"(.+)-[0-9]+", re.ASCII | re.DOTALL)


def _without_addition(version: str, affected: Affected) -> str:
    """The version without what an advisory's versions leave out; empty where there is no such thing.

    A local build of Python (`2.0.0+cu118`) sorts above `2.0.0`, but a specifier without a local part holds both
    (https://packaging.python.org/specifications/version-specifiers/#version-matching). Bitnami's packages have a
    revision (`2.3.1-4`), which reads as a pre-release, and most of its advisories have none. Some advisories are
    written without rpm's epochs, and a version with one is above every one without. Some are written in the versions
    of the packaged software: 3.1.1-1 of Debian or 3.1.1-r0 of Alpine is above 3.1.1, and is it.
    """
    if affected.package_key.startswith("pkg:pypi/"):
        return version.partition("+")[0] if "+" in version else ""
    found: re.Match[str] | None = None
    if affected.package_key.startswith("pkg:bitnami/"):
        found = _REVISION.fullmatch(version)
    elif affected.package_key.startswith("pkg:rpm/") and not _has_epochs(affected):
        found = _EPOCH.fullmatch(version)
    elif affected.package_key.startswith(_REVISED) and not _has_revisions(affected):
        found = _PACKAGED.fullmatch(version)
    return found[1] if found else ""


# A package's revision stands behind the last hyphen: Debian policy 5.6.12, apk-package(5), PKGBUILD(5).
_REVISED = ("pkg:deb/", "pkg:apk/", "pkg:alpm/")
_PACKAGED = re.compile(r"(.+)-[^-]+", re.ASCII | re.DOTALL)


def _has_revisions(affected: Affected) -> bool:
    named = [e.version for r in affected.ranges for e in r.events]
    return any("-" in version for version in (*named, *affected.versions, *affected.unaffected))


_EPOCHS = frozenset(("rpm", "deb", "alpm"))


def _epoch_of(affected: Affected) -> str:
    """The epoch that a range begins with; empty where each begins without one."""
    if versions.scheme_of(affected.package_key) not in _EPOCHS:
        return ""
    first = (e.version.partition(":") for r in affected.ranges for e in r.events if e.kind == "introduced")
    return next((epoch for epoch, colon, _ in first if colon and epoch.strip("0")), "")


def _has_epochs(affected: Affected) -> bool:
    return any(":" in e.version for r in affected.ranges for e in r.events)


def by_numbers(version: str, affected: Affected) -> str:
    """What comparing plain numbers would say of a version whose order is not known, in words; empty for nothing.

    For people to weigh: it decides nothing. Versions may be numbered anew, and a name may be another's.
    """
    if not affected.ranges or len(affected.versions) + len(affected.ranges) > MAX_EVENTS_ORDERED:
        return ""
    ranges = [replace(r, type="ECOSYSTEM" if r.type in _BY_NUMBERS else r.type) for r in affected.ranges]
    try:
        found = any(_in_range(version, r, "generic") for r in ranges)
        found = found or any(versions.compare("generic", version, v) == 0 for v in affected.versions)
    except Doubt:
        return ""
    return f"; as plain numbers, {version} is {'in' if found else 'outside'} its ranges"


_BY_NUMBERS = ("SEMVER", "ECOSYSTEM", "CUSTOM", "CPE")


def _where(version: str, affected: Affected) -> str | None:
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
    events, other = _sorted_events(r, order), _sorted_events(r, order, ends_first=True)
    held = _walk(version, r, order, events)
    if other != events and (held is None) != (_walk(version, r, order, other) is None):
        raise Doubt("the range says of a version below it that it is both introduced and fixed")
    return held


def _walk(version: str, r: Range, order: str, events: tuple[Event, ...]) -> Range | None:
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
    if bound == "0" or versions.compare(order, version, bound) >= 0:
        return True
    if order == "semver" and bound == "0.0.0":
        # Go's v0.0.0-20210101… and the like; who writes 0.0.0 mostly means the beginning.
        raise Doubt(f"{version} is a pre-release of 0.0.0, which the range begins with")
    return False


_TIE = {"introduced": 0, "last_affected": 1, "fixed": 2, "limit": 3}
_TIE_ENDS_FIRST = {**_TIE, "fixed": -1}


@lru_cache(maxsize=8_192)
def _sorted_events(r: Range, order: str, *, ends_first: bool = False) -> tuple[Event, ...]:
    """The events in order. The schema does not say which of `introduced` and `fixed` on one version comes first."""
    tie = _TIE_ENDS_FIRST if ends_first else _TIE
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
            return tie[a.kind] - tie[b.kind]
        by_version = versions.compare(order, a.version, b.version)
        return by_version or tie[a.kind] - tie[b.kind]

    return tuple(sorted(r.events, key=cmp_to_key(compare)))


def bounds(affected: Affected) -> tuple[str | None, str | None]:
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
    if _epoch_of(affected):
        low = ""  # `where` doubts a version that says no epoch
    if scheme == "rpm" and not _has_epochs(affected):
        high = _ABOVE_ALL  # `where` doubts a version that only its epoch puts above
    return low or None, high if high != _ABOVE_ALL else None


_ABOVE_ALL = "~"  # above every coarse key in bytes


def _range_bounds(r: Range, package_key: str, scheme: str | None) -> tuple[str, str]:
    """Bounds of one range; an empty low and `_ABOVE_ALL` mean none. A doubtful range has none."""
    try:
        events = _sorted_events(r, scheme or "", ends_first=True)
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
