"""CSAF 2.0 and 2.1: security advisories and VEX with their product trees, resolved, and what is wrong with them.

Refused (`Malformed`): no CSAF, or a value of another kind than the schema asks for. Read with `problems`: every
other breach of the schema (kind `schema`) and of the mandatory tests (kind `6.1.6`: the test's number in the
standard). Not tested: extensions' own schemas (6.1.60.2, 6.1.60.3), for those stand elsewhere on the network.
What others list (languages, CWEs, SSVC decision points, licences) is known as of the lists in `data`.

Source: OASIS, Common Security Advisory Framework 2.0 (2022) and 2.1.

    >>> import json
    >>> document = read(json.dumps({
    ...     "document": {"category": "csaf_base", "csaf_version": "2.0", "title": "Tarn 4", "publisher": {
    ...         "category": "vendor", "name": "Fellside Medical", "namespace": "https://fellside.example"},
    ...       "tracking": {"id": "FM-1", "status": "final", "version": "1",
    ...         "current_release_date": "2026-02-05T12:00:00Z", "initial_release_date": "2026-02-05T12:00:00Z",
    ...         "revision_history": [{"date": "2026-02-05T12:00:00Z", "number": "1", "summary": "First."}]}},
    ...     "product_tree": {"full_product_names": [{"product_id": "P1", "name": "Tarn 4 pump"}]},
    ...     "vulnerabilities": [{"cve": "CVE-2026-1", "product_status": {"known_affected": ["P1", "P2"]}}],
    ... }).encode())
    >>> [p.name for p in document.resolve("P1")]
    ['Tarn 4 pump']
    >>> [(p.kind, p.place) for p in document.problems]  # doctest: +NORMALIZE_WHITESPACE
    [('schema', '$.vulnerabilities[0].cve'),
     ('6.1.1', '$.vulnerabilities[0].product_status.known_affected[1]')]
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vouchsafe.sbom import csaf_rules, csaf_schema, csaf_tree, csaf_vulnerability_rules, jsonshape, jsontext
from vouchsafe.sbom.csaf_tree import Product, Tree
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Problem

if TYPE_CHECKING:
    from vouchsafe.sbom.advisories import Advisory

VERSIONS = ("2.0", "2.1")
STATUSES = (
    "first_affected",
    "known_affected",
    "last_affected",
    "first_fixed",
    "fixed",
    "known_not_affected",
    "under_investigation",
    "unknown",
    "recommended",
)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who issued the document."""

    name: str
    category: str
    namespace: str
    contact: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One item of the revision history."""

    number: str
    date: str
    summary: str


@dataclass(frozen=True, slots=True)
class Note:
    """One note of a document or vulnerability."""

    category: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """One measure of a vulnerability, and the products that it is for.

    `type` is cvss_v2, cvss_v3, cvss_v4, epss, ssvc_v2 or qualitative_severity_rating. `vector` is the CVSS
    vector, or SSVC's selections as `key:values` with slashes; `score` the number that is given (EPSS: the
    probability); `rating` the word, lower case.
    """

    type: str
    version: str
    vector: str
    score: float | None
    rating: str
    products: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class About:
    """A remediation, threat or flag: what it says, of which products (groups resolved). `category` is the label."""

    category: str
    details: str
    date: str
    url: str
    products: frozenset[str]
    restart: str = ""


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One vulnerability. `status` maps the words of `STATUSES` to product ids in file order."""

    index: int
    cve: str
    ids: tuple[tuple[str, str], ...]
    cwes: tuple[tuple[str, str], ...]
    title: str
    notes: tuple[Note, ...]
    status: Mapping[str, tuple[str, ...]]
    scores: tuple[Score, ...]
    remediations: tuple[About, ...]
    threats: tuple[About, ...]
    flags: tuple[About, ...]
    involvements: tuple[tuple[str, str, str], ...]
    references: tuple[tuple[str, str], ...]
    discovered: str
    released: str

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"$.vulnerabilities[{self.index}]"


@dataclass(frozen=True, slots=True)
class Document:
    """One CSAF document. `tlp` is the label, `severity` the aggregate severity's text, `sha256` of the bytes."""

    version: str
    category: str
    title: str
    publisher: Publisher
    id: str
    aliases: tuple[str, ...]
    status: str
    revision: str
    initial_release: str
    current_release: str
    history: tuple[Revision, ...]
    tlp: str
    severity: str
    lang: str
    notes: tuple[Note, ...]
    references: tuple[tuple[str, str], ...]
    tree: Tree
    vulnerabilities: tuple[Vulnerability, ...]
    problems: tuple[Problem, ...]
    sha256: str

    def resolve(self, product_id: str) -> tuple[Product, ...]:
        """The products with this id: one; none where it is not defined (6.1.1), more where twice (6.1.2)."""
        return self.tree.by_id.get(product_id, ())


