"""Version ranges in the vers notation: read, written, put in canonical form, and asked whether they hold a version.

`parse` is exact: what is not canonical is refused with its place. `read` takes what tools write (spaces, capital
letters, any order) and gives the same constraints in order. `contains` answers, or raises `versions.Doubt`; a
caller that meets doubt says "possible".

    >>> v = parse("vers:npm/1.2.3|>=2.0.0|<5.0.0")
    >>> [contains(v, x) for x in ("1.2.3", "1.9.0", "4.1.0")]
    [True, False, True]
    >>> canonical("vers:pypi/0.0.2|>=3.0|0.0.1")
    'vers:pypi/0.0.1|0.0.2|>=3.0'
    >>> str(merge([parse("vers:npm/>=1.0.0|<2.0.0"), parse("vers:npm/>=1.5.0|<3.0.0")]))
    'vers:npm/>=1.0.0|<3.0.0'

Source: package-url/vers-spec, commit 9305f03, "Core specification" and "How to parse and validate VERS".
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from urllib.parse import quote, unquote_to_bytes

from vouchsafe.sbom import intervals, versions
from vouchsafe.sbom.errors import Malformed, TooLarge, shown
from vouchsafe.sbom.limits import MAX_CONSTRAINTS, MAX_VERS_CHARS
from vouchsafe.sbom.versions import Doubt

COMPARATORS = ("=", "!=", "<", "<=", ">", ">=")
_TYPE = re.compile(r"[a-z][a-z0-9.-]*", re.ASCII)
_CONSTRAINT = re.compile(r"(>=|<=|!=|<|>|)(.*)", re.ASCII | re.DOTALL)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)
_WHITE = re.compile(r"[ \t\r\n\v\f]+")
# What a version may hold unencoded: printable ASCII but the comparators, the pipe and the percent sign.
_PLAIN = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in "><=!*|%")


@dataclass(frozen=True, slots=True)
class Constraint:
    """One signpost of a range: a comparator (`=` where the text has none; `*` alone) and a decoded version."""

    comparator: str
    version: str

    def __str__(self) -> str:
        if self.comparator == "*":
            return "*"
        return ("" if self.comparator == "=" else self.comparator) + quote(self.version, safe=_PLAIN)


@dataclass(frozen=True, slots=True)
class Vers:
    """A version range. `scheme` is the vers type; the constraints stand in the order of their versions."""

    scheme: str
    constraints: tuple[Constraint, ...]

    @property
    def star(self) -> bool:
        """Whether the constraint is `*` alone: every version, or none for the type `none`."""
        return self.constraints == (_STAR,)

    def __str__(self) -> str:
        return f"vers:{self.scheme}/" + "|".join(map(str, self.constraints))


_STAR = Constraint("*", "")


def parse(text: str) -> Vers:
    """The range in `text`, which must be canonical: in order, each version once, comparators in alternation.

    A type whose versions this package can't put in order, or versions that are none of the type, are taken as
    they stand.

    Raises:
        Malformed: not a canonical vers; `place` is `vers`, `vers type` or `vers constraint N`, from 1.
        TooLarge: past a limit.
    """
    _refuse_large(text)
    white = _WHITE.search(text)
    if white:
        raise Malformed("vers", "no white space", f"{white[0]!a} at character {white.start() + 1}")
    odd = re.search(r"[^!-~]", text)
    if odd:
        raise Malformed("vers", "printable ASCII", f"{odd[0]!a} at character {odd.start() + 1}")
    scheme, rest = _head(text)
    made = Vers(scheme, tuple(_constraint(c, n, scheme) for n, c in enumerate(_split(rest), 1)))
    _refuse_star_beside_others(made)
    for n, (raw, constraint) in enumerate(zip(rest.split("|"), made.constraints, strict=True), 1):
        if str(constraint) != raw:
            raise Malformed(
                f"vers constraint {n}", f"the canonical spelling {shown(str(constraint))}", shown(raw)
            )
    broken = fault(made)
    if broken:
        raise broken
    return made


def read(text: str) -> Vers:
    """As `parse`, but takes what is not canonical, and puts the constraints in order where that can be told.

    Redundant and repeated constraints stay. White space, empty constraints and an `=` in front are dropped.

    Raises:
        Malformed, TooLarge: as `parse`, for what can't be understood.
    """
    _refuse_large(text)
    scheme, rest = _head(_WHITE.sub("", text), exact=False)
    found = [c for c in rest.split("|") if c]
    if not found:
        raise Malformed("vers", "a constraint", "nothing")
    if len(found) > MAX_CONSTRAINTS:
        raise TooLarge("vers", f"at most {MAX_CONSTRAINTS:,} constraints", f"{len(found):,}")
    made = [_constraint(c.removeprefix("="), n, scheme) for n, c in enumerate(found, 1)]
    vers = Vers(scheme, tuple(made))
    _refuse_star_beside_others(vers)
    return Vers(scheme, _in_order(scheme, made) or tuple(made))


def canonical(text: str) -> str:
    """The constraints of `text` in order and spelt canonically. Nothing is merged or left out: see `simplify`."""
    return str(read(text))


def validate(text: str) -> tuple[str, ...]:
    """What is wrong with a vers, in sentences; nothing where it is canonical."""
    try:
        parse(text)
    except Malformed as told:
        return (str(told),)
    return ()


def build(scheme: str, constraints: Iterable[tuple[str, str]]) -> str:
    """The canonical vers of a type and (comparator, version) pairs, which are put in order.

    Raises:
        Malformed: they make no canonical range. TooLarge: past a limit.
    """
    made: list[Constraint] = []
    for n, (comparator, version) in enumerate(constraints, 1):
        if n > MAX_CONSTRAINTS:
            raise TooLarge("vers", f"at most {MAX_CONSTRAINTS:,} constraints", "more")
        star = comparator == "*"
        if not star and (comparator or "=") not in COMPARATORS:
            raise Malformed(f"vers constraint {n}", "a comparator", shown(comparator))
        if star == bool(version):
            expected = "no version beside *" if star else "a version"
            raise Malformed(f"vers constraint {n}", expected, shown(version))
        refuse_unstorable(version, f"vers constraint {n}")
        made.append(Constraint(comparator or "=", version))
    if not _TYPE.fullmatch(scheme.lower()):
        raise Malformed("vers type", "a letter, then letters, digits, dots and dashes", shown(scheme))
    if not made:
        raise Malformed("vers", "a constraint", "nothing")
    vers = Vers(scheme.lower(), _in_order(scheme.lower(), made) or tuple(made))
    _refuse_star_beside_others(vers)
    broken = fault(vers)
    if broken:
        raise broken
    text = str(vers)
    _refuse_large(text)
    return text


def fault(vers: Vers) -> Malformed | None:
    """The first rule of a canonical range that the constraints break. What can't be compared breaks none."""
    if vers.scheme in ("all", "none"):
        return None if vers.star else Malformed("vers constraint 1", "*", shown(str(vers.constraints[0])))
    order = versions.scheme_of_vers(vers.scheme)
    cs = vers.constraints
    seen: set[str] = set()
    for n, c in enumerate(cs, 1):
        if c.version in seen:
            return Malformed(f"vers constraint {n}", "each version once", shown(c.version))
        seen.add(c.version)
        if n < 2:
            continue
        try:
            step = versions.compare(order or "", cs[n - 2].version, c.version)
        except Doubt:
            continue
        if step == 0:
            return Malformed(f"vers constraint {n}", "each version once", shown(c.version))
        if step > 0:
            return Malformed(
                f"vers constraint {n}", f"a version above {shown(cs[n - 2].version)}", shown(c.version)
            )
    return _comparator_fault(cs)


