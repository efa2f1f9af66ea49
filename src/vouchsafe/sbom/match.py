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
product by CPE about every component with that CPE: never more than possible, whatever the versions. What comparing
them as plain numbers would say stands in the reason. Such a match is only dropped where CPEs on both sides differ in
vendor and product, and nothing in the component's names is like the advisory's product.

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
from typing import Literal

from vouchsafe.sbom import joins, purl, ranges
from vouchsafe.sbom.advisories import Advisory, Affected
from vouchsafe.sbom.errors import Malformed
from vouchsafe.sbom.joins import cpe_product
from vouchsafe.sbom.model import Component, Identity
from vouchsafe.sbom.ranges import range_text as range_text
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
    other = ""
    if not _same(component, who, affected.package_key):
        other, who = _besides(component, who, affected)
        if not other:
            return match_cpe(component, affected) or _by_name(component, who, affected, text)
    if affected.release and who.release and affected.release != who.release:
        return None
    label = f"{component.name} {who.version}".strip()
    if not who.version:
        return Match("possible", component, affected, text, f"{label} has no version; affected is {text}")
    try:
        where = ranges.where(who.version, affected)
    except Doubt as doubt:
        return Match("possible", component, affected, text, f"{label}: {doubt}{_also(affected)}")
    if who.besides:
        found = match(component, affected, identity=replace(who, version=who.besides, besides=""))
        if (found is None) != (where is None):
            held = where or (found.range if found else "")
            said = f"{label} has the version {who.besides} besides; one of the two is in {held}"
            return Match("possible", component, affected, held, said)
    if where is None:
        return None
    if other:
        return Match("possible", component, affected, where, f"{label} is in {where}, but {other}")
    if affected.released and not (affected.release and who.release):
        said = f"{label} is in {where}, but its package URL does not say that it is of {affected.ecosystem}"
        return Match("possible", component, affected, where, said)
    if elsewhere := _elsewhere(component):
        said = f"{label} is in {where}, but its package URL says that it is from {elsewhere}, not from a registry"
        return Match("possible", component, affected, where, said)
    return Match("confirmed", component, affected, where, f"{label} is in {where}{_also(affected)}")


def _elsewhere(component: Component) -> str:
    """From where the component is that is a fork, or one's own, or built from commits: its version may be another's."""
    try:
        return purl.elsewhere(purl.parts(component.purl)) if component.purl else ""
    except Malformed:
        return ""


