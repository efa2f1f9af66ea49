"""CVSS vectors of versions 2.0, 3.0, 3.1 and 4.0: their faults, the base score and its word.

Source: the specifications of FIRST, https://www.first.org/cvss/, and the vector patterns of its JSON schemas. The
sums are the `cvss` package's; what is a vector is decided here, because the package also takes some texts that
are none (metrics of 4.0 in any order) and gives a word for a missing score. A vector that is no vector never
refuses an advisory: it is kept as text with its faults.

    >>> found = score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")
    >>> (found.score, found.rating)
    (7.5, 'high')
    >>> faults("AV:N/AC:L/Au:N/C:P/I:P/A:X")
    ('character 26: expected one of C, N, P for A, got “X”',)
"""

from collections.abc import Iterable
from typing import Any

from cvss.cvss2 import CVSS2
from cvss.cvss3 import CVSS3
from cvss.cvss4 import CVSS4
from cvss.exceptions import CVSSError

from vouchsafe.sbom.advisories import Severity
from vouchsafe.sbom.errors import shown
from vouchsafe.sbom.limits import MAX_VECTOR_CHARS


def _values(text: str) -> dict[str, tuple[str, ...]]:
    return {m: tuple(v.split(",")) for m, v in (item.split("=") for item in text.split())}


# Metrics in the specification's order, the mandatory ones first. CVSS 2.0 section 2, 3.1 table 15, 4.0 table 23.
_V2 = _values(
    "AV=A,L,N AC=H,L,M Au=M,N,S C=C,N,P I=C,N,P A=C,N,P E=F,H,ND,POC,U RL=ND,OF,TF,U,W RC=C,ND,UC,UR"
    " CDP=H,L,LM,MH,N,ND TD=H,L,M,N,ND CR=H,L,M,ND IR=H,L,M,ND AR=H,L,M,ND"
)
_V3 = _values(
    "AV=A,L,N,P AC=H,L PR=H,L,N UI=N,R S=C,U C=H,L,N I=H,L,N A=H,L,N E=F,H,P,U,X RL=O,T,U,W,X RC=C,R,U,X"
    " CR=H,L,M,X IR=H,L,M,X AR=H,L,M,X MAV=A,L,N,P,X MAC=H,L,X MPR=H,L,N,X MUI=N,R,X MS=C,U,X MC=H,L,N,X"
    " MI=H,L,N,X MA=H,L,N,X"
)
_V4 = _values(
    "AV=A,L,N,P AC=H,L AT=N,P PR=H,L,N UI=A,N,P VC=H,L,N VI=H,L,N VA=H,L,N SC=H,L,N SI=H,L,N SA=H,L,N E=A,P,U,X"
    " CR=H,L,M,X IR=H,L,M,X AR=H,L,M,X MAV=A,L,N,P,X MAC=H,L,X MAT=N,P,X MPR=H,L,N,X MUI=A,N,P,X MVC=H,L,N,X"
    " MVI=H,L,N,X MVA=H,L,N,X MSC=H,L,N,X MSI=H,L,N,S,X MSA=H,L,N,S,X S=N,P,X AU=N,X,Y R=A,I,U,X V=C,D,X"
    " RE=H,L,M,X U=Amber,Clear,Green,Red,X"
)
_METRICS = {
    "2.0": ("", _V2, 6, CVSS2),
    "3.0": ("CVSS:3.0/", _V3, 8, CVSS3),
    "3.1": ("CVSS:3.1/", _V3, 8, CVSS3),
    "4.0": ("CVSS:4.0/", _V4, 11, CVSS4),
}
_TYPES = {"2.0": "CVSS_V2", "3.0": "CVSS_V3", "3.1": "CVSS_V3", "4.0": "CVSS_V4"}
# What the package's sums raise on a vector that its parser took.
_LIBRARY_ERRORS = (CVSSError, ValueError, LookupError, TypeError, ArithmeticError)

RATINGS = {
    **{word: word for word in ("none", "low", "medium", "high", "critical")},
    "moderate": "medium",
    "important": "high",
    "negligible": "low",
}


def version_of(vector: str) -> str:
    """`2.0`, `3.0`, `3.1` or `4.0`; empty for a prefix of another version. No prefix means 2.0."""
    found = next((v for v, (prefix, *_) in _METRICS.items() if prefix and vector.startswith(prefix)), "")
    return found or ("" if vector.startswith("CVSS:") else "2.0")


