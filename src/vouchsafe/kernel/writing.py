"""The parts that every act is made of: lock, write a version, check the gates, move, log. Never called by a
shell.

`acts`, `ceremonies` and `react` put them together, always inside one transaction and always in this order:
lock, revision seen, step, permission, fields, version, signatures, gates, state, event.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db.models import Value

from vouchsafe.kernel import cases, permit, registry
from vouchsafe.kernel.canonical import Malformed, canonical, digest, facts_of, merge, pack
from vouchsafe.kernel.cases import Loaded
from vouchsafe.kernel.declare import (
    RELATIONS,
    By,
    Opens,
    Process,
    Step,
    changes_between,
    fields_of,
    overridden,
    roles_of,
    shut,
    stray_changes,
    waiting,
)
from vouchsafe.kernel.erasure import Vault
from vouchsafe.kernel.errors import BadInput, Denied, NotFound, Refused, Stale
from vouchsafe.kernel.models import Draft, Event, File, Link, Person, Record, Version
from vouchsafe.kernel.story import begun, told
from vouchsafe.kernel.trail import log_record, next_number
from vouchsafe.kernel.values import files_in, persons_in, plain, texts_in

MAX_REASON = 4_000
MAX_TITLE = 200
MAX_SEARCHED = 100_000
STANDING_COLUMNS = [
    "title",
    "state",
    "owner",
    "due",
    "closed",
    "version",
    "revision",
    "entered",
    "entered_at",
    "trail",
    "changed",
    "facts",
    "story",
]


def process_of(key: str) -> Process:
    """The process with this key.

    Raises:
        NotFound: none.
    """
    found = registry.processes().get(key)
    if found is None:
        raise NotFound(f"There is no process “{key}”.")
    return found


def lock(number: str, *, by: Person | None, at: datetime) -> Record:
    """The record, locked until the transaction ends. `by` None is the system.

    Raises:
        NotFound: no such record, or not for this person.
    """
    record = Record.objects.select_for_update().filter(number=number).first()
    if record is None:
        raise NotFound(f"There is no record {number} that you may see.")
    if by is not None:
        require_active(by)
        permit.require_read(by, record, at=at)
    return record


def require_active(by: Person) -> None:
    """Raise Denied for somebody whose account was closed after they signed in."""
    if not Person.objects.filter(pk=by.pk, is_active=True).exists():
        raise Denied("This account is closed.")


def require_seen(record: Record, seen: int) -> None:
    """Raise Stale unless the record is as the user saw it."""
    if record.revision != seen:
        raise Stale(
            f"Someone changed {record.number} after you opened it (you saw revision {seen}, "
            f"it is at {record.revision}). Nothing was overwritten.",
            seen=seen,
            revision=record.revision,
        )


def step_of(loaded: Loaded, name: str) -> Step:
    """The step `name` from where the record stands.

    Raises:
        Refused: there is none.
    """
    step = loaded.process.step(name, loaded.record.state)
    if step is None:
        state = loaded.process.label(loaded.record.state).lower()
        raise Refused(f"“{name.replace('_', ' ')}” can't be done while {loaded.record.number} is {state}.")
    return step


def deny(loaded: Loaded, what: str, by: By) -> Denied:
    """The refusal for somebody who isn't one of `by`: which role is missing, and who holds it."""
    record = loaded.record
    roles = roles_of(by)
    if roles:
        scope = {"site": record.site, "product": record.product, "process": record.process}
        return permit.denied(what, roles, at=loaded.case.now, **scope)
    return Denied(f"Only {by} may {what}.")


def checked_reason(reason: str) -> str:
    """`reason` without outer blanks; too long is refused."""
    text = reason.strip()
    if len(text) > MAX_REASON:
        raise BadInput("reason", f"at most {MAX_REASON} characters", str(len(text)))
    return text


