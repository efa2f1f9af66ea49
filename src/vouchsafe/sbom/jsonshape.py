"""The shape that JSON values must have: kinds, members, words, patterns. For formats whose schema is long but plain.

A value of another *kind* than asked for (text where an object belongs) is refused with its place, because what
it says could not be read. Every other breach is a problem, and the file is read all the same. Inside a shape
that carries a `rule`, a wrong kind is a problem of that rule too.

    >>> person = Members({"name": Text(), "mail": Text()}, required=("name",))
    >>> [str(p.place) for p in check(person, {"mail": ""}, at_most=9)]
    ['$.name', '$.mail']
    >>> check(person, {"name": 7}, at_most=9)
    Traceback (most recent call last):
    vouchsafe.sbom.errors.Malformed: $.name: expected text, got the number 7
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from vouchsafe.sbom.errors import Malformed, shown
from vouchsafe.sbom.model import Problem


class Problems(list[Problem]):
    """The problems of one file, up to a limit; past it only one more, which says so."""

    def __init__(self, at_most: int) -> None:
        super().__init__()
        self.at_most = at_most

    def add(self, kind: str, place: str, text: str) -> None:
        """Notes a problem."""
        if len(self) < self.at_most:
            self.append(Problem(kind, place, text))
        elif len(self) == self.at_most:
            self.append(
                Problem("schema", "$", f"more than {self.at_most:,} problems; the others are not listed")
            )


@dataclass(frozen=True, slots=True)
class Text:
    """A string. `pattern` must match all of it; `form` is uri, iri, time or uuid."""

    pattern: re.Pattern[str] | None = None
    words: frozenset[str] | None = None
    form: str = ""
    least: int = 1
    said: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two ends."""

    low: float
    high: float = float("inf")
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Anything:
    """No rule."""


