"""Each mandatory test of CSAF, by a document that breaks only that one, with its exact place."""

import json
from typing import Any

import pytest

from tests.sbom import csaf_documents as documents
from vouchsafe.sbom import csaf

V = "$.vulnerabilities[0]"
T = "$.document.tracking"
TREE = "$.product_tree"
PUMP = TREE + ".branches[0].branches[0].branches[0]"
OTHER = {"cve": "CVE-2026-9999", "notes": [documents.NOTE], "product_status": {"fixed": ["P3"]}}
SCORE = {"cvss_v2": {"version": "2.0", "vectorString": documents.V2, "baseScore": 7.8}, "products": ["P1"]}
WAY = ("product_tree", "branches", 0, "branches", 0, "branches")
HELP = (*WAY, 0, "product", "product_identification_helper")
VUL = ("vulnerabilities", 0)
LATE = "2026-09-01T00:00:00Z"


def found(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(p.kind, p.place) for p in csaf.read(json.dumps(document).encode()).problems]


def test_the_documents_that_are_broken_below_have_no_problem() -> None:
    assert found(documents.old()) == [] and found(documents.new()) == []


def with_(document: dict[str, Any], *changes: tuple[Any, ...]) -> dict[str, Any]:
    """The document with values put in: each change is a way and a value; `DROP` takes out, `ADD` appends."""
    for *way, value in changes:
        at: Any = document
        for key in way[:-1]:
            at = at[key]
        if value is DROP:
            del at[way[-1]]
        elif isinstance(value, Add):
            at.setdefault(way[-1], []).append(value.value) if isinstance(at, dict) else None
        else:
            at[way[-1]] = value
    return document


class Add:
    def __init__(self, value: Any) -> None:
        self.value = value


DROP = object()


def history(*items: tuple[str, str]) -> list[dict[str, str]]:
    return [{"number": n, "date": f"2026-0{d}:00Z", "summary": "s"} for n, d in items]


def tracking(version: str, status: str, *items: tuple[str, str]) -> tuple[tuple[Any, ...], ...]:
    at = ("document", "tracking")
    return (*at, "version", version), (*at, "status", status), (*at, "revision_history", history(*items))


def base(category: str = "csaf_base") -> tuple[Any, ...]:
    return "document", "category", category


