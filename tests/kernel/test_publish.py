"""From events to leaves and proofs: nothing is lost, nothing is said twice, nothing personal gets out."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from django.db import transaction
from django.test import override_settings

from vouchsafe.kernel import loghead, publish
from vouchsafe.kernel.models import Event
from vouchsafe.kernel.publish import NotYetProvable, Publisher, Site
from vouchsafe.ledger import audit, leaves, policy, proofs
from vouchsafe.ledger.errors import Fenced, Fork, LedgerError, Tampered
from vouchsafe.ledger.log import Pending
from vouchsafe.ledger.reader import Reader

pytestmark = pytest.mark.server
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AUTHORITY = "test.fellside.example"


@pytest.fixture
def here(db, tmp_path):
    with override_settings(VOUCHSAFE_DATA=tmp_path / "data", VOUCHSAFE_LOG_AUTHORITY=AUTHORITY):
        (tmp_path / "data").mkdir()
        yield publish.site()


def event(subject=None, seq=0, **values):
    body = values.pop("body", b'{"what":"Ingrid Solheim opened CAPA-2026-0001"}')
    return Event.objects.create(
        subject_type=values.pop("subject_type", "export"),
        subject=subject or uuid4(),
        seq=seq,
        kind="exported",
        leaf_kind=values.pop("leaf_kind", "bundle.export"),
        at=NOW,
        salt=b"s" * 32,
        body=body,
        facts=values.pop("facts", {"type": "export", "version": seq}),
        **values,
    )


def records(here):
    reader = Reader(here.public(here.origin("records")))
    reader.checkpoint(here.signer(here.origin("records")).verifier)
    return [leaves.parse(raw) for _, raw in reader.entries()]


def test_every_event_becomes_one_leaf_in_the_order_of_its_subject(here):
    a, b = uuid4(), uuid4()
    made = [event(a, 0), event(b, 0), event(a, 1), event(a, 2)]
    with publish.publisher() as publisher:
        assert publisher.drain(NOW) == 4
        assert publisher.drain(NOW) == 0
        publisher.tick(NOW)
    seen = records(here)
    assert [leaf.subj for leaf in seen] == [
        leaves.pseudonym(here.pseudonym_key, "export", e.subject) for e in made
    ]
    assert [leaf.seq for leaf in seen] == [e.seq for e in made]
    for leaf, one in zip(seen, made, strict=True):
        assert leaf.commit == leaves.commitment(b"s" * 32, bytes(one.body))
        assert leaf.kind == "bundle.export" and leaf.by == "s:kernel"
        assert leaf.facts["version"] == one.seq
    assert {e.id: publish.seal_of(e.id).index for e in made} == {e.id: n for n, e in enumerate(made)}
    assert [publish.event_at(n) for n in range(5)] == [*(e.id for e in made), None]


def test_an_event_is_queued_then_logged_then_covered(here):
    one = event()
    assert publish.seal_of(one.id) == publish.Seal("queued", "records", here.origin("records"))
    assert publish.publish_records(NOW) == 1
    seal = publish.seal_of(one.id)
    assert (seal.state, seal.index, seal.covered) == ("logged", 0, False)
    with pytest.raises(NotYetProvable):
        publish.proof_of(here.origin("records"), 0)
    publish.tick(NOW)
    assert publish.seal_of(one.id).covered
    assert publish.seals_of([]) == {}


def test_an_event_that_commits_late_is_logged_too(here, db):
    with psycopg.connect(db.app_dsn) as late:
        late.execute(
            "INSERT INTO kernel_event (subject_type, subject, seq, kind, leaf_kind, at, salt, body, facts)"
            " VALUES ('export', %s, 0, 'exported', 'bundle.export', %s, %s, '{}', '{}')",
            (uuid4(), NOW, b"s" * 32),
        )
        newer = [event() for _ in range(5)]
        with publish.publisher() as publisher:
            publisher.drain(NOW)
            assert publish.seal_of(newer[-1].id).index == 4
            late.commit()
            assert publisher.drain(NOW) == 1


def test_an_event_far_behind_the_newest_is_found_by_the_full_scan(here, monkeypatch):
    monkeypatch.setattr(publish, "_WINDOW", 0)
    monkeypatch.setattr(publish, "_FULL_SCAN_EVERY", 3)
    with publish.publisher() as publisher:
        event()
        publisher.drain(NOW)
        publisher._highest = 10_000
        event()
        for _ in range(3):
            publisher.drain(NOW)
    assert all(publish.seal_of(e.id).state == "logged" for e in Event.objects.all())


def test_an_event_whose_predecessor_is_missing_waits_for_it(here):
    a = uuid4()
    first, second = event(a, 0), event(a, 1)
    with publish.publisher() as publisher:
        rows = publisher._pending()
        assert [row[0] for row in publisher._in_order(rows)] == [first.id, second.id]
        assert publisher._in_order(rows[1:]) == []
        publisher.drain(NOW)


def test_many_events_go_in_several_batches(here, monkeypatch):
    monkeypatch.setattr(publish, "MAX_BATCH", 4)
    made = [event() for _ in range(10)]
    with publish.publisher() as publisher:
        assert publisher.drain(NOW) == 10
        publisher.tick(NOW)
    assert len(records(here)) == len(made)


def test_a_proof_of_two_steps_checks_with_the_installations_keys(here):
    made = [event() for _ in range(5)]
    with publish.publisher() as publisher:
        publisher.tick(NOW)
        event()
        publisher.tick(NOW + timedelta(seconds=1))
    shard_policy, root_policy = (policy.parse(data) for data in publish.trust_policies())
    origin = here.origin("records")
    for index in range(6):
        proof = publish.proof_of(origin, index)
        shown = proofs.verify_two_step(proof, shard_policy=shard_policy, root_policy=root_policy)
        assert shown.shard.size == (5 if index < 5 else 6)
        assert shown.root.checkpoint.size == 2
    assert leaves.parse(publish.proof_of(origin, 0).entry).commit == leaves.commitment(
        b"s" * 32, bytes(made[0].body)
    )
    for index in (-1, 6):
        with pytest.raises(NotYetProvable):
            publish.proof_of(origin, index)


def test_nothing_new_makes_no_new_root_entry(here):
    event()
    with publish.publisher() as publisher:
        first = publisher.tick(NOW)
        second = publisher.tick(NOW + timedelta(seconds=1))
    assert first.checkpoint == second.checkpoint and not second.is_new
    assert first.checkpoint.size == 1


def test_other_logs_get_into_the_root(here, db):
    conn = loghead.connect(db.app_dsn)
    fleet = here.writer(conn, "fleet/0")
    fleet.take_over()
    fleet.append([Pending("0" * 32, "device.evidence", "s:intake", "0" * 64, {"tier": 2})], at_ms=1)
    with publish.publisher() as publisher:
        publisher.tick(NOW)
        assert [view.size for view in publish.logs()] == [0, 0, 0]
        fleet.checkpoint(at_ms=2)
        publisher.tick(NOW)
    conn.close()
    views = publish.logs()
    assert [(v.name, v.size, v.waiting) for v in views] == [
        ("root", 1, 0),
        ("fleet/0", 1, 0),
        ("records", 0, 0),
    ]
    assert views[0].published_at == NOW
    shard_policy, root_policy = (policy.parse(data) for data in publish.trust_policies())
    proof = publish.proof_of(here.origin("fleet/0"), 0)
    proofs.verify_two_step(proof, shard_policy=shard_policy, root_policy=root_policy)
    root = leaves.parse(proof.root_entry)
    assert root.subj == leaves.log_subject(here.origin("fleet/0"))


def test_a_log_of_another_authority_stays_out(here, db):
    conn = loghead.connect(db.app_dsn)
    other = Site(here.data, "elsewhere.example").writer(conn, "fleet/0")
    other.take_over()
    other.append([Pending("0" * 32, "device.evidence", "s:intake", "0" * 64)], at_ms=1)
    other.checkpoint(at_ms=1)
    conn.close()
    with publish.publisher() as publisher:
        assert publisher.tick(NOW).checkpoint.size == 0
    assert [view.name for view in publish.logs()] == ["root", "records"]


def test_only_one_process_publishes(here):
    with publish.publisher():
        with pytest.raises(Fenced):
            publish.publisher().__enter__()
    publish.tick(NOW)


def test_a_restored_database_does_not_publish(here, db):
    event()
    publish.tick(NOW)
    with psycopg.connect(db.superuser_dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("DELETE FROM log_head")
    with pytest.raises(Fork, match="ahead of the database"):
        publish.tick(NOW)


@pytest.mark.parametrize(
    "facts",
    [
        {"reason": "the patient fell"},
        {"weight": 1.5},
        {"pix": 3},
        {"name": None},
        {"Name": 1},
        [1],
        {"many": ["x" * 200] * 20},
    ],
)
def test_facts_that_are_no_codes_are_withheld(here, facts):
    one = event(facts=facts)
    publish.tick(NOW)
    [leaf] = records(here)
    assert leaf.facts == {"withheld": True, "pix": -1}
    assert leaf.commit == leaves.commitment(b"s" * 32, bytes(one.body))


def test_no_personal_word_gets_into_any_public_file(here, world):
    record = world.open(by="ada", title="Pump over-infuses at Sigrid Holm's bed")
    publish.tick(world.now)
    public = b"".join(path.read_bytes() for path in (here.data / "logs").rglob("*") if path.is_file())
    for word in (
        "Ada",
        "ada@",
        "Sigrid",
        "over-infuses",
        record.number,
        record.id.hex,
        str(record.id),
        "Holm",
    ):
        assert word.encode() not in public, word
    assert b'"by":"u:' in public
    for leaf in records(here):
        assert leaf.facts.get("withheld") is None, leaf


def test_people_and_records_have_their_chains(here, world):
    record = world.open(by="ada")
    publish.tick(world.now)
    reader = Reader(here.public(here.origin("records")))
    check = audit.ChainCheck()
    report = audit.fsck(reader, publish.logs()[1].vkey, leaf_check=check.see)
    assert report.is_sound and report.size == Event.objects.count()
    key = here.pseudonym_key
    subj = leaves.pseudonym(key, "record", record.id)
    person = leaves.pseudonym(key, "person", world["ada"].id)
    assert check.heads[subj][0] == record.trail - 1
    assert person in check.heads
    assert {leaf.by for leaf in records(here) if leaf.subj == subj} == {f"u:{person}"}


def test_entries_and_checkpoints_are_read_for_the_page(here):
    for _ in range(5):
        event()
    publish.tick(NOW)
    origin = here.origin("records")
    views = publish.entries(origin, 3, 10)
    assert [view.index for view in views] == [3, 4]
    assert leaves.encode(views[0].leaf) == views[0].raw
    assert publish.entries(origin, 9, 10) == []
    [(checkpoint, note, at)] = publish.checkpoints(origin, 10)
    assert (checkpoint.size, at) == (5, NOW) and note.startswith(origin.encode())
    with pytest.raises(NotYetProvable):
        publish.entries(here.origin("fleet/7"), 0, 1)


def test_the_public_files_are_served(here):
    event()
    publish.tick(NOW)
    assert publish.serve("records/checkpoint").body.startswith(here.origin("records").encode())
    assert publish.serve("root/tile/entries/000.p/1").status == 200
    for path in ("keys/pseudonym.key", "records/../../keys/pseudonym.key", "fleet/0/checkpoint", ""):
        assert publish.serve(path).status == 404


def test_keys_are_their_owners_only(here):
    publish.tick(NOW)
    keys = {path.name: path.stat().st_mode & 0o777 for path in (here.data / "keys").iterdir()}
    assert set(keys) == {f"log-{AUTHORITY}-records.key", f"log-{AUTHORITY}-root.key", "pseudonym.key"}
    assert set(keys.values()) == {0o600}


def test_a_flipped_bit_in_the_records_stops_the_signing(here, monkeypatch):
    monkeypatch.setattr(publish, "MAX_BATCH", 300)
    with transaction.atomic():
        for _ in range(300):
            event()
    with publish.publisher() as publisher:
        publisher.tick(NOW)
        path = here.data / "logs/records/tile/entries/000"
        raw = bytearray(path.read_bytes())
        raw[500] ^= 1
        path.write_bytes(bytes(raw))
        event()
        with pytest.raises(Tampered):
            publisher.tick(NOW)
        with pytest.raises(LedgerError, match="not signed"):
            publisher.records.checkpoint(at_ms=1)
    assert publish.logs()[1].size == 300


def test_a_crash_between_the_log_and_the_root_is_made_good(here, monkeypatch):
    event()

    def dies(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "_new_shards", dies)
        with pytest.raises(KeyboardInterrupt), publish.publisher() as publisher:
            publisher.tick(NOW)
    assert publish.logs()[1].size == 1
    assert publish.tick(NOW).checkpoint.size == 1
    publish.proof_of(here.origin("records"), 0)


def test_the_address_for_direct_connections_is_djangos(here, db):
    with psycopg.connect(publish.dsn()) as conn:
        assert conn.execute("SELECT current_database(), current_user").fetchone() == (
            db.name,
            "vouchsafe_app",
        )
