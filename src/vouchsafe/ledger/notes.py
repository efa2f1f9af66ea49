"""C2SP signed notes: a text and the signatures under it; keys as vkeys; cosignatures of witnesses.

`open_note` is the only way to a text: it returns one when a trusted key has signed it and no known key's
signature is wrong. Supported signature types: 0x01 Ed25519 and 0x04 cosignature/v1; lines of any other key
are ignored. Sources: C2SP signed-note.md, tlog-cosignature.md.

>>> log = Signer("log.example/a", bytes(range(32)))
>>> note = sign(b"text\\n", log)
>>> open_note(note, [parse_vkey(log.verifier.vkey)]).text
b'text\\n'
>>> open_note(note, [Signer("log.example/a", bytes(32)).verifier])
Traceback (most recent call last):
vouchsafe.ledger.errors.SignatureError: note: expected a signature of a trusted key, got only those of 'log.example/a'
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from . import ed25519
from .errors import Malformed, SignatureError, brief
from .limits import MAX_INT, MAX_NOTE_BYTES, MAX_SIGNATURES
from .text import parse_base64, to_base64

ED25519 = 0x01
COSIGNATURE_V1 = 0x04
_DASH = "\u2014 "
_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name: what a vkey says."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """SHA-256(name || 0x0A || type || public key)[:4]."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """`<name>+<key id, hex>+<base64(type || public key)>`."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    def verify(self, text: bytes, signature: bytes) -> int | None:
        """The POSIX seconds of a cosignature, None for a plain signature. Raises: SignatureError."""
        if self.kind == ED25519:
            ed25519.verify(self.public, text, signature)
            return None
        if len(signature) != 8 + ed25519.SIGNATURE_SIZE:
            raise SignatureError(f"cosignature: expected 72 bytes, got {len(signature)}")
        time = int.from_bytes(signature[:8], "big")
        if time > MAX_INT:
            raise SignatureError("cosignature: time is above 2^63-1")
        ed25519.verify(self.public, cosigned_message(text, time), signature[8:])
        return time


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """A private seed under a name. Its representation never shows the seed."""

    name: str
    seed: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        check_name(self.name, "signer")
        if self.kind not in (ED25519, COSIGNATURE_V1):
            raise Malformed("signer", "signature type 1 or 4", str(self.kind))
        if len(self.seed) != 32:
            raise Malformed("signer", "a seed of 32 bytes", f"{len(self.seed)} bytes")

    def __repr__(self) -> str:
        return f"Signer({self.verifier.vkey})"

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.kind, ed25519.public_of(self.seed))

    def line(self, text: bytes, *, time: int | None = None) -> str:
        """The signature line over a text. `time` (POSIX seconds) belongs to cosignatures and only to them."""
        if (time is not None) != (self.kind == COSIGNATURE_V1):
            raise Malformed(
                f"signature by {self.name}", "a time for a cosignature and none otherwise", str(time)
            )
        if time is not None and not 0 <= time <= MAX_INT:  # C2SP tlog-cosignature
            raise Malformed(f"signature by {self.name}", "a time of 0..2^63-1", brief(time))
        if time is None:
            raw = ed25519.sign(self.seed, text)
        else:
            raw = time.to_bytes(8, "big") + ed25519.sign(self.seed, cosigned_message(text, time))
        return f"{_DASH}{self.name} {to_base64(self.verifier.key_id + raw)}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """A verified signature: by whom, and for a cosignature when (POSIX seconds)."""

    verifier: Verifier
    time: int | None


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """A signature line as it stands in a note, not verified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart. The text is NOT to be used before `open_note` has returned it."""

    unverified_text: bytes
    lines: tuple[SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """A text that trusted keys have signed."""

    text: bytes
    signatures: tuple[Signature, ...]
    ignored: int
    """Signature lines of unknown keys."""


def cosigned_message(text: bytes, time: int) -> bytes:
    """What a cosignature/v1 signs. Source: C2SP tlog-cosignature.md, Ed25519 signatures."""
    return b"cosignature/v1\ntime %d\n%s" % (time, text)


def check_name(name: str, place: str) -> None:
    """Key names: UTF-8, not empty, no Unicode space, no plus, no control character."""
    if not _NAME.fullmatch(name):
        raise Malformed(place, "a key name: not empty, UTF-8, no space, no plus", brief(name))


def parse_vkey(vkey: str, place: str = "vkey") -> Verifier:
    """The key that a vkey says. Raises: Malformed, also for a key id that is not this key's."""
    parts = vkey.split("+", 2)  # base64 contains plus signs: only the first two divide
    if len(parts) != 3 or len(vkey) > 8_192:
        raise Malformed(place, "<name>+<key id>+<base64 key>", brief(vkey))
    name, key_id, encoded = parts
    check_name(name, place)
    key = parse_base64(encoded, place)
    if not key or key[0] not in (ED25519, COSIGNATURE_V1):
        raise Malformed(
            place, "a key of type 1 (Ed25519) or 4 (cosignature)", f"type {key[:1].hex() or 'none'}"
        )
    verifier = Verifier(name, key[0], key[1:])
    fault = ed25519.public_key_fault(verifier.public)
    if fault:
        raise Malformed(place, "an Ed25519 public key", fault)
    if verifier.key_id.hex() != key_id:
        raise Malformed(place, f"key id {verifier.key_id.hex()}", brief(key_id))
    return verifier


