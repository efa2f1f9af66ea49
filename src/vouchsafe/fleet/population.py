"""The frozen population of a field action: who is in it, where each unit stands, what blocks closing (R-14).

A population is frozen once, as a list with a digest; after that units only move (`moves`), and identified =
open + corrected + unreachable + returned + destroyed at any time, kept by the database (migration 0002).
Start with `freeze`.
"""

# SQL here is put together from constants of this package; every value is a parameter.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from vouchsafe.fleet import db, impact
from vouchsafe.fleet.actor import Person
from vouchsafe.fleet.clock import ms
from vouchsafe.fleet.errors import BadInput, NotFound, Refused
from vouchsafe.fleet.moves import annotate, apply_measurements, record_reply
from vouchsafe.fleet.units import model_id
from vouchsafe.fleet.words import FRESH_MS, FRESHNESS, HELD_SQL, NOW_SQL, STATUSES
from vouchsafe.kernel import files, trail

__all__ = [
    "Counts",
    "Frozen",
    "Member",
    "Reconciliation",
    "annotate",
    "answer",
    "apply_measurements",
    "counts",
    "find",
    "freeze",
    "lines",
    "members",
    "progress",
    "reconcile",
    "record_reply",
    "refusals",
]

MAX_MEMBERS = 300_000
MAX_LISTED = 500


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen population. `digest` is SHA-256 over its sorted lines; `sets` its size by freshness at the
    freeze.
    """

    id: int
    uuid: UUID
    number: str
    advisory: int | None
    criteria: Mapping[str, Any]
    size: int
    excluded: int
    digest: str
    frozen_at: int
    frozen_ix: Mapping[str, int]
    event: int
    sets: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Counts:
    """Where a population's units stand. The five statuses add up to `scope`.

    Of the open ones: `reported` (a site says it's done, nothing measured), `scheduled`, `silent` (no proof
    within the limit), and the rest `not_started`.
    """

    scope: int
    open: int
    corrected: int
    unreachable: int
    returned: int
    destroyed: int
    reported: int
    scheduled: int
    silent: int
    not_started: int


@dataclass(frozen=True, slots=True)
class Member:
    """One unit of a population: as frozen, and as it stands. Times in ms; `ix` is the leaf of the proof
    behind it.
    """

    device: int
    udi_di: str
    serial: str
    site: str
    site_name: str
    freshness: str
    certainty: str
    frozen_version: str
    status: str
    version: str
    moved_at: int | None
    ix: int
    annotation: str
    v: int | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A population against the shipping list.

    `missing`: shipped units of the models in scope that are not in the list though nothing shows them
    unaffected (shipped or registered later, or gone back to an affected build). `unshipped`: in the list, but
    not shipped.
    """

    scope: int
    shipped: int
    missing: tuple[str, ...]
    unshipped: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.missing and not self.unshipped


@transaction.atomic
def freeze(
    number: str,
    advisory_id: int | None = None,
    *,
    by: Person | None,
    at: datetime,
    udi_di: str = "",
    versions: Sequence[str] = (),
    lots: Sequence[str] = (),
    serials: Sequence[str] = (),
    fresh_ms: int = FRESH_MS,
) -> Frozen:
    """Freeze the units that a field action is about, as they stand now.

    By advisory, or by versions of one model: every unit whose last proof measured an affected build, and
    every unit of an affected model of which no released build is known. `lots` and `serials` narrow it, or
    stand alone with `udi_di`.

    Raises: Refused when the number has a population already, or nothing would be in it; BadInput, NotFound.
    """
    if db.one("SELECT 1 FROM fleet_population WHERE number = %(n)s", {"n": number}):
        raise Refused(f"{number} has its frozen population already; it is never frozen again.")
    builds, models = _scope(advisory_id, udi_di, versions, lots, serials)
    found = _units(builds, models, lots, serials, ms(at) - fresh_ms)
    if not found:
        raise Refused("No unit is in this scope, so there is nothing to freeze.")
    if len(found) > MAX_MEMBERS:
        raise BadInput("population", f"at most {MAX_MEMBERS:,} units", f"{len(found):,}")
    criteria = {
        "advisory": impact.advisory(advisory_id).sha256 if advisory_id is not None else "",
        "udi_di": udi_di,
        "versions": list(versions),
        "lots": list(lots),
        "serials": list(serials),
        "fresh_ms": fresh_ms,
    }
    population = _keep(number, advisory_id, criteria, models, found, by, at)
    db.copy(
        "fleet_population_build",
        ("population", "build", "certainty"),
        [(population, b, c) for b, c in builds.items()],
    )
    db.copy(
        "fleet_member",
        ("population", "device", "udi_di", "serial", "freshness", "certainty", "build", "ix"),
        [
            (population, d, di, serial, fresh, builds.get(b, "unknown"), b, ix)
            for d, di, serial, fresh, b, ix, _ in found
        ],
    )
    return find(number)


