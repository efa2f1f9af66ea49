"""The door for devices over real HTTP: what is taken, what is refused, and how."""

import gzip
import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import waitress

from tests.fleet.world import DI, HOUR, World, envelope, signer
from vouchsafe.attest import batch, limits
from vouchsafe.fleet import units
from vouchsafe.fleet.intake_app import Door
from vouchsafe.fleet.units import Unit

A = "T4-0311-88207"


class Caller:
    """Speaks to a door on a port."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token

    def __call__(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Authorization", f"Bearer {self.token}")
        conn.request(method, path, body=body, headers={k: v for k, v in named.items() if v})
        answer = conn.getresponse()
        data = answer.read()
        conn.close()
        return answer.status, json.loads(data)


@pytest.fixture
def call(world: World) -> Iterator[Caller]:
    server = waitress.create_server(
        Door(world.intake, lambda: world.now), host="127.0.0.1", port=0, threads=4
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield Caller(server.effective_port, world.token)
    server.close()
    thread.join(5)


def test_a_batch_is_answered_with_leaf_indexes(world: World, call: Caller) -> None:
    items = [world.attest(serial) for serial in world.devices]
    for path in ("/v1/evidence", "/api/device/evidence"):
        status, answer = call("POST", path, gzip.compress(batch.encode(items)), Content_Encoding="gzip")
        assert status == 200 and [item["index"] for item in answer["items"]] == [4, 5, 6, 7]
    assert {item["result"] for item in answer["items"]} == {"duplicate"}
    status, answer = call("POST", "/v1/evidence", world.attest(A).raw)
    assert answer["items"][0]["tier"] == 2 and answer["items"][0]["log"] == world.intake.origin


def test_the_nonce_is_the_one_that_evidence_may_carry(world: World, call: Caller) -> None:
    status, answer = call("GET", "/v1/nonce")
    assert status == 200
    item = world.devices[A].attest(world.now, bytes.fromhex(answer["nonce"]))
    assert world.send(item)[0].reasons == ()
    world.advance(HOUR)
    assert call("GET", "/v1/nonce")[1]["nonce"] != answer["nonce"]
    stranger = world.devices[A].attest(world.now, bytes(32))
    assert world.send(stranger)[0].reasons == ("nonce_unknown",)


def test_who_may_not_send_is_told_so_and_nothing_is_taken(world: World, call: Caller) -> None:
    body = world.attest(A).raw
    assert call("POST", "/v1/evidence", body, Authorization="")[0] == 401
    assert call("POST", "/v1/evidence", body, Authorization="Bearer wrong")[0] == 401
    assert call("POST", "/v1/evidence", body, Authorization="Basic x")[0] == 401
    only_evidence = Caller(call.port, units.add_gateway("ward 3", at_ms=world.now))
    status, answer = only_evidence("POST", "/v1/enrol", b"[]")
    assert status == 403 and "enrol" in answer["error"]
    units.revoke_gateway("ward 3", at_ms=world.now)
    world.advance(60_000)  # a token may be remembered for ten seconds
    assert only_evidence("POST", "/v1/evidence", body)[0] == 401
    assert world.sql("SELECT count(*) FROM fleet_head WHERE seq > 0") == [(0,)]


@pytest.mark.parametrize(
    ("body", "headers", "status", "place"),
    [
        (b"", {}, 400, "batch"),
        (b"\x85", {}, 400, "item 0"),
        (b"not cbor at all", {}, 400, "item 0"),
        (b"x", {"Content_Encoding": "gzip"}, 400, "body"),
        (gzip.compress(b"abc", mtime=0)[:-3], {"Content_Encoding": "gzip"}, 400, "body"),
        (gzip.compress(b"abc", mtime=0) + b"more", {"Content_Encoding": "gzip"}, 400, "body"),
        (b"x", {"Content_Encoding": "br"}, 415, None),
        (gzip.compress(bytes(limits.MAX_BATCH_BYTES + 1)), {"Content_Encoding": "gzip"}, 413, None),
    ],
)
def test_a_bad_body_names_the_place_and_changes_nothing(
    world: World, call: Caller, body: bytes, headers: dict[str, str], status: int, place: str | None
) -> None:
    got, answer = call("POST", "/v1/evidence", body, **headers)
    assert got == status
    if place:
        assert place in answer["error"]["place"] and answer["error"]["expected"]
    assert world.sql("SELECT count(*) FROM fleet_quarantine") == [(0,)]


def test_too_many_items_are_refused_and_a_full_batch_is_taken(world: World, call: Caller) -> None:
    stranger = batch.make_item(b"\x01" + b"s" * 32, 1, b"e", world.now).raw
    status, answer = call("POST", "/v1/evidence", stranger * (limits.MAX_BATCH_ITEMS + 1))
    assert status == 400 and "5000" in answer["error"]["expected"]
    status, answer = call("POST", "/v1/evidence", stranger * limits.MAX_BATCH_ITEMS)
    assert status == 200 and len(answer["items"]) == limits.MAX_BATCH_ITEMS
    assert {item["index"] for item in answer["items"]} == {-1}


def test_other_addresses_and_methods_are_told(call: Caller) -> None:
    assert call("GET", "/nothing")[0] == 404
    assert call("GET", "/v1/evidence")[0] == 405
    assert call("GET", "/healthz", Authorization="")[0] == 200


def test_enrolment_over_http_and_a_copied_key(world: World, call: Caller) -> None:
    """A key that is known under another unit is logged as a clone, and the unit stays unknown (evidence.md 4.1)."""
    units.register(DI, [Unit(serial="N-1"), Unit(serial="N-2")], at_ms=world.now)
    made = json.loads(envelope("N-1", signer("N-1"), world.now))
    copied = json.loads(envelope("N-2", signer("N-1"), world.now))
    unknown = json.loads(envelope("N-9", signer("N-9"), world.now))
    status, answer = call("POST", "/v1/enrol", json.dumps([made]).encode())
    assert status == 200 and answer["items"][0]["result"] == "enrolled"
    again = call("POST", "/v1/enrol", json.dumps([made, copied, unknown]).encode())[1]["items"]
    assert [item["result"] for item in again] == ["known", "clone", "refused"]
    assert again[0]["index"] == answer["items"][0]["index"]
    leaf = world.intake.chain.at(again[1]["index"]).leaf
    assert leaf.kind == "device.clone"
    assert (
        call("POST", "/v1/enrol", json.dumps([copied]).encode())[1]["items"][0]["index"] == again[1]["index"]
    )
    assert world.sql("SELECT serial FROM fleet_clone") == [("N-2",)]
    bad = dict(made, payload="AAAA")
    assert call("POST", "/v1/enrol", json.dumps([bad]).encode())[1]["items"][0]["result"] == "refused"
    for body in (b"{}", b"[]", b"[1]", b"[", b""):
        assert call("POST", "/v1/enrol", body)[0] == 400


def test_senders_at_once_share_a_transaction_and_lose_nothing(world: World, call: Caller) -> None:
    bodies = []
    for serial in world.devices:
        for _ in range(6):
            bodies.append(world.attest(serial).raw)
    indexes: list[int] = []

    def send(part: list[bytes]) -> None:
        for body in part:
            indexes.append(call("POST", "/v1/evidence", body)[1]["items"][0]["index"])

    threads = [threading.Thread(target=send, args=(bodies[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(indexes) == sorted(set(indexes)) and len(indexes) == len(bodies)
    assert world.sql("SELECT max(seq), min(seq) FROM fleet_head")[0][1] >= 6
