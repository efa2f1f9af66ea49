"""Package URLs: taken apart, and reduced to the key that components and advisories are joined on.

A package key is type, namespace and name, without version and qualifiers, folded so that two spellings of one
package give one key. It may fold more than the registry would (a candidate too many); it never splits one
package in two.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from packageurl import PackageURL

from vouchsafe.sbom.errors import Malformed, shown
from vouchsafe.sbom.limits import MAX_PURL_CHARS

# Types whose registry treats names without regard to case.
# https://github.com/package-url/purl-spec/tree/main/types
_CASELESS = frozenset(
    [
        "alpm",
        "apk",
        "bitbucket",
        "bitnami",
        "cargo",
        "composer",
        "conda",
        "deb",
        "githubactions",
        "github",
        "gitlab",
        "golang",
        "hex",
        "npm",
        "nuget",
        "oci",
        "pub",
        "pypi",
        "rpm",
        "swift",
    ]
)
# OSV names a distribution's source package; a purl of a binary package says which in `upstream`.
_SOURCE_NAMED = frozenset(("deb", "apk"))


@dataclass(frozen=True, slots=True)
class Purl:
    """A package URL in its parts. Absent parts are empty; `qualifiers` keys are lower case."""

    type: str
    namespace: str
    name: str
    version: str
    qualifiers: Mapping[str, str]
    subpath: str


@lru_cache(maxsize=131_072)
def parse(text: str) -> Purl:
    """The parts of a package URL.

    Raises:
        Malformed: not a package URL, or longer than the limit.
    """
    if len(text) > MAX_PURL_CHARS:
        raise Malformed("purl", f"at most {MAX_PURL_CHARS:,} characters", f"{len(text):,}")
    try:
        p = PackageURL.from_string(text)
    except (
        ValueError,
        TypeError,
        AttributeError,
    ) as told:  # the library raises ValueError, except on some odd texts
        raise Malformed(
            "purl", "a package URL such as pkg:deb/debian/curl@8.5.0", f"{shown(text)} ({told})"
        ) from None
    qualifiers = dict(p.qualifiers) if isinstance(p.qualifiers, dict) else {}
    return Purl(p.type, p.namespace or "", p.name, p.version or "", qualifiers, p.subpath or "")


@lru_cache(maxsize=131_072)
def key(text: str) -> str:
    """The package key of a package URL, with or without version: `pkg:cargo/time`.

    Raises:
        Malformed: not a package URL.
    """
    p = parse(text)
    return key_of(p.type, p.namespace, p.name)


def key_of(type_: str, namespace: str, name: str) -> str:
    """The package key of the parts. Equal keys are one object, so that many components share it."""
    type_ = type_.lower()
    if type_ in _CASELESS:
        namespace, name = namespace.lower(), name.lower()
    if type_ in ("pypi", "cargo"):
        # PEP 503; crates.io also takes `_` and `-` for the same name.
        name = re.sub(r"[-_.]+" if type_ == "pypi" else "_", "-", name)
    namespace = {"rocky-linux": "rocky", "alma": "almalinux"}.get(namespace, namespace)
    path = f"{namespace.strip('/')}/{name}" if namespace else name
    return sys.intern(f"pkg:{type_}/{path}")


def source_of(p: Purl) -> tuple[str, str]:
    """Name and version by which advisories know the package: its source package's, if it names one."""
    upstream = p.qualifiers.get("upstream", "") if p.type in _SOURCE_NAMED else ""
    if not upstream:
        return p.name, p.version
    name, _, version = upstream.partition("@")
    return name or p.name, version or p.version


# Code names that purls carry in `distro`, and the release number that OSV uses for them.
_CODE_NAMES = {
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "bionic": "18.04",
    "focal": "20.04",
    "jammy": "22.04",
    "noble": "24.04",
}
_RELEASE = re.compile(r"(?:[a-z]+[-_])?v?([0-9]+(?:\.[0-9]+)*)", re.ASCII)


def release_of(p: Purl) -> str:
    """The distribution's release that the URL names (`12`, `22.04`, `3.19`), or an empty string."""
    return release(p.namespace, p.qualifiers.get("distro", ""))


def release(distribution: str, text: str) -> str:
    """A release as a number that can be compared, or an empty string when the text says none that is known.

    Debian and the rpm distributions are told apart by the first number, Alpine and Ubuntu by two.
    """
    word = text.lower().removesuffix(":lts").removeprefix("pro:")
    word = word.removeprefix(f"{distribution}-")
    found = _RELEASE.fullmatch(_CODE_NAMES.get(word, word))
    if found is None:
        return ""
    parts = found[1].split(".")
    return ".".join(parts[:2]) if distribution in ("ubuntu", "alpine") else parts[0]
