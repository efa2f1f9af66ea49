"""Leaves: the one encoding of everything that our logs hold.

A leaf is readable JSON of nine keys: what kind of fact, about which subject (a pseudonym), which number in
the subject's chain, and a salted commitment to the payload that is kept elsewhere. Never personal data,
serial numbers or free text. `parse` is strict: bytes that would be written differently are refused. Format:
docs/formats/log.md.

>>> leaf = Leaf(1766361600000, "s:kernel", "0" * 64, "decision", ZERO_HASH, 0, "1" * 32, {"pix": -1})
>>> parse(encode(leaf)) == leaf
True
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from .errors import Malformed, brief
from .limits import MAX_LEAF_BYTES, MAX_LEAF_DEPTH, MAX_SAFE_INT

VERSION = 1
SALT_BYTES = 32
ZERO_HASH = "0" * 64
KEYS = frozenset({"at", "by", "commit", "facts", "kind", "prev", "seq", "subj", "v"})

KINDS: Mapping[str, str] = {
    "record.event": "a record was opened, written, moved or linked",
    "record.sign": "a person signed a version of a record",
    "record.erase": "a payload was lawfully erased; the leaf it belonged to stays",
    "person.key": "a passkey was bound to a person's pseudonym, or withdrawn",
    "bundle.export": "an audit bundle was exported, with the chain head of its subject",
    "device.enrol": "a device identity was established",
    "device.key": "a device's key changed, or ended",
    "device.clone": "a key or identifier turned up under a second device",
    "device.evidence": "a device proved its state, or failed to",
    "device.gap": "a stretch without evidence, or with entries of the device's own log missing",
    "build.release": "a firmware build was released",
    "refval.set": "the reference values changed",
    "policy.set": "an appraisal or access policy changed",
    "vex.statement": "a statement on whether a build is affected",
    "decision": "an access decision",
    "device.command": "a command was granted to a device",
    "device.receipt": "a device answered a command",
    "epoch": "a revocation epoch was issued",
    "epoch.ack": "a gateway applied a revocation epoch",
    "recall.freeze": "the population of a field action was frozen",
    "recall.move": "a unit of a field action's population changed its set",
    "shard.checkpoint": "root log only: a checkpoint of another log",
    "root.cosigned": "root log only: a root checkpoint reached its quorum",
    "log.succession": "a log goes on under a new origin",
    "subject.move": "a subject's chain goes on in another log",
    "monitor.heartbeat": "a monitor has seen the logs up to these indexes",
}
"""Frozen names. A kind is never renamed and never used again."""

ROOT_ONLY = frozenset({"shard.checkpoint", "root.cosigned"})

_TEXT = re.compile(r"[\x20-\x7e]*\Z", re.ASCII)
_CODE = re.compile(r"[\x21-\x7e]{0,255}\Z", re.ASCII)
_FACT = re.compile(r"[a-z][a-z0-9_]{0,63}\Z", re.ASCII)
_HEX64 = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_HEX32 = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)
_BY = re.compile(r"(?:u:[0-9a-f]{32}|k:[0-9a-f]{16}|s:[a-z][a-z0-9._-]{0,63})\Z", re.ASCII)
# An object of keys, codes, integers and booleans in compact JSON: no null, no fraction, no text.
_PLAIN = re.compile(
    rb'\{(?:[{}\[\],]|"[a-z][a-z0-9_]{0,63}+":|"[!#-\[\]-~]{0,255}+"(?!:)|-?[0-9]++|true|false)*+', re.ASCII
)
_PARTS = re.compile(rf"{_BY.pattern[:-2]} [0-9a-f]{{32}} [0-9a-f]{{64}} [0-9a-f]{{64}}\Z", re.ASCII)
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


@dataclass(frozen=True, slots=True)
class Leaf:
    """One fact in a log, in the terms of docs/formats/log.md. `at` is milliseconds since the epoch."""

    at: int
    by: str
    commit: str
    kind: str
    prev: str
    seq: int
    subj: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The nine keys."""
        return {
            "at": self.at,
            "by": self.by,
            "commit": self.commit,
            "facts": self.facts,
            "kind": self.kind,
            "prev": self.prev,
            "seq": self.seq,
            "subj": self.subj,
            "v": VERSION,
        }


