"""Brings the database up to date as its owner; a process of its own, so that the owner's password ends with it."""

import os
import sys

import django

from vouchsafe.server import config


def main() -> int:
    settings = config.read()
    django.setup()
    from vouchsafe.server import database

    database.migrate(settings.database_owner_url, database.role_of(settings.database_url))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vouchsafe.server.settings")
    sys.exit(main())
