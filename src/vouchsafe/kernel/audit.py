"""Re-deriving everything that is shown from what is kept: does each record say what its history says?

`audit` walks every record and every other subject: the trail is contiguous and its bodies are canonical,
each version has its hash, each signature its statement and its proof, each projection (state, version,
facts, owner, due, story) is what folding the trail gives, each event's leaf commits to it, and no leaf
points to nothing. It reports where something differs and what, and changes nothing.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from vouchsafe.kernel import cases, publish, registry, signing
from vouchsafe.kernel.canonical import Malformed, digest, facts_of, parse, unpack
from vouchsafe.kernel.models import Event, File, Link, PersonalValue, PersonKey, Record, Signature, Version
from vouchsafe.kernel.publish import EntryView, NotYetProvable
from vouchsafe.kernel.story import begun, told
from vouchsafe.ledger.errors import LedgerError

CHUNK = 200
_SAID = frozenset({"at", "by", "kind", "seq"})
_SAID_OF_RECORD = _SAID | {"record", "revision", "sha256", "state", "version"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that isn't as its history says: where, what was expected, what is there."""

    subject: str  # record number, or "person <hex>"
    place: str  # "version 3", "event 7", "signature 12", "state"
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.subject}, {self.place}: expected {self.expected}, got {self.got}"


@dataclass(slots=True)
class Report:
    """How much was looked at, and every difference found. Sound means: none."""

    at: datetime
    records: int = 0
    versions: int = 0
    events: int = 0
    signatures: int = 0
    leaves: int = 0
    waiting: int = 0  # events that aren't logged yet
    differences: list[Difference] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class LeafRow:
    """What the database says of an event's leaf, and the entry itself from the log's tiles where it can be
    read.
    """

    origin: str
    index: int
    leaf_hash: bytes
    kind: str
    seq: int


