"""The audit finds what was changed behind the application's back, and says where."""

import psycopg
import pytest

from tests.kernel.conftest import World, build, sample_processes
from vouchsafe.kernel import acts, audit, publish

pytestmark = pytest.mark.server


TABLES = (
    "kernel_record",
    "kernel_version",
    "kernel_signature",
    "kernel_link",
    "kernel_event",
    "kernel_file",
    "kernel_personkey",
    "kernel_personalvalue",
    "leaf_ref",
)


@pytest.fixture(scope="module")
def company(module_db, tmp_path_factory):
    """Every kind of event at least once, logged in a log of this module's own."""
    from django.conf import settings

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "VOUCHSAFE_DATA", tmp_path_factory.mktemp("data"))
        world = build(World(answers=sample_processes(patch)))
        world.add("dora", "data_protection_officer")
        yield world, go_through(world), module_db


def go_through(world):
    at = world.tick
    source = world.open(title="Source")
    it = world.acting()
    acts.link(it.number, "similar_to", source.number, by=world["ada"], at=at())
    acts.attach(it.number, b"report", name="r.pdf", media_type="application/pdf", by=world["ada"], at=at())
    it = acts.write(it.number, seen=it.revision, by=world["ada"], at=at(), changes={"patient": "J. Doe"})
    it = acts.assign(it.number, world["grace"], seen=it.revision, by=world["ada"], at=at())
    acts.log_event(it.number, "recall.freeze", {"units": 3}, by=None, at=at(), leaf_kind="recall.freeze")
    it = world.act(it, "start_order", "grace")
    acts.erase(it.number, by=world["dora"], at=at(), reason="Request of the person, Art. 17")
    at(days=120)
    acts.write(it.number, seen=it.revision, by=world["grace"], at=at(), changes={"patient": "J. D."})
    acts.system_steps(at())
    it = world.act(it, "reopen", "noether", result="Drifts", works=False)
    why = "Opened twice by mistake, see the other."
    acts.void(source.number, seen=source.revision, by=world["ada"], at=at(), reason=why)
    acts.void(source.number, seen=source.revision, by=world["grace"], at=at(), reason=why)
    publish.tick(world.now)
    return it


