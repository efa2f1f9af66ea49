"""The shape of CSAF documents of versions 2.0 and 2.1: what their JSON schemas ask for, as `jsonshape` says it.

Version 2.1 allows no members that it does not name; version 2.0 allows any. Formats (URIs, times, UUIDs) are
asserted in both. Source: OASIS, CSAF 2.0 section 3 and CSAF 2.1 section 3 with their JSON schemas.
"""

import re
from functools import cache
from types import MappingProxyType

from vouchsafe.sbom.csaf_cvss import CVSS_V2, CVSS_V3, CVSS_V4
from vouchsafe.sbom.jsonshape import Flag, Items, Members, Shape, Text

SCHEMA_21 = "https://docs.oasis-open.org/csaf/csaf/v2.1/schema/csaf.json"

_PLAIN = Text()
_URI = Text(form="uri")
_TIME = Text(form="time")


def _one_of(words: str) -> Text:
    return Text(words=frozenset(words.split()))


_ESCAPED = r"""\\[\\*?!"#$%&'()+,/:;<=>@\[\]^`{|}~]"""
_WFN = rf"(?:(?:\?++|\*)?(?:[A-Za-z0-9\-._]|{_ESCAPED})++(?:\?++|\*)?|[*\-])"
_CPE_LANG = r"(?:[a-zA-Z]{2,3}(?:-(?:[a-zA-Z]{2}|[0-9]{3}))?|[*\-])"
_CPE = Text(
    re.compile(
        rf"cpe:2\.3:[aho*\-](?::{_WFN}){{5}}:{_CPE_LANG}(?::{_WFN}){{4}}"
        r"|[cC][pP][eE]:/[AHOaho]?(?::[A-Za-z0-9._\-~%]*+){0,6}"
    ),
    least=5,
    said="a CPE 2.3 or 2.2 name",
)
_LANG = Text(
    re.compile(
        r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}(?:-[A-Za-z]{3}){0,2})?|[A-Za-z]{4,8})(?:-[A-Za-z]{4})?"
        r"(?:-(?:[A-Za-z]{2}|[0-9]{3}))?(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
        r"(?:-[A-WY-Za-wy-z0-9](?:-[A-Za-z0-9]{2,8})+)*(?:-[Xx](?:-[A-Za-z0-9]{1,8})+)?"
        r"|[Xx](?:-[A-Za-z0-9]{1,8})+|[Ii]-[Dd][Ee][Ff][Aa][Uu][Ll][Tt]|[Ii]-[Mm][Ii][Nn][Gg][Oo]"
    ),
    said="a language tag (BCP 47)",
)
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRE = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PRE}(?:\.{_PRE})*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)
_VERSION = Text(re.compile(rf"{_NUMBER}|{SEMVER.pattern}"), said="a whole number or a semantic version")
_OUTSIDE = r"[^\s\-_.]"
_TRIMMED = Text(
    re.compile(rf"{_OUTSIDE}(?:[^\n\r\u2028\u2029]*{_OUTSIDE})?"), said="text without marks around it"
)
_ID = Text(re.compile(r"\S(?:[^\n\r\u2028\u2029]*\S)?"), said="text without white space around it")
_CVE = Text(re.compile(r"CVE-[0-9]{4}-[0-9]{4,}"), said="a CVE such as CVE-2024-12345")
_CWE = Text(re.compile(r"CWE-[1-9][0-9]{0,5}"), said="a CWE such as CWE-79")
_SHARE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|0{8}-(?:0{4}-){3}0{12}|f{8}-(?:f{4}-){3}f{12}"
)
_FRACTION = Text(re.compile(r"0\.[0-9]+|1\.0+"), said="a share of one such as 0.25")
_HOST = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EXTENSION = Text(
    re.compile(
        r"(?!https://docs\.oasis-open\.org/csaf/csaf/v2\.1/(?:[^/\s]+/)*schema/extension-content\.json)"
        rf"https://{_HOST}(?:\.{_HOST})+/(?:[^/\s]+/)*[^/\s]+_{SEMVER.pattern}\.json"
    ),
    form="uri",
    said="the address of an extension's schema, with its version",
)
_SSVC_KEY = Text(re.compile(r"[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9_]*[a-zA-Z0-9]|T\*"), said="an SSVC key")

