"""CycloneDX BOMs in JSON and XML, versions 1.2 to 1.7: every component, nested too, and what is wrong with the file.

Refused (`Malformed`): what can't be a CycloneDX BOM, or whose components could not be told for sure. Read
with `problems`: what breaks a rule of the schema without hiding a component (`schema`), or leaves out one of
the NTIA minimum elements, repeats or dangles. The bytes are never written again; keep what you read.

XML is turned into the members that JSON has (`cyclonedx_xml`), so that one set of rules holds for both.

Source: https://cyclonedx.org/specification/overview/ and the schemas bom-1.2 to bom-1.7; NTIA, "The
Minimum Elements For a Software Bill of Materials", 2021.
"""

import hashlib
import sys
from collections.abc import Iterator
from typing import Any

from vouchsafe.sbom import cyclonedx_rules as rules
from vouchsafe.sbom import jsontext, purl, xmltext
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Component, Sbom

VERSIONS = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")


def read(data: bytes, *, limits: Limits = DEFAULT) -> Sbom:
    """The BOM in `data`, JSON or XML.

    Raises:
        TooLarge: past a limit.
        NotRead: a known format that is not read here (SPDX, another CycloneDX version).
        Malformed: neither JSON nor XML, or not a CycloneDX BOM.
    """
    if looks_like_xml(data):
        from vouchsafe.sbom import cyclonedx_xml

        return cyclonedx_xml.read(data, limits=limits)
    with xmltext.uncollected():
        return of_json(jsontext.parse(data, limits=limits), data, limits=limits)


def of_json(bom: Any, data: bytes, *, limits: Limits = DEFAULT) -> Sbom:
    """The BOM that `jsontext.parse` has read from `data`.

    Raises:
        TooLarge, NotRead, Malformed: as `read`.
    """
    return assemble(bom, _version(bom), rules.Problems(limits.max_problems), data, limits)


