"""SPDX tag-value documents: read line by line into the objects of the JSON form, with the line of each tag.

A tag belongs to the package, file, snippet or licence that was begun last. Values between `<text>` and `</text>`
go over several lines; lines end with LF, CRLF or CR. An unknown tag, a tag outside its section and a second value
where one belongs become problems; a line that is no tag, no comment and not blank is refused, because nobody can
say what it would have told.

Source: SPDX 2.3, clauses 6 to 12, annex for the tag-value form.
"""

import re
import sys
from collections.abc import Callable
from typing import Any

from vouchsafe.sbom.errors import Malformed, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Problem
from vouchsafe.sbom.spdx_tree import Places, checked_text

_BREAK = re.compile(r"\r\n|\r|\n")
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_VERIFICATION = re.compile(r"([^\s(]*)\s*(?:\((?:excludes:)?\s*(.*)\))?", re.DOTALL)


class LineNode(dict[str, Any]):
    """The members of one section. `line` is where it begins, `lines` where each member stands first, `more` where
    those stand that come more than once, from the second on.
    """

    __slots__ = ("line", "lines", "more")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}
        self.more: dict[str, list[int]] | None = None

    def one(self, field: str, value: Any, line: int) -> bool:
        """Takes the value unless there is one; says whether it was taken."""
        if field in self:
            return False
        self[field] = value
        self.lines[field] = line
        return True

    def many(self, field: str, value: Any, line: int) -> None:
        """Adds the value."""
        values = self.get(field)
        if values is None:
            self[field] = [value]
            self.lines[field] = line
            return
        values.append(value)
        if self.more is None:
            self.more = {}
        lines = self.more.get(field)
        if lines is None:
            self.more[field] = [line]
        else:
            lines.append(line)

    def line_of(self, field: str, index: int | None) -> int:
        """The line of a member, or of an item of one; where there is none, of the section."""
        if not index:
            return self.lines.get(field, self.line)
        lines = self.more.get(field, ()) if self.more else ()
        return lines[index - 1] if index <= len(lines) else self.line


class LinePlaces(Places):
    """Places of tag-value documents: `line 14`. What a single line says is a plain object: its address is the line."""

    root = "line 1"

    def into(self, node: dict[str, Any], at: str, field: str, index: int | None = None) -> str:
        if not isinstance(node, LineNode):
            return at
        return f"line {node.line_of(field, index)}"

    def of(self, node: dict[str, Any], at: str, field: str = "", index: int | None = None) -> str:
        return self.into(node, at, field, index) if field else at


