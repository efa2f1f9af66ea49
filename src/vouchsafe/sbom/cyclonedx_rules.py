"""Rules of the CycloneDX schemas 1.2 to 1.7 that a file may break and still be readable.

What an object may hold stands in `cyclonedx_shapes`; here is how that is checked, and the rules that no table
says: hashes, licences, dependencies, the document's own fields. A breach becomes a `schema` problem with its
path. Not checked: cryptographic properties beyond their kind, signatures, the syntax of URLs in XML, and members
that only a later version has.
"""

import re
from functools import cache
from importlib import resources
from typing import Any

from vouchsafe.sbom.cyclonedx_shapes import LINKS, NOT_TEXT, ONE_OF, REQUIRED, SHAPES, WORDS, Member
from vouchsafe.sbom.errors import shown
from vouchsafe.sbom.model import Problem

_TYPES = frozenset(
    ("application", "framework", "library", "container", "operating-system", "device", "firmware", "file")
)
_TYPES_15 = frozenset(("platform", "device-driver", "machine-learning-model", "data"))
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
_LENGTHS = frozenset((32, 40, 64, 96, 128))
HASH_ALGORITHMS = frozenset(_HASH_LENGTHS)
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = re.compile(
    _DAY + r"[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(?P<zone>[Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_PATTERNS = {
    ("component", "mime-type"): re.compile(r"[-+a-z0-9.]+/[-+a-z0-9.]+"),
    ("note", "locale"): re.compile(r"([a-z]{2})(-[A-Z]{2})?"),
    # RFC 3987 2.2: characters that no IRI reference holds, and no colon before the first slash but a scheme's.
    ("reference", "url"): re.compile(r"(?=[A-Za-z][A-Za-z0-9+.-]*:|[^:/?#]*(?:[/?#]|\Z))[^\s<>\"{}|\\^`]*"),
    ("patent", "jurisdiction"): re.compile(r"[A-Z]{2}"),
    ("priority", "jurisdiction"): re.compile(r"[A-Z]{2}"),
}
_LICENCE_LISTS_FROM = "1.3"
# Members of each kind that no rule here is about, whatever their text: most of a file.
_FREE = {
    kind: frozenset(
        m.name
        for m in shape.values()
        if not (
            m.many
            or m.kind
            or m.words
            or m.time
            or m.name == "bom-ref"
            or (kind, m.name) in _PATTERNS
            or (kind, m.name) in LINKS
            or (kind, m.name) in NOT_TEXT
        )
    )
    for kind, shape in SHAPES.items()
}
# What `check_component` and the reader look at themselves; all other members go through the table.
_LOOKED_AT = frozenset(
    (
        "type", "name", "version", "bom-ref", "group", "purl", "cpe", "description", "publisher", "author",
        "copyright", "scope", "hashes", "licenses", "properties", "components", "isExternal",
    )
)  # fmt: skip
# Of those, what must be text and nobody else looks at: of the reader's components, and of those in other elements.
_TEXTS = ("description", "publisher", "author", "copyright")
_INNER_TEXTS = (*_TEXTS, "version", "group", "purl", "cpe", "bom-ref")


class Problems(list[Problem]):
    """The problems of one file, up to a limit.

    Attributes:
        xml: which of the two schemas is asked, where they differ.
        refs: every bom-ref of the file and where it stands.
        links: what is said to have such a bom-ref, and where that is said; dependencies apart.
    """

    xml = False

    def __init__(self, at_most: int) -> None:
        super().__init__()
        self.at_most = at_most
        self.refs: dict[str, str] = {}
        self.links: list[tuple[str, str]] = []

    def identify(self, ref: str, owner: str, place: str, *, unique: bool) -> None:
        """Takes the bom-ref of the element `owner` at `place`. With `unique` its schema forbids a second one."""
        first = self.refs.setdefault(ref, owner)
        if first != owner:
            at = f"{place}.bom-ref"
            self.add("duplicate", at, f"{shown(ref)} is also at {self.placed(first)}")
            if unique:
                self.add("schema", at, f"expected each bom-ref once, got {shown(ref)} again")

    def add(self, kind: str, place: str, text: str) -> None:
        """Notes a problem; past the limit only one more, which says so."""
        if len(self) < self.at_most:
            self.append(Problem(kind, self.placed(place), text))
        elif len(self) == self.at_most:
            self.append(
                Problem("schema", "$", f"more than {self.at_most:,} problems; the others are not listed")
            )

    def placed(self, place: str, item: object = None) -> str:
        """How the file's own format names the place of a JSON path; `item` is what stands there, if at hand."""
        return place

    def inside(self, path: str, name: str) -> str:
        """The place of a member of what stands at a component's path."""
        return f"{path}.{name}"


