"""CycloneDX XML straight from expat's events to the members that JSON has, without a tree of elements between.

Read here is what plain BOMs are made of. At anything else (a flaw that the form alone shows, a kind whose XML is
not its members' elements, another namespace where it could be mistaken) it stops with `Unusual`, and the tree of
`cyclonedx_xml` says what becomes of the file. Both give the same members and the same places.

No object names what is around it: a place is found by walking down to it, and all of them go with the last
reference, not when the cycle collector comes.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from vouchsafe.sbom import xmltext
from vouchsafe.sbom.cyclonedx_shapes import SHAPES, Member
from vouchsafe.sbom.limits import Limits

NAMESPACE = "http://cyclonedx.org/schema/bom/"
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
# Where XML has another name than JSON.
NAMES = {"responses": "response", "content-type": "contentType"}
TAGS = {"response": "responses"}
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
# Members that are no element of their own.
NO_STEP = frozenset(("content", "value", "dependsOn", "flow"))

# What an element becomes. Those up to `_PASSED` are open until they end; the others hold members.
_TEXT, _LEAF, _NEED, _PROVIDES, _PASSED = range(5)
_OBJECT, _LIST, _ENTRY, _LICENCE, _TOOLS, _UNUSUAL = range(5, 11)
# Kinds that are attributes and a text: which attributes, the text's name, whether the spaces around it are kept.
_LEAVES = {
    "attachment": (frozenset(("content-type", "encoding")), "content", True),
    "classification": (frozenset(("flow",)), "classification", True),
    "copyright": (frozenset(("flow",)), "text", True),
    "expression": (frozenset(("acknowledgement",)), "expression", False),
    "hash": (frozenset(("alg",)), "content", False),
    "property": (frozenset(("name",)), "value", True),
}


class Unusual(Exception):
    """The document must be read as a tree."""


class Node(dict[str, Any]):
    """An object. `lines` are those of its members, in their order: 0 of an attribute, -1 of no element of its own."""

    __slots__ = ("line", "lines", "tag")

    line: int
    lines: list[int]
    tag: str


class Inner(Node):
    """A dependency that stands in another one, `up`, and is its child of this number."""

    __slots__ = ("number", "up")

    up: Node
    number: int


class Nodes(list[Any]):
    """A list. `tag` is empty where no element stands around its items. `steps` are the last parts of their paths;
    empty until they are asked for, None where all items have one tag and can be counted.
    """

    __slots__ = ("line", "steps", "tag")

    line: int
    tag: str
    steps: list[str] | None

    def step(self, index: int) -> str:
        """The last part of an item's path."""
        if self.steps is None:
            tag: str = self[index].tag
            return tag if len(self) == 1 else f"{tag}[{index + 1}]"
        if not self.steps:
            self.steps = _steps(self)
        return self.steps[index]


def _steps(items: list[Node]) -> list[str]:
    """The paths below their list of items of several tags, or of dependencies that stand in others."""
    counts: dict[str, int] = {}
    for item in items:
        if not isinstance(item, Inner):
            counts[item.tag] = counts.get(item.tag, 0) + 1
    numbers: dict[str, int] = {}
    found: dict[int, str] = {}
    for item in items:
        if isinstance(item, Inner):
            index = f"[{item.number}]" if len(item.up["dependsOn"]) > 1 else ""
            found[id(item)] = f"{found[id(item.up)]}/{item.tag}{index}"
            continue
        numbers[item.tag] = number = numbers.get(item.tag, 0) + 1
        found[id(item)] = f"{item.tag}[{number}]" if counts[item.tag] > 1 else item.tag
    return [found[id(item)] for item in items]


def around(root: Node, path: str) -> tuple[str, Any]:
    """The path of the element that a JSON path names, and what stands there; an object or a list that is there."""
    value: Any = root
    steps = f"/{root.tag}"
    for found in STEP.finditer(path):
        name, index = found.groups()
        step = value.step(int(index)) if index is not None else value[name].tag
        value = value[name if index is None else int(index)]
        if step:
            steps = f"{steps}/{step}"
    return steps, value


