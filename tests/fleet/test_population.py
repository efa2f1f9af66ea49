"""From an advisory to units, and units only by measurement or signed reply."""

import hashlib
import json
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from tests.fleet.world import DAY, DI, HOUR, START, World, release, when
from vouchsafe.agent.images import DEMO_BUILDS, build
from vouchsafe.fleet import impact, population, units
from vouchsafe.fleet.errors import NotFound, Refused
from vouchsafe.fleet.units import Unit
from vouchsafe.kernel import people

A, B, C, D = "T4-0311-88207", "T4-0312-88244", "T4-0313-88281", "T4-0314-88318"
OLD, NEW = DEMO_BUILDS


def advisory(version: str = "0.2.23", name: str = "time") -> bytes:
    return json.dumps(
        {
            "id": "RUSTSEC-2020-0071", "modified": "2026-01-02T03:04:05Z", "published": "2020-11-18T12:00:00Z",
            "aliases": ["CVE-2020-26235"], "summary": "Potential segfault in the time crate",
            "affected": [
                {
                    "package": {"ecosystem": "crates.io", "name": name, "purl": f"pkg:cargo/{name}"},
                    "ranges": [{"type": "SEMVER", "events": [{"introduced": "0.0.0-0"}, {"fixed": version}]}],
                }
            ],
        }
    ).encode()  # fmt: skip


@pytest.fixture
def person(world: World) -> Any:
    return people.create("ingrid", email="i@fellside.example", full_name="Ingrid Solheim", at=when(START))


@pytest.fixture
def told(world: World) -> int:
    return impact.import_advisory(advisory(), by=None, at=when(world.now)).id


def test_three_sets_add_up_to_the_scope(world: World, told: int) -> None:
    world.prove(A)
    world.prove(B)
    world.advance(8 * DAY)
    world.update(C, NEW)
    world.prove(A)
    world.prove(C)
    found = impact.impact(told, world.now)
    assert (found.confirmed, found.last_known, found.unknown) == (1, 1, 1)  # A, B; D has never attested
    assert found.not_affected == {"confirmed": 1, "last_known": 0}
    assert found.scope == 3 and found.total == 4
    assert [(b.version, b.certainty, b.confirmed, b.last_known) for b in found.builds] == [
        ("4.1.2", "confirmed", 1, 1)
    ]
    assert [v for _, _, v in found.unaffected_builds] == ["4.2.1"]
    assert sum(site.devices for site in found.sites) == found.scope
    assert [d.serial for d in impact.affected_devices(told, "last_known", world.now).rows] == [B]
    assert {c.name for c in found.components} == {"time"}


def test_the_same_bytes_are_one_advisory_and_an_alias_finds_it(world: World, told: int) -> None:
    again = impact.import_advisory(advisory(), by=None, at=when(world.now + DAY))
    assert again.id == told
    assert impact.find_advisory("CVE-2020-26235").id == told
    with pytest.raises(NotFound):
        impact.find_advisory("CVE-1999-0001")


def test_a_weak_match_is_possible_and_counts_never_as_safe(world: World) -> None:
    """Trap 17: a name without a package URL is listed as possible, not confirmed and not left out."""
    release(build("4.3.0", 6), [("", "time", "0.1.0")], world.now)
    found = impact.import_advisory(advisory(), by=None, at=when(world.now))
    world.update(A, build("4.3.0", 6))
    world.prove(A)
    now = impact.impact(found.id, world.now)
    assert {b.version: b.certainty for b in now.builds} == {"4.3.0": "possible", "4.1.2": "confirmed"}
    assert now.possible == 1 and now.confirmed == 1


def test_freezing_keeps_the_list_and_its_digest(world: World, told: int) -> None:
    for serial in (A, B, C):
        world.prove(serial)
    frozen = population.freeze("FSCA-2026-0001", told, by=None, at=when(world.now))
    listed = population.lines("FSCA-2026-0001")
    assert frozen.size == 4 and listed.count(b"\n") == 4
    assert hashlib.sha256(listed).hexdigest() == frozen.digest
    assert listed == b"".join(sorted(listed.splitlines(keepends=True)))
    assert frozen.sets == {"confirmed": 3, "last_known": 0, "unknown": 1}
    with pytest.raises(Refused, match="already"):
        population.freeze("FSCA-2026-0001", told, by=None, at=when(world.now))
    event = world.sql("SELECT leaf_kind, facts FROM kernel_event WHERE id = %s", frozen.event)[0]
    assert event[0] == "recall.freeze" and event[1]["digest"] == frozen.digest


