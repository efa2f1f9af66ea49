"""The fleet's part of the OpenAPI document: devices, sites, advisories, populations.

Moments are RFC 3339 in UTC. `index` is always the number of a log entry; -1 or null where there is none.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AwareDatetime, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from vouchsafe.api.schemas import Clean


def _from_ms(value: Any) -> Any:
    return datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) else value


def _rfc3339(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    BeforeValidator(_from_ms),
    PlainSerializer(_rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Given = Annotated[AwareDatetime, Field(description="RFC 3339 with an offset, such as 2026-11-22T09:00:00Z")]
Verdict = Literal["affirming", "warning", "contraindicated", "none"]
Freshness = Literal["confirmed", "last_known", "unknown"]
Status = Literal["open", "corrected", "unreachable", "returned", "destroyed"]
Certainty = Literal["confirmed", "possible", "none", "unknown"]
Serial = Annotated[Clean, Field(min_length=1, max_length=20)]
Counted = dict[str, int]


class Cell(Schema):
    """How many devices have this verdict by a proof of this freshness."""

    verdict: Verdict
    freshness: Freshness
    devices: int


class ReleaseOut(Schema):
    """Devices by the build that they measured; without a version, those that measured no released build."""

    name: str
    version: str
    svn: int | None
    released_at: Moment | None
    current: bool
    devices: int
    verdicts: Counted
    freshness: Counted


class AgeOut(Schema):
    age: str
    devices: int


class FindingOut(Schema):
    """Something that a person should look at: a reason code, how many devices, where most of them are."""

    code: str
    devices: int
    site: str
    since: Moment


class FleetSummary(Schema):
    """The fleet's trust now. The cells add up to the total."""

    total: int
    cells: list[Cell]
    verdicts: Counted
    freshness: Counted
    day_before: Counted
    releases: list[ReleaseOut]
    ages: list[AgeOut]
    findings: list[FindingOut]
    sites: int
    countries: int


class DeviceOut(Schema):
    """One device as it stands. `proven_at`: when its last proof was made; `log` and `index`: its newest entry."""

    serial: str
    udi_di: str
    lot: str
    model: str
    site: str
    site_name: str
    version: str
    verdict: Verdict
    freshness: Freshness
    reasons: list[str]
    proven_at: Moment | None
    log: str
    index: int | None


class DevicePage(Schema):
    rows: list[DeviceOut]
    total: int
    page: int
    size: int


class IdentityOut(Schema):
    """One interval of a device's identity: its key, and where it stood."""

    serial: str
    udi_di: str
    lot: str
    made: str
    expires: str
    site: str
    ueid: str
    key_id: str
    alg: str
    key_origin: str
    assurance: str
    since: Moment
    until: Moment | None
    index: int
    superseded: bool


class IntervalOut(Schema):
    """One interval of a device's state."""

    since: Moment
    until: Moment | None
    verdict: Verdict
    attested: bool
    version: str
    image: str
    config: str
    config_name: str
    reasons: list[str]
    index: int


class EntryOut(Schema):
    """One entry of the device's chain in the log."""

    index: int
    kind: str
    at: Moment


class DeviceFull(DeviceOut):
    """A device with its identities, its newest intervals of state and its newest entries."""

    identities: list[IdentityOut]
    intervals: list[IntervalOut]
    entries: list[EntryOut]


class StateOut(Schema):
    """A device's state at an instant. In a gap the state before it is the last known, never the confirmed one."""

    serial: str
    site: str
    at: Moment
    verdict: Verdict
    freshness: Freshness
    version: str
    image: str
    config: str
    config_name: str
    reasons: list[str]
    index: int
    proven_at: Moment | None
    age_ms: int | None
    next_proof_at: Moment | None
    in_gap: bool
    key_id: str
    key_origin: str
    assurance: str


class StretchOut(Schema):
    text: str
    kind: str
    since: Moment
    until: Moment
    index: int


class TickOut(Schema):
    """One proof: when it was made, its entry, its trust tier (0 none, 2 affirming, 32 warning, 96 contraindicated)."""

    at: Moment
    index: int
    tier: int


class StripOut(Schema):
    """The lanes of a device over a window. Silence stands in `trust` as unknown."""

    since: Moment
    until: Moment
    trust: list[StretchOut]
    firmware: list[StretchOut]
    configuration: list[StretchOut]
    proofs: list[TickOut]
    gaps: list[StretchOut]