RELATION = {
    "category": "default_component_of",
    "full_product_name": documents.product("R1", "Round"),
    "product_reference": "R1",
    "relates_to_product_reference": "OS",
}
BOTH: list[tuple[str, str, tuple[tuple[Any, ...], ...], list[tuple[str, str]]]] = [
    ("6.1.1", "in a status", ((*VUL, "product_status", "fixed", ["P9"]),), [("6.1.1", V + ".product_status.fixed[0]")]),
    ("6.1.1", "in a remediation", ((*VUL, "remediations", 0, "product_ids", ["P1", "P9"]),),
     [("6.1.1", V + ".remediations[0].product_ids[1]")]),
    ("6.1.1", "in a group", (("product_tree", "product_groups", 0, "product_ids", ["P2", "P3", "P9"]),),
     [("6.1.1", TREE + ".product_groups[0].product_ids[2]")]),
    ("6.1.2", "twice", (("product_tree", "full_product_names", 1, "product_id", "OS"), (*VUL, "product_status", "recommended", DROP),
     ("product_tree", "product_groups", 0, "product_ids", ["P2", "P1-OS"]), (*VUL, "product_status", "known_not_affected", ["P2"])),
     [("6.1.2", TREE + ".full_product_names[1].product_id")]),
    ("6.1.4", "in a flag", ((*VUL, "flags", 0, "group_ids", ["G", "H"]),), [("6.1.4", V + ".flags[0].group_ids[1]")]),
    ("6.1.5", "twice", (("product_tree", "product_groups", Add({"group_id": "G", "product_ids": ["P2", "P3"]})),),
     [("6.1.5", TREE + ".product_groups[1].group_id")]),
    ("6.1.6", "not affected and in doubt", ((*VUL, "product_status", "under_investigation", ["P1-OS", "P2"]),),
     [("6.1.6", V + ".product_status.under_investigation[1]")]),
    ("6.1.12", "no language", (("document", "lang", "ez"),), [("6.1.12", "$.document.lang")]),
    ("6.1.12", "no region", (("document", "lang", "en-YY"),), [("6.1.12", "$.document.lang")]),
    ("6.1.14", "falling", tracking("2", "final", ("2", "3-01T00:00"), ("1", "4-01T00:00")),
     [("6.1.14", T + ".revision_history[1].number"), ("6.1.16", T + ".version"), ("6.1.21", T + ".revision_history[0].number")]),
    ("6.1.14", "sorted by time zone", tracking("2", "final", ("1", "3-01T00:00"), ("2", "3-01T00:01")), []),
    ("6.1.15", "no language", (("document", "publisher", "category", "translator"),), [("6.1.15", "$.document.source_lang")]),
    ("6.1.16", "older", (("document", "tracking", "version", "1"),), [("6.1.16", T + ".version")]),
    ("6.1.16", "build ignored", tracking("1.0.0+a", "final", ("1.0.0+b", "3-01T00:00")), []),
    ("6.1.17", "0.x is a draft", tracking("0.9.5", "final", ("0.9.5", "3-01T00:00")),
     [("6.1.17", T + ".status"), ("6.1.18", T + ".revision_history[0].number")]),
    ("6.1.17", "0 as draft", tracking("0", "draft", ("0", "3-01T00:00")), []),
    ("6.1.18", "a zero in the past", tracking("1", "interim", ("0", "3-01T00:00"), ("1", "4-01T00:00")),
     [("6.1.18", T + ".revision_history[0].number")]),
    ("6.1.19", "pre-release in the past", tracking("1.0.0", "final", ("1.0.0-rc.1", "3-01T00:00"), ("1.0.0", "4-01T00:00")),
     [("6.1.19", T + ".revision_history[0].number")]),
    ("6.1.20", "pre-release as final", tracking("1.0.0-a", "final", ("1.0.0-a", "3-01T00:00")),
     [("6.1.17", T + ".status"), ("6.1.20", T + ".version"), ("6.1.19", T + ".revision_history[0].number")]),
    ("6.1.21", "a gap", tracking("3", "final", ("1", "3-01T00:00"), ("3", "4-01T00:00")), [("6.1.21", T + ".revision_history[1].number")]),
    ("6.1.21", "begins late", tracking("2", "final", ("2", "3-01T00:00")), [("6.1.21", T + ".revision_history[0].number")]),
    ("6.1.21", "minor versions may be left out", tracking("1.4.0", "final", ("1.0.0", "3-01T00:00"), ("1.4.0", "4-01T00:00")), []),
    ("6.1.22", "twice", tracking("1", "final", ("1", "3-01T00:00"), ("1", "4-01T00:00")), [("6.1.22", T + ".revision_history[1].number")]),
    ("6.1.23", "twice", (("vulnerabilities", Add({**OTHER, "cve": "CVE-2026-25727"})),), [("6.1.23", "$.vulnerabilities[1].cve")]),
    ("6.1.24", "twice", ((*VUL, "involvements", Add({"date": "2026-02-05T13:00:00+01:00", "party": "vendor", "status": "open"})),),
     [("6.1.24", V + ".involvements[1]")]),
    ("6.1.25", "twice", ((*HELP, "hashes", 0, "file_hashes", Add({"algorithm": "sha256", "value": "cd" * 32})),),
     [("6.1.25", PUMP + ".product.product_identification_helper.hashes[0].file_hashes[1].algorithm")]),
    ("6.1.26", "looks like vex", (base("V_eX"),), [("6.1.26", "$.document.category")]),
    ("6.1.26", "of another profile", (base("Security      Advisory"),), [("6.1.26", "$.document.category")]),
    ("6.1.26", "the reserved beginning", (base("Csaf_a"),), [("6.1.26", "$.document.category")]),
    ("6.1.26", "a free name", (base("Example Company Bulletin"),), []),
    ("6.1.27.1", "no general note", (base("csaf_security_incident_response"), ("document", "notes", 0, "category", "faq")),
     [("6.1.27.1", "$.document.notes")]),
    ("6.1.27.2", "no external reference", (base("csaf_security_incident_response"), ("document", "references", 0, "category", "self")),
     [("6.1.27.2", "$.document.references")]),
    ("6.1.27.3", "vulnerabilities", (base("csaf_informational_advisory"),), [("6.1.27.3", "$.vulnerabilities")]),
    ("6.1.27.4", "no tree", (("product_tree", DROP), ("vulnerabilities", [{"cve": "CVE-2026-1111", "notes": [documents.NOTE],
     "product_status": {"fixed": []}}])), [("schema", V + ".product_status.fixed"), ("6.1.27.4", TREE)]),
    ("6.1.27.5", "no notes", ((*VUL, "notes", DROP),), [("6.1.27.5", V + ".notes")]),
    ("6.1.27.7", "no status of a VEX", ((*VUL, "product_status", {"recommended": ["P3"]}),), [("6.1.27.7", V + ".product_status")]),
    ("6.1.27.9", "no impact", ((*VUL, "flags", 0, "group_ids", DROP), (*VUL, "flags", 0, "product_ids", ["P2"])),
     [("6.1.27.9", V + ".product_status.known_not_affected[1]")]),
    ("6.1.27.9", "an impact in words", ((*VUL, "flags", DROP),
     (*VUL, "threats", Add({"category": "impact", "details": "Not in it.", "group_ids": ["G"]}))), []),
    ("6.1.27.10", "no action", ((*VUL, "remediations", DROP),), [("6.1.27.10", V + ".product_status.known_affected[0]")]),
    ("6.1.27.11", "no vulnerabilities", (("vulnerabilities", DROP),), [("6.1.27.11", "$.vulnerabilities")]),
    ("6.1.28", "the same", (("document", "source_lang", "en-gb"),), [("6.1.28", "$.document.source_lang")]),
    ("6.1.29", "of nothing", ((*VUL, "remediations", Add({"category": "mitigation", "details": "d"})),),
     [("6.1.29", V + ".remediations[1]")]),
    ("6.1.30", "both", tracking("2", "final", ("1.0.0", "3-01T00:00"), ("2", "4-01T00:00")), [("6.1.30", T)]),
    ("6.1.31", "a range", ((*WAY, 0, "name", "prior to 4.2"),), [("6.1.31", PUMP + ".name")]),
    ("6.1.31", "a sign", ((*WAY, 0, "name", "<4.2"),), [("6.1.31", PUMP + ".name")]),
    ("6.1.31", "a vers", ((*WAY, 0, "name", "vers:all/*"),), [("6.1.31", PUMP + ".name")]),
    ("6.1.31", "a keyword inside another word", ((*WAY, 0, "name", "after-eight installer"),), []),
    ("6.1.32", "of nothing", ((*VUL, "flags", Add({"label": "component_not_present", "date": LATE})),), [("6.1.32", V + ".flags[1]")]),
    ("6.1.33", "directly and by a group", ((*VUL, "flags", Add({"label": "vulnerable_code_not_present", "product_ids": ["P2"]})),),
     [("6.1.33", V + ".flags[1]")]),
]  # fmt: skip
OLD: list[tuple[str, str, tuple[tuple[Any, ...], ...], list[tuple[str, str]]]] = [
    ("6.1.27.6", "no status", (base("csaf_security_advisory"), ("vulnerabilities", Add({"notes": [documents.NOTE]}))),
     [("6.1.27.6", "$.vulnerabilities[1].product_status")]),
    ("6.1.27.8", "no id", ((*VUL, "cve", DROP), (*VUL, "ids", DROP)), [("6.1.27.8", V)]),
    ("6.1.3", "itself", (("product_tree", "relationships", Add(RELATION)),),
     [("6.1.3", TREE + ".relationships[1].full_product_name.product_id")]),
    ("6.1.3", "by another", (("product_tree", "relationships", Add({**RELATION, "product_reference": "R2"})),
     ("product_tree", "relationships", Add({**RELATION, "full_product_name": documents.product("R2", "Trip"), "product_reference": "P1",
      "relates_to_product_reference": "R1"}))),
     [("6.1.3", TREE + ".relationships[1].full_product_name.product_id"), ("6.1.3", TREE + ".relationships[2].full_product_name.product_id")]),
    ("6.1.7", "twice", ((*VUL, "scores", Add(SCORE)),), [("6.1.7", V + ".scores[1].cvss_v2")]),
    ("6.1.8", "no severity", ((*VUL, "scores", 0, "cvss_v3", "baseSeverity", DROP),), [("6.1.8", V + ".scores[0].cvss_v3.baseSeverity")]),
    ("6.1.8", "a text", ((*VUL, "scores", 0, "cvss_v3", "baseScore", "9.8"),), [("6.1.8", V + ".scores[0].cvss_v3.baseScore")]),
    ("6.1.9", "another score", ((*VUL, "scores", 0, "cvss_v3", "baseScore", 6.5), (*VUL, "scores", 0, "cvss_v3", "baseSeverity", "LOW")),
     [("6.1.9", V + ".scores[0].cvss_v3.baseScore"), ("6.1.9", V + ".scores[0].cvss_v3.baseSeverity")]),
    ("6.1.10", "another word", ((*VUL, "scores", 0, "cvss_v3", "attackVector", "LOCAL"),), [("6.1.10", V + ".scores[0].cvss_v3.attackVector")]),
    ("6.1.13", "no name", ((*HELP, "purl", "pkg:maven/@1.3.4"),), [("6.1.13", PUMP + ".product.product_identification_helper.purl")]),
]  # fmt: skip
METRIC = (*VUL, "metrics", 0)
SELECTION = (*METRIC, "content", "ssvc_v2", "selections", 0)
CHOSEN = V + ".metrics[0].content.ssvc_v2.selections[0]"
NEW: list[tuple[str, str, tuple[tuple[Any, ...], ...], list[tuple[str, str]]]] = [
    ("6.1.27.6", "no status", (base("csaf_deprecated_security_advisory"), ("vulnerabilities", Add({"notes": [documents.NOTE]}))),
     [("6.1.27.6", "$.vulnerabilities[1].product_status")]),
    ("6.1.3", "itself", (("product_tree", "product_paths", 0, "subpaths", 0, "next_product_reference", "P1-OS"),),
     [("6.1.3", TREE + ".product_paths[0].full_product_name.product_id")]),
    ("6.1.7", "of another source", ((*VUL, "metrics", Add({"content": {"cvss_v2": SCORE["cvss_v2"]}, "products": ["P1"]})),), []),
    ("6.1.9", "4.0", ((*METRIC, "content", "cvss_v4", "baseScore", 9.0),), [("6.1.9", V + ".metrics[0].content.cvss_v4.baseScore")]),
    ("6.1.27.8", "no id of a product", ((*VUL, "cve", DROP), (*METRIC, "content", "ssvc_v2", "target_ids", ["RUSTSEC-2026-0009"]),
     (*VUL, "ids", 0, "product_ids", ["P1", "P2", "P1-OS"])),
     [("6.1.27.8", V + ".product_status.known_not_affected[1]"), ("6.1.27.8", V + ".product_status.recommended[0]")]),
    ("6.1.27.12", "no affected", (base("csaf_security_advisory"), ("vulnerabilities", Add(OTHER)), (*VUL, "product_status", "recommended", DROP)),
     [("6.1.27.12", "$.vulnerabilities[1].product_status.known_affected"), ("6.1.27.13", "$.vulnerabilities[1].product_status.fixed[0]")]),
    ("6.1.27.16", "one revision", (base("csaf_withdrawn"), ("product_tree", DROP), ("vulnerabilities", DROP),
     *tracking("1", "final", ("1", "3-01T00:00"))),
     [("6.1.27.14", "$.document.notes"), ("6.1.27.16", T + ".revision_history"), ("6.1.27.17", "$.document.notes")]),
    ("6.1.27.19", "superseded by nothing", (base("csaf_superseded"), ("product_tree", DROP), ("vulnerabilities", DROP),
     ("document", "notes", [{"category": "description", "title": "Reasoning for Supersession", "text": "t"}])),
     [("6.1.27.19", "$.document.references")]),
    ("6.1.35", "two that contradict", ((*VUL, "remediations", Add({"category": "no_fix_planned", "details": "d", "product_ids": ["P1"]})),),
     [("6.1.35", V + ".remediations[1]")]),
    ("6.1.36", "a fix for the unaffected", ((*VUL, "remediations", 0, "product_ids", ["P1", "P2"]),), [("6.1.36", V + ".remediations[0]")]),
    ("6.1.37", "a small t", (("document", "tracking", "initial_release_date", "2026-02-04t12:00:00Z"),), [("6.1.37", T + ".initial_release_date")]),
    ("6.1.38", "everybody, but red", (("document", "distribution", "tlp", "label", "RED"),), [("6.1.38", "$.document.distribution.sharing_group.id")]),
    ("6.1.39", "clear, but some", (("document", "distribution", "sharing_group", {"id": "11111111-1111-4111-8111-111111111111"}),),
     [("6.1.39", "$.document.distribution.sharing_group.id")]),
    ("6.1.40", "a reserved name", (("document", "distribution", "sharing_group", {"id": "11111111-1111-4111-8111-111111111111", "name": "Public"}),
     ("document", "distribution", "tlp", "label", "RED")), [("6.1.40", "$.document.distribution.sharing_group.name")]),
    ("6.1.41", "no name", (("document", "distribution", "sharing_group", "name", DROP),), [("6.1.41", "$.document.distribution.sharing_group.name")]),
    ("6.1.37", "no day", (("document", "tracking", "initial_release_date", "2026-02-30T12:00:00Z"),),
     [("schema", T + ".initial_release_date"), ("6.1.37", T + ".initial_release_date")]),
    ("6.1.13", "no name", ((*HELP, "purls", Add("pkg:maven/@1.3.4")),), [("6.1.13", PUMP + ".product.product_identification_helper.purls[1]")]),
    ("6.1.42", "two packages", ((*HELP, "purls", Add("pkg:generic/other@4.1.2")),), [("6.1.42", PUMP + ".product.product_identification_helper.purls")]),
    ("6.1.42", "qualifiers", ((*HELP, "purls", Add("pkg:generic/tarn@4.1.2?arch=arm")),), []),
    ("6.1.43", "two stars", ((*HELP, "model_numbers", ["*a*"]),), [("6.1.43", PUMP + ".product.product_identification_helper.model_numbers[0]")]),
    ("6.1.44", "two stars", ((*HELP, "serial_numbers", ["\\*a*", "**"]),), [("6.1.44", PUMP + ".product.product_identification_helper.serial_numbers[1]")]),
    ("6.1.45", "late", ((*VUL, "disclosure_date", LATE),), [("6.1.45", V + ".disclosure_date")]),
    ("6.1.46", "no selections", ((*METRIC, "content", "ssvc_v2", "selections", DROP),), [("6.1.46", V + ".metrics[0].content.ssvc_v2.selections")]),
    ("6.1.47", "another id", ((*METRIC, "content", "ssvc_v2", "target_ids", ["CVE-1"]),), [("6.1.47", V + ".metrics[0].content.ssvc_v2.target_ids[0]")]),
    ("6.1.48", "a version that is none", ((*SELECTION, "version", "1.9.0"),), [("6.1.48", CHOSEN + ".version")]),
    ("6.1.48", "a key that is none", ((*SELECTION, "key", "EE"),), [("6.1.48", CHOSEN + ".key")]),
    ("6.1.48", "a value that is none", ((*SELECTION, "values", [{"key": "N"}, {"key": "X"}]),), [("6.1.48", CHOSEN + ".values[1].key")]),
    ("6.1.48", "another name", ((*SELECTION, "name", "Exploited"),), [("6.1.48", CHOSEN + ".name")]),
    ("6.1.48", "another name of a value", ((*SELECTION, "values", [{"key": "A", "name": "None"}]),), [("6.1.48", CHOSEN + ".values[0].name")]),
    ("6.1.48", "in another order", ((*SELECTION, "values", [{"key": "A"}, {"key": "P"}]),), [("6.1.48", CHOSEN + ".values[1]")]),
    ("6.1.48", "an extension with a value of its own", ((*SELECTION, "namespace", "ssvc//.example.fellside#pumps"), (*SELECTION, "values", 0, "key", "Z")),
     [("6.1.48", CHOSEN + ".values[0].key")]),
    ("6.1.48", "an extension with words of its own", ((*SELECTION, "namespace", "ssvc/de-DE"), (*SELECTION, "name", "Ausnutzung")), []),
    ("6.1.48", "a namespace of one's own", ((*SELECTION, "namespace", "x_example.fellside#pumps"), (*SELECTION, "key", "ANY")), []),
    ("6.1.48", "a namespace nobody may use", ((*SELECTION, "namespace", "invalid"),), [("6.1.48", CHOSEN + ".namespace")]),
    ("6.1.49", "late", ((*METRIC, "content", "ssvc_v2", "timestamp", LATE),), [("6.1.49", V + ".metrics[0].content.ssvc_v2.timestamp")]),
    ("6.1.50", "words", ((*WAY, 1, "name", "up to 4.1"),), [("6.1.50", PUMP.replace("branches[0].branches[0].branches[0]", "branches[0].branches[0].branches[1]") + ".name")]),
    ("6.1.50", "not canonical", ((*WAY, 1, "name", "vers:semver/<4.1.0|>=4.0.0"),), [("6.1.50", PUMP[:-3] + "[1].name")]),
    ("6.1.50", "every version of one type", ((*WAY, 1, "name", "vers:semver/*"),), [("6.1.50", PUMP[:-3] + "[1].name")]),
    ("6.1.50", "not every version of all", ((*WAY, 1, "name", "vers:all/<4"),), [("6.1.50", PUMP[:-3] + "[1].name")]),
    ("6.1.50", "all versions", ((*WAY, 1, "name", "vers:all/*"),), []),
    ("6.1.50", "an unknown type", ((*WAY, 1, "name", "vers:fellside/<A4|>A2"),), []),
    ("6.1.51", "late", ((*METRIC, "content", "epss", "timestamp", LATE),), [("6.1.51", V + ".metrics[0].content.epss.timestamp")]),
    ("6.1.52", "late", ((*VUL, "first_known_exploitation_dates", 0, "date", LATE),), [("6.1.52", V + ".first_known_exploitation_dates[0].date")]),
    ("6.1.53", "later than known", ((*VUL, "first_known_exploitation_dates", 0, "date", "2026-01-01T00:00:00Z"),),
     [("6.1.53", V + ".first_known_exploitation_dates[0].exploitation_date")]),
    ("6.1.54", "a text", (("document", "license_expression", "Free for all."),), [("6.1.54", "$.document.license_expression")]),
    ("6.1.54", "an expression", (("document", "license_expression", "(MIT or GPL-2.0+ with Classpath-exception-2.0) AND Zlib"),), []),
    ("6.1.54", "a reserved beginning in small letters", (("document", "license_expression", "licenseref-a"),),
     [("6.1.54", "$.document.license_expression")]),
    ("6.1.55", "no text of a licence of its own", (("document", "license_expression", "MIT AND LicenseRef-a"),), [("6.1.55", "$.document.notes")]),
    ("6.1.55", "an exception of its own", (("document", "license_expression", "MIT WITH x-exception"),), [("6.1.55", "$.document.notes")]),
    ("6.1.55", "a text", (("document", "license_expression", "LicenseRef-a"),
     ("document", "notes", Add({"category": "legal_disclaimer", "title": "License", "text": "t"}))), []),
    ("6.1.55", "a text in another language", (("document", "license_expression", "LicenseRef-a"), ("document", "lang", "de")), []),
    ("6.1.55", "a licence of ScanCode's", (("document", "license_expression", "LicenseRef-scancode-public-domain"),), []),
    ("6.1.56", "both", ((*METRIC, "content", "qualitative_severity_rating", "high"),), [("6.1.56", V + ".metrics[0].content")]),
    ("6.1.57", "two vendors", ((*WAY, 1, "category", "vendor"), (*WAY, 1, "name", "X")), [("6.1.57", PUMP[:-3] + "[1].product")]),
    ("6.1.58", "both", ((*WAY, 1, documents.branch("product_version", "1", [documents.branch("product_version_range", "<2", documents.product("P2", "x"))])),),
     [("6.1.58", PUMP[:-3] + "[1].branches[0].product")]),
    ("6.1.59", "one version", ((*WAY, 1, "name", "vers:semver/4.1.0"),), [("6.1.59", PUMP[:-3] + "[1].name")]),
    ("6.1.60.1", "nothing in it", (("x_extensions", 0, "content", {}),), [("6.1.60.1", "$.x_extensions[0].content")]),
    ("6.1.61", "two stars", ((*HELP, "skus", ["**"]),), [("6.1.61", PUMP + ".product.product_identification_helper.skus[0]")]),
]  # fmt: skip
BOTH += [
    ("6.1.12", "no language of three letters", (("document", "lang", "zzq"),), [("6.1.12", "$.document.lang")]),
    ("6.1.12", "registered", (("document", "lang", "zh-cmn-Hans-CN"), ("document", "source_lang", "sl-rozaj-biske")), []),
    ("6.1.12", "private use", (("document", "lang", "qaa-Qaaa-QM"), ("document", "source_lang", "x-fellside")), []),
    ("6.1.12", "a variant twice", (("document", "lang", "de-1996-1996"),), [("6.1.12", "$.document.lang")]),
    ("6.1.14", "two of one time count by their numbers",
     tracking("2", "final", ("2", "3-01T00:00"), ("1", "3-01T00:00")), []),
    ("6.1.16", "the higher of one time", tracking("1", "final", ("2", "3-01T00:00"), ("1", "3-01T00:00")), [("6.1.16", T + ".version")]),
]  # fmt: skip
CASES = [("2.0", *c) for c in BOTH + OLD] + [("2.1", *c) for c in BOTH + NEW]


