"""CycloneDX in XML: the same BOM as its JSON, and places as lines and paths."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.disagreements import compare
from vouchsafe.sbom import cyclonedx, cyclonedx_xml
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import Limits

DISAGREEMENTS = Path(__file__).parent / "disagreements_cyclonedx.tsv"
GOOD = """<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" xmlns:x="urn:x" version="3"
     serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79">
 <metadata>
  <timestamp>2026-10-26T08:00:00Z</timestamp>
  <authors><author><name>Release</name></author></authors>
  <component type="firmware" bom-ref="root"><name>Tarn 4</name><version>4.2.1</version></component>
 </metadata>
 <components>
  <component type="application" bom-ref="link" x:odd="1">
   <supplier><name>Fellside</name><url>https://a.example</url><url>https://b.example</url></supplier>
   <name>tarn-link</name>
   <version>4.2.1</version>
   <scope>required</scope>
   <hashes><hash alg="SHA-256">aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</hash></hashes>
   <licenses><license><id>Apache-2.0</id></license></licenses>
   <purl>pkg:generic/tarn-link@4.2.1</purl>
   <x:foreign><x:deep/></x:foreign>
   <properties><property name="built">yes</property></properties>
   <components>
    <component type="library" bom-ref="time">
     <publisher>crates.io</publisher>
     <group>g</group>
     <name>time</name>
     <version>0.3.44</version>
     <purl>pkg:cargo/time@0.3.44</purl>
    </component>
   </components>
  </component>
 </components>
 <services>
  <service bom-ref="s"><name>s</name><data><classification flow="inbound">PII</classification></data></service>
 </services>
 <dependencies>
  <dependency ref="root"><dependency ref="link"><dependency ref="s"/></dependency></dependency>
  <dependency ref="link"><dependency ref="time"/></dependency>
 </dependencies>
