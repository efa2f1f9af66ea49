"""The keys on which components and entries of advisories meet: package, name, name in any ecosystem, CPE product.

A key only makes a candidate; `match` then says how sure it is. `pkg:` and `name:` keys stand in
`Component.identity()`; this adds `any:` (the names of a component, whatever its ecosystem, for entries that name
no package of an ecosystem), `cpe:` (vendor and product) and `url:` (`pkg:generic` URLs). Promises: what `match`
calls a match shares a key. What is no package of a registry has its names in several spellings (`spellings`), as
`any:` keys, and where nothing says its ecosystem, as `name:` keys too.

    >>> component_keys(Component(name="busybox", purl="pkg:deb/debian/busybox@1.35.0-4"))
    ('any:busybox', 'any:libbusybox')
    >>> component_keys(Component(name="x", purl="pkg:npm/x@1.0.0", cpe="cpe:2.3:a:busybox:busybox:1.35.0"))
    ('any:busybox', 'any:x', 'cpe:busybox:busybox')
"""

import hashlib
import re
from collections.abc import Iterable
from urllib.parse import unquote

from vouchsafe.sbom import purl
from vouchsafe.sbom.advisories import Affected
from vouchsafe.sbom.errors import Malformed
from vouchsafe.sbom.limits import MAX_KEY_CHARS
from vouchsafe.sbom.model import Component, Identity, name_key
from vouchsafe.sbom.spellings import folded_name, spellings

_CPE_PARTS = re.compile(r"(?:\\.|[^:\\])*", re.DOTALL)
_NO_NAME = frozenset(("", "*", "-", "n/a"))


def names_package(affected: Affected) -> bool:
    """Whether an entry says of which ecosystem its package is. Then no other ecosystem's package is meant.

    A repository is in none: what is built from it may be in each.
    """
    return bool(affected.package_key) and not affected.package_key.startswith(NO_ECOSYSTEM)


NO_ECOSYSTEM = ("pkg:generic/", "pkg:github/", "pkg:gitlab/", "pkg:bitbucket/", "pkg:git/")


def entry_keys(affected: Affected) -> tuple[str, ...]:
    """Every key that a component of the entry may have. Empty: nothing can be looked up by it."""
    products = [product for product in map(cpe_product, affected.cpes) if product is not None]
    bare = _bare_names(affected, products)
    keys = [] if names_package(affected) else [any_key(name) for name in bare]
    if affected.package_key and not affected.package_key.startswith("pkg:generic/"):
        keys.append(affected.package_key)
    keys += [name_key(name) for name in bare]
    keys += [cpe_key(product) for product in products]
    keys += affected.other_keys
    own = (affected.package_key, *affected.other_keys)
    keys += [url_key(k) for k in own if k.startswith("pkg:generic/")]
    return tuple(dict.fromkeys(keys))


def _bare_names(affected: Affected, products: list[tuple[str, str]]) -> list[str]:
    of_key = affected.package_key.rpartition("/")[2]
    name = affected.name or of_key
    name = "" if name.lower() in _NO_NAME else name
    found = {name, name.rpartition("/")[2].rpartition(":")[2]}
    if not names_package(affected):
        found.add(of_key)  # a generic URL, whose name may be another than the one in words
        found |= _in_words(name, affected.vendor)
    found |= {product for _, product in products}
    is_kernel = affected.ecosystem == "Linux" or affected.name.startswith(":linux_kernel:")
    if is_kernel or ("linux", "linux_kernel") in products:
        found |= {
            "linux",
            "linux-kernel",
        }  # OSV's name for it is "Kernel", CPE's linux_kernel; SBOMs call it linux
    return sorted(name for name in found if name.lower() not in _NO_NAME)


_VERSION_BEHIND = re.compile(r"\s+(?:[<>]=?\s*)?[vV]?[0-9]+(?:\.[0-9A-Za-z]+)*\Z", re.ASCII)
_KIND_BEHIND = re.compile(r"(?<=.)[\s_-](?:kernel|rtos|library)\Z", re.IGNORECASE)


