"""The checks of single parts of GS1 elements, under the names that the Barcode Syntax Dictionary gives them.

Each takes the part's text, whose characters and length are right already, and the year from which two-digit years are
seen; it answers with the fault that it found, or None. `gcppos1`, `gcppos2`: a company prefix is known by its four
leading digits only; whether GS1 gave it to anybody is asked of no list.
"""

import re
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR
from typing import NamedTuple

from vouchsafe.udi import checks, codes, coupons, dates
from vouchsafe.udi.errors import Malformed


class Fault(NamedTuple):
    """What is wrong with a part: what was expected, from which character on, and whether check characters failed."""

    expected: str
    at: int = 0
    got: str = ""
    check: bool = False


Linter = Callable[[str, int], Fault | None]

_HEX = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _within(least: str, most: str, name: str) -> Linter:
    """Digits of one length between two others, both included."""
    return lambda text, year: None if least <= text <= most else Fault(f"{name} from {least} to {most}")


def _one_of(known: frozenset[str], name: str) -> Linter:
    return lambda text, year: None if text in known else Fault(name)


def _csum(text: str, year: int) -> Fault | None:
    wanted = checks.mod10(text[:-1])
    return None if text[-1] == wanted else Fault(f"the check digit {wanted}", len(text) - 1, text[-1], True)


def _csumalpha(text: str, year: int) -> Fault | None:
    if len(text) < 3:
        return Fault("a model reference and two check characters")
    wanted = checks.gmn(text[:-2])
    return (
        None
        if text[-2:] == wanted
        else Fault(f"the check characters {wanted}", len(text) - 2, text[-2:], True)
    )


def _prefix(first: int) -> Linter:
    def found(text: str, year: int) -> Fault | None:
        digits = text[first : first + 4]
        for i, character in enumerate(digits):
            if character not in "0123456789":
                return Fault("a digit of the company prefix", first + i, character)
        return None if len(digits) == 4 else Fault("a company prefix of at least 4 digits")

    return found


def _day(*, zero: bool) -> Linter:
    """YYMMDD or YYYYMMDD; `zero`: day 00 is the whole month."""

    def found(text: str, year: int) -> Fault | None:
        at = len(text) - 2
        if text[:-4] == "0000":
            return Fault("a year", 0, text[:4])
        if len(text) == 6 and not MINYEAR <= dates.full_year(int(text[:2]), year) <= MAXYEAR:
            return Fault(f"a year from {MINYEAR} to {MAXYEAR}", 0, text[:2])
        if not "01" <= text[at - 2 : at] <= "12":
            return Fault("a month from 01 to 12", at - 2, text[at - 2 : at])
        if text.endswith("00") and not zero:
            return Fault("a day from 01", at, text[at:])
        try:
            if len(text) == 6:
                dates.yymmdd(text, "", year)
            else:
                dates.day_of(int(text[:4]), int(text[4:6]), int(text[6:]), "", text)
        except Malformed as told:
            return Fault(told.expected if zero else told.expected.replace(" 00 ", " 01 "), at, text[at:])
        return None

    return found


def _hhmi(text: str, year: int) -> Fault | None:
    if text[:2] > "23":
        return Fault("an hour from 00 to 23", 0, text[:2])
    return Fault("a minute from 00 to 59", 2, text[2:]) if text[2:] > "59" else None


def _pcenc(text: str, year: int) -> Fault | None:
    found = _HEX.search(text)
    return (
        Fault("two hexadecimal digits after %", found.start(), text[found.start() :][:3]) if found else None
    )


def _iban(text: str, year: int) -> Fault | None:
    """ISO 13616: the country, two check digits, modulo 97 after its first four characters went to the end."""
    if text[:2] not in codes.COUNTRIES_ALPHA2:
        return Fault("a country's two letters", 0, text[:2])
    if len(text) < 11:
        return Fault("an IBAN of at least 11 characters")
    for i, character in enumerate(text):
        if not re.fullmatch("[0-9A-Z]", character):
            return Fault("a digit or capital letter", i, character)
    turned = int("".join(str(int(c, 36)) for c in text[4:] + text[:2])) * 100
    wanted = f"{98 - turned % 97:02}"
    return None if text[2:4] == wanted else Fault(f"the check digits {wanted}", 2, text[2:4], True)


