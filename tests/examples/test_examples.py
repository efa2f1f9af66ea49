"""The demonstration's files: made by the committed script, consistent with each other, and saying true things."""

import json
import re
import subprocess
import sys
import zoneinfo
from pathlib import Path
from typing import Any

import pytest
import yaml

from vouchsafe.sbom import cyclonedx, match, osv
from vouchsafe.udi import basic_udi, gs1

FOLDER = Path(__file__).parents[2] / "examples" / "fellside"


@pytest.fixture(scope="module")
def company() -> Any:
    return yaml.safe_load((FOLDER / "company.yaml").read_text(encoding="utf-8"))


def bom(version: str) -> Any:
    return cyclonedx.read((FOLDER / f"tarn4-{version}.cdx.json").read_bytes())


def test_the_committed_sboms_are_what_the_script_makes() -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER.parent / "make_sboms.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", ["4.1.2", "4.2.1"])
def test_each_sbom_has_hundreds_of_components_and_no_problem(version: str) -> None:
    said = bom(version)
    assert len(said.components) > 400
    assert said.problems == ()
    assert said.subject.version == version


def test_the_releases_differ_in_a_handful() -> None:
    before, after = ({c.purl for c in bom(v).components} for v in ("4.1.2", "4.2.1"))
    assert 10 <= len(after - before) <= 30


def test_the_advisory_confirms_the_old_release_and_not_the_new_one() -> None:
    said = osv.read((FOLDER / "advisories" / "RUSTSEC-2026-0104.json").read_bytes())
    assert said.problems == ()
    found = [
        (m.certainty, m.component.name, m.component.version)
        for m in match.matches(bom("4.1.2").components, [said])
    ]
    assert found == [("confirmed", "rustls-webpki", "0.103.8")]
    assert list(match.matches(bom("4.2.1").components, [said])) == []


def test_the_advisory_says_what_the_advisory_database_says(fixtures: Path) -> None:
    """Identifier, alias, date and ranges against the original record."""
    source = (fixtures / "vuln/rustsec_advisory-db/crates/rustls-webpki/RUSTSEC-2026-0104.md").read_text()
    said = osv.read((FOLDER / "advisories" / "RUSTSEC-2026-0104.json").read_bytes())
    assert f'id = "{said.id}"' in source
    assert all(f'"{alias}"' in source for alias in said.aliases)
    assert f'date = "{said.published[:10]}"' in source
    patched = re.findall(r">= ([0-9a-z.-]+)", source.split("patched =")[1].split("\n")[0])
    assert patched == [e.version for e in said.affected[0].ranges[0].events if e.kind == "fixed"]


def test_a_real_osv_file_from_outside_matches_nothing_here(fixtures: Path) -> None:
    files = sorted((fixtures / "vuln").rglob("osv-*.json"))
    read = [osv.read(p.read_bytes()) for p in files]
    assert list(match.matches(bom("4.1.2").components, read)) == []


def test_the_people_hold_known_roles_and_no_forbidden_pair(company: Any) -> None:
    from vouchsafe.regulations import packs

    known = packs.pack("roles")
    people = company["people"]
    assert len(people) >= 16
    assert len({p["username"] for p in people}) == len(people)
    for person in people:
        assert set(person["roles"]) <= set(known["roles"]), person
        for pair in known["forbidden_together"]:
            assert not (
                set(person["roles"]) & set(pair["roles"]) and set(person["roles"]) & set(pair["never_with"])
            )
    held = {role for p in people for role in p["roles"]}
    for board in known["boards"].values():
        assert set(board["roles"]) <= held, board


def test_sixty_hospitals(company: Any) -> None:
    sites = company["hospitals"]
    assert len(sites) == len({s["key"] for s in sites}) == len({s["name"] for s in sites}) == 60
    for site in sites:
        assert re.fullmatch(r"[A-Z]{2}", site["country"])
        zoneinfo.ZoneInfo(site["timezone"])


def test_the_product_and_its_releases(company: Any) -> None:
    product = company["product"]
    assert gs1.parse(product["udi_di"]).di == product["udi_di"]
    assert basic_udi.parse(product["basic_udi_di"]).agency == "GS1"
    for release in company["releases"]:
        assert bom(release["version"]).timestamp.startswith(str(release["released"]))
    for path in company["advisories"]:
        assert json.loads((FOLDER / path).read_bytes())["id"] == Path(path).stem


def test_the_storys_pump_is_the_simulators_first(company: Any) -> None:
    from vouchsafe.agent import plan

    assert company["story_pump"] == plan.serial(0)
    assert re.fullmatch(company["product"]["serial_format"], company["story_pump"])


def test_the_releases_are_those_that_the_simulated_pumps_run(company: Any) -> None:
    from vouchsafe.agent import images

    assert [str(r["version"]) for r in company["releases"]] == [
        b.firmware.version for b in images.DEMO_BUILDS
    ]
