"""Whatever happens on the way, an item leaves the outbox only with a leaf index, and arrives once."""

import pytest

httpx = pytest.importorskip("httpx", reason="the gateway comes with the server part")

from tests.agent.serving import NONCE, Server
from vouchsafe.agent.gateway import MAX_BACKOFF_MS, Gateway, Leaf
from vouchsafe.agent.outbox import Outbox
from vouchsafe.attest import batch, limits

ITEMS = [batch.make_item(b"\x01" + bytes([n]) * 32, 1, bytes([n]) * 400, n) for n in range(1, 9)]


@pytest.fixture
def server():
    one = Server()
    yield one
    one.close()


@pytest.fixture
def gateway(server, tmp_path):
    with httpx.Client(timeout=5) as client:
        outbox = Outbox(tmp_path / "outbox", "ward 7")
        yield Gateway("ward 7", url=server.url + "/", token="secret", outbox=outbox, client=client)
        outbox.close()


def raws(items=ITEMS):
    return [item.raw for item in items]


def test_a_batch_is_sent_compressed_and_leaves_with_its_indexes(server, gateway):
    gateway.put(ITEMS)
    sent = gateway.send(0)
    assert sent.leaves == tuple(Leaf("l", n) for n in range(8))
    assert (server.taken, gateway.outbox.waiting()) == (raws(), 0)
    request = server.requests[0]
    assert (request["path"], request["Authorization"]) == ("/v1/evidence", "Bearer secret")
    assert (request["Content-Type"], request["Content-Encoding"]) == ("application/cbor-seq", "gzip")


def test_a_small_batch_is_sent_as_it_is(server, gateway):
    gateway.put(ITEMS[:1])
    assert gateway.send(0).leaves
    assert "Content-Encoding" not in server.requests[0]


def test_nothing_to_send_is_no_request(server, gateway):
    assert gateway.send(0) is None
    assert server.requests == []


def test_a_lost_answer_makes_no_second_leaf(server, gateway):
    gateway.put(ITEMS)
    server.failures = ["lost"]
    assert gateway.send(0).problem
    assert gateway.outbox.waiting() == 8
    assert gateway.send(gateway.next_try_ms).leaves == tuple(Leaf("l", n) for n in range(8))
    assert server.taken == raws()


@pytest.mark.parametrize("failure", [(500, {}), (503, {}), (401, {}), (429, {}), (200, {}), (200, []), (200, {"items": []}),
                                     (200, {"items": [{"log": "l", "index": "x"}] * 8}), (200, {"items": ["x"] * 8})])  # fmt: skip
def test_any_other_answer_means_later_with_growing_patience(server, gateway, failure):
    gateway.put(ITEMS)
    server.failures = [failure] * 12
    waits, now = [], 0
    for _ in range(12):
        assert gateway.send(now).problem
        assert gateway.send(gateway.next_try_ms - 1) is None
        waits.append(gateway.next_try_ms - now)
        now = gateway.next_try_ms
    assert waits == sorted(waits)
    assert waits[0] >= 1000
    assert MAX_BACKOFF_MS <= waits[-1] <= MAX_BACKOFF_MS * 1.25
    assert gateway.send(now).leaves
    assert server.taken == raws()


def test_the_servers_wish_for_patience_is_kept_up_to_the_limit(tmp_path):
    def answer(request):
        return httpx.Response(429, headers={"Retry-After": retry})

    for retry, least in (("60", 60_000), ("999999", MAX_BACKOFF_MS), ("soon", 1000)):
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            one = Gateway("g", url="http://x", token="t", outbox=Outbox(":memory:", "g"), client=client)
            one.put(ITEMS)
            one.send(0)
            assert least <= one.next_try_ms <= least * 1.25


def test_an_item_that_the_server_cannot_read_is_set_aside_and_the_others_arrive(server, gateway):
    gateway.put(ITEMS[:5])
    gateway.outbox.put([b"\x00 not an item"])
    gateway.put(ITEMS[5:])
    refused = sum(gateway.send(0).refused for _ in range(9) if gateway.outbox.waiting())
    assert refused == 1
    assert sorted(server.taken) == sorted(raws())
    assert gateway.outbox.waiting() == 0
    ((raw, why),) = gateway.outbox.refused()
    assert raw == b"\x00 not an item"
    assert "HTTP 400" in why
    assert "item 0 at byte 0" in why


def test_an_item_without_a_leaf_is_set_aside(server, gateway):
    gateway.put(ITEMS[:2])
    server.failures = [
        (200, {"items": [{"log": "l", "index": -1, "error": "nobody enrolled it"}, {"log": "l", "index": 4}]})
    ]
    sent = gateway.send(0)
    assert (sent.refused, sent.leaves) == (1, (Leaf("l", 4),))
    assert gateway.outbox.refused() == [(ITEMS[0].raw, "nobody enrolled it")]


def test_a_batch_that_is_too_large_goes_in_parts(server, gateway):
    gateway.put(ITEMS)
    too_large = lambda body: (413, {}) if len(body) > 1000 else None  # noqa: E731
    server.failures = [too_large] * 20
    for _ in range(20):
        gateway.send(0)
    assert server.taken == raws()


def test_the_outbox_survives_the_gateway(server, tmp_path):
    Outbox(tmp_path / "o", "a").put(raws())
    again, other = Outbox(tmp_path / "o", "a"), Outbox(tmp_path / "o", "b")
    assert [raw for _, raw in again.oldest(10, 10**6)] == raws()
    assert other.oldest(10, 10**6) == []


def test_the_outbox_gives_no_more_than_asked_and_at_least_one():
    outbox = Outbox(":memory:", "a")
    outbox.put(raws())
    assert len(outbox.oldest(3, 10**6)) == 3
    assert len(outbox.oldest(5, 2 * len(ITEMS[0].raw))) == 2
    assert len(outbox.oldest(5, 1)) == 1
    assert limits.MAX_BATCH_ITEMS >= len(outbox.oldest(limits.MAX_BATCH_ITEMS, 10**6)) == 8


def test_the_nonce_is_fetched(gateway):
    assert gateway.nonce() == NONCE


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, json={"nonce": "00"}), httpx.Response(200, json=[]),
                                    httpx.Response(200, json={"nonce": "zz"}), httpx.Response(200, text="hello")])  # fmt: skip
def test_another_nonce_is_refused(answer):
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as client:
        one = Gateway("g", url="http://x", token="t", outbox=Outbox(":memory:", "g"), client=client)
        with pytest.raises((httpx.HTTPError, ValueError)):
            one.nonce()
