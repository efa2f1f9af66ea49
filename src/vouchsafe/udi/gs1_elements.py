"""GS1 elements as such: a value against its identifier, what stands beside what, and the two written forms.

Source: GS1 General Specifications 3 and 7.8; GS1 Barcode Syntax Dictionary. Start at `gs1`, which knows devices.
"""

import re
from collections.abc import Mapping
from datetime import date

from vouchsafe.udi import ais, checks, dates
from vouchsafe.udi.errors import Malformed, WrongCheck, shown
from vouchsafe.udi.limits import MAX_ELEMENTS
from vouchsafe.udi.linters import LINTERS

GS = "\x1d"
_FNC1 = (GS, "^", "\u241d", "{GS}")
"""How readers and people write FNC1. None is a character of GS1 data; `<GS>` would be, and is read so only alone."""

_SETS = {
    "N": frozenset("0123456789"),
    "X": frozenset(checks.CSET82),
    "Y": frozenset("#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "Z": frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="),
}
_SET_NAMES = {
    "N": "digits",
    "X": "characters of GS1's set 82",
    "Y": "characters of GS1's set 39",
    "Z": "base64url",
}
GTIN_LENGTHS = (8, 12, 13, 14)
_BRACKET = re.compile(r"\(([0-9]{2,4})\)")
_SPACE = " \t\r\n"
_SERIALISED = {"253": 13, "255": 13, "8003": 14}


class Elements:
    """What was read so far. An element may be repeated only with the same value (General Specifications 4.14)."""

    def __init__(self, today: date | None) -> None:
        self.year = today.year if today else dates.this_year()
        self.found: dict[str, str] = {}
        self._count = 0

    def put(self, identifier: ais.Identifier, value: str) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise Malformed(f"element {self._count}", f"at most {MAX_ELEMENTS} elements", "one more")
        check_value(identifier, value, self.year)
        if self.found.setdefault(identifier.ai, value) != value:
            known = self.found[identifier.ai]
            raise Malformed(f"({identifier.ai})", "one value", f"{shown(known)} and {shown(value)}")


def check_value(identifier: ais.Identifier, value: str, year: int) -> None:
    """The parts in turn: each its characters, its length, and its checks.

    Raises:
        Malformed: the value is not of the identifier's form.
        WrongCheck: it is, but its check digit or characters don't hold.
    """
    place, at = f"({identifier.ai})", 0
    for part in identifier.parts:
        if part.optional and at == len(value):
            break
        piece = value[at : at + part.most]
        wrong = next((c for c in piece if c not in _SETS[part.kind]), None)
        if wrong is not None:
            spot = f"{place} character {at + piece.index(wrong) + 1}"
            raise Malformed(spot, _SET_NAMES[part.kind], shown(wrong))
        if part.kind == "Z" and not _padded(piece):
            wanted = "base64url; “=” at its end, at most two, up to a length of a multiple of three"
            raise Malformed(f"{place} character {at + piece.index('=') + 1}", wanted, shown(piece))
        if len(piece) < part.least:
            wanted = f"{part.most}" if part.least == part.most else f"1 to {part.most}"
            raise Malformed(place, f"{wanted} {_SET_NAMES[part.kind]}", shown(value))
        for name in part.checks:
            fault = LINTERS[name](piece, year)
            if fault is not None:
                start = at + fault.at
                spot = f"{place} character {start + 1}" if start else place
                error = WrongCheck if fault.check else Malformed
                raise error(spot, fault.expected, shown(fault.got or piece))
        at += len(piece)
    if at < len(value):
        raise Malformed(place, f"at most {at} characters", f"{len(value)}: {shown(value)}")


def _padded(text: str) -> bool:
    """Whether base64url has no padding or a right one, as the Barcode Syntax Dictionary's cset64 has it."""
    pads = len(text) - len(text.rstrip("="))
    return "=" not in text or (text.index("=") == len(text) - pads and pads <= 2 and len(text) % 3 == 0)


def associations(found: Mapping[str, str]) -> None:
    """What must and what may not stand on one item: the dictionary's `req` and `ex`.

    Read it over all symbols of the item: a label may spread its elements over two.

    Raises:
        Malformed: an element's companion is missing, or two exclude each other.
    """
    for ai in found:
        identifier = ais.table()[ai]
        for other in found:
            if other != ai and any(ais.matches(p, other) for p in identifier.excludes):
                raise Malformed(f"({other})", f"no ({other}) beside ({ai})", "both")
        for need in identifier.needs:
            if not any(all(any(ais.matches(p, o) for o in found) for p in group) for group in need):
                wanted = " or ".join(" with ".join(f"({p})" for p in group) for group in need)
                raise Malformed(f"({ai})", f"{wanted} beside it", "none of these")
    if "8030" in found:  # a signature belongs to one thing, so the key must have its serial part
        for key, length in _SERIALISED.items():
            if key in found and len(found[key]) == length:
                raise Malformed(f"({key})", "a serial number, for (8030) signs one item", shown(found[key]))


