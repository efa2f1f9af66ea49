"""CycloneDX, the XML and JSON below it, and the reader of every format: only their own errors may come out."""

from collections.abc import Callable

from vouchsafe.sbom import cyclonedx, cyclonedx_xml, jsontext, match, reading, xmltext
from vouchsafe.sbom.errors import SbomError
from vouchsafe.sbom.limits import Limits
from vouchsafe.sbom.model import Sbom

LIMITS = Limits(max_bytes=1 << 20, max_depth=60, max_elements=20_000, max_components=5_000)


def read_xml(data: bytes) -> None:
    """The tree has every element within the limits, and each child knows its parent and its line."""
    try:
        root = xmltext.parse(data, limits=LIMITS)
    except SbomError:
        return
    waiting, count = [(root, 1)], 0
    while waiting:
        element, depth = waiting.pop()
        count += 1
        assert depth <= LIMITS.max_depth
        assert element.line >= 1
        assert element.place.endswith(element.path)
        for child in element.children:
            assert child.parent is element
            waiting.append((child, depth + 1))
    assert count <= LIMITS.max_elements
    assert xmltext.outermost(data, limits=LIMITS).tag == root.tag


def read_json(data: bytes) -> None:
    """The members that `spans` cuts out say what `parse` said of them."""
    try:
        value = jsontext.parse(data, limits=LIMITS)
    except SbomError:
        return
    if isinstance(value, dict):
        parts = jsontext.spans(data.removeprefix(b"\xef\xbb\xbf"))
        assert parts.keys() == value.keys()
        for name, part in parts.items():
            assert jsontext.parse(part, limits=LIMITS) == value[name]


def read_cyclonedx_json(data: bytes) -> None:
    """As `read_sbom`, with the reader of CycloneDX alone."""
    try:
        _check(cyclonedx.read(data, limits=LIMITS))
    except SbomError:
        return


def read_cyclonedx_xml(data: bytes) -> None:
    """As `read_sbom`, with the reader of CycloneDX XML alone."""
    try:
        _check(cyclonedx_xml.read(data, limits=LIMITS))
    except SbomError:
        return


def read_sbom(data: bytes) -> None:
    """Whatever was read can be looked up and matched."""
    try:
        _check(reading.read(data, limits=LIMITS))
    except SbomError:
        return


def _check(said: Sbom) -> None:
    assert said.format in ("CycloneDX", "SPDX")
    assert len(said.components) <= LIMITS.max_components
    assert len(said.problems) <= LIMITS.max_problems + 1
    assert all(p.place and p.text for p in said.problems)
    for component in said.components:
        assert component.path
        component.identity()
    assert list(match.matches(said.components, [])) == []


TARGETS: dict[str, Callable[[bytes], None]] = {
    "sbom-xml": read_xml,
    "sbom-json": read_json,
    "sbom-cyclonedx-json": read_cyclonedx_json,
    "sbom-cyclonedx-xml": read_cyclonedx_xml,
    "sbom-any": read_sbom,
}

_JSON = (
    b'{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"timestamp":"2026-01-01T00:00:00Z"},'
    b'"components":[{"type":"library","bom-ref":"a","name":"a","version":"1","purl":"pkg:npm/a@1","hashes":'
    b'[{"alg":"MD5","content":"00000000000000000000000000000000"}],"licenses":[{"license":{"id":"MIT"}}],'
    b'"components":[{"type":"file","name":"b"}]}],"dependencies":[{"ref":"a","dependsOn":["a"]}]}'
)
_XML = (
    b'<?xml version="1.0" encoding="UTF-8"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">'
    b'<components><component type="library" bom-ref="a"><name>a</name><version>1</version><hashes>'
    b'<hash alg="MD5">00000000000000000000000000000000</hash></hashes><licenses><license><id>MIT</id></license>'
    b"</licenses><purl>pkg:npm/a@1</purl><components><component type='file'><name>b</name></component>"
    b'</components></component></components><dependencies><dependency ref="a"><dependency ref="a"/></dependency>'
    b"</dependencies></bom>"
)
SEEDS: dict[str, list[bytes]] = {
    "sbom-xml": [_XML, "<a>é</a>".encode("utf-16")],
    "sbom-json": [_JSON],
    "sbom-cyclonedx-json": [_JSON],
    "sbom-cyclonedx-xml": [_XML],
    "sbom-any": [_JSON, _XML],
}
