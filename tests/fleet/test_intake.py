"""Evidence in: what is logged, what is answered, and what changes."""

import itertools
import random
from typing import Any

import pytest

from tests.fleet.world import DAY, HOUR, World, when
from vouchsafe.agent.images import DEMO_BUILDS
from vouchsafe.attest import batch
from vouchsafe.fleet import history, queries, units
from vouchsafe.fleet.errors import BadInput, NotFound
from vouchsafe.ledger.errors import Fenced

A, B, C, D = "T4-0311-88207", "T4-0312-88244", "T4-0313-88281", "T4-0314-88318"


def current(world: World, serial: str) -> list[tuple[Any, ...]]:
    """The intervals by content: what any order of delivery must give."""
    return world.sql(
        "SELECT s.digest, ds.t0, ds.t1, ds.g0, ds.b0, ds.c0, ds.base FROM fleet_device_state ds"
        " JOIN fleet_state s ON s.id = ds.state WHERE ds.device = %s AND ds.sup_ix IS NULL ORDER BY ds.t0, ds.c0",
        world.id(serial),
    )  # fmt: skip


def story(world: World, serial: str) -> list[batch.Item]:
    """Nine proofs over days: steady, an update, a boot, another configuration."""
    items = []
    for n in range(9):
        if n == 3:
            world.update(serial, DEMO_BUILDS[1])
        if n == 5:
            world.devices[serial].boot(world.now)
        if n == 7:
            world.devices[serial].configure(bytes(32), world.now)
        items.append(world.attest(serial))
        world.advance(HOUR)
    return items


def test_the_first_evidence_of_a_device_is_logged_and_opens_its_state(world: World) -> None:
    answer = world.prove(A)
    assert (answer.result, answer.tier, answer.reasons) == ("logged", 2, ())
    assert answer.index == 4
    assert [(s[2], s[3]) for s in world.spans(A)] == [(None, 0), ("4.1.2", 2)]
    world.intake.checkpoint(world.now)


def test_still_the_same_state_adds_no_row(world: World) -> None:
    """Trap 23, the part about rows: a heartbeat moves the head and nothing else."""
    for _ in range(20):
        world.prove(A)
        world.advance(HOUR)
    assert len(world.spans(A)) == 2
    assert world.sql("SELECT seq FROM fleet_head WHERE device = %s", world.id(A)) == [(20,)]
    assert world.sql("SELECT count(*) FROM leaf_ref WHERE kind = 'device.evidence'") == [(1,)]


def test_an_update_closes_one_interval_and_opens_the_next(world: World) -> None:
    world.prove(A)
    world.advance(DAY)
    world.update(A, DEMO_BUILDS[1])
    world.advance(HOUR)
    world.prove(A)
    spans = world.spans(A)
    assert [(s[2], s[3]) for s in spans] == [(None, 0), ("4.1.2", 2), ("4.2.1", 2)]
    assert spans[1][1] == spans[2][0] and spans[2][1] is None


def test_the_same_token_again_gets_its_old_index_however_old_it_is(world: World) -> None:
    """Trap 4: also in one batch, by another gateway, and after more proofs than a head remembers."""
    first = world.attest(A)
    index = world.send(first)[0].index
    assert [a.index for a in world.send(first, first)] == [index, index]
    token = units.add_gateway("gw-2", at_ms=world.now)
    other = units.authenticate(token, world.now)
    assert world.send(first, gateway=other)[0].result == "duplicate"
    for _ in range(12):
        world.advance(HOUR)
        world.prove(A)
    again = world.send(first)[0]
    assert (again.result, again.index) == ("duplicate", index)
    fresh = world.attest(B)
    pair = world.send(fresh, fresh)
    assert (pair[0].result, pair[1].result) == ("logged", "duplicate") and pair[0].index == pair[1].index


def test_a_second_device_with_the_key_is_contraindicated_and_never_affirming(world: World) -> None:
    """Trap 4: a counter that was used for other evidence."""
    world.prove(A)
    copy = type(world.devices[A])(world.devices[A].signer, world.devices[A].model, world.devices[A].state())
    world.advance(HOUR)
    world.prove(A)
    world.advance(HOUR)
    answer = world.send(copy.attest(world.now, world.beacon()))[0]
    assert answer.result == "logged" and answer.tier == 96 and "counter_not_advancing" in answer.reasons
    assert world.spans(A)[-1][3] == 96
    world.advance(HOUR)
    assert world.prove(A).tier == 2
    assert world.spans(A)[-1][3] == 2


