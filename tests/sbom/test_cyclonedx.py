"""CycloneDX: what is read, what is refused and where, and the published valid and invalid tests."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.disagreements import compare
from vouchsafe.sbom import cyclonedx, cyclonedx_rules
from vouchsafe.sbom.cyclonedx_shapes import REQUIRED, SHAPES, WORDS
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import Limits

DISAGREEMENTS = Path(__file__).parent / "disagreements_cyclonedx.tsv"

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
        ("metadata/timestamp", "2026-10-26T08:00:00", "schema", "$.metadata.timestamp"),
        ("components/0/hashes/0/content", "a" * 40, "hash", "$.components[0].hashes[0].content"),
        ("components/0/mime-type", "text", "schema", "$.components[0].mime-type"),
        ("components/0/licences", [], "schema", "$.components[0].licences"),
        ("components/0/versionRange", "vers:npm/*", "schema", "$.components[0].versionRange"),
        (
            "components/0/evidence",
            {"identity": [{"field": "colour"}]},
            "schema",
            "$.components[0].evidence.identity[0].field",
        ),
        (
            "components/0/externalReferences",
            [{"type": "vcs"}],
            "schema",
            "$.components[0].externalReferences[0]",
        ),
        ("compositions", [{"aggregate": "some"}], "schema", "$.compositions[0].aggregate"),
        (
            "vulnerabilities",
            [{"ratings": [{"severity": "bad"}]}],
            "schema",
            "$.vulnerabilities[0].ratings[0].severity",
        ),
        ("annotations", [{"subjects": []}], "schema", "$.annotations[0]"),
        (
            "formulation",
            [{"workflows": [{"bom-ref": "w", "uid": "w", "taskTypes": ["dance"]}]}],
            "schema",
            "$.formulation[0].workflows[0].taskTypes[0]",
        ),
        (
            "declarations",
            {"attestations": [{"map": [{"claim": "c"}]}]},
            "schema",
            "$.declarations.attestations[0].map[0].claim",
        ),
        ("definitions", {"standards": [{"title": "s"}]}, "schema", "$.definitions.standards[0].title"),
        ("citations", [{"timestamp": "2026-01-01T00:00:00Z", "pointers": ["/"]}], "schema", "$.citations[0]"),
        ("extra", 1, "schema", "$.extra"),
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


@pytest.mark.parametrize(
    ("version", "flawed"), [("1.2", False), ("1.4", False), ("1.5", True), ("1.6", True), ("1.7", False)]
)
def test_an_expression_beside_a_licence_is_a_flaw_of_two_versions(version: str, flawed: bool) -> None:
    bom = json.loads(changed("components/0/licenses", [{"license": {"id": "MIT"}}, {"expression": "MIT"}]))
    found = cyclonedx.read(json.dumps(bom | {"specVersion": version}).encode()).problems
    assert ("$.components[0].licenses" in {p.place for p in found}) is flawed


@pytest.mark.parametrize(("version", "flawed"), [("1.4", True), ("1.5", False)])
def test_the_bom_has_a_version_before_1_5(version: str, flawed: bool) -> None:
    bom = json.loads(changed("version", ...))
    found = cyclonedx.read(json.dumps(bom | {"specVersion": version}).encode()).problems
    assert ("$.version" in {p.place for p in found if p.kind == "schema"}) is flawed


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("compositions", {}, "$.compositions"),
        ("compositions", ["all"], "$.compositions[0]"),
        ("compositions", [{"aggregate": "complete", "bom-ref": 7}], "$.compositions[0].bom-ref"),
        (
            "externalReferences",
            [{"type": "vcs", "url": "git@example.org:a/b"}],
            "$.externalReferences[0].url",
        ),
        ("properties", {}, "$.properties"),
        ("metadata/tools", "gcc", "$.metadata.tools"),
        ("metadata/tools", [{"colour": 1}], "$.metadata.tools[0].colour"),
        ("metadata/tools", {"tool": []}, "$.metadata.tools.tool"),
        ("metadata/tools", {"components": [7]}, "$.metadata.tools.components[0]"),
        ("metadata/tools", {"components": [{"type": "file"}]}, "$.metadata.tools.components[0].name"),
        (
            "metadata/tools",
            {"components": [{"type": "file", "name": "a", "components": [{"name": "b"}]}]},
            "$.metadata.tools.components[0].components[0].type",
        ),
        ("metadata/lifecycles", [{}], "$.metadata.lifecycles[0]"),
        ("metadata/lifecycles", [{"phase": "build", "name": "b"}], "$.metadata.lifecycles[0]"),
        ("components/0/bom-ref", "", "$.components[0].bom-ref"),
        ("components/0/hashes", {}, "$.components[0].hashes"),
        ("components/0/licenses", "MIT", "$.components[0].licenses"),
        ("components/0/licenses", [{"license": "MIT"}], "$.components[0].licenses[0].license"),
        (
            "components/0/licenses",
            [{"expression": "MIT", "acknowledgement": "maybe"}],
            "$.components[0].licenses[0].acknowledgement",
        ),
        ("components/0/evidence", {"identity": {"field": "x"}}, "$.components[0].evidence.identity[0].field"),
        ("services", [{"name": "s", "data": [{"flow": "inbound"}]}], "$.services[0].data[0]"),
        ("services", [{"name": "s", "licenses": [{}]}], "$.services[0].licenses[0]"),
        ("dependencies/0/dependsOn", ["link", "link"], "$.dependencies[0].dependsOn"),
        ("dependencies/0/provides", [""], "$.dependencies[0].provides"),
        (
            "formulation",
            [{"workflows": [{"bom-ref": "w", "uid": "w", "taskTypes": [], "taskDependencies": [7]}]}],
            "$.formulation[0].workflows[0].taskDependencies[0]",
        ),
        ("definitions", {"patents": [{"patentNumber": "US1"}]}, "$.definitions.patents[0]"),
        (
            "citations",
            [{"timestamp": "2026-01-01T00:00:00Z", "pointers": [], "expressions": [], "process": "p"}],
            "$.citations[0]",
        ),
    ],
)
def test_what_breaks_the_schema_is_named_wherever_it_stands(path: str, value: Any, place: str) -> None:
    bom = cyclonedx.read(changed(path, value))
    assert place in {p.place for p in bom.problems if p.kind == "schema"}
    assert len(bom.components) == 2


def test_licences_may_be_one_object_in_1_2() -> None:
    bom = json.loads(changed("components/0/licenses", {"license": {"id": "MIT"}}))
    found = cyclonedx.read(json.dumps(bom | {"specVersion": "1.2"}).encode()).problems
    assert "$.components[0].licenses" not in {p.place for p in found}


def test_the_supplier_is_the_first_who_is_named() -> None:
    for name, value in {
        "manufacturer": {"name": "m"},
        "authors": [{"name": "m"}],
        "publisher": "m",
        "author": "m",
    }.items():
        bom = json.loads(changed("components/0/supplier", {}))
        bom["components"][0][name] = value
        assert cyclonedx.read(json.dumps(bom).encode()).components[0].supplier == "m"


def test_the_same_component_twice_is_a_duplicate() -> None:
    twice = {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1"}
    bom = cyclonedx.read(
        changed("components", [twice, {"type": "library", "name": "a", "version": "2"}, twice])
    )
    assert [(p.place, p.kind) for p in bom.problems if p.kind == "duplicate"] == [
        ("$.components[2]", "duplicate")
    ]


@pytest.mark.parametrize(
    ("data", "place", "got"),
    [
        (b"<?xml version='1.0'?><bom/>", "line 1: /bom", "<bom> of no namespace"),
        (b'{"spdxVersion": "SPDX-2.3"}', "$", "an SPDX document"),
        (b'{"@graph": []}', "$", "an SPDX document"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "1.1"}', "$.specVersion", "“1.1”"),
    ],
)
def test_other_formats_are_named_as_not_read(data: bytes, place: str, got: str) -> None:
    with pytest.raises(NotRead) as told:
        cyclonedx.read(data)
    assert (told.value.place, told.value.got) == (place, got)


def test_takes_as_many_components_as_allowed_and_refuses_one_more() -> None:
    limits = Limits(max_components=2)
    assert len(cyclonedx.read(json.dumps(GOOD).encode(), limits=limits).components) == 2
    with pytest.raises(TooLarge) as told:
        cyclonedx.read(json.dumps(GOOD).encode(), limits=Limits(max_components=1))
    assert told.value.place == "$.components[0].components[0]"


def test_takes_as_many_dependencies_as_allowed_and_refuses_one_more() -> None:
    cyclonedx.read(json.dumps(GOOD).encode(), limits=Limits(max_dependencies=2))
    with pytest.raises(TooLarge) as told:
        cyclonedx.read(json.dumps(GOOD).encode(), limits=Limits(max_dependencies=1))
    assert told.value.place == "$.dependencies[1]"


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
    with pytest.raises(TooLarge) as told:
        cyclonedx.read(data)
    assert told.value.place == "line 1 column 2634"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_mutated_good_file_is_read_or_refused(data: st.DataObject) -> None:
    """Some place of the good BOM gets another value, or some bytes change; only `SbomError` may come out."""
    bom = json.loads(json.dumps(GOOD))
    junk: st.SearchStrategy[Any] = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)
    )
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
    """Whether a file called invalid is refused or has a `schema` problem, and one called valid has none."""
    try:
        bom = cyclonedx.read(path.read_bytes())
    except SbomError:
        return path.name.startswith("invalid-")
    return path.name.startswith("invalid-") == any(p.kind == "schema" for p in bom.problems)


def test_the_published_valid_and_invalid_tests_agree(fixtures: Path) -> None:
    files = [
        *sorted((fixtures / "sbom" / "CycloneDX_schema-tests").glob("*/*")),
        *sorted((fixtures / "vectors" / "cyclonedx").glob("*/*.json")),
    ]
    assert {f.suffix for f in files} == {".json", ".xml"}
    assert len(files) == 320
    compare(DISAGREEMENTS, "schema-tests", {(f.name, "0") for f in files if not _agrees(f)})


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("test/validation/cdx-1-4-validate-err-components-unique-items-1.json", "$.components[2].bom-ref"),
        (
            "test/validation/cdx-1-4-validate-err-components-format-iri-reference.json",
            "$.components[2].externalReferences[0].url",
        ),
        ("test/cyclonedx/1.3/cdx-1-3-invalid-spdx-license-id.json", "$.components[1].licenses[0].license.id"),
        (
            "test/cyclonedx/1.3/cdx-1-3-invalid-license-choice-oneof.json",
            "$.metadata.component.licenses[0].license",
        ),
        (
            "test/cyclonedx/1.3/cdx-1-3-license-list-complex.json",
            "$.components[8].licenses[0].license.family",
        ),
    ],
)
def test_flaws_that_another_validator_names_are_named(fixtures: Path, name: str, place: str) -> None:
    bom = cyclonedx.read((fixtures / "sbom/CycloneDX_sbom-utility" / name).read_bytes())
    assert [p.place for p in bom.problems if p.kind == "schema"][0] == place


def test_the_licence_ids_are_those_of_the_published_list(fixtures: Path) -> None:
    published = json.loads((fixtures / "sbom/CycloneDX_schemas/spdx.schema.json").read_bytes())["enum"]
    assert cyclonedx_rules.spdx_ids() == set(published)


class Schema:
    """A published JSON schema, walked beside the table of members."""

    def __init__(self, path: Path, version: str) -> None:
        self.root = json.loads(path.read_bytes())
        self.version = version
        self.seen: set[tuple[str, int]] = set()
        self.faults: list[str] = []

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while node.get("$ref", "").startswith("#/"):
            target = self.root
            for step in node["$ref"][2:].split("/"):
                target = target[step]
            node = target
        return node

    def branches(self, node: dict[str, Any]) -> list[dict[str, Any]]:
        """The node and its alternatives."""
        node = self.resolved(node)
        inner = [b for k in ("oneOf", "anyOf", "allOf") for n in node.get(k, []) for b in self.branches(n)]
        return [node, *inner]

    def walk(self, node: dict[str, Any], kind: str) -> None:
        node = self.resolved(node)
        if kind in NOT_BY_TABLE or (kind, id(node)) in self.seen:
            return
        self.seen.add((kind, id(node)))
        if (
            kind not in ALTERNATIVES
            and set(node.get("required", ())) - LOOKED_AT != set(REQUIRED[kind]) - LOOKED_AT
        ):
            self.faults.append(f"{kind}: requires {node.get('required')}, the table {REQUIRED[kind]}")
        for branch in self.branches(node):
            for name, member in branch.get("properties", {}).items():
                self.member(member, kind, name)

    def member(self, node: dict[str, Any], kind: str, name: str) -> None:
        row = SHAPES[kind].get(name)
        if row is None:
            self.faults.append(f"{kind}.{name} is not in the table")
            return
        for branch in self.branches(node):
            inner = branch.get("items", [])
            items = [b for n in (inner if isinstance(inner, list) else [inner]) for b in self.branches(n)]
            if items and not row.many and row.kind not in NOT_BY_TABLE and name not in ANY_VALUE:
                self.faults.append(f"{kind}.{name} is a list")
            for one in items or [branch]:
                if one.get("format") == "date-time" and not row.time:
                    self.faults.append(f"{kind}.{name} is a time")
                if (
                    "enum" in one
                    and name not in LOOKED_AT
                    and not set(one["enum"]) <= WORDS.get(row.words, set())
                ):
                    self.faults.append(f"{kind}.{name} is one of {one['enum']}")
                if row.kind and "properties" in one:
                    self.walk(one, row.kind)


# What the table leaves to code, or leaves out on purpose (the module's docstring says so).
NOT_BY_TABLE = {"licenses", "tools", "crypto", "property", "hash"}
ALTERNATIVES = {"lifecycle", "dataset", "patent", "resource", "graphics", "release-notes", "evidence-data"}
LOOKED_AT = {"$schema", "bomFormat", "specVersion", "version", "type", "alg", "name", "value", "content"}
ANY_VALUE = {"environmentVars", "asserter"}


@pytest.mark.parametrize("version", ["1.4", "1.5", "1.6", "1.7"])
def test_the_table_of_members_says_what_the_published_schema_says(fixtures: Path, version: str) -> None:
    schema = Schema(fixtures / f"sbom/CycloneDX_schemas/bom-{version}.schema.json", version)
    schema.walk(schema.root, "bom")
    assert len(schema.seen) > 30
    assert schema.faults == []
    types = schema.resolved(schema.root["definitions"]["component"])["properties"]["type"]["enum"]
    assert cyclonedx_rules.component_types(version) == set(types)
    assert set(schema.root["definitions"]["hash-alg"]["enum"]) <= cyclonedx_rules.HASH_ALGORITHMS


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
