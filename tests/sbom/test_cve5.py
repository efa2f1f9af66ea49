"""CVE records: containers, packages, and the status of versions as the CVE Program's algorithm gives it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.sbom import cve5, match, versions
from vouchsafe.sbom.advisories import Affected, Range
from vouchsafe.sbom.cve5_versions import next_semver
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge
from vouchsafe.sbom.limits import Limits
from vouchsafe.sbom.model import Component

NPM = {"packageName": "a", "collectionURL": "https://registry.npmjs.org"}
RANGE = {"version": "1.0.0", "lessThan": "1.2.3", "versionType": "semver", "status": "affected"}


def record(affected: Any = ..., *, cna: Any = None, meta: Any = None, **top: Any) -> bytes:
    product = {**NPM, "defaultStatus": "unaffected", "versions": [RANGE]}
    whole = {
        "dataType": "CVE_RECORD",
        "dataVersion": "5.2",
        "cveMetadata": {
            "cveId": "CVE-2026-1234",
            "state": "PUBLISHED",
            "datePublished": "2026-01-01T00:00:00.000Z",
            "dateUpdated": "2026-01-02T00:00:00",
            **(meta or {}),
        },
        "containers": {
            "cna": {
                "providerMetadata": {"orgId": "x", "shortName": "acme"},
                "title": "t",
                "descriptions": [{"lang": "de", "value": "Deutsch"}, {"lang": "en", "value": "d"}],
                "affected": [product] if affected is ... else affected,
                "references": [{"url": "https://example.org/a", "tags": ["patch"]}],
                "metrics": [
                    {
                        "cvssV3_1": {
                            "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
                            "baseScore": 7.5,
                            "baseSeverity": "HIGH",
                        }
                    }
                ],
                **(cna or {}),
            }
        },
        **top,
    }
    return json.dumps(whole).encode()


def product(*entries: dict[str, Any], default: str | None = "unaffected", **more: Any) -> Affected | None:
    one: dict[str, Any] = {**NPM, "versions": list(entries), **more}
    if default:
        one["defaultStatus"] = default
    found = cve5.read(record([one])).affected
    return found[0] if found else None


def words(found: Affected | None) -> list[tuple[str, str]]:
    """Each range as its type and its events in a word."""
    assert found is not None
    return [(r.type, " ".join(f"{e.kind[0]}{e.version}" for e in r.events)) for r in found.ranges]


def test_reads_a_record() -> None:
    said = cve5.read(record(cna={"source": {"advisory": "GHSA-7rrj-xr53-82p7"}}))
    assert (said.format, said.id, said.aliases) == ("CVE", "CVE-2026-1234", ("GHSA-7rrj-xr53-82p7",))
    assert (said.summary, said.details) == ("t", "d")
    assert (said.published, said.modified) == ("2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00Z")
    assert said.severity is not None
    assert (said.severity.score, said.severity.source) == (7.5, "acme")
    assert said.references == (("FIX", "https://example.org/a"),)
    assert (said.affected[0].package_key, said.affected[0].ecosystem) == ("pkg:npm/a", "npm")
    assert words(said.affected[0]) == [("SEMVER", "i1.0.0 f1.2.3")]
    assert said.problems == ()
    assert said.known_exploited is None


def test_a_rejected_record_is_withdrawn() -> None:
    meta = {"state": "REJECTED", "dateRejected": "2026-02-01T00:00:00Z"}
    cna = {
        "affected": None,
        "rejectedReasons": [{"lang": "en", "value": "a duplicate"}],
        "replacedBy": ["CVE-2026-9999"],
    }
    said = cve5.read(record(cna=cna, meta=meta))
    assert (said.withdrawn, said.details, said.related) == (
        "2026-02-01T00:00:00Z",
        "a duplicate",
        ("CVE-2026-9999",),
    )
    assert match.advisory_ranges(said) == ()
    without = cve5.read(
        record(cna=cna, meta={"state": "REJECTED", "datePublished": None, "dateUpdated": None})
    )
    assert without.withdrawn == "rejected"


def test_cisas_note_on_exploitation_is_kept() -> None:
    content = {"type": "kev", "content": {"dateAdded": "2021-12-10"}}
    adp = [{"title": "CISA ADP Vulnrichment", "metrics": [{"other": content}]}]
    whole = json.loads(record())
    whole["containers"]["adp"] = adp
    assert cve5.read(json.dumps(whole).encode()).known_exploited is True
    adp[0]["metrics"] = [{"other": {"type": "ssvc", "content": {"options": [{"Exploitation": "active"}]}}}]
    assert cve5.read(json.dumps(whole).encode()).known_exploited is None


@pytest.mark.parametrize(
    ("product_", "key"),
    [
        (NPM, "pkg:npm/a"),
        ({"packageName": "g:a", "collectionURL": "https://repo.maven.apache.org/maven2"}, "pkg:maven/g/a"),
        ({"packageName": "Foo_Bar", "collectionURL": "https://www.pypi.org/project"}, "pkg:pypi/foo-bar"),
        ({"packageName": "x", "collectionURL": "https://access.redhat.com/downloads"}, ""),
        ({"packageURL": "pkg:cargo/time", "product": "time"}, "pkg:cargo/time"),
        ({"packageURL": "no purl", "product": "time"}, ""),
        ({"vendor": "acme", "product": "time"}, ""),
    ],
)
def test_a_product_becomes_a_package_key(product_: dict[str, str], key: str) -> None:
    said = cve5.read(record([{**product_, "versions": [RANGE]}]))
    assert said.affected[0].package_key == key
    assert bool(said.problems) == ("no purl" in product_.values())


@pytest.mark.parametrize(
    ("entries", "default", "expected", "listed"),
    [
        ([RANGE], "unaffected", [("SEMVER", "i1.0.0 f1.2.3")], ()),
        ([RANGE], None, [("SEMVER", "i1.0.0 f1.2.3"), ("UNKNOWN", "i0 f1.0.0"), ("UNKNOWN", "i1.2.3")], ()),
        ([RANGE | {"status": "unaffected"}], "affected", [("SEMVER", "i0 f1.0.0"), ("SEMVER", "i1.2.3")], ()),
        ([RANGE | {"version": "0"}], "unaffected", [("SEMVER", "i0 f1.2.3")], ()),
        ([RANGE | {"lessThan": "*"}], "unaffected", [("SEMVER", "i1.0.0")], ()),
        ([RANGE | {"lessThan": "2.*"}], "unaffected", [("SEMVER", "i1.0.0 f3.0.0-0")], ()),
        (
            [{"version": "1.0.0", "lessThanOrEqual": "1.4.*", "versionType": "semver", "status": "affected"}],
            "unaffected",
            [("SEMVER", "i1.0.0 f1.5.0-0")],
            (),
        ),
        (
            [{"version": "1.0.0", "lessThanOrEqual": "1.4.0", "versionType": "semver", "status": "affected"}],
            "unaffected",
            [("SEMVER", "i1.0.0 l1.4.0")],
            (),
        ),
        (
            [{"version": "1.0.0", "lessThanOrEqual": "1.4.0", "versionType": "semver", "status": "unaffected"}],
            "affected",
            [("SEMVER", "i0 f1.0.0"), ("SEMVER", "i1.4.1-0")],
            (),
        ),
        (
            [
                {
                    **RANGE,
                    "version": "2.0.0",
                    "lessThan": "2.*",
                    "changes": [
                        {"at": "2.6.3", "status": "unaffected"},
                        {"at": "2.5.2", "status": "unaffected"},
                        {"at": "2.6.0", "status": "affected"},
                    ],
                }
            ],
            "unaffected",
            [("SEMVER", "i2.0.0 f2.5.2"), ("SEMVER", "i2.6.0 f2.6.3")],
            (),
        ),
        ([{"version": "2.4", "status": "affected"}, {"version": "2.5", "status": "affected"}], "unaffected", [], ("2.4", "2.5")),
        ([{"version": "2.4", "status": "affected"}], None, [("UNKNOWN", "i0")], ("2.4",)),
        ([{"version": "2.4", "status": "unknown"}], "unaffected", [("UNKNOWN", "i2.4 l2.4")], ()),
        ([{"version": "2.4", "status": "unaffected"}], "affected", [("CUSTOM", "i0")], ()),
        ([{"version": "n/a", "status": "affected"}], "unaffected", [("CUSTOM", "i0")], ()),
        ([{"version": "4.x", "status": "affected"}], "unaffected", [("CUSTOM", "i4.x l4.x")], ()),
        ([{"version": ">= 1.7.0, < 1.18.4", "status": "affected"}], "unaffected", [("CUSTOM", "i1.7.0 f1.18.4")], ()),
        ([RANGE | {"versionType": "custom"}], "unaffected", [("CUSTOM", "i1.0.0 f1.2.3")], ()),
        ([RANGE | {"versionType": "git"}], "unaffected", [("GIT", "i1.0.0 f1.2.3")], ()),
        ([RANGE | {"versionType": "rpm"}], "unaffected", [("CUSTOM", "i1.0.0 f1.2.3")], ()),
        ([RANGE, RANGE | {"versionType": "git", "version": "a" * 40}], "unaffected", [("SEMVER", "i1.0.0 f1.2.3")], ()),
        (
            [{"version": "unspecified", "lessThan": "1.36.1", "versionType": "custom", "status": "affected"}],
            "unaffected",
            [("CUSTOM", "i0 f1.36.1")],
            (),
        ),
        ([RANGE, {"version": "5.0.0", "status": "affected"}], "unaffected", [("SEMVER", "i1.0.0 f1.2.3")], ("5.0.0",)),
        ([], "affected", [], ()),
    ],
)  # fmt: skip
def test_the_status_of_versions_becomes_ranges(
    entries: Any, default: Any, expected: Any, listed: Any
) -> None:
    found = product(*entries, default=default)
    assert words(found) == expected
    assert found is not None
    assert found.versions == listed


@pytest.mark.parametrize(
    "entries", [[], [{"version": "1.0.0", "status": "unaffected"}], [RANGE | {"status": "unaffected"}]]
)
def test_a_product_that_is_not_affected_is_left_out(entries: Any) -> None:
    assert product(*entries, default="unaffected") is None


def test_another_order_has_its_own_type_where_it_is_the_packages() -> None:
    entry = {"version": "1.0", "lessThanOrEqual": "1.4", "versionType": "python", "status": "unaffected"}
    one = product(entry, default="affected", packageName="b", collectionURL="https://pypi.org")
    assert words(one) == [("ECOSYSTEM", "i0 f1.0"), ("ECOSYSTEM", "i1.4")]
    assert one is not None
    assert one.unaffected == ("1.4",)  # no next version in that order


def test_an_unreadable_bound_is_noted_and_every_version_becomes_possible() -> None:
    entry = {**RANGE, "version": "2.0-beta9", "lessThan": "log4j-core*"}
    said = cve5.read(record([{**NPM, "defaultStatus": "unaffected", "versions": [entry]}]))
    assert said.problems == (
        "$.containers.cna.affected[0].versions: “log4j-core*” is no semver version: kept as ranges without an order",
    )
    found = match.match(Component("a", "1.0.0", purl="pkg:npm/a@1.0.0"), said.affected[0])
    assert found is not None
    assert found.certainty == "possible"


def _status(entries: list[dict[str, Any]], default: str, v: str) -> str:
    """The algorithm of the CVE Program's schema, as it stands there."""

    def le(a: str, b: str) -> bool:
        return versions.compare("semver", a, b) <= 0

    for e in entries:
        if "lessThan" not in e and "lessThanOrEqual" not in e:
            if v == e["version"]:
                return str(e["status"])
            continue
        if not le(e["version"], v):
            continue
        if "lessThan" in e and (le(e["lessThan"], v)):
            continue
        if "lessThanOrEqual" in e and not le(v, e["lessThanOrEqual"]):
            continue
        status = str(e["status"])
        for change in sorted(e.get("changes", []), key=lambda c: tuple(map(int, c["at"].split(".")))):
            if le(change["at"], v):
                status = change["status"]
        return status
    return default


