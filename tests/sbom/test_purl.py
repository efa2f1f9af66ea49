"""Package URLs and the keys made of them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sbom import disagreements
from vouchsafe.sbom import purl
from vouchsafe.sbom.errors import Malformed
from vouchsafe.sbom.limits import MAX_PURL_CHARS


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


@pytest.mark.parametrize("text", ["", "cargo/time", "pkg:", "pkg:cargo/", "pkg:/time", "x" * 50])
def test_what_is_no_package_url_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as told:
        purl.parse(text)
    assert told.value.place == "purl"


def test_the_longest_url_is_read_and_one_longer_is_refused() -> None:
    longest = "pkg:npm/" + "a" * (MAX_PURL_CHARS - 8)
    assert purl.parse(longest).type == "npm"
    with pytest.raises(Malformed):
        purl.parse(longest + "a")


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("pkg:deb/debian/libssl3@3.0.19?upstream=openssl", ("openssl", "3.0.19")),
        ("pkg:deb/debian/libc6@2.36-9?upstream=glibc@2.36-8", ("glibc", "2.36-8")),
        ("pkg:apk/alpine/libcrypto3@3.1?upstream=openssl", ("openssl", "3.1")),
        ("pkg:rpm/redhat/openssl-libs@3?upstream=openssl-3.src.rpm", ("openssl-libs", "3")),
        ("pkg:deb/debian/curl@8", ("curl", "8")),
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


@given(st.text(max_size=60) | st.text(max_size=50).map("pkg:".__add__))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert purl.key(text).startswith("pkg:")
    except Malformed as told:
        assert told.expected


def test_the_published_parse_tests_agree(fixtures: Path) -> None:
    wrong, count = set(), 0
    for path in sorted((fixtures / "vuln/package-url_purl-spec/tests").rglob("*-test.json")):
        for i, case in enumerate(json.loads(path.read_bytes())["tests"]):
            if case["test_type"] != "parse":
                continue
            count += 1
            expected = None
            if not case["expected_failure"]:
                expected = {k: v or None for k, v in case["expected_output"].items()}
            try:
                p = purl.parse(case["input"])
            except Malformed:
                got = None
            else:
                got = {
                    "type": p.type,
                    "namespace": p.namespace or None,
                    "name": p.name,
                    "version": p.version or None,
                    "qualifiers": dict(p.qualifiers) or None,
                    "subpath": p.subpath or None,
                }
            if got != expected:
                wrong.add((path.name, str(i)))
    assert count == 99
    assert wrong == disagreements("purl")
