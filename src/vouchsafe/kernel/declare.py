"""The words that a quality process is written in, and what each obliges the writer of records to do.

A process is one plain file, `processes/<key>/process.py`, that reads like the procedure it carries out. It is
built of content (what is written down), steps (what may happen next), gates (what must be true first),
signatures (who must stand for it) and `Process` (all of it under one key). Nothing here imports Django, reads
a clock or touches a database, so a process can be read, checked and tested on its own. Everything else, page,
form, API, PDF, manual, coverage of the rules, is derived from these values.

What the one writer (`acts`) does for each word, in this order, inside one transaction:

- `step`: `Process.step(name, state)`; none = refused. `to=STAY` keeps the state. `entered` is set when the
  state changes, and by every step that is signed: a signature counts for one taking only.
- `by=`: `may(step.by, case, person=, roles=)`; roles as held for the record's site, product and process.
- `needs`, `may_write`: `step.writes` is what this act may change; `stray_changes` finds the rest.
- `edit`: `writable(process, case, person=, roles=)` is what a person may change without a step.
- `clears`: `step.clears` is emptied by the step itself, in a new version after the signatures.
- `gate`, `filled`, `linked`, `because`: `shut(process, step, case)` gives the findings that keep the step
  shut, run on the new content.
- `warn`, `limit`: findings too, gone once `case.reason` has substance; `overridden(...)` are those that the
  reason answered, to be written into the event.
- `standing`: refuses to leave its states while unmet; `standing_findings(process, case)` for the page.
- `asks=`: names that must be in `case.answers`; a missing answer shuts the gate.
- `Sign`: `slots`, `given`, `waiting`, `slot_for` of `who`: the record moves when `waiting` is empty.
- `system`: never taken by a person; `due_system_steps(process, case)` are those that the worker takes.
- `opens`: opens a record of that process, linked by `relation` *from this record*, owned by whoever acts,
  with `copy` (its field, ours); same transaction.
- `moves`: takes that step in each record linked by `relation`; same transaction, same gates there.
- limits and clocks: `limits.clocks(process, case)`. The day in the tasks: `process.due_of(case)`.
- `personal=True`: the value never enters the version's bytes: `canonical.pack(content, commit=...)`.

Relations are read from both ends (`RELATIONS`); a link is stored once. Voiding a record (INV-06) is the
writer's own.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from vouchsafe.kernel.case import Case, Known, Linked, Signed
from vouchsafe.kernel.fields import (
    Device,
    Evidence,
    Field,
    File,
    Hidden,
    Person,
    Row,
    changes_between,
    choice,
    content,
    day,
    device,
    evidence,
    field_of,
    fields_of,
    file,
    has_substance,
    is_empty,
    markdown,
    moment,
    number,
    person,
    persons_at,
    proves,
    rows,
    stray_changes,
    text,
    values_at,
    yes_no,
)
from vouchsafe.kernel.gates import RELATIONS, Check, Finding, Gate, because, filled, gate, linked, needs, warn
from vouchsafe.kernel.limits import Clock, Limit, clocks, days, hours, late_for, limit, working_days
from vouchsafe.kernel.who import (
    APPROVING,
    By,
    Sign,
    Slot,
    anyone,
    board,
    each,
    given,
    may,
    named,
    owner,
    role,
    roles_of,
    slot_for,
    slots,
    system,
    waiting,
)

STAY = ""
"""The `to` of a step that does not move the record."""


@dataclass(frozen=True, slots=True)
class may_write:  # noqa: N801, reads as a word in a step
    """Fields that this step may change and doesn't need."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True, slots=True)
class clears:  # noqa: N801, reads as a word in a step
    """Fields that the step empties: what was found on the last round says nothing on the next."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


@dataclass(frozen=True, slots=True)
class Opens:
    """Taking the step opens a record of `process`, to which this one stands in `relation`."""

    process: str
    relation: str
    copy: tuple[tuple[str, str], ...] = ()  # (field of the new record, field of this one)


def opens(process: str, relation: str, *, copy: Mapping[str, str] | None = None) -> Opens:
    return Opens(process, relation, tuple((copy or {}).items()))


@dataclass(frozen=True, slots=True)
class moves:  # noqa: N801, reads as a word in a step
    """Taking the step takes `step` in each record linked by `relation`, in the same transaction."""

    relation: str
    step: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule that holds while the record is in some states, and must be met before it leaves them."""

    gate: Gate[Any]
    during: tuple[str, ...]


def standing(rule: str, gate: Gate[Any], *, during: str) -> Standing:
    """`gate` as a rule of states: shown while they last; leaving them is refused until it is met."""
    return Standing(replace(gate, rule=rule), tuple(during.split()))


