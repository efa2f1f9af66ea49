"""A device's whole past, read back from its log and folded again: for evidence that comes late, and for
nothing else.

A verdict depends on the proof before it. When an older proof arrives after a newer one, the newer one's
verdict is made again with the right predecessor, so that any order of delivery ends in the same intervals.
What was logged stays logged: the later appraisal is a new row, not a change.

WEAKNESS: the cost grows with the device's history. Only evidence that its key signed comes this far.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vouchsafe.attest import batch, verify
from vouchsafe.attest.batch import Item
from vouchsafe.attest.reference import ReferenceSet
from vouchsafe.attest.verify import Appraisal, Gap, Prior
from vouchsafe.fleet.appraisal import NO_REFERENCE, Rules, is_base
from vouchsafe.fleet.chain import Chain, Link
from vouchsafe.fleet.heads import Head, Known
from vouchsafe.fleet.states import State, doubted, never, proven
from vouchsafe.fleet.timeline import REGISTERED, Order


@dataclass(frozen=True, slots=True)
class Proof:
    """One leaf of the past. `verdict` is the newest appraisal of a base proof; None for any other leaf.

    `forked`: a second history of the key of this `generation` had been seen once this leaf was there.
    """

    ix: int
    at: int
    order: Order
    base: bool
    state: State
    v: int
    sha256: bytes = b""
    item: Item | None = None
    verdict: Appraisal | None = None
    reference: bytes = b""
    generation: int = -1
    forked: bool = False


class Past:
    """Everything that a device's log says, as proofs; `insert` puts one into the device's own order."""

    def __init__(
        self, head: Head, keys: Mapping[int, Known], rules: Rules, sets: Mapping[bytes, ReferenceSet]
    ) -> None:
        self._head = head
        self._keys = keys
        self._rules = rules
        self._sets = sets
        self.proofs: list[Proof] = []

    def read(self, chain: Chain) -> None:
        """Walk the whole chain."""
        self.proofs = [proof for link in chain.back(self._head.ix) if (proof := self._proof(chain, link))]
        self._fold()

    def duplicate(self, sha256: bytes) -> int | None:
        """The index of this very evidence, if it is in the log."""
        return next((p.ix for p in self.proofs if p.sha256 == sha256 and p.sha256), None)

    def insert(self, item: Item, known: Known, order: Order, at: int) -> Appraisal | None:
        """The verdict on late evidence in its own place; None when it contradicts what is there.

        Adds it to the past (with index -1, see `settle`) when it fits.
        """
        base = self._base(order.generation)
        if any(proof.order == order for proof in base):
            return None  # the counter was used before, for other evidence
        before = max((p for p in base if p.order < order), key=lambda p: p.order, default=None)
        after = min((p for p in base if p.order > order), key=lambda p: p.order, default=None)
        forked = self._forked(order.generation)
        prior = before.verdict.prior if before and before.verdict else None
        verdict = self._check(item, known, _seen(prior, forked), at, b"")
        if not is_base(verdict):
            return None
        if after is not None:
            assert after.item is not None
            prior = _seen(verdict.prior, after.forked)
            following = self._check(after.item, known, prior, after.at, after.reference)
            if not is_base(following):
                return None  # the one that arrived first was what the device continued from
        sha256 = verdict.evidence_sha256
        new = Proof(
            -1,
            at,
            order,
            True,
            proven(self._head.model, verdict),
            verdict.valid_ms,
            sha256,
            item,
            verdict,
            verdict.reference_digest,
            order.generation,
            forked,
        )
        self.proofs.append(new)
        self._fold()
        return next(p.verdict for p in self.proofs if p.sha256 == sha256)

    def add(self, proof: Proof) -> None:
        """Put in a leaf of the present batch that needs no new verdicts."""
        self.proofs.append(proof)

    def settle(self, sha256: bytes, ix: int) -> None:
        """Say which index late evidence got."""
        self.proofs = [replace(p, ix=ix) if p.ix == -1 and p.sha256 == sha256 else p for p in self.proofs]

    def last(self) -> Prior | None:
        """What the device's next evidence must continue."""
        generation = self._head.order.generation
        newest = max(self._base(generation), key=lambda p: p.order, default=None)
        prior = newest.verdict.prior if newest and newest.verdict else None
        return _seen(prior, self._forked(generation))

    def gaps(self) -> list[tuple[int, Gap]]:
        """The gaps that remain, each with the index of the proof that shows it."""
        return [
            (p.ix, p.verdict.gap) for p in self.proofs if p.verdict is not None and p.verdict.gap is not None
        ]

    def _base(self, generation: int) -> list[Proof]:
        return [p for p in self.proofs if p.verdict is not None and p.order.generation == generation]

    def _forked(self, generation: int) -> bool:
        """Whether any leaf shows two histories of the key of this generation."""
        return any(p.forked for p in self.proofs if p.generation == generation)

    def _fold(self) -> None:
        """Appraise every base proof again, each after its predecessor in the device's order.

        A fork counts from its arrival on: a proof that was there before keeps the excuse that it had.
        """
        priors: dict[int, Prior | None] = {}
        folded: dict[bytes, Proof] = {}
        for proof in sorted((p for p in self.proofs if p.item is not None and p.base), key=lambda p: p.order):
            generation = proof.order.generation
            assert proof.item is not None
            known = self._keys[generation]
            prior = _seen(priors.get(generation), proof.forked)
            verdict = self._check(proof.item, known, prior, proof.at, proof.reference)
            priors[generation] = verdict.prior
            folded[proof.sha256] = replace(
                proof, verdict=verdict, v=verdict.valid_ms, state=proven(self._head.model, verdict)
            )
        self.proofs = [folded.get(p.sha256, p) if p.base and p.item is not None else p for p in self.proofs]

    def _check(self, item: Item, known: Known, prior: Prior | None, at: int, reference: bytes) -> Appraisal:
        """The verdict against the reference set of that moment, which an old proof's leaf names."""
        values = self._rules.references.get(self._head.model, NO_REFERENCE)
        if reference and reference != values.digest:
            values = self._sets.get(reference, values)
        return verify.check(
            item.evidence,
            key=known.key,
            prior=prior,
            reference=values,
            policy=self._rules.policy,
            at_ms=at,
            log=item.log,
            fmt=item.fmt,
        )

    def _proof(self, chain: Chain, link: Link) -> Proof | None:
        """A leaf as a proof; None for leaves that say nothing about the state (gaps, clones)."""
        facts = link.facts
        at = link.leaf.at
        if link.leaf.kind in ("device.enrol", "device.key"):
            return Proof(
                link.ix, at, Order(facts["gen"], -1, -1), True, never(self._head.model), facts["from"]
            )
        if not link.is_evidence:
            return None
        item = next(batch.read_items(chain.payload(link)[1]))
        sha256 = hashlib.sha256(item.evidence).digest()
        generation, forked = link.order.generation, facts.get("fork", False) is True
        if link.base:
            state = never(self._head.model)  # replaced by `_fold`
            reference = bytes.fromhex(facts["ref_digest"])
            return Proof(
                link.ix,
                at,
                link.order,
                True,
                state,
                link.v,
                sha256,
                item,
                None,
                reference,
                generation,
                forked,
            )
        state = doubted(self._head.model, facts["tier"], facts["vec"], facts["why"])
        return Proof(link.ix, at, REGISTERED, False, state, at, sha256, generation=generation, forked=forked)


def _seen(prior: Prior | None, forked: bool) -> Prior | None:
    """The proof to continue, with what was known of a fork when the next one came."""
    return prior._replace(forked=forked) if prior is not None else None
