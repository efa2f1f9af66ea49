"""The KEV catalogue: every entry by its schema's rules, and the question it answers."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from vouchsafe.sbom import advisories, kev
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge
from vouchsafe.sbom.limits import Limits

ENTRY = {
    "cveID": "CVE-2021-44228",
    "vendorProject": "Apache",
    "product": "Log4j2",
    "vulnerabilityName": "n",
    "dateAdded": "2021-12-10",
    "shortDescription": "d",
    "requiredAction": "a",
    "dueDate": "2021-12-24",
    "knownRansomwareCampaignUse": "Known",
    "notes": "",
    "cwes": ["CWE-20"],
}


def catalogue(*entries: Any, **changes: Any) -> bytes:
    listed = list(entries) or [ENTRY]
    whole = {
        "catalogVersion": "2026.01.01",
        "dateReleased": "2026-01-01T00:00:00.0000Z",
        "count": len(listed),
        "vulnerabilities": listed,
    }
    return json.dumps({k: v for k, v in (whole | changes).items() if v is not ...}).encode()


def osv(id_: str, *aliases: str) -> advisories.Advisory:
    entry = {"id": id_, "modified": "2026-01-01T00:00:00Z", "aliases": aliases}
    return advisories.read(json.dumps(entry).encode())


def test_reads_a_catalogue() -> None:
    said = kev.read(catalogue())
    assert (said.version, len(said), "CVE-2021-44228" in said, "CVE-2021-1" in said) == (
        "2026.01.01",
        1,
        True,
        False,
    )
    one = said.entries["CVE-2021-44228"]
    assert (one.vendor, one.product, one.added, one.due) == ("Apache", "Log4j2", "2021-12-10", "2021-12-24")
    assert (one.ransomware, one.cwes) == (True, ("CWE-20",))
    assert said.problems == ()
    front = advisories.read(catalogue())
    assert (front.format, front.id, front.related) == ("KEV", "2026.01.01", ("CVE-2021-44228",))


def test_known_exploited_is_asked_by_cve_id() -> None:
    said = kev.read(catalogue())
    assert kev.known_exploited(osv("CVE-2021-44228"), said) is True
    assert kev.known_exploited(osv("GHSA-1", "CVE-2021-44228"), said) is True
    assert kev.known_exploited(osv("CVE-2021-45046"), said) is False
    assert kev.known_exploited(osv("GHSA-1"), said) is None  # no CVE id to ask by
    assert kev.known_exploited(osv("CVE-2021-44228"), None) is None
    told = replace(osv("CVE-2021-45046"), known_exploited=True)
    assert kev.known_exploited(told, said) is True  # the file knows better than an older catalogue
    csaf = replace(osv("ICSMA-1"), format="CSAF", related=("CVE-2021-44228",))
    assert kev.apply(csaf, said).known_exploited is True


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (catalogue(catalogVersion=1), "$.catalogVersion"),
        (catalogue(catalogVersion=None), "$.catalogVersion"),
        (catalogue(dateReleased=...), "$.dateReleased"),
        (catalogue(dateReleased=1), "$.dateReleased"),
        (catalogue(count=...), "$.count"),
        (catalogue(count=True), "$.count"),
        (catalogue(count=2), "$.count"),
        (catalogue(vulnerabilities=...), "$.vulnerabilities"),
        (catalogue(vulnerabilities={}), "$.vulnerabilities"),
        (catalogue(1), "$.vulnerabilities[0]"),
        (catalogue(ENTRY, ENTRY), "$.vulnerabilities[1].cveID"),
        (catalogue(ENTRY | {"cveID": "CVE-2021-1"}), "$.vulnerabilities[0].cveID"),
        (catalogue(ENTRY | {"cveID": None}), "$.vulnerabilities[0].cveID"),
        *[
            (catalogue(ENTRY | {name: value}), f"$.vulnerabilities[0].{name}")
            for name in ENTRY
            if name not in ("knownRansomwareCampaignUse", "notes", "cwes", "cveID")
            for value in (None, 7, [])
        ],
        (catalogue(ENTRY | {"notes": 1}), "$.vulnerabilities[0].notes"),
        (catalogue(ENTRY | {"cwes": "CWE-1"}), "$.vulnerabilities[0].cwes"),
        (catalogue(ENTRY | {"cwes": [1]}), "$.vulnerabilities[0].cwes[0]"),
    ],
)
def test_refuses_and_says_where(data: bytes, place: str) -> None:
    with pytest.raises(Malformed) as told:
        kev.read(data)
    assert told.value.place == place
    with pytest.raises(Malformed):
        advisories.read(data)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"dateAdded": "2021-13-01"}, "dateAdded"),
        ({"dueDate": "20211224"}, "dueDate"),
        ({"cwes": ["CWE-X"]}, "cwes[0]"),
        ({"knownRansomwareCampaignUse": "Perhaps"}, "knownRansomwareCampaignUse"),
    ],
)
def test_notes_a_flaw_and_goes_on(change: dict[str, Any], place: str) -> None:
    (problem,) = kev.read(catalogue(ENTRY | change)).problems
    assert problem.startswith(f"$.vulnerabilities[0].{place}: expected ")


def test_other_formats_are_not_read() -> None:
    for data in (b'{"id": "X"}', b"[]"):
        with pytest.raises(NotRead):
            kev.read(data)


def test_counts_are_limited() -> None:
    assert kev.read(catalogue(), limits=Limits(max_affected=1))
    with pytest.raises(TooLarge) as told:
        kev.read(catalogue(), limits=Limits(max_affected=0))
    assert told.value.place == "$.vulnerabilities"


def test_the_whole_catalogue_by_its_own_schema(fixtures: Path) -> None:
    folder = fixtures / "vuln/cisagov_kev-data"
    data = (folder / "known_exploited_vulnerabilities.json").read_bytes()
    schema = json.loads((folder / "known_exploited_vulnerabilities_schema.json").read_bytes())
    rules = schema["$defs"]["vulnerability"]
    said = kev.read(data)
    raw = json.loads(data)
    assert len(said) == raw["count"] == len(raw["vulnerabilities"]) == 1_404
    assert said.problems == ()
    for item, (cve, entry) in zip(raw["vulnerabilities"], said.entries.items(), strict=True):
        assert set(rules["required"]) <= item.keys()
        assert re.search(rules["properties"]["cveID"]["pattern"], cve)
        assert item["cveID"] == cve
        # Due dates of older directives lie before the day of entry, so there is no rule between the two.
        assert date.fromisoformat(entry.added) >= date(2021, 11, 3)
        assert date.fromisoformat(entry.due)
        assert all(re.search(rules["properties"]["cwes"]["items"]["pattern"], c) for c in entry.cwes)
    log4shell = (
        fixtures / "vuln/google_osv.dev/vulnfeeds/test_data/cvelistV5/cves/2021/44xxx/CVE-2021-44228.json"
    )
    assert kev.known_exploited(advisories.read(log4shell.read_bytes()), said) is True
