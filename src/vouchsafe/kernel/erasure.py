"""Personal values: kept apart and encrypted, so that a lawful erasure leaves every proof standing (R-58).

A version's bytes hold `{"commitment": hex}` in place of a personal value. The value and its salt are
encrypted under a key of that record; deleting the key row is the erasure. What was hashed, signed and logged
is the commitment, which says nothing without the salt.

WEAKNESS: the key is a row of the same database. A backup taken before the erasure still holds it, until the
backup itself is disposed of; docs/operating says so.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vouchsafe.kernel import permit
from vouchsafe.kernel.canonical import canonical
from vouchsafe.kernel.models import PersonalValue, Record, SubjectKey

SALT_BYTES = 32
NONCE_BYTES = 12


def commitment(salt: bytes, value: Any) -> str:
    """Hex SHA-256 of the salt and the value's canonical bytes."""
    return hashlib.sha256(salt + canonical(value)).hexdigest()


class Vault:
    """The personal values of one record: `reveal` and `commit` are what `canonical.unpack` and `pack` ask
    for.

    New values are kept in memory until `store`, which the one writer calls in the transaction that writes
    the version.
    """

    def __init__(self, record: Record, secret: bytes | None, sealed: Iterable[PersonalValue]) -> None:
        self._record = record
        self._secret = secret
        self._sealed = {row.commitment: row for row in sealed}
        self._shown: dict[tuple[str, bytes], str] = {}
        self._new: dict[str, tuple[str, bytes, Any]] = {}

    @property
    def has_key(self) -> bool:
        """Whether the record's key is there: what was sealed under it can be read."""
        return self._secret is not None

    def reveal(self, place: str, commitment: str) -> Any:
        """The value behind a commitment, or None where it was erased."""
        row = self._sealed.get(commitment)
        if row is None or self._secret is None:
            return None
        raw = bytes(row.sealed)
        try:
            plain = AESGCM(self._secret).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], self._context(commitment)
            )
        except InvalidTag:
            return None  # sealed under a key that has been erased since
        value = json.loads(plain[SALT_BYTES:])
        self._shown[(place, canonical(value))] = commitment
        return value

    def commit(self, place: str, value: Any) -> dict[str, str]:
        """The commitment that stands for `value` in the version's bytes; an unchanged value keeps the one it
        has.
        """
        known = self._shown.get((place, canonical(value)))
        if known is None:
            salt = secrets.token_bytes(SALT_BYTES)
            known = commitment(salt, value)
            self._new[known] = (place, salt, value)
            self._shown[(place, canonical(value))] = known
        return {"commitment": known}

    def store(self, *, at: datetime) -> None:
        """Encrypt and keep what `commit` was given. The caller holds the record's lock."""
        if not self._new:
            return
        if self._secret is None:
            self._secret = AESGCM.generate_key(256)
            SubjectKey.objects.create(record=self._record, secret=self._secret, at=at)
        rows = []
        for made, (place, salt, value) in self._new.items():
            nonce = secrets.token_bytes(NONCE_BYTES)
            sealed = AESGCM(self._secret).encrypt(nonce, salt + canonical(value), self._context(made))
            rows.append(
                PersonalValue(
                    record=self._record, field=place[:120], commitment=made, sealed=nonce + sealed, at=at
                )
            )
        PersonalValue.objects.bulk_create(rows)
        self._new = {}

    def _context(self, commitment: str) -> bytes:
        return self._record.id.bytes + bytes.fromhex(commitment)


def vault_of(record: Record) -> Vault:
    """The vault of one record."""
    return vaults_of([record])[record.pk]


def vaults_of(records: Iterable[Record]) -> dict[Any, Vault]:
    """The vaults of many records by id, in two queries."""
    them = {r.pk: r for r in records}
    return permit.once(("vaults", frozenset(them)), lambda: _vaults(them))


def _vaults(them: dict[Any, Record]) -> dict[Any, Vault]:
    keys = dict(SubjectKey.objects.filter(record__in=them).values_list("record_id", "secret"))
    values: dict[Any, list[PersonalValue]] = {}
    if keys:
        for row in PersonalValue.objects.filter(record__in=list(keys)):
            values.setdefault(row.record_id, []).append(row)
    return {
        pk: Vault(r, bytes(keys[pk]) if pk in keys else None, values.get(pk, ())) for pk, r in them.items()
    }
