"""The head in PostgreSQL: lock, fence, one transaction, and a database that keeps its word."""

import threading

import psycopg
import pytest

from vouchsafe.kernel import loghead
from vouchsafe.kernel.loghead import NotDurable, PgHead
from vouchsafe.ledger import audit, notes, tree
from vouchsafe.ledger.errors import Fenced, Fork, LedgerError
from vouchsafe.ledger.head import MemoryHead
from vouchsafe.ledger.log import Pending, Writer
from vouchsafe.ledger.reader import Reader
from vouchsafe.ledger.stores import MemoryStore

pytestmark = pytest.mark.server
ORIGIN = "test.example/fleet/0"
SIGNER = notes.Signer(ORIGIN, b"1" * 32)


def pending(n, subject=None, **more):
    subj = f"{n % 7 if subject is None else subject:032x}"
    return Pending(subj, "device.evidence", "k:9f2c41d07be83a55", f"{n:064x}", {"ctr": n}, **more)


@pytest.fixture
def world(db):
    return World(db)


class World:
    def __init__(self, db):
        self.db = db
        self.store, self.public = MemoryStore(), MemoryStore()
        self.open = []

    def head(self, origin=ORIGIN):
        head = PgHead(loghead.connect(self.db.app_dsn), origin)
        self.open.append(head)
        return head

    def writer(self):
        writer = Writer(ORIGIN, self.head(), self.store, self.public, [SIGNER])
        writer.take_over()
        return writer

    def rows(self, query, *values):
        with psycopg.connect(self.db.app_dsn) as conn:
            return conn.execute(query, values).fetchall()


@pytest.fixture(autouse=True)
def closed(world):
    yield
    for head in world.open:
        head.release()


def test_leaves_heads_batches_and_checkpoints_are_in_their_tables(world):
    writer = world.writer()
    done = writer.append([pending(n) for n in range(20)], at_ms=1000)
    done += writer.append([pending(3), pending(20, ref=False)], at_ms=2000)
    published = writer.checkpoint(at_ms=2000)
    assert world.rows("SELECT next_index, size, fence, root FROM log_head") == [
        (22, 22, 1, published.checkpoint.root)
    ]
    assert world.rows("SELECT first_ix, next_ix FROM batch ORDER BY 1") == [(0, 20), (20, 22)]
    assert world.rows("SELECT count(*) FROM leaf_ref") == [(21,)]
    last = {d.subj: d for d in done}
    for subj, seq, ix, leaf_hash, at in world.rows("SELECT subj, seq, ix, head_hash, at FROM subject_head"):
        one = last[subj.hex()]
        assert (seq, ix, leaf_hash, at) == (one.seq, one.index, one.leaf_hash, one.at)
    [(size, note, at)] = world.rows("SELECT size, note, published_at FROM checkpoint")
    assert (size, note, at.timestamp()) == (22, world.public.get("checkpoint"), 2.0)
    report = audit.fsck(Reader(world.public), SIGNER.verifier, leaf_check=audit.ChainCheck().see)
    assert report.is_sound and report.hashed == 22


def test_another_process_goes_on_where_the_first_stopped(world):
    first = world.writer()
    first.append([pending(0, 5)], at_ms=1)
    first.head.release()
    second = world.writer()
    [done] = second.append([pending(1, 5)], at_ms=2)
    assert (done.index, done.seq) == (1, 1)
    assert second.head.read().fence == 2


def test_only_one_session_holds_a_log(world):
    world.writer()
    with pytest.raises(Fenced, match="another writer holds"):
        world.writer()
    world.head("test.example/fleet/1").take_over()


