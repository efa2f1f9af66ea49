"""Every other way in which an item may not verify, each with the place that is named."""

import base64
import json
from typing import Any

import pytest
from click.testing import CliRunner

from tests.bundle import checks, forge
from vouchsafe.bundle import verify


def changed(**changes: Any) -> Any:
    """The second of three pieces of evidence, made otherwise."""
    return lambda n, given: given | changes if n == 1 else given


EVIDENCE = "evidence/fleet/0/7.bin"
LEAF = "leaves/fleet/0/7.json"
MISSING = {"why": ["dlog_entries_missing"], "vec": [2, 2, 33, 0, 0, 0, 0, 0], "tier": 32}
STORIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "a leaf at no place for one": ({"files": lambda f: f.update({"leaves/x/01.json": b"{}"})}, "integrity", "leaves/x/01.json"),
    "a line of another sequence number": ({"line": {"seq": 9}}, "integrity", "leaves/records/11.json payload seq"),
    "a line of another record": ({"line": {"number": "CMP-2"}}, "integrity", "leaves/records/11.json payload number"),
    "a line by somebody else": ({"line": {"by": forge.TOMASZ.uuid}}, "integrity", "leaves/records/11.json by"),
    "a line by the system under a person's name": ({"line": {"by": ""}}, "integrity", "leaves/records/11.json by"),
    "a key's payload is missing": ({"files": lambda f: f.pop("evidence/records/7.bin")}, "provenance", "evidence/records/7.bin"),
    "a record without any entry": ({"announce": lambda a: None, "files": lambda f: [f.pop(n) for n in list(f) if "leaves/records" in n]},
                                   "completeness", "export/payload.bin ranges[0]"),
    "no contents": ({"files": lambda f: f.pop("contents.json")}, "integrity", "contents.json"),
    "an enrolment of another identity": ({"enrolment": {"ueid": "01" + "00" * 32}}, "provenance", "evidence/fleet/0/5.bin ueid"),
    "an enrolment without the device": ({"enrolment_signers": 1}, "provenance", "evidence/fleet/0/5.bin"),
    "an enrolment without any signature": ({"enrolment_signers": 0}, "provenance", "evidence/fleet/0/5.bin signatures"),
    "an enrolment of another kind of key": ({"enrolment": {"spki": base64.b64encode(b"x" * 44).decode()}}, "provenance", "evidence/fleet/0/5.bin spki"),
    "an enrolment without a serial": ({"enrolment": {"udi_pi": {}}}, "provenance", "evidence/fleet/0/5.bin udi_pi"),
    "an enrolment that is missing": ({"files": lambda f: f.pop("evidence/fleet/0/5.bin")}, "provenance", "evidence/fleet/0/5.bin"),
    "evidence that is missing": ({"files": lambda f: f.pop(EVIDENCE)}, "provenance", EVIDENCE),
    "evidence that is no item": ({"evidence": changed(item=forge.cbor([1, 2]))}, "provenance", EVIDENCE),
    "evidence of another device": ({"evidence": changed(claims={256: b"\x01" * 33})}, "provenance", f"{EVIDENCE} claim 256"),
    "evidence without a claim": ({"evidence": changed(claims={267: "x"})}, "provenance", f"{EVIDENCE} claim 267"),
    "a counter below zero": ({"evidence": changed(claims={-75002: -1}), "facts": {"ctr": -1}}, "provenance", f"{EVIDENCE} claim -75002"),
    "a measurement of another format": ({"evidence": changed(claims={273: [[1, b""]]})}, "provenance", f"{EVIDENCE} claim 273"),
    "no boot chain": ({"evidence": changed(stages=[])}, "provenance", f"{EVIDENCE} claim 273"),
    "a boot stage that is none": ({"evidence": changed(stages=[["x"]])}, "provenance", f"{EVIDENCE} claim 273 claim 1[0]"),
    "a version that is no list": ({"evidence": changed(claims={271: "4.1.2"})}, "provenance", f"{EVIDENCE} claim 271"),
    "a stage that nobody knows": (
        {"evidence": changed(stages=[["boot", b"\x77" * 32, 1], ["app", forge.OLD, 7]])}, "provenance", f"{LEAF} facts why",
    ),
    "images of two builds": (
        {"evidence": changed(stages=[["a", forge.OLD, 7], ["b", forge.NEW, 8]])}, "provenance", f"{LEAF} facts why",
    ),
    "reference values that are none": ({"facts": {"ref_digest": "", "ref_ix": -1}}, "provenance", f"{LEAF} facts why"),
    "a reason that is no text": ({"facts": {"why": [[]]}}, "provenance", f"{LEAF} facts why[0]"),
    "no part of the device log": ({"evidence": changed(item="alone")}, "completeness", f"{EVIDENCE} device log"),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_the_place_is_named(name: str) -> None:
    changes, prop, place = STORIES[name]
    result = checks.of(forge.Story(**changes))
    assert prop in checks.failing(result), result.findings
    assert checks.first(result, prop)[0] == place


