"""GS1: element strings, the human-readable form, and GS1 Digital Link addresses; read and written.

Source: GS1 General Specifications sections 3 and 7.8; GS1 Digital Link Standard: URI Syntax 4.
"""

import re
from collections.abc import Mapping
from datetime import date
from urllib.parse import quote, unquote, urlsplit

from vouchsafe.udi import ais, checks, dates
from vouchsafe.udi.errors import Malformed as Malformed
from vouchsafe.udi.errors import WrongCheck as WrongCheck
from vouchsafe.udi.errors import shown
from vouchsafe.udi.model import MAX_CHARS, Udi

GS = "\x1d"
_SYMBOLOGIES = ("]d2", "]C1", "]e0", "]Q3", "]J1")  # the carrier says that what follows are element strings
_SETS = {
    "N": frozenset("0123456789"),
    "X": frozenset(checks.CSET82),
    "Y": frozenset("#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "Z": frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="),
}
_SET_NAMES = {
    "N": "digits",
    "X": "characters of GS1's set 82",
    "Y": "characters of GS1's set 39",
    "Z": "base64url",
}
_BRACKET = re.compile(r"\(([0-9]{2,4})\)")
_GTIN_LENGTHS = (8, 12, 13, 14)
_OWN = ("01", "10", "11", "17", "21", "8012")


def parse(text: str, *, this_year: int | None = None) -> Udi:
    """The UDI in a scanned element string, a human-readable line, a Digital Link address or a bare GTIN.

    `this_year` decides the century of two-digit years; None takes the clock's.

    Raises:
        Malformed: it is none of these, an element is wrong, or there is no GTIN.
        WrongCheck: a check digit doesn't hold.
    """
    found = elements(text)
    year = this_year or dates.this_year()
    gtin = found.get("01")
    if gtin is None:
        raise Malformed("(01)", "a GTIN", "no element (01)")
    for ai, value in found.items():
        _check_dates(ai, value, year)
    return Udi(
        agency="GS1",
        di=gtin,
        lot=found.get("10", ""),
        serial=found.get("21", ""),
        made=dates.yymmdd(found["11"], "(11)", year) if "11" in found else None,
        expires=dates.yymmdd(found["17"], "(17)", year) if "17" in found else None,
        software=found.get("8012", ""),
        others={ai: value for ai, value in found.items() if ai not in _OWN},
    )


def elements(text: str) -> dict[str, str]:
    """Every element by its Application Identifier, in the order read; form, length and check digits hold.

    Raises:
        Malformed, WrongCheck: as `parse`; that there is no GTIN is no error here.
    """
    if len(text) > MAX_CHARS:
        raise Malformed("length", f"at most {MAX_CHARS} characters", f"{len(text):,}")
    line = text.strip(" \t\r\n").replace("<GS>", GS).replace("\u241d", GS)
    if not line:
        raise Malformed("character 1", "a UDI", "nothing")
    if re.match(r"https?://", line, re.IGNORECASE):
        return _digital_link(line)
    if line.startswith("("):
        return _human_readable(line)
    if line.isascii() and line.isdecimal() and len(line) in _GTIN_LENGTHS:
        checks.require_mod10(line, "GTIN")
        return {"01": line.zfill(14)}
    return _element_string(line)


def element_string(
    di: str,
    *,
    lot: str = "",
    serial: str = "",
    made: date | None = None,
    expires: date | None = None,
    software: str = "",
) -> str:
    """The element string of a label's symbol, without symbology identifier; separators are GS (ASCII 29).

    Raises:
        Malformed, WrongCheck: a part can't be written so.
    """
    parts = _in_order(di, lot, serial, made, expires, software)
    text = ""
    for place, (ai, value) in enumerate(parts):
        last = place == len(parts) - 1
        text += ai + value + ("" if last or ais.table()[ai].predefined else GS)
    return text


def human_readable(
    di: str,
    *,
    lot: str = "",
    serial: str = "",
    made: date | None = None,
    expires: date | None = None,
    software: str = "",
) -> str:
    """The line below the symbol: `(01)05060912340019(21)T4-0311-88207`.

    Raises:
        Malformed, WrongCheck: a part can't be written so.
    """
    return "".join(f"({ai}){value}" for ai, value in _in_order(di, lot, serial, made, expires, software))


def digital_link(di: str, *, domain: str = "https://id.gs1.org", lot: str = "", serial: str = "") -> str:
    """The Digital Link address of a device: `https://id.gs1.org/01/05060912340019/21/T4-0311-88207`.

    Raises:
        Malformed, WrongCheck: a part can't be written so.
    """
    path = "".join(
        f"/{ai}/{quote(value, safe='')}" for ai, value in _in_order(di, lot, serial, None, None, "")
    )
    return domain.rstrip("/") + path


def _in_order(
    di: str, lot: str, serial: str, made: date | None, expires: date | None, software: str
) -> list[tuple[str, str]]:
    given = [
        ("01", di.zfill(14) if len(di) in _GTIN_LENGTHS else di),
        ("11", made.strftime("%y%m%d") if made else ""),
        ("17", expires.strftime("%y%m%d") if expires else ""),
        ("10", lot),
        ("21", serial),
        ("8012", software),
    ]
    parts = [(ai, value) for ai, value in given if value or ai == "01"]
    for ai, value in parts:
        _check_value(ais.table()[ai], value)
    return parts


