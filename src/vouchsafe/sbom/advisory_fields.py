"""Reading members of an advisory's objects: the value of the right kind, or an error that names the place."""

import re
from datetime import datetime
from typing import Any

from vouchsafe.sbom.errors import Malformed, TooLarge, shown

Object = dict[str, Any]


def text(entry: Object, name: str, place: str) -> str:
    """A member that is text; empty where it is absent or null.

    Raises:
        Malformed: another kind of value.
    """
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{place}.{name}", "text", shown(value))
    return value


def array(entry: Object, name: str, place: str, *, at_most: int | None = None) -> list[Any]:
    """A member that is an array; empty where it is absent or null.

    Raises:
        Malformed: another kind of value.
        TooLarge: more than `at_most` items.
    """
    value = entry.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{place}.{name}", "an array", shown(value))
    if at_most is not None and len(value) > at_most:
        raise TooLarge(f"{place}.{name}", f"at most {at_most:,}", f"{len(value):,}")
    return value


def member(entry: Object, name: str, place: str) -> Object:
    """A member that is an object; empty where it is absent or null.

    Raises:
        Malformed: another kind of value.
    """
    value = entry.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{place}.{name}", "an object", shown(value))
    return value


def objects(entry: Object, name: str, place: str, *, at_most: int | None = None) -> list[tuple[str, Object]]:
    """A member that is an array of objects: the place and the object of each.

    Raises:
        Malformed: another kind of value.
        TooLarge: more than `at_most` items.
    """
    found = []
    for i, item in enumerate(array(entry, name, place, at_most=at_most)):
        if not isinstance(item, dict):
            raise Malformed(f"{place}.{name}[{i}]", "an object", shown(item))
        found.append((f"{place}.{name}[{i}]", item))
    return found


def texts(entry: Object, name: str, place: str, *, at_most: int | None = None) -> tuple[str, ...]:
    """A member that is an array of text.

    Raises:
        Malformed: another kind of value.
        TooLarge: more than `at_most` items.
    """
    values = array(entry, name, place, at_most=at_most)
    for i, value in enumerate(values):
        if not isinstance(value, str):
            raise Malformed(f"{place}.{name}[{i}]", "text", shown(value))
    return tuple(values)


def number(entry: Object, name: str, place: str) -> float | None:
    """A member that is a number, or None where it is absent or null.

    Raises:
        Malformed: another kind of value.
    """
    value = entry.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{place}.{name}", "a number", shown(value))
    return float(value)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?", re.ASCII)


def time(entry: Object, name: str, place: str, problems: list[str], *, assume_utc: bool = False) -> str:
    """A member that is an RFC 3339 time, as it is written; one that is none is kept and noted.

    `assume_utc` is for formats that say so of a time without an offset; a `Z` is then put behind it.
    """
    said = text(entry, name, place)
    if assume_utc and _NO_ZONE.fullmatch(said):
        said = f"{said}Z" if said.count(":") == 2 else f"{said}:00Z"
    if said and not is_time(said):
        problems.append(f"{place}.{name}: expected an RFC 3339 time, got {shown(said)}")
    return said


def withdrawn(said: str) -> str:
    """When an advisory was taken back. What is no time takes nothing back: it would hide what is affected."""
    return said if is_time(said) else ""


def is_time(said: str) -> bool:
    """Whether a text is an RFC 3339 time that exists in the calendar."""
    try:
        if not _TIME.fullmatch(said):
            return False
        datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", said))
    except ValueError:
        return False
    return True


def without_repeats(values: list[str]) -> tuple[str, ...]:
    """The values once each, in the order in which they first came; empty ones left out."""
    return tuple(dict.fromkeys(v for v in values if v))
