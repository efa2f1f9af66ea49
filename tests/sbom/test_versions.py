"""Version order: exact, coarse and doubtful; and the published order tests."""

import json
import time
from functools import cmp_to_key
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import disagreements
from vouchsafe.sbom import versions
from vouchsafe.sbom.limits import MAX_VERSION_CHARS
from vouchsafe.sbom.versions import Doubt, coarse, compare, scheme_of_vers

LISTED = Path(__file__).parent / "disagreements_vers.tsv"


@pytest.mark.parametrize(
    ("scheme", "ascending"),
    [
        # semver.org 2.0.0 section 11
        (
            "semver",
            "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0 2.1.0 2.1.1",
        ),
        ("semver", "0.103.8 0.103.13 0.104.0-alpha.1 0.104.0-alpha.7 0.104.0"),
        ("nuget", "1.0.0-alpha 1.0.0 1.0.0.1 1.0.1 1.10.0"),
        ("composer", "1.0.0-dev 1.0-alpha2 1.0-beta1 1.0-RC1 1.0 1.0-p1 1.0.0.1"),
        ("pypi", "1.0.dev1 1.0a1 1.0rc1 1.0 1.0.post1 1.1 1!0.1"),
        ("deb", "3.0.19-1~deb12u2 3.0.19-1 3.0.19-1+b1 1:1.0"),
        ("rpm", "1.0-1 1.0-2 1.0.1-1 1:0.1-1"),
        ("maven", "1.0-alpha-1 1.0-SNAPSHOT 1.0 1.0-sp-1 1.0.1"),
        ("maven", "4.1.RELEASE 5.0.M1 5.0.RC1.RELEASE 5.0.RELEASE 5.1.FINAL 5.2.CR1 5.2.Final-redhat-1"),
        ("composer", "1.0-RC7 1.0-RC7.1 1.0-RC7.2 1.0-RC8 1.0"),
        ("gem", "1.0.a 1.0 1.0.1 1.10"),
        # apk-tools 3, version.c: pre-release suffixes, the end, revision, hash, suffix number, other suffixes, letter
        (
            "apk",
            "1.0_alpha1 1.0_beta 1.0_pre2 1.0_rc 1.0_rc1 1.0 1.0-r0 1.0-r1 1.0~abc 1.0_git 1.0_p1 1.0b 1.0.1",
        ),
        ("apk", "1.0 1.01 1.010 1.1 1.9 1.10"),
        ("apk", "1.2 003 4"),
        ("dart", "1.0.0-dev 1.0.0 1.0.0+1 1.0.0+2 1.0.1"),
        ("actions", "v3.9.9 4.0.0-rc.1 4.0.0 v4.1.7"),
        ("cpan", "0.9 v1.0.3 1.002 1.002003 1.02 v1.20.1 1.2 2"),
        ("cran", "1.0 1.0.0 1.0-1 1.0.2 1.10"),
        ("hackage", "1.0 1.0.0 1.0.1 1.1"),
        ("generic", "0 1 1.0.1 1.9 1.10 2"),
        ("intdot", "0 1.2alpha 1.2.1rc 1.10 10.2.0.1-x"),
        ("lexicographic", "A B a a1 aa b ä"),
        (
            "datetime",
            "2023-12-31T19:00:00-04:59 2024-01-01T00:00:00.09Z 2024-01-01T00:00:00.123Z "
            "2024-01-01T00:00:01Z 2024-01-01T00:00:02+00:00 2024-06-30T23:59:59Z 2024-06-30T23:59:60Z",
        ),
        ("alpm", "1.0a 1.0alpha 1.0b 1.0rc 1.0 1.0.a 1.0.1 1:0.5"),
        ("ebuild", "1.0_alpha 1.0 1.0-r1 1.0_p1 1.0a 1.0.1"),
        ("openssl", "0.9.8z 1.0.1 1.0.1f 1.1.1 3.0.0 3.0.10"),
        ("conan", "1.0-rc 1.0 1.0.1 1.a 2"),
    ],
)
def test_orders_each_ecosystem(scheme: str, ascending: str) -> None:
    listed = ascending.split()
    for i, a in enumerate(listed):
        for j, b in enumerate(listed):
            assert compare(scheme, a, b) == (i > j) - (i < j), (a, b)


@pytest.mark.parametrize("other", ["5.2.RELEASE", "5.2-release", "5.2.0.GA", "5.2RELEASE", "5.2.Final"])
def test_the_words_for_a_release_in_maven_say_nothing(other: str) -> None:
    """https://maven.apache.org/pom.html#version-order-specification: "final", "ga" and "release" are trimmed."""
    assert compare("maven", "5.2", other) == compare("maven", other, "5.2") == 0


