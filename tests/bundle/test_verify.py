"""A good bundle holds; each of the five properties fails in its own way, alone, with its place."""

import json
from typing import Any

import pytest

from tests.bundle import checks, forge
from vouchsafe.attest import reasons
from vouchsafe.bundle import verify

GOOD = {
    "provenance": verify.HOLDS,
    "integrity": verify.HOLDS,
    "non-repudiation": verify.HOLDS,
    "completeness": verify.WORD,
    "temporal ordering": verify.WORD,
}


def test_a_good_bundle_holds_and_says_what_rests_on_the_operators_word() -> None:
    result = checks.of(forge.Story())
    assert checks.verdicts(result) == GOOD
    assert result.exit_code == 0
    assert result.record == "CMP-2026-0001"
    assert [(s["name"], s["meaning"], s["verdict"]) for s in result.facts["signatures"]] == [
        ("Ingrid Solheim", "approved", verify.HOLDS)
    ]
    device = result.facts["devices"][0]
    assert (device["serial"], device["evidence"], device["states"]) == (
        "T4-0311-88207",
        3,
        "affirming on 4.1.2",
    )
    assert result.checked["V2"] == 14


def test_with_a_witness_everything_holds() -> None:
    story = forge.Story(witness=True)
    result = checks.of(story, allow=())
    assert set(checks.verdicts(result).values()) == {verify.HOLDS}
    assert result.exit_code == 0


def test_the_operators_word_is_not_enough_unless_the_policy_says_so() -> None:
    result = checks.of(forge.Story(), allow=("completeness",))
    assert checks.verdicts(result) == GOOD
    assert result.exit_code == 1


def test_without_a_policy_nothing_is_shown_and_the_exit_is_never_0() -> None:
    result = verify.check(forge.forge(), None)
    assert set(checks.verdicts(result).values()) == {verify.NOT_SHOWN}
    assert result.exit_code == 1
    assert checks.first(result, "integrity") == ("policy", "no policy file was given, so no key is trusted")


def test_a_password_signature_is_the_operators_word() -> None:
    result = checks.of(
        forge.Story(password=True), allow=("completeness", "temporal-ordering", "non-repudiation")
    )
    assert checks.verdicts(result)["non-repudiation"] == verify.WORD
    assert checks.first(result, "non-repudiation")[0] == "signatures/3"
    assert result.exit_code == 0
    assert checks.of(forge.Story(password=True)).exit_code == 1


def test_a_record_that_nobody_signed_is_the_operators_word() -> None:
    result = checks.of(forge.Story(nobody_signs=True))
    assert checks.verdicts(result)["non-repudiation"] == verify.WORD
    assert checks.failing(result) == set()


def test_a_bundle_without_devices_holds() -> None:
    assert checks.verdicts(checks.of(forge.Story(devices=False))) == GOOD


def test_without_a_station_and_a_release_key_in_the_policy_provenance_is_the_operators_word() -> None:
    result = checks.of(forge.Story(), endorsed=False)
    assert checks.verdicts(result)["provenance"] == verify.WORD
    found = [f for f in result.findings if f.property == "provenance"]
    assert found[0].place == "evidence/fleet/0/5.bin"
    assert found[1].place.startswith("refs/")


def changed(**changes: Any) -> Any:
    """The second of three pieces of evidence, made otherwise."""
    return lambda n, given: given | changes if n == 1 else given


