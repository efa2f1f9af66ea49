"""The format documents say what the code does."""

from pathlib import Path

from vouchsafe.attest import devicelog, keys, reasons
from vouchsafe.attest.enrolment import PAYLOAD_TYPE
from vouchsafe.attest.formats import eat

FORMATS = Path(__file__).parents[2] / "docs" / "formats"


def test_every_reason_stands_in_the_profile_with_its_effect():
    text = (FORMATS / "eat-profile.md").read_text()
    for code, meaning in reasons.MEANINGS.items():
        element = "none" if meaning.element is None else reasons.ELEMENTS[meaning.element]
        assert f"| `{code}` | {element} | {meaning.value} | {meaning.sentence} |" in text
    assert eat.PROFILE in text


def test_kinds_origins_and_assurances_are_documented():
    log = (FORMATS / "measurement-log.md").read_text()
    assert all(f"| {kind} | {name} |" in log for kind, name in devicelog.KIND_NAMES.items())
    enrolment = (FORMATS / "enrolment.md").read_text()
    assert all(f"`{word}`" in enrolment for word in (*keys.KEY_ORIGINS, *keys.ASSURANCES))
    assert PAYLOAD_TYPE in enrolment
