"""HIBCC: primary and secondary data, alone or together, with the mod-43 check character.

Source: ANSI/HIBC 2.6, as summarised in IMDRF N48 appendix C. A space as check character is printed `_`.

    >>> from datetime import date
    >>> udi = parse("+A123BJC5D6E71/$$52001510X3C", today=date(2026, 11, 22))
    >>> udi.di, udi.lot, udi.expires.isoformat(), udi.check
    ('A123BJC5D6E71', '10X3', '2020-01-15', 'C')
"""

import re
from datetime import date

from vouchsafe.udi import carriers, checks, dates
from vouchsafe.udi.errors import Malformed, WrongCheck, shown
from vouchsafe.udi.limits import MAX_ELEMENTS
from vouchsafe.udi.model import Udi

_PRIMARY = re.compile(r"(?P<lic>[A-Z][A-Z0-9]{3})(?P<pcn>[A-Z0-9]{1,18})(?P<unit>[0-9])", re.ASCII)
_DATA = re.compile(r"[A-Z0-9 .-]{1,18}", re.ASCII)
_FLAGS = ("$$+", "$$", "$+", "$", "16D", "14D", "S", "Q")

# After `$$` or `$$+`: the digit that names the date's form, and the form. None: no date follows.
_DATE_FORMS = {"2": "MMDDYY", "3": "YYMMDD", "4": "YYMMDDHH", "5": "YYJJJ", "6": "YYJJJHH", "7": ""}
_QUANTITIES = {"8": 2, "9": 5}


def parse(text: str, secondary: str = "", *, today: date | None = None) -> Udi:
    """The UDI in a HIBC primary symbol, or primary and secondary in one, or in two symbols.

    Raises:
        Malformed: no HIBC text. A secondary symbol alone has no device identifier.
        WrongCheck: the check character doesn't hold, or the secondary symbol's link character is another's.
    """
    at, body, check = _checked(text)
    reading = _Reading((today or dates.clock()).year)
    first, *rest = body[1:].split("/")
    if first[:1].isdecimal() or first.startswith("$"):
        wanted = "a primary symbol, which names the device; a letter first"
        raise Malformed(f"character {at + 2}", wanted, f"{shown(first)}, as a secondary symbol begins")
    if not _PRIMARY.fullmatch(first):
        wanted = "labeler (4, a letter first), product (1 to 18), one digit"
        raise Malformed(f"character {at + 2}", wanted, shown(first))
    reading.take_all(rest, at + 2 + len(first) + 1)
    if secondary:
        reading.take_secondary(secondary, check)
    # The UDI-DI names the product and its packaging level: flag and check character are no part of it.
    return Udi(
        agency="HIBCC",
        di=first,
        lot=reading.lot,
        serial=reading.serial,
        made=reading.made,
        expires=reading.expires,
        check=check,
        made_text=reading.made_text,
        expires_text=reading.expires_text,
        others=reading.others,
    )


def check(text: str) -> str:
    """The check character of one symbol, which holds; its data is read too, be it primary or secondary.

    Raises:
        Malformed, WrongCheck: as `parse`; a secondary symbol alone is no error here.
    """
    at, body, found = _checked(text)
    if body[1].isalpha():
        parse(text)
    else:
        _Reading(dates.clock().year).take_linked(body[1:], at + 2)
    return found


def _checked(text: str) -> tuple[int, str, str]:
    """The index of the flag, the text without its check character, and that character.

    Raises:
        Malformed, WrongCheck: as `parse`.
    """
    at, _ = carriers.begin(text)
    line = text[at:].strip("\t\r\n")
    if len(line) > 2 and line.startswith("*") and line.endswith("*"):  # Code 39 start and stop
        line, at = line[1:-1], at + 1
    if not line.startswith("+"):
        raise Malformed(f"character {at + 1}", "the HIBC flag “+”", shown(line[:1]))
    if len(line) < 4:
        raise Malformed("length", "at least 4 characters", str(len(line)))
    body, found = line[:-1], line[-1].replace("_", " ")
    for i, character in enumerate(body + found):
        if character not in checks.HIBC:
            wanted = "a digit, capital letter or one of -. $/+%"
            raise Malformed(f"character {at + i + 1}", wanted, shown(character))
    right = checks.mod43(body)
    if found != right:
        place = f"character {at + len(line)}"
        raise WrongCheck(place, f"the check character {shown(right.replace(' ', '_'))}", shown(found))
    return at, body, found


