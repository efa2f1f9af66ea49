"""People, sites, units, keys and releases of the demonstration company, through the kernel's and the fleet's own doors."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from vouchsafe.agent import images
from vouchsafe.agent.simulated import Fleet
from vouchsafe.attest.verify import AppraisalPolicy
from vouchsafe.fleet import errors, releases, units
from vouchsafe.kernel import people
from vouchsafe.kernel.errors import NotFound
from vouchsafe.sbom import statement
from vouchsafe.server.demo.state import State


def read(folder: Path) -> dict[str, Any]:
    """The company's description."""
    found = yaml.safe_load((folder / "company.yaml").read_text())
    assert isinstance(found, dict)
    return found


def add_people(company: dict[str, Any], password: str, at: datetime) -> None:
    """Everyone with their roles; who is there already is left alone."""
    zone = company["organisation"]["timezone"]
    for one in company["people"]:
        try:
            people.find(one["username"])
        except NotFound:
            person = people.create(
                one["username"], email=one["email"], full_name=one["name"], job_title=one["title"], zone=zone,
                password=password, at=at,
            )  # fmt: skip
            for role in one["roles"]:
                people.grant(person, role, by=None, at=at, reason="Set up with the demonstration")


def add_sites(company: dict[str, Any]) -> None:
    units.add_model(company["product"]["udi_di"], company["product"]["name"])
    for one in company["hospitals"]:
        units.add_site(one["key"], name=one["name"], city=one["city"], country=one["country"])


def add_gateways(company: dict[str, Any], state: State, at_ms: int) -> dict[str, str]:
    """A gateway a hospital; gives hospital -> token. Tokens are kept, because they can't be asked for again."""
    tokens = state.kept("gateways")
    for one in company["hospitals"]:
        if one["key"] in tokens:
            continue
        name = f"gw-{one['key']}"
        for attempt in range(1, 10):
            try:
                tokens[one["key"]] = units.add_gateway(name, at_ms=at_ms, days=366, site=one["key"])
                break
            except errors.Refused:  # made by a run that was killed before it kept the token
                name = f"gw-{one['key']}-{attempt + 1}"
        state.keep("gateways", tokens)
    return {str(k): str(v) for k, v in tokens.items()}


def add_units(company: dict[str, Any], fleet: Fleet, at_ms: int) -> None:
    """Every pump in the register, as shipped to its hospital."""
    station, (alg, public) = next(iter(fleet.stations().items()))
    units.add_station(station, alg=alg, public=public, at_ms=at_ms)
    units.register(
        company["product"]["udi_di"],
        [
            units.Unit(
                serial=one.serial, lot=one.serial[3:7], site=one.hospital, shipped_at=at_ms, reference="demo"
            )
            for one in fleet.members
        ],
        at_ms=at_ms,
    )


def add_releases(company: dict[str, Any], folder: Path, state: State) -> None:
    """The appraisal policy and the two builds, each bound by its image's digest to its signed SBOM."""
    udi_di = company["product"]["udi_di"]
    have = {build.version for build in releases.builds(udi_di)}
    key = _release_key(state)
    builds = {one.firmware.version: one for one in images.DEMO_BUILDS}
    for number, one in enumerate(company["releases"]):
        version = str(one["version"])
        if version in have:
            continue
        build, at = (
            builds[version],
            datetime.combine(one["released"], datetime.min.time(), UTC).replace(hour=10),
        )
        if number == 0:
            releases.set_policy(AppraisalPolicy(nonces={}), by=None, at=at)
        image = images.image(version)
        assert hashlib.sha256(image).digest() == build.firmware.image_sha256
        releases.release(
            udi_di,
            version=version,
            svn=build.firmware.svn,
            image_sha256=build.firmware.image_sha256.hex(),
            envelope=statement.sign_release(
                f"{company['product']['name']} firmware {version}", build.firmware.image_sha256.hex(),
                (folder / one["sbom"]).read_bytes(), key,
            ),
            trusted=(key.public_key(),),
            measures=releases.Measures(
                configs=build.configs, stages=[build.firmware.loader_sha256], hw_models=[images.TARN4.hw_model]
            ),
            by=people.find("katarzyna.nowak"),
            at=at,
        )  # fmt: skip


def _release_key(state: State) -> ed25519.Ed25519PrivateKey:
    """The key that signs releases. A real company keeps it in a hardware module."""
    path = state.folder / "release.key"
    if not path.exists():
        made = ed25519.Ed25519PrivateKey.generate()
        path.touch(mode=0o600)
        path.write_bytes(
            made.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    public = state.data / "keys" / "release" / "demo.pem"
    if not public.exists():  # what a reader's trust policy names as the key of our releases
        public.parent.mkdir(parents=True, exist_ok=True)
        public.write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
    return key
