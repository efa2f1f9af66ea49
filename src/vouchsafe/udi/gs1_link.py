"""GS1 Digital Link addresses: `https://id.gs1.org/01/05060912340019/21/T4-0311-88207`; read and written.

Any domain and any path before the key. Compressed addresses are not read.
Source: GS1 Digital Link Standard: URI Syntax.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from vouchsafe.udi import ais
from vouchsafe.udi.errors import Malformed, NotRead, shown
from vouchsafe.udi.gs1_elements import GTIN_LENGTHS, Elements, in_order

DOMAIN = "https://id.gs1.org"

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_NOT_OF_AN_ADDRESS = re.compile(r"[^!#-;=?-\[\]_a-z~]")  # RFC 3986 2
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})|%")
_SPELLED = re.compile(
    "sscc|gtin|itip|gmn|cpid|shipTo|billTo|purchasedFrom|shipFor|gln|payTo|glnProd|party|gdti|gcn|ginc|gsin|grai|giai|gsrnp?"
)
"""How the standard's first releases spelled primary keys; withdrawn in 1.2."""
_COMPRESSED = re.compile(r"[A-Za-z0-9_-]{8,}")


def is_link(line: str, at: int) -> bool:
    """Whether an address begins at index `at`."""
    return _SCHEME.match(line, at) is not None


def read(line: str, at: int, into: Elements) -> None:
    """The elements of an address that begins at index `at` and ends with the line.

    Raises:
        NotRead: a compressed address, or one that spells its key (`/gtin/`).
        Malformed, WrongCheck: no address of GS1's form, or an element is wrong.
    """
    scheme = _SCHEME.match(line, at)
    assert scheme
    wrong = _NOT_OF_AN_ADDRESS.search(line, at)
    if wrong:
        raise Malformed(f"character {wrong.start() + 1}", "a character of an address", shown(wrong[0]))
    host = _HOST.match(line, scheme.end())
    if host is None or line[host.end() : host.end() + 1] not in ("/", "?", "#", ""):
        stop = scheme.end() if host is None else host.end()
        raise Malformed(f"character {stop + 1}", "a host", shown(line[stop : stop + 20]))
    end = line.find("#", host.end())  # a fragment is the reader's own business
    end = len(line) if end < 0 else end
    query = line.find("?", host.end(), end)
    stop = end if query < 0 else query
    key, used = _path(line, host.end(), stop, into)
    if query >= 0:
        _query(line, query + 1, end, key, used, into)


def _path(line: str, at: int, stop: int, into: Elements) -> tuple[ais.Identifier, tuple[str, ...]]:
    """The primary key nearest to the end of the path, and its qualifiers in the order that the standard gives."""
    segments, place = [], at + 1
    for text in line[at + 1 : stop].split("/"):
        segments.append((place, text))
        place += len(text) + 1
    pairs = len(segments) // 2
    start = next(
        (
            len(segments) - 2 * n
            for n in range(1, pairs + 1)
            if (known := ais.table().get(segments[-2 * n][1])) is not None and known.qualifiers is not None
        ),
        None,
    )
    if start is None:
        for place, text in segments[-2::-2]:
            if _SPELLED.fullmatch(text):
                raise NotRead(f"character {place + 1}", "the key in digits, such as /01/", shown(text))
        last = segments[-1] if segments else (stop, "")
        if _COMPRESSED.fullmatch(last[1]) and not last[1].isdecimal():
            wanted = "an address that is not compressed, with a key such as /01/; ask its domain for it"
            raise NotRead(f"character {last[0] + 1}", wanted, shown(last[1]))
        raise Malformed(
            f"character {at + 1}", "a primary key such as /01/ and its value", shown(line[at:stop])
        )
    key = ais.table()[segments[start][1]]
    used: tuple[str, ...] = ()
    for i in range(start, len(segments), 2):
        (place, ai), (value_at, value) = segments[i], segments[i + 1]
        if i > start:
            used += (ai,)
            if not _valid(key, used):
                wanted = f"a qualifier of ({key.ai}), in its order"
                raise Malformed(f"character {place + 1}", wanted, shown(ai))
        if not value:
            raise Malformed(f"character {value_at + 1}", f"a value of ({ai})", "nothing")
        into.put(ais.table()[ai], _gtin(ai, _unescaped(value, value_at)))
    return key, used


def _valid(key: ais.Identifier, used: tuple[str, ...]) -> bool:
    """Whether the qualifiers are, in their order, part of one of the key's sequences."""
    for sequence in key.qualifiers or ():
        rest = iter(sequence)
        if all(ai in rest for ai in used):
            return True
    return not used


def _query(line: str, at: int, end: int, key: ais.Identifier, used: tuple[str, ...], into: Elements) -> None:
    for found in re.finditer(r"[^&;]+", line[at:end]):
        name, _, value = found[0].partition("=")
        place = at + found.start()
        if not (name.isascii() and name.isdecimal()):  # other names of the query are not GS1's
            continue
        known = ais.table().get(name)
        if known is None:
            raise Malformed(f"character {place + 1}", "a GS1 Application Identifier", shown(name))
        if name in into.found:
            raise Malformed(f"character {place + 1}", f"({name}) once", "a second one")
        if not known.attribute or _belongs_in_path(key, used, name):
            wanted = "an identifier that may stand in the query"
            raise Malformed(f"character {place + 1}", wanted, f"({name})")
        if not value:
            raise Malformed(f"character {place + len(name) + 2}", f"a value of ({name})", "nothing")
        text = _unescaped(value.replace("+", " "), place + len(name) + 1)
        into.put(known, _gtin(name, text))


def _belongs_in_path(key: ais.Identifier, used: tuple[str, ...], ai: str) -> bool:
    """Whether the path could have held `ai` beside the qualifiers that it has."""
    return any(_valid(key, (*used[:i], ai, *used[i:])) for i in range(len(used) + 1))


def _gtin(ai: str, value: str) -> str:
    """Shorter GTINs stood in addresses of the standard's first release; they are padded."""
    return value.zfill(14) if ai == "01" and len(value) in GTIN_LENGTHS and value.isdecimal() else value


def _unescaped(text: str, at: int) -> str:
    for found in _ESCAPE.finditer(text):
        if found[1] is None:
            place = f"character {at + found.start() + 1}"
            raise Malformed(place, "two hexadecimal digits after %", shown(text[found.start() :][:3]))
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)


def write(found: Mapping[str, str], domain: str = DOMAIN) -> str:
    """The canonical address: the key, its qualifiers in order, attributes sorted by identifier.

    Raises:
        Malformed: no primary key, or an element that an address of this key can't hold.
    """
    table = ais.table()
    key = next((table[ai] for ai, _ in in_order(found) if table[ai].qualifiers is not None), None)
    if key is None:
        raise Malformed(
            "elements", "a primary key, such as (01)", ", ".join(f"({ai})" for ai in found) or "nothing"
        )
    for sequence in key.qualifiers or ((),):
        used = tuple(ai for ai in sequence if ai in found)
        rest = sorted(ai for ai in found if ai != key.ai and ai not in used)
        wrong = next((ai for ai in rest if not table[ai].attribute or _belongs_in_path(key, used, ai)), None)
        if wrong is None:
            path = "".join(f"/{ai}/{quote(found[ai], safe='')}" for ai in (key.ai, *used))
            query = "&".join(f"{ai}={quote(found[ai], safe='')}" for ai in rest)
            return domain.rstrip("/") + path + (f"?{query}" if query else "")
    raise Malformed(f"({wrong})", f"an element that an address of ({key.ai}) can hold", f"({wrong})")
