"""Every file of the fixtures through every command of the libraries: read, or refused in one line; never a fault of ours."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.main import cli

VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
COMMANDS: dict[str, list[str]] = {
    "sbom inspect": ["--json"],
    "advisory inspect": ["--json"],
    "vex inspect": ["--json"],
    "evidence inspect": ["--json"],
    "verify": ["--json"],
    "log check": ["--vkey", VKEY],
}
# Folder of the fixtures -> files that the command reads there, at least.
READ = {
    "sbom inspect": {"sbom": 350, "vuln": 0},
    "advisory inspect": {"vuln/cisa-icsma": 79, "vuln/rustsec_advisory-db": 63, "vuln/google_osv.dev": 29},
    "vex inspect": {"vuln/cisa-icsma": 79, "sbom/CycloneDX_bom-examples/VEX": 13},
}


def run(*arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, what standard error would say) as `main` ends; an unforeseen fault goes through."""
    result = CliRunner().invoke(cli, list(arguments), standalone_mode=False)
    told = result.exception
    if told is None or isinstance(told, SystemExit):
        code = told.code if told else result.return_value
        return code if isinstance(code, int) else 0, result.stdout, result.stderr
    if isinstance(told, CommandError):
        return told.code, result.stdout, str(told)
    if isinstance(told, click.ClickException):
        return 2, result.stdout, told.message
    raise told


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_read_or_refused_in_one_line(fixtures: Path, command: str) -> None:
    files = [p for p in sorted(fixtures.rglob("*")) if p.is_file() and "LICENSES" not in p.parts]
    assert len(files) > 1_500
    read: list[str] = []
    for path in files:
        code, out, err = run(*command.split(), *COMMANDS[command], str(path))
        if code == 0:
            assert isinstance(json.loads(out), dict), path
            read.append(path.relative_to(fixtures).as_posix())
        else:
            assert code in (1, 2), path
            assert "\n" not in err.strip() and len(err) < 1_000, f"{path}: {err[:300]}"
            if code == 2:
                assert "expected" in err and "got" in err, f"{path}: {err}"
    for folder, least in READ.get(command, {}).items():
        found = [name for name in read if name.startswith(folder + "/")]
        assert len(found) >= least, f"{command} reads {len(found)} files of {folder}"


def test_every_advisory_is_matched_with_an_sbom(fixtures: Path) -> None:
    advisories = [
        str(p)
        for folder in (
            "cisa-icsma",
            "rustsec_advisory-db",
            "google_osv.dev",
            "DependencyTrack_dependency-track",
        )
        for p in sorted((fixtures / "vuln" / folder).rglob("*"))
        if p.is_file() and run("advisory", "inspect", str(p))[0] == 0
    ]
    assert len(advisories) > 180
    sboms = sorted((fixtures / "sbom" / "chainguard-dev_bom-shelter").iterdir())
    for sbom in sboms:
        code, out, err = run("sbom", "match", "--json", str(sbom), *advisories)
        assert code == 0, f"{sbom}: {err}"
        found = json.loads(out)
        assert {"confirmed", "possible"} <= found.keys()
        for one in found["confirmed"] + found["possible"]:
            assert one["component"]["name"] and one["range"] and one["reason"]
