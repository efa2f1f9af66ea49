"""An advisory that reaches a released build opens one vulnerability record, and an advisory that doesn't opens none."""

import json
from typing import Any

import pytest

from tests.fleet.test_population import advisory
from tests.fleet.world import DAY, START, World, when
from vouchsafe.fleet import impact, triage
from vouchsafe.kernel import acts, people, queries
from vouchsafe.kernel.views import Filters

KEY = "RUSTSEC-2020-0071"


@pytest.fixture
def priya(world: World) -> Any:
    made = people.create(
        "priya", email="p@fellside.example", full_name="Priya Raghunathan", at=when(START - DAY)
    )
    people.grant(made, "security_lead", by=None, at=when(START - DAY))
    return made


def records(by: Any, world: World) -> list[Any]:
    return list(queries.records("vulnerability", Filters(), by, now=when(world.now)).rows)


def changed(**more: Any) -> bytes:
    return json.dumps(json.loads(advisory()) | more).encode()


def test_an_advisory_that_reaches_a_released_build_opens_one_draft(world: World, priya: Any) -> None:
    told = impact.import_advisory(advisory(), by=priya, at=when(world.now))
    (row,) = records(priya, world)
    found = queries.record(row.number, priya, now=when(world.now))
    assert (found.content.advisory, found.content.source) == (KEY, "vulnerability_feed")
    assert found.content.summary == "Potential segfault in the time crate"
    assert found.content.aliases == "CVE-2020-26235"
    assert found.content.received_at == when(world.now)
    assert found.owner is None and found.state == "vuln_received" and row.title.startswith(KEY)
    linked = triage.record_of(told, priya, now=when(world.now))
    assert linked is not None and linked.number == row.number


def test_importing_it_again_or_a_newer_edition_opens_nothing_new(world: World, priya: Any) -> None:
    impact.import_advisory(advisory(), by=priya, at=when(world.now))
    for n, data in enumerate((advisory(), changed(modified="2026-02-02T00:00:00Z"), advisory("0.2.22"))):
        world.advance(DAY)
        impact.import_advisory(data, by=priya if n else None, at=when(world.now))
    assert len(records(priya, world)) == 1
    assert len(impact.advisories()) == 1


def test_an_advisory_that_touches_nothing_or_is_withdrawn_opens_nothing(world: World, priya: Any) -> None:
    impact.import_advisory(advisory("0.0.1"), by=priya, at=when(world.now))
    impact.import_advisory(advisory(name="nothing-here"), by=priya, at=when(world.now))
    impact.import_advisory(changed(withdrawn="2026-02-02T00:00:00Z"), by=priya, at=when(world.now))
    assert records(priya, world) == []
    impact.import_advisory(advisory(), by=priya, at=when(world.now))  # the edition that does reach one
    assert len(records(priya, world)) == 1


def test_what_a_person_has_opened_already_is_not_opened_again(world: World, priya: Any) -> None:
    mine = acts.open_record(
        "vulnerability", "Time crate", by=priya, at=when(world.now), changes={"advisory": KEY}
    )
    other = acts.open_record(
        "vulnerability", f"Like {KEY}", by=priya, at=when(world.now), changes={"advisory": KEY + "9"}
    )
    told = impact.import_advisory(advisory(), by=priya, at=when(world.now))
    assert {row.number for row in records(priya, world)} == {mine.number, other.number}
    linked = triage.record_of(told, priya, now=when(world.now))
    assert linked is not None and linked.number == mine.number


def test_a_publishers_control_characters_refuse_no_import(world: World, priya: Any) -> None:
    told = changed(summary="two\nlines\x07 and " + "x" * 5_000, aliases=["CVE-1\t-2"])
    impact.import_advisory(told, by=priya, at=when(world.now))
    (row,) = records(priya, world)
    found = queries.record(row.number, priya, now=when(world.now))
    assert found.content.summary.startswith("two lines and x") and len(found.content.summary) == 1_000
