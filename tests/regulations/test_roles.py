"""Roles: every spelling of the pack means something at a site."""

import pytest

from vouchsafe.regulations import packs, roles
from vouchsafe.regulations.errors import BadPack, Unknown
from vouchsafe.regulations.roles import Meaning

SPELLINGS = sorted(
    {(p.id, s) for p in packs.processes().values() for s in (*p.roles, *(t.by for t in p.transitions))}
)


@pytest.mark.parametrize("process, spelling", SPELLINGS)
def test_every_spelling_of_all_processes_is_mapped(process: str, spelling: str) -> None:
    found = roles.meanings_of(spelling)
    assert found
    for m in found:
        if m.kind == "role":
            assert roles.title(m.name)
        elif m.kind == "board":
            assert roles.board(m.name).roles


@pytest.mark.parametrize(
    "spelling, expected",
    [
        ("QA", (Meaning("role", "qa"),)),
        (
            "QA + functions (+ RA)",
            (Meaning("role", "qa"), Meaning("named", "functions"), Meaning("role", "ra")),
        ),
        ("QA or independent person", (Meaning("role", "qa"), Meaning("named", "checker"))),
        ("CAPA board", (Meaning("board", "capa"),)),
        ("CAPA owner", (Meaning("owner"),)),
        ("system (waiting period)", (Meaning("system"),)),
        ("Authority or body (no questions)", (Meaning("outside"), Meaning("outside"))),
        ("PSIRT (new facts, new version, exploit seen)", (Meaning("role", "security_lead"),)),
    ],
)
def test_what_spellings_mean(spelling: str, expected: tuple[Meaning, ...]) -> None:
    assert roles.meanings_of(spelling) == expected


def test_a_spelling_that_nobody_mapped_is_told() -> None:
    with pytest.raises(Unknown, match="Wizard"):
        roles.meanings_of("QA + Wizard")


def test_unknown_roles_and_boards_are_told() -> None:
    with pytest.raises(Unknown):
        roles.title("wizard")
    with pytest.raises(Unknown):
        roles.board("moon")


def test_roles_read_as_words() -> None:
    assert roles.title("prrc") == "the person responsible for regulatory compliance"
    assert roles.label("prrc") == "Person responsible for regulatory compliance"
    assert roles.label("qa") == "Quality assurance"


def test_the_chair_sits_on_the_board() -> None:
    for board in roles.boards().values():
        assert board.chair in board.roles
        assert len(set(board.roles)) == len(board.roles) >= 2
    assert roles.board("fsca").roles == ("qa", "ra", "medical_safety_officer", "top_management", "prrc")


def test_an_administrator_holds_no_approving_role() -> None:
    assert roles.forbidden_pair(frozenset({"it_administrator", "qa"})) == ("it_administrator", "qa", "SOD-10")
    assert roles.forbidden_pair(frozenset({"external_auditor", "qa"})) == ("external_auditor", "qa", "INV-19")
    assert roles.forbidden_pair(frozenset({"qa", "ra"})) is None


@pytest.mark.parametrize(
    "data, words",
    [
        (
            {"roles": {"qa": "QA"}, "boards": {"b": {"title": "B", "chair": "qa", "roles": ["qa", "x"]}}},
            "unknown role 'x'",
        ),
        (
            {
                "roles": {"qa": "QA", "ra": "RA"},
                "boards": {"b": {"title": "B", "chair": "qa", "roles": ["ra"]}},
            },
            "its chair",
        ),
    ],
)
def test_a_broken_board_is_told(monkeypatch: pytest.MonkeyPatch, data: dict[str, object], words: str) -> None:
    roles.titles.cache_clear()
    roles.boards.cache_clear()
    monkeypatch.setattr(packs, "pack", lambda name: data)
    try:
        with pytest.raises(BadPack, match=words):
            roles.boards()
    finally:
        roles.titles.cache_clear()
        roles.boards.cache_clear()


@pytest.mark.parametrize("value", ["role wizard", "board moon", "wizard"])
def test_a_spelling_mapped_to_nothing_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    real = dict(packs.pack("roles"))
    roles._spellings.cache_clear()
    monkeypatch.setattr(packs, "pack", lambda name: {**real, "spellings": {"X": value}})
    try:
        with pytest.raises(BadPack, match="neither a role"):
            roles.meanings_of("X")
    finally:
        roles._spellings.cache_clear()
