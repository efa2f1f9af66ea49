"""C2SP tlog-policy: which logs are believed, and which witnesses must have seen a checkpoint.

This is the reader's own file; nothing in a log or a bundle can change it. `parse` reads it, `Policy.open`
judges a checkpoint by it. Names are opaque octets, as the format says; they are kept as Latin-1 text for
that reason.

>>> vkey = notes.Signer("log.example/a", bytes(range(32))).verifier.vkey
>>> len(parse(f"log {vkey}\\nquorum none\\n".encode()).logs)
1
>>> parse(b"quorum w\\n")
Traceback (most recent call last):
vouchsafe.ledger.errors.Malformed: policy line 1: expected a witness or group defined above, got 'w'
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import checkpoints, notes
from .errors import Malformed, PolicyError, brief
from .limits import MAX_POLICY_BYTES, MAX_POLICY_LINES

NONE = "none"


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: the policy's own name for it, its key, and where it takes checkpoints."""

    name: str
    key: notes.Verifier
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses the checkpoint when at least `threshold` of its members do."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A checkpoint that the policy accepts, and which of its witnesses signed it when (POSIX seconds)."""

    checkpoint: checkpoints.Checkpoint
    witnessed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Policy:
    """A trust policy."""

    logs: tuple[notes.Verifier, ...] = ()
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    """In the order of the file: a group's members stand before it."""
    quorum: str = NONE

    def is_met_by(self, signed: Mapping[str, int]) -> bool:
        """Whether these witnesses are a quorum."""
        seen = {NONE, *signed}
        for group in self.groups.values():  # each is defined after its members
            if sum(member in seen for member in group.members) >= group.threshold:
                seen.add(group.name)
        return self.quorum in seen

    def open(self, note: bytes, place: str = "checkpoint") -> Accepted:
        """The checkpoint, when a listed log signed it and the quorum saw it.

        Raises: Malformed, SignatureError (no listed log, or a wrong signature), PolicyError (no quorum).
        """
        checkpoint = checkpoints.open_checkpoint(note, self.logs, place)
        signed: dict[str, int] = {}
        if self.witnesses:
            trusted = [*self.logs, *(witness.key for witness in self.witnesses.values())]
            opened = notes.open_note(note, trusted, place)
            times = {s.verifier: s.time for s in opened.signatures if s.time is not None}
            signed = {w.name: times[w.key] for w in self.witnesses.values() if w.key in times}
        if not self.is_met_by(signed):
            names = ", ".join(sorted(signed)) or "no witness"
            raise PolicyError(f"{place}: expected the quorum {brief(self.quorum)}, got {brief(names, 200)}")
        return Accepted(checkpoint, signed)


def of_log(*keys: notes.Verifier) -> Policy:
    """The policy that believes these logs without any witness (`quorum none`)."""
    return Policy(logs=keys)


def parse(data: bytes, place: str = "policy") -> Policy:
    """The policy of a file. Raises: Malformed, with the line's number."""
    if len(data) > MAX_POLICY_BYTES:
        raise Malformed(place, f"at most {MAX_POLICY_BYTES} bytes", f"{len(data)} bytes")
    for number, octet in enumerate(data):
        if octet == 0x7F or (octet < 0x20 and octet not in (0x09, 0x0A)):
            raise Malformed(
                f"{place} byte {number}", "no control character but tab and newline", f"0x{octet:02x}"
            )
    if data and not data.endswith(b"\n"):
        raise Malformed(place, "a newline at the end of the last line", "none")
    lines = data.decode("latin-1").split("\n")
    if len(lines) > MAX_POLICY_LINES:
        raise Malformed(place, f"at most {MAX_POLICY_LINES} lines", f"{len(lines)}")
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            reader.line(words, f"{place} line {number}")
    return reader.policy(place)


class _Reader:
    """What has been defined so far."""

    def __init__(self) -> None:
        self.logs: list[notes.Verifier] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.used: set[str] = set()
        self.quorum: str | None = None

    def line(self, words: list[str], place: str) -> None:
        keyword, *rest = words
        known = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum}
        if keyword not in known:
            raise Malformed(place, "log, witness, group or quorum", brief(keyword))
        known[keyword](rest, place)

    def policy(self, place: str) -> Policy:
        if self.quorum is None:
            raise Malformed(place, "exactly one quorum line", "none")
        return Policy(tuple(self.logs), dict(self.witnesses), dict(self.groups), self.quorum)

    def _log(self, words: list[str], place: str) -> None:
        _count(words, 1, 2, place, "log <vkey> [<url>]")
        key = _key(words[0], place)
        if any(key.public == other.public for other in self.logs):
            raise Malformed(place, "a log key not listed above", "the same key again")
        self.logs.append(key)

    def _witness(self, words: list[str], place: str) -> None:
        _count(words, 2, 3, place, "witness <name> <vkey> [<url>]")
        name = self._new(words[0], place)
        key = _key(words[1], place)
        if key.kind != notes.COSIGNATURE_V1:
            raise Malformed(place, "a witness key of type 4 (cosignature)", f"type {key.kind}")
        if any(key.public == other.key.public for other in self.witnesses.values()):
            raise Malformed(place, "a witness key not listed above", "the same key again")
        self.witnesses[name] = Witness(name, key, words[2] if len(words) == 3 else "")

    def _group(self, words: list[str], place: str) -> None:
        _count(words, 3, MAX_POLICY_LINES, place, "group <name> <k|any|all> <member>...")
        name, rule, *members = words
        self._new(name, place)
        for member in members:
            self._defined(member, place)
            if member in self.used:
                raise Malformed(place, "each name as a member at most once", brief(member))
            self.used.add(member)
        count = len(members)
        threshold = {"any": 1, "all": count}.get(rule) or _threshold(rule, count, place)
        self.groups[name] = Group(name, threshold, tuple(members))

    def _quorum(self, words: list[str], place: str) -> None:
        _count(words, 1, 1, place, "quorum <name|none>")
        if self.quorum is not None:
            raise Malformed(place, "exactly one quorum line", "a second one")
        if words[0] != NONE:
            self._defined(words[0], place)
        self.quorum = words[0]

    def _new(self, name: str, place: str) -> str:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise Malformed(place, "a name not yet taken", brief(name))
        return name

    def _defined(self, name: str, place: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise Malformed(place, "a witness or group defined above", brief(name))


def _count(words: list[str], least: int, most: int, place: str, form: str) -> None:
    if not least <= len(words) <= most:
        raise Malformed(place, form, f"{len(words)} words after the first")


def _key(word: str, place: str) -> notes.Verifier:
    try:
        text = word.encode("latin-1").decode("utf-8")  # a key name is UTF-8, the rest of the file is octets
    except UnicodeDecodeError:
        raise Malformed(place, "a vkey in UTF-8", brief(word)) from None
    return notes.parse_vkey(text, place)


def _threshold(rule: str, count: int, place: str) -> int:
    if not (rule.isascii() and rule.isdecimal() and not rule.startswith("0") and len(rule) < 6):
        raise Malformed(place, "a number, any or all", brief(rule))
    if int(rule) > count:
        raise Malformed(place, f"a threshold of 1..{count}", rule)
    return int(rule)