def encode(leaf: Leaf) -> bytes:
    """The canonical bytes. Raises: Malformed when the leaf is outside the format or states text as a fact."""
    _check(leaf.as_dict(), "leaf")
    facts = dict(leaf.facts)
    return encode_parts(
        leaf.at, leaf.by, leaf.commit, facts, leaf.kind, leaf.prev, leaf.seq, leaf.subj, "leaf"
    )


def encode_parts(
    at: int,
    by: str,
    commit: str,
    facts: dict[str, Any],
    kind: str,
    prev: str,
    seq: int,
    subj: str,
    place: str,
) -> bytes:
    """The canonical bytes of a leaf whose numbers the caller has made. Raises: Malformed.

    The writer's path: the eight values are put into a template whose keys stand in their order, the facts are
    judged by one look at their encoded bytes. Same bytes as `encode`.
    """
    if kind not in KINDS or not _PARTS.match(f"{by} {subj} {commit} {prev}"):
        check_part(kind, subj, by, commit, place)
        raise Malformed(f"{place} prev", "64 lowercase hex digits", brief(prev))
    try:
        encoded = orjson.dumps(facts, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        check_facts(facts, f"{place} facts")
        raise Malformed(f"{place} facts", "values of the format", str(error)) from None
    if not _is_plain(encoded):
        check_facts(facts, f"{place} facts")
        check_codes(facts, f"{place} facts")
    data = b"".join(
        (
            f'{{"at":{at},"by":"{by}","commit":"{commit}","facts":'.encode(),
            encoded,
            f',"kind":"{kind}","prev":"{prev}","seq":{seq},"subj":"{subj}","v":1}}'.encode(),
        )
    )
    return _sized(data, place)


def parse(data: bytes, place: str = "leaf") -> Leaf:
    """The leaf of these bytes. Raises: Malformed, also when the same leaf would be written in other bytes."""
    _sized(data, place)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"{place} byte {error.pos}", "JSON", error.msg) from None
    if type(value) is not dict:
        raise Malformed(place, "an object of nine keys", brief(value))
    _check(value, place)
    check_facts(value["facts"], f"{place} facts")
    again = orjson.dumps(value, option=_OPTIONS)
    if again != data:  # catches equal keys, white space, -0, escapes: everything that the parser forgives
        at = next((n for n, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), len(again))
        raise Malformed(f"{place} byte {at}", "the canonical encoding", brief(data[at : at + 24]))
    del value["v"]
    return Leaf(**value)


def _is_plain(facts: bytes) -> bool:
    """Whether encoded facts hold only what the format allows, strings being codes, none too deep."""
    return facts.count(b"{") + facts.count(b"[") <= MAX_LEAF_DEPTH and _PLAIN.fullmatch(facts) is not None


def commitment(salt: bytes, payload: bytes) -> str:
    """Hex SHA-256(salt || payload). A salt of another length could open one commitment to two payloads."""
    if len(salt) != SALT_BYTES:
        raise Malformed("salt", f"{SALT_BYTES} bytes", f"{len(salt)} bytes")
    return sha256(salt + payload).hexdigest()


def pseudonym(key: bytes, subject_type: str, uuid: UUID | bytes) -> str:
    """The subject's name in leaves: 32 hex digits that only the key's holder can link to the uuid."""
    raw = uuid.bytes if isinstance(uuid, UUID) else uuid
    if len(raw) != 16:
        raise Malformed("subject uuid", "16 bytes", f"{len(raw)} bytes")
    if len(key) < 32:
        raise Malformed("pseudonym key", "at least 32 bytes", f"{len(key)} bytes")
    message = b"vouchsafe/subj/v1\x00" + subject_type.encode("ascii") + b"\x00" + raw
    return hmac.new(key, message, sha256).hexdigest()[:32]


def log_subject(origin: str) -> str:
    """The subject of a log's own leaves in the root log: first 32 hex digits of SHA-256(origin)."""
    return sha256(origin.encode()).hexdigest()[:32]


