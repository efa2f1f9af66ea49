"""Package managers' own version ranges, as vers.

`from_native` gives the canonical range of the versions that the text names: overlaps are merged, since a vers
names each version once. Where a package manager treats pre-releases of an upper bound in its own way (npm's
`<2.0.0-0`), they are in: a version too many is possible, one too few is not.

    >>> str(from_native("npm", "^1.2.3 || 2.x"))
    'vers:npm/>=1.2.3|<3.0.0'
    >>> str(from_native("gem", "~> 2.0.8"))
    'vers:gem/>=2.0.8|<2.1'
    >>> str(from_native("maven", "[1.0,2.0),(2.0,)"))
    'vers:maven/>=1.0|!=2.0'
"""

import re
from collections.abc import Callable

from vouchsafe.sbom import intervals, vers, versions
from vouchsafe.sbom.errors import Malformed, TooLarge, shown
from vouchsafe.sbom.intervals import Set, bounded
from vouchsafe.sbom.limits import MAX_CONSTRAINTS, MAX_VERS_CHARS, MAX_VERSION_CHARS

_PLACE = "native range"


def from_native(scheme: str, text: str) -> vers.Vers:
    """The vers of a package manager's own range.

    `scheme` is a vers type with an order of its own. Types without a notation of their own take lists of a
    comparator and a version, with `,` or space for "and" and `||` for "or".

    Raises:
        Malformed: not a range of that package manager, or nothing is known of the type; `place` is
            `native range`. TooLarge: past a limit.
        Doubt: its versions can't be put in order.
    """
    order = versions.scheme_of_vers(scheme)
    if order is None:
        raise Malformed("vers type", "a type whose versions have a known order", shown(scheme))
    if len(text) > MAX_VERS_CHARS:
        raise TooLarge(_PLACE, f"at most {MAX_VERS_CHARS:,} characters", f"{len(text):,}")
    if len(re.findall(r"[,|\s]+", text)) >= MAX_CONSTRAINTS:
        raise TooLarge(_PLACE, f"at most {MAX_CONSTRAINTS:,} constraints", "more")
    vers.refuse_unstorable(text, _PLACE)
    reader = _READERS.get(scheme, _listed)
    return vers.of_set(scheme, reader(order, text.strip()))


def _bad(expected: str, got: str) -> Malformed:
    return Malformed(_PLACE, expected, shown(got))


def _short(text: str) -> str:
    """`text` itself, when it is no longer than a version may be: readers turn its digits into numbers."""
    if len(text) > MAX_VERSION_CHARS:
        raise TooLarge(_PLACE, f"a version of at most {MAX_VERSION_CHARS} characters", shown(text))
    return text


def _version(text: str) -> str:
    if not re.fullmatch(r"[^\s<>=!~^,|()\[\]][^\s<>=!,|()\[\]]*", text):
        raise _bad("a version", text)
    return _short(text)


def _any_of(order: str, groups: list[list[Set]]) -> Set:
    """The union of the groups, each the intersection of its parts."""
    found: list[Set] = []
    for group in groups:
        one = intervals.ALL
        for part in group:
            one = intervals.intersection(order, one, part)
        found.append(one)
    return intervals.union(order, *found)


_ITEM = re.compile(r"(<<|>>|<>|<=|>=|===|==|!=|~=|~>|=<|=>|[<>=~^])?\s*([^\s,|<>=!~^][^\s,|<>=!]*)", re.ASCII)


def _items(text: str) -> list[tuple[str, str]]:
    """`>= 1.0, <2` as operators and versions; nothing else may stand between them than spaces and commas."""
    found: list[tuple[str, str]] = []
    text = re.sub(r"\s+", " ", text)  # or a text of spaces would be searched from each of them
    at = 0
    for m in _ITEM.finditer(text):
        if text[at : m.start()].strip(" ,"):
            raise _bad("comparators and versions", text[at : m.end()])
        found.append((m[1] or "", _short(m[2])))
        at = m.end()
    if text[at:].strip(" ,"):
        raise _bad("comparators and versions", text[at:])
    return found


_PLAIN = {
    "": "=",
    "=": "=",
    "==": "=",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "=<": "<=",
    "=>": ">=",
}


def _listed(order: str, text: str) -> Set:
    """`>= 1.0, < 2.0 || 3.0`: what advisories write for any type."""
    if text == "*":
        return intervals.ALL
    groups: list[list[Set]] = []
    for group in text.split("||"):
        items = _items(group)
        if not items:
            raise _bad("a comparator and a version", group)
        groups.append([_plain(op, _version(v)) for op, v in items])
    return _any_of(order, groups)