@pytest.mark.parametrize(
    ("version", "test", "what", "changes", "expected"), CASES, ids=[f"{c[0]} {c[1]} {c[2]}" for c in CASES]
)
def test_one_test_is_broken(
    version: str, test: str, what: str, changes: tuple[tuple[Any, ...], ...], expected: list[tuple[str, str]]
) -> None:
    document = documents.old() if version == "2.0" else documents.new()
    assert found(with_(document, *changes)) == expected


def test_more_than_thirty_branches_break_6_1_34_in_version_2_1_only() -> None:
    inner: Any = documents.product("D", "Deep")
    for i in range(31):
        inner = documents.branch("product_family", f"f{i}", [inner] if "category" in inner else inner)
    place = "$.product_tree.branches[1]" + ".branches[0]" * 30 + ".product"
    assert found(with_(documents.new(), ("product_tree", "branches", Add(inner)))) == [("6.1.34", place)]
    assert found(with_(documents.old(), ("product_tree", "branches", Add(inner)))) == []


def test_a_cwe_of_another_form_is_a_breach_of_the_schema() -> None:
    assert found(with_(documents.old(), (*VUL, "cwe", "id", "CWE-079"))) == [("schema", f"{V}.cwe.id")]
    assert found(with_(documents.new(), (*VUL, "cwes", 0, "id", "CWE-079"))) == [
        ("schema", f"{V}.cwes[0].id")
    ]


