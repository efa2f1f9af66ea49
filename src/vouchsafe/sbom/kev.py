"""CISA's catalogue of known exploited vulnerabilities (KEV): is a CVE in it?

Source: the catalogue's JSON schema, https://www.cisa.gov/known-exploited-vulnerabilities-catalog. Promises: a
catalogue that may be incomplete (another `count` than entries, an id that is none) is refused, because "not in
it" is an answer that people act on.

    >>> catalogue = read(b'{"catalogVersion": "2026.01.01", "dateReleased": "2026-01-01T00:00:00Z", "count": 1,'
    ...     b' "vulnerabilities": [{"cveID": "CVE-2021-44228", "vendorProject": "Apache", "product": "Log4j2",'
    ...     b' "vulnerabilityName": "n", "dateAdded": "2021-12-10", "shortDescription": "d",'
    ...     b' "requiredAction": "a", "dueDate": "2021-12-24"}]}')
    >>> ("CVE-2021-44228" in catalogue, "CVE-2021-45046" in catalogue)
    (True, False)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from vouchsafe.sbom import advisory_fields as fields
from vouchsafe.sbom import jsontext, nvd
from vouchsafe.sbom.advisories import Advisory
from vouchsafe.sbom.errors import Malformed, NotRead, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One vulnerability of the catalogue. Dates are `YYYY-MM-DD`; `ransomware` is None where it is not known."""

    cve: str
    vendor: str
    product: str
    name: str
    added: str
    due: str
    description: str
    action: str
    ransomware: bool | None
    cwes: tuple[str, ...]
    notes: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole catalogue of one release; `in` asks by CVE id."""

    version: str
    released: str
    entries: Mapping[str, Entry]
    problems: tuple[str, ...]

    def __contains__(self, cve: object) -> bool:
        return cve in self.entries

    def __len__(self) -> int:
        return len(self.entries)

    def as_advisory(self) -> Advisory:
        """The catalogue in the model of advisories. It names products in words only, so it affects no package."""
        return Advisory(
            id=self.version, aliases=(), related=tuple(self.entries), summary="Known exploited vulnerabilities",
            details="", published=self.released, modified=self.released, withdrawn="", severity=None,
            severities=(), affected=(), references=(), problems=self.problems, format="KEV",
            known_exploited=True,
        )  # fmt: skip


def looks_like(value: Object) -> bool:
    """Whether a JSON object is a KEV catalogue. For choosing a reader, never for trusting."""
    return "catalogVersion" in value


def read(data: bytes, *, limits: Limits = DEFAULT) -> Catalogue:
    """The catalogue in `data`.

    Raises:
        Malformed: no JSON, a missing or wrong field, the same CVE twice, or another count than entries.
        NotRead: another format.
        TooLarge: past a limit.
    """
    value = jsontext.parse(data, limits=limits)
    if not isinstance(value, dict) or not looks_like(value):
        raise NotRead("$", "a KEV catalogue", shown(value))
    return of_value(value, limits=limits)


def of_value(value: Object, place: str = "$", *, limits: Limits = DEFAULT) -> Catalogue:
    """The catalogue of a JSON object. Raises: as `read`."""
    problems: list[str] = []
    version = _required(value, "catalogVersion", place)
    released = fields.time(value, "dateReleased", place, problems)
    if not released:
        raise Malformed(f"{place}.dateReleased", "a time", shown(value.get("dateReleased")))
    entries: dict[str, Entry] = {}
    if "vulnerabilities" not in value:
        raise Malformed(f"{place}.vulnerabilities", "an array", "nothing")
    for at, item in fields.objects(value, "vulnerabilities", place, at_most=limits.max_affected):
        entry = _entry(item, at, problems)
        if entry.cve in entries:
            raise Malformed(f"{at}.cveID", "each CVE once", f"{entry.cve} a second time")
        entries[entry.cve] = entry
    count = value.get("count")
    if isinstance(count, bool) or not isinstance(count, int):
        raise Malformed(f"{place}.count", "a whole number", shown(count))
    if count != len(entries):
        raise Malformed(f"{place}.count", f"the number of entries, {len(entries):,}", f"{count:,}")
    return Catalogue(version, released, entries, tuple(problems[: limits.max_problems]))


def known_exploited(advisory: Advisory, catalogue: Catalogue | None) -> bool | None:
    """Whether a vulnerability is known to be exploited: as its file says, or as the catalogue does.

    None: the file says nothing and there is no catalogue, or no CVE id by which to ask it.
    """
    if advisory.known_exploited or catalogue is None:
        return advisory.known_exploited
    ids = [i for i in (advisory.id, *advisory.aliases) if i.startswith("CVE-")]
    if advisory.format == "CSAF":  # one document on several CVEs, none of which is its own name
        ids += [i for i in advisory.related if i.startswith("CVE-")]
    return any(i in catalogue for i in ids) if ids else None


def apply(advisory: Advisory, catalogue: Catalogue | None) -> Advisory:
    """The advisory with `known_exploited` answered by the catalogue."""
    return replace(advisory, known_exploited=known_exploited(advisory, catalogue))


_CWE = re.compile(r"CWE-[0-9]+", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_RANSOMWARE = {"Known": True, "Unknown": None, "": None}


def _entry(item: Object, place: str, problems: list[str]) -> Entry:
    ransomware = fields.text(item, "knownRansomwareCampaignUse", place)
    if ransomware not in _RANSOMWARE:
        problems.append(
            f"{place}.knownRansomwareCampaignUse: expected Known or Unknown, got {shown(ransomware)}"
        )
    cwes = fields.texts(item, "cwes", place)
    problems.extend(
        f"{place}.cwes[{i}]: expected a CWE such as CWE-79, got {shown(cwe)}"
        for i, cwe in enumerate(cwes)
        if not _CWE.fullmatch(cwe)
    )
    return Entry(
        cve=nvd.cve_id(item, "cveID", place),
        vendor=_required(item, "vendorProject", place),
        product=_required(item, "product", place),
        name=_required(item, "vulnerabilityName", place),
        added=_day(item, "dateAdded", place, problems),
        due=_day(item, "dueDate", place, problems),
        description=_required(item, "shortDescription", place),
        action=_required(item, "requiredAction", place),
        ransomware=_RANSOMWARE.get(ransomware),
        cwes=cwes,
        notes=fields.text(item, "notes", place),
    )


def _required(item: Object, name: str, place: str) -> str:
    if item.get(name) is None:
        raise Malformed(f"{place}.{name}", "text", "nothing")
    return fields.text(item, name, place)


def _day(item: Object, name: str, place: str, problems: list[str]) -> str:
    said = _required(item, name, place)
    try:
        if not _DATE.fullmatch(said):
            raise ValueError
        date.fromisoformat(said)
    except ValueError:
        problems.append(f"{place}.{name}: expected a day as YYYY-MM-DD, got {shown(said)}")
    return said
