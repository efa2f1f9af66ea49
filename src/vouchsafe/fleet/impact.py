"""From an advisory to devices: components, builds, and the devices in three sets (R-33, R-81).

Coarse keys narrow the candidates in SQL, the exact comparison decides in Python, and doubt is "possible",
never "not affected". Builds are tens and devices many, so devices are found through states, never one by one.
A VEX statement would annotate and never remove; nothing here knows one. Start with `import_advisory` and
`impact`.
"""

# SQL here is put together from constants of this package; every value is a parameter.

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from vouchsafe.fleet import db, rights, triage
from vouchsafe.fleet.actor import Person
from vouchsafe.fleet.advisories import (
    AdvisoryRow,
    ComponentHit,
    Reach,
    advisories,
    advisory,
    find_advisory,
    reach,
)
from vouchsafe.fleet.clock import ms
from vouchsafe.fleet.errors import BadInput
from vouchsafe.fleet.queries import MAX_PAGE, Page, page_of
from vouchsafe.fleet.words import CONFIRMED, FRESH_MS, FRESHNESS, HELD_SQL, LAST_KNOWN, NOW_SQL, UNKNOWN
from vouchsafe.kernel import files
from vouchsafe.sbom import advisories as formats
from vouchsafe.sbom import match
from vouchsafe.sbom.errors import SbomError

MAX_ID_CHARS = 200

__all__ = [
    "AdvisoryRow",
    "BuildHit",
    "ComponentHit",
    "Impact",
    "Reach",
    "Scope",
    "SiteHit",
    "advisories",
    "advisory",
    "affected_devices",
    "find_advisory",
    "impact",
    "import_advisory",
    "reach",
    "reached_at",
    "scope",
    "states_in_scope",
]


@dataclass(frozen=True, slots=True)
class BuildHit:
    """An affected build and the devices whose last proof measured it."""

    build: int
    model: str
    version: str
    released_at: int
    certainty: str
    components: tuple[int, ...]
    confirmed: int
    last_known: int

    @property
    def devices(self) -> int:
        return self.confirmed + self.last_known


@dataclass(frozen=True, slots=True)
class SiteHit:
    """The devices in scope at one site; `key` "" where no site is known."""

    key: str
    name: str
    confirmed: int
    last_known: int
    unknown: int

    @property
    def devices(self) -> int:
        return self.confirmed + self.last_known + self.unknown


@dataclass(frozen=True, slots=True)
class Impact:
    """Who an advisory reaches now.

    `confirmed` + `last_known` + `unknown` = `scope`: devices whose last proof measured an affected build, and
    devices of an affected model of which no released build is known. `possible`: those of the first two that
    rest on weak matches only. `not_affected` is by freshness too: its stale part is known only as of its last
    proof. `entries` and `unjoined` as in `Reach`.
    """

    advisory: AdvisoryRow
    components: tuple[ComponentHit, ...]
    builds: tuple[BuildHit, ...]
    unaffected_builds: tuple[tuple[int, str, str], ...]
    confirmed: int
    last_known: int
    unknown: int
    possible: int
    not_affected: Mapping[str, int]
    total: int
    sites: tuple[SiteHit, ...]
    elapsed_ms: float
    entries: int
    unjoined: int

    @property
    def scope(self) -> int:
        return self.confirmed + self.last_known + self.unknown


@transaction.atomic
def import_advisory(data: bytes, *, by: Person | None, at: datetime) -> AdvisoryRow:
    """Keep an advisory of any format byte for byte and index its ranges; the same bytes again change nothing.

    If it reaches a component of a released build, a draft vulnerability record opens (`triage.report`). `by` None:
    the installation itself, whose rights nobody asks for.

    Raises:
        BadInput: it isn't one advisory, with the place. Denied: `by` may not import one (`rights`).
    """
    if by is not None:
        rights.require_importer(by, at=at)
    try:
        read = formats.read(data)
    except SbomError as error:
        raise BadInput("advisory", "one advisory", str(error)) from None
    if read.format == "KEV":
        raise BadInput("advisory", "one advisory", "the KEV catalogue, which names vulnerabilities only")
    if len(read.id) > MAX_ID_CHARS:
        raise BadInput("advisory id", f"at most {MAX_ID_CHARS} characters", f"{len(read.id)}")
    sha256 = hashlib.sha256(data).digest()
    known = db.one("SELECT id FROM fleet_advisory WHERE sha256 = %(h)s", {"h": sha256})
    row = advisory(_keep(read, data, sha256, by, at) if known is None else known[0])
    if reach(row.id).affected:
        triage.report(row, by=by, at=at)
    return row


