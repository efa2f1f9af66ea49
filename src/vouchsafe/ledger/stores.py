"""Stores: where tiles, batch objects and evidence packs live. A name, its bytes, and when they are durable.

`FolderStore` returns from `create` and `put` only when the object and its name would survive a loss of
power: write a temporary file, fsync it, link or rename it, fsync the folder and every parent that was newly
made. The order matters: a name must never point to bytes that are not yet on the disk.
"""

import os
import re
from collections.abc import Iterable, Iterator
from errno import ELOOP
from itertools import count
from pathlib import Path
from stat import S_ISREG
from typing import Protocol

from .errors import Exists, Malformed, Missing, brief
from .limits import MAX_OBJECT_NAME

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._#-]*(?:/[A-Za-z0-9][A-Za-z0-9._#-]*)*\Z", re.ASCII)
_TEMPORARY = ".new-"


class Source(Protocol):
    """Anything that objects can be read from."""

    def get(self, name: str, *, max_bytes: int | None = None) -> bytes:
        """The object's bytes. Raises: Missing; Malformed when it is larger than `max_bytes`."""
        ...


class Store(Source, Protocol):
    """Objects by name. All writes are durable when the call returns."""

    def create(self, name: str, data: bytes) -> None:
        """A new object. Raises: Exists, and leaves the object that is there untouched."""
        ...

    def create_all(self, items: Iterable[tuple[str, bytes]]) -> list[str]:
        """Several new objects; gives the names that existed already, which are left untouched."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """A new object or the replacement of one; a reader sees the old bytes or the new."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The names that start with this prefix, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; no error if there is none. Only for what a format lets go (partial tiles)."""
        ...


def check_name(name: str) -> str:
    """A relative path of plain segments; never one that leaves the store or hides in it."""
    if len(name) > MAX_OBJECT_NAME or not _NAME.match(name):
        raise Malformed("object name", "plain segments divided by slashes", brief(name, 100))
    return name


def check_size(name: str, size: int, max_bytes: int | None) -> None:
    """Raises: Malformed when an object is larger than its reader allows."""
    if max_bytes is not None and size > max_bytes:
        raise Malformed(name, f"at most {max_bytes} bytes", f"{size} bytes or more")


class MemoryStore:
    """A store that lives as long as the process. For tests, and for proofs made on the fly."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def create(self, name: str, data: bytes) -> None:
        if self.objects.setdefault(check_name(name), data) is not data:
            raise Exists(name)

    def create_all(self, items: Iterable[tuple[str, bytes]]) -> list[str]:
        there = []
        for name, data in items:
            if check_name(name) in self.objects:
                there.append(name)
            else:
                self.objects[name] = data
        return there

    def put(self, name: str, data: bytes) -> None:
        self.objects[check_name(name)] = data

    def get(self, name: str, *, max_bytes: int | None = None) -> bytes:
        if check_name(name) not in self.objects:
            raise Missing(name)
        check_size(name, len(self.objects[name]), max_bytes)
        return self.objects[name]

    def exists(self, name: str) -> bool:
        return check_name(name) in self.objects

    def list(self, prefix: str) -> Iterator[str]:
        return iter(sorted(name for name in self.objects if name.startswith(prefix)))

    def delete(self, name: str) -> None:
        self.objects.pop(check_name(name), None)


class FolderStore:
    """Objects as files below one folder. Safe for several processes at once."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._durable: set[Path] = set()
        self._serial = count()

    def create(self, name: str, data: bytes) -> None:
        if self.create_all([(name, data)]):
            raise Exists(name)

    def create_all(self, items: Iterable[tuple[str, bytes]]) -> list[str]:
        there: list[str] = []
        folders: dict[Path, None] = {}
        for name, data in items:
            final = self._file(name)
            self._make(final.parent)
            # Also for a name that exists: whoever linked it may have died before the folder was durable.
            folders[final.parent] = None
            if not self._link(final, data):
                there.append(name)
        for folder in folders:
            _sync(folder)
        return there

    def put(self, name: str, data: bytes) -> None:
        final = self._file(name)
        self._make(final.parent)
        temporary = self._write(final.parent, data)
        try:
            os.replace(temporary, final)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync(final.parent)

    def get(self, name: str, *, max_bytes: int | None = None) -> bytes:
        path = self._file(name)
        try:
            # A pipe in a stranger's folder would have its reader wait for a writer.
            with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
                if not S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise Malformed(name, "a file", "something else")
                data = file.read() if max_bytes is None else file.read(max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise Missing(name) from None
        except OSError as error:
            if isinstance(error, PermissionError) or error.errno == ELOOP:
                raise Malformed(name, "a file that can be read", brief(error.strerror or "")) from None
            raise
        check_size(name, len(data), max_bytes)
        return data

    def exists(self, name: str) -> bool:
        return self._file(name).is_file()

    def list(self, prefix: str) -> Iterator[str]:
        folder = self.path / prefix.rpartition("/")[0]
        for parent, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for file in sorted(files):
                name = (Path(parent) / file).relative_to(self.path).as_posix()
                if name.startswith(prefix) and not file.startswith(_TEMPORARY):
                    yield name

    def delete(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self.path / check_name(name)

    def _make(self, folder: Path) -> None:
        """The folder exists and its name is durable, up to the store's own folder and that one's parent."""
        if folder in self._durable:
            return
        if folder != self.path:
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
        else:
            folder.mkdir(parents=True, exist_ok=True)
        _sync(folder.parent)
        self._durable.add(folder)

    def _write(self, folder: Path, data: bytes) -> Path:
        temporary = folder / f"{_TEMPORARY}{os.getpid()}-{id(self):x}-{next(self._serial)}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError:
            os.unlink(temporary)
            raise
        return temporary

    def _link(self, final: Path, data: bytes) -> bool:
        """Whether this call made the name. The bytes are durable before it exists."""
        if final.exists():
            return False
        temporary = self._write(final.parent, data)
        try:
            os.link(temporary, final)
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        return True


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
