"""What comes from outside with a form: files, and devices by serial number or scanned UDI."""

from datetime import datetime
from typing import Any

from vouchsafe.fleet import queries as fleet
from vouchsafe.fleet.errors import FleetError
from vouchsafe.kernel import acts
from vouchsafe.kernel.errors import Refused
from vouchsafe.kernel.fields import Device, File
from vouchsafe.kernel.files import MAX_FILE_BYTES
from vouchsafe.web import words


def size_of(upload: Any) -> int:
    """How many bytes were sent."""
    return int(upload.size or 0)


def attach(number: str, upload: Any, *, by: Any, at: datetime) -> File:
    """Attach an uploaded file to a record. Raises: Refused."""
    if upload.size > MAX_FILE_BYTES:
        raise Refused(
            f"{upload.name} has {words.size(upload.size)}; a file has at most {words.size(MAX_FILE_BYTES)}."
        )
    name = " ".join(str(upload.name).split())[:200] or "file"
    sha256 = acts.attach(
        number, upload.read(), name=name, media_type="application/octet-stream", by=by, at=at
    )
    return File(sha256, name, upload.size)


def resolve(text: str, now: datetime) -> Device | str:
    """The registered device that a serial number or UDI names, or the sentence that says why there is "
    "none."""
    try:
        found = fleet.device(fleet.resolve(text), int(now.timestamp() * 1000))
    except FleetError as why:
        return str(why)
    return Device(found.serial, found.udi_di, found.lot)
