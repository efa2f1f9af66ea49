"""Matching: confirmed, possible, or excluded by the advisory's own words; and the rows that a database searches."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.sbom import osv
from vouchsafe.sbom.joins import component_keys, stored
from vouchsafe.sbom.match import advisory_ranges, match, matches
from vouchsafe.sbom.model import Component

CARGO = {"ecosystem": "crates.io", "name": "time"}


def affected(
    events: list[dict[str, str]] | None = None,
    *,
    package: dict[str, str] = CARGO,
    type_: str = "SEMVER",
    versions: list[str] | None = None,
    **more: Any,
) -> osv.Affected:
    one: dict[str, Any] = {"package": package} | more
    if events is not None:
        one["ranges"] = [{"type": type_, "events": events}]
    if versions is not None:
        one["versions"] = versions
    return osv.read(
        json.dumps({"id": "X-1", "modified": "2026-01-01T00:00:00Z", "affected": [one]}).encode()
    ).affected[0]


def crate(version: str, name: str = "time") -> Component:
    return Component(name=name, version=version, purl=f"pkg:cargo/{name}@{version}")


def said(component: Component, entry: osv.Affected) -> str:
    found = match(component, entry)
    return found.certainty if found else "no"


TWO = [
    {"introduced": "0"},
    {"fixed": "0.103.13"},
    {"introduced": "0.104.0-alpha.1"},
    {"fixed": "0.104.0-alpha.7"},
]


@pytest.mark.parametrize(
    ("events", "version", "expected"),
    [
        (TWO, "0.0.1", "confirmed"),
        (TWO, "0.103.12", "confirmed"),
        (TWO, "0.103.13", "no"),
        (TWO, "0.104.0-alpha.1", "confirmed"),
        (TWO, "0.104.0-alpha.6", "confirmed"),
        (TWO, "0.104.0-alpha.7", "no"),
        (TWO, "0.104.0", "no"),
        (list(reversed(TWO)), "0.104.0-alpha.2", "confirmed"),
        (list(reversed(TWO)), "0.103.20", "no"),
        ([{"introduced": "1.0.0"}], "0.9.9", "no"),
        ([{"introduced": "1.0.0"}], "9.0.0", "confirmed"),
        ([{"introduced": "1.0.0"}, {"last_affected": "1.5.0"}], "1.5.0", "confirmed"),
        ([{"introduced": "1.0.0"}, {"last_affected": "1.5.0"}], "1.5.1", "no"),
        (
            [{"introduced": "1.0.0"}, {"last_affected": "1.5.0"}, {"introduced": "2.0.0"}],
            "2.0.0",
            "confirmed",
        ),
        ([{"introduced": "0"}, {"limit": "2.0.0"}], "1.9.0", "confirmed"),
        ([{"introduced": "0"}, {"limit": "2.0.0"}], "2.0.0", "no"),
        ([{"introduced": "0"}, {"limit": "*"}], "99.0.0", "confirmed"),
        ([{"introduced": "0"}, {"limit": "2.0.0"}, {"limit": "3.0.0"}], "2.5.0", "confirmed"),
        # doubt: never "no"
        ([{"fixed": "1.0.0"}], "2.0.0", "possible"),
        ([{"introduced": "0"}, {"fixed": "1.0.0"}, {"last_affected": "0.9.0"}], "2.0.0", "possible"),
        ([{"introduced": "1.0.0"}, {"fixed": "1.0.0"}], "2.0.0", "possible"),
        ([{"introduced": "1.0.0"}, {"fixed": "1.0.0"}], "1.0.0", "possible"),
        ([{"introduced": "1.0.0"}, {"fixed": "1.0.0"}], "0.1.0", "no"),
        (
            [{"introduced": "0"}, {"fixed": "0.3.0"}, {"introduced": "1.0.0"}, {"fixed": "1.0.0"}],
            "0.2.0",
            "confirmed",
        ),
        ([{"introduced": "0"}, {"fixed": "1.0.0"}, {"introduced": "1.0.0"}], "0.2.0", "confirmed"),
        ([{"introduced": "banana"}], "0.1.0", "possible"),
        ([{"introduced": "0"}, {"fixed": "1.0.0"}], "not-a-version", "possible"),
        ([], "1.0.0", "possible"),
    ],
)
def test_the_range_is_walked_as_osv_says(events: list[dict[str, str]], version: str, expected: str) -> None:
    assert said(crate(version), affected(events)) == expected


def test_the_interval_that_holds_the_version_is_named() -> None:
    found = match(crate("0.104.0-alpha.2"), affected(TWO))
    assert found is not None
    assert found.range == ">=0.104.0-alpha.1, <0.104.0-alpha.7"


@pytest.mark.parametrize(
    ("versions", "version", "expected"),
    [
        (["1.0.0", "1.1.0"], "1.1.0", "confirmed"),
        (["1.0.0"], "v1.0.0", "confirmed"),
        (["1.0.0"], "1.0.0+build", "confirmed"),
        (["1.0.0"], "1.0.1", "no"),
        (["1.0.0"], "strange", "possible"),
    ],
)
def test_listed_versions(versions: list[str], version: str, expected: str) -> None:
    assert said(crate(version), affected(versions=versions)) == expected


def test_a_range_or_a_list_is_enough() -> None:
    both = affected([{"introduced": "0"}, {"fixed": "1.0.0"}], versions=["5.0.0"])
    assert [said(crate(v), both) for v in ("0.1.0", "5.0.0", "3.0.0")] == ["confirmed", "confirmed", "no"]


def test_commits_are_possible_unless_a_list_decides() -> None:
    git = affected([{"introduced": "0"}, {"fixed": "abc"}], type_="GIT", versions=["1.0.0"])
    assert [said(crate(v), git) for v in ("1.0.0", "2.0.0")] == ["confirmed", "possible"]


def test_an_entry_without_versions_and_a_component_without_one_are_possible() -> None:
    assert said(crate("1.0.0"), affected()) == "possible"
    assert said(Component(name="time", purl="pkg:cargo/time"), affected(TWO)) == "possible"


def test_the_version_beside_a_url_without_one_counts() -> None:
    assert said(Component(name="time", version="0.1.0", purl="pkg:cargo/time"), affected(TWO)) == "confirmed"


def test_another_package_is_excluded() -> None:
    assert said(crate("0.1.0", "timer"), affected(TWO)) == "no"
    assert said(Component(name="time", version="0.1.0", purl="pkg:npm/time@0.1.0"), affected(TWO)) == "no"


@pytest.mark.parametrize(
    "component",
    [
        Component(name="time", version="0.1.0", cpe="cpe:2.3:a:time:time:0.1.0:*:*:*:*:*:*:*"),
        Component(name="Time", version="99.0.0"),
        Component(name="time", version="0.1.0", purl="pkg:generic/time@0.1.0"),
        Component(name="time", version="0.1.0", purl="not a purl"),
    ],
)
def test_a_name_alone_is_possible_whatever_the_version(component: Component) -> None:
    found = match(component, affected(TWO))
    assert found is not None
    assert found.certainty == "possible"
    assert "crates.io names time" in found.reason


def test_the_same_generic_url_is_decided_by_the_version() -> None:
    entry = affected(TWO, package={"ecosystem": "Acme", "name": "x", "purl": "pkg:generic/acme/x"})
    at = Component(name="x", version="0.1.0", purl="pkg:generic/acme/x@0.1.0")
    past = Component(name="x", version="9.0.0", purl="pkg:generic/acme/x@9.0.0")
    assert [said(at, entry), said(past, entry)] == ["confirmed", "no"]
    assert [m.component for m in matches([at, past], [advisory(entry)])] == [at]


def test_a_generic_name_with_a_slash_in_it_is_joined_by_the_url() -> None:
    entry = affected(TWO, package={"ecosystem": "Acme", "name": "else", "purl": "pkg:generic/acme/x%2Fy"})
    at = Component(name="z", version="0.1.0", purl="pkg:generic/acme/x%2Fy@0.1.0")
    assert [m.certainty for m in matches([at], [advisory(entry)])] == ["confirmed"]
    assert any(is_candidate(at, row) for row in advisory_ranges(advisory(entry)))


DEB = {"ecosystem": "Debian:12", "name": "openssl"}


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:deb/debian/openssl@3.0.11-1~deb12u1?distro=debian-12", "confirmed"),
        ("pkg:deb/debian/libssl3@3.0.11-1~deb12u1?distro=bookworm&upstream=openssl", "confirmed"),
        ("pkg:deb/debian/openssl@3.0.19-1~deb12u2?distro=debian-12", "no"),
        ("pkg:deb/debian/openssl@3.0.11-1~deb12u1?distro=debian-11", "no"),
        ("pkg:deb/debian/openssl@3.0.11-1~deb12u1", "possible"),
        ("pkg:deb/debian/openssl@3.0.19-1~deb12u2", "no"),
        ("pkg:deb/ubuntu/openssl@3.0.11-1~deb12u1?distro=jammy", "no"),
    ],
)
def test_a_distributions_entry_is_about_one_release_and_the_source_package(purl: str, expected: str) -> None:
    entry = affected([{"introduced": "0"}, {"fixed": "3.0.17-1~deb12u2"}], package=DEB, type_="ECOSYSTEM")
    assert said(Component(name="x", purl=purl), entry) == expected


def test_a_release_that_is_not_understood_is_possible() -> None:
    package = {"ecosystem": "Red Hat:enterprise_linux:9::appstream", "name": "openssl"}
    entry = affected([{"introduced": "0"}, {"fixed": "3.0.7-25"}], package=package, type_="ECOSYSTEM")
    assert (
        said(Component(name="openssl", purl="pkg:rpm/redhat/openssl@3.0.7-24?distro=rhel-9.2"), entry)
        == "possible"
    )


def advisory(*entries: osv.Affected, withdrawn: str = "", id_: str = "X-1") -> osv.Advisory:
    return osv.Advisory(id_, (), (), "", "", "", "", withdrawn, None, (), entries, (), ())


def test_one_match_a_component_and_advisory_the_strongest() -> None:
    weak = affected([{"introduced": "0"}], type_="GIT")
    strong = affected(TWO)
    found = list(matches([crate("0.1.0"), crate("0.1.0", "other")], [advisory(weak, strong)]))
    assert [(m.component.name, m.certainty, m.advisory) for m in found] == [("time", "confirmed", "X-1")]


def test_a_withdrawn_advisory_matches_nothing_and_has_no_rows() -> None:
    gone = advisory(affected(TWO), withdrawn="2026-01-01T00:00:00Z")
    assert list(matches([crate("0.1.0")], [gone])) == []
    assert advisory_ranges(gone) == ()


def test_rows_have_bounds_where_they_are_known() -> None:
    strong, weak = advisory_ranges(advisory(affected([{"introduced": "0.2.0"}, {"fixed": "0.3.47"}])))
    assert strong.pkg == "pkg:cargo/time"
    assert (strong.coarse_min, strong.coarse_max) == (
        "00:00000000.00000002.00000000",
        "00:00000000.00000003.00000047",
    )
    assert (weak.pkg, weak.coarse_min, weak.coarse_max) == ("name:time", None, None)


def is_candidate(component: Component, row: Any) -> bool:
    """The SQL of the module's description, in Python."""
    who = component.identity()
    return row.pkg in component_keys(component) or (
        stored(who.pkg) == row.pkg
        and (row.release is None or not who.release or who.release == row.release)
        and (who.coarse is None or row.coarse_min is None or who.coarse >= row.coarse_min)
        and (who.coarse is None or row.coarse_max is None or who.coarse <= row.coarse_max)
    )