@pytest.mark.parametrize("pair", ["5.0.M1 5.0-1", "1.0.RC1 1.0-RC2", "1-1 1-ga-1"])
def test_where_newer_and_older_mavens_differ_is_doubt(pair: str) -> None:
    with pytest.raises(Doubt):
        compare("maven", *pair.split())


def test_a_pre_release_behind_a_hyphen_is_a_gems_own() -> None:
    assert compare("gem", "1.0-rc1", "1.0") == -1


def test_build_metadata_does_not_count_in_semver() -> None:
    assert compare("semver", "1.0.0+a", "1.0.0+b") == 0
    assert compare("semver", "v1.0.0", "1.0.0+incompatible") == 0


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("semver", "1.0.0.0"),
        ("semver", "01.0.0"),
        ("semver", "1.0.0-"),
        ("semver", ""),
        ("semver", "latest"),
        ("semver", "١.0.0"),
        ("pypi", "not a version"),
        ("composer", "dev-main"),
        ("maven", "v1.0"),  # Maven puts it below 0, univers takes the letter away
        ("gem", "1.0-java"),  # a platform, which RubyGems would read as a pre-release
        ("gem", "1.0-x86_64-linux"),
        ("gem", "1.0-aarch64-linux-gnu"),
        ("semver", "1.0.0 "),
        ("semver", "1.0\0.0"),
        ("pypi", "1. 0"),  # univers takes the space away
        ("deb", "١.٠"),  # and takes other scripts' digits for digits
        ("rpm", "1.०"),
        ("gem", "1\u2028"),
        ("maven", "１.0"),
        ("alpm", "1.0\n"),
        ("apk", "1.0bc"),
        ("apk", "1.0_foo"),
        ("dart", "1.0"),
        ("actions", "v4"),
        ("actions", "v4.1"),
        ("cpan", "1.02_03"),
        ("cran", "1.0a"),
        ("generic", "1.0-1"),
        ("intdot", "a1"),
        ("datetime", "2024-01-01"),
        ("datetime", "2024-02-30T00:00:00Z"),
        ("datetime", "2024-01-01T24:00:00Z"),
        ("datetime", "0000-01-01T00:00:00Z"),
        ("datetime", "2024-01-01T00:00:00+24:00"),
        ("lexicographic", "\ud800"),
        ("nothing", "1.0"),
        ("semver", "1." + "0" * MAX_VERSION_CHARS),
    ],
)
def test_what_is_no_version_is_doubt_and_has_no_coarse_key(scheme: str, text: str) -> None:
    with pytest.raises(Doubt):
        compare(scheme, text, "1.0.0")
    with pytest.raises(Doubt):
        compare(scheme, "1.0.0", text)
    assert coarse(scheme, text) is None


def test_the_longest_version_is_compared_and_one_longer_is_doubt() -> None:
    longest = "1.0.0-" + "a" * (MAX_VERSION_CHARS - 6)
    assert compare("semver", longest, "1.0.0") == -1
    with pytest.raises(Doubt):
        compare("semver", longest + "a", "1.0.0")


@pytest.mark.parametrize(
    ("key", "version", "expected"),
    [
        ("pkg:cargo/time", "0.3.44", "00:00000000.00000003.00000044"),
        ("pkg:cargo/time", "0.3.44-rc.1", "00:00000000.00000003.00000044"),
        ("pkg:npm/a", "1.2", "00:00000001.00000002.00000000"),
        ("pkg:npm/a", "99999999.1.1", "00:99999999.99999999.99999999"),
        ("pkg:npm/a", "100000000.0.0", "00:99999999.99999999.99999999"),
        ("pkg:npm/a", "1.99999999.3", "00:00000001.99999999.99999999"),
        ("pkg:pypi/a", "2!1.4.3.9rc1", "02:00000001.00000004.00000003"),
        ("pkg:pypi/a", "99!1", "99:99999999.99999999.99999999"),
        ("pkg:deb/debian/a", "1:2.3.4-1", "01:00000002.00000000.00000000"),
        ("pkg:generic/a", "1.2.3", None),
        ("pkg:github/a/b", "1.2.3", None),
    ],
)
def test_coarse_keys(key: str, version: str, expected: str | None) -> None:
    assert coarse(key, version) == expected


