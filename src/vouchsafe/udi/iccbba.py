"""ICCBBA (ISBT 128) for medical products of human origin: the elements that a UDI is made of.

Flags 60 to 96 of a donation number are a check, 60 added, and must hold (ST-001 table 3); all other data has none.
WEAKNESS: the check character K of a donation number stands outside the symbol's data and is not checked.
Source: ISBT 128 Standard Technical Specification (ST-001) 2, data structures 001, 004 to 009, 017, 018, 023, 032, 034,
035; ISBT 128 for medical devices (ST-017) 2 to 5.

    >>> udi = parse("=/A9999XYZ100T0944=,000025=>014032")
    >>> udi.di, udi.serial, udi.expires.isoformat()
    ('A9999XYZ100T0944', '000025', '2014-02-01')
"""

import re
from datetime import date

from vouchsafe.udi import carriers, checks, dates
from vouchsafe.udi.errors import Malformed, WrongCheck, shown
from vouchsafe.udi.model import Udi

# Identifier, name, length of its data. Longer identifiers first: `=` alone is the donation number.
_ELEMENTS = (
    ("&,1", "lot", 18),
    ("&)", "container lot", 10),
    ("&>", "expires", 10),
    ("&}", "made", 10),
    ("&*", "collected", 10),
    ("=/", "di", 16),
    ("=)", "di", 10),
    ("=,", "serial", 6),
    ("=>", "expires", 6),
    ("=}", "made", 6),
    ("=*", "collected", 6),
    ("=", "donation", 15),
)
_COMPOUND = "=+"  # a symbol that holds several elements says first how many: two digits, and its kind: three
_DATA = re.compile(r"[A-Z0-9]+")
FACILITY = r"[A-NP-Z0-9]{5}"
"""Who processed: a facility's number has no letter O."""
_FORMS = {
    "=/": (
        re.compile(FACILITY + r"[A-Z0-9]{11}"),
        "a facility (5, no letter O), product (6) and description (5)",
    ),
    "=": (
        re.compile(r"[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{10}[0-9A-HJ-NPR-Y]{2}"),
        "a facility (5, no letter O), year (2), sequence (6) and flags (2)",
    ),
}


def parse(text: str, *, today: date | None = None) -> Udi:
    """The UDI in ISBT 128 elements written one after the other. `today` plays no part: years have three digits.

    Raises:
        Malformed: an element is unknown, too short, twice, or there is no device identifier.
        WrongCheck: the flags of the donation number are a check that doesn't hold.
    """
    begin, _ = carriers.begin(text)
    line = text.rstrip()
    at, wanted = _compound(line, begin)
    found: dict[str, str] = {}
    places: dict[str, int] = {}
    while at < len(line):
        known = next((e for e in _ELEMENTS if line.startswith(e[0], at)), None)
        if known is not None and known[0] == "=" and not line[at + 1 : at + 2].isalnum():
            known = None  # `=` and a sign is another identifier
        if known is None:
            raise Malformed(f"character {at + 1}", "an ISBT 128 data identifier", shown(line[at : at + 2]))
        flag, name, length = known
        start = at + len(flag)
        data = line[start : start + length]
        if len(data) < length or not _DATA.fullmatch(data):
            raise Malformed(
                f"character {start + 1}", f"{length} capital letters or digits after {flag}", shown(data)
            )
        if flag in _FORMS and not _FORMS[flag][0].fullmatch(data):
            raise Malformed(f"character {start + 1}", f"{_FORMS[flag][1]} after {flag}", shown(data))
        if name in found:
            raise Malformed(f"character {at + 1}", f"each element once, but {flag}", "a second one")
        found[name], places[name] = data, start
        at = start + length
    if "di" not in found:
        raise Malformed(
            f"character {begin + 1}", "a device identifier (=/ or =))", shown(line[begin : begin + 2])
        )
    if wanted is not None and wanted != len(found):
        raise Malformed(f"character {begin + 3}", f"{len(found)} elements, as they follow", str(wanted))
    check = _flags(found, places)
    return Udi(
        agency="ICCBBA",
        di=found["di"],
        lot=found.get("lot", found.get("container lot", "")),
        serial=found.get("serial", ""),
        check=check,
        made=_day(found, places, "made"),
        expires=_day(found, places, "expires"),
        made_text=found.get("made", ""),
        expires_text=found.get("expires", ""),
        others={name: found[name] for name in ("donation", "collected") if name in found},
    )


def _compound(line: str, at: int) -> tuple[int, int | None]:
    if not line.startswith(_COMPOUND, at):
        return at, None
    digits = line[at + 2 : at + 7]
    if len(digits) < 5 or not (digits.isascii() and digits.isdecimal()):
        raise Malformed(f"character {at + 3}", "5 digits after =+", shown(digits))
    return at + 7, int(digits[:2])


def _flags(found: dict[str, str], places: dict[str, int]) -> str:
    """The flags of the donation number, when they are a check; "" otherwise."""
    number, flags = found.get("donation", "")[:13], found.get("donation", "")[13:]
    if not "60" <= flags <= "96" or not flags.isdecimal():
        return ""
    wanted = str(60 + int(checks.mod37_2(number)))
    if flags != wanted:
        raise WrongCheck(f"character {places['donation'] + 14}", f"the flags {wanted}", shown(flags))
    return flags


def _day(found: dict[str, str], places: dict[str, int], name: str) -> date | None:
    """YYYJJJ: the last three digits of the year, the day of the year; hour and minute may follow."""
    text = found.get(name)
    if text is None:
        return None
    place = f"character {places[name] + 1}"
    if not text.isdecimal():
        raise Malformed(place, f"{len(text)} digits YYYJJJ{'HHMM' if len(text) > 6 else ''}", shown(text))
    if len(text) > 6 and (text[6:8] > "23" or text[8:] > "59"):
        raise Malformed(f"character {places[name] + 7}", "a time from 0000 to 2359", shown(text[6:]))
    year = int(text[:3])
    return dates.ordinal((2000 if year < 900 else 1000) + year, int(text[3:6]), place, text)
