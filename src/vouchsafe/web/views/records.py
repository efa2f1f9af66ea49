"""A record's page and everything that is done on it, but for signing (`signing`). Generic over processes.

What was typed is kept as a draft before anything else happens, so that no refusal, no clash with somebody
else and no lost connection costs a word of it.
"""

import uuid
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from vouchsafe.kernel import acts, permit, queries
from vouchsafe.kernel.canonical import Malformed, merge
from vouchsafe.kernel.declare import changes_between, fields_of, stray_changes
from vouchsafe.kernel.errors import Refused, SigningFailed, Stale
from vouchsafe.kernel.views import RecordView, StepView
from vouchsafe.regulations import roles as site_roles
from vouchsafe.web import forms, panels, recordview, uploads, words
from vouchsafe.web.recordview import Look
from vouchsafe.web.shown import Reader, plain
from vouchsafe.web.views.common import SignedIn, signed_in

TIMELINE = 25
MAX_REASON = 4_000


@signed_in()
def record(request: SignedIn, number: str) -> HttpResponseBase:
    """The page."""
    r = queries.record(number, request.me, now=request.now)
    return render(request, "web/pages/record.html", page(request, r))


def page(request: SignedIn, r: RecordView, *, state: "Typed | None" = None) -> dict[str, Any]:
    """Everything that the record's template shows."""
    look = Look(request.me, request.now, request.zone)
    chosen = recordview.pick(r, request.GET.get("step", "") or (state.step if state else ""))
    before = request.GET.get("before", "")
    seq = int(before) if before.isdecimal() and len(before) < 9 else None
    events = queries.history(r.number, request.me, now=request.now, before=seq, size=TIMELINE)
    older = f"/records/{r.number}?before={events[-1].seq}" if events and events[-1].seq > 0 else ""
    long, tables, facts = recordview.facts(r, look)
    form = _form(request, r, chosen, state)
    typed = {c.name.removeprefix("f.") for c in form.controls} if form else set[str]()
    all_gates = recordview.within_reach(recordview.gates(r, chosen), typed, form=form is not None)
    long, tables, facts = ([s for s in part if s.name not in typed] for part in (long, tables, facts))
    return {
        "active": r.process.key,
        "r": recordview.head(r, look),
        "main": _main(r, chosen),
        "notes": _notes(r, form),
        "stages": recordview.stages(r, look),
        "gates": all_gates,
        "gate": next((g for g in all_gates if g.on), SimpleNamespace(waiting=[])),
        "standings": recordview.standings(r),
        "form": form,
        "long": long,
        "table_fields": tables,
        "facts": facts,
        "signatures": recordview.signatures(r),
        "links": recordview.links(r),
        "relations": recordview.relations(r),
        "files": recordview.files(r),
        "timeline": recordview.timeline(r, events, look, more=older),
        "more": _more(r),
        **panels.of(request, r),
    }


class Typed:
    """What somebody typed that has not become part of the record: from a POST that was refused, or from a
    draft.
    """

    def __init__(
        self,
        *,
        changes: Mapping[str, Any],
        reason: str = "",
        errors: Mapping[str, str] | None = None,
        raw: Mapping[str, str] | None = None,
        problems: Sequence[str] = (),
        step: str = "",
    ) -> None:
        self.changes, self.reason, self.step = changes, reason, step
        self.errors, self.raw, self.problems = errors or {}, raw or {}, tuple(problems)