</bom>
"""


def changed(old: str, new: str) -> bytes:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new).encode()


def test_reads_what_json_would_say() -> None:
    bom = cyclonedx.read(GOOD.encode())
    assert (bom.format, bom.spec_version, bom.version) == ("CycloneDX", "1.6", 3)
    assert bom.serial == "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
    assert bom.subject is not None
    assert (bom.subject.name, bom.subject.ref, bom.timestamp) == ("Tarn 4", "root", "2026-10-26T08:00:00Z")
    link, time = bom.components
    assert (link.name, link.supplier, link.licenses, link.scope) == (
        "tarn-link",
        "Fellside",
        ("Apache-2.0",),
        "required",
    )
    assert link.hashes == (("SHA-256", "a" * 64),)
    assert (time.group, time.name, time.version, time.purl) == (
        "g",
        "time",
        "0.3.44",
        "pkg:cargo/time@0.3.44",
    )
    assert time.path == "line 21: /bom/components/component/components/component"
    assert bom.dependencies == (("root", ("link",)), ("link", ("s",)), ("link", ("time",)))
    assert bom.problems == ()


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_reads_each_version(version: str) -> None:
    assert cyclonedx.read(changed("bom/1.6", f"bom/{version}")).spec_version == version


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_reads_other_encodings(encoding: str) -> None:
    text = GOOD.replace("UTF-8", "UTF-16" if encoding == "utf-16" else "UTF-8")
    assert len(cyclonedx.read(text.encode(encoding)).components) == 2


@pytest.mark.parametrize(
    ("old", "new", "kind", "place"),
    [
        ("urn:uuid:3e67", "urn:uuid:", "schema", "line 2: /bom/@serialNumber"),
        ("T08:00:00Z", "", "schema", "line 5: /bom/metadata/timestamp"),
        ("<timestamp>2026-10-26T08:00:00Z</timestamp>", "", "ntia", "line 4: /bom/metadata/timestamp"),
        ("<name>Tarn 4</name>", "", "schema", "line 7: /bom/metadata/component/name"),
        ('type="application"', 'type="foo"', "schema", "line 10: /bom/components/component/@type"),
        ('type="application"', "", "schema", "line 10: /bom/components/component/type"),
        (">required<", ">foo<", "schema", "line 14: /bom/components/component/scope"),
        ('alg="SHA-256"', 'alg="FOO"', "schema", "line 15: /bom/components/component/hashes/hash/@alg"),
        ('alg="SHA-256"', 'alg="MD5"', "hash", "line 15: /bom/components/component/hashes/hash"),
        (">Apache-2.0<", ">Apache-2<", "schema", "line 16: /bom/components/component/licenses/license/id"),
        ("<id>Apache-2.0</id>", "", "schema", "line 16: /bom/components/component/licenses/license"),
        (
            "<id>Apache-2.0</id>",
            "<id>MIT</id><id>MIT</id>",
            "schema",
            "line 16: /bom/components/component/licenses/license/id[2]",
        ),
        (
            "<licenses>",
            "<licenses><expression>MIT</expression>",
            "schema",
            "line 16: /bom/components/component/licenses",
        ),
        ("pkg:generic/tarn", "generic/tarn", "purl", "line 17: /bom/components/component/purl"),
        (
            ' name="built"',
            "",
            "schema",
            "line 19: /bom/components/component/properties/property",
        ),
        (
            "<group>g</group>",
            "<grp>g</grp>",
            "schema",
            "line 23: /bom/components/component/components/component/grp",
        ),
        (
            "<publisher>crates.io</publisher>",
            "",
            "ntia",
            "line 21: /bom/components/component/components/component/supplier",
        ),
        (
            'bom-ref="time"',
            'bom-ref="link"',
            "duplicate",
            "line 21: /bom/components/component/components/component/@bom-ref",
        ),
        (
            'flow="inbound"',
            'flow="foo"',
            "schema",
            "line 32: /bom/services/service/data/classification/@flow",
        ),
        (
            '<dependency ref="time"/>',
            '<dependency ref=""/>',
            "schema",
            "line 36: /bom/dependencies/dependency[2]",
        ),
        (
            '<dependency ref="time"/>',
            '<dependency ref="me"/>',
            "dangling",
            "line 36: /bom/dependencies/dependency[2]",
        ),
        ('<dependency ref="root">', "<dependency>", "schema", "line 35: /bom/dependencies/dependency[1]/ref"),
    ],
)
def test_reads_a_flawed_file_and_names_the_flaw(old: str, new: str, kind: str, place: str) -> None:
    bom = cyclonedx.read(changed(old, new))
    assert (kind, place) in {(p.kind, p.place) for p in bom.problems}
    assert [c.name for c in bom.components] == ["tarn-link", "time"]


@pytest.mark.parametrize(
    ("old", "new", "place", "got"),
    [
        ("bom/1.6", "bom/12", "line 2: /bom", "“http://cyclonedx.org/schema/bom/12”"),
        ("bom/1.6", "bom/1.8", "line 2: /bom", "“http://cyclonedx.org/schema/bom/1.8”"),
        ('xmlns="http://cyclonedx.org/schema/bom/1.6"', "", "line 2: /bom", "<bom> of no namespace"),
    ],
)
def test_another_namespace_is_not_read(old: str, new: str, place: str, got: str) -> None:
    with pytest.raises(NotRead) as told:
        cyclonedx_xml.read(changed(old, new))
    assert (told.value.place, told.value.got) == (place, got)


def test_a_component_without_a_name_is_refused_at_its_line() -> None:
    with pytest.raises(Malformed) as told:
        cyclonedx.read(changed("<name>time</name>", ""))
    assert told.value.place == "line 21: /bom/components/component/components/component/name"


def test_what_is_in_pedigree_evidence_and_tools_is_no_component() -> None:
    inner = '<component type="library"><name>old</name></component>'
    bom = cyclonedx.read(changed("<scope>", f"<pedigree><ancestors>{inner}</ancestors></pedigree><scope>"))
    assert [c.name for c in bom.components] == ["tarn-link", "time"]
    bom = cyclonedx.read(
        changed(" </metadata>", f"<tools><components>{inner}</components></tools></metadata>")
    )
    assert [c.name for c in bom.components] == ["tarn-link", "time"]
    assert bom.problems == ()


EVERYTHING = """
 <evidence>
  <identity><field>purl</field><confidence>1</confidence><tools><tool ref="link"/></tools></identity>
  <copyright><text>A</text><text>B</text></copyright>
 </evidence>
 <modelCard><modelParameters><datasets><ref>d</ref><dataset><type>dataset</type></dataset></datasets>
 </modelParameters></modelCard>
