"""Migrating as the owner, and giving the application's role what it needs and nothing more."""

from importlib import import_module

import psycopg
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from vouchsafe.server.settings import _database

# Django's own tables that are changed in place; everything else says so in its app's `privileges.MUTABLE`.
_DJANGO = {"django_session": "UPDATE, DELETE"}
_OWNERS_ONLY = {"django_migrations"}


def migrate(owner_url: str, app_role: str) -> None:
    """Bring the database at `owner_url` up to date and grant `app_role` its privileges.

    The grants are made anew each time: what a table no longer needs is taken away.
    """
    default = connections["default"]
    before = dict(default.settings_dict)
    default.close()
    default.settings_dict.update(_database(owner_url))
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        default.close()
        default.settings_dict.update(before)
    grant(owner_url, app_role)


def grant(owner_url: str, app_role: str) -> None:
    """Default: SELECT and INSERT. More only where an app's `privileges.MUTABLE` names the table."""
    mutable = dict(_DJANGO)
    for app in apps.get_app_configs():
        try:
            mutable |= import_module(f"{app.name}.privileges").MUTABLE
        except ModuleNotFoundError as missing:
            if missing.name != f"{app.name}.privileges":
                raise
    role = sql.Identifier(app_role)
    with psycopg.connect(owner_url) as conn:
        conn.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}, PUBLIC").format(role))
        conn.execute(sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC, {}").format(role))
        conn.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        conn.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(role))
        tables = {r[0] for r in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        if unknown := mutable.keys() - tables:
            raise LookupError(f"privileges name tables that don't exist: {', '.join(sorted(unknown))}")
        for table in sorted(tables - _OWNERS_ONLY):
            more = mutable.get(table, "")
            conn.execute(
                sql.SQL("GRANT SELECT, INSERT{} ON {} TO {}").format(
                    sql.SQL(f", {more}" if more else ""), sql.Identifier(table), role
                )
            )
        conn.execute(sql.SQL("GRANT SELECT ON django_migrations TO {}").format(role))


def role_of(url: str) -> str:
    return str(conninfo_to_dict(url).get("user") or "")
