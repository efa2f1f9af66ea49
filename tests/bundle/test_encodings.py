"""The verifier's readers of JSON, base64, hex, moments and leaves: one form each, everything else refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bundle import forge
from vouchsafe.bundle import verify
from vouchsafe.bundle.verify import Bad


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":1,"a":1}', "twice"),
        (b'{"b":1,"a":1}', "not in order"),
        (b'{"a": 1}', "differs at byte 5"),
        (b'{"a":1.5}', "no integer"),
        (b'{"a":NaN}', "no integer"),
        (b'{"a":-0}', "differs at byte"),
        (b'{"a":"\\u0041"}', "differs at byte"),
        (b"\xff", "not JSON"),
        (b"[1", "not JSON"),
        (b'"\\ud800"', "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_json_in_another_form_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Bad, match=reason):
        verify.read_json(data, "x")


def test_keys_are_ordered_by_utf16_units() -> None:
    # U+1F600 is written with surrogates (D83D DE00), which come before U+FB01 although its code point is higher.
    assert verify.read_json('{"\U0001f600":1,"\ufb01":2}'.encode(), "x")
    with pytest.raises(Bad):
        verify.read_json('{"\ufb01":2,"\U0001f600":1}'.encode(), "x")


def test_json_that_others_wrote_may_have_any_order_but_no_key_twice() -> None:
    assert verify.read_json(b'{ "b": 1.5, "a": null }', "x", canonical=False) == {"b": 1.5, "a": None}
    with pytest.raises(Bad, match="twice"):
        verify.read_json(b'{"a":1,"a":2}', "x", canonical=False)
    with pytest.raises(Bad, match="more than"):
        verify.read_json(b" " * (verify.MAX_JSON_BYTES + 1), "x")


@pytest.mark.parametrize(
    ("a", "b", "at"),
    [(b"", b"x", 0), (b"abc", b"abx", 2), (b"ab", b"abc", 2), (b"x" * 999 + b"a", b"x" * 999 + b"b", 999)],
)
def test_the_first_difference(a: bytes, b: bytes, at: int) -> None:
    assert verify.first_difference(a, b) == verify.first_difference(b, a) == at


@pytest.mark.parametrize("text", ["a=", "a b", "a", "é", "ab"])
def test_what_is_no_base64url_is_refused(text: Any) -> None:
    with pytest.raises(Bad):
        verify.b64url(text, "x")


@pytest.mark.parametrize("text", [None, "AB", "ab" * 33, "zz" * 32])
def test_what_is_no_digest_is_refused(text: Any) -> None:
    with pytest.raises(Bad):
        verify.shape(text, verify.HEX32, "x")


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00.000Z",
        "2026-02-03T00:00:00Z",
        "0000-01-01T00:00:00.000Z",
        5,
        "٢٠٢٦-01-01T00:00:00.000Z",
    ],
)
def test_what_is_no_moment_is_refused(text: Any) -> None:
    with pytest.raises(Bad):
        verify.read_moment(text, "x")


def test_a_moment_is_read_in_milliseconds_and_shown_without_a_calendar_too() -> None:
    assert verify.read_moment("1970-01-02T00:00:00.001Z", "x") == 86_400_001
    assert verify.show_moment(0) == "1970-01-01 00:00:00Z"
    assert verify.show_moment(2**53 - 1) == str(2**53 - 1)


# -- Leaves

LEAF = json.loads(forge.members(forge.Story())["export/leaf.json"])


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in LEAF.items() if k != key}


@pytest.mark.parametrize(
    "leaf",
    [
        [], without("at"), {**LEAF, "x": 1}, {**LEAF, "v": 2}, {**LEAF, "v": True}, {**LEAF, "seq": -1}, {**LEAF, "at": -1},
        {**LEAF, "at": 2**53}, {**LEAF, "at": True}, {**LEAF, "by": "u:xyz"}, {**LEAF, "by": 1}, {**LEAF, "kind": "A.b"},
        {**LEAF, "commit": "00"}, {**LEAF, "prev": None}, {**LEAF, "subj": "zz" * 16}, {**LEAF, "facts": []},
        {**LEAF, "facts": {}}, {**LEAF, "facts": {"pix": -2}}, {**LEAF, "facts": {"pix": 1, "t": "ü"}},
        {**LEAF, "facts": {"pix": 1, "n": None}}, {**LEAF, "facts": {"pix": 1, "N": 1}},
        {**LEAF, "facts": {"pix": 1, "deep": [[[[[[[[[1]]]]]]]]]}}, {**LEAF, "seq": 0}, {**LEAF, "prev": "0" * 64},
    ],
)  # fmt: skip
def test_what_is_no_leaf_is_refused(leaf: Any) -> None:
    from vouchsafe.ledger import leaves
    from vouchsafe.ledger.errors import LedgerError

    raw = forge.canonical(leaf)
    with pytest.raises(Bad):
        verify.read_leaf(raw, "leaf")
    with pytest.raises(LedgerError):
        leaves.parse(raw)


def test_the_ledgers_own_leaf_vectors_are_judged_alike() -> None:
    path = Path(__file__).parents[1] / "vectors/ledger/leaves.json"
    vectors = json.loads(path.read_text())
    for group, expected in (("accept", True), ("reject", False)):
        for case in vectors[group]:
            raw = bytes.fromhex(case["hex"]) if "hex" in case else case["bytes"].encode()
            try:
                verify.read_leaf(raw, "leaf")
                # The verifier takes kinds that a later release may add: what they mean is for others to say.
                assert expected or "kind" in case["why"], case
            except Bad:
                assert not expected, case