NUMBERS = st.lists(st.sampled_from("0 1 2 3 9 10 99999999 100000000".split()), min_size=1, max_size=4).map(
    ".".join
)
VERSION = st.tuples(
    NUMBERS, st.sampled_from(["", "", "", "-1", "-rc.1", "a1", "~b", "+x", ".dev1", ".a"])
).map("".join)
KINDS = st.sampled_from(["introduced", "introduced", "fixed", "last_affected", "limit"])
EVENT = st.tuples(KINDS, VERSION | st.just("0") | st.just("*")).map(lambda e: {e[0]: e[1]})
TYPES = {
    "crates.io": "cargo",
    "PyPI": "pypi",
    "RubyGems": "gem",
    "Maven": "maven",
    "NuGet": "nuget",
    "Packagist": "composer",
    "Debian:12": "deb/debian",
    "Alpine:v3.19": "apk/alpine",
    "AlmaLinux:9": "rpm/almalinux",
    "CRAN": "cran",
}


@settings(max_examples=300, deadline=None)
@given(
    ecosystem=st.sampled_from(sorted(TYPES)),
    type_=st.sampled_from(["SEMVER", "ECOSYSTEM", "ECOSYSTEM", "GIT"]),
    events=st.lists(EVENT, max_size=5) | st.none(),
    listed=st.lists(VERSION, max_size=3) | st.none(),
    version=VERSION | st.just(""),
    shape=st.sampled_from(["purl", "purl", "purl", "purl with release", "generic", "name"]),
)
def test_every_match_is_a_candidate_of_the_rows(
    ecosystem: str, type_: str, events: Any, listed: Any, version: str, shape: str
) -> None:
    """What a database leaves out by the coarse keys has no match, not even a possible one."""
    package = {"ecosystem": ecosystem, "name": "time" if ecosystem != "Maven" else "org:time"}
    entry = affected(events, package=package, type_=type_, versions=listed)
    name = TYPES[ecosystem] + ("/org/time" if ecosystem == "Maven" else "/time")
    distro = {"deb/debian": "debian-12", "apk/alpine": "alpine-3.19", "rpm/almalinux": "almalinux-9"}
    url: str | None = f"pkg:{name}" + (f"@{version.replace('+', '%2B')}" if version else "")
    if shape == "purl with release":
        url = f"{url}?distro={distro.get(TYPES[ecosystem], '')}"
    elif shape != "purl":
        url = "pkg:generic/time" if shape == "generic" else None
    component = Component(name="time", version=version, purl=url)
    found = match(component, entry)
    who = component.identity()
    rows = [r for r in advisory_ranges(advisory(entry)) if is_candidate(component, r)]
    if found is not None:
        assert rows, (found, who, advisory_ranges(advisory(entry)))
    assert list(matches([component], [advisory(entry)])) == [] if found is None else True


def test_stored_columns_are_enough_to_match_again() -> None:
    whole = Component(
        name="time", version="0.1.0", purl="pkg:cargo/time@0.1.0", ref="r", supplier="s", path="$.x"
    )
    again = Component(name=whole.name, version=whole.version, purl=whole.purl)
    assert said(again, affected(TWO)) == said(whole, affected(TWO)) == "confirmed"
    assert again.identity() == whole.identity()
