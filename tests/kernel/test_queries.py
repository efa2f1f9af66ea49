"""What may be read, by whom, and in how many queries."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.kernel.conftest import World
from vouchsafe.kernel import acts, permit, queries
from vouchsafe.kernel.views import Filters

pytestmark = pytest.mark.server
WHY = "The risk is low, but it recurs."


def step_of(view, name):
    return next(s for s in view.steps if s.step == name)


def test_a_page_says_why_not_and_who_can(world: World):
    it = world.open(problem="Over-infusion")
    mine = queries.record(it.number, world["ada"], now=world.now)
    view = step_of(mine, "investigate")
    assert not view.enabled and not view.may and view.holders == ("Grace", "Noether", "Turing")
    assert [(g.rule, g.sentence) for g in view.open_conditions] == [("", "Fill in: Risk.")]
    assert mine.writable == {"problem", "patient", "report", "proof"}
    theirs = step_of(queries.record(it.number, world["grace"], now=world.now), "investigate")
    assert theirs.may and not theirs.enabled and "risk" in theirs.writes
    assert any("arises from another" in g.sentence for g in theirs.met)


def test_an_enabled_step_can_be_taken_and_a_disabled_one_is_refused(world: World):
    """The page and the writer give the same answer, for every person and every step of every state."""
    it = world.planned()
    for name in ("ada", "grace", "hopper", "turing", "root"):
        for step in queries.gates(it.number, world[name], now=world.now, reason=WHY):
            slot = next((s for s in step.signatures if s.mine), None)
            try:
                if step.signed:
                    meaning = slot.meaning if slot else step.signatures[0].meaning
                    acts.begin_signing(
                        it.number,
                        step.step,
                        meaning,
                        seen=it.revision,
                        by=world[name],
                        at=world.tick(),
                        reason=WHY,
                    )
                else:
                    acts.act(
                        it.number, step.step, seen=it.revision, by=world[name], at=world.tick(), reason=WHY
                    )
                taken = True
            except acts.Refused:
                taken = False
            assert taken == step.enabled, (name, step)


def test_signatures_given_and_expected_are_shown(world: World):
    it = world.planned()
    world.sign(it, "approve", "approved", "grace", reason=WHY)
    view = queries.record(it.number, world["hopper"], now=world.now)
    given, waiting = step_of(view, "approve").signatures
    assert (given.given_by, given.wanted, given.at is not None) == ("Grace", "quality assurance", True)
    assert (waiting.given_by, waiting.mine, waiting.holders) == ("", True, ("Hopper",))
    assert waiting.says == "I approve this plan for my function"
    (signed,) = view.signatures
    assert (signed.printed_name, signed.says, signed.role_words, signed.ceremony, signed.stands) == (
        "Grace",
        "I approve this plan",
        "quality assurance",
        "passkey",
        True,
    )
    assert signed.seal.state == "queued"
    acts.write(
        it.number, seen=view.revision, by=world["ada"], at=world.tick(), changes={"problem": "Changed"}
    )
    assert not queries.signatures(it.number, world["ada"], now=world.now)[0].stands


def test_the_stepper_shows_where_it_stands(world: World):
    it = world.acting()
    view = queries.record(it.number, world["ada"], now=world.now)
    assert [(s.label, s.status) for s in view.stages] == [
        ("Open", "done"),
        ("Plan", "done"),
        ("Work", "now"),
        ("Done", "later"),
    ]
    assert view.stages[1].signed and not view.stages[0].signed
    assert view.stage == "Work" and view.state_label == "Acting"
    assert [g.rule for g in view.standing] == ["T-06"]


def test_the_trail_tells_what_changed_from_what_to_what(world: World):
    it = world.planned()
    it = acts.write(
        it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"patient": "J. Doe"}
    )
    trail = queries.history(it.number, world["grace"], now=world.now)
    assert [e.seq for e in trail] == [3, 2, 1, 0]
    assert [(c.label, c.before, c.after) for c in trail[0].changes] == [("Patient", None, "J. Doe")]
    plan = {c.label: (c.before, c.after) for c in trail[1].changes}
    assert plan["Plan"] == (None, "Filter the sensor") and plan["Actions done by"] == (None, date(2026, 4, 1))
    assert trail[1].reason == WHY and (trail[1].from_label, trail[1].to_label) == ("Investigating", "Planned")
    assert [c.label for c in trail[3].changes] == ["Problem"]
    older = queries.history(it.number, world["grace"], now=world.now, before=2, size=1)
    assert [e.seq for e in older] == [1] and [c.label for c in older[0].changes] == ["Risk"]


def test_lists_are_filtered_sorted_and_paged_in_few_queries(world: World):
    for n in range(30):
        world.open(title=f"Matter {n:02}", problem="Over-infusion" if n % 2 else "Alarm")
    world.planned()
    with CaptureQueriesContext(connection) as asked:
        page = queries.records("matter", Filters(sort="title"), world["ada"], now=world.now, page=2, size=10)
    assert len(asked) <= 10
    assert (page.total, page.pages, page.page) == (31, 4, 2)
    assert [r.title for r in page.rows] == [f"Matter {n:02}" for n in range(10, 20)]
    assert page.rows[0].seal.state == "queued" and page.rows[0].owner == "Ada"

    def total(**kw):
        return queries.records("matter", Filters(**kw), world["ada"], now=world.now).total

    assert (
        total(states=("planned",)) == total(facts={"risk": "low"}) == total(overdue_on=date(2026, 5, 1)) == 1
    )
    assert total(text="alarm") == 15 and total(owner=world["ada"].id.hex) == 31 and total(owner="junk") == 0
    assert total(open_only=True) == 31 and total(closed_only=True) == 0
    assert queries.records("matter", Filters(sort="nonsense"), world["ada"], now=world.now, page=99).page == 1


def test_what_may_not_be_read_is_not_counted_found_or_listed(world: World):
    world.add("york", "qa", site="York")
    secret = acts.open_record(
        "matter", "Secret", by=world["ada"], at=world.tick(), site="Kendal", changes={"problem": "zebra"}
    )
    shown = acts.open_record(
        "matter", "Shown", by=world["ada"], at=world.tick(), site="York", changes={"problem": "zebra"}
    )
    acts.link(shown.number, "similar_to", secret.number, by=world["ada"], at=world.tick())
    york, now = world["york"], world.now
    assert [r.title for r in queries.search("zebra", york, now=now)] == ["Shown"]
    assert queries.search(secret.number, york, now=now) == ()
    assert (
        queries.records("matter", Filters(), york, now=now).total
        == queries.counts(york, now=now)["matter"].open
        == 1
    )
    assert {e.number for e in queries.recent_events(50, york, now=now)} == {shown.number}
    assert queries.state_counts("matter", york, now=now) == {"opened": 1}
    assert {t.number for t in queries.tasks(york, now=now)} <= {shown.number}
    (link,) = queries.record(shown.number, york, now=now).links
    assert link.hidden and (link.number, link.title) == ("", "A record that you may not see")
    for ask in (queries.record, queries.history, queries.gates, queries.signatures, queries.linked_records):
        with pytest.raises(acts.NotFound):
            ask(secret.number, york, now=now)
    nobody = world.add("nobody")
    assert queries.search("zebra", nobody, now=world.now) == ()
    assert queries.records("", Filters(), nobody, now=world.now).total == 0


def test_search_finds_by_number_and_beginnings_of_words_but_no_personal_value(world: World):
    it = world.open(
        title="Bolus on line change", problem="Pressure sensor debounces", patient="Margaret Okonkwo"
    )
    world.open(title="Another")

    def found(text):
        return [r.number for r in queries.search(text, world["grace"], now=world.now)]

    assert found(it.number) == [it.number] and len(found(it.number[:8])) == 2
    assert found("bolus") == [it.number] and found("sens press") == [it.number]
    for nothing in ("Okonkwo", "", "  ", "':* & |", "zz", "!!"):
        assert found(nothing) == []


def test_tasks_are_what_waits_for_me(world: World):
    it = world.open(problem="Over-infusion")
    (task,) = queries.tasks(world["grace"], now=world.now)
    assert (task.kind, task.step, task.ready, task.missing) == ("step", "investigate", False, 1)
    assert queries.tasks(world["ada"], now=world.now) == ()
    it = world.planned()
    tasks = {t.number: t for t in queries.tasks(world["grace"], now=world.now)}
    assert (tasks[it.number].kind, tasks[it.number].step, tasks[it.number].ready) == ("sign", "approve", True)
    assert [t.number for t in queries.tasks(world["hopper"], now=world.now)] == [it.number]
    world.sign(it, "approve", "approved", "hopper", reason=WHY)
    assert queries.tasks(world["hopper"], now=world.now) == ()


def test_a_step_back_is_a_task_only_once_somebody_has_begun_it(world: World):
    it = world.planned()
    world.sign(it, "approve", "approved", "grace", reason=WHY)
    steps = {s.step: s for s in queries.gates(it.number, world["grace"], now=world.now, reason=WHY)}
    left = {name for name, s in steps.items() if any(slot.mine for slot in s.signatures)}
    assert left == {"reject"}, "all that is left to her leads back"
    assert queries.tasks(world["grace"], now=world.now) == ()


def test_one_look_asks_once_and_the_next_one_sees_what_changed(world: World):
    it = world.open(problem="Over-infusion")
    with permit.one_look():
        before = permit.held(world["ada"], at=world.now)
        with CaptureQueriesContext(connection) as asked:
            assert permit.held(world["ada"], at=world.now) is before
            first = permit.holders(["qa"], at=world.now)
            assert permit.holders(["qa"], at=world.now) == first and first
        assert len(asked) == 1
        in_look = queries.record(it.number, world["ada"], now=world.now)
        inside = permit.held_by([world["grace"].id], at=world.now)
    assert in_look == queries.record(it.number, world["ada"], now=world.now)
    assert inside == permit.held_by([world["grace"].id], at=world.now) and inside[world["grace"].id]
    with CaptureQueriesContext(connection) as outside:
        permit.held(world["ada"], at=world.now)
        permit.held(world["ada"], at=world.now)
    assert len(outside) == 2, "whoever writes is asked about each time"


def test_the_counts_of_views_are_those_of_their_lists(world: World):
    world.open(problem="Over-infusion")
    world.planned()
    views = {
        "open": Filters(open_only=True),
        "closed": Filters(closed_only=True),
        "planned": Filters(states=("planned",)),
        "hers": Filters(owner=world["ada"].id.hex, text="Over"),
        "nobody": Filters(owner="not a person"),
        "late": Filters(overdue_on=date(2100, 1, 1)),
    }
    found = queries.view_counts("matter", views, world["grace"], now=world.now)
    for key, one in views.items():
        assert found[key] == queries.records("matter", one, world["grace"], now=world.now).total, key
    assert found["open"] == 2 and found["planned"] == 1


def test_clocks_run_until_they_are_stopped(world: World):
    it = world.open(problem="Over-infusion")
    (clock,) = queries.clocks(world["ada"], now=world.now)
    assert (clock.number, clock.clock.rule, clock.late) == (it.number, "T-10", False)
    assert queries.clocks(world["ada"], now=world.now + timedelta(days=6))[0].late
    world.act(it, "investigate", "grace", risk="low")
    assert queries.clocks(world["ada"], now=world.now) == ()


def test_a_record_page_and_the_worklist_take_a_fixed_number_of_queries(world: World):
    it = world.acting()
    with CaptureQueriesContext(connection) as page:
        queries.record(it.number, world["grace"], now=world.now)
    assert len(page) <= 30
    counts = []
    for _ in range(2):
        for _ in range(5):
            world.open(problem="Over-infusion")
        with CaptureQueriesContext(connection) as asked:
            queries.worklist(world["grace"], now=world.now)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 15
    with CaptureQueriesContext(connection) as again:
        queries.worklist(world["grace"], now=world.now)
    assert len(again) == 1


def test_ids_and_numbers_translate_for_other_tables(world: World):
    it = world.open()
    assert queries.number_of(queries.id_of(it.number)) == it.number
    with pytest.raises(acts.NotFound):
        queries.id_of("MAT-1999-0001")
