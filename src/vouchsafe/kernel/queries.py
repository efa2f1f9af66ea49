"""What may be read, by whom: every function takes the reader, and answers only with what they may see (R-57).

`record` is one record with everything that its page shows; `records` a filtered page of a list; `search` the
palette. `worklist` has what waits for somebody: tasks and clocks. All in a fixed number of queries, however
long the list.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import Count as CountOf
from django.db.models import F, Q

from vouchsafe.kernel import cases, permit, registry, steps
from vouchsafe.kernel.cases import Loaded
from vouchsafe.kernel.declare import RELATIONS, fields_of, is_empty, writable
from vouchsafe.kernel.declare import clocks as clocks_of
from vouchsafe.kernel.errors import NotFound
from vouchsafe.kernel.history import events_of, recent, seals
from vouchsafe.kernel.history import numbers_at as history_numbers_at
from vouchsafe.kernel.models import Event, File, Link, Person, PersonalValue, Record, Signature
from vouchsafe.kernel.publish import Seal
from vouchsafe.kernel.views import (
    QUEUED,
    ClockView,
    Count,
    EventView,
    FileView,
    Filters,
    LinkView,
    Page,
    PersonView,
    RecordRow,
    RecordView,
    SignatureView,
    Stage,
    StepView,
)
from vouchsafe.kernel.worklist import tasks, worklist

__all__ = [
    "Filters",
    "changed_since",
    "clocks",
    "counts",
    "file_of",
    "filled",
    "gates",
    "history",
    "id_of",
    "last_events",
    "linked_records",
    "number_of",
    "numbers_at",
    "overdue_since",
    "recent_events",
    "record",
    "records",
    "search",
    "signatures",
    "state_counts",
    "tasks",
    "view_counts",
    "worklist",
]

MAX_PAGE = 200
MAX_SEARCH = 200
SORTS = ("number", "title", "state", "due", "opened", "changed", "owner")
MAY_VOID = "qa"


def record(number: str, by: Person, *, now: datetime) -> RecordView:
    """One record as `by` may see it.

    Raises:
        NotFound: there is none, or not for this person.
    """
    found = readable_record(number, by, now=now)
    loaded = cases.load(found, now=now, also=[by])
    return _view(loaded, by)


def readable_record(number: str, by: Person, *, now: datetime) -> Record:
    """The row, if `by` may see it. For the kernel's own use."""

    def ask() -> Record:
        found = Record.objects.select_related("owner").defer("words").filter(number=number).first()
        if found is None:
            raise NotFound(f"There is no record {number} that you may see.")
        permit.require_read(by, found, at=now)
        return found

    return permit.once(("record", number, by.pk, now), ask)


