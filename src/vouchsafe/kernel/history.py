"""The trail as it is read: what happened, what it changed from which value to which, and where it is
sealed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from vouchsafe.kernel import cases, registry
from vouchsafe.kernel.declare import Process, fields_of
from vouchsafe.kernel.erasure import vault_of
from vouchsafe.kernel.models import Event, Record, Version
from vouchsafe.kernel.publish import Seal, seals_of
from vouchsafe.kernel.views import Change, EventView

LABELS: Mapping[str, str] = {
    "assigned": "gave the record to {owner_name}",
    "attached": "attached {name}",
    "bundle.exported": "exported a bundle",
    "erased": "erased {values} personal values",
    "linked": "linked {target} ({relation})",
    "opened": "opened the record",
    "signed": "signed “{meaning}”",
    "void.asked": "asked for the record to be voided",
    "voided": "confirmed that the record is void",
    "written": "changed what is written",
}


def seals(event_ids: Iterable[int]) -> dict[int, Seal]:
    """Event id to its seal."""
    ids = list(event_ids)
    return seals_of(ids) if ids else {}


def events_of(record: Record, *, before: int | None, size: int) -> tuple[EventView, ...]:
    """The newest `size` events of `record` before seq `before`."""
    rows = Event.objects.filter(record=record)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    # One more than asked for: what an event changed is the difference to the version before it.
    found = list(rows.order_by("-seq")[: size + 1])
    bodies = [json.loads(bytes(e.body)) for e in found]
    process = registry.processes()[record.process]
    changes = _changes(record, process, bodies)
    known = seals(e.id for e in found[:size])
    return tuple(
        event_view(e, body, record=record, process=process, changes=changes.get(e.seq, ()), seal=known[e.id])
        for e, body in list(zip(found, bodies, strict=True))[:size]
    )


def numbers_at(records: QuerySet[Record], origin: str, indexes: Sequence[int]) -> dict[int, str]:
    """Index of an entry of the log `origin` to the number of its record, for those of `records`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.ix, e.record_id FROM leaf_ref l JOIN kernel_event e ON e.id = l.event"
            " WHERE l.origin = %s AND l.ix = ANY(%s) AND e.record_id IS NOT NULL",
            [origin, list(indexes)],
        )
        found = dict(cursor.fetchall())
    numbers = dict(records.filter(pk__in=set(found.values())).values_list("pk", "number"))
    return {ix: numbers[pk] for ix, pk in found.items() if pk in numbers}


def recent(records: QuerySet[Record], *, count: int, sealed_only: bool) -> tuple[EventView, ...]:
    """The newest events of `records`, without what they changed."""
    rows = Event.objects.filter(record__in=records).select_related("record").order_by("-id")
    if sealed_only:
        rows = rows.extra(where=["EXISTS (SELECT 1 FROM leaf_ref WHERE leaf_ref.event = kernel_event.id)"])
    found = list(rows[:count])
    known = seals(e.id for e in found)
    out = []
    for e in found:
        assert e.record is not None
        process = registry.processes()[e.record.process]
        body = json.loads(bytes(e.body))
        out.append(event_view(e, body, record=e.record, process=process, changes=(), seal=known[e.id]))
    return tuple(out)


def event_view(
    e: Event,
    body: Mapping[str, Any],
    *,
    record: Record,
    process: Process,
    changes: tuple[Change, ...],
    seal: Seal,
) -> EventView:
    """One event as a page shows it."""
    moved = body.get("step_taken") and body["from"] != body["state"]
    return EventView(
        id=e.id,
        seq=e.seq,
        number=record.number,
        title=record.title,
        process=record.process,
        kind=e.kind,
        label=label_of(process, e.kind, body),
        by=body["by"],
        by_name=body["by_name"],
        role=body["role"],
        at=e.at,
        reason=body["reason"],
        from_label=process.label(body["from"]) if moved else "",
        to_label=("Void" if body["state"] == cases.VOID else process.label(body["state"])) if moved else "",
        version=body["version"],
        revision=body["revision"],
        body=body,
        changes=changes,
        seal=seal,
    )


def label_of(process: Process, kind: str, body: Mapping[str, Any]) -> str:
    """What happened, as the words after a name."""
    if known := LABELS.get(kind):
        words = {k: str(v).replace("_", " ") if k in ("relation", "meaning") else v for k, v in body.items()}
        return known.format_map(_Known(words))
    if step := next((s for s in process.steps if s.name == kind), None):
        return f"took the step “{step.label}”"
    return kind.replace(".", " ").replace("_", " ")


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "something"


def _changes(
    record: Record, process: Process, bodies: Sequence[Mapping[str, Any]]
) -> dict[int, tuple[Change, ...]]:
    """Seq to what the event changed, for every event but the oldest of `bodies` (unless it is the first of
    all).
    """
    pairs: dict[int, tuple[int, int]] = {}
    for newer, older in pairwise(bodies):
        if newer["version"] != older["version"]:
            pairs[newer["seq"]] = (older["version"], newer["version"])
    if bodies and bodies[-1]["seq"] == 0:
        pairs[0] = (0, bodies[-1]["version"])
    if not pairs:
        return {}
    numbers = {n for pair in pairs.values() for n in pair}
    vault = vault_of(record)
    contents: dict[int, Any] = {0: process.content()}
    for v in Version.objects.filter(record=record, number__in=numbers):
        contents[v.number] = cases.content_of(process, v, vault)
    return {
        seq: differences(process, contents[a], contents[b])
        for seq, (a, b) in pairs.items()
        if a in contents and b in contents
    }


def differences(process: Process, before: Any, after: Any) -> tuple[Change, ...]:
    """Every field that differs, with its values; rows cell by cell."""
    out: list[Change] = []
    for f in fields_of(process.content):
        old, new = getattr(before, f.name), getattr(after, f.name)
        if old == new:
            continue
        if f.row is None:
            out.append(Change(f.name, f.label, f.kind, old, new))
            continue
        was, now = {r.id: r for r in old}, {r.id: r for r in new}
        for n, row in enumerate(new, 1):
            if row.id not in was:
                out.append(Change(f.name, f"{f.label}, row {n}", "row_added", None, row))
                continue
            for c in fields_of(f.row):
                a, b = getattr(was[row.id], c.name), getattr(row, c.name)
                if a != b:
                    out.append(Change(f"{f.name}.{c.name}", f"{f.label}, row {n}: {c.label}", c.kind, a, b))
        out += [
            Change(f.name, f"{f.label}, row {n}", "row_removed", row, None)
            for n, row in enumerate(old, 1)
            if row.id not in now
        ]
    return tuple(out)
