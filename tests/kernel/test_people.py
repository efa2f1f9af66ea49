"""Roles, and who may give them."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from tests.kernel.conftest import World
from vouchsafe.kernel import acts, audit, people, permit, queries
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


def test_the_installation_takes_a_role_back_wherever_or_where_it_was_given(world: World):
    at, ada = world.tick(), world["ada"]
    for scope in ({}, {"site": "Kendal"}, {"product": "Tarn 4"}, {"site": "York", "product": "Tarn 4"}):
        people.grant(ada, "ra", by=None, at=at, **scope)
    people.grant(ada, "ra", by=None, at=at, valid_from=at + timedelta(days=9))
    people.grant(ada, "ra", by=None, at=at, process="matter", valid_to=world.tick())
    left = people.take_back(ada, "ra", by=None, at=world.tick(), reason="Moved", product="Tarn 4", site="")
    assert [(g.site, g.product) for g in left] == [("", "Tarn 4")]
    assert people.holds(ada, "ra", at=world.now, site="York", product="Tarn 4")
    assert len(people.take_back(ada, "ra", by=None, at=world.tick(), reason="Moved to sales")) == 4
    for later in (world.now, at + timedelta(days=10)):
        assert not people.holds(ada, "ra", at=later, site="York", product="Tarn 4")
    assert people.holds(ada, "ra", at=at) and people.holds(ada, "complaint_handler", at=world.now)
    ended = list(Event.objects.filter(subject=ada.id, kind="role.revoked").order_by("seq"))
    assert len(ended) == 5 and {(e.by, e.leaf_kind) for e in ended} == {(None, "record.event")}
    with pytest.raises(acts.Refused, match="doesn't hold"):
        people.take_back(ada, "ra", by=None, at=world.tick(), reason="Again")


def test_a_role_is_taken_back_with_a_reason_and_by_an_administrator_or_nobody(world: World):
    with pytest.raises(acts.Refused, match="Say why"):
        people.take_back(world["grace"], "qa", by=None, at=world.tick(), reason="  ")
    with pytest.raises(acts.Denied):
        people.take_back(world["grace"], "qa", by=world["turing"], at=world.tick(), reason="Moved")
    assert people.holds(world["grace"], "qa", at=world.now)


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


def test_an_account_is_closed_once_with_a_reason_and_by_an_administrator_or_nobody(world: World):
    with pytest.raises(acts.Refused, match="Say why"):
        people.deactivate(world["hopper"], by=None, at=world.tick(), reason=" ")
    with pytest.raises(acts.Denied):
        people.deactivate(world["hopper"], by=world["grace"], at=world.tick(), reason="Left")
    assert people.find("hopper")
    people.deactivate(world["hopper"], by=None, at=world.tick(), reason="Left")
    with pytest.raises(acts.Refused, match="closed before"):
        people.deactivate(world["hopper"], by=None, at=world.tick(), reason="Left")
    (closed,) = Event.objects.filter(subject=world["hopper"].id, kind="person.deactivated")
    assert closed.by is None and closed.leaf_kind == "record.event"


def test_a_closed_account_neither_signs_in_nor_signs_and_what_it_signed_stands(world: World):
    why = "The risk is low, but it recurs."
    people.set_password(world["grace"], "correct horse battery", by=None, at=world.tick())
    signed, other = world.planned(), world.planned()
    world.sign(signed, "approve", "approved", "grace", reason=why)
    seen = {"seen": other.revision, "by": world["grace"], "reason": why}
    begun = acts.begin_signing(other.number, "approve", "approved", at=world.tick(), **seen)
    options, state = people.begin_sign_in()
    people.deactivate(world["grace"], by=None, at=world.tick(), reason="Left the company")
    answer = world.keys["grace"].get(begun.options)
    with pytest.raises(acts.Denied, match="closed"):
        acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=answer)
    with pytest.raises(acts.SigningFailed, match="can't sign in"):
        acts.sign(begun.id, by=world["grace"], at=world.tick(), password="correct horse battery")
    with pytest.raises(acts.Denied, match="closed"):
        acts.begin_signing(other.number, "approve", "approved", at=world.tick(), **seen)
    with pytest.raises(acts.SigningFailed, match="isn't known"):
        people.finish_sign_in(state, world.keys["grace"].get(options), at=world.tick())
    (one,) = queries.signatures(signed.number, world["turing"], now=world.tick())
    assert (one.printed_name, one.stands) == ("Grace", True)
    assert queries.signatures(other.number, world["turing"], now=world.now) == ()
    assert audit.audit(world.now, read_log=False).sound


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


def test_a_record_is_not_given_to_somebody_whose_account_is_closing(world: World):
    """The closing has seen no open record and isn't committed yet: the giver waits for it, and is told."""
    it, ada, grace = world.planned(), world["ada"], world["grace"]
    at, wrong = world.tick(), []

    def give() -> None:
        try:
            acts.assign(it.number, grace, seen=it.revision, by=ada, at=at)
        except acts.Refused as why:
            wrong.append(str(why))
        finally:
            connection.close()

    thread = threading.Thread(target=give)
    with transaction.atomic():
        people.deactivate(grace, by=None, at=at, reason="Left")
        thread.start()
        thread.join(1)
        assert thread.is_alive()
    thread.join()
    assert wrong == [f"Grace holds no role for {it.number}."]
