"""Lets one run of the tests leave out what an earlier one of the same sources has shown.

`make check` runs the libraries' tests on the bare wheel and writes down which passed (`--write-passed FILE`); `make test`
then runs all others (`--passed-before FILE`). A test that was skipped or failed there is not in the file, so it runs.
"""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-passed", metavar="FILE", help="write the ids of the tests that passed")
    parser.addoption("--passed-before", metavar="FILE", help="leave out the tests whose ids stand in FILE")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    file = config.getoption("passed_before")
    if not file or not Path(file).exists():
        return
    passed = set(Path(file).read_text(encoding="utf-8").splitlines())
    before = [item for item in items if item.nodeid in passed]
    config.hook.pytest_deselected(items=before)
    items[:] = [item for item in items if item.nodeid not in passed]


class Recorder:
    """Collects in the process that leads the run, whatever the number of workers."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.passed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.passed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.file.write_text("\n".join(sorted(self.passed)) + "\n", encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("write_passed")
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(file)), "passed-recorder")
