"""Appraisal policies as rows of canonical JSON; the newest one before a moment holds (evidence in leaves:
`policy.set`).
"""

import hashlib
from uuid import UUID

import orjson

from vouchsafe.attest.keys import ASSURANCES
from vouchsafe.attest.verify import AppraisalPolicy
from vouchsafe.fleet.errors import BadInput

DEFAULT_POLICY = AppraisalPolicy({})
"""What holds until the quality unit sets its own: nonces of at most seven days, any assurance."""

POLICY_SUBJECT = UUID("2f1f31c0-9d0e-5d49-8b25-5c2f2e7f6a10")
"""The subject of `policy.set` events: one chain for the tenant's appraisal policy."""


def encode_policy(policy: AppraisalPolicy) -> bytes:
    """The canonical JSON whose SHA-256 is `policy.digest()`."""
    body = {"v": 1, "max_nonce_age_ms": policy.max_nonce_age_ms, "min_assurance": policy.min_assurance}
    encoded = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    assert hashlib.sha256(encoded).digest() == policy.digest()
    return encoded


def parse_policy(body: bytes) -> AppraisalPolicy:
    """A policy from its canonical JSON. Raises: BadInput."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput("appraisal policy", "JSON", str(error)[:80]) from None
    if (
        not isinstance(found, dict)
        or set(found) != {"v", "max_nonce_age_ms", "min_assurance"}
        or found["v"] != 1
    ):
        raise BadInput("appraisal policy", "v 1, max_nonce_age_ms and min_assurance", f"{found!r:.80}")
    age, assurance = found["max_nonce_age_ms"], found["min_assurance"]
    if type(age) is not int or not 60_000 <= age <= 366 * 86_400_000:
        raise BadInput("appraisal policy max_nonce_age_ms", "one minute to one year", f"{age!r:.40}")
    if assurance not in ASSURANCES:
        raise BadInput("appraisal policy min_assurance", ", ".join(ASSURANCES), f"{assurance!r:.40}")
    return AppraisalPolicy({}, age, assurance)