def _form(
    request: SignedIn, r: RecordView, chosen: StepView | None, state: Typed | None
) -> SimpleNamespace | None:
    """The form of the step that the page is about: its fields, those that may be edited anyway, and the
    buttons.
    """
    steps = [s for s in r.steps if s.may and not s.system]
    names = form_fields(r, chosen)
    buttons = _buttons(r, steps, chosen, names)
    if not names and not any(b.ready for b in buttons):
        return None
    draft = acts.draft_of(r.number, request.me)
    saved, drafted = "", draft is not None
    if state is None and draft is not None:
        given = dict(draft.changes)
        state = Typed(reason=str(given.pop("_reason", "")), changes=given)
        saved = f"Draft of {words.short(draft.at, request.zone, request.now)}"
    content = laid_over(r, state.changes if state else {})
    draw = forms.Drawing(
        people_options(request), request.zone, state.errors if state else {}, state.raw if state else {}
    )
    controls = forms.controls(r.process.content, content, sorted(names), draw=draw) if names else []
    needed = bool(chosen and chosen.needs_reason)
    return SimpleNamespace(
        heading=f"To do: {chosen.label}" if chosen and chosen.may else "What you can change here",
        meta="",
        action=f"/records/{r.number}/do" + (f"?step={chosen.step}" if chosen else ""),
        autosave=f"/records/{r.number}/draft",
        drop=f"/records/{r.number}/draft/drop",
        controls=controls,
        reason=bool(steps),
        reason_needed=needed,
        reason_text=state.reason if state else "",
        reason_help="This step asks for one: a sentence that says why."
        if needed
        else "Goes into the trail with the step.",
        problems=state.problems if state else (),
        saved=saved
        or (
            "Typed text saves itself as a draft. The record changes only when you say so." if controls else ""
        ),
        draft=drafted,
        stale=draft is not None and draft.seen < r.revision,
        steps=buttons,
    )


def form_fields(r: RecordView, chosen: StepView | None) -> frozenset[str]:
    """The fields on the form: those of the chosen step and those that may be changed at any time in this
    state.
    """
    others = frozenset[str]().union(*(s.writes for s in r.steps if chosen is None or s.step != chosen.step))
    mine = chosen.writes & r.writable if chosen else frozenset[str]()
    return (r.writable - others) | mine


def can_be_met_here(s: StepView, names: frozenset[str]) -> bool:
    """Whether all that still speaks against the step is asked for by this very form."""
    heads = {n.partition(".")[0] for n in names} | {"reason"}
    return all(
        c.severity != "block" or (c.fields and all(f.partition(".")[0] in heads for f in c.fields))
        for c in s.open_conditions
    )


def _buttons(
    r: RecordView, steps: Sequence[StepView], chosen: StepView | None, names: frozenset[str]
) -> list[SimpleNamespace]:
    out = []
    for s in steps:
        mine_to_sign = any(w.mine for w in s.waiting)
        ready = can_be_met_here(s, names) and (not s.signed or mine_to_sign or bool(s.writes))
        primary = chosen is not None and s.step == chosen.step
        verb = "sign" if s.signed else "step"
        label = f"Sign: {s.label}" if s.signed else s.label
        if primary or ready:
            out.append(
                SimpleNamespace(
                    ready=ready, primary=primary, value=f"{verb}:{s.step}", label=label, signs=s.signed
                )
            )
    return sorted(out, key=lambda b: b.primary)


def _main(r: RecordView, chosen: StepView | None) -> SimpleNamespace | None:
    """The one primary action of the page's head."""
    if chosen is None or chosen.system:
        return None
    ready = chosen.may and can_be_met_here(chosen, form_fields(r, chosen))
    ready = ready and (not chosen.signed or any(w.mine for w in chosen.waiting) or bool(chosen.writes))
    count = len([c for c in chosen.open_conditions if c.severity == "block"]) or len(chosen.waiting) or 1
    return SimpleNamespace(ready=ready, signs=chosen.signed, label=chosen.label, open_count=count)


def _notes(r: RecordView, form: SimpleNamespace | None) -> list[SimpleNamespace]:
    out = []
    if r.void:
        out.append(
            SimpleNamespace(
                tone="grey",
                icon="info",
                text="This record is void. It stays readable, and counts for nothing.",
                href="",
                link="",
            )
        )
    elif r.void_asked_by:
        text = (
            f"{r.void_asked_by} asked for this record to be voided. Another person of quality "
            "assurance confirms it or leaves it be."
        )
        out.append(
            SimpleNamespace(
                tone="amber",
                icon="info",
                text=text,
                href=f"/records/{r.number}/void" if r.may_void else "",
                link="Confirm",
            )
        )
    if form is not None and form.stale:
        text = (
            "The record has changed since you typed your draft. The form shows your text; the trail "
            "below says what changed."
        )
        out.append(
            SimpleNamespace(tone="amber", icon="info", text=text, href="#timeline", link="See the trail")
        )
    if r.personal_erased:
        out.append(
            SimpleNamespace(
                tone="grey",
                icon="info",
                text="Personal values of this record were lawfully erased. Its proofs stand.",
                href="",
                link="",
            )
        )
    return out


