"""The frozen vectors: read from their files alone, and made again byte for byte."""

import json
from pathlib import Path

import pytest

from tests.vectors.attest import generate
from vouchsafe.attest import batch, enrolment, keys, reference, verify
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import eat

FOLDER = Path(generate.__file__).parent
EVIDENCE, MALFORMED, ENROLMENT = (
    json.loads((FOLDER / f"{name}.json").read_text()) for name in ("evidence", "malformed", "enrolment")
)


def test_the_generator_leaves_the_files_as_they_are():
    for name, text in generate.files().items():
        assert (FOLDER / name).read_text() == text, name


def named(found):
    return [pytest.param(one, id=one["name"]) for one in found]


@pytest.mark.parametrize("one", named(EVIDENCE["tokens"]))
def test_a_token_gets_its_verdict(one):
    alg, public = keys.from_spki(bytes.fromhex(EVIDENCE["key"]["spki"]))
    key = keys.record(alg, public, origin="secure_element", assurance="high")
    prior = {**EVIDENCE["prior"]}
    prior |= {name: bytes.fromhex(prior[name]) for name in ("dlog_root", "last_sha256")}
    nonce = EVIDENCE["nonce"]
    policy = verify.AppraisalPolicy(
        {bytes.fromhex(nonce["value"]): verify.NonceBounds(nonce["lb_ms"])}, nonce["max_age_ms"]
    )
    part = one["log"] and batch.LogPart(
        one["log"][0], tuple(map(bytes.fromhex, one["log"][1])), tuple(map(bytes.fromhex, one["log"][2]))
    )
    verdict = verify.check(
        bytes.fromhex(one["token"]), key=key, prior=verify.Prior(**prior), policy=policy, at_ms=EVIDENCE["arrival_ms"],
        reference=reference.parse_json(json.dumps(EVIDENCE["reference"]).encode()), log=part,
    )  # fmt: skip
    assert one["verdict"] == {
        "tier": verdict.tier, "vector": list(verdict.vector), "reasons": list(verdict.codes()), "build": verdict.build_id,
        "valid_ms": verdict.valid_ms, "gap": verdict.gap and verdict.gap._asdict(),
    }  # fmt: skip


@pytest.mark.parametrize("one", named(MALFORMED["tokens"]))
def test_a_malformed_token_is_refused_at_its_place(one):
    with pytest.raises(Malformed) as refused:
        eat.parse(bytes.fromhex(one["bytes"]))
    assert refused.value.place == one["place"]


@pytest.mark.parametrize("one", named(MALFORMED["batches"]))
def test_a_malformed_batch_is_refused_at_its_place(one):
    with pytest.raises(Malformed) as refused:
        batch.decode(bytes.fromhex(one["bytes"]))
    assert refused.value.place == one["place"]


def test_the_enrolment_founds_its_key():
    station = ENROLMENT["station"]
    stations = {station["name"]: keys.from_spki(bytes.fromhex(station["spki"]))}
    key = enrolment.verify(ENROLMENT["envelope"].encode(), stations=stations).key()
    assert {
        name: value.hex() if isinstance(value, bytes) else value for name, value in key._asdict().items()
    } == ENROLMENT["key"]
