"""The fleet: devices and their past, sites, advisories and whom they reach. Reading needs a scope and no role, as on
the pages; importing an advisory needs the role of whoever may open its record."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Query, Router, Status
from pydantic import Field

from vouchsafe.api import fleet_schemas as f
from vouchsafe.api import log_schemas as g
from vouchsafe.api import schemas as s
from vouchsafe.api.auth import caller, has, requires
from vouchsafe.api.errors import REFUSALS
from vouchsafe.fleet import history, impact, queries, triage
from vouchsafe.fleet.errors import BadInput, TooLarge
from vouchsafe.kernel import publish
from vouchsafe.kernel.errors import Refused
from vouchsafe.ledger.proofs import TwoStep

router = Router(tags=["fleet"])

MAX_ADVISORY_BYTES = 4 * 1024 * 1024
_SHOWN = 25
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

PageNumber = Annotated[int, Field(ge=1, le=100_000)]
PageSize = Annotated[int, Field(ge=1, le=200)]
Text = Annotated[s.Clean, Field(max_length=80)]
Named = Annotated[s.Clean, Path(min_length=1, max_length=200, description="a serial number or a whole UDI")]
Index = Annotated[int, Path(ge=0, le=2**53 - 1)]
AdvisoryId = Annotated[int, Path(ge=1, le=2**53 - 1)]


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def ms_of(place: str, at: datetime) -> int:
    """A given moment in ms. Raises: BadInput outside the years that a device can speak of."""
    if not _EARLIEST <= at < _LATEST:
        raise BadInput(place, "a moment from 1970 to 2199", at.isoformat())
    return int(at.timestamp() * 1000)


@router.get("/fleet/summary", response={200: f.FleetSummary, **REFUSALS})
@requires("fleet:read")
def summary(request: HttpRequest) -> Any:
    """The fleet's trust now: by verdict, freshness, release and age of the last proof, and what stands out."""
    now = now_ms()
    found = queries.trust_summary(now)
    return {
        **{name: getattr(found, name) for name in ("total", "verdicts", "freshness", "day_before", "sites")},
        "countries": found.countries,
        "cells": [{"verdict": v, "freshness": w, "devices": n} for (v, w), n in sorted(found.cells.items())],
        "releases": [asdict(one) for one in found.releases],
        "ages": [{"age": name, "devices": n} for name, n in found.ages],
        "findings": [asdict(one) for one in queries.findings(now)],
    }


@router.get("/fleet/devices", response={200: f.DevicePage, **REFUSALS})
@requires("fleet:read")
def devices(
    request: HttpRequest,
    text: Text = "",
    site: Text = "",
    version: Text = "",
    verdict: f.Verdict | None = None,
    freshness: f.Freshness | None = None,
    udi_di: Text = "",
    lot: Text = "",
    page: PageNumber = 1,
    size: PageSize = 50,
) -> Any:
    """Devices, worst verdict first. `text` begins a serial number; `version` "-" asks for no released build."""
    where = queries.DeviceFilter(
        text=text.strip(), site=site, version=version, verdict=verdict or "", freshness=freshness or "", udi_di=udi_di,
        lot=lot,
    )  # fmt: skip
    return page_of(queries.devices(where, now_ms(), page=page, size=size))


@router.get("/fleet/search", response={200: list[f.DeviceOut], **REFUSALS})
@requires("fleet:read")
def search(
    request: HttpRequest,
    text: Annotated[s.Clean, Field(max_length=200)],
    limit: Annotated[int, Field(ge=1, le=50)] = 5,
) -> Any:
    """The devices that a text may mean: the beginning of a serial number, a serial number, or a scanned UDI."""
    return [_device(row) for row in queries.search(text, now_ms(), limit=limit)]


@router.get("/fleet/devices/{serial}", response={200: f.DeviceFull, **REFUSALS})
@requires("fleet:read")
def device(request: HttpRequest, serial: Named) -> Any:
    """One device with its identities, and the newest intervals and entries of its past."""
    row = queries.device(queries.resolve(serial), now_ms())
    return {
        **_device(row),
        "identities": [
            {**asdict(one), "since": one.t0, "until": one.t1, "index": one.ix}
            for one in queries.identities(row.device)
        ],
        "intervals": [
            {**asdict(one), "since": one.t0, "until": one.t1, "index": one.first_ix}
            for one in history.intervals(row.device)[:_SHOWN]
        ],
        "entries": [
            {"index": link.ix, "kind": link.leaf.kind, "at": link.leaf.at}
            for link in history.chain_of(row.device, limit=_SHOWN)
        ],
    }


@router.get("/fleet/devices/{serial}/state", response={200: f.StateOut, **REFUSALS})
@requires("fleet:read")
def state(request: HttpRequest, serial: Named, at: f.Given | None = None) -> Any:
    """What is known of a device at an instant; without `at`, now."""
    now = now_ms()
    then = now if at is None else ms_of("at", at)
    found = history.state_at(queries.resolve(serial), then, now)
    return {
        **asdict(found), "at": then, "index": found.ix, "proven_at": found.v, "next_proof_at": found.next_v,
    }  # fmt: skip


@router.get("/fleet/devices/{serial}/strip", response={200: f.StripOut, **REFUSALS})
@requires("fleet:read")
def strip(
    request: HttpRequest, serial: Named, start: Annotated[f.Given, Query(alias="from")],
    end: Annotated[f.Given, Query(alias="to")],
) -> Any:  # fmt: skip
    """A device's trust, firmware, configuration, proofs and gaps from one instant to another."""
    t0, t1 = ms_of("from", start), ms_of("to", end)
    if t0 >= t1:
        raise BadInput("to", "a moment after “from”", end.isoformat())
    found = history.strip(queries.resolve(serial), t0, t1, now_ms())
    lanes = {
        name: [_stretch(one) for one in getattr(found, name)]
        for name in ("trust", "firmware", "configuration", "gaps")
    }
    proofs = [{"at": tick.v, "index": tick.ix, "tier": tick.tier} for tick in found.ticks]
    return {"since": t0, "until": t1, "proofs": proofs, **lanes}


