"""Advisories of every format in one model, and the front door that tells the formats apart by their content.

Read are OSV, GitHub advisories (REST and GraphQL answers), CVE records 5.x, NVD answers 2.0, RustSec
(Markdown or TOML), CSAF and the KEV catalogue. Promises: what stands in the file, in one model, with its faults
named in `problems`; a range whose order of versions is not known keeps a type of its own (`CUSTOM`, `CPE`,
`UNKNOWN`), so that matching can only call it possible. Does not: match (that is `match`), fetch, or merge two
files about one vulnerability. Start at `read`; `read_all` for files that hold several.

    >>> said = read(b'{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package":'
    ...             b' {"ecosystem": "npm", "name": "a"}, "versions": ["1.0.0"]}]}')
    >>> (said.format, said.id, said.affected[0].package_key, said.known_exploited)
    ('OSV', 'X-1', 'pkg:npm/a', None)
"""

from dataclasses import dataclass
from typing import Any, Literal

from vouchsafe.sbom import jsontext
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

Format = Literal["OSV", "GHSA", "CVE", "NVD", "RustSec", "CSAF", "KEV"]
EventKind = Literal["introduced", "fixed", "last_affected", "limit"]
EVENT_KINDS: tuple[EventKind, ...] = ("introduced", "fixed", "last_affected", "limit")