_STATUSES = (
    "first_affected first_fixed fixed known_affected known_not_affected last_affected recommended"
    " under_investigation"
)
_RELATIONS = "default_component_of external_component_of installed_on installed_with optional_component_of"
_PARTIES = "coordinator discoverer other user vendor"
JUSTIFICATIONS = (
    "component_not_present inline_mitigations_already_exist vulnerable_code_cannot_be_controlled_by_adversary"
    " vulnerable_code_not_in_execute_path vulnerable_code_not_present"
)


class _Schema:
    """Builds the shapes of one version. `new` is whether it is 2.1."""

    def __init__(self, new: bool) -> None:
        self.new = new
        self.products = Items(_PLAIN, unique=True)
        self.extensions: dict[str, Shape] = {"x_extensions": Items(_extension(), unique=True)} if new else {}
        self.scope: dict[str, Shape] = {"product_ids": self.products, "group_ids": self.products}

    def obj(self, required: str, optional: dict[str, Shape], **plain: Shape) -> Members:
        """An object; `required` names members, all of them given in `optional` or `plain`."""
        return Members(MappingProxyType({**optional, **plain}), tuple(required.split()), closed=self.new)

    def some(self, members: dict[str, Shape], least: int = 1, required: str = "") -> Members:
        """An object with at least `least` members."""
        return Members(MappingProxyType(members), tuple(required.split()), least=least, closed=self.new)

    def root(self) -> Members:
        v = Items(self.vulnerability())
        members: dict[str, Shape] = {
            "document": self.document(),
            "product_tree": self.tree(),
            "vulnerabilities": v,
        }
        if not self.new:
            return self.obj("document", members)
        members["$schema"] = Text(words=frozenset((SCHEMA_21,)))
        return self.obj("$schema document", members | self.extensions)

    def notes(self) -> Items:
        category = _one_of("description details faq general legal_disclaimer other summary")
        scope = self.scope if self.new else {}
        return Items(
            self.obj("category text", scope, audience=_PLAIN, category=category, text=_PLAIN, title=_PLAIN)
        )

    def acknowledgments(self) -> Items:
        names, urls = Items(_PLAIN), Items(_URI)
        return Items(self.some({"names": names, "organization": _PLAIN, "summary": _PLAIN, "urls": urls}))

    def references(self) -> Items:
        return Items(self.obj("summary url", {}, category=_one_of("external self"), summary=_PLAIN, url=_URI))

    def document(self) -> Members:
        publisher = "coordinator discoverer other translator user vendor" + (
            " multiplier" if self.new else ""
        )
        members: dict[str, Shape] = {
            "acknowledgments": self.acknowledgments(),
            "aggregate_severity": self.obj("text", {}, namespace=_URI, text=_PLAIN),
            "category": _TRIMMED,
            "csaf_version": _one_of("2.1" if self.new else "2.0"),
            "distribution": self.distribution(),
            "lang": _LANG,
            "notes": self.notes(),
            "publisher": self.obj(
                "category name namespace",
                {},
                category=_one_of(publisher),
                contact_details=_PLAIN,
                issuing_authority=_PLAIN,
                name=_PLAIN,
                namespace=_URI,
            ),
            "references": self.references(),
            "source_lang": _LANG,
            "title": _PLAIN,
            "tracking": self.tracking(),
        }
        required = "category csaf_version publisher title tracking"
        if self.new:
            members |= {"license_expression": _PLAIN, **self.extensions}
            required += " distribution"
        return self.obj(required, members)

    def distribution(self) -> Members:
        labels = "AMBER AMBER+STRICT CLEAR GREEN RED" if self.new else "AMBER GREEN RED WHITE"
        tlp = self.obj("label", {}, label=_one_of(labels), url=_URI)
        if not self.new:
            return self.some({"text": _PLAIN, "tlp": tlp})
        group = self.obj("id", {}, id=Text(_SHARE, said="a UUID of version 4, or all 0 or f"), name=_PLAIN)
        return self.obj("tlp", {}, text=_PLAIN, tlp=tlp, sharing_group=group)

    def tracking(self) -> Members:
        engine = self.obj("name", {}, name=_PLAIN, version=_PLAIN)
        revision = self.obj(
            "date number summary", {}, date=_TIME, legacy_version=_PLAIN, number=_VERSION, summary=_PLAIN
        )
        return self.obj(
            "current_release_date id initial_release_date revision_history status version",
            {},
            aliases=Items(_PLAIN, unique=True),
            current_release_date=_TIME,
            generator=self.obj("engine", {}, date=_TIME, engine=engine),
            id=_ID,
            initial_release_date=_TIME,
            revision_history=Items(revision),
            status=_one_of("draft final interim"),
            version=_VERSION,
        )

    def full_product_name(self) -> Members:
        new = self.new
        algorithm = Text(re.compile("[0-9a-z][0-9a-z-]*"), said="a hash's name") if new else _PLAIN
        digits = "[0-9a-f]{32,}" if new else "[0-9a-fA-F]{32,}"
        value = Text(re.compile(digits), said="at least 32 hexadecimal digits")
        one = self.obj("algorithm value", {}, algorithm=algorithm, value=value)
        hashes = self.obj("file_hashes filename", {}, file_hashes=Items(one, unique=new), filename=_PLAIN)
        numbers = Items(_PLAIN, unique=True)
        helper: dict[str, Shape] = {
            "cpe": _CPE,
            "hashes": Items(hashes, unique=new),
            "model_numbers": numbers,
            "sbom_urls": Items(_URI, unique=new),
            "serial_numbers": numbers,
            "skus": Items(_PLAIN, unique=new),
            "x_generic_uris": Items(self.obj("namespace uri", {}, namespace=_URI, uri=_URI), unique=new),
        }
        if new:
            purl = re.compile(r"pkg:[a-z][a-z0-9.\-]*/[^\n\r\u2028\u2029]+")
            helper["purls"] = Items(Text(purl, form="uri", least=7, said="a package URL"), unique=True)
        else:
            purl = re.compile(r"pkg:[A-Za-z.\-+][A-Za-z0-9.\-+]*/[^\n\r\u2028\u2029]+")
            helper["purl"] = Text(purl, form="uri", least=7, said="a package URL")
        return self.obj(
            "name product_id",
            self.extensions,
            name=_PLAIN,
            product_id=_PLAIN,
            product_identification_helper=self.some(helper),
        )

    def tree(self) -> Members:
        name = self.full_product_name()
        category = (
            "architecture host_name language patch_level product_family product_name product_version"
            " product_version_range service_pack specification vendor "
            + ("platform" if self.new else "legacy")
        )
        # A branch holds branches: the table is shared, and gets its own member afterwards.
        members: dict[str, Shape] = {"category": _one_of(category), "name": _PLAIN, "product": name}
        branch = Members(members, ("category", "name"), least=3, most=3, closed=self.new)
        members["branches"] = Items(branch)
        group = self.obj(
            "group_id product_ids",
            {},
            group_id=_PLAIN,
            product_ids=Items(_PLAIN, 2, unique=True),
            summary=_PLAIN,
        )
        tree: dict[str, Shape] = {
            "branches": Items(branch),
            "full_product_names": Items(name),
            "product_groups": Items(group),
        }
        if self.new:
            step = self.obj(
                "category next_product_reference",
                {},
                category=_one_of(_RELATIONS),
                next_product_reference=_PLAIN,
            )
            tree["product_paths"] = Items(
                self.obj(
                    "beginning_product_reference full_product_name subpaths",
                    {},
                    beginning_product_reference=_PLAIN,
                    full_product_name=name,
                    subpaths=Items(step),
                )
            )
        else:
            tree["relationships"] = Items(
                self.obj(
                    "category full_product_name product_reference relates_to_product_reference",
                    {},
                    category=_one_of(_RELATIONS),
                    full_product_name=name,
                    product_reference=_PLAIN,
                    relates_to_product_reference=_PLAIN,
                )
            )
        return self.some(tree)

    def vulnerability(self) -> Members:
        scope = self.scope
        ids_scope = scope if self.new else {}
        flag = self.obj("label", scope, date=_TIME, label=_one_of(JUSTIFICATIONS))
        statuses = _STATUSES + (" unknown" if self.new else "")
        members: dict[str, Shape] = {
            "acknowledgments": self.acknowledgments(),
            "cve": _CVE,
            "discovery_date": _TIME,
            "flags": Items(flag, unique=True),
            "ids": Items(
                self.obj("system_name text", ids_scope, system_name=_PLAIN, text=_PLAIN), unique=True
            ),
            "involvements": Items(self.involvement(), unique=True),
            "notes": self.notes(),
            "product_status": self.some(dict.fromkeys(statuses.split(), self.products)),
            "references": self.references(),
            "remediations": Items(self.remediation()),
            "threats": Items(
                self.obj(
                    "category details",
                    scope,
                    category=_one_of("exploit_status impact target_set"),
                    date=_TIME,
                    details=_PLAIN,
                )
            ),
            "title": _PLAIN,
        }
        members |= self.only_new() if self.new else self.only_old()
        return self.some(members)

    def only_old(self) -> dict[str, Shape]:
        score: dict[str, Shape] = {"cvss_v2": CVSS_V2, "cvss_v3": CVSS_V3, "products": self.products}
        return {
            "cwe": self.obj("id name", {}, id=_CWE, name=_PLAIN),
            "release_date": _TIME,
            "scores": Items(self.some(score, 2, "products")),
        }

    def only_new(self) -> dict[str, Shape]:
        version = Text(re.compile(r"[1-9][0-9]*\.(?:[0-9]|[1-9][0-9]+)(?:\.[0-9]+)?"), said="a CWE release")
        cwe = self.obj("id name version", {}, id=_CWE, name=_TRIMMED, version=version)
        first = self.some(
            {**self.scope, "date": _TIME, "exploitation_date": _TIME}, 3, "date exploitation_date"
        )
        return {
            "cwes": Items(cwe, unique=True),
            "disclosure_date": _TIME,
            "first_known_exploitation_dates": Items(first, unique=True),
            "metrics": Items(self.metric(), unique=True),
            **self.extensions,
        }

    def metric(self) -> Members:
        epss = self.obj(
            "percentile probability timestamp",
            {},
            percentile=_FRACTION,
            probability=_FRACTION,
            timestamp=_TIME,
        )
        content: dict[str, Shape] = {
            "cvss_v2": CVSS_V2,
            "cvss_v3": CVSS_V3,
            "cvss_v4": CVSS_V4,
            "epss": epss,
            "qualitative_severity_rating": _one_of("critical high low medium none"),
            "ssvc_v2": _ssvc(),
            **self.extensions,
        }
        return self.obj(
            "content products", {}, content=self.some(content), products=self.products, source=_URI
        )

    def involvement(self) -> Members:
        more: dict[str, Shape] = {**self.scope, "contact": _PLAIN} if self.new else {}
        status = _one_of("completed contact_attempted disputed in_progress not_contacted open")
        return self.obj(
            "party status", more, date=_TIME, party=_one_of(_PARTIES), status=status, summary=_PLAIN
        )

    def remediation(self) -> Members:
        more = " fix_planned optional_patch" if self.new else ""
        restart = "connected dependencies machine none parent service system vulnerable_component zone"
        return self.obj(
            "category details",
            self.scope,
            category=_one_of("mitigation no_fix_planned none_available vendor_fix workaround" + more),
            date=_TIME,
            details=_PLAIN,
            entitlements=Items(_PLAIN),
            restart_required=self.obj("category", {}, category=_one_of(restart), details=_PLAIN),
            url=_URI,
        )


