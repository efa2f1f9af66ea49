"""Advisories: any bytes are read or refused; what was read can be looked up and matched."""

import json
from collections.abc import Callable

from vouchsafe.sbom import advisories, cve5, cvss, ghsa, kev, match, nvd, osv, rustsec
from vouchsafe.sbom.advisories import Advisory
from vouchsafe.sbom.errors import Malformed, SbomError
from vouchsafe.sbom.limits import Limits
from vouchsafe.sbom.model import Component

# Small, so that the limits themselves are reached.
LIMITS = Limits(max_bytes=1 << 20, max_affected=200, max_versions=2_000, max_events=2_000, max_advisories=50)


def _check(said: Advisory) -> None:
    """Ranges and matches follow from whatever was read, and doubt is never an exception."""
    assert said.id
    rows = match.advisory_ranges(said)
    assert not (said.withdrawn and rows)
    assert [a.index for a in said.affected] == list(range(len(said.affected)))
    for affected in said.affected[:20]:
        purl = f"{affected.package_key}@1.2.3" if affected.package_key else None
        match.match(Component(affected.name or "a", "1.2.3", purl=purl), affected)
        match.range_text(affected)


def any_advisory(data: bytes) -> None:
    """The front door."""
    try:
        found = advisories.read_all(data, limits=LIMITS)
    except Malformed as refused:
        _check_place(refused.place)
        return
    for said in found:
        _check(said)


def _check_place(place: str) -> None:
    assert place
    assert "\n" not in place


def _reader(read: Callable[..., Advisory]) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        try:
            said = read(data, limits=LIMITS)
        except SbomError:
            return
        _check(said)

    return target


def nvd_answer(data: bytes) -> None:
    """Every CVE of an NVD answer."""
    try:
        found = nvd.read(data, limits=LIMITS)
    except SbomError:
        return
    for said in found:
        _check(said)


def kev_catalogue(data: bytes) -> None:
    """The catalogue says of each of its entries, and of nothing else, that it is exploited."""
    try:
        said = kev.read(data, limits=LIMITS)
    except SbomError:
        return
    assert all(cve in said for cve in said.entries)
    assert "CVE-0000-0000" not in said or "CVE-0000-0000" in said.entries


def cvss_vector(data: bytes) -> None:
    """A vector has a score, or a fault; and the score has the word that its number has."""
    text = data.decode("utf-8", "replace")
    found, faults = cvss.score(text), cvss.faults(text)
    assert found is not None or faults
    if found is not None and found.score is not None:
        assert 0 <= found.score <= 10
        assert found.rating == cvss.rating(cvss.version_of(text), found.score)


def cpe_name(data: bytes) -> None:
    """A CPE name's family is a CPE name of the same product, of any version."""
    found = nvd.cpe(data.decode("utf-8", "replace"))
    if found is not None:
        family = nvd.cpe(found.family)
        assert family is not None
        assert (family.vendor, family.product, family.version) == (found.vendor, found.product, "")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "sbom-advisory": any_advisory,
    "sbom-advisory-osv": _reader(osv.read),
    "sbom-advisory-ghsa": _reader(ghsa.read),
    "sbom-advisory-cve5": _reader(cve5.read),
    "sbom-advisory-rustsec": _reader(rustsec.read),
    "sbom-advisory-nvd": nvd_answer,
    "sbom-advisory-kev": kev_catalogue,
    "sbom-cvss": cvss_vector,
    "sbom-cpe": cpe_name,
}

