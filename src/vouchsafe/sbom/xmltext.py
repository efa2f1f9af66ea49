"""XML from strangers: sizes, encoding, nesting and declarations are checked before anything is believed.

`parse` gives a small tree of `Element`. A document type declaration is refused wherever it stands, so there
are no entities of the file's own, internal or external, and nothing expands: `&amp;` and character references
are all there is. Comments and processing instructions are passed over. Nothing here writes XML.

    >>> root = parse(b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><serial>7</serial></bom>')
    >>> root.tag, root.namespace, root.children[0].text
    ('bom', 'http://cyclonedx.org/schema/bom/1.6', '7')
    >>> root.children[0].place
    'line 1: /bom/serial'

Source: XML 1.0 (fifth edition) and Namespaces in XML 1.0, as expat reads them.
"""

import codecs
import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from xml.parsers import expat

from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

_ENCODINGS = frozenset(("utf-8", "utf-16", "us-ascii", "iso-8859-1"))
_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


@contextmanager
def uncollected() -> Iterator[None]:
    """Holds back the cycle collector while a tree grows: a million live objects would be searched again and again
    for rubbish that isn't there. What grows is bounded by the limits."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def dissolve(root: "Element") -> None:
    """Takes a tree apart that nobody needs any more: its elements name each other, so nothing else frees them
    before the cycle collector has gone through them all."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        waiting.extend(element.children)
        element.children = ()
        element.parent = None


class Element:
    """One element.

    Attributes:
        tag: its local name.
        namespace: its namespace's URI, or an empty string.
        attributes: by local name; one with a namespace of its own is `{uri}name`.
        text: its own character data, joined, as it stands; empty where only white space stands between
            children.
        children: the elements in it, in file order.
        line: where it begins, counted from 1.
        index: which one it is of its siblings of the same name, counted from 1; 0 for one alone.
        parent: the element around it; None for the outermost.
    """

    __slots__ = ("attributes", "children", "index", "line", "namespace", "parent", "tag", "text")

    def __init__(
        self, tag: str, namespace: str, attributes: Mapping[str, str], line: int, parent: "Element | None"
    ) -> None:
        self.tag = tag
        self.namespace = namespace
        self.attributes = attributes
        self.line = line
        self.index = 0
        self.parent = parent
        self.text = ""
        self.children: Sequence[Element] = ()

    def __repr__(self) -> str:
        return f"<Element {self.place}>"

    @property
    def path(self) -> str:
        """Its path, such as `/bom/components/component[3]/purl`."""
        steps = []
        at: Element | None = self
        while at is not None:
            steps.append(f"{at.tag}[{at.index}]" if at.index else at.tag)
            at = at.parent
        return "/" + "/".join(reversed(steps))

    @property
    def place(self) -> str:
        """Line and path, as errors name it: `line 12: /bom/components/component[3]/purl`."""
        return f"line {self.line}: {self.path}"

    def first(self, tag: str) -> "Element | None":
        """The first child of this name, in this element's own namespace."""
        for child in self.children:
            if child.tag == tag and child.namespace == self.namespace:
                return child
        return None

    def each(self, tag: str) -> "Iterator[Element]":
        """The children of this name, in this element's own namespace."""
        return (c for c in self.children if c.tag == tag and c.namespace == self.namespace)


def parse(data: bytes, *, limits: Limits = DEFAULT) -> Element:
    """The outermost element of the document in `data`.

    Read are UTF-8, UTF-16 with a byte order mark, US-ASCII and ISO-8859-1, each declared rightly.

    Raises:
        TooLarge: more bytes, elements (attributes count too) or levels than `limits`.
        NotRead: another encoding.
        Malformed: not well-formed, or with a document type declaration. The place is a line and column.
    """
    return _parsed(data, limits, whole=True)


def outermost(data: bytes, *, limits: Limits = DEFAULT) -> Element:
    """The outermost element alone, for telling formats apart: what follows it is not looked at.

    Raises:
        TooLarge, NotRead, Malformed: as `parse`, for what stands before it.
    """
    return _parsed(data, limits, whole=False)


def _parsed(data: bytes, limits: Limits, *, whole: bool) -> Element:
    if len(data) > limits.max_bytes:
        raise TooLarge("byte 0", f"at most {limits.max_bytes:,} bytes", f"{len(data):,}")
    if not data.strip():
        raise Malformed("line 1 column 1", "XML", "an empty file")
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise NotRead("byte 0", "UTF-8 or UTF-16 text", "UTF-32 text")
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    builder = _Builder(limits, marked, whole)
    try:
        with uncollected():
            builder.parser.Parse(data, True)
    except _Enough:
        pass
    except expat.ExpatError as told:
        place = _place(told.lineno, told.offset, marked)
        raise Malformed(place, "well-formed XML", expat.ErrorString(told.code)) from None
    assert builder.root is not None, "expat accepts no document without an element"
    return builder.root


