"""The logs: checkpoints, entries, proofs, bundles, and the tiles as any C2SP client reads them."""

import json
import time
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from vouchsafe.bundle import verify as bundle_verify
from vouchsafe.fleet import bundles
from vouchsafe.fleet import queries as devices
from vouchsafe.kernel import publish, queries
from vouchsafe.ledger import policy, proofs, tree
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.errors import LedgerError
from vouchsafe.ledger.leaves import Leaf
from vouchsafe.ledger.reader import Reader
from vouchsafe.web import fleetview, kinds, paging, uploads, words
from vouchsafe.web.seals import entry_href
from vouchsafe.web.views.common import SignedIn, signed_in

MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_POLICY_BYTES = 65_536
CHAIN = 6


@require_http_methods(["GET", "HEAD"])
def public_log(request: HttpRequest, path: str) -> HttpResponseBase:
    """`/log/<log>/checkpoint` and the tiles: public, read only, without cookies (C2SP tlog-tiles)."""
    served = publish.serve(path)
    response = HttpResponse(
        served.body or b"not found\n", status=served.status, content_type=served.content_type
    )
    response.headers["Cache-Control"] = served.cache_control
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@signed_in()
def ledger(request: SignedIn) -> HttpResponseBase:
    """One log: its newest checkpoint, how it grew, and its entries."""
    logs = publish.logs()
    wanted = request.GET.get("log", "records")
    log = next((v for v in logs if v.name == wanted), None)
    index = request.GET.get("index", "").replace(words.THIN, "").replace(" ", "")
    if log is not None and index.isdecimal() and len(index) < 16:
        return HttpResponseRedirect(entry_href(log.name, int(index)))
    order = sorted(logs, key=lambda v: (v.name == publish.ROOT, v.name != publish.RECORDS, v.name))
    context: dict[str, Any] = {
        "active": "ledger",
        "tabs": [
            paging.Choice(_title(v.name), v.name, f"/ledger?log={v.name}", v.size, v.name == wanted)
            for v in order
        ],
        "origin": settings.VOUCHSAFE_ORIGIN,
        "log": SimpleNamespace(size=0, name=wanted),
    }
    if log is not None and log.size:
        context |= _log(request, log)
    return render(request, "web/pages/ledger.html", context)


def _title(name: str) -> str:
    return {"records": "Records", "root": "Root", "fleet/0": "Devices"}.get(
        name, name.replace("fleet/", "Devices ")
    )


def _log(request: SignedIn, log: publish.LogView) -> dict[str, Any]:
    newest = publish.checkpoints(log.origin, CHAIN)
    page = paging.page_of(request)
    end = log.size - (page - 1) * paging.SIZE
    start = max(0, end - paging.SIZE)
    problem, rows = "", []
    try:
        rows = publish.entries(log.origin, start, end - start) if end > 0 else []
    except LedgerError as why:
        problem = str(why)
    refs = _refs(log, [(r.index, r.leaf) for r in rows], request)
    base = f"/log/{log.name}"
    return {
        "log": SimpleNamespace(
            name=log.name,
            size=log.size,
            at=log.published_at,
            note=newest[0][1].decode() if newest else "",
            vkey=log.vkey,
            queued=log.waiting,
            base_href=base,
            checkpoint_href=f"{base}/checkpoint",
        ),
        "problem": problem,
        "entries": [_row(log, r, refs.get(r.index)) for r in reversed(rows)],
        "page": paging.pager(request, page=page, size=paging.SIZE, total=log.size),
        **_chain(log, newest, request),
    }


def _row(log: publish.LogView, row: publish.EntryView, ref: "Ref | None") -> SimpleNamespace:
    return SimpleNamespace(
        index=row.index,
        href=entry_href(log.name, row.index),
        at=fleetview.moment(row.leaf.at),
        what=kinds.what(row.leaf),
        subject=row.leaf.subj,
        seq=row.leaf.seq,
        hash=tree.leaf_hash(row.raw),
        ref=ref.text if ref else "",
        ref_href=ref.href if ref else "",
        ref_kind=ref.kind if ref else "",
    )


