"""Version orders that are written here: each turns a version's text into numbers and a key that Python compares.

Every function takes one version's text and gives an `Own`, or raises ValueError for what is no version of its
scheme. `versions` is the way in; the other schemes' orders are `univers`'.
"""

import re
from datetime import date
from typing import Any


class Own:
    """A version under one of the rules written here.

    `numbers` are its leading numbers, for a coarse key; empty where the order has none. `key` is compared.
    """

    __slots__ = ("key", "numbers")

    def __init__(self, numbers: tuple[int, ...], key: Any) -> None:
        self.numbers = numbers
        self.key = key

    def __lt__(self, other: "Own") -> bool:
        return bool(self.key < other.key)

    def __gt__(self, other: "Own") -> bool:
        return bool(self.key > other.key)


_LABELS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_SEMVER = re.compile(
    r"(?P<numbers>(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){0,2})"
    rf"(?:-(?P<pre>{_LABELS}))?(?:\+(?P<build>[0-9A-Za-z.-]+))?",
    re.ASCII,
)
_NUGET = re.compile(
    rf"(?P<numbers>[0-9]+(?:\.[0-9]+){{0,3}})(?:-(?P<pre>{_LABELS}))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII
)
_COMPOSER = re.compile(
    r"v?(?P<numbers>[0-9]+(?:\.[0-9]+){0,3})"
    r"(?:[-_.+]?(?P<word>dev|alpha|a|beta|b|rc|patch|pl|p)(?P<counts>(?:[.-]?[0-9]+)*))?",
    re.ASCII | re.IGNORECASE,
)
_COMPOSER_RANK = {
    "dev": -4,
    "alpha": -3,
    "a": -3,
    "beta": -2,
    "b": -2,
    "rc": -1,
    "": 0,
    "patch": 1,
    "pl": 1,
    "p": 1,
}


def _padded(text: str, width: int) -> tuple[int, ...]:
    numbers = [int(n) for n in text.split(".")]
    return (*numbers, *(0,) * (width - len(numbers)))


def _trimmed(numbers: tuple[int, ...]) -> tuple[int, ...]:
    end = len(numbers)
    while end and numbers[end - 1] == 0:
        end -= 1
    return numbers[:end]


def _labels(text: str | None, absent: int) -> tuple[Any, ...]:
    """Semantic Versioning 2.0.0 section 11: numbers below words. `absent` says where no label at all stands."""
    if text is None:
        return (absent,)
    parts = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in text.split("."))
    return (1 - absent, parts)


def semver(text: str) -> Own:
    """https://semver.org/spec/v2.0.0.html section 11; one to three numbers and a leading `v` are taken."""
    found = _SEMVER.fullmatch(text.removeprefix("v"))
    if found is None:
        raise ValueError(text)
    numbers = _padded(found["numbers"], 3)
    return Own(numbers, (numbers, _labels(found["pre"], 1)))


def actions(text: str) -> Own:
    """As semver, but three numbers: `v4` is a tag that its owner moves to each new 4.x."""
    if text.partition("-")[0].count(".") != 2:
        raise ValueError(text)
    return semver(text)


def dart(text: str) -> Own:
    """As semver, but three numbers, and a build counts: above none. https://dart.dev/tools/pub/versioning"""
    found = _SEMVER.fullmatch(text)
    if found is None or found["numbers"].count(".") != 2:
        raise ValueError(text)
    numbers = _padded(found["numbers"], 3)
    return Own(numbers, (numbers, _labels(found["pre"], 1), _labels(found["build"], 0)))


def nuget(text: str) -> Own:
    """Four numbers, labels without case. https://learn.microsoft.com/nuget/concepts/package-versioning"""
    found = _NUGET.fullmatch(text)
    if found is None:
        raise ValueError(text)
    numbers = _padded(found["numbers"], 4)
    pre = found["pre"]
    return Own(numbers, (numbers, _labels(pre.lower() if pre else None, 1)))


