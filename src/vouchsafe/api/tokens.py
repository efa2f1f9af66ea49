"""Making, finding and ending tokens."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from vouchsafe.api.models import Token
from vouchsafe.kernel.errors import NotFound, Refused
from vouchsafe.kernel.signing import moment
from vouchsafe.kernel.trail import log_subject

SCOPES = {
    "records:read": "read records, their history and signatures",
    "records:write": "open and write records, take steps, attach files",
    "fleet:read": "read devices, their states and populations",
    "fleet:write": "import advisories, record replies",
    "logs:read": "read the logs and make proofs",
}
LONGEST = timedelta(days=366)
_PREFIX = "vs_"


@transaction.atomic
def make(
    person: Any,
    name: str,
    scopes: Iterable[str],
    *,
    by: Any | None = None,
    at: datetime,
    lasts: timedelta = timedelta(days=90),
) -> tuple[Token, str]:
    """A new token, and its text, which can't be had again. `by` None is the installation itself.

    That there is one is an event of the person's; the token itself is in no event.

    Raises:
        Refused: no name, an unknown scope, or a life of no time or of more than a year.
    """
    wanted = sorted(set(scopes))
    if unknown := [s for s in wanted if s not in SCOPES]:
        raise Refused(f"“{unknown[0][:40]}” is no scope. There are: {', '.join(SCOPES)}.")
    if not wanted or not name.strip():
        raise Refused("A token needs a name and at least one scope.")
    if not timedelta(0) < lasts <= LONGEST:
        raise Refused("A token lasts from one day to a year.")
    text = _PREFIX + secrets.token_urlsafe(32)
    token = Token.objects.create(
        person=person,
        name=name.strip()[:80],
        sha256=_digest(text),
        scopes=" ".join(wanted),
        made=at,
        expires=at + lasts,
    )
    body = {"expires": moment(token.expires), "name": token.name, "scopes": wanted, "token": token.id.hex}
    _log(person, "token.made", by=by, at=at, body=body)
    return token, text


def find(text: str, *, now: datetime) -> Token | None:
    """The valid token behind `text`, or None. A person who left has no valid token."""
    if not text.startswith(_PREFIX) or len(text) > 100:
        return None
    token = Token.objects.select_related("person").filter(sha256=_digest(text)).first()
    if token is None or token.revoked or not token.made <= now < token.expires or not token.person.is_active:
        return None
    if token.used is None or now - token.used > timedelta(minutes=1):
        Token.objects.filter(pk=token.pk).update(used=now)
    return token


def of(person: Any) -> list[Token]:
    """A person's tokens, newest first."""
    return list(Token.objects.filter(person=person).order_by("-made"))


@transaction.atomic
def revoke(token_id: UUID, person: Any, *, by: Any | None = None, at: datetime) -> None:
    """End one of `person`'s tokens now. `by` None is the installation itself.

    Raises:
        NotFound: it isn't one of theirs, or ended before.
    """
    if not Token.objects.filter(pk=token_id, person=person, revoked=None).update(revoked=at):
        raise NotFound("There is no such token of yours." if by else "There is no such token of theirs.")
    _log(person, "token.revoked", by=by, at=at, body={"token": token_id.hex})


def _log(person: Any, kind: str, *, by: Any | None, at: datetime, body: dict[str, Any]) -> None:
    log_subject("person", person.id, kind, by=by, at=at, body=body, leaf_kind="record.event")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
