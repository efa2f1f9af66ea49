"""The tokens of the API. The token itself is shown once and never stored."""

import uuid

from django.conf import settings
from django.db import models


class Token(models.Model):
    """A person's token: what it may do and until when. `sha256` is of the whole token, which is 256 random bits."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64, unique=True)
    scopes = models.CharField(max_length=200, db_comment="words of tokens.SCOPES, separated by spaces")
    made = models.DateTimeField()
    expires = models.DateTimeField()
    revoked = models.DateTimeField(null=True)
    used = models.DateTimeField(null=True, db_comment="last use, to the minute")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires__gt=models.F("made")), name="token_ends_after_it_starts"
            )
        ]

    def __str__(self) -> str:
        return self.name
