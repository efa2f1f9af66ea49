"""Our frozen vectors: read back by the library, checked again by other code, and the same when made anew."""

import hashlib
import hmac
import json
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.ledger import generate
from vouchsafe.ledger import batches, leaves, notes, policy, proofs, tree
from vouchsafe.ledger.errors import Malformed

FOLDER = Path(generate.__file__).parent


def load(name):
    return json.loads((FOLDER / name).read_text())


@pytest.mark.parametrize("name", ["leaves.json", "names.json", "batch.json", "two-step.json"])
def test_the_generator_writes_what_is_committed(name):
    assert (FOLDER / name).read_text() == generate.text(generate.build()[name])


def test_leaves_are_accepted_and_rejected():
    for case in load("leaves.json")["accept"]:
        data = case["bytes"].encode()
        assert leaves.encode(leaves.parse(data)) == data
        assert tree.leaf_hash(data).hex() == case["hash"] == hashlib.sha256(b"\0" + data).hexdigest()
        assert json.dumps(json.loads(data), sort_keys=True, separators=(",", ":")).encode() == data
    rejected = load("leaves.json")["reject"]
    assert len(rejected) == 26
    for case in rejected:
        with pytest.raises(Malformed):
            leaves.parse(bytes.fromhex(case["hex"]))
            pytest.fail(case["why"])


def test_names_follow_from_the_standard_library_alone():
    value = load("names.json")
    about = value["pseudonym"]
    for kind in ("device", "person", "record"):
        message = b"vouchsafe/subj/v1\0" + kind.encode() + b"\0" + UUID(about["uuid"]).bytes
        assert hmac.new(bytes.fromhex(about["key"]), message, "sha256").hexdigest()[:32] == about[kind]
    [(origin, subject)] = value["log_subject"].items()
    assert hashlib.sha256(origin.encode()).hexdigest()[:32] == subject
    one = value["commitment"]
    assert hashlib.sha256(bytes.fromhex(one["salt"]) + one["payload"].encode()).hexdigest() == one["commit"]
    for number, vkey in enumerate(value["vkeys"].values(), 1):
        public = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32).public_key().public_bytes_raw()
        assert notes.parse_vkey(vkey).public == public


def test_the_batch_object_reads_back():
    value = load("batch.json")
    data = bytes.fromhex(value["hex"])
    row = batches.BatchRow(value["first"], value["next"], value["name"], hashlib.sha256(data).digest())
    items = batches.check(row, value["origin"], data)
    assert [leaves.parse(item.leaf).kind for item in items] == ["decision", "device.evidence"]
    assert items[0][1:] == (b"p" * 32, 36, 100)
    assert batches.row_of(value["origin"], 7, 9, data).name == value["name"]


def test_the_two_step_proofs_hold_under_their_policies():
    value = load("two-step.json")
    shard, root = (policy.parse(value[name].encode()) for name in ("policy_shard", "policy_root"))
    for case in value["entries"]:
        proof = proofs.TwoStep(
            case["entry"].encode(),
            proofs.parse(case["step1"].encode()),
            value["root_entry"].encode(),
            proofs.parse(value["step2"].encode()),
        )
        shown = proofs.verify_two_step(proof, shard_policy=shard, root_policy=root)
        assert (shown.shard.size, shown.root.witnessed) == (300, {"w": 1_766_361_601})
        assert proof.shard.index == case["index"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d[:-1], "left"),
        (lambda d: d[:5], "left"),
        (lambda d: d + b"x", "nothing after"),
        (lambda d: d[:1], "left"),
    ],
)
def test_broken_batch_objects_are_malformed(change, word):
    data = bytes.fromhex(load("batch.json")["hex"])
    with pytest.raises(Malformed, match=word):
        batches.parse(change(data), 2)


def test_a_batch_under_another_name_or_hash_is_tampered():
    value = load("batch.json")
    data = bytes.fromhex(value["hex"])
    digest = hashlib.sha256(data).digest()
    for row in (
        batches.BatchRow(7, 9, value["name"], bytes(32)),
        batches.BatchRow(6, 8, value["name"], digest),
        batches.BatchRow(7, 9, "batch/other", digest),
    ):
        with pytest.raises(Exception, match="expected"):
            batches.check(row, value["origin"], data)
