"""Makes audit bundles from nothing but the format's description: no line of `vouchsafe` is used here.

Two independent programs that agree on bytes say more than one program that agrees with itself. The forge holds every
private key, so it can also make what an operator with the log's keys, or a thief with other keys, could make.
Start with `forge`; `Story` is what a test changes.
"""

import base64
import dataclasses
import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.bundle.substrate import (  # noqa: F401  (tests take them from here)
    AUTHORITY,
    T0,
    Log,
    canonical,
    cbor,
    consistency,
    cosignature_line,
    ed_key,
    ed_public,
    envelope,
    inclusion,
    note_line,
    p256_vkey,
    sha,
    tree_hash,
    vkey,
)


class Person:
    """Somebody with a passkey: a P-256 authenticator in software."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.uuid = sha(b"uuid " + name.encode())[:16].hex()
        self.pseudonym = sha(b"pseudonym " + name.encode())[:16].hex()
        self.key = ec.derive_private_key(
            int.from_bytes(sha(name.encode()), "big") % (1 << 250), ec.SECP256R1()
        )
        point = self.key.public_key().public_numbers()
        self.cose = cbor(
            {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )

    def assertion(self, statement: bytes, story: "Story") -> dict[str, bytes]:
        challenge = sha(b"vouchsafe/signature/v1\0" + statement)
        client = {
            "type": story.client_type,
            "challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
        }
        client |= {"origin": story.origin, "crossOrigin": story.cross_origin}
        data = sha(story.rp_id.encode()) + bytes([story.flags]) + struct.pack(">I", 7)
        raw = json.dumps(client).encode()
        signature = (story.sign_as or self).sign(data + sha(raw))
        return {"client-data.json": raw, "authenticator-data.bin": data, "assertion.bin": signature}

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


class Device:
    """A pump: an Ed25519 evidence key, a counter and a log of its own."""

    def __init__(self, serial: str) -> None:
        self.serial = serial
        self.subject = sha(b"device " + serial.encode())[:16].hex()
        self.key = ed_key(serial)
        self.spki = bytes.fromhex("302a300506032b6570032100") + ed_public(self.key)
        self.key_id = sha(self.spki)[:16]
        self.ueid = b"\x01" + sha(b"udi-ueid/v1" + self.spki)
        self.log: list[bytes] = []
        self.counter = 0

    def enrolment(self, station: Ed25519PrivateKey, story: "Story") -> bytes:
        spki = base64.b64encode(self.spki).decode()
        statement = {
            "v": 1, "type": "enrolment", "udi_di": "05060912340019", "ueid": self.ueid.hex(), "spki": spki,
            "udi_pi": {"serial": self.serial, "lot": "L2403-2", "made": "2024-03-11", "expires": ""},
            "spki_sha256": sha(self.spki).hex(), "identity_spki": "", "key_origin": "secure_element",
            "assurance": "substantial", "nonce": "11" * 32, "station": "station-1", "at": T0,
        }  # fmt: skip
        statement |= story.enrolment
        keys = [station, self.key][: story.enrolment_signers]
        return envelope("application/vnd.vouchsafe.enrolment+json", canonical(statement), keys)

    def evidence(
        self, image: bytes, config: bytes, version: str, **changes: Any
    ) -> tuple[bytes, dict[str, Any]]:
        """An ingest item and the facts that an honest log gives it (reasons and vector come from the story)."""
        old = len(self.log)
        self.counter += changes.pop("counter_step", 1)
        self.log += [cbor([4, T0, self.counter, n]) for n in range(3)]
        root = tree_hash(self.log)
        stages = changes.pop("stages", [["boot", b"\x0b" * 32, 1], ["app", image, 7]])
        body = cbor({1: stages, 2: config})
        claims = {10: b"\x22" * 32, 256: self.ueid, 265: "tag:vouchsafe.example,2026:eat/1", 267: 3}
        claims |= {271: [version], 273: [[65001, body]], -75001: [len(self.log), root], -75002: self.counter}
        claims |= changes.pop("claims", {})
        protected, payload = cbor({1: -19, 4: self.key_id}), cbor(claims)
        signer = changes.pop("signer", self.key)
        signature = signer.sign(cbor(["Signature1", protected, b"", payload]))
        raw = b"\xd2" + cbor([protected, {}, payload, signature])
        proof = changes.pop("dlog_proof", None) or consistency(old, self.log)
        item = changes.pop("item", None) or cbor([self.ueid, 1, raw, T0, [old, proof, self.log[old:]]])
        if item == "alone":
            item = cbor([self.ueid, 1, raw, T0])
        told = claims[-75002] if isinstance(claims[-75002], int) else 0
        return item, {
            "fmt": 1,
            "ctr": told,
            "dlog": [len(self.log), root.hex()],
            "boot": 3,
            "gen": 0,
            "base": True,
        }


RELEASE_KEY = ec.derive_private_key(4711, ec.SECP256R1())
OLD, NEW, CONFIG = b"\x41" * 32, b"\x42" * 32, b"\xcc" * 32
REFERENCE = {
    "v": 1, "min_svn": 5, "stages": [(b"\x0b" * 32).hex()], "hw_models": [],
    "images": [
        {"digest": OLD.hex(), "build": "b-412", "version": "4.1.2", "svn": 7, "configs": [CONFIG.hex()], "runtimes": []},
        {"digest": NEW.hex(), "build": "b-421", "version": "4.2.1", "svn": 8, "configs": [], "runtimes": []},
    ],
}  # fmt: skip
GOOD = {"tier": 2, "vec": [2, 2, 3, 0, 0, 0, 0, 0], "why": []}


@dataclasses.dataclass
class Story:
    """What happens, and what is wrong with it. The defaults are a good bundle with every kind of content."""

    sign_as: Person | None = None
    client_type: str = "webauthn.get"
    origin: str = "https://qms.fellside.example"
    rp_id: str = "fellside.example"
    flags: int = 0x05
    cross_origin: bool = False
    password: bool = False
    nobody_signs: bool = False
    devices: bool = True
    statement: dict[str, Any] = dataclasses.field(default_factory=dict)  # changes to what is signed
    line: dict[str, Any] = dataclasses.field(default_factory=dict)  # changes to the signature's trail entry
    key_after: bool = False  # the passkey is bound only after it was used
    key_revoked: bool = False
    signed_at: str = "2026-11-17T12:00:00.000Z"
    clock_back: bool = False  # one entry's time is before the one before it
    evidence: Callable[[int, dict[str, Any]], dict[str, Any]] = lambda n, given: given
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)  # changes to the second evidence's facts
    hide_last: bool = False  # the operator leaves out the record's last entry and announces an earlier head
    drop_last: bool = False  # the last entry is left out although it is announced
    announce: Callable[[dict[str, Any]], None] = lambda announced: None
    station: str = "station-1"
    enrolment: dict[str, Any] = dataclasses.field(default_factory=dict)  # changes to the statement
    enrolment_signers: int = 2
    release_key: Any = None
    release_image: bytes = b""
    log_keys: str = "log"
    witness: bool = False
    witness_time: int = T0 // 1000 + 1_000_000
    files: Callable[[dict[str, bytes]], None] = lambda files: None  # before the export is logged
    late_files: Callable[[dict[str, bytes]], None] = lambda files: None  # after it
    body_extra: dict[str, Any] = dataclasses.field(default_factory=dict)


PHOTO = b"\x89PNG ward photo"
INGRID, TOMASZ = Person("Ingrid Solheim"), Person("Tomasz Wieczorek")
RECORD = sha(b"record CMP-2026-0001")[:16].hex()
SUBJECT = sha(b"subject CMP-2026-0001")[:16].hex()
BUILD = sha(b"build 4.1.2")[:16].hex()
REFERENCES = sha(b"references")[:16].hex()


def policy(
    *,
    witness: bool = False,
    allow: tuple[str, ...] = ("completeness", "temporal ordering"),
    endorsed: bool = True,
    keys: str = "log",
) -> bytes:
    """The reader's policy file."""
    lines = [
        f"log {vkey(f'{AUTHORITY}/{name}', ed_key(f'{keys} {name}'))}"
        for name in ("root", "records", "fleet/0")
    ]
    if witness:
        lines += [f"witness w1 {vkey('w1.example', ed_key('w1'), 4)}", "quorum w1"]
    else:
        lines += ["quorum none"]
    lines += [f"# vouchsafe: allow operators-word {name}" for name in allow]
    if endorsed:
        lines += [f"# vouchsafe: station {vkey('station-1', ed_key('station-1'))}"]
        lines += [f"# vouchsafe: release {p256_vkey('release', RELEASE_KEY)}"]
    return ("\n".join(lines) + "\n").encode()


