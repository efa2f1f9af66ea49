"""Enrolment: a verified statement becomes a key, an identity interval and a leaf (R-76).

A key or ueid that is known under another unit is not taken: the presentation is logged as `device.clone`. A
unit that is known and brings a new key (board swap, PUF enrolled again) gets a new interval; the old one
ends.
"""

# SQL here is put together from constants of this package; every value is a parameter.

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vouchsafe.attest import enrolment, keys
from vouchsafe.attest.enrolment import Statement
from vouchsafe.attest.errors import Malformed, NotVerified
from vouchsafe.fleet import packs, rows
from vouchsafe.fleet.db import OPEN
from vouchsafe.fleet.errors import BadInput
from vouchsafe.fleet.intake import Intake
from vouchsafe.ledger.log import Appended, Pending

MAX_STATEMENTS = 2_500
MAX_AHEAD_MS = 300_000


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of one statement: `enrolled`, `known` (again, same key), `clone` or `refused` with the
    reason.
    """

    serial: str
    result: str
    index: int
    error: str = ""


@dataclass(slots=True)
class _Case:
    number: int
    statement: Statement
    sha256: bytes
    station: bytes
    device: int = -1
    generation: int = 0
    old_ix: int = -1
    result: str = "enrolled"


def enrol(intake: Intake, envelopes: Sequence[bytes], now_ms: int, *, site: str = "") -> list[Enrolled]:
    """Verify statements and enrol their devices, all in one transaction. `site`: where the units go, by key.

    The unit must be in the register (`units.register`): a statement alone doesn't make a unit.
    Raises: BadInput for more than MAX_STATEMENTS; a bad statement is answered, not raised.
    """
    if not 0 < len(envelopes) <= MAX_STATEMENTS:
        raise BadInput("enrolment", f"1 to {MAX_STATEMENTS:,} statements", f"{len(envelopes):,}")
    stations = {
        name: (alg, bytes(public))
        for name, alg, public in intake.conn.execute(
            "SELECT name, alg, public FROM fleet_station WHERE revoked_at IS NULL"
        ).fetchall()
    }
    pack, slices = packs.put(intake.site.store, envelopes)
    answers: dict[int, Enrolled] = {}
    with intake.sequencing:
        cases = _cases(intake, envelopes, stations, now_ms, answers)
        _log(intake, cases, pack, slices, now_ms, site, answers)
    return [answers[number] for number in range(len(envelopes))]


def _cases(
    intake: Intake,
    envelopes: Sequence[bytes],
    stations: dict[str, tuple[str, bytes]],
    now_ms: int,
    answers: dict[int, Enrolled],
) -> list[_Case]:
    cases: list[_Case] = []
    taken: set[tuple[str, str]] = set()
    for number, envelope in enumerate(envelopes):
        try:
            statement = enrolment.verify(envelope, stations=stations)
        except (Malformed, NotVerified) as error:
            answers[number] = Enrolled("", "refused", -1, str(error))
            continue
        if statement.at_ms > now_ms + MAX_AHEAD_MS:
            answers[number] = Enrolled(statement.serial, "refused", -1, "statement.at lies in the future")
            continue
        station = keys.key_id(keys.spki(*stations[statement.station]))
        case = _Case(number, statement, hashlib.sha256(envelope).digest(), station)
        unit = (statement.udi_di, statement.serial)
        if unit in taken:
            answers[number] = Enrolled(statement.serial, "refused", -1, "the unit is in this request twice")
            continue
        taken.add(unit)
        problem = _judge(intake, case)
        if problem is None:
            cases.append(case)
        else:
            answers[number] = problem
    return cases


def _judge(intake: Intake, case: _Case) -> Enrolled | None:
    """Find the unit, and whether the key is new, known or a copy. An answer where nothing is to be logged."""
    statement = case.statement
    key = statement.key()
    unit = intake.conn.execute(
        "SELECT i.device, k.generation, k.public, k.enrol_ix FROM fleet_identity i LEFT JOIN fleet_key k"
        " ON k.id = i.key"
        f" WHERE i.udi_di = %s AND i.serial = %s AND i.t1 = {OPEN} AND i.sup_ix IS NULL",
        (statement.udi_di, statement.serial),
    ).fetchone()
    holder = intake.conn.execute(
        "SELECT device, enrol_ix FROM fleet_key WHERE public = %s OR ueid = %s OR key_id = %s LIMIT 1",
        (key.public, statement.ueid, key.key_id),
    ).fetchone()
    if unit is None:
        text = f"{statement.udi_di} {statement.serial} is not in the register of units"
        return Enrolled(statement.serial, "refused", -1, text)
    device, generation, public, enrol_ix = unit
    if holder is not None and holder[0] == device:
        if public is not None and bytes(public) == key.public:
            return Enrolled(statement.serial, "known", enrol_ix)
        return Enrolled(
            statement.serial, "refused", -1, "the key was this unit's before, and its time is over"
        )
    if holder is not None:
        seen = intake.conn.execute(
            "SELECT ix FROM fleet_clone WHERE statement_sha256 = %s", (case.sha256,)
        ).fetchone()
        if seen is not None:
            return Enrolled(statement.serial, "clone", seen[0])
        case.device, case.result, case.old_ix = holder[0], "clone", holder[1]
        return None
    case.device = device
    case.generation = 0 if generation is None else generation + 1
    case.old_ix = -1 if enrol_ix is None else enrol_ix
    return None


def _log(
    intake: Intake,
    cases: Sequence[_Case],
    pack: bytes,
    slices: Sequence[tuple[int, int, str]],
    now_ms: int,
    site: str,
    answers: dict[int, Enrolled],
) -> None:
    if not cases:
        return
    heads = intake.heads.of({case.device for case in cases})
    leaves = []
    for case in cases:
        offset, length, commit = slices[case.number]
        subj = heads[case.device].subj
        leaves.append(_leaf(case, subj, commit, pack, offset, length))

    def also(cursor: Any, appended: Sequence[Appended]) -> None:
        opened = []
        copied = []
        for case, done in zip(cases, appended, strict=True):
            head = heads[case.device]
            if case.result == "clone":
                _write_clone(cursor, case, site, done)
                head.seq, head.ix, head.at = done.seq, done.index, done.at
                copied.append(head)
                continue
            _write_identity(cursor, case, site, done.index)
            opened.append((head, case.generation, case.statement.at_ms, done.index, done.seq))
        rows.enrolled(cursor, opened, appended[0].at, intake.interned, touched=copied)

    committed = False
    try:
        appended = intake.writer.append(leaves, at_ms=max(now_ms, intake.at_last), also=also)
        committed = True
    finally:
        if not committed:
            intake.heads.forget(heads)
    intake.at_last = appended[0].at
    intake.heads.forget(heads)  # keys changed too
    for case, done in zip(cases, appended, strict=True):
        text = "this key belongs to another unit" if case.result == "clone" else ""
        answers[case.number] = Enrolled(case.statement.serial, case.result, done.index, text)


def _leaf(case: _Case, subj: str, commit: str, pack: bytes, offset: int, length: int) -> Pending:
    statement = case.statement
    spki = hashlib.sha256(statement.spki).hexdigest()
    facts: dict[str, Any] = {
        "key_origin": statement.key_origin,
        "assurance": statement.assurance,
        "spki": spki,
    }
    if case.result == "clone":
        facts |= {"old": case.old_ix}
        kind = "device.clone"
    else:
        facts |= {"from": statement.at_ms, "old": case.old_ix, "gen": case.generation}
        kind = "device.enrol" if case.generation == 0 else "device.key"
    return Pending(
        subj, kind, f"k:{case.station[:8].hex()}", commit, facts, pack=pack, offset=offset, length=length
    )


def _write_clone(cursor: Any, case: _Case, site: str, done: Appended) -> None:
    cursor.execute(
        "INSERT INTO fleet_clone (device, udi_di, serial, site, at, ix, statement_sha256)"
        " VALUES (%s, %s, %s, (SELECT id FROM fleet_site WHERE key = %s), %s, %s, %s)",
        (case.device, case.statement.udi_di, case.statement.serial, site, done.at, done.index, case.sha256),
    )


def _write_identity(cursor: Any, case: _Case, site: str, ix: int) -> None:
    """Close the unit's identity interval and open one with the new key."""
    statement = case.statement
    key = statement.key()
    cursor.execute(
        "INSERT INTO fleet_key (device, generation, ueid, key_id, alg, public, key_origin, assurance,"
        " statement_sha256,"
        " enrol_ix) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            case.device,
            case.generation,
            statement.ueid,
            key.key_id,
            key.alg,
            key.public,
            statement.key_origin,
            statement.assurance,
            case.sha256,
            ix,
        ),
    )
    key_row = cursor.fetchone()[0]
    cursor.execute(
        f"UPDATE fleet_identity SET t1 = greatest(t0, %s) WHERE device = %s AND t1 = {OPEN} AND sup_ix IS"
        " NULL"
        " RETURNING site, t1",
        (statement.at_ms, case.device),
    )
    old_site, t0 = cursor.fetchone()
    cursor.execute(
        "INSERT INTO fleet_identity (device, key, udi_di, serial, lot, made, expires, site, t0, rec_ix)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, coalesce((SELECT id FROM fleet_site WHERE key = %s), %s),"
        " %s, %s)",
        (
            case.device,
            key_row,
            statement.udi_di,
            statement.serial,
            statement.lot,
            statement.made or None,
            statement.expires or None,
            site,
            old_site,
            t0,
            ix,
        ),
    )