def place(root: Node, path: str) -> str:
    """The line and path of what a JSON path names. What isn't there is named below what would hold it."""
    value: Any = root
    steps, line = f"/{root.tag}", root.line
    holder: Node | Nodes = root
    for found in STEP.finditer(path):
        name, index = found.groups()
        step = ""
        if index is not None:
            at = int(index)
            value, owner = value[at] if isinstance(value, list) and at < len(value) else None, value
            if isinstance(value, Node):
                step = owner.step(at)
        else:
            value = value.get(name) if isinstance(value, dict) else None
            if not isinstance(value, Node | Nodes):
                return _member_place(holder, name, value, line, steps)
            step = value.tag
        if isinstance(value, Node) or step:
            holder, line = value, value.line
            steps = f"{steps}/{step}" if step else steps
    return f"line {line}: {steps}"


def _member_place(holder: Node | Nodes, name: str, value: Any, line: int, steps: str) -> str:
    """The place of a member that is a text, or is not there."""
    tag = TAGS.get(name, name)
    if isinstance(holder, Node) and name in holder:
        index = list(holder).index(name)
        where = holder.lines[index] if index < len(holder.lines) else -1
        if where > 0:
            several = "[1]" if type(value) is list and len(value) > 1 else ""
            return f"line {where}: {steps}/{tag}{several}"
        if where == 0:
            return f"line {line}: {steps}/@{name}"
    return f"line {line}: {steps}" if name in NO_STEP else f"line {line}: {steps}/{tag}"


What = tuple[int, str, bool, Any]


class _Table(dict[str, What]):
    """What the elements inside an element become, by their names as expat gives them: how, as which member,
    whether it is repeated, and what is in it.
    """

    def __init__(self, namespace: str, shape: Mapping[str, Member] | None, item: What | None = None) -> None:
        super().__init__()
        self.namespace = namespace
        # Of an object its members; of a list None, and what all of its items become, whatever they are called.
        self.shape = shape
        self.item = item

    def __missing__(self, name: str) -> What:
        namespace, _, tag = name.rpartition(" ")
        if namespace == self.namespace:
            if self.item is not None:
                return self.item
        elif self.shape is not None and tag not in self.shape and tag not in NAMES:
            # Passed over, as the schema allows. Were it called as one of ours, paths would have to count it.
            return _PASSED, "", False, None
        raise Unusual


@cache
def _tables(namespace: str) -> dict[str, _Table]:
    """The tables of a version, by kind; a list's with `*` in front of its items' kind."""
    made: dict[str, _Table] = {kind: _Table(namespace, shape) for kind, shape in SHAPES.items()}
    made |= {f"*{kind}": _Table(namespace, None) for kind in ("", "licenses", *SHAPES)}
    for kind in ("", *SHAPES):
        made[f"*{kind}"].item = _what("", kind, False, made)
    for kind, shape in SHAPES.items():
        for member in shape.values():
            tag = TAGS.get(member.name, member.name)
            table = made[f"*{member.kind}"] if member.many == "*" else None
            inner = (_LIST, member.name, False, table)
            made[kind][f"{namespace} {tag}"] = (
                inner if table is not None else _what(member.name, member.kind, member.many == "+", made)
            )
    unusual = (_UNUSUAL, "", False, None)
    made["*dataset"][f"{namespace} ref"] = unusual
    made["*service-data"].item = unusual
    made["*service-data"][f"{namespace} classification"] = (_LEAF, "", False, _LEAVES["classification"])
    licences, needs, entry = made["*licenses"], made["*dependency"], made["dependency"]
    licences.item = None
    licences[f"{namespace} license"] = (_LICENCE, "", False, made["license"])
    licences[f"{namespace} expression"] = (_LEAF, "", False, _LEAVES["expression"])
    # Those that stand in another one are entries too, once they say what they need themselves.
    entry.clear()
    entry.shape = needs.item = None
    needs[f"{namespace} dependency"] = (_ENTRY, "", False, entry)
    entry[f"{namespace} dependency"] = (_NEED, "dependsOn", False, entry)
    entry[f"{namespace} provides"] = (_PROVIDES, "provides", False, None)
    for name in ("components", "services"):
        # Until 1.4 a list of tools; since 1.5 an object.
        made["*tool"][f"{namespace} {name}"] = (_TOOLS, "", False, made["tools"])
    return made