def check_document(bom: dict[str, Any], version: str, problems: Problems) -> None:
    """Everything but the components that the reader takes: it has checked those one by one."""
    serial = bom.get("serialNumber")
    if serial is not None and not (isinstance(serial, str) and _SERIAL.fullmatch(serial)):
        problems.add("schema", "$.serialNumber", f"expected urn:uuid: and a UUID, got {shown(serial)}")
    # JSON asks for the version before 1.5, XML never.
    number = bom.get("version", None if version < "1.5" and not problems.xml else 1)
    if type(number) is not int or number < 1:
        problems.add("schema", "$.version", f"expected a number from 1, got {shown(number)}")
    shape = SHAPES["bom"]
    for name, value in bom.items():
        member = shape.get(name)
        if member is None:
            problems.add("schema", f"$.{name}", "expected a member of CycloneDX, got another")
        elif name == "metadata":
            rest = {k: v for k, v in value.items() if k != "component"}
            check(rest, "metadata", "$.metadata", version, problems)
        elif name != "components" and member.kind:
            _check_member(value, member, f"$.{name}", "bom", version, problems)


def check(value: Any, kind: str, place: str, version: str, problems: Problems) -> None:
    """One object of a kind of the table, and everything in it."""
    if kind in _OWN_RULES:
        _OWN_RULES[kind](value, place, version, problems)
        return
    if not isinstance(value, dict):
        problems.add("schema", place, f"expected an object, got {shown(value)}")
        return
    shape, free = SHAPES[kind], _FREE[kind]
    for name in REQUIRED[kind]:
        if name not in value:
            problems.add("schema", place, f"expected a {name}, got none")
    for name, item in value.items():
        if name in free and type(item) is str:
            continue
        member = shape.get(name)
        if member is None and kind == "proof":  # the one object that JSON leaves open
            continue
        if member is None:
            problems.add("schema", f"{place}.{name}", f"expected a member of a {kind}, got another")
        elif not (member.words and type(item) is str and item in WORDS[member.words] and not member.many):
            _check_member(item, member, f"{place}.{name}", kind, version, problems)
    one_of = ONE_OF.get(kind)
    if one_of is not None and sum(name in value for name in one_of) != 1:
        problems.add("schema", place, f"expected one of {', '.join(one_of)}, got none or several")
    if kind == "citation" and not ("attributedTo" in value or "process" in value):
        problems.add("schema", place, "expected attributedTo or process, got neither")
    elif kind == "patent" and "patentNumber" in value:
        for name in ("jurisdiction", "patentLegalStatus"):
            if name not in value:
                problems.add("schema", place, f"expected a {name}, got none")


def _check_member(
    value: Any, member: Member, place: str, kind: str, version: str, problems: Problems
) -> None:
    if not member.many:
        _check_one(value, member, place, kind, version, problems)
        return
    if member.name == "identity" and isinstance(value, dict):  # 1.5 has one, later versions a list
        value = [value]
    if not isinstance(value, list):
        problems.add("schema", place, f"expected an array, got {shown(value)}")
        return
    is_right = _RIGHT.get(member.kind)
    for i, item in enumerate(value):
        # Nearly all are right; a place is made up for the others only.
        if is_right is None or not is_right(item):
            _check_one(item, member, f"{place}[{i}]", kind, version, problems)


