"""What names something in a BOM or an SPDX document must lead somewhere, and lead to one thing."""

import json
from typing import Any

import pytest

from vouchsafe.sbom import cyclonedx, reading
from vouchsafe.sbom.errors import NotRead
from vouchsafe.sbom.model import Sbom


def bom(version: str = "1.6", **members: Any) -> Sbom:
    one = {"type": "library", "name": "a", "version": "1", "bom-ref": "a"}
    said = {"bomFormat": "CycloneDX", "specVersion": version, "version": 1, "components": [one], **members}
    return cyclonedx.read(json.dumps(said).encode())


def told(sbom: Sbom, *kinds: str) -> list[tuple[str, str]]:
    return [(p.kind, p.place) for p in sbom.problems if p.kind in kinds]


@pytest.mark.parametrize(
    ("members", "place"),
    [
        (
            {"compositions": [{"aggregate": "complete", "assemblies": ["x"]}]},
            "$.compositions[0].assemblies[0]",
        ),
        (
            {"compositions": [{"aggregate": "complete", "dependencies": ["a", "x"]}]},
            "$.compositions[0].dependencies[1]",
        ),
        ({"vulnerabilities": [{"affects": [{"ref": "x"}]}]}, "$.vulnerabilities[0].affects[0].ref"),
        ({"dependencies": [{"ref": "a", "provides": ["x"]}]}, "$.dependencies[0].provides"),
    ],
)
def test_a_reference_to_nothing_is_told_wherever_it_stands(members: dict[str, Any], place: str) -> None:
    assert told(bom(**members), "dangling", "schema") == [("dangling", place)]
    elsewhere = json.loads(
        json.dumps(members).replace('"x"', '"urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#x"')
    )
    assert told(bom(**elsewhere), "dangling", "schema") == []


def test_a_dependency_may_be_of_anything_that_has_a_bom_ref() -> None:
    tool = {"tools": {"components": [{"type": "application", "name": "t", "bom-ref": "t"}]}}
    flow = [{"bom-ref": "f", "workflows": [{"bom-ref": "w", "uid": "1", "taskTypes": ["build"]}]}]
    said = bom(metadata=tool, formulation=flow, dependencies=[{"ref": "w", "dependsOn": ["t", "a"]}])
    assert told(said, "dangling", "schema") == []


def test_a_bom_ref_twice_is_a_duplicate_whatever_has_it() -> None:
    assert told(bom(services=[{"name": "s", "bom-ref": "a"}]), "duplicate", "schema") == [
        ("duplicate", "$.services[0].bom-ref")
    ]
    assert told(bom(dependencies=[{"ref": "a"}, {"ref": "a", "dependsOn": []}]), "duplicate") == [
        ("duplicate", "$.dependencies[1]")
    ]
    # The XML schema forbids it outright.
    said = cyclonedx.read(
        b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library" bom-ref="a">'
        b"<name>a</name></component></components><services><service bom-ref='a'><name>s</name></service></services>"
        b"</bom>"
    )
    place = "line 1: /bom/services/service/@bom-ref"
    assert told(said, "duplicate", "schema") == [("duplicate", place), ("schema", place)]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("description", 7),
        ("publisher", []),
        ("author", None),
        ("modified", "yes"),
        ("copyright", {"text": "c"}),
    ],
)
def test_text_must_be_text_and_a_flag_a_flag(member: str, value: object) -> None:
    said = bom(components=[{"type": "library", "name": "a", "version": "1", member: value}])
    assert told(said, "schema") == [("schema", f"$.components[0].{member}")]


def test_a_component_inside_another_element_may_have_any_nonsense_in_it() -> None:
    wrong = {
        "type": [],
        "name": [],
        "version": {},
        "scope": [],
        "bom-ref": [],
        "group": 7,
        "purl": 7,
        "cpe": 7,
    }
    said = bom(metadata={"tools": {"components": [wrong]}})
    assert ("schema", "$.metadata.tools.components[0].scope") in told(said, "schema")


def test_a_property_needs_its_name_since_1_6() -> None:
    nameless = [{"value": "v"}]
    assert told(bom("1.5", properties=nameless), "schema") == []
    assert told(bom("1.6", properties=nameless), "schema") == [("schema", "$.properties[0]")]


HEAD = """SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: d
DocumentNamespace: https://example.org/d
Creator: Tool: t
Created: 2026-01-01T00:00:00Z
PackageName: a
SPDXID: SPDXRef-a
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: true
"""


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("PackageLicenseInfoFromFiles: LicenseRef-none", "dangling"),
        ("PackageLicenseDeclared: MIT OR DocumentRef-none:LicenseRef-1", "dangling"),
        ("PackageLicenseInfoFromFiles: MIT", ""),
    ],
)
def test_a_licence_that_nobody_defines_is_told(line: str, kind: str) -> None:
    said = reading.read(f"{HEAD}{line}\n".encode())
    assert told(said, "dangling") == ([(kind, "line 12")] if kind else [])


def test_a_licence_is_defined_once() -> None:
    one = "LicenseID: LicenseRef-1\nExtractedText: <text>t</text>\n"
    assert told(reading.read((HEAD + one + one).encode()), "duplicate") == [("duplicate", "line 14")]


@pytest.mark.parametrize(
    "data",
    [
        b"@prefix spdx: <http://spdx.org/rdf/terms#> .\n[] a spdx:SpdxDocument .\n",
        b"# a comment\n<https://example.org/d> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <x:y> .\n",
    ],
)
def test_rdf_as_text_is_refused_by_its_name(data: bytes) -> None:
    with pytest.raises(NotRead) as caught:
        reading.read(data)
    assert (caught.value.place, caught.value.got) == ("line 1 column 1", "SPDX as RDF, or other RDF")