@router.get("/fleet/devices/{serial}/proof/{index}", response={200: g.ProofOut, **REFUSALS})
@requires("fleet:read")
def proof(request: HttpRequest, serial: Named, index: Index) -> Any:
    """The two-step proof of one of a device's entries."""
    device_id = queries.resolve(serial)
    origin = history.evidence(device_id, index).origin
    try:
        return proof_out(origin, index, history.proof(device_id, index))
    except publish.NotYetProvable as early:
        raise Refused(str(early)) from None


@router.get("/fleet/sites", response={200: list[f.SiteOut], **REFUSALS})
@requires("fleet:read")
def sites(request: HttpRequest) -> Any:
    """Every site that holds a device, the one that most needs a call first."""
    return [_site(one) for one in queries.sites(now_ms())]


@router.get("/fleet/sites/{key}", response={200: f.SiteOut, **REFUSALS})
@requires("fleet:read")
def site(request: HttpRequest, key: Annotated[s.Clean, Path(min_length=1, max_length=80)]) -> Any:
    """One site. Its devices: /fleet/devices?site=…"""
    return _site(queries.site(key, now_ms()))


@router.get("/advisories", response={200: list[f.AdvisoryOut], **REFUSALS})
@requires("fleet:read")
def advisories(request: HttpRequest) -> Any:
    """The newest import of every advisory, newest first."""
    return [asdict(one) for one in impact.advisories()]


_ADVISORY = {
    "requestBody": {
        "required": True,
        "description": "one advisory as OSV, GHSA, CVE record 5.x, NVD answer 2.0, RustSec or CSAF, byte for byte as"
        " its publisher gave it; at most 4 MiB",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/markdown": {"schema": {"type": "string"}},
        },
    }
}


@router.post("/advisories", response={201: f.AdvisoryOut, **REFUSALS}, openapi_extra=_ADVISORY)
@requires("fleet:write")
def import_advisory(request: HttpRequest) -> Any:
    """Import an advisory (OSV, GHSA, CVE, NVD, RustSec or CSAF, told apart by its content).

    The bytes are kept as they are; the same bytes again change nothing.
    """
    # Asked before the body is read, so that no more than this is ever held.
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_ADVISORY_BYTES:
        raise TooLarge(f"An advisory has at most {MAX_ADVISORY_BYTES} bytes.")
    made = impact.import_advisory(request.body, by=caller(request), at=datetime.now(UTC))
    return Status(201, asdict(made))


@router.get("/advisories/{advisory}", response={200: f.AdvisoryFull, **REFUSALS})
@requires("fleet:read")
def advisory(request: HttpRequest, advisory: AdvisoryId) -> Any:
    """One imported advisory, with the record that triages it; its number needs the scope records:read too."""
    row = impact.advisory(advisory)
    may = has(request, "records:read")
    found = triage.record_of(row, caller(request), now=datetime.now(UTC)) if may else None
    return {**asdict(row), "record": found.number if found else ""}


@router.get("/advisories/{advisory}/impact", response={200: f.ImpactOut, **REFUSALS})
@requires("fleet:read")
def impact_of(request: HttpRequest, advisory: AdvisoryId) -> Any:
    """Whom an advisory reaches now: components, releases, and devices in three sets."""
    found = impact.impact(advisory, now_ms())
    return {
        "advisory": found.advisory.id, "key": found.advisory.key,
        **{name: getattr(found, name) for name in ("scope", "confirmed", "last_known", "unknown", "possible", "total",
           "not_affected", "elapsed_ms", "entries", "unjoined")},
        "components": [{**asdict(one), "builds": len(one.builds)} for one in found.components],
        "builds": [asdict(one) for one in found.builds],
        "unaffected_versions": [version for _, _, version in found.unaffected_builds],
        "sites": [asdict(one) for one in found.sites],
    }  # fmt: skip


@router.get("/advisories/{advisory}/devices", response={200: f.DevicePage, **REFUSALS})
@requires("fleet:read")
def affected(
    request: HttpRequest,
    advisory: AdvisoryId,
    which: Annotated[f.Freshness, Query(alias="set")],
    page: PageNumber = 1,
    size: PageSize = 50,
) -> Any:
    """The devices of one of the three sets."""
    return page_of(impact.affected_devices(advisory, which, now_ms(), page=page, size=size))


def proof_out(origin: str, index: int, found: TwoStep) -> dict[str, Any]:
    """A two-step proof as the API gives it."""
    return {
        "origin": origin, "index": index, "leaf": found.entry.decode(), "proof": found.shard.encode().decode(),
        "root_leaf": found.root_entry.decode(), "root_proof": found.root.encode().decode(),
    }  # fmt: skip


def page_of(found: queries.Page) -> dict[str, Any]:
    """A page of devices."""
    rows = [_device(row) for row in found.rows]
    return {"rows": rows, "total": found.total, "page": found.page, "size": found.size}


def _device(row: queries.DeviceRow) -> dict[str, Any]:
    return {**asdict(row), "proven_at": row.v, "log": row.origin, "index": row.ix}


def _site(row: queries.SiteRow) -> dict[str, Any]:
    return {**asdict(row), "oldest_proof_at": row.oldest_v, "on_newest_release": row.on_current}


def _stretch(one: history.Stretch) -> dict[str, Any]:
    return {"text": one.text, "kind": one.kind, "since": one.t0, "until": one.t1, "index": one.ix}