@pytest.mark.parametrize(
    ("cwe", "places"),
    [
        ({"id": "CWE-79", "name": "Improper Input Validation", "version": "4.13"}, ["name"]),
        # Added in 4.13; called otherwise until 4.13; a category; releases that never were, and are not known yet.
        ({"id": "CWE-1419", "name": "Incorrect Initialization of Resource", "version": "4.12"}, ["id"]),
        ({"id": "CWE-1419", "name": "Incorrect Initialization of Resource", "version": "4.13"}, []),
        ({"id": "CWE-1008", "name": "Architectural Concepts", "version": "4.13"}, ["id"]),
        ({"id": "CWE-20", "name": "Improper Input Validation", "version": "4.13.7"}, ["version"]),
        ({"id": "CWE-20", "name": "Improper Input Validation", "version": "99.0"}, []),
    ],
)
def test_a_cwe_is_looked_up_in_its_release(cwe: dict[str, str], places: list[str]) -> None:
    document = with_(documents.new(), (*VUL, "cwes", [cwe]))
    assert found(document) == [("6.1.11", f"{V}.cwes[0].{place}") for place in places]


def test_a_cwe_of_version_2_0_has_the_name_of_any_release() -> None:
    for name in (
        "Failure to Preserve Web Page Structure ('Cross-site Scripting')",
        "Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')",
    ):
        assert found(with_(documents.old(), (*VUL, "cwe", {"id": "CWE-79", "name": name}))) == []
    wrong = with_(documents.old(), (*VUL, "cwe", {"id": "CWE-79", "name": "X"}))
    assert found(wrong) == [("6.1.11", f"{V}.cwe.name")]
    wrong = with_(documents.old(), (*VUL, "cwe", {"id": "CWE-99999", "name": "X"}))
    assert found(wrong) == [("6.1.11", f"{V}.cwe.id")]


