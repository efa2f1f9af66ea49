"""The field action's own panel: freeze the population, see it burn down, record signed replies."""

from datetime import date
from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from vouchsafe.fleet import impact, population, rights
from vouchsafe.fleet.errors import BadInput, FleetError, NotFound
from vouchsafe.fleet.errors import Refused as FleetRefused
from vouchsafe.fleet.moves import REPLIES
from vouchsafe.kernel import queries
from vouchsafe.kernel.views import RecordView
from vouchsafe.web import burndown, fleetview, paging, uploads, words
from vouchsafe.web.seals import of_events
from vouchsafe.web.views.common import SignedIn, signed_in
from vouchsafe.web.views.fleet import now_ms

MAX_REPLY_BYTES = 16 * 1024 * 1024
OUTCOME_SAYS = {
    "unreachable": "Cannot be reached",
    "returned": "Returned to us",
    "destroyed": "Destroyed",
    "open": "Found again, still to be corrected",
}
STATUS = (
    ("corrected", "Corrected, measured", "green"),
    ("returned", "Returned", "blue"),
    ("destroyed", "Destroyed", "violet"),
    ("unreachable", "Unreachable, signed", "amber"),
    ("open", "Open", "grey"),
)
STATUS_KIND = {
    "corrected": "done",
    "open": "active",
    "unreachable": "hold",
    "returned": "void",
    "destroyed": "void",
}


def panel(request: SignedIn, r: RecordView) -> dict[str, Any]:
    """Before the freeze: what would be frozen. After it: where every unit stands."""
    try:
        frozen = population.find(r.number)
    except NotFound:
        return {"own_parts": ("web/parts/freeze.html",), **_before(request, r)}
    return {"own_parts": ("web/parts/population.html",), **_after(request, r, frozen)}


def _before(request: SignedIn, r: RecordView) -> dict[str, Any]:
    name = (r.content.advisory or "").strip()
    preview, missing = None, ""
    if name:
        try:
            preview = impact.impact(impact.find_advisory(name).id, now_ms(request))
        except NotFound as why:
            missing = str(why)
    return {
        "freeze": SimpleNamespace(
            advisory=name,
            preview=preview,
            missing=missing,
            may=rights.takes_part(r, request.me),
            href=f"/records/{r.number}/freeze",
        )
    }


def _after(request: SignedIn, r: RecordView, frozen: population.Frozen) -> dict[str, Any]:
    counts = population.counts(r.number, now_ms(request))
    status = request.GET.get("status", "")
    status = status if status in {k: v for k, v, _ in STATUS} else ""
    text, site = request.GET.get("unit", "")[:60].strip(), request.GET.get("site", "")[:80]
    page = paging.page_of(request)
    rows, total = population.members(r.number, status=status, site=site, text=text, page=page, size=25)
    parts = [(key, label, tone, getattr(counts, key)) for key, label, tone in STATUS]
    against = population.reconcile(r.number)
    points = [(fleetview.moment(at), dict(by)) for at, by in population.progress(r.number)]
    href = f"/records/{r.number}"
    return {
        "pop": SimpleNamespace(
            counts=counts,
            parts=[(tone, n) for _, _, tone, n in parts],
            says=", ".join(f"{words.count(n)} {label.lower()}" for _, label, _, n in parts),
            legend=[
                SimpleNamespace(
                    label=label,
                    tone=tone,
                    count=n,
                    share=words.percent(n, counts.scope),
                    href=f"{href}?status={key}#population",
                )
                for key, label, tone, n in parts
            ],
            open_parts=_open_parts(counts),
            digest=frozen.digest,
            frozen_at=fleetview.moment(frozen.frozen_at),
            sets=[(fleetview.label(k), n) for k, n in frozen.sets.items()],
            seal=of_events([frozen.event])[frozen.event],
            list_href=f"{href}/population.tsv",
            refusals=population.refusals(r.number, now_ms(request)),
            agrees=against.agrees,
            shipped=against.shipped,
            missing=against.missing[:20],
            unshipped=against.unshipped[:20],
            chart=burndown.draw(points, counts.scope, request.now, request.zone),
            reply_href=f"{href}/reply",
            may=rights.takes_part(r, request.me),
            outcomes=[(k, OUTCOME_SAYS[k]) for k in REPLIES],
            today=request.now.astimezone(request.zone).date().isoformat(),
        ),
        "unit": text,
        "member_tabs": [
            paging.Choice("All", "", f"{href}?#population", counts.scope, not status),
            *(
                paging.Choice(label, key, f"{href}?status={key}#population", n, key == status)
                for key, label, _, n in parts
            ),
        ],
        "members": [_member(m) for m in rows],
        "members_page": paging.pager(request, page=page, size=25, total=total),
        "member_status": status,
    }


