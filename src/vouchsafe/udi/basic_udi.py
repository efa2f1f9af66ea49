"""The Basic UDI-DI, which groups models in EUDAMED and stands on no label: GS1's GMN and HIBCC's form.

WEAKNESS: the forms of ICCBBA and IFA are not read; their rules are not public enough to be checked.
"""

from dataclasses import dataclass

from vouchsafe.udi import checks
from vouchsafe.udi.errors import Malformed, WrongCheck, shown


@dataclass(frozen=True, slots=True)
class BasicUdi:
    """A Basic UDI-DI whose check characters hold. `body` is all but the two check characters."""

    agency: str
    text: str
    body: str
    check: str


def parse(text: str) -> BasicUdi:
    """The Basic UDI-DI in `text`: GS1's unless it begins with HIBCC's flag `++`.

    Raises:
        Malformed: not one.
        WrongCheck: the check characters don't hold.
    """
    body, check = text[:-2], text[-2:]
    agency = "HIBCC" if text.startswith("++") else "GS1"
    _check_body(body, agency)
    for i, character in enumerate(check):
        if character not in checks.CSET32:
            place = f"character {len(body) + i + 1}"
            raise Malformed(
                place, "a check character: a digit 2 to 9 or a capital letter but I and O", shown(character)
            )
    wanted = checks.gmn(body)
    if check != wanted:
        raise WrongCheck(f"character {len(body) + 1}", f"the check characters {wanted}", shown(check))
    return BasicUdi(agency, text, body, check)


def with_check(body: str) -> str:
    """The Basic UDI-DI of a body: its two check characters added.

    Raises:
        Malformed: the body can't be one.
    """
    _check_body(body, "HIBCC" if body.startswith("++") else "GS1")
    return body + checks.gmn(body)


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
