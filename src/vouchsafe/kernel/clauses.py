"""Which rules of the packs the code carries out, which only external evidence opens, and which nobody has
built yet.

`vouchsafe rules` prints it. A rule is *enforced* when a gate, limit, standing rule, link gate or signature
names it; *declared* when one of its gates is opened by typed external evidence only, which is counted apart;
*tested* when tests have shown it shut once and open once (`tests/rule_coverage.py` writes down which). Only
block rules are counted.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vouchsafe.kernel.declare import Process
from vouchsafe.regulations import packs


@dataclass(frozen=True, slots=True)
class Carried:
    """How one rule is carried out: by which words, and whether external evidence is what opens it."""

    rule: str
    by: tuple[str, ...]  # "gate", "limit", "standing", "signature"
    declared: bool
    places: tuple[str, ...]  # names of gates and steps, for the reader


@dataclass(frozen=True, slots=True)
class Coverage:
    """The block rules of one process of the pack."""

    block: int
    enforced: int
    declared: int
    tested: int | None  # None: no record of a test run at hand
    missing: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "block": self.block,
            "enforced": self.enforced,
            "declared": self.declared,
            "tested": self.tested,
            "missing": list(self.missing),
        }


def carried(process: Process) -> Mapping[str, Carried]:
    """The rules that a process names, of its own pack id or of others, by rule id."""
    found: dict[str, list[tuple[str, bool, str]]] = {}
    for s in process.steps:
        for g in s.gates:
            found.setdefault(g.rule, []).append(("gate", g.declared, g.name))
        for want in s.signs:
            found.setdefault(want.rule, []).append(("signature", False, f"{want.meaning} at {s.name}"))
    for m in process.limits:
        found.setdefault(m.rule, []).append(("limit", False, m.says or m.stop))
    for h in process.standings:
        found.setdefault(h.gate.rule, []).append(("standing", h.gate.declared, h.gate.name))
    found.pop("", None)
    return {
        rule: Carried(
            rule,
            tuple(sorted({word for word, _, _ in uses})),
            any(declared for _, declared, _ in uses),
            tuple(dict.fromkeys(place for _, _, place in uses)),
        )
        for rule, uses in sorted(found.items())
    }


def all_carried(processes: Iterable[Process]) -> Mapping[str, Carried]:
    """The rules that any of the processes names."""
    out: dict[str, Carried] = {}
    for process in processes:
        for rule, c in carried(process).items():
            old = out.get(rule)
            out[rule] = c if old is None else _both(old, c)
    return out


def _both(a: Carried, b: Carried) -> Carried:
    words = tuple(sorted({*a.by, *b.by}))
    return Carried(a.rule, words, a.declared or b.declared, tuple(dict.fromkeys((*a.places, *b.places))))


def coverage(processes: Iterable[Process], tests: Mapping[str, Any] | None = None) -> Mapping[str, Coverage]:
    """For each of the pack's processes how far its block rules are carried out.

    `tests` is the content of the file that the test run writes: rule -> {"shut": [...], "open": [...]}.
    """
    have, out = all_carried(processes), {}
    for p in packs.processes().values():
        block = [r.id for r in p.rules if r.severity == "block"]
        done = [r for r in block if r in have]
        out[p.id] = Coverage(
            block=len(block),
            enforced=sum(not have[r].declared for r in done),
            declared=sum(have[r].declared for r in done),
            tested=None if tests is None else sum(is_tested(tests.get(r)) for r in done),
            missing=tuple(r for r in block if r not in have),
        )
    return out


def is_tested(entry: Any) -> bool:
    """Whether a rule was shown shut once and open once."""
    return isinstance(entry, dict) and bool(entry.get("shut")) and bool(entry.get("open"))


def read_tests(path: Path) -> Mapping[str, Any] | None:
    """What the test run wrote down, or None where there is no such file.

    Raises:
        ValueError: it is not what a test run writes.
    """
    if not path.exists():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or not isinstance(data.get("rules"), dict):
        raise ValueError(f"{path}: expected an object with `rules`")
    found: Mapping[str, Any] = data["rules"]
    return found


def clause_matrix(processes: Iterable[Process]) -> Mapping[str, tuple[str, ...]]:
    """Clause or article -> "process: gate" for each gate that rests on it; a process's own clauses name the
    process.
    """
    out: dict[str, dict[str, None]] = {}
    for process in processes:
        for clause in process.clauses:
            out.setdefault(clause, {})[process.key] = None
        gates = [g for s in process.steps for g in s.gates] + [h.gate for h in process.standings]
        for g in gates:
            for clause in (part.strip() for part in g.basis.split(";")):
                if clause:
                    out.setdefault(clause, {})[f"{process.key}: {g.name}"] = None
    return {clause: tuple(uses) for clause, uses in sorted(out.items())}
