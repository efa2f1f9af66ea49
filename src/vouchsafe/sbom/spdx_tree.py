"""SPDX documents in JSON, YAML and XML as one shape, and how each of them names a place.

Every syntax ends as the objects, arrays and texts of the JSON form; `Places` says where one of them stood. YAML
is read from libyaml's events: no aliases, no tags, no second document, each key once, and nothing becomes a date
or a number that was written as text. XML elements become objects one at a time, when they are asked for.

Source: SPDX 2.3 and its JSON schema; YAML 1.2.2; the XML form is the JSON form with `Document` outermost and an
array written as its element repeated.
"""

import codecs
from collections.abc import Iterator, Sequence
from typing import Any, overload

import yaml

from vouchsafe.sbom import xmltext
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

ARRAYS = frozenset(
    (
        "annotations", "artifactOfs", "attributionTexts", "checksums", "creators", "crossRefs",
        "documentDescribes", "externalDocumentRefs", "externalRefs", "fileContributors", "fileDependencies",
        "fileTypes", "files", "hasExtractedLicensingInfos", "hasFiles", "licenseInfoFromFiles",
        "licenseInfoInFiles", "licenseInfoInSnippets", "packageVerificationCodeExcludedFiles", "packages",
        "ranges", "relationships", "revieweds", "seeAlsos", "snippets",
    )
)  # fmt: skip
OBJECTS = frozenset(
    (
        "annotations", "artifactOfs", "checksum", "checksums", "creationInfo", "crossRefs", "endPointer",
        "externalDocumentRefs", "externalRefs", "files", "hasExtractedLicensingInfos",
        "packageVerificationCode", "packages", "ranges", "relationships", "revieweds", "snippets",
        "startPointer",
    )
)  # fmt: skip


class Places:
    """Places of JSON and YAML documents: `$.packages[3].SPDXID`. `at` is the address of the object `node`."""

    root = "$"

    def into(self, node: dict[str, Any], at: str, field: str, index: int | None = None) -> str:
        """The address of a member of `node`, or of an item of a member that is an array."""
        return f"{at}.{field}" if index is None else f"{at}.{field}[{index}]"

    def of(self, node: dict[str, Any], at: str, field: str = "", index: int | None = None) -> str:
        """The same as an error prints it; without `field` of the object itself."""
        return self.into(node, at, field, index) if field else at


class XmlNode(dict[str, Any]):
    """The members of one element."""

    __slots__ = ("element",)

    def __init__(self, element: xmltext.Element) -> None:
        super().__init__()
        self.element = element


class XmlNodes(Sequence[XmlNode]):
    """Repeated elements as an array of objects. Each is made when it is asked for and not kept."""

    __slots__ = ("elements",)

    def __init__(self) -> None:
        self.elements: list[xmltext.Element] = []

    def __len__(self) -> int:
        return len(self.elements)

    @overload
    def __getitem__(self, index: int) -> XmlNode: ...
    @overload
    def __getitem__(self, index: slice) -> list[XmlNode]: ...
    def __getitem__(self, index: int | slice) -> XmlNode | list[XmlNode]:
        if isinstance(index, slice):
            return [xml_node(e) for e in self.elements[index]]
        return xml_node(self.elements[index])

    def __iter__(self) -> Iterator[XmlNode]:
        return map(xml_node, self.elements)


class XmlPlaces(Places):
    """Places of XML documents: `line 12: /Document/packages[3]/SPDXID`, counted from 1."""

    root = "/Document"

    def into(self, node: dict[str, Any], at: str, field: str, index: int | None = None) -> str:
        if index is None or len(node.get(field, ())) < 2:
            return f"{at}/{field}"
        return f"{at}/{field}[{index + 1}]"

    def of(self, node: dict[str, Any], at: str, field: str = "", index: int | None = None) -> str:
        assert isinstance(node, XmlNode), "XML documents are made of XmlNode"
        if not field:
            return f"line {node.element.line}: {at}"
        found = [e for e in node.element.children if e.tag == field]
        line = found[min(index or 0, len(found) - 1)].line if found else node.element.line
        return f"line {line}: {self.into(node, at, field, index)}"


# What a member is: text, an array of texts, an object, an array of objects.
_TEXTS, _OBJECT, _OBJECTS = 1, 2, 3
_KINDS = {tag: _OBJECTS if tag in OBJECTS else _TEXTS for tag in ARRAYS} | dict.fromkeys(
    OBJECTS - ARRAYS, _OBJECT
)


def xml_node(element: xmltext.Element, *, kept: bool = True) -> XmlNode:
    """The members of one element as the JSON form has them.

    Unless `kept`, the objects in its arrays are made when they are asked for: a document's packages are not all
    needed at once.

    Raises:
        Malformed: a member twice that is one value, as a key twice in JSON.
    """
    node = XmlNode(element)
    namespace = element.namespace
    for child in element.children:
        tag = child.tag if child.namespace == namespace else f"{{{child.namespace}}}{child.tag}"
        kind = _KINDS.get(tag)
        if kind is None:
            if tag in node:
                raise _twice(child, tag)
            node[tag] = xml_node(child) if child.children else child.text.strip()
        elif kind == _OBJECTS:
            if not kept:
                node.setdefault(tag, XmlNodes()).elements.append(child)
            elif tag in node:
                node[tag].append(xml_node(child))
            else:
                node[tag] = [xml_node(child)]
        elif kind == _TEXTS:
            # An element inside a text is an object where text is expected; the reader names it.
            node.setdefault(tag, []).append(xml_node(child) if child.children else child.text.strip())
        elif tag in node:
            raise _twice(child, tag)
        else:
            node[tag] = xml_node(child)
    return node


