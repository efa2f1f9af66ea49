"""The other keys of components: names in whichever ecosystem, and CPE products, for advisories that name no package.

Both sides are derived from what is kept, a component from its row and a range from its advisory's bytes, so what
is there already is given its keys here.
"""

from collections.abc import Iterator
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from vouchsafe.kernel import files
from vouchsafe.kernel.errors import NotFound
from vouchsafe.sbom import advisories, joins, match
from vouchsafe.sbom.errors import SbomError
from vouchsafe.sbom.model import Component

KEYS = """
CREATE TABLE fleet_component_key (
  component int NOT NULL REFERENCES fleet_component,
  key text NOT NULL,
  PRIMARY KEY (key, component)
);
CREATE INDEX fleet_component_key_component ON fleet_component_key (component);
"""
GUARDS = """
CREATE TRIGGER fleet_component_key_history BEFORE UPDATE OR DELETE ON fleet_component_key
  FOR EACH ROW EXECUTE FUNCTION fleet_refuse();
CREATE TRIGGER fleet_component_key_truncate BEFORE TRUNCATE ON fleet_component_key
  FOR EACH STATEMENT EXECUTE FUNCTION fleet_refuse();
"""
PAGE = 10_000


def _pages(editor: BaseDatabaseSchemaEditor, query: str) -> Iterator[list[tuple[Any, ...]]]:
    """Rows after an id, page by page."""
    last = 0
    while True:
        with editor.connection.cursor() as cursor:
            cursor.execute(query, [last, PAGE])
            rows = cursor.fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield rows


def fill_components(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Keys of the components that are there."""
    query = "SELECT id, name, version, purl, cpe FROM fleet_component WHERE id > %s ORDER BY id LIMIT %s"
    for rows in _pages(editor, query):
        with editor.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO fleet_component_key (component, key) VALUES (%s, %s)",
                [
                    (id_, key)
                    for id_, name, version, purl, cpe in rows
                    for key in joins.component_keys(Component(name, version, purl or None, cpe or None))
                ],
            )


def fill_ranges(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Ranges by the new keys of the advisories that are there.

    One whose file is lost has none: asking whom it reaches fails with that reason, as it did before.
    """
    query = "SELECT id, encode(sha256, 'hex') FROM fleet_advisory WHERE id > %s ORDER BY id LIMIT %s"
    for rows in _pages(editor, query):
        for id_, sha256 in rows:
            try:
                told = advisories.read(files.read(sha256, root=files.folder()))
            except (NotFound, SbomError):
                continue
            with editor.connection.cursor() as cursor:
                cursor.execute("SELECT pkg, affected FROM fleet_advisory_range WHERE advisory = %s", [id_])
                there = set(cursor.fetchall())
                wanted = dict.fromkeys((r.pkg, r.affected) for r in match.advisory_ranges(told))
                made = [(id_, *row) for row in wanted if row not in there]
                cursor.executemany(
                    "INSERT INTO fleet_advisory_range (advisory, pkg, affected) VALUES (%s, %s, %s)", made
                )


class Migration(migrations.Migration):
    """Keys of components, and the rows that meet them."""

    dependencies = [("fleet", "0002_populations")]

    operations = [
        migrations.RunSQL(KEYS, reverse_sql=migrations.RunSQL.noop),
        migrations.RunPython(fill_components, migrations.RunPython.noop),
        migrations.RunPython(fill_ranges, migrations.RunPython.noop),
        migrations.RunSQL(GUARDS, reverse_sql=migrations.RunSQL.noop),
    ]
