"""Enrolment statements: station and device both sign one canonical statement."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attest import making as m
from vouchsafe.agent.signer import Ed25519Signer, P256Signer
from vouchsafe.attest import dsse, enrolment, keys
from vouchsafe.attest.errors import Malformed, NotVerified

STATION = P256Signer(m.digest("station"))
STATIONS = {"line-1": (STATION.alg, STATION.public)}
FIELDS = {
    "udi_di": "05060912340019", "serial": "T4-0311-88207", "lot": "0311", "made": "2024-03-11", "alg": m.SIGNER.alg,
    "public": m.SIGNER.public, "key_origin": "secure_element", "assurance": "high", "nonce": m.NONCE, "station": "line-1",
    "at_ms": m.NOW_MS,
}  # fmt: skip
STATEMENT = enrolment.make(**FIELDS)
ENVELOPE = enrolment.seal(STATEMENT, station_sign=STATION.sign, device_sign=m.SIGNER.sign)


def test_a_statement_of_both_founds_the_key():
    verified = enrolment.verify(ENVELOPE, stations=STATIONS)
    assert verified == STATEMENT
    assert verified.key() == m.KEY._replace(t0_ms=m.NOW_MS)


def test_an_alias_key_is_bound_to_its_identity_key():
    alias = P256Signer(m.digest("alias"))
    identity = keys.spki(m.SIGNER.alg, m.SIGNER.public)
    statement = enrolment.make(
        **{**FIELDS, "alg": alias.alg, "public": alias.public, "identity_spki": identity}
    )
    assert statement.ueid == m.KEY.ueid
    assert statement.key().ueid == m.KEY.ueid
    sealed = enrolment.seal(statement, station_sign=STATION.sign, device_sign=alias.sign)
    assert enrolment.verify(sealed, stations=STATIONS) == statement


@pytest.mark.parametrize(
    ("station_sign", "device_sign", "who"),
    [(m.SIGNER.sign, m.SIGNER.sign, "the station"), (STATION.sign, STATION.sign, "the device")],
)
def test_one_signature_is_not_enough(station_sign, device_sign, who):
    sealed = enrolment.seal(STATEMENT, station_sign=station_sign, device_sign=device_sign)
    with pytest.raises(NotVerified, match=who):
        enrolment.verify(sealed, stations=STATIONS)


def test_an_unknown_station_is_refused():
    with pytest.raises(NotVerified, match="line-1 is not a known one"):
        enrolment.verify(ENVELOPE, stations={})


def test_a_device_cannot_be_its_own_station():
    sealed = enrolment.seal(STATEMENT, station_sign=m.SIGNER.sign, device_sign=m.SIGNER.sign)
    with pytest.raises(NotVerified, match="are the same"):
        enrolment.verify(sealed, stations={"line-1": (m.SIGNER.alg, m.SIGNER.public)})


def test_another_payload_type_is_no_enrolment():
    sealed = dsse.seal("text/plain", enrolment.encode(STATEMENT), [("", STATION.sign), ("", m.SIGNER.sign)])
    with pytest.raises(Malformed, match="payloadType"):
        enrolment.verify(sealed, stations=STATIONS)


def body(**changed):
    found = orjson.loads(enrolment.encode(STATEMENT))
    for name, value in changed.items():
        target, last = (found["udi_pi"], name[3:]) if name.startswith("pi_") else (found, name)
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)


OTHER = keys.spki("Ed25519", Ed25519Signer(m.digest("other")).public)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", "statement"),
        (b"[]", "statement"),
        (body(v=2), "statement"),
        (body(type="other"), "statement"),
        (body(station=...), "statement"),
        (body(extra=1), "statement"),
        (body(udi_pi=[]), "statement.udi_pi"),
        (body(pi_lot=...), "statement.udi_pi"),
        (body(at=-1), "statement.at"),
        (body(at=True), "statement.at"),
        (body(at=2**53), "statement.at"),
        (body(udi_di=""), "statement.udi_di"),
        (body(udi_di=5), "statement.udi_di"),
        (body(udi_di="\t"), "statement.udi_di"),
        (body(pi_serial="é"), "statement.udi_pi.serial"),
        (body(pi_serial="x" * 256), "statement.udi_pi.serial"),
        (body(pi_made="11 March"), "statement.udi_pi.made"),
        (body(pi_expires=7), "statement.udi_pi.expires"),
        (body(ueid="01"), "statement.ueid"),
        (body(ueid="01" + "00" * 32), "statement.ueid"),
        (body(nonce=7), "statement.nonce"),
        (body(spki="?"), "statement.spki"),
        (body(spki=7), "statement.spki"),
        (body(spki=""), "public key"),
        (body(identity_spki="AAAA"), "public key"),
        (body(key_origin="magic"), "key record"),
        (body(key_origin="software"), "key record"),
        (body(spki_sha256="00" * 32), "statement"),
        (enrolment.encode(STATEMENT) + b"\n", "statement"),
        (enrolment.encode(STATEMENT).replace(b'"v":1', b'"v":1,"v":1'), "statement"),
    ],
)
def test_another_statement_is_refused_at_its_place(raw, place):
    with pytest.raises(Malformed) as refused:
        enrolment.parse(raw)
    assert refused.value.place == place


def test_a_key_of_another_device_is_not_this_ueid():
    with pytest.raises(Malformed, match=r"statement.ueid"):
        enrolment.parse(enrolment.encode(STATEMENT._replace(spki=OTHER)))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_mutated_statements_raise_malformed_and_nothing_else(data):
    raw = bytearray(enrolment.encode(STATEMENT))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        statement = enrolment.parse(bytes(raw))
    except Malformed:
        return
    assert enrolment.encode(statement) == bytes(raw)


def test_a_lot_and_dates_may_be_left_out():
    statement = enrolment.make(**{**FIELDS, "lot": "", "made": "", "expires": ""})
    assert (statement.lot, statement.made, statement.expires) == ("", "", "")