class SiteOut(Schema):
    """One hospital. `worst`: its worst verdict; a silent device counts as "none" there."""

    key: str
    name: str
    city: str
    country: str
    devices: int
    verdicts: Counted
    freshness: Counted
    worst: Verdict
    oldest_proof_at: Moment | None
    on_newest_release: int


class AdvisoryOut(Schema):
    """An imported advisory. `sha256` is of the file as it came."""

    id: int
    key: str
    aliases: list[str]
    summary: str
    details: str
    severity: dict[str, Any]
    published_at: Moment | None
    modified_at: Moment | None
    withdrawn_at: Moment | None
    imported_at: Moment
    sha256: str


class AdvisoryFull(AdvisoryOut):
    """`record`: the vulnerability record of this advisory, where you may see it."""

    record: str


class ComponentOut(Schema):
    """A component that the advisory touches, and in how many releases."""

    name: str
    version: str
    purl: str
    certainty: Certainty
    reason: str
    range: str
    builds: int


class BuildOut(Schema):
    """An affected release, and the devices whose last proof measured it."""

    model: str
    version: str
    released_at: Moment
    certainty: Certainty
    confirmed: int
    last_known: int


class SiteHitOut(Schema):
    key: str
    name: str
    confirmed: int
    last_known: int
    unknown: int


class ImpactOut(Schema):
    """An advisory's components, builds and devices, in three sets whose sum is the scope.

    `entries`: the products that the advisory names; `unjoined`: those of them that no component can be looked up by.
    """

    advisory: int
    key: str
    scope: int
    confirmed: int
    last_known: int
    unknown: int
    possible: int
    not_affected: Counted
    total: int
    elapsed_ms: float
    components: list[ComponentOut]
    builds: list[BuildOut]
    unaffected_versions: list[str]
    sites: list[SiteHitOut]
    entries: int
    unjoined: int


class FreezeIn(Schema):
    """What to freeze when the record names no advisory: versions, lots or serials of one model.

    With an advisory in the record, `udi_di` and `versions` stay empty; lots and serials narrow it.
    """

    udi_di: Annotated[Clean, Field(max_length=40)] = ""
    versions: Annotated[list[Annotated[Clean, Field(max_length=80)]], Field(max_length=50)] = []
    lots: Annotated[list[Annotated[Clean, Field(max_length=20)]], Field(max_length=1000)] = []
    serials: Annotated[list[Serial], Field(max_length=10_000)] = []


class StandingOut(Schema):
    """Where the units stand: the five statuses add up to `scope`; the last four are parts of `open`."""

    scope: int
    open: int
    corrected: int
    unreachable: int
    returned: int
    destroyed: int
    reported: int
    scheduled: int
    silent: int
    not_started: int


class PopulationOut(Schema):
    """A frozen population, where its units stand, and what stands against closing."""

    number: str
    digest: str
    size: int
    excluded: int
    frozen_at: Moment
    frozen_index: Counted
    sets: Counted
    criteria: dict[str, Any]
    standing: StandingOut
    shipped: int
    missing: list[str]
    unshipped: list[str]
    against_closing: list[str]


class MemberOut(Schema):
    """One unit: as frozen, and as it stands. `index`: the entry of the proof behind it."""

    serial: str
    udi_di: str
    site: str
    site_name: str
    freshness: Freshness
    certainty: Certainty
    frozen_version: str
    status: Status
    version: str
    moved_at: Moment | None
    index: int
    annotation: str


class MemberPage(Schema):
    rows: list[MemberOut]
    total: int
    page: int
    size: int


class ProgressOut(Schema):
    """Units by status from this moment on."""

    at: Moment
    open: int
    corrected: int
    unreachable: int
    returned: int
    destroyed: int


class ReplyIn(Schema):
    """A site's signed reply about some units; the document goes beside it in the same form."""

    outcome: Literal["unreachable", "returned", "destroyed", "open"]
    serials: Annotated[list[Serial], Field(min_length=1, max_length=1000)]
    signed_by: Annotated[Clean, Field(min_length=1, max_length=120)]
    signed_on: date
    site: Annotated[Clean, Field(max_length=80)] = ""


class NoteIn(Schema):
    """A note on open units: the correction is scheduled, or the site reports it done. It moves nothing."""

    kind: Literal["scheduled", "reported"]
    serials: Annotated[list[Serial], Field(min_length=1, max_length=1000)]
    day: date


class CountOut(Schema):
    """How many units were touched."""

    units: int
