"""Values on their way in and what they name: Python to JSON, and the people, files and words in a content."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from vouchsafe.kernel.declare import fields_of
from vouchsafe.kernel.models import Person


def plain(value: Any) -> Any:
    """A value as `canonical.merge` takes it: days, numbers, people and rows written in Python become JSON."""
    match value:
        case Person():
            return value.id.hex
        case UUID():
            return value.hex
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
        case list() | tuple():
            return [plain(v) for v in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        case _:
            return value


def encoded(value: Any) -> bytes:
    """`value` as JSON, to see that it is JSON and how long it is."""
    return json.dumps(value, allow_nan=False).encode()


def persons_in(content: Any) -> set[str]:
    """Everyone whom a content names, in fields of kind person and as who vouches for evidence."""
    out: set[str] = set()
    for f in fields_of(type(content)):
        value = getattr(content, f.name)
        if f.row is not None:
            for row in value:
                out |= persons_in(row)
        elif f.kind == "person" and value:
            out.add(str(value))
        elif f.kind == "evidence" and value is not None and hasattr(value, "by"):
            out.add(str(value.by))
    return out


def files_in(content: Any) -> set[str]:
    """SHA-256 of every file that a content names, evidence included."""
    out: set[str] = set()
    for f in fields_of(type(content)):
        value = getattr(content, f.name)
        if f.row is not None:
            for row in value:
                out |= files_in(row)
        elif f.kind in ("file", "evidence") and value is not None and hasattr(value, "sha256"):
            out.add(value.sha256)
    return out


def texts_in(packed: Any) -> Iterable[str]:
    """Every text of a packed content; commitments of personal values are left out."""
    if isinstance(packed, str):
        yield packed
    elif isinstance(packed, list):
        for item in packed:
            yield from texts_in(item)
    elif isinstance(packed, dict) and set(packed) != {"commitment"}:
        for name, item in packed.items():
            if name not in ("id", "sha256"):
                yield from texts_in(item)
