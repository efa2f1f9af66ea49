"""The table rows that a batch of leaves gives: intervals of state, heads, gaps, anchors.

Called inside the transaction that commits the leaves, so that an index and the rows it caused are there
together or not at all. Start with `write`.
"""

# SQL here is put together from constants of this package; every value is a parameter.

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Cursor

from vouchsafe.attest.verify import Gap
from vouchsafe.fleet import heads as head_rows
from vouchsafe.fleet.appraisal import shows_fork
from vouchsafe.fleet.db import OPEN
from vouchsafe.fleet.decide import Decision, Fate, Round
from vouchsafe.fleet.heads import ANCHOR_EVERY, Head, Tip
from vouchsafe.fleet.past import Past
from vouchsafe.fleet.states import Interned, State, never
from vouchsafe.fleet.timeline import REGISTERED, Order, Point, Span, in_order, spans


@dataclass(slots=True)
class Interval:
    """A row of fleet_device_state before it is written. `closed_ix` is None while it is open."""

    device: int
    state: State
    t0: int
    order: Order
    base: bool
    rec_ix: int
    first_ix: int
    t1: int = OPEN
    last_ix: int | None = None
    closed_ix: int | None = None


@dataclass(slots=True)
class Changes:
    """Everything that one batch changes."""

    closed: list[tuple[int, int, int, int]] = field(default_factory=list)
    added: list[Interval] = field(default_factory=list)
    superseded: list[tuple[int, int]] = field(default_factory=list)
    gaps: list[tuple[int, Gap, int, int]] = field(default_factory=list)
    old_gaps: list[tuple[int, int]] = field(default_factory=list)
    anchors: list[tuple[int, int, int, int]] = field(default_factory=list)
    heads: dict[int, Head] = field(default_factory=dict)
    opened: dict[int, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Logged:
    """A leaf that got its place, with the decision behind it (None: the leaf of the gap that the one before
    shows).
    """

    ix: int
    seq: int
    decision: Decision | None


def write(
    cursor: Cursor[Any], leaves: Sequence[Logged], done: Round, heads: dict[int, Head], interned: Interned
) -> None:
    """Move the heads on and write every row."""
    changes = Changes()
    last: dict[int, int] = {}
    device = -1
    for leaf in leaves:
        if leaf.decision is not None:
            assert leaf.decision.known is not None
            device = leaf.decision.known.device
        head = heads[device]
        head.seq, head.ix, head.at = leaf.seq, leaf.ix, done.at
        changes.heads[device] = head
        if leaf.decision is not None:
            last[device] = leaf.ix
            _proved(head, leaf, done.pasts.get(device), changes)
        if leaf.seq % ANCHOR_EVERY == 0:
            changes.anchors.append((device, leaf.seq, leaf.ix, head.v))
    for device, past in done.pasts.items():
        _folded(cursor, heads[device], past, last[device], changes)
    _store(cursor, changes, interned)


def enrolled(
    cursor: Cursor[Any],
    heads: Iterable[tuple[Head, int, int, int, int]],
    at: int,
    interned: Interned,
    *,
    touched: Iterable[Head] = (),
) -> None:
    """Rows for devices that got a key: (head, generation, from ms, ix, seq). Until it attests, its state is
    unknown.

    `touched`: heads that only got a leaf, and were moved on by the caller.
    """
    changes = Changes(heads={head.device: head for head in touched})
    for head, generation, t0, ix, seq in heads:
        head.seq, head.ix, head.at = seq, ix, at
        # The running firmware of another board isn't known: what the old key proved ends here.
        head.order, head.prior, head.v = Order(generation, -1, -1), None, max(head.v, t0)
        changes.heads[head.device] = head
        _moved(head, never(head.model), max(head.v, head.tip.t0), head.order, True, ix, changes)
        if seq % ANCHOR_EVERY == 0:
            changes.anchors.append((head.device, seq, ix, head.v))
    _store(cursor, changes, interned)


def _proved(head: Head, leaf: Logged, past: Past | None, changes: Changes) -> None:
    decision = leaf.decision
    assert decision is not None
    assert decision.state is not None
    assert decision.verdict is not None
    verdict = decision.verdict
    head.remember(decision.placed.sha256, leaf.ix)
    if decision.fate is Fate.NEXT:
        assert verdict.claims is not None
        assert decision.known is not None
        head.order = Order(decision.known.generation, verdict.claims.bootcount, verdict.claims.counter)
        head.prior = verdict.prior
    elif head.prior is not None and shows_fork(verdict):
        # It doesn't become what the next is compared with, but it takes the excuse of a gap away for good.
        head.prior = head.prior._replace(forked=True)
    if past is not None:
        past.settle(decision.placed.sha256, leaf.ix)
        return  # the whole timeline is made anew
    if decision.fate is Fate.NEXT and verdict.gap is not None:
        changes.gaps.append((head.device, verdict.gap, leaf.ix, leaf.ix))
    base = decision.fate is Fate.NEXT
    order = head.order if base else REGISTERED
    head.v = max(head.v, decision.v)
    _moved(head, decision.state, max(decision.v, head.tip.t0), order, base, leaf.ix, changes)


def _moved(head: Head, state: State, v: int, order: Order, base: bool, ix: int, changes: Changes) -> None:
    """Append one proof to the timeline: the open interval goes on, or closes and another one opens."""
    tip = head.tip
    if tip.state == state:
        tip.last_ix = ix
        return
    mine = changes.opened.pop(head.device, None)
    if mine is None:
        changes.closed.append((head.device, v, tip.last_ix, ix))
    else:
        mine.t1, mine.last_ix, mine.closed_ix = v, tip.last_ix, ix
    new = Interval(head.device, state, v, order, base, ix, ix)
    changes.added.append(new)
    changes.opened[head.device] = new
    head.tip = Tip(state, v, order, base, ix, ix)


def _folded(cursor: Cursor[Any], head: Head, past: Past, ix: int, changes: Changes) -> None:
    """Replace what the newly folded past shows differently; what is the same keeps its rows."""
    cursor.execute(
        "SELECT ds.id, s.digest, ds.t0, ds.t1, ds.g0, ds.b0, ds.c0, ds.base, ds.first_ix, ds.last_ix,"
        " ds.g0 < 0"
        " FROM fleet_device_state ds JOIN fleet_state s ON s.id = ds.state WHERE ds.device = %s AND"
        " ds.sup_ix IS NULL",
        (head.device,),
    )
    current = cursor.fetchall()
    points = [Point(p.order, p.v, p.base, p.state, p.ix) for p in past.proofs]
    for _, _, t0, _, g0, b0, c0, _, first_ix, _, registered in current:
        if registered and first_ix == -1:
            points.append(Point(Order(g0, b0, c0), t0, True, never(head.model), -1))
    wanted = {_shape(head, span): span for span in spans(points)}
    kept = set()
    for row_id, digest, t0, t1, g0, b0, c0, base, first_ix, last_ix, _ in current:
        shape = (bytes(digest), t0, t1, g0, b0, c0, base, first_ix, last_ix)
        if shape in wanted:
            kept.add(shape)
        else:
            changes.superseded.append((row_id, ix))
    for shape, span in wanted.items():
        if shape not in kept:
            changes.added.append(_interval(head.device, span, ix))
    newest = in_order(points)[-1]
    tip = list(wanted.values())[-1]
    head.tip = Tip(tip.state, tip.t0, tip.order, tip.base, tip.first_ix, tip.last_ix)
    head.v, head.prior, head.disorder = newest.v, past.last(), True
    _gaps(cursor, head.device, past, ix, changes)


def _shape(head: Head, span: Span) -> tuple[Any, ...]:
    last = None if span.t1 == OPEN else span.last_ix
    return (span.state.digest(), span.t0, span.t1, *span.order, span.base, span.first_ix, last)


def _interval(device: int, span: Span, ix: int) -> Interval:
    closed = span.t1 != OPEN
    return Interval(
        device,
        span.state,
        span.t0,
        span.order,
        span.base,
        ix,
        span.first_ix,
        span.t1,
        span.last_ix if closed else None,
        ix if closed else None,
    )


def _gaps(cursor: Cursor[Any], device: int, past: Past, ix: int, changes: Changes) -> None:
    cursor.execute(
        "SELECT id, reason, t0, t1, first_entry, next_entry, ix FROM fleet_gap WHERE device = %s AND"
        " sup_ix IS NULL",
        (device,),
    )
    wanted = {(_gap_row(gap), at) for at, gap in past.gaps()}
    kept = set()
    for row_id, *shape, shown in cursor.fetchall():
        key = (tuple(shape), shown)
        if key in wanted:
            kept.add(key)
        else:
            changes.old_gaps.append((row_id, ix))
    for at, gap in past.gaps():
        if (_gap_row(gap), at) not in kept:
            changes.gaps.append((device, gap, at, ix))


def _gap_row(gap: Gap) -> tuple[str, int, int, int, int]:
    start = gap.to_ms if gap.from_ms is None else gap.from_ms
    return gap.reason, start, gap.to_ms, gap.from_entry, gap.to_entry


def _store(cursor: Cursor[Any], changes: Changes, interned: Interned) -> None:
    """Close, supersede, then add: so no two current intervals of a device overlap at any moment."""
    if changes.closed:
        device, t1, last_ix, closed_ix = (list(column) for column in zip(*changes.closed, strict=True))
        cursor.execute(
            "UPDATE fleet_device_state ds SET t1 = n.t1, last_ix = n.last_ix, closed_ix = n.closed_ix"
            " FROM unnest(%s::int8[], %s::int8[], %s::int8[], %s::int8[]) AS n(device, t1, last_ix,"
            " closed_ix)"
            f" WHERE ds.device = n.device AND ds.t1 = {OPEN} AND ds.sup_ix IS NULL",
            (device, t1, last_ix, closed_ix),
        )
    for table, gone in (("fleet_device_state", changes.superseded), ("fleet_gap", changes.old_gaps)):
        if gone:
            ids, ixs = (list(column) for column in zip(*gone, strict=True))
            cursor.execute(
                f"UPDATE {table} o SET sup_ix = n.ix FROM unnest(%s::int8[], %s::int8[]) AS n(id, ix)"
                " WHERE o.id = n.id",
                (ids, ixs),
            )
    if changes.added:
        ids_of = interned.ids(cursor, [row.state for row in changes.added])
        _copy(
            cursor,
            "fleet_device_state",
            "device state t0 t1 g0 b0 c0 base rec_ix first_ix last_ix closed_ix",
            [
                (
                    r.device,
                    ids_of[r.state],
                    r.t0,
                    r.t1,
                    *r.order,
                    r.base,
                    r.rec_ix,
                    r.first_ix,
                    r.last_ix,
                    r.closed_ix,
                )
                for r in changes.added
            ],
        )
    if changes.gaps:
        _copy(
            cursor,
            "fleet_gap",
            "device reason t0 t1 first_entry next_entry ix rec_ix",
            [(device, *_gap_row(gap), shown, ix) for device, gap, shown, ix in changes.gaps],
        )
    if changes.anchors:
        _copy(cursor, "fleet_anchor", "device seq ix v", changes.anchors)
    head_rows.save(cursor, changes.heads.values())


def _copy(cursor: Cursor[Any], table: str, columns: str, values: Iterable[Sequence[Any]]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns.split())}) FROM STDIN") as stream:
        for row in values:
            stream.write_row(row)
