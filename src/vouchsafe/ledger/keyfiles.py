"""Private keys of 32 bytes as files that only their owner can read."""

import os
import re
import secrets
from pathlib import Path

from .errors import Malformed
from .notes import Signer

KEY_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,100}\Z", re.ASCII)


def load_or_create(folder: Path, name: str) -> bytes:
    """The 32 secret bytes of `folder/name`, made on first use with mode 0600 and durable before they return.

    Two processes that come at once agree: the file is linked into place once. Raises: Malformed when the
    file is not 64 hex digits, or readable for others.
    """
    if not _NAME.match(name):
        raise Malformed("key name", "lowercase letters, digits, dot, dash", ascii(name))
    path = folder / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(folder, path)
    return load(path)


def load(path: Path) -> bytes:
    """The secret bytes of an existing key file."""
    mode = path.stat().st_mode
    if mode & 0o077:
        raise Malformed(str(path), "a file that only its owner can read (0600)", oct(mode & 0o777))
    text = path.read_text("ascii", errors="replace").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise Malformed(str(path), "64 hex digits", f"{len(text)} characters")  # never echo a key
    return bytes.fromhex(text)


def log_signer(folder: Path, origin: str) -> Signer:
    """The signing key of a log, made on first use. The file's name is the origin's last parts."""
    name = "log-" + re.sub(r"[^a-z0-9.-]", "-", origin.lower()) + ".key"
    return Signer(origin, load_or_create(folder, name))


def _create(folder: Path, path: Path) -> None:
    temporary = folder / f".new-{os.getpid()}-{secrets.token_hex(4)}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            os.write(handle, secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return  # another process was faster: its key is the key
        parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
    finally:
        os.unlink(temporary)
