"""Matching against a second reading of OSV's evaluation, other formats' entries, and what is never excluded."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sbom.test_match import is_candidate
from vouchsafe.sbom import osv, vers, versions
from vouchsafe.sbom.advisories import Advisory, Affected, Event, Range
from vouchsafe.sbom.joins import component_keys, cpe_product, entry_keys
from vouchsafe.sbom.limits import MAX_EVENTS_ORDERED, MAX_KEY_CHARS, MAX_LISTED_COMPARED, MAX_VERSION_CHARS
from vouchsafe.sbom.match import advisory_ranges, match, match_cpe, matches, range_text
from vouchsafe.sbom.model import Component
from vouchsafe.sbom.vers_native import from_native
from vouchsafe.sbom.versions import Doubt


def affected(
    key: str, ranges: tuple[Range, ...] = (), versions: tuple[str, ...] = (), **more: Any
) -> Affected:
    one = Affected(0, key, "", more.pop("ecosystem", ""), "", more.pop("name", key.rpartition("/")[2]), ranges,
                   versions)  # fmt: skip
    return replace(one, **more)


def span(type_: str, *events: tuple[str, str]) -> Range:
    return Range(type_, "", tuple(Event(kind, version) for kind, version in events))  # type: ignore[arg-type]


def advisory(*entries: Affected) -> Advisory:
    numbered = tuple(replace(e, index=i) for i, e in enumerate(entries))
    return Advisory("X-1", (), (), "", "", "", "", "", None, (), numbered, (), ())


def said(component: Component, entry: Affected) -> str:
    found = match(component, entry)
    return found.certainty if found else "no"


# --- OSV's own pseudo-code, https://ossf.github.io/osv-schema/#evaluation, for whole numbers


def in_range(version: int, events: list[tuple[str, int]], limits: list[int]) -> bool:
    """`IncludedInRange` and `BeforeLimits`, as the schema has them."""
    if limits and not any(version < limit for limit in limits):
        return False
    vulnerable = False
    for kind, at in sorted(events, key=lambda e: e[1]):
        if kind == "introduced" and version >= at:
            vulnerable = True
        elif kind == "fixed" and version >= at:
            vulnerable = False
        elif kind == "last_affected" and version > at:
            vulnerable = False
    return vulnerable


@settings(max_examples=120, deadline=None)
@given(
    starts=st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True),
    ends=st.lists(st.integers(0, 12), max_size=4, unique=True),
    closing=st.sampled_from(["fixed", "last_affected"]),
    limits=st.lists(st.integers(0, 12), max_size=2),
    listed=st.lists(st.integers(0, 12), max_size=2),
    version=st.integers(0, 13),
)
def test_the_outcome_is_the_schemas_pseudo_code(
    starts: list[int], ends: list[int], closing: str, limits: list[int], listed: list[int], version: int
) -> None:
    if closing == "fixed":
        ends = [e for e in ends if e not in starts]  # both at one version: doubt, tested elsewhere
    events = [("introduced", s) for s in starts] + [(closing, e) for e in ends]
    wanted = version in listed or in_range(version, events, limits)
    made = [(kind, str(at) if (kind, at) == ("introduced", 0) else f"{at}.0.0") for kind, at in events]
    made += [("limit", f"{at}.0.0") for at in limits]
    entry = affected("pkg:npm/a", (span("SEMVER", *made),), tuple(f"{n}.0.0" for n in listed))
    component = Component(name="a", purl=f"pkg:npm/a@{version}.0.0")
    assert said(component, entry) == ("confirmed" if wanted else "no")


# --- entries of other formats


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        ("GIT", "the range names commits, and the commits in this version are not known"),
        ("CUSTOM", "the advisory does not say by which order its versions are meant"),
        ("CPE", "the advisory names a product by CPE, which does not say whose versions are meant"),
        ("UNKNOWN", "the advisory says that it does not know whether these versions are affected"),
        ("SOMETHING", "the range is of the unknown type SOMETHING"),
    ],
)
def test_a_range_without_a_known_order_is_possible_for_every_version(type_: str, reason: str) -> None:
    entry = affected("pkg:npm/a", (span(type_, ("introduced", "1.0.0"), ("fixed", "2.0.0")),), ("5.0.0",))
    for version in ("0.1.0", "1.5.0", "9.0.0"):
        found = match(Component(name="a", purl=f"pkg:npm/a@{version}"), entry)
        assert found is not None
        assert (found.certainty, found.reason) == ("possible", f"a {version}: {reason}")
    assert said(Component(name="a", purl="pkg:npm/a@5.0.0"), entry) == "confirmed"


def test_a_version_that_the_advisory_takes_out_of_its_range_is_not_affected() -> None:
    entry = affected("pkg:npm/a", (span("SEMVER", ("introduced", "1.0.0"), ("fixed", "2.0.0")),),
                     unaffected=("1.5.0", "banana"))  # fmt: skip
    outcomes = {v: said(Component(name="a", purl=f"pkg:npm/a@{v}"), entry) for v in
                ("1.4.0", "1.5.0", "v1.5.0", "1.5.0%2Bb1", "1.5.1", "2.0.0")}  # fmt: skip
    assert outcomes == {"1.4.0": "confirmed", "1.5.0": "no", "v1.5.0": "no", "1.5.0%2Bb1": "no",
                        "1.5.1": "confirmed", "2.0.0": "no"}  # fmt: skip
    unordered = affected("pkg:conda/a", (span("ECOSYSTEM", ("introduced", "0")),), unaffected=("1.5",))
    assert said(Component(name="a", purl="pkg:conda/a@1.5"), unordered) == "no"
    assert said(Component(name="a", purl="pkg:conda/a@1.5.0"), unordered) == "possible"


def test_a_doubtful_equality_takes_nothing_out() -> None:
    entry = affected("pkg:rpm/redhat/a", (span("ECOSYSTEM", ("introduced", "0")),), unaffected=("1.0-1",))
    assert said(Component(name="a", purl="pkg:rpm/redhat/a@1.0"), entry) == "confirmed"


def test_conditions_are_said_and_narrow_nothing() -> None:
    entry = affected("pkg:npm/a", (span("SEMVER", ("introduced", "0")),), conditions=("on Windows",))
    found = match(Component(name="a", purl="pkg:npm/a@1.0.0"), entry)
    assert found is not None
    assert (found.certainty, found.reason) == ("confirmed", "a 1.0.0 is in >=0; it also says: on Windows")


# --- names: an entry that says of no ecosystem that its package is of it


@pytest.mark.parametrize(
    ("component", "key", "outcome"),
    [
        (Component("busybox", "1.35", "pkg:deb/debian/busybox@1.35"), "", "possible"),
        (Component("BusyBox", "1.35", "pkg:npm/%40x/busybox@1.35"), "", "possible"),
        (Component("busybox", "1.35", "pkg:deb/debian/busybox@1.35"), "pkg:generic/busybox", "possible"),
        (Component("bb", "1.35", "pkg:deb/debian/busybox-static@1.35?upstream=busybox"), "", "possible"),
        (Component("busybox", "1.35", "pkg:deb/debian/bb@1.35"), "", "possible"),
        (Component("bb", "1.35", "pkg:generic/busybox@1.35"), "", "possible"),
        (Component("busybox", "1.35", "pkg:generic/bb@1.35"), "", "possible"),
        (Component("busybox", "1.35"), "", "possible"),
        (Component("busybox-static", "1.35", "pkg:deb/debian/busybox-static@1.35"), "", "no"),
        (Component("busybox", "1.35", "pkg:deb/debian/busybox@1.35"), "pkg:apk/alpine/busybox", "no"),
        (Component("*", "1.35", "pkg:deb/debian/x@1.35"), "", "no"),
    ],
)
def test_a_name_without_an_ecosystem_is_possible_in_every_one(
    component: Component, key: str, outcome: str
) -> None:
    entry = affected(key, (span("CPE", ("introduced", "0"), ("fixed", "1.32")),), name="busybox")
    assert said(component, entry) == outcome
    assert [m.certainty for m in matches([component], [advisory(entry)])] == [outcome] * (outcome != "no")


def test_the_reason_names_both_sides() -> None:
    found = match(Component("a", "1", "pkg:deb/debian/a@1"), affected("", name="a", ecosystem="OSS-Fuzz"))
    assert found is not None
    assert found.reason == "a 1 is pkg:deb/debian/a; OSS-Fuzz names a, without a package URL of an ecosystem"


def test_the_kernel_is_called_linux_by_those_who_list_it() -> None:
    kernel = Component("linux", "6.1", "pkg:deb/debian/linux@6.1")
    assert said(kernel, affected("", name="Kernel", ecosystem="Linux")) == "possible"
    cpe = "cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*"
    assert said(kernel, affected("", name="linux_kernel", cpes=(cpe,))) == "possible"


@pytest.mark.parametrize("name", ["", "*", "-", "n/a", "N/A"])
def test_an_entry_of_no_name_has_no_keys(name: str) -> None:
    assert entry_keys(affected("", name=name)) == ()
    assert advisory_ranges(advisory(affected("", name=name))) == ()


def test_a_long_name_is_joined_by_its_digest() -> None:
    for length, digested in ((MAX_KEY_CHARS, False), (MAX_KEY_CHARS + 1, True)):
        component = Component("n" * length, "1", "pkg:npm/x@1")
        assert any(key.startswith("any:sha256:") for key in component_keys(component)) is digested
        assert said(component, affected("", name="N" * length)) == "possible"
        assert said(component, affected("", name="N" * length + "N")) == "no"


# --- the words for a range


def test_what_the_advisory_does_not_know_is_no_affected_version() -> None:
    known = span("SEMVER", ("introduced", "1.0.0"), ("fixed", "2.0.0"))
    unknown = span("UNKNOWN", ("introduced", "3.0.0"), ("fixed", "4.0.0"))
    git = Range("GIT", "https://x.example/r", (Event("introduced", "0"),))
    other = replace(git, events=(Event("introduced", "0"), Event("fixed", "f" * 40)))
    assert range_text(affected("", (known, unknown))) == ">=1.0.0, <2.0.0; not known for >=3.0.0, <4.0.0"
    assert range_text(affected("", (unknown,))) == "none for certain; not known for >=3.0.0, <4.0.0"
    assert range_text(affected("", (unknown,), ("5.0.0",))) == "=5.0.0; not known for >=3.0.0, <4.0.0"
    assert range_text(affected("", (git, known, other))) == (
        "commits of https://x.example/r or >=1.0.0, <2.0.0"
    )
    assert range_text(affected("")) == "versions that the advisory does not name"


# --- an open range, and the last version that was known to be affected


@pytest.mark.parametrize(
    ("last_known", "outcomes"),
    [
        ("", "ccccn"),
        ("<= 1.8.7", "ccppn"),
        ("< 1.8.7", "cpppn"),
        (">= 1.0.0, <= 1.8.7", "ccppn"),
        ("<= 1.8.7 or <= 2.0.0", "ccccn"),
        ("= 1.8.7", "ccppn"),
        ("<= banana", "ccccn"),  # not read: the open range stands
        ("up to 1.8.7", "ccccn"),
    ],
)
def test_above_the_last_known_version_an_open_range_is_possible(last_known: str, outcomes: str) -> None:
    entry = affected("pkg:npm/a", (span("SEMVER", ("introduced", "1.0.0")),), last_known=last_known)
    made = ("1.0.0", "1.8.7", "1.8.8", "2.0.0", "0.9.0")
    assert "".join(said(Component("a", purl=f"pkg:npm/a@{v}"), entry)[0] for v in made) == outcomes


def test_the_reason_says_up_to_where_it_was_known() -> None:
    entry = affected("pkg:npm/a", (span("SEMVER", ("introduced", "0")),), last_known="<= 1.8.7")
    found = match(Component("a", purl="pkg:npm/a@2.0.0"), entry)
    assert found is not None
    assert found.reason == (
        "a 2.0.0: it is in >=0, but the database knew the affected versions only up to <= 1.8.7"
    )


def test_a_bound_belongs_to_the_range_that_begins_last_below_it() -> None:
    ranges = tuple(span("SEMVER", ("introduced", v)) for v in ("1.0.0", "2.0.0"))
    entry = affected("pkg:npm/a", ranges, last_known="<= 1.5.0 or <= 2.3.0")
    made = {"1.5.0": "c", "1.7.0": "p", "2.0.0": "c", "2.3.0": "c", "2.3.1": "p"}
    assert {v: said(Component("a", purl=f"pkg:npm/a@{v}"), entry)[0] for v in made} == made


def test_a_range_with_an_end_and_a_listed_version_need_no_last_known() -> None:
    ended = span("SEMVER", ("introduced", "0"), ("fixed", "3.0.0"))
    limited = span("SEMVER", ("introduced", "0"), ("limit", "3.0.0"))
    for one in (ended, limited):
        assert (
            said(Component("a", purl="pkg:npm/a@2.0.0"), affected("pkg:npm/a", (one,), last_known="<= 1.0"))
            == "confirmed"
        )
    listed = affected("pkg:npm/a", (span("SEMVER", ("introduced", "0")),), ("2.0.0",), last_known="<= 1.0.0")
    assert said(Component("a", purl="pkg:npm/a@2.0.0+b"), listed) == "confirmed"
    both = affected("pkg:npm/a", (span("SEMVER", ("introduced", "0")), ended), last_known="<= 1.0.0")
    assert said(Component("a", purl="pkg:npm/a@2.0.0"), both) == "confirmed"


# --- CPE


CPE = "cpe:2.3:a:openssl:openssl:1.1.1k:*:*:*:*:*:*:*"


@pytest.mark.parametrize(
    ("cpe", "product"),
    [
        (CPE, ("openssl", "openssl")),
        ("cpe:/a:OpenSSL:openssl:1.1.1", ("openssl", "openssl")),
        ("cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*", ("linux", "linux_kernel")),
        (r"cpe:2.3:a:a\:b:c\.d:1:*:*:*:*:*:*:*", ("a:b", "c.d")),
        ("cpe:2.3:a:vendor:*:1:*:*:*:*:*:*:*", None),
        ("cpe:2.3:a:vendor", None),
        ("cpe:2.3:a:vendor:-:1", None),
        ("openssl", None),
        ("", None),
        ("cpe:2.3:" + ":" * 10, None),
    ],
)  # fmt: skip
def test_vendor_and_product_of_a_cpe(cpe: str, product: tuple[str, str] | None) -> None:
    assert cpe_product(cpe) == product


def test_a_cpe_is_never_more_than_possible() -> None:
    entry = affected(
        "", (span("CPE", ("introduced", "1.1.1"), ("fixed", "1.1.1l")),), name="openssl", cpes=(CPE,)
    )
    by_cpe = Component(name="libssl", version="9.9", purl="pkg:deb/debian/libssl@9.9", cpe=CPE)
    by_name = Component(name="OpenSSL", version="9.9")
    other = Component(name="libssl", version="9.9", purl="pkg:deb/debian/libssl@9.9")
    found = list(matches([by_cpe, by_name, other], [advisory(entry)]))
    assert [(m.component.name, m.certainty) for m in found] == [
        ("libssl", "possible"),
        ("OpenSSL", "possible"),
    ]
    assert found[0].reason == (
        "libssl 9.9 has the CPE of openssl openssl, which the advisory names; a CPE does not say whose build it is"
    )
    assert found[1].reason == "OpenSSL 9.9 has no package URL of an ecosystem; the advisory names openssl"


def test_where_the_package_decides_its_cpe_says_nothing_more() -> None:
    entry = affected("pkg:npm/a", (span("SEMVER", ("introduced", "0"), ("fixed", "2.0.0")),), cpes=(CPE,))
    fixed = Component(name="a", purl="pkg:npm/a@2.0.0", cpe=CPE)
    assert match_cpe(fixed, entry) is None
    assert list(matches([fixed], [advisory(entry)])) == []
    broken = Component(name="a", purl="pkg:npm/a@1.0.0", cpe=CPE)
    assert [m.certainty for m in matches([broken], [advisory(entry)])] == ["confirmed"]


# --- what univers gets wrong never hides a match


def test_known_faults_of_the_comparison_library_are_doubt_or_kept_out() -> None:
    """What it does wrong, seen here; and what comes of it in `match` and `vers`: right or possible, never no."""
    from univers import versions as u

    def at(key: str, version: str, *events: tuple[str, str]) -> str:
        entry = affected(key, (span("ECOSYSTEM", *events),))
        return said(Component(name="a", version=version, purl=key), entry)

    # Alpine: <= compares text. Here only < and > are asked, and of an order that is written here.
    assert not u.AlpineLinuxVersion("1.9-r0") <= u.AlpineLinuxVersion("1.10-r0")
    assert at("pkg:apk/alpine/a", "1.9-r0", ("introduced", "0"), ("last_affected", "1.10-r0")) == "confirmed"
    # intdot: digits are compared one by one.
    assert u.IntdotVersion("1.9") > u.IntdotVersion("1.10")
    assert vers.contains(vers.parse("vers:intdot/<1.10"), "1.9")
    # NuGet: a pre-release's number is compared as padded text; the fourth number is lost before a label.
    assert (
        at("pkg:nuget/a", "1.0.0.1-b.9", ("introduced", "1.0.0.1-b.1"), ("fixed", "1.0.0.1-b.10"))
        == "confirmed"
    )
    # Spaces are dropped: "1. 0" would be 1.0. Other scripts' digits are digits.
    assert u.PypiVersion("1. 0") == u.PypiVersion("1.0")
    assert at("pkg:pypi/a", "1. 0", ("introduced", "2.0")) == "possible"
    assert at("pkg:deb/debian/a", "١.٠", ("introduced", "2.0")) == "possible"
    # rpm: 1.0 without a release is put below 1.0-1; rpm takes them for equal.
    assert u.RpmVersion("1.0") < u.RpmVersion("1.0-1")
    assert at("pkg:rpm/redhat/a", "1.0", ("introduced", "1.0-1")) == "possible"
    # What it raises on odd versions: an unpacking, a type. All of it is doubt.
    for odd in (":", "-", "!", "1:2:3", "1-2-3:4", "x:1"):
        for key in (
            "pkg:rpm/redhat/a",
            "pkg:deb/debian/a",
            "pkg:gem/a",
            "pkg:alpm/arch/a",
            "pkg:apk/alpine/a",
        ):
            outcome = at(key, odd, ("introduced", "1.0-1"), ("fixed", "1.0-2"))
            assert outcome == ("possible" if odd != "!" or "alpm" not in key else "no"), (odd, key)


def test_native_ranges_that_the_library_reads_wrongly() -> None:
    from univers.version_range import ConanVersionRange, GemVersionRange, NginxVersionRange

    # An "and" becomes an "or" of signposts: 2.2 is no longer out of reach of != 2.2.
    assert str(GemVersionRange.from_native("= 2.2, != 2.2")) != "vers:none/*"
    assert str(from_native("gem", "= 2.2, != 2.2")) == "vers:none/*"
    # An overlap leaves a range that ends too early: 1.0.0 is in 0.7.66+, which has no end.
    assert str(NginxVersionRange.from_native("0.8.40+, 0.7.66+")).endswith("|<0.9.0")
    assert vers.contains(from_native("nginx", "0.8.40+, 0.7.66+"), "1.0.0")
    # Brackets become part of versions.
    assert "]" in str(ConanVersionRange.from_native("[>1 <2]"))
    assert str(from_native("conan", "[>1 <2]")) == "vers:conan/>1|<2"


def test_a_range_with_an_odd_event_is_possible_below_its_other_events_too() -> None:
    entry = affected("pkg:rpm/redhat/a", (span("ECOSYSTEM", ("introduced", "1"), ("introduced", "*")),))
    component = Component(name="a", purl="pkg:rpm/redhat/a@0")
    found = match(component, entry)
    assert found is not None
    assert found.reason == "a 0: the range's introduced * is no rpm version"
    assert advisory_ranges(advisory(entry))[0].coarse_min is None


# --- limits


def test_a_range_of_too_many_events_is_possible() -> None:
    events = [("introduced", "0")] + [("fixed", f"{n}.0.0") for n in range(1, MAX_EVENTS_ORDERED)]
    entry = affected("pkg:npm/a", (span("SEMVER", *events),))
    component = Component(name="a", purl="pkg:npm/a@5.5.0")
    assert said(component, entry) == "no"
    past = affected("pkg:npm/a", (span("SEMVER", *events, ("fixed", "5000.0.0")),))
    found = match(component, past)
    assert found is not None
    assert found.reason == "a 5.5.0: the range has more than 1,000 events"
    assert advisory_ranges(advisory(past))[0].coarse_max is None


def test_more_listed_versions_than_are_compared_are_possible() -> None:
    listed = tuple(f"{n}.0.0" for n in range(MAX_LISTED_COMPARED))
    component = Component(name="a", purl="pkg:npm/a@0.1.0")
    assert said(component, affected("pkg:npm/a", versions=listed)) == "no"
    past = affected("pkg:npm/a", versions=(*listed, "99999.0.0"))
    assert said(component, past) == "possible"
    assert said(Component(name="a", purl="pkg:npm/a@7.0.0"), past) == "confirmed"


def test_a_version_past_the_limit_is_possible_at_once() -> None:
    start = time.process_time()
    entry = affected("pkg:npm/a", (span("SEMVER", ("introduced", "5.0.0")),))
    for version in ("1" * MAX_VERSION_CHARS + "1", "1" * 1_000_000):
        assert said(Component(name="a", version=version, purl="pkg:npm/a"), entry) == "possible"
    longest = "1" * MAX_VERSION_CHARS
    assert said(Component(name="a", version=longest, purl="pkg:npm/a"), entry) == "confirmed"
    assert time.process_time() - start < 1


# --- a database's candidates


SPELT = {
    "pkg:npm/a": ["1.2.3", "1.2.3-rc.1", "0.9.0", "10.0.0", "1.2", "v1.2.3"],
    "pkg:pypi/a": ["1.2", "1.2rc1", "1!0.5", "1.2.post1", "1.10"],
    "pkg:gem/a": ["1.2", "1.2.a", "1.10.1", "0.9.pre"],
    "pkg:maven/o/a": ["1.2", "1.2-SNAPSHOT", "1.10-rc1", "2.Final", "alpha"],
    "pkg:nuget/a": ["1.2.3.4", "1.2.3-beta.2", "1.10", "01.2"],
    "pkg:composer/o/a": ["1.2", "1.2-RC1", "1.10.0.1", "dev-main"],
    "pkg:deb/debian/a": ["1.2-1", "1:0.5-1", "1.2~rc1-1", "1a-1", "01-1"],
    "pkg:rpm/redhat/a": ["1.2-1.el9", "1:0.5-1", "1.2", "1.2~rc1-1", "a-1"],
    "pkg:apk/alpine/a": ["1.2-r0", "1.2_rc1", "01.2", "1.2.03", "1.10-r1"],
    "pkg:alpm/arch/a": ["1.2-1", "1:0.5-1", "1.2rc-1", "a1-1"],
    "pkg:pub/a": ["1.2.3", "1.2.3+4", "1.2.3-dev"],
    "pkg:cpan/a": ["1.2", "1.002", "v1.2.3", "1.02_03"],
    "pkg:cran/a": ["1.2", "1.2-3", "1.10"],
    "pkg:hackage/a": ["1.2", "1.2.0", "1.10"],
    "pkg:conan/a": ["1.2", "1.2-rc", "cci.2020"],
    "pkg:golang/o/a": ["v1.2.3", "v0.0.0-20240102030405-abcdef123456", "1.22.3"],
    "pkg:conda/a": ["1.2", "2023a"],
    "": ["1.2", "1.10"],
}
KINDS = st.sampled_from(["introduced", "introduced", "fixed", "last_affected", "limit"])
TYPES = st.sampled_from(["ECOSYSTEM", "ECOSYSTEM", "SEMVER", "GIT", "CUSTOM", "CPE", "UNKNOWN"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Component, Advisory]:
    key = draw(st.sampled_from(sorted(SPELT)))
    version = st.sampled_from(SPELT[key])
    entries = []
    for _ in range(draw(st.integers(1, 3))):
        # An entry that names no package of an ecosystem is about every component of its name.
        about = draw(
            st.sampled_from([key, key, key, "", "pkg:generic/a", "pkg:generic/x/a", "pkg:npm/other"])
        )
        ranges = draw(
            st.lists(
                st.builds(
                    lambda type_, events: span(type_, *events),
                    TYPES,
                    st.lists(st.tuples(KINDS, version | st.just("0")), max_size=4),
                ),
                max_size=2,
            )
        )
        entries.append(
            affected(
                about,
                tuple(ranges),
                tuple(draw(st.lists(version, max_size=2))),
                name=draw(st.sampled_from(["a", "a", "A", "o/a", "o:a", "other", "a_b", ""])),
                last_known=draw(st.sampled_from(["", "<= 1.2", "< 1.10 or <= 2", ">= 1, <= 1.2", "odd"])),
                unaffected=tuple(draw(st.lists(version, max_size=1))),
                cpes=draw(st.sampled_from([(), (), (CPE,), ("cpe:2.3:a:x:a_b:1:*:*:*:*:*:*:*",)])),
                ecosystem=draw(st.sampled_from(["", "Debian:12"])) if "deb" in key else "",
                release=draw(st.sampled_from(["", "12"])) if "deb" in key else "",
            )
        )
    shape = draw(st.sampled_from(["purl", "purl", "purl", "generic", "name"]))
    url = {"purl": key or None, "generic": "pkg:generic/a", "name": None}[shape]
    if url and "deb" in url:
        url += draw(st.sampled_from(["", "?distro=debian-12", "?distro=debian-11", "?upstream=other"]))
    said_version = draw(version | st.just(""))
    return Component(
        name=draw(st.sampled_from(["a", "a", "a-b", "Other"])),
        version=said_version,
        purl=url,
        cpe=draw(st.sampled_from([None, CPE])),
    ), advisory(*entries)


@settings(max_examples=120, deadline=None)
@given(worlds())
def test_what_a_database_leaves_out_by_the_rows_has_no_match(world: tuple[Component, Advisory]) -> None:
    component, told = world
    who = component.identity()
    chosen = {r.affected for r in advisory_ranges(told) if is_candidate(component, r)}
    certain = {"confirmed": 2, "possible": 1}
    best = 0
    for entry in told.affected:
        found = match(component, entry)
        if found is not None:
            assert entry.index in chosen, (found, who, advisory_ranges(told))
            assert found.reason and found.range
            assert (
                found.certainty == "possible"
                or who.pkg == entry.package_key
                or "generic" in entry.package_key
            )
            best = max(best, certain[found.certainty])
        by_cpe = match_cpe(component, entry)
        best = max(best, 1 if by_cpe else 0)
    assert [certain[m.certainty] for m in matches([component], [told])] == ([best] if best else [])


@settings(max_examples=80, deadline=None)
@given(worlds())
def test_only_what_is_surely_outside_is_excluded(world: tuple[Component, Advisory]) -> None:
    """An entry about the component's own package gives no match only where every order question had an answer."""
    component, told = world
    who = component.identity()
    for entry in told.affected:
        if who.pkg != entry.package_key or match(component, entry) is not None:
            continue
        if entry.release and who.release and entry.release != who.release:
            continue
        scheme = versions.scheme_of(entry.package_key)
        assert who.version
        if who.version in entry.unaffected:
            continue
        assert scheme is not None
        assert versions.is_version(scheme, who.version) or all(r.type == "SEMVER" for r in entry.ranges)
        assert all(r.type in ("SEMVER", "ECOSYSTEM") for r in entry.ranges) or any(
            _equal(scheme, who.version, v) for v in entry.unaffected
        )


def _equal(scheme: str, a: str, b: str) -> bool:
    try:
        return versions.compare(scheme, a, b) == 0
    except Doubt:
        return False


def test_the_readers_entries_are_matched_as_they_come() -> None:
    """One OSV file through the reader, so that the model that is made here by hand is the reader's."""
    entry = {"id": "X", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "a"},
             "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}]}  # fmt: skip
    read = osv.read(json.dumps(entry).encode())
    found = list(matches([Component(name="a", purl="pkg:npm/a@1.0.0")], [read]))
    assert [str(m) for m in found] == ["X confirmed: a 1.0.0 is in >=0, <2.0.0"]
