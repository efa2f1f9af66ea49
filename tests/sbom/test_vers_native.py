"""Package managers' own ranges, as vers."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.sbom.errors import Malformed, SbomError, TooLarge
from vouchsafe.sbom.limits import MAX_CONSTRAINTS, MAX_VERS_CHARS, MAX_VERSION_CHARS
from vouchsafe.sbom.vers import contains, parse
from vouchsafe.sbom.vers_native import from_native
from vouchsafe.sbom.versions import Doubt

CASES = {
    # https://github.com/npm/node-semver#ranges
    ("npm", "^1.2.3"): ">=1.2.3|<2.0.0",
    ("npm", "^0.2.3"): ">=0.2.3|<0.3.0",
    ("npm", "^0.0.3"): ">=0.0.3|<0.0.4",
    ("npm", "^0.0"): ">=0.0.0|<0.1.0",
    ("npm", "^0.x"): ">=0.0.0|<1.0.0",
    ("npm", "^1.2.3-beta.2"): ">=1.2.3-beta.2|<2.0.0",
    ("npm", "~1.2.3"): ">=1.2.3|<1.3.0",
    ("npm", "~1.2"): ">=1.2.0|<1.3.0",
    ("npm", "~1"): ">=1.0.0|<2.0.0",
    ("npm", "1.2.x"): ">=1.2.0|<1.3.0",
    ("npm", "1.2"): ">=1.2.0|<1.3.0",
    ("npm", "v1.2.3"): "1.2.3",
    ("npm", "*"): "*",
    ("npm", ""): "*",
    ("npm", "1.2.3 - 2.3.4"): ">=1.2.3|<=2.3.4",
    ("npm", "1.2 - 2"): ">=1.2.0|<3.0.0",
    ("npm", ">1.2"): ">=1.3.0",
    ("npm", "<=1.2"): "<1.3.0",
    ("npm", ">= 1.2.3 < 2"): ">=1.2.3|<2.0.0",
    ("npm", "<1.0.0 || >=2.0.0 <3.0.0"): "<1.0.0|>=2.0.0|<3.0.0",
    ("npm", "^1.0.0 || ^2.0.0"): ">=1.0.0|<3.0.0",
    ("npm", "<=2.0.0 || 3.0.0"): "<=2.0.0|3.0.0",
    ("golang", ">=1.0.0 <1.5.2"): ">=1.0.0|<1.5.2",
    ("cargo", "1.2"): ">=1.2.0|<2.0.0",
    ("cargo", "=1.2.3"): "1.2.3",
    ("cargo", "1.*"): ">=1.0.0|<2.0.0",
    ("cargo", ">=1.2, <1.5"): ">=1.2.0|<1.5.0",
    ("composer", "~1.2"): ">=1.2.0|<2.0.0",
    ("composer", "~1.2.3"): ">=1.2.3|<1.3.0",
    ("composer", "1.0.*"): ">=1.0.0|<1.1.0",
    ("composer", "<=3.8.0||>=4.0.0-alpha <=4.0.0-rc2"): "<=3.8.0|>=4.0.0-alpha|<=4.0.0-rc2",
    ("composer", ">=1.0 <2.0 | 1.0 - 1.2"): ">=1.0.0|<2.0.0",
    ("composer", "!=1.5.0"): "!=1.5.0",
    ("hex", "~> 1.2"): ">=1.2.0|<2.0.0",
    ("hex", "~> 1.2.3 and != 1.2.5 or 3.0.0"): ">=1.2.3|!=1.2.5|<1.3.0|3.0.0",
    ("conan", "^1.2"): ">=1.2|<2-",
    ("conan", "~1.2.3"): ">=1.2.3|<1.3-",
    ("conan", "[>1 <2]"): ">1|<2",
    ("conan", ">1 <2.0, include_prerelease"): ">1|<2.0",
    ("conan", ">=1.0 || <0.5"): "<0.5|>=1.0",
    ("conan", "*"): ">=0.0.0",
    ("gem", "~> 2.2"): ">=2.2|<3",
    ("gem", "~>2.0.8"): ">=2.0.8|<2.1",
    ("gem", "~> 2.2.0, != 2.2.1, < 2.3.0"): ">=2.2.0|!=2.2.1|<2.3",
    ("gem", "~> 1.2.a3"): ">=1.2.a3|<2",
    ("gem", ">=1.0, =1"): "1.0",
    ("maven", "(,1.0),(1,)"): "!=1.0",
    ("gem", "1.0"): "1.0",
    ("pypi", ">= 1.0"): ">=1.0",
    ("pypi", ">=1.0, !=1.5, <2.0"): ">=1.0|!=1.5|<2.0",
    ("pypi", "~=1.4.2"): ">=1.4.2|<1.5.dev0",
    ("pypi", "==1.4.*"): ">=1.4.dev0|<1.5.dev0",
    ("pypi", "!=1.4.*"): "<1.4.dev0|>=1.5.dev0",
    ("pypi", "===1.0"): "1.0",
    ("maven", "[1.0,2.0)"): ">=1.0|<2.0",
    ("maven", "(,1.0],[1.2,)"): "<=1.0|>=1.2",
    ("maven", "(,1.1),(1.1,)"): "!=1.1",
    ("maven", "(,5.2.0)"): "<5.2.0",
    ("maven", "[1.0]"): "1.0",
    ("maven", "1.0"): ">=1.0",
    ("nuget", "[3.10.1,4)"): ">=3.10.1|<4.0.0",
    ("nuget", "(1.0,)"): ">1.0.0",
    ("nuget", "[1.0.0.5,2.0.0-RC1]"): ">=1.0.0.5|<=2.0.0-rc1",
    ("nuget", "1.*"): ">=1.0.0",
    ("deb", "(>= 2:4.13.1), (<< 3:1.1.25~)"): ">=2:4.13.1|<3:1.1.25~",
    ("deb", "< 2.0"): "<=2.0",
    ("rpm", ">= 1:1.1.4, < 2:0"): ">=1:1.1.4|<2:0",
    ("rpm", "<> 1.0"): "!=1.0",
    ("apk", ">=1.0-r1 <2"): ">=1.0-r1|<2",
    ("nginx", "0.7.52-0.8.39"): ">=0.7.52|<=0.8.39",
    ("nginx", "1.1.4-1.2.8, 1.3.9-1.4.0"): ">=1.1.4|<=1.2.8|>=1.3.9|<=1.4.0",
    ("nginx", "1.21.0+, 1.20.1+"): ">=1.20.1",
    ("nginx", "nginx/Windows 1.20.1+"): ">=1.20.1|<1.21.0",
    ("nginx", "all"): "*",
    ("openssl", "1.0.1af, 3.0.1,1.1.1nf"): "1.0.1af|1.1.1nf|3.0.1",
    ("lexicographic", ">=a,<b"): ">=a|<b",
    ("generic", ">1.0 || 0.5"): "0.5|>1.0",
}


@pytest.mark.parametrize(("scheme", "text"), sorted(CASES))
def test_a_native_range_becomes_a_canonical_vers(scheme: str, text: str) -> None:
    made = from_native(scheme, text)
    assert str(made) == f"vers:{scheme}/{CASES[scheme, text]}"
    assert parse(str(made)) == made


def test_a_range_of_nothing_is_the_type_none() -> None:
    for scheme, text in (("npm", ">2 <1"), ("nginx", "none"), ("pypi", "==1.0,==2.0"), ("npm", "<*")):
        assert str(from_native(scheme, text)) == "vers:none/*"


def test_pre_releases_between_the_bounds_are_held() -> None:
    assert contains(from_native("npm", "^1.2.3-beta.2"), "1.2.3-beta.3")
    assert contains(from_native("npm", ">=1.0.0"), "1.1.0-rc.1")


@pytest.mark.parametrize(
    ("scheme", "text", "expected", "got"),
    [
        ("npm", "1.2.3.4", "a version of up to three numbers", "“1.2.3.4”"),
        ("npm", "latest", "a version of up to three numbers", "“latest”"),
        ("rpm", ">=1\0", "no NUL", r"'>=1\x00'"),
        ("rpm", "\udcdf", "Unicode text", r"'\udcdf'"),
        ("npm", ">=", "comparators and versions", "“>=”"),
        ("cargo", "", "a requirement such as ^1.2", "an empty string"),
        ("composer", "1.0 ||", "a constraint such as ^1.2", "an empty string"),
        ("composer", "dev-main", "a version of up to three numbers", "“dev-main”"),
        ("hex", "1.0 or ", "a requirement such as ~> 1.2", "an empty string"),
        ("conan", ">1 || ", "a constraint such as >1.0 <2", "an empty string"),
        ("conan", "^x", "numbers after ~ or ^", "“x”"),
        ("gem", "~> a", "numbers after ~>", "“a”"),
        ("gem", "", "a requirement such as ~> 1.2", "an empty string"),
        ("pypi", "1.0", "a specifier such as >=1.0", "“1.0”"),
        ("pypi", ">=1.0; python_version<'3'", "a specifier such as >=1.0", "“>=1.0; python_version<'3'”"),
        ("pypi", ">=1.*", "a wild card after == or != only", "“>=1.*”"),
        ("pypi", "~=1", "a release of two numbers or more", "“1”"),
        ("maven", "[1.0", "an interval such as [1.0,2.0)", "“[1.0”"),
        ("maven", "(1.0)", "a single version in square brackets", "“(1.0)”"),
        ("maven", "[2.0,1.0]", "a lower end below the upper", "“[2.0,1.0]”"),
        ("maven", "[1.0,2.0];[3.0]", "a comma and another interval", "“;[3.0]”"),
        ("maven", "[1.0,2.0],", "a comma and another interval", "“,”"),
        ("nuget", "[a,b]", "a NuGet version", "“a”"),
        ("deb", "~> 1", "one of << <= = >= >>", "“~>1”"),
        ("deb", "()", "a comparator and a version", "“()”"),
        ("rpm", "^1.0", "one of = != < <= > >=", "“^1.0”"),
        ("rpm", "1.0 ||", "a comparator and a version", "an empty string"),
        ("openssl", "1.0.1,,3", "a version", "an empty string"),
        ("nginx", "x+", "a version such as 1.20.1", "“x+”"),
    ],
)  # fmt: skip
def test_what_is_no_range_is_refused(scheme: str, text: str, expected: str, got: str) -> None:
    with pytest.raises(Malformed) as told:
        from_native(scheme, text)
    assert (told.value.place, told.value.expected, told.value.got) == ("native range", expected, got)


def test_a_type_without_an_order_is_refused_and_odd_versions_are_doubt() -> None:
    with pytest.raises(Malformed) as told:
        from_native("tomee", ">1")
    assert told.value.place == "vers type"
    with pytest.raises(Doubt):
        from_native("rpm", ">1.0-1, <1.0")


def test_a_range_past_the_limits_is_refused() -> None:
    most = ", ".join([">=1.0"] * MAX_CONSTRAINTS)
    assert str(from_native("rpm", most)) == "vers:rpm/>=1.0"
    for text, got in ((most + ", >=1.0", "more"), ("1" * (MAX_VERS_CHARS + 1), "65,537")):
        with pytest.raises(TooLarge) as told:
            from_native("rpm", text)
        assert (told.value.place, told.value.got) == ("native range", got)


@pytest.mark.parametrize(
    "scheme", ["npm", "gem", "pypi", "maven", "nuget", "conan", "nginx", "openssl", "deb"]
)
def test_a_version_past_the_limit_is_refused(scheme: str) -> None:
    before, after = {"npm": ("<", ""), "pypi": (">=", ""), "maven": ("[", ",)"), "nuget": ("[", ",)")}.get(
        scheme, ("", "")
    )
    longest = "1" * MAX_VERSION_CHARS
    assert longest in str(from_native(scheme, before + longest + after))
    with pytest.raises(TooLarge) as told:
        from_native(scheme, before + longest + "1" + after)
    assert (told.value.place, told.value.expected) == ("native range", "a version of at most 128 characters")


@pytest.mark.parametrize(
    "scheme", ["npm", "maven", "gem", "pypi", "conan", "deb", "nginx", "composer", "hex"]
)
def test_no_text_makes_a_reader_slow(scheme: str) -> None:
    start = time.process_time()
    for unit in ("[", "(,", "1", "1.", " ", ">", "~", "x", "^1 ", "||", "- ", "\t", "[1,2),"):
        try:
            from_native(scheme, unit * (20_000 // len(unit)))
        except SbomError:
            pass
    assert time.process_time() - start < 4


MARKS = st.sampled_from(
    ["^", "~", "~>", ">=", "<", "!=", "==", "=", "1", "1.2", "1.2.3", "x", "*", ".", "-", " - ", ",", " ", "||", "[",
     "]", "(", ")", "+", "rc1", "\0", "é", ";"]
)  # fmt: skip
SCHEMES = ["npm", "cargo", "composer", "hex", "conan", "gem", "pypi", "maven", "nuget", "deb", "rpm", "nginx"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SCHEMES), st.lists(MARKS, max_size=10).map("".join))
def test_any_text_is_a_canonical_range_or_refused(scheme: str, text: str) -> None:
    try:
        made = from_native(scheme, text)
    except SbomError:
        return
    assert parse(str(made)) == made