def test_only_a_measurement_corrects_and_a_rollback_reopens(world: World, told: int) -> None:
    world.prove(A)
    population.freeze("F-1", told, by=None, at=when(world.now))
    assert population.apply_measurements(when(world.now)) == 0
    world.advance(DAY)
    world.update(A, NEW)
    world.prove(A)
    assert population.apply_measurements(when(world.now)) == 1
    assert population.counts("F-1", world.now).corrected == 1
    world.advance(DAY)
    world.update(A, OLD)
    answer = world.prove(A)
    assert "svn_went_back" in answer.reasons
    assert population.apply_measurements(when(world.now)) == 1
    counts = population.counts("F-1", world.now)
    assert (counts.corrected, counts.open) == (0, 4)
    assert [p[1]["corrected"] for p in population.progress("F-1")] == [0, 1, 0]


def test_a_device_that_says_4_2_1_but_measures_4_1_2_stays_open(world: World, told: int) -> None:
    world.prove(A)
    population.freeze("F-1", told, by=None, at=when(world.now))
    world.advance(DAY)
    answer = world.prove(A, says_version="4.2.1")
    assert "claimed_version_differs" in answer.reasons and answer.tier == 32
    assert population.apply_measurements(when(world.now)) == 0
    assert population.counts("F-1", world.now).open == 4
    assert A in population.refusals("F-1", world.now)[0]


def test_evidence_in_doubt_moves_nothing(world: World, told: int) -> None:
    world.prove(A)
    population.freeze("F-1", told, by=None, at=when(world.now))
    world.advance(DAY)
    world.update(A, NEW)
    world.prove(A)
    population.apply_measurements(when(world.now))
    item = world.attest(A)
    broken = item._replace(evidence=item.evidence[:-1] + bytes([item.evidence[-1] ^ 1]))
    from vouchsafe.attest import batch

    answer = world.send(batch.make_item(broken.ueid, 1, broken.evidence, world.now, item.log))[0]
    assert answer.tier == 96 and answer.result == "logged"
    assert population.apply_measurements(when(world.now)) == 0
    assert population.counts("F-1", world.now).corrected == 1


def test_a_signed_reply_moves_and_later_evidence_speaks_louder(world: World, told: int, person: Any) -> None:
    world.prove(A)
    population.freeze("F-1", told, by=None, at=when(world.now))
    world.advance(DAY)
    day = when(world.now).date()
    moved = population.record_reply(
        "F-1", "destroyed", [A, B], document=b"signed reply", signed_by="M. Keller", signed_on=day, by=person,
        at=when(world.now),
    )  # fmt: skip
    assert moved == 2
    assert population.counts("F-1", world.now).destroyed == 2
    assert population.apply_measurements(when(world.now)) == 0
    world.advance(HOUR)
    world.prove(A)
    assert population.apply_measurements(when(world.now)) == 1
    counts = population.counts("F-1", world.now)
    assert (counts.destroyed, counts.open) == (1, 3)


def test_a_reply_cannot_correct_nor_undo_a_measurement(world: World, told: int, person: Any) -> None:
    world.prove(A)
    population.freeze("F-1", told, by=None, at=when(world.now))
    reply = {
        "document": b"x", "signed_by": "M. Keller", "signed_on": when(world.now).date(), "by": person, "at": when(world.now),
    }  # fmt: skip
    with pytest.raises(Exception, match="outcome"):
        population.record_reply("F-1", "corrected", [A], **reply)
    with pytest.raises(Refused, match="not in the frozen population"):
        population.record_reply("F-1", "destroyed", [A, "T4-0000-00000"], **reply)
    assert population.counts("F-1", world.now).destroyed == 0
    world.update(A, NEW)
    world.advance(HOUR)
    world.prove(A)
    population.apply_measurements(when(world.now))
    with pytest.raises(Refused, match="measured"):
        population.record_reply("F-1", "destroyed", [A], **{**reply, "at": when(world.now)})


def test_reported_and_scheduled_annotate_open_units_and_move_none(
    world: World, told: int, person: Any
) -> None:
    world.prove(A)
    population.freeze("F-1", told, by=None, at=when(world.now))
    population.annotate("F-1", [A], "reported", day=when(world.now).date(), by=person, at=when(world.now))
    counts = population.counts("F-1", world.now)
    assert (counts.open, counts.reported, counts.silent) == (4, 1, 3)


