"""The ledger page through the API: checkpoints, entries, leaves and proof files, checked as another client would."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from tests.api.conftest import SERIALS, Api, Company
from vouchsafe.api import tokens
from vouchsafe.kernel import publish
from vouchsafe.ledger import notes, policy, proofs, tree
from vouchsafe.ledger.errors import LedgerError


@pytest.fixture(scope="module")
def number(company: Company) -> str:
    """A record whose events are under a checkpoint of `records`."""
    made = company.vulnerability()
    publish.tick(datetime.now(UTC))
    publish.tick(datetime.now(UTC))
    return made


def origin(company: Company, name: str) -> str:
    (found,) = [log["origin"] for log in company["sal"].get("/logs") if log["origin"].endswith(f"/{name}")]
    return str(found)


def test_a_log_says_its_key_its_size_and_what_waits(company: Company, number: str) -> None:
    found = {log["origin"].partition("/")[2]: log for log in company["sal"].get("/logs")}
    assert set(found) == {"root", "records", "fleet/0"}
    assert found["records"]["published_at"] and found["records"]["waiting"] == 0
    company.vulnerability()
    publish.publish_records(datetime.now(UTC))
    (records,) = [log for log in company["sal"].get("/logs") if log["origin"].endswith("/records")]
    assert (records["size"], records["waiting"]) == (found["records"]["size"], 1)


def test_checkpoints_are_signed_notes_and_come_newest_first(company: Company, number: str) -> None:
    of = origin(company, "records")
    found = company["sal"].get(f"/logs/checkpoints?origin={of}&count=3")
    assert [one["size"] for one in found] == sorted((one["size"] for one in found), reverse=True)
    (vkey,) = [log["vkey"] for log in company["sal"].get("/logs") if log["origin"] == of]
    for one in found:
        opened = notes.open_note(one["note"].encode(), [notes.parse_vkey(vkey)])
        assert opened.text.decode().splitlines()[:2] == [of, str(one["size"])]
    company["sal"].get("/logs/checkpoints?origin=elsewhere.example/records", 404)
    company["sal"].get(f"/logs/checkpoints?origin={of}&count=101", 422)


def test_an_entry_is_what_its_hash_says_and_names_its_record(company: Company, number: str) -> None:
    of = origin(company, "records")
    found = company["priya"].get(f"/logs/entries?origin={of}&count=200")
    assert [one["index"] for one in found] == list(range(found[0]["index"], found[-1]["index"] + 1))
    (mine,) = [one for one in found if one["about"] == number]
    raw = company["priya"]("GET", f"/logs/leaf?origin={of}&index={mine['index']}").content
    assert hashlib.sha256(b"\x00" + raw).hexdigest() == mine["hash"]
    assert json.loads(raw) == mine["leaf"] and mine["leaf"]["kind"] == "record.event"
    first = company["priya"].get(f"/logs/entries?origin={of}&start=0&count=1")
    assert [one["index"] for one in first] == [0]
    assert company["priya"].get(f"/logs/entries?origin={of}&start=99999") == []


def test_an_entry_names_nothing_that_the_person_or_the_token_may_not_see(
    company: Company, number: str
) -> None:
    records, fleet = origin(company, "records"), origin(company, "fleet/0")
    assert not any(e["about"] for e in company["nobody"].get(f"/logs/entries?origin={records}&count=200"))
    assert SERIALS[0] in {e["about"] for e in company["nobody"].get(f"/logs/entries?origin={fleet}")}
    narrow = Api(tokens.make(company.people["priya"], "x", ["logs:read"], at=datetime.now(UTC))[1])
    for of in (records, fleet, origin(company, "root")):
        assert not any(e["about"] for e in narrow.get(f"/logs/entries?origin={of}&count=200"))


@pytest.mark.parametrize("name", ["records", "fleet/0", "root"])
def test_a_proof_file_proves_its_leaf_and_no_other(company: Company, number: str, name: str) -> None:
    of = origin(company, name)
    leaf = company["sal"]("GET", f"/logs/leaf?origin={of}&index=0").content
    answer = company["sal"]("GET", f"/logs/tlog-proof?origin={of}&index=0")
    assert answer.headers["Content-Type"].startswith("text/plain")
    shard, root = (policy.parse(text) for text in publish.trust_policies())
    trusted, proof = root if name == "root" else shard, proofs.parse(answer.content)
    assert proof.verify(tree.leaf_hash(leaf), trusted).checkpoint.origin == of
    with pytest.raises(LedgerError):
        proof.verify(tree.leaf_hash(leaf + b" "), trusted)


@pytest.mark.parametrize("path", ["leaf", "tlog-proof"])
def test_an_entry_that_is_not_there_is_refused(company: Company, number: str, path: str) -> None:
    of = origin(company, "records")
    refused = company["sal"]("GET", f"/logs/{path}?origin={of}&index=99999")
    assert refused.status_code in (404, 409) and "99999" in refused.json()["message"]
    company["sal"].get(f"/logs/{path}?origin=x&index=0", 404)
    company["sal"].get(f"/logs/{path}?origin={of}&index=-1", 422)


def test_a_damaged_tile_is_a_refusal_and_no_answer(company: Company, number: str) -> None:
    of = origin(company, "records")
    folder = publish.site().data / "logs" / "records" / "tile" / "entries"
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    try:
        for path, data in kept.items():
            path.chmod(0o644)
            path.write_bytes(data.replace(b'"kind"', b'"kine"'))
        refused = company["sal"].get(f"/logs/entries?origin={of}&start=0&count=1", 409)
        assert refused["code"] == "refused" and "0" in refused["message"]
    finally:
        for path, data in kept.items():
            path.write_bytes(data)
    assert company["sal"].get(f"/logs/entries?origin={of}&start=0&count=1")
