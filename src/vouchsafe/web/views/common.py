"""What every view begins with: a signed-in person, the time, and refusals as pages in our language."""

import logging
import secrets
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, tzinfo
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from vouchsafe.fleet import errors as fleet_errors
from vouchsafe.kernel import permit
from vouchsafe.kernel.errors import Denied, NotFound, Refused, SigningFailed, Stale
from vouchsafe.web import words

log = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]


class SignedIn(HttpRequest):
    """A request as a view sees it after `signed_in`: who asks, when, and in which zone they read."""

    me: Any  # kernel Person
    now: datetime
    zone: tzinfo


def signed_in(*methods: str) -> Callable[[View], View]:
    """Let only signed-in people through, by the given methods, and turn the kernel's refusals into pages."""

    def mark(view: View) -> View:
        @require_http_methods(methods or ("GET", "HEAD"))
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _sign_in_first(request)
            request.me, request.now = request.user, timezone.now()
            request.zone = words.zone(request.user.zone)
            look = permit.one_look() if request.method in ("GET", "HEAD") else nullcontext()
            try:
                with look:
                    return view(request, *args, **kwargs)
            except NotFound as why:
                return problem(request, 404, str(why))
            except Denied as why:
                return problem(request, 403, str(why))
            except Stale as why:
                return problem(request, 409, str(why), *why.reasons[1:])
            except (SigningFailed, Refused, fleet_errors.Refused) as why:
                return problem(request, 422, *why.reasons)
            except fleet_errors.NotFound as why:
                return problem(request, 404, str(why))
            except (fleet_errors.BadInput, fleet_errors.TooLarge) as why:
                return problem(request, 422, str(why))

        return guarded

    return mark


def _sign_in_first(request: HttpRequest) -> HttpResponseBase:
    if wants_json(request):
        return JsonResponse(
            {"says": "You are signed out. Sign in again in another tab; your text stays here."}, status=401
        )
    if request.headers.get("HX-Request"):
        return HttpResponse("Sign in again.", status=401, content_type="text/plain; charset=utf-8")
    back = request.get_full_path() if request.method == "GET" else "/"
    return HttpResponseRedirect(f"/login?{urlencode({'next': back})}")


def wants_json(request: HttpRequest) -> bool:
    """Whether our own script asks, rather than a page load."""
    return request.headers.get("X-Requested-With") == "draft" or "application/json" in request.headers.get(
        "Accept", ""
    )


PAGES: dict[int, tuple[str, str, str]] = {
    400: (
        "This request can’t be read",
        "Something in it is not of the form that this page expects.",
        "Go back, reload the page and try again.",
    ),
    403: (
        "You may not do this",
        "What you may do follows from the roles that you hold.",
        "Ask one of the people named, or whoever administers accounts, for the role.",
    ),
    404: (
        "There is nothing here",
        "The address is wrong, or it names something that you may not see.",
        "Search with Ctrl K, or start from a list.",
    ),
    405: (
        "This address doesn’t do that",
        "It was called in a way that it has no answer for.",
        "Go back and use the page’s own buttons.",
    ),
    409: (
        "Someone changed this meanwhile",
        "What you saw is no longer how it stands. Nothing of yours was written.",
        "Open it again, look at what changed, and repeat your act if it still makes sense.",
    ),
    413: ("This is too large", "More was sent than this page takes.", "Send a smaller file."),
    422: ("This can’t be done now", "Nothing was written.", "Go back, put it right, and try again."),
    429: (
        "Too many attempts",
        "So many attempts in a short time look like guessing.",
        "Wait a quarter of an hour, or use your passkey.",
    ),
    500: (
        "Something broke on our side",
        "This is a fault of the program, not of what you did. Nothing was half written: each act is "
        "written whole or not at all.",
        "Try again. If it happens again, tell your administrator the reference below.",
    ),
}


def problem(request: HttpRequest, status: int, *reasons: str, reference: str = "") -> HttpResponseBase:
    """A page, a fragment or JSON that says what happened, why, and what to do."""
    title, why, what_to_do = PAGES.get(status, PAGES[400])
    if wants_json(request):
        return JsonResponse({"says": " ".join(reasons) or why, "reasons": list(reasons)}, status=status)
    context = {
        "title": title,
        "why": " ".join(reasons[:1]) or why,
        "reasons": reasons[1:],
        "what_to_do": what_to_do,
        "status": status,
        "reference": reference,
    }
    return render(request, "web/error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    return problem(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    return problem(request, 403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """A form without the token of this session: an old tab, or another site."""
    return problem(
        request,
        403,
        "The form belongs to another session: it was open since before you signed in, or another site "
        "sent it.",
        "Nothing was written. Reload the page and send it again.",
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    return problem(request, 404)


def broken(request: HttpRequest) -> HttpResponseBase:
    """The 500 page. The reference stands in the server's log beside the trace."""
    reference = secrets.token_hex(4)
    log.error("reference %s %s %s", reference, request.method, request.path)
    return problem(request, 500, reference=reference)
