"""What pages and processes ask about the fleet now: trust, releases, sites, devices. Read only.

`history` answers about the past of one device. Every answer takes `now_ms`; nothing here reads a clock.
"""

# SQL here is put together from constants of this package; every value is a parameter.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vouchsafe.fleet import db
from vouchsafe.fleet.errors import NotFound
from vouchsafe.fleet.words import FRESH_MS, FRESHNESS_SQL, HELD_SQL, NOW_SQL, VERDICT_SQL
from vouchsafe.udi import parse as udi_parse
from vouchsafe.udi.errors import Malformed

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
AGES = (
    ("under 1 hour", HOUR_MS),
    ("1 to 24 hours", DAY_MS),
    ("1 to 7 days", 7 * DAY_MS),
    ("7 to 30 days", 30 * DAY_MS),
)
OLDEST, NEVER = "over 30 days", "never"
MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Release:
    """Devices by the build that they measured. `build` None: measured, but no released build; or never
    measured.
    """

    build: int | None
    name: str
    version: str
    svn: int | None
    released_at: int | None
    current: bool
    devices: int
    verdicts: Mapping[str, int]
    freshness: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TrustSummary:
    """The fleet's trust at `now`. `cells` is by (verdict, freshness); its sum is `total` (R-81).

    `day_before` is by verdict, as it stood 24 hours earlier by what is known today.
    """

    total: int
    cells: Mapping[tuple[str, str], int]
    verdicts: Mapping[str, int]
    freshness: Mapping[str, int]
    day_before: Mapping[str, int]
    releases: tuple[Release, ...]
    ages: tuple[tuple[str, int], ...]
    sites: int
    countries: int
    index: int


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device as lists show it. Times in ms; `v` is the valid time of its last proof."""

    device: int
    uuid: str
    udi_di: str
    serial: str
    lot: str
    site: str
    site_name: str
    model: str
    version: str
    build: int | None
    verdict: str
    freshness: str
    reasons: tuple[str, ...]
    v: int | None
    ix: int | None
    origin: str


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list and how long the whole is."""

    rows: tuple[DeviceRow, ...]
    total: int
    page: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFilter:
    """Which devices; empty fields don't restrict. `version` "-" asks for devices without a released build."""

    text: str = ""
    site: str = ""
    version: str = ""
    verdict: str = ""
    freshness: str = ""
    udi_di: str = ""
    lot: str = ""


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One hospital: its devices by verdict and freshness, its worst verdict, its oldest proof (ms, None:
    none).
    """

    key: str
    name: str
    city: str
    country: str
    devices: int
    verdicts: Mapping[str, int]
    freshness: Mapping[str, int]
    worst: str
    oldest_v: int | None
    on_current: int


@dataclass(frozen=True, slots=True)
class Identity:
    """One interval of a device's identity (R-76)."""

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
    t0: int
    t1: int | None
    ix: int
    superseded: bool


