"""JSON from strangers: sizes, encoding, nesting and duplicate keys are checked before anything is believed.

`parse` gives Python values; `spans` says where the members of the outermost object stand, so that a part can
be taken out as the bytes it is. Nothing here writes JSON.
"""

import codecs
import re
from typing import Any

import orjson

from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

# A whole string, or the rest of the text when it never ends: always matching at the first quote keeps the
# scan linear.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_STRING_OR_MARK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\],:]', re.DOTALL)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*(\\u0000)")
_NOT_BRACKETS = bytes(c for c in range(256) if c not in b"{}[]")
# What a colon after a key follows: its quote, or white space.
_BEFORE_VALUE = (b'":', b" :", b"\t:", b"\n:", b"\r:")

_WIDE = (
    (codecs.BOM_UTF32_LE, "UTF-32 text"),
    (codecs.BOM_UTF32_BE, "UTF-32 text"),
    (codecs.BOM_UTF16_LE, "UTF-16 text, little endian"),
    (codecs.BOM_UTF16_BE, "UTF-16 text, big endian"),
)


def parse(data: bytes, *, limits: Limits = DEFAULT) -> Any:
    """The value that `data` says, as dicts, lists, strings, numbers, booleans and None.

    Raises:
        TooLarge: more bytes or deeper than `limits`.
        NotRead: UTF-16, UTF-32, XML or tag-value text.
        Malformed: no UTF-8, no JSON, or the same key twice in one object. The place is a line and column.
    """
    text = _narrow_text(data, limits)
    try:
        # orjson refuses what is no UTF-8 and more than 1,024 levels itself; the order of refusals is ours.
        value = orjson.loads(text)
    except orjson.JSONDecodeError as told:
        _check_utf8(text)
        _check_depth(_STRING.sub(b"", text), text, limits)
        raise Malformed(_place(text, _bytes_before(told.doc, told.pos)), *_why(told.msg, text)) from None
    keys, depth = _measured(value)
    # Each key stands before a colon, so there are no more of them than this. Where it is as many as the value has,
    # no key was lost; only where it is more (a text begins with a colon) are the strings taken out and looked at.
    unlike = keys != sum(map(text.count, _BEFORE_VALUE))
    skeleton = _STRING.sub(b"", text) if unlike or depth > limits.max_depth else b""
    _check_depth(skeleton, text, limits)
    # JSON may hold U+0000, but no name, version or identifier does, and databases refuse it far from here.
    nul = _NUL.search(text) if b"\\u0000" in text else None
    if nul is not None:
        raise Malformed(_place(text, nul.start(1)), "text without NUL characters", "\\u0000")
    # RFC 8259 section 4: names SHOULD be unique; a reader that keeps the last of two hides the first from
    # review.
    if unlike and keys != skeleton.count(b":"):
        _raise_duplicate(text)
    return value


