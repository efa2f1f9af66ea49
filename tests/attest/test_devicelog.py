"""The device's own log: whether a new head continues the old one, and with which entries."""

import json
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attest import making as m
from vouchsafe.attest import devicelog
from vouchsafe.attest.batch import LogPart
from vouchsafe.attest.devicelog import Continuation
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor
from vouchsafe.ledger import tree


@pytest.mark.parametrize("new", range(20))
def test_each_pair_of_sizes_is_whole_with_its_part(new):
    for old in range(new + 1):
        assert devicelog.continuation(m.part(old, new), m.head(old), m.head(new)) is Continuation.WHOLE


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 18), st.integers(1, 6), st.data())
def test_one_flipped_bit_anywhere_is_never_whole(old, more, data):
    new = min(old + more, 20)
    part = m.part(old, new)
    where = data.draw(st.sampled_from(["old root", "new root", "proof", "entry"]))

    def flip(raw):
        at = data.draw(st.integers(0, len(raw) * 8 - 1))
        return raw[: at // 8] + bytes([raw[at // 8] ^ (1 << at % 8)]) + raw[at // 8 + 1 :]

    (old_size, old_root), (new_size, new_root) = m.head(old), m.head(new)
    if where == "old root":
        old_root = flip(old_root)
    elif where == "new root":
        new_root = flip(new_root)
    elif where == "proof" and part.proof:
        n = data.draw(st.integers(0, len(part.proof) - 1))
        part = part._replace(proof=(*part.proof[:n], flip(part.proof[n]), *part.proof[n + 1 :]))
    else:
        n = data.draw(st.integers(0, len(part.entries) - 1))
        part = part._replace(entries=(*part.entries[:n], flip(part.entries[n]), *part.entries[n + 1 :]))
        where = "entry"
    state = devicelog.continuation(part, (old_size, old_root), (new_size, new_root))
    if where == "entry" or (old == 0 and where == "new root"):
        assert state is Continuation.DIFFERENT
    else:
        assert state is Continuation.INCONSISTENT


def test_what_is_not_given_is_missing():
    old, new = m.head(5), m.head(9)
    assert devicelog.continuation(None, old, new) is Continuation.MISSING
    assert devicelog.continuation(m.part(6, 9), old, new) is Continuation.MISSING
    assert devicelog.continuation(m.part(5, 9)._replace(entries=()), old, new) is Continuation.MISSING


def test_entries_too_many_are_different():
    assert devicelog.continuation(
        m.part(5, 9)._replace(entries=tuple(m.ENTRIES[5:10])), m.head(5), m.head(9)
    ) is (Continuation.DIFFERENT)


def test_a_shrinking_log_is_inconsistent():
    assert devicelog.continuation(LogPart(9, (), ()), m.head(9), m.head(5)) is Continuation.INCONSISTENT


def test_equal_heads_need_nothing():
    assert devicelog.continuation(LogPart(5, (), ()), m.head(5), m.head(5)) is Continuation.WHOLE
    assert devicelog.continuation(LogPart(0, (), ()), m.head(0), m.head(0)) is Continuation.WHOLE


def test_others_consistency_vectors_agree(fixtures):
    """The vectors give no entries: what is consistent is then MISSING, and what is not is INCONSISTENT."""
    seen = 0
    folder = fixtures / "device-evidence/transparency-dev_merkle/testdata/consistency"
    for path in sorted(folder.rglob("*.json")):
        one = json.loads(path.read_text())
        old, new = one["size1"], one["size2"]
        proof = tuple(b64decode(value) for value in one["proof"] or ())
        roots = b64decode(one["root1"]), b64decode(one["root2"])
        if old == 0:  # RFC 6962 knows no proof from an empty tree; C2SP witnesses take an empty one.
            continue
        seen += 1
        state = devicelog.continuation(LogPart(old, proof, ()), (old, roots[0]), (new, roots[1]))
        assert (state is Continuation.INCONSISTENT) is one["wantErr"], path.name
    assert seen > 40


def test_entries_survive_a_round_trip():
    raw = devicelog.encode_entry(devicelog.BOOTED, 12, [1, b"x"])
    assert devicelog.parse_entry(raw) == devicelog.Entry(devicelog.BOOTED, 12, [1, b"x"])
    assert cbor.decode(raw, "x") == [1, 12, [1, b"x"]]


@pytest.mark.parametrize("raw", [b"\x80", b"\x00", b"", cbor.encode([1, 2]), cbor.encode([-1, 2, 3]), cbor.encode([1, -2, 3]),
                                 cbor.encode([True, 2, 3]), cbor.encode([1, "x", 3])])  # fmt: skip
def test_another_entry_is_refused(raw):
    with pytest.raises(Malformed, match="device-log entry"):
        devicelog.parse_entry(raw)


def test_kinds_of_entries_are_frozen():
    assert devicelog.KIND_NAMES == {0: "started", 1: "booted", 2: "configured", 3: "updated", 4: "attested"}


def test_peaks_of_an_old_tree_come_out_of_the_proof():
    peaks = devicelog.peaks_of(6, 11, m.part(6, 11).proof, m.head(6)[1])
    assert peaks == [tree.root(m.HASHES[:4]), tree.root(m.HASHES[4:6])]
