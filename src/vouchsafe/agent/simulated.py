"""A fleet of simulated devices: real agents, real signatures, simulated time.

The fleet moves through time by `steps`, which gives what each hospital's gateway would send. Keys come from
(seed, serial), behaviour from the plan; what a device must remember is in its state, which `save` and `load`
keep. So a history that was made in one process is continued by another as if by the same devices.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import cbor2

from vouchsafe.agent import plan as p
from vouchsafe.agent.device import Device, DeviceState, Firmware
from vouchsafe.agent.images import DEMO_BUILDS, TARN4, SimulatedBuild, config_digest
from vouchsafe.agent.measurementlog import LogState, MeasurementLog
from vouchsafe.agent.signer import Ed25519Signer
from vouchsafe.attest import batch, enrolment
from vouchsafe.attest.errors import Malformed

UDI_DI = "05060912340019"
NonceAt = Callable[[int], bytes]


class Step(NamedTuple):
    """What the gateways have received by `at_ms` and send now: hospital -> items, oldest first."""

    at_ms: int
    by_hospital: dict[str, list[batch.Item]]

    def items(self) -> list[batch.Item]:
        """All items, hospital after hospital."""
        return [item for items in self.by_hospital.values() for item in items]


class GatewayBatch(NamedTuple):
    """The body of one ingest batch, as a gateway posts it."""

    at_ms: int
    hospital: str
    items: int
    body: bytes


@dataclass(slots=True)
class Simulated:
    """One device with its life and what is in the air."""

    index: int
    serial: str
    hospital: str
    every_ms: int
    life: p.Life
    device: Device
    changed: int = 0
    last: batch.Item | None = None
    heard: bytes | None = None
    clone: Device | None = None
    rolled_back_from: Firmware | None = None
    rewritten: bool = False
    backlog: list[batch.Item] = field(default_factory=list)


def key_of(seed: int, serial: str) -> Ed25519Signer:
    """The key of a simulated device."""
    return Ed25519Signer(sha256(f"vouchsafe simulated device/{seed}/{serial}".encode()).digest())


def station_key(seed: int) -> Ed25519Signer:
    """The key of the simulated line station that signs enrolment statements."""
    return Ed25519Signer(sha256(f"vouchsafe simulated station/{seed}".encode()).digest())


class Fleet:
    """Simulated devices. `start_ms`: when they were made and booted first. Nothing here reads a clock."""

    station = "kendal-line-1"

    def __init__(
        self,
        *,
        seed: int,
        serials: Sequence[str],
        hospitals: Sequence[str],
        start_ms: int,
        lives: Mapping[str, p.Life],
        builds: Sequence[SimulatedBuild] = DEMO_BUILDS,
        every_ms: int = p.DAY_MS,
        dense: Sequence[str] = (),
        dense_every_ms: int = p.HOUR_MS,
    ) -> None:
        self.seed = seed
        self.start_ms = start_ms
        self.now_ms = start_ms
        self.builds = {one.firmware.version: one for one in builds}
        self._first = builds[0]
        self.hospitals = tuple(hospitals)
        self.members: list[Simulated] = []
        self._due: list[tuple[int, int]] = []
        self._touched: set[int] = set()
        quick = set(dense)
        for index, name in enumerate(serials):
            period = dense_every_ms if name in quick else every_ms
            hospital = hospitals[int(p.draw(seed, name, "hospital") ** 1.6 * len(hospitals))]
            device = Device.new(
                key_of(seed, name),
                TARN4,
                self._first.firmware,
                next(iter(self._first.configs.values())),
                start_ms,
            )
            life = lives.get(name, p.Life())
            self.members.append(Simulated(index, name, hospital, period, life, device))
            heapq.heappush(self._due, (start_ms + int(period * p.draw(seed, name, "phase")), index))
        self.by_serial = {one.serial: one for one in self.members}

    @classmethod
    def demo(
        cls,
        *,
        hospitals: Sequence[str],
        start_ms: int,
        end_ms: int,
        devices: int = 2000,
        seed: int = 4,
        dense_every_ms: int = p.HOUR_MS,
    ) -> Fleet:
        """The demonstration's fleet: daily evidence, hourly for the pumps of the story."""
        serials = [p.serial(index) for index in range(devices)]
        lives = p.demo_plan(serials, seed=seed, from_ms=start_ms, to_ms=end_ms)
        return cls(
            seed=seed,
            serials=serials,
            hospitals=hospitals,
            start_ms=start_ms,
            lives=lives,
            dense=serials[:12],
            dense_every_ms=dense_every_ms,
        )

    # -- what the register needs
    # ------------------------------------------------------------------------------------

    def enrolments(self, nonce: bytes, *, at_ms: int | None = None) -> Iterator[tuple[Simulated, bytes]]:
        """Each device with its enrolment envelope, signed by the station's key and the device's."""
        station = station_key(self.seed)
        for one in self.members:
            signer = one.device.signer
            statement = enrolment.make(
                udi_di=UDI_DI, serial=one.serial, lot=one.serial[3:7], alg=signer.alg, public=signer.public,
                key_origin="software", assurance="low", nonce=nonce, station=self.station,
                at_ms=self.start_ms if at_ms is None else at_ms,
            )  # fmt: skip
            yield one, enrolment.seal(statement, station_sign=station.sign, device_sign=signer.sign)

    def stations(self) -> dict[str, tuple[str, bytes]]:
        """The stations that `enrolment.verify` should know."""
        station = station_key(self.seed)
        return {self.station: (station.alg, station.public)}

    # -- what people do to devices
    # ----------------------------------------------------------------------------------

    def change(self, serial: str, at_ms: int, act: str, value: str = "") -> None:
        """Plan a change (update, configure, boot) that has not happened yet."""
        one = self.by_serial[serial]
        if act not in p.CHANGES:
            raise ValueError(f"expected one of {', '.join(p.CHANGES)}, got {act}")
        done, ahead = one.life.changes[: one.changed], one.life.changes[one.changed :]
        one.life = one.life._replace(changes=(*done, *sorted((*ahead, p.Change(at_ms, act, value)))))

    def fault(self, serial: str, what: str, from_ms: int, to_ms: int | None = None, value: str = "") -> None:
        """Turn a spell on for one device."""
        if what not in p.SPELLS:
            raise ValueError(f"expected one of {', '.join(p.SPELLS)}, got {what}")
        one = self.by_serial[serial]
        one.life = one.life._replace(spells=(*one.life.spells, p.Spell(from_ms, to_ms, what, value)))

    def pace(self, every_ms: int) -> None:
        """From now on each device attests this often, spread evenly over the period."""
        self._due = []
        for one in self.members:
            one.every_ms = every_ms
            phase = int(every_ms * p.draw(self.seed, one.serial, "phase"))
            heapq.heappush(self._due, (self.now_ms + phase, one.index))

    # -- time
    # -------------------------------------------------------------------------------------------------------

    def steps(self, until_ms: int, *, every_ms: int, nonce_at: NonceAt) -> Iterator[Step]:
        """Move to `until_ms` in steps; each step gives what the gateways send at its end.

        `nonce_at` gives the nonce that a device would hear at a moment; it is called with moments that do not
        fall.
        """
        while self.now_ms < until_ms:
            end_ms = min(self.now_ms + every_ms, until_ms)
            sent: dict[str, list[batch.Item]] = {}
            while self._due and self._due[0][0] < end_ms:
                at_ms, index = heapq.heappop(self._due)
                one = self.members[index]
                self._touched.add(index)
                heapq.heappush(self._due, (at_ms + one.every_ms, index))
                for hospital, item in self._report(one, at_ms, nonce_at):
                    sent.setdefault(hospital, []).append(item)
            self.now_ms = end_ms
            yield Step(end_ms, sent)

    def batches(self, until_ms: int, *, every_ms: int, nonce_at: NonceAt) -> Iterator[GatewayBatch]:
        """As `steps`, as the bodies that the gateways post."""
        for step in self.steps(until_ms, every_ms=every_ms, nonce_at=nonce_at):
            for hospital, items in step.by_hospital.items():
                for first in range(0, len(items), 5000):
                    some = items[first : first + 5000]
                    yield GatewayBatch(step.at_ms, hospital, len(some), batch.encode(some))

    def _change_to(self, one: Simulated, device: Device, at_ms: int) -> None:
        """Let everything happen that was planned up to this moment."""
        while one.changed < len(one.life.changes) and one.life.changes[one.changed].at_ms <= at_ms:
            change = one.life.changes[one.changed]
            one.changed += 1
            if change.act == p.BOOT:
                device.boot(change.at_ms)
            elif change.act == p.CONFIGURE:
                device.configure(self._config(device, change.value), change.at_ms)
            else:
                device.update(self.builds[change.value].firmware, change.at_ms)

    def _config(self, device: Device, name: str) -> bytes:
        return self.builds[device.firmware.version].configs.get(name) or config_digest(name)

    def _report(self, one: Simulated, at_ms: int, nonce_at: NonceAt) -> list[tuple[str, batch.Item]]:
        """What leaves the hospital's gateway because of this device at this moment."""
        holds = {spell.what: spell for spell in one.life.spells if spell.holds(at_ms)}
        if p.SILENCE in holds:
            return []
        self._change_to(one, one.device, at_ms)
        self._roll_back(one, p.ROLLBACK in holds and holds[p.ROLLBACK].value, at_ms)
        if p.REPLAY in holds and one.last:
            return [(self._neighbour(one), one.last)]
        # Without contact a device goes on with the nonce that it heard last.
        nonce = one.heard if p.OFFLINE in holds and one.heard else nonce_at(at_ms)
        one.heard = nonce
        if p.CLONE in holds and one.clone is None:
            one.clone = Device(one.device.signer, one.device.model, one.device.state())
        if p.REWRITE in holds and not one.rewritten:
            one.rewritten = True
            one.device.log = _another_past(one.device.log)
        skew_ms = int(holds[p.CLOCK_SKEW].value) if p.CLOCK_SKEW in holds else 0
        says = holds[p.LIAR].value if p.LIAR in holds else None
        item = one.device.attest(at_ms + skew_ms, nonce, says_version=says)
        # The gateway's clock is right even where the device's is not.
        item = batch.make_item(item.ueid, item.fmt, item.evidence, at_ms, item.log)
        if p.BAD_SIGNATURE in holds:
            item = _spoil(item)
        if p.OFFLINE in holds:
            one.backlog.append(item)
            return []
        if p.GAP in holds:
            return []
        one.last = item
        sent = [(one.hospital, old) for old in one.backlog]
        one.backlog.clear()
        sent.append((one.hospital, item))
        if p.CLONE in holds and one.clone is not None:
            sent.append((self._neighbour(one), one.clone.attest(at_ms + 1000, nonce)))  # never the same bytes
        return sent

    def _roll_back(self, one: Simulated, version: str | bool, at_ms: int) -> None:
        if version and one.rolled_back_from is None:
            one.rolled_back_from = one.device.firmware
            one.device.update(self.builds[str(version)].firmware, at_ms)
        elif not version and one.rolled_back_from is not None:
            one.device.update(one.rolled_back_from, at_ms)
            one.rolled_back_from = None

    def _neighbour(self, one: Simulated) -> str:
        return self.hospitals[(self.hospitals.index(one.hospital) + 1) % len(self.hospitals)]

    # -- keeping
    # ----------------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write everything that `load` needs; the file is whole or the old one."""
        found = {
            "v": 1,
            "seed": self.seed,
            "start": self.start_ms,
            "now": self.now_ms,
            "hospitals": self.hospitals,
            "builds": [[list(one.firmware), one.configs] for one in self.builds.values()],
            "due": self._due,
            "members": [_member_out(one) for one in self.members],
        }
        temporary = path.with_name(path.name + ".new")
        with temporary.open("wb") as file:
            file.write(cbor2.dumps(found))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _journal(path).unlink(missing_ok=True)
        self._touched.clear()

    def save_touched(self, path: Path) -> None:
        """Append the devices that reported since the last saving; `load` takes them too."""
        with _journal(path).open("ab") as file:
            for index in sorted(self._touched):
                file.write(cbor2.dumps([index, self.now_ms, _member_out(self.members[index])]))
            file.flush()
            os.fsync(file.fileno())
        self._touched.clear()

    @classmethod
    def load(cls, path: Path) -> Fleet:
        """The fleet as it was saved. The file is our own; one that is not raises Malformed."""
        try:
            found = cbor2.loads(path.read_bytes())
            builds = [SimulatedBuild(Firmware(*firmware), configs) for firmware, configs in found["builds"]]
            fleet = cls(seed=found["seed"], serials=(), hospitals=found["hospitals"], start_ms=found["start"],
                        lives={}, builds=builds)  # fmt: skip
            fleet.now_ms = found["now"]
            fleet._due = [(at_ms, index) for at_ms, index in found["due"]]
            kept: list[dict[str, Any]] = found["members"]
            for index, now_ms, member in _journalled(path):
                kept[index] = member
                fleet.now_ms = max(fleet.now_ms, now_ms)
            fleet.members = [_member_in(one, index, fleet.seed) for index, one in enumerate(kept)]
        except (cbor2.CBORError, KeyError, TypeError, ValueError) as error:
            raise Malformed(
                str(path), "the state of a simulated fleet", f"{type(error).__name__}: {error}"
            ) from error
        fleet.by_serial = {one.serial: one for one in fleet.members}
        return fleet


