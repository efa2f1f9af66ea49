"""What a record says, ready to be shown: labels and values, persons by name, rows as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any

from vouchsafe.kernel.fields import Device, Evidence, Field, File, Hidden, fields_of, is_empty
from vouchsafe.web import words
from vouchsafe.web.forms import label_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One field with its value. `kind` chooses how the template draws it; `text` is always readable alone."""

    name: str
    kind: str
    label: str
    text: str = ""
    href: str = ""
    extra: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple["Shown", ...], ...] = ()

    @property
    def long(self) -> bool:
        return self.kind in ("text", "markdown")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and what is needed to show names and links."""

    names: Mapping[str, str]  # uuid hex to printed name
    zone: tzinfo
    number: str  # of the record, for links to its files


def shown(cls: type, content: Any, reader: Reader) -> list[Shown]:
    """Every filled field of a content, in its order."""
    return [
        show(f, value, reader)
        for f in fields_of(cls)
        if not is_empty(value := getattr(content, f.name, None))
    ]


def show(f: Field, value: Any, reader: Reader) -> Shown:
    """One field."""
    if f.kind == "rows":
        assert f.row is not None
        columns = fields_of(f.row)
        used = [c for c in columns if any(not is_empty(getattr(row, c.name, None)) for row in value)]
        return Shown(
            name=f.name,
            kind="rows",
            label=f.label,
            text=words.count(len(value)),
            columns=tuple(c.label for c in used),
            rows=tuple(tuple(show(c, getattr(row, c.name, None), reader) for c in used) for row in value),
        )
    text, href, extra = _value(value, f, reader)
    return Shown(name=f.name, kind=f.kind, label=f.label, text=text, href=href, extra=extra)


def plain(value: Any, f: Field | None, reader: Reader) -> str:
    """A value in one line, for the trail of changes."""
    if isinstance(value, tuple):
        return f"{words.count(len(value))} rows" if value else "nothing"
    text = _value(value, f, reader)[0]
    return (text[:160] + "…" if len(text) > 161 else text) or "nothing"


def _value(value: Any, f: Field | None, reader: Reader) -> tuple[str, str, str]:
    match value:
        case None:
            return "", "", ""
        case Hidden():
            return "Erased or not readable to you", "", f"commitment {value.commitment[:12]}…"
        case bool():
            return ("Yes" if value else "No"), "", ""
        case StrEnum():
            return label_of(value), "", ""
        case datetime():
            return words.moment(value, reader.zone), "", ""
        case date():
            return words.day(value), "", ""
        case Decimal():
            return f"{value:f} {f.unit if f else ''}".strip(), "", ""
        case File():
            return value.name, f"/records/{reader.number}/files/{value.sha256}", words.size(value.size)
        case Device():
            return value.serial, f"/fleet/devices/{value.serial}", value.di
        case Evidence():
            who = reader.names.get(str(value.by), "someone unknown")
            return (
                f"{value.reference}, {words.day(value.on)}",
                f"/records/{reader.number}/files/{value.sha256}",
                who,
            )
    if f is not None and f.kind == "person":
        return reader.names.get(str(value), "someone unknown"), "", ""
    return str(value), "", ""


def initially(rows: Sequence[Shown], names: Sequence[str]) -> tuple[list[Shown], list[Shown]]:
    """Split into long texts (main column) and short facts (rail)."""
    long = [s for s in rows if s.long or s.kind == "rows"]
    return long, [s for s in rows if s not in long and s.name not in names]
