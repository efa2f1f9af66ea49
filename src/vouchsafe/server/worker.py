"""The worker: publishes events to the log, signs checkpoints, takes the steps that wait for time, and moves members of
populations by measurement.

One loop over rows that say themselves what is pending, so a crash at any point needs no recovery. A lost database
connection ends the process; the supervisor starts it again.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import django

log = logging.getLogger("vouchsafe.worker")
_PUBLISH_EVERY_S = 0.5


@dataclass(slots=True)
class Duty:
    """Something to do every so often."""

    name: str
    every_s: float
    work: Callable[[datetime], object]
    next_at: float = 0.0


def main() -> int:
    django.setup()
    from vouchsafe.fleet import population
    from vouchsafe.kernel import acts, publish

    stopping = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with publish.publisher() as publisher:
        duties = [
            Duty("publish", _PUBLISH_EVERY_S, publisher.tick),
            Duty("populations", 2.0, population.apply_measurements),
            Duty("system steps", 20.0, acts.system_steps),
        ]
        while not stopping:
            now = time.monotonic()
            for duty in duties:
                if now >= duty.next_at and not stopping:
                    duty.work(datetime.now(UTC))
                    duty.next_at = time.monotonic() + duty.every_s
            time.sleep(0.1)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vouchsafe.server.settings")
    sys.exit(main())
