"""Who the caller is, their roles, passkeys and tokens. A token can neither make a token nor end one, and removes no
passkey.
"""

import hashlib
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
from vouchsafe.kernel import people, permit
from vouchsafe.regulations import roles as site_roles

router = Router(tags=["people"])


@router.get("/me", response={200: s.Me, **REFUSALS})
def me(request: HttpRequest) -> Any:
    """Who you are, and what this token may do."""
    person, scopes = caller(request), request.api_scopes  # type: ignore[attr-defined]
    return {
        "id": person.id.hex,
        "username": person.username,
        "name": person.full_name,
        "title": person.job_title,
        "zone": person.zone,
        "scopes": sorted(scopes),
    }


@router.get("/me/roles", response={200: list[s.RoleOut], **REFUSALS})
def roles(request: HttpRequest) -> Any:
    """The roles that you hold now."""
    return [
        {"role": h.role, "title": site_roles.label(h.role), "site": h.site, "product": h.product, "process": h.process}
        for h in permit.held(caller(request), at=datetime.now(UTC))
    ]  # fmt: skip


@router.get("/me/keys", response={200: list[s.KeyOut], **REFUSALS})
def keys(request: HttpRequest) -> Any:
    """Your passkeys, oldest first. One is added on the account page: a browser makes it, and asks for you."""
    return [
        {"id": one.id, "name": one.name, "added": one.at, "algorithm": one.algorithm,
         "sha256": hashlib.sha256(bytes(one.public_key)).hexdigest()}
        for one in people.keys_of(caller(request), at=datetime.now(UTC))
    ]  # fmt: skip


@router.post("/me/keys/{key}/removal", response={204: None, **REFUSALS})
def remove_key(request: HttpRequest, key: UUID, given: s.KeyRemovalIn) -> Any:
    """Let one of your passkeys count no longer; what it signed stays good. Needs that you are signed in on the
    pages."""
    require_person(request, "remove a passkey")
    people.revoke_key(key, by=caller(request), at=datetime.now(UTC), reason=given.reason.strip())
    return Status(204, None)


@router.get("/tokens", response={200: list[s.TokenOut], **REFUSALS})
def mine(request: HttpRequest) -> Any:
    """Your tokens, newest first; never the tokens themselves."""
    return [_told(one) for one in tokens.of(caller(request))]


@router.post("/tokens", response={201: s.TokenMade, **REFUSALS})
def make(request: HttpRequest, given: s.TokenIn) -> Any:
    """A new token of yours. It is in this answer and nowhere else. Needs that you are signed in on the pages."""
    require_person(request, "make a token")
    person = caller(request)
    made, text = tokens.make(
        person, given.name, given.scopes, by=person, at=datetime.now(UTC), lasts=timedelta(days=given.days)
    )
    return Status(201, {**_told(made), "token": text})


@router.delete("/tokens/{token}", response={204: None, **REFUSALS})
def revoke(request: HttpRequest, token: UUID) -> Any:
    """End one of your tokens now. Needs that you are signed in on the pages."""
    require_person(request, "end a token")
    person = caller(request)
    tokens.revoke(token, person, by=person, at=datetime.now(UTC))
    return Status(204, None)


def _told(one: Token) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "scopes": one.scopes.split(), "made": one.made, "expires": one.expires,
        "revoked": one.revoked, "used": one.used,
    }  # fmt: skip
