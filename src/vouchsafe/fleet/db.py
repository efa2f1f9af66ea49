"""Plain SQL over Django's connection: rows as tuples of a declared type, no ORM.

The fleet's tables have no models (migrations 0001, 0002): its questions are joins over intervals, and its
writes are COPY. Whoever writes inside `transaction.atomic` is inside it here too, because it's the same
connection.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection

OPEN = 2**63 - 1
"""End of an interval that is still open (migration 0001)."""

Params = Mapping[str, Any]


def rows(sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
    """All rows of a query, bytea columns as `bytes`."""
    with connection.cursor() as cursor:
        cursor.execute(sql, dict(params or {}))
        return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor.fetchall()]


def one(sql: str, params: Params | None = None) -> tuple[Any, ...] | None:
    """The first row, or None."""
    found = rows(sql, params)
    return found[0] if found else None


def value(sql: str, params: Params | None = None) -> Any:
    """The first column of the one row that the query always has."""
    return rows(sql, params)[0][0]


def run(sql: str, params: Params | None = None) -> int:
    """Execute a statement; the number of rows that it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, dict(params or {}))
        return int(cursor.rowcount)


def json(value: Any) -> str:
    """A value for a jsonb parameter (write `%(name)s::jsonb`)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def unjson(text: str) -> Any:
    """The value of a jsonb column that was selected as text."""
    return orjson.loads(text)


def copy(table: str, columns: Sequence[str], values: Iterable[Sequence[Any]]) -> int:
    """COPY rows into a table of this package; how many."""
    count = 0
    with connection.cursor() as cursor:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with cursor.cursor.copy(statement) as stream:
            for row in values:
                stream.write_row(row)
                count += 1
    return count
