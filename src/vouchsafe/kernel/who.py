"""Who may take a step, which signatures it needs now, and who may still give them. Pure functions over a
`Case`.

The words: `role("qa")` (one of several: `role("qa", "ra")`), `named("verifier")` (the person in that field),
`each("functions")` (every person in those rows), `board("fsca")` (its roles, all of which sign), `owner`,
`anyone`, `system(when=gate)`; `a | b` is either. Roles and boards are those of `regulations/data/roles.yaml`.

A signature is given *in a role*: `Sign` unfolds into slots, one a role or named person, and a signature fills
the slot of its meaning and role if it is over the newest version and was given on this visit to the state.
Two slots of one step are always two persons (SOD-18).
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from vouchsafe.kernel.case import Case, Signed
from vouchsafe.kernel.fields import persons_at
from vouchsafe.regulations import roles as site

if TYPE_CHECKING:
    from vouchsafe.kernel.declare import Gate, Step


@dataclass(frozen=True, slots=True)
class By:
    """Who: one `kind` with its names, or either of `options`."""

    kind: str  # role | named | each | board | owner | anyone | system | either
    names: tuple[str, ...] = ()
    options: tuple["By", ...] = ()
    when: "Gate[Any] | None" = None

    def __or__(self, other: "By") -> "By":
        mine = self.options if self.kind == "either" else (self,)
        theirs = other.options if other.kind == "either" else (other,)
        return By("either", options=(*mine, *theirs))

    def parts(self) -> tuple["By", ...]:
        return self.options if self.kind == "either" else (self,)

    def __str__(self) -> str:
        """As a user reads it: "quality assurance or the person named as verifier"."""
        return " or ".join(_words(part) for part in self.parts())


def _words(by: By) -> str:
    match by.kind:
        case "role":
            return " or ".join(site.title(name) for name in by.names)
        case "board":
            return f"the {site.board(by.names[0]).title}"
        case "named":
            return f"the person named as {by.names[0].replace('_', ' ')}"
        case "each":
            return f"each person named in {by.names[0].replace('_', ' ').replace('.', ', ')}"
        case "owner":
            return "the record's owner"
        case "anyone":
            return "anyone"
        case _:
            return "the system"


def role(*names: str) -> By:
    """Whoever holds one of these site roles for the record."""
    return By("role", names)


def named(field: str) -> By:
    """The person whom that field of the record names."""
    return By("named", (field,))


def each(path: str) -> By:
    """Every person whom those rows name: as signers all of them, as takers of a step any of them."""
    return By("each", (path,))


def board(name: str) -> By:
    """A board: as signers all its roles, as takers of a step whoever holds one of them."""
    return By("board", (name,))


def system(*, when: "Gate[Any]") -> By:
    """The worker takes this step by itself once `when` opens, with `now` passed in."""
    return By("system", when=when)


owner = By("owner")
anyone = By("anyone")

APPROVING = frozenset(
    {"reviewed", "approved", "verified", "closed"}
)  # never on a step that writes what they judge


@dataclass(frozen=True, slots=True)
class Sign:
    """A signature that a step needs (21 CFR 11.50: name, time and meaning are shown with it).

    `apart` lists whom the signer must not be: "owner", "author", "signer:<step>" (who signed that step the
    last time it was taken), or a path of the content such as "verifier" or "actions.by". SOD-01 (no author
    approves) needs no mention. `rule` names the rule that this signature carries out.
    """

    meaning: str
    _: KW_ONLY
    by: By
    says: str = ""
    apart: tuple[str, ...] = ()
    when: Callable[[Case[Any]], bool] | None = None
    rule: str = ""
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """One signature that is needed now: one meaning, in one role or by one named person."""

    meaning: str
    says: str
    role: str  # kept with the signature: "qa"; "qa|ra"; "owner"; "named:<field>"; "each:<path>:<person>"
    roles: frozenset[str]  # holding one of these will do
    persons: frozenset[str]  # being one of these will do
    apart: frozenset[str]  # and none of these may
    wanted: str  # who, as a user reads it
    rule: str = ""

    def fits(self, person: str, roles: frozenset[str]) -> bool:
        """Whether this person, holding `roles` for the record, is one who may fill the slot at all."""
        return person not in self.apart and (person in self.persons or bool(self.roles & roles))


def may(by: By, case: Case[Any], *, person: str, roles: frozenset[str]) -> bool:
    """Whether this person, holding `roles` for this record, is one of `by`. Nobody is the system."""
    return any(_may(part, case, person=person, roles=roles) for part in by.parts())


def _may(by: By, case: Case[Any], *, person: str, roles: frozenset[str]) -> bool:
    match by.kind:
        case "role":
            return bool(roles & set(by.names))
        case "board":
            return bool(roles & set(site.board(by.names[0]).roles))
        case "named" | "each":
            return person in persons_at(case.content, by.names[0])
        case "owner":
            return person == case.owner
        case "anyone":
            return True
        case _:
            return False


def roles_of(by: By) -> tuple[str, ...]:
    """The site roles that would do; named persons and owners have none."""
    out: dict[str, None] = {}
    for part in by.parts():
        names = part.names if part.kind == "role" else ()
        out.update(dict.fromkeys(site.board(part.names[0]).roles if part.kind == "board" else names))
    return tuple(out)


def slots(step: "Step", case: Case[Any]) -> tuple[Slot, ...]:
    """The signatures that the step needs now, in the order of its declaration."""
    out: list[Slot] = []
    for want in step.signs:
        if want.when is not None and not want.when(case):
            continue
        apart = frozenset[str]().union(*(apart_from(path, case) for path in want.apart))
        if want.meaning == "approved":  # SOD-01: an author never gives the approval signature
            apart |= case.authors
        for name, roles, persons, wanted in _unfold(want.by, case):
            out.append(Slot(want.meaning, want.says, name, roles, persons, apart, wanted, want.rule))
    return tuple(out)


Unfolded = tuple[str, frozenset[str], frozenset[str], str]


def _unfold(by: By, case: Case[Any]) -> list[Unfolded]:
    """(key, roles, persons, words) for each signature that `by` stands for. With nobody named the slot stays:
    shut."""
    none: frozenset[str] = frozenset()
    match by.kind:
        case "role":
            return [("|".join(by.names), frozenset(by.names), none, str(by))]
        case "board":
            return [
                (name, frozenset({name}), none, site.title(name)) for name in site.board(by.names[0]).roles
            ]
        case "named":
            return [(f"named:{by.names[0]}", none, persons_at(case.content, by.names[0]), str(by))]
        case "each":
            found = sorted(persons_at(case.content, by.names[0]))
            if not found:
                return [(f"each:{by.names[0]}", none, none, str(by))]
            return [(f"each:{by.names[0]}:{p}", none, frozenset({p}), case.name_of(p)) for p in found]
        case "owner":
            return [("owner", none, frozenset({case.owner} - {""}), str(by))]
        case "either":
            parts = [u for part in by.options for u in _unfold(part, case)]
            key = "|".join(u[0] for u in parts)
            return [(key, none.union(*(u[1] for u in parts)), none.union(*(u[2] for u in parts)), str(by))]
        case _:
            return [(by.kind, none, none, str(by))]


def apart_from(path: str, case: Case[Any]) -> frozenset[str]:
    """The persons whom `path` of an `apart=` stands for."""
    if path == "owner":
        return frozenset({case.owner} - {""})
    if path == "author":
        return case.authors
    if path.startswith("signer:"):
        last = [s for s in case.signatures if s.step == path.removeprefix("signer:")]
        visit = max((s.revision for s in last), default=0)
        return frozenset(s.by for s in last if s.revision == visit)
    return persons_at(case.content, path)


def counts(signed: Signed, step: "Step", case: Case[Any]) -> bool:
    """Whether a signature is one for this step, over these bytes, given on this visit to the state.

    A record that loops back needs new signatures, and a change of content voids those given before it
    (INV-05).
    """
    return signed.step == step.name and signed.sha256 == case.sha256 and signed.revision >= case.entered


def given(step: "Step", case: Case[Any]) -> dict[Slot, Signed]:
    """Which slots are filled, and by whom."""
    out: dict[Slot, Signed] = {}
    persons: set[str] = set()
    standing = [s for s in case.signatures if counts(s, step, case)]
    for slot in slots(step, case):
        for s in standing:
            fits = s.meaning == slot.meaning and s.role == slot.role and s.by not in slot.apart
            if fits and s.by not in persons and (slot.roles or s.by in slot.persons):
                out[slot] = s
                persons.add(s.by)  # SOD-18: no one fills two slots of one step
                break
    return out


def waiting(step: "Step", case: Case[Any]) -> tuple[Slot, ...]:
    """The slots that nobody has filled yet."""
    have = given(step, case)
    return tuple(slot for slot in slots(step, case) if slot not in have)


def slot_for(
    step: "Step", case: Case[Any], *, person: str, roles: frozenset[str], meaning: str, role: str = ""
) -> Slot | str:
    """The slot that this person may fill now, or the sentence that says why there is none.

    `role` asks for one slot where a person holds several of the roles that are still missing.
    """
    have = given(step, case)
    if any(s.by == person for s in have.values()):
        return "You have signed this step already; the other signatures come from other people (SOD-18)."
    of_meaning = [s for s in slots(step, case) if s.meaning == meaning and role in ("", s.role)]
    if not of_meaning:
        return f"This step has no signature “{meaning.replace('_', ' ')}”."
    empty = [s for s in of_meaning if s not in have]
    if not empty:
        return f"The signature “{meaning.replace('_', ' ')}” has been given."
    fitting = [s for s in empty if s.fits(person, roles)]
    if fitting:
        return fitting[0]
    if any(person in s.apart for s in empty):
        return "You can't give this signature: you wrote, own or carried out what it stands for."
    return f"This signature is for {' or '.join(s.wanted for s in empty)}."
