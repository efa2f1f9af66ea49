"""SPDX: what breaks a rule of the format, and at which place; what is meant by its values."""

import copy
import re
from typing import Any

import pytest

from tests.sbom.test_spdx_syntaxes import GOOD, WRITERS, as_json, as_tag_value
from vouchsafe.sbom import spdx
from vouchsafe.sbom.errors import Malformed, TooLarge
from vouchsafe.sbom.limits import Limits


def changed(path: str, value: Any, *, doc: dict[str, Any] = GOOD) -> dict[str, Any]:
    """The good document with one place set; a value of `...` takes it away."""
    doc = copy.deepcopy(doc)
    *way, last = [int(p) if p.isdecimal() else p for p in path.split("/")]
    at: Any = doc
    for step in way:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return doc


@pytest.mark.parametrize(
    ("path", "value", "place", "got"),
    [
        ("spdxVersion", ..., "$.spdxVersion", "nothing"),
        ("packages", {}, "$.packages", "an object"),
        ("packages", "x", "$.packages", "“x”"),
        ("packages/1", "x", "$.packages[1]", "“x”"),
        ("packages/0/name", 7, "$.packages[0].name", "the number 7"),
        ("packages/0/versionInfo", True, "$.packages[0].versionInfo", "true"),
        ("packages/0/SPDXID", [], "$.packages[0].SPDXID", "an array"),
        ("packages/1/externalRefs/1/referenceLocator", {},
         "$.packages[1].externalRefs[1].referenceLocator", "an object"),
        ("files", 1, "$.files", "the number 1"),
        ("snippets/0", None, "$.snippets[0]", "nothing"),
        ("relationships", "x", "$.relationships", "“x”"),
        ("relationships/2", [], "$.relationships[2]", "an array"),
        ("documentDescribes", "SPDXRef-link", "$.documentDescribes", "“SPDXRef-link”"),
    ],
)  # fmt: skip
def test_refuses_what_hides_a_package_and_says_where(path: str, value: Any, place: str, got: str) -> None:
    with pytest.raises(Malformed) as told:
        spdx.read(as_json(changed(path, value)))
    assert (told.value.place, told.value.got) == (place, got)