def merged(loaded: Loaded, changes: Mapping[str, Any], *, allowed: frozenset[str], what: str) -> Any:
    """The content with `changes`, which may only touch `allowed`.

    Raises:
        BadInput: a value that its field doesn't take.
        Refused: a field that isn't this person's to change here, a person or file that isn't there.
    """
    before = loaded.case.content
    try:
        after = merge(before, plain(changes), new_id=cases.new_row_id)
    except Malformed as wrong:
        raise BadInput(wrong.place, wrong.expected, wrong.got) from None
    if stray := stray_changes(changes_between(before, after), allowed):
        names = ", ".join(_label(loaded.process, name) for name in sorted(stray))
        raise Refused(f"{what} doesn't change: {names}.")
    _require_there(loaded.record, before, after)
    return after


def write_version(
    loaded: Loaded, content: Any, *, by: Person | None, at: datetime
) -> tuple[Loaded, list[str]]:
    """Add a version that says `content`; (what is loaded now, the names that changed). Nothing when nothing
    did.
    """
    wrote = sorted(changes_between(loaded.case.content, content))
    if not wrote:
        return loaded, []
    record = loaded.record
    record.version += 1
    version, facts = new_version(record, loaded.process, content, loaded.vault, by=by, at=at)
    case = cases.with_content(loaded.case, content, sha256=version.sha256, now=at, facts=facts)
    return replace(loaded, version=version, case=case), wrote


def new_version(
    record: Record, process: Process, content: Any, vault: Vault, *, by: Person | None, at: datetime
) -> tuple[Version, dict[str, Any]]:
    """Write `content` as the version that `record.version` names, and set what the record shows of it."""
    try:
        packed = pack(content, commit=vault.commit)
    except Malformed as wrong:
        raise BadInput(wrong.place, wrong.expected, wrong.got) from None
    body = canonical(
        {
            "content": packed,
            "number": record.number,
            "process": record.process,
            "record": record.id.hex,
            "title": record.title,
            "version": record.version,
        }
    )
    facts = facts_of(process.content, packed)
    record.facts = facts
    version = Version.objects.create(
        record=record, number=record.version, body=body, sha256=digest(body), by=by, at=at
    )
    vault.store(at=at)
    words = f"{record.number} {record.title} {' '.join(texts_in(packed))}"[:MAX_SEARCHED].replace("\0", " ")
    words = words.replace("-", " ")  # PostgreSQL would read "CVE-2020-26235" as two negative numbers
    Record.objects.filter(pk=record.pk).update(words=SearchVector(Value(words), config="simple"))
    return version, facts


def create(
    process: Process,
    title: str,
    content: Any,
    *,
    by: Person | None,
    at: datetime,
    site: str,
    product: str,
    reason: str = "",
    more: Mapping[str, Any] | None = None,
) -> Record:
    """A new record in its first state, with its number, first version and first event. Checks no
    permission.
    """
    title = " ".join(title.split())
    if not 0 < len(title) <= MAX_TITLE or not title.isprintable():
        raise BadInput("title", f"1 to {MAX_TITLE} printable characters", f"{len(title)}")
    number = process.number.format(year=at.year, n=next_number(f"number/{process.key}/{at.year}"))
    record = Record.objects.create(
        process=process.key,
        number=number,
        title=title,
        state=process.begins,
        owner=by,
        site=site,
        product=product,
        opened=at,
        version=1,
        entered_at=at,
        changed=at,
        closed=at if process.begins in process.settled else None,
        story=begun(),
    )
    version, _ = new_version(record, process, content, Vault(record, None, ()), by=by, at=at)
    record.revision = record.entered = 1
    scope = {"owner": by.id.hex if by else "", "product": product, "site": site, "title": title}
    log(record, "opened", by=by, at=at, sha256=version.sha256, reason=reason, more={**(more or {}), **scope})
    record.due = process.due_of(cases.new_case(record, content, now=at))
    save(record)
    return record