def write_record(story: Story, records: Log, files: dict[str, bytes]) -> None:
    """The record's trail: opened, written, signed, closed; people and their keys beside it."""
    version = {
        "title": "Bolus delivered during line change",
        "content": {"serial": "T4-0311-88207", "harm": "none – ü"},
    }
    bodies = [canonical({**version, "n": n}) for n in (1, 2)]
    for n, body in enumerate(bodies, 1):
        files[f"record/versions/{n}.json"] = body

    def event(kind: str, person: Person, n: int, leaf_kind: str = "record.event", **more: Any) -> int:
        seq = records.heads.get(SUBJECT, (-1, -1))[0] + 1
        line = {
            "at": story.signed_at, "by": person.uuid, "by_name": person.name, "kind": kind, "number": "CMP-2026-0001",
            "process": "complaint", "reason": "", "record": RECORD, "revision": seq, "role": "qa", "seq": seq,
            "sha256": sha(bodies[n - 1]).hex(), "state": "open", "v": 1, "version": n,
        } | more  # fmt: skip
        return records.append(
            leaf_kind, SUBJECT, canonical(line), by=f"u:{person.pseudonym}", type="complaint", version=n
        )

    def bind(person: Person) -> None:
        digest = sha(person.cose).hex()
        body = {
            "algorithm": -7,
            "credential": "00" * 16,
            "key": "01" * 16,
            "name": person.name,
            "rp_id": "fellside.example",
        }
        body |= {
            "username": person.name.lower(),
            "public_key": person.cose.hex(),
            "subject": person.uuid,
            "v": 1,
        }
        records.append(
            "person.key",
            person.pseudonym,
            canonical(body),
            by=f"u:{person.pseudonym}",
            alg=-7,
            key_hash=digest,
        )
        if story.key_revoked:
            records.append(
                "person.key", person.pseudonym, canonical({"key": "01" * 16}), key_hash=digest, revoked=True
            )

    if not story.key_after:
        bind(INGRID)
    event("opened", TOMASZ, 1)
    if story.clock_back:
        records.at -= 3_600_000
    files[f"files/{sha(PHOTO).hex()}"] = PHOTO
    event(
        "attached", TOMASZ, 1, file=sha(PHOTO).hex(), name="ward.png", media_type="image/png", size=len(PHOTO)
    )
    event("written", TOMASZ, 2)
    if not story.nobody_signs:
        seq = records.heads[SUBJECT][0] + 1
        told = {
            "at": story.signed_at, "meaning": "approved", "process": "complaint", "reason": "", "record": "CMP-2026-0001",
            "revision": 2, "sha256": sha(bodies[1]).hex(), "signer": INGRID.uuid, "step": "close", "version": 2,
        } | story.statement  # fmt: skip
        statement = canonical(told)
        line = {"statement": sha(statement).hex(), "step": "close", "meaning": "approved"}
        line |= {"ceremony": "password"} if story.password else {"ceremony": "passkey", "key": "01" * 16}
        event("signed", INGRID, 2, "record.sign", **line | story.line)
        files[f"signatures/{seq}/statement.json"] = statement
        if not story.password:
            for name, body in INGRID.assertion(statement, story).items():
                files[f"signatures/{seq}/{name}"] = body
    if story.key_after:
        bind(INGRID)
    event("closed", INGRID, 2, state="closed")


