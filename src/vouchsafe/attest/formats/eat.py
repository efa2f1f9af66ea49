"""EAT claims (RFC 9711) in COSE_Sign1, in our own profile (docs/formats/eat-profile.md).

`parse` gives claims that are NOT yet verified; `build_payload` is what a device signs. Claims with numbers
that the profile does not know are kept under `other` and decide nothing (RFC 9711 6.2 leaves this to the
profile).

>>> said = Claims(b"\\x01" + bytes(32), bytes(32), PROFILE, 3, 11, 0, bytes(32), (Stage("firmware", bytes(32), 4),))
>>> parse_claims(build_payload(said)) == said
True
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar

from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cbor, cose

PROFILE = "tag:vouchsafe.example,2026:eat/1"
CONTENT_FORMAT = 65001  # experimental range of the CoAP registry: our measurement map

IAT, NONCE, UEID, OEMID, HWMODEL, HWVERSION, UPTIME, OEMBOOT, DBGSTAT = (
    6,
    10,
    256,
    258,
    259,
    260,
    261,
    262,
    263,
)
EAT_PROFILE, BOOTCOUNT, BOOTSEED, SWNAME, SWVERSION, MEASUREMENTS = 265, 267, 268, 270, 271, 273
DLOG, COUNTER, PREVIOUS, EPOCH = -75001, -75002, -75003, -75004
BOOT_CHAIN, CONFIG, RUNTIME = 1, 2, 3

_KNOWN = frozenset(
    (
        IAT,
        NONCE,
        UEID,
        OEMID,
        HWMODEL,
        HWVERSION,
        UPTIME,
        OEMBOOT,
        DBGSTAT,
        EAT_PROFILE,
        BOOTCOUNT,
        BOOTSEED,
        SWNAME,
        SWVERSION,
        MEASUREMENTS,
        DLOG,
        COUNTER,
        PREVIOUS,
        EPOCH,
    )
)


class Stage(NamedTuple):
    """One measured stage of the boot chain."""

    name: str
    digest: bytes
    svn: int


class Claims(NamedTuple):
    """What a device says. Only `stages`, `config` and `runtime` are measurements; `sw_version` is its own
    word.
    """

    ueid: bytes
    nonce: bytes
    profile: str
    bootcount: int
    counter: int
    dlog_size: int
    dlog_root: bytes
    stages: tuple[Stage, ...]
    config: bytes | None = None
    runtime: bytes | None = None
    iat_s: int | None = None
    previous: bytes | None = None
    epoch: int | None = None
    oem_id: int | bytes | None = None
    hw_model: bytes | None = None
    hw_version: tuple[str, ...] = ()
    uptime_s: int | None = None
    oem_boot: bool | None = None
    dbg_stat: int | None = None
    boot_seed: bytes | None = None
    sw_name: str | None = None
    sw_version: str | None = None
    other: tuple[tuple[int | str, cbor.Value], ...] = ()


class Evidence(NamedTuple):
    """A parsed token: claims that nobody has verified yet, and the COSE parts that `Sign1.verify` needs."""

    sign1: cose.Sign1
    alg: int
    key_id: bytes
    claims: Claims


def parse(raw: bytes) -> Evidence:
    """The unverified claims of one token that fills `raw`. Raises: Malformed."""
    sign1 = cose.parse(raw)
    headers = sign1.headers
    # Own profile: alg and kid are protected and alone there; nothing unprotected but a certificate chain.
    alg, kid = headers.get(cose.ALG), headers.get(cose.KID)
    if len(headers) != 2 or type(alg) is not int or not isinstance(kid, bytes) or len(kid) != 16:
        raise Malformed(
            "protected header",
            "alg (1) and a kid (4) of 16 bytes, nothing else",
            f"labels {sorted(map(str, headers))}",
        )
    if sign1.unprotected and set(sign1.unprotected) != {cose.X5CHAIN}:
        raise Malformed(
            "unprotected header", "nothing, or x5chain (33)", f"labels {sorted(map(str, sign1.unprotected))}"
        )
    return Evidence(sign1, alg, kid, parse_claims(sign1.payload))


def parse_claims(payload: bytes) -> Claims:
    """The claims of a payload. Raises: Malformed, naming the claim."""
    found = cbor.decode(payload, "payload")
    if not isinstance(found, dict):
        raise Malformed("payload", "a map of claims", type(found).__name__)
    head = found.get(DLOG)
    if not isinstance(head, list) or len(head) != 2:
        raise Malformed(f"claim {DLOG} (device-log head)", "[size, root]", _kind(head))
    stages, config, runtime = _measurements(found.get(MEASUREMENTS))
    versions = found.get(HWVERSION, [])
    if not isinstance(versions, list) or len(versions) > 4:
        raise Malformed(f"claim {HWVERSION} (hwversion)", "an array of at most 4 texts", _kind(versions))
    oem_boot = found.get(OEMBOOT)
    if oem_boot is not None and not isinstance(oem_boot, bool):
        raise Malformed(f"claim {OEMBOOT} (oemboot)", "a truth value", _kind(oem_boot))
    return Claims(
        ueid=_ueid(found.get(UEID)),
        nonce=_bytes(found.get(NONCE), "10 (eat_nonce)", 32, 32),
        profile=_text(found.get(EAT_PROFILE), "265 (eat_profile)"),
        bootcount=_uint(found.get(BOOTCOUNT), "267 (bootcount)"),
        counter=_uint(found.get(COUNTER), "-75002 (secure counter)"),
        dlog_size=_uint(head[0], "-75001 (device-log head) size"),
        dlog_root=_bytes(head[1], "-75001 (device-log head) root", 32, 32),
        stages=stages,
        config=config,
        runtime=runtime,
        iat_s=_maybe(found, IAT, "6 (iat)", _uint),
        previous=_maybe_bytes(found, PREVIOUS, "-75003 (previous evidence)", 32, 32),
        epoch=_maybe(found, EPOCH, "-75004 (epoch)", _uint),
        oem_id=_oem_id(found.get(OEMID)),
        hw_model=_maybe_bytes(found, HWMODEL, "259 (hwmodel)", 1, 32),
        hw_version=tuple([_text(part, "260 (hwversion)") for part in versions]),
        uptime_s=_maybe(found, UPTIME, "261 (uptime)", _uint),
        oem_boot=oem_boot,
        dbg_stat=_maybe(found, DBGSTAT, "263 (dbgstat)", _uint),
        boot_seed=_maybe_bytes(found, BOOTSEED, "268 (bootseed)", 8, 64),
        sw_name=_maybe(found, SWNAME, "270 (swname)", _text),
        sw_version=_sw_version(found.get(SWVERSION)),
        other=tuple([item for item in found.items() if item[0] not in _KNOWN]),
    )


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


T = TypeVar("T")


def _uint(value: cbor.Value, name: str) -> int:
    if type(value) is not int or not 0 <= value <= limits.MAX_MS:
        raise Malformed(
            f"claim {name}",
            "an unsigned integer below 2^53",
            _kind(value) if type(value) is not int else str(value),
        )
    return value


def _bytes(value: cbor.Value, name: str, least: int, most: int) -> bytes:
    if not isinstance(value, bytes) or not least <= len(value) <= most:
        size = f"{least}" if least == most else f"{least} to {most}"
        got = f"{len(value)} bytes" if isinstance(value, bytes) else _kind(value)
        raise Malformed(f"claim {name}", f"a byte string of {size} bytes", got)
    return value


def _text(value: cbor.Value, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= limits.MAX_TEXT_BYTES or not value.isprintable():
        raise Malformed(f"claim {name}", f"1 to {limits.MAX_TEXT_BYTES} printable characters", _kind(value))
    return value


def _maybe(
    found: dict[int | str, cbor.Value], key: int, name: str, read: Callable[[cbor.Value, str], T]
) -> T | None:
    return read(found[key], name) if key in found else None


def _maybe_bytes(
    found: dict[int | str, cbor.Value], key: int, name: str, least: int, most: int
) -> bytes | None:
    return _bytes(found[key], name, least, most) if key in found else None


def _ueid(value: cbor.Value) -> bytes:
    found = _bytes(value, "256 (ueid)", 33, 33)
    if found[0] != 1:  # RFC 9711 4.2.1.1: type RAND; ours is a digest of a key
        raise Malformed("claim 256 (ueid)", "type byte 01", f"{found[0]:02x}")
    return found


def _oem_id(value: cbor.Value) -> int | bytes | None:
    if isinstance(value, bytes):
        if len(value) not in (3, 16):  # RFC 9711 4.2.3: IEEE or random
            raise Malformed("claim 258 (oemid)", "3 or 16 bytes", f"{len(value)} bytes")
        return value
    return None if value is None else _uint(value, "258 (oemid)")


def _sw_version(value: cbor.Value) -> str | None:
    # RFC 9711 4.2.7: [version, ? scheme]
    if value is None:
        return None
    if not isinstance(value, list) or not 1 <= len(value) <= 2:
        raise Malformed("claim 271 (swversion)", "[version, ? scheme]", _kind(value))
    return _text(value[0], "271 (swversion)")


def _measurements(value: cbor.Value) -> tuple[tuple[Stage, ...], bytes | None, bytes | None]:
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], list) or len(value[0]) != 2:
        raise Malformed("claim 273 (measurements)", "one [content-format, bstr]", _kind(value))
    content_format, body = value[0]
    if content_format != CONTENT_FORMAT or not isinstance(body, bytes):
        raise Malformed(
            "claim 273 (measurements)",
            f"content-format {CONTENT_FORMAT} and a byte string",
            str(content_format),
        )
    return _measured(body)


@lru_cache(maxsize=1024)
def _measured(body: bytes) -> tuple[tuple[Stage, ...], bytes | None, bytes | None]:
    """A measurement body. All devices of one build and configuration have the same, so most are read once."""
    found = cbor.decode(body, "measurement body")
    if not isinstance(found, dict) or not set(found) <= {BOOT_CHAIN, CONFIG, RUNTIME}:
        raise Malformed("measurement body", "a map with keys 1, 2, 3", _kind(found))
    chain = found.get(BOOT_CHAIN)
    if not isinstance(chain, list) or not 1 <= len(chain) <= limits.MAX_BOOT_STAGES:
        raise Malformed("measurement 1 (boot chain)", f"1 to {limits.MAX_BOOT_STAGES} stages", _kind(chain))
    stages = tuple([_stage(item, number) for number, item in enumerate(chain)])
    return (
        stages,
        _maybe_bytes(found, CONFIG, "measurement 2 (config)", 32, 32),
        _maybe_bytes(found, RUNTIME, "measurement 3 (runtime)", 32, 32),
    )


def _stage(item: cbor.Value, number: int) -> Stage:
    place = f"measurement 1 (boot chain) stage {number}"
    if not isinstance(item, list) or len(item) != 3:
        raise Malformed(place, "[name, digest, svn]", _kind(item))
    return Stage(_text(item[0], place), _bytes(item[1], place, 32, 32), _uint(item[2], place))


def build_payload(claims: Claims) -> bytes:
    """The deterministic payload that says these claims; the inverse of `parse_claims`."""
    body: dict[int | str, cbor.Value] = {
        BOOT_CHAIN: [[stage.name, stage.digest, stage.svn] for stage in claims.stages]
    }
    if claims.config is not None:
        body[CONFIG] = claims.config
    if claims.runtime is not None:
        body[RUNTIME] = claims.runtime
    found: dict[int | str, cbor.Value] = {
        NONCE: claims.nonce,
        UEID: claims.ueid,
        EAT_PROFILE: claims.profile,
        BOOTCOUNT: claims.bootcount,
        COUNTER: claims.counter,
        DLOG: [claims.dlog_size, claims.dlog_root],
        MEASUREMENTS: [[CONTENT_FORMAT, cbor.encode(body)]],
    }
    optional: dict[int, cbor.Value] = {
        IAT: claims.iat_s,
        PREVIOUS: claims.previous,
        EPOCH: claims.epoch,
        OEMID: claims.oem_id,
        HWMODEL: claims.hw_model,
        HWVERSION: list(claims.hw_version) or None,
        UPTIME: claims.uptime_s,
        OEMBOOT: claims.oem_boot,
        DBGSTAT: claims.dbg_stat,
        BOOTSEED: claims.boot_seed,
        SWNAME: claims.sw_name,
        SWVERSION: None if claims.sw_version is None else [claims.sw_version],
    }
    found.update((key, value) for key, value in optional.items() if value is not None)
    found.update(claims.other)
    return cbor.encode(found)
