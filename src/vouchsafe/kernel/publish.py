"""From events to leaves, from leaves to signed checkpoints, and back: where an event is sealed, and its
proof.

`Publisher` writes the logs `records` and `root`: one process holds it. `drain` turns each committed event
that has no leaf yet into one, so the outbox is the history itself and nothing is ever marked. `tick` signs
`records`, puts the newest checkpoint of every other log into `root`, and signs `root`. The functions below
it only read, and may be called anywhere; they take the data folder and the authority from Django's
settings.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from vouchsafe.kernel.loghead import PgHead, connect
from vouchsafe.ledger import keyfiles, leaves, notes, proofs, serving
from vouchsafe.ledger.checkpoints import Checkpoint, parse_body
from vouchsafe.ledger.errors import LedgerError, Malformed
from vouchsafe.ledger.limits import MAX_BATCH
from vouchsafe.ledger.log import Appended, Pending, Published, Reader, Writer
from vouchsafe.ledger.stores import FolderStore

RECORDS = "records"
ROOT = "root"
SERVICE = "s:publisher"
PSEUDONYM_KEY = "pseudonym.key"
MAX_FACTS_BYTES = 3_000
SCRUBBED_BUNDLES = 1
"""Full bundles of each log that a tick checks from bytes before it signs."""
_WINDOW = 10_000
_FULL_SCAN_EVERY = 300

PENDING = """
SELECT e.id, e.subject_type, e.subject, e.seq, e.leaf_kind, e.by_id, e.salt, e.body, e.facts
FROM kernel_event e
WHERE e.id > %s AND NOT EXISTS (SELECT 1 FROM leaf_ref r WHERE r.event = e.id)
ORDER BY e.id LIMIT %s
"""


class NotYetProvable(LedgerError):
    """The entry is logged or waits to be, but no root checkpoint covers it yet."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where an installation keeps its logs, and under whose name."""

    data: Path
    authority: str

    def origin(self, log: str) -> str:
        """`<authority>/<log>`."""
        return f"{self.authority}/{log}"

    def log_name(self, origin: str) -> str:
        """The name within the authority."""
        return origin.removeprefix(f"{self.authority}/")

    def public(self, origin: str) -> FolderStore:
        """The folder of a log's checkpoint and tiles."""
        return FolderStore(self.data / "logs" / self.log_name(origin))

    @property
    def store(self) -> FolderStore:
        """Batch objects, evidence packs, files."""
        return FolderStore(self.data / "store")

    def signer(self, origin: str) -> notes.Signer:
        """The log's signing key, made on first use with mode 0600."""
        return keyfiles.log_signer(self.data / "keys", origin)

    @property
    def pseudonym_key(self) -> bytes:
        """The key of all pseudonyms of this tenant. It never rotates: a chain would break."""
        return keyfiles.load_or_create(self.data / "keys", PSEUDONYM_KEY)

    def writer(self, conn: Connection[tuple[Any, ...]], log: str) -> Writer:
        """A log's writer over its own connection; `take_over` is the caller's."""
        origin = self.origin(log)
        return Writer(origin, PgHead(conn, origin), self.store, self.public(origin), [self.signer(origin)])


