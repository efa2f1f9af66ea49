"""Imported advisories, and which builds each touches: candidates by key in SQL, each compared exactly in Python.

Doubt is "possible", never "not affected". Devices are `impact`'s. Start with `reach`; `reaching` goes the other
way, from a build to the advisories that touch it.
"""

# SQL here is put together from constants of this package; every value is a parameter.

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from vouchsafe.fleet import db
from vouchsafe.fleet.errors import NotFound
from vouchsafe.kernel import files
from vouchsafe.sbom import advisories as formats
from vouchsafe.sbom import joins, match
from vouchsafe.sbom.model import Component

RANK = {"none": 0, "possible": 1, "confirmed": 2}


@dataclass(frozen=True, slots=True)
class AdvisoryRow:
    """An imported advisory. Times in ms, None where the advisory doesn't say. `severity`: type, vector,
    score, rating.
    """

    id: int
    key: str
    aliases: tuple[str, ...]
    summary: str
    details: str
    severity: Mapping[str, object]
    published_at: int | None
    modified_at: int | None
    withdrawn_at: int | None
    sha256: str
    imported_at: int


@dataclass(frozen=True, slots=True)
class ComponentHit:
    """A component that the advisory touches. `certainty`: confirmed or possible, with the reason in words."""

    component: int
    name: str
    version: str
    purl: str
    certainty: str
    reason: str
    range: str
    builds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """What an advisory means for builds: certainty by build, and the models that have an affected build.

    `entries`: how many products it names; `unjoined`: how many of them by nothing that a component could be
    looked up by (a repository's commits, an empty name).
    """

    builds: Mapping[int, str]
    models: tuple[int, ...]
    hits: tuple[ComponentHit, ...]
    entries: int
    unjoined: int

    @property
    def affected(self) -> list[int]:
        """Builds that are affected, or possibly so: doubt counts."""
        return sorted(build for build, certainty in self.builds.items() if certainty != "none")


_ADVISORY = (
    "SELECT id, key, aliases, summary, details, severity::text, published_at, modified_at, withdrawn_at,"
    " encode(sha256, 'hex'), imported_at FROM fleet_advisory"
)


def _advisory(row: tuple[Any, ...]) -> AdvisoryRow:
    return AdvisoryRow(*[*row[:2], tuple(row[2]), *row[3:5], db.unjson(row[5]), *row[6:]])


def advisory(advisory_id: int) -> AdvisoryRow:
    """Raises: NotFound."""
    found = db.one(_ADVISORY + " WHERE id = %(id)s", {"id": advisory_id})
    if found is None:
        raise NotFound(f"There is no advisory {advisory_id}.")
    return _advisory(found)


def advisories() -> tuple[AdvisoryRow, ...]:
    """The newest import of every advisory, newest first."""
    found = db.rows(
        f"SELECT * FROM (SELECT DISTINCT ON (key) * FROM ({_ADVISORY}) a ORDER BY key, id DESC) n ORDER"
        " BY id DESC"
    )
    return tuple(_advisory(row) for row in found)


def find_advisory(key: str) -> AdvisoryRow:
    """The newest import of an advisory by its own id or an alias such as a CVE. Raises: NotFound."""
    found = db.one(
        "SELECT id FROM fleet_advisory WHERE key = %(key)s OR %(key)s = ANY(aliases) ORDER BY id DESC"
        " LIMIT 1",
        {"key": key.strip()},
    )
    if found is None:
        raise NotFound(f"No advisory {key.strip()[:80]} was imported.")
    return advisory(found[0])


@lru_cache(maxsize=64)
def _read(sha256: str) -> formats.Advisory:
    return formats.read(files.read(sha256, root=files.folder()))


