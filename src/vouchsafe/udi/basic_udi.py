"""The Basic UDI-DI, which groups models in EUDAMED and stands on no label; and EUDAMED's own identifiers.

GS1's is the Global Model Number; HIBCC's begins with `++`, IFA's with `PP`; ICCBBA's is a UDI-DI and two digits. Devices
under the directives have a EUDAMED DI, `B-…`, and a EUDAMED ID, `D-…`, made by hand or of their UDI-DI.
WEAKNESS: ICCBBA's is told by its form and a letter first; that of a facility whose number begins with a digit is not
read. A EUDAMED DI made of a UDI-DI that is no GTIN is refused: nothing tells it from one whose check characters are wrong.
Source: GS1 General Specifications 2.6.13 and 7.9.5; ISBT 128 for medical devices (ST-017) appendix 1; IFA Coding System,
UDI for medical devices 3.4; EUDAMED business rules BR-UDID-642 and 643.

    >>> parse("1987654Ad4X4bL5ttr2310c2K").agency
    'GS1'
    >>> parse("PP12345ABCD.12345678.9004").check
    '04'
    >>> parse("B-AF-MF-000000245AT").agency
    'EUDAMED'
"""

import re
from dataclasses import dataclass

from vouchsafe.udi import checks, iccbba, ifa
from vouchsafe.udi.errors import Malformed, WrongCheck, shown
from vouchsafe.udi.limits import MAX_CHARS

_GTIN_LENGTHS = (8, 12, 13, 14)
_ICCBBA = re.compile(rf"(?![0-9]){iccbba.FACILITY}[A-Z0-9]{{11}}(?:[0-9]{{2}})?")
_IFA = re.compile(r"PP[0-9]{5}[0-9A-Z.-]{1,16}")


@dataclass(frozen=True, slots=True)
class BasicUdi:
    """A Basic UDI-DI whose check characters hold. `body` is all but the check characters.

    `agency` is GS1, HIBCC, ICCBBA, IFA or EUDAMED. A EUDAMED identifier made of a GTIN has that GTIN's one check digit.
    """

    agency: str
    text: str
    body: str
    check: str


def agency_of(text: str) -> str:
    """Whose Basic UDI-DI `text` would be, by how it begins; ICCBBA's by its form, too."""
    if text.startswith("++"):
        return "HIBCC"
    if text.startswith("PP"):
        return "IFA"
    if _ICCBBA.fullmatch(text):
        return "ICCBBA"
    return "EUDAMED" if text.startswith(("B-", "D-")) else "GS1"


def parse(text: str) -> BasicUdi:
    """The Basic UDI-DI in `text`: GS1's unless it begins with HIBCC's `++`, IFA's `PP`, EUDAMED's `B-` or `D-`, or has
    ICCBBA's form.

    Raises:
        Malformed: not one.
        WrongCheck: the check characters don't hold.
    """
    if len(text) > MAX_CHARS:
        raise Malformed("length", f"at most {MAX_CHARS} characters", f"{len(text):,}")
    agency = agency_of(text)
    if agency == "EUDAMED":
        return _eudamed(text)
    body, check = text[:-2], text[-2:]
    _check_body(body, agency)
    _check_pair(body, check, len(body), agency)
    return BasicUdi(agency, text, body, check)


def with_check(body: str) -> str:
    """The Basic UDI-DI of a body: its two check characters added. Of EUDAMED's they cover what follows the prefix.

    Raises:
        Malformed: the body can't be one.
    """
    agency = agency_of(body)
    if agency == "EUDAMED":
        at = _own(body)
        _check_own(body[at:], at)
        return body + checks.gmn(body[at:])
    _check_body(body, agency)
    return body + _pair(body, agency)


def _pair(body: str, agency: str) -> str:
    if agency == "IFA":
        return ifa.check_digits(body)
    return checks.mod37_2(body) if agency == "ICCBBA" else checks.gmn(body)


def _check_pair(body: str, check: str, at: int, agency: str) -> None:
    digits = agency in ("ICCBBA", "IFA")
    for i, character in enumerate(check):
        if character not in ("0123456789" if digits else checks.CSET32):
            wanted = "a digit" if digits else "a digit 2 to 9 or a capital letter but I and O"
            raise Malformed(f"character {at + i + 1}", f"a check character: {wanted}", shown(character))
    wanted = _pair(body, agency)
    if check != wanted:
        raise WrongCheck(f"character {at + 1}", f"the check characters {wanted}", shown(check))


def _eudamed(text: str) -> BasicUdi:
    """BR-UDID-642 and 643: `B-` and a UDI-DI, or `B-`, 1 to 21 characters and a pair; `D-` before the same.

    The official samples write `D-AF-…` for the device of `B-AF-…`; the rule's words would give `D-B-AF-…`. Both are read.
    """
    at = _own(text)
    own = text[at:]
    if own.isascii() and own.isdecimal() and len(own) in _GTIN_LENGTHS and checks.gmn(own[:-2]) != own[-2:]:
        checks.require_mod10(own, f"character {len(text)}")
        return BasicUdi("EUDAMED", text, text[:-1], text[-1])
    body, check = own[:-2], own[-2:]
    _check_own(body, at)
    _check_pair(body, check, at + len(body), "EUDAMED")
    return BasicUdi("EUDAMED", text, text[:-2], check)


def _own(text: str) -> int:
    """The index of what follows the prefix."""
    return 4 if text.startswith("D-B-") else 2


def _check_own(body: str, at: int) -> None:
    if not 1 <= len(body) <= 21:
        raise Malformed(
            "length", "1 to 21 characters and two check characters after the prefix", str(len(body) + 2)
        )
    for i, character in enumerate(body):
        if character not in checks.CSET82:
            raise Malformed(f"character {at + i + 1}", "a character of GS1's set 82", shown(character))


def _check_body(body: str, agency: str) -> None:
    if agency == "ICCBBA":
        if len(body) != 16:  # the rest of its form is how it was told
            raise Malformed("length", "16 characters before the check digits", str(len(body)))
        return
    if agency == "IFA":
        if not _IFA.fullmatch(body):
            wanted = "a manufacturer (5 digits) and a device group of 1 to 16 digits, capital letters, . or -"
            raise Malformed("character 3", wanted, shown(body[2:]))
        return
    if agency == "HIBCC":
        lic, model = body[2:6], body[6:]
        if (
            len(lic) < 4
            or not lic[0].isalpha()
            or not (lic.isascii() and lic.isalnum() and lic == lic.upper())
        ):
            raise Malformed(
                "character 3", "a labeler code: a capital letter and three letters or digits", shown(lic)
            )
        if not 1 <= len(model) <= 17:
            raise Malformed("length", "a model identifier of 1 to 17 characters", str(len(model)))
        return
    if len(body) < 6:
        raise Malformed("length", "at least 6 characters before the check characters", str(max(len(body), 0)))
    if len(body) > 23:
        raise Malformed("length", "at most 23 characters before the check characters", str(len(body)))
    for i, character in enumerate(body[:5]):
        if character not in "0123456789":
            raise Malformed(f"character {i + 1}", "a digit of the company prefix", shown(character))
