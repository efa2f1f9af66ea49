"""What the fuzzer has found, tried again: each target takes its seeds, its committed corpus, and pieces of both."""

import random

import pytest

from fuzz import targets

FUNCTIONS, SEEDS = targets.load()


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """The input itself, cut, with a byte changed, and with a stretch of it repeated."""
    if not data:
        return [data]
    at, to = sorted((chance.randrange(len(data)), chance.randrange(len(data))))
    changed = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    return [data, data[:at], data[at:], changed, data[:to] + data[at:to] + data[to:]]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_target_breaks_on_nothing_that_was_found(name: str) -> None:
    inputs = [b"", *SEEDS.get(name, []), *targets.corpus(name)]
    chance = random.Random(name)
    for data in inputs:
        for piece in pieces(data, chance):
            FUNCTIONS[name](piece)


def test_every_file_of_the_corpus_belongs_to_a_target() -> None:
    files = {path.stem for path in targets.CORPUS.glob("*.txt")}
    assert files and files <= FUNCTIONS.keys()
