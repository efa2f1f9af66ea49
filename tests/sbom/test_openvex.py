"""OpenVEX 0.2.0 and before: read as the specification says, compared with its JSON schema, hostile files."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.disagreements import compare
from tests.sbom import csaf_documents as documents
from vouchsafe.sbom import vex
from vouchsafe.sbom.errors import Malformed, SbomError

LIST = Path(__file__).with_name("disagreements_csaf.tsv")
GOOD: dict[str, Any] = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://fellside.example/vex/1",
    "author": "Fellside",
    "role": "Maker",
    "timestamp": documents.AT,
    "last_updated": documents.AT,
    "version": 2,
    "tooling": "hand",
    "statements": [
        {
            "@id": "https://fellside.example/vex/1#1",
            "version": 1,
            "vulnerability": {
                "@id": "https://nvd.example/1",
                "name": "CVE-2026-25727",
                "description": "A fault",
                "aliases": ["GHSA-1"],
            },
            "timestamp": "2026-02-06T12:00:00Z",
            "products": [
                {
                    "@id": "pkg:oci/tarn@4.1.2",
                    "identifiers": {"purl": "pkg:oci/tarn@4.1.2", "cpe23": documents.HELPER["cpe"]},
                    "hashes": {"sha-256": "ab" * 32},
                    "subcomponents": [
                        {"@id": "pkg:cargo/time@0.3.44"},
                        {"identifiers": {"purl": "pkg:cargo/a@1"}},
                    ],
                }
            ],
            "status": "not_affected",
            "supplier": "Fellside",
            "status_notes": "Looked at",
            "justification": "vulnerable_code_not_present",
            "impact_statement": "Not built in.",
        },
        {
            "vulnerability": {"name": "CVE-2026-2"},
            "products": [{"@id": "pkg:oci/tarn@4.1.2"}],
            "status": "affected",
            "action_statement": "Update.",
            "action_statement_timestamp": documents.AT,
        },
    ],
}
OLD: dict[str, Any] = {
    "@context": "https://openvex.dev/ns",
    "@id": "https://fellside.example/vex/0",
    "author": "Fellside",
    "timestamp": documents.AT,
    "version": "1",
    "statements": [
        {
            "vulnerability": "CVE-2026-25727",
            "products": ["pkg:oci/tarn@4.1.2"],
            "subcomponents": ["pkg:cargo/time@0.3.44"],
            "status": "not_affected",
            "justification": "component_not_present",
        }
    ],
}


def read(value: Any) -> vex.Vex:
    return vex.read(json.dumps(value).encode())


def test_version_0_2_0() -> None:
    found = read(GOOD)
    assert (found.format, found.spec_version, found.id, found.version, found.author) == (
        ("OpenVEX", "0.2.0", "https://fellside.example/vex/1", "2", "Fellside")
    )
    first, second = found.statements
    assert first == vex.Statement(
        "CVE-2026-25727",
        "not_affected",
        (
            vex.Product(
                "pkg:oci/tarn@4.1.2",
                "tarn",
                "4.1.2",
                "pkg:oci/tarn@4.1.2",
                documents.HELPER["cpe"],
                ("pkg:cargo/time@0.3.44", "pkg:cargo/a@1"),
            ),
        ),
        ("GHSA-1",),
        "not_affected",
        "vulnerable_code_not_present",
        "vulnerable_code_not_present",
        "Not built in.",
        timestamp="2026-02-06T12:00:00Z",
        place="$.statements[0]",
    )
    assert (second.action_statement, second.timestamp) == ("Update.", documents.AT)
    assert found.problems == ()


def test_before_0_2_0_everything_is_plain_text() -> None:
    found = read(OLD)
    assert (found.spec_version, found.version, found.problems) == ("0.0.1", "1", ())
    (statement,) = found.statements
    assert statement.vulnerability == "CVE-2026-25727"
    assert statement.products == (
        (
            vex.Product(
                "pkg:oci/tarn@4.1.2", "tarn", "4.1.2", "pkg:oci/tarn@4.1.2", "", ("pkg:cargo/time@0.3.44",)
            ),
        )
    )
    claimed = read({**OLD, "@context": "https://openvex.dev/ns/v0.1.0"})
    assert (claimed.spec_version, claimed.problems) == ("0.1.0", ())


def test_plain_text_in_a_newer_document_is_read_and_a_problem() -> None:
    found = read({**OLD, "@context": "https://openvex.dev/ns/v0.2.0"})
    assert found.statements[0].vulnerability == "CVE-2026-25727"
    assert [(p.kind, p.place) for p in found.problems] == [("schema", "$.@context")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"justification": None, "impact_statement": None}, [("schema", "$.statements[0]"), ("vex", "$.statements[0]")]),
        ({"justification": None}, []),
        ({"justification": "because"}, [("schema", "$.statements[0].justification")]),
        ({"status": "fine"}, [("schema", "$.statements[0].status"), ("vex", "$.statements[0].status")]),
        ({"status": "affected"}, [("schema", "$.statements[0].action_statement")]),
        ({"products": None}, [("vex", "$.statements[0]")]),
        ({"vulnerability": {"aliases": []}}, [("schema", "$.statements[0].vulnerability.name"), ("vex", "$.statements[0]")]),
        ({"products": [{}]}, [("schema", "$.statements[0].products[0]")]),
        ({"products": [{"identifiers": {}}]}, [("schema", "$.statements[0].products[0].identifiers")]),
        ({"other": 1}, [("schema", "$.statements[0]")]),
    ],
)  # fmt: skip
def test_each_breach_is_a_problem_at_its_place(
    change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    value = copy.deepcopy(GOOD)
    for name, said in change.items():
        if said is None:
            del value["statements"][0][name]
        else:
            value["statements"][0][name] = said
    found = read(value)
    assert [(p.kind, p.place) for p in found.problems] == expected
    if "status" in change and change["status"] == "fine":
        assert found.statements[0].status == "under_investigation"


def test_every_value_of_another_kind_is_refused_at_its_place() -> None:
    for way in documents.places(GOOD):
        if way == ("@context",):
            continue
        at: Any = GOOD
        for key in way:
            at = at[key]
        wrong: Any = True if not isinstance(at, bool) else "x"
        place = "$" + "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in way)
        with pytest.raises(Malformed) as told:
            read(documents.changed(GOOD, way, wrong))
        assert (told.value.place, told.value.got) == (place, "true")


def test_every_mutation_agrees_with_the_json_schema(fixtures: Path) -> None:
    rs = pytest.importorskip("jsonschema_rs")
    schema = json.loads((fixtures / "sbom/openvex_spec/openvex_json_schema.json").read_bytes())
    valid = rs.validator_for(schema, validate_formats=True).is_valid
    assert valid(GOOD)
    wrong, refused, taken = set(), 0, 0
    for way in documents.places(GOOD):
        for value in (
            (),
            (None,),
            (True,),
            (0,),
            (1.5,),
            ("",),
            ("x",),
            ([],),
            ({},),
            ("https://a.example/",),
        ):
            changed = documents.changed(GOOD, way, *value)
            verdict = valid(changed)
            refused, taken = refused + (not verdict), taken + verdict
            try:
                ours = not any(p.kind == "schema" for p in read(changed).problems)
            except Malformed:
                ours = False
            if ours != verdict:
                wrong.add((".".join(map(str, way)), json.dumps(value[0]) if value else "dropped"))
    compare(LIST, "openvex", wrong)
    assert refused > 200 and taken > 50


JUNK = st.sampled_from([None, True, 0, "", "x", [], {}, ["t"], [{}], [["x"]], {"name": 1}])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_mutated_document_is_read_or_refused(draw: st.DataObject) -> None:
    value = copy.deepcopy(draw.draw(st.sampled_from([GOOD, OLD])))
    for _ in range(draw.draw(st.integers(1, 2))):
        way = draw.draw(st.sampled_from(sorted(documents.places(value), key=repr)))
        value = documents.changed(value, way, *draw.draw(st.sampled_from([(), (draw.draw(JUNK),)])))
    raw = bytearray(json.dumps(value).encode())
    if draw.draw(st.booleans()):
        raw[draw.draw(st.integers(0, len(raw) - 1))] = draw.draw(st.integers(0, 255))
    try:
        found = vex.read(bytes(raw))
    except SbomError as told:
        assert str(told)
    else:
        assert all(s.status in vex.STATUSES for s in found.statements)
