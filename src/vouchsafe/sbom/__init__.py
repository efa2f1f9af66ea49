"""SBOMs and advisories: read, match, sign. Pure functions on bytes; no network, no database, no Django.

Promises: the bytes that came in are kept as they are; a malformed file is refused with its place; a match
that is not certain is called possible; nothing is called "not affected" because something could not be read
or compared. Does not: fetch anything, validate every rule of a schema, or decide what an organisation should
do about a match.

Start at `read`, which tells SBOM formats apart by their content, at `osv.read` or `advisories` for advisories
and at `match.match`; signing is in `statement`. Limits are all in `limits`.

    >>> import vouchsafe.sbom
    >>> from vouchsafe.sbom import match, osv
    >>> sbom = vouchsafe.sbom.read(b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": ['
    ...     b'{"type": "library", "name": "time", "version": "0.3.44", "purl": "pkg:cargo/time@0.3.44"}]}')
    >>> advisory = osv.read(
    ...     b'{"id": "RUSTSEC-2026-0009", "modified": "2026-02-05T12:00:00Z", "affected": [{"package":'
    ...     b' {"ecosystem": "crates.io", "name": "time"}, "ranges": [{"type": "SEMVER", "events":'
    ...     b' [{"introduced": "0.3.6"}, {"fixed": "0.3.47"}]}]}]}')
    >>> [str(m) for m in match.matches(sbom.components, [advisory])]
    ['RUSTSEC-2026-0009 confirmed: time 0.3.44 is in >=0.3.6, <0.3.47']
"""

from vouchsafe.sbom.reading import read

__all__ = ["read"]