def _keep(
    number: str,
    advisory_id: int | None,
    criteria: Mapping[str, Any],
    models: Sequence[int],
    found: Sequence[tuple[Any, ...]],
    by: Person | None,
    at: datetime,
) -> int:
    """The list as a file, the event over its digest, and the row; gives the row's id."""
    digest = files.keep("".join(sorted(_line(row) for row in found)).encode(), root=files.folder())
    sets = {which: sum(1 for row in found if row[3] == which) for which in FRESHNESS}
    of_models = db.value("SELECT count(*) FROM fleet_device WHERE model = ANY(%(m)s)", {"m": list(models)})
    where = {
        origin: n - 1 for origin, n in db.rows("SELECT origin, next_index FROM log_head ORDER BY origin")
    }
    uuid = uuid4()
    event = trail.log_subject(
        "population",
        uuid,
        "population.frozen",
        by=by,
        at=at,
        leaf_kind="recall.freeze",
        body={
            "number": number,
            "digest": digest,
            "units": len(found),
            "sets": sets,
            "criteria": criteria,
            "index": where,
        },
        facts={"digest": digest, "units": len(found), **sets},
    )
    row = db.one(
        "INSERT INTO fleet_population (uuid, number, advisory, criteria, models, size, excluded, digest,"
        " frozen_at,"
        " frozen_ix, frozen_by, event) VALUES (%(uuid)s, %(number)s, %(advisory)s, %(criteria)s::jsonb,"
        " %(models)s,"
        " %(size)s, %(excluded)s, %(digest)s, %(at)s, %(where)s::jsonb, %(by)s, %(event)s) RETURNING id",
        {
            "uuid": uuid,
            "number": number,
            "advisory": advisory_id,
            "criteria": db.json(criteria),
            "models": list(models),
            "size": len(found),
            "excluded": of_models - len(found),
            "digest": bytes.fromhex(digest),
            "at": ms(at),
            "where": db.json(where),
            "by": by.id if by else None,
            "event": event.pk,
        },
    )
    assert row is not None
    return int(row[0])


def _scope(
    advisory_id: int | None, udi_di: str, versions: Sequence[str], lots: Sequence[str], serials: Sequence[str]
) -> tuple[dict[int, str], list[int]]:
    """(certainty by build, models) that the criteria mean."""
    if advisory_id is not None:
        found = impact.reach(advisory_id)
        return dict(found.builds), list(found.models)
    if not udi_di or not (versions or lots or serials):
        raise BadInput(
            "population", "an advisory, or a device identifier with versions, lots or serials", "neither"
        )
    model = model_id(udi_di)
    if not versions:
        return {}, [model]
    known = dict(db.rows("SELECT version, id FROM fleet_build WHERE model = %(m)s", {"m": model}))
    if unknown := [version for version in versions if version not in known]:
        raise NotFound(f"No build {unknown[0]} of {udi_di} was released.")
    return {build: "confirmed" if version in versions else "none" for version, build in known.items()}, [
        model
    ]


def _units(
    builds: Mapping[int, str],
    models: Sequence[int],
    lots: Sequence[str],
    serials: Sequence[str],
    fresh_from: int,
) -> list[tuple[Any, ...]]:
    """(device, DI, serial, freshness, build, leaf of the proof, build's uuid): one statement, so one
    moment.
    """
    affected = [build for build, certainty in builds.items() if certainty != "none"]
    by_build = " AND (s.build IS NULL OR s.build = ANY(%(affected)s))" if builds else ""
    return db.rows(
        f"SELECT ds.device, i.udi_di, i.serial, {impact.SET_SQL}, s.build, coalesce(h.proof_ix, -1),"
        " coalesce(b.uuid::text, '-') FROM fleet_device_state ds JOIN fleet_state s ON s.id = ds.state"
        f" JOIN fleet_identity i ON i.device = ds.device AND {HELD_SQL} LEFT JOIN fleet_build b ON b.id ="
        " s.build"
        f" LEFT JOIN fleet_head h ON h.device = ds.device WHERE {NOW_SQL} AND s.model ="
        f" ANY(%(models)s){by_build}"
        " AND (cardinality(%(lots)s::text[]) = 0 OR i.lot = ANY(%(lots)s))"
        " AND (cardinality(%(serials)s::text[]) = 0 OR i.serial = ANY(%(serials)s))",
        {
            "models": models,
            "affected": affected,
            "lots": list(lots),
            "serials": list(serials),
            "fresh_from": fresh_from,
        },
    )


