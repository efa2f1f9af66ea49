"""NVD's answers, version 2.0: CVEs whose affected products are CPE names with bounds.

Source: https://nvd.nist.gov/developers/vulnerabilities and its JSON schema `cve_api_json_2.0`. Promises: each
vulnerable `cpeMatch` is kept, gathered by product; what must hold besides (a platform that it runs on) is in
`conditions`. The order of a product's versions is not NVD's to say, so its ranges are of the type `CPE`: they
can make a match possible, never confirmed.

    >>> cpe("cpe:2.3:a:busybox:busybox:1.32.0:rc1:*:*:*:*:*:*").version
    '1.32.0 rc1'
"""

import re
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

from vouchsafe.sbom import advisory_fields as fields
from vouchsafe.sbom import cvss, jsontext
from vouchsafe.sbom.advisories import Advisory, Affected, Event, EventKind, Range, Severity
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, MAX_CPE_CHARS, Limits

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cpe:
    """A CPE name in its parts, unquoted. `version` has the update behind a space; empty for any version.

    `family` is the name with version and update left open: what several names of one product have in common.
    """

    part: str
    vendor: str
    product: str
    version: str
    family: str


_FIELD = re.compile(r"((?:\\.|[^\\:])*)(?::|\Z)", re.DOTALL)
_SPECIAL = re.compile(r"[^A-Za-z0-9_.\-]")
_QUOTED = re.compile(r"\\(.)", re.DOTALL)


def cpe(text: str) -> Cpe | None:
    """The parts of a CPE 2.3 formatted string or a CPE 2.2 URI; None when it is neither.

    Source: NISTIR 7695, 6.1 and 6.2.
    """
    if len(text) > MAX_CPE_CHARS:
        return None
    if text.startswith("cpe:/"):
        parts = text[5:].split(":")
        if len(parts) > 11 or parts[0] not in ("a", "o", "h"):
            return None
        parts += [""] * (11 - len(parts))
        raw = ["-" if p == "-" else _SPECIAL.sub(r"\\\g<0>", unquote(p)) or "*" for p in parts]
    elif text.startswith("cpe:2.3:"):
        raw = [m[1] for m in _FIELD.finditer(text[8:])][:12]
        raw = raw[:-1] if len(raw) == 12 and not raw[-1] and not text.endswith(":") else raw
        if len(raw) != 11 or raw[0] not in ("a", "o", "h", "*", "-") or not all(raw):
            return None
    else:
        return None
    plain = [_QUOTED.sub(r"\1", p) for p in raw]
    version = "" if raw[3] in ("*", "-") else plain[3]
    if version and raw[4] not in ("*", "-"):
        version = f"{version} {plain[4]}"
    family = ":".join(["cpe:2.3", *raw[:3], "*", "*", *raw[5:]])
    return Cpe(plain[0], plain[1], plain[2], version, family)


def looks_like(value: Object) -> bool:
    """Whether a JSON object is an NVD answer, or one CVE out of one. For choosing a reader, never for trusting."""
    listed = value.get("vulnerabilities")
    first = listed[0] if isinstance(listed, list) and listed else None
    return (
        value.get("format") == "NVD_CVE"
        or (isinstance(first, dict) and isinstance(first.get("cve"), dict))
        or (isinstance(value.get("cve"), dict) and "id" in value["cve"])
        or ("vulnStatus" in value and "id" in value)
    )


def read(data: bytes, *, limits: Limits = DEFAULT) -> tuple[Advisory, ...]:
    """Every CVE of an NVD answer, in its order.

    Raises:
        Malformed: no JSON, or a field that has another kind of value than the schema asks for.
        NotRead: another format or version.
        TooLarge: past a limit.
    """
    value = jsontext.parse(data, limits=limits)
    if not isinstance(value, dict) or not looks_like(value):
        raise NotRead("$", "an NVD answer of version 2.0", shown(value))
    return of_value(value, limits=limits)


