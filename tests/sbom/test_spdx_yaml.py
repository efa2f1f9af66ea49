"""SPDX YAML read line by line and from libyaml's events: the same values, and every fault at libyaml's place."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sbom.test_spdx_syntaxes import GOOD
from vouchsafe.sbom import spdx_yaml
from vouchsafe.sbom.errors import Malformed, SbomError, TooLarge
from vouchsafe.sbom.limits import DEFAULT, Limits


def quick(data: bytes, limits: Limits = DEFAULT) -> Any:
    """What the quick reader gives, or its own exception where it gives up."""
    return spdx_yaml._quick(spdx_yaml.checked_text(data, "YAML", limits), limits)


def events(data: bytes, limits: Limits = DEFAULT) -> Any:
    return spdx_yaml._by_events(spdx_yaml.checked_text(data, "YAML", limits), limits)


def same(data: bytes) -> bool:
    """Whether the quick reader takes `data`; if it does, libyaml must give the same value."""
    try:
        value = quick(data)
    except SbomError:  # no text at all
        return False
    except spdx_yaml._Unusual:
        return False
    assert repr(value) == repr(events(data))
    return True


LONG: dict[str, Any] = GOOD | {
    "comment": "A sentence with words enough for a tool to write it on more than one line of eighty characters.",
    "extracted": "  MIT\n\nPermission is hereby granted,\tfree of charge: 'as is' # \"no\" warranty\n  * one\n\\two\n\n",
    "wörter": "Größe 𝒳 — \x07\x85\u2028\ufeff",
    "none": None,
    "numbers": [
        "1.10",
        "0x1f",
        "2026-01-01",
        "yes",
        "~",
        "null",
        "true",
        "",
        "- a",
        "a: b",
        "a #b",
        "#c",
        "é",
    ],
    "nothing": {},
    "nested": [["a", ["b"]], [], [{}], {"deep": {"deeper": [None, False, {"x": []}]}}],
}


class Dumper(yaml.SafeDumper):
    """PyYAML's, whose style and indentation of arrays can be chosen."""

    inner = False
    chosen: str | None = None

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless and not self.inner)

    def ignore_aliases(self, data: Any) -> bool:
        return True


Dumper.add_representer(str, lambda d, text: d.represent_scalar("tag:yaml.org,2002:str", text, style=d.chosen))


def dumped(doc: Any, style: str | None = None, inner: bool = False, **said: Any) -> bytes:
    how = type("How", (Dumper,), {"chosen": style, "inner": inner})
    said = {"sort_keys": False, "allow_unicode": True} | said
    return yaml.dump(doc, Dumper=how, default_flow_style=False, **said).encode()


STYLES: dict[str, dict[str, Any]] = {
    "PyYAML": {},
    "PyYAML, sorted and escaped": {"sort_keys": True, "allow_unicode": False},
    "indented by four": {"indent": 4},
    "arrays further in": {"inner": True},
    "arrays further in by four": {"inner": True, "indent": 4},
    "quoted, as SnakeYAML and Jackson": {"style": '"', "explicit_start": True},
    "quoted, lines unlimited": {"style": '"', "width": 1 << 20},
    "single quotes": {"style": "'"},
    "narrow": {"width": 20},
    "literal": {"style": "|", "inner": True},
    "folded": {"style": ">", "width": 40},
    "carriage returns": {"line_break": "\r\n"},
}


@pytest.mark.parametrize("style", STYLES)
def test_what_tools_write_is_read_quickly(style: str) -> None:
    written = dumped(GOOD, **STYLES[style])
    assert quick(written) == GOOD
    assert quick(written) == events(written)


