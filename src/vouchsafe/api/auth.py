"""Who calls: by a token in the Authorization header, or by the session of somebody who is signed in on the pages.

A session needs the CSRF token too, as a form does.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer, SessionAuth

from vouchsafe.api import tokens
from vouchsafe.kernel.errors import Denied
from vouchsafe.kernel.people import Person


class ByToken(HttpBearer):
    """A token that is valid now."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        found = tokens.find(token, now=datetime.now(UTC))
        if found is None:
            return None
        request.api_scopes = frozenset(found.scopes.split())  # type: ignore[attr-defined]
        request.api_token = found  # type: ignore[attr-defined]
        return found.person


class BySession(SessionAuth):
    """Somebody who is signed in on the pages; ninja checks the CSRF token of unsafe methods."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        if not request.user.is_authenticated:
            return None
        request.api_scopes = frozenset(tokens.SCOPES)  # type: ignore[attr-defined]
        return request.user


AUTH = [ByToken(), BySession()]


def caller(request: HttpRequest) -> Person:
    """Who was let in."""
    return request.auth  # type: ignore[attr-defined, no-any-return]


def has(request: HttpRequest, scope: str) -> bool:
    """Whether the caller's token has `scope`; somebody who is signed in on the pages has all of them."""
    return scope in getattr(request, "api_scopes", frozenset())


def require_person(request: HttpRequest, what: str) -> None:
    """Refuse a token: `what` is only for somebody who is signed in."""
    if hasattr(request, "api_token"):
        raise Denied(f"A token can’t {what}. Sign in on the pages first.")


def requires(scope: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Refuse a caller whose token lacks `scope`. An unknown scope is a bug and stops the start."""
    assert scope in tokens.SCOPES

    def wrap(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not has(request, scope):
                raise Denied(f"This token lacks the scope “{scope}” ({tokens.SCOPES[scope]}).")
            return view(request, *args, **kwargs)

        return checked

    return wrap
