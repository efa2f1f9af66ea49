"""SPDX 2.1 to 2.3 documents in JSON, tag-value, YAML and XML: every package, and what is wrong with the file.

The syntax is told from the content, never from a file's name. Refused (`Malformed`): what can't be an SPDX
document, or whose packages could not be told for sure. Read with `problems`: what breaks a rule of the format
(`schema`), leaves out an NTIA minimum element (`ntia`), repeats an identifier (`duplicate`), names an element
that is not there (`dangling`), or has a package URL that can't be read (`purl`).

Every package is a component, the one that the document describes too: an advisory about it must match. Files
and snippets are counted, not components. NOASSERTION and NONE mean that nothing is said. SPDX as RDF, SPDX 1,
2.0 and 3 are not read.

    >>> sbom = read(b'''SPDXVersion: SPDX-2.3
    ... DataLicense: CC0-1.0
    ... SPDXID: SPDXRef-DOCUMENT
    ... DocumentName: pump
    ... DocumentNamespace: https://fellside.example/sbom/1
    ... Creator: Organization: Fellside Medical
    ... Created: 2026-10-26T08:00:00Z
    ... PackageName: time
    ... SPDXID: SPDXRef-time
    ... PackageVersion: 0.3.44
    ... PackageSupplier: NOASSERTION
    ... PackageDownloadLocation: NOASSERTION
    ... FilesAnalyzed: false
    ... ExternalRef: PACKAGE-MANAGER purl pkg:cargo/time@0.3.44
    ... Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-time
    ... ''')
    >>> sbom.spec_version, sbom.components[0].purl, sbom.components[0].path
    ('2.3', 'pkg:cargo/time@0.3.44', 'line 8')
    >>> [(p.kind, p.place, p.text) for p in sbom.problems]
    [('ntia', 'line 11', '“time” has no supplier')]

Source: https://spdx.github.io/spdx-spec/v2.3/ and v2.2.2; NTIA, "The Minimum Elements For a Software Bill of
Materials", 2021, and its mapping to SPDX.
"""

import codecs
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, Literal

from vouchsafe.sbom import joins, jsontext, spdx_tagvalue, spdx_tree, spdx_yaml, xmltext
from vouchsafe.sbom import spdx_fields as fields
from vouchsafe.sbom import spdx_rules as rules
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Component, Problem, Sbom
from vouchsafe.sbom.spdx_tree import Places

VERSIONS = ("2.1", "2.2", "2.3")
Syntax = Literal["json", "tag-value", "yaml", "xml"]

_HEAD = 64 * 1024
_JSON_SPDX = re.compile(rb'"(?:spdxVersion|SPDXID)"\s*:|"@context"\s*:\s*\[?\s*"https://spdx\.org/rdf/')
_JSON_OTHER = re.compile(rb'"bomFormat"\s*:')
_XML_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s/>]")
_XML_PASSED = re.compile(rb"<!--.*?-->|<\?.*?\?>", re.DOTALL)
_LINE_KEY = re.compile(rb"""(?:^|[\r\n])(?:SPDXVersion[ \t]*:|\{?[ ]*(["']?)spdxVersion\1[ \t]*:)""")
_FIRST_TAG = re.compile(rb"(?:^|[\r\n])[ \t]*([A-Z][A-Za-z]+)[ \t]*:")


@dataclass(frozen=True, slots=True)
class SpdxSbom(Sbom):
    """An SPDX document. `serial` is its namespace, `version` always 1.

    Attributes:
        name: the document's name.
        creators: who made it, as written: `Tool: …`, `Organization: …`, `Person: …`.
        licence_list_version: the version of the SPDX licence list that it was written against.
        files, snippets: how many of them it lists; they are not components.
    """

    name: str
    creators: tuple[str, ...]
    licence_list_version: str
    files: int
    snippets: int


