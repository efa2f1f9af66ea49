"""A device's part in a bundle: its keys, its evidence around the event, reference values and builds; and a
strip of it.

The strip is the complaint page's own (`history`), so that what is handed out is what was seen. Start with
`gather`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from vouchsafe.attest import batch
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import eat
from vouchsafe.bundle import Entry, Range
from vouchsafe.fleet import db, history, queries, substrate
from vouchsafe.fleet.bundle_logs import Logs
from vouchsafe.fleet.chain import Chain, Link
from vouchsafe.fleet.errors import NotFound
from vouchsafe.fleet.words import VERDICTS
from vouchsafe.kernel import files, publish
from vouchsafe.kernel.fields import Device, fields_of
from vouchsafe.kernel.views import RecordView

MAX_LINKS = 512
"""A chain up to this length goes in whole; of a longer one the part around the event."""
MAX_WALK = 50_000
AROUND_MS = 24 * 3_600_000
KEYS = ("device.enrol", "device.key")


@dataclass(frozen=True, slots=True)
class Unit:
    """A device that the record is about, and when it happened (None: the record does not say)."""

    device: int
    event_ms: int | None


@dataclass(frozen=True, slots=True)
class DevicePart:
    """What one device adds to a bundle."""

    entries: tuple[Entry, ...]
    ranges: tuple[Range, ...]
    references: Mapping[str, bytes]
    reading: Mapping[str, Any]


def units(view: RecordView) -> list[Unit]:
    """The registered devices in the record's own fields. The event is the first moment that the content
    names.
    """
    values = [(f, getattr(view.content, f.name)) for f in fields_of(type(view.content))]
    moments = [value for f, value in values if f.kind == "moment" and isinstance(value, datetime)]
    event_ms = int(moments[0].timestamp() * 1000) if moments else None
    found = []
    for _, value in values:
        if isinstance(value, Device):
            try:
                found.append(Unit(queries.resolve(f"{value.di} {value.serial}".strip()), event_ms))
            except NotFound:
                continue  # written down before it was registered, or misread: the record itself still says it
    return found


def gather(unit: Unit, logs: Logs, *, now_ms: int) -> DevicePart:
    """The device's entries that the root log covers, with what their verdicts rest on."""
    chain = substrate.chain(_origin(unit.device))
    log = publish.site().log_name(chain.origin)
    links = _links(chain, unit.device, logs.size(log))
    kept = _kept(links, unit, now_ms=now_ms)
    entries = [Entry(log, link.ix, link.raw, chain.payload(link)) for link in kept]
    sets = _reference_sets(kept)
    references = {f"{digest}.json": body for digest, (_, body) in sets.items()}
    events = [event for event, _ in sets.values()]
    for event, envelope in _builds(_measured(zip(kept, entries, strict=True))):
        events.append(event)
        references[f"{hashlib.sha256(envelope).hexdigest()}.json"] = envelope
    others, ranges = _logged(events, logs)
    return DevicePart(
        (*entries, *others),
        (*_ranges(log, kept), *ranges),
        references,
        _reading(unit, links, kept, now_ms),
    )


def _origin(device: int) -> str:
    return str(db.rows("SELECT origin FROM fleet_device WHERE id = %(d)s", {"d": device})[0][0])


def _links(chain: Chain, device: int, size: int) -> list[Link]:
    """The chain from its start (or as far back as MAX_WALK reaches) to the newest entry below `size`."""
    head = db.one("SELECT ix FROM fleet_head WHERE device = %(d)s", {"d": device})
    if head is None or head[0] < 0:
        return []
    links = [link for link in islice(chain.back(head[0]), MAX_WALK) if link.ix < size]
    if links and links[-1].leaf.seq > 0:
        for (ix,) in db.rows("SELECT enrol_ix FROM fleet_key WHERE device = %(d)s", {"d": device}):
            if ix < links[-1].ix:
                links.append(chain.at(ix))
    return sorted(links, key=lambda link: link.leaf.seq)


