"""Strict readers of the small pieces that the text formats share: base64, hashes, decimals."""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from .errors import Malformed, brief
from .limits import MAX_INT

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z", re.ASCII)


def parse_base64(value: str, place: str) -> bytes:
    """Standard base64, canonical: padding, no space, no unused bits set. Source: RFC 4648 4 and 3.5."""
    try:
        data = b64decode(value.encode("ascii"), validate=True)
    except (UnicodeEncodeError, Base64Error, ValueError):
        raise Malformed(place, "base64", brief(value)) from None
    if b64encode(data).decode() != value:
        raise Malformed(place, "canonical base64", brief(value))
    return data


def parse_hash(value: str, place: str) -> bytes:
    """A SHA-256 value in base64."""
    data = parse_base64(value, place)
    if len(data) != 32:
        raise Malformed(place, "a hash of 32 bytes", f"{len(data)} bytes")
    return data


def parse_decimal(value: str, place: str) -> int:
    """A non-negative decimal without leading zero, below 2^63."""
    if not _DECIMAL.match(value) or (number := int(value)) > MAX_INT:
        raise Malformed(place, "a decimal without leading zeros below 2^63", brief(value))
    return number


def to_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return b64encode(data).decode("ascii")
