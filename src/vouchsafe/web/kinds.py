"""How the kinds of log entries are called in lists: one or two words where the ledger's own text is a
sentence.
"""

from vouchsafe.attest.reasons import TIER_NAMES
from vouchsafe.ledger import leaves
from vouchsafe.ledger.leaves import Leaf

SHORT: dict[str, str] = {
    "record.event": "Record",
    "record.sign": "Signature",
    "record.erase": "Erasure",
    "person.key": "Passkey of a person",
    "bundle.export": "Bundle exported",
    "device.enrol": "Enrolment",
    "device.key": "Key of a device",
    "device.clone": "Copy of a device",
    "device.gap": "Gap",
    "build.release": "Release",
    "refval.set": "Reference values",
    "policy.set": "Policy",
    "recall.freeze": "Population frozen",
    "recall.move": "Units moved",
    "shard.checkpoint": "Checkpoint of another log",
}


def what(leaf: Leaf) -> str:
    """What an entry is about; evidence with its verdict."""
    if leaf.kind == "device.evidence":
        tier = leaf.facts.get("tier")
        word = TIER_NAMES.get(tier, "") if isinstance(tier, int) else ""
        return f"Evidence, {word}" if word not in ("", "none") else "Evidence"
    if leaf.kind == "record.event" and leaf.facts.get("type") == "person":
        return "Person"
    text = SHORT.get(leaf.kind) or leaves.KINDS.get(leaf.kind, leaf.kind)
    return text[:1].upper() + text[1:]
