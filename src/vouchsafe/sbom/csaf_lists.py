"""What CSAF's tests look up in the lists of others: language subtags, CWE names, SSVC decision points, licences.

Each list is a file of facts in `data`, whose head says of which release it is; what a later release adds is not
in it. Source: RFC 5646 section 2.2.9; CSAF 2.0 and 2.1 tests 6.1.11 and 6.1.12, CSAF 2.1 tests 6.1.48 and 6.1.55.

    >>> language_exists("de-CH-1996"), language_exists("ez")
    (True, False)
    >>> cwe_fault("CWE-79", "Improper Input Validation", "4.13")[0]
    'name'
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

from vouchsafe.sbom.cyclonedx_rules import spdx_ids
from vouchsafe.sbom.errors import shown


def _lines(name: str) -> Iterator[str]:
    text = resources.files("vouchsafe.sbom").joinpath(f"data/{name}").read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def _subtags() -> Mapping[str, frozenset[str]]:
    """Kind of subtag -> the subtags in lower case; a range is kept as it stands."""
    found: dict[str, set[str]] = defaultdict(set)
    kind = ""
    for line in _lines("language_subtags.txt"):
        if line.startswith("["):
            kind = line.strip("[]")
        else:
            found[kind].update(line.split())
    return {kind: frozenset(words) for kind, words in found.items()}


def _registered(kind: str, subtag: str) -> bool:
    words = _subtags()[kind]
    if subtag in words:
        return True
    ranges = (word.split("..") for word in words if ".." in word)
    return any(len(subtag) == len(low) and low <= subtag <= high for low, high in ranges)


def language_exists(tag: str) -> bool:
    """Whether every subtag of a well-formed language tag is registered, and none stands twice.

    Private use (`x-…`, and the codes that are set aside for it) exists. What an extension (`-u-…`) says is not
    looked into.
    """
    low = tag.lower()
    if low in _subtags()["grandfathered"] or low.startswith("x-"):
        return True
    language, *rest = low.split("-")
    if not _registered("language", language):
        return False
    variants: set[str] = set()
    singletons: set[str] = set()
    for n, part in enumerate(rest):
        if part == "x":
            break
        if len(part) == 1:
            if part in singletons:
                return False
            singletons.add(part)
        elif not singletons:
            kind = _kind(part, n)
            if not _registered(kind, part) or (kind == "variant" and part in variants):
                return False
            variants.add(part)
    return True


def _kind(part: str, n: int) -> str:
    """What the subtag number `n` after the language is, by its form and place."""
    if len(part) == 3 and part.isalpha() and n < 3:
        return "extlang"
    if len(part) == 4 and part.isalpha():
        return "script"
    return "region" if len(part) < 4 else "variant"


@cache
def _cwes() -> tuple[tuple[str, ...], Mapping[str, tuple[tuple[int, str], ...]]]:
    """The releases in order, and of each id its names with the place of the release that began to use them."""
    head, *lines = _lines("cwe_names.tsv")
    releases = tuple(head.split("\t")[1].split())
    place = {release: n for n, release in enumerate(releases)}
    names = {}
    for line in lines:
        number, *runs = line.split("\t")
        names[f"CWE-{number}"] = tuple(
            (place[r], name) for r, _, name in (run.partition("=") for run in runs)
        )
    return releases, names


_CWE = re.compile("CWE-[1-9][0-9]{0,5}")
_RELEASE = re.compile(r"[1-9][0-9]{0,3}(?:\.[0-9]{1,4}){1,2}")


def cwe_fault(id_: str, name: str, release: str = "") -> tuple[str, str] | None:
    """What is wrong with a CWE: the member and a sentence, or None. Without a release, any that used the name will do.

    A release after the last of the list says nothing; nor does what has not the form of a CWE, which is the
    schema's matter.
    """
    releases, names = _cwes()
    if not _CWE.fullmatch(id_) or not name or (release and not _RELEASE.fullmatch(release)):
        return None
    if release and release not in releases:
        later = [int(n) for n in release.split(".")] > [int(n) for n in releases[-1].split(".")]
        return None if later else ("version", f"expected a release of the CWE list, got {shown(release)}")
    which = f"release {release}" if release else f"release {releases[-1]} or before"
    runs = names.get(id_, ())
    if release:
        runs = tuple(run for run in runs if run[0] <= releases.index(release))[-1:]
    known = [called for _, called in runs if called]
    if not known:
        return "id", f"expected a weakness of the CWE list of {which}, got {shown(id_)}"
    if name.strip() in known:
        return None
    return "name", f"expected {shown(known[-1])}, the name of {id_} in {which}, got {shown(name)}"


_Point = tuple[str, dict[str, str]]


@cache
def _points() -> Mapping[tuple[str, str, str], _Point]:
    """(namespace, key, version) -> the decision point's name, and its values' names by their keys in order."""
    found = {}
    for line in _lines("ssvc_decision_points.tsv"):
        namespace, key, version, name, values = line.split("\t")
        pairs = (value.partition("=") for value in values.split("|"))
        found[namespace, key, version] = name, {k: called for k, _, called in pairs}
    return found


@cache
def _bases() -> frozenset[str]:
    return frozenset(namespace.partition("#")[0] for namespace, _, _ in _points())


def decision_point_fault(item: Mapping[str, object]) -> tuple[str, str] | None:
    """What is wrong with one SSVC selection of a registered namespace: the member and a sentence, or None.

    Other namespaces are free, but for `invalid`. An extension of a namespace may leave out values and say names
    in its own words; keys, versions and order are those of the namespace. Source: SSVC, "Namespaces".
    """
    texts = [item.get(member) for member in ("namespace", "key", "version")]
    namespace, key, version = (text if isinstance(text, str) else "" for text in texts)
    base, _, extension = namespace.partition("/")
    if base.partition("#")[0] in ("invalid", "x_invalid"):
        return ".namespace", f"expected a namespace that may be used, got {shown(namespace)}"
    if base.partition("#")[0] not in _bases():
        return None
    known = _points().get((base, key, version))
    if known is None:
        same = any(point[:2] == (base, key) for point in _points())
        where, got = (".version", version) if same else (".key", key)
        return where, f"expected a decision point of {base}, got {shown(got)}"
    name, values = known
    if not extension and item.get("name", name) != name:
        return ".name", f"expected {shown(name)}, the name of {key} {version}, got {shown(item['name'])}"
    listed = item.get("values")
    last = -1
    order = list(values)
    for n, value in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(value, dict) or not isinstance(value.get("key"), str):
            continue  # 6.1.46 says so
        got = value["key"]
        where = f".values[{n}]"
        if got not in values:
            return f"{where}.key", f"expected one of {', '.join(order)} for {key} {version}, got {shown(got)}"
        if not extension and value.get("name", values[got]) != values[got]:
            return f"{where}.name", f"expected {shown(values[got])} for {got}, got {shown(value['name'])}"
        if order.index(got) <= last:
            return where, f"expected the values in the order {', '.join(order)}, got {got} too late"
        last = order.index(got)
    return None


_IDSTRING = re.compile(r"[A-Za-z0-9.\-]+", re.ASCII)


def unlisted_licence(expression: str) -> str:
    """The first licence or exception of an SPDX expression that no list has, or an empty string.

    The lists are SPDX's and ScanCode's; the latter's keys are known by their beginning alone.
    """
    known = _licences()
    for word in _IDSTRING.findall(expression):
        if word in ("AND", "OR", "WITH", "and", "or", "with") or word.lower() in known:
            continue
        if not word.startswith("LicenseRef-scancode-"):
            return str(word)
    return ""


@cache
def _licences() -> frozenset[str]:
    return frozenset(id_.lower() for id_ in spdx_ids())