NUMBER = st.one_of(st.integers(0, 12), st.sampled_from([99_999_998, 99_999_999, 100_000_000, 10**12])).map(
    str
)
DOTTED = st.lists(NUMBER, min_size=1, max_size=5).map(".".join)
TAIL = st.sampled_from(
    [
        "",
        "-1",
        "-alpha",
        "-alpha.1",
        "-rc1",
        "a1",
        "rc2",
        ".dev3",
        ".post1",
        "~rc1",
        "+b1",
        "-SNAPSHOT",
        ".a",
        ".a.5",
        "_alpha1",
        "-r3",
        "b",
        "-2.3",
        "^git1",
        ".RELEASE",
        "-sp-1",
    ]
)
EPOCH = st.sampled_from(["", "", "0:", "1:", "2!", "98!", "120:"])
VERSION = st.tuples(EPOCH, DOTTED, TAIL).map("".join) | st.from_regex(r"[0-9a-c.~+:_-]{1,12}", fullmatch=True)
# How each ecosystem's own versions look: what a random text would seldom hit.
SMALL = st.integers(0, 30).map(str)
THREE = st.lists(SMALL, min_size=3, max_size=3).map(".".join)
SOME = st.lists(SMALL | st.just("0"), min_size=1, max_size=4).map(".".join)
WORDS = {
    "semver": ["", "-alpha", "-alpha.1", "-rc.2", "-0", "+b1", "-0.20240102030405-abcdef123456"],
    "dart": ["", "-dev.1", "+1", "+2", "-dev+3"],
    "nuget": ["", "-beta", "-BETA2", "-rc.1+m", ".7", ".0-a"],
    "composer": ["", "-dev", "-alpha2", "-RC1", "-p1", ".1", "beta1"],
    "pypi": ["", "a1", "b2", "rc1", ".dev3", ".post1", "rc1.dev2", "+local.1"],
    "gem": ["", ".pre", ".rc1", ".beta.2", "-java", ".a"],
    "maven": ["", "-SNAPSHOT", "-alpha-1", "-rc1", ".Final", "-sp", ".RELEASE", "-jre", "-M2"],
    "deb": ["", "-1", "-1~deb12u2", "+dfsg-2", "~rc1-1", "-1ubuntu0.1", "a-1", "-1+b1"],
    "rpm": ["-1", "-1.el9", "-2.el9_3.1", "~rc1-1", "^git1-1", "-1.fc39", "a-1"],
    "apk": ["", "-r0", "-r12", "_rc1", "_git20240101-r1", "_p2", "a", "_alpha_p1"],
    "alpm": ["-1", "-2", ".r5.gabc-1", "rc1-1", "a-1"],
    "ebuild": ["", "-r1", "_rc1", "_p2", "b", "_alpha1_p2"],
    "cpan": ["", "0", "001"],
    "cran": ["", "-1", "-12"],
    "conan": ["", "-rc1", "+b2", ".a"],
    "openssl": ["", "a", "zh", "-beta1"],
}
EPOCHS = {"deb": ["", "0:", "1:", "2:"], "rpm": ["", "0:", "1:"], "alpm": ["", "1:"], "pypi": ["", "1!"]}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str, str]:
    """A scheme and two versions, as its ecosystem would write them."""
    scheme = draw(st.sampled_from(sorted(WORDS)))
    made = []
    for _ in range(2):
        epoch = draw(st.sampled_from(EPOCHS.get(scheme, [""])))
        numbers = draw(THREE if scheme in ("dart", "openssl") else SOME)
        made.append(epoch + numbers + draw(st.sampled_from(WORDS[scheme])))
    return scheme, made[0], made[1]


def holds_order(scheme: str, a: str, b: str) -> None:
    x, y = coarse(scheme, a), coarse(scheme, b)
    if x is None or y is None:
        return
    try:
        order = compare(scheme, a, b)
    except Doubt:  # two rpm versions of which one has no release: nothing may come between them
        assert x == y
        return
    if order <= 0:
        assert x <= y
    if order >= 0:
        assert x >= y


@settings(max_examples=300, deadline=None)
@given(pairs())
def test_the_coarse_key_keeps_the_order_of_real_versions(pair: tuple[str, str, str]) -> None:
    holds_order(*pair)


@pytest.mark.parametrize("scheme", versions.SCHEMES)
@settings(max_examples=150, deadline=None)
@given(a=VERSION, b=VERSION)
def test_the_coarse_key_never_turns_the_order_round(scheme: str, a: str, b: str) -> None:
    """a <= b implies key(a) <= key(b), bytewise; and only text that `compare` takes has a key."""
    holds_order(scheme, a, b)


OWN = ["semver", "dart", "nuget", "composer", "apk", "cpan", "cran", "hackage", "generic", "intdot"]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(OWN),
    st.lists(st.tuples(SOME, st.sampled_from(["", "-1", "-rc.1", "_p1", "a", "+1"])), min_size=3, max_size=3),
)
def test_the_orders_written_here_are_total(scheme: str, made: list[tuple[str, str]]) -> None:
    a, b, c = ("".join(v) for v in made)
    try:
        ab, bc, ac, ba = (compare(scheme, *p) for p in ((a, b), (b, c), (a, c), (b, a)))
    except Doubt:
        return
    assert ab == -ba
    if ab <= 0 and bc <= 0:
        assert ac <= 0
    if ab == bc == 0:
        assert ac == 0


