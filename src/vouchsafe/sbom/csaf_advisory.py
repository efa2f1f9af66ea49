"""A CSAF document as an advisory that components can be matched with: one entry a product and set of statuses.

A product is joined by its package URL where it has one; otherwise by its name and CPE, which is never more than
possible. A version that is exact stays exact; a vers range, or its constraints alone, becomes events where they
can be said as such; any other text becomes a range of the type CUSTOM, with the text among the conditions.
Products under investigation, or of unknown status, are UNKNOWN: possible, never "not affected".
"""

import re
from collections.abc import Iterator

from vouchsafe.sbom import cvss, joins, purl, vers
from vouchsafe.sbom.advisories import Advisory, Affected, Event, Range, Severity
from vouchsafe.sbom.csaf import Document, Vulnerability
from vouchsafe.sbom.csaf_tree import Product
from vouchsafe.sbom.errors import Malformed, TooLarge
from vouchsafe.sbom.limits import Limits

_AFFECTED = ("first_affected", "known_affected", "last_affected")
_DOUBTFUL = ("under_investigation", "unknown")
# Nobody installs a hundred products on each other; a file of relationships may claim so, or go round in a circle.
_MAX_CHAIN = 100
_ALL = Range("ECOSYSTEM", "", (Event("introduced", "0"),))
_EXACT = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_~:\-]*", re.ASCII)
_WILD = re.compile(r"(?:^|[.\-])[xX](?:$|[.\-])")
# White space inside a version is words, or several versions; `=<` is no comparator.
_WORDS = re.compile(r"[^\s|<>=!]\s+[^\s|<>=!]|=\s*[<>=]")


def of_document(document: Document, limits: Limits) -> Advisory:
    """The advisory that `document` is.

    Raises:
        TooLarge: more affected products than the limit.
    """
    problems = [f"{p.place}: {p.text} ({p.kind})" for p in document.problems]
    affected: list[Affected] = []
    for entry in _affected(document):
        if len(affected) >= limits.max_affected:
            raise TooLarge("$.vulnerabilities", f"at most {limits.max_affected:,} affected products", "more")
        affected.append(_entry(document, entry[0], len(affected), doubtful=entry[1]))
    severities = tuple(s for v in document.vulnerabilities for s in _severities(v))
    if not severities and document.severity.lower() in cvss.RATINGS:
        severities = (Severity("word", "", None, cvss.RATINGS[document.severity.lower()]),)
    names = [v.cve for v in document.vulnerabilities] + list(document.aliases)
    names += [text for v in document.vulnerabilities for _, text in v.ids]
    withdrawn = document.version == "2.1" and document.category == "csaf_withdrawn"
    return Advisory(
        id=document.id,
        aliases=tuple(dict.fromkeys(n for n in names if n and n != document.id)),
        related=(),
        summary=document.title,
        details="\n\n".join(
            n.text for n in document.notes if n.category in ("summary", "description", "details")
        ),
        published=document.initial_release,
        modified=document.current_release,
        withdrawn=document.current_release if withdrawn else "",
        severity=max(severities, key=_weight, default=None),
        severities=severities,
        affected=tuple(affected),
        references=tuple(("ADVISORY" if kind == "self" else "WEB", url) for kind, url in document.references),
        problems=tuple(problems),
        format="CSAF",
    )


def _weight(s: Severity) -> tuple[float, int]:
    """The document's vulnerabilities are all of one advisory, so its severity is that of the worst."""
    words = ("unknown", "none", "low", "medium", "high", "critical")
    return (s.score if s.score is not None else -1.0), words.index(s.rating)


def _severities(vulnerability: Vulnerability) -> Iterator[Severity]:
    for score in vulnerability.scores:
        if score.type.startswith("cvss_"):
            # What is wrong with it stands among the document's problems as 6.1.8 to 6.1.10.
            place = f"{vulnerability.place}.scores"
            yield cvss.read(
                score.vector, place, [], stated=score.score, word=score.rating, source=score.source
            )
        elif score.type == "qualitative_severity_rating":
            yield Severity("word", "", None, cvss.RATINGS.get(score.rating, "unknown"), source=score.source)


def _affected(document: Document) -> Iterator[tuple[Product, bool]]:
    """Every product that is affected, and whether that is in doubt; once each, surely affected before doubtful."""
    sure: dict[str, bool] = {}
    for vulnerability in document.vulnerabilities:
        for words, doubtful in ((_AFFECTED, False), (_DOUBTFUL, True)):
            for word in words:
                for id_ in vulnerability.status.get(word, ()):
                    sure[id_] = sure.get(id_, True) and doubtful
    for id_, doubtful in sure.items():
        # An id of no product still is a product that somebody may have: its id is all that is known of it.
        for product in document.resolve(id_) or (Product(id_, ""),):
            yield product, doubtful


