"""Forms made from a process's content: declared fields to controls, and what was sent back to JSON values.

`controls` builds what the template shows, `parse` reads a POST. Nothing here knows a process. A value that
can't be read is kept as it was typed and comes back beside the sentence that says how to put it right.

Names in the HTML: `f.problem`, `f.actions.2.what`, `f.actions.2.id`, `f.regulator.reference` (a part of
evidence).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from vouchsafe.kernel.fields import PERSON, SHA256, Device, Evidence, Field, File, Hidden, fields_of
from vouchsafe.web import words

MAX_TEXT = 20_000
MAX_LINE = 400
MAX_ROWS = 200
MAX_DIGITS = 30

Attach = Callable[[Any], File]  # an uploaded file to its place in the store
Resolve = Callable[[str], Device | str]  # a serial or UDI element string to a registered device, or why not


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a list to choose from."""

    value: str
    label: str
    on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the template needs to draw one field."""

    name: str
    kind: str
    label: str
    help: str = ""
    value: str = ""
    unit: str = ""
    error: str = ""
    options: tuple[Option, ...] = ()
    file: File | None = None
    parts: tuple["Control", ...] = ()  # of evidence, and the columns of one row
    rows: tuple["Control", ...] = ()  # each row is a control with parts
    blank: "Control | None" = None  # the row that “Add” copies
    row_id: str = ""
    removable: bool = True  # a row that a closed list asks for isn't
    readonly: bool = False

    @property
    def id(self) -> str:
        """The HTML id, which labels and messages point to."""
        return "in-" + self.name.replace(".", "-")

    @property
    def first(self) -> "Control | None":
        """The blank row under the number 0, which stands in a form that has no row yet."""
        return _renumber(self.blank, 0) if self.blank else None

    @property
    def wide(self) -> bool:
        return self.kind in ("text", "markdown", "rows", "evidence")


def _renumber(c: Control, at: int) -> Control:
    parts = tuple(_renumber(p, at) for p in c.parts)
    return replace(c, name=c.name.replace("__n__", str(at)), parts=parts)


@dataclass(slots=True)
class Parsed:
    """What a POST said: the changes as JSON values, and a sentence for each field that can't be read."""

    changes: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def label_of(value: StrEnum) -> str:
    """How a choice reads."""
    text = str(value.value).replace("_", " ")
    return text[:1].upper() + text[1:]


# ---- to controls ----


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a form needs to know beside the content: whom persons may be, the reader's zone, errors and raw
    input.
    """

    people: Sequence[tuple[str, str]]  # (uuid hex, printed name)
    zone: tzinfo
    errors: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, str] = field(
        default_factory=dict
    )  # as typed; wins over the value where there is an error


def controls(cls: type, content: Any, names: Sequence[str] | None, *, draw: Drawing) -> list[Control]:
    """The controls for `names` of a content (`actions.done_on` gives the rows with one open column), in its
    order.
    """
    wanted = None if names is None else _by_head(names)
    out = []
    for f in fields_of(cls):
        if wanted is not None and f.name not in wanted:
            continue
        columns = None if wanted is None else wanted[f.name]
        out.append(_control(f, getattr(content, f.name, None), f"f.{f.name}", draw, columns))
    return out


def _by_head(names: Sequence[str]) -> dict[str, frozenset[str] | None]:
    """Field name to the columns that may change; None means all of it."""
    out: dict[str, frozenset[str] | None] = {}
    for name in names:
        head, _, column = name.partition(".")
        before = out.get(head, frozenset())
        out[head] = None if not column or before is None else before | {column}
    return out


def _control(
    f: Field, value: Any, name: str, draw: Drawing, columns: frozenset[str] | None = None
) -> Control:
    base = Control(
        name=name,
        kind=f.kind,
        label=f.label,
        help=f.help,
        unit=f.unit,
        error=draw.errors.get(name, ""),
        value=as_text(value, f, draw.zone),
    )
    if name in draw.errors and name in draw.raw:
        base = replace(base, value=draw.raw[name])
    match f.kind:
        case "choice":
            assert f.of is not None
            now = str(getattr(value, "value", value) or "")
            return replace(base, options=tuple(Option(m.value, label_of(m), m.value == now) for m in f.of))
        case "person":
            return replace(base, options=_people(draw, str(value or "")))
        case "file":
            return replace(base, file=value if isinstance(value, File) else None)
        case "evidence":
            return replace(base, parts=_evidence_parts(value, name, draw))
        case "rows":
            return _rows(base, f, value or (), draw, columns)
        case _:
            return base


def _people(draw: Drawing, now: str) -> tuple[Option, ...]:
    return tuple(Option(key, label, key == now) for key, label in draw.people)


def _rows(
    base: Control, f: Field, value: Sequence[Any], draw: Drawing, columns: frozenset[str] | None
) -> Control:
    assert f.row is not None
    made = [_row(f.row, row, f"{base.name}.{at}", draw, columns) for at, row in enumerate(value)]
    if columns is None and f.one_per:
        made += _wanted_rows(f, value, base.name, len(made), draw)
    # A step that may fill one column of existing rows may not add a row.
    blank = None if columns is not None else _row(f.row, None, f"{base.name}.__n__", draw, None)
    return replace(base, rows=tuple(made), blank=blank)


def _wanted_rows(f: Field, value: Sequence[Any], name: str, start: int, draw: Drawing) -> list[Control]:
    """A row for each member of the closed list that has none yet, its choice made: none can be passed "
    "over."""
    assert f.row is not None
    column = next(c for c in fields_of(f.row) if c.name == f.one_per)
    have = {getattr(row, f.one_per, None) for row in value}
    missing = [m for m in (column.of or ()) if m not in have]
    made = [
        _row(f.row, f.row(**{f.one_per: m}), f"{name}.{start + k}", draw, None) for k, m in enumerate(missing)
    ]
    return [replace(row, removable=False) for row in made]


