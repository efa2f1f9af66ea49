"""Signing in and out, and one's own account: passkeys, roles, password."""

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from vouchsafe import __version__
from vouchsafe.kernel import people, permit
from vouchsafe.kernel.errors import NotFound, Refused, SigningFailed
from vouchsafe.regulations import roles
from vouchsafe.web.views.common import SignedIn, signed_in

BACKEND = "django.contrib.auth.backends.ModelBackend"
WRONG = (
    "User name or password is wrong. After five wrong passwords an account is locked for a quarter "
    "of an hour."
)
MAX_ANSWER = 16_384


@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponseBase:
    """The sign-in page, and signing in by password."""
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(_next(request))
        return _login_page(request)
    username = request.POST.get("username", "").strip()[:254]
    password = request.POST.get("password", "")
    try:
        person = people.find_by_login(username)
    except NotFound:
        make_password(password[:1024])  # the same time as for a known name, so that names can't be told apart
        return _login_page(request, WRONG, username, status=403)
    try:
        people.check_password(person, password, at=timezone.now())
    except SigningFailed as why:
        said = WRONG if "wrong." in str(why) else str(why)
        return _login_page(request, said, username, status=403)
    auth.login(request, person, backend=BACKEND)
    return HttpResponseRedirect(_next(request))


@require_http_methods(["POST"])
def login_passkey(request: HttpRequest) -> HttpResponseBase:
    """Signing in with the answer of a discoverable passkey."""
    state = request.session.pop("sign_in", {})
    try:
        person = people.finish_sign_in(state, answer_of(request), at=timezone.now())
    except (SigningFailed, NotFound) as why:
        return _login_page(request, str(why), status=403)
    auth.login(request, person, backend=BACKEND)
    return HttpResponseRedirect(_next(request))


@require_http_methods(["POST"])
def logout(request: HttpRequest) -> HttpResponseBase:
    auth.logout(request)
    return redirect("web:login")


def answer_of(request: HttpRequest) -> dict[str, Any]:
    """The browser's answer to a WebAuthn call. Raises: SigningFailed."""
    raw = request.POST.get("assertion", "")
    if not raw:
        raise SigningFailed("The passkey gave no answer. Start again, or use your password.")
    if len(raw) > MAX_ANSWER:
        raise SigningFailed(f"The passkey’s answer has {len(raw)} characters; expected at most {MAX_ANSWER}.")
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        raise SigningFailed("The passkey’s answer is not JSON.") from None
    if not isinstance(answer, dict):
        raise SigningFailed("The passkey’s answer is not an object.")
    return answer


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else "/"


def _login_page(
    request: HttpRequest, problem: str = "", username: str = "", status: int = 200
) -> HttpResponseBase:
    options, state = people.begin_sign_in()
    request.session["sign_in"] = state
    context = {
        "organisation": settings.VOUCHSAFE_ORGANISATION,
        "host": request.get_host(),
        "options": json_text(options),
        "problem": problem,
        "username": username,
        "next": _next(request),
        "demo": settings.VOUCHSAFE_DEMO,
        "version": __version__,
    }
    return render(request, "web/pages/login.html", context, status=status)


def json_text(value: Any) -> Any:
    """JSON that can stand inside a script element: no character there can end it."""
    from django.utils.safestring import mark_safe

    text = json.dumps(value, separators=(",", ":"))
    return mark_safe(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@signed_in("GET", "HEAD", "POST")
def account(request: SignedIn) -> HttpResponseBase:
    """One's own passkeys and roles; POST changes the password."""
    problem = ""
    if request.method == "POST":
        problem = _change_password(request)
        if not problem:
            auth.update_session_auth_hash(request, people.find_by_id(request.me.id))
            messages.success(request, "Password changed")
            return redirect("web:account")
    options, state = people.begin_registration(request.me)
    request.session["new_key"] = state
    context = {
        "active": "account",
        "keys": people.keys_of(request.me, at=request.now),
        "grants": [
            SimpleNamespace(title=roles.label(h.role), scope=_scope(h))
            for h in permit.held(request.me, at=request.now)
        ],
        "options": json_text(options),
        "problem": problem,
        "most_keys": people.MAX_KEYS,
    }
    return render(request, "web/pages/account.html", context, status=422 if problem else 200)


def _scope(h: permit.Held) -> str:
    return ", ".join(s for s in (h.site, h.product, h.process) if s) or "everything"


def _change_password(request: SignedIn) -> str:
    new = request.POST.get("new", "")
    if new != request.POST.get("again", ""):
        return "The two new passwords differ. Type the new one twice."
    try:
        validate_password(new, request.me)
        people.check_password(request.me, request.POST.get("password", ""), at=request.now)
    except ValidationError as why:
        return " ".join(why.messages)
    except SigningFailed as why:
        return str(why)
    people.set_password(request.me, new, by=request.me, at=request.now)
    return ""


@signed_in("POST")
def add_key(request: SignedIn) -> HttpResponseBase:
    """Keep the passkey that the browser has made."""
    state = request.session.pop("new_key", {})
    name = request.POST.get("name", "")[:80]
    key = people.finish_registration(request.me, state, answer_of(request), name=name, at=request.now)
    messages.success(request, f"Passkey “{key.name}” added. You can sign with it now")
    return redirect("web:account")


@signed_in("POST")
def remove_key(request: SignedIn, key: UUID) -> HttpResponseBase:
    """Let a passkey count no longer. Signatures given with it stay good."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        raise Refused("Say why the passkey is removed, such as “phone lost”.")
    people.revoke_key(key, by=request.me, at=request.now, reason=reason)
    messages.success(request, "Passkey removed. Signatures given with it stay good")
    return redirect("web:account")
