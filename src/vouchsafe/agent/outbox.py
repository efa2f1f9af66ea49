"""A gateway's outbox: items stay in it until the server has answered with their leaf indexes.

SQLite with `synchronous=FULL`: an item that `put` returned for survives a power loss. One file can serve many
gateways.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path


class Outbox:
    """The items of one gateway, oldest first. Used by one thread."""

    def __init__(self, path: Path | str, gateway: str) -> None:
        self._gateway = gateway
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA busy_timeout=10000")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, gateway TEXT NOT NULL,"
            " raw BLOB NOT NULL, refused TEXT)"
        )
        self._db.execute(
            "CREATE INDEX IF NOT EXISTS item_gateway ON item (gateway, id) WHERE refused IS NULL"
        )

    def put(self, items: Iterable[bytes]) -> None:
        """Take items; durable when this returns."""
        with self._transaction():
            rows = ((self._gateway, raw) for raw in items)
            self._db.executemany("INSERT INTO item (gateway, raw) VALUES (?, ?)", rows)

    def oldest(self, most: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """Up to `most` items as (id, bytes), at least one if there is any, together at most `most_bytes`."""
        query = "SELECT id, raw FROM item WHERE gateway = ? AND refused IS NULL ORDER BY id LIMIT ?"
        taken: list[tuple[int, bytes]] = []
        total = 0
        for number, raw in self._db.execute(query, (self._gateway, most)):
            total += len(raw)
            if taken and total > most_bytes:
                break
            taken.append((number, raw))
        return taken

    def acknowledged(self, ids: Sequence[int]) -> None:
        """These are durable on the server: forget them."""
        with self._transaction():
            self._db.executemany("DELETE FROM item WHERE id = ?", [(number,) for number in ids])

    def set_aside(self, number: int, why: str) -> None:
        """The server will never take this one: keep it for a person, and send it no more."""
        self._db.execute("UPDATE item SET refused = ? WHERE id = ?", (why, number))

    def waiting(self) -> int:
        """How many items are still to be sent."""
        query = "SELECT count(*) FROM item WHERE gateway = ? AND refused IS NULL"
        return int(self._db.execute(query, (self._gateway,)).fetchone()[0])

    def refused(self) -> list[tuple[bytes, str]]:
        """Items set aside, each with the server's words."""
        query = "SELECT raw, refused FROM item WHERE gateway = ? AND refused IS NOT NULL ORDER BY id"
        return [(raw, why) for raw, why in self._db.execute(query, (self._gateway,))]

    def _transaction(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db  # its context manager commits, or rolls back on an error

    def close(self) -> None:
        """Close the file."""
        self._db.close()