@pytest.mark.parametrize(
    ("path", "value", "kind", "place"),
    [
        ("dataLicense", "MIT", "schema", "$.dataLicense"),
        ("dataLicense", ..., "schema", "$.dataLicense"),
        ("name", "", "schema", "$.name"),
        ("documentNamespace", ..., "schema", "$.documentNamespace"),
        ("documentNamespace", "https://a.example/b#c", "schema", "$.documentNamespace"),
        ("documentNamespace", "no-uri", "schema", "$.documentNamespace"),
        ("colour", "blue", "schema", "$.colour"),
        ("creationInfo", ..., "schema", "$.creationInfo"),
        ("creationInfo", ..., "ntia", "$.creationInfo"),
        ("creationInfo/created", "2026-10-26", "schema", "$.creationInfo.created"),
        ("creationInfo/created", "2026-10-26T08:00:00.5Z", "schema", "$.creationInfo.created"),
        ("creationInfo/created", "2026-02-30T08:00:00Z", "schema", "$.creationInfo.created"),
        ("creationInfo/created", "", "ntia", "$.creationInfo.created"),
        ("creationInfo/creators", [], "ntia", "$.creationInfo.creators"),
        ("creationInfo/creators", [], "schema", "$.creationInfo.creators"),
        ("creationInfo/creators/1", "Robot: a", "schema", "$.creationInfo.creators[1]"),
        ("creationInfo/creators/0", "Person:", "schema", "$.creationInfo.creators[0]"),
        ("creationInfo/licenseListVersion", "new", "schema", "$.creationInfo.licenseListVersion"),
        ("externalDocumentRefs/0/externalDocumentId", "base", "schema",
         "$.externalDocumentRefs[0].externalDocumentId"),
        ("externalDocumentRefs/0/checksum/checksumValue", "a" * 39, "schema",
         "$.externalDocumentRefs[0].checksum.checksumValue"),
        ("hasExtractedLicensingInfos/0/extractedText", ..., "schema",
         "$.hasExtractedLicensingInfos[0].extractedText"),
        ("hasExtractedLicensingInfos/0/licenseId", "LicenseRef-x", "dangling", "$.packages[0].licenseDeclared"),
        ("annotations/0/annotator", "me", "schema", "$.annotations[0].annotator"),
        ("annotations/0/annotationType", "PRAISE", "schema", "$.annotations[0].annotationType"),
        ("annotations/0/annotationDate", "today", "schema", "$.annotations[0].annotationDate"),
        ("packages/0/name", ..., "schema", "$.packages[0].name"),
        ("packages/0/name", " ", "ntia", "$.packages[0].name"),
        ("packages/0/SPDXID", "link", "schema", "$.packages[0].SPDXID"),
        ("packages/0/SPDXID", ..., "ntia", "$.packages[0].SPDXID"),
        ("packages/0/versionInfo", "NOASSERTION", "ntia", "$.packages[0].versionInfo"),
        ("packages/0/supplier", "NOASSERTION", "ntia", "$.packages[0].supplier"),
        ("packages/0/supplier", "Tool: a", "schema", "$.packages[0].supplier"),
        ("packages/0/originator", "Fellside", "schema", "$.packages[0].originator"),
        ("packages/0/downloadLocation", ..., "schema", "$.packages[0].downloadLocation"),
        ("packages/0/downloadLocation", "a b", "schema", "$.packages[0].downloadLocation"),
        ("packages/0/filesAnalyzed", "maybe", "schema", "$.packages[0].filesAnalyzed"),
        ("packages/0/filesAnalyzed", False, "schema", "$.packages[0].packageVerificationCode"),
        ("packages/0/packageVerificationCode", ..., "schema", "$.packages[0].packageVerificationCode"),
        ("packages/1/filesAnalyzed", ..., "schema", "$.packages[1].packageVerificationCode"),
        ("packages/1/hasFiles", ["SPDXRef-file"], "schema", "$.packages[1].hasFiles"),
        ("packages/0/hasFiles", ["SPDXRef-gone"], "dangling", "$.packages[0].hasFiles[0]"),
        ("packages/0/checksums/0/algorithm", "SHA0", "schema", "$.packages[0].checksums[0].algorithm"),
        ("packages/0/checksums/1/checksumValue", "d" * 63, "schema",
         "$.packages[0].checksums[1].checksumValue"),
        ("packages/0/checksums/1/checksumValue", "g" * 64, "schema",
         "$.packages[0].checksums[1].checksumValue"),
        ("packages/0/checksums/1", "x", "schema", "$.packages[0].checksums[1]"),
        ("packages/0/primaryPackagePurpose", "TOY", "schema", "$.packages[0].primaryPackagePurpose"),
        ("packages/0/releaseDate", "2026", "schema", "$.packages[0].releaseDate"),
        ("packages/0/licensesDeclared", "MIT", "schema", "$.packages[0].licensesDeclared"),
        ("packages/1/externalRefs/0/referenceCategory", "SAFETY", "schema",
         "$.packages[1].externalRefs[0].referenceCategory"),
        ("packages/1/externalRefs/0/referenceType", "purl", "schema",
         "$.packages[1].externalRefs[0].referenceType"),
        ("packages/1/externalRefs/1/referenceLocator", "pkg:cargo/a b", "schema",
         "$.packages[1].externalRefs[1].referenceLocator"),
        ("packages/1/externalRefs/1/referenceLocator", "cargo/time", "purl",
         "$.packages[1].externalRefs[1].referenceLocator"),
        ("packages/1/SPDXID", "SPDXRef-link", "duplicate", "$.packages[1].SPDXID"),
        ("files/0/SPDXID", "SPDXRef-link", "duplicate", "$.files[0].SPDXID"),
        ("files/0/checksums", [], "schema", "$.files[0].checksums"),
        ("files/0/fileName", ..., "schema", "$.files[0].fileName"),
        ("snippets/0/snippetFromFile", "SPDXRef-gone", "dangling", "$.snippets[0].snippetFromFile"),
        ("relationships/0/relatedSpdxElement", "SPDXRef-gone", "dangling",
         "$.relationships[0].relatedSpdxElement"),
        ("relationships/1/spdxElementId", "SPDXRef-gone", "dangling", "$.relationships[1].spdxElementId"),
        ("relationships/2/spdxElementId", "DocumentRef-gone:SPDXRef-a", "dangling",
         "$.relationships[2].spdxElementId"),
        ("relationships/1/relationshipType", "depends_on", "schema", "$.relationships[1].relationshipType"),
        ("relationships/1/relatedSpdxElement", "", "schema", "$.relationships[1].relatedSpdxElement"),
        ("relationships/1/spdxElementId", "NONE", "schema", "$.relationships[1].spdxElementId"),
        ("relationships", [], "schema", "$.relationships"),
        ("relationships", [], "ntia", "$.relationships"),
        ("documentDescribes", ["SPDXRef-gone"], "dangling", "$.documentDescribes[0]"),
    ],
)  # fmt: skip
def test_reads_a_flawed_document_and_names_the_flaw(path: str, value: Any, kind: str, place: str) -> None:
    bom = spdx.read(as_json(changed(path, value)))
    assert (kind, place) in {(p.kind, p.place) for p in bom.problems}
    assert len(bom.components) == 2


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("licenseConcluded", "$.packages[1].licenseConcluded"),
        ("copyrightText", "$.packages[1].copyrightText"),
    ],
)
def test_what_2_2_asks_for_2_3_does_not(field: str, place: str) -> None:
    doc = changed(f"packages/1/{field}", ...)
    assert spdx.read(as_json(doc)).problems == ()
    doc["spdxVersion"] = "SPDX-2.2"
    assert ("schema", place) in {(p.kind, p.place) for p in spdx.read(as_json(doc)).problems}


