"""Appraising items of a batch by device, in worker processes: the part of intake that costs the most.

A job is all items of some devices, each device with the head that its next evidence must continue. Nothing
here reads a database; what a worker needs travels with the job. Start with `appraise`.
"""

import hashlib
import pickle
from collections.abc import Sequence
from typing import NamedTuple

from vouchsafe.attest import verify
from vouchsafe.attest.batch import LogPart
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import eat
from vouchsafe.attest.keys import KeyRecord
from vouchsafe.attest.reference import ReferenceSet
from vouchsafe.attest.verify import Appraisal, AppraisalPolicy, Prior


class Given(NamedTuple):
    """One item as a worker needs it; `number` is its place in the batch."""

    number: int
    evidence: bytes
    log: LogPart | None
    fmt: int


class Group(NamedTuple):
    """All items of one device in a batch, with its key, the last proof that they must continue, and its
    model.
    """

    key: KeyRecord
    prior: Prior | None
    model: str
    items: tuple[Given, ...]


class Rules(NamedTuple):
    """What appraisal is against: reference sets by model, and the policy with the nonces that were
    given out.
    """

    references: dict[str, ReferenceSet]
    policy: AppraisalPolicy
    policy_digest: bytes

    def packed(self) -> bytes:
        """For workers."""
        return pickle.dumps(self, protocol=pickle.HIGHEST_PROTOCOL)


NO_REFERENCE = ReferenceSet({})
"""A model without released builds: every image is unknown."""


_KEPT = 4
_rules: dict[bytes, Rules] = {}


def _rules_of(name: bytes, packed: bytes | None) -> Rules | None:
    """The rules of this name: kept by this worker, or unpacked now. None when it has neither."""
    if name not in _rules and packed is not None:
        # Only ever bytes of `Rules.packed` from the parent process; nothing from outside is unpickled.
        rules = pickle.loads(packed)  # noqa: S301
        assert isinstance(rules, Rules)
        while len(_rules) >= _KEPT:
            del _rules[next(iter(_rules))]
        _rules[name] = rules
    return _rules.get(name)


def claimed_order(given: Given) -> tuple[int, int, bytes]:
    """Where an item says that it belongs, unverified: for sorting a backlog, never for a verdict."""
    sha256 = hashlib.sha256(given.evidence).digest()
    try:
        claims = eat.parse(given.evidence).claims
    except Malformed:
        return 2**63, 0, sha256
    return claims.bootcount, claims.counter, sha256


def appraise(
    groups: Sequence[Group], name: bytes, packed: bytes | None, at_ms: int
) -> list[tuple[int, Appraisal]] | None:
    """Each item's number and verdict, device by device in the device's own order.

    None when this worker lacks the rules of that name: ask again with the rules packed.
    """
    rules = _rules_of(name, packed)
    return None if rules is None else appraise_with(groups, rules, at_ms)


def appraise_with(groups: Sequence[Group], rules: Rules, at_ms: int) -> list[tuple[int, Appraisal]]:
    """As `appraise`, in this process."""
    found: list[tuple[int, Appraisal]] = []
    for group in groups:
        prior = group.prior
        reference = rules.references.get(group.model, NO_REFERENCE)
        items = group.items
        if len(items) > 1:
            items = tuple(sorted(items, key=claimed_order))
        for given in items:
            verdict = verify.check(
                given.evidence,
                key=group.key,
                prior=prior,
                reference=reference,
                policy=rules.policy,
                at_ms=at_ms,
                log=given.log,
                fmt=given.fmt,
            )
            prior = verdict.prior
            found.append((given.number, verdict))
    return found


def is_base(verdict: Appraisal) -> bool:
    """Whether the evidence is signed and continues the device's history, so that the next is compared with
    it.
    """
    if not verdict.signed or verdict.prior is None or verdict.prior.last_sha256 != verdict.evidence_sha256:
        return False
    return "replayed" not in verdict.codes()


def shows_fork(verdict: Appraisal) -> bool:
    """Whether, with this evidence, two histories of the device's present key have been seen."""
    return verdict.prior is not None and verdict.prior.forked
