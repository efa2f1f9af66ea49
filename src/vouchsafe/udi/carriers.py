"""Where the data of a scanned text begins: after white space and the symbology identifier that a reader puts first.

Source: ISO/IEC 15424 names the identifiers; GS1 General Specifications 7.8.1 those that say "GS1 element strings follow".
"""

from vouchsafe.udi.errors import Malformed, shown
from vouchsafe.udi.limits import MAX_CHARS

GS1 = ("]d2", "]C1", "]e0", "]e1", "]e2", "]Q3", "]J1")
"""Data Matrix, GS1-128, DataBar and composites, QR code, DotCode, each with FNC1 first."""

RETAIL = {"]E0": 13, "]E4": 8, "]I0": 14, "]I1": 14}
"""EAN-13 and UPC, EAN-8, ITF-14: a bare GTIN of that many digits."""

PLAIN = (
    "]A0",
    "]A1",
    "]A2",
    "]A3",
    "]A4",
    "]A5",
    "]A7",
    "]C0",
    "]d0",
    "]d1",
    "]Q0",
    "]Q1",
    "]z0",
    "]L0",
    "]J0",
)
"""Carriers of any text: HIBCC, ICCBBA, IFA or an address."""


def begin(text: str) -> tuple[int, str]:
    """The index of the first character of the data, and the symbology identifier before it ("" when there is none).

    Raises:
        Malformed: too long, nothing there, or the data of a carrier that no agency uses.
    """
    if len(text) > MAX_CHARS:
        raise Malformed("length", f"at most {MAX_CHARS} characters", f"{len(text):,}")
    at = len(text) - len(text.lstrip(" \t\r\n"))
    if at == len(text):
        raise Malformed("character 1", "a UDI", "nothing")
    if text[at] != "]":
        return at, ""
    name = text[at : at + 3]
    if name not in GS1 and name not in RETAIL and name not in PLAIN:
        raise Malformed(
            f"character {at + 1}", "a symbology identifier that carries UDIs, such as ]d2", shown(name)
        )
    if at + 3 >= len(text.rstrip(" \t\r\n")):
        raise Malformed(f"character {at + 4}", "a UDI", "nothing")
    return at + 3, name
