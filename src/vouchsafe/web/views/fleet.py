"""The fleet: trust, releases, sites, lists of devices, one site."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from django.http.response import HttpResponseBase
from django.shortcuts import render

from vouchsafe.attest.reasons import MEANINGS
from vouchsafe.fleet import queries
from vouchsafe.web import fleetview, paging, words
from vouchsafe.web.seals import fleet_seal
from vouchsafe.web.views.common import SignedIn, signed_in

FINDINGS = {"silent": "without a proof for more than 7 days", "device_clone": "with one key on two devices"}


def now_ms(request: SignedIn) -> int:
    """The request's time in the fleet's unit."""
    return int(request.now.timestamp() * 1000)


@signed_in()
def fleet(request: SignedIn) -> HttpResponseBase:
    """The fleet's trust, releases, ages, sites and what stands out."""
    now = now_ms(request)
    all_sites = queries.sites(now)
    listed = _site_list(request, all_sites)
    if request.headers.get("HX-Target") == "sitelist":
        return render(request, "web/parts/sites.html", listed)
    found = queries.trust_summary(now)
    context = {
        "active": "fleet",
        "trust": fleetview.trust(found),
        "countries": found.countries,
        "releases": _releases(found),
        **_bins(found),
        "mosaic": fleetview.mosaic(all_sites),
        "findings": [_finding(request, f) for f in queries.findings(now)],
        **listed,
    }
    return render(request, "web/pages/fleet.html", context)


def _site_list(request: SignedIn, all_sites: tuple[queries.SiteRow, ...]) -> dict[str, Any]:
    call = [s for s in all_sites if s.worst in ("contraindicated", "warning")]
    silent = [s for s in all_sites if s.freshness.get("last_known") or s.freshness.get("unknown")]
    views = {"call": call, "silent": silent, "all": list(all_sites)}
    view = request.GET.get("sites", "call" if call else "all")
    chosen = views.get(view, views["all"])
    choices = [
        ("call", "Needs a call", len(call)),
        ("silent", "Silent over 7 days", len(silent)),
        ("all", "All", len(all_sites)),
    ]
    return {
        "site_tabs": paging.tabs(request, "sites", choices, view),
        "sites": [_site_row(s, request) for s in chosen],
        "all_sites": len(all_sites),
    }


def _site_row(s: queries.SiteRow, request: SignedIn) -> SimpleNamespace:
    worst = s.verdicts.get(s.worst, 0)
    return SimpleNamespace(
        href=f"/fleet/sites/{s.key}",
        name=s.name,
        place=", ".join(p for p in (s.city, s.country) if p),
        devices=s.devices,
        parts=fleetview.parts_of(s.verdicts),
        says=fleetview.says(s.verdicts, s.devices),
        affirming=words.percent(s.verdicts.get("affirming", 0), s.devices),
        oldest=fleetview.age(s.oldest_v, request.now),
        worst_tier=fleetview.TIER_OF.get(s.worst, s.worst),
        worst=words.count(worst or s.freshness.get("last_known", 0) + s.freshness.get("unknown", 0)),
        on_current=words.percent(s.on_current, s.devices),
    )


def _releases(found: queries.TrustSummary) -> list[SimpleNamespace]:
    most = max((r.devices for r in found.releases), default=0) or 1
    out = []
    for r in found.releases:
        x, rects = 0.0, []
        for tier, n in fleetview.parts_of(r.verdicts):
            width = 100 * n / most
            if n:
                rects.append((tier, f"{x:.2f}", f"{max(width, words.MIN_SHARE):.2f}"))
            x += width
        never = r.freshness.get("unknown", 0) == r.devices
        state = _release_state(r, never)
        out.append(
            SimpleNamespace(
                version=f"{r.version}" if r.version else "",
                label="Never attested" if never else "No released build",
                href="/fleet/devices?" + urlencode({"version": r.version or "-"}),
                state_kind=state[0],
                state=state[1],
                devices=r.devices,
                share=words.percent(r.devices, found.total),
                rects=rects,
                **{v: r.verdicts.get(v, 0) for v in fleetview.VERDICTS},
            )
        )
    return out


def _release_state(r: queries.Release, never: bool) -> tuple[str, str]:
    if r.current:
        return "done", "Newest"
    if r.version:
        return "active", "Released"
    return ("draft", "Nothing measured") if never else ("failed", "Not released")


def _bins(found: queries.TrustSummary) -> dict[str, Any]:
    bars = []
    for k, b in enumerate(fleetview.bins(found.ages)):
        width = round(b.width * 2.4, 1)
        bars.append(
            SimpleNamespace(
                label=b.label, count=b.count, tone=b.tone, y=k * 28, width=width, text_x=round(110 + width, 1)
            )
        )
    return {"bins": bars, "bins_height": len(bars) * 28}


