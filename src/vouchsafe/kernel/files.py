"""The bytes of attached files: one file a SHA-256 in the data folder, durable before the database names
it.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path

from django.conf import settings

from vouchsafe.kernel.errors import NotFound, Refused

MAX_FILE_BYTES = 32 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def folder() -> Path:
    """Where the bytes are."""
    return Path(settings.VOUCHSAFE_DATA) / "store" / "files"


def keep(data: bytes, *, root: Path) -> str:
    """Store `data` durably under its SHA-256 and return that; storing the same bytes again changes nothing.

    Order: write aside, fsync, link to the final name, fsync the folder. A crash leaves either nothing or all
    of it.

    Raises:
        Refused: empty or too large.
    """
    if not 0 < len(data) <= MAX_FILE_BYTES:
        raise Refused(f"The file has {len(data)} bytes; expected 1 to {MAX_FILE_BYTES}.")
    sha256 = hashlib.sha256(data).hexdigest()
    place = root / sha256[:2]
    final = place / sha256
    if final.exists():
        return sha256
    place.mkdir(parents=True, exist_ok=True)
    aside = place / f".{secrets.token_hex(8)}"
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, final)
        except FileExistsError:
            pass  # another process stored the same bytes in this moment
    finally:
        aside.unlink(missing_ok=True)
    for directory in (place, root):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return sha256


def read(sha256: str, *, root: Path) -> bytes:
    """The bytes, checked against their name.

    Raises:
        NotFound: no such file, or its bytes are no longer those.
    """
    if not _SHA256.match(sha256):
        raise NotFound("A file is named by 64 hex digits.")
    try:
        data = (root / sha256[:2] / sha256).read_bytes()
    except FileNotFoundError:
        raise NotFound(f"There is no file {sha256}.") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotFound(f"The bytes of file {sha256} have changed on the disk; they are not shown.")
    return data
