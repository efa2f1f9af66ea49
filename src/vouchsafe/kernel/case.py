"""What a rule may look at: one record at one moment, as plain values.

The kernel builds a `Case` from the database; a test builds one by hand. A rule is a function of it and of
nothing else, so the page that explains, the writer that refuses and the test agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Linked:
    """A record at the other end of a link."""

    relation: str  # as read from this record, e.g. "arises_from"
    process: str
    number: str
    state: str
    closed: bool = False  # in one of its process's settled states


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that stands: its bytes are checked by whoever built the case."""

    step: str
    meaning: str
    role: str  # `Slot.role` at the moment of signing (INV-07)
    by: str  # person
    at: datetime
    revision: int = 0  # Record.revision that was signed
    sha256: str = ""  # of the version that was signed


@dataclass(frozen=True, slots=True)
class Known:
    """Someone whom the record names: printed name, and the roles held for this record now."""

    name: str
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Generic[C]):
    """Everything that a gate may look at. Persons are uuid hex, moments are UTC."""

    content: C
    now: datetime
    state: str = ""
    number: str = ""
    owner: str = ""
    authors: frozenset[str] = (
        frozenset()
    )  # who wrote a version since an "approved" last moved the record on (SOD-01)
    since: Mapping[str, datetime] = field(default_factory=dict)  # state -> when last entered
    visits: Mapping[str, int] = field(default_factory=dict)  # state -> times entered from another state
    taken: Mapping[str, int] = field(default_factory=dict)  # step name -> times taken
    links: tuple[Linked, ...] = ()
    people: Mapping[str, Known] = field(
        default_factory=dict
    )  # everyone whom content, owner or signatures name
    signatures: tuple[Signed, ...] = ()  # of the whole life of the record, oldest first
    entered: int = 0  # Record.revision at which this visit to `state` began
    sha256: str = ""  # of the newest version: what a signature must be over to count
    answers: Mapping[str, Any] = field(default_factory=dict)  # what other parts answered; no answer = shut
    reason: str = ""  # what the person wrote for this act
    site: str = ""
    product: str = ""
    holidays: frozenset[date] = frozenset()  # of the organisation's calendar (INV-17)

    def linked(self, relation: str, process: str = "") -> tuple[Linked, ...]:
        """The records that stand in `relation` to this one, as read from here."""
        return tuple(k for k in self.links if k.relation == relation and process in ("", k.process))

    def name_of(self, person: str | None) -> str:
        """The printed name of a person, or "nobody"."""
        if not person:
            return "nobody"
        return self.people[person].name if person in self.people else "someone unknown"

    def holds(self, person: str | None, *roles: str) -> bool:
        """Whether a person named in the record holds one of `roles`; someone unknown holds none."""
        return bool(person and person in self.people and self.people[person].roles & set(roles))
