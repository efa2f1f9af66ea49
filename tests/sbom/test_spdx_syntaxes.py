"""SPDX's four syntaxes: one document says the same in each, and what is hostile is refused at its place."""

import json
from typing import Any
from xml.sax.saxutils import escape

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vouchsafe.sbom import spdx
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import Limits

GOOD: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "Tarn 4",
    "documentNamespace": "https://fellside.example/sbom/tarn-4",
    "creationInfo": {
        "created": "2026-10-26T08:00:00Z",
        "creators": ["Organization: Fellside Medical (sbom@fellside.example)", "Tool: builder-1"],
        "licenseListVersion": "3.25",
    },
    "externalDocumentRefs": [
        {
            "externalDocumentId": "DocumentRef-base",
            "spdxDocument": "https://fellside.example/sbom/base",
            "checksum": {"algorithm": "SHA1", "checksumValue": "a" * 40},
        }
    ],
    "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-own", "extractedText": "Ask first."}],
    "packages": [
        {
            "name": "tarn-link",
            "SPDXID": "SPDXRef-link",
            "versionInfo": "4.2.1",
            "supplier": "Organization: Fellside Medical",
            "originator": "Person: Ingrid Solheim (ingrid@fellside.example)",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": True,
            "packageVerificationCode": {
                "packageVerificationCodeValue": "b" * 40,
                "packageVerificationCodeExcludedFiles": ["./sbom.spdx"],
            },
            "licenseConcluded": "(LicenseRef-own OR MIT)",
            "licenseDeclared": "LicenseRef-own",
            "copyrightText": "NOASSERTION",
            "checksums": [
                {"algorithm": "SHA1", "checksumValue": "c" * 40},
                {"algorithm": "SHA256", "checksumValue": "d" * 64},
            ],
            "primaryPackagePurpose": "FIRMWARE",
            "comment": "two\nlines",
        },
        {
            "name": "time",
            "SPDXID": "SPDXRef-time",
            "versionInfo": "0.3.44",
            "supplier": "Organization: crates.io",
            "downloadLocation": "https://crates.io/crates/time",
            "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "MIT OR Apache-2.0",
            "copyrightText": "NONE",
            "externalRefs": [
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "cpe23Type",
                    "referenceLocator": "cpe:2.3:a:time_project:time:0.3.44:*:*:*:*:rust:*:*",
                },
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:cargo/time@0.3.44",
                },
            ],
        },
    ],
    "files": [
        {
            "fileName": "./bin/link",
            "SPDXID": "SPDXRef-file",
            "checksums": [{"algorithm": "SHA1", "checksumValue": "e" * 40}],
            "licenseConcluded": "NOASSERTION",
            "copyrightText": "NOASSERTION",
        }
    ],
    "snippets": [{"SPDXID": "SPDXRef-snippet", "snippetFromFile": "SPDXRef-file"}],
    "relationships": [
        {
            "spdxElementId": "SPDXRef-DOCUMENT",
            "relationshipType": "DESCRIBES",
            "relatedSpdxElement": "SPDXRef-link",
        },
        {
            "spdxElementId": "SPDXRef-link",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": "SPDXRef-time",
            "comment": "clocks",
        },
        {
            "spdxElementId": "DocumentRef-base:SPDXRef-base",
            "relationshipType": "DEPENDENCY_OF",
            "relatedSpdxElement": "SPDXRef-time",
        },
        {
            "spdxElementId": "SPDXRef-link",
            "relationshipType": "CONTAINS",
            "relatedSpdxElement": "SPDXRef-file",
        },
        {
            "spdxElementId": "SPDXRef-time",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": "NONE",
        },
    ],
    "annotations": [
        {
            "annotator": "Person: Priya Raghunathan",
            "annotationDate": "2026-10-27T08:00:00Z",
            "annotationType": "REVIEW",
            "comment": "read",
        }
    ],
}