def spans(data: bytes) -> dict[str, bytes]:
    """The members of the outermost object, each value as the exact bytes between its colon and the next mark.

    Call it only with bytes that `parse` has taken.
    """
    members: dict[str, bytes] = {}
    depth, key, key_text, start = 0, None, None, 0
    for found in _STRING_OR_MARK.finditer(data):
        mark = data[found.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
            if depth == 0 and key is not None:
                members[key] = data[start : found.start()]
        elif depth == 1:
            if mark == 0x22 and key is None:
                key_text = found.group()
            elif mark == 0x3A and key is None and key_text is not None:
                key, start = str(orjson.loads(key_text)), found.end()
            elif mark == 0x2C and key is not None:
                members[key] = data[start : found.start()]
                key = key_text = None
    return members


def _narrow_text(data: bytes, limits: Limits) -> bytes:
    if len(data) > limits.max_bytes:
        raise TooLarge("byte 0", f"at most {limits.max_bytes:,} bytes", f"{len(data):,}")
    if not data.strip():
        raise Malformed("line 1 column 1", "JSON", "an empty file")
    for mark, name in _WIDE:
        if data.startswith(mark):
            raise NotRead("byte 0", "UTF-8 text", name)
    if b"\0" in data[:4]:
        raise NotRead("byte 0", "UTF-8 text", "NUL bytes, as in UTF-16 or UTF-32 without a byte order mark")
    return data.removeprefix(codecs.BOM_UTF8)  # RFC 8259 section 8.1: a reader MAY ignore it


def _check_utf8(text: bytes) -> None:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as told:
        raise Malformed(
            _place(text, told.start), "UTF-8 text", f"the byte 0x{text[told.start]:02x}"
        ) from None


def _check_depth(skeleton: bytes, text: bytes, limits: Limits) -> None:
    """Refuses deep nesting where it begins. `skeleton` has no strings, so no brackets in them."""
    depth = 0
    for mark in skeleton.translate(None, _NOT_BRACKETS):
        if mark in b"{[":
            depth += 1
            if depth > limits.max_depth:
                raise TooLarge(
                    _place(text, _offset_of_depth(text, limits.max_depth + 1)),
                    f"at most {limits.max_depth} levels of nesting",
                    f"level {limits.max_depth + 1}",
                )
        else:
            depth -= 1


def _offset_of_depth(text: bytes, wanted: int) -> int:
    depth = 0
    for found in _STRING_OR_MARK.finditer(text):
        mark = text[found.start()]
        depth += (mark in b"{[") - (mark in b"}]")
        if depth == wanted:
            return found.start()
    return 0


def _measured(value: Any) -> tuple[int, int]:
    """How many keys all the objects have, and how deep they nest: level by level, for the file chooses the depth."""
    keys = depth = 0
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    while level:
        depth += 1
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                keys += len(item)
                item = item.values()
            for inner in item:
                # Most are texts: one comparison for those.
                if type(inner) is not str and (type(inner) is dict or type(inner) is list):
                    below.append(inner)
        level = below
    return keys, depth


def _raise_duplicate(text: bytes) -> None:
    """Finds the second of two equal keys, by a scan that knows where each object begins."""
    seen: list[set[str] | None] = []
    key = b""
    at = 0
    for found in _STRING_OR_MARK.finditer(text):
        mark = text[found.start()]
        if mark == 0x7B:
            seen.append(set())
        elif mark == 0x5B:
            seen.append(None)
        elif mark in b"}]":
            seen.pop()
        elif mark == 0x22:
            key, at = found.group(), found.start()
        elif mark == 0x3A:
            names = seen[-1]
            name = str(orjson.loads(key))
            if names is not None and name in names:
                raise Malformed(
                    _place(text, at), "each key once in an object", f"{shown(name)} a second time"
                )
            if names is not None:
                names.add(name)
    raise AssertionError("the keys were counted differently, but no key stands twice")


def _place(text: bytes, offset: int) -> str:
    before = text[:offset]
    line_start = before.rfind(b"\n") + 1
    column = len(before[line_start:].decode("utf-8", "replace")) + 1
    line = before.count(b"\n") + 1
    return f"line {line} column {column}"


def _bytes_before(doc: object, pos: int) -> int:
    # orjson counts characters when it hands the document back as text.
    return len(doc[:pos].encode("utf-8", "surrogatepass")) if isinstance(doc, str) else pos


def _why(message: str, text: bytes) -> tuple[str, str]:
    start = text.lstrip()[:200]
    if start.startswith(b"<"):
        return "JSON", "XML or HTML"
    if re.match(rb"(SPDXVersion|DataLicense|#)", start):
        return "JSON", "SPDX tag-value text" if b"SPDX" in start else "text"
    reason = re.sub(r":? (at )?line \d+ column \d+.*$", "", message).strip()
    return "JSON", reason or "something else"


def is_json(data: bytes) -> bool:
    """Whether the first mark could begin JSON. For choosing an error, never for trusting."""
    return data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")
