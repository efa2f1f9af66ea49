"""An SBOM in whatever format it came: told by what the bytes say, never by a file's name.

Read are CycloneDX in JSON (1.2 to 1.7) and XML (1.0 to 1.7), and SPDX 2.1 to 2.3 in JSON, tag-value, YAML and
XML. What is known to be something else is refused by its name (`NotRead`): an advisory, a VEX document, SPDX 3,
a compressed file, protobuf.

    >>> said = read(b"SPDXVersion: SPDX-2.3\\nDataLicense: CC0-1.0\\nSPDXID: SPDXRef-DOCUMENT\\n"
    ...     b"DocumentName: d\\nDocumentNamespace: https://example.org/d\\nCreator: Tool: t\\n"
    ...     b"Created: 2026-01-01T00:00:00Z\\nPackageName: zlib\\nSPDXID: SPDXRef-z\\nPackageVersion: 1.3\\n"
    ...     b"PackageDownloadLocation: NOASSERTION\\n")
    >>> said.format, said.spec_version, [(c.name, c.version) for c in said.components]
    ('SPDX', '2.3', [('zlib', '1.3')])
    >>> read(b'{"openvex": true, "@context": "https://openvex.dev/ns/v0.2.0"}')
    Traceback (most recent call last):
    vouchsafe.sbom.errors.NotRead: $: expected a CycloneDX or SPDX 2 document, got an OpenVEX document
"""

import codecs
import re
from typing import Any

from vouchsafe.sbom import cyclonedx, cyclonedx_xml, jsontext, xmltext
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Sbom

WANTED = "a CycloneDX or SPDX 2 document"

_PACKED = (
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"BZh", "bzip2 data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"%PDF", "a PDF file"),
    # CycloneDX protobuf: field 1, three characters, the version.
    (b"\x0a\x031.", "CycloneDX as protobuf"),
)
_WIDE = (
    (codecs.BOM_UTF32_LE, "UTF-32 text"),
    (codecs.BOM_UTF32_BE, "UTF-32 text"),
    (codecs.BOM_UTF16_LE, "UTF-16 text, little endian"),
    (codecs.BOM_UTF16_BE, "UTF-16 text, big endian"),
)
_SPDX_TEXT = re.compile(rb"""^\s*["']?spdxVersion["']?[ \t]*:""", re.MULTILINE | re.IGNORECASE)
_TEXTPROTO = re.compile(rb"(?:\s|#[^\n]*\n)*+spec_version:", re.ASCII)
# Turtle, or triples one a line.
_RDF_TEXT = re.compile(
    rb"(?:\s|#[^\n]*\n)*+(?:@(?:prefix|base)\s|<[a-z][a-z0-9+.-]*:[^<>\s]*>[ \t])", re.ASCII
)
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SWID = re.compile(r"http://standards\.iso\.org/iso/19770/-2/")

# What JSON objects are, by a member of the outermost one and, where given, the beginning of its text.
_JSON_KINDS = (
    ("@context", "https://openvex.dev", "an OpenVEX document"),
    ("@context", "https://spdx.org/rdf/3", "an SPDX 3 document (JSON-LD)"),
    ("statements", None, "an OpenVEX document"),
    ("@graph", None, "an SPDX 3 document (JSON-LD)"),
    ("payloadType", None, "a signed envelope (DSSE)"),
    ("_type", "https://in-toto.io/", "an in-toto statement"),
    ("dataType", "CVE_RECORD", "a CVE record"),
    ("format", "NVD_CVE", "NVD vulnerabilities"),
    ("catalogVersion", None, "a catalogue of exploited vulnerabilities"),
    ("runs", None, "a SARIF report"),
    ("SchemaVersion", None, "a Trivy report"),
)


