"""`vouchsafe up` from outside: what makes a start impossible, going on with the last run's data, and stopping."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.e2e.product import COMMAND, Product, clean_env, free_port, remove, temporary_folder

pytestmark = pytest.mark.server


@pytest.fixture
def folder() -> Iterator[Path]:
    made = temporary_folder()
    yield made
    remove(made)


def try_to_start(*prefix: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, COMMAND, "up"], env=clean_env(**env), capture_output=True, text=True, timeout=60, cwd="/"
    )


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """It refused: code 1, one line on standard error, no traceback, nothing on standard output."""
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == "" and "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].rstrip().endswith("."), done.stderr
    return lines[0]


def running(data: Path) -> list[str]:
    """The processes that work on a data folder."""
    found = []
    for one in psutil.process_iter():
        try:
            if str(data) in " ".join(one.cmdline()) or one.environ().get("VOUCHSAFE_DATA") == str(data):
                found.append(" ".join(one.cmdline()))
        except psutil.Error:
            continue
    return found


# ---- what makes a start impossible ----


@pytest.mark.parametrize("intake", [False, True])
def test_a_taken_port_is_named_and_nothing_is_left_behind(folder: Path, intake: bool) -> None:
    port = free_port()
    taken = port + 1 if intake else port
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        done = try_to_start(VOUCHSAFE_DATA=str(folder / "data"), VOUCHSAFE_PORT=str(port))
    said = one_sentence(done)
    assert f"Port {taken} is taken" in said
    assert ("VOUCHSAFE_INTAKE_PORT=" if intake else "VOUCHSAFE_PORT=") in said
    assert list(folder.iterdir()) == []


def test_a_file_in_place_of_the_folder(folder: Path) -> None:
    (folder / "data").write_text("kept")
    said = one_sentence(try_to_start(VOUCHSAFE_DATA=str(folder / "data"), VOUCHSAFE_PORT=str(free_port())))
    assert f"{folder / 'data'} isn't a folder" in said and "VOUCHSAFE_DATA" in said
    assert (folder / "data").read_text() == "kept"


def test_a_folder_that_is_not_writable(folder: Path) -> None:
    data = folder / "data"
    data.mkdir(mode=0o555)
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:  # root writes everywhere, unless it gives that capability away
        if not shutil.which("setpriv"):
            pytest.skip("as root this needs setpriv")
        os.chown(data, 65534, 65534)
        prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    said = one_sentence(try_to_start(*prefix, VOUCHSAFE_DATA=str(data), VOUCHSAFE_PORT=str(free_port())))
    assert f"{data} isn't writable for you" in said
    assert list(data.iterdir()) == []


def test_a_full_disk(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=8m", "vouchsafe-test", str(data)]
    if os.geteuid() or subprocess.run(small, capture_output=True).returncode:
        pytest.skip("a small disk can't be mounted here")
    try:
        done = try_to_start(VOUCHSAFE_DATA=str(data), VOUCHSAFE_PORT=str(free_port()))
        assert "MB are free where" in one_sentence(done)
    finally:
        subprocess.run(["umount", str(data)], check=True)


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("VOUCHSAFE_PORT", "web", "VOUCHSAFE_PORT is “web”; expected a number"),
        ("VOUCHSAFE_PORT", "70000", "expected a number from 1 to 65535"),
        ("VOUCHSAFE_ORIGIN", "http://quality.example.com", "passkeys need https"),
        ("VOUCHSAFE_ORIGIN", "quality.example.com", "VOUCHSAFE_ORIGIN is"),
        ("VOUCHSAFE_LOG_AUTHORITY", "Not A Host", "VOUCHSAFE_LOG_AUTHORITY is"),
        ("VOUCHSAFE_DATABASE_URL", "mysql://localhost/x", "PostgreSQL is the only database"),
        ("VOUCHSAFE_DATABASE_URL", "postgresql://x@127.0.0.1:1/x", "VOUCHSAFE_DATABASE_OWNER_URL isn't"),
    ],
)
def test_a_wrong_setting_is_named(folder: Path, setting: str, value: str, says: str) -> None:
    env = {"VOUCHSAFE_DATA": str(folder / "data"), "VOUCHSAFE_PORT": str(free_port()), setting: value}
    assert says in one_sentence(try_to_start(**env))


def test_a_database_that_does_not_answer(folder: Path) -> None:
    url = f"postgresql://vouchsafe_app:secret-word@127.0.0.1:{free_port()}/vouchsafe"
    done = try_to_start(
        VOUCHSAFE_DATA=str(folder / "data"),
        VOUCHSAFE_PORT=str(free_port()),
        VOUCHSAFE_DATABASE_URL=url,
        VOUCHSAFE_DATABASE_OWNER_URL=url.replace("_app", "_owner"),
    )
    said = one_sentence(done)
    assert "VOUCHSAFE_DATABASE_URL doesn't answer" in said and "secret-word" not in said


def test_a_second_one_on_the_same_folder(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    with (data / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = one_sentence(try_to_start(VOUCHSAFE_DATA=str(data), VOUCHSAFE_PORT=str(free_port())))
    assert f"Another Vouchsafe runs on {data}" in said
    assert [one.name for one in data.iterdir()] == ["lock"]


# ---- a life ----


def start(folder: Path, port: int) -> Product:
    one = Product(folder / "data", port)
    one.wait_for("Open http://localhost", 120)
    return one


def until(condition: object, within_s: float = 30.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.1)


@pytest.mark.slow
def test_it_goes_on_with_the_data_of_the_last_run(folder: Path) -> None:
    data = folder / "data"
    first = start(folder, free_port())
    try:
        checkpoint = data / "logs" / "root" / "checkpoint"
        until(checkpoint.exists)
        with psycopg.connect(first.database_url(), autocommit=True) as conn:
            conn.execute(
                "INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('kept', 'data', now())"
            )
        second = try_to_start(VOUCHSAFE_DATA=str(data), VOUCHSAFE_PORT=str(free_port()))
        assert "Another Vouchsafe runs" in one_sentence(second)
        assert first.stop() == (0, []), first.said
        assert not (data / "postgres" / "cluster" / "postmaster.pid").exists()
    finally:
        first.kill()
    assert running(data) == []
    before = checkpoint.read_text().splitlines()
    keys = {path.name: path.read_bytes() for path in (data / "keys").iterdir() if path.is_file()}

    again = start(folder, free_port())
    try:
        with psycopg.connect(again.database_url()) as conn:
            found = conn.execute(
                "SELECT session_data FROM django_session WHERE session_key = 'kept'"
            ).fetchone()
        assert found == ("data",)
        assert {name: (data / "keys" / name).read_bytes() for name in keys} == keys
        after = checkpoint.read_text().splitlines()
        assert after[0] == before[0] and int(after[1]) >= int(before[1])
        for child in again.children():
            if "vouchsafe.server.worker" in child.cmdline():
                child.kill()
        until(lambda: "worker ended (by signal 9); starting it again" in again.said)
        until(lambda: any("vouchsafe.server.worker" in c.cmdline() for c in again.children()))
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(60) == 0, again.said
    finally:
        again.kill()
    assert running(data) == []


@pytest.mark.slow
def test_nothing_outlives_a_supervisor_that_is_killed(folder: Path) -> None:
    one = start(folder, free_port())
    children = one.children()
    assert len(children) > 5
    one.process.kill()
    one.process.wait()
    _, left = psutil.wait_procs(children, timeout=30)
    for still in left:
        still.kill()
    assert left == []


@pytest.mark.slow
def test_ctrl_c_while_the_database_starts(folder: Path) -> None:
    one = Product(folder / "data", free_port())
    try:
        until((folder / "data" / "postgres").exists)
        assert one.stop() == (0, []), one.said
    finally:
        one.kill()
    assert running(folder / "data") == []


@pytest.mark.slow
def test_a_postmaster_killed_while_the_tables_are_made(folder: Path) -> None:
    one = Product(folder / "data", free_port())
    try:
        until(lambda: "Database ready" in one.said)
        for child in psutil.Process(one.process.pid).children():
            if "bin/postgres" in " ".join(child.cmdline()):
                child.kill()
        until(lambda: "Open http" in one.said, 60)
        assert "PostgreSQL ended while the tables were brought up to date; starting it again" in one.said
        assert one.stop() == (0, []), one.said
    finally:
        one.kill()
    assert running(folder / "data") == []
