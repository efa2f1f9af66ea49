"""CVSS: scores by the equations, faults with their place, stated scores that differ."""

import itertools
import json
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest
from cvss.cvss4 import CVSS4
from hypothesis import given
from hypothesis import strategies as st

from vouchsafe.sbom import cvss
from vouchsafe.sbom.advisories import Severity
from vouchsafe.sbom.limits import MAX_VECTOR_CHARS

V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N"
V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"


@pytest.mark.parametrize(
    ("vector", "type_", "score", "rating"),
    [
        (V31, "CVSS_V3", 7.5, "high"),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", "CVSS_V3", 10.0, "critical"),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", "CVSS_V3", 0.0, "none"),
        (V31 + "/E:U/RL:O/RC:U", "CVSS_V3", 7.5, "high"),  # the base score, whatever else is in the vector
        (V4, "CVSS_V4", 8.7, "high"),  # FIRST's example for CVE-2014-0160
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "CVSS_V4", 10.0, "critical"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", "CVSS_V4", 0.0, "none"),
        (V2, "CVSS_V2", 7.5, "high"),
        ("AV:L/AC:H/Au:M/C:N/I:N/A:N", "CVSS_V2", 0.0, "low"),
    ],
)
def test_a_vector_has_a_score_and_a_word(vector: str, type_: str, score: float, rating: str) -> None:
    assert cvss.score(vector) == Severity(type_, vector, score, rating)
    assert cvss.faults(vector) == ()


def test_every_base_vector_of_3_1_has_the_score_of_the_specifications_equations() -> None:
    # CVSS 3.1 sections 7.1 and 7.4; Roundup as in Appendix A, on integers.
    av, ac = {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}, {"L": 0.77, "H": 0.44}
    pr = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}
    ui, cia = {"N": 0.85, "R": 0.62}, {"H": 0.56, "L": 0.22, "N": 0.0}
    count = 0
    for s in "UC":
        for a, b, p, u, c, i, v in itertools.product(av, ac, "NLH", ui, cia, cia, cia):
            iss = 1 - (1 - cia[c]) * (1 - cia[i]) * (1 - cia[v])
            impact = 6.42 * iss if s == "U" else 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02) ** 15
            exploit = 8.22 * av[a] * ac[b] * pr[s][p] * ui[u]
            total = 0.0 if impact <= 0 else min((1.0 if s == "U" else 1.08) * (impact + exploit), 10)
            whole = round(total * 100_000)
            expected = whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
            found = cvss.score(f"CVSS:3.1/AV:{a}/AC:{b}/PR:{p}/UI:{u}/S:{s}/C:{c}/I:{i}/A:{v}")
            assert found is not None
            assert found.score is not None
            assert math.isclose(found.score, expected), (found, expected)
            count += 1
    assert count == 2_592


@pytest.mark.parametrize(
    ("vector", "fault"),
    [
        ("", "character 1: expected a metric such as AV:N, got an empty string"),
        ("CVSS:3.2/AV:N", "character 1: expected CVSS:3.0/, CVSS:3.1/ or CVSS:4.0/, got “CVSS:3.2/”"),
        ("CVSS:3.1/AV:N/AC:L", "character 19: expected PR, UI, S, C, I, A, got the end"),
        (V31[:-1] + "X", "character 44: expected one of H, L, N for A, got “X”"),
        (V31[:-1], "character 44: expected one of H, L, N for A, got nothing"),
        (V31 + "/A:H", "character 46: expected each metric once, got A again"),
        (V31 + "/", "character 46: expected a metric such as AV:N, got an empty string"),
        (V31 + "/ZZ:N", "character 46: expected a metric such as AV:N, got “ZZ:N”"),
        (V31.replace("AV:N", "av:N"), "character 10: expected a metric such as AV:N, got “av:N”"),
        ("(" + V2 + ")", "character 1: expected a metric such as AV:N, got “(AV:N”"),
        ("A" * (MAX_VECTOR_CHARS + 1), "character 1025: expected at most 1,024, got 1,025"),
    ],
)
def test_a_fault_has_its_character(vector: str, fault: str) -> None:
    assert fault in cvss.faults(vector)
    assert cvss.score(vector) is None


def test_the_longest_vector_is_read() -> None:
    assert cvss.faults("A" * MAX_VECTOR_CHARS)[0].startswith("character 1: expected a metric")


def test_metrics_of_4_0_out_of_order_are_a_fault_but_have_a_score() -> None:
    swapped = V4.replace("AV:N/AC:L", "AC:L/AV:N")
    assert cvss.faults(swapped) == (
        "character 10: expected the metrics in the order of the specification, got another",
    )
    found = cvss.score(swapped)
    assert found is not None
    assert found.score == 8.7


def test_a_stated_score_is_kept_and_a_wrong_one_noted() -> None:
    problems: list[str] = []
    found = cvss.read(V31, "$.v", problems, stated=9.0, word="CRITICAL", stated_place="$.s")
    assert (found.score, found.stated, found.rating) == (7.5, 9.0, "high")
    assert problems == ["$.s: expected the vector's score 7.5, got the number 9.0"]


