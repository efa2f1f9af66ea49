"""Records: reading, writing, steps, signatures, links, files."""

from datetime import UTC, datetime
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
from vouchsafe.kernel.canonical import pack
from vouchsafe.kernel.errors import NotFound
from vouchsafe.kernel.views import Filters, RecordRow, RecordView

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


def _now() -> datetime:
    return datetime.now(UTC)


@router.get("/processes", response={200: list[s.ProcessInfo], **REFUSALS})
@requires("records:read")
def processes(request: HttpRequest) -> Any:
    """Every process with its states and steps."""
    return [
        {
            "key": p.key, "title": p.title, "states": list(p.states), "begins": _words(p.begins), "clauses": list(p.clauses),
            "steps": [
                {"name": t.name, "label": t.label, "from_states": list(p.leaves_from(t)), "to": t.to} for t in p.steps
            ],
        }
        for p in registry.processes().values()
    ]  # fmt: skip


@router.get("/records", response={200: s.RecordPage, **REFUSALS})
@requires("records:read")
def records(
    request: HttpRequest,
    process: Annotated[s.Clean, Field(max_length=60)] = "",
    state: Annotated[list[Annotated[s.Clean, Field(max_length=60)]] | None, Query(max_length=50)] = None,
    text: Annotated[s.Clean, Field(max_length=200)] = "",
    open_only: bool = False,
    sort: Annotated[str, Field(max_length=20)] = "-changed",
    page: PageNumber = 1,
    size: Annotated[int, Field(ge=1, le=200)] = 50,
) -> Any:
    """A page of the records that you may see."""
    filters = Filters(states=tuple(state or ()), text=text, open_only=open_only, sort=sort)
    found = queries.records(process, filters, caller(request), now=_now(), page=page, size=size)
    return {
        "rows": [_row(r) for r in found.rows],
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
def history(request: HttpRequest, number: Numbered) -> Any:
    """The trail, newest first."""
    found = queries.history(number, caller(request), now=_now())
    return [{**_picked(e, s.EventOut), "seal": e.seal.state, "seal_index": e.seal.index} for e in found]


@router.get("/records/{number}/signatures", response={200: list[s.SignatureOut], **REFUSALS})
@requires("records:read")
def signatures(request: HttpRequest, number: Numbered) -> Any:
    """Who signed what, meaning what, and whether it still stands."""
    return [_picked(one, s.SignatureOut) for one in queries.signatures(number, caller(request), now=_now())]


@router.get("/records/{number}/links", response={200: list[s.LinkOut], **REFUSALS})
@requires("records:read")
def links(request: HttpRequest, number: Numbered) -> Any:
    """The records at the other ends."""
    found = queries.linked_records(number, caller(request), now=_now())
    return [_picked(one, s.LinkOut) for one in found if not one.hidden]


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
    record = acts.sign(ceremony, by=caller(request), at=_now(), assertion=given.assertion)
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
    return Status(201, _picked(queries.file_of(number, sha256, caller(request), now=_now()), s.FileOut))


@router.get("/records/{number}/files", response={200: list[s.FileOut], **REFUSALS})
@requires("records:read")
def attached(request: HttpRequest, number: Numbered) -> Any:
    """The record's files."""
    return [_picked(one, s.FileOut) for one in queries.record(number, caller(request), now=_now()).files]


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
    try:
        owner = people.find(given.owner)
    except NotFound:
        owner = people.find_by_id(given.owner)
    acts.assign(number, owner, seen=given.seen, by=caller(request), at=_now(), reason=given.reason)
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


@router.get("/tasks", response={200: list[s.TaskOut], **REFUSALS})
@requires("records:read")
def tasks(request: HttpRequest) -> Any:
    """What waits for you."""
    return [_picked(t, s.TaskOut) for t in queries.tasks(caller(request), now=_now())]


@router.get("/clocks", response={200: list[s.ClockOut], **REFUSALS})
@requires("records:read")
def clocks(request: HttpRequest) -> Any:
    """The deadlines that run, the nearest first."""
    return [
        {
            **{n: getattr(c.clock, n, "") for n in s.ClockOut.model_fields},
            "number": c.number,
            "title": c.title,
            "late": c.late,
        }
        for c in queries.clocks(caller(request), now=_now())
    ]


@router.get("/search", response={200: list[s.RecordOut], **REFUSALS})
@requires("records:read")
def search(request: HttpRequest, text: Annotated[s.Clean, Field(max_length=200)]) -> Any:
    """Records by number, title or words."""
    return [_row(r) for r in queries.search(text, caller(request), now=_now())]


def _full(request: HttpRequest, number: str) -> dict[str, Any]:
    it: RecordView = queries.record(number, caller(request), now=_now())
    return {
        **{name: getattr(it, name) for name in ("id", "number", "title", "state", "state_label", "site", "product", "due",
           "opened", "changed", "closed", "facts", "version", "revision", "sha256", "void")},
        "process": it.process.key, "owner": it.owner.name if it.owner else "", "content": pack(it.content),
        "writable": sorted(it.writable), "seal": it.seal.state, "seal_index": it.seal.index,
        "steps": [
            {**_picked(one, s.StepOut), "writes": sorted(one.writes),
             "open_conditions": [_picked(c, s.Condition) for c in one.open_conditions],
             "signatures": [_picked(g, s.SignatureSlot) for g in one.signatures]}
            for one in it.steps
        ],
    }  # fmt: skip


def _row(row: RecordRow) -> dict[str, Any]:
    return _picked(row, s.RecordOut)


def _picked(value: Any, schema: type[Schema]) -> dict[str, Any]:
    return {name: getattr(value, name, None) for name in schema.model_fields}


def _words(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else list(value)
