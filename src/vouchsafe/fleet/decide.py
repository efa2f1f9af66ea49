"""What becomes of each item of a batch: duplicate, unknown, the device's next proof, a late one, or one in
doubt.

Runs before anything is logged, so that each leaf can state its verdict. `rows` turns the decisions into table
rows once the indexes are known. `rebuild` runs the same code over the log. Start with `decide`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from vouchsafe.attest.batch import Item
from vouchsafe.attest.reference import ReferenceSet
from vouchsafe.attest.verify import Appraisal, Prior
from vouchsafe.fleet.appraisal import Given, Group, Rules, appraise_with, is_base, shows_fork
from vouchsafe.fleet.chain import Chain
from vouchsafe.fleet.heads import Head, Heads, Known
from vouchsafe.fleet.past import Past, Proof
from vouchsafe.fleet.states import State, doubted, proven
from vouchsafe.fleet.timeline import REGISTERED, Order
from vouchsafe.ledger.log import Pending


@dataclass(frozen=True, slots=True)
class Placed:
    """An item whose bytes are durable: where in its pack, with which commitment, and who brought it."""

    item: Item
    sha256: bytes
    pack: bytes
    offset: int
    length: int
    commit: str
    gateway: str
    gateway_id: int


class Fate(Enum):
    """What an item turned out to be."""

    NEXT = "continues the device's history"
    LATE = "belongs before a proof that arrived earlier"
    DOUBT = "is not signed, or contradicts the device's history"
    DUPLICATE = "was logged before"
    UNKNOWN = "names no enrolled device"


@dataclass(slots=True)
class Decision:
    """One item's fate. `ix` is set for a duplicate; `same` names an equal item of this batch, answered with
    it.
    """

    number: int
    placed: Placed
    fate: Fate
    known: Known | None = None
    verdict: Appraisal | None = None
    state: State | None = None
    v: int = 0
    notable: bool = False
    ix: int | None = None
    same: int | None = None


@dataclass(slots=True)
class Working:
    """A device while its items are decided: a copy of what matters of its head, and its past where that was
    needed.
    """

    head: Head
    prior: Prior | None
    order: Order
    state: State
    t0: int
    base: bool
    past: Past | None = None
    logged: list[Decision] = field(default_factory=list)


@dataclass(slots=True)
class Round:
    """A batch that was decided: its decisions in leaf order, and the devices' pasts that have to be folded
    again.
    """

    at: int
    rules: Rules
    logged: list[Decision] = field(default_factory=list)
    answered: list[Decision] = field(default_factory=list)
    pasts: dict[int, Past] = field(default_factory=dict)


Appraise = Callable[[list[Group], Rules, int], list[tuple[int, Appraisal]]]
KeysOf = Callable[[int], Mapping[int, Known]]
"""A device's keys by generation."""


@dataclass(frozen=True, slots=True)
class Context:
    """What deciding needs from around it."""

    heads: Heads
    rules: Rules
    sets: Mapping[bytes, ReferenceSet]
    chain: Chain
    keys_of: KeysOf
    appraise: Appraise


def decide(batch: Sequence[Placed], at: int, context: Context) -> Round:
    """Decide every item. Nothing is written; heads are not changed."""
    done = Round(at, context.rules)
    known = context.heads.known(placed.item.ueid for placed in batch)
    heads = context.heads.of({k.device for k in known.values()})
    fresh = _sift(batch, known, heads, done)
    working: dict[int, Working] = {}
    for number, verdict in context.appraise(_groups(fresh, batch, known, heads), context.rules, at):
        placed = batch[number]
        who = known[placed.item.ueid]
        device = working.get(who.device)
        if device is None:
            head = heads[who.device]
            device = working[who.device] = Working(
                head, head.prior, head.order, head.tip.state, head.tip.t0, head.tip.base
            )
        if device.past is not None:
            # A late proof of this batch may have changed what this one follows.
            verdict = _again(placed.item, who, device, context, at)
        decision = _place(number, placed, who, verdict, device, context, at)
        if decision.fate is Fate.DUPLICATE:
            done.answered.append(decision)
            continue
        done.logged.append(decision)
        device.logged.append(decision)
        if device.past is not None:
            done.pasts[who.device] = device.past
            if decision.fate is not Fate.LATE:  # a late one is in already: that is how its fate was found
                device.past.add(_proof(decision, at))
    return done


def _sift(
    batch: Sequence[Placed], known: Mapping[bytes, Known], heads: Mapping[int, Head], done: Round
) -> list[int]:
    """Numbers of the items that must be appraised; the others are answered at once."""
    fresh = []
    first: dict[tuple[int, bytes], int] = {}
    for number, placed in enumerate(batch):
        who = known.get(placed.item.ueid)
        if who is None:
            done.answered.append(Decision(number, placed, Fate.UNKNOWN))
            continue
        earlier = first.setdefault((who.device, placed.sha256), number)
        old = heads[who.device].seen(placed.sha256)
        if earlier != number or old is not None:
            same = earlier if earlier != number else None
            done.answered.append(Decision(number, placed, Fate.DUPLICATE, who, ix=old, same=same))
            continue
        fresh.append(number)
    return fresh