def _check_one(value: Any, member: Member, place: str, kind: str, version: str, problems: Problems) -> None:
    if member.kind:
        check(value, member.kind, place, version, problems)
    elif member.words:
        if not isinstance(value, str) or value not in WORDS[member.words]:
            words = ", ".join(sorted(WORDS[member.words]))
            problems.add("schema", place, f"expected {words}, got {shown(value)}")
    elif member.time:
        check_time(value, place, problems)
    elif member.name == "bom-ref":
        if not isinstance(value, str) or not value:
            problems.add("schema", place, f"expected at least one character, got {shown(value)}")
        else:
            owner = place.removesuffix(".bom-ref")
            problems.identify(value, owner, owner, unique=problems.xml)
    elif (kind, member.name) in LINKS:
        if isinstance(value, str) and value:
            problems.links.append((value, place))
        else:
            problems.add("schema", place, f"expected a reference, got {shown(value)}")
    else:
        types, wanted = NOT_TEXT.get((kind, member.name), ((str,), "text"))
        if type(value) not in types and not problems.xml:
            problems.add("schema", place, f"expected {wanted}, got {shown(value)}")
            return
        pattern = _PATTERNS.get((kind, member.name)) if member.name != "url" or not problems.xml else None
        if pattern is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
            problems.add("schema", place, f"expected a {member.name} as its schema says, got {shown(value)}")


