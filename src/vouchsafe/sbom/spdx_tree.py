"""SPDX documents in JSON, YAML and XML as one shape, and how each of them names a place.

Every syntax ends as the objects, arrays and texts of the JSON form; `Places` says where one of them stood. XML
becomes objects as it is read; only what no plain SPDX document has makes a tree of it first.

Source: SPDX 2.3 and its JSON schema; the XML form is the JSON form with `Document` outermost and an
array written as its element repeated.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from typing import Any, overload

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
    `more` where those stand that are arrays of texts. A plain object's lines are found when they are asked for.
    """

    __slots__ = ("element", "line", "lines", "more", "source")

    element: xmltext.Element | None
    line: int
    lines: list[int]
    more: dict[str, list[int]] | None
    # What finds the lines: for a plain object the file and its own bytes there, for one in it that object.
    source: "tuple[bytes, int, int] | XmlNode | None"

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
        if isinstance(self.source, XmlNode) or (field and self.source is not None):
            self._find_lines()
        if field not in self:
            return self.line
        lines: list[int] | None = self.more.get(field) if self.more else None
        if lines is not None:
            return lines[min(index or 0, len(lines) - 1)]
        value = self[field]
        if isinstance(value, XmlNodes):
            value = value.elements
        if isinstance(value, list):
            return int(value[min(index or 0, len(value) - 1)].line)
        return self.lines[list(self).index(field)]

    def _find_lines(self) -> None:
        outer = self.source if isinstance(self.source, XmlNode) else self
        assert isinstance(outer.source, tuple), "a plain object knows where it stands"
        data, begin, end = outer.source
        outer._take_lines(xml_node(xmltext.parse(data[begin:end])), outer.line - 1)

    def _take_lines(self, twin: "XmlNode", before: int) -> None:
        """Takes the lines of the same object, read with no more than `before` lines left out."""
        self.source = None
        self.line = before + twin.line
        self.lines = [before + line for line in twin.lines]
        self.more = {tag: [before + line for line in lines] for tag, lines in (twin.more or {}).items()}
        for tag, value in self.items():
            if isinstance(value, XmlNode):
                value._take_lines(twin[tag], before)
            elif isinstance(value, list) and isinstance(value[0], XmlNode):
                for inner, other in zip(value, twin[tag], strict=True):
                    inner._take_lines(other, before)


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
            return f"line {node.line_of('', None)}: {at}"
        return f"line {node.line_of(field, index)}: {self.into(node, at, field, index)}"


def _node(line: int, element: xmltext.Element | None = None) -> XmlNode:
    # Not its own `__init__`, which would be called a quarter of a million times.
    node = XmlNode()
    node.line, node.lines, node.more, node.element, node.source = line, [], None, element, None
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


# An object of the document with nothing but plain texts and objects of plain texts: no attribute, no entity, no comment,
# no character but ASCII. Group 1 is its name; the white space before it belongs to it.
_SPACE = rb"[ \t\r\n]*+"
_PLAIN_TEXT = rb"[\t\n -%'-;=-\\^-~]*+"
_MEMBER, _INNER = (
    _SPACE + rb"<(?P<%b>[A-Za-z]++)>%b</(?P=%b)>" % (name, _PLAIN_TEXT, name)
    for name in (b"member", b"inner")
)
_OBJECT_OF_TEXTS = (
    rb"<(?P<object>packages|files|relationships)>"
    rb"(?:" + _MEMBER + rb"|" + _SPACE + rb"<(?P<own>[A-Za-z]++)>(?:" + _INNER + rb")++" + _SPACE + rb"</(?P=own)>)++"
    + _SPACE + rb"</(?P=object)>"
)  # fmt: skip
_FIRST, _NEXT = re.compile(_OBJECT_OF_TEXTS), re.compile(_SPACE + _OBJECT_OF_TEXTS)
_PLAIN_DEPTH = 4
# A begin tag, the text after it, and the end tags after that: none where an object begins.
_TOKEN = re.compile(r"<([A-Za-z]++)>([^<]*+)((?:</[A-Za-z]++>[ \t\r\n]*+)*+)")
# Each plain object of this number, if it has no more members and they are all texts, is the pattern for those after it.
_MANY, _MEMBERS = 1000, 30


