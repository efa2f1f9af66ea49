"""Which of the seven looks a record's state has (data-state): from what may happen next, so no process needs
a table.
"""

from functools import cache

from vouchsafe.kernel.declare import Process
from vouchsafe.kernel.registry import processes

VOID = "void"
JUDGING = frozenset(
    {"approved", "reviewed", "verified", "closed", "effectiveness_confirmed", "reportability_decided"}
)
TURNED_DOWN = ("rejected", "withdrawn", "cancelled", "not_affected", "duplicate")
FAILED = ("not_effective", "failed")


@cache
def kind(process_key: str, state: str) -> str:
    """draft, active, review, hold, done, failed or void."""
    if state == VOID or state in TURNED_DOWN:
        return "void"
    if state in FAILED:
        return "failed"
    process = processes().get(process_key)
    if process is None:
        return "draft"
    if state in process.settled or state in process.ends:
        return "done"
    if state == process.begins:
        return "draft"
    return _open_kind(process, state)


def _open_kind(process: Process, state: str) -> str:
    onward = [s for s in process.steps_from(state) if s.to not in ("", state)]
    if onward and all(s.is_system for s in onward):
        return "hold"
    forward = [s for s in onward if not any(g.meaning == "rejected" for g in s.signs)]
    if forward and any(g.meaning in JUDGING for g in forward[0].signs):
        return "review"
    return "active"
