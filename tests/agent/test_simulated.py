"""The simulated fleet: the same from the same seed, however it is cut, and each fault shows as its reason."""

import hashlib

import cbor2
import pytest

from vouchsafe.agent import images
from vouchsafe.agent import plan as p
from vouchsafe.agent.simulated import Fleet
from vouchsafe.attest import batch, enrolment, keys, verify
from vouchsafe.attest.errors import Malformed

START = 1_764_547_200_000
END = START + 30 * p.DAY_MS
HOSPITALS = [f"hospital {n}" for n in range(5)]
REFERENCE = images.reference_set(images.DEMO_BUILDS)


def beacon(at_ms):
    return hashlib.sha256(b"beacon %d" % (at_ms // p.HOUR_MS)).digest()


POLICY = verify.AppraisalPolicy(
    {beacon(at): verify.NonceBounds(at) for at in range(START - p.DAY_MS, END + p.DAY_MS, p.HOUR_MS)}
)


def small(lives=None, devices=3, **more):
    serials = [p.serial(n) for n in range(devices)]
    return Fleet(seed=1, serials=serials, hospitals=HOSPITALS, start_ms=START, lives=lives or {}, **more)


class Register:
    """What a server would know: keys, and the last proof of each device."""

    def __init__(self, fleet):
        members = {one.device.ueid: one for one in fleet.members}
        self.serials = {ueid: one.serial for ueid, one in members.items()}
        self.keys = {
            ueid: keys.record(
                one.device.signer.alg, one.device.signer.public, origin="software", assurance="low"
            )
            for ueid, one in members.items()
        }
        self.prior = {}
        self.verdicts = {}

    def take(self, steps):
        for step in steps:
            for item in step.items():
                assert batch.decode(item.raw) == [item]
                verdict = verify.check(
                    item.evidence, key=self.keys[item.ueid], prior=self.prior.get(item.ueid), reference=REFERENCE,
                    policy=POLICY, at_ms=step.at_ms, log=item.log,
                )  # fmt: skip
                self.prior[item.ueid] = verdict.prior
                self.verdicts.setdefault(self.serials[item.ueid], []).append(verdict)
        return self


def live(fleet, until=END, every=p.HOUR_MS):
    return Register(fleet).take(fleet.steps(until, every_ms=every, nonce_at=beacon))


def sent(fleet, until, every):
    return [item.raw for step in fleet.steps(until, every_ms=every, nonce_at=beacon) for item in step.items()]


def test_the_same_seed_gives_the_same_bytes_however_time_is_cut():
    lives = p.demo_plan([p.serial(n) for n in range(20)], seed=1, from_ms=START, to_ms=END)
    until = START + 3 * p.DAY_MS
    one = sent(small(lives, 20), until, p.HOUR_MS)
    assert sorted(one) == sorted(sent(small(lives, 20), until, p.DAY_MS))
    assert one == sent(small(lives, 20), until, p.HOUR_MS)
    other = Fleet(seed=2, serials=[p.serial(0)], hospitals=HOSPITALS, start_ms=START, lives={})
    assert other.members[0].device.ueid != small().members[0].device.ueid


def test_a_saved_fleet_goes_on_as_if_it_had_not_stopped(tmp_path):
    lives = p.demo_plan([p.serial(n) for n in range(40)], seed=1, from_ms=START, to_ms=END)
    straight, first = small(lives, 40), small(lives, 40)
    middle, until = START + 27 * p.DAY_MS, START + 29 * p.DAY_MS
    sent(straight, middle, p.DAY_MS)
    sent(first, middle, p.DAY_MS)
    first.save(tmp_path / "fleet")
    again = Fleet.load(tmp_path / "fleet")
    assert again.now_ms == middle
    assert sent(again, until, p.DAY_MS) == sent(straight, until, p.DAY_MS)


def test_what_is_appended_is_loaded_and_a_torn_end_is_left_out(tmp_path):
    path = tmp_path / "fleet"
    fleet = small()
    fleet.save(path)
    sent(fleet, START + p.DAY_MS, p.DAY_MS)
    fleet.save_touched(path)
    journal = tmp_path / "fleet.journal"
    journal.write_bytes(journal.read_bytes() + cbor2.dumps([0, 1, {}])[:-1])
    again = Fleet.load(path)
    assert [one.device.state() for one in again.members] == [one.device.state() for one in fleet.members]
    assert again.now_ms == START + p.DAY_MS
    fleet.save(path)
    assert not journal.exists()


@pytest.mark.parametrize(
    "data", [b"", b"\xff", cbor2.dumps({}), cbor2.dumps([1]), cbor2.dumps({"builds": [[[1], {}]]})]
)
def test_another_state_file_is_refused(tmp_path, data):
    (tmp_path / "fleet").write_bytes(data)
    with pytest.raises(Malformed, match="the state of a simulated fleet"):
        Fleet.load(tmp_path / "fleet")


def test_an_ordinary_fleet_is_affirmed_every_day():
    verdicts = live(small()).verdicts
    assert {len(one) for one in verdicts.values()} == {30}
    assert {v.tier for one in verdicts.values() for v in one} == {2}


def test_batches_hold_the_same_items_as_steps():
    bodies = list(small().batches(START + p.DAY_MS, every_ms=p.DAY_MS, nonce_at=beacon))
    assert sum(one.items for one in bodies) == 3
    assert sorted(item.raw for one in bodies for item in batch.decode(one.body)) == sorted(
        sent(small(), START + p.DAY_MS, p.DAY_MS)
    )


DAY = [START + n * p.DAY_MS for n in range(31)]
FAULTS = {
    p.CLOCK_SKEW: (str(3653 * p.DAY_MS), {"clock_outside_bounds"}, 2),
    p.CLONE: ("", {"counter_not_advancing", "dlog_not_advancing"}, 96),
    p.REPLAY: ("", {"replayed"}, 96),
    p.LIAR: ("4.2.1", {"claimed_version_differs"}, 32),
    p.BAD_SIGNATURE: ("", {"signature_invalid"}, 96),
    p.REWRITE: ("", {"dlog_inconsistent"}, 96),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_shows_as_its_reason_and_only_on_its_device(what):
    value, codes, tier = FAULTS[what]
    fleet = small()
    fleet.fault(p.serial(1), what, DAY[10], DAY[13], value)
    verdicts = live(fleet, DAY[13]).verdicts
    seen = {code for verdict in verdicts[p.serial(1)] for code in verdict.codes()}
    assert codes <= seen
    assert max(verdict.tier for verdict in verdicts[p.serial(1)]) == tier
    assert {v.tier for name, one in verdicts.items() for v in one if name != p.serial(1)} == {2}


def test_a_liar_is_known_by_its_measurement():
    fleet = small()
    fleet.fault(p.serial(1), p.LIAR, DAY[5], None, "4.2.1")
    last = live(fleet, DAY[8]).verdicts[p.serial(1)][-1]
    assert (last.claims.sw_version, last.version) == ("4.2.1", "4.1.2")


def test_a_rollback_shows_and_ends():
    fleet = small()
    fleet.change(p.serial(1), DAY[2], p.UPDATE, "4.2.1")
    fleet.fault(p.serial(1), p.ROLLBACK, DAY[5], DAY[8], "4.1.2")
    found = [(v.version, v.codes()) for v in live(fleet, DAY[10]).verdicts[p.serial(1)]]
    assert found[4] == ("4.2.1", ())
    assert found[5] == ("4.1.2", ("svn_went_back",))
    assert found[9] == ("4.2.1", ())


def test_silence_is_no_evidence():
    fleet = small()
    fleet.fault(p.serial(1), p.SILENCE, DAY[5], DAY[8])
    verdicts = live(fleet, DAY[10]).verdicts[p.serial(1)]
    assert len(verdicts) == 7
    assert {v.tier for v in verdicts} == {2}


def test_lost_evidence_is_a_gap_with_its_bounds():
    fleet = small()
    fleet.fault(p.serial(1), p.GAP, DAY[5], DAY[8])
    verdicts = live(fleet, DAY[10]).verdicts[p.serial(1)]
    gaps = [v.gap for v in verdicts if v.gap]
    assert len(verdicts) == 7
    assert len(gaps) == 1
    assert gaps[0].reason == "dlog_entries_missing"
    assert DAY[4] <= gaps[0].from_ms < DAY[5] < DAY[8] <= gaps[0].to_ms < DAY[9]


def test_a_device_without_contact_comes_back_with_its_backlog_and_an_old_nonce():
    fleet = small()
    fleet.fault(p.serial(1), p.OFFLINE, DAY[5], DAY[16])
    steps = list(fleet.steps(DAY[18], every_ms=p.DAY_MS, nonce_at=beacon))
    ueid = fleet.by_serial[p.serial(1)].device.ueid
    counts = [sum(item.ueid == ueid for item in step.items()) for step in steps]
    assert counts == [1] * 5 + [0] * 11 + [12, 1]
    verdicts = Register(fleet).take(steps).verdicts[p.serial(1)]
    assert {v.codes() for v in verdicts[5:16]} == {("nonce_old",)}
    assert {v.codes() for v in verdicts[16:]} == {()}
    assert not any(v.gap for v in verdicts)


def test_a_nonce_is_asked_for_in_the_order_of_time():
    asked = []

    def nonce_at(at_ms):
        asked.append(at_ms)
        return beacon(at_ms)

    lives = p.demo_plan([p.serial(n) for n in range(60)], seed=1, from_ms=START, to_ms=END)
    for _ in small(lives, 60).steps(END, every_ms=p.DAY_MS, nonce_at=nonce_at):
        pass
    assert asked == sorted(asked)


def test_drift_and_reboots_are_planned():
    fleet = small()
    fleet.change(p.serial(0), DAY[3], p.CONFIGURE, "ward override")
    fleet.change(p.serial(0), DAY[5], p.CONFIGURE, "paediatric")
    fleet.change(p.serial(0), DAY[4], p.BOOT)
    verdicts = live(fleet, DAY[7]).verdicts[p.serial(0)]
    assert [v.tier for v in verdicts] == [2, 2, 2, 32, 32, 2, 2]
    assert verdicts[-1].claims.bootcount == 2


def test_a_new_pace_holds_for_all():
    fleet = small()
    fleet.pace(p.HOUR_MS)
    assert len(sent(fleet, START + p.DAY_MS, p.DAY_MS)) == 3 * 24


@pytest.mark.parametrize(
    "call", [lambda f: f.fault(p.serial(0), "magic", 0), lambda f: f.change(p.serial(0), 0, "magic")]
)
def test_an_unknown_fault_or_change_is_refused(call):
    with pytest.raises(ValueError, match="expected one of"):
        call(small())


def test_enrolments_verify_and_name_the_device():
    fleet = small()
    for one, envelope in fleet.enrolments(bytes(32)):
        statement = enrolment.verify(envelope, stations=fleet.stations())
        assert (statement.serial, statement.ueid, statement.at_ms) == (one.serial, one.device.ueid, START)
        assert statement.key().alg == "Ed25519"


def test_serials_are_unique_and_the_first_is_the_demonstrations():
    assert p.serial(0) == "T4-0311-88207"
    assert len({p.serial(n) for n in range(100_000)}) == 100_000


def test_the_demonstrations_month_has_every_story():
    fleet = Fleet.demo(
        hospitals=HOSPITALS, start_ms=START, end_ms=END, devices=80, dense_every_ms=4 * p.HOUR_MS
    )
    verdicts = live(fleet, END, p.HOUR_MS).verdicts
    told = {serial: {code for v in one for code in v.codes()} for serial, one in verdicts.items()}
    expected = {0: "dlog_entries_missing", 2: "claimed_version_differs", 3: "svn_went_back", 5: "replayed",
                6: "dlog_entries_missing", 7: "signature_invalid", 8: "clock_outside_bounds", 9: "dlog_inconsistent",
                11: "configuration_not_approved"}  # fmt: skip
    for index, code in expected.items():
        assert code in told[p.serial(index)], index
    assert told[p.serial(4)] & {"counter_not_advancing", "previous_differs", "fork_seen"}
    assert verdicts[p.serial(1)][-1].version == "4.2.1"
    assert max(v.valid_ms for v in verdicts[p.serial(10)]) < DAY[14]
    assert len(verdicts) < 80, "some pumps were never heard"
    affirmed = sum(one[-1].tier == 2 for one in verdicts.values())
    assert affirmed > 0.85 * len(verdicts)
