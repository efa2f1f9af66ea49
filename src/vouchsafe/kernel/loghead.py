"""The head of a log in PostgreSQL: the lock, the fence, and the one transaction in which a batch becomes
durable.

A `PgHead` owns one direct connection for its whole life: the advisory lock lives in that session, so a
transaction pooler would break it, and losing the connection means losing the log. The tables are those of
migration 0003; no Django here, because intake and publisher run this on their hot path.
"""

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import Connection, Cursor

from vouchsafe.ledger import tree
from vouchsafe.ledger.batches import BatchRow
from vouchsafe.ledger.errors import Fenced, Fork, LedgerError
from vouchsafe.ledger.head import Also, Appended, Batch, HeadState, LeafRef, SubjectHead

DURABLE = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply", "remote_write"),
}


class NotDurable(LedgerError):
    """The database would acknowledge what a loss of power can take away."""


def connect(dsn: str) -> Connection[tuple[Any, ...]]:
    """A direct connection of the kind that a head needs."""
    return psycopg.connect(dsn, autocommit=True, application_name="vouchsafe log writer")


def lock_key(origin: str) -> int:
    """The advisory lock of a log: 63 bits of a hash, so that two logs do not share one by accident."""
    return int.from_bytes(sha256(b"vouchsafe/log/" + origin.encode()).digest()[:8], "big") >> 1