def _kept(links: Sequence[Link], unit: Unit, *, now_ms: int) -> list[Link]:
    """The whole chain if it is short; else its keys, and the evidence around the event with one on either
    side.
    """
    if len(links) <= MAX_LINKS:
        return list(links)
    event = now_ms if unit.event_ms is None else unit.event_ms
    inside = [n for n, link in enumerate(links) if abs(link.v - event) <= AROUND_MS]
    before = max((n for n, link in enumerate(links) if link.v < event), default=0)
    first, last = min([before, *inside]), max([min(before + 1, len(links) - 1), *inside])
    first = max(first, last - MAX_LINKS)
    return [link for n, link in enumerate(links) if link.leaf.kind in KEYS or first <= n <= last]


def _ranges(log: str, links: Sequence[Link]) -> list[Range]:
    """Runs of consecutive sequence numbers."""
    out: list[Range] = []
    for link in links:
        entry = Entry(log, link.ix, link.raw)
        if out and out[-1].last + 1 == link.leaf.seq:
            out[-1] = Range(out[-1].subject, log, out[-1].first, link.leaf.seq, entry.leaf_hash)
        else:
            out.append(Range(link.leaf.subj, log, link.leaf.seq, link.leaf.seq, entry.leaf_hash))
    return out


def _reference_sets(links: Iterable[Link]) -> dict[str, tuple[int, bytes]]:
    """Digest -> (event, canonical JSON) of the reference values that these verdicts name."""
    wanted = {link.facts["ref_digest"] for link in links if link.is_evidence and link.facts.get("ref_digest")}
    rows = db.rows(
        "SELECT DISTINCT ON (digest) encode(digest, 'hex'), event, body FROM fleet_reference_set"
        " WHERE digest = ANY(%(d)s) AND event IS NOT NULL ORDER BY digest, id",
        {"d": [bytes.fromhex(one) for one in wanted]},
    )
    return {digest: (event, body) for digest, event, body in rows}


def _builds(digests: set[bytes]) -> list[tuple[int, bytes]]:
    """(event, signed SBOM statement) of the released builds among measured digests."""
    rows = db.rows(
        "SELECT event, encode(envelope_sha256, 'hex') FROM fleet_build"
        " WHERE image = ANY(%(d)s) AND event IS NOT NULL ORDER BY id",
        {"d": list(digests)},
    )
    return [(event, files.read(sha256, root=files.folder())) for event, sha256 in rows]


def _logged(events: Iterable[int], logs: Logs) -> tuple[list[Entry], list[Range]]:
    """Single events of `records` as opened entries, each a range of its own."""
    rows = db.rows(
        "SELECT l.ix, l.seq, e.salt, e.body FROM leaf_ref l JOIN kernel_event e ON e.id = l.event"
        " WHERE l.event = ANY(%(e)s) ORDER BY l.ix",
        {"e": list(events)},
    )
    entries, ranges = [], []
    for ix, seq, salt, body in rows:
        entry = Entry(publish.RECORDS, ix, logs.entry(publish.RECORDS, ix), (salt, body))
        entries.append(entry)
        ranges.append(Range(json.loads(entry.leaf)["subj"], publish.RECORDS, seq, seq, entry.leaf_hash))
    return entries, ranges


def _measured(kept: Iterable[tuple[Link, Entry]]) -> set[bytes]:
    """The digests of all boot stages that this evidence measures."""
    found: set[bytes] = set()
    for link, entry in kept:
        if link.is_evidence and entry.opened is not None:
            try:
                claims = eat.parse(next(batch.read_items(entry.opened[1])).evidence).claims
            except Malformed:
                continue  # kept and shown as what it is; it measures nothing
            found |= {stage.digest for stage in claims.stages}
    return found


# -- For reading


