"""What the fleet answers about a field action: its frozen population, and where each unit stands now."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from vouchsafe.fleet import population
from vouchsafe.kernel.answers import Asked


def units(record: Asked, now: datetime) -> Mapping[str, Any]:
    """The counts of the frozen list, moved by measurement and signed replies only."""
    return population.answer(record.number, int(now.timestamp() * 1000))


ANSWERS: Mapping[str, Callable[[Asked, datetime], Any]] = {"population": units}
