"""Site roles, boards, and what a spelling such as "QA + functions (+ RA)" means.

Roles are granted to people; a board is a set of roles that all sign; "owner" and "named" are persons in the
record; "outside" is a party without an account here. A process that names a role which is not in
`data/roles.yaml` refuses to load, and so does a pack with a spelling that nobody mapped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from vouchsafe.regulations import packs
from vouchsafe.regulations.errors import BadPack, Unknown

KINDS = ("role", "board", "named", "owner", "anyone", "system", "outside")


@dataclass(frozen=True, slots=True)
class Board:
    """Several roles, all of which sign."""

    key: str
    title: str
    chair: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one part of a spelling means: a role, a board, a person of the record, the system, an outside
    party."""

    kind: str
    name: str = ""


@cache
def titles() -> Mapping[str, str]:
    """Every site role with how it reads in a sentence."""
    return dict(packs.pack("roles")["roles"])


def title(role: str) -> str:
    """How a role reads in a sentence.

    Raises:
        Unknown: no such role.
    """
    found = titles().get(role)
    if found is None:
        raise Unknown(f"no role {role!r}")
    return found


def label(role: str) -> str:
    """How a role reads by itself, as in a list: without its article, with a capital."""
    words = re.sub(r"\A(the|an|a) ", "", title(role))
    return words[:1].upper() + words[1:]


@cache
def boards() -> Mapping[str, Board]:
    """Every board by key.

    Raises:
        BadPack: a board names an unknown role, or a chair that is not on it.
    """
    out = {}
    for key, data in packs.pack("roles")["boards"].items():
        found = Board(key, data["title"], data["chair"], tuple(data["roles"]))
        if stray := [r for r in (*found.roles, found.chair) if r not in titles()]:
            raise BadPack("roles", f"board {key}", f"unknown role {stray[0]!r}")
        if found.chair not in found.roles:
            raise BadPack("roles", f"board {key}", "its chair is not one of its roles")
        out[key] = found
    return out


def board(key: str) -> Board:
    """One board.

    Raises:
        Unknown: no such board.
    """
    found = boards().get(key)
    if found is None:
        raise Unknown(f"no board {key!r}")
    return found


def parts_of(spelling: str) -> tuple[str, ...]:
    """The atoms of a spelling: notes in brackets left out unless they add a signer ("(+ RA)"), joined words
    split."""
    added = re.findall(r"\(\+ ([^)]*)\)", spelling)
    bare = re.sub(r"\([^)]*\)", "", spelling)
    text = "; ".join([bare, *added])
    atoms = (a.strip() for a in re.split(r"\s*(?:\+|;|,|:|\bor\b)\s*", text))
    return tuple(a for a in atoms if a)


@cache
def _spellings() -> Mapping[str, Meaning]:
    out = {}
    for spelling, value in packs.pack("roles")["spellings"].items():
        kind, _, name = str(value).partition(" ")
        known: Mapping[str, Any] = {"role": titles(), "board": boards()}.get(kind, {})
        if kind not in KINDS or (kind in ("role", "board") and name not in known):
            raise BadPack(
                "roles", f"spelling {spelling!r}", f"{value!r} is neither a role, a board nor a person"
            )
        out[spelling.lower()] = Meaning(kind, name)
    return out


def meanings_of(spelling: str) -> tuple[Meaning, ...]:
    """What each part of a spelling means.

    Raises:
        Unknown: a part that `data/roles.yaml` doesn't map.
    """
    known, out = _spellings(), []
    for atom in parts_of(spelling):
        found = known.get(atom.lower())
        if found is None:
            raise Unknown(f"nobody has said what the role {atom!r} (in {spelling!r}) means")
        out.append(found)
    return tuple(out)


def forbidden_pair(roles: frozenset[str]) -> tuple[str, str, str] | None:
    """Two roles that one person may not hold together, and the rule that says so; None when there is no such
    pair."""
    for entry in packs.pack("roles")["forbidden_together"]:
        mine = sorted(roles & set(entry["roles"]))
        others = sorted(roles & set(entry["never_with"]))
        if mine and others:
            return mine[0], others[0], entry["rule"]
    return None
