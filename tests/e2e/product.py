"""The product as its user starts it: `vouchsafe up` as a process of its own, on a folder and ports of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "fellside"
COMMAND = Path(sys.executable).with_name("vouchsafe")
DEVICES = 120
SEEDED_WITHIN_S = 420.0


def free_port() -> int:
    """A port that nothing listens on, with the next one free as well (the intake takes it)."""
    while True:
        with socket.socket() as one, socket.socket() as next_one:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def clean_env(**more: str) -> dict[str, str]:
    """The environment without any setting of ours, then `more`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VOUCHSAFE_", "DJANGO_"))}
    return {**kept, **more}


def temporary_folder() -> Path:
    """A folder that others may enter: PostgreSQL doesn't run as root and has to get in."""
    folder = Path(tempfile.mkdtemp(prefix="vs-e2e-"))
    folder.chmod(0o755)
    return folder


class Product:
    """One running installation. `stop` says how it ended and what it left behind."""

    def __init__(self, data: Path, port: int, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.port = port
        self.url = f"http://localhost:{port}"
        self.env = clean_env(VOUCHSAFE_DATA=str(data), VOUCHSAFE_PORT=str(port), **(env or {}))
        self.output = data.parent / f"{data.name}.{port}.out"
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [COMMAND, "up", *arguments],
                env=self.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(errors="replace")

    @property
    def password(self) -> str:
        return (self.data / "demo" / "password").read_text()

    def wait_for(self, there: Path | str, within_s: float) -> None:
        """Until a file is there, or until it has printed a text."""
        deadline = time.monotonic() + within_s
        while not (there.exists() if isinstance(there, Path) else there in self.said):
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.said}"
            assert time.monotonic() < deadline, f"{there} was not there in {within_s:.0f} s:\n{self.said}"
            time.sleep(0.1)

    def children(self) -> list[psutil.Process]:
        """Every process under it, PostgreSQL's own included."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def database_url(self) -> str:
        """The address that its own processes use, as the application's role."""
        for child in self.children():
            if "vouchsafe.server.worker" in child.cmdline():
                return child.environ()["VOUCHSAFE_DATABASE_URL"]
        raise AssertionError("the worker doesn't run")

    def stop(self, within_s: float = 60.0) -> tuple[int, list[str]]:
        """Ctrl-C. Gives the exit code, and the commands of those that are still there afterwards."""
        if self.process.poll() is not None:
            return self.process.returncode, []
        children = self.children()
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(within_s)
        _, left = psutil.wait_procs(children, timeout=5)
        found = [" ".join(one.cmdline())[:120] for one in left]
        for one in left:
            one.kill()
        return code, found

    def kill(self) -> None:
        """End it and its children at once: for a test that failed."""
        if self.process.poll() is None:
            children = self.children()
            self.process.kill()
            self.process.wait()
            for one in children:
                if one.is_running():
                    one.kill()


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
