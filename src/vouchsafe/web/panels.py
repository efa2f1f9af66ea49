"""What a process shows beyond the generic page: its own panels, above the form."""

from collections.abc import Callable, Mapping
from typing import Any

from vouchsafe.kernel.views import RecordView

Panel = Callable[[Any, RecordView], dict[str, Any]]


def of(request: Any, r: RecordView) -> dict[str, Any]:
    """The panels of this record's process: `own_parts` names their templates."""
    panel = _panels().get(r.process.key)
    return panel(request, r) if panel else {"own_parts": ()}


def _panels() -> Mapping[str, Panel]:
    from vouchsafe.web.views import (
        advisories,
        devices,
        fieldactions,
    )  # these views show the record's page too

    return {
        "complaint": devices.complaint_panel,
        "vulnerability": advisories.panel,
        "field_action": fieldactions.panel,
    }
