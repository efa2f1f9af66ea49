"""The data packs load, and say what their own meta says."""

import pytest

from vouchsafe.regulations import packs
from vouchsafe.regulations.errors import BadPack, Unknown


@pytest.mark.parametrize("name", packs.NAMES)
def test_each_pack_loads_under_its_own_digest(name: str) -> None:
    assert packs.pack(name)["meta"]
    assert len(packs.digest(name)) == 64


def test_there_is_no_other_pack() -> None:
    with pytest.raises(Unknown):
        packs.pack("../secrets")
    with pytest.raises(Unknown):
        packs.raw("nothing")


def test_the_processes_are_those_that_the_pack_counts() -> None:
    counts = packs.pack("qms_processes")["meta"]["counts"]
    found = packs.processes()
    assert len(found) == counts["processes"]
    assert sum(len(p.rules) for p in found.values()) == counts["gating_rules"]
    assert sum(r.severity == "block" for p in found.values() for r in p.rules) == counts["block_rules"]
    assert sum(len(p.transitions) for p in found.values()) == counts["transitions"]


def test_every_rule_has_text_basis_and_confidence() -> None:
    for p in packs.processes().values():
        for r in p.rules:
            assert r.text and r.basis and r.confidence in ("high", "medium", "low"), r.id


def test_what_rests_on_experience_is_not_called_certain() -> None:
    assert packs.rule("CAP-06").confidence == "medium"
    assert packs.rule("CAP-07").confidence == "high"
    assert packs.rule("CYB-08").confidence == "medium"


def test_rules_are_found_by_id() -> None:
    assert packs.rule("CAP-21").severity == "warn"
    assert packs.has_rule("SOD-06") and packs.has_rule("INV-12") and not packs.has_rule("CAP-99")
    for unknown in ("CAP-99", "XYZ-01", "", "SOD-99"):
        with pytest.raises(Unknown):
            packs.rule(unknown)
    with pytest.raises(Unknown):
        packs.process("XYZ")


def test_every_gate_of_a_transition_is_a_rule() -> None:
    for p in packs.processes().values():
        for t in p.transitions:
            assert all(packs.has_rule(g) for g in t.gates), (p.id, t)
            assert t.meaning is None or t.meaning in packs.signature_meanings()


def test_general_rules_and_retention_are_there() -> None:
    assert len(packs.separation_of_duties()) == 18
    assert packs.retention_rules()["ISO-4.2.5"]["citation"].startswith("ISO 13485")


def broken(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    packs.pack.cache_clear()
    packs.processes.cache_clear()
    monkeypatch.setattr(packs, "raw", lambda name: body)


@pytest.fixture
def fresh() -> object:
    yield None
    packs.pack.cache_clear()
    packs.processes.cache_clear()


P = """
meta: {id: x}
processes:
  - {id: %s, name: N, purpose: P, clauses: [], roles: [], states: [a], initial_states: [a], final_states: [],
     transitions: [], evidence: [], gating_rules: [%s]}
"""
RULE = "{id: ABC-01, severity: %s, rule: R, basis: B}"


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    "body, words",
    [
        (b"meta: {id: x}\nmeta: {id: y}\n", "a key twice"),
        (b"- 1\n", "meta: is missing"),
        (b"a: [", "file"),
        (b"a: !!python/object:os.system {}\nmeta: {}\n", "file"),
    ],
)
def test_a_broken_pack_is_told(monkeypatch: pytest.MonkeyPatch, body: bytes, words: str) -> None:
    broken(monkeypatch, body)
    with pytest.raises(BadPack, match=words):
        packs.pack("roles")


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    "body, words",
    [
        (P % ("ABC", RULE % "hard"), "severity 'hard'"),
        (P % ("ABC", f"{RULE % 'block'}, {RULE % 'block'}"), "has a rule id twice"),
        (P % ("ABC", "") + P.split("processes:")[1] % ("ABC", ""), "is there twice"),
        ("meta: {}\nprocesses: [{id: ABC}]\n", "part missing"),
    ],
)
def test_broken_processes_are_told(monkeypatch: pytest.MonkeyPatch, body: str, words: str) -> None:
    broken(monkeypatch, body.encode())
    with pytest.raises(BadPack, match=words):
        packs.processes()