def test_a_word_of_cvss_that_the_vector_says_nothing_of_contradicts_nothing() -> None:
    way = (*VUL, "scores", 0, "cvss_v3", "modifiedConfidentialityImpact", "NONE")
    assert found(with_(documents.old(), way)) == []


def advisory(status: dict[str, list[str]], *paths: dict[str, Any]) -> dict[str, Any]:
    """A security advisory of version 2.1 on two versions of a pump, two of its firmware and a hotfix."""
    made = with_(documents.new(), base("csaf_security_advisory"))
    versions = {
        name: [
            documents.branch("product_version", v, documents.product(f"{name}{v}", f"{name} {v}"))
            for v in "12"
        ]
        for name in ("Pump", "Firmware", "Hotfix")
    }
    names = [documents.branch("product_name", name, inner) for name, inner in versions.items()]
    made["product_tree"] = {
        "branches": [documents.branch("vendor", "Fellside", names)],
        "full_product_names": [documents.product("FREE", "Anything")],
        "product_paths": list(paths),
    }
    if not paths:
        del made["product_tree"]["product_paths"]
    made["vulnerabilities"] = [{"cve": "CVE-2026-1111", "notes": [documents.NOTE], "product_status": status}]
    return made


def path(id_: str, base_id: str, category: str, next_id: str) -> dict[str, Any]:
    step = {"category": category, "next_product_reference": next_id}
    return {
        "beginning_product_reference": base_id,
        "full_product_name": documents.product(id_, id_),
        "subpaths": [step],
    }