# Tag: section, member, whether it may stand more than once.
_TAGS: dict[str, tuple[str, str, bool]] = {
    "SPDXVersion": ("document", "spdxVersion", False),
    "DataLicense": ("document", "dataLicense", False),
    "DocumentName": ("document", "name", False),
    "DocumentNamespace": ("document", "documentNamespace", False),
    "DocumentComment": ("document", "comment", False),
    "LicenseListVersion": ("creation", "licenseListVersion", False),
    "Creator": ("creation", "creators", True),
    "Created": ("creation", "created", False),
    "CreatorComment": ("creation", "comment", False),
    "PackageVersion": ("package", "versionInfo", False),
    "PackageFileName": ("package", "packageFileName", False),
    "PackageSupplier": ("package", "supplier", False),
    "PackageOriginator": ("package", "originator", False),
    "PackageDownloadLocation": ("package", "downloadLocation", False),
    "FilesAnalyzed": ("package", "filesAnalyzed", False),
    "PackageHomePage": ("package", "homepage", False),
    "PackageSourceInfo": ("package", "sourceInfo", False),
    "PackageLicenseConcluded": ("package", "licenseConcluded", False),
    "PackageLicenseInfoFromFiles": ("package", "licenseInfoFromFiles", True),
    "PackageLicenseDeclared": ("package", "licenseDeclared", False),
    "PackageLicenseComments": ("package", "licenseComments", False),
    "PackageCopyrightText": ("package", "copyrightText", False),
    "PackageSummary": ("package", "summary", False),
    "PackageDescription": ("package", "description", False),
    "PackageComment": ("package", "comment", False),
    "PackageAttributionText": ("package", "attributionTexts", True),
    "PrimaryPackagePurpose": ("package", "primaryPackagePurpose", False),
    "ReleaseDate": ("package", "releaseDate", False),
    "BuiltDate": ("package", "builtDate", False),
    "ValidUntilDate": ("package", "validUntilDate", False),
    "FileType": ("file", "fileTypes", True),
    "LicenseConcluded": ("file", "licenseConcluded", False),
    "LicenseInfoInFile": ("file", "licenseInfoInFiles", True),
    "LicenseComments": ("file", "licenseComments", False),
    "FileCopyrightText": ("file", "copyrightText", False),
    "FileComment": ("file", "comment", False),
    "FileNotice": ("file", "noticeText", False),
    "FileContributor": ("file", "fileContributors", True),
    "FileAttributionText": ("file", "attributionTexts", True),
    "FileDependency": ("file", "fileDependencies", True),
    "ArtifactOfProjectName": ("file", "artifactOfs", True),
    "ArtifactOfProjectHomePage": ("file", "artifactOfs", True),
    "ArtifactOfProjectURI": ("file", "artifactOfs", True),
    "SnippetFromFileSPDXID": ("snippet", "snippetFromFile", False),
    "SnippetByteRange": ("snippet", "ranges", True),
    "SnippetLineRange": ("snippet", "ranges", True),
    "SnippetLicenseConcluded": ("snippet", "licenseConcluded", False),
    "LicenseInfoInSnippet": ("snippet", "licenseInfoInSnippets", True),
    "SnippetLicenseComments": ("snippet", "licenseComments", False),
    "SnippetCopyrightText": ("snippet", "copyrightText", False),
    "SnippetComment": ("snippet", "comment", False),
    "SnippetName": ("snippet", "name", False),
    "SnippetAttributionText": ("snippet", "attributionTexts", True),
    "ExtractedText": ("licence", "extractedText", False),
    "LicenseName": ("licence", "name", False),
    "LicenseCrossReference": ("licence", "seeAlsos", True),
    "LicenseComment": ("licence", "comment", False),
    "AnnotationDate": ("annotation", "annotationDate", False),
    "AnnotationComment": ("annotation", "comment", False),
    "AnnotationType": ("annotation", "annotationType", False),
    "SPDXREF": ("annotation", "spdxRef", False),
    "ReviewDate": ("review", "reviewDate", False),
    "ReviewComment": ("review", "comment", False),
}
# Sections that are elements: a tag of one of them belongs to the element that was begun last.
_ELEMENTS = frozenset(("document", "package", "file", "snippet", "licence"))
_SIMPLE = {
    element: {tag: field for tag, (of, field, many) in _TAGS.items() if of == element and not many}
    for element in _ELEMENTS
}
# Tag that begins a section: the section, where the document lists it, and the member that the tag gives.
_BEGINS = {
    "PackageName": ("package", "packages", "name"),
    "FileName": ("file", "files", "fileName"),
    "SnippetSPDXID": ("snippet", "snippets", "SPDXID"),
    "LicenseID": ("licence", "hasExtractedLicensingInfos", "licenseId"),
    "Annotator": ("annotation", "annotations", "annotator"),
    "Reviewer": ("review", "revieweds", "reviewer"),
}


def parse(data: bytes, *, limits: Limits = DEFAULT) -> tuple[LineNode, list[Problem]]:
    """The document as the JSON form has it, and what its lines do wrong.

    Raises:
        TooLarge: more bytes than `limits`.
        NotRead: UTF-16 or UTF-32 text.
        Malformed: no UTF-8, a line that is nothing of the form, or a `<text>` without its end.
    """
    text = checked_text(data, "SPDX tag-value text", limits).decode("utf-8")
    nul = text.find("\0")
    if nul >= 0:
        place = f"line {len(_BREAK.findall(text, 0, nul)) + 1}"
        raise Malformed(place, "text without NUL characters", "a NUL character")
    reading = _Reading(limits)
    lines = _BREAK.split(text) if "\r" in text else text.split("\n")
    del text
    _read_lines(lines, reading)
    return reading.document, reading.problems


