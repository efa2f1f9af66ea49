"""An SBOM in whatever format: told by its content, refused by its name, each hostile file at its place."""

import bz2
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vouchsafe.sbom
from tests.sbom.test_cyclonedx import GOOD
from tests.sbom.test_cyclonedx_xml import GOOD as GOOD_XML
from vouchsafe.sbom import reading
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Component

TAG_VALUE = """SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: d
DocumentNamespace: https://example.org/d
Creator: Tool: t
Created: 2026-01-01T00:00:00Z
PackageName: zlib
SPDXID: SPDXRef-z
PackageVersion: 1.3
PackageDownloadLocation: NOASSERTION
"""
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "d",
    "documentNamespace": "https://example.org/d",
    "creationInfo": {"creators": ["Tool: t"], "created": "2026-01-01T00:00:00Z"},
    "packages": [
        {"SPDXID": "SPDXRef-z", "name": "zlib", "versionInfo": "1.3", "downloadLocation": "NOASSERTION"}
    ],
}
SPDX_XML = """<?xml version="1.0"?><Document><spdxVersion>SPDX-2.3</spdxVersion><SPDXID>SPDXRef-DOCUMENT</SPDXID>
<packages><SPDXID>SPDXRef-z</SPDXID><name>zlib</name><versionInfo>1.3</versionInfo></packages></Document>"""
LAUGHS = (
    '<?xml version="1.0"?>\n<!DOCTYPE bom [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + ']>\n<bom xmlns="http://cyclonedx.org/schema/bom/1.6">&i;</bom>'
)


def yaml_of(value: object) -> bytes:
    import yaml

    return yaml.safe_dump(value).encode()


@pytest.mark.parametrize(
    ("data", "format_", "version", "names"),
    [
        (json.dumps(GOOD).encode(), "CycloneDX", "1.6", ["tarn-link", "time"]),
        (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "CycloneDX", "1.6", ["tarn-link", "time"]),
        (GOOD_XML.encode(), "CycloneDX", "1.6", ["tarn-link", "time"]),
        (GOOD_XML.replace("UTF-8", "UTF-16").encode("utf-16"), "CycloneDX", "1.6", ["tarn-link", "time"]),
        (json.dumps(SPDX).encode(), "SPDX", "2.3", ["zlib"]),
        (json.dumps(SPDX | {"comment": '"bomFormat": 1'}).encode(), "SPDX", "2.3", ["zlib"]),
        (json.dumps(SPDX).replace("spdxVersion", "\\u0073pdxVersion").encode(), "SPDX", "2.3", ["zlib"]),
        (TAG_VALUE.encode(), "SPDX", "2.3", ["zlib"]),
        (b"\xef\xbb\xbf# a comment\n\n" + TAG_VALUE.encode(), "SPDX", "2.3", ["zlib"]),
        (yaml_of(SPDX), "SPDX", "2.3", ["zlib"]),
        (SPDX_XML.encode(), "SPDX", "2.3", ["zlib"]),
    ],
)
def test_tells_the_format_by_the_content(data: bytes, format_: str, version: str, names: list[str]) -> None:
    said = vouchsafe.sbom.read(data)
    assert (said.format, said.spec_version) == (format_, version)
    assert [c.name for c in said.components] == names


def test_a_cyclonedx_file_that_speaks_of_spdx_is_cyclonedx() -> None:
    text = json.dumps(GOOD | {"properties": [{"name": '"spdxVersion": "SPDX-2.3"'}]}).encode()
    assert reading.read(text).format == "CycloneDX"


