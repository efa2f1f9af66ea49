"""The commands: what they print, and how they end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from vouchsafe.cli.advisory import advisory
from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.sbom import sbom
from vouchsafe.cli.udi import udi

EXAMPLES = Path(__file__).parents[2] / "examples" / "fellside"
OLD, NEW = str(EXAMPLES / "tarn4-4.1.2.cdx.json"), str(EXAMPLES / "tarn4-4.2.1.cdx.json")
KNOWN = str(EXAMPLES / "advisories" / "RUSTSEC-2026-0104.json")


def run(group: object, *args: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(group, list(args), input=stdin)  # type: ignore[arg-type]


def refused(result: Result) -> CommandError:
    assert isinstance(result.exception, CommandError), result.output
    assert "\n" not in str(result.exception)
    return result.exception


def test_inspect_prints_one_object() -> None:
    said = json.loads(run(sbom, "inspect", OLD, "--json").stdout)
    assert said["format"] == "CycloneDX"
    assert said["components"] == said["with_purl"] == said["with_version"] > 400
    assert said["problems"] == []


def test_inspect_reads_standard_input_and_names_the_place() -> None:
    assert (
        json.loads(run(sbom, "inspect", "-", "--json", stdin=Path(OLD).read_bytes()).stdout)["components"]
        > 400
    )
    told = refused(run(sbom, "inspect", "-", stdin=b'{"bomFormat": "CDX"}'))
    assert (told.code, str(told)) == (2, "standard input: $.bomFormat: expected “CycloneDX”, got “CDX”")


@pytest.mark.parametrize("path", ["/nonexistent/file", "/"])
def test_a_file_that_cannot_be_read_ends_with_two(path: str) -> None:
    assert refused(run(sbom, "inspect", path)).code == 2


def test_match_says_confirmed_for_the_old_release_only() -> None:
    old = json.loads(run(sbom, "match", OLD, KNOWN, "--json").stdout)
    assert [(m["component"]["name"], m["range"]) for m in old["confirmed"]] == [
        ("rustls-webpki", ">=0, <0.103.13")
    ]
    assert old["possible"] == []
    new = run(sbom, "match", NEW, KNOWN, "--json")
    assert new.exit_code == 0
    assert json.loads(new.stdout) == {"confirmed": [], "possible": [], "withdrawn": []}
    assert "1 confirmed, 0 possible" in run(sbom, "match", OLD, KNOWN).stdout


def test_diff_ends_with_one_when_there_is_a_difference() -> None:
    assert run(sbom, "diff", OLD, OLD).exit_code == 0
    found = run(sbom, "diff", OLD, NEW, "--json")
    assert found.exit_code == 1
    assert {"component": "pkg:cargo/rustls-webpki", "from": ["0.103.8"], "to": ["0.103.13"]} in json.loads(
        found.stdout
    )["changed"]
    assert refused(run(sbom, "diff", "-", "-")).code == 2


def test_sign_and_check(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (tmp_path / "pub.pem").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    (tmp_path / "image").write_bytes(b"Tarn 4 firmware 4.2.1")
    (tmp_path / "other").write_bytes(b"Tarn 4 firmware 4.1.2")
    out, pub, image = str(tmp_path / "release.json"), str(tmp_path / "pub.pem"), str(tmp_path / "image")
    made = run(
        sbom, "sign", NEW, "--name", "i", "--image", image, "--key", str(tmp_path / "key.pem"), "-o", out
    )
    assert made.exit_code == 0, made.output
    back = str(tmp_path / "back.json")
    good = run(sbom, "check", out, "--key", pub, "--image", image, "--extract", back, "--json")
    assert json.loads(good.stdout)["holds"] is True
    assert Path(back).read_bytes() == Path(NEW).read_bytes()
    assert refused(run(sbom, "check", out, "--key", pub, "--image", str(tmp_path / "other"))).code == 1
    text = bytearray(Path(out).read_bytes())
    text[len(text) // 2] ^= 1
    Path(out).write_bytes(text)
    assert refused(run(sbom, "check", out, "--key", pub)).code in (1, 2)
    assert refused(run(sbom, "check", NEW, "--key", pub)).code == 2
    assert refused(run(sbom, "sign", NEW, "--name", "i", "--key", "x")).code == 2


def test_advisory_inspect() -> None:
    said = json.loads(run(advisory, "inspect", KNOWN, "--json").stdout)
    assert (said["id"], said["aliases"], said["severity"]["rating"]) == (
        "RUSTSEC-2026-0104",
        ["GHSA-82j2-j2ch-gfr8"],
        "high",
    )
    assert said["affected"][0]["package"] == "pkg:cargo/rustls-webpki"
    assert refused(run(advisory, "inspect", OLD)).code == 2


def test_udi_parse_and_check() -> None:
    text = "(01)05060912340019(21)T4-0311-88207"
    said = json.loads(run(udi, "parse", text, "--json").stdout)
    assert said == {"agency": "GS1", "di": "05060912340019", "serial": "T4-0311-88207"}
    assert run(udi, "check", text).exit_code == 0
    assert run(udi, "check", "-", stdin=b"05060912340018\n").exit_code == 1
    assert run(udi, "check", "506091234TARN479").exit_code == 0
    assert run(udi, "check", "506091234TARN478").exit_code == 1
    assert refused(run(udi, "check", "hello")).code == 2
    assert refused(run(udi, "parse", "(01)05060912340018")).code == 2


@pytest.mark.parametrize("args", [["sbom"], ["sbom", "match"], ["advisory", "inspect"], ["udi", "check"]])
def test_help_comes_with_an_example(args: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from vouchsafe.cli.main import main; main()", *args, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(args) == 1 or "Example" in done.stdout


def test_the_commands_need_no_server() -> None:
    code = "import sys; import vouchsafe.cli.sbom, vouchsafe.cli.udi; print([m for m in sys.modules if m.split('.')[0] in ('django', 'psycopg')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
