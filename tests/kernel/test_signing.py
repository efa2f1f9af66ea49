"""Passkeys and passwords: what a ceremony proves, and each way in which it fails."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.kernel.authenticator import USER_PRESENT, Authenticator, b64, unb64
from tests.kernel.conftest import World
from vouchsafe.kernel import acts, people, signing
from vouchsafe.kernel.models import Ceremony, Event, PersonKey, Record, Signature
from vouchsafe.ledger import ed25519 as one_rule
from vouchsafe.ledger.errors import SignatureError

pytestmark = pytest.mark.server
WHY = "The risk is low, but it recurs."


@pytest.fixture
def planned(world: World) -> Record:
    return world.planned()


def begin(world, it, by="grace", **more):
    fresh = Record.objects.get(pk=it.pk)
    return acts.begin_signing(
        it.number,
        "approve",
        "approved",
        seen=fresh.revision,
        by=world[by],
        at=world.tick(),
        reason=WHY,
        **more,
    )


def test_the_challenge_is_the_hash_of_the_statement(world: World, planned):
    begun = begin(world, planned)
    told = json.loads(begun.statement)
    assert told == {
        "at": "2026-03-02T09:00:04.000Z",
        "meaning": "approved",
        "process": "matter",
        "reason": WHY,
        "record": planned.number,
        "revision": planned.revision,
        "sha256": begun.sha256,
        "signer": world["grace"].id.hex,
        "step": "approve",
        "version": planned.version,
    }
    expected = hashlib.sha256(b"vouchsafe/signature/v1\x00" + begun.statement).digest()
    assert begun.challenge == expected == unb64(begun.options["publicKey"]["challenge"])
    assert begun.options["publicKey"]["userVerification"] == "required"
    assert [unb64(c["id"]) for c in begun.options["publicKey"]["allowCredentials"]] == [
        world.keys["grace"].credential_id
    ]


def test_a_passkey_signature_can_be_checked_from_what_is_kept(world: World, planned):
    world.sign(planned, "approve", "approved", "grace", reason=WHY)
    s = Signature.objects.get()
    assert (s.ceremony, s.printed_name, s.role, s.meaning, s.reason) == (
        "passkey",
        "Grace",
        "qa",
        "approved",
        WHY,
    )
    kept = {
        "statement": bytes(s.statement),
        "public_key": bytes(s.key.public_key),
        "rp_id": s.key.rp_id,
        "authenticator_data": bytes(s.authenticator_data),
        "client_data": bytes(s.client_data),
        "assertion": bytes(s.assertion),
    }
    assert signing.verify_stored(**kept) is None
    for name in ("statement", "authenticator_data", "client_data", "assertion", "public_key"):
        broken = bytearray(kept[name])
        broken[len(broken) // 2] ^= 1
        assert signing.verify_stored(**{**kept, name: bytes(broken)}), name
    assert signing.verify_stored(**{**kept, "rp_id": "elsewhere"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"origin": "https://evil.example"}, "origin"),
        ({"rp_id": "evil.example"}, "RP ID"),
        ({"flags": USER_PRESENT}, "verified"),
        ({"flags": 0x04}, "Present"),
        ({"cross_origin": True}, "inside another site"),
    ],
)
def test_an_assertion_that_is_wrong_in_one_way_is_refused(world: World, planned, wrong, said):
    begun = begin(world, planned)
    key = replace(world.keys["grace"], **wrong)
    with pytest.raises(acts.SigningFailed, match=said):
        acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=key.get(begun.options))
    assert not Signature.objects.exists()
    assert Ceremony.objects.get(pk=begun.id).used is None


def test_another_challenge_signature_or_key_is_refused(world: World, planned):
    begun, other = begin(world, planned), begin(world, planned)
    mine = world.keys["grace"]
    forged = mine.get(begun.options)
    forged["response"]["signature"] = b64(b"\0" * 70)
    stranger = Authenticator(credential_id=mine.credential_id)
    for answer in (
        mine.get(other.options),
        forged,
        stranger.get(begun.options),
        world.keys["ada"].get(begun.options),
    ):
        with pytest.raises(acts.SigningFailed):
            acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=answer)
    for junk in ({}, {"rawId": 3}, {"rawId": b64(mine.credential_id)}, {"x": "y" * 20_000}, {"rawId": "é"}):
        with pytest.raises(acts.SigningFailed):
            acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=junk)
    assert not Signature.objects.exists()


def test_an_ed25519_passkey_signs_by_the_one_rule(world: World, planned):
    mine = Authenticator(key=ed25519.Ed25519PrivateKey.generate())
    kept = mine.register(world["grace"], at=world.tick())
    begun = begin(world, planned)
    answer = mine.get(begun.options)
    signature = unb64(answer["response"]["signature"])
    # R of low order under a true S, and S plus the order of the group: what some libraries take and others refuse
    longer = (int.from_bytes(signature[32:], "little") + one_rule.ORDER).to_bytes(32, "little")
    for bad, said in (
        (bytes(32) + signature[32:], "R is a point of low order"),
        (signature[:32] + longer, "S is not"),
    ):
        wrong = {**answer, "response": {**answer["response"], "signature": b64(bad)}}
        with pytest.raises(acts.SigningFailed):
            acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=wrong)
        with pytest.raises(SignatureError, match=said):
            signing._verify(
                signing._cose(bytes(kept.public_key)),
                unb64(answer["response"]["authenticatorData"]),
                unb64(answer["response"]["clientDataJSON"]),
                bad,
            )
    acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=answer)
    assert Signature.objects.get().key_id == kept.pk


def test_an_ed25519_passkey_whose_key_is_of_low_order_is_not_registered(world: World, monkeypatch):
    bad = Authenticator(key=ed25519.Ed25519PrivateKey.generate())
    monkeypatch.setattr(bad, "_public", lambda: {1: 1, 3: -8, -1: 6, -2: b"\x01" + bytes(31)})
    with pytest.raises(acts.SigningFailed, match="Ed25519 public key is refused: a point of low order"):
        bad.register(world["ada"], at=world.tick())


def test_a_ceremony_is_used_once_and_expires(world: World, planned):
    begun = begin(world, planned)
    answer = world.keys["grace"].get(begun.options)
    acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=answer)
    with pytest.raises(acts.SigningFailed, match="used"):
        acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=answer)
    late = begin(world, planned, by="hopper")
    with pytest.raises(acts.SigningFailed, match="ten minutes"):
        acts.sign(
            late.id,
            by=world["hopper"],
            at=world.tick(minutes=10),
            assertion=world.keys["hopper"].get(late.options),
        )


def test_a_ceremony_belongs_to_one_person(world: World, planned):
    begun = begin(world, planned)
    with pytest.raises(acts.NotFound):
        acts.sign(
            begun.id, by=world["noether"], at=world.tick(), assertion=world.keys["noether"].get(begun.options)
        )
    for nonsense in ("x", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(acts.NotFound):
            acts.sign(nonsense, by=world["grace"], at=world.tick(), password="x")


def test_a_counter_that_does_not_grow_is_a_copy(world: World, planned):
    begun = begin(world, planned)
    copy = replace(world.keys["grace"])
    world.keys["grace"].count = 7
    acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=world.keys["grace"].get(begun.options))
    it = world.planned()
    again = begin(world, it)
    copy.count = 3
    with pytest.raises(acts.SigningFailed, match="copied"):
        acts.sign(again.id, by=world["grace"], at=world.tick(), assertion=copy.get(again.options))


def test_a_removed_passkey_signs_no_more_and_its_signatures_stay(world: World, planned):
    world.sign(planned, "approve", "approved", "grace", reason=WHY)
    key = PersonKey.objects.get(person=world["grace"])
    people.revoke_key(key.id, by=world["grace"], at=world.tick(), reason="Lost it")
    it = world.planned()
    begun = begin(world, it)
    assert begun.options == {}
    asked = {"publicKey": {"challenge": b64(begun.challenge)}}
    with pytest.raises(acts.SigningFailed, match="removed"):
        acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=world.keys["grace"].get(asked))
    assert Signature.objects.count() == 1
    assert list(
        Event.objects.filter(leaf_kind="person.key", subject=world["grace"].id).values_list("kind", flat=True)
    ) == [
        "key.added",
        "key.revoked",
    ]


def test_a_password_signs_and_says_so(world: World, planned):
    people.set_password(world["grace"], "correct horse battery", by=world["grace"], at=world.tick())
    begun = begin(world, planned)
    with pytest.raises(acts.SigningFailed):
        acts.sign(begun.id, by=world["grace"], at=world.tick(), password="wrong")
    acts.sign(begun.id, by=world["grace"], at=world.tick(), password="correct horse battery")
    s = Signature.objects.get()
    assert (s.ceremony, s.key, s.assertion) == ("password", None, None)
    event = Event.objects.get(record=planned, kind="signed")
    assert event.leaf_kind == "record.sign" and event.facts["ceremony"] == "password"
    with pytest.raises(acts.SigningFailed, match="exactly one"):
        acts.sign(begun.id, by=world["grace"], at=world.tick())


def test_wrong_passwords_are_counted_even_though_the_act_is_refused(world: World, planned):
    people.set_password(world["grace"], "correct horse battery", by=world["grace"], at=world.tick())
    begun = begin(world, planned)
    for _ in range(people.MAX_FAILURES):
        with pytest.raises(acts.SigningFailed, match="wrong"):
            acts.sign(begun.id, by=world["grace"], at=world.tick(), password="wrong")
    with pytest.raises(acts.SigningFailed, match="Too many"):
        acts.sign(begun.id, by=world["grace"], at=world.tick(), password="correct horse battery")
    people.check_password(world["grace"], "correct horse battery", at=world.tick(minutes=16))
    with pytest.raises(acts.SigningFailed, match="Use a passkey"):
        people.check_password(world["ada"], "", at=world.tick())


def test_the_right_to_sign_is_checked_when_signing(world: World, planned):
    begun = begin(world, planned)
    grant = world["grace"].grants.get()
    people.revoke(grant.id, by=world["root"], at=world.tick(), reason="Moved to sales")
    with pytest.raises((acts.Denied, acts.NotFound)):
        acts.sign(
            begun.id, by=world["grace"], at=world.tick(), assertion=world.keys["grace"].get(begun.options)
        )
    assert not Signature.objects.exists()


def test_somebody_who_may_not_sign_is_told_who_may(world: World, planned):
    with pytest.raises(acts.Denied) as denied:
        begin(world, planned, by="root")
    assert "quality assurance" in str(denied.value) or "Hopper" in str(denied.value)
    assert "Grace" in denied.value.holders


def test_what_the_step_needs_is_written_before_it_is_signed(world: World):
    it = world.acting()
    acts.write(it.number, seen=it.revision, by=world["ada"], at=world.tick(), changes={"patient": "J. Doe"})
    world.tick(days=120)
    acts.system_steps(world.now)
    with pytest.raises(acts.Refused, match="It doesn't work"):
        world.sign(it, "close", "effectiveness_confirmed", "hopper", result="None since May", works=False)
    assert Record.objects.get(pk=it.pk).facts["works"] is None
    done = world.sign(it, "close", "effectiveness_confirmed", "hopper", result="None since May", works=True)
    assert done.state == "closed" and done.closed is not None
    assert Signature.objects.latest("id").version.number == done.version
    again = world.act(done, "again", "turing", reason="It came back at one hospital.")
    assert again.state == "investigating" and again.closed is None


def test_the_clocks_offset_is_kept_and_can_stop_signing(world: World, planned, settings_with):
    settings_with(VOUCHSAFE_CLOCK_LIMIT_S=60)
    begun = begin(world, planned)
    with pytest.raises(acts.SigningFailed, match="limit 60 s"):
        acts.sign(
            begun.id, by=world["grace"], at=world.tick(), assertion=world.keys["grace"].get(begun.options)
        )
    settings_with(VOUCHSAFE_CLOCK_LIMIT_S=0)
    acts.sign(begun.id, by=world["grace"], at=world.tick(), assertion=world.keys["grace"].get(begun.options))
    assert abs(Signature.objects.get().clock_offset_ms) > 60_000


@pytest.fixture
def settings_with(monkeypatch):
    from django.conf import settings

    def put(**values):
        for name, value in values.items():
            monkeypatch.setattr(settings, name, value, raising=False)

    return put


def test_registration_checks_challenge_origin_and_verification(world: World):
    for wrong in ({"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"flags": USER_PRESENT}):
        options, state = people.begin_registration(world["ada"])
        with pytest.raises(acts.SigningFailed):
            people.finish_registration(
                world["ada"], state, Authenticator(**wrong).create(options), name="x", at=world.tick()
            )
    options, _ = people.begin_registration(world["ada"])
    _, other = people.begin_registration(world["ada"])
    with pytest.raises(acts.SigningFailed):
        people.finish_registration(
            world["ada"], other, Authenticator().create(options), name="x", at=world.tick()
        )
    again = world.keys["ada"]
    options, state = people.begin_registration(world["grace"])
    with pytest.raises(acts.SigningFailed, match="registered already"):
        people.finish_registration(world["grace"], state, again.create(options), name="x", at=world.tick())
    assert PersonKey.objects.count() == len(world.who)


def test_a_passkey_signs_in(world: World):
    options, state = people.begin_sign_in()
    assert people.finish_sign_in(state, world.keys["ada"].get(options), at=world.tick()) == world["ada"]
    with pytest.raises(acts.SigningFailed):
        people.finish_sign_in(state, Authenticator().get(options), at=world.tick())
    with pytest.raises(acts.SigningFailed):
        people.finish_sign_in({}, world.keys["ada"].get(options), at=world.tick())
    stolen = replace(world.keys["ada"], user_handle=world["grace"].id.bytes, count=50)
    with pytest.raises(acts.SigningFailed, match="somebody else"):
        people.finish_sign_in(state, stolen.get(options), at=world.tick())


def test_a_ceremony_lasts_ten_minutes():
    assert timedelta(minutes=10) == signing.CEREMONY_LIFETIME
