"""Starts PostgreSQL and our own processes, keeps them running, and stops them in order.

Promises: what the last run wrote is there again; a process that dies is started anew; nothing is left behind on
Ctrl-C or when the supervisor itself is killed; what makes a start impossible is said in one sentence before anything
is changed. Start at `Supervisor.run`.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psycopg

from vouchsafe.server.config import Config
from vouchsafe.server.postgres import APP, OWNER, Postgres, PostgresError

_MIN_FREE_BYTES = 512 * 1024 * 1024
_GIVE_UP_AFTER = 8  # deaths in a row, each within _SHORT_S of its start
_SHORT_S = 3.0
_DATABASE_TRIES = 5
_PORTS_FREE_S = 20.0  # gunicorn gives its workers 5 s, the intake finishes its batch
_DATABASE = "vouchsafe"


class CannotStart(Exception):
    """Why the product can't start here, and what to do. Nothing was changed."""


@dataclass(slots=True)
class Child:
    """One process of ours. `ready` says whether it may start; it's asked again each tick until it says yes."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    not_before: float = 0.0
    log: IO[bytes] | None = field(default=None, repr=False)


class Supervisor:
    """Runs one installation from `config`. `say` receives lines for the person at the terminal."""

    def __init__(
        self, config: Config, *, say: Callable[[str], None], examples: Path | None = None, devices: int = 2000
    ) -> None:
        self.config = config
        self.say = say
        self.examples = examples
        self.devices = devices
        self.postgres: Postgres | None = None
        self.children: list[Child] = []
        self._stopping = False
        self._was_killed = False
        self._env: dict[str, str] = {}

    def run(self) -> None:
        """Start everything and stay until a signal asks to stop.

        Raises:
            CannotStart: before anything is started, with the sentence for the user.
        """
        fresh = not self.config.data.exists()
        with self._exclusive() as lock:
            try:
                self._check_ports(wait_s=_PORTS_FREE_S if self._was_killed else 0)
            except CannotStart:
                if fresh:  # nothing is left behind of a start that never was
                    (self.config.data / "lock").unlink()
                    self.config.data.rmdir()
                raise
            self._make_folders()
            _note(lock, str(os.getpid()))
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._stop_soon)
            try:
                self._prepare_database()
                if not self._stopping:
                    self.children = self._plan()
                    self._loop()
            finally:
                self._stop_all()
                _note(lock, "")

    # --- before -------------------------------------------------------------------------------------------------

    def _exclusive(self) -> IO[str]:
        data = self.config.data
        try:
            data.mkdir(parents=True, exist_ok=True)
            lock = open(data / "lock", "a+")  # noqa: SIM115, held as long as the process lives
        except OSError as problem:
            raise CannotStart(_folder_sentence(data, problem)) from None
        free = shutil.disk_usage(data).free
        if free < _MIN_FREE_BYTES:
            raise CannotStart(
                f"Only {free // 1_000_000} MB are free where {data} lies; Vouchsafe wants "
                f"{_MIN_FREE_BYTES // 1_000_000} MB at least. Free some space or set VOUCHSAFE_DATA to another disk."
            )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise CannotStart(
                f"Another Vouchsafe runs on {data}. Stop it first, or set VOUCHSAFE_DATA and VOUCHSAFE_PORT."
            ) from None
        lock.seek(0)
        # The file holds a process id from start to clean end, so one that is there now is of a run that was killed.
        self._was_killed = bool(lock.read())
        return lock

    def _make_folders(self) -> None:
        data = self.config.data
        try:
            for name in ("keys", "logs", "store", "log"):
                (data / name).mkdir(exist_ok=True, mode=0o700 if name == "keys" else 0o755)
        except OSError as problem:
            raise CannotStart(_folder_sentence(data, problem)) from None

    def _check_ports(self, *, wait_s: float) -> None:
        """Refuse a taken port. The children of a killed supervisor may hold theirs for a moment: `wait_s`."""
        deadline = time.monotonic() + wait_s
        for name, port in (
            ("VOUCHSAFE_PORT", self.config.port),
            ("VOUCHSAFE_INTAKE_PORT", self.config.intake_port),
        ):
            while problem := _cannot_bind(port):
                if time.monotonic() > deadline:
                    why = (
                        "is taken by another program"
                        if problem.errno == errno.EADDRINUSE
                        else f"({problem.strerror})"
                    )
                    raise CannotStart(f"Port {port} {why}. Choose another, e.g. {name}={port + 100}.")
                time.sleep(0.1)

    # --- the database -------------------------------------------------------------------------------------------

    def _prepare_database(self) -> None:
        """A database that runs and has its tables. The postmaster may be killed at any moment of this, too."""
        for attempt in range(_DATABASE_TRIES):
            try:
                self._start_database()
                if not self._stopping:
                    self._migrate()
                return
            except CannotStart:
                if attempt + 1 == _DATABASE_TRIES or self._stopping or not self._postgres_died():
                    raise
                self.say("PostgreSQL ended while the tables were brought up to date; starting it again")

    def _postgres_died(self) -> bool:
        """Whether our postmaster ended. One that is just ending gets a moment to be seen."""
        if self.postgres is None:
            return False
        deadline = time.monotonic() + 1
        while self.postgres.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.postgres.alive()

    def _start_database(self) -> None:
        began = time.monotonic()
        app, owner = self.config.database_url, self.config.database_owner_url
        if app:
            if not owner:
                raise CannotStart(
                    "VOUCHSAFE_DATABASE_URL is set, VOUCHSAFE_DATABASE_OWNER_URL isn't; migrations need it."
                )
            for name, url in (("VOUCHSAFE_DATABASE_URL", app), ("VOUCHSAFE_DATABASE_OWNER_URL", owner)):
                _must_answer(name, url)
        else:
            try:
                self.postgres = Postgres(self.config.data / "postgres")
                self.postgres.start()
                self.postgres.create_database(_DATABASE)
            except (PostgresError, psycopg.Error) as problem:
                raise CannotStart(str(problem)) from None
            app, owner = self.postgres.url(APP, _DATABASE), self.postgres.url(OWNER, _DATABASE)
        self._owner_url = owner
        # The children get the application's role and never the owner's.
        self._env = {k: v for k, v in os.environ.items() if k != "VOUCHSAFE_DATABASE_OWNER_URL"}
        self._env |= {"VOUCHSAFE_DATABASE_URL": app, "DJANGO_SETTINGS_MODULE": "vouchsafe.server.settings"}
        self.say(f"Database ready in {time.monotonic() - began:.1f} s")

    def _migrate(self) -> None:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "vouchsafe.server.migrate"],
            env={**self._env, "VOUCHSAFE_DATABASE_OWNER_URL": self._owner_url},
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if done.returncode:
            raise CannotStart(f"The database couldn't be brought up to date:\n{done.stderr.strip()}")
        self.say(f"Tables up to date in {time.monotonic() - began:.1f} s")

    # --- our own processes --------------------------------------------------------------------------------------

    def _plan(self) -> list[Child]:
        python, c = sys.executable, self.config
        web = Child(
            "web",
            [
                *(python, "-m", "gunicorn", "vouchsafe.server.wsgi:application"),
                *(
                    "--bind",
                    f"127.0.0.1:{c.port}",
                    "--workers",
                    "2",
                    "--threads",
                    "4",
                    "--worker-tmp-dir",
                    "/tmp",  # noqa: S108, a heartbeat file of gunicorn; in memory it beats without the disk
                ),
                *(
                    "--timeout",
                    "60",
                    "--graceful-timeout",
                    "5",
                    "--log-level",
                    "warning",
                    "--no-control-socket",
                ),
                *("--preload", "--config", "python:vouchsafe.server.pages"),
            ],
        )
        worker = Child("worker", [python, "-m", "vouchsafe.server.worker"])
        seeded = c.data / "demo" / "seeded"
        intake = Child(
            "intake", [python, "-m", "vouchsafe.server.intake"], ready=lambda: not c.demo or seeded.exists()
        )
        plan = [web, worker, intake]
        if c.demo and self.examples:
            plan.append(
                Child("demo", [python, "-m", "vouchsafe.server.demo", str(self.examples), str(self.devices)])
            )
        return plan

    def _loop(self) -> None:
        announced = False
        while not self._stopping:
            if self.postgres and not self.postgres.alive():
                self._restart_postgres()
            for child in self.children:
                self._tend(child)
            if not announced and _listens(self.config.port):
                announced = True
                self._announce()
            time.sleep(0.1)

    def _announce(self) -> None:
        self.say(f"Open {self.config.origin}   (Ctrl-C stops; data in {self.config.data})")
        if self.config.demo:
            password = self.config.data / "demo" / "password"
            deadline = time.monotonic() + 20
            while not password.exists() and time.monotonic() < deadline and not self._stopping:
                time.sleep(0.1)
            if password.exists():
                self.say(
                    f"Sign in as ingrid.solheim (or another of the company) with the password {password.read_text()}"
                )
                self.say(
                    "The fleet's thirty days load in the background; the home page shows how far they are."
                )

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.not_before and child.ready():
                child.log = child.log or open(self.config.data / "log" / f"{child.name}.log", "ab")  # noqa: SIM115
                child.process = subprocess.Popen(
                    child.command,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=child.log,
                    stderr=child.log,
                    start_new_session=True,
                    preexec_fn=_die_with_parent,
                )
                child.started = now
            return
        code = child.process.poll()
        if code is None:
            return
        child.process = None
        if child.name == "demo" and code == 0:
            child.not_before = float("inf")
            return
        child.deaths = child.deaths + 1 if now - child.started < _SHORT_S else 1
        if child.deaths >= _GIVE_UP_AFTER:
            self.say(
                f"{child.name} stops right after its start. Its last lines:\n{_tail(self.config, child.name)}"
            )
            self._stopping = True
            return
        child.not_before = now + min(5.0, 0.1 * 2**child.deaths)
        self.say(f"{child.name} ended ({_how(code)}); starting it again")

    def _restart_postgres(self) -> None:
        assert self.postgres
        self.say("PostgreSQL ended; starting it again")
        try:
            self.postgres.start()
        except (PostgresError, psycopg.Error) as problem:
            self.say(str(problem))
            self._stopping = True

    def _stop_soon(self, number: int, frame: object) -> None:
        self._stopping = True

    def _stop_all(self) -> None:
        running = [c for c in self.children if c.process and c.process.poll() is None]
        if running:
            self.say("Stopping ...")
        for child in running:
            assert child.process
            child.process.terminate()
        deadline = time.monotonic() + 15
        for child in running:
            assert child.process
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        if self.postgres:
            self.postgres.stop()
        for child in self.children:
            if child.log:
                child.log.close()


def _cannot_bind(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            return problem
    return None


def _note(lock: IO[str], text: str) -> None:
    """Write who holds the lock, or that nobody does. For a full disk it isn't worth not starting or not stopping."""
    try:
        lock.truncate(0)
        lock.write(text)
        lock.flush()
    except OSError:
        pass


def _folder_sentence(data: Path, problem: OSError) -> str:
    what = {
        errno.EACCES: "isn't writable for you",
        errno.EPERM: "isn't writable for you",
        errno.EROFS: "lies on a read-only disk",
        errno.ENOSPC: "lies on a full disk",
        errno.ENOTDIR: "isn't a folder",
        errno.EEXIST: "isn't a folder",
    }.get(problem.errno or 0, f"can't be used ({problem.strerror})")
    return f"The data folder {data} {what}. Set VOUCHSAFE_DATA to a folder that you may write to."


def _must_answer(name: str, url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as conn:
            if conn.info.server_version < 160000:
                raise CannotStart(
                    f"{name} points at PostgreSQL {conn.info.server_version // 10000}; 16 or newer is needed."
                )
    except psycopg.Error as problem:
        said = " ".join(str(problem).split()).rstrip("?.")
        raise CannotStart(f"{name} doesn't answer: {said}.") from None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with code {code}"


def _tail(config: Config, name: str) -> str:
    try:
        return "\n".join((config.data / "log" / f"{name}.log").read_text(errors="replace").splitlines()[-12:])
    except OSError:
        return "(no log)"


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the supervisor is killed. Linux only; elsewhere it does nothing."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        pass