def log(record: Record, kind: str, *, by: Person | None, at: datetime, sha256: str, **rest: Any) -> Event:
    """Add an event and let the record's story follow it. The caller saves."""
    event = log_record(record, kind, by=by, at=at, sha256=sha256, **rest)
    record.story = told(record.story, json.loads(bytes(event.body)))
    return event


def save(record: Record, loaded: Loaded | None = None) -> None:
    """Write where the record stands now: the one UPDATE of an act. `loaded` where the day that it is due may
    have changed."""
    if loaded is not None:
        record.due = cases.due_of(loaded)
    record.save(update_fields=STANDING_COLUMNS)


def require_open(loaded: Loaded, step: Step) -> None:
    """Raise Refused with every reason why the step's gates are shut for what the record says now."""
    if found := shut(loaded.process, step, loaded.case):
        raise Refused(*(_sentence(f.sentence, f.rule) for f in found))


def take(
    loaded: Loaded, step: Step, *, by: Person | None, at: datetime, role: str = "", wrote: Sequence[str] = ()
) -> Record:
    """Take `step`, permission given and content written: signatures, gates, state, event, and what it sets
    off.

    Raises:
        Refused: a signature is missing or a gate is shut.
    """
    record, process = loaded.record, loaded.process
    if missing := waiting(step, loaded.case):
        raise Refused(
            *(f"Needs the signature “{s.meaning.replace('_', ' ')}” by {s.wanted}." for s in missing)
        )
    require_open(loaded, step)
    answered = [{"rule": f.rule, "said": f.sentence} for f in overridden(process, step, loaded.case)]
    meanings = sorted({s.meaning for s in step.signs if s.when is None or s.when(loaded.case)})
    cleared: list[str] = []
    if step.clears:
        loaded, cleared = write_version(loaded, emptied(loaded.case.content, step.clears), by=by, at=at)
    before = record.state
    record.revision += 1
    record.state = step.target(before)
    event = log(
        record,
        step.name,
        by=by,
        at=at,
        sha256=loaded.version.sha256,
        role=role,
        reason=loaded.case.reason,
        more={
            "answered": answered,
            "by_signature": bool(step.signs),
            "cleared": cleared,
            "from": before,
            "meanings": meanings,
            "step_taken": step.name,
            "wrote": list(wrote),
        },
    )
    if record.state != before:
        enter(record, event.at, settled=record.state in process.settled)
    elif step.signs:
        record.entered = record.revision  # a signature counts for one taking of its step
    _set_off(loaded, step, by=by, at=at)
    save(record, loaded)
    if by is not None:
        Draft.objects.filter(record=record, person=by).delete()
    open_on(f"{process.key}.{step.name}", at=at, title=record.title, source=record)
    return record


def enter(record: Record, at: datetime, *, settled: bool) -> None:
    """Begin a visit: signatures given before count no longer. A record that stays settled keeps its first
    day.
    """
    record.entered, record.entered_at = record.revision, at
    record.closed = (record.closed or at) if settled else None


def emptied(content: Any, names: Iterable[str]) -> Any:
    """`content` with these fields (or these columns of rows) empty."""
    for name in names:
        head, _, column = name.partition(".")
        value = getattr(content, head)
        if column:
            content = replace(content, **{head: tuple(replace(row, **{column: None}) for row in value)})
        else:
            content = replace(content, **{head: () if isinstance(value, tuple) else None})
    return content


def add_link(
    source: Record,
    relation: str,
    target: Record,
    *,
    by: Person | None,
    at: datetime,
    sha256: str,
    role: str = "",
) -> Link:
    """Link two records, and log it on the source. The caller holds the source's lock and saves it."""
    made = Link.objects.create(
        source=source, relation=relation, target=target, target_version=target.version, by=by, at=at
    )
    more = {"relation": relation, "target": target.number, "target_record": target.id.hex}
    log(
        source,
        "linked",
        by=by,
        at=at,
        sha256=sha256,
        role=role,
        more={**more, "target_version": target.version},
    )
    return made


