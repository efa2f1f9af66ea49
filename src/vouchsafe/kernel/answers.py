"""What other parts answer to a gate: each process's `register.py` may hold `ANSWERS`, name -> function.

A gate names what it asks (`asks=("units_open",)`). The function gets the record as it stands and the time,
and may look anywhere; None, or no such function, keeps the gate shut. Answers are computed only when a gate
asks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from vouchsafe.kernel.case import Linked
from vouchsafe.kernel.registry import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The record that the question is about, as plain values."""

    id: UUID
    number: str
    process: str
    state: str
    site: str
    product: str
    content: Any
    facts: Mapping[str, Any]
    links: tuple[Linked, ...]
    since: Mapping[str, datetime]


class Answers(Mapping[str, Any]):
    """The answers for one record at one moment, each computed once and only when a gate asks for it."""

    def __init__(self, known: Mapping[str, Answer], asked: Asked, now: datetime) -> None:
        self._known, self._asked, self._now = known, asked, now
        self._given: dict[str, Any] = {}

    def about(self, *, content: Any, facts: Mapping[str, Any]) -> "Answers":
        """The same questions about what the record will say."""
        return Answers(self._known, replace(self._asked, content=content, facts=facts), self._now)

    def __getitem__(self, name: str) -> Any:
        if name not in self._given:
            self._given[name] = self._known[name](self._asked, self._now)
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
