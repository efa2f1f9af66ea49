"""How this package counts time: milliseconds since the epoch. Times are passed in; nothing here asks a clock."""

from datetime import datetime


def ms(at: datetime) -> int:
    """A moment in ms since the epoch."""
    return int(at.timestamp() * 1000)
