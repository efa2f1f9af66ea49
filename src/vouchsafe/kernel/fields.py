"""What a record writes down: the words for its fields, and the values that a field can hold.

A field is declared by one word (`text`, `day`, `rows` …) in a class marked `@content`. Every value is
immutable and every field is empty (None, or no rows) until someone fills it in. `fields_of` gives the
declarations back as data: forms, lists, the API, the PDF, the manual and `canonical` are all made from it.

Nothing here imports Django, reads a clock or touches a database. Start with `Field`.
"""

import dataclasses
import re
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from typing import Any, NewType, TypeVar, dataclass_transform

C = TypeVar("C")
Person = NewType("Person", str)  # a person's uuid, 32 lower-case hex digits; never a name
"""A person as a record holds them: the hex of their uuid, which outlives their user name."""

SHA256 = re.compile(r"[0-9a-f]{64}\Z")
PERSON = re.compile(r"[0-9a-f]{32}\Z")
ROW_ID = re.compile(r"[a-z0-9]{1,32}\Z")
EMPTY_WORDS = frozenset(
    ("n/a", "na", "none", "nil", "tbd", "tbc", "todo", "test", "testing", "xxx", "asdf", "same", "ok", "okay")
    + ("done", "yes", "no", "ditto", "unknown", "null", "empty")
)


@dataclass(frozen=True, slots=True)
class File:
    """A file by its bytes; the name is what the uploader called it."""

    sha256: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Device:
    """One unit: its serial number, under the device identifier that names its model (UDI-DI)."""

    serial: str
    di: str = ""
    lot: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Typed evidence of something that is kept elsewhere: what it is called, its bytes, who vouches, of which
    day."""

    reference: str
    sha256: str
    by: Person
    on: date


@dataclass(frozen=True, slots=True)
class Hidden:
    """A personal value that is not readable here, or was lawfully erased. Its commitment stands."""

    commitment: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field's declaration. `kind` is the word that declared it."""

    name: str
    kind: str
    label: str
    help: str = ""
    due: bool = False
    personal: bool = False
    unit: str = ""
    of: type[StrEnum] | None = None
    row: type | None = None
    least: int = 0
    one_per: str = ""

    @property
    def short(self) -> bool:
        """Whether the value belongs in lists and trends (`Record.facts`)."""
        return not self.personal and self.kind not in ("text", "markdown", "rows", "evidence", "file")


def _field(kind: str, label: str, **more: Any) -> Any:
    default: Any = () if kind == "rows" else None
    return field(default=default, metadata={"kind": kind, "label": label, **more})


def text(label: str, *, help: str = "", personal: bool = False) -> Any:
    """Plain text."""
    return _field("text", label, help=help, personal=personal)


def markdown(label: str, *, help: str = "", personal: bool = False) -> Any:
    """Long text with headings and lists."""
    return _field("markdown", label, help=help, personal=personal)


def day(label: str, *, due: bool = False, help: str = "", personal: bool = False) -> Any:
    """A calendar day (no time, no zone). `due=True` puts it in the owner's tasks."""
    return _field("day", label, due=due, help=help, personal=personal)


def moment(label: str, *, help: str = "", personal: bool = False) -> Any:
    """A point in time, kept in UTC."""
    return _field("moment", label, help=help, personal=personal)


def choice(label: str, of: type[StrEnum], *, help: str = "", personal: bool = False) -> Any:
    """One of a closed list."""
    return _field("choice", label, of=of, help=help, personal=personal)


def yes_no(label: str, *, help: str = "", personal: bool = False) -> Any:
    """True, False, or not answered yet (None)."""
    return _field("yes_no", label, help=help, personal=personal)


def number(label: str, unit: str = "", *, help: str = "", personal: bool = False) -> Any:
    """A decimal number with its unit; a Decimal, never a float."""
    return _field("number", label, unit=unit, help=help, personal=personal)


def person(label: str, *, help: str = "") -> Any:
    """A person of this organisation."""
    return _field("person", label, help=help)


def file(label: str, *, help: str = "", personal: bool = False) -> Any:
    """A file, addressed by the SHA-256 of its bytes."""
    return _field("file", label, help=help, personal=personal)


def device(label: str, *, help: str = "") -> Any:
    """A unit in the field, by serial number and UDI-DI."""
    return _field("device", label, help=help)


def evidence(label: str, *, help: str = "") -> Any:
    """Typed evidence of something kept elsewhere: reference, file, person, day. All four or it proves
    nothing."""
    return _field("evidence", label, help=help)


