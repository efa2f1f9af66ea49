"""What can be wrong with a declaration itself. Run at start-up and in CI: a process with a fault doesn't
load.

Each check is a generator of sentences over one `Process`; `faults` runs them all.
"""

import re
from collections.abc import Collection, Iterator

from vouchsafe.kernel.declare import RELATIONS, STAY, Gate, Process, Step
from vouchsafe.kernel.fields import Field, field_of, fields_of
from vouchsafe.kernel.who import APPROVING, By
from vouchsafe.regulations import packs, roles

CODE = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
NUMBER = re.compile(r"[A-Z]{2,8}-\{year\}-\{n:0[3-6]\}\Z")


def faults(process: Process, known: Collection[str] | None = None) -> list[str]:
    """Every fault of `process`, as sentences; empty when sound. `known`: keys of all processes, when at
    hand."""
    out: list[str] = []
    for check in (_names, _flow, _once, _fields, _written, _people, _signs, _rules, _states_named, _time):
        out += check(process)
    out += _elsewhere(process, known)
    return out


def _names(p: Process) -> Iterator[str]:
    for name in (p.key, *p.states, *(s.name for s in p.steps)):
        if not CODE.match(name):
            yield f"{name!r} is not a name of lower-case letters, digits and underscores"
    if not NUMBER.match(p.number):
        yield f"number format {p.number!r} is not like CAPA-{{year}}-{{n:04}}"
    if not p.title or not p.title[0].isupper():
        yield "the title is not in sentence case"


def _flow(p: Process) -> Iterator[str]:
    reached, frontier = {p.begins}, [p.begins]
    while frontier:
        at = frontier.pop()
        for s in p.steps_from(at):
            if s.target(at) not in reached:
                reached.add(s.target(at))
                frontier.append(s.target(at))
    for state in p.states:
        leaves = [s for s in p.steps_from(state) if s.target(state) != state]
        if state not in reached:
            yield f"state {state!r} can't be reached"
        if state in p.ends and leaves:
            yield f"end state {state!r} has a way out"
        if state not in p.ends and not leaves:
            yield f"state {state!r} has no way out and is not an end"


def _once(p: Process) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for s in p.steps:
        for state in p.leaves_from(s):
            if (s.name, state) in seen:
                yield f"two steps {s.name!r} leave {state!r}"
            seen.add((s.name, state))


def _fields(p: Process) -> Iterator[str]:
    for f in fields_of(p.content):
        yield from _field(p, f)
    for s in p.steps:
        for name in sorted({*s.writes, *s.clears, *(n for _, o in _copies(s) for n in o)}):
            if field_of(p.content, name) is None:
                yield f"step {s.name!r} names the unknown field {name!r}"
    for e in p.edits:
        for name in sorted(e.names):
            if field_of(p.content, name) is None:
                yield f"an edit in {' '.join(e.states)} names the unknown field {name!r}"
    for g in _gates(p):
        for name in g.fields:
            if name != "reason" and not name.startswith("links.") and field_of(p.content, name) is None:
                yield f"gate {g.name!r} names the unknown field {name!r}"


def _copies(s: Step) -> Iterator[tuple[str, tuple[str, ...]]]:
    for o in s.opens:
        yield o.process, tuple(mine for _, mine in o.copy)


def _field(p: Process, f: Field) -> Iterator[str]:
    if f.kind != "rows":
        return
    if f.row is None or not hasattr(f.row, "id"):
        yield f"the rows of {f.name!r} are not of a class that is a Row"
        return
    if any(c.kind == "rows" for c in fields_of(f.row)):
        yield f"the rows of {f.name!r} have rows of their own"
    if f.one_per:
        column = field_of(f.row, f.one_per)
        if column is None or column.kind != "choice":
            yield f"{f.name!r} has one row per {f.one_per!r}, which is not a choice of the row"


def _written(p: Process) -> Iterator[str]:
    written = frozenset[str]().union(*(s.writes for s in p.steps), *(e.names for e in p.edits))
    for f in fields_of(p.content):
        if f.name not in written and not (
            f.row and any(f"{f.name}.{c.name}" in written for c in fields_of(f.row))
        ):
            yield f"nobody may write {f.name!r}"


def _bys(p: Process) -> Iterator[tuple[str, By]]:
    yield "opened_by", p.opened_by
    for e in p.edits:
        yield f"the edit in {' '.join(e.states)}", e.by
    for s in p.steps:
        yield f"step {s.name!r}", s.by
        for want in s.signs:
            yield f"signature {want.meaning!r} of step {s.name!r}", want.by


def _people(p: Process) -> Iterator[str]:
    for place, by in _bys(p):
        for part in by.parts():
            match part.kind:
                case "role":
                    yield from (
                        f"{place} names the unknown role {n!r}" for n in part.names if n not in roles.titles()
                    )
                case "board":
                    yield from (
                        f"{place} names the unknown board {n!r}"
                        for n in part.names
                        if n not in roles.boards()
                    )
                case "named" | "each":
                    yield from (f"{place}: {n!r} names no person" for n in part.names if not _is_person(p, n))


