"""Help that teaches: every command here has something to try, says what it prints and what it exits with."""

import re
import sys
from collections.abc import Iterator

import click
import pytest

from vouchsafe.cli.main import cli

NAMES = ("up", "person", "token", "bundle", "rules", "audit")


LIBRARIES = ("sbom", "advisory", "vex", "udi", "evidence", "log", "verify")


def commands(names: tuple[str, ...] = NAMES) -> Iterator[tuple[str, click.Command]]:
    for name in names:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if not isinstance(command, click.Group):
            yield name, command
            continue
        for inner, one in command.commands.items():
            yield f"{name} {inner}", one


@pytest.mark.parametrize(("name", "command"), [pytest.param(n, c, id=n) for n, c in commands()])
def test_each_command_has_an_example_its_exit_codes_and_a_word_on_each_option(
    name: str, command: click.Command
) -> None:
    told = command.get_help(click.Context(command, info_name=f"vouchsafe {name}"))
    (example,) = [part for part in told.split("\n\n") if part.strip().startswith("Try: ")]
    assert f"vouchsafe {name}" in " ".join(example.split())
    assert "Exit code 0: " in told
    assert all(p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize(("name", "command"), [pytest.param(n, c, id=n) for n, c in commands(LIBRARIES)])
def test_each_command_of_the_libraries_has_an_example_exit_codes_and_an_object(
    name: str, command: click.Command
) -> None:
    told = command.get_help(click.Context(command, info_name=f"vouchsafe {name}"))
    assert f"vouchsafe {name} " in told.partition("\n")[2]  # behind the line of usage
    assert re.search(r"Exit 0\b", told)
    assert "--json" in {option for p in command.params for option in p.opts}
    assert all(p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize("name", [n for n in LIBRARIES if n != "verify"])
def test_each_group_shows_one_of_its_commands(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    told = command.get_help(click.Context(command, info_name=f"vouchsafe {name}"))
    assert re.search(rf"vouchsafe {name} [a-z]+ \S", told)


@pytest.mark.parametrize(("name", "command"), [pytest.param(n, c, id=n) for n, c in commands()])
def test_the_options_of_each_example_are_those_of_its_command(name: str, command: click.Command) -> None:
    epilog = command.epilog or ""
    known = {option for p in command.params for option in p.opts}
    used = {word for word in epilog.replace("=", " ").split() if word.startswith("--")}
    assert used <= known, used - known


def test_the_first_help_names_every_command_and_imports_no_server() -> None:
    import subprocess

    code = (
        "import sys; from click.testing import CliRunner; from vouchsafe.cli.main import cli;"
        "out = CliRunner().invoke(cli, ['--help']).output; print(out);"
        "assert not {'django', 'psycopg'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and line.split()]
    assert set(NAMES) <= set(listed) and "Exit code 0" in done.stdout