def _groups(
    fresh: Sequence[int], batch: Sequence[Placed], known: Mapping[bytes, Known], heads: Mapping[int, Head]
) -> list[Group]:
    by_key: dict[bytes, list[Given]] = {}
    for number in fresh:
        item = batch[number].item
        by_key.setdefault(item.ueid, []).append(Given(number, item.evidence, item.log, item.fmt))
    groups = []
    for ueid, items in by_key.items():
        who = known[ueid]
        head = heads[who.device]
        prior = head.prior if head.order.generation == who.generation else None
        groups.append(Group(who.key, prior, head.model, tuple(items)))
    return groups


def _again(item: Item, who: Known, device: Working, context: Context, at: int) -> Appraisal:
    prior = device.prior if device.order.generation == who.generation else None
    group = Group(who.key, prior, device.head.model, (Given(0, item.evidence, item.log, item.fmt),))
    return appraise_with([group], context.rules, at)[0][1]


def _place(
    number: int, placed: Placed, who: Known, verdict: Appraisal, device: Working, context: Context, at: int
) -> Decision:
    """The fate of one appraised item, with the device's working copy moved on."""
    claims = verdict.claims
    order = Order(who.generation, claims.bootcount, claims.counter) if verdict.signed and claims else None
    if order is not None and is_base(verdict) and order > device.order:
        return _next(number, placed, who, verdict, order, device, context, at)
    if order is not None and order <= device.order:
        past = _past(device, context, at)
        old = past.duplicate(placed.sha256)
        if old is not None:
            return Decision(number, placed, Fate.DUPLICATE, who, ix=old)
        fitted = past.insert(placed.item, who, order, at)
        if fitted is not None:
            device.prior = past.last()
            state = proven(device.head.model, fitted)
            return Decision(number, placed, Fate.LATE, who, fitted, state, fitted.valid_ms, notable=True)
    if device.prior is not None and shows_fork(verdict):
        device.prior = device.prior._replace(forked=True)
    state = doubted(device.head.model, verdict.tier, verdict.vector, verdict.codes())
    device.state, device.t0, device.base = state, at, False
    return Decision(number, placed, Fate.DOUBT, who, verdict, state, at, notable=True)


def _next(
    number: int,
    placed: Placed,
    who: Known,
    verdict: Appraisal,
    order: Order,
    device: Working,
    context: Context,
    at: int,
) -> Decision:
    state = proven(device.head.model, verdict)
    v = verdict.valid_ms
    if not device.base and v < device.t0:
        _past(
            device, context, at
        )  # made before the doubt arose: the doubt's interval has to be placed after it
    notable = state != device.state or verdict.gap is not None or verdict.tier != 2
    device.prior, device.order = verdict.prior, order
    device.state, device.t0, device.base = state, v if state != device.state else device.t0, True
    return Decision(number, placed, Fate.NEXT, who, verdict, state, v, notable)


def _past(device: Working, context: Context, at: int) -> Past:
    if device.past is None:
        device.past = Past(device.head, context.keys_of(device.head.device), context.rules, context.sets)
        device.past.read(context.chain)
        for decision in device.logged:
            device.past.add(_proof(decision, at))
    return device.past


def _proof(decision: Decision, at: int) -> Proof:
    """A leaf of this batch, whose index isn't known yet."""
    placed, verdict, who = decision.placed, decision.verdict, decision.known
    assert verdict is not None
    assert who is not None
    assert decision.state is not None
    forked = shows_fork(verdict)
    if decision.fate is Fate.DOUBT or verdict.claims is None:
        return Proof(
            -1,
            at,
            REGISTERED,
            False,
            decision.state,
            at,
            placed.sha256,
            generation=who.generation,
            forked=forked,
        )
    order = Order(who.generation, verdict.claims.bootcount, verdict.claims.counter)
    return Proof(
        -1,
        at,
        order,
        True,
        decision.state,
        decision.v,
        placed.sha256,
        placed.item,
        verdict,
        verdict.reference_digest,
        who.generation,
        forked,
    )


def pending(decision: Decision, subj: str, at: int, policy: bytes) -> list[Pending]:
    """The leaf of a logged item, and the leaf of the gap that it shows."""
    placed, verdict, who = decision.placed, decision.verdict, decision.known
    assert verdict is not None
    assert who is not None
    facts: dict[str, Any] = verdict.facts(fmt=placed.item.fmt, policy_sha256=policy)
    facts |= {
        "gen": who.generation,
        "base": decision.fate is not Fate.DOUBT,
        "v": decision.v,
        "gw": placed.gateway,
    }
    if verdict.signed and verdict.claims:
        facts["boot"] = verdict.claims.bootcount
    if shows_fork(verdict):
        facts["fork"] = True
    by = f"k:{who.key.key_id[:8].hex()}" if verdict.signed else "s:intake"
    out = [
        Pending(
            subj,
            "device.evidence",
            by,
            placed.commit,
            facts,
            placed.pack,
            placed.offset,
            placed.length,
            decision.notable,
        )
    ]
    if verdict.gap is not None and decision.fate is not Fate.DOUBT:
        gap = verdict.gap
        told = {
            "reason": gap.reason,
            "from": gap.from_entry,
            "to": gap.to_entry,
            "from_ms": -1 if gap.from_ms is None else gap.from_ms,
            "to_ms": gap.to_ms,
        }
        # The gap's leaf commits to the evidence that shows it: the same slice of the same pack.
        out.append(
            Pending(
                subj, "device.gap", "s:intake", placed.commit, told, placed.pack, placed.offset, placed.length
            )
        )
    return out
