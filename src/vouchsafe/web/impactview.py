"""What an advisory touches, ready to be drawn: the chain from vulnerability to correction, and the three
sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import SimpleNamespace
from typing import Any

from vouchsafe.fleet.impact import AdvisoryRow, Impact
from vouchsafe.web import fleetview, words

SHOWN = 6
SETS = (
    ("confirmed", "Confirmed", "red", "proven within 7 days"),
    ("last_known", "Last known", "amber", "by an older proof"),
    ("unknown", "Unknown", "grey", "no release proven"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One box of the chain."""

    title: str
    sub: str = ""
    figure: str = ""
    unit: str = ""
    tone: str = ""
    href: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, its boxes, and the lines to the next column as one SVG path."""

    label: str
    nodes: list[Node]
    lines: str


def of(found: Impact, *, correction: Node, href: str) -> SimpleNamespace:
    """Everything that the impact panel shows."""
    unjoined = _unjoined(found)
    return SimpleNamespace(
        columns=_columns(found, correction, href),
        took=f"{found.elapsed_ms:.0f} ms" if found.elapsed_ms >= 1 else "under 1 ms",
        scope=found.scope,
        total=found.total,
        possible=found.possible,
        builds_seen=len(found.builds) + len(found.unaffected_builds),
        # What was not looked up may be in them.
        unaffected=[
            f"{name} {version}" for _, name, version in found.unaffected_builds[: 0 if unjoined else 8]
        ],
        parts=[(tone, getattr(found, key)) for key, _, tone, _ in SETS],
        says=", ".join(f"{words.count(getattr(found, key))} {label.lower()}" for key, label, _, _ in SETS),
        sets=[
            SimpleNamespace(
                key=key,
                label=label,
                tone=tone,
                means=means,
                count=getattr(found, key),
                href=f"{href}?set={key}",
                share=words.percent(getattr(found, key), found.scope),
            )
            for key, label, tone, means in SETS
        ],
        not_affected=sum(found.not_affected.values()),
        unjoined=unjoined,
        not_affected_stale=found.not_affected.get("last_known", 0),
        sites=[
            SimpleNamespace(
                name=s.name or "No site known",
                href=f"/fleet/sites/{s.key}" if s.key else "",
                devices=s.devices,
                confirmed=s.confirmed,
                last_known=s.last_known,
                unknown=s.unknown,
            )
            for s in found.sites
        ],
        components=[
            SimpleNamespace(
                name=c.name,
                version=c.version,
                purl=c.purl,
                certainty=c.certainty,
                reason=c.reason,
                range=c.range,
                builds=len(c.builds),
            )
            for c in found.components
        ],
    )


def _unjoined(found: Impact) -> str:
    """What of the advisory could not be looked up, in a sentence; empty when everything could."""
    if found.advisory.withdrawn_at is not None:
        return ""
    if not found.entries:
        return (
            "This advisory names no product, so nothing was looked up: nobody knows from it what is affected."
        )
    if not found.unjoined:
        return ""
    what = "product" if found.unjoined == 1 else "products"
    return (
        f"{words.count(found.unjoined)} {what} of the {words.count(found.entries)} that this advisory lists could not be"
        " looked up, because it gives no package, name or CPE: whether a release has them is not known."
    )


def _columns(found: Impact, correction: Node, href: str) -> list[Column]:
    components, builds = found.components[:SHOWN], found.builds[:SHOWN]
    first = [
        Node(
            title=found.advisory.key,
            sub=", ".join(found.advisory.aliases[:2]) or "no other name",
            tone="red",
        )
    ]
    second = [
        Node(
            title=c.name,
            sub=f"{c.version}, {c.certainty}" if c.version else c.certainty,
            figure=words.count(len(c.builds)),
            unit="release" if len(c.builds) == 1 else "releases",
            tone="" if c.certainty == "confirmed" else "amber",
        )
        for c in components
    ] or [Node(title="No component", sub="of any released build", dashed=True)]
    if len(found.components) > SHOWN:
        second.append(Node(title=f"{len(found.components) - SHOWN} more components", sub="listed below"))
    third = [
        Node(
            title=f"{b.model}, {b.version}",
            sub=words.day(fleetview.moment(b.released_at).date()),
            figure=words.count(b.devices),
            unit="pump" if b.devices == 1 else "pumps",
            tone="" if b.certainty == "confirmed" else "amber",
        )
        for b in builds
    ] or [Node(title="No release", sub="contains it", dashed=True)]
    fourth = [
        Node(
            title=label,
            sub=means,
            figure=words.count(getattr(found, key)),
            unit=f"of {words.count(found.total)}",
            tone=tone if getattr(found, key) else "",
            href=f"{href}?set={key}",
        )
        for key, label, tone, means in SETS
    ]
    links_2 = [(i, j) for i, c in enumerate(components) for j, b in enumerate(builds) if b.build in c.builds]
    links_3 = [(i, 0) for i, b in enumerate(builds) if b.confirmed] + [
        (i, 1) for i, b in enumerate(builds) if b.last_known
    ]
    links_4 = [(i, 0) for i, (key, *_) in enumerate(SETS) if getattr(found, key)]
    return [
        Column("Advisory", first, _lines(1, len(second), [(0, j) for j in range(len(second))])),
        Column("Component", second, _lines(len(second), len(third), links_2)),
        Column("Release", third, _lines(len(third), 3, links_3)),
        Column("Devices now", fourth, _lines(3, 1, links_4)),
        Column("Correction", [correction], ""),
    ]


def _lines(left: int, right: int, links: Sequence[tuple[int, int]]) -> str:
    """Curves between the middles of evenly spread boxes, in a box of 40 by 1000."""
    out = []
    for a, b in links:
        y0, y1 = round((a + 0.5) / left * 1000), round((b + 0.5) / right * 1000)
        out.append(f"M0 {y0}C20 {y0} 20 {y1} 40 {y1}")
    return "".join(out)


def advisory(row: AdvisoryRow, now: datetime, zone: tzinfo) -> SimpleNamespace:
    """An advisory's head."""
    severity: dict[str, Any] = dict(row.severity)
    score = severity.get("score")
    rating = str(severity.get("rating") or "").lower()
    tone = {"critical": "red", "high": "red", "medium": "amber"}.get(rating, "grey")
    return SimpleNamespace(
        id=row.id,
        key=row.key,
        aliases=row.aliases,
        summary=row.summary or row.key,
        details=row.details,
        href=f"/advisories/{row.id}",
        severity=f"CVSS {score} {rating}".strip() if score else rating,
        vector=str(severity.get("vector") or ""),
        tone=tone,
        published=words.day(fleetview.moment(row.published_at).date()) if row.published_at else "not said",
        modified=words.day(fleetview.moment(row.modified_at).date()) if row.modified_at else "not said",
        withdrawn=words.day(fleetview.moment(row.withdrawn_at).date()) if row.withdrawn_at else "",
        imported=words.short(fleetview.moment(row.imported_at), zone, now),
        sha256=row.sha256,
    )