def _finding(request: SignedIn, f: queries.Finding) -> SimpleNamespace:
    pumps = "1 pump" if f.devices == 1 else f"{words.count(f.devices)} pumps"
    meaning = MEANINGS.get(f.code)
    tier = "unknown" if f.code == "silent" else "contraindicated"
    if meaning is not None and meaning.value < 96:
        tier = "warning"
    query = {"freshness": "last_known"} if f.code == "silent" else {"verdict": tier}
    title = f"{pumps} {FINDINGS[f.code]}" if f.code in FINDINGS else (meaning.sentence if meaning else f.code)
    what = (
        f"{pumps}, most of them at {f.site}"
        if f.site and f.devices > 1
        else f"At {f.site}"
        if f.site
        else pumps
    )
    return SimpleNamespace(
        tier=tier,
        glyph=f"tr-{tier}",
        title=title,
        what=what,
        href="/fleet/devices?" + urlencode(query),
        since=words.short(fleetview.moment(f.since), request.zone, request.now),
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """One list to choose from, above a table."""

    name: str
    label: str
    options: list[paging.Choice]


@signed_in()
def devices(request: SignedIn) -> HttpResponseBase:
    """Pumps, filtered; the filters are in the address."""
    get = {name: request.GET.get(name, "")[:80] for name in ("q", "site", "version", "verdict", "freshness")}
    where = queries.DeviceFilter(
        text=get["q"].strip(),
        site=get["site"],
        version=get["version"],
        verdict=get["verdict"] if get["verdict"] in fleetview.VERDICTS else "",
        freshness=get["freshness"] if get["freshness"] in fleetview.FRESHNESS else "",
    )
    now = now_ms(request)
    found = queries.devices(where, now, page=paging.page_of(request), size=paging.SIZE)
    choices = [("", "All", 0), *((v, fleetview.label(v), 0) for v in fleetview.VERDICTS)]
    context = {
        "active": "fleet",
        "heading": "Pumps",
        "here": request.path,
        "tabs": paging.tabs(request, "verdict", choices, where.verdict),
        "verdict": where.verdict,
        "q": where.text,
        "filters": _filters(where, now),
        "filtered": any(get.values()),
        "rows": [device_row(d, request) for d in found.rows],
        "page": paging.pager(request, page=found.page, size=found.size, total=found.total),
    }
    part = request.headers.get("HX-Target") == "listing"
    return render(request, "web/parts/devices.html" if part else "web/pages/devices.html", context)


def _filters(where: queries.DeviceFilter, now: int) -> list[Filter]:
    sites = sorted(((s.key, s.name) for s in queries.sites(now)), key=lambda s: s[1])
    versions = [
        (r.version or "-", r.version or "no released build") for r in queries.trust_summary(now).releases
    ]
    fresh = [(f, fleetview.label(f)) for f in fleetview.FRESHNESS]
    return [
        Filter(name, label, [paging.Choice(text, v, on=v == now_set) for v, text in options])
        for name, label, options, now_set in (
            ("version", "Release", versions, where.version),
            ("freshness", "Freshness", fresh, where.freshness),
            ("site", "Site", sites, where.site),
        )
    ]


def device_row(d: queries.DeviceRow, request: SignedIn) -> SimpleNamespace:
    """One line of a list of pumps."""
    return SimpleNamespace(
        serial=d.serial,
        href=f"/fleet/devices/{d.serial}",
        site_name=d.site_name,
        version=d.version,
        tier=fleetview.TIER_OF.get(d.verdict, d.verdict),
        verdict_label=fleetview.label(d.verdict),
        freshness=d.freshness,
        age=fleetview.age(d.v, request.now),
        seal=fleet_seal(d.origin, d.ix),
    )


@signed_in()
def site(request: SignedIn, key: str) -> HttpResponseBase:
    """One hospital: its trust and its pumps."""
    now = now_ms(request)
    row = queries.site(key, now)
    found = queries.devices(
        queries.DeviceFilter(site=key), now, page=paging.page_of(request), size=paging.SIZE
    )
    context = {
        "active": "fleet",
        "site": row,
        "trust": fleetview.trust_of_site(row),
        "oldest": fleetview.age(row.oldest_v, request.now),
        "on_current": words.percent(row.on_current, row.devices),
        "rows": [device_row(d, request) for d in found.rows],
        "page": paging.pager(request, page=found.page, size=found.size, total=found.total),
    }
    return render(request, "web/pages/site.html", context)
