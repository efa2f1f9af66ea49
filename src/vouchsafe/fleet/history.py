"""What ran on one device when, how well that is known, and the proof (R-12, R-80).

States are intervals in SQL; the proofs between their ends are read from the device's chain in the log. Start
with `state_at` and `strip`.
"""

# SQL here is put together from constants of this package; every value is a parameter.

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from vouchsafe.fleet import db, substrate
from vouchsafe.fleet.chain import Link
from vouchsafe.fleet.db import OPEN
from vouchsafe.fleet.errors import NotFound
from vouchsafe.fleet.words import CONFIRMED, FRESH_MS, LAST_KNOWN, UNKNOWN, VERDICTS
from vouchsafe.kernel import permit, publish
from vouchsafe.ledger import proofs

MIN_GAP_MS = 15 * 60_000
"""Silence shorter than this is never called a gap."""
SPACINGS = 3
"""Silence longer than so many of the device's usual spacings is a gap."""
MAX_TICKS = 5_000
_AROUND = 12
"""Proofs before an instant that tell the device's usual spacing."""


@dataclass(frozen=True, slots=True)
class StateAt:
    """A device's state at an instant.

    `freshness`: confirmed, last known (older than the limit, or in a gap), or unknown. `ix`: leaf of the
    proof behind it (-1: none), made `age_ms` before the instant. `next_v`: when the next proof was made, None
    when there is none.
    """

    verdict: str
    freshness: str
    build: int | None
    version: str
    image: str
    config: str
    config_name: str
    reasons: tuple[str, ...]
    ix: int
    v: int | None
    age_ms: int | None
    next_v: int | None
    in_gap: bool
    key_id: str
    key_origin: str
    assurance: str
    serial: str
    site: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of a lane: what, from when until when (ms), the word of its kind, and the leaf that began
    it.
    """

    text: str
    kind: str
    t0: int
    t1: int
    ix: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One proof: when, its leaf, its tier."""

    v: int
    ix: int
    tier: int


@dataclass(frozen=True, slots=True)
class Strip:
    """The lanes of a device over a window. In `trust` a gap stands as kind "unknown": silence is never shown
    as good.
    """

    t0: int
    t1: int
    trust: tuple[Stretch, ...]
    firmware: tuple[Stretch, ...]
    configuration: tuple[Stretch, ...]
    ticks: tuple[Tick, ...]
    gaps: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One interval of state, as pages list it. `t1` None: still."""

    t0: int
    t1: int | None
    verdict: str
    attested: bool
    base: bool
    build: int | None
    version: str
    image: str
    config: str
    config_name: str
    reasons: tuple[str, ...]
    rec_ix: int
    first_ix: int
    superseded: bool


_ROWS = (
    f"SELECT ds.t0, NULLIF(ds.t1, {OPEN}), s.tier, s.attested, ds.base, s.build, coalesce(b.version, ''),"
    " coalesce(encode(s.image, 'hex'), ''), coalesce(encode(s.config, 'hex'), ''),"
    " coalesce((SELECT max(g.name) FROM fleet_build_digest g WHERE g.build = s.build AND g.kind = 'config'"
    " AND g.digest = s.config), ''), s.reasons, ds.rec_ix, ds.first_ix, ds.sup_ix IS NOT NULL"
    " FROM fleet_device_state ds JOIN fleet_state s ON s.id = ds.state LEFT JOIN fleet_build b ON b.id ="
    " s.build"
    " WHERE ds.device = %(device)s"
)


def intervals(device: int, *, superseded: bool = False) -> tuple[Row, ...]:
    """The device's intervals of state, newest first; with the corrected ones too if asked."""
    more = "" if superseded else " AND ds.sup_ix IS NULL"
    found = db.rows(_ROWS + more + " ORDER BY ds.t0 DESC, ds.id DESC", {"device": device})
    return tuple(_row(row) for row in found)


def _row(row: tuple[Any, ...]) -> Row:
    t0, t1, tier, *rest = row
    reasons = rest[7]
    return Row(*[t0, t1, VERDICTS[tier], *rest[:7], tuple(reasons), *rest[8:]])


