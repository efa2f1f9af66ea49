"""Reference values: what a released build measures, frozen under a log index.

JSON form (docs/formats/eat-profile.md): {"v": 1, "min_svn": n, "images": [{"digest", "build", "version",
"svn", "configs": [], "runtimes": []}], "stages": [], "hw_models": []}, digests in hex. `digest` of the set is
SHA-256 of its canonical JSON, without `ix`.

>>> values = make({bytes(32): Reference("b421", "4.2.1", 5)})
>>> parse_json(to_json(values)) == values
True
>>> parse_json(b'{"v": 2}')
Traceback (most recent call last):
vouchsafe.attest.errors.Malformed: reference set: expected the key images, got none
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed


class Reference(NamedTuple):
    """One released build, found by the digest of its image. Empty `configs` or `runtimes`: not appraised."""

    build_id: str
    version: str
    svn: int
    configs: frozenset[bytes] = frozenset()
    runtimes: frozenset[bytes] = frozenset()


class ReferenceSet(NamedTuple):
    """All reference values at one moment.

    `images`: measured image digest -> build. `stages`: digests of other boot stages (loaders); each measured
    stage must be an image or one of these. Empty `hw_models`: not appraised. `ix`: index of the set's leaf in
    `records`, -1 unlogged.
    """

    images: Mapping[bytes, Reference]
    stages: frozenset[bytes] = frozenset()
    hw_models: frozenset[bytes] = frozenset()
    min_svn: int = 0
    ix: int = -1
    digest: bytes = b""


def make(
    images: Mapping[bytes, Reference],
    *,
    stages: frozenset[bytes] = frozenset(),
    hw_models: frozenset[bytes] = frozenset(),
    min_svn: int = 0,
    ix: int = -1,
) -> ReferenceSet:
    """A set with its digest computed."""
    unnamed = ReferenceSet(images, stages, hw_models, min_svn, ix)
    return unnamed._replace(digest=hashlib.sha256(to_json(unnamed)).digest())


def to_json(values: ReferenceSet) -> bytes:
    """Canonical JSON of a set."""
    images = [
        {
            "digest": digest.hex(),
            "build": one.build_id,
            "version": one.version,
            "svn": one.svn,
            "configs": sorted(item.hex() for item in one.configs),
            "runtimes": sorted(item.hex() for item in one.runtimes),
        }
        for digest, one in sorted(values.images.items())
    ]
    return orjson.dumps(
        {
            "v": 1,
            "min_svn": values.min_svn,
            "images": images,
            "stages": sorted(item.hex() for item in values.stages),
            "hw_models": sorted(item.hex() for item in values.hw_models),
        },
        option=orjson.OPT_SORT_KEYS,
    )


def parse_json(raw: bytes, *, ix: int = -1) -> ReferenceSet:
    """A set from its JSON. Raises: Malformed."""
    if len(raw) > limits.MAX_REFERENCE_BYTES:
        raise Malformed("reference set", f"at most {limits.MAX_REFERENCE_BYTES} bytes", f"{len(raw)} bytes")
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed("reference set", "JSON", str(error)[:120]) from error
    _keys(found, "reference set", {"v", "min_svn", "images"}, {"stages", "hw_models"})
    if found["v"] != 1:
        raise Malformed("reference set v", "1", repr(found["v"])[:40])
    images: dict[bytes, Reference] = {}
    for number, item in enumerate(_list(found["images"], "images")):
        place = f"images[{number}]"
        _keys(item, place, {"digest", "build", "version", "svn"}, {"configs", "runtimes"})
        digest = _digest(item["digest"], f"{place}.digest")
        if digest in images:
            raise Malformed(f"{place}.digest", "each image once", item["digest"])
        images[digest] = Reference(
            _text(item["build"], f"{place}.build"), _text(item["version"], f"{place}.version"),
            _number(item["svn"], f"{place}.svn"), _digests(item.get("configs", []), f"{place}.configs"),
            _digests(item.get("runtimes", []), f"{place}.runtimes"),
        )  # fmt: skip
    models = frozenset(
        _hex(item, "hw_models", 1, 32) for item in _list(found.get("hw_models", []), "hw_models")
    )
    return make(images, stages=_digests(found.get("stages", []), "stages"), hw_models=models,
                min_svn=_number(found["min_svn"], "min_svn"), ix=ix)  # fmt: skip


def _keys(value: Any, place: str, needed: set[str], allowed: set[str]) -> None:
    if not isinstance(value, dict):
        raise Malformed(place, "an object", type(value).__name__)
    if missing := needed - value.keys():
        raise Malformed(place, f"the key {min(missing)}", "none")
    if unknown := value.keys() - needed - allowed:
        raise Malformed(place, "only known keys", min(unknown)[:40])


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed(place, "an array", type(value).__name__)
    return value


def _hex(value: Any, place: str, least: int, most: int) -> bytes:
    text = _text(value, place)
    try:
        found = bytes.fromhex(text)
    except ValueError as error:
        raise Malformed(place, "hex", text[:40]) from error
    if not least <= len(found) <= most or found.hex() != text:
        raise Malformed(place, f"lower-case hex of {least} to {most} bytes", text[:80])
    return found


def _digest(value: Any, place: str) -> bytes:
    return _hex(value, place, 32, 32)


def _digests(value: Any, place: str) -> frozenset[bytes]:
    return frozenset(_digest(item, place) for item in _list(value, place))


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= limits.MAX_TEXT_BYTES:
        raise Malformed(place, f"text of 1 to {limits.MAX_TEXT_BYTES} characters", type(value).__name__)
    return value


def _number(value: Any, place: str) -> int:
    if type(value) is not int or not 0 <= value <= limits.MAX_MS:
        raise Malformed(place, "a whole number", repr(value)[:40])
    return value
