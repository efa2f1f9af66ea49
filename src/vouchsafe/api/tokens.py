"""Making, finding and ending tokens."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from vouchsafe.api.models import Token
from vouchsafe.kernel.errors import NotFound, Refused

SCOPES = {
    "records:read": "read records, their history and signatures",
    "records:write": "open and write records, take steps, attach files",
    "fleet:read": "read devices, their states and populations",
    "fleet:write": "import advisories, record replies",
    "logs:read": "read the logs and make proofs",
}
LONGEST = timedelta(days=366)
_PREFIX = "vs_"


def make(
    person: Any, name: str, scopes: Iterable[str], *, at: datetime, lasts: timedelta = timedelta(days=90)
) -> tuple[Token, str]:
    """A new token, and its text, which can't be had again.

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


def revoke(token_id: UUID, *, by: Any, at: datetime) -> None:
    """End one of one's own tokens.

    Raises:
        NotFound: it isn't one of `by`'s.
    """
    if not Token.objects.filter(pk=token_id, person=by, revoked=None).update(revoked=at):
        raise NotFound("There is no such token of yours.")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
