"""The source packages that SBOMs name beside package URLs; and the keys again, of components and of version ranges:
one package is spelt in more ways than was known, and some package URLs may be of more than one package.

All are derived: a source from its build's SBOM, a component's keys from its row, a range's from its advisory's bytes.
A build whose SBOM is lost keeps its components without their sources. An advisory whose file is lost keeps the ranges
that it has; asking whom it reaches fails with that reason.
"""

import hashlib
from importlib import import_module
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from vouchsafe.kernel import files
from vouchsafe.kernel.errors import NotFound
from vouchsafe.sbom import joins, reading
from vouchsafe.sbom.errors import SbomError
from vouchsafe.sbom.model import Component

PAGE = 10_000
TABLES = ("fleet_component", "fleet_component_key", "fleet_advisory_range", "fleet_build_component")
SOURCE = "ALTER TABLE fleet_component ADD COLUMN source text NOT NULL DEFAULT ''"


def derive_again(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """The keys of what is there. The triggers that keep the tables' history let nothing but this through."""
    ranges = import_module("vouchsafe.fleet.migrations.0004_coarse_keys")._ranges
    with editor.connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_history")
        cursor.execute("DELETE FROM fleet_component_key")
        cursor.execute("SELECT id, encode(sbom_sha256, 'hex') FROM fleet_build ORDER BY id")
        for build, sha256 in cursor.fetchall():
            _sources(cursor, build, sha256)
        _components(cursor)
        cursor.execute("SELECT id, encode(sha256, 'hex') FROM fleet_advisory")
        for id_, sha256 in cursor.fetchall():
            ranges(cursor, id_, sha256)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_history")


def _sources(cursor: Any, build: int, sha256: str) -> None:
    """Ties a build to rows with a source, in place of those without one that it was tied to."""
    try:
        read = reading.read(files.read(sha256, root=files.folder())).components
    except (NotFound, SbomError):
        return
    components = [one for named in read for one in named.by_each_url()]
    # A package of several URLs had a row for the first; the keys of new rows are derived with those of the others.
    for c in (one for named in read if named.also for one in named.by_each_url()):
        cursor.execute(
            "INSERT INTO fleet_component (digest, pkg, name, version, ecosystem, purl, cpe)"
            " VALUES (%s, '', %s, %s, '', %s, %s) ON CONFLICT DO NOTHING",
            [_digest(c), c.name, c.version, c.purl or "", c.cpe or ""],
        )
        _tie(cursor, build, _digest(c))
    named = {_digest(c, c.source): (_digest(c), c.source) for c in components if c.source}
    for new, (old, source) in named.items():
        cursor.execute(
            "INSERT INTO fleet_component (digest, pkg, name, version, ecosystem, coarse, release, purl, cpe, source)"
            " SELECT %s, pkg, name, version, ecosystem, coarse, release, purl, cpe, %s FROM fleet_component"
            " WHERE digest = %s ON CONFLICT DO NOTHING",
            [new, source, old],
        )
        _tie(cursor, build, new)
    gone = [*{old for old, _ in named.values()} - {_digest(c) for c in components if not c.source}]
    cursor.execute(
        "DELETE FROM fleet_build_component b USING fleet_component c"
        " WHERE c.id = b.component AND b.build = %s AND c.digest = ANY(%s)",
        [build, gone],
    )
    cursor.execute(
        "DELETE FROM fleet_component c WHERE digest = ANY(%s)"
        " AND NOT EXISTS (SELECT 1 FROM fleet_build_component b WHERE b.component = c.id)",
        [gone],
    )


def _tie(cursor: Any, build: int, digest: bytes) -> None:
    cursor.execute(
        "INSERT INTO fleet_build_component (component, build)"
        " SELECT id, %s FROM fleet_component WHERE digest = %s ON CONFLICT DO NOTHING",
        [build, digest],
    )


def _digest(component: Component, *source: str) -> bytes:
    """By which components are one row."""
    parts = (component.name, component.version, component.purl or "", component.cpe or "", *source)
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _components(cursor: Any) -> None:
    last = 0
    while True:
        cursor.execute(
            "SELECT id, name, version, purl, cpe, source FROM fleet_component WHERE id > %s ORDER BY id LIMIT %s",
            [last, PAGE],
        )
        rows = cursor.fetchall()
        if not rows:
            return
        last = rows[-1][0]
        changed, keys = [], []
        for id_, *parts in rows:
            name, version, purl, cpe, source = parts
            component = Component(name, version, purl or None, cpe or None, source=source)
            who = component.identity()
            ecosystem = who.pkg.removeprefix("pkg:").partition("/")[0] if who.pkg.startswith("pkg:") else ""
            changed.append((joins.stored(who.pkg), ecosystem, who.coarse, who.release or None, id_))
            keys += [(id_, key) for key in joins.component_keys(component)]
        cursor.executemany(
            "UPDATE fleet_component SET pkg = %s, ecosystem = %s, coarse = %s, release = %s WHERE id = %s",
            changed,
        )
        cursor.executemany("INSERT INTO fleet_component_key (component, key) VALUES (%s, %s)", keys)


class Migration(migrations.Migration):
    """Source packages, and keys as packages are spelt today."""

    dependencies = [("fleet", "0004_coarse_keys")]

    operations = [
        migrations.RunSQL(SOURCE, "ALTER TABLE fleet_component DROP COLUMN source"),
        migrations.RunPython(derive_again, migrations.RunPython.noop),
    ]