PROVENANCE = {
    "another key signed the evidence": (
        {"evidence": changed(signer=forge.ed_key("thief"))},
        "evidence/fleet/0/7.bin signature",
    ),
    "an unknown key signed the SBOM": ({"release_key": forge.ed_key("thief")}, "refs/"),
    "the SBOM is of another image": ({"release_image": forge.NEW}, "refs/"),
    "an unknown station enrolled the device": ({"station": "thief"}, "evidence/fleet/0/5.bin"),
    "a measured image that is no release is called affirming": (
        {"evidence": changed(image=b"\x66" * 32)},
        "leaves/fleet/0/7.json facts why",
    ),
    "a configuration that is not approved is called affirming": (
        {"evidence": changed(config=b"\x66" * 32)},
        "leaves/fleet/0/7.json facts why",
    ),
    "a device that says another version than it measures": (
        {"evidence": changed(version="4.2.1")},
        "leaves/fleet/0/7.json facts why",
    ),
    "another vector": ({"facts": {"vec": [2, 2, 2, 0, 0, 0, 0, 0]}}, "leaves/fleet/0/7.json facts vec"),
    "another tier": ({"facts": {"tier": 32}}, "leaves/fleet/0/7.json facts tier"),
    "affirming although unsigned": (
        {"facts": {"why": ["signature_invalid"]}},
        "leaves/fleet/0/7.json facts tier",
    ),
    "a reason that nobody knows": ({"facts": {"why": ["because"]}}, "leaves/fleet/0/7.json facts"),
    "another counter in the leaf": ({"facts": {"ctr": 9}}, "leaves/fleet/0/7.json facts"),
    "other reference values": ({"facts": {"ref_digest": "ab" * 32}}, "leaves/records/"),
    "reference values of another entry": ({"facts": {"ref_ix": 0}}, "leaves/records/0.json"),
}


@pytest.mark.parametrize("name", PROVENANCE)
def test_provenance_fails_alone(name: str) -> None:
    changes, place = PROVENANCE[name]
    result = checks.of(forge.Story(**changes))
    assert checks.failing(result) == {"provenance"}
    assert checks.first(result, "provenance")[0].startswith(place)
    assert result.exit_code == 1


def test_a_verdict_that_says_what_the_evidence_says_holds_even_when_it_is_bad_news() -> None:
    facts = {"why": ["image_unknown"], "vec": [2, 0, 97, 0, 0, 0, 0, 0], "tier": 96}
    result = checks.of(forge.Story(evidence=changed(image=b"\x66" * 32), facts=facts))
    assert checks.failing(result) == set()
    assert "contraindicated on an unknown build" in result.facts["devices"][0]["states"]


NON_REPUDIATION: dict[str, tuple[dict[str, Any], str]] = {
    "another key signed": ({"sign_as": forge.TOMASZ}, "signatures/3/assertion.bin"),
    "another ceremony": ({"client_type": "webauthn.create"}, "signatures/3/client-data.json type"),
    "another site asked": ({"origin": "https://evil.example"}, "signatures/3/client-data.json origin"),
    "a site that only ends alike": (
        {"origin": "https://evilfellside.example"},
        "signatures/3/client-data.json origin",
    ),
    "from inside another site": ({"cross_origin": True}, "signatures/3/client-data.json crossOrigin"),
    "not an origin": ({"origin": "https://["}, "signatures/3/client-data.json origin"),
    "another relying party": ({"rp_id": "example"}, "signatures/3/authenticator-data.bin"),
    "the person was not verified": ({"flags": 0x01}, "signatures/3/authenticator-data.bin byte 32"),
    "nobody was present": ({"flags": 0x04}, "signatures/3/authenticator-data.bin byte 32"),
    "the statement is of another record": (
        {"statement": {"record": "CMP-2026-0002"}},
        "signatures/3/statement.json record",
    ),
    "the statement is of another version": (
        {"statement": {"version": 1}},
        "signatures/3/statement.json version",
    ),
    "the statement is of other bytes": (
        {"statement": {"sha256": "00" * 32}},
        "signatures/3/statement.json sha256",
    ),
    "the statement means something else": (
        {"statement": {"meaning": "reviewed"}},
        "signatures/3/statement.json meaning",
    ),
    "the statement is for another step": (
        {"statement": {"step": "reopen"}},
        "signatures/3/statement.json step",
    ),
    "the statement is another person's": (
        {"statement": {"signer": forge.TOMASZ.uuid}},
        "signatures/3/statement.json signer",
    ),
    "the entry names another statement": ({"line": {"statement": "00" * 32}}, "signatures/3/statement.json"),
    "the key is not bound": ({"line": {"key": "02" * 16}}, "signatures/3"),
    "the key was bound later": ({"key_after": True}, "signatures/3"),
    "the key was withdrawn": ({"key_revoked": True}, "signatures/3"),
    "the assertion is missing": (
        {"files": lambda files: files.pop("signatures/3/assertion.bin")},
        "signatures/3/assertion.bin",
    ),
    "a signature from elsewhere": (
        {"files": lambda files: files.update({"signatures/9/statement.json": b"{}"})},
        "signatures/9",
    ),
    "the statement has another field": ({"statement": {"extra": 1}}, "signatures/3/statement.json"),
}


