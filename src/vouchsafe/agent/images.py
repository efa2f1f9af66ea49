"""The firmware images of the simulated pump: made-up bytes, the same everywhere, so that their digests can be
released.

An image is 64 KiB of SHAKE-256 output under a readable header. Nothing in it can be mistaken for real
firmware.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from vouchsafe.agent.device import Firmware, Model
from vouchsafe.attest import reference

TARN4 = Model(b"Tarn 4", "simulated")
IMAGE_BYTES = 65_536


class SimulatedBuild(NamedTuple):
    """A build with the configurations that its release approves, by name."""

    firmware: Firmware
    configs: dict[str, bytes]


def image(version: str) -> bytes:
    """The firmware image of one version of the simulated pump."""
    head = f"Tarn 4 firmware {version}: simulated, not for any device\n".encode()
    return head + hashlib.shake_256(head).digest(IMAGE_BYTES - len(head))


def loader() -> bytes:
    """The boot loader's image, the same for all versions."""
    return image("loader 1")


def config_digest(name: str) -> bytes:
    """The digest of a named configuration (a drug library, with its limits)."""
    return hashlib.sha256(f"Tarn 4 configuration {name}: simulated\n".encode()).digest()


def build(version: str, svn: int, configs: tuple[str, ...] = ("adult", "paediatric")) -> SimulatedBuild:
    """A build of the simulated pump."""
    loaded = hashlib.sha256(loader()).digest()
    firmware = Firmware(version, hashlib.sha256(image(version)).digest(), loaded, svn)
    return SimulatedBuild(firmware, {name: config_digest(name) for name in configs})


DEMO_BUILDS = (build("4.1.2", 4), build("4.2.1", 5))


def reference_set(
    builds: tuple[SimulatedBuild, ...],
    *,
    build_ids: dict[str, str] | None = None,
    min_svn: int = 0,
    ix: int = -1,
) -> reference.ReferenceSet:
    """The reference values of these builds; `build_ids` names them (version -> id), else the version does."""
    ids = build_ids or {}
    images = {
        one.firmware.image_sha256: reference.Reference(
            ids.get(one.firmware.version, one.firmware.version),
            one.firmware.version,
            one.firmware.svn,
            frozenset(one.configs.values()),
        )
        for one in builds
    }
    loaders = frozenset(one.firmware.loader_sha256 for one in builds)
    return reference.make(
        images, stages=loaders, hw_models=frozenset([TARN4.hw_model]), min_svn=min_svn, ix=ix
    )
