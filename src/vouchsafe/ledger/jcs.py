"""Canonical JSON (RFC 8785, JCS): one spelling of each JSON value, for hashing and signing.

`encode` writes a Python value, `canonical` rewrites JSON text. Numbers are what ECMAScript makes of them: IEEE 754
doubles in the shortest form that reads back. Leaves of our logs are a small subset (`leaves`): no fractions, no null,
printable ASCII; there `leaves.encode` and this module give the same bytes.

>>> canonical('{"b": 1e30, "a": [4.50, 2e-3, 333333333.33333329, "\\\\u20ac\\\\u000F"]}'.encode())
b'{"a":[4.5,0.002,333333333.3333333,"\\xe2\\x82\\xac\\\\u000f"],"b":1e+30}'
>>> encode({"\\u20ac": None, "1": True, "a": -0.0})
b'{"1":true,"a":0,"\\xe2\\x82\\xac":null}'
"""

import json
import math
import re
from typing import Any, NoReturn

from .errors import Malformed, brief
from .limits import MAX_JCS_BYTES, MAX_JCS_DEPTH

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode(value: Any, place: str = "$") -> bytes:
    """The canonical bytes of None, bool, int, float, str, list, tuple and dict with text keys.

    Raises: Malformed, with a JSON path, for another type, NaN, an infinity, a lone surrogate, an integer that no
    double holds exactly, or nesting past MAX_JCS_DEPTH.
    """
    parts: list[str] = []
    _write(value, place, 0, parts)
    return "".join(parts).encode("utf-8")


def canonical(text: bytes, place: str = "$") -> bytes:
    """The canonical bytes of the JSON value in `text`, which must be I-JSON (RFC 7493): UTF-8, no key twice.

    Numbers are read as doubles, as the standard has it: digits beyond their precision are rounded. Raises: Malformed.
    """
    return encode(parse(text, place), place)


def parse(text: bytes, place: str = "$") -> Any:
    """The value in `text`; every number is a float. Raises: Malformed."""
    if len(text) > MAX_JCS_BYTES:
        raise Malformed(place, f"at most {MAX_JCS_BYTES} bytes", f"{len(text)} bytes")
    try:
        return _DECODER.decode(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start}", "UTF-8", f"0x{text[error.start]:02x}") from None
    except json.JSONDecodeError as error:
        at = f"line {error.lineno} column {error.colno}"
        raise Malformed(at, "JSON", error.msg) from None
    except RecursionError:
        raise Malformed(place, f"nesting of at most {MAX_JCS_DEPTH}", "deeper") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):  # RFC 7493 2.3
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Malformed("an object", "each key once", f"{brief(twice)} twice")
    return found


def _no_constant(word: str) -> NoReturn:
    raise Malformed("a number", "a number of JSON", word)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=float, parse_float=float, parse_constant=_no_constant
)


def _write(value: Any, place: str, depth: int, parts: list[str]) -> None:
    if value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, str):
        parts.append(_string(value, place))
    elif isinstance(value, int | float):
        parts.append(_number(value, place))
    elif not isinstance(value, list | tuple | dict):
        raise Malformed(place, "a value of JSON", type(value).__name__)
    elif depth >= MAX_JCS_DEPTH:
        raise Malformed(place, f"nesting of at most {MAX_JCS_DEPTH}", "deeper")
    elif isinstance(value, dict):
        _write_object(value, place, depth, parts)
    else:
        parts.append("[")
        for number, item in enumerate(value):
            parts.append("," if number else "")
            _write(item, f"{place}[{number}]", depth + 1, parts)
        parts.append("]")


def _write_object(value: dict[Any, Any], place: str, depth: int, parts: list[str]) -> None:
    written = []
    for key, item in value.items():
        if not isinstance(key, str):
            raise Malformed(place, "keys of text", brief(key))
        written.append((_string(key, f"{place} key"), key, item))
    written.sort(key=lambda member: member[1].encode("utf-16-be"))  # RFC 8785 3.2.3: by UTF-16 code units
    parts.append("{")
    for number, (name, key, item) in enumerate(written):
        parts.append(f"{',' if number else ''}{name}:")
        _write(item, f"{place}.{key}", depth + 1, parts)
    parts.append("}")


def _string(value: str, place: str) -> str:
    """RFC 8785 3.2.2.2: the short escapes, \\u00xx for other control characters, all else as it is."""
    if _SURROGATE.search(value):
        raise Malformed(place, "text without lone surrogates", brief(value))
    escaped = _ESCAPED.sub(lambda found: _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}", value)
    return f'"{escaped}"'


def _number(value: float, place: str) -> str:
    """ECMAScript's Number::toString (ECMA-262 6.1.6.1.20), which RFC 8785 3.2.2.3 prescribes."""
    try:
        number = float(value)
    except OverflowError:
        raise Malformed(place, "a number that a double holds", "a larger one") from None
    if not math.isfinite(number) or number != value:
        raise Malformed(place, "a finite number that a double holds exactly", brief(value))
    if number == 0:
        return "0"
    # Python's repr gives the same shortest digits; only the notation differs.
    mantissa, _, exponent = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    sign = "-" if number < 0 else ""
    if len(digits) <= point <= 21:
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"