def write_device(story: Story, records: Log, fleet: Log, files: dict[str, bytes]) -> None:
    """A device: reference values, enrolment, three measurements and a gap."""
    reference = canonical(REFERENCE)
    digest = sha(reference).hex()
    ref_ix = records.append("refval.set", REFERENCES, reference, digest=digest)
    files[f"refs/{digest}.json"] = reference
    said = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://cyclonedx.org/bom",
        "predicate": {"v": 1.5},
    }
    said["subject"] = [{"name": "tarn-4.1.2.img", "digest": {"sha256": (story.release_image or OLD).hex()}}]
    signer = story.release_key or RELEASE_KEY
    statement = envelope("application/vnd.in-toto+json", json.dumps(said).encode(), [signer])
    files[f"refs/{sha(statement).hex()}.json"] = statement
    records.append("build.release", BUILD, b"{}", image=OLD.hex(), statement=sha(statement).hex(), svn=7)
    pump = Device("T4-0311-88207")
    fleet.append(
        "device.enrol", pump.subject, pump.enrolment(ed_key(story.station), story), by="k:" + "ab" * 8
    )
    for n in range(3):
        given = story.evidence(n, {"image": OLD, "config": CONFIG, "version": "4.1.2"})
        item, facts = pump.evidence(**given)
        facts |= {**GOOD, "ref_ix": ref_ix, "ref_digest": digest, "policy": "00" * 32}
        facts |= story.facts if n == 1 else {}
        fleet.append("device.evidence", pump.subject, item, by="k:" + pump.key_id.hex()[:16], **facts)
    fleet.append("device.gap", pump.subject, canonical({"from": 1, "to": 2}), reason="silence")


