"""How units of a frozen population move: by measurement, or by a signed reply, and in no other way.

Measured on an unaffected build: corrected. Measured on an affected or unrecognised build again: open again,
also after a reply that called it unreachable or destroyed. Evidence in doubt (unsigned, a copy) moves
nothing.
"""

# SQL here is put together from constants of this package; every value is a parameter.

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from vouchsafe.fleet import db, impact
from vouchsafe.fleet.actor import Person
from vouchsafe.fleet.clock import ms
from vouchsafe.fleet.errors import BadInput, NotFound, Refused
from vouchsafe.fleet.words import NOW_SQL
from vouchsafe.kernel import files, trail

REPLIES = ("unreachable", "returned", "destroyed", "open")
ANNOTATIONS = ("scheduled", "reported")
MAX_MOVES = 1_000
"""Moves of one event: its body names each unit, and a body has a limit."""

_TRUSTED = "s.tier IN (2, 32)"
_TARGETS = f"""
SELECT m.device, m.serial, m.status, h.proof_ix, s.build, b.uuid::text,
       CASE WHEN s.build IS NOT NULL AND pb.certainty = 'none' AND {_TRUSTED} THEN 'corrected' ELSE 'open' END
  FROM fleet_member m
  JOIN fleet_device_state ds ON ds.device = m.device AND {NOW_SQL} AND ds.base
  JOIN fleet_state s ON s.id = ds.state AND s.attested
  JOIN fleet_head h ON h.device = m.device
  LEFT JOIN fleet_build b ON b.id = s.build
  LEFT JOIN fleet_population_build pb ON pb.population = m.population AND pb.build = s.build
  LEFT JOIN fleet_move v ON v.id = m.move
 WHERE m.population = %(p)s AND (%(all)s OR m.device = ANY(%(devices)s)) AND m.status <> 'returned'
   AND (m.status IN ('open', 'corrected') OR h.v > v.at)
   AND m.status <>
       CASE WHEN s.build IS NOT NULL AND pb.certainty = 'none' AND {_TRUSTED} THEN 'corrected' ELSE 'open' END
 ORDER BY m.serial
"""


def apply_measurements(now: datetime, devices: Iterable[int] | None = None) -> int:
    """Move every member whose newest proof says so (or only these devices); how many moved.

    May be called at any time and by several processes at once: each population is locked while its units
    move.
    """
    wanted = None if devices is None else sorted(set(devices))
    if wanted is not None and not wanted:
        return 0
    rows = db.rows(
        "SELECT DISTINCT p.id FROM fleet_population p JOIN fleet_population_build b ON b.population = p.id"
        " WHERE b.certainty <> 'none' AND (%(all)s OR EXISTS (SELECT 1 FROM fleet_member m"
        " WHERE m.population = p.id AND m.device = ANY(%(devices)s)))",
        {"all": wanted is None, "devices": wanted or []},
    )
    return sum(_measure(population, now, wanted) for (population,) in rows)


@transaction.atomic
def _measure(population: int, now: datetime, devices: Sequence[int] | None) -> int:
    _lock(population)
    _judge_new_builds(population)
    found = db.rows(_TARGETS, {"p": population, "all": devices is None, "devices": list(devices or [])})
    groups: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for device, serial, status, ix, build, uuid, target in found:
        groups.setdefault((status, target), []).append((device, serial, ix, build, uuid))
    for (old, new), units in groups.items():
        for start in range(0, len(units), MAX_MOVES):
            part = units[start : start + MAX_MOVES]
            told = [[serial, ix, uuid or ""] for _, serial, ix, _, uuid in part]
            moves = [(device, ix, build, None) for device, _, ix, build, _ in part]
            _move(population, old, new, moves, {"measured": told}, by=None, at=now)
    return len(found)


@transaction.atomic
def record_reply(
    number: str,
    outcome: str,
    serials: Sequence[str],
    *,
    document: bytes,
    signed_by: str,
    signed_on: date,
    by: Person,
    at: datetime,
    site: str = "",
) -> int:
    """Move units by a signed reply of their site: unreachable, returned, destroyed, or open (found again).

    `document` is the reply as it was signed; it's kept, and the event names its hash. All units move, or
    none. Raises: BadInput; NotFound; Refused when a unit isn't in the list, or was measured as corrected.
    """
    if outcome not in REPLIES:
        raise BadInput("outcome", ", ".join(REPLIES), outcome[:40])
    if not signed_by.strip() or not document:
        raise BadInput("reply", "the signed document and who signed it", "nothing")
    if not 0 < len(serials) <= MAX_MOVES:
        raise BadInput("serials", f"1 to {MAX_MOVES:,} units", str(len(serials)))
    if signed_on > at.date():
        raise BadInput("signed_on", "a day that isn't in the future", signed_on.isoformat())
    population = _population(number)
    _lock(population)
    standing = _standing(population, number, serials)
    for serial in serials:
        if standing[serial][1] == "corrected":
            raise Refused(f"{serial} was measured on a corrected build; a reply doesn't change that.")
    sha256 = files.keep(document, root=files.folder())
    reply = db.value(
        _REPLY,
        {
            "p": population,
            "h": hashlib.sha256(document).digest(),
            "who": signed_by.strip(),
            "day": signed_on,
            "site": site,
            "at": ms(at),
            "by": by.id,
        },
    )
    told = {"reply": sha256, "signed_by": signed_by.strip(), "signed_on": signed_on.isoformat()}
    moved = 0
    for old in sorted({status for _, status in standing.values()} - {outcome}):
        units = [(device, None, None, reply) for device, status in standing.values() if status == old]
        named = sorted(serial for serial, (_, status) in standing.items() if status == old)
        _move(population, old, outcome, units, {**told, "units": named}, by=by, at=at)
        moved += len(units)
    return moved


