"""Advisories of any format reach builds by the packages that they name; without one, by name and CPE, possibly."""

import hashlib
import json
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.fleet.world import World, release, when
from tests.sbom.test_cve5 import record
from tests.sbom.test_kev import catalogue
from tests.sbom.test_nvd import answer
from vouchsafe.agent.images import build
from vouchsafe.fleet import crosscheck, impact, releases
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


@pytest.mark.parametrize("data", [catalogue(), b"<html>"])
def test_what_is_no_advisory_is_refused_instead_of_reaching_nothing(world: World, data: bytes) -> None:
    with pytest.raises(BadInput) as told:
        impact.import_advisory(data, by=None, at=when(world.now))
    assert told.value.place == "advisory"
    assert impact.advisories() == ()


CPE = "cpe:2.3:a:busybox:busybox:1.35.0:*:*:*:*:*:*:*"
OSS_FUZZ = json.dumps(
    {
        "id": "OSV-2021-1",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "OSS-Fuzz", "name": "radare2"}, "versions": ["5.1.0"]}],
    }
).encode()


def released(world: World, version: str, *parts: tuple[str, ...]) -> int:
    svn = 10 + int(version.rpartition(".")[2])
    return releases.build(release(build(version, svn), parts, world.now).id).id


def hits(data: bytes, world: World) -> list[tuple[str, str, str]]:
    """(name, certainty, reason); by the database and by brute force the same builds."""
    row = impact.import_advisory(data, by=None, at=when(world.now))
    found = impact.reach(row.id)
    assert len(crosscheck._affected_images(row.sha256)) == len(found.affected)
    return [(h.name, h.certainty, h.reason) for h in found.hits]


def test_an_advisory_without_a_package_reaches_packages_of_its_name(world: World) -> None:
    deb = (
        ("pkg:deb/debian/radare2@5.9.8", "radare2", "5.9.8"),
        ("pkg:deb/debian/busybox@1:1.35.0-4", "busybox", "1:1.35.0-4"),
    )
    released(world, "5.0.1", *deb, ("pkg:npm/time@1.0.0", "time", "1.0.0"))
    assert hits(OSS_FUZZ, world) == [
        ("radare2", "possible", "radare2 5.9.8 is pkg:deb/debian/radare2; OSS-Fuzz names radare2, without a package URL"
         " of an ecosystem")
    ]  # fmt: skip
    assert hits(answer(), world) == [
        ("busybox", "possible", "busybox 1:1.35.0-4 is pkg:deb/debian/busybox; the advisory names busybox, without a"
         " package URL of an ecosystem")
    ]  # fmt: skip
    # A name that a crate has too, and an npm package: possible for every one of them, confirmed for none.
    named = hits(record([{"vendor": "acme", "product": "time"}]), world)
    assert [(name, certainty) for name, certainty, _ in named] == [("time", "possible")] * 3
    # An entry of a real ecosystem is about that one only.
    assert [name for name, certainty, _ in hits(RUSTSEC, world)] == ["time"]


def test_an_advisory_that_names_a_cpe_reaches_components_with_it(world: World) -> None:
    applet = ("pkg:deb/debian/bb-static@1.35.0", "bb-static", "1.35.0", CPE)
    of_other = ("", "bb", "1.35.0", "cpe:2.3:a:other:busybox:1.35.0:*:*:*:*:*:*:*")
    released(world, "5.0.1", applet, of_other, ("", "bc", "1", "cpe:2.3:a:busybox:other:1:*:*:*:*:*:*:*"))
    assert hits(answer(), world) == [
        ("bb", "possible", "bb 1.35.0 has only a CPE; the advisory names busybox; its CPE is of other busybox, the"
         " advisory's of busybox busybox; as plain numbers, 1.35.0 is outside its ranges"),
        ("bb-static", "possible", "bb-static 1.35.0 has the CPE of busybox busybox, which the advisory names; a CPE does"
         " not say whose build it is; as plain numbers, 1.35.0 is outside its ranges")
    ]  # fmt: skip


