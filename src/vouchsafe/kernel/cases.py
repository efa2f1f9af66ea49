"""Building the `Case` that gates look at, for one record or for many, in a fixed number of queries."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings

from vouchsafe.kernel import permit, registry
from vouchsafe.kernel.answers import Answers, Asked
from vouchsafe.kernel.canonical import parse, unpack
from vouchsafe.kernel.declare import RELATIONS, By, Case, Known, Linked, Process, Signed, roles_of
from vouchsafe.kernel.erasure import Vault, vaults_of
from vouchsafe.kernel.models import Link, Person, Record, Signature, Version
from vouchsafe.kernel.permit import Held
from vouchsafe.kernel.values import persons_in

VOID = "void"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A record with its newest version, its vault and its case."""

    record: Record
    process: Process
    version: Version
    vault: Vault
    case: Case[Any]

    def roles_of(self, person: Person) -> frozenset[str]:
        """The roles that `person` holds for this record, as far as the case knows people."""
        known = self.case.people.get(person.id.hex)
        return known.roles if known else frozenset()


def load(record: Record, *, now: datetime, reason: str = "", also: Iterable[Person] = ()) -> Loaded:
    """`record` with everything that its gates may see. `also`: people whose roles are wanted besides."""
    return load_many([record], now=now, reason=reason, also=also)[0]


def load_many(
    records: Sequence[Record], *, now: datetime, reason: str = "", also: Iterable[Person] = ()
) -> list[Loaded]:
    """As `load` for many records: eight queries, however many they are."""
    versions = {
        v.record_id: v
        for v in Version.objects.filter(record__in=records)
        .order_by("record_id", "-number")
        .distinct("record_id")
    }
    vaults = vaults_of(records)
    links = _links(records)
    signatures = _signatures(records)
    contents: dict[UUID, Any] = {}
    named: dict[UUID, set[str]] = {}
    extra = {p.id.hex for p in also}
    for r in records:
        process = registry.processes()[r.process]
        contents[r.pk] = content_of(process, versions[r.pk], vaults[r.pk])
        named[r.pk] = persons_in(contents[r.pk]) | {s.by for s in signatures.get(r.pk, ())} | extra
        named[r.pk] |= set(r.story["authors"])
        if r.owner_id:
            named[r.pk].add(r.owner_id.hex)
    names, held = _people(set().union(*named.values()) if named else set(), now)
    out = []
    for r in records:
        process = registry.processes()[r.process]
        people = {
            p: Known(
                names[p], permit.covering(held.get(p, ()), site=r.site, product=r.product, process=r.process)
            )
            for p in named[r.pk]
            if p in names
        }
        case = _case(
            r,
            process,
            versions[r.pk],
            contents[r.pk],
            now=now,
            reason=reason,
            links=links.get(r.pk, ()),
            signatures=signatures.get(r.pk, ()),
            people=people,
        )
        out.append(Loaded(r, process, versions[r.pk], vaults[r.pk], case))
    return out


def _case(
    record: Record,
    process: Process,
    version: Version,
    content: Any,
    *,
    now: datetime,
    reason: str,
    links: tuple[Linked, ...],
    signatures: tuple[Signed, ...],
    people: Mapping[str, Known],
) -> Case[Any]:
    story = record.story
    since = {state: datetime.fromisoformat(at) for state, at in story["since"].items()}
    asked = Asked(
        id=record.id,
        number=record.number,
        process=record.process,
        state=record.state,
        site=record.site,
        product=record.product,
        content=content,
        facts=record.facts,
        links=links,
        since=since,
    )
    return Case(
        content=content,
        now=now,
        state=record.state,
        number=record.number,
        owner=record.owner_id.hex if record.owner_id else "",
        authors=frozenset(story["authors"]),
        since=since,
        visits=story["visits"],
        taken=story["taken"],
        links=links,
        people=people,
        signatures=signatures,
        entered=record.entered,
        sha256=version.sha256,
        answers=Answers(registry.answers(record.process), asked, now),
        reason=reason,
        site=record.site,
        product=record.product,
        holidays=holidays(now.year),
    )


def empty_case(process: Process, *, owner: Person, now: datetime, site: str, product: str) -> Case[Any]:
    """A record of `process` before there is one: for asking who may open it."""
    return Case(
        content=process.content(),
        now=now,
        state=process.begins,
        owner=owner.id.hex,
        site=site,
        product=product,
    )


