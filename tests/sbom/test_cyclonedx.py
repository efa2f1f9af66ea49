"""CycloneDX: what is read, what is refused and where, and the published valid and invalid tests."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sbom import disagreements
from vouchsafe.sbom import cyclonedx
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import Limits

GOOD: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 3,
    "metadata": {
        "timestamp": "2026-10-26T08:00:00Z",
        "authors": [{"name": "Release"}],
        "component": {"type": "firmware", "name": "Tarn 4", "version": "4.2.1", "bom-ref": "root"},
    },
    "components": [
        {
            "type": "application",
            "name": "tarn-link",
            "version": "4.2.1",
            "bom-ref": "link",
            "purl": "pkg:generic/tarn-link@4.2.1",
            "supplier": {"name": "Fellside"},
            "hashes": [{"alg": "SHA-256", "content": "a" * 64}],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "properties": [{"name": "built", "value": "yes"}],
            "components": [
                {
                    "type": "library",
                    "group": "g",
                    "name": "time",
                    "version": "0.3.44",
                    "bom-ref": "time",
                    "purl": "pkg:cargo/time@0.3.44",
                    "supplier": {"name": "crates.io"},
                }
            ],
        }
    ],
    "dependencies": [{"ref": "root", "dependsOn": ["link"]}, {"ref": "link", "dependsOn": ["time"]}],
}


def changed(path: str, value: Any) -> bytes:
    """The good BOM with one place set; a value of `...` takes it away."""
    bom = json.loads(json.dumps(GOOD))
    *way, last = [int(p) if p.isdecimal() else p for p in path.split("/")]
    at = bom
    for step in way:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return json.dumps(bom).encode()


def test_reads_every_component_nested_ones_too_in_file_order() -> None:
    bom = cyclonedx.read(json.dumps(GOOD).encode())
    assert [c.name for c in bom.components] == ["tarn-link", "time"]
    assert bom.components[1].path == "$.components[0].components[0]"
    assert bom.components[1].purl == "pkg:cargo/time@0.3.44"
    assert bom.subject is not None
    assert bom.subject.name == "Tarn 4"
    assert (bom.spec_version, bom.version, bom.dependencies[0]) == ("1.6", 3, ("root", ("link",)))
    assert bom.problems == ()


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_reads_each_version(version: str) -> None:
    assert cyclonedx.read(changed("specVersion", version)).spec_version == version


@pytest.mark.parametrize(
    ("path", "value", "place", "got"),
    [
        ("bomFormat", "CDX", "$.bomFormat", "“CDX”"),
        ("bomFormat", ..., "$.bomFormat", "nothing"),
        ("specVersion", "1.1", "$.specVersion", "“1.1”"),
        ("specVersion", "2.0", "$.specVersion", "“2.0”"),
        ("specVersion", 1.6, "$.specVersion", "the number 1.6"),
        ("metadata", [], "$.metadata", "an array"),
        ("components", {}, "$.components", "an object"),
        ("components/0", "x", "$.components[0]", "“x”"),
        ("components/0/name", ..., "$.components[0].name", "nothing"),
        ("components/0/name", 7, "$.components[0].name", "the number 7"),
        ("components/0/version", True, "$.components[0].version", "true"),
        ("components/0/components/0/purl", [], "$.components[0].components[0].purl", "an array"),
        ("components/0/components", None, "$.components[0].components", "nothing"),
        ("dependencies", "x", "$.dependencies", "“x”"),
        ("dependencies/0/dependsOn", {}, "$.dependencies[0].dependsOn", "an object"),
    ],
)
def test_refuses_what_hides_a_component_and_says_where(path: str, value: Any, place: str, got: str) -> None:
    with pytest.raises(Malformed) as told:
        cyclonedx.read(changed(path, value))
    assert (told.value.place, told.value.got) == (place, got)


@pytest.mark.parametrize(
    ("path", "value", "kind", "place"),
    [
        ("serialNumber", "urn:uuid:1", "schema", "$.serialNumber"),
        ("version", 0, "schema", "$.version"),
        ("version", True, "schema", "$.version"),
        ("metadata/timestamp", "2026-10-26", "schema", "$.metadata.timestamp"),
        ("metadata/timestamp", ..., "ntia", "$.metadata.timestamp"),
        ("metadata/authors", ..., "ntia", "$.metadata"),
        ("metadata/component/name", ..., "schema", "$.metadata.component.name"),
        ("components/0/type", "foo", "schema", "$.components[0].type"),
        ("components/0/type", ..., "schema", "$.components[0].type"),
        ("components/0/scope", "foo", "schema", "$.components[0].scope"),
        ("components/0/hashes/0/alg", "FOO", "schema", "$.components[0].hashes[0].alg"),
        ("components/0/hashes/0/content", "a" * 63, "schema", "$.components[0].hashes[0].content"),
        ("components/0/hashes/0/content", "g" * 64, "schema", "$.components[0].hashes[0].content"),
        (
            "components/0/licenses/0/license/id",
            "Apache-2",
            "schema",
            "$.components[0].licenses[0].license.id",
        ),
        ("components/0/licenses/0/expression", "MIT", "schema", "$.components[0].licenses[0]"),
        ("components/0/properties/0/name", ..., "schema", "$.components[0].properties[0]"),
        ("components/0/swid", {"name": "x"}, "schema", "$.components[0].swid"),
        (
            "components/0/pedigree",
            {"patches": [{"type": "foo"}]},
            "schema",
            "$.components[0].pedigree.patches[0].type",
        ),
        ("components/0/bom-ref", "time", "duplicate", "$.components[0].components[0].bom-ref"),
        ("components/0/supplier", ..., "ntia", "$.components[0].supplier"),
        ("components/0/components/0/purl", "cargo:time", "purl", "$.components[0].components[0].purl"),
        ("dependencies/1/ref", "", "schema", "$.dependencies[1].ref"),
        ("dependencies/1/dependsOn/0", "nobody", "dangling", "$.dependencies[1]"),
        ("dependencies", [], "ntia", "$.dependencies"),
        (
            "services",
            [{"name": "s", "data": [{"flow": "bar", "classification": "c"}]}],
            "schema",
            "$.services[0].data[0].flow",
        ),
    ],
)
def test_reads_a_flawed_file_and_names_the_flaw(path: str, value: Any, kind: str, place: str) -> None:
    bom = cyclonedx.read(changed(path, value))
    assert (kind, place) in {(p.kind, p.place) for p in bom.problems}
    assert len(bom.components) == 2


def test_the_same_component_twice_is_a_duplicate() -> None:
    twice = {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1"}
    bom = cyclonedx.read(
        changed("components", [twice, {"type": "library", "name": "a", "version": "2"}, twice])
    )
    assert [(p.place, p.kind) for p in bom.problems if p.kind == "duplicate"] == [
        ("$.components[2]", "duplicate")
    ]


@pytest.mark.parametrize(
    "data", [b"<?xml version='1.0'?><bom/>", b'{"spdxVersion": "SPDX-2.3"}', b'{"@graph": []}']
)
def test_other_formats_are_named_as_not_read(data: bytes) -> None:
    with pytest.raises(NotRead) as told:
        cyclonedx.read(data)
    assert "CycloneDX 1.2 to 1.7 as JSON" in told.value.expected


def test_takes_as_many_components_as_allowed_and_refuses_one_more() -> None:
    limits = Limits(max_components=2)
    assert len(cyclonedx.read(json.dumps(GOOD).encode(), limits=limits).components) == 2
    with pytest.raises(TooLarge) as told:
        cyclonedx.read(json.dumps(GOOD).encode(), limits=Limits(max_components=1))
    assert told.value.place == "$.components[0].components[0]"


def test_takes_as_many_dependencies_as_allowed_and_refuses_one_more() -> None:
    cyclonedx.read(json.dumps(GOOD).encode(), limits=Limits(max_dependencies=2))
    with pytest.raises(TooLarge):
        cyclonedx.read(json.dumps(GOOD).encode(), limits=Limits(max_dependencies=1))


def test_problems_past_their_limit_are_one_line() -> None:
    bom = cyclonedx.read(
        changed("components", [{"name": f"c{i}"} for i in range(50)]), limits=Limits(max_problems=10)
    )
    assert len(bom.problems) == 11
    assert "more than 10" in bom.problems[-1].text


def test_a_nesting_of_fifty_thousand_components_is_refused() -> None:
    data = (
        b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":' + b'[{"name":"a","components":' * 50_000
    )
    with pytest.raises(TooLarge):
        cyclonedx.read(data)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_mutated_good_file_is_read_or_refused(data: st.DataObject) -> None:
    """Some place of the good BOM gets another value, or some bytes change; only `SbomError` may come out."""
    bom = json.loads(json.dumps(GOOD))
    junk = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
    junk = junk | st.lists(junk, max_size=2) | st.dictionaries(st.text(max_size=3), junk, max_size=2)
    for _ in range(data.draw(st.integers(1, 3))):
        at: Any = bom
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(at[key], dict | list) and data.draw(st.integers(0, 3)):
                at = at[key]
                continue
            at[key] = data.draw(junk)
            break
    text = bytearray(json.dumps(bom).encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(0, 2))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = cyclonedx.read(bytes(text))
    except SbomError:
        return
    for component in found.components:
        component.identity()


def _agrees(path: Path) -> bool:
    try:
        bom = cyclonedx.read(path.read_bytes())
    except SbomError:
        return path.name.startswith("invalid-")
    # A reference that is used twice is a duplicate here; the 1.4 schema's test calls it invalid.
    flawed = any(p.kind in ("schema", "duplicate") for p in bom.problems)
    wrong = any(p.kind == "schema" for p in bom.problems)
    return flawed if path.name.startswith("invalid-") else not wrong


def test_the_published_valid_and_invalid_tests_agree(fixtures: Path) -> None:
    files = [
        *sorted((fixtures / "sbom" / "CycloneDX_schema-tests").glob("*/*.json")),
        *sorted((fixtures / "vectors" / "cyclonedx").glob("*/*.json")),
    ]
    assert len(files) > 180
    wrong = {(f.name, "0") for f in files if not _agrees(f)}
    assert wrong == disagreements("cyclonedx")


def test_every_real_bom_of_the_fixtures_is_read(fixtures: Path) -> None:
    folders = [
        "CycloneDX_bom-examples",
        "CycloneDX_sbom-utility",
        "DependencyTrack_dependency-track",
        "guacsec_guac",
    ]
    refused = {}
    count = 0
    for folder in folders:
        for path in sorted((fixtures / "sbom" / folder).rglob("*.json")):
            if "spdx" in path.name or "open-vex" in path.name:
                continue
            try:
                bom = cyclonedx.read(path.read_bytes())
            except SbomError as told:
                refused[path.name] = told.place if isinstance(told, Malformed) else ""
                continue
            count += 1
            assert sum(c.purl is not None for c in bom.components) <= len(bom.components)
    assert refused == {
        "cdx-1-3-syntax-err-1.json": "line 6 column 18",
        "cdx-1-3-syntax-err-2.json": "line 123 column 28",
        "bom-invalid.json": "line 2 column 28",
        "invalid-cyclonedx.json": "$.bomFormat",
    }
    assert count > 75


def test_a_big_real_bom_has_the_components_that_a_plain_count_gives(fixtures: Path) -> None:
    path = fixtures / "sbom/CycloneDX_bom-examples/SBOM/proton-bridge/proton-bridge-v1.6.3.bom.json"
    raw = json.loads(path.read_bytes())
    assert len(cyclonedx.read(path.read_bytes()).components) == len(raw["components"]) == 201
