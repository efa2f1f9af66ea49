"""The Merkle tree against the published vectors, a slow definition of it, and broken proofs."""

import json
from base64 import b64decode
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.ledger import tree
from vouchsafe.ledger.errors import ProofError

VECTOR_FOLDERS = ["vectors/merkle", "device-evidence/transparency-dev_merkle/testdata"]


def vectors(fixtures, folder, kind):
    found = sorted((fixtures / folder / kind).rglob("*.json"))
    assert found, f"no vectors in {folder}/{kind}"
    for path in found:
        yield path, json.loads(path.read_text())


def raw(value):
    return b64decode(value or "")


@pytest.mark.parametrize("folder", VECTOR_FOLDERS)
def test_all_published_inclusion_vectors_agree(fixtures, folder):
    seen = set()
    for path, case in vectors(fixtures, folder, "inclusion"):
        proof = [raw(value) for value in case["proof"] or []]
        try:
            tree.verify_inclusion(
                case["leafIdx"], case["treeSize"], raw(case["leafHash"]), proof, raw(case["root"])
            )
            failed = False
        except ProofError:
            failed = True
        assert failed == case["wantErr"], path
        seen.add(case["wantErr"])
    assert seen == {True, False}


@pytest.mark.parametrize("folder", VECTOR_FOLDERS)
def test_all_published_consistency_vectors_agree(fixtures, folder):
    seen = set()
    for path, case in vectors(fixtures, folder, "consistency"):
        proof = [raw(value) for value in case["proof"] or []]
        try:
            tree.verify_consistency(
                case["size1"], case["size2"], proof, raw(case["root1"]), raw(case["root2"])
            )
            failed = False
        except ProofError:
            failed = True
        assert failed == case["wantErr"], path
        seen.add(case["wantErr"])
    assert seen == {True, False}


def definition(hashes):
    """MTH as RFC 6962 2.1 writes it down."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha256(b"\x01" + definition(hashes[:k]) + definition(hashes[k:])).digest()


HASHES = [tree.leaf_hash(bytes([n % 256, n // 256])) for n in range(300)]


def test_the_empty_tree_has_the_hash_of_nothing():
    assert tree.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_leaf_and_node_hashes_are_prefixed():
    assert tree.leaf_hash(b"x") == sha256(b"\0x").digest()
    assert tree.node_hash(b"l" * 32, b"r" * 32) == sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()


@pytest.mark.parametrize("size", [*range(40), 63, 64, 65, 127, 128, 129, 255, 256, 257, 300])
def test_root_is_the_definition(size):
    assert tree.root(HASHES[:size]) == definition(HASHES[:size])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 13, 64, 100])
def test_every_entry_of_a_tree_is_proved(size):
    root = tree.root(HASHES[:size])
    for index in range(size):
        proof = tree.inclusion_proof(index, HASHES[:size])
        tree.verify_inclusion(index, size, HASHES[index], proof, root)


@pytest.mark.parametrize("new", [0, 1, 2, 3, 7, 8, 9, 16, 33, 64, 65])
def test_every_earlier_size_is_consistent(new):
    for old in range(new + 1):
        proof = tree.consistency_proof(old, HASHES[:new])
        tree.verify_consistency(old, new, proof, tree.root(HASHES[:old]), tree.root(HASHES[:new]))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 300), st.data())
def test_no_changed_inclusion_proof_verifies(size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(index, HASHES[:size])
    root = tree.root(HASHES[:size])
    change = data.draw(st.sampled_from(["flip", "drop", "add", "index", "leaf", "root"]))
    at, leaf, changed = index, HASHES[index], list(proof)
    if change == "flip" and proof:
        n = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        changed[n] = (int.from_bytes(changed[n], "big") ^ (1 << bit)).to_bytes(32, "big")
    elif change == "drop" and proof:
        del changed[data.draw(st.integers(0, len(proof) - 1))]
    elif change == "add":
        changed.insert(data.draw(st.integers(0, len(proof))), HASHES[0])
    elif change == "index":
        at = data.draw(st.integers(-1, size).filter(lambda n: n != index))
    elif change == "leaf":
        leaf = sha256(leaf).digest()
    else:
        root = sha256(root).digest()
    with pytest.raises(ProofError):
        tree.verify_inclusion(at, size, leaf, changed, root)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 300), st.data())
def test_no_changed_consistency_proof_verifies(new, data):
    old = data.draw(st.integers(1, new - 1))
    proof = tree.consistency_proof(old, HASHES[:new])
    old_root, new_root = tree.root(HASHES[:old]), tree.root(HASHES[:new])
    change = data.draw(st.sampled_from(["flip", "drop", "add", "old root", "new root"]))
    changed = list(proof)
    if change == "flip":
        n = data.draw(st.integers(0, len(proof) - 1))
        changed[n] = sha256(changed[n]).digest()
    elif change == "drop":
        del changed[data.draw(st.integers(0, len(proof) - 1))]
    elif change == "add":
        changed.insert(data.draw(st.integers(0, len(proof))), HASHES[0])
    elif change == "old root":
        old_root = sha256(old_root).digest()
    else:
        new_root = sha256(new_root).digest()
    with pytest.raises(ProofError):
        tree.verify_consistency(old, new, changed, old_root, new_root)


def test_old_size_zero_takes_an_empty_proof_and_no_other():
    root = tree.root(HASHES[:5])
    tree.verify_consistency(0, 5, [], tree.EMPTY_ROOT, root)
    with pytest.raises(ProofError, match="empty proof"):
        tree.verify_consistency(0, 5, [HASHES[0]], tree.EMPTY_ROOT, root)
    with pytest.raises(ProofError, match="empty old tree"):
        tree.verify_consistency(0, 5, [], root, root)
    with pytest.raises(ProofError):
        tree.verify_consistency(0, 0, [], tree.EMPTY_ROOT, root)


@pytest.mark.parametrize("sizes", [(-1, 5), (6, 5)])
def test_an_old_size_above_the_new_one_is_refused(sizes):
    with pytest.raises(ProofError):
        tree.verify_consistency(*sizes, [], HASHES[0], HASHES[1])
    with pytest.raises(ProofError):
        tree.consistency_ranges(*sizes)


def test_equal_sizes_need_equal_roots():
    tree.verify_consistency(5, 5, [], HASHES[0], HASHES[0])
    with pytest.raises(ProofError):
        tree.verify_consistency(5, 5, [], HASHES[0], HASHES[1])


def test_a_missing_proof_between_different_sizes_is_refused():
    with pytest.raises(ProofError, match="empty"):
        tree.verify_consistency(3, 5, [], tree.root(HASHES[:3]), tree.root(HASHES[:5]))


def test_hashes_of_another_length_are_refused():
    with pytest.raises(ProofError, match="hash 0: expected 32 bytes, got 31"):
        tree.verify_inclusion(0, 1, b"x" * 31, [], b"x" * 31)


def test_there_is_no_proof_of_an_entry_outside():
    with pytest.raises(ProofError):
        tree.inclusion_proof(3, HASHES[:3])


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_a_range_is_covered_by_complete_subtrees(a, b):
    start, end = 0, max(a, b)
    nodes = tree.cover(start, end)
    covered = [n for height, index in nodes for n in range(index << height, (index + 1) << height)]
    assert covered == list(range(start, end))
