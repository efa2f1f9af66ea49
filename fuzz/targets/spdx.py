"""SPDX: any bytes are read or refused; what was read has components that can be looked up, each with its place."""

from collections.abc import Callable

from vouchsafe.sbom import spdx, spdx_tagvalue, spdx_tree, spdx_yaml
from vouchsafe.sbom.errors import SbomError
from vouchsafe.sbom.limits import Limits

# Small, so that the limits themselves are reached.
LIMITS = Limits(max_bytes=1 << 20, max_components=200, max_dependencies=500, max_problems=100)


def _read(data: bytes) -> None:
    try:
        bom = spdx.read(data, limits=LIMITS)
    except SbomError:
        return
    assert bom.spec_version in spdx.VERSIONS
    assert len(bom.components) <= LIMITS.max_components
    assert len(bom.problems) <= LIMITS.max_problems + 1
    refs = {c.ref for c in bom.components}
    for component in bom.components:
        assert component.path, "a component has a place"
        component.identity()
    for ref, needs in bom.dependencies:
        for one in (ref, *needs):
            assert one in refs or one.startswith("DocumentRef-"), "dependencies are between packages"
    if bom.subject is not None:
        assert bom.subject in bom.components


def _only(syntax: str, head: bytes, tail: bytes = b"") -> Callable[[bytes], None]:
    """The rest of a document of one syntax, so that not every input dies at telling which it is."""

    def target(data: bytes) -> None:
        whole = head + data + tail
        assert spdx.detect(whole) == syntax
        _read(whole)

    return target


def _yaml(data: bytes) -> None:
    try:
        value = spdx_yaml.parse(data, limits=LIMITS)
    except SbomError:
        return
    text = spdx_tree.checked_text(data, "YAML", LIMITS)
    assert repr(value) == repr(spdx_yaml._by_events(text, LIMITS)), "read quickly or not, it says the same"


def _tag_value(data: bytes) -> None:
    try:
        document, _ = spdx_tagvalue.parse(data, limits=LIMITS)
    except SbomError:
        return
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for package in document.get("packages", []):
        assert 1 <= package.line <= lines


_JSON = b'{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "packages": [{"name": "a"}]}'
_TAGS = b"SPDXVersion: SPDX-2.3\nPackageName: a\nSPDXID: SPDXRef-a\nPackageComment: <text>b\nc</text>\n"
_YAML = b"spdxVersion: SPDX-2.3\npackages:\n- name: a\n  SPDXID: SPDXRef-a\n"
_XML = b"<Document><spdxVersion>SPDX-2.3</spdxVersion><packages><name>a</name></packages></Document>"

TARGETS: dict[str, Callable[[bytes], None]] = {
    "sbom-spdx": _read,
    "sbom-spdx-tag-value": _only("tag-value", b"SPDXVersion: SPDX-2.3\n"),
    "sbom-spdx-yaml": _only("yaml", b"spdxVersion: SPDX-2.3\n"),
    "sbom-spdx-xml": _only("xml", b"<Document><spdxVersion>SPDX-2.3</spdxVersion>", b"</Document>"),
    "sbom-spdx-yaml-events": _yaml,
    "sbom-spdx-tag-value-lines": _tag_value,
}
SEEDS: dict[str, list[bytes]] = {
    "sbom-spdx": [_JSON, _TAGS, _YAML, _XML],
    "sbom-spdx-tag-value": [b"PackageName: a\nSPDXID: SPDXRef-a\nPackageVersion: 1\n"],
    "sbom-spdx-yaml": [b"packages:\n- name: a\n  SPDXID: SPDXRef-a\n"],
    "sbom-spdx-xml": [b"<packages><name>a</name><SPDXID>SPDXRef-a</SPDXID></packages>"],
    "sbom-spdx-yaml-events": [
        _YAML,
        b"a:\n- b: |\n    c\n  'd': \"\\x41\\\n    e\"\n- >-\n  f # g\n- h\n  i\n",
    ],
    "sbom-spdx-tag-value-lines": [_TAGS],
}