_AT = "2026-02-05T12:00:00Z"
_V2 = "AV:N/AC:M/Au:N/C:P/I:P/A:P"
_V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
_V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
_CPE = "cpe:2.3:a:busybox:busybox:*:*:*:*:*:*:*:*"
_OSV = {
    "id": "GHSA-1",
    "modified": _AT,
    "aliases": ["CVE-2026-1"],
    "severity": [{"type": "CVSS_V3", "score": _V31}],
    "affected": [
        {
            "package": {"ecosystem": "crates.io", "name": "time"},
            "ranges": [
                {
                    "type": "SEMVER",
                    "events": [
                        {"introduced": "0"},
                        {"fixed": "1.0.0"},
                        {"introduced": "2"},
                        {"last_affected": "2.1"},
                    ],
                },
                {
                    "type": "GIT",
                    "repo": "https://a.example",
                    "events": [{"introduced": "0"}, {"fixed": "abc"}],
                },
            ],
            "versions": ["0.1.0"],
        },
        {
            "package": {"ecosystem": "Debian:12", "name": "openssl"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1:1"}]}],
        },
    ],
}
_GHSA = {
    "ghsa_id": "GHSA-fhjf-83wg-r2j9",
    "cve_id": "CVE-2026-1",
    "summary": "s",
    "severity": "critical",
    "identifiers": [{"type": "CVE", "value": "CVE-2026-1"}],
    "published_at": _AT,
    "updated_at": _AT,
    "vulnerabilities": [
        {
            "package": {"ecosystem": "npm", "name": "a"},
            "vulnerable_version_range": ">= 1.0, < 1.3.2",
            "first_patched_version": "1.3.2",
        }
    ],
    "cvss": {"vector_string": _V31, "score": 9.8},
}
_CVE5 = {
    "dataType": "CVE_RECORD",
    "dataVersion": "5.2",
    "cveMetadata": {"cveId": "CVE-2026-1234", "state": "PUBLISHED", "datePublished": _AT},
    "containers": {
        "cna": {
            "providerMetadata": {"orgId": "x"},
            "descriptions": [{"lang": "en", "value": "d"}],
            "affected": [
                {
                    "packageName": "a",
                    "collectionURL": "https://registry.npmjs.org",
                    "defaultStatus": "unaffected",
                    "versions": [
                        {
                            "version": "1.0.0",
                            "lessThan": "2.0.0",
                            "versionType": "semver",
                            "status": "affected",
                            "changes": [{"at": "1.5.0", "status": "unaffected"}],
                        },
                        {
                            "version": "3",
                            "lessThanOrEqual": "3.*",
                            "versionType": "custom",
                            "status": "unknown",
                        },
                    ],
                }
            ],
            "metrics": [{"cvssV3_1": {"vectorString": _V31, "baseScore": 9.8, "baseSeverity": "CRITICAL"}}],
        },
        "adp": [],
    },
}
_NVD = {
    "format": "NVD_CVE",
    "version": "2.0",
    "vulnerabilities": [
        {
            "cve": {
                "id": "CVE-2018-1000500",
                "published": "2018-06-26T16:29:00.353",
                "lastModified": "2020-09-24T20:15:12.350",
                "descriptions": [{"lang": "en", "value": "d"}],
                "metrics": {
                    "cvssMetricV2": [{"source": "n", "cvssData": {"vectorString": _V2, "baseScore": 6.8}}]
                },
                "configurations": [
                    {
                        "operator": "AND",
                        "nodes": [
                            {
                                "operator": "OR",
                                "negate": False,
                                "cpeMatch": [
                                    {
                                        "vulnerable": True,
                                        "criteria": _CPE,
                                        "versionStartIncluding": "1",
                                        "versionEndExcluding": "1.32.0",
                                    },
                                    {"vulnerable": False, "criteria": "cpe:2.3:o:a:b:1:*:*:*:*:*:*:*"},
                                ],
                            }
                        ],
                    }
                ],
            }
        }
    ],
}
_KEV = {
    "catalogVersion": "2026.01.01",
    "dateReleased": _AT,
    "count": 1,
    "vulnerabilities": [
        {
            "cveID": "CVE-2021-44228",
            "vendorProject": "Apache",
            "product": "Log4j2",
            "vulnerabilityName": "n",
            "dateAdded": "2021-12-10",
            "shortDescription": "d",
            "requiredAction": "a",
            "dueDate": "2021-12-24",
            "knownRansomwareCampaignUse": "Known",
            "cwes": ["CWE-20"],
        }
    ],
}
_TOML = (
    f'[advisory]\nid = "RUSTSEC-2026-0009"\npackage = "time"\ndate = "2026-02-05"\n'
    f'aliases = ["CVE-2026-1"]\ncvss = "{_V4}"\n'
    '[affected]\nos = ["windows"]\n[affected.functions]\n"time::f" = [">= 0.3.6"]\n'
    '[versions]\npatched = [">= 0.3.47", "^0.2.9, < 0.2.99"]\nunaffected = ["< 0.3.6"]\n'
).encode()
_JSON = {
    name: json.dumps(value).encode()
    for name, value in {"osv": _OSV, "ghsa": _GHSA, "cve5": _CVE5, "nvd": _NVD, "kev": _KEV}.items()
}
SEEDS: dict[str, list[bytes]] = {
    **{f"sbom-advisory-{name}": [data] for name, data in _JSON.items()},
    "sbom-advisory-rustsec": [_TOML, b"```toml\n" + _TOML + b"```\n\n# Title\n\nWords.\n"],
    "sbom-advisory": [*_JSON.values(), _TOML, b"[" + _JSON["osv"] + b"," + _JSON["ghsa"] + b"]"],
    "sbom-cvss": [
        _V2.encode(),
        (_V2 + "/E:POC/RL:OF/RC:C/CDP:H/TD:M/CR:H/IR:M/AR:L").encode(),
        _V31.encode(),
        (_V31.replace("3.1", "3.0") + "/E:P/RL:O/RC:C/CR:H/MAV:A/MS:C").encode(),
        _V4.encode(),
        (_V4 + "/E:P/CR:H/MAV:L/MSI:S/S:P/AU:Y/U:Red").encode(),
    ],
    "sbom-cpe": [
        _CPE.encode(),
        b"cpe:/a:vendor:pro%20duct:1.0:rc1",
        rb"cpe:2.3:h:a\:b:c\\d:-:*:*:en:*:*:x64:*",
    ],
}
