"""CSAF, OpenVEX and CycloneDX VEX: each parser returns or raises the package's own errors."""

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
