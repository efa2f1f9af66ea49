"""A signature given on an earlier visit to a state, or over other bytes, doesn't open the gate again."""

import pytest

from tests.kernel.conftest import World
from vouchsafe.kernel import acts
from vouchsafe.kernel.models import Record, Signature

pytestmark = pytest.mark.server
WHY = "The risk is low, but it recurs."


def test_a_signature_counts_for_one_visit_only(world: World):
    it = world.acting()
    acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"patient": "J. Doe"})
    world.tick(days=120)
    acts.system_steps(world.now)
    it = world.act(it, "reopen", "turing", result="Still drifts", works=False)
    it = world.act(it, "plan", "ada", reason=WHY, plan="Filter the sensor")
    for by in ("grace", "hopper"):
        it = world.sign(it, "approve", "approved", by, reason=WHY)
    assert it.state == "acting"
    first = Signature.objects.count()
    acts.system_steps(world.tick())
    it = world.act(it, "reopen", "turing")
    it = world.act(it, "plan", "ada", reason=WHY, plan="Filter the sensor")
    assert it.state == "planned" and Signature.objects.count() == first
    with pytest.raises(acts.Refused, match="Needs the signature"):
        world.act(it, "approve", "grace", reason=WHY)


def test_a_change_of_content_voids_the_signatures_before_it(world: World):
    it = world.planned()
    world.sign(it, "approve", "approved", "grace", reason=WHY)
    now = Record.objects.get(pk=it.pk)
    acts.write(it.number, seen=now.revision, by=world["ada"], at=world.tick(), changes={"problem": "Changed"})
    it = world.sign(it, "approve", "approved", "hopper", reason=WHY)
    assert it.state == "planned"  # grace signed other bytes
    assert world.sign(it, "approve", "approved", "grace", reason=WHY).state == "acting"


def test_a_ceremony_that_began_before_a_change_is_stale(world: World):
    it = world.planned()
    begun = acts.begin_signing(
        it.number, "approve", "approved", seen=it.revision, by=world["grace"], at=world.tick(), reason=WHY
    )
    acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"problem": "Changed"})
    with pytest.raises(acts.Stale):
        acts.sign(
            begun.id, by=world["grace"], at=world.tick(), assertion=world.keys["grace"].get(begun.options)
        )
    assert not Signature.objects.exists()


def test_two_people_may_have_begun_at_once(world: World):
    it = world.planned()
    begun = {
        name: acts.begin_signing(
            it.number, "approve", "approved", seen=it.revision, by=world[name], at=world.tick(), reason=WHY
        )
        for name in ("grace", "hopper")
    }
    for name, one in begun.items():
        it = acts.sign(one.id, by=world[name], at=world.tick(), assertion=world.keys[name].get(one.options))
    assert it.state == "acting"


def test_a_signed_step_that_stays_needs_new_signatures_each_time(world: World):
    it = world.acting()
    world.add("jonas", "risk_manager")
    for by in ("grace", "jonas"):
        it = world.sign(it, "agree", "verified", by)
    assert it.state == "acting" and it.story["taken"]["agree"] == 1
    with pytest.raises(acts.Refused, match="Needs the signature"):
        world.act(it, "agree", "grace")
    for by in ("jonas", "grace"):
        it = world.sign(it, "agree", "verified", by)
    assert it.story["taken"]["agree"] == 2