def _row(cls: type, row: Any, name: str, draw: Drawing, columns: frozenset[str] | None) -> Control:
    parts = []
    for f in fields_of(cls):
        part = _control(f, getattr(row, f.name, None), f"{name}.{f.name}", draw)
        parts.append(part if columns is None or f.name in columns else replace(part, readonly=True))
    return Control(
        name=name,
        kind="row",
        label="",
        parts=tuple(parts),
        row_id=getattr(row, "id", ""),
        error=draw.errors.get(name, ""),
    )


def _evidence_parts(value: Any, name: str, draw: Drawing) -> tuple[Control, ...]:
    have = value if isinstance(value, Evidence) else None
    kept = File(have.sha256, f"SHA-256 {have.sha256[:8]}…", 0) if have and have.sha256 else None
    parts = (
        Control(
            name=f"{name}.reference", kind="line", label="Reference", value=have.reference if have else ""
        ),
        Control(name=f"{name}.file", kind="file", label="File", file=kept),
        Control(
            name=f"{name}.by",
            kind="person",
            label="Who vouches for it",
            options=_people(draw, have.by if have else ""),
        ),
        Control(
            name=f"{name}.on", kind="day", label="Of which day", value=have.on.isoformat() if have else ""
        ),
    )
    return tuple(
        replace(
            p,
            error=draw.errors.get(p.name, ""),
            value=draw.raw.get(p.name, p.value) if draw.errors else p.value,
        )
        for p in parts
    )


def as_text(value: Any, f: Field, where: tzinfo) -> str:
    """The value as its control holds it."""
    match value:
        case None | Hidden():
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(where).strftime("%Y-%m-%dT%H:%M")
        case date():
            return value.isoformat()
        case Device():
            return value.serial
        case StrEnum():
            return str(value.value)
        case File() | Evidence() | tuple():
            return ""
        case _:
            return str(value)


# ---- from a POST ----


class Unreadable(Exception):
    """A value can't be read; the text says how to put it right."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a POST needs: where files go, how devices are found, and the reader's zone."""

    post: Mapping[str, str]
    files: Mapping[str, Any]
    zone: tzinfo
    attach: Attach
    resolve: Resolve


def parse(cls: type, before: Any, names: Sequence[str], *, read: Reading) -> Parsed:
    """Read the fields `names` of a POST, as the JSON values that `canonical.merge` takes.

    Fields that the POST doesn't hold at all stay as they are; so do personal values that this reader can't
    see and didn't type anew.
    """
    out = Parsed()
    wanted = _by_head(names)
    for f in fields_of(cls):
        name, old = f"f.{f.name}", getattr(before, f.name, None)
        if f.name not in wanted or not _sent(name, f, read):
            continue
        if f.kind == "rows":
            out.changes[f.name] = _read_rows(f, old or (), name, wanted[f.name], read, out.errors)
            continue
        if isinstance(old, Hidden) and not read.post.get(name, "").strip():
            continue
        try:
            out.changes[f.name] = _read(f, old, name, read)
        except Unreadable as wrong:
            out.errors[name] = str(wrong)
    return out


def _sent(name: str, f: Field, read: Reading) -> bool:
    if f.kind in ("rows", "evidence"):
        return f"{name}.sent" in read.post
    return name in read.post or (f.kind == "file" and name in read.files)


def _read_rows(
    f: Field,
    old: Sequence[Any],
    name: str,
    columns: frozenset[str] | None,
    read: Reading,
    errors: dict[str, str],
) -> list[dict[str, Any]]:
    assert f.row is not None
    known = {row.id: row for row in old}
    prefix, at = name + ".", set[int]()
    for key in read.post:
        head = key.removeprefix(prefix).partition(".")[0] if key.startswith(prefix) else ""
        if head.isdecimal() and len(head) < 6:
            at.add(int(head))
    if len(at) > MAX_ROWS:
        errors[name] = f"{len(at)} rows; expected at most {MAX_ROWS}."
        return [{"id": row.id} for row in old]
    found = []
    for k in sorted(at):
        row_id = read.post.get(f"{prefix}{k}.id", "")
        row = _read_row(f.row, known.get(row_id), f"{prefix}{k}", columns, read, errors, preset=f.one_per)
        if row is not None:
            found.append(row)
    return found


