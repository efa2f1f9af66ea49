"""People, the roles granted to them, and their passkeys. Each change is an event on the person's own trail.

Roles are never edited: a grant is a row, its end is another row, and what somebody might do on a past day
can always be told. Nobody grants a role to themselves (SOD-16), and who administers accounts holds no
quality role (SOD-10).
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from vouchsafe.kernel import permit, signing
from vouchsafe.kernel.errors import NotFound, Refused, SigningFailed
from vouchsafe.kernel.models import Grant, KeyRevocation, KeyUse, PersonKey, Record, Revocation
from vouchsafe.kernel.models import Person as Person
from vouchsafe.kernel.trail import log_subject
from vouchsafe.ledger import leaves
from vouchsafe.regulations import roles as site_roles

MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
MAX_KEYS = 10
ADMINISTRATOR = "it_administrator"


def pseudonym(key: bytes, person: Person) -> str:
    """How the log names `person`: an HMAC under the tenant's key, which is kept outside the database."""
    return leaves.pseudonym(key, "person", person.id)


@transaction.atomic
def create(
    username: str,
    *,
    email: str,
    full_name: str,
    at: datetime,
    by: Person | None = None,
    job_title: str = "",
    zone: str = "UTC",
    password: str | None = None,
) -> Person:
    """A new person, without any role. `by` None is the installation itself.

    Raises:
        Refused: the username or address is or was somebody's, or a text is missing.
    """
    if by is not None:
        require_administrator(by, at=at)
    if not username.strip() or not full_name.strip() or "@" not in email:
        raise Refused("A person needs a username, an email address and a full name.")
    if Person.objects.filter(Q(username__iexact=username) | Q(email__iexact=email)).exists():
        raise Refused(f"“{username}” or {email} belongs or belonged to somebody; neither is given again.")
    person = Person.objects.create(
        username=username.strip(),
        email=email.strip(),
        full_name=full_name.strip(),
        job_title=job_title.strip(),
        zone=zone,
        password=make_password(password),
        joined=at,
    )
    _log(person, "person.created", by=by, at=at, body={"username": person.username, "name": person.full_name})
    return person


@transaction.atomic
def grant(
    person: Person,
    role: str,
    *,
    by: Person | None,
    at: datetime,
    site: str = "",
    product: str = "",
    process: str = "",
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    reason: str = "",
) -> Grant:
    """Give `role` to `person`; empty scopes mean all. `by` None is the installation itself.

    Raises:
        Refused: an unknown role, to oneself, or administration beside a quality role.
    """
    if role not in site_roles.titles():
        raise Refused(f"There is no role “{role}”.")
    if by is not None:
        require_administrator(by, at=at)
        if by.id == person.id:
            raise Refused("Nobody gives a role to themselves (SOD-16).")
    _lock(
        person
    )  # two grants at once, each of which sees only the other's absence, would make a forbidden pair
    mine = frozenset(h.role for h in permit.held(person, at=at))
    if pair := site_roles.forbidden_pair(mine | {role}):
        one, other = site_roles.label(pair[0]).lower(), site_roles.label(pair[1]).lower()
        raise Refused(f"Nobody is {one} and {other} at once ({pair[2]}).")
    made = Grant.objects.create(
        person=person,
        role=role,
        site=site,
        product=product,
        process=process,
        valid_from=valid_from or at,
        valid_to=valid_to,
        by=by,
        at=at,
        reason=reason,
    )
    scope = {"site": site, "product": product, "process": process}
    _log(person, "role.granted", by=by, at=at, body={"grant": made.id.hex, "role": role, **scope})
    return made


@transaction.atomic
def revoke(grant_id: UUID, *, by: Person | None, at: datetime, reason: str) -> None:
    """End a grant now. The row stays; from now on it counts no longer. `by` None is the installation itself.

    Raises:
        NotFound: no such grant.
        Refused: taken back before, or no reason.
    """
    if by is not None:
        require_administrator(by, at=at)
    given = Grant.objects.filter(pk=grant_id).select_related("person").first()
    if given is None:
        raise NotFound("There is no such grant.")
    _lock(given.person)
    if Revocation.objects.filter(grant=given).exists():
        raise Refused("That role was taken back before.")
    if not reason.strip():
        raise Refused("Say why the role is taken back.")
    Revocation.objects.create(grant=given, by=by, at=at, reason=reason[:400])
    body = {"grant": given.id.hex, "role": given.role, "reason": reason}
    _log(given.person, "role.revoked", by=by, at=at, body=body)


