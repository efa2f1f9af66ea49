"""The stand-alone verifier: any bytes get a verdict or one sentence; nothing passes that was changed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from vouchsafe.bundle import container, verify
from vouchsafe.bundle.verify import Bad, Unreadable

VECTORS = Path(__file__).parents[2] / "tests" / "vectors" / "bundle"
POLICY = verify.read_policy((VECTORS / "policy.txt").read_bytes())
MEMBERS, _ = verify.read_container((VECTORS / "good.zip").read_bytes())
NAMES = sorted(MEMBERS.keys() - {"bundle.json"})


def archive(data: bytes) -> None:
    """The container: what has no fault is byte for byte what the writer packs."""
    try:
        members, fault = verify.read_container(data)
    except Unreadable:
        return
    assert (fault is None) == (container.pack(members) == data)
    try:
        assert verify.check(data, None).exit_code == 1
    except Unreadable:
        return


def _listing(files: dict[str, bytes]) -> bytes:
    rows = [{"path": n, "sha256": hashlib.sha256(b).hexdigest(), "size": len(b)} for n, b in files.items()]
    return json.dumps(
        {"files": rows, "format": verify.FORMAT}, sort_keys=True, separators=(",", ":")
    ).encode()


def member(data: bytes) -> None:
    """One member of a good bundle is replaced (the first byte says which), and the listing made to fit it."""
    if not data:
        return
    name = NAMES[data[0] % len(NAMES)]
    files = {**MEMBERS, name: data[1:]}
    files["bundle.json"] = _listing({n: files[n] for n in NAMES})
    result = verify.check(container.pack(files), POLICY)
    assert result.exit_code == 1 or data[1:] == MEMBERS[name] or name.endswith(".tlog-proof")
    assert result.exit_code == 0 or any(v.place for v in result.verdicts)


def policy(data: bytes) -> None:
    """A policy file: what is read names a log, and a quorum that all its witnesses meet."""
    try:
        found = verify.read_policy(data)
    except Unreadable:
        return
    assert found.logs
    assert found.met(found.quorum, set(found.witnesses))


def proof(data: bytes) -> None:
    """A tlog-proof file with its note."""
    try:
        found = verify.read_proof(data, "x")
    except Bad:
        return
    assert len(found.path) <= verify.MAX_PROOF_HASHES
    assert 1 <= len(found.note.lines) <= verify.MAX_NOTE_LINES


def leaf(data: bytes) -> None:
    """A leaf: what is read is its only spelling."""
    try:
        found = verify.read_leaf(data, "x")
    except Bad:
        return
    assert json.dumps(found, sort_keys=True, separators=(",", ":")).encode() == data


def cbor(data: bytes) -> None:
    """CBOR, and what is made of it: a COSE_Sign1 and a key."""
    for read in (verify.read_cbor, verify.read_sign1):
        try:
            read(data, "x")
        except Bad:
            continue


def envelope(data: bytes) -> None:
    """A DSSE envelope."""
    try:
        found = verify.read_envelope(data, "x")
    except Bad:
        return
    assert 1 <= len(found.signatures) <= verify.MAX_DSSE_SIGNATURES


def entries(data: bytes) -> None:
    """A log's entry bundle of as many entries as the first byte says."""
    width = data[0] if data else 0
    try:
        found = verify.read_entries(data[1:], width, "x")
    except Bad:
        return
    assert len(found) == width


TARGETS: dict[str, Callable[[bytes], None]] = {
    "bundle-archive": archive,
    "bundle-member": member,
    "bundle-policy": policy,
    "bundle-proof": proof,
    "bundle-leaf": leaf,
    "bundle-cbor": cbor,
    "bundle-dsse": envelope,
    "bundle-log-entries": entries,
}

_SEED_MEMBERS = ("evidence/fleet/0/6.bin", "leaves/fleet/0/6.json", "signatures/3/client-data.json")
_ITEM = MEMBERS["evidence/fleet/0/6.bin"][
    32:
]  # behind the salt: an item of a batch, its third part a message
SEEDS: dict[str, list[bytes]] = {
    "bundle-archive": [
        container.pack({"bundle.json": _listing(f), **f}) for f in ({}, {"README.txt": b"a", "x/y": b""})
    ],
    "bundle-member": [bytes([NAMES.index(name)]) + MEMBERS[name] for name in _SEED_MEMBERS],
    "bundle-policy": [(VECTORS / "policy.txt").read_bytes()],
    "bundle-proof": [MEMBERS["proofs/fleet/0/5.tlog-proof"], MEMBERS["export/leaf.tlog-proof"]],
    "bundle-leaf": [
        MEMBERS["leaves/fleet/0/6.json"],
        MEMBERS["leaves/records/6.json"],
        MEMBERS["export/leaf.json"],
    ],
    "bundle-cbor": [_ITEM, verify.read_cbor(_ITEM, "item")[2]],
    "bundle-dsse": [MEMBERS["refs/8987ccf68639dbda47a72e5b21be45faa8155876edeff3afb96b53503ad0cf0c.json"]],
    "bundle-log-entries": [b"\x02\x00\x03one\x00\x00", b"\x01\x01\x00" + bytes(256)],
}
