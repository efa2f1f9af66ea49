"""Enrolment statements: the station says which key belongs to which UDI, and the device countersigns (R-76).

A statement is canonical JSON in a DSSE envelope with two signatures over the same bytes: the line station's
and the device's, which proves that the device holds the key (docs/formats/enrolment.md).

>>> from vouchsafe.ledger import ed25519
>>> statement = make(
...     udi_di="05060912340019", serial="T4-1", alg="Ed25519", public=ed25519.public_of(bytes(range(32))),
...     key_origin="secure_element", assurance="high", nonce=bytes(32), station="line-1", at_ms=1766361600000)
>>> parse(encode(statement)) == statement
True
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from vouchsafe.attest import dsse, keys, limits
from vouchsafe.attest.errors import Malformed, NotVerified

PAYLOAD_TYPE = "application/vnd.vouchsafe.enrolment+json"
_PRINTABLE = re.compile(r"[\x20-\x7e]+\Z")


class Statement(NamedTuple):
    """What is stated. Dates are `YYYY-MM-DD` or empty; `identity_spki` is empty where the key is its own
    identity key.
    """

    udi_di: str
    serial: str
    lot: str
    made: str
    expires: str
    spki: bytes
    identity_spki: bytes
    ueid: bytes
    key_origin: str
    assurance: str
    nonce: bytes
    station: str
    at_ms: int

    def key(self) -> keys.KeyRecord:
        """The key record that the statement founds, valid from the statement's time."""
        alg, public = keys.from_spki(self.spki)
        return keys.record(
            alg, public, origin=self.key_origin, assurance=self.assurance, ueid_=self.ueid, t0_ms=self.at_ms
        )


def make(
    *,
    udi_di: str,
    serial: str,
    alg: str,
    public: bytes,
    key_origin: str,
    assurance: str,
    nonce: bytes,
    station: str,
    at_ms: int,
    lot: str = "",
    made: str = "",
    expires: str = "",
    identity_spki: bytes = b"",
) -> Statement:
    """A statement whose ueid is computed from the identity key. Raises: Malformed."""
    info = keys.spki(alg, public)
    statement = Statement(
        udi_di,
        serial,
        lot,
        made,
        expires,
        info,
        identity_spki,
        keys.ueid(identity_spki or info),
        key_origin,
        assurance,
        nonce,
        station,
        at_ms,
    )
    return parse(encode(statement))


def encode(statement: Statement) -> bytes:
    """The canonical bytes of a statement: sorted keys, no white space."""
    found: dict[str, Any] = {
        "v": 1,
        "type": "enrolment",
        "udi_di": statement.udi_di,
        "udi_pi": {
            "serial": statement.serial,
            "lot": statement.lot,
            "made": statement.made,
            "expires": statement.expires,
        },
        "ueid": statement.ueid.hex(),
        "spki": base64.b64encode(statement.spki).decode(),
        "spki_sha256": hashlib.sha256(statement.spki).hexdigest(),
        "identity_spki": base64.b64encode(statement.identity_spki).decode(),
        "key_origin": statement.key_origin,
        "assurance": statement.assurance,
        "nonce": statement.nonce.hex(),
        "station": statement.station,
        "at": statement.at_ms,
    }
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)


_KEYS = {
    "v",
    "type",
    "udi_di",
    "udi_pi",
    "ueid",
    "spki",
    "spki_sha256",
    "identity_spki",
    "key_origin",
    "assurance",
    "nonce",
    "station",
    "at",
}