ON = (
    path("F1P1", "Firmware1", "installed_on", "Pump1"),
    path("F2P1", "Firmware2", "installed_on", "Pump1"),
    path("F2P2", "Firmware2", "installed_on", "Pump2"),
    path("P1H1", "Pump1", "installed_with", "Hotfix1"),
)
FIXED = V + ".product_status.fixed[0]"


@pytest.mark.parametrize(
    ("affected", "fixed", "paths", "places"),
    [
        ("Pump1", "Pump2", (), []),
        ("Pump1", "Firmware2", (), [FIXED]),
        ("FREE", "Firmware2", (), []),
        ("Pump1", "FREE", (), []),
        ("F1P1", "F2P1", ON, []),
        ("F1P1", "F2P2", ON, [FIXED]),
        ("Pump1", "P1H1", ON, []),
        ("Pump2", "Hotfix1", ON, []),
        ("Firmware1", "Hotfix1", ON, [FIXED]),
    ],
)
def test_what_is_fixed_is_affected_in_another_version(
    affected: str, fixed: str, paths: tuple[dict[str, Any], ...], places: list[str]
) -> None:
    document = advisory({"known_affected": [affected], "fixed": [fixed]}, *paths)
    assert found(document) == [("6.1.27.13", place) for place in places]


def test_the_affected_version_stands_in_the_same_vulnerability() -> None:
    document = advisory({"fixed": ["Pump2"]})
    other = {
        **document["vulnerabilities"][0],
        "cve": "CVE-2026-2222",
        "product_status": {"known_affected": ["Pump1"]},
    }
    document["vulnerabilities"].append(other)
    assert ("6.1.27.13", FIXED) in found(document)
