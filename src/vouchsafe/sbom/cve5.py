"""CVE records, format 5.0 to 5.2: what the assigner and the enriching parties say is affected.

Source: https://github.com/CVEProject/cve-schema, `CVE_Record_Format.json` and `versions.md`. Promises: the products
of every container; their versions as OSV ranges where the record says in which order versions go (`cve5_versions`);
a rejected record is withdrawn; CISA's note that a CVE is in the KEV catalogue is kept as `known_exploited`.

    >>> said = read(b'{"dataType": "CVE_RECORD", "dataVersion": "5.1", "cveMetadata": {"cveId": "CVE-2026-1234",'
    ...     b' "state": "PUBLISHED"}, "containers": {"cna": {"affected": [{"packageName": "a", "collectionURL":'
    ...     b' "https://registry.npmjs.org", "defaultStatus": "unaffected", "versions": [{"version": "1.0.0",'
    ...     b' "lessThan": "1.2.3", "versionType": "semver", "status": "affected"}]}]}}}')
    >>> (said.affected[0].package_key, [e.version for e in said.affected[0].ranges[0].events])
    ('pkg:npm/a', ['1.0.0', '1.2.3'])
"""

import re
from typing import Any

from vouchsafe.sbom import advisory_fields as fields
from vouchsafe.sbom import cve5_versions, cvss, joins, jsontext, nvd, osv, purl
from vouchsafe.sbom.advisories import Advisory, Affected, Severity
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

Object = dict[str, Any]


def looks_like(value: Object) -> bool:
    """Whether a JSON object is a CVE record. For choosing a reader, never for trusting."""
    return value.get("dataType") == "CVE_RECORD" or ("cveMetadata" in value and "containers" in value)


def read(data: bytes, *, limits: Limits = DEFAULT) -> Advisory:
    """The CVE record in `data`.

    Raises:
        Malformed: no JSON, or a field that is missing or has another kind of value than the schema asks for.
        NotRead: another format or version.
        TooLarge: past a limit.
    """
    value = jsontext.parse(data, limits=limits)
    if not isinstance(value, dict) or not looks_like(value):
        raise NotRead("$", "a CVE record of version 5", shown(value))
    return of_value(value, limits=limits)


def of_value(value: Object, place: str = "$", *, limits: Limits = DEFAULT) -> Advisory:
    """The advisory of a CVE record that was parsed from JSON. Raises: as `read`."""
    problems: list[str] = []
    version = fields.text(value, "dataVersion", place)
    if version and version.partition(".")[0] != "5":
        raise NotRead(f"{place}.dataVersion", "5.0, 5.1 or 5.2", shown(version))
    meta, meta_at = fields.member(value, "cveMetadata", place), f"{place}.cveMetadata"
    id_ = nvd.cve_id(meta, "cveId", meta_at)
    state = fields.text(meta, "state", meta_at)
    if state not in ("PUBLISHED", "REJECTED"):
        problems.append(f"{meta_at}.state: expected PUBLISHED or REJECTED, got {shown(meta.get('state'))}")
    containers = fields.member(value, "containers", place)
    if not isinstance(containers.get("cna"), dict):
        raise Malformed(f"{place}.containers.cna", "an object", shown(containers.get("cna")))
    cna, cna_at = containers["cna"], f"{place}.containers.cna"
    every = [(cna_at, cna), *fields.objects(containers, "adp", f"{place}.containers")]
    published = fields.time(meta, "datePublished", meta_at, problems, assume_utc=True)
    modified = fields.time(meta, "dateUpdated", meta_at, problems, assume_utc=True)
    rejected = fields.time(meta, "dateRejected", meta_at, problems, assume_utc=True)
    severities = tuple(s for at, c in every for s in _severities(c, at, problems))
    affected = _all_affected(every, problems, limits)
    withdrawn = rejected or modified or published or "rejected" if state == "REJECTED" else ""
    if not any(a.name or a.package_key for a in affected) and not withdrawn:
        problems.append(
            f"{cna_at}.affected: expected the affected products, got none by name: it matches nothing"
        )
    words = "rejectedReasons" if state == "REJECTED" else "descriptions"
    return Advisory(
        id=id_,
        aliases=_aliases(cna, cna_at),
        related=fields.texts(cna, "replacedBy", cna_at),
        summary=fields.text(cna, "title", cna_at),
        details=nvd.english(fields.objects(cna, words, cna_at)),
        published=published,
        modified=modified,
        withdrawn=withdrawn,
        severity=cvss.preferred(severities),
        severities=severities,
        affected=affected,
        references=_references(every),
        problems=tuple(problems[: limits.max_problems]),
        format="CVE",
        known_exploited=True if any(_is_in_kev(c, at) for at, c in every) else None,
    )