def parse(body: bytes) -> Statement:
    """A statement from its canonical bytes; signatures are not looked at. Raises: Malformed."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("statement", "JSON", str(error)[:120]) from error
    if not isinstance(found, dict) or set(found) != _KEYS or found["v"] != 1 or found["type"] != "enrolment":
        raise Malformed("statement", "an enrolment statement, version 1", f"{found!r:.80}")
    udi_pi = found["udi_pi"]
    if not isinstance(udi_pi, dict) or set(udi_pi) != {"serial", "lot", "made", "expires"}:
        raise Malformed("statement.udi_pi", "serial, lot, made, expires", f"{udi_pi!r:.80}")
    if type(found["at"]) is not int or not 0 <= found["at"] <= limits.MAX_MS:
        raise Malformed("statement.at", "ms since the epoch", f"{found['at']!r:.40}")
    statement = Statement(
        udi_di=_text(found["udi_di"], "udi_di"),
        serial=_text(udi_pi["serial"], "udi_pi.serial"),
        lot=_text(udi_pi["lot"], "udi_pi.lot", empty=True),
        made=_day(udi_pi["made"], "udi_pi.made"),
        expires=_day(udi_pi["expires"], "udi_pi.expires"),
        spki=_base64(found["spki"], "spki"),
        identity_spki=_base64(found["identity_spki"], "identity_spki"),
        ueid=_hex(found["ueid"], "ueid", 33),
        key_origin=_text(found["key_origin"], "key_origin"),
        assurance=_text(found["assurance"], "assurance"),
        nonce=_hex(found["nonce"], "nonce", 32),
        station=_text(found["station"], "station"),
        at_ms=found["at"],
    )
    statement.key()  # origin, assurance and key are known ones
    if statement.identity_spki:
        keys.from_spki(statement.identity_spki)
    if statement.ueid != keys.ueid(statement.identity_spki or statement.spki):
        raise Malformed("statement.ueid", "the ueid of the identity key", found["ueid"])
    if (
        encode(statement) != body
    ):  # One form only: equal keys, white space and a wrong spki_sha256 all end here.
        raise Malformed("statement", "the canonical form", "another form of the same content")
    return statement


def _text(value: Any, place: str, *, empty: bool = False) -> str:
    if empty and value == "":
        return ""
    if not isinstance(value, str) or len(value) > limits.MAX_TEXT_BYTES or not _PRINTABLE.match(value):
        raise Malformed(f"statement.{place}", "printable ASCII text", f"{value!r:.40}")
    return value


def _day(value: Any, place: str) -> str:
    if value != "" and (not isinstance(value, str) or not re.match(r"\d{4}-\d{2}-\d{2}\Z", value, re.ASCII)):
        raise Malformed(f"statement.{place}", "YYYY-MM-DD or nothing", f"{value!r:.40}")
    return str(value)


def _hex(value: Any, place: str, size: int) -> bytes:
    if not isinstance(value, str) or not re.match(rf"[0-9a-f]{{{size * 2}}}\Z", value):
        raise Malformed(f"statement.{place}", f"{size} bytes in lower-case hex", f"{value!r:.80}")
    return bytes.fromhex(value)


def _base64(value: Any, place: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise Malformed(f"statement.{place}", "base64", str(error)) from error


Sign = Callable[[bytes], bytes]


def seal(statement: Statement, *, station_sign: Sign, device_sign: Sign) -> bytes:
    """The envelope that both have signed, the station first."""
    device = keys.key_id(statement.spki).hex()
    return dsse.seal(
        PAYLOAD_TYPE, encode(statement), [(statement.station, station_sign), (device, device_sign)]
    )


def verify(envelope: bytes, *, stations: dict[str, tuple[str, bytes]]) -> Statement:
    """The statement, once both signatures hold: that of a known station (name -> algorithm, public key) and
    the device's.

    Whether key or ueid is known under another UDI, and whether the nonce was given out and is unused, is for
    the caller, who has the register. Raises: Malformed, NotVerified.
    """
    opened = dsse.open_envelope(envelope)
    statement = parse(opened.body)
    if statement.station not in stations:
        raise NotVerified(f"the station {statement.station} is not a known one")
    alg, public = keys.from_spki(statement.spki)
    signers = [("the station", *stations[statement.station]), ("the device", alg, public)]
    if stations[statement.station] == (alg, public):
        raise NotVerified("the station's key and the device's key are the same")
    dsse.verified_body(opened, PAYLOAD_TYPE, signers)
    return statement