@pytest.mark.parametrize("style", STYLES)
def test_long_and_odd_texts_are_read_alike(style: str) -> None:
    same(dumped(LONG, **STYLES[style]))
    # Arrays in arrays and names with escapes are in no SPDX document.
    assert same(dumped({k: v for k, v in LONG.items() if k not in ("wörter", "nested")}, **STYLES[style]))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: b c", {"a": "b c"}),
        ("a: ''", {"a": ""}),
        ("a: 'it''s'", {"a": "it's"}),
        ("a: 'b\\n'", {"a": "b\\n"}),
        ("a: \"it's\"", {"a": "it's"}),
        ('a: "b: c # d"', {"a": "b: c # d"}),
        ('"a: b": c', {"a: b": "c"}),
        ("'a #b': c", {"a #b": "c"}),
        ('"": c', {"": "c"}),
        ("null: ~\ntrue: null", {"null": None, "true": None}),
        ("a: yes\nb: 1.10\nc: 0x1\nd: 2026-01-01", {"a": "yes", "b": "1.10", "c": "0x1", "d": "2026-01-01"}),
        ("a: true\nb: False\nc: 'true'\nd: tRUE", {"a": True, "b": False, "c": "true", "d": "tRUE"}),
        ("a: null x\nb: Null\nc: \"~\"", {"a": "null x", "b": None, "c": "~"}),
        ("a: b:c\nd: http://e/#f", {"a": "b:c", "d": "http://e/#f"}),
        ("a: b#c\nd: e #f\ng: 'h' #i\nj: #k", {"a": "b#c", "d": "e", "g": "h", "j": None}),
        ("a: b   \nc: 'd'  \ne:  \nf:   g", {"a": "b", "c": "d", "e": None, "f": "g"}),
        ("a: -1\nb: --- c\nd: ...", {"a": "-1", "b": "--- c", "d": "..."}),
        ("a: \\x41 c:\\d", {"a": "\\x41 c:\\d"}),
        (r'a: "\x41\u00e9\U0001F600\/\"\\\n\t\_\N\L\P\e\a\ b"', {"a": 'Aé😀/"\\\n\t\xa0\x85\u2028\u2029\x1b\a b'}),
        ("a: b\n   c\n  d", {"a": "b c d"}),
        ("- a\n  b -\n   c  \n- d", ["a b - c", "d"]),
        ("a: b\n ? c", {"a": "b ? c"}),
        ("a: 'b  \n\n\n  c\n  '", {"a": "b\n\nc "}),
        ('a: "b \\\n  \\  c\n  d\\n\n\n  e"', {"a": "b   c d\n\ne"}),
        ("a:\n  b: c\nd: e", {"a": {"b": "c"}, "d": "e"}),
        ("a:\nb:\n- c\nd:\n  - e", {"a": None, "b": ["c"], "d": ["e"]}),
        ("a:\n- b:\n  - c\n- d", {"a": [{"b": ["c"]}, "d"]}),
        ("a:\n- b:\n- c:\n    d: e\n  f:\ng:", {"a": [{"b": None}, {"c": {"d": "e"}, "f": None}], "g": None}),
        ("-\n- a\n-\n  - b\n- \n  c: d", [None, "a", ["b"], {"c": "d"}]),
        ("-   a: b\n    c: d\n- e", [{"a": "b", "c": "d"}, "e"]),
        ("a: []\nb: {}\nc:\n- []", {"a": [], "b": {}, "c": [[]]}),
        ("# a\n\n--- # b\n# c\na: b\n  # d\n\n#e\nf: g", {"a": "b", "f": "g"}),
        ("a:\n  # b\n\n  c: d", {"a": {"c": "d"}}),
        ("a: |\n  b\n   c\n\n  d\t\n\n\ne: f", {"a": "b\n c\n\nd\t\n", "e": "f"}),
        ("a: |-\n  # b\n  --- \nc: |+\n d\n\ne: f", {"a": "# b\n--- ", "c": "d\n\n", "e": "f"}),
        ("a: |2-\n    b\n  c\nd:\n- |1\n  e", {"a": "  b\nc", "d": [" e\n"]}),
        ("a: >-\n  b\n  c\n\n  d\n   e\n  f", {"a": "b c\nd\n e\nf"}),
        ("a: >+ # b\n\n  c\n\n\nd: e", {"a": "\nc\n\n\n", "d": "e"}),
        ("\ufeffa: b\r\nc:\r\n- |\r\n d\r\n", {"a": "b", "c": ["d\n"]}),
        ("  a: b\n  c:\n    d: e", {"a": "b", "c": {"d": "e"}}),
        ("a:\n  - |\n   b\n # c\n# d\n  - e", {"a": ["b\n", "e"]}),
        ("a: |\n  b\n \n  \n   \n  c", {"a": "b\n\n\n \nc\n"}),
        ("a: 'b\n\n  # c\n  d: e'", {"a": "b\n# c d: e"}),
        ("a: \U0001fffe\ufffd\u2027\u202a\xa0b", {"a": "\U0001fffe\ufffd\u2027\u202a\xa0b"}),
        (f"{'a' * 128}: b\n'{'c' * 127}': d\n- e"[:-4], {"a" * 128: "b", "c" * 127: "d"}),
        ("a: é𝒳\xa0#b", {"a": "é𝒳\xa0#b"}),
    ],
)  # fmt: skip
def test_plain_yaml_is_taken_as_it_is_meant(text: str, value: Any) -> None:
    data = f"{text}\n".encode()
    assert repr(quick(data)) == repr(value) == repr(events(data))