def _chain(log: publish.LogView, newest: list[Any], request: SignedIn) -> dict[str, Any]:
    """The last checkpoints, each proven to continue the one before it, from the tiles, now."""
    found = list(reversed(newest))
    out = []
    for k, (checkpoint, note, at) in enumerate(found):
        holds = k == 0 or _continues(log.origin, found[k - 1][0], checkpoint, note)
        out.append(
            SimpleNamespace(
                size=checkpoint.size,
                at=words.short(at, request.zone, request.now),
                kind="done" if holds else "failed",
                icon="check" if holds else "x",
            )
        )
    good = sum(1 for c in out[1:] if c.kind == "done")
    says = (
        f"{good} of {len(out) - 1} steps between the last checkpoints are proven consistent"
        if len(out) > 1
        else ""
    )
    return {"chain": out if len(out) > 1 else [], "chain_says": says}


def _continues(origin: str, old: Checkpoint, new: Checkpoint, note: bytes) -> bool:
    """Whether the tiles prove that the checkpoint `new` continues `old`."""
    try:
        proof = _reader(origin, new, note).consistency(old.size, new.size)
        tree.verify_consistency(old.size, new.size, proof, old.root, new.root)
    except LedgerError:
        return False
    return True


def _reader(origin: str, checkpoint: Checkpoint, note: bytes) -> Reader:
    """The log's tiles, read at a checkpoint of the checkpoint table, where only this installation's writers
    write.
    """
    reader = Reader(publish.site().public(origin))
    reader.use(checkpoint, note)
    return reader


class Ref(SimpleNamespace):
    """What an entry is about, where the reader may see it."""

    text: str
    href: str
    kind: str


def _refs(log: publish.LogView, rows: list[tuple[int, Leaf]], request: SignedIn) -> dict[int, Ref]:
    """Names for entries: record numbers in `records`, sizes in `root`, serial numbers in a fleet’s log."""
    out: dict[int, Ref] = {}
    if log.name == publish.ROOT:
        for index, leaf in rows:
            name = str(leaf.facts.get("origin", "")).partition("/")[2]
            size = leaf.facts.get("size", 0)
            text = f"{name} at {words.count(size)}"
            out[index] = Ref(text=text, href=f"/ledger?log={name}", kind="entry")
    elif log.name == publish.RECORDS:
        numbers = queries.numbers_at(log.origin, [i for i, _ in rows], request.me, now=request.now)
        out = {i: Ref(text=n, href=f"/records/{n}", kind="") for i, n in numbers.items()}
    else:
        serials = devices.serials_of([leaf.subj for _, leaf in rows])
        for index, leaf in rows:
            if serial := serials.get(leaf.subj):
                out[index] = Ref(text=serial, href=f"/fleet/devices/{serial}", kind="device")
    return out


@signed_in()
def entry(request: SignedIn, log: str, index: int) -> HttpResponseBase:
    """One entry and its proof, made and checked while the page is built."""
    view = next((v for v in publish.logs() if v.name == log), None)
    if view is None:
        raise Http404
    started = time.perf_counter()
    found = publish.entries(view.origin, index, 1)
    if not found:
        raise Http404
    row = found[0]
    ref = _refs(view, [(row.index, row.leaf)], request).get(index)
    checked = _check(view, row)
    took = f"{(time.perf_counter() - started) * 1000:.0f} ms"
    context = {
        "active": "ledger",
        "e": SimpleNamespace(
            log=log,
            index=index,
            ref=ref.text if ref else "",
            ref_href=ref.href if ref else "",
            ref_kind=ref.kind if ref else "",
            what=kinds.what(row.leaf),
            at=fleetview.moment(row.leaf.at),
            took=took,
            hash=tree.leaf_hash(row.raw).hex(),
            bytes=len(row.raw),
            pretty=json.dumps(row.leaf.as_dict(), indent=1, sort_keys=True),
            proof_href=f"/ledger/{log}/{index}/proof",
            leaf_href=f"/ledger/{log}/{index}/leaf",
            **checked,
        ),
    }
    return render(request, "web/pages/entry.html", context)