def _reading(unit: Unit, links: Sequence[Link], kept: Sequence[Link], now_ms: int) -> dict[str, Any]:
    """The device as the page shows it: who it is, its state around the event, and what the evidence says of
    that moment.
    """
    proofs = [link for link in kept if link.is_evidence]
    centre = unit.event_ms if unit.event_ms is not None else max((link.v for link in proofs), default=now_ms)
    begin, end = centre - AROUND_MS // 2, centre + AROUND_MS // 2
    strip = history.strip(unit.device, begin, end, now_ms)
    who = queries.identities(unit.device)[0]
    return {
        "serial": who.serial,
        "udi_di": who.udi_di,
        "lot": who.lot,
        "made": who.made,
        "site": who.site,
        "key": f"{who.key_origin.replace('_', ' ')}, assurance {who.assurance}" if who.key_origin else "",
        "window": {"from": begin, "to": end, "event": -1 if unit.event_ms is None else unit.event_ms},
        "lanes": [
            _lane("Trust", strip.trust),
            _lane("Firmware", strip.firmware),
            _lane("Configuration", strip.configuration),
        ],
        "ticks": [tick.v for tick in strip.ticks],
        "facts": [
            *_state(history.state_at(unit.device, centre, now_ms)),
            *_keys([link for link in kept if link.leaf.kind in KEYS]),
            _extent(links, kept, proofs, strip.gaps),
        ],
    }


def _lane(name: str, stretches: Iterable[history.Stretch]) -> dict[str, Any]:
    spans = []
    for one in stretches:
        tone = one.kind if one.kind in VERDICTS.values() else "none" if one.kind == "unknown" else "plain"
        spans.append({"from": one.t0, "to": one.t1, "label": one.text or "unknown", "tone": tone})
    return {"name": name, "spans": spans}


def _state(at: history.StateAt) -> list[dict[str, Any]]:
    """What was measured last before the moment, and how old that was."""
    if at.v is None or at.age_ms is None:
        said = "The device had given no evidence before then. What it ran is unknown."
        return [{"title": "State unknown", "detail": said, "index": -1}]
    age = f"measured {_span(at.age_ms)} before"
    after = f", next measured {_span(at.next_v - at.v - at.age_ms)} after" if at.next_v is not None else ""
    silent = "; the device was silent then, so this is its last known state" if at.in_gap else ""
    title = (
        f"Firmware {at.version}, a released build"
        if at.version
        else "The measured firmware is no released build"
    )
    config = f"Configuration {at.config_name or at.config[:12] or 'not measured'}"
    reasons = f" ({', '.join(one.replace('_', ' ') for one in at.reasons)})" if at.reasons else ""
    return [
        {
            "title": title,
            "detail": f"{at.verdict.capitalize()}{reasons}; {age}{after}{silent}",
            "index": at.ix,
        },
        {"title": config, "detail": f"From the same measurement, {age}", "index": at.ix},
    ]


def _keys(enrolled: Sequence[Link]) -> list[dict[str, Any]]:
    if not enrolled:
        return []
    text = (
        "One key since it was enrolled" if len(enrolled) == 1 else f"{len(enrolled)} keys, one after another"
    )
    return [{"title": "It was this device", "detail": text, "index": enrolled[-1].ix}]


def _extent(
    links: Sequence[Link], kept: Sequence[Link], proofs: Sequence[Link], gaps: Sequence[history.Stretch]
) -> dict[str, Any]:
    whole = (
        "All entries of the device are here"
        if len(kept) == len(links)
        else "Part of the device's entries is here"
    )
    silent = (
        f"{len(gaps)} gap{'' if len(gaps) == 1 else 's'} in this window" if gaps else "no gap in this window"
    )
    detail = f"{whole}: {len(proofs)} measurements; {silent}"
    return {"title": "What is here", "detail": detail, "index": kept[-1].ix if kept else -1}


def _span(ms: int) -> str:
    minutes = ms // 60_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2_880 else f"{minutes // 1_440} days"