"""


def test_elements_that_xml_writes_in_another_way_than_json_are_no_flaws() -> None:
    bom = cyclonedx.read(
        changed("  <components>\n    <component type", f"{EVERYTHING}  <components>\n    <component type")
    )
    assert bom.problems == ()
    flow = '<dataflow name="d"><classification flow="outbound">PII</classification></dataflow>'
    assert cyclonedx.read(changed("<data>", f"<data>{flow}")).problems == ()
    provides = '<dependency ref="link"><provides ref="s"/>'
    bom = cyclonedx.read(
        changed('<dependency ref="link"><dependency ref="time"/>', f'{provides}<dependency ref="time"/>')
    )
    assert bom.problems == ()
    foreign = '<x:l/><license x:a="1"><x:y/><id>Apache-2.0</id></license>'
    assert cyclonedx.read(changed("<license><id>Apache-2.0</id></license>", foreign)).problems == ()
    assert cyclonedx.read(changed(" <services>", " <x:own/><services><x:own/>")).problems == ()


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("<data>", "<data><item/>", "line 32: /bom/services/service/data/item"),
        (
            "<data>",
            "<data><dataflow><classification flow='?'/></dataflow>",
            "line 32: /bom/services/service/data/dataflow/classification/@flow",
        ),
        (
            "<supplier>",
            "<pedigree><patches><patch type='x'/></patches></pedigree><supplier>",
            "line 11: /bom/components/component/pedigree/patches/patch/@type",
        ),
        ("<supplier>", "<swid name='x'/><supplier>", "line 11: /bom/components/component/swid"),
        ("<supplier>", "<supplier/><supplier>", "line 11: /bom/components/component/supplier[2]"),
        ("<licenses>", "<licenses><licence/>", "line 16: /bom/components/component/licenses/licence"),
        (
            "<licenses>",
            '<licenses><license><name>n</name><text encoding="base85">x</text></license>',
            "line 16: /bom/components/component/licenses/license[1]/text/@encoding",
        ),
    ],
)
def test_a_flaw_deep_inside_is_named(old: str, new: str, place: str) -> None:
    bom = cyclonedx.read(changed(old, new))
    assert place in {p.place for p in bom.problems if p.kind == "schema"}


def test_an_expression_with_details_is_read_in_1_7() -> None:
    new = '<expression-detailed expression="MIT OR ISC"><details license-identifier="MIT"/></expression-detailed>'
    text = changed("<license><id>Apache-2.0</id></license>", new).decode().replace("bom/1.6", "bom/1.7")
    bom = cyclonedx.read(text.encode())
    assert (bom.components[0].licenses, bom.problems) == (("MIT OR ISC",), ())


def test_a_licence_may_have_several_ids_in_1_0_only() -> None:
    text = changed("<id>Apache-2.0</id>", "<id>MIT</id><id>ISC</id>").decode()
    for version, flawed in (("1.0", False), ("1.1", True)):
        found = cyclonedx.read(text.replace("bom/1.6", f"bom/{version}").encode()).problems
        assert any("/id[2]" in p.place for p in found) is flawed


def test_takes_as_many_components_as_allowed_and_refuses_one_more() -> None:
    assert len(cyclonedx.read(GOOD.encode(), limits=Limits(max_components=2)).components) == 2
    with pytest.raises(TooLarge) as told:
        cyclonedx.read(GOOD.encode(), limits=Limits(max_components=1))
    assert told.value.place == "line 21: /bom/components/component/components/component"


def test_a_nesting_of_fifty_thousand_components_is_refused() -> None:
    step = '<components><component type="library"><name>a</name>'
    with pytest.raises(TooLarge) as told:
        cyclonedx.read(('<bom xmlns="http://cyclonedx.org/schema/bom/1.6">\n' + step * 50_000).encode())
    # 200 levels: the outermost, 99 pairs, and <components>; the next component is one too many.
    assert told.value.place == f"line 2 column {99 * len(step) + len('<components>') + 1}"


def test_the_json_and_the_xml_of_one_bom_list_the_same_components(fixtures: Path) -> None:
    pairs, wrong = 0, set()
    for xml in sorted((fixtures / "sbom").glob("CycloneDX_*/**/*.xml")):
        if not xml.with_suffix(".json").exists():
            continue
        try:
            said = [cyclonedx.read(p.read_bytes()).components for p in (xml, xml.with_suffix(".json"))]
        except SbomError:
            assert xml.name.startswith("invalid-")
            continue
        pairs += 1
        if len(said[0]) != len(said[1]):
            wrong.add((xml.name, "0"))
        if "bom-examples" in str(xml):
            who = [
                Counter((c.type, c.group, c.name, c.version, c.purl, c.hashes) for c in one) for one in said
            ]
            assert who[0] == who[1]
    assert pairs > 100
    compare(DISAGREEMENTS, "pairs", wrong)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("cern-lhc-vdm-editor-e564943/bom.xml", 43),
        ("dropwizard-1.3.15/bom.xml", 167),
        ("laravel-7.12.0/bom.1.1.xml", 62),
        ("laravel-7.12.0/bom.1.2.xml", 62),
        ("laravel-7.12.0/bom.1.3.xml", 62),
        ("laravel-7.12.0/bom.1.4.xml", 62),
        ("proton-bridge/proton-bridge-v1.6.3.bom.xml", 201),
    ],
)
def test_real_boms_have_no_schema_problems_and_as_many_components_as_a_plain_count(
    fixtures: Path, name: str, count: int
) -> None:
    from xml.etree import ElementTree

    path = fixtures / "sbom/CycloneDX_bom-examples/SBOM" / name
    bom = cyclonedx.read(path.read_bytes())
    plain = ElementTree.parse(path).getroot().findall("./{*}components//{*}component")
    pedigree = ElementTree.parse(path).getroot().findall(".//{*}pedigree//{*}component")
    assert len(bom.components) == count == len(plain) - len(pedigree)
    assert [p for p in bom.problems if p.kind == "schema"] == []


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=80)
@given(st.data())
def test_a_mutated_good_file_is_read_or_refused(data: st.DataObject) -> None:
    """Lines are dropped, doubled or swapped, names exchanged, bytes changed; only `SbomError` may come out."""
    lines = GOOD.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "swap", "name"])):
            case "drop" if len(lines) > 1:
                del lines[i]
            case "double":
                lines.insert(i, lines[i])
            case "swap":
                j = data.draw(st.integers(0, len(lines) - 1))
                lines[i], lines[j] = lines[j], lines[i]
            case _:
                tags = st.sampled_from(
                    ["component", "components", "name", "license", "dependency", "hash", "data"]
                )
                lines[i] = lines[i].replace(data.draw(tags), data.draw(tags))
    text = bytearray("".join(lines).encode())
    for _ in range(data.draw(st.integers(0, 2))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        bom = cyclonedx.read(bytes(text))
    except SbomError:
        return
    assert all(c.path.startswith("line ") for c in bom.components)
    for component in bom.components:
        component.identity()


def test_json_and_xml_say_the_same_of_the_same_flaw() -> None:
    flawed = {"type": "foo", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "publisher": "p"}
    as_json = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [flawed]}
    as_xml = (
        '<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="foo"><publisher>p</publisher>'
        "<name>a</name><version>1</version><purl>pkg:npm/a@1</purl></component></components></bom>"
    )
    found = [cyclonedx.read(d).problems for d in (json.dumps(as_json).encode(), as_xml.encode())]
    assert [[(p.kind, p.text) for p in one] for one in found][0] == [(p.kind, p.text) for p in found[1]]
