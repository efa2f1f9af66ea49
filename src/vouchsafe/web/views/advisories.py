"""Advisories: import, what each touches, and the panel of a vulnerability's record."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from vouchsafe.fleet import impact, triage
from vouchsafe.fleet.errors import BadInput, NotFound
from vouchsafe.kernel import queries
from vouchsafe.kernel.views import RecordView
from vouchsafe.web import fleetview, impactview, paging, uploads, words
from vouchsafe.web.impactview import Node
from vouchsafe.web.views.common import SignedIn, signed_in
from vouchsafe.web.views.fleet import device_row, now_ms

MAX_ADVISORY_BYTES = 4 * 1024 * 1024


@signed_in()
def advisories(request: SignedIn) -> HttpResponseBase:
    """Every imported advisory."""
    rows = [impactview.advisory(a, request.now, request.zone) for a in impact.advisories()]
    return render(request, "web/pages/advisories.html", {"active": "vulnerability", "rows": rows})


@signed_in("GET", "HEAD", "POST")
def import_advisory(request: SignedIn) -> HttpResponseBase:
    """Import an advisory's file, of any format that is read. The bytes are kept as they are."""
    problem = ""
    if request.method == "POST":
        upload = request.FILES.get("advisory")
        if upload is None:
            problem = "No file was chosen."
        elif uploads.size_of(upload) > MAX_ADVISORY_BYTES:
            problem = (
                f"The file has {words.size(uploads.size_of(upload))}; an advisory has at most "
                f"{words.size(MAX_ADVISORY_BYTES)}."
            )
        else:
            try:
                made = impact.import_advisory(upload.read(), by=request.me, at=request.now)
            except BadInput as why:
                problem = str(why)
            else:
                messages.success(request, f"{made.key} imported")
                return redirect(f"/advisories/{made.id}")
    context = {"active": "vulnerability", "problem": problem, "most": words.size(MAX_ADVISORY_BYTES)}
    return render(request, "web/pages/import.html", context, status=422 if problem else 200)


@signed_in()
def advisory(request: SignedIn, advisory_id: int) -> HttpResponseBase:
    """What one advisory touches now."""
    row = impact.advisory(advisory_id)
    record = _record_of(row, request)
    correction = _correction(request, record)
    head = impactview.advisory(row, request.now, request.zone)
    new = "/new/vulnerability?" + urlencode(
        {
            "title": row.summary[:200] or row.key,
            "advisory": row.key,
            "aliases": ", ".join(row.aliases),
            "summary": row.summary,
            "vector": str(row.severity.get("vector") or ""),
        }
    )
    context = {
        "active": "vulnerability",
        "a": head,
        "record": record,
        "new_href": "" if record else new,
        **panel_context(request, row, correction),
    }
    if request.headers.get("HX-Target") == "affected":
        return render(request, "web/parts/affected.html", context)
    return render(request, "web/pages/advisory.html", context)


def panel_context(request: SignedIn, row: impact.AdvisoryRow, correction: Node) -> dict[str, Any]:
    """The impact, and one page of the devices of the chosen set."""
    now = now_ms(request)
    found = impact.impact(row.id, now)
    href = f"/advisories/{row.id}"
    shown = impactview.of(found, correction=correction, href=href)
    default = next((s.key for s in shown.sets if s.count), "confirmed")
    which = request.GET.get("set", default)
    which = which if which in fleetview.FRESHNESS else default
    page = impact.affected_devices(row.id, which, now, page=paging.page_of(request), size=25)
    return {
        "impact": shown,
        "advisory": impactview.advisory(row, request.now, request.zone),
        "sets": [
            paging.Choice(s.label, s.key, f"{href}?set={s.key}", s.count, s.key == which) for s in shown.sets
        ],
        "affected": [device_row(d, request) for d in page.rows],
        "affected_page": paging.pager(request, page=page.page, size=page.size, total=page.total),
    }


def _record_of(row: impact.AdvisoryRow, request: SignedIn) -> SimpleNamespace | None:
    """The vulnerability record of this advisory, where the reader may see it."""
    found = triage.record_of(row, request.me, now=request.now)
    if found is None:
        return None
    return SimpleNamespace(number=found.number, href=f"/records/{found.number}", state=found.state_label)


def _correction(request: SignedIn, record: SimpleNamespace | None) -> Node:
    if record is None:
        return Node(title="Not triaged yet", sub="open a vulnerability record", dashed=True)
    return correction_of(queries.record(record.number, request.me, now=request.now), request)


def correction_of(r: RecordView, request: SignedIn) -> Node:
    """The field action that a vulnerability led to, with the share that is measured as corrected."""
    from vouchsafe.fleet import population

    actions = [k for k in r.links if k.process == "field_action" and k.number and not k.void]
    if not actions:
        return Node(title="No field action yet", sub=r.number, dashed=True, href=f"/records/{r.number}")
    number = actions[-1].number
    href = f"/records/{number}"
    try:
        counts = population.counts(number, now_ms(request))
    except NotFound:
        return Node(title=number, sub="population not frozen yet", tone="blue", href=href)
    share = words.percent(counts.corrected, counts.scope)
    return Node(title=number, sub=actions[-1].state_label, figure=share, unit="done", tone="blue", href=href)


def panel(request: SignedIn, r: RecordView) -> dict[str, Any]:
    """The vulnerability record's own panel."""
    name = (r.content.advisory or "").strip()
    if not name:
        return {"own_parts": ()}
    try:
        row = impact.find_advisory(name)
    except NotFound as why:
        return {"own_parts": ("web/parts/no_advisory.html",), "missing": str(why)}
    now = now_ms(request)
    href = f"/advisories/{row.id}"
    return {
        "wide_parts": ("web/parts/impact.html",),
        "on_record": True,
        "impact": impactview.of(impact.impact(row.id, now), correction=correction_of(r, request), href=href),
        "advisory": impactview.advisory(row, request.now, request.zone),
    }
