"""What runs on a device: boot, configure, update, attest. Written to be read and ported.

The order inside `attest` matters on real hardware: the counter is raised and stored before the signature
leaves the device, so that a power loss can skip a number and never use one twice.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Protocol

from vouchsafe.agent.measurementlog import LogState, MeasurementLog
from vouchsafe.attest import batch, devicelog, keys
from vouchsafe.attest.formats import cbor, cose, eat


class Signer(Protocol):
    """The key slot: a secure element, a TPM, a DICE alias key, or software."""

    alg: str
    public: bytes

    def sign(self, message: bytes) -> bytes:
        """The signature of `message`, raw."""
        ...


class Firmware(NamedTuple):
    """An installed build as the boot chain measures it."""

    version: str
    image_sha256: bytes
    loader_sha256: bytes
    svn: int
    loader_svn: int = 1


class Model(NamedTuple):
    """What is the same on all devices of a model."""

    hw_model: bytes
    hw_version: str
    oem_id: int | None = None


class DeviceState(NamedTuple):
    """What must survive a power loss, in the device's own non-volatile memory."""

    counter: int
    bootcount: int
    booted_ms: int
    firmware: Firmware
    config: bytes
    previous: bytes | None
    log: LogState


class Device:
    """One device. Times are the device's own clock, in ms, passed in."""

    def __init__(self, signer: Signer, model: Model, state: DeviceState, *, epoch: int = 0) -> None:
        self.signer = signer
        self.model = model
        self.epoch = epoch
        self.log = MeasurementLog(state.log)
        self.counter = state.counter
        self.bootcount = state.bootcount
        self.booted_ms = state.booted_ms
        self.firmware = state.firmware
        self.config = state.config
        self.previous = state.previous
        info = keys.spki(signer.alg, signer.public)
        self.ueid = keys.ueid(info)
        self._protected = cose.protect(signer.alg, keys.key_id(info))

    @classmethod
    def new(cls, signer: Signer, model: Model, firmware: Firmware, config: bytes, now_ms: int) -> Device:
        """A device fresh from the line: log started, booted once."""
        state = DeviceState(0, 0, now_ms, firmware, config, None, LogState(0, (), ()))
        device = cls(signer, model, state)
        device._note(devicelog.STARTED, now_ms, model.hw_model)
        device.boot(now_ms)
        return device

    def state(self) -> DeviceState:
        """What to store."""
        log = self.log.state()
        return DeviceState(
            self.counter, self.bootcount, self.booted_ms, self.firmware, self.config, self.previous, log
        )

    def _note(self, kind: int, now_ms: int, data: cbor.Value) -> None:
        self.log.append(devicelog.encode_entry(kind, max(now_ms, 0), data))

    def boot(self, now_ms: int) -> None:
        """Start: each stage measures the next one before it runs."""
        self.bootcount += 1
        self.booted_ms = now_ms
        measured: cbor.Value = [self.bootcount, self.firmware.loader_sha256, self.firmware.image_sha256]
        self._note(devicelog.BOOTED, now_ms, measured)
        self._note(devicelog.CONFIGURED, now_ms, self.config)

    def configure(self, config: bytes, now_ms: int) -> None:
        """Take another configuration, given by the digest of its canonical bytes."""
        self._note(devicelog.CONFIGURED, now_ms, config)
        self.config = config

    def update(self, firmware: Firmware, now_ms: int) -> None:
        """Install another build, older or newer, and boot it."""
        self._note(devicelog.UPDATED, now_ms, [self.firmware.image_sha256, firmware.image_sha256])
        self.firmware = firmware
        self.boot(now_ms)

    def attest(self, now_ms: int, nonce: bytes, *, says_version: str | None = None) -> batch.Item:
        """One item of evidence over the state now. `nonce` proves that it was not made before the nonce
        existed.

        `says_version` is what the device calls itself; the measured digests are what it is.
        """
        self.counter += 1
        self._note(devicelog.ATTESTED, now_ms, [self.counter, nonce])
        size, root = self.log.head()
        firmware = self.firmware
        claims = eat.Claims(
            ueid=self.ueid, nonce=nonce, profile=eat.PROFILE, bootcount=self.bootcount, counter=self.counter,
            dlog_size=size, dlog_root=root,
            stages=(
                eat.Stage("loader", firmware.loader_sha256, firmware.loader_svn),
                eat.Stage("firmware", firmware.image_sha256, firmware.svn),
            ),
            config=self.config, iat_s=max(now_ms, 0) // 1000, previous=self.previous, epoch=self.epoch,
            oem_id=self.model.oem_id, hw_model=self.model.hw_model, hw_version=(self.model.hw_version,),
            uptime_s=max(now_ms - self.booted_ms, 0) // 1000, oem_boot=True, dbg_stat=3,
            sw_version=says_version or firmware.version,
        )  # fmt: skip
        payload = eat.build_payload(claims)
        signature = self.signer.sign(cose.to_be_signed(self._protected, payload))
        evidence = cose.assemble(self._protected, payload, signature)
        part = self.log.part()
        self.log.mark_attested()
        self.previous = hashlib.sha256(evidence).digest()
        return batch.make_item(self.ueid, batch.FMT_EAT, evidence, max(now_ms, 0), part)
