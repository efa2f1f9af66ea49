"""Advisories in the OSV format: what is affected, by which ranges, how severe.

Source: OSV schema 1.x, https://ossf.github.io/osv-schema/. Promises: the ranges and versions as they stand;
an entry that breaks the schema but can still be acted on is kept, and its fault is named in `problems`.
Evaluation of the ranges is `match`'s. The model is in `advisories`; its names are here too.

    >>> said = read(b'{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem":'
    ...     b' "PyPI", "name": "a"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]}')
    >>> said.affected[0].ranges[0].events
    (Event(kind='introduced', version='0'),)
"""

import re
from typing import Any

from vouchsafe.sbom import advisory_fields as fields
from vouchsafe.sbom import cvss, jsontext, purl
from vouchsafe.sbom.advisories import (
    EVENT_KINDS,
    Advisory,
    Affected,
    Event,
    EventKind,
    Format,
    Range,
    Severity,
)
from vouchsafe.sbom.cvss import score
from vouchsafe.sbom.errors import Malformed, NotRead, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

__all__ = [
    "EVENT_KINDS",
    "Advisory",
    "Affected",
    "Event",
    "EventKind",
    "Format",
    "Range",
    "Severity",
    "of_value",
    "package_key",
    "read",
    "score",
]


def read(data: bytes, *, limits: Limits = DEFAULT) -> Advisory:
    """The OSV entry in `data`.

    Raises:
        Malformed: no JSON, no OSV entry, or a field that has another kind of value than the schema asks for.
        NotRead: JSON of another known advisory format; `advisories.read` reads those.
    """
    entry = jsontext.parse(data, limits=limits)
    if not isinstance(entry, dict):
        raise Malformed("$", "an OSV entry (an object)", shown(entry))
    _refuse_others(entry)
    return of_value(entry, limits=limits)


def of_value(entry: dict[str, Any], place: str = "$", *, limits: Limits = DEFAULT) -> Advisory:
    """The advisory of an OSV entry that was parsed from JSON; `place` is where it stood.

    Raises: as `read`.
    """
    if "id" not in entry:
        raise Malformed(f"{place}.id", "the advisory's id", "nothing")
    problems: list[str] = []
    id_ = fields.text(entry, "id", place)
    if not id_:
        raise Malformed(f"{place}.id", "the advisory's id", shown(entry["id"]))
    if not entry.get("modified"):
        problems.append(f"{place}.modified: expected a time, got nothing")
    items = fields.objects(entry, "affected", place, at_most=limits.max_affected)
    if not items:
        problems.append(
            f"{place}.affected: expected the affected packages, got nothing: this entry matches no component"
        )
    severities = _severities(entry, place, problems)
    affected = tuple(_affected(item, at, i, problems, limits) for i, (at, item) in enumerate(items))
    # Schema: a severity stands at the top or with the packages, never both.
    for at, item in items:
        severities += _severities(item, at, problems)
    severities = tuple(dict.fromkeys(severities))
    word = _word_severity(entry)
    severities += (word,) if word else ()
    return Advisory(
        id=id_,
        aliases=fields.texts(entry, "aliases", place),
        # An entry of a distribution names the vulnerability it is about in `upstream`, not as an alias.
        related=fields.without_repeats(
            [*fields.texts(entry, "related", place), *fields.texts(entry, "upstream", place)]
        ),
        summary=fields.text(entry, "summary", place),
        details=fields.text(entry, "details", place),
        published=fields.time(entry, "published", place, problems),
        modified=fields.time(entry, "modified", place, problems),
        withdrawn=fields.withdrawn(fields.time(entry, "withdrawn", place, problems)),
        severity=cvss.preferred(severities),
        severities=severities,
        affected=affected,
        references=_references(entry, place),
        problems=tuple(problems[: limits.max_problems]),
    )


def _refuse_others(entry: dict[str, Any]) -> None:
    here = "an OSV entry; only OSV JSON is read here"
    document = entry.get("document")
    if isinstance(document, dict) and "csaf_version" in document:
        raise NotRead("$.document", here, "a CSAF document")
    if entry.get("dataType") == "CVE_RECORD":
        raise NotRead("$.dataType", here, "a CVE record")
    if "vulnerabilities" in entry and "format" in entry:
        raise NotRead("$.vulnerabilities", here, "an NVD answer")
    if "vulnerabilities" in entry and "catalogVersion" in entry:
        raise NotRead("$.vulnerabilities", here, "a KEV catalogue")
    if entry.get("bomFormat") == "CycloneDX":
        raise NotRead("$.bomFormat", here, "a CycloneDX BOM")
    if {"ghsa_id", "ghsaId", "securityVulnerability", "securityVulnerabilities", "data"} & entry.keys():
        raise NotRead("$", here, "a GitHub advisory as the API gives it")