def test_every_order_of_delivery_ends_in_the_same_intervals(world: World) -> None:
    """Trap 7, with duplicates, one item a batch and several, for several devices of equal fate."""
    items = story(world, A)
    world.send(*items)
    want = [row[1:] for row in current(world, A)]
    assert len(want) == 4  # never, old build, new build, new build with another configuration
    gaps = world.sql("SELECT count(*) FROM fleet_gap WHERE sup_ix IS NULL")
    orders = [list(reversed(range(9))), [0, 2, 1, 4, 3, 6, 5, 8, 7], random.Random(7).sample(range(9), 9)]
    start = world.now
    for serial, order in zip((B, C, D), orders, strict=True):
        world.now = start - 9 * HOUR
        world.intake._beacon = None
        made = story_like(world, serial, items)
        world.now = start
        delivered = [made[n] for n in order]
        for n, item in enumerate(delivered):
            world.send(item, *delivered[:n:3])
        assert [row[1:] for row in current(world, serial)] == want, order
    assert world.sql("SELECT count(*) FROM fleet_gap WHERE sup_ix IS NULL") == gaps
    assert world.sql("SELECT count(*) FROM fleet_device_state WHERE sup_ix IS NOT NULL")[0][0] > 0


def story_like(world: World, serial: str, items: list[batch.Item]) -> list[batch.Item]:
    """The same life as `items` tell, by another device: same nonces, same times."""
    from vouchsafe.attest.formats import eat

    nonces = iter([eat.parse(item.evidence).claims.nonce for item in items])
    world.beacon = lambda: next(nonces)  # type: ignore[method-assign]
    try:
        return story(world, serial)
    finally:
        del world.beacon


def test_a_clock_ten_years_off_changes_no_order_and_no_bound(world: World) -> None:
    """Trap 5."""
    world.prove(A)
    world.advance(HOUR)
    ahead = world.devices[A].attest(world.now + 3650 * DAY, world.beacon())
    answer = world.send(ahead)[0]
    assert answer.tier == 2 and "clock_outside_bounds" in answer.reasons
    v = world.sql("SELECT v, at FROM fleet_head WHERE device = %s", world.id(A))[0]
    assert v[0] <= v[1] == world.now
    world.advance(HOUR)
    behind = world.devices[A].attest(world.now - 3650 * DAY, world.beacon())
    world.send(behind)
    later = world.sql("SELECT v FROM fleet_head WHERE device = %s", world.id(A))[0][0]
    assert later >= v[0]


def test_a_server_clock_set_back_never_makes_a_leaf_older_than_the_one_before(world: World) -> None:
    """Trap 5."""
    world.prove(A)
    world.now -= 3 * HOUR
    world.prove(B)
    first, second = (world.intake.chain.at(ix).leaf.at for ix in (4, 5))
    assert second >= first


def test_months_offline_is_last_known_and_then_confirmed_again(world: World) -> None:
    """Trap 6, and 11: nothing ran in between, and the query knows all the same."""
    world.prove(A)
    world.advance(60 * DAY)
    row = queries.device(world.id(A), world.now)
    assert (row.verdict, row.freshness) == ("affirming", "last_known")
    backlog = []
    for _ in range(40):
        backlog.append(world.attest(A))
        world.advance(HOUR)
    answers = world.send(*backlog)
    assert [a.index for a in answers] == sorted(a.index for a in answers)
    assert queries.device(world.id(A), world.now).freshness == "confirmed"


def test_missing_entries_of_the_device_log_are_a_gap_with_bounds(world: World) -> None:
    """R-78: the evidence in between never arrives."""
    world.prove(A)
    lost_from = world.now
    world.advance(DAY)
    world.attest(A)
    world.advance(DAY)
    answer = world.prove(A)
    assert answer.tier == 32 and "dlog_entries_missing" in answer.reasons
    gap = world.sql("SELECT reason, t0, t1, first_entry, next_entry FROM fleet_gap")[0]
    assert gap[0] == "dlog_entries_missing" and lost_from - 1000 <= gap[1] < gap[2] and gap[3] < gap[4]
    assert world.intake.chain.at(answer.index + 1).leaf.kind == "device.gap"


def test_late_evidence_closes_the_gap_that_its_absence_made(world: World) -> None:
    world.prove(A)
    world.advance(HOUR)
    late = world.attest(A)
    world.advance(HOUR)
    assert world.prove(A).tier == 32
    world.advance(HOUR)
    assert world.send(late)[0].tier == 2
    assert world.sql("SELECT count(*) FROM fleet_gap WHERE sup_ix IS NULL") == [(0,)]
    assert [s[3] for s in world.spans(A)] == [0, 2]
    assert world.prove(A).tier == 2


