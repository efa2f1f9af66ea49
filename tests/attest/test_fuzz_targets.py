"""The fuzzing targets of evidence and logs hold on their own seeds, cut short and changed by a byte."""

import pytest

from fuzz.targets import attest, ledger

TARGETS = {**attest.TARGETS, **ledger.TARGETS}
SEEDS = {**attest.SEEDS, **ledger.SEEDS}


def test_every_target_has_a_seed():
    assert SEEDS.keys() == TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_around_its_seeds(name):
    for seed in [b"", b"\x00", b"\xff" * 40, *SEEDS[name]]:
        TARGETS[name](seed)
        for at in range(0, len(seed), 1 + len(seed) // 60):
            TARGETS[name](seed[:at])
            TARGETS[name](seed[:at] + bytes([seed[at] ^ 0x11]) + seed[at + 1 :])