def _alike(name: str, node: XmlNode) -> re.Pattern[bytes] | None:
    """Matches the objects that have the members of `node`, in their order."""
    if len(node) > _MEMBERS or not all(type(value) is str for value in node.values()):
        return None
    members = b"".join(_SPACE + rb"<%b>(%b)</%b>" % (n, _PLAIN_TEXT, n) for n in map(str.encode, node))
    outer = name.encode()
    return re.compile(_SPACE + rb"<(?P<object>%b)>" % outer + members + _SPACE + rb"</%b>" % outer)


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
        self.names: dict[str, str] = {}
        # Objects with the same texts in the same order, and the names of these.
        self.alike: re.Pattern[bytes] | None = None
        self.members: tuple[str, ...] = ()
        # The byte where the end tag of the document's last member of objects begins.
        self.ended = -1
        # The text that is open, if one is: its name, its line.
        self.tag = ""
        self.line = 0
        # Text as it comes. Between members there is white space, or text that no member has: both are thrown away
        # when a member begins.
        self.pieces: list[str] = []
        self.parser.CharacterDataHandler = self.pieces.append

    def feed(self, data: bytes) -> None:
        """Hands the document to expat, but for runs of plain objects, which are most of a large one.

        A run begins after an object that expat has just ended at that byte, so it stands in no comment or the like.
        Expat gets white space in its stead, so that its lines and columns go on.
        """
        begin = left_out = 0
        # Lines must end as expat counts them, and no plain object be too deep.
        plain = data.count(b"\r") == data.count(b"\r\n") and self.max_depth >= _PLAIN_DEPTH
        while plain and (first := _FIRST.search(data, begin)):
            self.parser.Parse(data[begin : first.end()], False)
            begin = first.end()
            if self.ended + left_out + len(first["object"]) + len("</>") != begin:
                break
            line = self.root[first["object"].decode()][-1].line + first[0].count(b"\n")
            end = self.run(data, begin, line)
            lines = data.count(b"\n", begin, end)
            column = end - 1 - data.rfind(b"\n", begin, end) if lines else end - begin
            self.parser.Parse(b"\n" * lines + b" " * column, False)
            left_out += end - begin - lines - column
            begin = end
        self.parser.Parse(data[begin:] if begin else data, True)

    def run(self, data: bytes, end: int, line: int) -> int:
        """Reads the plain objects that follow one another from `end`, which is in `line`; where they end."""
        while True:
            alike = self.alike.match(data, end) if self.alike is not None else None
            found = alike or _NEXT.match(data, end)
            if found is None:
                return end
            at = found.start("object") - 1
            line += data.count(b"\n", end, at)
            source = data, at, found.end()
            if not (self.texts(alike, source, line) if alike else self.plain(source, line)):
                return end
            end = found.end()
            line += data.count(b"\n", at, end)

    def texts(self, found: re.Match[bytes], source: tuple[bytes, int, int], line: int) -> bool:
        """Adds an object like the ones before it, with nothing but texts."""
        name, *texts = found.groups()
        if self.count + 1 + len(texts) > self.max_elements:
            return False
        self.count += 1 + len(texts)
        node = XmlNode(zip(self.members, [text.strip().decode() for text in texts], strict=True))
        node.line, node.source, node.element = line, source, None
        self.root[name.decode()].append(node)
        return True

    def plain(self, source: tuple[bytes, int, int], line: int) -> bool:
        """Adds a plain object to the document, unless a member of it is of another kind than the format has."""
        data, begin, end = source
        found = _TOKEN.findall(data[begin:end].decode())
        if self.count + len(found) > self.max_elements:
            return False
        tokens = iter(found)
        name, _, _ = next(tokens)
        outer = node = XmlNode()
        outer.line, outer.source, outer.element = line, source, None
        for tag, value, ends in tokens:
            tag = self.names.setdefault(tag, tag)
            kind = _KINDS.get(tag, 0)
            if not ends:
                if kind < _OBJECT:
                    return False
                node = XmlNode()
                node.source, node.element = outer, None
                if kind == _OBJECTS:
                    outer.setdefault(tag, []).append(node)
                elif tag in outer:
                    raise _Unusual
                else:
                    outer[tag] = node
                continue
            if kind >= _OBJECT:
                return False
            if kind:
                node.setdefault(tag, []).append(value.strip())
            elif tag in node:
                raise _Unusual
            else:
                node[tag] = value.strip()
            if node is not outer and ends.count("<") > 1:
                node = outer
        self.count += len(found)
        if name not in self.root:
            self.root[name] = []
            self.root.lines.append(line)
        self.root[name].append(outer)
        if len(self.root[name]) % _MANY == 0:
            self.alike, self.members = _alike(name, outer), tuple(outer)
        return True

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
        inner.line, inner.lines, inner.more = self.parser.CurrentLineNumber, [], None
        inner.element = inner.source = None
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
            if len(self.stack) == 1:
                self.ended = self.parser.CurrentByteIndex
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
