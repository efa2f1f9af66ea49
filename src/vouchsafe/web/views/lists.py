"""Lists of records of one process: tabs with counts, filters in the address, pages."""

from enum import StrEnum
from types import SimpleNamespace
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import render

from vouchsafe.kernel import queries
from vouchsafe.kernel.declare import Field, Process, fields_of
from vouchsafe.kernel.registry import processes
from vouchsafe.kernel.views import Filters, RecordRow
from vouchsafe.web import icons, nav, paging, states, words
from vouchsafe.web.clocks import Dial, dial
from vouchsafe.web.forms import label_of
from vouchsafe.web.seals import of_seal
from vouchsafe.web.views.common import SignedIn, signed_in
from vouchsafe.web.views.fleet import Filter

COLUMN_FIELDS = 2
LONGEST_HEAD = 24
EMPTY: dict[str, str] = {
    "complaint": "Every report that something about a device may be wrong begins as a complaint. Enter "
    "the device and the time, and what it measured then appears beside the words of the caller.",
    "capa": "A CAPA removes the cause of a problem so that it does not come back. Open one when a "
    "complaint repeats or could harm a patient.",
    "vulnerability": "Import an advisory, and the components, releases and pumps that it touches are "
    "counted from signed SBOMs and measured builds.",
    "field_action": "A field action corrects devices that are in use. Its population is frozen as a "
    "signed list, and a unit counts as corrected only by its own measurement or a signed reply.",
}


@signed_in()
def records(request: SignedIn, process: str) -> HttpResponseBase:
    """One list."""
    known = processes().get(process)
    if known is None:
        raise Http404
    view = request.GET.get("view", "open")
    tabs = _views(known, request)
    if view not in tabs:
        view = "open"
    text = request.GET.get("q", "")[:200]
    chosen = {f.name: request.GET.get(f.name, "")[:80] for f in _choices(known)}
    filters = _filters(tabs[view][1], text, chosen, known, request)
    page = queries.records(process, filters, request.me, now=request.now, page=paging.page_of(request))
    clocks = {c.number: c for c in reversed(queries.clocks(request.me, now=request.now))}
    columns = _columns(known)
    counts = queries.view_counts(
        process, {key: base for key, (_, base) in tabs.items()}, request.me, now=request.now
    )
    context: dict[str, Any] = {
        "active": process,
        "heading": nav.plural(process),
        "here": request.path,
        "view": view,
        "q": text,
        "total": words.count(page.total),
        "tabs": [
            paging.Choice(label, key, paging.address(request, {"view": key}), counts[key], key == view)
            for key, (label, _) in tabs.items()
        ],
        "filters": [_menu(f, chosen[f.name]) for f in _choices(known)],
        "filtered": bool(text or any(chosen.values())),
        "clear_href": f"{request.path}?view={view}",
        "columns": [SimpleNamespace(label=f.label, number=False) for f in columns],
        "rows": [_row(r, clocks, columns, request) for r in page.rows],
        "page": paging.pager(request, page=page.page, size=page.size, total=page.total),
        "new_href": f"/new/{process}",
        "new_label": f"New {nav.singular(process)}",
        "import_href": "/advisories" if process == "vulnerability" else "",
        "empty": _empty(known, bool(text or any(chosen.values()))),
    }
    part = request.headers.get("HX-Target") == "listing"
    return render(request, "web/parts/listing.html" if part else "web/pages/list.html", context)


def _columns(process: Process) -> list[Field]:
    """Two short fields worth a column: the device first, then closed lists; labels that fit a head."""
    order = {"device": 0, "choice": 1, "moment": 2}
    fit = [
        f for f in fields_of(process.content) if f.kind in order and f.short and len(f.label) <= LONGEST_HEAD
    ]
    return sorted(fit, key=lambda f: order[f.kind])[:COLUMN_FIELDS]


