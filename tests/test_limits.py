"""Every limit of a library stands in its `limits` module and is spoken of in its tests and in docs/formats/limits.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARIES = ("attest", "ledger", "sbom", "udi")


def names(library: str) -> set[str]:
    """Constants of the module, and the members of `Limits` where there is one."""
    tree = ast.parse((ROOT / "src" / "vouchsafe" / library / "limits.py").read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found - {"DEFAULT"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_limit_is_tested(library: str) -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / library).glob("*.py"))
    assert {name for name in names(library) if name not in tests} == set()


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_limit_stands_elsewhere(library: str) -> None:
    told = []
    for path in (ROOT / "src" / "vouchsafe" / library).rglob("*.py"):
        if path.name == "limits.py":
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.match(r"MAX_\w+ = \d", line):
                told.append(f"{path.relative_to(ROOT)}: {line}")
    assert told == []
