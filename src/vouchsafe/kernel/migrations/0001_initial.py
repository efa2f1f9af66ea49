"""The kernel's tables: people, records and the facts of history. Triggers follow in 0002."""

import uuid

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Counter",
            fields=[
                ("name", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("value", models.PositiveBigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="PersonKey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=80)),
                ("credential_id", models.BinaryField(unique=True)),
                (
                    "public_key",
                    models.BinaryField(db_comment="COSE_Key, the bytes that the authenticator sent"),
                ),
                ("algorithm", models.IntegerField(db_comment="COSE algorithm identifier")),
                ("aaguid", models.UUIDField()),
                ("sign_count", models.PositiveBigIntegerField(db_comment="at registration")),
                ("backed_up", models.BooleanField(db_comment="synced passkey (BS flag) when registered")),
                ("rp_id", models.CharField(max_length=253)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Record",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("process", models.CharField(db_comment="Process.key", max_length=40)),
                ("number", models.CharField(max_length=40, unique=True)),
                ("title", models.CharField(max_length=200)),
                ("state", models.CharField(max_length=60)),
                ("site", models.CharField(blank=True, default="", max_length=80)),
                ("product", models.CharField(blank=True, default="", max_length=80)),
                ("due", models.DateField(null=True)),
                ("opened", models.DateTimeField()),
                ("closed", models.DateTimeField(null=True)),
                (
                    "version",
                    models.PositiveIntegerField(db_comment="number of the newest Version", default=0),
                ),
                (
                    "revision",
                    models.PositiveIntegerField(
                        db_comment="counts every act; what a page was loaded at", default=0
                    ),
                ),
                (
                    "entered",
                    models.PositiveIntegerField(
                        db_comment="revision at which the state was entered", default=0
                    ),
                ),
                ("entered_at", models.DateTimeField()),
                (
                    "trail",
                    models.PositiveIntegerField(db_comment="events so far; the next one's seq", default=0),
                ),
                (
                    "changed",
                    models.DateTimeField(db_comment="time of the newest event; an act may not be older"),
                ),
                (
                    "facts",
                    models.JSONField(
                        db_comment="that version's short fields, for lists and trends; no long or personal text",
                        default=dict,
                    ),
                ),
                (
                    "story",
                    models.JSONField(
                        db_comment="what gates ask of the trail: states entered, steps taken, authors (kernel.story)",
                        default=dict,
                    ),
                ),
                (
                    "words",
                    django.contrib.postgres.search.SearchVectorField(
                        db_comment="of number, title and what isn't personal", null=True
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("username", models.CharField(max_length=80, unique=True)),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("full_name", models.CharField(max_length=120)),
                ("job_title", models.CharField(blank=True, default="", max_length=120)),
                (
                    "zone",
                    models.CharField(
                        db_comment="IANA time zone in which times are shown", default="UTC", max_length=60
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("joined", models.DateTimeField()),
                (
                    "failures",
                    models.PositiveIntegerField(
                        db_comment="wrong passwords since the last right one", default=0
                    ),
                ),
                ("locked_until", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("username"), name="person_username_any_case"
                    ),
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"), name="person_email_any_case"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("role", models.CharField(max_length=60)),
                ("site", models.CharField(blank=True, default="", max_length=80)),
                ("product", models.CharField(blank=True, default="", max_length=80)),
                ("process", models.CharField(blank=True, default="", max_length=40)),
                ("valid_from", models.DateTimeField()),
                ("valid_to", models.DateTimeField(null=True)),
                ("at", models.DateTimeField()),
                ("reason", models.CharField(blank=True, default="", max_length=400)),
                (
                    "by",
                    models.ForeignKey(
                        db_comment="null: at installation",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="KeyRevocation",
            fields=[
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="revocation",
                        serialize=False,
                        to="kernel.personkey",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("reason", models.CharField(max_length=400)),
            ],
        ),
        migrations.CreateModel(
            name="KeyUse",
            fields=[
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="use",
                        serialize=False,
                        to="kernel.personkey",
                    ),
                ),
                ("sign_count", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="personkey",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="keys", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.CreateModel(
            name="SubjectKey",
            fields=[
                (
                    "record",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="kernel.record",
                    ),
                ),
                ("secret", models.BinaryField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="record",
            name="owner",
            field=models.ForeignKey(
                db_comment="null: opened by the system",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="PersonalValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("field", models.CharField(max_length=120)),
                ("commitment", models.CharField(max_length=64)),
                ("sealed", models.BinaryField(db_comment="AES-256-GCM: nonce, then ciphertext and tag")),
                ("at", models.DateTimeField()),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="kernel.record"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("relation", models.CharField(max_length=40)),
                (
                    "target_version",
                    models.PositiveIntegerField(db_comment="what the target said when it was linked"),
                ),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links_out",
                        to="kernel.record",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links_in",
                        to="kernel.record",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="File",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("size", models.PositiveBigIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("media_type", models.CharField(max_length=100)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="files", to="kernel.record"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subject_type", models.CharField(max_length=16)),
                ("subject", models.UUIDField()),
                ("seq", models.PositiveIntegerField()),
                ("kind", models.CharField(max_length=60)),
                ("leaf_kind", models.CharField(max_length=30)),
                ("at", models.DateTimeField()),
                ("salt", models.BinaryField()),
                ("body", models.BinaryField()),
                (
                    "facts",
                    models.JSONField(
                        db_comment="what the leaf says openly: codes, numbers, commitments", default=dict
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        db_comment="null: the system",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="kernel.record",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "seen",
                    models.PositiveIntegerField(db_comment="the record's revision when the typing began"),
                ),
                ("changes", models.JSONField(default=dict)),
                ("at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="kernel.record"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Ceremony",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("step", models.CharField(max_length=60)),
                ("meaning", models.CharField(max_length=60)),
                ("version", models.PositiveIntegerField()),
                ("revision", models.PositiveIntegerField()),
                ("reason", models.TextField(blank=True, default="")),
                ("statement", models.BinaryField()),
                ("begun", models.DateTimeField()),
                ("expires", models.DateTimeField()),
                ("used", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="kernel.record"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Version",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("body", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="kernel.record",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Signature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "revision",
                    models.PositiveIntegerField(
                        db_comment="the record's, as signed; counts for that visit only"
                    ),
                ),
                ("state", models.CharField(max_length=60)),
                ("step", models.CharField(max_length=60)),
                ("meaning", models.CharField(max_length=60)),
                (
                    "role",
                    models.CharField(
                        db_comment="role held at that moment, or how the person was named", max_length=60
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("printed_name", models.CharField(max_length=120)),
                ("at", models.DateTimeField()),
                (
                    "clock_offset_ms",
                    models.BigIntegerField(
                        db_comment="`at` minus the database's clock when it was written (R-08)"
                    ),
                ),
                ("statement", models.BinaryField(db_comment="the canonical JSON that was signed")),
                ("ceremony", models.CharField(db_comment="passkey or password", max_length=12)),
                ("authenticator_data", models.BinaryField(null=True)),
                ("client_data", models.BinaryField(db_comment="clientDataJSON, the bytes", null=True)),
                ("assertion", models.BinaryField(db_comment="the passkey's signature", null=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="kernel.personkey",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to="kernel.version",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Revocation",
            fields=[
                (
                    "grant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="revocation",
                        serialize=False,
                        to="kernel.grant",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("reason", models.CharField(max_length=400)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(fields=["role", "person"], name="grant_role"),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_to", None), ("valid_to__gt", models.F("valid_from")), _connector="OR"
                ),
                name="grant_ends_after_it_starts",
            ),
        ),
        migrations.AddField(
            model_name="keyrevocation",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="record",
            index=models.Index(
                condition=models.Q(("closed", None)), fields=["owner", "due"], name="record_inbox"
            ),
        ),
        migrations.AddIndex(
            model_name="record",
            index=models.Index(fields=["process", "state", "due"], name="record_list"),
        ),
        migrations.AddIndex(
            model_name="record",
            index=models.Index(fields=["process", "-changed"], name="record_newest"),
        ),
        migrations.AddIndex(
            model_name="record",
            index=django.contrib.postgres.indexes.GinIndex(fields=["words"], name="record_words"),
        ),
        migrations.AddConstraint(
            model_name="personalvalue",
            constraint=models.UniqueConstraint(fields=("record", "commitment"), name="personal_value_once"),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.UniqueConstraint(fields=("source", "relation", "target"), name="link_once"),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", models.F("target")), _negated=True), name="link_not_to_self"
            ),
        ),
        migrations.AddConstraint(
            model_name="file",
            constraint=models.UniqueConstraint(fields=("record", "sha256"), name="file_once_a_record"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["kind", "id"], name="event_kind"),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(fields=("subject", "seq"), name="event_seq"),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("record", models.F("subject")), ("subject_type", "record")),
                    models.Q(models.Q(("subject_type", "record"), _negated=True), ("record", None)),
                    _connector="OR",
                ),
                name="event_record_is_its_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="draft",
            constraint=models.UniqueConstraint(fields=("record", "person"), name="draft_of_one"),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(fields=("record", "number"), name="version_number"),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.UniqueConstraint(
                fields=("version", "revision", "step", "meaning", "by"), name="signature_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("assertion__isnull", False),
                        ("authenticator_data__isnull", False),
                        ("ceremony", "passkey"),
                        ("client_data__isnull", False),
                        ("key__isnull", False),
                    ),
                    models.Q(("assertion", None), ("ceremony", "password"), ("key", None)),
                    _connector="OR",
                ),
                name="signature_has_its_proof",
            ),
        ),
    ]