def test_a_unit_shipped_later_or_rolled_back_later_blocks_closing(world: World, told: int) -> None:
    for serial in (A, B, C, D):
        world.update(serial, NEW)
        world.prove(serial)
    world.devices[A].update(OLD.firmware, world.now)
    world.advance(HOUR)
    world.prove(A)
    population.freeze("F-1", told, by=None, at=when(world.now))
    assert population.find("F-1").size == 1 and population.find("F-1").excluded == 3
    assert population.reconcile("F-1").agrees
    units.register(DI, [Unit(serial="T4-0399-00001", shipped_at=world.now)], at_ms=world.now)
    world.update(B, OLD)
    world.advance(HOUR)
    world.prove(B)
    found = population.reconcile("F-1")
    assert set(found.missing) == {B, "T4-0399-00001"} and not found.agrees
    assert any("not in the frozen list" in text for text in population.refusals("F-1", world.now))


def test_closing_is_possible_once_every_unit_is_accounted_for(world: World, told: int, person: Any) -> None:
    for serial in (A, B, C):
        world.prove(serial)
    population.freeze("F-1", told, by=None, at=when(world.now))
    world.advance(DAY)
    for serial in (A, B, C):
        world.update(serial, NEW)
        world.prove(serial)
    population.apply_measurements(when(world.now))
    assert "1 of 4 units are open: T4-0314-88318." in population.refusals("F-1", world.now)
    population.record_reply(
        "F-1", "unreachable", [D], document=b"r", signed_by="K", signed_on=when(world.now).date(), by=person,
        at=when(world.now),
    )  # fmt: skip
    assert population.refusals("F-1", world.now) == ()
    answer = population.answer("F-1", world.now)
    assert (
        answer["frozen"]
        and answer["corrected"] == 3
        and answer["unreachable"] == 1
        and not answer["unaccounted"]
    )


def test_a_build_released_after_the_freeze_is_judged_by_its_own_sbom(world: World, told: int) -> None:
    world.prove(A)
    world.prove(B)
    population.freeze("F-1", told, by=None, at=when(world.now))
    still_bad, good = build("4.2.2", 6), build("4.2.3", 7)
    release(still_bad, [("pkg:cargo/time@0.1.45", "time", "0.1.45")], world.now)
    release(good, [("pkg:cargo/time@0.3.0", "time", "0.3.0")], world.now)
    world.advance(DAY)
    world.update(A, still_bad)
    world.update(B, good)
    assert world.prove(A).tier == 2 and world.prove(B).tier == 2
    population.apply_measurements(when(world.now))
    standing = {m.serial: m.status for m in population.members("F-1")[0]}
    assert standing[A] == "open" and standing[B] == "corrected"


def test_the_database_keeps_the_sum_and_refuses_moves_without_a_cause(world: World, told: int) -> None:
    world.prove(A)
    frozen = population.freeze("F-1", told, by=None, at=when(world.now))
    for statement in (
        "UPDATE fleet_member SET status = 'corrected'",
        "DELETE FROM fleet_member",
        "UPDATE fleet_population SET size = 1",
        "DELETE FROM fleet_move",
        f"INSERT INTO fleet_move (population, device, status_from, status_to, at) VALUES ({frozen.id}, {world.id(A)},"
        " 'open', 'corrected', 1)",
        f"INSERT INTO fleet_move (population, device, status_from, status_to, at, ix) VALUES ({frozen.id},"
        f" {world.id(A)}, 'destroyed', 'corrected', 1, 1)",
        f"INSERT INTO fleet_move (population, device, status_from, status_to, at, ix) VALUES ({frozen.id},"
        f" {world.id(A)}, 'open', 'destroyed', 1, 1)",
    ):
        with pytest.raises(Exception) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert isinstance(caught.value.__cause__, psycopg.Error), statement
    units.register(DI, [Unit(serial="X1")], at_ms=world.now)
    with pytest.raises(IntegrityError, match="frozen with 4 units"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fleet_member (population, device, udi_di, serial, freshness, certainty, ix)"
            " SELECT %s, device, udi_di, serial, 'unknown', 'unknown', -1 FROM fleet_identity WHERE serial = 'X1'",
            [frozen.id],
        )
    assert population.counts("F-1", world.now).scope == 4
