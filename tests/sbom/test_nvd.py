"""NVD answers: CPE names, bounds, platforms, several CVEs in one file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchsafe.sbom import advisories, match, nvd
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge
from vouchsafe.sbom.limits import MAX_CPE_CHARS, Limits
from vouchsafe.sbom.model import Component

BUSYBOX = "cpe:2.3:a:busybox:busybox:*:*:*:*:*:*:*:*"
MATCH = {"vulnerable": True, "criteria": BUSYBOX, "versionEndExcluding": "1.32.0"}
V31 = {
    "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
    "baseScore": 7.5,
    "baseSeverity": "HIGH",
}


def cve(**changes: Any) -> dict[str, Any]:
    one = {
        "id": "CVE-2018-1000500",
        "published": "2018-06-26T16:29:00.353",
        "lastModified": "2020-09-24T20:15:12.350",
        "vulnStatus": "Modified",
        "descriptions": [{"lang": "en", "value": "d"}],
        "metrics": {
            "cvssMetricV31": [{"source": "nvd@nist.gov", "type": "Primary", "cvssData": V31}],
            "cvssMetricV2": [
                {
                    "source": "nvd@nist.gov",
                    "cvssData": {"vectorString": "AV:N/AC:M/Au:N/C:P/I:P/A:P", "baseScore": 6.8},
                    "baseSeverity": "MEDIUM",
                }
            ],
        },
        "configurations": [{"nodes": [{"operator": "OR", "negate": False, "cpeMatch": [MATCH]}]}],
        "references": [{"url": "https://example.org"}],
    }
    return one | changes


def answer(*cves: Any, **changes: Any) -> bytes:
    whole = {"format": "NVD_CVE", "version": "2.0", "vulnerabilities": [{"cve": c} for c in cves or (cve(),)]}
    return json.dumps(whole | changes).encode()


def matched(*matches: dict[str, Any], **config: Any) -> advisories.Advisory:
    node = {"operator": "OR", "negate": False, "cpeMatch": list(matches)}
    return nvd.read(answer(cve(configurations=[{"nodes": [node], **config}])))[0]


def test_reads_an_answer() -> None:
    (said,) = nvd.read(answer())
    assert (said.format, said.id, said.details, said.withdrawn) == ("NVD", "CVE-2018-1000500", "d", "")
    assert (said.published, said.modified) == ("2018-06-26T16:29:00.353Z", "2020-09-24T20:15:12.350Z")
    assert [(s.type, s.score, s.source) for s in said.severities] == [
        ("CVSS_V3", 7.5, "nvd@nist.gov"),
        ("CVSS_V2", 6.8, "nvd@nist.gov"),
    ]
    (one,) = said.affected
    assert (one.package_key, one.name, one.vendor, one.cpes) == ("", "busybox", "busybox", (BUSYBOX,))
    assert [(r.type, [(e.kind, e.version) for e in r.events]) for r in one.ranges] == [
        ("CPE", [("introduced", "0"), ("fixed", "1.32.0")])
    ]
    assert said.problems == ()
    assert said.known_exploited is None


def test_a_file_may_hold_several_or_none() -> None:
    two = answer(cve(), cve(id="CVE-2026-0001"))
    assert [a.id for a in advisories.read_all(two)] == ["CVE-2018-1000500", "CVE-2026-0001"]
    assert advisories.read_all(answer(vulnerabilities=[])) == ()
    for data, got in ((two, "2"), (answer(vulnerabilities=[]), "0")):
        with pytest.raises(Malformed) as told:
            advisories.read(data)
        assert (told.value.place, told.value.expected, told.value.got) == ("$", "one advisory", got)


@pytest.mark.parametrize("value", [{"cve": cve()}, cve()])
def test_one_cve_out_of_an_answer_is_read(value: dict[str, Any]) -> None:
    assert advisories.read(json.dumps(value).encode()).format == "NVD"


def test_a_match_by_cpe_is_never_more_than_possible() -> None:
    (said,) = nvd.read(answer())
    for version in ("1.31.0", "1.32.0", ""):
        component = Component(
            "busybox", version, cpe=BUSYBOX.replace("busybox:*", f"busybox:{version or '*'}", 1)
        )
        found = match.match(component, said.affected[0])
        assert found is None or found.certainty == "possible"
    inside = match.match(Component("busybox", "1.31.0"), said.affected[0])
    assert inside is not None


@pytest.mark.parametrize(
    ("bounds", "events", "unaffected"),
    [
        (
            {"versionStartIncluding": "4.0", "versionEndIncluding": "4.2"},
            "introduced 4.0 last_affected 4.2",
            (),
        ),
        (
            {"versionStartExcluding": "4.0", "versionEndExcluding": "4.2"},
            "introduced 4.0 fixed 4.2",
            ("4.0",),
        ),
        ({"versionStartIncluding": "4.0"}, "introduced 4.0", ()),
        ({}, "introduced 0", ()),
    ],
)
def test_bounds_become_events(bounds: dict[str, str], events: str, unaffected: tuple[str, ...]) -> None:
    (one,) = matched({"vulnerable": True, "criteria": BUSYBOX, **bounds}).affected
    assert " ".join(f"{e.kind} {e.version}" for e in one.ranges[0].events) == events
    assert one.unaffected == unaffected


def test_versions_of_one_product_are_gathered() -> None:
    names = [f"cpe:2.3:a:ffmpeg:ffmpeg:{v}:*:*:*:*:*:*" for v in ("4.3.1:*", "4.3.2:rc1")]
    (one,) = matched(*({"vulnerable": True, "criteria": n} for n in names)).affected
    assert (one.versions, one.ranges) == (("4.3.1", "4.3.2 rc1"), ())
    assert one.cpes == ("cpe:2.3:a:ffmpeg:ffmpeg:*:*:*:*:*:*:*:*",)


def test_a_platform_that_it_runs_on_is_a_condition() -> None:
    platform = "cpe:2.3:h:espressif:esp32:-:*:*:*:*:*:*:*"
    nodes = [
        {"operator": "OR", "negate": False, "cpeMatch": [MATCH]},
        {"operator": "OR", "negate": False, "cpeMatch": [{"vulnerable": False, "criteria": platform}]},
    ]
    (said,) = nvd.read(answer(cve(configurations=[{"operator": "AND", "nodes": nodes}])))
    assert [(a.name, a.conditions) for a in said.affected] == [("busybox", (f"with {platform}",))]


def test_a_negated_node_is_kept_and_noted() -> None:
    said = matched(MATCH, negate=True)
    assert said.affected[0].conditions == ("negated: all but the named",)
    assert "negated node" in said.problems[0]


def test_a_rejected_cve_is_withdrawn_and_cisas_date_is_kept() -> None:
    (said,) = nvd.read(answer(cve(vulnStatus="Rejected", configurations=None)))
    assert (said.withdrawn, said.problems) == ("2020-09-24T20:15:12.350Z", ())
    (listed,) = nvd.read(answer(cve(cisaExploitAdd="2021-12-10", cisaVulnerabilityName="Log4Shell")))
    assert (listed.known_exploited, listed.summary) == (True, "Log4Shell")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BUSYBOX, ("a", "busybox", "busybox", "")),
        (r"cpe:2.3:a:hp:c\+\+_\:x:1.0\-2:*:*:*:*:*:*:*", ("a", "hp", "c++_:x", "1.0-2")),
        ("cpe:2.3:h:espressif:esp32:-:*:*:*:*:*:*:*", ("h", "espressif", "esp32", "")),
        ("cpe:/o:redhat:enterprise_linux:8", ("o", "redhat", "enterprise_linux", "8")),
        ("cpe:/a:x:y%3az%5c:1.0", ("a", "x", "y:z\\", "1.0")),
        ("cpe:/a:x:y:1.0:rc1", ("a", "x", "y", "1.0 rc1")),
    ],
)
def test_cpe_names_are_taken_apart(text: str, expected: tuple[str, ...]) -> None:
    found = nvd.cpe(text)
    assert found is not None
    assert (found.part, found.vendor, found.product, found.version) == expected
    family = nvd.cpe(found.family)
    assert family is not None
    assert (family.product, family.version) == (found.product, "")


@pytest.mark.parametrize(
    "text",
    ["", "cpe", "cpe:2.3:a:b", "cpe:2.3:x" + ":*" * 10, BUSYBOX + ":*", "cpe:2.3:a::b" + ":*" * 8, "cpe:/x:a",
     "cpe:2.3:a:" + "b" * MAX_CPE_CHARS],
)  # fmt: skip
def test_what_is_no_cpe_name_is_kept_as_the_text_it_is(text: str) -> None:
    assert nvd.cpe(text) is None
    said = matched({"vulnerable": True, "criteria": text})
    assert said.affected[0].name == text
    assert said.problems[0].startswith(
        "$.vulnerabilities[0].cve.configurations[0].nodes[0].cpeMatch[0].criteria"
    )


def test_the_longest_cpe_is_taken_apart() -> None:
    start, end = "cpe:2.3:a:", ":c" + ":*" * 8
    text = start + "b" * (MAX_CPE_CHARS - len(start) - len(end)) + end
    assert len(text) == MAX_CPE_CHARS
    assert nvd.cpe(text) is not None


@given(st.text("cpe:2.3/ao*-\\x%", max_size=60).map("cpe:".__add__) | st.text(max_size=40))
def test_any_text_is_a_cpe_name_or_not(text: str) -> None:
    nvd.cpe(text)


ONE = "$.vulnerabilities[0].cve"
NODE = f"{ONE}.configurations[0].nodes[0]"


def nodes(*made: Any) -> bytes:
    return answer(cve(configurations=[{"nodes": list(made)}]))


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (answer(version="1.1"), "$.version"),
        (answer(version=2), "$.version"),
        (b'{"format": "NVD_CVE"}', "$.vulnerabilities"),
        (answer(vulnerabilities={}), "$.vulnerabilities"),
        (answer(vulnerabilities=[1]), "$.vulnerabilities[0]"),
        (answer(vulnerabilities=[{}]), "$.vulnerabilities[0].cve"),
        (answer(cve(id="CVE-1")), f"{ONE}.id"),
        (answer(cve(id=1)), f"{ONE}.id"),
        (answer(cve(published=1)), f"{ONE}.published"),
        (answer(cve(vulnStatus=[])), f"{ONE}.vulnStatus"),
        (answer(cve(metrics=[])), f"{ONE}.metrics"),
        (answer(cve(metrics={"cvssMetricV40": [1]})), f"{ONE}.metrics.cvssMetricV40[0]"),
        (answer(cve(metrics={"cvssMetricV2": [{"cvssData": 1}]})), f"{ONE}.metrics.cvssMetricV2[0].cvssData"),
        (
            answer(cve(metrics={"cvssMetricV2": [{"cvssData": {"baseScore": "x"}}]})),
            f"{ONE}.metrics.cvssMetricV2[0].cvssData.baseScore",
        ),
        (answer(cve(configurations=[{"operator": 1}])), f"{ONE}.configurations[0].operator"),
        (nodes(1), NODE),
        (nodes({"negate": 1, "cpeMatch": []}), f"{NODE}.negate"),
        (nodes({"cpeMatch": [1]}), f"{NODE}.cpeMatch[0]"),
        (nodes({"cpeMatch": [{"vulnerable": "yes"}]}), f"{NODE}.cpeMatch[0].vulnerable"),
        (nodes({"cpeMatch": [{"criteria": 1}]}), f"{NODE}.cpeMatch[0].criteria"),
        (
            nodes({"cpeMatch": [MATCH | {"versionEndExcluding": 1}]}),
            f"{NODE}.cpeMatch[0].versionEndExcluding",
        ),
        (answer(cve(descriptions=[{"value": 1}])), f"{ONE}.descriptions[0].value"),
        (answer(cve(references=[{"url": 1}])), f"{ONE}.references[0].url"),
    ],
)
def test_refuses_and_says_where(data: bytes, place: str) -> None:
    with pytest.raises(Malformed) as told:
        advisories.read_all(data)
    assert told.value.place == place


def test_both_ends_twice_are_noted() -> None:
    said = matched(MATCH | {"versionEndIncluding": "1.31.0"})
    assert "got versionEndExcluding, versionEndIncluding" in said.problems[0]


@pytest.mark.parametrize("data", [b'{"id": "X"}', b"[]"])
def test_other_formats_are_not_read(data: bytes) -> None:
    with pytest.raises(NotRead):
        nvd.read(data)


def test_counts_are_limited() -> None:
    data = answer(cve())
    assert nvd.read(data, limits=Limits(max_advisories=1, max_versions=1, max_affected=1))
    for limits, place in (
        (Limits(max_advisories=0), "$.vulnerabilities"),
        (Limits(max_versions=0), f"{NODE}.cpeMatch"),
        (Limits(max_affected=0), f"{ONE}.configurations"),
    ):
        with pytest.raises(TooLarge) as told:
            nvd.read(data, limits=limits)
        assert told.value.place == place


def test_real_answers(fixtures: Path) -> None:
    paths = sorted((fixtures / "vuln/google_osv.dev/vulnfeeds/test_data/nvdcve-2.0").glob("*.json"))
    assert len(paths) == 6
    for path in paths:
        (said,) = nvd.read(path.read_bytes())
        assert said.id == path.stem
        assert said.problems == ()
        assert said.severity is not None
        assert all(s.score == s.stated for s in said.severities)
        assert all(a.name and a.vendor and (a.ranges or a.versions) for a in said.affected)
    esp = nvd.read((paths[0].parent / "CVE-2020-13595.json").read_bytes())[0]
    assert esp.affected[0].conditions == ("with cpe:2.3:h:espressif:esp32:-:*:*:*:*:*:*:*",)
