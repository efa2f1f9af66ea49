"""Advisories of other formats than OSV reach builds by the packages that they name; without a package, none is taken."""

import json

import pytest

from tests.fleet.world import World, when
from tests.sbom.test_cve5 import record
from tests.sbom.test_kev import catalogue
from tests.sbom.test_nvd import answer
from vouchsafe.fleet import crosscheck, impact
from vouchsafe.fleet.errors import BadInput

RUSTSEC = (
    b'```toml\n[advisory]\nid = "RUSTSEC-2020-0071"\npackage = "time"\ndate = "2020-11-18"\n'
    b'aliases = ["CVE-2020-26235"]\n[versions]\npatched = [">= 0.2.23"]\n```\n\n# Potential segfault\n\nIn words.\n'
)
GITHUB = json.dumps(
    {
        "ghsa_id": "GHSA-35jh-r3h4-6jhm",
        "summary": "Command injection in lodash",
        "severity": "high",
        "vulnerabilities": [
            {
                "package": {"ecosystem": "npm", "name": "lodash"},
                "vulnerable_version_range": "< 4.17.21",
                "first_patched_version": "4.17.21",
            }
        ],
    }
).encode()
LODASH = {
    "packageName": "lodash",
    "collectionURL": "https://registry.npmjs.org",
    "defaultStatus": "unaffected",
    "versions": [{"version": "0", "lessThan": "4.17.21", "versionType": "semver", "status": "affected"}],
}


def test_rustsec_github_and_cve_reach_the_old_build_only(world: World) -> None:
    for data, name in ((RUSTSEC, "time"), (GITHUB, "lodash"), (record([LODASH]), "lodash")):
        row = impact.import_advisory(data, by=None, at=when(world.now))
        found = impact.reach(row.id)
        assert [(h.name, h.certainty) for h in found.hits] == [(name, "confirmed")]
        assert len(found.affected) == 1
        assert len(crosscheck._affected_images(row.sha256)) == 1
    assert row.published_at is not None


@pytest.mark.parametrize(
    "data", [answer(), catalogue(), record([{"vendor": "acme", "product": "time"}]), b"<html>"]
)
def test_what_names_no_package_is_refused_instead_of_reaching_nothing(world: World, data: bytes) -> None:
    with pytest.raises(BadInput) as told:
        impact.import_advisory(data, by=None, at=when(world.now))
    assert told.value.place == "advisory"
    assert impact.advisories() == ()
