"""ICCBBA (ISBT 128) for medical products of human origin: the elements that a UDI is made of.

WEAKNESS: the check characters K of a donation number stand outside the symbol's data and are not checked.
"""

import re
from datetime import date

from vouchsafe.udi import dates
from vouchsafe.udi.errors import Malformed, shown
from vouchsafe.udi.model import MAX_CHARS, Udi

# Identifier, name, length of its data. Longer identifiers first: `=` alone is the donation number.
_ELEMENTS = (
    ("&,1", "lot", 18),
    ("&)", "container lot", 10),
    ("=/", "di", 16),
    ("=)", "di", 10),
    ("=,", "serial", 6),
    ("=>", "expires", 6),
    ("=}", "made", 6),
    ("=", "donation", 15),
)
_DATA = re.compile(r"[A-Z0-9]+", re.ASCII)


def parse(text: str) -> Udi:
    """The UDI in ISBT 128 elements written one after the other.

    Raises:
        Malformed: an element is unknown, too short, twice, or there is no device identifier.
    """
    if len(text) > MAX_CHARS:
        raise Malformed("length", f"at most {MAX_CHARS} characters", f"{len(text):,}")
    line, at = text.strip(), 0
    found: dict[str, str] = {}
    while at < len(line):
        known = next((e for e in _ELEMENTS if line.startswith(e[0], at)), None)
        if known is None:
            raise Malformed(f"character {at + 1}", "an ISBT 128 data identifier", shown(line[at : at + 2]))
        flag, name, length = known
        start = at + len(flag)
        data = line[start : start + length]
        if len(data) < length or not _DATA.fullmatch(data):
            raise Malformed(
                f"character {start + 1}", f"{length} capital letters or digits after {flag}", shown(data)
            )
        if name in found:
            raise Malformed(f"character {at + 1}", f"each element once, but {flag}", "a second one")
        found[name] = data
        at = start + length
    if "di" not in found:
        raise Malformed("character 1", "a device identifier (=/ or =))", shown(line[:2]))
    return Udi(
        agency="ICCBBA",
        di=found["di"],
        lot=found.get("lot", found.get("container lot", "")),
        serial=found.get("serial", ""),
        made=_day(found.get("made", ""), "=}"),
        expires=_day(found.get("expires", ""), "=>"),
        others={"donation": found["donation"]} if "donation" in found else {},
    )


def _day(text: str, flag: str) -> date | None:
    """YYYJJJ: the last three digits of the year, the day of the year."""
    if not text:
        return None
    if not text.isdecimal():
        raise Malformed(flag, "six digits YYYJJJ", shown(text))
    year = int(text[:3])
    return dates.ordinal((2000 if year < 900 else 1000) + year, int(text[3:]), flag, text)