@transaction.atomic
def take_back(
    person: Person, role: str, *, by: Person | None, at: datetime, reason: str, **scope: str
) -> tuple[Grant, ...]:
    """End every grant of `role` that `person` has now or will have, and give what was ended.

    `scope` (site, product, process) picks those that were given for exactly that; what it doesn't name, it
    doesn't ask about.

    Raises:
        Refused: there is no such grant, or no reason.
    """
    still = Q(valid_to=None) | Q(valid_to__gt=at)
    found = tuple(
        Grant.objects.filter(still, person=person, role=role, revocation=None, **scope).order_by("at")
    )
    if not found:
        where = ", ".join(value for value in scope.values() if value)
        raise Refused(f"{person.full_name} doesn't hold the role “{role}”{f' for {where}' if where else ''}.")
    for given in found:
        revoke(given.pk, by=by, at=at, reason=reason)
    return found


@transaction.atomic
def deactivate(person: Person, *, by: Person | None, at: datetime, reason: str) -> None:
    """Close a leaver's account. Their open records must have another owner first (R-52).

    From then on nobody signs in or signs by it, and its sessions and tokens count no longer: each of them asks
    `is_active` at every call. Roles, passkeys and signatures stay where they are, so what was signed still
    verifies. `by` None is the installation itself.

    Raises:
        Refused: closed before, no reason, or open records.
    """
    if by is not None:
        require_administrator(by, at=at)
    if not reason.strip():
        raise Refused("Say why the account is closed.")
    locked = _lock(person)
    if not locked.is_active:
        raise Refused(f"{person.full_name}’s account was closed before.")
    open_ones = list(Record.objects.filter(owner=person, closed=None).values_list("number", flat=True)[:5])
    if open_ones:
        raise Refused(
            f"{person.full_name} still owns {', '.join(open_ones)}. Give them to somebody else first."
        )
    locked.is_active = False
    locked.save(update_fields=["is_active"])
    _log(person, "person.deactivated", by=by, at=at, body={"reason": reason})


def _lock(person: Person) -> Person:
    """The person's row as it is now, locked until the transaction ends: what is said of them is in one order."""
    return Person.objects.select_for_update().get(pk=person.pk)


def require_administrator(by: Person, *, at: datetime) -> None:
    """Raise Denied unless `by` administers accounts."""
    if ADMINISTRATOR not in permit.roles(by, at=at):
        raise permit.denied("change accounts and roles", [ADMINISTRATOR], at=at)


def holds(
    person: Person, role: str, *, at: datetime, site: str = "", product: str = "", process: str = ""
) -> bool:
    """Whether `person` holds `role` at `at` for these scopes."""
    return role in permit.roles(person, at=at, site=site, product=product, process=process)


def find(username: str) -> Person:
    """The active person with this username.

    Raises:
        NotFound: nobody, or no longer active.
    """
    person = Person.objects.filter(username__iexact=username, is_active=True).first()
    if person is None:
        raise NotFound(f"There is no active person “{username}”.")
    return person


def find_by_login(text: str) -> Person:
    """The active person whom somebody who signs in means: by username or by email address, in any case.

    Raises:
        NotFound: nobody has this name or address, or they are no longer active.
    """
    try:
        return find(text)
    except NotFound:
        person = Person.objects.filter(email__iexact=text, is_active=True).first() if "@" in text else None
    if person is None:
        raise NotFound("There is no active person with this name or address.")
    return person


def find_by_id(person_id: UUID | str) -> Person:
    """The person with this uuid (also as 32 hex digits), active or not."""
    try:
        return Person.objects.get(pk=person_id)
    except (Person.DoesNotExist, ValidationError):
        raise NotFound("There is no such person.") from None