def _what(name: str, kind: str, repeated: bool, made: dict[str, _Table]) -> What:
    if not kind:
        return _TEXT, name, repeated, None
    if kind in _LEAVES:
        return _LEAF, name, repeated, _LEAVES[kind]
    if kind in ("licenses", "tools"):
        return _LIST, name, repeated, made["*licenses" if kind == "licenses" else "*tool"]
    return _OBJECT, name, repeated, made[kind]


def _object(said: dict[str, str], shape: Mapping[str, Member]) -> Node:
    """An object with the attributes that are members. Others are allowed anywhere by the schema."""
    if not said:
        node = Node()
        node.lines = []
        return node
    if not said.keys().isdisjoint(NAMES):
        raise Unusual
    node = Node(said) if said.keys() <= shape.keys() else Node((k, v) for k, v in said.items() if k in shape)
    node.lines = [0] * len(node)
    return node


def _entry(node: Node, said: dict[str, str]) -> Node:
    """A dependency that says what it needs."""
    if "dependsOn" in said or "provides" in said:
        raise Unusual
    node.lines = []
    if "ref" in said:
        node["ref"] = said["ref"]
        node.lines.append(0)
    return node


def _leaf(spec: tuple[frozenset[str], str, bool], said: dict[str, str], text: str) -> Node:
    """An object made of attributes and the text."""
    attributes, key, keep = spec
    if key in said:
        raise Unusual
    node = Node((NAMES.get(k, k), v) for k, v in said.items() if k in attributes) if said else Node()
    node.lines = [0] * len(node)
    node[key] = text if keep else text.strip()
    return node


def _refer(node: Node, ref: str, key: str, line: int) -> None:
    """Adds to what a dependency needs or provides."""
    if key in node:
        node[key].append(ref)
    else:
        node[key] = [ref]
        node.lines.append(line)


def _repeat(node: Node, key: str, value: Any) -> None:
    """Adds to a list that no element stands around."""
    items = node.get(key)
    if items is None:
        items = node[key] = Nodes()
        node.lines.append(-1)
        items.line, items.tag, items.steps = node.line, "", None
    elif not isinstance(items, Nodes):
        raise Unusual
    items.append(value)


