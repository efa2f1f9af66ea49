"""Verify a Vouchsafe audit bundle: five properties, a verdict each, and the place where a check first fails.

    python verify.py bundle.zip --policy trust.txt [--json]
    python verify.py --log FOLDER --vkey KEY [--json]      a whole log (C2SP tlog-tiles), hashed again

This one file is all of the verifier. It needs Python 3.11 and the package `cryptography`, no network, no
server and no other part of Vouchsafe; a copy travels in each bundle, but take yours from elsewhere.
`docs/formats/bundle.md` describes each rule, so that you can write another verifier and compare.

Trust comes from the policy file, which you wrote or got apart from the bundle. Nothing in the bundle is
believed because the bundle says so: a leaf counts once the log key that you named has signed a tree that
holds it. `check` comes first and runs the parts in order. Below it stand the formats, then a section a part, in
the order of the page's section 8.

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
import os
import re
import struct
import sys
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

# --- Limits: every one that this module has ----------------------------------------------------------------

MAX_BUNDLE_BYTES = 512 << 20
MAX_MEMBERS = 50_000
MAX_NAME_CHARS = 200
MAX_JSON_BYTES = 64 << 20
MAX_CBOR_DEPTH = 16
MAX_LEAF_BYTES = 4_096
MAX_FACTS_DEPTH = 8  # arrays and objects in one another, the leaf itself included
MAX_NOTE_LINES = 64
MAX_PROOF_BYTES = 1 << 18  # room for 16 post-quantum signatures and more (C2SP signed-note)
MAX_PROOF_HASHES = 63
MAX_DSSE_SIGNATURES = 16
MAX_POLICY_BYTES = 65_536
MAX_POLICY_GROUPS = 100
MAX_TILE_BYTES = 256 * (2 + 65_535)  # 256 of the largest entries
MAX_FINDINGS = 100  # that are shown
SKEW_S = 300  # how far two honest clocks may be apart

# --- Verdicts, errors, and the shapes of values ------------------------------------------------------------

HOLDS, WORD, NOT_SHOWN, FAILS = RANK = ("holds", "operator's word only", "not shown", "fails")
PROPERTIES = ("provenance", "integrity", "non-repudiation", "completeness", "temporal ordering")
PROVENANCE, INTEGRITY, NON_REPUDIATION, COMPLETENESS, TEMPORAL = PROPERTIES


class Unreadable(Exception):
    """No audit bundle, or no policy file: exit 2. Carries the place, what was expected and what came."""

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(f"{place}: expected {expected}, got {got}")
        self.place, self.expected, self.got = place, expected, got


class Bad(Exception):
    """One item does not verify. Caught where this item is checked (`Bundle.item`), which files a finding."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.reason = place, reason


def require(holds: object, place: str, reason: str) -> None:
    """What must hold of an item, or it is bad."""
    if not holds:
        raise Bad(place, reason)


def shape(value: Any, form: Any, place: str, optional: Any = None) -> Any:
    """The value, if it has the form; each part that has not is named.

    A form is a type (exactly this one: a bool is no int), a pattern (text that matches it), [form] (an array
    of these), (form, form) (an array of just these), or {key: form} (an object or CBOR map that has at least
    these keys; `optional` are more of them, which may be absent).
    """
    match form:
        case dict():
            require(isinstance(value, dict), place, "not a JSON object")
            for key, inner in (form | (optional or {})).items():
                require(key in value or key not in form, place, f"has no “{key}”")
                if key in value:
                    shape(value[key], inner, f"{place} {key}" if type(key) is str else f"{place} claim {key}")
        case list():
            for n, item in enumerate(shape(value, list, place)):
                shape(item, form[0], f"{place}[{n}]")
        case tuple():
            require(type(value) is list and len(value) == len(form), place, f"not an array of {len(form)}")
            for n, (item, inner) in enumerate(zip(value, form, strict=True)):
                shape(item, inner, f"{place}[{n}]")
        case re.Pattern():
            fits = isinstance(value, str) and form.fullmatch(value)
            require(fits, place, f"expected {form.pattern}, got {str(value)[:40]!r}")
        case _:
            got = type(value)
            require(got is form, place, f"expected {form.__name__}, got {got.__name__}")
    return value


# --- The whole: what comes out, what the parts work on, and the parts in order -------------------------------


class Finding(NamedTuple):
    """Why a property does not simply hold."""

    check: str
    property: str
    verdict: str
    place: str
    reason: str


class Verdict(NamedTuple):
    """One property, what became of it, and the first item that led there."""

    property: str
    verdict: str
    place: str
    reason: str
    allowed: bool


class Result(NamedTuple):
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


@dataclass
class Bundle:
    """What the parts below work on: the files, what was believed so far, and what was found."""

    files: dict[str, bytes]
    policy: Policy
    contents: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    leaves: dict[tuple[str, int], Leaf] = field(default_factory=dict)
    export: Leaf | None = None
    announced: dict[str, Any] = field(default_factory=dict)
    trusted: dict[tuple[Note, bool], Checkpoint] = field(default_factory=dict)
    references: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    authority: str = ""

    @cached_property
    def subjects(self) -> dict[str, list[Leaf]]:
        """The leaves of each subject in the order of their numbers. Asked first when all are loaded."""
        out: dict[str, list[Leaf]] = {}
        for leaf in sorted(self.leaves.values(), key=lambda leaf: (leaf.seq, leaf.index)):
            out.setdefault(leaf.subject, []).append(leaf)
        return out

    @property
    def record(self) -> list[Leaf]:
        """The record's own leaves, the export entry included."""
        return self.subjects.get(str(self.contents.get("subject")), [])

    def of_kind(self, kind: str) -> list[Leaf]:
        return [leaf for leaf in self.leaves.values() if leaf.kind == kind]

    def below(self, *folders: str) -> list[str]:
        return sorted(name for name in self.files if name.startswith(folders))

    def file(self, path: str) -> bytes:
        """A file that another item needs."""
        require(path in self.files, path, "this file is missing")
        return self.files[path]

    def find(self, check: str, verdict: str, place: str, reason: str, *properties: str) -> None:
        """File a finding."""
        self.findings += [Finding(check, name, verdict, place, reason) for name in properties]

    @contextmanager
    def item(self, check: str, *properties: str) -> Iterator[None]:
        """One item goes through a check. If it is bad, these properties fail; the next item is looked at."""
        self.checked[check] += 1
        try:
            yield
        except Bad as bad:
            self.find(check, FAILS, bad.place, bad.reason, *properties)


def check(data: bytes, policy: Policy | None) -> Result:
    """Verify a bundle against the reader's policy; without one nothing is trusted, and nothing is shown.

    Raises:
        Unreadable: `data` is not an audit bundle at all.
    """
    # The numbers are those of the steps in docs/formats/bundle.md, section 8.
    members, fault = read_container(data)  # 1
    listing = read_listing(members)  # 2
    bundle = Bundle(members, policy or Policy())
    check_files(bundle, listing, int.from_bytes(data[14:18], "little"), fault)
    sums = check_sums(bundle)  # 3
    load_leaves(bundle)  # 4
    if policy is None:
        bundle.find("V2", NOT_SHOWN, "policy", "no policy file was given, so no key is trusted", *PROPERTIES)
    else:
        anchor_leaves(bundle)  # 5 to 8
    check_chains(bundle, sums)  # 9
    trail = check_trail(bundle)  # 10
    people = check_people(bundle)  # 11
    signatures = check_signatures(bundle, trail, people)  # 12
    devices = check_devices(bundle)  # 13 to 15
    check_builds(bundle)  # 16
    check_time(bundle)  # 17
    if bundle.policy.quorum == "none":
        told = "no witness: order and times are those of the operator's log"
        bundle.find("V2", WORD, "policy quorum", told, TEMPORAL)
        told = "no witness: another log could have been shown to others"
        bundle.find("V2", WORD, "policy quorum", told, COMPLETENESS)
    verdicts = tuple(_verdict(bundle, name) for name in PROPERTIES)
    number, title = (str(bundle.contents.get(key, "")) for key in ("number", "title"))
    shown = tuple(bundle.findings[:MAX_FINDINGS])
    facts = {"signatures": signatures, "devices": devices}
    return Result(number, title, sha256(data), verdicts, dict(bundle.checked), shown, facts)


def _verdict(bundle: Bundle, name: str) -> Verdict:
    """The worst that was found of a property, with the first finding that led to it."""
    mine = [f for f in bundle.findings if f.property == name]
    if not mine:
        return Verdict(name, HOLDS, "", "", True)
    worst = max(mine, key=lambda f: RANK.index(f.verdict))  # the first of equals
    allowed = worst.verdict == WORD and name in bundle.policy.allowed
    return Verdict(name, worst.verdict, worst.place, worst.reason, allowed)


# --- Small encodings: base64, hex, JSON --------------------------------------------------------------------

HEX = re.compile("(?:[0-9a-f]{2})*")
HEX16, HEX32, HEX33 = (re.compile(f"[0-9a-f]{{{2 * n}}}") for n in (16, 32, 33))


def sha256(data: bytes) -> str:
    """In hex, as files and leaves write it."""
    return hashlib.sha256(data).hexdigest()


def b64(text: str, place: str) -> bytes:
    """Standard base64, in its one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Bad(place, "not base64") from None
    require(base64.b64encode(raw).decode() == text, place, "base64 with stray bits")
    return raw


def b64url(text: str, place: str) -> bytes:
    """URL-safe base64 as WebAuthn (unpadded) and DSSE (also in the standard alphabet) write it."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    return b64(bare + "=" * (-len(bare) % 4), place)


