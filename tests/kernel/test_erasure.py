"""A lawful erasure takes the value away and leaves every proof standing (R-58)."""

import json

import pytest

from tests.kernel.conftest import World
from vouchsafe.kernel import acts, audit, queries
from vouchsafe.kernel.erasure import commitment
from vouchsafe.kernel.fields import Hidden
from vouchsafe.kernel.models import Draft, Event, PersonalValue, SubjectKey, Version

pytestmark = pytest.mark.server
NAME = "Margaret Okonkwo"


@pytest.fixture
def told(world: World):
    world.add("dora", "data_protection_officer")
    return world.open(problem="Over-infusion", patient=NAME)


def everything_kept():
    rows = [bytes(v.body) for v in Version.objects.all()] + [bytes(e.body) for e in Event.objects.all()]
    rows += [bytes(p.sealed) for p in PersonalValue.objects.all()]
    return b"\n".join(rows)


def test_a_personal_value_is_only_a_commitment_in_what_is_signed(world: World, told):
    body = json.loads(bytes(Version.objects.get(record=told).body))["content"]["patient"]
    assert set(body) == {"commitment"} and len(body["commitment"]) == 64
    assert NAME.encode() not in everything_kept() and "patient" not in told.facts
    assert queries.record(told.number, world["ada"], now=world.now).content.patient == NAME


def test_an_unchanged_value_keeps_its_commitment(world: World, told):
    it = acts.write(
        told.number, seen=told.revision, by=world["ada"], at=world.tick(), changes={"problem": "Other"}
    )
    first, second = (
        json.loads(bytes(v.body))["content"]["patient"]
        for v in Version.objects.filter(record=it).order_by("number")
    )
    assert first == second and PersonalValue.objects.count() == 1


def test_the_same_value_elsewhere_has_another_commitment(world: World, told):
    world.open(patient=NAME)
    assert PersonalValue.objects.values("commitment").distinct().count() == 2
    assert commitment(b"1" * 32, NAME) != commitment(b"2" * 32, NAME)


def test_erased_is_erased_and_everything_else_stands(world: World, told):
    acts.save_draft(told.number, by=world["ada"], at=world.tick(), seen=1, changes={"patient": NAME})
    bodies = everything_kept()
    why = "Request of the person, Art. 17 GDPR"
    assert acts.erase(told.number, by=world["dora"], at=world.tick(), reason=why) == 1
    assert not SubjectKey.objects.exists() and not Draft.objects.exists()
    view = queries.record(told.number, world["ada"], now=world.now)
    assert isinstance(view.content.patient, Hidden) and view.personal_erased
    assert bodies.split(b"\n")[0] in everything_kept()
    assert Event.objects.get(kind="erased").leaf_kind == "record.erase"
    assert audit.audit(world.now, read_log=False).differences == []
    again = acts.write(
        told.number, seen=told.revision, by=world["ada"], at=world.tick(), changes={"problem": "Other"}
    )
    assert isinstance(queries.record(again.number, world["ada"], now=world.now).content.patient, Hidden)
    new = acts.write(
        again.number, seen=again.revision, by=world["ada"], at=world.tick(), changes={"patient": "X. Y."}
    )
    assert queries.record(new.number, world["ada"], now=world.now).content.patient == "X. Y."


def test_only_the_data_protection_officer_erases_and_says_why(world: World, told):
    with pytest.raises(acts.Denied, match="data protection"):
        acts.erase(told.number, by=world["ada"], at=world.tick(), reason="Request of the person, Art. 17")
    with pytest.raises(acts.Refused, match="INV-08"):
        acts.erase(told.number, by=world["dora"], at=world.tick(), reason="ok")
    other = world.open()
    with pytest.raises(acts.Refused, match="no personal values"):
        acts.erase(other.number, by=world["dora"], at=world.tick(), reason="Request of the person, Art. 17")
    assert queries.record(told.number, world["ada"], now=world.now).content.patient == NAME
