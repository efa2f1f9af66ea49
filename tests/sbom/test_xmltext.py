"""XML from strangers: each way to be wrong, with its place."""

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.sbom import xmltext
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge
from vouchsafe.sbom.limits import Limits

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [
 <!ENTITY a "ha">
 <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
]>
<bom>&b;</bom>"""


@pytest.mark.parametrize(
    ("data", "place", "expected", "got"),
    [
        (b"", "line 1 column 1", "XML", "an empty file"),
        (b" \n ", "line 1 column 1", "XML", "an empty file"),
        (b"<a>\n <b></a>", "line 2 column 7", "well-formed XML", "mismatched tag"),
        (b"<a>", "line 1 column 4", "well-formed XML", "no element found"),
        (b"<a/>\n<b/>", "line 2 column 1", "well-formed XML", "junk after document element"),
        (b'<a b="1" b="2"/>', "line 1 column 10", "well-formed XML", "duplicate attribute"),
        (b"<a><x:b/></a>", "line 1 column 4", "well-formed XML", "unbound prefix"),
        (b"<a>\n\xff</a>", "line 2 column 1", "well-formed XML", "not well-formed (invalid token)"),
        (b"<a>\0</a>", "line 1 column 4", "well-formed XML", "not well-formed (invalid token)"),
        (b"<a>&#0;</a>", "line 1 column 4", "well-formed XML", "reference to invalid character number"),
        (LAUGHS, "line 2 column 1", "XML without a document type declaration", "<!DOCTYPE"),
        (
            b'<?xml version="1.0"?> <!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
            "line 1 column 23",
            "XML without a document type declaration",
            "<!DOCTYPE",
        ),
        (
            b'<!--c-->\n\n  <!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1/x">]><a>&x;</a>',
            "line 3 column 3",
            "XML without a document type declaration",
            "<!DOCTYPE",
        ),
        (
            "<!DOCTYPE a><a/>".encode("utf-16"),
            "line 1 column 1",
            "XML without a document type declaration",
            "<!DOCTYPE",
        ),
        (b"<a>\n &laugh;</a>", "line 2 column 2", "well-formed XML", "undefined entity"),
        (
            b'<?xml version="1.0" encoding="utf-16"?><a/>',
            "line 1 column 31",
            "well-formed XML",
            "encoding specified in XML declaration is incorrect",
        ),
        (
            '<?xml version="1.0" encoding="utf-8"?><a/>'.encode("utf-16"),
            "line 1 column 31",
            "well-formed XML",
            "encoding specified in XML declaration is incorrect",
        ),
    ],
)
def test_says_where_what_was_expected_and_what_came(data: bytes, place: str, expected: str, got: str) -> None:
    with pytest.raises(Malformed) as told:
        xmltext.parse(data)
    assert (told.value.place, told.value.expected, told.value.got) == (place, expected, got)


@pytest.mark.parametrize(
    ("data", "place", "got"),
    [
        (
            b'<?xml version="1.0" encoding="windows-1252"?><a/>',
            "line 1 column 1",
            "the encoding “windows-1252”",
        ),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "line 1 column 1", "the encoding “utf-7”"),
        ("<a/>".encode("utf-32"), "byte 0", "UTF-32 text"),
    ],
)
def test_other_encodings_are_not_read(data: bytes, place: str, got: str) -> None:
    with pytest.raises(NotRead) as told:
        xmltext.parse(data)
    assert (told.value.place, told.value.got) == (place, got)


@pytest.mark.parametrize(
    "data",
    [
        "<a>é\u4e2d</a>".encode(),
        b"\xef\xbb\xbf" + "<a>é\u4e2d</a>".encode(),
        '<?xml version="1.0" encoding="UTF-8"?><a>é\u4e2d</a>'.encode(),
        '<?xml version="1.0" encoding="UTF-16"?><a>é\u4e2d</a>'.encode("utf-16"),
        "\ufeff<a>é\u4e2d</a>".encode("utf-16-be"),
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>é&#x4e2d;</a>'.encode("latin-1"),
        '<?xml version="1.0" encoding="US-ASCII"?><a>&#xe9;&#x4e2d;</a>'.encode("ascii"),
    ],
)
def test_a_rightly_declared_encoding_is_read(data: bytes) -> None:
    assert xmltext.parse(data).text == "é\u4e2d"


def test_the_tree_has_names_namespaces_lines_and_paths() -> None:
    root = xmltext.parse(
        b'<b:bom xmlns:b="urn:b" xmlns:x="urn:x" version="1" x:k="2">\n'
        b" <b:c/>\n <b:c>t<!-- no -->u<?p i?><![CDATA[<v>]]></b:c>\n <x:c/><d>1<e/>2</d>\n</b:bom>"
    )
    assert (root.tag, root.namespace, root.line, root.path, root.parent) == ("bom", "urn:b", 1, "/bom", None)
    assert dict(root.attributes) == {"version": "1", "{urn:x}k": "2"}
    assert root.text == ""
    assert [c.place for c in root.children] == [
        "line 2: /bom/c[1]",
        "line 3: /bom/c[2]",
        "line 4: /bom/c[3]",
        "line 4: /bom/d",
    ]
    assert root.children[1].text == "tu<v>"
    assert root.children[3].text == "12"
    assert [c.line for c in root.each("c")] == [2, 3]
    assert root.first("c") is root.children[0]
    assert root.first("d") is None, "d has no namespace, and bom has"
    assert repr(root.children[3].children[0]) == "<Element line 4: /bom/d/e>"


def test_only_the_outermost_element_is_read_when_no_more_is_asked_for() -> None:
    root = xmltext.outermost(b'<bom xmlns="urn:b" a="1"><never ends')
    assert (root.tag, root.namespace, dict(root.attributes)) == ("bom", "urn:b", {"a": "1"})
    with pytest.raises(Malformed) as told:
        xmltext.outermost(LAUGHS)
    assert told.value.place == "line 2 column 1"


def test_takes_the_deepest_allowed_nesting_and_refuses_one_more() -> None:
    limits = Limits(max_depth=5)
    xmltext.parse(b"<a>" * 5 + b"</a>" * 5, limits=limits)
    with pytest.raises(TooLarge) as told:
        xmltext.parse(b"<a>" * 6 + b"</a>" * 6, limits=limits)
    assert (told.value.place, told.value.got) == ("line 1 column 16", "level 6")


def test_a_nesting_of_fifty_thousand_is_refused_where_it_passes_the_limit() -> None:
    with pytest.raises(TooLarge) as told:
        xmltext.parse(b"<a>" * 50_000)
    assert told.value.place == "line 1 column 601"


def test_takes_as_many_elements_and_attributes_as_allowed_and_refuses_one_more() -> None:
    limits = Limits(max_elements=4)
    xmltext.parse(b'<a><b c="1"/><d/></a>', limits=limits)
    with pytest.raises(TooLarge) as told:
        xmltext.parse(b'<a><b c="1"/><d/><e/></a>', limits=limits)
    assert told.value.place == "line 1 column 18"


def test_takes_as_many_bytes_as_allowed_and_refuses_one_more() -> None:
    xmltext.parse(b"<a>1</a>", limits=Limits(max_bytes=8))
    with pytest.raises(TooLarge) as told:
        xmltext.parse(b"<a>12</a>", limits=Limits(max_bytes=8))
    assert told.value.place == "byte 0"


def test_much_text_between_many_elements_takes_linear_time() -> None:
    import time

    began = time.process_time()
    root = xmltext.parse(b"<a>" + b"x<b/>" * 100_000 + b"</a>")
    assert len(root.text) == len(root.children) == 100_000
    assert time.process_time() - began < 8


@pytest.mark.parametrize("data", [b"<a/>", b"<a>", LAUGHS])
def test_the_cycle_collector_is_left_as_it_was(data: bytes) -> None:
    for on in (True, False):
        (gc.enable if on else gc.disable)()
        try:
            xmltext.parse(data)
        except Malformed:
            pass
        finally:
            found = gc.isenabled()
            gc.enable()
        assert found is on


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        xmltext.parse(data)
    except Malformed as told:
        assert told.place
        assert told.expected


NAMES = st.text("abcXYZ", min_size=1, max_size=4)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20
)
TREES = st.recursive(
    st.tuples(NAMES, TEXTS), lambda inner: st.tuples(NAMES, st.lists(inner, min_size=1, max_size=4))
)


@settings(max_examples=60, deadline=None)
@given(TREES, st.sampled_from(["utf-8", "utf-16"]))
def test_reads_what_another_library_writes(tree: tuple[str, object], encoding: str) -> None:
    from xml.etree import ElementTree

    def made(node: tuple[str, object]) -> ElementTree.Element:
        element = ElementTree.Element(node[0])
        if isinstance(node[1], str):
            element.text = node[1]
        else:
            element.extend(made(n) for n in node[1])  # type: ignore[attr-defined]
        return element

    def seen(element: xmltext.Element) -> tuple[str, object]:
        return (element.tag, [seen(c) for c in element.children] or element.text)

    assert seen(xmltext.parse(ElementTree.tostring(made(tree), encoding=encoding))) == tree
