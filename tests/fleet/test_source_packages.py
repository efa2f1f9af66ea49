"""The source package that an SBOM names beside a package URL: kept, joined on, and found again for older rows."""

import hashlib
import json
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from tests.fleet.world import DI, RELEASE_KEY, World, when
from vouchsafe.agent.images import TARN4, build, image
from vouchsafe.fleet import advisories, crosscheck, impact, releases
from vouchsafe.kernel import files
from vouchsafe.sbom import statement
from vouchsafe.sbom.model import Component

LIBSSL = "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.4"
OPENSSL = {"SrcName": "openssl", "SrcVersion": "3.0.11", "SrcRelease": "1~deb12u2"}
DEBIAN = json.dumps(
    {
        "id": "DSA-1",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "Debian:12", "name": "openssl"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.13-1~deb12u1"}]}
                ],
            }
        ],
    }
).encode()
TABLES = ("fleet_component", "fleet_component_key", "fleet_build_component")


def released(world: World, version: str, *parts: dict[str, str]) -> int:
    """A release whose SBOM is as Trivy writes it: `parts` are the properties of one libssl3 each."""
    components = [
        {"type": "library", "name": "libssl3", "version": "3.0.11-1~deb12u2", "purl": LIBSSL, "bom-ref": str(i),
         "properties": [{"name": f"aquasecurity:trivy:{k}", "value": v} for k, v in said.items()]}
        for i, said in enumerate(parts)
    ]  # fmt: skip
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": components}
    return release(world, version, json.dumps(bom).encode())


def release(world: World, version: str, sbom: bytes) -> int:
    made = build(version, 10 + int(version.rpartition(".")[2]))
    digest = hashlib.sha256(image(version)).hexdigest()
    envelope = statement.sign_release("tarn4", digest, sbom, RELEASE_KEY)
    return releases.release(
        DI, version=version, svn=made.firmware.svn, image_sha256=digest, envelope=envelope,
        trusted=(RELEASE_KEY.public_key(),), by=None, at=when(world.now),
        measures=releases.Measures(
            configs=made.configs, stages=[made.firmware.loader_sha256], hw_models=[TARN4.hw_model]
        ),
    ).id  # fmt: skip


def libssl(world: World) -> list[tuple[Any, ...]]:
    return world.sql("SELECT source, pkg, coarse FROM fleet_component WHERE name = 'libssl3' ORDER BY source")


def tied(world: World, build_id: int) -> list[str]:
    rows = world.sql(
        "SELECT c.source FROM fleet_build_component b JOIN fleet_component c ON c.id = b.component"
        " WHERE b.build = %s ORDER BY 1",
        build_id,
    )
    return [source for (source,) in rows]


def test_an_advisory_of_the_source_reaches_a_build_with_the_binary_package(world: World) -> None:
    with_source = released(world, "5.0.1", OPENSSL)
    row = impact.import_advisory(DEBIAN, by=None, at=when(world.now))
    found = impact.reach(row.id)
    assert [(h.name, h.certainty, h.builds) for h in found.hits] == [("libssl3", "confirmed", (with_source,))]
    assert len(crosscheck._affected_images(row.sha256)) == 1
    assert [r.key for r in advisories.reaching(with_source)] == ["DSA-1"]


def test_a_build_after_the_advisory_is_reached_too(world: World) -> None:
    impact.import_advisory(DEBIAN, by=None, at=when(world.now))
    later = released(world, "5.0.1", OPENSSL)
    assert [r.key for r in advisories.reaching(later)] == ["DSA-1"]


def test_with_and_without_a_source_are_two_components(world: World) -> None:
    one, two = released(world, "5.0.1", OPENSSL), released(world, "5.0.2", {})
    assert [(source, pkg) for source, pkg, _ in libssl(world)] == [
        ("", "pkg:deb/debian/libssl3"),
        ("openssl@3.0.11-1~deb12u2", "pkg:deb/debian/openssl"),
    ]
    assert (tied(world, one), tied(world, two)) == (["openssl@3.0.11-1~deb12u2"], [""])
    row = impact.import_advisory(DEBIAN, by=None, at=when(world.now))
    assert [h.builds for h in impact.reach(row.id).hits] == [(one,)]


def test_a_component_without_a_source_has_the_digest_that_it_always_had(world: World) -> None:
    releases.add_components(released(world, "5.0.1"), [Component("a", "1", "pkg:npm/a@1")])
    [(digest,)] = world.sql("SELECT digest FROM fleet_component WHERE purl = 'pkg:npm/a@1'")
    assert bytes(digest) == hashlib.sha256(b"a\x001\x00pkg:npm/a@1\x00").digest()