def check_password(person: Person, password: str, *, at: datetime) -> None:
    """Prove `person` by password; five wrong ones lock it for a quarter of an hour (R-52).

    Runs in its own transaction, so that a refused act doesn't forget the failure. Never call it inside
    another.

    Raises:
        SigningFailed: wrong, locked, or the person has no password.
    """
    with transaction.atomic(durable=True):
        locked = Person.objects.select_for_update().get(pk=person.pk)
        if locked.locked_until and locked.locked_until > at:
            until = f"{locked.locked_until:%H:%M} UTC"
            failed = f"Too many wrong passwords. Try again after {until}, or use your passkey."
        elif not locked.is_active or not locked.has_usable_password():
            failed = "This account can't sign in with a password. Use a passkey."
        elif len(password) <= 1024 and locked.check_password(password):
            failed = ""
            if locked.failures:
                locked.failures, locked.locked_until = 0, None
                locked.save(update_fields=["failures", "locked_until"])
        else:
            locked.failures += 1
            if locked.failures >= MAX_FAILURES:
                locked.failures, locked.locked_until = 0, at + LOCKED_FOR
                _log(locked, "password.locked", by=None, at=at, body={})
            locked.save(update_fields=["failures", "locked_until"])
            failed = "The password is wrong."
    if failed:
        raise SigningFailed(failed)


@transaction.atomic
def set_password(person: Person, password: str, *, by: Person | None, at: datetime) -> None:
    """Change a password: one's own, or as an administrator somebody else's. `by` None is the installation
    itself.
    """
    if by is not None and by.id != person.id:
        require_administrator(by, at=at)
    locked = Person.objects.select_for_update().get(pk=person.pk)
    locked.password = make_password(password)
    locked.failures, locked.locked_until = 0, None
    locked.save(update_fields=["password", "failures", "locked_until"])
    _log(person, "password.changed", by=by, at=at, body={})


# Passkeys


def keys_of(person: Person, *, at: datetime) -> list[PersonKey]:
    """The passkeys of `person` that count at `at`, oldest first."""
    alive = Q(revocation=None) | Q(revocation__at__gt=at)
    return list(PersonKey.objects.filter(alive, person=person, at__lte=at).order_by("at", "id"))