class Publisher:
    """The writer of `records` and `root`. A context manager; entering it takes both logs over.

    Raises: Fenced when another process is the publisher; Fork when the database is older than what was
    published.
    """

    def __init__(self, dsn: str, site: Site) -> None:
        self.dsn = dsn
        self.site = site
        self._calls = 0
        self._highest = 0

    def __enter__(self) -> "Publisher":
        self._connections = [connect(self.dsn), connect(self.dsn)]
        try:
            self.records = self.site.writer(self._connections[0], RECORDS)
            self.root = self.site.writer(self._connections[1], ROOT)
            self.records.take_over()
            self.root.take_over()
        except BaseException:
            self.close()
            raise
        self._key = self.site.pseudonym_key
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give both logs free."""
        for conn in self._connections:
            conn.close()

    def drain(self, now: datetime) -> int:
        """Log every committed event without a leaf; gives how many. One that commits late is found later."""
        total = 0
        while rows := self._pending():
            ready = self._in_order(rows)
            if not ready:
                break
            self.records.append([self._leaf(row) for row in ready], at_ms=_ms(now))
            total += len(ready)
            if len(rows) < MAX_BATCH:
                break
        return total

    def tick(self, now: datetime) -> Published:
        """Drain, check a little of what is stored, sign `records`, log new checkpoints in `root`, sign it."""
        self.drain(now)
        for writer in (self.records, self.root):
            writer.scrub(SCRUBBED_BUNDLES)
        self.records.checkpoint(at_ms=_ms(now))
        shards = self._new_shards()
        if shards:
            self.root.append(
                [_shard_leaf(checkpoint, note) for checkpoint, note in shards],
                at_ms=_ms(now),
                also=self._refer(shards),
            )
        return self.root.checkpoint(at_ms=_ms(now))

    def _pending(self) -> list[tuple[Any, ...]]:
        # Ids commit out of order, so the newest id seen is no limit. A window behind it keeps the tick cheap,
        # and a scan of everything now and then finds even an event whose transaction took very long.
        floor = self._highest - _WINDOW if self._calls % _FULL_SCAN_EVERY else 0
        self._calls += 1
        rows = self._connections[0].execute(PENDING, (floor, MAX_BATCH)).fetchall()
        self._highest = max([self._highest, *(row[0] for row in rows)])
        return rows

    def _in_order(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Those that are next on their subject's chain; the others wait until the missing one is there."""
        names = {(row[1], row[2]): self._name(row[1], row[2]) for row in rows}
        heads = self.records.head.subjects(set(names.values()))
        following = {name: heads[name].seq + 1 if name in heads else 0 for name in names.values()}
        ready = []
        for row in rows:
            name = names[row[1], row[2]]
            if row[3] == following[name]:
                following[name] += 1
                ready.append(row)
        return ready

    def _leaf(self, row: tuple[Any, ...]) -> Pending:
        event, subject_type, subject, _, kind, by, salt, body, facts = row
        return Pending(
            subj=self._name(subject_type, subject),
            kind=kind,
            by=f"u:{self._name('person', by)}" if by else "s:kernel",
            commit=leaves.commitment(bytes(salt), bytes(body)),
            facts=safe_facts(facts),
            source=event,
        )

    def _name(self, subject_type: str, subject: UUID) -> str:
        return leaves.pseudonym(self._key, subject_type, subject)

    def _new_shards(self) -> list[tuple[Checkpoint, bytes]]:
        """The newest checkpoint of each other log that `root` does not hold yet."""
        conn = self._connections[1]
        prefix = f"{self.site.authority}/"
        found = []
        for (origin,) in conn.execute("SELECT origin FROM log_head ORDER BY origin").fetchall():
            if origin == self.root.origin or not origin.startswith(prefix):
                continue
            row = conn.execute(
                "SELECT size, root, note FROM checkpoint WHERE origin = %s ORDER BY size DESC LIMIT 1",
                (origin,),
            ).fetchone()
            if row is None or row[0] == 0:
                continue
            known = conn.execute(
                "SELECT 1 FROM shard_ref WHERE root_origin = %s AND origin = %s AND size >= %s LIMIT 1",
                (self.root.origin, origin, row[0]),
            ).fetchone()
            if known is None:
                found.append((Checkpoint(origin, row[0], bytes(row[1])), bytes(row[2])))
        return found

    def _refer(self, shards: Sequence[tuple[Checkpoint, bytes]]) -> Any:
        def also(cursor: Any, appended: Sequence[Appended]) -> None:
            cursor.executemany(
                "INSERT INTO shard_ref (root_origin, ix, origin, size) VALUES (%s, %s, %s, %s)",
                [
                    (self.root.origin, done.index, checkpoint.origin, checkpoint.size)
                    for done, (checkpoint, _) in zip(appended, shards, strict=True)
                ],
            )

        return also


def safe_facts(facts: Any) -> dict[str, Any]:
    """An event's facts as its leaf shows them.

    What is no code, or is too much, is withheld: the commitment covers the whole body all the same, and
    text must never reach a public tile.
    """
    try:
        leaves.check_facts(facts, "facts")
        leaves.check_codes(facts, "facts")
    except Malformed:
        return {"withheld": True}
    if "pix" in facts or len(orjson.dumps(facts)) > MAX_FACTS_BYTES:
        return {"withheld": True}
    return dict(facts)