def read_json(data: bytes, place: str, *, canonical: bool = True) -> Any:
    """Parse JSON with unique keys; if `canonical`, only in its one form (RFC 8785) and without floats."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if canonical and keys != sorted(keys, key=lambda key: key.encode("utf-16-be")):  # RFC 8785 3.2.3
            raise ValueError("keys are not in order")
        if len(set(keys)) != len(keys):
            raise ValueError("a key occurs twice")
        return dict(pairs)

    def refuse(number: str) -> Any:
        raise ValueError(f"{number[:20]} is no integer")

    require(len(data) <= MAX_JSON_BYTES, place, f"{len(data)} bytes of JSON, more than {MAX_JSON_BYTES}")
    odd = refuse if canonical else None
    try:
        value = json.loads(data.decode(), object_pairs_hook=unique, parse_float=odd, parse_constant=odd)
        again = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() if canonical else data
    except (ValueError, RecursionError) as error:  # UnicodeError is a ValueError
        raise Bad(place, f"not JSON: {error}") from None
    if again != data:
        raise Bad(place, f"not canonical JSON: differs at byte {first_difference(again, data)}")
    return value


def first_difference(a: bytes, b: bytes) -> int:
    """Index of the first byte in which two different strings differ."""
    low, high = 0, min(len(a), len(b))
    while low < high:  # bisection over equal prefixes: comparing slices is quick, a loop over bytes is not
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle - 1)
    return low


# --- The container: one zip, stored, whose every byte follows from names and contents ----------------------

LOCAL = struct.Struct("<4s5H3L2H")  # APPNOTE 4.3.7
CENTRAL = struct.Struct("<4s6H3L5H2L")  # APPNOTE 4.3.12
END = struct.Struct("<4s4H2LH")  # APPNOTE 4.3.16
MADE_BY, FILE_MODE = 0x0314, 0o100644 << 16  # version 2.0, Unix; a file that all may read
DOS_DATE = 0x21  # 1 January 1980; time 0
_WORD = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
NAME = re.compile(rf"{_WORD}(/{_WORD})*")  # so no "..", no "/x", no "a//b"


def read_container(data: bytes) -> tuple[dict[str, bytes], Bad | None]:
    """The members in file order, and where the archive first differs from the only one that holds them.

    What can't be walked is unreadable. What can is compared, part for part, with what a bundle has there.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise Unreadable("bundle", f"at most {MAX_BUNDLE_BYTES} bytes", f"{len(data)}")
    members: dict[str, bytes] = {}
    parts: list[tuple[str, int, bytes]] = []  # what a bundle has: the part, its place, its bytes
    central: list[tuple[str, bytes]] = []
    at = 0
    while data[at : at + 4] == b"PK\x03\x04":
        name, begin, size = _local_header(data, at)
        if name in members:
            raise Unreadable(f"byte {at}", "each name once", f"{name} a second time")
        if len(members) >= MAX_MEMBERS:
            raise Unreadable(f"byte {at}", f"at most {MAX_MEMBERS} files", "more")
        body = members[name] = data[begin : begin + size]
        common = (20, 0, 0, 0, DOS_DATE, zlib.crc32(body), size, size, len(name), 0)
        parts.append((f"local header of {name}", at, LOCAL.pack(b"PK\x03\x04", *common) + name.encode()))
        entry = CENTRAL.pack(b"PK\x01\x02", MADE_BY, *common, 0, 0, 0, FILE_MODE, at) + name.encode()
        central.append((f"central directory entry of {name}", entry))
        at = begin + size
    if not members:
        raise Unreadable("byte 0", "a zip archive", repr(data[:4]))
    if data[at : at + 4] != b"PK\x01\x02":
        raise Unreadable(f"byte {at}", "a local header or the central directory", repr(data[at : at + 4]))
    size = sum(len(entry) for _, entry in central)
    end = END.pack(b"PK\x05\x06", 0, 0, len(central), len(central), size, at, 0)
    for what, entry in [*central, ("end of central directory", end)]:
        parts.append((what, at, entry))
        at += len(entry)
    for what, begin, part in parts:
        if (there := data[begin : begin + len(part)]) != part:
            off = first_difference(part, there)
            told = f"byte {off} of this part is not the one that a bundle has"
            return members, Bad(f"byte {begin + off}, {what}", told)
    over = Bad(f"byte {at}, after the end of the archive", "a bundle has nothing there")
    return members, over if at < len(data) else None


def _local_header(data: bytes, at: int) -> tuple[str, int, int]:
    """Name, first byte and size of the member whose local header is at `at`."""
    if at + LOCAL.size > len(data):
        raise Unreadable(f"byte {at}", "a whole local header", "the end of the file")
    _, _, _, method, _, _, _, packed, size, name_length, extra = LOCAL.unpack_from(data, at)
    begin = at + LOCAL.size
    name = data[begin : begin + name_length].decode("latin-1")
    if not NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
        raise Unreadable(f"byte {begin}", "a plain relative file name", repr(name[:80]))
    if method == 8 or packed != size:
        raise Unreadable(f"byte {at}, {name}", "a stored member", f"compression method {method}")
    begin += name_length + extra
    if begin + size > len(data):
        raise Unreadable(f"byte {begin}, {name}", f"{size} bytes", f"{len(data) - begin}")
    return name, begin, size


# --- The policy file (C2SP tlog-policy), which is the only source of trust ---------------------------------


class Key(NamedTuple):
    """A verifier key. Its type: 1 Ed25519, 2 P-256 (public bytes: DER SPKI), 4 Ed25519 cosignature."""

    name: str
    type: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that a signature line carries (C2SP signed-note)."""
        own = b"" if self.type == 2 else self.name.encode() + b"\n" + bytes([self.type])
        return hashlib.sha256(own + self.public).digest()[:4]


@dataclass
class Policy:
    """Whom the reader trusts, and where the operator's word is enough for them."""

    logs: list[Key] = field(default_factory=list)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str = ""
    allowed: set[str] = field(default_factory=set)
    stations: list[Key] = field(default_factory=list)
    releasers: list[Key] = field(default_factory=list)
    rp_ids: set[str] = field(default_factory=set)

    def met(self, name: str, seen: set[str]) -> bool:
        """Do the witnesses `seen` satisfy the witness or group `name`?"""
        if name not in self.groups:
            return name == "none" or name in seen
        least, members = self.groups[name]
        return sum(self.met(member, seen) for member in members) >= least


KEY_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")  # C2SP signed-note: no Unicode space, no plus


def read_vkey(text: str, place: str) -> Key:
    """`<name>+<8 hex>+<base64(type || public key)>`; split at the first two "+", as base64 has its own."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not KEY_NAME.fullmatch(parts[0]):
        raise Unreadable(place, "a verifier key name+hash+base64", repr(text[:80]))
    try:
        raw = b64(parts[2], place)
    except Bad as bad:
        raise Unreadable(place, "base64 in the verifier key", bad.reason) from None
    if (raw[:1], len(raw)) not in ((b"\x01", 33), (b"\x02", 92), (b"\x04", 33)):
        raise Unreadable(place, "an Ed25519 key (type 1 or 4) or P-256 key (type 2)", f"type {raw[:1].hex()}")
    key = Key(parts[0], raw[0], raw[1:])
    if key.id.hex() != parts[1]:
        raise Unreadable(place, f"key hash {key.id.hex()}", repr(parts[1][:20]))
    return key


def read_policy(data: bytes) -> Policy:
    """Parse a policy file. Lines of our own, `# vouchsafe: …`, are comments to other tools."""
    if len(data) > MAX_POLICY_BYTES:
        raise Unreadable("policy", f"at most {MAX_POLICY_BYTES} bytes", str(len(data)))
    odd = re.search(rb"[^\t\n\x20-\x7e\x80-\xff]", data)  # C2SP tlog-policy: character set
    if odd:
        expected = "no control character but tab and newline"
        raise Unreadable(f"policy byte {odd.start()}", expected, repr(odd[0]))
    policy = Policy()
    text = data.decode(errors="surrogateescape")  # outside of keys, names and comments are opaque octets
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in line.replace("\t", " ").split(" ") if word]
        expected = _policy_line(policy, words, f"policy line {number}")
        if expected:
            raise Unreadable(f"policy line {number}", expected, repr(" ".join(words)[:80]))
    if not policy.quorum or not policy.logs:
        raise Unreadable("policy", "log lines and one quorum line", "none")
    return policy


def _policy_line(policy: Policy, words: list[str], place: str) -> str:
    """Take one line into the policy; says what was expected if it is none."""
    known = {"none"} | policy.witnesses.keys() | policy.groups.keys()
    match words:
        case ["#", "vouchsafe:", "allow", "operators-word", *rest]:
            name = " ".join(rest).replace("temporal-ordering", TEMPORAL)
            policy.allowed.add(name)
            return "" if name in PROPERTIES else f"one of {', '.join(PROPERTIES)}"
        case ["#", "vouchsafe:", "station" | "release" as what, vkey]:  # enrol devices, sign SBOMs of builds
            key = read_vkey(vkey, place)
            (policy.stations if what == "station" else policy.releasers).append(key)
            return "" if key.type != 4 else "a key of type 1 or 2"
        case ["#", "vouchsafe:", "rp", name]:  # whose passkeys count
            policy.rp_ids.add(name)
        case ["#", "vouchsafe:", *_]:
            return "allow operators-word <property>, station <vkey>, release <vkey> or rp <id>"
        case ["log", vkey] | ["log", vkey, _]:
            key = read_vkey(vkey, place)
            if key.type == 2 or key.public in {k.public for k in policy.logs}:
                return "another log key of type 1 or 4"
            policy.logs.append(key)
        case ["witness", name, vkey] | ["witness", name, vkey, _]:
            key = read_vkey(vkey, place)
            if name in known or key.type != 4 or key.public in {k.public for k in policy.witnesses.values()}:
                return "a new witness name with a new key of type 4"
            policy.witnesses[name] = key
        case ["group", name, least, *names] if names and len(policy.groups) < MAX_POLICY_GROUPS:
            if name in known or len(set(names)) != len(names):
                return "a new group of different names"
            taken = {member for _, members in policy.groups.values() for member in members}
            if not set(names) <= known - taken - {"none"}:
                return "members defined above and in no other group"
            given = int(least) if re.fullmatch("[1-9][0-9]{0,3}", least) else 0
            count = {"any": 1, "all": len(names)}.get(least, given)
            if not 1 <= count <= len(names):
                return f"any, all or 1 to {len(names)}"
            policy.groups[name] = (count, tuple(names))
        case ["quorum", name] if not policy.quorum:
            policy.quorum = name
            return "" if name in known else "a name defined above, or none"
        case [word, *_] if not word.startswith("#"):
            return f"log, witness, group (at most {MAX_POLICY_GROUPS}) or one quorum"
    return ""


# --- Signatures: Ed25519 as strict as it can be, ECDSA on P-256, RSA ---------------------------------------

P25519 = 2**255 - 19
_ORDER_8 = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
_LOW_Y = {int.from_bytes(bytes.fromhex(y), "little") for y in _ORDER_8}
_LOW_Y |= {0, 1, P25519 - 1, P25519, P25519 + 1}


def ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """RFC 8032, and on top: no low-order A or R (all 14 encodings), no A that is not written in its one form.

    Without these, a key could be chosen under which a signature fits more than one message, and two libraries
    could disagree about it.
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = (int.from_bytes(point, "little") & (2**255 - 1) for point in (public, signature[:32]))
    if a in _LOW_Y or r in _LOW_Y or a >= P25519:
        return False
    return accepted(lambda: Ed25519PublicKey.from_public_bytes(public).verify(signature, message))


