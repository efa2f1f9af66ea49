"""How proofs of a device become its intervals of state: a pure function of the set of proofs.

Because it is a function of the set, any order of delivery ends in the same intervals (and `rebuild` can
compare). Start with `spans`.

A proof that is signed and continues the device's history (a "base" proof) has a place in the device's own
order (key generation, boot count, counter) and a valid time that never falls in that order. Evidence that is
not signed, or that contradicts the history (a copy, a replayed counter), has neither: it takes the server's
clock and is merged by time. It changes what is believed of the device until the next base proof.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from vouchsafe.fleet.db import OPEN
from vouchsafe.fleet.states import State


class Order(NamedTuple):
    """A proof's place in the device's own history."""

    generation: int
    boot: int
    counter: int


REGISTERED = Order(-1, -1, -1)
"""The place of a unit's registration: before any key, so before any proof."""


class Point(NamedTuple):
    """One proof: where in the device's order, its own valid time, what it showed and its leaf."""

    order: Order
    v: int
    base: bool
    state: State
    ix: int


@dataclass(frozen=True, slots=True)
class Span:
    """A state over a half-open interval [t0, t1) of valid time, with its first and last proof."""

    state: State
    t0: int
    t1: int
    order: Order
    base: bool
    first_ix: int
    last_ix: int


def in_order(points: Iterable[Point]) -> list[Point]:
    """Points by valid time, with base proofs raised so that time never falls in the device's own order."""
    own: list[Point] = []
    others: list[Point] = []
    for point in points:
        (own if point.base else others).append(point)
    own.sort(key=lambda p: (p.order, p.ix))
    highest = -OPEN
    raised = []
    for point in own:
        highest = max(highest, point.v)
        raised.append(point._replace(v=highest))
    # At the same instant the base proof stands first: doubt, when it arises, is the newer knowledge.
    return sorted(raised + others, key=lambda p: (p.v, not p.base, p.order if p.base else REGISTERED, p.ix))


def spans(points: Iterable[Point]) -> list[Span]:
    """The intervals that a set of proofs gives, oldest first; the last one is open."""
    found: list[Span] = []
    runs: list[list[Point]] = []
    for point in in_order(points):
        if runs and runs[-1][-1].state == point.state:
            runs[-1].append(point)
        else:
            runs.append([point])
    for number, run in enumerate(runs):
        first, last = run[0], run[-1]
        t1 = runs[number + 1][0].v if number + 1 < len(runs) else OPEN
        found.append(Span(first.state, first.v, t1, first.order, first.base, first.ix, last.ix))
    return found
