"""RustSec advisories: TOML, or Markdown that begins with it.

Source: https://github.com/rustsec/advisory-db, README, and the `rustsec` crate's conversion to OSV: `patched` and
`unaffected` are requirements in Cargo's syntax, ordered as SemVer says (pre-releases included), and every version
that none of them holds is affected. A requirement of a kind that RustSec itself refuses leaves the ranges in
doubt: they are then of the type CUSTOM, and a match is never more than possible.

    >>> said = read(b'[advisory]\\nid = "RUSTSEC-2026-0009"\\npackage = "time"\\ndate = "2026-02-05"\\n'
    ...             b'[versions]\\npatched = [">= 0.3.47"]\\nunaffected = ["< 0.3.6"]\\n')
    >>> [(e.kind, e.version) for e in said.affected[0].ranges[0].events]
    [('introduced', '0.3.6'), ('fixed', '0.3.47')]
"""

import re
import tomllib
from datetime import date, datetime
from typing import Any

from vouchsafe.sbom import advisory_fields as fields
from vouchsafe.sbom import cvss, osv, rustsec_versions
from vouchsafe.sbom.advisories import Advisory, Affected, Severity
from vouchsafe.sbom.errors import Malformed, NotRead, TooLarge, shown
from vouchsafe.sbom.limits import DEFAULT, Limits

Object = dict[str, Any]
_FENCE = "```toml"
_BOM = b"\xef\xbb\xbf"
_TABLE = re.compile(rb"^[ \t]*\[[ \t]*advisory[ \t]*\][ \t]*(?:#.*)?\r?$", re.MULTILINE)


def looks_like(data: bytes) -> bool:
    """Whether bytes are a RustSec advisory, from how they begin. For choosing a reader, never for trusting."""
    text = data[:4_096].removeprefix(_BOM).lstrip()
    return text.startswith(b"```toml") or (text[:1] not in (b"{", b"<") and bool(_TABLE.search(text)))


def read(data: bytes, *, limits: Limits = DEFAULT) -> Advisory:
    """The RustSec advisory in `data`.

    Raises:
        Malformed: front matter without an end, no TOML, or a field that is missing or has another kind of value.
        NotRead: neither TOML with an `[advisory]` nor Markdown that begins with it.
        TooLarge: past a limit.
    """
    if len(data) > limits.max_bytes:
        raise TooLarge("byte 0", f"at most {limits.max_bytes:,} bytes", f"{len(data):,}")
    if not looks_like(data):
        raise NotRead("line 1 column 1", "a RustSec advisory (```toml or [advisory])", "something else")
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as told:
        line = data.count(b"\n", 0, told.start) + 1
        raise Malformed(f"line {line}", "UTF-8 text", f"the byte 0x{data[told.start]:02x}") from None
    front, first_line, body = _parts(text.replace("\r\n", "\n"))
    return _advisory(_toml(front, first_line, limits), body, limits)


def _parts(text: str) -> tuple[str, int, str]:
    """Front matter, the line that it begins on, and the Markdown behind it."""
    lines = text.split("\n")
    begin = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if not lines[begin].strip().startswith(_FENCE):
        return text, 1, ""
    end = next((i for i in range(begin + 1, len(lines)) if lines[i].rstrip() == "```"), None)
    if end is None:
        raise Malformed(
            f"line {len(lines)}", "the line ``` that ends the front matter", "the end of the file"
        )
    return "\n".join(lines[begin + 1 : end]), begin + 2, "\n".join(lines[end + 1 :]).strip()


def _toml(text: str, first_line: int, limits: Limits) -> Object:
    size = len(text.encode())
    if size > limits.max_front_matter:
        raise TooLarge(
            f"line {first_line}", f"at most {limits.max_front_matter:,} bytes of TOML", f"{size:,}"
        )
    _check_depth(text, first_line, limits)
    try:
        value = tomllib.loads(text)
    # Besides its own error, tomllib lets a number of thousands of digits raise int's.
    except ValueError as told:
        raise _malformed(str(told), text, first_line) from None
    _refuse_nul(value, "$")
    return value