def open_on(
    kind: str,
    *,
    at: datetime,
    title: str,
    source: Record | None = None,
    site: str = "",
    product: str = "",
    changes: Mapping[str, Any] | None = None,
    key: str = "",
) -> list[Record]:
    """Open a draft in every process that waits for `kind`; once for each `key`, where one is given."""
    made = []
    for process in registry.processes().values():
        if kind not in process.opens_on:
            continue
        if key and next_number(f"opened/{process.key}/{digest(key.encode())[:32]}") > 1:
            continue
        known = {f.name for f in fields_of(process.content)}
        given = {name: value for name, value in plain(changes or {}).items() if name in known}
        try:
            content = merge(process.content(), given, new_id=cases.new_row_id)
        except Malformed as wrong:
            raise BadInput(wrong.place, wrong.expected, wrong.got) from None
        record = create(
            process,
            title[:MAX_TITLE],
            content,
            by=None,
            at=at,
            site=source.site if source else site,
            product=source.product if source else product,
            more={"opened_on": kind, "opened_for": key or (source.number if source else "")},
        )
        if source is not None:
            head = record.versions.get(number=record.version)
            add_link(record, "arises_from", source, by=None, at=at, sha256=head.sha256)
            save(record)
        made.append(record)
    return made


def _set_off(loaded: Loaded, step: Step, *, by: Person | None, at: datetime) -> None:
    for opening in step.opens:
        _open_from(loaded, opening, by=by, at=at)
    for move in step.moves:
        for far in sorted(
            loaded.case.linked(move.relation), key=lambda k: k.number
        ):  # one order: no deadlock
            target = cases.load(lock(far.number, by=None, at=at), now=at, reason=loaded.case.reason)
            found = target.process.step(move.step, target.record.state)
            if found is None:
                raise Refused(f"{far.number} is {far.state.replace('_', ' ')} and can't be taken along.")
            take(target, found, by=by, at=at)


def _open_from(loaded: Loaded, opening: Opens, *, by: Person | None, at: datetime) -> None:
    process = process_of(opening.process)
    values = {new: plain(getattr(loaded.case.content, ours)) for new, ours in opening.copy}
    try:
        content = merge(process.content(), values, new_id=cases.new_row_id)
    except Malformed as wrong:
        raise BadInput(wrong.place, wrong.expected, wrong.got) from None
    here = loaded.record
    made = create(
        process,
        here.title,
        content,
        by=by,
        at=at,
        site=here.site,
        product=here.product,
        more={"opened_for": here.number},
    )
    add_link(here, opening.relation, made, by=by, at=at, sha256=loaded.version.sha256)


def relation_allowed(source: Process, relation: str, target: Process) -> bool:
    """Whether either end declares this relation to the other."""
    if target.key in source.relations.get(relation, ()):
        return True
    return source.key in target.relations.get(RELATIONS.get(relation, ""), ())


def _require_there(record: Record, before: Any, after: Any) -> None:
    """New people named must exist; new files named must be attached to this very record."""
    people = persons_in(after) - persons_in(before)
    if people and Person.objects.filter(pk__in=people, is_active=True).count() != len(people):
        raise Refused("A person who is named isn't, or is no longer, one of this organisation.")
    files = files_in(after) - files_in(before)
    there = (
        set(File.objects.filter(record=record, sha256__in=files).values_list("sha256", flat=True))
        if files
        else set()
    )
    if files - there:
        raise Refused("A file that is named isn't attached to this record. Attach it first.")


def _label(process: Process, name: str) -> str:
    head, _, column = name.partition(".")
    found = next((f for f in fields_of(process.content) if f.name == head), None)
    return f"{found.label if found else head}{f', {column}' if column else ''}"


def _sentence(text: str, rule: str) -> str:
    return f"{text} ({rule})" if rule else text
