"""What may happen next to a record, for one reader: the answer to "why can't I?". Pure over a loaded record,
apart from asking who else holds a missing role.
"""

from collections.abc import Iterator, Mapping

from vouchsafe.kernel import permit
from vouchsafe.kernel.cases import VOID, Loaded
from vouchsafe.kernel.declare import (
    By,
    Finding,
    Process,
    Slot,
    Step,
    findings,
    given,
    has_substance,
    may,
    persons_at,
    roles_of,
    slot_for,
    slots,
    standing_findings,
)
from vouchsafe.kernel.models import Person
from vouchsafe.kernel.views import GateView, SlotView, StepView
from vouchsafe.regulations import roles as site_roles


def views(loaded: Loaded, by: Person) -> Iterator[StepView]:
    """Each step that leads on from where the record stands, in the order of its declaration."""
    asked: dict[tuple[str, ...], tuple[str, ...]] = {}
    for step in loaded.process.steps_from(loaded.record.state):
        yield _view(loaded, step, by, asked)


def _view(loaded: Loaded, step: Step, by: Person, asked: dict[tuple[str, ...], tuple[str, ...]]) -> StepView:
    case, process = loaded.case, loaded.process
    person, roles = by.id.hex, loaded.roles_of(by)
    signing = tuple(_slot_views(loaded, step, by, asked))
    takes = not step.is_system and may(step.by, case, person=person, roles=roles)
    mine = any(s.mine for s in signing) if signing else takes
    found = findings(process, step, case)
    shut = [f for f in found if f.refuses]
    shut_gates = {f.name for f in found}
    holders = tuple(
        case.name_of(p)
        for part in step.by.parts()
        if part.kind in ("named", "each")
        for p in sorted(persons_at(case.content, part.names[0]))
    )
    if any(part.kind == "owner" for part in step.by.parts()) and case.owner:
        holders = (*holders, case.name_of(case.owner))
    target = step.target(case.state)
    return StepView(
        step=step.name,
        label=step.label,
        to=target,
        to_label=process.label(target),
        enabled=mine and not shut,
        may=mine or takes,
        by=str(step.by),
        holders=(*holders, *_holders(loaded, roles_of(step.by), asked)),
        open_conditions=tuple(_gate_view(loaded, f, asked) for f in found),
        met=tuple(
            GateView(g.rule, g.says, g.who, g.severity, g.fields, g.basis, g.name)
            for g in step.gates
            if g.name not in shut_gates and g.says
        ),
        signatures=signing,
        writes=step.writes,
        needs_reason=any("reason" in f.fields or not f.refuses for f in found)
        and not has_substance(case.reason),
        system=step.is_system,
        rejects=any(s.meaning == "rejected" for s in step.signs),
    )


def leads_on(process: Process, state: str, to: str, *, rejects: bool) -> bool:
    """Whether a step from `state` to `to` brings the record to a later stage: the way on, not a side step."""
    order = list(process.stages)
    here, there = process.stage(state), process.stage(to)
    after = order.index(here) if here in order else len(order)
    return not rejects and there in order and order.index(there) > after


def state_label(process: Process | None, state: str) -> str:
    """How a state reads."""
    if state == VOID:
        return "Void"
    return process.label(state) if process else state.replace("_", " ").capitalize()


def standing(loaded: Loaded) -> tuple[GateView, ...]:
    """The standing rules of this state that are not met."""
    asked: dict[tuple[str, ...], tuple[str, ...]] = {}
    return tuple(_gate_view(loaded, f, asked) for f in standing_findings(loaded.process, loaded.case))


def _gate_view(loaded: Loaded, f: Finding, asked: dict[tuple[str, ...], tuple[str, ...]]) -> GateView:
    return GateView(f.rule, f.sentence, f.who, f.severity, f.fields, f.basis, f.name)


def _slot_views(
    loaded: Loaded, step: Step, by: Person, asked: dict[tuple[str, ...], tuple[str, ...]]
) -> Iterator[SlotView]:
    case, person, roles = loaded.case, by.id.hex, loaded.roles_of(by)
    have = given(step, case)
    for slot in slots(step, case):
        signed = have.get(slot)
        why = slot_for(step, case, person=person, roles=roles, meaning=slot.meaning, role=slot.role)
        named = tuple(case.name_of(p) for p in sorted(slot.persons))
        yield SlotView(
            meaning=slot.meaning,
            says=slot.says or slot.meaning.replace("_", " ").capitalize(),
            role=slot.role,
            wanted=slot.wanted,
            rule=slot.rule,
            given_by=case.name_of(signed.by) if signed else "",
            at=signed.at if signed else None,
            mine=signed is None and isinstance(why, Slot),
            why_not=why if isinstance(why, str) else "",
            holders=named or (() if signed else _holders(loaded, tuple(sorted(slot.roles)), asked)),
        )


def _holders(
    loaded: Loaded, roles: tuple[str, ...], asked: dict[tuple[str, ...], tuple[str, ...]]
) -> tuple[str, ...]:
    """Names of people who hold one of `roles` for this record; asked once a role set a page."""
    if not roles:
        return ()
    if roles not in asked:
        r = loaded.record
        scope = {"site": r.site, "product": r.product, "process": r.process}
        asked[roles] = tuple(p.full_name for p in permit.holders(roles, at=loaded.case.now, **scope))
    return asked[roles]


def says_of(process: Process, step: str, meaning: str, role: str) -> str:
    """The sentence that somebody stood for who signed `step` with this meaning in this role."""
    signs = [sign for s in process.steps if s.name == step for sign in s.signs if sign.meaning == meaning]
    mine = [sign for sign in signs if sign.says and _is_in(sign.by, role)]
    return mine[0].says if mine else meaning.replace("_", " ").capitalize()


def _is_in(by: By, role: str) -> bool:
    """Whether a slot with the role key `role` can come from `by`."""
    if by.kind == "board":
        return role in site_roles.board(by.names[0]).roles
    if by.kind == "each":
        return role.startswith(f"each:{by.names[0]}")
    return role == "|".join(_key(part) for part in by.parts())


def _key(part: By) -> str:
    """The role key of one part, as `who` makes it."""
    if part.kind == "role":
        return "|".join(part.names)
    return f"named:{part.names[0]}" if part.kind == "named" else part.kind


def role_words(role: str, names: Mapping[str, str]) -> str:
    """A slot's role key as a reader reads it: "quality assurance", "the person named as verifier"."""
    return " or ".join(_words(part, names) for part in role.split("|"))


def _words(role: str, names: Mapping[str, str]) -> str:
    kind, _, rest = role.partition(":")
    if kind == "owner":
        return "the record's owner"
    if kind == "named":
        return f"the person named as {rest.replace('_', ' ')}"
    if kind == "each":
        path, _, person = rest.partition(":")
        return f"{path.replace('_', ' ').replace('.', ', ')}: {names.get(person, 'named in the record')}"
    return site_roles.titles().get(role, role.replace("_", " "))