def trust_summary(now_ms: int, *, fresh_ms: int = FRESH_MS, udi_di: str = "") -> TrustSummary:
    """Counts of all devices, or of one model's, by verdict, freshness, release and age of evidence."""
    params = {"fresh_from": now_ms - fresh_ms, "now": now_ms, "di": udi_di}
    bucket = " ".join(f"WHEN h.v > %(now)s - {limit} THEN {n}" for n, (_, limit) in enumerate(AGES))
    found = db.rows(
        f"SELECT s.build, {VERDICT_SQL}, {FRESHNESS_SQL} AS fresh,"
        f" CASE WHEN NOT s.attested OR h.v IS NULL THEN {len(AGES) + 1} {bucket} ELSE {len(AGES)} END AS"
        " age, count(*)"
        " FROM fleet_device_state ds JOIN fleet_state s ON s.id = ds.state JOIN fleet_model m ON m.id ="
        " s.model"
        " LEFT JOIN fleet_head h ON h.device = ds.device"
        f" WHERE {NOW_SQL} AND (%(di)s = '' OR m.udi_di = %(di)s) GROUP BY 1, 2, 3, 4",
        params,
    )
    cells: dict[tuple[str, str], int] = {}
    ages = [0] * (len(AGES) + 2)
    for _, verdict, fresh, age, count in found:
        cells[verdict, fresh] = cells.get((verdict, fresh), 0) + count
        ages[age] += count
    sites, countries = db.rows(
        "SELECT count(DISTINCT f.id), count(DISTINCT f.country) FROM fleet_identity i"
        f" JOIN fleet_site f ON f.id = i.site WHERE {HELD_SQL} AND (%(di)s = '' OR i.udi_di = %(di)s)",
        params,
    )[0]
    return TrustSummary(
        total=sum(cells.values()),
        cells=cells,
        verdicts=_folded(cells, 0),
        freshness=_folded(cells, 1),
        day_before=_verdicts_at(now_ms - DAY_MS, udi_di),
        releases=_releases(found, udi_di),
        ages=tuple(zip((*(name for name, _ in AGES), OLDEST, NEVER), ages, strict=True)),
        sites=sites,
        countries=countries,
        index=db.value("SELECT coalesce(max(ix), -1) FROM fleet_head"),
    )


def _folded(cells: Mapping[tuple[str, str], int], part: int) -> dict[str, int]:
    out: dict[str, int] = {}
    for key, count in cells.items():
        out[key[part]] = out.get(key[part], 0) + count
    return out


def _verdicts_at(then_ms: int, udi_di: str) -> dict[str, int]:
    return dict(
        db.rows(
            f"SELECT {VERDICT_SQL}, count(*) FROM fleet_device_state ds JOIN fleet_state s ON s.id = ds.state"
            " JOIN fleet_model m ON m.id = s.model WHERE ds.t0 <= %(then)s AND ds.t1 > %(then)s AND"
            " ds.sup_ix IS NULL"
            " AND (%(di)s = '' OR m.udi_di = %(di)s) GROUP BY 1",
            {"then": then_ms, "di": udi_di},
        )
    )


def _releases(found: list[tuple[Any, ...]], udi_di: str) -> tuple[Release, ...]:
    builds = db.rows(
        "SELECT b.id, m.name, b.version, b.svn, b.released_at,"
        " b.released_at = max(b.released_at) OVER (PARTITION BY b.model)"
        " FROM fleet_build b JOIN fleet_model m ON m.id = b.model WHERE %(di)s = '' OR m.udi_di = %(di)s"
        " ORDER BY b.released_at DESC",
        {"di": udi_di},
    )
    out = []
    nothing = (None, "", "", None, None, False)
    for build, name, version, svn, released, current in (*builds, nothing):
        verdicts: dict[str, int] = {}
        freshness: dict[str, int] = {}
        for row_build, verdict, fresh, _, count in found:
            if row_build == build:
                verdicts[verdict] = verdicts.get(verdict, 0) + count
                freshness[fresh] = freshness.get(fresh, 0) + count
        devices = sum(verdicts.values())
        if build is not None or devices:
            out.append(Release(build, name, version, svn, released, current, devices, verdicts, freshness))
    return tuple(out)


_DEVICE_COLUMNS = (
    "SELECT d.id, d.uuid::text, i.udi_di, i.serial, i.lot, coalesce(f.key, ''), coalesce(f.name, ''),"
    " m.name,"
    f" coalesce(b.version, ''), s.build, {VERDICT_SQL}, {FRESHNESS_SQL}, s.reasons,"
    " CASE WHEN s.attested THEN h.v END, h.ix, d.origin"
)
_DEVICE_JOINS = (
    f" JOIN fleet_device_state ds ON ds.device = i.device AND {NOW_SQL} JOIN fleet_state s ON s.id = ds.state"
    " LEFT JOIN fleet_build b ON b.id = s.build LEFT JOIN fleet_site f ON f.id = i.site"
    f" LEFT JOIN fleet_head h ON h.device = i.device WHERE {HELD_SQL}"
)
_DEVICE_FROM = (
    " FROM fleet_identity i JOIN fleet_device d ON d.id = i.device JOIN fleet_model m ON m.id = d.model"
    + _DEVICE_JOINS
)
_ORDER = " ORDER BY s.tier DESC, h.v NULLS FIRST, i.serial"


