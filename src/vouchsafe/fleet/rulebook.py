"""What evidence is appraised against at a moment: reference sets, appraisal policy, nonces. Read when it has
changed.
"""

from typing import Any

from psycopg import Connection

from vouchsafe.attest import reference
from vouchsafe.attest.reference import ReferenceSet
from vouchsafe.attest.verify import AppraisalPolicy, NonceBounds
from vouchsafe.fleet.appraisal import Rules
from vouchsafe.fleet.policies import DEFAULT_POLICY, parse_policy

_VERSION = (
    "SELECT (SELECT max(id) FROM fleet_reference_set), (SELECT max(id) FROM fleet_appraisal_policy),"
    " (SELECT count(*) FROM fleet_nonce), (SELECT count(*) FROM leaf_ref l JOIN fleet_reference_set r ON"
    " r.event = l.event)"
)
_SETS = (
    "SELECT r.id, m.udi_di, r.body, r.at, coalesce(l.ix, -1) FROM fleet_reference_set r"
    " JOIN fleet_model m ON m.id = r.model LEFT JOIN leaf_ref l ON l.event = r.event ORDER BY r.id"
)


class Rulebook:
    """The rules of any moment, from one connection. Not safe for several threads at once."""

    def __init__(self, conn: Connection[Any]) -> None:
        self._conn = conn
        self._version: tuple[Any, ...] | None = None
        self._sets: list[tuple[str, int, ReferenceSet]] = []
        self._policies: list[tuple[int, AppraisalPolicy]] = []
        self._nonces: dict[bytes, NonceBounds] = {}
        self.by_digest: dict[bytes, ReferenceSet] = {}

    def at(self, at_ms: int) -> Rules:
        """The newest sets and policy that held at `at_ms`, with every nonce that was given out."""
        version = self._conn.execute(_VERSION).fetchone()
        if version != self._version:
            self._read()
            self._version = version
        references: dict[str, ReferenceSet] = {}
        for model, since, values in self._sets:
            if since <= at_ms:
                references[model] = values
        policy = DEFAULT_POLICY
        for since, held in self._policies:
            if since <= at_ms:
                policy = held
        policy = policy._replace(nonces=self._nonces)
        return Rules(references, policy, policy.digest())

    def _read(self) -> None:
        self._sets = []
        for _, model, body, at, ix in self._conn.execute(_SETS).fetchall():
            values = reference.parse_json(bytes(body), ix=ix)
            self._sets.append((model, at, values))
            self.by_digest[values.digest] = values
        self._policies = [
            (at, parse_policy(bytes(body)))
            for at, body in self._conn.execute(
                "SELECT at, body FROM fleet_appraisal_policy ORDER BY id"
            ).fetchall()
        ]
        nonces = self._conn.execute("SELECT nonce, lb FROM fleet_nonce").fetchall()
        self._nonces = {bytes(nonce): NonceBounds(lb) for nonce, lb in nonces}
