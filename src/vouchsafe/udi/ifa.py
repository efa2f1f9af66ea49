"""IFA: the Pharmacy Product Number (PPN), as German pharmacies scan it, with lot, serial number and expiry.

A bare PPN looks like a GTIN of 12 digits and is not guessed at: it is read after its data identifier `9N`, in
the envelope of ISO/IEC 15434 format 06 or without it, or in brackets.
The number is a PZN (agency 11), a manufacturer's own Health Product Code (13), or a Master UDI-DI (MA).
Source: IFA Coding System, PPN Code Specification for Retail Packaging and UDI for medical devices; ANSI MH10.8.2 for the
data identifiers.

    >>> from datetime import date
    >>> udi = parse("9N110375286414\\x1d1T12345ABCD\\x1dD280200\\x1dS1234567890", today=date(2026, 11, 22))
    >>> udi.di, udi.lot, udi.serial, udi.expires.isoformat(), udi.check
    ('110375286414', '12345ABCD', '1234567890', '2028-02-29', '14')
"""

import re
from datetime import date

from vouchsafe.udi import carriers, dates
from vouchsafe.udi.errors import Malformed, WrongCheck, shown
from vouchsafe.udi.gs1_elements import GS
from vouchsafe.udi.model import Udi

_HEAD, _TAIL = re.compile(r"\[\)>(?:\x1e|<RS>)06(?:\x1d|<GS>)"), re.compile(r"(?:\x1e|<RS>)(?:\x04|<EOT>)$")
_BRACKET = re.compile(r"\((9N|1T|16D|27Q|8P|D|S|Q)\)")
_PPN = re.compile(r"(?P<agency>[0-9A-Z]{2})(?P<number>[0-9A-Z.-]{1,24})(?P<check>[0-9]{2})")
_FLAGS = ("9N", "1T", "16D", "27Q", "8P", "D", "S", "Q")
_DATA = re.compile(r"[0-9A-Za-z_.-]{1,20}")


def looks_so(text: str) -> bool:
    """Whether a text begins as IFA's do."""
    return text.startswith(("[)>", "9N", "(9N)"))


def check_digits(body: str) -> str:
    """The two digits after a PPN's body: each character's ASCII value times its place, counted from 2, modulo 97.

    >>> check_digits("1103752864")
    '14'
    """
    return f"{sum(ord(c) * (i + 2) for i, c in enumerate(body)) % 97:02}"


def parse(text: str, *, today: date | None = None) -> Udi:
    """The UDI in a PPN code.

    Raises:
        Malformed: no such code, an element is unknown or twice, or there is no PPN.
        WrongCheck: the PPN's check digits don't hold.
    """
    begin, _ = carriers.begin(text)
    line = text.rstrip(" \t\r\n")
    found: dict[str, tuple[int, str]] = {}
    for at, flag, data in _bracketed(line, begin) if line[begin] == "(" else _fields(line, begin):
        if found.setdefault(flag, (at, data))[1] != data:
            raise Malformed(f"character {at + 1}", f"one value of {flag}", shown(data))
        if flag not in ("9N", "D", "16D") and not _DATA.fullmatch(data):
            raise Malformed(
                f"character {at + 1}", f"1 to 20 letters, digits, _ . or - after {flag}", shown(data)
            )
    if "9N" not in found:
        raise Malformed(
            f"character {begin + 1}", "a PPN after its identifier 9N", shown(line[begin : begin + 4])
        )
    at, ppn = found["9N"]
    known = _PPN.fullmatch(ppn)
    if known is None:
        raise Malformed(f"character {at + 1}", "a PPN: agency (2), number (1 to 24), two digits", shown(ppn))
    wanted = check_digits(ppn[:-2])
    if known["check"] != wanted:
        raise WrongCheck(
            f"character {at + len(ppn) - 1}", f"the check digits {wanted}", shown(known["check"])
        )
    year = (today or dates.clock()).year
    return Udi(
        agency="IFA",
        di=ppn,
        lot=found.get("1T", (0, ""))[1],
        serial=found.get("S", (0, ""))[1],
        made=_eight(*found["16D"]) if "16D" in found else None,
        expires=_six(*found["D"], year) if "D" in found else None,
        check=wanted,
        made_text=found.get("16D", (0, ""))[1],
        expires_text=found.get("D", (0, ""))[1],
        others={flag: found[flag][1] for flag in ("8P", "Q", "27Q") if flag in found},
    )


def _fields(line: str, at: int) -> list[tuple[int, str, str]]:
    """The elements between separators: where the data begins, identifier, data."""
    head = _HEAD.match(line, at)
    if line.startswith("[)>", at):
        tail = _TAIL.search(line)
        if head is None:
            raise Malformed(f"character {at + 4}", "the envelope <RS>06<GS>", shown(line[at + 3 : at + 8]))
        if tail is None:
            raise Malformed(f"character {len(line) + 1}", "the end of the envelope, <RS><EOT>", "nothing")
        at, line = head.end(), line[: tail.start()]
    found = []
    for part in re.split("(\x1d|<GS>)", line[at:]):
        if part not in (GS, "<GS>"):
            flag = next((f for f in _FLAGS if part.startswith(f)), None)
            if flag is None:
                raise Malformed(f"character {at + 1}", f"one of {', '.join(_FLAGS)}", shown(part))
            found.append((at + len(flag), flag, part[len(flag) :]))
        at += len(part)
    return found


def _bracketed(line: str, at: int) -> list[tuple[int, str, str]]:
    marks = list(_BRACKET.finditer(line, at))
    if not marks or marks[0].start() != at:
        raise Malformed(f"character {at + 1}", "a data identifier in brackets", shown(line[at : at + 5]))
    ends = [m.start() for m in marks[1:]] + [len(line)]
    return [(m.end(), m[1], line[m.end() : end].strip(" ")) for m, end in zip(marks, ends, strict=True)]


def _six(at: int, text: str, year: int) -> date:
    return dates.yymmdd(text, f"character {at + 1}", year)


def _eight(at: int, text: str) -> date:
    if len(text) != 8 or not (text.isascii() and text.isdecimal()):
        raise Malformed(f"character {at + 1}", "eight digits YYYYMMDD", shown(text))
    return dates.day_of(int(text[:4]), int(text[4:6]), int(text[6:]), f"character {at + 1}", text)
