"""What somebody meets who has only the wheel and the page about the libraries."""

import importlib
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vouchsafe.sbom import errors as sbom_errors
from vouchsafe.udi import errors as udi_errors

PAGE = Path(__file__).parents[2] / "docs" / "libraries.md"
STABLE = [
    (module, name)
    for module, names in re.findall(r"^\| `(vouchsafe[\w.]*)` \| (`.*`) \|$", PAGE.read_text(), re.MULTILINE)
    for name in re.findall(r"`(\w+)`", names)
]
# The command line where nothing of the extra `server` can be imported.
BARE = """
import sys
for name in ("django", "psycopg", "fido2", "holidays", "typst", "psutil", "ninja", "waitress"):
    sys.modules[name] = None
from vouchsafe.cli.main import main
sys.argv = ["vouchsafe", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(("module", "name"), STABLE)
def test_every_name_that_stays_is_there_and_says_what_it_is(module: str, name: str) -> None:
    found = getattr(importlib.import_module(module), name)
    if callable(found):
        assert found.__doc__ and not found.__doc__.startswith(f"{name}(")


def test_the_page_names_more_than_a_handful() -> None:
    assert len(STABLE) > 80


def bare(*arguments: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", BARE, *arguments], capture_output=True, text=True)
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize("arguments", [("up",), ("audit",), ("bundle", "CMP-2026-0001", "--as", "x")])
def test_a_command_of_the_server_part_says_how_to_get_it(arguments: tuple[str, ...]) -> None:
    code, told = bare(*arguments)
    assert (code, told.count("\n")) == (2, 0)
    assert told.endswith("needs the server part. Install it with: pip install 'vouchsafe[server]'")


def test_a_library_command_needs_nothing_of_it() -> None:
    assert bare("udi", "check", "05060912340019") == (0, "")


@pytest.mark.parametrize("day", ["9990-01-01", "9999-12-31", "0001-01-01"])
def test_a_day_at_the_ends_of_the_calendar_is_refused_in_words(day: str) -> None:
    code, told = bare("udi", "parse", "(01)05060912340019(17)000101", "--today", day)
    assert (code, told) == (2, "UDI: (17): expected a year from 1 to 9999, got “00”")


@pytest.mark.parametrize("error", [sbom_errors.Malformed, sbom_errors.TooLarge, udi_errors.WrongCheck])
def test_an_error_comes_back_whole_from_a_worker_process(error: type[sbom_errors.Malformed]) -> None:
    told = pickle.loads(pickle.dumps(error("$.a", "text", "nothing")))
    assert (type(told), told.place, told.expected, told.got) == (error, "$.a", "text", "nothing")
    assert str(told) == "$.a: expected text, got nothing"


def test_an_object_of_no_format_is_told_what_is_read() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARE, "advisory", "inspect", "-"], input="{}", capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.strip()) == (
        2,
        "standard input: $: expected OSV, GHSA, CVE 5.x, NVD 2.0, RustSec, CSAF or KEV, got another object",
    )


STEERS = "a\x1b[2J\nX-9 confirmed: made up\r\u202e\x9b"


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[str, str]:
    """An SBOM with a VEX statement and an advisory whose texts would steer a terminal."""
    component = {"type": "library", "name": STEERS, "version": STEERS, "bom-ref": STEERS}
    sbom = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": component},
        "components": [component, {"type": "library", "name": STEERS, "purl": f"pkg:npm/{STEERS}"}],
        "dependencies": [{"ref": STEERS, "dependsOn": [f"{STEERS}1"]}],
        "vulnerabilities": [{"id": STEERS, "analysis": {"state": "exploitable", "detail": STEERS},
                             "affects": [{"ref": STEERS}]}],
    }  # fmt: skip
    entry = {"package": {"ecosystem": STEERS, "name": STEERS}, "versions": [STEERS]}
    advisory = {"id": STEERS, "summary": STEERS, "modified": STEERS, "affected": [entry]}
    files = tmp_path / "sbom.json", tmp_path / "advisory.json"
    for file, value in zip(files, (sbom, advisory), strict=True):
        file.write_text(json.dumps(value))
    return str(files[0]), str(files[1])


@pytest.mark.parametrize(
    "command",
    [
        "sbom inspect {0}",
        "sbom match {0} {1}",
        "advisory inspect {1}",
        "vex inspect {0}",
        "sbom diff {0} {1}",
    ],
)
def test_what_a_file_says_begins_no_line_and_steers_no_terminal(
    hostile: tuple[str, str], command: str
) -> None:
    arguments = command.format(*hostile).split()
    for more in ([], ["--json"]):
        told = subprocess.run([sys.executable, "-c", BARE, *arguments, *more], capture_output=True, text=True)
        said = told.stdout + told.stderr
        assert said and all(line.isprintable() for line in said.split("\n"))
        assert not any(line.startswith("X-9") for line in said.splitlines())
        if more and told.stdout:
            assert "made up" in json.dumps(json.loads(told.stdout))
