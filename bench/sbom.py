"""SBOM reading and matching: files a second, and 35,000 generated packages in four formats in time and memory.

    python bench/sbom.py [--json]

Reads the demonstration's SBOMs and, where `$VOUCHSAFE_FIXTURES` or ../shared/fixtures is present, every
CycloneDX JSON example there. The large SBOMs are generated here and read by a process of their own each, so
that the peak of memory is its alone.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from vouchsafe.sbom import cyclonedx, jsontext, match, osv, purl, reading

ROOT = Path(__file__).parents[1]
PACKAGES = 35_000
ADVISORIES = 200


def large(count: int) -> bytes:
    """A BOM of `count` packages of five ecosystems, a few thousand names, many versions."""
    components = [
        {
            "type": "library",
            "bom-ref": f"c{i}",
            "supplier": {"name": "registry"},
            "name": f"package-{i % 7000}",
            "version": _version(i),
            "purl": _purl(i),
            "hashes": [{"alg": "SHA-256", "content": f"{i:064x}"}],
            "licenses": [{"license": {"id": "Apache-2.0"}}],
        }
        for i in range(count)
    ]
    dependencies = [
        {"ref": f"c{i}", "dependsOn": [f"c{(i * 7 + k) % count}" for k in range(4)]} for i in range(count)
    ]
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}
    return json.dumps(bom | {"dependencies": dependencies}).encode()


def large_xml(count: int) -> bytes:
    """The same packages as CycloneDX XML."""
    packages = "".join(
        f'<component type="library" bom-ref="c{i}"><supplier><name>registry</name></supplier>'
        f"<name>package-{i % 7000}</name><version>{_version(i)}</version>"
        f'<hashes><hash alg="SHA-256">{i:064x}</hash></hashes>'
        f"<licenses><license><id>Apache-2.0</id></license></licenses><purl>{_purl(i)}</purl></component>\n"
        for i in range(count)
    )
    edges = "".join(
        f'<dependency ref="c{i}">'
        + "".join(f'<dependency ref="c{(i * 7 + k) % count}"/>' for k in range(4))
        + "</dependency>\n"
        for i in range(count)
    )
    return (
        '<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">'
        f"<components>{packages}</components><dependencies>{edges}</dependencies></bom>"
    ).encode()


def large_spdx(count: int) -> bytes:
    """The same packages as SPDX JSON."""
    packages = [
        {
            "SPDXID": f"SPDXRef-c{i}",
            "name": f"package-{i % 7000}",
            "versionInfo": _version(i),
            "supplier": "Organization: registry",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "licenseConcluded": "Apache-2.0",
            "licenseDeclared": "Apache-2.0",
            "copyrightText": "NOASSERTION",
            "checksums": [{"algorithm": "SHA256", "checksumValue": f"{i:064x}"}],
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": _purl(i),
                }
            ],
        }
        for i in range(count)
    ]
    edges = [
        {
            "spdxElementId": f"SPDXRef-c{i}",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": f"SPDXRef-c{(i * 7 + k) % count}",
        }
        for i in range(count)
        for k in range(4)
    ]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "generated",
        "documentNamespace": "https://example.org/generated",
        "creationInfo": {"creators": ["Tool: bench"], "created": "2026-01-01T00:00:00Z"},
    }
    return json.dumps(document | {"packages": packages, "relationships": edges}).encode()


def large_tag_value(count: int) -> bytes:
    """The same packages as SPDX tag-value text."""
    packages = "".join(
        f"PackageName: package-{i % 7000}\nSPDXID: SPDXRef-c{i}\nPackageVersion: {_version(i)}\n"
        "PackageSupplier: Organization: registry\nPackageDownloadLocation: NOASSERTION\n"
        f"FilesAnalyzed: false\nPackageChecksum: SHA256: {i:064x}\nPackageLicenseConcluded: Apache-2.0\n"
        "PackageLicenseDeclared: Apache-2.0\nPackageCopyrightText: NOASSERTION\n"
        f"ExternalRef: PACKAGE-MANAGER purl {_purl(i)}\n\n"
        for i in range(count)
    )
    edges = "".join(
        f"Relationship: SPDXRef-c{i} DEPENDS_ON SPDXRef-c{(i * 7 + k) % count}\n"
        for i in range(count)
        for k in range(4)
    )
    head = (
        "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: generated\n"
        "DocumentNamespace: https://example.org/generated\nCreator: Tool: bench\n"
        "Created: 2026-01-01T00:00:00Z\n\n"
    )
    return (head + packages + edges).encode()


def _version(i: int) -> str:
    return f"{i % 13}.{i % 29}.{i % 101}"


def _purl(i: int) -> str:
    types = ("cargo", "npm", "pypi", "deb/debian", "golang/example.org")
    return f"pkg:{types[i % 5]}/package-{i % 7000}@{_version(i)}?n={i}"


FORMATS = {
    "cyclonedx-json": large,
    "cyclonedx-xml": large_xml,
    "spdx-json": large_spdx,
    "spdx-tag-value": large_tag_value,
}


def advisories(count: int) -> list[osv.Advisory]:
    """Advisories that touch some of the generated packages."""
    found, ecosystems = [], ("crates.io", "npm", "PyPI")
    for i in range(count):
        entry: dict[str, Any] = {
            "id": f"X-{i}",
            "modified": "2026-01-01T00:00:00Z",
            "affected": [
                {
                    "package": {
                        "ecosystem": ecosystems[i % 3],
                        "name": f"package-{i * 5 + i % 3}",
                    },
                    "ranges": [
                        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": f"{i % 13}.5.0"}]}
                    ],
                }
            ],
        }
        found.append(osv.read(json.dumps(entry).encode()))
    return found


def timed(work: Any, *args: Any) -> tuple[float, float, Any]:
    """Wall seconds and CPU seconds of one call, and what it gave. They differ when the machine is shared."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = work(*args)
    return time.perf_counter() - wall, time.process_time() - cpu, value


