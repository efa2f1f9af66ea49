"""CBOR of others: each well-formed spelling is read, each fault is refused at its byte, within the limits."""

import math

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import anycbor, cbor
from vouchsafe.attest.formats.anycbor import Simple, Tagged


@pytest.mark.parametrize(
    ("hexed", "value"),
    [
        ("00", 0), ("1800", 0), ("190000", 0), ("1b000000000000000a", 10), ("3903e7", -1000), ("1bffffffffffffffff", 2**64 - 1),
        ("3bffffffffffffffff", -(2**64)), ("f97e00", None), ("fa47c35000", 100000.0), ("f93c00", 1.0), ("fb3ff199999999999a", 1.1),
        ("f4", False), ("f5", True), ("f6", None), ("f7", Simple(23)), ("f0", Simple(16)), ("f8ff", Simple(255)),
        ("c074323031332d30332d32315432303a30343a30305a", Tagged(0, "2013-03-21T20:04:00Z")), ("c249010000000000000000", Tagged(2, b"\x01" + bytes(8))),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"), ("7f657374726561646d696e67ff", "streaming"), ("9fff", []), ("5fff", b""),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]), ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}), ("a2026001f6", {2: "", 1: None}),
        ("a14161f6", {b"a": None}),
    ],
)  # fmt: skip
def test_each_spelling_is_read(hexed, value):
    found = anycbor.decode(bytes.fromhex(hexed), "token")
    assert math.isnan(found) if hexed == "f97e00" else (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("hexed", "byte"),
    [
        ("", 0), ("18", 0), ("1c", 0), ("1f", 0), ("3f", 0), ("df", 0), ("ff", 0), ("0000", 1), ("42 00", 0), ("61 ff", 0), ("82 00", 2),
        ("a1 00", 2), ("9f 00", 2), ("5f 00 ff", 1), ("5f 5f ff ff", 1), ("7f 41 00 ff", 1), ("7f 61 ff ff", 1), ("5f 42 00", 1),
        ("a2 01 00 01 00", 3), ("bf 01 00 01 00 ff", 3), ("a2 01 00 1801 00", 3), ("a1 f5 00", 1), ("a1 f93c00 00", 1), ("a1 80 00", 1), ("a1 c001 00", 1),
        ("bf 01 ff", 2), ("f8 1f", 0), ("f8 00", 0), ("fb 00", 0), ("9a ffffffff", 5), ("bb ffffffffffffffff", 9), ("5b ffffffffffffffff", 0),
    ],
)  # fmt: skip
def test_each_fault_is_refused_at_its_byte(hexed, byte):
    with pytest.raises(Malformed) as refused:
        anycbor.decode(bytes.fromhex(hexed), "token")
    assert refused.value.place == f"token at byte {byte}"


def test_the_limits_hold_and_one_past_them_is_refused():
    deep = b"\x81" * limits.MAX_FOREIGN_DEPTH + b"\x00"
    anycbor.decode(deep, "token")
    for raw in (b"\x81" + deep, b"\xc0" + deep, b"\x9f" * 60_000):
        with pytest.raises(
            Malformed, match=f"at byte {limits.MAX_FOREIGN_DEPTH}: expected at most 16 levels"
        ):
            anycbor.decode(raw, "token")
    most = limits.MAX_FOREIGN_VALUES - 1
    anycbor.decode(b"\x9f" + b"\x00" * most + b"\xff", "token")
    with pytest.raises(Malformed, match=f"at byte {most + 1}: expected at most 10000 values"):
        anycbor.decode(b"\x9f" + b"\x00" * (most + 1) + b"\xff", "token")
    full = b"\x59\xff\xfd" + bytes(limits.MAX_FOREIGN_BYTES - 3)
    assert len(full) == limits.MAX_FOREIGN_BYTES
    anycbor.decode(full, "token")
    with pytest.raises(Malformed, match="token: expected at most 65536 bytes"):
        anycbor.decode(full + b"\x00", "token")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=30) | st.text(max_size=9)
    | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.integers(-(2**63), 2**63) | st.text(max_size=4) | st.binary(max_size=3), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(VALUES, st.booleans())
def test_what_another_library_writes_is_read(value, indefinite):
    raw = cbor2.dumps(value, indefinite_containers=indefinite)
    assert anycbor.decode(raw, "token") == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_malformed_and_ours_are_read_alike(raw):
    try:
        strict = cbor.decode(raw, "token")
    except Malformed:
        strict = Malformed
    try:
        value = anycbor.decode(raw, "token")
    except Malformed:
        assert strict is Malformed
        return
    assert strict is Malformed or strict == value