def _plain(operator: str, version: str) -> Set:
    if operator not in _PLAIN:
        raise _bad("one of = != < <= > >=", operator + version)
    return bounded(_PLAIN[operator], version)


def _debian(order: str, text: str) -> Set:
    """https://www.debian.org/doc/debian-policy/ch-relationships.html; `<` alone once meant `<=`."""
    signs = {"<<": "<", ">>": ">", "<": "<=", ">": ">=", "<=": "<=", ">=": ">=", "=": "=", "": "="}
    parts: list[Set] = []
    for op, v in _items(re.sub(r"[()]", " ", text)):
        if op not in signs:
            raise _bad("one of << <= = >= >>", op + v)
        parts.append(bounded(signs[op], _version(v)))
    if not parts:
        raise _bad("a comparator and a version", text)
    return _any_of(order, [parts])


def _enumerated(order: str, text: str) -> Set:
    """OpenSSL's advisories list versions."""
    return intervals.union(order, *(intervals.point(_version(v.strip().lower())) for v in text.split(",")))


# --- numbers that may be left out: npm, Cargo, Composer, Hex, Conan


_PARTIAL = re.compile(
    r"v?(?P<numbers>(?:[0-9]+|[xX*])(?:\.(?:[0-9]+|[xX*])){0,2})"
    r"(?P<pre>-[0-9A-Za-z.-]+)?(?P<build>\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)


def _partial(text: str) -> tuple[list[int], str]:
    """The numbers before the first wild card, and the pre-release with its dash."""
    found = _PARTIAL.fullmatch(_short(text))
    if found is None:
        raise _bad("a version of up to three numbers", text)
    numbers: list[int] = []
    for part in found["numbers"].split("."):
        if part in ("x", "X", "*"):
            break
        numbers.append(int(part))
    return numbers, found["pre"] or "" if len(numbers) == 3 else ""


def _three(numbers: list[int], pre: str = "") -> str:
    return ".".join(map(str, [*numbers, 0, 0][:3])) + pre


def _bumped(numbers: list[int], place: int) -> str:
    return _three([*numbers[:place], numbers[place] + 1])


def _between(order: str, low: str, below: str) -> Set:
    return intervals.intersection(order, bounded(">=", low), bounded("<", below))


def _semver_part(order: str, operator: str, text: str, tilde_places: int = 2) -> Set:
    """One comparator of https://github.com/npm/node-semver#ranges, wild cards spelt out.

    `tilde_places`: how many numbers `~` needs before the second is fixed (npm 2; Composer and Hex 3).
    """
    numbers, pre = _partial(text)
    if not numbers:
        return intervals.NOTHING if operator in ("<", ">", "!=") else intervals.ALL
    low, full = _three(numbers, pre), len(numbers) == 3
    last = len(numbers) - 1
    if operator == "^":
        place = next((i for i, n in enumerate(numbers) if n), last)
        return _between(order, low, _bumped(numbers, place))
    if operator in ("~", "~>"):
        return _between(order, low, _bumped(numbers, 1 if len(numbers) >= tilde_places else 0))
    if operator in ("", "=", "==", "!="):
        one = intervals.point(low) if full else _between(order, low, _bumped(numbers, last))
        return intervals.complement(one) if operator == "!=" else one
    if full or operator in (">=", "<"):
        return _plain(operator, low)
    return bounded(">=" if operator == ">" else "<", _bumped(numbers, last))


_HYPHEN = re.compile(r"\s*(\S+)\s+-\s+(\S+)\s*", re.ASCII)


def _hyphen(order: str, group: str) -> Set | None:
    found = _HYPHEN.fullmatch(group)
    if found is None:
        return None
    return intervals.intersection(
        order, _semver_part(order, ">=", found[1]), _semver_part(order, "<=", found[2])
    )


def _npm(order: str, text: str) -> Set:
    groups: list[list[Set]] = []
    for group in text.split("||"):
        between = _hyphen(order, group)
        groups.append([between] if between is not None else [_semver_part(order, *i) for i in _items(group)])
    return _any_of(order, groups)


def _cargo(order: str, text: str) -> Set:
    """https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html: no operator means `^`."""
    parts: list[Set] = []
    for op, v in _items(text):
        wild = re.search(r"[xX*]", v) is not None
        parts.append(_semver_part(order, op or ("=" if wild else "^"), v))
    if not parts:
        raise _bad("a requirement such as ^1.2", text)
    return _any_of(order, [parts])


def _composer(order: str, text: str) -> Set:
    """https://getcomposer.org/doc/articles/versions.md: `~1.2` reaches up to 2.0."""
    groups: list[list[Set]] = []
    for group in re.split(r"\|\|?", text):
        between = _hyphen(order, group)
        items = [] if between is not None else _items(group)
        parts = [between] if between is not None else [_semver_part(order, op, v, 3) for op, v in items]
        if not parts:
            raise _bad("a constraint such as ^1.2", group)
        groups.append(parts)
    return _any_of(order, groups)


def _hex(order: str, text: str) -> Set:
    """https://hexdocs.pm/elixir/Version.html#module-requirements"""
    groups: list[list[Set]] = []
    for group in re.split(r"\bor\b|\|\|", text):
        items = _items(re.sub(r"\band\b", ",", group))
        if not items:
            raise _bad("a requirement such as ~> 1.2", group)
        groups.append([_semver_part(order, op, v, 3) for op, v in items])
    return _any_of(order, groups)


def _conan(order: str, text: str) -> Set:
    """https://docs.conan.io/2/tutorial/versioning/version_ranges.html; `2-` is below every 2 pre-release."""
    text = re.sub(r",.*", "", text.strip().removeprefix("[").removesuffix("]"), flags=re.DOTALL)
    groups: list[list[Set]] = []
    for group in text.split("||"):
        parts: list[Set] = []
        for op, v in _items(group):
            if v == "*":
                parts.append(bounded(">=", "0.0.0"))
            elif op in ("~", "^"):
                parts.append(_conan_part(order, op, v))
            else:
                parts.append(_plain(op, _version(v)))
        if not parts:
            raise _bad("a constraint such as >1.0 <2", group)
        groups.append(parts)
    return _any_of(order, groups)


def _conan_part(order: str, operator: str, text: str) -> Set:
    head = re.match(r"[0-9]+(?:\.[0-9]+)*", text, re.ASCII)
    if head is None:
        raise _bad("numbers after ~ or ^", text)
    numbers = [int(n) for n in head[0].split(".")]
    place = min(1, len(numbers) - 1)
    if operator == "^":
        place = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1)
    top = ".".join(map(str, [*numbers[:place], numbers[place] + 1]))
    return _between(order, text, f"{top}-")


