"""Advisories: any bytes are read or refused; what was read can be looked up and matched."""

from collections.abc import Callable

from vouchsafe.sbom import advisories, cve5, cvss, ghsa, kev, match, nvd, osv, rustsec
from vouchsafe.sbom.advisories import Advisory
from vouchsafe.sbom.errors import Malformed, SbomError
from vouchsafe.sbom.limits import Limits
from vouchsafe.sbom.model import Component

# Small, so that the limits themselves are reached.
LIMITS = Limits(max_bytes=1 << 20, max_affected=200, max_versions=2_000, max_events=2_000, max_advisories=50)


def _check(said: Advisory) -> None:
    """Ranges and matches follow from whatever was read, and doubt is never an exception."""
    assert said.id
    rows = match.advisory_ranges(said)
    assert not (said.withdrawn and rows)
    assert [a.index for a in said.affected] == list(range(len(said.affected)))
    for affected in said.affected[:20]:
        purl = f"{affected.package_key}@1.2.3" if affected.package_key else None
        match.match(Component(affected.name or "a", "1.2.3", purl=purl), affected)
        match.range_text(affected)


def any_advisory(data: bytes) -> None:
    """The front door."""
    try:
        found = advisories.read_all(data, limits=LIMITS)
    except Malformed as refused:
        _check_place(refused.place)
        return
    for said in found:
        _check(said)


def _check_place(place: str) -> None:
    assert place
    assert "\n" not in place


def _reader(read: Callable[..., Advisory]) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        try:
            said = read(data, limits=LIMITS)
        except SbomError:
            return
        _check(said)

    return target


def nvd_answer(data: bytes) -> None:
    """Every CVE of an NVD answer."""
    try:
        found = nvd.read(data, limits=LIMITS)
    except SbomError:
        return
    for said in found:
        _check(said)


def kev_catalogue(data: bytes) -> None:
    """The catalogue says of each of its entries, and of nothing else, that it is exploited."""
    try:
        said = kev.read(data, limits=LIMITS)
    except SbomError:
        return
    assert all(cve in said for cve in said.entries)
    assert "CVE-0000-0000" not in said or "CVE-0000-0000" in said.entries


def cvss_vector(data: bytes) -> None:
    """A vector has a score, or a fault; and the score has the word that its number has."""
    text = data.decode("utf-8", "replace")
    found, faults = cvss.score(text), cvss.faults(text)
    assert found is not None or faults
    if found is not None and found.score is not None:
        assert 0 <= found.score <= 10
        assert found.rating == cvss.rating(cvss.version_of(text), found.score)


def cpe_name(data: bytes) -> None:
    """A CPE name's family is a CPE name of the same product, of any version."""
    found = nvd.cpe(data.decode("utf-8", "replace"))
    if found is not None:
        family = nvd.cpe(found.family)
        assert family is not None
        assert (family.vendor, family.product, family.version) == (found.vendor, found.product, "")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "sbom-advisory": any_advisory,
    "sbom-advisory-osv": _reader(osv.read),
    "sbom-advisory-ghsa": _reader(ghsa.read),
    "sbom-advisory-cve5": _reader(cve5.read),
    "sbom-advisory-rustsec": _reader(rustsec.read),
    "sbom-advisory-nvd": nvd_answer,
    "sbom-advisory-kev": kev_catalogue,
    "sbom-cvss": cvss_vector,
    "sbom-cpe": cpe_name,
}
