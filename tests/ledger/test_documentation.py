"""Everything public says what it is."""

import ast
from pathlib import Path

import pytest

from vouchsafe import ledger

FILES = sorted(Path(ledger.__file__).parent.glob("*.py"))


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
