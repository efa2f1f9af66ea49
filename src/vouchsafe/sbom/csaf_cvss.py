"""The CVSS objects of CSAF: their shape, whether the scores are the vector's, whether the words are the vector's.

Tests 6.1.8, 6.1.9 and 6.1.10 of CSAF 2.0 and 2.1. Source: FIRST, CVSS JSON schemas 2.0, 3.0, 3.1 and 4.0; the
scores are computed by the `cvss` package.
"""

import re
from collections.abc import Iterator
from typing import Any

from cvss.cvss2 import CVSS2
from cvss.cvss3 import CVSS3
from cvss.cvss4 import CVSS4
from cvss.exceptions import CVSSError

from vouchsafe.sbom.errors import shown
from vouchsafe.sbom.jsonshape import Choice, Members, Number, Problems, Shape, Text
from vouchsafe.sbom.limits import MAX_VECTOR_CHARS

INVALID, WRONG_SCORE, CONTRADICTS = "6.1.8", "6.1.9", "6.1.10"

# member -> (metric of the vector, letters and words). `X` or `ND` is NOT_DEFINED throughout.
_Words = dict[str, tuple[str, dict[str, str]]]


def _words(text: str) -> _Words:
    """The table of a version, written as `member metric letter=WORD …`, one line each."""
    found: _Words = {}
    for line in text.strip().splitlines():
        member, metric, *pairs = line.split()
        found[member] = metric, dict(pair.split("=") for pair in pairs)
    return found


