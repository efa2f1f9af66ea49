"""Build the wheel, install it without the server part, and run the libraries' and processes' tests on it.

Skipped when neither the sources nor the lock changed since the last time it passed. The ids of the tests that passed are
written down: `make test` runs the others.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv-bare"
PACKAGES = (
    "ledger",
    "attest",
    "sbom",
    "udi",
    "bundle",
    "regulations",
    "processes",
    "agent",
    "test_fuzz_targets.py",
)


def main() -> int:
    python = VENV / "bin" / "python"
    lock = _digest([ROOT / "requirements-bare.lock"])
    if not (VENV / lock).exists():
        print("Making the bare environment ...")
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r",
             ROOT / "requirements-bare.lock"], check=True,
        )  # fmt: skip
        (VENV / lock).touch()
    now = _digest(
        sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), ROOT / "pyproject.toml"])
    )
    passed, tests_passed = VENV / "passed", VENV / "passed-tests.txt"
    if passed.exists() and passed.read_text() == now and tests_passed.exists():
        return 0
    tests_passed.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "build", "-q", "--wheel", "--no-isolation", "-o", folder, ROOT], check=True
        )
        wheel = next(Path(folder).glob("*.whl"))
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--force-reinstall",
             wheel], check=True,
        )  # fmt: skip
    tests = [ROOT / "tests" / name for name in PACKAGES if (ROOT / "tests" / name).exists()]
    code = subprocess.run(
        [python, "-m", "pytest", "-q", "-x", "-n", "2", "-m", "not server", f"--write-passed={tests_passed}", *tests],
        cwd=ROOT,
    ).returncode  # fmt: skip
    if code == 0:
        passed.write_text(now)
    else:
        tests_passed.unlink(missing_ok=True)
    return code


def _digest(paths: list[Path]) -> str:
    return hashlib.sha256(b"".join(p.read_bytes() for p in paths)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
