"""SBOM reading and matching: files a second, and 35,000 generated packages in time and memory.

    python bench/sbom.py [--json]

Reads the demonstration's SBOMs and, where `$VOUCHSAFE_FIXTURES` or ../shared/fixtures is present, every
CycloneDX JSON example there. The large SBOM is generated here, in memory, by a process of its own, so that
the peak of memory is its alone.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
from pathlib import Path
from typing import Any

from vouchsafe.sbom import cyclonedx, jsontext, match, osv, purl

ROOT = Path(__file__).parents[1]
PACKAGES = 35_000
ADVISORIES = 200


def large(count: int) -> bytes:
    """A BOM of `count` packages of five ecosystems, a few thousand names, many versions."""
    types = ("cargo", "npm", "pypi", "deb/debian", "golang/example.org")
    components = [
        {
            "type": "library",
            "bom-ref": f"c{i}",
            "supplier": {"name": "registry"},
            "name": f"package-{i % 7000}",
            "version": f"{i % 13}.{i % 29}.{i % 101}",
            "purl": f"pkg:{types[i % 5]}/package-{i % 7000}@{i % 13}.{i % 29}.{i % 101}?n={i}",
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
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=measure_large, args=(queue,))
    process.start()
    generated = queue.get()
    process.join()
    found = {"real_files": files(), "generated": generated}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for group, figures in found.items():
        for name, value in figures.items():
            print(f"{group:12} {name:18} {value}")


if __name__ == "__main__":
    main()