def format_vkey(verifier: Verifier) -> str:
    """The vkey of a key."""
    return verifier.vkey


def check_text(text: bytes, place: str) -> None:
    """Note text: UTF-8, no control character but newline, ending in a newline."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"{place} byte {error.start}", "UTF-8", f"0x{text[error.start]:02x}") from None
    for number, ch in enumerate(decoded):
        if ord(ch) < 0x20 and ch != "\n":
            raise Malformed(
                f"{place} character {number}", "no control character but newline", f"U+{ord(ch):04X}"
            )
    if not decoded.endswith("\n"):
        raise Malformed(place, "a newline at the end", brief(decoded[-20:]))


def sign(text: bytes, *signers: Signer, time: int | None = None) -> bytes:
    """The note: text, blank line, one line a signer. `time` goes to those that sign cosignatures."""
    check_text(text, "note text")
    if not signers:
        raise Malformed("note", "at least one signer", "none")
    lines = [s.line(text, time=time if s.kind == COSIGNATURE_V1 else None) for s in signers]
    return text + b"\n" + "".join(lines).encode()


def parse_note(note: bytes, place: str = "note") -> Note:
    """Text and signature lines, nothing verified. Raises: Malformed."""
    if len(note) > MAX_NOTE_BYTES:
        raise Malformed(place, f"at most {MAX_NOTE_BYTES} bytes", f"{len(note)} bytes")
    check_text(note, place)
    cut = note.rfind(b"\n\n")  # the LAST blank line divides: the text itself may contain some
    if cut < 0:
        raise Malformed(place, "text, a blank line and signature lines", "no blank line")
    lines = note[cut + 2 :].decode().split("\n")[:-1]
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        raise Malformed(place, f"1..{MAX_SIGNATURES} signature lines", f"{len(lines)}")
    parsed = tuple(_parse_line(line, f"{place} signature line {n}") for n, line in enumerate(lines, 1))
    return Note(note[: cut + 1], parsed)


def _parse_line(line: str, place: str) -> SignatureLine:
    if not line.startswith(_DASH):
        raise Malformed(place, "an em dash and a space at its start", brief(line))
    name, separator, encoded = line[len(_DASH) :].partition(" ")
    if not separator:
        raise Malformed(place, "a key name, a space and a signature", brief(line))
    check_name(name, place)
    raw = parse_base64(encoded, place)
    if len(raw) < 5:
        raise Malformed(place, "a key id of 4 bytes and a signature", f"{len(raw)} bytes")
    return SignatureLine(name, raw[:4], raw[4:])


def open_note(note: bytes, verifiers: Iterable[Verifier], place: str = "note") -> Opened:
    """The text, when at least one of these keys has signed it and none of their signatures is wrong.

    A second good line of one key counts once. Raises: Malformed, SignatureError.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise SignatureError(f"two trusted keys share the name {verifier.name} and one key id")
    parsed = parse_note(note, place)
    good: dict[Verifier, Signature] = {}
    ignored = 0
    for line in parsed.lines:
        match = known.get((line.name, line.key_id))
        if match is None:  # unknown keys MUST be ignored, even with a known name or id
            ignored += 1
            continue
        try:
            time = match.verify(parsed.unverified_text, line.signature)
        except SignatureError as error:
            raise SignatureError(f"{place}: signature of known key {match.name}: {error}") from None
        good.setdefault(match, Signature(match, time))
    if not good:
        names = ", ".join(sorted({line.name for line in parsed.lines}))
        raise SignatureError(
            f"{place}: expected a signature of a trusted key, got only those of {brief(names, 120)}"
        )
    return Opened(parsed.unverified_text, tuple(good.values()), ignored)


def add_lines(note: bytes, lines: Sequence[str]) -> bytes:
    """The note with more signature lines under it (cosignatures that came later)."""
    whole = note + "".join(lines).encode()
    parse_note(whole)
    return whole
