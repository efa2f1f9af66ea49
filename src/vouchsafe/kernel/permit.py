"""Who may do and see what. Fails closed: a role that nobody granted is a role that nobody has.

A grant covers a record when each of its scopes (site, product, process) is empty or equals the record's; a
scoped grant never covers a record without that scope. There is no superuser and no short cut.

While one page is read (`one_look`), each question is asked of the database once. Whoever writes never stands
inside one: what a writer may do is read at that moment.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from vouchsafe.kernel.errors import Denied, NotFound
from vouchsafe.kernel.models import Grant, Person, Record
from vouchsafe.regulations import roles as site_roles


@dataclass(frozen=True, slots=True)
class Held:
    """A role that somebody holds now, with its scopes."""

    role: str
    site: str
    product: str
    process: str

    def covers(self, *, site: str, product: str, process: str) -> bool:
        return self.site in ("", site) and self.product in ("", product) and self.process in ("", process)


class Holder(NamedTuple):
    """Somebody who holds a role."""

    id: UUID
    full_name: str


T = TypeVar("T")
_LOOK: ContextVar[dict[Hashable, Any] | None] = ContextVar("one_look", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """One page that is read: what was asked stays answered until it ends. Not for anything that writes."""
    token = _LOOK.set({})
    try:
        yield
    finally:
        _LOOK.reset(token)


def once(key: Hashable, ask: Callable[[], T]) -> T:
    """What `ask` answers, asked once a look; outside of one, each time."""
    known = _LOOK.get()
    if known is None:
        return ask()
    if key not in known:
        known[key] = ask()
    answer: T = known[key]
    return answer


def in_force(at: datetime) -> QuerySet[Grant]:
    """The grants that hold at `at`, of people who may still act."""
    return Grant.objects.filter(
        Q(valid_to=None) | Q(valid_to__gt=at),
        Q(revocation=None) | Q(revocation__at__gt=at),
        valid_from__lte=at,
        person__is_active=True,
    )


def held(person: Person, *, at: datetime) -> tuple[Held, ...]:
    """Every role that `person` holds at `at`."""

    def ask() -> tuple[Held, ...]:
        rows = in_force(at).filter(person=person).values_list("role", "site", "product", "process")
        return tuple(
            sorted({Held(*row) for row in rows}, key=lambda h: (h.role, h.site, h.product, h.process))
        )

    return once(("held", person.pk, at), ask)


def held_by(people: Iterable[UUID], *, at: datetime) -> dict[UUID, tuple[Held, ...]]:
    """Person's id to every role that they hold at `at`, in one query."""
    wanted = frozenset(people)
    out: dict[UUID, list[Held]] = {}
    if _LOOK.get() is not None:  # a page asks for the holders of roles besides, of the same rows
        for holder, h in once(("directory", at), lambda: _directory(at)):
            if holder.id in wanted:
                out.setdefault(holder.id, []).append(h)
    else:
        rows = in_force(at).filter(person__in=wanted)
        for who, *rest in rows.values_list("person_id", "role", "site", "product", "process"):
            out.setdefault(who, []).append(Held(*rest))
    return {who: tuple(found) for who, found in out.items()}


def roles(
    person: Person, *, at: datetime, site: str = "", product: str = "", process: str = ""
) -> frozenset[str]:
    """The roles that `person` holds at `at` for a record with these scopes."""
    return covering(held(person, at=at), site=site, product=product, process=process)


def covering(all_held: Iterable[Held], *, site: str, product: str, process: str) -> frozenset[str]:
    """The roles among `all_held` that cover these scopes."""
    return frozenset(h.role for h in all_held if h.covers(site=site, product=product, process=process))


def roles_for(person: Person, record: Record, *, at: datetime) -> frozenset[str]:
    """The roles that `person` holds at `at` for `record`."""
    return roles(person, at=at, site=record.site, product=record.product, process=record.process)


def holders(
    names: Sequence[str], *, at: datetime, site: str = "", product: str = "", process: str = ""
) -> tuple[Holder, ...]:
    """People who hold one of the roles for these scopes, by name: whom to ask (R-51)."""
    wanted = frozenset(names)
    found: dict[Holder, None] = {}
    for holder, h in once(("directory", at), lambda: _directory(at)):
        if h.role in wanted and h.covers(site=site, product=product, process=process):
            found[holder] = None
    return tuple(found)


def _directory(at: datetime) -> list[tuple[Holder, Held]]:
    """Every role that somebody holds at `at`, by name."""
    rows = in_force(at).order_by("person__full_name", "person_id")
    found = rows.values_list("person_id", "person__full_name", "role", "site", "product", "process")
    return [(Holder(who, name), Held(*rest)) for who, name, *rest in found]


def denied(
    what: str, names: Sequence[str], *, at: datetime, site: str = "", product: str = "", process: str = ""
) -> Denied:
    """The refusal that says which role is missing and who holds it."""
    titles = " or ".join(site_roles.title(name) for name in names) or "nobody"
    have = [p.full_name for p in holders(names, at=at, site=site, product=product, process=process)]
    where = ", ".join(scope for scope in (site, product) if scope)
    text = f"Only {titles}{f' for {where}' if where else ''} may {what}."
    text += f" {_listed(have)} can." if have else " Nobody holds that role now."
    return Denied(text, roles=names, holders=have)


def may_read(person: Person, record: Record, *, at: datetime) -> bool:
    """Whether `person` may see `record`: any role that covers it will do, and its owner always may."""
    if not person.is_active:
        return False
    return record.owner_id == person.id or bool(roles_for(person, record, at=at))


def require_read(person: Person, record: Record, *, at: datetime) -> None:
    """Raise as if the record weren't there: whether it exists is already something to know (R-57)."""
    if not may_read(person, record, at=at):
        raise NotFound(f"There is no record {record.number} that you may see.")


def readable(person: Person, *, at: datetime) -> Q:
    """A filter for the records that `person` may see."""
    if not person.is_active:
        return Q(pk__in=[])
    allowed = Q(owner=person)
    for h in {(h.site, h.product, h.process) for h in held(person, at=at)}:
        site, product, process = h
        if h == ("", "", ""):
            return Q()
        one = Q()
        if site:
            one &= Q(site=site)
        if product:
            one &= Q(product=product)
        if process:
            one &= Q(process=process)
        allowed |= one
    return allowed


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:3])
    if len(names) > 3:
        shown.append(f"{len(names) - 3} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
