"""Writing the trail: one event, with its salt and its place in the subject's sequence.

Only `acts`, `people` and `erasure` call this, inside their own transaction and with the subject locked. An
event's body is canonical JSON; the leaf that `publish` makes of it shows only `facts` and a salted
commitment to the body.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from vouchsafe.kernel.canonical import canonical
from vouchsafe.kernel.errors import Refused
from vouchsafe.kernel.models import Event, Person, Record
from vouchsafe.kernel.signing import content_commitment, moment

MAX_BODY_BYTES = 262_144
SALT_BYTES = 32
TOLERANCE = timedelta(seconds=5)
"""How much older than a record's newest event an act's time may be: two processes wait for one lock."""


def log_record(
    record: Record,
    kind: str,
    *,
    by: Person | None,
    at: datetime,
    sha256: str,
    role: str = "",
    reason: str = "",
    more: Mapping[str, Any] | None = None,
    leaf_kind: str = "record.event",
    facts: Mapping[str, Any] | None = None,
) -> Event:
    """Add the next event of `record`, which says where the record stands after it.

    The caller holds the row lock, has set the record's new values, and saves `trail` and `changed`
    afterwards. `sha256` is that of the record's newest version.
    """
    if at < record.changed - TOLERANCE:
        # a clock that went back would put a later act before an earlier one.
        raise Refused(
            f"The clock says {moment(at)}, but {record.number} was last changed at {moment(record.changed)}. "
            "Check the server's clock."
        )
    at = max(at, record.changed)
    salt = secrets.token_bytes(SALT_BYTES)
    body = {
        **(more or {}),
        **_actor(by),
        "at": moment(at),
        "kind": kind,
        "number": record.number,
        "process": record.process,
        "reason": reason,
        "record": record.id.hex,
        "revision": record.revision,
        "role": role,
        "seq": record.trail,
        "sha256": sha256,
        "state": record.state,
        "v": 1,
        "version": record.version,
    }
    shown = {
        "type": record.process,
        "version": record.version,
        "content": content_commitment(salt, sha256),
        **(facts or {}),
    }
    event = Event.objects.create(
        subject_type="record",
        subject=record.id,
        record=record,
        seq=record.trail,
        kind=kind,
        leaf_kind=leaf_kind,
        by=by,
        at=at,
        salt=salt,
        body=_limited(body),
        facts=shown,
    )
    record.trail += 1
    record.changed = at
    return event


def log_subject(
    subject_type: str,
    subject: UUID,
    kind: str,
    *,
    by: Person | None,
    at: datetime,
    body: Mapping[str, Any],
    leaf_kind: str,
    facts: Mapping[str, Any] | None = None,
) -> Event:
    """Add the next event of something that isn't a record: a person, or an export. Needs a transaction."""
    salt = secrets.token_bytes(SALT_BYTES)
    seq = next_number(f"seq/{subject_type}/{subject.hex}") - 1
    full = {
        **body,
        **_actor(by),
        "at": moment(at),
        "kind": kind,
        "seq": seq,
        "subject": subject.hex,
        "subject_type": subject_type,
        "v": 1,
    }
    return Event.objects.create(
        subject_type=subject_type,
        subject=subject,
        seq=seq,
        kind=kind,
        leaf_kind=leaf_kind,
        by=by,
        at=at,
        salt=salt,
        body=_limited(full),
        facts={"type": subject_type, **(facts or {})},
    )


def next_number(name: str) -> int:
    """The next number of a series, from 1.

    The row stays locked until the caller's transaction ends, so that a number is neither given twice nor
    lost when the act is refused.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_counter (name, value) VALUES (%s, 1) "
            "ON CONFLICT (name) DO UPDATE SET value = kernel_counter.value + 1 RETURNING value",
            [name],
        )
        row = cursor.fetchone()
    return int(row[0])


def _actor(by: Person | None) -> dict[str, str]:
    return {"by": by.id.hex if by else "", "by_name": by.full_name if by else "the system"}


def _limited(body: Mapping[str, Any]) -> bytes:
    raw = canonical(dict(body))
    if len(raw) > MAX_BODY_BYTES:
        raise Refused(f"The trail entry would have {len(raw)} bytes; expected at most {MAX_BODY_BYTES}.")
    return raw
