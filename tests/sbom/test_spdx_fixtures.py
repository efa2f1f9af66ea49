"""SPDX documents of others: every real one is read, each missing minimum element is named in every syntax."""

import json
import re
from pathlib import Path

import pytest

from tests import disagreements
from vouchsafe.sbom import spdx
from vouchsafe.sbom.errors import Malformed, NotRead

LISTED = Path(__file__).parent / "disagreements_spdx.tsv"
NTIA = "sbom/ntia_conformance_checker-6.0.0"
SHELTER = "sbom/chainguard-dev_bom-shelter"

# What our texts say, as the folders of the set name it.
_ELEMENTS = {
    "has no supplier": "supplier",
    "has no name": "name",
    "has no version": "version",
    "has no unique identifier": "identifier",
    "the author of the SBOM": "author",
    "the time of the SBOM": "timestamp",
    "no dependency is stated": "dependency",
}
_MISSING = {
    "missing_author_name": {"author"},
    "missing_component_version": {"version"},
    "missing_timestamp": {"timestamp"},
    "missing_unique_identifiers": {"identifier"},
    "no_elements_missing": set(),
}


def _elements(bom: spdx.SpdxSbom) -> set[str]:
    texts = [p.text for p in bom.problems if p.kind == "ntia"]
    found = {name for text in texts for words, name in _ELEMENTS.items() if words in text}
    assert texts == [t for t in texts if any(w in t for w in _ELEMENTS)], "each text is known here"
    return found


def test_each_missing_minimum_element_is_named_in_every_syntax(fixtures: Path) -> None:
    disagreeing = set()
    read = 0
    for folder, missing in _MISSING.items():
        for path in sorted((fixtures / NTIA / "data" / folder).iterdir()):
            if ".rdf." in path.name:
                continue
            read += 1
            wrong = _elements(spdx.read(path.read_bytes())) ^ missing
            disagreeing |= {(f"{folder}/{path.name}", element) for element in wrong}
    assert read == 20
    disagreements.compare(LISTED, "ntia", disagreeing)


def test_one_document_in_several_syntaxes_has_the_same_components(fixtures: Path) -> None:
    data = fixtures / NTIA / "data"
    groups = [[p for p in (data / folder).iterdir() if ".rdf." not in p.name] for folder in _MISSING]
    groups += [list((fixtures / "sbom/spdx_tools-0.8.5").glob(f"*-v{v}.*")) for v in ("2.2", "2.3")]
    shelter = fixtures / SHELTER
    groups += [[shelter / f"{n}.spdx", shelter / f"{n}.spdx.json"] for n in ("julia", "flux_0.26.3_sbom")]
    for group in groups:
        boms = [spdx.read(path.read_bytes()) for path in group]
        assert len(boms) in (2, 4)
        first = boms[0]
        for bom in boms[1:]:
            assert {c.ref: c for c in bom.components} == {c.ref: c for c in first.components}
            assert {r: set(n) for r, n in bom.dependencies} == {r: set(n) for r, n in first.dependencies}
            assert (bom.serial, bom.subject, bom.files) == (first.serial, first.subject, first.files)
            assert _elements(bom) == _elements(first)


def test_rdf_is_named_as_not_read(fixtures: Path) -> None:
    files = sorted((fixtures / NTIA).rglob("*.rdf.xml"))
    assert len(files) == 5
    for path in files:
        with pytest.raises(NotRead) as told:
            spdx.read(path.read_bytes())
        assert (told.value.place, "RDF" in told.value.got) == ("line 2: /RDF", True)


REFUSED = {
    "disconnected_component_spdx3.json": "$",
    "invalid-spdx.json": "$.spdxVersion",
}


def test_every_real_document_is_read(fixtures: Path) -> None:
    paths = sorted((fixtures / NTIA).rglob("*.*"))
    paths += sorted((fixtures / "sbom/spdx_tools-0.8.5").iterdir())
    paths += sorted((fixtures / "sbom/guacsec_guac").glob("*spdx*"))
    paths += sorted((fixtures / SHELTER).iterdir())
    paths += sorted((fixtures / "sbom/generated").iterdir())
    refused, counts = {}, {"json": 0, "tag-value": 0, "yaml": 0, "xml": 0}
    for path in paths:
        if not path.is_file() or ".rdf." in path.name or re.search("cyclonedx|cdx", path.name):
            continue
        data = path.read_bytes()
        try:
            bom = spdx.read(data)
        except Malformed as told:
            refused[path.name] = told.place
            continue
        syntax = spdx.detect(data)
        assert syntax is not None
        counts[syntax] += 1
        assert len(bom.components) == _plain_count(data, syntax)
        for component in bom.components:
            component.identity()
    assert refused == REFUSED
    assert counts == {"json": 34, "tag-value": 28, "yaml": 7, "xml": 7}


def _plain_count(data: bytes, syntax: str) -> int:
    if syntax == "json":
        return len(json.loads(data).get("packages", []))
    mark = {
        "tag-value": rb"(?:^|[\r\n])PackageName:",
        "yaml": rb"\n- SPDXID: SPDXRef-\S+\n",
        "xml": rb"<packages>",
    }
    if syntax == "yaml":
        part = re.search(rb"\npackages:\n((?:[- ].*\n)+)", data)
        return len(re.findall(rb"(?:^|\n)- ", part[1])) if part else 0
    return len(re.findall(mark[syntax], data))


def test_tag_value_text_named_json_is_read(fixtures: Path) -> None:
    data = (fixtures / SHELTER / "grype-sbom-modified.spdx.json").read_bytes()
    bom = spdx.read(data)
    assert spdx.detect(data) == "tag-value"
    assert (len(bom.components), sum(c.purl is not None for c in bom.components)) == (
        1160,
        data.count(b" purl pkg:"),
    )


def test_a_debian_host_has_its_packages(fixtures: Path) -> None:
    bom = spdx.read((fixtures / "sbom/generated/debian12-host.spdx.json").read_bytes())
    assert len(bom.components) == 1340
    assert bom.subject is not None
    assert bom.subject.name == "Debian"
    assert sum(c.identity().pkg.startswith("pkg:deb/") for c in bom.components) > 800
