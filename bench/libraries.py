"""How fast each library reads what comes from outside: files and bytes a CPU second, beside a limit of the same run.

    python bench/libraries.py [--seconds 1.0]

Files are those of the fixtures (`$VOUCHSAFE_FIXTURES`, or ../shared/fixtures); without them only what is made here is
measured. Each row repeats its files for at least so many CPU seconds. The limit is what the format's own parser needs for
the same bytes (orjson, expat, libyaml), or the raw signature verifications.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.parsers import expat

import orjson

from vouchsafe.attest.formats import anycose
from vouchsafe.ledger import audit as ledger_audit
from vouchsafe.ledger import ed25519, head, leaves, log, notes, reader, stores
from vouchsafe.sbom import advisories, csaf, kev, purl, reading, vers, vex
from vouchsafe.sbom.errors import SbomError
from vouchsafe.udi import parse as udi

ROOT = Path(__file__).parents[1]
FIXTURES = Path(os.environ.get("VOUCHSAFE_FIXTURES", ROOT.parent / "shared" / "fixtures"))
Read = Callable[[bytes], object]


def rate(read: Read, items: Sequence[bytes], seconds: float) -> tuple[float, float]:
    """(items, bytes) a CPU second."""
    begun, done, size = time.process_time(), 0, 0
    while (took := time.process_time() - begun) < seconds:
        for item in items:
            read(item)
        done += len(items)
        size += sum(map(len, items))
    return done / took, size / took


def readable(read: Read, folders: Sequence[str]) -> list[bytes]:
    """The files below these folders that the reader takes."""
    found = []
    for folder in folders:
        for path in sorted((FIXTURES / folder).rglob("*")):
            if path.is_file() and path.stat().st_size < 4_000_000:
                data = path.read_bytes()
                try:
                    read(data)
                except SbomError:
                    continue
                found.append(data)
    return found


def bare_json(data: bytes) -> object:
    return orjson.loads(data)


def bare_xml(data: bytes) -> object:
    return expat.ParserCreate().Parse(data, True)


def kinds(files: Sequence[bytes]) -> dict[str, list[bytes]]:
    """SBOMs by format and syntax."""
    sorted_by: dict[str, list[bytes]] = {}
    for data in files:
        start = data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
        syntax = "JSON" if start == b"{" else "XML" if start == b"<" else "text"
        sorted_by.setdefault(f"{reading.read(data).format} {syntax}", []).append(data)
    return sorted_by


def show(name: str, read: Read, items: Sequence[bytes], seconds: float, limit: Read | None = None) -> None:
    if not items:
        return
    many, size = rate(read, items, seconds)
    text = f"{name:34} {len(items):>6,} inputs {many:>10,.0f}/s {size / 1e6:>7.1f} MB/s"
    if limit is not None:
        raw, raw_size = rate(limit, items, seconds / 2)
        text += f"   limit {raw:>9,.0f}/s {raw_size / 1e6:>7.1f} MB/s ({many / raw:.0%})"
    print(text)


def from_fixtures(seconds: float) -> None:
    for name, files in sorted(kinds(readable(reading.read, ["sbom"])).items()):
        limit = {"JSON": bare_json, "XML": bare_xml}.get(name.split()[1])
        show(f"sbom.read, {name}", reading.read, files, seconds, limit)
    for name, folder in (
        ("RustSec", "vuln/rustsec_advisory-db"), ("CVE 5", "vuln/google_osv.dev/vulnfeeds/test_data/cve5"),
        ("OSV", "vuln/DependencyTrack_dependency-track"), ("GHSA", "vuln/ossf_osv-schema/tools/ghsa"),
    ):  # fmt: skip
        limit = None if name == "RustSec" else bare_json
        show(
            f"advisories.read_all, {name}",
            advisories.read_all,
            readable(advisories.read_all, [folder]),
            seconds,
            limit,
        )
    show("csaf.read", csaf.read, readable(csaf.read, ["vuln/cisa-icsma"]), seconds, bare_json)
    show("vex.read", vex.read, readable(vex.read, ["sbom/CycloneDX_bom-examples/VEX"]), seconds)
    catalogue = [(FIXTURES / "vuln/cisagov_kev-data/known_exploited_vulnerabilities.json").read_bytes()]
    show("kev.read", kev.read, catalogue, seconds, bare_json)
    tokens = []
    for path in sorted((FIXTURES / "device-evidence/cose-wg_Examples").rglob("*.json")):
        output = json.loads(path.read_text()).get("output", {}).get("cbor", "")
        try:
            anycose.read(bytes.fromhex(output))
        except Exception:
            continue
        tokens.append(bytes.fromhex(output))
    show("attest anycose.read", anycose.read, tokens, seconds)


def made_here(seconds: float) -> None:
    purls = [f"pkg:npm/%40scope/package-{n}@1.{n}.0?arch=x86".encode() for n in range(140_000)]
    show("purl.parse", lambda text: purl.parse(text.decode()), purls, seconds)
    ranges = [f"vers:npm/>=1.{n}.0|!=1.{n}.5|<2.{n}.0".encode() for n in range(500)]
    show("vers.parse", lambda text: vers.parse(text.decode()), ranges, seconds)
    labels = [f"(01)05060912340019(17)281100(10)0311(21)T4-{n:05}".encode() for n in range(500)]
    show("udi.parse", lambda text: udi.parse(text.decode()), labels, seconds)
    signer, public = notes.Signer("bench.example/a", bytes(32)), stores.MemoryStore()
    writer = log.Writer(
        "bench.example/a", head.MemoryHead("bench.example/a"), stores.MemoryStore(), public, [signer]
    )
    writer.take_over()
    commit = leaves.commitment(bytes(32), b"payload")
    for start in range(0, 20_000, 5_000):
        told = [
            log.Pending(f"{n % 500:032x}", "record.event", "s:kernel", commit, {"version": n})
            for n in range(5_000)
        ]
        writer.append(told, at_ms=1_766_361_600_000 + start)
    writer.checkpoint(at_ms=1_766_361_700_000)
    vkey = signer.verifier.vkey
    begun = time.process_time()
    report = ledger_audit.fsck(reader.Reader(public), vkey)
    took = time.process_time() - begun
    print(f"{'ledger fsck':34} {report.size:>5,} entries {report.size / took:>8,.0f}/s")
    reading_log = reader.Reader(public)
    reading_log.checkpoint(vkey)
    indexes = [n.to_bytes(4, "big") for n in range(0, 20_000, 97)]
    show("ledger prove an entry", lambda n: reading_log.prove(int.from_bytes(n, "big")), indexes, seconds)
    note = [reading_log.note or b""]
    message, seed = b"m" * 600, bytes(32)
    signature, public_key = ed25519.sign(seed, message), ed25519.public_of(seed)

    def one_signature(_: bytes) -> object:
        return ed25519.is_valid(public_key, message, signature)

    show(
        "ledger open a checkpoint",
        lambda data: notes.open_note(data, [signer.verifier]),
        note,
        seconds,
        one_signature,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; CPU seconds of one process")
    if (FIXTURES / "MANIFEST.tsv").exists():
        from_fixtures(given.seconds)
    else:
        print("The fixtures from outside are absent; only what is made here is measured.")
    made_here(given.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