def test_what_is_new_in_2_3_is_a_problem_in_2_2() -> None:
    doc = changed("packages/0/checksums/0/algorithm", "BLAKE3")
    assert spdx.read(as_json(doc)).problems == ()
    doc["spdxVersion"] = "SPDX-2.2"
    assert [p.place for p in spdx.read(as_json(doc)).problems] == [
        "$.packages[0].primaryPackagePurpose",
        "$.packages[0].checksums[0].algorithm",
    ]


def test_problems_past_their_limit_are_one_line() -> None:
    doc = {**GOOD, "packages": [{"SPDXID": f"SPDXRef-{i}"} for i in range(20)]}
    for syntax in WRITERS:
        bom = spdx.read(WRITERS[syntax](doc), limits=Limits(max_problems=10))
        assert len(bom.problems) == 11
        assert "more than 10" in bom.problems[-1].text
    unknown = as_tag_value(GOOD) + b"Unknown: a\n" * 30
    bom = spdx.read(unknown, limits=Limits(max_problems=10))
    assert len(bom.problems) == 11


@pytest.mark.parametrize(
    ("said", "supplier"),
    [
        ("Organization: Fellside Medical", "Fellside Medical"),
        ("Organization: Fellside (Kendal) Medical (a@b.example)", "Fellside (Kendal) Medical"),
        ("Organization: Fellside (Kendal)", "Fellside (Kendal)"),
        ("Person: Jane Doe ()", "Jane Doe"),
        ("Organization: NOASSERTION", ""),
        ("NOASSERTION", ""),
        ("NONE", ""),
        ("Fellside", "Fellside"),
    ],
)
def test_a_supplier_is_a_name(said: str, supplier: str) -> None:
    assert spdx.read(as_json(changed("packages/0/supplier", said))).components[0].supplier == supplier


def test_an_originator_is_no_supplier() -> None:
    bom = spdx.read(as_json(changed("packages/0/supplier", ...)))
    assert bom.components[0].supplier == ""
    assert [(p.kind, p.place) for p in bom.problems] == [("ntia", "$.packages[0].supplier")]


@pytest.mark.parametrize(
    ("type_", "one", "other"),
    [
        *((t, "SPDXRef-link", "SPDXRef-time") for t in ("DEPENDS_ON", "CONTAINS", "HAS_PREREQUISITE")),
        *((t, "SPDXRef-link", "SPDXRef-time") for t in ("DYNAMIC_LINK", "STATIC_LINK")),
        *((t, "SPDXRef-time", "SPDXRef-link") for t in ("DEPENDENCY_OF", "CONTAINED_BY", "PREREQUISITE_FOR")),
        *((t, "SPDXRef-time", "SPDXRef-link") for t in ("RUNTIME_DEPENDENCY_OF", "BUILD_DEPENDENCY_OF")),
        *((t, "SPDXRef-time", "SPDXRef-link") for t in ("PACKAGE_OF", "OPTIONAL_COMPONENT_OF")),
    ],
)
def test_relationships_are_dependencies_in_their_direction(type_: str, one: str, other: str) -> None:
    relation = {"spdxElementId": one, "relationshipType": type_, "relatedSpdxElement": other}
    bom = spdx.read(as_json(changed("relationships", [GOOD["relationships"][0], relation])))
    assert bom.dependencies == (("SPDXRef-link", ("SPDXRef-time",)),)


