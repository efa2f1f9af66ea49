"""Finding the processes, and refusing to start on an unsound one."""

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from vouchsafe.kernel import clauses
from vouchsafe.kernel.registry import Unsound, answers, help_text, process, processes
from vouchsafe.regulations import packs

GOOD = """
from vouchsafe.kernel.declare import Process, anyone, content, needs, step, text

@content
class Note:
    words: str | None = text("Words")

process = Process(
    key="{key}", title="Note", rules="{rules}", number="NOTE-{{year}}-{{n:04}}", content=Note, begins="open",
    ends=("closed",), settled=("closed",), stages={{"All": "open closed"}}, relations={{}},
    steps=(step("close", "open", "closed", anyone, needs("words")),),
)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty package of processes, found under a name of its own."""
    name = f"company_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for module in [m for m in sys.modules if m.startswith(name)]:
        del sys.modules[module]


def add(package: str, folder: str, **more: str) -> None:
    import importlib.util

    found = importlib.util.find_spec(package)
    assert found is not None and found.submodule_search_locations
    home = Path(found.submodule_search_locations[0]) / folder
    home.mkdir()
    (home / "__init__.py").write_text("")
    (home / "process.py").write_text(GOOD.format(**{"key": folder, "rules": "CAP", **more}))
    (home / "help.md").write_text("# Note\n")


def test_our_processes_load() -> None:
    assert {"capa", "complaint", "field_action", "vulnerability"} <= set(processes())
    assert process("capa").title == "Corrective and preventive action"
    with pytest.raises(KeyError):
        process("nothing")


def test_a_companys_own_process_is_found_by_its_folder(package: str) -> None:
    add(package, "note")
    assert list(processes(package)) == ["note"]
    assert answers("note", package) == {}
    assert help_text("note", package) == "# Note\n"


def test_a_register_answers(package: str, tmp_path: Path) -> None:
    add(package, "note")
    (tmp_path / package / "note" / "register.py").write_text(
        dedent("""
        ANSWERS = {"units": lambda record, now: 3}
        """)
    )
    assert answers("note", package)["units"](None, None) == 3


def test_a_process_in_the_wrong_folder_is_refused(package: str) -> None:
    add(package, "note", key="other")
    with pytest.raises(Unsound, match="its folder is called 'note'"):
        processes(package)


def test_a_process_with_a_fault_is_refused(package: str) -> None:
    add(package, "note", rules="XYZ")
    with pytest.raises(Unsound, match="note: the pack has no process 'XYZ'"):
        processes(package)


def test_a_plain_module_beside_them_is_no_process(package: str, tmp_path: Path) -> None:
    add(package, "note")
    (tmp_path / package / "shared.py").write_text("x = 1\n")
    assert list(processes(package)) == ["note"]


@pytest.mark.parametrize("key", ["capa", "complaint", "field_action", "vulnerability"])
def test_each_process_has_its_page_of_the_manual(key: str) -> None:
    words = help_text(key)
    assert words.startswith("# ")
    assert len(words) > 600
    labels = [s.label for s in process(key).steps if not s.is_system]
    assert [label for label in labels if label not in words] == []


# Coverage of the rules


def test_coverage_counts_every_process_of_the_pack() -> None:
    found = clauses.coverage(processes().values(), {})
    assert len(found) == 33
    assert (
        sum(c.block for c in found.values()) == packs.pack("qms_processes")["meta"]["counts"]["block_rules"]
    )
    for pid, c in found.items():
        assert c.enforced + c.declared + len(c.missing) == c.block, pid
        assert c.tested == 0


def test_capa_is_complete_and_declared_is_counted_apart() -> None:
    capa = clauses.coverage(processes().values(), {})["CAP"]
    assert (capa.block, capa.missing) == (20, ())
    have = clauses.all_carried(processes().values())
    assert sorted(r for r in have if r.startswith("CAP") and have[r].declared) == [
        "CAP-11",
        "CAP-12",
        "CAP-18",
        "CAP-19",
    ]
    assert capa.declared == 4
    assert "CAP-21" in have


def test_a_rule_is_tested_only_when_shown_shut_and_open() -> None:
    tests = {"CAP-07": {"shut": ["a"], "open": ["b"]}, "CAP-08": {"shut": ["a"], "open": []}, "CAP-09": "yes"}
    assert clauses.coverage(processes().values(), tests)["CAP"].tested == 1


def test_without_a_record_of_tests_tested_is_not_known() -> None:
    assert clauses.coverage(processes().values())["CAP"].as_json()["tested"] is None


@pytest.mark.parametrize("body", ["[]", "{}", '{"rules": 1}', "{"])
def test_a_record_that_no_run_wrote_is_refused(tmp_path: Path, body: str) -> None:
    file = tmp_path / "rules.json"
    file.write_text(body)
    with pytest.raises(ValueError):
        clauses.read_tests(file)
    assert clauses.read_tests(tmp_path / "none.json") is None


def test_the_clause_matrix_names_gates_by_what_they_rest_on() -> None:
    found = clauses.clause_matrix(processes().values())
    assert "capa: cause_explains_the_data" in found["ISO 13485:2016 8.5.2 b"]
    assert "capa" in found["ISO 13485:2016 8.5.3"]
