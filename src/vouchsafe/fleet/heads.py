"""The hot row of each device: what its next evidence must continue, and the interval that is open.

The sequencer holds heads in memory and writes them in the transaction of the batch that changed them, so
memory never knows more than the database after a commit. When a commit fails its heads are forgotten and read
again.
"""

# SQL here is put together from constants of this package; every value is a parameter.

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, Cursor

from vouchsafe.attest.keys import KeyRecord
from vouchsafe.attest.verify import Prior
from vouchsafe.fleet.db import OPEN
from vouchsafe.fleet.states import State, never
from vouchsafe.fleet.timeline import REGISTERED, Order

RECENT = 8
_ENTRY = 40  # SHA-256 and an index of 8 bytes
ANCHOR_EVERY = 32

_READ = f"""
SELECT d.id, d.subj, m.udi_di, h.seq, h.ix, h.proof_ix, h.v, h.at, h.generation, h.boot, h.ctr, h.base_v,
       h.dlog_size, h.dlog_root, h.svn, h.last_sha256, h.recent, h.disorder, h.forked,
       ds.t0, ds.g0, ds.b0, ds.c0, ds.base, ds.first_ix,
       s.attested, b.uuid::text, s.image, s.config, s.runtime, s.tier, s.vec, s.reasons
  FROM fleet_device d
  JOIN fleet_model m ON m.id = d.model
  LEFT JOIN fleet_head h ON h.device = d.id
  JOIN fleet_device_state ds ON ds.device = d.id AND ds.t1 = {OPEN} AND ds.sup_ix IS NULL
  JOIN fleet_state s ON s.id = ds.state
  LEFT JOIN fleet_build b ON b.id = s.build
 WHERE d.id = ANY(%s)
"""


@dataclass(slots=True)
class Tip:
    """The interval of state that is open: since when, by which proof, up to which proof."""

    state: State
    t0: int
    order: Order
    base: bool
    first_ix: int
    last_ix: int


@dataclass(slots=True)
class Head:
    """One device as the sequencer knows it. `seq` and `ix` -1: no leaf yet."""

    device: int
    subj: str
    model: str
    tip: Tip
    seq: int = -1
    ix: int = -1
    v: int = 0
    at: int = 0
    order: Order = REGISTERED
    prior: Prior | None = None
    recent: list[tuple[bytes, int]] = field(default_factory=list)
    disorder: bool = False

    def remember(self, sha256: bytes, ix: int) -> None:
        """Keep the newest evidence hashes: a delivery that comes twice is answered with its old index."""
        self.recent.append((sha256, ix))
        del self.recent[:-RECENT]

    def seen(self, sha256: bytes) -> int | None:
        """The index of this very evidence, when it is among the newest."""
        return next((ix for known, ix in self.recent if known == sha256), None)


@dataclass(frozen=True, slots=True)
class Known:
    """A ueid that is enrolled: its key, which of the device's keys it is, and the device."""

    key: KeyRecord
    generation: int
    device: int
    enrol_ix: int


class Heads:
    """Heads by device and keys by ueid, read when first needed."""

    def __init__(self, conn: Connection[Any]) -> None:
        self._conn = conn
        self._known: dict[bytes, Known] = {}
        self._heads: dict[int, Head] = {}

    def known(self, ueids: Iterable[bytes]) -> dict[bytes, Known]:
        """Those of the ueids that are enrolled."""
        wanted = set(ueids)
        missing = [ueid for ueid in wanted if ueid not in self._known]
        if missing:
            self._known |= _read_keys(self._conn, missing)
        return {ueid: self._known[ueid] for ueid in wanted if ueid in self._known}

    def of(self, devices: Iterable[int]) -> dict[int, Head]:
        """The heads of these devices."""
        wanted = set(devices)
        missing = [device for device in wanted if device not in self._heads]
        if missing:
            with self._conn.cursor() as cursor:
                cursor.execute(_READ, (missing,))
                for row in cursor.fetchall():
                    self._heads[row[0]] = _head(row)
        return {device: self._heads[device] for device in wanted}

    def forget(self, devices: Iterable[int]) -> None:
        """Read these again when next needed; their keys too."""
        gone = set(devices)
        for device in gone:
            self._heads.pop(device, None)
        self._known = {ueid: known for ueid, known in self._known.items() if known.device not in gone}