@pytest.fixture
def tamper(company):
    """Change history as somebody with every right and no triggers; put it back afterwards."""
    _, _, db = company
    with psycopg.connect(db.superuser_dsn, autocommit=True) as root:
        root.execute("SET session_replication_role = replica")
        for table in TABLES:
            root.execute(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")

        def change(*statements):
            for sql in statements:
                assert root.execute(sql).rowcount, sql

        yield change
        for table in TABLES:
            root.execute(f"DELETE FROM {table}")
            root.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
            root.execute(f"DROP TABLE kept_{table}")


def test_an_untouched_history_is_sound_and_counted(company):
    world, _, _ = company
    report = audit.audit(world.now)
    assert report.differences == []
    assert report.sound and report.records == 3 and report.signatures == 2
    assert report.events == report.leaves > 30 and report.waiting == 0


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("UPDATE kernel_version SET body = convert_to(replace(convert_from(body, 'UTF8'), 'Filter', 'Falter'), 'UTF8') WHERE convert_from(body, 'UTF8') LIKE '%Filter%'", "version"),
        ("UPDATE kernel_version SET sha256 = repeat('0', 64) WHERE number = 1", "version 1"),
        ("DELETE FROM kernel_version WHERE number = 4 AND NOT EXISTS (SELECT 1 FROM kernel_signature s WHERE s.version_id = kernel_version.id)", "versions"),
        ("UPDATE kernel_event SET body = convert_to(replace(convert_from(body, 'UTF8'), 'Grace', 'Gracy'), 'UTF8') WHERE kind = 'signed' AND by_id = (SELECT id FROM kernel_person WHERE username = 'grace')", "leaf commits to"),
        ("UPDATE kernel_event SET kind = 'other' WHERE kind = 'linked'", "event"),
        ("UPDATE kernel_event SET by_id = (SELECT id FROM kernel_person WHERE username = 'hopper') WHERE kind = 'plan'", "event"),
        ("UPDATE kernel_event SET at = at - interval '1 day' WHERE kind = 'plan'", "event"),
        ("UPDATE kernel_event SET salt = decode(repeat('00', 32), 'hex') WHERE kind = 'plan'", "leaf commits to"),
        ("UPDATE kernel_event SET body = '{}' WHERE kind = 'plan'", "event"),
        ("UPDATE kernel_event SET body = convert_to(convert_from(body, 'UTF8') || ' ', 'UTF8') WHERE kind = 'plan'", "event"),
        ("UPDATE kernel_record SET state = 'closed' WHERE number = 'MAT-2026-0002'", "state"),
        ("UPDATE kernel_record SET facts = facts || '{\"risk\": \"high\"}' WHERE number = 'MAT-2026-0002'", "facts"),
        ("UPDATE kernel_record SET due = '2030-01-01' WHERE number = 'MAT-2026-0002'", "due"),
        ("UPDATE kernel_record SET owner_id = (SELECT id FROM kernel_person WHERE username = 'hopper') WHERE number = 'MAT-2026-0002'", "owner"),
        ("UPDATE kernel_record SET title = 'Nothing happened' WHERE number = 'MAT-2026-0002'", "title"),
        ("UPDATE kernel_record SET closed = now() WHERE number = 'MAT-2026-0002'", "closed"),
        ("UPDATE kernel_record SET entered = 1 WHERE number = 'MAT-2026-0002'", "entered"),
        ("UPDATE kernel_record SET story = jsonb_set(story, '{authors}', '[]') WHERE number = 'MAT-2026-0002'", "story"),
        ("UPDATE kernel_record SET opened = opened - interval '1 year' WHERE number = 'MAT-2026-0002'", "opened"),
        ("UPDATE kernel_signature SET meaning = 'verified' WHERE role = 'qa'", "signature"),
        ("UPDATE kernel_signature SET role = 'ra' WHERE role = 'qa'", "signature"),
        ("UPDATE kernel_signature SET printed_name = 'Somebody' WHERE role = 'qa'", "signature"),
        ("UPDATE kernel_signature SET by_id = (SELECT id FROM kernel_person WHERE username = 'turing') WHERE role = 'qa'", "signature"),
        ("UPDATE kernel_signature SET statement = convert_to(replace(convert_from(statement, 'UTF8'), 'approved', 'rejected'), 'UTF8') WHERE role = 'qa'", "signature"),
        ("UPDATE kernel_signature SET assertion = set_byte(assertion, 20, 255 - get_byte(assertion, 20)) WHERE role = 'qa'", "signature"),
        ("UPDATE kernel_signature SET client_data = convert_to(replace(convert_from(client_data, 'UTF8'), 'localhost', 'localh0st'), 'UTF8') WHERE role = 'qa'", "signature"),
        ("UPDATE kernel_signature a SET assertion = b.assertion, client_data = b.client_data, authenticator_data = b.authenticator_data FROM kernel_signature b WHERE a.id <> b.id AND a.role = 'qa'", "signature"),
        ("UPDATE kernel_signature SET version_id = (SELECT min(id) FROM kernel_version) WHERE role = 'qa'", "signature"),
        ("UPDATE kernel_signature SET ceremony = 'password', key_id = NULL, assertion = NULL WHERE role = 'qa'", "ceremony"),
        ("DELETE FROM kernel_signature WHERE role = 'qa'", "signatures"),
        ("UPDATE kernel_personkey SET public_key = (SELECT k.public_key FROM kernel_personkey k JOIN kernel_person p ON p.id = k.person_id WHERE p.username = 'ada') WHERE person_id = (SELECT id FROM kernel_person WHERE username = 'grace')", "passkey"),
        ("DELETE FROM kernel_link WHERE relation = 'similar_to'", "links"),
        ("DELETE FROM kernel_file", "files"),
        ("UPDATE kernel_file SET name = 'other.pdf'", "files"),
        ("DELETE FROM kernel_personalvalue WHERE id = (SELECT min(id) FROM kernel_personalvalue)", "version"),
        ("UPDATE leaf_ref SET seq = seq + 100 WHERE kind = 'recall.freeze'", "leaf"),
    ],
)  # fmt: skip
def test_what_was_tampered_with_is_found_and_named(company, tamper, sql, place):
    world, _, _ = company
    tamper(sql)
    report = audit.audit(world.now)
    assert not report.sound
    assert any(place in d.place for d in report.differences), [str(d) for d in report.differences]


def test_an_event_taken_from_the_end_is_missed(company, tamper):
    world, it, _ = company
    tamper(
        "DELETE FROM leaf_ref WHERE event = (SELECT max(id) FROM kernel_event WHERE kind = 'reopen')",
        "DELETE FROM kernel_event WHERE kind = 'reopen'",
    )
    assert any(d.place == "trail" for d in audit.verify_record(it.number, now=world.now).differences)


def test_what_was_put_back_is_sound_again(company):
    world, _, _ = company
    assert audit.audit(world.now).sound


def test_one_record_can_be_verified_alone(company):
    world, it, _ = company
    report = audit.verify_record(it.number, now=world.now)
    assert report.sound and report.records == 1 and report.signatures == 2


def test_a_changed_entry_of_the_log_is_found(company):
    from django.conf import settings

    world, _, _ = company
    bundles = [
        p
        for p in (settings.VOUCHSAFE_DATA / "logs" / "records" / "tile" / "entries").rglob("*")
        if p.is_file()
    ]
    assert bundles
    for p in bundles:
        raw = bytearray(p.read_bytes())
        raw[-20] ^= 1
        p.chmod(0o600)
        p.write_bytes(bytes(raw))
    report = audit.audit(world.now)
    assert any("leaf" in d.place for d in report.differences)
