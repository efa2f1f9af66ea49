"""What the tests of the verifier ask: verdicts by property, and the first finding."""

from typing import Any

from tests.bundle import forge
from vouchsafe.bundle import verify

WORD_OF_OPERATOR = {"completeness", "temporal ordering"}  # without a witness, in every good bundle


def run(data: bytes, **given: Any) -> verify.Result:
    """Verify under the forge's own policy."""
    return verify.check(data, verify.read_policy(forge.policy(**given)))


def of(story: forge.Story, **given: Any) -> verify.Result:
    """Verify the bundle of a story, under a policy that asks for the witness if it has one."""
    return run(forge.forge(story), witness=story.witness, **given)


def verdicts(result: verify.Result) -> dict[str, str]:
    return {v.property: v.verdict for v in result.verdicts}


def failing(result: verify.Result) -> set[str]:
    """The properties that fail."""
    return {v.property for v in result.verdicts if v.verdict == verify.FAILS}


def first(result: verify.Result, name: str) -> tuple[str, str]:
    """Place and reason of a property's verdict."""
    found = next(v for v in result.verdicts if v.property == name)
    return found.place, found.reason