def read(data: bytes, *, limits: Limits = DEFAULT) -> Document:
    """The document in `data`.

    Raises:
        TooLarge: past a limit.
        NotRead: JSON of another format, or another version of CSAF.
        Malformed: no JSON, no CSAF, or a value of another kind than the schema asks for.
    """
    return _read(jsontext.parse(data, limits=limits), hashlib.sha256(data).hexdigest(), limits)


def read_advisory(data: bytes, *, limits: Limits = DEFAULT) -> "Advisory":
    """The document in `data` as an advisory that components can be matched with. Raises as `read`."""
    from vouchsafe.sbom import csaf_advisory

    return csaf_advisory.of_document(read(data, limits=limits), limits)


def of_value(entry: Any, sha256: str, *, limits: Limits = DEFAULT) -> Document:
    """The document in a value that `jsontext.parse` gave of bytes with this digest. Raises as `read`."""
    return _read(entry, sha256, limits)


def is_csaf(entry: object) -> bool:
    """Whether a parsed JSON value says that it is a CSAF document, of whatever version."""
    document = entry.get("document") if isinstance(entry, dict) else None
    return isinstance(document, dict) and "csaf_version" in document


def _version(entry: Any) -> str:
    if not isinstance(entry, dict):
        raise Malformed("$", "a CSAF document (an object)", shown(entry))
    if "document" not in entry:
        raise NotRead("$.document", "a CSAF document", "nothing")
    if not isinstance(entry["document"], dict):
        raise Malformed("$.document", "an object", shown(entry["document"]))
    version = entry["document"].get("csaf_version")
    if not isinstance(version, str):
        raise Malformed("$.document.csaf_version", "2.0 or 2.1", shown(version))
    if version not in VERSIONS:
        raise NotRead("$.document.csaf_version", "2.0 or 2.1", shown(version))
    return version


def _read(entry: Any, sha256: str, limits: Limits) -> Document:
    version = _version(entry)
    _check_lists(entry, limits)
    problems = jsonshape.check(csaf_schema.shape(version), entry, at_most=limits.max_problems)
    _check_counts(entry, limits)
    tree = csaf_tree.read(entry.get("product_tree", {}), limits)
    csaf_rules.check(entry, version, tree, problems)
    csaf_vulnerability_rules.check(entry, version, tree, problems)
    head: dict[str, Any] = entry["document"]
    tracking, publisher = head.get("tracking", {}), head.get("publisher", {})
    return Document(
        version=version,
        category=head.get("category", ""),
        title=head.get("title", ""),
        publisher=Publisher(
            publisher.get("name", ""),
            publisher.get("category", ""),
            publisher.get("namespace", ""),
            publisher.get("contact_details", ""),
        ),
        id=tracking.get("id", ""),
        aliases=tuple(tracking.get("aliases", ())),
        status=tracking.get("status", ""),
        revision=tracking.get("version", ""),
        initial_release=tracking.get("initial_release_date", ""),
        current_release=tracking.get("current_release_date", ""),
        history=tuple(
            Revision(r.get("number", ""), r.get("date", ""), r.get("summary", ""))
            for r in tracking.get("revision_history", ())
        ),
        tlp=head.get("distribution", {}).get("tlp", {}).get("label", ""),
        severity=head.get("aggregate_severity", {}).get("text", ""),
        lang=head.get("lang", ""),
        notes=_notes(head),
        references=_references(head),
        tree=tree,
        vulnerabilities=tuple(
            _vulnerability(v, i, tree) for i, v in enumerate(entry.get("vulnerabilities", ()))
        ),
        problems=tuple(problems),
        sha256=sha256,
    )


def _check_lists(entry: Mapping[str, Any], limits: Limits) -> None:
    """The lists that stand alone may be too long by themselves: told before anything in them is looked at."""
    tree = entry.get("product_tree")
    for name in ("full_product_names", "relationships", "product_paths"):
        items = tree.get(name) if isinstance(tree, dict) else None
        if isinstance(items, list) and len(items) > limits.max_products:
            place = f"$.product_tree.{name}[{limits.max_products}]"
            raise TooLarge(place, f"at most {limits.max_products:,} products", f"{len(items):,}")


def _check_counts(entry: Mapping[str, Any], limits: Limits) -> None:
    """Product ids, directly and through groups: a few bytes may name a group of very many, very often."""
    most = limits.max_product_ids
    sizes: dict[str, int] = {}
    for group in entry.get("product_tree", {}).get("product_groups", ()):
        name = group.get("group_id", "")
        sizes[name] = sizes.get(name, 0) + len(group.get("product_ids", ()))
    count = 0
    for place, ids, groups in _named(entry):
        count += len(ids) + sum(sizes.get(g, 0) for g in groups)
        if count > most:
            raise TooLarge(place, f"at most {most:,} product ids, those of groups counted", "more")