@pytest.mark.parametrize(
    "text",
    [
        "a: b: c", "a:\n  b: c: d", "a : b", "a: b\nc", "a: b\n\n  c", "a: 'b' c", "a: \"b\"c", "a: 'b'#c", "a:b",
        "- - a", "a: - b", "- a\nb: c", "a: b\n- c", "-a: b\n-c", "? a\n: b", "?", "- ? a", "a: ?", "a: ? b", "a: ,",
        "a: @b", "a: `b", "a: %b", "a: &b c", "a: *b", "a: !b c", "a: !!str c", "! a: b", "&a b: c", "<<: *a",
        "a: [b]", "a: [ ]", "a: {b: c}", "{}", "[]", "a: []b", "a: [] b", "a: ]", "a: }", "b", "'b'", "|\n a",
        "a: b\na: c", "'a': b\na: c", "- a: b\n  a: c", "a:\n    b: c\n  d: e", "a: b\n  c: d", "a:\n- b\n  - c: d",
        "a: b\n c: d", "  a: b\n c: d", "a:\n   - b\n  - c", "a: 'b\nc'", "a: \"b\n---\nc\"", "a: 'b", 'a: "b',
        "a:\tb", "\ta: b", "a: \tb", "a: b\t", "a: 'b\tc'\n\td: e", "- \ta", "a: b\tc", "a:\n \tb: c", "a: |\n\tb",
        "%YAML 1.1\n---\na: b", "%a\n---\nb: c", "---\n---\na: b", "a: b\n---\nc: d", "a: b\n...", "...\na: b",
        "--- a", "--- a: b", "--- |\n a", "---\ta: b", "---a: b", "a: b\n--- c", "a: b\n----", "a: b\n... c",
        r'a: "\0"', r'a: "\x00"', r'a: "\x4"', r'a: "\ud83d\ude00"', r'a: "\U00110000"', r'a: "\q"', r"""a: "\'" """,
        "a: b\rc: d", "a: b\x85c: d", "a: b\u2028c: d", "a: b\u2029", "a: \ufeffb", "a: b\x00", "a: b\x7f",
        "a: \x80", "a: b\x9f", "a: b\x1b", "a: \uffff", "a: \ufffe", "a: b\n\ufeffc: d", "a: b\x0b", "a: \x0c",
        f"{'a' * 129}: b", f"'{'a' * 128}': b", f"{'a' * 1024}: b", f"'{'a' * 1030}': b", f"{'a' * 1030}: b", "a b: c", "é: b", "'it''s': b", r'"\x41": b',
        "~: b", "1: b", "-: b", "[a]: b", "{a: b}: c", "|: b", "a: |", "a: |\nb: c", "a: |0\n b", "a: |10\n b",
        "a: |x\n b", "a: |-2\n  b", "a: |\n   \n b", "a: |\n  b\n c", "a: |2\n b", "a: | b", "#", "# a\n# b", "---",
        "a: >\n \tb", "a:\n  b: |\n  c: d", "a: \"b\\\tc\"", "a: b\n  c # d", "- a\n - b", "a: b\n  #c\n  d",
    ],
)  # fmt: skip
def test_anything_else_is_left_to_libyaml(text: str) -> None:
    data = f"{text}\n".encode()
    with pytest.raises(spdx_yaml._Unusual):
        quick(data)

    def said(read: Any) -> str:
        try:
            return repr(read(data))
        except SbomError as told:
            return f"{type(told).__name__} {told}"

    assert said(spdx_yaml.parse) == said(events)


def test_a_last_line_without_its_break_is_left_to_libyaml() -> None:
    for text in (b"a: b", b"a: |\n  b", b"a: >+\n  b"):
        with pytest.raises(spdx_yaml._Unusual):
            quick(text)
    assert spdx_yaml.parse(b"a: |\n  b") == {"a": "b"}


