"""CycloneDX BOMs in XML, versions 1.0 to 1.7: turned into the members that JSON has, then read by the same rules.

Plain BOMs are read straight from expat's events (`cyclonedx_events`); here is the tree for all others.

Elements and attributes of other namespaces are passed over, as the schema allows. What JSON can't say and XML
can (a member twice, an element of no such name) is a `schema` problem of its own. Places are a line and a path.
Not checked: the order of elements, and what only XML of version 1.7 has.

Source: the XML schemas bom-1.0 to bom-1.7, https://cyclonedx.org/specification/overview/.
"""

import re
from collections.abc import Callable
from typing import Any

from vouchsafe.sbom import cyclonedx, xmltext
from vouchsafe.sbom import cyclonedx_events as events
from vouchsafe.sbom import cyclonedx_rules as rules
from vouchsafe.sbom.cyclonedx_shapes import SHAPES, Member
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Sbom
from vouchsafe.sbom.xmltext import Element

NAMESPACE, VERSIONS = events.NAMESPACE, events.VERSIONS

_NAMES = events.NAMES
# Kinds that only 1.7 has, whose XML we have no schema of: their members are taken as they come.
_OPEN = frozenset(("distribution", "patent-assertion", "patent", "citation"))


class Said(dict[str, Any]):
    """An object as JSON would have it, with the element that says it."""

    __slots__ = ("element",)

    def __init__(self, element: Element) -> None:
        super().__init__()
        self.element = element


class Many(list[Any]):
    """A list, with the element around its members."""

    __slots__ = ("element",)

    def __init__(self, element: Element) -> None:
        super().__init__()
        self.element = element


class _Problems(rules.Problems):
    """Problems whose places are lines and paths of the XML."""

    xml = True

    def __init__(self, at_most: int) -> None:
        super().__init__(at_most)
        self.root: Said | events.Node | None = None
        # The list that components are taken from, by its JSON path, and the path of its element.
        self.owner = ""
        self.around = ""
        self.list: Any = None

    def placed(self, place: str, item: object = None) -> str:
        if isinstance(item, Said):
            return item.element.place
        if self.root is None or not place.startswith("$"):
            return place
        if isinstance(self.root, Said):
            return _place(self.root, place)
        if not isinstance(item, events.Node) or not place.endswith("]"):
            return events.place(self.root, place)
        owner, _, index = place[:-1].rpartition("[")
        if owner != self.owner:
            self.around, self.list = events.around(self.root, owner)
            self.owner = owner
        return f"line {item.line}: {self.around}/{self.list.step(int(index))}"

    def inside(self, path: str, name: str) -> str:
        return f"{path}/{name}"


def read(data: bytes, *, limits: Limits = DEFAULT) -> Sbom:
    """The BOM in `data`.

    Raises:
        TooLarge: past a limit.
        NotRead: another format in XML, or another version of CycloneDX.
        Malformed: no well-formed XML, or with a document type declaration. Syntax errors are placed by line and
            column, others by line and path.
    """
    with xmltext.uncollected():
        return _read(data, limits)


def _read(data: bytes, limits: Limits) -> Sbom:
    reader = events.Reader(limits)
    try:
        reader.read(data)
    except events.Unusual:
        return _read_tree(data, limits)
    return _assembled(reader.root, reader.version, _Problems(limits.max_problems), data, limits)


def _read_tree(data: bytes, limits: Limits) -> Sbom:
    root = xmltext.parse(data, limits=limits)
    try:
        return _of_root(root, data, limits)
    finally:
        xmltext.dissolve(root)


def _of_root(root: Element, data: bytes, limits: Limits) -> Sbom:
    version = root.namespace.removeprefix(NAMESPACE)
    if root.tag != "bom" or not root.namespace.startswith(NAMESPACE):
        got = f"<{root.tag}> of {shown(root.namespace) if root.namespace else 'no namespace'}"
        raise NotRead(root.place, f"<bom> of {NAMESPACE}1.0 to 1.7", got)
    if version not in VERSIONS:
        raise NotRead(root.place, f"<bom> of {NAMESPACE}1.0 to 1.7", shown(root.namespace))
    problems = _Problems(limits.max_problems)
    bom = _Converting(version, problems).object(root, "bom")
    if re.fullmatch(r"\d{1,18}", root.attributes.get("version", "1"), re.ASCII):
        bom["version"] = int(root.attributes.get("version", "1"))
    return _assembled(bom, version, problems, data, limits)


def _assembled(
    bom: Said | events.Node, version: str, problems: _Problems, data: bytes, limits: Limits
) -> Sbom:
    problems.root = bom
    try:
        return cyclonedx.assemble(bom, version, problems, data, limits)
    except TooLarge as told:
        raise TooLarge(problems.placed(told.place), told.expected, told.got) from None
    except Malformed as told:
        raise Malformed(problems.placed(told.place), told.expected, told.got) from None