_SCOPED = (
    "remediations",
    "threats",
    "flags",
    "ids",
    "notes",
    "involvements",
    "first_known_exploitation_dates",
)


def _named(entry: Mapping[str, Any]) -> Iterator[tuple[str, list[Any], list[Any]]]:
    for i, vulnerability in enumerate(entry.get("vulnerabilities", ())):
        place = f"$.vulnerabilities[{i}]"
        for word, ids in vulnerability.get("product_status", {}).items():
            if isinstance(ids, list):
                yield f"{place}.product_status.{word}", ids, []
        for name in ("scores", "metrics"):
            for j, item in enumerate(vulnerability.get(name, ())):
                yield f"{place}.{name}[{j}].products", item.get("products", []), []
        for name in _SCOPED:
            for j, item in enumerate(vulnerability.get(name, ())):
                ids, groups = item.get("product_ids", []), item.get("group_ids", [])
                if isinstance(ids, list) and isinstance(groups, list):
                    yield f"{place}.{name}[{j}]", ids, [g for g in groups if isinstance(g, str)]


def _vulnerability(item: Mapping[str, Any], index: int, tree: Tree) -> Vulnerability:
    cwes = item.get("cwes", [item["cwe"]] if "cwe" in item else [])
    status = item.get("product_status", {})
    return Vulnerability(
        index=index,
        cve=item.get("cve", ""),
        ids=tuple((i.get("system_name", ""), i.get("text", "")) for i in item.get("ids", ())),
        cwes=tuple((c.get("id", ""), c.get("name", "")) for c in cwes),
        title=item.get("title", ""),
        notes=_notes(item),
        status={word: tuple(status[word]) for word in STATUSES if word in status},
        scores=tuple(_scores(item)),
        remediations=_abouts(item, "remediations", tree),
        threats=_abouts(item, "threats", tree),
        flags=_abouts(item, "flags", tree),
        involvements=tuple(
            (i.get("party", ""), i.get("status", ""), i.get("date", "")) for i in item.get("involvements", ())
        ),
        references=_references(item),
        discovered=item.get("discovery_date", ""),
        released=item.get("release_date", item.get("disclosure_date", "")),
    )


def _notes(item: Mapping[str, Any]) -> tuple[Note, ...]:
    return tuple(
        Note(n.get("category", ""), n.get("title", ""), n.get("text", "")) for n in item.get("notes", ())
    )


def _references(item: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((r.get("category", "external"), r.get("url", "")) for r in item.get("references", ()))


def _abouts(item: Mapping[str, Any], name: str, tree: Tree) -> tuple[About, ...]:
    return tuple(
        About(
            a.get("label" if name == "flags" else "category", ""),
            a.get("details", ""),
            a.get("date", ""),
            a.get("url", ""),
            tree.members(a),
            a.get("restart_required", {}).get("category", ""),
        )
        for a in item.get(name, ())
    )


def _scores(item: Mapping[str, Any]) -> Iterator[Score]:
    """Every score of `scores` (2.0) and `metrics` (2.1). Inside a CVSS object nothing is sure: 6.1.8 says so."""
    for score in item.get("scores", ()):
        yield from _measures(score, tuple(score.get("products", ())), "")
    for metric in item.get("metrics", ()):
        products = tuple(metric.get("products", ()))
        yield from _measures(metric.get("content", {}), products, metric.get("source", ""))


def _measures(content: Mapping[str, Any], products: tuple[str, ...], source: str) -> Iterator[Score]:
    for name in ("cvss_v2", "cvss_v3", "cvss_v4"):
        cvss = content.get(name)
        if isinstance(cvss, dict):
            number: Any = cvss.get("baseScore")
            yield Score(
                name,
                _text(cvss, "version"),
                _text(cvss, "vectorString"),
                float(number) if type(number) in (int, float) and 0 <= number <= 10 else None,
                _text(cvss, "baseSeverity").lower(),
                products,
                source,
            )
    rating = content.get("qualitative_severity_rating")
    if rating:
        yield Score("qualitative_severity_rating", "", "", None, rating, products, source)
    epss = content.get("epss")
    if epss:
        share = epss.get("probability", "")
        chance = float(share) if share.isascii() and share.replace(".", "", 1).isdigit() else None
        yield Score("epss", "", "", chance, "", products, source)
    ssvc = content.get("ssvc_v2")
    if isinstance(ssvc, dict):
        yield Score("ssvc_v2", _text(ssvc, "schemaVersion"), _selections(ssvc), None, "", products, source)


def _selections(ssvc: Mapping[str, Any]) -> str:
    parts = []
    chosen = ssvc.get("selections")
    for one in chosen if isinstance(chosen, list) else ():
        if isinstance(one, dict) and isinstance(one.get("values"), list):
            values = [_text(v, "key") for v in one["values"] if isinstance(v, dict)]
            parts.append(f"{_text(one, 'key')}:{','.join(values)}")
    return "/".join(parts)


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""
