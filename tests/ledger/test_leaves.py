"""The leaf encoding: accepted, written and refused, each broken in one way."""

import hmac
import json
import pickle
from hashlib import sha256
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchsafe.ledger import leaves
from vouchsafe.ledger.errors import Malformed
from vouchsafe.ledger.leaves import Leaf

EXAMPLE = (
    b'{"at":1766361600000,"by":"k:9f2c41d07be83a55","commit":"'
    + b"ab" * 32
    + b'","facts":{"pix":4,"tier":2},'
    b'"kind":"device.evidence","prev":"' + b"cd" * 32 + b'","seq":17,"subj":"' + b"ef" * 16 + b'","v":1}'
)


def changed(**values):
    value = json.loads(EXAMPLE)
    value.update(values)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def with_facts(**facts):
    return changed(facts={"pix": 4, **facts})


def test_the_example_reads_and_writes_the_same_bytes():
    leaf = leaves.parse(EXAMPLE)
    assert (leaf.seq, leaf.kind, leaf.facts) == (17, "device.evidence", {"pix": 4, "tier": 2})
    assert leaves.encode(leaf) == EXAMPLE


def test_the_first_leaf_of_a_subject_has_zeros_before_it():
    first = changed(seq=0, prev="0" * 64, facts={"pix": -1})
    assert leaves.parse(first).seq == 0


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "leaf"),
        (b" " * 4097, "leaf"),
        (EXAMPLE[:-1], "leaf byte"),
        (b"[]", "leaf"),
        (b"{}", "leaf"),
        (EXAMPLE + b"\n", "leaf byte"),
        (b" " + EXAMPLE, "leaf byte 0"),
        (b"\xef\xbb\xbf" + EXAMPLE, "leaf byte"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":18,"seq":17'), "leaf byte"),
        (EXAMPLE.replace(b'"seq":17', b'"seq": 17'), "leaf byte"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":17.0'), "leaf seq"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":true'), "leaf seq"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":-1'), "leaf seq"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":null'), "leaf seq"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":"17"'), "leaf seq"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":99999999999999999999'), "leaf seq"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":9007199254740992'), "leaf seq"),
        (EXAMPLE.replace(b'"seq":17', b'"seq":0'), "leaf prev"),
        (EXAMPLE.replace(b"cd" * 32, b"0" * 64), "leaf prev"),
        (changed(seq=0, prev="0" * 64), "leaf prev"),
        (EXAMPLE.replace(b'"tier":2', b'"tier":-0'), "leaf byte"),
        (EXAMPLE.replace(b'"tier":2', b'"tier":2.5'), "leaf facts.tier"),
        (EXAMPLE.replace(b'"tier":2', b'"tier":null'), "leaf facts.tier"),
        (EXAMPLE.replace(b'"tier":2', b'"tier":1e2'), "leaf facts.tier"),
        (EXAMPLE.replace(b'"tier":2', b'"tier":9007199254740993'), "leaf facts.tier"),
        (EXAMPLE.replace(b'"tier":2', b'"tier":"\\u0041"'), "leaf byte"),
        (EXAMPLE.replace(b'"tier":2', '"tier":"é"'.encode()), "leaf facts.tier"),
        (EXAMPLE.replace(b'"tier":2', b'"tier":"\x7f"'), "leaf facts.tier"),
        (EXAMPLE.replace(b'"tier":2', b'"tier":"a\\nb"'), "leaf facts.tier"),
        (EXAMPLE.replace(b'"tier":2', b'"Tier":2'), "leaf facts"),
        (EXAMPLE.replace(b'"tier":2', b'"":2'), "leaf facts"),
        (EXAMPLE.replace(b'"pix":4,"tier":2', b'"tier":2,"pix":4'), "leaf byte"),
        (EXAMPLE.replace(b'"pix":4,', b""), "leaf facts.pix"),
        (EXAMPLE.replace(b'"pix":4', b'"pix":true'), "leaf facts.pix"),
        (EXAMPLE.replace(b'"pix":4', b'"pix":-2'), "leaf facts.pix"),
        (changed(facts=[1]), "leaf facts"),
        (changed(v=2), "leaf v"),
        (changed(v=True), "leaf v"),
        (changed(kind="device.wish"), "leaf kind"),
        (changed(kind=5), "leaf kind"),
        (changed(subj="EF" * 16), "leaf subj"),
        (changed(subj="ef" * 15), "leaf subj"),
        (changed(by="k:9f2c"), "leaf by"),
        (changed(by="Ingrid"), "leaf by"),
        (changed(commit="AB" * 32), "leaf commit"),
        (changed(prev="ab"), "leaf prev"),
        (changed(extra=1), "leaf"),
        (with_facts(deep=[[[[[[[[1]]]]]]]]), "leaf facts.deep"),
        (with_facts(a=b"x".hex() * 5000), "leaf"),
    ],
)
def test_each_broken_leaf_names_its_place(data, place):
    with pytest.raises(Malformed) as caught:
        leaves.parse(data)
    assert caught.value.place.startswith(place)


def test_text_of_the_format_is_read_but_not_written():
    data = with_facts(note="two words")
    leaf = leaves.parse(data)
    with pytest.raises(Malformed, match="without spaces"):
        leaves.encode(leaf)


