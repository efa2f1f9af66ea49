"""GitHub advisories: both APIs' forms, the range syntax, and the OSV project's own pairs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import disagreements
from vouchsafe.sbom import advisories, ghsa, match, osv
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge
from vouchsafe.sbom.limits import Limits
from vouchsafe.sbom.model import Component

LISTED = Path(__file__).parent / "disagreements_advisories.tsv"

REST: dict[str, Any] = {
    "ghsa_id": "GHSA-fhjf-83wg-r2j9",
    "cve_id": "CVE-2019-10746",
    "summary": "Prototype Pollution in mixin-deep",
    "description": "d",
    "severity": "critical",
    "identifiers": [
        {"type": "GHSA", "value": "GHSA-fhjf-83wg-r2j9"},
        {"type": "CVE", "value": "CVE-2019-10746"},
    ],
    "references": ["https://nvd.nist.gov/vuln/detail/CVE-2019-10746", "https://example.org"],
    "published_at": "2019-08-27T17:42:33Z",
    "updated_at": "2021-07-27T21:26:01Z",
    "withdrawn_at": None,
    "vulnerabilities": [
        {
            "package": {"ecosystem": "npm", "name": "mixin-deep"},
            "vulnerable_version_range": "< 1.3.2",
            "first_patched_version": "1.3.2",
            "vulnerable_functions": ["mixin"],
        }
    ],
    "cvss": {"vector_string": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "score": 9.8},
    "cvss_severities": {
        "cvss_v3": {"vector_string": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "score": 9.8},
        "cvss_v4": {"vector_string": None, "score": 0},
    },
}


def rest(**changes: Any) -> bytes:
    return json.dumps(REST | changes).encode()


def ranged(text: str, patched: Any = None, *, ecosystem: str = "npm", name: str = "a") -> advisories.Advisory:
    one = {
        "package": {"ecosystem": ecosystem, "name": name},
        "vulnerable_version_range": text,
        "first_patched_version": patched,
    }
    return ghsa.read(rest(vulnerabilities=[one]))


def events(said: advisories.Advisory) -> list[list[tuple[str, str]]]:
    return [[(e.kind, e.version) for e in r.events] for r in said.affected[0].ranges]


def test_reads_the_rest_form() -> None:
    said = ghsa.read(rest())
    assert (said.format, said.id, said.aliases) == ("GHSA", "GHSA-fhjf-83wg-r2j9", ("CVE-2019-10746",))
    assert (said.published, said.modified, said.withdrawn) == (
        "2019-08-27T17:42:33Z",
        "2021-07-27T21:26:01Z",
        "",
    )
    assert said.severity is not None
    assert (said.severity.score, said.severity.stated, said.severity.rating) == (9.8, 9.8, "critical")
    assert [s.type for s in said.severities] == ["CVSS_V3", "word"]
    assert said.affected[0].package_key == "pkg:npm/mixin-deep"
    assert said.affected[0].conditions == ("function mixin",)
    assert events(said) == [[("introduced", "0"), ("fixed", "1.3.2")]]
    assert [t for t, _ in said.references] == ["ADVISORY", "WEB"]
    assert said.problems == ()
    assert said.known_exploited is None


@pytest.mark.parametrize("wrap", ["data", "securityAdvisory", "security_advisory"])
def test_reads_the_advisory_within_an_answer(wrap: str) -> None:
    inner: Any = (
        REST if wrap == "security_advisory" else {"ghsaId": "GHSA-1", "vulnerabilities": {"nodes": []}}
    )
    whole = {"data": {"securityAdvisory": inner}} if wrap == "data" else {wrap: inner}
    said = advisories.read(json.dumps(whole).encode())
    assert (said.format, said.id[:5]) == ("GHSA", "GHSA-")


@pytest.mark.parametrize(
    ("text", "patched", "expected"),
    [
        ("< 1.3.2", "1.3.2", [[("introduced", "0"), ("fixed", "1.3.2")]]),
        ("< 1.3.2", "9.9.9", [[("introduced", "0"), ("fixed", "1.3.2")]]),
        ("<= 1.3.1", "1.3.2", [[("introduced", "0"), ("fixed", "1.3.2")]]),
        ("<= 1.3.1", None, [[("introduced", "0")]]),
        (">= 1.0.0", None, [[("introduced", "1.0.0")]]),
        (">= 1.0.0", "1.3.2", [[("introduced", "1.0.0"), ("fixed", "1.3.2")]]),
        (">= 1.0.0, < 1.3.2", None, [[("introduced", "1.0.0"), ("fixed", "1.3.2")]]),
        (">= 1.0.0,< 1.3.2", {"identifier": "1.3.2"}, [[("introduced", "1.0.0"), ("fixed", "1.3.2")]]),
        ("> 2.1.0, < 3.0.0", "3.0.0", [[("introduced", "2.1.1-0"), ("fixed", "3.0.0")]]),
        ("> 2.1.0-rc.1, < 3.0.0", None, [[("introduced", "2.1.0-rc.1.0"), ("fixed", "3.0.0")]]),
        ("= 2.0.0", "2.0.1", [[("introduced", "2.0.0"), ("fixed", "2.0.1")]]),
        ("= 2.0.0", None, []),
    ],
)
def test_a_range_becomes_osv_events(text: str, patched: Any, expected: Any) -> None:
    said = ranged(text, patched)
    assert events(said) == expected
    assert (said.affected[0].versions == ("2.0.0",)) == (text == "= 2.0.0" and patched is None)
    assert said.problems == ()


def test_an_open_end_keeps_what_was_last_known() -> None:
    assert ranged("<= 1.3.1").affected[0].last_known == "<= 1.3.1"


def test_above_a_version_without_a_next_one_begins_one_too_early_and_says_so() -> None:
    said = ranged("> 11.6, < 11.10.13", ecosystem="MAVEN", name="g:a").affected[0]
    assert said.ranges[0].type == "ECOSYSTEM"
    assert said.ranges[0].events[0] == osv.Event("introduced", "11.6")
    assert said.unaffected == ("11.6",)


@pytest.mark.parametrize("other", [">= 11.6, < 12.0", "<= 11.6", "= 11.6", "< 12.0", "nonsense"])
def test_a_version_that_another_range_may_hold_is_not_called_unaffected(other: str) -> None:
    package = {"ecosystem": "MAVEN", "name": "g:a"}
    items = [
        {"package": package, "vulnerable_version_range": r} for r in ("> 11.6, < 12.0", other, "> 20, < 21")
    ]
    said = ghsa.read(rest(vulnerabilities=items)).affected[0]
    assert "11.6" not in said.unaffected


def test_open_starts_without_an_order_or_too_many_of_them_only_widen() -> None:
    package = {"ecosystem": "MAVEN", "name": "g:a"}
    many = [{"package": package, "vulnerable_version_range": f"> {n}.0, < {n}.1"} for n in range(1, 102)]
    assert len(ghsa.read(rest(vulnerabilities=many[:100])).affected[0].unaffected) == 100
    assert ghsa.read(rest(vulnerabilities=many)).affected[0].unaffected == ()
    other = {"ecosystem": "OTHER", "name": "a"}
    twice = [{"package": other, "vulnerable_version_range": r} for r in ("> 1, < 2", "> 3, < 4")]
    assert ghsa.read(rest(vulnerabilities=twice)).affected[0].unaffected == ()
    odd = [
        {"package": {"ecosystem": "COMPOSER", "name": "a/b"}, "vulnerable_version_range": r}
        for r in ("> 1.0, < 2.0", "< dev-main")
    ]
    assert ghsa.read(rest(vulnerabilities=odd)).affected[0].unaffected == ()


def test_above_what_is_no_semantic_version_is_noted() -> None:
    said = ranged("> 1.x, < 3.0.0")
    assert said.problems == (
        "$.vulnerabilities[0].vulnerable_version_range: expected a semver version, got “1.x”",
    )
    assert said.affected[0].ranges[0].events[0].version == "1.x"
    odd = ranged("= dev-main", "1.0", ecosystem="COMPOSER", name="a/b")
    assert odd.affected[0].versions == ("dev-main",)


def test_a_repository_advisory_names_its_patched_versions_in_one_text() -> None:
    item = {"package": {"ecosystem": "npm", "name": "a"}, "vulnerable_version_range": "<= 1.3.1"}
    for text, expected in (("1.3.2", ["0", "1.3.2"]), (">= 1.3.2, 2.0.1", ["0"])):
        said = ghsa.read(rest(vulnerabilities=[item | {"patched_versions": text}]))
        assert [e.version for e in said.affected[0].ranges[0].events] == expected


def test_ranges_of_one_package_are_limited() -> None:
    package = {"ecosystem": "npm", "name": "a"}
    items = [{"package": package, "vulnerable_version_range": f"< {n}.0.0"} for n in (1, 2)]
    assert ghsa.read(rest(vulnerabilities=items), limits=Limits(max_events=2)).affected
    with pytest.raises(TooLarge) as told:
        ghsa.read(rest(vulnerabilities=items), limits=Limits(max_events=1))
    assert told.value.place == "$.vulnerabilities[1]"


@pytest.mark.parametrize("text", ["", "1.2.3", "~> 1.2", "< 1, < 2", "= 1, < 2", "=> 1.0", "< 1.0 || > 2"])
def test_a_range_that_is_none_makes_every_version_possible(text: str) -> None:
    said = ranged(text)
    assert [p.partition(":")[0] for p in said.problems] == ["$.vulnerabilities[0].vulnerable_version_range"]
    found = match.match(Component("a", "99.0.0", purl="pkg:npm/a@99.0.0"), said.affected[0])
    assert found is not None
    assert found.certainty == "possible"


def test_an_exact_version_patched_by_an_older_one_is_kept() -> None:
    said = ranged("= 2.0.0", "1.9.0")
    assert said.affected[0].versions == ("2.0.0",)
    assert said.problems == ("$.vulnerabilities[0]: expected a patched version after “2.0.0”, got “1.9.0”",)


@pytest.mark.parametrize(
    ("ecosystem", "name", "key", "type_"),
    [
        ("NPM", "@a/b", "pkg:npm/@a/b", "SEMVER"),
        ("GO", "github.com/a/b", "pkg:golang/github.com/a/b", "SEMVER"),
        ("RUST", "time", "pkg:cargo/time", "SEMVER"),
        ("PIP", "Foo_Bar", "pkg:pypi/foo-bar", "ECOSYSTEM"),
        ("MAVEN", "g:a", "pkg:maven/g/a", "ECOSYSTEM"),
        ("ERLANG", "a", "pkg:hex/a", "ECOSYSTEM"),
        ("ACTIONS", "a/b", "pkg:githubactions/a/b", "ECOSYSTEM"),
        ("other", "a", "", "CUSTOM"),
    ],
)
def test_ecosystems_become_package_keys(ecosystem: str, name: str, key: str, type_: str) -> None:
    one = ranged("< 1.0.0", ecosystem=ecosystem, name=name)
    assert (one.affected[0].package_key, one.affected[0].ranges[0].type) == (key, type_)
    assert bool(one.problems) == (not key)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"ghsa_id": ""}, "$.ghsa_id"),
        ({"ghsa_id": 7}, "$.ghsa_id"),
        ({"identifiers": [1]}, "$.identifiers[0]"),
        ({"identifiers": [{"value": 1}]}, "$.identifiers[0].value"),
        ({"summary": []}, "$.summary"),
        ({"published_at": 1}, "$.published_at"),
        ({"cvss": []}, "$.cvss"),
        ({"cvss": {"score": "9.8"}}, "$.cvss.score"),
        ({"cvss_severities": {"cvss_v4": 1}}, "$.cvss_severities.cvss_v4"),
        ({"references": "x"}, "$.references"),
        ({"severity": {}}, "$.severity"),
        ({"vulnerabilities": "x"}, "$.vulnerabilities"),
        ({"vulnerabilities": [1]}, "$.vulnerabilities[0]"),
        ({"vulnerabilities": {"nodes": [1]}}, "$.vulnerabilities.nodes[0]"),
        ({"vulnerabilities": {"edges": [{"node": 1}]}}, "$.vulnerabilities.edges[0].node"),
        ({"vulnerabilities": [{"package": 1}]}, "$.vulnerabilities[0].package"),
        ({"vulnerabilities": [{"package": {"name": 1}}]}, "$.vulnerabilities[0].package.name"),
        (
            {"vulnerabilities": [{"vulnerable_version_range": 1}]},
            "$.vulnerabilities[0].vulnerable_version_range",
        ),
        (
            {
                "vulnerabilities": [
                    {"vulnerable_version_range": "<1", "first_patched_version": {"identifier": 1}}
                ]
            },
            "$.vulnerabilities[0].first_patched_version.identifier",
        ),
    ],
)
def test_refuses_and_says_where(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(Malformed) as told:
        ghsa.read(rest(**changes))
    assert told.value.place == place


@pytest.mark.parametrize("data", [b'{"id": "CVE-2026-1"}', b'{"bomFormat": "CycloneDX"}', b"{}"])
def test_other_objects_are_not_read(data: bytes) -> None:
    with pytest.raises(NotRead):
        ghsa.read(data)
    with pytest.raises(Malformed):
        ghsa.read(b"[]")


def test_the_osv_form_is_read_as_osv() -> None:
    said = ghsa.read(b'{"id": "GHSA-1", "modified": "2026-01-01T00:00:00Z"}')
    assert (said.format, said.id) == ("OSV", "GHSA-1")


def test_counts_are_limited() -> None:
    assert ghsa.read(rest(), limits=Limits(max_affected=1)).affected
    with pytest.raises(TooLarge) as told:
        ghsa.read(rest(), limits=Limits(max_affected=0))
    assert told.value.place == "$.vulnerabilities"


def _said(entry: advisories.Advisory) -> dict[tuple[str, str], tuple[set[Any], set[str]]]:
    """By package: the events of all ranges (OSV orders them by version, not by place), and the versions."""
    return {
        (a.ecosystem, a.name): (
            {(r.type, e.kind, e.version) for r in a.ranges for e in r.events},
            set(a.versions),
        )
        for a in entry.affected
    }


def test_the_pairs_of_the_osv_project_agree_or_are_listed(fixtures: Path) -> None:
    folder = fixtures / "vuln/ossf_osv-schema/tools/ghsa/testdata"
    inputs = [p for p in sorted(folder.glob("*.json")) if not p.name.endswith(".osv.json")]
    assert len(inputs) >= 9
    different: set[tuple[str, str]] = set()
    for path in inputs:
        ours = ghsa.read(path.read_bytes())
        theirs = osv.read(path.with_suffix("").with_suffix(".osv.json").read_bytes())
        assert (ours.id, ours.aliases, ours.published, ours.modified, ours.withdrawn, ours.summary) == (
            theirs.id, theirs.aliases, theirs.published, theirs.modified, theirs.withdrawn, theirs.summary,
        ), path  # fmt: skip
        assert ours.references == theirs.references
        assert ours.problems == ()
        a, b = _said(ours), _said(theirs)
        assert a.keys() == b.keys()
        different |= {(path.name, name) for (eco, name) in a if a[eco, name] != b[eco, name]}
    disagreements.compare(LISTED, "ghsa-osv-pairs", different)


def test_graphql_answers_of_dependency_track(fixtures: Path) -> None:
    folder = fixtures / "vuln/DependencyTrack_dependency-track/vuln-data-source/github/src/test/resources"
    first = ghsa.read((folder / "advisory.json").read_bytes())
    assert [a.name for a in first.affected] == ["bootstrap", "bootstrap.sass", "Bootstrap.Less"]
    assert len(first.affected[0].ranges) == 2
    assert first.aliases == ("CVE-2019-8331",)
    third = ghsa.read((folder / "advisory-03.json").read_bytes())
    assert third.problems == (
        "$.cvssSeverities.cvssV4.score: expected the vector's score 10.0, got the number 9.0",
    )
    fourth = ghsa.read((folder / "advisory-04.json").read_bytes())
    assert [(s.type, s.score) for s in fourth.severities] == [
        ("CVSS_V4", 10.0),
        ("CVSS_V3", 9.8),
        ("word", None),
    ]
    assert fourth.severity == fourth.severities[0]
