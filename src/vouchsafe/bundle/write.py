"""From contents to the finished file, in two halves with the log in between.

`Draft` fixes every file that exists before the export is logged. Its `announcement` goes into the log as a
`bundle.export` entry; once that is proven, `assemble` adds the entry and all proofs. So the log itself says
which head the record had, which entries the bundle holds, and the digest over everything that a reader sees.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vouchsafe.bundle import container, page, pdf, readme
from vouchsafe.bundle.contents import SALT_BYTES, Contents, Entry
from vouchsafe.bundle.errors import BundleError

FORMAT = "vouchsafe-bundle/1"
RECORDS = "records"
AFTER_EXPORT = ("export/", "proofs/", "root/")


@dataclass(frozen=True, slots=True)
class Proved:
    """The two-step proof of one entry. `size` is that of its log's checkpoint, which `root_entry` puts into
    the root log.
    """

    log: str
    index: int
    size: int
    proof: bytes
    root_entry: bytes
    root_proof: bytes


class Draft:
    """A bundle whose contents are fixed. Making one renders the page and the PDF."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        _check(contents)
        self.files = dict(sorted(_files(contents).items()))

    @cached_property
    def sums(self) -> bytes:
        """SHA256SUMS: what `sha256sum -c` reads, over every file but those that come after the export."""
        lines = (f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in self.files.items())
        return "".join(lines).encode()

    def announcement(self) -> dict[str, Any]:
        """What the export's log entry must open to, among whatever else the log adds."""
        return {
            "manifest": hashlib.sha256(self.sums).hexdigest(),
            "ranges": [one.as_dict() for one in self.contents.ranges],
            "subject": self.contents.subject,
        }

    def assemble(self, export: Entry, proofs: Iterable[Proved]) -> bytes:
        """The archive.

        Raises:
            BundleError: the export's entry is another one, or an entry has no proof.
        """
        if export.opened is None or export.log != RECORDS:
            raise BundleError("The export's entry in the log records has to be opened.")
        announced = json.loads(export.opened[1])
        if any(announced.get(key) != value for key, value in self.announcement().items()):
            raise BundleError("The export's entry in the log announces another bundle.")
        files = {**self.files, "SHA256SUMS": self.sums}
        files |= {"export/leaf.json": export.leaf, "export/payload.bin": b"".join(export.opened)}
        missing = {(one.log, one.index) for one in (*self.contents.entries, export)}
        for proved in proofs:
            missing.discard((proved.log, proved.index))
            is_export = (proved.log, proved.index) == (export.log, export.index)
            path = "export/leaf.tlog-proof" if is_export else f"proofs/{proved.log}/{proved.index}.tlog-proof"
            files[path] = proved.proof
            files[f"root/{proved.log}/{proved.size}.json"] = proved.root_entry
            files[f"root/{proved.log}/{proved.size}.tlog-proof"] = proved.root_proof
        if missing:
            log, index = min(missing)
            raise BundleError(f"Entry {index} of {log} has no proof ({len(missing)} entries without).")
        return container.pack({"bundle.json": listing(files), **dict(sorted(files.items()))})

    def save(self, path: Path, data: bytes) -> str:
        """Save what `assemble` gave, whole or not at all; its SHA-256. Raises: OSError."""
        container.save(path, data)
        return hashlib.sha256(data).hexdigest()


def listing(files: Mapping[str, bytes]) -> bytes:
    """bundle.json: each file with its size and SHA-256, in the order of the archive."""
    rows = [
        {"path": name, "sha256": hashlib.sha256(files[name]).hexdigest(), "size": len(files[name])}
        for name in sorted(files)
    ]
    return canonical({"files": rows, "format": FORMAT})


def canonical(value: Any) -> bytes:
    """RFC 8785 for text, integers, booleans, null, arrays and objects with ASCII keys."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode()


def _files(contents: Contents) -> dict[str, bytes]:
    about = {
        "format": FORMAT,
        "number": contents.number,
        "process": contents.process,
        "state": contents.state,
        "subject": contents.subject,
        "title": contents.title,
    }
    files = {"contents.json": canonical(about), "record.json": canonical(contents.reading)}
    files["index.html"] = page.render(contents.reading).encode()
    files["record.pdf"] = pdf.render(contents.reading)
    files["README.txt"] = readme.text(contents).encode()
    files["verify.py"] = Path(__file__).with_name("verify.py").read_bytes()
    files |= {f"record/versions/{number}.json": body for number, body in contents.versions.items()}
    files |= {f"files/{sha256}": body for sha256, body in contents.files.items()}
    files |= {f"refs/{name}": body for name, body in contents.references.items()}
    files |= dict(contents.policies)
    for seq, signed in contents.signatures.items():
        files |= signed.files(seq)
    for one in contents.entries:
        files[f"leaves/{one.log}/{one.index}.json"] = one.leaf
        if one.opened is not None:
            files[f"evidence/{one.log}/{one.index}.bin"] = b"".join(one.opened)
    return files


def _check(contents: Contents) -> None:
    """What would make every bundle of these contents fail, said before anything is logged."""
    for one in contents.entries:
        if one.opened is None:
            continue
        salt, payload = one.opened
        commit = json.loads(one.leaf)["commit"]
        if len(salt) != SALT_BYTES or hashlib.sha256(salt + payload).hexdigest() != commit:
            raise BundleError(
                f"The stored content of entry {one.index} of {one.log} is not the one that was logged."
            )
    for digest, body in contents.files.items():
        if hashlib.sha256(body).hexdigest() != digest:
            raise BundleError(f"The stored file {digest[:16]}… has other bytes than were attached.")
    held: dict[tuple[str, str], dict[int, Entry]] = {}
    for one in contents.entries:
        leaf = json.loads(one.leaf)
        held.setdefault((leaf["subj"], one.log), {})[leaf["seq"]] = one
    for span in contents.ranges:
        mine = held.get((span.subject, span.log), {})
        gap = next((seq for seq in range(span.first, span.last + 1) if seq not in mine), None)
        if gap is not None:
            raise BundleError(
                f"Entry {gap} of subject {span.subject} in {span.log} is missing from the bundle."
            )
        if mine[span.last].leaf_hash != span.head:
            raise BundleError(
                f"Entry {span.last} of subject {span.subject} is not the head that was announced."
            )