_AT = re.compile(r"^(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


def _malformed(message: str, text: str, first_line: int) -> Malformed:
    found = _AT.match(message)
    if found is None:
        return Malformed(f"line {first_line}", "TOML", message.partition(";")[0])
    if found[2] is None:
        line, column = text.count("\n") + first_line, len(text.rpartition("\n")[2]) + 1
    else:
        line, column = int(found[2]) + first_line - 1, int(found[3])
    return Malformed(f"line {line} column {column}", "TOML", found[1])


# Strings and comments are passed over, so that brackets in them do not count; an unended string runs to the end.
_TOKEN = re.compile(
    r'"""(?:\\.|(?!""").)*+(?:"""|\Z)|' + r"'''(?:(?!''').)*+(?:'''|\Z)|"
    r'"(?:\\.|[^"\\\n])*+"?|' + r"'[^'\n]*+'?|#[^\n]*|[\[\]{}.,=\n]",
    re.DOTALL,
)


def _check_depth(text: str, first_line: int, limits: Limits) -> None:
    """Refuses nesting before the parser, which recurses and copies keys, sees it."""
    depth = dots = 0
    for found in _TOKEN.finditer(text):
        mark = found[0]
        if mark in ("[", "{"):
            depth, dots = depth + 1, 0
        elif mark in ("]", "}"):
            depth, dots = max(depth - 1, 0), 0
        elif mark == ".":
            dots += 1
        elif mark in (",", "=", "\n"):
            dots = 0
        if max(depth, dots) > limits.max_depth:
            line = text.count("\n", 0, found.start()) + first_line
            column = found.start() - text.rfind("\n", 0, found.start())
            raise TooLarge(
                f"line {line} column {column}",
                f"at most {limits.max_depth} levels of nesting",
                f"level {limits.max_depth + 1}",
            )


def _refuse_nul(value: Any, place: str) -> None:
    stack: list[tuple[str, Any]] = [(place, value)]
    while stack:
        at, item = stack.pop()
        if isinstance(item, dict):
            for key, member in item.items():
                if "\0" in key:
                    raise Malformed(at, "keys without NUL characters", shown(key))
                stack.append((f"{at}.{key}", member))
        elif isinstance(item, list):
            stack.extend((f"{at}[{i}]", member) for i, member in enumerate(item))
        elif isinstance(item, str) and "\0" in item:
            raise Malformed(at, "text without NUL characters", "\\u0000")


def _advisory(value: Object, body: str, limits: Limits) -> Advisory:
    problems: list[str] = []
    entry, at = fields.member(value, "advisory", "$"), "$.advisory"
    id_, package = fields.text(entry, "id", at), fields.text(entry, "package", at)
    if not id_:
        raise Malformed(f"{at}.id", "the advisory's id", shown(entry.get("id")))
    if not package:
        raise Malformed(f"{at}.package", "the crate's name", shown(entry.get("package")))
    heading, _, rest = body.partition("\n") if body.startswith("#") else ("", "", body)
    severities = _severities(entry, at, problems)
    informational = entry.get("informational")
    return Advisory(
        id=id_,
        aliases=fields.texts(entry, "aliases", at),
        related=fields.texts(entry, "related", at),
        summary=heading.lstrip("#").strip() or fields.text(entry, "title", at),
        details=rest.strip() or fields.text(entry, "description", at),
        published=_day(entry, "date", at, problems),
        modified="",  # RustSec leaves that to the history of its repository
        withdrawn=fields.withdrawn(_day(entry, "withdrawn", at, problems)),
        severity=cvss.preferred(severities),
        severities=severities,
        affected=(_affected(value, entry, package, problems, limits),),
        references=_references(entry, at),
        problems=tuple(problems[: limits.max_problems]),
        format="RustSec",
        informational=informational if isinstance(informational, str) else "",
    )


def _severities(entry: Object, place: str, problems: list[str]) -> tuple[Severity, ...]:
    vector = fields.text(entry, "cvss", place)
    return (cvss.read(vector, f"{place}.cvss", problems),) if vector else ()


def _day(entry: Object, name: str, place: str, problems: list[str]) -> str:
    """A day, as the noon of it: that is the time that RustSec's own OSV entries have."""
    value = entry.get(name)
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return f"{value.isoformat()}T12:00:00Z"
    said = fields.text(entry, name, place)
    if not said:
        return ""
    try:
        return f"{date.fromisoformat(said).isoformat()}T12:00:00Z"
    except ValueError:
        problems.append(f"{place}.{name}: expected a day as YYYY-MM-DD, got {shown(said)}")
        return said


def _references(entry: Object, place: str) -> tuple[tuple[str, str], ...]:
    url = fields.text(entry, "url", place)
    more = fields.texts(entry, "references", place)
    return tuple((type_, u) for type_, u in [("ADVISORY", url), *(("WEB", m) for m in more)] if u)


def _affected(value: Object, entry: Object, package: str, problems: list[str], limits: Limits) -> Affected:
    collection = fields.text(entry, "collection", "$.advisory") or "crates"
    ecosystem = "crates.io" if collection == "crates" else ""
    if not ecosystem:  # `rust`: the compiler and its standard library are no crates
        problems.append(
            f"$.advisory.collection: {shown(collection)} has no package URL; only bare names are matched"
        )
    held, at = fields.member(value, "versions", "$"), "$.versions"
    names = ("patched", "unaffected")
    if not held:  # the form before 2020
        held, at, names = entry, "$.advisory", ("patched_versions", "unaffected_versions")
    requirements = [
        (f"{at}.{name}[{i}]", text)
        for name in names
        for i, text in enumerate(fields.texts(held, name, at, at_most=limits.max_events))
    ]
    said = rustsec_versions.read(requirements, problems)
    return Affected(
        index=0,
        package_key=osv.package_key(ecosystem, package),
        purl="",
        ecosystem=ecosystem,
        release="",
        name=package,
        ranges=said,
        versions=(),
        conditions=_conditions(value),
    )


def _conditions(value: Object) -> tuple[str, ...]:
    """Systems, processors and functions that it concerns. RustSec counts a version as affected without them too."""
    entry, at = fields.member(value, "affected", "$"), "$.affected"
    said = [f"system {s}" for s in fields.texts(entry, "os", at)]
    said += [f"processor {a}" for a in fields.texts(entry, "arch", at)]
    functions = fields.member(entry, "functions", at)
    for name in functions:
        said += [f"function {name} {text}" for text in fields.texts(functions, name, f"{at}.functions")]
    return tuple(said)
