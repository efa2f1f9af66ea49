"""Rules of the CycloneDX JSON schemas 1.2 to 1.7 that a file may break and still be readable.

Not the whole schema: the rules about components, hashes, licences, pedigree, services, properties,
dependencies and the document's own fields. A breach becomes a `schema` problem with its path.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from vouchsafe.sbom.errors import shown
from vouchsafe.sbom.model import Problem


class Problems(list[Problem]):
    """The problems of one file, up to a limit; `service_refs` are the bom-refs of its services."""

    def __init__(self, at_most: int) -> None:
        super().__init__()
        self.at_most = at_most
        self.service_refs: set[str] = set()

    def add(self, kind: str, place: str, text: str) -> None:
        """Notes a problem; past the limit only one more, which says so."""
        if len(self) < self.at_most:
            self.append(Problem(kind, place, text))
        elif len(self) == self.at_most:
            self.append(
                Problem("schema", "$", f"more than {self.at_most:,} problems; the others are not listed")
            )


def service_refs(problems: Problems) -> set[str]:
    """The bom-refs of services, which dependencies may name too."""
    return problems.service_refs


_TYPES = frozenset(
    ("application", "framework", "library", "container", "operating-system", "device", "firmware", "file")
)
_TYPES_15 = frozenset(("platform", "device-driver", "machine-learning-model", "data"))
_SCOPES = frozenset(("required", "optional", "excluded"))
_HASH_LENGTHS = {
    "MD5": 32,
    "SHA-1": 40,
    "SHA-256": 64,
    "SHA-384": 96,
    "SHA-512": 128,
    "SHA3-256": 64,
    "SHA3-384": 96,
    "SHA3-512": 128,
    "BLAKE2b-256": 64,
    "BLAKE2b-384": 96,
    "BLAKE2b-512": 128,
    "BLAKE3": None,
    "Streebog-256": 64,
    "Streebog-512": 128,
}
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_PATCH_TYPES = frozenset(("unofficial", "monkey", "backport", "cherry-pick"))
_ISSUE_TYPES = frozenset(("defect", "enhancement", "security"))
_FLOWS = frozenset(("inbound", "outbound", "bi-directional", "unknown"))
_LICENCE_LISTS_FROM = "1.3"


def check_document(bom: dict[str, Any], version: str, problems: Problems) -> None:
    """The document's own fields, services and dependencies."""
    serial = bom.get("serialNumber")
    if serial is not None and not (isinstance(serial, str) and _SERIAL.fullmatch(serial)):
        problems.add("schema", "$.serialNumber", f"expected urn:uuid: and a UUID, got {shown(serial)}")
    number = bom.get("version", 1)
    if type(number) is not int or number < 1:
        problems.add("schema", "$.version", f"expected a number from 1, got {shown(number)}")
    metadata = bom.get("metadata", {})
    time = metadata.get("timestamp")
    if time is not None and not (isinstance(time, str) and _TIME.fullmatch(time)):
        problems.add("schema", "$.metadata.timestamp", f"expected an RFC 3339 time, got {shown(time)}")
    check_licences(metadata, "$.metadata", version, problems)
    check_properties(metadata, "$.metadata", problems)
    check_properties(bom, "$", problems)
    for place, service in _services(bom, "$"):
        _check_service(service, place, version, problems)
    for i, item in enumerate(bom.get("dependencies", [])):
        ref = item.get("ref") if isinstance(item, dict) else None
        if not isinstance(ref, str) or not ref:
            problems.add("schema", f"$.dependencies[{i}].ref", f"expected a reference, got {shown(ref)}")
        needs = item.get("dependsOn", [])
        if any(not isinstance(n, str) or not n for n in needs):
            problems.add(
                "schema", f"$.dependencies[{i}].dependsOn", "expected references, got something else"
            )
        elif len(set(needs)) != len(needs):
            problems.add(
                "schema", f"$.dependencies[{i}].dependsOn", "expected each reference once, got one twice"
            )


