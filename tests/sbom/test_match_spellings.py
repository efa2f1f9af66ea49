"""Matching where versions are spelt, and packages named, in two ways: what is doubt, and what the reason says of it."""

import json
from dataclasses import replace

import pytest

from tests.sbom.test_match import is_candidate
from tests.sbom.test_match_rules import advisory, affected, said, span
from vouchsafe.sbom import osv
from vouchsafe.sbom.match import advisory_ranges, match, matches
from vouchsafe.sbom.model import Component

# --- spellings of a version that an advisory leaves out, and packages that it names twice


@pytest.mark.parametrize(
    ("key", "version", "events", "expected"),
    [
        # A local build of Python: above its public version in order, the same for a specifier.
        ("pkg:pypi/a", "2.0.0+cu118", [("introduced", "0"), ("last_affected", "2.0.0")], "possible"),
        ("pkg:pypi/a", "2.0.0+cu118", [("introduced", "0"), ("fixed", "2.0.0")], "no"),
        ("pkg:pypi/a", "1.9.0+cu118", [("introduced", "0"), ("fixed", "2.0.0")], "confirmed"),
        # Bitnami's revision reads as a pre-release.
        ("pkg:bitnami/a", "2.3.1-4", [("introduced", "2.3.1"), ("fixed", "2.4.0")], "possible"),
        ("pkg:bitnami/a", "2.3.1-4", [("introduced", "0"), ("fixed", "2.3.1")], "possible"),
        ("pkg:bitnami/a", "2.3.2-4", [("introduced", "0"), ("fixed", "2.3.1")], "no"),
        ("pkg:bitnami/a", "2.3.0-4", [("introduced", "0"), ("fixed", "2.3.1")], "confirmed"),
        # Nothing of the entry has an epoch: perhaps its issuer writes none.
        ("pkg:rpm/suse/a", "1:1.0-1", [("introduced", "0"), ("fixed", "2.0-1")], "possible"),
        ("pkg:rpm/suse/a", "1:3.0-1", [("introduced", "0"), ("fixed", "2.0-1")], "no"),
        ("pkg:rpm/suse/a", "1:1.0-1", [("introduced", "0"), ("fixed", "0:2.0-1")], "no"),
        ("pkg:rpm/suse/a", "0:1.0-1", [("introduced", "0"), ("fixed", "2.0-1")], "confirmed"),
    ],
)  # fmt: skip
def test_what_advisories_leave_out_of_a_version_is_doubt_where_it_matters(
    key: str, version: str, events: list[tuple[str, str]], expected: str
) -> None:
    entry = affected(key, (span("SEMVER" if "bitnami" in key else "ECOSYSTEM", *events),))
    component = Component(name="a", version=version, purl=key)
    assert said(component, entry) == expected
    rows = [r for r in advisory_ranges(advisory(entry)) if is_candidate(component, r)]
    assert expected == "no" or rows


def test_a_local_build_that_is_listed_itself_is_confirmed() -> None:
    entry = affected("pkg:pypi/torch", versions=("1.13.0+cu117",))
    assert said(Component(name="torch", purl="pkg:pypi/torch@1.13.0%2Bcu117"), entry) == "confirmed"


def test_a_listed_version_of_python_is_possible_for_a_local_build_of_it() -> None:
    entry = affected("pkg:pypi/torch", versions=("1.13.0", "1.13.1"))
    found = match(Component(name="torch", purl="pkg:pypi/torch@1.13.0%2Bcu117"), entry)
    assert found and found.certainty == "possible"
    assert (
        found.reason
        == "torch 1.13.0+cu117: 1.13.0 is in =1.13.0, and 1.13.0+cu117, which may be meant, is not"
    )


def test_an_entry_whose_name_and_url_are_of_two_packages_is_about_either() -> None:
    """Old entries for Alpine have `pkg:alpine/…`, which is no type of package URL; an SBOM says `pkg:apk/alpine/…`."""
    package = {"ecosystem": "Alpine:v3.12", "name": "mariadb", "purl": "pkg:alpine/mariadb"}
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "10.4.25-r0"}]}]
    entry = {
        "id": "X",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": package, "ranges": ranges}],
    }
    said = osv.read(json.dumps(entry).encode())
    urls = [
        "pkg:apk/alpine/mariadb@10.4.24-r0?distro=alpine-3.12", "pkg:alpine/mariadb@10.4.24-r0",
        "pkg:apk/alpine/mariadb@10.4.25-r0?distro=alpine-3.12", "pkg:alpine/mariadb@10.4.25-r0",
    ]  # fmt: skip
    components = [Component(name="mariadb", purl=url) for url in urls]
    assert [m.certainty for m in matches(components, [said])] == ["confirmed", "possible"]
    found = match(components[1], said.affected[0])
    assert found and found.reason.endswith("names pkg:apk/alpine/mariadb besides pkg:alpine/mariadb")
    assert {r.pkg for r in advisory_ranges(said)} >= {"pkg:apk/alpine/mariadb", "pkg:alpine/mariadb"}