def _more(r: RecordView) -> list[SimpleNamespace]:
    base = f"/records/{r.number}"
    out = [
        SimpleNamespace(
            href=f"{base}/bundle", icon="package-check", label="Export the audit bundle", post=True
        ),
        SimpleNamespace(
            href=f"{base}/version.json", icon="file-json", label="The signed bytes, as JSON", post=False
        ),
        SimpleNamespace(
            href=f"{base}/assign", icon="user-round", label="Give it to somebody else", post=False
        ),
    ]
    if r.may_void:
        label = "Confirm that it is void" if r.void_asked_by else "Ask for it to be voided"
        out.append(SimpleNamespace(href=f"{base}/void", icon="ban", label=label, post=False))
    return out


def people_options(request: SignedIn) -> list[tuple[str, str]]:
    """Everyone who holds a role now, by name."""
    found = permit.holders(tuple(site_roles.titles()), at=request.now)
    return [(p.id.hex, p.full_name) for p in found]


def laid_over(r: RecordView, changes: Mapping[str, Any]) -> Any:
    """The record's content with what was typed laid over it, as far as it can be read."""
    content = r.content
    for name, value in changes.items():
        try:
            content = merge(content, {name: value}, new_id=new_id)
        except Malformed:
            continue  # a row that is gone meanwhile, or a value of another form: the record's own stays
    return content


def new_id() -> str:
    return uuid.uuid4().hex[:12]


# ---- what is sent back ----


def read_form(request: SignedIn, r: RecordView) -> forms.Parsed:
    """The typed values of a POST, for every field that it holds.

    Not only for those that may be written now: when somebody else has moved the record meanwhile, what was
    typed must still be kept. Which of them may be written, the writer decides.
    """
    reading = forms.Reading(
        post=request.POST,
        files=request.FILES,
        zone=request.zone,
        attach=lambda upload: uploads.attach(r.number, upload, by=request.me, at=request.now),
        resolve=lambda text: uploads.resolve(text, request.now),
    )
    names = [f.name for f in fields_of(r.process.content)]
    return forms.parse(r.process.content, r.content, names, read=reading)


def seen_of(request: SignedIn) -> int:
    text = request.POST.get("seen", "")
    if not text.isdecimal() or len(text) > 9:
        raise Refused("The form does not say which revision it was loaded at. Reload the page.")
    return int(text)


@signed_in("POST")
def draft(request: SignedIn, number: str) -> HttpResponseBase:
    """Keep what is being typed; answers with JSON for the line under the form."""
    r = queries.record(number, request.me, now=request.now)
    parsed = read_form(request, r)
    changes = {**really_changed(r, parsed.changes), **_reason_of(request)}
    acts.save_draft(number, by=request.me, at=request.now, seen=seen_of(request), changes=changes)
    at = words.short(request.now, request.zone, request.now).removeprefix("Today ")
    says = f"Draft saved {at}"
    if parsed.errors:
        says += f"; {len(parsed.errors)} field{'s' if len(parsed.errors) > 1 else ''} can’t be read yet"
    if seen_of(request) < r.revision:
        says += ". Someone changed the record meanwhile; reload to see it"
    return JsonResponse({"says": says})


def _reason_of(request: SignedIn) -> dict[str, str]:
    reason = request.POST.get("reason", "").strip()[:MAX_REASON]
    return {"_reason": reason} if reason else {}


@signed_in("POST")
def drop_draft(request: SignedIn, number: str) -> HttpResponseBase:
    acts.drop_draft(number, request.me)
    return redirect(f"/records/{number}")


