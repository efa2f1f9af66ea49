"""A pump that was silent is updated by a service engineer and speaks again: real agent, real evidence, over HTTP.

The live simulation keeps this pump silent, so its state is nobody else's, and no counter is used twice.
"""

import json
import time
from collections.abc import Sequence

import httpx

from tests.e2e.product import Product
from vouchsafe.agent import plan
from vouchsafe.agent.simulated import Fleet, Simulated
from vouchsafe.attest import batch


def silent(product: Product) -> Simulated:
    """A pump that has attested before and makes no evidence any more."""
    fleet = Fleet.load(product.data / "demo" / "fleet")
    now = time.time_ns() // 1_000_000
    for one in fleet.members:
        if one.last and any(
            s.what == plan.SILENCE and s.to_ms is None and s.holds(now) for s in one.life.spells
        ):
            if one.device.firmware.version == "4.1.2":
                return one
    raise AssertionError("every pump of this fleet speaks")


def serials_with(product: Product, spell: str) -> list[str]:
    """The pumps in a certain spell until further notice."""
    fleet = Fleet.load(product.data / "demo" / "fleet")
    return [
        one.serial
        for one in fleet.members
        if any(s.what == spell and s.to_ms is None for s in one.life.spells)
    ]


def update(product: Product, one: Simulated, version: str) -> None:
    """Install a build on the pump, and let it attest through its hospital's gateway."""
    fleet = Fleet.load(product.data / "demo" / "fleet")
    now = time.time_ns() // 1_000_000
    one.device.update(fleet.builds[version].firmware, now)
    _send(product, one, now)


def _send(product: Product, one: Simulated, now_ms: int) -> None:
    token = _tokens(product)[one.hospital]
    headers = {"Authorization": f"Bearer {token}"}
    base = f"http://127.0.0.1:{product.port + 1}"
    nonce = bytes.fromhex(httpx.get(f"{base}/v1/nonce", headers=headers).raise_for_status().json()["nonce"])
    items: Sequence[batch.Item] = [one.device.attest(now_ms, nonce)]
    answer = httpx.post(
        f"{base}/v1/evidence",
        content=batch.encode(items),
        headers={**headers, "Content-Type": batch.MEDIA_TYPE},
    ).raise_for_status()
    assert answer.json()["items"][0]["index"] >= 0, answer.text


def _tokens(product: Product) -> dict[str, str]:
    found = json.loads((product.data / "demo" / "gateways.json").read_text())
    return {str(k): str(v) for k, v in found.items()}