def _shard_leaf(checkpoint: Checkpoint, note: bytes) -> Pending:
    return Pending(
        subj=leaves.log_subject(checkpoint.origin),
        kind="shard.checkpoint",
        by=SERVICE,
        commit=leaves.commitment(bytes(leaves.SALT_BYTES), note),
        facts={"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()},
    )


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)


# -- With Django's settings and connection
# ------------------------------------------------------------------------


def site() -> Site:
    """The installation that Django's settings describe."""
    from django.conf import settings

    return Site(Path(settings.VOUCHSAFE_DATA), settings.VOUCHSAFE_LOG_AUTHORITY)


def dsn() -> str:
    """The address of Django's default database, for a direct connection."""
    from django.db import connections

    known = connections["default"].settings_dict
    words = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return make_conninfo(**{word: known[key] for word, key in words.items() if known.get(key)})


def publisher() -> Publisher:
    """The publisher of this installation; enter it."""
    return Publisher(dsn(), site())


def publish_records(now: datetime) -> int:
    """`Publisher.drain` once. For commands and tests; the worker holds a `publisher()` open instead."""
    with publisher() as open_publisher:
        return open_publisher.drain(now)


def tick(now: datetime) -> Published:
    """`Publisher.tick` once, as `publish_records`."""
    with publisher() as open_publisher:
        return open_publisher.tick(now)


@dataclass(frozen=True, slots=True)
class LogView:
    """A log as a page shows it. `waiting`: leaves that are durable but not yet under a checkpoint."""

    origin: str
    name: str
    vkey: str
    size: int
    root: bytes
    published_at: datetime | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Seal:
    """Where an event stands: `queued`, or `logged` under this index; `covered` when a root checkpoint
    includes it.
    """

    state: str
    log: str
    origin: str
    index: int | None = None
    leaf_hash: bytes | None = None
    covered: bool = False


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry of a log, read from its tiles and compared with its leaf hash."""

    index: int
    leaf: leaves.Leaf
    raw: bytes


def logs() -> list[LogView]:
    """All logs of this installation, `root` first."""
    here = site()
    rows = _rows(
        "SELECT h.origin, h.next_index, c.size, c.root, c.published_at FROM log_head h"
        " LEFT JOIN LATERAL (SELECT size, root, published_at FROM checkpoint c WHERE c.origin = h.origin"
        " ORDER BY size DESC LIMIT 1) c ON true WHERE starts_with(h.origin, %s) ORDER BY h.origin",
        [f"{here.authority}/"],
    )
    views = [
        LogView(
            origin,
            here.log_name(origin),
            here.signer(origin).verifier.vkey,
            size or 0,
            bytes(root) if root else b"",
            published_at,
            following - (size or 0),
        )
        for origin, following, size, root, published_at in rows
    ]
    return sorted(views, key=lambda view: (view.name != ROOT, view.name))


def seals_of(events: Iterable[int]) -> dict[int, Seal]:
    """Event id -> its seal, for every id that was asked."""
    here = site()
    origin = here.origin(RECORDS)
    wanted = list(events)
    covered = _rows(
        "SELECT coalesce(max(s.size), 0) FROM shard_ref s WHERE s.root_origin = %s AND s.origin = %s"
        " AND s.ix < (SELECT coalesce(max(c.size), 0) FROM checkpoint c WHERE c.origin = s.root_origin)",
        [here.origin(ROOT), origin],
    )[0][0]
    found = {event: Seal("queued", RECORDS, origin) for event in wanted}
    for event, index, leaf_hash in _rows(
        "SELECT event, ix, leaf_hash FROM leaf_ref WHERE event = ANY(%s)", [wanted]
    ):
        found[event] = Seal("logged", RECORDS, origin, index, bytes(leaf_hash), index < covered)
    return found


def seal_of(event: int) -> Seal:
    """One event's seal."""
    return seals_of([event])[event]