def composer(text: str) -> Own:
    """https://getcomposer.org/doc/articles/versions.md: branches (dev-main) have no order among releases."""
    found = _COMPOSER.fullmatch(text)
    if found is None:
        raise ValueError(text)
    numbers = _padded(found["numbers"], 4)
    rank = _COMPOSER_RANK[(found["word"] or "").lower()]
    counts = tuple(int(n) for n in re.findall(r"[0-9]+", found["counts"] or ""))
    return Own(numbers, (numbers, rank, counts or (0,)))


_MAVEN = re.compile(r"[0-9][0-9A-Za-z._+-]*", re.ASCII)
_MAVEN_PARTS = re.compile(r"([.-]?)([0-9]+|[^0-9.-]+|(?=[.-])|\Z)", re.ASCII)
_MAVEN_RANK = {
    word: rank - 5
    for rank, words in enumerate(
        ("alpha", "beta", "milestone", "rc cr", "snapshot", "ga final release", "sp")
    )
    for word in words.split()
}
_MAVEN_LETTER = {"a": "alpha", "b": "beta", "m": "milestone"}
_MAVEN_END = (0, 0, "")


def maven(text: str) -> Own:
    """https://maven.apache.org/pom.html#version-order-specification. A letter in front (v1.0) is doubt.

    A key is a list of words (0, rank, word), numbers after a hyphen (1, n) and numbers after a dot (2, n). The end
    counts as a release's word: the specification fills up the shorter version so.
    """
    if not _MAVEN.fullmatch(text):
        raise ValueError(text)
    key: list[tuple[Any, ...]] = []
    parts = [(m[1], m[2]) for m in _MAVEN_PARTS.finditer(f".{text.lower()}") if m[0]]
    for i, (mark, word) in enumerate(parts):
        if word.isdecimal() or not word:  # an empty part is 0
            part: tuple[Any, ...] = (2 if mark == "." else 1, int(word or 0))
        else:
            if i + 1 < len(parts) and not parts[i + 1][0]:  # a number follows at once
                word = _MAVEN_LETTER.get(word, word)
            part = (0, _MAVEN_RANK[word], "") if word in _MAVEN_RANK else (0, 2, word)
        if part[0] != 2:
            _trim_nulls(key)
        key.append(part)
    _trim_nulls(key)
    lead = next((i for i, part in enumerate(key) if part[0] != 2), len(key))
    return Own(tuple(part[1] for part in key[:lead]), (*key, _MAVEN_END))


def _trim_nulls(key: list[tuple[Any, ...]]) -> None:
    """Drops what says nothing before a hyphen or the end: 0 and the words for a release."""
    while key and (key[-1] == _MAVEN_END or (key[-1][0] and not key[-1][1])):
        key.pop()


_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
_DASHED = re.compile(r"[0-9]+(?:[.-][0-9]+)*", re.ASCII)


def intdot(text: str) -> Own:
    """Numbers with dots between them, read up to the first other character. vers specification, "intdot"."""
    found = re.match(r"[0-9][0-9.]*", text, re.ASCII)
    if found is None:
        raise ValueError(text)
    numbers = _trimmed(tuple(int(n) for n in found[0].split(".") if n))
    return Own(numbers, numbers)


def generic(text: str) -> Own:
    """Numbers with dots between them and nothing else: what any order of versions would agree on."""
    if not _DOTTED.fullmatch(text):
        raise ValueError(text)
    numbers = _trimmed(tuple(int(n) for n in text.split(".")))
    return Own(numbers, numbers)


def hackage(text: str) -> Own:
    """https://pvp.haskell.org: numbers compared as a list, so that 1.0 is below 1.0.0."""
    if not _DOTTED.fullmatch(text):
        raise ValueError(text)
    numbers = tuple(int(n) for n in text.split("."))
    return Own(numbers, numbers)