def match_cpe(component: Component, affected: Affected) -> Match | None:
    """The possible match of a component whose CPE names a product of the entry, or None.

    Where both sides name the same package, `match` has decided, and this says nothing.
    """
    own = cpe_product(component.cpe or "")
    if own is None or own not in map(cpe_product, affected.cpes):
        return None
    who = component.identity()
    if _same(component, who, affected.package_key) or _besides(component, who, affected)[0]:
        return None
    version = component.version or "without a version"
    reason = (
        f"{component.name} {version} has the CPE of {own[0]} {own[1]}, which the advisory names; "
        "a CPE does not say whose build it is"
        f"{ranges.by_numbers(component.version, affected)}"
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
        best: dict[str, Match] = {}
        for one in component.by_each_url():
            who = one.identity()
            keys = (who.pkg, *joins.component_keys(one, who))
            for place in sorted({place for key in keys for place in by_key.get(key, ())}):
                advisory, affected = entries[place]
                _keep_stronger(best, advisory.id, match(one, affected, identity=who))
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
        low, high = ranges.bounds(affected)
        for key in joins.entry_keys(affected):
            is_package = key == affected.package_key
            bounds = (low, high, affected.release or None) if is_package else (None, None, None)
            rows.append(RangeRow(joins.stored(key), *bounds, affected.index))
    return tuple(rows)


def _same(component: Component, who: Identity, key: str) -> bool:
    """Whether a component is of the package. `pkg:generic` URLs are joined as bare names, so they are compared here."""
    if who.pkg == key:
        return True
    if not component.purl or not key.startswith("pkg:generic/"):
        return False
    try:
        return purl.key(component.purl) == key
    except Malformed:
        return False


def _besides(component: Component, who: Identity, affected: Affected) -> tuple[str, Identity]:
    """Why the component may be of the package all the same, in words, and its identity then; no words: it is not."""
    for key in affected.other_keys:
        if _same(component, who, key):
            return f"the advisory names {affected.package_key} besides {who.pkg}", who
    for key, version in who.others:
        if key in (affected.package_key, *affected.other_keys):
            if who.pkg.startswith("name:"):
                return f"only its name says that it is {key}", replace(who, version=version)
            return f"its package URL may be of {who.pkg} or of {key}", replace(who, version=version)
    return "", who


def _by_name(component: Component, who: Identity, affected: Affected, text: str) -> Match | None:
    """The weak match: the same name, and nothing that says it is the same package."""
    keys = joins.entry_keys(affected)
    if who.pkg not in keys and not any(
        k in keys for k in joins.component_keys(component, who) if k.startswith(("any:", "name:"))
    ):
        return None
    if _another_product(component, affected) or _another_ecosystem(component, who, affected):
        return None
    version = who.version or "without a version"
    named = affected.name or component.name
    if who.pkg.startswith("name:"):
        what = "only a CPE" if component.cpe and not component.purl else "no package URL of an ecosystem"
        reason = (
            f"{component.name} {version} has {what}; {affected.ecosystem or 'the advisory'} names {named}"
        )
    elif joins.names_package(affected):
        whose = affected.ecosystem or "the advisory"
        reason = f"{component.name} {version} is {who.pkg}, a repository; {whose} names {named}"
    else:
        reason = (
            f"{component.name} {version} is {who.pkg}; {affected.ecosystem or 'the advisory'} names {named},"
            " without a package URL of an ecosystem"
        )
    reason += _of_whom(component, affected) + ranges.by_numbers(who.version, affected)
    return Match("possible", component, affected, text, reason)


def _of_whom(component: Component, affected: Affected) -> str:
    """That both sides name their products by CPE, and no two alike, in words."""
    own, named = cpe_product(component.cpe or ""), _products(affected)
    if own is None or not named or own in named:
        return ""
    return f"; its CPE is of {own[0]} {own[1]}, the advisory's of {named[0][0]} {named[0][1]}"


def _another_ecosystem(component: Component, who: Identity, affected: Affected) -> bool:
    """Whether a package URL that lacks only its namespace says that the package is of another kind.

    A repository may be what a registry's package is made of, and what a distribution builds is the distribution's;
    where the names of a registry's packages have the repository in them, they say which.
    """
    if not component.purl or not joins.names_package(affected):
        return False
    if not who.pkg.startswith("name:"):
        return not joins.of_no_ecosystem(who) or affected.package_key.startswith(_NOT_OF_REPOSITORIES)
    try:
        type_ = purl.parts(component.purl).type
    except Malformed:
        return False
    return type_ != "generic" and not affected.package_key.startswith(f"pkg:{type_}/")


_NOT_OF_REPOSITORIES = ("pkg:deb/", "pkg:rpm/", "pkg:apk/", "pkg:golang/", "pkg:swift/", "pkg:githubactions/")


def _another_product(component: Component, affected: Affected) -> bool:
    """Whether CPEs on both sides say that the name in common is a coincidence.

    Vendor and product must differ from each of the advisory's, and not only in spelling, and the component may not
    have the name of such a product besides: SBOM tools guess CPEs, and a guess takes no match away.
    """
    own, named = cpe_product(component.cpe or ""), _products(affected)
    if own is None or not named or len(named) < len(affected.cpes):
        return False
    names = [component.name, own[1]]
    if component.purl:
        try:
            parts = purl.parts(component.purl)
        except Malformed:
            return False
        names += purl.names_of(parts, component.source)
    return not any(
        _alike(own[0], vendor) or any(_alike(name, product) for name in names) for vendor, product in named
    )


def _products(affected: Affected) -> list[tuple[str, str]]:
    return [product for product in map(cpe_product, affected.cpes) if product is not None]


def _alike(a: str, b: str) -> bool:
    """Whether one is in the other, but for case and punctuation; what says nothing is like everything."""
    a, b = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (a, b))
    return a in b or b in a
