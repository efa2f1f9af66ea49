"""What waits for somebody: the steps that they may take, the signatures that are theirs, the clocks that
run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from uuid import UUID

from django.db import connection
from django.db.models import F, Max

from vouchsafe.kernel import cases, permit
from vouchsafe.kernel.cases import Loaded
from vouchsafe.kernel.declare import Process, Slot, Step, clocks, findings, given, may, slot_for, slots
from vouchsafe.kernel.models import Event, Person, Record
from vouchsafe.kernel.steps import leads_on, state_label
from vouchsafe.kernel.views import ClockView, Task

MOST_RECORDS = 1_000


@dataclass(frozen=True, slots=True)
class Worklist:
    """Tasks by urgency, clocks by due moment. `all_seen` is False when there were more open records than
    looked at.
    """

    tasks: tuple[Task, ...]
    clocks: tuple[ClockView, ...]
    all_seen: bool


def tasks(by: Person, *, now: datetime) -> tuple[Task, ...]:
    """What `by` can do now, soonest due first."""
    return worklist(by, now=now).tasks


def worklist(by: Person, *, now: datetime) -> Worklist:
    """Both. Worked out again only when something happened or a minute has passed: every page's head shows
    it.
    """
    last = permit.once("last_event", lambda: Event.objects.aggregate(last=Max("id"))["last"] or 0)
    return _worklist(connection.settings_dict["NAME"], by.pk, last, now.replace(second=0, microsecond=0))


@lru_cache(maxsize=256)
def _worklist(database: str, person: UUID, last: int, now: datetime) -> Worklist:
    by = Person.objects.get(pk=person)
    rows = (
        Record.objects.filter(permit.readable(by, at=now), closed=None).select_related("owner").defer("words")
    )
    found = list(rows.order_by(F("due").asc(nulls_last=True), "opened")[: MOST_RECORDS + 1])
    out_tasks: list[Task] = []
    out_clocks: list[ClockView] = []
    for loaded in cases.load_many(found[:MOST_RECORDS], now=now, also=[by]):
        running = _running(loaded, now)
        if task := _task(loaded, by, running):
            out_tasks.append(task)
        out_clocks += running
    far = datetime.max.replace(tzinfo=UTC)
    out_tasks.sort(
        key=lambda t: (
            datetime.combine(t.due, time.max, UTC) if t.due else far,
            not t.ready,
            t.kind != "sign",
            t.number,
        )
    )
    out_clocks.sort(key=lambda c: (c.clock.due, c.number))
    return Worklist(tuple(out_tasks), tuple(out_clocks), len(found) <= MOST_RECORDS)


def _running(loaded: Loaded, now: datetime) -> list[ClockView]:
    r = loaded.record
    return [
        ClockView(r.number, r.title, r.process, clock, clock.late(now))
        for clock in clocks(loaded.process, loaded.case)
        if clock.stopped is None
    ]


def _task(loaded: Loaded, by: Person, running: Sequence[ClockView]) -> Task | None:
    """The one task of a record for `by`: the step that leads on, as on the record's page; of several, one
    that is ready. A side step is proposed to nobody, unless somebody has begun to sign it or none leads on.
    """
    best: tuple[tuple[bool, bool, int], Task] | None = None
    process, state = loaded.process, loaded.record.state
    due = min([c.clock.due.date() for c in running] + [d for d in (loaded.record.due,) if d], default=None)
    steps = [s for s in process.steps_from(state) if not s.is_system]
    ways_on = {s.name for s in steps if _leads_on(process, state, s)}
    for n, step in enumerate(steps):
        if ways_on and step.name not in ways_on and not given(step, loaded.case):
            continue
        kind, meaning = _mine(loaded, step, by)
        if not kind:
            continue
        missing = sum(
            1 for f in findings(process, step, loaded.case) if f.refuses and f.fields != ("reason",)
        )
        rank = (step.name not in ways_on, missing > 0, n)
        if best is None or rank < best[0]:
            best = rank, _as_task(loaded, step, kind, meaning, missing, due)
    return best[1] if best else None


def _leads_on(process: Process, state: str, step: Step) -> bool:
    rejects = any(s.meaning == "rejected" for s in step.signs)
    return leads_on(process, state, step.target(state), rejects=rejects)


def _mine(loaded: Loaded, step: Step, by: Person) -> tuple[str, str]:
    """("sign", meaning), ("step", "") or ("", "")."""
    case, person, roles = loaded.case, by.id.hex, loaded.roles_of(by)
    wanted = slots(step, case)
    if not wanted:
        return ("step", "") if may(step.by, case, person=person, roles=roles) else ("", "")
    have = given(step, case)
    for slot in wanted:
        if slot not in have and isinstance(
            slot_for(step, case, person=person, roles=roles, meaning=slot.meaning, role=slot.role), Slot
        ):
            return "sign", slot.meaning
    return "", ""


def _as_task(loaded: Loaded, step: Step, kind: str, meaning: str, missing: int, due: date | None) -> Task:
    r = loaded.record
    return Task(
        number=r.number,
        title=r.title,
        process=r.process,
        state_label=state_label(loaded.process, r.state),
        kind=kind,
        step=step.name,
        label=step.label,
        meaning=meaning,
        due=due,
        ready=missing == 0,
        missing=missing,
        owner=r.owner.full_name if r.owner else "",
        since=r.entered_at,
    )
