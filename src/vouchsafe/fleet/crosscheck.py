"""The three sets again, by brute force: every payload of the log opened, every signature checked, every SBOM
re-read.

Shares nothing with the tables of states, heads and components, nor with the coarse keys: that is its use.
Slow on purpose. Start with `brute_force`.
"""

# SQL here is put together from constants of this package; every value is a parameter.

from dataclasses import dataclass

import cbor2
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from vouchsafe.attest import dsse, enrolment, keys
from vouchsafe.fleet import db, substrate
from vouchsafe.fleet.chain import Chain, Link
from vouchsafe.fleet.words import FRESH_MS
from vouchsafe.kernel import files
from vouchsafe.ledger.errors import LedgerError
from vouchsafe.sbom import advisories, match, reading

# Claim numbers of docs/formats/eat-profile.md, written down a second time on purpose.
_IAT, _NONCE, _BOOT, _MEASURED, _COUNTER = 6, 10, 267, 273, -75002


@dataclass(frozen=True, slots=True)
class Sets:
    """Serial numbers by set."""

    confirmed: frozenset[str]
    last_known: frozenset[str]
    unknown: frozenset[str]
    not_affected: frozenset[str]


@dataclass(slots=True)
class _Seen:
    """The newest signed evidence of a device, in its own order, and whether doubt came after it."""

    order: tuple[int, int, int]
    images: tuple[bytes, ...]
    made_ms: int
    at_ms: int
    ix: int


def brute_force(advisory_sha256: str, now_ms: int, *, fresh_ms: int = FRESH_MS) -> Sets:
    """The sets of `impact.impact` for a model with one fleet log, from bytes alone."""
    affected = _affected_images(advisory_sha256)
    known = {image for (image,) in db.rows("SELECT image FROM fleet_build")}
    nonces = dict(db.rows("SELECT nonce, lb FROM fleet_nonce"))
    sets: dict[str, set[str]] = {
        name: set() for name in ("confirmed", "last_known", "unknown", "not_affected")
    }
    for serial, origin, ix in db.rows(
        f"SELECT i.serial, d.origin, h.ix FROM fleet_identity i JOIN fleet_device d ON d.id = i.device"
        f" LEFT JOIN subject_head h ON encode(h.subj, 'hex') = d.subj WHERE i.t1 = {db.OPEN} AND i.sup_ix"
        " IS NULL"
    ):
        seen = _newest(substrate.chain(origin), ix, nonces) if ix is not None else None
        images = [image for image in seen.images if image in known] if seen else []
        if seen is None or not images:
            sets["unknown"].add(serial)
        elif images[-1] not in affected:
            sets["not_affected"].add(serial)
        else:
            sets["confirmed" if seen.made_ms >= now_ms - fresh_ms else "last_known"].add(serial)
    return Sets(*(frozenset(sets[name]) for name in ("confirmed", "last_known", "unknown", "not_affected")))


def _affected_images(advisory_sha256: str) -> set[bytes]:
    """Image digests whose SBOM, read again from its bytes, the advisory touches: each component with each
    entry.
    """
    told = advisories.read(files.read(advisory_sha256, root=files.folder()))
    entries = () if told.withdrawn else told.affected
    out = set()
    for image, sbom in db.rows("SELECT image, encode(sbom_sha256, 'hex') FROM fleet_build"):
        components = reading.read(files.read(sbom, root=files.folder())).components
        if any(match.match(component, entry) for component in components for entry in entries):
            out.add(image)
    return out


def _newest(chain: Chain, ix: int, nonces: dict[bytes, int]) -> _Seen | None:
    """A device's newest evidence that its key signed and that doesn't contradict an earlier arrival."""
    links = list(chain.back(ix))[::-1]
    key, generation = None, -1
    newest: _Seen | None = None
    doubt_ms = -1
    used: set[tuple[int, int, int]] = set()
    for link in links:
        if link.leaf.kind in ("device.enrol", "device.key"):
            body = dsse.open_envelope(chain.payload(link)[1]).body
            key, generation, newest = keys.from_spki(enrolment.parse(body).spki), generation + 1, None
        elif link.is_evidence:
            found = _read(chain, link, key, generation, nonces)
            if found is None or found.order in used or link.facts["base"] is False:
                doubt_ms = link.leaf.at
                continue
            used.add(found.order)
            if newest is None or found.order > newest.order:
                newest = found
    return None if newest is None or newest.made_ms < doubt_ms else newest


def _read(
    chain: Chain, link: Link, key: tuple[str, bytes] | None, generation: int, nonces: dict[bytes, int]
) -> _Seen | None:
    """Evidence whose signature holds, read without the parser that intake uses."""
    try:
        item = cbor2.loads(chain.payload(link)[1])
        protected, _, payload, signature = cbor2.loads(item[2]).value
        if key is None or key[0] != keys.ED25519:
            return None
        VerifyKey(key[1]).verify(cbor2.dumps(["Signature1", protected, b"", payload]), signature)
    except (BadSignatureError, LedgerError, cbor2.CBORDecodeError, AttributeError, ValueError, TypeError):
        return None
    claims = cbor2.loads(payload)
    body = cbor2.loads(claims[_MEASURED][0][1])
    lower = nonces.get(claims[_NONCE], link.leaf.at)
    claimed = claims.get(_IAT, -1) * 1000
    made = max(claimed, lower) if lower - 999 <= claimed <= link.leaf.at else lower
    order = (generation, claims[_BOOT], claims[_COUNTER])
    return _Seen(order, tuple(stage[1] for stage in body[1]), made, link.leaf.at, link.ix)
