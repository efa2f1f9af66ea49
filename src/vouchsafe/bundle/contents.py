"""What goes into a bundle, as plain values. Nothing here asks a database or a log; whoever gathers fills it
in.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """A log entry: the leaf's bytes, and (salt, payload) where the bundle opens its commitment."""

    log: str
    index: int
    leaf: bytes
    opened: tuple[bytes, bytes] | None = None

    @property
    def leaf_hash(self) -> bytes:
        """RFC 9162 2.1.1."""
        return hashlib.sha256(b"\x00" + self.leaf).digest()


@dataclass(frozen=True, slots=True)
class Range:
    """A subject's entries from sequence number `first` to `last`, all of which are in the bundle, and the
    last's hash.
    """

    subject: str
    log: str
    first: int
    last: int
    head: bytes

    def as_dict(self) -> dict[str, Any]:
        """As the export entry announces it."""
        head = self.head.hex()
        return {
            "first": self.first,
            "head": head,
            "last": self.last,
            "log": self.log,
            "subject": self.subject,
        }


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, and for a passkey the three parts of its answer."""

    statement: bytes
    client_data: bytes = b""
    authenticator_data: bytes = b""
    assertion: bytes = b""

    def files(self, seq: int) -> dict[str, bytes]:
        """The files of the signature whose trail entry has this sequence number."""
        base = f"signatures/{seq}"
        found = {f"{base}/statement.json": self.statement}
        if self.assertion:
            found[f"{base}/client-data.json"] = self.client_data
            found[f"{base}/authenticator-data.bin"] = self.authenticator_data
            found[f"{base}/assertion.bin"] = self.assertion
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A record with all that vouches for it.

    `subject` is the record's pseudonym in the log. `reading` is the copy for people, in the form that `page`
    shows (docs/formats/bundle.md, record.json). `signatures` are by the sequence number of their trail entry,
    `versions` by number, `files` by SHA-256. `references` are other stored bytes by a name such as
    `<sha256>.json`.
    """

    number: str
    title: str
    process: str
    state: str
    subject: str
    reading: Mapping[str, Any]
    entries: tuple[Entry, ...]
    ranges: tuple[Range, ...]
    versions: Mapping[int, bytes]
    signatures: Mapping[int, Signed] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    references: Mapping[str, bytes] = field(default_factory=dict)
    policies: Mapping[str, bytes] = field(default_factory=dict)