def forge(story: Story | None = None) -> bytes:
    """A bundle of the story, as a zip."""
    return pack(members(story or Story()))


def members(story: Story) -> dict[str, bytes]:
    """Every file of the bundle, in order."""
    logs = {name: Log(name, ed_key(f"{story.log_keys} {name}")) for name in ("root", "records", "fleet/0")}
    records, fleet, files = logs["records"], logs["fleet/0"], dict[str, bytes]()
    for n in range(5):  # strangers' entries around ours
        records.append("record.event", sha(b"stranger %d" % n)[:16].hex(), b"not ours")
        fleet.append("device.gap", sha(b"pump %d" % n)[:16].hex(), b"not ours")
    if story.devices:
        write_device(story, records, fleet, files)
    write_record(story, records, files)
    ours = {SUBJECT: "records", INGRID.pseudonym: "records"}
    if story.devices:
        ours |= {REFERENCES: "records", BUILD: "records", Device("T4-0311-88207").subject: "fleet/0"}
    ranges, kept = [], list[tuple[Log, int]]()
    for subject, name in ours.items():
        chain = [
            (i, json.loads(raw))
            for i, raw in enumerate(logs[name].entries)
            if json.loads(raw)["subj"] == subject
        ]
        if story.hide_last and subject == SUBJECT:
            chain = chain[:-1]
        if not chain:
            continue
        head = sha(b"\0" + logs[name].entries[chain[-1][0]]).hex()
        ranges.append({"first": 0, "last": len(chain) - 1, "head": head, "log": name, "subject": subject})
        if story.drop_last and subject == SUBJECT:
            chain = chain[:-1]
        kept += [(logs[name], index) for index, _ in chain]
    for log, index in kept:
        files[f"leaves/{log.name}/{index}.json"] = log.entries[index]
        files[f"evidence/{log.name}/{index}.bin"] = log.payloads[index]
    facts = {"number": "CMP-2026-0001", "process": "complaint", "state": "closed", "subject": SUBJECT}
    files["contents.json"] = canonical(
        {"format": "vouchsafe-bundle/1", "title": "Bolus delivered during line change", **facts}
    )
    files["index.html"] = b"<!doctype html><title>CMP-2026-0001</title>"
    files["README.txt"] = b"How to verify.\n"
    story.files(files)
    sums = "".join(f"{sha(files[name]).hex()}  {name}\n" for name in sorted(files)).encode()
    files["SHA256SUMS"] = sums
    announced = {
        "manifest": sha(sums).hex(),
        "subject": SUBJECT,
        "ranges": ranges,
        "v": 1,
        "kind": "bundle.exported",
    }
    announced |= {
        "seq": records.heads[SUBJECT][0] + 1,
        "number": "CMP-2026-0001",
        "version": 2,
        "by": "",
        **story.body_extra,
    }
    announced["sha256"] = sha(files.get("record/versions/2.json", b"")).hex()
    story.announce(announced)
    index = records.append("bundle.export", SUBJECT, canonical(announced))
    seal_logs(story, logs, files, [*kept, (records, index)])
    files["export/leaf.json"] = records.entries[index]
    files["export/payload.bin"] = records.payloads[index]
    files["export/leaf.tlog-proof"] = files.pop(f"proofs/records/{index}.tlog-proof")
    story.late_files(files)
    return listed(files)


