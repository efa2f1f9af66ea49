"""Exporting a record as an audit bundle: gather, log the export, wait until that is proven, write the file.

The export is an event of the record itself, with the head that the record had and the digest of what is
handed out, so that a later bundle shows the earlier exports and a shortened one is found out (decisions 19).
Start with `export`.

The bytes come from where they are kept: events, versions and signatures by SQL from the kernel's tables (a
bundle needs the salts and bodies that no query shows), entries and proofs from the logs' tiles, device
evidence from its packs.
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from vouchsafe.attest import keys
from vouchsafe.bundle import Contents, Draft, Entry, Proved, Range
from vouchsafe.bundle.contents import Signed
from vouchsafe.fleet import bundle_device, bundle_reading, db
from vouchsafe.fleet.actor import Person
from vouchsafe.fleet.bundle_logs import Logs
from vouchsafe.fleet.errors import Refused
from vouchsafe.kernel import acts, files, publish, queries
from vouchsafe.kernel.views import RecordView
from vouchsafe.ledger import notes
from vouchsafe.ledger.errors import Fenced

KIND = "bundle.exported"
UNWITNESSED = ("completeness", "temporal ordering")
"""What rests on the operator's word as long as no witness signs the root log."""
TRIES = 3
PATIENCE_S = 60.0
PAUSE_S = 0.2

Progress = Callable[[str], None]
Until = Callable[[Callable[[], bool]], None]
"""Returns once the condition holds: somebody else logs, or the function does it itself."""


class _Moved(Exception):
    """The record went on while its bundle was gathered."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle that was written."""

    path: Path
    number: str
    size: int
    sha256: str
    index: int
    entries: int


def export(
    number: str,
    *,
    by: Person,
    at: datetime,
    out: Path,
    progress: Progress = lambda text: None,
    until: Until | None = None,
) -> Exported:
    """Write the audit bundle of a record that `by` may read to `out` (a folder, or the file's own name).

    `until` waits for the log; the default does what the worker does when no worker runs.

    Raises:
        NotFound: no such record for this person.
        Refused: the record is being changed all the time, or the log does not move.
        BundleError: what is stored is not what was logged.
    """
    queries.record(number, by, now=at)  # read permission, before anything is waited for
    wait = until or settled
    progress("Waiting until the record's last event is logged")
    wait(lambda: _all_covered(number))
    for _ in range(TRIES):
        progress("Gathering the record and its proofs")
        draft = Draft(gather(number, by=by, at=at))
        try:
            event = _log(draft, number, by=by, at=at)
            break
        except _Moved:
            wait(lambda: _all_covered(number))
    else:
        raise Refused(f"{number} is being changed while it is exported. Try again in a moment.")
    progress("Waiting until the export itself is logged")
    wait(lambda: publish.seal_of(event).covered)
    progress("Writing the file")
    return _write(draft, event, out)


def gather(number: str, *, by: Person, at: datetime) -> Contents:
    """Everything of a record that its bundle holds, at the newest checkpoints that the root log covers.

    Raises: NotFound, BundleError.
    """
    view = queries.record(number, by, now=at)
    logs = Logs(publish.site())
    trail = _events("record", view.id, logs, opened=True)
    parts = [trail]
    bodies = {one.seq: json.loads(one.body) for one in trail.events}
    signatures = _signatures(view, bodies)
    for person in sorted({body["by"] for body in bodies.values() if body["kind"] == "signed"}):
        # Of a person's own trail the bundle opens the keys alone; the rest shows that no withdrawal is left
        # out.
        parts.append(_events("person", person, logs, opened=False))
    now_ms = int(at.timestamp() * 1000)
    devices = [bundle_device.gather(unit, logs, now_ms=now_ms) for unit in bundle_device.units(view)]
    references = {name: body for device in devices for name, body in device.references.items()}
    entries = {(e.log, e.index): e for part in parts for e in part.entries}
    entries |= {(e.log, e.index): e for device in devices for e in device.entries}
    ranges = dict.fromkeys(part.range for part in parts if part.range)
    ranges |= dict.fromkeys(one for device in devices for one in device.ranges)
    index = {seq: entry.index for seq, entry in zip(bodies, trail.entries, strict=True)}
    reading = bundle_reading.reading(view, by=by, at=at, index=index, devices=[d.reading for d in devices])
    return Contents(
        number=number,
        title=view.title,
        process=view.process.key,
        state=view.state,
        subject=trail.subject,
        reading=reading,
        entries=tuple(entries.values()),
        ranges=tuple(ranges),
        versions=_versions(view),
        signatures=signatures,
        files={f.sha256: files.read(f.sha256, root=files.folder()) for f in view.files},
        references=references,
        policies=_own_policies(),
    )


