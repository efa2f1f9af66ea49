"""Where this installation keeps its evidence, as the kernel's `publish.site` says, and a reader of its fleet
logs.
"""

from bisect import bisect_right

from vouchsafe.fleet import db
from vouchsafe.fleet.chain import Chain, Located
from vouchsafe.kernel import permit, publish
from vouchsafe.ledger.batches import BatchRow

FLEET = "fleet/0"
"""The one shard of this release. A device's log is a stored column, so that more can come."""

FETCHED = 128
"""Batches that one question fetches: some 20 KB of rows."""

_LOCATED = Located()


def fleet_origin() -> str:
    """The origin of the fleet's log."""
    return publish.site().origin(FLEET)


def chain(origin: str) -> Chain:
    """A reader of a log's leaves and payloads over Django's connection; one for a page that walks several times."""
    return permit.once(("chain", origin), lambda: Chain(origin, publish.site().store, Batches(), _LOCATED))


class Batches:
    """The committed batches that hold a log's entries. A walk goes backwards, so one question fetches many."""

    def __init__(self) -> None:
        self._known: dict[str, list[BatchRow]] = {}

    def __call__(self, origin: str, ix: int) -> BatchRow | None:
        known = self._known.get(origin, [])
        at = bisect_right(known, ix, key=lambda row: row.first) - 1
        if at < 0 or ix >= known[at].next:
            sql = (
                "SELECT first_ix, next_ix, object, sha256 FROM batch WHERE origin = %(origin)s"
                " AND first_ix <= %(ix)s ORDER BY first_ix DESC LIMIT %(many)s"
            )
            found = db.rows(sql, {"origin": origin, "ix": ix, "many": FETCHED})
            known = self._known[origin] = [BatchRow(*row) for row in reversed(found)]
            at = len(known) - 1
        return known[at] if at >= 0 and ix < known[at].next else None