_REPLY = (
    "WITH new AS (INSERT INTO fleet_reply (population, sha256, signed_by, signed_on, site, at, by)"
    " VALUES (%(p)s, %(h)s, %(who)s, %(day)s, (SELECT id FROM fleet_site WHERE key = %(site)s), %(at)s,"
    " %(by)s)"
    " ON CONFLICT (population, sha256) DO NOTHING RETURNING id)"
    " SELECT id FROM new UNION ALL SELECT id FROM fleet_reply WHERE population = %(p)s AND sha256 = %(h)s"
    " LIMIT 1"
)


@transaction.atomic
def annotate(number: str, serials: Sequence[str], kind: str, *, day: date, by: Person, at: datetime) -> int:
    """Say of open units that the correction is scheduled, or that the site reports it done. Moves nothing."""
    if kind not in ANNOTATIONS:
        raise BadInput("annotation", ", ".join(ANNOTATIONS), kind[:40])
    population = _population(number)
    standing = _standing(population, number, serials)
    open_units = [device for device, status in standing.values() if status == "open"]
    return db.copy(
        "fleet_annotation",
        ("population", "device", "kind", "day", "at", "by"),
        [(population, device, kind, day, ms(at), by.id) for device in open_units],
    )


def _population(number: str) -> int:
    found = db.one("SELECT id FROM fleet_population WHERE number = %(n)s", {"n": number})
    if found is None:
        raise NotFound(f"{number} has no frozen population.")
    return int(found[0])


def _standing(population: int, number: str, serials: Sequence[str]) -> dict[str, tuple[int, str]]:
    """(device, status) by serial. Raises: Refused when one isn't in the list."""
    found = {
        serial: (device, status)
        for serial, device, status in db.rows(
            "SELECT serial, device, status FROM fleet_member WHERE population = %(p)s AND serial ="
            " ANY(%(s)s)",
            {"p": population, "s": list(serials)},
        )
    }
    if missing := [serial for serial in serials if serial not in found]:
        raise Refused(f"{missing[0][:40]} is not in the frozen population of {number}.")
    return found


def _lock(population: int) -> None:
    """One mover at a time for each population: the event's counts are then what really moved."""
    db.rows("SELECT pg_advisory_xact_lock(%(space)s, %(p)s)", {"space": 0x5A11, "p": population})


def _judge_new_builds(population: int) -> None:
    """Decide, for builds released after the freeze, whether the advisory reaches them. Kept, so that it's
    asked once.

    Without an advisory (a population by version) a build that the criteria don't name is unaffected.
    """
    row = db.one(
        "SELECT p.advisory, array_agg(b.id) FROM fleet_population p JOIN fleet_build b ON b.model ="
        " ANY(p.models)"
        " WHERE p.id = %(p)s AND NOT EXISTS (SELECT 1 FROM fleet_population_build x WHERE x.population = p.id"
        " AND x.build = b.id) GROUP BY p.advisory",
        {"p": population},
    )
    if row is None:
        return
    advisory, builds = row
    certainty = impact.reach(advisory).builds if advisory is not None else {}
    db.copy(
        "fleet_population_build",
        ("population", "build", "certainty"),
        [(population, build, certainty.get(build, "none")) for build in builds],
    )


def _move(
    population: int,
    old: str,
    new: str,
    units: Sequence[tuple[Any, ...]],
    body: dict[str, Any],
    *,
    by: Person | None,
    at: datetime,
) -> None:
    """One event for units that make the same move, the move rows, and the members' new standing."""
    uuid, digest = db.rows(
        "SELECT uuid, encode(digest, 'hex') FROM fleet_population WHERE id = %(p)s", {"p": population}
    )[0]
    event = trail.log_subject(
        "population",
        uuid,
        "population.moved",
        by=by,
        at=at,
        leaf_kind="recall.move",
        body={"population": digest, "from": old, "to": new, **body},
        facts={"population": digest, "from": old, "to": new, "units": len(units)},
    )
    db.copy(
        "fleet_move",
        ("population", "device", "status_from", "status_to", "at", "ix", "build", "reply", "event"),
        [(population, d, old, new, ms(at), ix, build, reply, event.pk) for d, ix, build, reply in units],
    )
    db.run(
        "UPDATE fleet_member m SET status = v.status_to, move = v.id FROM fleet_move v"
        " WHERE v.event = %(e)s AND v.population = m.population AND v.device = m.device",
        {"e": event.pk},
    )