@signed_in("POST")
def do(request: SignedIn, number: str) -> HttpResponseBase:
    """Write, take a step, or go on to sign: the buttons under the form."""
    verb, _, step = request.POST.get("do", "write").partition(":")
    r = queries.record(number, request.me, now=request.now)
    parsed = read_form(request, r)
    changes, reason = really_changed(r, parsed.changes), request.POST.get("reason", "").strip()[:MAX_REASON]
    seen = seen_of(request)
    if changes or reason:
        acts.save_draft(
            number, by=request.me, at=request.now, seen=seen, changes={**changes, **_reason_of(request)}
        )
    if parsed.errors:
        raw = {k: str(v)[:MAX_REASON] for k, v in request.POST.items()}
        return _again(
            request,
            Typed(
                changes=changes,
                reason=reason,
                errors=parsed.errors,
                raw=raw,
                problems=["Some fields can’t be read; they say why."],
                step=step,
            ),
            r,
        )
    try:
        return _do(request, r, verb, step, seen, changes, reason)
    except Stale as why:
        return conflict(request, number, seen, changes, why)
    except SigningFailed:
        raise
    except Refused as why:
        fresh = queries.record(number, request.me, now=request.now)
        problems = list(why.reasons)
        if fresh.version != r.version:
            problems.append("What you typed is written to the record; only the step was not taken.")
        return _again(request, Typed(changes=changes, reason=reason, problems=problems, step=step), fresh)


def _do(
    request: SignedIn, r: RecordView, verb: str, step: str, seen: int, changes: dict[str, Any], reason: str
) -> HttpResponseBase:
    href = f"/records/{r.number}"
    if verb == "write":
        acts.write(r.number, seen=seen, by=request.me, at=request.now, changes=changes, reason=reason)
        messages.success(request, f"Version {r.version + 1} of {r.number} written")
        return redirect(href)
    wanted = next((s for s in r.steps if s.step == step), None)
    if wanted is None:
        raise Refused(
            f"“{step.replace('_', ' ')}” can’t be done while {r.number} is {r.state_label.lower()}."
        )
    own, edits = _parted(r, changes, wanted)
    if edits:
        seen = acts.write(r.number, seen=seen, by=request.me, at=request.now, changes=edits).revision
    if verb == "sign":
        if own or reason:
            kept = {**own, **_reason_of(request)}
            acts.save_draft(r.number, by=request.me, at=request.now, seen=seen, changes=kept)
        return redirect(f"{href}/sign/{step}")
    done = acts.act(r.number, step, seen=seen, by=request.me, at=request.now, changes=own, reason=reason)
    acts.drop_draft(r.number, request.me)
    state = r.process.label(done.state)
    moved = done.state != r.state
    messages.success(
        request, f"{wanted.label}: {r.number} is now {state.lower()}" if moved else f"{wanted.label}: done"
    )
    return redirect(href)


def really_changed(r: RecordView, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields whose value differs from what the record says."""
    out = {}
    for name, value in changes.items():
        try:
            if merge(r.content, {name: value}, new_id=new_id) != r.content:
                out[name] = value
        except Malformed:
            out[name] = value  # the writer refuses it, with its place
    return out


def _parted(
    r: RecordView, changes: Mapping[str, Any], step: StepView
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The step's own fields, and those that are edits beside it."""
    own: dict[str, Any] = {}
    edits: dict[str, Any] = {}
    for name, value in changes.items():
        changed = changes_between(r.content, laid_over(r, {name: value}))
        (edits if stray_changes(changed, step.writes) else own)[name] = value
    return own, edits


def _again(request: SignedIn, state: Typed, r: RecordView) -> HttpResponseBase:
    return render(request, "web/pages/record.html", page(request, r, state=state), status=422)


def conflict(
    request: SignedIn, number: str, seen: int, changes: Mapping[str, Any], why: Stale
) -> HttpResponseBase:
    """Two people on one record: what the other one did, and what I typed, kept as my draft."""
    r = queries.record(number, request.me, now=request.now)
    reader = Reader(r.names, request.zone, r.number)
    mine = laid_over(r, changes)
    rows = [
        SimpleNamespace(
            label=f.label,
            now=plain(getattr(r.content, f.name), f, reader),
            mine=plain(getattr(mine, f.name), f, reader),
        )
        for f in fields_of(r.process.content)
        if f.name in changes
    ]
    events = queries.changed_since(number, request.me, now=request.now, seen=seen)
    context = {
        "active": r.process.key,
        "r": recordview.head(r, Look(request.me, request.now, request.zone)),
        "why": str(why),
        "rows": rows,
        "timeline": recordview.timeline(r, events, Look(request.me, request.now, request.zone), more=""),
    }
    return render(request, "web/pages/conflict.html", context, status=409)
