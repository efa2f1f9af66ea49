"""Version order: exact where the ecosystem's rule is known, coarse for a database, doubt for all else.

`compare` is exact or raises `Doubt`; a caller that meets doubt says "possible". `coarse` gives a text key
with a <= b => coarse(a) <= coarse(b) (bytewise, `COLLATE "C"`), or None where no such key is known. A version
that `compare` would doubt has no coarse key, so that a database filter never hides a doubt.

The orders that are short enough to be read are in `orders`: semver and its kin (npm, cargo, Go, Hex, Dart),
NuGet, Composer, Alpine, CPAN, CRAN, Hackage, and the vers specification's datetime, intdot and lexicographic.
The others are `univers`'. Its known faults are kept out here: only `<` and `>` of its classes are used (its
Alpine `<=` compares text), text is ASCII and without spaces before it gets there (it drops spaces and takes
other scripts' digits), no version is longer than a limit, and what it raises is doubt.

    >>> compare("semver", "1.10.0", "1.9.0")
    1
    >>> coarse("pkg:cargo/time", "0.3.44")
    '00:00000000.00000003.00000044'
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from univers import rpm
from univers import versions as u

from vouchsafe.sbom import orders
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

_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)

# What `univers` compares without looking: rpm(8) and PKGBUILD(5) allow one epoch and one release, and no junk.
_SHAPES = {
    "rpm": re.compile(r"(?:[0-9]+:)?[A-Za-z0-9._+~^]+(?:-[A-Za-z0-9._+~^]+)?", re.ASCII),
    "alpm": re.compile(r"(?:[0-9]+:)?[^:/-]+(?:-[^:/-]+)?", re.ASCII),
    # Words (`cci.20220101`, `system`, `v1.2`) stand above all numbers for `univers`, and for Conan beside them.
    "conan": re.compile(r"[0-9][0-9A-Za-z.]*(?:-[0-9A-Za-z.-]*)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII),
}

_GEM_ADDITION = re.compile(r"-(?!(?:a|b|alpha|beta|pre|rc|dev)[0-9.]*\Z)", re.ASCII | re.IGNORECASE)


def _gem(text: str) -> Any:
    """A gem's file name has its platform behind a hyphen (`1.19.3-x86_64-linux`), a version its pre-release."""
    if _GEM_ADDITION.search(text):
        raise ValueError(text)
    return u.RubygemsVersion(text)


_MAVEN_RELEASE = re.compile(r"(?<![a-z])release(?![a-z])", re.ASCII | re.IGNORECASE)


class _Maven:
    """Maven's order as it is written down now, and as `univers` has it from older Mavens; both must agree.

    They differ on words behind a dot: 5.0.M1 is below 5.0 in both, and below 5.0-1 in the newer only.
    """

    def __init__(self, text: str) -> None:
        self.written = orders.maven(text)
        # `release` came later; it means what `ga` does.
        self.older = u.MavenVersion(_MAVEN_RELEASE.sub("ga", text))

    def __lt__(self, other: "_Maven") -> bool:
        below = self.written < other.written
        if below != bool(self.older < other.older):
            raise ValueError("Mavens differ")
        return below

    def __gt__(self, other: "_Maven") -> bool:
        return other < self


_EXACT: dict[str, Callable[[str], Any]] = {
    "semver": orders.semver,
    "dart": orders.dart,
    "actions": orders.actions,
    "nuget": orders.nuget,
    "composer": orders.composer,
    "apk": orders.apk,
    "cpan": orders.cpan,
    "cran": orders.cran,
    "hackage": orders.hackage,
    "generic": orders.generic,
    "intdot": orders.intdot,
    "datetime": orders.moment,
    "lexicographic": orders.lexicographic,
    "pypi": u.PypiVersion,
    "gem": _gem,
    "maven": _Maven,
    "deb": u.DebianVersion,
    "rpm": u.RpmVersion,
    "alpm": u.ArchLinuxVersion,
    "ebuild": u.GentooVersion,
    "openssl": u.OpensslVersion,
    "conan": u.ConanVersion,
}
SCHEMES = tuple(_EXACT)
"""The orders that are known here, by the names that `compare` takes."""

_SCHEME_OF_TYPE = {
    **dict.fromkeys(("npm", "cargo", "golang", "hex", "swift", "bitnami", "julia"), "semver"),
    "pub": "dart",
    "githubactions": "actions",
    **{
        t: t
        for t in (
            *("nuget", "composer", "pypi", "gem", "maven", "deb", "rpm", "apk", "alpm", "ebuild", "conan"),
            *("cpan", "cran", "hackage"),
        )
    },
}
# Orders by the names that the vers specification and `univers` give them.
_SCHEME_OF_VERS = {
    **_SCHEME_OF_TYPE,
    **dict.fromkeys(("semver", "nginx", "mattermost", "mozilla", "apache", "github"), "semver"),
    **{s: s for s in ("openssl", "generic", "intdot", "datetime", "lexicographic")},
    "gentoo": "ebuild",
    "dart": "dart",
}


def scheme_of_vers(name: str) -> str | None:
    """The version order of a vers type (`npm`, `deb`, `datetime`), or None where none is known."""
    return _SCHEME_OF_VERS.get(name)


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
    if scheme != "lexicographic" and not _PRINTABLE.fullmatch(text):
        raise Doubt(f"{shown(text)} is no {scheme} version")
    shape = _SHAPES.get(scheme)
    if shape is not None and not shape.fullmatch(text):
        raise Doubt(f"{shown(text)} is no {scheme} version")
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
    if scheme == "rpm" and _release_missing(left.value, right.value):
        raise Doubt(f"one of {shown(a)} and {shown(b)} has no release, and their versions are equal")
    try:
        below, above = bool(left < right), bool(left > right)
    except _LIBRARY_ERRORS:
        raise Doubt(f"{shown(a)} and {shown(b)} can't be compared as {scheme} versions") from None
    if below and above:
        raise Doubt(f"the {scheme} comparator contradicts itself on {shown(a)} and {shown(b)}")
    return -1 if below else 1 if above else 0


_rpm_order: Callable[[str, str], int] = rpm.vercmp


def _release_missing(a: rpm.RpmVersion, b: rpm.RpmVersion) -> bool:
    """rpm takes 1.0 for equal to every 1.0-N; `univers` puts it below them all. So the two are not in order."""
    return a.epoch == b.epoch and bool(a.release) != bool(b.release) and _rpm_order(a.version, b.version) == 0


def is_version(scheme: str, text: str) -> bool:
    """Whether `compare` knows what to do with `text`."""
    try:
        _parsed(scheme, text)
    except Doubt:
        return False
    return True


_TOP = 99_999_999
_EMPTY_IS_ZERO = frozenset(
    ("cpan", "generic", "intdot")
)  # their zeros at the end are cut off: 0.0 has no numbers
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
    if isinstance(value, orders.Own):
        return _coarse_text(0, value.numbers) if value.numbers or scheme in _EMPTY_IS_ZERO else None
    if scheme == "pypi":
        return _coarse_text(value.value.epoch, value.value.release)
    if isinstance(value, _Maven):
        return _coarse_text(0, value.written.numbers)
    if scheme == "gem":
        found = _LEADING.match(version.removeprefix("v"))
        return _coarse_text(0, [int(n) for n in found[0].split(".")]) if found else None
    if scheme in ("deb", "rpm", "alpm"):
        # After the first number letters may sort above numbers (Debian policy 5.6.12), so the key ends there.
        first = _EPOCH.fullmatch(version)
        return _coarse_text(int(first["epoch"] or 0), [int(first["first"])]) if first else None
    if scheme == "ebuild":
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
