"""CSAF documents as VEX statements: of each vulnerability, one a status, justification and explanation.

Any profile is read, not only csaf_vex: a security advisory states affected and fixed products too. A product
that is called not affected and something else in one vulnerability is under investigation here: the document
contradicts itself (6.1.6). `recommended` states nothing about a vulnerability and is left out.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from vouchsafe.sbom import csaf, vex
from vouchsafe.sbom.csaf import About, Document, Vulnerability
from vouchsafe.sbom.jsonshape import Problems
from vouchsafe.sbom.limits import Limits

STATES: dict[str, vex.Status] = {
    "first_affected": "affected",
    "known_affected": "affected",
    "last_affected": "affected",
    "first_fixed": "fixed",
    "fixed": "fixed",
    "known_not_affected": "not_affected",
    "under_investigation": "under_investigation",
    "unknown": "under_investigation",
}
_OTHERS = ("first_affected", "known_affected", "last_affected", "under_investigation", "unknown")


def of_value(value: dict[str, Any], data: bytes, *, limits: Limits) -> vex.Vex:
    """The document in a value that `jsontext.parse` gave of `data`. Raises as `csaf.read`."""
    sha256 = hashlib.sha256(data).hexdigest()
    document = csaf.of_value(value, sha256, limits=limits)
    problems = Problems(limits.max_problems)
    problems += document.problems
    statements = vex.Statements(problems, limits)
    for vulnerability in document.vulnerabilities:
        for statement in _statements(document, vulnerability):
            statements.add(statement)
    return vex.Vex(
        format="CSAF",
        spec_version=document.version,
        id=document.id,
        version=document.revision,
        author=document.publisher.name,
        timestamp=document.current_release,
        statements=tuple(statements),
        problems=tuple(problems),
        sha256=sha256,
    )


def _statements(document: Document, vulnerability: Vulnerability) -> Iterator[vex.Statement]:
    ids = [text for _, text in vulnerability.ids]
    name = vulnerability.cve or next(iter(ids), "")
    told = _Told(document, vulnerability)
    doubted = {id_ for word in _OTHERS for id_ in vulnerability.status.get(word, ())}
    for word, products in vulnerability.status.items():
        if word not in STATES:
            continue
        # Products of which the same is said make one statement, in the order of the file.
        groups: dict[tuple[Any, ...], list[vex.Product]] = {}
        for id_ in products:
            status = STATES[word]
            if status == "not_affected" and id_ in doubted:
                status = "under_investigation"
            key = (status, *told.about(id_, status))
            groups.setdefault(key, []).extend(_products(document, id_))
        for (status, justification, impact, action, date), about in groups.items():
            yield vex.Statement(
                vulnerability=name,
                status=status,
                products=tuple(about),
                aliases=tuple(dict.fromkeys(i for i in ids if i != name)),
                state=word,
                justification=justification,
                said=justification,
                impact_statement=impact,
                action_statement=action,
                timestamp=date or document.current_release,
                place=f"{vulnerability.place}.product_status.{word}",
            )


class _Told:
    """What is told of each product: the justification, the impact, what to do, and when it was said."""

    def __init__(self, document: Document, vulnerability: Vulnerability) -> None:
        self.flags = _by_product(vulnerability.flags)
        self.impacts = _by_product(tuple(t for t in vulnerability.threats if t.category == "impact"))
        self.actions = _by_product(vulnerability.remediations)

    def about(self, id_: str, status: vex.Status) -> tuple[str, str, str, str]:
        """Justification, impact statement, action statement and date; a status that has no use for one has none."""
        if status == "not_affected":
            flags, impacts = self.flags.get(id_, ()), self.impacts.get(id_, ())
            labels = [f.category for f in flags if f.category in vex.JUSTIFICATIONS]
            date = next((a.date for a in (*flags, *impacts) if a.date), "")
            return (labels[0] if labels else ""), _joined(impacts), "", date
        if status == "affected":
            actions = self.actions.get(id_, ())
            return (
                "",
                _joined(self.impacts.get(id_, ())),
                _joined(actions),
                next((a.date for a in actions if a.date), ""),
            )
        return "", "", "", ""


def _by_product(abouts: tuple[About, ...]) -> dict[str, list[About]]:
    found: dict[str, list[About]] = {}
    for about in abouts:
        for id_ in about.products:
            found.setdefault(id_, []).append(about)
    return found


def _joined(abouts: "list[About] | tuple[About, ...]") -> str:
    return "\n".join(dict.fromkeys(a.details for a in abouts if a.details))


def _products(document: Document, id_: str) -> list[vex.Product]:
    found = []
    for product in document.resolve(id_):
        base = product
        if product.steps and not product.helpers.purls:
            base = next(iter(document.resolve(product.base)), product)
        url = next(iter(product.helpers.purls or base.helpers.purls), "")
        parts = (product.base,) if product.steps and "component_of" in product.steps[0].category else ()
        version = base.version or base.version_range or vex.identified(url).version
        cpe = product.helpers.cpe or base.helpers.cpe
        found.append(vex.Product(id_, product.name, version, url, cpe, parts))
    return found or [vex.Product(id_)]
