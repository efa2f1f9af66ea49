"""How far the demonstration's loading is: a small file in the data folder, written by whoever loads it."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

FILE = "seeding.json"
MAX_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Progress:
    """What the page says while the demonstration is loading."""

    says: str
    percent: int


def read() -> Progress | None:
    """The progress; None when nothing is loading."""
    try:
        raw = (Path(settings.VOUCHSAFE_DATA) / FILE).read_bytes()[:MAX_BYTES]
        told = json.loads(raw)
        if told.get("done"):
            return None
        return Progress(str(told.get("says", ""))[:200], max(0, min(100, int(told.get("percent", 0)))))
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None  # nothing is loading, or the file is being written in this moment
