"""OpenVEX documents, 0.2.0 and before: as VEX statements.

Before 0.2.0 a vulnerability and a product were plain text, and subcomponents stood in the statement; each
statement is read by what stands there, whatever version the document claims. Source: OpenVEX specification
0.2.0 and its JSON schema; 0.0.0 for the older form.
"""

import hashlib
import re
from typing import Any

from vouchsafe.sbom import jsonshape, vex
from vouchsafe.sbom.errors import Malformed, shown
from vouchsafe.sbom.jsonshape import Anything, Items, Members, Number, Problems, Text
from vouchsafe.sbom.limits import Limits

_CONTEXT = re.compile(r"https://openvex\.dev/ns(?:/v([0-9]+(?:\.[0-9]+){0,2}))?/?")
_ANY = Text(least=0)
_IRI = Text(form="iri")
_TIME = Text(form="time")
_HASHES = (
    "md5 sha1 sha-256 sha-384 sha-512 sha3-224 sha3-256 sha3-384 sha3-512 blake2s-256 blake2b-256 blake2b-512"
)


def _named(item: dict[str, Any]) -> tuple[str, str] | None:
    fine = "@id" in item or "identifiers" in item
    return None if fine else ("", "expected an @id or identifiers, got neither")


def _identified(item: dict[str, Any]) -> tuple[str, str] | None:
    fine = {"purl", "cpe22", "cpe23"} & item.keys()
    return None if fine else ("", "expected a purl, cpe22 or cpe23, got none")


def _complete(item: dict[str, Any]) -> tuple[str, str] | None:
    """What a status asks for. OpenVEX 0.2.0, "Status Labels"."""
    if item.get("status") == "not_affected" and not {"justification", "impact_statement"} & item.keys():
        return "", "expected a justification or impact_statement for not_affected, got neither"
    if item.get("status") == "affected" and "action_statement" not in item:
        return ".action_statement", "expected it for affected, got nothing"
    return None


_IDENTIFIERS = Members({"purl": _ANY, "cpe22": _ANY, "cpe23": _ANY}, closed=True, also=_identified)
_PART: dict[str, jsonshape.Shape] = {
    "@id": _IRI,
    "identifiers": _IDENTIFIERS,
    "hashes": Members(dict.fromkeys(_HASHES.split(), _ANY), closed=True),
}
_SUBCOMPONENT = Members(_PART, closed=True, also=_named)
_PRODUCT = Members({**_PART, "subcomponents": Items(_SUBCOMPONENT, 0, unique=True)}, closed=True, also=_named)
_VULNERABILITY = Members(
    {"@id": _IRI, "name": _ANY, "description": _ANY, "aliases": Items(_ANY, 0, unique=True)},
    ("name",),
    closed=True,
)
_SAID: dict[str, jsonshape.Shape] = {
    "@id": _IRI,
    "version": Number(1, whole=True),
    "timestamp": _TIME,
    "last_updated": _TIME,
    "status": Text(words=frozenset(vex.STATUSES)),
    "supplier": _ANY,
    "status_notes": _ANY,
    "justification": Text(words=frozenset(vex.JUSTIFICATIONS)),
    "impact_statement": _ANY,
    "action_statement": _ANY,
    "action_statement_timestamp": _TIME,
}
_STATEMENT = Members(
    {**_SAID, "vulnerability": _VULNERABILITY, "products": Items(_PRODUCT, 0, unique=True)},
    ("vulnerability", "status"),
    closed=True,
    also=_complete,
)
_OLD_STATEMENT = Members(
    {
        **_SAID,
        "vulnerability": _ANY,
        "vuln_description": _ANY,
        "products": Items(_ANY, 0),
        "subcomponents": Items(_ANY, 0),
    },
    ("vulnerability", "status"),
    closed=True,
    also=_complete,
)
_DOCUMENT: dict[str, jsonshape.Shape] = {
    "@context": Text(form="uri"),
    "@id": _IRI,
    "author": _ANY,
    "role": _ANY,
    "timestamp": _TIME,
    "last_updated": _TIME,
    "tooling": _ANY,
    "statements": Items(Anything(), unique=True),
}
_REQUIRED = ("@context", "@id", "author", "timestamp", "version", "statements")
_NEW = Members({**_DOCUMENT, "version": Number(1, whole=True)}, _REQUIRED, closed=True)
_OLD = Members({**_DOCUMENT, "version": _ANY}, _REQUIRED, closed=True)


