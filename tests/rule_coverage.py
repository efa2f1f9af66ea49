"""Writes down which rules the tests have shown shut and open: `docs/validation/rules.json`.

A test says it with `@pytest.mark.rule("CAP-07", shut=True)` or `open=True`. The file is written at the end of a run of
all tests in which none failed, or of those of the rules: `pytest -m rule --write-rules`; any other run leaves it alone.
`vouchsafe rules --check` says when it is stale.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "docs" / "validation" / "rules.json"
KEY = "shows a rule"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-rules", action="store_true", help="with -m rule: write down which rules were shown"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("rule"):
            for side in ("shut", "open"):
                if mark.kwargs.get(side):
                    item.user_properties.append((KEY, f"{mark.args[0]} {side}"))


class Recorder:
    """Collects from the reports, which reach the one process that leads the run, whatever the number of workers."""

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, set[str]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not report.passed:
            return
        for key, value in report.user_properties:
            if key == KEY:
                rule, side = str(value).split(" ")
                sides = self.shown.setdefault(rule, {"shut": set(), "open": set()})
                sides[side].add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == 0 and _is_whole(session.config):
            write(self.shown)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # not in a worker of a parallel run: those report to the leader
        config.pluginmanager.register(Recorder(), "rule-recorder")


def _is_whole(config: pytest.Config) -> bool:
    """Whether this run was asked for all tests, or for all tests of the rules."""
    forced = config.getoption("write_rules") and config.getoption("markexpr") == "rule"
    names = (
        ("keyword", "deselect", "lf", "ignore", "passed_before")
        if forced
        else ("keyword", "markexpr", "deselect", "lf", "ignore", "passed_before")
    )
    picked = any(config.getoption(name, None) for name in names)
    folders = {Path(a).resolve() for a in config.args}
    return not picked and not config.option.collectonly and folders in ({ROOT / "tests"}, {ROOT})


def _sorted(shown: dict[str, dict[str, set[str]]]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for rule in sorted(shown):
        yield rule, {side: sorted(nodes) for side, nodes in sorted(shown[rule].items())}


def write(shown: dict[str, dict[str, set[str]]]) -> None:
    from vouchsafe.cli.rules import test_files
    from vouchsafe.kernel import clauses, registry
    from vouchsafe.regulations import packs

    carried = clauses.all_carried(registry.processes().values())
    data = {
        "pack": packs.digest("qms_processes"),
        "carried": {rule: ("declared" if c.declared else "enforced") for rule, c in sorted(carried.items())},
        "rules": dict(_sorted(shown)),
        "tests": test_files(ROOT),
    }
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, indent=1, sort_keys=True) + "\n"
    if not RECORD.exists() or RECORD.read_text(encoding="utf-8") != text:
        RECORD.write_text(text, encoding="utf-8")
