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
    """Add people, give them roles and take them back, set a password, close an account.

    The product must be running (`vouchsafe up`). A person signs in with the password once, and adds a passkey on
    their account page. Each act is an event in the log, as done by the installation.
    """


@person.command(
    epilog="Try: vouchsafe person add marcus --name 'Marcus Oyelaran' --email marcus@example.com --role "
    "complaint_handler"
)
@click.argument("username")
@click.option("--name", required=True, help="The full name, as it is printed beside signatures.")
@click.option("--email", required=True, help="They may sign in by it too; nobody else ever has it.")
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
    """Add a person, and say as what. A username is never given twice, not even after its account was closed.

    Without a terminal and without --password-stdin they get no password yet. `vouchsafe person roles` lists the
    roles.

    Exit code 0: added. 1: refused, and why; nobody is added then. 2: a wrong option or a weak password.
    """
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


@person.command(epilog="Try: vouchsafe person grant marcus qa --product 'Tarn 4' --until 2027-06-30")
@click.argument("username")
@click.argument("role")
@click.option("--site", default="", help="Only for records of this site.")
@click.option("--product", default="", help="Only for records of this product.")
@click.option("--process", default="", help="Only for records of this process, such as capa.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The day (UTC) on which it ends.")
@click.option(
    "--reason", default="Given by the operator", show_default=True, help="Why; it is kept with the role."
)
def grant(
    username: str, role: str, site: str, product: str, process: str, until: datetime | None, reason: str
) -> None:
    """Give USERNAME the ROLE, from now on; without options everywhere and without an end. Prints what they are now.

    Nobody is administrator of accounts and holds a quality role (SOD-10).

    Exit code 0: given. 1: refused, and why. 2: a wrong option.
    """
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
    click.echo(f"{someone.full_name} is {_scoped(role, site, product, process)} from now on.")


@person.command(epilog="Try: vouchsafe person revoke marcus qa --reason 'Moved to sales'")
@click.argument("username")
@click.argument("role")
@click.option("--site", help="Only what was given for this site.")
@click.option("--product", help="Only what was given for this product.")
@click.option("--process", help="Only what was given for this process.")
@click.option("--reason", required=True, help="Why; it stands in the log.")
def revoke(
    username: str, role: str, site: str | None, product: str | None, process: str | None, reason: str
) -> None:
    """Take the ROLE back from USERNAME, from now on; without options wherever it was given. Prints what has ended.

    What they signed in it stays good: a signature counts by the role of that moment.

    Exit code 0: taken back. 1: refused, and why, such as that they don't hold it. 2: a wrong option.
    """
    use_installation()
    from vouchsafe.kernel import people

    asked = {"site": site, "product": product, "process": process}
    with _told():
        someone = people.find(username)
        ended = people.take_back(
            someone, role, by=None, at=datetime.now(UTC), reason=reason,
            **{name: value for name, value in asked.items() if value is not None},
        )  # fmt: skip
    for one in ended:
        click.echo(
            f"{someone.full_name} is no longer {_scoped(one.role, one.site, one.product, one.process)}."
        )


@person.command(epilog="Try: vouchsafe person close marcus --reason 'Left the company'")
@click.argument("username")
@click.option("--reason", required=True, help="Why; it stands in the log.")
@click.option("--yes", is_flag=True, help="Don't ask at the terminal.")
def close(username: str, reason: str, yes: bool) -> None:
    """Close USERNAME's account for good, and say so. Refused while they own an open record, which it names.

    From then on nobody signs in or signs by it, and its sessions and tokens count no longer. What it signed stays
    good, and the username is never given again.

    Exit code 0: closed. 1: refused, and why. 2: a wrong option.
    """
    use_installation()
    from vouchsafe.kernel import people

    with _told():
        someone = people.find(username)
    if not yes and sys.stdin.isatty():
        click.confirm(f"Close the account of {someone.full_name} for good?", abort=True)
    with _told():
        people.deactivate(someone, by=None, at=datetime.now(UTC), reason=reason)
    click.echo(f"The account of {someone.full_name} ({someone.username}) is closed.")


@person.command(epilog="Try: vouchsafe person password marcus --stdin < password.txt")
@click.argument("username")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read it from standard input instead of asking.")
def password(username: str, from_stdin: bool) -> None:
    """Set USERNAME's password, and say so; the password is never printed. It ends a lock-out too.

    At least 12 characters, not a common one, and not with the username in it.

    Exit code 0: set. 1: nobody has this username. 2: a weak password.
    """
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


@person.command("list", epilog="Try: vouchsafe person list --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def listed(as_json: bool) -> None:
    """Everybody who may sign in, a line each, with their roles and what these are for. Closed accounts are left out.

    Exit code 0: told. 1: nothing runs here.
    """
    use_installation()
    from uuid import UUID

    from vouchsafe.kernel import people, permit

    now = datetime.now(UTC)
    found = people.directory(at=now)
    held = {who.hex: roles for who, roles in permit.held_by((UUID(p.id) for p in found), at=now).items()}
    if as_json:
        import orjson

        rows = [
            {"id": p.id, "username": p.username, "name": p.name, "title": p.job_title, "roles": p.roles,
             "grants": held.get(p.id, ())}
            for p in found
        ]  # fmt: skip
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        return
    width = max((len(p.username) for p in found), default=0)
    for p in found:
        roles = sorted(_scoped(h.role, h.site, h.product, h.process) for h in held.get(p.id, ()))
        click.echo(f"{p.username:<{width}}  {p.name}: {', '.join(roles) or 'no role'}")
    if not found:
        click.echo("Nobody yet. Try: vouchsafe person add --help")


@person.command(epilog="Try: vouchsafe person roles | grep -i quality")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def roles(as_json: bool) -> None:
    """The roles that there are, a line each: the name to give, and how it reads. Needs no running product.

    Exit code 0: told.
    """
    from vouchsafe.regulations import roles as known

    if as_json:
        import orjson

        click.echo(orjson.dumps(dict(known.titles()), option=orjson.OPT_INDENT_2))
        return
    for name, title in sorted(known.titles().items()):
        click.echo(f"{name:<28}{title}")


def _scoped(role: str, site: str, product: str, process: str) -> str:
    """A role with what it was given for."""
    where = ", ".join(part for part in (site, product, process) if part)
    return f"{role} for {where}" if where else role


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