def _twice(child: xmltext.Element, tag: str) -> Malformed:
    return Malformed(child.place, "each member once in an object", f"{shown(tag)} a second time")


def parse_xml(data: bytes, *, limits: Limits = DEFAULT) -> XmlNode:
    """The document element's members.

    Raises:
        NotRead: RDF, or another document element.
        Malformed, TooLarge: as `xmltext.parse`.
    """
    root = xmltext.parse(data, limits=limits)
    if root.tag == "RDF":
        raise NotRead(
            root.place, "SPDX as JSON, tag-value, YAML or XML", "SPDX as RDF/XML, which is not read"
        )
    if root.tag != "Document":
        raise NotRead(root.place, "SPDX XML with the document element “Document”", shown(root.tag))
    return xml_node(root, kept=False)


_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def parse_yaml(data: bytes, *, limits: Limits = DEFAULT) -> Any:
    """The one document in `data`, as dicts, lists, texts, booleans and None.

    A plain `null` or `true` is what YAML says; everything else is text as it is written, so that the version
    `1.10` stays that and a date stays a text.

    Raises:
        TooLarge: more bytes or deeper than `limits`.
        NotRead: UTF-16 or UTF-32 text.
        Malformed: no YAML, an alias, a tag, a key twice, a second document. The place is a line and column.
    """
    text = checked_text(data, "YAML", limits)
    builder = _YamlBuilder(limits)
    try:
        # Events come as they are asked for: a limit stops the scanner where it is passed.
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if type(event) is yaml.ScalarEvent:
                builder.scalar(event)
            else:
                builder.event(event)
    except yaml.MarkedYAMLError as told:
        mark = told.problem_mark or told.context_mark
        place = _mark(mark) if mark is not None else "line 1 column 1"
        raise Malformed(place, "YAML", told.problem or "something else") from None
    except yaml.reader.ReaderError as told:
        before = text[: told.position].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise Malformed(f"line {line} column {column}", "printable characters", told.reason) from None
    if not builder.documents:
        raise Malformed("line 1 column 1", "YAML", "an empty file")
    return builder.root[0]


def checked_text(data: bytes, what: str, limits: Limits = DEFAULT) -> bytes:
    """`data` without its byte order mark, once it is known to be UTF-8 text within `limits`.

    Raises:
        TooLarge, NotRead, Malformed: too many bytes; UTF-16 or UTF-32; empty or no UTF-8.
    """
    if len(data) > limits.max_bytes:
        raise TooLarge("byte 0", f"at most {limits.max_bytes:,} bytes", f"{len(data):,}")
    if not data.strip():
        raise Malformed("line 1 column 1", what, "an empty file")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) or b"\0" in data[:4]:
        raise NotRead("byte 0", "UTF-8 text", "UTF-16 or UTF-32 text")
    text = data.removeprefix(codecs.BOM_UTF8)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as told:
        before = text[: told.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        got = f"the byte 0x{text[told.start]:02x}"
        raise Malformed(f"line {line} column {column}", "UTF-8 text", got) from None
    return text


def _mark(mark: Any) -> str:
    return f"line {mark.line + 1} column {mark.column + 1}"


class _YamlBuilder:
    """Builds values from events on a stack of its own: the file chooses the depth."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.documents = 0
        self.root: list[Any] = []
        self.stack: list[tuple[Any, str | None]] = []
        self.at: dict[str, Any] | list[Any] = self.root
        self.key: str | None = None
        self.names: dict[str, str] = {}

    def scalar(self, event: Any) -> None:
        value = event.value
        if event.tag is not None:
            raise Malformed(_mark(event.start_mark), "YAML without tags", f"the tag {shown(event.tag)}")
        if "\0" in value:
            raise Malformed(_mark(event.start_mark), "text without NUL characters", "\\u0000")
        at = self.at
        if type(at) is dict and self.key is None:
            key = self.names.setdefault(value, value)
            if key in at:
                raise Malformed(
                    _mark(event.start_mark), "each key once in an object", f"{shown(key)} a second time"
                )
            self.key = key
            return
        if not event.style:  # a plain scalar
            if value in _NULLS:
                value = None
            elif value in _BOOLEANS:
                value = _BOOLEANS[value]
        self._put(value)

    def event(self, event: Any) -> None:
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.at, self.key = self.stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise Malformed(_mark(event.start_mark), "YAML without aliases", f"the alias *{event.anchor}")
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise Malformed(_mark(event.start_mark), "one YAML document", "a second one")

    def _open(self, event: Any) -> None:
        place = _mark(event.start_mark)
        if event.tag is not None:
            raise Malformed(place, "YAML without tags", f"the tag {shown(event.tag)}")
        if len(self.stack) >= self.limits.max_depth:
            at_most = self.limits.max_depth
            raise TooLarge(place, f"at most {at_most} levels of nesting", f"level {at_most + 1}")
        if type(self.at) is dict and self.key is None:
            raise Malformed(place, "a text as key", "an object or an array")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(value)
        self.stack.append((self.at, self.key))
        self.at, self.key = value, None

    def _put(self, value: Any) -> None:
        at = self.at
        if type(at) is list:
            at.append(value)
        elif type(at) is dict and self.key is not None:
            at[self.key] = value
            self.key = None
