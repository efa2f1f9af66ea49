"""`vouchsafe audit`: derive every record again from its history and compare, down to the log's own bytes."""

import sys
from datetime import UTC, datetime

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.running import use_installation


@click.command(epilog="Try: vouchsafe audit   or   vouchsafe audit CAPA-2026-0001 --json")
@click.argument("numbers", nargs=-1, metavar="[RECORD]...")
@click.option("--quick", is_flag=True, help="Leave the log's tiles unread.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(numbers: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Derive every record (or only these) again from its events, and compare with what the tables say.

    Checks versions, states, signatures, links and owners, and each event against its entry in the log.
    Prints how many of each were compared, and each difference with its place.

    Exit code 0: everything is as its history says. 1: something isn't. 2: no such record.
    """
    use_installation()
    from vouchsafe.kernel import audit as kernel
    from vouchsafe.kernel import queries
    from vouchsafe.kernel.errors import NotFound

    for number in numbers:
        try:
            queries.id_of(number)
        except NotFound as why:
            raise CommandError(str(why)) from None
    shown = sys.stderr.isatty() and not as_json

    def progress(done: int, total: int) -> None:
        if shown:
            click.echo(f"\r{done} of {total} records", nl=done == total, err=True)

    report = kernel.audit(datetime.now(UTC), numbers=numbers or None, read_log=not quick, progress=progress)
    if as_json:
        _print_json(report)
    else:
        click.echo(
            f"{report.records} records, {report.versions} versions, {report.events} events, "
            f"{report.signatures} signatures, {report.leaves} log entries compared"
        )
        if report.waiting:
            click.echo(f"{report.waiting} events are not logged yet.")
        for one in report.differences:
            click.echo(f"DIFFERS  {one}")
        click.echo("Sound." if report.sound else f"{len(report.differences)} differences.")
    if not report.sound:
        sys.exit(1)


def _print_json(report: "kernel.Report") -> None:  # type: ignore[name-defined]  # noqa: F821
    import orjson

    told = {
        name: getattr(report, name)
        for name in ("records", "versions", "events", "signatures", "leaves", "waiting")
    }
    told |= {"sound": report.sound, "at": report.at}
    told["differences"] = [
        {"subject": d.subject, "place": d.place, "expected": d.expected, "got": d.got}
        for d in report.differences
    ]
    click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