def state_at(
    device: int, at_ms: int, now_ms: int, *, known_ix: int | None = None, fresh_ms: int = FRESH_MS
) -> StateAt:
    """The state at an instant, by what is known now, or was known at the log index `known_ix`.

    Raises: NotFound for a device that isn't registered. An instant before its registration answers "unknown".
    """
    row = _interval_at(device, at_ms, known_ix)
    who = _identity_at(device, at_ms)
    if row is None:
        return StateAt("none", UNKNOWN, None, "", "", "", "", (), -1, None, None, None, True, *who)
    before, after = _around(device, at_ms)
    if not row.attested or not before:
        return StateAt(
            row.verdict,
            UNKNOWN,
            row.build,
            row.version,
            row.image,
            row.config,
            row.config_name,
            row.reasons,
            -1,
            None,
            None,
            after,
            True,
            *who,
        )
    newest = before[0]
    age = at_ms - newest.v
    until = min(after if after is not None else now_ms, now_ms)
    in_gap = until - newest.v > _silence([tick.v for tick in before]) and at_ms > newest.v
    freshness = LAST_KNOWN if in_gap or age > fresh_ms else CONFIRMED
    return StateAt(
        row.verdict,
        freshness,
        row.build,
        row.version,
        row.image,
        row.config,
        row.config_name,
        row.reasons,
        newest.ix,
        newest.v,
        age,
        after,
        in_gap,
        *who,
    )


def _interval_at(device: int, at_ms: int, known_ix: int | None) -> Row | None:
    """The interval that holds an instant. With `known_ix`, as the tables stood after that leaf."""
    sql = _ROWS + " AND ds.t0 <= %(t)s"
    if known_ix is None:
        sql += " AND ds.t1 > %(t)s AND ds.sup_ix IS NULL"
    else:
        # An interval that was closed later was open then.
        sql += (
            " AND (ds.t1 > %(t)s OR ds.closed_ix > %(x)s) AND ds.rec_ix <= %(x)s"
            " AND (ds.sup_ix IS NULL OR ds.sup_ix > %(x)s)"
        )
    found = db.one(
        sql + " ORDER BY ds.t0 DESC, ds.id DESC LIMIT 1", {"device": device, "t": at_ms, "x": known_ix}
    )
    return _row(found) if found else None


def _identity_at(device: int, at_ms: int) -> tuple[str, str, str, str, str]:
    """(key id, key origin, assurance, serial, site) at an instant; before the first interval, its
    first one.
    """
    found = db.one(
        "SELECT coalesce(encode(k.key_id, 'hex'), ''), coalesce(k.key_origin, ''), coalesce(k.assurance,"
        " ''), i.serial,"
        " coalesce(f.name, '') FROM fleet_identity i LEFT JOIN fleet_key k ON k.id = i.key"
        " LEFT JOIN fleet_site f ON f.id = i.site WHERE i.device = %(d)s AND i.sup_ix IS NULL"
        " ORDER BY (i.t0 <= %(t)s AND i.t1 > %(t)s) DESC, i.t0 LIMIT 1",
        {"d": device, "t": at_ms},
    )
    if found is None:
        raise NotFound(f"There is no device {device}.")
    return found[0], found[1], found[2], found[3], found[4]


def _around(device: int, at_ms: int) -> tuple[list[Tick], int | None]:
    """The newest proofs up to an instant, newest first, and the time of the first one after it."""
    before: list[Tick] = []
    after: int | None = None
    for link in _walk(device, at_ms):
        if link.v > at_ms:
            after = link.v if after is None else min(after, link.v)
        else:
            before.append(_tick(link))
            if len(before) >= _AROUND:
                break
    before.sort(key=lambda tick: (tick.v, tick.ix), reverse=True)
    return before, after