def _check(view: publish.LogView, row: publish.EntryView) -> dict[str, Any]:
    """Both steps of the proof, verified under this installation's own keys."""
    steps: list[SimpleNamespace] = [
        _step(True, "The entry is what its hash says", f"SHA-256 {tree.leaf_hash(row.raw).hex()}")
    ]
    try:
        if view.name == publish.ROOT:
            one = publish.prove(view.origin, row.index)
            accepted = one.verify(tree.leaf_hash(row.raw), _policies()[1])
            steps.append(_included(one, accepted.checkpoint.size))
            return _checked(row, one, accepted.checkpoint.size, steps)
        two = publish.proof_of(view.origin, row.index)
        shard_policy, root_policy = _policies()
        verified = proofs.verify_two_step(two, shard_policy=shard_policy, root_policy=root_policy)
    except publish.NotYetProvable:
        one = publish.prove(view.origin, row.index)
        accepted = one.verify(tree.leaf_hash(row.raw), _policies()[0])
        steps.append(_included(one, accepted.checkpoint.size))
        steps.append(
            _step(None, "No root checkpoint covers it yet", "The next one will, within a few seconds.")
        )
        return _checked(row, one, accepted.checkpoint.size, steps)
    except LedgerError as why:
        steps.append(_step(False, "The way to a signed checkpoint", str(why)))
        return {
            **_path(row.index, 1, 0),
            "steps": steps,
            "holds": False,
            "problem": str(why),
            "size": view.size,
        }
    steps.append(_included(two.shard, verified.shard.size))
    root = verified.root.checkpoint
    steps.append(
        _step(
            True,
            f"That checkpoint is entry {words.count(two.root.index)} of the root log",
            f"{_hashes(two.root)} to root checkpoint {words.count(root.size)}, signed by the log’s own key",
        )
    )
    steps.append(
        _step(
            None,
            "No witness has signed the root checkpoint",
            "That the log shows everybody the same rests on its operator’s word.",
        )
    )
    return _checked(row, two.shard, verified.shard.size, steps)


def _checked(
    row: publish.EntryView, proof: proofs.TlogProof, size: int, steps: list[SimpleNamespace]
) -> dict[str, Any]:
    return {
        **_path(row.index, size, len(proof.hashes)),
        "steps": steps,
        "holds": True,
        "problem": "",
        "size": size,
    }


def _policies() -> tuple[policy.Policy, policy.Policy]:
    shard, root = publish.trust_policies()
    return policy.parse(shard), policy.parse(root)


def _step(holds: bool | None, title: str, text: str) -> SimpleNamespace:
    kind, icon = {True: ("done", "st-done"), False: ("failed", "st-failed"), None: ("draft", "st-draft")}[
        holds
    ]
    return SimpleNamespace(kind=kind, icon=icon, title=title, text=text)


def _hashes(proof: proofs.TlogProof) -> str:
    n = len(proof.hashes)
    return "One hash leads" if n == 1 else f"{n} hashes lead"


def _included(proof: proofs.TlogProof, size: int) -> SimpleNamespace:
    return _step(
        True,
        "The entry is in its log",
        f"{_hashes(proof)} to the root of checkpoint {words.count(size)}, signed by the log’s own key",
    )


