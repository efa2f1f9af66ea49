"""Write the migrations that the models need (`--check`: fail when any are missing). Needs no database."""

import os
import sys
import tempfile
from unittest import mock


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VOUCHSAFE_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "vouchsafe.server.settings"
        import django

        django.setup()
        from django.core.management import call_command
        from django.db.migrations.loader import MigrationLoader

        with mock.patch.object(MigrationLoader, "check_consistent_history"):
            check = "--check" in sys.argv
            call_command("makemigrations", skip_checks=True, check_changes=check, dry_run=check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
