"""A device's state around a moment: the strip, and the facts under it, each with its seal."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from vouchsafe.attest.reasons import INSTANCE_IDENTITY, MEANINGS
from vouchsafe.fleet import history
from vouchsafe.fleet.history import StateAt, Stretch
from vouchsafe.fleet.queries import DeviceRow
from vouchsafe.web import fleetview, strip, words
from vouchsafe.web.seals import fleet_seal

SPANS = (
    ("10h", "10 hours", timedelta(hours=10)),
    ("3d", "3 days", timedelta(days=3)),
    ("30d", "30 days", timedelta(days=30)),
)
ENOUGH = 3  # proofs in the narrowest window that make it worth showing


def around(device: DeviceRow, at: datetime, request: Any, *, event: bool) -> SimpleNamespace:
    """The strip around the event at `at`, or up to `at`, as wide as the address asks, or as there are proofs to see."""
    now_ms = int(request.now.timestamp() * 1000)
    wanted = request.GET.get("span", "")
    shift = _shift(request.GET.get("shift", "0"))
    spans = {key: length for key, _, length in SPANS}
    found, key = None, wanted if wanted in spans else ""
    for name in [key] if key else list(spans):
        length = spans[name]
        start = at + shift * length / 2 - (length / 2 if event else length)
        t0, t1 = _ms(start), _ms(start + length)
        found, key = history.strip(device.device, t0, t1, now_ms), name
        if len(found.ticks) >= ENOUGH:
            break
    assert found is not None
    start, end = fleetview.moment(found.t0), fleetview.moment(found.t1)
    state = history.state_at(device.device, _ms(at), now_ms)
    drawn = strip.draw(
        start=start,
        end=end,
        lanes=(
            ("Trust", [_trust(s) for s in found.trust]),
            ("Firmware", [_plain(s, "not a released build") for s in found.firmware]),
            ("Configuration", [_plain(s, "not an approved configuration") for s in found.configuration]),
        ),
        evidence=[fleetview.moment(t.v) for t in found.ticks],
        gaps=[(fleetview.moment(g.t0), fleetview.moment(g.t1)) for g in found.gaps],
        event=at if event else None,
        zone=request.zone,
        beside=_beside(state, _ms(at)),
    )
    whole = f"{words.moment(start, request.zone)} to {words.moment(end, request.zone)}"
    return SimpleNamespace(
        strip=drawn,
        state=state,
        window=whole,
        spans=[SimpleNamespace(label=label, key=k, on=k == key) for k, label, _ in SPANS],
        earlier=f"?span={key}&shift={shift - 1}",
        later=f"?span={key}&shift={shift + 1}",
        count=len(found.ticks),
        facts=facts(device, state, at, request),
        freshness=state.freshness,
        tier=fleetview.TIER_OF.get(state.verdict, state.verdict),
    )


def _shift(text: str) -> int:
    return max(-500, min(500, int(text))) if text.lstrip("-").isdecimal() and len(text) < 5 else 0


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _trust(s: Stretch) -> strip.Stretch:
    """A stretch of the trust lane; what is not known is never drawn as if it were."""
    unknown = s.kind in ("unknown", "none")
    text = "Unknown, no proof" if unknown else fleetview.label(s.text)
    return strip.Stretch(
        start=fleetview.moment(s.t0),
        end=fleetview.moment(s.t1),
        label=text,
        tone="" if unknown else s.kind,
        unknown=unknown,
    )


def _plain(s: Stretch, otherwise: str) -> strip.Stretch:
    unknown = s.kind == "unknown"
    text = (f"{s.text}…, {otherwise}" if s.text else "Unknown") if unknown else s.text
    return strip.Stretch(
        start=fleetview.moment(s.t0), end=fleetview.moment(s.t1), label=text, unknown=unknown
    )


def _beside(state: StateAt, at_ms: int) -> str:
    """evidence 4 min before and 6 min after."""
    before = (
        f"proof {words.span(timedelta(milliseconds=state.age_ms))} before"
        if state.age_ms is not None
        else "no proof before"
    )
    if state.next_v is None:
        return f"{before}, none after"
    return f"{before}, next {words.span(timedelta(milliseconds=state.next_v - at_ms))} after"


def facts(device: DeviceRow, state: StateAt, at: datetime, request: Any) -> list[SimpleNamespace]:
    """What can be said about the moment, each with how well it is known. Unknown is said, never left out."""
    seal = fleet_seal(device.origin, state.ix)
    if state.v is None:
        why = "The device had sent no proof by then, so its state is unknown."
        return [_fact("draft", "Nothing is proven about this moment", why, None)]
    if in_doubt(state):
        why = "Whose evidence it is, is in doubt: nothing that it says about the firmware can be relied on."
        return [_fact("failed", "The newest evidence does not hold", why, seal), *_reasons(state, seal)]
    when = words.moment(fleetview.moment(state.v), request.zone)
    sure = state.freshness == "confirmed"
    age = words.span(timedelta(milliseconds=state.age_ms or 0))
    soft = "" if sure else f" That was {age} earlier: what it ran at the moment itself is not proven."
    kind = "done" if sure else "hold"
    return [
        _firmware(state, kind, f"{when}.{soft}", seal),
        _configuration(state, kind, seal),
        _identity(state, seal),
        _around(state, _ms(at), seal),
        *_reasons(state, seal),
    ]


def in_doubt(state: StateAt) -> bool:
    """Whether a reason speaks against the device's identity: a wrong signature, key, counter or order."""
    return any(code in MEANINGS and MEANINGS[code].element == INSTANCE_IDENTITY for code in state.reasons)


