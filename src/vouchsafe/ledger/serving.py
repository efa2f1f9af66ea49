"""The public read-only face of the logs: a request path in, bytes out. No framework, so that any server can
use it.

`/log/<log>/checkpoint` and `/log/<log>/tile/...` as C2SP tlog-tiles.md prescribes. Everything else is not
found: a name is parsed into a tile and written again before a store is asked, so no path leads out of a
log's folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from . import tiles
from .errors import Malformed, Missing
from .limits import MAX_BUNDLE_BYTES, MAX_NOTE_BYTES
from .stores import Source

TEXT = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"
MUTABLE = "public, max-age=2"
IMMUTABLE = "public, max-age=31536000, immutable"
NEVER = "no-store"


@dataclass(frozen=True, slots=True)
class Served:
    """The answer: a body with its headers, or None for 404."""

    body: bytes | None
    content_type: str = TEXT
    cache_control: str = NEVER

    @property
    def status(self) -> int:
        """200 or 404."""
        return 404 if self.body is None else 200


NOT_FOUND = Served(None)


def serve(logs: Mapping[str, Source], path: str) -> Served:
    """The answer for a path below `/log/`: `<log>/checkpoint` or `<log>/tile/...`, log names as in `logs`."""
    for name, source in logs.items():
        if path.startswith(f"{name}/"):
            return serve_one(source, path[len(name) + 1 :])
    return NOT_FOUND


def serve_one(source: Source, name: str) -> Served:
    """The answer for a name below one log's prefix."""
    try:
        if name == "checkpoint":
            return Served(source.get(name, max_bytes=MAX_NOTE_BYTES), TEXT, MUTABLE)
        tile = tiles.parse_path(name)
        return Served(source.get(tile.path, max_bytes=MAX_BUNDLE_BYTES), BINARY, IMMUTABLE)
    except (Malformed, Missing):
        return NOT_FOUND