def check_part(kind: str, subj: str, by: str, commit: str, place: str) -> None:
    """The parts of a leaf that a caller of the writer chooses. Raises: Malformed."""
    if kind not in KINDS:
        raise Malformed(f"{place} kind", "a registered kind", brief(kind))
    if not _HEX32.match(subj):
        raise Malformed(f"{place} subj", "32 lowercase hex digits", brief(subj))
    if not _BY.match(by):
        raise Malformed(f"{place} by", "u:<32 hex>, k:<16 hex> or s:<service>", brief(by))
    if not _HEX64.match(commit):
        raise Malformed(f"{place} commit", "64 lowercase hex digits", brief(commit))


def check_facts(facts: Any, place: str) -> None:
    """Facts must be an object of the format's values. Raises: Malformed."""
    if type(facts) is not dict:
        raise Malformed(place, "an object", brief(facts))
    _check_value(facts, place, 0)


def check_codes(value: Any, place: str) -> None:
    """Our own rule on top of the format: a string in facts is a code or a digest, never text with spaces."""
    kind = type(value)
    if kind is str:
        if not _CODE.match(value):
            raise Malformed(place, "a code or digest of at most 255 characters without spaces", brief(value))
    elif kind is dict:
        for key, item in value.items():
            check_codes(item, f"{place}.{key}")
    elif kind is list:
        for item in value:
            check_codes(item, place)


def _sized(data: bytes, place: str) -> bytes:
    if not 0 < len(data) <= MAX_LEAF_BYTES:
        raise Malformed(place, f"1..{MAX_LEAF_BYTES} bytes", f"{len(data)} bytes")
    return data


def _check(value: dict[str, Any], place: str) -> None:
    if value.keys() != KEYS:
        odd = sorted(str(key) for key in value.keys() ^ KEYS)
        raise Malformed(place, "exactly the nine keys of a leaf", f"a difference in {brief(odd, 200)}")
    if type(value["v"]) is not int or value["v"] != VERSION:
        raise Malformed(f"{place} v", str(VERSION), brief(value["v"]))
    for key in ("by", "commit", "kind", "prev", "subj"):
        if type(value[key]) is not str:
            raise Malformed(f"{place} {key}", "a string", brief(value[key]))
    check_part(value["kind"], value["subj"], value["by"], value["commit"], place)
    if not _HEX64.match(value["prev"]):
        raise Malformed(f"{place} prev", "64 lowercase hex digits", brief(value["prev"]))
    for key in ("at", "seq"):
        if type(value[key]) is not int or not 0 <= value[key] <= MAX_SAFE_INT:
            raise Malformed(f"{place} {key}", "an integer of 0..2^53-1", brief(value[key]))
    if type(value["facts"]) is not dict:
        raise Malformed(f"{place} facts", "an object", brief(value["facts"]))
    pix = value["facts"].get("pix")
    if type(pix) is not int or pix < -1:
        raise Malformed(f"{place} facts.pix", "an index, or -1", brief(pix))
    first = value["seq"] == 0
    if first != (value["prev"] == ZERO_HASH) or (first and pix != -1):
        raise Malformed(
            f"{place} prev", "zeros and pix -1 exactly when seq is 0", f"seq {value['seq']}, pix {pix}"
        )


def _check_value(value: Any, place: str, depth: int) -> None:
    kind = type(value)
    if kind is int:
        if not -MAX_SAFE_INT <= value <= MAX_SAFE_INT:
            raise Malformed(place, "an integer up to 2^53-1", brief(value))
    elif kind is str:
        if not _TEXT.match(value):
            raise Malformed(place, "printable ASCII", brief(value))
    elif kind is dict or kind is list:
        if depth >= MAX_LEAF_DEPTH:
            raise Malformed(place, f"nesting of at most {MAX_LEAF_DEPTH}", "deeper")
        if kind is list:
            for number, item in enumerate(value):
                _check_value(item, f"{place}[{number}]", depth + 1)
            return
        for key, item in value.items():
            if type(key) is not str or not _FACT.match(key):
                raise Malformed(place, "keys of [a-z][a-z0-9_]*", brief(key))
            _check_value(item, f"{place}.{key}", depth + 1)
    elif kind is not bool:
        raise Malformed(place, "an integer, boolean, string, array or object", brief(value))
