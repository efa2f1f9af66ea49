"""`vouchsafe rules`: counts, one process, and the check of the record that the test run writes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import rule_coverage
from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.rules import rules
from vouchsafe.cli.rules import test_files as files_with_rules
from vouchsafe.regulations import packs


def run(*args: str) -> str:
    result = CliRunner().invoke(rules, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_json_has_the_33_processes_and_these_five_figures(tmp_path: Path) -> None:
    found = json.loads(run("--json", "--tests", str(tmp_path / "none.json")))
    assert list(found) == list(packs.processes())
    assert set(found["CAP"]) == {"block", "enforced", "declared", "tested", "missing"}
    assert found["CAP"] == {"block": 20, "enforced": 16, "declared": 4, "tested": None, "missing": []}
    assert found["DOC"]["missing"][0] == "DOC-01"


def test_the_table_adds_up() -> None:
    last = run().strip().splitlines()[-1].split()
    assert last[:2] == ["all", "407"]


def test_one_process_rule_by_rule() -> None:
    text = run("cap")
    assert "CAP-06  block, enforced" in text
    assert "medium confidence" in text
    assert "CAP-12  block, declared" in text
    assert "by limit: Screen the proposal" in text


def test_one_process_as_json_says_the_same() -> None:
    (found,) = json.loads(run("cap", "--json")).values()
    by_id = {rule["rule"]: rule for rule in found}
    assert len(by_id) == 21
    assert (by_id["CAP-06"]["carried"], by_id["CAP-12"]["carried"]) == ("enforced", "declared")
    assert {rule["carried"] for rule in json.loads(run("DOC", "--json"))["DOC"]} == {"missing"}


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_an_unknown_process_is_told(more: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="There are: DOC"):
        run("XYZ", *more)


def test_a_record_that_is_not_json_is_told(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text("{")
    with pytest.raises(CommandError):
        run("--tests", str(file))


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of its own, with one test of a rule and the record of its run."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text('@pytest.mark.rule("CAP-07", shut=True)\n')
    (tmp_path / "tests" / "test_two.py").write_text("# says nothing of rules\n")
    monkeypatch.setattr(rule_coverage, "ROOT", tmp_path)
    monkeypatch.setattr(rule_coverage, "RECORD", tmp_path / "docs" / "validation" / "rules.json")
    rule_coverage.write({"CAP-07": {"shut": {"b", "a"}, "open": {"c"}}})
    return rule_coverage.RECORD


def test_a_fresh_record_fits(record: Path) -> None:
    assert "fits" in run("--check", "--tests", str(record))
    assert json.loads(record.read_text())["rules"] == {"CAP-07": {"open": ["c"], "shut": ["a", "b"]}}
    assert list(files_with_rules(record.parents[2])) == ["tests/test_one.py"]
    assert json.loads(run("--json", "--tests", str(record)))["CAP"]["tested"] == 1


def test_writing_the_same_again_leaves_the_file_alone(record: Path) -> None:
    before = record.stat().st_mtime_ns
    rule_coverage.write({"CAP-07": {"shut": {"a", "b"}, "open": {"c"}}})
    assert record.stat().st_mtime_ns == before


def test_a_record_of_other_tests_is_stale(record: Path) -> None:
    (record.parents[2] / "tests" / "test_one.py").write_text('@pytest.mark.rule("CAP-07", open=True)\n')
    with pytest.raises(CommandError, match="stale: the tests of the rules have changed") as found:
        run("--check", "--tests", str(record))
    assert found.value.code == 1


@pytest.mark.parametrize(
    "part, words", [("pack", "the rules have changed"), ("carried", "carry out other rules")]
)
def test_a_record_of_other_rules_or_code_is_stale(record: Path, part: str, words: str) -> None:
    data = json.loads(record.read_text())
    data[part] = {} if part == "carried" else "00" * 32
    record.write_text(json.dumps(data))
    with pytest.raises(CommandError, match=words):
        run("--check", "--tests", str(record))


def test_a_missing_record_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="run all tests"):
        run("--check", "--tests", str(tmp_path / "docs" / "validation" / "rules.json"))


def test_a_rule_of_several_processes_is_counted_once_with_all_its_places() -> None:
    from vouchsafe.kernel import clauses
    from vouchsafe.kernel.registry import process

    twice = clauses.all_carried([process("capa"), process("capa")])["CAP-07"]
    assert twice == clauses.carried(process("capa"))["CAP-07"]