class PgHead:
    """`ledger.head.Head` over one connection. Safe for a writer's two threads: one statement block at a
    time.
    """

    def __init__(self, conn: Connection[tuple[Any, ...]], origin: str) -> None:
        if not conn.autocommit:
            raise LedgerError(
                "the head's connection must be in autocommit: the head opens its own transactions"
            )
        self.conn = conn
        self._origin = origin
        self._one = threading.RLock()

    @property
    def origin(self) -> str:
        """The log's origin."""
        return self._origin

    def read(self) -> HeadState:
        """The committed state; the row is made when the log is new."""
        with self._one:
            row = self._row()
            if row is None:
                self.conn.execute(
                    "INSERT INTO log_head (origin, fence, next_index, size, root, at_last)"
                    " VALUES (%s, 0, 0, 0, %s, 0) ON CONFLICT (origin) DO NOTHING",
                    (self._origin, tree.EMPTY_ROOT),
                )
                row = self._row()
            assert row is not None
            return HeadState(self._origin, *row)

    def take_over(self) -> HeadState:
        """Lock the log for this session, check that the database keeps its word, and add 1 to the fence.

        Raises: Fenced while another session holds the lock; NotDurable.
        """
        with self._one:
            self._check_durable()
            locked = self.conn.execute(
                "SELECT pg_try_advisory_lock(%s)", (lock_key(self._origin),)
            ).fetchone()
            if locked is None or not locked[0]:
                raise Fenced(f"{self._origin}: another writer holds the log")
            self.read()
            self.conn.execute("UPDATE log_head SET fence = fence + 1 WHERE origin = %s", (self._origin,))
            return self.read()

    def commit(self, batch: Batch, appended: Sequence[Appended], *, also: Also | None = None) -> None:
        """S3, in one transaction. Raises: Fenced when the fence or the next index is another one."""
        with self._one, self.conn.transaction(), self.conn.cursor() as cursor:
            cursor.execute(
                "UPDATE log_head SET next_index = %s, at_last = %s"
                " WHERE origin = %s AND fence = %s AND next_index = %s",
                (batch.row.next, batch.at_last, self._origin, batch.fence, batch.row.first),
            )
            if cursor.rowcount != 1:
                raise Fenced(
                    f"{self._origin}: expected fence {batch.fence} and next index {batch.row.first},"
                    f" got {self._row()}"
                )
            cursor.execute(
                "INSERT INTO batch (origin, first_ix, next_ix, object, sha256) VALUES (%s, %s, %s, %s, %s)",
                (self._origin, batch.row.first, batch.row.next, batch.row.name, batch.row.sha256),
            )
            self._write_heads(cursor, batch.heads)
            self._copy_refs(cursor, batch.refs)
            if also is not None:
                also(cursor, appended)

    def subjects(self, subjs: Iterable[str]) -> dict[str, SubjectHead]:
        """The chain heads of those subjects that have one. Raises: LedgerError when one lives in another
        log.
        """
        wanted = [bytes.fromhex(subj) for subj in subjs]
        with self._one:
            rows = self.conn.execute(
                "SELECT subj, origin, seq, ix, head_hash, at FROM subject_head WHERE subj = ANY(%s)",
                (wanted,),
            ).fetchall()
        found: dict[str, SubjectHead] = {}
        for subj, origin, seq, index, leaf_hash, at in rows:
            if origin != self._origin:
                raise LedgerError(f"subject {subj.hex()} has its chain in {origin}, not in {self._origin}")
            found[subj.hex()] = SubjectHead(subj.hex(), seq, index, leaf_hash, at)
        return found

    def batches(self, start: int, end: int) -> list[BatchRow]:
        """The batches that hold entries start..end-1."""
        with self._one:
            rows = self.conn.execute(
                "SELECT first_ix, next_ix, object, sha256 FROM batch"
                " WHERE origin = %s AND next_ix > %s AND first_ix < %s ORDER BY first_ix",
                (self._origin, start, end),
            ).fetchall()
        return [BatchRow(*row) for row in rows]

    def mark(self, *, fence: int, old_size: int, size: int, root: bytes) -> None:
        """C4. Raises: Fenced when the fence or the size is another one."""
        with self._one:
            cursor = self.conn.execute(
                "UPDATE log_head SET size = %s, root = %s WHERE origin = %s AND fence = %s AND size = %s",
                (size, root, self._origin, fence, old_size),
            )
            if cursor.rowcount != 1:
                raise Fenced(f"{self._origin}: expected fence {fence} and size {old_size}, got {self._row()}")

    def keep_note(self, *, fence: int, size: int, root: bytes, note: bytes, at_ms: int) -> None:
        """C5. Raises: Fenced; Fork when a checkpoint of this size has another root."""
        with self._one, self.conn.transaction():
            state = self.conn.execute(
                "SELECT size, root FROM log_head WHERE origin = %s AND fence = %s FOR SHARE",
                (self._origin, fence),
            ).fetchone()
            if state is None:
                raise Fenced(f"{self._origin}: expected fence {fence}, got {self._row()}")
            if state != (size, root):
                raise Fork(state, (size, root), "only the committed size and root are signed")
            self.conn.execute(
                "INSERT INTO checkpoint (origin, size, root, note, published_at) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (origin, size) DO NOTHING",
                (self._origin, size, root, note, datetime.fromtimestamp(at_ms / 1000, UTC)),
            )

    def note(self, size: int) -> bytes | None:
        """The signed checkpoint of this size, if one was kept."""
        with self._one:
            row = self.conn.execute(
                "SELECT note FROM checkpoint WHERE origin = %s AND size = %s", (self._origin, size)
            ).fetchone()
        return bytes(row[0]) if row else None

    def release(self) -> None:
        """Give the log free for another writer, and close the connection."""
        with self._one:
            self.conn.close()

    def _row(self) -> tuple[int, int, int, bytes, int] | None:
        row = self.conn.execute(
            "SELECT fence, next_index, size, root, at_last FROM log_head WHERE origin = %s", (self._origin,)
        ).fetchone()
        return (row[0], row[1], row[2], bytes(row[3]), row[4]) if row else None

    def _check_durable(self) -> None:
        for name, good in DURABLE.items():
            row = self.conn.execute(f"SHOW {name}").fetchone()
            if row is None or row[0] not in good:
                raise NotDurable(f"PostgreSQL {name}: expected {good[0]}, got {row[0] if row else 'nothing'}")

    def _write_heads(self, cursor: Cursor[tuple[Any, ...]], heads: Sequence[SubjectHead]) -> None:
        """One upsert for all, columns as packed bytes and arrays: the role may make no temporary table."""
        cursor.execute(
            "INSERT INTO subject_head AS old (subj, origin, seq, ix, head_hash, at)"
            " SELECT substr(%s::bytea, 16 * n::int - 15, 16), %s, seq, ix,"
            " substr(%s::bytea, 32 * n::int - 31, 32), at"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) WITH ORDINALITY AS new(seq, ix, at, n)"
            " ON CONFLICT (subj) DO UPDATE SET seq = excluded.seq, ix = excluded.ix,"
            " head_hash = excluded.head_hash, at = excluded.at WHERE old.origin = excluded.origin",
            (
                bytes.fromhex("".join([head.subj for head in heads])),
                self._origin,
                b"".join([head.leaf_hash for head in heads]),
                _array(head.seq for head in heads),
                _array(head.index for head in heads),
                _array(head.at for head in heads),
            ),
        )
        if cursor.rowcount != len(heads):
            raise LedgerError(
                f"{self._origin}: expected {len(heads)} chain heads written, got {cursor.rowcount}"
            )

    def _copy_refs(self, cursor: Cursor[tuple[Any, ...]], refs: Sequence[LeafRef]) -> None:
        if not refs:
            return
        with cursor.copy(
            "COPY leaf_ref (origin, ix, subj, seq, kind, leaf_hash, event) FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["text", "int8", "bytea", "int8", "text", "bytea", "int8"])
            for ref in refs:
                copy.write_row(
                    (
                        self._origin,
                        ref.index,
                        bytes.fromhex(ref.subj),
                        ref.seq,
                        ref.kind,
                        ref.leaf_hash,
                        ref.source,
                    )
                )


def _array(numbers: Iterable[int]) -> str:
    """A bigint[] literal: several times faster to send than a list."""
    return "{" + ",".join([str(number) for number in numbers]) + "}"