@pytest.mark.parametrize("name", NON_REPUDIATION)
def test_non_repudiation_fails_alone(name: str) -> None:
    changes, place = NON_REPUDIATION[name]
    result = checks.of(forge.Story(**changes))
    assert checks.failing(result) == {"non-repudiation"}
    assert checks.first(result, "non-repudiation")[0] == place
    assert result.exit_code == 1


def test_a_relying_party_that_the_policy_does_not_name_fails() -> None:
    policy = verify.read_policy(forge.policy() + b"# vouchsafe: rp other.example\n")
    assert checks.failing(verify.check(forge.forge(), policy)) == {"non-repudiation"}
    policy = verify.read_policy(forge.policy() + b"# vouchsafe: rp fellside.example\n")
    assert checks.failing(verify.check(forge.forge(), policy)) == set()


def shorten(announced: dict[str, Any]) -> None:
    announced["ranges"][0]["first"] = 1


COMPLETENESS: dict[str, tuple[dict[str, Any], str]] = {
    "the last event is left out": ({"drop_last": True}, "export/payload.bin ranges[0]"),
    "an earlier head is announced": ({"hide_last": True}, "export/leaf.json prev"),
    "the trail does not begin at its start": ({"announce": shorten}, "export/payload.bin ranges"),
    "the trail is announced twice": (
        {"announce": lambda a: a["ranges"].append(dict(a["ranges"][0]))},
        "export/payload.bin ranges",
    ),
    "another subject is announced": (
        {"announce": lambda a: a.update(subject="00" * 16)},
        "contents.json subject",
    ),
    "a person's keys are not announced": (
        {"announce": lambda a: a["ranges"].pop(1)},
        "leaves/records/7.json",
    ),
    "a head that is none": (
        {"announce": lambda a: a["ranges"][2].update(head="00" * 32)},
        "export/payload.bin ranges[2] head",
    ),
    "a range without end": (
        {"announce": lambda a: a["ranges"][2].update(last=10**12)},
        "export/payload.bin ranges[2]",
    ),
    "the device log does not continue": (
        {"evidence": changed(dlog_proof=[b"\0" * 32])},
        "evidence/fleet/0/7.bin device log",
    ),
}


@pytest.mark.parametrize("name", COMPLETENESS)
def test_completeness_fails_alone(name: str) -> None:
    changes, place = COMPLETENESS[name]
    result = checks.of(forge.Story(**changes))
    assert checks.failing(result) == {"completeness"}
    assert checks.first(result, "completeness")[0].startswith(place)
    assert result.exit_code == 1


TEMPORAL: dict[str, tuple[dict[str, Any], str]] = {
    "the server's clock went back": ({"clock_back": True}, "leaves/records/9.json at"),
    "signed after it was logged": (
        {"signed_at": "2026-12-24T12:00:00.000Z"},
        "signatures/3/statement.json at",
    ),
    "signed at no moment": ({"signed_at": "2026-13-24T12:00:00.000Z"}, "signatures/3/statement.json at"),
    "the device's counter stands still": (
        {"evidence": changed(counter_step=0)},
        "evidence/fleet/0/7.bin claim -75002",
    ),
    "the device's boot count falls": (
        {"evidence": changed(claims={267: 2})},
        "evidence/fleet/0/7.bin claim -75002",
    ),
}