def _line(row: tuple[Any, ...]) -> str:
    _, udi_di, serial, fresh, _, ix, build = row
    return f"{udi_di}\t{serial}\t{fresh}\t{build}\t{ix}\n"


def find(number: str) -> Frozen:
    """The population of a field action. Raises: NotFound."""
    row = db.one(
        "SELECT id, uuid, number, advisory, criteria::text, size, excluded, encode(digest, 'hex'), frozen_at,"
        " frozen_ix::text, event FROM fleet_population WHERE number = %(n)s",
        {"n": number},
    )
    if row is None:
        raise NotFound(f"{number} has no frozen population.")
    sets = dict.fromkeys(FRESHNESS, 0) | dict(
        db.rows(
            "SELECT freshness, count(*) FROM fleet_member WHERE population = %(p)s GROUP BY 1", {"p": row[0]}
        )
    )
    return Frozen(*[*row[:4], db.unjson(row[4]), *row[5:9], db.unjson(row[9]), row[10], sets])


def lines(number: str) -> bytes:
    """The frozen list, byte for byte: its SHA-256 is the digest that was logged."""
    return files.read(find(number).digest, root=files.folder())


def counts(number: str, now_ms: int, *, fresh_ms: int = FRESH_MS) -> Counts:
    """Where the units stand now. Raises: NotFound."""
    population = find(number)
    found = db.rows(
        "SELECT m.status, a.kind, coalesce(h.v < %(fresh_from)s OR NOT s.attested, true), count(*) FROM"
        " fleet_member m"
        f" LEFT JOIN fleet_device_state ds ON ds.device = m.device AND {NOW_SQL}"
        " LEFT JOIN fleet_state s ON s.id = ds.state LEFT JOIN fleet_head h ON h.device = m.device"
        " LEFT JOIN LATERAL (SELECT kind FROM fleet_annotation a WHERE a.population = m.population"
        " AND a.device = m.device ORDER BY a.id DESC LIMIT 1) a ON m.status = 'open'"
        " WHERE m.population = %(p)s GROUP BY 1, 2, 3",
        {"p": population.id, "fresh_from": now_ms - fresh_ms},
    )
    by_status = dict.fromkeys(STATUSES, 0)
    noted = {"reported": 0, "scheduled": 0, "silent": 0, "not_started": 0}
    for status, kind, silent, count in found:
        by_status[status] += count
        if status == "open":
            noted[kind or ("silent" if silent else "not_started")] += count
    return Counts(population.size, *(by_status[status] for status in STATUSES), **noted)


def members(
    number: str, *, status: str = "", site: str = "", text: str = "", page: int = 1, size: int = 50
) -> tuple[tuple[Member, ...], int]:
    """One page of units, open ones first, and how many there are in all."""
    params = {
        "p": find(number).id,
        "status": status,
        "site": site,
        "text": text.replace("%", "") + "%",
        "limit": min(max(size, 1), MAX_LISTED),
        "offset": (max(page, 1) - 1) * size,
    }
    sql = (
        " FROM fleet_member m LEFT JOIN fleet_identity i ON i.device = m.device"
        f" AND {HELD_SQL} LEFT JOIN fleet_site f ON f.id = i.site LEFT JOIN fleet_build b0 ON b0.id = m.build"
        f" LEFT JOIN fleet_device_state ds ON ds.device = m.device AND {NOW_SQL}"
        " LEFT JOIN fleet_state s ON s.id = ds.state LEFT JOIN fleet_build b ON b.id = s.build"
        " LEFT JOIN fleet_head h ON h.device = m.device LEFT JOIN fleet_move v ON v.id = m.move"
        " LEFT JOIN LATERAL (SELECT kind FROM fleet_annotation a WHERE a.population = m.population"
        " AND a.device = m.device ORDER BY a.id DESC LIMIT 1) a ON m.status = 'open'"
        " WHERE m.population = %(p)s AND (%(status)s = '' OR m.status = %(status)s)"
        " AND (%(site)s = '' OR f.key = %(site)s) AND m.serial ILIKE %(text)s"
    )
    total = db.value("SELECT count(*)" + sql, params)
    found = db.rows(
        "SELECT m.device, m.udi_di, m.serial, coalesce(f.key, ''), coalesce(f.name, ''), m.freshness,"
        " m.certainty,"
        " coalesce(b0.version, ''), m.status, coalesce(b.version, ''), v.at, coalesce(v.ix, h.proof_ix,"
        " m.ix),"
        " coalesce(a.kind, ''), CASE WHEN s.attested THEN h.v END"
        + sql
        + " ORDER BY m.status <> 'open', m.serial LIMIT %(limit)s OFFSET %(offset)s",
        params,
    )
    return tuple(Member(*row) for row in found), total


