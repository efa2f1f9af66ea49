"""From an advisory to its vulnerability record: an advisory that reaches a released build is reported, once,
and whatever process waits for `advisory.matched` opens a draft. Start with `report`, and with `report_build`
for a build that comes after its advisories.
"""

from datetime import datetime

from vouchsafe.fleet import advisories
from vouchsafe.fleet.actor import Person
from vouchsafe.fleet.advisories import AdvisoryRow
from vouchsafe.kernel import queries, react
from vouchsafe.kernel.views import RecordRow

MATCHED = "advisory.matched"
MAX_SUMMARY = 1_000
_PROCESS = "vulnerability"


def report(row: AdvisoryRow, *, by: Person | None, at: datetime) -> None:
    """Say that an advisory reaches a released build. Opens a draft the first time, by the advisory's own id;
    none where `by` can see that somebody has opened a record for it already.
    """
    if row.withdrawn_at is not None or (by is not None and record_of(row, by, now=at) is not None):
        return
    told = _plain(row.summary) or _plain(row.key)
    changes = {
        "advisory": _plain(row.key),
        "aliases": _plain(", ".join(row.aliases)),
        "summary": told[:MAX_SUMMARY],
        "source": "vulnerability_feed",
        "received_at": at,
        "vector": _plain(str(row.severity.get("vector") or "")),
    }
    given = {name: value for name, value in changes.items() if value != ""}
    react.happened(MATCHED, title=_plain(f"{row.key}: {told}"), at=at, key=row.key, changes=given)


def report_build(build_id: int, *, by: Person | None, at: datetime) -> None:
    """Report every imported advisory that reaches a new build: `report` opens one draft an advisory."""
    for row in advisories.reaching(build_id):
        report(row, by=by, at=at)


def record_of(row: AdvisoryRow, by: Person, *, now: datetime) -> RecordRow | None:
    """The vulnerability record that is about this advisory, where `by` may see it: the oldest that isn't void.

    It is the record that names the advisory by its id; one that only mentions it isn't.
    """
    found = [
        one
        for one in queries.search(row.key, by, now=now, limit=50)
        if one.process == _PROCESS and _is_about(one.number, row.key, by, now)
    ]
    return min(found, key=lambda one: one.opened, default=None)


def _is_about(number: str, key: str, by: Person, now: datetime) -> bool:
    record = queries.record(number, by, now=now)
    return not record.void and (record.content.advisory or "").strip() == _plain(key)


def _plain(text: str) -> str:
    """One line without control characters: what a publisher wrote becomes a title and an answer here."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
