"""`vouchsafe advisory import`: who may, what it prints, and what it leaves behind when it is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.fleet.test_impact_formats import CPE
from tests.fleet.test_population import advisory
from tests.fleet.world import World, release
from tests.sbom.test_kev import catalogue
from tests.sbom.test_nvd import answer
from vouchsafe.agent.images import build
from vouchsafe.cli.advisory import import_advisory
from vouchsafe.cli.errors import CommandError
from vouchsafe.fleet import impact
from vouchsafe.kernel import people


@pytest.fixture
def users(world: World, db: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Priya, who may import, and Amara, who may not."""
    monkeypatch.setenv("VOUCHSAFE_DATABASE_URL", db.app_dsn)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    priya = people.create("priya", email="p@fellside.example", full_name="Priya Raghunathan", at=at)
    people.grant(priya, "security_lead", by=None, at=at)
    people.create("amara", email="a@fellside.example", full_name="Amara Obi", at=at)
    return world


def run(folder: Path, data: bytes, *args: str) -> str:
    (folder / "a.json").write_bytes(data)
    done = CliRunner().invoke(import_advisory, [str(folder / "a.json"), *args], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_who_may_imports_and_sees_what_it_reaches(users: World, tmp_path: Path) -> None:
    release(build("5.0.1", 7), [("pkg:deb/debian/bb@1.35.0", "bb", "1.35.0", CPE)], users.now)
    told = run(tmp_path, answer(), "--as", "priya")
    assert told.splitlines()[:2] == [
        "possible: bb 1.35.0 has the CPE of busybox busybox, which the advisory names; a CPE does not say whose build"
        " it is; as plain numbers, 1.35.0 is outside its ranges",
        "Tarn 4 5.0.1: 0 devices, possible",
    ]
    found = json.loads(run(tmp_path, advisory(), "--as", "priya", "--json"))
    assert found["components"] == [{"name": "time", "version": "0.1.44", "certainty": "confirmed"}]
    assert (found["entries"], found["unjoined"]) == (1, 0)


def test_who_may_not_is_told_who_can(users: World, tmp_path: Path) -> None:
    with pytest.raises(
        CommandError, match=r"^--as amara: .* may import an advisory\. Priya Raghunathan can\.$"
    ) as told:
        run(tmp_path, advisory(), "--as", "amara")
    assert told.value.code == 1
    assert impact.advisories() == ()


def test_a_catalogue_is_no_advisory(users: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="expected one advisory, got the KEV catalogue") as told:
        run(tmp_path, catalogue(), "--as", "priya")
    assert told.value.code == 2


def test_what_could_not_be_looked_up_is_said(users: World, tmp_path: Path) -> None:
    commits = {"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}
    told = {"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [commits, commits]}
    lines = run(tmp_path, json.dumps(told).encode(), "--as", "priya").splitlines()
    assert lines[0] == (
        "2 of 2 products could not be looked up: the advisory names no package, name or CPE for them."
    )
    empty = json.dumps(told | {"id": "X-2", "affected": []}).encode()
    assert run(tmp_path, empty, "--as", "priya").startswith("X-2 names no product, so nothing was looked up.")
