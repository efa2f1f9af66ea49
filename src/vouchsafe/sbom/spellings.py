"""The names by which others may know what a build system, a generator or a person calls something else.

A name that is in two spellings the same makes a candidate, and never more than a possible match.

Source: the Yocto Project reference manual (BPN, variants, packages of a recipe); the Buildroot manual; Zephyr's `west spdx`;
vcpkg's, Conan's and ESP-IDF's names of packages, as their documentation writes them.
"""

import re
from functools import lru_cache

from vouchsafe.sbom import purl


def folded_name(name: str) -> str:
    """A name as names are compared: without case, and without spaces, `-`, `_` and dots (`Mbed TLS`, `mbed_tls`)."""
    return _folded(name) if len(name) <= _MOST else _folded.__wrapped__(name)


@lru_cache(maxsize=65_536)
def _folded(name: str) -> str:
    return "".join(name.lower().split()).translate(_BETWEEN) or name.lower()


_MOST = 200  # a longer name has no spellings but its own, and is not kept
_BETWEEN = str.maketrans("", "", "-_.")

# Yocto's variants of a recipe (BPN), the packages that it splits a recipe into, and Buildroot's and Zephyr's words.
_BEFORE = re.compile(r"(?:nativesdk|host|lib32|lib64|libx32)-(?=.)", re.IGNORECASE)
_BEHIND = re.compile(
    r"(?<=.)[\s_-](?:native|cross(?:sdk)?(?:-.+)?|initial|intermediate|sources|deps"
    r"|src|dbg|dev|staticdev|doc|bin|ptest|lic|devel|libs|kernel|rtos)\Z",
    re.IGNORECASE | re.DOTALL,
)
_NUMBERED = re.compile(r"([\s_-]*)[vV]?([0-9]+(?:\.[0-9A-Za-z]+)*)\Z", re.ASCII)
_NO_KERNEL = re.compile(r"(?:[0-9]+:)?v?(?!2\.6\.|[3-9]\.)[0-9]+(?:[.+-]|\Z)", re.ASCII)


def spellings(name: str, version: str) -> set[str]:
    """The names that products may have of what a build system, a recipe or a person calls `name`.

    Parts of a path or of a name with its namespace; the recipe of a variant or of a package that it was split into; the
    name without the version that it ends with, with and without `lib`; the kernel, which boards' vendors name
    `linux-` and their own name.

        >>> sorted(spellings("lib32-tiff-native", "4.5.0"))
        ['lib32-tiff', 'lib32-tiff-native', 'libtiff', 'tiff', 'tiff-native']
    """
    if not name or len(name) > _MOST:
        return {name}
    found: set[str] = set()
    for named, numbered in _recipes(name):
        stems = {stem for stem, is_apart, number in numbered if _is_of(version, number, is_apart=is_apart)}
        recipes = {_BEHIND.sub("", one, count=1) for one in stems}
        found.update(named, stems, recipes)
        shortest = min(sorted(recipes) or named, key=len)
        found.add(shortest[3:] if _is_lib(shortest) else f"lib{shortest}")
    if name[:5].lower() == "linux" and (folded_name(name) == "linuxkernel" or _is_kernel(name, version)):
        found.add("linux")
    return found


@lru_cache(maxsize=65_536)
def _recipes(name: str) -> tuple[tuple[list[str], list[tuple[str, bool, str]]], ...]:
    """For each part of a name: it and the recipes that it may be of; those of them that end with a number, without it,
    whether it stands apart, and the number."""
    found = []
    for part in sorted(_parts(name)):
        recipe = _BEFORE.sub("", part, count=1)
        named = sorted({part, recipe, *(_BEHIND.sub("", one, count=1) for one in (part, recipe))})
        tails = [(one, _NUMBERED.search(one)) for one in named]
        numbered = [(one[: m.start()], bool(m[1]), m[2]) for one, m in tails if m and m.start() > 1]
        found.append((named, numbered))
    return tuple(found)


def _is_kernel(name: str, version: str) -> bool:
    """Whether `linux-imx` may be a kernel: its version is one of a kernel, or a branch or a commit. Not `linux-pam`."""
    return name[5:6] == "-" and not _NO_KERNEL.match(version)


def _parts(name: str) -> set[str]:
    """`npm:lodash` and `openssl:x64-linux`, `foo/bar` and Conan's `foo/1.2@user/channel`, ESP-IDF's `foo__bar`."""
    found = {name, name.partition(":")[0], name.rpartition(":")[2], name.rpartition("__")[2]}
    head, _, version = name.partition("/")
    found.add(head if version[:1].isdecimal() else name.rpartition("/")[2])
    found |= {one.partition("@")[0] for one in found}
    return {one for one in found if one}


def _is_of(version: str, number: str, *, is_apart: bool) -> bool:
    """Whether a name's number is of a version: `python3` of 3.11.4, `gstreamer1.0` of 1.22.3, `glib-2.0`."""
    own = version.removeprefix("v")
    if own.startswith(number) and not own[len(number) : len(number) + 1].isdecimal():
        return True
    return "." in number and (is_apart or own.partition(".")[0] == number.partition(".")[0])


def _is_lib(name: str) -> bool:
    return len(name) > 6 and name[:3].lower() == "lib"


# How recipes and lists name what is of a language's registry.
_REGISTRIES = {
    "python-": "pypi", "python3-": "pypi", "ruby-": "gem", "rubygem-": "gem", "node-": "npm", "nodejs-": "npm",
}  # fmt: skip


def bindings(name: str, version: str) -> tuple[tuple[str, str], ...]:
    """The packages of registries that a recipe's name says, each with the version: `python3-requests`."""
    if "-" not in name:
        return ()
    recipe = _BEHIND.sub("", _BEFORE.sub("", name, count=1), count=1)
    type_ = _REGISTRIES.get(recipe.lower().partition("-")[0] + "-")
    rest = recipe.partition("-")[2]
    return ((purl.key_of(type_, "", rest), version),) if type_ and rest else ()
