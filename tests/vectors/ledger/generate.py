"""Writes the frozen vectors of the ledger's own formats. Run again, it leaves git clean.

python -m tests.vectors.ledger.generate
"""

import json
from pathlib import Path
from uuid import UUID

from vouchsafe.ledger import batches, leaves, notes, proofs, tree
from vouchsafe.ledger.head import MemoryHead
from vouchsafe.ledger.log import Pending, Writer
from vouchsafe.ledger.reader import Reader
from vouchsafe.ledger.stores import MemoryStore

HERE = Path(__file__).parent
SHARD, ROOT = "vectors.example/records", "vectors.example/root"
SHARD_SIGNER = notes.Signer(SHARD, b"\x01" * 32)
ROOT_SIGNER = notes.Signer(ROOT, b"\x02" * 32)
WITNESS = notes.Signer("witness.example", b"\x03" * 32, notes.COSIGNATURE_V1)
KEY = bytes(range(32))

GOOD = [
    leaves.Leaf(0, "s:x", "0" * 64, "decision", "0" * 64, 0, "0" * 32, {"pix": -1}),
    leaves.Leaf(
        1766361600000,
        "k:9f2c41d07be83a55",
        "ab" * 32,
        "device.evidence",
        "cd" * 32,
        17,
        "ef" * 16,
        {"pix": 4, "tier": 2, "vec": [2, -1, 0], "dlog": [9, "01" * 32], "auth": True},
    ),
    leaves.Leaf(
        2**53 - 1,
        "u:" + "12" * 16,
        "ff" * 32,
        "record.sign",
        "ee" * 32,
        2**53 - 1,
        "00" * 16,
        {"pix": 0, "code": 'a"b\\c~!', "nested": {"a": {"b": []}}, "low": -(2**53) + 1},
    ),
]


def bad_leaves() -> list[dict[str, str]]:
    """Bytes that are not a leaf, and why. Each differs from a good one in one thing."""
    good = leaves.encode(GOOD[1])

    def swap(old: bytes, new: bytes) -> bytes:
        assert good.count(old) == 1
        return good.replace(old, new)

    cases = {
        "a space": swap(b'"seq":17', b'"seq": 17'),
        "a newline after it": good + b"\n",
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "two equal keys": swap(b'"seq":17', b'"seq":16,"seq":17'),
        "keys in another order": swap(b'"pix":4,"tier":2', b'"tier":2,"pix":4'),
        "a missing key": swap(b',"v":1', b""),
        "a further key": swap(b',"v":1', b',"v":1,"w":1'),
        "another version": swap(b'"v":1', b'"v":2'),
        "a fraction": swap(b'"tier":2', b'"tier":2.0'),
        "an exponent": swap(b'"tier":2', b'"tier":2e0'),
        "minus zero": swap(b'"vec":[2,-1,0]', b'"vec":[2,-1,-0]'),
        "null": swap(b'"tier":2', b'"tier":null'),
        "an integer of 2^53": swap(b'"tier":2', b'"tier":9007199254740992'),
        "an integer beyond 64 bits": swap(b'"tier":2', b'"tier":99999999999999999999'),
        "a boolean for an integer": swap(b'"seq":17', b'"seq":true'),
        "an escaped letter": swap(b'"auth":true', b'"auth":"\\u0041"'),
        "a letter outside ASCII": swap(b'"auth":true', '"auth":"é"'.encode()),
        "a control character": swap(b'"auth":true', b'"auth":"\\n"'),
        "an upper-case key": swap(b'"auth"', b'"Auth"'),
        "upper-case hex": swap(b"ab" * 32, b"AB" * 32),
        "an unknown kind": swap(b"device.evidence", b"device.wish"),
        "no pix": swap(b'"pix":4,', b""),
        "a first leaf with something before it": swap(b'"seq":17', b'"seq":0'),
        "a later leaf with nothing before it": swap(b"cd" * 32, b"0" * 64),
        "more than 4096 bytes": swap(b'"auth":true', b'"auth":"' + b"x" * 4096 + b'"'),
        "nested nine deep": swap(b'"auth":true', b'"auth":' + b"[" * 9 + b"]" * 9),
    }
    return [{"why": why, "hex": data.hex()} for why, data in cases.items()]