def _comparator_fault(cs: tuple[Constraint, ...]) -> Malformed | None:
    """Specification, "Normalized, canonical representation": which comparator may follow which."""
    before = bound = ""
    for n, c in enumerate(cs, 1):
        if c.comparator in ("!=", "*"):
            continue
        if before == "=" and c.comparator not in ("=", ">", ">="):
            return Malformed(f"vers constraint {n}", "=, > or >= after =", shown(c.comparator))
        before = c.comparator
        if c.comparator == "=":
            if bound.startswith(">"):
                return Malformed(f"vers constraint {n}", "< or <= after > or >=", "=")
            continue
        if bound and bound[0] == c.comparator[0]:
            other = "< or <=" if bound[0] == ">" else "> or >="
            return Malformed(f"vers constraint {n}", f"{other} after {bound}", shown(c.comparator))
        bound = c.comparator
    return None


def simplify(vers: Vers) -> Vers:
    """The range without its redundant constraints: the same versions.

    Raises:
        Doubt: its versions can't be put in order.

    Source: "Constraints simplification" of the specification.
    """
    if len(vers.constraints) < 2:
        return vers
    ordered = _in_order(vers.scheme, vers.constraints)
    if ordered is None:
        raise Doubt(f"the versions of {shown(str(vers))} can't be put in order")
    kept: list[Constraint] = []
    for c in dict.fromkeys(ordered):
        if c.comparator == "!=":
            continue
        while kept and c.comparator.startswith("<") and kept[-1].comparator[0] in "=<":
            kept.pop()
        if not (kept and kept[-1].comparator.startswith(">") and c.comparator[0] in "=>"):
            kept.append(c)
    holes = [c for c in dict.fromkeys(ordered) if c.comparator == "!="]
    again = _in_order(vers.scheme, [*kept, *holes])
    return Vers(vers.scheme, again or (*kept, *holes))


