"""The register, identities over time, the summary, and what the database itself refuses."""

from typing import Any

import psycopg
import pytest

from tests.fleet.world import DAY, DI, HOUR, START, World, envelope, signer
from vouchsafe.agent.device import Device
from vouchsafe.agent.images import DEMO_BUILDS, TARN4
from vouchsafe.fleet import enrol, history, privileges, queries, units
from vouchsafe.fleet.errors import BadInput, NotFound
from vouchsafe.fleet.units import Unit

A, B, C, D = "T4-0311-88207", "T4-0312-88244", "T4-0313-88281", "T4-0314-88318"


def test_a_changed_key_is_a_new_interval_in_the_same_history(world: World) -> None:
    """R-76, trap 9: after a board swap nothing is known until the new key attests; the chain goes on."""
    world.prove(A)
    device = world.id(A)
    world.advance(DAY)
    new = signer("another board")
    done = enrol.enrol(world.intake, [envelope(A, new, world.now)], world.now)[0]
    assert done.result == "enrolled"
    assert world.intake.chain.at(done.index).leaf.kind == "device.key"
    row = queries.device(device, world.now)
    assert (row.freshness, row.verdict) == ("unknown", "none")
    shown = queries.identities(device)
    assert len(shown) == 3 and shown[0].t1 is None and shown[1].t1 == shown[0].t0
    old_key = world.send(world.attest(A))[0]
    assert "key_not_valid_then" in old_key.reasons and old_key.tier == 96
    world.devices[A] = Device.new(
        new, TARN4, DEMO_BUILDS[0].firmware, DEMO_BUILDS[0].configs["adult"], world.now
    )
    world.advance(HOUR)
    assert world.prove(A).tier == 2
    assert history.state_at(device, world.now, world.now).key_id == shown[0].key_id
    assert history.state_at(device, world.now - 20 * HOUR - 5 * HOUR, world.now).key_id == shown[1].key_id
    seqs = [link.leaf.seq for link in history.chain_of(device)]
    assert seqs == list(range(len(seqs) - 1, -1, -1))


def test_registered_units_count_as_unknown_before_they_enrol(world: World) -> None:
    """R-85."""
    before = queries.trust_summary(world.now).total
    assert units.register(DI, [Unit(serial="X-1"), Unit(serial="X-1"), Unit(serial=A)], at_ms=world.now) == 1
    summary = queries.trust_summary(world.now)
    assert summary.total == before + 1 and summary.freshness == {"unknown": before + 1}
    with pytest.raises(BadInput):
        units.register(DI, [Unit(serial="")], at_ms=world.now)
    with pytest.raises(BadInput):
        units.register(DI, [Unit(serial="X-2", site="nowhere")], at_ms=world.now)
    with pytest.raises(NotFound):
        units.register("00000000000000", [Unit(serial="X-3")], at_ms=world.now)


def test_the_summary_has_verdict_and_freshness_as_two_things(world: World) -> None:
    """Decision 17, trap 11: staleness comes from the query's clock, with nothing running."""
    world.prove(A)
    world.prove(B, says_version="4.2.1")
    summary = queries.trust_summary(world.now)
    assert summary.cells == {
        ("affirming", "confirmed"): 1,
        ("warning", "confirmed"): 1,
        ("none", "unknown"): 2,
    }
    later = queries.trust_summary(world.now + 8 * DAY)
    assert later.cells == {
        ("affirming", "last_known"): 1,
        ("warning", "last_known"): 1,
        ("none", "unknown"): 2,
    }
    assert later.total == 4 and dict(later.ages)["7 to 30 days"] == 2 and dict(later.ages)["never"] == 2
    assert [(r.version, r.devices) for r in summary.releases] == [("4.2.1", 0), ("4.1.2", 2), ("", 2)]
    assert summary.releases[0].current and summary.sites == 3 and summary.day_before == {"none": 4}


def test_devices_are_found_by_filter_serial_and_udi(world: World) -> None:
    world.prove(A)
    assert [d.serial for d in queries.devices(queries.DeviceFilter(text="T4-0311"), world.now).rows] == [A]
    assert queries.devices(queries.DeviceFilter(verdict="affirming"), world.now).total == 1
    assert queries.devices(queries.DeviceFilter(freshness="unknown", site="h1"), world.now).total == 1
    assert queries.devices(queries.DeviceFilter(version="4.1.2"), world.now).total == 1
    assert queries.devices(queries.DeviceFilter(version="-"), world.now, size=2).rows[1].verdict == "none"
    assert queries.devices(queries.DeviceFilter(text="%"), world.now).total == 0
    device = world.id(A)
    for text in (A, f"(01){DI}(21){A}", f"{DI} {A}", f"01{DI}21{A}"):
        assert queries.resolve(text) == device
    for text in ("", "T4", f"(01){DI}", f"(01)05060912340018(21){A}", "(01)0506"):
        with pytest.raises(NotFound):
            queries.resolve(text)


def test_sites_show_their_worst_device_first(world: World) -> None:
    world.prove(A)
    world.prove(B, says_version="9")
    rows = queries.sites(world.now)
    assert [(s.key, s.worst) for s in rows] == [("h1", "warning"), ("h0", "none"), ("h2", "none")]
    assert queries.site("h1", world.now).verdicts == {"warning": 1}
    assert {f.code for f in queries.findings(world.now)} == {"claimed_version_differs"}
    with pytest.raises(NotFound):
        queries.site("h9", world.now)


def test_history_refuses_changes_by_trigger_and_by_role(world: World, db: Any) -> None:
    world.prove(A)
    statements = (
        "UPDATE fleet_device_state SET t0 = 0",
        "DELETE FROM fleet_device_state",
        "UPDATE fleet_identity SET serial = 'X'",
        "UPDATE fleet_build SET version = 'X'",
        "UPDATE fleet_key SET device = 1",
        "TRUNCATE fleet_build CASCADE",
        "DELETE FROM fleet_device",
        "UPDATE fleet_device_state SET t1 = 1 WHERE t1 < 9223372036854775807",
    )
    for dsn in (db.app_dsn, db.owner_dsn):
        with psycopg.connect(dsn, autocommit=True) as conn:
            for statement in statements:
                with pytest.raises(psycopg.Error):
                    conn.execute(statement)
    with psycopg.connect(db.app_dsn, autocommit=True) as conn:
        for statement in (
            "ALTER TABLE fleet_build DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(psycopg.Error):
                conn.execute(statement)
    assert set(privileges.MUTABLE) <= {row[0] for row in world.sql("SELECT tablename FROM pg_tables")}


def test_two_open_identities_or_states_of_one_device_are_impossible(world: World) -> None:
    """Decision 25."""
    device = world.id(A)
    for statement in (
        f"INSERT INTO fleet_identity (device, udi_di, serial, t0, rec_ix) VALUES ({device}, '{DI}', 'Z', {START}, 0)",
        f"INSERT INTO fleet_device_state (device, state, t0, g0, b0, c0, base, rec_ix, first_ix) SELECT {device}, id,"
        f" {START}, 0, 0, 0, true, 0, 0 FROM fleet_state LIMIT 1",
    ):
        with pytest.raises(psycopg.errors.ExclusionViolation):
            world.intake.conn.execute(statement)
