"""Everything public says what it is."""

import ast
from pathlib import Path

import pytest

from vouchsafe import attest

FOLDER = Path(attest.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_modules_and_public_functions_are_documented(path):
    module = ast.parse(path.read_text())
    assert ast.get_docstring(module)
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