def as_json(doc: dict[str, Any]) -> bytes:
    return json.dumps(doc, ensure_ascii=False).encode()


def as_yaml(doc: dict[str, Any]) -> bytes:
    return yaml.dump(doc, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False).encode()


def as_xml(doc: dict[str, Any]) -> bytes:
    def written(name: str, value: Any) -> str:
        if isinstance(value, list):
            return "".join(written(name, item) for item in value)
        if isinstance(value, dict):
            return f"<{name}>{''.join(written(k, v) for k, v in value.items())}</{name}>\n"
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f"<{name}>{escape(text)}</{name}>"

    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + written("Document", doc)).encode()


_DOCUMENT_TAGS = {
    "spdxVersion": "SPDXVersion",
    "dataLicense": "DataLicense",
    "SPDXID": "SPDXID",
    "name": "DocumentName",
    "documentNamespace": "DocumentNamespace",
}
_PACKAGE_TAGS = {
    "SPDXID": "SPDXID",
    "versionInfo": "PackageVersion",
    "supplier": "PackageSupplier",
    "originator": "PackageOriginator",
    "downloadLocation": "PackageDownloadLocation",
    "filesAnalyzed": "FilesAnalyzed",
    "licenseConcluded": "PackageLicenseConcluded",
    "licenseDeclared": "PackageLicenseDeclared",
    "copyrightText": "PackageCopyrightText",
    "primaryPackagePurpose": "PrimaryPackagePurpose",
    "comment": "PackageComment",
}


def as_tag_value(doc: dict[str, Any]) -> bytes:
    """Written by hand from the specification, so that the reader is held against something else than itself."""
    lines = [f"{tag}: {_value(doc[field])}" for field, tag in _DOCUMENT_TAGS.items() if field in doc]
    for item in doc.get("externalDocumentRefs", []):
        lines.append(
            f"ExternalDocumentRef: {item['externalDocumentId']} {item['spdxDocument']} {_sum(item['checksum'])}"
        )
    info = doc.get("creationInfo", {})
    lines += [f"Creator: {c}" for c in info.get("creators", [])]
    lines += [f"Created: {info['created']}"] if "created" in info else []
    lines += [f"LicenseListVersion: {info['licenseListVersion']}"] if "licenseListVersion" in info else []
    for item in doc.get("packages", []):
        lines += ["", "## Package", f"PackageName: {_value(item.get('name', ''))}"]
        lines += [f"{tag}: {_value(item[field])}" for field, tag in _PACKAGE_TAGS.items() if field in item]
        if "packageVerificationCode" in item:
            code = item["packageVerificationCode"]
            left_out = ", ".join(code["packageVerificationCodeExcludedFiles"])
            lines.append(
                f"PackageVerificationCode: {code['packageVerificationCodeValue']} (excludes: {left_out})"
            )
        lines += [f"PackageChecksum: {_sum(c)}" for c in item.get("checksums", [])]
        for ref in item.get("externalRefs", []):
            lines.append(
                f"ExternalRef: {ref['referenceCategory']} {ref['referenceType']} {ref['referenceLocator']}"
            )
    for item in doc.get("files", []):
        lines += ["", f"FileName: {item['fileName']}", f"SPDXID: {item['SPDXID']}"]
        lines += [f"FileChecksum: {_sum(c)}" for c in item["checksums"]]
        lines += ["LicenseConcluded: NOASSERTION", "FileCopyrightText: NOASSERTION"]
    for item in doc.get("snippets", []):
        lines += [
            "",
            f"SnippetSPDXID: {item['SPDXID']}",
            f"SnippetFromFileSPDXID: {item['snippetFromFile']}",
        ]
    for item in doc.get("hasExtractedLicensingInfos", []):
        lines += ["", f"LicenseID: {item['licenseId']}", f"ExtractedText: {_value(item['extractedText'])}"]
    for item in doc.get("relationships", []):
        ends = item["spdxElementId"], item["relationshipType"], item["relatedSpdxElement"]
        lines.append(f"Relationship: {' '.join(ends)}")
        lines += [f"RelationshipComment: {item['comment']}"] if "comment" in item else []
    for item in doc.get("annotations", []):
        lines += [f"Annotator: {item['annotator']}", f"AnnotationDate: {item['annotationDate']}"]
        lines += [f"AnnotationType: {item['annotationType']}", f"AnnotationComment: {item['comment']}"]
        lines.append("SPDXREF: SPDXRef-DOCUMENT")
    return ("\n".join(lines) + "\n").encode()


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"<text>{value}</text>" if "\n" in value else str(value)