def trust(*, allow: tuple[str, ...] = ()) -> str:
    """A policy file of this installation's own keys: what an operator hands to an auditor, apart from any
    bundle.

    `allow` names the properties for which the operator's word is to be enough; an auditor may strike those
    lines out. Keys that sign releases are the PEM files in the data folder's `keys/release`; without any, who
    signed an SBOM is the operator's word too, and the file says so.
    """
    lines = [
        f"# Whom to trust for records of {settings.VOUCHSAFE_ORGANISATION}.",
        "# Compare these keys with those that you were given by another way.",
        *(f"log {view.vkey}" for view in publish.logs()),
        "quorum none",
        f"# vouchsafe: rp {settings.VOUCHSAFE_RP_ID}",
    ]
    stations = db.rows("SELECT name, alg, public FROM fleet_station WHERE revoked_at IS NULL ORDER BY id")
    lines += [f"# vouchsafe: station {_vkey(name, alg, public)}" for name, alg, public in stations]
    pems = sorted((Path(settings.VOUCHSAFE_DATA) / "keys" / "release").glob("*.pem"))
    lines += [f"# vouchsafe: release {_vkey(pem.stem, *keys.from_pem(pem.read_bytes()))}" for pem in pems]
    if not pems and allow and db.value("SELECT count(*) FROM fleet_build"):
        lines.append("# No release key is known here: who signed the SBOMs of builds is the operator's word.")
        allow = (*allow, "provenance")
    lines += [f"# vouchsafe: allow operators-word {name}" for name in allow]
    return "\n".join(lines) + "\n"


def settled(ready: Callable[[], bool], *, patience_s: float = PATIENCE_S) -> None:
    """Wait until `ready`, doing the publisher's work where no worker does it.

    Raises: Refused when the log has not moved for a minute.
    """
    end = time.monotonic() + patience_s
    while not ready():
        try:
            publish.tick(datetime.now(UTC))
        except Fenced:  # a worker is the publisher: it ticks every second
            time.sleep(PAUSE_S)
        if time.monotonic() > end:
            raise Refused(
                "The log has not moved for a minute, so nothing can be proven. Is the worker running?"
            )


# -- The export's own entry


def _all_covered(number: str) -> bool:
    found = db.rows(
        "SELECT e.id FROM kernel_event e JOIN kernel_record r ON r.id = e.subject WHERE r.number = %(n)s"
        " ORDER BY e.seq DESC LIMIT 1",
        {"n": number},
    )
    return bool(found) and publish.seal_of(found[0][0]).covered


def _log(draft: Draft, number: str, *, by: Person, at: datetime) -> int:
    """The event of the export, as the next of the record's trail and of no other trail. Raises: _Moved."""
    own = next(one for one in draft.contents.ranges if one.subject == draft.contents.subject)
    with transaction.atomic():
        event = acts.log_event(number, KIND, draft.announcement(), by=by, at=at, leaf_kind="bundle.export")
        if event.seq != own.last + 1:
            raise _Moved
    return int(event.pk)