def _affected(item: dict[str, Any], place: str, index: int, problems: list[str], limits: Limits) -> Affected:
    package = fields.member(item, "package", place)
    ecosystem = fields.text(package, "ecosystem", f"{place}.package")
    name = fields.text(package, "name", f"{place}.package")
    given = fields.text(package, "purl", f"{place}.package")
    versions = fields.texts(item, "versions", place, at_most=limits.max_versions)
    ranges = tuple(_range(r, at, problems, limits) for at, r in fields.objects(item, "ranges", place))
    key, others = _keys(ecosystem, name, given, f"{place}.package", problems)
    others = (*others, *_binaries(item, key))
    if not (key or name or ecosystem):
        name = next((of_repository(r.repo) for r in ranges if r.repo), "")
    base, _, suffix = ecosystem.partition(":")
    release = purl.release(_ECOSYSTEMS.get(base, ("", ""))[1], suffix)
    if not key and ecosystem:
        problems.append(
            f"{place}.package.ecosystem: {shown(ecosystem)} has no package URL; only bare names are matched"
        )
    if not ranges and not versions:
        problems.append(f"{place}: expected ranges or versions, got neither: any version is possible")
    specific = item.get("database_specific")
    last_known = specific.get("last_known_affected_version_range") if isinstance(specific, dict) else None
    return Affected(
        index, key, given, ecosystem, release, name, ranges, versions,
        last_known=last_known if isinstance(last_known, str) else "", other_keys=others,
    )  # fmt: skip