class _Enough(Exception):
    """Ends the parser once the outermost element has begun."""


def _place(line: int, offset: int, marked: bool) -> str:
    # expat counts the byte order mark of UTF-16 as a character of the first line.
    return f"line {line} column {offset + 1 - (marked and line == 1)}"


class _Builder:
    """Builds the tree from expat's events.

    The text of each open element is a list on a stack: an element with a million children and as many pieces of
    text between them must not copy its text a million times. Beside it stands its last child of each name.
    """

    def __init__(self, limits: Limits, marked: bool, whole: bool) -> None:
        self.max_depth = limits.max_depth
        self.max_elements = limits.max_elements
        self.whole = whole
        self.marked = marked
        self.root: Element | None = None
        self.at: Element | None = None
        self.pieces: list[str] | None = None
        self.last: dict[str, Element] | None = None
        self.stack: list[tuple[list[str] | None, dict[str, Element] | None]] = []
        self.count = 0
        self.names: dict[str, tuple[str, str]] = {}
        # expat refuses a namespace URI that holds the separator, and no local name can hold a space.
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.buffer_size = 1 << 16
        self.parser.XmlDeclHandler = self.declared
        # The default handler gets `<!DOCTYPE` where it begins; a doctype handler would be called at its end.
        self.parser.DefaultHandler = self.other
        self.parser.CommentHandler = self.passed_over
        self.parser.ProcessingInstructionHandler = self.passed_over
        # There is none without a DOCTYPE; should expat ever disagree, the answer stays no.
        self.parser.EntityDeclHandler = self.entity
        self.parser.SkippedEntityHandler = self.entity
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters

    def here(self) -> str:
        return _place(self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber, self.marked)

    def declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise NotRead(self.here(), "UTF-8 or UTF-16 text", f"the encoding {shown(encoding)}")

    def other(self, text: str) -> None:
        if text.startswith("<!DOCTYPE"):
            raise Malformed(self.here(), "XML without a document type declaration", "<!DOCTYPE")

    def passed_over(self, *text: str) -> None:
        """Comments and processing instructions say nothing here."""

    def entity(self, name: str, *rest: object) -> None:
        raise Malformed(self.here(), "XML without entities of its own", f"the entity {shown(name)}")

    def start(self, name: str, said: dict[str, str]) -> None:
        stack = self.stack
        if len(stack) >= self.max_depth:
            raise TooLarge(
                self.here(), f"at most {self.max_depth} levels of nesting", f"level {self.max_depth + 1}"
            )
        self.count += 1 + len(said)
        if self.count > self.max_elements:
            raise TooLarge(self.here(), f"at most {self.max_elements:,} elements", "more")
        parts = self.names.get(name)
        if parts is None:
            namespace, _, tag = name.rpartition(" ")
            parts = self.names[name] = (tag, namespace)
        attributes: Mapping[str, str] = _NO_ATTRIBUTES
        if said:
            attributes = said
            for key in said:
                if " " in key:
                    attributes = {_attribute(k): v for k, v in said.items()}
                    break
        parent = self.at
        element = Element(parts[0], parts[1], attributes, self.parser.CurrentLineNumber, parent)
        if parent is None:
            self.root = element
            if not self.whole:
                raise _Enough
        elif self.last is None:
            parent.children = [element]
            self.last = {element.tag: element}
        else:
            parent.children.append(element)  # type: ignore[attr-defined]
            twin = self.last.get(element.tag)
            if twin is not None:
                twin.index = twin.index or 1
                element.index = twin.index + 1
            self.last[element.tag] = element
        stack.append((self.pieces, self.last))
        self.pieces = self.last = None
        self.at = element

    def end(self, name: str) -> None:
        element = self.at
        assert element is not None, "an element ends only after it began"
        pieces = self.pieces
        if pieces is not None:
            text = pieces[0] if len(pieces) == 1 else "".join(pieces)
            if not element.children or not text.isspace():
                element.text = text
        self.pieces, self.last = self.stack.pop()
        self.at = element.parent

    def characters(self, text: str) -> None:
        if self.pieces is None:
            self.pieces = [text]
        else:
            self.pieces.append(text)


def _attribute(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return f"{{{namespace}}}{local}" if namespace else name
