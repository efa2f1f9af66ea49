"""The embedded cluster: what the application's role can't do, and what survives a kill."""

import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest

from vouchsafe.server import postgres

pytestmark = pytest.mark.server


def test_the_applications_role_owns_nothing_and_is_nobody(db):
    with psycopg.connect(db.app_dsn) as conn:
        role = conn.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
        assert role == (False,) * 5
        owned = conn.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        ).fetchone()
        assert owned == (0,)
        member = conn.execute(
            "SELECT count(*) FROM pg_auth_members WHERE member ="
            " (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        ).fetchone()
        assert member == (0,)


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE kernel_event DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "SET ROLE vouchsafe_owner",
        "CREATE TABLE mine (x int)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP TRIGGER append_only ON kernel_event",
        "ALTER TABLE kernel_event OWNER TO CURRENT_USER",
        "COPY kernel_event TO '/tmp/x'",
    ],
)
def test_the_applications_role_gains_nothing_by_asking(db, sql):
    with psycopg.connect(db.app_dsn, autocommit=True) as conn:
        conn.execute("RESET ROLE")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.WrongObjectType)):
            conn.execute(sql)


def test_granting_itself_a_right_gives_none(db):
    with psycopg.connect(db.app_dsn, autocommit=True) as conn:
        conn.execute("GRANT DELETE, UPDATE ON kernel_event TO CURRENT_USER")  # PostgreSQL only warns
        for right in ("DELETE", "UPDATE"):
            assert conn.execute("SELECT has_table_privilege('kernel_event', %s)", [right]).fetchone() == (
                False,
            )


def test_every_history_table_is_without_update_and_delete(db):
    with psycopg.connect(db.app_dsn) as conn:
        rows = conn.execute(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee = current_user AND privilege_type NOT IN ('SELECT', 'INSERT')"
        ).fetchall()
    changed = {name for name, _ in rows}
    assert not changed & {
        "kernel_event", "kernel_version", "kernel_signature", "kernel_link", "kernel_grant", "kernel_personkey",
        "batch", "leaf_ref", "checkpoint",
    }  # fmt: skip
    assert not {privilege for _, privilege in rows} & {"TRUNCATE", "TRIGGER", "REFERENCES"}


def test_a_wrong_password_is_refused(pg):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(pg.url(postgres.APP, "postgres").replace(pg.secrets.app, "guess"))


def test_a_killed_postmaster_comes_back_with_what_was_committed(request):
    folder = Path(tempfile.mkdtemp(prefix="vs-cluster-"))
    folder.chmod(0o755)  # the unprivileged user that runs PostgreSQL for root must get in
    request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    it = postgres.Postgres(folder / "pg")
    it.start()
    try:
        it.create_database("kept")
        with psycopg.connect(it.url(postgres.OWNER, "kept")) as conn:
            conn.execute("CREATE TABLE t (x int)")
            conn.execute("INSERT INTO t VALUES (7)")
        os.kill(it.process.pid, signal.SIGKILL)
        it.process.wait()
        assert not it.alive()
        it.start()
        with psycopg.connect(it.url(postgres.OWNER, "kept")) as conn:
            assert conn.execute("SELECT x FROM t").fetchone() == (7,)
    finally:
        it.stop()


def test_a_start_beside_an_ending_postmaster_waits_for_its_own(request):
    """The old one still answers. Who took its answer for the new one's would hold it up by being its client."""
    folder = Path(tempfile.mkdtemp(prefix="vs-test-"))
    folder.chmod(0o755)
    request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    old, new = postgres.Postgres(folder), postgres.Postgres(folder)
    request.addfinalizer(old.stop)
    request.addfinalizer(new.stop)
    old.start()
    ending = threading.Timer(1.0, old.stop)
    ending.start()
    new.start()
    assert ending.finished.is_set() and not old.alive() and new.alive()
    with psycopg.connect(new.url(postgres.SUPERUSER, "postgres")) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
    first = (new.cluster / "postmaster.pid").read_text().splitlines()[0]
    assert new.process is not None and first == str(new.process.pid)


def test_the_passwords_are_private(pg):
    assert (pg.folder / "secrets.json").stat().st_mode & 0o077 == 0
    assert pg.sockets.stat().st_mode & 0o077 == 0