def cran(text: str) -> Own:
    """R's `package_version`: numbers with dots or dashes between them, compared as a list."""
    if not _DASHED.fullmatch(text):
        raise ValueError(text)
    numbers = tuple(int(n) for n in re.split(r"[.-]", text))
    return Own(numbers, numbers)


def cpan(text: str) -> Own:
    """Perl's `version`: v1.2.3 by its numbers, 1.002003 by three decimals a number. Underscores are doubt."""
    dotted = text.startswith("v") or text.count(".") > 1
    if not _DOTTED.fullmatch(text.removeprefix("v")):
        raise ValueError(text)
    if dotted:
        numbers = tuple(int(n) for n in text.removeprefix("v").split("."))
    else:
        whole, _, decimals = text.partition(".")
        decimals += "0" * (-len(decimals) % 3)
        numbers = (int(whole), *(int(decimals[i : i + 3]) for i in range(0, len(decimals), 3)))
    numbers = _trimmed(numbers)
    return Own(numbers, numbers)


def lexicographic(text: str) -> Own:
    """Bytes of UTF-8, without normalisation. vers specification, "lexicographic"."""
    return Own((), text.encode("utf-8"))


_MOMENT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<h>[0-9]{2}):(?P<m>[0-9]{2}):(?P<s>[0-9]{2})"
    r"(?:\.(?P<part>[0-9]+))?(?:[Zz]|(?P<sign>[+-])(?P<oh>[0-9]{2}):(?P<om>[0-9]{2}))",
    re.ASCII,
)


def moment(text: str) -> Own:
    """An instant. RFC 3339 section 5.6; second 60 is taken anywhere, as the next second."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    hour, minute, second = int(found["h"]), int(found["m"]), int(found["s"])
    off_hours, off_minutes = int(found["oh"] or 0), int(found["om"] or 0)
    if hour > 23 or minute > 59 or second > 60 or off_hours > 23 or off_minutes > 59:
        raise ValueError(text)
    offset = (off_hours * 60 + off_minutes) * (-60 if found["sign"] == "-" else 60)
    day = date.fromisoformat(found["day"]).toordinal()
    at = day * 86_400 + hour * 3_600 + minute * 60 + second - offset
    return Own((), (at, (found["part"] or "").rstrip("0")))


# apk-tools 3, src/version.c. Where two versions go on with different kinds of part, a pre-release suffix is below
# all, then comes the end, then the others in this order.
_APK = re.compile(
    r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<letter>[a-z])?"
    r"(?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)"
    r"(?:~(?P<hash>[0-9a-f]+))?(?:-r(?P<revision>[0-9]+))?",
    re.ASCII,
)
_APK_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)", re.ASCII)
_APK_RANK = {"alpha": 0, "beta": 1, "pre": 2, "rc": 3, "cvs": 5, "svn": 6, "git": 7, "hg": 8, "p": 9}
_PRE, _END, _REVISION, _HASH, _COUNT, _POST, _LETTER, _NUMBER = range(8)


def apk(text: str) -> Own:
    """Alpine's order: a list of (kind of part, value), compared from the left."""
    found = _APK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    first, *rest = found["numbers"].split(".")
    # After the first number, one with a leading zero compares as text, below all that have none.
    key: list[tuple[Any, ...]] = [(_NUMBER, int(first))]
    key += [(_NUMBER, 0, n) if n.startswith("0") else (_NUMBER, 1, int(n)) for n in rest]
    if found["letter"]:
        key.append((_LETTER, found["letter"]))
    for word, count in _APK_SUFFIX.findall(found["suffixes"]):
        rank = _APK_RANK[word]
        key.append((_PRE if rank < 4 else _POST, rank))
        if count:
            key.append((_COUNT, int(count)))
    if found["hash"]:
        key.append((_HASH, found["hash"]))
    if found["revision"]:
        key.append((_REVISION, int(found["revision"])))
    return Own((int(first),), (*key, (_END,)))
