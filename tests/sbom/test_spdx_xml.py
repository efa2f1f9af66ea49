"""SPDX XML read in runs, from events and as a tree, and tag-value lines of each line break: the same is said."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.sbom.test_spdx_syntaxes import GOOD, as_tag_value, as_xml
from vouchsafe.sbom import spdx, spdx_tree
from vouchsafe.sbom.errors import SbomError, TooLarge
from vouchsafe.sbom.limits import DEFAULT, Limits


@pytest.mark.parametrize(
    "old_new",
    [
        ("<name>", "<name>"),
        ("<name>", "<name>a<!-- b -->c"),
        ("<licenseListVersion>", "<unheard><of>it</of></unheard><licenseListVersion>"),
        ("<packages>", "<packages>stray"),
        ("<packages>", '<packages><name xmlns="urn:other">x</name>'),
        ("<SPDXID>", "<SPDXID>z</SPDXID><SPDXID>"),
        ("<creators>", "<creators>Tool: one</creators><creators>"),
        ("<downloadLocation>", "<downloadLocation>with spaces "),
    ],
)
def test_xml_says_the_same_read_straight_and_as_a_tree(
    old_new: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = as_xml(GOOD).decode().replace(*old_new).encode()

    def said() -> str:
        try:
            return repr(spdx.read(data))
        except SbomError as told:
            return f"{type(told).__name__} {told}"

    def unusual(*_: object) -> None:
        raise spdx_tree._Unusual

    straight = said()
    monkeypatch.setattr(spdx_tree._XmlReader, "read", unusual)
    assert said() == straight


PACKAGE = """  <packages>
    <SPDXID>SPDXRef-%d</SPDXID><name>p</name>
    <checksums>
      <algorithm>SHA1</algorithm>
      <checksumValue>%040d</checksumValue>
    </checksums>
    <checksums><algorithm>MD5</algorithm><checksumValue>a</checksumValue>
    </checksums><attributionTexts>one
      and more</attributionTexts>
    <attributionTexts>two</attributionTexts>
    <packageVerificationCode><packageVerificationCodeExcludedFiles>./a</packageVerificationCodeExcludedFiles>
    </packageVerificationCode>
  </packages>
"""
EDGE = """  <relationships>
    <spdxElementId>SPDXRef-%d</spdxElementId>
    <relationshipType>DEPENDS_ON</relationshipType><relatedSpdxElement>SPDXRef-0</relatedSpdxElement>
  </relationships>