def contains(vers: Vers, version: str) -> bool:
    """Whether the range holds `version`.

    The same text as a constraint's version counts as the same version in any type.

    Raises:
        Doubt: it can't be told: the type's order is unknown, or a version is none of its type.

    Source: "Checking if a version is contained within a range" of the specification; a range of nothing but
    `!=`, on which it is silent, holds every other version.
    """
    if vers.star:
        return vers.scheme != "none"
    order = versions.scheme_of_vers(vers.scheme)
    doubt: Doubt | None = None
    equal: set[str] = set()
    for c in vers.constraints:
        try:
            same = c.version == version or versions.compare(order or "", c.version, version) == 0
        except Doubt as told:
            doubt = told
            continue
        if same:
            equal.add(c.comparator)
    if equal & {"=", "<=", ">="}:
        return True
    if "!=" in equal:
        return False
    if doubt is not None:
        raise doubt
    bounds = [c for c in vers.constraints if c.comparator not in ("=", "!=")]
    if not bounds:
        return all(c.comparator == "!=" for c in vers.constraints)
    return _between(order or "", simplify(Vers(vers.scheme, tuple(bounds))).constraints, version)


def _between(order: str, bounds: tuple[Constraint, ...], version: str) -> bool:
    """`bounds` alternate; `version` equals none that belongs to the range."""
    below: Constraint | None = None
    for c in bounds:
        side = versions.compare(order, version, c.version)
        if c.comparator.startswith("<"):
            if side < 0 and (below is None or versions.compare(order, version, below.version) > 0):
                return True
            below = None
        else:
            below = c
    return below is not None and versions.compare(order, version, below.version) > 0


def invert(vers: Vers) -> Vers:
    """All versions that the range leaves out.

    Raises:
        Doubt: its versions can't be put in order.
    """
    if vers.scheme in ("all", "none"):
        return Vers("none" if vers.scheme == "all" else "all", (_STAR,))
    return of_set(vers.scheme, intervals.complement(as_set(vers)))


def merge(ranges: Sequence[Vers]) -> Vers:
    """The versions of any of the ranges, which are all of one type.

    Raises:
        Malformed: no range, or ranges of two types. Doubt: their versions can't be put in order.
    """
    if not ranges:
        raise Malformed("vers", "a range", "nothing")
    for n, vers in enumerate(ranges):
        if vers.scheme != ranges[0].scheme:
            raise Malformed(
                f"vers {n + 1}", f"the type {ranges[0].scheme}, as the first has", shown(vers.scheme)
            )
    scheme = ranges[0].scheme
    if scheme in ("all", "none"):
        return ranges[0]
    return of_set(
        scheme, intervals.union(versions.scheme_of_vers(scheme) or "", *(as_set(v) for v in ranges))
    )


def as_set(vers: Vers) -> intervals.Set:
    """The range as intervals. Raises Doubt where its versions can't be put in order."""
    if vers.star:
        return intervals.NOTHING if vers.scheme == "none" else intervals.ALL
    order = versions.scheme_of_vers(vers.scheme) or ""
    kept = simplify(vers).constraints
    holes = [c.version for c in kept if c.comparator == "!="]
    found: list[intervals.Interval] = []
    low: Constraint | None = None
    for c in kept:
        if c.comparator == "=":
            found += intervals.point(c.version)
        elif c.comparator.startswith(">"):
            low = c
        elif c.comparator.startswith("<"):
            low_in = low is not None and low.comparator == ">="
            found.append(
                intervals.Interval(low.version if low else None, low_in, c.version, c.comparator == "<=")
            )
            low = None
    if low is not None:
        found.append(intervals.Interval(low.version, low.comparator == ">=", None, False))
    made = intervals.ALL if len(holes) == len(kept) else intervals.union(order, tuple(found))
    points = tuple(p for v in holes for p in intervals.point(v))
    return intervals.intersection(order, made, intervals.complement(points)) if points else made


