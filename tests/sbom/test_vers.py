"""vers: canonical and not, what holds a version, the reckoning with ranges, and the official suite."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import disagreements
from vouchsafe.sbom import vers, vers_native
from vouchsafe.sbom.errors import Malformed, SbomError, TooLarge
from vouchsafe.sbom.limits import MAX_CONSTRAINTS, MAX_VERS_CHARS
from vouchsafe.sbom.vers import Constraint, Vers, canonical, contains, parse, read
from vouchsafe.sbom.versions import Doubt

LISTED = Path(__file__).parent / "disagreements_vers.tsv"
TYPE = "a lower-case letter, then letters, digits, dots and dashes"
EXAMPLE = "a range such as vers:npm/>=1.0.0|<2.0.0"


@pytest.mark.parametrize(
    ("text", "place", "expected", "got"),
    [
        ("", "vers", EXAMPLE, "an empty string"),
        ("npm/1.0.0", "vers", EXAMPLE, "“npm/1.0.0”"),
        ("VERS:npm/1.0.0", "vers", EXAMPLE, "“VERS:npm/1.0.0”"),
        ("vers:NPM/1.0.0", "vers type", TYPE, "“NPM”"),
        ("vers:/1.0.0", "vers type", TYPE, "an empty string"),
        ("vers:n%70m/1.0.0", "vers type", TYPE, "“n%70m”"),
        ("vers:npm", "vers", "constraints after the type and a slash", "nothing"),
        ("vers:npm/", "vers", "constraints after the type and a slash", "nothing"),
        ("vers:npm/>=1.0.0| <2.0.0", "vers", "no white space", "' ' at character 18"),
        ("vers:npm/1.0.0\n", "vers", "no white space", r"'\n' at character 15"),
        ("vers:npm/1.0.0\0", "vers", "printable ASCII", r"'\x00' at character 15"),
        ("vers:npm/١.0.0", "vers", "printable ASCII", r"'\u0661' at character 10"),
        ("vers:npm/|1.0.0", "vers constraint 1", "a version; no pipe at an end, none doubled", "nothing"),
        ("vers:npm/1.0.0|", "vers constraint 2", "a version; no pipe at an end, none doubled", "nothing"),
        ("vers:npm/1.0.0||2.0.0", "vers constraint 2", "a version; no pipe at an end, none doubled", "nothing"),
        ("vers:npm/>=", "vers constraint 1", "a version", "nothing"),
        ("vers:npm/=1.0.0", "vers constraint 1", "= percent-encoded in a version", "“=1.0.0”"),
        ("vers:npm/>=>1.0.0", "vers constraint 1", "> percent-encoded in a version", "“>1.0.0”"),
        ("vers:npm/1.*", "vers constraint 1", "* percent-encoded in a version", "“1.*”"),
        ("vers:npm/>*", "vers constraint 1", "* percent-encoded in a version", "“*”"),
        ("vers:npm/1.0.0|*", "vers constraint 2", "* alone", "* beside others"),
        ("vers:npm/1.0%2", "vers constraint 1", "two hex digits after each %", "“%2”"),
        ("vers:npm/1.0%FF", "vers constraint 1", "UTF-8 under the percent-encoding", "“1.0%FF”"),
        ("vers:npm/1.0|2%00", "vers constraint 2", "no NUL", r"'2\x00'"),
        ("vers:npm/1.0%2f", "vers constraint 1", "the canonical spelling “1.0/”", "“1.0%2f”"),
        ("vers:npm/1%2E0", "vers constraint 1", "the canonical spelling “1.0”", "“1%2E0”"),
        ("vers:npm/1%3c0", "vers constraint 1", "the canonical spelling “1%3C0”", "“1%3c0”"),
        ("vers:npm/2.0.0|1.0.0", "vers constraint 2", "a version above “2.0.0”", "“1.0.0”"),
        ("vers:npm/1.0.0|<1.0.0", "vers constraint 2", "each version once", "“1.0.0”"),
        ("vers:pypi/>=1.0|<1.0.0", "vers constraint 2", "each version once", "“1.0.0”"),
        ("vers:tomee/1|2|1", "vers constraint 3", "each version once", "“1”"),
        ("vers:npm/>1.0.0|>=2.0.0", "vers constraint 2", "< or <= after >", "“>=”"),
        ("vers:npm/<1.0.0|!=1.5.0|<2.0.0", "vers constraint 3", "> or >= after <", "“<”"),
        ("vers:npm/1.0.0|<2.0.0", "vers constraint 2", "=, > or >= after =", "“<”"),
        ("vers:npm/>1.0.0|2.0.0", "vers constraint 2", "< or <= after > or >=", "="),
        ("vers:all/1.0", "vers constraint 1", "*", "“1.0”"),
        ("vers:none/>=1.0", "vers constraint 1", "*", "“>=1.0”"),
        ("vers:datetime/2024-01-01t00:00:00z", "vers constraint 1", "an upper-case T and Z in a time",
         "“2024-01-01t00:00:00z”"),
    ],
)  # fmt: skip
def test_what_is_not_canonical_is_refused_with_its_place(
    text: str, place: str, expected: str, got: str
) -> None:
    with pytest.raises(Malformed) as told:
        parse(text)
    assert (told.value.place, told.value.expected, told.value.got) == (place, expected, got)
    assert vers.validate(text) == (f"{place}: expected {expected}, got {got}",)


@pytest.mark.parametrize(
    "text",
    [
        "vers:npm/1.2.3|>=2.0.0|<5.0.0",
        "vers:gem/>=2.2.0|!=2.2.1|<2.3.0",
        "vers:pypi/0.0.0|0.0.1|0.0.2|0.0.3|1.0|2.0pre1",
        "vers:maven/>=1.0.0-beta1|<=1.7.5|>=7.0.0-M1|<=7.0.7|>=7.1.0|<=7.1.2|>=8.0.0-M1|<=8.0.1",
        "vers:deb/*",
        "vers:all/*",
        "vers:none/*",
        "vers:deb/1:2.0-1~rc1+b2",
        "vers:generic/%3Eodd%25%7C%C3%A9%20x",
        "vers:tomee/>=1|<2",
        "vers:npm/>=not-a-version|<neither",
        "vers:openssl/1.0.1af|1.1.1nf|3.0.1",
    ],
)
def test_canonical_ranges_come_back_as_they_were(text: str) -> None:
    v = parse(text)
    assert str(v) == text == canonical(text)
    assert vers.validate(text) == ()
    assert vers.build(v.scheme, [(c.comparator, c.version) for c in v.constraints]) == text
    assert read(text) == v


def test_what_tools_write_is_read_and_put_in_order() -> None:
    assert canonical("VERS:NPM/ <2.0.0 || = 1.0.0|>= 1.5.0 |") == "vers:npm/1.0.0|>=1.5.0|<2.0.0"
    assert canonical("vers:npm/1.0.0%2bb") == "vers:npm/1.0.0+b"
    assert canonical("vers:npm/banana|apple") == "vers:npm/banana|apple"
    assert read("vers:npm/>=1.0|<1.0").constraints == (Constraint("<", "1.0"), Constraint(">=", "1.0"))
    for text in (
        "vers:npm/\ud800",
        "vers:npm/1\0",
        "vers:npm/ | ",
        "vers:npm/*|1.0",
        "npm/1",
        "vers:npm/1.0%",
    ):
        with pytest.raises(Malformed):
            read(text)


@pytest.mark.parametrize(
    ("scheme", "pairs", "place"),
    [
        ("3npm", [("", "1")], "vers type"),
        ("npm", [], "vers"),
        ("npm", [("~", "1")], "vers constraint 1"),
        ("npm", [("=", "1"), (">", "")], "vers constraint 2"),
        ("npm", [("*", "1")], "vers constraint 1"),
        ("npm", [("*", ""), ("=", "1")], "vers constraint 1"),
        ("npm", [("<", "1.0.0"), ("<", "2.0.0")], "vers constraint 2"),
        ("npm", [("=", "1" * MAX_VERS_CHARS)], "vers"),
        ("npm", [("=", "1"), ("=", "\0")], "vers constraint 2"),
        ("npm", [("=", "\ud800")], "vers constraint 1"),
    ],
)
def test_parts_that_make_no_range_are_refused(scheme: str, pairs: list[tuple[str, str]], place: str) -> None:
    with pytest.raises(Malformed) as told:
        vers.build(scheme, pairs)
    assert told.value.place == place


def test_parts_are_put_in_order_and_encoded() -> None:
    assert (
        vers.build("NPM", [("<", "2.0.0"), ("", "0.1.0"), (">=", "1.0.0")]) == "vers:npm/0.1.0|>=1.0.0|<2.0.0"
    )
    assert vers.build("lexicographic", [("=", "a|b <é>")]) == "vers:lexicographic/a%7Cb%20%3C%C3%A9%3E"
    assert vers.build("deb", [("*", "")]) == "vers:deb/*"


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("vers:npm/1.2.3|>=2.0.0|<5.0.0", "1.2.3 2.0.0 4.9.9 v1.2.3", "1.2.4 5.0.0 1.9.9"),
        ("vers:npm/>1.0.0", "1.0.1 9.0.0", "1.0.0 0.9.0 1.0.0-rc.1"),
        ("vers:npm/<=1.0.0", "1.0.0 0.1.0", "1.0.1"),
        ("vers:npm/<1.0.0|>2.0.0", "0.9.0 2.0.1", "1.0.0 1.5.0 2.0.0"),
        ("vers:npm/!=1.0.0", "0.9.0 1.0.1", "1.0.0"),
        ("vers:npm/!=1.0.0|!=2.0.0", "1.5.0", "2.0.0"),
        ("vers:npm/!=1.0.0|3.0.0", "3.0.0", "1.0.0 2.0.0"),
        ("vers:gem/>=2.2.0|!=2.2.1|<2.3.0", "2.2.0 2.2.2", "2.2.1 2.3.0"),
        ("vers:deb/*", "anything at~all", ""),
        ("vers:all/*", "1", ""),
        ("vers:none/*", "", "1"),
        ("vers:tomee/1.0", "1.0", ""),
        ("vers:pypi/1.0", "1.0.0 1", "1.0.1"),
        ("vers:datetime/>=2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00", "2023-12-31T23:59:59.999Z"),
        # what is not canonical, as tools write it
        ("vers:npm/>=1.0.0|<2.0.0|>=2.0.0|<3.0.0", "1.0.0 2.0.0 2.5.0", "3.0.0"),
        ("vers:npm/>=0.7.66|>=0.8.40|<0.9.0", "0.7.70 0.8.99", "0.9.0"),
        ("vers:npm/<1.0.0|<2.0.0", "1.5.0", "2.0.0"),
        ("vers:npm/<5.0.0|>=2.0.0|1.2.3", "1.2.3 3.0.0", "1.9.9"),
    ],
)  # fmt: skip
def test_a_range_holds_its_versions_and_no_others(text: str, inside: str, outside: str) -> None:
    v = read(text)
    assert [x for x in inside.split() if not contains(v, x)] == []
    assert [x for x in outside.split() if contains(v, x)] == []


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("vers:npm/>=1.0.0|<2.0.0", "latest"),
        ("vers:npm/>=1.0.0|<banana", "3.0.0"),
        ("vers:npm/1.0.0|banana", "3.0.0"),
        ("vers:tomee/>=1.0", "1.5"),
        ("vers:tomee/1.0", "1.1"),
        ("vers:generic/>=1.0-1", "2.0"),
        ("vers:rpm/>1.0-1", "1.0"),
        ("vers:npm/!=banana", "1.0.0"),
    ],
)
def test_what_cant_be_told_is_doubt(text: str, version: str) -> None:
    with pytest.raises(Doubt):
        contains(read(text), version)


def test_simplify_follows_the_specifications_procedure() -> None:
    cases = {
        "vers:pypi/>0.0.0|>=0.0.1|0.0.2|<0.0.3|0.0.4|<0.0.5|>=0.0.6": "vers:pypi/>0.0.0|<0.0.5|>=0.0.6",
        "vers:npm/1.0.0|<2.0.0": "vers:npm/<2.0.0",
        "vers:npm/>1.0.0|1.5.0|!=1.7.0": "vers:npm/>1.0.0|!=1.7.0",
        "vers:npm/!=1.0.0": "vers:npm/!=1.0.0",
    }
    assert {k: str(vers.simplify(read(k))) for k in cases} == cases
    with pytest.raises(Doubt):
        vers.simplify(read("vers:tomee/<1|<2"))


def test_invert_and_merge() -> None:
    inverted = {
        "vers:npm/>=1.0.0": "vers:npm/<1.0.0",
        "vers:npm/1.0.0|>=2.0.0|<3.0.0": "vers:npm/!=1.0.0|<2.0.0|>=3.0.0",
        "vers:npm/>=1.0.0|!=2.0.0|<3.0.0": "vers:npm/<1.0.0|2.0.0|>=3.0.0",
        "vers:npm/!=1.0.0": "vers:npm/1.0.0",
        "vers:npm/*": "vers:none/*",
        "vers:none/*": "vers:all/*",
        "vers:all/*": "vers:none/*",
    }
    assert {k: str(vers.invert(parse(k))) for k in inverted} == inverted
    merged = {
        ("vers:npm/>=1.0.0|<2.0.0", "vers:npm/>=2.0.0|<3.0.0"): "vers:npm/>=1.0.0|<3.0.0",
        ("vers:npm/1.0.0", "vers:npm/>=3.0.0"): "vers:npm/1.0.0|>=3.0.0",
        ("vers:npm/!=5.0.0", "vers:npm/5.0.0"): "vers:npm/*",
        ("vers:npm/<2.0.0", "vers:npm/>2.0.0"): "vers:npm/!=2.0.0",
        ("vers:npm/*", "vers:npm/1.0.0"): "vers:npm/*",
        ("vers:none/*",): "vers:none/*",
    }
    assert {k: str(vers.merge([parse(t) for t in k])) for k in merged} == merged
    with pytest.raises(Malformed) as told:
        vers.merge([parse("vers:npm/1.0.0"), parse("vers:pypi/1.0")])
    assert (told.value.place, told.value.got) == ("vers 2", "“pypi”")
    with pytest.raises(Malformed):
        vers.merge([])
    with pytest.raises(Doubt):
        vers.merge([parse("vers:tomee/>1"), parse("vers:tomee/<5")])


POINTS = st.integers(0, 8)
SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
RANGES = st.lists(st.tuples(SIGNS, POINTS), min_size=1, max_size=6, unique_by=lambda c: c[1]).map(
    lambda cs: read("vers:intdot/" + "|".join(f"{'' if s == '=' else s}{v}" for s, v in cs))
)
PROBES = [str(n) + half for n in range(-0, 9) for half in ("", ".5")]


@settings(max_examples=120, deadline=None)
@given(RANGES, RANGES)
def test_reckoning_agrees_with_asking_each_version(a: Vers, b: Vers) -> None:
    """Complement and union, probed at every end and between every two ends."""
    other, both, simple = vers.invert(a), vers.merge([a, b]), vers.simplify(a)
    clean = vers.of_set("intdot", vers.as_set(a))
    for probe in PROBES:
        in_a = contains(clean, probe)
        assert contains(other, probe) is not in_a
        assert contains(both, probe) is (in_a or contains(vers.of_set("intdot", vers.as_set(b)), probe))
        if vers.fault(a) is None:
            assert contains(a, probe) is in_a
            assert contains(simple, probe) is in_a
    for made in (other, both, clean):
        assert parse(str(made)) == made


def test_a_range_at_the_limits_is_read_and_one_past_them_is_refused() -> None:
    most = "vers:intdot/" + "|".join(map(str, range(MAX_CONSTRAINTS)))
    assert len(parse(most).constraints) == MAX_CONSTRAINTS
    for reader in (parse, read):
        with pytest.raises(TooLarge) as told:
            reader(most + f"|{MAX_CONSTRAINTS}")
        assert (told.value.place, told.value.expected, told.value.got) == (
            "vers", "at most 5,000 constraints", "5,001",
        )  # fmt: skip
    longest = "vers:npm/" + "1" * (MAX_VERS_CHARS - 9)
    assert str(parse(longest)) == longest
    for reader in (parse, read):
        with pytest.raises(TooLarge) as told:
            reader(longest + "1")
        assert (told.value.place, told.value.got) == ("vers", "65,537")
    with pytest.raises(TooLarge):
        vers.build("intdot", [("=", str(n)) for n in range(MAX_CONSTRAINTS + 1)])


def test_a_hundred_thousand_constraints_are_refused_at_once() -> None:
    start = time.process_time()
    for text in ("vers:intdot/" + "1|" * 100_000, "vers:npm/" + "1" * 1_000_000, "|" * 1_000_000):
        for reader in (parse, read, canonical):
            with pytest.raises(Malformed):
                reader(text)
    assert time.process_time() - start < 1


def test_the_most_constraints_in_the_worst_order_take_seconds_at_most() -> None:
    start = time.process_time()
    worst = read("vers:intdot/" + "|".join(f">={n}" for n in reversed(range(MAX_CONSTRAINTS))))
    assert contains(worst, "17") is True
    assert str(vers.simplify(worst)) == "vers:intdot/>=0"
    assert time.process_time() - start < 5


GOOD = [
    "vers:npm/1.2.3|>=2.0.0|<5.0.0",
    "vers:gem/>=2.2.0|!=2.2.1|<2.3.0",
    "vers:deb/>=1:2.0-1~rc1|<3",
    "vers:all/*",
    "vers:datetime/2024-01-01T00:00:00Z",
]
MARKS = st.sampled_from(
    ["|", ">=", "<", "!=", "=", "*", "%", "%3C", "%00", "/", ":", " ", "\0", "é", "1.0", "-"]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good range with constraints dropped, doubled or swapped, and marks put in."""
    head, _, rest = draw(st.sampled_from(GOOD)).rpartition("/")
    parts = rest.split("|")
    parts = draw(st.lists(st.sampled_from(parts), min_size=0, max_size=6))
    text = f"{head}/{'|'.join(parts)}"
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(MARKS) + text[at + draw(st.integers(0, 2)) :]
    return text