def test_a_url_of_the_ecosystems_own_type_is_the_more_exact() -> None:
    package = {"ecosystem": "Azure Linux:3", "name": "curl", "purl": "pkg:rpm/azure-linux/curl"}
    data = {
        "id": "X",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": package, "versions": ["8.8.0-1"]}],
    }
    entry = osv.read(json.dumps(data).encode()).affected[0]
    assert (entry.package_key, entry.other_keys[0]) == ("pkg:rpm/azure-linux/curl", "pkg:rpm/azurelinux/curl")
    for key, outcome in ((entry.package_key, "confirmed"), (entry.other_keys[0], "possible")):
        assert said(Component(name="curl", purl=f"{key}@8.8.0-1?distro=azurelinux-3"), entry) == outcome


# --- names and CPEs: what they leave open is said


BUSYBOX = "cpe:2.3:a:busybox:busybox:*:*:*:*:*:*:*:*"


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.36.1", "; as plain numbers, 1.36.1 is outside its ranges"),
        ("1.9", "; as plain numbers, 1.9 is in its ranges"),
        ("1.9-rc1", ""),
        ("", ""),
    ],
)
def test_plain_numbers_are_said_and_decide_nothing(version: str, words: str) -> None:
    entry = affected(
        "", (span("CPE", ("introduced", "0"), ("fixed", "1.35.0")),), name="busybox", cpes=(BUSYBOX,)
    )
    by_cpe = match(Component(name="bb", version=version, cpe=BUSYBOX), entry)
    by_name = match(Component(name="busybox", version=version), entry)
    for found in (by_cpe, by_name):
        assert found and found.certainty == "possible"
        assert found.reason.endswith(words or ("names busybox" if found is by_name else "whose build it is"))


@pytest.mark.parametrize(
    ("component", "outcome"),
    [
        # Neither vendor nor product is the advisory's, and the name is in common by chance.
        (Component(name="core", cpe="cpe:2.3:a:joomla:joomla:4.0:*:*:*:*:*:*:*"), "no"),
        # One of them is; or the CPE says nothing of it.
        (Component(name="core", cpe="cpe:2.3:a:drupal:something:4.0:*:*:*:*:*:*:*"), "possible"),
        (Component(name="core", cpe="cpe:2.3:a:x:drupal_core:4.0:*:*:*:*:*:*:*"), "possible"),
        (Component(name="core", cpe="cpe:2.3:a:*:joomla:4.0:*:*:*:*:*:*:*"), "possible"),
        (Component(name="core"), "possible"),
        # The component has the product's name: a CPE that a tool guessed takes that away from nothing.
        (Component(name="core", purl="pkg:deb/debian/core@1?upstream=drupal", cpe="cpe:2.3:a:core:core:1"), "possible"),
    ],
)  # fmt: skip
def test_a_name_in_common_is_no_match_where_both_cpes_say_so(component: Component, outcome: str) -> None:
    entry = affected("", (), name="core", cpes=("cpe:2.3:a:drupal:drupal:*:*:*:*:*:*:*:*",))
    assert said(component, entry) == outcome
    unnamed = replace(entry, cpes=(*entry.cpes, "not a CPE"))
    assert said(component, unnamed) == "possible"


def test_the_reason_says_that_the_vendors_differ() -> None:
    entry = affected("", (), name="tar", cpes=("cpe:2.3:a:gnu:tar:*:*:*:*:*:*:*:*",))
    found = match(Component(name="tar", version="4", cpe="cpe:2.3:a:npmjs:tar:4:*:*:*:*:*:*:*"), entry)
    assert found and found.reason == (
        "tar 4 has only a CPE; the advisory names tar; its CPE is of npmjs tar, the advisory's of gnu tar"
    )
