"""What goes in and out, as the OpenAPI document shows it."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

# PostgreSQL text holds no zero character; a lone surrogate is refused by pydantic's own check of str.
Clean = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Number = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"^[A-Z0-9][A-Z0-9-]*$", examples=["CAPA-2026-0001"])
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
Reason = Annotated[Clean, Field(max_length=4000)]
Revision = Annotated[
    int, Field(ge=0, le=2**31 - 1, description="the record's revision that you were looking at")
]
Changes = Annotated[
    dict[str, Any], Field(max_length=200, description="field name to value, as GET gives them")
]


class Error(Schema):
    """Why a call was refused: a code for programs, sentences for people."""

    code: str
    message: str
    reasons: list[str] = []
    place: str = ""
    roles: list[str] = []
    holders: list[str] = []
    revision: int | None = None


class Me(Schema):
    id: str
    username: str
    name: str
    title: str
    zone: str
    scopes: list[str]


class RoleOut(Schema):
    """A role that you hold; an empty scope means all."""

    role: str
    title: str
    site: str
    product: str
    process: str


class KeyOut(Schema):
    """One of your passkeys. `sha256` is of its public key, as its log entry says it."""

    id: UUID
    name: str
    added: datetime
    algorithm: int
    sha256: str


class KeyRemovalIn(Schema):
    """Why the passkey is removed, such as “phone lost”."""

    reason: Annotated[Clean, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*\S[^\x00]*$")]


class StepInfo(Schema):
    name: str
    label: str
    from_states: list[str]
    to: str


class ProcessInfo(Schema):
    key: str
    title: str
    states: list[str]
    begins: list[str]
    steps: list[StepInfo]
    clauses: list[str]


class ColumnInfo(Schema):
    """A field as its process declares it. `kind` says which values it takes; `choices` are those of a choice."""

    name: str
    label: str
    kind: str
    help: str
    unit: str
    personal: bool
    choices: list[str]


class FieldInfo(ColumnInfo):
    """`columns`: of a field of kind `rows`; one row for each value of the choice `one_per`, where it names one."""

    columns: list[ColumnInfo]
    least: int
    one_per: str


class ProcessFull(ProcessInfo):
    """A process with its fields. `opening`: those that opening a record may write; `relations`: to which processes."""

    fields: list[FieldInfo]
    opening: list[str]
    relations: dict[str, list[str]]
    stages: dict[str, list[str]]


class CountsOut(Schema):
    """How many records of a process you may see."""

    process: str
    open: int
    overdue: int
    total: int


class RecordOut(Schema):
    """One line of a list."""

    number: str
    title: str
    process: str
    state: str
    state_label: str
    owner: str
    site: str
    product: str
    due: date | None
    opened: datetime
    changed: datetime
    closed: datetime | None
    facts: dict[str, Any]
    seal: str
    seal_index: int | None


class RecordPage(Schema):
    rows: list[RecordOut]
    total: int
    page: int
    size: int


class Condition(Schema):
    """A condition of a step: the rule, the sentence, who can put it right."""

    rule: str
    sentence: str
    who: str
    severity: str
    basis: str
    fields: list[str]


class SignatureSlot(Schema):
    meaning: str
    says: str
    role: str
    given_by: str
    mine: bool
    why_not: str


class StepOut(Schema):
    step: str
    label: str
    to: str
    enabled: bool
    may: bool
    by: str
    open_conditions: list[Condition]
    signatures: list[SignatureSlot]
    writes: list[str]
    needs_reason: bool


class RecordFull(RecordOut):
    """A record with everything that its page shows. `names`: of the people whom the content names by their ids."""

    id: UUID
    version: int
    revision: int
    sha256: str
    stage: str
    entered_at: datetime
    content: dict[str, Any]
    names: dict[str, str]
    personal_erased: bool
    writable: list[str]
    steps: list[StepOut]
    standing: list[Condition]
    void: bool
    void_asked_by: str
    may_void: bool


class ChangeOut(Schema):
    """One field that an event changed, from which value to which."""

    field: str
    label: str
    kind: str
    before: Any
    after: Any


class BareEvent(Schema):
    id: int
    seq: int
    kind: str
    label: str
    by_name: str
    at: datetime
    reason: str
    from_label: str
    to_label: str
    version: int
    revision: int
    seal: str
    seal_index: int | None


class EventOut(BareEvent):
    """An event of a record, with what it changed."""

    changes: list[ChangeOut]


class RecentOut(BareEvent):
    """An event of any record that you may see."""

    number: str
    title: str
    process: str


class SignatureOut(Schema):
    step: str
    meaning: str
    says: str
    printed_name: str
    role: str
    at: datetime
    ceremony: str
    reason: str
    version: int
    sha256: str
    stands: bool


class LinkOut(Schema):
    relation: str
    number: str
    title: str
    process: str
    state: str
    closed: bool
    void: bool


class TaskOut(Schema):
    number: str
    title: str
    process: str
    state_label: str
    owner: str
    since: datetime
    kind: str
    step: str
    label: str
    meaning: str
    due: date | None
    ready: bool
    missing: int


class ClockOut(Schema):
    """A deadline that runs. `confidence` is that of the rule: medium and low say that the rule should be checked."""

    number: str
    title: str
    rule: str
    label: str
    basis: str
    jurisdiction: str
    start: datetime
    due: datetime
    late: bool
    confidence: str


class OpenIn(Schema):
    process: Word
    title: Annotated[Clean, Field(min_length=1, max_length=200)]
    site: Annotated[Clean, Field(max_length=80)] = ""
    product: Annotated[Clean, Field(max_length=80)] = ""
    changes: Changes = {}
    links: Annotated[list[tuple[Word, Number]], Field(max_length=50)] = []
    reason: Reason = ""


class WriteIn(Schema):
    seen: Revision
    changes: Changes
    reason: Reason = ""


class StepIn(Schema):
    seen: Revision
    changes: Changes | None = None
    reason: Reason = ""


class CeremonyIn(Schema):
    step: Word
    meaning: Word
    seen: Revision
    reason: Reason = ""
    changes: Changes | None = None
    role: Annotated[Clean, Field(max_length=60)] = ""


class CeremonyOut(Schema):
    """What to sign: `options` go to navigator.credentials.get, its answer to the signature call."""

    id: UUID
    statement: str
    options: dict[str, Any]
    expires: datetime
    meaning: str
    says: str
    version: int
    sha256: str


class AssertionIn(Schema):
    """A WebAuthn assertion as PublicKeyCredential.toJSON() gives it, and the role that the ceremony was begun for."""

    assertion: Annotated[dict[str, Any], Field(max_length=20)]
    role: Annotated[Clean, Field(max_length=60)] = ""


class LinkIn(Schema):
    relation: Word
    target: Number


class VoidIn(Schema):
    seen: Revision
    reason: Annotated[Clean, Field(min_length=1, max_length=4000)]


class FileOut(Schema):
    sha256: str
    name: str
    size: int
    media_type: str
    by_name: str
    at: datetime


class AssignIn(Schema):
    """Who is to own the record: a person's id or username."""

    seen: Revision
    owner: Annotated[Clean, Field(min_length=1, max_length=150)]
    reason: Reason = ""


class DraftIn(Schema):
    """What somebody has typed and not yet written: `seen` is the revision that they typed it on."""

    seen: Revision
    changes: Changes


class DraftOut(Schema):
    seen: int
    changes: dict[str, Any]
    at: datetime


class PersonOut(Schema):
    id: str
    username: str
    name: str
    title: str


class TokenIn(Schema):
    """A new token. `days`: how long it lasts, a year at most."""

    name: Annotated[Clean, Field(min_length=1, max_length=80)]
    scopes: Annotated[list[Annotated[str, Field(max_length=40)]], Field(min_length=1, max_length=20)]
    days: Annotated[int, Field(ge=1, le=366)] = 90


class TokenOut(Schema):
    id: UUID
    name: str
    scopes: list[str]
    made: datetime
    expires: datetime
    revoked: datetime | None
    used: datetime | None


class TokenMade(TokenOut):
    """The only answer that holds the token itself."""

    token: str
