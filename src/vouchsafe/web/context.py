"""What the shell around every page shows: navigation with counts, clocks, tasks, the log's health.

Computed when a template first asks for it, so that fragments and error pages cost nothing.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from vouchsafe.web import words


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context processor named in the settings."""
    me = getattr(request, "me", None)
    if me is None:
        return {"now": timezone.now(), "zone": words.zone("UTC")}
    now, zone = request.now, request.zone  # type: ignore[attr-defined]
    from vouchsafe.web.nav import Shell

    return {
        "me": me,
        "now": now,
        "zone": zone,
        "zone_name": me.zone,
        "shell": SimpleLazyObject(lambda: Shell.of(me, now, zone, settings.VOUCHSAFE_ORGANISATION)),
    }
