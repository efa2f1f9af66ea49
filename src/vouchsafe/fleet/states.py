"""A device's state as a value, interned: what a proof showed, without whose it was.

States are few (builds times verdicts), devices many: that is why a population is found through them.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
from psycopg import Cursor

from vouchsafe.attest.verify import Appraisal


class State(NamedTuple):
    """What a proof showed. `build` is the released build's uuid; None when nothing released was measured.

    `image`, `config` and `runtime` are the measured digests; None where they can't be believed or weren't
    measured.
    """

    model: str
    attested: bool
    build: str | None = None
    image: bytes | None = None
    config: bytes | None = None
    runtime: bytes | None = None
    tier: int = 0
    vec: tuple[int, ...] = (0,) * 8
    reasons: tuple[str, ...] = ()

    def digest(self) -> bytes:
        """SHA-256 of the canonical form: equal states have one row."""
        body = [
            self.model,
            self.attested,
            self.build,
            *(_hex(d) for d in (self.image, self.config, self.runtime)),
            self.tier,
            self.vec,
            self.reasons,
        ]
        return hashlib.sha256(orjson.dumps(body)).digest()


def never(model: str) -> State:
    """The state of a device that has not attested (with its present key)."""
    return State(model, attested=False)


def proven(model: str, appraisal: Appraisal) -> State:
    """The state that a base proof shows. The build is that of the measured digest, never the device's word
    (R-79).
    """
    claims = appraisal.claims
    assert claims is not None
    return State(
        model,
        True,
        appraisal.build_id,
        claims.stages[-1].digest,
        claims.config,
        claims.runtime,
        appraisal.tier,
        appraisal.vector,
        _codes(appraisal.codes()),
    )


def doubted(model: str, tier: int, vec: Iterable[int], codes: Iterable[str]) -> State:
    """The state after evidence that is unsigned or contradicts the device's history: no measurement is
    believed.
    """
    return State(model, True, tier=tier, vec=tuple(vec), reasons=_codes(codes))


# What is missing is a fact about a delivery, not about the device: it may not make one state two.
_PASSING = frozenset(("evidence_missing", "clock_outside_bounds"))


def _codes(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(codes) - _PASSING))


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()


class Interned:
    """State to row id, in memory; new ones are written in the caller's transaction."""

    def __init__(self) -> None:
        self._ids: dict[bytes, int] = {}

    def ids(self, cursor: Cursor[Any], wanted: Iterable[State]) -> dict[State, int]:
        """The row ids of these states, made where needed.

        The cache is only filled from rows that were read back, so a rolled-back insert is asked for again.
        """
        by_state = {state: state.digest() for state in set(wanted)}
        missing = {state: d for state, d in by_state.items() if d not in self._ids}
        if missing:
            found = self._read(cursor, missing.values())
            new = {state: d for state, d in missing.items() if d not in found}
            for state in sorted(new, key=lambda s: new[s]):
                self._insert(cursor, state, new[state])
            found |= self._read(cursor, new.values()) if new else {}
            known = {**self._ids, **found}
            self._ids |= {d: i for d, i in found.items() if d not in set(new.values())}
            return {state: known[d] for state, d in by_state.items()}
        return {state: self._ids[d] for state, d in by_state.items()}

    @staticmethod
    def _read(cursor: Cursor[Any], digests: Iterable[bytes]) -> dict[bytes, int]:
        cursor.execute("SELECT digest, id FROM fleet_state WHERE digest = ANY(%s)", (list(digests),))
        return {bytes(row[0]): row[1] for row in cursor.fetchall()}

    @staticmethod
    def _insert(cursor: Cursor[Any], state: State, digest: bytes) -> None:
        cursor.execute(
            "INSERT INTO fleet_state (digest, model, build, image, config, runtime, tier, vec, reasons,"
            " attested)"
            " SELECT %s, m.id, (SELECT id FROM fleet_build WHERE uuid = %s), %s, %s, %s, %s, %s, %s, %s"
            " FROM fleet_model m WHERE m.udi_di = %s ON CONFLICT (digest) DO NOTHING",
            (
                digest,
                state.build,
                state.image,
                state.config,
                state.runtime,
                state.tier,
                list(state.vec),
                list(state.reasons),
                state.attested,
                state.model,
            ),
        )