_V2 = _words("""
accessVector AV N=NETWORK A=ADJACENT_NETWORK L=LOCAL
accessComplexity AC H=HIGH M=MEDIUM L=LOW
authentication Au M=MULTIPLE S=SINGLE N=NONE
confidentialityImpact C N=NONE P=PARTIAL C=COMPLETE
integrityImpact I N=NONE P=PARTIAL C=COMPLETE
availabilityImpact A N=NONE P=PARTIAL C=COMPLETE
exploitability E U=UNPROVEN POC=PROOF_OF_CONCEPT F=FUNCTIONAL H=HIGH ND=NOT_DEFINED
remediationLevel RL OF=OFFICIAL_FIX TF=TEMPORARY_FIX W=WORKAROUND U=UNAVAILABLE ND=NOT_DEFINED
reportConfidence RC UC=UNCONFIRMED UR=UNCORROBORATED C=CONFIRMED ND=NOT_DEFINED
collateralDamagePotential CDP N=NONE L=LOW LM=LOW_MEDIUM MH=MEDIUM_HIGH H=HIGH ND=NOT_DEFINED
targetDistribution TD N=NONE L=LOW M=MEDIUM H=HIGH ND=NOT_DEFINED
confidentialityRequirement CR L=LOW M=MEDIUM H=HIGH ND=NOT_DEFINED
integrityRequirement IR L=LOW M=MEDIUM H=HIGH ND=NOT_DEFINED
availabilityRequirement AR L=LOW M=MEDIUM H=HIGH ND=NOT_DEFINED
""")
_V3 = _words("""
attackVector AV N=NETWORK A=ADJACENT_NETWORK L=LOCAL P=PHYSICAL
attackComplexity AC H=HIGH L=LOW
privilegesRequired PR H=HIGH L=LOW N=NONE
userInteraction UI N=NONE R=REQUIRED
scope S U=UNCHANGED C=CHANGED
confidentialityImpact C N=NONE L=LOW H=HIGH
integrityImpact I N=NONE L=LOW H=HIGH
availabilityImpact A N=NONE L=LOW H=HIGH
exploitCodeMaturity E U=UNPROVEN P=PROOF_OF_CONCEPT F=FUNCTIONAL H=HIGH X=NOT_DEFINED
remediationLevel RL O=OFFICIAL_FIX T=TEMPORARY_FIX W=WORKAROUND U=UNAVAILABLE X=NOT_DEFINED
reportConfidence RC U=UNKNOWN R=REASONABLE C=CONFIRMED X=NOT_DEFINED
confidentialityRequirement CR L=LOW M=MEDIUM H=HIGH X=NOT_DEFINED
integrityRequirement IR L=LOW M=MEDIUM H=HIGH X=NOT_DEFINED
availabilityRequirement AR L=LOW M=MEDIUM H=HIGH X=NOT_DEFINED
modifiedAttackVector MAV N=NETWORK A=ADJACENT_NETWORK L=LOCAL P=PHYSICAL X=NOT_DEFINED
modifiedAttackComplexity MAC H=HIGH L=LOW X=NOT_DEFINED
modifiedPrivilegesRequired MPR H=HIGH L=LOW N=NONE X=NOT_DEFINED
modifiedUserInteraction MUI N=NONE R=REQUIRED X=NOT_DEFINED
modifiedScope MS U=UNCHANGED C=CHANGED X=NOT_DEFINED
modifiedConfidentialityImpact MC N=NONE L=LOW H=HIGH X=NOT_DEFINED
modifiedIntegrityImpact MI N=NONE L=LOW H=HIGH X=NOT_DEFINED
modifiedAvailabilityImpact MA N=NONE L=LOW H=HIGH X=NOT_DEFINED
""")
_V4 = _words("""
attackVector AV N=NETWORK A=ADJACENT L=LOCAL P=PHYSICAL
attackComplexity AC H=HIGH L=LOW
attackRequirements AT N=NONE P=PRESENT
privilegesRequired PR H=HIGH L=LOW N=NONE
userInteraction UI N=NONE P=PASSIVE A=ACTIVE
vulnConfidentialityImpact VC N=NONE L=LOW H=HIGH
vulnIntegrityImpact VI N=NONE L=LOW H=HIGH
vulnAvailabilityImpact VA N=NONE L=LOW H=HIGH
subConfidentialityImpact SC N=NONE L=LOW H=HIGH
subIntegrityImpact SI N=NONE L=LOW H=HIGH
subAvailabilityImpact SA N=NONE L=LOW H=HIGH
exploitMaturity E U=UNREPORTED P=PROOF_OF_CONCEPT A=ATTACKED X=NOT_DEFINED
confidentialityRequirement CR L=LOW M=MEDIUM H=HIGH X=NOT_DEFINED
integrityRequirement IR L=LOW M=MEDIUM H=HIGH X=NOT_DEFINED
availabilityRequirement AR L=LOW M=MEDIUM H=HIGH X=NOT_DEFINED
modifiedAttackVector MAV N=NETWORK A=ADJACENT L=LOCAL P=PHYSICAL X=NOT_DEFINED
modifiedAttackComplexity MAC H=HIGH L=LOW X=NOT_DEFINED
modifiedAttackRequirements MAT N=NONE P=PRESENT X=NOT_DEFINED
modifiedPrivilegesRequired MPR H=HIGH L=LOW N=NONE X=NOT_DEFINED
modifiedUserInteraction MUI N=NONE P=PASSIVE A=ACTIVE X=NOT_DEFINED
modifiedVulnConfidentialityImpact MVC N=NONE L=LOW H=HIGH X=NOT_DEFINED
modifiedVulnIntegrityImpact MVI N=NONE L=LOW H=HIGH X=NOT_DEFINED
modifiedVulnAvailabilityImpact MVA N=NONE L=LOW H=HIGH X=NOT_DEFINED
modifiedSubConfidentialityImpact MSC N=NEGLIGIBLE L=LOW H=HIGH X=NOT_DEFINED
modifiedSubIntegrityImpact MSI N=NEGLIGIBLE L=LOW H=HIGH S=SAFETY X=NOT_DEFINED
modifiedSubAvailabilityImpact MSA N=NEGLIGIBLE L=LOW H=HIGH S=SAFETY X=NOT_DEFINED
Safety S N=NEGLIGIBLE P=PRESENT X=NOT_DEFINED
Automatable AU N=NO Y=YES X=NOT_DEFINED
Recovery R A=AUTOMATIC U=USER I=IRRECOVERABLE X=NOT_DEFINED
valueDensity V D=DIFFUSE C=CONCENTRATED X=NOT_DEFINED
vulnerabilityResponseEffort RE L=LOW M=MODERATE H=HIGH X=NOT_DEFINED
providerUrgency U Clear=CLEAR Green=GREEN Amber=AMBER Red=RED X=NOT_DEFINED
""")
_OF_MEMBER: dict[str, _Words] = {"cvss_v2": _V2, "cvss_v3": _V3, "cvss_v4": _V4}
_SEVERITIES = Text(words=frozenset(("NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL")))
_BANDS = {"NONE": (0, 0), "LOW": (0.1, 3.9), "MEDIUM": (4, 6.9), "HIGH": (7, 8.9), "CRITICAL": (9, 10)}
_SCORE = Number(0, 10)


def _metrics(words: _Words) -> str:
    """A pattern of one `metric:letter` of a version."""
    return "|".join(f"{metric}:(?:{'|'.join(letters)})" for metric, letters in words.values())


def _in_order(words: _Words) -> str:
    """A pattern of the vector of version 4.0, whose metrics stand in one order, the first eleven always."""
    parts = [f"/{metric}:(?:{'|'.join(letters)})" for metric, letters in words.values()]
    return "".join(parts[:11]) + "".join(f"(?:{p})?" for p in parts[11:])


