"""A UDI in its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from vouchsafe.udi.limits import MAX_CHARS as MAX_CHARS


@dataclass(frozen=True, slots=True)
class Udi:
    """What one label says. Absent parts are empty texts or None.

    Attributes:
        agency: `GS1`, `HIBCC`, `ICCBBA` or `IFA`.
        di: the device identifier as the agency writes it; a GTIN always in 14 digits.
        made, expires: the day. Day 00 is read as the last of the month; `made_text` and `expires_text` keep what stood
            there, hours included.
        software: the version of the software (GS1 AI 8012).
        check: the check characters that hold: of the GTIN, of the HIBC text, of the PPN. ICCBBA has none in its data.
        others: every further element by its identifier, unread.
    """

    agency: str
    di: str
    lot: str = ""
    serial: str = ""
    made: date | None = None
    expires: date | None = None
    software: str = ""
    check: str = ""
    made_text: str = ""
    expires_text: str = ""
    others: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The parts as plain values; dates as YYYY-MM-DD, absent parts left out."""
        said = {
            "agency": self.agency,
            "di": self.di,
            "lot": self.lot,
            "serial": self.serial,
            "made": self.made.isoformat() if self.made else "",
            "made_text": self.made_text,
            "expires": self.expires.isoformat() if self.expires else "",
            "expires_text": self.expires_text,
            "software": self.software,
            "check": self.check,
        }
        return {k: v for k, v in said.items() if v} | ({"others": dict(self.others)} if self.others else {})
