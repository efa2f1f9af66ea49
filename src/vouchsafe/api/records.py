"""Records: reading, writing, steps, signatures, links, files."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import File, Path, Query, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from vouchsafe.api import schemas as s
from vouchsafe.api.auth import caller, requires
from vouchsafe.api.errors import REFUSALS
from vouchsafe.kernel import acts, files, people, queries, registry
from vouchsafe.kernel.canonical import legible
from vouchsafe.kernel.declare import Field as DeclaredField
from vouchsafe.kernel.declare import Process, fields_of
from vouchsafe.kernel.errors import NotFound
from vouchsafe.kernel.views import EventView, Filters, RecordRow, RecordView

router = Router(tags=["records"])
Numbered = Annotated[s.Number, Path()]
BYTES = {
    "responses": {
        200: {
            "description": "the bytes",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}
PageNumber = Annotated[int, Field(ge=1, le=100_000)]
Fact = Annotated[str, Field(max_length=200, pattern=r"^[a-z][a-z0-9_]*=[^\x00]*$")]


def _now() -> datetime:
    return datetime.now(UTC)


@router.get("/processes", response={200: list[s.ProcessInfo], **REFUSALS})
@requires("records:read")
def processes(request: HttpRequest) -> Any:
    """Every process with its states and steps."""
    return [_process(one) for one in registry.processes().values()]


@router.get("/processes/{process}", response={200: s.ProcessFull, **REFUSALS})
@requires("records:read")
def process(request: HttpRequest, process: Annotated[s.Word, Path()]) -> Any:
    """One process with its fields: what a record of it holds, and what opening one may write."""
    found = registry.processes().get(process)
    if found is None:
        raise NotFound(f"There is no process “{process}”.")
    return {
        **_process(found),
        "fields": [_field(one) for one in fields_of(found.content)],
        "opening": sorted(found.opening_fields),
        "relations": {name: list(at) for name, at in found.relations.items()},
        "stages": {label: states.split() for label, states in found.stages.items()},
    }


@router.get("/records", response={200: s.RecordPage, **REFUSALS})
@requires("records:read")
def records(
    request: HttpRequest,
    process: Annotated[s.Clean, Field(max_length=60)] = "",
    state: Annotated[list[Annotated[s.Clean, Field(max_length=60)]] | None, Query(max_length=50)] = None,
    text: Annotated[s.Clean, Field(max_length=200)] = "",
    owner: Annotated[s.Clean, Field(max_length=150, description="a person's id or username")] = "",
    site: Annotated[s.Clean, Field(max_length=80)] = "",
    product: Annotated[s.Clean, Field(max_length=80)] = "",
    open_only: bool = False,
    closed_only: bool = False,
    overdue_on: Annotated[date | None, Field(description="open, and due before this day")] = None,
    fact: Annotated[list[Fact] | None, Query(max_length=10)] = None,
    sort: Annotated[str, Field(pattern=f"^-?({'|'.join(queries.SORTS)})$")] = "-changed",
    page: PageNumber = 1,
    size: Annotated[int, Field(ge=1, le=200)] = 50,
) -> Any:
    """A page of the records that you may see. `fact` asks for a choice's value, such as source=vulnerability_feed."""
    filters = Filters(
        states=tuple(state or ()), text=text, owner=_person(owner).id.hex if owner else "", site=site, product=product,
        open_only=open_only, closed_only=closed_only, overdue_on=overdue_on,
        facts=dict(_halves(one) for one in fact or ()), sort=sort,
    )  # fmt: skip
    found = queries.records(process, filters, caller(request), now=_now(), page=page, size=size)
    return {
        "rows": [row_out(r) for r in found.rows],
        "total": found.total,
        "page": found.page,
        "size": found.size,
    }


@router.post("/records", response={201: s.RecordFull, **REFUSALS})
@requires("records:write")
def open_record(request: HttpRequest, given: s.OpenIn) -> Any:
    """Open a record with its first version."""
    record = acts.open_record(
        given.process, given.title, by=caller(request), at=_now(), site=given.site, product=given.product,
        changes=given.changes, links=given.links, reason=given.reason,
    )  # fmt: skip
    return Status(201, _full(request, record.number))


@router.get("/records/{number}", response={200: s.RecordFull, **REFUSALS})
@requires("records:read")
def record(request: HttpRequest, number: Numbered) -> Any:
    """One record: its content, its steps with what is still missing, its seal."""
    return _full(request, number)


@router.get("/records/{number}/history", response={200: list[s.EventOut], **REFUSALS})
@requires("records:read")
def history(
    request: HttpRequest,
    number: Numbered,
    before: Annotated[
        int | None, Field(ge=0, le=2**31 - 1, description="only events before this `seq`")
    ] = None,
    size: Annotated[int, Field(ge=1, le=200)] = 50,
) -> Any:
    """The trail, newest first, with what each event changed from which value to which."""
    found = queries.history(number, caller(request), now=_now(), before=before, size=size)
    return [
        {
            **event_out(e),
            "changes": [
                {**picked(c, s.ChangeOut), "before": legible(c.before), "after": legible(c.after)} for c in e.changes
            ],
        }
        for e in found
    ]  # fmt: skip


