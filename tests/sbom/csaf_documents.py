"""CSAF documents that use every member of their version, for tests to take apart."""

import copy
from collections.abc import Iterator
from typing import Any

AT = "2026-02-05T12:00:00Z"
V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V2 = "AV:N/AC:L/Au:N/C:N/I:N/A:C"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H"
NOTE = {"audience": "all", "category": "summary", "text": "A note.", "title": "T"}
REFERENCE = {"category": "external", "summary": "More", "url": "https://fellside.example/more"}
CREDIT = {"names": ["A. Tester"], "organization": "O", "summary": "found it", "urls": ["https://o.example"]}
HELPER = {
    "cpe": "cpe:2.3:o:fellside:tarn_4:4.1.2:*:*:*:*:*:*:*",
    "hashes": [{"filename": "fw.bin", "file_hashes": [{"algorithm": "sha256", "value": "ab" * 32}]}],
    "model_numbers": ["T4-*"],
    "purl": "pkg:generic/tarn@4.1.2",
    "sbom_urls": ["https://fellside.example/sbom.json"],
    "serial_numbers": ["T4-0311-88207"],
    "skus": ["T4"],
    "x_generic_uris": [{"namespace": "https://fellside.example", "uri": "urn:x:1"}],
}


def branch(category: str, name: str, inner: Any) -> dict[str, Any]:
    """A branch around a list of branches, or around a product."""
    return {"category": category, "name": name, "branches" if isinstance(inner, list) else "product": inner}


def product(id_: str, name: str, **more: Any) -> dict[str, Any]:
    """A full product name."""
    return {"name": name, "product_id": id_, **more}


def old() -> dict[str, Any]:
    """A csaf_vex of version 2.0 without a fault."""
    pump = product("P1", "Tarn 4 4.1.2", product_identification_helper=copy.deepcopy(HELPER))
    ranged = branch("product_version_range", "vers:semver/<4.1.0", product("P2", "Tarn 4 before 4.1.0"))
    versions = [branch("product_version", "4.1.2", pump), ranged]
    told = {"details": "Do it.", "date": AT, "product_ids": ["P1"]}
    return {
        "document": {
            "acknowledgments": [copy.deepcopy(CREDIT)],
            "aggregate_severity": {"namespace": "https://fellside.example/severity", "text": "High"},
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "distribution": {
                "text": "Everybody",
                "tlp": {"label": "WHITE", "url": "https://www.first.org/tlp/"},
            },
            "lang": "en-GB",
            "notes": [dict(NOTE)],
            "publisher": {
                "category": "vendor",
                "contact_details": "psirt@fellside.example",
                "issuing_authority": "Ourselves",
                "name": "Fellside Medical",
                "namespace": "https://fellside.example",
            },
            "references": [dict(REFERENCE)],
            "title": "Tarn 4",
            "tracking": {
                "aliases": ["F-1"],
                "current_release_date": AT,
                "generator": {"date": AT, "engine": {"name": "Hand", "version": "1"}},
                "id": "FM-2026-001",
                "initial_release_date": "2026-02-04T12:00:00Z",
                "revision_history": [
                    {
                        "date": "2026-02-04T12:00:00Z",
                        "legacy_version": "A",
                        "number": "1",
                        "summary": "First.",
                    },
                    {"date": AT, "number": "2", "summary": "Second."},
                ],
                "status": "final",
                "version": "2",
            },
        },
        "product_tree": {
            "branches": [branch("vendor", "Fellside", [branch("product_name", "Tarn 4", versions)])],
            "full_product_names": [product("OS", "Linux 6.6"), product("P3", "Tarn 5")],
            "product_groups": [{"group_id": "G", "product_ids": ["P2", "P3"], "summary": "Both"}],
            "relationships": [
                {
                    "category": "installed_on",
                    "full_product_name": product("P1-OS", "Tarn 4 4.1.2 on Linux 6.6"),
                    "product_reference": "P1",
                    "relates_to_product_reference": "OS",
                }
            ],
        },
        "vulnerabilities": [
            {
                "acknowledgments": [copy.deepcopy(CREDIT)],
                "cve": "CVE-2026-25727",
                "cwe": {"id": "CWE-400", "name": "Uncontrolled Resource Consumption"},
                "discovery_date": AT,
                "flags": [{"date": AT, "group_ids": ["G"], "label": "component_not_present"}],
                "ids": [{"system_name": "RUSTSEC", "text": "RUSTSEC-2026-0009"}],
                "involvements": [{"date": AT, "party": "vendor", "status": "completed", "summary": "Done"}],
                "notes": [dict(NOTE)],
                "product_status": {
                    "known_affected": ["P1"],
                    "known_not_affected": ["P2", "P3"],
                    "recommended": ["P3"],
                    "under_investigation": ["P1-OS"],
                },
                "references": [dict(REFERENCE)],
                "release_date": AT,
                "remediations": [
                    {
                        **told,
                        "category": "vendor_fix",
                        "entitlements": ["Contract"],
                        "restart_required": {"category": "machine", "details": "Off and on"},
                        "url": "https://fellside.example/fix",
                    }
                ],
                "scores": [
                    {
                        "cvss_v2": {"version": "2.0", "vectorString": V2, "baseScore": 7.8},
                        "cvss_v3": {
                            "version": "3.1",
                            "vectorString": V31,
                            "baseScore": 9.8,
                            "baseSeverity": "CRITICAL",
                            "attackVector": "NETWORK",
                        },
                        "products": ["P1"],
                    }
                ],
                "threats": [{**copy.deepcopy(told), "category": "exploit_status"}],
                "title": "A fault",
            }
        ],
    }


