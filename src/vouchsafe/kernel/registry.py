"""Finds the processes: every `processes/<key>/process.py` that defines `process`, and the answers of its
`register.py`.

Refuses to start on an unsound one: a missing rule is no rule.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from vouchsafe.kernel.declare import Process, faults

Answer = Callable[..., Any]


class Unsound(ValueError):
    """A process that can't be loaded, with all that is wrong with it."""

    def __init__(self, key: str, wrong: list[str]) -> None:
        super().__init__(f"{key}: {'; '.join(wrong)}")
        self.key, self.wrong = key, tuple(wrong)


@cache
def processes(package: str = "vouchsafe.processes") -> Mapping[str, Process]:
    """Every process by key, in alphabetical order.

    Raises:
        Unsound: a declaration has faults, or its key is not the name of its folder.
    """
    found: dict[str, Process] = {}
    for folder in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not folder.ispkg:
            continue
        process: Process = importlib.import_module(f"{package}.{folder.name}.process").process
        if process.key != folder.name:
            raise Unsound(process.key, [f"its folder is called {folder.name!r}"])
        found[process.key] = process
    for process in found.values():
        if wrong := faults(process, found):
            raise Unsound(process.key, wrong)
    return found


def process(key: str) -> Process:
    """One process.

    Raises:
        KeyError: there is none with this key.
    """
    return processes()[key]


@cache
def answers(key: str, package: str = "vouchsafe.processes") -> Mapping[str, Answer]:
    """What the process's `register.py` can answer for gates that ask: name -> callable(record_view, now).

    Loaded apart from `processes`, because a register may use Django and the fleet, and a declaration never
    does.
    """
    name = f"{package}.{key}.register"
    if importlib.util.find_spec(name) is None:
        return {}
    return dict(importlib.import_module(name).ANSWERS)


@cache
def help_text(key: str, package: str = "vouchsafe.processes") -> str:
    """The process's page of the users' manual, Markdown."""
    return (resources.files(f"{package}.{key}") / "help.md").read_text(encoding="utf-8")
