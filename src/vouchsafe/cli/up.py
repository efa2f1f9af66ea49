"""`vouchsafe up`: the whole product with one command."""

import os
from pathlib import Path

import click

from vouchsafe.cli.errors import CommandError


@click.command(epilog="Try: VOUCHSAFE_PORT=8010 vouchsafe up --demo examples/fellside")
@click.option(
    "--demo",
    type=click.Path(path_type=Path),
    help="Load the demonstration company from this folder and run its simulated fleet.",
)
@click.option(
    "--devices",
    default=2000,
    show_default=True,
    type=click.IntRange(20, 100_000),
    help="Size of the simulated fleet.",
)
def up(demo: Path | None, devices: int) -> None:
    """Run everything: PostgreSQL (unless VOUCHSAFE_DATABASE_URL names one), pages, intake and worker.

    Data lie in VOUCHSAFE_DATA (./var unless set); the next start goes on with them. Ctrl-C stops cleanly.
    Prints what it starts, and the address of the pages once they answer.

    Exit code 0: stopped as asked. 1: a start is impossible, and why.
    """
    from vouchsafe.server import config, supervisor

    if demo is not None:
        if not (demo / "company.yaml").exists():
            raise CommandError(f"{demo} has no company.yaml; expected the folder of a demonstration company.")
        os.environ["VOUCHSAFE_DEMO"] = "1"
        os.environ.setdefault("VOUCHSAFE_LOG_AUTHORITY", "demo.fellside.example")
        os.environ.setdefault("VOUCHSAFE_ORGANISATION", "Fellside Medical")
        os.environ.setdefault("VOUCHSAFE_CALENDAR", "GB-ENG")
    try:
        settings = config.read()
        supervisor.Supervisor(
            settings, say=click.echo, examples=demo and demo.absolute(), devices=devices
        ).run()
    except (config.ConfigError, supervisor.CannotStart) as told:
        raise CommandError(str(told), code=1) from None