def read_element_string(line: str, at: int, into: Elements) -> None:
    """Element strings as a reader passes them on, from index `at`.

    Raises:
        Malformed, WrongCheck: as `check_value`; or no identifier where one must be.
    """
    signs = _FNC1 if any(s in line for s in _FNC1) else ("<GS>",)
    if (length := _sign(line, at, signs)) != 0:  # FNC1 in first position, as some readers pass it on
        at += length
    if at >= len(line):
        raise Malformed(f"character {at + 1}", "a GS1 Application Identifier", "nothing")
    while at < len(line):
        identifier = _identifier(line, at)
        start = at + len(identifier.ai)
        ends = [i for s in signs if (i := line.find(s, start)) >= 0]
        end = min(ends, default=len(line))
        if identifier.predefined:
            length = sum(p.most for p in identifier.parts)
            if end - start < length:
                raise Malformed(f"({identifier.ai})", f"{length} characters", f"{end - start}")
            end = start + length
        into.put(identifier, line[start:end])
        at = end + _sign(line, end, signs)


def _sign(line: str, at: int, signs: tuple[str, ...]) -> int:
    return next((len(s) for s in signs if line.startswith(s, at)), 0)


def _identifier(line: str, at: int) -> ais.Identifier:
    for length in (2, 3, 4):
        known = ais.table().get(line[at : at + length])
        if known is not None:
            return known
    raise Malformed(f"character {at + 1}", "a GS1 Application Identifier", shown(line[at : at + 4]))


def read_human_readable(line: str, at: int, into: Elements) -> None:
    """The line below the symbol, from index `at`: identifiers in brackets.

    `\\(` in a value is a bracket that begins no identifier, and `\\<` a `<`; white space (labels break lines) and FNC1 at
    the ends of a value are no part of it.

    Raises:
        Malformed, WrongCheck: as `check_value`; or a bracketed number is no identifier.
    """
    marks = [m for m in _BRACKET.finditer(line, at) if line[m.start() - 1 : m.start()] != "\\"]
    for mark in marks:
        if mark[1] not in ais.table():
            place = f"character {mark.start() + 1}"
            raise Malformed(
                place, r"a GS1 Application Identifier (in a value, a bracket is “\(”)", shown(mark[0])
            )
    if not marks or marks[0].start() != at:
        raise Malformed(
            f"character {at + 1}", "a GS1 Application Identifier in brackets", shown(line[at : at + 6])
        )
    for i, mark in enumerate(marks):
        end = marks[i + 1].start() if i + 1 < len(marks) else len(line)
        value = line[mark.end() : end]
        trimmed = value.strip(_SPACE)
        for sign in (*_FNC1, "<GS>"):
            if not trimmed.endswith("\\" + sign):
                trimmed = trimmed.removesuffix(sign).strip(_SPACE)
        into.put(ais.table()[mark[1]], trimmed.replace(r"\(", "(").replace(r"\<", "<"))


def in_order(found: Mapping[str, str]) -> list[tuple[str, str]]:
    """Elements as a symbol carries them best: (01) first, those of fixed length next, so that fewest separators stand."""
    table = ais.table()
    return sorted(found.items(), key=lambda e: (e[0] != "01", not table[e[0]].predefined))


def write_element_string(found: Mapping[str, str]) -> str:
    """Element strings with the fewest separators (GS, ASCII 29), without a symbology identifier.

    A separator stands first only where the text would be taken for something else: a value holds `<GS>`, or all are
    digits, as many as a GTIN has.
    """
    parts = in_order(found)
    text = ""
    for place, (ai, value) in enumerate(parts):
        last = place == len(parts) - 1
        text += ai + value + ("" if last or ais.table()[ai].predefined else GS)
    unclear = "<GS>" in text or (text.isdecimal() and len(text) in GTIN_LENGTHS)
    return GS + text if unclear else text


def write_human_readable(found: Mapping[str, str]) -> str:
    """The line below the symbol: `(01)05060912340019(21)T4-0311-88207`. A bracket in a value is written `\\(`."""
    return "".join(
        f"({ai})" + value.replace("(", r"\(").replace("<GS>", r"\<GS>") for ai, value in in_order(found)
    )