VERSION = st.builds(lambda a, b: f"{a}.{b}.0", st.integers(1, 3), st.integers(0, 3))
STATUS = st.sampled_from(["affected", "unaffected", "unknown"])
CHANGE = st.fixed_dictionaries({"at": VERSION, "status": STATUS})
ENTRY = st.one_of(
    st.fixed_dictionaries({"version": VERSION, "status": STATUS}),
    st.fixed_dictionaries(
        {"version": VERSION, "status": STATUS, "lessThan": VERSION, "versionType": st.just("semver")},
        optional={"changes": st.lists(CHANGE, max_size=3, unique_by=lambda c: c["at"])},
    ),
    st.fixed_dictionaries(
        {"version": VERSION, "status": STATUS, "lessThanOrEqual": VERSION, "versionType": st.just("semver")},
        optional={"changes": st.lists(CHANGE, max_size=3, unique_by=lambda c: c["at"])},
    ),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(ENTRY, max_size=5), STATUS)
def test_what_matches_is_what_the_algorithm_says(entries: list[dict[str, Any]], default: str) -> None:
    found = product(*entries, default=default)
    for v in [f"{a}.{b}.{c}" for a in range(5) for b in range(5) for c in (0, 1)]:
        status = _status(entries, default, v)
        hit = match.match(Component("a", v, purl=f"pkg:npm/a@{v}"), found) if found else None
        certainty = hit.certainty if hit else "none"
        if status == "affected":
            assert certainty in ("confirmed", "possible"), (v, entries)
        elif status == "unknown":
            assert certainty == "possible", (v, entries)
        else:
            assert certainty != "confirmed", (v, entries)
        ordered = any("versionType" in e for e in entries)
        if status == "affected" and entries and (ordered or default != "affected"):
            assert certainty == "confirmed", (v, entries)


