"""`vouchsafe token`: tokens for the API, by whoever runs the installation."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.running import use_installation


@click.group(
    epilog="Try: vouchsafe token make marcus --name 'complaint import' --scope records:read --scope records:write"
)
def token() -> None:
    """Make, list and end somebody's tokens for the API (/api/docs).

    A token does what its person may do, as far as its scopes go, until it ends. It never signs for them.
    """


@token.command(
    epilog="Try: vouchsafe token make marcus --name 'nightly export' --scope records:read --days 30"
)
@click.argument("username")
@click.option("--name", required=True, help="What it is for; shown in lists.")
@click.option("--scope", "scopes", multiple=True, required=True, help="May be given more than once.")
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True, help="How long it lasts.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def make(username: str, name: str, scopes: tuple[str, ...], days: int, as_json: bool) -> None:
    """Make a token of USERNAME and print it, alone on standard output. It can't be had again.

    Exit code 0: made. 1: refused, and why. 2: a wrong option.

    \b
    Scopes: records:read, records:write, fleet:read, fleet:write, logs:read
    """
    use_installation()
    from vouchsafe.kernel import people
    from vouchsafe.kernel.errors import KernelError
    from vouchsafe.server import tokens

    try:
        made, text = tokens.make(
            people.find(username), name, scopes, at=datetime.now(UTC), lasts=timedelta(days=days)
        )
    except KernelError as why:
        raise CommandError(str(why), code=1) from None
    if as_json:
        import orjson

        told = {"token": text, "id": made.id, "scopes": made.scopes.split(), "expires": made.expires}
        click.echo(orjson.dumps(told))
        return
    # The token alone on standard output, so that a script can take it from there.
    click.echo(text)
    click.echo(f"{made.scopes}; ends {made.expires:%Y-%m-%d %H:%M} UTC", err=True)


@token.command("list", epilog="Try: vouchsafe token list marcus --json")
@click.argument("username")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def listed(username: str, as_json: bool) -> None:
    """USERNAME's tokens, newest first, a line each with its id; never the tokens themselves.

    Exit code 0: told. 1: nobody has this username, or nothing runs here.
    """
    use_installation()
    from vouchsafe.kernel import people
    from vouchsafe.kernel.errors import KernelError
    from vouchsafe.server import tokens

    try:
        found = tokens.of(people.find(username))
    except KernelError as why:
        raise CommandError(str(why), code=1) from None
    if as_json:
        import orjson

        rows = [
            {"id": t.id, "name": t.name, "scopes": t.scopes.split(), "made": t.made, "expires": t.expires,
             "revoked": t.revoked, "used": t.used}
            for t in found
        ]  # fmt: skip
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    now = datetime.now(UTC)
    for t in found:
        state = "revoked" if t.revoked else "ended" if t.expires <= now else f"until {t.expires:%Y-%m-%d}"
        used = f"last used {t.used:%Y-%m-%d %H:%M} UTC" if t.used else "never used"
        click.echo(f"{t.id}  {t.name}: {t.scopes}; {state}; {used}")
    if not found:
        click.echo(f"{username} has no token.")


@token.command(epilog="Try: vouchsafe token revoke marcus 0b7c1b1e-6c1c-4a43-9d8e-0d6f5f1f0a11")
@click.argument("username")
@click.argument("token_id", metavar="ID", type=click.UUID)
def revoke(username: str, token_id: UUID) -> None:
    """End USERNAME's token ID now, and say so. `vouchsafe token list` gives the ids.

    Exit code 0: ended. 1: it isn't theirs, or ended before. 2: no id.
    """
    use_installation()
    from vouchsafe.kernel import people
    from vouchsafe.kernel.errors import KernelError
    from vouchsafe.server import tokens

    try:
        someone = people.find(username)
        tokens.revoke(token_id, someone, at=datetime.now(UTC))
    except KernelError as why:
        raise CommandError(str(why), code=1) from None
    click.echo(f"The token {token_id} of {someone.full_name} has ended.")
