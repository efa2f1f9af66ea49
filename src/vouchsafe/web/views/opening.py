"""A new record: its title and the fields that its first state lets be written."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from vouchsafe.kernel import acts
from vouchsafe.kernel.canonical import Malformed, merge
from vouchsafe.kernel.declare import fields_of
from vouchsafe.kernel.errors import Refused
from vouchsafe.kernel.registry import processes
from vouchsafe.web import forms, nav, recordview, uploads
from vouchsafe.web.views.common import SignedIn, signed_in
from vouchsafe.web.views.records import new_id, people_options

OPENING_SKIPS = ("file", "evidence")


@signed_in("GET", "HEAD", "POST")
def new(request: SignedIn, process: str) -> HttpResponseBase:
    """Open a record: its title and the fields that its first state lets be written."""
    known = processes().get(process)
    if known is None:
        raise Http404
    names = sorted(
        f.name
        for f in fields_of(known.content)
        if f.name in {n.partition(".")[0] for n in known.opening_fields} and f.kind not in OPENING_SKIPS
    )
    empty = known.content()
    source, relation = request.GET.get("from", "")[:40], request.GET.get("relation", "")[:40]
    title, parsed = request.GET.get("title", "")[:200], forms.Parsed()
    problems: list[str] = []
    raw: dict[str, str] = {}
    if request.method == "POST":
        source, relation = request.POST.get("from", "")[:40], request.POST.get("relation", "")[:40]
        title = request.POST.get("title", "").strip()[:200]
        parsed, raw, problems, done = _open(request, known.key, empty, names, title, source, relation)
        if done:
            return redirect(f"/records/{done}")
    content = _merged(empty, parsed.changes or _prefill(request, names))
    draw = forms.Drawing(people_options(request), request.zone, parsed.errors, raw)
    context = {
        "active": process,
        "heading": f"New {nav.singular(process)}",
        "list_href": nav.list_href(process),
        "list_label": nav.plural(process),
        "controls": forms.controls(known.content, content, names, draw=draw),
        "title_value": title,
        "source": source,
        "relation": relation,
        "relation_says": recordview.RELATION_SAYS.get(relation, relation),
        "problems": problems,
        "first_state": known.label(known.begins),
        "clauses": ", ".join(known.clauses[:2]),
        "site": request.POST.get("site", ""),
        "product": request.POST.get("product", ""),
    }
    return render(request, "web/pages/new.html", context, status=422 if problems or parsed.errors else 200)


def _prefill(request: SignedIn, names: Sequence[str]) -> dict[str, Any]:
    """Values of the address, such as ?device=T4-0311-88207, as far as they can be read."""
    out: dict[str, Any] = {}
    for name in names:
        text = request.GET.get(name, "").strip()
        if text and name == "device":
            found = uploads.resolve(text, request.now)
            if not isinstance(found, str):
                out[name] = {"serial": found.serial, "di": found.di, "lot": found.lot}
        elif text:
            out[name] = text[: forms.MAX_TEXT]
    return out


def _merged(content: Any, changes: Mapping[str, Any]) -> Any:
    for name, value in changes.items():
        try:
            content = merge(content, {name: value}, new_id=new_id)
        except Malformed:
            continue
    return content


def _open(
    request: SignedIn, process: str, empty: Any, names: Sequence[str], title: str, source: str, relation: str
) -> tuple[forms.Parsed, dict[str, str], list[str], str]:
    def no_file(upload: Any) -> Any:
        raise forms.Unreadable("Attach files after the record is open.")

    reading = forms.Reading(
        post=request.POST,
        files={},
        zone=request.zone,
        attach=no_file,
        resolve=lambda text: uploads.resolve(text, request.now),
    )
    parsed = forms.parse(type(empty), empty, names, read=reading)
    raw = {k: str(v)[: forms.MAX_TEXT] for k, v in request.POST.items()}
    if not title:
        return parsed, raw, ["Give the record a title: one line that tells it from the others."], ""
    if parsed.errors:
        return parsed, raw, ["Some fields can’t be read; they say why."], ""
    changes = {k: v for k, v in parsed.changes.items() if v not in (None, [], "")}
    try:
        made = acts.open_record(
            process,
            title,
            by=request.me,
            at=request.now,
            site=request.POST.get("site", "").strip()[:80],
            product=request.POST.get("product", "").strip()[:80],
            changes=changes,
            links=[(relation, source)] if source and relation else (),
        )
    except Refused as why:
        return parsed, raw, list(why.reasons), ""
    messages.success(request, f"{made.number} opened")
    return parsed, raw, [], made.number
