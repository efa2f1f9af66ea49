"""C2SP tlog-proof files, and the proof of two steps that leads from an entry to the root log.

Step 1 proves the entry in a checkpoint of its own log; step 2 proves that this very checkpoint is an entry
of the root log, whose checkpoint is the one that witnesses see. Each step is a standard file that any tool
can check.

>>> log = notes.Signer("log.example/a", bytes(range(32)))
>>> hashes = [tree.leaf_hash(entry) for entry in (b"one", b"two")]
>>> note = notes.sign(Checkpoint("log.example/a", 2, tree.root(hashes)).body, log)
>>> file = make(0, tree.inclusion_proof(0, hashes), note, b"one").encode()
>>> proof, trust = parse(file), Policy(logs=(log.verifier,))
>>> proof.verify(tree.leaf_hash(b"one"), trust).checkpoint.size
2
"""

from collections.abc import Sequence
from dataclasses import dataclass

from . import leaves, notes, tree
from .checkpoints import Checkpoint
from .errors import Malformed, ProofError, brief
from .limits import MAX_EXTRA_BYTES, MAX_PROOF_BYTES, MAX_PROOF_HASHES
from .policy import Accepted, Policy
from .text import parse_base64, parse_decimal, parse_hash, to_base64

HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An entry's index, its inclusion proof, and the signed checkpoint that it leads to."""

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None
    """Opaque and NOT authenticated."""

    def encode(self) -> bytes:
        """The bytes of the file."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {to_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(to_base64(value) for value in self.hashes)
        return ("\n".join(lines) + "\n\n").encode() + self.note

    def verify(self, leaf_hash: bytes, policy: Policy, place: str = "proof") -> Accepted:
        """The accepted checkpoint that includes the leaf.

        Raises: Malformed, SignatureError, PolicyError, ProofError.
        """
        accepted = policy.open(self.note, f"{place} checkpoint")
        checkpoint = accepted.checkpoint
        tree.verify_inclusion(self.index, checkpoint.size, leaf_hash, self.hashes, checkpoint.root)
        return accepted


def make(index: int, hashes: Sequence[bytes], note: bytes, extra: bytes | None = None) -> TlogProof:
    """A proof from its parts."""
    return TlogProof(index, tuple(hashes), note, extra)


def parse(data: bytes, place: str = "proof") -> TlogProof:
    """The proof of a file; verifies nothing. Raises: Malformed, with the line's number."""
    if len(data) > MAX_PROOF_BYTES:
        raise Malformed(place, f"at most {MAX_PROOF_BYTES} bytes", f"{len(data)} bytes")
    head, separator, note = data.partition(b"\n\n")  # the FIRST blank line: the note has one of its own
    if not separator:
        raise Malformed(place, "proof lines, a blank line and a checkpoint", "no blank line")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed(f"{place} byte {error.start}", "ASCII", f"0x{head[error.start]:02x}") from None
    if lines[0] != HEADER:
        raise Malformed(f"{place} line 1", HEADER, brief(lines[0]))
    at, extra = 1, None
    if len(lines) > at and lines[at].startswith("extra "):
        extra = parse_base64(lines[at][6:], f"{place} line 2")
        if len(extra) > MAX_EXTRA_BYTES:
            raise Malformed(f"{place} line 2", f"at most {MAX_EXTRA_BYTES} bytes", f"{len(extra)} bytes")
        at += 1
    if len(lines) <= at or not lines[at].startswith("index "):
        raise Malformed(f"{place} line {at + 1}", "index <n>", brief(lines[at] if len(lines) > at else ""))
    index = parse_decimal(lines[at][6:], f"{place} line {at + 1}")
    encoded = lines[at + 1 :]
    if len(encoded) > MAX_PROOF_HASHES:
        raise Malformed(place, f"at most {MAX_PROOF_HASHES} hashes", f"{len(encoded)}")
    hashes = tuple(parse_hash(line, f"{place} line {n}") for n, line in enumerate(encoded, at + 2))
    notes.parse_note(note, f"{place} checkpoint")
    return TlogProof(index, hashes, note, extra)


@dataclass(frozen=True, slots=True)
class TwoStep:
    """All that proves one entry up to the root log."""

    entry: bytes
    shard: TlogProof
    root_entry: bytes
    root: TlogProof


@dataclass(frozen=True, slots=True)
class Verified:
    """What a proof of two steps has shown."""

    shard: Checkpoint
    root: Accepted


def verify_two_step(proof: TwoStep, *, shard_policy: Policy, root_policy: Policy) -> Verified:
    """Returns when both steps hold and the root log's entry is the checkpoint of step 1.

    Raises: Malformed, SignatureError, PolicyError, ProofError.
    """
    shard = proof.shard.verify(tree.leaf_hash(proof.entry), shard_policy, "step 1").checkpoint
    leaf = leaves.parse(proof.root_entry, "step 2 entry")
    stated = (leaf.kind, leaf.facts.get("origin"), leaf.facts.get("size"), leaf.facts.get("root"))
    if stated != ("shard.checkpoint", shard.origin, shard.size, shard.root.hex()):
        raise ProofError(f"step 2 entry: expected the checkpoint {shard}, got {brief(stated, 300)}")
    root = proof.root.verify(tree.leaf_hash(proof.root_entry), root_policy, "step 2")
    return Verified(shard, root)
