"""`vouchsafe advisory …`: vulnerability advisories from files; `import` acts on one in an installation."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.files import print_object, read_bytes, refuse, say
from vouchsafe.sbom import advisories, kev, match
from vouchsafe.sbom.advisories import Advisory, Affected, Severity
from vouchsafe.sbom.errors import Malformed

if TYPE_CHECKING:
    from vouchsafe.fleet.impact import Impact


@click.group()
def advisory() -> None:
    """Read vulnerability advisories.

    Read are OSV, GitHub advisories, CVE records 5.x, NVD answers 2.0, RustSec, CSAF and the KEV catalogue, told
    apart by their content; `-` is standard input.

    \b
    Example:
      vouchsafe advisory inspect advisories/RUSTSEC-2026-0104.json
    """


@advisory.command("inspect")
@click.argument("file")
@click.option(
    "--kev", "kev_file", metavar="FILE", help="CISA's catalogue, to answer whether it is exploited."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect_advisory(file: str, kev_file: str | None, as_json: bool) -> None:
    """What an advisory says: which packages in which versions, how severe, whether it is known to be exploited.

    Exit 0: it was read. 2: it is malformed, or no advisory; the line or path is named.

    \b
    Examples:
      vouchsafe advisory inspect advisories/RUSTSEC-2026-0104.json
      vouchsafe advisory inspect CVE-2021-44228.json --kev known_exploited_vulnerabilities.json
    """
    if file == "-" == kev_file:
        raise CommandError("--kev -: expected a file, got standard input, which is the advisory already")
    catalogue = None if kev_file is None else _catalogue(kev_file)
    try:
        found = advisories.read_all(read_bytes(file))
    except Malformed as told:
        refuse(file, told)
    found = tuple(kev.apply(said, catalogue) for said in found)
    if as_json:
        print_object(as_object(found[0]) if len(found) == 1 else _several(found))
        return
    if len(found) != 1:
        say(f"{len(found):,} advisories")
    for said in found:
        _print(said)


def _catalogue(file: str) -> kev.Catalogue:
    try:
        return kev.read(read_bytes(file))
    except Malformed as told:
        refuse(file, told)


def _several(found: tuple[Advisory, ...]) -> dict[str, Any]:
    """One object for a file of several: the keys of one advisory say what holds for them all."""
    return {
        "format": "/".join(dict.fromkeys(said.format for said in found)) or "NVD",
        "id": None,
        "aliases": [],
        "affected": [],
        "severity": None,
        "known_exploited": None,
        "count": len(found),
        "advisories": [as_object(said) for said in found],
    }


def as_object(said: Advisory) -> dict[str, Any]:
    """An advisory as `inspect --json` prints it."""
    out: dict[str, Any] = {
        "format": said.format,
        "id": said.id,
        "aliases": list(said.aliases),
        "related": list(said.related),
        "summary": said.summary,
        "published": said.published or None,
        "modified": said.modified or None,
        "withdrawn": said.withdrawn or None,
        "informational": said.informational or None,
        "affected": [_affected(a) for a in said.affected],
        "severity": _severity(said.severity),
        "severities": [_severity(s) for s in said.severities],
        "known_exploited": said.known_exploited,
        "problems": list(said.problems),
    }
    if said.format == "KEV":
        out["count"] = len(said.related)
    return out


def _affected(a: Affected) -> dict[str, Any]:
    return {
        "package": a.package_key or a.name,
        "ecosystem": a.ecosystem,
        "name": a.name,
        "vendor": a.vendor or None,
        "range": match.range_text(a),
        "ranges": [
            {"type": r.type, "repo": r.repo or None, "events": [{e.kind: e.version} for e in r.events]}
            for r in a.ranges
        ],
        "versions": list(a.versions),
        "unaffected": list(a.unaffected),
        "cpes": list(a.cpes),
        "last_known": a.last_known or None,
        "conditions": list(a.conditions),
    }


def _severity(s: Severity | None) -> dict[str, Any] | None:
    if s is None:
        return None
    return {
        "type": s.type,
        "vector": s.vector,
        "score": s.score,
        "rating": s.rating,
        "stated": s.stated,
        "source": s.source or None,
    }


def _print(said: Advisory) -> None:
    say(f"{said.format} {said.id} {' '.join(said.aliases)}".strip())
    if said.summary:
        say(said.summary)
    if said.format == "KEV":
        say(f"{len(said.related):,} known exploited vulnerabilities, released on {said.published}")
        _print_all("problem", said.problems)
        return
    severity = said.severity
    if severity:
        score = f" ({severity.score})" if severity.score is not None else ""
        say(f"Severity {severity.rating}{score} {severity.vector}".rstrip())
    if said.known_exploited is not None:
        say("Known to be exploited" if said.known_exploited else "Not in the catalogue of exploited ones")
    if said.informational:
        say(f"Informational: {said.informational}")
    if said.withdrawn:
        say(f"Withdrawn on {said.withdrawn}: it matches nothing.")
    _print_all(
        "affects",
        (f"{a.ecosystem} {a.name or '(no name)'}: {match.range_text(a)}".strip() for a in said.affected),
    )
    _print_all("problem", said.problems)


def _print_all(what: str, lines: Iterable[str]) -> None:
    for line in lines:
        say(f"{what} {line}")


@advisory.command("import")
@click.argument("file")
@click.option("--as", "username", metavar="USERNAME", required=True, help="Who imports it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_advisory(file: str, username: str, as_json: bool) -> None:
    """Take an advisory into the running installation, and say which components and devices it reaches.

    Exit 0: imported. 1: that person may not. 2: the file is malformed, or no installation runs here.

    \b
    Example:
      vouchsafe advisory import advisories/RUSTSEC-2026-0104.json --as priya.raghunathan
    """
    data = read_bytes(file)
    said = advisory_of(file, data)
    from vouchsafe.cli.running import use_installation

    use_installation()
    from vouchsafe.fleet import impact
    from vouchsafe.fleet.errors import BadInput
    from vouchsafe.kernel import people
    from vouchsafe.kernel.errors import Denied, NotFound

    now = datetime.now(UTC)
    try:
        by = people.find(username)
    except NotFound as told:
        raise CommandError(f"--as {username}: {told}", code=1) from None
    try:
        row = impact.import_advisory(data, by=by, at=now)
    except Denied as told:
        raise CommandError(f"--as {username}: {told}", code=1) from None
    except BadInput as told:
        raise CommandError(f"{file}: {told}", code=2) from None
    found = impact.impact(row.id, int(now.timestamp() * 1000))
    if as_json:
        print_object(_reached(found))
    else:
        _print_reached(said, found)


def _reached(found: "Impact") -> dict[str, Any]:
    return {
        "id": found.advisory.key,
        "sha256": found.advisory.sha256,
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
        "entries": found.entries,
        "unjoined": found.unjoined,
        "elapsed_ms": round(found.elapsed_ms, 1),
    }


def _print_reached(said: Advisory, found: "Impact") -> None:
    if said.withdrawn:
        say(f"{said.id} was withdrawn on {said.withdrawn}: it matches nothing.")
    for c in found.components:
        say(f"{c.certainty}: {c.reason}")
    if not found.entries and not said.withdrawn:
        say(f"{said.id} names no product, so nothing was looked up.")
    elif found.unjoined:
        say(
            f"{found.unjoined:,} of {found.entries:,} products could not be looked up: the advisory names no package,"
            " name or CPE for them."
        )
    for b in found.builds:
        say(f"{b.model} {b.version}: {b.devices:,} devices, {b.certainty}")
    say(
        f"{found.scope:,} devices in scope: {found.confirmed:,} confirmed, {found.last_known:,} last known,"
        f" {found.unknown:,} unknown ({found.elapsed_ms:.0f} ms)"
    )


def advisory_of(file: str, data: bytes) -> Advisory:
    """The one advisory in `data`, of any format; a refusal names `file`."""
    try:
        return advisories.read(data)
    except Malformed as told:
        refuse(file, told)


def advisories_of(file: str, data: bytes) -> tuple[Advisory, ...]:
    """Every advisory in `data`, of any format; a refusal names `file`."""
    try:
        return advisories.read_all(data)
    except Malformed as told:
        refuse(file, told)
