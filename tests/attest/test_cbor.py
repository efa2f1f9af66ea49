"""One encoding of each value, and every other one refused with its byte offset."""

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=20)
)
KEYS = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_what_is_encoded_is_decoded_again_by_us_and_by_another_library(value):
    raw = cbor.encode(value)
    assert cbor2.loads(raw) == value
    if depth(value) <= limits.MAX_CBOR_DEPTH:
        assert cbor.decode(raw, "x") == value


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=60) | VALUES.map(cbor.encode) | VALUES.map(cbor2.dumps), st.binary(max_size=2))
def test_whatever_is_accepted_encodes_to_the_same_bytes_and_the_fast_way_takes_no_more_than_the_strict(
    raw, tail
):
    raw += tail
    try:
        value = cbor.decode(raw, "x")
    except Malformed:
        value = None
        strict = cbor.Reader(raw, "x")
        with pytest.raises(Malformed):
            strict.value()
            strict.end()
    else:
        assert cbor.encode(value) == raw
        strict = cbor.Reader(raw, "x")
        assert strict.value() == value
        strict.end()


REFUSED = {
    "1800": ("byte 0", "shortest form"),  # 0 in two bytes
    "190017": ("byte 0", "shortest form"),
    "1a0000ffff": ("byte 0", "shortest form"),
    "1b00000000ffffffff": ("byte 0", "shortest form"),
    "5f41ff": ("byte 0", "definite length"),
    "9fff": ("byte 0", "definite length"),
    "bfff": ("byte 0", "definite length"),
    "1c": ("byte 0", "definite length"),
    "a201000100": ("byte 3", "ascending"),  # the same key twice
    "a202000100": ("byte 3", "ascending"),
    "a220000100": ("byte 3", "ascending"),  # -1 before 1
    "a14100f6": ("byte 1", "integer or text"),
    "a1f500": ("byte 1", "integer or text"),
    "a1f600": ("byte 1", "integer or text"),
    "a18000": ("byte 1", "nesting"),
    "0000": ("byte 1", "the end"),
    "": ("byte 0", "a CBOR item"),
    "19": ("byte 0", "2 more bytes"),
    "1900": ("byte 0", "2 more bytes"),
    "4201": ("byte 0", "2 bytes"),
    "6201": ("byte 0", "2 bytes"),
    "61ff": ("byte 0", "UTF-8"),
    "81": ("byte 1", "a CBOR item"),
    "a1": ("byte 1", "a CBOR item"),
    "a101": ("byte 2", "a CBOR item"),
    "f7": ("byte 0", "true, false or null"),  # undefined
    "e0": ("byte 0", "true, false or null"),
    "f818": ("byte 0", "shortest form"),
    "f90000": ("byte 0", "shortest form"),  # a float
    "fb7ff0000000000000": ("byte 0", "shortest form"),
    "c000": ("byte 0", "no tag"),
    "c24101": ("byte 0", "no tag"),  # a bignum
    "d823615b": ("byte 0", "no tag"),  # a regular expression
    "d81c80": ("byte 0", "no tag"),  # value sharing
    "d9d9f700": ("byte 0", "no tag"),
    "9b00ffffffffffffff": ("byte 0", "fewer values"),
    "bb00ffffffffffffff": ("byte 0", "fewer values"),
}


@pytest.mark.parametrize("raw", REFUSED)
def test_every_other_form_is_refused_at_its_place(raw):
    place, expected = REFUSED[raw]
    with pytest.raises(Malformed) as refused:
        cbor.decode(bytes.fromhex(raw), "payload")
    assert refused.value.place == f"payload at {place}"
    assert expected in str(refused.value)


def test_nesting_is_limited():
    at_limit = b"\x81" * limits.MAX_CBOR_DEPTH + b"\x00"
    assert cbor.decode(at_limit, "x")
    with pytest.raises(Malformed, match="nesting"):
        cbor.decode(b"\x81" + at_limit, "x")
    maps = b"\xa1\x00" * limits.MAX_CBOR_DEPTH + b"\x00"
    assert cbor.decode(maps, "x")
    with pytest.raises(Malformed, match="nesting"):
        cbor.decode(b"\xa1\x00" + maps, "x")
    with pytest.raises(Malformed, match="nesting"):
        cbor.decode(b"\x81" * 16_000, "x")


def test_the_number_of_values_is_limited():
    count = limits.MAX_CBOR_VALUES - 1
    assert cbor.decode(cbor.encode([0] * count), "x") == [0] * count
    with pytest.raises(Malformed, match="fewer values"):
        cbor.decode(cbor.encode([0] * (count + 1)), "x")
    with pytest.raises(Malformed, match="fewer values"):
        cbor.decode(cbor.encode([[0] * 900] * 3), "x")
    with pytest.raises(Malformed, match="fewer values"):
        cbor.decode(cbor.encode(dict.fromkeys(range(1500), 0)), "x")


def test_a_long_but_small_payload_is_taken_by_the_strict_reader():
    assert cbor.decode(cbor.encode([bytes(3000)]), "x") == [bytes(3000)]


def test_the_size_is_limited():
    most = limits.MAX_EVIDENCE_BYTES
    assert cbor.decode(cbor.encode_bytes(bytes(most - 3)), "x") == bytes(most - 3)
    with pytest.raises(Malformed, match="at most"):
        cbor.decode(cbor.encode_bytes(bytes(most - 2)), "x")


@pytest.mark.parametrize("value", [1.5, {1}, object()])
def test_a_type_outside_the_profile_is_not_encoded(value):
    with pytest.raises(TypeError):
        cbor.encode(value)


def test_an_integer_that_does_not_fit_is_not_encoded():
    with pytest.raises(OverflowError):
        cbor.encode(2**64)


def test_readers_name_what_they_wanted():
    reader = cbor.Reader(bytes.fromhex("830141000a"), "thing")
    assert reader.array(1, 3) == 3
    assert reader.uint() == 1
    with pytest.raises(Malformed, match="thing at byte 2: expected an unsigned integer, got byte string"):
        reader.uint()
    with pytest.raises(Malformed, match="a byte string of 2 to 4 bytes, got 1 bytes"):
        reader.bstr(2, 4)
    with pytest.raises(Malformed, match="an array"):
        cbor.Reader(b"\x00", "x").array(0, 1)
    with pytest.raises(Malformed, match="an array of 1 to 2 items, got 3"):
        cbor.Reader(b"\x83", "x").array(1, 2)
    with pytest.raises(Malformed, match="at most 5"):
        cbor.Reader(b"\x06", "x").uint(5)
    with pytest.raises(Malformed, match="1 bytes, got 0 bytes"):
        cbor.Reader(b"\x41", "x").bstr(0, 5)