def _entry(document: Document, product: Product, index: int, *, doubtful: bool) -> Affected:
    own = _described(document, product)
    urls = _urls(product) or _urls(own)
    key, *others = dict.fromkeys(map(purl.key, urls)) or [""]
    conditions = [f"{s.category.replace('_', ' ')} {_name(document, s.product_id)}" for s in product.steps]
    if doubtful:
        ranges: tuple[Range, ...] = (Range("UNKNOWN", "", (Event("introduced", "0"),)),)
        versions: tuple[str, ...] = ()
        unaffected: tuple[str, ...] = ()
    else:
        ranges, versions, unaffected = _versions(own, key, urls, conditions)
    cpes = tuple(c for c in (product.helpers.cpe, own.helpers.cpe) if c)
    return Affected(
        index=index,
        package_key=key,
        purl=urls[0] if urls else "",
        ecosystem="",
        release="",
        name=own.product_name or own.name or product.name,
        ranges=ranges,
        versions=versions,
        unaffected=unaffected,
        cpes=tuple(dict.fromkeys(cpes)),
        vendor=own.vendor,
        conditions=tuple(conditions),
        other_keys=(*others, *(() if key else joins.product_keys([own.name], own.vendor))),
    )


def _described(document: Document, product: Product) -> Product:
    """The product of the tree that a combined one begins with: a component, or what is installed on another."""
    for _ in range(_MAX_CHAIN):
        if not product.base:
            break
        found = document.resolve(product.base)
        if len(found) != 1:
            break
        product = found[0]
    return product


def _name(document: Document, id_: str) -> str:
    return next((p.name for p in document.resolve(id_)), id_)


def _urls(product: Product) -> list[str]:
    """The package URLs that can be read."""
    found = []
    for text in product.helpers.purls:
        try:
            purl.key(text)
        except Malformed:
            continue
        found.append(text)
    return found


def _versions(
    product: Product, key: str, urls: list[str], conditions: list[str]
) -> tuple[tuple[Range, ...], tuple[str, ...], tuple[str, ...]]:
    """Ranges, exact versions, versions left out. What can't be said so goes to `conditions` as it stands."""
    # An rpm's epoch stands beside its version.
    named = [purl.parts(url) for url in urls]
    exact = [purl.source_of(p)[1] if p.type == "rpm" else p.version for p in named]
    ranges: list[Range] = []
    unaffected: tuple[str, ...] = ()
    for said in dict.fromkeys((product.version, product.version_range)):
        if not said:
            continue
        if said == product.version and _EXACT.fullmatch(said) and not _WILD.search(said) and ":/" not in said:
            exact.append(said)
            continue
        read = of_range(said, key)
        if read is None:
            conditions.append(f"versions in the advisory's words: {said}")
            ranges.append(Range("CUSTOM", "", (Event("introduced", "0"),)))
            continue
        ranges += read[0]
        exact += read[1]
        unaffected = read[2]
    return tuple(ranges), tuple(dict.fromkeys(v for v in exact if v)), unaffected


def of_range(text: str, key: str) -> tuple[tuple[Range, ...], tuple[str, ...], tuple[str, ...]] | None:
    """Ranges, exact versions and left-out versions of a vers, or of its constraints alone; None: neither.

    The order is the package's own only where the vers is of its type; all else is CUSTOM, which is never more
    than possible. Source: vers specification; CSAF 2.0 section 3.1.2.3.2.
    """
    if _WORDS.search(text):
        return None
    # Published with constraints too, where `all` names no order.
    text = text if text == "vers:all/*" else text.removeprefix("vers:all/")
    try:
        said = vers.read(text if text.startswith("vers:") else f"vers:vls/{text}")
    except Malformed:
        return None
    if vers.fault(said):
        return None  # in no order that says one thing
    if said.star:
        every = (_ALL if key else Range("CUSTOM", "", _ALL.events),)
        return (() if said.scheme == "none" else every), (), ()
    own = bool(key) and key.startswith(f"pkg:{said.scheme}/")
    type_ = "ECOSYSTEM" if own else "SEMVER" if said.scheme == "semver" and key else "CUSTOM"
    events: list[Event] = []
    exact: list[str] = []
    left_out: list[str] = []
    for c in said.constraints:
        if c.comparator == "=":
            # In words, or with a wild card, one text may stand for several versions.
            if not _EXACT.fullmatch(c.version) or _WILD.search(c.version) or re.search(r"\s", text):
                return None
            exact.append(c.version)
        elif c.comparator == "!=":
            left_out.append(c.version)
        elif c.comparator[0] == ">":
            events.append(Event("introduced", c.version))
            if c.comparator == ">":
                left_out.append(c.version)
        else:
            if not events:
                events.append(Event("introduced", "0"))
            events.append(Event("fixed" if c.comparator == "<" else "last_affected", c.version))
    if left_out and not events:
        events.append(Event("introduced", "0"))
    ranges = (Range(type_, "", tuple(events)),) if events else ()
    return ranges, tuple(exact), tuple(left_out)
