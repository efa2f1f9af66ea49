"""What the libraries' commands share: reading a file or standard input, one object on standard output, a refusal."""

import json
import os
import stat
import sys
from typing import Any, NoReturn

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.sbom.errors import Malformed
from vouchsafe.sbom.limits import DEFAULT


def read_bytes(file: str) -> bytes:
    """The bytes of a file or of standard input. Never more than the limit and one: the rest is not read."""
    at_most = DEFAULT.max_bytes + 1
    if file == "-":
        return sys.stdin.buffer.read(at_most)
    try:
        with open(file, "rb") as stream:
            if stat.S_ISDIR(os.fstat(stream.fileno()).st_mode):
                raise CommandError(f"{file}: expected a file, got a folder")
            return stream.read(at_most)
    except (OSError, ValueError) as told:
        raise CommandError(
            f"{file}: expected a file that can be read, got {getattr(told, 'strerror', told)}"
        ) from None


def print_object(value: dict[str, Any]) -> None:
    lines = json.dumps(value, ensure_ascii=False, indent=2).split("\n")
    click.echo("\n".join(map(_escaped, lines)))


def say(text: str) -> None:
    """A line for people. What a file says can't begin another line, or steer the terminal."""
    click.echo(plain(text))


def plain(text: str) -> str:
    """Text in one line, with what can't be printed escaped."""
    return _escaped(text.translate(_BREAKS))


_BREAKS = dict.fromkeys(map(ord, "\t\n\r"), " ")


def _escaped(text: str) -> str:
    """As JSON escapes characters: they stand nowhere but in its strings."""
    return (
        text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    )


def refuse(file: str, told: Malformed) -> NoReturn:
    raise CommandError(f"{'standard input' if file == '-' else file}: {told}") from None