FINE: dict[str, dict[str, Any]] = {
    "evidence that the log calls unsigned": {
        "evidence": changed(signer=forge.ed_key("thief")),
        "facts": {"why": ["signature_invalid"], "tier": 96, "vec": [99, 0, 0, 0, 0, 0, 0, 0], "base": False},
    },
    "evidence that the log calls copied": {
        "facts": {
            "why": ["counter_not_advancing"],
            "tier": 96,
            "vec": [96, 2, 3, 0, 0, 0, 0, 0],
            "base": False,
        },
    },
    "evidence without its part of the device log, which the log says": {
        "evidence": changed(item="alone"),
        "facts": MISSING,
    },
    "reference values that were in force before they were logged": {"facts": {"ref_ix": -1}},
}


@pytest.mark.parametrize("name", FINE)
def test_bad_news_that_the_log_tells_breaks_nothing(name: str) -> None:
    result = checks.of(forge.Story(**FINE[name]))
    assert checks.failing(result) == set(), result.findings


def test_a_person_key_of_another_person_does_not_sign() -> None:
    story = forge.Story()
    story.files = lambda files: None
    files = forge.members(story)
    # The signature's leaf says another pseudonym than the key's: only the operator could log that, with all hashes right.
    leaf = json.loads(files["leaves/records/11.json"])
    leaf["by"] = "u:" + "ab" * 16
    files["leaves/records/11.json"] = forge.canonical(leaf)
    result = checks.run(forge.relisted(files))
    assert checks.first(result, "non-repudiation")[0] == "leaves/records/11.json by"


def test_an_entry_out_of_its_subjects_order_fails() -> None:
    files = forge.members(forge.Story())
    leaf = json.loads(files["leaves/records/11.json"])
    files["leaves/records/99.json"] = forge.canonical(leaf)
    result = checks.run(forge.relisted(files))
    assert ("leaves/records/99.json seq", "temporal ordering") in {
        (f.place, f.property) for f in result.findings
    }


def test_an_export_entry_of_another_kind_is_none() -> None:
    files = forge.members(forge.Story())
    files["export/leaf.json"] = files["leaves/records/11.json"]
    files["export/payload.bin"] = files["evidence/records/11.bin"]
    result = checks.run(forge.relisted(files))
    assert checks.first(result, "completeness") == (
        "export/leaf.json",
        "is no bundle.export entry with its payload",
    )


def test_an_export_that_opens_to_no_object_is_none() -> None:
    files = forge.members(forge.Story())
    leaf = json.loads(files["export/leaf.json"])
    files["export/payload.bin"] = bytes(32) + b"[]"
    leaf["commit"] = forge.sha(files["export/payload.bin"]).hex()
    files["export/leaf.json"] = forge.canonical(leaf)
    result = checks.run(forge.relisted(files))
    assert checks.first(result, "completeness") == ("export/payload.bin", "not a JSON object")


def test_logs_of_two_operators_do_not_mix() -> None:
    story = forge.Story(devices=False)
    files = forge.members(story)
    key = forge.ed_key("log of another")
    other = forge.Log("records", key)
    other.append("decision", "cd" * 16, b"x")
    body = other.body().replace(forge.AUTHORITY.encode(), b"other.example")
    note = body + b"\n" + forge.note_line("other.example/records", key, body)
    files["leaves/records/0.json"] = other.entries[0]
    files["proofs/records/0.tlog-proof"] = other.proof(0, note)
    trust = forge.policy() + f"log {forge.vkey('other.example/records', key)}\n".encode()
    result = verify.check(forge.relisted(files), verify.read_policy(trust))
    told = {f.place: f.reason for f in result.findings if f.property == "integrity"}
    assert any("other.example/records" in reason or forge.AUTHORITY in reason for reason in told.values())


def test_a_root_checkpoint_of_another_log_or_tree_fails() -> None:
    files = forge.members(forge.Story(devices=False))
    base = next(name for name in files if name.startswith("root/records/") and name.endswith("proof"))
    step_one = files["export/leaf.tlog-proof"]
    result = checks.run(forge.relisted({**files, base: step_one}))
    assert "not of demo.fellside.example/root" in checks.first(result, "integrity")[1]
    root = forge.Log("root", forge.ed_key("log root"))
    for n in range(3):
        root.append("decision", "ef" * 16, b"%d" % n)
    result = checks.run(forge.relisted({**files, base: root.proof(0, root.note())}))
    assert "does not lead from" in checks.first(result, "integrity")[1]


@pytest.mark.parametrize(
    ("listing", "place"),
    [
        ({"format": "vouchsafe-bundle/2", "files": []}, "bundle.json format"),
        ({"format": "vouchsafe-bundle/1", "files": {}}, "bundle.json files"),
        ({"format": "vouchsafe-bundle/1", "files": [{"path": "a"}]}, "bundle.json files[0]"),
        (
            {"format": "vouchsafe-bundle/1", "files": [{"path": "a", "sha256": "0", "size": 1}]},
            "bundle.json files[0] sha256",
        ),
        (
            {"format": "vouchsafe-bundle/1", "files": [{"path": "a", "sha256": "0" * 64, "size": 1, "x": 1}]},
            "bundle.json files[0]",
        ),
    ],
)
def test_a_listing_that_is_none_is_unreadable(listing: Any, place: str) -> None:
    with pytest.raises(verify.Unreadable) as told:
        checks.run(forge.pack({"bundle.json": forge.canonical(listing)}))
    assert told.value.place == place