_GHSA = re.compile(r"GHSA(?:-[23456789cfghjmpqrvwx]{4}){3}", re.ASCII)


def _aliases(cna: Object, place: str) -> tuple[str, ...]:
    """The GitHub advisory that the record was made from: the same vulnerability under its other name."""
    source = cna.get("source")
    named = source.get("advisory") if isinstance(source, dict) else None
    return (named,) if isinstance(named, str) and _GHSA.fullmatch(named) else ()


_METRICS = {"cvssV4_0": "CVSS_V4", "cvssV3_1": "CVSS_V3", "cvssV3_0": "CVSS_V3", "cvssV2_0": "CVSS_V2"}


def _severities(container: Object, place: str, problems: list[str]) -> list[Severity]:
    provider = fields.text(
        fields.member(container, "providerMetadata", place), "shortName", f"{place}.providerMetadata"
    )
    found = []
    for at, metric in fields.objects(container, "metrics", place):
        for name, type_ in _METRICS.items():
            if name not in metric:
                continue
            data, data_at = fields.member(metric, name, at), f"{at}.{name}"
            found.append(
                cvss.read(
                    fields.text(data, "vectorString", data_at),
                    f"{data_at}.vectorString",
                    problems,
                    stated=fields.number(data, "baseScore", data_at),
                    word=fields.text(data, "baseSeverity", data_at),
                    source=provider,
                    type_=type_,
                    stated_place=f"{data_at}.baseScore",
                )
            )
        found += _words(_other(metric, at), provider)
    return found


def _other(metric: Object, place: str) -> Object:
    """The content of a metric that is no CVSS; its schema is the provider's own."""
    content = fields.member(metric, "other", place).get("content")
    return content if isinstance(content, dict) else {}


def _words(content: Object, provider: str) -> list[Severity]:
    said = [content.get(name) for name in ("value", "text", "other")]
    return [
        Severity("word", "", None, cvss.RATINGS[word.lower()], None, provider)
        for word in said
        if isinstance(word, str) and word.lower() in cvss.RATINGS
    ]


def _is_in_kev(container: Object, place: str) -> bool:
    """CISA's container has a metric of type `kev` while the CVE is in its catalogue, with the date it came in."""
    return any(
        fields.member(metric, "other", at).get("type") == "kev" and "dateAdded" in _other(metric, at)
        for at, metric in fields.objects(container, "metrics", place)
    )


def _references(every: list[tuple[str, Object]]) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for place, container in every:
        for at, item in fields.objects(container, "references", place):
            tags = fields.texts(item, "tags", at)
            type_ = "ADVISORY" if {"vendor-advisory", "third-party-advisory"} & set(tags) else "WEB"
            found[("FIX" if "patch" in tags else type_, fields.text(item, "url", at))] = None
    return tuple(pair for pair in found if pair[1])


def _all_affected(
    every: list[tuple[str, Object]], problems: list[str], limits: Limits
) -> tuple[Affected, ...]:
    found: list[Affected] = []
    counted = 0
    for place, container in every:
        products = fields.objects(container, "affected", place, at_most=limits.max_affected)
        for at, product in products:
            counted += _size(product, at)
            if counted > limits.max_events:
                raise TooLarge(f"{at}.versions", f"at most {limits.max_events:,} in all", f"{counted:,}")
            one = _affected(product, at, len(found), problems)
            if one is not None:
                found.append(one)
        found += nvd.configurations(
            container, "cpeApplicability", place, problems, limits, first_index=len(found)
        )
        if len(found) > limits.max_affected:
            raise TooLarge(f"{place}.affected", f"at most {limits.max_affected:,}", f"{len(found):,}")
    return tuple(found)


def _size(product: Object, place: str) -> int:
    """How many versions a product names: each of them is put in order."""
    entries = fields.objects(product, "versions", place)
    return len(entries) + sum(len(fields.array(entry, "changes", at)) for at, entry in entries)


_NO_NAME = frozenset(("", "n/a", "unknown", "[unknown]", "unspecified"))