def of_value(value: Object, *, limits: Limits = DEFAULT) -> tuple[Advisory, ...]:
    """The advisories of an NVD answer that was parsed from JSON. Raises: as `read`."""
    if "vulnStatus" in value:
        return (_advisory(value, "$", limits),)
    if "vulnerabilities" not in value and isinstance(value.get("cve"), dict):
        return (_advisory(value["cve"], "$.cve", limits),)
    version = fields.text(value, "version", "$")
    if version and version != "2.0":
        raise NotRead("$.version", "2.0", shown(version))
    if "vulnerabilities" not in value:
        raise Malformed("$.vulnerabilities", "an array", "nothing")
    found = []
    for place, item in fields.objects(value, "vulnerabilities", "$", at_most=limits.max_advisories):
        if not isinstance(item.get("cve"), dict):
            raise Malformed(f"{place}.cve", "an object", shown(item.get("cve")))
        found.append(_advisory(item["cve"], f"{place}.cve", limits))
    return tuple(found)


_CVE_ID = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}", re.ASCII)


def cve_id(entry: Object, name: str, place: str) -> str:
    """A member that is a CVE id.

    Raises:
        Malformed: it is none.
    """
    said = fields.text(entry, name, place)
    if not _CVE_ID.fullmatch(said):
        raise Malformed(f"{place}.{name}", "a CVE id such as CVE-2021-44228", shown(entry.get(name)))
    return said


def english(entries: list[tuple[str, Object]]) -> str:
    """The first text in English of an array of `lang` and `value`; the first of any language otherwise."""
    said = [(fields.text(e, "lang", at), fields.text(e, "value", at)) for at, e in entries]
    return next((v for lang, v in said if lang.lower().startswith("en")), said[0][1] if said else "")


def _advisory(entry: Object, place: str, limits: Limits) -> Advisory:
    problems: list[str] = []
    id_ = cve_id(entry, "id", place)
    modified = fields.time(entry, "lastModified", place, problems, assume_utc=True)
    published = fields.time(entry, "published", place, problems, assume_utc=True)
    status = fields.text(entry, "vulnStatus", place)
    severities = _severities(entry, place, problems)
    affected = configurations(entry, "configurations", place, problems, limits)
    if not affected and status != "Rejected":
        problems.append(f"{place}.configurations: expected the affected products, got nothing")
    return Advisory(
        id=id_,
        aliases=(),
        related=(),
        summary=fields.text(entry, "cisaVulnerabilityName", place),
        details=english(fields.objects(entry, "descriptions", place)),
        published=published,
        modified=modified,
        withdrawn=(modified or published or "rejected") if status == "Rejected" else "",
        severity=cvss.preferred(severities),
        severities=severities,
        affected=affected,
        references=tuple(
            ("WEB", fields.text(r, "url", at)) for at, r in fields.objects(entry, "references", place)
        ),
        problems=tuple(problems[: limits.max_problems]),
        format="NVD",
        # NVD copies the date from the KEV catalogue; without it, it says nothing.
        known_exploited=True if fields.text(entry, "cisaExploitAdd", place) else None,
    )


_METRICS = {
    "cvssMetricV40": "CVSS_V4",
    "cvssMetricV31": "CVSS_V3",
    "cvssMetricV30": "CVSS_V3",
    "cvssMetricV2": "CVSS_V2",
}


def _severities(entry: Object, place: str, problems: list[str]) -> tuple[Severity, ...]:
    metrics = fields.member(entry, "metrics", place)
    found = []
    for name, type_ in _METRICS.items():
        for at, metric in fields.objects(metrics, name, f"{place}.metrics"):
            data = fields.member(metric, "cvssData", at)
            # Version 2 has its word beside the vector's object.
            word = fields.text(data, "baseSeverity", f"{at}.cvssData") or fields.text(
                metric, "baseSeverity", at
            )
            found.append(
                cvss.read(
                    fields.text(data, "vectorString", f"{at}.cvssData"),
                    f"{at}.cvssData.vectorString",
                    problems,
                    stated=fields.number(data, "baseScore", f"{at}.cvssData"),
                    word=word,
                    source=fields.text(metric, "source", at),
                    type_=type_,
                    stated_place=f"{at}.cvssData.baseScore",
                )
            )
    return tuple(found)