def test_a_record_without_any_entry_shows_nothing() -> None:
    def other(files: dict[str, bytes]) -> None:
        about = json.loads(files["contents.json"])
        files["contents.json"] = forge.canonical({**about, "subject": "00" * 16})

    result = checks.of(forge.Story(files=other))
    told = [f.property for f in result.findings if f.reason == "the record has no entry here"]
    assert told == list(verify.PROPERTIES)
    assert {f.place for f in result.findings if f.reason == "the record has no entry here"} == {
        "contents.json subject"
    }


def test_two_keys_of_one_device_have_a_history_each() -> None:
    def evidence(key: bytes, counter: int) -> verify.Evidence:
        leaf = verify.Leaf(
            "leaves/fleet/0/1.json", "fleet/0", 1, b"", json.loads(FIRST) | {"facts": {"why": []}}
        )
        claims = {-75002: counter, 267: 1, -75001: [0, b""]}
        return verify.Evidence(leaf, key, claims, {}, None)

    def found(*proofs: verify.Evidence) -> list[verify.Finding]:
        bundle = verify.Bundle({}, verify.Policy())
        verify.check_history(bundle, list(proofs))
        return bundle.findings

    assert found(evidence(b"a", 1), evidence(b"b", 1), evidence(b"b", 2)) == []
    assert [f.property for f in found(evidence(b"a", 1), evidence(b"a", 1))] == ["temporal ordering"]


FIRST = forge.members(forge.Story())["leaves/fleet/0/7.json"]


def test_a_size_that_differs_is_named() -> None:
    files = forge.members(forge.Story())
    listing = json.loads(files["bundle.json"])
    listing["files"][0]["size"] += 1
    result = checks.run(forge.pack({**files, "bundle.json": forge.canonical(listing)}))
    assert checks.first(result, "integrity") == ("README.txt", "has 15 bytes, not 16")


# -- The command lines


@pytest.fixture
def given(tmp_path: Any) -> Any:
    (tmp_path / "bundle.zip").write_bytes(forge.forge())
    (tmp_path / "trust.txt").write_bytes(forge.policy())
    return tmp_path


def test_the_command_gives_the_verifiers_verdict_and_code(given: Any) -> None:
    from vouchsafe.cli.verify import verify as command

    run = CliRunner()
    paths = [str(given / "bundle.zip"), "--policy", str(given / "trust.txt")]
    good = run.invoke(command, paths, standalone_mode=False)
    assert good.return_value == 0
    assert "Result: verified" in good.output
    assert json.loads(run.invoke(command, [*paths, "--json"], standalone_mode=False).output)["exit"] == 0
    assert run.invoke(command, paths[:1], standalone_mode=False).return_value == 1
    bad = run.invoke(command, [paths[2], *paths[1:]], standalone_mode=False)
    assert bad.return_value == 2
    assert len(bad.output.splitlines()) == 1


def test_the_command_reads_standard_input_and_prints_one_object(given: Any) -> None:
    from vouchsafe.cli.verify import verify as command

    arguments = ["-", "--policy", str(given / "trust.txt"), "--json"]
    done = CliRunner().invoke(command, arguments, input=forge.forge(), standalone_mode=False)
    found = json.loads(done.output)
    assert (done.return_value, found["exit"]) == (0, 0)
    assert set(found) == {
        "record", "title", "bundle_sha256", "properties", "checked", "findings", "signatures", "devices", "exit",
    }  # fmt: skip
    assert [set(p) for p in found["properties"]] == [
        {"property", "verdict", "place", "reason", "allowed"}
    ] * 5
    assert found["checked"]["V2"] == 14


def test_the_module_as_a_program(given: Any, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(given / "bundle.zip"), "--policy", str(given / "trust.txt")]
    assert verify.main(paths) == 0
    assert "Result: verified" in capsys.readouterr().out
    assert verify.main([*paths, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["record"] == "CMP-2026-0001"
    assert verify.main([str(given / "none.zip")]) == 2
    assert capsys.readouterr().err.endswith(
        "none.zip: expected a file that can be read, got No such file or directory\n"
    )
    assert verify.main([str(given / "bundle.zip"), "--policy", str(given / "bundle.zip")]) == 2


def test_a_file_is_read_up_to_its_limit(given: Any) -> None:
    (given / "x").write_bytes(b"12345")
    assert verify.read_limited(str(given / "x"), 5) == b"12345"
    with pytest.raises(verify.Unreadable, match="at most 4 bytes"):
        verify.read_limited(str(given / "x"), 4)


def test_the_bundle_command_says_what_it_needs() -> None:
    from vouchsafe.cli.bundle import bundle as command

    pytest.importorskip("django")
    told = CliRunner().invoke(command, [], standalone_mode=False)
    assert "which record" in str(told.exception)
