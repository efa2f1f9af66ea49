"""Which icon stands for what. tools/frontend.py puts the names of this file and of the templates into
icons.svg.
"""

# The part of a number before the first hyphen, and kinds of things that have no number.
KINDS: dict[str, str] = {
    "CMP": "message-square-warning",
    "CAPA": "target",
    "VUL": "bug",
    "FSCA": "megaphone",
    "FSC": "megaphone",
    "FA": "megaphone",
    "NC": "octagon-alert",
    "CHG": "git-pull-request-arrow",
    "DOC": "file-text",
    "RISK": "scale",
    "device": "cpu",
    "site": "hospital",
    "release": "package",
    "advisory": "bug",
    "person": "user-round",
    "entry": "badge-check",
    "bundle": "file-archive",
    "command": "arrow-right",
}

PROCESSES: dict[str, str] = {
    "complaint": "message-square-warning",
    "capa": "target",
    "vulnerability": "bug",
    "field_action": "megaphone",
}

OTHER = "file-text"
MORE: dict[str, str] = {
    "other": OTHER,
    "nav1": "house",
    "nav2": "inbox",
    "c1": "upload",
    "c2": "shield-check",
    "c3": "fingerprint",
}

# Our own glyphs, by meaning (frontend/glyphs.svg): data-state, data-tier.
STATES = ("draft", "active", "review", "hold", "done", "failed", "void")
TIERS = ("affirming", "warning", "contraindicated", "unknown")

SEALS: dict[str, str] = {"logged": "badge-check", "queued": "hourglass", "broken": "badge-x"}
TIMELINE: dict[str, str] = {"system": "cog", "log": "badge-check", "device": "cpu"}
FRESHNESS: dict[str, str] = {"confirmed": "check", "last_known": "history", "unknown": "circle-help"}


def of_number(number: str) -> str:
    """The icon of a record number such as CAPA-2026-0031, or of a kind such as `device`."""
    return KINDS.get(number, KINDS.get(number.split("-", 1)[0], OTHER))
