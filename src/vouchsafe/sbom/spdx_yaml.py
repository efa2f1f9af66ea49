"""SPDX documents in YAML as objects, arrays and texts: no aliases, no tags, no second document, each key once.

Plain block YAML, which is what tools write, is read line by line: that takes a third of what libyaml's events take
as Python objects. At anything else, and at any fault, that reader gives up and libyaml reads the whole file, so that
it alone says what is refused and where. What the quick reader takes is what libyaml's events give.

Source: YAML 1.1 and 1.2.2; where they leave doubt, the scanner of libyaml 0.2.5.
"""

import re
from contextlib import suppress
from typing import Any

import yaml

from vouchsafe.sbom.errors import Malformed, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.spdx_tree import checked_text

# What a plain scalar means that is not its text.
_PLAIN: dict[str | None, bool | None] = {
    None: None, "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_WORDS = "|".join(filter(None, _PLAIN))


def parse(data: bytes, *, limits: Limits = DEFAULT) -> Any:
    """The one document in `data`, as dicts, lists, texts, booleans and None.

    A plain `null` or `true` is what YAML says; everything else is text as it is written, so that the version
    `1.10` stays that and a date stays a text.

    Raises:
        TooLarge: more bytes or deeper than `limits`.
        NotRead: UTF-16 or UTF-32 text.
        Malformed: no YAML, an alias, a tag, a key twice, a second document. The place is a line and column.
    """
    text = checked_text(data, "YAML", limits)
    with suppress(
        _Unusual
    ):  # whose traceback holds the quick reader's values: libyaml begins after it is let go
        return _quick(text, limits)
    return _by_events(text, limits)


class _Unusual(Exception):
    """libyaml must read the document."""


# Control characters but the tab and the line feed; what YAML 1.1 takes as a line break, or as no character.
_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n") + b"\x7f"
_ODD = re.compile("[\x80-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# libyaml knows a key by its colon within 1,024 characters; these are shorter.
_KEY = r"""(?:[A-Za-z_][\w./$-]{0,127}+|"[^"\\\n\t]{0,127}+"|'[^'\n\t]{0,127}+')"""
_REST = r"(?:[^\n\t:#]++|:(?=[^ \n\t])|(?<=[^ \n\t])#)"
_TEXT = rf"""(?:[^] \n\t?:,\[{{}}#&*!|>'"%@`-]|-(?=[^ \n\t])){_REST}*+"""
_QUOTED = r"""[^"'\\\n\t]*+"""
# A key or a dash at its indentation, a scalar, and what else the line has; or a line that begins otherwise.
_LINE = re.compile(
    rf"(?:( *+(?:(?:- ++)?{_KEY}:|-)(?=[ \n]))"
    rf"""(?: ++(?:(["'])({_QUOTED})\2|({_TEXT})(?<! )))?+([^\n]*+)|([^\n]*+))\n"""
)
_HEAD = re.compile(r"( *)(- *)?(.*?):?")
_COMMENT = re.compile(r" *+(?:#.*)?")
_MORE = re.compile(rf" *+({_REST}++)\n")
_END = r"(?: ++(?:#[^\n]*+)?+)?+\n"
_BEFORE = re.compile(r"(?: *+(?:#[^\n]*+)?+\n)*+(?:---(?: ++(?:#[^\n]*+)?+)?+\n)?+")
# A value of any number of lines: plain, double-quoted, single-quoted, an empty collection, none.
_VALUE = re.compile(
    rf""" *+(?:({_TEXT})(?:#[^\n]*+)?+\n|(?:"((?:[^"\\\t]++|\\[^\t])*+)"|'((?:[^'\t]++|'')*+)'|(\[\]|\{{\}})){_END}"""
    r"|(?:#[^\n]*+)?+\n)"
)
_BLOCK = re.compile(rf" *+([|>])([1-9]?)([-+]?){_END}")
_FIRST = re.compile(r"\n*+( ++)[^ \n\t]")
_SHALLOW = re.compile(r"\n( *+)(?=[^ \n])")
# In a quoted text: white space with line breaks; in a double-quoted one also what follows a backslash.
_BREAKS = r" ++(?:\n[ \n]*+)?+|\n[ \n]*+"
_ESCAPE = r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.|\n[ \n]*+)"
_SINGLE, _DOUBLE = re.compile(_BREAKS), re.compile(f"{_BREAKS}|{_ESCAPE}")
_DOUBLE_LINE = re.compile(_ESCAPE)
_ESCAPES = {
    "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", " ": " ",
    '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
# So many different beginnings of lines are remembered.
_HEADS = 4096
# Each item of this number in an array, if it has no more keys, is the pattern for those after it.
_MANY, _KEYS = 1000, 30

_Head = tuple[int, int, str | None]


def _quick(data: bytes, limits: Limits) -> Any:
    """The document, if it is plain block YAML without a fault.

    `at` is the innermost collection and `top` its level: twice its column, and one more for an array, which may
    stand at the column of the key that it belongs to. `around` has the collections it is in, with their levels.
    The last value is at `key`; it is `empty` if nothing stood after the last key or dash.

    Raises:
        _Unusual: anything else.
    """
    text, most = _plain_text(data), limits.max_depth
    root: list[Any] = [None]
    at: Any = root
    top = -1
    around: list[tuple[Any, int]] = []
    key: Any = -1
    empty = True
    heads: dict[str, _Head] = {}
    alike = _Alike(text, heads)
    before: re.Match[str] | None = None
    begin, end = _first_line(text), len(text)
    while begin < end:
        for line in _LINE.finditer(text, begin):
            head, _, quoted, plain, rest, other = line.groups()
            begin = line.end()
            if head is None:
                if not _COMMENT.fullmatch(other):
                    at[key], begin = _longer(text, before, line, top >> 1)
                    break
                continue
            before = line
            level, inner, name = heads.get(head) or _head(head, heads)
            if level != top or empty:
                if level > top and empty:
                    around.append((at, top))
                    at[key] = at = [] if level & 1 else {}
                    top = level
                while level < top:
                    at, top = around.pop()
                if level != top or len(around) > most:
                    raise _Unusual
                empty = False
            if inner:
                if len(around) >= most:
                    raise _Unusual
                if after := alike.read(line, at):
                    begin = after
                    break
                around.append((at, top))
                at.append({})
                at, top = at[-1], inner
            if name is None:
                at.append(None)
                key = -1
            elif name in at:
                raise _Unusual
            else:
                key = name
            if rest:
                at[key], empty, after = _value(text, line.end(1), top >> 1, len(around) < most)
                if after != begin:
                    begin = after
                    break
            elif quoted is not None:
                at[key] = quoted
            else:
                at[key], empty = _PLAIN.get(plain, plain), plain is None
    if not around:
        raise _Unusual
    return root[0]


class _Alike:
    """Reads objects of an array that have the same keys in the same order, all texts on a line each, as one match."""

    def __init__(self, text: str, heads: dict[str, _Head]) -> None:
        self.text, self.heads = text, heads
        self.names: list[str | None] = []
        self.objects: re.Pattern[str] | None = None

    def read(self, line: re.Match[str], array: list[Any]) -> int:
        """Puts those that begin in `line` into `array`; where they end, or 0 if the object there is another one."""
        if len(array) % _MANY == _MANY - 1:
            self.names = []
            self.objects = self._pattern(line)
        if self.objects is None:
            return 0
        end, begin = 0, line.start()
        while found := self.objects.match(self.text, end or begin):
            array.append(dict(zip(self.names, found.groups(), strict=True)))
            end = found.end()
        return end

    def _pattern(self, line: re.Match[str] | None) -> re.Pattern[str] | None:
        """Of objects like the one that begins in `line`."""
        lines, inner, column = "", 0, 0
        while line and line[1]:
            level, within, name = _head(line[1], self.heads)
            if not lines:
                inner, column = within, level >> 1
            elif level != inner:
                break
            head, quote, quoted, plain, rest, _ = line.groups()
            if rest or name in self.names or len(self.names) == _KEYS or (quoted is None and plain in _PLAIN):
                return None
            self.names.append(name)
            value = rf"{quote}({_QUOTED}){quote}" if quote else rf"(?!(?:{_WORDS})\n)({_TEXT})(?<! )"
            lines += rf"{re.escape(head)} ++{value}\n"
            line = _LINE.match(self.text, line.end())
        # The next line does not go on in the object.
        return re.compile(rf"{lines}(?= {{0,{column}}}+[^ \n]|\Z)")


def _first_line(text: str) -> int:
    """Where the document begins, after comments and `---`."""
    found = _BEFORE.match(text)
    assert found is not None, "it matches where nothing stands, too"
    return found.end()


def _plain_text(data: bytes) -> str:
    data = data.replace(b"\r\n", b"\n")
    text = data.decode()
    if (
        len(data.translate(None, _CONTROLS)) != len(data)
        or (not text.isascii() and _ODD.search(text))
        or not text.endswith("\n")
    ):
        raise _Unusual
    return text


def _head(head: str, heads: dict[str, _Head]) -> _Head:
    """The level of the line, the level of the object that begins after its dash (or 0), and its key."""
    found = _HEAD.fullmatch(head)
    assert found is not None, "it matches every line's beginning"
    spaces, dash, name = found.groups()
    column = len(spaces)
    inner = 2 * (column + len(dash)) if dash and name else 0
    said = 2 * column + bool(dash), inner, (name[1:-1] if name[0] in "\"'" else name) if name else None
    if len(heads) < _HEADS:
        heads[head] = said
    return said


def _value(text: str, begin: int, column: int, room: bool) -> tuple[Any, bool, int]:
    """The value after a key or dash of a collection at `column`, whether there is none, and where it ends."""
    found = _VALUE.match(text, begin)
    if found is None:
        return _block(text, begin, column)
    plain, double, single, none = found.groups()
    if plain is not None:
        plain = plain.rstrip(" ")
        return _PLAIN.get(plain, plain), False, found.end()
    if none is not None:
        if not room:
            raise _Unusual
        return [] if none == "[]" else {}, False, found.end()
    quoted = double if single is None else single
    if quoted is None:
        return None, True, found.end()
    lines = "\n" in quoted
    if lines and any(len(spaces) <= column for spaces in _SHALLOW.findall(quoted)):
        raise _Unusual
    if single is None:
        return (_DOUBLE if lines else _DOUBLE_LINE).sub(_said, quoted), False, found.end()
    return (_SINGLE.sub(_said, quoted) if lines else quoted).replace("''", "'"), False, found.end()


def _said(found: re.Match[str]) -> str:
    """What white space or an escape in a quoted text means."""
    text = found[0]
    breaks = text.count("\n")
    if text[0] != "\\":
        return text if not breaks else " " if breaks == 1 else "\n" * (breaks - 1)
    if breaks:
        return "\n" * (breaks - 1)
    if len(text) == 2:
        if (meant := _ESCAPES.get(text[1])) is None:
            raise _Unusual
        return meant
    code = int(text[2:], 16)
    if not 0 < code < 0x110000 or 0xD800 <= code < 0xE000:
        raise _Unusual
    return chr(code)


def _longer(text: str, before: re.Match[str] | None, line: re.Match[str], column: int) -> tuple[str, int]:
    """A plain text that goes on in the lines that follow, all further in than `column`; and where it ends."""
    if before is None or not before[4] or before.end() != line.start():
        raise _Unusual
    said, end = [before[4]], line.start()
    while (found := _MORE.match(text, end)) and found.start(1) - end > column:
        said.append(found[1].rstrip(" "))
        end = found.end()
    if len(said) == 1:
        raise _Unusual
    return " ".join(said), end


def _block(text: str, begin: int, column: int) -> tuple[str, bool, int]:
    """A literal or folded text, as `_value`. Source: YAML 1.2.2, 8.1; `yaml_parser_scan_block_scalar` of libyaml."""
    header = _BLOCK.match(text, begin)
    if header is None:
        raise _Unusual
    literal, digit, chomp = header[1] == "|", header[2], header[3]
    begin = header.end()
    if digit:
        indent = column + int(digit)
    else:
        first = _FIRST.match(text, begin)
        if first is None or len(first[1]) <= column:
            raise _Unusual
        indent = len(first[1])
    said: list[str] = []
    kept, breaks, blank = "", 0, False
    while (end := text.find("\n", begin)) >= 0:
        spaces = end - begin - len(text[begin:end].lstrip(" "))
        if begin + spaces == end and spaces <= indent:
            breaks += 1
        elif spaces < indent:
            break
        else:
            line = text[begin + indent : end]
            inner = line[0] in " \t"
            if literal or blank or inner or not kept:
                said.append(kept)
            elif not breaks:
                said.append(" ")
            said += "\n" * breaks, line
            kept, breaks, blank = "\n", 0, inner
        begin = end + 1
    if chomp != "-":
        said.append(kept)
    if chomp == "+":
        said.append("\n" * breaks)
    return "".join(said), False, begin


def _by_events(text: bytes, limits: Limits) -> Any:
    """The document as libyaml reads it."""
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
            value = _PLAIN.get(value, value)
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
