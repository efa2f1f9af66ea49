"""`vouchsafe bundle`: export a record as an audit bundle, or print the policy file that verifies one."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.running import use_installation


@click.command(epilog="Try: vouchsafe bundle CMP-2026-0001 --as ingrid --out .")
@click.argument("record", required=False)
@click.option(
    "--as", "username", metavar="USERNAME", help="Who exports it: they must be able to read the record."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="this folder",
    help="A folder, or the file's own name.",
)
@click.option(
    "--policy", is_flag=True, help="Print the policy file of this installation's own keys, and stop."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bundle(record: str | None, username: str | None, out: Path, policy: bool, as_json: bool) -> None:
    """Export RECORD as an audit bundle: one zip to read and to verify without us.

    The export is logged as an event of the record, and the bundle holds the proof of it. Verify with
    `vouchsafe verify`, or with the verify.py inside.

    Prints the file, its size and its SHA-256. With --policy: what an operator hands to an auditor, apart from any
    bundle, so that they know whom to trust.

    Exit code 0: written. 1: refused, and why. 2: a file that can't be written, or wrong use.
    """
    if not policy and not (record and username):
        raise CommandError("Say which record and who exports it: vouchsafe bundle CMP-2026-0001 --as NAME")
    use_installation()
    from vouchsafe.bundle import BundleError
    from vouchsafe.fleet import bundles
    from vouchsafe.fleet.errors import FleetError
    from vouchsafe.kernel import people
    from vouchsafe.kernel.errors import KernelError
    from vouchsafe.ledger.errors import LedgerError

    if policy:
        told = bundles.trust(allow=bundles.UNWITNESSED)
        click.echo(_json({"policy": told}) if as_json else told, nl=as_json)
        return
    shown = sys.stderr.isatty() and not as_json

    def progress(text: str) -> None:
        if shown:
            click.echo(f"{text} …", err=True)

    try:
        by = people.find(username or "")
        done = bundles.export(
            record or "",
            by=by,
            at=datetime.now(UTC),
            out=out,
            progress=progress,
        )
    except (FleetError, KernelError, BundleError, LedgerError) as told:
        raise CommandError(str(told), code=1) from None
    except OSError as told:
        raise CommandError(f"{out}: {told.strerror or told}", code=2) from None
    if as_json:
        click.echo(_json({
            "path": str(done.path), "record": done.number, "bytes": done.size, "sha256": done.sha256,
            "index": done.index, "entries": done.entries,
        }))  # fmt: skip
        return
    click.echo(
        f"{done.path}: {done.size:,} bytes, {done.entries} log entries, the export is entry {done.index}"
    )
    click.echo(f"SHA-256 {done.sha256}")


def _json(value: dict[str, Any]) -> bytes:
    import orjson

    return orjson.dumps(value)
