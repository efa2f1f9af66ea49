"""`vouchsafe rules`: what the processes enforce of the rules that they are held to, and what not."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from vouchsafe.cli.errors import CommandError
from vouchsafe.kernel import clauses, registry
from vouchsafe.regulations import packs

RECORD = Path("docs/validation/rules.json")


@click.command(
    short_help="What the processes enforce of the rules, and what not.",
    epilog="Try: vouchsafe rules   or   vouchsafe rules CAP --json",
)
@click.argument("process", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--check", is_flag=True, help="Fail when the record of the tests doesn't fit code, rules and tests."
)
@click.option(
    "--tests",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help=f"The record that the test run writes (default: {RECORD}).",
)
def rules(process: str | None, as_json: bool, check: bool, tests: Path | None) -> None:
    """What the processes enforce of the rules that they are held to, and what not.

    \b
    block      rules that no role can override
    enforced   carried out by the code: a gate, a limit, a signature
    declared   opened by typed external evidence only (reference, file, person, day)
    tested     shown shut once and open once by tests
    missing    not built

    With PROCESS (such as CAP) every rule of it, one by one.

    Exit code 0: told; with --check, it fits. 1: with --check, it doesn't. 2: no such process, or an unreadable record.
    """
    path = _record(tests)
    if check:
        _check(path)
        return
    try:
        known = clauses.read_tests(path)
    except (ValueError, OSError) as e:
        raise CommandError(str(e)) from e
    if process:
        told = _rules_of(process.upper(), known)
        click.echo(json.dumps({process.upper(): told}, indent=2) if as_json else _one(told))
        return
    found = clauses.coverage(registry.processes().values(), known)
    if as_json:
        click.echo(json.dumps({pid: c.as_json() for pid, c in found.items()}, indent=2))
    else:
        _table(found)


def _record(tests: Path | None) -> Path:
    """The record: as given, in this folder, or in the checkout that the code runs from."""
    if tests is not None or RECORD.exists():
        return tests or RECORD
    return Path(__file__).resolve().parents[3] / RECORD


def _table(found: Mapping[str, clauses.Coverage]) -> None:
    click.echo(f"{'':4} {'block':>6} {'enforced':>9} {'declared':>9} {'tested':>7} {'missing':>8}  process")
    total = [0, 0, 0, 0, 0]
    for pid, c in found.items():
        row = [c.block, c.enforced, c.declared, c.tested or 0, len(c.missing)]
        total = [a + b for a, b in zip(total, row, strict=True)]
        tested = "?" if c.tested is None else str(c.tested)
        name = packs.process(pid).name
        click.echo(f"{pid:4} {row[0]:6} {row[1]:9} {row[2]:9} {tested:>7} {row[4]:8}  {name}")
    click.echo(f"{'all':4} {total[0]:6} {total[1]:9} {total[2]:9} {total[3]:7} {total[4]:8}")


def _rules_of(pid: str, known: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Every rule of a process: what it says, and by what it is carried out."""
    if pid not in packs.processes():
        raise CommandError(f"There is no process {pid!r}. There are: {', '.join(packs.processes())}.")
    have = clauses.all_carried(registry.processes().values())
    out = []
    for rule in packs.process(pid).rules:
        c = have.get(rule.id)
        out.append(
            {
                "rule": rule.id, "severity": rule.severity, "text": rule.text, "basis": rule.basis,
                "confidence": rule.confidence,
                "carried": "missing" if c is None else "declared" if c.declared else "enforced",
                "tested": bool(known and clauses.is_tested(known.get(rule.id))),
                "by": list(c.by) if c else [], "places": list(c.places) if c else [],
            }
        )  # fmt: skip
    return out


def _one(told: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for one in told:
        tested = ", tested" if one["tested"] else ""
        sure = "" if one["confidence"] == "high" else f", {one['confidence']} confidence"
        lines.append(f"{one['rule']}  {one['severity']}, {one['carried']}{tested}{sure}")
        lines.append(f"        {one['text']} ({one['basis']})")
        if one["by"]:
            lines.append(f"        by {', '.join(one['by'])}: {', '.join(one['places'])}")
    return "\n".join(lines)


def _check(path: Path) -> None:
    """Compare the record with the rules, the code and the tests as they are now."""
    if not path.exists():
        raise CommandError(f"{path} is missing: run all tests, they write it.", code=1)
    data = json.loads(path.read_text(encoding="utf-8"))
    wrong = []
    if data.get("pack") != packs.digest("qms_processes"):
        wrong.append("the rules have changed")
    have = {
        rule: ("declared" if c.declared else "enforced")
        for rule, c in clauses.all_carried(registry.processes().values()).items()
    }
    if data.get("carried") != have:
        wrong.append("the processes carry out other rules than it says")
    root = path.resolve().parents[2]
    if data.get("tests") != test_files(root):
        wrong.append("the tests of the rules have changed")
    if wrong:
        raise CommandError(f"{path} is stale: {'; '.join(wrong)}. Run all tests, they write it.", code=1)
    click.echo(f"{path} fits the rules, the code and the tests.")


def test_files(root: Path) -> dict[str, str]:
    """SHA-256 of each test file that says that it shows a rule, by its path below `root`."""
    return {
        f.relative_to(root).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in sorted((root / "tests").rglob("test_*.py"))
        if b"mark.rule(" in f.read_bytes()
    }
