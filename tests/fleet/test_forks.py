"""Two histories of one key: seen once, never forgiven as a gap, until a new enrolment begins a new history."""

from typing import Any

from tests.fleet.world import DAY, HOUR, STATION, World, envelope
from vouchsafe.agent.device import Device
from vouchsafe.agent.images import DEMO_BUILDS, TARN4
from vouchsafe.agent.measurementlog import MeasurementLog
from vouchsafe.agent.signer import Ed25519Signer
from vouchsafe.attest import devicelog
from vouchsafe.fleet import enrol, rebuild
from vouchsafe.fleet.intake import Intake

A, B = "T4-0311-88207", "T4-0312-88244"


def forked(world: World, serial: str) -> bool:
    return bool(world.sql("SELECT forked FROM fleet_head WHERE device = %s", world.id(serial))[0][0])


def copy_of(device: Device) -> Device:
    return Device(device.signer, device.model, device.state())


def rewrite(device: Device) -> Device:
    """The same device with a past told differently: as many entries, others."""
    held, log = device.state(), MeasurementLog()
    for n in range(device.log.size):
        log.append(devicelog.encode_entry(devicelog.BOOTED, n, [1, bytes(32), bytes(32)]))
    log.mark_attested()
    return Device(device.signer, device.model, held._replace(log=log.state()))


def restart(world: World, db: Any) -> None:
    world.intake.close()
    world.intake = Intake(db.app_dsn, world.site).__enter__()


def test_a_rewritten_device_log_stays_contraindicated_until_a_new_enrolment(world: World, db: Any) -> None:
    world.prove(A)
    world.devices[A] = rewrite(world.devices[A])
    codes = []
    for n in range(4):
        world.advance(HOUR)
        if n == 2:
            restart(world, db)  # the database remembers, not the memory
        answer = world.prove(A)
        assert answer.tier == 96
        codes.append("fork_seen" in answer.reasons)
    assert codes == [False, True, True, True]  # first the contradiction, then what can't be proven
    assert forked(world, A) and not forked(world, B)
    assert world.spans(A)[-1][3] == 96
    assert rebuild.rebuild(db.owner_dsn, world.intake.origin, world.site.store).differences == ()
    board = Ed25519Signer(bytes(range(32)))
    world.advance(DAY)
    enrol.enrol(world.intake, [envelope(A, board, world.now, station=STATION)], world.now)
    firmware, config = DEMO_BUILDS[0].firmware, DEMO_BUILDS[0].configs["adult"]
    world.devices[A] = Device.new(board, TARN4, firmware, config, world.now)
    world.advance(HOUR)
    assert world.prove(A).tier == 2
    assert not forked(world, A)
    assert rebuild.rebuild(db.owner_dsn, world.intake.origin, world.site.store).differences == ()


def test_a_copy_that_counts_ahead_is_not_forgiven_as_a_gap(world: World, db: Any) -> None:
    world.prove(A)
    copy = copy_of(world.devices[A])
    world.advance(HOUR)
    world.prove(A)
    world.advance(HOUR)
    assert "counter_not_advancing" in world.send(copy.attest(world.now, world.beacon()))[0].reasons
    assert forked(world, A)
    for _ in range(3):
        world.advance(HOUR)
        ahead = world.send(copy.attest(world.now, world.beacon()))[0]
        assert ahead.tier == 96
    assert "fork_seen" in ahead.reasons
    assert world.prove(A).tier == 2  # the one that proves its past is the device
    assert forked(world, A)
    world.attest(A)  # its report is lost, and with a copy about that is no excuse any more
    world.advance(HOUR)
    lost = world.prove(A)
    assert lost.tier == 96 and "fork_seen" in lost.reasons
    assert rebuild.rebuild(db.owner_dsn, world.intake.origin, world.site.store).differences == ()


def test_late_evidence_does_not_make_a_fork_forgotten(world: World, db: Any) -> None:
    """The past is folded again, and what arrived before the fork keeps the excuse that it had."""
    world.prove(A)
    copy = copy_of(world.devices[A])
    world.advance(HOUR)
    late = world.attest(A)
    world.advance(HOUR)
    assert world.prove(A).tier == 32  # a gap, before any fork was seen
    world.advance(HOUR)
    twice = [copy.attest(world.now, world.beacon()) for _ in range(2)][-1]
    world.send(twice)
    assert forked(world, A)
    world.advance(HOUR)
    assert world.send(late)[0].result == "logged"
    assert world.sql("SELECT disorder FROM fleet_head WHERE device = %s", world.id(A)) == [(True,)]
    assert forked(world, A)
    world.attest(A)
    assert "fork_seen" in world.prove(A).reasons
    assert rebuild.rebuild(db.owner_dsn, world.intake.origin, world.site.store).differences == ()


def test_a_copy_within_one_batch_is_remembered(world: World, db: Any) -> None:
    world.prove(A)
    copy = copy_of(world.devices[A])
    answers = world.send(world.attest(A), copy.attest(world.now, world.beacon(), says_version="copy"))
    # Equal boot and counter: which of the two is taken for the device is decided by their hashes.
    assert sorted(answer.tier or 0 for answer in answers)[1] == 96
    assert forked(world, A)
    assert rebuild.rebuild(db.owner_dsn, world.intake.origin, world.site.store).differences == ()