def with_content(
    case: Case[Any], content: Any, *, sha256: str, now: datetime, facts: Mapping[str, Any]
) -> Case[Any]:
    """`case` as it is once `content` is written; the answers are asked anew about it."""
    answers = case.answers
    if isinstance(answers, Answers):
        answers = answers.about(content=content, facts=facts)
    return replace(case, content=content, sha256=sha256, answers=answers)


def content_of(process: Process, version: Version, vault: Vault | None) -> Any:
    """The content that a version holds; personal values are readable where `vault` is given and has them."""
    packed = parse(bytes(version.body))["content"]
    return unpack(process.content, packed, reveal=vault.reveal if vault else None)


def due_of(loaded: Loaded) -> date | None:
    """The day that the record is due where it stands now, after what was written and taken."""
    record = loaded.record
    if record.state == VOID:
        return None
    story = record.story
    case = replace(
        loaded.case,
        state=record.state,
        since={state: datetime.fromisoformat(at) for state, at in story["since"].items()},
        visits=story["visits"],
        taken=story["taken"],
        entered=record.entered,
    )
    return loaded.process.due_of(case)


def new_case(record: Record, content: Any, *, now: datetime) -> Case[Any]:
    """A record that was just opened: nothing linked, signed or answered yet."""
    return Case(content=content, now=now, state=record.state, number=record.number, since={record.state: now})


def role_names(by: By) -> tuple[str, ...]:
    """The roles that one part of a `by=` names, in its order."""
    return roles_of(by)


def new_row_id() -> str:
    """An id for a new row of a content."""
    return uuid.uuid4().hex[:12]


@cache
def holidays(year: int) -> frozenset[date]:
    """The organisation's holidays around `year` (INV-17), of the calendar that the settings name, e.g.
    "GB-ENG".
    """
    calendar: str = getattr(settings, "VOUCHSAFE_CALENDAR", "")
    if not calendar:
        return frozenset()
    import holidays as calendars  # heavy, and needed only where a calendar is set

    country, _, part = calendar.partition("-")
    return frozenset(
        calendars.country_holidays(country, subdiv=part or None, years=range(year - 1, year + 3))
    )


def _links(records: Sequence[Record]) -> dict[UUID, tuple[Linked, ...]]:
    """Links of each record from both ends; a voided record counts no longer."""
    ids = {r.pk for r in records}
    out: dict[UUID, list[Linked]] = {}
    rows = Link.objects.filter(source__in=ids) | Link.objects.filter(target__in=ids)
    rows = rows.select_related("source", "target").defer("source__words", "target__words")
    for k in rows.order_by("id"):
        for here, there, relation in (
            (k.source, k.target, k.relation),
            (k.target, k.source, RELATIONS.get(k.relation, "")),
        ):
            if here.pk in ids and relation and there.state != VOID:
                out.setdefault(here.pk, []).append(linked_of(relation, there))
    return {pk: tuple(found) for pk, found in out.items()}


def linked_of(relation: str, record: Record) -> Linked:
    """How `record` looks from the other end of a link."""
    process = registry.processes().get(record.process)
    settled = process.settled if process else ()
    return Linked(relation, record.process, record.number, record.state, record.state in settled)


def _signatures(records: Sequence[Record]) -> dict[UUID, tuple[Signed, ...]]:
    out: dict[UUID, list[Signed]] = {}
    rows = Signature.objects.filter(version__record__in=records).order_by("id")
    for record, step, meaning, role, by, at, revision, sha256 in rows.values_list(
        "version__record_id", "step", "meaning", "role", "by_id", "at", "revision", "version__sha256"
    ):
        out.setdefault(record, []).append(Signed(step, meaning, role, by.hex, at, revision, sha256))
    return {pk: tuple(found) for pk, found in out.items()}


def _people(ids: set[str], now: datetime) -> tuple[dict[str, str], dict[str, tuple[Held, ...]]]:
    names = dict(Person.objects.filter(pk__in=ids).values_list("id", "full_name"))
    held = permit.held_by(names, at=now)
    return {p.hex: name for p, name in names.items()}, {p.hex: found for p, found in held.items()}