def audit(
    now: datetime,
    *,
    numbers: Iterable[str] | None = None,
    read_log: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Check every record and every other subject, or only the records with these numbers.

    `read_log`: also read each leaf from the log's tiles, and compare its commitment with the event's bytes.
    `progress` hears how many records of how many are done.
    """
    report = Report(now)
    records = Record.objects.defer("words").order_by("number")
    if numbers is not None:
        records = records.filter(number__in=list(numbers))
    found = list(records)
    for start in range(0, len(found), CHUNK):
        _check_records(found[start : start + CHUNK], report, read_log=read_log)
        progress(min(start + CHUNK, len(found)), len(found))
    if numbers is None:
        _check_others(report, read_log=read_log)
    return report


def verify_record(number: str, *, now: datetime, read_log: bool = True) -> Report:
    """`audit` of one record: what the *Verify* button of its page runs (R-04)."""
    return audit(now, numbers=[number], read_log=read_log)


def _check_records(records: Sequence[Record], report: Report, *, read_log: bool) -> None:
    ids = [r.pk for r in records]
    versions = _grouped(Version.objects.filter(record__in=ids).order_by("number"), "record_id")
    events = _grouped(Event.objects.filter(record__in=ids).order_by("seq"), "record_id")
    signatures = _grouped(
        Signature.objects.filter(version__record__in=ids)
        .select_related("version", "key", "by")
        .order_by("id"),
        "version.record_id",
    )
    links = _grouped(Link.objects.filter(source__in=ids).select_related("target").order_by("id"), "source_id")
    files = _grouped(File.objects.filter(record__in=ids).order_by("id"), "record_id")
    personal = defaultdict(set)
    for record_id, commitment in PersonalValue.objects.filter(record__in=ids).values_list(
        "record_id", "commitment"
    ):
        personal[record_id].add(commitment)
    leaf_rows = _leaf_rows([e.id for group in events.values() for e in group])
    entries = _Entries(leaf_rows.values()) if read_log else None
    for r in records:
        mine = _Checked(r.number, report)
        bodies = mine.events(events.get(r.pk, []), subject=r.id.hex, leaf_rows=leaf_rows, entries=entries)
        by_number = {v.number: v for v in versions.get(r.pk, [])}
        mine.versions(r, by_number, personal[r.pk])
        mine.fold(r, bodies, by_number)
        mine.signatures(signatures.get(r.pk, []), bodies)
        mine.links(links.get(r.pk, []), files.get(r.pk, []), bodies)
        report.records += 1
    _check_due(records, report)


def _check_due(records: Sequence[Record], report: Report) -> None:
    """The day in the tasks is what the process computes. What can't be read has been reported above."""
    unreadable = (Malformed, KeyError, ValueError, TypeError)
    try:
        found = cases.load_many(records, now=report.at)
    except unreadable:
        found = []
        for r in records:  # one of them is bad: look at the others
            with suppress(*unreadable):
                found.append(cases.load(r, now=report.at))
    for loaded in found:
        r = loaded.record
        _Checked(r.number, report).equal("due", cases.due_of(loaded), r.due)


def _check_others(report: Report, *, read_log: bool) -> None:
    """Subjects that aren't records: people and exports."""
    others = _grouped(Event.objects.filter(record=None).order_by("subject", "seq"), "subject")
    leaf_rows = _leaf_rows([e.id for group in others.values() for e in group])
    entries = _Entries(leaf_rows.values()) if read_log else None
    keys = {k.id.hex: k for k in PersonKey.objects.all()}
    logged: set[str] = set()
    for subject, events in others.items():
        mine = _Checked(f"{events[0].subject_type} {subject.hex}", report)
        for body in mine.events(events, subject=subject.hex, leaf_rows=leaf_rows, entries=entries):
            if body.get("kind") == "key.added":
                logged.add(body["key"])
                key = keys.get(body["key"])
                kept = (
                    (bytes(key.public_key).hex(), bytes(key.credential_id).hex(), key.person_id.hex)
                    if key
                    else ()
                )
                mine.equal("passkey", (body["public_key"], body["credential"], subject.hex), kept)
    for key_id in sorted(keys.keys() - logged):
        _Checked(f"person {keys[key_id].person_id.hex}", report).differs(
            "passkey", "an event that added it", "none"
        )


class _Checked:
    """The checks of one subject; every difference goes into the report."""

    def __init__(self, subject: str, report: Report) -> None:
        self.subject, self.report = subject, report

    def differs(self, place: str, expected: object, got: object) -> None:
        self.report.differences.append(Difference(self.subject, place, str(expected)[:200], str(got)[:200]))

    def equal(self, place: str, expected: object, got: object) -> None:
        if expected != got:
            self.differs(place, expected, got)

    def events(
        self,
        events: Sequence[Event],
        *,
        subject: str,
        leaf_rows: Mapping[int, LeafRow],
        entries: "_Entries | None",
    ) -> list[dict[str, Any]]:
        """Contiguous, canonical, and saying of themselves what their columns say; the bodies that can be
        read.
        """
        bodies = []
        for n, e in enumerate(events):
            place = f"event {e.seq}"
            self.report.events += 1
            self.equal(place, f"seq {n}", f"seq {e.seq}")
            self.equal(f"{place} salt", 32, len(e.salt))
            try:
                body = parse(bytes(e.body))
            except Malformed as wrong:
                self.differs(place, "canonical bytes", wrong)
                continue
            if missing := (_SAID_OF_RECORD if e.record_id else _SAID) - body.keys():
                self.differs(place, f"a body that says {', '.join(sorted(missing))}", "one that doesn't")
                continue
            named = body.get("record") or body.get("subject")
            said = (body.get("seq"), body.get("kind"), body.get("by"), body.get("at"), named)
            columns = (e.seq, e.kind, e.by_id.hex if e.by_id else "", signing.moment(e.at), subject)
            self.equal(place, said, columns)
            if e.record_id and "sha256" in body:
                content = signing.content_commitment(bytes(e.salt), body["sha256"])
                self.equal(f"{place} facts", content, e.facts.get("content"))
            self.leaf(e, leaf_rows.get(e.id), place, entries)
            bodies.append(body)
        return bodies

    def leaf(self, e: Event, row: LeafRow | None, place: str, entries: "_Entries | None") -> None:
        """The leaf that commits to this event, if it has been logged."""
        if row is None:
            self.report.waiting += 1
            return
        self.report.leaves += 1
        self.equal(f"{place} leaf", (e.leaf_kind, e.seq), (row.kind, row.seq))
        if entries is None:
            return
        commit = digest(bytes(e.salt) + bytes(e.body))
        entry = entries.of(row)
        if isinstance(entry, str):
            self.differs(f"{place} leaf", f"{row.origin} entry {row.index} as it was logged", entry)
        elif entry is not None:
            self.equal(f"{place} leaf commits to", entry.leaf.commit, commit)

    def versions(self, r: Record, by_number: Mapping[int, Version], personal: set[str]) -> None:
        """Numbered without a hole, each with its hash, and saying whose it is."""
        self.equal("versions", list(range(1, r.version + 1)), sorted(by_number))
        for v in by_number.values():
            place = f"version {v.number}"
            self.report.versions += 1
            self.equal(place, f"SHA-256 {digest(bytes(v.body))}", f"SHA-256 {v.sha256}")
            try:
                body = parse(bytes(v.body))
            except Malformed as wrong:
                self.differs(place, "canonical bytes", wrong)
                continue
            self.equal(
                place, (r.number, r.id.hex, v.number), (body["number"], body["record"], body["version"])
            )
            for commitment in _commitments(body["content"]) - personal:
                self.differs(
                    place, f"the personal value behind {commitment[:16]}", "none, not even encrypted"
                )

    def fold(self, r: Record, bodies: Sequence[Mapping[str, Any]], by_number: Mapping[int, Version]) -> None:
        """Where the record stands is what its trail, told from the beginning, comes to."""
        self.equal("trail", r.trail, len(bodies))
        if not bodies or bodies[0].get("kind") != "opened":
            self.differs("event 0", "opened", bodies[0].get("kind") if bodies else "nothing")
            return
        story, first = begun(), bodies[0]
        state, owner, entered, entered_at, closed = first["state"], first["owner"], 1, first["at"], ""
        process = registry.processes().get(r.process)
        settled = process.settled if process else ()
        closed = first["at"] if state in settled else ""
        revision = 0
        for body in bodies:
            place = f"event {body['seq']}"
            story = told(story, body)
            if body["revision"] < revision:
                self.differs(place, f"a revision of at least {revision}", body["revision"])
            revision = body["revision"]
            version = by_number.get(body["version"])
            self.equal(f"{place} version", version.sha256 if version else "a version", body["sha256"])
            if body["kind"] == "assigned":
                owner = body["owner"]
            if body.get("step_taken"):
                self.equal(f"{place} from", state, body["from"])
                if body["state"] != state or body.get("by_signature"):
                    entered = body["revision"]
                if body["state"] != state:
                    entered_at = body["at"]
                    stays_closed = body["state"] in settled or body["state"] == cases.VOID
                    closed = (closed or body["at"]) if stays_closed else ""
                state = body["state"]
            else:
                self.equal(f"{place} state", state, body["state"])
        last = bodies[-1]
        expected = {
            "state": state,
            "version": last["version"],
            "revision": last["revision"],
            "entered": entered,
            "entered_at": entered_at,
            "owner": owner,
            "title": first["title"],
            "site": first["site"],
            "product": first["product"],
            "opened": first["at"],
            "changed": last["at"],
            "closed": closed,
            "story": story,
        }
        for name, value in expected.items():
            self.equal(name, value, _shown(r, name))
        if process and (head := by_number.get(r.version)):
            self.projection(r, process, head)

    def projection(self, r: Record, process: Any, head: Version) -> None:
        """Facts and due day are those of the newest version."""
        try:
            packed = parse(bytes(head.body))["content"]
            unpack(process.content, packed)
        except Malformed as wrong:
            self.differs(f"version {head.number}", "content of this process", wrong)
            return
        self.equal("facts", facts_of(process.content, packed), r.facts)

    def signatures(self, rows: Sequence[Signature], bodies: Sequence[Mapping[str, Any]]) -> None:
        """Each statement names this record, version, signer and time, and its proof holds; each has its
        event.
        """
        events = {b["signature"]: b for b in bodies if b["kind"] == "signed"}
        self.equal("signatures", sorted(events), sorted(s.pk for s in rows))
        for s in rows:
            place = f"signature {s.pk}"
            self.report.signatures += 1
            statement = bytes(s.statement)
            rebuilt = signing.statement(
                record=self.subject,
                version=s.version.number,
                sha256=digest(bytes(s.version.body)),
                process=json.loads(statement)["process"] if statement else "",
                step=s.step,
                revision=s.revision,
                meaning=s.meaning,
                reason=s.reason,
                signer=s.by_id.hex,
                at=datetime.fromisoformat(json.loads(statement)["at"]),
            )
            if rebuilt != statement:
                self.differs(f"{place} statement", rebuilt.decode(), statement.decode(errors="replace"))
            if event := events.get(s.pk):
                said = (
                    event["statement"],
                    event["meaning"],
                    event["by"],
                    event["role"],
                    event["printed_name"],
                )
                kept = (digest(statement), s.meaning, s.by_id.hex, s.role, s.printed_name)
                self.equal(place, said, kept)
                self.equal(f"{place} ceremony", event["ceremony"], s.ceremony)
            if s.ceremony == "passkey":
                self.passkey(s, place)

    def passkey(self, s: Signature, place: str) -> None:
        """The assertion, checked as an outsider would."""
        if s.key is None or s.key.person_id != s.by_id:
            self.differs(place, "a passkey of the signer", "another")
            return
        why = signing.verify_stored(
            statement=bytes(s.statement),
            public_key=bytes(s.key.public_key),
            rp_id=s.key.rp_id,
            authenticator_data=bytes(s.authenticator_data or b""),
            client_data=bytes(s.client_data or b""),
            assertion=bytes(s.assertion or b""),
        )
        if why:
            self.differs(place, "a passkey's proof", why)

    def links(
        self, links: Sequence[Link], files: Sequence[File], bodies: Sequence[Mapping[str, Any]]
    ) -> None:
        """Each link and each file has the event that made it, and the other way round."""
        said = sorted((b["relation"], b["target"]) for b in bodies if b["kind"] == "linked")
        self.equal("links", said, sorted((k.relation, k.target.number) for k in links))
        named = sorted((b["file"], b["name"], b["size"]) for b in bodies if b["kind"] == "attached")
        self.equal("files", named, sorted((f.sha256, f.name, f.size) for f in files))


def _shown(r: Record, name: str) -> Any:
    """A column of the record in the form that events use."""
    value = getattr(r, f"{name}_id" if name == "owner" else name)
    if name == "owner":
        return value.hex if value else ""
    if isinstance(value, datetime):
        return signing.moment(value)
    return "" if value is None else value


def _commitments(value: Any) -> set[str]:
    """Every commitment in a packed content."""
    if isinstance(value, dict):
        if set(value) == {"commitment"}:
            return {value["commitment"]}
        return set().union(*(_commitments(v) for v in value.values()))
    return set().union(*(_commitments(v) for v in value)) if isinstance(value, list) else set()


def _grouped(rows: Iterable[Any], key: str) -> dict[Any, list[Any]]:
    out: dict[Any, list[Any]] = {}
    for row in rows:
        value = row
        for part in key.split("."):
            value = getattr(value, part)
        out.setdefault(value, []).append(row)
    return out


def _leaf_rows(events: Sequence[int]) -> dict[int, LeafRow]:
    if not events:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event, origin, ix, leaf_hash, kind, seq FROM leaf_ref WHERE event = ANY(%s)",
            [list(events)],
        )
        return {row[0]: LeafRow(row[1], row[2], bytes(row[3]), row[4], row[5]) for row in cursor.fetchall()}