def _read_lines(lines: list[str], reading: "_Reading") -> None:
    number, last = 0, len(lines)
    node, simple = reading.current()
    while number < last:
        line = lines[number].strip()
        number += 1
        if not line or line[0] == "#":
            continue
        tag, colon, value = line.partition(":")
        value = value.lstrip()
        begins = number
        if value.startswith("<text>"):
            value, number = _text(value[6:], lines, number, reading)
        field = simple.get(tag)
        if field is not None and colon and field not in node:
            # Most lines: a single value of the element that was begun last.
            node[field] = value
            node.lines[field] = begins
            continue
        structured = _STRUCTURED.get(tag)
        if structured is not None and colon:
            # Most others. None of these begins an element.
            structured(reading, value, begins)
            continue
        tag = tag.rstrip()
        if not colon or not _TAG.fullmatch(tag):
            raise Malformed(f"line {begins}", "a tag with a colon, a comment or a blank line", shown(line))
        reading.take(tag, value, begins)
        node, simple = reading.current()


def _text(value: str, lines: list[str], number: int, reading: "_Reading") -> tuple[str, int]:
    """What stands between `<text>` and `</text>`, and the line after it."""
    begins, pieces = number, []
    while True:
        inside, end, rest = value.partition("</text>")
        pieces.append(inside)
        if end:
            if rest.strip():
                reading.note(f"expected nothing after </text>, got {shown(rest.strip())}", number)
            return "\n".join(pieces).strip(), number
        if number >= len(lines):
            raise Malformed(f"line {begins}", "</text> after <text>", "the end of the file")
        value = lines[number]
        number += 1