def _walk(device: int, until_ms: int) -> Iterator[Link]:
    """The device's proofs backwards, from a little after an instant."""
    head = db.one(
        "SELECT d.origin, d.subj, h.ix, h.disorder, (SELECT a.ix FROM fleet_anchor a WHERE a.device = d.id AND"
        " a.v > %(t)s"
        " ORDER BY a.seq LIMIT 1) FROM fleet_device d JOIN fleet_head h ON h.device = d.id WHERE d.id ="
        " %(d)s",
        {"d": device, "t": until_ms},
    )
    if head is None:
        return
    origin, subj, ix, disorder, anchor = head
    permit.once(("device", device), lambda: (origin, subj))  # for `_leaf`, which is asked next for a proof
    # Late evidence lies after newer proofs in the chain: then the whole chain has to be looked at.
    for link in substrate.chain(origin).back(ix if disorder or anchor is None else anchor):
        if link.is_evidence:
            yield link


def _tick(link: Link) -> Tick:
    return Tick(link.v, link.ix, int(link.leaf.facts["tier"]))


def _silence(times: Sequence[int]) -> int:
    """How long a device may be silent before that is a gap: some of its own usual spacings, and never longer than
    a proof counts as fresh.
    """
    ordered = sorted(times)
    steps = [b - a for a, b in itertools.pairwise(ordered) if b > a]
    return min(FRESH_MS, max(MIN_GAP_MS, int(SPACINGS * median(steps)))) if steps else FRESH_MS


def ticks(device: int, t0: int, t1: int) -> tuple[Tick, ...]:
    """The proofs made in [t0, t1), oldest first, with the nearest ones outside; at most MAX_TICKS."""
    inside: list[Tick] = []
    disorder = db.one("SELECT disorder FROM fleet_head WHERE device = %(d)s", {"d": device})
    for link in _walk(device, t1):
        inside.append(_tick(link))
        if len(inside) >= MAX_TICKS or (link.v < t0 and disorder is not None and not disorder[0]):
            break
    inside.sort(key=lambda tick: (tick.v, tick.ix))
    first = max((n for n, tick in enumerate(inside) if tick.v < t0), default=0)
    last = min((n for n, tick in enumerate(inside) if tick.v >= t1), default=len(inside) - 1)
    return tuple(inside[first : last + 1])


def strip(device: int, t0: int, t1: int, now_ms: int) -> Strip:
    """The lanes of the complaint page: trust, firmware, configuration, evidence and gaps over [t0, t1).

    No lane goes on after now: nothing is known of what hasn't been yet.
    """
    rows = [r for r in reversed(intervals(device)) if r.t0 < t1 and (r.t1 is None or r.t1 > t0)]
    near = ticks(device, t0, t1)
    gaps = _gaps(device, near, t0, t1, now_ms)
    known = min(t1, max(now_ms, near[-1].v + 1 if near else t0))
    trust = _lane(rows, t0, known, lambda r: (r.verdict, r.verdict) if r.attested else ("unknown", "unknown"))
    return Strip(
        t0,
        t1,
        _without(trust, gaps),
        _lane(rows, t0, known, lambda r: (r.version, "build") if r.version else (r.image[:12], "unknown")),
        _lane(
            rows,
            t0,
            known,
            lambda r: (r.config_name or r.config[:12], "config" if r.config_name else "unknown"),
        ),
        tuple(tick for tick in near if t0 <= tick.v < t1),
        gaps,
    )


def _lane(
    rows: Sequence[Row], t0: int, t1: int, word: Callable[[Row], tuple[str, str]]
) -> tuple[Stretch, ...]:
    """Intervals cut to the window; neighbours that say the same are one."""
    out: list[Stretch] = []
    for row in rows:
        text, kind = word(row)
        start, end = max(row.t0, t0), min(row.t1 if row.t1 is not None else t1, t1)
        if start >= end:
            continue
        if out and (out[-1].text, out[-1].kind, out[-1].t1) == (text, kind, start):
            out[-1] = Stretch(text, kind, out[-1].t0, end, out[-1].ix)
        else:
            out.append(Stretch(text, kind, start, end, row.first_ix))
    return tuple(out)


