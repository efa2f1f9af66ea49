"""Version order: exact, coarse and doubtful; and the published order tests."""

import json
from functools import cmp_to_key
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sbom import disagreements
from vouchsafe.sbom import versions
from vouchsafe.sbom.limits import MAX_VERSION_CHARS
from vouchsafe.sbom.versions import Doubt, coarse, compare


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
        ("gem", "1.0.a 1.0 1.0.1 1.10"),
        ("apk", "1.0_alpha1 1.0 1.0-r1 1.0.1"),
    ],
)
def test_orders_each_ecosystem(scheme: str, ascending: str) -> None:
    listed = ascending.split()
    for i, a in enumerate(listed):
        for j, b in enumerate(listed):
            assert compare(scheme, a, b) == (i > j) - (i < j), (a, b)


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
        ("apk", "01.2"),
        ("datetime", "2024-01-01T00:00:00Z"),
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
SCHEMES = [
    "semver",
    "nuget",
    "composer",
    "pypi",
    "gem",
    "maven",
    "deb",
    "rpm",
    "apk",
    "alpm",
    "ebuild",
    "conan",
    "openssl",
]


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=150, deadline=None)
@given(a=VERSION, b=VERSION)
def test_the_coarse_key_never_turns_the_order_round(scheme: str, a: str, b: str) -> None:
    """a <= b implies key(a) <= key(b), bytewise; and only text that `compare` takes has a key."""
    x, y = coarse(scheme, a), coarse(scheme, b)
    if x is None or y is None:
        return
    order = compare(scheme, a, b)
    if order <= 0:
        assert x <= y
    if order >= 0:
        assert x >= y


def test_the_published_order_tests_agree(fixtures: Path) -> None:
    wrong, count = set(), 0
    for path in sorted((fixtures / "vuln/package-url_vers-spec/tests").glob("*.json")):
        for i, case in enumerate(json.loads(path.read_bytes())["tests"]):
            if case["test_type"] not in ("comparison", "equality"):
                continue
            count += 1
            scheme = case["input"]["input_scheme"]
            scheme = {"gentoo": "ebuild", "npm": "semver"}.get(scheme, scheme)
            listed, expected = case["input"]["versions"], case["expected_output"]
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
    assert count == 182
    assert wrong == disagreements("vers")


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
    assert (right, doubt) == (75, 10)


def test_scheme_of() -> None:
    assert versions.scheme_of("pkg:cargo/time") == "semver"
    assert versions.scheme_of("pkg:deb/debian/curl") == "deb"
    assert versions.scheme_of("pkg:generic/curl") is None
