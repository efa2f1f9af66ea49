"""Version order: exact where the ecosystem's rule is known, coarse for a database, doubt for all else.

`compare` is exact or raises `Doubt`; a caller that meets doubt says "possible". `coarse` gives a text key
with a <= b => coarse(a) <= coarse(b) (bytewise, `COLLATE "C"`), or None where no such key is known. A version
that `compare` would doubt has no coarse key, so that a database filter never hides a doubt.

Package managers' own rules for npm, cargo, Go, NuGet and Composer are written here; the others are
`univers`'.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from univers import versions as u

from vouchsafe.sbom.errors import SbomError, shown
from vouchsafe.sbom.limits import MAX_VERSION_CHARS


class Doubt(SbomError):
    """The two versions can't be put in order with certainty."""


# What `univers` and the libraries under it raise on odd versions. Not only InvalidVersion: comparing two
# classes, an unpacking, an index. Each of them means "can't tell" and nothing else does.
_LIBRARY_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

_SEMVER = re.compile(
    r"(?P<numbers>(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){0,2})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+(?P<build>[0-9A-Za-z.-]+))?",
    re.ASCII,
)
_NUGET = re.compile(
    r"(?P<numbers>[0-9]+(?:\.[0-9]+){0,3})(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)
_COMPOSER = re.compile(
    r"v?(?P<numbers>[0-9]+(?:\.[0-9]+){0,3})"
    r"(?:[-_.+]?(?P<word>dev|alpha|a|beta|b|rc|patch|pl|p)(?:[-_.+]?(?P<count>[0-9]+))?)?",
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


class _Own:
    """A version under one of the rules written here: its numbers and a key that Python can compare."""

    __slots__ = ("key", "numbers")

    def __init__(self, numbers: tuple[int, ...], rest: tuple[Any, ...]) -> None:
        self.numbers = numbers
        self.key = (numbers, rest)

    def __lt__(self, other: "_Own") -> bool:
        return self.key < other.key

    def __gt__(self, other: "_Own") -> bool:
        return self.key > other.key


def _prerelease(text: str | None) -> tuple[Any, ...]:
    """Semantic Versioning 2.0.0 section 11: a release is above its pre-releases; numbers below words."""
    if text is None:
        return (1,)
    parts = text.split(".")
    return (0, tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts))


def _semver(text: str) -> _Own:
    found = _SEMVER.fullmatch(text.removeprefix("v"))
    if found is None:
        raise ValueError(text)
    numbers = [int(n) for n in found["numbers"].split(".")]
    return _Own((*numbers, *(0,) * (3 - len(numbers))), _prerelease(found["pre"]))


def _nuget(text: str) -> _Own:
    # https://learn.microsoft.com/nuget/concepts/package-versioning: four numbers, case-insensitive labels.
    found = _NUGET.fullmatch(text)
    if found is None:
        raise ValueError(text)
    numbers = [int(n) for n in found["numbers"].split(".")]
    pre = found["pre"]
    return _Own((*numbers, *(0,) * (4 - len(numbers))), _prerelease(pre.lower() if pre else None))


def _composer(text: str) -> _Own:
    # https://getcomposer.org/doc/articles/versions.md: branches (dev-main) have no order among releases.
    found = _COMPOSER.fullmatch(text)
    if found is None:
        raise ValueError(text)
    numbers = [int(n) for n in found["numbers"].split(".")]
    rank = _COMPOSER_RANK[(found["word"] or "").lower()]
    return _Own((*numbers, *(0,) * (4 - len(numbers))), (rank, int(found["count"] or 0)))


_EXACT: dict[str, Callable[[str], Any]] = {
    "semver": _semver,
    "nuget": _nuget,
    "composer": _composer,
    "pypi": u.PypiVersion,
    "gem": u.RubygemsVersion,
    "maven": u.MavenVersion,
    "deb": u.DebianVersion,
    "rpm": u.RpmVersion,
    "apk": u.AlpineLinuxVersion,
    "alpm": u.ArchLinuxVersion,
    "ebuild": u.GentooVersion,
    "openssl": u.OpensslVersion,
    "conan": u.ConanVersion,
    "lexicographic": u.LexicographicVersion,
}

_SCHEME_OF_TYPE = {
    **dict.fromkeys(
        ("npm", "cargo", "golang", "hex", "swift", "githubactions", "bitnami", "julia"), "semver"
    ),
    **{
        t: t
        for t in ("nuget", "composer", "pypi", "gem", "maven", "deb", "rpm", "apk", "alpm", "ebuild", "conan")
    },
}


def scheme_of(package_key: str) -> str | None:
    """The version order of a package key's type, or None where none is known (`generic`, `github`, …)."""
    return _SCHEME_OF_TYPE.get(package_key.removeprefix("pkg:").partition("/")[0])


@lru_cache(maxsize=65_536)
def _parsed(scheme: str, text: str) -> Any:
    make = _EXACT.get(scheme)
    if make is None:
        raise Doubt(f"no version order is known for {scheme}")
    if not text or len(text) > MAX_VERSION_CHARS:
        raise Doubt(f"{shown(text)} is no version that can be compared")
    try:
        return make(text)
    except _LIBRARY_ERRORS:
        raise Doubt(f"{shown(text)} is no {scheme} version") from None


def compare(scheme: str, a: str, b: str) -> int:
    """-1, 0 or 1 as `a` is below, equal to or above `b` in `scheme`.

    Raises:
        Doubt: one of them is no version of the scheme, the scheme is unknown, or the comparator failed.
    """
    left, right = _parsed(scheme, a), _parsed(scheme, b)
    try:
        below, above = bool(left < right), bool(left > right)
    except _LIBRARY_ERRORS:
        raise Doubt(f"{shown(a)} and {shown(b)} can't be compared as {scheme} versions") from None
    if below and above:
        raise Doubt(f"the {scheme} comparator contradicts itself on {shown(a)} and {shown(b)}")
    return -1 if below else 1 if above else 0


def is_version(scheme: str, text: str) -> bool:
    """Whether `compare` knows what to do with `text`."""
    try:
        _parsed(scheme, text)
    except Doubt:
        return False
    return True


_TOP = 99_999_999
_LEADING = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)
# Anything with another colon in it is left to the exact comparator: comparators disagree on what the epoch
# is then. So is a leading zero.
_EPOCH = re.compile(r"(?:(?P<epoch>[0-9]+):)?(?P<first>0|[1-9][0-9]*)(?:[^0-9:][^:]*)?", re.ASCII)


