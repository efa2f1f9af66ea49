"""What `make fuzz` feeds: for each parser a function of bytes that may raise nothing but its package's own errors.

A module here has `TARGETS`, names to functions, and may have `SEEDS`, names to small inputs of our own that begin the
search. The functions also hold what must be true of an input that was read: what is written is read as the same.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

Target = Callable[[bytes], object]


def load() -> tuple[dict[str, Target], dict[str, list[bytes]]]:
    """Every target by its name, and the seeds of those that have some."""
    targets: dict[str, Target] = {}
    seeds: dict[str, list[bytes]] = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        module = import_module(f"{__name__}.{path.stem}")
        twice = targets.keys() & module.TARGETS.keys()
        assert not twice, f"{path.name} repeats {sorted(twice)}"
        targets |= module.TARGETS
        seeds |= getattr(module, "SEEDS", {})
    unknown = seeds.keys() - targets.keys()
    assert not unknown, f"seeds for no target: {sorted(unknown)}"
    return targets, seeds
