"""`vouchsafe evidence`: read a device's evidence and appraise it, without a server."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import click

from vouchsafe.attest import batch, dsse, ear, enrolment, keys, limits, reasons, reference, verify
from vouchsafe.attest.devicelog import KIND_NAMES, parse_entry
from vouchsafe.attest.errors import Malformed, NotRead, NotVerified
from vouchsafe.attest.formats import anycbor, anycose, anykey, eat
from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.files import say

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def evidence() -> None:
    """Read and verify a device's evidence.

    FILE is an EAT in COSE_Sign1, or a batch of items as a gateway sends it; `-` reads standard input. The
    formats are in docs/formats/eat-profile.md and ingest-batch.md. Of tokens of other profiles (CWT, PSA)
    the claims are shown by their numbers and the signature is verified; their meaning is not judged.

    \b
    Example:
      vouchsafe evidence inspect pump.eat
    """


@evidence.command()
@click.argument("file")
@_JSON
def inspect(file: str, as_json: bool) -> None:
    """Print what the evidence says. Nothing is verified.

    \b
    Example:
      vouchsafe evidence inspect pump.eat
      vouchsafe evidence inspect --json batch.cborseq

    Exit 0 read, 2 not evidence.
    """
    items = _items(_read(file, limits.MAX_BATCH_BYTES))
    found = [_inspected(item, number) for number, item in enumerate(items)]
    if as_json:
        click.echo(json.dumps({"verified": False, "items": found}, indent=1))
        return
    say("Claims of the device itself; nothing here is verified.")
    for number, one in enumerate(found):
        if len(found) > 1:
            click.echo(f"\nItem {number}")
        _print_tree(one, 0)


@evidence.command("verify")
@click.argument("file")
@click.option(
    "--key",
    "key_file",
    required=True,
    help="The device's public key: PEM, DER, certificate, JWK, COSE_Key, or its enrolment envelope.",
)
@click.option("--reference", "reference_file", help="Reference values of the released builds, JSON.")
@click.option(
    "--nonce", "nonces", multiple=True, metavar="HEX", help="A nonce that was given out; repeat for more."
)
@_JSON
def verify_command(
    file: str, key_file: str, reference_file: str | None, nonces: tuple[str, ...], as_json: bool
) -> None:
    """Verify one piece of evidence and print the verdict in the words of EAR, with each reason.

    Without --reference only signature and device are judged; without --nonce nothing is said about freshness.

    \b
    Example:
      vouchsafe evidence verify pump.eat --key pump.pem --reference tarn4.json

    Exit 0 nothing speaks against it, 1 something does, 2 unreadable input.
    """
    items = _items(_read(file, limits.MAX_BATCH_BYTES))
    if len(items) != 1:
        raise CommandError(f"{file}: expected one piece of evidence, got a batch of {len(items)}")
    record, key = _key(key_file)
    values = _reference(reference_file) if reference_file else None
    _check_nonces(nonces)
    token = _profile_of(items[0].evidence)
    if isinstance(token, anycose.Message):
        found, not_checked = _foreign_verdict(items[0].evidence, token, key)
    elif record is None:
        raise CommandError(f"{key_file}: expected an Ed25519 or P-256 key for this profile, got {key.kind}")
    else:
        appraisal = _appraise(items[0], token, record, values, nonces)
        claims = ear.claims_json(appraisal.claims) if appraisal.claims else None
        holds = appraisal.signed and all(reason.tier() < reasons.WARNING for reason in appraisal.reasons)
        given = (("reference values", values), ("freshness", nonces))
        not_checked = [name for name, value in given if not value]
        found = {**ear.to_json(appraisal), "holds": holds, "claims": claims}
    not_checked.append("what came before it (replay, gaps)")
    if as_json:
        click.echo(json.dumps({**found, "not_checked": not_checked}, indent=1))
    else:
        _print_verdict(found, not_checked)
    sys.exit(0 if found["holds"] else 1)


def _check_nonces(nonces: tuple[str, ...]) -> None:
    for nonce in nonces:
        if not re.match(r"[0-9a-fA-F]{64}\Z", nonce):
            raise CommandError(f"--nonce: expected 64 hex digits, got {nonce[:80]!a}")


def _foreign_verdict(
    evidence: bytes, message: anycose.Message, key: anykey.Key
) -> tuple[dict[str, Any], list[str]]:
    """The verdict on a token of another profile: its signature alone."""
    try:
        message.verified(key)
        found = [reasons.Reason("profile_unknown", "claim 265 (eat_profile)", eat.PROFILE, _profile(message))]
    except NotVerified as error:
        found = [reasons.Reason("signature_invalid", "evidence", "a signature of this key", str(error))]
    holds = found[0].code == "profile_unknown"
    verdict = ear.of_signature(evidence, found, signed=holds)
    return {**verdict, "holds": holds, "claims": None}, ["claims of another profile", "freshness"]


def _profile(message: anycose.Message) -> str:
    claims = _claims_of(message)
    return str(claims.get("265", "none"))[:120]


def _read(file: str, most: int) -> bytes:
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as source:
            found = source.read(most + 1)
    except OSError as error:
        raise CommandError(f"{file}: expected a readable file, got: {error.strerror}") from error
    if len(found) > most:
        raise CommandError(f"{file}: expected at most {most} bytes, got more")
    return found


def _items(raw: bytes) -> list[batch.Item]:
    """One token alone, or the items of a batch."""
    try:
        if raw[:1] in (b"\x84", b"\x85") and not _is_untagged(raw):
            return batch.decode(raw)
        _profile_of(raw)
    except Malformed as error:
        raise CommandError(str(error)) from error
    return [batch.make_item(bytes(33), batch.FMT_EAT, raw, 0)]


def _is_untagged(raw: bytes) -> bool:
    """Whether this is one COSE message without its tag; a batch begins with the same byte."""
    try:
        anycose.read(raw)
    except Malformed:
        return False
    return True


def _profile_of(raw: bytes) -> eat.Evidence | anycose.Message:
    """A token of our profile, or another signed message. Raises: Malformed, for our profile where both are
    refused.
    """
    try:
        return eat.parse(raw)
    except Malformed as error:
        try:
            return anycose.read(raw, place="evidence")
        except NotRead:
            raise
        except Malformed:
            raise error from None


def _inspected(item: batch.Item, number: int) -> dict[str, Any]:
    try:
        found = _token(item.evidence)
    except Malformed as error:
        raise CommandError(f"item {number}: {error}") from error
    if item.gateway_ms:
        found |= {"ueid": item.ueid.hex(), "fmt": item.fmt, "gateway_ms": item.gateway_ms}
    if item.log:
        found["log"] = {"from": item.log.start, "entries": [_entry(raw) for raw in item.log.entries]}
    return found


def _token(raw: bytes) -> dict[str, Any]:
    """A token of our profile by its claims; another signed message by their numbers, and why it is another."""
    token = _profile_of(raw)
    if not isinstance(token, anycose.Message):
        claims = ear.claims_json(token.claims)
        return {"profile": eat.PROFILE, "alg": token.alg, "kid": token.key_id.hex(), "claims": claims}
    headers = {"protected": ear.plain(token.headers), "unprotected": ear.plain(token.unprotected)}
    try:
        eat.parse(raw)
    except Malformed as error:
        why = str(error)
    return {"profile": f"another: {why}", "message": token.kind, **headers, "claims": _claims_of(token)}


def _claims_of(message: anycose.Message) -> dict[str, Any]:
    """The claims by their numbers; the bytes of a payload that is no map of claims."""
    if message.payload is None:
        return {"unread": "the payload is detached"}
    try:
        claims = anycbor.decode(message.payload, "payload")
    except Malformed as error:
        return {"unread": str(error), "bytes": message.payload.hex()}
    return dict(ear.plain(claims)) if isinstance(claims, dict) else {"value": ear.plain(claims)}


def _entry(raw: bytes) -> dict[str, Any]:
    try:
        entry = parse_entry(raw)
    except Malformed as error:
        return {"unreadable": str(error), "bytes": raw.hex()}
    kind = KIND_NAMES.get(entry.kind, str(entry.kind))
    return {"kind": kind, "claimed_ms": entry.claimed_ms, "data": ear.plain(entry.data)}


def _key(file: str) -> tuple[keys.KeyRecord | None, anykey.Key]:
    """The key of our profile, None for an algorithm that it lacks, and the same key for any message."""
    raw = _read(file, limits.MAX_STATEMENT_BYTES)
    try:
        if raw.lstrip()[:1] == b"{" and b'"payload"' in raw:
            record = enrolment.parse(dsse.open_envelope(raw).body).key()
            return record, anykey.from_der(keys.spki(record.alg, record.public))
        key = anykey.read(raw)
        if key.kind not in keys.ALGS:
            return None, key
        return keys.record(key.kind, key.raw(), origin="software", assurance="low"), key
    except Malformed as error:
        raise CommandError(f"{file}: {error}") from error


def _reference(file: str) -> reference.ReferenceSet:
    try:
        return reference.parse_json(_read(file, limits.MAX_REFERENCE_BYTES))
    except Malformed as error:
        raise CommandError(f"{file}: {error}") from error


def _appraise(
    item: batch.Item,
    token: eat.Evidence,
    key: keys.KeyRecord,
    values: reference.ReferenceSet | None,
    nonces: tuple[str, ...],
) -> verify.Appraisal:
    known = [bytes.fromhex(nonce) for nonce in nonces] or [token.claims.nonce]
    # When a nonce was given out is not known here, so its age is not judged: only that it is this one.
    policy = verify.AppraisalPolicy(
        dict.fromkeys(known, verify.NonceBounds(0)), max_nonce_age_ms=limits.MAX_MS
    )
    # A key speaks from its enrolment on; when this evidence arrived is not known here either.
    return verify.check_alone(
        item.evidence,
        key=key._replace(t0_ms=0),
        reference=values,
        policy=policy,
        at_ms=time.time_ns() // 1_000_000,
    )


def _print_verdict(found: dict[str, Any], not_checked: list[str]) -> None:
    say(f"{found['ear_status']}: the signature {'holds' if found['signature_holds'] else 'does not hold'}")
    if found["build"]:
        say(f"  measured build {found['build']}, version {found['version']}")
    for name, value in found["ear_trustworthiness_vector"].items():
        if value:
            say(f"  {name:18} {value:4}  {reasons.TIER_NAMES[reasons.tier_of(value)]}")
    for reason in found["reasons"]:
        say(f"  {reason['code']}: {reason['sentence']}")
    say(f"  not checked: {', '.join(not_checked)}")


def _print_tree(value: Any, depth: int) -> None:
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, dict | list):
            say(f"{'  ' * depth}{name}:")
            _print_tree(item, depth + 1)
        else:
            say(f"{'  ' * depth}{name}: {item}")
