"""VEX in one vocabulary: CycloneDX and CSAF, and what must never be called not_affected."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sbom import csaf_documents as documents
from vouchsafe.sbom import cyclonedx_vex, vex
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError
from vouchsafe.sbom.limits import DEFAULT


def data(value: Any) -> bytes:
    return json.dumps(value).encode()


def bom(*vulnerabilities: Any, **more: Any) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 1,
        "metadata": {
            "timestamp": documents.AT,
            "authors": [{"name": "Priya"}],
            "component": {"type": "firmware", "name": "Tarn 4", "version": "4.1.2", "bom-ref": "pump"},
        },
        "components": [
            {
                "type": "library",
                "name": "time",
                "version": "0.3.44",
                "bom-ref": "t",
                "purl": "pkg:cargo/time@0.3.44",
            }
        ],
        "vulnerabilities": list(vulnerabilities),
        **more,
    }


def vulnerability(state: str = "", versions: Any = None, ref: str = "t", **analysis: Any) -> dict[str, Any]:
    affects: dict[str, Any] = {"ref": ref, **({"versions": versions} if versions else {})}
    said = {**({"state": state} if state else {}), **analysis}
    return {"id": "CVE-2026-25727", "affects": [affects], **({"analysis": said} if said else {})}


def read(value: Any) -> vex.Vex:
    return vex.read(data(value))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("resolved", "fixed"),
        ("resolved_with_pedigree", "fixed"),
        ("exploitable", "affected"),
        ("in_triage", "under_investigation"),
        ("false_positive", "not_affected"),
        ("not_affected", "not_affected"),
        ("", "under_investigation"),
        ("fine", "under_investigation"),
    ],
)
def test_each_state_has_one_status_and_is_kept(state: str, status: str) -> None:
    (statement,) = read(bom(vulnerability(state, detail="why"))).statements
    assert (statement.status, statement.state) == (status, state)


# state, the version's own status -> status; not_affected only where both say so, or affected says otherwise of one.
WEIGHED = [
    ("not_affected", "affected", "affected"),
    ("not_affected", "unaffected", "not_affected"),
    ("not_affected", "unknown", "under_investigation"),
    ("not_affected", "", "under_investigation"),
    ("not_affected", "odd", "under_investigation"),
    ("false_positive", "affected", "affected"),
    ("exploitable", "affected", "affected"),
    ("exploitable", "", "affected"),
    ("exploitable", "unaffected", "not_affected"),
    ("exploitable", "unknown", "under_investigation"),
    ("in_triage", "affected", "under_investigation"),
    ("in_triage", "unaffected", "under_investigation"),
    ("", "affected", "affected"),
    ("", "unaffected", "under_investigation"),
    ("resolved", "affected", "affected"),
    ("resolved", "unaffected", "fixed"),
    ("resolved_with_pedigree", "affected", "fixed"),
]


@pytest.mark.parametrize(("state", "own", "status"), WEIGHED)
def test_a_versions_own_status_is_weighed_with_the_analysis(state: str, own: str, status: str) -> None:
    versions = [{"version": "1.0", **({"status": own} if own else {})}]
    (statement,) = read(bom(vulnerability(state, versions, detail="why"))).statements
    assert statement.status == status and statement.products[0].version == "1.0"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("code_not_present", "vulnerable_code_not_present"),
        ("code_not_reachable", "vulnerable_code_not_in_execute_path"),
        ("protected_by_compiler", "inline_mitigations_already_exist"),
        ("protected_at_runtime", "inline_mitigations_already_exist"),
        ("protected_at_perimeter", ""),
        ("protected_by_mitigating_control", ""),
        ("requires_configuration", ""),
        ("requires_dependency", ""),
        ("requires_environment", ""),
    ],
)
def test_justifications_are_said_in_cisas_words_only_where_they_mean_the_same(said: str, meant: str) -> None:
    found = read(bom(vulnerability("not_affected", justification=said)))
    assert (found.statements[0].justification, found.statements[0].said) == (meant, said)
    assert found.problems == ()


def test_a_justification_of_no_meaning_is_a_problem_and_not_affected_without_any_too() -> None:
    found = read(bom(vulnerability("not_affected", justification="because")))
    assert [(p.kind, p.place) for p in found.problems if p.kind == "vex"] == [
        ("vex", "$.vulnerabilities[0].analysis")
    ]
    found = read(bom(vulnerability("not_affected")))
    assert [(p.kind, p.place, p.text) for p in found.problems] == [
        (
            "vex",
            "$.vulnerabilities[0]",
            "expected a justification or an impact statement for not_affected, got neither",
        )
    ]


def test_references_are_resolved_here_and_kept_where_they_lead_elsewhere() -> None:
    own = "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#t"
    (found,) = read(bom(vulnerability("exploitable", ref=own))).statements
    assert found.products == (vex.Product(own, "time", "0.3.44", "pkg:cargo/time@0.3.44"),)
    for other in (own.replace("/1#", "/2#"), own.replace("3e67", "4e67"), "urn:cdx:" + own[8:44] + "/1"):
        read_other = read(bom(vulnerability("exploitable", ref=other)))
        assert read_other.statements[0].products == (vex.Product(other),)
        assert [p.kind for p in read_other.problems] == []
    dangling = read(bom(vulnerability("exploitable", ref="nothing")))
    assert [(p.kind, p.place) for p in dangling.problems] == [
        ("dangling", "$.vulnerabilities[0].affects[0].ref")
    ]
    assert dangling.statements[0].products == (vex.Product("nothing"),)


def test_what_else_is_said_is_kept() -> None:
    one = vulnerability(
        "exploitable", response=["update", "will_not_fix"], detail="It is.", lastUpdated=documents.AT
    )
    one |= {
        "recommendation": "Update.",
        "workaround": "Unplug.",
        "references": [{"id": "GHSA-1", "source": {}}],
    }
    found = read(bom(one))
    (s,) = found.statements
    assert (s.responses, s.impact_statement, s.action_statement) == (
        ("update", "will_not_fix"),
        "It is.",
        "Update.\nUnplug.",
    )
    assert (s.aliases, s.timestamp, found.author) == (("GHSA-1",), documents.AT, "Priya")
    assert (found.format, found.spec_version, found.id) == ("CycloneDX", "1.6", bom()["serialNumber"])


@pytest.mark.parametrize(
    ("change", "place", "expected", "got"),
    [
        ({"vulnerabilities": 7}, "$.vulnerabilities", "an array", "the number 7"),
        ({"vulnerabilities": [7]}, "$.vulnerabilities[0]", "an object", "the number 7"),
        ({"vulnerabilities": [{"id": 7}]}, "$.vulnerabilities[0].id", "text", "the number 7"),
        ({"vulnerabilities": [{"analysis": []}]}, "$.vulnerabilities[0].analysis", "an object", "an array"),
        ({"vulnerabilities": [{"analysis": {"state": 1}}]}, "$.vulnerabilities[0].analysis.state", "text", "the number 1"),
        ({"vulnerabilities": [{"affects": [{"ref": []}]}]}, "$.vulnerabilities[0].affects[0].ref", "text", "an array"),
        ({"vulnerabilities": [{"affects": [{"versions": [1]}]}]}, "$.vulnerabilities[0].affects[0].versions[0]", "an object", "the number 1"),
        ({"components": 7}, "$.components", "an array", "the number 7"),
        ({"specVersion": "9"}, "$.specVersion", None, "“9”"),
    ],
)  # fmt: skip
def test_a_wrong_kind_is_refused_at_its_place(
    change: Any, place: str, expected: str | None, got: str
) -> None:
    with pytest.raises(Malformed) as told:
        read({**bom(), **change})
    assert (told.value.place, told.value.got) == (place, got)
    assert expected is None or told.value.expected == expected


def test_other_formats_are_not_read() -> None:
    for value, what in (
        ({"spdxVersion": "SPDX-2.3"}, "an SPDX document"),
        ({"id": "X", "affected": []}, "an OSV advisory"),
        ({}, "another object"),
    ):
        with pytest.raises(NotRead, match=rf"^\$: expected CycloneDX, OpenVEX or CSAF, got {what}$"):
            read(value)
    with pytest.raises(Malformed, match=r"^\$: expected a VEX document \(an object\), got an array$"):
        vex.read(b"[]")
    with pytest.raises(Malformed) as told:
        vex.read(b"<a><b></a>")
    assert told.value.place.startswith("line 1")


def test_the_limits_of_statements_and_products_are_exact() -> None:
    two = bom(vulnerability("exploitable"), vulnerability("exploitable"))
    vex.read(data(two), limits=replace(DEFAULT, max_statements=2, max_product_ids=2))
    for limits, expected in (({"max_statements": 1}, "1 statements"), ({"max_product_ids": 1}, "1 products")):
        with pytest.raises(Malformed) as told:
            vex.read(data(two), limits=replace(DEFAULT, **limits))
        assert (told.value.place, told.value.expected) == ("$.vulnerabilities[1]", f"at most {expected}")


def test_csaf_says_each_product_once_with_what_is_told_of_it() -> None:
    found = read(documents.old())
    assert [(s.status, s.state, tuple(p.id for p in s.products)) for s in found.statements] == [
        ("affected", "known_affected", ("P1",)),
        ("not_affected", "known_not_affected", ("P2", "P3")),
        ("under_investigation", "under_investigation", ("P1-OS",)),
    ]
    affected, unaffected, _ = found.statements
    assert (affected.action_statement, affected.aliases) == ("Do it.", ("RUSTSEC-2026-0009",))
    assert (unaffected.justification, unaffected.timestamp) == ("component_not_present", documents.AT)
    assert affected.products[0] == vex.Product(
        "P1", "Tarn 4 4.1.2", "4.1.2", "pkg:generic/tarn@4.1.2", documents.HELPER["cpe"]
    )
    assert (found.format, found.spec_version, found.id, found.version) == ("CSAF", "2.0", "FM-2026-001", "2")
    assert (found.author, found.problems) == ("Fellside Medical", ())


def test_csaf_that_contradicts_itself_is_not_called_not_affected() -> None:
    for word in ("known_affected", "first_affected", "last_affected", "under_investigation"):
        document = documents.old()
        document["vulnerabilities"][0]["product_status"] = {word: ["P2"], "known_not_affected": ["P2", "P3"]}
        found = read(document)
        by_product = {(p.id, s.status) for s in found.statements for p in s.products}
        assert ("P2", "not_affected") not in by_product and ("P3", "not_affected") in by_product
        assert any(p.kind == "6.1.6" for p in found.problems)


def test_csaf_not_affected_without_a_reason_is_a_problem() -> None:
    document = documents.old()
    del document["vulnerabilities"][0]["flags"]
    kinds = Counter(p.kind for p in read(document).problems)
    assert kinds == {"6.1.27.9": 2, "vex": 1}


def test_the_real_documents_say_what_their_authors_meant(fixtures: Path) -> None:
    folder = fixtures / "sbom/CycloneDX_bom-examples/VEX"
    files = sorted(folder.rglob("vex*.json"))
    statuses: Counter[str] = Counter()
    for file in files:
        found = vex.read(file.read_bytes())
        assert found.problems == (), file
        statuses.update(s.status for s in found.statements)
    assert len(files) == 13
    assert statuses == {"not_affected": 30, "affected": 9, "under_investigation": 7, "fixed": 4}
    one = vex.read((folder / "CISA-Use-Cases/Case-4/vex.json").read_bytes()).statements[0]
    assert [p.version for p in one.products] == ["2.4", "2.6", "vers:generic/>=2.9|<=4.1"]
    other = vex.read((folder / "Use-Cases/Case-6/vex.json").read_bytes()).statements[0]
    assert [p.id.partition("#")[2] for p in other.products] == [f"acme-product-{i}" for i in (1, 2, 3)]


# file -> (status, problems' kinds) of each statement in order.
OTHERS = {
    "cyclonedx-unaffected-vex.json": (["not_affected"], []),
    "cyclonedx-vex-affected.json": (["affected"], []),
    "cyclonedx-vex-false-positive.json": (["not_affected"] * 2, ["dangling", "vex"]),
    "cyclonedx-vex-no-analysis.json": (["affected"], ["vex"]),
    "cyclonedx-vex-resolved-with-pedigree.json": (["fixed"] * 2, ["dangling"]),
    "cyclonedx-vex.xml": (["not_affected"], []),
    "open-vex-affected.json": (["affected"], ["schema"] * 4),
}


@pytest.mark.parametrize("name", OTHERS)
def test_guacs_documents(fixtures: Path, name: str) -> None:
    found = vex.read((fixtures / "sbom/guacsec_guac" / name).read_bytes())
    statuses, problems = OTHERS[name]
    assert ([s.status for s in found.statements], [p.kind for p in found.problems]) == (statuses, problems)


def test_xml_and_json_of_one_bom_say_the_same(fixtures: Path) -> None:
    for version in ("1.4", "1.6"):
        stem = fixtures / f"sbom/CycloneDX_schema-tests/{version}/valid-vulnerability-{version}"
        both = [vex.read(stem.with_name(f"{stem.name}{end}").read_bytes()) for end in (".json", ".xml")]
        plain = [[replace(s, place="") for s in found.statements] for found in both]
        assert plain[0] == plain[1] and len(plain[0]) == 1
        # The official example calls three ranges affected though the analysis says not_affected.
        assert plain[0][0].status == "affected" and len(plain[0][0].products) == 3
        assert (
            both[1]
            .problems[0]
            .place.endswith(": /bom/vulnerabilities/vulnerability/affects/target/versions/version[1]")
        )


def test_every_medical_device_advisory_states_its_affected_products(fixtures: Path) -> None:
    statuses: Counter[str] = Counter()
    for file in sorted((fixtures / "vuln/cisa-icsma").rglob("*.json")):
        for statement in vex.read(file.read_bytes()).statements:
            statuses[statement.status] += len(statement.products)
            assert statement.action_statement and statement.vulnerability.startswith("CVE-")
    assert statuses == {"affected": 940}


GOOD = [
    bom(
        vulnerability(
            "not_affected", [{"version": "1", "status": "unaffected"}], justification="code_not_present"
        )
    )
]
JUNK = st.sampled_from([None, True, 0, "", "x", [], {}, ["t"], [{}], {"ref": "t"}, "not_affected"])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_mutated_bom_is_read_or_refused_and_never_better_than_it_says(draw: st.DataObject) -> None:
    value = json.loads(json.dumps(draw.draw(st.sampled_from(GOOD))))
    way = draw.draw(st.sampled_from(sorted(documents.places(value), key=repr)))
    changed = documents.changed(value, way, *draw.draw(st.sampled_from([(), (draw.draw(JUNK),)])))
    raw = bytearray(data(changed))
    if draw.draw(st.booleans()):
        raw[draw.draw(st.integers(0, len(raw) - 1))] = draw.draw(st.integers(0, 255))
    try:
        found = vex.read(bytes(raw))
    except SbomError as told:
        assert str(told)
        return
    for statement in found.statements:
        if statement.status == "not_affected":
            assert cyclonedx_vex.STATES.get(statement.state) in ("not_affected", "affected")