@pytest.mark.parametrize(
    ("data", "kind", "place", "got"),
    [
        (b"", Malformed, "line 1 column 1", "an empty file"),
        (b"\n \t", Malformed, "line 1 column 1", "an empty file"),
        (gzip.compress(json.dumps(GOOD).encode()), NotRead, "byte 0", "gzip data"),
        (bz2.compress(b"{}"), NotRead, "byte 0", "bzip2 data"),
        (b"PK\x03\x04\x14", NotRead, "byte 0", "a ZIP archive"),
        (b'\x0a\x031.5\x10\x01"', NotRead, "byte 0", "CycloneDX as protobuf"),
        (
            b'# proto-file: schema\nspec_version: "1.5"\n',
            NotRead,
            "line 1 column 1",
            "CycloneDX as protobuf text",
        ),
        (json.dumps(GOOD).encode("utf-16"), NotRead, "byte 0", "UTF-16 text, little endian"),
        (TAG_VALUE.encode("utf-16"), NotRead, "byte 0", "UTF-16 text, little endian"),
        ("{}".encode("utf-32"), NotRead, "byte 0", "UTF-32 text"),
        (
            "SPDXVersion: SPDX-2.3".encode("utf-16-le"),
            NotRead,
            "byte 0",
            "binary data, or UTF-16 text without a byte order mark",
        ),
        (b"hello", Malformed, "line 1 column 1", "other text"),
        (b"[]", Malformed, "$", "an array"),
        (b"{}", Malformed, "$", "another object"),
        (b'{"bomFormat": "CDX"}', Malformed, "$.bomFormat", "“CDX”"),
        (
            b'{"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}',
            NotRead,
            "$",
            "an OpenVEX document",
        ),
        (
            b'{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}',
            NotRead,
            "$",
            "an SPDX 3 document (JSON-LD)",
        ),
        (b'{"document": {"csaf_version": "2.0"}}', NotRead, "$", "a CSAF document"),
        (
            b'{"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": []}',
            NotRead,
            "$",
            "an OSV advisory",
        ),
        (b'{"dataType": "CVE_RECORD"}', NotRead, "$", "a CVE record"),
        (b'{"payloadType": "x", "payload": "", "signatures": []}', NotRead, "$", "a signed envelope (DSSE)"),
        (
            b'{"_type": "https://in-toto.io/Statement/v1", "predicate": {"spdxVersion": "SPDX-2.3"}}',
            NotRead,
            "$",
            "an in-toto statement",
        ),
        (
            b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF>',
            NotRead,
            "line 1: /RDF",
            "SPDX as RDF, or other RDF",
        ),
        (
            b'<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"/>',
            NotRead,
            "line 1: /SoftwareIdentity",
            "a SWID tag",
        ),
        (b"\n<html/>", NotRead, "line 2: /html", "<html> of no namespace"),
        (LAUGHS.encode(), Malformed, "line 2 column 1", "<!DOCTYPE"),
        (b'{"a":' * 50_000, TooLarge, "line 1 column 1001", "level 201"),
        (
            b'{"bomFormat":"CycloneDX","specVersion":"1.6","x":' + b"[" * 50_000,
            TooLarge,
            "line 1 column 249",
            "level 201",
        ),
        (b'{"spdxVersion":"SPDX-2.3","x":' + b"[" * 50_000, TooLarge, "line 1 column 230", "level 201"),
        (
            b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6">' + b"<components>" * 50_000,
            TooLarge,
            "line 1 column 2438",
            "level 201",
        ),
        (b"<Document>" + b"<packages>" * 50_000, TooLarge, "line 1 column 2001", "level 201"),
    ],
)
def test_a_hostile_or_other_file_is_refused_at_its_place(
    data: bytes, kind: type[Malformed], place: str, got: str
) -> None:
    with pytest.raises(Malformed) as told:
        reading.read(data)
    assert (type(told.value), told.value.place, told.value.got) == (kind, place, got)