@router.get("/records/{number}/signatures", response={200: list[s.SignatureOut], **REFUSALS})
@requires("records:read")
def signatures(request: HttpRequest, number: Numbered) -> Any:
    """Who signed what, meaning what, and whether it still stands."""
    return [picked(one, s.SignatureOut) for one in queries.signatures(number, caller(request), now=_now())]


@router.get("/records/{number}/links", response={200: list[s.LinkOut], **REFUSALS})
@requires("records:read")
def links(request: HttpRequest, number: Numbered) -> Any:
    """The records at the other ends."""
    found = queries.linked_records(number, caller(request), now=_now())
    return [picked(one, s.LinkOut) for one in found if not one.hidden]


@router.post("/records/{number}/versions", response={200: s.RecordFull, **REFUSALS})
@requires("records:write")
def write(request: HttpRequest, number: Numbered, given: s.WriteIn) -> Any:
    """Write a new version without leaving the state."""
    acts.write(
        number, seen=given.seen, by=caller(request), at=_now(), changes=given.changes, reason=given.reason
    )
    return _full(request, number)


@router.post("/records/{number}/steps/{step}", response={200: s.RecordFull, **REFUSALS})
@requires("records:write")
def act(request: HttpRequest, number: Numbered, step: Annotated[s.Word, Path()], given: s.StepIn) -> Any:
    """Take a step that needs no signature. One that does is taken by the last signature."""
    acts.act(
        number,
        step,
        seen=given.seen,
        by=caller(request),
        at=_now(),
        changes=given.changes,
        reason=given.reason,
    )
    return _full(request, number)


@router.post("/records/{number}/ceremonies", response={201: s.CeremonyOut, **REFUSALS})
@requires("records:write")
def begin_signing(request: HttpRequest, number: Numbered, given: s.CeremonyIn) -> Any:
    """Begin a signature: the answer holds the statement and the options for the person's own passkey."""
    begun = acts.begin_signing(
        number, given.step, given.meaning, seen=given.seen, by=caller(request), at=_now(), reason=given.reason,
        changes=given.changes, role=given.role,
    )  # fmt: skip
    return Status(201, {
        "id": begun.id, "statement": begun.statement.decode(), "options": begun.options, "expires": begun.expires,
        "meaning": begun.meaning, "says": begun.says, "version": begun.version, "sha256": begun.sha256,
    })  # fmt: skip


@router.post("/ceremonies/{ceremony}/signature", response={200: s.RecordFull, **REFUSALS})
@requires("records:write")
def sign(request: HttpRequest, ceremony: UUID, given: s.AssertionIn) -> Any:
    """Sign with the person's own assertion over the statement. A password isn't taken here."""
    record = acts.sign(ceremony, by=caller(request), at=_now(), assertion=given.assertion, role=given.role)
    return _full(request, record.number)


@router.post("/records/{number}/links", response={200: s.RecordFull, **REFUSALS})
@requires("records:write")
def link(request: HttpRequest, number: Numbered, given: s.LinkIn) -> Any:
    """Link two records. A link is never removed."""
    acts.link(number, given.relation, given.target, by=caller(request), at=_now())
    return _full(request, number)


@router.post("/records/{number}/void", response={200: s.RecordFull, **REFUSALS})
@requires("records:write")
def void(request: HttpRequest, number: Numbered, given: s.VoidIn) -> Any:
    """Ask for a record to be void, or agree to it as the second person."""
    acts.void(number, seen=given.seen, by=caller(request), at=_now(), reason=given.reason)
    return _full(request, number)


@router.post("/records/{number}/files", response={201: s.FileOut, **REFUSALS})
@requires("records:write")
def attach(request: HttpRequest, number: Numbered, file: File[UploadedFile]) -> Any:
    """Attach a file; fields then refer to it by its SHA-256."""
    sha256 = acts.attach(
        number, file.read(), name=file.name or "file", media_type=file.content_type or "application/octet-stream",
        by=caller(request), at=_now(),
    )  # fmt: skip
    return Status(201, picked(queries.file_of(number, sha256, caller(request), now=_now()), s.FileOut))


@router.get("/records/{number}/files", response={200: list[s.FileOut], **REFUSALS})
@requires("records:read")
def attached(request: HttpRequest, number: Numbered) -> Any:
    """The record's files."""
    return [picked(one, s.FileOut) for one in queries.record(number, caller(request), now=_now()).files]


