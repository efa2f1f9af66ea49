"""What `make fuzz` feeds: for each parser a function of bytes that may raise nothing but its package's own errors.

A module here has `TARGETS`, names to functions, and may have `SEEDS`, names to small inputs of our own that begin the
search. The functions also hold what must be true of an input that was read: what is written is read as the same.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

Target = Callable[[bytes], object]
CORPUS = Path(__file__).parents[1] / "corpus"
"""What earlier runs found: a file a target, an input a line in base64."""


def load(modules: str = "[a-z]*") -> tuple[dict[str, Target], dict[str, list[bytes]]]:
    """Every target by its name, and the seeds of those that have some; of the modules whose names match."""
    targets: dict[str, Target] = {}
    seeds: dict[str, list[bytes]] = {}
    for path in sorted(Path(__file__).parent.glob(f"{modules}.py")):
        module = import_module(f"{__name__}.{path.stem}")
        twice = targets.keys() & module.TARGETS.keys()
        assert not twice, f"{path.name} repeats {sorted(twice)}"
        targets |= module.TARGETS
        seeds |= getattr(module, "SEEDS", {})
    unknown = seeds.keys() - targets.keys()
    assert not unknown, f"seeds for no target: {sorted(unknown)}"
    return targets, seeds


def corpus(name: str) -> list[bytes]:
    """The kept inputs of a target."""
    path = CORPUS / f"{name}.txt"
    return [b64decode(line) for line in path.read_text().splitlines()] if path.exists() else []


def keep(name: str, inputs: Iterable[bytes]) -> None:
    """Write the kept inputs of a target, smallest first."""
    CORPUS.mkdir(exist_ok=True)
    lines = [b64encode(data).decode() for data in sorted(set(inputs), key=lambda data: (len(data), data))]
    (CORPUS / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
