"""GS1 Application Identifiers: which there are, what their data is made of, and what must or may not stand beside them."""

import re
from dataclasses import dataclass
from functools import cache

from vouchsafe.udi.ai_rows import ROWS


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an element's data: its characters, its lengths, and the names of the checks of `linters`.

    `kind` is N (digits), X (GS1's set 82), Y (set 39) or Z (base64url). Only the last part varies in length.
    """

    kind: str
    least: int
    most: int
    optional: bool
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identifier:
    """One Application Identifier.

    Attributes:
        predefined: its length is fixed by its first two digits, so that no separator follows.
        attribute: it may stand in the query of a Digital Link address.
        parts: what its data is made of, in order.
        needs: of each entry one set of identifiers must stand on the same item; `n` is any digit.
        excludes: identifiers that must not.
        qualifiers: for a primary key of a Digital Link, the orders in which qualifiers may follow; None for others.
    """

    ai: str
    title: str
    predefined: bool
    attribute: bool
    parts: tuple[Part, ...]
    needs: tuple[tuple[tuple[str, ...], ...], ...]
    excludes: tuple[str, ...]
    qualifiers: tuple[tuple[str, ...], ...] | None


_PART = re.compile(r"(\?)?([NXYZ])(?:(\d+)-)?(\d+)(?::(\S+))?")


def _part(text: str) -> Part:
    found = _PART.fullmatch(text)
    assert found, text
    optional, kind, least, most, checks = found.groups()
    return Part(
        kind, int(least or most), int(most), bool(optional), tuple(checks.split("+")) if checks else ()
    )


@cache
def table() -> dict[str, Identifier]:
    """Every Application Identifier by its digits, in their order."""
    found: dict[str, Identifier] = {}
    for ais, flags, parts, needs, excludes, link, title in ROWS:
        first, _, last = ais.partition("-")
        for number in range(int(first), int(last or first) + 1):
            ai = str(number).zfill(len(first))
            found[ai] = Identifier(
                ai,
                title,
                "f" in flags,
                "a" in flags,
                tuple(_part(p) for p in parts.split()),
                tuple(tuple(tuple(s.split("+")) for s in n.split(",")) for n in needs.split(";") if n),
                tuple(excludes.split(",")) if excludes else (),
                None if link is None else tuple(tuple(q.split(",")) for q in link.split("|") if q),
            )
    return found


def matches(pattern: str, ai: str) -> bool:
    """Whether `ai` is the identifier, or one of the identifiers, that `pattern` names: `310n` names 3100 to 3109."""
    return len(pattern) == len(ai) and all(p in ("n", a) for p, a in zip(pattern, ai, strict=True))
