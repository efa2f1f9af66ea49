"""Links, files, owner and void of a record: the small acts beside its form."""

from collections.abc import Sequence
from types import SimpleNamespace

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from vouchsafe.kernel import acts, files, people, queries
from vouchsafe.kernel.errors import Refused, Stale
from vouchsafe.web import uploads
from vouchsafe.web.views.common import SignedIn, signed_in
from vouchsafe.web.views.records import MAX_REASON, page, people_options, seen_of


@signed_in("POST")
def link(request: SignedIn, number: str) -> HttpResponseBase:
    target = request.POST.get("target", "").strip().upper()[:40]
    acts.link(number, request.POST.get("relation", "")[:40], target, by=request.me, at=request.now)
    messages.success(request, f"Linked to {target}")
    return redirect(f"/records/{number}#links")


@signed_in("POST")
def attach(request: SignedIn, number: str) -> HttpResponseBase:
    upload = request.FILES.get("file")
    if upload is None:
        raise Refused("No file was chosen.")
    kept = uploads.attach(number, upload, by=request.me, at=request.now)
    messages.success(request, f"{kept.name} attached")
    return redirect(f"/records/{number}#files")


@signed_in()
def file(request: SignedIn, number: str, sha256: str) -> HttpResponseBase:
    """An attached file, always as a download: nothing that was uploaded is ever shown as a page of ours."""
    found = queries.file_of(number, sha256, request.me, now=request.now)
    response = HttpResponse(files.read(sha256, root=files.folder()), content_type="application/octet-stream")
    name = "".join(c if c.isalnum() or c in " .-_()" else "_" for c in found.name)
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{name.encode("ascii", "replace").decode()}"'
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@signed_in()
def version_json(request: SignedIn, number: str) -> HttpResponseBase:
    """The newest version's bytes, exactly as they are signed."""
    r = queries.record(number, request.me, now=request.now)
    response = HttpResponse(r.body, content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{r.number}-v{r.version}.json"'
    return response


@signed_in("GET", "HEAD", "POST")
def void(request: SignedIn, number: str) -> HttpResponseBase:
    """Ask for a void, or confirm somebody else's asking."""
    r = queries.record(number, request.me, now=request.now)
    problems: Sequence[str] = ()
    if request.method == "POST":
        try:
            done = acts.void(
                number,
                seen=seen_of(request),
                by=request.me,
                at=request.now,
                reason=request.POST.get("reason", "")[:MAX_REASON],
            )
        except Stale:
            raise
        except Refused as why:
            problems = why.reasons
        else:
            messages.success(
                request,
                f"{number} is void"
                if done.state == "void"
                else "Asked for. Another person of quality assurance confirms it",
            )
            return redirect(f"/records/{number}")
    context = {
        **page(request, r),
        "void": SimpleNamespace(confirms=bool(r.void_asked_by), asked_by=r.void_asked_by, may=r.may_void),
        "problems": problems,
    }
    return render(request, "web/pages/void.html", context, status=422 if problems else 200)


@signed_in("GET", "HEAD", "POST")
def assign(request: SignedIn, number: str) -> HttpResponseBase:
    """Give the record to another owner."""
    r = queries.record(number, request.me, now=request.now)
    problems: Sequence[str] = ()
    if request.method == "POST":
        try:
            owner = people.find_by_id(request.POST.get("owner", "")[:40])
            acts.assign(
                number,
                owner,
                seen=seen_of(request),
                by=request.me,
                at=request.now,
                reason=request.POST.get("reason", "")[:MAX_REASON],
            )
        except Stale:
            raise
        except Refused as why:
            problems = why.reasons
        else:
            messages.success(request, f"{number} is now {owner.full_name}’s")
            return redirect(f"/records/{number}")
    context = {**page(request, r), "people": people_options(request), "problems": problems}
    return render(request, "web/pages/assign.html", context, status=422 if problems else 200)
