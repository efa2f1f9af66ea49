"""Writes the CycloneDX SBOMs of the demonstration's firmware from `fellside/packages.tsv`.

    python examples/make_sboms.py            # writes examples/fellside/tarn4-<version>.cdx.json
    python examples/make_sboms.py --check    # writes nothing; exit 1 when a committed file differs

The same table always gives the same bytes: no clock, no random number.
"""

import argparse
import json
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

HERE = Path(__file__).parent / "fellside"
RELEASES = {"4.1.2": "2026-03-09T08:00:00Z", "4.2.1": "2026-10-12T08:00:00Z"}
VENDOR = "Fellside Medical"
SUPPLIERS = {"deb": "Debian", "cargo": "crates.io", "kernel": "kernel.org", "own": VENDOR}


@dataclass(frozen=True)
class Package:
    """One line of the table, as one release has it."""

    kind: str
    name: str
    version: str
    sha256: str
    source: str
    needs: tuple[str, ...]

    @property
    def purl(self) -> str:
        """The package URL; advisories are joined on it."""
        version = quote(self.version, safe="~.-")
        if self.kind == "deb":
            source = f"&upstream={quote(self.source, safe='~.-')}" if self.source else ""
            return (
                f"pkg:deb/debian/{quote(self.name, safe='~.-')}@{version}?arch=arm64&distro=debian-12{source}"
            )
        if self.kind == "cargo":
            return f"pkg:cargo/{self.name}@{version}"
        if self.kind == "github":
            return f"pkg:github/{self.name.lower()}@{version}"
        if self.kind == "kernel":
            return f"pkg:generic/{self.name}@{version}"
        return f"pkg:generic/fellside/{self.name}@{version}"

    def component(self) -> dict[str, Any]:
        """The component as CycloneDX 1.6 writes it."""
        maker = SUPPLIERS.get(self.kind, self.name.partition("/")[0])
        said: dict[str, Any] = {
            "type": "application"
            if self.kind == "own"
            else "operating-system"
            if self.kind == "kernel"
            else "library",
            "bom-ref": self.purl,
            "supplier": {"name": maker},
            "name": self.name.rpartition("/")[2],
            "version": self.version,
        }
        if self.kind == "kernel":
            said["cpe"] = f"cpe:2.3:o:linux:linux_kernel:{self.version}:*:*:*:*:*:*:*"
        said["purl"] = self.purl
        if self.sha256:
            said["hashes"] = [{"alg": "SHA-256", "content": self.sha256}]
        return said


def packages(version: str) -> list[Package]:
    """The packages of one release, in the table's order."""
    column = list(RELEASES).index(version)
    found = []
    for line in (HERE / "packages.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, name, *rest = line.split("\t")
            found.append(Package(kind, name, rest[column], rest[2 + column], rest[4], tuple(rest[5].split())))
    return found


def sbom(version: str) -> bytes:
    """The SBOM of one release. Crates stand below the program that is built from them."""
    listed = packages(version)
    by_name: dict[str, Package] = {}
    for p in listed:
        by_name[p.name] = p
        by_name[f"{p.name}@{p.version}"] = p
    image = f"pkg:generic/fellside/tarn4-firmware@{version}"
    top = []
    crates = [p.component() for p in listed if p.kind == "cargo"]
    for p in listed:
        if p.kind == "cargo":
            continue
        component = p.component()
        if p.name == "tarn-link":
            component["components"] = crates
        top.append(component)
    programs = [p.purl for p in listed if p.kind in ("own", "kernel")]
    dependencies = [{"ref": image, "dependsOn": programs}]
    for p in listed:
        needs = {by_name[n].purl for n in p.needs if n in by_name} - {p.purl}
        dependencies.append({"ref": p.purl, "dependsOn": sorted(needs)} if needs else {"ref": p.purl})
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, image)}",
        "version": 1,
        "metadata": {
            "timestamp": RELEASES[version],
            "lifecycles": [{"phase": "build"}],
            "authors": [{"name": "Fellside Medical, software release"}],
            "supplier": {"name": VENDOR},
            "component": {
                "type": "firmware",
                "bom-ref": image,
                "supplier": {"name": VENDOR},
                "name": "Tarn 4 firmware",
                "version": version,
                "purl": image,
            },
        },
        "components": top,
        "dependencies": dependencies,
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def main() -> int:
    """Writes or checks the files; the number of files that differ decides the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files instead of writing"
    )
    check = parser.parse_args().check
    stale = 0
    for version in RELEASES:
        path, data = HERE / f"tarn4-{version}.cdx.json", sbom(version)
        if not check:
            path.write_bytes(data)
            print(f"{path}: {len(data):,} bytes")
        elif not path.exists() or path.read_bytes() != data:
            stale += 1
            print(
                f"{path} differs from what packages.tsv gives: run python examples/make_sboms.py",
                file=sys.stderr,
            )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
