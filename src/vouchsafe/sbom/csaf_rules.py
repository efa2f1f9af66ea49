"""CSAF's mandatory tests of the document and the product tree. Those of vulnerabilities are a module further.

Each breach is a problem whose kind is the test's number in section 6.1; 6.1.34 and above are 2.1's alone. The
values' kinds were checked before (`csaf_schema`). Source: CSAF 2.0 section 6.1, CSAF 2.1 section 6.1.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from vouchsafe.sbom import csaf_lists, csaf_tree, purl, vers
from vouchsafe.sbom.csaf_schema import SEMVER
from vouchsafe.sbom.csaf_tree import Product, Tree
from vouchsafe.sbom.errors import Malformed, shown
from vouchsafe.sbom.jsonshape import Problems, instant

_PROFILES_20 = ("informational_advisory", "security_incident_response", "security_advisory", "vex")
_PROFILES_21 = (*_PROFILES_20, "deprecated_security_advisory", "withdrawn", "superseded")
_GENERAL_NOTES = frozenset(("description", "details", "general", "summary"))
_NIL, _MAX = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"


def check(entry: Mapping[str, Any], version: str, tree: Tree, problems: Problems) -> None:
    """Notes what the document and the product tree break."""
    document: dict[str, Any] = entry["document"]
    _tree(tree, version, problems)
    _references_of(entry, tree, problems)
    _branches(entry.get("product_tree", {}), version, problems)
    _languages(document, problems)
    _revisions(document.get("tracking", {}), problems)
    _category(document, version, problems)
    _profile(entry, document, version, problems)
    if version == "2.1":
        _times(entry, problems)
        _sharing(document, problems)
        _licence(document, problems)


def _tree(tree: Tree, version: str, problems: Problems) -> None:
    for id_, defined in tree.by_id.items():
        for again in defined[1:]:  # 6.1.2
            problems.add("6.1.2", f"{again.place}.product_id", f"{shown(id_)} is also at {defined[0].place}")
    for product in tree.circles:
        problems.add("6.1.3", f"{product.place}.product_id", f"{shown(product.id)} is made of itself")
    for product in tree.products:
        place = f"{product.place}.product_identification_helper"
        _purls(product, place, version, problems)
        for i, (_, digests) in enumerate(product.helpers.hashes):
            names: set[str] = set()
            for j, (name, _) in enumerate(digests):
                if name in names:
                    where = f"{place}.hashes[{i}].file_hashes[{j}].algorithm"
                    problems.add("6.1.25", where, f"{shown(name)} stands twice for one file")
                names.add(name)
        if version == "2.1":
            _stars(product, place, problems)


def _stars(product: Product, place: str, problems: Problems) -> None:
    """6.1.43, 6.1.44 and 6.1.61."""
    helpers = product.helpers
    for test, member, values in (
        ("6.1.43", "model_numbers", helpers.model_numbers),
        ("6.1.44", "serial_numbers", helpers.serial_numbers),
        ("6.1.61", "skus", helpers.skus),
    ):
        for i, value in enumerate(values):
            if len(re.findall(r"(?<!\\)(?:\\\\)*\*", value)) > 1:
                problems.add(test, f"{place}.{member}[{i}]", "expected at most one unescaped star, got more")


def _purls(product: Product, place: str, version: str, problems: Problems) -> None:
    parsed: set[tuple[str, ...]] = set()
    for i, text in enumerate(product.helpers.purls):
        try:
            p = purl.parse(text)
        except Malformed as told:
            where = f"{place}.purls[{i}]" if version == "2.1" else f"{place}.purl"
            problems.add("6.1.13", where, f"expected {told.expected}, got {told.got}")
            continue
        parsed.add((p.type, p.namespace, p.name, p.version, p.subpath))
    if len(parsed) > 1:  # 2.1 alone has more than one
        problems.add("6.1.42", f"{place}.purls", "expected package URLs that differ in qualifiers only")


def _references_of(entry: Mapping[str, Any], tree: Tree, problems: Problems) -> None:
    """6.1.1 and 6.1.4 inside the tree, 6.1.5."""
    top = entry.get("product_tree", {})
    named: list[tuple[str, str]] = []
    for i, item in enumerate(top.get("relationships", ())):
        place = f"$.product_tree.relationships[{i}]"
        named += [
            (f"{place}.{m}", item[m])
            for m in ("product_reference", "relates_to_product_reference")
            if m in item
        ]
    for i, item in enumerate(top.get("product_paths", ())):
        place = f"$.product_tree.product_paths[{i}]"
        if "beginning_product_reference" in item:
            named.append((f"{place}.beginning_product_reference", item["beginning_product_reference"]))
        for j, step in enumerate(item.get("subpaths", ())):
            if "next_product_reference" in step:
                named.append(
                    (f"{place}.subpaths[{j}].next_product_reference", step["next_product_reference"])
                )
    first: dict[str, str] = {}
    for i, group in enumerate(top.get("product_groups", ())):
        place = f"$.product_tree.product_groups[{i}]"
        named += [(f"{place}.product_ids[{j}]", id_) for j, id_ in enumerate(group.get("product_ids", ()))]
        id_ = group.get("group_id")
        if id_ is not None and first.setdefault(id_, place) != place:
            problems.add("6.1.5", f"{place}.group_id", f"{shown(id_)} is also at {first[id_]}")
    notes = entry["document"].get("notes", ())
    for place, id_ in (*named, *_scoped(notes, "$.document.notes")):
        missing_product(tree, place, id_, problems)
    for i, note in enumerate(notes):
        missing_groups(tree, note, f"$.document.notes[{i}]", problems)


def _scoped(items: Any, where: str) -> Iterator[tuple[str, str]]:
    for i, item in enumerate(items):
        ids = item.get("product_ids", ())
        if isinstance(ids, list):
            yield from ((f"{where}[{i}].product_ids[{j}]", id_) for j, id_ in enumerate(ids))


def missing_product(tree: Tree, place: str, id_: Any, problems: Problems) -> None:
    """6.1.1 of one reference."""
    if isinstance(id_, str) and id_ not in tree.by_id:
        problems.add("6.1.1", place, f"{shown(id_)} is no product of the product tree")


def missing_groups(tree: Tree, item: Mapping[str, Any], place: str, problems: Problems) -> None:
    """6.1.4 of one item."""
    groups = item.get("group_ids", ())
    for j, id_ in enumerate(groups if isinstance(groups, list) else ()):
        if isinstance(id_, str) and id_ not in tree.groups:
            problems.add("6.1.4", f"{place}.group_ids[{j}]", f"{shown(id_)} is no group of the product tree")


_SIGNS = ("<", ">")
_RANGE_WORDS = frozenset(("after", "all", "before", "earlier", "later", "prior", "versions"))


def _branches(tree: Mapping[str, Any], version: str, problems: Problems) -> None:
    for branch, place, chain in csaf_tree.walk(tree):
        name, category = branch.get("name", ""), branch.get("category", "")
        low = name.lower()
        # The keywords count as words of their own in version 2.0 too (its list of known issues, #825).
        if category == "product_version" and (
            low.startswith("vers:") or any(s in low for s in _SIGNS) or _RANGE_WORDS & set(low.split())
        ):
            got = shown(name)
            problems.add("6.1.31", f"{place}.name", f"expected one version, got {got}, which is a range")
        if version != "2.1":
            continue
        if category == "product_version_range":
            _range(name, place, problems)
        if "product" not in branch:
            continue
        categories = [b.category for b in chain]
        if len(chain) > 30:
            problems.add("6.1.34", f"{place}.product", f"expected at most 30 branches, got {len(chain)}")
        for one in sorted({c for c in categories if c != "product_family" and categories.count(c) > 1}):
            problems.add("6.1.57", f"{place}.product", f"expected {one} once on the way to it, got it again")
        if {"product_version", "product_version_range"} <= set(categories):
            problems.add("6.1.58", f"{place}.product", "expected a version or a range on the way, got both")


_CONSTRAINT = r"(?:<=|>=|!=|<|>|=)?[^\s|<>=!*]+"
_CONSTRAINTS = re.compile(rf"{_CONSTRAINT}(?:\|{_CONSTRAINT})*+")


def _range(name: str, place: str, problems: Problems) -> None:
    """6.1.50 and 6.1.59. A vers has to be canonical; of constraints alone the form is all that is asked."""
    told = ""
    if not name.startswith("vers:"):
        told = "" if _CONSTRAINTS.fullmatch(name) else "neither"
    else:
        try:
            read = vers.parse(name)
        except Malformed as why:
            told = str(why)
        else:
            told = "vers:all/* is every version" if read.star and read.scheme != "all" else ""
    if told:
        text = f"expected a canonical vers or its constraints alone, got {shown(name)}: {told}"
        problems.add("6.1.50", f"{place}.name", text)
    elif "|" not in name and name.partition("/")[2 if name.startswith("vers:") else 0][0] not in "<>!*":
        problems.add("6.1.59", f"{place}.name", f"expected a range, got the one version {shown(name)}")


def _languages(document: Mapping[str, Any], problems: Problems) -> None:
    lang, source = document.get("lang"), document.get("source_lang")
    for member, tag in (("lang", lang), ("source_lang", source)):
        if tag is not None and not csaf_lists.language_exists(tag):
            problems.add(
                "6.1.12", f"$.document.{member}", f"expected a language that exists, got {shown(tag)}"
            )
    if document.get("publisher", {}).get("category") == "translator" and not source:
        problems.add("6.1.15", "$.document.source_lang", "expected the language translated from, got nothing")
    if lang is not None and source is not None and lang.lower() == source.lower():
        problems.add("6.1.28", "$.document.source_lang", f"expected another language than {shown(lang)}")


_Order = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]


def _order(number: str) -> _Order | None:
    """A version to sort by; a whole number counts as `N.0.0`. Semantic Versioning 2.0.0 section 11."""
    if len(number) > 1_000:
        return None
    if re.fullmatch("[0-9]+", number):
        return int(number), 0, 0, 1, ()
    found = SEMVER.fullmatch(number)
    if found is None:
        return None
    pre = found[4]
    parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in (pre.split(".") if pre else ()))
    return int(found[1]), int(found[2]), int(found[3]), 0 if pre else 1, parts


def _bare(number: str, *, draft: bool = False) -> str:
    """A version without its build, and without its pre-release where the document is a draft."""
    plain = number.partition("+")[0]
    return plain.partition("-")[0] if draft else plain


def sorted_history(tracking: Mapping[str, Any]) -> list[tuple[datetime, _Order, str, int]]:
    """The revision history by date and then number; without the items that have no date or number."""
    found = []
    for i, item in enumerate(tracking.get("revision_history", ())):
        number = item.get("number", "")
        at, order = instant(item.get("date", "")), _order(number)
        if at is not None and order is not None:
            found.append((at, order, number, i))
    return sorted(found)


def _revisions(tracking: Mapping[str, Any], problems: Problems) -> None:
    where = "$.document.tracking.revision_history"
    status, current = tracking.get("status"), tracking.get("version", "")
    history = tracking.get("revision_history", [])
    ordered = sorted_history(tracking)
    for before, after in pairwise(ordered):
        if before[1] > after[1]:
            text = f"{after[2]} is dated after {before[2]}, though it is the lower number"
            problems.add("6.1.14", f"{where}[{after[3]}].number", text)
    draft = status == "draft"
    if ordered and current and _bare(current, draft=draft) != _bare(ordered[-1][2], draft=draft):
        text = f"expected {shown(ordered[-1][2])}, the newest of the revision history, got {shown(current)}"
        problems.add("6.1.16", "$.document.tracking.version", text)
    _drafts(tracking, problems)
    numbers: dict[str, int] = {}
    for i, item in enumerate(history):
        number = item.get("number", "")
        if "-" in _bare(number):
            problems.add("6.1.19", f"{where}[{i}].number", f"expected no pre-release, got {shown(number)}")
        if number and numbers.setdefault(number, i) != i:
            problems.add(
                "6.1.22", f"{where}[{i}].number", f"{shown(number)} is also at {where}[{numbers[number]}]"
            )
    majors = [r[1][0] for r in ordered]
    if majors and majors[0] not in (0, 1):
        text = f"expected the history to begin with 0 or 1, got {shown(ordered[0][2])}"
        problems.add("6.1.21", f"{where}[{ordered[0][3]}].number", text)
    for before, after in pairwise(ordered):
        if after[1][0] > before[1][0] + 1:
            text = f"expected {before[1][0] + 1} after {before[2]}, got {after[2]}"
            problems.add("6.1.21", f"{where}[{after[3]}].number", text)
    kinds = {"." in n for n in (current, *(r.get("number", "") for r in history)) if _order(n) is not None}
    if len(kinds) > 1:
        text = "expected whole numbers or semantic versions throughout, got both"
        problems.add("6.1.30", "$.document.tracking", text)


def _drafts(tracking: Mapping[str, Any], problems: Problems) -> None:
    status, current = tracking.get("status"), tracking.get("version", "")
    unready = _bare(current) == "0" or current.startswith("0.")
    if status is not None and status != "draft" and (unready or "-" in _bare(current)):
        problems.add(
            "6.1.17", "$.document.tracking.status", f"expected draft for {shown(current)}, got {status}"
        )
    if status in ("final", "interim"):
        if "-" in _bare(current):
            problems.add(
                "6.1.20",
                "$.document.tracking.version",
                f"expected no pre-release when {status}, got {shown(current)}",
            )
        for i, item in enumerate(tracking.get("revision_history", ())):
            number = item.get("number", "")
            if _bare(number) == "0" or number.startswith("0."):
                where = f"$.document.tracking.revision_history[{i}].number"
                problems.add("6.1.18", where, f"expected no {shown(number)} when the document is {status}")


def _squeezed(text: str) -> str:
    """Lower case, without white space, dashes (Pd), low lines (Pc) and the combining low line."""
    kept = (c for c in text if not c.isspace() and unicodedata.category(c) not in ("Pd", "Pc", "Cf"))
    return "".join(c for c in kept if c not in "\u2212\u0332\u00af").casefold()


def _category(document: Mapping[str, Any], version: str, problems: Problems) -> None:
    category = document.get("category", "")
    profiles = _PROFILES_21 if version == "2.1" else _PROFILES_20
    known = {f"csaf_{p}" for p in profiles}
    if category in known or category == "csaf_base" or not category:
        return
    taken = {_squeezed(p) for p in profiles} | {_squeezed(k) for k in known}
    if category.lower().startswith("csaf_") or _squeezed(category) in taken:
        text = f"expected a name that is not, and does not look like, a profile's, got {shown(category)}"
        problems.add("6.1.26", "$.document.category", text)


def _profile(entry: Mapping[str, Any], document: Mapping[str, Any], version: str, problems: Problems) -> None:
    profile = document.get("category", "").removeprefix("csaf_")
    if not document.get("category", "").startswith("csaf_"):
        return
    new = version == "2.1"
    notes = [n.get("category") for n in document.get("notes", ())]
    if profile in ("informational_advisory", "security_incident_response"):
        if not _GENERAL_NOTES & set(notes):
            problems.add(
                "6.1.27.1", "$.document.notes", "expected a description, details, general or summary note"
            )
        if not any(r.get("category", "external") == "external" for r in document.get("references", ())):
            problems.add("6.1.27.2", "$.document.references", "expected an external reference, got none")
    past = new and profile in ("withdrawn", "superseded")
    if (profile == "informational_advisory" or past) and "vulnerabilities" in entry:
        problems.add(
            "6.1.27.3", "$.vulnerabilities", f"expected none in the profile csaf_{profile}, got some"
        )
    if profile in ("security_advisory", "vex") or (new and profile == "deprecated_security_advisory"):
        for test, member in (("6.1.27.4", "product_tree"), ("6.1.27.11", "vulnerabilities")):
            if member not in entry:
                problems.add(test, f"$.{member}", f"expected it in the profile csaf_{profile}, got nothing")
    if past:
        _past(entry, document, profile, problems)


def _english(document: Mapping[str, Any]) -> bool:
    return bool(document.get("lang", "en").lower().partition("-")[0] == "en")


def _past(entry: Mapping[str, Any], document: Mapping[str, Any], profile: str, problems: Problems) -> None:
    """6.1.27.14 to 6.1.27.19: withdrawn and superseded documents of version 2.1."""
    notes = document.get("notes", ())
    if not any(n.get("category") == "description" for n in notes):
        problems.add("6.1.27.14", "$.document.notes", "expected a description note, got none")
    if "product_tree" in entry:
        problems.add("6.1.27.15", "$.product_tree", f"expected none in the profile csaf_{profile}, got one")
    if len(document.get("tracking", {}).get("revision_history", ())) < 2:
        problems.add("6.1.27.16", "$.document.tracking.revision_history", "expected two items or more")
    if not _english(document):
        return
    test, title = {
        "withdrawn": ("6.1.27.17", "Reasoning for Withdrawal"),
        "superseded": ("6.1.27.18", "Reasoning for Supersession"),
    }[profile]
    said = [n.get("category") for n in notes if n.get("title") == title]
    if said != ["description"]:
        problems.add(test, "$.document.notes", f"expected one description note “{title}”")
    if profile == "superseded" and not any(
        r.get("summary", "").startswith("Superseding Document") and r.get("category") == "external"
        for r in document.get("references", ())
    ):
        text = "expected an external reference whose summary begins “Superseding Document”"
        problems.add("6.1.27.19", "$.document.references", text)


_PLAIN_TIME = re.compile(r"[0-9-]{10}T[0-9:]{6}[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-][0-9:]{5})")
_TIME_MEMBERS = frozenset(
    ("current_release_date", "date", "disclosure_date", "discovery_date", "exploitation_date", "timestamp")
    + ("initial_release_date",)
)


def _plain(text: str) -> bool:
    return _PLAIN_TIME.fullmatch(text) is not None and instant(text) is not None


def _times(entry: Mapping[str, Any], problems: Problems) -> None:
    """6.1.37. A loop over everything but extensions, which have their own rules."""
    stack: list[tuple[Any, str]] = [(entry, "$")]
    while stack:
        value, place = stack.pop()
        if isinstance(value, list):
            stack.extend((v, f"{place}[{i}]") for i, v in enumerate(value) if isinstance(v, dict))
            continue
        for name, inner in value.items():
            if isinstance(inner, dict | list) and name != "x_extensions":
                stack.append((inner, f"{place}.{name}"))
            elif name in _TIME_MEMBERS and isinstance(inner, str) and not _plain(inner):
                text = f"expected a time with T, an offset or Z, and no leap second, got {shown(inner)}"
                problems.add("6.1.37", f"{place}.{name}", text)


def _sharing(document: Mapping[str, Any], problems: Problems) -> None:
    """6.1.38 to 6.1.41."""
    distribution = document.get("distribution", {})
    group, label = distribution.get("sharing_group"), distribution.get("tlp", {}).get("label")
    if group is None:
        return
    place = "$.document.distribution.sharing_group"
    id_, name = group.get("id"), group.get("name")
    if id_ == _MAX and label != "CLEAR":
        problems.add(
            "6.1.38", f"{place}.id", f"expected CLEAR for the group of everybody, got {shown(label)}"
        )
    draft = id_ == _NIL and document.get("tracking", {}).get("status") == "draft"
    if label == "CLEAR" and id_ != _MAX and not draft:
        problems.add(
            "6.1.39", f"{place}.id", "expected the group of everybody (all f) for CLEAR, got another"
        )
    for reserved, owner in (("Public", _MAX), ("No sharing allowed", _NIL)):
        if name == reserved and id_ != owner:
            problems.add("6.1.40", f"{place}.name", f"“{reserved}” is the name of {owner} alone")
        if id_ == owner and name != reserved:
            problems.add("6.1.41", f"{place}.name", f"expected “{reserved}” for this id, got {shown(name)}")


# SPDX 3.0.1 annex B; DocumentRef is not allowed here (CSAF 2.1 section 3.2.2.6).
# `licenseref-` and its like are no beginning of an id: the ABNF's words are matched with their case.
_IDSTRING = r"(?!(?i:licenseref|additionref|documentref)-)[A-Za-z0-9.\-]+"
_LICENCE = re.compile(
    rf"(?:LicenseRef-{_IDSTRING}|{_IDSTRING}\+?)(?:\s+(?:WITH|with)\s+(?:AdditionRef-)?{_IDSTRING})?",
    re.ASCII,
)


def _licence(document: Mapping[str, Any], problems: Problems) -> None:
    """6.1.54 and 6.1.55. Operands and operators take turns; what is in brackets is an operand once it is closed."""
    text = document.get("license_expression")
    if text is None:
        return
    depth, wants_operand = 0, True
    fine = "DocumentRef-" not in text
    for part in re.findall(rf"[()]|\b(?:AND|OR|and|or)\b(?=[\s(])|{_LICENCE.pattern}|\S", text):
        if part == "(":
            fine, depth = fine and wants_operand, depth + 1
        elif part == ")":
            fine, depth = fine and not wants_operand and depth > 0, depth - 1
        elif part in ("AND", "OR", "and", "or"):
            fine, wants_operand = fine and not wants_operand, True
        else:
            fine, wants_operand = fine and wants_operand and bool(_LICENCE.fullmatch(part)), False
    if not fine or depth or wants_operand:
        problems.add(
            "6.1.54", "$.document.license_expression", f"expected an SPDX expression, got {shown(text)}"
        )
        return
    unlisted = csaf_lists.unlisted_licence(text)
    said = [n.get("category") for n in document.get("notes", ()) if n.get("title") == "License"]
    if unlisted and _english(document) and said != ["legal_disclaimer"]:
        told = f"expected one legal_disclaimer note “License”, for {shown(unlisted)} is on no licence list"
        problems.add("6.1.55", "$.document.notes", told)
