"""A small fleet over a real database: two releases with SBOMs, sites, devices that enrol, and an intake."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vouchsafe.agent.device import Device
from vouchsafe.agent.images import DEMO_BUILDS, TARN4, SimulatedBuild, image
from vouchsafe.agent.signer import Ed25519Signer
from vouchsafe.attest import batch, enrolment
from vouchsafe.fleet import enrol, releases, units
from vouchsafe.fleet.intake import Answer, Intake
from vouchsafe.fleet.units import Gateway, Unit
from vouchsafe.kernel import publish
from vouchsafe.sbom import statement

DI = "05060912340019"
DAY = 86_400_000
HOUR = 3_600_000
START = 1_790_000_000_000
STATION = "kendal-line-1"
RELEASE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

OLD_PARTS = [("pkg:cargo/time@0.1.44", "time", "0.1.44"), ("pkg:npm/lodash@4.17.20", "lodash", "4.17.20")]
NEW_PARTS = [("pkg:cargo/time@0.2.23", "time", "0.2.23"), ("pkg:npm/lodash@4.17.21", "lodash", "4.17.21")]


def when(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def sbom(version: str, parts: Sequence[tuple[str, ...]]) -> bytes:
    """`parts`: package URL, name, version, and perhaps a CPE."""
    components = [
        {
            "type": "library",
            "name": n,
            "version": v,
            **({"purl": p} if p else {}),
            **({"cpe": c[0]} if c else {}),
        }
        for p, n, v, *c in parts
    ]
    return json.dumps(
        {
            "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": {"component": {"type": "firmware", "name": "tarn4", "version": version}},
            "components": components,
        }
    ).encode()  # fmt: skip


@dataclass
class World:
    intake: Intake
    site: publish.Site
    gateway: Gateway
    token: str
    devices: dict[str, Device] = field(default_factory=dict)
    now: int = START
    nonce: bytes = b""

    def advance(self, ms: int) -> int:
        self.now += ms
        return self.now

    def beacon(self) -> bytes:
        return self.intake.nonce(self.now)

    def attest(self, serial: str, **more: Any) -> batch.Item:
        return self.devices[serial].attest(self.now, self.beacon(), **more)

    def send(self, *items: batch.Item, gateway: Gateway | None = None) -> list[Answer]:
        return self.intake.take(batch.encode(items), gateway or self.gateway, self.now)

    def prove(self, serial: str, **more: Any) -> Answer:
        return self.send(self.attest(serial, **more))[0]

    def update(self, serial: str, build: SimulatedBuild) -> None:
        self.devices[serial].update(build.firmware, self.now)

    def id(self, serial: str) -> int:
        return int(
            self.intake.conn.execute(
                "SELECT device FROM fleet_identity WHERE serial = %s LIMIT 1", (serial,)
            ).fetchone()[0]
        )

    def sql(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        return self.intake.conn.execute(query, params).fetchall()

    def spans(self, serial: str) -> list[tuple[Any, ...]]:
        """(t0, t1 or None, version, tier) of the current intervals."""
        return self.sql(
            "SELECT ds.t0, NULLIF(ds.t1, 9223372036854775807), b.version, s.tier FROM fleet_device_state ds"
            " JOIN fleet_state s ON s.id = ds.state LEFT JOIN fleet_build b ON b.id = s.build"
            " WHERE ds.device = %s AND ds.sup_ix IS NULL ORDER BY ds.t0, ds.id",
            self.id(serial),
        )  # fmt: skip


def release(build: SimulatedBuild, parts: Sequence[tuple[str, ...]], at: int) -> releases.Build:
    digest = hashlib.sha256(image(build.firmware.version)).hexdigest()
    envelope = statement.sign_release("tarn4", digest, sbom(build.firmware.version, parts), RELEASE_KEY)
    return releases.release(
        DI, version=build.firmware.version, svn=build.firmware.svn, image_sha256=digest, envelope=envelope,
        trusted=(RELEASE_KEY.public_key(),), by=None, at=when(at),
        measures=releases.Measures(
            configs=build.configs, stages=[build.firmware.loader_sha256], hw_models=[TARN4.hw_model]
        ),
    )  # fmt: skip


def signer(serial: str) -> Ed25519Signer:
    return Ed25519Signer(hashlib.sha256(serial.encode()).digest())


def envelope(serial: str, device: Ed25519Signer, at: int, **more: Any) -> bytes:
    station = Ed25519Signer(hashlib.sha256(STATION.encode()).digest())
    said = {
        "udi_di": DI, "serial": serial, "alg": device.alg, "public": device.public, "key_origin": "software",
        "assurance": "low", "nonce": bytes(32), "station": STATION, "at_ms": at, **more,
    }  # fmt: skip
    return enrolment.seal(enrolment.make(**said), station_sign=station.sign, device_sign=device.sign)


def build_world(dsn: str, data: Path, serials: list[str], *, workers: int = 0) -> World:
    site = publish.Site(data, "test.fellside.example")
    units.add_model(DI, "Tarn 4")
    for n in range(3):
        units.add_site(f"h{n}", name=f"Hospital {n}", city="Kendal", country="GB")
    station = Ed25519Signer(hashlib.sha256(STATION.encode()).digest())
    units.add_station(STATION, alg=station.alg, public=station.public, at_ms=START - DAY)
    token = units.add_gateway("gw-1", at_ms=START - DAY, days=3660, scopes=("evidence", "enrol"))
    release(DEMO_BUILDS[0], OLD_PARTS, START - DAY)
    release(DEMO_BUILDS[1], NEW_PARTS, START - DAY + 1000)
    units.register(
        DI,
        [Unit(serial=s, lot="L1", site=f"h{i % 3}", shipped_at=START - DAY) for i, s in enumerate(serials)],
        at_ms=START - DAY,
    )
    intake = Intake(dsn, site, workers=workers)
    intake.__enter__()
    gateway = units.authenticate(token, START)
    assert gateway is not None
    world = World(intake, site, gateway, token)
    for serial in serials:
        world.devices[serial] = Device.new(
            signer(serial), TARN4, DEMO_BUILDS[0].firmware, DEMO_BUILDS[0].configs["adult"], START - DAY
        )
    if serials:
        done = enrol.enrol(intake, [envelope(s, signer(s), START - HOUR) for s in serials], START)
        assert {d.result for d in done} == {"enrolled"}, done
    return world


def dsn_of(db: Any) -> str:
    psycopg.conninfo.conninfo_to_dict(db.app_dsn)
    return str(db.app_dsn)
