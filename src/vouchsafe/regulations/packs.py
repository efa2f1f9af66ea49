"""Reads the data packs, once, and gives the rules of the quality processes as values.

A pack is a YAML file under `data/`. `rules_of("CAP")` is what `faults`, the manual and `vouchsafe rules` go
by: the ids, severities and texts of one process's rules; `process("CAP")` has its states and transitions as
the pack has them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from vouchsafe.regulations.errors import BadPack, Unknown

SEVERITIES = ("block", "warn", "advice")
NAMES = (
    "crosswalk",
    "eu_mdr",
    "evidence_types",
    "fda_524b",
    "iec62304",
    "iec81001-5-1",
    "imdrf",
    "iso13485",
    "iso14971",
    "ivdr",
    "mdsap",
    "part11",
    "qms_processes",
    "qmsr",
    "retention",
    "roles",
    "uk_mdr",
    "vigilance_deadlines",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One gating rule: what it says, how hard it is, on what it rests, how sure we are of that."""

    id: str
    process: str
    severity: str
    text: str
    basis: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Transition:
    """One transition as the pack has it; `frm` may be a wildcard such as "any open state"."""

    frm: tuple[str, ...]
    to: str
    by: str
    meaning: str | None
    gates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProcessRules:
    """One quality process of the pack."""

    id: str
    name: str
    purpose: str
    clauses: tuple[str, ...]
    roles: tuple[str, ...]
    states: tuple[str, ...]
    initial: tuple[str, ...]
    final: tuple[str, ...]
    transitions: tuple[Transition, ...]
    rules: tuple[Rule, ...]
    evidence: tuple[str, ...]


def raw(name: str) -> bytes:
    """The bytes of a pack, as shipped.

    Raises:
        Unknown: there is no such pack.
    """
    if name not in NAMES:
        raise Unknown(f"no data pack {name!r}")
    return (resources.files(__package__) / "data" / f"{name}.yaml").read_bytes()


def digest(name: str) -> str:
    """SHA-256 of a pack's bytes: which edition of the rules a decision was made under."""
    return hashlib.sha256(raw(name)).hexdigest()


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML; refuses a key twice, which YAML would silently let the last one win."""


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    if len(set(keys)) != len(keys):
        raise yaml.constructor.ConstructorError(None, None, "a key twice", node.start_mark)
    return dict(yaml.constructor.SafeConstructor.construct_mapping(loader, node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@cache
def pack(name: str) -> Mapping[str, Any]:
    """A pack's content.

    Raises:
        Unknown: there is no such pack.
        BadPack: it is not YAML, or has no `meta`.
    """
    try:
        data = yaml.load(raw(name), Loader=_Loader)  # noqa: S506, it derives from the safe loader
    except yaml.YAMLError as e:
        raise BadPack(name, "file", str(e)) from e
    if not isinstance(data, dict) or not isinstance(data.get("meta"), dict):
        raise BadPack(name, "meta", "is missing")
    return data


def _rule_confidence(basis: str, text: str) -> str:
    """Of a process rule: the pack's own note says that practice and suggested values rest on experience."""
    if basis.strip() == "practice" or "medium confidence" in text:
        return "medium"
    return "high"


@cache
def processes() -> Mapping[str, ProcessRules]:
    """Every process of the pack by id.

    Raises:
        BadPack: an id twice, an unknown severity, or a missing part.
    """
    out: dict[str, ProcessRules] = {}
    for p in pack("qms_processes")["processes"]:
        try:
            found = _process(p)
        except (KeyError, TypeError) as e:
            raise BadPack("qms_processes", str(p.get("id")), f"part missing or of the wrong kind: {e}") from e
        if found.id in out:
            raise BadPack("qms_processes", found.id, "is there twice")
        out[found.id] = found
    return out


def _process(p: Mapping[str, Any]) -> ProcessRules:
    found = tuple(
        Rule(r["id"], p["id"], r["severity"], r["rule"], r["basis"], _rule_confidence(r["basis"], r["rule"]))
        for r in p["gating_rules"]
    )
    for r in found:
        if r.severity not in SEVERITIES:
            raise BadPack("qms_processes", r.id, f"severity {r.severity!r} is not one of {SEVERITIES}")
    if len({r.id for r in found}) != len(found):
        raise BadPack("qms_processes", p["id"], "has a rule id twice")
    return ProcessRules(
        id=p["id"],
        name=p["name"],
        purpose=p["purpose"],
        clauses=tuple(p["clauses"]),
        roles=tuple(p["roles"]),
        states=tuple(p["states"]),
        initial=tuple(p["initial_states"]),
        final=tuple(p["final_states"]),
        transitions=tuple(
            Transition(tuple(t["from"]), t["to"], t["by"], t["signature_meaning"], tuple(t["gates"]))
            for t in p["transitions"]
        ),
        rules=found,
        evidence=tuple(p["evidence"]),
    )


def process(pid: str) -> ProcessRules:
    """One process of the pack.

    Raises:
        Unknown: there is none with this id.
    """
    found = processes().get(pid)
    if found is None:
        raise Unknown(f"no process {pid!r} in the pack")
    return found


def rules_of(pid: str) -> Mapping[str, Rule]:
    """The rules of one process by id."""
    return {r.id: r for r in process(pid).rules}


def rule(rule_id: str) -> Rule:
    """One rule of any process, by its id.

    Raises:
        Unknown: no process has it.
    """
    found = (
        rules_of(rule_id.partition("-")[0]).get(rule_id) if rule_id.partition("-")[0] in processes() else None
    )
    if found is None:
        raise Unknown(f"no rule {rule_id!r} in the pack")
    return found


def has_rule(rule_id: str) -> bool:
    """Whether the pack has a process rule, a rule of separation of duties or an invariant with this id."""
    return rule_id in _all_rule_ids()


@cache
def _all_rule_ids() -> frozenset[str]:
    data = pack("qms_processes")
    general = [r["id"] for part in ("separation_of_duties", "invariants") for r in data[part]]
    return frozenset([r.id for p in processes().values() for r in p.rules] + general)


def signature_meanings() -> tuple[str, ...]:
    """The closed list of what a signature can mean (21 CFR 11.50)."""
    return tuple(pack("qms_processes")["signature_meanings"])


def separation_of_duties() -> Mapping[str, str]:
    return {r["id"]: r["rule"] for r in pack("qms_processes")["separation_of_duties"]}


def retention_rules() -> Mapping[str, Mapping[str, Any]]:
    return {r["id"]: r for r in pack("retention")["rules"]}