def _is_person(p: Process, path: str) -> bool:
    found = field_of(p.content, path)
    if found is not None and found.row is not None:
        return sum(c.kind == "person" for c in fields_of(found.row)) == 1
    return found is not None and found.kind == "person"


def _signs(p: Process) -> Iterator[str]:
    names = {s.name for s in p.steps}
    for s in p.steps:
        if s.is_system and s.signs:
            yield f"step {s.name!r} is the system's and can't be signed"
        if s.is_system and s.writes:
            yield f"step {s.name!r} is the system's and can't write"
        for want in s.signs:
            if want.meaning not in packs.signature_meanings():
                yield f"step {s.name!r}: {want.meaning!r} is not a meaning of the closed list"
            if want.meaning in APPROVING and s.writes:
                yield f"step {s.name!r} writes what its own signature {want.meaning!r} judges"
            if want.by.kind in ("system", "anyone"):
                yield f"step {s.name!r}: {want.by} can't sign"
            for path in want.apart:
                ok = path in ("owner", "author") or (":" in path and path.removeprefix("signer:") in names)
                if not ok and not _is_person(p, path):
                    yield f"step {s.name!r}: nobody stands apart from {path!r}"


def _gates(p: Process) -> Iterator[Gate[object]]:
    for s in p.steps:
        yield from s.gates
    for h in p.standings:
        yield h.gate


def _rules(p: Process) -> Iterator[str]:
    if p.rules not in packs.processes():
        yield f"the pack has no process {p.rules!r}"
        return
    if p.retention and p.retention not in packs.retention_rules():
        yield f"the pack has no retention rule {p.retention!r}"
    for g in _gates(p):
        if g.rule and not packs.has_rule(g.rule):
            yield f"gate {g.name!r} names the unknown rule {g.rule!r}"
        elif g.severity == "warn" and _blocks(g.rule):  # INV-09: a block rule has no override
            yield f"gate {g.name!r} only warns about {g.rule}, which is a block rule"
        if g.rule and g.name == "filled_in" and _only_yes_no(p, g):
            yield f"a bare yes or no opens {g.rule}"  # decisions 10
    named = [(f"limit {m.rule}", m.rule) for m in p.limits]
    named += [(f"signature of {s.name!r}", want.rule) for s in p.steps for want in s.signs if want.rule]
    for place, rule in named:
        if not packs.has_rule(rule):
            yield f"{place} names the unknown rule {rule!r}"


def _blocks(rule_id: str) -> bool:
    """Whether a rule of the pack blocks; separation of duties and invariants always do."""
    of_process = rule_id.partition("-")[0] in packs.processes()
    return packs.rule(rule_id).severity == "block" if of_process else True


def _only_yes_no(p: Process, g: Gate[object]) -> bool:
    kinds = [f.kind for n in g.fields if (f := field_of(p.content, n)) is not None]
    return bool(kinds) and all(k == "yes_no" for k in kinds)


def _states_named(p: Process) -> Iterator[str]:
    staged = [s for states in p.stages.values() for s in states.split()]
    for state in p.states:
        if staged.count(state) != 1:
            yield f"state {state!r} is in {staged.count(state)} stages of the stepper, not in one"
    places = {
        "stages": staged,
        "ends": p.ends,
        "settled": p.settled,
        "labels": p.labels,
        "an edit": [s for e in p.edits for s in e.states],
        "a standing rule": [s for h in p.standings for s in h.during],
    }
    for place, states in places.items():
        for state in states:
            if state not in p.states:
                yield f"{place}: unknown state {state!r}"
    for s in p.steps:
        if s.frm == ("*",) and s.to == STAY and not s.gates and not s.opens:
            yield f"step {s.name!r} does nothing"


def _time(p: Process) -> Iterator[str]:
    for m in p.limits:
        start = field_of(p.content, m.start)
        if m.start not in p.states and (start is None or start.kind not in ("day", "moment")):
            yield f"limit {m.rule} starts at {m.start!r}, which is neither a state nor a day or moment"
        if m.stop not in p.states:
            yield f"limit {m.rule} stops at the unknown state {m.stop!r}"
        elif any(s.is_system and s.to == m.stop for s in p.steps):
            yield f"limit {m.rule} stops by a step of the system, which can't say why it is late"


def _elsewhere(p: Process, known: Collection[str] | None) -> Iterator[str]:
    for relation, others in p.relations.items():
        if relation not in RELATIONS:
            yield f"unknown relation {relation!r}"
        if known is not None:
            yield from (f"relation {relation!r}: no process {o!r}" for o in others if o not in known)
    for s in p.steps:
        for o in s.opens:
            if o.process not in p.relations.get(o.relation, ()):
                yield f"step {s.name!r} opens a {o.process!r}, which {o.relation!r} doesn't lead to"
        for m in s.moves:
            if m.relation not in p.relations:
                yield f"step {s.name!r} moves along the unknown relation {m.relation!r}"
    for g in _gates(p):
        for name in g.fields:
            if name.startswith("links.") and name.removeprefix("links.") not in p.relations:
                yield f"gate {g.name!r} asks for the unknown relation {name.removeprefix('links.')!r}"
