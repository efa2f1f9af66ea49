"""CycloneDX XML read from events says exactly what the tree of the same file says: members, problems, places."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sbom.test_cyclonedx_xml import GOOD
from vouchsafe.sbom import cyclonedx_events, cyclonedx_xml, xmltext
from vouchsafe.sbom.errors import SbomError, TooLarge
from vouchsafe.sbom.limits import DEFAULT, Limits

BOM = '<bom xmlns="http://cyclonedx.org/schema/bom/1.6" xmlns:x="urn:x" version="1">'
DEPENDENCIES = """<dependencies>
<dependency ref="a">
<dependency ref="b"><dependency ref="c"/>
<dependency ref="d"><provides ref=""/><provides ref="e"/></dependency></dependency></dependency>
<dependency ref=""><dependency ref="z"/><dependency ref="z"/></dependency>
</dependencies>"""
PIECES = [
    DEPENDENCIES,
    '<components><component type="x"><name>n</name>\n<licenses><license><id>No-Such</id></license>\n'
    '<expression acknowledgement="odd">MIT</expression><license><name>A</name></license></licenses></component>\n'
    '<component type="library" scope="s" bom-ref=""><name>n</name>\n<purl>bad</purl>\n<hashes><hash alg="MD5">0'
    "</hash>\n<hash>1</hash></hashes><externalReferences>\n<reference type='odd'><url>u</url>\n<hashes>"
    "<hash alg='SHA-1'>z</hash></hashes></reference></externalReferences></component></components>",
    "<metadata><tools><components>\n<component type='y'><name/></component></components></tools></metadata>",
    "<metadata><tools><tool><hashes><hash alg='q'>1</hash></hashes></tool><tool/></tools>\n"
    "<timestamp>never</timestamp><manufacture><url>a</url><contact><email/></contact></manufacture></metadata>",
    "<metadata><component><name>n</name>\n<components><component type='z'><name>i</name></component>\n"
    "<component type='z'><name>i</name><version/>\n<components><component><name>j</name></component></components>"
    "</component></components></component></metadata>",
    "<vulnerabilities><vulnerability><ratings><rating><severity>odd</severity></rating></ratings>\n<analysis>"
    "<responses><response>odd</response><response>update</response></responses></analysis></vulnerability>"
    "</vulnerabilities>",
    "<components><component type='library'><name>a<x:b>c</x:b>d</name>\n<description>e<f><g/>h</f>i</description>"
    "<x:other><name/></x:other><evidence><copyright><text>t</text></copyright><identity><field>odd</field>"
    "</identity>\n<identity><field>purl</field></identity></evidence></component></components>",
    # Read as a tree: what only the form of the file shows, and kinds of their own form.
    "<components><component type='library'><name>a</name><name>b</name><odd/></component></components>",
    "<components><component type='library'><name>a</name><x:name/></component><x:component/></components>",
    "<services><service><name>s</name><data><classification flow='odd'>PII</classification></data></service>"
    "</services>",
]


def outcome(read: Any, data: bytes, limits: Limits = DEFAULT) -> Any:
    try:
        said = read(data, limits)
    except SbomError as told:
        return type(told), str(told)
    return said, [c.path for c in said.components], said.subject.path if said.subject else ""


@pytest.mark.parametrize("piece", PIECES)
def test_events_and_tree_say_the_same(piece: str) -> None:
    data = f"{BOM}\n{piece}</bom>".encode()
    found = outcome(cyclonedx_xml._read, data)
    assert found == outcome(cyclonedx_xml._read_tree, data)
    assert found[0].problems


def test_a_plain_bom_makes_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a tree was made")

    monkeypatch.setattr(xmltext, "parse", refuse)
    for piece in (GOOD, *(f"{BOM}{p}</bom>" for p in PIECES[:7])):
        assert cyclonedx_xml.read(piece.encode()).format == "CycloneDX"
    with pytest.raises(AssertionError, match="a tree was made"):
        cyclonedx_xml.read(f"{BOM}{PIECES[7]}</bom>".encode())


def test_dependencies_in_others_have_their_own_places() -> None:
    said = cyclonedx_xml.read(f"{BOM}\n{DEPENDENCIES}</bom>".encode())
    assert said.dependencies == (("a", ("b",)), ("b", ("c", "d")), ("d", ()), ("", ("z", "z")))
    places = [p.place for p in said.problems if p.kind == "schema"]
    assert places == [
        "line 5: /bom/dependencies/dependency[1]/dependency/dependency[2]/provides[1]",
        "line 6: /bom/dependencies/dependency[2]/@ref",
        "line 6: /bom/dependencies/dependency[2]",
    ]


def test_an_attribute_in_the_place_of_repeated_elements_is_a_problem() -> None:
    data = f'{BOM}<metadata><manufacture url="x">\n<url>y</url></manufacture></metadata></bom>'.encode()
    problems = [(p.place, p.text) for p in cyclonedx_xml.read(data).problems]
    assert ("line 2: /bom/metadata/manufacture/url", "expected one <url>, got another") in problems


@pytest.mark.parametrize("inside", ["{}", "<description>{}</description>", "<x:a>{}</x:a>"])
def test_levels_are_counted_where_nothing_is_read(inside: str) -> None:
    def bom(levels: int) -> bytes:
        deep = "<x:d>" * levels + "</x:d>" * levels
        text = f"<components>\n<component type='library'><name>a</name>{inside.format(deep)}</component>"
        return f"{BOM}{text}</components></bom>".encode()

    limits = Limits(max_depth=20)
    most = 17 if inside == "{}" else 16
    assert cyclonedx_xml.read(bom(most), limits=limits).components
    with pytest.raises(TooLarge) as told:
        cyclonedx_xml.read(bom(most + 1), limits=limits)
    column = (
        len(f"<component type='library'><name>a</name>{inside.partition('{}')[0]}") + most * len("<x:d>") + 1
    )
    assert told.value.place == f"line 2 column {column}"
    assert told.value.expected == "at most 20 levels of nesting"


def test_elements_and_attributes_are_counted_to_the_same_limit() -> None:
    data = f"{BOM}{DEPENDENCIES}</bom>".encode()
    counts = [(outcome(cyclonedx_xml._read, data, Limits(max_elements=n))) for n in range(1, 30)]
    assert counts == [(outcome(cyclonedx_xml._read_tree, data, Limits(max_elements=n))) for n in range(1, 30)]
    assert {c[0] is TooLarge for c in counts} == {True, False}


def test_what_was_read_goes_with_the_last_reference() -> None:
    reader = cyclonedx_events.Reader(DEFAULT)
    reader.read(GOOD.encode())
    # The parser has let go of the reader's methods.
    assert reader.parser.StartElementHandler is None
    assert reader.root["metadata"].tag == "metadata"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=120)
@given(st.data())
def test_a_mutated_file_says_the_same_from_events_and_from_the_tree(data: st.DataObject) -> None:
    lines = [BOM, *"\n".join(PIECES[: data.draw(st.integers(1, 7))]).split("\n"), "</bom>"]
    if data.draw(st.booleans()):
        lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        i, j = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match data.draw(st.sampled_from(["drop", "double", "swap", "name", "inside"])):
            case "drop" if len(lines) > 1:
                del lines[i]
            case "double":
                lines.insert(i, lines[i])
            case "swap":
                lines[i], lines[j] = lines[j], lines[i]
            case "inside":
                piece = st.sampled_from(
                    ["<x:name/>", "<name>k</name>", "<!-- c -->", "<x:o><p/></x:o>", "text"]
                )
                lines[i] = lines[i].replace("</", data.draw(piece) + "</", 1)
            case _:
                tags = st.sampled_from(
                    ["component", "name", "license", "dependency", "hash", "ref=", "type="]
                )
                lines[i] = lines[i].replace(data.draw(tags), data.draw(tags))
    text = "\n".join(lines).encode()
    assert outcome(cyclonedx_xml._read, text) == outcome(cyclonedx_xml._read_tree, text)
