"""Rules of SPDX 2.1 to 2.3 that a document may break and still be readable. A breach is a `schema` problem.

Not checked: that a licence expression parses, that a verification code is the one of the files, and snippets
beyond their identifier and file.

Source: SPDX 2.3, clauses 6 to 12 and annex F; SPDX 2.2 where it asks for more.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from vouchsafe.sbom.errors import shown
from vouchsafe.sbom.model import Problem
from vouchsafe.sbom.spdx_tree import Places

HASH_LENGTHS = {
    "SHA1": 40, "SHA224": 56, "SHA256": 64, "SHA384": 96, "SHA512": 128, "MD2": 32, "MD4": 32, "MD5": 32,
    "MD6": None, "SHA3-256": 64, "SHA3-384": 96, "SHA3-512": 128, "BLAKE2b-256": 64, "BLAKE2b-384": 96,
    "BLAKE2b-512": 128, "BLAKE3": None, "ADLER32": 8,
}  # fmt: skip
_HASHES_23 = frozenset(
    ("SHA3-256", "SHA3-384", "SHA3-512", "BLAKE2b-256", "BLAKE2b-384", "BLAKE2b-512", "BLAKE3", "ADLER32")
)
# A depends on B.
DEPENDS = frozenset(("DEPENDS_ON", "CONTAINS", "HAS_PREREQUISITE", "DYNAMIC_LINK", "STATIC_LINK"))
# B depends on A.
DEPENDED_ON = frozenset(
    (
        "DEPENDENCY_OF", "CONTAINED_BY", "PREREQUISITE_FOR", "BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF",
        "OPTIONAL_DEPENDENCY_OF", "PROVIDED_DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF", "TEST_DEPENDENCY_OF",
        "PACKAGE_OF", "OPTIONAL_COMPONENT_OF",
    )
)  # fmt: skip
RELATIONSHIPS = (
    DEPENDS
    | DEPENDED_ON
    | frozenset(
        (
            "AMENDS", "ANCESTOR_OF", "BUILD_TOOL_OF", "COPY_OF", "DATA_FILE_OF", "DEPENDENCY_MANIFEST_OF",
            "DESCENDANT_OF", "DESCRIBED_BY", "DESCRIBES", "DEV_TOOL_OF", "DISTRIBUTION_ARTIFACT",
            "DOCUMENTATION_OF", "EXAMPLE_OF", "EXPANDED_FROM_ARCHIVE", "FILE_ADDED", "FILE_DELETED",
            "FILE_MODIFIED", "GENERATED_FROM", "GENERATES", "METAFILE_OF", "OTHER", "PATCH_APPLIED",
            "PATCH_FOR", "REQUIREMENT_DESCRIPTION_FOR", "SPECIFICATION_FOR", "TEST_CASE_OF", "TEST_OF",
            "TEST_TOOL_OF", "VARIANT_OF",
        )
    )
)  # fmt: skip
_RELATIONSHIPS_23 = frozenset(("REQUIREMENT_DESCRIPTION_FOR", "SPECIFICATION_FOR"))
_REFERENCE_TYPES = {
    "SECURITY": frozenset(("cpe22Type", "cpe23Type", "advisory", "fix", "url", "swid")),
    "PACKAGE-MANAGER": frozenset(("maven-central", "npm", "nuget", "bower", "purl")),
    "PERSISTENT-ID": frozenset(("swh", "gitoid")),
    "OTHER": None,
}
_SHORT_TYPES = {name: types for name, types in _REFERENCE_TYPES.items() if types is not None} | {
    name.replace("-", "_"): types for name, types in _REFERENCE_TYPES.items() if types is not None
}
_REFERENCE_URI = re.compile(r"https?://spdx\.org/rdf/references/")
PURPOSES = {
    "APPLICATION": "application", "FRAMEWORK": "framework", "LIBRARY": "library", "CONTAINER": "container",
    "OPERATING-SYSTEM": "operating-system", "OPERATING_SYSTEM": "operating-system", "DEVICE": "device",
    "FIRMWARE": "firmware", "FILE": "file", "SOURCE": "source", "ARCHIVE": "archive", "INSTALL": "install",
    "OTHER": "other",
}  # fmt: skip
_DOCUMENT = frozenset(
    (
        "SPDXID", "annotations", "comment", "creationInfo", "dataLicense", "documentDescribes",
        "documentNamespace", "externalDocumentRefs", "files", "hasExtractedLicensingInfos", "name", "packages",
        "relationships", "revieweds", "snippets", "spdxVersion",
    )
)  # fmt: skip
_CREATION = frozenset(("comment", "created", "creators", "licenseListVersion"))
_SINCE_23 = ("builtDate", "primaryPackagePurpose", "releaseDate", "validUntilDate")
_PACKAGE = frozenset(
    (
        "SPDXID", "annotations", "attributionTexts", "checksums", "comment", "copyrightText", "description",
        "downloadLocation", "externalRefs", "filesAnalyzed", "hasFiles", "homepage", "licenseComments",
        "licenseConcluded", "licenseDeclared", "licenseInfoFromFiles", "name", "originator",
        "packageFileName", "packageVerificationCode", "sourceInfo", "summary", "supplier", "versionInfo",
        *_SINCE_23,
    )
)  # fmt: skip
_FILE = frozenset(
    (
        "SPDXID", "annotations", "artifactOfs", "attributionTexts", "checksums", "comment", "copyrightText",
        "fileContributors", "fileDependencies", "fileName", "fileTypes", "licenseComments",
        "licenseConcluded", "licenseInfoInFiles", "noticeText",
    )
)  # fmt: skip
RELATIONSHIP = frozenset(("comment", "relatedSpdxElement", "relationshipType", "spdxElementId"))

_ID = re.compile(r"SPDXRef-[A-Za-z0-9.\-]+", re.ASCII)
_REF = re.compile(r"(?:DocumentRef-[A-Za-z0-9.+\-]+:)?SPDXRef-[A-Za-z0-9.\-]+", re.ASCII)
_DOCUMENT_REF = re.compile(r"DocumentRef-[A-Za-z0-9.+\-]+", re.ASCII)
_LICENCE_REF = re.compile(r"LicenseRef-[A-Za-z0-9.\-]+", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s#]+", re.ASCII)
_SPACE = re.compile(r"\s")
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_LIST_VERSION = re.compile(r"\d+\.\d+(\.\d+)?", re.ASCII)
_LICENCE_NAME = re.compile(
    r"(?<![:\w-])(?:(DocumentRef-[A-Za-z0-9.+\-]+):)?(LicenseRef-[A-Za-z0-9.\-]+)", re.ASCII
)
CREATOR = re.compile(r"(Person|Organization|Tool):\s*\S.*", re.DOTALL)
AGENT = re.compile(r"(Person|Organization):\s*\S.*", re.DOTALL)
NOTHING = frozenset(("NOASSERTION", "NONE"))


class Notes(list[Problem]):
    """The problems of one document, up to a limit; places are made only for those that are kept."""

    def __init__(self, places: Places, at_most: int) -> None:
        super().__init__()
        self.places = places
        self.at_most = at_most

    def note(
        self,
        kind: str,
        text: str,
        node: dict[str, Any],
        at: str,
        field: str = "",
        *,
        index: int | None = None,
    ) -> None:
        """Notes a problem of a member of `node`; past the limit only one more, which says so."""
        if len(self) < self.at_most:
            self.append(Problem(kind, self.places.of(node, at, field, index), text))
        elif len(self) == self.at_most:
            more = f"more than {self.at_most:,} problems; the others are not listed"
            self.append(Problem("schema", self.places.of(node, at), more))

    def before(self, early: list[Problem], doc: dict[str, Any]) -> None:
        """Takes what was noted while the lines were read."""
        self.extend(early[: self.at_most])
        if len(early) > self.at_most:
            self.note("schema", "", doc, self.places.root)

    def wrong(
        self, expected: str, node: dict[str, Any], at: str, field: str, *, index: int | None = None
    ) -> None:
        """Notes that a member is not what the format expects."""
        got = node.get(field)
        if index is not None and isinstance(got, Sequence):
            got = got[index]
        elif got is None:
            expected = field  # a line or an element alone does not say what it lacks
        self.note("schema", f"expected {expected}, got {shown(got)}", node, at, field, index=index)


def reference_type(text: str) -> str:
    """The short name of a reference type; SPDX lets its own be written as URIs too."""
    return _REFERENCE_URI.sub("", text) if text.startswith("http") else text


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    """Whether it is text of the form."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def is_time(value: Any) -> bool:
    """Whether it is a UTC time as SPDX writes it, of a day that there is. SPDX 2.3 6.9"""
    if not matches(_TIME, value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def members(node: dict[str, Any], field: str) -> Sequence[Any]:
    """An array's items; nothing where there is none, or something else."""
    value = node.get(field)
    if value is None or type(value) is list:  # without asking the abstract class, which is slow
        return value or ()
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def objects(node: dict[str, Any], field: str) -> list[tuple[int, dict[str, Any]]]:
    """The items of an array that are objects, with their index."""
    items = members(node, field)
    return [(i, item) for i, item in enumerate(items) if isinstance(item, dict)] if items else []


def _arrays(node: dict[str, Any], at: str, fields: Sequence[str], notes: Notes) -> None:
    for field in fields:
        value = node.get(field)
        if (
            value is not None
            and type(value) is not list
            and (isinstance(value, str) or not isinstance(value, Sequence))
        ):
            notes.wrong("an array", node, at, field)


def _known(node: dict[str, Any], at: str, known: frozenset[str], notes: Notes) -> None:
    if not node.keys() <= known:
        for field in node:
            if field not in known:
                notes.note("schema", f"expected a member of SPDX, got {shown(field)}", node, at, field)


def check_document(doc: dict[str, Any], at: str, notes: Notes) -> None:
    """The document's own fields, creation information, other documents, licences. SPDX 2.3 clauses 6, 10, 12"""
    _known(doc, at, _DOCUMENT, notes)
    if doc.get("dataLicense") != "CC0-1.0":
        notes.wrong("“CC0-1.0”", doc, at, "dataLicense")
    if doc.get("SPDXID") != "SPDXRef-DOCUMENT":
        notes.wrong("“SPDXRef-DOCUMENT”", doc, at, "SPDXID")
    _required(doc, at, ("name",), notes)
    if not matches(_URI, doc.get("documentNamespace")):
        notes.wrong("a URI without #", doc, at, "documentNamespace")
    _arrays(doc, at, ("annotations", "externalDocumentRefs", "hasExtractedLicensingInfos", "snippets"), notes)
    info = doc.get("creationInfo")
    if not isinstance(info, dict):
        notes.wrong("an object", doc, at, "creationInfo")
    else:
        _check_creation(info, notes.places.into(doc, at, "creationInfo"), notes)
    for i, item in objects(doc, "externalDocumentRefs"):
        _check_other_document(item, notes.places.into(doc, at, "externalDocumentRefs", i), notes)
    for i, item in objects(doc, "hasExtractedLicensingInfos"):
        where = notes.places.into(doc, at, "hasExtractedLicensingInfos", i)
        if not matches(_LICENCE_REF, item.get("licenseId")):
            notes.wrong("LicenseRef- with letters, digits, . and -", item, where, "licenseId")
        _required(item, where, ("extractedText",), notes)
    _check_once(doc, at, "externalDocumentRefs", "externalDocumentId", notes)
    _check_once(doc, at, "hasExtractedLicensingInfos", "licenseId", notes)
    check_annotations(doc, at, notes)


def _check_once(doc: dict[str, Any], at: str, field: str, name: str, notes: Notes) -> None:
    """Notes an identifier that two items of an array have."""
    first: dict[str, int] = {}
    for i, item in objects(doc, field):
        value = item.get(name)
        if isinstance(value, str) and first.setdefault(value, i) != i:
            also = notes.places.of(doc, at, field, first[value])
            where = notes.places.into(doc, at, field, i)
            notes.note("duplicate", f"{shown(value)} is also at {also}", item, where, name)


def _check_creation(info: dict[str, Any], at: str, notes: Notes) -> None:
    _known(info, at, _CREATION, notes)
    if not is_time(info.get("created")):
        notes.wrong("a time such as 2026-10-26T08:00:00Z", info, at, "created")
    _arrays(info, at, ("creators",), notes)
    creators = members(info, "creators")
    if not creators:
        notes.note("schema", "expected at least one creator, got none", info, at, "creators")
    for i, creator in enumerate(creators):
        if not matches(CREATOR, creator):
            notes.wrong("Person:, Organization: or Tool: and a name", info, at, "creators", index=i)
    if info.get("licenseListVersion") is not None and not matches(_LIST_VERSION, info["licenseListVersion"]):
        notes.wrong("a version such as 3.25", info, at, "licenseListVersion")


def _check_other_document(item: dict[str, Any], at: str, notes: Notes) -> None:
    if not matches(_DOCUMENT_REF, item.get("externalDocumentId")):
        notes.wrong("DocumentRef- with letters, digits, ., + and -", item, at, "externalDocumentId")
    if not matches(_URI, item.get("spdxDocument")):
        notes.wrong("a URI without #", item, at, "spdxDocument")
    checksum = item.get("checksum")
    if not isinstance(checksum, dict):
        notes.wrong("a checksum", item, at, "checksum")
    else:
        _check_checksum(checksum, notes.places.into(item, at, "checksum"), "2.3", notes)


def check_annotations(owner: dict[str, Any], at: str, notes: Notes) -> None:
    """Annotations of a document, package or file. SPDX 2.3 clause 12"""
    for i, item in objects(owner, "annotations"):
        where = notes.places.into(owner, at, "annotations", i)
        if not matches(CREATOR, item.get("annotator")):
            notes.wrong("Person:, Organization: or Tool: and a name", item, where, "annotator")
        if not is_time(item.get("annotationDate")):
            notes.wrong("a time such as 2026-10-26T08:00:00Z", item, where, "annotationDate")
        if item.get("annotationType") not in ("REVIEW", "OTHER"):
            notes.wrong("REVIEW or OTHER", item, where, "annotationType")
        _required(item, where, ("comment",), notes)


def _required(node: dict[str, Any], at: str, fields: Sequence[str], notes: Notes) -> None:
    for field in fields:
        value = node.get(field)
        if not isinstance(value, str) or not value.strip():
            notes.wrong("text", node, at, field)


def check_id(node: dict[str, Any], at: str, notes: Notes) -> None:
    """An element's identifier. SPDX 2.3 7.2"""
    if not matches(_ID, node.get("SPDXID")):
        notes.wrong("SPDXRef- with letters, digits, . and -", node, at, "SPDXID")


def check_package(item: dict[str, Any], at: str, version: str, analyzed: bool | None, notes: Notes) -> None:
    """One package. `analyzed` is what filesAnalyzed says; None where it is neither. SPDX 2.3 clause 7"""
    _known(item, at, _PACKAGE, notes)
    _required(item, at, ("name",), notes)
    check_id(item, at, notes)
    location = item.get("downloadLocation")
    if not isinstance(location, str) or not location or _SPACE.search(location):
        notes.wrong("a location without spaces, NONE or NOASSERTION", item, at, "downloadLocation")
    if version < "2.3":
        _required(item, at, ("licenseConcluded", "licenseDeclared", "copyrightText"), notes)
        for field in _SINCE_23:
            if field in item:
                notes.note("schema", f"expected no {field} before SPDX 2.3, got one", item, at, field)
    for field in ("supplier", "originator"):
        who = item.get(field)
        if who is not None and who != "NOASSERTION" and not matches(AGENT, who):
            notes.wrong("Person: or Organization: and a name, or NOASSERTION", item, at, field)
    if not item.keys().isdisjoint(_SINCE_23):
        _check_purpose_and_dates(item, at, notes)
    _arrays(item, at, ("annotations", "checksums", "externalRefs", "hasFiles"), notes)
    _check_analysis(item, at, analyzed, notes)
    check_checksums(item, at, version, notes)
    if "annotations" in item:
        check_annotations(item, at, notes)


def _check_purpose_and_dates(item: dict[str, Any], at: str, notes: Notes) -> None:
    """What packages have since SPDX 2.3. SPDX 2.3 7.24 to 7.27"""
    purpose = item.get("primaryPackagePurpose")
    if purpose is not None and not (isinstance(purpose, str) and purpose in PURPOSES):
        notes.wrong("a package purpose of SPDX 2.3", item, at, "primaryPackagePurpose")
    for field in ("builtDate", "releaseDate", "validUntilDate"):
        if item.get(field) is not None and not is_time(item[field]):
            notes.wrong("a time such as 2026-10-26T08:00:00Z", item, at, field)


def _check_analysis(item: dict[str, Any], at: str, analyzed: bool | None, notes: Notes) -> None:
    """What must or may not stand beside filesAnalyzed. SPDX 2.3 7.8, 7.9"""
    code = item.get("packageVerificationCode")
    if analyzed is None:
        notes.wrong("true or false", item, at, "filesAnalyzed")
    elif not analyzed and code is not None:
        text = "expected no verification code where no files are analysed, got one"
        notes.note("schema", text, item, at, "packageVerificationCode")
    elif analyzed:
        value = code.get("packageVerificationCodeValue") if isinstance(code, dict) else None
        if not (matches(_HEX, value) and len(value or "") == 40):
            text = f"expected a verification code of 40 hexadecimal digits, got {shown(value)}"
            notes.note("schema", text, item, at, "packageVerificationCode")
    if analyzed is False and item.get("hasFiles"):
        notes.note("schema", "expected no files where none are analysed, got some", item, at, "hasFiles")


def check_checksums(item: dict[str, Any], at: str, version: str, notes: Notes) -> None:
    """Checksums of a package or file. SPDX 2.3 7.10, 8.4"""
    for i, checksum in enumerate(members(item, "checksums")):
        if _is_checksum(checksum):
            continue
        if isinstance(checksum, dict):
            _check_checksum(checksum, notes.places.into(item, at, "checksums", i), version, notes)
        else:
            notes.wrong("a checksum (an object)", item, at, "checksums", index=i)


def _is_checksum(item: Any) -> bool:
    """Whether it is the hash of a package or file in every version: nearly all are, and an address costs more."""
    if not isinstance(item, dict):
        return False
    algorithm, digits = item.get("algorithm"), item.get("checksumValue")
    if type(algorithm) is not str or type(digits) is not str or algorithm in _HASHES_23:
        return False
    return len(digits) == HASH_LENGTHS.get(algorithm) and _HEX.fullmatch(digits) is not None


def _check_checksum(checksum: dict[str, Any], at: str, version: str, notes: Notes) -> None:
    algorithm, digits = checksum.get("algorithm"), checksum.get("checksumValue")
    if (
        not isinstance(algorithm, str)
        or algorithm not in HASH_LENGTHS
        or (version < "2.3" and algorithm in _HASHES_23)
    ):
        notes.wrong(f"a hash algorithm of SPDX {version}", checksum, at, "algorithm")
        return
    length = HASH_LENGTHS[algorithm]
    if not (matches(_HEX, digits) and len(digits or "") == (length or len(digits or ""))):
        notes.wrong(f"{length or 'some'} hexadecimal digits", checksum, at, "checksumValue")


def check_licences(
    item: dict[str, Any],
    at: str,
    named: Sequence[str],
    licences: set[Any],
    documents: set[Any],
    notes: Notes,
) -> None:
    """Notes what the texts of the members `named` call a licence and nobody defines. SPDX 2.3 clause 10, annex D"""
    for field in named:
        value = item.get(field)
        if value is None or (type(value) is str and "LicenseRef-" not in value):
            continue
        texts: Sequence[Any] = value if isinstance(value, list) else (value,)
        for i, text in enumerate(texts):
            if not isinstance(text, str) or "LicenseRef-" not in text:
                continue
            for document, name in _LICENCE_NAME.findall(text):
                if (document in documents) if document else (name in licences):
                    continue
                what = "no document that this one refers to" if document else "no licence of this document"
                index = i if texts is value else None
                notes.note("dangling", f"{shown(document or name)} is {what}", item, at, field, index=index)


def check_file(item: dict[str, Any], at: str, version: str, notes: Notes) -> None:
    """One file. SPDX 2.3 clause 8"""
    _known(item, at, _FILE, notes)
    check_id(item, at, notes)
    _required(item, at, ("fileName",), notes)
    if version < "2.3":
        _required(item, at, ("licenseConcluded", "copyrightText"), notes)
    # SPDX 2.3 8.4: SHA1 is mandatory for files.
    if not any(c.get("algorithm") == "SHA1" for _, c in objects(item, "checksums")):
        notes.note("schema", "expected a SHA1 checksum, got none", item, at, "checksums")
    check_checksums(item, at, version, notes)
    check_annotations(item, at, notes)


def is_reference(item: dict[str, Any]) -> bool:
    """Whether it is an external reference with nothing wrong: nearly all are, and an address costs more."""
    category, type_, locator = (
        item.get("referenceCategory"), item.get("referenceType"), item.get("referenceLocator")
    )  # fmt: skip
    if type(category) is not str or type(type_) is not str or type(locator) is not str:
        return False
    return type_ in _SHORT_TYPES.get(category, ()) and locator != "" and not _SPACE.search(locator)


def check_reference(item: dict[str, Any], at: str, notes: Notes) -> None:
    """One external reference of a package. SPDX 2.3 7.21, annex F"""
    category, type_ = item.get("referenceCategory"), item.get("referenceType")
    name = category.replace("_", "-") if isinstance(category, str) else ""
    if name not in _REFERENCE_TYPES:
        notes.wrong("SECURITY, PACKAGE-MANAGER, PERSISTENT-ID or OTHER", item, at, "referenceCategory")
    elif not isinstance(type_, str) or not type_:
        notes.wrong("a reference type", item, at, "referenceType")
    else:
        allowed = _REFERENCE_TYPES[name]
        if allowed is not None and reference_type(type_) not in allowed:
            notes.wrong(f"a reference type of {name}", item, at, "referenceType")
    locator = item.get("referenceLocator")
    if not isinstance(locator, str) or not locator or _SPACE.search(locator):
        notes.wrong("a locator without spaces", item, at, "referenceLocator")


def is_ref(text: str) -> bool:
    """Whether it has the form of an element's identifier, of this document or another."""
    return _REF.fullmatch(text) is not None


def relationship_types(version: str) -> frozenset[str]:
    """The relationship types of a version of SPDX. SPDX 2.3 clause 11"""
    return RELATIONSHIPS if version >= "2.3" else RELATIONSHIPS - _RELATIONSHIPS_23


def check_relationship(item: dict[str, Any], at: str, version: str, notes: Notes) -> None:
    """One relationship's form. SPDX 2.3 clause 11"""
    if not item.keys() <= RELATIONSHIP:
        _known(item, at, RELATIONSHIP, notes)
    one = item.get("spdxElementId")
    if not (isinstance(one, str) and _REF.fullmatch(one)):
        notes.wrong("an element's identifier", item, at, "spdxElementId")
    type_ = item.get("relationshipType")
    if not isinstance(type_, str) or type_ not in relationship_types(version):
        notes.wrong(f"a relationship type of SPDX {version}", item, at, "relationshipType")
    other = item.get("relatedSpdxElement")
    if not (isinstance(other, str) and (_REF.fullmatch(other) or other in NOTHING)):
        notes.wrong("an element's identifier, NONE or NOASSERTION", item, at, "relatedSpdxElement")
