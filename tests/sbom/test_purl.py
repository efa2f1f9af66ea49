"""Package URLs and the keys made of them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import disagreements
from vouchsafe.sbom import purl
from vouchsafe.sbom.errors import Malformed
from vouchsafe.sbom.limits import MAX_PURL_CHARS, MAX_PURL_QUALIFIERS

LISTED = Path(__file__).parent / "disagreements_purl.tsv"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("pkg:cargo/rustls-webpki@0.103.8", "pkg:cargo/rustls-webpki"),
        ("pkg:cargo/Rustls_Webpki", "pkg:cargo/rustls-webpki"),
        ("pkg:pypi/Foo.Bar__baz@1", "pkg:pypi/foo-bar-baz"),
        ("pkg:npm/%40angular/animation@12", "pkg:npm/@angular/animation"),
        ("pkg:deb/debian/libssl3@3.0?arch=arm64&distro=debian-12", "pkg:deb/debian/libssl3"),
        ("pkg:maven/org.Apache/Log4J@2", "pkg:maven/org.Apache/Log4J"),
        ("pkg:golang/github.com/Foo/Bar@v1#sub", "pkg:golang/github.com/foo/bar"),
        ("pkg:nuget/EnterpriseLibrary.Common", "pkg:nuget/enterpriselibrary.common"),
    ],
)
def test_keys_fold_spellings(text: str, key: str) -> None:
    assert purl.key(text) == key


def test_equal_keys_are_one_object() -> None:
    assert purl.key("pkg:cargo/time@0.3.41") is purl.key("pkg:cargo/Time@0.3.44")


@pytest.mark.parametrize(
    ("text", "place", "expected", "got"),
    [
        ("", "purl", "a package URL such as pkg:deb/debian/curl@8.5.0", "an empty string"),
        ("cargo/time", "purl", "a package URL such as pkg:deb/debian/curl@8.5.0", "“cargo/time”"),
        ("pkg%3Acargo/time", "purl", "a package URL such as pkg:deb/debian/curl@8.5.0", "“pkg%3Acargo/time”"),
        ("pkg:", "purl type", "a letter, then letters, digits, dots and dashes", "an empty string"),
        ("pkg:3d/a", "purl type", "a letter, then letters, digits, dots and dashes", "“3d”"),
        ("pkg:n&g?x/a", "purl type", "a letter, then letters, digits, dots and dashes", "“n&g”"),
        ("pkg:ń/a", "purl type", "a letter, then letters, digits, dots and dashes", "“ń”"),
        ("pkg:cargo/", "purl name", "a name", "nothing"),
        ("pkg:cargo", "purl name", "a name", "nothing"),
        ("pkg:maven/@1.0", "purl name", "a name before the version", "nothing"),
        ("pkg:swift/github.com/A/@5", "purl name", "a name before the version", "nothing"),
        ("pkg:cargo/a%", "purl name", "two hex digits after each %", "“%”"),
        ("pkg:cargo/a%4g", "purl name", "two hex digits after each %", "“%4g”"),
        ("pkg:cargo/%ff", "purl name", "UTF-8 under the percent-encoding", "“%ff”"),
        ("pkg:cargo/a@%00", "purl version", "no NUL", r"'\x00'"),
        ("pkg:cargo/a\0", "purl", "no control characters", r"'\x00' at character 12"),
        ("pkg:cargo/a\nb", "purl", "no control characters", r"'\n' at character 12"),
        ("pkg:cargo/%41\ud800", "purl name", "UTF-8 under the percent-encoding", r"'%41\ud800'"),
        ("pkg:cargo/\ud800", "purl name", "Unicode text", r"'\ud800'"),
        ("pkg:generic/a%2Fb/c", "purl namespace", "no slash inside a segment", "“a/b”"),
        ("pkg:cargo/a#b%2Fc", "purl subpath", "no slash inside a segment", "“b/c”"),
        ("pkg:npm/a?in%20x=1", "purl qualifiers", "keys of letters, digits, dots, dashes and underscores",
         "“in%20x”"),
        ("pkg:npm/a?=1", "purl qualifiers", "keys of letters, digits, dots, dashes and underscores",
         "an empty string"),
        ("pkg:npm/a?k=1&K=2", "purl qualifier k", "each key once", "it twice"),
        ("pkg:npm/a?k=%zz", "purl qualifier k", "two hex digits after each %", "“%zz”"),
        # what the type asks for
        ("pkg:golang/stdlib@1.22", "purl namespace", "a namespace: golang packages have one", "nothing"),
        ("pkg:deb/curl", "purl namespace", "a namespace: deb packages have one", "nothing"),
        ("pkg:gem/rails/rack", "purl namespace", "none: gem packages have no namespace", "“rails”"),
        ("pkg:julia/Dates", "purl qualifier uuid", "a value: julia packages need it", "nothing"),
        ("pkg:swid/a/b/c/d?tag_id=x", "purl namespace", "the creator's name and its regid, no more", "“a/b/c”"),
        ("pkg:swid/a", "purl qualifier tag_id", "a value: swid packages need it", "nothing"),
        ("pkg:cpan/URI::PackageURL", "purl name",
         "a distribution's name (URI-PackageURL), not a module's (URI::PackageURL)", "“URI::PackageURL”"),
        ("pkg:chrome-extension/abc", "purl name", "32 letters from a to p", "“abc”"),
        ("pkg:chrome-extension/hlepfoohegkhhmjieoechaddaejaokhf@1.0b", "purl version",
         "one to four numbers with dots between them", "“1.0b”"),
        ("pkg:cocoapods/.hidden", "purl name", "no space, no plus and no leading dot", "“.hidden”"),
    ],
)  # fmt: skip
def test_what_is_no_package_url_is_refused_with_its_place(
    text: str, place: str, expected: str, got: str
) -> None:
    with pytest.raises(Malformed) as told:
        purl.parse(text)
    assert (told.value.place, told.value.expected, told.value.got) == (place, expected, got)


def test_what_a_type_asks_for_is_not_asked_of_parts() -> None:
    for text in ("pkg:golang/stdlib@1.22", "pkg:julia/Dates", "pkg:gem/rails/rack", "pkg:maven/log4j@1"):
        with pytest.raises(Malformed):
            purl.parse(text)
        assert purl.parts(text).name in text
        assert purl.key(text).startswith("pkg:")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("PKG://npm/foo@1", "pkg:npm/foo@1"),
        ("pkg:npm/@babel/core", "pkg:npm/%40babel/core"),
        ("pkg:npm/@babel/core@7", "pkg:npm/%40babel/core@7"),
        ("pkg:npm//foo//bar/@1", None),
        ("pkg:golang/GitHub.com//Gorilla/Context/", "pkg:golang/github.com/gorilla/context"),
        ("pkg:opam/git@3/16.1", "pkg:opam/git@3%2F16.1"),
        ("pkg:generic/a?B=1&a=&c=x%20y", "pkg:generic/a?b=1&c=x%20y"),
        ("pkg:generic/a#/./b/../c/", "pkg:generic/a#b/c"),
        ("pkg:generic/a@", "pkg:generic/a"),
        ("pkg:generic/käse@1", "pkg:generic/k%C3%A4se@1"),
        ("pkg:pub/Flutter-Foo.bar@1", "pkg:pub/flutter_foo_bar@1"),
        ("pkg:hackage/a_b@1", "pkg:hackage/a-b@1"),
        ("pkg:cpan/drolsky/DateTime@1.55", "pkg:cpan/DROLSKY/DateTime@1.55"),
        ("pkg:huggingface/Org/Model@ABC", "pkg:huggingface/Org/Model@abc"),
        ("pkg:oci/Debian@sha256%3A24AF", "pkg:oci/debian@sha256:24af"),
        ("pkg:luarocks/Hisham/LuaSocket@3.1.0-1", "pkg:luarocks/hisham/luasocket@3.1.0-1"),
        ("pkg:otp/ERTS@1#Src", "pkg:otp/erts@1#src"),
        ("pkg:vscode-extension/Red/Hat@1.0-RC", "pkg:vscode-extension/red/hat@1.0-rc"),
        ("pkg:bitnami/WordPress@6?arch=arm64", "pkg:bitnami/wordpress@6?arch=arm64"),
        ("pkg:nuget/EnterpriseLibrary.Common@6", "pkg:nuget/EnterpriseLibrary.Common@6"),
        ("pkg:maven/Org.A/B@1-SNAPSHOT", "pkg:maven/Org.A/B@1-SNAPSHOT"),
        ("pkg:cran/A3@1.0.0", "pkg:cran/A3@1.0.0"),
        ("pkg:rpm/Fedora/MyPkg@1", "pkg:rpm/fedora/MyPkg@1"),
        ("pkg:qpkg/BlackBerry/Com.qnx@7", "pkg:qpkg/blackberry/Com.qnx@7"),
        ("pkg:mlflow/Fraud@3?repository_url=https://adb-1.azuredatabricks.net/x",
         "pkg:mlflow/fraud@3?repository_url=https:%2F%2Fadb-1.azuredatabricks.net%2Fx"),
        ("pkg:mlflow/Fraud@3?repository_url=https://w.api.azureml.ms/x",
         "pkg:mlflow/Fraud@3?repository_url=https:%2F%2Fw.api.azureml.ms%2Fx"),
        ("pkg:swid/F@29?tag_id=75B8C285-FA7B-485B-B199-4745E3004D0D",
         "pkg:swid/F@29?tag_id=75b8c285-fa7b-485b-b199-4745e3004d0d"),
        ("pkg:unknown-type/Some/Thing@X", "pkg:unknown-type/Some/Thing@X"),
    ],
)  # fmt: skip
def test_each_type_has_its_canonical_spelling(text: str, canonical: str | None) -> None:
    if canonical is None:
        with pytest.raises(Malformed):
            purl.canonical(text)
        return
    assert purl.canonical(text) == canonical
    assert purl.canonical(canonical) == canonical
    assert purl.validate(canonical) == ()
    assert str(purl.parse(text)) == canonical
    assert (text == canonical) is (purl.validate(text) == ())


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"type": None, "namespace": None, "name": "a"}, "purl type"),
        ({"type": "n:g", "namespace": None, "name": "a"}, "purl type"),
        ({"type": "npm", "namespace": None, "name": ""}, "purl name"),
        ({"type": "npm", "namespace": None, "name": "//"}, "purl name"),
        ({"type": "deb", "namespace": None, "name": "curl"}, "purl namespace"),
        ({"type": "npm", "namespace": None, "name": "a", "qualifiers": {"in x": "1"}}, "purl qualifiers"),
        ({"type": "npm", "namespace": None, "name": "a", "qualifiers": {"k": "1", "K": "2"}}, "purl qualifier k"),
        ({"type": "npm", "namespace": None, "name": "a\0"}, "purl name"),
        ({"type": "npm", "namespace": None, "name": "a" * MAX_PURL_CHARS}, "purl"),
    ],
)  # fmt: skip
def test_parts_that_make_no_package_url_are_refused(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(Malformed) as told:
        purl.build(**fields)
    assert told.value.place == place


def test_qualifiers_at_the_limit_are_read_and_one_more_is_refused() -> None:
    most = "&".join(f"k{i}=1" for i in range(MAX_PURL_QUALIFIERS))
    assert len(purl.parse(f"pkg:npm/a?{most}").qualifiers) == MAX_PURL_QUALIFIERS
    with pytest.raises(Malformed) as told:
        purl.parse(f"pkg:npm/a?{most}&z=1")
    assert (told.value.place, told.value.got) == ("purl qualifiers", str(MAX_PURL_QUALIFIERS + 1))


def test_the_longest_url_is_read_and_one_longer_is_refused() -> None:
    longest = "pkg:npm/" + "a" * (MAX_PURL_CHARS - 8)
    assert purl.parse(longest).type == "npm"
    with pytest.raises(Malformed) as told:
        purl.parse(longest + "a")
    assert (told.value.place, told.value.expected, told.value.got) == (
        "purl",
        "at most 4,096 characters",
        "4,097",
    )


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("pkg:deb/debian/libssl3@3.0.19?upstream=openssl", ("openssl", "3.0.19")),
        ("pkg:deb/debian/libc6@2.36-9?upstream=glibc@2.36-8", ("glibc", "2.36-8")),
        ("pkg:apk/alpine/libcrypto3@3.1?upstream=openssl", ("openssl", "3.1")),
        ("pkg:rpm/redhat/openssl-libs@3?upstream=openssl-3.src.rpm", ("openssl-libs", "3")),
        ("pkg:deb/debian/curl@8", ("curl", "8")),
        ("pkg:rpm/redhat/openssl@1.1.1k-7.el8?epoch=1", ("openssl", "1:1.1.1k-7.el8")),
        ("pkg:rpm/redhat/openssl@2:1.1.1k-7.el8?epoch=1", ("openssl", "2:1.1.1k-7.el8")),
        ("pkg:rpm/redhat/openssl@1.1.1k-7.el8?epoch=x", ("openssl", "1.1.1k-7.el8")),
    ],
)
def test_the_source_package_is_what_distributions_advise_on(text: str, source: tuple[str, str]) -> None:
    assert purl.source_of(purl.parse(text)) == source


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("pkg:deb/debian/a?distro=debian-12", "12"),
        ("pkg:deb/debian/a?distro=bookworm", "12"),
        ("pkg:deb/debian/a?distro=12.11", "12"),
        ("pkg:deb/ubuntu/a?distro=ubuntu-22.04", "22.04"),
        ("pkg:deb/ubuntu/a?distro=jammy", "22.04"),
        ("pkg:apk/alpine/a?distro=alpine-3.19.1", "3.19"),
        ("pkg:apk/alpine/a?distro=v3.19", "3.19"),
        ("pkg:rpm/almalinux/a?distro=almalinux-9.3", "9"),
        ("pkg:deb/debian/a?distro=sid", ""),
        ("pkg:deb/debian/a", ""),
    ],
)
def test_the_distribution_release(text: str, release: str) -> None:
    assert purl.release_of(purl.parse(text)) == release


PIECES = st.sampled_from(
    ["pkg:", "npm", "deb", "julia", "/", "//", "@", "%40", "%", "%2F", "%00", "?", "&", "=", "#", "..", "a", "Z",
     "arch", "é", "\0", " ", "+", "1.0"]
)  # fmt: skip


@given(
    st.text(max_size=60)
    | st.lists(PIECES, max_size=14).map("".join)
    | st.lists(PIECES, max_size=14).map(lambda p: "pkg:npm/" + "".join(p))
)
def test_any_text_is_read_or_refused_and_its_canonical_form_is_stable(text: str) -> None:
    try:
        assert purl.key(text).startswith("pkg:")
        p = purl.parse(text)
    except Malformed as told:
        assert told.place.startswith("purl")
        assert told.expected
        return
    made = str(p)
    assert made.isascii()
    if len(made) <= MAX_PURL_CHARS:
        assert purl.parse(made) == p
        assert purl.key(made) == purl.key(text)
        assert purl.build(p.type, p.namespace, p.name, p.version, p.qualifiers, p.subpath) == made


def outcome(case: dict[str, Any]) -> Any:
    try:
        if case["test_type"] == "build":
            return purl.build(**case["input"])
        if case["test_type"] == "validate":
            return purl.canonical(case["input"])
        if case["test_type"] == "roundtrip":
            return str(purl.parse(case["input"]))
        p = purl.parse(case["input"])
    except Malformed:
        return None
    names = ("type", "namespace", "name", "version", "qualifiers", "subpath")
    return {n: getattr(p, n) or None for n in names}


@pytest.mark.parametrize("folder", ["vuln/package-url_purl-spec/tests", "vectors/purl"])
def test_the_official_suite_agrees(fixtures: Path, folder: str) -> None:
    """Every case of every file that is there, whatever its type; disagreements are a committed list."""
    wrong: set[tuple[str, str]] = set()
    count: Counter[str] = Counter()
    for path in sorted((fixtures / folder).rglob("*-test.json")):
        for i, case in enumerate(json.loads(path.read_bytes())["tests"]):
            count[case["test_type"]] += 1
            expected = None if case.get("expected_failure") else case["expected_output"]
            if isinstance(expected, dict):
                expected = {k: v or None for k, v in expected.items()}
            if outcome(case) != expected:
                wrong.add((path.name, str(i)))
    assert count["parse"] >= 99
    assert count["build"] >= 85
    assert count["validate"] >= 94
    disagreements.compare(LISTED, "purl", wrong)


@given(st.from_regex(purl._PLAIN, fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_a_plain_url_is_what_the_specification_makes_of_it(text: str) -> None:
    answers = []
    for read in (purl.parts, purl._taken_apart):
        try:
            answers.append(read(text))
        except Malformed as told:  # a qualifier twice
            answers.append(str(told))
    assert answers[0] == answers[1]
