"""The simulated fleet, live: batches through real gateways over HTTP, until told to stop.

`Fleet` (in `simulated`) makes evidence for any stretch of simulated time; `run_live` lets a saved fleet go on
in real time.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from vouchsafe.agent import plan as p
from vouchsafe.agent.gateway import Gateway
from vouchsafe.agent.outbox import Outbox
from vouchsafe.agent.simulated import UDI_DI, Fleet, GatewayBatch, Simulated, Step, key_of, station_key

__all__ = [
    "UDI_DI", "Fleet", "GatewayBatch", "Progress", "Simulated", "Step", "key_of", "run_live", "station_key",
]  # fmt: skip

_NONCE_EVERY_S = 30.0
_SAVE_EVERY_S = 300.0


class Progress(NamedTuple):
    """What a live run has done since it began."""

    made: int
    acknowledged: int
    waiting: int
    problem: str

    def __str__(self) -> str:
        said = f"{self.made} evidence made, {self.acknowledged} acknowledged, {self.waiting} waiting"
        return f"{said} ({self.problem})" if self.problem else said


def wall_ms() -> int:
    """Now, in ms."""
    return time.time_ns() // 1_000_000


def run_live(
    url: str,
    token: str | Mapping[str, str],
    fleet_state: Path,
    *,
    stop: threading.Event,
    every_ms: int = 15 * 60_000,
    updates_per_hour: int = 60,
    update_to: str = "4.2.1",
    tick_s: float = 1.0,
    report: Callable[[Progress], None] = lambda _: None,
    now_ms: Callable[[], int] = wall_ms,
    client: httpx.Client | None = None,
) -> Progress:
    """Let a saved fleet live until `stop` is set: each device attests every `every_ms`, some are updated each
    hour.

    `token` is one for all gateways or one for each hospital. What the fleet made while nobody listened waits
    in the outbox beside `fleet_state`. Each device's state is kept before its evidence is: a killed run skips
    counters, and uses none twice.
    """
    fleet = Fleet.load(fleet_state)
    # Nobody ran the devices between the last run and now: they were switched off, which is a gap in time and
    # no fault.
    fleet.now_ms = max(fleet.now_ms, now_ms())
    fleet.pace(every_ms)
    own = client or httpx.Client(timeout=httpx.Timeout(30.0, connect=5.0))
    live = _Live(fleet, fleet_state, url, token, own)
    progress = live.progress()
    try:
        while not stop.is_set():
            moment = now_ms()
            live.update_some(updates_per_hour * max(moment - fleet.now_ms, 0) / p.HOUR_MS, update_to)
            live.tick(moment)
            progress = live.progress()
            report(progress)
            stop.wait(tick_s)
    finally:
        live.close()
        if client is None:
            own.close()
    return progress


class _Live:
    """The moving parts of a live run."""

    def __init__(
        self, fleet: Fleet, path: Path, url: str, token: str | Mapping[str, str], client: httpx.Client
    ) -> None:
        self.fleet = fleet
        self.path = path
        outbox = path.with_name(path.name + ".outbox")
        self.gateways = {
            name: Gateway(
                name, url=url, token=token if isinstance(token, str) else token[name],
                outbox=Outbox(outbox, name), client=client,
            )
            for name in fleet.hospitals
        }  # fmt: skip
        self.made = self.acknowledged = 0
        self.problem = ""
        self._nonce: bytes | None = None
        self._nonce_at = self._saved_at = -1e9
        self._owed_updates = 0.0

    def tick(self, now_ms: int) -> None:
        """Make what is due, keep it, send what waits."""
        if not self._has_nonce():
            return
        nonce = self._nonce or b""
        for step in self.fleet.steps(
            now_ms, every_ms=max(now_ms - self.fleet.now_ms, 1), nonce_at=lambda _: nonce
        ):
            if step.by_hospital:
                # Counters first: after a crash here a device has skipped numbers, it never uses one twice.
                self.fleet.save_touched(self.path)
            for hospital, items in step.by_hospital.items():
                self.gateways[hospital].put(items)
                self.made += len(items)
        if time.monotonic() - self._saved_at > _SAVE_EVERY_S:
            self.save()
        for gateway in self.gateways.values():
            sent = gateway.send(now_ms)
            if sent is not None:
                self.acknowledged += len(sent.leaves)
                self.problem = sent.problem

    def _has_nonce(self) -> bool:
        if time.monotonic() - self._nonce_at > _NONCE_EVERY_S:
            try:
                self._nonce = next(iter(self.gateways.values())).nonce()
            except (httpx.HTTPError, ValueError) as error:
                self.problem = f"no nonce: {type(error).__name__}: {error}"
            self._nonce_at = time.monotonic() - (0 if self._nonce else _NONCE_EVERY_S - 2)
        return self._nonce is not None

    def update_some(self, share: float, version: str) -> None:
        """Plan the update of the next devices that run another build, in an order that the seed gives."""
        self._owed_updates += share
        while self._owed_updates >= 1:
            self._owed_updates -= 1
            left = [one for one in self.fleet.members[12:] if self._may_update(one, version)]
            if not left:
                return
            chosen = min(left, key=lambda one: hashlib.sha256(one.serial.encode()).digest())
            self.fleet.change(chosen.serial, self.fleet.now_ms, p.UPDATE, version)

    def _may_update(self, one: Simulated, version: str) -> bool:
        planned = any(change.act == p.UPDATE for change in one.life.changes[one.changed :])
        away = any(spell.holds(self.fleet.now_ms) for spell in one.life.spells)
        return one.device.firmware.version != version and not planned and not away

    def progress(self) -> Progress:
        """Where it stands."""
        waiting = sum(gateway.outbox.waiting() for gateway in self.gateways.values())
        return Progress(self.made, self.acknowledged, waiting, self.problem)

    def save(self) -> None:
        """Keep the fleet's state."""
        self.fleet.save(self.path)
        self._saved_at = time.monotonic()

    def close(self) -> None:
        """Keep the state; what was not sent stays in the outbox."""
        with contextlib.ExitStack() as closing:
            for gateway in self.gateways.values():
                closing.callback(gateway.outbox.close)
            self.save()