# --- notations of their own


def _gem(order: str, text: str) -> Set:
    """https://guides.rubygems.org/patterns/#pessimistic-version-constraint"""
    parts: list[Set] = []
    for op, v in _items(re.sub(r"[\[\]\"']", " ", text)):
        if op in ("~>", "~"):
            numbers = re.match(r"[0-9]+(?:\.[0-9]+)*", v, re.ASCII)
            if numbers is None:
                raise _bad("numbers after ~>", v)
            up = [int(n) for n in numbers[0].split(".")]
            up = up[:-1] if len(up) > 1 else up
            up[-1] += 1
            parts.append(_between(order, v, ".".join(map(str, up))))
        else:
            parts.append(_plain(op, _version(v)))
    if not parts:
        raise _bad("a requirement such as ~> 1.2", text)
    return _any_of(order, [parts])


_PEP440 = re.compile(r"\s*(~=|===|==|!=|<=|>=|<|>)\s*([^\s,;<>=!~]+)\s*", re.ASCII)


def _pypi(order: str, text: str) -> Set:
    """https://packaging.python.org/specifications/version-specifiers/; a marker after `;` is no range."""
    parts: list[Set] = []
    for piece in text.split(","):
        found = _PEP440.fullmatch(piece)
        if found is None:
            raise _bad("a specifier such as >=1.0", piece)
        parts.append(_pypi_part(order, found[1], _short(found[2])))
    return _any_of(order, [parts])


def _pypi_part(order: str, operator: str, version: str) -> Set:
    prefix = version.removesuffix(".*")
    if operator in ("==", "!=") and prefix != version:
        one = _between(order, f"{prefix}.dev0", _next_release(prefix, 0))
        return one if operator == "==" else intervals.complement(one)
    if prefix != version:
        raise _bad("a wild card after == or != only", operator + version)
    if operator == "~=":
        return _between(order, version, _next_release(version, 1))
    return bounded({"==": "=", "===": "="}.get(operator, operator), version)


