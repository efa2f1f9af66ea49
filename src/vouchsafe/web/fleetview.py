"""What the fleet pages show, from the answers of `fleet.queries`: shares, words for reason codes, ages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from vouchsafe.fleet.queries import SiteRow, TrustSummary
from vouchsafe.web import words

VERDICTS = ("affirming", "warning", "contraindicated", "none")
FRESHNESS = ("confirmed", "last_known", "unknown")
VERDICT_MEANS = {
    "affirming": "Measured on a released build",
    "warning": "Authentic, with a known difference",
    "contraindicated": "Evidence speaks against the released build",
    "none": "No evidence that a verdict could rest on",
}
FRESH_MEANS = {
    "confirmed": "Proof at most 7 days old",
    "last_known": "The last proof is older; this is what it showed",
    "unknown": "Never attested",
}
TIER_OF = {"none": "unknown"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a whole."""

    key: str
    tier: str
    label: str
    count: int
    share: str
    href: str
    means: str
    change: str = ""
    worse: bool = False


@dataclass(frozen=True, slots=True)
class Trust:
    """The fleet's or a site's trust, as panels show it."""

    total: int
    sites: int
    parts: list[tuple[str, int]]
    says: str
    tiers: list[Part]
    fresh: list[Part]
    look: str = ""
    look_href: str = ""


def moment(ms: int) -> datetime:
    """Milliseconds since 1970 as a moment."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def label(verdict: str) -> str:
    return {"none": "No verdict"}.get(verdict, verdict.replace("_", " ").capitalize())


def parts_of(verdicts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Counts by verdict in the order of the bar."""
    return [(TIER_OF.get(v, v), verdicts.get(v, 0)) for v in VERDICTS]


def says(verdicts: Mapping[str, int], total: int) -> str:
    """The bar in words."""
    return ", ".join(f"{words.percent(verdicts.get(v, 0), total)} {label(v).lower()}" for v in VERDICTS)


def trust(found: TrustSummary, *, href: str = "/fleet/devices") -> Trust:
    """The whole fleet's trust."""
    bad = found.verdicts.get("contraindicated", 0)
    look = ""
    if bad:
        look = (
            "1 pump’s evidence speaks against it"
            if bad == 1
            else f"The evidence of {words.count(bad)} pumps speaks against them"
        )
    return Trust(
        total=found.total,
        sites=found.sites,
        parts=parts_of(found.verdicts),
        says=says(found.verdicts, found.total),
        tiers=_parts(VERDICTS, found.verdicts, found.total, "verdict", href, VERDICT_MEANS, found.day_before),
        fresh=_parts(FRESHNESS, found.freshness, found.total, "freshness", href, FRESH_MEANS, {}),
        look=look,
        look_href=f"{href}?verdict=contraindicated",
    )


def trust_of_site(row: SiteRow) -> Trust:
    """One site's trust."""
    href = "/fleet/devices"
    scope = {"site": row.key}
    return Trust(
        total=row.devices,
        sites=1,
        parts=parts_of(row.verdicts),
        says=says(row.verdicts, row.devices),
        tiers=_parts(VERDICTS, row.verdicts, row.devices, "verdict", href, VERDICT_MEANS, {}, scope),
        fresh=_parts(FRESHNESS, row.freshness, row.devices, "freshness", href, FRESH_MEANS, {}, scope),
    )


def _parts(
    keys: Sequence[str],
    counts: Mapping[str, int],
    total: int,
    name: str,
    href: str,
    means: Mapping[str, str],
    before: Mapping[str, int],
    scope: Mapping[str, str] | None = None,
) -> list[Part]:
    out = []
    for key in keys:
        n = counts.get(key, 0)
        moved = n - before.get(key, 0) if before else 0
        out.append(
            Part(
                key=key,
                tier=TIER_OF.get(key, key),
                label=label(key),
                count=n,
                share=words.percent(n, total),
                href=f"{href}?{urlencode({**(scope or {}), name: key})}",
                means=means[key],
                change=f"{'+' if moved > 0 else '−'}{words.count(abs(moved))} in 24 h"
                if moved
                else ("no change in 24 h" if before else ""),
                worse=key == "contraindicated" and moved > 0,
            )
        )
    return out


def age(v: int | None, now: datetime) -> str:
    """How old a proof is: 4 min, 2 d 3 h, never."""
    return words.span(now - moment(v)) if v is not None else "never"


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar of the age chart."""

    label: str
    count: int
    width: float
    tone: str


def bins(ages: Sequence[tuple[str, int]]) -> list[Bin]:
    """Bars from zero, as wide as the largest; what is past the freshness limit is grey."""
    most = max((n for _, n in ages), default=0) or 1
    fresh = {"under 1 hour", "1 to 24 hours", "1 to 7 days"}
    return [
        Bin(name, n, max(0.5, 62 * n / most) if n else 0, "green" if name in fresh else "grey")
        for name, n in ages
    ]


@dataclass(frozen=True, slots=True)
class Mosaic:
    """One square a site, by its worst device: four SVG paths, and the counts in words."""

    width: int
    height: int
    paths: list[tuple[str, str]]
    counts: list[tuple[str, str]]
    says: str


def mosaic(sites: Sequence[SiteRow], *, rows: int = 4, pitch: int = 16, size: int = 13) -> Mosaic:
    """Squares in columns, the worst first."""
    paths: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    order = ("contraindicated", "warning", "none", "affirming")
    placed = 0
    for worst in order:
        for row in sites:
            if row.worst == worst:
                x, y = placed // rows * pitch, placed % rows * pitch
                paths.setdefault(worst, []).append(f"M{x} {y}h{size}v{size}h-{size}z")
                counts[worst] = counts.get(worst, 0) + 1
                placed += 1
    columns = -(-placed // rows) if placed else 1
    named = [(TIER_OF.get(k, k), f"{words.count(counts[k])} {_site_word(k)}") for k in order if k in counts]
    return Mosaic(
        columns * pitch - (pitch - size),
        rows * pitch - (pitch - size),
        [(TIER_OF.get(k, k), "".join(p)) for k, p in paths.items()],
        named,
        ", ".join(text for _, text in named) or "no sites",
    )


def _site_word(worst: str) -> str:
    return {"none": "with silent pumps", "affirming": "all affirming and fresh"}.get(
        worst, label(worst).lower()
    )