def test_an_rpm_version_without_release_equals_every_release_of_it_so_it_is_doubt() -> None:
    with pytest.raises(Doubt, match="has no release"):
        compare("rpm", "1.0", "1.0-1")
    assert compare("rpm", "1.0", "1.1-1") == -1
    assert compare("rpm", "1:1.0", "1.0-1") == 1


LONGEST = MAX_VERSION_CHARS
BOMBS = [
    "1" * LONGEST,
    "0" * LONGEST,
    "1." * (LONGEST // 2 - 1) + "1",
    "1-" * (LONGEST // 2 - 1) + "1",
    "1.a" * (LONGEST // 3),
    "1~" * (LONGEST // 2 - 1) + "1",
    "1+" * (LONGEST // 2 - 1) + "1",
    "1.0" + "-a" * 60,
    "1.0.0-" + "-" * (LONGEST - 7) + "!",
    "1.0.0-" + "a." * 60 + "!",
    "1" + "_rc" * 42 + "!",
    "1_p1" * (LONGEST // 4),
    "1.0a" + "1a" * 60,
    "1" + "." * (LONGEST - 1),
    "v" * LONGEST,
    "-" * LONGEST,
    "1:" * (LONGEST // 2 - 1) + "1",
]


@pytest.mark.parametrize("scheme", sorted(set(versions._EXACT)))
def test_no_version_makes_a_comparator_slow(scheme: str) -> None:
    """At the limit of length, 51 pairs of what is bad for regexes, splitters and recursion: milliseconds each."""
    start = time.process_time()
    for bomb in BOMBS:
        for other in (bomb[:-1] + "2", bomb[:-1], "1.0"):
            try:
                compare(scheme, bomb, other)
            except Doubt:
                pass
            coarse(scheme, bomb)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("scheme", ["semver", "deb", "maven", "lexicographic", "datetime"])
def test_a_version_of_a_megabyte_is_doubt_at_once(scheme: str) -> None:
    start = time.process_time()
    with pytest.raises(Doubt):
        compare(scheme, "1" * 1_000_000, "1")
    assert coarse(scheme, "1" * 1_000_000) is None
    assert time.process_time() - start < 0.1


@given(st.sampled_from(sorted(versions._EXACT)), st.text(max_size=20), st.text(max_size=20))
def test_any_two_texts_are_ordered_or_doubt(scheme: str, a: str, b: str) -> None:
    try:
        assert compare(scheme, a, b) == -compare(scheme, b, a)
    except Doubt as told:
        assert str(told)


def test_the_published_order_tests_agree(fixtures: Path) -> None:
    wrong: set[tuple[str, str]] = set()
    count = 0
    for path in sorted((fixtures / "vuln/package-url_vers-spec/tests").glob("*.json")):
        for i, case in enumerate(json.loads(path.read_bytes())["tests"]):
            if case["test_type"] not in ("comparison", "equality"):
                continue
            count += 1
            asked = case["input"]
            scheme = scheme_of_vers(asked.get("input_scheme") or asked.get("input_type") or "") or ""
            listed, expected = asked["versions"], case["expected_output"]
            try:
                if case["test_type"] == "equality":
                    agrees = all(compare(scheme, listed[0], v) == 0 for v in listed) is expected
                else:
                    got = sorted(listed, key=cmp_to_key(lambda a, b, s=scheme: compare(s, a, b)))
                    # NuGet's expected lists are written in lower case; the order is what is compared.
                    agrees = [v.lower() for v in got] == [v.lower() for v in expected]
            except Doubt:
                agrees = False
            if not agrees:
                wrong.add((path.name, str(i)))
    assert count >= 182
    disagreements.compare(LISTED, "vers-order", wrong)


def test_packagist_order_cases_are_never_wrong_and_seldom_doubtful(fixtures: Path) -> None:
    text = (fixtures / "vuln/google_osv.dev/osv/ecosystems/testdata/packagist_test_cases.txt").read_text()
    right = doubt = 0
    for line in text.splitlines():
        if not line.strip() or line.startswith("//"):
            continue
        a, sign, b = line.split()[:3]
        try:
            got = compare("composer", a, b)
        except Doubt:
            doubt += 1
            continue
        assert got == {"<": -1, "=": 0, ">": 1}[sign], line
        right += 1
    assert (right, doubt) == (77, 8)


def test_scheme_of() -> None:
    assert versions.scheme_of("pkg:cargo/time") == "semver"
    assert versions.scheme_of("pkg:deb/debian/curl") == "deb"
    assert versions.scheme_of("pkg:generic/curl") is None
    assert [scheme_of_vers(n) for n in ("npm", "gentoo", "datetime", "nginx", "tomee")] == [
        "semver",
        "ebuild",
        "datetime",
        "semver",
        None,
    ]