def _element_string(line: str) -> dict[str, str]:
    at = next((len(s) for s in _SYMBOLOGIES if line.startswith(s)), 0)
    if line[at : at + 1] == GS:  # FNC1 in first position, as some readers pass it on
        at += 1
    found: dict[str, str] = {}
    while at < len(line):
        identifier = _identifier(line, at)
        start = at + len(identifier.ai)
        end = line.find(GS, start)
        end = len(line) if end < 0 else end
        if identifier.predefined:
            length = sum(p.most for p in identifier.parts)
            if end - start < length:
                raise Malformed(f"({identifier.ai})", f"{length} characters", f"{end - start}")
            end = start + length
        _put(found, identifier, line[start:end])
        at = end + (line[end : end + 1] == GS)
    return found


def _identifier(line: str, at: int) -> ais.Identifier:
    for length in (2, 3, 4):
        known = ais.table().get(line[at : at + length])
        if known is not None and len(line) >= at + length:
            return known
    raise Malformed(f"character {at + 1}", "a GS1 Application Identifier", shown(line[at : at + 4]))


def _human_readable(line: str) -> dict[str, str]:
    starts = [m for m in _BRACKET.finditer(line) if m[1] in ais.table()]
    if not starts or starts[0].start() != 0:
        raise Malformed("character 1", "a GS1 Application Identifier in brackets", shown(line[:6]))
    found: dict[str, str] = {}
    for i, mark in enumerate(starts):
        end = starts[i + 1].start() if i + 1 < len(starts) else len(line)
        _put(found, ais.table()[mark[1]], line[mark.end() : end].strip(" " + GS))
    return found


def _digital_link(line: str) -> dict[str, str]:
    try:
        address = urlsplit(line)
    except ValueError:
        raise Malformed("address", "an address with host and path", shown(line)) from None
    segments = [unquote(s) for s in address.path.split("/") if s]
    start = next((i for i, s in enumerate(segments) if s == "01" and i + 1 < len(segments)), None)
    if start is None:
        raise Malformed("path", "/01/ and a GTIN", shown(address.path))
    pairs = segments[start:]
    if len(pairs) % 2:
        raise Malformed("path", "a value after each identifier", shown(pairs[-1]))
    found: dict[str, str] = {}
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if name not in ais.table():
            raise Malformed("path", "a GS1 Application Identifier", shown(name))
        _put(
            found,
            ais.table()[name],
            value.zfill(14) if name == "01" and len(value) in _GTIN_LENGTHS else value,
        )
    for pair in address.query.replace(";", "&").split("&"):
        name, _, value = pair.partition("=")
        if name in ais.table():  # other keys of the query are not GS1's
            _put(found, ais.table()[name], unquote(value))
    return found


def _put(found: dict[str, str], identifier: ais.Identifier, value: str) -> None:
    _check_value(identifier, value)
    if found.setdefault(identifier.ai, value) != value:
        raise Malformed(
            f"({identifier.ai})", "one value", f"{shown(found[identifier.ai])} and {shown(value)}"
        )


def _check_value(identifier: ais.Identifier, value: str) -> None:
    """The parts in turn: each its characters, its length, its check digit (General Specifications 3)."""
    place, at = f"({identifier.ai})", 0
    for part in identifier.parts:
        if part.optional and at == len(value):
            break
        piece = value[at : at + part.most]
        wrong = next((c for c in piece if c not in _SETS[part.kind]), None)
        if wrong is not None:
            raise Malformed(
                f"{place} character {at + piece.index(wrong) + 1}", _SET_NAMES[part.kind], shown(wrong)
            )
        if len(piece) < part.least:
            wanted = f"{part.most}" if part.least == part.most else f"1 to {part.most}"
            raise Malformed(place, f"{wanted} {_SET_NAMES[part.kind]}", shown(value))
        if part.check == "c":
            checks.require_mod10(piece, place)
        elif part.check == "g" and (len(piece) < 3 or checks.gmn(piece[:-2]) != piece[-2:]):
            raise WrongCheck(place, "the check characters of a model number", shown(piece[-2:]))
        at += len(piece)
    if at < len(value):
        raise Malformed(place, f"at most {at} characters", f"{len(value)}: {shown(value)}")


def _check_dates(ai: str, value: str, year: int) -> None:
    at = 0
    for part in ais.table()[ai].parts:
        piece = value[at : at + part.most]
        if piece and part.check in ("d", "D"):
            day = dates.yymmdd(piece, f"({ai})", year)
            if part.check == "D" and piece.endswith("00"):
                raise Malformed(f"({ai})", "a day from 01", f"00, of {day:%B}")
        at += len(piece)


def others_of(udi: Udi) -> Mapping[str, str]:
    """The elements beside the device's own, with their titles: `{"240 ADDITIONAL ID": "…"}`."""
    table = ais.table()
    return {f"{ai} {table[ai].title}": value for ai, value in udi.others.items() if ai in table}
