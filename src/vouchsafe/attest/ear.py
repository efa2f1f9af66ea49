"""A verdict in the words of EAR (draft-ietf-rats-ear) and AR4SI, for export and for reading.

JSON keys are those of the draft's registration with underscores (`ear_status`, numbers 1000 to 1004); older
drafts and Veraison write `ear.status`. Our own additions stand under names of their own and change no word of
the draft's.
"""

from __future__ import annotations

from typing import Any

from vouchsafe.attest import reasons
from vouchsafe.attest.formats import eat
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
        "reasons": [
            {**reason._asdict(), "tier": reasons.TIER_NAMES[reason.tier()], "sentence": reason.sentence()}
            for reason in appraisal.reasons
        ],
    }


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
    """A CBOR value as JSON can hold it: byte strings in hex, map keys as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
