"""The fleet's frozen words, and the SQL that says them. Stored or shown: never rename one."""

from typing import Final

from vouchsafe.fleet.db import OPEN

VERDICTS: Final = {0: "none", 2: "affirming", 32: "warning", 96: "contraindicated"}
"""Trust tier (draft-ietf-rats-ear 3.2) to the word that pages show."""

CONFIRMED, LAST_KNOWN, UNKNOWN = "confirmed", "last_known", "unknown"
FRESHNESS: Final = (CONFIRMED, LAST_KNOWN, UNKNOWN)
"""How old the proof is (decision 17): within the limit, older, or there is none."""

FRESH_MS: Final = 7 * 24 * 3_600_000
"""The default limit of freshness: seven days."""

STATUSES: Final = ("open", "corrected", "unreachable", "returned", "destroyed")

# Staleness is the query's own: from the head row and the clock of the question, so that it's right even when
# every worker has stood still for a day (Keylime issue 1888).
FRESHNESS_SQL: Final = (
    "CASE WHEN NOT s.attested OR h.v IS NULL THEN 'unknown'"
    " WHEN h.v >= %(fresh_from)s THEN 'confirmed' ELSE 'last_known' END"
)
VERDICT_SQL: Final = (
    "CASE s.tier WHEN 2 THEN 'affirming' WHEN 32 THEN 'warning' WHEN 96 THEN 'contraindicated'"
    " ELSE 'none' END"
)
NOW_SQL: Final = f"ds.t1 = {OPEN} AND ds.sup_ix IS NULL"
HELD_SQL: Final = f"i.t1 = {OPEN} AND i.sup_ix IS NULL"


def rank(verdict: str) -> int:
    """Worst last: none, affirming, warning, contraindicated."""
    return ("none", "affirming", "warning", "contraindicated").index(verdict)
