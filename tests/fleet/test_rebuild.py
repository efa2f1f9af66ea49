"""The tables are a function of the log and the store, and the counts a function of the raw evidence."""

import random
from typing import Any

from tests.fleet.test_population import advisory
from tests.fleet.world import DAY, HOUR, World, when
from vouchsafe.agent.images import DEMO_BUILDS, build
from vouchsafe.attest import batch
from vouchsafe.fleet import crosscheck, impact, queries, rebuild

A, B, C, D = "T4-0311-88207", "T4-0312-88244", "T4-0313-88281", "T4-0314-88318"


def eventful(world: World) -> None:
    """Updates, late and lost evidence, a copy, garbage, an unknown image, a re-enrolment, silence."""
    chance = random.Random(5)
    held: list[batch.Item] = []
    for n in range(14):
        for serial in (A, B, C):
            item = world.attest(serial)
            if chance.random() < 0.25:
                held.append(item)
            elif chance.random() > 0.1:
                world.send(item)
        if n == 3:
            world.update(A, DEMO_BUILDS[1])
        if n == 5:
            world.update(B, build("9.9.9", 9))
        if n == 8:
            world.update(B, DEMO_BUILDS[0])
            world.send(batch.make_item(world.devices[A].ueid, 1, b"garbage", world.now))
        if n == 10:
            chance.shuffle(held)
            world.send(*held, held[0])
            held = []
        world.advance(HOUR)


def test_a_rebuild_from_index_0_gives_the_same_tables(world: World, db: Any) -> None:
    """R-77, trap 7: every verdict is made again from the stored evidence, and every row comes out equal."""
    eventful(world)
    report = rebuild.rebuild(db.owner_dsn, world.intake.origin, world.site.store)
    assert report.differences == ()
    assert report.leaves > 40
    assert world.sql("SELECT count(*) FROM fleet_device_state WHERE sup_ix IS NOT NULL")[0][0] > 0
    assert world.sql("SELECT count(*) FROM fleet_gap")[0][0] > 0


def test_a_changed_row_is_found_by_the_rebuild(world: World, db: Any) -> None:
    import psycopg

    world.prove(A)
    with psycopg.connect(db.superuser_dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE fleet_head SET ctr = ctr + 1 WHERE device = %s", (world.id(A),))
    report = rebuild.rebuild(db.owner_dsn, world.intake.origin, world.site.store)
    assert [d.place for d in report.differences] == ["fleet_head"]


def test_brute_force_over_the_raw_evidence_gives_the_same_three_sets(world: World) -> None:
    eventful(world)
    told = impact.import_advisory(advisory(), by=None, at=when(world.now))
    for days in (0, 6, 8, 30):
        now = world.now + days * DAY
        brute = crosscheck.brute_force(told.sha256, now)
        listed = {
            which: {row.serial for row in impact.affected_devices(told.id, which, now).rows}
            for which in ("confirmed", "last_known", "unknown")
        }
        assert listed == {
            "confirmed": set(brute.confirmed), "last_known": set(brute.last_known), "unknown": set(brute.unknown),
        }, days  # fmt: skip
        counted = impact.impact(told.id, now)
        assert (counted.confirmed, counted.last_known, counted.unknown) == tuple(
            map(len, (brute.confirmed, brute.last_known, brute.unknown))
        )
        assert counted.total == len(world.devices)
        assert queries.trust_summary(now).total == len(world.devices)
