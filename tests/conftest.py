"""Real parts for tests: the embedded PostgreSQL, a fresh database a test, the fixtures from outside."""

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest_plugins = ["tests.passed_before", "tests.rule_coverage"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first: the short ones then fill the time until the last worker is done."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


_DATA = Path(tempfile.mkdtemp(prefix="vs-test-"))
_DATA.chmod(0o755)
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)
os.environ["VOUCHSAFE_DATA"] = str(_DATA)
os.environ["VOUCHSAFE_LOG_AUTHORITY"] = "test.fellside.example"
os.environ["VOUCHSAFE_ORGANISATION"] = "Fellside Medical"
os.environ["VOUCHSAFE_CLOCK_LIMIT_S"] = "0"  # tests pass in their own time
os.environ["DJANGO_SETTINGS_MODULE"] = "vouchsafe.server.settings"
for name in ("VOUCHSAFE_DATABASE_URL", "VOUCHSAFE_DATABASE_OWNER_URL", "VOUCHSAFE_PORT", "VOUCHSAFE_DEMO"):
    os.environ.pop(name, None)


@dataclass(frozen=True)
class Database:
    """One test's own database. Django's default connection points at it, as the application's role."""

    name: str
    app_dsn: str
    owner_dsn: str
    superuser_dsn: str


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of other people's files. They stay where they are; without it the test is skipped."""
    folder = Path(os.environ.get("VOUCHSAFE_FIXTURES", Path(__file__).parents[2] / "shared" / "fixtures"))
    if not (folder / "MANIFEST.tsv").exists():
        pytest.skip("the fixtures from outside are absent: set VOUCHSAFE_FIXTURES to their folder")
    return folder


@pytest.fixture(scope="session")
def pg() -> Iterator[object]:
    """One embedded PostgreSQL with a migrated template, for the whole run."""
    import django

    from vouchsafe.server import database, postgres

    server = postgres.Postgres(_DATA / "pg", settings={"max_connections": "100", "shared_buffers": "128MB"})
    server.start()
    try:
        server.create_database("template_vouchsafe")
        django.setup()
        database.migrate(server.url(postgres.OWNER, "template_vouchsafe"), postgres.APP)
        yield server
    finally:
        server.stop()


@pytest.fixture
def db(pg: object) -> Iterator[Database]:
    """A fresh database, cloned from the migrated template."""
    yield from _clone(pg)


@pytest.fixture(scope="module")
def module_db(pg: object) -> Iterator[Database]:
    """As `db`, but one for all tests of a module that only read what the first of them wrote."""
    yield from _clone(pg)


def _clone(pg: object) -> Iterator[Database]:
    from django.db import connections

    from vouchsafe.server import postgres
    from vouchsafe.server.settings import _database

    assert isinstance(pg, postgres.Postgres)
    name = f"t_{secrets.token_hex(6)}"
    pg.create_database(name, template="template_vouchsafe")
    default = connections["default"]
    default.close()
    default.settings_dict.update(_database(pg.url(postgres.APP, name)))
    try:
        yield Database(
            name,
            pg.url(postgres.APP, name),
            pg.url(postgres.OWNER, name),
            pg.url(postgres.SUPERUSER, name),
        )
    finally:
        connections.close_all()
        default.settings_dict["NAME"] = ""
        pg.drop_database(name)