def devices(
    where: DeviceFilter, now_ms: int, *, page: int = 1, size: int = 50, fresh_ms: int = FRESH_MS
) -> Page:
    """One page of devices, worst verdict first, then the oldest proof."""
    params: dict[str, Any] = {"fresh_from": now_ms - fresh_ms}
    return page_of(_conditions(where, params), params, page=page, size=size)


def page_of(condition: str, params: dict[str, Any], *, page: int, size: int) -> Page:
    """One page of the devices that fulfil an SQL condition over the joined tables (for this package's
    modules).
    """
    size = min(max(size, 1), MAX_PAGE)
    page = max(page, 1)
    params = {**params, "limit": size, "offset": (page - 1) * size}
    sql = " FROM fleet_identity i" + _DEVICE_JOINS + condition
    # First which devices, in one pass with how many there are; then all columns of these few.
    ids = db.rows(f"SELECT i.device, count(*) OVER (){sql}{_ORDER} LIMIT %(limit)s OFFSET %(offset)s", params)
    total = ids[0][1] if ids else db.value("SELECT count(*)" + sql, params) if page > 1 else 0
    found = db.rows(
        _DEVICE_COLUMNS + _DEVICE_FROM + " AND i.device = ANY(%(ids)s)" + _ORDER,
        {**params, "ids": [row[0] for row in ids]},
    )
    return Page(tuple(_device(row) for row in found), total, page, size)


def _conditions(where: DeviceFilter, params: dict[str, Any]) -> str:
    sql = ""
    if where.text:
        params["text"] = where.text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        sql += " AND i.serial ILIKE %(text)s"
    for name, column in (("site", "f.key"), ("udi_di", "i.udi_di"), ("lot", "i.lot")):
        if getattr(where, name):
            params[name] = getattr(where, name)
            sql += f" AND {column} = %({name})s"
    if where.version == "-":
        sql += " AND s.build IS NULL"
    elif where.version:
        params["version"] = where.version
        sql += " AND b.version = %(version)s"
    if where.verdict:
        params["verdict"] = where.verdict
        sql += f" AND {VERDICT_SQL} = %(verdict)s"
    if where.freshness:
        params["freshness"] = where.freshness
        sql += f" AND {FRESHNESS_SQL} = %(freshness)s"
    return sql


def _device(row: tuple[Any, ...]) -> DeviceRow:
    return DeviceRow(*[*row[:12], tuple(row[12]), *row[13:]])


def device(device_id: int, now_ms: int, *, fresh_ms: int = FRESH_MS) -> DeviceRow:
    """One device as it stands. Raises: NotFound."""
    found = db.one(
        _DEVICE_COLUMNS + _DEVICE_FROM + " AND d.id = %(device)s",
        {"fresh_from": now_ms - fresh_ms, "device": device_id},
    )
    if found is None:
        raise NotFound(f"There is no device {device_id}.")
    return _device(found)


def identities(device_id: int) -> tuple[Identity, ...]:
    """Every identity interval of a device, newest first, superseded ones included."""
    found = db.rows(
        "SELECT i.serial, i.udi_di, i.lot, coalesce(i.made::text, ''), coalesce(i.expires::text, ''),"
        " coalesce(f.name, ''), coalesce(encode(k.ueid, 'hex'), ''), coalesce(encode(k.key_id, 'hex'), ''),"
        " coalesce(k.alg, ''), coalesce(k.key_origin, ''), coalesce(k.assurance, ''), i.t0,"
        f" NULLIF(i.t1, {db.OPEN}), i.rec_ix, i.sup_ix IS NOT NULL"
        " FROM fleet_identity i LEFT JOIN fleet_key k ON k.id = i.key LEFT JOIN fleet_site f ON f.id = i.site"
        " WHERE i.device = %(device)s ORDER BY i.t0 DESC, i.id DESC",
        {"device": device_id},
    )
    return tuple(Identity(*row) for row in found)


