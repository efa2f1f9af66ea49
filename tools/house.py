"""House rules that no other tool checks: lengths of files and functions, docstrings, and words that don't belong."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAX_FILE, MAX_TEST_FILE, MAX_FUNCTION = 500, 650, 60
# One module that stands alone by design, and is read as a whole.
LONGER = {"src/vouchsafe/bundle/verify.py"}


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "src/*.py", "tests/*.py", "tools/*.py", "bench/*.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    found = [line for name in listed if (ROOT / name).exists() for line in _faults(name)]
    for line in found:
        print(line)
    return 1 if found else 0


def _faults(name: str) -> list[str]:
    text = (ROOT / name).read_text()
    tree = ast.parse(text)
    out = []
    most = MAX_TEST_FILE if name.startswith("tests/") else MAX_FILE
    if (n := text.count("\n")) > most and name not in LONGER and "/migrations/" not in name:
        out.append(f"{name}: {n} lines; the house limit is {most}")
    if (
        name.startswith("src/")
        and text.strip()
        and not ast.get_docstring(tree)
        and "/migrations/" not in name
    ):
        out.append(f"{name}: a module says what it promises; there is no docstring")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name.startswith("src/"):
            length = (node.end_lineno or node.lineno) - node.body[0].lineno + 1
            if ast.get_docstring(node):  # what it says is no part of what it does
                length -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if length > MAX_FUNCTION:
                out.append(
                    f"{name}:{node.lineno} {node.name}: {length} lines; the house limit is {MAX_FUNCTION}"
                )
    return out


if __name__ == "__main__":
    sys.exit(main())
