"""Package URLs: taken apart, put together, and reduced to the key that components and advisories are joined on.

`parse` and `build` are exact: the package-url specification (ECMA-427) with the rules of each registered type.
`parts` reads the syntax and the type's spelling only: SBOMs leave out what a type asks for
(`pkg:golang/stdlib`), and such a URL still says which package it is.

A package key is type, namespace and name, without version and qualifiers, folded so that two spellings of one
package give one key. It may fold more than the registry would (a candidate too many); it never splits one
package in two.

    >>> parse("pkg:npm/%40angular/animation@12.3.1").namespace
    '@angular'
    >>> canonical("pkg:PYPI/Django_package@1.11.1.dev1")
    'pkg:pypi/django-package@1.11.1.dev1'
    >>> build("deb", "debian", "attr", "1:2.4.47-2+b1", {"arch": "amd64"})
    'pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64'
    >>> key("pkg:pypi/Foo.Bar@1")
    'pkg:pypi/foo-bar'
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from vouchsafe.sbom import purl_types
from vouchsafe.sbom.errors import Malformed, shown
from vouchsafe.sbom.limits import MAX_PURL_CHARS, MAX_PURL_QUALIFIERS

# Types whose registry treats names without regard to case.
# https://github.com/package-url/purl-spec/tree/main/types
_CASELESS = frozenset(
    [
        "alpm",
        "apk",
        "bitbucket",
        "bitnami",
        "brew",
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
# Whose names are exact: a product of another name is another product.
REGISTRIES = frozenset(
    ("bioconductor", "bitnami", "cargo", "cocoapods", "composer", "conda", "cpan", "cran", "gem", "githubactions", "golang",
     "hackage", "hex", "julia", "luarocks", "maven", "npm", "nuget", "opam", "pub", "pypi", "swift", "vscode-extension")
)  # fmt: skip
# OSV names a distribution's source package; a purl of a binary package says which in `upstream`, or the SBOM beside it.
_SOURCE_NAMED = frozenset(("deb", "apk"))
# What generators take from os-release, and the word of OSV and of the vendors' own package URLs.
_DISTRIBUTIONS = {
    "rocky-linux": "rocky",
    "alma": "almalinux",
    "rhel": "redhat",
    **dict.fromkeys(("sles", "sled", "sle-micro", "sl-micro"), "suse"),
    **dict.fromkeys(("opensuse-leap", "opensuse-tumbleweed"), "opensuse"),
    "mariner": "azurelinux",
}
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9.-]*", re.ASCII)
_QUALIFIER_KEY = re.compile(r"[a-z][a-z0-9._-]*", re.ASCII)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Purl:
    """A package URL in its parts. Absent parts are empty; `qualifiers` keys are lower case."""

    type: str
    namespace: str
    name: str
    version: str
    qualifiers: Mapping[str, str]
    subpath: str

    def __str__(self) -> str:
        return _joined(self)


@lru_cache(maxsize=131_072)
def parse(text: str) -> Purl:
    """The parts of a package URL, in the canonical spelling of its type.

    Raises:
        Malformed: not a package URL, longer than the limit, or without what its type asks for. `place` is
            `purl`, or names the part: `purl type`, `purl qualifier arch`.

    Source: package-url specification, "How to parse a PURL"; the type definitions.
    """
    return _ruled(parts(text))


# Most package URLs: nothing to decode, no subpath. A bill of materials has tens of thousands of them.
_PLAIN = re.compile(
    r"pkg:([a-z][a-z0-9.-]*)/((?:[\w.~-]+/)*)([\w.~+-]+)@([\w.~+:-]+)"
    r"(?:\?((?:[a-z][a-z0-9._-]*=[\w.~+:/-]+&)*[a-z][a-z0-9._-]*=[\w.~+:/-]+))?",
    re.ASCII,
)


@lru_cache(maxsize=131_072)
def parts(text: str) -> Purl:
    """As `parse`, but without what a type requires or prohibits: what the URL says, be it enough or not.

    Raises:
        Malformed: not a package URL, or longer than the limit.
    """
    plain = _PLAIN.fullmatch(text) if len(text) <= MAX_PURL_CHARS else None
    if plain is None:
        return _taken_apart(text)
    type_, folders, name, version, query = plain.groups()
    pairs = dict(pair.split("=") for pair in query.split("&")) if query else {}
    if query and (len(pairs) != query.count("=") or len(pairs) > MAX_PURL_QUALIFIERS):
        return _taken_apart(text)
    namespace, name, version, folded, path = purl_types.folded(type_, folders[:-1], name, version, pairs, "")
    return Purl(type_, namespace, name, version, dict(sorted(folded.items())), path)


def _taken_apart(text: str) -> Purl:
    """Any package URL, step by step as the specification says."""
    if len(text) > MAX_PURL_CHARS:
        raise Malformed("purl", f"at most {MAX_PURL_CHARS:,} characters", f"{len(text):,}")
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() != "pkg":
        raise Malformed("purl", "a package URL such as pkg:deb/debian/curl@8.5.0", shown(text))
    found = _CONTROL.search(text)
    if found:
        raise Malformed("purl", "no control characters", f"{found[0]!a} at character {found.start() + 1}")
    rest, _, subpath = _right(rest, "#")
    rest, _, query = _right(rest, "?")
    type_, _, path = rest.lstrip("/").partition("/")
    if not _TYPE.fullmatch(type_):
        raise Malformed("purl type", "a letter, then letters, digits, dots and dashes", shown(type_))
    path, version = _split_version(path)
    *folders, name = path.rstrip("/").split("/")
    segments = [_decoded(s, "namespace") for s in folders if s]
    return _assembled(
        type_.lower(),
        segments,
        _decoded(name, "name"),
        _decoded(version, "version"),
        _qualifiers(query),
        [_decoded(s, "subpath") for s in subpath.split("/") if s],
    )


def build(
    type: str | None,
    namespace: str | None,
    name: str | None,
    version: str | None = None,
    qualifiers: Mapping[str, str] | None = None,
    subpath: str | None = None,
) -> str:
    """The canonical package URL of the parts. Absent parts are None or empty.

    Raises:
        Malformed: the parts make no package URL, or not one of their type.

    Source: package-url specification, "How to build a PURL".
    """
    if not type or not _TYPE.fullmatch(type):
        raise Malformed("purl type", "a letter, then letters, digits, dots and dashes", shown(type or ""))
    pairs: dict[str, str] = {}
    for key_, value in (qualifiers or {}).items():
        _add_qualifier(pairs, key_, value)
    made = _assembled(
        type.lower(),
        [s for s in (namespace or "").split("/") if s],
        (name or "").strip("/"),
        version or "",
        pairs,
        [s for s in (subpath or "").split("/") if s],
    )
    text = _joined(_ruled(made))
    if len(text) > MAX_PURL_CHARS:
        raise Malformed("purl", f"at most {MAX_PURL_CHARS:,} characters", f"{len(text):,}")
    return text


def canonical(text: str) -> str:
    """The canonical spelling of a package URL: `parse`, then `build`.

    Raises:
        Malformed: as `parse`.
    """
    return _joined(parse(text))


def validate(text: str) -> tuple[str, ...]:
    """What is wrong with a package URL, in sentences; nothing where it is valid and in its canonical spelling."""
    try:
        made = canonical(text)
    except Malformed as told:
        return (str(told),)
    return () if made == text else (f"purl: expected the canonical spelling {made}, got {shown(text)}",)


def _right(text: str, mark: str) -> tuple[str, str, str]:
    """`text` split once from the right; all of it on the left where there is no mark."""
    left, found, right = text.rpartition(mark)
    return (left, found, right) if found else (right, "", "")


def _split_version(path: str) -> tuple[str, str]:
    """Path and version. An `@` at the start of a segment that is not the last is an npm scope, no separator."""
    at = path.rfind("@")
    if at < 0:
        return path, ""
    starts = at == 0 or path[at - 1] == "/"
    if not starts:
        return path[:at], path[at + 1 :]
    if "/" in path[at:]:
        return path, ""
    raise Malformed("purl name", "a name before the version", "nothing")


def _decoded(text: str, part: str) -> str:
    """Percent-decoded once, as UTF-8."""
    bad = _BAD_PERCENT.search(text)
    if bad:
        raise Malformed(
            f"purl {part}", "two hex digits after each %", shown(text[bad.start() : bad.start() + 3])
        )
    try:
        return unquote_to_bytes(text).decode("utf-8") if "%" in text else text
    except UnicodeError:
        raise Malformed(f"purl {part}", "UTF-8 under the percent-encoding", shown(text)) from None


def _qualifiers(query: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        if not pair:
            continue
        key_, _, value = pair.partition("=")
        _add_qualifier(pairs, key_, _decoded(value, f"qualifier {key_}"))
    return pairs


def _add_qualifier(pairs: dict[str, str], name: str, value: str) -> None:
    name = name.lower()
    if not _QUALIFIER_KEY.fullmatch(name):
        raise Malformed(
            "purl qualifiers", "keys of letters, digits, dots, dashes and underscores", shown(name)
        )
    if name in pairs:
        raise Malformed(f"purl qualifier {name}", "each key once", "it twice")
    if value:  # a key without value is the same as no key
        pairs[name] = value
    if len(pairs) > MAX_PURL_QUALIFIERS:
        raise Malformed("purl qualifiers", f"at most {MAX_PURL_QUALIFIERS}", f"{len(pairs)}")


def _assembled(
    type_: str,
    segments: list[str],
    name: str,
    version: str,
    qualifiers: dict[str, str],
    subpath: list[str],
) -> Purl:
    """One `Purl` in the type's spelling. The rules that hold for every type are checked here."""
    name = name.strip("/")
    if not name:
        raise Malformed("purl name", "a name", "nothing")
    subpath = [s for s in subpath if s not in (".", "..")]
    for part, all_segments in (("namespace", segments), ("subpath", subpath)):
        for segment in all_segments:
            if "/" in segment:
                raise Malformed(f"purl {part}", "no slash inside a segment", shown(segment))
    for part, texts in (
        ("namespace", segments),
        ("name", [name]),
        ("version", [version]),
        ("qualifiers", [*qualifiers.values()]),
        ("subpath", subpath),
    ):
        _refuse_unprintable(part, texts)
    namespace, name, version, folded, path = purl_types.folded(
        type_, "/".join(segments), name, version, qualifiers, "/".join(subpath)
    )
    return Purl(type_, namespace, name, version, dict(sorted(folded.items())), path)


