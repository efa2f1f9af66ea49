"""The front door for advisories: formats told apart, hostile files refused with their exact place, mutations."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sbom.test_cve5 import record
from tests.sbom.test_ghsa import REST, rest
from tests.sbom.test_kev import catalogue
from tests.sbom.test_nvd import answer
from tests.sbom.test_osv import entry
from tests.sbom.test_rustsec import MARKDOWN
from vouchsafe.sbom import advisories, match
from vouchsafe.sbom.advisories import Advisory
from vouchsafe.sbom.errors import Malformed, NotRead, SbomError, TooLarge
from vouchsafe.sbom.limits import DEFAULT, Limits

JSON = {"OSV": entry(), "GHSA": rest(), "CVE": record(), "NVD": answer(), "KEV": catalogue()}
EVERY = {**JSON, "RustSec": MARKDOWN.encode()}


@pytest.mark.parametrize("name", EVERY)
def test_a_format_is_told_by_its_content(name: str) -> None:
    for data in (
        EVERY[name],
        b"\xef\xbb\xbf" + EVERY[name],
        b"\n " + EVERY[name] if name in JSON else EVERY[name],
    ):
        said = advisories.read(data)
        assert said.format == name
        assert said.id


@pytest.mark.parametrize(
    ("data", "place", "got"),
    [
        (b'{"bomFormat": "CycloneDX"}', "$.bomFormat", "a CycloneDX BOM"),
        (b'{"spdxVersion": "SPDX-2.3"}', "$.spdxVersion", "an SPDX document"),
        (b'{"@context": "https://openvex.dev/ns/v0.2.0"}', "$['@context']", "an OpenVEX document"),
        (b'{"CVE_Items": []}', "$.CVE_Items", "an NVD feed 1.1, which is no longer published"),
        (b'{"data_type": "CVE"}', "$.data_type", "a CVE record of version 4"),
        (b'[{"bomFormat": "CycloneDX"}]', "$[0].bomFormat", "a CycloneDX BOM"),
        (b'[{"document": {"csaf_version": "2.0"}}]', "$[0]", "one of several in an array"),
    ],
)
def test_other_formats_are_named(data: bytes, place: str, got: str) -> None:
    with pytest.raises(NotRead) as told:
        advisories.read(data)
    assert (told.value.place, told.value.got) == (place, got)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "line 1 column 1"),
        (b"{", "line 1 column 2"),
        (b"7", "$"),
        (b'"x"', "$"),
        (b"{}", "$"),
        (b"[7]", "$[0]"),
        (b'[{"id": "A-1"}, {"id": 7}]', "$[1].id"),
        (b'[{"id": "A-1"}, {"ghsa_id": 7}]', "$[1].ghsa_id"),
        (b'[{"id": "A-1"}, {"dataType": "CVE_RECORD"}]', "$[1].cveMetadata.cveId"),
        (b'[{"id": "A-1"}, {"catalogVersion": 1}]', "$[1].catalogVersion"),
        (b"<html>", "line 1 column 1"),
        (b"SPDXVersion: SPDX-2.3", "line 1 column 1"),
        ('{"id": "A-1"}'.encode("utf-16"), "byte 0"),
    ],
)
def test_what_is_no_advisory_has_its_place(data: bytes, place: str) -> None:
    with pytest.raises(Malformed) as told:
        advisories.read_all(data)
    assert told.value.place == place


def test_an_array_holds_several_of_any_json_format() -> None:
    whole = b"[" + b",".join([JSON["OSV"], JSON["GHSA"], JSON["CVE"]]) + b"]"
    assert [a.format for a in advisories.read_all(whole)] == ["OSV", "GHSA", "CVE"]
    assert advisories.read_all(whole, limits=Limits(max_advisories=3))
    with pytest.raises(TooLarge) as told:
        advisories.read_all(whole, limits=Limits(max_advisories=2))
    assert told.value.place == "$"


@pytest.mark.parametrize("name", JSON)
def test_50_000_levels_are_refused_at_the_first_too_many(name: str) -> None:
    start = JSON[name].rstrip()[:-1] + b', "zz": '
    for mark, close in ((b"[", b"]"), (b'{"a":', b"}")):
        data = start + mark * 50_000 + b"1" + close * 50_000 + b"}"
        with pytest.raises(TooLarge) as told:
            advisories.read(data)
        column = len(start.decode()) + (DEFAULT.max_depth - 1) * len(mark) + 1
        assert told.value.place == f"line 1 column {column}"
    fine = start + b"[" * (DEFAULT.max_depth - 1) + b"]" * (DEFAULT.max_depth - 1) + b"}"
    assert advisories.read(fine).format == name


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize(
    ("tail", "offset"),
    [
        (', "zz": "a\\u0000b"}', 9),
        (', "zz": 1, "zz": 2}', 11),
        (', "zz": "a\x00b"}', 9),
        (', "zz": tru}', 8),
        (', "zz": 01}', 8),
        (', "zz": NaN}', 8),
    ],
)
def test_a_fault_of_syntax_has_its_column(name: str, tail: str, offset: int) -> None:
    start = JSON[name].decode().rstrip()[:-1]
    with pytest.raises(Malformed) as told:
        advisories.read((start + tail).encode())
    line, _, column = told.value.place.partition(" column ")
    assert line == "line 1"
    assert abs(int(column) - (len(start) + offset + 1)) <= 2, (
        told.value
    )  # the parser points at or after the mark


def _paths(value: Any, place: str = "$") -> list[tuple[str, list[Any]]]:
    """The place and the keys of every value within `value`."""
    found: list[tuple[str, list[Any]]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in items:
        at = f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}"
        found.append((at, [key]))
        found += [(p, [key, *keys]) for p, keys in _paths(member, at)]
    return found


def _put(value: Any, keys: list[Any], new: Any) -> Any:
    out = copy.deepcopy(value)
    at = out
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = new
    return out


# A rule between members names the one that is checked last: the count of a catalogue, the id of one format when
# the mark of another is gone.
RULES = ("$.count", "$.id")


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize("wrong", [7, 1e308, True, [], {}, [7], {"a": 7}, "x", "9" * 100_000, None], ids=repr)
def test_every_value_of_another_kind_is_refused_at_its_place_or_read(name: str, wrong: Any) -> None:
    """Each member of a good file in turn. What is refused names the member, one within it, or one that needs it."""
    good = json.loads(JSON[name])
    refused = 0
    for place, keys in _paths(good):
        try:
            found = advisories.read_all(json.dumps(_put(good, keys, wrong)).encode())
        except NotRead:
            continue  # it then looks like another format
        except Malformed as told:
            refused += 1
            within = told.place
            # The member itself, something in it, or the object that can't do without it.
            assert within.startswith(place) or place.startswith(f"{within}.") or within in RULES, (
                place,
                within,
            )
        else:
            for said in found:
                match.advisory_ranges(said)
    if isinstance(wrong, int | list | dict) and not isinstance(wrong, bool) and wrong not in ([], {}):
        assert refused > 5


def _mutate(value: Any, r: random.Random) -> Any:
    paths = _paths(value)
    if not paths:
        return value
    _, keys = r.choice(paths)
    out = copy.deepcopy(value)
    at = out
    for key in keys[:-1]:
        at = at[key]
    what = r.randrange(5)
    if what == 0 and isinstance(at, dict):
        del at[keys[-1]]
    elif what == 1 and isinstance(at, list):
        at.append(copy.deepcopy(at[keys[-1]]))
    elif what == 2 and len(paths) > 1:
        _, other = r.choice(paths)
        piece = value
        for key in other:
            piece = piece[key]
        at[keys[-1]] = copy.deepcopy(piece)
    elif what == 3:
        at[keys[-1]] = r.choice(
            [None, 0, -1, 1e999, "", "\ufeff", [], {}, "*", "0", "CVE-2026-0001", ">= 1, < 2", [[]]]
        )
    elif isinstance(at, dict):
        at[r.choice(["id", "format", "versions", "data", "cve", "document", "x"])] = at[keys[-1]]
    return out


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(sorted(EVERY)), st.randoms(use_true_random=False), st.integers(1, 4), st.integers(0, 9)
)
def test_a_mutated_good_file_is_read_or_refused(name: str, r: random.Random, times: int, damage: int) -> None:
    data = EVERY[name]
    if name in JSON:
        value = json.loads(data)
        for _ in range(times):
            value = _mutate(value, r)
        data = json.dumps(value).encode()
    if damage == 0:
        data = data[: r.randrange(len(data) + 1)]
    elif damage == 1 and data:
        at = r.randrange(len(data))
        data = data[:at] + bytes([r.randrange(256)]) + data[at + 1 :]
    try:
        found = advisories.read_all(data)
    except SbomError as told:
        assert not isinstance(told, Malformed) or told.place
        return
    for said in found:
        match.advisory_ranges(said)
        assert len(said.problems) <= DEFAULT.max_problems


def test_problems_are_limited() -> None:
    many = entry(affected=[{"package": {"ecosystem": "JavaScript", "name": "a"}}] * 5)
    assert len(advisories.read(many).problems) == 10
    assert len(advisories.read(many, limits=Limits(max_problems=3)).problems) == 3


def test_bytes_are_limited() -> None:
    for data in EVERY.values():
        assert advisories.read(data, limits=Limits(max_bytes=len(data)))
        with pytest.raises(TooLarge) as told:
            advisories.read(data, limits=Limits(max_bytes=len(data) - 1))
        assert told.value.place == "byte 0"


def test_csaf_is_read_through_the_same_door(fixtures: Path) -> None:
    path = next(iter(sorted((fixtures / "vuln/cisa-icsma").rglob("*.json"))))
    said = advisories.read(path.read_bytes())
    assert said.format == "CSAF"
    assert said.id.lower() == path.stem.lower()


COUNTS = {
    "vuln/rustsec_advisory-db/**/*.md": ("RustSec", 63),
    "vuln/cisa-icsma/**/*.json": ("CSAF", 79),
    "vuln/cisagov_kev-data/known_exploited_vulnerabilities.json": ("KEV", 1),
    "vuln/google_osv.dev/vulnfeeds/test_data/cv*/**/*.json": ("CVE", 23),
    "vuln/google_osv.dev/vulnfeeds/test_data/nvdcve-2.0/*.json": ("NVD", 6),
    "vuln/ossf_osv-schema/tools/ghsa/testdata/*.osv.json": ("OSV", 9),
    "vuln/ossf_osv-schema/tools/ghsa/testdata/*[a-z].json": ("GHSA", 9),
    "vuln/DependencyTrack_dependency-track/**/osv-*.json": ("OSV", 10),
    "vuln/DependencyTrack_dependency-track/**/advisory*.json": ("GHSA", 3),
}


@pytest.mark.parametrize("pattern", COUNTS)
def test_every_advisory_of_the_fixtures_is_read_as_its_format(fixtures: Path, pattern: str) -> None:
    paths = [p for p in sorted(fixtures.glob(pattern)) if ".osv." not in p.name or ".osv." in pattern]
    format_, count = COUNTS[pattern]
    said: list[Advisory] = [advisories.read(p.read_bytes()) for p in paths]
    assert [a.format for a in said] == [format_] * count
    for one in said:
        match.advisory_ranges(one)


def test_what_is_withdrawn_matches_nothing_in_any_format() -> None:
    for said in (
        advisories.read(entry(withdrawn="2026-01-01T00:00:00Z")),
        advisories.read(json.dumps(REST | {"withdrawn_at": "2026-01-01T00:00:00Z"}).encode()),
        advisories.read(record(meta={"state": "REJECTED"})),
    ):
        assert said.affected
        assert match.advisory_ranges(said) == ()
