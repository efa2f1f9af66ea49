"""Models, sites, gateways, stations and units: the register that evidence is compared with.

A unit is registered when it is made or shipped, before it has a key: until it attests its state is unknown,
and unknown counts (R-85). Every function is one transaction of the caller or its own.
"""

# SQL here is put together from constants of this package; every value is a parameter.

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction

from vouchsafe.attest import keys
from vouchsafe.fleet import db
from vouchsafe.fleet.db import OPEN
from vouchsafe.fleet.errors import BadInput, NotFound, Refused
from vouchsafe.fleet.states import never
from vouchsafe.fleet.substrate import fleet_origin
from vouchsafe.kernel import publish
from vouchsafe.ledger import leaves

EVIDENCE, ENROL = "evidence", "enrol"
SCOPES = (EVIDENCE, ENROL)
MAX_UNITS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit of the production or shipping list. Days are ISO dates or empty; `shipped_at` in ms."""

    serial: str
    lot: str = ""
    made: str = ""
    expires: str = ""
    site: str = ""
    shipped_at: int | None = None
    reference: str = ""
    uuid: UUID | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that authenticated: who it is in leaves, and what it may do."""

    id: int
    name: str
    pseudonym: str
    scopes: frozenset[str]


def add_model(udi_di: str, name: str) -> int:
    """The id of a model by its device identifier, made if it's new."""
    db.run(
        "INSERT INTO fleet_model (udi_di, name) VALUES (%(di)s, %(name)s) ON CONFLICT (udi_di) DO NOTHING",
        {"di": udi_di, "name": name},
    )
    return model_id(udi_di)


def model_id(udi_di: str) -> int:
    """Raises: NotFound."""
    found = db.one("SELECT id FROM fleet_model WHERE udi_di = %(di)s", {"di": udi_di})
    if found is None:
        raise NotFound(f"There is no model with device identifier {udi_di}.")
    return int(found[0])


def models() -> tuple[tuple[str, str], ...]:
    """(device identifier, name) of every model."""
    return tuple((row[0], row[1]) for row in db.rows("SELECT udi_di, name FROM fleet_model ORDER BY name"))


def add_site(key: str, *, name: str, city: str, country: str) -> int:
    """The id of a site by its key, made if it's new. `country`: ISO 3166-1 alpha-2."""
    db.run(
        "INSERT INTO fleet_site (key, name, city, country) VALUES (%(key)s, %(name)s, %(city)s, %(country)s)"
        " ON CONFLICT (key) DO NOTHING",
        {"key": key, "name": name, "city": city, "country": country},
    )
    return int(db.value("SELECT id FROM fleet_site WHERE key = %(key)s", {"key": key}))


def add_gateway(
    name: str, *, at_ms: int, days: int = 366, site: str = "", scopes: Sequence[str] = (EVIDENCE,)
) -> str:
    """A new gateway; returns its bearer token, which is stored only as a hash and shown only here."""
    if not scopes or not set(scopes) <= set(SCOPES):
        raise BadInput("scopes", f"some of {', '.join(SCOPES)}", repr(list(scopes)))
    token = "vsg_" + secrets.token_urlsafe(32)
    pseudonym = leaves.pseudonym(publish.site().pseudonym_key, "gateway", uuid4())
    changed = db.run(
        "INSERT INTO fleet_gateway (name, site, pseudonym, token_sha256, scopes, made_at, expires_at)"
        " SELECT %(name)s, (SELECT id FROM fleet_site WHERE key = %(site)s), %(pseudonym)s, %(hash)s,"
        " %(scopes)s,"
        " %(at)s, %(until)s ON CONFLICT (name) DO NOTHING",
        {
            "name": name,
            "site": site,
            "pseudonym": pseudonym,
            "hash": token_hash(token),
            "scopes": list(scopes),
            "at": at_ms,
            "until": at_ms + days * 86_400_000,
        },
    )
    if not changed:
        raise Refused(f"There is a gateway “{name}” already; revoke it and choose another name.")
    return token


def revoke_gateway(name: str, *, at_ms: int) -> None:
    """End a gateway's token. Raises: NotFound."""
    changed = db.run(
        "UPDATE fleet_gateway SET revoked_at = %(at)s WHERE name = %(name)s AND revoked_at IS NULL",
        {"at": at_ms, "name": name},
    )
    if not changed:
        raise NotFound(f"There is no gateway “{name}” in use.")