@router.get("/records/{number}/files/{sha256}", response=REFUSALS, openapi_extra=BYTES)
@requires("records:read")
def file(request: HttpRequest, number: Numbered, sha256: Annotated[s.Sha256, Path()]) -> Any:
    """A file's bytes, always as a download."""
    found = queries.file_of(number, sha256, caller(request), now=_now())
    response = HttpResponse(
        files.read(found.sha256, root=files.folder()), content_type="application/octet-stream"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{found.sha256[:16]}"'
    return response


@router.get("/records/{number}/version", response=REFUSALS, openapi_extra=BYTES)
@requires("records:read")
def newest_version(request: HttpRequest, number: Numbered) -> Any:
    """The newest version's canonical bytes, exactly as signatures are over them."""
    found = queries.record(number, caller(request), now=_now())
    return HttpResponse(found.body, content_type="application/octet-stream")


@router.post("/records/{number}/owner", response={200: s.RecordFull, **REFUSALS})
@requires("records:write")
def assign(request: HttpRequest, number: Numbered, given: s.AssignIn) -> Any:
    """Give the record to another owner."""
    acts.assign(
        number, _person(given.owner), seen=given.seen, by=caller(request), at=_now(), reason=given.reason
    )
    return _full(request, number)


@router.get("/people", response={200: list[s.PersonOut], **REFUSALS})
@requires("records:read")
def directory(request: HttpRequest) -> Any:
    """Everybody who is here, for the fields that name a person."""
    return [
        {"id": one.id, "username": one.username, "name": one.name, "title": one.job_title}
        for one in people.directory(at=_now())
    ]


@router.get("/records/{number}/draft", response={200: s.DraftOut, **REFUSALS})
@requires("records:read")
def draft(request: HttpRequest, number: Numbered) -> Any:
    """Your own draft: what you typed and did not write. Nobody else sees it."""
    queries.readable_record(number, caller(request), now=_now())
    found = acts.draft_of(number, caller(request))
    if found is None:
        raise NotFound(f"You have no draft of {number}.")
    return {"seen": found.seen, "changes": found.changes, "at": found.at}


@router.put("/records/{number}/draft", response={200: s.DraftOut, **REFUSALS})
@requires("records:write")
def save_draft(request: HttpRequest, number: Numbered, given: s.DraftIn) -> Any:
    """Keep what you have typed; it takes the place of your earlier draft. Nothing of it is in the record yet."""
    acts.save_draft(number, by=caller(request), at=_now(), seen=given.seen, changes=given.changes)
    return draft(request, number)


@router.delete("/records/{number}/draft", response={204: None, **REFUSALS})
@requires("records:write")
def drop_draft(request: HttpRequest, number: Numbered) -> Any:
    """Throw your draft away."""
    queries.readable_record(number, caller(request), now=_now())
    acts.drop_draft(number, caller(request))
    return Status(204, None)


def _full(request: HttpRequest, number: str) -> dict[str, Any]:
    it: RecordView = queries.record(number, caller(request), now=_now())
    return {
        **{name: getattr(it, name) for name in ("id", "number", "title", "state", "state_label", "stage", "site", "product",
           "due", "opened", "changed", "closed", "entered_at", "facts", "names", "version", "revision", "sha256", "void",
           "void_asked_by", "may_void", "personal_erased")},
        "process": it.process.key, "owner": it.owner.name if it.owner else "", "content": legible(it.content),
        "writable": sorted(it.writable), "standing": [picked(c, s.Condition) for c in it.standing], **_seal(it),
        "steps": [
            {**picked(one, s.StepOut), "writes": sorted(one.writes),
             "open_conditions": [picked(c, s.Condition) for c in one.open_conditions],
             "signatures": [picked(g, s.SignatureSlot) for g in one.signatures]}
            for one in it.steps
        ],
    }  # fmt: skip


def row_out(row: RecordRow) -> dict[str, Any]:
    """A line of a list."""
    return {**picked(row, s.RecordOut), **_seal(row)}


def event_out(event: EventView) -> dict[str, Any]:
    """An event without what it changed."""
    return {**picked(event, s.BareEvent), **_seal(event)}


def picked(value: Any, schema: type[Schema]) -> dict[str, Any]:
    """What `schema` names of `value`."""
    return {name: getattr(value, name, None) for name in schema.model_fields}


def _seal(of: RecordView | RecordRow | EventView) -> dict[str, Any]:
    return {"seal": of.seal.state, "seal_index": of.seal.index}


def _process(p: Process) -> dict[str, Any]:
    return {
        "key": p.key, "title": p.title, "states": list(p.states), "begins": _words(p.begins), "clauses": list(p.clauses),
        "steps": [
            {"name": t.name, "label": t.label, "from_states": list(p.leaves_from(t)), "to": t.to} for t in p.steps
        ],
    }  # fmt: skip


def _field(one: DeclaredField) -> dict[str, Any]:
    return {
        **picked(one, s.FieldInfo),
        "choices": [str(member.value) for member in one.of or ()],
        "columns": [_field(column) for column in fields_of(one.row)] if one.row else [],
    }


def _person(text: str) -> people.Person:
    """Somebody by username, or by the id that records name them by."""
    try:
        return people.find(text)
    except NotFound:
        return people.find_by_id(text)


def _halves(fact: str) -> tuple[str, str]:
    name, _, value = fact.partition("=")
    return name, value


def _words(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else list(value)
