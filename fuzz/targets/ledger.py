"""Parsers of logs: notes, checkpoints, proofs, tiles, policies, leaves, canonical JSON. What holds for any bytes.

Each target swallows only the errors that its package raises on purpose; anything else is a finding.
"""

from collections.abc import Callable

from vouchsafe.ledger import batches, checkpoints, ecdsa, jcs, leaves, notes, policy, proofs, tiles, tree
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.errors import LedgerError
from vouchsafe.ledger.text import to_base64

_SIGNER = notes.Signer("log.example/x", bytes(range(32)))
_HASHES = [tree.leaf_hash(entry) for entry in (b"one", b"two", b"three")]
_BODY = Checkpoint("log.example/x", 3, tree.root(_HASHES)).body
_NOTE = notes.sign(_BODY, _SIGNER, notes.Signer("other.example", b"\x01" * 32))
_TRUST = policy.of_log(_SIGNER.verifier)


def _note(data: bytes) -> None:
    """A parsed note is its text, a blank line and its lines again; and only one text was ever signed."""
    try:
        note = notes.parse_note(data)
    except LedgerError:
        return
    lines = [
        f"\u2014 {line.name} {to_base64(line.key_id + line.signature)}\n".encode() for line in note.lines
    ]
    assert note.unverified_text + b"\n" + b"".join(lines) == data
    try:
        opened = notes.open_note(data, [_SIGNER.verifier])
    except LedgerError:
        return
    assert opened.text == _BODY


def _vkey(data: bytes) -> None:
    try:
        key = notes.parse_vkey(data.decode("utf-8", "replace"))
    except LedgerError:
        return
    assert notes.parse_vkey(key.vkey) == key


def _checkpoint(data: bytes) -> None:
    try:
        checkpoint = checkpoints.parse_body(data)
    except LedgerError:
        return
    assert checkpoint.body == data


def _proof(data: bytes) -> None:
    try:
        proof = proofs.parse(data)
    except LedgerError:
        return
    assert proof.encode() == data
    try:
        proof.verify(tree.leaf_hash(proof.extra or b""), _TRUST)
    except LedgerError:
        return
    assert proof.extra == (b"one", b"two", b"three")[proof.index]


def _policy(data: bytes) -> None:
    try:
        policy.parse(data).is_met_by({})
    except LedgerError:
        return


def _leaf(data: bytes) -> None:
    """One encoding of each leaf, and it is the standard's."""
    try:
        leaf = leaves.parse(data)
    except LedgerError:
        return
    assert jcs.canonical(data) == data == jcs.encode(leaf.as_dict())


def _jcs(data: bytes) -> None:
    try:
        written = jcs.canonical(data)
    except LedgerError:
        return
    assert jcs.canonical(written) == written


def _entries(data: bytes) -> None:
    """The first byte says how many; the rest is a bundle."""
    if not data:
        return
    tile = tiles.TileId(tiles.ENTRIES, 0, data[0] or 256)
    try:
        entries = tiles.parse_entries(data[1:], tile)
    except LedgerError:
        return
    assert tiles.encode_entries(entries) == data[1:] and len(entries) == tile.width


def _tile_path(data: bytes) -> None:
    path = data.decode("latin-1")
    try:
        tile = tiles.parse_path(path)
    except LedgerError:
        return
    assert tile.path == path


def _batch(data: bytes) -> None:
    if not data:
        return
    try:
        items = batches.parse(data[1:], data[0])
    except LedgerError:
        return
    assert batches.encode(items) == data[1:]


def _inclusion(data: bytes) -> None:
    """Index, size, leaf hash, root and path of any bytes. A path that leads to the root doesn't when a bit of it changes."""
    if len(data) < 66:
        return
    index, size, leaf, root = data[0], data[1], data[2:34], data[34:66]
    path = [data[at : at + 32] for at in range(66, len(data) - 31, 32)]
    if not _holds(index, size, leaf, path, root):
        return
    assert not _holds(index, size, bytes([leaf[0] ^ 1]) + leaf[1:], path, root)
    for number, value in enumerate(path):
        other = [*path[:number], bytes([value[0] ^ 1]) + value[1:], *path[number + 1 :]]
        assert not _holds(index, size, leaf, other, root)
    assert not _holds(index, size, leaf, [*path, root], root)


def _holds(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    try:
        tree.verify_inclusion(index, size, leaf, path, root)
    except LedgerError:
        return False
    return True


def _der(data: bytes) -> None:
    raw = ecdsa.raw_of_der(data, "P-256")
    assert raw is None or len(raw) == 64


TARGETS: dict[str, Callable[[bytes], None]] = {
    "ledger-note": _note,
    "ledger-vkey": _vkey,
    "ledger-checkpoint": _checkpoint,
    "ledger-proof": _proof,
    "ledger-policy": _policy,
    "ledger-leaf": _leaf,
    "ledger-jcs": _jcs,
    "ledger-entries": _entries,
    "ledger-tile-path": _tile_path,
    "ledger-batch": _batch,
    "ledger-inclusion": _inclusion,
    "ledger-der": _der,
}

_LEAF = leaves.Leaf(
    1, "s:kernel", "0" * 64, "decision", leaves.ZERO_HASH, 0, "1" * 32, {"pix": -1, "a": [1, "x", True]}
)
SEEDS: dict[str, list[bytes]] = {
    "ledger-note": [_NOTE],
    "ledger-vkey": [_SIGNER.verifier.vkey.encode()],
    "ledger-checkpoint": [_BODY, _BODY + b"extension\n"],
    "ledger-proof": [proofs.make(1, tree.inclusion_proof(1, _HASHES), _NOTE, b"two").encode()],
    "ledger-policy": [
        f"# trust\nlog {_SIGNER.verifier.vkey}\n"
        f"witness w {notes.Signer('w', bytes(32), notes.COSIGNATURE_V1).verifier.vkey}\n"
        "group g any w\nquorum g\n".encode()
    ],
    "ledger-leaf": [leaves.encode(_LEAF)],
    "ledger-jcs": [b'{"b": [1.5e3, -0, null], "a": {"\\u20ac": "\\ud83d\\ude00"}}'],
    "ledger-entries": [b"\x02" + tiles.encode_entries([b"one", b""])],
    "ledger-tile-path": [b"tile/0/x001/x234/067.p/12", b"tile/entries/000"],
    "ledger-batch": [b"\x01" + batches.encode([batches.Item(b"leaf")])],
    "ledger-inclusion": [bytes([1, 3]) + b"".join([_HASHES[1], tree.root(_HASHES)])],
    "ledger-der": [bytes.fromhex("3006020101020101")],
}
