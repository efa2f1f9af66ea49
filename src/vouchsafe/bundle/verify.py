"""Verify a Vouchsafe audit bundle: five properties, a verdict each, and the place where a check first fails.

    python verify.py bundle.zip --policy trust.txt [--json]

This one file is all of the verifier. It needs Python 3.11 and the package `cryptography`, no network, no
server and no other part of Vouchsafe; a copy travels in each bundle, but take yours from elsewhere. Every
rule is described in `docs/formats/bundle.md`, so that you can write another verifier and compare.

Trust comes from the policy file, which you wrote or got apart from the bundle. Nothing in the bundle is
believed because the bundle says so: a leaf counts once the log key that you named has signed a tree that
holds it.

It is longer than our other modules may be, because it has to be one file. Read it from the bottom up if you
like: `check` runs the parts in order, and each part has its section.

    V1  every leaf has its one form, and each opened payload is the one the leaf commits to
    V2  every leaf is in its log, that log's checkpoint is in the root log, both signed as the policy says
    V3  time stamps of an authority (none in bundles of version 1)
    V4  signatures of people (WebAuthn) and of devices (COSE), under keys that the log bound before
    V5  what the log says of a device's evidence is what the evidence says
    V6  no gap: sequence numbers, chain of hashes, head as announced by the export entry
    V7  time runs forward: leaves, signatures after keys, device counters

Exit: 0 everything holds (or is the operator's word where the policy allows that), 1 something fails or is not
shown, 2 the file or the policy can't be read, 70 a fault of this program.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import struct
import sys
import traceback
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

# --- Verdicts and findings ---------------------------------------------------------------------------------

HOLDS, WORD, NOT_SHOWN, FAILS = "holds", "operator's word only", "not shown", "fails"
RANK = (HOLDS, WORD, NOT_SHOWN, FAILS)
PROPERTIES = ("provenance", "integrity", "non-repudiation", "completeness", "temporal ordering")
PROVENANCE, INTEGRITY, NON_REPUDIATION, COMPLETENESS, TEMPORAL = PROPERTIES

MAX_BUNDLE_BYTES = 512 << 20
MAX_MEMBERS = 50_000
MAX_LEAF_BYTES = 4_096
MAX_PROOF_BYTES = 65_536
MAX_POLICY_BYTES = 65_536
MAX_JSON_BYTES = 64 << 20
MAX_CBOR_DEPTH = 16
MAX_FINDINGS = 100
SKEW_S = 300  # how far two honest clocks may be apart


class Unreadable(Exception):
    """No audit bundle, or no policy file: exit 2. Carries the place, what was expected and what came."""

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(f"{place}: expected {expected}, got {got}")
        self.place, self.expected, self.got = place, expected, got


class Bad(Exception):
    """One item does not verify. Caught by the part that checks this item, which then files a finding."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.reason = place, reason


@dataclass(frozen=True)
class Finding:
    """Why a property does not simply hold."""

    check: str
    property: str
    verdict: str
    place: str
    reason: str


@dataclass
class Report:
    """What was checked, and what was found wrong, in the order of the checks."""

    findings: list[Finding] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)

    def count(self, check: str) -> None:
        """One more item went through `check`, whatever came of it."""
        self.checked[check] = self.checked.get(check, 0) + 1

    def file(self, check: str, prop: str, verdict: str, at: Bad) -> None:
        """Keep a finding."""
        self.findings.append(Finding(check, prop, verdict, at.place, at.reason))

    def verdict(self, prop: str) -> tuple[str, Finding | None]:
        """The worst verdict found for `prop`, with the first finding that led to it."""
        mine = [f for f in self.findings if f.property == prop]
        worst = max((f.verdict for f in mine), key=RANK.index, default=HOLDS)
        return worst, next((f for f in mine if f.verdict == worst), None)


# --- Small encodings: base64, hex, JSON --------------------------------------------------------------------


def b64(text: str, place: str) -> bytes:
    """Standard base64, in its one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Bad(place, "not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Bad(place, "base64 with stray bits")
    return raw


def b64url(text: object, place: str) -> bytes:
    """Unpadded URL-safe base64, as WebAuthn writes it."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise Bad(place, "not base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Bad(place, "not base64url") from None


def unhex(text: object, size: int, place: str) -> bytes:
    """Exactly `size` bytes in lower-case hex."""
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", text):
        raise Bad(place, f"not {2 * size} lower-case hex digits")
    return bytes.fromhex(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key occurs twice")
    return out


def _sorted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key.encode("utf-16-be") for key, _ in pairs]  # RFC 8785 3.2.3: order of UTF-16 code units
    if keys != sorted(keys):
        raise ValueError("keys are not in order")
    return _once(pairs)


def _refuse_number(text: str) -> Any:
    raise ValueError(f"{text[:20]} is no integer")


def read_json(data: bytes, place: str, *, canonical: bool = True) -> Any:
    """Parse JSON with unique keys and without floats; if `canonical`, only in the one form (RFC 8785)."""
    if len(data) > MAX_JSON_BYTES:
        raise Bad(place, f"{len(data)} bytes of JSON, more than {MAX_JSON_BYTES}")
    refuse, pairs = (_refuse_number, _sorted) if canonical else (None, _once)
    try:
        value = json.loads(data.decode(), object_pairs_hook=pairs, parse_float=refuse, parse_constant=refuse)
        again = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() if canonical else data
    except (ValueError, RecursionError) as error:  # UnicodeError is a ValueError
        raise Bad(place, f"not JSON: {error}") from None
    if canonical and again != data:
        raise Bad(place, f"not canonical JSON: differs at byte {first_difference(again, data)}")
    return value


def first_difference(a: bytes, b: bytes) -> int:
    """Index of the first byte in which two different strings differ."""
    low, high = 0, min(len(a), len(b))
    while low < high:  # bisection over equal prefixes: comparing slices is quick, a loop over bytes is not
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle - 1)
    return low


def entry(value: object, key: str, kind: type, place: str) -> Any:
    """`value[key]`, which must be exactly a `kind` (a bool is not an int)."""
    if not isinstance(value, dict):
        raise Bad(place, "not a JSON object")
    if key not in value:
        raise Bad(place, f"has no “{key}”")
    if type(value[key]) is not kind:
        raise Bad(f"{place} {key}", f"expected {kind.__name__}, got {type(value[key]).__name__}")
    return value[key]


# --- The container: one zip, stored, whose every byte follows from names and contents ----------------------

LOCAL = struct.Struct("<4s5H3L2H")  # APPNOTE 4.3.7
CENTRAL = struct.Struct("<4s6H3L5H2L")  # APPNOTE 4.3.12
END = struct.Struct("<4s4H2LH")  # APPNOTE 4.3.16
MADE_BY, FILE_MODE = 0x0314, 0o100644 << 16  # version 2.0, Unix; a file that all may read
DOS_DATE = 0x21  # 1 January 1980; time 0
NAME = re.compile(
    r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*"
)  # so no "..", no "/x", no "a//b"


@dataclass
class Container:
    """The members in file order, and for each the CRC-32 that its local header states."""

    members: dict[str, bytes]
    crc: dict[str, int]
    data: bytes


def read_container(data: bytes) -> Container:
    """Walk the local headers from byte 0. The rest of the zip's fields is judged by `container_fault`."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise Unreadable("bundle", f"at most {MAX_BUNDLE_BYTES} bytes", f"{len(data)}")
    members: dict[str, bytes] = {}
    crcs: dict[str, int] = {}
    at = 0
    while data[at : at + 4] == b"PK\x03\x04":
        if at + LOCAL.size > len(data):
            raise Unreadable(f"byte {at}", "a whole local header", "the end of the file")
        _, _, _, method, _, _, crc, packed, size, name_length, extra = LOCAL.unpack_from(data, at)
        begin = at + LOCAL.size
        name = data[begin : begin + name_length].decode("latin-1")
        if not NAME.fullmatch(name) or len(name) > 200:
            raise Unreadable(f"byte {begin}", "a plain relative file name", repr(name[:80]))
        if name in members:
            raise Unreadable(f"byte {at}", "each name once", f"{name} a second time")
        if method == 8 or packed != size:
            raise Unreadable(f"byte {at}, {name}", "a stored member", f"compression method {method}")
        begin += name_length + extra
        if begin + size > len(data):
            raise Unreadable(f"byte {begin}, {name}", f"{size} bytes", f"{len(data) - begin}")
        if len(members) >= MAX_MEMBERS:
            raise Unreadable(f"byte {at}", f"at most {MAX_MEMBERS} files", "more")
        members[name], crcs[name] = data[begin : begin + size], crc
        at = begin + size
    if not members:
        raise Unreadable("byte 0", "a zip archive", repr(data[:4]))
    if data[at : at + 4] != b"PK\x01\x02":
        raise Unreadable(f"byte {at}", "a local header or the central directory", repr(data[at : at + 4]))
    return Container(members, crcs, data)


def pack_container(members: dict[str, bytes]) -> tuple[bytes, list[tuple[int, str]]]:
    """The only zip that holds these members in this order, and a map (first byte, what begins there)."""
    parts: list[bytes] = []
    places: list[tuple[int, str]] = []
    central: list[tuple[str, bytes]] = []
    at = 0

    def put(part: bytes, what: str) -> None:
        nonlocal at
        parts.append(part)
        places.append((at, what))
        at += len(part)

    for name, body in members.items():
        raw, crc, size = name.encode(), zlib.crc32(body), len(body)
        head = (MADE_BY, 20, 0, 0, 0, DOS_DATE, crc, size, size, len(raw), 0, 0, 0, 0, FILE_MODE, at)
        central.append((name, CENTRAL.pack(b"PK\x01\x02", *head) + raw))
        local = LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, DOS_DATE, crc, size, size, len(raw), 0)
        put(local + raw, f"local header of {name}")
        put(body, name)
    start = at
    for name, line in central:
        put(line, f"central directory entry of {name}")
    put(
        END.pack(b"PK\x05\x06", 0, 0, len(central), len(central), at - start, start, 0),
        "end of central directory",
    )
    places.append((at, "after the end of the archive"))
    return b"".join(parts), places


def container_fault(box: Container) -> Bad | None:
    """Where the archive differs from the only one that holds its members; None if nowhere."""
    only, places = pack_container(box.members)
    if only == box.data:
        return None
    at = first_difference(only, box.data)
    begin, what = max(p for p in places if p[0] <= at)
    return Bad(f"byte {at}, {what}", f"byte {at - begin} of this part is not the one that a bundle has")


# --- The policy file (C2SP tlog-policy), which is the only source of trust ---------------------------------


@dataclass(frozen=True)
class Key:
    """A verifier key: its name, type (1 Ed25519, 2 P-256, 4 Ed25519 cosignature) and public bytes (2: DER
    SPKI).
    """

    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that a signature line carries (C2SP signed-note)."""
        named = (
            self.public if self.type == 2 else self.name.encode() + b"\n" + bytes([self.type]) + self.public
        )
        return hashlib.sha256(named).digest()[:4]