def test_the_next_semantic_version_has_none_below_it() -> None:
    assert next_semver("1.2") == "1.2.1-0"
    assert next_semver("v1.2.3+build") == "1.2.4-0"
    assert next_semver("1.2.3-alpha.1") == "1.2.3-alpha.1.0"
    with pytest.raises(versions.Doubt):
        next_semver("x")


CNA = "$.containers.cna"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (record(dataVersion=5), "$.dataVersion"),
        (record(cveMetadata=[]), "$.cveMetadata"),
        (record(cveMetadata={}), "$.cveMetadata.cveId"),
        (record(meta={"cveId": "CVE-1"}), "$.cveMetadata.cveId"),
        (record(meta={"state": 1}), "$.cveMetadata.state"),
        (record(meta={"datePublished": 1}), "$.cveMetadata.datePublished"),
        (record(containers=[]), "$.containers"),
        (record(containers={}), "$.containers.cna"),
        (record(cna={"affected": {}}), f"{CNA}.affected"),
        (record([1]), f"{CNA}.affected[0]"),
        (record([{"product": 1}]), f"{CNA}.affected[0].product"),
        (record([{"versions": 1}]), f"{CNA}.affected[0].versions"),
        (record([{"versions": [1]}]), f"{CNA}.affected[0].versions[0]"),
        (record([{"versions": [{"version": 1}]}]), f"{CNA}.affected[0].versions[0].version"),
        (record([{"versions": [{"lessThan": 1}]}]), f"{CNA}.affected[0].versions[0].lessThan"),
        (record([{"versions": [{"changes": [1]}]}]), f"{CNA}.affected[0].versions[0].changes[0]"),
        (record([{"versions": [{"changes": [{"at": 1}]}]}]), f"{CNA}.affected[0].versions[0].changes[0].at"),
        (record([{"cpes": [1]}]), f"{CNA}.affected[0].cpes[0]"),
        (record([{"programRoutines": [1]}]), f"{CNA}.affected[0].programRoutines[0]"),
        (record(cna={"metrics": [1]}), f"{CNA}.metrics[0]"),
        (record(cna={"metrics": [{"cvssV4_0": 1}]}), f"{CNA}.metrics[0].cvssV4_0"),
        (record(cna={"metrics": [{"cvssV4_0": {"baseScore": "9"}}]}), f"{CNA}.metrics[0].cvssV4_0.baseScore"),
        (record(cna={"metrics": [{"other": 1}]}), f"{CNA}.metrics[0].other"),
        (record(cna={"references": [{"url": 1}]}), f"{CNA}.references[0].url"),
        (record(cna={"descriptions": [{"lang": 1}]}), f"{CNA}.descriptions[0].lang"),
        (record(cna={"cpeApplicability": [1]}), f"{CNA}.cpeApplicability[0]"),
        (record(cna={"cpeApplicability": [{"nodes": 1}]}), f"{CNA}.cpeApplicability[0].nodes"),
    ],
)
def test_refuses_and_says_where(data: bytes, place: str) -> None:
    with pytest.raises(Malformed) as told:
        cve5.read(data)
    assert told.value.place == place


