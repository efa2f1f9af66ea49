"""CSAF documents: all medical-device advisories, what is resolved, hostile files, advisories to match with."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sbom import csaf_documents as documents
from vouchsafe.sbom import csaf, csaf_advisory, match
from vouchsafe.sbom.advisories import Event, Range
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import DEFAULT
from vouchsafe.sbom.model import Component

BASE = ("product_tree", "branches", 0, "branches", 0, "branches")


def data(value: Any) -> bytes:
    return json.dumps(value).encode()


def refused(value: Any, **limits: int) -> tuple[str, str, str]:
    with pytest.raises(Malformed) as told:
        csaf.read(value if isinstance(value, bytes) else data(value), limits=replace(DEFAULT, **limits))
    return told.value.place, told.value.expected, told.value.got


def small(**more: Any) -> dict[str, Any]:
    return {"document": {"csaf_version": "2.0"}, **more}


def test_every_medical_device_advisory_is_read_with_its_product_tree(fixtures: Path) -> None:
    files = sorted((fixtures / "vuln/cisa-icsma").rglob("*.json"))
    totals: Counter[str] = Counter()
    for file in files:
        raw = file.read_bytes()
        found = csaf.read(raw)
        assert found.sha256 == hashlib.sha256(raw).hexdigest()
        assert found.version == "2.0" and found.publisher.name == "CISA" and found.id.startswith("ICSMA-")
        totals["products"] += len(found.tree.products)
        totals["vulnerabilities"] += len(found.vulnerabilities)
        totals["remediations"] += sum(len(v.remediations) for v in found.vulnerabilities)
        totals["scores"] += sum(len(v.scores) for v in found.vulnerabilities)
        totals.update(f"problem {p.kind}" for p in found.problems)
        for vulnerability in found.vulnerabilities:
            for word, ids in vulnerability.status.items():
                totals[word] += len(ids)
                for id_ in ids:
                    (product,) = found.resolve(id_)
                    assert product.vendor and product.product_name and product.name
                    assert bool(product.version) != bool(product.version_range)
    assert len(files) == 79
    # CISA writes vers:all/* and lists of versions under product_version, which the standard forbids (6.1.31).
    assert totals == {
        "products": 386,
        "vulnerabilities": 247,
        "remediations": 968,
        "scores": 247,
        "known_affected": 940,
        "problem 6.1.31": 169,
    }


def test_each_of_them_is_an_advisory_that_says_possible_at_most(fixtures: Path) -> None:
    products = 0
    for file in sorted((fixtures / "vuln/cisa-icsma").rglob("*.json")):
        found = csaf.read_advisory(file.read_bytes())
        assert found.format == "CSAF" and found.severity is not None and found.severity.score is not None
        assert all(alias.startswith("CVE-") for alias in found.aliases)
        products += len(found.affected)
        for affected in found.affected:
            assert not affected.package_key
            component = Component(name=affected.name, version="1.0", type="firmware")
            told = match.match(component, affected)
            assert told is not None and told.certainty == "possible"
    assert products == 386


def test_what_a_document_says_is_resolved() -> None:
    found = csaf.read(data(documents.old()))
    assert (found.id, found.revision, found.tlp, found.severity, found.lang) == (
        ("FM-2026-001", "2", "WHITE", "High", "en-GB")
    )
    (pump,) = found.resolve("P1")
    assert [(b.category, b.name) for b in pump.branches] == [
        ("vendor", "Fellside"),
        ("product_name", "Tarn 4"),
        ("product_version", "4.1.2"),
    ]
    assert pump.helpers.purls == ("pkg:generic/tarn@4.1.2",) and pump.helpers.serial_numbers == (
        "T4-0311-88207",
    )
    assert pump.helpers.hashes == (("fw.bin", (("sha256", "ab" * 32),)),)
    (older,) = found.resolve("P2")
    assert (older.vendor, older.product_name, older.version, older.version_range) == (
        ("Fellside", "Tarn 4", "", "vers:semver/<4.1.0")
    )
    (both,) = found.resolve("P1-OS")
    assert (both.base, [(s.category, s.product_id) for s in both.steps]) == ("P1", [("installed_on", "OS")])
    assert found.resolve("P9") == ()
    (v,) = found.vulnerabilities
    assert v.flags[0].products == {"P2", "P3"} and v.flags[0].category == "component_not_present"
    assert [(s.type, s.version, s.score, s.rating) for s in v.scores] == [
        ("cvss_v2", "2.0", 7.8, ""),
        ("cvss_v3", "3.1", 9.8, "critical"),
    ]
    assert (v.remediations[0].category, v.remediations[0].restart) == ("vendor_fix", "machine")
    assert v.cwes == (("CWE-400", "Uncontrolled Resource Consumption"),) and v.involvements == (
        ("vendor", "completed", documents.AT),
    )


def test_version_2_1_has_its_metrics_and_paths() -> None:
    found = csaf.read(data(documents.new()))
    (v,) = found.vulnerabilities
    assert [(s.type, s.score, s.vector) for s in v.scores] == [
        ("cvss_v2", 7.8, documents.V2),
        ("cvss_v3", 9.8, documents.V31),
        ("cvss_v4", 10.0, documents.V4),
        ("epss", 0.25, ""),
        ("ssvc_v2", None, "E:A"),
    ]
    (both,) = found.resolve("P1-OS")
    assert (both.base, [(s.category, s.product_id) for s in both.steps]) == ("P1", [("installed_on", "OS")])
    assert found.vulnerabilities[0].released == documents.AT and found.tlp == "CLEAR"


def test_what_is_no_csaf_is_refused() -> None:
    assert refused(b"") == ("line 1 column 1", "JSON", "an empty file")
    assert refused([]) == ("$", "a CSAF document (an object)", "an array")
    assert refused({}) == ("$.document", "a CSAF document", "nothing")
    assert refused({"document": 7}) == ("$.document", "an object", "the number 7")
    assert refused({"document": {}}) == ("$.document.csaf_version", "2.0 or 2.1", "nothing")
    assert refused({"document": {"csaf_version": 2.0}})[2] == "the number 2.0"
    with pytest.raises(NotRead, match=r"^\$\.document\.csaf_version: expected 2\.0 or 2\.1, got “1\.2”$"):
        csaf.read(b'{"document": {"csaf_version": "1.2"}}')


def test_every_value_of_another_kind_is_refused_at_its_place() -> None:
    """Inside CVSS, SSVC and extension objects it is a problem instead, and of version and kind of document above."""
    for document in (documents.old(), documents.new()):
        for way in documents.places(document):
            if way[-1] == "csaf_version" or way == ("document",):
                continue
            at: Any = document
            for key in way:
                at = at[key]
            wrong: Any = ["x"] if not isinstance(at, list) else "x"
            changed = documents.changed(document, way, wrong)
            place = "$" + "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in way)
            if way == ("x_extensions", 0, "content", "a"):
                continue  # what is in an extension is its own schema's matter
            if {"cvss_v2", "cvss_v3", "cvss_v4", "ssvc_v2"} & set(way) or way[0] == "x_extensions" != way[-1]:
                assert place in [p.place for p in csaf.read(data(changed)).problems]
            else:
                told = refused(changed)
                assert told[0] == place and told[2] == ("“x”" if wrong == "x" else "an array")


def test_a_key_twice_is_refused_at_its_line() -> None:
    raw = b'{"document": {\n "csaf_version": "2.0",\n "csaf_version": "2.1"}}'
    assert refused(raw) == ("line 3 column 2", "each key once in an object", "“csaf_version” a second time")


def test_a_tree_of_50_000_branches_is_refused_before_it_is_parsed() -> None:
    one = b'{"category":"vendor","name":"v","branches":['
    raw = (
        b'{"document":{"csaf_version":"2.0"},"product_tree":{"branches":['
        + one * 50_000
        + b"]}" * 50_000
        + b"]}}"
    )
    # Two levels a branch and three before the first: the 99th branch is the 201st level.
    column = (
        len(b'{"document":{"csaf_version":"2.0"},"product_tree":{"branches":[') + 98 * len(one) + len(one)
    )
    assert refused(raw)[:2] == (f"line 1 column {column}", "at most 200 levels of nesting")


def test_branches_are_read_to_the_last_level() -> None:
    inner: Any = documents.product("D", "Deep")
    for i in range(98):
        inner = documents.branch("product_family", f"f{i}", [inner] if "category" in inner else inner)
    found = csaf.read(data(small(product_tree={"branches": [inner]})))
    assert len(found.resolve("D")[0].branches) == 98


def test_circles_of_relationships_end() -> None:
    count = 5_000
    relations = [
        {
            "category": "installed_on",
            "full_product_name": documents.product(f"R{i}", "r"),
            "product_reference": f"R{(i + 1) % count}",
            "relates_to_product_reference": "X",
        }
        for i in range(count)
    ]
    tree = {"full_product_names": [documents.product("X", "x")], "relationships": relations}
    found = csaf.read(data(small(product_tree=tree)))
    assert len(found.tree.circles) == count
    first = next(p for p in found.problems if p.kind == "6.1.3")
    assert first.place == "$.product_tree.relationships[0].full_product_name.product_id"
    assert len(found.problems) == DEFAULT.max_problems + 1
    relations[-1]["product_reference"] = "X"
    assert csaf.read(data(small(product_tree=tree))).tree.circles == ()


def test_a_million_products_are_refused_at_the_first_too_many() -> None:
    item = b'{"name":"a","product_id":"p"}'
    raw = b'{"document":{"csaf_version":"2.0"},"product_tree":{"full_product_names":[' + b",".join(
        [item] * 1_000_000
    )
    place, expected, _ = refused(raw + b"]}}")
    assert (place, expected) == ("$.product_tree.full_product_names[250000]", "at most 250,000 products")


def test_the_limits_of_products_and_product_ids_are_exact() -> None:
    names = [documents.product(f"P{i}", "p") for i in range(4)]
    tree = {"full_product_names": names, "product_groups": [{"group_id": "G", "product_ids": ["P0", "P1"]}]}
    groups = [{"category": "mitigation", "details": "d", "group_ids": ["G", "G"]}]
    document = small(
        product_tree=tree,
        vulnerabilities=[{"product_status": {"fixed": ["P2", "P3"]}, "remediations": groups}],
    )
    csaf.read(data(document), limits=replace(DEFAULT, max_products=4, max_product_ids=6))
    assert refused(document, max_products=3)[0] == "$.product_tree.full_product_names[3]"
    # Two statuses and a group of two named twice: six.
    assert refused(document, max_product_ids=5)[:2] == (
        ("$.vulnerabilities[0].remediations[0]", "at most 5 product ids, those of groups counted")
    )
    assert refused(document, max_product_ids=1)[0] == "$.vulnerabilities[0].product_status.fixed"
    with pytest.raises(
        TooLarge, match=r"^\$\.product_tree\.product_groups\[0\]\.product_ids: expected at most 1 "
    ):
        csaf.read(data(small(product_tree=tree)), limits=replace(DEFAULT, max_product_ids=1))


def advisory(name: str, version: Any = None, **helper: str) -> Any:
    """The one affected entry of an advisory about one product."""
    product = documents.product("P", name, **({"product_identification_helper": helper} if helper else {}))
    tree: dict[str, Any] = {"full_product_names": [product]}
    if version:
        inner = documents.branch(version[0], version[1], product)
        tree = {"branches": [documents.branch("product_name", name, [inner])]}
    document = small(product_tree=tree, vulnerabilities=[{"product_status": {"known_affected": ["P"]}}])
    (entry,) = csaf.read_advisory(data(document)).affected
    return entry


def certainty(entry: Any, version: str, purl: str = "pkg:npm/a") -> str | None:
    found = match.match(Component(name="a", version=version, purl=f"{purl}@{version}"), entry)
    return found and found.certainty


def test_a_product_with_a_package_url_is_matched_for_sure_where_its_version_is() -> None:
    exact = advisory("a", ("product_version", "1.2.3"), purl="pkg:npm/a@1.2.3")
    assert (exact.package_key, exact.versions) == ("pkg:npm/a", ("1.2.3",))
    assert certainty(exact, "1.2.3") == "confirmed" and certainty(exact, "1.2.4") is None
    ranged = advisory("a", ("product_version_range", "vers:npm/>=1.0.0|<2.0.0"), purl="pkg:npm/a")
    assert certainty(ranged, "1.5.0") == "confirmed" and certainty(ranged, "2.0.0") is None
    everything = advisory("a", ("product_version_range", "vers:all/*"), purl="pkg:npm/a")
    assert certainty(everything, "7.0.0") == "confirmed"


@pytest.mark.parametrize(
    "said", ["prior to 2", "1.x", "2.0 | 3.0", "<2.0.0", "vers:deb/<2.0.0", "vers:npm/~1", "vers:npm/<1|<2"]
)
def test_versions_in_words_or_another_order_are_possible(said: str) -> None:
    entry = advisory("a", ("product_version_range", said), purl="pkg:npm/a")
    assert certainty(entry, "9.9.9") == "possible"


def test_a_version_that_stands_for_several_is_never_taken_as_one() -> None:
    entry = advisory("a", ("product_version", "1.X"), purl="pkg:npm/a")
    assert entry.versions == () and certainty(entry, "1.4.0") == "possible"


def test_ranges_become_events_where_they_can() -> None:
    events = (
        Event("introduced", "1"),
        Event("fixed", "2"),
        Event("introduced", "3"),
        Event("last_affected", "4"),
    )
    read = csaf_advisory.of_range
    assert read("vers:npm/0.5|>=1|<2|>=3|<=4|!=3.5", "pkg:npm/a") == (
        ((Range("ECOSYSTEM", "", events),), ("0.5",), ("3.5",))
    )
    assert read("<= 2.3.0", "") == (
        (Range("CUSTOM", "", (Event("introduced", "0"), Event("last_affected", "2.3.0"))),),
        (),
        (),
    )
    assert read(">1", "") == ((Range("CUSTOM", "", (Event("introduced", "1"),)),), (), ("1",))
    # A vers of the package's own type is put in the order of its versions first.
    whole = (Range("ECOSYSTEM", "", (Event("introduced", "2.2.0"), Event("fixed", "2.10.0"))),)
    assert read("vers:npm/<2.10.0|>=2.2.0", "pkg:npm/a") == (whole, (), ())
    assert read("vers:npm/%3E1|<2", "pkg:npm/a") is None
    assert (
        read("vers:all/<V2.1", "pkg:npm/a") == read("<V2.1", "pkg:npm/a") != read("vers:all/*", "pkg:npm/a")
    )
    assert read("vers:none/*", "pkg:npm/a") == ((), (), ())
    # `=<` is no comparator: whether it is < or <= can't be told.
    assert read("vers:npm/>=8.0|=<8.5", "pkg:npm/a") is None and read(">=2|<2", "") is None
    assert read("all of them", "") is None and read(">=1|>=2", "") is None and read("<1|<2", "") is None


def test_a_product_under_investigation_is_possible_and_one_not_affected_is_none() -> None:
    document = documents.old()
    document["vulnerabilities"][0]["product_status"] = {
        "under_investigation": ["P1"],
        "known_not_affected": ["P2"],
    }
    (entry,) = csaf.read_advisory(data(document)).affected
    assert entry.ranges == (Range("UNKNOWN", "", (Event("introduced", "0"),)),) and entry.cpes


def test_an_advisory_names_the_test_that_its_document_fails() -> None:
    document = documents.old()
    assert csaf.read_advisory(data(document)).problems == ()
    document["document"]["lang"] = "ez"
    (told,) = csaf.read_advisory(data(document)).problems
    assert told == "$.document.lang: expected a language that exists, got “ez” (6.1.12)"


def test_a_document_that_affects_nothing_has_no_problem_for_that() -> None:
    document = documents.old()
    del document["vulnerabilities"]
    document["document"]["category"] = "csaf_base"
    found = csaf.read_advisory(data(document))
    assert found.affected == () and found.problems == ()


def test_a_product_that_is_not_defined_is_kept_by_its_id() -> None:
    document = small(vulnerabilities=[{"product_status": {"known_affected": ["P9"]}}])
    found = csaf.read_advisory(data(document))
    assert len(found.affected) == 1 and any("P9" in p for p in found.problems)


def test_the_severity_is_the_worst_of_the_vulnerabilities() -> None:
    found = csaf.read_advisory(data(documents.old()))
    assert found.severity is not None
    assert (found.severity.score, found.severity.rating, found.severity.vector) == (
        9.8,
        "critical",
        documents.V31,
    )
    assert found.aliases == ("CVE-2026-25727", "F-1", "RUSTSEC-2026-0009")


JUNK = st.sampled_from(
    [None, True, 0, -1, 1e300, "", "x", "P1", [], {}, ["P1", "P1"], [[]], [{}], {"x": []}, {"cve": 1}]
)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_mutated_document_is_read_or_refused(draw: st.DataObject) -> None:
    document = draw.draw(st.sampled_from([documents.old(), documents.new()]))
    for _ in range(draw.draw(st.integers(1, 3))):
        way = draw.draw(st.sampled_from(sorted(documents.places(document), key=repr)))
        change = draw.draw(st.sampled_from(["drop", "junk", "double"]))
        at: Any = document
        for key in way[:-1]:
            at = at[key]
        if change == "drop":
            del at[way[-1]]
        elif change == "junk":
            at[way[-1]] = draw.draw(JUNK)
        elif isinstance(at, list):
            at.append(at[way[-1]])
    raw = bytearray(data(document))
    if draw.draw(st.booleans()):
        raw[draw.draw(st.integers(0, len(raw) - 1))] = draw.draw(st.integers(0, 255))
    try:
        found = csaf.read_advisory(bytes(raw))
    except SbomError as told:
        assert str(told)
    else:
        assert all(a.name or a.ranges == () for a in found.affected) or found.problems