"""
# What a run must not swallow: it begins, ends or changes something that only expat knows.
ODD = [
    "<!--", "-->", "<![CDATA[", "]]>", "<?p", "?>", "&amp;", "&#10;", "\u00e9", "\r", "\r\n", "\x0b", "\x00", "\x7f", "]]",
    "<packages>", "</packages>", "<relationships/>", "<name>x</name>", "<name/>", "<name a='b'>x</name>", "text", " ",
    "<files><SPDXID>SPDXRef-f</SPDXID></files>", "<x:name>x</x:name>", "<checksums></checksums>", "</Document>", "<",
    "<packageVerificationCode><packageVerificationCodeValue>x</packageVerificationCodeValue></packageVerificationCode>",
    "<comment>c</comment>", "<stray><inner>x</inner></stray>", "<a1>x</a1>", "<hasFiles>x</hasFiles>", "<!DOCTYPE x>",
]  # fmt: skip


def _lines(node: spdx_tree.XmlNode, at: str = "") -> Iterator[tuple[str, int]]:
    """The line of each member and item."""
    yield at, node.line_of("", None)
    for field, value in node.items():
        for i, item in enumerate(value if isinstance(value, list) else [value]):
            yield f"{at}/{field}[{i}]", node.line_of(field, i)
            if isinstance(item, spdx_tree.XmlNode):
                yield from _lines(item, f"{at}/{field}[{i}]")


class _ByEvents(spdx_tree._XmlReader):
    def feed(self, data: bytes) -> None:
        self.parser.Parse(data, True)


def _read(reader: spdx_tree._XmlReader, data: bytes) -> object:
    try:
        reader.read(data)
    except SbomError as told:
        return str(told)
    except spdx_tree._Unusual:
        return "unusual"
    return reader.root, list(_lines(reader.root)), reader.count


def _document(*parts: str) -> bytes:
    return f"<Document>\n <name>x</name>{''.join(parts)}</Document>\n".encode()


def _many() -> list[str]:
    return [PACKAGE % (i, i) for i in range(6)] + [EDGE % i for i in range(6)]


@pytest.mark.parametrize("many", [2, spdx_tree._MANY])
@given(st.lists(st.tuples(st.integers(0, 4_000), st.sampled_from(ODD), st.integers(0, 12)), max_size=4))
@example([(230, "<!--", 0), (2000, "-->", 0)])
@example([(700, "<![CDATA[", 0), (1500, "]]>", 0)])
@example([(618, "<checksums></checksums>", 0)])
@example([(3500, "\u00e9", 0)])
def test_runs_say_what_events_say(many: int, edits: list[tuple[int, str, int]]) -> None:
    text = _document(*_many()).decode()
    for at, odd, cut in edits:
        text = text[:at] + odd + text[at + cut :]
    data = text.encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(spdx_tree, "_MANY", many)
        assert _read(spdx_tree._XmlReader(DEFAULT), data) == _read(_ByEvents(DEFAULT), data)


@pytest.mark.parametrize("at", range(0, 100, 3))
def test_runs_end_at_the_limit_of_elements_as_events_do(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spdx_tree, "_MANY", 2)
    data, limits = _document(*_many()), Limits(max_elements=at)
    assert _read(spdx_tree._XmlReader(limits), data) == _read(_ByEvents(limits), data)
    with pytest.raises(TooLarge):
        spdx_tree.parse_xml(data, limits=limits)


def test_a_place_after_a_run_on_one_line_has_its_column() -> None:
    flat = "".join(_many()).replace("\n", "")
    data = f"<Document>{flat}<name>a</x></Document>".encode()
    want = f"line 1 column {len('<Document>') + len(flat) + len('<name>a</') + 1}"
    assert str(_read(spdx_tree._XmlReader(DEFAULT), data)).startswith(want)
    assert _read(spdx_tree._XmlReader(DEFAULT), data) == _read(_ByEvents(DEFAULT), data)


def test_many_objects_alike_are_read_as_one_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    plain = spdx_tree._XmlReader.plain

    def counted(self: spdx_tree._XmlReader, source: tuple[bytes, int, int], line: int) -> bool:
        seen.append("plain")
        return plain(self, source, line)

    monkeypatch.setattr(spdx_tree._XmlReader, "plain", counted)
    data = _document(*(EDGE % i for i in range(2_500)))
    assert _read(spdx_tree._XmlReader(DEFAULT), data) == _read(_ByEvents(DEFAULT), data)
    assert len(seen) == spdx_tree._MANY - 1  # the first one is expat's


def test_expat_sees_none_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    start = spdx_tree._XmlReader.start

    def counted(self: spdx_tree._XmlReader, name: str, said: dict[str, str]) -> None:
        seen.append(name)
        start(self, name, said)

    monkeypatch.setattr(spdx_tree._XmlReader, "start", counted)
    parts = [*_many(), "<packages><name>\u00e9</name></packages>", *_many()]
    root = spdx_tree.parse_xml(_document(*parts))
    assert (len(root["packages"]), len(root["relationships"])) == (13, 12)
    # The first object of each run, and the one that is not plain.
    assert seen.count("packages") == 3
    assert "relationships" not in seen


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"])
def test_tag_value_lines_are_counted_by_every_break(breaks: str) -> None:
    text = as_tag_value(GOOD).decode().replace("\n", breaks)
    assert spdx.read(text.encode()).components == spdx.read(as_tag_value(GOOD)).components
    assert [c.path for c in spdx.read(text.encode()).components] == [
        c.path for c in spdx.read(as_tag_value(GOOD)).components
    ]