def _journal(path: Path) -> Path:
    return path.with_name(path.name + ".journal")


def _journalled(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """What `save_touched` appended; a last record that a crash cut off is left out: nothing was sent."""
    if not _journal(path).exists():
        return
    with _journal(path).open("rb") as file:
        while True:
            try:
                index, now_ms, member = cbor2.load(file)
            except cbor2.CBORDecodeError:
                return
            yield index, now_ms, member


def _spoil(item: batch.Item) -> batch.Item:
    evidence = item.evidence[:-1] + bytes([item.evidence[-1] ^ 1])
    return batch.make_item(item.ueid, item.fmt, evidence, item.gateway_ms, item.log)


def _another_past(log: MeasurementLog) -> MeasurementLog:
    state = log.state()
    peaks = tuple([sha256(b"another past" + one).digest() for one in state.attested_peaks])
    return MeasurementLog(state._replace(attested_peaks=peaks))


def _device_out(device: Device) -> list[Any]:
    state = device.state()
    return [*state[:3], list(state.firmware), state.config, state.previous, [*map(_plain, state.log)]]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _device_in(found: list[Any], seed: int, serial: str) -> Device:
    counter, bootcount, booted_ms, firmware, config, previous, (size, peaks, entries) = found
    log = LogState(size, tuple(peaks), tuple(entries))
    state = DeviceState(counter, bootcount, booted_ms, Firmware(*firmware), config, previous, log)
    return Device(key_of(seed, serial), TARN4, state)


def _member_out(one: Simulated) -> dict[str, Any]:
    return {
        "serial": one.serial,
        "hospital": one.hospital,
        "every": one.every_ms,
        "changed": one.changed,
        "changes": [list(change) for change in one.life.changes],
        "spells": [list(spell) for spell in one.life.spells],
        "device": _device_out(one.device),
        "clone": one.clone and _device_out(one.clone),
        "last": one.last and one.last.raw,
        "heard": one.heard,
        "rewritten": one.rewritten,
        "rolled": one.rolled_back_from and list(one.rolled_back_from),
        "backlog": [item.raw for item in one.backlog],
    }


def _member_in(found: dict[str, Any], index: int, seed: int) -> Simulated:
    serial = found["serial"]
    life = p.Life(
        tuple([p.Change(*change) for change in found["changes"]]),
        tuple([p.Spell(*spell) for spell in found["spells"]]),
    )
    return Simulated(
        index,
        serial,
        found["hospital"],
        found["every"],
        life,
        _device_in(found["device"], seed, serial),
        changed=found["changed"],
        last=batch.decode(found["last"])[0] if found["last"] else None,
        heard=found["heard"],
        clone=_device_in(found["clone"], seed, serial) if found["clone"] else None,
        rolled_back_from=Firmware(*found["rolled"]) if found["rolled"] else None,
        rewritten=found["rewritten"],
        backlog=[batch.decode(raw)[0] for raw in found["backlog"]],
    )