@pytest.mark.parametrize("name", TEMPORAL)
def test_temporal_ordering_fails_alone(name: str) -> None:
    changes, place = TEMPORAL[name]
    result = checks.of(forge.Story(**changes))
    assert checks.failing(result) == {"temporal ordering"}
    assert checks.first(result, "temporal ordering")[0] == place
    assert result.exit_code == 1


def test_a_witness_that_saw_the_log_before_its_entries_were_made_fails_the_order() -> None:
    story = forge.Story(witness=True, witness_time=forge.T0 // 1000 - 10_000)
    assert checks.failing(checks.of(story)) == {"temporal ordering"}


def replace(path: str, body: bytes) -> Any:
    return lambda files: files.update({path: body})


PHOTO = f"files/{forge.sha(forge.PHOTO).hex()}"
INTEGRITY: dict[str, tuple[dict[str, Any], str]] = {
    "a payload is another": (
        {"files": replace("evidence/records/9.bin", b"\0" * 40)},
        "evidence/records/9.bin",
    ),
    "a payload is no salt": (
        {"files": replace("evidence/records/9.bin", b"\0" * 31)},
        "evidence/records/9.bin",
    ),
    "a payload is missing": ({"files": lambda f: f.pop("evidence/records/9.bin")}, "evidence/records/9.bin"),
    "a payload opens nothing": (
        {"files": replace("evidence/records/99.bin", b"\0" * 40)},
        "evidence/records/99.bin",
    ),
    "a version is another": ({"files": replace("record/versions/2.json", b"{}")}, "record/versions/2.json"),
    "a version is missing": ({"files": lambda f: f.pop("record/versions/1.json")}, "record/versions/1.json"),
    "a version that nobody wrote": (
        {"files": replace("record/versions/3.json", b"{}")},
        "record/versions/3.json",
    ),
    "an attached file is another": ({"files": replace(PHOTO, b"x")}, PHOTO),
    "an attached file is missing": ({"files": lambda f: f.pop(PHOTO)}, PHOTO),
    "a file that nobody attached": ({"files": replace("files/" + "00" * 32, b"x")}, "files/" + "00" * 32),
}


@pytest.mark.parametrize("name", INTEGRITY)
def test_integrity_fails_although_every_listing_fits(name: str) -> None:
    changes, place = INTEGRITY[name]
    result = checks.of(forge.Story(**changes))
    assert "integrity" in checks.failing(result)
    assert checks.first(result, "integrity")[0] == place


def test_another_page_fails_although_every_listing_was_made_to_fit() -> None:
    files = forge.members(forge.Story())
    files["index.html"] = b"<!doctype html><title>All was well</title>"
    listed = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    listed["index.html"] = forge.sha(files["index.html"]).hex()
    files["SHA256SUMS"] = "".join(f"{digest}  {name}\n" for name, digest in listed.items()).encode()
    result = checks.run(forge.relisted(files))
    assert checks.failing(result) == {"integrity", "completeness"}
    assert checks.first(result, "completeness") == (
        "SHA256SUMS",
        "is not the one that the export entry in the log names",
    )


def test_a_log_signed_with_other_keys_shows_nothing() -> None:
    result = checks.of(forge.Story(log_keys="thief"))
    assert checks.verdicts(result) == {
        "provenance": verify.NOT_SHOWN,
        "integrity": verify.FAILS,
        "non-repudiation": verify.NOT_SHOWN,
        "completeness": verify.NOT_SHOWN,
        "temporal ordering": verify.NOT_SHOWN,
    }
    assert "no log key of the policy has signed" in checks.first(result, "integrity")[1]
    assert result.exit_code == 1


def test_the_root_entry_of_another_size_fails() -> None:
    files = forge.members(forge.Story())
    base = "root/fleet/0/10"
    files[f"{base}.json"] = next(
        body for name, body in files.items() if name.startswith("root/records/") and name.endswith("json")
    )
    result = checks.run(forge.relisted(files))
    assert "integrity" in checks.failing(result)
    assert checks.first(result, "integrity")[0] == f"{base}.json"


def test_a_proof_for_another_entry_fails() -> None:
    files = forge.members(forge.Story())
    files["proofs/records/9.tlog-proof"] = files["proofs/records/10.tlog-proof"]
    result = checks.run(forge.relisted(files))
    assert checks.first(result, "integrity") == (
        "proofs/records/9.tlog-proof index",
        "is 10, the leaf's file says 9",
    )
    assert checks.verdicts(result)["completeness"] == verify.NOT_SHOWN


def test_nothing_is_said_of_a_device_whose_entries_are_in_no_trusted_log() -> None:
    files = forge.members(forge.Story())
    del files["root/fleet/0/10.tlog-proof"]
    result = checks.run(forge.relisted(files))
    assert checks.verdicts(result)["provenance"] == verify.NOT_SHOWN
    assert checks.first(result, "provenance")[0] == "leaves/fleet/0/5.json"


@pytest.mark.parametrize(
    ("line", "verdict", "place"),
    [
        ({"by": forge.TOMASZ.uuid}, verify.FAILS, "signatures/3/statement.json signer"),
        ({"version": 1}, verify.FAILS, "signatures/3/statement.json version"),
        ({"seq": 9}, verify.HOLDS, ""),
        ({"number": 5}, verify.NOT_SHOWN, "signatures/3"),
    ],
)
def test_a_signature_is_judged_by_its_entry_even_if_that_fails(
    line: dict[str, Any], verdict: str, place: str
) -> None:
    result = checks.of(forge.Story(line=line))
    assert "integrity" in checks.failing(result)
    assert checks.verdicts(result)["non-repudiation"] == verdict
    assert checks.first(result, "non-repudiation")[0] == place


def test_a_ceremony_is_what_its_entry_says_whatever_files_are_there() -> None:
    other = checks.of(forge.Story(line={"ceremony": "seal"}))
    assert checks.failing(other) == {"non-repudiation"}
    assert checks.first(other, "non-repudiation")[0] == "leaves/records/11.json payload ceremony"
    told = checks.of(forge.Story(line={"ceremony": "password"}))
    assert checks.verdicts(told)["non-repudiation"] == verify.WORD


def test_one_pseudonym_is_one_person() -> None:
    result = checks.of(forge.Story(line={"by": "00" * 16}))
    assert checks.first(result, "integrity") == (
        "leaves/records/12.json by",
        "is not the pseudonym of the person in its payload",
    )


def test_each_reason_that_an_appraisal_can_give_is_known_with_its_value() -> None:
    told = {code: (m.element, m.value) for code, m in reasons.MEANINGS.items()}
    assert {code: told[code] for code in verify.CODES} == verify.CODES
    assert told.keys() == verify.KNOWN_CODES


def test_a_signature_copied_to_another_record_fails() -> None:
    story = forge.Story(statement={"record": "CMP-2026-0002", "sha256": "11" * 32})
    assert checks.failing(checks.of(story)) == {"non-repudiation"}


def test_the_result_as_json_is_plain() -> None:
    found = verify.as_json(checks.of(forge.Story()))
    again = json.loads(json.dumps(found))
    assert again["exit"] == 0
    assert [p["property"] for p in again["properties"]] == list(verify.PROPERTIES)


def test_text_from_a_bundle_cannot_steer_a_terminal() -> None:
    assert verify.plain("a\x1b[2Jb\u202ec\n") == "a\ufffd[2Jb\ufffdc\ufffd"
