"""Deterministic CBOR (RFC 8949 4.2.1), read strictly.

There is one encoding of each value, and `decode` refuses every other: long forms, indefinite lengths,
unsorted or repeated keys, trailing bytes. So `encode(decode(raw)) == raw` for whatever is accepted, and
nothing can be hidden between the bytes that were signed and the values that were read. Values are int (64
bit), bytes, str, bool, None, list and dict with int or str keys; tags and floating-point numbers are not part
of the profile.

`Reader` is the authority, and short enough to be ported. `decode` first asks cbor2, which is ten times
faster, and takes its value only where the one encoding of it is as long as the input and every type and key
order is one of ours; else `Reader` decides. cbor2 alone keeps the last of two equal keys, takes long forms
and ignores trailing bytes. Batches are read by `Reader` only: a few megabytes of nested empty arrays would
become gigabytes of objects before the first check could run.

>>> decode(encode({1: [True, b"x"], "a": -5}), "item")
{1: [True, b'x'], 'a': -5}
>>> decode(bytes.fromhex("1800"), "item")
Traceback (most recent call last):
vouchsafe.attest.errors.Malformed: item at byte 0: expected the shortest form of a value in the profile, got head 1800
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeAlias

import cbor2

from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed

TYPE_NAMES = (
    "unsigned integer",
    "negative integer",
    "byte string",
    "text",
    "array",
    "map",
    "tag",
    "simple value",
)
UINT, NINT, BSTR, TSTR, ARRAY, MAP, TAG, SIMPLE = range(8)

_WIDTH = {24: 1, 25: 2, 26: 4, 27: 8}
_LEAST = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}

Value: TypeAlias = "int | bytes | str | bool | list[Value] | dict[int | str, Value] | None"


def encode_head(major: int, argument: int) -> bytes:
    """The shortest head of a major type with its argument."""
    top = major << 5
    if argument < 24:
        return bytes((top | argument,))
    if argument < 0x100:
        return bytes((top | 24, argument))
    if argument < 0x10000:
        return bytes((top | 25,)) + argument.to_bytes(2, "big")
    if argument < 0x1_0000_0000:
        return bytes((top | 26,)) + argument.to_bytes(4, "big")
    return bytes((top | 27,)) + argument.to_bytes(8, "big")


def encode_bytes(value: bytes) -> bytes:
    """A byte string with its head."""
    return encode_head(BSTR, len(value)) + value


def encode(value: Value) -> bytes:
    """The one deterministic encoding of a value.

    Raises: TypeError for a type outside the profile, OverflowError for an integer that does not fit 64 bits.
    """
    if value is True:
        return b"\xf5"
    if value is False:
        return b"\xf4"
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return encode_head(UINT, value) if value >= 0 else encode_head(NINT, -1 - value)
    if isinstance(value, bytes):
        return encode_head(BSTR, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return encode_head(TSTR, len(text)) + text
    if isinstance(value, list | tuple):
        return encode_head(ARRAY, len(value)) + b"".join([encode(item) for item in value])
    if isinstance(value, dict):
        pairs = sorted((encode(key), encode(item)) for key, item in value.items())
        return encode_head(MAP, len(pairs)) + b"".join([key + item for key, item in pairs])
    raise TypeError(f"{type(value).__name__} has no place in deterministic CBOR here")


class Reader:
    """A position in bytes, and the strict readers of one item each.

    Every reader raises `Malformed` naming the byte offset, and moves the position only past what it accepted.
    """

    __slots__ = ("data", "place", "pos", "values_left")

    def __init__(self, data: bytes, place: str, max_values: int = limits.MAX_CBOR_VALUES) -> None:
        self.data = data
        self.pos = 0
        self.place = place
        self.values_left = max_values

    def fail(self, pos: int, expected: str, got: str) -> NoReturn:
        """Raise `Malformed` for the byte offset."""
        raise Malformed(f"{self.place} at byte {pos}", expected, got)

    def head(self) -> tuple[int, int]:
        """(major type, argument) of the next item; only the shortest form is accepted (RFC 8949 4.2.1)."""
        pos = self.pos
        try:
            first = self.data[pos]
        except IndexError:
            self.fail(pos, "a CBOR item", "the end of the input")
        info = first & 31
        if info < 24:
            self.pos = pos + 1
            return first >> 5, info
        width = _WIDTH.get(info)
        if width is None:
            self.fail(pos, "a definite length", f"initial byte {first:#04x}")
        raw = self.data[pos + 1 : pos + 1 + width]
        if len(raw) < width:
            self.fail(pos, f"{width} more bytes of the head", "the end of the input")
        argument = int.from_bytes(raw, "big")
        # Major type 7 with an argument is a float or an unassigned simple value: `value` refuses it by its
        # number.
        if argument < _LEAST[info] or first >> 5 == SIMPLE:
            self.fail(pos, "the shortest form of a value in the profile", f"head {first:02x}{raw.hex()}")
        self.pos = pos + 1 + width
        return first >> 5, argument

    def _argument(self, major: int, expected: str) -> int:
        pos = self.pos
        got, argument = self.head()
        if got != major:
            self.pos = pos
            self.fail(pos, expected, f"{TYPE_NAMES[got]}")
        return argument

    def uint(self, most: int = limits.MAX_MS) -> int:
        """An unsigned integer up to `most`."""
        pos = self.pos
        number = self._argument(UINT, "an unsigned integer")
        if number > most:
            self.fail(pos, f"at most {most}", str(number))
        return number

    def array(self, least: int, most: int) -> int:
        """The length of an array whose items follow."""
        pos = self.pos
        count = self._argument(ARRAY, "an array")
        if not least <= count <= most:
            self.fail(pos, f"an array of {least} to {most} items", f"{count} items")
        return count

    def bstr(self, least: int, most: int) -> bytes:
        """A byte string of `least` to `most` bytes."""
        pos = self.pos
        data = self.data
        # Nearly all have one of two heads. Whatever else stands here, also a fault, is left to `_argument`.
        first = data[pos : pos + 2]
        if len(first) == 2 and first[0] == 0x58 and first[1] >= 24:
            length, start = first[1], pos + 2
        elif first and 0x40 <= first[0] < 0x58:
            length, start = first[0] - 0x40, pos + 1
        else:
            length = self._argument(BSTR, "a byte string")
            start = self.pos
        if not least <= length <= most:
            self.pos = start
            self.fail(pos, f"a byte string of {least} to {most} bytes", f"{length} bytes")
        taken = data[start : start + length]
        if len(taken) < length:
            self.pos = start
            self.fail(pos, f"{length} bytes", f"{len(taken)} bytes up to the end")
        self.pos = start + length
        return taken

    def value(self, depth: int = limits.MAX_CBOR_DEPTH) -> Value:
        """Any value of the profile, nested at most `depth` deep."""
        pos = self.pos
        major, argument = self.head()
        self.values_left -= 1
        if self.values_left < 0:
            self.fail(pos, "fewer values", "more than the limit")
        if major == UINT:
            return argument
        if major == NINT:
            return -1 - argument
        if major in (BSTR, TSTR):
            start = self.pos
            taken = self.data[start : start + argument]
            if len(taken) < argument:
                self.fail(pos, f"{argument} bytes", f"{len(taken)} bytes up to the end")
            self.pos = start + argument
            return taken if major == BSTR else self._text(taken, pos)
        if major == SIMPLE:
            return self._simple(argument, pos)
        if major == TAG:
            self.fail(pos, "no tag here", f"tag {argument}")
        if depth == 0:
            self.fail(pos, "less nesting", "more than the limit")
        if major == MAP:
            return self._map(argument, depth - 1, pos)
        if argument > self.values_left:
            self.fail(pos, "fewer values", f"an array of {argument}")
        return [self.value(depth - 1) for _ in range(argument)]

    def _text(self, taken: bytes, pos: int) -> str:
        try:
            text = taken.decode()
        except UnicodeDecodeError as error:
            self.fail(pos, "UTF-8 text", str(error.reason))
        return text

    def _simple(self, argument: int, pos: int) -> bool | None:
        if argument == 20:
            return False
        if argument == 21:
            return True
        if argument != 22:
            self.fail(pos, "true, false or null", f"simple value {argument}")
        return None

    def _map(self, count: int, depth: int, pos: int) -> dict[int | str, Value]:
        if count > self.values_left:
            self.fail(pos, "fewer values", f"a map of {count}")
        found: dict[int | str, Value] = {}
        before = b""
        for _ in range(count):
            start = self.pos
            key = self.value(0)
            encoded = self.data[start : self.pos]
            if (
                encoded <= before
            ):  # Ascending encodings: no order to choose and no key twice (RFC 8949 4.2.1).
                self.fail(start, "keys in ascending order, each once", f"key {key!r:.40}")
            if isinstance(key, bool) or not isinstance(key, int | str):
                self.fail(start, "a key that is an integer or text", type(key).__name__)
            before = encoded
            found[key] = self.value(depth)
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self.pos != len(self.data):
            self.fail(self.pos, "the end", f"{len(self.data) - self.pos} trailing bytes")


def _no_tag(*_: Any) -> NoReturn:
    raise ValueError("no tag here")


# cbor2 has decoders of its own for these; none may run on untrusted bytes (regular expressions, huge
# decimals).
_NO_TAGS = dict.fromkeys([*range(1100), 43000, 55799], _no_tag)


class _NotOurs(ValueError):
    """A type, a key or an order that the profile does not have."""


def _head_size(argument: int) -> int:
    if argument < 24:
        return 1
    if argument < 0x100:
        return 2
    if argument < 0x10000:
        return 3
    return 5 if argument < 0x1_0000_0000 else 9


def _size(value: Any) -> int:
    """The length of the deterministic encoding. Raises: _NotOurs, also for keys out of order."""
    kind = type(value)
    if kind is bytes:
        return _head_size(len(value)) + len(value)
    if kind is int:
        if not -(1 << 64) <= value < 1 << 64:
            raise _NotOurs
        return _head_size(value if value >= 0 else -1 - value)
    if kind is str:
        length = len(value) if value.isascii() else len(value.encode())
        return _head_size(length) + length
    if kind is bool or value is None:
        return 1
    if kind is list:
        return _head_size(len(value)) + sum(map(_size, value))
    if kind is not dict:
        raise _NotOurs
    total, before = _head_size(len(value)), -1
    for key, item in value.items():
        kind = type(item)
        if kind is bytes:
            length = len(item)
            total += length + (_head_size(length) if length > 0xFF else 2 if length > 23 else 1)
        elif kind is int and 0 <= item < 24:
            total += 1
        else:
            total += _size(item)
        if type(key) is not int or not -(1 << 64) <= key < 1 << 64:
            raise _NotOurs
        place = key if key >= 0 else (1 << 64) - key  # Negative numbers come after all others.
        if place <= before:
            raise _NotOurs
        before = place
        total += _head_size(key if key >= 0 else -1 - key)
    return total


def decode(data: bytes, place: str) -> Value:
    """The value of one deterministic CBOR item that fills `data`, which is at most `MAX_EVIDENCE_BYTES` long.

    Raises: Malformed.
    """
    if len(data) > limits.MAX_EVIDENCE_BYTES:
        raise Malformed(place, f"at most {limits.MAX_EVIDENCE_BYTES} bytes", f"{len(data)} bytes")
    try:
        value: Value = cbor2.loads(
            data,
            max_depth=limits.MAX_CBOR_DEPTH,
            allow_indefinite=False,
            tag_hook=_no_tag,
            semantic_decoders=_NO_TAGS,
        )
        # A long form, a key given twice and trailing bytes each make the input longer than the one encoding
        # is, and nothing can make it shorter: equal lengths are equal bytes. Values are no more than bytes.
        if _size(value) == len(data) <= limits.MAX_CBOR_VALUES:
            return value
    except (cbor2.CBORError, _NotOurs):
        pass  # `Reader` says where and why.
    reader = Reader(data, place)
    value = reader.value()
    reader.end()
    return value
