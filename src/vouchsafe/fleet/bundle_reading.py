"""The reading copy of a record (record.json): what `index.html` and `record.pdf` show, all as text in UTC.

Personal values are left out: a bundle is handed on, and who receives it is not known here. Their commitments
stand in the version's bytes, so nothing else changes.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.conf import settings

from vouchsafe.fleet.actor import Person
from vouchsafe.kernel import queries
from vouchsafe.kernel.fields import Device, Evidence, Field, File, Hidden, field_of, fields_of, is_empty
from vouchsafe.kernel.views import EventView, RecordView

LEFT_OUT = "Personal data, not in this bundle"
PAGE = 200


def reading(
    view: RecordView,
    *,
    by: Person,
    at: datetime,
    index: Mapping[int, int],
    devices: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The record as plain text values. `index`: the log index of each trail entry, by sequence number."""
    trail = _trail(view.number, by, at)
    signed = {e.body["signature"]: e.seq for e in trail if e.kind == "signed"}
    return {
        "organisation": settings.VOUCHSAFE_ORGANISATION,
        "authority": settings.VOUCHSAFE_LOG_AUTHORITY,
        "number": view.number,
        "title": view.title,
        "process": view.process.title,
        "state": view.state_label,
        "site": view.site,
        "product": view.product,
        "owner": view.owner.name if view.owner else "",
        "opened": moment(view.opened),
        "closed": moment(view.closed) if view.closed else "",
        "exported": moment(at),
        "exported_by": by.full_name,
        "sections": sections(view.content, view.names),
        "signatures": [
            {
                "name": s.printed_name,
                "meaning": s.says,
                "at": moment(s.at),
                "role": s.role_words,
                "method": s.ceremony,
                "version": s.version,
                "reason": s.reason,
                "seq": signed.get(s.id, -1),
                "index": index.get(signed.get(s.id, -1), -1),
            }
            for s in view.signatures
        ],
        "trail": [_event(e, view, index) for e in trail],
        "links": [
            {
                "relation": k.relation.replace("_", " "),
                "number": k.number,
                "title": k.title,
                "state": k.state_label,
            }
            for k in view.links
            if not k.hidden
        ],
        "files": [
            {"name": f.name, "sha256": f.sha256, "size": f.size, "by": f.by_name, "at": moment(f.at)}
            for f in view.files
        ],
        "devices": [dict(device) for device in devices],
    }


def moment(at: datetime) -> str:
    """A time in UTC, to the minute."""
    return at.astimezone(UTC).strftime("%-d %b %Y %H:%M")


def sections(content: Any, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The fields that say something, in their order; rows as tables."""
    out: list[dict[str, Any]] = []
    for f in fields_of(type(content)):
        value = getattr(content, f.name)
        if is_empty(value):
            continue
        if f.row is None:
            out.append({"kind": "text", "label": f.label, "value": shown(f, value, names)})
            continue
        columns = [c for c in fields_of(f.row) if any(not is_empty(getattr(row, c.name)) for row in value)]
        rows = [[shown(c, getattr(row, c.name), names) for c in columns] for row in value]
        out.append({"kind": "rows", "label": f.label, "columns": [c.label for c in columns], "rows": rows})
    return out


def shown(f: Field, value: Any, names: Mapping[str, str]) -> str:
    """One value as text. A kind that is not known here is left out, never printed as it comes."""
    if is_empty(value):
        return ""
    if f.personal or isinstance(value, Hidden):
        return LEFT_OUT
    match value:
        case bool():
            return "Yes" if value else "No"
        case StrEnum():
            return (
                str(value).replace("_", " ")
                if str(value).isupper()
                else str(value).replace("_", " ").capitalize()
            )
        case datetime():
            return moment(value)
        case date():
            return value.strftime("%-d %b %Y")
        case Decimal():
            return f"{value} {f.unit}".strip()
        case File():
            return f"{value.name} (SHA-256 {value.sha256})"
        case Device():
            parts = (f"DI {value.di}" if value.di else "", f"lot {value.lot}" if value.lot else "")
            return " ".join([value.serial, *(part for part in parts if part)])
        case Evidence():
            by = names.get(value.by, value.by)
            return f"{value.reference}, {value.on:%-d %b %Y}, {by} (SHA-256 {value.sha256})"
    if not isinstance(value, str):
        return ""
    return names.get(value, value) if f.kind == "person" else value


def _trail(number: str, by: Person, at: datetime) -> list[EventView]:
    """The whole trail, oldest first."""
    out: list[EventView] = []
    before: int | None = None
    while page := queries.history(number, by, now=at, before=before, size=PAGE):
        out += page
        before = page[-1].seq
        if before == 0:
            break
    return out[::-1]


def _event(e: EventView, view: RecordView, index: Mapping[int, int]) -> dict[str, Any]:
    changes = []
    for change in e.changes:
        f = field_of(type(view.content), change.field)
        pair = [_changed(f, value, view.names) for value in (change.before, change.after)]
        changes.append({"label": change.label, "before": pair[0], "after": pair[1]})
    return {
        "seq": e.seq,
        "at": moment(e.at),
        "who": e.by_name,
        "what": e.label,
        "reason": e.reason,
        "from": e.from_label,
        "to": e.to_label,
        "version": e.version,
        "index": index.get(e.seq, -1),
        "changes": changes,
    }


def _changed(f: Field | None, value: Any, names: Mapping[str, str]) -> str:
    """A value before or after a change. A whole row is shown column by column, so that no personal one slips
    out.
    """
    if f is None or is_empty(value):
        return ""
    if f.row is not None:
        columns = [c for c in fields_of(f.row) if not is_empty(getattr(value, c.name))]
        return "; ".join(f"{c.label}: {shown(c, getattr(value, c.name), names)}" for c in columns)
    return shown(f, value, names)
