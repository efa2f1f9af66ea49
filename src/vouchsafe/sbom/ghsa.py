"""GitHub advisories as GitHub's APIs give them: REST (global and repository) and GraphQL; and in OSV's form.

Source: https://docs.github.com/rest/security-advisories and the GraphQL object `SecurityVulnerability`, which
defines the range syntax; ranges become OSV ranges as the OSV project's own converter makes them. Two rules
widen them, as there: `<= 1.2.1` with a patched version ends at that version, and without one it stays open,
because nothing says that a later version is free of it. GitHub's database in its OSV form says its format as OSV.

    >>> said = read(b'{"ghsa_id": "GHSA-mhpp-875w-9cpv", "vulnerabilities": [{"package": {"ecosystem": "npm",'
    ...     b' "name": "jquery"}, "vulnerable_version_range": "> 2.1.0, < 3.0.0"}]}')
    >>> [(e.kind, e.version) for e in said.affected[0].ranges[0].events]
    [('introduced', '2.1.1-0'), ('fixed', '3.0.0')]
"""

import re
from typing import Any

from vouchsafe.sbom import advisory_fields as fields
from vouchsafe.sbom import cvss, jsontext, osv, versions
from vouchsafe.sbom.advisories import Advisory, Affected, Event, Range, Severity
from vouchsafe.sbom.cve5_versions import next_semver
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.versions import Doubt

Object = dict[str, Any]

# GitHub's words for ecosystems, in lower case, and OSV's. Versions of the second group go by SemVer.
_ECOSYSTEMS = {
    "npm": "npm",
    "go": "Go",
    "rust": "crates.io",
    "maven": "Maven",
    "pip": "PyPI",
    "rubygems": "RubyGems",
    "nuget": "NuGet",
    "composer": "Packagist",
    "erlang": "Hex",
    "pub": "Pub",
    "swift": "SwiftURL",
    "actions": "GitHub Actions",
}
_SEMVER = frozenset(("npm", "Go", "crates.io"))


def looks_like(value: Object) -> bool:
    """Whether a JSON object is an advisory of GitHub's APIs. For choosing a reader, never for trusting."""
    return bool({"ghsa_id", "ghsaId"} & value.keys()) or _inner(value)[1] != ""


def _inner(value: Object) -> tuple[Object, str]:
    """The advisory within a GraphQL answer or a Dependabot alert, and its path below the object; else as it is."""
    data = value.get("data")
    if isinstance(data, dict) and isinstance(data.get("securityAdvisory"), dict):
        return data["securityAdvisory"], ".data.securityAdvisory"
    if isinstance(value.get("securityAdvisory"), dict):
        return value["securityAdvisory"], ".securityAdvisory"
    if isinstance(value.get("security_advisory"), dict):
        return value["security_advisory"], ".security_advisory"
    return value, ""


def read(data: bytes, *, limits: Limits = DEFAULT) -> Advisory:
    """The GitHub advisory in `data`, in the form of an API or of OSV.

    Raises:
        Malformed: no JSON, or a field that is missing or has another kind of value.
        NotRead: another format.
        TooLarge: past a limit.
    """
    value = jsontext.parse(data, limits=limits)
    if not isinstance(value, dict):
        raise Malformed("$", "a GitHub advisory (an object)", shown(value))
    if looks_like(value):
        return of_value(value, limits=limits)
    if not str(value.get("id")).startswith("GHSA-"):
        raise NotRead("$", "a GitHub advisory", "another object")
    return osv.of_value(value, limits=limits)


def of_value(value: Object, place: str = "$", *, limits: Limits = DEFAULT) -> Advisory:
    """The advisory of a GitHub API's JSON object. Raises: as `read`."""
    entry, path = _inner(value)
    place += path
    problems: list[str] = []
    names = _Names(entry, place)
    id_ = names.text("ghsaId")
    if not id_:
        raise Malformed(names.place("ghsaId"), "the advisory's id", shown(entry.get(names.of("ghsaId"))))
    identifiers = [fields.text(i, "value", at) for at, i in fields.objects(entry, "identifiers", place)]
    aliases = [*identifiers, names.text("cveId")]
    severities = _severities(names, problems)
    return Advisory(
        id=id_,
        aliases=fields.without_repeats([a for a in aliases if a != id_]),
        related=(),
        summary=names.text("summary"),
        details=names.text("description"),
        published=fields.time(entry, names.of("publishedAt"), place, problems),
        modified=fields.time(entry, names.of("updatedAt"), place, problems),
        withdrawn=fields.withdrawn(fields.time(entry, names.of("withdrawnAt"), place, problems)),
        severity=cvss.preferred(severities),
        severities=severities,
        affected=_affected(names, problems, limits),
        references=_references(names),
        problems=tuple(problems[: limits.max_problems]),
        format="GHSA",
    )


_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")


