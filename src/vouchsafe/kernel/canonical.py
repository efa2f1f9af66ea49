"""The bytes that are hashed, signed and logged: RFC 8785 JSON, and how a content becomes such JSON and back.

`canonical` takes the JSON values without floating point: null, booleans, integers up to 2^53-1, Unicode text,
arrays, objects. Decimal numbers, days, moments and persons travel as text, so the number rules of RFC 8785
3.2.2.3 never apply. `parse` accepts only bytes that `canonical` would have written.

`pack` turns a content into such values and `unpack` back. A field marked `personal=True` never enters the
bytes: `pack` asks `commit(name, value)` for `{"commitment": hex}` in its place, and `unpack` asks
`reveal(name, commitment)` for the value. Text from a form, an API call or an import enters through `merge`,
which refuses it with place, what was expected and what came (`Malformed`).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from vouchsafe.kernel.fields import (
    PERSON,
    ROW_ID,
    SHA256,
    Device,
    Evidence,
    Field,
    File,
    Hidden,
    Person,
    Row,
    fields_of,
)

Commit = Callable[[str, Any], Mapping[str, str]]
Reveal = Callable[[str, str], Any]
NewId = Callable[[], str]

MAX_INTEGER = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read: of the bytes of a version, and of the values in it."""

    max_bytes: int = 4_194_304
    max_depth: int = 16
    max_text: int = 20_000
    max_markdown: int = 200_000
    max_rows: int = 1_000
    max_digits: int = 30


LIMITS = Limits()


class Malformed(ValueError):
    """Input that is not what it must be: where, what was expected, what came."""

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(f"{place or 'value'}: expected {expected}, got {got}")
        self.place, self.expected, self.got = place, expected, got


def _shown(value: object) -> str:
    """A short account of a value for an error; never more than sixty characters of it."""
    if value is None:
        return "nothing"
    text = repr(value)
    return f"{type(value).__name__} {text[:60]}{'…' if len(text) > 60 else ''}"