_COMMIT = re.compile(r"0|[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)


def _range(item: dict[str, Any], place: str, problems: list[str], limits: Limits) -> Range:
    type_ = fields.text(item, "type", place)
    repo = fields.text(item, "repo", place)
    if type_ not in ("SEMVER", "ECOSYSTEM", "GIT"):
        problems.append(f"{place}.type: expected SEMVER, ECOSYSTEM or GIT, got {shown(item.get('type'))}")
    if type_ == "GIT" and not repo:
        problems.append(f"{place}.repo: expected the repository of a GIT range, got nothing")
    events: list[Event] = []
    for at, event in fields.objects(item, "events", place, at_most=limits.max_events):
        if len(event) != 1:
            problems.append(f"{at}: expected one of {', '.join(EVENT_KINDS)}, got {len(event)} keys")
        for kind, version in event.items():
            if kind not in EVENT_KINDS:
                problems.append(f"{at}: expected one of {', '.join(EVENT_KINDS)}, got {shown(kind)}")
                continue
            if not isinstance(version, str) or not version:
                raise Malformed(f"{at}.{kind}", "a version as text", shown(version))
            if type_ == "GIT" and not _COMMIT.fullmatch(version):
                problems.append(f"{at}.{kind}: expected a full commit hash, got {shown(version)}")
            events.append(Event(kind, version))
    kinds = {e.kind for e in events}
    if "introduced" not in kinds:
        problems.append(f"{place}.events: expected an introduced event, got none")
    if {"fixed", "last_affected"} <= kinds:
        problems.append(f"{place}.events: expected fixed or last_affected, got both")
    return Range(type_, repo, tuple(events))


# Ecosystems of the OSV schema and the package URL that names their packages; None: no type, matched by
# nothing but the name. https://ossf.github.io/osv-schema/#affectedpackage-field
_ECOSYSTEMS: dict[str, tuple[str, str]] = {
    "PyPI": ("pypi", ""),
    "npm": ("npm", ""),
    "crates.io": ("cargo", ""),
    "Go": ("golang", ""),
    "Maven": ("maven", ""),
    "NuGet": ("nuget", ""),
    "RubyGems": ("gem", ""),
    "Packagist": ("composer", ""),
    "Hex": ("hex", ""),
    "Pub": ("pub", ""),
    "ConanCenter": ("conan", ""),
    "SwiftURL": ("swift", ""),
    "CRAN": ("cran", ""),
    "Hackage": ("hackage", ""),
    "Bitnami": ("bitnami", ""),
    "GitHub Actions": ("githubactions", ""),
    "Julia": ("julia", ""),
    "Debian": ("deb", "debian"),
    "Ubuntu": ("deb", "ubuntu"),
    "Echo": ("deb", "echo"),
    "Alpine": ("apk", "alpine"),
    "Wolfi": ("apk", "wolfi"),
    "Chainguard": ("apk", "chainguard"),
    "Alpaquita": ("apk", "alpaquita"),
    "AlmaLinux": ("rpm", "almalinux"),
    "Rocky Linux": ("rpm", "rocky"),
    "Red Hat": ("rpm", "redhat"),
    "SUSE": ("rpm", "suse"),
    "openSUSE": ("rpm", "opensuse"),
    "openEuler": ("rpm", "openeuler"),
    "Mageia": ("rpm", "mageia"),
    "Photon OS": ("rpm", "photon"),
    "Azure Linux": ("rpm", "azurelinux"),
    "MinimOS": ("apk", "minimos"),
    "opam": ("opam", ""),
    "Bioconductor": ("bioconductor", ""),
    "VSCode": ("vscode-extension", ""),
}


def package_key(ecosystem: str, name: str) -> str:
    """The package key of a name in an ecosystem of the OSV schema; empty where there is none."""
    known = _ECOSYSTEMS.get(ecosystem.partition(":")[0])
    if known is None or not name:
        return ""
    type_, namespace = known
    if type_ == "maven":
        namespace, _, name = name.rpartition(":")
        if not namespace:  # an artifact of any group: nothing to join on but the name
            return ""
    elif type_ == "vscode-extension":
        namespace, _, name = name.rpartition("/" if "/" in name else ".")
    elif type_ == "swift":
        namespace, _, name = re.sub(r"https?://", "", name).rpartition("/")
    elif not namespace and "/" in name and type_ in ("npm", "golang", "composer", "githubactions"):
        namespace, _, name = name.rpartition("/")
    return purl.key_of(type_, namespace, name)


def _keys(
    ecosystem: str, name: str, given: str, place: str, problems: list[str]
) -> tuple[str, tuple[str, ...]]:
    """The package key, and another one where ecosystem and name are of another package than the package URL.

    A package URL of the ecosystem's own type is the more exact; one of another type is none of the ecosystem.
    """
    of_name = package_key(ecosystem, name)
    if not given:
        return of_name, ()
    try:
        of_purl = purl.key(given)
    except Malformed as told:
        problems.append(f"{place}.purl: {told.expected} expected, got {told.got}")
        return of_name, ()
    if not of_name or of_purl == of_name:
        return of_purl, ()
    problems.append(f"{place}.purl: expected a package URL of {ecosystem} {name}, got {shown(given)}")
    is_same_type = of_purl.partition("/")[0] == of_name.partition("/")[0]
    return (of_purl, (of_name,)) if is_same_type else (of_name, (of_purl,))


def _binaries(item: dict[str, Any], key: str) -> tuple[str, ...]:
    """The keys of the binary packages that an entry of SUSE or Ubuntu names beside its source."""
    specific = item.get("ecosystem_specific")
    held = specific.get("binaries") if isinstance(specific, dict) else None
    if not key.startswith(("pkg:rpm/", "pkg:deb/")) or not isinstance(held, list):
        return ()
    names: dict[str, None] = {}
    for one in held:
        if isinstance(one, dict):
            named = one.get("binary_name")
            names.update(dict.fromkeys([named] if isinstance(named, str) else one))
    folder = key.rpartition("/")[0]
    made = (f"{folder}/{name.lower()}" for name in names if name)  # as `purl.key_of` of these two types
    return tuple(k for k in made if k != key)


def of_repository(repo: str) -> str:
    """The name that a repository's address ends with: all that an entry of commits alone says of its product."""
    return repo.rstrip("/").rpartition("/")[2].removesuffix(".git")


def _severities(entry: dict[str, Any], place: str, problems: list[str]) -> tuple[Severity, ...]:
    found: list[Severity] = []
    if isinstance(entry.get("severity"), str):  # some databases write a word here
        return ()
    for at, item in fields.objects(entry, "severity", place):
        type_, vector = fields.text(item, "type", at), fields.text(item, "score", at)
        if type_ == "Ubuntu":
            found.append(Severity(type_, "", None, cvss.RATINGS.get(vector.lower(), "unknown")))
            continue
        if type_ not in ("CVSS_V2", "CVSS_V3", "CVSS_V4"):
            problems.append(
                f"{at}.type: expected CVSS_V2, CVSS_V3, CVSS_V4 or Ubuntu, got {shown(item.get('type'))}"
            )
        found.append(cvss.read(vector, f"{at}.score", problems, type_=type_))
    return tuple(found)


def _word_severity(entry: dict[str, Any]) -> Severity | None:
    specific = entry.get("database_specific")
    word = specific.get("severity") if isinstance(specific, dict) else entry.get("severity")
    if isinstance(word, str) and word.lower() in cvss.RATINGS:
        return Severity("word", "", None, cvss.RATINGS[word.lower()])
    return None


def _references(entry: dict[str, Any], place: str) -> tuple[tuple[str, str], ...]:
    found = []
    for item in fields.array(entry, "references", place):
        if isinstance(item, dict) and isinstance(item.get("url"), str):
            found.append((str(item.get("type") or "WEB"), item["url"]))
    return tuple(found)
