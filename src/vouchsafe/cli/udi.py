"""`vouchsafe udi …`: take a UDI apart, and check it."""

import json
import sys

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.udi import basic_udi, gs1
from vouchsafe.udi import parse as udi_parse
from vouchsafe.udi.errors import Malformed, WrongCheck
from vouchsafe.udi.model import MAX_CHARS, Udi


@click.group()
def udi() -> None:
    """Take a UDI apart and check it: GS1, HIBCC, ICCBBA; `-` is standard input."""


@udi.command("parse")
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def parse(text: str, as_json: bool) -> None:
    """The parts of a UDI: a scan, the line below the symbol, a GS1 Digital Link address, or a GTIN.

    \b
    Example:
      vouchsafe udi parse "(01)05060912340019(21)T4-0311-88207"
    """
    try:
        said = udi_parse.parse(_text(text))
    except Malformed as told:
        raise CommandError(f"UDI: {told}") from None
    if as_json:
        click.echo(json.dumps(said.as_json(), ensure_ascii=False, indent=2))
        return
    _show(said)


@udi.command("check")
@click.argument("text")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check(ctx: click.Context, text: str, as_json: bool) -> None:
    """Whether the check digits and characters of a UDI or a Basic UDI-DI hold. Exit 1 when they don't.

    \b
    Example:
      vouchsafe udi check 05060912340019
      vouchsafe udi check 1987654Ad4X4bL5ttr2310c2K
    """
    line = _text(text)
    wrong: WrongCheck | None = None
    kind, agency = "Basic UDI-DI" if _looks_basic(line) else "UDI", ""
    try:
        agency = basic_udi.parse(line).agency if kind == "Basic UDI-DI" else udi_parse.parse(line).agency
    except WrongCheck as told:
        wrong = told
    except Malformed as told:
        raise CommandError(f"{kind}: {told}") from None
    if as_json:
        said = {
            "kind": kind,
            "agency": agency or None,
            "holds": wrong is None,
            "why": str(wrong) if wrong else None,
        }
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    elif wrong is None:
        click.echo(f"{agency} {kind}: the check holds")
    else:
        click.echo(f"{kind}: {wrong}", err=True)
    ctx.exit(1 if wrong else 0)


def _text(text: str) -> str:
    if text != "-":
        return text
    data = sys.stdin.buffer.read(4 * MAX_CHARS + 4)
    try:
        return data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as told:
        raise CommandError(f"byte {told.start}: expected UTF-8 text, got 0x{data[told.start]:02x}") from None


def _looks_basic(line: str) -> bool:
    """No UDI looks so: `++` first, or digits first in a text that is no GS1 element string."""
    if line.startswith("++"):
        return True
    if not line[:5].isdecimal() or line.isdecimal() or len(line) > 25:
        return False
    try:
        gs1.elements(line)
    except Malformed:
        return True
    return False


def _show(said: Udi) -> None:
    names = {
        "agency": "agency",
        "di": "device identifier",
        "lot": "lot",
        "serial": "serial number",
        "made": "made on",
        "expires": "expires on",
        "software": "software version",
    }
    parts = said.as_json()
    for key, name in names.items():
        if key in parts:
            click.echo(f"{name:18} {parts[key]}")
    titles = gs1.others_of(said) if said.agency == "GS1" else said.others
    for name, value in titles.items():
        click.echo(f"{name:18} {value}")
