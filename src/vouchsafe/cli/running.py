"""Commands that need the installation's database: find it as `vouchsafe up` left it, and set Django up.

With VOUCHSAFE_DATABASE_URL that is the database. Without, it is the embedded one that runs on VOUCHSAFE_DATA:
its socket and password are read from the data folder, so a second terminal needs no other setting. The log's
authority is then the one that the data folder's own logs are named by.
"""

import json
import os
from pathlib import Path

from vouchsafe.cli.errors import CommandError

_DATABASE = "vouchsafe"
_APP = "vouchsafe_app"


def use_installation() -> None:
    """Make Django speak to the installation of this environment.

    Raises: CommandError in a sentence, when there is none or it does not run.
    """
    from vouchsafe.server import config

    try:
        found = config.read()
    except config.ConfigError as told:
        raise CommandError(str(told)) from None
    if not found.database_url:
        os.environ["VOUCHSAFE_DATABASE_URL"] = _embedded(found.data)
    if authority := _authority(found.data):
        os.environ.setdefault("VOUCHSAFE_LOG_AUTHORITY", authority)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vouchsafe.server.settings")
    import django

    django.setup()


def _embedded(data: Path) -> str:
    """The address of the embedded database that runs on this data folder."""
    folder = data / "postgres"
    try:
        # postmaster.pid: process, data folder, start, port, socket folder, one a line.
        socket = (folder / "cluster" / "postmaster.pid").read_text().splitlines()[4].strip()
        password = json.loads((folder / "secrets.json").read_text())["app"]
    except (OSError, IndexError, ValueError, KeyError):
        raise CommandError(
            f"Nothing runs on {data}. Start it with `vouchsafe up`, or set VOUCHSAFE_DATA"
            " or VOUCHSAFE_DATABASE_URL.",
            code=1,
        ) from None
    return f"postgresql://{_APP}:{password}@{socket.replace('/', '%2F')}/{_DATABASE}"


def _authority(data: Path) -> str:
    """The name by which the root log of this data folder is published; empty before its first checkpoint."""
    try:
        return (data / "logs" / "root" / "checkpoint").read_text().partition("/")[0]
    except OSError:
        return ""
