"""The one writer, against PostgreSQL."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.kernel.conftest import World
from vouchsafe.kernel import acts, queries, react
from vouchsafe.kernel.canonical import digest
from vouchsafe.kernel.models import Counter, Draft, Event, File, Link, Record, Signature, Version

pytestmark = pytest.mark.server
WHY = "The risk is low, but it recurs."


def kinds(record):
    return list(Event.objects.filter(record=record).order_by("seq").values_list("kind", flat=True))


def written():
    return tuple(
        model.objects.count() for model in (Record, Version, Event, Signature, Link, File, Draft, Counter)
    )


def test_an_act_writes_version_event_and_state_together(world: World):
    it = world.planned()
    assert it.state == "planned"
    assert it.due == date(2026, 4, 1)
    head = Version.objects.get(record=it, number=it.version)
    assert digest(bytes(head.body)) == head.sha256
    assert it.facts["risk"] == "low" and it.facts["due"] == "2026-04-01" and "plan" not in it.facts
    assert kinds(it) == ["opened", "investigate", "plan"]
    events = list(Event.objects.filter(record=it).order_by("seq"))
    assert [e.seq for e in events] == [0, 1, 2]
    assert all(len(e.salt) == 32 for e in events) and len({bytes(e.salt) for e in events}) == 3
    last = json.loads(events[-1].body)
    assert (last["from"], last["state"], last["sha256"]) == ("investigating", "planned", head.sha256)
    assert last["by_name"] == "Ada" and last["reason"] == WHY
    assert [a["rule"] for a in last["answered"]] == ["T-02"]


def test_a_leaf_would_show_neither_names_nor_numbers_nor_text(world: World):
    it = world.acting()
    shown = json.dumps(list(Event.objects.filter(record=it).values_list("facts", flat=True)))
    for secret in (it.number, it.title, "Filter", "Ada", "Grace", WHY, world["ada"].id.hex):
        assert secret not in shown


def test_the_owner_cannot_approve_their_own_plan(world: World):
    it = world.planned()
    with pytest.raises(acts.Refused):
        world.sign(it, "approve", "approved", "ada", reason=WHY)
    assert not Signature.objects.exists()


def test_the_record_moves_when_the_last_signature_is_there(world: World):
    it = world.planned()
    it = world.sign(it, "approve", "approved", "grace", reason=WHY)
    assert it.state == "planned"
    it = world.sign(it, "approve", "approved", "hopper", reason=WHY)
    assert it.state == "acting"
    assert kinds(it)[-3:] == ["signed", "signed", "approve"]
    roles = list(Signature.objects.order_by("id").values_list("role", flat=True))
    assert roles == ["qa", f"each:functions:{world['hopper'].id.hex}"]


def test_a_step_with_signatures_is_not_taken_without_them(world: World):
    it = world.planned()
    before = written()
    with pytest.raises(acts.Refused, match="Needs the signature “approved”"):
        world.act(it, "approve", "grace", reason=WHY)
    assert written() == before


def test_two_signatures_of_one_step_are_two_persons(world: World):
    it = world.planned(functions=[{"by": world["grace"].id.hex}])
    grace = f"each:functions:{world['grace'].id.hex}"
    begun = acts.begin_signing(
        it.number,
        "approve",
        "approved",
        seen=it.revision,
        by=world["grace"],
        at=world.tick(),
        reason=WHY,
        role=grace,
    )
    answer = world.keys["grace"].get(begun.options)
    it = acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=answer, role=grace)
    with pytest.raises(acts.Refused, match="SOD-18"):
        world.sign(it, "approve", "approved", "grace", reason=WHY)
    assert world.sign(it, "approve", "approved", "noether", reason=WHY).state == "acting"


def test_somebody_who_wrote_does_not_approve(world: World):
    it = world.planned()  # turing wrote the risk
    with pytest.raises(acts.Refused, match="you wrote"):
        world.sign(it, "approve", "approved", "turing", reason=WHY)


def test_an_approver_cannot_change_what_they_approve(world: World):
    it = world.planned()
    before = written()
    with pytest.raises(acts.Refused, match="doesn't change: Plan"):
        world.sign(it, "approve", "approved", "grace", reason=WHY, plan="Sneaky")
    assert written() == before


def test_a_field_of_another_step_is_refused(world: World):
    it = world.open(problem="Over-infusion")
    with pytest.raises(acts.Refused, match="doesn't change: Result"):
        world.act(it, "investigate", "grace", risk="low", result="All good")


def test_opening_writes_only_what_the_first_step_may(world: World):
    before = written()
    with pytest.raises(acts.Refused, match="Opening doesn't write: plan"):
        world.open(plan="Already decided")
    assert written() == before


def test_a_shut_gate_says_so_with_its_rule_and_writes_nothing(world: World):
    it = world.open(problem="Over-infusion")
    before = written()
    with pytest.raises(acts.Refused) as refused:
        world.act(it, "investigate", "grace", risk="high")
    assert refused.value.reasons == ("Link what this arises from. (T-01)",)
    assert written() == before
    assert Record.objects.get(pk=it.pk).revision == it.revision


def test_a_link_opens_the_gate_and_is_stored_once(world: World):
    source, it = world.open(title="Source"), world.open(problem="Over-infusion")
    acts.link(it.number, "arises_from", source.number, by=world["ada"], at=world.tick())
    assert world.act(it, "investigate", "grace", risk="high").state == "investigating"
    for here, relation, there in ((it, "arises_from", source), (it, "similar_to", it)):
        with pytest.raises(acts.Refused):
            acts.link(here.number, relation, there.number, by=world["ada"], at=world.tick())
    with pytest.raises(acts.Refused, match="doesn't lead"):
        acts.link(it.number, "implemented_by", source.number, by=world["ada"], at=world.tick())
    acts.link(it.number, "similar_to", source.number, by=world["ada"], at=world.tick())
    with pytest.raises(acts.Refused, match="already"):
        acts.link(source.number, "similar_to", it.number, by=world["ada"], at=world.tick())
    assert Link.objects.count() == 2


def test_a_warning_asks_for_a_reason_of_substance(world: World):
    it = world.act(world.open(problem="Over-infusion"), "investigate", "grace", risk="low")
    plan = {"plan": "Filter", "due": "2026-04-01"}
    for empty in ("", "n/a", "because"):
        with pytest.raises(acts.Refused, match="The risk is low"):
            world.act(it, "plan", "ada", reason=empty, **plan)
    assert world.act(it, "plan", "ada", reason=WHY, **plan).state == "planned"


def test_a_late_act_is_asked_why_and_then_taken(world: World):
    it = world.open(problem="Over-infusion")
    world.tick(days=6)
    with pytest.raises(acts.Refused, match="T-10"):
        world.act(it, "investigate", "grace", risk="low")
    done = world.act(it, "investigate", "grace", risk="low", reason="The lab was closed for a week.")
    body = json.loads(Event.objects.get(record=done, kind="investigate").body)
    assert [a["rule"] for a in body["answered"]] == ["T-10"]


def test_a_rejection_needs_a_reason_of_substance(world: World):
    it = world.planned()
    with pytest.raises(acts.Refused, match="Give a reason"):
        world.sign(it, "reject", "rejected", "grace", reason="no")
    it = world.sign(it, "reject", "rejected", "grace", reason="The plan doesn't reach the cause.")
    assert it.state == "rejected" and it.closed is not None


def test_a_standing_rule_is_met_before_its_state_is_left(world: World):
    it = world.acting()
    world.tick(days=120)
    assert acts.system_steps(world.now) == []
    acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"patient": "J. Doe"})
    assert acts.system_steps(world.tick()) == [(it.number, "wait")]
    assert acts.system_steps(world.tick()) == []
    it.refresh_from_db()
    assert it.state == "waiting"
    last = Event.objects.filter(record=it).order_by("-seq").first()
    assert last.by is None and json.loads(last.body)["by_name"] == "the system"


def test_nobody_takes_a_system_step(world: World):
    it = world.acting()
    world.tick(days=120)
    with pytest.raises(acts.Denied, match="the system"):
        world.act(it, "wait", "grace")


def test_a_gate_that_asks_stays_shut_without_an_answer(world: World):
    it = world.acting()
    with pytest.raises(acts.Refused, match="Not known here yet: units open"):
        world.act(it, "count", "ada")
    world.answers["units_open"] = lambda asked, now: (
        3 if asked.number == it.number and now == world.now else None
    )
    with pytest.raises(acts.Refused, match="3 units are open"):
        world.act(it, "count", "ada")
    world.answers["units_open"] = lambda asked, now: 0
    assert world.act(it, "count", "ada").state == "acting"


def test_staying_keeps_the_visit_and_counts_as_a_revision(world: World):
    it = world.acting()
    world.answers["units_open"] = lambda asked, now: 0
    after = world.act(it, "count", "ada")
    assert (after.entered, after.revision) == (it.entered, it.revision + 1)


def test_a_step_opens_a_linked_record_in_the_same_transaction(world: World):
    it = world.acting()
    world.act(it, "start_order", "ada")
    order = Record.objects.get(process="order")
    assert order.number == "ORD-2026-001" and order.owner == world["ada"] and order.state == "draft"
    assert Version.objects.get(record=order).body.decode().count("Filter the sensor") == 1
    link = Link.objects.get(target=order)
    assert (link.source_id, link.relation) == (it.pk, "leads_to")
    assert queries.record(it.number, world["grace"], now=world.now).links[0].number == order.number


def test_a_step_takes_linked_records_along_or_is_refused_whole(world: World):
    at = world.tick
    old = acts.open_record("order", "First", by=world["grace"], at=at(), changes={"what": "A"})
    new = acts.open_record(
        "order", "Second", by=world["grace"], at=at(), changes={"what": "B"}, links=[("revises", old.number)]
    )
    before = written()
    with pytest.raises(acts.Refused, match="can't be taken along"):
        world.act(new, "finish", "grace")
    assert written() == before
    world.act(old, "finish", "grace")
    world.act(new, "finish", "grace")
    assert [Record.objects.get(pk=r.pk).state for r in (old, new)] == ["old", "done"]


def test_clearing_writes_a_version_of_its_own(world: World):
    it = world.acting()
    acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"patient": "J. Doe"})
    world.tick(days=120)
    acts.system_steps(world.now)
    it = world.act(it, "reopen", "grace", result="Still drifts", works=False)
    bodies = [
        json.loads(bytes(v.body))["content"] for v in Version.objects.filter(record=it).order_by("number")
    ]
    assert (bodies[-1]["plan"], bodies[-2]["plan"]) == (None, "Filter the sensor")
    assert bodies[-1]["result"] == "Still drifts"
    assert (
        Version.objects.filter(record=it).order_by("-number").first().sha256
        == json.loads(Event.objects.get(record=it, kind="reopen").body)["sha256"]
    )


def test_a_stale_page_is_refused_and_nothing_is_overwritten(world: World):
    it = world.open(problem="First")
    one = acts.write(
        it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"problem": "Second"}
    )
    with pytest.raises(acts.Stale) as stale:
        acts.write(
            it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"problem": "Third"}
        )
    assert (stale.value.seen, stale.value.revision) == (it.revision, one.revision)
    since = queries.changed_since(it.number, world["ada"], now=world.now, seen=it.revision)
    assert [(c.label, c.before, c.after) for c in since[0].changes] == [("Problem", "First", "Second")]
    assert queries.record(it.number, world["ada"], now=world.now).content.problem == "Second"


def test_somebody_without_the_role_is_told_which_and_who_holds_it(world: World):
    it = world.open(problem="Over-infusion")
    with pytest.raises(acts.Denied) as denied:
        world.act(it, "investigate", "hopper", risk="low")
    assert denied.value.roles == ("qa",) and denied.value.holders == ("Grace", "Noether", "Turing")
    assert "quality assurance" in str(denied.value) and "Grace, Noether and Turing can." in str(denied.value)
    with pytest.raises(acts.Denied, match="order"):
        acts.open_record("order", "Mine", by=world["ada"], at=world.tick())


def test_a_record_out_of_scope_is_as_if_it_were_not_there(world: World):
    world.add("york", "qa", site="York")
    what = {"problem": "Over-infusion"}
    for site, seen in (("Kendal", False), ("York", True), ("", False)):
        it = acts.open_record("matter", "One", by=world["ada"], at=world.tick(), site=site, changes=what)
        if seen:
            assert world.act(it, "investigate", "york", risk="low").state == "investigating"
        else:
            with pytest.raises(acts.NotFound):
                world.act(it, "investigate", "york", risk="low")


def test_a_closed_account_does_nothing(world: World):
    from vouchsafe.kernel import people

    it = world.open(problem="Over-infusion")
    people.deactivate(world["grace"], by=world["root"], at=world.tick(), reason="Left the company")
    with pytest.raises(acts.Denied, match="closed"):
        world.act(it, "investigate", "grace", risk="low")


def test_bad_values_are_refused_with_place(world: World):
    it = world.open(problem="Over-infusion")
    for changes, place in (
        ({"risk": "terrible"}, "risk"),
        ({"nonsense": 1}, "nonsense"),
        ({"problem": "a\x00b"}, "problem"),
        ({"problem": 3.5}, "problem"),
        ({"problem": "x" * 20_001}, "problem"),
    ):
        with pytest.raises(acts.BadInput) as bad:
            world.act(it, "investigate", "grace", **changes)
        assert bad.value.place == place
    with pytest.raises(acts.Refused, match="isn't, or is no longer"):
        world.act(
            world.act(it, "investigate", "grace", risk="low"),
            "plan",
            "ada",
            reason=WHY,
            plan="P",
            due="2026-04-01",
            verifier="0" * 32,
        )


def test_evidence_names_a_file_that_is_really_attached(world: World, tmp_path: Path):
    it = world.open(problem="Over-infusion")
    sha = digest(b"report")
    proof = {"reference": "TR-1", "sha256": sha, "by": world["grace"].id.hex, "on": "2026-03-01"}
    with pytest.raises(acts.Refused, match="isn't attached"):
        acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"proof": proof})
    put = {"name": "report.pdf", "media_type": "application/pdf", "root": tmp_path}
    assert acts.attach(it.number, b"report", by=world["ada"], at=world.tick(), **put) == sha
    assert acts.attach(it.number, b"report", by=world["ada"], at=world.tick(), **put) == sha
    assert (tmp_path / sha[:2] / sha).read_bytes() == b"report"
    done = acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"proof": proof})
    assert kinds(done) == ["opened", "attached", "written"]
    with pytest.raises(acts.Denied):
        acts.attach(it.number, b"x", by=world["hopper"], at=world.tick(), **put)


def test_a_file_whose_bytes_changed_on_disk_is_not_shown(tmp_path: Path):
    from vouchsafe.kernel import files

    sha = files.keep(b"report", root=tmp_path)
    assert files.read(sha, root=tmp_path) == b"report"
    (tmp_path / sha[:2] / sha).write_bytes(b"rep0rt")
    for name in (sha, "0" * 64, "../../etc/passwd"):
        with pytest.raises(acts.NotFound):
            files.read(name, root=tmp_path)
    for size in (0, files.MAX_FILE_BYTES + 1):
        with pytest.raises(acts.Refused):
            files.keep(b"\0" * size, root=tmp_path)


def test_voiding_takes_two_persons_and_a_reason(world: World):
    it = world.open(problem="Over-infusion")
    why = "Opened twice by mistake, see the other."

    def void(by, reason=why):
        return acts.void(it.number, seen=it.revision, by=world[by], at=world.tick(), reason=reason)

    with pytest.raises(acts.Refused, match="INV-08"):
        void("ada", "oops")
    with pytest.raises(acts.Denied):
        void("hopper")
    assert void("ada").state == "opened"
    with pytest.raises(acts.Refused):
        void("ada")
    done = void("grace")
    assert done.state == "void" and done.closed
    assert queries.record(it.number, world["ada"], now=world.now).void
    with pytest.raises(acts.Refused):
        world.act(it, "investigate", "grace", risk="low")
    assert world.open().number == "MAT-2026-0002"


def test_quality_alone_cannot_void(world: World):
    it = world.open()
    why = "Opened twice by mistake, see the other."
    acts.void(it.number, seen=it.revision, by=world["grace"], at=world.tick(), reason=why)
    with pytest.raises(acts.Refused, match="INV-06"):
        acts.void(it.number, seen=it.revision, by=world["grace"], at=world.tick(), reason=why)


def test_an_owner_hands_over(world: World):
    it = world.open()
    with pytest.raises(acts.Denied):
        acts.assign(it.number, world["grace"], seen=it.revision, by=world["hopper"], at=world.tick())
    with pytest.raises(acts.Refused, match="holds no role"):
        nobody = world.add("nobody")
        acts.assign(it.number, nobody, seen=it.revision, by=world["ada"], at=world.tick())
    done = acts.assign(it.number, world["grace"], seen=it.revision, by=world["ada"], at=world.tick())
    assert done.owner == world["grace"] and kinds(done) == ["opened", "assigned"]


def test_a_leaver_gives_away_what_they_own_first(world: World):
    from vouchsafe.kernel import people

    it = world.open()
    with pytest.raises(acts.Refused, match=it.number):
        people.deactivate(world["ada"], by=world["root"], at=world.tick(), reason="Left")


def test_drafts_are_private_and_go_when_they_are_written(world: World):
    it = world.open(problem="First")
    acts.save_draft(
        it.number, by=world["ada"], at=world.tick(), seen=it.revision, changes={"problem": "Half a"}
    )
    acts.save_draft(
        it.number, by=world["ada"], at=world.tick(), seen=it.revision, changes={"problem": "Half a sentence"}
    )
    assert acts.draft_of(it.number, world["ada"]).changes == {"problem": "Half a sentence"}
    assert acts.draft_of(it.number, world["grace"]) is None
    assert kinds(it) == ["opened"]
    for bad in ({"nonsense": 1}, {"problem": "x" * 1_100_000}, {"problem": float("nan")}):
        with pytest.raises(acts.BadInput):
            acts.save_draft(it.number, by=world["ada"], at=world.tick(), seen=1, changes=bad)
    acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"problem": "Whole"})
    assert acts.draft_of(it.number, world["ada"]) is None


def test_nothing_changed_is_not_a_version(world: World):
    it = world.open(problem="Same")
    with pytest.raises(acts.Refused, match="Nothing is changed"):
        acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"problem": "Same"})
    assert Version.objects.filter(record=it).count() == 1


def test_time_on_a_record_never_goes_back(world: World):
    world.tick(hours=2)
    it = world.open(problem="Over-infusion")
    early = world.now - timedelta(hours=1)
    with pytest.raises(acts.Refused, match="clock"):
        acts.act(
            it.number, "investigate", seen=it.revision, by=world["grace"], at=early, changes={"risk": "low"}
        )
    close = acts.act(
        it.number,
        "investigate",
        seen=it.revision,
        by=world["grace"],
        at=it.changed - timedelta(milliseconds=300),
        changes={"risk": "low"},
    )
    assert close.changed == it.changed


def test_what_happens_elsewhere_opens_a_draft_once(world: World):
    for _ in range(2):
        react.happened("device.failed", title="Pump failed its check", at=world.tick(), key="T4-1/17")
    react.happened("device.failed", title="Pump failed its check", at=world.tick(), key="T4-1/18")
    react.happened("nobody.cares", title="-", at=world.tick())
    drafts = Record.objects.filter(owner=None)
    assert drafts.count() == 2 and {r.state for r in drafts} == {"opened"}
    mine = acts.assign(drafts[0].number, world["ada"], seen=1, by=world["grace"], at=world.tick())
    assert mine.owner == world["ada"]


def test_a_step_of_another_process_opens_a_draft_linked_to_it(world: World):
    order = acts.open_record("order", "First", by=world["grace"], at=world.tick(), changes={"what": "A"})
    world.act(order, "cancel", "grace")
    drafted = Record.objects.get(process="matter")
    assert Link.objects.get(source=drafted).target_id == order.pk
    assert json.loads(Event.objects.get(record=drafted, kind="opened").body)["opened_on"] == "order.cancel"


def test_an_event_from_elsewhere_joins_the_trail_in_the_callers_transaction(world: World):
    from django.db import transaction

    it = world.open()
    with transaction.atomic():
        acts.log_event(
            it.number,
            "recall.freeze",
            {"population": "ab" * 32, "units": 384},
            by=world["ada"],
            at=world.tick(),
            leaf_kind="recall.freeze",
            facts={"units": 384},
        )
    event = Event.objects.get(record=it, kind="recall.freeze")
    assert event.seq == 1 and event.leaf_kind == "recall.freeze" and event.facts["units"] == 384
    with pytest.raises(RuntimeError), transaction.atomic():
        acts.log_event(
            it.number, "recall.move", {"unit": 1}, by=None, at=world.tick(), leaf_kind="recall.move"
        )
        raise RuntimeError
    assert kinds(it) == ["opened", "recall.freeze"]
    with pytest.raises(acts.Refused):
        acts.log_event(it.number, "sneaky", {"step_taken": "close"}, by=None, at=world.tick())