def _pieceoftotal(text: str, year: int) -> Fault | None:
    piece, total = int(text[: len(text) // 2]), int(text[len(text) // 2 :])
    if piece == 0 or total == 0:
        return Fault("a piece and a total from 01")
    return Fault("a piece no higher than the total") if piece > total else None


def _posinseqslash(text: str, year: int) -> Fault | None:
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if not found:
        return Fault("a position and an end, such as 1/3")
    if found[1][0] == "0" or found[2][0] == "0":
        return Fault("numbers without a leading zero")
    return Fault("a position no higher than the end") if int(found[1]) > int(found[2]) else None


def _nonzero(text: str, year: int) -> Fault | None:
    return None if text.strip("0") else Fault("a number above zero")


def _nozeroprefix(text: str, year: int) -> Fault | None:
    return Fault("a number without a leading zero") if text.startswith("0") else None


def _hasnondigit(text: str, year: int) -> Fault | None:
    return Fault("at least one character that is no digit") if re.fullmatch("[0-9]*", text) else None


def _coupon(read: Callable[[str], tuple[int, str] | None]) -> Linter:
    def found(text: str, year: int) -> Fault | None:
        fault = read(text)
        return Fault(fault[1], fault[0], text[fault[0] :] or "the end") if fault else None

    return found


_IMPORTER = frozenset("-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_MEDIA = frozenset(f"{n:02}" for n in (*range(1, 11), *range(80, 100)))

LINTERS: Mapping[str, Linter] = {
    "couponcode": _coupon(coupons.code),
    "couponposoffer": _coupon(coupons.offer),
    "csum": _csum,
    "csumalpha": _csumalpha,
    "gcppos1": _prefix(0),
    "gcppos2": _prefix(1),
    "hasnondigit": _hasnondigit,
    "hh": _within("00", "23", "an hour"),
    "hhmi": _hhmi,
    "hyphen": _one_of(frozenset("-"), "a hyphen, which means below zero"),
    "iban": _iban,
    "importeridx": _one_of(_IMPORTER, "a digit, a letter, - or _"),
    "iso3166": _one_of(codes.COUNTRIES, "a country's three digits"),
    "iso3166999": _one_of(codes.COUNTRIES | {"999"}, "a country's three digits, or 999"),
    "iso3166alpha2": _one_of(codes.COUNTRIES_ALPHA2, "a country's two letters"),
    "iso4217": _one_of(codes.CURRENCIES, "a currency's three digits"),
    "iso5218": _one_of(frozenset("0129"), "0, 1, 2 or 9 for the sex"),
    "latitude": _within("0000000000", "1800000000", "a latitude, shifted by 90 degrees,"),
    "longitude": _within("0000000000", "3600000000", "a longitude, shifted by 180 degrees,"),
    "mediatype": _one_of(_MEDIA, "a media type: 01 to 10 or 80 to 99"),
    "mi": _within("00", "59", "a minute"),
    "nonzero": _nonzero,
    "nozeroprefix": _nozeroprefix,
    "packagetype": _one_of(codes.PACKAGE_TYPES, "a package type of UN/CEFACT Recommendation 21"),
    "pcenc": _pcenc,
    "pieceoftotal": _pieceoftotal,
    "posinseqslash": _posinseqslash,
    "ss": _within("00", "59", "a second"),
    "winding": _one_of(frozenset("019"), "0, 1 or 9 for the winding"),
    "yesno": _one_of(frozenset("01"), "0 or 1"),
    "yymmd0": _day(zero=True),
    "yymmdd": _day(zero=False),
    "yyyymmdd": _day(zero=False),
    "zero": _one_of(frozenset("0"), "0"),
}
