"""What the queries answer: frozen values that a page, the API, a PDF or a bundle shows. Nothing here asks
anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from vouchsafe.kernel.declare import Clock, Process
from vouchsafe.kernel.publish import RECORDS, Seal

QUEUED = Seal("queued", RECORDS, "")
"""The seal of what has not been logged yet."""


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody, as a page names them. `id` is the uuid's hex."""

    id: str
    name: str
    job_title: str = ""
    username: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the few steps of the page's stepper: done, now or later; `at` when it was last entered."""

    label: str
    status: str
    at: datetime | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class GateView:
    """A condition of a step: the sentence, the rule behind it, who can put it right and where on the form.

    severity: block (no way round), warn and late (a reason of substance opens them).
    """

    rule: str
    sentence: str
    who: str
    severity: str = "block"
    fields: tuple[str, ...] = ()
    basis: str = ""
    name: str = ""
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SlotView:
    """One signature that a step needs: given by whom, or waiting for whom."""

    meaning: str
    says: str
    role: str
    wanted: str
    rule: str = ""
    given_by: str = ""
    at: datetime | None = None
    mine: bool = False  # the reader may give it now
    why_not: str = ""  # for the reader
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepView:
    """Something that may happen next, for one reader."""

    step: str
    label: str
    to: str
    to_label: str
    enabled: bool  # the reader may take or sign it, and every gate is open or only asks for a reason
    may: bool  # it is for the reader to take or to sign
    by: str  # for whom it is
    holders: tuple[str, ...]
    open_conditions: tuple[GateView, ...]
    met: tuple[GateView, ...]
    signatures: tuple[SlotView, ...]
    writes: frozenset[str]
    needs_reason: bool
    system: bool = False
    rejects: bool = False

    @property
    def signed(self) -> bool:
        """Whether the step is taken by signatures and not by a button."""
        return bool(self.signatures)

    @property
    def waiting(self) -> tuple[SlotView, ...]:
        return tuple(s for s in self.signatures if not s.given_by)


@dataclass(frozen=True, slots=True)
class LinkView:
    """A record at the other end; `hidden` where the reader may not see more than that there is one."""

    relation: str
    number: str
    title: str
    process: str
    process_title: str
    state: str
    state_label: str
    closed: bool
    void: bool
    at: datetime
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class FileView:
    sha256: str
    name: str
    size: int
    media_type: str
    by_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SignatureView:
    """A signature as 21 CFR 11.50 wants it shown, and whether it still counts for the newest version."""

    id: int
    step: str
    step_label: str
    meaning: str
    says: str
    printed_name: str
    role: str
    role_words: str
    at: datetime
    ceremony: str
    reason: str
    version: int
    sha256: str
    stands: bool
    person: str
    clock_offset_ms: int
    seal: Seal


@dataclass(frozen=True, slots=True)
class Change:
    """One field that an event changed; `before` and `after` are the field's own values, for the page to
    show.
    """

    field: str
    label: str
    kind: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of the trail."""

    id: int
    seq: int
    number: str
    title: str
    process: str
    kind: str
    label: str
    by: str
    by_name: str
    role: str
    at: datetime
    reason: str
    from_label: str
    to_label: str
    version: int
    revision: int
    body: Mapping[str, Any]
    changes: tuple[Change, ...]
    seal: Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """Everything that a record's page shows to one reader."""

    id: UUID
    number: str
    title: str
    process: Process
    state: str
    state_label: str
    stage: str
    stages: tuple[Stage, ...]
    owner: PersonView | None
    site: str
    product: str
    due: date | None
    opened: datetime
    closed: datetime | None
    changed: datetime
    entered_at: datetime
    version: int
    revision: int
    sha256: str
    body: bytes = field(repr=False)
    content: Any
    facts: Mapping[str, Any]
    names: Mapping[str, str]
    writable: frozenset[str]
    steps: tuple[StepView, ...]
    standing: tuple[GateView, ...]
    clocks: tuple[Clock, ...]
    links: tuple[LinkView, ...]
    files: tuple[FileView, ...]
    signatures: tuple[SignatureView, ...]
    seal: Seal
    events: int
    void: bool
    void_asked_by: str
    may_void: bool
    since: Mapping[str, datetime]
    personal_erased: bool

    @property
    def settled(self) -> bool:
        return self.closed is not None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One line of a list."""

    id: UUID
    number: str
    title: str
    process: str
    process_title: str
    state: str
    state_label: str
    stage: str
    owner: str
    owner_id: str
    site: str
    product: str
    due: date | None
    opened: datetime
    changed: datetime
    closed: datetime | None
    facts: Mapping[str, Any]
    seal: Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list shows; empty means all. `facts` compares short fields with equal values."""

    states: tuple[str, ...] = ()
    owner: str = ""  # hex
    site: str = ""
    product: str = ""
    text: str = ""
    open_only: bool = False
    closed_only: bool = False
    overdue_on: date | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    sort: str = "-changed"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and how many there are in all."""

    rows: tuple[RecordRow, ...]
    total: int
    page: int
    size: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits for the reader: a step to take, or a signature to give."""

    number: str
    title: str
    process: str
    state_label: str
    kind: str  # step | sign
    step: str
    label: str
    meaning: str
    due: date | None  # the record's own day or its nearest clock, whichever is first
    ready: bool  # nothing is missing but the reader
    missing: int  # conditions still open
    owner: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock that runs on a record."""

    number: str
    title: str
    process: str
    clock: Clock
    late: bool


@dataclass(frozen=True, slots=True)
class Count:
    """Open records of a process that the reader may see, and how many of them are overdue."""

    open: int
    overdue: int
    total: int