def looks_like_xml(data: bytes) -> bool:
    """Whether the first mark could begin XML, in UTF-8 or UTF-16. For choosing a reader, never for trusting."""
    head = data[:512]
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")):
        head = head.replace(b"\0", b"")[0 if b"<" in head[:2] else 2 :]
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def assemble(
    bom: dict[str, Any], version: str, problems: rules.Problems, data: bytes, limits: Limits
) -> Sbom:
    """What a BOM says, its members named as in JSON. `problems` takes the flaws and knows how to name places.

    Raises:
        Malformed: places are JSON paths.
    """
    found = _Reading(version, limits, problems)
    metadata = _object(bom, "metadata", "$")
    subject = None
    components: list[Component] = []
    if "component" in metadata:
        subject = found.component(metadata["component"], "$.metadata.component", named=False)
        _take(found, metadata["component"], "$.metadata.component", components)
    _take(found, bom, "$", components)
    timestamp = metadata.get("timestamp")
    dependencies = _dependencies(bom, limits)
    rules.check_document(bom, version, problems)
    found.check_minimum(components, dependencies, timestamp, metadata)
    return Sbom(
        format="CycloneDX",
        spec_version=version,
        serial=bom["serialNumber"] if isinstance(bom.get("serialNumber"), str) else "",
        version=bom["version"] if type(bom.get("version")) is int else 1,
        timestamp=timestamp if isinstance(timestamp, str) else "",
        subject=subject,
        components=tuple(components),
        dependencies=dependencies,
        problems=tuple(problems),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _version(bom: Any) -> str:
    if not isinstance(bom, dict):
        raise Malformed("$", "a CycloneDX BOM (an object)", shown(bom))
    if "spdxVersion" in bom or "@graph" in bom:
        raise NotRead("$", "CycloneDX 1.2 to 1.7 as JSON", "an SPDX document")
    if bom.get("bomFormat") != "CycloneDX":
        raise Malformed("$.bomFormat", "“CycloneDX”", shown(bom.get("bomFormat")))
    version = bom.get("specVersion")
    if version not in VERSIONS:
        raise NotRead("$.specVersion", "one of 1.2 to 1.7", shown(version))
    return str(version)


def _take(found: "_Reading", owner: dict[str, Any], place: str, into: list[Component]) -> None:
    """Every component below `owner`, depth first, in file order. A loop: the file chooses the depth."""
    stack: list[Iterator[tuple[int, Any, str]]] = [_members(owner, place)]
    while stack:
        for index, item, where in stack[-1]:
            at = f"{where}[{index}]"
            into.append(found.component(item, at))
            if len(into) > found.limits.max_components:
                raise TooLarge(at, f"at most {found.limits.max_components:,} components", "more")
            if "components" in item:
                stack.append(_members(item, at))
                break
        else:
            stack.pop()


def _members(owner: dict[str, Any], place: str) -> Iterator[tuple[int, Any, str]]:
    value = owner.get("components", [])
    where = f"{place}.components"
    if not isinstance(value, list):
        raise Malformed(where, "an array", shown(value))
    return ((i, item, where) for i, item in enumerate(value))


class _Reading:
    """One pass over one file: the problems found so far, and what must be unique."""

    def __init__(self, version: str, limits: Limits, problems: rules.Problems) -> None:
        self.version = version
        self.limits = limits
        self.problems = problems
        self.identities: dict[tuple[str, ...], str] = {}

    def component(self, item: Any, place: str, *, named: bool = True) -> Component:
        """The component, its problems noted. Only what the BOM is about may lack a name."""
        if not isinstance(item, dict):
            raise Malformed(place, "a component (an object)", shown(item))
        name = item.get("name")
        if name is None and not named:
            self.problems.add("schema", f"{place}.name", "expected text, got nothing")
            name = ""
        if not isinstance(name, str):
            raise Malformed(f"{place}.name", "text", shown(name))
        url = _text(item, "purl", place) or None
        if url:
            try:
                purl.parse(url)
            except Malformed as told:
                self.problems.add("purl", f"{place}.purl", f"expected {told.expected}, got {told.got}")
        component = Component(
            name=name,
            version=_text(item, "version", place),
            purl=url,
            cpe=_text(item, "cpe", place) or None,
            type=sys.intern(_text(item, "type", place)),
            ref=_text(item, "bom-ref", place),
            group=_text(item, "group", place),
            supplier=_supplier(item),
            scope=sys.intern(_text(item, "scope", place)),
            hashes=_hashes(item),
            licenses=_licenses(item),
            source=_source(item) if url and url.startswith(_SOURCE_BESIDE) else "",
            path=self.problems.placed(place, item),
        )
        rules.check_component(item, place, self.version, self.problems, inner=False)
        self._check_unique(component, place)
        return component

    def _check_unique(self, c: Component, place: str) -> None:
        if c.ref:
            self.problems.identify(c.ref, c.path, place, unique=True)
        if c.name and (c.version or c.purl):
            who = (c.type, c.group, c.name, c.version, c.purl or "", c.cpe or "")
            first = self.identities.setdefault(who, c.path)
            if first != c.path:
                self.problems.add("duplicate", place, f"{shown(c.name)} {c.version} is also at {first}")

    def check_minimum(
        self,
        components: list[Component],
        dependencies: tuple[tuple[str, tuple[str, ...]], ...],
        timestamp: object,
        metadata: dict[str, Any],
    ) -> None:
        """The NTIA minimum elements, and references that lead nowhere."""
        add, inside = self.problems.add, self.problems.inside
        for c in components:
            if not c.name.strip():
                add("ntia", inside(c.path, "name"), "the component has no name")
            if not c.version and (c.purl is None or "@" not in c.purl):
                add("ntia", inside(c.path, "version"), f"{shown(c.name)} has no version")
            if not c.supplier:
                add("ntia", inside(c.path, "supplier"), f"{shown(c.name)} has no supplier")
            if not (c.purl or c.cpe or c.hashes):
                add("ntia", c.path, f"{shown(c.name)} has no unique identifier (purl, CPE or hash)")
        if not timestamp:
            add("ntia", "$.metadata.timestamp", "the time of the SBOM is missing")
        if not any(metadata.get(k) for k in ("authors", "tools", "supplier", "manufacturer", "manufacture")):
            add("ntia", "$.metadata", "the author of the SBOM is missing")
        if components and not dependencies:
            add("ntia", "$.dependencies", "no dependency is stated")
        known = self.problems.refs
        stated: dict[str, int] = {}
        for i, (ref, needs) in enumerate(dependencies):
            if stated.setdefault(ref, i) != i and not self.problems.xml:  # XML may nest them
                add(
                    "duplicate",
                    f"$.dependencies[{i}]",
                    f"{shown(ref)} is also at $.dependencies[{stated[ref]}]",
                )
            for one in (ref, *needs):
                if one not in known and not one.startswith("urn:cdx:"):
                    add("dangling", f"$.dependencies[{i}]", f"{shown(one)} is no component of this BOM")
        for one, place in self.problems.links:
            if one not in known and not one.startswith("urn:cdx:"):
                add("dangling", place, f"{shown(one)} is no element of this BOM")


def _dependencies(bom: dict[str, Any], limits: Limits) -> tuple[tuple[str, tuple[str, ...]], ...]:
    value = bom.get("dependencies", [])
    if not isinstance(value, list):
        raise Malformed("$.dependencies", "an array", shown(value))
    found: list[tuple[str, tuple[str, ...]]] = []
    edges = 0
    for i, item in enumerate(value):
        if not isinstance(item, dict):
            raise Malformed(f"$.dependencies[{i}]", "an object", shown(item))
        needs = item.get("dependsOn", [])
        if not isinstance(needs, list):
            raise Malformed(f"$.dependencies[{i}].dependsOn", "an array", shown(needs))
        edges += len(needs)
        if edges > limits.max_dependencies:
            raise TooLarge(
                f"$.dependencies[{i}]", f"at most {limits.max_dependencies:,} dependencies", "more"
            )
        ref = item.get("ref")
        if isinstance(ref, str):
            found.append((ref, tuple(n for n in needs if isinstance(n, str))))
    return tuple(found)


def _object(owner: dict[str, Any], name: str, place: str) -> dict[str, Any]:
    value = owner.get(name, {})
    if not isinstance(value, dict):
        raise Malformed(f"{place}.{name}", "an object", shown(value))
    return value


def _text(owner: dict[str, Any], name: str, place: str) -> str:
    value = owner.get(name, "")
    if not isinstance(value, str):
        raise Malformed(f"{place}.{name}", "text", shown(value))
    return value


def _supplier(item: dict[str, Any]) -> str:
    """Who supplies it: the first of supplier, manufacturer, authors, publisher, author that says a name."""
    for name in ("supplier", "manufacturer"):
        who = item.get(name)
        if isinstance(who, dict) and isinstance(who.get("name"), str) and who["name"]:
            return str(who["name"])
    authors = item.get("authors")
    if (
        isinstance(authors, list)
        and authors
        and isinstance(authors[0], dict)
        and isinstance(authors[0].get("name"), str)
    ):
        return str(authors[0]["name"])
    for name in ("publisher", "author"):
        if isinstance(item.get(name), str) and item[name]:
            return str(item[name])
    return ""


_SOURCE_BESIDE = ("pkg:deb/", "pkg:apk/", "pkg:rpm/")
_TRIVY = {f"aquasecurity:trivy:Src{part}": part for part in ("Name", "Epoch", "Version", "Release")}


def _source(item: dict[str, Any]) -> str:
    """The source package of a distribution's package, which Trivy names in properties and not in the URL."""
    properties = item.get("properties")
    if not isinstance(properties, list):
        return ""
    said: dict[str, str] = {}
    for one in properties:
        if isinstance(one, dict) and type(name := one.get("name")) is str and name in _TRIVY:
            value = one.get("value")
            said[_TRIVY[name]] = value.strip() if isinstance(value, str) else ""
    source, version = said.get("Name", ""), said.get("Version", "")
    if not source or not version:
        return source
    if said.get("Epoch", "0") not in ("", "0"):
        version = f"{said['Epoch']}:{version}"
    return f"{source}@{version}-{said['Release']}" if said.get("Release") else f"{source}@{version}"


def _hashes(item: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    value = item.get("hashes")
    if not isinstance(value, list):
        return ()
    return tuple(
        (h["alg"], h["content"])
        for h in value
        if isinstance(h, dict) and isinstance(h.get("alg"), str) and isinstance(h.get("content"), str)
    )


def _licenses(item: dict[str, Any]) -> tuple[str, ...]:
    value = item.get("licenses")
    if not isinstance(value, list):
        return ()
    found: list[str] = []
    for choice in value:
        if not isinstance(choice, dict):
            continue
        licence = choice.get("license")
        text = (
            choice.get("expression")
            if not isinstance(licence, dict)
            else licence.get("id") or licence.get("name")
        )
        if isinstance(text, str):
            found.append(text)
    return tuple(found)