def test_a_stated_word_that_is_not_the_vectors_is_noted() -> None:
    problems: list[str] = []
    cvss.read(V31, "$.v", problems, stated=7.5, word="High", stated_place="$.s")
    cvss.read(V31, "$.v", problems, word="no such word", stated_place="$.s")
    assert problems == []
    cvss.read(V31, "$.v", problems, word="LOW", stated_place="$.s")
    assert problems == ["$.s: expected the vector's rating high, got “LOW”"]


def test_the_base_score_of_4_0_may_be_stated_with_or_without_the_threat_metrics() -> None:
    problems: list[str] = []
    full = V4 + "/E:U"
    alone, together = cvss.score(V4), cvss.score(full)
    assert alone is not None
    assert together is not None
    assert alone.score != together.score
    cvss.read(full, "$.v", problems, stated=alone.score)
    cvss.read(full, "$.v", problems, stated=together.score)
    assert problems == []
    cvss.read(full, "$.v", problems, stated=0.1)
    assert len(problems) == 1


def test_an_invalid_vector_is_a_problem_and_its_stated_score_is_kept() -> None:
    problems: list[str] = []
    found = cvss.read("CVSS:3.1/AV:N", "$.v", problems, stated=9.8, word="CRITICAL", type_="CVSS_V3")
    assert found == Severity("CVSS_V3", "CVSS:3.1/AV:N", 9.8, "critical", 9.8)
    assert problems == [
        "$.v: expected a CVSS vector, got “CVSS:3.1/AV:N”: character 14: expected AC, PR, UI, S, C, I, A, got the end"
    ]
    assert cvss.read("x", "$.v", [], stated=99.0).rating == "unknown"
    assert cvss.read("x", "$.v", [], stated=5.0).rating == "medium"


def test_a_vector_of_another_version_than_its_type_is_noted() -> None:
    problems: list[str] = []
    cvss.read(V2, "$.v", problems, type_="CVSS_V3")
    assert problems == ["$.v: expected a vector of CVSS_V3, got one of CVSS 2.0"]


def test_the_newest_version_is_shown() -> None:
    v30 = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"
    every = [Severity("word", "", None, "critical"), *(cvss.score(v) for v in (V2, v30, V31, V4))]
    kept = [s for s in every if s]
    assert [cvss.version_of(s.vector) for s in [cvss.preferred(kept[:n]) for n in (2, 3, 4, 5)] if s] == [
        "2.0",
        "3.0",
        "3.1",
        "4.0",
    ]
    assert cvss.preferred(kept[:1]) == kept[0]
    assert cvss.preferred([]) is None
    invalid = Severity("CVSS_V4", "CVSS:4.0/AV:N", None, "unknown")
    assert cvss.preferred([invalid, kept[1]]) == kept[1]


@given(st.text(max_size=60) | st.text("AVNCLPRUISHX:/.0123", max_size=40).map("CVSS:3.1/".__add__))
def test_any_text_is_a_vector_or_has_a_fault(vector: str) -> None:
    assert (cvss.score(vector) is None) <= bool(cvss.faults(vector))


def _mutated(r: random.Random, version: str) -> str:
    prefix, metrics, mandatory, _ = cvss._METRICS[version]
    every = list(metrics)
    names = every[:mandatory] + [m for m in every[mandatory:] if r.random() < 0.3]
    parts = [f"{m}:{r.choice(metrics[m])}" for m in names]
    what = r.randrange(8)
    at = r.randrange(len(parts))
    if what == 0:
        r.shuffle(parts)
    elif what == 1:
        parts.append(r.choice(parts))
    elif what == 2:
        parts.pop(at)
    elif what == 3:
        parts[at] = f"{parts[at].partition(':')[0]}:{r.choice('NLHXAPCSZ')}"
    return prefix + "/".join(parts)


def test_vectors_are_those_of_the_first_schemas(fixtures: Path) -> None:
    """What is right here, FIRST's patterns take; what they take beyond it repeats or lacks a metric."""
    folder = fixtures / "sbom/oasis-tcs_csaf/csaf_2.1/referenced_schema/first"
    r = random.Random(2026)
    seen = {True: 0, False: 0}
    for version in ("2.0", "3.0", "3.1", "4.0"):
        schema: dict[str, Any] = json.loads((folder / f"cvss-v{version}.json").read_bytes())
        pattern = re.compile(schema["properties"]["vectorString"]["pattern"])
        for _ in range(1_500):
            vector = _mutated(r, version)
            found = cvss.faults(vector)
            taken = bool(pattern.match(vector))
            seen[not found] += 1
            assert (
                taken if not found else (not taken or all("again" in f or "the end" in f for f in found))
            ), vector
            assert (cvss.score(vector) is not None) or found
    assert min(seen.values()) > 500


def test_the_library_takes_4_0_in_any_order_which_is_why_the_order_is_checked_here() -> None:
    swapped = V4.replace("AV:N/AC:L", "AC:L/AV:N")
    assert float(CVSS4(swapped).base_score) == 8.7
    assert cvss.faults(swapped)
