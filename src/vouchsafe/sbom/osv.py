"""Advisories in the OSV format: what is affected, by which ranges, how severe.

Source: OSV schema 1.x, https://ossf.github.io/osv-schema/. Promises: the ranges and versions as they stand;
an entry that breaks the schema but can still be acted on is kept, and its fault is named in `problems`.
Evaluation of the ranges is `match`'s.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from cvss.cvss2 import CVSS2
from cvss.cvss3 import CVSS3
from cvss.cvss4 import CVSS4
from cvss.exceptions import CVSSError

from vouchsafe.sbom import jsontext, purl
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, MAX_VECTOR_CHARS, Limits

EventKind = Literal["introduced", "fixed", "last_affected", "limit"]
EVENT_KINDS: tuple[EventKind, ...] = ("introduced", "fixed", "last_affected", "limit")


@dataclass(frozen=True, slots=True)
class Severity:
    """How severe, by one scoring. `vector` is empty and `score` None where only a word was given."""

    type: str
    vector: str
    score: float | None
    rating: str  # none, low, medium, high, critical, unknown


@dataclass(frozen=True, slots=True)
class Event:
    """One end of a range."""

    kind: EventKind
    version: str


@dataclass(frozen=True, slots=True)
class Range:
    """Versions between events. `type` is SEMVER, ECOSYSTEM or GIT; GIT names commits of `repo`."""

    type: str
    repo: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """One affected package of an advisory. `index` is its place in the file.

    `package_key` is empty where the ecosystem gives no package URL type (OSS-Fuzz, Linux, GSD's own words).
    `release` is the distribution's release that the entry is about (`12`), or empty; `released` says whether
    the entry is about one release at all (`Red Hat:enterprise_linux:9::appstream` is, though no number is
    taken from it).
    """

    index: int
    package_key: str
    purl: str
    ecosystem: str
    release: str
    name: str
    ranges: tuple[Range, ...]
    versions: tuple[str, ...]

    @property
    def released(self) -> bool:
        """Whether the entry is about one release of a distribution only."""
        return ":" in self.ecosystem


@dataclass(frozen=True, slots=True)
class Advisory:
    """One OSV entry. Times are as written, RFC 3339 in UTC."""

    id: str
    aliases: tuple[str, ...]
    related: tuple[str, ...]
    summary: str
    details: str
    published: str
    modified: str
    withdrawn: str
    severity: Severity | None
    severities: tuple[Severity, ...]
    affected: tuple[Affected, ...]
    references: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


def read(data: bytes, *, limits: Limits = DEFAULT) -> Advisory:
    """The advisory in `data`.

    Raises:
        Malformed: no JSON, no OSV entry, or a field that has another kind of value than the schema asks for.
        NotRead: JSON of another known advisory format.
    """
    entry = jsontext.parse(data, limits=limits)
    if not isinstance(entry, dict):
        raise Malformed("$", "an OSV entry (an object)", shown(entry))
    _refuse_others(entry)
    problems: list[str] = []
    id_ = _text(entry, "id", "$")
    if not id_:
        raise Malformed("$.id", "the advisory's id", shown(entry.get("id")))
    if not entry.get("modified"):
        problems.append("$.modified: expected a time, got nothing")
    affected = _list(entry, "affected", "$")
    if len(affected) > limits.max_affected:
        raise TooLarge("$.affected", f"at most {limits.max_affected:,} entries", f"{len(affected):,}")
    if not affected:
        problems.append(
            "$.affected: expected the affected packages, got nothing: this entry matches no component"
        )
    severities = _severities(entry, "$", problems)
    parsed = tuple(_affected(item, i, problems, limits) for i, item in enumerate(affected))
    for i, item in enumerate(affected):
        severities += _severities(item, f"$.affected[{i}]", problems) if not severities else ()
    word = _word_severity(entry)
    best = max(
        (s for s in severities if s.score is not None), key=lambda s: (s.type, s.score or 0), default=None
    )
    return Advisory(
        id=id_,
        aliases=_texts(entry, "aliases", "$"),
        related=_texts(entry, "related", "$"),
        summary=_text(entry, "summary", "$"),
        details=_text(entry, "details", "$"),
        published=_time(entry, "published", problems),
        modified=_time(entry, "modified", problems),
        withdrawn=_time(entry, "withdrawn", problems),
        severity=best or word or next(iter(severities), None),
        severities=severities + ((word,) if word else ()),
        affected=parsed,
        references=_references(entry),
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
    if entry.get("bomFormat") == "CycloneDX":
        raise NotRead("$.bomFormat", here, "a CycloneDX BOM")
    if {"ghsa_id", "ghsaId", "securityVulnerability", "securityVulnerabilities", "data"} & entry.keys():
        raise NotRead("$", here, "a GitHub advisory as the API gives it")
    if "id" not in entry:
        raise Malformed("$.id", "the advisory's id", "nothing")


def _affected(item: Any, index: int, problems: list[str], limits: Limits) -> Affected:
    place = f"$.affected[{index}]"
    if not isinstance(item, dict):
        raise Malformed(place, "an object", shown(item))
    package = item.get("package")
    if package is None:
        package = {}
    if not isinstance(package, dict):
        raise Malformed(f"{place}.package", "an object", shown(package))
    ecosystem, name = (
        _text(package, "ecosystem", f"{place}.package"),
        _text(package, "name", f"{place}.package"),
    )
    given = _text(package, "purl", f"{place}.package")
    versions = _texts(item, "versions", place)
    if len(versions) > limits.max_versions:
        raise TooLarge(f"{place}.versions", f"at most {limits.max_versions:,}", f"{len(versions):,}")
    ranges = tuple(
        _range(r, f"{place}.ranges[{i}]", problems, limits)
        for i, r in enumerate(_list(item, "ranges", place))
    )
    key = _key(ecosystem, name, given, f"{place}.package", problems)
    base, _, suffix = ecosystem.partition(":")
    release = purl.release(_ECOSYSTEMS.get(base, ("", ""))[1], suffix)
    if not key and ecosystem:
        problems.append(
            f"{place}.package.ecosystem: {shown(ecosystem)} has no package URL; only bare names are matched"
        )
    return Affected(index, key, given, ecosystem, release, name, ranges, versions)


def _range(item: Any, place: str, problems: list[str], limits: Limits) -> Range:
    if not isinstance(item, dict):
        raise Malformed(place, "an object", shown(item))
    type_ = _text(item, "type", place)
    if type_ not in ("SEMVER", "ECOSYSTEM", "GIT"):
        problems.append(f"{place}.type: expected SEMVER, ECOSYSTEM or GIT, got {shown(item.get('type'))}")
    events: list[Event] = []
    raw = _list(item, "events", place)
    if len(raw) > limits.max_events:
        raise TooLarge(f"{place}.events", f"at most {limits.max_events:,}", f"{len(raw):,}")
    for i, event in enumerate(raw):
        if not isinstance(event, dict):
            raise Malformed(f"{place}.events[{i}]", "an object", shown(event))
        if len(event) != 1:
            problems.append(
                f"{place}.events[{i}]: expected one of {', '.join(EVENT_KINDS)}, got {len(event)} keys"
            )
        for kind, version in event.items():
            if kind not in EVENT_KINDS:
                problems.append(
                    f"{place}.events[{i}]: expected one of {', '.join(EVENT_KINDS)}, got {shown(kind)}"
                )
                continue
            if not isinstance(version, str) or not version:
                raise Malformed(f"{place}.events[{i}].{kind}", "a version as text", shown(version))
            events.append(Event(cast(EventKind, kind), version))
    kinds = {e.kind for e in events}
    if "introduced" not in kinds:
        problems.append(f"{place}.events: expected an introduced event, got none")
    if {"fixed", "last_affected"} <= kinds:
        problems.append(f"{place}.events: expected fixed or last_affected, got both")
    return Range(type_, _text(item, "repo", place), tuple(events))


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
}


def _key(ecosystem: str, name: str, given: str, place: str, problems: list[str]) -> str:
    if given:
        try:
            return purl.key(given)
        except Malformed as told:
            problems.append(f"{place}.purl: {told.expected} expected, got {told.got}")
    known = _ECOSYSTEMS.get(ecosystem.partition(":")[0])
    if known is None or not name:
        return ""
    type_, namespace = known
    if type_ == "maven":
        namespace, _, name = name.rpartition(":")
    elif not namespace and "/" in name and type_ in ("npm", "golang", "composer", "swift", "githubactions"):
        namespace, _, name = name.rpartition("/")
    return purl.key_of(type_, namespace, name)


_RATINGS = {
    "moderate": "medium",
    "none": "none",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "critical": "critical",
}


def _severities(entry: dict[str, Any], place: str, problems: list[str]) -> tuple[Severity, ...]:
    found: list[Severity] = []
    raw = entry.get("severity")
    if raw is None or isinstance(raw, str):  # some databases write a word here
        return ()
    for i, item in enumerate(_list(entry, "severity", place)):
        if not isinstance(item, dict):
            raise Malformed(f"{place}.severity[{i}]", "an object", shown(item))
        type_, vector = (
            _text(item, "type", f"{place}.severity[{i}]"),
            _text(item, "score", f"{place}.severity[{i}]"),
        )
        scored = score(vector)
        if scored is None and type_ == "Ubuntu":
            found.append(Severity(type_, "", None, _RATINGS.get(vector.lower(), "unknown")))
            continue
        if scored is None:
            problems.append(f"{place}.severity[{i}].score: expected a CVSS vector, got {shown(vector)}")
        found.append(scored or Severity(type_, vector, None, "unknown"))
    return tuple(found)


_SCORERS: tuple[tuple[str, str, Any], ...] = (
    ("CVSS:4", "CVSS_V4", CVSS4),
    ("CVSS:3", "CVSS_V3", CVSS3),
    ("", "CVSS_V2", CVSS2),
)


def score(vector: str) -> Severity | None:
    """The CVSS base score of a vector of version 2, 3.0, 3.1 or 4.0, or None when it is no such vector."""
    if len(vector) > MAX_VECTOR_CHARS:
        return None
    type_, make = next((t, m) for prefix, t, m in _SCORERS if vector.startswith(prefix))
    try:
        scored = make(vector)
        words = scored.severities()
        return Severity(type_, vector, float(scored.base_score), str(words[0]).lower())
    except (
        CVSSError,
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
    ):  # odd vectors get as far as its sums
        return None


def _word_severity(entry: dict[str, Any]) -> Severity | None:
    specific = entry.get("database_specific")
    word = specific.get("severity") if isinstance(specific, dict) else entry.get("severity")
    if isinstance(word, str) and word.lower() in _RATINGS:
        return Severity("word", "", None, _RATINGS[word.lower()])
    return None


def _text(entry: dict[str, Any], name: str, place: str) -> str:
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{place}.{name}", "text", shown(value))
    return value


def _list(entry: dict[str, Any], name: str, place: str) -> list[Any]:
    value = entry.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{place}.{name}", "an array", shown(value))
    return value


def _texts(entry: dict[str, Any], name: str, place: str) -> tuple[str, ...]:
    values = _list(entry, name, place)
    for i, value in enumerate(values):
        if not isinstance(value, str):
            raise Malformed(f"{place}.{name}[{i}]", "text", shown(value))
    return tuple(values)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def _time(entry: dict[str, Any], name: str, problems: list[str]) -> str:
    text = _text(entry, name, "$")
    if text:
        try:
            if not _TIME.fullmatch(text):
                raise ValueError
            datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        except ValueError:
            problems.append(f"$.{name}: expected an RFC 3339 time, got {shown(text)}")
    return text


def _references(entry: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = []
    for item in _list(entry, "references", "$"):
        if isinstance(item, dict) and isinstance(item.get("url"), str):
            found.append((str(item.get("type") or "WEB"), item["url"]))
    return tuple(found)
