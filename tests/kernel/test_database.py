"""What the database itself refuses: as the application's role, and by its triggers to anyone."""

import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from tests.kernel.conftest import World
from vouchsafe.kernel import acts
from vouchsafe.kernel.models import Counter, Event, Record

pytestmark = pytest.mark.server

HISTORY = [
    "grant",
    "revocation",
    "personkey",
    "keyrevocation",
    "version",
    "signature",
    "link",
    "event",
    "file",
    "personalvalue",
]


def refused(sql):
    with pytest.raises(DatabaseError) as why, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    return str(why.value)


@pytest.mark.parametrize("table", HISTORY)
def test_history_is_neither_changed_nor_removed(world: World, db, table):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = 'kernel_{table}'"
        )
        column = cursor.fetchall()[0][0]
    statements = (
        f"UPDATE kernel_{table} SET {column} = {column}",
        f"DELETE FROM kernel_{table}",
        f"TRUNCATE kernel_{table} CASCADE",
    )
    for sql in statements:
        assert "permission denied" in refused(sql)
    with psycopg.connect(db.owner_dsn) as owner:  # the owner has the rights; the triggers refuse all the same
        for sql in statements:
            with pytest.raises(psycopg.DatabaseError, match="append-only"), owner.transaction():
                owner.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE kernel_event DISABLE TRIGGER ALL",
        "ALTER TABLE kernel_event DISABLE TRIGGER append_only",
        "DROP TRIGGER append_only ON kernel_event",
        "DROP TABLE kernel_event",
        "SET session_replication_role = replica",
        "SET ROLE vouchsafe_owner",
        "SET SESSION AUTHORIZATION vouchsafe_owner",
        "CREATE TABLE mine (id int)",
        "CREATE OR REPLACE FUNCTION kernel_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DELETE FROM kernel_record",
        "TRUNCATE kernel_record CASCADE",
        "DELETE FROM kernel_person",
        "UPDATE kernel_record SET number = 'MAT-2026-9999'",
        "UPDATE kernel_record SET process = 'order'",
        "UPDATE kernel_ceremony SET statement = ''",
        "UPDATE kernel_subjectkey SET secret = ''",
        "UPDATE kernel_person SET username = 'x'",
    ],
)
def test_the_applications_role_gains_nothing(world: World, sql):
    it = world.open(problem="Over-infusion")
    refused(sql)
    assert Record.objects.get(pk=it.pk).trail == Event.objects.filter(record=it).count() == 1


def test_granting_to_oneself_grants_nothing(world: World):
    world.open()
    with connection.cursor() as cursor:
        cursor.execute("GRANT ALL ON kernel_event TO vouchsafe_app")  # PostgreSQL only warns
    assert "permission denied" in refused("DELETE FROM kernel_event")


def test_reset_role_leaves_the_same_role(world: World):
    world.open()
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "SELECT current_user, session_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        )
        assert cursor.fetchone() == ("vouchsafe_app", "vouchsafe_app", False)
        cursor.execute("SELECT count(*) FROM pg_tables WHERE tableowner = 'vouchsafe_app'")
        assert cursor.fetchone() == (0,)
    assert "permission denied" in refused("DELETE FROM kernel_event")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE kernel_record SET state = 'closed'", "no change without an event"),
        ("UPDATE kernel_record SET facts = '{}'", "no change without an event"),
        ("UPDATE kernel_record SET closed = now()", "no change without an event"),
        ("UPDATE kernel_record SET owner_id = NULL", "no change without an event"),
        (
            "UPDATE kernel_record SET state = 'closed', trail = trail + 1, revision = revision + 1",
            "is missing",
        ),
        ("UPDATE kernel_record SET revision = revision - 1", "only grow"),
        ("UPDATE kernel_record SET trail = 0", "only grow"),
        ("UPDATE kernel_counter SET value = value - 1", "only grows"),
        ("UPDATE kernel_counter SET value = value", "only grows"),
    ],
)
def test_a_record_moves_only_forward_and_with_its_event(world: World, sql, said):
    world.act(world.open(problem="Over-infusion"), "investigate", "grace", risk="low")
    assert said in refused(sql)


