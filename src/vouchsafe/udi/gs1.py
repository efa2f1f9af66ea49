"""GS1: element strings, the human-readable form, Digital Link addresses and bare GTINs; read and written.

Every Application Identifier is checked to its last character. Source: GS1 General Specifications 3 and 7.8; GS1 Digital
Link Standard: URI Syntax; GS1 Barcode Syntax Dictionary.

    >>> from datetime import date
    >>> udi = parse("(01)05060912340019(17)280200(10)A/1(21)T4", today=date(2026, 11, 22))
    >>> udi.di, udi.lot, udi.serial, udi.expires.isoformat(), udi.expires_text
    ('05060912340019', 'A/1', 'T4', '2028-02-29', '280200')
    >>> format({"01": "05060912340019", "21": "T4", "17": "280229"}, "link")
    'https://id.gs1.org/01/05060912340019/21/T4?17=280229'
"""

from collections.abc import Mapping
from datetime import date

from vouchsafe.udi import ais, carriers, checks, dates, gs1_elements, gs1_link
from vouchsafe.udi.errors import Malformed as Malformed
from vouchsafe.udi.errors import NotRead as NotRead
from vouchsafe.udi.errors import WrongCheck as WrongCheck
from vouchsafe.udi.errors import shown
from vouchsafe.udi.gs1_elements import GS as GS
from vouchsafe.udi.gs1_elements import GTIN_LENGTHS
from vouchsafe.udi.model import Udi

_OWN = ("01", "10", "11", "17", "21", "8012")


def parse(text: str, *, today: date | None = None) -> Udi:
    """The UDI in a scanned element string, a human-readable line, a Digital Link address or a bare GTIN.

    `today` decides the century of two-digit years; None takes the clock's.

    Raises:
        Malformed: it is none of these, an element is wrong, there is no GTIN, or elements that exclude each other.
        NotRead: a compressed Digital Link.
        WrongCheck: a check digit doesn't hold.
    """
    found = elements(text, today=today)
    year = (today or dates.clock()).year
    gtin = found.get("01")
    if gtin is None:
        raise Malformed("(01)", "a GTIN", "no element (01)")
    gs1_elements.associations(found)
    return Udi(
        agency="GS1",
        di=gtin,
        lot=found.get("10", ""),
        serial=found.get("21", ""),
        made=dates.yymmdd(found["11"], "(11)", year) if "11" in found else None,
        expires=dates.yymmdd(found["17"], "(17)", year) if "17" in found else None,
        software=found.get("8012", ""),
        check=gtin[-1],
        made_text=found.get("11", ""),
        expires_text=found.get("17", ""),
        others={ai: value for ai, value in found.items() if ai not in _OWN},
    )


def elements(text: str, *, today: date | None = None) -> dict[str, str]:
    """Every element by its Application Identifier, in the order read; forms, lengths, codes and check digits hold.

    Which elements must or must not stand together is `gs1_elements.associations`, for an item may have two symbols.

    Raises:
        Malformed, NotRead, WrongCheck: as `parse`; that there is no GTIN is no error here.
    """
    at, carrier = carriers.begin(text)
    line = text.rstrip(" \t\r\n")
    into = gs1_elements.Elements(today)
    if gs1_link.is_link(line, at):
        gs1_link.read(line, at, into)
    elif carrier in carriers.RETAIL:
        _retail(line[at:], at, carriers.RETAIL[carrier], into)
    elif line[at] == "(":
        gs1_elements.read_human_readable(line, at, into)
    elif not carrier and line[at:].isascii() and line[at:].isdecimal() and len(line) - at in GTIN_LENGTHS:
        checks.require_mod10(line[at:], "GTIN")
        into.put(ais.table()["01"], line[at:].zfill(14))
    else:
        gs1_elements.read_element_string(line, at, into)
    return into.found


def _retail(digits: str, at: int, length: int, into: gs1_elements.Elements) -> None:
    if len(digits) != length or not (digits.isascii() and digits.isdecimal()):
        raise Malformed(f"character {at + 1}", f"a GTIN of {length} digits", shown(digits))
    checks.require_mod10(digits, "GTIN")
    into.put(ais.table()["01"], digits.zfill(14))


def format(  # noqa: A001 - read as gs1.format
    found: Mapping[str, str],
    form: str = "element",
    *,
    domain: str = gs1_link.DOMAIN,
    today: date | None = None,
) -> str:
    """Elements in one of three forms, each of which `elements` reads as the same elements.

    `form` is `element` (what a symbol holds, separators are GS), `human` (the line below it) or `link` (an address).

    Raises:
        Malformed, WrongCheck: an element is unknown or wrong, or an address can't hold it.
    """
    if not found:
        raise Malformed("elements", "at least one", "none")
    for ai, value in found.items():
        if ai not in ais.table():
            raise Malformed(f"({ai})", "a GS1 Application Identifier", shown(ai))
        gs1_elements.check_value(ais.table()[ai], value, (today or dates.clock()).year)
    if form == "link":
        return gs1_link.write(found, domain)
    if form == "human":
        return gs1_elements.write_human_readable(found)
    if form == "element":
        return gs1_elements.write_element_string(found)
    raise ValueError(f"form: expected element, human or link, got {form!r}")


def element_string(
    di: str,
    *,
    lot: str = "",
    serial: str = "",
    made: date | None = None,
    expires: date | None = None,
    software: str = "",
    today: date | None = None,
) -> str:
    """The element string of a label's symbol, without symbology identifier; separators are GS (ASCII 29).

    Raises:
        Malformed, WrongCheck: a part can't be written so.
    """
    return format(_label(di, lot, serial, made, expires, software, today), "element", today=today)


def human_readable(
    di: str,
    *,
    lot: str = "",
    serial: str = "",
    made: date | None = None,
    expires: date | None = None,
    software: str = "",
    today: date | None = None,
) -> str:
    """The line below the symbol: `(01)05060912340019(21)T4-0311-88207`.

    Raises:
        Malformed, WrongCheck: a part can't be written so.
    """
    return format(_label(di, lot, serial, made, expires, software, today), "human", today=today)


def digital_link(
    di: str,
    *,
    domain: str = gs1_link.DOMAIN,
    lot: str = "",
    serial: str = "",
    made: date | None = None,
    expires: date | None = None,
    software: str = "",
    today: date | None = None,
) -> str:
    """The Digital Link address of a device: `https://id.gs1.org/01/05060912340019/21/T4-0311-88207`.

    Raises:
        Malformed, WrongCheck: a part can't be written so.
    """
    return format(_label(di, lot, serial, made, expires, software, today), "link", domain=domain, today=today)


def _label(
    di: str,
    lot: str,
    serial: str,
    made: date | None,
    expires: date | None,
    software: str,
    today: date | None,
) -> dict[str, str]:
    for ai, day in (("11", made), ("17", expires)):
        if day and dates.full_year(day.year % 100, (today or dates.clock()).year) != day.year:
            raise Malformed(f"({ai})", "a day that two digits of a year can say", day.isoformat())
    given = {
        "01": di.zfill(14) if len(di) in GTIN_LENGTHS else di,
        "11": made.strftime("%y%m%d") if made else "",
        "17": expires.strftime("%y%m%d") if expires else "",
        "10": lot,
        "21": serial,
        "8012": software,
    }
    return {ai: value for ai, value in given.items() if value or ai == "01"}


def others_of(udi: Udi) -> Mapping[str, str]:
    """The elements beside the device's own, with their titles: `{"240 ADDITIONAL ID": "…"}`."""
    table = ais.table()
    return {f"{ai} {table[ai].title}": value for ai, value in udi.others.items() if ai in table}