def _views(process: Process, request: SignedIn) -> dict[str, tuple[str, Filters]]:
    """The saved views: open, mine, late, each stage, closed, all."""
    out: dict[str, tuple[str, Filters]] = {
        "open": ("Open", Filters(open_only=True)),
        "mine": ("Mine", Filters(open_only=True, owner=request.me.id.hex)),
        "late": ("Past due", Filters(overdue_on=request.now.astimezone(request.zone).date())),
    }
    for label, inside in process.stages.items():
        open_states = tuple(s for s in inside.split() if s not in process.settled)
        if open_states and len(process.stages) <= 8:
            out[label.lower().replace(" ", "-")] = (label, Filters(states=open_states))
    out["closed"] = ("Closed", Filters(closed_only=True))
    out["all"] = ("All", Filters())
    return out


def _choices(process: Process) -> list[Field]:
    """The fields that a list can be narrowed by: closed lists, at most three."""
    return [f for f in fields_of(process.content) if f.kind == "choice" and f.short][:3]


def _menu(f: Field, now: str) -> Filter:
    members: list[StrEnum] = list(f.of) if f.of else []
    return Filter(
        f.name, f.label, [paging.Choice(label_of(m), str(m.value), on=str(m.value) == now) for m in members]
    )


def _filters(
    base: Filters, text: str, chosen: dict[str, str], process: Process, request: SignedIn
) -> Filters:
    facts = {name: value for name, value in chosen.items() if value}
    return Filters(
        states=base.states,
        owner=base.owner,
        open_only=base.open_only,
        closed_only=base.closed_only,
        overdue_on=base.overdue_on,
        text=text,
        facts=facts,
        sort="-changed",
    )


def _row(r: RecordRow, clocks: dict[str, Any], columns: list[Field], request: SignedIn) -> SimpleNamespace:
    return SimpleNamespace(
        number=r.number,
        title=r.title,
        href=f"/records/{r.number}",
        state=r.state_label,
        state_kind=states.kind(r.process, r.state),
        clock=_clock(r, clocks, request),
        owner=r.owner,
        changed=r.changed,
        seal=of_seal(r.seal),
        cells=[SimpleNamespace(text=_fact(r.facts.get(f.name), f, request), number=False) for f in columns],
    )


def _clock(r: RecordRow, clocks: dict[str, Any], request: SignedIn) -> Dial | None:
    found = clocks.get(r.number)
    return dial(found.clock, request.now, request.zone) if found else None


def _fact(value: Any, f: Field, request: SignedIn) -> str:
    """A short field as the list shows it; facts are JSON values."""
    if value in (None, ""):
        return ""
    if f.kind == "device" and isinstance(value, dict):
        return str(value.get("serial", ""))
    if f.kind == "choice" and f.of is not None:
        return label_of(f.of(value)) if value in [m.value for m in f.of] else str(value)
    if f.kind == "moment":
        from datetime import datetime

        return words.short(datetime.fromisoformat(str(value)), request.zone, request.now)
    return str(value)[:60]


def _empty(process: Process, filtered: bool) -> SimpleNamespace:
    if filtered:
        return SimpleNamespace(
            title="Nothing fits these filters", text="Take a filter away, or choose another view.", clause=""
        )
    return SimpleNamespace(
        title=f"No {nav.plural(process.key).lower() if process.key != 'capa' else 'CAPA'} in this view",
        text=EMPTY.get(process.key, ""),
        clause=process.clauses[0] if process.clauses else "",
    )


@signed_in()
def choose(request: SignedIn) -> HttpResponseBase:
    """Which kind of record to open."""
    kinds = [
        SimpleNamespace(
            key=key,
            icon=icons.PROCESSES.get(key, icons.OTHER),
            label=p.title,
            href=f"/new/{key}",
            text=EMPTY.get(key, ""),
        )
        for key, p in processes().items()
    ]
    return render(request, "web/pages/choose.html", {"active": "", "kinds": kinds})