class _Names:
    """One object whose members are `ghsaId` in GraphQL and `ghsa_id` in REST."""

    def __init__(self, entry: Object, place: str) -> None:
        self.entry, self.at = entry, place

    def of(self, camel: str) -> str:
        """The name that the member has in this object."""
        if camel in self.entry:
            return camel
        snake = _CAMEL.sub(lambda m: "_" + m[1].lower(), camel)
        return snake if snake in self.entry else camel

    def place(self, camel: str) -> str:
        return f"{self.at}.{self.of(camel)}"

    def text(self, camel: str) -> str:
        return fields.text(self.entry, self.of(camel), self.at)

    def number(self, camel: str) -> float | None:
        return fields.number(self.entry, self.of(camel), self.at)

    def member(self, camel: str) -> "_Names":
        return _Names(fields.member(self.entry, self.of(camel), self.at), self.place(camel))

    def items(self, camel: str, *, at_most: int | None = None) -> "list[_Names]":
        """The objects of a list: an array in REST, `nodes` or `edges` of nodes in GraphQL."""
        name = self.of(camel)
        value = self.entry.get(name)
        if not isinstance(value, dict):
            return [_Names(o, at) for at, o in fields.objects(self.entry, name, self.at, at_most=at_most)]
        at = f"{self.at}.{name}"
        if "edges" in value and "nodes" not in value:
            edges = fields.objects(value, "edges", at, at_most=at_most)
            return [_Names(fields.member(e, "node", p), f"{p}.node") for p, e in edges]
        return [_Names(o, p) for p, o in fields.objects(value, "nodes", at, at_most=at_most)]


def _severities(names: _Names, problems: list[str]) -> tuple[Severity, ...]:
    both = names.member("cvssSeverities")
    found: list[Severity] = []
    for part, type_ in ((both.member("cvssV4"), "CVSS_V4"), (both.member("cvssV3"), "CVSS_V3")):
        found += _one(part, type_, problems)
    single = _one(names.member("cvss"), "", problems)
    found += [s for s in single if s.vector not in {f.vector for f in found}]
    word = names.text("severity")
    if word.lower() in cvss.RATINGS:
        found.append(Severity("word", "", None, cvss.RATINGS[word.lower()]))
    elif word and word.lower() != "unknown":
        problems.append(f"{names.place('severity')}: expected a rating such as HIGH, got {shown(word)}")
    return tuple(found)


def _one(part: _Names, type_: str, problems: list[str]) -> list[Severity]:
    vector, stated = part.text("vectorString"), part.number("score")
    if not vector:  # a score of 0 without a vector is GitHub's way to say that there is none
        return []
    place = part.place("vectorString")
    return [cvss.read(vector, place, problems, stated=stated, type_=type_, stated_place=part.place("score"))]


def _references(names: _Names) -> tuple[tuple[str, str], ...]:
    raw = fields.array(names.entry, names.of("references"), names.at)
    urls = [r.get("url") if isinstance(r, dict) else r for r in raw]
    known = ("github.com/advisories/", "nvd.nist.gov/vuln/detail/")
    return tuple(
        ("ADVISORY" if any(k in u for k in known) else "WEB", u) for u in urls if isinstance(u, str) and u
    )


class _Package:
    """What is gathered of one package."""

    def __init__(self, ecosystem: str, name: str) -> None:
        self.ecosystem, self.name = ecosystem, name
        self.key = osv.package_key(ecosystem, name)
        self.ranges: list[Range] = []
        self.versions: list[str] = []
        self.unaffected: list[tuple[str, int]] = []  # version, and the range that begins above it
        self.last_known: list[str] = []
        self.functions: list[str] = []


def _affected(names: _Names, problems: list[str], limits: Limits) -> tuple[Affected, ...]:
    packages: dict[tuple[str, str], _Package] = {}
    items = names.items("vulnerabilities", at_most=limits.max_affected)
    if not items:
        problems.append(
            f"{names.place('vulnerabilities')}: expected the affected packages, got nothing:"
            " this advisory matches no component"
        )
    for item in items:
        package = item.member("package")
        said, name = package.text("ecosystem"), package.text("name")
        ecosystem = _ECOSYSTEMS.get(said.lower(), said)
        if ecosystem == "PyPI":  # PEP 503; OSV has PyPI's names so
            name = re.sub(r"[-_.]+", "-", name).lower()
        one = packages.setdefault((ecosystem, name), _Package(ecosystem, name))
        if not one.key:
            problems.append(
                f"{package.place('ecosystem')}: {shown(said)} {shown(name)} has no package URL;"
                " only bare names are matched"
            )
        functions = fields.texts(item.entry, item.of("vulnerableFunctions"), item.at)
        one.functions.extend(f"function {f}" for f in functions)
        _gather(one, item, problems)
        if len(one.ranges) > limits.max_events:
            raise TooLarge(item.at, f"at most {limits.max_events:,} ranges", f"{len(one.ranges):,}")
    return tuple(
        Affected(
            i, p.key, "", p.ecosystem, "", p.name, tuple(dict.fromkeys(p.ranges)),
            fields.without_repeats(p.versions), _free(p),
            last_known=" or ".join(fields.without_repeats(p.last_known)),
            conditions=fields.without_repeats(p.functions),
        )
        for i, p in enumerate(packages.values())
    )  # fmt: skip


