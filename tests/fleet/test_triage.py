"""An advisory that reaches a released build opens one vulnerability record, and an advisory that doesn't opens none."""

import json
import random
import string
from typing import Any

import pytest

from tests.fleet.test_population import advisory
from tests.fleet.world import DAY, START, World, release, when
from vouchsafe.agent.images import build
from vouchsafe.fleet import impact, triage
from vouchsafe.fleet.errors import BadInput
from vouchsafe.kernel import acts, people, queries
from vouchsafe.kernel.errors import Denied
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


def test_a_build_that_comes_after_its_advisory_reports_it_once(world: World, priya: Any) -> None:
    """The advisory waits: no build has the crate when it is imported, and one has it later."""
    for name in ("chrono", "zlib"):
        impact.import_advisory(named(name), by=priya, at=when(world.now))
    assert records(priya, world) == []
    world.advance(DAY)
    release(build("5.0.0", 6), [("pkg:cargo/chrono@9.0.0", "chrono", "9.0.0")], world.now)
    assert records(priya, world) == []  # fixed in it
    release(build("5.0.1", 7), [("pkg:cargo/chrono@0.1.0", "chrono", "0.1.0")], world.now)
    (row,) = records(priya, world)
    found = queries.record(row.number, priya, now=when(world.now))
    assert (found.content.advisory, found.owner) == ("X-chrono", None)
    assert found.content.received_at == when(world.now)
    release(build("5.0.2", 8), [("pkg:cargo/chrono@0.1.1", "chrono", "0.1.1")], world.now)
    release(build("5.0.3", 9), [("", "zlib", "0.1.1")], world.now)  # by name: possible, and reported
    assert sorted(row.title.partition(":")[0] for row in records(priya, world)) == ["X-chrono", "X-zlib"]


def test_a_new_build_is_held_against_the_newest_edition_only(world: World, priya: Any) -> None:
    impact.import_advisory(named("chrono"), by=priya, at=when(world.now))
    impact.import_advisory(named("chrono", withdrawn="2026-02-02T00:00:00Z"), by=priya, at=when(world.now))
    impact.import_advisory(named("zlib"), by=priya, at=when(world.now))
    impact.import_advisory(named("zlib", fixed="0.0.2"), by=priya, at=when(world.now))
    parts = [(f"pkg:cargo/{name}@0.1.0", name, "0.1.0") for name in ("chrono", "zlib")]
    release(build("5.0.1", 7), parts, world.now)
    assert records(priya, world) == []


def test_names_longer_than_an_index_takes(world: World, priya: Any) -> None:
    """Random text, so that compression doesn't help: the package's name is joined on, the component's is refused."""
    chance = random.Random(1)
    name = "".join(chance.choice(string.ascii_lowercase) for _ in range(3_000))
    impact.import_advisory(named(name, id="X-long"), by=priya, at=when(world.now))
    release(build("5.0.1", 7), [(f"pkg:cargo/{name}@0.1.0", "long", "0.1.0")], world.now)
    assert len(records(priya, world)) == 1
    with pytest.raises(BadInput, match="advisory id: expected at most 200 characters, got 3002"):
        impact.import_advisory(named(name), by=priya, at=when(world.now))
    with pytest.raises(BadInput, match="names of at most 600 characters"):
        release(build("5.0.2", 8), [("", name, "0.1.0")], world.now)


def test_whoever_may_not_open_the_record_may_not_import(world: World, priya: Any) -> None:
    amara = people.create("amara", email="a@fellside.example", full_name="Amara Obi", at=when(START - DAY))
    with pytest.raises(Denied, match="Priya Raghunathan can") as told:
        impact.import_advisory(advisory(), by=amara, at=when(world.now))
    assert "security_lead" in told.value.roles
    assert impact.advisories() == () and records(priya, world) == []


def named(name: str, *, fixed: str = "1.0.0", **more: str) -> bytes:
    ranges = [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
    entry = {"package": {"ecosystem": "crates.io", "name": name}, "ranges": ranges}
    return json.dumps(
        {"id": f"X-{name}", "modified": "2026-01-01T00:00:00Z", "affected": [entry], **more}
    ).encode()
