"""Drafts: what somebody has typed and not yet written. Private, mutable, no part of the history."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from vouchsafe.kernel import permit
from vouchsafe.kernel.declare import fields_of
from vouchsafe.kernel.errors import BadInput, NotFound
from vouchsafe.kernel.models import Draft, Person, Record
from vouchsafe.kernel.values import encoded, plain
from vouchsafe.kernel.writing import process_of

MAX_DRAFT_BYTES = 1_048_576
REASON = "_reason"
"""The name under which a draft may keep the reason that was typed beside the fields."""


@transaction.atomic
def save_draft(number: str, *, by: Person, at: datetime, seen: int, changes: Mapping[str, Any]) -> None:
    """Keep what `by` has typed so far. It replaces their earlier draft of this record."""
    record = Record.objects.filter(number=number).first()
    if record is None:
        raise NotFound(f"There is no record {number} that you may see.")
    permit.require_read(by, record, at=at)
    known = {f.name for f in fields_of(process_of(record.process).content)}
    if stray := sorted(set(changes) - known - {REASON}):
        raise BadInput(str(stray[0])[:80], "a field of this record", "an unknown name")
    given = plain(dict(changes))
    try:
        size = len(encoded(given))
    except (TypeError, ValueError, RecursionError):
        raise BadInput("draft", "JSON values", "something else") from None
    if size > MAX_DRAFT_BYTES:
        raise BadInput("draft", f"at most {MAX_DRAFT_BYTES} bytes", str(size))
    Draft.objects.update_or_create(
        record=record, person=by, defaults={"seen": seen, "changes": given, "at": at}
    )


def draft_of(number: str, by: Person) -> Draft | None:
    """The draft of `by`, with `changes`, `seen` (the revision it was typed on) and `at`; None when there is
    none.
    """
    return Draft.objects.filter(record__number=number, person=by).first()


def drop_draft(number: str, by: Person) -> None:
    """Throw away the draft of `by`."""
    Draft.objects.filter(record__number=number, person=by).delete()