def _shape(version: str, prefix: str, words: _Words) -> Members:
    one = _metrics(words)
    vector = rf"{prefix}(?:(?:{one})/)*+(?:{one})"
    members: dict[str, Shape] = {m: Text(words=frozenset(w.values())) for m, (_, w) in words.items()}
    members |= {f"{kind}Score": _SCORE for kind in ("base", "temporal", "environmental")}
    required: tuple[str, ...] = ("version", "vectorString", "baseScore")
    if version != "2.0":
        members |= {f"{kind}Severity": _SEVERITIES for kind in ("base", "temporal", "environmental")}
        required += ("baseSeverity",)
    # The last metric has no slash, so a possessive group must not take it: it asks for the slash itself.
    pattern = Text(re.compile(vector), said=f"a CVSS {version} vector")
    members |= {"version": Text(words=frozenset((version,))), "vectorString": pattern}
    return Members(members, required=required, rule=INVALID)


def _four() -> Members:
    members: dict[str, Shape] = {m: Text(words=frozenset(w.values())) for m, (_, w) in _V4.items()}
    vector = Text(re.compile(rf"CVSS:4\.0{_in_order(_V4)}"), said="a CVSS 4.0 vector")
    members |= {"version": Text(words=frozenset(("4.0",))), "vectorString": vector}
    members |= {"baseScore": _SCORE, "baseSeverity": _SEVERITIES}
    required = ("version", "vectorString", "baseScore", "baseSeverity")
    return Members(members, required=required, closed=True, rule=INVALID, also=_out_of_band)


def _out_of_band(item: dict[str, Any]) -> tuple[str, str] | None:
    """CVSS 4.0's schema ties the word to the score."""
    score: Any = item.get("baseScore")
    word = item.get("baseSeverity")
    if type(score) not in (int, float) or not isinstance(word, str) or word not in _BANDS:
        return None
    low, high = _BANDS[word]
    fits = low <= score <= high and (word == "HIGH" or abs(score * 10 - round(score * 10)) < 1e-6)
    return None if fits else (".baseScore", f"expected {low:g} to {high:g} for {word}, got {shown(score)}")


CVSS_V2 = _shape("2.0", "", _V2)
CVSS_V3 = Choice("version", {v: _shape(v, rf"CVSS:{re.escape(v)}/", _V3) for v in ("3.1", "3.0")})
CVSS_V4 = _four()


def check(member: str, item: dict[str, Any], place: str, problems: Problems) -> None:
    """Tests 6.1.9 and 6.1.10 of one CVSS object. One whose vector can't be read has failed 6.1.8 already."""
    vector = item.get("vectorString")
    if not isinstance(vector, str) or len(vector) > MAX_VECTOR_CHARS:
        return
    for name, said, computed in _computed(member, vector, item):
        if said not in computed:
            text = (
                f"expected {' or '.join(dict.fromkeys(map(str, computed)))} by the vector, got {shown(said)}"
            )
            problems.add(WRONG_SCORE, f"{place}.{name}", text)
    stands = dict(part.split(":", 1) for part in vector.split("/") if ":" in part)
    for name, (metric, words) in _OF_MEMBER[member].items():
        said = item.get(name)
        # A vector that leaves a metric out says nothing that the word could contradict.
        meant = words.get(stands.get(metric, ""))
        if meant and isinstance(said, str) and said in words.values() and said != meant:
            problems.add(CONTRADICTS, f"{place}.{name}", f"expected {meant} by the vector, got {said}")


def scored(member: str, vector: str) -> tuple[list[float | None], list[str]] | None:
    """Base, temporal and environmental scores and their words, or None when it is no vector.

    For version 4.0 the first is the score of the whole vector, the second of its base metrics alone.
    """
    if len(vector) > MAX_VECTOR_CHARS:
        return None
    try:
        if member == "cvss_v4":
            make: Any = CVSS4
            whole, base = make(vector), make("/".join(vector.split("/")[:12]))
            scores: list[float | None] = [float(whole.base_score), float(base.base_score)]
            return scores, [str(whole.severity).upper(), str(base.severity).upper()]
        make = CVSS2 if member == "cvss_v2" else CVSS3
        known = make(vector)
        numbers = [None if s is None else float(s) for s in known.scores()]
        return numbers, [str(w).upper() for w in known.severities()]
    except (CVSSError, ValueError, LookupError, TypeError, ArithmeticError):  # odd vectors reach its sums
        return None


def _computed(member: str, vector: str, item: dict[str, Any]) -> Iterator[tuple[str, Any, list[Any]]]:
    found = scored(member, vector)
    if found is None:
        return
    scores, words = found
    if member == "cvss_v4":
        yield from ((n, item[n], v) for n, v in (("baseScore", scores), ("baseSeverity", words)) if n in item)
        return
    for kind, score, word in zip(("base", "temporal", "environmental"), scores, words, strict=True):
        if score is None:
            continue
        if type(item.get(f"{kind}Score")) in (int, float):
            yield f"{kind}Score", item[f"{kind}Score"], [score]
        if member == "cvss_v3" and isinstance(item.get(f"{kind}Severity"), str):
            yield f"{kind}Severity", item[f"{kind}Severity"], [word]