def p256(point: bytes, signature: bytes, message: bytes) -> bool:
    """ECDSA on P-256 with SHA-256; the signature is DER. A point off the curve fits nothing."""
    read, curve, kind = ec.EllipticCurvePublicKey.from_encoded_point, ec.SECP256R1(), ec.ECDSA(SHA256())
    return accepted(lambda: read(curve, point).verify(signature, message, kind))


def rs256(modulus: bytes, exponent: bytes, signature: bytes, message: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8812), as some authenticators have it."""
    key = rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big"))
    return accepted(lambda: key.public_key().verify(signature, message, padding.PKCS1v15(), SHA256()))


def accepted(verify: Callable[[], None]) -> bool:
    """Does the library take the key and the signature?"""
    try:
        verify()
    except (InvalidSignature, ValueError):
        return False
    return True


def fits(alg: str, public: bytes, signature: bytes, message: bytes) -> bool:
    """A signature under a raw public key, whose algorithm is the key's own. ECDSA: r || s or DER."""
    if alg == "ed25519":
        return ed25519(public, signature, message)
    if len(signature) == 64:  # RFC 9053 2.1
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        signature = encode_dss_signature(r, s)
    return p256(public, signature, message)


# --- Merkle trees (RFC 9162 2.1), signed notes, checkpoints, tlog-proof files ------------------------------


def leaf_hash(data: bytes) -> bytes:
    """RFC 9162 2.1.1."""
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(hashes: list[bytes]) -> bytes:
    """RFC 9162 2.1.1, from the hashes of the leaves."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return _node(tree_root(hashes[:split]), tree_root(hashes[split:]))


def included(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    """RFC 9162 2.1.3.2: the same walk as for consistency, from one leaf instead of an old tree."""
    if not 0 <= index < size:
        return False
    walked = _walk(index, size - 1, leaf, leaf, path)
    return walked is not None and walked[1] == root


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
    return _walk(fn, sn, nodes[0], nodes[0], nodes[1:]) == (old, new)


def _walk(fn: int, sn: int, fr: bytes, sr: bytes, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """Up to the root, as both verifications of RFC 9162 go: the hash of what lies to the left, and of all."""
    for c in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            fr, sr = _node(c, fr), _node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr) if sn == 0 else None


class Note(NamedTuple):
    """A signed note, taken apart but not yet believed: its text, and (name, key id, signature) a line."""

    text: str
    lines: tuple[tuple[str, bytes, bytes], ...]


class Checkpoint(NamedTuple):
    """A checkpoint that a trusted key has signed. `times` are the cosigners', in seconds."""

    origin: str
    size: int
    root: bytes
    times: tuple[int, ...]


class Proof(NamedTuple):
    """A tlog-proof file: where the leaf stands, the way to the root, and the checkpoint note."""

    at: int
    path: list[bytes]
    note: Note


def read_note(data: bytes, place: str) -> Note:
    """C2SP signed-note: the text and its signatures are split at the last blank line."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Bad(place, "not UTF-8") from None
    body, blank, tail = text.rpartition("\n\n")
    control = any(ord(c) < 0x20 and c != "\n" for c in text)
    require(blank and tail.endswith("\n") and not control, place, "not a signed note")
    lines = []
    for number, line in enumerate(tail[:-1].split("\n"), 1):
        at, part = f"{place} signature line {number}", line.split(" ")
        require(number <= MAX_NOTE_LINES, place, f"more than {MAX_NOTE_LINES} signature lines")
        formed = len(part) == 3 and part[0] == "—" and KEY_NAME.fullmatch(part[1])
        require(formed, at, "not “— name base64”")
        raw = b64(part[2], at)
        require(len(raw) >= 5, at, "too short")
        lines.append((part[1], raw[:4], raw[4:]))
    return Note(body + "\n", tuple(lines))


def trust_checkpoint(note: Note, policy: Policy, place: str, *, quorum: bool) -> Checkpoint:
    """Believe a checkpoint that a log key of its own name has signed, and the quorum if asked."""
    origin = note.text.split("\n", 1)[0]
    keys = {(k.name, k.id): k for k in [*policy.logs, *policy.witnesses.values()]}
    signed, seen, times = False, set[str](), []
    for name, key_id, signature in note.lines:
        key = keys.get((name, key_id))
        if key is None:
            continue  # C2SP signed-note: signatures of unknown keys MUST be ignored
        message, when = note.text.encode(), 0
        if key.type == 4:  # C2SP tlog-cosignature
            when = int.from_bytes(signature[:8], "big")
            require(when < 1 << 63, place, f"the time of the cosignature of {name} is not below 2^63")
            message, signature = f"cosignature/v1\ntime {when}\n".encode() + message, signature[8:]
        good = ed25519(key.public, signature, message)
        require(good, place, f"the signature of {name} does not fit (key {key_id.hex()})")
        if key in policy.logs:
            signed = signed or key.name == origin
        if key in policy.witnesses.values():
            seen |= {n for n, k in policy.witnesses.items() if k == key}
            times.append(when)
    require(signed, place, f"no log key of the policy has signed this checkpoint of {origin[:80]}")
    told = f"the quorum {policy.quorum!r} is not met: {len(seen)} known witnesses signed"
    require(not quorum or policy.met(policy.quorum, seen), place, told)
    lines = note.text.split("\n")
    # C2SP tlog-checkpoint: extension lines may follow, none of them empty; they say nothing here.
    formed = len(lines) >= 4 and all(lines[:-1]) and is_size(lines[1])
    require(formed, place, "not a checkpoint of origin, size and root")
    root = b64(lines[2], f"{place} root")
    require(len(root) == 32, place, f"a root of {len(root)} bytes")
    return Checkpoint(origin, int(lines[1]), root, tuple(times))


def is_size(text: str) -> bool:
    """A size or an index: decimal, no leading zero, below 2^63, which a proof of 63 hashes reaches."""
    return re.fullmatch("0|[1-9][0-9]{0,18}", text) is not None and int(text) < 1 << 63


def read_proof(data: bytes, place: str) -> Proof:
    """C2SP tlog-proof: split at the first blank line."""
    head, blank, tail = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    formed = blank and len(data) <= MAX_PROOF_BYTES and first == "c2sp.org/tlog-proof@v1"
    require(formed, place, "not a tlog-proof file")
    at = 1 if lines and lines[0].startswith("extra ") else 0  # not authenticated, so only its form matters
    if at:
        b64(lines[0][6:], f"{place} extra")
    index = lines[at].removeprefix("index ") if lines[at:] else ""
    require(is_size(index) and lines[at] != index, place, "has no index line")
    path = [b64(line, f"{place} line {n}") for n, line in enumerate(lines[at + 1 :], at + 3)]
    good = len(path) <= MAX_PROOF_HASHES and all(len(p) == 32 for p in path)
    require(good, place, f"its hashes are not at most {MAX_PROOF_HASHES} times 32 bytes")
    return Proof(int(index), path, read_note(tail, place))


# --- A whole log from its bytes (C2SP tlog-tiles): `--log` -------------------------------------------------


def tile_path(level: str, index: int, width: int) -> str:
    """`tile/<level>/x001/234`, and `.p/<width>` for a partial one."""
    *groups, last = f"{index:,}".split(",")
    above = "".join(f"x{group:0>3}/" for group in groups)
    return f"tile/{level}/{above}{last:0>3}" + (f".p/{width}" if width < 256 else "")


def read_entries(data: bytes, width: int, place: str) -> list[bytes]:
    """The leaf hashes of an entry bundle: `width` times a length in two bytes and so many bytes."""
    hashes, at = [], 0
    for number in range(width):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        require(at + 2 <= len(data) and end <= len(data), f"{place} entry {number}", "ends too early")
        hashes.append(leaf_hash(data[at + 2 : end]))
        at = end
    require(at == len(data), f"{place} byte {at}", "bytes after the last entry")
    return hashes


def read_tile(read: Callable[[str], bytes], path: str) -> tuple[str, bytes]:
    """A tile's name and bytes: those of the full one where a partial one has gone (C2SP tlog-tiles)."""
    for name in (path, path.partition(".p/")[0]):
        with suppress(Bad):
            return name, read(name)
    return path, read(path)  # neither is there: the one that was asked for says so


