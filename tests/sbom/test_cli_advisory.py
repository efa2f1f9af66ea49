"""`vouchsafe advisory inspect`: one object for each format, the KEV question, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.sbom.test_advisories import EVERY
from tests.sbom.test_cve5 import record
from tests.sbom.test_kev import ENTRY, catalogue
from tests.sbom.test_nvd import answer, cve
from tests.sbom.test_osv import entry
from vouchsafe.cli.advisory import advisory
from vouchsafe.cli.errors import CommandError

KEYS = ["format", "id", "aliases", "affected", "severity", "known_exploited"]


def run(*args: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(advisory, ["inspect", *args], input=stdin)


def said(*args: str, stdin: bytes | None = None) -> dict[str, Any]:
    done = run(*args, "--json", stdin=stdin)
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert set(KEYS) <= found.keys()
    assert isinstance(found, dict)
    return found


def refused(*args: str, stdin: bytes | None = None) -> str:
    done = run(*args, stdin=stdin)
    assert isinstance(done.exception, CommandError), done.output
    assert done.exception.code == 2
    assert "\n" not in str(done.exception)
    return str(done.exception)


@pytest.mark.parametrize("name", EVERY)
def test_each_format_is_printed_as_one_object_and_in_words(name: str) -> None:
    found = said("-", stdin=EVERY[name])
    assert (found["format"], found["problems"]) == (name, [])
    assert found["known_exploited"] is (True if name == "KEV" else None)
    words = run("-", stdin=EVERY[name]).stdout
    assert words.startswith(f"{name} {found['id']}")


def test_the_affected_packages_have_ranges_and_words() -> None:
    (one,) = said("-", stdin=EVERY["OSV"])["affected"]
    assert (one["package"], one["ecosystem"], one["range"]) == (
        "pkg:cargo/rustls-webpki",
        "crates.io",
        ">=0, <0.103.13 or =0.103.8",
    )
    assert one["ranges"] == [
        {"type": "SEMVER", "repo": None, "events": [{"introduced": "0"}, {"fixed": "0.103.13"}]}
    ]


def test_what_a_record_does_not_know_is_not_printed_as_affected() -> None:
    version = {"version": "1.0.0", "lessThan": "1.2.3", "versionType": "semver", "status": "affected"}
    product = {"vendor": "acme", "product": "a", "versions": [version]}
    assert said("-", stdin=record([product]))["affected"][0]["range"] == (
        ">=1.0.0, <1.2.3; not known for >=0, <1.0.0 or >=1.2.3"
    )
    only = said("-", stdin=record([{"product": "a", "versions": [{"version": "2", "status": "unknown"}]}]))
    assert only["affected"][0]["range"].startswith("none for certain; not known for >=2, <=2")
    commits = [version | {"versionType": "git", "version": c * 40} for c in "ab"]
    git = {"product": "a", "repo": "https://a", "defaultStatus": "unaffected", "versions": commits}
    assert said("-", stdin=record([git]))["affected"][0]["range"] == "commits of https://a"


def test_the_catalogue_answers_whether_it_is_exploited(tmp_path: Path) -> None:
    kev = tmp_path / "kev.json"
    kev.write_bytes(catalogue(ENTRY | {"cveID": "CVE-2026-1234"}))
    listed, other = record(), record(meta={"cveId": "CVE-2026-9999"})
    assert said("-", stdin=listed)["known_exploited"] is None
    assert said("-", "--kev", str(kev), stdin=listed)["known_exploited"] is True
    assert said("-", "--kev", str(kev), stdin=other)["known_exploited"] is False
    assert "Known to be exploited" in run("-", "--kev", str(kev), stdin=listed).stdout
    assert "Not in the catalogue" in run("-", "--kev", str(kev), stdin=other).stdout
    assert said("-", "--kev", str(kev), stdin=entry(aliases=[]))["known_exploited"] is None


def test_a_file_of_several_is_still_one_object() -> None:
    found = said("-", stdin=answer(cve(), cve(id="CVE-2026-0001")))
    assert (found["format"], found["id"], found["count"]) == ("NVD", None, 2)
    assert [a["id"] for a in found["advisories"]] == ["CVE-2018-1000500", "CVE-2026-0001"]
    assert run("-", stdin=answer(cve(), cve(id="CVE-2026-0001"))).stdout.startswith("2 advisories\n")
    assert said("-", stdin=answer(vulnerabilities=[]))["count"] == 0


def test_a_withdrawn_and_an_informational_one_say_so() -> None:
    assert "Withdrawn on 2026-01-01" in run("-", stdin=entry(withdrawn="2026-01-01T00:00:00Z")).stdout
    assert "Informational: unsound" in run("-", stdin=EVERY["RustSec"]).stdout
    assert "problem $.modified" in run("-", stdin=entry(modified=...)).stdout


def test_a_refusal_is_one_line_with_the_place(tmp_path: Path) -> None:
    assert refused("-", stdin=entry(id=7)) == "standard input: $.id: expected text, got the number 7"
    path = tmp_path / "advisory.md"
    path.write_text("```toml\n[advisory]\n")
    assert refused(str(path)) == (
        f"{path}: line 3: expected the line ``` that ends the front matter, got the end of the file"
    )
    assert refused("-", "--kev", str(path), stdin=entry()).startswith(
        f"{path}: line 1 column 1: expected JSON"
    )
    assert refused("-", "--kev", "-", stdin=entry()).startswith("--kev -: expected a file")
    assert refused(str(tmp_path / "none")).endswith("No such file or directory")


def test_it_runs_as_a_program_and_needs_no_server(tmp_path: Path) -> None:
    code = (
        "import sys; from vouchsafe.cli.main import main\n"
        "try: main()\n"
        "finally: assert not [m for m in sys.modules if m.split('.')[0] in ('django', 'psycopg')]"
    )
    path = tmp_path / "kev.json"
    path.write_bytes(catalogue())
    for args, code_ in (([str(path), "--json"], 0), (["--help"], 0), (["/nonexistent"], 2)):
        done = subprocess.run(
            [sys.executable, "-c", code, "advisory", "inspect", *args],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code_, done.stderr
        assert "Traceback" not in done.stderr
        assert ("Examples:" in done.stdout) == (args == ["--help"])
        assert done.stderr.count("\n") == (1 if code_ else 0)


def test_real_files(fixtures: Path) -> None:
    vuln = fixtures / "vuln"
    kev = str(vuln / "cisagov_kev-data/known_exploited_vulnerabilities.json")
    log4shell = str(vuln / "google_osv.dev/vulnfeeds/test_data/cvelistV5/cves/2021/44xxx/CVE-2021-44228.json")
    assert said(log4shell)["known_exploited"] is True
    assert said(log4shell, "--kev", kev)["severity"]["rating"] == "critical"
    whole = said(kev)
    assert (whole["format"], whole["id"], whole["count"]) == ("KEV", "2025.08.25", 1_404)
    time = said(str(vuln / "rustsec_advisory-db/crates/time/RUSTSEC-2026-0009.md"), "--kev", kev)
    assert (time["format"], time["known_exploited"], time["affected"][0]["range"]) == (
        "RustSec",
        False,
        ">=0.3.6, <0.3.47",
    )