def _sum(checksum: dict[str, str]) -> str:
    return f"{checksum['algorithm']}: {checksum['checksumValue']}"


WRITERS = {"json": as_json, "tag-value": as_tag_value, "yaml": as_yaml, "xml": as_xml}


@pytest.mark.parametrize("syntax", WRITERS)
def test_a_full_document_is_read_in_each_syntax(syntax: str) -> None:
    data = WRITERS[syntax](GOOD)
    assert spdx.detect(data) == syntax
    bom = spdx.read(data)
    assert bom.problems == ()
    assert (bom.format, bom.spec_version, bom.version) == ("SPDX", "2.3", 1)
    assert (bom.name, bom.serial) == ("Tarn 4", "https://fellside.example/sbom/tarn-4")
    assert bom.timestamp == "2026-10-26T08:00:00Z"
    assert bom.creators[1] == "Tool: builder-1"
    assert (bom.licence_list_version, bom.files, bom.snippets) == ("3.25", 1, 1)
    link, time = bom.components
    assert bom.subject == link
    assert (link.name, link.version, link.type, link.supplier) == (
        "tarn-link",
        "4.2.1",
        "firmware",
        "Fellside Medical",
    )
    assert link.hashes == (("SHA-1", "c" * 40), ("SHA-256", "d" * 64))
    assert link.licenses == ("LicenseRef-own", "LicenseRef-own OR MIT")
    assert (time.purl, time.type) == ("pkg:cargo/time@0.3.44", "library")
    assert time.cpe == "cpe:2.3:a:time_project:time:0.3.44:*:*:*:*:rust:*:*"
    assert time.licenses == ("MIT OR Apache-2.0",)
    assert bom.dependencies == (
        ("SPDXRef-link", ("SPDXRef-time",)),
        ("SPDXRef-time", ("DocumentRef-base:SPDXRef-base",)),
    )


@pytest.mark.parametrize(
    ("syntax", "place"),
    [
        ("json", "$.packages[1]"),
        ("yaml", "$.packages[1]"),
        ("tag-value", "line 31"),
        ("xml", "line 11: /Document/packages[2]"),
    ],
)
def test_a_component_knows_its_place(syntax: str, place: str) -> None:
    data = WRITERS[syntax](GOOD)
    assert spdx.read(data).components[1].path == place
    lines = data.decode().split("\n")
    assert syntax != "tag-value" or lines[30] == "PackageName: time"
    assert syntax != "xml" or lines[10].startswith("<packages><name>time</name>")