def new() -> dict[str, Any]:
    """The same document as version 2.1, with what only that version has."""
    found = old()
    found["$schema"] = "https://docs.oasis-open.org/csaf/csaf/v2.1/schema/csaf.json"
    document, vulnerability = found["document"], found["vulnerabilities"][0]
    document["csaf_version"] = "2.1"
    document["license_expression"] = "CC-BY-4.0"
    group = {"id": "f" * 8 + "-ffff-ffff-ffff-" + "f" * 12, "name": "Public"}
    document["distribution"] = {"tlp": {"label": "CLEAR"}, "sharing_group": group, "text": "Everybody"}
    tree = found["product_tree"]
    relation = tree.pop("relationships")[0]
    tree["product_paths"] = [
        {
            "beginning_product_reference": "P1",
            "full_product_name": relation["full_product_name"],
            "subpaths": [{"category": "installed_on", "next_product_reference": "OS"}],
        }
    ]
    version = tree["branches"][0]["branches"][0]["branches"][0]
    helper = version["product"]["product_identification_helper"]
    helper["purls"] = [helper.pop("purl")]
    cwe = vulnerability.pop("cwe")
    vulnerability["cwes"] = [{**cwe, "version": "4.13"}]
    vulnerability["disclosure_date"] = vulnerability.pop("release_date")
    score = vulnerability.pop("scores")[0]
    products = score.pop("products")
    ssvc = {
        "timestamp": AT,
        "schemaVersion": "2.0.0",
        "target_ids": ["CVE-2026-25727"],
        "selections": [{"namespace": "ssvc", "key": "E", "version": "1.1.0", "values": [{"key": "A"}]}],
    }
    epss = {"percentile": "0.5", "probability": "0.25", "timestamp": AT}
    four = {"version": "4.0", "vectorString": V4, "baseScore": 10.0, "baseSeverity": "CRITICAL"}
    content = {**score, "cvss_v4": four, "epss": epss, "ssvc_v2": ssvc}
    vulnerability["metrics"] = [
        {"content": content, "products": products, "source": "https://fellside.example"}
    ]
    vulnerability["first_known_exploitation_dates"] = [
        {"date": AT, "exploitation_date": AT, "product_ids": ["P1"]}
    ]
    extension = {
        "$schema": "https://fellside.example/schema/pump_1.0.0.json",
        "category": "supplementary",
        "content": {"a": 1},
        "critical": False,
    }
    found["x_extensions"] = [extension]
    return found


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value below the outermost."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*way, key)
        yield from places(inner, (*way, key))


def changed(document: dict[str, Any], way: tuple[Any, ...], *values: Any) -> dict[str, Any]:
    """A copy with one value taken out, or put in place of what stands there."""
    found = copy.deepcopy(document)
    at: Any = found
    for key in way[:-1]:
        at = at[key]
    if values:
        at[way[-1]] = values[0]
    else:
        del at[way[-1]]
    return found