@dataclass
class Policy:
    """Whom the reader trusts, and where the operator's word is enough for them."""

    logs: list[Key] = field(default_factory=list)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = "none"
    allowed: set[str] = field(default_factory=set)
    stations: list[Key] = field(default_factory=list)
    releasers: list[Key] = field(default_factory=list)
    rp_ids: set[str] = field(default_factory=set)

    @property
    def witnessed(self) -> bool:
        """Somebody beside the operator must have seen the root checkpoint."""
        return self.quorum != "none"

    def met(self, name: str, seen: set[str]) -> bool:
        """Do the witnesses `seen` satisfy the witness or group `name`?"""
        if name == "none":
            return True
        if name in self.witnesses:
            return name in seen
        least, members = self.groups[name]
        return sum(self.met(member, seen) for member in members) >= least


def read_vkey(text: str, place: str) -> Key:
    """`<name>+<8 hex>+<base64(type || public key)>`; split at the first two "+", as base64 has its own."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not parts[0]:
        raise Unreadable(place, "a verifier key name+hash+base64", repr(text[:80]))
    try:
        raw = b64(parts[2], place)
    except Bad as bad:
        raise Unreadable(place, "base64 in the verifier key", bad.reason) from None
    if (raw[:1], len(raw)) not in ((b"\x01", 33), (b"\x02", 92), (b"\x04", 33)):
        raise Unreadable(place, "an Ed25519 key (type 1 or 4) or P-256 key (type 2)", f"type {raw[:1].hex()}")
    key = Key(parts[0], raw[0], raw[1:])
    if key.id.hex() != parts[1]:
        raise Unreadable(place, f"key hash {key.id.hex()}", parts[1][:20])
    return key


def read_policy(data: bytes) -> Policy:
    """Parse a policy file. Our own lines are comments to other tools: `# vouchsafe: allow operators-word
    <property>`, `# vouchsafe: station <vkey>` (may enrol devices), `# vouchsafe: release <vkey>` (may sign
    builds' SBOMs) and `# vouchsafe: rp <id>` (whose passkeys count). Without a line of a kind, that
    question is the operator's word.
    """
    if len(data) > MAX_POLICY_BYTES:
        raise Unreadable("policy", f"at most {MAX_POLICY_BYTES} bytes", str(len(data)))
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"policy byte {error.start}", "UTF-8", repr(data[error.start : error.start + 4])
        ) from None
    policy, members, quorums = Policy(), set[str](), 0
    for number, line in enumerate(lines, 1):
        place, words = f"policy line {number}", line.split()
        if words[:2] == ["#", "vouchsafe:"]:
            _own_line(policy, words[2:], place)
        elif not words or words[0].startswith("#"):
            continue
        elif words[0] == "quorum" and len(words) == 2:
            quorums, policy.quorum = quorums + 1, words[1]
            if words[1] != "none" and words[1] not in policy.witnesses | policy.groups:
                raise Unreadable(place, "a name defined above, or none", words[1])
        else:
            _trust_line(policy, members, words, place)
    if quorums != 1:
        raise Unreadable("policy", "exactly one quorum line", str(quorums))
    if not policy.logs:
        raise Unreadable("policy", "at least one log line", "none")
    return policy


def _own_line(policy: Policy, words: list[str], place: str) -> None:
    name = " ".join(words[2:]).replace("temporal-ordering", TEMPORAL)
    match words:
        case ["allow", "operators-word", *_] if name in PROPERTIES:
            policy.allowed.add(name)
        case ["station", vkey]:
            policy.stations.append(read_vkey(vkey, place))
        case ["release", vkey]:
            policy.releasers.append(read_vkey(vkey, place))
        case ["rp", name]:
            policy.rp_ids.add(name)
        case _:
            told = "allow operators-word <property>, station <vkey>, release <vkey> or rp <id>"
            raise Unreadable(place, told, " ".join(words)[:80])


def _trust_line(policy: Policy, members: set[str], words: list[str], place: str) -> None:
    known = policy.witnesses | policy.groups
    match words:
        case ["log", vkey] | ["log", vkey, _]:
            key = read_vkey(vkey, place)
            if key in policy.logs or key.type != 1:
                raise Unreadable(place, "another log key of type 1", vkey[:80])
            policy.logs.append(key)
        case ["witness", name, vkey] | ["witness", name, vkey, _]:
            key = read_vkey(vkey, place)
            taken = name in known or name == "none"
            if taken or key.type != 4 or key.public in {k.public for k in policy.witnesses.values()}:
                raise Unreadable(place, "a new witness name with a new key of type 4", " ".join(words)[:80])
            policy.witnesses[name] = key
        case ["group", name, least, *names] if names and len(policy.groups) < 100:
            if name in known or name == "none" or len(set(names)) != len(names):
                raise Unreadable(place, "a new group of different names", " ".join(words)[:80])
            if any(n not in known or n in members for n in names):
                raise Unreadable(place, "members defined above and in no other group", " ".join(names)[:80])
            k = {"any": 1, "all": len(names)}.get(least) or (
                int(least) if re.fullmatch("[1-9][0-9]{0,3}", least) else 0
            )
            if not 1 <= k <= len(names):
                raise Unreadable(place, f"any, all or 1 to {len(names)}", least[:20])
            members.update(names)
            policy.groups[name] = (k, tuple(names))
        case _:
            raise Unreadable(place, "log, witness, group or quorum", " ".join(words)[:80])


# --- Ed25519, as strict as it can be -----------------------------------------------------------------------

P25519 = 2**255 - 19
_ORDER_8 = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
_LOW_Y = {int.from_bytes(bytes.fromhex(h), "little") for h in _ORDER_8} | {
    0,
    1,
    P25519 - 1,
    P25519,
    P25519 + 1,
}


def _y(point: bytes) -> int:
    return int.from_bytes(point, "little") & (2**255 - 1)


def ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """RFC 8032, and on top: no low-order A or R (all 14 encodings), no A that is not written in its one form.

    Without these, a key could be chosen under which a signature fits more than one message, and two libraries
    could disagree about it.
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    if _y(public) in _LOW_Y or _y(signature[:32]) in _LOW_Y or _y(public) >= P25519:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


# --- Merkle trees (RFC 9162 2.1), signed notes, tlog-proof files -------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """RFC 9162 2.1.1."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def included(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    """RFC 9162 2.1.3.2."""
    if not 0 <= index < size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = _node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = _node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(first: int, second: int, old: bytes, new: bytes, path: list[bytes]) -> bool:
    """RFC 9162 2.1.4.2; a tree of size 0 is a prefix of every tree."""
    if first == second:
        return not path and old == new
    if first <= 0 or first > second:
        return first == 0 and not path
    nodes = ([old] if first & (first - 1) == 0 else []) + path
    if not nodes:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = nodes[0]
    for c in nodes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _node(c, fr), _node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old and sr == new


@dataclass(frozen=True)
class Note:
    """A signed note, taken apart but not yet believed: its text, and (name, key id, signature) a line."""

    text: str
    lines: tuple[tuple[str, bytes, bytes], ...]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that a trusted key has signed. `times` are the cosigners', in seconds."""

    origin: str
    size: int
    root: bytes
    times: tuple[int, ...]


def read_note(data: bytes, place: str) -> Note:
    """C2SP signed-note: the text and its signatures are split at the last blank line."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Bad(place, "not UTF-8") from None
    body, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or any(ord(c) < 0x20 and c != "\n" for c in text):
        raise Bad(place, "not a signed note")
    lines = []
    for number, line in enumerate(tail[:-1].split("\n"), 1):
        part = line.split(" ")
        if len(part) != 3 or part[0] != "—" or not part[1] or "+" in part[1]:
            raise Bad(f"{place} signature line {number}", "not “— name base64”")
        raw = b64(part[2], f"{place} signature line {number}")
        if len(raw) < 5:
            raise Bad(f"{place} signature line {number}", "too short")
        lines.append((part[1], raw[:4], raw[4:]))
    if len(lines) > 64:
        raise Bad(place, f"{len(lines)} signature lines, more than 64")
    return Note(body + "\n", tuple(lines))


def trust_checkpoint(note: Note, policy: Policy, place: str, *, quorum: bool) -> Checkpoint:
    """Believe a checkpoint: signed by a log key of the policy whose name is the origin, and by its quorum if
    asked.
    """
    origin = note.text.split("\n", 1)[0]
    keys = {(k.name, k.id): k for k in [*policy.logs, *policy.witnesses.values()]}
    signed, seen, times = False, set[str](), []
    for name, key_id, signature in note.lines:
        key = keys.get((name, key_id))
        if key is None:
            continue  # C2SP signed-note: signatures of unknown keys MUST be ignored
        message, when = note.text.encode(), None
        if key.type == 4:  # C2SP tlog-cosignature
            when = int.from_bytes(signature[:8], "big")
            message, signature = f"cosignature/v1\ntime {when}\n".encode() + message, signature[8:]
        if not ed25519(key.public, signature, message):
            raise Bad(place, f"the signature of {name} does not fit (key {key_id.hex()})")
        if when is None:
            signed = signed or key.name == origin
        else:
            seen |= {n for n, k in policy.witnesses.items() if k == key}
            times.append(when)
    if not signed:
        raise Bad(place, f"no log key of the policy has signed this checkpoint of {origin[:80]}")
    if quorum and not policy.met(policy.quorum, seen):
        raise Bad(place, f"the quorum “{policy.quorum}” is not met: {len(seen)} known witnesses signed")
    lines = note.text.split("\n")
    if len(lines) != 4 or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):  # C2SP tlog-checkpoint
        raise Bad(place, "not a checkpoint of origin, size and root")
    root = b64(lines[2], f"{place} root")
    if len(root) != 32:
        raise Bad(place, f"a root of {len(root)} bytes")
    return Checkpoint(origin, int(lines[1]), root, tuple(times))


@dataclass(frozen=True)
class Proof:
    """A tlog-proof file: where the leaf stands, the way to the root, and the checkpoint note."""

    index: int
    path: list[bytes]
    note: Note


def read_proof(data: bytes, place: str) -> Proof:
    """C2SP tlog-proof: split at the first blank line."""
    head, blank, tail = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Bad(place, "not a tlog-proof file") from None
    if not blank or len(data) > MAX_PROOF_BYTES or lines[0] != "c2sp.org/tlog-proof@v1":
        raise Bad(place, "not a tlog-proof file")
    lines = lines[1:]
    if lines and lines[0].startswith("extra "):
        b64(lines[0][6:], f"{place} extra")
        lines = lines[1:]
    if not lines or not re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines[0]):
        raise Bad(place, "has no index line")
    path = [b64(line, f"{place} line {n}") for n, line in enumerate(lines[1:], 3)]
    if len(path) > 63 or any(len(p) != 32 for p in path):
        raise Bad(place, "its hashes are not at most 63 times 32 bytes")
    return Proof(int(lines[0][6:]), path, read_note(tail, place))


# --- CBOR (RFC 8949 4.2.1, deterministic only), COSE keys and signatures -----------------------------------


@dataclass(frozen=True)
class Tag:
    """A tagged CBOR value."""

    number: int
    value: Any


class _Cbor:
    """A reader that takes the one deterministic encoding alone: no floats, no indefinite lengths."""

    def __init__(self, data: bytes, place: str) -> None:
        self.data, self.place, self.at = data, place, 0

    def bad(self, reason: str) -> Bad:
        return Bad(f"{self.place} byte {self.at}", reason)

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise self.bad("CBOR ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self) -> tuple[int, int]:
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info > 27 or major == 7:
            raise self.bad("a CBOR form that is not allowed here")
        size = 1 << (info - 24)
        number = int.from_bytes(self.take(size), "big")
        if number < (24 if size == 1 else 1 << (4 * size)):
            raise self.bad("a CBOR number that is longer than it need be")
        return major, number

    def value(self, depth: int = 0) -> Any:
        if depth > MAX_CBOR_DEPTH:
            raise self.bad(f"CBOR nested deeper than {MAX_CBOR_DEPTH}")
        major, number = self.head()
        match major:
            case 0:
                return number
            case 1:
                return -1 - number
            case 2:
                return self.take(number)
            case 3:
                try:
                    return self.take(number).decode()
                except UnicodeDecodeError:
                    raise self.bad("text that is not UTF-8") from None
            case 4 | 5 if number > len(self.data) - self.at:
                raise self.bad("CBOR ends too early")
            case 4:
                return [self.value(depth + 1) for _ in range(number)]
            case 5:
                return self.map(number, depth)
            case 6:
                return Tag(number, self.value(depth + 1))
        if number not in (20, 21, 22):
            raise self.bad("a CBOR simple value that is not false, true or null")
        return {20: False, 21: True, 22: None}[number]

    def map(self, count: int, depth: int) -> dict[Any, Any]:
        out: dict[Any, Any] = {}
        last = b""
        for _ in range(count):
            begin = self.at
            key = self.value(depth + 1)
            raw = self.data[begin : self.at]
            if not isinstance(key, int | str | bytes) or isinstance(key, bool):
                raise self.bad("a map key that is not a number, text or bytes")
            if raw <= last:
                raise self.bad("map keys that are not in order, or twice")
            last, out[key] = raw, self.value(depth + 1)
        return out


def read_cbor(data: bytes, place: str) -> Any:
    """Parse exactly one CBOR item."""
    reader = _Cbor(data, place)
    value = reader.value()
    if reader.at != len(data):
        raise reader.bad("bytes after the CBOR item")
    return value


def write_cbor_bytes(data: bytes) -> bytes:
    """A byte string, for the Sig_structure."""
    size = len(data)
    if size < 24:
        return bytes([0x40 | size]) + data
    info = 0 if size < 1 << 8 else 1 if size < 1 << 16 else 2
    return bytes([0x58 + info]) + size.to_bytes(1 << info, "big") + data


def cose_fits(key: dict[Any, Any], signature: bytes, message: bytes, place: str) -> bool:
    """Verify under a COSE_Key (RFC 9052 7) as authenticators give it: Ed25519, P-256 or RSA with SHA-256."""
    match key:
        case {1: 1, 3: -8 | -19, -1: 6, -2: bytes(x)}:
            return ed25519(x, signature, message)
        case {1: 2, 3: -7 | -9, -1: 1, -2: bytes(x), -3: bytes(y)} if len(x) == len(y) == 32:
            return p256(b"\x04" + x + y, signature, message)
        case {1: 3, 3: -257, -1: bytes(n), -2: bytes(e)} if 256 <= len(n) <= 1024 and len(e) <= 4:
            try:
                public = rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key()
                public.verify(signature, message, padding.PKCS1v15(), SHA256())
            except (InvalidSignature, ValueError):
                return False
            return True
    raise Bad(place, "a key of a kind that this verifier does not know")


def p256(point: bytes, signature: bytes, message: bytes) -> bool:
    """ECDSA on P-256 with SHA-256; the signature is DER. A point off the curve fits nothing."""
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        public.verify(signature, message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True)
class Signed1:
    """A COSE_Sign1 message (RFC 9052 4.2) of our profile, taken apart but not yet believed."""

    alg: int
    kid: bytes
    payload: bytes
    signature: bytes
    message: bytes


def read_sign1(data: bytes, place: str) -> Signed1:
    """Tag 18, algorithm and key id in the protected header, payload inside."""
    match read_cbor(data, place):
        case Tag(18, [bytes(protected), dict(), bytes(payload), bytes(signature)]):
            pass
        case _:
            raise Bad(place, "not a tagged COSE_Sign1 with its payload")
    match read_cbor(protected, f"{place} protected header"):
        case {1: int(alg), 4: bytes(kid)}:
            pass
        case _:
            raise Bad(f"{place} protected header", "has no algorithm (1) and key id (4)")
    message = b"\x84\x6aSignature1" + write_cbor_bytes(protected) + b"\x40" + write_cbor_bytes(payload)
    return Signed1(alg, kid, payload, signature, message)


ALGORITHMS = {-19: "ed25519", -8: "ed25519", -9: "p256", -7: "p256"}  # RFC 9864, RFC 9053


def fits(alg: str, public: bytes, signature: bytes, message: bytes) -> bool:
    """A signature under a raw public key, whose algorithm is the key's own. ECDSA: r || s (RFC 9053 2.1), or
    DER.
    """
    if alg == "ed25519":
        return ed25519(public, signature, message)
    if len(signature) == 64:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        signature = encode_dss_signature(r, s)
    return p256(public, signature, message)


# --- Leaves, and what anchors them -------------------------------------------------------------------------

LEAF_KEYS = {"at", "by", "commit", "facts", "kind", "prev", "seq", "subj", "v"}
LEAF_PATH = re.compile(r"leaves/(?P<log>[a-z0-9]+(?:/[0-9]+)?)/(?P<index>0|[1-9][0-9]{0,15})\.json")
SHARD_LOG = re.compile(r"[a-z0-9]+(/[0-9]+)?(\.g[0-9]+)?")
MAX_INTEGER = 2**53 - 1


@dataclass
class Leaf:
    """One entry of a log. `anchored` once V1 and V2 hold for it; nothing else is built upon."""

    place: str
    log: str
    index: int
    raw: bytes
    data: dict[str, Any]
    payload: bytes | None = None
    anchored: bool = False

    @property
    def hash(self) -> str:
        return leaf_hash(self.raw).hex()

    @property
    def kind(self) -> str:
        return str(self.data["kind"])

    @property
    def seq(self) -> int:
        return int(self.data["seq"])

    @property
    def at(self) -> int:
        return int(self.data["at"])


def _plain(value: Any, place: str, depth: int = 0) -> None:
    """The values that a leaf may hold: no null, no float, integers that every JSON reader keeps, printable
    ASCII.
    """
    match value:
        case bool():
            return
        case int() if abs(value) <= MAX_INTEGER:
            return
        case str() if all(" " <= c <= "~" for c in value):
            return
        case list() if depth < 8:
            for item in value:
                _plain(item, place, depth + 1)
        case dict() if depth < 8:
            for key, item in value.items():
                if not re.fullmatch("[a-z][a-z0-9_]*", key):
                    raise Bad(place, f"a key {key[:40]!r}")
                _plain(item, place, depth + 1)
        case _:
            raise Bad(place, f"a value that no leaf holds: {str(value)[:40]!r}")


def read_leaf(raw: bytes, place: str) -> dict[str, Any]:
    """A leaf in its one form: nine keys, exact types, and the bytes that they encode to."""
    if len(raw) > MAX_LEAF_BYTES:
        raise Bad(place, f"{len(raw)} bytes, more than {MAX_LEAF_BYTES}")
    data = read_json(raw, place)
    if not isinstance(data, dict) or set(data) != LEAF_KEYS:
        raise Bad(place, "does not have the nine keys of a leaf")
    _plain(data, place)
    if entry(data, "v", int, place) != 1:
        raise Bad(f"{place} v", "expected 1")
    if entry(data, "seq", int, place) < 0 or entry(data, "at", int, place) < 0:
        raise Bad(place, "a negative seq or at")
    if not re.fullmatch(
        r"u:[0-9a-f]{32}|k:[0-9a-f]{16}|s:[a-z][a-z0-9._-]{0,63}", entry(data, "by", str, place)
    ):
        raise Bad(f"{place} by", "expected u:, k: or s: and a pseudonym")
    if not re.fullmatch(r"[a-z]+(\.[a-z]+)*", entry(data, "kind", str, place)):
        raise Bad(f"{place} kind", "not a kind")
    unhex(data["commit"], 32, f"{place} commit")
    unhex(data["prev"], 32, f"{place} prev")
    unhex(data["subj"], 16, f"{place} subj")
    pix = entry(entry(data, "facts", dict, place), "pix", int, f"{place} facts")
    first = data["seq"] == 0
    if pix < -1 or first != (data["prev"] == "0" * 64) or (first and pix != -1):
        raise Bad(f"{place} prev", "expected zeros and pix -1 exactly where seq is 0")
    return data


# --- The bundle as one thing -------------------------------------------------------------------------------


@dataclass
class Bundle:
    """What the parts below work on: the files, what was believed so far, and where findings go."""

    files: dict[str, bytes]
    policy: Policy | None
    report: Report
    contents: dict[str, Any]
    leaves: dict[tuple[str, int], Leaf] = field(default_factory=dict)
    export: Leaf | None = None
    announced: dict[str, Any] = field(default_factory=dict)
    subjects: dict[str, list[Leaf]] = field(default_factory=dict)
    bounds: dict[tuple[str, int], Checkpoint] = field(default_factory=dict)
    references: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    checkpoints: dict[tuple[str, bool], Checkpoint] = field(default_factory=dict)
    authority: str = ""

    def of_subject(self, subject: str) -> list[Leaf]:
        """The leaves of one subject, the export entry included, in the order of their sequence numbers."""
        if not self.subjects:  # asked first when all leaves are loaded
            for leaf in sorted(self.leaves.values(), key=lambda leaf: (leaf.seq, leaf.index)):
                self.subjects.setdefault(leaf.data["subj"], []).append(leaf)
        return self.subjects.get(subject, [])

    def of_kind(self, kind: str) -> list[Leaf]:
        return sorted(
            (leaf for leaf in self.leaves.values() if leaf.kind == kind), key=lambda a: (a.log, a.index)
        )

    def file(self, path: str) -> bytes:
        """A file that another item needs."""
        if path not in self.files:
            raise Bad(path, "this file is missing")
        return self.files[path]

    def fails(self, check: str, bad: Bad, *properties: str) -> None:
        for name in properties:
            self.report.file(check, name, FAILS, bad)

    def lacks(self, check: str, bad: Bad, *properties: str) -> None:
        for name in properties:
            self.report.file(check, name, NOT_SHOWN, bad)

    def word(self, check: str, bad: Bad, *properties: str) -> None:
        for name in properties:
            self.report.file(check, name, WORD, bad)


# --- Files: every one is listed, in order, with its hash ---------------------------------------------------

AFTER_EXPORT = (
    "export/",
    "proofs/",
    "root/",
)  # made after the export entry was logged, so it can't cover them
FORMAT = "vouchsafe-bundle/1"
EXPORT_PROOF = "export/leaf.tlog-proof"


def read_listing(box: Container) -> dict[str, dict[str, Any]]:
    """bundle.json: path, size and SHA-256 of every other file, in the order of the archive."""
    if next(iter(box.members)) != "bundle.json":
        raise Unreadable("byte 30", "bundle.json as the first file", next(iter(box.members)))
    try:
        listing = read_json(box.members["bundle.json"], "bundle.json")
        if entry(listing, "format", str, "bundle.json") != FORMAT or set(listing) != {"format", "files"}:
            raise Bad("bundle.json", f"not a {FORMAT}")
        out: dict[str, dict[str, Any]] = {}
        for n, item in enumerate(entry(listing, "files", list, "bundle.json")):
            place = f"bundle.json files[{n}]"
            path = entry(item, "path", str, place)
            entry(item, "size", int, place)
            unhex(entry(item, "sha256", str, place), 32, f"{place} sha256")
            if set(item) != {"path", "sha256", "size"} or path in out:
                raise Bad(place, "has another key, or a path that came before")
            out[path] = item
    except Bad as bad:
        raise Unreadable(bad.place, "the listing of a bundle", bad.reason) from None
    return out


def check_files(box: Container, listing: dict[str, dict[str, Any]], bundle: Bundle) -> None:
    """Each byte of the archive: contents by the listing, everything else by packing the archive again."""
    for name, body in box.members.items():
        bundle.report.count("files")
        if name == "bundle.json":
            if zlib.crc32(body) != box.crc[name]:
                bundle.fails("files", Bad(name, "its bytes do not fit the archive's own CRC-32"), INTEGRITY)
        elif name not in listing:
            bundle.fails("files", Bad(name, "is not listed in bundle.json"), INTEGRITY)
        elif (got := hashlib.sha256(body).hexdigest()) != (wanted := listing[name]["sha256"]):
            bundle.fails("files", Bad(name, f"has SHA-256 {got[:16]}…, not {wanted[:16]}…"), INTEGRITY)
        elif len(body) != listing[name]["size"]:
            bundle.fails("files", Bad(name, f"has {len(body)} bytes, not {listing[name]['size']}"), INTEGRITY)
    for name in listing:
        if name not in box.members:
            bundle.fails("files", Bad(name, "is listed in bundle.json and missing"), INTEGRITY, COMPLETENESS)
    if list(box.members)[1:] != list(listing) or list(listing) != sorted(listing):
        bundle.fails(
            "files", Bad("bundle.json", "its order is not that of the archive, or not sorted"), INTEGRITY
        )
    if fault := container_fault(box):
        bundle.fails("files", fault, INTEGRITY)


def check_sums(bundle: Bundle) -> str:
    """SHA256SUMS lists every file that existed before the export was logged; its digest is what the log
    holds.
    """
    covered = sorted(
        n for n in bundle.files if n not in ("bundle.json", "SHA256SUMS") and not n.startswith(AFTER_EXPORT)
    )
    lines = [f"{hashlib.sha256(bundle.files[name]).hexdigest()}  {name}" for name in covered]
    got = bundle.files.get("SHA256SUMS", b"")
    if got != ("\n".join(lines) + "\n").encode():
        there = got.decode("utf-8", "replace").split("\n")
        number = next((n for n, line in enumerate(lines) if n >= len(there) or there[n] != line), len(lines))
        what = covered[number] if number < len(lines) else "its end"
        bundle.fails(
            "files", Bad(f"SHA256SUMS line {number + 1}", f"differs from the files, at {what}"), INTEGRITY
        )
    return hashlib.sha256(got).hexdigest()


# --- V1 and V2: leaves, payloads, proofs in two steps ------------------------------------------------------


def load_leaves(bundle: Bundle) -> None:
    """V1. A leaf that has not its one form, or whose payload is another, is kept out of everything that
    follows.
    """
    for path in sorted(bundle.files):
        if not path.startswith("leaves/"):
            continue
        bundle.report.count("V1")
        try:
            match = LEAF_PATH.fullmatch(path)
            if match is None:
                raise Bad(path, "not a place for a leaf")
            log, index = match["log"], int(match["index"])
            leaf = Leaf(path, log, index, bundle.files[path], read_leaf(bundle.files[path], path))
            open_payload(bundle, leaf, f"evidence/{log}/{index}.bin")
            bundle.leaves[log, index] = leaf
        except Bad as bad:
            bundle.fails("V1", bad, INTEGRITY)
    for path in sorted(n for n in bundle.files if n.startswith("evidence/")):
        match = LEAF_PATH.fullmatch(path.replace("evidence/", "leaves/", 1).replace(".bin", ".json"))
        if match is None or (match["log"], int(match["index"])) not in bundle.leaves:
            bundle.fails("V1", Bad(path, "opens no leaf of this bundle"), INTEGRITY)


def open_payload(bundle: Bundle, leaf: Leaf, path: str) -> None:
    """commit = SHA-256(salt || payload), and the file is exactly that, the salt being its first 32 bytes."""
    if path not in bundle.files:
        return  # what needs a payload says so itself; a lawful erasure leaves none (`check_trail`)
    body = bundle.files[path]
    if len(body) < 32:
        raise Bad(path, "shorter than a salt")
    if hashlib.sha256(body).hexdigest() != leaf.data["commit"]:
        raise Bad(path, f"is not what {leaf.place} commits to")
    leaf.payload = body[32:]


def load_export(bundle: Bundle) -> None:
    """The export entry: its leaf, payload and proof stand apart, because they cover the rest."""
    bundle.report.count("V1")
    try:
        raw = bundle.file("export/leaf.json")
        proof = read_proof(bundle.file(EXPORT_PROOF), EXPORT_PROOF)
        leaf = Leaf("export/leaf.json", "records", proof.index, raw, read_leaf(raw, "export/leaf.json"))
        open_payload(bundle, leaf, "export/payload.bin")
        if leaf.kind != "bundle.export" or leaf.payload is None:
            raise Bad(leaf.place, "is no bundle.export entry with its payload")
        bundle.announced = read_json(leaf.payload, "export/payload.bin")
        if not isinstance(bundle.announced, dict):
            raise Bad("export/payload.bin", "not a JSON object")
        bundle.export = bundle.leaves[leaf.log, leaf.index] = leaf
    except Bad as bad:
        bundle.fails("V1", bad, INTEGRITY, COMPLETENESS)


def anchor_leaves(bundle: Bundle) -> None:
    """V2 for every leaf: step 1 into its log's checkpoint, step 2 of that checkpoint into the root log."""
    if bundle.policy is None:
        bundle.lacks("V2", Bad("policy", "no policy file was given, so no key is trusted"), *PROPERTIES)
        return
    second: dict[tuple[str, int], Checkpoint | Bad] = {}  # many leaves share one second step
    for leaf in bundle.leaves.values():
        bundle.report.count("V2")
        path = f"proofs/{leaf.log}/{leaf.index}.tlog-proof" if leaf is not bundle.export else EXPORT_PROOF
        try:
            shard = _step_one(bundle, bundle.policy, leaf, path)
            where = (shard.origin, shard.size)
            if where not in second:
                second[where] = _step_two(bundle, bundle.policy, leaf, shard)
            found = second[where]
            if isinstance(found, Bad):
                raise found
            bundle.bounds[leaf.log, leaf.index] = found
            leaf.anchored = True
        except Bad as bad:
            bundle.fails("V2", bad, INTEGRITY)


def _checkpoint(bundle: Bundle, policy: Policy, note: Note, place: str, *, quorum: bool) -> Checkpoint:
    key = (repr(note), quorum)  # many proofs end in the same checkpoint
    if key not in bundle.checkpoints:
        bundle.checkpoints[key] = trust_checkpoint(note, policy, place, quorum=quorum)
    return bundle.checkpoints[key]


def _step_one(bundle: Bundle, policy: Policy, leaf: Leaf, path: str) -> Checkpoint:
    proof = read_proof(bundle.file(path), path)
    if proof.index != leaf.index:
        raise Bad(f"{path} index", f"is {proof.index}, the leaf's file says {leaf.index}")
    shard = _checkpoint(bundle, policy, proof.note, path, quorum=False)
    authority, _, log = shard.origin.partition("/")
    if log.partition(".g")[0] != leaf.log or bundle.authority not in ("", authority):
        raise Bad(path, f"is a checkpoint of {shard.origin[:80]}, not of {bundle.authority}/{leaf.log}")
    bundle.authority = authority  # one operator's logs: another's entries prove nothing here, even if trusted
    if not included(leaf.index, shard.size, leaf_hash(leaf.raw), proof.path, shard.root):
        raise Bad(path, f"does not lead from {leaf.place} to the root at size {shard.size}")
    return shard


def _step_two(bundle: Bundle, policy: Policy, leaf: Leaf, shard: Checkpoint) -> Checkpoint | Bad:
    """The root checkpoint that holds the shard's; a failure is given back, so that each of its leaves fails
    by it.
    """
    try:
        return _root_of(bundle, policy, leaf, shard)
    except Bad as bad:
        return bad


def _root_of(bundle: Bundle, policy: Policy, leaf: Leaf, shard: Checkpoint) -> Checkpoint:
    base = f"root/{leaf.log}/{shard.size}"
    raw = bundle.file(f"{base}.json")
    seal = read_leaf(raw, f"{base}.json")
    told = (seal["kind"], *(seal["facts"].get(key) for key in ("origin", "size", "root")))
    # The root's entry must be for this very checkpoint: same origin, size and root hash.
    if told != ("shard.checkpoint", shard.origin, shard.size, shard.root.hex()):
        raise Bad(f"{base}.json", f"is not the entry for {shard.origin} at size {shard.size}")
    proof = read_proof(bundle.file(f"{base}.tlog-proof"), f"{base}.tlog-proof")
    root = _checkpoint(bundle, policy, proof.note, f"{base}.tlog-proof", quorum=True)
    authority = shard.origin.partition("/")[0]
    if not re.fullmatch(re.escape(authority) + r"/root(\.g[0-9]+)?", root.origin):
        raise Bad(f"{base}.tlog-proof", f"is a checkpoint of {root.origin[:80]}, not of {authority}/root")
    if not included(proof.index, root.size, leaf_hash(raw), proof.path, root.root):
        raise Bad(f"{base}.tlog-proof", f"does not lead from {base}.json to the root at size {root.size}")
    return root


# --- V6: nothing missing, up to the head that the log itself announced -------------------------------------


def check_chains(bundle: Bundle, sums: str) -> None:
    """The export entry names each subject's range and head; the leaves of each must be just that, hand in
    hand.
    """
    export = bundle.export
    if export is None:
        bundle.lacks("V6", Bad("export/leaf.json", "without it no head is announced"), COMPLETENESS)
        return
    if not export.anchored:
        bundle.lacks("V6", Bad(export.place, "is not anchored in a log that the policy trusts"), COMPLETENESS)
    place, told = "export/payload.bin", bundle.announced
    try:
        if entry(told, "manifest", str, place) != sums:
            raise Bad("SHA256SUMS", "is not the one that the export entry in the log names")
    except Bad as bad:
        bundle.fails("V6", bad, INTEGRITY, COMPLETENESS)
    covered: set[tuple[str, int]] = {(export.log, export.index)}
    try:
        subject = entry(told, "subject", str, place)
        ranges = entry(told, "ranges", list, place)
        if bundle.contents.get("subject") != subject:
            raise Bad("contents.json subject", "is not the subject that the export entry names")
        for n, item in enumerate(ranges):
            bundle.report.count("V6")
            covered |= _range(bundle, item, f"{place} ranges[{n}]")
        own = [r for r in ranges if r["subject"] == subject and r["first"] == 0]
        if len(own) != 1:
            raise Bad(f"{place} ranges", "do not hold the record's own trail from its start, once")
        after = {"subj": subject, "prev": own[0]["head"], "seq": own[0]["last"] + 1}
        if any(export.data[key] != value for key, value in after.items()):
            raise Bad("export/leaf.json prev", "does not follow the head that it announces")
    except Bad as bad:
        bundle.fails("V6", bad, COMPLETENESS)
        return
    for leaf in (leaf for key, leaf in bundle.leaves.items() if key not in covered):
        bundle.fails("V6", Bad(leaf.place, "is in no range that the export entry announces"), COMPLETENESS)


def _range(bundle: Bundle, item: Any, place: str) -> set[tuple[str, int]]:
    """One subject's leaves from `first` to `last`: contiguous, chained by hash and by index, ending in
    `head`.
    """
    subject, log = entry(item, "subject", str, place), entry(item, "log", str, place)
    first, last = entry(item, "first", int, place), entry(item, "last", int, place)
    mine = [leaf for leaf in bundle.of_subject(subject) if leaf.log == log and leaf is not bundle.export]
    found = {leaf.seq: leaf for leaf in mine}
    if not 0 <= first <= last < first + MAX_MEMBERS:
        raise Bad(place, f"no range: {first} to {last}")
    before: Leaf | None = None
    for seq in range(first, last + 1):
        leaf = found.get(seq)
        if leaf is None:
            raise Bad(place, f"entry {seq} of {subject} is missing, announced are {first} to {last}")
        link = (leaf.data["prev"], leaf.data["facts"]["pix"])
        if before is not None and link != (before.hash, before.index):
            raise Bad(f"{leaf.place} prev", f"does not follow {before.place}")
        if not leaf.anchored:
            bad = Bad(leaf.place, "is not anchored in a log that the policy trusts")
            bundle.lacks("V6", bad, COMPLETENESS)
        before = leaf
    if before is None or before.hash != entry(item, "head", str, place):
        raise Bad(f"{place} head", f"is not the hash of entry {last}")
    return {(leaf.log, leaf.index) for leaf in found.values() if first <= leaf.seq <= last}


# --- The trail: what each entry of the record says ---------------------------------------------------------


def check_trail(bundle: Bundle) -> dict[int, dict[str, Any]]:
    """Each entry of the record's chain opens to a line of its trail, and names a version whose bytes are
    here.

    Returns the trail's lines by sequence number. Everything is done by someone: the actor's uuid inside the
    payload and the pseudonym on the leaf must be one to one.
    """
    subject = bundle.contents.get("subject")
    trail: dict[int, dict[str, Any]] = {}
    named: dict[str, str] = {}
    actors: dict[str, str] = {}
    for leaf in bundle.of_subject(str(subject)):
        bundle.report.count("V1")
        try:
            if leaf.payload is None:
                raise Bad(f"evidence/{leaf.log}/{leaf.index}.bin", f"is missing: {leaf.place} can't be read")
            line = read_json(leaf.payload, f"{leaf.place} payload")
            _trail_line(bundle, leaf, line, named, actors)
            trail[leaf.seq] = line
        except Bad as bad:
            bundle.fails("V1", bad, INTEGRITY)
    if subject is not None and not trail:
        bundle.lacks("V1", Bad("contents.json subject", "the record has no entry here"), *PROPERTIES)
    for path in sorted(n for n in bundle.files if n.startswith(("record/versions/", "files/"))):
        if path not in named:
            bundle.fails("V1", Bad(path, "is named by no entry of the trail"), INTEGRITY)
    return trail


def _trail_line(bundle: Bundle, leaf: Leaf, line: Any, named: dict[str, str], actors: dict[str, str]) -> None:
    place = f"{leaf.place} payload"
    if entry(line, "seq", int, place) != leaf.seq:
        raise Bad(f"{place} seq", f"is {line['seq']}, the leaf says {leaf.seq}")
    if entry(line, "number", str, place) != bundle.contents.get("number"):
        raise Bad(f"{place} number", f"is {line['number'][:40]}, the bundle's record is another")
    wanted = {f"record/versions/{entry(line, 'version', int, place)}.json": entry(line, "sha256", str, place)}
    if "file" in line:
        wanted[f"files/{entry(line, 'file', str, place)}"] = line["file"]
    for path, digest in wanted.items():
        got = hashlib.sha256(bundle.file(path)).hexdigest()
        if got != digest or named.setdefault(path, got) != got:
            raise Bad(path, f"is not what {leaf.place} names")
    by, pseudonym = entry(line, "by", str, place), leaf.data["by"]
    if pseudonym.startswith("u:") != bool(by) or actors.setdefault(by, pseudonym) != pseudonym:
        raise Bad(f"{leaf.place} by", "is not the pseudonym of the person in its payload")


# --- V4 for people: passkeys bound in the log, and what they signed ----------------------------------------


@dataclass(frozen=True)
class PersonKey:
    """A passkey that the log binds to a person, from one index on and maybe up to another."""

    leaf: Leaf
    id: str
    pseudonym: str
    name: str
    rp_id: str
    public: bytes
    revoked: Leaf | None


def check_people(bundle: Bundle) -> dict[str, list[PersonKey]]:
    """The passkeys of each person (by uuid), from `person.key` entries."""
    found: dict[str, list[PersonKey]] = {}
    leaves = bundle.of_kind("person.key")
    for leaf in leaves:
        if leaf.data["facts"].get("revoked") is True:
            continue
        bundle.report.count("V4")
        try:
            if leaf.payload is None:
                raise Bad(f"evidence/{leaf.log}/{leaf.index}.bin", f"is missing: {leaf.place} can't be read")
            place = f"{leaf.place} payload"
            body = read_json(leaf.payload, place)
            public = entry(body, "public_key", str, place)
            raw = unhex(public, len(public) // 2, f"{place} public_key")
            digest = hashlib.sha256(raw).hexdigest()
            if leaf.data["facts"].get("key_hash") != digest:
                raise Bad(f"{leaf.place} facts key_hash", "is not that of the key in its payload")
            gone = [
                a
                for a in leaves
                if a.data["facts"].get("revoked") is True and a.data["subj"] == leaf.data["subj"]
            ]
            revoked = next(
                (a for a in gone if a.data["facts"].get("key_hash") == digest and a.index > leaf.index), None
            )
            said = [entry(body, key, str, place) for key in ("key", "subject", "name", "rp_id")]
            key = PersonKey(leaf, said[0], leaf.data["subj"], said[2], said[3], raw, revoked)
            found.setdefault(said[1], []).append(key)
        except Bad as bad:
            bundle.fails("V4", bad, PROVENANCE, NON_REPUDIATION)
    return found


def check_signatures(
    bundle: Bundle, trail: dict[int, dict[str, Any]], people: dict[str, list[PersonKey]]
) -> list[dict[str, Any]]:
    """Every `record.sign` entry of the record. A password is the operator's word; a passkey is checked."""
    out = []
    signed = [
        leaf for leaf in bundle.of_kind("record.sign") if leaf.data["subj"] == bundle.contents.get("subject")
    ]
    for leaf in signed:
        line = trail.get(leaf.seq)
        if line is None:
            continue  # its payload failed in V1, and says so
        bundle.report.count("V4")
        base, verdict = f"signatures/{leaf.seq}", HOLDS
        try:
            statement = _statement(bundle, leaf, line, base)
            if f"{base}/client-data.json" not in bundle.files and line.get("ceremony") == "password":
                verdict = WORD
                bundle.word(
                    "V4",
                    Bad(base, "was signed with a password, which only the operator saw"),
                    NON_REPUDIATION,
                )
            else:
                key = _passkey(bundle, leaf, line, people, base)
                check_assertion(bundle, key, base)
                if not (leaf.anchored and key.leaf.anchored):
                    verdict = NOT_SHOWN
                    bundle.lacks(
                        "V4", Bad(base, "its entries are not anchored in a trusted log"), NON_REPUDIATION
                    )
        except Bad as bad:
            verdict, statement = FAILS, {}
            bundle.fails("V4", bad, NON_REPUDIATION)
        _signing_time(bundle, leaf, statement, base)
        out.append(
            {"name": line.get("by_name", ""), "verdict": verdict, "ceremony": line.get("ceremony", "")}
            | {k: statement.get(k, "") for k in ("meaning", "version", "at")}
        )
    strangers = {n.split("/")[1] for n in bundle.files if n.startswith("signatures/")} - {
        str(a.seq) for a in signed
    }
    for name in sorted(strangers):
        bundle.fails("V4", Bad(f"signatures/{name}", "belongs to no signature in the trail"), NON_REPUDIATION)
    if not signed:
        bundle.word(
            "V4",
            Bad("record", "nobody has signed: its acts stand on the operator's log alone"),
            NON_REPUDIATION,
        )
    return out


SIGNED = {"record": "number", "version": "version", "sha256": "sha256", "process": "process", "signer": "by"}
SIGNED |= {"step": "step", "meaning": "meaning", "reason": "reason"}


def _statement(bundle: Bundle, leaf: Leaf, line: dict[str, Any], base: str) -> dict[str, Any]:
    """What was signed: the statement names this record, this version by hash, and what this entry says."""
    place = f"{base}/statement.json"
    raw = bundle.file(place)
    statement = read_json(raw, place)
    if not isinstance(statement, dict) or set(statement) != {*SIGNED, "revision", "at"}:
        raise Bad(place, "does not have the ten fields of a statement")
    if line.get("statement") != hashlib.sha256(raw).hexdigest():
        raise Bad(place, f"is not the statement that {leaf.place} names")
    for mine, theirs in SIGNED.items():
        if statement[mine] != line.get(theirs) or type(statement[mine]) is bool:
            raise Bad(f"{place} {mine}", f"is not what {leaf.place} says")
    return statement


def _passkey(
    bundle: Bundle, leaf: Leaf, line: dict[str, Any], people: dict[str, list[PersonKey]], base: str
) -> PersonKey:
    """The key that the entry names, bound to this person in the log before, and not withdrawn by then."""
    for key in people.get(line["by"], []):
        if key.id != line.get("key"):
            continue
        if leaf.data["by"] != f"u:{key.pseudonym}":
            raise Bad(f"{leaf.place} by", f"is not the person whose key {key.leaf.place} binds")
        if key.leaf.log != leaf.log or key.leaf.index >= leaf.index:
            raise Bad(base, f"was signed before its key was bound in {key.leaf.place}")
        if key.revoked is not None and key.revoked.index < leaf.index:
            raise Bad(base, f"was signed after its key was withdrawn in {key.revoked.place}")
        return key
    raise Bad(base, "no person.key entry of this bundle binds its key to this person")


def check_assertion(bundle: Bundle, key: PersonKey, base: str) -> None:
    """WebAuthn level 2, 7.2: type, challenge, origin, relying party, presence and verification, signature."""
    statement = bundle.file(f"{base}/statement.json")
    client_raw, data = bundle.file(f"{base}/client-data.json"), bundle.file(f"{base}/authenticator-data.bin")
    place = f"{base}/client-data.json"
    client = read_json(client_raw, place, canonical=False)
    if entry(client, "type", str, place) != "webauthn.get":
        raise Bad(f"{place} type", "is not webauthn.get")
    wanted = hashlib.sha256(b"vouchsafe/signature/v1\x00" + statement).digest()
    if b64url(entry(client, "challenge", str, place), f"{place} challenge") != wanted:
        raise Bad(f"{place} challenge", f"is not the hash of {base}/statement.json")
    if client.get("crossOrigin", False) is not False:
        raise Bad(f"{place} crossOrigin", "the key was asked from inside another site")
    origin = re.fullmatch(
        r"https?://([A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?", entry(client, "origin", str, place)
    )
    host = origin[1] if origin else ""
    if host != key.rp_id and not host.endswith("." + key.rp_id):
        raise Bad(f"{place} origin", f"{host[:80]} does not belong to {key.rp_id[:80]}")
    policy = bundle.policy
    if policy is not None and policy.rp_ids and key.rp_id not in policy.rp_ids:
        raise Bad(f"{key.leaf.place} rp_id", f"{key.rp_id[:80]} is none that the policy names")
    place = f"{base}/authenticator-data.bin"
    if len(data) < 37 or data[:32] != hashlib.sha256(key.rp_id.encode()).digest():
        raise Bad(place, f"is not for {key.rp_id[:80]}")
    if data[32] & 0x05 != 0x05:
        raise Bad(f"{place} byte 32", "says that the person was not present, or not verified")
    message = data + hashlib.sha256(client_raw).digest()
    cose = read_cbor(key.public, f"{key.leaf.place} public_key")
    if not isinstance(cose, dict) or not cose_fits(cose, bundle.file(f"{base}/assertion.bin"), message, base):
        raise Bad(f"{base}/assertion.bin", f"does not fit the key in {key.leaf.place}")


def _signing_time(bundle: Bundle, leaf: Leaf, statement: dict[str, Any], base: str) -> None:
    if "at" not in statement:
        return
    bundle.report.count("V7")
    try:
        signed = read_moment(statement["at"], f"{base}/statement.json at")
        if signed > leaf.at + SKEW_S * 1000:
            raise Bad(f"{base}/statement.json at", f"is after the time of {leaf.place}")
    except Bad as bad:
        bundle.fails("V7", bad, TEMPORAL)


def read_moment(text: Any, place: str) -> int:
    """2026-06-25T08:42:00.000Z as milliseconds since the epoch."""
    try:
        if not isinstance(text, str) or not re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text, re.ASCII
        ):
            raise ValueError
        parsed = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise Bad(place, "is not a moment in UTC with milliseconds") from None
    return round(parsed.timestamp() * 1000)


# --- V4 and V5 for devices: who signed the evidence, and whether the log's verdict is what the evidence says

ENROLMENT_TYPE = "application/vnd.vouchsafe.enrolment+json"
SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
SPKI_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
NONE, AFFIRMING, WARNING, CONTRAINDICATED = 0, 2, 32, 96
TIERS = {NONE: "none", AFFIRMING: "affirming", WARNING: "warning", CONTRAINDICATED: "contraindicated"}

# (element of the AR4SI vector, value) -> the reason codes that set it. docs/formats/bundle.md says what each
# means.
VALUES = {
    (0, 1): "malformed format_not_supported profile_unknown",
    (0, 96): "key_not_valid_then replayed counter_not_advancing bootcount_went_back dlog_not_advancing "
    "dlog_inconsistent previous_differs",
    (0, 97): "key_unknown key_differs ueid_differs",
    (0, 99): "algorithm_differs signature_invalid",
    (1, 32): "configuration_not_approved configuration_not_measured",
    (2, 32): "svn_went_back svn_differs",
    (2, 33): "dlog_entries_missing dlog_entries_differ runtime_not_approved",
    (2, 96): "boot_not_authorised svn_below_minimum",
    (2, 97): "image_unknown images_ambiguous stage_unknown",
    (4, 32): "debug_enabled",
    (4, 97): "hardware_model_unknown",
    (6, 32): "assurance_below_policy",
    (7, 32): "nonce_unknown nonce_old claimed_version_differs",
}
CODES = {code: at for at, codes in VALUES.items() for code in codes.split()}
KNOWN_CODES = set(CODES) | {
    "clock_outside_bounds",
    "evidence_missing",
}  # these two change nothing in the vector
UNSIGNED = {*VALUES[0, 1].split(), *VALUES[0, 97].split(), *VALUES[0, 99].split(), "key_not_valid_then"}
BROKEN_HISTORY = set(VALUES[0, 96].split()) - {"key_not_valid_then"}
MEASURED = {code for code, (element, _) in CODES.items() if element in (1, 2, 4)} | {
    "claimed_version_differs"
}
MEASURED -= {
    "svn_went_back",
    "dlog_entries_missing",
    "dlog_entries_differ",
}  # these compare with earlier evidence


@dataclass(frozen=True)
class DeviceKey:
    """A device's key as its enrolment states it."""

    leaf: Leaf
    alg: str
    public: bytes
    key_id: bytes
    ueid: bytes
    serial: str
    udi_di: str


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope: the bytes that were signed, and the signatures."""

    type: str
    body: bytes
    signatures: list[bytes]

    def signed_by(self, alg: str, public: bytes) -> bool:
        """Does one of the signatures fit this key?"""
        kind = self.type.encode()
        message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.body), self.body)
        return any(fits(alg, public, one, message) for one in self.signatures)

    def signed_by_one_of(self, keys: list[Key], *, but: bytes = b"") -> bool:
        """Does a signature fit one of the policy's keys, which is not the key `but`?"""
        raw = [("ed25519", k.public) if k.type != 2 else read_spki(k.public, "policy") for k in keys]
        return any(public != but and self.signed_by(alg, public) for alg, public in raw)


def read_envelope(raw: bytes, place: str) -> Envelope:
    """DSSE protocol.md. The body is returned as the very bytes that were signed."""
    data = read_json(raw, place, canonical=False)
    kind, items = entry(data, "payloadType", str, place), entry(data, "signatures", list, place)
    body = _b64_any(entry(data, "payload", str, place), place)
    if not 1 <= len(items) <= 16:
        raise Bad(f"{place} signatures", f"expected 1 to 16, got {len(items)}")
    return Envelope(kind, body, [_b64_any(entry(item, "sig", str, place), place) for item in items])


def _b64_any(text: str, place: str) -> bytes:
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")  # DSSE: both alphabets
    return b64(bare + "=" * (-len(bare) % 4), place)


def read_spki(der: bytes, place: str) -> tuple[str, bytes]:
    """Algorithm and raw public key; only the two forms of our profile."""
    if len(der) == 44 and der.startswith(SPKI_ED25519):
        return "ed25519", der[12:]
    if len(der) == 91 and der.startswith(SPKI_P256):
        return "p256", der[26:]
    raise Bad(place, "not an Ed25519 or P-256 public key")


def read_enrolment(bundle: Bundle, leaf: Leaf) -> DeviceKey:
    """An enrolment: signed by a station that the policy names, and by the device, which so shows that it has
    the key.
    """
    place = f"evidence/{leaf.log}/{leaf.index}.bin"
    if leaf.payload is None:
        raise Bad(place, f"is missing: {leaf.place} can't be read")
    envelope = read_envelope(leaf.payload, place)
    statement = read_json(envelope.body, f"{place} statement")
    spki = b64(entry(statement, "spki", str, place), f"{place} spki")
    alg, public = read_spki(spki, f"{place} spki")
    identity = b64(entry(statement, "identity_spki", str, place), f"{place} identity_spki") or spki
    ueid = unhex(entry(statement, "ueid", str, place), 33, f"{place} ueid")
    if ueid != b"\x01" + hashlib.sha256(b"udi-ueid/v1" + identity).digest():
        raise Bad(f"{place} ueid", "is not that of the identity key")
    if envelope.type != ENROLMENT_TYPE or not envelope.signed_by(alg, public):
        raise Bad(place, "is not signed by the device that it enrols")
    stations = bundle.policy.stations if bundle.policy else []
    if stations and not envelope.signed_by_one_of(stations, but=public):
        raise Bad(place, "is not signed by a station that the policy names")
    if not stations:
        told = "the policy names no station: who enrolled the device is the operator's word"
        bundle.word("V4", Bad(place, told), PROVENANCE)
    serial = entry(entry(statement, "udi_pi", dict, place), "serial", str, place)
    key_id = hashlib.sha256(spki).digest()[:16]
    return DeviceKey(leaf, alg, public, key_id, ueid, serial, entry(statement, "udi_di", str, place))


@dataclass(frozen=True)
class Claims:
    """What a device said: the claims that are recomputed here. None where it said nothing."""

    ueid: bytes
    counter: int
    bootcount: int
    dlog: tuple[int, bytes]
    stages: list[tuple[bytes, int]]
    config: bytes | None
    runtime: bytes | None
    version: str | None
    hw_model: bytes | None
    debug: int | None
    oem_boot: bool | None


def _optional(claims: dict[Any, Any], key: int, kind: type, place: str) -> Any:
    if key in claims and type(claims[key]) is not kind:
        raise Bad(f"{place} claim {key}", f"expected {kind.__name__}, got {type(claims[key]).__name__}")
    return claims.get(key)


def read_claims(payload: bytes, place: str) -> Claims:
    """EAT claims (RFC 9711) of our profile; see docs/formats/eat-profile.md."""
    said = read_cbor(payload, place)
    match said:
        case {256: bytes(ueid), 267: int(boot), -75001: [int(size), bytes(root)], -75002: int(counter)}:
            pass
        case _:
            raise Bad(place, "lacks a claim of the profile")
    match said.get(273):
        case [[65001, bytes(body)]]:
            measured = read_cbor(body, f"{place} claim 273")
        case _:
            raise Bad(f"{place} claim 273", "is not one measurement of our format")
    stages: list[tuple[bytes, int]] = []
    for stage in measured.get(1) or [] if isinstance(measured, dict) else []:
        match stage:
            case [str(), bytes(digest), int(svn)]:
                stages.append((digest, svn))
            case _:
                raise Bad(f"{place} claim 273", "has a boot stage that is not name, digest, svn")
    if not stages or min(boot, size, counter) < 0:
        raise Bad(place, "has no boot chain, or a number below zero")
    config, runtime = (_optional(measured, key, bytes, f"{place} measurement") for key in (2, 3))
    version = (_optional(said, 271, list, place) or [None])[0]
    model, debug = _optional(said, 259, bytes, place), _optional(said, 263, int, place)
    oem = _optional(said, 262, bool, place)
    return Claims(ueid, counter, boot, (size, root), stages, config, runtime, version, model, debug, oem)


def tier_of(value: int) -> int:
    """AR4SI 2.3.2."""
    if -1 <= value <= 1:
        return NONE
    if 2 <= value <= 31 or -32 <= value <= -2:
        return AFFIRMING
    return WARNING if 32 <= value <= 95 or -96 <= value <= -33 else CONTRAINDICATED


def read_reference(bundle: Bundle, facts: dict[str, Any], place: str) -> dict[str, Any]:
    """The reference values that the verdict names: by the index of their entry and by their digest."""
    index, digest = (
        entry(facts, "ref_ix", int, f"{place} facts"),
        entry(facts, "ref_digest", str, f"{place} facts"),
    )
    if not digest:  # no build of this model had been released
        return {"images": [], "min_svn": 0, "stages": [], "hw_models": []}
    if (index, digest) in bundle.references:
        return bundle.references[index, digest]
    logged = [a for a in bundle.of_kind("refval.set") if a.data["facts"].get("digest") == digest]
    leaf = bundle.leaves.get(("records", index)) if index >= 0 else next(iter(logged), None)
    if leaf not in logged:  # index -1: the set was in force before its own entry was written; any entry of it
        raise Bad(f"leaves/records/{index}.json", f"is no entry for the reference values {digest[:16]}…")
    path = f"refs/{digest}.json"
    raw = bundle.file(path)
    if hashlib.sha256(raw).hexdigest() != digest:
        raise Bad(path, f"is not the set that {place} was judged by")
    found = bundle.references[index, digest] = _reference_shape(read_json(raw, path), path)
    return found


def _reference_shape(found: Any, path: str) -> dict[str, Any]:
    """Every key of a set of reference values, with its type: what follows may rely on it."""
    entry(found, "min_svn", int, path)
    for n, image in enumerate(entry(found, "images", list, path)):
        place = f"{path} images[{n}]"
        for key, kind in (("digest", str), ("build", str), ("version", str), ("svn", int)):
            entry(image, key, kind, place)
        for key in ("configs", "runtimes"):
            _texts(image, key, place)
    for key in ("stages", "hw_models"):
        _texts(found, key, path)
    return dict(found)


def _texts(value: dict[str, Any], key: str, place: str) -> None:
    if any(type(item) is not str for item in entry(value, key, list, place)):
        raise Bad(f"{place} {key}", "holds something that is not text")


def measured_codes(claims: Claims, reference: dict[str, Any]) -> tuple[set[str], dict[str, Any] | None]:
    """What the measurements say against the reference values: reason codes, and the build that was measured.

    The build is found by the digest of the image alone, never by the version that a device says.
    """
    codes: set[str] = set()
    images = {image["digest"]: image for image in reference["images"]}
    known = set(reference["stages"])
    builds = [(digest, svn, images[digest.hex()]) for digest, svn in claims.stages if digest.hex() in images]
    if not builds:
        return {"image_unknown"}, None
    if any(d.hex() not in images and d.hex() not in known for d, _ in claims.stages):
        codes.add("stage_unknown")
    if len({image["build"] for _, _, image in builds}) > 1:
        return codes | {"images_ambiguous"}, None
    _, svn, build = builds[-1]
    configs, runtimes, models = build["configs"], build["runtimes"], reference["hw_models"]
    tests = {
        "svn_below_minimum": build["svn"] < reference["min_svn"],
        "svn_differs": svn != build["svn"],
        "runtime_not_approved": bool(runtimes) and (claims.runtime or b"").hex() not in runtimes,
        "configuration_not_measured": bool(configs) and claims.config is None,
        "configuration_not_approved": bool(configs)
        and claims.config is not None
        and claims.config.hex() not in configs,
        "claimed_version_differs": claims.version is not None and claims.version != build["version"],
        "hardware_model_unknown": bool(models) and (claims.hw_model or b"").hex() not in models,
        "debug_enabled": claims.debug == 0,
        "boot_not_authorised": claims.oem_boot is False,
    }
    return codes | {code for code, holds in tests.items() if holds}, build


def expected_vector(
    why: set[str], signed: bool, build: dict[str, Any] | None, reference: dict[str, Any]
) -> list[int]:
    """The vector that these reasons give: the worst value an element, and affirming where nothing stands
    against it.
    """
    vector = [0] * 8
    for element, value in (CODES[code] for code in why if code in CODES):
        if (tier_of(value), value) > (tier_of(vector[element]), vector[element]):
            vector[element] = value
    affirmed: dict[int, int] = {}
    if signed and not why & BROKEN_HISTORY:
        affirmed[0] = 2
    if signed and build is not None:
        affirmed[2] = 2 if build["runtimes"] else 3
        affirmed |= {1: 2} if build["configs"] else {}
        affirmed |= {4: 2} if reference["hw_models"] else {}
    for element, value in affirmed.items():
        vector[element] = vector[element] or value
    return vector


def expected_tier(vector: list[int]) -> int:
    """Contraindicated beats warning beats affirming; identity and executables must both be affirmed."""
    worst = max(map(tier_of, vector))
    if worst >= WARNING:
        return worst
    return AFFIRMING if tier_of(vector[0]) == tier_of(vector[2]) == AFFIRMING else NONE


def check_builds(bundle: Bundle) -> None:
    """Each released build: its SBOM is bound to the image by a signed statement, which is the one that was
    logged.
    """
    releasers = bundle.policy.releasers if bundle.policy else []
    for leaf in bundle.of_kind("build.release"):
        bundle.report.count("V4")
        try:
            facts = leaf.data["facts"]
            path = f"refs/{entry(facts, 'statement', str, f'{leaf.place} facts')}.json"
            raw = bundle.file(path)
            if hashlib.sha256(raw).hexdigest() != facts["statement"]:
                raise Bad(path, f"is not the statement that {leaf.place} names")
            envelope = read_envelope(raw, path)
            said = read_json(envelope.body, f"{path} payload", canonical=False)
            images = [
                entry(entry(one, "digest", dict, path), "sha256", str, path)
                for one in entry(said, "subject", list, path)
            ]
            if envelope.type != "application/vnd.in-toto+json" or facts.get("image") not in images:
                raise Bad(f"{path} subject", f"is not the image of {leaf.place}")
            if releasers and not envelope.signed_by_one_of(releasers):
                raise Bad(path, "is not signed by a release key that the policy names")
            if not releasers:
                told = "the policy names no release key: who signed the SBOM is the operator's word"
                bundle.word("V4", Bad(path, told), PROVENANCE)
        except Bad as bad:
            bundle.fails("V4", bad, PROVENANCE)


@dataclass(frozen=True)
class Measured:
    """Evidence that its key signed and that the log calls part of the device's history."""

    leaf: Leaf
    key: bytes
    claims: Claims
    part: tuple[int, list[bytes]] | None
    why: set[str]


def check_devices(bundle: Bundle) -> list[dict[str, Any]]:
    """Each device of the bundle: its keys, then its evidence, then the order in which the device made it."""
    out = []
    kinds = ("device.enrol", "device.key", "device.evidence")
    for subject in sorted({leaf.data["subj"] for leaf in bundle.leaves.values() if leaf.kind in kinds}):
        keys: list[DeviceKey] = []
        proofs: list[Measured] = []
        states: list[str] = []
        chain = bundle.of_subject(subject)
        evidence = [leaf for leaf in chain if leaf.kind == "device.evidence"]
        for leaf in chain:
            if leaf.kind in ("device.enrol", "device.key"):
                bundle.report.count("V4")
                try:
                    keys.append(read_enrolment(bundle, leaf))
                except Bad as bad:
                    bundle.fails("V4", bad, PROVENANCE)
            elif leaf.kind == "device.evidence":
                proof, state = check_evidence(bundle, leaf, keys)
                proofs += [proof] if proof else []
                states += [state] if state not in states else []
        check_history(bundle, proofs)
        first, last = (show_moment(evidence[n].at) if evidence else "" for n in (0, -1))
        serial, udi_di = (keys[-1].serial, keys[-1].udi_di) if keys else ("", "")
        told = {"subject": subject, "serial": serial, "udi_di": udi_di, "evidence": len(evidence)}
        out.append({**told, "first": first, "last": last, "states": ", ".join(states)})
    return out


def show_moment(at_ms: int) -> str:
    """Milliseconds since the epoch as UTC text; plain digits where no calendar reaches."""
    if at_ms > 253_402_300_799_000:
        return str(at_ms)
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def read_item(payload: bytes, place: str) -> tuple[bytes, tuple[int, list[bytes]] | None]:
    """The evidence of a stored ingest item, and its consistency proof (from, hashes) if it has one."""
    match read_cbor(payload, place):
        case [bytes(), 1, bytes(raw), int()]:
            return raw, None
        case [bytes(), 1, bytes(raw), int(), [int(start), list(hashes), list()]] if all(
            type(h) is bytes for h in hashes
        ):
            return raw, (start, hashes)
    raise Bad(place, "is no item of evidence in format 1")


def check_evidence(bundle: Bundle, leaf: Leaf, keys: list[DeviceKey]) -> tuple[Measured | None, str]:
    """V4 signature and key, V5 the verdict again. Gives its part in the device's history, and the state in
    words.

    Evidence that the log itself calls unsigned or replayed proves nothing and breaks nothing; it is only
    required that the log calls it so.
    """
    bundle.report.count("V5")
    place, facts = f"evidence/{leaf.log}/{leaf.index}.bin", leaf.data["facts"]
    try:
        if leaf.payload is None:
            raise Bad(place, f"is missing: {leaf.place} can't be read")
        _texts(facts, "why", f"{leaf.place} facts")
        tier, why = entry(facts, "tier", int, f"{leaf.place} facts"), set(facts["why"])
        if not why <= KNOWN_CODES or tier not in TIERS:
            raise Bad(f"{leaf.place} facts", "has a reason or tier that this verifier does not know")
        if why & UNSIGNED:
            if tier == AFFIRMING:
                raise Bad(
                    f"{leaf.place} facts tier", "is affirming for evidence that the device did not sign"
                )
            return None, TIERS[tier]
        raw, part = read_item(leaf.payload, place)
        key, claims = _signed_claims(leaf, raw, keys, place)
        state = _appraise(bundle, leaf, claims, tier, why)
    except Bad as bad:
        bundle.fails("V5", bad, PROVENANCE)
        return None, "not verified"
    if why & BROKEN_HISTORY or facts.get("base") is not True:
        return None, state
    return Measured(leaf, key.key_id, claims, part, why), state


def _signed_claims(leaf: Leaf, raw: bytes, keys: list[DeviceKey], place: str) -> tuple[DeviceKey, Claims]:
    """V4: the COSE signature under a key that was enrolled before; the leaf repeats the claims rightly."""
    item = read_sign1(raw, place)
    key = next((k for k in keys if k.key_id == item.kid), None)
    if key is None:
        raise Bad(f"{place} kid", "names no key that an enrolment in this bundle binds to the device")
    if ALGORITHMS.get(item.alg) != key.alg or not fits(key.alg, key.public, item.signature, item.message):
        raise Bad(f"{place} signature", f"does not fit the key in {key.leaf.place}")
    claims = read_claims(item.payload, place)
    if claims.ueid != key.ueid:
        raise Bad(f"{place} claim 256", "names another device than the key's")
    told = (leaf.data["facts"].get("ctr"), leaf.data["facts"].get("dlog"))
    if told != (claims.counter, [claims.dlog[0], claims.dlog[1].hex()]):
        raise Bad(f"{leaf.place} facts", "does not repeat the evidence's counter and device-log head")
    return key, claims


def _appraise(bundle: Bundle, leaf: Leaf, claims: Claims, tier: int, why: set[str]) -> str:
    """V5: the measured digests against the reference values of then give the reasons, vector and tier that
    were logged.
    """
    facts = leaf.data["facts"]
    reference = read_reference(bundle, facts, leaf.place)
    codes, build = measured_codes(claims, reference)
    if codes != why & MEASURED:
        odd = ", ".join(sorted(codes ^ (why & MEASURED)))
        raise Bad(f"{leaf.place} facts why", f"differs from what the measurements say: {odd}")
    vector = expected_vector(why, True, build, reference)
    if facts.get("vec") != vector:
        raise Bad(f"{leaf.place} facts vec", f"is {facts.get('vec')}, the reasons give {vector}")
    if tier != expected_tier(vector):
        raise Bad(f"{leaf.place} facts tier", f"is {tier}, the vector gives {expected_tier(vector)}")
    return f"{TIERS[tier]} on {build['version']}" if build else f"{TIERS[tier]} on an unknown build"


def check_history(bundle: Bundle, proofs: list[Measured]) -> None:
    """In the device's own order, whatever order it arrived in. V7: each counter is used once and the boot
    count never falls. V6: the device's own log only grew, so nothing that it once attested was taken out.
    """
    for key in dict.fromkeys(p.key for p in proofs):
        mine = sorted((p for p in proofs if p.key == key), key=lambda p: (p.claims.counter, p.leaf.index))
        for before, after in pairwise(mine):
            bundle.report.count("V7")
            place, old, new = f"evidence/{after.leaf.log}/{after.leaf.index}.bin", before.claims, after.claims
            if new.counter == old.counter or new.bootcount < old.bootcount:
                told = f"counter {new.counter} in boot {new.bootcount} does not follow {before.leaf.place}"
                bundle.fails("V7", Bad(f"{place} claim -75002", told), TEMPORAL)
            elsewhere = (
                after.part is not None and after.part[0] != old.dlog[0] and new.counter != old.counter + 1
            )
            if elsewhere or "dlog_entries_missing" in after.why:
                continue  # evidence between the two is elsewhere, or the log says itself that it has a gap
            bundle.report.count("V6")
            proof = after.part[1] if after.part else []
            if not consistent(old.dlog[0], new.dlog[0], old.dlog[1], new.dlog[1], proof):
                told = f"size {new.dlog[0]} does not continue size {old.dlog[0]} of {before.leaf.place}"
                bundle.fails("V6", Bad(f"{place} device log", told), COMPLETENESS)


# --- V7: time runs forward ---------------------------------------------------------------------------------


def check_time(bundle: Bundle) -> None:
    """Within a log the server's time never falls; within a subject a later entry stands later in its log."""
    last: dict[str, Leaf] = {}
    newest: dict[tuple[str, str], Leaf] = {}
    for leaf in sorted(bundle.leaves.values(), key=lambda a: (a.log, a.index)):
        bundle.report.count("V7")
        before, older = last.get(leaf.log), newest.get((leaf.log, leaf.data["subj"]))
        if before is not None and leaf.at < before.at:
            bundle.fails("V7", Bad(f"{leaf.place} at", f"is earlier than in {before.place}"), TEMPORAL)
        if older is not None and leaf.seq <= older.seq:
            bundle.fails("V7", Bad(f"{leaf.place} seq", f"is not after that of {older.place}"), TEMPORAL)
        last[leaf.log] = newest[leaf.log, leaf.data["subj"]] = leaf
        root = bundle.bounds.get((leaf.log, leaf.index))
        if root is not None and root.times and leaf.at > (max(root.times) + SKEW_S) * 1000:
            bundle.fails("V7", Bad(f"{leaf.place} at", "is after the witnesses had seen it"), TEMPORAL)
        if not leaf.anchored:
            bundle.lacks("V7", Bad(leaf.place, "is not anchored in a log that the policy trusts"), TEMPORAL)


# --- All of it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """One property, what became of it, and the first item that led there."""

    property: str
    verdict: str
    place: str
    reason: str
    allowed: bool


@dataclass(frozen=True)
class Result:
    """What `check` found."""

    record: str
    title: str
    sha256: str
    verdicts: tuple[Verdict, ...]
    checked: dict[str, int]
    findings: tuple[Finding, ...]
    facts: dict[str, Any]

    @property
    def exit_code(self) -> int:
        return 0 if all(v.allowed for v in self.verdicts) else 1


def check(data: bytes, policy: Policy | None) -> Result:
    """Verify a bundle against the reader's policy; without one nothing is trusted, and nothing is shown.

    Raises:
        Unreadable: `data` is not an audit bundle at all.
    """
    box = read_container(data)
    listing = read_listing(box)
    report = Report()
    bundle = Bundle(box.members, policy, report, {})
    check_files(box, listing, bundle)
    sums = check_sums(bundle)
    try:
        bundle.contents = read_json(bundle.file("contents.json"), "contents.json")
        entry(bundle.contents, "subject", str, "contents.json")
    except Bad as bad:
        bundle.contents = {}
        bundle.fails("files", bad, INTEGRITY)
    load_leaves(bundle)
    load_export(bundle)
    anchor_leaves(bundle)
    check_chains(bundle, sums)
    trail = check_trail(bundle)
    people = check_people(bundle)
    facts = {"signatures": check_signatures(bundle, trail, people), "devices": check_devices(bundle)}
    check_builds(bundle)
    check_time(bundle)
    if policy is not None and not policy.witnessed:
        bundle.word(
            "V2",
            Bad("policy quorum", "no witness: order and times are those of the operator's log"),
            TEMPORAL,
        )
        bundle.word(
            "V2",
            Bad("policy quorum", "no witness: another log could have been shown to others"),
            COMPLETENESS,
        )
    verdicts = []
    for name in PROPERTIES:
        verdict, first = report.verdict(name)
        allowed = verdict == HOLDS or (verdict == WORD and policy is not None and name in policy.allowed)
        verdicts.append(
            Verdict(name, verdict, first.place if first else "", first.reason if first else "", allowed)
        )
    number, title = str(bundle.contents.get("number", "")), str(bundle.contents.get("title", ""))
    found = tuple(report.findings[:MAX_FINDINGS])
    digest = hashlib.sha256(data).hexdigest()
    return Result(number, title, digest, tuple(verdicts), dict(report.checked), found, facts)


def as_json(result: Result) -> dict[str, Any]:
    """The result as one plain object."""
    out: dict[str, Any] = {"record": result.record, "title": result.title, "bundle_sha256": result.sha256}
    out |= {"properties": [vars(v) for v in result.verdicts], "checked": result.checked}
    out |= {"findings": [vars(f) for f in result.findings], **result.facts, "exit": result.exit_code}
    return out


def plain(text: object) -> str:
    """Text from a bundle, safe for a terminal: no control characters, no direction marks."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))[:300]


def as_text(result: Result) -> str:
    """The result for people: a line a property, the reason under it where there is one."""
    lines = [f"{plain(result.record)}  {plain(result.title)}", f"SHA-256 of the bundle: {result.sha256}", ""]
    for v in result.verdicts:
        lines.append(
            f"  {v.property:<18} {v.verdict}{'' if v.allowed or v.verdict == FAILS else '  (not accepted)'}"
        )
        if v.reason:
            lines.append(f"  {'':<18} {plain(v.place)}: {plain(v.reason)}")
    lines += ["", "Checked: " + ", ".join(f"{n} {name}" for name, n in sorted(result.checked.items()))]
    for s in result.facts["signatures"]:
        what = f"{s['meaning']}, version {s['version']}, {s['at']}, {s['ceremony']}: {s['verdict']}"
        lines.append(plain(f"Signed: {s['name']}, {what}"))
    for d in result.facts["devices"]:
        what = f"{d['evidence']} measurements, {d['first']} to {d['last']}; {d['states']}"
        lines.append(plain(f"Device {d['serial']}: {what}"))
    lines.append("Result: " + ("verified" if result.exit_code == 0 else "NOT verified"))
    return "\n".join(lines) + "\n"


def read_limited(path: str, limit: int) -> bytes:
    """A file's bytes, or standard input for "-"; refuses one that is larger than `limit`."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with open(path, "rb") as stream:
                data = stream.read(limit + 1)
    except OSError as error:
        raise Unreadable(path, "a file that can be read", error.strerror or type(error).__name__) from None
    if len(data) > limit:
        raise Unreadable(path, f"at most {limit} bytes", "more")
    return data


def main(arguments: list[str] | None = None) -> int:
    """The command line. Prints the verdicts; returns the exit code."""
    parser = argparse.ArgumentParser(description="Verify a Vouchsafe audit bundle, offline.")
    parser.add_argument("bundle", help="the bundle (- for standard input)")
    parser.add_argument("--policy", help="whom you trust: a tlog-policy file; without it nothing verifies")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    try:
        policy = read_policy(read_limited(given.policy, MAX_POLICY_BYTES)) if given.policy else None
        result = check(read_limited(given.bundle, MAX_BUNDLE_BYTES), policy)
    except Unreadable as error:
        print(plain(error), file=sys.stderr)
        return 2
    sys.stdout.write(json.dumps(as_json(result), indent=1) + "\n" if given.json else as_text(result))
    return result.exit_code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:  # the outermost frame: a fault of this program must not look like a verdict
        traceback.print_exc()
        sys.exit(70)