@pytest.mark.parametrize(
    ("affected", "text"),
    [
        ([{**NPM, "versions": [{"version": "1", "status": "maybe"}]}], "versions[0].status: expected affected"),
        ([{**NPM, "versions": [{"status": "affected"}]}], "versions[0].version: expected a version, got nothing"),
        ([{**NPM, "versions": [{"version": "1", "lessThan": "2", "status": "affected"}]}], "versionType: expected the order"),
        ([{**NPM, "versions": [RANGE | {"lessThanOrEqual": "2.0.0"}]}], "got both"),
        ([{**NPM, "defaultStatus": "no"}], "defaultStatus: expected affected, unaffected, unknown, got “no”"),
        ([{**NPM, "cpes": ["x"]}], "cpes[0]: expected a CPE name"),
        ([{"vendor": "n/a", "product": "n/a"}], "got none by name"),
        ([], "got none by name"),
    ],
)  # fmt: skip
def test_notes_a_flaw_and_goes_on(affected: Any, text: str) -> None:
    assert any(text in p for p in cve5.read(record(affected)).problems), cve5.read(record(affected)).problems


def test_a_bound_with_both_forms_keeps_the_wider_one() -> None:
    found = product({**RANGE, "lessThanOrEqual": "2.0.0"})
    assert words(found) == [("SEMVER", "i1.0.0 l2.0.0")]
    other = product({**RANGE, "lessThan": "2.0.0", "lessThanOrEqual": "1.0.0"})
    assert words(other) == [("SEMVER", "i1.0.0 f2.0.0")]
    kept = product({**RANGE, "lessThanOrEqual": "2.0.0", "status": "unaffected"}, default="affected")
    assert ("UNKNOWN", "i1.0.0 l2.0.0") in words(kept)


