"""`vouchsafe sbom …`: SBOMs from files, without a server."""

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vouchsafe.cli.advisory import advisories_of
from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.files import print_object, read_bytes, refuse, say
from vouchsafe.sbom import dsse, joins, match, purl, reading, statement
from vouchsafe.sbom.errors import BadSignature, Malformed, NotBound
from vouchsafe.sbom.model import Component, Sbom

_SAMPLE = 5
Key = TypeVar("Key")


@click.group()
def sbom() -> None:
    """Read, match, compare, sign and check SBOMs; `-` is standard input.

    Read are CycloneDX 1.2 to 1.7 as JSON and XML, and SPDX 2.1 to 2.3 as JSON, tag-value, YAML and XML, whatever
    the file is called. Only JSON can be signed.

    \b
    Example:
      vouchsafe sbom inspect tarn4-4.1.2.cdx.json
    """


@sbom.command("inspect")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect_sbom(file: str, as_json: bool) -> None:
    """What an SBOM lists, and what is missing in it (NTIA minimum elements, duplicates, dangling references).

    Exit 0: it was read, whatever its problems. 2: it is malformed; the line or path is named.

    \b
    Example:
      vouchsafe sbom inspect tarn4-4.1.2.cdx.json
    """
    said = _sbom(file)
    if as_json:
        print_object(
            {
                "format": said.format,
                "spec_version": said.spec_version,
                "serial": said.serial,
                "sha256": said.sha256,
                "subject": _component(said.subject) if said.subject else None,
                "components": len(said.components),
                "with_purl": sum(c.purl is not None for c in said.components),
                "with_version": sum(c.has_version() for c in said.components),
                "dependencies": sum(len(needs) for _, needs in said.dependencies),
                "problems": [{"kind": p.kind, "place": p.place, "text": p.text} for p in said.problems],
            }
        )
        return
    about = f", about {said.subject.name} {said.subject.version}".rstrip() if said.subject else ""
    say(f"{said.format} {said.spec_version}{about}")
    with_purl = sum(c.purl is not None for c in said.components)
    with_version = sum(c.has_version() for c in said.components)
    count = len(said.components)
    say(f"{count:,} components, {with_purl:,} with a package URL, {with_version:,} with a version")
    for kind, count in Counter(p.kind for p in said.problems).most_common():
        say(f"{count:,} {kind} problems")
        for problem in [p for p in said.problems if p.kind == kind][:_SAMPLE]:
            say(f"  {problem.place}: {problem.text}")
    if not said.problems:
        say("No problems found.")