def detect(data: bytes) -> Syntax | None:
    """The syntax of what looks like an SPDX document; None for anything else. Says nothing about its being right.

    SPDX as RDF/XML and SPDX 3 are `xml` and `json`, so that `read` can say why they are not read.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # `read` refuses the encoding of all but XML; which syntax it would be is told all the same.
        data = data[:_HEAD].decode("utf-16", "replace").encode("utf-8", "replace")
    text = data.removeprefix(codecs.BOM_UTF8)
    start = text[:_HEAD].lstrip()
    if start.startswith(b"<"):
        found = _XML_ROOT.search(_XML_PASSED.sub(b"", start))
        is_spdx = found is not None and (
            found[1] == b"Document" or (found[1] == b"RDF" and b"spdx.org/rdf/terms" in text)
        )
        return "xml" if is_spdx else None
    if jsontext.is_json(start) and _JSON_SPDX.search(text):
        return None if _JSON_OTHER.search(text) and _is_cyclonedx(text) else "json"
    found = _LINE_KEY.search(text)
    if found is not None:
        return "tag-value" if b"SPDXVersion" in found[0] else "yaml"
    found = _FIRST_TAG.search(text[:_HEAD])
    if found is not None and found[1] in (
        b"SPDXVersion",
        b"DataLicense",
        b"DocumentName",
        b"DocumentNamespace",
        b"PackageName",
    ):
        return "tag-value"
    return None


def _is_cyclonedx(text: bytes) -> bool:
    """Whether bomFormat is a member of the outermost object, and no SPDX version is."""
    members = jsontext.spans(text)
    return "bomFormat" in members and "spdxVersion" not in members


def read(data: bytes, *, limits: Limits = DEFAULT) -> SpdxSbom:
    """The document in `data`.

    Raises:
        TooLarge: past a limit.
        NotRead: SPDX as RDF, another version of SPDX, another format, UTF-16 text.
        Malformed: not well-formed, or not an SPDX document. The place is a line and column for syntax; for the
            rest a JSON path (JSON and YAML), a line (tag-value), or a line and a path (XML).
    """
    with xmltext.uncollected():
        return _read(data, limits)


def _read(data: bytes, limits: Limits) -> SpdxSbom:
    syntax = detect(data) or _guess(data)
    early: list[Problem] = []
    places = Places()
    if syntax == "json":
        doc = jsontext.parse(data, limits=limits)
    elif syntax == "yaml":
        doc = spdx_yaml.parse(data, limits=limits)
    elif syntax == "xml":
        doc, places = spdx_tree.parse_xml(data, limits=limits), spdx_tree.XmlPlaces()
    else:
        doc, early = spdx_tagvalue.parse(data, limits=limits)
        places = spdx_tagvalue.LinePlaces()
    if not isinstance(doc, dict):
        raise Malformed("$", "an SPDX document (an object)", shown(doc))
    notes = rules.Notes(places, limits.max_problems)
    notes.before(early, doc)
    try:
        return _Reading(doc, notes, limits).document(hashlib.sha256(data).hexdigest())
    finally:
        if isinstance(doc, spdx_tree.XmlNode) and doc.element is not None:
            xmltext.dissolve(doc.element)


def _guess(data: bytes) -> Syntax:
    """The syntax whose error helps most with something that is no SPDX document."""
    start = data[:_HEAD].removeprefix(codecs.BOM_UTF8).lstrip()
    return "json" if jsontext.is_json(start) else "xml" if start.startswith(b"<") else "tag-value"


def _version(doc: dict[str, Any], places: Places) -> str:
    value = doc.get("spdxVersion")
    place = places.of(doc, places.root, "spdxVersion")
    if "bomFormat" in doc and value is None:
        raise NotRead("$", "SPDX 2.1 to 2.3", "a CycloneDX BOM")
    if "@context" in doc or "@graph" in doc:
        raise NotRead("$", "SPDX 2.1 to 2.3", "an SPDX 3 document (JSON-LD)")
    if value is None:
        raise Malformed(place, "SPDX-2.1, SPDX-2.2 or SPDX-2.3", "nothing")
    if not isinstance(value, str) or value.removeprefix("SPDX-") not in VERSIONS or value in VERSIONS:
        raise NotRead(place, "SPDX-2.1, SPDX-2.2 or SPDX-2.3", shown(value))
    return value.removeprefix("SPDX-")


class _Reading:
    """One pass over one document: its identifiers, what it describes, what depends on what."""

    def __init__(self, doc: dict[str, Any], notes: rules.Notes, limits: Limits) -> None:
        self.doc = doc
        self.notes = notes
        self.places = notes.places
        self.limits = limits
        self.version = _version(doc, notes.places)
        self.root = notes.places.root
        self.ids: dict[str, str] = {}
        self.packages: dict[str, Component] = {}
        self.named = 0
        self.described: dict[str, None] = {}
        self.needs: dict[str, dict[str, None]] = {}
        self.having_files: list[tuple[dict[str, Any], str]] = []
        self.stated = False
        # Thousands of packages say the same here.
        self.agent = cache(fields.agent)
        self.licences_of = cache(fields.licences)
        self.others = {
            item.get("externalDocumentId")
            for _, item in rules.objects(doc, "externalDocumentRefs")
            if isinstance(item.get("externalDocumentId"), str)
        }
        self.licences = {
            item.get("licenseId")
            for _, item in rules.objects(doc, "hasExtractedLicensingInfos")
            if isinstance(item.get("licenseId"), str)
        }

    def document(self, sha256: str) -> SpdxSbom:
        """Reads all of it."""
        doc, root = self.doc, self.root
        rules.check_document(doc, root, self.notes)
        self._identify(doc, root, "the document")
        components = tuple(self._package(item, at) for item, at in self._each("packages"))
        files = sum(1 for item, at in self._each("files") if self._file(item, at))
        snippets = sum(1 for item, at in self._each("snippets") if self._snippet(item, at))
        self._describes()
        self._relationships()
        self._check_references()
        info = doc.get("creationInfo")
        info = info if isinstance(info, dict) else {}
        creators = tuple(c for c in rules.members(info, "creators") if isinstance(c, str) and c.strip())
        created = info.get("created")
        self._check_minimum(components, creators, created)
        subjects = [self.packages[r] for r in self.described if r in self.packages]
        if not self.described and len(components) == 1:
            # SPDX 2.3 11.1: with one package, that the document describes it goes without saying.
            subjects = [components[0]]
        list_version = info.get("licenseListVersion")
        return SpdxSbom(
            format="SPDX",
            spec_version=self.version,
            serial=fields.plain(doc.get("documentNamespace")),
            version=1,
            timestamp=fields.plain(created),
            subject=subjects[0] if len(subjects) == 1 else None,
            components=components,
            dependencies=tuple((ref, tuple(needs)) for ref, needs in self.needs.items()),
            problems=tuple(self.notes),
            sha256=sha256,
            name=fields.plain(doc.get("name")),
            creators=creators,
            licence_list_version=fields.plain(list_version),
            files=files,
            snippets=snippets,
        )

    def _each(self, field: str) -> Iterator[tuple[dict[str, Any], str]]:
        """The objects of one of the document's arrays, with their addresses."""
        doc, root, into = self.doc, self.root, self.places.into
        for i, item in enumerate(self._items(field)):
            yield item, into(doc, root, field, i)

    def _items(self, field: str) -> Iterator[dict[str, Any]]:
        """The objects of one of the document's arrays."""
        doc, root, places = self.doc, self.root, self.places
        items = doc.get(field)
        if items is None:
            return
        if not isinstance(items, Sequence) or isinstance(items, str):
            raise Malformed(places.of(doc, root, field), "an array", shown(items))
        for i, item in enumerate(items):
            if not isinstance(item, dict):
                raise Malformed(places.of(doc, root, field, i), "an object", shown(item))
            yield item

    def _text(self, item: dict[str, Any], at: str, field: str) -> str:
        value = item.get(field)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise Malformed(self.places.of(item, at, field), "text", shown(value))
        return value

    def _said(self, item: dict[str, Any], at: str, field: str) -> str:
        """A text; nothing for NOASSERTION and NONE."""
        value = self._text(item, at, field).strip()
        return "" if value in rules.NOTHING else value

    def _identify(self, item: dict[str, Any], at: str, place: str) -> bool:
        ref = self._text(item, at, "SPDXID")
        if ref:
            if ref in self.ids:
                text = f"{shown(ref)} is also at {self.ids[ref]}"
                self.notes.note("duplicate", text, item, at, "SPDXID")
            else:
                self.ids[ref] = place
        return True

    def _package(self, item: dict[str, Any], at: str) -> Component:
        ref = self._text(item, at, "SPDXID")
        path = self.places.of(item, at)
        urls, cpes = self._external(item, at)
        purpose = self._text(item, at, "primaryPackagePurpose")
        component = Component(
            name=self._text(item, at, "name"),
            version=self._said(item, at, "versionInfo"),
            purl=urls[0] if urls else None,
            cpe=cpes[0] if cpes else None,
            also=(*urls[1:], *cpes[1:]),
            type=rules.PURPOSES.get(purpose, "library"),
            ref=ref,
            supplier=self.agent(self._said(item, at, "supplier")),
            hashes=fields.hashes(item),
            licenses=self.licences_of(
                self._said(item, at, "licenseDeclared"), self._said(item, at, "licenseConcluded")
            ),
            source=fields.source(item.get("sourceInfo")),
            path=path,
        )
        rules.check_package(item, at, self.version, fields.flag(item.get("filesAnalyzed")), self.notes)
        self._check_licences(item, at, "licenseDeclared", "licenseConcluded", "licenseInfoFromFiles")
        self._identify(item, at, path)
        self.named += 1 + len(component.also)
        if self.named > self.limits.max_components:
            raise TooLarge(path, f"at most {self.limits.max_components:,} packages and URLs of them", "more")
        # A package without an identifier, or with another's, is a component all the same.
        key = ref if ref and ref not in self.packages else f"{ref} {path}"
        self.packages[key] = component
        self._check_component(component, item, at)
        if item.get("hasFiles"):
            self.having_files.append((item, at))
        return component

    def _check_component(self, c: Component, item: dict[str, Any], at: str) -> None:
        """The NTIA minimum elements of one package, by the SPDX fields that they are mapped to."""
        note = self.notes.note
        if not c.name.strip():
            note("ntia", "the package has no name", item, at, "name")
        if not c.version and (c.purl is None or "@" not in c.purl):
            note("ntia", f"{shown(c.name)} has no version", item, at, "versionInfo")
        if not c.supplier:
            note("ntia", f"{shown(c.name)} has no supplier", item, at, "supplier")
        if not c.ref:
            note("ntia", f"{shown(c.name)} has no unique identifier (SPDXID)", item, at, "SPDXID")

    def _external(self, item: dict[str, Any], at: str) -> tuple[list[str], list[str]]:
        """The package URLs, those that can be read first; and a CPE of each product, 2.3 before 2.2."""
        cpes: list[tuple[str, str]] = []
        urls: list[str] = []
        unread: list[str] = []
        for i, reference in enumerate(rules.members(item, "externalRefs")):
            if not isinstance(reference, dict):
                self.notes.wrong("a reference (an object)", item, at, "externalRefs", index=i)
                continue
            if not rules.is_reference(reference):
                where = self.places.into(item, at, "externalRefs", i)
                rules.check_reference(reference, where, self.notes)
                self._text(reference, where, "referenceType")
                self._text(reference, where, "referenceLocator")
            type_ = rules.reference_type(reference.get("referenceType") or "")
            locator = reference.get("referenceLocator")
            if type_ in ("cpe22Type", "cpe23Type") and locator:
                cpes.append((type_, locator))
            elif type_ == "purl" and locator:
                told = fields.unreadable(locator)
                if told is None:
                    urls.append(locator)
                else:
                    where = self.places.into(item, at, "externalRefs", i)
                    self.notes.note("purl", told, reference, where, "referenceLocator")
                    unread.append(locator)
        cpes.sort(key=itemgetter(0), reverse=True)
        return list(dict.fromkeys(urls)) or unread[:1], joins.one_of_each(cpe for _, cpe in cpes)

    def _check_licences(self, item: dict[str, Any], at: str, *named: str) -> None:
        rules.check_licences(item, at, named, self.licences, self.others, self.notes)

    def _file(self, item: dict[str, Any], at: str) -> bool:
        rules.check_file(item, at, self.version, self.notes)
        self._check_licences(item, at, "licenseConcluded", "licenseInfoInFiles")
        return self._identify(item, at, self.places.of(item, at))

    def _snippet(self, item: dict[str, Any], at: str) -> bool:
        rules.check_id(item, at, self.notes)
        self._check_licences(item, at, "licenseConcluded", "licenseInfoInSnippets")
        return self._identify(item, at, self.places.of(item, at))

    def _describes(self) -> None:
        described = self.doc.get("documentDescribes")
        if described is None:
            return
        if not isinstance(described, Sequence) or isinstance(described, str):
            raise Malformed(
                self.places.of(self.doc, self.root, "documentDescribes"), "an array", shown(described)
            )
        for i, ref in enumerate(described):
            if not isinstance(ref, str) or not ref:
                self.notes.wrong("an element's identifier", self.doc, self.root, "documentDescribes", index=i)
                continue
            self.stated = True
            self.described[ref] = None
            self._check_known(ref, self.doc, self.root, "documentDescribes", i)

    def _relationships(self) -> None:
        own = self.doc.get("SPDXID")
        ids, most, version, notes = self.ids, self.limits.max_dependencies, self.version, self.notes
        doc, root, into = self.doc, self.root, self.places.into
        # Nearly all relationships are right, between elements of the document: nothing is asked of those, and no
        # address is made up.
        right = {ref for ref in ids if rules.is_ref(ref)}
        types = rules.relationship_types(version)
        for i, item in enumerate(self._items("relationships")):
            at = ""
            one, other = item.get("spdxElementId"), item.get("relatedSpdxElement")
            type_ = item.get("relationshipType")
            if i >= most or not (
                type(one) is type(other) is type(type_) is str
                and one in right
                and (other in right or other in rules.NOTHING)
                and type_ in types
                and (len(item) == 3 or item.keys() <= rules.RELATIONSHIP)
            ):
                at = into(doc, root, "relationships", i)
                if i >= most:
                    raise TooLarge(self.places.of(item, at), f"at most {most:,} relationships", "more")
                rules.check_relationship(item, at, version, notes)
                if not (isinstance(one, str) and isinstance(other, str) and isinstance(type_, str)):
                    continue
                type_ = type_.upper()
                for ref, field in ((one, "spdxElementId"), (other, "relatedSpdxElement")):
                    self._check_known(ref, item, at, field)
            if type_ in rules.DEPENDS:
                self._depends(one, other, own)
            elif type_ in rules.DEPENDED_ON:
                self._depends(other, one, own)
            elif type_ == "DESCRIBES" or type_ == "DESCRIBED_BY":
                who, what = (one, other) if type_ == "DESCRIBES" else (other, one)
                if who == own and what and what not in rules.NOTHING:
                    self.described[what] = None
                    self.stated = True

    def _depends(self, one: str, other: str, own: object) -> None:
        """Notes that a package depends on another one; files and the document have no dependencies."""
        packages = self.packages
        one_is = one in packages or one.startswith("DocumentRef-")
        other_is = other in packages or other.startswith("DocumentRef-")
        if one_is and other_is:
            needs = self.needs.get(one)
            if needs is None:
                needs = self.needs[one] = {}
            needs[other] = None
        if (one_is or one == own) and (other_is or other == own):
            self.stated = True

    def _check_known(
        self, ref: str, node: dict[str, Any], at: str, field: str, index: int | None = None
    ) -> None:
        if not ref or ref in self.ids or ref in rules.NOTHING:
            return
        document, colon, _ = ref.partition(":")
        if colon and document in self.others:
            return
        text = f"{shown(ref)} is no element of this document"
        self.notes.note("dangling", text, node, at, field, index=index)

    def _check_references(self) -> None:
        """What packages, snippets and annotations refer to, and that several packages have a subject."""
        doc, root, into = self.doc, self.root, self.places.into
        for item, at in self.having_files:
            for j, ref in enumerate(rules.members(item, "hasFiles")):
                if isinstance(ref, str):
                    self._check_known(ref, item, at, "hasFiles", j)
        for i, item in rules.objects(doc, "snippets"):
            if isinstance(item.get("snippetFromFile"), str):
                at = into(doc, root, "snippets", i)
                self._check_known(item["snippetFromFile"], item, at, "snippetFromFile")
        for i, item in rules.objects(doc, "annotations"):
            if isinstance(item.get("spdxRef"), str):
                at = into(doc, root, "annotations", i)
                if item["spdxRef"]:
                    self._check_known(item["spdxRef"], item, at, "spdxRef")
                else:
                    self.notes.wrong("an element's identifier", item, at, "spdxRef")
        if len(self.packages) > 1 and not self.described:
            # SPDX 2.3 11.1
            text = f"expected what the document describes of its {len(self.packages):,} packages, got nothing"
            self.notes.note("schema", text, doc, root, "relationships")

    def _check_minimum(
        self, components: tuple[Component, ...], creators: tuple[str, ...], created: object
    ) -> None:
        """The NTIA minimum elements of the document itself."""
        doc, root, note = self.doc, self.root, self.notes.note
        info = doc.get("creationInfo")
        at = self.places.into(doc, root, "creationInfo")
        owner: dict[str, Any] = info if isinstance(info, dict) else doc
        where = at if isinstance(info, dict) else root
        if not creators:
            field = "creators" if owner is info else "creationInfo"
            note("ntia", "the author of the SBOM is missing", owner, where, field)
        if not isinstance(created, str) or not created.strip():
            field = "created" if owner is info else "creationInfo"
            note("ntia", "the time of the SBOM is missing", owner, where, field)
        if components and not self.stated:
            note("ntia", "no dependency is stated", doc, root, "relationships")