@dataclass(frozen=True, slots=True)
class Items:
    """An array."""

    of: "Shape"
    least: int = 1
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Members:
    """An object. `closed` allows no other members; `also` says what else is wrong with it, or None."""

    members: Mapping[str, "Shape"]
    required: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    closed: bool = False
    rule: str = ""
    also: Callable[[dict[str, Any]], tuple[str, str] | None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several objects, told apart by the text of a member; the first where that says nothing."""

    member: str
    among: Mapping[str, Members]


Shape = Text | Number | Flag | Anything | Items | Members | Choice

_KINDS: dict[type, tuple[type, str]] = {
    Text: (str, "text"),
    Flag: (bool, "true or false"),
    Items: (list, "an array"),
    Members: (dict, "an object"),
}


def check(
    shape: Shape, value: Any, *, at_most: int, place: str = "$", problems: Problems | None = None
) -> Problems:
    """What of `value` breaks `shape`, in file order. A loop: the file chooses the depth.

    Raises:
        Malformed: a value of another kind than the shape asks for.
    """
    found = Problems(at_most) if problems is None else problems
    stack: list[tuple[Shape, Any, str, str]] = [(shape, value, place, "")]
    while stack:
        want, got, where, rule = stack.pop()
        if isinstance(want, Choice):
            named = got.get(want.member) if isinstance(got, dict) else None
            want = want.among.get(named if isinstance(named, str) else "") or next(iter(want.among.values()))
        if isinstance(want, Members):
            rule = want.rule or rule
        kind = _wrong_kind(want, got)
        if kind:
            if not rule:
                raise Malformed(where, kind, shown(got))
            found.add(rule, where, f"expected {kind}, got {shown(got)}")
        elif isinstance(want, Members):
            _members(want, got, where, rule or "schema", found)
            inner = []
            for name, item in got.items():
                inside = want.members.get(name)
                # Most members are plain text with nothing wrong; a place is made up for the others only.
                if inside is None or (
                    type(inside) is Text and type(item) is str and not _breach(inside, item)
                ):
                    continue
                inner.append((inside, item, f"{where}.{name}", rule))
            stack.extend(reversed(inner))
        elif isinstance(want, Items):
            stack.extend(reversed(_items(want, got, where, rule, found)))
        else:
            told = _breach(want, got)
            if told:
                found.add(rule or "schema", where, told)
    return found


def _wrong_kind(want: Shape, got: Any) -> str:
    if type(want) is Number:
        return "" if type(got) in (int, float) else "a number"
    kind, name = _KINDS.get(type(want), (object, ""))
    return "" if kind is object or type(got) is kind else name


def _members(want: Members, got: dict[str, Any], where: str, rule: str, found: Problems) -> None:
    for name in want.required:
        if name not in got:
            found.add(rule, f"{where}.{name}", "expected a value (it is required), got nothing")
    if len(got) < want.least:
        found.add(rule, where, f"expected at least {want.least} members, got {len(got)}")
    if want.most is not None and len(got) > want.most:
        found.add(rule, where, f"expected at most {want.most} members, got {len(got)}")
    if want.closed:
        for name in got.keys() - want.members.keys():
            found.add(rule, where, f"expected no member {shown(name)} in this version of the format, got one")
    told = want.also(got) if want.also else None
    if told:
        found.add(rule, f"{where}{told[0]}", told[1])


def _items(
    want: Items, got: list[Any], where: str, rule: str, found: Problems
) -> list[tuple[Shape, Any, str, str]]:
    if len(got) < want.least:
        found.add(rule or "schema", where, f"expected at least {want.least} items, got {len(got)}")
    if want.unique and len(got) > 1:
        seen: set[Any] = set()
        for i, item in enumerate(got):
            key = item if type(item) is str else orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
            if key in seen:
                found.add(rule or "schema", f"{where}[{i}]", "expected each item once, got one twice")
            seen.add(key)
    plain = isinstance(want.of, Text)
    return [
        (want.of, item, f"{where}[{i}]", rule)
        for i, item in enumerate(got)
        # Most arrays are of plain text; there is nothing to say about those.
        if not plain or type(item) is not str or _breach(want.of, item)
    ]


def _breach(want: Shape, got: Any) -> str:
    """What is wrong with a value of the right kind, or an empty string."""
    if isinstance(want, Number):
        part = want.whole and isinstance(got, float) and not got.is_integer()
        if want.low <= got <= want.high and not part:
            return ""
        high = f" to {want.high:g}" if want.high != float("inf") else ""
        whole = "whole " if want.whole else ""
        return f"expected a {whole}number from {want.low:g}{high}, got {shown(got)}"
    if not isinstance(want, Text):
        return ""
    if len(got) < want.least:
        return f"expected at least {want.least} characters, got {shown(got)}"
    if want.words is not None and got not in want.words:
        return f"expected one of {', '.join(sorted(want.words))}, got {shown(got)}"
    if want.pattern is not None and not want.pattern.fullmatch(got):
        return f"expected {want.said or 'another form of text'}, got {shown(got)}"
    if want.form:
        test, name = _FORMS[want.form]
        if not test(got):
            return f"expected {name}, got {shown(got)}"
    return ""


# RFC 3986 appendix A. IP literals are taken by their letters: what is inside the brackets is not looked into.
_PCT = r"%[0-9A-Fa-f]{2}"
_PCHAR = rf"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|{_PCT})"
_AUTHORITY = (
    rf"(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|{_PCT})*+@)?"
    rf"(?:\[[0-9A-Fa-f:.v]++\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|{_PCT})*+)(?::[0-9]*+)?"
)
_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*+:(?://{_AUTHORITY}(?:/{_PCHAR}*+)*+|/(?:{_PCHAR}++(?:/{_PCHAR}*+)*+)?"
    rf"|{_PCHAR}++(?:/{_PCHAR}*+)*+|)(?:\?(?:{_PCHAR}|[/?])*+)?(?:#(?:{_PCHAR}|[/?])*+)?"
)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_uri(text: str) -> bool:
    """Whether `text` is a URI with its scheme. Source: RFC 3986 section 3."""
    return _URI.fullmatch(text) is not None


def is_iri(text: str) -> bool:
    """As `is_uri`, with letters of all scripts. Source: RFC 3987 section 2.2."""
    return is_uri(re.sub(r"[\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef\U00010000-\U000efffd]", "a", text))


def is_time(text: str) -> bool:
    """Whether `text` is a time with its offset. Source: RFC 3339 section 5.6; leap seconds by 5.7."""
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    try:
        datetime.fromisoformat(found[1])
    except ValueError:
        return False
    if found[4] != "60":
        return True
    offset = int(found[6] or 0) * 60 + int(found[7] or 0)
    minute = int(found[2]) * 60 + int(found[3]) - (-offset if found[5] == "-" else offset)
    return minute % 1440 == 1439  # 23:59:60 in UTC


def instant(text: str) -> datetime | None:
    """The moment that a time names, or None when it is no time. A leap second counts as the second before."""
    if not is_time(text):
        return None
    plain = re.sub(r"(\.\d{6})\d+", r"\1", text.upper()).replace(
        ":60", ":59", 1 if text[17:19] == "60" else 0
    )
    try:
        return datetime.fromisoformat(plain)
    except (ValueError, OverflowError):
        return None


_FORMS: dict[str, tuple[Callable[[str], bool], str]] = {
    "uri": (is_uri, "a URI with its scheme"),
    "iri": (is_iri, "an IRI with its scheme"),
    "time": (is_time, "an RFC 3339 time"),
    "uuid": (lambda text: _UUID.fullmatch(text) is not None, "a UUID"),
}
