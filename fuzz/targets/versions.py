"""Package URLs, version ranges and version orders."""

from collections.abc import Callable

from vouchsafe.sbom import purl, vers, vers_native, versions
from vouchsafe.sbom.errors import Malformed, SbomError
from vouchsafe.sbom.limits import MAX_PURL_CHARS, MAX_VERS_CHARS
from vouchsafe.sbom.versions import Doubt

_NATIVE = ("npm", "cargo", "composer", "hex", "conan", "gem", "pypi", "maven", "nuget", "deb", "rpm", "nginx")


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="surrogateescape")


def package_url(data: bytes) -> None:
    """The canonical form of what is read is read as the same, and has the same key."""
    text = _text(data)
    try:
        p = purl.parse(text)
    except Malformed:
        return
    made = str(p)
    if len(made) <= MAX_PURL_CHARS:
        assert purl.parse(made) == p
        assert purl.key(made) == purl.key(text)


def version_range(data: bytes) -> None:
    """What is canonical comes back as it was; what is read is read the same once canonical."""
    text = _text(data)
    try:
        assert str(vers.parse(text)) == text
    except Malformed:
        pass
    try:
        v = vers.read(text)
        if len(str(v)) <= MAX_VERS_CHARS:
            assert vers.read(str(v)) == v
        vers.contains(v, "1.0")
        vers.invert(v)
    except SbomError:
        pass


def native_range(data: bytes) -> None:
    """The first byte picks the package manager; what is read is a canonical vers."""
    if not data:
        return
    try:
        made = vers_native.from_native(_NATIVE[data[0] % len(_NATIVE)], _text(data[1:]))
    except SbomError:
        return
    assert vers.parse(str(made)) == made


def order(data: bytes) -> None:
    """The first byte picks the scheme, a newline parts two versions. The order and the coarse keys agree."""
    if not data:
        return
    scheme = versions.SCHEMES[data[0] % len(versions.SCHEMES)]
    a, _, b = _text(data[1:]).partition("\n")
    try:
        step = versions.compare(scheme, a, b)
    except Doubt:
        return
    assert step == -versions.compare(scheme, b, a)
    x, y = versions.coarse(scheme, a), versions.coarse(scheme, b)
    if x is not None and y is not None:
        assert step > 0 or x <= y
        assert step < 0 or x >= y


TARGETS: dict[str, Callable[[bytes], None]] = {
    "sbom-purl": package_url,
    "sbom-vers": version_range,
    "sbom-vers-native": native_range,
    "sbom-version-order": order,
}

_RANGES = (
    "vers:npm/1.2.3|>=2.0.0|<5.0.0",
    "vers:pypi/*",
    "vers:deb/>=1.2-3~bpo1|!=2.0|<=1:3.0+dfsg-1",
    "vers:semver/<1.0.0-rc.1|>=1.0.0+b",
    "vers:none/*",
    "vers:maven/<=1.0-alpha-1|>2|<3.SNAPSHOT",
)
_NATIVES = (
    "^1.2.3 || ~2.0 <3 - 4",
    ">=1.0, <2.0",
    "[1.0,2.0),(3.0,]",
    "~> 1.2.3",
    "!=1.5,==1.*",
    "1.x || >=2.5.0 <3",
    "0.6.18-1.20.0, 1.21.0+",
    ">> 1:1.2-3",
)
_PAIRS = (
    "1.2.3\n1.10",
    "1.2.3-rc.1\n1.10.0+build",
    "1:2.0~rc1-1\n2.0-1.el9",
    "1.0.post1\n1.0.dev2",
    "1.0_rc1-r2\n1.0a",
    "2026-01-01\n2025-12-31T10:00:00Z",
    "1.0.2zb\n1.1.1-pre2",
)
SEEDS: dict[str, list[bytes]] = {
    "sbom-purl": [
        b"pkg:npm/%40angular/core@12.3.1?arch=x86&checksum=sha1:ad9503c3e994a4f6#src/main",
        b"pkg:maven/org.apache/log4j@2.14?type=jar",
        b"pkg:deb/debian/curl@7.50.3-1?distro=jessie",
        b"pkg:golang/github.com/A/b/v2@v2.0.1",
        b"pkg:pypi/Foo_Bar@1.0",
        b"pkg:oci/tarn@sha256%3Aab?repository_url=a.example/b",
    ],
    "sbom-vers": [text.encode() for text in _RANGES],
    "sbom-vers-native": [bytes([i]) + text.encode() for i in range(len(_NATIVE)) for text in _NATIVES],
    "sbom-version-order": [
        bytes([i]) + text.encode() for i in range(len(versions.SCHEMES)) for text in _PAIRS
    ],
}
