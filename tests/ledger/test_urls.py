"""Reading from a hostile server: endless, slow, cut, compressed to burst, redirected, or another thing altogether."""

import gzip
import json
import socket
import threading
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.log import log
from vouchsafe.ledger import limits, notes, urls
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.errors import LedgerError, Malformed, Missing
from vouchsafe.ledger.reader import Reader
from vouchsafe.ledger.tree import EMPTY_ROOT
from vouchsafe.ledger.urls import Unreachable, UrlSource

SIGNER = notes.Signer("log.example/x", b"\x05" * 32)
NOTE = notes.sign(Checkpoint("log.example/x", 0, EMPTY_ROOT).body, SIGNER)
VKEY = SIGNER.verifier.vkey


@contextmanager
def serving(answer):
    """A server that takes each request and calls `answer(send, path)`; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    gone = threading.Event()

    def one(connection):
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                more = connection.recv(4096)
                if not more:
                    return
                request += more
            try:
                answer(connection.sendall, request.split(b" ")[1].decode(), gone)
            except OSError:
                pass  # the client has hung up, as it should

    def loop():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/log"
    finally:
        gone.set()
        listener.close()


def head(*lines, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *lines, "", ""]).encode()


def plain(body, *lines, status="200 OK"):
    def answer(send, path, gone):
        send(head(*lines, status=status) + body)

    return answer


def endless(send, path, gone):
    send(head("Content-Type: text/plain"))
    while not gone.is_set():
        send(b"x" * 65_536)


def dripping(send, path, gone):
    send(head("Content-Type: text/plain", "Content-Length: 1000"))
    while not gone.wait(0.05):
        send(b"x")


def dripping_headers(send, path, gone):
    send(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while not gone.wait(0.05):
        send(b"X-%d: y\r\n" % number)
        number += 1


def stalling(send, path, gone):
    send(head("Content-Type: text/plain", "Content-Length: 1000") + b"x")
    gone.wait(30)


def looping(send, path, gone):
    send(head(f"Location: {path}/again", status="302 Found"))


BOMB = gzip.compress(bytes(50_000_000))


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (endless, Malformed, "checkpoint: expected at most 1000000 bytes, got 1000001 bytes or more"),
        (plain(BOMB, "Content-Encoding: gzip"), Malformed, "checkpoint: expected at most 1000000 bytes, got 1000001 bytes or more"),
        (plain(BOMB[:-9], "Content-Encoding: gzip"), Malformed, "checkpoint: expected at most 1000000 bytes"),
        (plain(gzip.compress(NOTE)[:-3], "Content-Encoding: gzip"), Malformed, "checkpoint: expected gzip data to its end, got truncated data"),
        (plain(gzip.compress(NOTE) + b"more", "Content-Encoding: gzip"), Malformed, "checkpoint: expected gzip data to its end"),
        (plain(b"no gzip", "Content-Encoding: gzip"), Malformed, "checkpoint: expected gzip data, got"),
        (plain(NOTE, "Content-Encoding: br"), Malformed, "checkpoint Content-Encoding: expected gzip or identity, got 'br'"),
        (plain(NOTE, f"Content-Length: {len(NOTE) + 1}"), Unreachable, f"checkpoint: expected '{len(NOTE) + 1}' bytes, as Content-Length says, got {len(NOTE)} bytes"),
        (plain(NOTE, "Content-Length: 999999999999"), Unreachable, "checkpoint: expected '999999999999' bytes"),
        (plain(NOTE, "Content-Length: 10"), Malformed, "checkpoint: expected a newline at the end"),
        (plain(b"<html>sign in</html>", "Content-Type: text/html; charset=utf-8"), Malformed, "checkpoint Content-Type: expected text/plain or application/octet-stream, got 'text/html'"),
        (plain(b"{}", "Content-Type: application/json"), Malformed, "checkpoint Content-Type: expected"),
        (plain(b"ffffff\r\nabc", "Transfer-Encoding: chunked"), Unreachable, "checkpoint: expected an answer, got"),
        (plain(b"nonsense\r\n", "Transfer-Encoding: chunked"), Unreachable, "checkpoint: expected an answer, got"),
        (plain(b"", status="204 No Content"), Unreachable, "checkpoint: expected 200, got 204"),
        (plain(b"", status="403 Forbidden"), Unreachable, "/log/checkpoint: expected 200, got 403"),
        (plain(b"", "Location: ftp://127.0.0.1/x", status="302 Found"), Malformed, "log URL: expected http:// or https://, got 'ftp://127.0.0.1/x'"),
        (plain(b"", "Location: file:///etc/passwd", status="301 Moved"), Unreachable, "expected 200, got 301"),
        (looping, Unreachable, "/log/checkpoint: expected 200, got 302"),
        (lambda send, path, gone: send(b"SSH-2.0-x\r\n"), Unreachable, "checkpoint: expected an answer, got"),
        (lambda send, path, gone: send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000), Unreachable, "checkpoint: expected an answer, got"),
        (lambda send, path, gone: send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200), Unreachable, "checkpoint: expected an answer, got"),
        (lambda send, path, gone: None, Unreachable, "checkpoint: expected an answer, got"),
    ],
)  # fmt: skip
def test_a_hostile_answer_is_refused_at_its_place(answer, error, text):
    with serving(answer) as url, pytest.raises(error) as refused:
        Reader(url).checkpoint(VKEY)
    assert text in str(refused.value)
    assert type(refused.value) is error


@pytest.mark.parametrize("answer", [dripping, dripping_headers])
def test_a_dripping_answer_ends_at_the_deadline(answer, monkeypatch):
    monkeypatch.setattr(urls, "OBJECT_S", 0.5)
    with serving(answer) as url, pytest.raises(Unreachable, match="too long|headers|timed out"):
        Reader(url).checkpoint(VKEY)


def test_a_stalling_answer_ends_at_the_timeout():
    with serving(stalling) as url, pytest.raises(Unreachable, match="timed out"):
        UrlSource(url, timeout_s=0.3).get("checkpoint")


@pytest.mark.parametrize(
    "lines",
    [(), ("Content-Type: text/plain; charset=utf-8",), ("Content-Type: binary/octet-stream",), ("Content-Encoding: identity",),
     (f"Content-Length: {len(NOTE)}",)],
)  # fmt: skip
def test_an_honest_answer_is_read_whatever_its_server(lines):
    with serving(plain(NOTE, *lines)) as url:
        assert Reader(url + "/").checkpoint(VKEY).size == 0
        assert Reader(url.replace("http", "HTTP")).checkpoint(VKEY).size == 0


def test_a_compressed_and_a_chunked_answer_are_read():
    with serving(plain(gzip.compress(NOTE), "Content-Encoding: gzip")) as url:
        assert UrlSource(url).get("checkpoint") == NOTE
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(NOTE), NOTE)
    with serving(plain(chunks, "Transfer-Encoding: chunked")) as url:
        assert UrlSource(url).get("checkpoint") == NOTE


def test_the_limit_is_the_last_size_that_is_read():
    with serving(plain(b"x" * 100)) as url:
        assert len(UrlSource(url).get("checkpoint", max_bytes=100)) == 100
        with pytest.raises(Malformed, match="at most 99 bytes"):
            UrlSource(url).get("checkpoint", max_bytes=99)


def test_five_redirects_are_followed_and_six_are_not():
    def after(count):
        def answer(send, path, gone):
            steps = path.count("/r")
            send(head(f"Location: {path}/r", status="302 Found") if steps < count else head() + NOTE)

        return answer

    with serving(after(limits.MAX_REDIRECTS)) as url:
        assert UrlSource(url).get("checkpoint") == NOTE
    with serving(after(limits.MAX_REDIRECTS + 1)) as url, pytest.raises(Unreachable, match="got 302"):
        UrlSource(url).get("checkpoint")


def test_absent_objects_are_missing_and_odd_urls_are_refused():
    with serving(plain(b"", status="404 Not Found")) as url, pytest.raises(Missing, match="tile/0/000"):
        UrlSource(url).get("tile/0/000")
    for url in (
        "http://",
        "http://[",
        "http://127.0.0.1:99999/",
        "http://a b/",
        "http://\u2028.example/",
        "http://" + "a" * 300,
    ):
        with pytest.raises(LedgerError):
            UrlSource(url, timeout_s=1).get("checkpoint")


def test_the_command_says_one_line_and_2():
    for answer, text in (
        (endless, "checkpoint: expected at most 1000000 bytes"),
        (looping, "got 302"),
        (plain(b"", status="404 No"), "checkpoint: expected an object, got none"),
    ):
        with serving(answer) as url:
            result = CliRunner().invoke(log, ["fsck", url, "--vkey", VKEY])
        assert isinstance(result.exception, CommandError) and result.exception.code == 2
        assert text in str(result.exception) and "\n" not in str(result.exception)
    with serving(plain(NOTE)) as url:
        result = CliRunner().invoke(log, ["fsck", url, "--vkey", VKEY, "--json"])
    assert json.loads(result.output)["size"] == 0 and result.exit_code == 0


def test_a_log_is_asked_for_tiles_of_its_verified_size_only(fixtures):
    """tlog-tiles.md: no partial tile before a checkpoint was verified; without a key, only those that it speaks of."""
    folder = fixtures / "vectors/tessera-log"
    key = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
    asked = []

    def answer(send, path, gone):
        asked.append(path.removeprefix("/log/"))
        name = "checkpoint.5" if path.endswith("/checkpoint") else asked[-1]
        send(head() + (folder / name).read_bytes())

    tiles = ["tile/0/000.p/5", "tile/entries/000.p/5"]
    with serving(answer) as url:
        for keys, code, fetched, told in (
            (["--vkey", VKEY], 1, [], None),
            (["--vkey", key], 0, tiles, "verified"),
            ([], 0, tiles, "unverified"),
        ):
            asked.clear()
            result = CliRunner().invoke(log, ["prove", url, "3", "--json", *keys])
            got = result.exception.code if isinstance(result.exception, CommandError) else result.exit_code
            assert (got, sorted(asked[1:]), asked[0]) == (code, fetched, "checkpoint")
            assert told is None or json.loads(result.stdout)["checkpoint"] == told
