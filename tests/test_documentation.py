"""The examples run: those of the libraries' modules, of the README and of the pages in docs."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import vouchsafe

ROOT = Path(__file__).parents[1]
LIBRARIES = ("attest", "bundle", "ledger", "sbom", "udi")
# Modules that are used alone: each must have an example.
ALONE = {
    "attest.batch", "attest.devicelog", "attest.dsse", "attest.enrolment", "attest.formats.anycbor", "attest.formats.anycose",
    "attest.formats.anykey", "attest.formats.cbor", "attest.formats.eat", "attest.keys", "attest.reference", "attest.verify",
    "ledger.checkpoints", "ledger.ecdsa", "ledger.ed25519", "ledger.jcs", "ledger.leaves", "ledger.notes", "ledger.policy",
    "ledger.proofs", "ledger.tiles", "ledger.tree", "sbom", "sbom.advisories", "sbom.csaf", "sbom.cve5", "sbom.cvss", "sbom.dsse",
    "sbom.ghsa", "sbom.jsonshape", "sbom.kev", "sbom.match", "sbom.nvd", "sbom.osv", "sbom.purl", "sbom.reading", "sbom.rustsec", "sbom.spdx",
    "sbom.vers", "sbom.versions", "sbom.vex", "sbom.xmltext", "udi", "udi.basic_udi", "udi.checks", "udi.gs1", "udi.hibcc",
    "udi.iccbba", "udi.ifa",
}  # fmt: skip
PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if ">>>" in path.read_text("utf-8")
]


def modules() -> list[str]:
    found = []
    for library in LIBRARIES:
        package = importlib.import_module(f"vouchsafe.{library}")
        found.append(library)
        found += [
            one.name.removeprefix("vouchsafe.")
            for one in pkgutil.walk_packages(package.__path__, f"vouchsafe.{library}.")
        ]
    return sorted(found)


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_run(name: str) -> None:
    try:
        module = importlib.import_module(f"vouchsafe.{name}")
    except ModuleNotFoundError as missing:
        assert missing.name == "typst", name  # the PDF of a bundle comes with the server part
        pytest.skip("this module comes with the server part")
    result = doctest.testmod(module)
    assert result.failed == 0
    assert result.attempted > 0 or name not in ALONE, f"{name} has no example"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run(page: Path) -> None:
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 0 and result.failed == 0


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(vouchsafe.__file__).parent / "py.typed").exists()
