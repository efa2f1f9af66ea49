"""Signing in two halves: `begin_signing` makes the statement, `sign` takes its proof and may move the record.

A signature is an act of its own; the record moves when the last one that the step needs is there. It counts
for the bytes that it was given over and for this visit to the state: a change of content, or a way back,
needs new ones (INV-05). Between the two halves nothing is locked; if the version or the state changed
meanwhile, signing is refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from vouchsafe.kernel import cases, people, permit, signing
from vouchsafe.kernel.canonical import digest
from vouchsafe.kernel.cases import Loaded
from vouchsafe.kernel.declare import Signed, Slot, Step, given, may, slot_for, slots, waiting
from vouchsafe.kernel.errors import Denied, NotFound, Refused, SigningFailed, Stale
from vouchsafe.kernel.models import Ceremony, Person, PersonKey, Record, Signature
from vouchsafe.kernel.writing import (
    checked_reason,
    deny,
    lock,
    log,
    merged,
    require_open,
    require_seen,
    save,
    step_of,
    take,
    write_version,
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A ceremony that waits for its proof."""

    id: UUID
    statement: bytes
    challenge: bytes
    options: dict[str, Any]  # for navigator.credentials.get; empty when the person has no passkey
    expires: datetime
    meaning: str
    says: str  # the sentence that the signer stands for
    record: str
    version: int
    sha256: str
    revision: int


@transaction.atomic
def begin_signing(
    number: str,
    step: str,
    meaning: str,
    *,
    seen: int,
    by: Person,
    at: datetime,
    reason: str = "",
    changes: Mapping[str, Any] | None = None,
    role: str = "",
) -> Begun:
    """Make the statement that `by` is to sign, for one slot of `step`.

    `changes` are the step's own fields; they are written as a version first, because a signature needs bytes
    to bind to. `role` picks the slot where a person could fill several.

    Raises:
        Stale: the record has moved on since `seen`.
        Denied, Refused: no such signature for this person, or a gate is shut for what the record says.
    """
    record = lock(number, by=by, at=at)
    require_seen(record, seen)
    loaded = cases.load(record, now=at, reason=checked_reason(reason), also=[by])
    wanted = step_of(loaded, step)
    roles = loaded.roles_of(by)
    wrote: list[str] = []
    if changes:
        if not may(wanted.by, loaded.case, person=by.id.hex, roles=roles):
            raise deny(loaded, f"write what “{wanted.label}” needs", wanted.by)
        content = merged(loaded, changes, allowed=wanted.writes, what=f"“{wanted.label}”")
        loaded, wrote = write_version(loaded, content, by=by, at=at)
    slot = _slot(loaded, wanted, by=by, roles=roles, meaning=meaning, role=role)
    require_open(loaded, wanted)
    if wrote:
        record.revision += 1
        log(
            record,
            "written",
            by=by,
            at=at,
            sha256=loaded.version.sha256,
            more={"wrote": wrote, "for_step": step},
        )
        save(record, loaded)
    return _begun(loaded, slot, step=step, meaning=meaning, by=by, at=at)


def _begun(loaded: Loaded, slot: Slot, *, step: str, meaning: str, by: Person, at: datetime) -> Begun:
    """Keep the statement for its ten minutes, and make the challenge from it."""
    record = loaded.record
    statement = signing.statement(
        record=record.number,
        version=record.version,
        sha256=loaded.version.sha256,
        process=record.process,
        step=step,
        revision=record.revision,
        meaning=meaning,
        reason=loaded.case.reason,
        signer=by.id.hex,
        at=at,
    )
    ceremony = Ceremony.objects.create(
        record=record,
        person=by,
        step=step,
        meaning=meaning,
        version=record.version,
        revision=record.revision,
        reason=loaded.case.reason,
        statement=statement,
        begun=at,
        expires=at + signing.CEREMONY_LIFETIME,
    )
    challenge = signing.challenge(statement)
    keys = [bytes(k.credential_id) for k in people.keys_of(by, at=at)]
    return Begun(
        id=ceremony.id,
        statement=statement,
        challenge=challenge,
        options=signing.request_options(signing.relying_party(), challenge, keys) if keys else {},
        expires=ceremony.expires,
        meaning=meaning,
        says=slot.says or meaning.replace("_", " ").capitalize(),
        record=record.number,
        version=record.version,
        sha256=loaded.version.sha256,
        revision=record.revision,
    )


def sign(
    ceremony_id: UUID | str,
    *,
    by: Person,
    at: datetime,
    assertion: Mapping[str, Any] | None = None,
    password: str | None = None,
    role: str = "",
) -> Record:
    """Give the signature that was begun, and take the step if it was the last one missing.

    Exactly one proof: `assertion`, the answer of `navigator.credentials.get`, or `password`.

    Raises:
        NotFound: no such ceremony of this person.
        SigningFailed: used, expired, or the proof doesn't hold.
        Stale: the record has changed since the ceremony began.
        Denied, Refused: the right to sign has gone meanwhile, or a gate has shut.
    """
    if (assertion is None) == (password is None):
        raise SigningFailed("Sign with your passkey or with your password, with exactly one of them.")
    try:
        ceremony = Ceremony.objects.select_related("record").get(pk=ceremony_id, person=by)
    except (Ceremony.DoesNotExist, ValidationError):  # the latter for text that is no uuid
        raise NotFound("There is no such signing of yours. Begin again.") from None
    _require_fresh(ceremony, at)
    if password is not None:
        # Before the transaction: a wrong password is counted even though nothing else is written.
        people.check_password(by, password, at=at)
    with transaction.atomic():
        return _sign(ceremony, by=by, at=at, assertion=assertion, role=role)