class _Reading:
    """What the secondary data said so far. `at` is the index of a text in what was scanned."""

    def __init__(self, year: int) -> None:
        self.year = year
        self.lot = ""
        self.serial = ""
        self.made: date | None = None
        self.expires: date | None = None
        self.made_text = ""
        self.expires_text = ""
        self.others: dict[str, str] = {}

    def take_secondary(self, text: str, check: str) -> None:
        """A secondary symbol: flag, data, and the check characters of the primary and of itself."""
        try:
            at, body, _ = _checked(text)
            self.take_linked(body[1:], at + 2)
        except Malformed as told:
            raise type(told)(f"secondary {told.place}", told.expected, told.got) from None
        if body[-1] != check:
            raise WrongCheck("secondary link character", shown(check), shown(body[-1]))

    def take_linked(self, data: str, at: int) -> None:
        """The data of a secondary symbol, whose last character is the link."""
        self.take_all(data[:-1].split("/"), at)

    def take_all(self, parts: list[str], at: int) -> None:
        """The parts between slashes. The first may have no flag: the oldest form, YYJJJ and the lot."""
        if len(parts) > MAX_ELEMENTS:
            raise Malformed(f"character {at}", f"at most {MAX_ELEMENTS} parts", str(len(parts)))
        for i, part in enumerate(parts):
            if i == 0 and part[:5].isdecimal() and len(part) >= 5:
                self._expires(part[:5], "YYJJJ", at)
                self._once("lot", _data(part[5:], at + 5) if part[5:] else "", at + 5)
            else:
                self.take(part, at)
            at += len(part) + 1

    def take(self, part: str, at: int) -> None:
        """One part after a `/`, or the first of a secondary symbol."""
        flag = next((f for f in _FLAGS if part.startswith(f)), None)
        if flag is None:
            raise Malformed(f"character {at}", "$, $$, $+, $$+, S, 14D, 16D or Q", shown(part))
        data, at = part[len(flag) :], at + len(flag)
        match flag:
            case "$$+":
                self._once("serial", self._dated(data, at), at)
            case "$$":
                self._once("lot", self._dated(data, at), at)
            case "$+" | "S":
                self._once("serial", _data(data, at), at)
            case "$":
                self._once("lot", _data(data, at), at)
            case "16D":
                self._once("made_text", _digits(data, 8, at), at)
                self.made = _eight(data, at)
            case "14D":
                self._expires(_digits(data, 8, at), "YYYYMMDD", at)
            case _:
                self._quantity(_digits(data, min(max(len(data), 1), 5), at), at)

    def _once(self, name: str, value: str, at: int) -> None:
        """A part may be said twice only in the same words; an empty one says nothing."""
        if value and getattr(self, name) not in ("", value):
            raise Malformed(f"character {at}", f"one value: {shown(getattr(self, name))}", shown(value))
        if value:
            setattr(self, name, value)

    def _expires(self, said: str, form: str, at: int) -> None:
        """The expiry; said twice, in whatever forms, it is one day."""
        day = _eight(said, at) if form == "YYYYMMDD" else _date(said, form, at, self.year)
        if self.expires not in (None, day):
            raise Malformed(f"character {at}", f"one day of expiry: {self.expires}", f"{day}")
        self.expires_text, self.expires = self.expires_text or said, day

    def _quantity(self, digits: str, at: int) -> None:
        if self.others.setdefault("Q", digits) != digits:
            raise Malformed(f"character {at}", f"one quantity: {shown(self.others['Q'])}", shown(digits))

    def _dated(self, text: str, at: int) -> str:
        """A quantity, a date in the form that its first digit names, then lot or serial."""
        if text[:1] in _QUANTITIES:
            digits = _QUANTITIES[text[0]]
            self._quantity(_digits(text[1 : 1 + digits], digits, at + 1), at + 1)
            text, at = text[1 + digits :], at + 1 + digits
            if not text:
                return ""
        form = _DATE_FORMS.get(text[:1])
        skip = 0 if form is None else 1  # without a digit of its own, the date is MMYY
        form = "MMYY" if form is None else form
        if form:
            said = _digits(text[skip : skip + len(form)], len(form), at + skip)
            self._expires(said, form, at + skip)
        rest = text[skip + len(form) :]
        return _data(rest, at + skip + len(form)) if rest or form == "" else ""


def _digits(text: str, wanted: int, at: int) -> str:
    if len(text) != wanted or not (text.isascii() and text.isdecimal()):
        raise Malformed(f"character {at}", f"{wanted} digits", shown(text))
    return text


def _data(text: str, at: int) -> str:
    if not _DATA.fullmatch(text):
        raise Malformed(f"character {at}", "1 to 18 capital letters, digits, - . or space", shown(text))
    return text


def _date(text: str, form: str, at: int, this_year: int) -> date:
    place = f"character {at}"
    year = dates.full_year(int(text[form.index("YY") :][:2]), this_year)
    if "HH" in form and int(text[form.index("HH") :]) > 23:
        raise Malformed(place, "an hour from 00 to 23", shown(text))
    if "JJJ" in form:
        return dates.ordinal(year, int(text[2:5]), place, text)
    day = int(text[form.index("DD") :][:2]) if "DD" in form else 0
    return dates.day_of(year, int(text[form.index("MM") :][:2]), day, place, text)


def _eight(digits: str, at: int) -> date:
    return dates.day_of(int(digits[:4]), int(digits[4:6]), int(digits[6:]), f"character {at}", digits)