def proof_of(origin: str, index: int) -> proofs.TwoStep:
    """The proof of an entry: in its log's checkpoint, and that checkpoint in the newest root checkpoint.

    Raises: NotYetProvable; LedgerError when the stored tiles do not give the signed roots.
    """
    here = site()
    root_origin = here.origin(ROOT)
    rows = _rows(
        "SELECT s.ix, c.note, r.note"
        " FROM (SELECT size, note FROM checkpoint WHERE origin = %(root)s ORDER BY size DESC LIMIT 1) r"
        " JOIN shard_ref s ON s.root_origin = %(root)s AND s.origin = %(origin)s AND s.size > %(ix)s AND s.ix < r.size"
        " JOIN checkpoint c ON c.origin = s.origin AND c.size = s.size ORDER BY s.size LIMIT 1",
        {"root": root_origin, "origin": origin, "ix": index},
    )
    if not rows or index < 0:
        raise NotYetProvable(f"{origin} entry {index}: no root checkpoint covers it yet")
    root_index, shard_note, root_note = rows[0]
    shard = _reader(here, origin, bytes(shard_note))
    root = _reader(here, root_origin, bytes(root_note))
    return proofs.TwoStep(
        shard.entry(index), shard.prove(index), root.entry(root_index), root.prove(root_index)
    )


def prove(origin: str, index: int) -> proofs.TlogProof:
    """The proof of an entry in its own log's newest checkpoint alone; for `root` there is no other.

    Raises: NotYetProvable; LedgerError when the stored tiles do not give the signed root.
    """
    size, note = _newest(origin)
    if not 0 <= index < size:
        raise NotYetProvable(f"{origin} entry {index}: the newest checkpoint has {size} entries")
    return _reader(site(), origin, note).prove(index)


def trust_policies() -> tuple[bytes, bytes]:
    """The tlog-policy files of this installation's own keys, for its logs and for `root`: no witnesses."""
    views = logs()
    shard = "".join(f"log {view.vkey}\n" for view in views if view.name != ROOT)
    root = "".join(f"log {view.vkey}\n" for view in views if view.name == ROOT)
    return f"{shard}quorum none\n".encode(), f"{root}quorum none\n".encode()


def entries(origin: str, start: int, count: int) -> list[EntryView]:
    """Entries under the log's newest checkpoint, from `start` on; fewer where the log ends."""
    size, note = _newest(origin)
    reader = _reader(site(), origin, note)
    views = []
    for index in range(max(start, 0), min(start + count, size)):
        raw = reader.entry(index)
        views.append(EntryView(index, leaves.parse(raw, f"{origin} entry {index}"), raw))
    return views


def event_at(index: int) -> int | None:
    """The id of the event that an entry of `records` is about."""
    rows = _rows("SELECT event FROM leaf_ref WHERE origin = %s AND ix = %s", [site().origin(RECORDS), index])
    return rows[0][0] if rows else None


def checkpoints(origin: str, count: int) -> list[tuple[Checkpoint, bytes, datetime]]:
    """The newest checkpoints of a log with their notes and times, newest first."""
    rows = _rows(
        "SELECT note, published_at FROM checkpoint WHERE origin = %s ORDER BY size DESC LIMIT %s",
        [origin, count],
    )
    return [
        (parse_body(notes.parse_note(bytes(note)).unverified_text), bytes(note), published_at)
        for note, published_at in rows
    ]


def serve(path: str) -> serving.Served:
    """The public answer for a path below `/log/`."""
    return serving.serve(_public(site()), path)


@lru_cache(maxsize=8)
def _public_of(here: Site, names: tuple[str, ...]) -> Mapping[str, FolderStore]:
    return {name: here.public(here.origin(name)) for name in names}


def _public(here: Site) -> Mapping[str, FolderStore]:
    rows = _rows("SELECT origin FROM log_head WHERE starts_with(origin, %s)", [f"{here.authority}/"])
    return _public_of(here, tuple(sorted(here.log_name(row[0]) for row in rows)))


def _reader(here: Site, origin: str, note: bytes) -> Reader:
    reader = Reader(here.public(origin))
    # From the checkpoint table, where only this installation's writers put what they sign.
    reader.use(parse_body(notes.parse_note(note).unverified_text), note)
    return reader


def _newest(origin: str) -> tuple[int, bytes]:
    rows = _rows("SELECT size, note FROM checkpoint WHERE origin = %s ORDER BY size DESC LIMIT 1", [origin])
    if not rows:
        raise NotYetProvable(f"{origin}: no checkpoint yet")
    return rows[0][0], bytes(rows[0][1])


def _rows(query: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