@sbom.command("match")
@click.argument("file", metavar="SBOM")
@click.argument("advisories", metavar="ADVISORY...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def match_sbom(file: str, advisories: tuple[str, ...], as_json: bool) -> None:
    """Which components of an SBOM the advisories touch: confirmed, or possible where something can't be told.

    What the SBOM is about is looked up with its components. Advisories that name no package, product or CPE to look
    up, as the KEV catalogue, are said.

    Exit 0: all were read, whether any matches or none. 2: a file is malformed.

    \b
    Example:
      vouchsafe sbom match tarn4-4.1.2.cdx.json advisories/RUSTSEC-2026-0104.json
    """
    if [file, *advisories].count("-") > 1:
        raise CommandError("standard input: expected one file at most, got “-” twice")
    said = _sbom(file)
    read = [a for path in advisories for a in advisories_of(path, read_bytes(path))]
    about = [said.subject] if said.subject and said.subject not in said.components else []
    found = list(match.matches([*about, *said.components], read))
    unjoined = [
        a.id for a in read if not a.withdrawn and not (a.affected and all(map(joins.entry_keys, a.affected)))
    ]
    if as_json:
        rows: dict[str, Any] = {"confirmed": [], "possible": []}
        for m in found:
            rows[m.certainty].append(
                {
                    "advisory": m.advisory,
                    "component": _component(m.component),
                    "range": m.range,
                    "reason": m.reason,
                }
            )
        withdrawn = [a.id for a in read if a.withdrawn]
        print_object(rows | {"withdrawn": withdrawn, "not_looked_up": unjoined})
        return
    for m in sorted(found, key=lambda m: (m.certainty, m.advisory)):
        say(str(m))
    for a in read:
        if a.withdrawn:
            say(f"{a.id} was withdrawn on {a.withdrawn}: it matches nothing")
    for id_ in unjoined:
        say(f"{id_} names nothing to look up, or not for all that it is about")
    counts = Counter(m.certainty for m in found)
    say(f"{counts['confirmed']:,} confirmed, {counts['possible']:,} possible")


@sbom.command("diff")
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def diff_sboms(ctx: click.Context, a: str, b: str, as_json: bool) -> None:
    """Which components B adds, removes or changes in version.

    Exit 0: no difference. 1: some. 2: a file is malformed.

    \b
    Example:
      vouchsafe sbom diff tarn4-4.1.2.cdx.json tarn4-4.2.1.cdx.json
    """
    if a == b == "-":
        raise CommandError("standard input: expected one file at most, got “-” twice")
    before, after = _versions(_sbom(a)), _versions(_sbom(b))
    added = [(k, v) for k in after.keys() - before.keys() for v in after[k]]
    removed = [(k, v) for k in before.keys() - after.keys() for v in before[k]]
    changed = [(k, before[k], after[k]) for k in before.keys() & after.keys() if before[k] != after[k]]
    if as_json:
        print_object(
            {
                "added": [{"component": k, "version": v} for k, v in sorted(added)],
                "removed": [{"component": k, "version": v} for k, v in sorted(removed)],
                "changed": [{"component": k, "from": list(x), "to": list(y)} for k, x, y in sorted(changed)],
            }
        )
    else:
        for k, v in sorted(added):
            say(f"added    {k} {v}")
        for k, v in sorted(removed):
            say(f"removed  {k} {v}")
        for k, x, y in sorted(changed):
            say(f"changed  {k} {', '.join(x)} → {', '.join(y)}")
        say(f"{len(added):,} added, {len(removed):,} removed, {len(changed):,} changed")
    ctx.exit(1 if added or removed or changed else 0)


@sbom.command("sign")
@click.argument("file")
@click.option("--name", required=True, help="The image's name, such as tarn4-4.2.1.img.")
@click.option("--image", help="The firmware image; its SHA-256 is taken.")
@click.option("--digest", help="The image's SHA-256 in hexadecimal, instead of --image.")
@click.option("--key", "key_file", required=True, help="The private key (PEM, Ed25519 or P-256).")
@click.option("--out", "-o", help="Where to write the envelope; standard output otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sign_sbom(
    file: str, name: str, image: str | None, digest: str | None, key_file: str, out: str | None, as_json: bool
) -> None:
    """Sign the SBOM of an image: a DSSE envelope around an in-toto statement (docs/formats/release.md).

    The envelope is JSON. With --out and --json, an object that says who signed what is printed instead.
    Exit 0: signed. 2: the SBOM, the image or the key can't be read.

    \b
    Example:
      vouchsafe sbom sign tarn4-4.2.1.cdx.json --name tarn4-4.2.1.img --image tarn4-4.2.1.img \\
          --key release.pem -o tarn4-4.2.1.release.json
    """
    sha256 = _digest(image, digest, required=True)
    assert sha256 is not None
    key, data = _key(key_file, dsse.private_key), read_bytes(file)
    try:
        envelope = statement.sign_release(name, sha256, data, key)
    except Malformed as told:
        refuse(file, told)
    if out is None:
        click.echo(envelope.decode())
        return
    try:
        Path(out).write_bytes(envelope)
    except OSError as told:
        raise CommandError(f"{out}: expected a file that can be written, got {told.strerror}") from None
    signer = dsse.key_id(key.public_key())
    if as_json:
        image_said = {"name": name, "sha256": sha256}
        sbom_sha256 = hashlib.sha256(data).hexdigest()
        print_object({"envelope": out, "key": signer, "image": image_said, "sbom_sha256": sbom_sha256})
        return
    click.echo(f"{out}: signed by {signer[:16]}", err=True)


@sbom.command("check")
@click.argument("envelope")
@click.option(
    "--key", "key_files", required=True, multiple=True, help="A trusted public key (PEM). May repeat."
)
@click.option("--image", help="The firmware image that the SBOM must be about.")
@click.option("--digest", help="The image's SHA-256 in hexadecimal, instead of --image.")
@click.option("--extract", help="Write the SBOM's signed bytes to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check_sbom(
    envelope: str,
    key_files: tuple[str, ...],
    image: str | None,
    digest: str | None,
    extract: str | None,
    as_json: bool,
) -> None:
    """Verify a signed SBOM.

    Exit 0: it holds. 1: no trusted key signed it, or it is about another image. 2: a file is malformed.

    \b
    Example:
      vouchsafe sbom check tarn4-4.2.1.release.json --key release.pub.pem --image tarn4-4.2.1.img
    """
    sha256 = _digest(image, digest, required=False)
    keys = tuple(_key(path, dsse.public_key) for path in key_files)
    try:
        release = statement.check_release(read_bytes(envelope), keys, image_sha256=sha256)
    except Malformed as told:
        refuse(envelope, told)
    except (BadSignature, NotBound) as told:
        raise CommandError(f"{envelope}: {told}", code=1) from None
    if extract is not None:
        try:
            Path(extract).write_bytes(release.sbom_bytes)
        except OSError as told:
            raise CommandError(
                f"{extract}: expected a file that can be written, got {told.strerror}"
            ) from None
    images = [{"name": s.name, "sha256": s.sha256} for s in release.subjects]
    if as_json:
        print_object(
            {
                "holds": True,
                "images": images,
                "keys": list(release.key_ids),
                "sbom_sha256": hashlib.sha256(release.sbom_bytes).hexdigest(),
                "components": len(release.sbom.components),
                "image_checked": sha256 is not None,
            }
        )
        return
    for one in images:
        say(f"{one['name']} sha256:{one['sha256']}: {len(release.sbom.components):,} components")
    say(f"Signed by {', '.join(k[:16] for k in release.key_ids)}.")
    if sha256 is None:
        say("The image itself was not given, so its digest was not compared.")


def _sbom(file: str) -> Sbom:
    try:
        return reading.read(read_bytes(file))
    except Malformed as told:
        refuse(file, told)


def _key(file: str, read: Callable[[bytes], Key]) -> Key:
    try:
        return read(read_bytes(file))
    except Malformed as told:
        refuse(file, told)


def _digest(image: str | None, digest: str | None, *, required: bool) -> str | None:
    if image is not None and digest is not None:
        raise CommandError("--image and --digest: expected one of them, got both")
    if digest is not None:
        return digest.lower().removeprefix("sha256:")
    if image is None:
        if required:
            raise CommandError("--image or --digest: expected one of them, got neither")
        return None
    total = hashlib.sha256()
    try:
        with open(image, "rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    except (OSError, ValueError) as told:
        raise CommandError(
            f"{image}: expected a file that can be read, got {getattr(told, 'strerror', told)}"
        ) from None
    return total.hexdigest()


def _versions(said: Sbom) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for c in said.components:
        package, version = _package(c)
        found.setdefault(package, []).append(c.version or version)
    return {k: tuple(sorted(v)) for k, v in found.items()}


def _package(c: Component) -> tuple[str, str]:
    """What makes two components the same in a comparison: the package without version, or the name. And the version
    of its package URL."""
    try:
        if c.purl:
            return purl.key(c.purl), purl.parts(c.purl).version
    except Malformed:
        return c.purl or "", ""
    return f"{c.group}/{c.name}" if c.group else c.name, ""


def _component(c: Component) -> dict[str, Any]:
    return {"name": c.name, "version": c.version, "purl": c.purl, "path": c.path}
