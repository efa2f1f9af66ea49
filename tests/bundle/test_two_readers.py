"""The ledger and the verifier share no code: what one of them takes of notes, proofs and policies, the other takes, too."""

import base64
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.bundle import verify
from vouchsafe.ledger import ed25519, notes, policy, proofs, tree
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.errors import LedgerError

ORIGIN = "log.example/a"
LOG = notes.Signer(ORIGIN, b"l" * 32)
WITNESS = notes.Signer("witness.example/ß", b"w" * 32, notes.COSIGNATURE_V1)
NAMESAKE = notes.Signer(ORIGIN, b"n" * 32)
POLICY = f"log {LOG.verifier.vkey}\nwitness w {WITNESS.verifier.vkey}\ngroup g any w\nquorum g\n".encode()
LEDGERS, VERIFIERS = policy.parse(POLICY), verify.read_policy(POLICY)
ENTRIES = [b"one", b"two", b"three"]
ROOT = tree.root([tree.leaf_hash(entry) for entry in ENTRIES])

ODD = st.sampled_from(
    ["", "0", "03", "+3", "٣", str(2**63 - 1), str(2**63), "9" * 19, "9" * 20, " ", "a b", "— x y", "é"]
)
TEXTS = ODD | st.text(st.characters(blacklist_categories=["Cs"]), max_size=6)
NAMES = st.sampled_from(["x", "x+y", "x\u00a0y", "x\u2003", "\u0085", "\u200b", "日本", "x" * 300, ""])
RAW = base64.b64encode(b"12345").decode()


def ledger_takes(data: bytes) -> Any:
    try:
        proof = proofs.parse(data)
        found = proof.verify(tree.leaf_hash(ENTRIES[1]), LEDGERS).checkpoint
    except LedgerError:
        return None
    return proof.index, found.origin, found.size, found.root


def verifier_takes(data: bytes) -> Any:
    try:
        proof = verify.read_proof(data, "proof")
        found = verify.trust_checkpoint(proof.note, VERIFIERS, "proof", quorum=True)
    except verify.Bad:
        return None
    leaf = verify.leaf_hash(ENTRIES[1])
    if not verify.included(proof.at, found.size, leaf, proof.path, found.root):
        return None
    return proof.at, found.origin, found.size, found.root


def proof_of(body: bytes, *, time: int = 5, extra: bytes | None = None, lines: str = "") -> bytes:
    """The proof of the second entry, in a checkpoint of this text that log and witness have signed."""
    cosigned = b"cosignature/v1\ntime %d\n%s" % (time, body)
    raw = WITNESS.verifier.key_id + time.to_bytes(8, "big") + ed25519.sign(WITNESS.seed, cosigned)
    line = f"— {WITNESS.name} {base64.b64encode(raw).decode()}\n"
    note = body + b"\n" + (LOG.line(body) + line + lines).encode("utf-8", "surrogatepass")
    path = tree.inclusion_proof(1, [tree.leaf_hash(entry) for entry in ENTRIES])
    return proofs.TlogProof(1, tuple(path), note, extra).encode()


def test_both_take_the_good_proof() -> None:
    data = proof_of(Checkpoint(ORIGIN, 3, ROOT, ("extension",)).body)
    assert ledger_takes(data) == verifier_takes(data) == (1, ORIGIN, 3, ROOT)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_both_judge_a_signed_checkpoint_of_any_form_alike(data: st.DataObject) -> None:
    lines = Checkpoint(ORIGIN, 3, ROOT).body.decode().split("\n")[:-1]
    lines += data.draw(st.lists(TEXTS, max_size=3))
    if data.draw(st.booleans()):
        lines[data.draw(st.integers(0, len(lines) - 1))] = data.draw(TEXTS)
    time = data.draw(st.sampled_from([0, 5, 2**63 - 1, 2**63, 2**64 - 1]))
    strangers = data.draw(st.lists(NAMES, max_size=3))
    more = "".join(f"— {name} {RAW}\n" for name in strangers)
    whole = proof_of("".join(f"{line}\n" for line in lines).encode(), time=time, lines=more)
    assert ledger_takes(whole) == verifier_takes(whole)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_both_judge_a_changed_proof_alike(data: st.DataObject) -> None:
    body = Checkpoint(ORIGIN, 3, ROOT, ("one",)).body
    whole = proof_of(body, extra=b"opaque", lines=NAMESAKE.line(body))
    lines = whole.split(b"\n")
    act = data.draw(st.sampled_from(["byte", "cut", "drop", "double", "swap", "put"]))
    one, two = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    at = data.draw(st.integers(0, len(whole) - 1))
    if act == "drop":
        del lines[one]
    elif act == "double":
        lines.insert(two, lines[one])
    elif act == "swap":
        lines[one], lines[two] = lines[two], lines[one]
    elif act == "put":
        lines[one] = data.draw(TEXTS).encode()
    changed = b"\n".join(lines)
    if act == "byte":
        changed = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    elif act == "cut":
        changed = whole[:at]
    assert ledger_takes(changed) == verifier_takes(changed)


WORDS = st.sampled_from(
    ["log", "witness", "group", "quorum", "#", "#x", "none", "any", "all", "0", "1", "2", "01", "w", "v", "g", "h", "https://x"]
    + [LOG.verifier.vkey, NAMESAKE.verifier.vkey, WITNESS.verifier.vkey]
    + [notes.Signer("v", b"v" * 32, notes.COSIGNATURE_V1).verifier.vkey, "é", "\x7f", "\r", "a\u00a0b"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.lists(WORDS, max_size=5), max_size=3),
    st.lists(st.integers(0, 4), max_size=2),
    st.binary(max_size=2),
)
def test_both_judge_a_policy_alike(lines: list[list[str]], places: list[int], octets: bytes) -> None:
    whole = POLICY.split(b"\n")[:-1]
    for place, words in zip(places, lines, strict=False):
        whole.insert(place, " \t".join(words).encode())
    data = b"\n".join(whole) + b"\n# " + octets + b"\n"
    try:
        ledgers = policy.parse(data)
    except LedgerError:
        ledgers = None
    try:
        verifiers = verify.read_policy(data)
    except verify.Unreadable:
        verifiers = None
    assert (ledgers is None) == (verifiers is None), data
    if ledgers is not None and verifiers is not None:
        assert [key.public for key in ledgers.logs] == [key.public for key in verifiers.logs]
        for signed in ([], ["w"], ["v"], ["w", "v"]):
            known = [name for name in signed if name in ledgers.witnesses]
            assert ledgers.is_met_by(dict.fromkeys(known, 1)) == verifiers.met(verifiers.quorum, set(known))
