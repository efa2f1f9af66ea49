"""From the bytes of a device's evidence to a verdict: a pure function of (evidence, key, prior, reference
set, policy).

`check` never raises for bad evidence. The steps are numbered and run in order; the first four decide whether
the device said it at all, and only then do its claims count. A build is identified by the measured image
digest and by nothing else. Source: RFC 9334 (roles), RFC 9711 (claims), draft-ietf-rats-ar4si (vector).

>>> from vouchsafe.attest import reference
>>> from vouchsafe.ledger import ed25519
>>> seed, nonce, image, now_ms = bytes(range(32)), bytes(32), b"\\x05" * 32, 1766361600000
>>> key = keys.record("Ed25519", ed25519.public_of(seed), origin="secure_element", assurance="high")
>>> stages = (eat.Stage("firmware", image, 5),)
>>> said = eat.Claims(key.ueid, nonce, eat.PROFILE, 1, 1, 0, tree.EMPTY_ROOT, stages)
>>> protected, payload = cose.protect(key.alg, key.key_id), eat.build_payload(said)
>>> token = cose.assemble(protected, payload, ed25519.sign(seed, cose.to_be_signed(protected, payload)))
>>> released = reference.make({image: Reference("b421", "4.2.1", 5)})
>>> policy = AppraisalPolicy({nonce: NonceBounds(now_ms - 1000)})
>>> verdict = check_alone(token, key=key, reference=released, policy=policy, at_ms=now_ms)
>>> r.TIER_NAMES[verdict.tier], verdict.build_id, verdict.codes()
('affirming', 'b421', ())
>>> check_alone(token[:-1] + b"x", key=key, reference=released, policy=policy, at_ms=now_ms).codes()
('signature_invalid',)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from vouchsafe.attest import devicelog, keys
from vouchsafe.attest import reasons as r
from vouchsafe.attest.batch import FMT_EAT, LogPart
from vouchsafe.attest.errors import Malformed
from vouchsafe.attest.formats import cose, eat
from vouchsafe.attest.reasons import Reason
from vouchsafe.attest.reference import Reference, ReferenceSet
from vouchsafe.ledger import tree


class NonceBounds(NamedTuple):
    """When a nonce came into the world, and until when it may be used (None: the policy's age decides)."""

    lb_ms: int
    until_ms: int | None = None


class AppraisalPolicy(NamedTuple):
    """What the quality unit accepts. `nonces` are those given out (challenges and beacons); not part of the
    digest.
    """

    nonces: Mapping[bytes, NonceBounds]
    max_nonce_age_ms: int = 7 * 86_400_000
    min_assurance: str = "low"

    def digest(self) -> bytes:
        """SHA-256 of the policy's canonical JSON."""
        body = {"v": 1, "max_nonce_age_ms": self.max_nonce_age_ms, "min_assurance": self.min_assurance}
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()


class Prior(NamedTuple):
    """The last evidence of the device that was signed by its key and continued its history.

    `forked`: two histories with this key have been seen. From then on a gap is no excuse: evidence must prove
    that it continues this one, until a new enrolment begins a new history.
    """

    counter: int
    bootcount: int
    dlog_size: int
    dlog_root: bytes
    last_sha256: bytes
    svn: int | None
    valid_ms: int
    forked: bool = False


class Gap(NamedTuple):
    """A stretch of the device's own log that is not proven: entries [from, to), between two times (None: no
    earlier one).
    """

    reason: str
    from_entry: int
    to_entry: int
    from_ms: int | None
    to_ms: int


class Appraisal(NamedTuple):
    """The verdict on one piece of evidence, with everything it rests on. Picklable.

    `signed`: the enrolled key signed it, so the claims are the device's. `prior`: what the next check takes
    as prior; the old one where this evidence must not become the base. `lb_ms`: not made before (None: not
    proven). `valid_ms`: the moment that the state is counted from.
    """

    tier: int
    vector: tuple[int, ...]
    reasons: tuple[Reason, ...]
    claims: eat.Claims | None
    signed: bool
    build_id: str | None
    version: str | None
    svn: int | None
    gap: Gap | None
    lb_ms: int | None
    valid_ms: int
    prior: Prior | None
    evidence_sha256: bytes
    reference_ix: int
    reference_digest: bytes

    def codes(self) -> tuple[str, ...]:
        """The reasons' codes, in the order found."""
        return tuple([reason.code for reason in self.reasons])

    def facts(self, *, fmt: int, policy_sha256: bytes) -> dict[str, Any]:
        """The facts of this evidence's leaf; the log adds `pix`, the intake the gateway's pseudonym."""
        facts: dict[str, Any] = {
            "fmt": fmt,
            "tier": self.tier,
            "vec": list(self.vector),
            "ref_ix": self.reference_ix,
            "ref_digest": self.reference_digest.hex(),
            "policy": policy_sha256.hex(),
            "why": list(self.codes()),
        }
        if self.signed and self.claims:
            facts |= {
                "ctr": self.claims.counter,
                "dlog": [self.claims.dlog_size, self.claims.dlog_root.hex()],
            }
        return facts


class _Findings:
    """Reasons and vector while the steps run."""

    def __init__(self) -> None:
        self.reasons: list[Reason] = []
        self.vector = [0] * 8

    def add(self, code: str, place: str = "", expected: str = "", got: str = "") -> None:
        self.reasons.append(Reason(code, place, expected, got))
        meaning = r.MEANINGS[code]
        if meaning.element is not None:
            now = self.vector[meaning.element]
            if (r.tier_of(meaning.value), meaning.value) > (r.tier_of(now), now):
                self.vector[meaning.element] = meaning.value

    def affirm(self, element: int, value: int) -> None:
        if self.vector[element] == 0:
            self.vector[element] = value

    def tier(self) -> int:
        # Contraindicated beats warning beats affirming; identity and executables must both be affirmed, not
        # merely unharmed.
        worst = max(map(r.tier_of, self.vector))
        if worst >= r.WARNING:
            return worst
        core = self.vector[r.INSTANCE_IDENTITY], self.vector[r.EXECUTABLES]
        return r.AFFIRMING if all(r.tier_of(value) == r.AFFIRMING for value in core) else r.NONE


def check(
    raw: bytes,
    *,
    key: keys.KeyRecord | None,
    prior: Prior | None,
    reference: ReferenceSet | None,
    policy: AppraisalPolicy,
    at_ms: int,
    log: LogPart | None = None,
    fmt: int = FMT_EAT,
) -> Appraisal:
    """The verdict on one piece of evidence that arrived at `at_ms`; `log` is the item's part of the device
    log.

    Without a reference set nothing is known about what should run, and no evidence is affirmed.
    """
    found = _Findings()
    claims, signed = _said(found, raw, fmt, key, policy, at_ms)  # 1, 2, 3
    sha256 = hashlib.sha256(raw).digest()
    if not signed or claims is None:
        return _verdict(found, sha256, reference, claims=claims, signed=False, prior=prior, valid_ms=at_ms)
    lb_ms, valid_ms = _time(found, claims, prior, policy, at_ms)  # 4
    continues, forked, gap = _history(found, claims, prior, log, sha256, valid_ms)  # 5, 6
    build = _measurements(found, claims, prior, reference) if reference else None  # 7, 8
    following = prior._replace(forked=forked) if prior else None
    if continues:
        found.affirm(r.INSTANCE_IDENTITY, 2)
        svn = build.svn if build else prior.svn if prior else None
        following = Prior(
            claims.counter,
            claims.bootcount,
            claims.dlog_size,
            claims.dlog_root,
            sha256,
            svn,
            valid_ms,
            forked,
        )
    return _verdict(
        found,
        sha256,
        reference,
        claims=claims,
        signed=True,
        build=build,
        gap=gap,
        lb_ms=lb_ms,
        valid_ms=valid_ms,
        prior=following,
    )


def check_alone(
    raw: bytes,
    *,
    key: keys.KeyRecord,
    reference: ReferenceSet | None,
    policy: AppraisalPolicy,
    at_ms: int,
) -> Appraisal:
    """The verdict on evidence of which nothing earlier is known: for reading a file, never for taking
    evidence in.

    Steps 5 and 6 need the device's history and are not done: a replay, a second device with the key and
    missing entries of the device log are not seen. `prior` of the result is None.
    """
    found = _Findings()
    claims, signed = _said(found, raw, FMT_EAT, key, policy, at_ms)
    sha256 = hashlib.sha256(raw).digest()
    if not signed or claims is None:
        return _verdict(found, sha256, reference, claims=claims, signed=False, valid_ms=at_ms)
    lb_ms, valid_ms = _time(found, claims, None, policy, at_ms)
    build = _measurements(found, claims, None, reference) if reference else None
    found.affirm(r.INSTANCE_IDENTITY, 2)
    return _verdict(
        found, sha256, reference, claims=claims, signed=True, build=build, lb_ms=lb_ms, valid_ms=valid_ms
    )


def _said(
    found: _Findings, raw: bytes, fmt: int, key: keys.KeyRecord | None, policy: AppraisalPolicy, at_ms: int
) -> tuple[eat.Claims | None, bool]:
    """1 to 3. The claims, and whether it was the device that said them."""
    evidence = _form(found, raw, fmt)
    if evidence is None:
        return None, False
    return evidence.claims, _identity(found, evidence, key, policy, at_ms)


def _verdict(
    found: _Findings,
    sha256: bytes,
    reference: ReferenceSet | None,
    *,
    claims: eat.Claims | None,
    signed: bool,
    valid_ms: int,
    build: Reference | None = None,
    gap: Gap | None = None,
    lb_ms: int | None = None,
    prior: Prior | None = None,
) -> Appraisal:
    return Appraisal(
        found.tier(),
        tuple(found.vector),
        tuple(found.reasons),
        claims,
        signed,
        build.build_id if build else None,
        build.version if build else None,
        build.svn if build else None,
        gap,
        lb_ms,
        valid_ms,
        prior,
        sha256,
        reference.ix if reference else -1,
        reference.digest if reference else b"",
    )


def _form(found: _Findings, raw: bytes, fmt: int) -> eat.Evidence | None:
    """1. The bytes have the form of the profile."""
    if fmt != FMT_EAT:
        found.add("format_not_supported", "fmt", str(FMT_EAT), str(fmt))
        return None
    try:
        evidence = eat.parse(raw)
    except Malformed as error:
        found.add("malformed", error.place, error.expected, error.got)
        return None
    if evidence.claims.profile != eat.PROFILE:
        found.add("profile_unknown", "claim 265 (eat_profile)", eat.PROFILE, evidence.claims.profile)
        return None
    return evidence


def _identity(
    found: _Findings, evidence: eat.Evidence, key: keys.KeyRecord | None, policy: AppraisalPolicy, at_ms: int
) -> bool:
    """2. The key is the enrolled one and speaks for this device now. 3. It signed these bytes."""
    if key is None:
        found.add("key_unknown", "ueid", "an enrolled device", evidence.claims.ueid.hex())
        return False
    if evidence.key_id != key.key_id:
        found.add("key_differs", "kid", key.key_id.hex(), evidence.key_id.hex())
        return False
    # The algorithm is the key record's; what the message says is only compared (RFC 9052 8, algorithm
    # confusion).
    if cose.KEY_OF_ALG.get(evidence.alg) != key.alg:
        found.add("algorithm_differs", "alg", key.alg, str(evidence.alg))
        return False
    if not evidence.sign1.verify(key.alg, key.public):
        found.add("signature_invalid")
        return False
    if evidence.claims.ueid != key.ueid:
        found.add("ueid_differs", "claim 256 (ueid)", key.ueid.hex(), evidence.claims.ueid.hex())
        return False
    if at_ms < key.t0_ms or (key.t1_ms is not None and at_ms >= key.t1_ms):
        # Whether evidence was made before the key's end is not proven by its arrival after it: the upper
        # bound counts.
        found.add("key_not_valid_then", "arrival", f"from {key.t0_ms} until before {key.t1_ms}", str(at_ms))
        return False
    if keys.ASSURANCES.index(key.assurance) < keys.ASSURANCES.index(policy.min_assurance):
        found.add("assurance_below_policy", "assurance", policy.min_assurance, key.assurance)
    return True


def _time(
    found: _Findings, claims: eat.Claims, prior: Prior | None, policy: AppraisalPolicy, at_ms: int
) -> tuple[int | None, int]:
    """4. Bounds from the nonce; the device's clock is believed only inside them. Gives (lower bound, valid
    time).
    """
    bounds = policy.nonces.get(claims.nonce)
    lb_ms: int | None = None
    if bounds is None:
        found.add("nonce_unknown", "claim 10 (eat_nonce)", "a nonce given out", claims.nonce.hex())
    else:
        lb_ms = bounds.lb_ms
        until_ms = lb_ms + policy.max_nonce_age_ms
        if bounds.until_ms is not None:
            until_ms = min(until_ms, bounds.until_ms)
        if at_ms > until_ms:
            found.add("nonce_old", "claim 10 (eat_nonce)", f"arrival until {until_ms}", str(at_ms))
    before_ms = prior.valid_ms if prior else None
    least = max((bound for bound in (lb_ms, before_ms) if bound is not None), default=at_ms)
    if claims.iat_s is None:
        return lb_ms, least
    claimed_ms = claims.iat_s * 1000
    # iat has whole seconds, so up to 999 ms below the lower bound say the same second.
    if lb_ms is not None and not lb_ms - 999 <= claimed_ms <= at_ms:
        found.add("clock_outside_bounds", "claim 6 (iat)", f"from {lb_ms} to {at_ms}", str(claimed_ms))
        return lb_ms, least
    return lb_ms, max(least, claimed_ms) if claimed_ms <= at_ms else least


def _history(
    found: _Findings,
    claims: eat.Claims,
    prior: Prior | None,
    log: LogPart | None,
    sha256: bytes,
    valid_ms: int,
) -> tuple[bool, bool, Gap | None]:
    """5. Counters move on. 6. The device log continues. Gives (may become the next prior, a fork was seen,
    gap).
    """
    old = (prior.dlog_size, prior.dlog_root) if prior else (0, tree.EMPTY_ROOT)
    forked = prior is not None and prior.forked
    if prior:
        if not _advances(found, claims, prior, sha256):
            # Other bytes with the same counter were signed twice, by two: an old counter may just be a
            # replay.
            return False, forked or (claims.counter == prior.counter and sha256 != prior.last_sha256), None
        if claims.previous is not None and claims.previous != prior.last_sha256:
            if claims.counter == prior.counter + 1:
                found.add("previous_differs", "claim -75003", prior.last_sha256.hex(), claims.previous.hex())
                return False, True, None
            found.add("evidence_missing", "secure counter", str(prior.counter + 1), str(claims.counter))
    state = devicelog.continuation(log, old, (claims.dlog_size, claims.dlog_root))
    if state is devicelog.Continuation.WHOLE:
        return True, forked, None
    heads = f"entries {old[0]} to {claims.dlog_size}"
    code = _CODE_OF_CONTINUATION[state]
    found.add(code, "device log", heads, f"from {log.start}, {len(log.entries)} entries" if log else "none")
    gap = Gap(code, old[0], claims.dlog_size, prior.valid_ms if prior else None, valid_ms)
    if state is devicelog.Continuation.INCONSISTENT:
        return False, True, gap
    if forked:  # Else a rewritten log would be forgiven as a gap with the very next report.
        found.add("fork_seen")
        return False, True, gap
    return True, False, gap


_CODE_OF_CONTINUATION = {
    devicelog.Continuation.MISSING: "dlog_entries_missing",
    devicelog.Continuation.DIFFERENT: "dlog_entries_differ",
    devicelog.Continuation.INCONSISTENT: "dlog_inconsistent",
}


def _advances(found: _Findings, claims: eat.Claims, prior: Prior, sha256: bytes) -> bool:
    """5. Counter and device log grow, the boot count does not fall (a device need not boot between two
    reports).
    """
    if sha256 == prior.last_sha256:
        found.add("replayed")
        return False
    before = len(found.reasons)
    if claims.counter <= prior.counter:
        found.add("counter_not_advancing", "secure counter", f"above {prior.counter}", str(claims.counter))
    if claims.bootcount < prior.bootcount:
        found.add("bootcount_went_back", "boot count", f"at least {prior.bootcount}", str(claims.bootcount))
    if claims.dlog_size <= prior.dlog_size:
        found.add("dlog_not_advancing", "device-log size", f"above {prior.dlog_size}", str(claims.dlog_size))
    return len(found.reasons) == before


def _measurements(
    found: _Findings, claims: eat.Claims, prior: Prior | None, reference: ReferenceSet
) -> Reference | None:
    """7. The measured digests name one released build (R-79: never the device's word). 8. Its state is an
    approved one.
    """
    builds = [
        (stage, reference.images[stage.digest]) for stage in claims.stages if stage.digest in reference.images
    ]
    for stage in claims.stages:
        if builds and stage.digest not in reference.images and stage.digest not in reference.stages:
            found.add("stage_unknown", f"boot stage {stage.name}", "a reference value", stage.digest.hex())
    if not builds:
        measured = ", ".join(f"{stage.name} {stage.digest.hex()}" for stage in claims.stages)
        found.add("image_unknown", "boot chain", "the image of a released build", measured)
        return None
    if len({build.build_id for _, build in builds}) > 1:
        found.add(
            "images_ambiguous",
            "boot chain",
            "one build",
            ", ".join(sorted(one.build_id for _, one in builds)),
        )
        return None
    stage, build = builds[-1]
    _security_version(found, stage, build, prior, reference.min_svn)
    _state(found, claims, build, reference.hw_models)
    if claims.sw_version is not None and claims.sw_version != build.version:
        found.add("claimed_version_differs", "claim 271 (swversion)", build.version, claims.sw_version)
    return build


def _security_version(
    found: _Findings, stage: eat.Stage, build: Reference, prior: Prior | None, min_svn: int
) -> None:
    """8a. The security version of the measured build, not the one that the device says."""
    if build.svn < min_svn:
        found.add("svn_below_minimum", "svn", f"at least {min_svn}", str(build.svn))
    if prior and prior.svn is not None and build.svn < prior.svn:
        found.add("svn_went_back", "svn", f"at least {prior.svn}", str(build.svn))
    if stage.svn != build.svn:
        found.add("svn_differs", f"boot stage {stage.name}", str(build.svn), str(stage.svn))


def _state(found: _Findings, claims: eat.Claims, build: Reference, hw_models: frozenset[bytes]) -> None:
    """8b. Running executables, configuration, hardware, debugging, boot authority."""
    if build.runtimes and claims.runtime not in build.runtimes:
        got = claims.runtime.hex() if claims.runtime else "nothing"
        found.add("runtime_not_approved", "measurement 3", "an approved runtime set", got)
    found.affirm(r.EXECUTABLES, 2 if build.runtimes else 3)  # 3: approved at boot only
    if build.configs:
        if claims.config is None:
            found.add("configuration_not_measured", "measurement 2", "a digest", "nothing")
        elif claims.config not in build.configs:
            found.add(
                "configuration_not_approved", "measurement 2", "an approved digest", claims.config.hex()
            )
        found.affirm(r.CONFIGURATION, 2)
    if hw_models:
        if claims.hw_model not in hw_models:
            got = claims.hw_model.hex() if claims.hw_model else "nothing"
            found.add("hardware_model_unknown", "claim 259 (hwmodel)", "a reference value", got)
        found.affirm(r.HARDWARE, 2)
    if claims.dbg_stat == 0:  # RFC 9711 4.2.9: enabled
        found.add("debug_enabled", "claim 263 (dbgstat)", "1 to 4", "0")
    if claims.oem_boot is False:
        found.add("boot_not_authorised", "claim 262 (oemboot)", "true", "false")