def progress(number: str) -> tuple[tuple[int, Mapping[str, int]], ...]:
    """(ms, units by status) at the freeze and after each move, for the burn-down."""
    population = find(number)
    standing = dict.fromkeys(STATUSES, 0) | {"open": population.size}
    points = [(population.frozen_at, dict(standing))]
    for at, old, new, count in db.rows(
        "SELECT at, status_from, status_to, count(*) FROM fleet_move WHERE population = %(p)s GROUP BY 1,"
        " 2, 3, event"
        " ORDER BY 1, min(id)",
        {"p": population.id},
    ):
        standing[old] -= count
        standing[new] += count
        points.append((at, dict(standing)))
    return tuple(points)


def reconcile(number: str) -> Reconciliation:
    """Compare the frozen list with the shipping list as it is now."""
    population = find(number)
    row = db.one("SELECT models, criteria::text FROM fleet_population WHERE id = %(p)s", {"p": population.id})
    assert row is not None
    criteria = db.unjson(row[1])
    params = {
        "p": population.id,
        "models": row[0],
        "lots": criteria["lots"],
        "serials": criteria["serials"],
        "limit": MAX_LISTED,
    }
    missing = db.rows(
        "SELECT i.serial FROM fleet_shipment sh JOIN fleet_device d ON d.id = sh.device"
        f" JOIN fleet_identity i ON i.device = d.id AND {HELD_SQL}"
        f" JOIN fleet_device_state ds ON ds.device = d.id AND {NOW_SQL} JOIN fleet_state s ON s.id = ds.state"
        " LEFT JOIN fleet_population_build pb ON pb.population = %(p)s AND pb.build = s.build"
        " WHERE d.model = ANY(%(models)s) AND (s.build IS NULL OR pb.certainty IS DISTINCT FROM 'none')"
        " AND (cardinality(%(lots)s::text[]) = 0 OR i.lot = ANY(%(lots)s))"
        " AND (cardinality(%(serials)s::text[]) = 0 OR i.serial = ANY(%(serials)s))"
        " AND NOT EXISTS (SELECT 1 FROM fleet_member m WHERE m.population = %(p)s AND m.device = d.id)"
        " ORDER BY 1 LIMIT %(limit)s",
        params,
    )
    unshipped = db.rows(
        "SELECT m.serial FROM fleet_member m WHERE m.population = %(p)s"
        " AND NOT EXISTS (SELECT 1 FROM fleet_shipment sh WHERE sh.device = m.device) ORDER BY 1 LIMIT"
        " %(limit)s",
        params,
    )
    shipped = population.size - len(unshipped) + len(missing)
    return Reconciliation(
        population.size, shipped, tuple(row[0] for row in missing), tuple(row[0] for row in unshipped)
    )


def refusals(number: str, now_ms: int) -> tuple[str, ...]:
    """Why the field action can't be closed now, as sentences; empty when nothing stands against it."""
    try:
        standing = counts(number, now_ms)
    except NotFound as error:
        return (str(error),)
    found = []
    if standing.open:
        named = ", ".join(member.serial for member in members(number, status="open", size=20)[0])
        more = f" and {standing.open - 20} others" if standing.open > 20 else ""
        found.append(f"{standing.open} of {standing.scope} units are open: {named}{more}.")
    against = reconcile(number)
    if against.missing:
        named = ", ".join(against.missing[:20])
        found.append(
            f"{len(against.missing)} shipped units are in scope and not in the frozen list: {named}."
        )
    if against.unshipped:
        named = ", ".join(against.unshipped[:20])
        found.append(
            f"{len(against.unshipped)} units of the frozen list are not in the shipping list: {named}."
        )
    return tuple(found)


def answer(number: str, now_ms: int) -> dict[str, Any]:
    """What a process's gates ask: plain values. `frozen` False when there is no population."""
    try:
        standing = counts(number, now_ms)
    except NotFound:
        return {"frozen": False, "scope": 0, "shipped": None, "unaccounted": [], **dict.fromkeys(STATUSES, 0)}
    against = reconcile(number)
    open_units = [member.serial for member in members(number, status="open", size=MAX_LISTED)[0]]
    return {
        "frozen": True,
        "digest": find(number).digest,
        "shipped": against.shipped,
        "unaccounted": [*open_units, *against.missing, *against.unshipped],
        "scope": standing.scope,
        **{status: getattr(standing, status) for status in STATUSES},
    }