class _Reading:
    """One pass over one file: the sections that are open, and the problems of its lines."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.problems: list[Problem] = []
        self.document = LineNode(1)
        self.creation: LineNode | None = None
        self.open: dict[str, LineNode] = {"document": self.document}
        # What a comment of a relationship or an external reference belongs to.
        self.last: dict[str, dict[str, str]] = {}
        self.element = "document"

    def current(self) -> tuple[LineNode, dict[str, str]]:
        """The element that was begun last, and the members that single tags of it give."""
        return self.open[self.element], _SIMPLE[self.element]

    def note(self, text: str, line: int) -> None:
        # One past the limit lets the reader say that there were more.
        if len(self.problems) <= self.limits.max_problems:
            self.problems.append(Problem("schema", f"line {line}", text))

    def take(self, tag: str, value: str, line: int) -> None:
        """One tag with its value."""
        known = _TAGS.get(tag)
        if known is not None:
            section, field, many = known
            if section == "creation":
                node: LineNode | None = self._creation(line)
                section = "document"
            else:
                node = self.open.get(section)
            if node is None:
                self.note(f"expected {tag} inside a {section}, got it outside of any", line)
                return
            if section != self.element and section in _ELEMENTS:
                self.note(f"expected {tag} before the {self.element} began, got it inside of it", line)
            if many:
                node.many(field, value, line)
            elif not node.one(field, value, line):
                self.note(f"expected {tag} once in a {section}, got it a second time", line)
            return
        begins = _BEGINS.get(tag)
        if begins is not None:
            self._begin(*begins, value, line)
            return
        structured = _STRUCTURED.get(tag)  # with white space before its colon
        if structured is None:
            self.note(f"expected a tag of SPDX, got {shown(tag)}", line)
        else:
            structured(self, value, line)

    def _creation(self, line: int) -> LineNode:
        if self.creation is None:
            self.creation = LineNode(line)
            self.document.one("creationInfo", self.creation, line)
        return self.creation

    def _begin(self, section: str, listed: str, field: str, value: str, line: int) -> None:
        node = LineNode(line)
        node.one(field, value, line)
        self.open[section] = node
        self.document.many(listed, node, line)
        if section in _ELEMENTS:
            self.element = section

    def id(self, value: str, line: int) -> None:
        node = self.open[self.element]
        if self.element in ("snippet", "licence"):
            self.note(f"expected SPDXID of a document, package or file, got it inside a {self.element}", line)
        elif not node.one("SPDXID", value, line):
            self.note(f"expected SPDXID once in a {self.element}, got it a second time", line)

    def checksum(self, section: str, value: str, line: int) -> None:
        node = self.open.get(section)
        if node is None or self.element != section:
            self.note(f"expected a checksum of a {section} inside one, got it outside", line)
        if node is not None:
            node.many("checksums", _checksum(value), line)

    def verification(self, value: str, line: int) -> None:
        node = self.open.get("package")
        if node is None:
            self.note("expected PackageVerificationCode inside a package, got it outside of any", line)
            return
        found = _VERIFICATION.fullmatch(value)
        code: dict[str, Any] = {"packageVerificationCodeValue": found[1] if found else value}
        if found and found[2]:
            code["packageVerificationCodeExcludedFiles"] = [found[2]]
        if not node.one("packageVerificationCode", code, line):
            self.note("expected PackageVerificationCode once in a package, got it a second time", line)

    def reference(self, value: str, line: int) -> None:
        node = self.open.get("package")
        if node is None:
            self.note("expected ExternalRef inside a package, got it outside of any", line)
            return
        reference = dict(zip(_REFERENCE, value.split(maxsplit=2), strict=False))
        self.last["external reference"] = reference
        node.many("externalRefs", reference, line)

    def relationship(self, value: str, line: int) -> None:
        parts = value.split(maxsplit=2)
        if len(parts) == 3:
            relationship = {
                "spdxElementId": parts[0],
                "relationshipType": sys.intern(parts[1]),
                "relatedSpdxElement": parts[2],
            }
        else:
            relationship = dict(zip(_RELATIONSHIP, parts, strict=False))
        self.last["relationship"] = relationship
        self.document.many("relationships", relationship, line)

    def comment(self, owner: str, value: str, line: int) -> None:
        node = self.last.get(owner)
        if node is None:
            self.note(f"expected the comment of the {owner} after one, got it before any", line)
        elif "comment" in node:
            self.note(f"expected one comment of the {owner}, got a second", line)
        else:
            node["comment"] = value

    def other_document(self, value: str, line: int) -> None:
        parts = value.split(maxsplit=2)
        node: dict[str, Any] = dict(zip(("externalDocumentId", "spdxDocument"), parts, strict=False))
        if len(parts) == 3:
            node["checksum"] = _checksum(parts[2])
        self.document.many("externalDocumentRefs", node, line)


_REFERENCE = ("referenceCategory", "referenceType", "referenceLocator")
_RELATIONSHIP = ("spdxElementId", "relationshipType", "relatedSpdxElement")


def _checksum(value: str) -> dict[str, str]:
    algorithm, colon, digits = value.partition(":")
    if not colon:
        return {"algorithm": algorithm.strip()}
    return {"algorithm": algorithm.strip(), "checksumValue": digits.strip()}


_STRUCTURED: dict[str, Callable[[_Reading, str, int], None]] = {
    "SPDXID": _Reading.id,
    "PackageChecksum": lambda r, value, line: r.checksum("package", value, line),
    "FileChecksum": lambda r, value, line: r.checksum("file", value, line),
    "PackageVerificationCode": _Reading.verification,
    "ExternalRef": _Reading.reference,
    "Relationship": _Reading.relationship,
    "ExternalDocumentRef": _Reading.other_document,
    "RelationshipComment": lambda r, value, line: r.comment("relationship", value, line),
    "ExternalRefComment": lambda r, value, line: r.comment("external reference", value, line),
}