def test_other_versions_and_formats_are_not_read() -> None:
    with pytest.raises(NotRead) as told:
        cve5.read(record(dataVersion="6.0"))
    assert told.value.place == "$.dataVersion"
    with pytest.raises(NotRead):
        cve5.read(b'{"id": "X"}')


def test_counts_are_limited() -> None:
    entry = {**RANGE, "changes": [{"at": "1.1.0", "status": "unaffected"}]}
    data = record([{**NPM, "versions": [entry]}])
    assert cve5.read(data, limits=Limits(max_events=2, max_affected=1)).affected
    with pytest.raises(TooLarge) as told:
        cve5.read(data, limits=Limits(max_events=1))
    assert told.value.place == f"{CNA}.affected[0].versions"
    with pytest.raises(TooLarge) as told:
        cve5.read(data, limits=Limits(max_affected=0))
    assert told.value.place == f"{CNA}.affected"


def test_products_of_all_containers_are_counted_together() -> None:
    whole = json.loads(record())
    whole["containers"]["adp"] = [{"affected": [{**NPM, "packageName": "b"}]}]
    data = json.dumps(whole).encode()
    assert len(cve5.read(data, limits=Limits(max_affected=2)).affected) == 2
    with pytest.raises(TooLarge) as told:
        cve5.read(data, limits=Limits(max_affected=1))
    assert told.value.place == "$.containers.adp[0].affected"