def _firmware(state: StateAt, kind: str, when: str, seal: Any) -> SimpleNamespace:
    if state.version:
        text = f"Image {state.image[:12]}… measured equal to its reference value, {when}"
        return _fact(kind, f"Firmware was {state.version}, a released build", text, seal)
    text = f"Measured image {state.image[:16] or 'unknown'}…, {when}"
    return _fact("failed", "The firmware was not a released build", text, seal)


def _configuration(state: StateAt, kind: str, seal: Any) -> SimpleNamespace:
    if state.config_name:
        text = f"Digest {state.config[:12]}… equal to an approved one."
        return _fact(kind, f"Configuration was {state.config_name}", text, seal)
    if state.config:
        text = f"Measured digest {state.config[:16]}…."
        return _fact("failed", "The configuration was not an approved one", text, seal)
    return _fact("draft", "The configuration was not measured", "Nothing can be said about it.", seal)


def _identity(state: StateAt, seal: Any) -> SimpleNamespace:
    origin = state.key_origin.replace("_", " ")
    held = f", kept in {origin}" if origin else ""
    sure_of = f", assurance {state.assurance.replace('_', ' ')}" if state.assurance else ""
    text = f"Signed with its own key {state.key_id[:8]}…{held}{sure_of}."
    return _fact("done", f"It was {state.serial}", text, seal)


def _around(state: StateAt, at_ms: int, seal: Any) -> SimpleNamespace:
    beside = _beside(state, at_ms).capitalize()
    if state.in_gap:
        text = f"{beside}: longer than this device is usually silent."
        return _fact("hold", "The moment lies in a gap", text, seal)
    return _fact(
        "done", "No gap around the moment", f"{beside}, as often as this device usually speaks.", seal
    )


def _reasons(state: StateAt, seal: Any) -> list[SimpleNamespace]:
    kind = "failed" if state.verdict == "contraindicated" else "hold"
    said = [f"{MEANINGS[code].sentence}." if code in MEANINGS else code for code in state.reasons]
    return [_fact(kind, fleetview.label(state.verdict), text, seal) for text in said]


def _fact(kind: str, title: str, text: str, seal: Any) -> SimpleNamespace:
    return SimpleNamespace(kind=kind, icon=f"st-{kind}", title=title, text=text, seal=seal)
