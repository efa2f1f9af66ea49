"""The signing ceremony: what is signed, the meaning, the reason, and the proof of who signs."""

import hashlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.http import Http404, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from vouchsafe.kernel import acts, people, queries
from vouchsafe.kernel.ceremonies import Begun
from vouchsafe.kernel.declare import fields_of
from vouchsafe.kernel.errors import Refused, Stale
from vouchsafe.kernel.views import RecordView, StepView
from vouchsafe.web.shown import Reader, plain
from vouchsafe.web.views import records
from vouchsafe.web.views.access import answer_of
from vouchsafe.web.views.common import SignedIn, signed_in


@signed_in("GET", "HEAD", "POST")
def sign(request: SignedIn, number: str, step: str) -> HttpResponseBase:
    """The dialog over the record's page; POST gives the signature."""
    if request.method != "POST":
        return _page(request, number, step)
    try:
        return _sign(request, number, step)
    except Stale as why:
        return _page(request, number, step, problem=why.reasons, status=409)
    except Refused as why:
        return _page(request, number, step, problem=why.reasons, status=422)


@signed_in("POST")
def begin(request: SignedIn, number: str, step: str) -> HttpResponseBase:
    """Make the statement; the browser's passkey then signs its hash. Answers with JSON for our own script."""
    begun = _begin(request, number, step)
    if not begun.options:
        raise Refused("You have no passkey here. Add one on your account page, or sign with your password.")
    return JsonResponse(
        {
            "ceremony": str(begun.id),
            "options": begun.options,
            "seen": begun.revision,
            "statement_sha256": hashlib.sha256(begun.statement).hexdigest(),
        }
    )


def _begin(request: SignedIn, number: str, step: str) -> Begun:
    meaning, _, role = request.POST.get("slot", "").partition("|")
    if not meaning:
        raise Refused("Choose what your signature means.")
    r = queries.record(number, request.me, now=request.now)
    begun = acts.begin_signing(
        number,
        step,
        meaning,
        seen=records.seen_of(request),
        by=request.me,
        at=request.now,
        reason=request.POST.get("reason", "").strip()[: records.MAX_REASON],
        changes=_writes(request, r, _step(r, step)) or None,
        role=role,
    )
    if begun.version != r.version:
        acts.drop_draft(number, request.me)  # it is written now, as the version that is being signed
    return begun


def _sign(request: SignedIn, number: str, step: str) -> HttpResponseBase:
    _, _, role = request.POST.get("slot", "").partition("|")
    if request.POST.get("by") == "password":
        password = request.POST.get("password", "")
        if not password:
            raise Refused("Type your password, or sign with your passkey.")
        begun = _begin(request, number, step)
        done = acts.sign(begun.id, by=request.me, at=request.now, password=password, role=role)
    else:
        ceremony = request.POST.get("ceremony", "")[:40]
        done = acts.sign(ceremony, by=request.me, at=request.now, assertion=answer_of(request), role=role)
    acts.drop_draft(number, request.me)
    r = queries.record(number, request.me, now=request.now)
    label = next((s.label for s in r.process.steps if s.name == step), step)
    left = next((len(s.waiting) for s in r.steps if s.step == step), 0)
    waits = (
        f"; {left} more signature{'s' if left > 1 else ''} to come" if left and done.state == r.state else ""
    )
    messages.success(request, f"Signed “{label}”. {number} is {r.state_label.lower()}{waits}")
    return redirect(f"/records/{number}")


def _step(r: RecordView, step: str) -> StepView:
    found = next((s for s in r.steps if s.step == step), None)
    if found is None:
        raise Refused(
            f"“{step.replace('_', ' ')}” can’t be signed while {r.number} is {r.state_label.lower()}."
        )
    return found


def _writes(request: SignedIn, r: RecordView, step: StepView) -> dict[str, Any]:
    """What of my draft the step itself writes: it becomes the version that I sign."""
    draft = acts.draft_of(r.number, request.me)
    if draft is None:
        return {}
    heads = {n.partition(".")[0] for n in step.writes}
    return records.really_changed(r, {k: v for k, v in draft.changes.items() if k in heads})


def _page(
    request: SignedIn, number: str, step: str, *, problem: Sequence[str] = (), status: int = 200
) -> HttpResponseBase:
    r = queries.record(number, request.me, now=request.now)
    if not any(s.name == step for s in r.process.steps):
        raise Http404
    found = next((s for s in r.steps if s.step == step), None)
    keys = people.keys_of(request.me, at=request.now)
    draft = acts.draft_of(number, request.me)
    writes = _writes(request, r, found) if found else {}
    context = records.page(request, r)
    context |= {
        "problem": problem,
        "used_password": request.POST.get("by") == "password",
        "sign": SimpleNamespace(
            heading=f"Sign: {found.label}" if found else "Sign",
            action=f"/records/{number}/sign/{step}",
            begin=f"/records/{number}/sign/{step}/begin",
            version=r.version + (1 if writes else 0),
            writes=_written(request, r, writes),
            options=_options(found, request) if found else [],
            why_not=_why_not(found, r, bool(writes)),
            reason=request.POST.get("reason") or (str(draft.changes.get("_reason", "")) if draft else ""),
            reason_needed=bool(found and found.needs_reason),
            reason_help=" ".join(
                c.sentence for c in found.open_conditions if "reason" in c.fields or c.severity != "block"
            )
            if found
            else "",
            key=keys[-1] if keys else None,
        ),
    }
    return render(request, "web/pages/sign.html", context, status=status)


def _written(request: SignedIn, r: RecordView, writes: dict[str, Any]) -> list[SimpleNamespace]:
    after = records.laid_over(r, writes)
    reader = Reader(r.names, request.zone, r.number)
    return [
        SimpleNamespace(label=f.label, text=plain(getattr(after, f.name), f, reader))
        for f in fields_of(r.process.content)
        if f.name in writes
    ]


def _options(found: StepView, request: SignedIn) -> list[SimpleNamespace]:
    """The signatures that are mine to give; never chosen beforehand."""
    sent = request.POST.get("slot", "")
    return [
        SimpleNamespace(
            value=f"{s.meaning}|{s.role}",
            label=s.says,
            text=f"As {s.wanted}." + (f" {s.rule}" if s.rule else ""),
            on=sent == f"{s.meaning}|{s.role}",
        )
        for s in found.waiting
        if s.mine
    ]


def _why_not(found: StepView | None, r: RecordView, writes: bool) -> list[str]:
    if found is None:
        return [f"{r.number} is {r.state_label.lower()}: this step is not open from there."]
    if not found.signed:
        return ["This step needs no signature. Take it with its button on the record’s page."]
    out = [s.why_not for s in found.waiting if s.why_not and not s.mine]
    return list(dict.fromkeys(out)) or ["All signatures of this step have been given."]
