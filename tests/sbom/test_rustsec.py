"""RustSec: front matter, requirements in Cargo's syntax, what they leave affected, hostile TOML."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.sbom import advisories, match, rustsec, versions
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import Limits
from vouchsafe.sbom.model import Component
from vouchsafe.sbom.rustsec_versions import Interval, interval

TOML = """[advisory]
id = "RUSTSEC-2026-0009"
package = "time"
date = "2026-02-05"
url = "https://example.org"
references = ["https://example.com"]
aliases = ["CVE-2026-25727"]
related = ["CVE-2026-1"]
cvss = "CVSS:4.0/AV:N/AC:H/AT:N/PR:L/UI:A/VC:N/VI:N/VA:H/SC:N/SI:N/SA:H"
informational = "unsound"

[affected]
os = ["windows"]
arch = ["x86"]
functions = { "time::f" = [">= 0.3.6, < 0.3.47"] }

[versions]
patched = [">= 0.3.47"]
unaffected = ["< 0.3.6"]
"""
MARKDOWN = f"```toml\n{TOML}```\n\n# Denial of service\n\nIn words.\n"


def read(text: str) -> advisories.Advisory:
    return rustsec.read(text.encode())


def ranges(patched: str, unaffected: str = "[]") -> advisories.Advisory:
    return read(
        f'[advisory]\nid = "R"\npackage = "a"\n[versions]\npatched = {patched}\nunaffected = {unaffected}\n'
    )


def events(said: advisories.Advisory) -> str:
    return " ".join(f"{e.kind[0]}{e.version}" for r in said.affected[0].ranges for e in r.events)


@pytest.mark.parametrize(
    "text", [TOML, MARKDOWN, "\ufeff" + MARKDOWN, MARKDOWN.replace("\n", "\r\n"), "\n\n" + MARKDOWN]
)
def test_reads_both_forms(text: str) -> None:
    said = advisories.read(text.encode())
    assert (said.format, said.id, said.aliases, said.related) == (
        "RustSec",
        "RUSTSEC-2026-0009",
        ("CVE-2026-25727",),
        ("CVE-2026-1",),
    )
    assert (said.published, said.modified, said.withdrawn) == ("2026-02-05T12:00:00Z", "", "")
    assert (said.summary, said.details) == (("Denial of service", "In words.") if "#" in text else ("", ""))
    assert said.severity is not None
    assert (said.severity.type, said.severity.rating) == ("CVSS_V4", "medium")
    assert said.informational == "unsound"
    assert said.references == (("ADVISORY", "https://example.org"), ("WEB", "https://example.com"))
    one = said.affected[0]
    assert (one.package_key, one.ranges[0].type) == ("pkg:cargo/time", "SEMVER")
    assert events(said) == "i0.3.6 f0.3.47"
    assert one.conditions == ("system windows", "processor x86", "function time::f >= 0.3.6, < 0.3.47")
    assert said.problems == ()


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("^1.2.3", "1.2.3", "2.0.0-0"),
        ("1.2.3", "1.2.3", "2.0.0-0"),
        ("^1.2", "1.2.0", "2.0.0-0"),
        ("^1", "1.0.0", "2.0.0-0"),
        ("^0.2.3", "0.2.3", "0.3.0-0"),
        ("^0.2", "0.2.0", "0.3.0-0"),
        ("^0.0.3", "0.0.3", "0.0.4-0"),
        ("^0.0", "0.0.0", "0.1.0-0"),
        ("^0", "0.0.0", "1.0.0-0"),
        ("~1.2.3", "1.2.3", "1.3.0-0"),
        ("~1.2", "1.2.0", "1.3.0-0"),
        ("~1", "1.0.0", "2.0.0-0"),
        ("=1.2.3", "1.2.3", "1.2.4-0"),
        ("=1.0", "1.0.0", "1.0.1-0"),
        ("> 1.2.3", "1.2.4-0", None),
        ("> 1.2.3-alpha", "1.2.3-alpha.0", None),
        (">= 1.2, < 1.4", "1.2.0", "1.4.0"),
        ("< 0.10.0, >= 0.9.18", "0.9.18", "0.10.0"),
        ("<= 1.4.0", None, "1.4.1-0"),
        (">=0.104.0-alpha.6", "0.104.0-alpha.6", None),
    ],
)
def test_a_requirement_is_an_interval(text: str, start: str | None, end: str | None) -> None:
    assert interval(text) == Interval(start, end)


@pytest.mark.parametrize(
    "text",
    ["", "*", "1.*", "1.x", ">= 1, > 2", "< 1, < 2", ">= 1, < 2, < 3", "=1, <2", "^1, <2", "~1, <2", "> 2, < 1",
     "!= 1", "1.2.3.4", "01.2", ">= " + "9" * 300],
)  # fmt: skip
def test_what_rustsec_refuses_leaves_the_ranges_in_doubt(text: str) -> None:
    assert interval(text) is None
    said = ranges(f'[">= 2.0.0", "{text}"]')
    assert said.problems[0].startswith("$.versions.patched[1]: expected a requirement that RustSec takes")
    for version in ("1.0.0", "2.0.0"):
        found = match.match(Component("a", version, purl=f"pkg:cargo/a@{version}"), said.affected[0])
        assert found is not None
        assert found.certainty == "possible"


@pytest.mark.parametrize(
    ("patched", "unaffected", "expected"),
    [
        ("[]", "[]", "i0.0.0-0"),
        ('[">= 1.0.0"]', "[]", "i0.0.0-0 f1.0.0"),
        ("[]", '[">= 0.17"]', "i0.0.0-0 f0.17.0"),
        ('[">= 1.18.4, < 1.19.0", ">= 1.20.3"]', '["< 1.7.0"]', "i1.7.0 f1.18.4 i1.19.0 f1.20.3"),
        ('[">= 0.2.23"]', '["=0.2.0"]', "i0.0.0-0 f0.2.0 i0.2.1-0 f0.2.23"),
        ('["< 1.0.0", ">= 1.0.0"]', "[]", ""),
        ('[">= 0.10.2", "< 0.10.0, >= 0.9.18"]', "[]", "i0.0.0-0 f0.9.18 i0.10.0 f0.10.2"),
    ],
)
def test_what_no_requirement_holds_is_affected(patched: str, unaffected: str, expected: str) -> None:
    said = ranges(patched, unaffected)
    assert events(said) == expected
    assert said.problems == ()


def test_overlapping_requirements_are_noted() -> None:
    said = ranges('[">= 1.0.0, < 2.0.0", ">= 1.5.0"]')
    assert events(said) == "i0.0.0-0 f1.0.0"
    assert said.problems == (
        "$.versions: expected requirements that do not overlap, got >=1.5.0 among others",
    )


def test_the_form_before_2020_and_the_compiler() -> None:
    said = read(
        '[advisory]\nid = "R"\npackage = "a"\npatched_versions = [">= 1.0.0"]\ntitle = "t"\ndescription = "d"\n'
    )
    assert (events(said), said.summary, said.details) == ("i0.0.0-0 f1.0.0", "t", "d")
    std = read('[advisory]\nid = "R"\npackage = "std"\ncollection = "rust"\n[versions]\npatched = []\n')
    assert std.affected[0].package_key == ""
    assert std.problems == ("$.advisory.collection: “rust” has no package URL; only bare names are matched",)


def test_a_withdrawn_advisory_matches_nothing_and_days_may_be_toml_dates() -> None:
    said = read('[advisory]\nid = "R"\npackage = "a"\ndate = 2025-02-21\nwithdrawn = 2025-02-22T10:00:00Z\n')
    assert (said.published, said.withdrawn) == ("2025-02-21T12:00:00Z", "2025-02-22T12:00:00Z")
    assert match.advisory_ranges(said) == ()
    odd = read('[advisory]\nid = "R"\npackage = "a"\ndate = "soon"\n')
    assert odd.problems == ("$.advisory.date: expected a day as YYYY-MM-DD, got “soon”",)


HEAD = '[advisory]\nid = "R"\npackage = "a"\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("```toml\n" + HEAD, "line 5"),
        ("```toml", "line 1"),
        ("```toml\n[advisory\n```\n", "line 2 column 10"),
        ("\n```toml\n" + HEAD + "x = \n```\n", "line 6 column 5"),
        (HEAD + 'id = "S"\n', "line 4 column 9"),
        (HEAD + 'x = "a', "line 4 column 7"),
        (HEAD + "x = \x00", "line 4 column 5"),
        (HEAD + 'x = "a\\u0000"', "$.advisory.x"),
        (HEAD + 'x = ["a", "\\u0000"]', "$.advisory.x[1]"),
        (HEAD + '"\\u0000" = 1', "$.advisory"),
        (HEAD + "x = " + "9" * 5_000, "line 1"),
        (HEAD + "x = " + "[" * 50_000 + "]" * 10_000, "line 4 column 205"),
        (HEAD + "x = " + "{a=" * 10_000, "line 4 column 605"),
        (HEAD + ".".join("a" * 20_000) + " = 1", "line 4 column 402"),
        ("[advisory]\nid = 7\n", "$.advisory.id"),
        ('[advisory]\npackage = "a"\n', "$.advisory.id"),
        ('[advisory]\nid = "R"\n', "$.advisory.package"),
        ('[advisory]\nid = "R"\npackage = []\n', "$.advisory.package"),
        (HEAD + 'aliases = "x"\n', "$.advisory.aliases"),
        (HEAD + "aliases = [1]\n", "$.advisory.aliases[0]"),
        (HEAD + "cvss = 1\n", "$.advisory.cvss"),
        (HEAD + "date = 1e999\n", "$.advisory.date"),
        (HEAD + "collection = 1\n", "$.advisory.collection"),
        (HEAD + "[affected]\nos = 1\n", "$.affected.os"),
        (HEAD + "[affected]\nfunctions = 1\n", "$.affected.functions"),
        (HEAD + "[affected]\nfunctions = { f = 1 }\n", "$.affected.functions.f"),
        ("versions = 1\n" + HEAD, "$.versions"),
        (HEAD + "[versions]\npatched = [1]\n", "$.versions.patched[0]"),
        (HEAD + "[versions]\npatched = {}\n", "$.versions.patched"),
    ],
)
def test_refuses_and_says_where(text: str, place: str) -> None:
    with pytest.raises(Malformed) as told:
        advisories.read(text.encode())
    assert told.value.place == place


def test_bytes_that_are_no_utf_8_have_their_line() -> None:
    with pytest.raises(Malformed) as told:
        rustsec.read(HEAD.encode() + b'x = "\xff"\n')
    assert (told.value.place, told.value.got) == ("line 4", "the byte 0xff")


@pytest.mark.parametrize("text", ["", "# a heading", '{"id": 1}', "<advisory>", "[package]\nname = 'a'"])
def test_other_texts_are_not_read(text: str) -> None:
    with pytest.raises(NotRead):
        read(text)


def test_brackets_in_strings_and_comments_are_no_nesting() -> None:
    said = read(HEAD + 'x = "' + "[" * 1_000 + "\"\ny = '''" + "{" * 1_000 + "'''\n# " + "[" * 1_000 + "\n")
    assert said.id == "R"


def test_sizes_and_depths_are_limited() -> None:
    size = len(TOML.encode())
    assert rustsec.read(TOML.encode(), limits=Limits(max_front_matter=size, max_bytes=size))
    for limits, place in (
        (Limits(max_front_matter=size - 1), "line 1"),
        (Limits(max_bytes=size - 1), "byte 0"),
    ):
        with pytest.raises(TooLarge) as told:
            rustsec.read(TOML.encode(), limits=limits)
        assert told.value.place == place
    deep = HEAD + "x = [[1]]\n"
    assert rustsec.read(deep.encode(), limits=Limits(max_depth=2))
    with pytest.raises(TooLarge) as told:
        rustsec.read(deep.encode(), limits=Limits(max_depth=1))
    assert told.value.place == "line 4 column 6"
    with pytest.raises(TooLarge) as told:
        rustsec.read((HEAD + '[versions]\npatched = [">= 1"]').encode(), limits=Limits(max_events=0))
    assert told.value.place == "$.versions.patched"


def test_the_largest_front_matter_is_read_in_time() -> None:
    line = "x" + ".x" * 150 + " = 1\n"
    body = HEAD + "".join(f"[t{i}]\n{line}" for i in range(190))
    assert 55_000 < len(body) < 65_536
    assert read(body).id == "R"


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_mutated_good_file_is_read_or_refused(data: st.DataObject) -> None:
    lines = MARKDOWN.split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "repeat", "swap", "cut", "value", "bytes"]))
        if what == "drop":
            lines[at] = ""
        elif what == "repeat":
            lines.insert(at, lines[at])
        elif what == "swap":
            lines[at], lines[-1] = lines[-1], lines[at]
        elif what == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, 20))]
        elif what == "value" and "=" in lines[at]:
            value = data.draw(
                st.sampled_from(["1", "[]", "{}", "nan", "1e999", "2020-01-01", '"^^"', "[1]", "true"])
            )
            lines[at] = lines[at].partition("=")[0] + "= " + value
        else:
            lines[at] += data.draw(st.text(max_size=4))
    try:
        said = advisories.read("\n".join(lines).encode("utf-8", "surrogatepass"))
    except SbomError:
        return
    match.advisory_ranges(said)


def _is_unaffected(text: str, version: str) -> bool:
    """One requirement as RustSec reads it, said directly: every comparator holds."""
    for part in text.split(","):
        bare = part.strip()
        op = bare[: len(bare) - len(bare.lstrip("<>=^~"))]
        bound = bare[len(op) :].strip()
        numbers = bound.partition("-")[0]
        full = numbers + ".0" * (2 - numbers.count(".")) + bound[len(numbers) :]
        order = versions.compare("semver", version, full)
        if op in ("", "^"):
            major, minor, _ = (int(n) for n in (numbers + ".0.0").split(".")[:3])
            assert major == 0
            assert minor > 0
            top = f"0.{minor + 1}.0-0"
            holds = order >= 0 and versions.compare("semver", version, top) < 0
        else:
            holds = {">=": order >= 0, ">": order > 0, "<": order < 0, "<=": order <= 0, "=": order == 0}[op]
        if not holds:
            return False
    return True


def test_all_advisories_of_the_fixtures_match_as_their_requirements_say(fixtures: Path) -> None:
    paths = sorted((fixtures / "vuln/rustsec_advisory-db").rglob("*.md"))
    assert len(paths) == 63
    compared = 0
    for path in paths:
        data = path.read_bytes()
        said = advisories.read(data)
        assert (said.format, said.id, said.problems) == ("RustSec", path.stem, ())
        assert said.summary
        assert said.details
        one = said.affected[0]
        assert one.package_key == f"pkg:cargo/{path.parent.name}"
        held = tomllib.loads(data.decode().split("```")[1].removeprefix("toml"))["versions"]
        requirements = [*held.get("patched", []), *held.get("unaffected", [])]
        bounds = {p.strip().lstrip("<>=^~ ") for r in requirements for p in r.split(",")} | {
            "0.0.1",
            "9999.0.0",
        }
        for bound in bounds:
            base = bound + ".0" * (2 - bound.partition("-")[0].count(".")) if "-" not in bound else bound
            for version in (base, base.partition("-")[0] + "-alpha.1", base.partition("-")[0] + "-0"):
                expected = not any(_is_unaffected(r, version) for r in requirements)
                found = match.match(Component(one.name, version, purl=f"{one.package_key}@{version}"), one)
                assert (found is not None) == expected, (path.name, version)
                assert found is None or found.certainty == "confirmed"
                compared += 1
    assert compared > 500