def test_faults_far_down_have_libyamls_place() -> None:
    text = "".join(f"- a: b{i}\n  c: 'd'\n" for i in range(3000))
    for line, place in (("  c: e", "line 6001 column 3"), ("  f: *g", "line 6001 column 6")):
        with pytest.raises(Malformed) as told:
            spdx_yaml.parse(f"{text}{line}\n".encode())
        assert told.value.place == place


@pytest.mark.parametrize("inner", [0, 2])
@pytest.mark.parametrize(
    "odd",
    [
        "", "- name: x\n  id: 'y'\n", "- name: x\n  id: \"y\"\n  more: z\n", "- name: null\n  id: \"y\"\n", "- name: x\n",
        "- name: x\n  id: \"y\"\n\n# c\n", "- id: \"y\"\n  name: x\n", "- name: x\n  id: \"y\"\n    on\n",
        "- name: x\n    on\n  id: \"y\"\n", "- name: x\n  id: \"y\"\n  id: z\n", "- x\n", "-\n", "- []\n",
        "- name: x\n  id: \"y\"\n   - z\n", "- name: x #c\n  id: \"y\"\n", "- name: x: y\n  id: \"y\"\n",
        "- name: x \n  id: \"y\"\n", "- name: x\n  id: \"\\x41\"\n", "- name: x\n  id:\n  - y\n", "- name: [x]\n",
    ],
)  # fmt: skip
def test_objects_alike_are_read_as_the_others_are(
    odd: str, inner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spdx_yaml, "_MANY", 5)
    many = [f'- name: a{i}\n  id: "b{i}"\n' for i in range(15)]
    for place in range(16):
        text = "".join([*many[:place], odd, *many[place:]])
        data = f"array:\n{re.sub('^', ' ' * inner, text, flags=re.M)}".rstrip(" ") + "end: here\n"
        try:
            value = events(data.encode())
        except Malformed:
            with pytest.raises(spdx_yaml._Unusual):
                quick(data.encode())
        else:
            assert repr(spdx_yaml.parse(data.encode())) == repr(value)
            assert same(data.encode()) or "[x]" in odd


@pytest.mark.parametrize("keys", [spdx_yaml._KEYS, spdx_yaml._KEYS + 1])
def test_wide_objects_are_no_pattern(keys: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spdx_yaml, "_MANY", 2)
    made: list[Any] = []
    pattern = spdx_yaml._Alike._pattern
    monkeypatch.setattr(spdx_yaml._Alike, "_pattern", lambda *args: made.append(pattern(*args)) or made[-1])
    assert same(dumped([{f"k{key}": f"v{key}" for key in range(keys)}] * 3))
    assert bool(made[0]) == (keys == spdx_yaml._KEYS)


@pytest.mark.parametrize("style", STYLES)
def test_objects_alike_are_read_together(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[int] = []
    read = spdx_yaml._Alike.read
    monkeypatch.setattr(spdx_yaml._Alike, "read", lambda *args: ends.append(read(*args)) or ends[-1])
    count = spdx_yaml._MANY * 2
    doc = {"relationships": [{"spdxElementId": f"a{i}", "type": "B"} for i in range(count)], "end": "c"}
    assert quick(dumped(doc, **STYLES[style])) == doc
    together = style not in ("literal", "folded")
    assert len(ends) == (spdx_yaml._MANY if together else count)
    assert bool(ends[-1]) == together


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("{}a:\n", "b: c\n"),
        ("{}-\n", "- b\n"),
        ("{}a:\n", "- b\n"),
        ("{}a:\n", "b: []\n"),
        ("{}-\n", "- b: c\n"),
    ],
)
def test_depth_is_read_at_the_limit_and_refused_one_past_it(line: str, last: str) -> None:
    text = "".join(line.format("  " * i) for i in range(9)) + "  " * 9 + last
    deep = 10 + (last in ("b: []\n", "- b: c\n"))
    assert quick(text.encode(), Limits(max_depth=deep)) == events(text.encode())
    with pytest.raises(spdx_yaml._Unusual):
        quick(text.encode(), Limits(max_depth=deep - 1))
    with pytest.raises(TooLarge) as told:
        spdx_yaml.parse(text.encode(), limits=Limits(max_depth=deep - 1))
    assert told.value.place.startswith("line 10 column ")