def measure_large(queue: Any) -> None:
    """Generates, reads, and matches the large SBOM; runs in a process of its own."""
    data = large(PACKAGES)
    known = advisories(ADVISORIES)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    parse_s, parse_cpu_s, _ = timed(jsontext.parse, data)
    read_s, read_cpu_s, bom = timed(cyclonedx.read, data)
    match_s, match_cpu_s, found = timed(lambda: list(match.matches(bom.components, known)))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    queue.put(
        {
            "packages": len(bom.components),
            "megabytes": round(len(data) / 1e6, 1),
            "parse_s": round(parse_s, 2),
            "parse_cpu_s": round(parse_cpu_s, 2),
            "read_s": round(read_s, 2),
            "read_cpu_s": round(read_cpu_s, 2),
            "match_s": round(match_s, 2),
            "match_cpu_s": round(match_cpu_s, 2),
            "matches": len(found),
            "peak_mib": round(after),
            "peak_before_mib": round(before),
            "purls_parsed": purl.parse.cache_info().misses,
        }
    )


def measure_format(queue: Any, name: str, folder: str) -> None:
    """Reads one large SBOM from a file, so that what made it is not in the peak; in a process of its own."""
    data = (Path(folder) / name).read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    read_s, read_cpu_s, bom = timed(reading.read, data)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    queue.put(
        {
            "packages": len(bom.components),
            "megabytes": round(len(data) / 1e6, 1),
            "read_s": round(read_s, 2),
            "read_cpu_s": round(read_cpu_s, 2),
            "megabytes_per_cpu_s": round(len(data) / 1e6 / read_cpu_s, 1),
            "peak_mib": round(after),
            "peak_before_mib": round(before),
        }
    )


def apart(work: Any, *args: Any) -> dict[str, Any]:
    """What `work` puts into a queue, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=work, args=(queue, *args))
    process.start()
    found: dict[str, Any] = queue.get()
    process.join()
    return found


def files() -> dict[str, Any]:
    """Reads each real file three times; the first pass warms the caches."""
    outside = Path(os.environ.get("VOUCHSAFE_FIXTURES", ROOT.parent / "shared" / "fixtures"))
    paths = sorted((ROOT / "examples" / "fellside").glob("*.cdx.json"))
    paths += sorted((outside / "sbom" / "CycloneDX_bom-examples").rglob("*.json"))
    data = [p.read_bytes() for p in paths]
    for one in data:
        cyclonedx.read(one)
    wall, cpu, _ = timed(lambda: [cyclonedx.read(one) for one in data for _ in range(3)])
    total = 3 * sum(len(one) for one in data)
    return {
        "files": len(data),
        "files_per_s": round(3 * len(data) / wall, 1),
        "files_per_cpu_s": round(3 * len(data) / cpu, 1),
        "megabytes_per_cpu_s": round(total / 1e6 / cpu, 1),
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    found = {"real_files": files(), "generated": apart(measure_large)}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in FORMATS.items():
            (Path(folder) / name).write_bytes(make(PACKAGES))
            # The quickest of three processes, each with cold caches: the others had less of the machine.
            runs = [apart(measure_format, name, folder) for _ in range(3)]
            found[name] = min(runs, key=lambda run: run["read_cpu_s"])
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for group, figures in found.items():
        for name, value in figures.items():
            print(f"{group:16} {name:20} {value}")


if __name__ == "__main__":
    main()
