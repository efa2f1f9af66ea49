"""Logs: their keys and sizes, and proofs of entries."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from vouchsafe.api import schemas as s
from vouchsafe.api.auth import requires
from vouchsafe.api.errors import REFUSALS
from vouchsafe.api.fleet import proof_out
from vouchsafe.kernel import publish
from vouchsafe.kernel.errors import NotFound, Refused
from vouchsafe.ledger.errors import LedgerError

router = Router(tags=["logs"])


@router.get("/logs", response={200: list[s.LogOut], **REFUSALS})
@requires("logs:read")
def logs(request: HttpRequest) -> Any:
    """Every log with its key and newest checkpoint. The tiles are at /log/<log>/."""
    return [
        {"origin": one.origin, "vkey": one.vkey, "size": one.size, "root": one.root.hex()}
        for one in publish.logs()
    ]


@router.get("/proof", response={200: s.ProofOut, **REFUSALS})
@requires("logs:read")
def proof(
    request: HttpRequest,
    origin: Annotated[s.Clean, Field(max_length=255)],
    index: Annotated[int, Field(ge=0, le=2**53 - 1)],
) -> Any:
    """The two-step proof of one entry."""
    if origin not in {one.origin for one in publish.logs()}:
        raise NotFound("There is no such log here.")
    try:
        found = publish.proof_of(origin, index)
    except publish.NotYetProvable as early:
        raise Refused(str(early)) from None
    except LedgerError as missing:
        raise NotFound(str(missing)) from None
    return proof_out(origin, index, found)
