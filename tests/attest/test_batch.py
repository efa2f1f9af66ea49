"""The ingest batch: whole or not at all, and a refusal that names item and byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attest import making as m
from vouchsafe.attest import batch, limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor

GOOD = batch.make_item(m.KEY.ueid, 1, m.token(), m.NOW_MS, m.part(10, 13))
BARE = batch.make_item(m.KEY.ueid, 2, b"quote", 0)
HASH = st.binary(min_size=32, max_size=32)
PARTS = st.builds(
    batch.LogPart, st.integers(0, limits.MAX_MS), st.lists(HASH, max_size=4).map(tuple),
    st.lists(st.binary(min_size=1, max_size=40), max_size=4).map(tuple),
)  # fmt: skip
ITEMS = st.builds(
    batch.make_item, st.binary(min_size=33, max_size=33), st.integers(0, 255), st.binary(min_size=1, max_size=80),
    st.integers(0, limits.MAX_MS), st.none() | PARTS,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(ITEMS, min_size=1, max_size=5))
def test_items_survive_a_round_trip_with_their_own_bytes(items):
    body = batch.encode(items)
    assert batch.decode(body) == items
    assert b"".join(item.raw for item in batch.decode(body)) == body


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.lists(ITEMS, max_size=3).map(batch.encode), st.binary(max_size=3))
def test_whatever_is_accepted_is_the_one_encoding(body, tail):
    try:
        items = batch.decode(body + tail)
    except Malformed:
        return
    assert batch.encode(batch.make_item(*item[:5]) for item in items) == body + tail


def item_bytes(**changed):
    parts = {
        "head": b"\x85", "ueid": cbor.encode(m.KEY.ueid), "fmt": b"\x01", "evidence": cbor.encode(b"e"), "ms": b"\x05",
        "log": cbor.encode([0, [], [b"x"]]),
    }  # fmt: skip
    return b"".join({**parts, **changed}.values())


def test_the_parts_above_make_an_item():
    assert batch.decode(item_bytes())[0].log == batch.LogPart(0, (), (b"x",))
    assert batch.decode(item_bytes(head=b"\x84", log=b""))[0].log is None


@pytest.mark.parametrize(
    ("changed", "at", "expected"),
    [
        ({"head": b"\x83"}, 0, "an array of 4 to 5 items"),
        ({"head": b"\xa4"}, 0, "an array"),
        ({"head": b"\x9f"}, 0, "a definite length"),
        ({"ueid": cbor.encode(bytes(32))}, 1, "a byte string of 33 to 33 bytes"),
        ({"ueid": cbor.encode("x" * 33)}, 1, "a byte string"),
        ({"fmt": b"\x20"}, 36, "an unsigned integer"),
        ({"fmt": b"\x18\x01"}, 36, "the shortest form"),
        ({"fmt": b"\x19\x01\x00"}, 36, "at most 255"),
        ({"evidence": b"\x40"}, 37, "1 to 16384 bytes"),
        ({"ms": cbor.encode(2**53)}, 39, "at most 9007199254740991"),
        ({"log": b"\xf6"}, 40, "an array"),
        ({"log": cbor.encode([0, []])}, 40, "an array of 3 to 3 items"),
        ({"log": cbor.encode([0, [bytes(31)], []])}, 43, "32 to 32 bytes"),
        ({"log": cbor.encode([0, [], [b""]])}, 44, "1 to 512 bytes"),
        ({"log": cbor.encode([0, [], ["text"]])}, 44, "a byte string"),
        ({"log": b""}, 40, "a CBOR item"),
    ],
)  # fmt: skip
def test_a_broken_second_item_is_named_with_its_byte(changed, at, expected):
    with pytest.raises(Malformed) as refused:
        batch.decode(GOOD.raw + item_bytes(**changed))
    assert refused.value.place == f"item 1 at byte {len(GOOD.raw) + at}"
    assert expected in refused.value.expected


def test_an_empty_body_is_no_batch():
    with pytest.raises(Malformed, match="at least 1 item"):
        batch.decode(b"")


def test_the_number_of_items_is_limited():
    assert len(batch.decode(BARE.raw * limits.MAX_BATCH_ITEMS)) == limits.MAX_BATCH_ITEMS
    with pytest.raises(Malformed, match="at most 5000 items"):
        batch.decode(BARE.raw * (limits.MAX_BATCH_ITEMS + 1))


def test_the_number_of_bytes_is_limited():
    assert batch.decode(GOOD.raw, max_bytes=len(GOOD.raw))
    with pytest.raises(Malformed, match="at most"):
        batch.decode(GOOD.raw, max_bytes=len(GOOD.raw) - 1)


@pytest.mark.parametrize(
    ("evidence", "proof", "entries", "entry"),
    [(limits.MAX_EVIDENCE_BYTES, 0, 0, 1), (1, limits.MAX_LOG_HASHES, 0, 1), (1, 0, limits.MAX_LOG_ENTRIES, 1),
     (1, 0, 1, limits.MAX_LOG_ENTRY_BYTES)],
)  # fmt: skip
def test_each_part_of_an_item_is_limited(evidence, proof, entries, entry):
    def item(*, more=0):
        sizes = [size + more if size > 1 else size for size in (evidence, proof, entries, entry)]
        part = batch.LogPart(0, (bytes(32),) * sizes[1], (bytes(sizes[3]),) * sizes[2])
        return batch.make_item(m.KEY.ueid, 1, bytes(sizes[0]), 0, part).raw

    assert batch.decode(item())
    with pytest.raises(Malformed):
        batch.decode(item(more=1))


def test_items_before_the_broken_one_can_be_seen():
    reader = batch.read_items(GOOD.raw + b"\x00")
    assert next(reader) == GOOD
    with pytest.raises(Malformed, match="item 1"):
        next(reader)