def test_commits_without_a_default_leave_the_rest_unknown() -> None:
    found = product({**RANGE, "versionType": "git"}, default=None, repo="https://a")
    assert words(found) == [("GIT", "i1.0.0 f1.2.3"), ("UNKNOWN", "i0")]
    same = [{"version": "1.0", "status": "affected"}, {"version": "1.0", "status": "unaffected"}]
    one = product(*same, default="affected")
    assert one is not None
    assert (one.versions, one.unaffected) == (("1.0",), ())
    turned = {
        **RANGE,
        "versionType": "custom",
        "status": "unaffected",
        "changes": [{"at": "1.1", "status": "affected"}],
    }
    assert words(product(turned)) == [("CUSTOM", "i1.1 f1.2.3")]
    assert words(product({**RANGE, "versionType": "custom"}, {"version": "7", "status": "affected"})) == [
        ("CUSTOM", "i1.0.0 f1.2.3"),
        ("CUSTOM", "i7 l7"),
    ]


def test_many_versions_are_put_in_order_in_time() -> None:
    many = [
        {"version": f"{i}.0.0", "lessThan": f"{i}.5.0", "versionType": "semver", "status": "affected"}
        for i in range(1, 8_001)
    ]
    found = product(*many)
    assert found is not None
    assert len(found.ranges) == 8_000


def test_an_enormous_version_is_kept_as_text() -> None:
    found = product({**RANGE, "lessThan": "9" * 100_000})
    assert found is not None
    assert found.ranges[0].type == "CUSTOM"
    assert isinstance(found.ranges[0], Range)


def test_real_records(fixtures: Path) -> None:
    folder = fixtures / "vuln/google_osv.dev/vulnfeeds/test_data"
    paths = sorted([*folder.glob("cve5/*.json"), *folder.glob("cvelistV5/**/*.json")])
    assert len(paths) == 23
    said = {p.name: cve5.read(p.read_bytes()) for p in paths}
    for name, one in said.items():
        assert one.id == name.removesuffix(".json")
        assert one.published
        assert not any("CVSS" in p or "score" in p for p in one.problems), one.problems
    log4shell = said["CVE-2021-44228.json"]
    assert log4shell.known_exploited is True
    assert log4shell.severity is not None
    assert (log4shell.severity.score, log4shell.severity.source) == (10.0, "CISA-ADP")
    assert words(log4shell.affected[0])[0] == ("CUSTOM", "i2.0-beta9 f2.3.1 i2.4 f2.12.2 i2.13.0 f2.15.0")
    xz = said["CVE-2024-3094.json"]
    assert [(a.name, a.versions, a.ranges) for a in xz.affected] == [("xz", ("5.6.0", "5.6.1"), ())]
    assert [s.rating for s in xz.severities] == ["critical", "critical"]
    curl = said["CVE-2024-7264.json"]
    assert len(curl.affected[0].versions) == 95
    assert "8.9.0" in curl.affected[0].versions
    gitlab = said["CVE-2025-1110.json"]
    assert words(gitlab.affected[0]) == [("SEMVER", "i18.0 f18.0.1")]
    kernel = said["CVE-2025-21631.json"]
    assert {r.type for r in kernel.affected[0].ranges} == {"GIT"}
    assert words(kernel.affected[1]) == [("SEMVER", "i6.12 f6.12.10"), ("SEMVER", "i6.13.0-0 f6.13")]
    assert kernel.affected[2].cpes == ("cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*",)
    tokio = said["CVE-2023-22466.json"]
    assert tokio.aliases == ("GHSA-7rrj-xr53-82p7",)
