"""The door for devices: HTTP in front of an `Intake`, on a port of its own (decision 16).

    POST /v1/evidence   CBOR sequence of items, gzip allowed -> {"items": [{"log", "index", "result", ...},
    ...]} GET  /v1/nonce      -> {"nonce": hex} POST /v1/enrol      JSON array of DSSE envelopes -> {"items":
    [...]}; needs the scope `enrol` GET  /healthz

The paths stand below `/api/device` too. Every refusal is JSON {"error": {"place", "expected", "got"} or
text}; nothing is taken of a request that is refused.
"""

import logging
import threading
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import psycopg

from vouchsafe.attest import limits
from vouchsafe.fleet.enrol import MAX_STATEMENTS, enrol
from vouchsafe.fleet.errors import BadInput
from vouchsafe.fleet.intake import Intake
from vouchsafe.fleet.units import ENROL, EVIDENCE, Gateway, token_hash
from vouchsafe.ledger.errors import Fenced

log = logging.getLogger("vouchsafe.intake")

MAX_WIRE_BYTES = limits.MAX_BATCH_BYTES
MAX_ENROL_BYTES = 8 * 1024 * 1024
PREFIX = "/api/device"
_TOKENS_MS = 10_000
_LATER = "503 Service Unavailable"

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Refusal(Exception):
    """An HTTP answer that isn't 200."""

    def __init__(self, status: str, error: Any, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.error = error
        self.headers = list(headers)


class Door:
    """The WSGI application.

    `clock` gives ms since the epoch; `lost` is called when the database is gone for good.
    """

    def __init__(
        self, intake: Intake, clock: Callable[[], int], *, lost: Callable[[], None] = lambda: None
    ) -> None:
        self._intake = intake
        self._clock = clock
        self._lost = lost
        self._tokens: dict[bytes, tuple[int, Gateway | None]] = {}
        self._reading = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, body, headers = "200 OK", self._answer(environ), []
        except Refusal as refusal:
            status, body, headers = refusal.status, {"error": refusal.error}, refusal.headers
        except BadInput as error:
            told = {"place": error.place, "expected": error.expected, "got": error.got}
            status, body, headers = "400 Bad Request", {"error": told}, []
        except Fenced:
            # Another process writes this log now. Nothing of this request was taken; the sender tries again.
            status, body, headers = _LATER, {"error": "not the writer of the log"}, [("Retry-After", "1")]
        except psycopg.OperationalError:
            # PostgreSQL went away, perhaps in the middle of the commit: what it took of this request is found as a
            # duplicate when the sender repeats it.
            log.exception("the database is gone; nothing is acknowledged")
            status, body, headers = _LATER, {"error": "the database is away"}, [("Retry-After", "1")]
            if self._intake.is_lost:
                self._lost()
        data = orjson.dumps(body)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(data))),
            ("Cache-Control", "no-store"),
            *headers,
        ]
        start_response(status, headers)
        return [data]

    def _answer(self, environ: dict[str, Any]) -> dict[str, Any]:
        path = str(environ.get("PATH_INFO", "")).removeprefix(PREFIX)
        method = environ.get("REQUEST_METHOD", "")
        if path == "/healthz" and method == "GET":
            return {"log": self._intake.origin}
        routes = {
            "/v1/evidence": ("POST", EVIDENCE, self._evidence),
            "/evidence": ("POST", EVIDENCE, self._evidence),
            "/v1/nonce": ("GET", EVIDENCE, self._nonce),
            "/v1/enrol": ("POST", ENROL, self._enrol),
        }
        if path not in routes:
            raise Refusal("404 Not Found", "no such address")
        needed, scope, handle = routes[path]
        if method != needed:
            raise Refusal("405 Method Not Allowed", f"expected {needed}", ("Allow", needed))
        now_ms = self._clock()
        return handle(environ, self._gateway(environ, scope, now_ms), now_ms)

    def _gateway(self, environ: dict[str, Any], scope: str, now_ms: int) -> Gateway:
        kind, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        if kind.lower() != "bearer" or not 0 < len(token) <= 200:
            raise Refusal("401 Unauthorized", "a bearer token is needed", ("WWW-Authenticate", "Bearer"))
        gateway = self._known(token_hash(token.strip()), now_ms)
        if gateway is None:
            raise Refusal("401 Unauthorized", "this token is not valid", ("WWW-Authenticate", "Bearer"))
        if scope not in gateway.scopes:
            raise Refusal("403 Forbidden", f"this token lacks the scope {scope}")
        return gateway

    def _known(self, digest: bytes, now_ms: int) -> Gateway | None:
        """A token's gateway, read at most every ten seconds: so long may a revoked token still work."""
        with self._reading:
            held = self._tokens.get(digest)
            if held is None or not 0 <= now_ms - held[0] < _TOKENS_MS:
                row = self._intake.conn.execute(
                    "SELECT id, name, pseudonym, scopes FROM fleet_gateway WHERE token_sha256 = %s"
                    " AND revoked_at IS NULL AND made_at <= %s AND expires_at > %s",
                    (digest, now_ms, now_ms),
                ).fetchone()
                held = (now_ms, Gateway(row[0], row[1], row[2], frozenset(row[3])) if row else None)
                if len(self._tokens) > 10_000:
                    self._tokens.clear()
                self._tokens[digest] = held
            return held[1]

    def _evidence(self, environ: dict[str, Any], gateway: Gateway, now_ms: int) -> dict[str, Any]:
        answers = self._intake.take(body_of(environ, MAX_WIRE_BYTES, limits.MAX_BATCH_BYTES), gateway, now_ms)
        items = []
        for answer in answers:
            item: dict[str, Any] = {"log": answer.log, "index": answer.index, "result": answer.result}
            if answer.tier is not None:
                item |= {"tier": answer.tier, "reasons": answer.reasons}
            if answer.error:
                item["error"] = answer.error
            items.append(item)
        return {"items": items}

    def _nonce(self, _environ: dict[str, Any], _gateway: Gateway, now_ms: int) -> dict[str, Any]:
        return {"nonce": self._intake.nonce(now_ms).hex()}

    def _enrol(self, environ: dict[str, Any], _gateway: Gateway, now_ms: int) -> dict[str, Any]:
        body = body_of(environ, MAX_ENROL_BYTES, MAX_ENROL_BYTES)
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadInput(f"body byte {error.pos}", "JSON", error.msg) from None
        if not isinstance(found, list) or not 0 < len(found) <= MAX_STATEMENTS:
            raise BadInput("body", f"an array of 1 to {MAX_STATEMENTS} envelopes", type(found).__name__)
        if not all(isinstance(envelope, dict) for envelope in found):
            raise BadInput("body", "an array of DSSE envelopes (objects)", "another value in it")
        done = enrol(self._intake, [orjson.dumps(envelope) for envelope in found], now_ms)
        return {
            "items": [
                {"serial": d.serial, "result": d.result, "index": d.index, "error": d.error} for d in done
            ]
        }


