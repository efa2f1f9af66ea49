"""What VEX documents say, in one vocabulary: CycloneDX, OpenVEX and CSAF.

The vocabulary is CISA's ("Minimum Requirements for VEX", 2023), which OpenVEX uses word for word. Words of
the other formats that have no counterpart are kept beside it (`state`, `said`); docs/formats/vex.md has the
tables. Promises: nothing is called not_affected unless the document says so of that very product and version,
and says nothing else about it; a not_affected without a justification or an impact statement is a problem.
Does not: verify who wrote it, or decide whether a statement is believed.

    >>> said = read(b'{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://fellside.example/vex/1",'
    ...     b' "author": "Fellside", "timestamp": "2026-02-05T12:00:00Z", "version": 1, "statements": ['
    ...     b' {"vulnerability": {"name": "CVE-2026-25727"}, "status": "not_affected",'
    ...     b'  "products": [{"@id": "pkg:cargo/time@0.3.44"}]}]}')
    >>> [(s.vulnerability, s.status, s.products[0].version) for s in said.statements]
    [('CVE-2026-25727', 'not_affected', '0.3.44')]
    >>> [(p.kind, p.place) for p in said.problems]
    [('schema', '$.statements[0]'), ('vex', '$.statements[0]')]
"""

from dataclasses import dataclass
from typing import Any, Literal

from vouchsafe.sbom import jsontext, purl
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.jsonshape import Problems
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Problem

Status = Literal["affected", "not_affected", "fixed", "under_investigation"]
STATUSES: tuple[Status, ...] = ("affected", "not_affected", "fixed", "under_investigation")
JUSTIFICATIONS = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)


@dataclass(frozen=True, slots=True)
class Product:
    """What a statement is about. `version` is one version or a range, as the document has it.

    `name` is empty where the document gives an id only: a BOM-Link, an id that it does not define.
    `subcomponents` are the ids of the parts that the statement is about.
    """

    id: str
    name: str = ""
    version: str = ""
    purl: str = ""
    cpe: str = ""
    subcomponents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Absent texts are empty.

    Attributes:
        vulnerability: its id; `aliases` are its other ids.
        status: one of `STATUSES`; `state` is the document's own word for it.
        justification: one of `JUSTIFICATIONS`, or empty; `said` is the document's own word for it.
        impact_statement: why it is not affected, or what else the document says about the status.
        action_statement: what to do about it. `responses` are CycloneDX's words for it.
        timestamp: when it was stated, as written.
        place: where it stands in the document.
    """

    vulnerability: str
    status: Status
    products: tuple[Product, ...]
    aliases: tuple[str, ...] = ()
    state: str = ""
    justification: str = ""
    said: str = ""
    impact_statement: str = ""
    action_statement: str = ""
    responses: tuple[str, ...] = ()
    timestamp: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Vex:
    """One document. `format` is CycloneDX, OpenVEX or CSAF; `sha256` of the bytes as they came."""

    format: str
    spec_version: str
    id: str
    version: str
    author: str
    timestamp: str
    statements: tuple[Statement, ...]
    problems: tuple[Problem, ...]
    sha256: str


def read(data: bytes, *, limits: Limits = DEFAULT) -> Vex:
    """The VEX document in `data`; its format is told by what it says it is.

    Raises:
        TooLarge: past a limit.
        NotRead: none of the three formats.
        Malformed: no JSON or XML, or broken in a way that hides what it says.
    """
    from vouchsafe.sbom import csaf, csaf_vex, cyclonedx_vex, openvex

    if data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") or data[:2] in (
        b"\xff\xfe",
        b"\xfe\xff",
    ):
        return cyclonedx_vex.read(data, limits=limits)
    value = jsontext.parse(data, limits=limits)
    if not isinstance(value, dict):
        raise Malformed("$", "a VEX document (an object)", shown(value))
    if csaf.is_csaf(value):
        return csaf_vex.of_value(value, data, limits=limits)
    if openvex.is_openvex(value):
        return openvex.of_value(value, data, limits=limits)
    if "bomFormat" in value or "specVersion" in value:
        return cyclonedx_vex.of_value(value, data, limits=limits)
    raise NotRead("$", "CycloneDX, OpenVEX or CSAF", _what(value))


def _what(value: dict[str, Any]) -> str:
    if "spdxVersion" in value or "@graph" in value:
        return "an SPDX document"
    if "affected" in value and "id" in value:
        return "an OSV advisory"
    return "another object"


def identified(id_: str) -> Product:
    """A product that is named by nothing but an id: where that is a package URL, it says more."""
    if not id_.startswith("pkg:"):
        return Product(id_)
    try:
        p = purl.parts(id_)
    except Malformed:
        return Product(id_)
    return Product(id_, p.name, p.version, id_)


class Statements(list[Statement]):
    """The statements of one document, counted against the limits, and the rules for every format."""

    def __init__(self, problems: Problems, limits: Limits) -> None:
        super().__init__()
        self.problems = problems
        self.limits = limits
        self.products = 0

    def add(self, statement: Statement) -> None:
        """Takes a statement, and notes what it lacks.

        Raises:
            TooLarge: more statements or products than a limit.
        """
        place = statement.place
        if len(self) >= self.limits.max_statements:
            raise TooLarge(place, f"at most {self.limits.max_statements:,} statements", "more")
        self.products += sum(1 + len(p.subcomponents) for p in statement.products)
        if self.products > self.limits.max_product_ids:
            raise TooLarge(place, f"at most {self.limits.max_product_ids:,} products", "more")
        self.append(statement)
        if not statement.vulnerability:
            self.problems.add("vex", place, "expected the id of a vulnerability, got nothing")
        if not statement.products:
            self.problems.add("vex", place, "expected the products that it is about, got none")
        # CISA, Minimum Requirements for VEX, section 2.3.4.
        explained = statement.justification or statement.said or statement.impact_statement
        if statement.status == "not_affected" and not explained:
            text = "expected a justification or an impact statement for not_affected, got neither"
            self.problems.add("vex", place, text)