def _refuse_unprintable(part: str, texts: list[str]) -> None:
    """NUL can't be stored and half a surrogate pair can't be encoded; neither names a package."""
    for text in texts:
        if "\0" in text:
            raise Malformed(f"purl {part}", "no NUL", shown(text))
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise Malformed(f"purl {part}", "Unicode text", shown(text))


def _ruled(p: Purl) -> Purl:
    """`p` itself, when it has what its type asks for."""
    broken = purl_types.fault(p.type, p.namespace, p.name, p.version, p.qualifiers)
    if broken:
        raise Malformed(f"purl {broken[0]}", broken[1], shown(broken[2] or None))
    return p


def _encoded(text: str) -> str:
    # Specification, "Character encoding": all but letters, digits, `.-_~` and the colon.
    return quote(text, safe=":")


def _joined(p: Purl) -> str:
    path = "/".join(_encoded(s) for s in [*p.namespace.split("/"), p.name] if s)
    text = f"pkg:{p.type}/{path}"
    if p.version:
        text += f"@{_encoded(p.version)}"
    if p.qualifiers:
        text += "?" + "&".join(f"{k}={_encoded(v)}" for k, v in sorted(p.qualifiers.items()))
    if p.subpath:
        text += "#" + "/".join(_encoded(s) for s in p.subpath.split("/"))
    return text