def of_before(db: Any) -> None:
    """The rows as they were written before there was a column for it."""
    with psycopg.connect(db.owner_dsn) as owner:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_history")
        owner.execute("DELETE FROM fleet_component_key")
        rows = owner.execute("SELECT id, name, version, purl, cpe, source FROM fleet_component").fetchall()
        for id_, *parts, source in rows:
            old = hashlib.sha256("\0".join(parts).encode()).digest()
            held = owner.execute("SELECT id FROM fleet_component WHERE digest = %s", [old]).fetchone()
            if source and held:
                owner.execute(
                    "INSERT INTO fleet_build_component (component, build) SELECT %s, build FROM"
                    " fleet_build_component WHERE component = %s ON CONFLICT DO NOTHING",
                    [held[0], id_],
                )
                owner.execute("DELETE FROM fleet_build_component WHERE component = %s", [id_])
                owner.execute("DELETE FROM fleet_component WHERE id = %s", [id_])
            elif source:
                owner.execute(
                    "UPDATE fleet_component SET digest = %s, source = '', pkg = 'pkg:deb/debian/libssl3' WHERE id = %s",
                    [old, id_],
                )
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_history")


def derive_again(db: Any) -> None:
    migration = import_module("vouchsafe.fleet.migrations.0005_package_keys")
    with psycopg.connect(db.owner_dsn) as owner:
        migration.derive_again(None, SimpleNamespace(connection=owner))


SNAPSHOT = (
    "SELECT digest, pkg, name, version, ecosystem, coarse, release, purl, cpe, source FROM fleet_component ORDER BY 1",
    "SELECT c.digest, k.key FROM fleet_component_key k JOIN fleet_component c ON c.id = k.component ORDER BY 1, 2",
    "SELECT c.digest, b.build FROM fleet_build_component b JOIN fleet_component c ON c.id = b.component ORDER BY 1, 2",
)


@pytest.mark.parametrize(
    "builds",
    [
        [[OPENSSL]],
        [[OPENSSL], [OPENSSL]],
        [[OPENSSL], [{}]],
        [[{}], [OPENSSL]],
        [[OPENSSL, {}]],
        [[OPENSSL, {"SrcName": "other"}], [{"SrcName": "other"}]],
    ],
)
def test_sources_of_older_rows_are_read_again_from_the_sboms(
    world: World, db: Any, builds: list[list[dict[str, str]]]
) -> None:
    ids = [released(world, f"5.0.{n}", *parts) for n, parts in enumerate(builds, 1)]
    row = impact.import_advisory(DEBIAN, by=None, at=when(world.now))
    reached = impact.reach(row.id).affected
    before = [world.sql(query) for query in SNAPSHOT]
    of_before(db)
    assert impact.reach(row.id).hits == ()
    assert [tied(world, id_) for id_ in ids] == [[""]] * len(ids)
    derive_again(db)
    assert [world.sql(query) for query in SNAPSHOT] == before
    assert impact.reach(row.id).affected == reached
    for table in TABLES:
        with psycopg.connect(db.owner_dsn) as owner, pytest.raises(psycopg.Error, match="history"):
            owner.execute(f"DELETE FROM {table}")


def test_a_build_whose_sbom_is_lost_keeps_its_components(world: World, db: Any) -> None:
    lost = released(world, "5.0.1", OPENSSL)
    of_before(db)
    [(sha256,)] = world.sql("SELECT encode(sbom_sha256, 'hex') FROM fleet_build WHERE id = %s", lost)
    (files.folder() / sha256[:2] / sha256).unlink()
    derive_again(db)
    assert tied(world, lost) == [""]


def test_a_package_of_two_urls_is_a_row_for_each_and_older_builds_get_theirs(world: World, db: Any) -> None:
    urls = ["pkg:npm/a@1.0.0", LIBSSL]
    package = {
        "SPDXID": "SPDXRef-a", "name": "a", "versionInfo": "", "downloadLocation": "NOASSERTION",
        "sourceInfo": "built package from: openssl 3.0.11-1~deb12u2",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}
                         for url in urls],
    }  # fmt: skip
    sbom = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": [package]}
    made = release(world, "5.0.1", json.dumps(sbom).encode())
    row = impact.import_advisory(DEBIAN, by=None, at=when(world.now))
    assert [h.builds for h in impact.reach(row.id).hits] == [(made,)]
    before = [world.sql(query) for query in SNAPSHOT]
    assert tied(world, made) == ["openssl@3.0.11-1~deb12u2"] * 2
    with psycopg.connect(db.owner_dsn) as owner:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_history")
        owner.execute("DELETE FROM fleet_component_key")
        owner.execute(
            "DELETE FROM fleet_build_component b USING fleet_component c WHERE c.id = b.component AND purl = %s",
            [LIBSSL],
        )
        owner.execute("DELETE FROM fleet_component WHERE purl = %s", [LIBSSL])
    assert impact.reach(row.id).hits == ()
    derive_again(db)
    assert [world.sql(query) for query in SNAPSHOT] == before
