"""Each step of the appraisal, shut by one input that is broken in that one way."""

import hashlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attest import making as m
from vouchsafe.agent.signer import Ed25519Signer, P256Signer
from vouchsafe.attest import batch, keys, reasons, reference, verify
from vouchsafe.attest.formats import cbor, cose, eat

AFFIRMED = (2, 2, 3, 0, 2, 0, 0, 0)


def test_good_evidence_is_affirmed_and_names_the_measured_build():
    a = m.check()
    assert (a.tier, a.vector, a.reasons, a.build_id, a.version, a.svn) == (
        2,
        AFFIRMED,
        (),
        "b412",
        "4.1.2",
        4,
    )
    assert a.signed
    assert a.gap is None
    assert a.evidence_sha256 == hashlib.sha256(m.token()).digest()
    assert a.prior == verify.Prior(11, 3, 13, m.head(13)[1], a.evidence_sha256, 4, m.NOW_MS - 1000)
    assert (a.lb_ms, a.valid_ms) == (m.NOW_MS - 60_000, m.NOW_MS - 1000)
    assert (a.reference_ix, a.reference_digest) == (7, m.REFERENCE.digest)


def test_the_verdict_is_a_function_of_its_arguments_and_can_be_sent_between_processes():
    a = m.check()
    assert a == m.check() == pickle.loads(pickle.dumps(a))


def test_evidence_by_a_p256_key_is_affirmed():
    signer = P256Signer(m.digest("p256"))
    key = keys.record(signer.alg, signer.public, origin="tpm", assurance="high")
    assert m.check(m.token(m.claims(ueid=key.ueid), signer=signer), key=key).tier == 2


def other(alg=-19, kid=m.KEY.key_id):
    return cbor.encode({1: alg, 4: kid})


