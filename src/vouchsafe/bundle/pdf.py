"""record.pdf: the record on A4, set by Typst from the same data as the page.

The same data gives the same bytes: no date, no system fonts. Typst is part of the server's extra, because
only the server makes bundles; verifying needs no PDF.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vouchsafe.bundle.errors import BundleError

TEMPLATE = Path(__file__).with_name("record.typ")


def render(reading: Mapping[str, Any]) -> bytes:
    """The PDF of a reading. Raises: BundleError when Typst is missing or refuses the data."""
    try:
        import typst
    except ModuleNotFoundError:
        raise BundleError("Making a bundle needs the server part: pip install 'vouchsafe[server]'") from None
    given = json.dumps(dict(reading) | {"devices": [_dated(device) for device in reading["devices"]]})
    try:
        made = typst.compile(
            TEMPLATE.read_bytes(), format="pdf", ignore_system_fonts=True, sys_inputs={"reading": given}
        )
    except typst.TypstError as error:
        raise BundleError(f"The PDF could not be set: {str(error)[:300]}") from None
    return bytes(made)


def _dated(device: Mapping[str, Any]) -> dict[str, Any]:
    """The device with its times as text, since Typst has no calendar for milliseconds."""
    window = device["window"]
    lanes = [
        lane
        | {
            "spans": [
                s | {"from_text": _moment(s["from"]), "to_text": _moment(s["to"])} for s in lane["spans"]
            ]
        }
        for lane in device["lanes"]
    ]
    texts = [
        _moment(window["from"]),
        _moment(window["to"]),
        _moment(window["event"]) if window["event"] >= 0 else "",
    ]
    return dict(device) | {"lanes": lanes, "window_text": texts}


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%-d %b %Y %H:%M")