def test_a_writer_whose_session_died_changes_nothing(world):
    old = world.writer()
    old.append([pending(0)], at_ms=1)
    old.checkpoint(at_ms=1)
    pid = old.head.conn.info.backend_pid
    with psycopg.connect(world.db.superuser_dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    new = world.writer()
    with pytest.raises(psycopg.OperationalError):
        old.append([pending(1)], at_ms=2)
    # The old writer reconnects without taking over: its fence is the old one.
    old.head = PgHead(loghead.connect(world.db.app_dsn), ORIGIN)
    world.open.append(old.head)
    for act in (lambda: old.append([pending(1)], at_ms=2), lambda: old.checkpoint(at_ms=2)):
        with pytest.raises(Fenced):
            act()
    state = world.rows("SELECT next_index, fence FROM log_head")
    assert state == [(1, 2)]
    new.append([pending(1)], at_ms=3)
    assert new.checkpoint(at_ms=3).checkpoint.size == 2


def test_each_write_checks_the_fence(world):
    writer = world.writer()
    writer.append([pending(0)], at_ms=1)
    head, state = writer.head, writer.head.read()
    root = tree.EMPTY_ROOT
    with pytest.raises(Fenced):
        head.mark(fence=state.fence + 1, old_size=0, size=1, root=root)
    with pytest.raises(Fenced):
        head.mark(fence=state.fence, old_size=1, size=1, root=root)
    with pytest.raises(Fenced):
        head.keep_note(fence=state.fence + 1, size=0, root=root, note=b"x", at_ms=1)
    with pytest.raises(Fork, match="only the committed"):
        head.keep_note(fence=state.fence, size=5, root=root, note=b"x", at_ms=1)
    assert head.note(0) is None


def test_a_commit_is_all_or_nothing(world):
    writer = world.writer()
    writer.append([pending(0, 5)], at_ms=1)

    def also(cursor, appended):
        cursor.execute(
            "INSERT INTO batch (origin, first_ix, next_ix, object, sha256) VALUES ('other', 0, 1, 'x', 'y')"
        )

    before = world.rows("SELECT * FROM subject_head"), world.rows("SELECT * FROM log_head")
    with pytest.raises(psycopg.Error):
        writer.append([pending(1, 5), pending(2, 6)], at_ms=2, also=also)
    assert before == (world.rows("SELECT * FROM subject_head"), world.rows("SELECT * FROM log_head"))
    [done] = writer.append([pending(1, 5)], at_ms=3)
    assert (done.index, done.seq) == (1, 1)


def test_more_is_committed_together(world):
    writer = world.writer()
    seen = []

    def also(cursor, appended):
        cursor.execute("SELECT next_index FROM log_head WHERE origin = %s", (ORIGIN,))
        seen.append((cursor.fetchone()[0], [a.index for a in appended]))

    writer.append([pending(0), pending(1)], at_ms=1, also=also)
    assert seen == [(2, [0, 1])]


def test_a_subject_of_another_log_is_refused(world):
    world.writer().append([pending(0, 5)], at_ms=1)
    with pytest.raises(LedgerError, match="has its chain in"):
        world.head("test.example/fleet/1").subjects([f"{5:032x}"])


def test_a_subject_cannot_be_taken_from_its_log_by_a_race(world):
    world.writer().append([pending(0, 5)], at_ms=1)
    other = Writer(
        "test.example/b",
        world.head("test.example/b"),
        world.store,
        MemoryStore(),
        [notes.Signer("test.example/b", b"2" * 32)],
    )
    other.take_over()
    other._heads = lambda subjs: {}
    with pytest.raises(LedgerError, match="expected 1 chain heads written, got 0"):
        other.append([pending(1, 5)], at_ms=1)
    assert other.head.read().next_index == 0


def test_a_rolled_back_database_is_refused(world):
    writer = world.writer()
    writer.append([pending(0)], at_ms=1)
    writer.checkpoint(at_ms=1)
    writer.head.release()
    with psycopg.connect(world.db.superuser_dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE log_head SET next_index = 0, size = 0, root = %s", (tree.EMPTY_ROOT,))
    with pytest.raises(Fork, match="ahead of the database"):
        world.writer()


@pytest.mark.parametrize("setting", ["synchronous_commit"])
def test_a_database_that_does_not_wait_for_the_disk_is_refused(world, setting):
    head = world.head()
    head.conn.execute(f"SET {setting} = off")
    with pytest.raises(NotDurable, match=f"{setting}: expected on, got off"):
        head.take_over()
    assert world.rows("SELECT count(*) FROM log_head") == [(0,)]


def test_the_connection_must_be_in_autocommit(world):
    with psycopg.connect(world.db.app_dsn) as conn, pytest.raises(LedgerError, match="autocommit"):
        PgHead(conn, ORIGIN)


@pytest.mark.parametrize("table", ["checkpoint", "batch", "leaf_ref", "shard_ref"])
@pytest.mark.parametrize("dsn", ["app_dsn", "owner_dsn"])
def test_rows_of_history_are_only_added(world, table, dsn):
    writer = world.writer()
    writer.append([pending(0)], at_ms=1)
    writer.checkpoint(at_ms=1)
    with psycopg.connect(getattr(world.db, dsn)) as conn:
        for statement in (
            f"DELETE FROM {table}",
            f"TRUNCATE {table} CASCADE",
            f"UPDATE {table} SET origin = 'x'",
        ):
            with pytest.raises((psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)):
                with conn.transaction():
                    conn.execute(statement)


@pytest.mark.parametrize(
    "change",
    ["next_index = next_index - 1, size = 0", "fence = 0", "root = repeat('x', 32)::bytea", "at_last = 0"],
)
def test_a_log_only_grows(world, change):
    writer = world.writer()
    writer.append([pending(0)], at_ms=1)
    writer.checkpoint(at_ms=1)
    with (
        psycopg.connect(world.db.app_dsn) as conn,
        pytest.raises(psycopg.errors.RestrictViolation, match="only grows"),
    ):
        conn.execute(f"UPDATE log_head SET {change}")


def test_the_application_cannot_remove_a_log_or_switch_its_guards_off(world):
    world.writer()
    with psycopg.connect(world.db.app_dsn, autocommit=True) as conn:
        for statement in (
            "DELETE FROM log_head",
            "TRUNCATE log_head CASCADE",
            "DELETE FROM subject_head",
            "ALTER TABLE batch DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
            "UPDATE log_head SET origin = 'x'",
            "UPDATE subject_head SET origin = 'x'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)


def test_append_and_checkpoint_share_one_connection(world):
    writer = world.writer()
    failures = []

    def signing():
        try:
            for _ in range(10):
                writer.checkpoint(at_ms=1)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=signing)
    thread.start()
    for n in range(20):
        writer.append([pending(n * 50 + i) for i in range(50)], at_ms=n)
    thread.join()
    assert not failures
    assert writer.checkpoint(at_ms=2).checkpoint.size == 1000
    assert audit.fsck(Reader(world.public), SIGNER.verifier, leaf_check=audit.ChainCheck().see).is_sound


def test_it_behaves_as_the_head_in_memory(world):
    """The same history in both gives the same rows, so what the pure tests show holds here too."""
    memory = MemoryHead(ORIGIN)
    other = Writer(ORIGIN, memory, MemoryStore(), MemoryStore(), [SIGNER])
    other.take_over()
    writer = world.writer()
    for one in (other, writer):
        one.append([pending(n, source=None) for n in range(300)], at_ms=5)
        one.checkpoint(at_ms=5)
        one.append([pending(n) for n in range(9)], at_ms=4)
    head = writer.head
    assert head.read() == memory.read()
    assert head.batches(0, 309) == memory.batches(0, 309)
    assert head.batches(300, 301) == memory.batches(300, 301) != []
    assert head.subjects([f"{n:032x}" for n in range(9)]) == memory.subjects([f"{n:032x}" for n in range(9)])
    assert head.note(300) == memory.note(300) is not None
    assert head.note(1) is memory.note(1) is None