def _next_release(version: str, cut: int) -> str:
    """The first development release after all that share the release number, but for its last `cut` parts."""
    found = re.match(r"(?P<epoch>[0-9]+!)?(?P<release>[0-9]+(?:\.[0-9]+)*)", version, re.ASCII)
    parts = [int(n) for n in found["release"].split(".")] if found else []
    if found is None or len(parts) <= cut:
        raise _bad("a release of two numbers or more", version)
    parts = parts[: len(parts) - cut]
    parts[-1] += 1
    return f"{found['epoch'] or ''}{'.'.join(map(str, parts))}.dev0"


_BRACKETS = re.compile(r"\s*([\[(])([^,\[\]()]*)(?:(,)([^,\[\]()]*))?([\])])\s*", re.ASCII)


def _brackets(order: str, text: str, spelt: Callable[[str], str]) -> Set:
    """`[1.0,2.0),[3.0]`, as Maven and NuGet write; a bare version is the lowest that will do."""
    if not re.search(r"[\[(]", text):
        return bounded(">=", spelt(_version(text)))
    found: list[Set] = []
    at = 0
    while at < len(text):
        m = _BRACKETS.match(text, at)
        if m is None:
            raise _bad("an interval such as [1.0,2.0)", text[at:])
        found.append(_bracket(order, m, spelt))
        at = m.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise _bad("a comma and another interval", text[at:])
            at += 1
    return intervals.union(order, *found)


def _bracket(order: str, m: re.Match[str], spelt: Callable[[str], str]) -> Set:
    low, high = m[2].strip(), (m[4] or "").strip()
    if not m[3]:
        if not low or (m[1], m[5]) != ("[", "]"):
            raise _bad("a single version in square brackets", m[0])
        return intervals.point(spelt(_version(low)))
    one = intervals.ALL
    if low:
        one = bounded(">=" if m[1] == "[" else ">", spelt(_version(low)))
    if high:
        upper = bounded("<=" if m[5] == "]" else "<", spelt(_version(high)))
        one = intervals.intersection(order, one, upper)
    if not one:
        raise _bad("a lower end below the upper", m[0])
    return one


def _maven(order: str, text: str) -> Set:
    return _brackets(order, text, str)


def _nuget(order: str, text: str) -> Set:
    """https://learn.microsoft.com/nuget/concepts/package-versioning#version-ranges"""
    return _brackets(order, text, _nuget_spelling)


def _nuget_spelling(text: str) -> str:
    """Three numbers, the fourth only where it is not 0; a floating version (1.*) is its lowest."""
    text = re.sub(r"\.?\*$", "", text) or "0"
    numbers, dash, pre = text.partition("+")[0].partition("-")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+){0,3}", numbers, re.ASCII):
        raise _bad("a NuGet version", text)
    parts = [int(n) for n in numbers.split(".")]
    parts += [0] * (4 - len(parts))
    return ".".join(map(str, parts if parts[3] else parts[:3])) + dash + pre.lower()


def _nginx(order: str, text: str) -> Set:
    """https://nginx.org/en/security_advisories.html: `1.1.4-1.2.8`, `1.21.0+`; an even second number is a branch."""
    text = re.sub(r"(?i)nginx/windows\s*", "", text).lower()
    if text in ("all", "none"):
        return intervals.ALL if text == "all" else intervals.NOTHING
    found: list[Set] = []
    for piece in text.split(","):
        low, dash, high = piece.strip().partition("-")
        numbers, _ = _partial(low.strip().removesuffix("+"))
        if not numbers:
            raise _bad("a version such as 1.20.1", piece)
        start = _three(numbers)
        if dash:
            end = _three(_partial(high.strip())[0])
            found.append(intervals.intersection(order, bounded(">=", start), bounded("<=", end)))
        elif not low.strip().endswith("+"):
            found.append(intervals.point(start))
        elif len(numbers) > 1 and numbers[1] % 2 == 0:
            found.append(_between(order, start, _bumped(numbers, 1)))
        else:
            found.append(bounded(">=", start))
    return intervals.union(order, *found)


_READERS: dict[str, Callable[[str, str], Set]] = {
    "npm": _npm,
    "semver": _npm,
    "golang": _npm,
    "pub": _cargo,
    "cargo": _cargo,
    "composer": _composer,
    "hex": _hex,
    "conan": _conan,
    "gem": _gem,
    "pypi": _pypi,
    "maven": _maven,
    "nuget": _nuget,
    "deb": _debian,
    "nginx": _nginx,
    "openssl": _enumerated,
}