@pytest.mark.parametrize(
    "type_", ["BUILD_TOOL_OF", "GENERATED_FROM", "DESCRIBES", "VARIANT_OF", "OTHER", "USES"]
)
def test_other_relationships_are_none(type_: str) -> None:
    relation = {
        "spdxElementId": "SPDXRef-link",
        "relationshipType": type_,
        "relatedSpdxElement": "SPDXRef-time",
    }
    assert spdx.read(as_json(changed("relationships", [relation]))).dependencies == ()


def test_the_subject_is_the_one_package_that_is_described() -> None:
    both = changed("documentDescribes", ["SPDXRef-time"])
    assert spdx.read(as_json(both)).subject is None
    back = changed(
        "relationships",
        [
            {
                "spdxElementId": "SPDXRef-time",
                "relationshipType": "DESCRIBED_BY",
                "relatedSpdxElement": "SPDXRef-DOCUMENT",
            }
        ],
    )
    bom = spdx.read(as_json(back))
    assert bom.subject == bom.components[1]
    alone = changed("packages", [GOOD["packages"][1]])
    alone["relationships"] = []
    bom = spdx.read(as_json(alone))
    assert bom.subject == bom.components[0]
    # That the one package is described goes without saying; what it depends on does not.
    assert [(p.kind, p.place) for p in bom.problems] == [("ntia", "$.relationships")]


def _references(*references: tuple[str, str, str]) -> bytes:
    names = ("referenceCategory", "referenceType", "referenceLocator")
    return as_json(changed("packages/1/externalRefs", [dict(zip(names, r, strict=True)) for r in references]))


def test_the_first_readable_package_url_counts_and_others_are_named() -> None:
    bom = spdx.read(
        _references(
            ("PACKAGE-MANAGER", "purl", "cargo:time"),
            ("PACKAGE_MANAGER", "purl", "pkg:cargo/time@0.3.44"),
            ("PACKAGE_MANAGER", "http://spdx.org/rdf/references/purl", "pkg:cargo/time@0.3.44"),
            ("OTHER", "purl", "pkg:deb/debian/time@0.3.44"),
        )
    )
    assert bom.components[1].purl == "pkg:cargo/time@0.3.44"
    assert bom.components[1].also == ("pkg:deb/debian/time@0.3.44",)
    assert [(p.kind, p.place) for p in bom.problems] == [
        ("purl", "$.packages[1].externalRefs[0].referenceLocator"),
    ]


def test_package_urls_are_counted_with_the_packages() -> None:
    data = _references(*(("PACKAGE-MANAGER", "purl", f"pkg:npm/a@{i}") for i in range(3)))
    assert len(spdx.read(data, limits=Limits(max_components=4)).components[1].also) == 2
    with pytest.raises(
        TooLarge, match=re.escape("$.packages[1]: expected at most 3 packages and URLs of them")
    ):
        spdx.read(data, limits=Limits(max_components=3))


def test_an_unreadable_package_url_is_kept_as_text() -> None:
    bom = spdx.read(_references(("PACKAGE-MANAGER", "purl", "cargo:time")))
    assert bom.components[1].purl == "cargo:time"
    assert bom.components[1].identity().pkg == "name:time"


def test_cpe_2_3_counts_before_2_2() -> None:
    old = ("SECURITY", "cpe22Type", "cpe:/a:time:time:0.3")
    new = ("SECURITY", "cpe23Type", "cpe:2.3:a:time:time:0.3:*:*:*:*:*:*:*")
    assert spdx.read(_references(old)).components[1].cpe == old[2]
    assert spdx.read(_references(old, new)).components[1].cpe == new[2]
    assert spdx.read(_references(("SECURITY", "swid", "swid:a"))).components[1].cpe is None


def test_a_package_without_an_identifier_is_a_component() -> None:
    doc = changed("packages/1/SPDXID", ..., doc=changed("packages/0/SPDXID", ...))
    for syntax, write in WRITERS.items():
        assert [c.name for c in spdx.read(write(doc)).components] == ["tarn-link", "time"], syntax


def test_an_identifier_twice_loses_no_component() -> None:
    bom = spdx.read(as_json(changed("packages/1/SPDXID", "SPDXRef-link")))
    assert [c.name for c in bom.components] == ["tarn-link", "time"]
    assert bom.subject == bom.components[0]