def _extension() -> Members:
    """An extension's outer members; what is in `content` is its own schema's matter. CSAF 2.1 6.1.60.1."""
    content = Members({}, least=1)
    category = _one_of("essential significant supplementary")
    return Members(
        {"$schema": _EXTENSION, "category": category, "content": content, "critical": Flag()},
        ("$schema", "category", "critical", "content"),
        closed=True,
        rule="6.1.60.1",
    )


def _ssvc() -> Members:
    """SSVC 2.0.0 selections. The namespaces' own grammar is not looked into, only its letters and length."""
    any_text = Text(least=0)
    names: dict[str, Shape] = {"name": _PLAIN, "definition": _PLAIN, "key": _SSVC_KEY}
    value = Members(names, ("key",), closed=True)
    selection = Members(
        {
            **names,
            "namespace": Text(re.compile(r"[a-zA-Z0-9_.#/$\-]{3,1000}"), said="an SSVC namespace"),
            "version": Text(SEMVER, said="a semantic version"),
            "values": Items(value),
        },
        ("namespace", "key", "version", "values"),
        closed=True,
    )
    reference = Members({"uri": _URI, "summary": any_text}, ("uri", "summary"), closed=True)
    return Members(
        {
            "timestamp": _TIME,
            "schemaVersion": _one_of("2.0.0"),
            "target_ids": Items(any_text, unique=True),
            "selections": Items(selection),
            "decision_point_resources": Items(reference),
            "references": Items(reference),
        },
        ("timestamp", "schemaVersion", "selections"),
        closed=True,
        rule="6.1.46",
    )


@cache
def shape(version: str) -> Members:
    """The shape of a document of version `2.0` or `2.1`."""
    return _Schema(version == "2.1").root()
