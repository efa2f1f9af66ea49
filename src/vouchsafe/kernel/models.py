"""The tables. `Record` is where a matter stands now; everything else is what happened, and is only ever
added to.

Write through `acts`, `people` and `erasure`, never here: the database refuses to change or remove a version,
signature, link, event, grant or key (migration 0002), the application's role owns no table
(`privileges.py`), and an import contract keeps every other package out of this module.
"""

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower


class People(BaseUserManager["Person"]):
    """Finds people by the name that they sign in with, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(username__iexact=username)


class Person(AbstractBaseUser):
    """Someone who acts. There is no superuser: what a person may do is what was granted (`Grant`).

    A person is never deleted and a username never given again (R-52). The pseudonym that appears in the log
    is computed (`people.pseudonym`) with a key that is kept outside the database, so it isn't a column.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=80, unique=True)
    email = models.EmailField(max_length=254, unique=True)
    full_name = models.CharField(max_length=120)
    job_title = models.CharField(max_length=120, blank=True, default="")
    zone = models.CharField(
        max_length=60, default="UTC", db_comment="IANA time zone in which times are shown"
    )
    is_active = models.BooleanField(default=True)
    joined = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0, db_comment="wrong passwords since the last right one")
    locked_until = models.DateTimeField(null=True)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email", "full_name"]
    objects = People()

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="person_username_any_case"),
            models.UniqueConstraint(Lower("email"), name="person_email_any_case"),
        ]

    def __str__(self) -> str:
        return self.full_name

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name.split(" ")[0]


class Grant(models.Model):
    """A role held by a person: for one site, product or process, or for all where the column is empty."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="grants")
    role = models.CharField(max_length=60)
    site = models.CharField(max_length=80, blank=True, default="")
    product = models.CharField(max_length=80, blank=True, default="")
    process = models.CharField(max_length=40, blank=True, default="")
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    by = models.ForeignKey(
        Person, models.PROTECT, null=True, related_name="+", db_comment="null: at installation"
    )
    at = models.DateTimeField()
    reason = models.CharField(max_length=400, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["role", "person"], name="grant_role")]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="grant_ends_after_it_starts",
            )
        ]


class Revocation(models.Model):
    """The end of a grant before its time. A row of its own, because grants are never edited."""

    grant = models.OneToOneField(Grant, models.PROTECT, primary_key=True, related_name="revocation")
    by = models.ForeignKey(
        Person, models.PROTECT, null=True, related_name="+", db_comment="null: the installation itself"
    )
    at = models.DateTimeField()
    reason = models.CharField(max_length=400)


class PersonKey(models.Model):
    """A passkey that a person registered: what their signatures are checked against, now and in twenty
    years.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="keys")
    name = models.CharField(max_length=80)
    credential_id = models.BinaryField(unique=True)
    public_key = models.BinaryField(db_comment="COSE_Key, the bytes that the authenticator sent")
    algorithm = models.IntegerField(db_comment="COSE algorithm identifier")
    aaguid = models.UUIDField()
    sign_count = models.PositiveBigIntegerField(db_comment="at registration")
    backed_up = models.BooleanField(db_comment="synced passkey (BS flag) when registered")
    rp_id = models.CharField(max_length=253)
    at = models.DateTimeField()


class KeyRevocation(models.Model):
    """A passkey that counts no longer, from `at` on; signatures given before stay good."""

    key = models.OneToOneField(PersonKey, models.PROTECT, primary_key=True, related_name="revocation")
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=400)


class KeyUse(models.Model):
    """The highest counter seen from a passkey: a lower one later means that it was copied (WebAuthn
    6.1.1).
    """

    key = models.OneToOneField(PersonKey, models.PROTECT, primary_key=True, related_name="use")
    sign_count = models.PositiveBigIntegerField()
    at = models.DateTimeField()