def token_hash(token: str) -> bytes:
    """What is kept of a bearer token. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def add_station(name: str, *, alg: str, public: bytes, at_ms: int) -> None:
    """Trust a line station's key for enrolment statements. Raises: Refused when the name is taken by another
    key.
    """
    keys.spki(alg, public)
    db.run(
        "INSERT INTO fleet_station (name, alg, public, made_at) VALUES (%(name)s, %(alg)s, %(public)s,"
        " %(at)s)"
        " ON CONFLICT DO NOTHING",
        {"name": name, "alg": alg, "public": public, "at": at_ms},
    )
    held = db.one("SELECT public FROM fleet_station WHERE name = %(name)s", {"name": name})
    if held is None or held[0] != public:
        raise Refused(f"The station “{name}”, or this key, is registered with another key or name.")


@transaction.atomic
def register(udi_di: str, units: Sequence[Unit], *, at_ms: int) -> int:
    """Add units of a model to the register, with their shipments; how many were new.

    A unit that is known (same device identifier and serial) is left as it is, but a first shipment is added.
    """
    if len(units) > MAX_UNITS:
        raise BadInput("units", f"at most {MAX_UNITS:,} in one call", f"{len(units):,}")
    model = model_id(udi_di)
    known = dict(
        db.rows(
            f"SELECT serial, device FROM fleet_identity WHERE udi_di = %(di)s AND serial = ANY(%(serials)s)"
            f" AND t1 = {OPEN} AND sup_ix IS NULL",
            {"di": udi_di, "serials": [unit.serial for unit in units]},
        )
    )
    sites = dict(db.rows("SELECT key, id FROM fleet_site"))
    fresh = list({unit.serial: unit for unit in units if unit.serial not in known}.values())
    for unit in units:
        if not unit.serial or len(unit.serial) > 20 or not unit.serial.isascii():
            raise BadInput("serial", "1 to 20 ASCII characters (GS1 AI 21)", repr(unit.serial)[:40])
        if unit.site and unit.site not in sites:
            raise BadInput(f"site of {unit.serial}", "a registered site", unit.site[:80])
    ids = _make_devices(model, udi_di, fresh, sites, at_ms)
    known.update(zip([unit.serial for unit in fresh], ids, strict=True))
    shipped = {known[u.serial]: u for u in units if u.shipped_at is not None}
    present = {
        r[0]
        for r in db.rows("SELECT device FROM fleet_shipment WHERE device = ANY(%(d)s)", {"d": list(shipped)})
    }
    db.copy(
        "fleet_shipment",
        ("device", "at", "site", "reference"),
        [(d, u.shipped_at, sites.get(u.site), u.reference) for d, u in shipped.items() if d not in present],
    )
    return len(fresh)


def _make_devices(
    model: int, udi_di: str, units: Sequence[Unit], sites: dict[str, int], at_ms: int
) -> list[int]:
    key, origin = publish.site().pseudonym_key, fleet_origin()
    uuids = [unit.uuid or uuid4() for unit in units]
    db.copy(
        "fleet_device",
        ("uuid", "model", "origin", "subj"),
        [(u, model, origin, leaves.pseudonym(key, "device", u)) for u in uuids],
    )
    by_uuid = dict(db.rows("SELECT uuid, id FROM fleet_device WHERE uuid = ANY(%(u)s)", {"u": uuids}))
    ids = [int(by_uuid[u]) for u in uuids]
    db.copy(
        "fleet_identity",
        ("device", "udi_di", "serial", "lot", "made", "expires", "site", "t0", "rec_ix"),
        [
            (i, udi_di, u.serial, u.lot, u.made or None, u.expires or None, sites.get(u.site), at_ms, -1)
            for i, u in zip(ids, units, strict=True)
        ],
    )
    state = _never(udi_di)
    db.copy(
        "fleet_device_state",
        ("device", "state", "t0", "g0", "b0", "c0", "base", "rec_ix", "first_ix"),
        [(i, state, at_ms, -1, -1, -1, True, -1, -1) for i in ids],
    )
    return ids


def _never(udi_di: str) -> int:
    """The id of the model's state "has never attested"."""
    state = never(udi_di)
    db.run(
        "INSERT INTO fleet_state (digest, model, tier, vec, reasons, attested)"
        " SELECT %(digest)s, m.id, 0, %(vec)s, '{}', false FROM fleet_model m WHERE m.udi_di = %(di)s"
        " ON CONFLICT (digest) DO NOTHING",
        {"digest": state.digest(), "vec": list(state.vec), "di": udi_di},
    )
    return int(db.value("SELECT id FROM fleet_state WHERE digest = %(d)s", {"d": state.digest()}))


def authenticate(token: str, now_ms: int) -> Gateway | None:
    """The gateway whose token this is, while it is valid."""
    found = db.one(
        "SELECT id, name, pseudonym, scopes FROM fleet_gateway WHERE token_sha256 = %(hash)s"
        " AND revoked_at IS NULL AND made_at <= %(now)s AND expires_at > %(now)s",
        {"hash": token_hash(token), "now": now_ms},
    )
    return Gateway(found[0], found[1], found[2], frozenset(found[3])) if found else None
