"""Why a verdict is what it is: frozen codes, each with its place in the AR4SI vector and a sentence.

Codes are persisted in leaves and tables: never rename one, never reuse one. tests/attest/test_reasons.py
holds the list. Values are those of draft-ietf-rats-ar4si 2.3; 0 = no claim.
"""

from __future__ import annotations

from typing import NamedTuple

(
    INSTANCE_IDENTITY,
    CONFIGURATION,
    EXECUTABLES,
    FILE_SYSTEM,
    HARDWARE,
    RUNTIME_OPAQUE,
    STORAGE_OPAQUE,
    SOURCED_DATA,
) = range(8)
ELEMENTS = ("instance-identity", "configuration", "executables", "file-system", "hardware", "runtime-opaque",
            "storage-opaque", "sourced-data")  # fmt: skip

NONE, AFFIRMING, WARNING, CONTRAINDICATED = 0, 2, 32, 96
TIER_NAMES = {NONE: "none", AFFIRMING: "affirming", WARNING: "warning", CONTRAINDICATED: "contraindicated"}


class Meaning(NamedTuple):
    """What a code does to the vector (`element` None: nothing), and what a person reads."""

    element: int | None
    value: int
    sentence: str


class Reason(NamedTuple):
    """One finding: a frozen code, where it was found, what was expected and what came."""

    code: str
    place: str = ""
    expected: str = ""
    got: str = ""

    def sentence(self) -> str:
        """The finding in words."""
        detail = f" ({self.place}: expected {self.expected}, got {self.got})" if self.place else ""
        return MEANINGS[self.code].sentence + detail

    def tier(self) -> int:
        """The tier that this finding alone would give; 0 where it lowers nothing."""
        meaning = MEANINGS[self.code]
        return NONE if meaning.element is None else tier_of(meaning.value)


_ID, _CONFIG, _EXE = INSTANCE_IDENTITY, CONFIGURATION, EXECUTABLES

MEANINGS: dict[str, Meaning] = {
    # 1 = evidence with elements that the verifier cannot read: says nothing either way (AR4SI 2.3.2).
    "malformed": Meaning(_ID, 1, "The bytes do not have the form of the profile"),
    "format_not_supported": Meaning(_ID, 1, "The evidence has a format that is not appraised"),
    "profile_unknown": Meaning(_ID, 1, "The evidence follows another profile"),
    "key_unknown": Meaning(_ID, 97, "No enrolled key belongs to this device"),
    "key_differs": Meaning(_ID, 97, "The evidence names another key than the enrolled one"),
    "key_not_valid_then": Meaning(_ID, 96, "The key does not speak for the device at this time"),
    "ueid_differs": Meaning(
        _ID, 97, "The evidence names another device than the one that the key belongs to"
    ),
    "algorithm_differs": Meaning(_ID, 99, "The evidence names another algorithm than the key's"),
    "signature_invalid": Meaning(_ID, 99, "The signature does not hold"),
    "assurance_below_policy": Meaning(
        STORAGE_OPAQUE, 32, "The key is held with less assurance than the policy asks"
    ),
    "nonce_unknown": Meaning(
        SOURCED_DATA, 32, "The nonce is none that was given out: the time of the evidence is not proven"
    ),
    "nonce_old": Meaning(SOURCED_DATA, 32, "The nonce is older than the policy allows"),
    "clock_outside_bounds": Meaning(
        None, 0, "The device's clock is outside the proven bounds; the bounds stand"
    ),
    "replayed": Meaning(_ID, 96, "The same evidence was given before"),
    "counter_not_advancing": Meaning(
        _ID, 96, "The secure counter does not advance: a replay, or a second device with this key"
    ),
    "bootcount_went_back": Meaning(
        _ID, 96, "The boot count went back: a replay, or a second device with this key"
    ),
    "dlog_not_advancing": Meaning(
        _ID, 96, "The device log does not grow: a replay, or a second device with this key"
    ),
    "dlog_inconsistent": Meaning(
        _ID, 96, "The device log was rewritten, or a second device writes one with this key"
    ),
    "previous_differs": Meaning(
        _ID, 96, "The next counter follows other evidence than the last: a second device with this key"
    ),
    "fork_seen": Meaning(
        _ID,
        96,
        "Two histories with this key were seen, and this evidence is not proven to continue the known one",
    ),
    "evidence_missing": Meaning(None, 0, "Evidence between the last one and this one has not arrived"),
    "dlog_entries_missing": Meaning(_EXE, 33, "Entries of the device log are missing"),
    "dlog_entries_differ": Meaning(_EXE, 33, "The entries given are not those of the device log"),
    "image_unknown": Meaning(_EXE, 97, "The measured image is none of a released build"),
    "images_ambiguous": Meaning(_EXE, 97, "The measured images belong to more than one build"),
    "stage_unknown": Meaning(_EXE, 97, "A measured boot stage is none of the reference values"),
    "boot_not_authorised": Meaning(_EXE, 96, "The device says that its boot was not authorised by its maker"),
    "svn_below_minimum": Meaning(_EXE, 96, "The build is below the minimum security version"),
    "svn_went_back": Meaning(_EXE, 32, "The device went back to a build with a lower security version"),
    "svn_differs": Meaning(_EXE, 32, "The device says another security version than the measured build has"),
    "runtime_not_approved": Meaning(
        _EXE, 33, "The measured set of running executables is not an approved one"
    ),
    "configuration_not_approved": Meaning(_CONFIG, 32, "The measured configuration is not an approved one"),
    "configuration_not_measured": Meaning(_CONFIG, 32, "The configuration was not measured"),
    "claimed_version_differs": Meaning(
        SOURCED_DATA, 32, "The device says another version than the one it measures"
    ),
    "hardware_model_unknown": Meaning(HARDWARE, 97, "The hardware model is none of the reference values"),
    "debug_enabled": Meaning(HARDWARE, 32, "Debugging is enabled"),
}


def tier_of(value: int) -> int:
    """The tier of one vector element (AR4SI 2.3.2)."""
    if -1 <= value <= 1:
        return NONE
    if 2 <= value <= 31 or -32 <= value <= -2:
        return AFFIRMING
    if 32 <= value <= 95 or -96 <= value <= -33:
        return WARNING
    return CONTRAINDICATED
