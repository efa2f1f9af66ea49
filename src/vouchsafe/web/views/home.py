"""The first page: what needs me, the clocks, the fleet, what was sealed; the task list; the palette's "
"search."""

from types import SimpleNamespace
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from vouchsafe.fleet import queries as fleet_queries
from vouchsafe.kernel import queries
from vouchsafe.kernel.registry import processes
from vouchsafe.kernel.views import Task
from vouchsafe.web import fleetview, icons, nav, progress, states, words
from vouchsafe.web.clocks import dial
from vouchsafe.web.nav import Found, Result
from vouchsafe.web.seals import of_seal
from vouchsafe.web.views.common import SignedIn, signed_in
from vouchsafe.web.views.fleet import now_ms

TASKS_SHOWN = 8
CLOCKS_SHOWN = 4
RECENT = 10


@signed_in()
def home(request: SignedIn) -> HttpResponseBase:
    """Home."""
    work = queries.worklist(request.me, now=request.now)
    rows = [task_row(t, request) for t in work.tasks]
    context = {
        "active": "home",
        "today": words.long_day(request.now, request.zone),
        "headline": _headline(rows),
        "tasks": rows[:TASKS_SHOWN],
        "tasks_total": len(rows),
        "clocks": [
            dial(
                c.clock,
                request.now,
                request.zone,
                number=c.number,
                href=f"/records/{c.number}",
                title=c.title,
            )
            for c in work.clocks[:CLOCKS_SHOWN]
        ],
        "processes": _processes(request, work),
        "recent": _recent(request),
        "seeding": progress.read(),
        "fleet": _fleet(request),
    }
    return render(request, "web/pages/home.html", context)


@signed_in()
def home_fleet(request: SignedIn) -> HttpResponseBase:
    """The fleet panel alone, for the page to replace in place."""
    return render(
        request, "web/parts/fleet_panel.html", {"fleet": _fleet(request), "seeding": progress.read()}
    )


@signed_in()
def seeding(request: SignedIn) -> HttpResponseBase:
    """The demonstration's progress; when it has ended the page is loaded again."""
    found = progress.read()
    if found is None:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "web/parts/seeding.html", {"seeding": found})


@signed_in()
def tasks(request: SignedIn) -> HttpResponseBase:
    """Everything that waits for me."""
    rows = [task_row(t, request) for t in queries.tasks(request.me, now=request.now)]
    return render(request, "web/pages/tasks.html", {"active": "tasks", "tasks": rows})


def _headline(rows: list[Any]) -> str:
    today = sum(1 for r in rows if r.today)
    soon = sum(1 for r in rows if r.due_class in ("now", "late"))
    ready = sum(1 for r in rows if r.ready)
    if today:
        return "One thing needs you today" if today == 1 else f"{words.count(today)} things need you today"
    if soon:
        return (
            "One thing is due in two days" if soon == 1 else f"{words.count(soon)} things are due in two days"
        )
    if ready:
        return (
            "One thing is ready for you" if ready == 1 else f"{words.count(ready)} things are ready for you"
        )
    if rows:
        return (
            "One thing waits for you" if len(rows) == 1 else f"{words.count(len(rows))} things wait for you"
        )
    return "Nothing waits for you"


def task_row(t: Task, request: SignedIn) -> SimpleNamespace:
    """A task as the table shows it."""
    today = request.now.astimezone(request.zone).date()
    due_class, says = "ok", ""
    if t.due is not None:
        left = (t.due - today).days
        due_class = "late" if left < 0 else "now" if left <= 2 else "soon" if left <= 7 else "ok"
        says = (
            f"{-left} d late"
            if left < 0
            else "Today"
            if left == 0
            else "1 day"
            if left == 1
            else f"{words.count(left)} days"
        )
    return SimpleNamespace(
        do=f"Sign: {t.label}" if t.kind == "sign" else t.label,
        about=t.title,
        open="" if t.ready else f"{t.missing} open",
        number=t.number,
        href=f"/records/{t.number}?step={t.step}",
        state=t.state_label,
        state_kind="review" if t.kind == "sign" else "active",
        ready=t.ready,
        today=t.due is not None and t.due <= today,
        due=t.due,
        due_class=due_class,
        due_says=says,
        due_day=words.day(t.due, now=request.now) if t.due else "",
    )


def _processes(request: SignedIn, work: Any) -> list[SimpleNamespace]:
    counts = queries.counts(request.me, now=request.now)
    mine: dict[str, int] = {}
    for t in work.tasks:
        mine[t.process] = mine.get(t.process, 0) + 1
    return [
        SimpleNamespace(
            label=nav.plural(key),
            icon=icons.PROCESSES.get(key, icons.OTHER),
            href=nav.list_href(key),
            open=counts[key].open,
            mine=mine.get(key, 0),
            late=counts[key].overdue,
        )
        for key in processes()
    ]


def _recent(request: SignedIn) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            who=e.by_name if e.by else "",
            at=e.at,
            did=e.label if len(e.label) < 60 else e.label[:57] + "…",
            number=e.number,
            href=f"/records/{e.number}",
            seal=of_seal(e.seal),
        )
        for e in queries.recent_events(RECENT, request.me, now=request.now, sealed_only=True)
    ]


def _fleet(request: SignedIn) -> fleetview.Trust | None:
    found = fleet_queries.trust_summary(now_ms(request))
    return fleetview.trust(found) if found.total else None


@signed_in()
def search(request: SignedIn) -> HttpResponseBase:
    """The palette's results; as a page of its own without script."""
    text = " ".join(request.GET.get("q", "").split())[:200]
    groups = found(text, request)
    if request.headers.get("HX-Request"):
        return render(request, "web/parts/found.html", {"groups": groups})
    return render(request, "web/pages/search.html", {"active": "", "groups": groups, "q": text})


def found(text: str, request: SignedIn) -> list[Found]:
    """Records, devices and commands that fit."""
    if not text:
        return [Found("Commands", nav.commands())]
    records = tuple(
        Result(
            icons.PROCESSES.get(r.process, icons.OTHER),
            r.title,
            f"/records/{r.number}",
            number=r.number,
            state_kind=states.kind(r.process, r.state),
            state=r.state_label,
        )
        for r in queries.search(text, request.me, now=request.now, limit=8)
    )
    wanted = text.casefold()
    commands = tuple(c for c in nav.commands() if wanted in c.text.casefold())
    groups = [Found("Records", records), Found("Pumps", _devices(text, request)), Found("Commands", commands)]
    # Who types a serial number or scans a UDI wants that device, not the records that mention it.
    if any(_names(text, d.number) for d in groups[1].results):
        groups.insert(0, groups.pop(1))
    return [g for g in groups if g.results]


def _names(text: str, serial: str) -> bool:
    """Whether a text is a device's serial number, alone or as part of a scanned UDI."""
    return bool(serial) and serial.casefold() in text.casefold()


def _devices(text: str, request: SignedIn) -> tuple[Result, ...]:
    return tuple(
        Result(
            "cpu",
            d.site_name,
            f"/fleet/devices/{d.serial}",
            number=d.serial,
            tier=fleetview.TIER_OF.get(d.verdict, d.verdict),
        )
        for d in fleet_queries.search(text, now_ms(request))
    )
