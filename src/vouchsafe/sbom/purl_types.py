"""What each registered package URL type asks of its parts. Data, and the few rules that data can't say.

Source: the type definitions of the package-url specification (ECMA-427), commit 16f3d0e: `requirement`,
`case_sensitive` (false: the canonical form is lower case), `permitted_characters` and the notes. A type that is
not in the table has no rules of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Requirement = Literal["required", "prohibited", "optional"]


@dataclass(frozen=True, slots=True)
class TypeRule:
    """The rules of one type. `lower` names the parts whose canonical form is lower case."""

    namespace: Requirement
    lower: frozenset[str] = frozenset()
    qualifiers: tuple[str, ...] = ()  # the required ones
    name_pattern: str = ""
    name_words: str = ""
    version_pattern: str = ""
    version_words: str = ""


def _lower(*parts: str) -> frozenset[str]:
    return frozenset(parts)


_BOTH = _lower("namespace", "name")

RULES: dict[str, TypeRule] = {
    "alpm": TypeRule("required", _BOTH),
    "apk": TypeRule("required", _BOTH),
    "bazel": TypeRule("prohibited"),
    "bitbucket": TypeRule("required", _BOTH),
    "bitnami": TypeRule("prohibited", _lower("name")),
    "brew": TypeRule("optional", _BOTH),
    "cargo": TypeRule("prohibited"),
    "chrome-extension": TypeRule(
        "prohibited",
        _lower("name"),
        name_pattern=r"[a-p]{32}",
        name_words="32 letters from a to p",
        version_pattern=r"[0-9]+(\.[0-9]+){0,3}",
        version_words="one to four numbers with dots between them",
    ),
    "cocoapods": TypeRule(
        "prohibited", name_pattern=r"[^.\s+][^\s+]*", name_words="no space, no plus and no leading dot"
    ),
    "composer": TypeRule("required", _BOTH),
    "conan": TypeRule("optional"),
    "conda": TypeRule("prohibited"),
    "cpan": TypeRule(
        "optional",
        name_pattern=r"(?:(?!::).)*",
        name_words="a distribution's name (URI-PackageURL), not a module's (URI::PackageURL)",
    ),
    "cran": TypeRule("prohibited"),
    "deb": TypeRule("required", _BOTH),
    "docker": TypeRule("optional"),
    "gem": TypeRule("prohibited"),
    "generic": TypeRule("optional"),
    "git": TypeRule("required"),
    "github": TypeRule("required", _BOTH),
    # The definition's field says case-sensitive, its note "shall be lowercased"; the note is the older rule.
    "golang": TypeRule("required", _BOTH),
    "hackage": TypeRule("prohibited"),
    "hex": TypeRule("optional", _BOTH),
    "huggingface": TypeRule("required", _lower("version")),
    "julia": TypeRule("prohibited", qualifiers=("uuid",)),
    "luarocks": TypeRule("optional", _lower("namespace", "name", "version")),
    "maven": TypeRule("required"),
    "mlflow": TypeRule("prohibited"),
    "npm": TypeRule("optional"),
    "nuget": TypeRule("prohibited"),
    "oci": TypeRule("prohibited", _lower("name", "version")),
    "opam": TypeRule("prohibited"),
    "otp": TypeRule("prohibited", _lower("name", "subpath")),
    "pub": TypeRule("prohibited", _lower("name")),
    "pypi": TypeRule("prohibited", _lower("name", "version")),
    "qpkg": TypeRule("required", _lower("namespace")),
    "rpm": TypeRule("required", _lower("namespace")),
    "swid": TypeRule("optional", qualifiers=("tag_id",)),
    "swift": TypeRule("required"),
    "vcpkg": TypeRule("prohibited"),
    "vscode-extension": TypeRule("required", _lower("namespace", "name", "version")),
    "yocto": TypeRule("optional", _lower("namespace")),
}

_NONE = TypeRule("optional")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


def folded(
    type_: str, namespace: str, name: str, version: str, qualifiers: Mapping[str, str], subpath: str
) -> tuple[str, str, str, dict[str, str], str]:
    """Namespace, name, version, qualifiers and subpath as the type's canonical form spells them."""
    lower = RULES.get(type_, _NONE).lower
    namespace = namespace.lower() if "namespace" in lower else namespace
    name = name.lower() if "name" in lower else name
    version = version.lower() if "version" in lower else version
    subpath = subpath.lower() if "subpath" in lower else subpath
    qualifiers = dict(qualifiers)
    if type_ == "pypi":
        name = name.replace("_", "-")
    elif type_ == "pub":
        name = re.sub(r"[^a-z0-9_]", "_", name)
    elif type_ == "hackage":
        name = name.replace("_", "-")  # "use kebab-case"
    elif type_ == "cpan":
        namespace = namespace.upper()
    elif type_ == "mlflow" and "databricks" in qualifiers.get("repository_url", "").lower():
        name = name.lower()
    elif type_ == "swid" and _GUID.fullmatch(qualifiers.get("tag_id", "")):
        qualifiers["tag_id"] = qualifiers["tag_id"].lower()
    return namespace, name, version, qualifiers, subpath


def fault(
    type_: str, namespace: str, name: str, version: str, qualifiers: Mapping[str, str]
) -> tuple[str, str, str] | None:
    """The first rule of the type that the parts break, as (which part, what is expected, what is there)."""
    rule = RULES.get(type_, _NONE)
    if rule.namespace == "required" and not namespace:
        return "namespace", f"a namespace: {type_} packages have one", ""
    if rule.namespace == "prohibited" and namespace:
        return "namespace", f"none: {type_} packages have no namespace", namespace
    if rule.name_pattern and not re.fullmatch(rule.name_pattern, name, re.ASCII | re.DOTALL):
        return "name", rule.name_words, name
    if version and rule.version_pattern and not re.fullmatch(rule.version_pattern, version, re.ASCII):
        return "version", rule.version_words, version
    for key in rule.qualifiers:
        if not qualifiers.get(key):
            return f"qualifier {key}", f"a value: {type_} packages need it", ""
    if type_ == "swid" and namespace.count("/") > 1:
        return "namespace", "the creator's name and its regid, no more", namespace
    return None
