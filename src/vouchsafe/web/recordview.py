"""A record's page, from the kernel's `RecordView`: stepper, gate, signatures, timeline, links. No decisions
of its own.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from types import SimpleNamespace
from typing import Any

from vouchsafe.kernel.declare import field_of, fields_of
from vouchsafe.kernel.steps import leads_on
from vouchsafe.kernel.views import Change, EventView, GateView, RecordView, SlotView, StepView
from vouchsafe.web import nav, states, words
from vouchsafe.web.clocks import Dial, dial
from vouchsafe.web.seals import of_seal
from vouchsafe.web.shown import Reader, Shown, plain, shown

STAGE_KIND = {"done": "done", "now": "active", "later": "draft"}
STAGE_WORD = {"done": "done", "now": "now", "later": "later"}
RELATION_SAYS = {
    "arises_from": "arises from",
    "leads_to": "led to",
    "implemented_by": "is implemented by",
    "implements": "implements",
    "revises": "revises",
    "revised_by": "is revised by",
    "similar_to": "is similar to",
}


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, when and in which zone."""

    me: Any
    now: datetime
    zone: tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One line of the gate."""

    title: str
    text: str = ""
    rule: str = ""
    kind: str = "hold"
    href: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Why a step can't be taken, and by whom it can."""

    step: str
    label: str
    heading: str
    href: str
    on: bool
    open: list[Condition]
    waiting: list[Condition]
    met: list[Condition]
    who: str
    total: int = field(default=0)

    @property
    def open_count(self) -> int:
        return len(self.open)


def head(r: RecordView, look: Look) -> SimpleNamespace:
    """What the top of the page shows."""
    running = [c for c in r.clocks if c.stopped is None]
    tags = [(words.scope(t), "") for t in (r.product, r.site) if t]
    return SimpleNamespace(
        number=r.number,
        title=r.title,
        process_title=nav.plural(r.process.key),
        list_href=nav.list_href(r.process.key),
        href=f"/records/{r.number}",
        address="",
        state=r.state_label,
        state_kind=states.kind(r.process.key, r.state),
        owner=r.owner.name if r.owner else "",
        clocks=[dial(c, look.now, look.zone) for c in running[:2]],
        tags=tags,
        seal=of_seal(r.seal),
        version=r.version,
        revision=r.revision,
        sha256=r.sha256,
        written=r.changed,
        due=r.due,
    )


def stages(r: RecordView, look: Look) -> list[SimpleNamespace]:
    """The stepper."""
    out = []
    for s in r.stages:
        now = s.status == "now"
        here = states.kind(r.process.key, r.state)
        kind = ("active" if here == "draft" else here) if now else STAGE_KIND[s.status]
        when = words.day(s.at.astimezone(look.zone).date(), now=look.now) if s.at else ""
        if now:
            sub = f"due {words.day(r.due, now=look.now)}" if r.due else f"since {when}" if when else "now"
        else:
            sub = f"signed {when}" if s.signed and when else when or "later"
        out.append(SimpleNamespace(label=s.label, kind=kind, now=now, word=STAGE_WORD[s.status], sub=sub))
    return out


def pick(r: RecordView, wanted: str) -> StepView | None:
    """The step that the page is about: the one asked for; else the one that leads on, mine if there is one.

    The way on is shown to those who can't take it
    too, with what is missing and who can.
    """

    def rank(s: StepView) -> tuple[bool, bool, bool, bool]:
        side = not leads_on(r.process, r.state, s.to, rejects=s.rejects)
        return s.system, side, not (s.may and s.enabled), not s.may

    return next((s for s in r.steps if s.step == wanted), None) or min(r.steps, key=rank, default=None)


def gates(r: RecordView, chosen: StepView | None) -> list[Gate]:
    """One gate a step; the chosen one is shown in full."""
    return [_gate(r, s, chosen is not None and s.step == chosen.step) for s in r.steps]