def _sign(
    ceremony: Ceremony, *, by: Person, at: datetime, assertion: Mapping[str, Any] | None, role: str
) -> Record:
    record = lock(ceremony.record.number, by=by, at=at)
    locked = Ceremony.objects.select_for_update().get(pk=ceremony.pk)
    _require_fresh(locked, at)
    if locked.version != record.version or locked.revision < record.entered:
        raise Stale(
            f"{record.number} has changed since you began to sign. Look at it again.",
            seen=locked.revision,
            revision=record.revision,
        )
    loaded = cases.load(record, now=at, reason=locked.reason, also=[by])
    statement = bytes(locked.statement)
    if json.loads(statement)["sha256"] != digest(bytes(loaded.version.body)):
        raise SigningFailed(
            f"The bytes of {record.number} are not those that you were shown. Tell quality assurance."
        )
    step = step_of(loaded, locked.step)
    roles = loaded.roles_of(by)
    slot = _slot(loaded, step, by=by, roles=roles, meaning=locked.meaning, role=role)
    offset = _checked_clock(at)
    locked.used = at
    locked.save(update_fields=["used"])
    signature = Signature(
        version=loaded.version,
        revision=locked.revision,
        state=record.state,
        step=step.name,
        meaning=locked.meaning,
        role=slot.role,
        reason=locked.reason,
        by=by,
        printed_name=by.full_name,
        at=at,
        clock_offset_ms=offset,
        statement=statement,
        ceremony="passkey" if assertion is not None else "password",
    )
    if assertion is not None:
        _prove(signature, by=by, statement=statement, response=assertion, at=at)
    signature.save(force_insert=True)
    return _signed(loaded, step, slot, signature, by=by, at=at)


def _signed(
    loaded: Loaded, step: Step, slot: Slot, signature: Signature, *, by: Person, at: datetime
) -> Record:
    """Log the signature; move the record when it was the last that the step needs."""
    record = loaded.record
    one = Signed(
        step.name, signature.meaning, slot.role, by.id.hex, at, signature.revision, loaded.version.sha256
    )
    loaded = replace(loaded, case=replace(loaded.case, signatures=(*loaded.case.signatures, one)))
    require_open(loaded, step)
    more = {
        "ceremony": signature.ceremony,
        "key": signature.key_id.hex if signature.key_id else "",
        "meaning": signature.meaning,
        "printed_name": signature.printed_name,
        "signature": signature.pk,
        "statement": digest(bytes(signature.statement)),
        "step": step.name,
    }
    log(
        record,
        "signed",
        by=by,
        at=at,
        sha256=loaded.version.sha256,
        role=slot.role,
        reason=signature.reason,
        more=more,
        leaf_kind="record.sign",
        facts={"meaning": signature.meaning, "ceremony": signature.ceremony},
    )
    if waiting(step, loaded.case):
        save(record)
        return record
    return take(loaded, step, by=by, at=at, role=slot.role)


def _prove(
    signature: Signature, *, by: Person, statement: bytes, response: Mapping[str, Any], at: datetime
) -> None:
    """Check the passkey's answer over the statement and keep its parts with the signature."""
    credential = signing.credential_of(response)
    key = PersonKey.objects.filter(credential_id=credential, person=by).first()
    if key is None:
        raise SigningFailed("That passkey isn't one of yours.")
    answer = people.use_key(key, challenge=signing.challenge(statement), response=response, at=at)
    signature.key = key
    signature.authenticator_data = answer.authenticator_data
    signature.client_data = answer.client_data
    signature.assertion = answer.signature


def _slot(loaded: Loaded, step: Step, *, by: Person, roles: frozenset[str], meaning: str, role: str) -> Slot:
    found = slot_for(step, loaded.case, person=by.id.hex, roles=roles, meaning=meaning, role=role)
    if isinstance(found, Slot):
        return found
    record, filled = loaded.record, given(step, loaded.case)
    wanted = [s for s in slots(step, loaded.case) if s.meaning == meaning and s not in filled]
    if (
        wanted
        and not any(by.id.hex in s.apart for s in wanted)
        and by.id.hex not in {s.by for s in filled.values()}
    ):
        names = sorted(frozenset[str]().union(*(s.roles for s in wanted)))
        holders = permit.holders(
            names, at=loaded.case.now, site=record.site, product=record.product, process=record.process
        )
        raise Denied(found, roles=names, holders=[p.full_name for p in holders])
    raise Refused(found)


def _require_fresh(ceremony: Ceremony, at: datetime) -> None:
    if ceremony.used is not None:
        raise SigningFailed("This signing was used already; each signature is a ceremony of its own.")
    if not ceremony.begun <= at < ceremony.expires:
        raise SigningFailed("This signing has expired: it is good for ten minutes. Begin again.")


def _checked_clock(at: datetime) -> int:
    """The clock's offset in milliseconds (R-08). Signing stops where the settings give a limit and it is
    passed.
    """
    offset = signing.clock_offset_ms(at)
    limit_s: int = getattr(settings, "VOUCHSAFE_CLOCK_LIMIT_S", 0)
    if limit_s and abs(offset) > limit_s * 1000:
        raise SigningFailed(
            f"The clocks of this server and its database are {abs(offset) // 1000} s apart "
            f"(limit {limit_s} s). Nobody can sign until that is put right."
        )
    return offset