def test_takes_as_many_bytes_as_allowed_and_refuses_one_more() -> None:
    data = json.dumps(GOOD).encode()
    assert reading.read(data, limits=Limits(max_bytes=len(data))).components
    for one_more in (data + b" ", b"<" * (len(data) + 1), b"x" * (len(data) + 1)):
        with pytest.raises(TooLarge) as told:
            reading.read(one_more, limits=Limits(max_bytes=len(data)))
        assert told.value.place == "byte 0"


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the kernel doesn't tell a process's peak memory"
)
def test_a_file_of_two_gigabytes_is_refused_after_the_limit_and_one_byte(tmp_path: Path) -> None:
    """A sparse file: its length says 2 GB. Memory shows that the rest is never read."""
    path = tmp_path / "two-gigabytes.json"
    with path.open("wb") as stream:
        stream.write(b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": "')
        stream.truncate(2**31)
    code = (
        "from pathlib import Path\n"
        "from vouchsafe.cli.main import main\n"
        "try:\n main()\n"
        # Of this program alone: the resource usage of a process begins with that of the one that started it.
        "finally:\n print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "sbom", "inspect", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    expected = f"expected at most {DEFAULT.max_bytes:,} bytes, got {DEFAULT.max_bytes + 1:,}"
    assert done.stderr.strip().endswith(f"{path}: byte 0: {expected}")
    assert done.stderr.count("\n") == 1
    assert int(done.stdout.split()[-1]) < 300 * 1024


def test_a_string_that_says_it_is_two_gigabytes_long_is_no_sbom() -> None:
    # CBOR, MessagePack and protobuf each with a length of 2 GB and nothing behind it.
    for data in (b"\x7a\x80\x00\x00\x00", b"\xdb\x80\x00\x00\x00", b"\x12\x80\x80\x80\x80\x08"):
        with pytest.raises(Malformed) as told:
            reading.read(data)
        assert told.value.place in ("byte 0", "line 1 column 1")


def test_a_tag_value_text_that_is_called_json_is_read(fixtures: Path) -> None:
    path = fixtures / "sbom/chainguard-dev_bom-shelter/grype-sbom-modified.spdx.json"
    said = reading.read(path.read_bytes())
    plain = path.read_text(encoding="utf-8").count("\nPackageName:")
    assert (said.format, len(said.components)) == ("SPDX", plain)
    assert plain > 1_000


def test_every_sbom_of_the_fixtures_is_read_or_refused_with_a_place(fixtures: Path) -> None:
    read, refused = 0, {}
    for path in sorted((fixtures / "sbom").rglob("*")):
        other = ("CycloneDX_schemas", "oasis-tcs_csaf", "openvex_spec", "CycloneDX_schema-tests")
        if not path.is_file() or path.suffix in (".md", ".txt", ".py") or any(o in path.parts for o in other):
            continue
        try:
            reading.read(path.read_bytes())
        except Malformed as told:
            refused[str(path.relative_to(fixtures / "sbom"))] = told.place
            continue
        read += 1
    assert read > 140
    for name, place in {
        "guacsec_guac/invalid-cyclonedx.json": "$.bomFormat",
        "guacsec_guac/invalid-cyclonedx.xml": "line 1 column 39",
        "CycloneDX_sbom-utility/test/cyclonedx/1.3/cdx-1-3-syntax-err-1.json": "line 6 column 18",
        "ntia_conformance_checker-6.0.0/data/no_elements_missing/SPDXRdfExample-v2.3.spdx.rdf.xml": "line 2: /RDF",
    }.items():
        assert refused[name] == place
    assert all(refused.values())


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from([json.dumps(GOOD), json.dumps(SPDX), GOOD_XML, SPDX_XML, TAG_VALUE]),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), max_size=4),
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-8-sig"]),
)
def test_a_mutated_file_of_any_format_is_read_or_refused(
    text: str, changes: list[tuple[float, bytes]], encoding: str
) -> None:
    data = bytearray(text.encode(encoding))
    for where, what in changes:
        at = int(where * len(data))
        data[at : at + len(what)] = what
    try:
        said = reading.read(bytes(data))
    except SbomError as told:
        assert str(told)
        return
    assert said.format in ("CycloneDX", "SPDX")


def test_reading_needs_no_file_name_and_leaves_the_bytes() -> None:
    import hashlib

    for text in (json.dumps(GOOD), GOOD_XML, TAG_VALUE):
        data = text.encode()
        assert reading.read(data).sha256 == hashlib.sha256(data).hexdigest()


def test_has_version_says_what_the_identity_says() -> None:
    for version in ("", "1.0"):
        for url in (
            None,
            "",
            "no purl",
            "pkg:npm/a",
            "pkg:npm/a@2",
            "pkg:generic/a@3",
            "pkg:deb/debian/a?upstream=b%404",
        ):
            component = Component(name="a", version=version, purl=url)
            assert component.has_version() == bool(component.identity().version), (version, url)