def test_an_unknown_image_and_a_build_below_the_minimum_are_contraindicated(world: World) -> None:
    """Trap 8."""
    from vouchsafe.agent.images import build
    from vouchsafe.fleet import releases

    world.update(A, build("9.9.9", 9))
    assert "image_unknown" in world.prove(A).reasons
    assert world.spans(A)[-1][2:] == (None, 96)
    world.prove(B)
    before = world.sql("SELECT digest FROM fleet_state ORDER BY id")
    values = releases.reference_set("05060912340019")
    world.advance(HOUR)
    releases.set_references("05060912340019", values._replace(min_svn=5), by=None, at=when(world.now))
    world.advance(HOUR)
    answer = world.prove(B)
    assert answer.tier == 96 and "svn_below_minimum" in answer.reasons
    assert [s[3] for s in world.spans(B)] == [0, 2, 96]
    assert world.sql("SELECT digest FROM fleet_state ORDER BY id")[: len(before)] == before


def test_bad_evidence_is_kept_and_says_why(world: World) -> None:
    """R-77: kept, logged, tier drops; the next good proof restores it."""
    world.prove(A)
    ueid = world.devices[A].ueid
    answers = world.send(
        batch.make_item(ueid, 1, b"\xff" * 40, world.now),
        batch.make_item(ueid, 2, b"\x00" * 40, world.now),
    )
    assert [a.reasons for a in answers] == [("malformed",), ("format_not_supported",)]
    assert [a.tier for a in answers] == [0, 0]
    salt, payload = world.intake.chain.payload(world.intake.chain.at(answers[0].index))
    assert len(salt) == 32 and b"\xff" * 40 in payload
    assert world.spans(A)[-1][3] == 0
    world.advance(HOUR)
    assert world.prove(A).tier == 2
    assert world.spans(A)[-1][2:] == ("4.1.2", 2)


def test_an_unknown_device_is_refused_kept_aside_and_not_logged(world: World) -> None:
    before = world.sql("SELECT next_index FROM log_head WHERE origin LIKE '%%fleet/0'")
    stranger = batch.make_item(b"\x01" + b"s" * 32, 1, b"evidence", world.now)
    answer = world.send(stranger)[0]
    assert (answer.result, answer.index) == ("refused", -1) and "unknown_device" in answer.error
    assert world.sql("SELECT next_index FROM log_head WHERE origin LIKE '%%fleet/0'") == before
    pack, offset, length = world.sql("SELECT pack, offset_bytes, length_bytes FROM fleet_quarantine")[0]
    from vouchsafe.fleet.chain import pack_name

    kept = world.site.store.get(pack_name(pack))[offset : offset + length]
    assert kept[32:] == stranger.raw
    mixed = world.send(stranger, world.attest(A))
    assert [a.result for a in mixed] == ["refused", "logged"]
    assert world.sql("SELECT count(*) FROM fleet_quarantine") == [(2,)]


def test_a_malformed_batch_is_refused_as_a_whole_with_its_place(world: World) -> None:
    good = world.attest(A)
    for body, place in (
        (b"", "batch"), (good.raw + b"\x00", "item 1"), (good.raw[:-1], "item 0"), (good.raw + good.raw[:50], "item 1"),
    ):  # fmt: skip
        with pytest.raises(BadInput) as caught:
            world.intake.take(body, world.gateway, world.now)
        assert place in caught.value.place
    assert world.sql("SELECT count(*) FROM fleet_head WHERE seq > 0") == [(0,)]


def test_no_serial_lot_or_hospital_occurs_in_a_tile_or_batch_object(world: World) -> None:
    """Trap 10."""
    for serial in (A, B, C):
        world.prove(serial)
    world.intake.checkpoint(world.now)
    names = list(world.site.store.list("batch/"))
    data = b"".join(world.site.store.get(name) for name in names)
    public = world.site.public(world.intake.origin)
    data += b"".join(public.get(name) for name in public.list("tile/"))
    assert len(data) > 2000
    for word in (A, B, C, "L1", "Hospital", "Kendal", "gw-1"):
        assert word.encode() not in data