class _Converting:
    """One pass from elements to members. Recursion is bounded: the parser has refused deep nesting."""

    def __init__(self, version: str, problems: _Problems) -> None:
        self.version = version
        self.problems = problems

    def flaw(self, element: Element, text: str) -> None:
        self.problems.add("schema", element.place, text)

    def convert(self, element: Element, kind: str) -> Any:
        own = _OWN_FORMS.get(kind)
        return own(self, element) if own is not None else self.object(element, kind)

    def object(self, element: Element, kind: str) -> Said:
        """The members of one element, by the table of its kind."""
        said = Said(element)
        shape = SHAPES[kind]
        for key, value in element.attributes.items():
            name = _NAMES.get(key, key)
            # Other attributes are allowed anywhere by the schema.
            if name in shape:
                said[name] = value
        namespace = element.namespace
        for child in element.children:
            if child.namespace != namespace:
                continue
            name = _NAMES.get(child.tag, child.tag)
            member = shape.get(name)
            if member is None:
                if kind not in _OPEN:
                    self.flaw(child, f"expected an element of a {kind}, got <{child.tag}>")
            elif member.many == "+" and isinstance(said.get(name, []), list):
                said.setdefault(name, Many(element)).append(self.one(child, member))
            elif name in said:
                # 1.0 let a licence have several ids, by mistake.
                if self.version != "1.0":
                    self.flaw(child, f"expected one <{child.tag}>, got another")
            elif member.many:
                said[name] = self.many(child, member)
            else:
                said[name] = self.one(child, member)
        return said

    def one(self, element: Element, member: Member) -> Any:
        return self.convert(element, member.kind) if member.kind else _plain(element)

    def many(self, element: Element, member: Member) -> Many:
        if member.kind == "dependency":
            return _dependencies(element)
        if member.kind == "service-data":
            return self.service_data(element)
        found = Many(element)
        convert, kind, namespace = _OWN_FORMS.get(member.kind), member.kind, element.namespace
        for child in element.children:
            if child.namespace != namespace:
                continue
            if not kind:
                found.append(_plain(child))
            else:
                found.append(convert(self, child) if convert is not None else self.object(child, kind))
        return found

    def licences(self, element: Element) -> Many:
        found = Many(element)
        for child in element.children:
            if child.namespace != element.namespace:
                continue
            choice = Said(child)
            if child.tag == "license":
                choice["license"] = self.object(child, "license")
            elif child.tag == "expression":
                choice["expression"] = child.text.strip()
                if "acknowledgement" in child.attributes:
                    choice["acknowledgement"] = child.attributes["acknowledgement"]
            elif child.tag == "expression-detailed":  # 1.7: an expression whose licences have details
                choice["expression"] = child.attributes.get("expression", "")
            found.append(choice)
        return found

    def tools(self, element: Element) -> Many | Said:
        if any(c.tag in ("components", "services") for c in element.children):
            return self.object(element, "tools")
        return self.many(element, SHAPES["tools-before-1.5"]["tools"])

    def service_data(self, element: Element) -> Many:
        found = Many(element)
        for child in element.children:
            if child.tag == "classification":
                found.append(_with_text(child, "classification"))
            elif child.tag == "dataflow":
                found.extend(_with_text(said, "classification") for said in child.each("classification"))
            elif child.namespace == element.namespace:
                self.flaw(child, f"expected <classification> or <dataflow>, got <{child.tag}>")
        return found


def _plain(element: Element) -> str:
    """The text of an element without members, or what it refers to."""
    return element.text.strip() or element.attributes.get("ref", "")


def _with_text(element: Element, name: str) -> Said:
    said = Said(element)
    said.update((k, v) for k, v in element.attributes.items() if k == "flow")
    said[name] = element.text
    return said


def _hash(element: Element) -> Said:
    said = Said(element)
    if "alg" in element.attributes:
        said["alg"] = element.attributes["alg"]
    said["content"] = element.text.strip()
    return said


def _property(element: Element) -> Said:
    said = Said(element)
    if "name" in element.attributes:
        said["name"] = element.attributes["name"]
    said["value"] = element.text
    return said


def _attachment(element: Element) -> Said:
    said = Said(element)
    said.update(
        (_NAMES.get(k, k), v) for k, v in element.attributes.items() if k in ("content-type", "encoding")
    )
    said["content"] = element.text
    return said


# Kinds whose XML is not their members' elements and attributes. Not in the converter itself: it would hold itself, and
# with it the whole BOM, until the cycle collector comes.
_OWN_FORMS: dict[str, Callable[[_Converting, Element], Any]] = {
    "attachment": lambda _, e: _attachment(e),
    "copyright": lambda _, e: _with_text(e, "text"),
    "dataset": lambda c, e: Said(e) if e.tag == "ref" else c.object(e, "dataset"),
    "hash": lambda _, e: _hash(e),
    "licenses": _Converting.licences,
    "property": lambda _, e: _property(e),
    "tools": _Converting.tools,
}


def _dependencies(element: Element) -> Many:
    """One entry each dependency that says what it needs: those that stand inside another too."""
    found = Many(element)
    waiting = [e for e in reversed(element.children) if e.tag == "dependency"]
    while waiting:
        one = waiting.pop()
        inner, refs, provides = [], [], []
        for child in one.children:
            if child.tag == "dependency":
                refs.append(child.attributes.get("ref", ""))
                if child.children:
                    inner.append(child)
            elif child.tag == "provides":
                provides.append(child.attributes.get("ref", ""))
        said = Said(one)
        if "ref" in one.attributes:
            said["ref"] = one.attributes["ref"]
        if refs:
            said["dependsOn"] = refs
        if provides:
            said["provides"] = provides
        found.append(said)
        waiting.extend(reversed(inner))
    return found


def _place(root: Said, path: str) -> str:
    """The line and path of what a JSON path names. What isn't there is named below what would hold it."""
    value: Any = root
    element = root.element
    for found in events.STEP.finditer(path):
        name, index = found.groups()
        if index is not None:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
            if isinstance(value, Said | Many):
                element = value.element
            continue
        value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, Said | Many):
            element = value.element
            continue
        tag = events.TAGS.get(name, name)
        child = element.first(tag)
        if child is not None:
            element = child
        elif name in element.attributes:
            return f"{element.place}/@{name}"
        elif name not in events.NO_STEP:
            return f"{element.place}/{tag}"
    return element.place