def two_step() -> dict[str, object]:
    """A log of 300 entries, its checkpoint as entry 0 of a root log that a witness cosigned."""
    stores = {}
    for origin, signer in ((SHARD, SHARD_SIGNER), (ROOT, ROOT_SIGNER)):
        store = stores[origin] = MemoryStore()
        writer = Writer(origin, MemoryHead(origin), MemoryStore(), store, [signer])
        writer.take_over()
        if origin == SHARD:
            items = [
                Pending(
                    f"{n % 5:032x}", "record.event", "s:kernel", leaves.commitment(KEY, b"%d" % n), {"n": n}
                )
                for n in range(300)
            ]
        else:
            shard = Reader(stores[SHARD])
            checkpoint = shard.checkpoint(SHARD_SIGNER.verifier)
            assert shard.note is not None
            facts = {"origin": SHARD, "size": checkpoint.size, "root": checkpoint.root.hex()}
            commit = leaves.commitment(bytes(32), shard.note)
            items = [Pending(leaves.log_subject(SHARD), "shard.checkpoint", "s:publisher", commit, facts)]
        writer.append(items, at_ms=1_766_361_600_000)
        writer.checkpoint(at_ms=1_766_361_600_000)
    root = Reader(stores[ROOT])
    root.checkpoint(ROOT_SIGNER.verifier)
    made = root.prove(0)
    body = notes.parse_note(made.note).unverified_text
    cosigned = notes.add_lines(made.note, [WITNESS.line(body, time=1_766_361_601)])
    step2 = proofs.make(0, made.hashes, cosigned)
    policy_root = (
        f"log {ROOT_SIGNER.verifier.vkey}\nwitness w {WITNESS.verifier.vkey}\ngroup all_of_them all w\n"
        "quorum all_of_them\n"
    )
    return {
        "policy_shard": f"log {SHARD_SIGNER.verifier.vkey}\nquorum none\n",
        "policy_root": policy_root,
        "root_entry": root.entry(0).decode(),
        "step2": step2.encode().decode(),
        "entries": [
            {"index": n, "entry": shard.entry(n).decode(), "step1": shard.prove(n).encode().decode()}
            for n in (0, 255, 256, 299)
        ],
    }


def batch() -> dict[str, object]:
    """A batch object of two leaves, one with its payload in an evidence pack."""
    items = [batches.Item(leaves.encode(GOOD[0]), b"p" * 32, 36, 100), batches.Item(leaves.encode(GOOD[1]))]
    data = batches.encode(items)
    return {
        "origin": SHARD,
        "first": 7,
        "next": 9,
        "hex": data.hex(),
        "name": batches.row_of(SHARD, 7, 9, data).name,
    }


def build() -> dict[str, object]:
    """All vectors, by file name."""
    uuid = UUID("6f1c1b1e-8d6a-4c3e-9d57-2a8f4b9c0d11")
    return {
        "leaves.json": {
            "accept": [
                {"bytes": leaves.encode(leaf).decode(), "hash": tree.leaf_hash(leaves.encode(leaf)).hex()}
                for leaf in GOOD
            ],
            "reject": bad_leaves(),
        },
        "names.json": {
            "pseudonym": {
                "key": KEY.hex(),
                "uuid": str(uuid),
                **{kind: leaves.pseudonym(KEY, kind, uuid) for kind in ("device", "person", "record")},
            },
            "log_subject": {SHARD: leaves.log_subject(SHARD)},
            "commitment": {
                "salt": KEY.hex(),
                "payload": "payload",
                "commit": leaves.commitment(KEY, b"payload"),
            },
            "vkeys": {
                "seed 01..": SHARD_SIGNER.verifier.vkey,
                "seed 02..": ROOT_SIGNER.verifier.vkey,
                "seed 03.., cosignature": WITNESS.verifier.vkey,
            },
        },
        "batch.json": batch(),
        "two-step.json": two_step(),
    }


def text(value: object) -> str:
    """The one form in which a vector file is written."""
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    for name, value in build().items():
        (HERE / name).write_text(text(value))
