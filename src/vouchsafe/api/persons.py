"""Who the caller is, and their tokens. A token can neither make a token nor end one."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from vouchsafe.api import schemas as s
from vouchsafe.api import tokens
from vouchsafe.api.auth import caller, require_person
from vouchsafe.api.errors import REFUSALS
from vouchsafe.api.models import Token

router = Router(tags=["people"])


@router.get("/me", response={200: s.Me, **REFUSALS})
def me(request: HttpRequest) -> Any:
    """Who you are, and what this token may do."""
    person, scopes = caller(request), request.api_scopes  # type: ignore[attr-defined]
    return {
        "id": person.id.hex,
        "username": person.username,
        "name": person.full_name,
        "scopes": sorted(scopes),
    }


@router.get("/tokens", response={200: list[s.TokenOut], **REFUSALS})
def mine(request: HttpRequest) -> Any:
    """Your tokens, newest first; never the tokens themselves."""
    return [_told(one) for one in tokens.of(caller(request))]


@router.post("/tokens", response={201: s.TokenMade, **REFUSALS})
def make(request: HttpRequest, given: s.TokenIn) -> Any:
    """A new token of yours. It is in this answer and nowhere else. Needs that you are signed in on the pages."""
    require_person(request, "make a token")
    made, text = tokens.make(
        caller(request), given.name, given.scopes, at=datetime.now(UTC), lasts=timedelta(days=given.days)
    )
    return Status(201, {**_told(made), "token": text})


@router.delete("/tokens/{token}", response={204: None, **REFUSALS})
def revoke(request: HttpRequest, token: UUID) -> Any:
    """End one of your tokens now. Needs that you are signed in on the pages."""
    require_person(request, "end a token")
    tokens.revoke(token, by=caller(request), at=datetime.now(UTC))
    return Status(204, None)


def _told(one: Token) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "scopes": one.scopes.split(), "made": one.made, "expires": one.expires,
        "revoked": one.revoked, "used": one.used,
    }  # fmt: skip