def of_set(scheme: str, s: intervals.Set) -> Vers:
    """The canonical range of a set of versions; `vers:none/*` for an empty one."""
    if not s:
        return Vers("none", (_STAR,))
    return Vers(scheme, tuple(Constraint(c, v) for c, v in intervals.constraints(s)))


def _refuse_large(text: str) -> None:
    if len(text) > MAX_VERS_CHARS:
        raise TooLarge("vers", f"at most {MAX_VERS_CHARS:,} characters", f"{len(text):,}")


def refuse_unstorable(text: str, place: str) -> None:
    """NUL can't be stored and half a surrogate pair can't be encoded; neither is in a version.

    Raises:
        Malformed: there is one.
    """
    if "\0" in text:
        raise Malformed(place, "no NUL", shown(text))
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise Malformed(place, "Unicode text", shown(text))


def _head(text: str, *, exact: bool = True) -> tuple[str, str]:
    """The type and the constraints' text."""
    uri, colon, rest = text.partition(":")
    if not colon or (uri if exact else uri.lower()) != "vers":
        raise Malformed("vers", "a range such as vers:npm/>=1.0.0|<2.0.0", shown(text))
    scheme, slash, constraints = rest.partition("/")
    scheme = scheme if exact else scheme.lower()
    if not _TYPE.fullmatch(scheme):
        raise Malformed(
            "vers type", "a lower-case letter, then letters, digits, dots and dashes", shown(scheme)
        )
    if not slash or not constraints:
        raise Malformed("vers", "constraints after the type and a slash", "nothing")
    return scheme, constraints


def _split(text: str) -> list[str]:
    found = text.split("|", MAX_CONSTRAINTS)
    if len(found) > MAX_CONSTRAINTS:
        raise TooLarge("vers", f"at most {MAX_CONSTRAINTS:,} constraints", f"{text.count('|') + 1:,}")
    for n, raw in enumerate(found, 1):
        if not raw:
            raise Malformed(f"vers constraint {n}", "a version; no pipe at an end, none doubled", "nothing")
    return found


def _constraint(text: str, number: int, scheme: str) -> Constraint:
    if text == "*":
        return _STAR
    place = f"vers constraint {number}"
    comparator, version = _CONSTRAINT.fullmatch(text).groups()  # type: ignore[union-attr] # it matches any text
    if not version:
        raise Malformed(place, "a version", "nothing")
    bad = _BAD_PERCENT.search(version)
    if bad:
        raise Malformed(place, "two hex digits after each %", shown(version[bad.start() : bad.start() + 3]))
    clear = re.search(r"[><=!*]", version)
    if clear:
        raise Malformed(place, f"{clear[0]} percent-encoded in a version", shown(version))
    try:
        version = unquote_to_bytes(version).decode("utf-8")
    except UnicodeError:
        raise Malformed(place, "UTF-8 under the percent-encoding", shown(version)) from None
    refuse_unstorable(version, place)
    if scheme == "datetime" and re.search(r"[tz]", version):
        raise Malformed(place, "an upper-case T and Z in a time", shown(version))
    return Constraint(comparator or "=", version)


def _refuse_star_beside_others(vers: Vers) -> None:
    if _STAR in vers.constraints and not vers.star:
        raise Malformed(f"vers constraint {vers.constraints.index(_STAR) + 1}", "* alone", "* beside others")


# Of two constraints on one version, which only a range that is not canonical has, the upper bound comes first: then
# `>=1|<2|>=2|<3` holds everything from 1 to 3.
_TIE = {"<": 0, "<=": 0, "=": 1, "!=": 1, ">": 2, ">=": 2, "*": 3}


def _in_order(scheme: str, constraints: Iterable[Constraint]) -> tuple[Constraint, ...] | None:
    """The constraints by version; None where that can't be told."""
    order = versions.scheme_of_vers(scheme) or ""
    found = tuple(constraints)
    if len(found) < 2:
        return found

    def compare(a: Constraint, b: Constraint) -> int:
        return versions.compare(order, a.version, b.version) or _TIE[a.comparator] - _TIE[b.comparator]

    try:
        return tuple(sorted(found, key=cmp_to_key(compare)))
    except Doubt:
        return None
