"""The Basic UDI-DI, which groups models in EUDAMED and stands on no label; and EUDAMED's own identifiers.

GS1's is the Global Model Number; HIBCC's begins with `++`. Devices under the directives have a EUDAMED DI, `B-…`, and a
EUDAMED ID, `D-…`, made by hand or of their UDI-DI.
WEAKNESS: the forms of ICCBBA and IFA are not read; their rules are not public enough to be checked. A EUDAMED DI made of
a UDI-DI that is no GTIN is refused, for nothing tells it from one whose check characters are wrong.
Source: GS1 General Specifications 2.6.13 and 7.9.5; EUDAMED business rules BR-UDID-642 and 643.

    >>> parse("1987654Ad4X4bL5ttr2310c2K").agency
    'GS1'
    >>> parse("B-AF-MF-000000245AT").agency
    'EUDAMED'
"""

from dataclasses import dataclass

from vouchsafe.udi import checks
from vouchsafe.udi.errors import Malformed, NotRead, WrongCheck, shown
from vouchsafe.udi.limits import MAX_CHARS

_GTIN_LENGTHS = (8, 12, 13, 14)


@dataclass(frozen=True, slots=True)
class BasicUdi:
    """A Basic UDI-DI whose check characters hold. `body` is all but the check characters.

    `agency` is GS1, HIBCC or EUDAMED. A EUDAMED identifier made of a GTIN has that GTIN's one check digit.
    """

    agency: str
    text: str
    body: str
    check: str


def agency_of(text: str) -> str:
    """Whose Basic UDI-DI `text` would be, by how it begins."""
    if text.startswith("++"):
        return "HIBCC"
    return "EUDAMED" if text.startswith(("B-", "D-")) else "GS1"


def parse(text: str) -> BasicUdi:
    """The Basic UDI-DI in `text`: GS1's unless it begins with HIBCC's flag `++`, or with EUDAMED's `B-` or `D-`.

    Raises:
        Malformed: not one.
        NotRead: one of an agency whose rules are not public enough.
        WrongCheck: the check characters don't hold.
    """
    if len(text) > MAX_CHARS:
        raise Malformed("length", f"at most {MAX_CHARS} characters", f"{len(text):,}")
    agency = agency_of(text)
    if agency == "EUDAMED":
        return _eudamed(text)
    if text.startswith("PP"):
        raise NotRead(
            "character 1", "a Basic UDI-DI of GS1 or HIBCC", f"{shown(text)}, which looks like IFA's"
        )
    body, check = text[:-2], text[-2:]
    _check_body(body, agency)
    _check_pair(body, check, len(body))
    return BasicUdi(agency, text, body, check)


def with_check(body: str) -> str:
    """The Basic UDI-DI of a body: its two check characters added. Of a EUDAMED DI they cover what follows `B-`.

    Raises:
        Malformed: the body can't be one.
    """
    agency = agency_of(body)
    if agency == "EUDAMED":
        _check_own(body[2:], 2)
        return body + checks.gmn(body[2:])
    _check_body(body, agency)
    return body + checks.gmn(body)


def _check_pair(body: str, check: str, at: int) -> None:
    for i, character in enumerate(check):
        if character not in checks.CSET32:
            wanted = "a check character: a digit 2 to 9 or a capital letter but I and O"
            raise Malformed(f"character {at + i + 1}", wanted, shown(character))
    wanted = checks.gmn(body)
    if check != wanted:
        raise WrongCheck(f"character {at + 1}", f"the check characters {wanted}", shown(check))


def _eudamed(text: str) -> BasicUdi:
    """BR-UDID-642 and 643: `B-` and a UDI-DI, or `B-`, 1 to 21 characters and a pair; `D-` before the same.

    The official samples write `D-AF-…` for the device of `B-AF-…`; the rule's words would give `D-B-AF-…`. Both are read.
    """
    at = 4 if text.startswith("D-B-") else 2
    own = text[at:]
    if own.isascii() and own.isdecimal() and len(own) in _GTIN_LENGTHS and checks.gmn(own[:-2]) != own[-2:]:
        checks.require_mod10(own, f"character {len(text)}")
        return BasicUdi("EUDAMED", text, text[:-1], text[-1])
    body, check = own[:-2], own[-2:]
    _check_own(body, at)
    _check_pair(body, check, at + len(body))
    return BasicUdi("EUDAMED", text, text[:-2], check)


def _check_own(body: str, at: int) -> None:
    if not 1 <= len(body) <= 21:
        raise Malformed(
            "length", "1 to 21 characters and two check characters after the prefix", str(len(body) + 2)
        )
    for i, character in enumerate(body):
        if character not in checks.CSET82:
            raise Malformed(f"character {at + i + 1}", "a character of GS1's set 82", shown(character))


def _check_body(body: str, agency: str) -> None:
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
