"""`vouchsafe udi …`: take a UDI apart, check it, write it."""

import json
import sys
from datetime import date

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.udi import basic_udi, gs1, hibcc
from vouchsafe.udi import parse as udi_parse
from vouchsafe.udi.basic_udi import BasicUdi
from vouchsafe.udi.errors import Malformed, WrongCheck
from vouchsafe.udi.limits import MAX_CHARS
from vouchsafe.udi.model import Udi


def _day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    """A calendar day, YYYY-MM-DD."""
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"expected a day as YYYY-MM-DD, got {value!r}", ctx, param) from None


_today = click.option(
    "--today",
    callback=_day,
    metavar="YYYY-MM-DD",
    help="The day from which two-digit years are seen; without it, the clock's.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def udi() -> None:
    """Take a UDI apart, check it, write it: GS1, HIBCC, ICCBBA, IFA; `-` is standard input.

    \b
    Example:
      vouchsafe udi check "(01)05060912340019(21)T4-0311-88207"
    """


@udi.command("parse")
@click.argument("text")
@_today
@_as_json
def parse(text: str, today: date | None, as_json: bool) -> None:
    """The parts of a UDI: a scan, the line below the symbol, a GS1 Digital Link address, or a GTIN.

    A Basic UDI-DI is taken apart too. Exit 0: read. 1: a check digit or character is wrong. 2: not a UDI.

    \b
    Example:
      vouchsafe udi parse "(01)05060912340019(21)T4-0311-88207"
    """
    line = _text(text)
    try:
        said = basic_udi.parse(line) if _looks_basic(line) else udi_parse.parse(line, today=today)
    except Malformed as told:
        raise _refusal("UDI", told) from None
    if as_json:
        values = _basic(said) if isinstance(said, BasicUdi) else said.as_json()
        click.echo(json.dumps(values, ensure_ascii=False, indent=2))
    elif isinstance(said, BasicUdi):
        _lines({"agency": said.agency, "Basic UDI-DI": said.text, "check characters": said.check})
    else:
        _show(said)


@udi.command("check")
@click.argument("text")
@_today
@_as_json
@click.pass_context
def check(ctx: click.Context, text: str, today: date | None, as_json: bool) -> None:
    """Whether the check digits and characters of a UDI or a Basic UDI-DI hold.

    Exit 0: they do. 1: one does not; what was expected and what came is said. 2: not a UDI.

    \b
    Example:
      vouchsafe udi check 05060912340019
      vouchsafe udi check 1987654Ad4X4bL5ttr2310c2K
    """
    line = _text(text)
    wrong: WrongCheck | None = None
    kind, agency = "Basic UDI-DI" if _looks_basic(line) else "UDI", ""
    try:
        agency = _checked(line, kind, today)
    except WrongCheck as told:
        wrong = told
    except Malformed as told:
        raise _refusal(kind, told) from None
    if as_json:
        said = {
            "kind": kind,
            "agency": agency or None,
            "holds": wrong is None,
            "place": wrong.place if wrong else None,
            "expected": wrong.expected if wrong else None,
            "got": wrong.got if wrong else None,
            "why": str(wrong) if wrong else None,
        }
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    elif wrong is not None:
        click.echo(f"{kind}: {wrong}", err=True)
    elif agency == "ICCBBA" and kind == "UDI":
        click.echo("ICCBBA UDI: its form holds; its data has no check character")
    else:
        click.echo(f"{agency} {kind}: the check holds")
    ctx.exit(1 if wrong else 0)


@udi.command("encode")
@click.option("--di", required=True, help="The GTIN, of 8, 12, 13 or 14 digits.")
@click.option("--lot", default="", help="Lot or batch, (10).")
@click.option("--serial", default="", help="Serial number, (21).")
@click.option("--made", callback=_day, metavar="YYYY-MM-DD", help="Production date, (11).")
@click.option("--expires", callback=_day, metavar="YYYY-MM-DD", help="Expiry date, (17).")
@click.option("--software", default="", help="Software version, (8012).")
@click.option(
    "--form",
    type=click.Choice(["element", "human", "link"]),
    default="human",
    show_default=True,
    help="What a symbol holds (separators are ASCII 29), the line below it, or a Digital Link address.",
)
@_today
@_as_json
def encode(
    di: str,
    lot: str,
    serial: str,
    made: date | None,
    expires: date | None,
    software: str,
    form: str,
    today: date | None,
    as_json: bool,
) -> None:
    """The GS1 UDI of a device, written.

    Exit 0: written. 1: the GTIN's check digit is wrong. 2: a part is none.

    \b
    Example:
      vouchsafe udi encode --di 05060912340019 --serial T4-0311-88207 --form link
    """
    write = {"element": gs1.element_string, "human": gs1.human_readable, "link": gs1.digital_link}[form]
    try:
        text = write(di, lot=lot, serial=serial, made=made, expires=expires, software=software, today=today)
    except Malformed as told:
        raise _refusal("UDI", told) from None
    click.echo(json.dumps({"form": form, "udi": text}, ensure_ascii=False, indent=2) if as_json else text)


def _checked(line: str, kind: str, today: date | None) -> str:
    """The agency of a text whose check characters hold.

    Raises:
        Malformed, WrongCheck: as the readers.
    """
    if kind == "Basic UDI-DI":
        return basic_udi.parse(line).agency
    if "\n" not in line and line.lstrip(" *").startswith("+"):  # a secondary symbol alone can be checked
        hibcc.check(line)
        return "HIBCC"
    return udi_parse.parse(line, today=today).agency


def _refusal(kind: str, told: Malformed) -> CommandError:
    """Code 1 when only a check character is wrong, 2 when the text is none."""
    return CommandError(f"{kind}: {told}", code=1 if isinstance(told, WrongCheck) else 2)


def _text(text: str) -> str:
    if text != "-":
        return text
    data = sys.stdin.buffer.read(4 * MAX_CHARS + 4)
    try:
        return data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as told:
        raise CommandError(f"byte {told.start}: expected UTF-8 text, got 0x{data[told.start]:02x}") from None


def _looks_basic(line: str) -> bool:
    """No UDI looks so: `++`, `B-`, `D-` or `PP` first, ICCBBA's form, or digits first in what is no GS1 element string."""
    if basic_udi.agency_of(line) != "GS1":
        return True
    if not (line.isascii() and line[:5].isdecimal()) or line.isdecimal() or not 7 <= len(line) <= 25:
        return False
    try:
        gs1.elements(line)
    except Malformed as told:
        # An element string that goes wrong later, or by its check digit only, is one all the same.
        return not (isinstance(told, WrongCheck) and told.place.startswith("(01)")) and not _begins_with_gtin(
            line
        )
    return False


def _begins_with_gtin(line: str) -> bool:
    try:
        gs1.elements(line[:16])
    except Malformed:
        return False
    return line.startswith("01")


def _basic(said: BasicUdi) -> dict[str, str]:
    return {"agency": said.agency, "basic_udi_di": said.text, "body": said.body, "check": said.check}


def _show(said: Udi) -> None:
    names = {
        "agency": "agency",
        "di": "device identifier",
        "lot": "lot",
        "serial": "serial number",
        "made": "made on",
        "expires": "expires on",
        "software": "software version",
        "check": "check characters",
    }
    parts = said.as_json()
    _lines({name: parts[key] for key, name in names.items() if key in parts})
    _lines(dict(gs1.others_of(said) if said.agency == "GS1" else said.others))


def _lines(parts: dict[str, str]) -> None:
    for name, value in parts.items():
        click.echo(f"{name:18} {value}")