def _read_row(
    cls: type,
    before: Any,
    name: str,
    columns: frozenset[str] | None,
    read: Reading,
    errors: dict[str, str],
    *,
    preset: str,
) -> dict[str, Any] | None:
    """One row as JSON; None for one that was never written and says nothing but the choice that it "
    "came with."""
    values: dict[str, Any] = {}
    wrong = False
    for f in fields_of(cls):
        old, key = getattr(before, f.name, None), f"{name}.{f.name}"
        if (columns is not None and f.name not in columns) or not _sent(key, f, read):
            continue
        try:
            values[f.name] = _read(f, old, key, read)
        except Unreadable as why:
            errors[key], wrong = str(why), True
    if before is not None:
        return {"id": before.id, **values}
    says = any(v not in (None, "") for k, v in values.items() if k != preset)
    return values if wrong or says else None


def _read(f: Field, old: Any, name: str, read: Reading) -> Any:
    if f.kind == "file":
        return _read_file(old, name, read)
    if f.kind == "evidence":
        return _read_evidence(old, name, read)
    text = read.post.get(name, "").replace("\r\n", "\n").strip()
    return parse_text(f, text, read) if text else None


def parse_text(f: Field, text: str, read: Reading) -> Any:
    """One JSON value from what was typed. Raises: Unreadable."""
    match f.kind:
        case "text" | "markdown":
            if len(text) > MAX_TEXT:
                raise Unreadable(
                    f"{words.count(len(text))} characters; expected at most {words.count(MAX_TEXT)}."
                )
            if any((c < " " and c not in "\t\n") or c == "\x7f" for c in text):
                raise Unreadable(
                    "This text has characters that can’t be shown. Type it, or paste it as plain text."
                )
            return text
        case "day":
            return _day(text).isoformat()
        case "moment":
            return _moment(text, read.zone).isoformat()
        case "yes_no":
            if text not in ("yes", "no"):
                raise Unreadable("Choose yes or no.")
            return text == "yes"
        case "number":
            return _number(text)
        case "choice":
            assert f.of is not None
            if text not in [m.value for m in f.of]:
                raise Unreadable("Choose one of the list.")
            return text
        case "person":
            if not PERSON.match(text):
                raise Unreadable("Choose a person of the list.")
            return text
        case "device":
            return _device(text, read)
        case _:
            raise Unreadable(f"A field of the kind “{f.kind}” can’t be typed.")


def _day(text: str) -> date:
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unreadable(f"“{text[:40]}” is not a day; expected year, month and day such as 2026-06-25.")


def _moment(text: str, where: tzinfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=where)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(
            f"“{text[:40]}” is not a time; expected a day and a time such as 2026-06-25T09:42."
        ) from None


def _number(text: str) -> str:
    try:
        value = Decimal(text.replace("\u2009", "").replace(" ", "").replace(",", "."))
    except InvalidOperation:
        raise Unreadable(f"“{text[:40]}” is not a number.") from None
    if not value.is_finite() or len(f"{value:f}") > MAX_DIGITS:
        raise Unreadable(f"“{text[:40]}” is not a number of at most {MAX_DIGITS} digits.")
    return f"{value:f}"


def _device(text: str, read: Reading) -> dict[str, str]:
    if len(text) > MAX_LINE:
        raise Unreadable(f"{len(text)} characters; a UDI or serial number has at most {MAX_LINE}.")
    found = read.resolve(text)
    if isinstance(found, str):
        raise Unreadable(found)
    return {"serial": found.serial, "di": found.di, "lot": found.lot}


def _read_file(old: Any, name: str, read: Reading) -> dict[str, Any] | None:
    upload = read.files.get(name)
    kept = read.attach(upload) if upload is not None else old
    return {"name": kept.name, "sha256": kept.sha256, "size": kept.size} if isinstance(kept, File) else None


def _read_evidence(old: Any, name: str, read: Reading) -> dict[str, str] | None:
    """All four or nothing: half of an evidence proves nothing and is said to be missing."""
    reference = read.post.get(f"{name}.reference", "").strip()
    by, on = read.post.get(f"{name}.by", "").strip(), read.post.get(f"{name}.on", "").strip()
    upload = read.files.get(f"{name}.file")
    digest = old.sha256 if isinstance(old, Evidence) and upload is None else ""
    if not (reference or by or on or upload):
        return None
    missing = [
        word
        for word, there in (("the reference", reference), ("the person", by), ("the day", on))
        if not there
    ]
    if upload is None and not SHA256.match(digest):
        missing.append("the file")
    if missing:
        raise Unreadable(
            f"Evidence needs {', '.join(missing)} as well. Without all four parts it proves nothing."
        )
    if not PERSON.match(by):
        raise Unreadable("Choose who vouches for it from the list.")
    if len(reference) > MAX_LINE:
        raise Unreadable(f"The reference has {len(reference)} characters; expected at most {MAX_LINE}.")
    sha256 = read.attach(upload).sha256 if upload is not None else digest
    return {"reference": reference, "sha256": sha256, "by": by, "on": _day(on).isoformat()}
