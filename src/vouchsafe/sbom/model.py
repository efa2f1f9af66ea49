"""What an SBOM says, in whatever format it came: components, their identity, what is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from vouchsafe.sbom import purl, versions
from vouchsafe.sbom.errors import Malformed
from vouchsafe.sbom.spellings import bindings, folded_name


@dataclass(frozen=True, slots=True)
class Identity:
    """How a component is looked up.

    Attributes:
        pkg: the key that advisories are joined on: `pkg:cargo/time`, or `name:time` where no package URL says
        which
            ecosystem the name is from. A `name:` key never confirms anything.
        version: the version to compare, or an empty string.
        coarse: its coarse key, or None: then the component is a candidate of every range of `pkg`.
        release: the distribution release that the package URL names (`12`), or an empty string.
        others: further package keys, each with its version, that the component may be known by
            (`purl.others_of`). A match by one of them is possible.
        besides: the version that the SBOM says where the package URL says another one, or an empty string.
    """

    pkg: str
    version: str
    coarse: str | None
    release: str = ""
    others: tuple[tuple[str, str], ...] = ()
    besides: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """One component as the SBOM names it. Absent texts are empty; `purl` and `cpe` are None.

    `source` is the source package that the SBOM names beside the package URL, in the form of a URL's `upstream`:
    `openssl`, or `openssl@3.0.11-1`. `also` are further package URLs and CPEs of it (SPDX allows several of either): it
    may be found by each.

    Rebuild one from stored columns with `Component(name=..., version=..., purl=..., cpe=..., source=...)`: matching
    needs no more.
    """

    name: str
    version: str = ""
    purl: str | None = None
    cpe: str | None = None
    type: str = "library"
    ref: str = ""
    group: str = ""
    supplier: str = ""
    scope: str = ""
    hashes: tuple[tuple[str, str], ...] = ()
    licenses: tuple[str, ...] = ()
    source: str = ""
    also: tuple[str, ...] = ()
    path: str = field(default="", compare=False)

    def by_each_url(self) -> Iterator["Component"]:
        """It once for each of its package URLs, and of its CPEs: what is looked up and stored."""
        yield replace(self, also=()) if self.also else self
        for one in self.also:
            is_cpe = one[:4].lower() == "cpe:"
            yield replace(self, cpe=one, also=()) if is_cpe else replace(self, purl=one, also=())

    def has_version(self) -> bool:
        """Whether its identity has a version, without the work of making one."""
        if self.version:
            return True
        return self.purl is not None and bool(self.identity().version)

    def identity(self) -> Identity:
        """What to store and to join on. An unreadable package URL counts as none: the name is left."""
        if self.purl:
            try:
                return _of_purl(self.purl, self.version, self.source)
            except Malformed:
                pass
        return Identity(name_key(self.name), self.version, None, others=bindings(self.name, self.version))


def name_key(name: str) -> str:
    """The key of a component whose ecosystem is unknown."""
    return f"name:{folded_name(name)}"


def _of_purl(text: str, said: str, source: str) -> Identity:
    # What is missing for its type (a vendor, a uuid) is the file's fault; the package is named all the same.
    p = purl.parts(text)
    name, version = purl.source_of(p, source)
    version = version or said
    if p.type == "generic" or purl.lacks_namespace(p):
        others = bindings(name, version) if p.type == "generic" else ()
        return Identity(name_key(name), version, None, others=others)
    pkg = purl.key_of(p.type, p.namespace, name)
    others = tuple((key, own or said) for key, own in purl.others_of(p, source))
    # The epoch that stands beside the URL's version may be in front of the component's, or left out there.
    own = (p.version, purl.version_of(p)) if said and p.version else ()
    besides = said if own and all(_differ(pkg, said, one) for one in own) else ""
    coarse = None if besides else versions.coarse(pkg, version)
    return Identity(pkg, version, coarse, purl.release_of(p), others, besides)


def _differ(pkg: str, a: str, b: str) -> bool:
    """Whether two versions are surely not one."""
    try:
        return a != b and versions.compare(versions.scheme_of(pkg) or "", a, b) != 0
    except versions.Doubt:
        return False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the file should say otherwise. The file was read all the same.

    Attributes:
        kind: `schema` (breaks the format's own rules), `ntia` (a minimum element is missing), `duplicate`, `dangling`
            (a reference to nothing), `purl` (a package URL that can't be read) or `hash` (one that can't be right).
        place: a JSON path, a line (tag-value), or a line and an XML path.
    """

    kind: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Sbom:
    """One SBOM. `subject` is what it is about; `components` are all others, nested ones too, in file order;
    of SPDX, which makes no such difference, the subject too.

    `sha256` is of the bytes as they came. `dependencies` are (ref, the refs it depends on).
    """

    format: str
    spec_version: str
    serial: str
    version: int
    timestamp: str
    subject: Component | None
    components: tuple[Component, ...]
    dependencies: tuple[tuple[str, tuple[str, ...]], ...]
    problems: tuple[Problem, ...]
    sha256: str
