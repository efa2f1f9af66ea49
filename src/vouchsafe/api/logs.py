"""Logs: their keys, sizes and checkpoints, their entries, and proofs of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import Field

from vouchsafe.api import log_schemas as g
from vouchsafe.api import schemas as s
from vouchsafe.api.auth import caller, has, requires
from vouchsafe.api.errors import REFUSALS
from vouchsafe.api.fleet import proof_out
from vouchsafe.fleet import queries as devices
from vouchsafe.kernel import publish, queries
from vouchsafe.kernel.errors import NotFound, Refused
from vouchsafe.ledger import tree
from vouchsafe.ledger.errors import LedgerError

router = Router(tags=["logs"])
Origin = Annotated[s.Clean, Field(max_length=255, description="a log's origin, as /logs gives it")]
Index = Annotated[int, Field(ge=0, le=2**53 - 1)]


@router.get("/logs", response={200: list[g.LogOut], **REFUSALS})
@requires("logs:read")
def logs(request: HttpRequest) -> Any:
    """Every log with its key and newest checkpoint. The tiles are at /log/<log>/."""
    return [
        {"origin": one.origin, "vkey": one.vkey, "size": one.size, "root": one.root.hex(),
         "published_at": one.published_at, "waiting": one.waiting}
        for one in publish.logs()
    ]  # fmt: skip


@router.get("/logs/checkpoints", response={200: list[g.CheckpointOut], **REFUSALS})
@requires("logs:read")
def checkpoints(request: HttpRequest, origin: Origin, count: Annotated[int, Field(ge=1, le=100)] = 6) -> Any:
    """A log's newest checkpoints, newest first. The tiles prove that each continues the one before it."""
    return [
        {"size": one.size, "root": one.root.hex(), "published_at": at, "note": note.decode()}
        for one, note, at in publish.checkpoints(_log(origin).origin, count)
    ]


@router.get("/logs/entries", response={200: list[g.LogEntryOut], **REFUSALS})
@requires("logs:read")
def entries(
    request: HttpRequest,
    origin: Origin,
    start: Index | None = None,
    count: Annotated[int, Field(ge=1, le=200)] = 50,
) -> Any:
    """Entries of a log, oldest first, from `start`; without it the newest ones."""
    log = _log(origin)
    if not log.size:
        return []
    with _read():
        found = publish.entries(log.origin, max(0, log.size - count) if start is None else start, count)
    about = _about(request, log, found)
    return [
        {"index": one.index, "hash": tree.leaf_hash(one.raw).hex(), "leaf": one.leaf.as_dict(),
         "about": about.get(one.index, "")}
        for one in found
    ]  # fmt: skip


_LEAF = {
    "responses": {
        200: {
            "description": "the entry's bytes",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


@router.get("/logs/leaf", response=REFUSALS, openapi_extra=_LEAF)
@requires("logs:read")
def leaf(request: HttpRequest, origin: Origin, index: Index) -> Any:
    """An entry's bytes: SHA-256 of a zero byte and these is its leaf hash (RFC 9162 2.1.1)."""
    with _read():
        found = publish.entries(_log(origin).origin, index, 1)
    if not found:
        raise NotFound(f"{origin} has no entry {index}.")
    return HttpResponse(found[0].raw, content_type="application/octet-stream")


_PROOF = {
    "responses": {
        200: {
            "description": "a tlog-proof file (https://c2sp.org/tlog-proof)",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    }
}


@router.get("/logs/tlog-proof", response=REFUSALS, openapi_extra=_PROOF)
@requires("logs:read")
def tlog_proof(request: HttpRequest, origin: Origin, index: Index) -> Any:
    """The proof file of an entry in its own log's newest checkpoint alone. `/proof` leads on to the root log."""
    with _read():
        found = publish.prove(_log(origin).origin, index)
    return HttpResponse(found.encode(), content_type="text/plain; charset=utf-8")


@router.get("/proof", response={200: g.ProofOut, **REFUSALS})
@requires("logs:read")
def proof(request: HttpRequest, origin: Origin, index: Index) -> Any:
    """The two-step proof of one entry of any log but `root`."""
    with _read():
        return proof_out(origin, index, publish.proof_of(_log(origin).origin, index))


def _log(origin: str) -> publish.LogView:
    found = next((one for one in publish.logs() if one.origin == origin), None)
    if found is None:
        raise NotFound("There is no such log here.")
    return found


@contextmanager
def _read() -> Iterator[None]:
    """Say what the tiles do not give as a refusal: an entry that isn't covered yet, or a tile that is damaged."""
    try:
        yield
    except LedgerError as why:
        raise Refused(str(why)) from None


def _about(request: HttpRequest, log: publish.LogView, found: list[publish.EntryView]) -> dict[int, str]:
    """Index to what the entry is about, as far as the person may see it and the token may tell it."""
    if log.name == publish.RECORDS and has(request, "records:read"):
        return queries.numbers_at(
            log.origin, [one.index for one in found], caller(request), now=datetime.now(UTC)
        )
    if log.name in (publish.RECORDS, publish.ROOT) or not has(request, "fleet:read"):
        return {}
    serials = devices.serials_of([one.leaf.subj for one in found])
    return {one.index: serials[one.leaf.subj] for one in found if one.leaf.subj in serials}
