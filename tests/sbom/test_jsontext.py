"""JSON from strangers: each way to be wrong, with its place."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.sbom import jsontext
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge
from vouchsafe.sbom.limits import Limits

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(CHARACTERS, max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS, max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("data", "place", "expected", "got"),
    [
        (b"", "line 1 column 1", "JSON", "an empty file"),
        (b" \n\t", "line 1 column 1", "JSON", "an empty file"),
        (b'{\n "a": 1,\n "a": 2}', "line 3 column 2", "each key once in an object", "“a” a second time"),
        (
            b'[{"b": {"x": 1, "y": 2, "\\u0078": 3}}]',
            "line 1 column 25",
            "each key once in an object",
            "“x” a second time",
        ),
        (b'{"a":\n "\xc3\xa9", x}', "line 2 column 7", "JSON", "unexpected character, expected a string key"),
        (b'{"a": "\xff"}', "line 1 column 8", "UTF-8 text", "the byte 0xff"),
        (b"\xff\xfe{\x00}\x00", "byte 0", "UTF-8 text", "UTF-16 text, little endian"),
        (b"\xfe\xff\x00{\x00}", "byte 0", "UTF-8 text", "UTF-16 text, big endian"),
        (
            b'{\x00"\x00',
            "byte 0",
            "UTF-8 text",
            "NUL bytes, as in UTF-16 or UTF-32 without a byte order mark",
        ),
        (b"<bom/>", "line 1 column 1", "JSON", "XML or HTML"),
        (b"SPDXVersion: SPDX-2.3\n", "line 1 column 1", "JSON", "SPDX tag-value text"),
        (b'["\\ud800"]', "line 1 column 3", "JSON", "no low surrogate in string"),
        (b'{"a": "x\\u0000"}', "line 1 column 9", "text without NUL characters", "\\u0000"),
        (b'{"a": NaN}', "line 1 column 7", "JSON", "unexpected character, expected a JSON value"),
        (b'{"a": 1} x', "line 1 column 10", "JSON", "unexpected content after document"),
        (b'{"a": "b', "line 1 column 9", "JSON", "unexpected end of data"),
    ],
)
def test_says_where_what_was_expected_and_what_came(data: bytes, place: str, expected: str, got: str) -> None:
    with pytest.raises(Malformed) as told:
        jsontext.parse(data)
    assert (told.value.place, told.value.expected, told.value.got) == (place, expected, got)


def test_refuses_a_nesting_of_fifty_thousand_before_parsing() -> None:
    with pytest.raises(TooLarge) as told:
        jsontext.parse(b"[" * 50_000 + b"]" * 50_000)
    assert told.value.place == "line 1 column 201"


@pytest.mark.parametrize("mark", [b"[", b'{"a":'])
def test_takes_the_deepest_allowed_nesting_and_refuses_one_more(mark: bytes) -> None:
    limits = Limits(max_depth=5)
    close = b"]" if mark == b"[" else b"}"
    jsontext.parse(mark * 5 + b"1" + close * 5, limits=limits)
    with pytest.raises(TooLarge):
        jsontext.parse(mark * 6 + b"1" + close * 6, limits=limits)


def test_brackets_in_strings_are_no_nesting() -> None:
    assert jsontext.parse(b'["' + b"[" * 5_000 + b'", "\\"[[["]', limits=Limits(max_depth=1))


def test_takes_as_many_bytes_as_allowed_and_refuses_one_more() -> None:
    limits = Limits(max_bytes=10)
    jsontext.parse(b'"12345678"', limits=limits)
    with pytest.raises(TooLarge):
        jsontext.parse(b'"123456789"', limits=limits)


def test_an_unending_string_of_escaped_quotes_is_refused_in_linear_time() -> None:
    import time

    began = time.perf_counter()
    with pytest.raises(Malformed):
        jsontext.parse(b'["' + b'\\"' * 1_000_000)
    assert time.perf_counter() - began < 2


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert jsontext.parse(b'["\\\\u0000"]') == ["\\u0000"]


def test_a_byte_order_mark_is_ignored() -> None:
    assert jsontext.parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_equal_keys_of_different_objects_are_fine() -> None:
    assert jsontext.parse(b'{"a": {"a": [{"a": 1}, {"a": 2}]}}')


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_reads_what_json_writes(value: object) -> None:
    assert jsontext.parse(json.dumps(value).encode()) == value
    assert jsontext.parse(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        jsontext.parse(data)
    except Malformed as told:
        assert told.place
        assert told.expected


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(CHARACTERS, max_size=8), JSON, max_size=6))
def test_spans_are_the_members_as_they_stand(value: dict[str, object]) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1).encode()
    found = jsontext.spans(text)
    assert {k: json.loads(v) for k, v in found.items()} == value
    assert all(v in text for v in found.values())


def test_not_read_is_a_kind_of_malformed() -> None:
    assert issubclass(NotRead, Malformed)
    assert issubclass(TooLarge, Malformed)
