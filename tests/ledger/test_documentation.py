"""The example in the package's own words runs, and everything public says what it is."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

from vouchsafe import ledger

FILES = sorted(Path(ledger.__file__).parent.glob("*.py"))


def test_the_example_of_the_package_runs():
    result = doctest.testmod(ledger)
    assert result.attempted > 10 and result.failed == 0


ALONE = ["checkpoints", "ecdsa", "ed25519", "jcs", "leaves", "notes", "policy", "proofs", "tiles", "tree"]


@pytest.mark.parametrize("name", ALONE)
def test_a_module_that_is_used_alone_has_an_example_that_runs(name):
    result = doctest.testmod(importlib.import_module(f"vouchsafe.ledger.{name}"))
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_modules_and_public_functions_are_documented_and_files_are_short(path):
    text = path.read_text()
    module = ast.parse(text)
    assert ast.get_docstring(module)
    assert len(text.splitlines()) <= 500
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name
