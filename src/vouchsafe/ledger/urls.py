"""Reading a log's objects from a URL whose server is not trusted: bytes, time, redirects and types are bounded.

Nothing that comes is believed; the reader checks it against the log's key. What is bounded here is the harm that an
answer can do before that: an endless or slowly dripping body, a compression bomb, a loop of redirects, a page.
"""

import io
import socket
import zlib
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import monotonic
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from .errors import LedgerError, Malformed, Missing, brief
from .limits import MAX_BUNDLE_BYTES, MAX_REDIRECTS, OBJECT_S, STALL_S
from .stores import check_name, check_size

_PAGES = ("text/html", "application/xhtml+xml", "application/json", "application/xml", "text/xml")


class Unreachable(LedgerError):
    """A log's server could not be asked, or did not answer in time."""


class _OnlyHttp(HTTPRedirectHandler):
    """Follows a few redirects, to http and https only (urllib would also follow ftp)."""

    max_redirections = MAX_REDIRECTS

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Timed(io.RawIOBase):
    """A socket's bytes until a deadline: its own timeout alone would let a byte every few seconds go on for ever."""

    def __init__(self, sock: socket.socket, deadline: float, stall_s: float) -> None:
        self._sock, self._deadline, self._stall_s = sock, deadline, stall_s
        self._raw = sock.makefile("rb", buffering=0)  # holds the socket open, as http.client expects

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(min(left, self._stall_s))
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An HTTP answer that is read until a deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        stall_s = sock.gettimeout() or STALL_S
        self.fp = io.BufferedReader(_Timed(sock, monotonic() + OBJECT_S, stall_s))


class _Http(HTTPConnection):
    response_class = _Answer


class _Https(HTTPSConnection):
    response_class = _Answer


class _HttpHandler(HTTPHandler):
    def http_open(self, req: Request) -> Any:
        return self.do_open(_Http, req)


class _HttpsHandler(HTTPSHandler):
    def https_open(self, req: Request) -> Any:
        return self.do_open(_Https, req)


def check_url(url: str) -> str:
    """Raises: Malformed unless the URL is http or https."""
    if not url[:8].lower().startswith(("http://", "https://")):  # RFC 3986 3.1: in any case
        raise Malformed("log URL", "http:// or https://", brief(url))
    return url


class UrlSource:
    """Objects below a URL, with a limit on every answer."""

    def __init__(self, url: str, *, timeout_s: float = STALL_S) -> None:
        self.url = check_url(url).rstrip("/")
        self.timeout_s = timeout_s
        self._open: Callable[..., Any] = build_opener(_OnlyHttp, _HttpHandler, _HttpsHandler).open

    def get(self, name: str, *, max_bytes: int | None = None) -> bytes:
        """The object's bytes. Raises: Missing (404), Unreachable, Malformed when it is too large or a page."""
        limit = max_bytes if max_bytes is not None else MAX_BUNDLE_BYTES
        headers = {"User-Agent": "vouchsafe", "Accept-Encoding": "gzip, identity"}  # C2SP tlog-tiles
        try:
            request = Request(f"{self.url}/{check_name(name)}", headers=headers)  # noqa: S310 the scheme was checked
            with self._open(request, timeout=self.timeout_s) as response:
                return _body(response, name, limit)
        except HTTPError as error:
            error.close()
            if error.code == 404:
                raise Missing(name) from None
            raise Unreachable(f"{self.url}/{name}: expected 200, got {error.code}") from None
        except (URLError, HTTPException, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"{self.url}/{name}: expected an answer, got {brief(reason, 120)}") from None


def _body(response: HTTPResponse, name: str, limit: int) -> bytes:
    if response.status != 200:
        raise Unreachable(f"{name}: expected 200, got {response.status}")
    kind = response.headers.get_content_type() if "Content-Type" in response.headers else ""
    if kind in _PAGES:  # a login page or an error page that says 200
        raise Malformed(f"{name} Content-Type", "text/plain or application/octet-stream", brief(kind))
    data = response.read(limit + 1)
    check_size(name, len(data), limit)
    stated = response.headers.get("Content-Length")
    if stated is not None and stated != str(len(data)):
        # Its server stopped in the middle: no answer came, so nothing is wrong with the log.
        said = f"{brief(stated)} bytes, as Content-Length says, got {len(data)} bytes"
        raise Unreachable(f"{name}: expected {said}")
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return data
    if encoding != "gzip":
        raise Malformed(f"{name} Content-Encoding", "gzip or identity", brief(encoding))
    inflater = zlib.decompressobj(wbits=31)  # C2SP tlog-tiles: entry bundles may come compressed
    try:
        data = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        raise Malformed(name, "gzip data", str(error)) from None
    check_size(name, len(data), limit)
    if not inflater.eof or inflater.unused_data:
        raise Malformed(name, "gzip data to its end", "truncated data or more bytes after it")
    return data
