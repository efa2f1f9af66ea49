"""`vouchsafe advisory …`: vulnerability advisories from files; `import` acts on one in an installation."""

from datetime import UTC, datetime

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.files import print_object, read_bytes, refuse
from vouchsafe.sbom import match, osv
from vouchsafe.sbom.errors import Malformed


@click.group()
def advisory() -> None:
    """Read vulnerability advisories. Read is OSV JSON; `-` is standard input."""


@advisory.command("inspect")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect_advisory(file: str, as_json: bool) -> None:
    """What an advisory says: which packages in which versions, how severe.

    \b
    Example:
      vouchsafe advisory inspect advisories/RUSTSEC-2026-0104.json
    """
    said = advisory_of(file, read_bytes(file))
    severity = said.severity
    if as_json:
        print_object(
            {
                "format": "OSV",
                "id": said.id,
                "aliases": list(said.aliases),
                "summary": said.summary,
                "published": said.published or None,
                "modified": said.modified or None,
                "withdrawn": said.withdrawn or None,
                "affected": [
                    {
                        "package": a.package_key or a.name,
                        "ecosystem": a.ecosystem,
                        "name": a.name,
                        "range": match.range_text(a),
                    }
                    for a in said.affected
                ],
                "severity": severity
                and {
                    "type": severity.type,
                    "vector": severity.vector,
                    "score": severity.score,
                    "rating": severity.rating,
                },
                # OSV says nothing about exploitation; the catalogue that does is another file.
                "known_exploited": None,
                "problems": list(said.problems),
            }
        )
        return
    click.echo(f"{said.id} {' '.join(said.aliases)}".strip())
    if said.summary:
        click.echo(said.summary)
    if severity:
        score = f" ({severity.score})" if severity.score is not None else ""
        click.echo(f"Severity {severity.rating}{score} {severity.vector}".rstrip())
    if said.withdrawn:
        click.echo(f"Withdrawn on {said.withdrawn}: it matches nothing.")
    for a in said.affected:
        click.echo(f"affects {a.ecosystem} {a.name}: {match.range_text(a)}")
    for text in said.problems:
        click.echo(f"problem {text}")


@advisory.command("import")
@click.argument("file")
@click.option("--as", "username", metavar="USERNAME", required=True, help="Who imports it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_advisory(file: str, username: str, as_json: bool) -> None:
    """Take an advisory into the running installation, and say which components and devices it reaches.

    \b
    Example:
      vouchsafe advisory import advisories/RUSTSEC-2026-0104.json --as priya.raghunathan
    """
    data = read_bytes(file)
    said = advisory_of(file, data)
    from vouchsafe.cli.running import use_installation

    use_installation()
    from vouchsafe.fleet import impact
    from vouchsafe.kernel import people
    from vouchsafe.kernel.errors import NotFound

    now = datetime.now(UTC)
    try:
        by = people.find(username)
    except NotFound as told:
        raise CommandError(f"--as {username}: {told}", code=1) from None
    row = impact.import_advisory(data, by=by, at=now)
    found = impact.impact(row.id, int(now.timestamp() * 1000))
    if as_json:
        print_object(
            {
                "id": row.key,
                "sha256": row.sha256,
                "components": [
                    {"name": c.name, "version": c.version, "certainty": c.certainty} for c in found.components
                ],
                "builds": [{"version": b.version, "certainty": b.certainty} for b in found.builds],
                "devices": {
                    "confirmed": found.confirmed,
                    "last_known": found.last_known,
                    "unknown": found.unknown,
                },
                "scope": found.scope,
                "elapsed_ms": round(found.elapsed_ms, 1),
            }
        )
        return
    if said.withdrawn:
        click.echo(f"{said.id} was withdrawn on {said.withdrawn}: it matches nothing.")
    for c in found.components:
        click.echo(f"{c.certainty}: {c.reason}")
    for b in found.builds:
        click.echo(f"{b.model} {b.version}: {b.devices:,} devices, {b.certainty}")
    click.echo(
        f"{found.scope:,} devices in scope: {found.confirmed:,} confirmed, {found.last_known:,} last known,"
        f" {found.unknown:,} unknown ({found.elapsed_ms:.0f} ms)"
    )


def advisory_of(file: str, data: bytes) -> osv.Advisory:
    """The advisory in `data`; a refusal names `file`."""
    try:
        return osv.read(data)
    except Malformed as told:
        refuse(file, told)
