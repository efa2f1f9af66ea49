"""`vouchsafe person`: accounts and roles, by whoever runs the installation. What it does is logged as done by it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.running import use_installation

_PROMPT = "A password: at least 12 characters, and not a common one"


@click.group(
    epilog="Try: vouchsafe person add ingrid --name 'Ingrid Solheim' --email ingrid@example.com --role qa"
)
def person() -> None:
    """Add people, give them roles, set a password.

    The product must be running (`vouchsafe up`). A person signs in with the password once, and adds a passkey on
    their account page.
    """


@person.command(epilog="Roles: `vouchsafe person roles` lists them.")
@click.argument("username")
@click.option("--name", required=True, help="The full name, as it is printed beside signatures.")
@click.option("--email", required=True)
@click.option("--title", default="", help="What they are at work, such as “Quality manager”.")
@click.option("--zone", default="UTC", show_default=True, help="The time zone that they read times in.")
@click.option(
    "--role", "roles", multiple=True, metavar="ROLE", help="A role everywhere; may be given more than once."
)
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking."
)
def add(
    username: str, name: str, email: str, title: str, zone: str, roles: tuple[str, ...], password_stdin: bool
) -> None:
    """Add a person. Without a terminal and without --password-stdin they get no password yet."""
    use_installation()
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from django.db import transaction

    from vouchsafe.kernel import people

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise CommandError(f"“{zone}” is no time zone; expected a name such as Europe/London.") from None
    password = _password(password_stdin, username) if password_stdin or sys.stdin.isatty() else None
    now = datetime.now(UTC)
    with _told(), transaction.atomic():
        made = people.create(
            username, email=email, full_name=name, job_title=title, zone=zone, password=password, at=now
        )
        for role in roles:
            people.grant(made, role, by=None, at=now, reason="Added by the operator")
    click.echo(
        f"{made.full_name} ({made.username}) is added{' as ' + ', '.join(roles) if roles else ', without a role'}."
    )


@person.command()
@click.argument("username")
@click.argument("role")
@click.option("--site", default="", help="Only for records of this site.")
@click.option("--product", default="", help="Only for records of this product.")
@click.option("--process", default="", help="Only for records of this process, such as capa.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The day (UTC) on which it ends.")
@click.option("--reason", default="Given by the operator", show_default=True)
def grant(
    username: str, role: str, site: str, product: str, process: str, until: datetime | None, reason: str
) -> None:
    """Give USERNAME the ROLE; without options everywhere and without an end."""
    use_installation()
    from vouchsafe.kernel import people, registry

    if process and process not in registry.processes():
        raise CommandError(f"There is no process “{process}”; there are: {', '.join(registry.processes())}.")
    now = datetime.now(UTC)
    end = until.replace(tzinfo=UTC) if until else None
    if end is not None and end <= now:
        raise CommandError(f"--until is {end:%Y-%m-%d}; expected a day after today.")
    with _told():
        someone = people.find(username)
        people.grant(
            someone,
            role,
            by=None,
            at=now,
            site=site,
            product=product,
            process=process,
            valid_to=end,
            reason=reason,
        )
    where = ", ".join(part for part in (site, product, process) if part)
    click.echo(f"{someone.full_name} is {role}{' for ' + where if where else ''} from now on.")


@person.command()
@click.argument("username")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read it from standard input instead of asking.")
def password(username: str, from_stdin: bool) -> None:
    """Set USERNAME's password. It ends a lock-out too."""
    use_installation()
    from vouchsafe.kernel import people

    with _told():
        someone = people.find(username)
    if not from_stdin and not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at. Use --stdin.")
    text = _password(from_stdin, username)
    with _told():
        people.set_password(someone, text, by=None, at=datetime.now(UTC))
    click.echo(f"The password of {someone.full_name} is set.")


@person.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def listed(as_json: bool) -> None:
    """Everybody who may sign in, with their roles."""
    use_installation()
    from vouchsafe.kernel import people

    found = people.directory(at=datetime.now(UTC))
    if as_json:
        import orjson

        rows = [
            {"id": p.id, "username": p.username, "name": p.name, "title": p.job_title, "roles": p.roles}
            for p in found
        ]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    width = max((len(p.username) for p in found), default=0)
    for p in found:
        click.echo(f"{p.username:<{width}}  {p.name}: {', '.join(p.roles) or 'no role'}")
    if not found:
        click.echo("Nobody yet. Try: vouchsafe person add --help")


@person.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def roles(as_json: bool) -> None:
    """The roles that there are."""
    from vouchsafe.regulations import roles as known

    if as_json:
        import orjson

        click.echo(orjson.dumps(dict(known.titles()), option=orjson.OPT_INDENT_2))
        return
    for name, title in sorted(known.titles().items()):
        click.echo(f"{name:<28}{title}")


def _password(from_stdin: bool, username: str) -> str:
    """A password that Django's validators let pass. Never echoed, never in a message."""
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    text = (
        sys.stdin.readline().rstrip("\r\n")
        if from_stdin
        else click.prompt(_PROMPT, hide_input=True, confirmation_prompt=True)
    )
    if username.lower() in text.lower():
        raise CommandError("The password holds the username; choose another.")
    try:
        validate_password(text)
    except ValidationError as why:
        raise CommandError(" ".join(why.messages)) from None
    return str(text)


@contextmanager
def _told() -> Iterator[None]:
    """A refusal of the kernel as one line and exit code 1."""
    from vouchsafe.kernel.errors import KernelError

    try:
        yield
    except KernelError as why:
        raise CommandError(str(why), code=1) from None