# Text that all four syntaxes can say: one line, no spaces at its ends, nothing that tag-value takes for its own.
_WORD = st.text(st.sampled_from("abzÄ9.-_+ :#<>&\"'{}[]!*%@`,|\\?~"), min_size=1, max_size=12).filter(
    lambda t: t == t.strip() and not t.startswith("<text>")
)
_MAYBE = (
    st.none() | _WORD | st.sampled_from(["NOASSERTION", "1.10", "2026-01-01", "null", "yes", "0x1F", "1_0"])
)
_REFS = st.sampled_from(
    ["SPDXRef-0", "SPDXRef-1", "SPDXRef-DOCUMENT", "SPDXRef-nobody", "NONE", "DocumentRef-x:SPDXRef-1"]
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A small document, flawed or not, that each syntax can write."""
    packages = []
    for i in range(draw(st.integers(0, 3))):
        package: dict[str, Any] = {
            "name": draw(_WORD),
            "SPDXID": draw(st.sampled_from([f"SPDXRef-{i}", "SPDXRef-0"])),
        }
        for field in ("versionInfo", "supplier", "licenseDeclared", "downloadLocation"):
            value = draw(_MAYBE)
            if value is not None:
                package[field] = value
        if draw(st.booleans()):
            package["filesAnalyzed"] = draw(st.booleans())
        if draw(st.booleans()):
            package["checksums"] = [
                {"algorithm": draw(st.sampled_from(["SHA1", "MD5", "SHA0"])), "checksumValue": "ab" * 20}
            ]
        if draw(st.booleans()):
            package["externalRefs"] = [
                {
                    "referenceCategory": draw(st.sampled_from(["PACKAGE-MANAGER", "PACKAGES"])),
                    "referenceType": "purl",
                    "referenceLocator": draw(
                        st.sampled_from(["pkg:cargo/a@1", "pkg:npm/%40a/b@2", "cargo:a"])
                    ),
                }
            ]
        packages.append(package)
    relationships = [
        {
            "spdxElementId": draw(_REFS),
            "relationshipType": draw(st.sampled_from(["DESCRIBES", "DEPENDS_ON", "DEPENDENCY_OF", "USES"])),
            "relatedSpdxElement": draw(_REFS),
        }
        for _ in range(draw(st.integers(0, 4)))
    ]
    return {
        "spdxVersion": draw(st.sampled_from(["SPDX-2.2", "SPDX-2.3"])),
        "dataLicense": draw(st.sampled_from(["CC0-1.0", "MIT"])),
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": draw(_WORD),
        "documentNamespace": draw(st.sampled_from(["https://example.org/1", "https://example.org/1#a"])),
        "creationInfo": {
            "creators": draw(st.lists(st.sampled_from(["Tool: a", "nobody"]), min_size=1, max_size=2)),
            "created": draw(st.sampled_from(["2026-10-26T08:00:00Z", "2026-02-30T08:00:00Z", "2026-10-26"])),
        },
        **({"packages": packages} if packages else {}),
        **({"relationships": relationships} if relationships else {}),
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(documents())
def test_the_same_document_says_the_same_in_every_syntax(doc: dict[str, Any]) -> None:
    boms = {syntax: spdx.read(write(doc)) for syntax, write in WRITERS.items()}
    said = {
        syntax: (
            bom.components,
            bom.subject,
            bom.dependencies,
            bom.serial,
            bom.name,
            [(p.kind, p.text.split(" is also at ")[0]) for p in bom.problems],
        )
        for syntax, bom in boms.items()
    }
    for syntax in ("tag-value", "yaml", "xml"):
        assert said[syntax] == said["json"], syntax
    assert [p.place for p in boms["yaml"].problems] == [p.place for p in boms["json"].problems]


@pytest.mark.parametrize("syntax", WRITERS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_a_mutated_document_is_read_or_refused(syntax: str, data: st.DataObject) -> None:
    doc = json.loads(json.dumps(GOOD))
    junk: st.SearchStrategy[Any] = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))
    junk = junk | st.lists(junk, max_size=2) | st.dictionaries(st.text(max_size=3), junk, max_size=2)
    if syntax in ("json", "yaml"):
        at: Any = doc
        while isinstance(at, dict | list) and at:
            key = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else list(range(len(at)))))
            if not isinstance(at[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                at[key] = data.draw(junk)
                break
            at = at[key]
    lines = WRITERS[syntax](doc).split(b"\n")
    for _ in range(data.draw(st.integers(0, 3))):
        i = data.draw(st.integers(0, len(lines) - 1))
        j = data.draw(st.integers(0, len(lines) - 1))
        how = data.draw(st.sampled_from(["swap", "drop", "repeat", "cut"]))
        if how == "swap":
            lines[i], lines[j] = lines[j], lines[i]
        elif how == "repeat":
            lines.insert(j, lines[i])
        elif how == "cut":
            lines[i] = lines[i][: data.draw(st.integers(0, len(lines[i])))]
        elif len(lines) > 1:
            del lines[i]
    text = bytearray(b"\n".join(lines))
    for _ in range(data.draw(st.integers(0, 2)) if text else 0):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        bom = spdx.read(bytes(text))
    except SbomError:
        return
    for component in bom.components:
        component.identity()


def _refused(data: bytes, *, limits: Limits | None = None) -> Malformed:
    with pytest.raises(Malformed) as told:
        spdx.read(data, limits=limits or Limits())
    return told.value


YAML_HEAD = b"spdxVersion: SPDX-2.3\n"


@pytest.mark.parametrize(
    ("data", "place", "got"),
    [
        (YAML_HEAD + b"name: &a x\ncomment: *a\n", "line 3 column 10", "the alias *a"),
        (YAML_HEAD + b"name: !!python/object:os.system x\n", "line 2 column 7", None),
        (YAML_HEAD + b"name: !!str x\n", "line 2 column 7", None),
        (YAML_HEAD + b"files: !!set {a}\n", "line 2 column 8", None),
        (YAML_HEAD + b"name: a\nname: b\n", "line 3 column 1", "“name” a second time"),
        (YAML_HEAD + b"---\nname: a\n", "line 2 column 1", "a second one"),
        (YAML_HEAD + b"name: [a\n", "line 3 column 1", None),
        (YAML_HEAD + b"? [a]\n: b\n", "line 2 column 3", "an object or an array"),
        (YAML_HEAD + b'name: "a\\0b"\n', "line 2 column 7", "\\u0000"),
        (YAML_HEAD + b"name: a\x01b\n", "line 2 column 8", None),
        (YAML_HEAD + b"name: \xff\n", "line 2 column 7", "the byte 0xff"),
        (YAML_HEAD + b"\tname: a\n", "line 2 column 1", None),
    ],
)
def test_hostile_yaml_is_refused_at_its_place(data: bytes, place: str, got: str | None) -> None:
    told = _refused(data)
    assert told.place == place
    assert got is None or told.got == got


def test_yaml_keeps_texts_as_they_are_written() -> None:
    text = as_yaml({**GOOD, "packages": [], "files": [], "snippets": [], "relationships": []})
    text = text.replace(
        b"packages: []\n", b"packages:\n- name: on\n  SPDXID: SPDXRef-a\n  versionInfo: 1.10\n"
    )
    text = text.replace(b"'2026-10-26T08:00:00Z'", b"2026-10-26T08:00:00Z")
    bom = spdx.read(text)
    assert [(c.name, c.version) for c in bom.components] == [("on", "1.10")]
    assert bom.timestamp == "2026-10-26T08:00:00Z"
    told = _refused(text.replace(b"name: on", b"name: true"))
    assert (told.place, told.got) == ("$.packages[0].name", "true")


def test_an_alias_bomb_is_refused_at_its_first_alias() -> None:
    lines = [b"spdxVersion: SPDX-2.3", b'a0: &a0 ["x"]']
    lines += [b"a%d: &a%d [%s]" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 9)]
    assert _refused(b"\n".join(lines)).place == "line 3 column 10"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"spdxVersion: SPDX-2.3\nname: " + b"[" * 50_000, "line 2 column 206"),
        (b"spdxVersion: SPDX-2.3\nname: " + b"{a: " * 50_000, "line 2 column 803"),
        (b'{"spdxVersion": "SPDX-2.3", "name": ' + b"[" * 50_000, "line 1 column 236"),
        (b"<Document><spdxVersion>SPDX-2.3</spdxVersion>" + b"<packages>" * 50_000, "line 1 column 2036"),
    ],
)
def test_a_nesting_of_fifty_thousand_is_refused(data: bytes, place: str) -> None:
    with pytest.raises(TooLarge) as told:
        spdx.read(data)
    assert told.value.place == place


@pytest.mark.parametrize("syntax", ["json", "yaml", "xml"])
def test_nesting_is_read_at_the_limit_and_refused_one_past_it(syntax: str) -> None:
    data = WRITERS[syntax](GOOD)
    deep = 5 if syntax != "xml" else 4  # an array is a level of its own where it is written as one
    assert len(spdx.read(data, limits=Limits(max_depth=deep)).components) == 2
    with pytest.raises(TooLarge):
        spdx.read(data, limits=Limits(max_depth=deep - 1))


@pytest.mark.parametrize("syntax", WRITERS)
def test_bytes_and_counts_are_read_at_the_limit_and_refused_one_past_it(syntax: str) -> None:
    data = WRITERS[syntax](GOOD)
    spdx.read(data, limits=Limits(max_bytes=len(data), max_components=2, max_dependencies=5))
    for limits, place in (
        (Limits(max_bytes=len(data) - 1), "byte 0"),
        (Limits(max_components=1), spdx.read(data).components[1].path),
        (Limits(max_dependencies=4), None),
    ):
        with pytest.raises(TooLarge) as told:
            spdx.read(data, limits=limits)
        assert place is None or told.value.place == place


TAG_HEAD = "SPDXVersion: SPDX-2.3\n"


@pytest.mark.parametrize(
    ("text", "place", "got"),
    [
        (TAG_HEAD + "PackageName a\n", "line 2", "“PackageName a”"),
        (TAG_HEAD + "some words: here\n", "line 2", "“some words: here”"),
        (TAG_HEAD + ": a\n", "line 2", "“: a”"),
        (TAG_HEAD + "PackageName: a\nPackageComment: <text>one\ntwo\n", "line 3", "the end of the file"),
        (TAG_HEAD + "PackageName: a\0b\n", "line 2", "a NUL character"),
        ("PackageName: a\n", "line 1", "nothing"),
        ("# only a comment\n", "line 1", "nothing"),
    ],
)
def test_broken_tag_value_is_refused_at_its_line(text: str, place: str, got: str) -> None:
    told = _refused(text.encode())
    assert (told.place, told.got) == (place, got)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("PackageWeight: 3", "expected a tag of SPDX, got “PackageWeight”"),
        ("packageversion: 3", "expected a tag of SPDX, got “packageversion”"),
        ("LicenseConcluded: MIT", "expected LicenseConcluded inside a file, got it outside of any"),
        ("FileChecksum: SHA1: 00", "expected a checksum of a file inside one, got it outside"),
        ("PackageVersion: 3", "expected PackageVersion once in a package, got it a second time"),
        ("SPDXID: SPDXRef-b", "expected SPDXID once in a package, got it a second time"),
        ("Creator: Tool: a", "expected Creator before the package began, got it inside of it"),
        ("RelationshipComment: a", "expected the comment of the relationship after one, got it before any"),
        ("PackageSummary: <text>a</text> b", "expected nothing after </text>, got “b”"),
    ],
)
def test_a_tag_out_of_order_is_a_problem_at_its_line(line: str, text: str) -> None:
    head = "PackageName: a\nSPDXID: SPDXRef-a\nPackageVersion: 1\n"
    bom = spdx.read((TAG_HEAD + head + line + "\n").encode())
    assert ("schema", "line 5", text) in {(p.kind, p.place, p.text) for p in bom.problems}
    assert (bom.components[0].version, bom.components[0].ref) == ("1", "SPDXRef-a")


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_may_end_with_carriage_returns(end: str) -> None:
    data = as_tag_value(GOOD)
    other = data.replace(b"\n", end.encode())
    assert spdx.read(other).components == spdx.read(data).components
    assert [c.path for c in spdx.read(other).components] == [c.path for c in spdx.read(data).components]


def test_text_between_its_marks_may_look_like_tags() -> None:
    text = (
        TAG_HEAD + "PackageName: a\nPackageComment: <text>\nPackageName: b\n# c\n</text>\nPackageVersion: 2\n"
    )
    bom = spdx.read(text.encode())
    assert [(c.name, c.version) for c in bom.components] == [("a", "2")]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (
            b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n<Document><name>&b;</name></Document>',
            "line 1 column 1",
        ),
        (b"<Document>\n<spdxVersion>SPDX-2.3</spdxVersion>\n<name>a</names></Document>", "line 3 column 10"),
        (
            b"<Document><spdxVersion>SPDX-2.3</spdxVersion>\n<packages>\n<name><b/></name></packages></Document>",
            "line 3: /Document/packages/name",
        ),
        (
            b"<Document><spdxVersion>SPDX-2.3</spdxVersion>\n<name>a</name>\n<name>b</name></Document>",
            "line 3: /Document/name[2]",
        ),
        (b"<Document/>", "line 1: /Document/spdxVersion"),
        (b"<Sheet/>", "line 1: /Sheet"),
    ],
)
def test_hostile_xml_is_refused_at_its_place(data: bytes, place: str) -> None:
    assert _refused(data).place == place


RDF = b"""<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://spdx.org/rdf/terms#"/>"""


@pytest.mark.parametrize(
    ("data", "syntax", "place"),
    [
        (RDF, "xml", "line 2: /RDF"),
        (b'{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}', "json", "$"),
        (as_json({**GOOD, "spdxVersion": "SPDX-3.0"}), "json", "$.spdxVersion"),
        (as_json({**GOOD, "spdxVersion": "2.3"}), "json", "$.spdxVersion"),
        (as_json({**GOOD, "spdxVersion": 2.3}), "json", "$.spdxVersion"),
        (b"SPDXVersion: SPDX-2.0\n", "tag-value", "line 1"),
        (b"spdxVersion: SPDX-2.0\n", "yaml", "$.spdxVersion"),
        (b'{"bomFormat": "CycloneDX"}', None, "$"),
        (as_json(GOOD).decode().encode("utf-16"), "json", "byte 0"),
        (as_tag_value(GOOD).decode().encode("utf-16"), "tag-value", "byte 0"),
    ],
)
def test_what_is_not_read_is_named(data: bytes, syntax: str | None, place: str) -> None:
    assert spdx.detect(data) == syntax
    with pytest.raises(NotRead) as told:
        spdx.read(data)
    assert told.value.place == place


@pytest.mark.parametrize(
    ("data", "syntax"),
    [
        (b"", None),
        (b"hello", None),
        (b"<bom/>", None),
        (b'{"a": "spdxVersion: SPDX-2.3"}', None),
        (b'{"bomFormat": "CycloneDX", "properties": [{"SPDXID": "x"}]}', None),
        (b'{"packages": [{"bomFormat": 1}], "spdxVersion": "SPDX-2.3"}', "json"),
        (b"# a comment\r\n\r\nDataLicense: CC0-1.0\r\nSPDXVersion: SPDX-2.3\r\n", "tag-value"),
        (b"\xef\xbb\xbfSPDXVersion: SPDX-2.3\n", "tag-value"),
        (b"--- \n'spdxVersion': SPDX-2.3\n", "yaml"),
        (b"comment: |\n  SPDXVersion: SPDX-2.3\nspdxVersion: SPDX-2.3\n", "yaml"),
        (b"<!-- <bom> --><?pi?><Document>", "xml"),
    ],
)
def test_the_syntax_is_told_from_the_content(data: bytes, syntax: str | None) -> None:
    assert spdx.detect(data) == syntax


@pytest.mark.parametrize("data", [b"", b"   \n", b"hello", b"[]", b"1", b"{}", b"<a>"])
def test_what_is_no_document_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(SbomError):
        spdx.read(data)