class _Entries:
    """Entries from the logs' tiles, each compared with its leaf hash; neighbours are read together."""

    def __init__(self, rows: Iterable[LeafRow]) -> None:
        self._found: dict[tuple[str, int], EntryView] = {}
        self._wrong: dict[tuple[str, int], str] = {}
        by_origin: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            by_origin[row.origin].append(row.index)
        for origin, indexes in by_origin.items():
            for first, count in _runs(sorted(indexes)):
                self._read(origin, first, count)

    def _read(self, origin: str, first: int, count: int) -> None:
        try:
            for entry in publish.entries(origin, first, count):
                self._found[origin, entry.index] = entry
        except NotYetProvable:
            return  # durable, but not yet under a checkpoint
        except LedgerError as wrong:
            if count == 1:
                self._wrong[origin, first] = str(wrong)
                return
            for index in range(first, first + count):  # one of them is bad: find out which
                self._read(origin, index, 1)

    def of(self, row: LeafRow) -> EntryView | str | None:
        """The entry, what is wrong with it, or None where it isn't under a checkpoint yet."""
        key = (row.origin, row.index)
        return self._wrong.get(key) or self._found.get(key)


def _runs(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, count) of each run of neighbours."""
    start = 0
    for n in range(1, len(indexes) + 1):
        if n == len(indexes) or indexes[n] != indexes[n - 1] + 1:
            yield indexes[start], n - start
            start = n


def differences(report: Report) -> Iterator[str]:
    """Each difference as a sentence."""
    for one in report.differences:
        yield str(one)
