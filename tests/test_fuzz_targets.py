"""What the fuzzer has found, tried again: each target takes its seeds, its committed corpus, and pieces of both."""

from collections.abc import Iterator

import pytest

from fuzz import targets

FUNCTIONS, SEEDS = targets.load()


def pieces(data: bytes) -> Iterator[bytes]:
    """The input itself; cut and with a byte changed at up to sixty places; and with a stretch of it repeated."""
    yield data
    for at in range(0, len(data), 1 + len(data) // 60):
        yield data[:at]
        yield data[:at] + bytes([data[at] ^ 0x11]) + data[at + 1 :]
    yield data + data[len(data) // 2 :]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_target_breaks_on_nothing_that_was_found(name: str) -> None:
    inputs = [b"", b"\x00", b"\xff" * 40, *SEEDS.get(name, []), *targets.corpus(name)]
    for data in inputs:
        for piece in pieces(data):
            FUNCTIONS[name](piece)


def test_every_file_of_the_corpus_belongs_to_a_target() -> None:
    files = {path.stem for path in targets.CORPUS.glob("*.txt")}
    assert files and files <= FUNCTIONS.keys()


def test_every_target_begins_with_an_input_that_has_its_form() -> None:
    """From nothing, the fuzzer learns little but how an input is refused."""
    assert all(SEEDS.get(name) for name in FUNCTIONS)
    assert all(isinstance(data, bytes) and data for inputs in SEEDS.values() for data in inputs)