def configurations(
    entry: Object, name: str, place: str, problems: list[str], limits: Limits, *, first_index: int = 0
) -> tuple[Affected, ...]:
    """The affected products of NVD's `configurations`, or of a CVE record's `cpeApplicability`.

    Raises: as `read`.
    """
    products: dict[tuple[str, tuple[str, ...]], _Product] = {}
    count = 0
    for at, config in fields.objects(entry, name, place):
        nodes = fields.objects(config, "nodes", at)
        joined = fields.text(config, "operator", at).upper() == "AND"
        for number, (node_at, node) in enumerate(nodes):
            conditions = _beside(nodes, number) if joined else ()
            matches = fields.objects(node, "cpeMatch", node_at)
            count += len(matches)
            if count > limits.max_versions:
                raise TooLarge(f"{node_at}.cpeMatch", f"at most {limits.max_versions:,} in all", f"{count:,}")
            if _flag(node, "negate", node_at) or _flag(config, "negate", at):
                problems.append(
                    f"{node_at}.negate: a negated node can't be kept: its products count as affected"
                )
                conditions = (*conditions, "negated: all but the named")
            for match_at, match in matches:
                if "vulnerable" in match and not _flag(match, "vulnerable", match_at):
                    continue
                _gather(products, match, match_at, conditions, problems)
    if len(products) > limits.max_affected:
        raise TooLarge(f"{place}.{name}", f"at most {limits.max_affected:,} products", f"{len(products):,}")
    return tuple(p.affected(first_index + i) for i, p in enumerate(products.values()))


def _flag(entry: Object, name: str, place: str) -> bool:
    value = entry.get(name)
    if value is not None and not isinstance(value, bool):
        raise Malformed(f"{place}.{name}", "true or false", shown(value))
    return bool(value)


def _beside(nodes: list[tuple[str, Object]], number: int) -> tuple[str, ...]:
    """In words, what the other nodes of an AND ask for."""
    said = []
    for i, (at, node) in enumerate(nodes):
        if i != number:
            names = [fields.text(m, "criteria", p) for p, m in fields.objects(node, "cpeMatch", at)]
            more = f" or {len(names) - 3:,} more" if len(names) > 3 else ""
            said.append(f"with {' or '.join(names[:3])}{more}")
    return tuple(said)


class _Product:
    """What is gathered of one product under the same conditions."""

    def __init__(self, name: Cpe, conditions: tuple[str, ...]) -> None:
        self.name, self.conditions = name, conditions
        self.ranges: dict[Range, None] = {}
        self.versions: dict[str, None] = {}
        self.unaffected: dict[str, None] = {}

    def affected(self, index: int) -> Affected:
        n = self.name
        # Below an open start the version itself is not affected, unless something else of the product holds it.
        alone = len(self.ranges) == 1 and not self.versions
        return Affected(
            index, "", "", "", "", n.product, tuple(self.ranges), tuple(self.versions),
            tuple(self.unaffected) if alone else (), (n.family,), n.vendor, conditions=self.conditions,
        )  # fmt: skip


_BOUNDS = (
    ("versionStartIncluding", "introduced"),
    ("versionStartExcluding", "introduced"),
    ("versionEndExcluding", "fixed"),
    ("versionEndIncluding", "last_affected"),
)


def _gather(
    products: dict[tuple[str, tuple[str, ...]], _Product],
    match: Object,
    place: str,
    conditions: tuple[str, ...],
    problems: list[str],
) -> None:
    criteria = fields.text(match, "criteria", place)
    name = cpe(criteria)
    if name is None:
        problems.append(f"{place}.criteria: expected a CPE 2.3 name, got {shown(criteria)}")
        # Kept as the name that it is: dropping it would hide a product.
        name = Cpe("", "", criteria, "", criteria)
    product = products.setdefault((name.family, conditions), _Product(name, conditions))
    bounds = [(kind, fields.text(match, bound, place), bound) for bound, kind in _BOUNDS]
    given = [(kind, version, bound) for kind, version, bound in bounds if version]
    if name.version and not given:
        product.versions[name.version] = None
        return
    kinds = [kind for kind, _, _ in given]
    if len(set(kinds)) != len(kinds) or {"fixed", "last_affected"} <= set(kinds):
        problems.append(f"{place}: expected one bound on each side, got {', '.join(b for _, _, b in given)}")
    events = [] if "introduced" in kinds else [Event("introduced", "0")]
    for kind, version, bound in given:
        events.append(Event(cast(EventKind, kind), version))
        if bound == "versionStartExcluding":  # OSV has no event for "above"
            product.unaffected[version] = None
    product.ranges[Range("CPE", "", tuple(events))] = None