def test_an_acknowledged_item_survives_and_a_failed_commit_forgets_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 13: a fault inside the transaction leaves no leaf, no state and no head; the repetition is logged once."""
    from vouchsafe.fleet import heads

    world.prove(A)
    item = world.attest(A)
    broken = heads.save

    def fail(*_: Any) -> None:
        raise RuntimeError("power")

    monkeypatch.setattr(heads, "save", fail)
    with pytest.raises(RuntimeError, match="power"):
        world.send(item)
    monkeypatch.setattr(heads, "save", broken)
    assert world.sql("SELECT seq FROM fleet_head WHERE device = %s", world.id(A)) == [(1,)]
    answer = world.send(item)[0]
    assert (answer.result, answer.index, answer.tier) == ("logged", 5, 2)
    world.intake.checkpoint(world.now)


def test_a_restarted_intake_goes_on_where_it_was_and_a_second_one_is_kept_out(world: World, db: Any) -> None:
    from vouchsafe.fleet.intake import Intake

    for n in itertools.count():
        world.prove(A)
        world.advance(HOUR)
        if n == 2:
            break
    with pytest.raises(Fenced), Intake(db.app_dsn, world.site):
        pass
    last = world.attest(A)
    index = world.send(last)[0].index
    world.intake.close()
    world.intake = Intake(db.app_dsn, world.site).__enter__()
    again = world.send(last)[0]
    assert (again.result, again.index) == ("duplicate", index)
    world.advance(HOUR)
    assert world.prove(A).tier == 2
    assert len(world.spans(A)) == 2


def test_heads_that_are_lost_are_rebuilt_from_the_log(world: World) -> None:
    """Trap 23: the chain alone says where a device stands."""
    story_items = story(world, A)
    world.send(*story_items)
    head = world.sql("SELECT ix FROM fleet_head WHERE device = %s", world.id(A))[0][0]
    links = list(world.intake.chain.back(head))
    assert [link.leaf.seq for link in links] == list(range(len(links) - 1, -1, -1))
    assert links[-1].leaf.kind == "device.enrol"


def test_a_state_in_the_past_is_answered_with_its_evidence_and_its_gaps(world: World) -> None:
    """R-80, R-12."""
    for _ in range(5):
        world.prove(A)
        world.advance(HOUR)
    quiet_from = world.now
    world.advance(30 * HOUR)
    world.update(A, DEMO_BUILDS[1])
    world.prove(A)
    device = world.id(A)
    good = history.state_at(device, quiet_from - 90 * 60_000, world.now)
    assert (good.verdict, good.freshness, good.version, good.in_gap) == (
        "affirming",
        "confirmed",
        "4.1.2",
        False,
    )
    assert good.config_name == "adult" and good.ix == 7 and good.age_ms == 30 * 60_000
    gap = history.state_at(device, quiet_from + 10 * HOUR, world.now)
    assert gap.in_gap and gap.freshness == "last_known" and gap.version == "4.1.2" and gap.age_ms == 11 * HOUR
    nothing = history.state_at(device, world.now - 400 * DAY, world.now)
    assert nothing.freshness == "unknown"
    strip = history.strip(device, quiet_from - 5 * HOUR, world.now + HOUR, world.now)
    assert [s.kind for s in strip.trust] == ["affirming", "unknown", "affirming"]
    assert [s.text for s in strip.firmware] == ["4.1.2", "4.2.1"]
    assert {lane[-1].t1 for lane in (strip.trust, strip.firmware, strip.configuration)} == {world.now + 1}
    assert not history.strip(device, world.now + HOUR, world.now + DAY, world.now).trust
    assert len(strip.ticks) == 6 and [g.kind for g in strip.gaps] == ["silence"]
    narrow = history.strip(
        device, quiet_from + HOUR, world.now + HOUR, world.now
    )  # holds no spacing but the silence
    assert [s.kind for s in narrow.trust] == ["unknown", "affirming"]
    before = history.state_at(device, world.now, world.now, known_ix=8)
    assert before.version == "4.1.2"  # as the tables stood before the last leaf


def test_a_listed_device_opens_its_proof(world: World) -> None:
    from vouchsafe.kernel import publish
    from vouchsafe.ledger import policy, proofs

    answer = world.prove(A)
    world.intake.checkpoint(world.now)
    publish.tick(when(world.now))
    found = history.proof(world.id(A), answer.index)
    shard, root = (policy.parse(text) for text in publish.trust_policies())
    verified = proofs.verify_two_step(found, shard_policy=shard, root_policy=root)
    assert verified.shard.origin == world.intake.origin
    assert found.entry == world.intake.chain.at(answer.index).raw
    with pytest.raises(NotFound):
        history.proof(world.id(B), answer.index)  # another device's leaf
