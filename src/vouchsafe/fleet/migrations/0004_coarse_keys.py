"""The coarse keys again, of components and of version ranges: the orders of Maven, RubyGems, RPM and GitHub Actions
changed, and a key of the old order could hide a component from an advisory that reaches it.

Both are derived: a component's from its row, a range's from its advisory's bytes. An advisory whose file is lost
keeps the ranges that it has; asking whom it reaches fails with that reason.
"""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from vouchsafe.kernel import files
from vouchsafe.kernel.errors import NotFound
from vouchsafe.sbom import advisories, joins, match
from vouchsafe.sbom.errors import SbomError
from vouchsafe.sbom.model import Component

PAGE = 10_000


def derive_again(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """The keys of what is there. The triggers that keep the tables' history let nothing but this through."""
    with editor.connection.cursor() as cursor:
        for table in ("fleet_component", "fleet_advisory_range"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_history")
        _components(cursor)
        cursor.execute("SELECT id, encode(sha256, 'hex') FROM fleet_advisory")
        for id_, sha256 in cursor.fetchall():
            _ranges(cursor, id_, sha256)
        for table in ("fleet_component", "fleet_advisory_range"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_history")


def _components(cursor: Any) -> None:
    last = 0
    while True:
        cursor.execute(
            "SELECT id, name, version, purl, cpe, pkg, coarse FROM fleet_component WHERE id > %s"
            " ORDER BY id LIMIT %s",
            [last, PAGE],
        )
        rows = cursor.fetchall()
        if not rows:
            return
        last = rows[-1][0]
        changed = []
        for id_, name, version, purl, cpe, *had in rows:
            who = Component(name, version, purl or None, cpe or None).identity()
            if [joins.stored(who.pkg), who.coarse] != had:
                changed.append((joins.stored(who.pkg), who.coarse, id_))
        cursor.executemany("UPDATE fleet_component SET pkg = %s, coarse = %s WHERE id = %s", changed)


def _ranges(cursor: Any, advisory: int, sha256: str) -> None:
    try:
        told = advisories.read(files.read(sha256, root=files.folder()))
    except (NotFound, SbomError):
        return
    cursor.execute("DELETE FROM fleet_advisory_range WHERE advisory = %s", [advisory])
    cursor.executemany(
        "INSERT INTO fleet_advisory_range (advisory, pkg, coarse_min, coarse_max, release, affected)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [
            (advisory, r.pkg, r.coarse_min, r.coarse_max, r.release, r.affected)
            for r in match.advisory_ranges(told)
        ],
    )


class Migration(migrations.Migration):
    """Coarse keys of today's orders."""

    dependencies = [("fleet", "0003_component_keys")]

    operations = [migrations.RunPython(derive_again, migrations.RunPython.noop)]
