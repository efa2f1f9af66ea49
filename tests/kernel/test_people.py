"""Roles, and who may give them."""

from datetime import timedelta

import pytest

from tests.kernel.conftest import World
from vouchsafe.kernel import acts, people, permit
from vouchsafe.kernel.models import Event

pytestmark = pytest.mark.server


def test_nobody_has_a_role_that_nobody_gave(world: World):
    assert not people.holds(world["ada"], "qa", at=world.now)
    assert people.holds(world["grace"], "qa", at=world.now)


def test_a_grant_is_limited_by_site_product_process_and_time(world: World):
    at = world.now
    people.grant(
        world["ada"], "ra", by=None, at=at, site="Kendal", process="matter", valid_to=at + timedelta(days=1)
    )
    here = {"site": "Kendal", "process": "matter"}
    assert people.holds(world["ada"], "ra", at=at, **here)
    assert not people.holds(world["ada"], "ra", at=at, site="York", process="matter")
    assert not people.holds(world["ada"], "ra", at=at, process="matter")
    assert not people.holds(world["ada"], "ra", at=at, site="Kendal", process="order")
    assert not people.holds(world["ada"], "ra", at=at - timedelta(seconds=1), **here)
    assert not people.holds(world["ada"], "ra", at=at + timedelta(days=1), **here)


def test_a_revoked_grant_counts_no_more_and_did_before(world: World):
    grant = world["grace"].grants.get()
    before, at = world.now, world.tick()
    people.revoke(grant.id, by=world["root"], at=at, reason="Moved to sales")
    assert not people.holds(world["grace"], "qa", at=at)
    assert people.holds(world["grace"], "qa", at=before)
    with pytest.raises(acts.Refused):
        people.revoke(grant.id, by=world["root"], at=world.tick(), reason="Again")


def test_only_an_administrator_grants_and_not_to_themselves(world: World):
    with pytest.raises(acts.Denied, match="IT administrator"):
        people.grant(world["ada"], "qa", by=world["grace"], at=world.tick())
    with pytest.raises(acts.Refused, match="SOD-16"):
        people.grant(world["root"], "author", by=world["root"], at=world.tick())
    people.grant(world["ada"], "ra", by=world["root"], at=world.tick())
    with pytest.raises(acts.Refused, match="no role"):
        people.grant(world["ada"], "emperor", by=world["root"], at=world.tick())


def test_an_administrator_holds_no_quality_role(world: World):
    with pytest.raises(acts.Refused, match="SOD-10"):
        people.grant(world["root"], "qa", by=None, at=world.tick())
    with pytest.raises(acts.Refused, match="SOD-10"):
        people.grant(world["grace"], "it_administrator", by=None, at=world.tick())


def test_a_username_is_never_given_again(world: World):
    people.deactivate(world["hopper"], by=world["root"], at=world.tick(), reason="Left")
    for username, email in (("HOPPER", "new@fellside.example"), ("new", "Hopper@Fellside.example")):
        with pytest.raises(acts.Refused, match="given again"):
            people.create(username, email=email, full_name="N", at=world.tick(), by=world["root"])
    with pytest.raises(acts.NotFound):
        people.find("hopper")


def test_each_change_of_a_person_is_on_their_trail(world: World):
    kinds = list(Event.objects.filter(subject=world["grace"].id).order_by("seq").values_list("kind", "seq"))
    assert kinds == [("person.created", 0), ("role.granted", 1), ("key.added", 2)]


def test_a_pseudonym_depends_on_the_key_and_says_nothing(world: World):
    one = people.pseudonym(b"k" * 32, world["ada"])
    assert one == people.pseudonym(b"k" * 32, world["ada"]) != people.pseudonym(b"l" * 32, world["ada"])
    assert world["ada"].id.hex not in one


def test_holders_are_those_who_could(world: World):
    world.add("york", "qa", site="York")
    assert [p.full_name for p in permit.holders(["qa"], at=world.now)] == ["Grace", "Noether", "Turing"]
    assert "York" in [p.full_name for p in permit.holders(["qa"], at=world.now, site="York")]
    names = [e.name for e in people.directory(at=world.now)]
    assert names == sorted(names) and "Ada" in names
