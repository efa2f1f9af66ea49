"""`vouchsafe evidence`: what it prints, and its exit codes, as a process."""

import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.attest import making as m
from tests.attest.test_enrolment import ENVELOPE
from vouchsafe.attest import batch, keys, limits, reference
from vouchsafe.attest.formats import cbor, cose


def run(*words, stdin=b""):
    start = [sys.executable, "-c", "from vouchsafe.cli.main import main; main()"]
    done = subprocess.run([*start, *map(str, words)], input=stdin, capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def folder(tmp_path):
    loaded = serialization.load_der_public_key(keys.spki(m.KEY.alg, m.KEY.public))
    pem = loaded.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public = keys.base64.urlsafe_b64encode(m.KEY.public).decode().rstrip("=")
    files = {
        "pump.eat": m.token(), "pump.pem": pem, "pump.der": keys.spki(m.KEY.alg, m.KEY.public),
        "pump.jwk": json.dumps({"kty": "OKP", "crv": "Ed25519", "x": public}).encode(), "pump.dsse": ENVELOPE,
        "tarn4.json": reference.to_json(m.REFERENCE), "liar.eat": m.token(m.claims(sw_version="4.2.1")),
        "broken.eat": m.token()[:-1] + bytes([m.token()[-1] ^ 1]), "other.json": b"[]", "cut.eat": m.token()[:50],
        "item.cborseq": batch.make_item(m.KEY.ueid, 1, m.token(), m.NOW_MS, m.part(10, 13)).raw,
    }  # fmt: skip
    files["two.cborseq"] = files["item.cborseq"] * 2
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_good_evidence_exits_0_with_the_verdict_in_ear_words(folder):
    words = (
        "--key",
        folder / "pump.pem",
        "--reference",
        folder / "tarn4.json",
        "--nonce",
        m.NONCE.hex(),
        "--json",
    )
    code, out, err = run("evidence", "verify", folder / "pump.eat", *words)
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["ear_status"] == "affirming"
    assert found["ear_trustworthiness_vector"]["executables"] == 3
    assert (found["build"], found["version"], found["signature_holds"], found["holds"]) == (
        "b412",
        "4.1.2",
        True,
        True,
    )
    assert found["claims"]["counter"] == 11
    assert found["not_checked"] == ["what came before it (replay, gaps)"]


@pytest.mark.parametrize("key", ["pump.der", "pump.jwk", "pump.dsse"])
def test_each_form_of_the_key_is_read(folder, key):
    code, out, _ = run("evidence", "verify", folder / "item.cborseq", "--key", folder / key)
    assert code == 0
    assert out.startswith("none: the signature holds")
    assert "not checked: reference values, freshness, what came before it" in out


def test_a_liar_exits_1_and_names_the_measured_build(folder):
    words = ("--key", folder / "pump.pem", "--reference", folder / "tarn4.json")
    code, out, _ = run("evidence", "verify", folder / "liar.eat", *words)
    assert code == 1
    assert out.startswith("warning: the signature holds\n  measured build b412, version 4.1.2\n")
    assert "claimed_version_differs: The device says another version than the one it measures" in out


def test_a_broken_signature_exits_1(folder):
    code, out, _ = run("evidence", "verify", folder / "broken.eat", "--key", folder / "pump.pem", "--json")
    found = json.loads(out)
    assert (code, found["ear_status"], found["signature_holds"]) == (1, "contraindicated", False)
    assert [reason["code"] for reason in found["reasons"]] == ["signature_invalid"]


def test_another_nonce_exits_1(folder):
    code, out, _ = run(
        "evidence", "verify", folder / "pump.eat", "--key", folder / "pump.pem", "--nonce", "00" * 32
    )
    assert code == 1
    assert "nonce_unknown" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "absent", "--key", "pump.pem"), "absent: expected a readable file"),
        (("verify", "cut.eat", "--key", "pump.pem"), "evidence at byte 25"),
        (("verify", "two.cborseq", "--key", "pump.pem"), "expected one piece of evidence, got a batch of 2"),
        (("verify", "pump.eat", "--key", "other.json"), "key: expected a public key: PEM, DER, certificate, JWK or COSE_Key, got 2 other bytes"),
        (("verify", "pump.eat", "--key", "pump.eat"), "pump.eat: "),
        (("verify", "pump.eat", "--key", "pump.pem", "--reference", "other.json"), "reference set: expected an object, got list"),
        (("verify", "pump.eat", "--key", "pump.pem", "--nonce", "xyz"), "--nonce: expected 64 hex digits, got 'xyz'"),
        (("inspect", "cut.eat"), "evidence at byte 25"),
        (("inspect", "other.json"), "evidence at byte 0: expected CBOR tag 18"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_exits_2_with_one_line_that_says_why(folder, words, said):
    words = [folder / word if "." in word and not word.startswith("-") else word for word in words]
    code, out, err = run("evidence", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_missing_key_option_exits_2(folder):
    assert run("evidence", "verify", folder / "pump.eat")[0] == 2


def test_inspect_prints_claims_and_verifies_nothing(folder):
    code, out, _ = run("evidence", "inspect", folder / "broken.eat", "--json")
    found = json.loads(out)
    assert (code, found["verified"]) == (0, False)
    assert found["items"][0]["claims"]["sw_version"] == "4.1.2"
    assert found["items"][0]["claims"]["stages"][1] == {"name": "firmware", "digest": m.IMAGE.hex(), "svn": 4}


def test_inspect_reads_a_batch_from_standard_input(folder):
    code, out, _ = run("evidence", "inspect", "-", stdin=(folder / "two.cborseq").read_bytes())
    assert code == 0
    assert out.count("Item ") == 2
    assert "kind: attested" in out


def test_an_unreadable_log_entry_is_shown_as_such(folder):
    item = batch.make_item(m.KEY.ueid, 1, m.token(), 5, batch.LogPart(0, (), (b"\xff",)))
    code, out, _ = run("evidence", "inspect", "-", stdin=item.raw)
    assert code == 0
    assert "unreadable: device-log entry at byte 0" in out


PSA = "device-evidence/veraison_psatoken/testvectors/tf-m"


def test_another_profile_is_shown_by_numbers(fixtures):
    code, out, _ = run("evidence", "inspect", fixtures / PSA / "psa-2_0_0_sign1.bin", "--json")
    found = json.loads(out)["items"][0]
    assert code == 0
    assert found["profile"].startswith("another: protected header")
    assert (found["message"], found["protected"]) == ("COSE_Sign1", {"1": -7})
    assert found["claims"]["265"] == "http://arm.com/psa/2.0.0"
    assert len(found["claims"]["2399"]) > 1


def test_the_signature_of_another_profile_is_verified_and_its_claims_are_not_judged(fixtures, tmp_path):
    token = (fixtures / PSA / "psa-2_0_0_sign1.bin").read_bytes()
    key = fixtures / PSA / "public.pem"
    code, out, err = run("evidence", "verify", "-", "--key", key, "--json", stdin=token)
    found = json.loads(out)
    assert (code, err, found["ear_status"], found["signature_holds"], found["holds"]) == (
        0,
        "",
        "none",
        True,
        True,
    )
    assert [reason["code"] for reason in found["reasons"]] == ["profile_unknown"]
    assert "claims of another profile" in found["not_checked"]
    (tmp_path / "changed").write_bytes(token[:-1] + bytes([token[-1] ^ 1]))
    code, out, _ = run("evidence", "verify", tmp_path / "changed", "--key", key)
    assert code == 1
    assert out.startswith(
        "contraindicated: the signature does not hold\n  instance-identity    99  contraindicated\n"
    )
    assert "signature_invalid: The signature does not hold (evidence: expected a signature of this key" in out


def test_the_working_groups_examples_are_verified_from_the_command_line(fixtures, tmp_path):
    folder = fixtures / "device-evidence/cose-wg_Examples"
    for name, code in (("CWT/A_3", 0), ("sign1-tests/sign-pass-01", 0), ("sign1-tests/sign-pass-03", 0), ("sign1-tests/sign-fail-02", 1),
                       ("ecdsa-examples/ecdsa-sig-02", 0), ("ecdsa-examples/ecdsa-01", 0), ("sign1-tests/sign-fail-01", 2), ("mac0-tests/HMac-01", 2)):  # fmt: skip
        example = json.loads((folder / f"{name}.json").read_text())
        given = example["input"]
        key = (given.get("sign0") or given.get("sign", {}).get("signers", [{}])[0]).get("key", {"kty": "OKP", "crv": "Ed25519",
               "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})  # fmt: skip
        for part in "xy":
            if f"{part}_hex" in key:
                raw = bytes.fromhex(key[f"{part}_hex"])
                key[part] = keys.base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        (tmp_path / "key").write_text(json.dumps(key))
        done = run(
            "evidence",
            "verify",
            "-",
            "--key",
            tmp_path / "key",
            stdin=bytes.fromhex(example["output"]["cbor"]),
        )
        assert done[0] == code, (name, done)
    assert done[2] == "evidence: expected COSE_Sign1 (tag 18) or COSE_Sign (tag 98), got COSE_Mac0 (tag 17)\n"


def test_a_key_that_the_profile_lacks_exits_2(folder, tmp_path):
    public = ec.derive_private_key(7, ec.SECP384R1()).public_key()
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "p384.pem").write_bytes(public.public_bytes(encoding, form))
    code, _, err = run("evidence", "verify", folder / "pump.eat", "--key", tmp_path / "p384.pem")
    assert code == 2
    assert err.endswith("p384.pem: expected an Ed25519 or P-256 key for this profile, got P-384\n")


def test_another_profile_in_deterministic_form_is_shown_by_the_numbers_of_its_claims(tmp_path):
    protected = cbor.encode({1: -19})
    (tmp_path / "x").write_bytes(
        cose.assemble(protected, cbor.encode({265: "tag:other", 10: b"n"}), bytes(64))
    )
    code, out, _ = run("evidence", "inspect", tmp_path / "x", "--json")
    assert code == 0
    assert json.loads(out)["items"][0]["claims"] == {"10": "6e", "265": "tag:other"}


def test_a_file_past_the_limit_is_not_read(tmp_path):
    (tmp_path / "big").write_bytes(bytes(limits.MAX_BATCH_BYTES + 1))
    code, _, err = run("evidence", "inspect", tmp_path / "big")
    assert code == 2
    assert "expected at most 16777216 bytes, got more" in err


def test_help_teaches_with_examples():
    for words in (("evidence",), ("evidence", "verify"), ("evidence", "inspect")):
        code, out, _ = run(*words, "--help")
        assert code == 0
        assert len(words) == 1 or "vouchsafe evidence" in out