def check_component(item: dict[str, Any], place: str, version: str, problems: Problems) -> None:
    """One component: its kind, scope, hashes, licences, pedigree, SWID and properties."""
    type_ = item.get("type")
    if (
        type_ not in _TYPES
        and not (version >= "1.5" and type_ in _TYPES_15)
        and not (version >= "1.6" and type_ == "cryptographic-asset")
    ):
        problems.add("schema", f"{place}.type", f"expected a component type of {version}, got {shown(type_)}")
    if version < "1.4" and not isinstance(item.get("version"), str):
        problems.add("schema", f"{place}.version", "expected text (required before 1.4), got nothing")
    if "bom-ref" in item and not item["bom-ref"]:
        problems.add("schema", f"{place}.bom-ref", "expected at least one character, got an empty string")
    scope = item.get("scope")
    if scope is not None and scope not in _SCOPES:
        problems.add("schema", f"{place}.scope", f"expected {', '.join(sorted(_SCOPES))}, got {shown(scope)}")
    swid = item.get("swid")
    if swid is not None and not (isinstance(swid, dict) and swid.get("tagId") and swid.get("name")):
        problems.add("schema", f"{place}.swid", "expected tagId and name, got one of them missing")
    if "hashes" in item:
        _check_hashes(item["hashes"], f"{place}.hashes", problems)
    if "licenses" in item:
        check_licences(item, place, version, problems)
    if "properties" in item:
        check_properties(item, place, problems)
    if "pedigree" in item:
        _check_pedigree(item["pedigree"], f"{place}.pedigree", problems)


def _check_hashes(value: Any, place: str, problems: Problems) -> None:
    if not isinstance(value, list):
        problems.add("schema", place, f"expected an array, got {shown(value)}")
        return
    for i, item in enumerate(value):
        algorithm = item.get("alg") if isinstance(item, dict) else None
        content = item.get("content") if isinstance(item, dict) else None
        if algorithm not in _HASH_LENGTHS:
            problems.add(
                "schema",
                f"{place}[{i}].alg",
                f"expected a hash algorithm of CycloneDX, got {shown(algorithm)}",
            )
            continue
        length = _HASH_LENGTHS[algorithm]
        if (
            not isinstance(content, str)
            or not _HEX.fullmatch(content)
            or len(content) != (length or len(content))
        ):
            wanted = f"{length or 'some'} hexadecimal digits"
            problems.add("schema", f"{place}[{i}].content", f"expected {wanted}, got {shown(content)}")


def check_licences(owner: dict[str, Any], place: str, version: str, problems: Problems) -> None:
    """Either licences by id or name, or (up to 1.6) one expression alone."""
    value = owner.get("licenses")
    if value is None:
        return
    where = f"{place}.licenses"
    if isinstance(value, dict) and version < _LICENCE_LISTS_FROM:
        value = [value]
    if not isinstance(value, list):
        problems.add("schema", where, f"expected an array, got {shown(value)}")
        return
    expressions = 0
    for i, choice in enumerate(value):
        at = f"{where}[{i}]"
        if not isinstance(choice, dict) or ("license" in choice) == ("expression" in choice):
            problems.add("schema", at, "expected a license or an expression, got neither or both")
            continue
        if "expression" in choice:
            expressions += 1
            continue
        _check_licence(choice["license"], f"{at}.license", problems)
    # Until 1.6 an expression stands alone; 1.7 lets both stand together.
    if version < "1.7" and expressions and len(value) > 1 and version >= "1.4":
        problems.add("schema", where, "expected one expression or a list of licences, got a mixture")


