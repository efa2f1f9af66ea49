"""The frozen list of reason codes, and the ranges of AR4SI."""

import pytest

from vouchsafe.attest import reasons

# Codes are written into leaves and tables: this list may grow and never changes. code: (element, value)
FROZEN = {
    "malformed": (0, 1), "format_not_supported": (0, 1), "profile_unknown": (0, 1), "key_unknown": (0, 97),
    "key_differs": (0, 97), "key_not_valid_then": (0, 96), "ueid_differs": (0, 97), "algorithm_differs": (0, 99),
    "signature_invalid": (0, 99), "assurance_below_policy": (6, 32), "nonce_unknown": (7, 32), "nonce_old": (7, 32),
    "clock_outside_bounds": (None, 0), "replayed": (0, 96), "counter_not_advancing": (0, 96),
    "bootcount_went_back": (0, 96), "dlog_not_advancing": (0, 96), "dlog_inconsistent": (0, 96),
    "previous_differs": (0, 96), "fork_seen": (0, 96), "evidence_missing": (None, 0), "dlog_entries_missing": (2, 33),
    "dlog_entries_differ": (2, 33), "image_unknown": (2, 97), "images_ambiguous": (2, 97), "stage_unknown": (2, 97),
    "boot_not_authorised": (2, 96), "svn_below_minimum": (2, 96), "svn_went_back": (2, 32), "svn_differs": (2, 32),
    "runtime_not_approved": (2, 33), "configuration_not_approved": (1, 32), "configuration_not_measured": (1, 32),
    "claimed_version_differs": (7, 32), "hardware_model_unknown": (4, 97), "debug_enabled": (4, 32),
}  # fmt: skip


def test_codes_and_what_they_mean_are_frozen():
    assert {code: meaning[:2] for code, meaning in reasons.MEANINGS.items()} == FROZEN


def test_every_code_has_a_sentence_of_its_own():
    sentences = [meaning.sentence for meaning in reasons.MEANINGS.values()]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence[0].isupper() and not sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize(
    ("values", "tier"),
    [((-1, 0, 1), 0), ((2, 31, -2, -32), 2), ((32, 95, -33, -96), 32), ((96, 127, -97, -128), 96)],
)
def test_the_ranges_of_ar4si(values, tier):
    assert {reasons.tier_of(value) for value in values} == {tier}


def test_a_reason_says_where_and_what():
    one = reasons.Reason("nonce_old", "claim 10", "new", "old")
    assert one.sentence().endswith("(claim 10: expected new, got old)")
    assert one.tier() == reasons.WARNING
    assert reasons.Reason("signature_invalid").sentence() == "The signature does not hold"
    assert reasons.Reason("evidence_missing").tier() == 0
