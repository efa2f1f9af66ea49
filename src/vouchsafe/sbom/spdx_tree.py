"""SPDX documents in JSON, YAML and XML as one shape, and how each of them names a place.

Every syntax ends as the objects, arrays and texts of the JSON form; `Places` says where one of them stood. YAML
is read from libyaml's events: no aliases, no tags, no second document, each key once, and nothing becomes a date
or a number that was written as text. XML becomes objects as it is read;
only what no plain SPDX document has makes a tree of it first.

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
    """The members of one element. `line` is where it begins; `lines` where its members first stand, in their order;
    `more` where those stand that are arrays of texts.
    """

    __slots__ = ("element", "line", "lines", "more")

    element: xmltext.Element | None
    line: int
    lines: list[int]
    more: dict[str, list[int]] | None

    def texts(self, tag: str, value: Any, line: int) -> None:
        """Adds a value to an array of texts."""
        if self.more is None:
            self.more = {}
        if tag in self:
            self[tag].append(value)
            self.more[tag].append(line)
        else:
            self[tag] = [value]
            self.lines.append(line)
            self.more[tag] = [line]

    def line_of(self, field: str, index: int | None) -> int:
        """The line of a member, or of an item of one; where there is none, of the element."""
        lines: list[int] | None = self.more.get(field) if self.more else None
        if lines is not None:
            return lines[min(index or 0, len(lines) - 1)]
        if field not in self:
            return self.line
        value = self[field]
        if isinstance(value, XmlNodes):
            value = value.elements
        if isinstance(value, list):
            return int(value[min(index or 0, len(value) - 1)].line)
        return self.lines[list(self).index(field)]


class XmlNodes(Sequence[XmlNode]):
    """Repeated elements as an array of objects. Each is made when it is asked for and not kept."""

    __slots__ = ("elements",)

    def __init__(self, elements: list[xmltext.Element]) -> None:
        self.elements = elements

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
            return f"line {node.line}: {at}"
        return f"line {node.line_of(field, index)}: {self.into(node, at, field, index)}"


def _node(line: int, element: xmltext.Element | None = None) -> XmlNode:
    # Not its own `__init__`, which would be called a quarter of a million times.
    node = XmlNode()
    node.line, node.lines, node.more, node.element = line, [], None, element
    return node


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
    node = _node(element.line, element)
    namespace = element.namespace
    for child in element.children:
        tag = child.tag if child.namespace == namespace else f"{{{child.namespace}}}{child.tag}"
        kind = _KINDS.get(tag)
        if kind == _TEXTS:
            # An element inside a text is an object where text is expected; the reader names it.
            node.texts(tag, xml_node(child) if child.children else child.text.strip(), child.line)
        elif kind == _OBJECTS and tag in node:
            if kept:
                node[tag].append(xml_node(child))
            else:
                node[tag].elements.append(child)
        elif tag in node:
            raise _twice(child, tag)
        else:
            node.lines.append(child.line)
            if kind == _OBJECTS:
                node[tag] = [xml_node(child)] if kept else XmlNodes([child])
            elif kind == _OBJECT or child.children:
                node[tag] = xml_node(child)
            else:
                node[tag] = child.text.strip()
    return node


def _twice(child: xmltext.Element, tag: str) -> Malformed:
    return Malformed(child.place, "each member once in an object", f"{shown(tag)} a second time")


def parse_xml(data: bytes, *, limits: Limits = DEFAULT) -> XmlNode:
    """The document element's members.

    Raises:
        NotRead: RDF, or another document element.
        Malformed, TooLarge: as `xmltext.parse`.
    """
    reader = _XmlReader(limits)
    try:
        reader.read(data)
        return reader.root
    except _Unusual:
        root = xmltext.parse(data, limits=limits)
    if root.tag == "RDF":
        raise NotRead(
            root.place, "SPDX as JSON, tag-value, YAML or XML", "SPDX as RDF/XML, which is not read"
        )
    if root.tag != "Document":
        raise NotRead(root.place, "SPDX XML with the document element “Document”", shown(root.tag))
    return xml_node(root, kept=False)


class _Unusual(Exception):
    """The document must be read as a tree."""


class _XmlReader(xmltext.Reader):
    """The members straight from expat's events, which takes half as long as a tree.

    It stops (`_Unusual`) at what a plain SPDX document does not have: another document element, a namespace, an
    element inside a text, a member twice that is one value. What becomes of those, the tree says.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.max_depth = limits.max_depth
        self.max_elements = limits.max_elements
        self.root = self.node = _node(1)
        self.stack: list[XmlNode] = []
        self.kinds: dict[str, int] = {}
        # The text that is open, if one is: its name, its line.
        self.tag = ""
        self.line = 0
        # Text as it comes. Between members there is white space, or text that no member has: both are thrown away
        # when a member begins.
        self.pieces: list[str] = []
        self.parser.CharacterDataHandler = self.pieces.append

    def start(self, name: str, said: dict[str, str]) -> None:
        stack = self.stack
        self.count += 1 + len(said)
        if len(stack) >= self.max_depth or self.count > self.max_elements:
            raise self.past_limit(len(stack) + 1)
        if self.tag or not stack:
            if stack or name != "Document":
                raise _Unusual
            self.root = self.node = _node(self.parser.CurrentLineNumber)
            stack.append(self.node)
            return
        kind = self.kinds.get(name)
        if kind is None:
            if " " in name:
                raise _Unusual
            kind = self.kinds[name] = _KINDS.get(name, 0)
        if kind < _OBJECT:
            self.tag = name
            self.line = self.parser.CurrentLineNumber
            self.pieces.clear()
            return
        node = self.node
        inner = self.node = XmlNode()
        inner.line, inner.lines, inner.more, inner.element = self.parser.CurrentLineNumber, [], None, None
        stack.append(node)
        if name not in node:
            node[name] = [inner] if kind == _OBJECTS else inner
            node.lines.append(inner.line)
        elif kind == _OBJECTS:
            node[name].append(inner)
        else:
            raise _Unusual

    def end(self, name: str) -> None:
        if not self.tag:
            self.node = self.stack.pop()
            return
        self.tag = ""
        node, pieces, text = self.node, self.pieces, ""
        if pieces:
            text = (pieces[0] if len(pieces) == 1 else "".join(pieces)).strip()
        if self.kinds[name]:
            node.texts(name, text, self.line)
        elif name in node:
            raise _Unusual
        else:
            node[name] = text
            node.lines.append(self.line)


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
        for event in iter(yaml.CSafeLoader(text).get_event, None):
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
    if not data or data.isspace():
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
        at: Any = self.at
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
        if type(at) is list:
            at.append(value)
        else:
            at[self.key] = value
            self.key = None

    def event(self, event: Any) -> None:
        if isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.at, self.key = self.stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise Malformed(_mark(event.start_mark), "YAML without aliases", f"the alias *{event.anchor}")
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise Malformed(_mark(event.start_mark), "one YAML document", "a second one")

    def _open(self, event: Any) -> None:
        if event.tag is not None:
            raise Malformed(_mark(event.start_mark), "YAML without tags", f"the tag {shown(event.tag)}")
        if len(self.stack) >= self.limits.max_depth:
            at_most = self.limits.max_depth
            raise TooLarge(
                _mark(event.start_mark), f"at most {at_most} levels of nesting", f"level {at_most + 1}"
            )
        if type(self.at) is dict and self.key is None:
            raise Malformed(_mark(event.start_mark), "a text as key", "an object or an array")
        value: dict[str, Any] | list[Any] = {} if type(event) is yaml.MappingStartEvent else []
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
