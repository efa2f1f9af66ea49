"""How long the server takes for each page over HTTP, beside what no page can be faster than.

    python bench/pages.py [--devices 200] [--asks 30] [--data FOLDER --port N]

Starts the product with its demonstration in a folder of its own (or asks one that runs: `--data`, `--port`),
waits until the fleet's past is loaded, imports the example's advisory, signs in, and asks for each page one
after the other on one connection. A figure is the time from the request to the last byte of the answer; CPU
is what the web processes used for one answer, without the database's own. Beside it, in the same run: a
static file, which is the web server without the application, and one round trip to the database. The load of
the machine is printed, because on a busy one these are times of waiting.
"""

import argparse
import http.client
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "fellside"
SEEDED_WITHIN_S = 900
WARM_UP = 3


class Browser:
    """One connection with its cookies."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection = http.client.HTTPConnection("localhost", port, timeout=60)
        self.cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/x-www-form-urlencoded"
    ) -> tuple[int, bytes, str]:
        """Status, body and where it leads."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if method == "POST":
            headers |= {"Content-Type": kind, "Origin": f"http://localhost:{self.port}"}
        try:
            self.connection.request(method, path, body or None, headers)
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError):  # the server ends idle connections
            self.connection.close()
            self.connection.request(method, path, body or None, headers)
            answer = self.connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.read(), answer.headers.get("Location", "")

    def token(self, path: str) -> str:
        """The form's token on a page."""
        return re.findall(rb'name="csrfmiddlewaretoken" value="([^"]+)"', self.ask("GET", path)[1])[
            0
        ].decode()

    def sign_in(self, username: str, password: str) -> None:
        form = {"csrfmiddlewaretoken": self.token("/login"), "username": username, "password": password}
        status, _, _ = self.ask("POST", "/login", urllib.parse.urlencode(form).encode())
        assert status == 302, f"{username} could not sign in: {status}"

    def upload(self, path: str, name: str, file: Path) -> str:
        """Send one file through a page's form; gives where the answer leads."""
        edge, token = secrets.token_hex(12), self.token(path)
        body = (
            (
                f'--{edge}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n'
                f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{file.name}"\r\n'
                "Content-Type: application/json\r\n\r\n"
            ).encode()
            + file.read_bytes()
            + f"\r\n--{edge}--\r\n".encode()
        )
        status, _, where = self.ask("POST", path, body, f"multipart/form-data; boundary={edge}")
        assert status == 302, f"{path} answered {status}"
        return where


def free_port() -> int:
    """A port that nothing listens on, with the next one free for the intake."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def start(data: Path, port: int, devices: int) -> subprocess.Popen[bytes]:
    """The product; comes back when its past is loaded."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VOUCHSAFE_", "DJANGO_"))}
    command = [Path(sys.executable).with_name("vouchsafe"), "up", "--demo", str(EXAMPLE)]
    process = subprocess.Popen(
        [*command, "--devices", str(devices)],
        env={**kept, "VOUCHSAFE_DATA": str(data), "VOUCHSAFE_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + SEEDED_WITHIN_S
    while not (data / "demo" / "seeded").exists():
        assert process.poll() is None, "the product ended before its past was loaded"
        assert time.monotonic() < deadline, f"the past was not loaded within {SEEDED_WITHIN_S} s"
        time.sleep(0.2)
    return process


def processes_of(data: Path, command: str) -> list[psutil.Process]:
    """The product's own processes on this folder that run a command."""
    found = []
    for one in psutil.process_iter(["cmdline"]):
        if command in (one.info["cmdline"] or ()) and one.environ().get("VOUCHSAFE_DATA") == str(data):
            found.append(one)
    if not found:
        raise SystemExit(f"No product runs on {data}.")
    return found


def times(ask: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each asking, without the first few."""
    for _ in range(WARM_UP):
        ask()
    out = []
    for _ in range(count):
        begun = time.perf_counter()
        ask()
        out.append((time.perf_counter() - begun) * 1000)
    return sorted(out)


def line(name: str, found: list[float], cpu: str = "", size: str = "") -> None:
    p95 = found[min(len(found) - 1, int(len(found) * 0.95))]
    print(
        f"{name:34} {statistics.median(found):9.1f} {p95:9.1f} {found[0]:9.1f} {cpu:>6} {size:>8}", flush=True
    )


def cpu_ms(processes: list[psutil.Process]) -> float:
    """What these processes have used so far."""
    used = [one.cpu_times() for one in processes]
    return sum(one.user + one.system for one in used) * 1000


def addresses(browser: Browser, advisory: str, database: psycopg.Connection) -> dict[str, str]:
    """The pages, with one record of each process."""
    found = {"home": "/", "my tasks": "/tasks", "list of complaints": "/list/complaint"}
    rows = database.execute(
        "SELECT process, min(number) FROM kernel_record GROUP BY process ORDER BY process"
    )
    found |= {f"record, {process}": f"/records/{number}" for process, number in rows.fetchall()}
    serial = database.execute("SELECT serial FROM fleet_identity ORDER BY serial LIMIT 1").fetchone()
    assert serial is not None
    return found | {
        "fleet": "/fleet",
        "devices": "/fleet/devices",
        "one device": f"/fleet/devices/{serial[0]}",
        "advisory with its impact": advisory,
        "ledger": "/ledger",
        "proof of an entry": "/ledger/records/5",
        "account": "/account",
    }


def measure(data: Path, port: int, asks: int) -> None:
    password = (data / "demo" / "password").read_text()
    web = processes_of(data, "vouchsafe.server.wsgi:application")
    url = processes_of(data, "vouchsafe.server.worker")[0].environ()["VOUCHSAFE_DATABASE_URL"]
    priya, browser = Browser(port), Browser(port)
    priya.sign_in("priya.raghunathan", password)
    advisory = priya.upload("/advisories/import", "advisory", next((EXAMPLE / "advisories").glob("*.json")))
    browser.sign_in("ingrid.solheim", password)
    with psycopg.connect(url, autocommit=True) as database:
        print(
            f"load average {' '.join(f'{n:.1f}' for n in os.getloadavg())}, {os.cpu_count()} cores, {asks} times each"
        )
        print(f"{'milliseconds':34} {'median':>9} {'p95':>9} {'least':>9} {'CPU':>6} {'size':>8}")
        line("limit: one database round trip", times(lambda: database.execute("SELECT 1").fetchone(), asks))
        static = "/static/vouchsafe/favicon.svg"
        line("limit: a static file", times(lambda: browser.ask("GET", static), asks))
        for name, path in addresses(browser, advisory, database).items():
            status, body, _ = browser.ask("GET", path)
            assert status == 200, f"{path} answered {status}"
            before = cpu_ms(web)
            found = times(lambda path=path: browser.ask("GET", path), asks)
            each = (cpu_ms(web) - before) / (asks + WARM_UP)
            line(name, found, f"{each:.0f}", f"{len(body) / 1000:.0f} kB")
        print(f"load average {' '.join(f'{n:.1f}' for n in os.getloadavg())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--asks", type=int, default=30)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    if given.data:
        measure(given.data, given.port, given.asks)
        return
    data, port = Path(tempfile.mkdtemp(prefix="vs-bench-")), free_port()
    data.chmod(0o755)
    process: subprocess.Popen[bytes] | None = None
    try:
        process = start(data, port, given.devices)
        measure(data, port, given.asks)
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
