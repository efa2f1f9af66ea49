"""One door for a text whose agency is not known: a scan, a typed line, an address."""

from datetime import date

from vouchsafe.udi import carriers, gs1, hibcc, iccbba, ifa
from vouchsafe.udi.errors import Malformed, shown
from vouchsafe.udi.model import Udi


def parse(text: str, *, today: date | None = None) -> Udi:
    """The UDI in `text`. The first character tells the agency: `+` HIBCC, `=` or `&` ICCBBA, `9N` IFA, else GS1.

    Two lines that both begin with `+` are HIBCC's primary and secondary symbol. `today` decides the century of two-digit
    years; None takes the clock's.

    Raises:
        Malformed: no UDI of these four.
        NotRead: a form that an agency defines and that is not read here.
        WrongCheck: a check digit or character doesn't hold.
    """
    at, carrier = carriers.begin(text)
    line = text[at:].lstrip("*")
    if line.startswith("++"):
        raise Malformed(
            f"character {at + 1}", "a UDI-DI of a device", f"{shown(line)}, which is a Basic UDI-DI of HIBCC"
        )
    if carrier not in carriers.GS1 and carrier not in carriers.RETAIL:
        if line.startswith("+"):
            primary, _, secondary = text.strip("\r\n").partition("\n")
            return hibcc.parse(primary, secondary, today=today)
        if line.startswith(("=", "&")):
            return iccbba.parse(text, today=today)
        if ifa.looks_so(line):
            return ifa.parse(text, today=today)
    return gs1.parse(text, today=today)