def resolve(text: str) -> int:
    """The device that a UDI element string, a `DI serial` pair or a serial number names.

    Raises: NotFound, with a sentence that says what was looked for; also when a bare serial fits several
    models.
    """
    text = text.strip()
    udi_di, serial = _parts(text)
    found = db.rows(
        f"SELECT DISTINCT i.device FROM fleet_identity i WHERE {HELD_SQL} AND i.serial = %(serial)s"
        " AND (%(di)s = '' OR i.udi_di = %(di)s) LIMIT 2",
        {"serial": serial, "di": udi_di},
    )
    if len(found) > 1:
        raise NotFound(f"Serial {serial} exists under more than one device identifier. Enter the UDI.")
    if not found:
        of = f" of device identifier {udi_di}" if udi_di else ""
        raise NotFound(f"No device with serial {serial or '(none)'}{of} is registered.")
    return int(found[0][0])


def search(text: str, now_ms: int, *, limit: int = 5) -> tuple[DeviceRow, ...]:
    """The devices that a text may mean: those whose serial number it begins, or else the one that it names as
    a UDI does.
    """
    if not text.strip():
        return ()
    found = devices(DeviceFilter(text=text.strip()), now_ms, size=limit).rows
    if found:
        return found
    try:
        return (device(resolve(text), now_ms),)
    except NotFound:
        return ()


def serials_of(subjects: Sequence[str]) -> dict[str, str]:
    """Serial numbers by the pseudonyms that stand in the log's entries; the unknown are left out."""
    return dict(
        db.rows(
            "SELECT d.subj, i.serial FROM fleet_device d"
            f" JOIN fleet_identity i ON i.device = d.id AND {HELD_SQL} WHERE d.subj = ANY(%(subjects)s)",
            {"subjects": list(subjects)},
        )
    )


def _parts(text: str) -> tuple[str, str]:
    if len(text) > 200:
        raise NotFound("That is longer than any UDI.")
    head, _, rest = text.partition(" ")
    if rest and head.isascii() and head.isdigit() and len(head) == 14:
        return head, rest.strip()
    if text.startswith(("(01)", "01", "\x1d", "]", "+", "=", "&", "http")) and len(text) > 16:
        try:
            udi = udi_parse.parse(text)
        except Malformed as error:
            raise NotFound(f"This is not a UDI: {error}") from None
        if not udi.serial:
            raise NotFound("This UDI has no serial number (21); it names a model, not a device.")
        return udi.di, udi.serial
    return "", text


def sites(now_ms: int, *, fresh_ms: int = FRESH_MS, key: str = "") -> tuple[SiteRow, ...]:
    """Every site that holds a device (or the one named), worst first."""
    found = db.rows(
        "WITH newest AS (SELECT DISTINCT ON (model) id FROM fleet_build ORDER BY model, released_at DESC)"
        f" SELECT f.key, f.name, f.city, f.country, {VERDICT_SQL}, {FRESHNESS_SQL}, count(*),"
        " min(h.v) FILTER (WHERE s.attested), count(*) FILTER (WHERE s.build IN (SELECT id FROM newest))"
        " FROM fleet_identity i JOIN fleet_site f ON f.id = i.site JOIN fleet_device_state ds ON"
        " ds.device = i.device"
        f" AND {NOW_SQL} JOIN fleet_state s ON s.id = ds.state LEFT JOIN fleet_head h ON h.device = i.device"
        f" WHERE {HELD_SQL} AND (%(key)s = '' OR f.key = %(key)s) GROUP BY 1, 2, 3, 4, 5, 6",
        {"fresh_from": now_ms - fresh_ms, "key": key},
    )
    groups: dict[str, list[tuple[Any, ...]]] = {}
    for row in found:
        groups.setdefault(row[0], []).append(row)
    return tuple(sorted((_site(rows) for rows in groups.values()), key=_needs_a_call, reverse=True))