def _gate(r: RecordView, s: StepView, on: bool) -> Gate:
    open_ones = [_open(c) for c in s.open_conditions]
    waiting = [_waiting(w) for w in s.waiting]
    met = [Condition(title=_title(m), text=m.sentence, rule=m.rule, kind="done") for m in s.met]
    met += [
        Condition(title=f"{w.says}: {w.given_by}", rule=w.rule, kind="done")
        for w in s.signatures
        if w.given_by
    ]
    return Gate(
        step=s.step,
        label=s.label,
        heading=f"Before “{s.label}”",
        href=f"/records/{r.number}?step={s.step}",
        on=on,
        open=open_ones,
        waiting=waiting,
        met=met,
        who=_who(s),
        total=len(open_ones) + len(s.met),
    )


def _title(c: GateView) -> str:
    """The gate's name is the statement that opens it: `has_a_source` reads “Has a source”."""
    if c.name == "filled_in":
        return "Everything needed is filled in"
    if c.name.startswith(("leads_to_", "implemented_by_", "arises_from_", "implements_")):
        return c.sentence.split(":")[0][:70]
    text = c.name.replace("_", " ")
    return text[:1].upper() + text[1:] if text else c.sentence.rstrip(".")


def _open(c: GateView) -> Condition:
    who = f" {_listed(c.holders)} can put it right." if c.holders else f" For {c.who}." if c.who else ""
    severity = {"warn": " Opens with a reason.", "late": " Needs a reason."}.get(c.severity, "")
    target = _target(c.fields)
    return Condition(
        title=_title(c),
        text=f"{c.sentence}{who}{severity}".strip(),
        rule=c.rule,
        kind="hold" if c.severity == "block" else "draft",
        href=target,
        link="Go there" if target else "",
    )


def _target(names: Sequence[str]) -> str:
    for name in names:
        if name == "reason":
            return "#act"
        if name.startswith("links."):
            return "#links"
        return "#in-f-" + name.partition(".")[0]
    return ""


def _waiting(s: SlotView) -> Condition:
    if s.mine:
        text = "Waits for you."
    elif s.holders:
        text = (
            f"Waits for {_listed(s.holders)}, {s.wanted}."
            if s.wanted not in s.holders
            else f"Waits for {s.wanted}."
        )
    else:
        text = f"Waits for {s.wanted}; nobody holds that role now."
    return Condition(title=f"“{s.says}”", text=text, rule=s.rule, kind="review")


def _who(s: StepView) -> str:
    if s.system:
        return "The system takes this step by itself once its conditions are met."
    people = _listed(s.holders)
    if s.may:
        return f"You may take this step, as {s.by}." if s.by not in ("anyone",) else "You may take this step."
    return f"Only {s.by} may take this step" + (f": {people}." if people else "; nobody holds that role now.")


def _listed(names: Sequence[str]) -> str:
    found = list(dict.fromkeys(names))
    shown_names = found[:3] + ([f"{len(found) - 3} more"] if len(found) > 3 else [])
    if len(shown_names) < 2:
        return "".join(shown_names)
    return f"{', '.join(shown_names[:-1])} or {shown_names[-1]}"


def within_reach(found: Sequence[Gate], names: Set[str], *, form: bool) -> list[Gate]:
    """The gates, whose conditions lead only to what this page has: fields on its form."""

    def there(href: str) -> bool:
        if href.startswith("#in-f-"):
            return href.removeprefix("#in-f-") in names
        return form or href != "#act"

    return [
        replace(g, open=[c if there(c.href) else replace(c, href="", link="") for c in g.open]) for g in found
    ]


def standings(r: RecordView) -> list[Condition]:
    """The rules of this state that are not met."""
    return [_open(c) for c in r.standing]


def signatures(r: RecordView) -> list[SimpleNamespace]:
    """Signatures, newest first. One that was given for a step that is still to be taken, over a version that
    is no longer the newest, has lost its force; of a step that was taken it stands for what was signed then.
    """
    ahead = {s.step for s in r.steps}
    return [
        SimpleNamespace(
            who=s.printed_name,
            meaning=s.says,
            role=s.role_words,
            reason=s.reason,
            at=s.at,
            method="passkey" if s.ceremony == "passkey" else "password, on this server’s word",
            stands=s.stands or s.step not in ahead,
            newest=s.stands,
            version=s.version,
            seal=of_seal(s.seal),
        )
        for s in reversed(r.signatures)
    ]


