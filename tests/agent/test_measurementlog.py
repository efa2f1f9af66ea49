"""The device's log in O(log n) memory is the same tree that the server checks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.agent.measurementlog import LogState, MeasurementLog
from vouchsafe.attest import devicelog
from vouchsafe.ledger import tree


def entry(number):
    return devicelog.encode_entry(devicelog.ATTESTED, number, None)


def test_its_head_and_proof_are_those_of_the_whole_tree_at_every_pair_of_sizes():
    for old in range(34):
        for new in range(old, 34):
            log = MeasurementLog()
            for number in range(old):
                log.append(entry(number))
            log.mark_attested()
            before = log.head()
            for number in range(old, new):
                log.append(entry(number))
            hashes = [tree.leaf_hash(entry(number)) for number in range(new)]
            assert log.head() == (new, tree.root(hashes))
            assert list(log.part().proof) == tree.consistency_proof(old, hashes)
            state = devicelog.continuation(log.part(), before, log.head())
            assert state is devicelog.Continuation.WHOLE


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["append", "attest", "restart"]), max_size=60))
def test_a_power_loss_at_any_moment_changes_nothing(acts):
    log, kept = MeasurementLog(), 0
    for act in acts:
        if act == "append":
            log.append(entry(kept))
            kept += 1
        elif act == "attest":
            log.mark_attested()
        else:
            log = MeasurementLog(log.state())
    assert log.size == kept
    assert log.head()[1] == tree.root([tree.leaf_hash(entry(number)) for number in range(kept)])


def test_memory_grows_with_the_logarithm():
    log = MeasurementLog()
    for number in range(1000):
        log.append(entry(number))
        log.mark_attested()
    state = log.state()
    assert state == LogState(1000, state.attested_peaks, ())
    assert len(state.attested_peaks) == (1000).bit_count()