def canonical(value: Any) -> bytes:
    """Encode `value` as RFC 8785 does.

    Raises:
        Malformed: a float, a date or another type outside the set; an integer or text that JSON can't carry
        safely.
    """
    return json.dumps(
        _ordered(value, "", 0), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode()


def digest(body: bytes) -> str:
    """SHA-256 of `body`, 64 lower-case hex digits."""
    return hashlib.sha256(body).hexdigest()


def _ordered(value: Any, place: str, depth: int) -> Any:
    if depth > LIMITS.max_depth:
        raise Malformed(place, f"at most {LIMITS.max_depth} levels", "more")
    if value is None or value is True or value is False:
        return value
    if type(value) is int:
        if abs(value) > MAX_INTEGER:  # RFC 8785 3.2.2.3: beyond IEEE 754's exact integers
            raise Malformed(place, f"an integer up to {MAX_INTEGER}", str(value)[:40])
        return value
    if isinstance(value, str):
        return _plain(value, place)
    if isinstance(value, list | tuple):
        return [_ordered(item, f"{place}[{n}]", depth + 1) for n, item in enumerate(value)]
    if isinstance(value, Mapping):
        out = {}
        for key in value:
            if not isinstance(key, str):
                raise Malformed(place, "text as a key", _shown(key))
            _plain(key, place)
        for key in sorted(value, key=_utf16):  # RFC 8785 3.2.3: order of UTF-16 code units
            out[str(key)] = _ordered(value[key], f"{place}.{key}" if place else str(key), depth + 1)
        return out
    raise Malformed(place, "null, true, false, an integer, text, an array or an object", _shown(value))


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _plain(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as e:  # RFC 8785 3.2.2.2: a lone surrogate ends the encoding with an error
        raise Malformed(place, "Unicode text", f"a lone surrogate at character {e.start}") from None
    return str(value)


def parse(body: bytes, *, limits: Limits = LIMITS) -> Any:
    """Decode canonical bytes.

    Raises:
        Malformed: too long, not JSON, a key twice, a float, or not the very bytes that `canonical` writes.
    """
    if len(body) > limits.max_bytes:
        raise Malformed("body", f"at most {limits.max_bytes} bytes", f"{len(body)}")
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as e:
        raise Malformed("body", "JSON in UTF-8", str(e)[:120]) from None
    if canonical(value) != body:
        raise Malformed("body", "canonical JSON (RFC 8785)", "another form of it")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise Malformed("body", "each key once", "a key twice")
    return out


def _no_float(text: str) -> Any:
    raise Malformed("body", "no floating point", text[:40])


def pack(content: Any, *, commit: Commit | None = None) -> dict[str, Any]:
    """A content as plain JSON values, every field present.

    Raises:
        Malformed: a value that its field doesn't allow; a personal value and no `commit`.
    """
    return {f.name: _pack(f, getattr(content, f.name), f.name, commit) for f in fields_of(type(content))}


def _pack(f: Field, value: Any, place: str, commit: Commit | None) -> Any:
    if isinstance(value, Hidden):  # erased or unreadable here: what was committed to stays so
        return {"commitment": value.commitment}
    if f.kind == "rows":
        return [_pack_row(f, row, place, commit) for row in value]
    plain = _plain_value(value, place)
    read(f, plain, place)  # what could not be read again is never written
    if f.personal and plain is not None:
        if commit is None:
            raise Malformed(place, "a commitment in place of a personal value", "no way to make one")
        return dict(commit(place, plain))
    return plain


def _pack_row(f: Field, row: Any, place: str, commit: Commit | None) -> dict[str, Any]:
    if not isinstance(row, Row) or not ROW_ID.match(row.id):
        raise Malformed(place, "a row with its id", _shown(getattr(row, "id", row)))
    columns = fields_of(type(row))
    here = f"{place}.{row.id}"
    return {
        "id": row.id,
        **{c.name: _pack(c, getattr(row, c.name), f"{here}.{c.name}", commit) for c in columns},
    }


def legible(value: Any) -> Any:
    """A content, a row or one field's value as plain JSON for somebody who may read it.

    Personal values are as they were typed, and a commitment where they aren't readable any more. What is
    signed and kept is `pack`'s.
    """
    if isinstance(value, Hidden):
        return {"commitment": value.commitment}
    if isinstance(value, tuple):
        return [legible(one) for one in value]
    if is_dataclass(value) and not isinstance(value, File | Device | Evidence):
        named = {f.name: legible(getattr(value, f.name)) for f in fields_of(type(value))}
        return {"id": value.id, **named} if isinstance(value, Row) else named
    return _plain_value(value, "")


def _plain_value(value: Any, place: str) -> Any:
    """The JSON form of one value, as `read` reads it."""
    match value:
        case None:
            return None
        case datetime():
            if value.utcoffset() is None:
                raise Malformed(place, "a moment with its zone", "a naive one")
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return _decimal(value, place)
        case File():
            return {"name": value.name, "sha256": value.sha256, "size": value.size}
        case Device():
            return {"di": value.di, "lot": value.lot, "serial": value.serial}
        case Evidence():
            return {
                "by": value.by,
                "on": value.on.isoformat(),
                "reference": value.reference,
                "sha256": value.sha256,
            }
        case StrEnum():
            return str(value)
        case _:
            return value


def _decimal(value: Decimal, place: str) -> str:
    """One spelling a number: no exponent, no trailing zero after the point, no minus zero."""
    if not value.is_finite():
        raise Malformed(place, "a number", str(value))
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "0", "") else text


def unpack(cls: type, data: Mapping[str, Any], *, reveal: Reveal | None = None) -> Any:
    """The inverse of `pack`. A name that `cls` no longer has is left out here, and stays in the version's
    bytes.

    Raises:
        Malformed: a value that its field doesn't allow.
    """
    return cls(**{f.name: _unpack(f, data.get(f.name), f.name, reveal) for f in fields_of(cls)})


def _unpack(f: Field, value: Any, place: str, reveal: Reveal | None) -> Any:
    if f.kind == "rows":
        return tuple(_unpack_row(f, row, place, reveal) for row in value or ())
    if f.personal and value is not None:
        if (
            not isinstance(value, dict)
            or set(value) != {"commitment"}
            or not SHA256.match(str(value["commitment"]))
        ):
            raise Malformed(place, "a commitment", _shown(value))
        value, hidden = (reveal(place, value["commitment"]) if reveal else None), Hidden(value["commitment"])
        return hidden if value is None else read(f, value, place)
    return read(f, value, place)


def _unpack_row(f: Field, row: Any, place: str, reveal: Reveal | None) -> Any:
    if not isinstance(row, dict) or not ROW_ID.match(str(row.get("id", ""))):
        raise Malformed(place, "a row with its id", _shown(row))
    assert f.row is not None
    here = f"{place}.{row['id']}"
    values = {c.name: _unpack(c, row.get(c.name), f"{here}.{c.name}", reveal) for c in fields_of(f.row)}
    return f.row(id=row["id"], **values)


def read(f: Field, value: Any, place: str) -> Any:
    """The value of one field from its JSON form.

    Raises:
        Malformed: it is not what the field's kind allows.
    """
    if value is None or value == "":
        return None
    reader = _READERS.get(f.kind)
    if reader is None:
        raise Malformed(place, "a single value", _shown(value))
    return reader(f, value, place)


def _text(f: Field, value: Any, place: str) -> str:
    most = LIMITS.max_markdown if f.kind == "markdown" else LIMITS.max_text
    if not isinstance(value, str):
        raise Malformed(place, "text", _shown(value))
    _plain(value, place)
    if len(value) > most:
        raise Malformed(place, f"at most {most} characters", str(len(value)))
    bad = next((c for c in value if (c < " " and c not in "\t\n\r") or c == "\x7f"), None)
    if bad is not None:
        raise Malformed(place, "text without control characters", f"U+{ord(bad):04X}")
    return value


def _day(f: Field, value: Any, place: str) -> date:
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise Malformed(place, "a day as 2026-03-01", _shown(value))


def _moment(f: Field, value: Any, place: str) -> datetime:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) and 16 < len(value) < 40 else None
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None:
        raise Malformed(place, "a moment with its zone, as 2026-03-01T09:30:00Z", _shown(value))
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise Malformed(place, "a moment of this calendar", _shown(value)) from None