def body_of(environ: dict[str, Any], most_wire: int, most: int) -> bytes:
    """The request's body, decompressed if it says gzip. Never more than `most` bytes are held."""
    text = str(environ.get("CONTENT_LENGTH") or "")
    if not text.isascii() or not text.isdigit():
        raise Refusal("411 Length Required", "a Content-Length is needed")
    length = int(text)
    if length > most_wire:
        raise Refusal("413 Content Too Large", f"at most {most_wire} bytes; send fewer items")
    data = environ["wsgi.input"].read(length)
    if len(data) != length:
        raise BadInput("body", f"{length} bytes", f"{len(data)} bytes")
    encoding = str(environ.get("HTTP_CONTENT_ENCODING", "identity")).strip().lower()
    if encoding == "identity":
        return bytes(data)
    if encoding != "gzip":
        raise Refusal(
            "415 Unsupported Media Type", "Content-Encoding: gzip or none", ("Accept-Encoding", "gzip")
        )
    return _gunzip(bytes(data), most)


def _gunzip(data: bytes, most: int) -> bytes:
    """One gzip member and nothing after it; a bomb is stopped at `most` bytes."""
    machine = zlib.decompressobj(wbits=31)
    out = bytearray()
    try:
        out += machine.decompress(data, most + 1)
    except zlib.error as error:
        raise BadInput("body", "gzip", str(error)[:80]) from None
    if len(out) > most:
        raise Refusal("413 Content Too Large", f"at most {most} bytes after decompression; send fewer items")
    if not machine.eof:
        raise BadInput("body", "a whole gzip member", f"one cut off after {len(data)} bytes")
    if machine.unused_data:
        raise BadInput("body", "one gzip member", f"{len(machine.unused_data)} bytes after it")
    return bytes(out)
