"""Writes src/vouchsafe/udi/ai_rows.py from a copy of GS1's Barcode Syntax Dictionary.

    python tools/gs1_identifiers.py gs1-syntax-dictionary.txt

The dictionary itself (Apache-2.0, GS1 AISBL) is no part of this repository: only the facts that it states are kept, in
a form of our own. Run this when GS1 publishes a new release, and read the difference.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "src/vouchsafe/udi/ai_rows.py"
_ENTRY = re.compile(r"(?P<ais>\d{2,4}(?:-\d{2,4})?)(?:\s+(?P<flags>[*?]+))?\s+(?P<rest>[\[NXYZ].*)")
_PART = re.compile(r"(\[)?([NXYZ])(\.\.)?(\d+)(\])?((?:,[a-z0-9]+)*)")

HEAD = '''"""GS1's Application Identifiers as rows. Written by tools/gs1_identifiers.py; don't edit by hand.

Facts of the GS1 Barcode Syntax Dictionary (its licence: Apache-2.0, GS1 AISBL), the copy with SHA-256
{digest}.

A row: identifiers, flags (`f` fixed length, so no separator follows; `a` may be a Digital Link attribute), parts,
required companions, excluded companions, Digital Link qualifiers (None: no primary key), title. A part is `N6`, `X1-20`,
`?N4` when it may be absent, and the checks after a colon. Companions are alternatives by comma, sets by `+`, and `n` is
any digit.
"""

ROWS: tuple[tuple[str, str, str, str, str, str | None, str], ...] = (
'''


def main() -> int:
    source = Path(sys.argv[1]).read_bytes()
    lines = [row for line in source.decode().splitlines() if (row := _row(line))]
    head = HEAD.replace("{digest}", hashlib.sha256(source).hexdigest())
    OUT.write_text(head + "".join(f"    {line!r},\n" for line in lines) + ")\n")
    subprocess.run(["ruff", "format", "-q", str(OUT)], check=True)
    print(f"{OUT}: {len(lines)} rows")
    return 0


def _row(line: str) -> tuple[str, str, str, str, str, str | None, str] | None:
    found = _ENTRY.match(line)
    if line.startswith("#") or not found:
        return None
    body, _, title = found["rest"].partition("#")
    parts, need, exclude, link = [], [], [], None
    for word in body.split():
        if part := _PART.fullmatch(word):
            parts.append(_part(*part.groups()))
            continue
        key, _, value = word.partition("=")
        if key == "req":
            need.append(value)
        elif key == "ex":
            exclude.append(value)
        elif key == "dlpkey":
            link = value
        else:
            raise SystemExit(f"unknown attribute {word!r} in {line!r}")
    flags = ("f" if "*" in (found["flags"] or "") else "") + ("a" if "?" in (found["flags"] or "") else "")
    return found["ais"], flags, " ".join(parts), ";".join(need), ",".join(exclude), link, title.strip()


def _part(open_: str, kind: str, dots: str, length: str, close: str, checks: str) -> str:
    assert bool(open_) == bool(close)
    lengths = f"1-{length}" if dots else length
    return f"{'?' if open_ else ''}{kind}{lengths}" + (f":{checks[1:].replace(',', '+')}" if checks else "")


if __name__ == "__main__":
    sys.exit(main())
