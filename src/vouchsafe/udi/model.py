"""A UDI in its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

MAX_CHARS = 500
"""The longest text that is read. A GS1 symbol of the general specifications holds fewer."""


@dataclass(frozen=True, slots=True)
class Udi:
    """What one label says. Absent parts are empty texts or None.

    Attributes:
        agency: `GS1`, `HIBCC` or `ICCBBA`.
        di: the device identifier as the agency writes it; a GTIN always in 14 digits.
        software: the version of the software (GS1 AI 8012).
        others: every further element by its identifier, unread.
    """

    agency: str
    di: str
    lot: str = ""
    serial: str = ""
    made: date | None = None
    expires: date | None = None
    software: str = ""
    others: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The parts as plain values; dates as YYYY-MM-DD, absent parts left out."""
        said = {
            "agency": self.agency,
            "di": self.di,
            "lot": self.lot,
            "serial": self.serial,
            "made": self.made.isoformat() if self.made else "",
            "expires": self.expires.isoformat() if self.expires else "",
            "software": self.software,
        }
        return {k: v for k, v in said.items() if v} | ({"others": dict(self.others)} if self.others else {})