_MAX_FREE = 100  # more are left out, which only widens what is affected: the work grows with their square


def _free(p: _Package) -> tuple[str, ...]:
    """The versions that a range begins above, without those that anything else of the package may hold."""
    if len(p.unaffected) > _MAX_FREE:
        return ()
    return fields.without_repeats(
        [
            version
            for version, own in p.unaffected
            if version not in p.versions
            and not any(_holds(r, version, p) for i, r in enumerate(p.ranges) if i != own)
        ]
    )


def _holds(r: Range, version: str, p: _Package) -> bool:
    """Whether a range may hold a version: doubt is yes."""
    scheme = versions.scheme_of(p.key)
    if scheme is None:
        return True
    start, *ends = (e.version for e in r.events)
    try:
        above = start == "0" or versions.compare(scheme, version, start) >= 0
        return above and not any(versions.compare(scheme, version, end) >= 0 for end in ends)
    except Doubt:
        return True


_BOUND = re.compile(r"(>=|<=|=|>|<)\s*(\S+)")


def _bounds(text: str) -> dict[str, str] | None:
    """`>= 1.0, < 2.0` by operator; None when it is not of that syntax."""
    found: dict[str, str] = {}
    for part in text.split(","):
        one = _BOUND.fullmatch(part.strip())
        if one is None or one[1] in found:
            return None
        found[one[1]] = one[2]
    clash = {">=", ">"} <= found.keys() or {"<=", "<"} <= found.keys() or ("=" in found and len(found) > 1)
    return None if clash else found


def _gather(one: _Package, item: _Names, problems: list[str]) -> None:
    said = item.text("vulnerableVersionRange")
    patched = _patched(item)
    bounds = _bounds(said)
    if bounds is None:
        problems.append(
            f"{item.place('vulnerableVersionRange')}: expected a range such as “>= 1.0, < 1.2”, got {shown(said)}"
        )
        one.ranges.append(Range("CUSTOM", "", (Event("introduced", "0"),)))
        return
    type_ = "SEMVER" if one.ecosystem in _SEMVER else "ECOSYSTEM" if one.key else "CUSTOM"
    exact = bounds.get("=", "")
    if exact and not patched:
        one.versions.append(exact)
        return
    start, end, up_to = bounds.get(">=", exact) or "0", None, bounds.get("<=", "")
    if ">" in bounds:
        start = _above(bounds[">"], type_, one, item, problems)
    if "<" in bounds:
        end = bounds["<"]
    elif patched:
        end = patched
    elif up_to:
        one.last_known.append(f"<= {up_to}")
    ends = (Event("fixed", end),) if end else ()
    if end and up_to and one.key and not _is_after(one, up_to, end):
        problems.append(f"{item.at}: expected a patched version after {shown(up_to)}, got {shown(end)}")
        ends = (Event("last_affected", up_to),)
    one.ranges.append(Range(type_, "", (Event("introduced", start), *ends)))
    if end and exact and not _is_after(one, exact, end):
        problems.append(f"{item.at}: expected a patched version after {shown(exact)}, got {shown(end)}")
        one.versions.append(exact)


def _is_after(one: _Package, exact: str, patched: str) -> bool:
    scheme = versions.scheme_of(one.key)
    try:
        return scheme is not None and versions.compare(scheme, exact, patched) < 0
    except Doubt:
        return False


def _above(version: str, type_: str, one: _Package, item: _Names, problems: list[str]) -> str:
    """The first version above `version`. Only SemVer has one; elsewhere the range begins one version too early."""
    if type_ == "SEMVER":
        try:
            return next_semver(version)
        except Doubt:
            problems.append(
                f"{item.place('vulnerableVersionRange')}: expected a semver version, got {shown(version)}"
            )
    one.unaffected.append((version, len(one.ranges)))
    return version


def _patched(item: _Names) -> str:
    """The first patched version: text or `{"identifier": …}`; of repository advisories, when it is one version."""
    name = item.of("firstPatchedVersion")
    value = item.entry.get(name)
    if isinstance(value, dict):
        return fields.text(value, "identifier", f"{item.at}.{name}")
    if value is None:
        several = item.text("patchedVersions").strip()
        return several if re.fullmatch(r"[0-9][^\s,<>=]*", several) else ""
    return fields.text(item.entry, name, item.at)