def check_log(read: Callable[[str], bytes], key: Key) -> Checkpoint:
    """Hash a log again: its entries give the leaf hashes, these each tile, tiles the root that the key signed.

    `read` gives a file's bytes by its name below the log's folder, or raises Bad. The signed root says who is
    to blame where an entry and the tile above it differ.
    """
    note = read_note(read("checkpoint"), "checkpoint")
    top = trust_checkpoint(note, Policy(logs=[key]), "checkpoint", quorum=False)
    edge: list[list[bytes]] = []  # level by level, the hashes of the tile that is not yet full
    odd: list[tuple[int, int, Bad]] = []  # level, number of the hash in it, and what to say

    def compare(level: int, index: int, hashes: list[bytes]) -> None:
        partial, mine = tile_path(str(level), index, len(hashes)), b"".join(hashes)
        path, found = read_tile(read, partial)
        if path != partial:
            found = found[: len(mine)]
        if found != mine:
            n = first_difference(found, mine) // 32
            odd.append((level, n + 256 * index, Bad(f"{path} hash {n}", "is not that of what lies below it")))

    def grow(level: int, index: int, new: bytes) -> None:
        edge.extend([[]] if level == len(edge) else [])
        edge[level].append(new)
        if len(edge[level]) == 256:  # a full tile is one hash of the tile above it
            compare(level, index // 256, edge[level])
            full, edge[level] = edge[level], []
            grow(level + 1, index // 256, tree_root(full))

    for first in range(0, top.size, 256):
        partial = tile_path("entries", first // 256, width := min(256, top.size - first))
        path, data = read_tile(read, partial)
        for n, new in enumerate(read_entries(data, width if path == partial else 256, path)[:width]):
            grow(0, first + n, new)
    right: list[bytes] = []  # the hash of everything to the right of a level's full tiles
    for level, hashes in enumerate(edge):
        if hashes:
            compare(level, top.size >> 8 * (level + 1), hashes)
        right = [tree_root(hashes + right)] if hashes or right else []
    if tree_root(right) != top.root:
        changed = [index for level, index, _ in odd if level == 0]
        require(changed, "checkpoint", "its root is not that of the entries")
        first = changed[0] // 256
        path, _ = read_tile(read, tile_path("entries", first, min(256, top.size - 256 * first)))
        raise Bad(f"{path} entry {changed[0] % 256}", "is not in the tree that the checkpoint signs")
    for _, _, bad in odd:
        raise bad
    return top


# --- CBOR (RFC 8949 4.2.1, deterministic only), COSE keys and signatures -----------------------------------


class _Cbor:
    """A reader that takes the one deterministic encoding alone: no tags, no floats, no indefinite lengths."""

    def __init__(self, data: bytes, place: str, at: int) -> None:
        self.data, self.place, self.at = data, place, at

    def need(self, holds: object, reason: str) -> None:
        require(holds, f"{self.place} byte {self.at}", reason)

    def take(self, count: int) -> bytes:
        self.need(count <= len(self.data) - self.at, "CBOR ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self) -> tuple[int, int]:
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        self.need(info <= 27 and major != 7, "a CBOR form that is not allowed here")
        size = 1 << (info - 24)
        number = int.from_bytes(self.take(size), "big")
        least = 24 if size == 1 else 1 << (4 * size)
        self.need(number >= least, "a CBOR number that is longer than it need be")
        return major, number

    def value(self, depth: int = 0) -> Any:
        self.need(depth <= MAX_CBOR_DEPTH, f"CBOR nested deeper than {MAX_CBOR_DEPTH}")
        major, number = self.head()
        if major in (4, 5):  # before anything is made of the count
            self.need(number <= len(self.data) - self.at, "CBOR ends too early")
        match major:
            case 0:
                return number
            case 1:
                return -1 - number
            case 2:
                return self.take(number)
            case 3:
                return self.text(number)
            case 4:
                return [self.value(depth + 1) for _ in range(number)]
            case 5:
                return self.map(number, depth)
        plain = major == 7 and number in (20, 21, 22)
        self.need(plain, "a CBOR tag, or a simple value that is not false, true or null")
        return {20: False, 21: True, 22: None}[number]

    def text(self, count: int) -> str:
        try:
            return self.take(count).decode()
        except UnicodeDecodeError:
            raise Bad(f"{self.place} byte {self.at}", "text that is not UTF-8") from None

    def map(self, count: int, depth: int) -> dict[Any, Any]:
        out: dict[Any, Any] = {}
        last = b""
        for _ in range(count):
            begin = self.at
            key = self.value(depth + 1)
            raw = self.data[begin : self.at]
            self.need(type(key) in (int, str, bytes), "a map key that is not a number, text or bytes")
            self.need(raw > last, "map keys that are not in order, or twice")
            last, out[key] = raw, self.value(depth + 1)
        return out


def read_cbor(data: bytes, place: str, at: int = 0) -> Any:
    """Parse exactly one CBOR item, which begins at byte `at`."""
    reader = _Cbor(data, place, at)
    value = reader.value()
    reader.need(reader.at == len(data), "bytes after the CBOR item")
    return value


def write_cbor_bytes(data: bytes) -> bytes:
    """A byte string, for the Sig_structure."""
    size = len(data)
    if size < 24:
        return bytes([0x40 | size]) + data
    info = 0 if size < 1 << 8 else 1 if size < 1 << 16 else 2
    return bytes([0x58 + info]) + size.to_bytes(1 << info, "big") + data


def cose_fits(key: Any, signature: bytes, message: bytes, place: str) -> bool:
    """Verify under a COSE_Key (RFC 9052 7) as authenticators give it: Ed25519, P-256 or RSA with SHA-256."""
    match key:
        case {1: 1, 3: -8 | -19, -1: 6, -2: bytes(x)}:
            return ed25519(x, signature, message)
        case {1: 2, 3: -7 | -9, -1: 1, -2: bytes(x), -3: bytes(y)} if len(x) == len(y) == 32:
            return p256(b"\x04" + x + y, signature, message)
        case {1: 3, 3: -257, -1: bytes(n), -2: bytes(e)} if 256 <= len(n) <= 1024 and len(e) <= 4:
            return rs256(n, e, signature, message)
    raise Bad(place, "a key of a kind that this verifier does not know")


def read_sign1(data: bytes, place: str) -> tuple[int, bytes, bytes, bytes, bytes]:
    """COSE_Sign1 of our profile (RFC 9052 4.2): algorithm, key id, payload, signature, and what was signed."""
    require(data[:1] == b"\xd2", place, "not a tagged COSE_Sign1")  # tag 18
    found = read_cbor(data, place, 1)
    protected, _, payload, signature = shape(found, (bytes, {}, bytes, bytes), place)
    header = shape(read_cbor(protected, f"{place} protected header"), {1: int, 4: bytes}, place)
    message = b"\x84\x6aSignature1" + write_cbor_bytes(protected) + b"\x40" + write_cbor_bytes(payload)
    return header[1], header[4], payload, signature, message


class Envelope(NamedTuple):
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
    form = {"payloadType": str, "payload": str, "signatures": [{"sig": str}]}
    data = shape(read_json(raw, place, canonical=False), form, place)
    count = len(data["signatures"])
    most = MAX_DSSE_SIGNATURES
    require(1 <= count <= most, f"{place} signatures", f"expected 1 to {most}, got {count}")
    signatures = [b64url(one["sig"], f"{place} signatures") for one in data["signatures"]]
    return Envelope(data["payloadType"], b64url(data["payload"], f"{place} payload"), signatures)


SPKI = {
    44: ("ed25519", bytes.fromhex("302a300506032b6570032100")),
    91: ("p256", bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")),
}


def read_spki(der: bytes, place: str) -> tuple[str, bytes]:
    """Algorithm and raw public key; only the two forms of our profile."""
    alg, start = SPKI.get(len(der), ("", der))
    require(alg and der.startswith(start), place, "not an Ed25519 or P-256 public key")
    return alg, der[len(start) :]


# --- Leaves ------------------------------------------------------------------------------------------------

LEAF_PATH = re.compile(r"leaves/(?P<log>[a-z0-9]+(?:/[0-9]+)?)/(?P<index>0|[1-9][0-9]{0,15})\.json")
LEAF = {
    "at": int,
    "by": re.compile(r"u:[0-9a-f]{32}|k:[0-9a-f]{16}|s:[a-z][a-z0-9._-]{0,63}"),
    "commit": HEX32,
    "facts": {"pix": int},
    "kind": re.compile(r"[a-z]+(\.[a-z]+)*"),
    "prev": HEX32,
    "seq": int,
    "subj": HEX16,
    "v": int,
}
MAX_INTEGER = 2**53 - 1


def read_leaf(raw: bytes, place: str) -> dict[str, Any]:
    """A leaf in its one form: nine keys, exact types, and the bytes that they encode to."""
    require(len(raw) <= MAX_LEAF_BYTES, place, f"{len(raw)} bytes, more than {MAX_LEAF_BYTES}")
    data: dict[str, Any] = shape(read_json(raw, place), LEAF, place)
    require(data.keys() == LEAF.keys() and data["v"] == 1, place, "not the nine keys of a leaf, version 1")
    _plain(data, place)
    require(data["seq"] >= 0 and data["at"] >= 0, place, "a negative seq or at")
    first, pix = data["seq"] == 0, data["facts"]["pix"]
    linked = pix >= -1 and first == (data["prev"] == "0" * 64) and not (first and pix != -1)
    require(linked, f"{place} prev", "expected zeros and pix -1 exactly where seq is 0")
    return data


def _plain(value: Any, place: str, depth: int = 0) -> None:
    """What a leaf may hold: no null, no float, integers that every JSON reader keeps, printable ASCII."""
    match value:
        case bool():
            return
        case int() if abs(value) <= MAX_INTEGER:
            return
        case str() if all(" " <= c <= "~" for c in value):
            return
        case list() | dict() if depth < MAX_FACTS_DEPTH:
            for key in value if isinstance(value, dict) else ():
                require(re.fullmatch("[a-z][a-z0-9_]*", key), place, f"a key {key[:40]!r}")
            for item in value.values() if isinstance(value, dict) else value:
                _plain(item, place, depth + 1)
        case _:
            raise Bad(place, f"a value that no leaf holds: {str(value)[:40]!r}")


@dataclass
class Leaf:
    """One entry of a log. `root` is the root checkpoint that holds it, once V1 and V2 do."""

    place: str
    log: str
    index: int
    raw: bytes
    data: dict[str, Any]
    payload: bytes | None = None
    root: Checkpoint | None = None

    def __post_init__(self) -> None:
        self.hash = leaf_hash(self.raw).hex()
        self.kind, self.seq, self.at = str(self.data["kind"]), int(self.data["seq"]), int(self.data["at"])
        self.subject, self.by = str(self.data["subj"]), str(self.data["by"])
        self.facts: dict[str, Any] = self.data["facts"]
        self.body_place = f"evidence/{self.log}/{self.index}.bin"

    def opened(self) -> bytes:
        """The payload, for what can't do without it."""
        if self.payload is None:
            raise Bad(self.body_place, f"is missing: {self.place} can't be read")
        return self.payload


# --- Files: every one is listed, in order, with its hash ---------------------------------------------------

AFTER_EXPORT = ("export/", "proofs/", "root/")  # made once the export was logged, so that can't cover them
FORMAT = "vouchsafe-bundle/1"
LISTING = {"format": re.compile(FORMAT), "files": [{"path": str, "sha256": HEX32, "size": int}]}
NOT_ANCHORED = "is not anchored in a log that the policy trusts"


def read_listing(members: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """bundle.json: path, size and SHA-256 of every other file, in the order of the archive."""
    if next(iter(members)) != "bundle.json":
        raise Unreadable("byte 30", "bundle.json as the first file", next(iter(members)))
    try:
        listing = shape(read_json(members["bundle.json"], "bundle.json"), LISTING, "bundle.json")
        require(listing.keys() == LISTING.keys(), "bundle.json", f"not a {FORMAT}")
        out: dict[str, dict[str, Any]] = {}
        for n, item in enumerate(listing["files"]):
            once = len(item) == 3 and item["path"] not in out
            require(once, f"bundle.json files[{n}]", "has another key, or a path that came before")
            out[item["path"]] = item
    except Bad as bad:
        raise Unreadable(bad.place, "the listing of a bundle", bad.reason) from None
    return out


def check_files(bundle: Bundle, listing: dict[str, dict[str, Any]], crc: int, fault: Bad | None) -> None:
    """Each byte of the archive: contents by the listing, everything else by `read_container`."""
    for name, body in bundle.files.items():
        with bundle.item("files", INTEGRITY):
            if name == "bundle.json":  # nothing lists the listing itself
                require(zlib.crc32(body) == crc, name, "its bytes do not fit the archive's own CRC-32")
                continue
            require(name in listing, name, "is not listed in bundle.json")
            got, told = sha256(body), listing[name]
            require(got == told["sha256"], name, f"has SHA-256 {got[:16]}…, not {told['sha256'][:16]}…")
            require(len(body) == told["size"], name, f"has {len(body)} bytes, not {told['size']}")
    for name in listing:
        if name not in bundle.files:
            bundle.find("files", FAILS, name, "is listed in bundle.json and missing", INTEGRITY, COMPLETENESS)
    if list(bundle.files)[1:] != list(listing) or list(listing) != sorted(listing):
        reason = "its order is not that of the archive, or not sorted"
        bundle.find("files", FAILS, "bundle.json", reason, INTEGRITY)
    if fault:
        bundle.find("files", FAILS, fault.place, fault.reason, INTEGRITY)


def check_sums(bundle: Bundle) -> str:
    """SHA256SUMS lists every file from before the export was logged; its digest is what the log holds.

    contents.json, which is one of them, names the record.
    """
    rest = ("bundle.json", "SHA256SUMS", *AFTER_EXPORT)
    covered = sorted(name for name in bundle.files if not name.startswith(rest))
    lines = [f"{sha256(bundle.files[name])}  {name}" for name in covered] + [""]
    got = bundle.files.get("SHA256SUMS", b"")
    there = got.decode("utf-8", "replace").split("\n")
    if there != lines:
        n = next((n for n, (a, b) in enumerate(zip(lines, there, strict=False)) if a != b), len(lines) - 1)
        what = f"differs from the files, at {[*covered, 'its end'][n]}"
        bundle.find("files", FAILS, f"SHA256SUMS line {n + 1}", what, INTEGRITY)
    with bundle.item("files", INTEGRITY):
        contents = read_json(bundle.file("contents.json"), "contents.json")
        bundle.contents = shape(contents, {"subject": str}, "contents.json")
    return sha256(got)


# --- V1 and V2: leaves, payloads, proofs in two steps ------------------------------------------------------


def load_leaves(bundle: Bundle) -> None:
    """V1. A leaf that is not in its one form, or opens to something else, is kept out of what follows."""
    for path in bundle.below("leaves/"):
        with bundle.item("V1", INTEGRITY):
            match = LEAF_PATH.fullmatch(path)
            if match is None:
                raise Bad(path, "not a place for a leaf")
            raw = bundle.files[path]
            leaf = Leaf(path, match["log"], int(match["index"]), raw, read_leaf(raw, path))
            open_payload(bundle, leaf, leaf.body_place)
            bundle.leaves[leaf.log, leaf.index] = leaf
    opening = {leaf.body_place for leaf in bundle.leaves.values()}
    for path in bundle.below("evidence/"):
        if path not in opening:
            bundle.find("V1", FAILS, path, "opens no leaf of this bundle", INTEGRITY)
    with bundle.item("V1", INTEGRITY, COMPLETENESS):
        load_export(bundle)
    bundle.leaves = dict(sorted(bundle.leaves.items()))  # by log and index from here on


def open_payload(bundle: Bundle, leaf: Leaf, path: str) -> None:
    """commit = SHA-256(salt || payload), and the file is exactly that, the salt being its first 32 bytes."""
    body = bundle.files.get(path)
    if body is None:
        return  # what needs a payload says so itself; a lawful erasure leaves none (`check_trail`)
    require(len(body) >= 32, path, "shorter than a salt")
    require(sha256(body) == leaf.data["commit"], path, f"is not what {leaf.place} commits to")
    leaf.payload = body[32:]


def load_export(bundle: Bundle) -> None:
    """The export entry: its leaf, payload and proof stand apart, because they cover the rest."""
    place = "export/leaf.json"
    raw = bundle.file(place)
    proof = read_proof(bundle.file("export/leaf.tlog-proof"), "export/leaf.tlog-proof")
    leaf = Leaf(place, "records", proof.at, raw, read_leaf(raw, place))
    open_payload(bundle, leaf, "export/payload.bin")
    if leaf.kind != "bundle.export" or leaf.payload is None:
        raise Bad(place, "is no bundle.export entry with its payload")
    bundle.announced = shape(read_json(leaf.payload, "export/payload.bin"), {}, "export/payload.bin")
    bundle.export = bundle.leaves[leaf.log, leaf.index] = leaf


def anchor_leaves(bundle: Bundle) -> None:
    """V2 for every leaf: step 1 into its log's checkpoint, step 2 of that checkpoint into the root log."""
    second: dict[Checkpoint, Checkpoint | Bad] = {}  # many leaves share one second step, or its failure
    for leaf in bundle.leaves.values():
        path = f"proofs/{leaf.log}/{leaf.index}.tlog-proof"
        path = "export/leaf.tlog-proof" if leaf is bundle.export else path
        with bundle.item("V2", INTEGRITY):
            shard = prove(bundle, leaf.place, path, leaf.log, leaf.index)
            if shard not in second:
                second[shard] = _step_two(bundle, leaf.log, shard)
            found = second[shard]
            if isinstance(found, Bad):
                raise found
            leaf.root = found
        if leaf.root is None:
            bundle.find("V2", NOT_SHOWN, leaf.place, NOT_ANCHORED, PROVENANCE, COMPLETENESS, TEMPORAL)


def prove(bundle: Bundle, entry: str, path: str, log: str, index: int | None = None) -> Checkpoint:
    """One step: the tlog-proof in `path` leads from the file `entry` to a checkpoint that the policy trusts."""
    proof = read_proof(bundle.file(path), path)
    require(index in (None, proof.at), f"{path} index", f"is {proof.at}, the leaf's file says {index}")
    key = (proof.note, log == "root")  # many proofs end in the same checkpoint
    if key not in bundle.trusted:
        bundle.trusted[key] = trust_checkpoint(proof.note, bundle.policy, path, quorum=log == "root")
    top = bundle.trusted[key]
    authority, _, name = top.origin.partition("/")
    # One operator's logs: another's entries prove nothing here, even if the policy trusts them, too.
    own = re.fullmatch(rf"{log}(\.g[0-9]+)?", name) and bundle.authority in ("", authority)
    require(own, path, f"is a checkpoint of {top.origin[:80]}, not of {bundle.authority}/{log}")
    bundle.authority = authority
    leads = included(proof.at, top.size, leaf_hash(bundle.file(entry)), proof.path, top.root)
    require(leads, path, f"does not lead from {entry} to the root at size {top.size}")
    return top


def _step_two(bundle: Bundle, log: str, shard: Checkpoint) -> Checkpoint | Bad:
    """The root checkpoint that holds the shard's; a failure is given back, for each leaf that needs it."""
    base = f"root/{log}/{shard.size}"
    try:
        seal = read_leaf(bundle.file(f"{base}.json"), f"{base}.json")
        told = (seal["kind"], *(seal["facts"].get(key) for key in ("origin", "size", "root")))
        # The root's entry must be for this very checkpoint: same origin, size and root hash.
        own = told == ("shard.checkpoint", shard.origin, shard.size, shard.root.hex())
        require(own, f"{base}.json", f"is not the entry for {shard.origin} at size {shard.size}")
        return prove(bundle, f"{base}.json", f"{base}.tlog-proof", "root")
    except Bad as bad:
        return bad


# --- V6: nothing missing, up to the head that the log itself announced -------------------------------------

RANGE = {"subject": str, "log": str, "first": int, "last": int, "head": str}


def check_chains(bundle: Bundle, sums: str) -> None:
    """The export entry names each subject's range and head; the leaves of each must be just that."""
    export, place = bundle.export, "export/payload.bin"
    if export is None:
        bundle.find("V6", NOT_SHOWN, "export/leaf.json", "without it no head is announced", COMPLETENESS)
        return
    with bundle.item("V6", INTEGRITY, COMPLETENESS):
        manifest = shape(bundle.announced, {"manifest": str}, place)["manifest"]
        require(manifest == sums, "SHA256SUMS", "is not the one that the export entry in the log names")
    with bundle.item("V6", COMPLETENESS):
        told = shape(bundle.announced, {"subject": str, "ranges": [RANGE]}, place)
        same = bundle.contents.get("subject") == told["subject"]
        require(same, "contents.json subject", "is not the subject that the export entry names")
        covered = {(export.log, export.index)}
        for n, item in enumerate(told["ranges"]):
            bundle.checked["V6"] += 1
            covered |= _range(bundle, item, f"{place} ranges[{n}]")
        own = [r for r in told["ranges"] if r["subject"] == told["subject"] and r["first"] == 0]
        require(len(own) == 1, f"{place} ranges", "do not hold the record's own trail from its start, once")
        after = (told["subject"], own[0]["head"], own[0]["last"] + 1)
        follows = (export.subject, export.data["prev"], export.seq) == after
        require(follows, "export/leaf.json prev", "does not follow the head that it announces")
        for key, leaf in bundle.leaves.items():
            if key not in covered:
                told = "is in no range that the export entry announces"
                bundle.find("V6", FAILS, leaf.place, told, COMPLETENESS)


def _range(bundle: Bundle, item: dict[str, Any], place: str) -> set[tuple[str, int]]:
    """One subject's leaves from `first` to `last`: contiguous, chained by hash and index, up to `head`."""
    subject, first, last = item["subject"], item["first"], item["last"]
    require(0 <= first <= last < first + MAX_MEMBERS, place, f"no range: {first} to {last}")
    mine = bundle.subjects.get(subject, [])
    found = {leaf.seq: leaf for leaf in mine if leaf.log == item["log"] and leaf is not bundle.export}
    before: Leaf | None = None
    for seq in range(first, last + 1):
        require(seq in found, place, f"entry {seq} of {subject} is missing, announced are {first} to {last}")
        leaf = found[seq]
        chained = before is None or (leaf.data["prev"], leaf.facts["pix"]) == (before.hash, before.index)
        require(chained, f"{leaf.place} prev", f"does not follow {before.place if before else ''}")
        before = leaf
    require(found[last].hash == item["head"], f"{place} head", f"is not the hash of entry {last}")
    return {(leaf.log, leaf.index) for seq, leaf in found.items() if first <= seq <= last}


# --- The trail: what each entry of the record says ---------------------------------------------------------

LINE = {"seq": int, "number": str, "version": int, "sha256": str, "by": str}


def check_trail(bundle: Bundle) -> dict[int, dict[str, Any]]:
    """Each entry of the record's chain opens to a line of its trail, and names bytes that are here.

    Returns the lines by sequence number. Everything is done by someone: the actor's uuid inside the payload
    and the pseudonym on the leaf must be one to one.
    """
    trail: dict[int, dict[str, Any]] = {}
    named: set[str] = set()
    people: dict[str, str] = {}  # uuid -> pseudonym, and back
    for leaf in bundle.record:
        with bundle.item("V1", INTEGRITY):
            place = f"{leaf.place} payload"
            line = trail[leaf.seq] = shape(read_json(leaf.opened(), place), LINE, place, {"file": str})
            require(line["seq"] == leaf.seq, f"{place} seq", f"is {line['seq']}, the leaf says {leaf.seq}")
            told = f"is {line['number'][:40]}, the bundle's record is another"
            require(line["number"] == bundle.contents.get("number"), f"{place} number", told)
            wanted = {f"record/versions/{line['version']}.json": line["sha256"]}
            if "file" in line:
                wanted[f"files/{line['file']}"] = line["file"]
            for path, digest in wanted.items():
                named.add(path)
                require(sha256(bundle.file(path)) == digest, path, f"is not what {leaf.place} names")
            uuid, by = line["by"], leaf.by
            one = by.startswith("u:") == bool(uuid)
            if uuid:
                one = one and (people.setdefault(uuid, by), people.setdefault(by, uuid)) == (by, uuid)
            require(one, f"{leaf.place} by", "is not the pseudonym of the person in its payload")
    if bundle.contents and not trail:
        bundle.find("V1", NOT_SHOWN, "contents.json subject", "the record has no entry here", *PROPERTIES)
    for path in bundle.below("record/versions/", "files/"):
        if path not in named:
            bundle.find("V1", FAILS, path, "is named by no entry of the trail", INTEGRITY)
    return trail


# --- V4 for people: passkeys bound in the log, and what they signed ----------------------------------------

PERSON_KEY = {"key": str, "subject": str, "name": str, "rp_id": str, "public_key": HEX}
CLIENT_DATA = {"type": str, "challenge": str, "origin": str}
# Field of a statement -> field of the trail's line that must say the same.
SIGNED = {"record": "number", "version": "version", "sha256": "sha256", "process": "process", "signer": "by"}
SIGNED |= {"step": "step", "meaning": "meaning", "reason": "reason"}


class PersonKey(NamedTuple):
    """A passkey that the log binds to a person, from one index on and maybe up to another."""

    leaf: Leaf
    id: str
    rp_id: str
    public: bytes
    revoked: Leaf | None


def check_people(bundle: Bundle) -> dict[str, list[PersonKey]]:
    """The passkeys of each person (by uuid), from `person.key` entries."""
    found: dict[str, list[PersonKey]] = {}
    leaves = bundle.of_kind("person.key")
    gone = [leaf for leaf in leaves if leaf.facts.get("revoked") is True]
    for leaf in leaves:
        if leaf.facts.get("revoked") is True:
            continue
        with bundle.item("V4", PROVENANCE, NON_REPUDIATION):
            place = f"{leaf.place} payload"
            body = shape(read_json(leaf.opened(), place), PERSON_KEY, place)
            public = bytes.fromhex(body["public_key"])
            mine = (leaf.subject, sha256(public))
            told = "is not that of the key in its payload"
            require(leaf.facts.get("key_hash") == mine[1], f"{leaf.place} facts key_hash", told)
            after = [a for a in gone if (a.subject, a.facts.get("key_hash")) == mine and a.index > leaf.index]
            key = PersonKey(leaf, body["key"], body["rp_id"], public, after[0] if after else None)
            found.setdefault(body["subject"], []).append(key)
    return found


def check_signatures(
    bundle: Bundle, trail: dict[int, dict[str, Any]], people: dict[str, list[PersonKey]]
) -> list[dict[str, Any]]:
    """Every `record.sign` entry of the record. A password is the operator's word; a passkey is checked."""
    out = []
    signed = [leaf for leaf in bundle.record if leaf.kind == "record.sign"]
    for leaf in signed:
        base, line, verdict = f"signatures/{leaf.seq}", trail.get(leaf.seq), FAILS
        statement: dict[str, Any] = {}
        if line is None:
            told = f"what was signed is not shown: the payload of {leaf.place} failed"
            bundle.find("V4", NOT_SHOWN, base, told, NON_REPUDIATION)
            continue
        with bundle.item("V4", NON_REPUDIATION):
            statement = _statement(bundle, leaf, line, base)
            verdict, told = WORD, "was signed with a password, which only the operator saw"
            if line.get("ceremony") != "password":
                key = _passkey(leaf, line, people, base)
                check_assertion(bundle, key, base)
                verdict, told = HOLDS, ""
                if not (leaf.root and key.leaf.root):
                    verdict, told = NOT_SHOWN, "its entries are not anchored in a trusted log"
            if told:
                bundle.find("V4", verdict, base, told, NON_REPUDIATION)
        if verdict != FAILS:
            with bundle.item("V7", TEMPORAL):
                place = f"{base}/statement.json at"
                late = read_moment(statement["at"], place) > leaf.at + SKEW_S * 1000
                require(not late, place, f"is after the time of {leaf.place}")
        shown = {"name": line.get("by_name", ""), "verdict": verdict, "ceremony": line.get("ceremony", "")}
        out.append(shown | {k: statement.get(k, "") for k in ("meaning", "version", "at")})
    own = {str(leaf.seq) for leaf in signed}
    for name in sorted({path.split("/")[1] for path in bundle.below("signatures/")} - own):
        told = "belongs to no signature in the trail"
        bundle.find("V4", FAILS, f"signatures/{name}", told, NON_REPUDIATION)
    if not signed:
        told = "nobody has signed: its acts stand on the operator's log alone"
        bundle.find("V4", WORD, "record", told, NON_REPUDIATION)
    return out


def _statement(bundle: Bundle, leaf: Leaf, line: dict[str, Any], base: str) -> dict[str, Any]:
    """What was signed: the statement names this record, this version by hash, and what this entry says."""
    place = f"{base}/statement.json"
    raw = bundle.file(place)
    statement: dict[str, Any] = shape(read_json(raw, place), {}, place)
    require(set(statement) == {*SIGNED, "revision", "at"}, place, "not the ten fields of a statement")
    require(line.get("statement") == sha256(raw), place, f"is not the statement that {leaf.place} names")
    known = line.get("ceremony") in ("passkey", "password")
    require(known, f"{leaf.place} payload ceremony", "is neither passkey nor password")
    for mine, theirs in SIGNED.items():
        same = statement[mine] == line.get(theirs) and type(statement[mine]) is not bool
        require(same, f"{place} {mine}", f"is not what {leaf.place} says")
    return statement


def _passkey(leaf: Leaf, line: dict[str, Any], people: dict[str, list[PersonKey]], base: str) -> PersonKey:
    """The key that the entry names, bound to this person in the log before, and not withdrawn by then."""
    key = next((key for key in people.get(line["by"], []) if key.id == line.get("key")), None)
    if key is None:
        raise Bad(base, "no person.key entry of this bundle binds its key to this person")
    bound, gone = key.leaf, key.revoked
    own = leaf.by == f"u:{bound.subject}"
    require(own, f"{leaf.place} by", f"is not the person whose key {bound.place} binds")
    before = bound.log == leaf.log and bound.index < leaf.index
    require(before, base, f"was signed before its key was bound in {bound.place}")
    if gone is not None and gone.index < leaf.index:
        raise Bad(base, f"was signed after its key was withdrawn in {gone.place}")
    return key


def check_assertion(bundle: Bundle, key: PersonKey, base: str) -> None:
    """WebAuthn level 2, 7.2: type, challenge, origin, relying party, presence and verification, signature."""
    statement, client_raw, data, signature = (
        bundle.file(f"{base}/{name}")
        for name in ("statement.json", "client-data.json", "authenticator-data.bin", "assertion.bin")
    )
    place, rp_id, policy = f"{base}/client-data.json", key.rp_id, bundle.policy
    client = shape(read_json(client_raw, place, canonical=False), CLIENT_DATA, place)
    require(client["type"] == "webauthn.get", f"{place} type", "is not webauthn.get")
    wanted = hashlib.sha256(b"vouchsafe/signature/v1\x00" + statement).digest()
    asked = b64url(client["challenge"], f"{place} challenge")
    require(asked == wanted, f"{place} challenge", f"is not the hash of {base}/statement.json")
    inside = client.get("crossOrigin", False)
    require(inside is False, f"{place} crossOrigin", "the key was asked from inside another site")
    origin = re.fullmatch(r"https?://([A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?", client["origin"])
    host = origin[1] if origin else ""
    own = host == rp_id or host.endswith("." + rp_id)
    require(own, f"{place} origin", f"{host[:80]} does not belong to {rp_id[:80]}")
    known = not policy.rp_ids or rp_id in policy.rp_ids
    require(known, f"{key.leaf.place} rp_id", f"{rp_id[:80]} is none that the policy names")
    place = f"{base}/authenticator-data.bin"
    own = len(data) >= 37 and data[:32] == hashlib.sha256(rp_id.encode()).digest()
    require(own, place, f"is not for {rp_id[:80]}")
    present = data[32] & 0x05 == 0x05  # UP and UV
    require(present, f"{place} byte 32", "says that the person was not present, or not verified")
    cose = read_cbor(key.public, f"{key.leaf.place} public_key")
    good = cose_fits(cose, signature, data + hashlib.sha256(client_raw).digest(), base)
    require(good, f"{base}/assertion.bin", f"does not fit the key in {key.leaf.place}")


def read_moment(text: Any, place: str) -> int:
    """2026-06-25T08:42:00.000Z as milliseconds since the epoch."""
    try:
        if not isinstance(text, str) or not re.fullmatch(r"[0-9T:.-]{23}Z", text):
            raise ValueError
        parsed = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise Bad(place, "is not a moment in UTC with milliseconds") from None
    return round(parsed.timestamp() * 1000)


# --- V4 and V5 for devices: who signed the evidence, and whether the log's verdict is what the evidence says

ENROLMENT_TYPE = "application/vnd.vouchsafe.enrolment+json"
ENROLMENT = {"spki": str, "identity_spki": str, "ueid": HEX33, "udi_pi": {"serial": str}, "udi_di": str}
# EAT (RFC 9711) of our profile, docs/formats/eat-profile.md: ueid, bootcount, measurements, dlog, counter
CLAIMS = {256: bytes, 267: int, 273: [(int, bytes)], -75001: (int, bytes), -75002: int}
MAY_CLAIM = {259: bytes, 262: bool, 263: int, 271: list}  # hwmodel, oemboot, dbgstat, swversion
MEASURED = {1: [(str, bytes, int)]}  # boot stages: name, digest, svn
MAY_MEASURE = {2: bytes, 3: bytes}  # configuration, runtime
ALGORITHMS = {-19: "ed25519", -8: "ed25519", -9: "p256", -7: "p256"}  # RFC 9864, RFC 9053
IMAGE = {"digest": str, "build": str, "version": str, "svn": int, "configs": [str], "runtimes": [str]}
REFERENCE = {"images": [IMAGE], "min_svn": int, "stages": [str], "hw_models": [str]}
FACTS = {"tier": int, "why": [str], "ref_ix": int, "ref_digest": str}
NONE, AFFIRMING, WARNING, CONTRAINDICATED = 0, 2, 32, 96
TIERS = {NONE: "none", AFFIRMING: "affirming", WARNING: "warning", CONTRAINDICATED: "contraindicated"}

# (element of the AR4SI vector, value) -> the reason codes that set it: docs/formats/bundle.md, section 5.
VALUES = {
    (0, 1): "malformed format_not_supported profile_unknown",
    (0, 96): "key_not_valid_then replayed counter_not_advancing bootcount_went_back dlog_not_advancing "
    "dlog_inconsistent previous_differs fork_seen",
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
KNOWN_CODES = {*CODES, "clock_outside_bounds", "evidence_missing"}  # these two change nothing in the vector
UNSIGNED = {code for code, at in CODES.items() if at in ((0, 1), (0, 97), (0, 99))} | {"key_not_valid_then"}
BROKEN_HISTORY = {code for code, at in CODES.items() if at == (0, 96)} - {"key_not_valid_then"}
# What the measurements alone decide; three of their elements' codes compare with earlier evidence.
BY_MEASURE = {code for code, (element, _) in CODES.items() if element in (1, 2, 4)}
BY_MEASURE |= {"claimed_version_differs"}
BY_MEASURE -= {"svn_went_back", "dlog_entries_missing", "dlog_entries_differ"}


class DeviceKey(NamedTuple):
    """A device's key as its enrolment states it."""

    leaf: Leaf
    alg: str
    public: bytes
    key_id: bytes
    ueid: bytes
    serial: str
    udi_di: str


class Evidence(NamedTuple):
    """Evidence that its key signed: its claims and measurements by their numbers, and its consistency proof."""

    leaf: Leaf
    key: bytes
    claims: dict[int, Any]
    measured: dict[int, Any]
    part: tuple[int, list[bytes]] | None


def read_enrolment(bundle: Bundle, leaf: Leaf) -> DeviceKey:
    """An enrolment: signed by a station of the policy, and by the device, which so shows that it has the key."""
    place, stations = leaf.body_place, bundle.policy.stations
    envelope = read_envelope(leaf.opened(), place)
    said = shape(read_json(envelope.body, f"{place} statement"), ENROLMENT, place)
    spki = b64(said["spki"], f"{place} spki")
    alg, public = read_spki(spki, f"{place} spki")
    identity = b64(said["identity_spki"], f"{place} identity_spki") or spki
    ueid = b"\x01" + hashlib.sha256(b"udi-ueid/v1" + identity).digest()
    require(said["ueid"] == ueid.hex(), f"{place} ueid", "is not that of the identity key")
    own = envelope.type == ENROLMENT_TYPE and envelope.signed_by(alg, public)
    require(own, place, "is not signed by the device that it enrols")
    endorsed = not stations or envelope.signed_by_one_of(stations, but=public)
    require(endorsed, place, "is not signed by a station that the policy names")
    if not stations:
        told = "the policy names no station: who enrolled the device is the operator's word"
        bundle.find("V4", WORD, place, told, PROVENANCE)
    key_id = hashlib.sha256(spki).digest()[:16]
    return DeviceKey(leaf, alg, public, key_id, ueid, said["udi_pi"]["serial"], said["udi_di"])


def read_evidence(leaf: Leaf, keys: list[DeviceKey]) -> Evidence:
    """V4: the COSE signature under a key that was enrolled before; the leaf repeats the claims rightly."""
    place = leaf.body_place
    item = read_cbor(leaf.opened(), place)
    whole = isinstance(item, list) and len(item) == 5
    shape(item, (bytes, int, bytes, int, (int, [bytes], list)) if whole else (bytes, int, bytes, int), place)
    require(item[1] == 1, place, "is no item of evidence in format 1")
    alg, kid, payload, signature, message = read_sign1(item[2], place)
    key = next((k for k in keys if k.key_id == kid), None)
    if key is None:
        raise Bad(f"{place} kid", "names no key that an enrolment in this bundle binds to the device")
    good = ALGORITHMS.get(alg) == key.alg and len(signature) == 64  # r || s, never DER: eat-profile.md
    good = good and fits(key.alg, key.public, signature, message)
    require(good, f"{place} signature", f"does not fit the key in {key.leaf.place}")
    said = shape(read_cbor(payload, place), CLAIMS, place, MAY_CLAIM)
    one = len(said[273]) == 1 and said[273][0][0] == 65001
    require(one, f"{place} claim 273", "is not one measurement of our format")
    measured = read_cbor(said[273][0][1], f"{place} claim 273")
    shape(measured, MEASURED, f"{place} claim 273", MAY_MEASURE)
    require(measured[1], f"{place} claim 273", "has no boot chain")
    for claim, number in ((267, said[267]), (-75001, said[-75001][0]), (-75002, said[-75002])):
        require(number >= 0, f"{place} claim {claim}", "is a number below zero")
    require(said[256] == key.ueid, f"{place} claim 256", "names another device than the key's")
    told = (leaf.facts.get("ctr"), leaf.facts.get("dlog"))
    same = told == (said[-75002], [said[-75001][0], said[-75001][1].hex()])
    require(same, f"{leaf.place} facts", "does not repeat the evidence's counter and device-log head")
    return Evidence(leaf, key.key_id, said, measured, (item[4][0], item[4][1]) if whole else None)


def read_reference(bundle: Bundle, leaf: Leaf) -> dict[str, Any]:
    """The reference values that the verdict names: by the index of their entry and by their digest."""
    index, digest = leaf.facts["ref_ix"], leaf.facts["ref_digest"]
    if not digest:  # no build of this model had been released
        return {"images": [], "min_svn": 0, "stages": [], "hw_models": []}
    if (index, digest) in bundle.references:
        return bundle.references[index, digest]
    logged = [a for a in bundle.of_kind("refval.set") if a.facts.get("digest") == digest]
    # -1: the set was in force before its own entry was written; then any entry of it will do.
    logged = [a for a in logged if index < 0 or (a.log, a.index) == ("records", index)]
    require(logged, f"leaves/records/{index}.json", f"is no entry for the reference values {digest[:16]}…")
    path = f"refs/{digest}.json"
    raw = bundle.file(path)
    require(sha256(raw) == digest, path, f"is not the set that {leaf.place} was judged by")
    found: dict[str, Any] = shape(read_json(raw, path), REFERENCE, path)
    bundle.references[index, digest] = found
    return found


def measured_codes(found: Evidence, reference: dict[str, Any]) -> tuple[set[str], dict[str, Any] | None]:
    """What the measurements say against the reference values: reason codes, and the build that was measured.

    The build is found by the digest of the image alone, never by the version that a device says.
    """
    images = {image["digest"]: image for image in reference["images"]}
    stages = [(digest.hex(), svn) for _, digest, svn in found.measured[1]]
    builds = [(svn, images[digest]) for digest, svn in stages if digest in images]
    if not builds:
        return {"image_unknown"}, None
    strange = any(digest not in images and digest not in reference["stages"] for digest, _ in stages)
    codes = {"stage_unknown"} if strange else set()
    if len({image["build"] for _, image in builds}) > 1:
        return codes | {"images_ambiguous"}, None
    svn, build = builds[-1]
    config, runtime = (found.measured[n].hex() if n in found.measured else None for n in (2, 3))
    claims, configs, models = found.claims, build["configs"], reference["hw_models"]
    version = (claims.get(271) or [None])[0]
    tests = {
        "svn_below_minimum": build["svn"] < reference["min_svn"],
        "svn_differs": svn != build["svn"],
        "runtime_not_approved": build["runtimes"] and runtime not in build["runtimes"],
        "configuration_not_measured": configs and config is None,
        "configuration_not_approved": configs and config is not None and config not in configs,
        "claimed_version_differs": version is not None and version != build["version"],
        "hardware_model_unknown": models and claims.get(259, b"").hex() not in models,
        "debug_enabled": claims.get(263) == 0,
        "boot_not_authorised": claims.get(262) is False,
    }
    return codes | {code for code, holds in tests.items() if holds}, build


def expected_vector(why: set[str], build: dict[str, Any] | None, reference: dict[str, Any]) -> list[int]:
    """The worst value an element that the reasons give, and affirming where nothing stands against it."""
    vector = [0] * 8
    for element, value in (CODES[code] for code in why if code in CODES):
        vector[element] = max(vector[element], value)
    affirmed = {} if why & BROKEN_HISTORY else {0: 2}
    if build is not None:
        affirmed[2] = 2 if build["runtimes"] else 3
        affirmed |= {1: 2} if build["configs"] else {}
        affirmed |= {4: 2} if reference["hw_models"] else {}
    for element, value in affirmed.items():
        vector[element] = vector[element] or value
    return vector


def expected_tier(vector: list[int]) -> int:
    """AR4SI 2.3.2: the worst element decides; for affirming, identity and executables must both be so."""
    tiers = [max(tier for tier in TIERS if value >= tier) for value in vector]
    if max(tiers) >= WARNING:
        return max(tiers)
    return AFFIRMING if tiers[0] == tiers[2] == AFFIRMING else NONE


def check_builds(bundle: Bundle) -> None:
    """Each released build: a signed statement, the one that was logged, binds its SBOM to the image."""
    releasers = bundle.policy.releasers
    for leaf in bundle.of_kind("build.release"):
        with bundle.item("V4", PROVENANCE):
            digest = shape(leaf.facts, {"statement": str}, f"{leaf.place} facts")["statement"]
            path = f"refs/{digest}.json"
            raw = bundle.file(path)
            require(sha256(raw) == digest, path, f"is not the statement that {leaf.place} names")
            envelope = read_envelope(raw, path)
            said = read_json(envelope.body, f"{path} payload", canonical=False)
            shape(said, {"subject": [{"digest": {"sha256": str}}]}, f"{path} payload")
            images = [one["digest"]["sha256"] for one in said["subject"]]
            own = envelope.type == "application/vnd.in-toto+json" and leaf.facts.get("image") in images
            require(own, f"{path} subject", f"is not the image of {leaf.place}")
            endorsed = not releasers or envelope.signed_by_one_of(releasers)
            require(endorsed, path, "is not signed by a release key that the policy names")
            if not releasers:
                told = "the policy names no release key: who signed the SBOM is the operator's word"
                bundle.find("V4", WORD, path, told, PROVENANCE)


def check_devices(bundle: Bundle) -> list[dict[str, Any]]:
    """Each device of the bundle: its keys, then its evidence, then the order in which the device made it."""
    out = []
    for subject, chain in sorted(bundle.subjects.items()):
        keys: list[DeviceKey] = []
        history: list[Evidence] = []
        states: list[str] = []
        for leaf in chain:
            if leaf.kind in ("device.enrol", "device.key"):
                with bundle.item("V4", PROVENANCE):
                    keys.append(read_enrolment(bundle, leaf))
            elif leaf.kind == "device.evidence":
                state = "not verified"
                with bundle.item("V5", PROVENANCE):
                    state = check_evidence(bundle, leaf, keys, history)
                states.append(state)
        if not keys and not states:
            continue
        check_history(bundle, history)
        times = [show_moment(leaf.at) for leaf in chain if leaf.kind == "device.evidence"] or [""]
        serial, udi_di = (keys[-1].serial, keys[-1].udi_di) if keys else ("", "")
        told = {"subject": subject, "serial": serial, "udi_di": udi_di, "evidence": len(states)}
        told |= {"first": times[0], "last": times[-1], "states": ", ".join(dict.fromkeys(states))}
        out.append(told)
    return out


def show_moment(at_ms: int) -> str:
    """Milliseconds since the epoch as UTC text; plain digits where no calendar reaches."""
    if at_ms > 253_402_300_799_000:
        return str(at_ms)
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def check_evidence(bundle: Bundle, leaf: Leaf, keys: list[DeviceKey], history: list[Evidence]) -> str:
    """V4 signature and key, V5 the verdict again from measurements and reference values: the state in words.

    Evidence that the log itself calls unsigned or replayed proves nothing and breaks nothing; it is only
    required that the log calls it so. What is part of the device's own history is added to `history`.
    """
    place = f"{leaf.place} facts"
    leaf.opened()
    tier, why = shape(leaf.facts, FACTS, place)["tier"], set(leaf.facts["why"])
    known = why <= KNOWN_CODES and tier in TIERS
    require(known, place, "has a reason or tier that this verifier does not know")
    if why & UNSIGNED:
        require(tier != AFFIRMING, f"{place} tier", "is affirming for evidence that the device did not sign")
        return TIERS[tier]
    found = read_evidence(leaf, keys)
    reference = read_reference(bundle, leaf)
    codes, build = measured_codes(found, reference)
    odd = ", ".join(sorted(codes ^ (why & BY_MEASURE)))
    require(not odd, f"{place} why", f"differs from what the measurements say: {odd}")
    vector = expected_vector(why, build, reference)
    told = f"is {leaf.facts.get('vec')}, the reasons give {vector}"
    require(leaf.facts.get("vec") == vector, f"{place} vec", told)
    told = f"is {tier}, the vector gives {expected_tier(vector)}"
    require(tier == expected_tier(vector), f"{place} tier", told)
    if not why & BROKEN_HISTORY and leaf.facts.get("base") is True:
        history.append(found)
    return f"{TIERS[tier]} on {build['version'] if build else 'an unknown build'}"


def check_history(bundle: Bundle, proofs: list[Evidence]) -> None:
    """In the device's own order, whatever order it arrived in. V7: each counter is used once and the boot
    count never falls. V6: the device's own log only grew, so nothing that it once attested was taken out.
    """
    ordered = sorted(proofs, key=lambda p: (p.key, p.claims[-75002], p.leaf.index))
    for before, after in pairwise(ordered):
        if before.key != after.key:
            continue
        place, old, new = after.leaf.body_place, before.claims, after.claims
        with bundle.item("V7", TEMPORAL):
            told = f"counter {new[-75002]} in boot {new[267]} does not follow {before.leaf.place}"
            forward = new[-75002] > old[-75002] and new[267] >= old[267]
            require(forward, f"{place} claim -75002", told)
        (old_size, old_root), (new_size, new_root) = old[-75001], new[-75001]
        start, path = after.part or (old_size, [])
        elsewhere = start != old_size and new[-75002] != old[-75002] + 1
        if elsewhere or "dlog_entries_missing" in after.leaf.facts["why"]:
            continue  # evidence between the two is elsewhere, or the log says itself that it has a gap
        with bundle.item("V6", COMPLETENESS):
            told = f"size {new_size} does not continue size {old_size} of {before.leaf.place}"
            require(consistent(old_size, new_size, old_root, new_root, path), f"{place} device log", told)


# --- V7: time runs forward ---------------------------------------------------------------------------------


def check_time(bundle: Bundle) -> None:
    """Within a log the server's time never falls; within a subject a later entry stands later in its log."""
    last: dict[tuple[str, ...], Leaf] = {}
    for leaf in bundle.leaves.values():
        before, older = last.get((leaf.log,), leaf), last.get((leaf.log, leaf.subject))
        with bundle.item("V7", TEMPORAL):
            require(leaf.at >= before.at, f"{leaf.place} at", f"is earlier than in {before.place}")
        if older is not None and leaf.seq <= older.seq:
            bundle.find("V7", FAILS, f"{leaf.place} seq", f"is not after that of {older.place}", TEMPORAL)
        if leaf.root and leaf.root.times and leaf.at > (max(leaf.root.times) + SKEW_S) * 1000:
            bundle.find("V7", FAILS, f"{leaf.place} at", "is after the witnesses had seen it", TEMPORAL)
        last[leaf.log,] = last[leaf.log, leaf.subject] = leaf


# --- The command line --------------------------------------------------------------------------------------


def as_json(result: Result) -> dict[str, Any]:
    """The result as one plain object."""
    out: dict[str, Any] = {"record": result.record, "title": result.title, "bundle_sha256": result.sha256}
    out |= {"properties": [v._asdict() for v in result.verdicts], "checked": result.checked}
    out |= {"findings": [f._asdict() for f in result.findings], **result.facts, "exit": result.exit_code}
    return out


def plain(text: object) -> str:
    """Text from a bundle, safe for a terminal: no control characters, no direction marks."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))[:300]


def as_text(result: Result) -> str:
    """The result for people: a line a property, the reason under it where there is one."""
    lines = [f"{plain(result.record)}  {plain(result.title)}", f"SHA-256 of the bundle: {result.sha256}", ""]
    for v in result.verdicts:
        refused = "" if v.allowed or v.verdict == FAILS else "  (not accepted)"
        lines.append(f"  {v.property:<18} {v.verdict}{refused}")
        lines += [f"  {'':<18} {plain(v.place)}: {plain(v.reason)}"] if v.reason else []
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


def log_report(folder: str, vkey: str) -> dict[str, Any]:
    """`check_log` on a folder: what was hashed, or the first file that is not what the log's key signed."""

    def read(name: str) -> bytes:
        path = os.path.join(folder, name)
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe would wait for a writer
            raise Bad(name, "expected a file, got something else")
        try:
            return read_limited(path, MAX_TILE_BYTES)
        except Unreadable as error:
            raise Bad(name, f"expected {error.expected}, got {error.got}") from None

    key = read_vkey(vkey, "--vkey")
    if key.type == 2:
        raise Unreadable("--vkey", "a key of type 1 or 4", "type 2")
    if not os.path.isfile(os.path.join(folder, "checkpoint")):
        raise Unreadable(folder, "a log's folder, with its checkpoint", "none")
    try:
        top = check_log(read, key)
    except Bad as bad:
        return {"log": key.name, "place": bad.place, "reason": bad.reason, "exit": 1}
    return {"log": top.origin, "size": top.size, "root": top.root.hex(), "exit": 0}


def main(arguments: list[str] | None = None) -> int:
    """The command line. Prints the verdicts; returns the exit code."""
    parser = argparse.ArgumentParser(description="Verify a Vouchsafe audit bundle, or a log, offline.")
    parser.add_argument("bundle", nargs="?", help="the bundle (- for standard input)")
    parser.add_argument("--policy", help="whom you trust: a tlog-policy file; without it nothing verifies")
    parser.add_argument("--log", metavar="FOLDER", help="instead of a bundle: a log's checkpoint and tiles")
    parser.add_argument("--vkey", default="", help="the log's key")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    if (given.bundle is None) == (given.log is None):
        parser.error("a bundle, or --log with a folder")
    try:
        if given.log is not None:
            out = log_report(given.log, given.vkey)
            text = "".join(f"{name}: {plain(value)}\n" for name, value in out.items())
        else:
            policy = read_policy(read_limited(given.policy, MAX_POLICY_BYTES)) if given.policy else None
            result = check(read_limited(given.bundle, MAX_BUNDLE_BYTES), policy)
            out, text = as_json(result), as_text(result)
    except Unreadable as error:
        print(plain(error), file=sys.stderr)
        return 2
    sys.stdout.write(json.dumps(out, indent=1) + "\n" if given.json else text)
    return int(out["exit"])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:  # the outermost frame: a fault of this program must not look like a verdict
        traceback.print_exc()
        sys.exit(70)
