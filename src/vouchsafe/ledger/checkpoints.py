"""C2SP tlog-checkpoint: what a log says of itself at one size.

>>> log = notes.Signer("log.example/a", bytes(range(32)))
>>> note = notes.sign(Checkpoint("log.example/a", 5, bytes(32)).body, log)
>>> open_checkpoint(note, [log.verifier]).size
5
>>> parse_body(b"log.example/a\\n05\\nAAAA\\n")
Traceback (most recent call last):
vouchsafe.ledger.errors.Malformed: checkpoint line 2: expected a decimal without leading zeros below 2^63, got '05'
"""

from collections.abc import Iterable
from dataclasses import dataclass

from . import notes
from .errors import Malformed, SignatureError, brief
from .limits import MAX_ORIGIN_BYTES
from .text import parse_decimal, parse_hash, to_base64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Origin, size and root of a log. Ours never carry extension lines; those of others may."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """The text that is signed."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines).encode()

    def __str__(self) -> str:
        return f"{self.origin} size {self.size} root {self.root.hex()}"


def parse_body(text: bytes, place: str = "checkpoint") -> Checkpoint:
    """The checkpoint of a note's text. Use `open_checkpoint` unless the text is verified already."""
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed(f"{place} byte {error.start}", "UTF-8", f"0x{text[error.start]:02x}") from None
    if lines.pop() or len(lines) < 3:
        raise Malformed(place, "origin, size and root, each on a line that ends", f"{len(lines)} lines")
    origin, size, root, *extensions = lines
    if not origin or len(origin.encode()) > MAX_ORIGIN_BYTES:
        raise Malformed(f"{place} line 1", f"an origin of 1..{MAX_ORIGIN_BYTES} bytes", brief(origin))
    for number, line in enumerate(extensions, 4):
        if not line:
            raise Malformed(f"{place} line {number}", "an extension line that is not empty", "an empty line")
    checkpoint = Checkpoint(
        origin,
        parse_decimal(size, f"{place} line 2"),
        parse_hash(root, f"{place} line 3"),
        tuple(extensions),
    )
    return checkpoint


def open_checkpoint(note: bytes, log_keys: Iterable[notes.Verifier], place: str = "checkpoint") -> Checkpoint:
    """The checkpoint, when one of these log keys signed it under the name that is its origin.

    Raises: Malformed, SignatureError. Source: C2SP tlog-checkpoint.md; tlog-policy.md "Defining a log".
    """
    opened = notes.open_note(note, log_keys, place)
    checkpoint = parse_body(opened.text, place)
    if all(signature.verifier.name != checkpoint.origin for signature in opened.signatures):
        names = ", ".join(signature.verifier.name for signature in opened.signatures)
        raise SignatureError(
            f"{place}: expected a signature of {brief(checkpoint.origin)} itself, got {names}"
        )
    return checkpoint
