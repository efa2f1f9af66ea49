"""HIBCC: primary and secondary data, alone or together, with the mod-43 check character.

Source: ANSI/HIBC 2.6, as summarised in IMDRF N48 appendix C. A space as check character is printed `_`.
"""

import re
from datetime import date

from vouchsafe.udi import checks, dates
from vouchsafe.udi.errors import Malformed, WrongCheck, shown
from vouchsafe.udi.model import MAX_CHARS, Udi

_PRIMARY = re.compile(r"(?P<lic>[A-Z][A-Z0-9]{3})(?P<pcn>[A-Z0-9]{1,18})(?P<unit>[0-9])", re.ASCII)
_DATA = re.compile(r"[A-Z0-9 .-]{1,18}", re.ASCII)

# After `$$` or `$$+`: the digit that names the date's form, and the form. None: no date follows.
_DATE_FORMS = {"2": "MMDDYY", "3": "YYMMDD", "4": "YYMMDDHH", "5": "YYJJJ", "6": "YYJJJHH", "7": ""}


def parse(text: str, secondary: str = "", *, this_year: int | None = None) -> Udi:
    """The UDI in a HIBC primary symbol, or primary and secondary in one, or in two symbols.

    Raises:
        Malformed: no HIBC text. A secondary symbol alone has no device identifier.
        WrongCheck: the check character doesn't hold, or the secondary symbol's link character is another's.
    """
    year = this_year or dates.this_year()
    body, check = _checked(text)
    first, *rest = body[1:].split("/")
    found = _PRIMARY.fullmatch(first)
    if found is None:
        wanted = "labeler (4, a letter first), product (1 to 18), one digit"
        raise Malformed("character 2", wanted, shown(first))
    reading = _Reading(year)
    for part in rest:
        reading.take(part)
    if secondary:
        body, _ = _checked(secondary)
        if body[-1:] != check:  # the secondary's last data character repeats the primary's check character
            raise WrongCheck("secondary link character", shown(check), shown(body[-1:]))
        reading.take(body[1:-1])
    # The UDI-DI names the product and its packaging level: flag and check character are no part of it.
    return Udi(
        agency="HIBCC",
        di=first,
        lot=reading.lot,
        serial=reading.serial,
        made=reading.made,
        expires=reading.expires,
        others=reading.others,
    )


def _checked(text: str) -> tuple[str, str]:
    """The text without its check character, and that character.

    Raises:
        Malformed, WrongCheck: as `parse`.
    """
    if len(text) > MAX_CHARS:
        raise Malformed("length", f"at most {MAX_CHARS} characters", f"{len(text):,}")
    line = text.strip("\t\r\n").lstrip(" ")
    if len(line) > 2 and line.startswith("*") and line.endswith("*"):  # Code 39 start and stop
        line = line[1:-1]
    if not line.startswith("+"):
        raise Malformed("character 1", "the HIBC flag “+”", shown(line[:1]))
    if len(line) < 4:
        raise Malformed("length", "at least 4 characters", str(len(line)))
    body, check = line[:-1], line[-1].replace("_", " ")
    wanted = checks.mod43(body)
    if check != wanted:
        raise WrongCheck(
            f"character {len(line)}", f"the check character {shown(wanted.replace(' ', '_'))}", shown(check)
        )
    return body, check


class _Reading:
    """What the secondary data said so far."""

    def __init__(self, year: int) -> None:
        self.year = year
        self.lot = ""
        self.serial = ""
        self.made: date | None = None
        self.expires: date | None = None
        self.others: dict[str, str] = {}

    def take(self, part: str) -> None:
        """One part after a `/`, or the whole of a secondary symbol."""
        if part.startswith("$$+"):
            self.serial = self._dated(part[3:], "$$+") or self.serial
        elif part.startswith("$$"):
            self.lot = self._dated(part[2:], "$$") or self.lot
        elif part.startswith("$+"):
            self.serial = _data(part[2:], "$+")
        elif part.startswith("$"):
            self.lot = _data(part[1:], "$")
        elif part.startswith("16D"):
            self.made = _eight(part[3:], "16D")
        elif part.startswith("14D"):
            self.expires = _eight(part[3:], "14D")
        elif part.startswith("S"):
            self.serial = _data(part[1:], "S")
        elif part.startswith("Q") and part[1:].isdecimal():
            self.others["Q"] = part[1:]
        else:
            raise Malformed("secondary data", "$, $$, $+, $$+, S, 14D, 16D or Q", shown(part))

    def _dated(self, text: str, flag: str) -> str:
        """A date in the form that its first digit names, then lot or serial."""
        if text[:1] in ("8", "9"):  # a quantity of two or five digits stands first
            digits = 2 if text[0] == "8" else 5
            self.others["Q"] = _digits(text[1 : 1 + digits], digits, flag)
            text = text[1 + digits :]
        form = _DATE_FORMS.get(text[:1])
        if form is None:
            self.expires = _date(_digits(text[:4], 4, flag), "MMYY", flag, self.year)
            rest = text[4:]
        else:
            if form:
                self.expires = _date(_digits(text[1 : 1 + len(form)], len(form), flag), form, flag, self.year)
            rest = text[1 + len(form) :]
        return _data(rest, flag) if rest or form == "" else ""


def _digits(text: str, wanted: int, flag: str) -> str:
    if len(text) != wanted or not (text.isascii() and text.isdecimal()):
        raise Malformed(flag, f"{wanted} digits", shown(text))
    return text


def _data(text: str, flag: str) -> str:
    if not _DATA.fullmatch(text):
        raise Malformed(flag, "1 to 18 capital letters, digits, - . or space", shown(text))
    return text


def _date(text: str, form: str, flag: str, this_year: int) -> date:
    year = dates.full_year(int(text[form.index("YY") :][:2]), this_year)
    if "HH" in form and int(text[form.index("HH") :]) > 23:
        raise Malformed(flag, "an hour from 00 to 23", shown(text))
    if "JJJ" in form:
        return dates.ordinal(year, int(text[2:5]), flag, text)
    day = int(text[form.index("DD") :][:2]) if "DD" in form else 0
    return dates.day_of(year, int(text[form.index("MM") :][:2]), day, flag, text)


def _eight(text: str, flag: str) -> date:
    digits = _digits(text, 8, flag)
    return dates.day_of(int(digits[:4]), int(digits[4:6]), int(digits[6:]), flag, text)
