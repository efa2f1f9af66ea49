"""Every limit of the package at the limit, where the input is read, and one past it, where it is refused with its place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ledger import making
from vouchsafe.ledger import (
    checkpoints,
    head,
    jcs,
    leaves,
    limits,
    log,
    notes,
    policy,
    proofs,
    reader,
    stores,
    text,
    tiles,
    urls,
)
from vouchsafe.ledger.errors import LedgerError

ORIGIN = "log.example/a"
SIGNER = notes.Signer(ORIGIN, bytes(32))
LEAF: dict[str, Any] = {
    "at_ms": 1_766_361_600_000, "by": "s:kernel", "commit": "0" * 64, "kind": "record.event", "prev": "0" * 64,
    "seq": 0, "subj": "0" * 32, "facts": {},
}  # fmt: skip


def entry_of(size: int) -> None:
    """One log entry of so many bytes, in a bundle and out of it again."""
    tile = tiles.tile_at(tiles.ENTRIES, 0, 1)
    assert tiles.parse_entries(tiles.encode_entries([bytes(size)]), tile) == [bytes(size)]


def level(number: int) -> None:
    tiles.parse_path(f"tile/{number}/000")


def whole_leaf(size: int) -> None:
    """A leaf of so many bytes: facts of 200 characters each, the last as long as fits."""
    facts = {f"k{n:02}": "x" * 200 for n in range(17)}
    facts["rest"] = "x"
    room = size - len(making_leaf(facts))
    assert 0 < room < 255
    facts["rest"] += "x" * room
    assert len(making_leaf(facts)) == size


def making_leaf(facts: dict[str, Any]) -> bytes:
    raw = leaves.encode(leaves.Leaf(
        at=LEAF["at_ms"], by=LEAF["by"], commit=LEAF["commit"], facts={"pix": -1, **facts}, kind=LEAF["kind"],
        prev=LEAF["prev"], seq=0, subj=LEAF["subj"],
    ))  # fmt: skip
    leaves.parse(raw)
    return raw


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def deep_leaf(depth: int) -> None:
    """The facts themselves are the first of the levels."""
    making_leaf({"deep": nested(depth - 1)})


def decimal(number: int) -> None:
    text.parse_decimal(str(number), "size")


def origin(size: int) -> None:
    body = checkpoints.Checkpoint("o" * size, 1, bytes(32)).body
    assert checkpoints.parse_body(body).origin == "o" * size


def proof(hashes: int = 0, extra: int = 0) -> None:
    note = notes.sign(checkpoints.Checkpoint("log.example/a", 1, bytes(32)).body, SIGNER)
    made = proofs.TlogProof(0, (bytes(32),) * hashes, note, bytes(extra))
    proofs.parse(made.encode())


def whole_proof(size: int) -> None:
    proofs.parse(b"x" * size)


def policy_bytes(size: int) -> None:
    line = f"log {SIGNER.verifier.vkey}\nquorum none\n".encode()
    policy.parse(line + b"#" * (size - len(line) - 1) + b"\n")


def policy_lines(number: int) -> None:
    policy.parse(f"log {SIGNER.verifier.vkey}\nquorum none".encode() + b"\n" * (number - 2))


def object_name(size: int) -> None:
    store = stores.MemoryStore()
    store.create("n" * size, b"")
    assert store.exists("n" * size)


def bundle(size: int) -> None:
    """An object that says it is a full bundle, of so many bytes."""
    tile = tiles.tile_at(tiles.ENTRIES, 0, 256)
    store = stores.MemoryStore()
    store.put(tile.path, bytes(size))
    reader.Reader(store, size=256).fetch(tile)


def batch(size: int) -> None:
    writer = log.Writer(ORIGIN, head.MemoryHead(ORIGIN), stores.MemoryStore(), stores.MemoryStore(), [SIGNER])
    writer.take_over()
    writer.append([making.pending(number) for number in range(size)], at_ms=making.AT_MS)


# limit -> what takes an input of that size, and the place that a refusal names
CASES: dict[str, tuple[Callable[[int], None], str]] = {
    "MAX_ENTRY_BYTES": (entry_of, "entry 0"),
    "MAX_LEVEL": (level, "tile path"),
    "MAX_LEAF_BYTES": (whole_leaf, "leaf"),
    "MAX_LEAF_DEPTH": (deep_leaf, "leaf"),
    "MAX_SAFE_INT": (lambda number: bool(making_leaf({"number": number})), "leaf"),
    "MAX_INT": (decimal, "size"),
    "MAX_ORIGIN_BYTES": (origin, "checkpoint line 1"),
    "MAX_PROOF_HASHES": (lambda number: proof(hashes=number), "proof"),
    "MAX_EXTRA_BYTES": (lambda number: proof(extra=number), "proof line 2"),
    "MAX_PROOF_BYTES": (whole_proof, "proof"),
    "MAX_POLICY_BYTES": (policy_bytes, "policy"),
    "MAX_POLICY_LINES": (policy_lines, "policy"),
    "MAX_OBJECT_NAME": (object_name, "object name"),
    "MAX_JCS_BYTES": (lambda size: bool(jcs.canonical(b'"' + b"x" * (size - 2) + b'"')), "$: "),
    "MAX_JCS_DEPTH": (lambda depth: bool(jcs.canonical(b"[" * depth + b"]" * depth)), "$[0]"),
    "MAX_BUNDLE_BYTES": (bundle, "tile/entries/000"),
    "MAX_BATCH": (batch, "append"),
}
ELSEWHERE = {
    "MAX_NOTE_BYTES": "test_notes.py", "MAX_SIGNATURES": "test_notes.py", "MAX_ADVANCE": "test_log.py",
    "MAX_REDIRECTS": "test_urls.py", "OBJECT_S": "test_urls.py", "STALL_S": "test_limits.py",
}  # fmt: skip


def refused(take: Callable[[int], None], size: int) -> str:
    try:
        take(size)
    except LedgerError as told:
        return str(told)
    return ""


@pytest.mark.parametrize("name", CASES)
def test_at_the_limit_and_one_past_it(name: str) -> None:
    take, place = CASES[name]
    limit = getattr(limits, name)
    # No proof of the greatest size holds, whatever its parts: only that it isn't refused for its size is shown.
    said = refused(take, limit)
    assert said == "" or name == "MAX_PROOF_BYTES" and "at most" not in said, said
    past = refused(take, limit + 1)
    assert past.startswith(place), past


def test_every_limit_is_tested() -> None:
    names = {name for name in vars(limits) if name.isupper()}
    assert names == CASES.keys() | ELSEWHERE.keys()
    for name, file in ELSEWHERE.items():
        assert name in (Path(__file__).parent / file).read_text(encoding="utf-8"), (
            f"{file} doesn't speak of {name}"
        )


def test_a_silent_server_is_left_after_the_limit() -> None:
    """The wait itself is shown in test_urls, with a shorter one."""
    assert urls.UrlSource("http://log.example").timeout_s == limits.STALL_S
