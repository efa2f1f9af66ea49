"""OSV entries: what is read, what is noted, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.sbom import match, osv
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import Limits

GOOD: dict[str, Any] = {
    "id": "GHSA-1",
    "modified": "2026-04-22T12:00:00Z",
    "published": "2026-04-22T12:00:00.123456789Z",
    "aliases": ["CVE-2026-1"],
    "summary": "s",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
    "affected": [
        {
            "package": {"ecosystem": "crates.io", "name": "rustls-webpki"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "0.103.13"}]}],
            "versions": ["0.103.8"],
        }
    ],
    "references": [{"type": "WEB", "url": "https://example.org"}],
}


def entry(**changes: Any) -> bytes:
    return json.dumps({k: v for k, v in (GOOD | changes).items() if v is not ...}).encode()


def affected(**changes: Any) -> bytes:
    one = {k: v for k, v in (GOOD["affected"][0] | changes).items() if v is not ...}
    return entry(affected=[one])


def test_reads_an_entry() -> None:
    said = osv.read(entry())
    assert (said.id, said.aliases, said.problems) == ("GHSA-1", ("CVE-2026-1",), ())
    assert said.severity == osv.Severity("CVSS_V3", GOOD["severity"][0]["score"], 7.5, "high")
    one = said.affected[0]
    assert (one.package_key, one.name, one.versions) == (
        "pkg:cargo/rustls-webpki",
        "rustls-webpki",
        ("0.103.8",),
    )
    assert one.ranges[0].events == (osv.Event("introduced", "0"), osv.Event("fixed", "0.103.13"))


@pytest.mark.parametrize(
    ("ecosystem", "name", "key", "release"),
    [
        ("npm", "@angular/core", "pkg:npm/@angular/core", ""),
        ("PyPI", "Foo_Bar", "pkg:pypi/foo-bar", ""),
        ("Maven", "org.a:b", "pkg:maven/org.a/b", ""),
        ("Go", "github.com/A/b/v2", "pkg:golang/github.com/a/b/v2", ""),
        ("Packagist", "a/b", "pkg:composer/a/b", ""),
        ("Debian:12", "openssl", "pkg:deb/debian/openssl", "12"),
        ("Ubuntu:22.04:LTS", "openssl", "pkg:deb/ubuntu/openssl", "22.04"),
        ("Ubuntu:Pro:18.04:LTS", "openssl", "pkg:deb/ubuntu/openssl", "18.04"),
        ("Alpine:v3.19", "openssl", "pkg:apk/alpine/openssl", "3.19"),
        ("Rocky Linux:9", "openssl", "pkg:rpm/rocky/openssl", "9"),
        ("Red Hat:enterprise_linux:9::appstream", "openssl", "pkg:rpm/redhat/openssl", ""),
        ("OSS-Fuzz", "radare2", "", ""),
    ],
)
def test_ecosystems_become_package_keys(ecosystem: str, name: str, key: str, release: str) -> None:
    one = osv.read(affected(package={"ecosystem": ecosystem, "name": name})).affected[0]
    assert (one.package_key, one.release, one.released) == (key, release, ":" in ecosystem)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"[]", "$"),
        (entry(id=...), "$.id"),
        (entry(id=""), "$.id"),
        (entry(id=7), "$.id"),
        (entry(aliases="x"), "$.aliases"),
        (entry(aliases=[1]), "$.aliases[0]"),
        (entry(affected={}), "$.affected"),
        (entry(affected=[[]]), "$.affected[0]"),
        (entry(severity=[1]), "$.severity[0]"),
        (affected(package="x"), "$.affected[0].package"),
        (affected(package={"name": 1}), "$.affected[0].package.name"),
        (affected(versions=["1", 2]), "$.affected[0].versions[1]"),
        (affected(ranges=["x"]), "$.affected[0].ranges[0]"),
        (affected(ranges=[{"type": "SEMVER", "events": "x"}]), "$.affected[0].ranges[0].events"),
        (affected(ranges=[{"type": "SEMVER", "events": ["x"]}]), "$.affected[0].ranges[0].events[0]"),
        (
            affected(ranges=[{"type": "SEMVER", "events": [{"fixed": 1}]}]),
            "$.affected[0].ranges[0].events[0].fixed",
        ),
        (
            affected(ranges=[{"type": "SEMVER", "events": [{"fixed": ""}]}]),
            "$.affected[0].ranges[0].events[0].fixed",
        ),
    ],
)
def test_refuses_and_says_where(data: bytes, place: str) -> None:
    with pytest.raises(Malformed) as told:
        osv.read(data)
    assert told.value.place == place


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (entry(modified=...), "$.modified"),
        (entry(published="yesterday"), "$.published"),
        (entry(published="2026-13-01T00:00:00Z"), "$.published"),
        (entry(affected=...), "$.affected: expected the affected packages"),
        (entry(severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}]), "$.severity[0].score"),
        (affected(ranges=[{"type": "FOO", "events": [{"introduced": "0"}]}]), "ranges[0].type"),
        (affected(ranges=[{"type": "SEMVER", "events": [{"fixed": "1"}]}]), "introduced event, got none"),
        (
            affected(
                ranges=[
                    {
                        "type": "SEMVER",
                        "events": [{"introduced": "0"}, {"fixed": "1"}, {"last_affected": "2"}],
                    }
                ]
            ),
            "got both",
        ),
        (affected(ranges=[{"type": "SEMVER", "events": [{"introduced": "0", "fixed": "1"}]}]), "got 2 keys"),
        (affected(ranges=[{"type": "SEMVER", "events": [{"introduced": "0"}, {"foo": "1"}]}]), "got “foo”"),
        (affected(package={"ecosystem": "JavaScript", "name": "a"}), "has no package URL"),
        (affected(ranges=..., versions=...), "$.affected[0]: expected ranges or versions, got neither"),
        (
            affected(ranges=[{"type": "GIT", "events": [{"introduced": "0"}]}]),
            "ranges[0].repo: expected the repository",
        ),
        (
            affected(ranges=[{"type": "GIT", "repo": "https://a", "events": [{"introduced": "v1.0"}]}]),
            "ranges[0].events[0].introduced: expected a full commit hash, got “v1.0”",
        ),
        (
            affected(package={"ecosystem": "npm", "name": "a", "purl": "pkg:npm/b"}),
            "expected a package URL of npm a",
        ),
        (entry(severity=[{"type": "CVSS_V9", "score": "x"}]), "$.severity[0].type: expected CVSS_V2"),
        (
            entry(severity=[{"type": "CVSS_V3", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}]),
            "$.severity[0].score: expected a vector of CVSS_V3, got one of CVSS 2.0",
        ),
        (affected(package={"ecosystem": "npm", "name": "a", "purl": "npm:a"}), "package.purl"),
    ],
)
def test_notes_a_flaw_and_goes_on(data: bytes, text: str) -> None:
    assert any(text in p for p in osv.read(data).problems), osv.read(data).problems


def test_what_a_database_adds_is_kept() -> None:
    said = osv.read(entry(upstream=["CVE-2026-1", "CVE-2026-2"], related=["CVE-2026-2"], aliases=None))
    assert (said.related, said.aliases) == (("CVE-2026-2", "CVE-2026-1"), ())
    known = {"last_known_affected_version_range": "<= 1.8.7"}
    assert osv.read(affected(database_specific=known)).affected[0].last_known == "<= 1.8.7"
    assert osv.read(affected(database_specific=7)).affected[0].last_known == ""


def test_severities_of_packages_count_where_the_entry_has_none() -> None:
    worse = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
    one = GOOD["affected"][0] | {"severity": GOOD["severity"]}
    said = osv.read(entry(severity=..., affected=[one, GOOD["affected"][0] | {"severity": [worse]}]))
    assert [s.score for s in said.severities] == [7.5, 9.8]
    assert said.severity is not None
    assert said.severity.score == 9.8


def test_ubuntus_own_words_are_ratings() -> None:
    said = osv.read(entry(severity=[{"type": "Ubuntu", "score": "negligible"}]))
    assert (said.severity, said.problems) == (osv.Severity("Ubuntu", "", None, "low"), ())


@pytest.mark.parametrize(
    ("ecosystem", "name", "key"),
    [
        ("VSCode", "ms-python/python", "pkg:vscode-extension/ms-python/python"),
        ("VSCode", "ms-python.python", "pkg:vscode-extension/ms-python/python"),
        ("Azure Linux:3", "openssl", "pkg:rpm/azurelinux/openssl"),
        ("MinimOS", "curl", "pkg:apk/minimos/curl"),
        ("no ecosystem", "curl", ""),
        ("npm", "", ""),
    ],
)
def test_a_name_in_an_ecosystem_has_a_package_key(ecosystem: str, name: str, key: str) -> None:
    assert osv.package_key(ecosystem, name) == key


@pytest.mark.parametrize(
    ("vector", "score", "rating"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 7.5, "high"),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0, "critical"),
        ("CVSS:4.0/AV:N/AC:H/AT:N/PR:L/UI:A/VC:N/VI:N/VA:H/SC:N/SI:N/SA:H", 6.8, "medium"),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5, "high"),
    ],
)
def test_cvss_scores(vector: str, score: float, rating: str) -> None:
    found = osv.score(vector)
    assert found is not None
    assert (found.score, found.rating) == (score, rating)


@given(st.text(max_size=60) | st.text("AVNCLPRUISHX:/.0123", max_size=40).map("CVSS:3.1/".__add__))
def test_any_text_scores_or_does_not(vector: str) -> None:
    osv.score(vector)


def test_a_word_stands_in_for_a_score() -> None:
    said = osv.read(entry(severity=..., database_specific={"severity": "MODERATE"}))
    assert said.severity == osv.Severity("word", "", None, "medium")


@pytest.mark.parametrize(
    "data",
    [
        b'{"document": {"csaf_version": "2.0"}}',
        b'{"dataType": "CVE_RECORD"}',
        b'{"vulnerabilities": [], "format": "NVD_CVE"}',
        b'{"bomFormat": "CycloneDX"}',
        b'{"ghsaId": "GHSA-1", "id": "MDE2"}',
        b'{"catalogVersion": "1", "vulnerabilities": []}',
    ],
)
def test_other_formats_are_named_as_not_read(data: bytes) -> None:
    with pytest.raises(NotRead):
        osv.read(data)


@pytest.mark.parametrize("limits", [Limits(max_affected=0), Limits(max_versions=0), Limits(max_events=1)])
def test_counts_are_limited(limits: Limits) -> None:
    osv.read(entry(), limits=Limits(max_affected=1, max_versions=1, max_events=2))
    with pytest.raises(TooLarge):
        osv.read(entry(), limits=limits)


@settings(deadline=None)
@given(st.data())
def test_a_mutated_good_entry_is_read_or_refused(data: st.DataObject) -> None:
    said = json.loads(json.dumps(GOOD))
    junk = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))
    junk = junk | st.lists(junk, max_size=2) | st.dictionaries(st.text(max_size=3), junk, max_size=2)
    at: Any = said
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(at[key], dict | list) and at[key] and data.draw(st.integers(0, 3)):
            at = at[key]
            continue
        at[key] = data.draw(junk)
        break
    try:
        found = osv.read(json.dumps(said).encode("utf-8", "surrogatepass"))
    except SbomError:
        return
    match.advisory_ranges(found)


def test_every_osv_file_of_the_fixtures_is_read(fixtures: Path) -> None:
    files = [
        *sorted((fixtures / "vuln/DependencyTrack_dependency-track").rglob("osv-*.json")),
        *sorted((fixtures / "vuln/ossf_osv-schema").rglob("*.osv.json")),
    ]
    assert len(files) == 19
    for path in files:
        said = osv.read(path.read_bytes())
        assert said.id
        assert all(a.package_key or a.ecosystem in ("OSS-Fuzz", "JavaScript") for a in said.affected), path


def test_a_real_entry_with_a_git_range_and_one_with_a_bad_vector(fixtures: Path) -> None:
    folder = fixtures / "vuln/DependencyTrack_dependency-track/vuln-data-source/osv/src/test/resources"
    fuzz = osv.read((folder / "osv-git-commit-hash-ranges.json").read_bytes())
    assert (fuzz.id, fuzz.affected[0].ranges[0].type) == ("OSV-2021-1820", "GIT")
    flawed = osv.read((folder / "osv-vulnerability-invalid-cvss.json").read_bytes())
    assert flawed.severity is not None
    assert flawed.severity.score == 8.8
    assert sum("CVSS vector" in p for p in flawed.problems) == 2


def test_no_other_advisory_of_the_fixtures_is_taken_for_osv(fixtures: Path) -> None:
    others = [
        *sorted((fixtures / "vuln/cisa-icsma").rglob("*.json")),
        *sorted((fixtures / "vuln/google_osv.dev").rglob("*.json")),
        *sorted((fixtures / "vuln/DependencyTrack_dependency-track").rglob("advisory*.json")),
        *[p for p in sorted((fixtures / "vuln/ossf_osv-schema").rglob("*.json")) if ".osv." not in p.name],
    ]
    assert len(others) > 100
    for path in others:
        with pytest.raises(Malformed):
            osv.read(path.read_bytes())