def links(r: RecordView) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            relation="This " + RELATION_SAYS.get(k.relation, k.relation.replace("_", " ")),
            number=k.number or k.title,
            href=f"/records/{k.number}" if k.number else "",
            state=k.state_label or "not visible",
            state_kind=states.kind(k.process, k.state) if k.process else "draft",
        )
        for k in r.links
    ]


def relations(r: RecordView) -> list[tuple[str, str]]:
    """The relations that this process may begin."""
    return [(k, RELATION_SAYS.get(k, k.replace("_", " "))) for k in r.process.relations]


def files(r: RecordView) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(
            name=f.name,
            size=f.size,
            who=f.by_name,
            at=f.at,
            sha256=f.sha256,
            href=f"/records/{r.number}/files/{f.sha256}",
        )
        for f in reversed(r.files)
    ]


def facts(r: RecordView, look: Look) -> tuple[list[Shown], list[Shown], list[Shown]]:
    """The content in three parts: long texts, tables, and short facts for the rail."""
    reader = Reader(r.names, look.zone, r.number)
    found = shown(r.process.content, r.content, reader)
    long = [s for s in found if s.long]
    tables = [s for s in found if s.kind == "rows"]
    short = [s for s in found if not s.long and s.kind != "rows"]
    more = [
        Shown(name="_opened", kind="moment", label="Opened", text=words.moment(r.opened, look.zone)),
        *([Shown(name="_due", kind="day", label="Due", text=words.day(r.due))] if r.due else []),
        Shown(name="_clauses", kind="line", label="Clauses", text=", ".join(r.process.clauses)),
        Shown(name="_digest", kind="line", label="Version", text=f"{r.version}, SHA-256 {r.sha256[:12]}…"),
    ]
    return long, tables, [*short, *more]


def timeline(r: RecordView, events: Sequence[EventView], look: Look, *, more: str) -> SimpleNamespace:
    """The trail, newest first."""
    reader = Reader(r.names, look.zone, r.number)
    rows = [event(e, r, reader) for e in events]
    n = "1 event" if r.events == 1 else f"{words.count(r.events)} events"
    return SimpleNamespace(events=rows, says=n, older=more)


def event(e: EventView, r: RecordView, reader: Reader) -> SimpleNamespace:
    """One line of the trail."""
    moved = f"now {e.to_label.lower()}" if e.to_label else ""
    return SimpleNamespace(
        who=e.by_name if e.by else "",
        did=e.label + (", " if moved else ""),
        what=moved,
        at=e.at,
        reason=e.reason,
        changes=[change(c, r, reader) for c in e.changes],
        seal=of_seal(e.seal),
    )


def change(c: Change, r: RecordView, reader: Reader) -> SimpleNamespace:
    """One changed field: label, from, to. Long texts and rows say only that they changed."""
    if c.kind in ("row_added", "row_removed"):
        return SimpleNamespace(
            label=f"{c.label} {'added' if c.kind == 'row_added' else 'removed'}", before="", after=""
        )
    declared = field_of(r.process.content, c.field)
    if c.kind in ("text", "markdown"):
        return SimpleNamespace(label=c.label, before="", after=plain(c.after, declared, reader))
    return SimpleNamespace(
        label=c.label,
        before=plain(c.before, declared, reader) if c.before is not None else "",
        after=plain(c.after, declared, reader),
    )


def labels(r: RecordView) -> dict[str, str]:
    """Field name to label."""
    return {f.name: f.label for f in fields_of(r.process.content)}


def first_clock(r: RecordView, look: Look) -> Dial | None:
    """The nearest running clock."""
    running = [c for c in r.clocks if c.stopped is None]
    return dial(running[0], look.now, look.zone) if running else None
