"""CycloneDX BOMs with vulnerabilities, 1.4 to 1.7 in JSON and XML, as VEX statements.

A reference is resolved to the component of this BOM; a BOM-Link to another BOM is kept as it stands. What a
version's own status says is weighed with the analysis: not_affected takes both, or the analysis alone where no
versions are named. Source: CycloneDX 1.6, `vulnerabilities` and "BOM-Link"; docs/formats/vex.md has the tables.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from vouchsafe.sbom import cyclonedx, cyclonedx_xml, jsontext, vex, xmltext
from vouchsafe.sbom.errors import Malformed, shown
from vouchsafe.sbom.jsonshape import Problems
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Component, Sbom
from vouchsafe.sbom.xmltext import Element

STATES: dict[str, vex.Status] = {
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "exploitable": "affected",
    "in_triage": "under_investigation",
    "false_positive": "not_affected",
    "not_affected": "not_affected",
}
# Only those whose meaning is the same: a mitigation around the product is none that is built into it.
JUSTIFICATIONS = {
    "code_not_present": "vulnerable_code_not_present",
    "code_not_reachable": "vulnerable_code_not_in_execute_path",
    "protected_by_compiler": "inline_mitigations_already_exist",
    "protected_at_runtime": "inline_mitigations_already_exist",
}
_ALL_JUSTIFICATIONS = frozenset(JUSTIFICATIONS) | {
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
}
_RESPONSES = frozenset(("can_not_fix", "will_not_fix", "update", "rollback", "workaround_available"))
_VERSION_STATES = frozenset(("affected", "unaffected", "unknown"))
_LINK = re.compile(r"urn:(?:cdx|uuid):([0-9a-fA-F-]{36})(?:/([0-9]+))?(?:#(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Version:
    """One version or range of an affected component, and what is said of it: empty where nothing is."""

    text: str
    status: str
    place: str


@dataclass(frozen=True, slots=True)
class _Affects:
    ref: str
    versions: tuple[_Version, ...]
    place: str


@dataclass(frozen=True, slots=True)
class _Said:
    """A vulnerability as JSON and XML both say it. `places` are of the members that may be wrong."""

    id: str
    references: tuple[str, ...]
    state: str
    justification: str
    responses: tuple[str, ...]
    detail: str
    advice: tuple[str, ...]
    times: tuple[str, ...]
    affects: tuple[_Affects, ...]
    place: str
    analysis: str


def read(data: bytes, *, limits: Limits = DEFAULT) -> vex.Vex:
    """The BOM in `data`, JSON or XML.

    Raises:
        TooLarge: past a limit.
        NotRead: another format or version.
        Malformed: no BOM, or broken in a way that hides what it says.
    """
    if not cyclonedx.looks_like_xml(data):
        return of_value(jsontext.parse(data, limits=limits), data, limits=limits)
    sbom = cyclonedx_xml.read(data, limits=limits)
    root = xmltext.parse(data, limits=limits)
    metadata = root.first("metadata")
    around = root.first("vulnerabilities")
    said = (_of_element(v) for v in around.each("vulnerability")) if around else iter(())
    return _vex(sbom, said, _author_in(metadata), data, limits, (around or root).place)


def of_value(bom: Any, data: bytes, *, limits: Limits) -> vex.Vex:
    """The BOM in a value that `jsontext.parse` gave of `data`. Raises as `read`."""
    sbom = cyclonedx.of_json(bom, data, limits=limits)
    said = (_of_object(v, p) for v, p in _objects(bom, "vulnerabilities", "$"))
    return _vex(sbom, said, _author_of(bom.get("metadata", {})), data, limits)


def _vex(
    sbom: Sbom,
    said: Iterator[_Said],
    author: str,
    data: bytes,
    limits: Limits,
    place: str = "$.vulnerabilities",
) -> vex.Vex:
    problems = Problems(limits.max_problems)
    problems += [p for p in sbom.problems if p.kind == "schema"]
    statements = vex.Statements(problems, limits)
    resolve = _Resolver(sbom, problems)
    count = 0
    for one in said:
        count += 1
        for statement in _statements(one, sbom, resolve, problems):
            statements.add(statement)
    if not count:
        problems.add("vex", place, "expected vulnerabilities, got none: nothing is stated")
    return vex.Vex(
        format="CycloneDX",
        spec_version=sbom.spec_version,
        id=sbom.serial,
        version=str(sbom.version),
        author=author,
        timestamp=sbom.timestamp,
        statements=tuple(statements),
        problems=tuple(problems),
        sha256=hashlib.sha256(data).hexdigest(),
    )


class _Resolver:
    """From references to products of this BOM."""

    def __init__(self, sbom: Sbom, problems: Problems) -> None:
        self.problems = problems
        self.own = sbom.serial.rpartition(":")[2].lower()
        self.version = str(sbom.version)
        self.by_ref: dict[str, Component] = {}
        for component in (*((sbom.subject,) if sbom.subject else ()), *sbom.components):
            if component.ref:
                self.by_ref.setdefault(component.ref, component)

    def product(self, ref: str, place: str) -> vex.Product:
        """The product that a reference names; one that leads nowhere is a problem, and kept by its id."""
        link = _LINK.fullmatch(ref)
        inner = ref
        if link:
            if link[1].lower() != self.own or (link[2] or self.version) != self.version or not link[3]:
                return (
                    vex.identified(link[3] or ref) if (link[3] or "").startswith("pkg:") else vex.Product(ref)
                )
            inner = link[3]
        found = self.by_ref.get(inner) or self.by_ref.get(unquote(inner))
        if found is None:
            self.problems.add("dangling", place, f"{shown(ref)} is no component of this BOM")
            return vex.identified(ref)
        name = f"{found.group}/{found.name}" if found.group else found.name
        return vex.Product(ref, name, found.version, found.purl or "", found.cpe or "")


def _statements(said: _Said, sbom: Sbom, resolve: _Resolver, problems: Problems) -> Iterator[vex.Statement]:
    """One statement a status: versions of one component may have several."""
    groups: dict[vex.Status, list[vex.Product]] = {}
    if not said.state:
        problems.add("vex", said.analysis, "expected a state, got nothing: nothing was found out yet")
    elif said.state not in STATES:
        text = f"{shown(said.state)} is no state of CycloneDX: taken as under_investigation"
        problems.add("vex", said.analysis, text)
    for member, value, known in (
        ("justification", said.justification, _ALL_JUSTIFICATIONS),
        *(("response", r, _RESPONSES) for r in said.responses),
    ):
        if value and value not in known:
            problems.add("vex", said.analysis, f"{shown(value)} is no {member} of CycloneDX")
    for affects in said.affects:
        product = resolve.product(affects.ref, affects.place)
        if not affects.versions:
            groups.setdefault(STATES.get(said.state, "under_investigation"), []).append(product)
        for version in affects.versions:
            status = _weighed(said.state, version, problems)
            one = vex.Product(product.id, product.name, version.text, product.purl, product.cpe)
            groups.setdefault(status, []).append(one)
    if not said.affects:
        groups[STATES.get(said.state, "under_investigation")] = []
    for status, products in groups.items():
        negative = status == "not_affected"
        yield vex.Statement(
            vulnerability=said.id,
            status=status,
            products=tuple(products),
            aliases=tuple(dict.fromkeys(r for r in said.references if r and r != said.id)),
            state=said.state,
            justification=JUSTIFICATIONS.get(said.justification, "") if negative else "",
            said=said.justification,
            impact_statement=said.detail,
            action_statement="\n".join(a for a in said.advice if a),
            responses=said.responses,
            timestamp=next((t for t in said.times if t), sbom.timestamp),
            place=said.place,
        )


def _weighed(state: str, version: _Version, problems: Problems) -> vex.Status:
    """The status of one version, by the analysis of the vulnerability and by its own."""
    whole: vex.Status = STATES.get(state, "under_investigation")
    own = version.status
    if own and own not in _VERSION_STATES:
        problems.add("vex", version.place, f"{shown(own)} is no status of a version: taken as unknown")
        own = "unknown"
    if own == "unknown":
        return "under_investigation"
    if whole == "not_affected":
        if own == "unaffected":
            return "not_affected"
        # The schema's default of a version's status is "affected": saying nothing contradicts the analysis.
        text = f"the version is {own or 'affected (the default)'}, though the analysis says {state}"
        problems.add("vex", version.place, text)
        return "affected" if own else "under_investigation"
    if whole == "fixed":
        # With a pedigree the version stays the same: this build of it has the patch.
        return "affected" if own == "affected" and state == "resolved" else "fixed"
    if whole == "affected":
        return "not_affected" if own == "unaffected" else "affected"
    return "affected" if own == "affected" and not state else "under_investigation"


def _object(owner: dict[str, Any], name: str, place: str) -> dict[str, Any]:
    value = owner.get(name, {})
    if not isinstance(value, dict):
        raise Malformed(f"{place}.{name}", "an object", shown(value))
    return value


def _objects(owner: dict[str, Any], name: str, place: str) -> Iterator[tuple[dict[str, Any], str]]:
    value = owner.get(name, [])
    if not isinstance(value, list):
        raise Malformed(f"{place}.{name}", "an array", shown(value))
    for i, item in enumerate(value):
        if not isinstance(item, dict):
            raise Malformed(f"{place}.{name}[{i}]", "an object", shown(item))
        yield item, f"{place}.{name}[{i}]"


def _text(owner: dict[str, Any], name: str, place: str) -> str:
    value = owner.get(name, "")
    if not isinstance(value, str):
        raise Malformed(f"{place}.{name}", "text", shown(value))
    return value


def _of_object(item: dict[str, Any], place: str) -> _Said:
    analysis = _object(item, "analysis", place)
    where = f"{place}.analysis"
    responses = analysis.get("response", [])
    if not isinstance(responses, list) or any(not isinstance(r, str) for r in responses):
        raise Malformed(f"{where}.response", "an array of text", shown(responses))
    return _Said(
        id=_text(item, "id", place),
        references=tuple(_text(r, "id", p) for r, p in _objects(item, "references", place)),
        state=_text(analysis, "state", where),
        justification=_text(analysis, "justification", where),
        responses=tuple(responses),
        detail=_text(analysis, "detail", where),
        advice=tuple(_text(item, m, place) for m in ("recommendation", "workaround")),
        times=(
            _text(analysis, "lastUpdated", where),
            _text(analysis, "firstIssued", where),
            _text(item, "updated", place),
        ),
        affects=tuple(_affects(a, p) for a, p in _objects(item, "affects", place)),
        place=place,
        analysis=where,
    )


def _affects(item: dict[str, Any], place: str) -> _Affects:
    versions = tuple(
        _Version(_text(v, "version", p) or _text(v, "range", p), _text(v, "status", p), p)
        for v, p in _objects(item, "versions", place)
    )
    return _Affects(_text(item, "ref", place), versions, f"{place}.ref")


def _author_of(metadata: dict[str, Any]) -> str:
    """Who made the document: the first of authors, supplier and manufacturer that says a name."""
    authors = metadata.get("authors")
    makers = [authors] if isinstance(authors, dict) else authors if isinstance(authors, list) else []
    for who in (*makers, *(metadata.get(m) for m in ("supplier", "manufacturer", "manufacture"))):
        if isinstance(who, dict) and isinstance(who.get("name"), str) and who["name"]:
            return str(who["name"])
    return ""


def _author_in(metadata: Element | None) -> str:
    if metadata is None:
        return ""
    authors = metadata.first("authors")
    makers = list(authors.each("author")) if authors else []
    makers += [e for m in ("supplier", "manufacturer", "manufacture") if (e := metadata.first(m))]
    return next((name for who in makers if (name := _in(who, "name"))), "")


def _in(element: Element | None, *path: str) -> str:
    """The text of an element further in, or an empty string."""
    for tag in path:
        element = element.first(tag) if element else None
    return element.text.strip() if element else ""


def _of_element(item: Element) -> _Said:
    analysis = item.first("analysis")
    references = item.first("references")
    responses = analysis.first("responses") if analysis else None
    affects = item.first("affects")
    return _Said(
        id=_in(item, "id"),
        references=tuple(_in(r, "id") for r in references.each("reference")) if references else (),
        state=_in(analysis, "state"),
        justification=_in(analysis, "justification"),
        responses=tuple(_in(r) for r in responses.each("response")) if responses else (),
        detail=_in(analysis, "detail"),
        advice=tuple(_in(item, m) for m in ("recommendation", "workaround")),
        times=(_in(analysis, "lastUpdated"), _in(analysis, "firstIssued"), _in(item, "updated")),
        affects=tuple(_target(t) for t in affects.each("target")) if affects else (),
        place=item.place,
        analysis=analysis.place if analysis else item.place,
    )


def _target(target: Element) -> _Affects:
    around = target.first("versions")
    versions = tuple(
        _Version(_in(v, "version") or _in(v, "range"), _in(v, "status"), v.place)
        for v in (around.each("version") if around else ())
    )
    ref = target.first("ref")
    return _Affects(_in(target, "ref"), versions, ref.place if ref else target.place)