@settings(max_examples=200, deadline=None)
@given(mutated() | st.text(max_size=30), st.sampled_from(["1.2.3", "", "2.2.1", "x"]))
def test_any_text_is_read_or_refused(text: str, version: str) -> None:
    try:
        strict = parse(text)
    except Malformed as told:
        assert told.place.startswith("vers")
    else:
        assert str(strict) == text
    try:
        v = read(text)
        assert read(str(v)) == v
        contains(v, version)
        vers.invert(v)
    except SbomError:
        pass


def outcome(case: dict[str, Any]) -> Any:
    kind, asked = case["test_type"], case["input"]
    try:
        if kind == "parse":
            v = parse(asked)
            return v.scheme, [[c.comparator, c.version] for c in v.constraints]
        if kind in ("validate", "roundtrip"):
            return canonical(asked)
        if kind == "containment":
            return contains(read(asked["vers"]), asked["version"])
        if kind == "from_native":
            return str(vers_native.from_native(asked.get("scheme") or asked["type"], asked["native_range"]))
        if kind == "invert":
            return str(vers.invert(read(asked)))
        if kind == "merge":
            return str(vers.merge([read(v) for v in asked]))
        assert kind == "build", f"an unknown kind of case: {kind}"
        pairs = asked.get("constraints") or asked["version_constraints"]
        return vers.build(asked.get("type") or asked["scheme"], [(c, v) for c, v in pairs])
    except SbomError:
        return None


@pytest.mark.parametrize("folder", ["vuln/package-url_vers-spec/tests", "vectors/vers"])
def test_the_official_suite_agrees(fixtures: Path, folder: str) -> None:
    """Every case of every file that is there, but for the order's, which are in `test_versions`."""
    wrong: set[tuple[str, str]] = set()
    count = 0
    for path in sorted((fixtures / folder).glob("*.json")):
        for i, case in enumerate(json.loads(path.read_bytes())["tests"]):
            if case["test_type"] in ("comparison", "equality"):
                continue
            count += 1
            expected = None if case.get("expected_failure") else case["expected_output"]
            if isinstance(expected, dict):
                constraints = expected.get("version_constraints") or expected["constraints"]
                expected = (expected.get("scheme") or expected["type"], constraints)
            if outcome(case) != expected:
                wrong.add((path.name, str(i)))
    assert count >= 46
    disagreements.compare(LISTED, "vers", wrong)