def read(data: bytes, *, limits: Limits = DEFAULT) -> Sbom:
    """The SBOM in `data`.

    Raises:
        TooLarge: past a limit.
        NotRead: a format that is known and not read here; `got` says which.
        Malformed: none of these, or one of them with a flaw that could hide a component. The place is a line and
            column, a JSON path, or a line and XML path.
    """
    if len(data) > limits.max_bytes:
        raise TooLarge("byte 0", f"at most {limits.max_bytes:,} bytes", f"{len(data):,}")
    if not data or data.isspace():
        raise Malformed("line 1 column 1", WANTED, "an empty file")
    for mark, name in _PACKED:
        if data.startswith(mark):
            raise NotRead("byte 0", WANTED, name)
    if _RDF_TEXT.match(data):
        raise NotRead("line 1 column 1", WANTED, "SPDX as RDF, or other RDF")
    if cyclonedx.looks_like_xml(data):
        return _xml(data, limits)
    for mark, name in _WIDE:
        if data.startswith(mark):
            raise NotRead("byte 0", "UTF-8 text", name)
    if jsontext.is_json(data):
        return _json(data, limits)
    if _SPDX_TEXT.search(data.removeprefix(codecs.BOM_UTF8)):
        return _spdx(data, limits)
    if _TEXTPROTO.match(data):
        raise NotRead("line 1 column 1", WANTED, "CycloneDX as protobuf text")
    if b"\0" in data[:64]:
        raise NotRead("byte 0", WANTED, "binary data, or UTF-16 text without a byte order mark")
    raise Malformed("line 1 column 1", WANTED, "other text")


def _spdx(data: bytes, limits: Limits) -> Sbom:
    from vouchsafe.sbom import spdx  # it brings YAML with it, which most callers never need

    return spdx.read(data, limits=limits)


def _xml(data: bytes, limits: Limits) -> Sbom:
    root = xmltext.outermost(data, limits=limits)
    if root.namespace.startswith(cyclonedx_xml.NAMESPACE):
        return cyclonedx_xml.read(data, limits=limits)
    if root.tag == "Document" and not root.namespace:
        return _spdx(data, limits)
    if root.namespace == _RDF:
        got = "SPDX as RDF, or other RDF"
    elif _SWID.match(root.namespace):
        got = "a SWID tag"
    elif root.tag == "cvrfdoc":
        got = "a CVRF advisory"
    else:
        got = f"<{root.tag}> of {shown(root.namespace) if root.namespace else 'no namespace'}"
    raise NotRead(root.place, WANTED, got)


def _json(data: bytes, limits: Limits) -> Sbom:
    # Only a guess at which reader to ask first, so that a large file is parsed once; each looks for itself.
    if b'"spdxVersion"' in data and b'"bomFormat"' not in data:
        try:
            return _spdx(data, limits)
        except TooLarge:
            raise
        except Malformed:
            value = jsontext.parse(data, limits=limits)
            if isinstance(value, dict) and "spdxVersion" in value:
                raise
            raise _other(value) from None
    with xmltext.uncollected():
        return _of_value(jsontext.parse(data, limits=limits), data, limits)


def _of_value(value: Any, data: bytes, limits: Limits) -> Sbom:
    if isinstance(value, dict) and "bomFormat" in value:
        return cyclonedx.of_json(value, data, limits=limits)
    if isinstance(value, dict) and "spdxVersion" in value:
        return _spdx(data, limits)
    raise _other(value)


def _other(value: Any) -> Malformed:
    """What JSON without the mark of an SBOM is."""
    if not isinstance(value, dict):
        return Malformed("$", WANTED, shown(value))
    for name, start, what in _JSON_KINDS:
        said = value.get(name)
        if said is not None and (start is None or (isinstance(said, str) and said.startswith(start))):
            return NotRead("$", WANTED, what)
    document = value.get("document")
    if isinstance(document, dict) and "csaf_version" in document:
        return NotRead("$", WANTED, "a CSAF document")
    if isinstance(value.get("id"), str) and "modified" in value:
        return NotRead("$", WANTED, "an OSV advisory")
    if "artifacts" in value and "schema" in value:
        return NotRead("$", WANTED, "a Syft report")
    if "specVersion" in value:
        return Malformed("$.bomFormat", "“CycloneDX”", "nothing")
    if "SPDXID" in value:
        return Malformed("$.spdxVersion", "SPDX-2.1, SPDX-2.2 or SPDX-2.3", "nothing")
    return Malformed("$", WANTED, "another object")