def _gaps(device: int, near: Sequence[Tick], t0: int, t1: int, now_ms: int) -> tuple[Stretch, ...]:
    """Silence between proofs, and the missing entries of the device's own log that were logged as gaps
    (R-78).
    """
    # What is usual is told by the proofs before the window too: a window with one silence in it has no other spacing.
    before, _ = _around(device, t0)
    limit = _silence([*{tick.v for tick in (*before, *near)}])
    found = []
    for a, b in itertools.pairwise(near):
        if b.v - a.v > limit:
            found.append(Stretch("silence", "silence", max(a.v, t0), min(b.v, t1), a.ix))
    if near and min(now_ms, t1) - near[-1].v > limit:
        found.append(Stretch("silence", "silence", max(near[-1].v, t0), min(now_ms, t1), near[-1].ix))
    stored = db.rows(
        "SELECT reason, t0, t1, ix FROM fleet_gap WHERE device = %(d)s AND sup_ix IS NULL AND t0 < %(t1)s"
        " AND t1 >= %(t0)s"
        " ORDER BY t0",
        {"d": device, "t0": t0, "t1": t1},
    )
    found += [Stretch(reason, "device_log", max(a, t0), min(b, t1), ix) for reason, a, b, ix in stored]
    return tuple(sorted((g for g in found if g.t0 < g.t1), key=lambda g: g.t0))


def _without(trust: Sequence[Stretch], gaps: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """The trust lane with every silence cut out of it as "unknown"."""
    out: list[Stretch] = []
    silences = [gap for gap in gaps if gap.kind == "silence"]
    for stretch in trust:
        start = stretch.t0
        for gap in silences:
            if gap.t1 <= start or gap.t0 >= stretch.t1 or stretch.kind == "unknown":
                continue
            if gap.t0 > start:
                out.append(Stretch(stretch.text, stretch.kind, start, gap.t0, stretch.ix))
            end = min(gap.t1, stretch.t1)
            out.append(Stretch("unknown", "unknown", max(gap.t0, start), end, gap.ix))
            start = end
        if start < stretch.t1:
            out.append(Stretch(stretch.text, stretch.kind, start, stretch.t1, stretch.ix))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One proof with what stands behind it: leaf, payload (the item as the gateway sent it), salt."""

    origin: str
    index: int
    leaf: bytes
    kind: str
    facts: dict[str, object]
    salt: bytes
    payload: bytes


def evidence(device: int, ix: int) -> Evidence:
    """A leaf of a device with its payload, checked against the commitment. Raises: NotFound."""
    origin, link = _leaf(device, ix)
    try:
        salt, payload = substrate.chain(origin).payload(link)
    except LookupError as error:
        raise NotFound(str(error)) from None
    return Evidence(origin, ix, link.raw, link.leaf.kind, link.facts, salt, payload)


def proof(device: int, ix: int) -> proofs.TwoStep:
    """The two-step proof of a device's leaf. Raises: NotFound; `publish.NotYetProvable` until a root covers
    it.
    """
    origin, _ = _leaf(device, ix)
    return publish.proof_of(origin, ix)


def _leaf(device: int, ix: int) -> tuple[str, Link]:
    """The origin of a device's log, and its leaf at an index."""
    row = permit.once(
        ("device", device),
        lambda: db.one("SELECT origin, subj FROM fleet_device WHERE id = %(d)s", {"d": device}),
    )
    if row is None:
        raise NotFound(f"There is no device {device}.")
    try:
        link = substrate.chain(row[0]).at(ix)
    except LookupError as error:
        raise NotFound(str(error)) from None
    if link.leaf.subj != row[1]:
        raise NotFound(f"Entry {ix} of {row[0]} is not about this device.")
    return row[0], link


def chain_of(device: int, *, limit: int = 100, before_ix: int | None = None) -> tuple[Link, ...]:
    """The newest leaves of a device, newest first, for its page."""
    row = db.one(
        "SELECT d.origin, h.ix FROM fleet_device d LEFT JOIN fleet_head h ON h.device = d.id WHERE d.id ="
        " %(d)s",
        {"d": device},
    )
    if row is None:
        raise NotFound(f"There is no device {device}.")
    if row[1] is None:
        return ()
    out = []
    for link in substrate.chain(row[0]).back(row[1] if before_ix is None else before_ix):
        if before_ix is not None and link.ix >= before_ix:
            continue
        out.append(link)
        if len(out) >= limit:
            break
    return tuple(out)
