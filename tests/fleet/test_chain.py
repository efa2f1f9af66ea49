"""Batch objects are hashed when they are read, and again after an hour where readings share what was found."""

from collections.abc import Callable

import pytest

from tests.ledger import making
from vouchsafe.fleet.chain import HASHED_FOR_S, MAX_LOCATED, Chain, Located
from vouchsafe.ledger import batches, leaves
from vouchsafe.ledger.errors import Tampered
from vouchsafe.ledger.stores import MemoryStore

ORIGIN = "log.example/a"


def leaf(number: int) -> bytes:
    pending = making.pending(number)
    return leaves.encode(
        leaves.Leaf(
            making.AT_MS, pending.by, pending.commit, pending.kind, leaves.ZERO_HASH, 0, pending.subj,
            {"pix": -1, **pending.facts},
        )
    )  # fmt: skip


@pytest.fixture
def kept() -> tuple[MemoryStore, batches.BatchRow]:
    store = MemoryStore()
    data = batches.encode([batches.Item(leaf(number)) for number in range(9)])
    row = batches.row_of(ORIGIN, 0, 9, data)
    store.create(row.name, data)
    return store, row


def reading(
    kept: tuple[MemoryStore, batches.BatchRow], located: Located | None = None
) -> Callable[[int], bytes]:
    store, row = kept
    return lambda ix: Chain(ORIGIN, store, lambda origin, at: row if at < 9 else None, located).at(ix).raw


def test_each_item_is_found(kept: tuple[MemoryStore, batches.BatchRow]) -> None:
    read = reading(kept)
    assert [read(ix) for ix in range(9)] == [leaf(ix) for ix in range(9)]
    with pytest.raises(LookupError):
        read(9)


def test_changed_bytes_are_noticed_at_once_by_a_new_reader_and_after_an_hour_by_all(
    kept: tuple[MemoryStore, batches.BatchRow],
) -> None:
    now = 0.0
    store, row = kept
    read = reading(kept, Located(lambda: now))
    assert read(3) == leaf(3)
    data = store.objects[row.name]
    store.objects[row.name] = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(Tampered):
        reading(kept)(3)
    now = HASHED_FOR_S - 1
    assert read(3) == leaf(3)
    now = HASHED_FOR_S
    with pytest.raises(Tampered):
        read(3)
    store.objects[row.name] = data[:-1]  # another length is never taken for the same bytes
    now = 1.0
    with pytest.raises(Tampered):
        read(3)


def test_what_was_hashed_longest_ago_is_forgotten_first(kept: tuple[MemoryStore, batches.BatchRow]) -> None:
    located, (store, row) = Located(), kept
    reading(kept, located)(0)
    for number in range(MAX_LOCATED):
        data = batches.encode([batches.Item(leaf(number))])
        located.starts(batches.row_of(ORIGIN, number, number + 1, data), ORIGIN, data)
    store.objects[row.name] = bytes(len(store.objects[row.name]))
    with pytest.raises(Tampered):
        reading(kept, located)(0)
