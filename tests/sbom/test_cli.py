"""The commands: what they print, and how they end."""

import base64
import hashlib
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
from vouchsafe.sbom import dsse, statement

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


XML = (
    b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library"><name>rustls-webpki</name>'
    b"<version>0.103.8</version><purl>pkg:cargo/rustls-webpki@0.103.8</purl></component></components></bom>"
)
SPDX = b"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: d
DocumentNamespace: https://example.org/d
Creator: Tool: t
Created: 2026-01-01T00:00:00Z
PackageName: rustls-webpki
SPDXID: SPDXRef-r
PackageVersion: 0.103.8
PackageDownloadLocation: NOASSERTION
ExternalRef: PACKAGE-MANAGER purl pkg:cargo/rustls-webpki@0.103.8
"""


@pytest.mark.parametrize(
    ("data", "format_", "version"), [(XML, "CycloneDX", "1.6"), (SPDX, "SPDX", "2.3")], ids=["xml", "spdx"]
)
def test_every_command_reads_every_format_whatever_the_name(
    tmp_path: Path, data: bytes, format_: str, version: str
) -> None:
    path = tmp_path / "sbom.json"
    path.write_bytes(data)
    said = json.loads(run(sbom, "inspect", str(path), "--json").stdout)
    assert (said["format"], said["spec_version"]) == (format_, version)
    assert said["components"] == said["with_purl"] == said["with_version"] == 1
    assert "ntia" in {p["kind"] for p in said["problems"]}
    matched = json.loads(run(sbom, "match", str(path), KNOWN, "--json").stdout)
    assert [m["component"]["name"] for m in matched["confirmed"]] == ["rustls-webpki"]
    other = run(sbom, "diff", str(path), "-", "--json", stdin=XML)
    assert (other.exit_code, json.loads(other.stdout)) == (0, {"added": [], "removed": [], "changed": []})


def test_what_people_read_names_places_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "sbom"
    path.write_bytes(XML)
    shown = run(sbom, "inspect", str(path)).stdout
    assert shown.startswith("CycloneDX 1.6\n1 components, 1 with a package URL, 1 with a version\n")
    assert "  line 1: /bom/components/component/supplier: “rustls-webpki” has no supplier\n" in shown
    changed = run(sbom, "diff", str(path), "-", stdin=XML.replace(b"0.103.8", b"0.103.13"))
    assert changed.stdout.splitlines() == [
        "changed  pkg:cargo/rustls-webpki 0.103.8 → 0.103.13",
        "0 added, 0 removed, 1 changed",
    ]
    assert run(sbom, "inspect", OLD).stdout.endswith("No problems found.\n")


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "line 1 column 1"),
        (b"<!DOCTYPE bom [<!ENTITY a 'b'>]><bom>&a;</bom>", "line 1 column 1"),
        (b"<Document>" * 50_000, "line 1 column 2001"),
        (b"[" * 50_000, "line 1 column 201"),
        ('{"bomFormat": "CycloneDX"}'.encode("utf-16"), "byte 0"),
        (XML.replace(b"<name>rustls-webpki</name>", b""), "line 1: /bom/components/component/name"),
        (SPDX + b"no tag at all\n", "line 13"),
    ],
)
def test_a_hostile_file_ends_with_two_and_one_line(data: bytes, place: str) -> None:
    told = refused(run(sbom, "inspect", "-", stdin=data))
    assert told.code == 2
    assert str(told).startswith(f"standard input: {place}: expected ")
    assert ", got " in str(told)


def test_an_spdx_document_is_signed_as_what_it_is(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    none = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "pub.pem").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    package = {"SPDXID": "SPDXRef-a", "name": "a", "versionInfo": "1", "downloadLocation": "NONE"}
    said = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "d",
        "documentNamespace": "https://example.org/d",
        "creationInfo": {"creators": ["Tool: t"], "created": "2026-01-01T00:00:00Z"},
        "packages": [package],
    }
    args = ["sign", "-", "--name", "i", "--digest", "a" * 64, "--key", str(tmp_path / "key.pem")]
    envelope = run(sbom, *args, stdin=json.dumps(said).encode()).stdout
    payload = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    assert payload["predicateType"] == "https://spdx.dev/Document"
    checked = run(sbom, "check", "-", "--key", str(tmp_path / "pub.pem"), "--json", stdin=envelope.encode())
    assert json.loads(checked.stdout)["components"] == 1
    # The same bytes under the other predicate type: signed, but not what it says it is.
    lie = json.dumps(payload | {"predicateType": statement.PREDICATE_TYPE}).encode()
    told = refused(
        run(
            sbom,
            "check",
            "-",
            "--key",
            str(tmp_path / "pub.pem"),
            stdin=dsse.sign(statement.PAYLOAD_TYPE, lie, [key]),
        )
    )
    assert (told.code, "$.predicateType: expected “https://spdx.dev/Document”" in str(told)) == (2, True)


def test_only_json_can_be_signed_and_a_bad_key_is_named(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "sbom.xml").write_bytes(XML)
    (tmp_path / "bad.pem").write_bytes(b"no key")
    args = ["sign", str(tmp_path / "sbom.xml"), "--name", "i", "--digest", "a" * 64, "--key"]
    told = refused(run(sbom, *args, str(tmp_path / "key.pem")))
    assert (told.code, "an SBOM as JSON" in str(told)) == (2, True)
    assert str(refused(run(sbom, *args, str(tmp_path / "bad.pem")))).startswith(str(tmp_path / "bad.pem"))
    args = ["check", str(tmp_path / "sbom.xml"), "--key", str(tmp_path / "bad.pem")]
    assert str(refused(run(sbom, *args))).startswith(str(tmp_path / "bad.pem"))


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
    assert json.loads(new.stdout) == {"confirmed": [], "possible": [], "withdrawn": [], "not_looked_up": []}
    assert "1 confirmed, 0 possible" in run(sbom, "match", OLD, KNOWN).stdout


def test_match_looks_up_the_subject_and_every_advisory_of_a_file_and_says_what_it_could_not(
    tmp_path: Path,
) -> None:
    said = {"type": "library", "name": "a", "version": "1.0.0", "purl": "pkg:npm/a@1.0.0"}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": said}}
    npm = {"id": "X-1", "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "versions": ["1.0.0"]}]}
    commits = {"id": "X-2", "affected": [{"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}]}
    for name, value in (("bom.json", bom), ("several.json", [npm, commits, {"id": "X-3"}])):
        (tmp_path / name).write_text(json.dumps(value))
    files = str(tmp_path / "bom.json"), str(tmp_path / "several.json")
    told = json.loads(run(sbom, "match", *files, "--json").stdout)
    assert [(m["advisory"], m["component"]["name"]) for m in told["confirmed"]] == [("X-1", "a")]
    assert (told["possible"], told["not_looked_up"]) == ([], ["X-2", "X-3"])
    assert "X-2 names nothing to look up" in run(sbom, "match", *files).stdout


def test_diff_ends_with_one_when_there_is_a_difference() -> None:
    assert run(sbom, "diff", OLD, OLD).exit_code == 0
    found = run(sbom, "diff", OLD, NEW, "--json")
    assert found.exit_code == 1
    assert {"component": "pkg:cargo/rustls-webpki", "from": ["0.103.8"], "to": ["0.103.13"]} in json.loads(
        found.stdout
    )["changed"]
    assert refused(run(sbom, "diff", "-", "-")).code == 2


def test_diff_tells_packages_by_what_their_urls_mean(tmp_path: Path) -> None:
    def compared(before: list[str], after: list[str]) -> dict[str, list[dict[str, str]]]:
        texts = [
            json.dumps(
                {
                    "bomFormat": "CycloneDX",
                    "specVersion": "1.6",
                    "components": [{"type": "library", "name": "x", "purl": url} for url in urls],
                }
            ).encode()
            for urls in (before, after)
        ]
        path = tmp_path / "before"
        path.write_bytes(texts[0])
        found: dict[str, list[dict[str, str]]] = json.loads(
            run(sbom, "diff", str(path), "-", "--json", stdin=texts[1]).stdout
        )
        return found

    same: dict[str, list[dict[str, str]]] = {"added": [], "removed": [], "changed": []}
    # A scope's @ is no version's, whether it is encoded or not, and whether a version follows or not.
    assert compared(["pkg:npm/@babel/core", "pkg:npm/%40babel/cli@7"], ["pkg:npm/%40babel/core"]) == same | {
        "removed": [{"component": "pkg:npm/@babel/cli", "version": "7"}]
    }
    # The same package and version, spelled in two ways.
    assert compared(["pkg:PyPI/Django_Ninja@1.0%2B1"], ["pkg:pypi/django-ninja@1.0+1?file_name=x"]) == same
    # What can't be read is compared as it is written.
    assert compared(["pkg:npm"], ["pkg:npm"]) == same
    assert compared(["pkg:npm"], ["pkg:"])["added"] == [{"component": "pkg:", "version": ""}]


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
    args = (
        "sign",
        NEW,
        "--name",
        "i",
        "--image",
        image,
        "--key",
        str(tmp_path / "key.pem"),
        "-o",
        out,
        "--json",
    )
    said = json.loads(run(sbom, *args).stdout)
    assert said["image"] == {"name": "i", "sha256": hashlib.sha256(Path(image).read_bytes()).hexdigest()}
    assert said["sbom_sha256"] == hashlib.sha256(Path(NEW).read_bytes()).hexdigest()
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
    assert said.items() >= {"agency": "GS1", "di": "05060912340019", "serial": "T4-0311-88207"}.items()
    assert run(udi, "check", text).exit_code == 0
    assert run(udi, "check", "-", stdin=b"05060912340018\n").exit_code == 1
    assert run(udi, "check", "506091234TARN479").exit_code == 0
    assert run(udi, "check", "506091234TARN478").exit_code == 1
    assert refused(run(udi, "check", "hello")).code == 2
    assert refused(run(udi, "parse", "(01)05060912340018")).code == 1
    assert refused(run(udi, "parse", "(01)0506091234001")).code == 2


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


@pytest.mark.parametrize("command", sbom.commands)
def test_the_help_of_each_command_has_an_example(command: str) -> None:
    assert f"Example:\n    vouchsafe sbom {command} " in run(sbom, command, "--help").stdout


def test_the_commands_need_no_server() -> None:
    code = "import sys; import vouchsafe.cli.sbom, vouchsafe.cli.udi; print([m for m in sys.modules if m.split('.')[0] in ('django', 'psycopg')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
