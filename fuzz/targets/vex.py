"""CSAF, OpenVEX and CycloneDX VEX: each parser returns or raises the package's own errors."""

import json

from tests.sbom import csaf_documents as documents
from vouchsafe.sbom import csaf, cyclonedx_vex, vex
from vouchsafe.sbom.errors import SbomError


def read_csaf(data: bytes) -> None:
    """A document, and the advisory that it is: every affected product comes from a status of the document."""
    try:
        document = csaf.read(data)
        advisory = csaf.read_advisory(data)
    except SbomError:
        return
    stated = sum(len(ids) for v in document.vulnerabilities for ids in v.status.values())
    assert bool(advisory.affected) <= bool(stated)
    for vulnerability in document.vulnerabilities:
        for ids in vulnerability.status.values():
            for id_ in ids:
                assert all(p.id == id_ for p in document.resolve(id_))


def read_vex(data: bytes) -> None:
    """Statements in the one vocabulary; not_affected only where the document's own word can mean it."""
    try:
        found = vex.read(data)
    except SbomError:
        return
    for statement in found.statements:
        assert statement.status in vex.STATUSES
        assert statement.justification in ("", *vex.JUSTIFICATIONS)
        if statement.status == "not_affected":
            assert statement.state in ("known_not_affected", "exploitable") or statement.state.startswith(
                ("not_affected", "false_positive")
            )


def read_cyclonedx_vex(data: bytes) -> None:
    """The CycloneDX reader alone, XML included."""
    try:
        cyclonedx_vex.read(data)
    except SbomError:
        return


TARGETS = {"sbom-csaf": read_csaf, "sbom-vex": read_vex, "sbom-cyclonedx-vex": read_cyclonedx_vex}

_BOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {"component": {"type": "firmware", "name": "Tarn 4", "version": "4.1.2", "bom-ref": "pump"}},
    "components": [{"type": "library", "name": "time", "version": "0.3.44", "bom-ref": "t"}],
    "vulnerabilities": [
        {
            "id": "CVE-2026-25727",
            "source": {"name": "NVD"},
            "affects": [
                {
                    "ref": "t",
                    "versions": [
                        {"version": "1", "status": "unaffected"},
                        {"range": "vers:semver/<1", "status": "affected"},
                    ],
                }
            ],
            "analysis": {
                "state": "not_affected",
                "justification": "code_not_present",
                "detail": "d",
                "response": ["update"],
            },
        }
    ],
}
_BOM_XML = (
    b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components><component type="library" bom-ref="t">'
    b"<name>time</name></component></components><vulnerabilities><vulnerability><id>CVE-2026-25727</id><analysis>"
    b"<state>exploitable</state><responses><response>update</response></responses></analysis><affects><target>"
    b"<ref>t</ref><versions><version><version>1</version><status>affected</status></version></versions></target>"
    b"</affects></vulnerability></vulnerabilities></bom>"
)
_OPENVEX = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://fellside.example/vex/1",
    "author": "Fellside",
    "timestamp": documents.AT,
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": "CVE-2026-25727", "aliases": ["GHSA-1"]},
            "products": [
                {
                    "@id": "pkg:oci/tarn@4.1.2",
                    "subcomponents": [{"identifiers": {"purl": "pkg:cargo/time@0.3.44"}}],
                }
            ],
            "status": "not_affected",
            "justification": "vulnerable_code_not_present",
        },
        {
            "vulnerability": {"name": "CVE-2"},
            "products": [{"@id": "p"}],
            "status": "affected",
            "action_statement": "a",
        },
    ],
}
_CSAF = [json.dumps(value).encode() for value in (documents.old(), documents.new())]
SEEDS: dict[str, list[bytes]] = {
    "sbom-csaf": _CSAF,
    "sbom-vex": [*_CSAF, json.dumps(_BOM).encode(), json.dumps(_OPENVEX).encode(), _BOM_XML],
    "sbom-cyclonedx-vex": [json.dumps(_BOM).encode(), _BOM_XML],
}