def rows(label: str, row: type, *, least: int = 0, one_per: str = "", help: str = "") -> Any:
    """Rows of a sub-type.

    `one_per` names a choice of the row: every member of that closed list must have exactly one row before a
    gate that needs the field opens, so a market (a place, a source) that nobody thought of can't be passed
    over.
    """
    return _field("rows", label, row=row, least=least, one_per=one_per, help=help)


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(
        text,
        markdown,
        day,
        moment,
        choice,
        yes_no,
        number,
        person,
        file,
        device,
        evidence,
        rows,
    ),
)
def content(cls: type[C]) -> type[C]:
    """Make a class a process's content, or (with `Row` as its base) the sub-type of one of its `rows`."""
    return dataclass(frozen=True, kw_only=True, slots=True)(cls)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The base of every row: its own id, given once when it is first written and never used again."""

    id: str = ""


def fields_of(cls: type) -> tuple[Field, ...]:
    """The declared fields of a content or row class, in order; a row's own id is not one of them.

    Raises:
        TypeError: `cls` is not a content class, or has a field that no word of this module declared.
    """
    found = _DECLARED.get(cls)
    if found is None:
        found = _DECLARED[cls] = _declared(cls)
    return found


_DECLARED: dict[type, tuple[Field, ...]] = {}


def _declared(cls: type) -> tuple[Field, ...]:
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__name__} is not marked @content")
    out = []
    for f in fields(cls):
        if f.name == "id" and issubclass(cls, Row):
            continue
        if "kind" not in f.metadata:
            raise TypeError(f"{cls.__name__}.{f.name} is not declared by a word of the process language")
        out.append(Field(name=f.name, **f.metadata))
    return tuple(out)


def field_of(cls: type, name: str) -> Field | None:
    """The field `name` of `cls`; `rows.column` gives the column of a row."""
    head, _, column = name.partition(".")
    found = next((f for f in fields_of(cls) if f.name == head), None)
    if found is None or not column:
        return found
    return field_of(found.row, column) if found.row else None


def has_substance(value: object) -> bool:
    """Whether free text says something: at least twelve characters and two words, and no filler (INV-08)."""
    if isinstance(value, Hidden):
        return True
    words = str(value or "").split()
    real = [w for w in words if w.strip(".,;:!?-–…").lower() not in EMPTY_WORDS]
    return len(" ".join(words)) >= 12 and len(real) >= 2 and len(set("".join(words).lower())) >= 5


def is_empty(value: object) -> bool:
    """Whether nothing was written: None, blank text or no rows. False and 0 are answers."""
    return value is None or value == () or (isinstance(value, str) and not value.strip())


def proves(value: object, *, today: date) -> bool:
    """Whether `value` is complete typed evidence: a reference, a file's hash, a person, and a day not in the
    future."""
    return (
        isinstance(value, Evidence)
        and bool(value.reference.strip())
        and SHA256.match(value.sha256) is not None
        and PERSON.match(value.by) is not None
        and value.on <= today
    )


def values_at(value: Any, path: str) -> tuple[Any, ...]:
    """The values at `path` of a content: one for `problem`, one a row for `actions.by`; empty ones left
    out."""
    head, _, column = path.partition(".")
    found = getattr(value, head, None)
    many = found if isinstance(found, tuple) else (found,)
    out = tuple(getattr(row, column, None) for row in many) if column else many
    return tuple(v for v in out if not is_empty(v))


def persons_at(value: Any, path: str) -> frozenset[str]:
    """The persons that `path` of a content names: `verifier`, `actions.by`, or `functions` (the row's one
    person)."""
    head, _, column = path.partition(".")
    declared = field_of(type(value), head)
    if declared and declared.row and not column:
        return frozenset().union(
            *(persons_at(value, f"{head}.{f.name}") for f in fields_of(declared.row) if f.kind == "person")
        )
    return frozenset(str(v) for v in values_at(value, path))


def changes_between(before: Any, after: Any) -> frozenset[str]:
    """The names that differ: `risk`; `actions.done_on` where only that column of rows changed; `actions`
    where rows were added, removed or put in another order."""
    out: set[str] = set()
    for f in fields_of(type(after)):
        old, new = getattr(before, f.name), getattr(after, f.name)
        if old == new:
            continue
        if f.row is None or [r.id for r in old] != [r.id for r in new]:
            out.add(f.name)
            continue
        for was, now in zip(old, new, strict=True):
            out |= {
                f"{f.name}.{c.name}" for c in fields_of(f.row) if getattr(was, c.name) != getattr(now, c.name)
            }
    return frozenset(out)


def stray_changes(changed: frozenset[str], allowed: frozenset[str]) -> frozenset[str]:
    """Those of `changed` that `allowed` doesn't cover. `actions` covers all its columns, never the other way
    round."""
    return frozenset(
        name for name in changed if name not in allowed and name.partition(".")[0] not in allowed
    )