LEAF = leaves.parse(EXAMPLE)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"a": 1.5}, "facts.a"),
        ({"a": None}, "facts.a"),
        ({"a": b"x"}, "facts.a"),
        ({"a": 2**60}, "2\\^53"),
        ({"a": "x y"}, "spaces"),
        ({"a": ["x y"]}, "spaces"),
        ({"a": {"b": "x y"}}, "spaces"),
        ({"a": "x" * 256}, "255 characters"),
        ({"A": 1}, "keys of"),
        ({1: 1}, "keys of"),
        ({"a": "é"}, "printable"),
        ({"a": [[[[[[[[1]]]]]]]]}, "nesting"),
        ({f"k{n}": "x" * 250 for n in range(20)}, "1..4096 bytes"),
    ],
)
def test_the_writer_refuses_facts_outside_the_format(facts, word):
    with pytest.raises(Malformed, match=word):
        leaves.encode_parts(
            5, LEAF.by, LEAF.commit, {"pix": 1, **facts}, LEAF.kind, LEAF.prev, 3, LEAF.subj, "leaf"
        )


def test_what_the_encoder_alone_refuses_is_malformed_too():
    class Odd(dict):
        pass

    with pytest.raises(Malformed):
        leaves.encode_parts(
            5, LEAF.by, LEAF.commit, {"pix": 1, "a": {1, 2}}, LEAF.kind, LEAF.prev, 3, LEAF.subj, "leaf"
        )


@pytest.mark.parametrize("part", ["by", "subj", "commit", "kind", "prev"])
def test_the_writer_names_the_part_that_is_wrong(part):
    values = {"by": LEAF.by, "commit": LEAF.commit, "kind": LEAF.kind, "prev": LEAF.prev, "subj": LEAF.subj}
    values[part] = 'x","v":1}'
    with pytest.raises(Malformed) as caught:
        leaves.encode_parts(at=5, seq=3, facts={"pix": 1}, place="leaf 9", **values)
    assert caught.value.place == f"leaf 9 {part}"


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z"), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z"), VALUES, max_size=5))
def test_the_writers_path_gives_the_canonical_bytes(facts):
    leaf = Leaf(5, LEAF.by, LEAF.commit, LEAF.kind, LEAF.prev, 3, LEAF.subj, {**facts, "pix": 1})
    data = leaves.encode(leaf)
    assert data == orjson.dumps(leaf.as_dict(), option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    assert leaves.parse(data) == leaf
    # RFC 8785 for this subset: sorted keys, no space; the standard library writes the same.
    assert data == json.dumps(leaf.as_dict(), sort_keys=True, separators=(",", ":")).encode()


@given(
    st.binary(max_size=200)
    | st.integers(0, len(EXAMPLE) - 1).flatmap(
        lambda at: st.integers(0, 255).map(lambda b: EXAMPLE[:at] + bytes([b]) + EXAMPLE[at + 1 :])
    )
)
def test_any_bytes_are_a_leaf_or_malformed(data):
    try:
        leaf = leaves.parse(data)
    except Malformed:
        return
    assert leaves.encode(leaf) == data or " " in data.decode()


def test_a_commitment_is_the_hash_of_a_salt_of_32_bytes_and_the_payload():
    assert leaves.commitment(b"s" * 32, b"payload") == sha256(b"s" * 32 + b"payload").hexdigest()
    for salt in (b"", b"s" * 31, b"s" * 33):
        with pytest.raises(Malformed, match="salt"):
            leaves.commitment(salt, b"payload")


def test_a_pseudonym_is_keyed_and_bound_to_the_type():
    uuid = UUID(int=7)
    expected = hmac.new(b"k" * 32, b"vouchsafe/subj/v1\0device\0" + uuid.bytes, sha256).hexdigest()[:32]
    assert leaves.pseudonym(b"k" * 32, "device", uuid) == expected
    assert leaves.pseudonym(b"k" * 32, "device", uuid.bytes) == expected
    assert leaves.pseudonym(b"k" * 32, "record", uuid) != expected
    with pytest.raises(Malformed, match="16 bytes"):
        leaves.pseudonym(b"k" * 32, "device", b"short")
    with pytest.raises(Malformed, match="32 bytes"):
        leaves.pseudonym(b"k" * 31, "device", uuid)


def test_kinds_are_frozen():
    assert sorted(leaves.KINDS) == [
        "build.release",
        "bundle.export",
        "decision",
        "device.clone",
        "device.command",
        "device.enrol",
        "device.evidence",
        "device.gap",
        "device.key",
        "device.receipt",
        "epoch",
        "epoch.ack",
        "log.succession",
        "monitor.heartbeat",
        "person.key",
        "policy.set",
        "recall.freeze",
        "recall.move",
        "record.erase",
        "record.event",
        "record.sign",
        "refval.set",
        "root.cosigned",
        "shard.checkpoint",
        "subject.move",
        "vex.statement",
    ]
    assert set(leaves.KINDS) >= leaves.ROOT_ONLY


def test_errors_survive_a_worker_process():
    error = pickle.loads(pickle.dumps(Malformed("here", "this", "that")))
    assert (error.place, error.expected, error.got) == ("here", "this", "that")
    assert str(error) == "here: expected this, got that"
