"""SBOM reading and matching: files a second, and 35,000 generated packages in six syntaxes in time and memory.

    python bench/sbom.py [--json]

Reads the demonstration's SBOMs and, where `$VOUCHSAFE_FIXTURES` or ../shared/fixtures is present, every
CycloneDX JSON example there. The large SBOMs are generated here and read by a process of their own each, so
that the peak of memory is its alone. Beside each syntax stands what its parser alone takes for the same bytes, measured
in the same process just after: orjson, expat with handlers that do nothing, libyaml's events, or the lines. For every
syntax the target is 5 s of CPU time and 500 MB.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

import orjson
import yaml

from vouchsafe.sbom import cyclonedx, jsontext, match, osv, purl, reading

ROOT = Path(__file__).parents[1]
PACKAGES = 35_000
ADVISORIES = 200
TARGET_CPU_S = 5.0
TARGET_MB = 500


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


def spdx_document(count: int) -> dict[str, Any]:
    """The same packages as an SPDX document."""
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
    return document | {"packages": packages, "relationships": edges}


def large_spdx(count: int) -> bytes:
    """The same packages as SPDX JSON."""
    return json.dumps(spdx_document(count)).encode()


def large_spdx_xml(count: int) -> bytes:
    """The same packages as SPDX XML, indented."""
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + _xml("Document", spdx_document(count), "")).encode()


def _xml(tag: str, value: Any, indent: str) -> str:
    if isinstance(value, list):
        return "".join(_xml(tag, item, indent) for item in value)
    if isinstance(value, dict):
        inner = "".join(_xml(name, item, indent + "  ") for name, item in value.items())
        return f"{indent}<{tag}>\n{inner}{indent}</{tag}>\n"
    text = str(value).lower() if isinstance(value, bool) else escape(value)
    return f"{indent}<{tag}>{text}</{tag}>\n"


def large_spdx_yaml(count: int) -> bytes:
    """The same packages as SPDX YAML, its texts quoted."""
    return _yaml(spdx_document(count), "").encode()


def _yaml(value: dict[str, Any], indent: str) -> str:
    lines = []
    for name, item in value.items():
        if isinstance(item, list):
            lines.append(f"{indent}{name}:\n")
            for one in item:
                inner = _yaml(one, indent + "  ") if isinstance(one, dict) else f"{json.dumps(one)}\n"
                lines.append(f"{indent}- {inner.removeprefix(indent + '  ')}")
        elif isinstance(item, dict):
            lines.append(f"{indent}{name}:\n{_yaml(item, indent + '  ')}")
        else:
            lines.append(f"{indent}{name}: {json.dumps(item)}\n")
    return "".join(lines)


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


def bare_expat(data: bytes) -> None:
    """Every element and text handed to Python, which does nothing with it."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = lambda *_: None
    parser.Parse(data, True)


def bare_yaml(data: bytes) -> None:
    """libyaml's events as Python objects."""
    for _ in iter(yaml.CSafeLoader(data).get_event, None):
        pass


def bare_lines(data: bytes) -> None:
    """The lines as texts."""
    data.decode().splitlines()


# How it is made, and what its parser alone does.
FORMATS: dict[str, tuple[Callable[[int], bytes], Callable[[bytes], Any]]] = {
    "cyclonedx-json": (large, orjson.loads),
    "cyclonedx-xml": (large_xml, bare_expat),
    "spdx-json": (large_spdx, orjson.loads),
    "spdx-tag-value": (large_tag_value, bare_lines),
    "spdx-xml": (large_spdx_xml, bare_expat),
    "spdx-yaml": (large_spdx_yaml, bare_yaml),
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
    _, alone = FORMATS[name]
    data = (Path(folder) / name).read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _, read_cpu_s, bom = timed(reading.read, data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before the parser alone adds to it
    packages = len(bom.components)
    del bom
    _, alone_cpu_s, _ = timed(alone, data)
    met = read_cpu_s <= TARGET_CPU_S and peak * 1.048576 <= TARGET_MB
    megabytes = len(data) / 1e6
    queue.put(
        {
            "packages": packages,
            "megabytes": round(megabytes, 1),
            "read_cpu_s": round(read_cpu_s, 2),
            "megabytes_per_cpu_s": round(megabytes / read_cpu_s, 1),
            "parser_alone_cpu_s": round(alone_cpu_s, 2),
            "parser_alone_megabytes_per_cpu_s": round(megabytes / alone_cpu_s, 1),
            "peak_mib": round(peak),
            "peak_before_mib": round(before),
            "target": "met" if met else "MISSED",
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
        for name, (make, _) in FORMATS.items():
            (Path(folder) / name).write_bytes(make(PACKAGES))
            # The quickest of three processes, each with cold caches: the others had less of the machine.
            runs = [apart(measure_format, name, folder) for _ in range(3)]
            found[name] = min(runs, key=lambda run: run["read_cpu_s"])
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for group, figures in found.items():
        if group not in FORMATS:
            for name, value in figures.items():
                print(f"{group:16} {name:20} {value}")
    print(f"\n{PACKAGES:,} packages; target {TARGET_CPU_S:g} s CPU and {TARGET_MB} MB")
    print(
        f"{'syntax':16}{'MB':>7}{'CPU s':>8}{'MB/s':>7}{'alone s':>9}{'alone MB/s':>12}{'peak MiB':>10}  target"
    )
    for name in FORMATS:
        f = found[name]
        print(
            f"{name:16}{f['megabytes']:7}{f['read_cpu_s']:8.2f}{f['megabytes_per_cpu_s']:7.1f}"
            f"{f['parser_alone_cpu_s']:9.2f}{f['parser_alone_megabytes_per_cpu_s']:12.1f}{f['peak_mib']:10}  {f['target']}"
        )


if __name__ == "__main__":
    main()