def _affected(product: Object, place: str, index: int, problems: list[str]) -> Affected | None:
    """One product; None when the record says that none of its versions is affected."""
    vendor = fields.text(product, "vendor", place)
    repo = fields.text(product, "repo", place)
    said_names = [fields.text(product, "packageName", place), fields.text(product, "product", place)]
    name, *names = [n for n in (*said_names, osv.of_repository(repo)) if n] or [""]
    key, others, ecosystem, url = _package(product, place, problems)
    is_package = key and not key.startswith(joins.NO_ECOSYSTEM)
    said = cve5_versions.read(product, place, problems, key)
    if said is None:
        return None
    cpes = fields.texts(product, "cpes", place)
    problems.extend(
        f"{place}.cpes[{i}]: expected a CPE name, got {shown(c)}"
        for i, c in enumerate(cpes)
        if not nvd.cpe(c)
    )
    return Affected(
        index=index,
        package_key=key,
        purl=url,
        ecosystem=ecosystem,
        release="",
        name="" if name.lower() in _NO_NAME else name,
        ranges=said.ranges,
        versions=said.versions,
        unaffected=said.unaffected,
        cpes=cpes,
        vendor="" if vendor.lower() in _NO_NAME else vendor,
        conditions=_conditions(product, place),
        other_keys=others if is_package else (*others, *joins.product_keys(names, vendor)),
    )


# Where `collectionURL` is one of these, `packageName` is a name in that ecosystem.
_COLLECTIONS = {
    "pypi.org": "PyPI",
    "pypi.python.org": "PyPI",
    "registry.npmjs.org": "npm",
    "npmjs.com": "npm",
    "npmjs.org": "npm",
    "repo.maven.apache.org": "Maven",
    "repo1.maven.org": "Maven",
    "search.maven.org": "Maven",
    "central.sonatype.com": "Maven",
    "mvnrepository.com": "Maven",
    "crates.io": "crates.io",
    "rubygems.org": "RubyGems",
    "nuget.org": "NuGet",
    "api.nuget.org": "NuGet",
    "packagist.org": "Packagist",
    "pkg.go.dev": "Go",
    "proxy.golang.org": "Go",
    "hex.pm": "Hex",
    "repo.hex.pm": "Hex",
    "pub.dev": "Pub",
    "cran.r-project.org": "CRAN",
    "hackage.haskell.org": "Hackage",
}
_HOST = re.compile(r"(?:https?:)?//(?:[^/@?#]*@)?([^/:?#]+)", re.IGNORECASE)


def _package(product: Object, place: str, problems: list[str]) -> tuple[str, tuple[str, ...], str, str]:
    """Package key, further keys, ecosystem and package URL of a product; empty where it names none."""
    name = fields.text(product, "packageName", place)
    host = _HOST.match(fields.text(product, "collectionURL", place))
    ecosystem = _COLLECTIONS.get(host[1].lower().removeprefix("www."), "") if host else ""
    key = osv.package_key(ecosystem, name) if ecosystem else ""
    others: tuple[str, ...] = ()
    if key and ecosystem == "Go":
        key, others = _module(name)
    url = fields.text(product, "packageURL", place)  # since 5.2
    if url:
        try:
            own = purl.key(url)
            others = tuple(k for k in (key, *others) if k and k != own)
            return own, others, ecosystem, url
        except Malformed as told:
            problems.append(f"{place}.packageURL: {told.expected} expected, got {told.got}")
    return key, others, ecosystem if key else "", ""


def _module(path: str) -> tuple[str, tuple[str, ...]]:
    """The module of a Go package's path, and the further ones that it may be of.

    Go's own records name packages (`golang.org/x/net/http2`), not modules (`golang.org/x/net`); those of the
    standard library have no host in front.
    """
    host, *rest = path.split("/")
    if "." not in host:
        return osv.package_key("Go", "stdlib"), (osv.package_key("Go", "toolchain"),)
    deepest = min(len(rest), _MAX_MODULE_PARTS) - 1  # a path may have any number of parts
    modules = ["/".join((host, *rest[:n])) for n in range(deepest, 0, -1)]
    return osv.package_key("Go", path), tuple(osv.package_key("Go", m) for m in modules)


_MAX_MODULE_PARTS = 32


def _conditions(product: Object, place: str) -> tuple[str, ...]:
    said = [f"platform {p}" for p in fields.texts(product, "platforms", place)]
    said += [f"module {m}" for m in fields.texts(product, "modules", place)]
    said += [f"file {f}" for f in fields.texts(product, "programFiles", place)]
    said += [
        f"routine {fields.text(r, 'name', at)}" for at, r in fields.objects(product, "programRoutines", place)
    ]
    return tuple(said)