def site(key: str, now_ms: int, *, fresh_ms: int = FRESH_MS) -> SiteRow:
    """One site. Raises: NotFound when no device is there."""
    found = sites(now_ms, fresh_ms=fresh_ms, key=key) if key else ()
    if not found:
        raise NotFound(f"No device is at a site “{key}”.")
    return found[0]


def _site(rows: list[tuple[Any, ...]]) -> SiteRow:
    verdicts: dict[str, int] = {}
    freshness: dict[str, int] = {}
    for *_, verdict, fresh, count, _oldest, _current in rows:
        verdicts[verdict] = verdicts.get(verdict, 0) + count
        freshness[fresh] = freshness.get(fresh, 0) + count
    key, name, city, country = rows[0][:4]
    times = [row[7] for row in rows if row[7] is not None]
    # A silent affirming device is not good news: it ranks as "none" when a site's worst verdict is chosen.
    worst = next((v for v in ("contraindicated", "warning") if v in verdicts), "")
    silent = freshness.get("last_known", 0) + freshness.get("unknown", 0)
    worst = worst or ("none" if silent or "none" in verdicts else "affirming")
    return SiteRow(
        key,
        name,
        city,
        country,
        sum(verdicts.values()),
        verdicts,
        freshness,
        worst,
        min(times, default=None),
        sum(row[8] for row in rows),
    )


def _needs_a_call(row: SiteRow) -> tuple[int, int, int]:
    order = {"contraindicated": 3, "warning": 2, "none": 1, "affirming": 0}
    return order[row.worst], row.verdicts.get(row.worst, 0), row.devices


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should look at: a code, how many devices, where most of them are, since when
    (ms).
    """

    code: str
    devices: int
    site: str
    since: int


def findings(now_ms: int, *, fresh_ms: int = FRESH_MS) -> tuple[Finding, ...]:
    """What stands out now, worst first: reason codes of contraindicated and warned devices, clones,
    silence.
    """
    reasons = db.rows(
        "SELECT reason, count(*), coalesce(mode() WITHIN GROUP (ORDER BY f.name), ''), min(ds.t0),"
        " max(s.tier)"
        f" FROM fleet_device_state ds JOIN fleet_state s ON s.id = ds.state AND s.tier >= 32"
        f" JOIN fleet_identity i ON i.device = ds.device AND {HELD_SQL} LEFT JOIN fleet_site f ON f.id ="
        " i.site"
        f" CROSS JOIN unnest(s.reasons) AS reason WHERE {NOW_SQL} GROUP BY 1 ORDER BY 5 DESC, 2 DESC LIMIT 12"
    )
    clones = db.rows(
        "SELECT 'device_clone', count(DISTINCT c.device), coalesce(mode() WITHIN GROUP (ORDER BY f.name),"
        " ''), max(c.at)"
        " FROM fleet_clone c LEFT JOIN fleet_site f ON f.id = c.site HAVING count(*) > 0"
    )
    silent = db.rows(
        "SELECT 'silent', count(*), coalesce(mode() WITHIN GROUP (ORDER BY f.name), ''), min(h.v)"
        f" FROM fleet_head h JOIN fleet_device_state ds ON ds.device = h.device AND {NOW_SQL}"
        " JOIN fleet_state s ON s.id = ds.state AND s.attested"
        f" JOIN fleet_identity i ON i.device = h.device AND {HELD_SQL} LEFT JOIN fleet_site f ON f.id ="
        " i.site"
        " WHERE h.v < %(fresh_from)s HAVING count(*) > 0",
        {"fresh_from": now_ms - fresh_ms},
    )
    return tuple(Finding(*row[:4]) for row in (*clones, *reasons, *silent))
