"""What happens to the devices of a simulated fleet, and when: changes at a moment, and spells with a
beginning and an end.

`demo_plan` makes the thirty days of the demonstration from a seed. Every choice is a hash of seed, serial and
purpose, so that the same fleet has the same history however it is cut into steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

HOUR_MS = 3_600_000
DAY_MS = 86_400_000

# Changes at a moment.
UPDATE, CONFIGURE, BOOT = "update", "configure", "boot"
CHANGES = (UPDATE, CONFIGURE, BOOT)

# Spells. The first two are ordinary life, the others are faults.
OFFLINE = "offline"  # makes evidence, cannot deliver it: a backlog with an old nonce
SILENCE = "silence"  # makes no evidence
CLOCK_SKEW = "clock_skew"  # value: ms
CLONE = "clone"  # a second device with the same key and state
REPLAY = "replay"  # sends its last evidence again instead of new
GAP = "gap"  # makes evidence that never arrives
LIAR = "liar"  # value: the version that it says
BAD_SIGNATURE = "bad_signature"
REWRITE = "rewrite"  # writes another past into its measurement log
ROLLBACK = "rollback"  # value: the version that it runs meanwhile
SPELLS = (OFFLINE, SILENCE, CLOCK_SKEW, CLONE, REPLAY, GAP, LIAR, BAD_SIGNATURE, REWRITE, ROLLBACK)


class Change(NamedTuple):
    """Something that happens to a device once; `value` is a version or the name of a configuration."""

    at_ms: int
    act: str
    value: str = ""


class Spell(NamedTuple):
    """A time [from_ms, to_ms) in which a device behaves otherwise. `to_ms` None: until further notice."""

    from_ms: int
    to_ms: int | None
    what: str
    value: str = ""

    def holds(self, at_ms: int) -> bool:
        """Whether it holds at this moment."""
        return self.from_ms <= at_ms and (self.to_ms is None or at_ms < self.to_ms)


class Life(NamedTuple):
    """All that happens to one device."""

    changes: tuple[Change, ...] = ()
    spells: tuple[Spell, ...] = ()


def draw(seed: int, serial: str, purpose: str) -> float:
    """A number in [0, 1) that depends on these three and nothing else."""
    raw = hashlib.sha256(f"{seed}/{serial}/{purpose}".encode()).digest()
    return int.from_bytes(raw[:7], "big") / (1 << 56)


def serial(index: int) -> str:
    """The serial of the index-th pump; pump 0 is T4-0311-88207. Unique below 100,000."""
    return f"T4-{311 + index % 24:04}-{(88_207 + index * 37) % 100_000:05}"


def _ordinary(seed: int, name: str, from_ms: int, to_ms: int) -> Life:
    """A month of an ordinary pump: reboots, some with a wrong configuration, without contact, silent or never
    heard.
    """

    def moment(purpose: str, least: float = 0.0, most: float = 1.0) -> int:
        share = least + (most - least) * draw(seed, name, purpose)
        return from_ms + int((to_ms - from_ms) * share)

    changes: list[Change] = []
    spells: list[Spell] = []
    if draw(seed, name, "library") < 0.2:
        changes.append(Change(from_ms, CONFIGURE, "paediatric"))
    start = moment("boots", 0, 0.2)
    every = int(DAY_MS * (3 + 5 * draw(seed, name, "boots every")))
    changes += [Change(at, BOOT) for at in range(start, to_ms, every)]
    lot = draw(seed, name, "lot")
    if lot < 0.15:
        changes.append(Change(from_ms, UPDATE, "4.2.1"))
    elif lot < 0.27:
        changes.append(Change(moment("update", 0.75), UPDATE, "4.2.1"))
    fate = draw(seed, name, "fate")
    days = 2 + int(10 * draw(seed, name, "days"))
    if fate < 0.015:
        spells.append(Spell(0, None, SILENCE))
    elif fate < 0.035:
        spells.append(Spell(moment("silent", 0.3, 0.75), None, SILENCE))
    elif fate < 0.050:
        spells.append(Spell(moment("away", 0.4, 0.75), None, OFFLINE))
    elif fate < 0.085:
        left = moment("away", 0.1, 0.6)
        spells.append(Spell(left, left + days * DAY_MS, OFFLINE))
    elif fate < 0.115:
        drifted = moment("drift", 0.3, 0.95)
        changes.append(Change(drifted, CONFIGURE, "ward override"))
        if draw(seed, name, "put right") < 0.6:
            changes.append(Change(drifted + days * DAY_MS // 2, CONFIGURE, "adult"))
    return Life(tuple(sorted(changes)), tuple(sorted(spells)))


def _story(from_ms: int, to_ms: int) -> tuple[Life, ...]:
    """The pumps that the demonstration tells of, in the order of their index."""
    last = to_ms - from_ms

    def day(number: float) -> int:
        return from_ms + int(last * number / 30)

    newest, oldest = "4.2.1", "4.1.2"
    return (
        # 0, T4-0311-88207: the pump of the complaint. A changed configuration, a time without contact, lost
        # reports.
        Life(
            (
                Change(day(3), BOOT),
                Change(day(12), CONFIGURE, "ward override"),
                Change(day(13.4), CONFIGURE, "adult"),
            ),
            (Spell(day(20), day(22.2), OFFLINE), Spell(day(25.3), day(25.8), GAP)),
        ),
        Life((Change(day(24), UPDATE, newest),), ()),  # 1: corrected and stays so
        Life((), (Spell(day(26), None, LIAR, newest),)),  # 2: says 4.2.1, measures 4.1.2
        Life((Change(day(18), UPDATE, newest),), (Spell(day(27), None, ROLLBACK, oldest),)),  # 3: went back
        Life((), (Spell(day(28.2), None, CLONE),)),  # 4: one key on two pumps
        Life((), (Spell(day(23), day(23.6), REPLAY),)),  # 5
        Life((), (Spell(day(9), day(16), GAP),)),  # 6
        Life((), (Spell(day(28.5), None, BAD_SIGNATURE),)),  # 7
        Life((), (Spell(day(5), None, CLOCK_SKEW, str(3653 * DAY_MS)),)),  # 8: ten years ahead
        Life((), (Spell(day(27.5), None, REWRITE),)),  # 9
        Life((), (Spell(day(14), None, SILENCE),)),  # 10
        Life((Change(day(29), CONFIGURE, "ward override"),), ()),  # 11
    )


def demo_plan(serials: Sequence[str], *, seed: int, from_ms: int, to_ms: int) -> dict[str, Life]:
    """The lives of a fleet between two moments. The first twelve serials are the demonstration's own."""
    story = _story(from_ms, to_ms)
    plan = dict(zip(serials, story, strict=False))
    for name in serials[len(story) :]:
        plan[name] = _ordinary(seed, name, from_ms, to_ms)
    return plan
