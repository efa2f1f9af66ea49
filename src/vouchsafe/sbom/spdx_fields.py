"""What single values of an SPDX document mean: who supplies, which hash, whether files were analysed.

>>> agent("Organization: Fellside Medical (sbom@fellside.example)")
'Fellside Medical'
>>> bare("(MIT OR Apache-2.0)"), bare("(MIT) OR (Apache-2.0)")
('MIT OR Apache-2.0', '(MIT) OR (Apache-2.0)')
"""

import re
from typing import Any

from vouchsafe.sbom import purl
from vouchsafe.sbom import spdx_rules as rules
from vouchsafe.sbom.errors import Malformed


def plain(value: object) -> str:
    """A text as it is; nothing where there is none."""
    return value if isinstance(value, str) else ""


def flag(value: object) -> bool | None:
    """What filesAnalyzed says. Absent means true (SPDX 2.3 7.8); neither is None."""
    if value is None:
        return True
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def agent(text: str) -> str:
    """The name of a person or organisation, without what it is and without its address."""
    found = rules.AGENT.fullmatch(text)
    if found is not None:
        text = text.partition(":")[2].strip()
    name, bracket, rest = text.rpartition("(")
    if bracket and rest.endswith(")") and ("@" in rest or rest == ")"):
        text = name.strip()
    return "" if text in rules.NOTHING else text


def bare(text: str) -> str:
    """A licence expression without the brackets around the whole of it."""
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for i, mark in enumerate(text):
            depth += (mark == "(") - (mark == ")")
            if depth == 0 and i < len(text) - 1:
                return text
        text = text[1:-1].strip()
    return text


def licences(*expressions: str) -> tuple[str, ...]:
    """Each of the licence expressions once."""
    found = dict.fromkeys(bare(text) for text in expressions)
    return tuple(text for text in found if text)


_HASH_NAMES = {name: re.sub(r"^SHA(?=[0-9]+$)", "SHA-", name) for name in rules.HASH_LENGTHS}


def hashes(package: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Algorithms are named as CycloneDX names them, so that SBOMs of both formats compare."""
    found = []
    for item in rules.members(package, "checksums"):
        if isinstance(item, dict):
            algorithm, digits = item.get("algorithm"), item.get("checksumValue")
            if isinstance(algorithm, str) and isinstance(digits, str):
                found.append((_HASH_NAMES.get(algorithm, algorithm), digits))
    return tuple(found)


_SOURCE = re.compile(r"built package from: (\S+)(?: (\S*))?")


def source(said: object) -> str:
    """The source package that Trivy names in sourceInfo, as `name@version`; other sentences name none.

    >>> source("built package from: openssl 3.0.11-1~deb12u2")
    'openssl@3.0.11-1~deb12u2'
    """
    found = _SOURCE.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        return ""
    return f"{found[1]}@{found[2]}" if found[2] else found[1]


def unreadable(locator: str) -> str | None:
    """Why a package URL can't be read; None if it can."""
    try:
        purl.parse(locator)
    except Malformed as told:
        return f"expected {told.expected}, got {told.got}"
    return None