def _in_words(name: str, vendor: str) -> set[str]:
    """A product's name without the version behind it (CSAF's full names), its maker in front of it, or what it is."""
    name = _VERSION_BEHIND.sub("", name) if len(name) < MAX_KEY_CHARS else name
    first, _, rest = name.partition(" ")
    named = {name, rest} if rest and first.lower() == vendor.partition(" ")[0].lower() else {name}
    return named | {_KIND_BEHIND.sub("", one) for one in named}


def product_keys(names: Iterable[str], vendor: str) -> tuple[str, ...]:
    """The keys of further names of a product that is of no ecosystem, for `Affected.other_keys`."""
    found = {one for name in names for one in (name, *_in_words(name, vendor))}
    return tuple(sorted(any_key(one) for one in found if one.lower() not in _NO_NAME))


def component_keys(component: Component, who: Identity | None = None) -> tuple[str, ...]:
    """The keys of a component besides `identity().pkg`: its names, whatever the ecosystem, its CPE's product, and the
    other packages that its URL may be about."""
    who = who or component.identity()
    names = {component.name}
    more = [stored(key) for key, _ in who.others]
    type_ = ""
    if component.purl:
        try:
            parts = purl.parts(component.purl)
            type_ = parts.type
            names |= {parts.name} if type_ in purl.REGISTRIES else purl.names_of(parts, component.source)
            if type_ == "generic":
                more.append(url_key(purl.key_of(type_, parts.namespace, parts.name)))
        except Malformed:
            pass
    product = cpe_product(component.cpe or "")
    if product is not None:
        more.append(cpe_key(product))
        names.add(product[1])  # a vendor may be another today, or unknown to whoever wrote it
    if type_ not in purl.REGISTRIES:
        names = {one for name in names for one in spellings(name, who.version)}
    folded = {folded_name(name) for name in names if name.lower() not in _NO_NAME}
    if of_no_ecosystem(who):
        more += sorted(key for name in folded if (key := _short("name:", name)) != who.pkg)
    return (*[_short("any:", name) for name in sorted(folded)], *more)


def of_no_ecosystem(who: Identity) -> bool:
    """Whether a component may be of any ecosystem's package: nothing but a name, or a repository, is known of it."""
    return who.pkg.startswith(_OF_NONE)


_OF_NONE = ("name:", *NO_ECOSYSTEM)


def any_key(name: str) -> str:
    """The key of a name in whichever ecosystem."""
    return _short("any:", folded_name(name))


def url_key(package_key: str) -> str:
    """The key of a `pkg:generic` package, which is joined by its name besides."""
    return _short("url:", package_key)


def cpe_key(product: tuple[str, str]) -> str:
    """The key of a CPE's vendor and product."""
    return _short("cpe:", ":".join(product))


def stored(key: str) -> str:
    """A package's key as a database keeps it: no longer than an index takes."""
    kind, colon, rest = key.partition(":")
    return _short(kind + colon, rest)


def _short(prefix: str, text: str) -> str:
    if len(text) > MAX_KEY_CHARS:
        text = f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
    return prefix + text


def one_of_each(cpes: Iterable[str]) -> list[str]:
    """The first CPE of each product, whoever its vendor: scanners guess many, and the product's name is looked up too."""
    found: dict[str, str] = {}
    for cpe in cpes:
        product = cpe_product(cpe)
        found.setdefault(folded_name(product[1]) if product else "", cpe)
    return list(found.values())


def cpe_product(cpe: str) -> tuple[str, str] | None:
    """Vendor and product of a CPE 2.3 name or a 2.2 URI, in lower case; None where it names no product.

    Source: NIST IR 7695, 6.1 and 6.2.
    """
    if cpe.lower().startswith("cpe:2.3:"):
        rest, wanted = cpe[8:], 3
    elif cpe.lower().startswith("cpe:/"):
        rest, wanted = cpe[5:], 3
    else:
        return None
    parts: list[str] = []
    at = 0
    while len(parts) < wanted and at <= len(rest):
        found = _CPE_PARTS.match(rest, at)
        text = found[0] if found else ""
        parts.append(re.sub(r"\\(.)", r"\1", unquote(text) if cpe[4:5] == "/" else text).lower())
        at += len(text) + 1
    if len(parts) < wanted or parts[2] in ("", "*", "-"):
        return None
    return parts[1], parts[2]