@lru_cache(maxsize=131_072)
def key(text: str) -> str:
    """The package key of a package URL, with or without version: `pkg:cargo/time`.

    Raises:
        Malformed: not a package URL.
    """
    p = parts(text)
    return key_of(p.type, p.namespace, p.name)


def key_of(type_: str, namespace: str, name: str) -> str:
    """The package key of the parts. Equal keys are one object, so that many components share it."""
    type_ = type_.lower()
    if type_ in _CASELESS:
        namespace, name = namespace.lower(), name.lower()
    if type_ in ("pypi", "cargo"):
        # PEP 503; crates.io also takes `_` and `-` for the same name.
        name = re.sub(r"[-_.]+" if type_ == "pypi" else "_", "-", name)
    namespace = _DISTRIBUTIONS.get(namespace, namespace) if type_ == "rpm" else namespace
    if type_ == "conan":  # the vendor is no part of a recipe's reference, and advisories leave it out
        namespace = ""
    elif type_ == "swift":
        name = name.removesuffix(".git")
    elif type_ == "golang" and not namespace and name == "std":
        name = "stdlib"
    path = f"{namespace.strip('/')}/{name}" if namespace else name
    return sys.intern(f"pkg:{type_}/{path}")


def version_of(p: Purl) -> str:
    """The version as advisories write it: of rpm, and of deb as Trivy writes it, with the epoch in front."""
    epoch = p.qualifiers.get("epoch", "") if p.type in ("rpm", "deb") else ""
    if epoch.isascii() and epoch.isdecimal() and p.version and ":" not in p.version:
        return f"{epoch}:{p.version}"
    return p.version