class Reader(xmltext.Reader):
    """Makes the members as elements begin and end."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.max_depth = limits.max_depth
        self.max_elements = limits.max_elements
        self.root = Node()
        self.version = ""
        # The object or list that is open, what the elements in it become, and those around it.
        self.node: Any = None
        self.table: dict[str, What] = {}
        self.tags: dict[str, str] = {}
        self.stack: list[tuple[Any, dict[str, What]]] = []
        # What is open inside it, if anything is: what it becomes, its attributes, its line, the levels open in it.
        self.open: What | None = None
        self.said: dict[str, str] = {}
        self.line = 0
        self.levels = 0
        self.kept = 0
        # The list that the dependency being read is in.
        self.entries: Any = None
        # Text as it comes. What stands between elements comes too and is thrown away when a text begins.
        self.pieces: list[str] = []
        self.parser.CharacterDataHandler = self.pieces.append

    def start(self, name: str, said: dict[str, str]) -> None:
        stack = self.stack
        self.count += 1 + len(said) if said else 1
        if len(stack) >= self.max_depth or self.count > self.max_elements:
            raise self.past_limit(len(stack) + (self.open is not None) + self.levels + 1)
        if self.open is not None:
            if self._within():
                return
        elif not stack:
            self._root(name, said)
            return
        what = self.table[name]
        code, key, repeated, table = what
        if code <= _PASSED:
            self.open = what
            self.said = said
            self.line = self.parser.CurrentLineNumber
            if code == _NEED:
                _refer(self.node, said.get("ref", ""), key, -1)
            elif self.pieces:
                self.pieces.clear()
            return
        if code >= _TOOLS:
            if code == _UNUSUAL:
                raise Unusual
            code, key, repeated, table = self._tools(table, name)
        node = self.node
        stack.append((node, self.table))
        inner: Any
        if code == _LIST:
            inner = Nodes()
            inner.steps = None
        elif code == _ENTRY:
            self.entries = node
            inner = _entry(Node(), said)
        else:
            inner = _object(said, table.shape)
        inner.line = line = self.parser.CurrentLineNumber
        tag = self.tags.get(name)
        if tag is None:
            tag = self.tags[name] = name.rpartition(" ")[2]
        inner.tag = tag
        self.node = put = inner
        self.table = table
        if code == _LICENCE:
            put = Node(license=inner)
            put.line, put.tag, put.lines = line, tag, []
            inner.tag = ""
        if not key:
            if node and node[0].tag != tag:
                node.steps = []
            node.append(put)
        elif repeated:
            _repeat(node, key, put)
        elif key in node:
            raise Unusual
        else:
            node[key] = put
            node.lines.append(line)

    def end(self, name: str) -> None:
        what = self.open
        if what is None:
            self.node, self.table = self.stack.pop()
            return
        if self.levels:
            self.levels -= 1
            if not self.levels:
                del self.pieces[self.kept :]
            return
        self.open = None
        code, key, repeated, spec = what
        if code > _PROVIDES or code == _NEED:
            return
        pieces, node = self.pieces, self.node
        value: Any = (pieces[0] if len(pieces) == 1 else "".join(pieces)) if pieces else ""
        if code == _TEXT:
            value = value.strip()
            if self.said and not value:
                value = self.said.get("ref", "")
        elif code == _LEAF:
            value = _leaf(spec, self.said, value)
            value.line, value.tag = self.line, name.rpartition(" ")[2]
            if not key and node and node[0].tag != value.tag:
                node.steps = []
        else:
            _refer(node, self.said.get("ref", ""), key, self.line)
            return
        if not key:
            node.append(value)
        elif repeated:
            _repeat(node, key, value)
        elif key in node:
            raise Unusual
        else:
            node[key] = value
            node.lines.append(self.line)

    def _root(self, name: str, said: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        version = namespace.removeprefix(NAMESPACE)
        if tag != "bom" or not namespace.startswith(NAMESPACE) or version not in VERSIONS:
            raise Unusual
        self.version = version
        self.stack.append((None, {}))
        self.table = _tables(namespace)["bom"]
        self.root = self.node = _object(said, SHAPES["bom"])
        self.root.line, self.root.tag = self.parser.CurrentLineNumber, tag
        number = said.get("version", "1")
        if re.fullmatch(r"\d{1,18}", number, re.ASCII):
            self.root["version"] = int(number)

    def _within(self) -> bool:
        """An element begins in one that holds no members of ours. Whether that is all of it."""
        assert self.open is not None, "asked only where one is open"
        if self.open[0] == _LEAF:
            raise Unusual
        if self.open[0] != _NEED:
            # Its text is not the text around it.
            self.kept = self.kept if self.levels else len(self.pieces)
            self.levels += 1
            if len(self.stack) + self.levels >= self.max_depth:
                raise self.past_limit(len(self.stack) + self.levels + 1)
            return True
        # A dependency inside another one that says itself what it needs: it becomes an entry.
        entry = Inner()
        _entry(entry, self.said)
        entry.line, entry.tag = self.line, "dependency"
        entry.up, entry.number = self.node, len(self.node["dependsOn"])
        self.entries.append(entry)
        self.entries.steps = []
        self.stack.append((self.node, self.table))
        self.node, self.open = entry, None
        if len(self.stack) >= self.max_depth:
            raise self.past_limit(len(self.stack) + 1)
        return False

    def _tools(self, table: Any, name: str) -> What:
        """The list of tools turns out to be an object."""
        owner, of_owner = self.stack.pop()
        if self.node:
            raise Unusual
        tools = Node()
        tools.line, tools.tag, tools.lines = self.node.line, self.node.tag, []
        owner["tools"] = tools
        self.stack.append((owner, of_owner))
        self.node, self.table = tools, table
        what: What = table[name]
        return what
