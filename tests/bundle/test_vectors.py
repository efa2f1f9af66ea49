"""The frozen bundles still say what they said, and the generator still writes them."""

import hashlib
import json
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


def test_the_format_page_names_every_code_check_limit_and_switch() -> None:
    page = (HERE.parents[2] / "docs/formats/bundle.md").read_text()
    missing = [code for code in sorted(verify.KNOWN_CODES) if f"`{code}`" not in page]
    assert missing == []
    for said in (
        *(f"| V{n} |" for n in range(1, 8)),
        *verify.PROPERTIES,
        verify.FORMAT,
        "50,000 members",
        "512 MiB",
        "4,096 bytes",
    ):
        assert said in page
    for word in ("allow operators-word", "station", "release", "rp"):
        assert f"# vouchsafe: {word} " in page