# Where the package itself is the key, versions narrow the candidates by coarse keys; other keys never do.
_SAME_PACKAGE = (
    "c.pkg = r.pkg"
    " AND (r.release IS NULL OR c.release IS NULL OR c.release = r.release)"
    " AND (c.coarse IS NULL OR r.coarse_min IS NULL OR c.coarse >= r.coarse_min)"
    " AND (c.coarse IS NULL OR r.coarse_max IS NULL OR c.coarse <= r.coarse_max)"
)
_CANDIDATES = (
    "SELECT c.id, c.name, c.version, c.purl, c.cpe, c.source, array_agg(DISTINCT j.affected) FROM ("
    " SELECT c.id, r.affected FROM fleet_advisory_range r"
    f" JOIN fleet_component c ON {_SAME_PACKAGE} WHERE r.advisory = %(id)s"
    " UNION ALL"
    " SELECT k.component, r.affected FROM fleet_advisory_range r"
    " JOIN fleet_component_key k ON k.key = r.pkg WHERE r.advisory = %(id)s"
    ") j JOIN fleet_component c ON c.id = j.id GROUP BY c.id"
)


def _component(name: str, version: str, purl: str, cpe: str, source: str) -> Component:
    return Component(name, version, purl or None, cpe or None, source=source)


def reach(advisory_id: int) -> Reach:
    """Which builds an advisory touches: candidates by key, then each compared exactly."""
    told = _read(advisory(advisory_id).sha256)
    by_index = {affected.index: affected for affected in told.affected}
    hits: dict[int, match.Match] = {}
    for component_id, *columns, indexes in db.rows(_CANDIDATES, {"id": advisory_id}):
        component = _component(*columns)
        for index in indexes:
            hit = match.match(component, by_index[index])
            held = hits.get(component_id)
            if hit is not None and (held is None or RANK[hit.certainty] > RANK[held.certainty]):
                hits[component_id] = hit
    pairs = db.rows(
        "SELECT component, build FROM fleet_build_component WHERE component = ANY(%(c)s) ORDER BY build",
        {"c": list(hits)},
    )
    builds: dict[int, str] = {build: "none" for (build,) in db.rows("SELECT id FROM fleet_build")}
    for component_id, build in pairs:
        builds[build] = max(builds[build], hits[component_id].certainty, key=RANK.__getitem__)
    affected = [build for build, certainty in builds.items() if certainty != "none"]
    models = db.rows(
        "SELECT DISTINCT model FROM fleet_build WHERE id = ANY(%(b)s) ORDER BY model", {"b": affected}
    )
    components = tuple(
        ComponentHit(
            i,
            hit.component.name,
            hit.component.version,
            hit.component.purl or "",
            hit.certainty,
            hit.reason,
            hit.range,
            tuple(build for component, build in pairs if component == i),
        )
        for i, hit in sorted(
            hits.items(), key=lambda item: (-RANK[item[1].certainty], item[1].component.name)
        )
    )
    unjoined = 0 if told.withdrawn else sum(not joins.entry_keys(affected) for affected in told.affected)
    return Reach(builds, tuple(row[0] for row in models), components, len(told.affected), unjoined)


# Of each advisory the newest edition speaks, also where that one was withdrawn and has no ranges.
_OF_BUILD = (
    "WITH newest AS (SELECT DISTINCT ON (key) id FROM fleet_advisory ORDER BY key, id DESC),"
    " mine AS (SELECT c.* FROM fleet_build_component b JOIN fleet_component c ON c.id = b.component"
    " WHERE b.build = %(build)s),"
    " met AS (SELECT r.advisory, r.affected, c.id FROM mine c"
    f" JOIN fleet_advisory_range r ON {_SAME_PACKAGE}"
    " UNION SELECT r.advisory, r.affected, c.id FROM mine c"
    " JOIN fleet_component_key k ON k.component = c.id JOIN fleet_advisory_range r ON r.pkg = k.key)"
    " SELECT m.advisory, m.affected, c.name, c.version, c.purl, c.cpe, c.source FROM met m"
    " JOIN newest n ON n.id = m.advisory JOIN fleet_component c ON c.id = m.id ORDER BY m.advisory, m.affected, c.id"
)


def reaching(build_id: int) -> tuple[AdvisoryRow, ...]:
    """The imported advisories that touch a component of a build, surely or possibly, oldest import first."""
    found = []
    for advisory_id, candidates in groupby(db.rows(_OF_BUILD, {"build": build_id}), key=itemgetter(0)):
        row = advisory(advisory_id)
        by_index = {affected.index: affected for affected in _read(row.sha256).affected}
        if any(match.match(_component(*columns), by_index[index]) for _, index, *columns in candidates):
            found.append(row)
    return tuple(found)