def records(
    process: str, filters: Filters, by: Person, *, now: datetime, page: int = 1, size: int = 50
) -> Page:
    """A page of the records of `process` ("" for all) that `by` may see, filtered and sorted."""
    size = min(max(size, 1), MAX_PAGE)
    rows = Record.objects.filter(permit.readable(by, at=now)).filter(_condition(filters))
    if process:
        rows = rows.filter(process=process)
    total = rows.count()
    page = min(max(page, 1), max(1, -(-total // size)))
    name = filters.sort.removeprefix("-")
    column = {"owner": "owner__full_name"}.get(name, name) if name in SORTS else "changed"
    order = (
        F(column).desc(nulls_last=True) if filters.sort.startswith("-") else F(column).asc(nulls_last=True)
    )
    found = (
        rows.select_related("owner")
        .defer("words")
        .order_by(order, "-number")[(page - 1) * size : page * size]
    )
    return Page(_rows(list(found)), total, page, size)


def search(text: str, by: Person, *, now: datetime, limit: int = 20) -> tuple[RecordRow, ...]:
    """Records by number, title or words; best first. Personal values are in no index."""
    text = " ".join(text.split())[:MAX_SEARCH]
    if not text:
        return ()
    seen = Record.objects.filter(permit.readable(by, at=now)).select_related("owner").defer("words")
    by_number = list(seen.filter(number__istartswith=text).order_by("-changed")[:limit])
    rest = seen.exclude(pk__in=[r.pk for r in by_number])
    query = prefix_query(text)
    words = list(rest.filter(words=query).order_by("-changed")[: limit - len(by_number)]) if query else []
    return _rows([*by_number, *words])


def prefix_query(text: str) -> SearchQuery | None:
    """All words of `text`, each as the beginning of a word; letters and digits only, so nothing in it is an
    operator.
    """
    parts = ["".join(c for c in word if c.isalnum()) for word in text.replace("-", " ").split()]
    terms = [f"{p}:*" for p in parts if p]
    return SearchQuery(" & ".join(terms), search_type="raw", config="simple") if terms else None


def counts(by: Person, *, now: datetime) -> dict[str, Count]:
    """Process key to how many records are open, overdue and there at all."""
    return permit.once(("counts", by.pk, now), lambda: _counts(by, now))


def _counts(by: Person, now: datetime) -> dict[str, Count]:
    rows = (
        Record.objects.filter(permit.readable(by, at=now))
        .values("process")
        .annotate(
            open=CountOf("pk", filter=Q(closed=None)),
            overdue=CountOf("pk", filter=Q(closed=None, due__lt=now.date())),
            total=CountOf("pk"),
        )
    )
    found = {r["process"]: Count(r["open"], r["overdue"], r["total"]) for r in rows}
    return {key: found.get(key, Count(0, 0, 0)) for key in registry.processes()}


def state_counts(process: str, by: Person, *, now: datetime) -> dict[str, int]:
    """How many records of `process` stand in each state: for the tabs of a list."""
    rows = Record.objects.filter(permit.readable(by, at=now), process=process)
    return dict(rows.values_list("state").annotate(n=CountOf("pk")).values_list("state", "n"))


def view_counts(process: str, views: Mapping[str, Filters], by: Person, *, now: datetime) -> dict[str, int]:
    """How many records of `process` each of these views shows, in one query: for the tabs of a list."""
    rows = Record.objects.filter(permit.readable(by, at=now), process=process)
    asked = {f"view_{n}": CountOf("pk", filter=_condition(f)) for n, f in enumerate(views.values())}
    found = rows.aggregate(**asked)
    return {key: found[f"view_{n}"] for n, key in enumerate(views)}


def clocks(by: Person, *, now: datetime) -> tuple[ClockView, ...]:
    """The clocks that run on records that `by` may see, soonest due first."""
    return worklist(by, now=now).clocks


def gates(number: str, by: Person, *, now: datetime, reason: str = "") -> list[StepView]:
    """What may happen next, and what is missing for it."""
    found = readable_record(number, by, now=now)
    return list(steps.views(cases.load(found, now=now, reason=reason, also=[by]), by))


def history(
    number: str, by: Person, *, now: datetime, before: int | None = None, size: int = 50
) -> tuple[EventView, ...]:
    """The trail, newest first: `size` events before seq `before`, with what each changed, from which value
    to which.
    """
    return events_of(readable_record(number, by, now=now), before=before, size=min(size, MAX_PAGE))


def changed_since(number: str, by: Person, *, now: datetime, seen: int) -> tuple[EventView, ...]:
    """What happened after revision `seen`: for somebody whose page went stale (R-50)."""
    newest = history(number, by, now=now, size=MAX_PAGE)
    return tuple(e for e in newest if e.revision > seen)


def recent_events(
    count: int, by: Person, *, now: datetime, sealed_only: bool = False
) -> tuple[EventView, ...]:
    """The newest events of records that `by` may see."""
    allowed = Record.objects.filter(permit.readable(by, at=now))
    return recent(allowed, count=min(count, MAX_PAGE), sealed_only=sealed_only)


def numbers_at(origin: str, indexes: Sequence[int], by: Person, *, now: datetime) -> dict[int, str]:
    """Which record each of these entries of a log is about, where `by` may see it."""
    return history_numbers_at(Record.objects.filter(permit.readable(by, at=now)), origin, indexes)


def signatures(number: str, by: Person, *, now: datetime) -> tuple[SignatureView, ...]:
    """Every signature of the record, oldest first."""
    loaded = cases.load(readable_record(number, by, now=now), now=now)
    return _signatures_and_seal(loaded)[0]


def linked_records(number: str, by: Person, *, now: datetime) -> tuple[LinkView, ...]:
    """What the record is linked to, from both ends."""
    return _links(readable_record(number, by, now=now), by, now=now)


def file_of(number: str, sha256: str, by: Person, *, now: datetime) -> FileView:
    """An attached file's description, if the record is readable. The bytes: `files.read`."""
    found = readable_record(number, by, now=now)
    row = File.objects.filter(record=found, sha256=sha256).select_related("by").first()
    if row is None:
        raise NotFound(f"{number} has no such file.")
    return _file(row)


def number_of(record_id: UUID) -> str:
    """The number of a record that another part of the server keeps by its id."""
    found = Record.objects.filter(pk=record_id).values_list("number", flat=True).first()
    if found is None:
        raise NotFound("There is no such record.")
    return found


def id_of(number: str) -> UUID:
    """The id of a record, for tables of other parts that refer to it."""
    found = Record.objects.filter(number=number).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no record {number}.")
    return found


def _view(loaded: Loaded, by: Person) -> RecordView:
    r, process, case = loaded.record, loaded.process, loaded.case
    roles = loaded.roles_of(by)
    asked = r.story["void_asked"]
    signatures, seal = _signatures_and_seal(loaded)
    owner = r.owner
    return RecordView(
        id=r.id,
        number=r.number,
        title=r.title,
        process=process,
        state=r.state,
        state_label=steps.state_label(process, r.state),
        stage=process.stage(r.state),
        stages=_stages(loaded),
        owner=PersonView(owner.id.hex, owner.full_name, owner.job_title, owner.username) if owner else None,
        site=r.site,
        product=r.product,
        due=r.due,
        opened=r.opened,
        closed=r.closed,
        changed=r.changed,
        entered_at=r.entered_at,
        version=r.version,
        revision=r.revision,
        sha256=loaded.version.sha256,
        body=bytes(loaded.version.body),
        content=case.content,
        facts=r.facts,
        names={p: known.name for p, known in case.people.items()},
        writable=writable(process, case, person=by.id.hex, roles=roles),
        steps=tuple(steps.views(loaded, by)),
        standing=steps.standing(loaded),
        clocks=clocks_of(process, case),
        links=_links(r, by, now=case.now),
        files=tuple(_file(f) for f in r.files.select_related("by").order_by("id")),
        signatures=signatures,
        seal=seal,
        events=r.trail,
        void=r.state == cases.VOID,
        void_asked_by=case.people[asked].name if asked in case.people else ("someone" if asked else ""),
        may_void=r.state != cases.VOID
        and (MAY_VOID in roles if asked else (MAY_VOID in roles or r.owner_id == by.id))
        and asked != by.id.hex,
        since=case.since,
        personal_erased=not loaded.vault.has_key and PersonalValue.objects.filter(record=r).exists(),
    )


def _stages(loaded: Loaded) -> tuple[Stage, ...]:
    """The stepper: stages before the current one are done when the record has been there."""
    process, case = loaded.process, loaded.case
    here = process.stage(case.state)
    labels = list(process.stages)
    at_index = labels.index(here) if here in labels else len(labels)
    signed_steps = {s.step for s in case.signatures}
    out = []
    for n, label in enumerate(labels):
        states = process.stages[label].split()
        entered = [case.since[s] for s in states if s in case.since]
        left_by_signing = any(
            s.name in signed_steps and set(process.leaves_from(s)) & set(states) for s in process.steps
        )
        status = "now" if n == at_index else "done" if n < at_index and entered else "later"
        if status == "now" and case.state in process.settled:
            status = "done"
        out.append(
            Stage(label, status, max(entered) if entered and status != "later" else None, left_by_signing)
        )
    return tuple(out)


def _signatures_and_seal(loaded: Loaded) -> tuple[tuple[SignatureView, ...], Seal]:
    """The signatures, and the seal of the newest event."""
    rows = list(
        Signature.objects.filter(version__record=loaded.record).select_related("version", "by").order_by("id")
    )
    by_signature, newest = _seals_of(loaded.record)
    labels = {s.name: s.label for s in loaded.process.steps}
    names = {p: k.name for p, k in loaded.case.people.items()}
    views = tuple(
        SignatureView(
            id=s.pk,
            step=s.step,
            step_label=labels.get(s.step, s.step),
            meaning=s.meaning,
            says=steps.says_of(loaded.process, s.step, s.meaning, s.role),
            printed_name=s.printed_name,
            role=s.role,
            role_words=steps.role_words(s.role, names),
            at=s.at,
            ceremony=s.ceremony,
            reason=s.reason,
            version=s.version.number,
            sha256=s.version.sha256,
            stands=s.version.sha256 == loaded.version.sha256,
            person=s.by_id.hex,
            clock_offset_ms=s.clock_offset_ms,
            seal=by_signature.get(s.pk, QUEUED),
        )
        for s in rows
    )
    return views, newest


def _seals_of(r: Record) -> tuple[dict[int, Seal], Seal]:
    """Signature's id to the seal of its event, and the seal of the record's newest event."""
    wanted = Event.objects.filter(Q(kind="signed") | Q(seq=r.trail - 1), record=r)
    rows = list(wanted.order_by("seq").values_list("id", "kind", "body"))
    found = seals([pk for pk, _, _ in rows])
    signed = {json.loads(bytes(body))["signature"]: found[pk] for pk, kind, body in rows if kind == "signed"}
    return signed, found[rows[-1][0]] if rows else QUEUED


def _links(r: Record, by: Person, *, now: datetime) -> tuple[LinkView, ...]:
    rows = Link.objects.filter(Q(source=r) | Q(target=r)).select_related("source", "target").order_by("id")
    rows = rows.defer("source__words", "target__words")
    held = permit.held(by, at=now)
    out = []
    for k in rows:
        far, relation = (
            (k.target, k.relation) if k.source_id == r.pk else (k.source, RELATIONS.get(k.relation, ""))
        )
        process = registry.processes().get(far.process)
        roles = permit.covering(held, site=far.site, product=far.product, process=far.process)
        seen = far.owner_id == by.id or bool(roles)
        out.append(
            LinkView(
                relation=relation,
                number=far.number if seen else "",
                title=far.title if seen else "A record that you may not see",
                process=far.process if seen else "",
                process_title=process.title if process and seen else "",
                state=far.state if seen else "",
                state_label=steps.state_label(process, far.state) if seen else "",
                closed=far.closed is not None,
                void=far.state == cases.VOID,
                at=k.at,
                hidden=not seen,
            )
        )
    return tuple(out)


def _file(f: File) -> FileView:
    return FileView(f.sha256, f.name, f.size, f.media_type, f.by.full_name if f.by else "the system", f.at)


def _condition(filters: Filters) -> Q:
    wanted = Q()
    if filters.states:
        wanted &= Q(state__in=filters.states)
    if filters.owner:
        try:
            wanted &= Q(owner=UUID(filters.owner))
        except ValueError:
            return Q(pk__in=[])
    if filters.site:
        wanted &= Q(site=filters.site)
    if filters.product:
        wanted &= Q(product=filters.product)
    if filters.open_only:
        wanted &= Q(closed=None)
    if filters.closed_only:
        wanted &= Q(closed__isnull=False)
    if filters.overdue_on:
        wanted &= Q(closed=None, due__lt=filters.overdue_on)
    if filters.facts:
        wanted &= Q(facts__contains=dict(filters.facts))
    if text := " ".join(filters.text.split())[:MAX_SEARCH]:
        query = prefix_query(text)
        match = Q(number__icontains=text) | Q(title__icontains=text)
        wanted &= match | Q(words=query) if query else match
    return wanted


def _rows(found: Sequence[Record]) -> tuple[RecordRow, ...]:
    last = last_events([r.pk for r in found])
    known = seals(last.values())
    out = []
    for r in found:
        process = registry.processes().get(r.process)
        out.append(
            RecordRow(
                id=r.id,
                number=r.number,
                title=r.title,
                process=r.process,
                process_title=process.title if process else r.process,
                state=r.state,
                state_label=steps.state_label(process, r.state),
                stage=process.stage(r.state) if process else "",
                owner=r.owner.full_name if r.owner else "",
                owner_id=r.owner_id.hex if r.owner_id else "",
                site=r.site,
                product=r.product,
                due=r.due,
                opened=r.opened,
                changed=r.changed,
                closed=r.closed,
                facts=r.facts,
                seal=known.get(last.get(r.pk, 0), QUEUED),
            )
        )
    return tuple(out)


def last_events(ids: Iterable[UUID]) -> dict[UUID, int]:
    """Record id to the id of its newest event, in one query."""
    wanted = list(ids)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.subject, e.id FROM kernel_record r JOIN kernel_event e "
            "ON e.subject = r.id AND e.seq = r.trail - 1 WHERE r.id = ANY(%s)",
            [wanted],
        )
        return dict(cursor.fetchall())


def overdue_since(due: date | None, now: datetime) -> bool:
    """Whether a day that something was due has passed."""
    return due is not None and datetime.combine(due, time.max, now.tzinfo) < now


def filled(content: Any) -> Mapping[str, Any]:
    """The fields of a content that say something, by name."""
    return {f.name: v for f in fields_of(type(content)) if not is_empty(v := getattr(content, f.name))}