def _open_parts(counts: population.Counts) -> list[tuple[str, int]]:
    """What is said of the open units, without empty parts."""
    said = (
        ("reported done by the site, not measured", counts.reported),
        ("scheduled", counts.scheduled),
        ("silent for more than 7 days", counts.silent),
        ("not started", counts.not_started),
    )
    return [(label, n) for label, n in said if n]


def _member(m: population.Member) -> SimpleNamespace:
    note = {"reported": "site says it is done", "scheduled": "scheduled"}.get(m.annotation, "")
    return SimpleNamespace(
        serial=m.serial,
        href=f"/fleet/devices/{m.serial}",
        site=m.site_name,
        was=m.frozen_version or "unknown",
        now=m.version or "not a released build",
        status={k: v for k, v, _ in STATUS}[m.status],
        kind=STATUS_KIND[m.status],
        note=note,
        moved=fleetview.moment(m.moved_at) if m.moved_at else None,
    )


@signed_in("POST")
def freeze(request: SignedIn, number: str) -> HttpResponseBase:
    """Freeze the population. It is done once, and never again."""
    r = queries.record(number, request.me, now=request.now)
    rights.require_part_in_action(r, request.me, "freeze its population")
    name = (r.content.advisory or "").strip()
    versions = [v.strip() for v in request.POST.get("versions", "").split(",") if v.strip()][:20]
    try:
        advisory = impact.find_advisory(name).id if name else None
        made = population.freeze(
            number,
            advisory,
            by=request.me,
            at=request.now,
            udi_di=request.POST.get("udi_di", "").strip()[:40] if not name else "",
            versions=versions if not name else (),
        )
    except (FleetError, FleetRefused) as why:
        return _problem(request, r, str(why))
    messages.success(request, f"{words.count(made.size)} units frozen as the population of {number}")
    return redirect(f"/records/{number}#population")


@signed_in("POST")
def reply(request: SignedIn, number: str) -> HttpResponseBase:
    """Record a signed reply of a site about some units."""
    r = queries.record(number, request.me, now=request.now)
    rights.require_part_in_action(r, request.me, "record a reply")
    upload = request.FILES.get("document")
    serials = request.POST.get("serials", "").replace(",", " ").split()
    try:
        if upload is None:
            raise BadInput("reply", "the signed document", "no file")
        if uploads.size_of(upload) > MAX_REPLY_BYTES:
            raise BadInput(
                "reply", f"at most {words.size(MAX_REPLY_BYTES)}", words.size(uploads.size_of(upload))
            )
        moved = population.record_reply(
            number,
            request.POST.get("outcome", ""),
            list(dict.fromkeys(serials)),
            document=upload.read(),
            signed_by=request.POST.get("signed_by", "").strip()[:120],
            signed_on=_day(request.POST.get("signed_on", "")),
            by=request.me,
            at=request.now,
        )
    except FleetError as why:
        return _problem(request, r, str(why))
    messages.success(request, f"{words.count(moved)} unit{'' if moved == 1 else 's'} moved by signed reply")
    return redirect(f"/records/{number}#population")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("signed on", "a day such as 2026-06-25", text[:40] or "nothing") from None


def _problem(request: SignedIn, r: RecordView, why: str) -> HttpResponseBase:
    from vouchsafe.web.views.records import page

    context = {**page(request, r), "panel_problem": why}
    return render(request, "web/pages/record.html", context, status=422)


@signed_in()
def frozen_list(request: SignedIn, number: str) -> HttpResponseBase:
    """The frozen list, byte for byte: its SHA-256 is the digest that was logged."""
    queries.record(number, request.me, now=request.now)
    response = HttpResponse(population.lines(number), content_type="text/tab-separated-values; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{number}-population.tsv"'
    return response