FOREIGN = Ed25519Signer(m.digest("somebody else"))
SAME_TIME = m.claims(counter=12, previous=m.digest("x"))
CASES = {
    # code: (evidence, changed arguments, tier, index in the vector, its value)
    "malformed": (b"\xd2\x84", {}, 0, 0, 1),
    "format_not_supported": (None, {"fmt": 2}, 0, 0, 1),
    "profile_unknown": (m.token(m.claims(profile="tag:other")), {}, 0, 0, 1),
    "key_unknown": (None, {"key": None}, 96, 0, 97),
    "key_differs": (m.token(protected=other(kid=bytes(16))), {}, 96, 0, 97),
    "key_not_valid_then": (None, {"key": m.KEY._replace(t1_ms=m.NOW_MS)}, 96, 0, 96),
    "ueid_differs": (m.token(m.claims(ueid=b"\x01" + bytes(32))), {}, 96, 0, 97),
    "algorithm_differs": (m.token(protected=other(alg=-9)), {}, 96, 0, 99),
    "signature_invalid": (m.token()[:-1] + bytes([m.token()[-1] ^ 1]), {}, 96, 0, 99),
    "assurance_below_policy": (
        None, {"key": m.KEY._replace(assurance="low"), "policy": m.POLICY._replace(min_assurance="substantial")}, 32, 6, 32),
    "nonce_unknown": (m.token(m.claims(nonce=bytes(32))), {}, 32, 7, 32),
    "nonce_old": (None, {"policy": m.POLICY._replace(max_nonce_age_ms=59_999)}, 32, 7, 32),
    "replayed": (None, {"prior": m.PRIOR._replace(last_sha256=hashlib.sha256(m.token()).digest())}, 96, 0, 96),
    "counter_not_advancing": (None, {"prior": m.PRIOR._replace(counter=11)}, 96, 0, 96),
    "bootcount_went_back": (None, {"prior": m.PRIOR._replace(bootcount=4)}, 96, 0, 96),
    "dlog_not_advancing": (None, {"prior": m.PRIOR._replace(dlog_size=13)}, 96, 0, 96),
    "dlog_inconsistent": (None, {"prior": m.PRIOR._replace(dlog_root=bytes(32))}, 96, 0, 96),
    "previous_differs": (m.token(m.claims(previous=bytes(32))), {}, 96, 0, 96),
    "fork_seen": (None, {"prior": m.PRIOR._replace(forked=True), "log": None}, 96, 0, 96),
    "dlog_entries_missing": (None, {"log": None}, 32, 2, 33),
    "dlog_entries_differ": (None, {"log": m.part(10, 13)._replace(entries=(*m.ENTRIES[10:12], b"\x80"))}, 32, 2, 33),
    "image_unknown": (m.token(m.claims(stages=(eat.Stage("firmware", bytes(32), 4),))), {}, 96, 2, 97),
    "images_ambiguous": (
        m.token(m.claims(stages=(eat.Stage("a", m.IMAGE, 4), eat.Stage("b", m.IMAGE_NEW, 5)))), {}, 96, 2, 97),
    "stage_unknown": (
        m.token(m.claims(stages=(eat.Stage("loader", bytes(32), 1), eat.Stage("firmware", m.IMAGE, 4)))), {}, 96, 2, 97),
    "boot_not_authorised": (m.token(m.claims(oem_boot=False)), {}, 96, 2, 96),
    "svn_below_minimum": (None, {"reference": m.REFERENCE._replace(min_svn=5)}, 96, 2, 96),
    "svn_went_back": (None, {"prior": m.PRIOR._replace(svn=5)}, 32, 2, 32),
    "svn_differs": (m.token(m.claims(stages=(eat.Stage("firmware", m.IMAGE, 9),))), {}, 32, 2, 32),
    "runtime_not_approved": (
        None, {"reference": reference.make({m.IMAGE: m.OLD_BUILD._replace(runtimes=frozenset([m.RUNTIME]))},
                                           stages=frozenset([m.LOADER]))}, 32, 2, 33),
    "configuration_not_approved": (m.token(m.claims(config=bytes(32))), {}, 32, 1, 32),
    "configuration_not_measured": (m.token(m.claims(config=None)), {}, 32, 1, 32),
    "claimed_version_differs": (m.token(m.claims(sw_version="4.2.1")), {}, 32, 7, 32),
    "hardware_model_unknown": (m.token(m.claims(hw_model=b"Tarn 5")), {}, 96, 4, 97),
    "debug_enabled": (m.token(m.claims(dbg_stat=0)), {}, 32, 4, 32),
}  # fmt: skip
INFORMING = {
    "clock_outside_bounds": (m.token(m.claims(iat_s=m.NOW_MS // 1000 + 315_576_000)), {}),
    "evidence_missing": (m.token(m.claims(counter=12, previous=m.digest("lost"))), {}),
}


@pytest.mark.parametrize("code", CASES)
def test_one_fault_gives_its_reason_and_lowers_its_element(code):
    raw, changed, tier, element, value = CASES[code]
    a = m.check(raw, **changed)
    assert code in a.codes()
    assert (a.tier, a.vector[element]) == (tier, value)
    assert set(a.codes()) <= {code, "dlog_entries_missing"}, "one fault, one reason"
    assert all(reason.sentence() for reason in a.reasons)


@pytest.mark.parametrize("code", INFORMING)
def test_what_only_informs_lowers_nothing(code):
    raw, changed = INFORMING[code]
    a = m.check(raw, **changed)
    assert a.codes() == (code,)
    assert (a.tier, a.vector) == (2, AFFIRMED)


def test_every_reason_code_has_a_test_here():
    assert set(CASES) | set(INFORMING) == set(reasons.MEANINGS)


def test_a_device_that_says_the_new_version_and_measures_the_old_is_the_old():
    a = m.check(m.token(m.claims(sw_version="4.2.1")))
    assert (a.build_id, a.version, a.tier, a.codes()) == ("b412", "4.1.2", 32, ("claimed_version_differs",))


@pytest.mark.parametrize("code", ["key_unknown", "key_differs", "algorithm_differs", "signature_invalid", "ueid_differs",
                                  "key_not_valid_then", "malformed", "profile_unknown"])  # fmt: skip
def test_what_the_device_did_not_provably_say_names_no_build_and_moves_no_history(code):
    raw, changed, *_ = CASES[code]
    a = m.check(raw, **changed)
    assert (a.signed, a.build_id, a.gap, a.prior) == (False, None, None, m.PRIOR)


def test_claims_of_badly_signed_evidence_are_kept():
    assert m.check(CASES["signature_invalid"][0]).claims == m.claims()


@pytest.mark.parametrize("code", ["replayed", "counter_not_advancing", "bootcount_went_back", "dlog_not_advancing",
                                  "dlog_inconsistent", "previous_differs", "fork_seen"])  # fmt: skip
def test_a_break_in_history_never_becomes_the_base_of_the_next_check(code):
    raw, changed, *_ = CASES[code]
    prior = {**m.GOOD, **changed}["prior"]
    assert m.check(raw, **changed).prior._replace(forked=False) == prior._replace(forked=False)


@pytest.mark.parametrize(("code", "forked"), [("replayed", False), ("bootcount_went_back", False), ("previous_differs", True),
                                              ("dlog_inconsistent", True), ("counter_not_advancing", True)])  # fmt: skip
def test_a_fork_is_remembered_and_a_replay_is_not_one(code, forked):
    raw, changed, *_ = CASES[code]
    assert m.check(raw, **changed).prior.forked is forked


def test_an_older_counter_may_be_a_replay_and_is_no_fork():
    assert m.check(prior=m.PRIOR._replace(counter=12)).prior.forked is False


def test_a_rewritten_log_is_not_forgiven_as_a_gap_with_the_next_report():
    first = m.check(prior=m.PRIOR._replace(dlog_root=bytes(32)))
    following = m.token(
        m.claims(counter=12, previous=first.evidence_sha256, dlog_size=14, dlog_root=m.head(14)[1])
    )
    second = m.check(following, prior=first.prior, log=m.part(13, 14))
    assert second.tier == 96
    assert "fork_seen" in second.codes()
    assert second.prior == first.prior


def test_after_a_fork_evidence_that_proves_its_past_is_affirmed():
    a = m.check(prior=m.PRIOR._replace(forked=True))
    assert a.tier == 2
    assert a.prior.forked


def test_missing_entries_are_a_gap_with_its_bounds_and_history_goes_on():
    a = m.check(log=m.part(11, 13))
    assert a.gap == verify.Gap("dlog_entries_missing", 10, 13, m.PRIOR.valid_ms, m.NOW_MS - 1000)
    assert a.prior.dlog_size == 13


def test_a_proof_without_the_entries_is_a_gap():
    a = m.check(log=m.part(10, 13)._replace(entries=()))
    assert a.codes() == ("dlog_entries_missing",)
    assert (a.gap.from_entry, a.gap.to_entry) == (10, 13)


def test_the_first_evidence_proves_its_log_from_the_start():
    a = m.check(prior=None, log=m.part(0, 13))
    assert (a.tier, a.codes()) == (2, ())
    without = m.check(prior=None, log=None)
    assert without.gap == verify.Gap("dlog_entries_missing", 0, 13, None, m.NOW_MS - 1000)


def test_a_clock_ten_years_ahead_moves_no_bound():
    a = m.check(INFORMING["clock_outside_bounds"][0])
    assert (a.lb_ms, a.valid_ms) == (m.NOW_MS - 60_000, m.NOW_MS - 60_000)


def test_a_clock_before_the_nonce_moves_no_bound_either():
    assert m.check(m.token(m.claims(iat_s=0))).valid_ms == m.NOW_MS - 60_000


def test_without_a_claimed_time_the_lower_bound_counts():
    assert m.check(m.token(m.claims(iat_s=None))).valid_ms == m.NOW_MS - 60_000


def test_valid_time_never_falls_behind_the_evidence_before():
    assert m.check(prior=m.PRIOR._replace(valid_ms=m.NOW_MS - 500)).valid_ms == m.NOW_MS - 500


@pytest.mark.parametrize(("prior", "valid_ms"), [(m.PRIOR, m.NOW_MS - 1000), (None, m.NOW_MS)])
def test_an_unknown_nonce_proves_no_lower_bound(prior, valid_ms):
    a = m.check(
        m.token(m.claims(nonce=bytes(32))), prior=prior, log=m.part(prior.dlog_size if prior else 0, 13)
    )
    assert a.lb_ms is None
    assert a.valid_ms == valid_ms


def test_an_unknown_nonce_and_a_clock_ahead_give_the_time_of_the_evidence_before():
    a = m.check(m.token(m.claims(nonce=bytes(32), iat_s=m.NOW_MS)))
    assert a.valid_ms == m.PRIOR.valid_ms


def test_a_challenge_ends_when_it_says():
    bounds = verify.NonceBounds(m.NOW_MS - 60_000, m.NOW_MS - 1)
    assert m.check(policy=m.POLICY._replace(nonces={m.NONCE: bounds})).codes() == ("nonce_old",)
    assert (
        m.check(policy=m.POLICY._replace(nonces={m.NONCE: bounds._replace(until_ms=m.NOW_MS)})).codes() == ()
    )


def test_a_key_speaks_from_its_beginning_until_before_its_end():
    assert m.check(key=m.KEY._replace(t0_ms=m.NOW_MS, t1_ms=m.NOW_MS + 1)).tier == 2
    assert m.check(key=m.KEY._replace(t0_ms=m.NOW_MS + 1)).codes() == ("key_not_valid_then",)


def test_an_approved_runtime_affirms_more_than_the_boot():
    approved = m.OLD_BUILD._replace(runtimes=frozenset([m.RUNTIME]))
    values = reference.make({m.IMAGE: approved}, stages=frozenset([m.LOADER]))
    a = m.check(m.token(m.claims(runtime=m.RUNTIME)), reference=values)
    assert (a.tier, a.vector) == (2, (2, 2, 2, 0, 0, 0, 0, 0))


def test_a_wrong_runtime_is_named():
    approved = m.OLD_BUILD._replace(runtimes=frozenset([m.RUNTIME]), configs=frozenset())
    values = reference.make({m.IMAGE: approved}, stages=frozenset([m.LOADER]))
    a = m.check(m.token(m.claims(runtime=bytes(32))), reference=values)
    assert a.reasons[0].got == bytes(32).hex()
    assert a.vector[1] == 0


def test_a_device_without_a_hardware_model_is_not_of_the_model():
    a = m.check(m.token(m.claims(hw_model=None)))
    assert a.reasons[0]._replace(expected="") == reasons.Reason(
        "hardware_model_unknown", "claim 259 (hwmodel)", "", "nothing")  # fmt: skip


def test_without_reference_values_nothing_is_affirmed():
    a = m.check(reference=None)
    assert (a.tier, a.build_id, a.reference_ix, a.codes()) == (0, None, -1, ())
    assert a.prior.svn == 4


def test_an_unknown_image_keeps_the_security_version_that_was_reached():
    a = m.check(CASES["image_unknown"][0])
    assert a.prior.svn == 4
    assert m.check(CASES["image_unknown"][0], prior=None, log=m.part(0, 13)).prior.svn is None


def test_contraindicated_beats_warning_whatever_comes_first():
    a = m.check(m.token(m.claims(sw_version="9", config=bytes(32), oem_boot=False)))
    assert a.tier == 96
    assert set(a.codes()) == {"configuration_not_approved", "claimed_version_differs", "boot_not_authorised"}


def test_a_better_value_never_hides_a_worse_one():
    a = m.check(
        m.token(
            m.claims(
                stages=(eat.Stage("loader", m.LOADER, 1), eat.Stage("firmware", m.IMAGE, 9)), oem_boot=False
            )
        )
    )
    assert a.vector[reasons.EXECUTABLES] == 96


def test_the_older_numbers_of_an_algorithm_are_taken_on_input():
    assert m.check(m.token(protected=other(alg=-8))).tier == 2


def test_the_facts_of_a_leaf_hold_no_claim_of_unsigned_evidence():
    facts = m.check().facts(fmt=1, policy_sha256=m.POLICY.digest())
    assert facts["ctr"] == 11
    assert facts["dlog"] == [13, m.head(13)[1].hex()]
    bad = m.check(CASES["signature_invalid"][0]).facts(fmt=1, policy_sha256=m.POLICY.digest())
    assert "ctr" not in bad
    assert bad["why"] == ["signature_invalid"]
    assert bad["tier"] == 96


def test_the_policy_digest_does_not_depend_on_nonces():
    assert (
        m.POLICY.digest()
        == m.POLICY._replace(nonces={}).digest()
        != m.POLICY._replace(max_nonce_age_ms=1).digest()
    )


def test_alone_evidence_is_judged_without_history():
    a = verify.check_alone(m.token(), key=m.KEY, reference=m.REFERENCE, policy=m.POLICY, at_ms=m.NOW_MS)
    assert (a.tier, a.prior) == (2, None)
    bad = verify.check_alone(b"", key=m.KEY, reference=m.REFERENCE, policy=m.POLICY, at_ms=m.NOW_MS)
    assert bad.codes() == ("malformed",)
    bare = verify.check_alone(m.token(), key=m.KEY, reference=None, policy=m.POLICY, at_ms=m.NOW_MS)
    assert (bare.tier, bare.signed) == (0, True)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mutation_of_good_evidence_raises_or_is_affirmed(data):
    raw = bytearray(m.token())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        how = data.draw(st.sampled_from(["flip", "drop", "insert", "cut"]))
        if how == "flip":
            raw[at] ^= data.draw(st.integers(1, 255))
        elif how == "drop" and len(raw) > 1:
            del raw[at]
        elif how == "insert":
            raw.insert(at, data.draw(st.integers(0, 255)))
        else:
            del raw[max(at, 1) :]
    a = m.check(bytes(raw))
    assert a.tier != 2 or bytes(raw) == m.token()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_random_bytes_never_raise(raw, fmt):
    assert m.check(raw, fmt=fmt).tier in (0, 96)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 30),
    st.lists(st.binary(min_size=32, max_size=32), max_size=8),
    st.lists(st.binary(min_size=1, max_size=40), max_size=5),
)
def test_no_log_part_raises_or_gives_more_than_its_proof(start, proof, entries):
    a = m.check(log=batch.LogPart(start, tuple(proof), tuple(entries)))
    assert a.tier in (32, 96)


def test_a_signed_payload_of_another_shape_is_malformed_and_says_where():
    a = m.check(m.token(payload=cbor.encode({10: b"short"})))
    assert a.codes() == ("malformed",)
    assert a.reasons[0].place == "claim -75001 (device-log head)"


def test_a_certificate_chain_may_stand_unprotected():
    protected, payload = cose.protect(m.SIGNER.alg, m.KEY.key_id), eat.build_payload(m.claims())
    signature = m.SIGNER.sign(cose.to_be_signed(protected, payload))
    raw = (
        b"\xd2\x84"
        + cbor.encode_bytes(protected)
        + cbor.encode({33: [b"certificate"]})
        + cbor.encode_bytes(payload)
    )
    assert m.check(raw + cbor.encode_bytes(signature)).tier == 2
