"""One device: its state now, its past as a strip, its identities and its entries; and the complaint's "
"panel."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import render

from vouchsafe.attest.reasons import MEANINGS
from vouchsafe.fleet import history, queries
from vouchsafe.fleet.errors import FleetError
from vouchsafe.kernel.fields import Device
from vouchsafe.kernel.views import RecordView
from vouchsafe.web import devicestrip, fleetview, kinds, words
from vouchsafe.web.seals import fleet_seal
from vouchsafe.web.views.common import SignedIn, signed_in
from vouchsafe.web.views.fleet import now_ms

ENTRIES = 12
INTERVALS = 25


@signed_in()
def device(request: SignedIn, serial: str) -> HttpResponseBase:
    """A device's page. `at` in the address asks about another moment than now."""
    now = now_ms(request)
    row = queries.device(queries.resolve(serial), now)
    at = _moment(request.GET.get("at", ""), request)
    view = devicestrip.around(row, at or request.now, request, event=at is not None)
    context = {
        "active": "fleet",
        "d": _head(row, request),
        "view": view,
        "at": at,
        "at_value": (at or request.now).astimezone(request.zone).strftime("%Y-%m-%dT%H:%M"),
        "strip": view.strip,
        "query": f"&at={request.GET.get('at', '')[:40]}" if at else "",
        "identities": [_identity(i, row, request) for i in queries.identities(row.device)],
        "intervals": [_interval(i, row, request) for i in history.intervals(row.device)[:INTERVALS]],
        "entries": [_entry(k, row) for k in history.chain_of(row.device, limit=ENTRIES)],
    }
    return render(request, "web/pages/device.html", context)


def _moment(text: str, request: SignedIn) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if 9 < len(text) < 41 else None
    except ValueError:
        return None
    if at is None or not 2000 <= at.year <= 2100:  # no device measured anything then, and the axis needs room
        return None
    return at if at.tzinfo else at.replace(tzinfo=request.zone)


def _head(row: queries.DeviceRow, request: SignedIn) -> SimpleNamespace:
    return SimpleNamespace(
        serial=row.serial,
        model=row.model,
        udi_di=row.udi_di,
        lot=row.lot,
        site=row.site_name,
        site_href=f"/fleet/sites/{row.site}" if row.site else "",
        version=row.version or "not a released build",
        tier=fleetview.TIER_OF.get(row.verdict, row.verdict),
        verdict=fleetview.label(row.verdict),
        freshness=row.freshness,
        age=fleetview.age(row.v, request.now),
        seal=fleet_seal(row.origin, row.ix),
        href=f"/fleet/devices/{row.serial}",
        reasons=[MEANINGS[c].sentence if c in MEANINGS else c for c in row.reasons],
    )


def _identity(i: queries.Identity, row: queries.DeviceRow, request: SignedIn) -> SimpleNamespace:
    end = words.moment(fleetview.moment(i.t1), request.zone) if i.t1 is not None else "now"
    return SimpleNamespace(
        serial=i.serial,
        udi_di=i.udi_di,
        lot=i.lot,
        made=i.made,
        site=i.site,
        key_id=i.key_id,
        alg=i.alg,
        origin=i.key_origin.replace("_", " "),
        assurance=i.assurance.replace("_", " "),
        span=f"{words.moment(fleetview.moment(i.t0), request.zone)} to {end}",
        superseded=i.superseded,
        seal=fleet_seal(row.origin, i.ix),
    )


def _interval(i: history.Row, row: queries.DeviceRow, request: SignedIn) -> SimpleNamespace:
    return SimpleNamespace(
        start=fleetview.moment(i.t0),
        end=fleetview.moment(i.t1) if i.t1 is not None else None,
        tier=fleetview.TIER_OF.get(i.verdict, i.verdict) if i.attested else "unknown",
        verdict=fleetview.label(i.verdict) if i.attested else "Never attested",
        version=i.version or (f"image {i.image[:10]}…" if i.image else "none"),
        config=i.config_name or (f"{i.config[:10]}…" if i.config else "not measured"),
        reasons=", ".join(r.replace("_", " ") for r in i.reasons),
        seal=fleet_seal(row.origin, i.first_ix),
    )


def _entry(link: Any, row: queries.DeviceRow) -> SimpleNamespace:
    return SimpleNamespace(
        at=fleetview.moment(link.leaf.at),
        what=kinds.what(link.leaf),
        seal=fleet_seal(row.origin, link.ix),
    )


def complaint_panel(request: SignedIn, r: RecordView) -> dict[str, Any]:
    """The complaint's own panel: what the device measured around the time of the event."""
    unit, at = r.content.unit, r.content.event_at
    if not isinstance(unit, Device):
        return {
            "own_parts": ("web/parts/no_device.html",),
            "missing": "Enter the device, by its serial number or the UDI from its label, and the time "
            "of the event. What it measured then appears here.",
        }
    try:
        row = queries.device(
            queries.resolve(f"{unit.di} {unit.serial}" if unit.di else unit.serial), now_ms(request)
        )
    except FleetError as why:
        return {
            "own_parts": ("web/parts/no_device.html",),
            "missing": f"{why} Nothing is known of what it ran.",
        }
    if at is None or not 2000 <= at.year <= 2100:
        return {
            "own_parts": ("web/parts/no_device.html", "web/parts/device_card.html"),
            "missing": "Enter the time of the event, and what the device measured then appears here.",
            "d": _head(row, request),
        }
    view = devicestrip.around(row, at, request, event=True)
    return {
        "own_parts": ("web/parts/event_strip.html",),
        "view": view,
        "strip": view.strip,
        "d": _head(row, request),
        "query": "",
    }