def begin_registration(person: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options for `navigator.credentials.create`, and the state that the caller keeps in the session."""
    existing = [
        bytes(c) for c in PersonKey.objects.filter(person=person).values_list("credential_id", flat=True)
    ]
    return signing.creation_options(
        signing.relying_party(),
        person=person.id,
        username=person.username,
        full_name=person.full_name,
        existing=existing,
    )


@transaction.atomic
def finish_registration(
    person: Person, state: Mapping[str, Any], response: Mapping[str, Any], *, name: str, at: datetime
) -> PersonKey:
    """Keep the passkey that the browser made, and log it: the leaf binds it to the person's pseudonym."""
    rp = signing.relying_party()
    made = signing.verify_registration(rp, state, response)
    if len(keys_of(person, at=at)) >= MAX_KEYS:
        raise Refused(f"At most {MAX_KEYS} passkeys a person. Remove one first.")
    if PersonKey.objects.filter(credential_id=made.credential_id).exists():
        raise SigningFailed("That passkey is registered already.")
    key = PersonKey.objects.create(
        person=person,
        name=(name.strip() or "Passkey")[:80],
        credential_id=made.credential_id,
        public_key=made.public_key,
        algorithm=made.algorithm,
        aaguid=made.aaguid,
        sign_count=made.sign_count,
        backed_up=made.backed_up,
        rp_id=rp.id,
        at=at,
    )
    KeyUse.objects.create(key=key, sign_count=made.sign_count, at=at)
    body = {
        "algorithm": made.algorithm,
        "credential": made.credential_id.hex(),
        "key": key.id.hex,
        "name": person.full_name,
        "public_key": made.public_key.hex(),
        "rp_id": rp.id,
        "username": person.username,
    }
    facts = {"alg": made.algorithm, "key_hash": hashlib.sha256(made.public_key).hexdigest()}
    _log(person, "key.added", by=person, at=at, body=body, leaf_kind="person.key", facts=facts)
    return key


@transaction.atomic
def revoke_key(key_id: UUID, *, by: Person, at: datetime, reason: str) -> None:
    """Let a passkey count no longer. Its owner or an administrator may; earlier signatures stay good."""
    key = PersonKey.objects.filter(pk=key_id).select_related("person").first()
    if key is None:
        raise NotFound("There is no such passkey.")
    if key.person_id != by.id:
        require_administrator(by, at=at)
    if KeyRevocation.objects.filter(key=key).exists():
        raise Refused("That passkey was removed before.")
    KeyRevocation.objects.create(key=key, by=by, at=at, reason=reason[:400])
    facts = {"key_hash": hashlib.sha256(bytes(key.public_key)).hexdigest(), "revoked": True}
    body = {"key": key.id.hex, "credential": bytes(key.credential_id).hex(), "reason": reason}
    _log(key.person, "key.revoked", by=by, at=at, body=body, leaf_kind="person.key", facts=facts)


def begin_sign_in() -> tuple[dict[str, Any], dict[str, Any]]:
    """Options for signing in with a discoverable passkey, and the state for the session. Asks for no
    username.
    """
    asked = secrets.token_bytes(32)
    return signing.request_options(signing.relying_party(), asked, []), {"challenge": asked.hex()}


def finish_sign_in(state: Mapping[str, Any], response: Mapping[str, Any], *, at: datetime) -> Person:
    """The person whose passkey answered.

    Raises:
        SigningFailed: an unknown or removed passkey, a person no longer active, or a wrong answer.
    """
    asked = bytes.fromhex(str(state.get("challenge", "")))
    if len(asked) != 32:
        raise SigningFailed("The sign-in wasn't begun here. Start again.")
    credential = signing.credential_of(response)
    key = PersonKey.objects.filter(credential_id=credential).select_related("person").first()
    if key is None or not key.person.is_active:
        raise SigningFailed("This passkey isn't known here.")
    handle = signing.user_handle_of(response)
    if handle is not None and handle != key.person.id.bytes:
        raise SigningFailed("This passkey was made for somebody else.")
    with transaction.atomic():
        use_key(key, challenge=asked, response=response, at=at)
    return key.person


def use_key(
    key: PersonKey, *, challenge: bytes, response: Mapping[str, Any], at: datetime
) -> signing.Assertion:
    """Check an answer of `key` and remember its counter. Needs a transaction: the counter's row is locked.

    Raises:
        SigningFailed: removed, wrong, or a counter that didn't grow (WebAuthn level 2, 6.1.1).
    """
    if KeyRevocation.objects.filter(key=key, at__lte=at).exists():
        raise SigningFailed("This passkey was removed.")
    used = KeyUse.objects.select_for_update().get(key=key)
    answer = signing.verify_assertion(
        signing.relying_party(),
        challenge=challenge,
        public_key=bytes(key.public_key),
        credential_id=bytes(key.credential_id),
        response=response,
    )
    if (answer.sign_count or used.sign_count) and answer.sign_count <= used.sign_count:
        raise SigningFailed(
            f"This passkey's counter went from {used.sign_count} to {answer.sign_count}: it may have been "
            "copied. Remove it and tell the administrator."
        )
    used.sign_count, used.at = answer.sign_count, at
    used.save(update_fields=["sign_count", "at"])
    return answer


def _log(
    person: Person,
    kind: str,
    *,
    by: Person | None,
    at: datetime,
    body: Mapping[str, Any],
    leaf_kind: str = "record.event",
    facts: Mapping[str, Any] | None = None,
) -> None:
    log_subject("person", person.id, kind, by=by, at=at, body=body, leaf_kind=leaf_kind, facts=facts)


# For pickers and pages


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody in the directory. `id` is the uuid's hex, as records name people."""

    id: str
    name: str
    job_title: str
    username: str
    roles: tuple[str, ...]


def directory(*, at: datetime) -> tuple[Entry, ...]:
    """Everyone who may act at `at`, by name, with the roles that they hold somewhere. Two queries."""
    held: dict[UUID, set[str]] = {}
    for who, role in permit.in_force(at).values_list("person_id", "role"):
        held.setdefault(who, set()).add(role)
    rows = Person.objects.filter(is_active=True).order_by("full_name", "username")
    return tuple(
        Entry(p.id.hex, p.full_name, p.job_title, p.username, tuple(sorted(held.get(p.pk, ())))) for p in rows
    )