@dataclass(frozen=True, slots=True)
class Severity:
    """How severe, by one scoring. `vector` is empty and `score` None where only a word was given.

    Attributes:
        type: `CVSS_V2`, `CVSS_V3` (3.0 and 3.1: the vector says which), `CVSS_V4`, `Ubuntu` or `word`.
        score: computed from the vector; where there is no vector that can be scored, the stated one.
        rating: none, low, medium, high, critical, unknown.
        stated: the score that the file gives beside the vector, or None.
        source: who scored, where the file says so.
    """

    type: str
    vector: str
    score: float | None
    rating: str
    stated: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One end of a range."""

    kind: EventKind
    version: str


@dataclass(frozen=True, slots=True)
class Range:
    """Versions between events, evaluated as OSV says.

    `type` is SEMVER, ECOSYSTEM (the order of the package's own kind) or GIT (commits of `repo`). Three more can
    never confirm anything: CUSTOM (the file does not say which order), CPE (products by name, as NVD has them)
    and UNKNOWN (the file says that it does not know whether these are affected).
    """

    type: str
    repo: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """One affected package of an advisory. `index` is its place among the advisory's.

    `package_key` is empty where the advisory does not name a package of an ecosystem (OSS-Fuzz, Linux, products
    by vendor and name, CPEs). `release` is the distribution's release that the entry is about (`12`), or empty;
    `released` says whether the entry is about one release at all (`Red Hat:enterprise_linux:9::appstream` is,
    though no number is taken from it).

    Attributes:
        other_keys: further package keys: where the entry's name and its package URL are of two packages, or it says
            which binary packages a source makes. A match by one of them is possible.
        unaffected: single versions that a range holds, but that the advisory says are not affected.
        cpes: the product as CPE 2.3 (or 2.2) names it. A match by CPE alone is never more than possible: the
            name is given by others than the maker, and it does not say which build of the product is meant.
        vendor: who makes it, in the advisory's words.
        last_known: the last affected range that the database knew of, in its words (`<= 1.8.7`).
        conditions: what else must hold, in words: an operating system, a function that is called, another
            product that it runs on. They never narrow a match.
    """

    index: int
    package_key: str
    purl: str
    ecosystem: str
    release: str
    name: str
    ranges: tuple[Range, ...]
    versions: tuple[str, ...]
    unaffected: tuple[str, ...] = ()
    cpes: tuple[str, ...] = ()
    vendor: str = ""
    last_known: str = ""
    conditions: tuple[str, ...] = ()
    other_keys: tuple[str, ...] = ()

    @property
    def released(self) -> bool:
        """Whether the entry is about one release of a distribution only."""
        return ":" in self.ecosystem


@dataclass(frozen=True, slots=True)
class Advisory:
    """One advisory. Times are RFC 3339 in UTC as the file gives them.

    Attributes:
        withdrawn: when its issuer took it back (CVE and NVD: rejected), or empty. It then matches nothing.
        severity: the one to show: CVSS 4.0 before 3.1, 3.0 and 2.0, then a word. `severities` has all.
        known_exploited: what the file itself says; None where it says nothing. `kev` answers from the catalogue.
        informational: RustSec's `unmaintained`, `unsound` or `notice`, or empty.
    """

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
    format: Format = "OSV"
    known_exploited: bool | None = None
    informational: str = ""


def read(data: bytes, *, limits: Limits = DEFAULT) -> Advisory:
    """The one advisory in `data`, in whichever of the formats.

    Raises:
        Malformed: not of the format that it looks like, or not exactly one advisory (see `read_all`).
        NotRead: another format.
        TooLarge: past a limit.
    """
    found = read_all(data, limits=limits)
    if len(found) != 1:
        raise Malformed("$", "one advisory", f"{len(found):,}")
    return found[0]


def read_all(data: bytes, *, limits: Limits = DEFAULT) -> tuple[Advisory, ...]:
    """Every advisory in `data`, in file order: an NVD answer or an array may hold several, or none.

    Raises: as `read`.
    """
    from vouchsafe.sbom import rustsec

    if rustsec.looks_like(data):
        return (rustsec.read(data, limits=limits),)
    value = jsontext.parse(data, limits=limits)
    if isinstance(value, list):
        if len(value) > limits.max_advisories:
            raise TooLarge("$", f"at most {limits.max_advisories:,} advisories", f"{len(value):,}")
        return tuple(_one(item, data, f"$[{i}]", limits) for i, item in enumerate(value))
    if isinstance(value, dict) and _is_nvd(value):
        from vouchsafe.sbom import nvd

        return nvd.of_value(value, limits=limits)
    return (_one(value, data, "$", limits),)


def _one(value: Any, data: bytes, place: str, limits: Limits) -> Advisory:
    from vouchsafe.sbom import cve5, ghsa, kev, osv

    if not isinstance(value, dict):
        raise Malformed(place, "an advisory (an object)", shown(value))
    document = value.get("document")
    if isinstance(document, dict) and "csaf_version" in document:
        if place != "$":
            raise NotRead(place, "CSAF documents in files of their own", "one of several in an array")
        from vouchsafe.sbom import csaf

        return csaf.read_advisory(data, limits=limits)
    if cve5.looks_like(value):
        return cve5.of_value(value, place, limits=limits)
    if ghsa.looks_like(value):
        return ghsa.of_value(value, place, limits=limits)
    if kev.looks_like(value):
        return kev.of_value(value, place, limits=limits).as_advisory()
    _refuse_known(value, place)
    return osv.of_value(value, place, limits=limits)


def _is_nvd(value: dict[str, Any]) -> bool:
    from vouchsafe.sbom import nvd

    return nvd.looks_like(value)


READ = "OSV, GHSA, CVE 5.x, NVD 2.0, RustSec, CSAF or KEV"


def _refuse_known(value: dict[str, Any], place: str) -> None:
    """Names the formats that look like an advisory and are not one that is read."""
    if value.get("bomFormat") == "CycloneDX":
        raise NotRead(f"{place}.bomFormat", READ, "a CycloneDX BOM")
    if "spdxVersion" in value:
        raise NotRead(f"{place}.spdxVersion", READ, "an SPDX document")
    if isinstance(value.get("@context"), str) and "openvex" in value["@context"]:
        raise NotRead(f"{place}['@context']", READ, "an OpenVEX document")
    if "CVE_Items" in value:
        raise NotRead(f"{place}.CVE_Items", READ, "an NVD feed 1.1, which is no longer published")
    if value.get("data_type") == "CVE":
        raise NotRead(f"{place}.data_type", READ, "a CVE record of version 4")
    if not {"id", "modified", "affected", "schema_version"} & value.keys():  # an OSV entry, whole or not
        raise NotRead(place, READ, "another object")