def test_what_could_not_be_looked_up_is_counted(world: World) -> None:
    def counted(*affected: object) -> tuple[int, int, int]:
        told = json.dumps({"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": affected}).encode()
        row = impact.import_advisory(told, by=None, at=when(world.now))
        found = impact.impact(row.id, world.now)
        return found.entries, found.unjoined, len(found.components)

    commits = {"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}
    assert counted() == (0, 0, 0)
    assert counted(commits, commits) == (2, 2, 0)
    named = {"package": {"ecosystem": "crates.io", "name": "time"}, "versions": ["0.1.44"]}
    assert counted(commits, named) == (2, 1, 1)


def test_nothing_is_looked_up_of_what_was_withdrawn(world: World) -> None:
    gone = impact.import_advisory(
        json.dumps(json.loads(OSS_FUZZ) | {"withdrawn": "2026-01-01T00:00:00Z"}).encode(),
        by=None,
        at=when(world.now),
    )
    found = impact.reach(gone.id)
    assert (found.hits, found.unjoined) == ((), 0)


def test_components_and_advisories_of_before_the_keys_are_given_theirs(world: World, db: Any) -> None:
    """What the migration does, after taking away what a new installation writes at once."""
    released(world, "5.0.1", ("pkg:deb/debian/bb-static@1.35.0", "bb-static", "1.35.0", CPE))
    row = impact.import_advisory(answer(), by=None, at=when(world.now))
    ranges = "SELECT pkg, affected FROM fleet_advisory_range ORDER BY 1, 2"
    keys = "SELECT component, key FROM fleet_component_key ORDER BY 1, 2"
    before = world.sql(ranges), world.sql(keys)
    with psycopg.connect(db.owner_dsn) as owner:
        for table, where in (
            ("fleet_component_key", ""),
            ("fleet_advisory_range", " WHERE pkg NOT LIKE 'name:%'"),
        ):
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            owner.execute(f"DELETE FROM {table}{where}")
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert impact.reach(row.id).hits == ()
    migration = import_module("vouchsafe.fleet.migrations.0003_component_keys")
    with connection.schema_editor() as editor:
        migration.fill_components(None, editor)
        migration.fill_ranges(None, editor)
    assert (world.sql(ranges), world.sql(keys)) == before
    # Four crates and npm packages; one Debian package, by its name and its CPE's product, both with lib too, and its CPE.
    assert len(before[1]) == 4 + 5
    assert [h.name for h in impact.reach(row.id).hits] == ["bb-static"]


def test_keys_of_an_older_order_are_derived_again(world: World, db: Any) -> None:
    released(world, "5.0.1", ("pkg:maven/org.x/core@5.2.0.RELEASE", "core", "5.2.0.RELEASE", ""))
    rows = (
        "SELECT pkg, coarse FROM fleet_component ORDER BY id",
        "SELECT advisory, pkg, coarse_min, coarse_max, release, affected FROM fleet_advisory_range"
        " ORDER BY advisory, pkg, affected, coarse_min",
    )
    impact.import_advisory(RUSTSEC, by=None, at=when(world.now))
    impact.import_advisory(GITHUB, by=None, at=when(world.now))
    before = [world.sql(query) for query in rows]
    with psycopg.connect(db.owner_dsn) as owner:
        for table, old in (
            ("fleet_component", "coarse = 'zz' || coarse"),
            ("fleet_advisory_range", "coarse_max = '0', coarse_min = '0'"),
        ):
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            owner.execute(f"UPDATE {table} SET {old}")
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert [world.sql(query) for query in rows] != before
    migration = import_module("vouchsafe.fleet.migrations.0004_coarse_keys")
    with psycopg.connect(db.owner_dsn) as owner:
        migration.derive_again(None, SimpleNamespace(connection=owner))
    assert [world.sql(query) for query in rows] == before
    for table in ("fleet_component", "fleet_advisory_range"):
        with psycopg.connect(db.owner_dsn) as owner, pytest.raises(psycopg.Error, match="history"):
            owner.execute(f"DELETE FROM {table}")


def test_keys_of_older_spellings_are_derived_again(world: World, db: Any) -> None:
    released(
        world, "5.0.1", ("pkg:golang/github.com/foo/bar@v2.1.0#v2", "github.com/foo/bar/v2", "v2.1.0", "")
    )
    told = {"id": "GO-1", "modified": "2026-01-01T00:00:00Z", "affected": [{
        "package": {"ecosystem": "Go", "name": "github.com/foo/bar/v2"},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.2.0"}]}]}]}  # fmt: skip
    row = impact.import_advisory(json.dumps(told).encode(), by=None, at=when(world.now))
    assert [(h.name, h.certainty) for h in impact.reach(row.id).hits] == [
        ("github.com/foo/bar/v2", "possible")
    ]
    rows = (
        "SELECT pkg, ecosystem, coarse, release FROM fleet_component ORDER BY id",
        "SELECT component, key FROM fleet_component_key ORDER BY 1, 2",
        "SELECT advisory, pkg, affected FROM fleet_advisory_range ORDER BY 1, 2, 3",
    )
    before = [world.sql(query) for query in rows]
    tables = ("fleet_component", "fleet_component_key", "fleet_advisory_range")
    with psycopg.connect(db.owner_dsn) as owner:
        for table in tables:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        owner.execute("UPDATE fleet_component SET pkg = 'old', release = '1'")
        owner.execute("DELETE FROM fleet_component_key WHERE key LIKE 'pkg:%'")
        owner.execute("UPDATE fleet_advisory_range SET pkg = 'old' || pkg")
        for table in tables:
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert impact.reach(row.id).hits == ()
    migration = import_module("vouchsafe.fleet.migrations.0005_package_keys")
    with psycopg.connect(db.owner_dsn) as owner:
        migration.derive_again(None, SimpleNamespace(connection=owner))
    assert [world.sql(query) for query in rows] == before
    for table in tables:
        with psycopg.connect(db.owner_dsn) as owner, pytest.raises(psycopg.Error, match="history"):
            owner.execute(f"DELETE FROM {table}")


def test_a_name_longer_than_an_index_holds_is_joined_all_the_same(world: World) -> None:
    long = hashlib.sha512(b"a").hexdigest() * 40
    released(
        world, "5.0.1", ("pkg:generic/short", "short", "1.0", f"cpe:2.3:a:{long}:{long}:1:*:*:*:*:*:*:*")
    )
    named = {"vendor": "acme", "product": "thing", "cpes": [f"cpe:2.3:a:{long}:{long}:1:*:*:*:*:*:*:*"]}
    assert [certainty for _, certainty, _ in hits(record([named]), world)] == ["possible"]