def coarse(package_key_or_scheme: str, version: str) -> str | None:
    """The coarse key `EE:PPPPPPPP.PPPPPPPP.PPPPPPPP` of a version, or None: always a candidate.

    The argument is a package key (`pkg:cargo/time`) or the name of a scheme (`semver`).
    """
    given = package_key_or_scheme
    scheme = scheme_of(given) if given.startswith("pkg:") else given
    if scheme is None or not is_version(scheme, version):
        return None
    value = _parsed(scheme, version)
    if isinstance(value, _Own):
        return _coarse_text(0, value.numbers)
    if scheme == "pypi":
        return _coarse_text(value.value.epoch, value.value.release)
    if scheme in ("gem", "maven"):
        found = _LEADING.match(version.removeprefix("v"))
        return _coarse_text(0, [int(n) for n in found[0].split(".")]) if found else None
    if scheme in ("deb", "rpm", "alpm"):
        # After the first number letters may sort above numbers (Debian policy 5.6.12), so the key ends there.
        first = _EPOCH.fullmatch(version)
        return _coarse_text(int(first["epoch"] or 0), [int(first["first"])]) if first else None
    if scheme in ("apk", "ebuild"):
        first = _EPOCH.fullmatch(version)
        return _coarse_text(0, [int(first["first"])]) if first and first["epoch"] is None else None
    return None


def _coarse_text(epoch: int, numbers: Any) -> str:
    if epoch >= 99:
        return f"99:{_TOP}.{_TOP}.{_TOP}"
    parts = [0, 0, 0]
    for place, number in enumerate(list(numbers)[:3]):
        if number >= _TOP:  # saturated: all that follows too, or a larger version would get a smaller key
            parts[place:] = [_TOP] * (3 - place)
            break
        parts[place] = number
    return f"{epoch:02}:{parts[0]:08}.{parts[1]:08}.{parts[2]:08}"