def _path(index: int, size: int, hashes: int) -> dict[str, Any]:
    """The drawing of the inclusion path: each sibling, whether older or newer, and how many entries it
    covers.
    """
    step = min(61, 620 // max(hashes, 1))
    points = []
    for k, (start, end) in enumerate(tree.subtree_ranges(index, size) if hashes else [], 1):
        newer, covers = start > index, end - start
        points.append(
            SimpleNamespace(
                x=32 + k * step,
                y=34 if newer else 114,
                text_y=20 if newer else 138,
                r=f"{4 + covers.bit_length() * 0.5:.1f}",
                covers=covers,
            )
        )
    root_x = 32 + hashes * step + 58
    return {"path": points, "svg": SimpleNamespace(width=max(740, root_x + 60), root_x=root_x)}


@signed_in()
def proof_file(request: SignedIn, log: str, index: int) -> HttpResponseBase:
    """The proof as files that other tools read: both tlog-proofs, one after the other in a text."""
    view = next((v for v in publish.logs() if v.name == log), None)
    if view is None or index >= view.size:
        raise Http404
    try:
        two = publish.proof_of(view.origin, index)
        body = two.shard.encode() + b"\n" + two.root.encode()
    except publish.NotYetProvable:
        body = publish.prove(view.origin, index).encode()
    return _download(body, f"{log.replace('/', '-')}-{index}.tlog-proof", "text/plain; charset=utf-8")


@signed_in()
def leaf_file(request: SignedIn, log: str, index: int) -> HttpResponseBase:
    """The entry's bytes."""
    view = next((v for v in publish.logs() if v.name == log), None)
    found = publish.entries(view.origin, index, 1) if view else []
    if not found:
        raise Http404
    return _download(found[0].raw, f"{log.replace('/', '-')}-{index}.json", "application/octet-stream")


def _download(body: bytes, name: str, media_type: str) -> HttpResponse:
    response = HttpResponse(body, content_type=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# ---- bundles ----


@signed_in("GET", "HEAD", "POST")
def verify(request: SignedIn) -> HttpResponseBase:
    """Verify an uploaded bundle. It is read in memory and not kept."""
    context: dict[str, Any] = {"active": "ledger"}
    status = 200
    if request.method == "POST":
        outcome = _verify(request)
        status = 422 if "problem" in outcome else 200
        context |= outcome
    return render(request, "web/pages/verify.html", context, status=status)


def _verify(request: SignedIn) -> dict[str, Any]:
    upload, own = request.FILES.get("bundle"), request.FILES.get("policy")
    if upload is None:
        return _unreadable("No bundle was chosen.", "Choose the zip file, then verify it.")
    if uploads.size_of(upload) > MAX_BUNDLE_BYTES:
        return _unreadable(
            "The bundle is too large.",
            f"It has {words.size(uploads.size_of(upload))}; this page takes {words.size(MAX_BUNDLE_BYTES)}. The "
            f"command line takes more.",
        )
    if own is not None and uploads.size_of(own) > MAX_POLICY_BYTES:
        return _unreadable(
            "The policy file is too large.",
            f"It has {words.size(uploads.size_of(own))}; expected at most {words.size(MAX_POLICY_BYTES)}.",
        )
    data, started = upload.read(), time.perf_counter()
    try:
        trusted = bundle_verify.read_policy(own.read() if own is not None else _own_policy())
        result = bundle_verify.check(data, trusted)
    except bundle_verify.Unreadable as why:
        what = (
            "The policy file can’t be read."
            if "policy" in why.place
            else "This is not a bundle that can be read."
        )
        return _unreadable(what, str(why))
    took = (time.perf_counter() - started) * 1000
    return {"result": _result(result, upload, own is not None, took)}


def _own_policy() -> bytes:
    """This installation's own keys. What no witness has seen rests on its operator's word, and is said to."""
    return bundles.trust(allow=bundles.UNWITNESSED).encode()


def _unreadable(title: str, text: str) -> dict[str, Any]:
    return {"problem": SimpleNamespace(title=title, text=text)}


VERDICTS = {
    bundle_verify.HOLDS: ("done", "check"),
    bundle_verify.WORD: ("hold", "circle-dashed"),
    bundle_verify.NOT_SHOWN: ("draft", "circle-dashed"),
    bundle_verify.FAILS: ("failed", "x"),
}
PROPERTY_SAYS = {
    "provenance": "Where it comes from",
    "integrity": "Nothing was altered",
    "non-repudiation": "Signers cannot deny it",
    "completeness": "Nothing was left out",
    "temporal ordering": "In which order it happened",
}


CHECKED = {
    "files": "files",
    "V1": "entries read and opened",
    "V2": "proofs",
    "V3": "time stamps",
    "V4": "signatures",
    "V5": "device verdicts",
    "V6": "chains",
    "V7": "times",
}


def _result(r: bundle_verify.Result, upload: Any, own: bool, took: float) -> SimpleNamespace:
    worst = max((v.verdict for v in r.verdicts), key=bundle_verify.RANK.index)
    word = {
        bundle_verify.HOLDS: "Genuine",
        bundle_verify.WORD: "Genuine, partly on the operator’s word",
        bundle_verify.NOT_SHOWN: "Not all is shown",
        bundle_verify.FAILS: "Does not hold",
    }[worst]
    return SimpleNamespace(
        name=str(upload.name)[:120],
        size=uploads.size_of(upload),
        took=f"{took:.0f} ms",
        kind=VERDICTS[worst][0],
        word=word,
        record=r.record,
        href=f"/records/{r.record}" if r.record else "",
        title=r.title,
        sha256=r.sha256,
        policy="against your policy file" if own else "against this server’s own log keys",
        verdicts=[
            SimpleNamespace(
                kind=VERDICTS[v.verdict][0],
                icon=VERDICTS[v.verdict][1],
                title=PROPERTY_SAYS.get(v.property, v.property),
                verdict=v.verdict,
                text=f"{v.place}: {v.reason}" if v.place else v.reason,
            )
            for v in r.verdicts
        ],
        fails=worst in (bundle_verify.FAILS, bundle_verify.NOT_SHOWN),
        checked=[
            SimpleNamespace(label=CHECKED.get(k, k.replace("_", " ")), count=n) for k, n in r.checked.items()
        ],
        findings=r.findings,
    )
