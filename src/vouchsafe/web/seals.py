"""Seals: which entry of which log proves a fact, and the address of its proof."""

from collections.abc import Iterable
from dataclasses import dataclass

from vouchsafe.kernel import publish


@dataclass(frozen=True, slots=True)
class Mark:
    """What the seal component draws."""

    log: str
    index: int | None
    state: str  # logged | queued
    href: str


def entry_href(log: str, index: int) -> str:
    """The page of an entry and its proof."""
    return f"/ledger/{log}/{index}"


def log_name(origin: str) -> str:
    """The log's own name, from its origin: `demo.fellside.example/fleet/0` is `fleet/0`."""
    return origin.partition("/")[2] or origin


def fleet_seal(origin: str, index: int | None) -> Mark | None:
    """The seal of a device's proof; none when there is no evidence yet."""
    if index is None or index < 0:
        return None
    name = log_name(origin)
    return Mark(name, index, "logged", entry_href(name, index))


def of_seal(seal: publish.Seal) -> Mark:
    """The seal of an event."""
    href = entry_href(seal.log, seal.index) if seal.index is not None else ""
    return Mark(seal.log, seal.index, seal.state, href)


def of_events(events: Iterable[int]) -> dict[int, Mark]:
    """Seals of many events, in two queries."""
    return {event: of_seal(seal) for event, seal in publish.seals_of(events).items()}
