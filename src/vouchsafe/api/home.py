"""What the first page shows: what waits for somebody, the clocks, the counters, what was sealed; and the search."""

from datetime import UTC, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Router
from pydantic import Field

from vouchsafe.api import schemas as s
from vouchsafe.api.auth import caller, requires
from vouchsafe.api.errors import REFUSALS
from vouchsafe.api.records import event_out, picked, row_out
from vouchsafe.kernel import queries, registry
from vouchsafe.kernel.errors import NotFound

router = Router(tags=["records"])


def _now() -> datetime:
    return datetime.now(UTC)


@router.get("/tasks", response={200: list[s.TaskOut], **REFUSALS})
@requires("records:read")
def tasks(request: HttpRequest) -> Any:
    """What waits for you."""
    return [picked(t, s.TaskOut) for t in queries.tasks(caller(request), now=_now())]


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


@router.get("/counts", response={200: list[s.CountsOut], **REFUSALS})
@requires("records:read")
def counts(request: HttpRequest) -> Any:
    """How many records of each process you may see, how many are open, and how many of these are overdue."""
    found = queries.counts(caller(request), now=_now())
    return [{**picked(one, s.CountsOut), "process": key} for key, one in found.items()]


@router.get("/counts/{process}", response={200: dict[str, int], **REFUSALS})
@requires("records:read")
def state_counts(request: HttpRequest, process: Annotated[s.Word, Path()]) -> Any:
    """How many records of a process stand in each state; a state without any is left out."""
    if process not in registry.processes():
        raise NotFound(f"There is no process “{process}”.")
    return queries.state_counts(process, caller(request), now=_now())


@router.get("/events", response={200: list[s.RecentOut], **REFUSALS})
@requires("records:read")
def events(
    request: HttpRequest, count: Annotated[int, Field(ge=1, le=200)] = 10, sealed_only: bool = False
) -> Any:
    """What happened last to the records that you may see; `sealed_only` leaves out what isn't in the log yet."""
    found = queries.recent_events(count, caller(request), now=_now(), sealed_only=sealed_only)
    return [{**picked(e, s.RecentOut), **event_out(e)} for e in found]


@router.get("/search", response={200: list[s.RecordOut], **REFUSALS})
@requires("records:read")
def search(request: HttpRequest, text: Annotated[s.Clean, Field(max_length=200)]) -> Any:
    """Records by number, title or words. Devices: /fleet/search."""
    return [row_out(r) for r in queries.search(text, caller(request), now=_now())]
