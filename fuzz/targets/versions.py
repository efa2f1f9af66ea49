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
