"""A live run: batches through real gateways over HTTP, killed and resumed, until stopped."""

import threading
import time

import pytest

httpx = pytest.importorskip("httpx", reason="the gateway comes with the server part")

from tests.agent.serving import Server
from vouchsafe.agent import plan as p
from vouchsafe.agent import simulator
from vouchsafe.agent.simulated import Fleet
from vouchsafe.attest import batch
from vouchsafe.attest.formats import eat

START = 1_764_547_200_000


@pytest.fixture
def server():
    one = Server()
    yield one
    one.close()


@pytest.fixture
def state(tmp_path):
    fleet = Fleet(
        seed=1, serials=[p.serial(n) for n in range(30)], hospitals=["a", "b"], start_ms=START, lives={}
    )
    fleet.save(tmp_path / "fleet")
    return tmp_path / "fleet"


def run(server, state, *, minutes, begin=START, token="t", until=None, **more):
    """A run whose clock makes one minute a tick."""
    stop, clock = threading.Event(), iter(range(begin, begin + 10**9, 60_000))
    seen = []

    def report(progress):
        seen.append(progress)
        if len(seen) >= minutes or (until and until(progress)):
            stop.set()

    done = simulator.run_live(
        server.url,
        token,
        state,
        stop=stop,
        every_ms=10 * 60_000,
        tick_s=0.0,
        report=report,
        now_ms=lambda: next(clock),
        **more,
    )
    return done, seen


def counters(server):
    found = {}
    for raw in server.taken:
        (item,) = batch.decode(raw)
        found.setdefault(item.ueid, []).append(eat.parse(item.evidence).claims.counter)
    return found


def test_each_device_attests_at_its_pace_and_all_arrives(server, state):
    assert abs(simulator.wall_ms() / 1000 - time.time()) < 5
    done, seen = run(server, state, minutes=31)
    assert (done.made, done.acknowledged, done.waiting, done.problem) == (
        len(server.taken),
        len(server.taken),
        0,
        "",
    )
    assert 85 <= done.made <= 95
    assert str(done) == f"{done.made} evidence made, {done.made} acknowledged, 0 waiting"
    assert {tuple(one) for one in counters(server).values()} <= {(1, 2, 3), (1, 2), (1, 2, 3, 4)}


def test_a_second_run_goes_on_with_the_counters_of_the_first(server, state):
    run(server, state, minutes=15)
    run(server, state, minutes=15, begin=START + 86_400_000)
    for found in counters(server).values():
        assert found == list(range(1, len(found) + 1))


def test_a_killed_run_uses_no_counter_twice(server, state):
    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.made > 20:
            raise Killed

    stop, clock = threading.Event(), iter(range(START, START + 10**9, 60_000))
    saved = simulator._Live.close
    simulator._Live.close = lambda self: None  # a killed process closes nothing
    try:
        with pytest.raises(Killed):
            simulator.run_live(
                server.url,
                "t",
                state,
                stop=stop,
                every_ms=600_000,
                tick_s=0.0,
                report=kill,
                now_ms=lambda: next(clock),
            )
    finally:
        simulator._Live.close = saved
    run(server, state, minutes=20, begin=START + 86_400_000)
    for found in counters(server).values():
        assert found == sorted(set(found))


def test_evidence_waits_in_the_outbox_while_the_server_is_away(server, state):
    server.failures = [(503, {})] * 1000
    done, _ = run(server, state, minutes=15)
    assert done.acknowledged == 0
    assert done.waiting == done.made > 0
    assert done.problem == "HTTP 503"
    server.failures = []
    again, _ = run(server, state, minutes=40, begin=START + 86_400_000)
    assert again.waiting == 0
    assert len(server.taken) == done.made + again.made


def test_devices_are_updated_at_the_rate_and_measure_it(server, state):
    run(server, state, minutes=61, updates_per_hour=10)
    versions = [one.device.firmware.version for one in Fleet.load(state).members]
    assert versions[:12] == ["4.1.2"] * 12
    assert 7 <= versions.count("4.2.1") <= 10
    said = [eat.parse(batch.decode(raw)[0].evidence).claims.sw_version for raw in server.taken]
    assert set(said) == {"4.1.2", "4.2.1"}


def test_a_clients_owner_keeps_it(server, state):
    with httpx.Client() as client:
        run(server, state, minutes=2, client=client)
        assert not client.is_closed


def test_the_whole_state_is_saved_now_and_then(server, state, monkeypatch):
    monkeypatch.setattr(simulator, "_SAVE_EVERY_S", -1.0)
    before = state.read_bytes()
    fleet = Fleet.load(state)
    live = simulator._Live(fleet, state, server.url, "t", httpx.Client())
    live.tick(START + 60_000)
    assert state.read_bytes() != before
    live.close()


def test_updates_follow_the_seed_and_leave_the_story_alone(state):
    fleet = Fleet.load(state)
    live = simulator._Live(fleet, state, "http://127.0.0.1:9", "t", None)
    live.update_some(5.5, "4.2.1")
    planned = [one.index for one in fleet.members if one.life.changes]
    assert len(planned) == 5
    assert min(planned) >= 12
    live.update_some(100, "4.2.1")
    assert len([one for one in fleet.members if one.life.changes]) == 18
    live.close()


def test_without_a_server_nothing_is_made_and_the_reason_is_told(server, state):
    server.close()
    done, _ = run(server, state, minutes=2)
    assert done.made == 0
    assert done.problem.startswith("no nonce: ConnectError")


def test_each_hospital_may_have_a_token_of_its_own(server, state):
    run(server, state, minutes=15, token={"a": "token-a", "b": "token-b"})
    assert {request["Authorization"] for request in server.requests} == {"Bearer token-a", "Bearer token-b"}
