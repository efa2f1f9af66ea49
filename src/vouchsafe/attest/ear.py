"""A verdict in the words of EAR (draft-ietf-rats-ear) and AR4SI, for export and for reading.

JSON keys are those of the draft's registration with underscores (`ear_status`, numbers 1000 to 1004); older
drafts and Veraison write `ear.status`. Our own additions stand under names of their own and change no word of
the draft's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from vouchsafe.attest import reasons
from vouchsafe.attest.formats import anycbor, eat
from vouchsafe.attest.verify import Appraisal

VERIFIER = {"developer": "Vouchsafe", "build": "eat/1"}


def to_json(appraisal: Appraisal) -> dict[str, Any]:
    """The verdict as one JSON object, reasons and unproven stretches included."""
    gap = appraisal.gap
    return {
        "ear_status": reasons.TIER_NAMES[appraisal.tier],
        "ear_trustworthiness_vector": dict(zip(reasons.ELEMENTS, appraisal.vector, strict=True)),
        "ear_verifier_id": VERIFIER,
        "evidence_sha256": appraisal.evidence_sha256.hex(),
        "reference_sha256": appraisal.reference_digest.hex() or None,
        "signature_holds": appraisal.signed,
        "build": appraisal.build_id,
        "version": appraisal.version,
        "svn": appraisal.svn,
        "not_before_ms": appraisal.lb_ms,
        "gap": gap and gap._asdict(),
        "reasons": _reasons_json(appraisal.reasons),
    }


def of_signature(evidence: bytes, found: Sequence[reasons.Reason], *, signed: bool) -> dict[str, Any]:
    """The same object for evidence of which nothing but the signature was looked at."""
    vector = [0] * len(reasons.ELEMENTS)
    for reason in found:
        meaning = reasons.MEANINGS[reason.code]
        if meaning.element is not None:
            vector[meaning.element] = meaning.value
    return {
        "ear_status": reasons.TIER_NAMES[max(reasons.tier_of(value) for value in vector)],
        "ear_trustworthiness_vector": dict(zip(reasons.ELEMENTS, vector, strict=True)),
        "ear_verifier_id": VERIFIER,
        "evidence_sha256": sha256(evidence).hexdigest(),
        "reference_sha256": None,
        "signature_holds": signed,
        **dict.fromkeys(("build", "version", "svn", "not_before_ms", "gap")),
        "reasons": _reasons_json(found),
    }


def _reasons_json(found: Sequence[reasons.Reason]) -> list[dict[str, Any]]:
    return [
        {**reason._asdict(), "tier": reasons.TIER_NAMES[reason.tier()], "sentence": reason.sentence()}
        for reason in found
    ]


def claims_json(claims: eat.Claims) -> dict[str, Any]:
    """The claims by name, byte strings in hex; absent ones are left out."""
    found: dict[str, Any] = {
        name: plain(value)
        for name, value in claims._asdict().items()
        if value not in (None, ()) and name != "other"
    }
    found["stages"] = [plain(stage._asdict()) for stage in claims.stages]
    if claims.other:
        found["other"] = {str(key): plain(value) for key, value in claims.other}
    return found


def plain(value: Any) -> Any:
    """A CBOR value as JSON can hold it: byte strings in hex, map keys as text, tags and simple values by number."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, item in value.items():
            name = str(plain(key))
            while name in found:  # 1 and "1" are two keys, and neither may hide the other
                name += " (another)"
            found[name] = plain(item)
        return found
    if isinstance(value, anycbor.Tagged):
        return {"tag": value.tag, "value": plain(value.value)}
    if isinstance(value, anycbor.Simple):
        return {"simple": value.number}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such numbers
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