def _check_licence(licence: Any, place: str, problems: Problems) -> None:
    if not isinstance(licence, dict):
        problems.add("schema", place, f"expected an object, got {shown(licence)}")
        return
    id_, name = licence.get("id"), licence.get("name")
    if (id_ is None) == (name is None):
        problems.add("schema", place, "expected an id or a name, got neither or both")
    elif id_ is not None and not (isinstance(id_, str) and _is_spdx_id(id_)):
        problems.add("schema", f"{place}.id", f"expected an SPDX licence id, got {shown(id_)}")
    text = licence.get("text")
    if isinstance(text, dict) and text.get("encoding", "base64") != "base64":
        problems.add("schema", f"{place}.text.encoding", f"expected “base64”, got {shown(text['encoding'])}")
    check_properties(licence, place, problems)


@lru_cache(maxsize=4_096)
def _is_spdx_id(text: str) -> bool:
    if not text or re.search(r"[\s()]", text):
        return False
    try:
        return canonicalize_license_expression(text) == text
    except InvalidLicenseExpression:
        # The list of exceptions stands among the ids in the CycloneDX schema.
        try:
            canonicalize_license_expression(f"GPL-2.0-only WITH {text}")
        except InvalidLicenseExpression:
            return False
        return True


def check_properties(owner: dict[str, Any], place: str, problems: Problems) -> None:
    """Properties are named values."""
    value = owner.get("properties")
    if value is None:
        return
    if not isinstance(value, list):
        problems.add("schema", f"{place}.properties", f"expected an array, got {shown(value)}")
        return
    for i, item in enumerate(value):
        if (
            not isinstance(item, dict)
            or not isinstance(item.get("name"), str)
            or item.keys() - {"name", "value"}
        ):
            problems.add(
                "schema", f"{place}.properties[{i}]", f"expected a name and a value, got {shown(item)}"
            )


def _check_pedigree(pedigree: Any, place: str, problems: Problems) -> None:
    if not isinstance(pedigree, dict):
        problems.add("schema", place, f"expected an object, got {shown(pedigree)}")
        return
    patches = pedigree.get("patches", [])
    for i, patch in enumerate(patches if isinstance(patches, list) else []):
        if not isinstance(patch, dict) or patch.get("type") not in _PATCH_TYPES:
            got = shown(patch.get("type")) if isinstance(patch, dict) else shown(patch)
            problems.add(
                "schema",
                f"{place}.patches[{i}].type",
                f"expected {', '.join(sorted(_PATCH_TYPES))}, got {got}",
            )
            continue
        issues = patch.get("resolves", [])
        for j, issue in enumerate(issues if isinstance(issues, list) else []):
            kind = issue.get("type") if isinstance(issue, dict) else None
            if kind not in _ISSUE_TYPES:
                at = f"{place}.patches[{i}].resolves[{j}].type"
                problems.add("schema", at, f"expected {', '.join(sorted(_ISSUE_TYPES))}, got {shown(kind)}")


def _services(owner: dict[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    stack = [(owner, place)]
    while stack:
        one, where = stack.pop()
        value = one.get("services", [])
        for i, service in enumerate(value if isinstance(value, list) else []):
            at = f"{where}.services[{i}]"
            yield at, service
            if isinstance(service, dict):
                stack.append((service, at))


def _check_service(service: Any, place: str, version: str, problems: Problems) -> None:
    if not isinstance(service, dict) or not isinstance(service.get("name"), str):
        problems.add("schema", f"{place}.name", "expected a service with a name, got none")
        return
    if isinstance(service.get("bom-ref"), str):
        problems.service_refs.add(service["bom-ref"])
    check_licences(service, place, version, problems)
    check_properties(service, place, problems)
    data = service.get("data", [])
    for i, item in enumerate(data if isinstance(data, list) else []):
        if (
            not isinstance(item, dict)
            or item.get("flow") not in _FLOWS
            or not isinstance(item.get("classification"), str)
        ):
            got = shown(item.get("flow")) if isinstance(item, dict) else shown(item)
            problems.add(
                "schema", f"{place}.data[{i}].flow", f"expected {', '.join(sorted(_FLOWS))}, got {got}"
            )