def source_of(p: Purl, beside: str = "") -> tuple[str, str]:
    """Name and version by which advisories know the package: its source package's, if it names one.

    `beside` is the source that is named beside the URL, in the form of `upstream`; it counts where the URL names none.
    """
    upstream = (p.qualifiers.get("upstream") or beside) if p.type in _SOURCE_NAMED else ""
    name, _, version = upstream.partition("@")
    return name or p.name, version or version_of(p)


def lacks_namespace(p: Purl) -> bool:
    """Whether the URL leaves out the namespace without which it names no package. Go's standard library has none."""
    return (
        not p.namespace
        and p.type != "golang"
        and purl_types.RULES.get(p.type, _NO_RULE).namespace == "required"
    )


_NO_RULE = purl_types.TypeRule("optional")
_SOURCE_RPM = re.compile(r"(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm", re.DOTALL)


def others_of(p: Purl, beside: str = "") -> tuple[tuple[str, str], ...]:
    """Further packages that the URL may be about, as (package key, version). `beside`: as of `source_of`.

    A Go module's path beyond the third part, which Syft writes as a subpath; a binary package beside its source, or
    the source rpm that it was built from; Debian's kernel, whose signed build has a source of its own; an action, a
    Go module or a Swift package, which generators name as the repository that it is.
    """
    if p.type == "golang" and p.subpath:
        return ((key_of(p.type, p.namespace, f"{p.name}/{p.subpath}"), p.version),)
    if p.type == "github":
        path = f"github.com/{p.namespace}"
        folders = {"githubactions": p.namespace, "golang": path, "swift": path}
        return tuple((key_of(type_, folder, p.name), p.version) for type_, folder in folders.items())
    upstream = p.qualifiers.get("upstream", "")
    if p.type == "rpm":
        built = _SOURCE_RPM.fullmatch(upstream)
        source, _, version = (built[1], "", "") if built else beside.partition("@")
        named = source and source != p.name
        return ((key_of(p.type, p.namespace, source), version or version_of(p)),) if named else ()
    if not (upstream or beside) or p.type not in _SOURCE_NAMED:
        return ()
    source, names = source_of(p, beside)[0], [p.name]
    if p.type == "deb" and source.startswith("linux-signed"):
        names.append("linux")
    return tuple((key_of(p.type, p.namespace, name), version_of(p)) for name in names if name != source)


def elsewhere(p: Purl) -> str:
    """From where a package is that the URL says not to be from the registry of its type; empty otherwise.

    A crate of the workspace or of a repository, as cargo-cyclonedx writes it; a recipe of one's own of Conan.
    """
    if p.type not in REGISTRIES and p.type != "conan":
        return ""
    download, said = p.qualifiers.get("download_url", ""), p.qualifiers
    return (
        said.get("vcs_url", "") or said.get("user", "") or (download if download.startswith("file:") else "")
    )


def names_of(p: Purl, beside: str = "") -> set[str]:
    """The names by which products may know the package: its own, its source's. `beside`: as of `source_of`."""
    others = others_of(p, beside) if p.type in ("deb", "rpm") else ()
    return {p.name, source_of(p, beside)[0], *(key.rpartition("/")[2] for key, _ in others)}


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
    if distribution in ("ubuntu", "alpine"):
        return ".".join(parts[:2]) if len(parts) > 1 else ""
    return parts[0]
