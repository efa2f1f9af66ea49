"""The zip of a bundle, byte for byte determined by the names and contents of its members.

Members are stored, never compressed: what a compressor writes differs from version to version, and then
nobody could say whether a byte was changed. `verify.py` has its own account of the same form, and a test
holds the two together. Source: PKWARE APPNOTE 4.3; without zip64, encryption, comments, extra fields.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from vouchsafe.bundle.errors import BundleError

MAX_MEMBERS = 50_000
MAX_BYTES = 512 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX, FILE_MODE = 3, 0o100644 << 16


def pack(members: Mapping[str, bytes]) -> bytes:
    """The archive that holds these members in this order."""
    if len(members) > MAX_MEMBERS:
        raise BundleError(
            f"A bundle holds at most {MAX_MEMBERS:,} files; this one would have {len(members):,}."
        )
    if (size := sum(map(len, members.values()))) > MAX_BYTES:
        raise BundleError(f"A bundle has at most {MAX_BYTES:,} bytes; this one would have {size:,}.")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name, body in members.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system, info.external_attr = UNIX, FILE_MODE
            archive.writestr(info, body)
    return out.getvalue()


def save(path: Path, data: bytes) -> None:
    """Write the file whole or not at all: a bundle cut short by a full disk must not lie around under its
    name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
        made = Path(stream.name)
        try:
            stream.write(data)
            stream.flush()
            made.chmod(0o644)
            made.replace(path)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
