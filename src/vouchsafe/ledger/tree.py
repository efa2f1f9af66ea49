"""The Merkle tree of RFC 6962: hashes, proofs, and their verification.

Pure functions over hashes. Start with `verify_inclusion`; `subtree_ranges` and `consistency_ranges` say which
subtrees a proof consists of, so that a reader of tiles needs to fetch those only.

>>> hashes = [leaf_hash(entry) for entry in (b"one", b"two", b"three")]
>>> verify_inclusion(1, 3, hashes[1], inclusion_proof(1, hashes), root(hashes))
>>> verify_consistency(2, 3, consistency_proof(2, hashes), root(hashes[:2]), root(hashes))
>>> verify_inclusion(1, 3, hashes[1], [], root(hashes))
Traceback (most recent call last):
vouchsafe.ledger.errors.ProofError: proof of entry 1 in 3 is too short: 0 hashes
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from .errors import ProofError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

Node = tuple[int, int]
"""A complete subtree: (height, index among the subtrees of that height)."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry). Source: RFC 6962 2.1."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right). Source: RFC 6962 2.1."""
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below `size` (>= 2): where a tree of that size divides."""
    return 1 << (size - 1).bit_length() - 1


def pairs(hashes: Sequence[bytes]) -> list[bytes]:
    """The level above an even number of hashes of complete subtrees."""
    return [sha256(b"\x01" + hashes[i] + hashes[i + 1]).digest() for i in range(0, len(hashes) - 1, 2)]


def root(hashes: Sequence[bytes]) -> bytes:
    """MTH over leaf hashes (or over roots of complete subtrees of one height); any number of them."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    # The odd one out moves up unchanged; that equals the split at the largest power of two.
    while len(level) > 1:
        odd = [level[-1]] if len(level) & 1 else []
        level = pairs(level) + odd
    return level[0]


def fold(hashes: Sequence[bytes]) -> bytes:
    """One root from the roots of complete subtrees of falling height, left to right."""
    acc = hashes[-1]
    for left in reversed(hashes[:-1]):
        acc = node_hash(left, acc)
    return acc


def cover(start: int, end: int) -> list[Node]:
    """The complete subtrees, left to right, of a range that starts at a multiple of its largest part."""
    nodes: list[Node] = []
    while start < end:
        height = (end - start).bit_length() - 1
        nodes.append((height, start >> height))
        start += 1 << height
    return nodes


def range_hash(start: int, end: int, node: Callable[[Node], bytes]) -> bytes:
    """MTH(D[start:end]) where `node` gives the root of a complete subtree."""
    if start == end:
        return EMPTY_ROOT
    return fold([node(part) for part in cover(start, end)])


def subtree_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaf ranges whose hashes prove `index` in a tree of `size`, sibling first. RFC 6962 2.1.1."""
    if not 0 <= index < size:
        raise ProofError(f"no entry {index} in a tree of {size}")
    start, end = 0, size
    ranges: list[tuple[int, int]] = []
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """The leaf ranges whose hashes prove that a tree of `new` continues one of `old`. RFC 6962 2.1.2."""
    if not 0 <= old <= new:
        raise ProofError(f"no consistency from size {old} to size {new}")
    if old in (0, new):
        return []
    start, end, whole = 0, new, True
    ranges: list[tuple[int, int]] = []
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
            whole = False
    if not whole:
        ranges.append((start, end))
    return ranges[::-1]


def inclusion_proof(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """The proof of leaf `index` in the tree over these leaf hashes."""
    return [root(hashes[start:end]) for start, end in subtree_ranges(index, len(hashes))]


def consistency_proof(old: int, hashes: Sequence[bytes]) -> list[bytes]:
    """The proof that the tree over these leaf hashes continues the one over the first `old` of them."""
    return [root(hashes[start:end]) for start, end in consistency_ranges(old, len(hashes))]


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for number, value in enumerate(hashes):
        if len(value) != HASH_SIZE:
            raise ProofError(f"hash {number}: expected 32 bytes, got {len(value)}")


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Returns when the leaf is entry `index` of the tree with this size and root.

    Raises: ProofError. Source: RFC 9162 2.1.3.2.
    """
    _check_hashes([leaf_hash, root, *proof])
    if not 0 <= index < size:  # RFC 9162 2.1.3.2 step 1
        raise ProofError(f"no entry {index} in a tree of {size}")
    at, last, acc = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:  # step 4a
            raise ProofError(f"proof of entry {index} in {size} is too long: {len(proof)} hashes")
        if at & 1 or at == last:
            acc = node_hash(sibling, acc)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            acc = node_hash(acc, sibling)
        at >>= 1
        last >>= 1
    if last:  # step 5
        raise ProofError(f"proof of entry {index} in {size} is too short: {len(proof)} hashes")
    if acc != root:
        raise ProofError(
            f"entry {index} in {size}: expected root {root.hex()}, the proof leads to {acc.hex()}"
        )


def verify_consistency(
    old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Returns when the new tree continues the old one.

    An old size of 0 is consistent with everything and takes an empty proof (C2SP tlog-witness: `old 0`).
    Raises: ProofError. Source: RFC 9162 2.1.4.2.
    """
    _check_hashes([old_root, new_root, *proof])
    place = f"consistency of {old_size} with {new_size}"
    if not 0 <= old_size <= new_size:
        raise ProofError(f"{place}: the old size is above the new one or negative")
    if old_size in (0, new_size):
        if proof:
            raise ProofError(f"{place}: expected an empty proof, got {len(proof)} hashes")
        if old_root != (new_root if old_size else EMPTY_ROOT):
            raise ProofError(f"{place}: expected equal roots or an empty old tree, got {old_root.hex()}")
        if new_size == 0 and new_root != EMPTY_ROOT:
            raise ProofError(f"{place}: expected the root of the empty tree, got {new_root.hex()}")
        return
    if not proof:  # step 1
        raise ProofError(f"{place}: the proof is empty")
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # step 2
        path.insert(0, old_root)
    at, last = old_size - 1, new_size - 1
    while at & 1:  # step 4
        at >>= 1
        last >>= 1
    old_acc = new_acc = path[0]
    for sibling in path[1:]:
        if last == 0:  # step 6a
            raise ProofError(f"{place}: the proof is too long: {len(proof)} hashes")
        if at & 1 or at == last:
            old_acc = node_hash(sibling, old_acc)
            new_acc = node_hash(sibling, new_acc)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            new_acc = node_hash(new_acc, sibling)
        at >>= 1
        last >>= 1
    if last:  # step 7
        raise ProofError(f"{place}: the proof is too short: {len(proof)} hashes")
    if old_acc != old_root:
        raise ProofError(f"{place}: expected old root {old_root.hex()}, the proof leads to {old_acc.hex()}")
    if new_acc != new_root:
        raise ProofError(f"{place}: expected new root {new_root.hex()}, the proof leads to {new_acc.hex()}")
