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
from contextlib import contextmanager, suppress
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
        parent: the element around it; None for the outermost.
    """

    __slots__ = ("attributes", "children", "line", "namespace", "number", "parent", "tag", "text")

    def __init__(
        self, tag: str, namespace: str, attributes: Mapping[str, str], line: int, parent: "Element | None"
    ) -> None:
        self.tag = tag
        self.namespace = namespace
        self.attributes = attributes
        self.line = line
        self.number: int | None = None
        self.parent = parent
        self.text = ""
        self.children: Sequence[Element] = ()

    def __repr__(self) -> str:
        return f"<Element {self.place}>"

    @property
    def index(self) -> int:
        """Which one it is of its siblings of the same name, counted from 1; 0 for one alone."""
        if self.number is None:
            _count(self.parent.children if self.parent is not None else (self,))
        return self.number or 0

    @property
    def path(self) -> str:
        """Its path, such as `/bom/components/component[3]/purl`."""
        steps = []
        at: Element | None = self
        while at is not None:
            index = at.index
            steps.append(f"{at.tag}[{index}]" if index else at.tag)
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


def _count(siblings: Sequence[Element]) -> None:
    """Numbers all of them at once, when the first is asked for: most elements never are."""
    last: dict[str, Element] = {}
    for element in siblings:
        element.number = 0
        twin = last.get(element.tag)
        if twin is not None:
            twin.number = twin.number or 1
            element.number = twin.number + 1
        last[element.tag] = element


def parse(data: bytes, *, limits: Limits = DEFAULT) -> Element:
    """The outermost element of the document in `data`.

    Read are UTF-8, UTF-16 with a byte order mark, US-ASCII and ISO-8859-1, each declared rightly.

    Raises:
        TooLarge: more bytes, elements (attributes count too) or levels than `limits`.
        NotRead: another encoding.
        Malformed: not well-formed, or with a document type declaration. The place is a line and column.
    """
    builder = _Builder(limits, whole=True)
    builder.read(data)
    assert builder.root is not None, "expat accepts no document without an element"
    return builder.root


def outermost(data: bytes, *, limits: Limits = DEFAULT) -> Element:
    """The outermost element alone, for telling formats apart: what follows it is not looked at.

    Raises:
        TooLarge, NotRead, Malformed: as `parse`, for what stands before it.
    """
    builder = _Builder(limits, whole=False)
    with suppress(_Enough):
        builder.read(data)
    assert builder.root is not None, "expat accepts no document without an element"
    return builder.root


class _Enough(Exception):
    """Ends the parser once the outermost element has begun."""


def _place(line: int, offset: int, marked: bool) -> str:
    # expat counts the byte order mark of UTF-16 as a character of the first line.
    return f"line {line} column {offset + 1 - (marked and line == 1)}"


class Reader:
    """Feeds one document to expat and refuses what no reader here takes. What elements become, its heirs say.

    They count elements and attributes in `count`, and stop with `past_limit` when it, or the level, is too high.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.marked = False
        self.count = 0
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

    def read(self, data: bytes) -> None:
        """Reads all of `data`.

        Raises:
            TooLarge, NotRead, Malformed: as `parse`.
        """
        if len(data) > self.limits.max_bytes:
            raise TooLarge("byte 0", f"at most {self.limits.max_bytes:,} bytes", f"{len(data):,}")
        if not data or data.isspace():
            raise Malformed("line 1 column 1", "XML", "an empty file")
        if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            raise NotRead("byte 0", "UTF-8 or UTF-16 text", "UTF-32 text")
        self.marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        try:
            with uncollected():
                self.feed(data)
        except expat.ExpatError as told:
            place = _place(told.lineno, told.offset, self.marked)
            raise Malformed(place, "well-formed XML", expat.ErrorString(told.code)) from None
        finally:
            # They hold this object, and it holds the parser: what was read would stay until the cycle collector comes.
            self.parser.StartElementHandler = self.parser.EndElementHandler = None
            self.parser.CharacterDataHandler = self.parser.DefaultHandler = self.parser.XmlDeclHandler = None
            self.parser.CommentHandler = self.parser.ProcessingInstructionHandler = None
            self.parser.EntityDeclHandler = self.parser.SkippedEntityHandler = None

    def feed(self, data: bytes) -> None:
        """Hands the document to expat. Heirs may read a part of it themselves."""
        self.parser.Parse(data, True)

    def start(self, name: str, said: dict[str, str]) -> None:
        """An element begins: its namespace, a space and its name; its attributes."""
        raise NotImplementedError

    def end(self, name: str) -> None:
        """The element that began last ends."""
        raise NotImplementedError

    def characters(self, text: str) -> None:
        """Text stands in it. Heirs may set a handler of their own instead."""

    def past_limit(self, level: int) -> TooLarge:
        """What to raise where the level or `count` is past its limit."""
        most = self.limits.max_depth
        if level > most:
            return TooLarge(self.here(), f"at most {most} levels of nesting", f"level {level}")
        return TooLarge(self.here(), f"at most {self.limits.max_elements:,} elements", "more")

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


class _Builder(Reader):
    """Builds the tree from expat's events.

    An element whose text comes in pieces keeps them in a list until it ends: one with a million children and as
    many pieces of text between them must not copy its text a million times.
    """

    def __init__(self, limits: Limits, *, whole: bool) -> None:
        super().__init__(limits)
        self.max_depth = limits.max_depth
        self.max_elements = limits.max_elements
        self.whole = whole
        self.root: Element | None = None
        self.at: Element | None = None
        self.depth = 0
        self.pieces: dict[Element, list[str]] = {}
        self.names: dict[str, tuple[str, str]] = {}

    def start(self, name: str, said: dict[str, str]) -> None:
        self.depth += 1
        self.count += 1 + len(said)
        if self.depth > self.max_depth or self.count > self.max_elements:
            raise self.past_limit(self.depth)
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
        elif parent.children:
            parent.children.append(element)  # type: ignore[attr-defined]
        else:
            parent.children = [element]
        self.at = element

    def end(self, name: str) -> None:
        element = self.at
        assert element is not None, "an element ends only after it began"
        if self.pieces and element in self.pieces:
            element.text = "".join(self.pieces.pop(element))
        if element.children and element.text.isspace():
            element.text = ""
        self.depth -= 1
        self.at = element.parent

    def characters(self, text: str) -> None:
        element = self.at
        assert element is not None, "text stands inside an element"
        if not element.text:
            element.text = text
        elif element in self.pieces:
            self.pieces[element].append(text)
        else:
            self.pieces[element] = [element.text, text]


def _attribute(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return f"{{{namespace}}}{local}" if namespace else name
