"""`vouchsafe vex …`: what VEX documents say about vulnerabilities, whatever format they came in."""

from collections import Counter
from dataclasses import asdict

import click

from vouchsafe.cli.files import print_object, read_bytes, refuse, say
from vouchsafe.sbom import vex as documents
from vouchsafe.sbom.errors import Malformed


@click.group()
def vex() -> None:
    """Read VEX documents: CycloneDX, OpenVEX and CSAF; `-` is standard input.

    \b
    Example:
      vouchsafe vex inspect pump-4.2.1.vex.json
    """


@vex.command("inspect")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file: str, as_json: bool) -> None:
    """Every statement in one vocabulary: affected, not_affected, fixed or under_investigation.

    Exit 0: it was read. 2: it is malformed, or no VEX document.

    \b
    Example:
      vouchsafe vex inspect pump-4.2.1.vex.json
    """
    data = read_bytes(file)
    try:
        said = documents.read(data)
    except Malformed as told:
        refuse(file, told)
    if as_json:
        counts = Counter(s.status for s in said.statements)
        print_object(
            {
                "format": said.format,
                "spec_version": said.spec_version,
                "id": said.id or None,
                "version": said.version or None,
                "author": said.author or None,
                "timestamp": said.timestamp or None,
                "sha256": said.sha256,
                "counts": {status: counts[status] for status in documents.STATUSES},
                "statements": [asdict(s) for s in said.statements],
                "problems": [asdict(p) for p in said.problems],
            }
        )
        return
    say(f"{said.format} {said.spec_version} {said.id}".rstrip())
    say(f"by {said.author or 'nobody named'}, {said.timestamp or 'no time given'}")
    for s in said.statements:
        why = s.justification or s.said
        say(f"{s.vulnerability or 'no id'} {s.status}" + (f" ({why})" if why else ""))
        for p in s.products:
            say(f"  {p.name or p.id} {p.version}".rstrip())
        for text in (s.impact_statement, s.action_statement):
            if text:
                say(f"  {text}")
    for problem in said.problems:
        say(f"problem {problem.kind} {problem.place}: {problem.text}")
