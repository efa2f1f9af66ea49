"""CycloneDX BOMs in JSON, versions 1.2 to 1.7: every component, nested too, and what is wrong with the file.

Refused (`Malformed`): what can't be a CycloneDX BOM, or whose components could not be told for sure. Read
with `problems`: what breaks a rule of the schema without hiding a component (`schema`), or leaves out one of
the NTIA minimum elements, repeats or dangles. The bytes are never written again; keep what you read.

Source: https://cyclonedx.org/specification/overview/ and the JSON schemas bom-1.2 to bom-1.7; NTIA, "The
Minimum Elements For a Software Bill of Materials", 2021.
"""

import hashlib
import sys
from collections.abc import Iterator
from typing import Any

from vouchsafe.sbom import cyclonedx_rules as rules
from vouchsafe.sbom import jsontext, purl
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Component, Sbom

VERSIONS = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")


def read(data: bytes, *, limits: Limits = DEFAULT) -> Sbom:
    """The BOM in `data`.

    Raises:
        TooLarge: past a limit.
        NotRead: a known format that is not read here (XML, SPDX, another CycloneDX version).
        Malformed: no JSON, or not a CycloneDX BOM.
    """
    if data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise NotRead("line 1 column 1", "CycloneDX 1.2 to 1.7 as JSON", "XML")
    bom = jsontext.parse(data, limits=limits)
    version = _version(bom)
    found = _Reading(version, limits)
    metadata = _object(bom, "metadata", "$")
    subject = None
    if "component" in metadata:
        subject = found.component(metadata["component"], "$.metadata.component", named=False)
    components: list[Component] = []
    if subject is not None:
        _take(found, metadata["component"], "$.metadata.component", components)
    _take(found, bom, "$", components)
    timestamp = metadata.get("timestamp")
    dependencies = _dependencies(bom, limits)
    rules.check_document(bom, version, found.problems)
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
        problems=tuple(found.problems),
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

    def __init__(self, version: str, limits: Limits) -> None:
        self.version = version
        self.limits = limits
        self.problems: rules.Problems = rules.Problems(limits.max_problems)
        self.refs: dict[str, str] = {}
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
            path=place,
        )
        rules.check_component(item, place, self.version, self.problems)
        self._check_unique(component, place)
        return component

    def _check_unique(self, c: Component, place: str) -> None:
        if c.ref:
            first = self.refs.setdefault(c.ref, place)
            if first != place:
                self.problems.add("duplicate", f"{place}.bom-ref", f"{shown(c.ref)} is also at {first}")
        if c.name and (c.version or c.purl):
            who = (c.type, c.group, c.name, c.version, c.purl or "", c.cpe or "")
            first = self.identities.setdefault(who, place)
            if first != place:
                self.problems.add("duplicate", place, f"{shown(c.name)} {c.version} is also at {first}")

    def check_minimum(
        self,
        components: list[Component],
        dependencies: tuple[tuple[str, tuple[str, ...]], ...],
        timestamp: object,
        metadata: dict[str, Any],
    ) -> None:
        """The NTIA minimum elements, and references that lead nowhere."""
        add = self.problems.add
        for c in components:
            if not c.name.strip():
                add("ntia", f"{c.path}.name", "the component has no name")
            if not c.version and (c.purl is None or "@" not in c.purl):
                add("ntia", f"{c.path}.version", f"{shown(c.name)} has no version")
            if not c.supplier:
                add("ntia", f"{c.path}.supplier", f"{shown(c.name)} has no supplier")
            if not (c.purl or c.cpe or c.hashes):
                add("ntia", c.path, f"{shown(c.name)} has no unique identifier (purl, CPE or hash)")
        if not timestamp:
            add("ntia", "$.metadata.timestamp", "the time of the SBOM is missing")
        if not any(metadata.get(k) for k in ("authors", "tools", "supplier", "manufacturer", "manufacture")):
            add("ntia", "$.metadata", "the author of the SBOM is missing")
        if components and not dependencies:
            add("ntia", "$.dependencies", "no dependency is stated")
        known = self.refs.keys() | rules.service_refs(self.problems)
        for i, (ref, needs) in enumerate(dependencies):
            for one in (ref, *needs):
                if one not in known and not one.startswith("urn:cdx:"):
                    add("dangling", f"$.dependencies[{i}]", f"{shown(one)} is no component of this BOM")


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
