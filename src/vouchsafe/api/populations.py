"""A field action's frozen population, and where its units stand.

Reading needs that the caller may read the record; freezing and replies need a part in it, as on its page.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Path, Router, Status
from ninja.files import UploadedFile
from pydantic import Field

from vouchsafe.api import fleet_schemas as f
from vouchsafe.api import schemas as s
from vouchsafe.api.auth import caller, requires
from vouchsafe.api.errors import REFUSALS
from vouchsafe.api.fleet import PageNumber, now_ms
from vouchsafe.fleet import impact, population, rights
from vouchsafe.fleet.errors import BadInput, TooLarge
from vouchsafe.kernel import queries
from vouchsafe.kernel.views import RecordView

router = Router(tags=["populations"])
Numbered = Annotated[s.Number, Path()]
MAX_REPLY_BYTES = 16 * 1024 * 1024


@router.get("/records/{number}/population", response={200: f.PopulationOut, **REFUSALS})
@requires("fleet:read")
def read(request: HttpRequest, number: Numbered) -> Any:
    """The frozen population of a field action, and where its units stand."""
    _record(request, number)
    return _population(number)


@router.get("/records/{number}/population/members", response={200: f.MemberPage, **REFUSALS})
@requires("fleet:read")
def members(
    request: HttpRequest,
    number: Numbered,
    status: f.Status | None = None,
    site: Annotated[s.Clean, Field(max_length=80)] = "",
    text: Annotated[s.Clean, Field(max_length=60)] = "",
    page: PageNumber = 1,
    size: Annotated[int, Field(ge=1, le=200)] = 50,
) -> Any:
    """The units of a population, open ones first. `text` begins a serial number."""
    _record(request, number)
    rows, total = population.members(number, status=status or "", site=site, text=text, page=page, size=size)
    return {"rows": [{**asdict(m), "index": m.ix} for m in rows], "total": total, "page": page, "size": size}


_LIST = {
    "responses": {
        200: {
            "description": "the list",
            "content": {"text/tab-separated-values": {"schema": {"type": "string"}}},
        }
    }
}


@router.get("/records/{number}/population/list", response=REFUSALS, openapi_extra=_LIST)
@requires("fleet:read")
def frozen_list(request: HttpRequest, number: Numbered) -> Any:
    """The frozen list, byte for byte: its SHA-256 is the digest that was logged."""
    _record(request, number)
    return HttpResponse(population.lines(number), content_type="text/tab-separated-values; charset=utf-8")


@router.post("/records/{number}/population", response={201: f.PopulationOut, **REFUSALS})
@requires("fleet:write")
def freeze(request: HttpRequest, number: Numbered, given: f.FreezeIn) -> Any:
    """Freeze the population. It is done once, and never again."""
    record = _record(request, number)
    rights.require_part_in_action(record, caller(request), "freeze its population")
    named = (getattr(record.content, "advisory", "") or "").strip()
    if named and (given.udi_di or given.versions):
        raise BadInput("versions", "none: the record names an advisory", named[:80])
    advisory = impact.find_advisory(named).id if named else None
    population.freeze(
        number, advisory, by=caller(request), at=datetime.now(UTC), udi_di=given.udi_di, versions=given.versions,
        lots=given.lots, serials=given.serials,
    )  # fmt: skip
    return Status(201, _population(number))


@router.post("/records/{number}/population/replies", response={200: f.CountOut, **REFUSALS})
@requires("fleet:write")
def reply(
    request: HttpRequest, number: Numbered, given: Form[f.ReplyIn], document: File[UploadedFile]
) -> Any:
    """Record a site's signed reply about some units: how many moved. All move, or none."""
    record = _record(request, number)
    rights.require_part_in_action(record, caller(request), "record a reply")
    if (document.size or 0) > MAX_REPLY_BYTES:
        raise TooLarge(f"A reply has at most {MAX_REPLY_BYTES} bytes.")
    moved = population.record_reply(
        number, given.outcome, list(dict.fromkeys(given.serials)), document=document.read(), signed_by=given.signed_by,
        signed_on=given.signed_on, site=given.site, by=caller(request), at=datetime.now(UTC),
    )  # fmt: skip
    return {"units": moved}


@router.post("/records/{number}/population/notes", response={200: f.CountOut, **REFUSALS})
@requires("fleet:write")
def note(request: HttpRequest, number: Numbered, given: f.NoteIn) -> Any:
    """Say of open units that the correction is scheduled, or that the site reports it done: how many. Moves none."""
    record = _record(request, number)
    rights.require_part_in_action(record, caller(request), "note anything on its units")
    noted = population.annotate(
        number, list(dict.fromkeys(given.serials)), given.kind, day=given.day, by=caller(request), at=datetime.now(UTC),
    )  # fmt: skip
    return {"units": noted}


@router.get("/records/{number}/population/progress", response={200: list[f.ProgressOut], **REFUSALS})
@requires("fleet:read")
def progress(request: HttpRequest, number: Numbered) -> Any:
    """How many units stood in each status at the freeze and after each move, oldest first."""
    _record(request, number)
    return [{"at": at, **units} for at, units in population.progress(number)]


def _record(request: HttpRequest, number: str) -> RecordView:
    """The record, where the caller may see it. Raises: NotFound."""
    return queries.record(number, caller(request), now=datetime.now(UTC))


def _population(number: str) -> dict[str, Any]:
    now = now_ms()
    frozen, against = population.find(number), population.reconcile(number)
    plain = ("number", "digest", "size", "excluded", "frozen_at", "sets", "criteria")
    return {
        **{name: getattr(frozen, name) for name in plain},
        "frozen_index": frozen.frozen_ix, "standing": asdict(population.counts(number, now)), "shipped": against.shipped,
        "missing": against.missing, "unshipped": against.unshipped, "against_closing": population.refusals(number, now),
    }  # fmt: skip
