"""The examples in the modules run, and everything public says what it is."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

from vouchsafe import attest

FOLDER = Path(attest.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
ALONE = ["attest.batch", "attest.devicelog", "attest.dsse", "attest.enrolment", "attest.keys", "attest.reference", "attest.verify",
         "attest.formats.anycbor", "attest.formats.anycose", "attest.formats.anykey", "attest.formats.cbor", "attest.formats.eat"]  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_a_module_that_is_used_alone_has_an_example_that_runs(name):
    result = doctest.testmod(importlib.import_module(f"vouchsafe.{name}"))
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_modules_and_public_functions_are_documented(path):
    module = ast.parse(path.read_text())
    assert ast.get_docstring(module)
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
