"""A small ingest server for tests: it answers as docs/formats/ingest-batch.md says, or fails as told."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from vouchsafe.attest import batch
from vouchsafe.attest.errors import Malformed

NONCE = bytes(range(32))


class Server:
    """Takes batches until the next entry of `failures` says otherwise; `taken` holds what is durable."""

    def __init__(self):
        self.taken: list[bytes] = []
        self.indexes: dict[bytes, int] = {}
        self.failures: list[object] = []
        self.requests: list[dict] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.answer(200, {"nonce": NONCE.hex()})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.requests.append({"path": self.path, "bytes": len(body), **self.headers})
                failure = outer.failures.pop(0) if outer.failures else None
                if failure == "lost":  # taken, but the answer never arrives
                    outer.take(body)
                    self.connection.close()
                    return
                if callable(failure):
                    failure = failure(body)
                if failure is not None:
                    self.answer(*failure)
                    return
                try:
                    self.answer(200, {"items": [{"log": "l", "index": index} for index in outer.take(body)]})
                except Malformed as error:
                    self.answer(400, {"error": str(error)})

            def answer(self, status, found, **headers):
                raw = json.dumps(found).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def take(self, body: bytes) -> list[int]:
        found = []
        for item in batch.decode(body):
            if item.raw not in self.indexes:
                self.indexes[item.raw] = len(self.taken)
                self.taken.append(item.raw)
            found.append(self.indexes[item.raw])
        return found

    def close(self):
        self.http.shutdown()
        self.http.server_close()
