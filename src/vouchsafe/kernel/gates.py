"""Rules as functions: the words `gate`, `warn`, `filled`, `needs`, `because` and `linked`.

A gate takes a `Case` and answers None (open) or the sentence that the user reads while it stays shut. The
page runs it to show what is missing, the writer runs it to refuse, a test runs it on a case made by hand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vouchsafe.kernel.case import Case
from vouchsafe.kernel.fields import Field, field_of, has_substance, is_empty

C = TypeVar("C")
Check = Callable[[Case[C]], str | None]

RELATIONS: Mapping[str, str] = {
    "arises_from": "leads_to",
    "leads_to": "arises_from",
    "implemented_by": "implements",
    "implements": "implemented_by",
    "revises": "revised_by",
    "revised_by": "revises",
    "similar_to": "similar_to",
}
"""Every relation, with how the other end reads it. The names are kept in links for ever."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a step is not open: one rule, one sentence, how hard it is, who can put it right and where."""

    rule: str  # "" for what the form itself asks
    sentence: str
    severity: str  # block | warn | late: the last two ask for a reason and then open
    who: str = ""
    fields: tuple[str, ...] = ()
    basis: str = ""
    name: str = ""  # of the gate

    @property
    def refuses(self) -> bool:
        return self.severity == "block"


@dataclass(frozen=True, slots=True)
class Gate(Generic[C]):
    """A rule as a function: None opens it, a sentence keeps it shut and is what the user reads."""

    name: str
    check: Check[C]
    rule: str = ""
    basis: str = ""
    says: str = ""  # the rule in the manual
    severity: str = "block"
    asks: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    who: str = ""
    declared: bool = False  # opened by typed external evidence, not by a record of ours
    writes: frozenset[str] = frozenset()

    def __call__(self, case: Case[Any]) -> str | None:
        missing = [name for name in self.asks if case.answers.get(name) is None]
        if missing:
            return f"Not known here yet: {', '.join(n.replace('_', ' ') for n in missing)}."
        return self.check(case)


def _gate(
    rule: str,
    *,
    severity: str,
    basis: str,
    asks: tuple[str, ...],
    fields: tuple[str, ...],
    who: str,
    declared: bool,
) -> Callable[[Check[C]], Gate[C]]:
    def mark(check: Check[C]) -> Gate[C]:
        name = getattr(check, "__name__", "")
        if not check.__doc__:
            raise TypeError(f"gate {name} needs a docstring: it is the rule in the manual")
        says = " ".join(check.__doc__.split())
        return Gate(name, check, rule, basis, says, severity, asks, fields, who, declared)

    return mark


def gate(
    rule: str,
    *,
    basis: str = "",
    asks: tuple[str, ...] = (),
    fields: tuple[str, ...] = (),
    who: str = "",
    declared: bool = False,
) -> Callable[[Check[C]], Gate[C]]:
    """Mark a function of a case as the gate that carries out `rule`. Its docstring is the rule in the manual.

    `fields` says where on the form the answer goes and `who` can give it, for the refusal. `declared=True`
    where only typed external evidence opens it: `vouchsafe rules` counts those apart.
    """
    return _gate(rule, severity="block", basis=basis, asks=asks, fields=fields, who=who, declared=declared)


def warn(
    rule: str, *, basis: str = "", asks: tuple[str, ...] = (), fields: tuple[str, ...] = (), who: str = ""
) -> Callable[[Check[C]], Gate[C]]:
    """As `gate`, but a reason of substance opens it; the reason goes into the event and the reports."""
    return _gate(rule, severity="warn", basis=basis, asks=asks, fields=fields, who=who, declared=False)


def _missing(case: Case[Any], names: tuple[str, ...]) -> list[str]:
    """Labels of the named fields that are empty, and of the rows that `least` and `one_per` still want."""
    out: list[str] = []
    cls = type(case.content)
    for name in names:
        declared = field_of(cls, name)
        if declared is None:
            out.append(name)
            continue
        head, _, column = name.partition(".")
        value = getattr(case.content, head)
        if column:
            empty = [n for n, row in enumerate(value, 1) if is_empty(getattr(row, column))]
            group = field_of(cls, head)
            out += [f"{declared.label} ({group.label if group else head}, row {n})" for n in empty]
        elif declared.kind == "rows":
            out += _rows_missing(declared, value)
        elif is_empty(value):
            out.append(declared.label)
    return out


def _rows_missing(declared: Field, value: tuple[Any, ...]) -> list[str]:
    out: list[str] = []
    if len(value) < declared.least:
        out.append(f"{declared.label} (at least {declared.least})")
    of = field_of(declared.row, declared.one_per) if declared.row and declared.one_per else None
    if of and of.of:
        have = [getattr(row, declared.one_per) for row in value]
        out += [f"{declared.label}: {member.replace('_', ' ')}" for member in of.of if member not in have]
        twice = sorted({str(h) for h in have if h is not None and have.count(h) > 1})
        out += [f"{declared.label}: one row only for {t.replace('_', ' ')}" for t in twice]
    return out


def _filled(names: tuple[str, ...], rule: str, basis: str, *, writes: bool, who: str = "") -> Gate[Any]:
    def check(case: Case[Any]) -> str | None:
        missing = _missing(case, names)
        text = "; ".join(missing)
        return f"Fill in: {text}{'' if text.endswith('?') else '.'}" if missing else None

    says = f"These are filled in: {', '.join(n.replace('_', ' ').replace('.', ': ') for n in names)}."
    may_change = frozenset(names) if writes else frozenset[str]()
    return Gate("filled_in", check, rule, basis, says, fields=names, who=who, writes=may_change)


def needs(*names: str, rule: str = "", basis: str = "") -> Gate[Any]:
    """The gate that waits for fields to be filled in, by whoever takes this very step."""
    return _filled(names, rule, basis, writes=True)


def filled(*names: str, rule: str = "", basis: str = "", who: str = "") -> Gate[Any]:
    """The gate that waits for fields which others fill in before (`edit`): who signs it doesn't change it."""
    return _filled(names, rule, basis, writes=False, who=who)


def because(says: str) -> Gate[Any]:
    """The gate that asks for a reason of substance for this act (INV-08). Steps signed "rejected" have one
    unasked."""

    def check(case: Case[Any]) -> str | None:
        return None if has_substance(case.reason) else f"Give a reason: {says[0].lower()}{says[1:]}"

    return Gate("reason_given", check, says=f"A reason of substance is given: {says}", fields=("reason",))


def linked(
    relation: str, process: str, *, state: str, rule: str, basis: str = "", least: int = 0, says: str = ""
) -> Gate[Any]:
    """The gate on other records: each one linked so is in one of the states `state` (names separated by
    spaces)."""
    states = tuple(state.split())
    words = " or ".join(s.replace("_", " ") for s in states)
    kind = process.replace("_", " ")

    def check(case: Case[Any]) -> str | None:
        found = case.linked(relation, process)
        if len(found) < least:
            return f"Link the {kind} that this {relation.replace('_', ' ')}."
        behind = [f"{k.number} is {k.state.replace('_', ' ')}" for k in found if k.state not in states]
        return f"{'; '.join(behind)}: it must be {words} first." if behind else None

    says = says or f"Each linked {kind} ({relation.replace('_', ' ')}) is {words}."
    return Gate(f"{relation}_{process}", check, rule, basis, says, fields=(f"links.{relation}",))