def test_an_event_says_the_state_that_the_record_takes(world: World):
    it = world.open()
    insert = (
        "INSERT INTO kernel_event (subject_type, subject, seq, record_id, kind, leaf_kind, at, salt, body, facts) "
        f"VALUES ('record', '{it.id}', {{seq}}, '{it.id}', 'x', 'record.event', now(), '{{salt}}', "
        "'{{\"state\":\"opened\"}}', '{{}}')"
    )
    salt = "\\x" + "00" * 32
    move = "; UPDATE kernel_record SET state = 'closed', trail = 2, revision = 9"
    assert "says state opened, not closed" in refused(insert.format(seq=1, salt=salt) + move)
    assert "expected seq 1" in refused(insert.format(seq=2, salt=salt))
    assert "expected seq 1" in refused(insert.format(seq=0, salt=salt))
    assert "32 bytes" in refused(insert.format(seq=1, salt="\\x00"))


def test_a_ceremony_is_used_once_by_the_database_too(world: World):
    it = world.planned()
    why = "The risk is low, but it recurs."
    begun = acts.begin_signing(
        it.number, "approve", "approved", seen=it.revision, by=world["grace"], at=world.tick(), reason=why
    )
    acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=world.keys["grace"].get(begun.options))
    assert "used once" in refused(f"UPDATE kernel_ceremony SET used = now() WHERE id = '{begun.id}'")
    assert "used once" in refused(f"UPDATE kernel_ceremony SET used = NULL WHERE id = '{begun.id}'")


def run_together(count, work):
    from django.db import connections

    failures, barrier = [], threading.Barrier(count)

    def one(n):
        try:
            barrier.wait()
            work(n)
        except BaseException as wrong:
            failures.append(wrong)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return failures


def test_numbers_have_neither_gap_nor_double_under_contention(world: World):
    """Ten threads, ten records each, of which every third is refused after its number was drawn."""
    at, ada = world.tick(), world["ada"]
    refusals = []

    def work(n):
        for i in range(10):
            acts.open_record("matter", f"Thread {n}, {i}", by=ada, at=at)
            if i % 3 == 0:
                try:
                    with transaction.atomic():
                        acts.open_record("matter", "Refused", by=ada, at=at)
                        raise ZeroDivisionError
                except ZeroDivisionError:
                    refusals.append(n)

    assert run_together(10, work) == []
    assert len(refusals) == 40
    numbers = sorted(Record.objects.values_list("number", flat=True))
    assert numbers == [f"MAT-2026-{n:04}" for n in range(1, 101)]
    assert Counter.objects.get(name="number/matter/2026").value == 100


def test_of_many_on_one_record_one_writes_and_the_others_are_told(world: World):
    it = world.open(problem="First")
    at, ada = world.tick(), world["ada"]

    def work(n):
        acts.write(it.number, seen=it.revision, by=ada, at=at, changes={"problem": f"By {n}"})

    failures = run_together(8, work)
    assert len(failures) == 7 and all(isinstance(f, acts.Stale) for f in failures), failures
    assert Record.objects.get(pk=it.pk).version == 2
    assert list(Event.objects.filter(record=it).order_by("seq").values_list("seq", flat=True)) == [0, 1]


def test_the_last_two_signatures_at_once_move_the_record_once(world: World):
    it = world.planned()
    why = "The risk is low, but it recurs."
    begun = {}
    for name in ("grace", "hopper"):
        one = acts.begin_signing(
            it.number, "approve", "approved", seen=it.revision, by=world[name], at=world.tick(), reason=why
        )
        begun[name] = (one.id, world.keys[name].get(one.options))
    at = world.tick() + timedelta(seconds=1)

    def work(n):
        name = ("grace", "hopper")[n]
        acts.sign(begun[name][0], by=world[name], at=at, assertion=begun[name][1])

    assert run_together(2, work) == []
    kinds = list(Event.objects.filter(record=it).order_by("seq").values_list("kind", flat=True))
    assert kinds[-3:] == ["signed", "signed", "approve"]