def _keep(read: formats.Advisory, data: bytes, sha256: bytes, by: Person | None, at: datetime) -> int:
    files.keep(data, root=files.folder())
    best = read.severity
    severity = (
        {"type": best.type, "vector": best.vector, "score": best.score, "rating": best.rating} if best else {}
    )
    row = db.one(
        "INSERT INTO fleet_advisory (key, aliases, summary, details, severity, published_at, modified_at,"
        " withdrawn_at,"
        " sha256, imported_at, imported_by) VALUES (%(key)s, %(aliases)s, %(summary)s, %(details)s,"
        " %(severity)s::jsonb,"
        " %(published)s, %(modified)s, %(withdrawn)s, %(sha)s, %(at)s, %(by)s) RETURNING id",
        {
            "key": read.id,
            "aliases": list(read.aliases),
            "summary": read.summary,
            "details": read.details,
            "severity": db.json(severity),
            "published": _moment(read.published),
            "modified": _moment(read.modified),
            "withdrawn": _moment(read.withdrawn),
            "sha": sha256,
            "at": ms(at),
            "by": by.id if by else None,
        },
    )
    assert row is not None
    db.copy(
        "fleet_advisory_range",
        ("advisory", "pkg", "coarse_min", "coarse_max", "release", "affected"),
        [
            (row[0], r.pkg, r.coarse_min, r.coarse_max, r.release, r.affected)
            for r in match.advisory_ranges(read)
        ],
    )
    return int(row[0])


def _moment(text: str) -> int | None:
    """An RFC 3339 time in ms; None when it isn't one."""
    try:
        return ms(datetime.fromisoformat(text.replace("Z", "+00:00"))) if text else None
    except ValueError:
        return None


# The three sets of R-81, by freshness; without a released build it's unknown whether a device is affected.
SET_SQL = (
    "CASE WHEN s.build IS NULL THEN 'unknown' WHEN h.v >= %(fresh_from)s THEN 'confirmed'"
    " ELSE 'last_known' END"
)
# Counted by state and by whether the proof is fresh, two things without text: what they mean is said afterwards,
# once for each state and not for each device.
_FROM = " FROM fleet_device_state ds LEFT JOIN fleet_head h ON h.device = ds.device"
_WHERE = f" WHERE {NOW_SQL} AND ds.state = ANY(%(states)s)"
_IN_SCOPE = f"SELECT ds.state, h.v >= %(fresh_from)s, count(*){_FROM}{_WHERE} GROUP BY 1, 2"
_AT_SITES = (
    f"SELECT i.site, ds.state, h.v >= %(fresh_from)s, count(*){_FROM}"
    f" LEFT JOIN fleet_identity i ON i.device = ds.device AND {HELD_SQL}{_WHERE} GROUP BY 1, 2, 3"
)


def _builds_of_states(found: Reach) -> dict[int, int | None]:
    """The states that put a device in scope: an affected build, or none known (None) of an affected model."""
    return dict(
        db.rows(
            "SELECT id, build FROM fleet_state WHERE build = ANY(%(b)s)"
            " OR (build IS NULL AND model = ANY(%(m)s))",
            {"b": found.affected, "m": list(found.models)},
        )
    )


def states_in_scope(found: Reach) -> list[int]:
    """Ids of the states that put a device in scope."""
    return list(_builds_of_states(found))


def _set_of(build: int | None, is_fresh: bool | None) -> str:
    """`SET_SQL` in words."""
    return UNKNOWN if build is None else CONFIRMED if is_fresh else LAST_KNOWN


@dataclass(frozen=True, slots=True)
class Scope:
    """Devices in scope, each counted once: (build or None, set, devices).

    `states`: state to build. `fresh`: how many have a fresh proof, of an unknown image too.
    """

    reach: Reach
    states: Mapping[int, int | None]
    counted: tuple[tuple[int | None, str, int], ...]
    fresh: int


def scope(advisory_id: int, now_ms: int, *, fresh_ms: int = FRESH_MS) -> Scope:
    """Count the devices that an advisory reaches now, by build and set.

    Its cost grows with the devices in scope, not with the fleet.
    """
    found = reach(advisory_id)
    states = _builds_of_states(found)
    rows = db.rows(_IN_SCOPE, {"fresh_from": now_ms - fresh_ms, "states": list(states)})
    counted: dict[tuple[int | None, str], int] = {}
    for state, is_fresh, count in rows:
        which = (states[state], _set_of(states[state], is_fresh))
        counted[which] = counted.get(which, 0) + count
    fresh = sum(count for _, is_fresh, count in rows if is_fresh)
    return Scope(found, states, tuple((*which, count) for which, count in counted.items()), fresh)


def _not_affected(counted: Scope, fresh_from: int) -> dict[str, int]:
    """By freshness, the devices of the affected models that are not in scope: all of them less those that are.

    Every unit has exactly one open interval, and what isn't in scope has proven a build: so two plain counts do.
    """
    params = {"fresh_from": fresh_from, "models": list(counted.reach.models)}
    total = db.value("SELECT count(*) FROM fleet_device WHERE model = ANY(%(models)s)", params)
    is_all = db.value("SELECT NOT EXISTS (SELECT 1 FROM fleet_model WHERE id <> ALL(%(models)s))", params)
    of_models = "" if is_all else " JOIN fleet_device d ON d.id = h.device AND d.model = ANY(%(models)s)"
    fresh = db.value(f"SELECT count(*) FROM fleet_head h{of_models} WHERE h.v >= %(fresh_from)s", params)
    others = total - sum(count for _, _, count in counted.counted)
    confirmed = min(max(fresh - counted.fresh, 0), others)  # the counts are of moments a little apart
    return {CONFIRMED: confirmed, LAST_KNOWN: others - confirmed}


