"""`vouchsafe vex inspect`: what it prints, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.sbom import csaf_documents as documents
from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.vex import vex

OPENVEX = (
    b'{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://fellside.example/vex/1", "author": "Fellside",'
    b' "timestamp": "2026-02-05T12:00:00Z", "version": 1, "statements": [{"vulnerability": {"name": "CVE-2026-25727"},'
    b' "status": "not_affected", "justification": "vulnerable_code_not_present",'
    b' "products": [{"@id": "pkg:cargo/time@0.3.44"}]}]}'
)


def run(*args: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(vex, ["inspect", *args], input=stdin)


def test_it_prints_one_object() -> None:
    said = json.loads(run("-", "--json", stdin=OPENVEX).stdout)
    assert {k: said[k] for k in ("format", "spec_version", "id", "author", "timestamp", "problems")} == {
        "format": "OpenVEX",
        "spec_version": "0.2.0",
        "id": "https://fellside.example/vex/1",
        "author": "Fellside",
        "timestamp": documents.AT,
        "problems": [],
    }
    assert said["counts"] == {"affected": 0, "not_affected": 1, "fixed": 0, "under_investigation": 0}
    (statement,) = said["statements"]
    assert (statement["status"], statement["justification"]) == (
        "not_affected",
        "vulnerable_code_not_present",
    )
    assert statement["products"] == [
        {
            "id": "pkg:cargo/time@0.3.44",
            "name": "time",
            "version": "0.3.44",
            "purl": "pkg:cargo/time@0.3.44",
            "cpe": "",
            "subcomponents": [],
        }
    ]


def test_it_prints_lines_for_people() -> None:
    result = run("-", stdin=json.dumps(documents.old()).encode())
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "CSAF 2.0 FM-2026-001",
        f"by Fellside Medical, {documents.AT}",
        "CVE-2026-25727 affected",
        "  Tarn 4 4.1.2 4.1.2",
    ]
    assert "CVE-2026-25727 not_affected (component_not_present)" in lines
    broken = OPENVEX.replace(b'"justification": "vulnerable_code_not_present",', b"")
    assert "problem vex $.statements[0]: expected a justification" in run("-", stdin=broken).stdout


@pytest.mark.parametrize(
    ("stdin", "line"),
    [
        (b"{", "standard input: line 1 column 2: expected JSON, got object key must be a string"),
        (b"[]", "standard input: $: expected a VEX document (an object), got an array"),
        (b"{}", "standard input: $: expected CycloneDX, OpenVEX or CSAF, got another object"),
        (
            OPENVEX.replace(b"[{", b"[7,{"),
            "standard input: $.statements[0]: expected an object, got the number 7",
        ),
        (
            b'{"document": {"csaf_version": "2.0", "title": []}}',
            "standard input: $.document.title: expected text, got an array",
        ),
    ],
)
def test_what_cannot_be_read_ends_with_one_line_and_2(stdin: bytes, line: str) -> None:
    told = run("-", stdin=stdin).exception
    assert isinstance(told, CommandError) and told.code == 2
    if stdin == b"{":
        assert str(told).startswith("standard input: line 1 column 2: expected JSON, got ")
    else:
        assert str(told) == line
    assert "\n" not in str(told)


def test_the_real_advisories_are_printed(fixtures: Path) -> None:
    file = sorted((fixtures / "vuln/cisa-icsma").rglob("*.json"))[0]
    said = json.loads(run(str(file), "--json").stdout)
    assert (said["format"], said["author"], said["counts"]["not_affected"]) == ("CSAF", "CISA", 0)
    assert said["counts"]["affected"] == len(said["statements"]) > 0


def test_the_command_needs_no_server_and_its_help_has_an_example() -> None:
    code = (
        "import sys\nfrom vouchsafe.cli.vex import vex\nfrom vouchsafe.sbom import csaf_vex, openvex, cyclonedx_vex\n"
        "assert not {'django', 'psycopg'} & {m.partition('.')[0] for m in sys.modules}"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "vouchsafe vex inspect pump-4.2.1.vex.json" in run("--help").stdout
