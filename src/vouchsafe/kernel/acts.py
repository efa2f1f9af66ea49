"""The only writer. Each act is one transaction: lock, ask the process, write version, signature, state,
event.

Read `act` first; `ceremonies` has the two halves of a signature, `writing` the parts that all acts share.
Nothing here knows a particular process, and nothing outside the kernel changes a record. Every act takes
`by` (who) and `at` (now, UTC): nothing below reads a clock or a request. A refused act has written nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from vouchsafe.kernel import cases, files, permit, registry
from vouchsafe.kernel.canonical import Malformed, merge
from vouchsafe.kernel.ceremonies import Begun, begin_signing, sign
from vouchsafe.kernel.declare import (
    By,
    changes_between,
    due_system_steps,
    has_substance,
    may,
    roles_of,
    slots,
    stray_changes,
    writable,
)
from vouchsafe.kernel.drafts import draft_of, drop_draft, save_draft
from vouchsafe.kernel.errors import BadInput, Denied, KernelError, NotFound, Refused, SigningFailed, Stale
from vouchsafe.kernel.models import Draft, Event, File, Link, Person, PersonalValue, Record, SubjectKey
from vouchsafe.kernel.trail import log_subject
from vouchsafe.kernel.values import persons_in, plain
from vouchsafe.kernel.writing import (
    add_link,
    checked_reason,
    create,
    deny,
    enter,
    lock,
    log,
    merged,
    process_of,
    relation_allowed,
    require_active,
    require_seen,
    save,
    step_of,
    take,
    write_version,
)

__all__ = [
    "BadInput",
    "Begun",
    "Denied",
    "KernelError",
    "NotFound",
    "Refused",
    "SigningFailed",
    "Stale",
    "act",
    "assign",
    "attach",
    "begin_signing",
    "draft_of",
    "drop_draft",
    "erase",
    "link",
    "log_event",
    "log_export",
    "open_record",
    "save_draft",
    "sign",
    "system_steps",
    "void",
    "write",
]

QUALITY = "qa"
DATA_PROTECTION = "data_protection_officer"


@transaction.atomic
def open_record(
    process_key: str,
    title: str,
    *,
    by: Person,
    at: datetime,
    site: str = "",
    product: str = "",
    changes: Mapping[str, Any] | None = None,
    links: Iterable[tuple[str, str]] = (),
    reason: str = "",
) -> Record:
    """Open a record owned by `by`, with its first version; `links` are (relation, number) pairs.

    Raises:
        Denied: opening isn't for this person.
        Refused: a field that only a later step may write, or a value that its field doesn't take.
    """
    process = process_of(process_key)
    require_active(by)
    roles = permit.roles(by, at=at, site=site, product=product, process=process.key)
    blank = cases.empty_case(process, owner=by, now=at, site=site, product=product)
    if not may(process.opened_by, blank, person=by.id.hex, roles=roles):
        raise _not_for(
            process.opened_by, f"open a {process.title.lower()}", at=at, site=site, product=product
        )
    empty = process.content()
    try:
        content = merge(empty, plain(changes or {}), new_id=cases.new_row_id)
    except Malformed as wrong:
        raise BadInput(wrong.place, wrong.expected, wrong.got) from None
    if stray := stray_changes(changes_between(empty, content), process.opening_fields):
        raise Refused(f"Opening doesn't write: {', '.join(sorted(stray))}.")
    people = persons_in(content)
    if Person.objects.filter(pk__in=people, is_active=True).count() != len(people):
        raise Refused("A person who is named isn't, or is no longer, one of this organisation.")
    record = create(
        process, title, content, by=by, at=at, site=site, product=product, reason=checked_reason(reason)
    )
    for relation, number in links:
        link(record.number, relation, number, by=by, at=at)
    record.refresh_from_db()
    return record


@transaction.atomic
def act(
    number: str,
    step: str,
    *,
    seen: int,
    by: Person,
    at: datetime,
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Record:
    """Take `step`, after writing `changes`. A step that needs signatures is taken by the last of them
    (`sign`).

    Args:
        seen: Record.revision of the page that the user was looking at.
        changes: JSON values by field name, as `canonical.merge` takes them; rows as whole lists.
        reason: why; needed where a rule asks for it, kept in the event.

    Raises:
        Stale: the record has moved on since `seen`.
        Denied: the step isn't for this person; says for whom it is.
        Refused: no such step from here, a field isn't this step's, a gate is shut, or a signature is missing.
    """
    record = lock(number, by=by, at=at)
    require_seen(record, seen)
    loaded = cases.load(record, now=at, reason=checked_reason(reason), also=[by])
    wanted = step_of(loaded, step)
    roles = loaded.roles_of(by)
    if not may(wanted.by, loaded.case, person=by.id.hex, roles=roles):
        raise deny(loaded, wanted.label[:1].lower() + wanted.label[1:], wanted.by)
    content = merged(loaded, changes or {}, allowed=wanted.writes, what=f"“{wanted.label}”")
    loaded, wrote = write_version(loaded, content, by=by, at=at)
    return take(loaded, wanted, by=by, at=at, role=_role_in(roles, wanted.by), wrote=wrote)


@transaction.atomic
def write(
    number: str, *, seen: int, by: Person, at: datetime, changes: Mapping[str, Any], reason: str = ""
) -> Record:
    """Write a new version without moving the record: the fields that `by` may change where it stands.

    Raises:
        Stale, Denied, Refused: as `act`; also when nothing would change.
    """
    record = lock(number, by=by, at=at)
    require_seen(record, seen)
    loaded = cases.load(record, now=at, reason=checked_reason(reason), also=[by])
    allowed = writable(loaded.process, loaded.case, person=by.id.hex, roles=loaded.roles_of(by))
    if not allowed:
        state = loaded.process.label(record.state).lower()
        raise Denied(f"Nothing in {number} is yours to change while it is {state}.")
    content = merged(loaded, changes, allowed=allowed, what="This state, for you,")
    loaded, wrote = write_version(loaded, content, by=by, at=at)
    if not wrote:
        raise Refused("Nothing is changed.")
    record.revision += 1
    log(
        record,
        "written",
        by=by,
        at=at,
        sha256=loaded.version.sha256,
        role="owner" if record.owner_id == by.id else "",
        reason=loaded.case.reason,
        more={"wrote": wrote},
    )
    save(record, loaded)
    Draft.objects.filter(record=record, person=by).delete()
    return record


@transaction.atomic
def link(number: str, relation: str, target_number: str, *, by: Person, at: datetime) -> None:
    """Link two records for good; a link is answered by other events, never removed.

    Raises:
        NotFound: one of them isn't there for this person.
        Refused: neither process knows the relation, or the link is there already, from either end.
    """
    source = lock(number, by=by, at=at)
    target = Record.objects.filter(number=target_number).first()
    if target is None:
        raise NotFound(f"There is no record {target_number} that you may see.")
    permit.require_read(by, target, at=at)
    loaded = cases.load(source, now=at, also=[by])
    _require_part_in(loaded, by, "link it")
    if source.pk == target.pk:
        raise Refused("A record isn't linked to itself.")
    if not relation_allowed(loaded.process, relation, process_of(target.process)):
        raise Refused(f"“{relation.replace('_', ' ')}” doesn't lead from {source.number} to {target.number}.")
    if any(k.relation == relation and k.number == target.number for k in loaded.case.links):
        raise Refused(f"{source.number} and {target.number} are linked so already.")
    if Link.objects.filter(source=source, target=target, relation=relation).exists():
        raise Refused(f"{source.number} and {target.number} are linked so already.")
    add_link(source, relation, target, by=by, at=at, sha256=loaded.version.sha256)
    save(source)


@transaction.atomic
def void(number: str, *, seen: int, by: Person, at: datetime, reason: str) -> Record:
    """Void a record: asked for by its owner or quality assurance, confirmed by another person of quality
    assurance.

    Nothing is deleted, and the number isn't given again (INV-06). The first call asks, the second confirms.

    Raises:
        Refused: no reason of substance (INV-08), the same person twice, or void already.
    """
    record = lock(number, by=by, at=at)
    require_seen(record, seen)
    loaded = cases.load(record, now=at, reason=checked_reason(reason), also=[by])
    roles = loaded.roles_of(by)
    if record.state == cases.VOID:
        raise Refused(f"{number} is void.")
    if not has_substance(loaded.case.reason):
        raise Refused("Give a reason for voiding: what is wrong with the record, in a sentence (INV-08).")
    asked_by = record.story["void_asked"]
    if not asked_by:
        if QUALITY not in roles and record.owner_id != by.id:
            raise _not_for(By("role", (QUALITY,)) | By("owner"), f"ask for {number} to be voided", at=at)
        log(record, "void.asked", by=by, at=at, sha256=loaded.version.sha256, reason=loaded.case.reason)
        save(record)
        return record
    if QUALITY not in roles:
        raise deny(loaded, f"confirm that {number} is void", By("role", (QUALITY,)))
    if asked_by == by.id.hex:
        raise Refused("You asked for it; another person of quality assurance confirms (INV-06).")
    before = record.state
    record.revision += 1
    record.state = cases.VOID
    more = {"asked_by": asked_by, "from": before, "step_taken": "void", "meanings": [], "wrote": []}
    reason = loaded.case.reason
    sha256 = loaded.version.sha256
    event = log(record, "voided", by=by, at=at, sha256=sha256, role=QUALITY, reason=reason, more=more)
    enter(record, event.at, settled=True)
    save(record, loaded)
    return record


@transaction.atomic
def assign(number: str, owner: Person, *, seen: int, by: Person, at: datetime, reason: str = "") -> Record:
    """Give a record to another owner. Its owner or quality assurance may; also how a drafted record gets
    one.
    """
    record = lock(number, by=by, at=at)
    require_seen(record, seen)
    loaded = cases.load(record, now=at, also=[by])
    if record.owner_id != by.id and QUALITY not in loaded.roles_of(by):
        raise deny(loaded, f"give {number} to somebody else", By("role", (QUALITY,)))
    if record.owner_id == owner.id:
        raise Refused(f"{owner.full_name} owns {number} already.")
    owner = Person.objects.select_for_update(no_key=True).get(pk=owner.pk)  # whose account may be closing now
    if not owner.is_active or not permit.roles_for(owner, record, at=at):
        raise Refused(f"{owner.full_name} holds no role for {number}.")
    before = record.owner_id.hex if record.owner_id else ""
    record.owner = owner
    more = {"owner": owner.id.hex, "owner_before": before, "owner_name": owner.full_name}
    text = checked_reason(reason)
    log(record, "assigned", by=by, at=at, sha256=loaded.version.sha256, reason=text, more=more)
    save(record)
    return record


@transaction.atomic
def attach(
    number: str,
    data: bytes,
    *,
    name: str,
    media_type: str,
    by: Person,
    at: datetime,
    root: Path | None = None,
) -> str:
    """Attach a file; its SHA-256. The bytes are durable before the database names them; twice changes
    nothing.
    """
    record = lock(number, by=by, at=at)
    loaded = cases.load(record, now=at, also=[by])
    _require_part_in(loaded, by, "attach files to it")
    name = " ".join(name.split())[:200]
    if not name or not name.isprintable() or not media_type.isascii() or not 0 < len(media_type) <= 100:
        raise BadInput("file", "a printable name and a media type", repr(name)[:60])
    sha256 = files.keep(data, root=root or files.folder())
    if File.objects.filter(record=record, sha256=sha256).exists():
        return sha256
    File.objects.create(
        record=record, sha256=sha256, size=len(data), name=name, media_type=media_type, by=by, at=at
    )
    more = {"file": sha256, "media_type": media_type, "name": name, "size": len(data)}
    log(record, "attached", by=by, at=at, sha256=loaded.version.sha256, more=more)
    save(record)
    return sha256


@transaction.atomic
def erase(number: str, *, by: Person, at: datetime, reason: str) -> int:
    """Erase the personal values of a record (R-58): how many there were. Every hash and proof stays as it is.

    Only the data protection officer may. Drafts of the record go too, since they may hold the same values.
    """
    record = lock(number, by=by, at=at)
    loaded = cases.load(record, now=at, also=[by])
    if DATA_PROTECTION not in loaded.roles_of(by):
        raise deny(loaded, "erase personal values", By("role", (DATA_PROTECTION,)))
    text = checked_reason(reason)
    if not has_substance(text):
        raise Refused("Give the reason for the erasure, in a sentence (INV-08).")
    count = PersonalValue.objects.filter(record=record).count() if _has_key(record) else 0
    if not count:
        raise Refused(f"{number} holds no personal values.")
    SubjectKey.objects.filter(record=record).delete()
    Draft.objects.filter(record=record).delete()
    log(
        record,
        "erased",
        by=by,
        at=at,
        sha256=loaded.version.sha256,
        role=DATA_PROTECTION,
        reason=text,
        more={"values": count},
        leaf_kind="record.erase",
        facts={"values": count},
    )
    save(record)
    return count


# For other parts of the server, in their own transaction.


@transaction.atomic
def log_event(
    number: str,
    kind: str,
    body: Mapping[str, Any],
    *,
    by: Person | None,
    at: datetime,
    leaf_kind: str = "record.event",
    facts: Mapping[str, Any] | None = None,
    role: str = "",
    reason: str = "",
) -> Event:
    """Add an event that another part of the server saw, in the caller's transaction: a population frozen, a
    unit moved.

    It changes neither the record's content nor its state. Whoever calls it has checked the permission.
    """
    record = lock(number, by=None, at=at)
    head = record.versions.get(number=record.version)
    if set(body) & {"step_taken", "wrote", "owner", "title"}:
        raise Refused("An event from outside can't take a step, write a field or change an owner.")
    event = log(
        record,
        kind,
        by=by,
        at=at,
        sha256=head.sha256,
        role=role,
        reason=reason,
        more=plain(body),
        leaf_kind=leaf_kind,
        facts=facts,
    )
    save(record)
    return event


@transaction.atomic
def log_export(
    export_id: UUID, *, by: Person | None, at: datetime, body: Mapping[str, Any], facts: Mapping[str, Any]
) -> Event:
    """Log that a bundle was exported (`bundle.export`): its own subject, so that the bundle can carry the
    proof.
    """
    return log_subject(
        "export",
        export_id,
        "exported",
        by=by,
        at=at,
        body=plain(body),
        leaf_kind="bundle.export",
        facts=facts,
    )


def system_steps(now: datetime) -> list[tuple[str, str]]:
    """Take every step that is the worker's to take now; (record number, step) for each taken.

    Each record is its own transaction, and is looked at again under its lock.
    """
    taken: list[tuple[str, str]] = []
    for process in registry.processes().values():
        states = {state for s in process.steps if s.is_system for state in process.leaves_from(s)}
        if not states:
            continue
        waiting = list(Record.objects.filter(process=process.key, state__in=states).order_by("number"))
        for start in range(0, len(waiting), 200):
            for loaded in cases.load_many(waiting[start : start + 200], now=now):
                if due_system_steps(process, loaded.case):
                    taken += _system_step(loaded.record.number, now)
    return taken


@transaction.atomic
def _system_step(number: str, now: datetime) -> list[tuple[str, str]]:
    loaded = cases.load(lock(number, by=None, at=now), now=now)
    due = due_system_steps(loaded.process, loaded.case)
    if not due:
        return []
    take(loaded, due[0], by=None, at=now, role="system")
    return [(number, due[0].name)]


def _has_key(record: Record) -> bool:
    return SubjectKey.objects.filter(record=record).exists()


def _role_in(roles: frozenset[str], by: By) -> str:
    """The role in which somebody acted, as the trail says it (INV-02)."""
    for part in by.parts():
        held = [name for name in cases.role_names(part) if name in roles]
        if held:
            return held[0]
    return by.parts()[0].kind


def _require_part_in(loaded: cases.Loaded, by: Person, what: str) -> None:
    """Raise Denied unless `by` has something to do with the record where it stands: owns, may step, write or
    sign.
    """
    person, roles = by.id.hex, loaded.roles_of(by)
    if loaded.record.owner_id == by.id or QUALITY in roles:
        return
    for step in loaded.process.steps_from(loaded.record.state):
        if may(step.by, loaded.case, person=person, roles=roles):
            return
        if any(slot.fits(person, roles) for slot in slots(step, loaded.case)):
            return
    if writable(loaded.process, loaded.case, person=person, roles=roles):
        return
    raise Denied(f"You have no part in {loaded.record.number} where it stands, so you can't {what}.")


def _not_for(by: By, what: str, *, at: datetime, site: str = "", product: str = "") -> Denied:
    return permit.denied(what, roles_of(by), at=at, site=site, product=product)
