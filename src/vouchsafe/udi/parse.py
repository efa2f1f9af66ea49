"""One door for a text whose agency is not known: a scan, a typed line, an address."""

from vouchsafe.udi import gs1, hibcc, iccbba
from vouchsafe.udi.errors import Malformed, shown
from vouchsafe.udi.model import Udi


def parse(text: str, *, this_year: int | None = None) -> Udi:
    """The UDI in `text`. The first character tells the agency: `+` HIBCC, `=` or `&` ICCBBA, else GS1.

    Raises:
        Malformed: no UDI of these three.
        WrongCheck: a check digit or character doesn't hold.
    """
    line = text.strip(" \t\r\n").lstrip("*")
    if line.startswith("++"):
        raise Malformed(
            "character 1", "a UDI-DI of a device", f"{shown(line)}, which is a Basic UDI-DI of HIBCC"
        )
    if line.startswith("+"):
        return hibcc.parse(text, this_year=this_year)
    if line.startswith(("=", "&")):
        return iccbba.parse(text)
    return gs1.parse(text, this_year=this_year)