def seal_logs(
    story: Story, logs: dict[str, Log], files: dict[str, bytes], kept: list[tuple[Log, int]]
) -> None:
    """Checkpoints of the shards, their entries in the root log, and all proofs."""
    root, where = logs["root"], {}
    for name in ("records", "fleet/0"):
        log = logs[name]
        facts = {"origin": log.origin, "size": len(log.entries), "root": tree_hash(log.entries).hex()}
        where[name] = root.append(
            "shard.checkpoint", sha(log.origin.encode())[:16].hex(), log.note(), **facts
        )
    more = (
        [cosignature_line("w1.example", ed_key("w1"), root.body(), story.witness_time)]
        if story.witness
        else []
    )
    for log, index in kept:
        files[f"proofs/{log.name}/{index}.tlog-proof"] = log.proof(index, log.note())
        base = f"root/{log.name}/{len(log.entries)}"
        files[f"{base}.json"] = root.entries[where[log.name]]
        files[f"{base}.tlog-proof"] = root.proof(where[log.name], root.note(*more))


def listed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files in their order, bundle.json first."""
    rows = [{"path": n, "sha256": sha(files[n]).hex(), "size": len(files[n])} for n in sorted(files)]
    return {"bundle.json": canonical({"files": rows, "format": "vouchsafe-bundle/1"})} | dict(
        sorted(files.items())
    )


def pack(files: dict[str, bytes]) -> bytes:
    """The zip, by the standard library's writer."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, body in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, body)
    return out.getvalue()


def places(files: dict[str, bytes]) -> list[tuple[int, str]]:
    """What begins at which byte of `pack(files)`, by the sizes of APPNOTE 4.3."""
    out, at = [], 0
    for name, body in files.items():
        out += [(at, f"local header of {name}"), (at + 30 + len(name), name)]
        at += 30 + len(name) + len(body)
    for name in files:
        out.append((at, f"central directory entry of {name}"))
        at += 46 + len(name)
    return [*out, (at, "end of central directory"), (at + 22, "after the end of the archive")]


def relisted(files: dict[str, bytes]) -> bytes:
    """A zip of changed files whose bundle.json fits them again: what anyone can do without any key."""
    return pack(listed({name: body for name, body in files.items() if name != "bundle.json"}))
