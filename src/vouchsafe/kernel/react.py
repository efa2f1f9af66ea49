"""What happens elsewhere and opens a record here: processes say which event kinds they wait for (`opens_on`).

The fleet reports that a device failed its check; it never knows which process cares. A record's own step is
reported by the writer as `<process>.<step>`, in the transaction that takes it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from vouchsafe.kernel.models import Record
from vouchsafe.kernel.writing import open_on


@transaction.atomic
def happened(
    kind: str,
    *,
    title: str,
    at: datetime,
    key: str = "",
    site: str = "",
    product: str = "",
    changes: Mapping[str, Any] | None = None,
) -> list[Record]:
    """Open a draft, without an owner yet, in every process that waits for `kind`; the records that were
    opened.

    Args:
        key: what happened, so that the same thing reported twice opens one record.
        changes: values for fields of those names, where the process has them.
    """
    return open_on(
        kind,
        at=at,
        title=title,
        site=site,
        product=product,
        changes=changes,
        key=f"{kind}/{key}" if key else "",
    )
