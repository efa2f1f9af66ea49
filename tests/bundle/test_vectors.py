"""The frozen bundles still say what they said, and the generator still writes them."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundle import forge
from tests.vectors.bundle import generate
from vouchsafe.bundle import verify

HERE = Path(generate.__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_frozen_bundle_gets_its_frozen_verdicts(name: str) -> None:
    data, policy = (HERE / f"{name}.zip").read_bytes(), verify.read_policy((HERE / "policy.txt").read_bytes())
    result = verify.check(data, policy)
    expected = EXPECTED[name]
    assert hashlib.sha256(data).hexdigest() == expected["sha256"] == result.sha256
    assert {v.property: {"verdict": v.verdict, "place": v.place} for v in result.verdicts} == expected[
        "properties"
    ]
    assert result.exit_code == expected["exit"]


def test_each_property_fails_in_just_one_of_them() -> None:
    failing = {
        name: [p for p, v in told["properties"].items() if v["verdict"] == verify.FAILS]
        for name, told in EXPECTED.items()
    }
    assert failing == {
        name: [] if name == "good" else [name.replace("-ordering", " ordering")] for name in EXPECTED
    }
    assert set(sum(failing.values(), [])) == set(verify.PROPERTIES)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_generator_leaves_git_clean(name: str) -> None:
    assert forge.forge(generate.STORIES[name]) == (HERE / f"{name}.zip").read_bytes()


PAGE = (HERE.parents[2] / "docs/formats/bundle.md").read_text()


def test_the_format_page_names_every_code_check_limit_and_switch() -> None:
    page = PAGE
    missing = [code for code in sorted(verify.KNOWN_CODES) if f"`{code}`" not in page]
    assert missing == []
    for said in (
        *(f"| V{n} " for n in range(1, 8)),
        *verify.PROPERTIES,
        verify.FORMAT,
        "50,000 members",
        "512 MiB",
        "4,096 bytes",
        "at most 200 characters",
        "at most 262,144 bytes, 63 hashes, 64 signature lines",
        "64 MiB of JSON, CBOR 16 deep",
        "a policy of 65,536 bytes and 100 groups",
        "at most 8 deep",
        "1 to 16 signatures",
    ):
        assert said in page
    for word in ("allow operators-word", "station", "release", "rp"):
        assert f"# vouchsafe: {word} " in page


def test_the_steps_by_hand_of_the_format_page_work(tmp_path: Path) -> None:
    """The commands of the page, as they are written there."""
    steps = PAGE.partition("## 9 By hand")[2].partition("## 10")[0]
    commands = [line[4:].partition("   #")[0] for line in steps.split("\n") if line.startswith("    ")]
    (tmp_path / "bundle.zip").write_bytes((HERE / "good.zip").read_bytes())
    unzip = "unzip -q bundle.zip -d b && cd b"
    assert commands[0] == unzip
    unpacked = f'"{sys.executable}" -m zipfile -e bundle.zip b && cd b'  # not every machine has unzip
    told = []
    for command in commands[1:]:
        there = "" if (tmp_path / "b").exists() else unpacked + " && "
        where = tmp_path / ("b" if not there else "")
        line = ["bash", "-c", there + command.replace("/N.", "/9.")]
        told.append(subprocess.run(line, cwd=where, capture_output=True, check=True, text=True).stdout)
    checked, sums, announced, opened, export, evidence, leaf = told
    assert all(line.endswith(": OK") for line in checked.splitlines())
    assert json.loads(announced)["manifest"] == sums.split()[0]
    assert json.loads(export)["commit"] == opened.split()[0]
    assert json.loads((tmp_path / "b/leaves/records/9.json").read_text())["commit"] == evidence.split()[0]
    assert json.loads((tmp_path / "b/leaves/records/10.json").read_text())["prev"] == leaf.split()[0]
