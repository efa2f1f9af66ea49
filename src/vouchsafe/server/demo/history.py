"""Thirty days of the simulated fleet through the real intake, with simulated time passed in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vouchsafe.agent.plan import DAY_MS
from vouchsafe.agent.simulated import Fleet, GatewayBatch
from vouchsafe.fleet import enrol, units
from vouchsafe.fleet.intake import Intake
from vouchsafe.server.demo.state import State

DAYS = 30
_AT_ONCE = 4
_ENROL_BATCH = 500


def fleet_of(company: dict[str, Any], state: State, now_ms: int, devices: int) -> Fleet:
    """The fleet as it was kept, or a new one that begins thirty days before now."""
    if state.fleet.exists():
        return Fleet.load(state.fleet)
    made = Fleet.demo(
        hospitals=[one["key"] for one in company["hospitals"]],
        start_ms=now_ms - DAYS * DAY_MS,
        end_ms=now_ms,
        devices=devices,
    )
    made.save(state.fleet)
    return made


def enrol_all(intake: Intake, fleet: Fleet) -> None:
    """Bind each pump's key to its UDI. One that is known answers so."""
    nonce = intake.nonce(fleet.start_ms)
    envelopes = [envelope for _, envelope in fleet.enrolments(nonce)]
    for first in range(0, len(envelopes), _ENROL_BATCH):
        for done in enrol.enrol(intake, envelopes[first : first + _ENROL_BATCH], fleet.start_ms):
            if done.result not in ("enrolled", "known"):
                raise RuntimeError(f"{done.serial} wasn't enrolled: {done.error}")


def live_through(
    intake: Intake,
    fleet: Fleet,
    state: State,
    tokens: dict[str, str],
    until_ms: int,
    told: Callable[[float], None],
) -> int:
    """Let the fleet live until `until_ms`, a day at a time; gives the number of evidence taken.

    A device's state is kept before its evidence is sent, so a run that is killed skips counters and uses none twice.
    """
    gateways = {key: units.authenticate(token, until_ms) for key, token in tokens.items()}
    begin, total = fleet.now_ms, 0

    def take(one: GatewayBatch) -> int:
        gateway = gateways[one.hospital]
        assert gateway
        return len(intake.take(one.body, gateway, one.at_ms))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while fleet.now_ms < until_ms:
            end = min(fleet.now_ms + DAY_MS, until_ms)
            day = list(fleet.batches(end, every_ms=DAY_MS, nonce_at=intake.nonce))
            fleet.save_touched(state.fleet)
            total += sum(pool.map(take, day))
            intake.checkpoint(end)
            told((fleet.now_ms - begin) / max(1, until_ms - begin))
    fleet.save(state.fleet)
    return total
