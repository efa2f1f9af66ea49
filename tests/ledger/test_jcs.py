"""Canonical JSON against the published vectors, ECMAScript's numbers, and our leaf subset, which refuses most of it."""

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.ledger import jcs, leaves, limits
from vouchsafe.ledger.errors import LedgerError, Malformed

FOLDER = "device-evidence/cyberphone_json-canonicalization/testdata"


def test_all_published_vectors_agree(fixtures):
    found = sorted((fixtures / FOLDER / "input").glob("*.json"))
    assert len(found) >= 4
    for path in found:
        expected = (fixtures / FOLDER / "output" / path.name).read_bytes()
        written = jcs.canonical(path.read_bytes())
        assert written == expected, path.name
        hexed = (fixtures / FOLDER / "outhex" / f"{path.stem}.txt").read_text()
        assert written == bytes.fromhex(hexed), path.name
        assert jcs.canonical(written) == written


def test_no_published_vector_is_a_leaf_nor_may_be_facts(fixtures):
    """Fractions, null and other scripts are what the leaf subset refuses; each file has one of them."""
    for path in sorted((fixtures / FOLDER / "output").glob("*.json")):
        with pytest.raises(Malformed):
            leaves.parse(path.read_bytes())
        with pytest.raises(Malformed):
            leaves.check_facts({"value": json.loads(path.read_bytes())}, "facts")


# RFC 8785, appendix B, by the bits of the double.
NUMBERS = {
    "0000000000000000": "0", "8000000000000000": "0", "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324", "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308", "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992", "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22", "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23", "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000", "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7", "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332", "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333", "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343", "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}  # fmt: skip


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_are_written_as_ecmascript_does(bits, text):
    assert jcs.encode(struct.unpack(">d", bytes.fromhex(bits))[0]) == text.encode()


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_reads_back_in_the_fewest_digits(number):
    text = jcs.encode(number).decode()
    assert float(text) == number
    digits = text.lstrip("-").partition("e")[0].replace(".", "").strip("0")
    assert len(digits) <= 17 and (abs(number) < 1e21) == ("e+" not in text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (None, "null"), ([], "[]"), ({}, "{}"), (10, "10"), (-1.5, "-1.5"), (2**53, "9007199254740992"),
        ({"\U0001f600": 1, "\ufb33": 2, "\u20ac": 3, "a": 4}, '{"a":4,"\u20ac":3,"\U0001f600":1,"\ufb33":2}'),
        ("\x00\x08\x0c\n\r\t\x1f\x7f\"\\/é", '"\\u0000\\b\\f\\n\\r\\t\\u001f\x7f\\"\\\\/é"'),
        ([("a",), 1e21, 1e-7], '[["a"],1e+21,1e-7]'),
    ],
)  # fmt: skip
def test_values_are_written_in_their_one_way(value, text):
    assert jcs.encode(value) == text.encode()


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (float("nan"), "$"), ([1, float("inf")], "$[1]"), ({"a": [{"b": 2**53 + 1}]}, "$.a[0].b"), (10**400, "$"),
        ({"a": "\ud800"}, "$.a"), ({"\udfff": 1}, "$ key"), ({1: 2}, "$"), ([b"x"], "$[0]"), ({"a": {1, 2}}, "$.a"),
    ],
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused_at_its_place(value, place):
    with pytest.raises(Malformed) as refused:
        jcs.encode(value)
    assert refused.value.place == place


@pytest.mark.parametrize(
    ("text", "place", "got"),
    [
        (b"", "line 1 column 1", "Expecting value"),
        (b'{"a":1,\n "a":2}', "an object", "'a' twice"),
        (b"[NaN]", "a number", "NaN"),
        (b"[-Infinity]", "a number", "-Infinity"),
        (b"[1e999]", "$[0]", "inf"),
        (b"[01]", "line 1 column 3", "Expecting ',' delimiter"),
        (b"[1]\n[2]", "line 2 column 1", "Extra data"),
        (b'["\xff"]', "byte 2", "0xff"),
        (b'\xef\xbb\xbf{}', "line 1 column 1", "Expecting value"),
        (b'["\\ud800"]', "$[0]", "'\\ud800'"),
    ],
)  # fmt: skip
def test_text_that_is_not_i_json_is_refused_at_its_place(text, place, got):
    with pytest.raises(Malformed) as refused:
        jcs.canonical(text)
    assert (refused.value.place, refused.value.got) == (place, got)


def test_the_limits_hold_and_one_past_them_is_refused():
    deep = b"[" * limits.MAX_JCS_DEPTH + b"]" * limits.MAX_JCS_DEPTH
    assert jcs.canonical(deep) == deep
    for text in (b"[" + deep + b"]", b"[" * 100_000 + b"]" * 100_000):
        with pytest.raises(Malformed, match="nesting of at most 100"):
            jcs.canonical(text)
    full = b'"' + b"x" * (limits.MAX_JCS_BYTES - 2) + b'"'
    assert jcs.canonical(full) == full
    with pytest.raises(Malformed, match="at most 16777216 bytes"):
        jcs.canonical(full + b" ")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
    | st.integers(-(2**53), 2**53),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_each_spelling_of_a_value_has_the_one_form(value, indent, ascii_only):
    spelled = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8")
    assert jcs.canonical(spelled) == jcs.encode(value) == jcs.canonical(jcs.encode(value))


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u0129eE+-. truefalsn', max_size=40).map(str.encode)
)
def test_any_bytes_are_rewritten_or_malformed(data):
    try:
        written = jcs.canonical(data)
    except LedgerError:
        return
    assert jcs.canonical(written) == written


def test_a_leaf_is_written_as_the_standard_has_it():
    facts = {"pix": 3, "nested": {"b": [1, True], "a": "x-1"}, "size": 2**53 - 1}
    leaf = leaves.Leaf(1, "s:kernel", "0" * 64, "decision", "1" * 64, 4, "2" * 32, facts)
    assert leaves.encode(leaf) == jcs.encode(leaf.as_dict())
