"""Where this installation keeps its evidence, as the kernel's `publish.site` says, and a reader of its fleet
logs.
"""

from vouchsafe.fleet import db
from vouchsafe.fleet.chain import Chain
from vouchsafe.kernel import permit, publish
from vouchsafe.ledger.batches import BatchRow

FLEET = "fleet/0"
"""The one shard of this release. A device's log is a stored column, so that more can come."""


def fleet_origin() -> str:
    """The origin of the fleet's log."""
    return publish.site().origin(FLEET)


def chain(origin: str) -> Chain:
    """A reader of a log's leaves and payloads over Django's connection; one for a page that walks several times."""
    return permit.once(("chain", origin), lambda: Chain(origin, publish.site().store, _batch_of))


def _batch_of(origin: str, ix: int) -> BatchRow | None:
    sql = (
        "SELECT first_ix, next_ix, object, sha256 FROM batch WHERE origin = %(origin)s AND first_ix <= %(ix)s"
        " ORDER BY first_ix DESC LIMIT 1"
    )
    found = permit.once(("batch", origin, ix), lambda: db.one(sql, {"origin": origin, "ix": ix}))
    return BatchRow(*found) if found and found[1] > ix else None