def test_bytes_are_read_at_the_limit_and_refused_one_past_it() -> None:
    data = dumped(GOOD)
    assert spdx_yaml.parse(data, limits=Limits(max_bytes=len(data))) == GOOD
    with pytest.raises(TooLarge) as told:
        spdx_yaml.parse(data, limits=Limits(max_bytes=len(data) - 1))
    assert told.value.place == "byte 0"


@pytest.mark.parametrize(
    "text",
    [
        "a: 'b" + " " * 300_000 + "c\n  d'", 'a: "b' + " " * 300_000 + '\\n\n  d"', "a: " + "b " * 150_000,
        "a: " + "b:" * 150_000 + "c", "a: " + "'" * 300_000, "a: b" + " " * 300_000 + "c", "#" * 300_000 + "\na: b",
        "\n" * 300_000 + "a: b", "a: |\n" + "\n" * 300_000 + "  b", "a: b\n" + "  c\n" * 75_000, "- a\n" * 75_000,
        "a: " + "b" * 300_000 + ": c", "a: b" + " " * 300_000 + ": c", "".join(f"a{i}: b\n" for i in range(30_000)),
    ],
)  # fmt: skip
def test_long_runs_take_no_longer_than_they_are(text: str) -> None:
    same(f"{text}\n".encode())  # a second would be a hundred times too long; a square of these is minutes


def test_the_yaml_of_others_is_read_quickly(fixtures: Path) -> None:
    found = sorted((fixtures / "sbom").rglob("*.spdx.y*ml"))
    assert len(found) >= 7
    assert [path.name for path in found if not same(path.read_bytes())] == []


WORDS = st.lists(
    st.sampled_from(
        ["a", "word", "null", "true", "~", "1.10", "-", "- b", ":", "c: d", "x#y", "#z", "it's", '"q"', "\\", "\t", "é",
         "𝒳", " ", "  ", "\n", "\n\n", "\n  ", "[b]", "{", "&c", "*d", "!e", "|", ">", "%", "@", "?", "---", "\x85",
         "\u2028", "\x07"]
    ),
    max_size=6,
).map(" ".join)  # fmt: skip
VALUES = st.recursive(
    WORDS | st.sampled_from([None, True, False, "NOASSERTION", "Tool: a-1", "https://a.example/b#c"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "name", "SPDXID", "k-1", "c d", ""]) | WORDS, inner, max_size=3
        )
        | st.lists(st.fixed_dictionaries({"a": WORDS, "b": WORDS}), min_size=2, max_size=6)
    ),
    max_leaves=12,
)
PIECES = [
    *"\n\r\t -:#\"'\\|>[]{}?&*!%@`,~a1é\x85\u2028\ufeff\0\x7f", ": ", " #", "- ", "  ", "\r\n", "\n\n", "\\\n", "---\n",
    "...\n", "''", "x\n", "|2-\n", "\n  more",
]  # fmt: skip


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A document in the style of some tool, with a few lines or characters changed."""
    text = dumped(
        {"k": draw(VALUES), "name": draw(WORDS)}, **STYLES[draw(st.sampled_from(sorted(STYLES)))]
    ).decode()
    for _ in range(draw(st.integers(0, 3))):
        lines = text.split("\n")
        line, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match draw(st.integers(0, 6)):
            case 0:
                del lines[line]
            case 1:
                lines.insert(other, lines[line])
            case 2:
                lines[line], lines[other] = lines[other], lines[line]
            case 3:
                lines[line] = " " * draw(st.integers(1, 4)) + lines[line]
            case 4:
                lines[line] = lines[line][draw(st.integers(1, 3)) :]
            case _:
                at = draw(st.integers(0, len(lines[line])))
                past = at + draw(st.integers(0, 1))
                lines[line] = lines[line][:at] + draw(st.sampled_from(PIECES)) + lines[line][past:]
        text = "\n".join(lines)
    return text.encode()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changed())
def test_changed_documents_are_read_alike_or_left(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spdx_yaml, "_MANY", 2)
        same(data)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*PIECES, "a: ", "b:\n", "- c\n", '"d": ', "  ", "e: f\n", "- g: h\n  "]), max_size=14
    )
)
def test_pieces_in_any_order_are_read_alike_or_left(pieces: list[str]) -> None:
    text = "".join(pieces)
    for whole in (text, f"a: {text}\n", f"a:\n  - {text}\n"):
        same(whole.encode())
