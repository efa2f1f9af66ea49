"""Load the demonstration unless it is loaded, then run its fleet against the intake until told to stop."""

import logging
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

from vouchsafe.server.demo.state import State

log = logging.getLogger("vouchsafe.demo")
_LIVE_EVERY_MS = 10 * 60_000
_UPDATES_AN_HOUR = 240
_JOINED_DAYS = 130  # before the oldest record of the company


def main(folder: Path, devices: int) -> int:
    django.setup()
    from django.conf import settings

    from vouchsafe.agent import simulator
    from vouchsafe.server.demo import company

    state = State(settings.VOUCHSAFE_DATA)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    described = company.read(folder)
    if not state.seeded:
        _load(described, folder, state, devices)
    tokens = company.add_gateways(described, state, _now_ms())
    simulator.run_live(
        f"http://127.0.0.1:{settings.VOUCHSAFE_INTAKE_PORT}", tokens, state.fleet, stop=stop,
        every_ms=_LIVE_EVERY_MS, updates_per_hour=_UPDATES_AN_HOUR, update_to="4.2.1",
    )  # fmt: skip
    return 0


def _load(described: dict[str, Any], folder: Path, state: State, devices: int) -> None:
    from vouchsafe.fleet.intake import Intake
    from vouchsafe.kernel import publish
    from vouchsafe.server.demo import company, history, records

    began = time.monotonic()
    now = datetime.now(UTC)
    state.says("People and their roles", 1)
    company.add_people(described, state.password(), now - timedelta(days=_JOINED_DAYS))
    state.says("Hospitals, pumps and releases", 4)
    company.add_sites(described)
    tokens = company.add_gateways(described, state, _now_ms() - history.DAYS * 86_400_000)
    fleet = history.fleet_of(described, state, _now_ms(), devices)
    company.add_units(described, fleet, fleet.start_ms)
    company.add_releases(described, folder, state)
    state.says("Complaints and CAPA", 8)
    records.load(folder, state)
    with Intake(publish.dsn(), publish.site(), workers=2) as intake:
        state.says(f"{devices} pumps enrol", 10)
        history.enrol_all(intake, fleet)
        taken = history.live_through(
            intake, fleet, state, tokens, _now_ms(),
            lambda share: state.says(f"Thirty days of evidence from {devices} pumps", 14 + int(85 * share)),
        )  # fmt: skip
    state.done()
    log.warning("loaded %d evidence in %.0f s", taken, time.monotonic() - began)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    # The records' own times are passed in, days ago; the offset is kept with each signature.
    os.environ["VOUCHSAFE_CLOCK_LIMIT_S"] = "0"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vouchsafe.server.settings")
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000))