def impact(advisory_id: int, now_ms: int, *, fresh_ms: int = FRESH_MS) -> Impact:
    """Everything that the impact page shows.

    `elapsed_ms` is that of `scope`; sites and the rest come after it.
    """
    started = time.perf_counter()
    counted = scope(advisory_id, now_ms, fresh_ms=fresh_ms)
    elapsed = (time.perf_counter() - started) * 1000
    found = counted.reach
    params = {"fresh_from": now_ms - fresh_ms, "states": list(counted.states)}
    at_sites = db.rows(_AT_SITES, params)
    not_affected = _not_affected(counted, now_ms - fresh_ms)
    sums = dict.fromkeys(FRESHNESS, 0)
    by_build: dict[int, dict[str, int]] = {}
    by_site: dict[int | None, dict[str, int]] = {}
    possible = 0
    for build, which, count in counted.counted:
        sums[which] += count
        if build is not None:
            by_build.setdefault(build, dict.fromkeys(FRESHNESS, 0))[which] += count
            possible += count if found.builds[build] == "possible" else 0
    for site, state, is_fresh, count in at_sites:
        which = _set_of(counted.states[state], is_fresh)
        by_site.setdefault(site, dict.fromkeys(FRESHNESS, 0))[which] += count
    builds = _build_hits(found, by_build)
    sites = _site_hits(by_site)
    return Impact(
        advisory(advisory_id),
        found.hits,
        builds,
        _unaffected(found),
        sums[CONFIRMED],
        sums[LAST_KNOWN],
        sums[UNKNOWN],
        possible,
        not_affected,
        sum(sums.values()) + sum(not_affected.values()),
        sites,
        elapsed,
        found.entries,
        found.unjoined,
    )


def _build_hits(found: Reach, by_build: Mapping[int, Mapping[str, int]]) -> tuple[BuildHit, ...]:
    rows = db.rows(
        "SELECT b.id, m.name, b.version, b.released_at FROM fleet_build b JOIN fleet_model m ON m.id ="
        " b.model"
        " WHERE b.id = ANY(%(b)s) ORDER BY b.released_at DESC",
        {"b": found.affected},
    )
    return tuple(
        BuildHit(
            row[0],
            row[1],
            row[2],
            row[3],
            found.builds[row[0]],
            tuple(hit.component for hit in found.hits if row[0] in hit.builds),
            by_build.get(row[0], {}).get(CONFIRMED, 0),
            by_build.get(row[0], {}).get(LAST_KNOWN, 0),
        )
        for row in rows
    )


def _unaffected(found: Reach) -> tuple[tuple[int, str, str], ...]:
    none = [build for build, certainty in found.builds.items() if certainty == "none"]
    rows = db.rows(
        "SELECT b.id, m.name, b.version FROM fleet_build b JOIN fleet_model m ON m.id = b.model WHERE"
        " b.id = ANY(%(b)s)"
        " ORDER BY b.released_at DESC",
        {"b": none},
    )
    return tuple((row[0], row[1], row[2]) for row in rows)


def _site_hits(by_site: Mapping[int | None, Mapping[str, int]]) -> tuple[SiteHit, ...]:
    names = {
        row[0]: row[1:]
        for row in db.rows(
            "SELECT id, key, name FROM fleet_site WHERE id = ANY(%(ids)s)",
            {"ids": [s for s in by_site if s is not None]},
        )
    }
    hits = [
        SiteHit(*(names[site] if site is not None else ("", "")), *(sums[which] for which in FRESHNESS))
        for site, sums in by_site.items()
    ]
    return tuple(sorted(hits, key=lambda hit: (-hit.devices, hit.name)))


def affected_devices(
    advisory_id: int, which: str, now_ms: int, *, page: int = 1, size: int = 50, fresh_ms: int = FRESH_MS
) -> Page:
    """One page of the devices of one set. Raises: BadInput for another word than the three."""
    if which not in FRESHNESS:
        raise BadInput("set", ", ".join(FRESHNESS), which[:40])
    found = reach(advisory_id)
    params = {"fresh_from": now_ms - fresh_ms, "states": states_in_scope(found), "which": which}
    condition = f" AND ds.state = ANY(%(states)s) AND {SET_SQL} = %(which)s"
    return page_of(condition, params, page=page, size=min(size, MAX_PAGE))


def reached_at(advisory_id: int, at_ms: int) -> int:
    """How many devices were in a state with an affected build at a past instant, by what is known now."""
    found = reach(advisory_id)
    states = db.rows("SELECT id FROM fleet_state WHERE build = ANY(%(b)s)", {"b": found.affected})
    return int(
        db.value(
            "SELECT count(*) FROM fleet_device_state WHERE state = ANY(%(s)s) AND t0 <= %(t)s AND t1 > %(t)s"
            " AND sup_ix IS NULL",
            {"s": [row[0] for row in states], "t": at_ms},
        )
    )