def check_time(value: Any, place: str, problems: Problems) -> None:
    """A date and a time with its zone, which only XML Schema lets be left out."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None or (found["zone"] is None and not problems.xml):
        problems.add("schema", place, f"expected an RFC 3339 time, got {shown(value)}")


def check_component(item: Any, place: str, version: str, problems: Problems, *, inner: bool = True) -> None:
    """One component; with `inner` those in it too. The reader, which takes them one by one, asks without."""
    if not isinstance(item, dict):
        problems.add("schema", place, f"expected an object, got {shown(item)}")
        return
    type_ = item.get("type")
    if not isinstance(type_, str) or type_ not in component_types(version):
        problems.add("schema", f"{place}.type", f"expected a component type of {version}, got {shown(type_)}")
    if not isinstance(item.get("name"), str) and inner:
        problems.add("schema", f"{place}.name", f"expected text, got {shown(item.get('name'))}")
    if version < "1.4" and not isinstance(item.get("version"), str):
        problems.add("schema", f"{place}.version", "expected text (required before 1.4), got nothing")
    if "bom-ref" in item and not item["bom-ref"]:
        problems.add("schema", f"{place}.bom-ref", "expected at least one character, got an empty string")
    for name in _INNER_TEXTS if inner else _TEXTS:
        if name in item and not isinstance(item[name], str):
            problems.add("schema", f"{place}.{name}", f"expected text, got {shown(item[name])}")
    if inner and item.get("bom-ref") and isinstance(item["bom-ref"], str):
        problems.identify(item["bom-ref"], place, place, unique=problems.xml)
    scope = item.get("scope", "required")
    if not isinstance(scope, str) or scope not in WORDS["scope"]:
        words = ", ".join(sorted(WORDS["scope"]))
        problems.add("schema", f"{place}.scope", f"expected {words}, got {shown(scope)}")
    if "hashes" in item:
        _check_hashes(item["hashes"], f"{place}.hashes", problems)
    if "licenses" in item:
        _check_licences(item["licenses"], f"{place}.licenses", version, problems)
    shape = SHAPES["component"]
    if "properties" in item:
        _check_member(
            item["properties"], shape["properties"], f"{place}.properties", "component", version, problems
        )
    if inner and "components" in item:
        _check_member(
            item["components"], shape["components"], f"{place}.components", "component", version, problems
        )
    if item.keys() <= _LOOKED_AT:
        return
    for name in [k for k in item if k not in _LOOKED_AT]:
        member = shape.get(name)
        if member is None:
            problems.add("schema", f"{place}.{name}", "expected a member of a component, got another")
        else:
            _check_member(item[name], member, f"{place}.{name}", "component", version, problems)
    # 1.7: a range of versions is for what is not shipped, and not together with a version.
    if "versionRange" in item and ("version" in item or item.get("isExternal") not in (True, "true")):
        problems.add(
            "schema", f"{place}.versionRange", "expected it with isExternal and without a version, got it so"
        )


@cache
def component_types(version: str) -> frozenset[str]:
    """The kinds of component that a version of CycloneDX knows."""
    found = _TYPES
    if version >= "1.5":
        found |= _TYPES_15
    return found | {"cryptographic-asset"} if version >= "1.6" else found


def _check_hashes(value: Any, place: str, problems: Problems) -> None:
    if not isinstance(value, list):
        problems.add("schema", place, f"expected an array, got {shown(value)}")
        return
    for i, item in enumerate(value):
        if not _is_hash(item):
            _check_hash(item, f"{place}[{i}]", "", problems)


def _is_hash(item: Any) -> bool:
    """Whether `_check_hash` has nothing to say."""
    if not isinstance(item, dict) or len(item) != 2:
        return False
    algorithm, content = item.get("alg"), item.get("content")
    if type(algorithm) is not str or type(content) is not str:
        return False
    return len(content) == _HASH_LENGTHS.get(algorithm) and _HEX.fullmatch(content) is not None


def _check_hash(item: Any, place: str, version: str, problems: Problems) -> None:
    algorithm = item.get("alg") if isinstance(item, dict) else None
    content = item.get("content") if isinstance(item, dict) else None
    if not isinstance(algorithm, str) or algorithm not in _HASH_LENGTHS:
        problems.add(
            "schema", f"{place}.alg", f"expected a hash algorithm of CycloneDX, got {shown(algorithm)}"
        )
        return
    _check_closed(item, ("alg", "content"), place, problems)
    length = _HASH_LENGTHS[algorithm]
    wanted = f"{length or '32 to 128'} hexadecimal digits"
    if not isinstance(content, str) or not _HEX.fullmatch(content) or len(content) not in _LENGTHS:
        problems.add("schema", f"{place}.content", f"expected {wanted}, got {shown(content)}")
    elif length is not None and len(content) != length:
        # The schemas take any of the lengths with any algorithm, but no such hash can be right.
        problems.add("hash", f"{place}.content", f"expected {wanted}, got {len(content)}")


def _check_licences(value: Any, place: str, version: str, problems: Problems) -> None:
    """Either licences by id or name, or (up to 1.6) one expression alone."""
    if isinstance(value, dict) and version < _LICENCE_LISTS_FROM:
        value = [value]
    if not isinstance(value, list):
        problems.add("schema", place, f"expected an array, got {shown(value)}")
        return
    expressions = 0
    for i, choice in enumerate(value):
        if _is_plain_licence(choice):
            continue
        at = f"{place}[{i}]"
        if not isinstance(choice, dict) or ("license" in choice) == ("expression" in choice):
            problems.add("schema", at, "expected a license or an expression, got neither or both")
            continue
        _check_closed(choice, _EXPRESSION if "expression" in choice else ("license",), at, problems)
        if "expression" in choice:
            expressions += 1
            if not isinstance(choice["expression"], str):
                got = shown(choice["expression"])
                problems.add("schema", f"{at}.expression", f"expected text, got {got}")
            ref = choice.get("bom-ref")
            if isinstance(ref, str) and ref:
                problems.identify(ref, at, at, unique=problems.xml)
            words = choice.get("acknowledgement", "declared")
            if not isinstance(words, str) or words not in WORDS["acknowledgement"]:
                problems.add(
                    "schema", f"{at}.acknowledgement", f"expected declared or concluded, got {shown(words)}"
                )
            continue
        licence = choice["license"]
        check(licence, "license", f"{at}.license", version, problems)
        id_ = licence.get("id") if isinstance(licence, dict) else None
        if id_ is not None and not (isinstance(id_, str) and id_ in spdx_ids()):
            problems.add("schema", f"{at}.license.id", f"expected an SPDX licence id, got {shown(id_)}")
    # XML until 1.6, and JSON of 1.5 and 1.6, let an expression stand alone only.
    alone = version < "1.7" and (problems.xml or version >= "1.5")
    if alone and expressions and len(value) > 1:
        problems.add("schema", place, "expected one expression or a list of licences, got a mixture")


def _is_plain_licence(choice: Any) -> bool:
    """Whether it is a licence by a known id or by name, and nothing else."""
    licence = choice.get("license") if isinstance(choice, dict) and len(choice) == 1 else None
    if not isinstance(licence, dict) or len(licence) != 1:
        return False
    id_ = licence.get("id")
    return id_ in spdx_ids() if type(id_) is str else isinstance(licence.get("name"), str)


@cache
def spdx_ids() -> frozenset[str]:
    """What the SPDX licence list calls its licences and exceptions, as CycloneDX takes them."""
    text = resources.files("vouchsafe.sbom").joinpath("data/spdx_licenses.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


_EXPRESSION = ("expression", "acknowledgement", "bom-ref", "expressionDetails", "licensing", "properties")


def _check_closed(item: dict[str, Any], known: tuple[str, ...], place: str, problems: Problems) -> None:
    for name in item:
        if name not in known:
            problems.add("schema", f"{place}.{name}", f"expected {', '.join(known)}, got another")


_PROPERTY = frozenset(("name", "value"))


def _is_property(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("name"), str)
        and isinstance(item.get("value", ""), str)
        and item.keys() <= _PROPERTY
    )


def _check_property(item: Any, place: str, version: str, problems: Problems) -> None:
    # JSON asks for the name, and for nothing else beside the value, since 1.6 only.
    if version < "1.6" and not problems.xml and isinstance(item, dict):
        item = {"name": "", "value": "", **item}
        item = {name: item[name] for name in _PROPERTY}
    if not _is_property(item):
        problems.add("schema", place, f"expected a name and a value, got {shown(item)}")


def _check_dependency(item: Any, place: str, version: str, problems: Problems) -> None:
    if not isinstance(item, dict):
        problems.add("schema", place, f"expected an object, got {shown(item)}")
        return
    ref = item.get("ref")
    if not isinstance(ref, str) or not ref:
        problems.add("schema", f"{place}.ref", f"expected a reference, got {shown(ref)}")
    _check_closed(item, ("ref", "dependsOn", "provides"), place, problems)
    for name in ("dependsOn", "provides"):
        needs = item.get(name, [])
        if not isinstance(needs, list) or any(not isinstance(n, str) or not n for n in needs):
            problems.add("schema", f"{place}.{name}", "expected references, got something else")
        elif len(set(needs)) != len(needs):
            problems.add("schema", f"{place}.{name}", "expected each reference once, got one twice")
        elif name == "provides":
            problems.links.extend((n, f"{place}.{name}") for n in needs)


def _check_tools(value: Any, place: str, version: str, problems: Problems) -> None:
    """Until 1.4 a list of tools; since 1.5 an object of components and services too."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            check(item, "tool", f"{place}[{i}]", version, problems)
        return
    if not isinstance(value, dict):
        problems.add("schema", place, f"expected an array or an object, got {shown(value)}")
        return
    for name, item in value.items():
        member = SHAPES["tools"].get(name)
        if member is None:
            problems.add("schema", f"{place}.{name}", "expected components or services, got another")
        else:
            _check_member(item, member, f"{place}.{name}", "tools", version, problems)


_OWN_RULES = {
    "component": check_component,
    "dependency": _check_dependency,
    "hash": _check_hash,
    "licenses": _check_licences,
    "property": _check_property,
    "tools": _check_tools,
}
# What those of them that stand in long lists have nothing to say about.
_RIGHT = {"hash": _is_hash, "property": _is_property}