def is_openvex(value: dict[str, Any]) -> bool:
    """Whether a parsed JSON object says that it is OpenVEX, or has the form of it."""
    context = value.get("@context")
    if isinstance(context, str) and _CONTEXT.fullmatch(context):
        return True
    return "statements" in value and ("@context" in value or "author" in value) and "bomFormat" not in value


def of_value(value: dict[str, Any], data: bytes, *, limits: Limits) -> vex.Vex:
    """The document in a value that `jsontext.parse` gave of `data`.

    Raises:
        TooLarge: past a limit.
        Malformed: a value of another kind than the schema asks for.
    """
    context = value.get("@context")
    found = _CONTEXT.fullmatch(context) if isinstance(context, str) else None
    problems = Problems(limits.max_problems)
    # Before 0.2.0 the version was text.
    old = isinstance(value.get("version"), str)
    jsonshape.check(_OLD if old else _NEW, value, at_most=limits.max_problems, problems=problems)
    if found is None:
        problems.add(
            "schema", "$.@context", f"expected https://openvex.dev/ns and a version, got {shown(context)}"
        )
    statements = vex.Statements(problems, limits)
    plain = False
    for i, item in enumerate(value.get("statements", ())):
        if not isinstance(item, dict):
            raise Malformed(f"$.statements[{i}]", "an object", shown(item))
        plain = plain or isinstance(item.get("vulnerability"), str)
        statements.add(_statement(item, f"$.statements[{i}]", value, problems))
    spec_version = (found[1] if found else "") or ("0.0.1" if plain or (found and old) else "0.2.0")
    if plain and spec_version >= "0.2":
        problems.add(
            "schema", "$.@context", f"expected objects in version {spec_version}, got the older plain text"
        )
    return vex.Vex(
        format="OpenVEX",
        spec_version=spec_version,
        id=value.get("@id", ""),
        version=str(value.get("version", "")),
        author=value.get("author", ""),
        timestamp=value.get("last_updated") or value.get("timestamp", ""),
        statements=tuple(statements),
        problems=tuple(problems),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _statement(
    item: dict[str, Any], place: str, document: dict[str, Any], problems: Problems
) -> vex.Statement:
    vulnerability = item.get("vulnerability")
    products = item.get("products")
    listed = products if isinstance(products, list) else []
    older = isinstance(vulnerability, str) or any(isinstance(p, str) for p in listed)
    shape = _OLD_STATEMENT if older else _STATEMENT
    jsonshape.check(shape, item, at_most=problems.at_most, place=place, problems=problems)
    status = item.get("status", "")
    if status not in vex.STATUSES:
        problems.add("vex", f"{place}.status", f"{shown(status)} is taken as under_investigation")
    if older:
        parts = tuple(item.get("subcomponents", ()))
        about = tuple(_with_parts(vex.identified(p), parts) for p in listed)
        name, aliases = str(vulnerability), ()
    else:
        about = tuple(_product(p) for p in listed)
        said: dict[str, Any] = vulnerability or {}
        name = said.get("name", "") or said.get("@id", "")
        aliases = tuple(said.get("aliases", ()))
    justification = item.get("justification", "")
    return vex.Statement(
        vulnerability=name,
        status=status if status in vex.STATUSES else "under_investigation",
        products=about,
        aliases=aliases,
        state=status,
        justification=justification if justification in vex.JUSTIFICATIONS else "",
        said=justification,
        impact_statement=item.get("impact_statement", ""),
        action_statement=item.get("action_statement", ""),
        # Times cascade from the document to its statements.
        timestamp=item.get("last_updated") or item.get("timestamp") or document.get("timestamp", ""),
        place=place,
    )


def _product(item: dict[str, Any]) -> vex.Product:
    ids = item.get("identifiers", {})
    id_ = item.get("@id", "")
    url = ids.get("purl", "") or (id_ if id_.startswith("pkg:") else "")
    cpe = ids.get("cpe23", "") or ids.get("cpe22", "")
    known = vex.identified(url)
    parts = tuple(_id(s) for s in item.get("subcomponents", ()))
    return vex.Product(id_ or url or cpe, known.name, known.version, url, cpe, parts)


def _id(item: dict[str, Any]) -> str:
    ids = item.get("identifiers", {})
    return str(item.get("@id") or ids.get("purl") or ids.get("cpe23") or ids.get("cpe22") or "")


def _with_parts(product: vex.Product, parts: tuple[str, ...]) -> vex.Product:
    return vex.Product(product.id, product.name, product.version, product.purl, product.cpe, parts)
