"""index.html: the record as a page that needs nothing: no script, no network, no font, light or dark,
printable.

The page shows what `record.json` says and nothing else. Text in it comes from users and devices, so every
value is escaped, and the page's own policy forbids scripts, requests and forms. Start with `render`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

CSS = Path(__file__).with_name("page.css").read_text()
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

VERIFY = """<p>This page is a copy for reading. What counts are the files beside it. With Python 3.11, the
package <code>cryptography</code> and a policy file (whom you trust, got apart from this bundle):</p>
<pre>python verify.py {number}.zip --policy trust.txt</pre>
<p>It gives a verdict for each of five properties: provenance, integrity, non-repudiation, completeness and
temporal ordering, and names the place where one fails. <code>README.txt</code> says how to check with
<code>sha256sum</code> and any tool for C2SP transparency logs instead. “Index” is an entry’s place in the log
{authority}.</p>"""
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
<main>
"""


def render(reading: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = [
        _head(reading),
        *(_device(device) for device in reading["devices"]),
        _content(reading["sections"]),
        _signatures(reading["signatures"]),
        _trail(reading["trail"]),
        _links(reading["links"]),
        _files(reading["files"]),
        _verify(reading),
    ]
    title = text(f"{reading['number']}: {reading['title']}")
    made = f"exported {text(reading['exported'])} by {text(reading['exported_by'])}"
    foot = f"<footer>Audit bundle of {text(reading['number'])}, {made}. All times are UTC.</footer>"
    head = HEAD.format(policy=escape(POLICY), title=title, css=CSS)
    return head + "\n".join([*(part for part in parts if part), foot]) + "\n</main>\n</body>\n</html>\n"


def text(value: object) -> str:
    """A value as HTML text. Control characters and direction marks, which could make text lie, are shown as
    �.
    """
    return escape("".join(c if c.isprintable() or c in "\n\t" else "�" for c in str(value)))


def moment(ms: int) -> str:
    """Milliseconds since the epoch, to the minute."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%-d %b %Y %H:%M")


def _index(index: int) -> str:
    return f'<span class="seal num">index {index:,}</span>'.replace(",", "\u2009") if index >= 0 else ""


def _panel(label: str, inside: str, *, note: str = "", key: str = "") -> str:
    ident = key or "".join(c if c.isalnum() else "-" for c in label.lower())
    more = f"<span>{text(note)}</span>" if note else ""
    head = f'<header><h2 id="h-{escape(ident)}">{text(label)}</h2>{more}</header>'
    return f'<section class="panel" aria-labelledby="h-{escape(ident)}">{head}{inside}</section>'


def _head(reading: Mapping[str, Any]) -> str:
    bits = [f'<span class="pill">{text(reading["state"])}</span>']
    bits += [f"<span>{text(reading[key])}</span>" for key in ("process", "product", "site") if reading[key]]
    bits.append(f"<span>opened {text(reading['opened'])}</span>")
    if reading["closed"]:
        bits.append(f"<span>closed {text(reading['closed'])}</span>")
    if reading["owner"]:
        bits.append(f"<span>owner {text(reading['owner'])}</span>")
    last = max((event["index"] for event in reading["trail"]), default=-1)
    bits.append(_index(last))
    return (
        f'<div class="top"><b>{text(reading["organisation"])}</b>'
        f"<span>Audit bundle, exported {text(reading['exported'])}</span></div>"
        f"<h1>{text(reading['number'])}: {text(reading['title'])}</h1>"
        f'<div class="meta">{"".join(bits)}</div>'
    )


def _content(sections: Sequence[Mapping[str, Any]]) -> str:
    """Single fields as one list, each list of rows as a table of its own."""
    out = []
    plain = [s for s in sections if s["kind"] == "text"]
    if plain:
        items = "".join(f"<dt>{text(s['label'])}</dt><dd>{text(s['value'])}</dd>" for s in plain)
        out.append(_panel("The record", f'<dl class="kv">{items}</dl>'))
    for n, section in enumerate(s for s in sections if s["kind"] == "rows"):
        out.append(_panel(section["label"], _table(section["columns"], section["rows"]), key=f"rows-{n}"))
    return "\n".join(out)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{text(c)}</th>' for c in columns)
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return _scroll(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _scroll(inside: str) -> str:
    """A part that may be wider than the page, and can be reached by keyboard."""
    return f'<div class="scroll" tabindex="0">{inside}</div>'


def _signatures(signatures: Sequence[Mapping[str, Any]]) -> str:
    if not signatures:
        return _panel("Signatures", '<p class="in faint">Nobody has signed this record.</p>')
    cards = []
    for s in signatures:
        how = "passkey" if s["method"] == "passkey" else "password (the operator’s word)"
        reason = f'<span class="faint">{text(s["reason"])}</span>' if s["reason"] else ""
        cards.append(
            f'<div class="sig"><b>{text(s["name"])}</b> {_index(s["index"])}<p>{text(s["meaning"])}</p>'
            f'<span class="faint">{text(s["at"])}, as {text(s["role"])}</span>'
            f'<span class="faint">version {text(s["version"])}, by {how}</span>{reason}</div>'
        )
    return _panel("Signatures", f'<div class="sigs">{"".join(cards)}</div>', note=f"{len(signatures)} given")


def _trail(trail: Sequence[Mapping[str, Any]]) -> str:
    items = []
    for e in reversed(trail):
        moved = f": {text(e['from'])} → {text(e['to'])}" if e["to"] else ""
        why = f'<p class="why">{text(e["reason"])}</p>' if e["reason"] else ""
        changes = "".join(
            f'<p class="chg">{text(c["label"])}: {text(c["before"] or "empty")}'
            f" → {text(c['after'] or 'empty')}</p>"
            for c in e["changes"]
        )
        items.append(
            f"<li><span><b>{text(e['who'])}</b> {text(e['what'])}{moved}</span>"
            f'<span class="faint num">{text(e["at"])} {_index(e["index"])}</span>{changes}{why}</li>'
        )
    return _panel("Trail", f'<ol class="tl">{"".join(items)}</ol>', note=f"{len(trail)} events, newest first")


def _links(links: Sequence[Mapping[str, Any]]) -> str:
    if not links:
        return ""
    rows = [(k["relation"], k["number"], k["title"], k["state"]) for k in links]
    return _panel("Linked records", _table(("Relation", "Record", "Title", "State"), rows))


def _files(files: Sequence[Mapping[str, Any]]) -> str:
    if not files:
        return ""
    rows = "".join(
        f'<tr><td><a href="files/{escape(f["sha256"])}" download="{text(f["name"])}">{text(f["name"])}</a>'
        f'</td><td class="num">{f["size"]:,} bytes</td><td>{text(f["by"])}</td>'
        f'<td class="num">{text(f["at"])}</td>'
        f"<td><code>{text(f['sha256'])}</code></td></tr>"
        for f in files
    )
    head = "".join(f'<th scope="col">{c}</th>' for c in ("File", "Size", "By", "At", "SHA-256"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return _panel("Files", _scroll(table))


def _verify(reading: Mapping[str, Any]) -> str:
    inside = VERIFY.format(number=text(reading["number"]), authority=text(reading["authority"]))
    return _panel("How to verify", f'<div class="in">{inside}</div>')


# -- The device's state around the event

WIDTH, LEFT, LANE, TOP = 960, 104, 28, 34


def _device(device: Mapping[str, Any]) -> str:
    facts = "".join(
        f"<li><b>{text(f['title'])}</b>{_index(f['index'])}<p>{text(f['detail'])}</p></li>"
        for f in device["facts"]
    )
    window = device["window"]
    inside = f'<div class="in scroll" tabindex="0">{strip(device)}</div><ul class="facts">{facts}</ul>'
    pairs = (
        ("Serial", "serial"),
        ("UDI-DI", "udi_di"),
        ("Lot", "lot"),
        ("Made", "made"),
        ("Site", "site"),
        ("Key", "key"),
    )
    about = "".join(f"<dt>{label}</dt><dd>{text(device[key])}</dd>" for label, key in pairs if device[key])
    note = f"{moment(window['from'])} to {moment(window['to'])} UTC; measured, not reported"
    return _panel(
        f"State of {device['serial']}", inside + f'<dl class="kv">{about}</dl>', note=note, key="device"
    )


def strip(device: Mapping[str, Any]) -> str:
    """Lanes of state on one time axis, ticks where the device gave evidence, and the event."""
    window, lanes = device["window"], device["lanes"]
    begin, end = window["from"], max(window["to"], window["from"] + 1)

    def x(ms: int) -> float:
        share: float = (min(max(ms, begin), end) - begin) / (end - begin)
        return LEFT + (WIDTH - LEFT - 8) * share

    base = TOP + LANE * (len(lanes) + 1)
    out = [
        f'<svg class="strip" viewBox="0 0 {WIDTH} {base + 26}" role="img"',
        f' aria-label="{text(_spoken(device))}">',
        *_axis(begin, end, base, x),
    ]
    for n, lane in enumerate(lanes):
        y = TOP + LANE * n
        out.append(f'<text class="name" x="0" y="{y + 15}">{text(lane["name"])}</text>')
        for span in lane["spans"]:
            left, width = x(span["from"]), max(x(span["to"]) - x(span["from"]) - 1, 1)
            out.append(
                f'<rect class="{_tone(span["tone"])}" x="{left:.1f}" y="{y + 0.5}" width="{width:.1f}"'
                f' height="20" rx="3"/>'
            )
            if width > 7 * min(len(span["label"]), 60):
                out.append(f'<text class="on" x="{left + 6:.1f}" y="{y + 15}">{text(span["label"])}</text>')
    y = TOP + LANE * len(lanes)
    out.append(f'<text class="name" x="0" y="{y + 15}">Evidence</text>')
    out += [
        f'<line class="tick" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{y + 4}" y2="{y + 16}"/>'
        for t in device["ticks"]
    ]
    if window["event"] >= 0:
        at = x(window["event"])
        anchor = "end" if at > WIDTH * 0.8 else "start"
        out.append(f'<line class="event" x1="{at:.1f}" x2="{at:.1f}" y1="20" y2="{base}"/>')
        out.append(
            f'<text class="event" x="{at:.1f}" y="14" text-anchor="{anchor}">'
            f"Event {moment(window['event'])}</text>"
        )
    return "".join([*out, "</svg>"])


def _axis(begin: int, end: int, base: int, x: Any) -> list[str]:
    out = []
    for n in range(6):
        at = begin + (end - begin) * n // 5
        anchor = "start" if n == 0 else "end" if n == 5 else "middle"
        out.append(f'<line class="axis" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP - 6}" y2="{base}"/>')
        out.append(f'<text x="{x(at):.1f}" y="{base + 16}" text-anchor="{anchor}">{moment(at)}</text>')
    return out


def _tone(tone: str) -> str:
    return tone if tone in ("affirming", "warning", "contraindicated", "none") else "plain"


def _spoken(device: Mapping[str, Any]) -> str:
    """The strip in words, for those who do not see it."""
    parts = [
        f"{lane['name']}: "
        + ", ".join(f"{s['label']} from {moment(s['from'])} to {moment(s['to'])}" for s in lane["spans"])
        for lane in device["lanes"]
    ]
    event = device["window"]["event"]
    return ". ".join(
        [*parts, f"{len(device['ticks'])} measurements", *([f"Event {moment(event)}"] if event >= 0 else [])]
    )