def _choice(f: Field, value: Any, place: str) -> StrEnum:
    assert f.of is not None
    try:
        return f.of(value)
    except ValueError:
        raise Malformed(place, f"one of {', '.join(f.of)}", _shown(value)) from None


def _yes_no(f: Field, value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(place, "true or false", _shown(value))
    return value


def _number(f: Field, value: Any, place: str) -> Decimal:
    text = str(value) if type(value) is int else value
    try:
        found = Decimal(text) if isinstance(text, str) and len(text) <= LIMITS.max_digits + 2 else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or len(format(found, "f")) > LIMITS.max_digits + 2:
        raise Malformed(place, f"a decimal number of at most {LIMITS.max_digits} digits", _shown(value))
    return Decimal(_decimal(found, place))


def _person(f: Field, value: Any, place: str) -> Person:
    if not isinstance(value, str) or not PERSON.match(value):
        raise Malformed(place, "a person (32 hex digits)", _shown(value))
    return Person(value)


def _parts(value: Any, place: str, **kinds: type) -> dict[str, Any]:
    """An object with exactly these members, each of exactly this type; text of at most 400 printable
    characters."""
    if not isinstance(value, dict) or set(value) != set(kinds):
        raise Malformed(place, f"an object of {', '.join(sorted(kinds))}", _shown(value))
    for name, kind in kinds.items():
        if type(value[name]) is not kind:
            raise Malformed(f"{place}.{name}", kind.__name__, _shown(value[name]))
        if kind is str and (len(_plain(value[name], place)) > 400 or not value[name].isprintable()):
            raise Malformed(f"{place}.{name}", "at most 400 printable characters", _shown(value[name]))
    return value


def _sha256(value: str, place: str) -> str:
    if not SHA256.match(value):
        raise Malformed(f"{place}.sha256", "64 lower-case hex digits", _shown(value))
    return value


def _file(f: Field, value: Any, place: str) -> File:
    parts = _parts(value, place, name=str, sha256=str, size=int)
    if not 0 <= parts["size"] <= MAX_INTEGER:
        raise Malformed(f"{place}.size", "a size in bytes", _shown(parts["size"]))
    return File(_sha256(parts["sha256"], place), parts["name"], parts["size"])


def _device(f: Field, value: Any, place: str) -> Device:
    parts = _parts(value, place, di=str, lot=str, serial=str)
    if not parts["serial"].strip():
        raise Malformed(f"{place}.serial", "a serial number", "nothing")
    return Device(parts["serial"].strip(), parts["di"].strip(), parts["lot"].strip())


def _evidence(f: Field, value: Any, place: str) -> Evidence:
    parts = _parts(value, place, reference=str, sha256=str, by=str, on=str)
    if not parts["reference"].strip():
        raise Malformed(f"{place}.reference", "what the evidence is called", "nothing")
    by = _person(f, parts["by"], f"{place}.by")
    return Evidence(
        parts["reference"], _sha256(parts["sha256"], place), by, _day(f, parts["on"], f"{place}.on")
    )


_READERS: dict[str, Callable[[Field, Any, str], Any]] = {
    "text": _text,
    "markdown": _text,
    "day": _day,
    "moment": _moment,
    "choice": _choice,
    "yes_no": _yes_no,
    "number": _number,
    "person": _person,
    "file": _file,
    "device": _device,
    "evidence": _evidence,
}


def merge(content: Any, changes: Mapping[str, Any], *, new_id: NewId) -> Any:
    """`content` with `changes` laid over it, from a form, an API call or a draft: JSON values by field name.

    Rows come as the whole list: a row with a known id keeps it (and the columns that it doesn't mention), one
    without an id is new and gets one. Personal values come as themselves, or as `{"commitment": hex}` to
    leave them be.

    Raises:
        Malformed: an unknown field, or a value that its field doesn't allow.
    """
    known = {f.name: f for f in fields_of(type(content))}
    out: dict[str, Any] = {}
    for name, value in changes.items():
        f = known.get(name)
        if f is None:
            raise Malformed(str(name)[:80], f"a field of {type(content).__name__}", "an unknown name")
        if f.kind == "rows":
            out[name] = _merge_rows(f, getattr(content, name), value, new_id)
        else:
            out[name] = _merge_value(f, getattr(content, name), value, name)
    return replace(content, **out)


def _merge_value(f: Field, old: Any, value: Any, place: str) -> Any:
    if f.personal and isinstance(value, dict) and set(value) == {"commitment"}:
        if isinstance(old, Hidden) and old.commitment == value["commitment"]:
            return old
        raise Malformed(place, "the value, or the commitment that stands there", "another commitment")
    return read(f, value, place)


def _merge_rows(f: Field, old: tuple[Any, ...], value: Any, new_id: NewId) -> tuple[Any, ...]:
    assert f.row is not None
    if not isinstance(value, list | tuple) or len(value) > LIMITS.max_rows:
        raise Malformed(f.name, f"a list of at most {LIMITS.max_rows} rows", _shown(value))
    columns = {c.name: c for c in fields_of(f.row)}
    by_id, used, out = {row.id: row for row in old}, {row.id for row in old}, []
    for n, raw in enumerate(value, 1):
        place = f"{f.name}, row {n}"
        if not isinstance(raw, Mapping):
            raise Malformed(place, "a row", _shown(raw))
        if stray := sorted(str(k) for k in raw if k != "id" and k not in columns):
            raise Malformed(place, f"columns {', '.join(columns)}", ", ".join(stray)[:80])
        row_id = raw.get("id") or ""
        if row_id and row_id not in by_id:
            raise Malformed(place, "the id of a row that is there, once", _shown(row_id))
        base = by_id.pop(row_id) if row_id else f.row(id=_fresh(used, new_id))
        given = {
            k: _merge_value(columns[k], getattr(base, k), v, f"{place}, {k}")
            for k, v in raw.items()
            if k != "id"
        }
        out.append(replace(base, **given))
    return tuple(out)


def _fresh(used: set[str], new_id: NewId) -> str:
    """An id that no row of the field has. The caller's ids are random, so that none is ever given twice."""
    made = new_id()
    if not ROW_ID.match(made) or made in used:
        raise Malformed("id", "a new id of 1 to 32 lower-case letters and digits", _shown(made))
    used.add(made)
    return made


def facts_of(cls: type, packed: Mapping[str, Any]) -> dict[str, Any]:
    """The short, not personal values of a packed content, and how many rows each list has: for lists and
    trends."""
    out: dict[str, Any] = {}
    for f in fields_of(cls):
        if f.short:
            out[f.name] = packed.get(f.name)
        elif f.kind == "rows":
            out[f.name] = len(packed.get(f.name) or ())
    return out