def _write(draft: Draft, event: int, out: Path) -> Exported:
    logs = Logs(publish.site())
    seal = publish.seal_of(event)
    assert seal.index is not None
    salt, body = db.rows("SELECT salt, body FROM kernel_event WHERE id = %(id)s", {"id": event})[0]
    entry = Entry(publish.RECORDS, seal.index, logs.entry(publish.RECORDS, seal.index), (salt, body))
    proofs: list[Proved] = [logs.proof(one.log, one.index) for one in (*draft.contents.entries, entry)]
    path = out / f"{draft.contents.number}.zip" if out.is_dir() else out
    data = draft.assemble(entry, proofs)
    sha256 = draft.save(path, data)
    return Exported(path, draft.contents.number, len(data), sha256, seal.index, len(proofs))


# -- From the tables


@dataclass(frozen=True, slots=True)
class _Event:
    seq: int
    leaf_kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    """One subject's events that are under the newest covered checkpoint, as entries."""

    subject: str
    events: tuple[_Event, ...]
    entries: tuple[Entry, ...]
    range: Range | None


def _events(subject_type: str, subject: Any, logs: Logs, *, opened: bool) -> _Part:
    """A subject's trail from its start. `opened` False: only passkeys are opened, everything else stays a
    hash.
    """
    rows = db.rows(
        "SELECT e.seq, e.leaf_kind, e.salt, e.body, l.ix FROM kernel_event e"
        " JOIN leaf_ref l ON l.event = e.id WHERE e.subject_type = %(type)s AND e.subject = %(subject)s"
        " AND l.ix < %(size)s ORDER BY e.seq",
        {"type": subject_type, "subject": subject, "size": logs.size(publish.RECORDS)},
    )
    events, entries = [], []
    for seq, leaf_kind, salt, body, ix in rows:
        shown = (salt, body) if opened or leaf_kind == "person.key" else None
        events.append(_Event(seq, leaf_kind, body))
        entries.append(Entry(publish.RECORDS, ix, logs.entry(publish.RECORDS, ix), shown))
    if not entries:
        return _Part("", (), (), None)
    name = str(json.loads(entries[0].leaf)["subj"])
    whole = Range(name, publish.RECORDS, events[0].seq, events[-1].seq, entries[-1].leaf_hash)
    return _Part(name, tuple(events), tuple(entries), whole)


def _versions(view: RecordView) -> dict[int, bytes]:
    rows = db.rows("SELECT number, body FROM kernel_version WHERE record_id = %(id)s", {"id": view.id})
    return dict(rows)


def _signatures(view: RecordView, bodies: dict[int, dict[str, Any]]) -> dict[int, Signed]:
    """What was signed, by the sequence number of the event that logged the signature."""
    rows = db.rows(
        "SELECT s.id, s.statement, s.client_data, s.authenticator_data, s.assertion FROM kernel_signature s"
        " JOIN kernel_version v ON v.id = s.version_id WHERE v.record_id = %(id)s",
        {"id": view.id},
    )
    found = {row[0]: Signed(row[1], row[2] or b"", row[3] or b"", row[4] or b"") for row in rows}
    return {seq: found[body["signature"]] for seq, body in bodies.items() if body["kind"] == "signed"}


def _own_policies() -> dict[str, bytes]:
    """The operator's own keys, for information: trust comes from the reader's policy."""
    shard, root = publish.trust_policies()
    return {"policy-root.txt": root, "policy-shard.txt": shard}


def _vkey(name: str, alg: str, public: bytes) -> str:
    """A key as docs/formats/bundle.md 7 writes it: Ed25519 as type 01, P-256 as type 02 over its SPKI."""
    word = "".join(c if (c.isascii() and c.isalnum()) or c in "._-" else "-" for c in name) or "key"
    if alg == keys.ED25519:
        return notes.Verifier(word, notes.ED25519, public).vkey
    spki = keys.spki(alg, public)
    return f"{word}+{hashlib.sha256(spki).hexdigest()[:8]}+{base64.b64encode(b'%c' % 2 + spki).decode()}"
