"""CBOR of others (RFC 8949): every well-formed encoding, within limits.

Our own evidence has one encoding of each value and is read by `formats.cbor`, which refuses every other. Tokens of
others need not be deterministic: here long forms, indefinite lengths, tags, floating-point numbers and keys in any
order are taken. What is refused is what is not valid: a key twice (RFC 8949 5.6), text that is not UTF-8, bytes after
the end, and more bytes, values or nesting than `limits` allow. Never use it to decide whether bytes are evidence of
our profile.

>>> decode(bytes.fromhex("bf61619f0102ffff"), "token")
{'a': [1, 2]}
>>> decode(bytes.fromhex("a201020103"), "token")
Traceback (most recent call last):
vouchsafe.attest.errors.Malformed: token at byte 3: expected each key once, got key 1 again
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, NoReturn

from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats.cbor import ARRAY, BSTR, MAP, NINT, TAG, TSTR, TYPE_NAMES, UINT

_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_WIDTH = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE = 31


class Tagged(NamedTuple):
    """A tag and the value that it stands before. No tag is interpreted."""

    tag: int
    value: Any


class Simple(NamedTuple):
    """A simple value other than false, true and null; 23 is undefined."""

    number: int


def decode(data: bytes, place: str, *, max_bytes: int = limits.MAX_FOREIGN_BYTES) -> Any:
    """The one value that fills `data`: int, bytes, str, bool, None, float, list, dict, `Tagged`, `Simple`.

    Raises: Malformed, with the offset of the byte.
    """
    if len(data) > max_bytes:
        raise Malformed(place, f"at most {max_bytes} bytes", f"{len(data)} bytes")
    reader = _Reader(data, place)
    value = reader.value(limits.MAX_FOREIGN_DEPTH)
    if reader.pos != len(data):
        reader.fail(reader.pos, "the end", f"{len(data) - reader.pos} more bytes")
    return value


class _Reader:
    __slots__ = ("data", "place", "pos", "values_left")

    def __init__(self, data: bytes, place: str) -> None:
        self.data, self.place, self.pos = data, place, 0
        self.values_left = limits.MAX_FOREIGN_VALUES

    def fail(self, pos: int, expected: str, got: str) -> NoReturn:
        raise Malformed(f"{self.place} at byte {pos}", expected, got)

    def take(self, count: int, start: int) -> bytes:
        taken = self.data[self.pos : self.pos + count]
        if len(taken) < count:
            self.fail(start, f"{count} bytes", f"{len(taken)} bytes up to the end")
        self.pos += count
        return taken

    def head(self) -> tuple[int, int, int | None]:
        """(major type, additional information, argument); None stands for an indefinite length."""
        start = self.pos
        first = self.take(1, start)[0] if start < len(self.data) else self.fail(start, "a value", "the end")
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info, info
        if info in _WIDTH:
            return major, info, int.from_bytes(self.take(_WIDTH[info], start), "big")
        if info != _INDEFINITE or major not in (BSTR, TSTR, ARRAY, MAP):
            self.fail(start, "a well-formed head", f"initial byte {first:#04x}")
        return major, info, None

    def value(self, depth: int) -> Any:
        start = self.pos
        major, info, argument = self.head()
        self.values_left -= 1
        if self.values_left < 0:
            self.fail(start, f"at most {limits.MAX_FOREIGN_VALUES} values", "more")
        if major in (BSTR, TSTR):
            return self.string(major, argument, start)
        if major in (ARRAY, MAP, TAG) and depth == 0:
            self.fail(start, f"at most {limits.MAX_FOREIGN_DEPTH} levels", "more")
        if major == ARRAY:
            return self.array(argument, depth - 1)
        if major == MAP:
            return self.map(argument, depth - 1)
        assert argument is not None  # only strings, arrays and maps have indefinite lengths
        if major == UINT:
            return argument
        if major == NINT:
            return -1 - argument
        if major == TAG:
            return Tagged(argument, self.value(depth - 1))
        return self.simple(info, argument, start)

    def string(self, major: int, argument: int | None, start: int) -> bytes | str:
        if argument is not None:
            return self.text(self.take(argument, start), major, start)
        chunks = []
        while not self.ended():
            at = self.pos
            kind, _, length = self.head()
            if kind != major or length is None:  # RFC 8949 3.2.3
                self.fail(at, f"chunks of definite length, each a {TYPE_NAMES[major]}", TYPE_NAMES[kind])
            chunks.append(self.text(self.take(length, at), major, at))
        return b"".join(chunks) if major == BSTR else "".join(chunks)  # type: ignore[arg-type]

    def text(self, taken: bytes, major: int, start: int) -> bytes | str:
        if major == BSTR:
            return taken
        try:
            text = taken.decode()
        except UnicodeDecodeError as error:
            self.fail(start, "UTF-8 text", str(error.reason))
        return text

    def array(self, count: int | None, depth: int) -> list[Any]:
        found: list[Any] = []
        while not self.ended() if count is None else len(found) < count:
            found.append(self.value(depth))
        return found

    def map(self, count: int | None, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        while not self.ended() if count is None else len(found) < count:
            start = self.pos
            key = self.value(depth)
            # True, 1 and 1.0 are one key to Python and three to CBOR: such keys are not taken.
            if type(key) not in (int, str, bytes):
                self.fail(start, "a key that is an integer, text or a byte string", type(key).__name__)
            if key in found:  # RFC 8949 5.6
                self.fail(start, "each key once", f"key {key!r:.40} again")
            found[key] = self.value(depth)
        return found

    def ended(self) -> bool:
        """Whether a break stands here; it is taken."""
        if self.data[self.pos : self.pos + 1] != b"\xff":
            return False
        self.pos += 1
        return True

    def simple(self, info: int, argument: int, start: int) -> Any:
        if info in _FLOATS:
            return struct.unpack(_FLOATS[info], self.data[self.pos - _WIDTH[info] : self.pos])[0]
        if info == 24 and argument < 32:  # RFC 8949 3.3: not well-formed
            self.fail(start, "a simple value in its one form", f"{argument} in two bytes")
        return {20: False, 21: True, 22: None}.get(argument, Simple(argument))


__all__ = ["Simple", "Tagged", "decode"]