def _read_keys(conn: Connection[Any], ueids: Sequence[bytes]) -> dict[bytes, Known]:
    rows = conn.execute(
        "SELECT k.ueid, k.key_id, k.alg, k.public, k.key_origin, k.assurance, min(i.t0), max(i.t1),"
        " k.generation,"
        " k.device, k.enrol_ix FROM fleet_key k JOIN fleet_identity i ON i.key = k.id AND i.sup_ix IS NULL"
        " WHERE k.ueid = ANY(%s) GROUP BY k.id",
        (list(ueids),),
    ).fetchall()
    found = {}
    for ueid, key_id, alg, public, origin, assurance, t0, t1, generation, device, ix in rows:
        ends = None if t1 == OPEN else t1
        record = KeyRecord(bytes(key_id), alg, bytes(public), bytes(ueid), origin, assurance, t0, ends)
        found[bytes(ueid)] = Known(record, generation, device, ix)
    return found


def _head(row: tuple[Any, ...]) -> Head:
    (
        device,
        subj,
        model,
        seq,
        ix,
        proof_ix,
        v,
        at,
        generation,
        boot,
        ctr,
        base_v,
        dlog_size,
        dlog_root,
        svn,
        last,
        recent,
        disorder,
        forked,
        t0,
        g0,
        b0,
        c0,
        base,
        first_ix,
        attested,
        build,
        image,
        config,
        runtime,
        tier,
        vec,
        reasons,
    ) = row
    state = State(
        model, True, build, _bytes(image), _bytes(config), _bytes(runtime), tier, tuple(vec), tuple(reasons)
    )
    if not attested:
        state = never(model)
    tip = Tip(state, t0, Order(g0, b0, c0), base, first_ix, first_ix if seq is None else proof_ix)
    if seq is None:
        return Head(device, subj, model, tip)
    prior = None
    if ctr >= 0:
        prior = Prior(ctr, boot, dlog_size, bytes(dlog_root), bytes(last), svn, base_v, forked)
    return Head(
        device,
        subj,
        model,
        tip,
        seq,
        ix,
        v,
        at,
        Order(generation, boot, ctr),
        prior,
        _recent(bytes(recent)),
        disorder,
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _recent(packed: bytes) -> list[tuple[bytes, int]]:
    return [
        (packed[n : n + 32], int.from_bytes(packed[n + 32 : n + _ENTRY], "big"))
        for n in range(0, len(packed), _ENTRY)
    ]


_TYPES = {
    "device": "int8",
    "seq": "int8",
    "ix": "int8",
    "proof_ix": "int8",
    "v": "int8",
    "at": "int8",
    "generation": "int4",
    "boot": "int8",
    "ctr": "int8",
    "base_v": "int8",
    "dlog_size": "int8",
    "dlog_root": "bytea",
    "svn": "int4",
    "last_sha256": "bytea",
    "recent": "bytea",
    "disorder": "bool",
    "forked": "bool",
}
_COLUMNS = ", ".join(_TYPES)
_ARRAYS = ", ".join(f"%s::{kind}[]" for kind in _TYPES.values())
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _TYPES if name != "device")
_SAVE = (
    f"INSERT INTO fleet_head ({_COLUMNS}) SELECT * FROM unnest({_ARRAYS}) AS n({_COLUMNS}) ORDER BY device"
    f" ON CONFLICT (device) DO UPDATE SET {_CHANGES}"
)


def save(cursor: Cursor[Any], heads: Iterable[Head]) -> None:
    """Write these heads by one statement, whatever their number."""
    found = [_row(head) for head in heads]
    if not found:
        return
    # Columns as array literals: much cheaper to make than psycopg's own arrays of many values.
    cursor.execute(_SAVE, ["{" + ",".join(column) + "}" for column in zip(*found, strict=True)])


def _row(head: Head) -> tuple[str, ...]:
    """The columns of `_TYPES` as they stand in an array literal: only numbers and hex, so nothing to escape."""
    prior = head.prior
    recent = "".join([f"{sha256.hex()}{ix:016x}" for sha256, ix in head.recent])
    return (
        str(head.device),
        str(head.seq),
        str(head.ix),
        str(head.tip.last_ix),
        str(head.v),
        str(head.at),
        str(head.order.generation),
        str(head.order.boot),
        str(head.order.counter),
        str(prior.valid_ms) if prior else "0",
        str(prior.dlog_size) if prior else "0",
        f'"\\\\x{prior.dlog_root.hex()}"' if prior else '"\\\\x"',
        "NULL" if prior is None or prior.svn is None else str(prior.svn),
        f'"\\\\x{prior.last_sha256.hex()}"' if prior else '"\\\\x"',
        f'"\\\\x{recent}"',
        "t" if head.disorder else "f",
        "t" if prior and prior.forked else "f",
    )