def faults(vector: str) -> tuple[str, ...]:
    """What is wrong with a vector, each with its character (from 1); empty when it is a right one."""
    if len(vector) > MAX_VECTOR_CHARS:
        return (
            f"character {MAX_VECTOR_CHARS + 1}: expected at most {MAX_VECTOR_CHARS:,}, got {len(vector):,}",
        )
    version = version_of(vector)
    if not version:
        return (f"character 1: expected CVSS:3.0/, CVSS:3.1/ or CVSS:4.0/, got {shown(vector[:9])}",)
    prefix, metrics, mandatory, _ = _METRICS[version]
    found: list[str] = []
    seen: list[str] = []
    at = len(prefix) + 1
    for field in vector[len(prefix) :].split("/"):
        found += _field_faults(field, at, metrics, seen)
        at += len(field) + 1
    missing = [m for m in list(metrics)[:mandatory] if m not in seen]
    if missing:
        found.append(f"character {len(vector) + 1}: expected {', '.join(missing)}, got the end")
    order = list(metrics)
    known = [m for m in seen if m in metrics]
    # CVSS 4.0 section 7: the order of metrics is fixed; earlier versions leave it open.
    if version == "4.0" and known != sorted(known, key=order.index):
        found.append("character 10: expected the metrics in the order of the specification, got another")
    return tuple(found)


def _field_faults(field: str, at: int, metrics: dict[str, tuple[str, ...]], seen: list[str]) -> list[str]:
    name, colon, value = field.partition(":")
    if not colon or name not in metrics:
        return [f"character {at}: expected a metric such as {next(iter(metrics))}:N, got {shown(field)}"]
    if name in seen:
        return [f"character {at}: expected each metric once, got {name} again"]
    seen.append(name)
    if value not in metrics[name]:
        wanted, got = ", ".join(metrics[name]), shown(value) if value else "nothing"
        return [f"character {at + len(name) + 1}: expected one of {wanted} for {name}, got {got}"]
    return []


def score(vector: str) -> Severity | None:
    """The base score of a vector, or None when it is no vector.

    The order of 4.0's metrics does not count here: a vector whose only fault is its order has one meaning.
    """
    found = faults(vector)
    if any("in the order of" not in fault for fault in found):
        return None
    version = version_of(vector)
    value = _sum(version, vector)
    return None if value is None else Severity(_TYPES[version], vector, value, rating(version, value))


def _sum(version: str, vector: str) -> float | None:
    make: Any = _METRICS[version][3]
    try:
        return float(make(vector).base_score)
    except _LIBRARY_ERRORS:
        return None


def rating(version: str, value: float) -> str:
    """The word for a score. CVSS 3.1 table 14 and 4.0 table 22; for 2.0 NVD's three words."""
    if version == "2.0":
        return "low" if value < 4 else "medium" if value < 7 else "high"
    if value == 0:
        return "none"
    return "low" if value < 4 else "medium" if value < 7 else "high" if value < 9 else "critical"


def read(
    vector: str, place: str, problems: list[str], *, stated: float | None = None, word: str = "", source: str = "",
    type_: str = "", stated_place: str = "",
) -> Severity:  # fmt: skip
    """The severity that a file gives by a vector at `place`, with what is wrong with it put into `problems`.

    `stated` and `word` are the score and rating that the file gives beside it; both are compared with the
    vector's, and the vector's are kept. `type_` is OSV's word for the version, where the file says one.
    """
    found = score(vector)
    wrong = faults(vector)
    if wrong:
        problems.append(f"{place}: expected a CVSS vector, got {shown(vector)}: {'; '.join(wrong)}")
    if found is None:
        said = RATINGS.get(word.lower(), "unknown")
        if said == "unknown" and stated is not None and 0 <= stated <= 10:
            said = rating("3.1" if type_ != "CVSS_V2" else "2.0", stated)
        return Severity(type_ or "CVSS", vector, stated, said, stated, source)
    version = version_of(vector)
    if type_ and type_ != found.type:
        problems.append(f"{place}: expected a vector of {type_}, got one of CVSS {version}")
    assert found.score is not None
    if stated is not None and stated not in (found.score, *_other_scores(version, vector)):
        problems.append(
            f"{stated_place or place}: expected the vector's score {found.score}, got {shown(stated)}"
        )
    said = RATINGS.get(word.lower(), "")
    if said and said != found.rating and (stated is None or said != rating(version, stated)):
        problems.append(
            f"{stated_place or place}: expected the vector's rating {found.rating}, got {shown(word)}"
        )
    return Severity(found.type, vector, found.score, found.rating, stated, source)


def _other_scores(version: str, vector: str) -> tuple[float, ...]:
    """CVSS 4.0 has one formula for all metrics: a stated base score may be that of the base metrics alone."""
    if version != "4.0":
        return ()
    base = "/".join(vector.split("/")[:12])
    value = _sum(version, base)
    return () if value is None else (value,)


_RANK = {"4.0": 4, "3.1": 3, "3.0": 2, "2.0": 1}


def preferred(severities: Iterable[Severity]) -> Severity | None:
    """The one to show: the newest version of CVSS that has a score, of several the highest; else a word."""
    best = max(
        enumerate(severities),
        key=lambda item: (
            item[1].score is not None and bool(item[1].vector),
            _RANK.get(version_of(item[1].vector), 0) if item[1].vector else 0,
            item[1].score is not None,
            item[1].score or 0.0,
            item[1].rating != "unknown",
            -item[0],
        ),
        default=None,
    )
    return best[1] if best else None
