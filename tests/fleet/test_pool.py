"""Worker processes give the verdicts that this process gives, also when the rules change between two batches."""

from typing import Any

from tests.fleet.world import HOUR, World, when
from vouchsafe.agent.images import DEMO_BUILDS
from vouchsafe.fleet import appraisal, releases
from vouchsafe.fleet.pool import SMALL, Pool

A = "T4-0311-88207"


def test_workers_and_this_process_agree_and_new_rules_reach_the_workers(
    world: World, monkeypatch: Any
) -> None:
    def verdicts(pool: Pool) -> list[Any]:
        rules = world.intake.rulebook.at(world.now)
        head = world.intake.heads.of([world.id(A)])[world.id(A)]
        (known,) = world.intake.heads.known([world.devices[A].ueid]).values()
        given = tuple(appraisal.Given(n, item.evidence, item.log, item.fmt) for n, item in enumerate(items))
        groups = [appraisal.Group(known.key, head.prior, head.model, given)] * 4
        with monkeypatch.context() as patch:
            patch.setattr("vouchsafe.fleet.pool.JOB", SMALL)  # every group is a job of its own
            return pool(groups, rules, world.now)

    items = [world.attest(A) for _ in range(SMALL)]
    with Pool(2) as pool:
        for minimum in (0, 9):
            values = releases.reference_set("05060912340019")
            releases.set_references(
                "05060912340019", values._replace(min_svn=minimum), by=None, at=when(world.now)
            )
            world.advance(HOUR)
            found = verdicts(pool)
            assert found == verdicts(Pool(0)) and len(found) == 4 * SMALL
            assert {verdict.tier for _, verdict in found} == ({2} if minimum == 0 else {96})
    assert DEMO_BUILDS[0].firmware.svn < 9


def test_a_worker_without_the_rules_says_so_instead_of_guessing(world: World) -> None:
    rules = world.intake.rulebook.at(world.now)
    assert appraisal.appraise([], b"unknown", None, world.now) is None
    assert appraisal.appraise([], b"known", rules.packed(), world.now) == []
    assert appraisal.appraise([], b"known", None, world.now) == []