class Record(models.Model):
    """One matter under control: a CAPA, a complaint, a document, a supplier."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    process = models.CharField(max_length=40, db_comment="Process.key")
    number = models.CharField(max_length=40, unique=True)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=60)
    owner = models.ForeignKey(
        Person, models.PROTECT, null=True, related_name="+", db_comment="null: opened by the system"
    )
    site = models.CharField(max_length=80, blank=True, default="")
    product = models.CharField(max_length=80, blank=True, default="")
    due = models.DateField(null=True)
    opened = models.DateTimeField()
    closed = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0, db_comment="number of the newest Version")
    revision = models.PositiveIntegerField(
        default=0, db_comment="counts every act; what a page was loaded at"
    )
    entered = models.PositiveIntegerField(default=0, db_comment="revision at which the state was entered")
    entered_at = models.DateTimeField()
    trail = models.PositiveIntegerField(default=0, db_comment="events so far; the next one's seq")
    changed = models.DateTimeField(db_comment="time of the newest event; an act may not be older")
    facts = models.JSONField(
        default=dict, db_comment="that version's short fields, for lists and trends; no long or personal text"
    )
    story = models.JSONField(
        default=dict,
        db_comment="what gates ask of the trail: states entered, steps taken, authors (kernel.story)",
    )
    words = SearchVectorField(null=True, db_comment="of number, title and what isn't personal")

    class Meta:
        indexes = [
            models.Index(fields=["owner", "due"], condition=Q(closed=None), name="record_inbox"),
            models.Index(fields=["process", "state", "due"], name="record_list"),
            models.Index(fields=["process", "-changed"], name="record_newest"),
            GinIndex(fields=["words"], name="record_words"),
        ]

    def __str__(self) -> str:
        return self.number


class Version(models.Model):
    """What a record said: canonical JSON, kept byte for byte, because signatures bind to these bytes."""

    record = models.ForeignKey(Record, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "number"], name="version_number")]


class Signature(models.Model):
    """Who stood for a version, when, meaning what, and the proof of it (21 CFR 11.50, 11.70)."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="signatures")
    revision = models.PositiveIntegerField(db_comment="the record's, as signed; counts for that visit only")
    state = models.CharField(max_length=60)
    step = models.CharField(max_length=60)
    meaning = models.CharField(max_length=60)
    role = models.CharField(max_length=60, db_comment="role held at that moment, or how the person was named")
    reason = models.TextField(blank=True, default="")
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=120)
    at = models.DateTimeField()
    clock_offset_ms = models.BigIntegerField(
        db_comment="`at` minus the database's clock when it was written (R-08)"
    )
    statement = models.BinaryField(db_comment="the canonical JSON that was signed")
    ceremony = models.CharField(max_length=12, db_comment="passkey or password")
    key = models.ForeignKey(PersonKey, models.PROTECT, null=True, related_name="+")
    authenticator_data = models.BinaryField(null=True)
    client_data = models.BinaryField(null=True, db_comment="clientDataJSON, the bytes")
    assertion = models.BinaryField(null=True, db_comment="the passkey's signature")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "revision", "step", "meaning", "by"], name="signature_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    ceremony="passkey",
                    key__isnull=False,
                    authenticator_data__isnull=False,
                    client_data__isnull=False,
                    assertion__isnull=False,
                )
                | Q(ceremony="password", key=None, assertion=None),
                name="signature_has_its_proof",
            ),
        ]


class Ceremony(models.Model):
    """A signature that was begun: the statement to be signed, good once and for ten minutes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    record = models.ForeignKey(Record, models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    step = models.CharField(max_length=60)
    meaning = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    reason = models.TextField(blank=True, default="")
    statement = models.BinaryField()
    begun = models.DateTimeField()
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)


class Link(models.Model):
    """`source` relation `target`, e.g. CAPA-2026-0001 arises_from CMP-2026-0014."""

    source = models.ForeignKey(Record, models.PROTECT, related_name="links_out")
    relation = models.CharField(max_length=40)
    target = models.ForeignKey(Record, models.PROTECT, related_name="links_in")
    target_version = models.PositiveIntegerField(db_comment="what the target said when it was linked")
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "relation", "target"], name="link_once"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="link_not_to_self"),
        ]


class Event(models.Model):
    """One line of a trail. Its canonical body becomes, by salted commitment, one leaf of the transparency
    log.

    The subject is a record, a person (`person.key`) or an export (`bundle.export`); `seq` counts from 0 in
    each subject without a hole, which is what shows later that nothing was left out.
    """

    subject_type = models.CharField(max_length=16)
    subject = models.UUIDField()
    seq = models.PositiveIntegerField()
    record = models.ForeignKey(Record, models.PROTECT, null=True, related_name="events")
    kind = models.CharField(max_length=60)
    leaf_kind = models.CharField(max_length=30)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+", db_comment="null: the system")
    at = models.DateTimeField()
    salt = models.BinaryField()
    body = models.BinaryField()
    facts = models.JSONField(
        default=dict, db_comment="what the leaf says openly: codes, numbers, commitments"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "seq"], name="event_seq"),
            models.CheckConstraint(
                condition=Q(subject_type="record", record=F("subject"))
                | (~Q(subject_type="record") & Q(record=None)),
                name="event_record_is_its_subject",
            ),
        ]
        indexes = [models.Index(fields=["kind", "id"], name="event_kind")]


class Counter(models.Model):
    """The last number given in a series, or the events so far of a subject that isn't a record. Only
    grows.
    """

    name = models.CharField(max_length=120, primary_key=True)
    value = models.PositiveBigIntegerField()


class Draft(models.Model):
    """What someone has typed and not yet written. Private to them; changed and removed freely."""

    record = models.ForeignKey(Record, models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    seen = models.PositiveIntegerField(db_comment="the record's revision when the typing began")
    changes = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "person"], name="draft_of_one")]


class File(models.Model):
    """A file that was attached to a record. Its bytes are in the data folder, under their SHA-256."""

    record = models.ForeignKey(Record, models.PROTECT, related_name="files")
    sha256 = models.CharField(max_length=64, db_index=True)
    size = models.PositiveBigIntegerField()
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "sha256"], name="file_once_a_record")]


class SubjectKey(models.Model):
    """The key under which one record's personal values are encrypted. Deleting the row is the erasure
    (R-58).
    """

    record = models.OneToOneField(Record, models.PROTECT, primary_key=True, related_name="+")
    secret = models.BinaryField()
    at = models.DateTimeField()


class PersonalValue(models.Model):
    """A personal field's value with its salt, encrypted; the version's body holds only the commitment."""

    record = models.ForeignKey(Record, models.PROTECT, related_name="+")
    field = models.CharField(max_length=120)
    commitment = models.CharField(max_length=64)
    sealed = models.BinaryField(db_comment="AES-256-GCM: nonce, then ciphertext and tag")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record", "commitment"], name="personal_value_once")]