@dataclass(frozen=True, slots=True)
class Edit:
    """Fields that somebody may change while the record is in some states, without taking a step."""

    states: tuple[str, ...]
    by: By
    names: frozenset[str]


def edit(states: str, by: By, *names: str) -> Edit:
    return Edit(tuple(states.split()), by, frozenset(names))


Must = Gate[Any] | Sign | may_write | clears | Opens | moves


@dataclass(frozen=True, slots=True)
class Step:
    """One way a record may move on: from where, to where, by whom, once which gates are open and who has
    signed."""

    name: str
    frm: tuple[str, ...]
    to: str  # STAY keeps the state
    by: By
    gates: tuple[Gate[Any], ...]
    signs: tuple[Sign, ...]
    writes: frozenset[str]
    clears: tuple[str, ...]
    opens: tuple[Opens, ...]
    moves: tuple[moves, ...]
    label: str = ""

    @property
    def is_system(self) -> bool:
        return self.by.kind == "system"

    def target(self, state: str) -> str:
        """Where the record stands after the step is taken from `state`."""
        return self.to or state


def step(name: str, frm: str, to: str, by: By, *must: Must, label: str = "") -> Step:
    """Write a Step. `frm` takes state names separated by spaces, or "*" for every state that is not an
    end."""
    gates = [m for m in must if isinstance(m, Gate)]
    signs = tuple(m for m in must if isinstance(m, Sign))
    if by.when is not None:
        gates.insert(0, by.when)
    if any(s.meaning == "rejected" for s in signs):
        gates.append(because("What speaks against it."))
    free = frozenset(n for m in must if isinstance(m, may_write) for n in m.names)
    return Step(
        name=name,
        frm=tuple(frm.split()),
        to=to,
        by=by,
        gates=tuple(gates),
        signs=signs,
        writes=free.union(*(g.writes for g in gates)),
        clears=tuple(n for m in must if isinstance(m, clears) for n in m.names),
        opens=tuple(m for m in must if isinstance(m, Opens)),
        moves=tuple(m for m in must if isinstance(m, moves)),
        label=label or name.replace("_", " ").capitalize(),
    )


@dataclass(frozen=True, kw_only=True)
class Process:
    """A quality process: what is written down, the steps it goes through, and the rules of `regulations` it
    keeps."""

    key: str  # never changes once records exist; the folder's name
    title: str
    rules: str  # the process's id in the pack, e.g. "CAP"
    number: str  # e.g. "CAPA-{year}-{n:04}"
    content: type
    begins: str
    ends: tuple[str, ...] = ()  # states without a way out
    settled: tuple[str, ...] = ()  # states in which nothing is to be done, though a way out may exist
    stages: Mapping[str, str]  # a few words for the page's stepper -> states, separated by spaces
    steps: tuple[Step, ...]
    edits: tuple[Edit, ...] = ()
    limits: tuple[Limit, ...] = ()
    clocks: tuple[Callable[[Case[Any]], tuple[Clock, ...]], ...] = ()
    standings: tuple[Standing, ...] = ()
    clauses: tuple[str, ...] = ()
    relations: Mapping[str, tuple[str, ...]]  # relation -> processes at its other end
    opened_by: By = anyone
    due: Callable[[Case[Any]], date | None] | None = (
        None  # where the day isn't simply that of a `due=True` field
    )
    opens_on: tuple[str, ...] = ()  # event kinds that open a draft
    retention: str = ""  # id of the rule in retention.yaml
    labels: Mapping[str, str] = field(
        default_factory=dict
    )  # state -> how it reads, where its name doesn't do

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order in which the steps name them."""
        seen = dict.fromkeys([self.begins])
        for s in self.steps:
            seen.update(dict.fromkeys(n for n in (*s.frm, s.to) if n not in ("*", STAY)))
        return tuple(seen)

    def leaves_from(self, s: Step) -> tuple[str, ...]:
        """The states that the step may be taken from, its wildcard spelt out."""
        return tuple(n for n in self.states if n not in self.ends) if s.frm == ("*",) else s.frm

    def step(self, name: str, state: str) -> Step | None:
        return next((s for s in self.steps if s.name == name and state in self.leaves_from(s)), None)

    def steps_from(self, state: str) -> tuple[Step, ...]:
        """What may happen next, in the order of the declaration."""
        return tuple(s for s in self.steps if state in self.leaves_from(s))

    def stage(self, state: str) -> str:
        """The stepper's word for a state."""
        return next((label for label, states in self.stages.items() if state in states.split()), "")

    def label(self, state: str) -> str:
        return self.labels.get(state) or state.replace("_", " ").capitalize()

    def due_of(self, case: Case[Any]) -> date | None:
        """The day in the owner's tasks: what `due` computes until the end is reached, or the earliest of the
        `due=True` days until it is settled."""
        if case.state in self.ends:
            return None
        if self.due is not None:
            return self.due(case)
        if case.state in self.settled:
            return None
        days_due = [getattr(case.content, f.name) for f in fields_of(self.content) if f.due]
        return min((d for d in days_due if isinstance(d, date)), default=None)

    @property
    def opening_fields(self) -> frozenset[str]:
        """What opening a record may write: the fields that may be changed in its first state, and no
        others."""
        first = frozenset[str]().union(*(s.writes for s in self.steps_from(self.begins)))
        return first.union(*(e.names for e in self.edits if self.begins in e.states))


