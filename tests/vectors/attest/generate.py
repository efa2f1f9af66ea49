"""Writes the frozen vectors of this folder; leaves git clean unless a format changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.attest import making as m
from tests.attest.test_batch import GOOD as GOOD_ITEM
from tests.attest.test_cbor import REFUSED
from vouchsafe.agent.signer import Ed25519Signer
from vouchsafe.attest import batch, ear, enrolment, keys, reference
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor, cose, eat

HERE = Path(__file__).parent
STATION = Ed25519Signer(m.digest("station"))


def log_json(part: batch.LogPart | None) -> list[Any] | None:
    return (
        None
        if part is None
        else [part.start, [one.hex() for one in part.proof], [one.hex() for one in part.entries]]
    )


def tokens() -> dict[str, tuple[bytes, batch.LogPart | None]]:
    good = m.token()
    part = m.part(10, 13)
    firmware = eat.Stage("firmware", m.IMAGE, 4)
    return {
        "good": (good, part),
        "corrected build": (m.token(m.claims(stages=(eat.Stage("loader", m.LOADER, 1), eat.Stage("firmware", m.IMAGE_NEW, 5)),
                                             sw_version="4.2.1")), part),
        "least claims": (m.token(m.claims(config=None, iat_s=None, previous=None, epoch=None, hw_model=None, hw_version=(),
                                          uptime_s=None, oem_boot=None, dbg_stat=None, sw_version=None, stages=(firmware,))), part),
        "says the new version, measures the old": (m.token(m.claims(sw_version="4.2.1")), part),
        "unknown image": (m.token(m.claims(stages=(eat.Stage("firmware", bytes(32), 4),))), part),
        "unknown loader": (m.token(m.claims(stages=(eat.Stage("loader", bytes(32), 1), firmware))), part),
        "changed configuration": (m.token(m.claims(config=bytes(32))), part),
        "unknown nonce": (m.token(m.claims(nonce=bytes(32))), part),
        "clock ten years ahead": (m.token(m.claims(iat_s=m.NOW_MS // 1000 + 315_576_000)), part),
        "counter does not advance": (m.token(m.claims(counter=10)), part),
        "follows other evidence": (m.token(m.claims(previous=bytes(32))), part),
        "log entries missing": (good, None),
        "another log entry": (good, part._replace(entries=(*m.ENTRIES[10:12], m.ENTRIES[0]))),
        "rewritten log": (good, part._replace(proof=(bytes(32), *part.proof[1:]))),
        "another key's signature": (good[:-64] + Ed25519Signer(m.digest("else")).sign(b""), part),
        "algorithm of another key": (m.token(protected=cbor.encode({1: -9, 4: m.KEY.key_id})), part),
        "older number of the algorithm": (m.token(protected=cbor.encode({1: -8, 4: m.KEY.key_id})), part),
        "another device's ueid": (m.token(m.claims(ueid=b"\x01" + bytes(32))), part),
        "another profile": (m.token(m.claims(profile="tag:other")), part),
    }  # fmt: skip


def evidence() -> dict[str, Any]:
    found = []
    for name, (raw, part) in tokens().items():
        verdict = m.check(raw, log=part)
        said = {"tier": verdict.tier, "vector": list(verdict.vector), "reasons": list(verdict.codes()),
                "build": verdict.build_id, "valid_ms": verdict.valid_ms, "gap": verdict.gap and verdict.gap._asdict()}  # fmt: skip
        found.append({"name": name, "token": raw.hex(), "log": log_json(part), "verdict": said})
    return {
        "key": {"spki": keys.spki(m.KEY.alg, m.KEY.public).hex(), "kid": m.KEY.key_id.hex(), "ueid": m.KEY.ueid.hex(),
                "seed": m.digest("device").hex()},
        "reference": json.loads(reference.to_json(m.REFERENCE)),
        "nonce": {"value": m.NONCE.hex(), "lb_ms": m.NOW_MS - 60_000, "max_age_ms": m.POLICY.max_nonce_age_ms},
        "prior": {name: ear.plain(value) for name, value in m.PRIOR._asdict().items()},
        "arrival_ms": m.NOW_MS,
        "entries": [entry.hex() for entry in m.ENTRIES],
        "tokens": found,
    }  # fmt: skip


def place_of(read: Any, raw: bytes) -> str:
    try:
        read(raw)
    except Malformed as refused:
        return refused.place
    raise AssertionError("a vector that must be refused was accepted")


def malformed() -> dict[str, Any]:
    good, item = m.token(), GOOD_ITEM.raw
    payload = eat.build_payload(m.claims())
    bad_tokens = {
        "empty": b"", "no tag": good[1:], "cut": good[:-1], "trailing byte": good + b"\x00",
        "kid missing": m.token(protected=cbor.encode({1: -19})),
        "alg unprotected": cose.assemble(b"", payload, bytes(64)).replace(b"\x40\xa0", b"\x40\xa1\x01\x32", 1),
        "payload is an array": m.token(payload=b"\x80"),
        **{f"payload {raw or 'empty'}": m.token(payload=bytes.fromhex(raw)) for raw in REFUSED},
    }  # fmt: skip
    bad_batches = {
        "empty": b"", "second item cut": item + item[:-1], "array of items": b"\x81" + item, "byte after": item + b"\x00",
        "six parts": b"\x86" + item[1:] + b"\x00", "long form": item.replace(b"\x01\x59", b"\x18\x01\x59", 1),
    }  # fmt: skip
    return {
        "tokens": [
            {"name": n, "bytes": raw.hex(), "place": place_of(eat.parse, raw)}
            for n, raw in bad_tokens.items()
        ],
        "batches": [
            {"name": n, "bytes": raw.hex(), "place": place_of(batch.decode, raw)}
            for n, raw in bad_batches.items()
        ],
    }


def enrolled() -> dict[str, Any]:
    statement = enrolment.make(
        udi_di="05060912340019", serial="T4-0311-88207", lot="0311", made="2024-03-11", alg=m.SIGNER.alg, public=m.SIGNER.public,
        key_origin="secure_element", assurance="high", nonce=m.NONCE, station="kendal-line-1", at_ms=m.NOW_MS,
    )  # fmt: skip
    envelope = enrolment.seal(statement, station_sign=STATION.sign, device_sign=m.SIGNER.sign)
    return {
        "station": {"name": "kendal-line-1", "spki": keys.spki(STATION.alg, STATION.public).hex()},
        "envelope": envelope.decode(),
        "key": {name: ear.plain(value) for name, value in statement.key()._asdict().items()},
    }


def files() -> dict[str, str]:
    made = {"evidence.json": evidence(), "malformed.json": malformed(), "enrolment.json": enrolled()}
    return {name: json.dumps(found, indent=1, sort_keys=True) + "\n" for name, found in made.items()}


if __name__ == "__main__":
    for file_name, text in files().items():
        (HERE / file_name).write_text(text)