def findings(process: Process, step: Step, case: Case[Any]) -> tuple[Finding, ...]:
    """Everything that speaks against the step now, in reading order, whether or not a reason was given.
    Pure."""
    out = [_finding(g, why, str(step.by)) for g in step.gates if (why := g(case))]
    to = step.target(case.state)
    for held in process.standings:
        if case.state in held.during and to not in held.during and (why := held.gate(case)):
            out.append(_finding(held.gate, why, str(step.by)))
    for clock in late_for(process, step.to, case) if step.to != case.state else ():
        why = f"{clock.label}: was due {clock.due:%d %B %Y}. Say why it is late."
        out.append(Finding(clock.rule, why, "late", str(step.by), ("reason",), clock.basis, "in_time"))
    return tuple(out)


def _finding(g: Gate[Any], why: str, who: str) -> Finding:
    return Finding(g.rule, why, g.severity, g.who or who, g.fields, g.basis, g.name)


def shut(process: Process, step: Step, case: Case[Any]) -> tuple[Finding, ...]:
    """Why `case` may not take the step yet; empty when its gates are open. A reason answers what only asks
    for one."""
    answered = has_substance(case.reason)
    return tuple(f for f in findings(process, step, case) if f.refuses or not answered)


def overridden(process: Process, step: Step, case: Case[Any]) -> tuple[Finding, ...]:
    """What the reason answered: goes into the event with it, and into the reports."""
    if not has_substance(case.reason):
        return ()
    return tuple(f for f in findings(process, step, case) if not f.refuses)


def standing_findings(process: Process, case: Case[Any]) -> tuple[Finding, ...]:
    """The standing rules of the state that are not met now."""
    return tuple(
        _finding(h.gate, why, "the record's owner")
        for h in process.standings
        if case.state in h.during and (why := h.gate(case))
    )


def writable(process: Process, case: Case[Any], *, person: str, roles: frozenset[str]) -> frozenset[str]:
    """The fields (or `rows.column`) that this person may change in this state without taking a step."""
    out = frozenset[str]()
    for e in process.edits:
        if case.state in e.states and may(e.by, case, person=person, roles=roles):
            out |= e.names
    for s in process.steps_from(case.state):
        if may(s.by, case, person=person, roles=roles):
            out |= s.writes
    return out


def due_system_steps(process: Process, case: Case[Any]) -> tuple[Step, ...]:
    """The steps that the worker takes for this record now."""
    return tuple(s for s in process.steps_from(case.state) if s.is_system and not shut(process, s, case))


def faults(process: Process, known: Collection[str] | None = None) -> list[str]:
    """What is wrong with a declaration itself; empty when sound. `known`: the keys of all processes, when at
    hand."""
    from vouchsafe.kernel import faults as checks  # the checks import this module

    return checks.faults(process, known)


__all__ = [
    "APPROVING",
    "RELATIONS",
    "STAY",
    "By",
    "Case",
    "Check",
    "Clock",
    "Device",
    "Edit",
    "Evidence",
    "Field",
    "File",
    "Finding",
    "Gate",
    "Hidden",
    "Known",
    "Limit",
    "Linked",
    "Opens",
    "Person",
    "Process",
    "Row",
    "Sign",
    "Signed",
    "Slot",
    "Standing",
    "Step",
    "anyone",
    "because",
    "board",
    "changes_between",
    "choice",
    "clears",
    "clocks",
    "content",
    "day",
    "days",
    "device",
    "due_system_steps",
    "each",
    "edit",
    "evidence",
    "faults",
    "field_of",
    "fields_of",
    "file",
    "filled",
    "findings",
    "gate",
    "given",
    "has_substance",
    "hours",
    "is_empty",
    "late_for",
    "limit",
    "linked",
    "markdown",
    "may",
    "may_write",
    "moment",
    "moves",
    "named",
    "needs",
    "number",
    "opens",
    "overridden",
    "owner",
    "person",
    "persons_at",
    "proves",
    "role",
    "roles_of",
    "rows",
    "shut",
    "slot_for",
    "slots",
    "standing",
    "standing_findings",
    "step",
    "stray_changes",
    "system",
    "text",
    "values_at",
    "waiting",
    "warn",
    "working_days",
    "writable",
    "yes_no",
]
