"""The writer: chains, crashes at every step, old writers, bit rot, and what the public then sees."""

import threading
from hashlib import sha256

import pytest

from tests.ledger.faults import Crash, Faulty, Plan
from vouchsafe.ledger import audit, batches, leaves, notes, tiles, tree
from vouchsafe.ledger.checkpoints import Checkpoint, open_checkpoint
from vouchsafe.ledger.errors import Fenced, Fork, LedgerError, Malformed, Tampered
from vouchsafe.ledger.head import Batch, MemoryHead, MemoryTable
from vouchsafe.ledger.log import Pending, Writer
from vouchsafe.ledger.reader import Reader
from vouchsafe.ledger.stores import FolderStore, MemoryStore

ORIGIN = "demo.example/fleet/0"
SIGNER = notes.Signer(ORIGIN, b"1" * 32)


def pending(n, subject=None, **more):
    subj = f"{n % 7 if subject is None else subject:032x}"
    commit = sha256(str(n).encode()).hexdigest()
    return Pending(subj, "device.evidence", "k:9f2c41d07be83a55", commit, {"ctr": n}, **more)


class World:
    """What outlives a process: the database, the stores."""

    def __init__(self, store=None, public=None):
        self.table = MemoryTable()
        self.store = store or MemoryStore()
        self.public = public or MemoryStore()
        self.notes = []

    def writer(self, plan=None):
        head = MemoryHead(ORIGIN, self.table)
        parts = [head, self.store, self.public]
        if plan:
            parts = [
                Faulty(p, plan, label) for p, label in zip(parts, ("head", "store", "public"), strict=True)
            ]
        return Writer(ORIGIN, *parts, [SIGNER])

    def started(self):
        writer = self.writer()
        writer.take_over()
        return writer

    def check(self):
        report = audit.fsck(Reader(self.public), SIGNER.verifier, leaf_check=audit.ChainCheck().see)
        assert report.is_sound, report.first_bad
        return report


def test_leaves_chain_by_subject_and_every_entry_is_proved():
    world = World()
    writer = world.started()
    first = writer.append([pending(0, 5), pending(1, 5), pending(2, 6)], at_ms=1000)
    second = writer.append([pending(3, 5)], at_ms=2000)
    assert [(a.index, a.seq) for a in first + second] == [(0, 0), (1, 1), (2, 0), (3, 2)]
    last = leaves.parse(second[0].leaf)
    assert (last.prev, last.facts["pix"], last.at) == (first[1].leaf_hash.hex(), 1, 2000)
    published = writer.checkpoint(at_ms=2000)
    assert published.is_new and published.checkpoint.size == 4
    reader = Reader(world.public)
    assert reader.checkpoint(SIGNER.verifier.vkey) == published.checkpoint
    for index in range(4):
        proof = reader.inclusion(index)
        tree.verify_inclusion(index, 4, tree.leaf_hash(reader.entry(index)), proof, published.checkpoint.root)
    assert world.check().hashed == 4


def test_time_never_goes_back_within_a_log():
    writer = World().started()
    [a] = writer.append([pending(1)], at_ms=5000)
    [b] = writer.append([pending(2)], at_ms=4000)
    assert (a.at, b.at) == (5000, 5000)
    [c] = writer.append([pending(3)], at_ms=6000)
    assert c.at == 6000


def test_a_second_process_goes_on_with_the_chains():
    world = World()
    world.started().append([pending(0, 5)], at_ms=1)
    writer = world.started()
    [done] = writer.append([pending(1, 5)], at_ms=2)
    assert (done.index, done.seq) == (1, 1)
    writer.checkpoint()
    world.check()


def test_nothing_new_publishes_nothing_new():
    world = World()
    writer = world.started()
    assert writer.append([], at_ms=1) == []
    assert writer.checkpoint(at_ms=1).is_new
    assert not writer.checkpoint(at_ms=2).is_new
    writer.append([pending(0)], at_ms=3)
    assert writer.checkpoint(at_ms=3).is_new


def test_an_empty_log_has_a_checkpoint_of_size_0():
    world = World()
    assert world.started().checkpoint(at_ms=1).checkpoint == Checkpoint(ORIGIN, 0, tree.EMPTY_ROOT)
    assert world.check().hashed == 0


@pytest.mark.parametrize("sizes", [[1], [255], [256], [257], [300, 300], [1000, 24, 1, 511], [3000, 3000]])
def test_logs_of_every_shape_are_sound_and_consistent(tmp_path, sizes):
    world = World(FolderStore(tmp_path / "store"), FolderStore(tmp_path / "public"))
    writer = world.started()
    sizes_signed, n = [], 0
    for size in sizes:
        writer.append([pending(n + i) for i in range(size)], at_ms=n)
        n += size
        sizes_signed.append(writer.checkpoint(at_ms=n).checkpoint)
        world.check()
    expected = {tile.path for tile in tiles.tiles_of(n)} | {"checkpoint"}
    found = set(world.public.list(""))
    assert expected <= found
    # What else is there: partial tiles of earlier sizes, and none of a tile that is full by now.
    for name in found - expected:
        assert tiles.parse_path(name).is_partial
        assert tiles.parse_path(name).full.path not in found
    reader = Reader(world.public)
    reader.checkpoint(SIGNER.verifier.vkey)
    for old in sizes_signed:
        assert reader.root_at(old.size) == old.root
        proof = reader.consistency(old.size)
        tree.verify_consistency(old.size, n, proof, old.root, sizes_signed[-1].root)


def test_a_writer_that_has_much_to_sign_signs_in_steps(monkeypatch):
    monkeypatch.setattr("vouchsafe.ledger.log.MAX_ADVANCE", 100)
    world = World()
    writer = world.started()
    for start in range(0, 350, 50):
        writer.append([pending(start + n) for n in range(50)], at_ms=start)
    assert writer.checkpoint(at_ms=1).checkpoint.size == 350
    assert sorted(size for _, size in world.table.notes) == [100, 200, 300, 350]
    world.check()


def test_a_million_leaves_would_leave_3906_tiles():
    found = [tile for tile in tiles.tiles_of(1_000_000) if not tile.is_partial]
    assert sum(t.level == 0 for t in found) == sum(t.level == -1 for t in found) == 3_906


def test_batch_objects_say_where_each_payload_lies():
    world = World()
    writer = world.started()
    done = writer.append([pending(0, pack=b"p" * 32, offset=36, length=100), pending(1)], at_ms=1)
    [row] = world.table.batches[ORIGIN]
    items = batches.check(row, ORIGIN, world.store.get(row.name))
    assert items[0] == batches.Item(done[0].leaf, b"p" * 32, 36, 100)
    assert items[1] == batches.Item(done[1].leaf)
    assert sha256(world.store.get(row.name)).digest() == row.sha256 and row.sha256.hex() in row.name


def test_rows_are_kept_for_those_leaves_that_ask():
    world = World()
    writer = world.started()
    writer.append([pending(0, source=77), pending(1, ref=False)], at_ms=1)
    [ref] = world.table.refs
    assert (ref.index, ref.source, ref.kind) == (0, 77, "device.evidence")


def test_more_is_written_in_the_same_commit_or_nothing_is():
    world = World()
    writer = world.started()
    seen = []
    writer.append([pending(0)], at_ms=1, also=lambda cursor, done: seen.extend(done))
    assert [d.index for d in seen] == [0]

    def fails(cursor, done):
        raise ValueError("no")

    with pytest.raises(ValueError):
        writer.append([pending(1)], at_ms=1, also=fails)
    assert world.table.states[ORIGIN].next_index == 1
    [done] = writer.append([pending(1)], at_ms=1)
    assert done.index == 1
    writer.checkpoint()
    world.check()


@pytest.mark.parametrize(
    ("item", "place"),
    [
        (Pending("xyz", "device.evidence", "s:x", "0" * 64), "leaf 0 subj"),
        (Pending("0" * 32, "wish", "s:x", "0" * 64), "leaf 0 kind"),
        (Pending("0" * 32, "device.evidence", "Ingrid", "0" * 64), "leaf 0 by"),
        (Pending("0" * 32, "device.evidence", "s:x", "0"), "leaf 0 commit"),
        (Pending("0" * 32, "device.evidence", "s:x", "0" * 64, {"pix": 5}), "leaf 0 facts"),
        (Pending("0" * 32, "device.evidence", "s:x", "0" * 64, {"note": "two words"}), "leaf 0 facts.note"),
    ],
)
def test_a_leaf_outside_the_format_is_refused_and_takes_no_index(item, place):
    world = World()
    writer = world.started()
    with pytest.raises(Malformed) as caught:
        writer.append([item], at_ms=1)
    assert caught.value.place == place
    assert world.table.states[ORIGIN].next_index == 0


def test_a_batch_is_limited():
    writer = World().started()
    with pytest.raises(Malformed, match="at most 5000"):
        writer.append([pending(n) for n in range(5001)], at_ms=1)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\u00a0b", "é.example/log", "x" * 256])
def test_an_origin_is_plain(origin):
    with pytest.raises(Malformed):
        Writer(origin, MemoryHead(origin), MemoryStore(), MemoryStore(), [SIGNER])


def test_head_and_signers_are_those_of_the_origin():
    with pytest.raises(Malformed, match="a head and signers"):
        Writer(ORIGIN, MemoryHead("other"), MemoryStore(), MemoryStore(), [SIGNER])
    with pytest.raises(Malformed, match="a head and signers"):
        Writer(ORIGIN, MemoryHead(ORIGIN), MemoryStore(), MemoryStore(), [])
    with pytest.raises(Malformed, match="a head and signers"):
        Writer(ORIGIN, MemoryHead(ORIGIN), MemoryStore(), MemoryStore(), [notes.Signer("other", b"1" * 32)])


def test_without_taking_over_nothing_is_written():
    writer = World().writer()
    with pytest.raises(Fenced, match="take_over"):
        writer.append([pending(0)], at_ms=1)
    with pytest.raises(Fenced):
        writer.checkpoint()


def test_a_subject_has_its_chain_in_one_log():
    world = World()
    world.started().append([pending(0, 5)], at_ms=1)
    other = Writer(
        "demo.example/fleet/1",
        MemoryHead("demo.example/fleet/1", world.table),
        world.store,
        MemoryStore(),
        [notes.Signer("demo.example/fleet/1", b"2" * 32)],
    )
    other.take_over()
    with pytest.raises(LedgerError, match="has its chain in demo.example/fleet/0"):
        other.append([pending(1, 5)], at_ms=1)


# -- Old writers ------------------------------------------------------------------------------------------------------


def test_an_old_writer_changes_no_row_and_no_final_object():
    world = World()
    old = world.started()
    old.append([pending(n) for n in range(10)], at_ms=1)
    old.checkpoint(at_ms=1)
    old.append([pending(10)], at_ms=2)
    new = world.started()
    before = (dict(world.table.states), dict(world.table.notes), dict(world.public.objects))
    for act in (
        lambda: old.append([pending(11)], at_ms=3),
        lambda: old.checkpoint(at_ms=3),
        lambda: old.scrub(1),
    ):
        with pytest.raises(Fenced):
            act()
    assert (dict(world.table.states), dict(world.table.notes), dict(world.public.objects)) == before
    new.append([pending(11)], at_ms=4)
    assert new.checkpoint(at_ms=4).checkpoint.size == 12
    world.check()


@pytest.mark.parametrize("step", range(1, 8))
@pytest.mark.parametrize("operation", ["append", "checkpoint"])
def test_a_writer_that_is_overtaken_in_the_middle_does_no_harm(operation, step):
    world = World()
    setup = world.started()
    setup.append([pending(n) for n in range(300)], at_ms=1)
    setup.checkpoint(at_ms=1)
    taken = []

    class Overtaken(Plan):
        def call(self, name, act):
            self.done.append(name)
            if len(self.done) == step and not taken:
                writer = world.started()
                writer.append([pending(500)], at_ms=2)
                writer.checkpoint(at_ms=2)
                taken.append(writer)
            return act()

    old = world.writer(Overtaken())
    try:
        old.take_over()
        if operation == "append":
            old.append([pending(600)], at_ms=3)
        else:
            old.checkpoint(at_ms=3)
        committed = True
    except Fenced:
        committed = False
    except Tampered:
        pytest.fail("an overtaken writer met other bytes")
    assert taken
    writer = world.started()
    writer.checkpoint(at_ms=4)
    report = world.check()
    entries = [leaves.parse(raw).facts["ctr"] for _, raw in _entries(world)]
    assert len(entries) == report.size
    if committed and operation == "append":
        assert 600 in entries
    assert 500 in entries


def _entries(world):
    reader = Reader(world.public)
    reader.checkpoint(SIGNER.verifier)
    return list(reader.entries())


# -- Crashes ----------------------------------------------------------------------------------------------------------


def scenario(writer, acknowledged, signed):
    """Several appends and checkpoints; notes what was acknowledged and what the public saw."""
    writer.take_over()
    for start, count in ((0, 200), (200, 100), (300, 3)):
        for done in writer.append([pending(start + n) for n in range(count)], at_ms=start + 1):
            acknowledged[done.index] = done.leaf
        published = writer.checkpoint(at_ms=start + 1)
        signed.setdefault(published.checkpoint.size, published.checkpoint)


def count_operations():
    plan = Plan()
    scenario(World().writer(plan), {}, {})
    return plan.done


OPERATIONS = count_operations()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, len(OPERATIONS) + 1))
def test_a_crash_at_any_operation_loses_nothing_acknowledged_and_signs_no_two_roots(at, after):
    world = World()
    acknowledged, signed = {}, {}
    plan = Plan(at, after)
    try:
        scenario(world.writer(plan), acknowledged, signed)
    except Crash:
        pass
    assert len(plan.done) == at or plan.at > len(plan.done)
    if world.public.exists("checkpoint"):
        seen = open_checkpoint(world.public.get("checkpoint"), [SIGNER.verifier])
        assert signed.setdefault(seen.size, seen) == seen
    # Another process takes over and goes on.
    writer = world.started()
    more = writer.append([pending(1000)], at_ms=9999)
    published = writer.checkpoint(at_ms=9999)
    report = world.check()
    entries = dict(_entries(world))
    for index, leaf in {**acknowledged, more[0].index: more[0].leaf}.items():
        assert entries[index] == leaf
    reader = Reader(world.public)
    reader.checkpoint(SIGNER.verifier)
    for (_, size), note in world.table.notes.items():
        kept = open_checkpoint(note, [SIGNER.verifier])
        assert kept.size == size and kept.root == reader.root_at(size)
    for size, checkpoint in signed.items():
        assert checkpoint.root == reader.root_at(size)
    assert report.size == published.checkpoint.size


def test_the_scenario_reaches_every_kind_of_operation():
    assert {
        "head.take_over",
        "head.commit",
        "head.batches",
        "head.mark",
        "head.keep_note",
        "head.note",
        "head.read",
        "head.subjects",
        "store.create",
        "store.get",
        "public.create_all",
        "public.get",
        "public.put",
        "public.list",
        "public.delete",
    } <= set(OPERATIONS)


def test_a_lost_reply_is_found_by_asking_again():
    world = World()
    plan = Plan()
    writer = world.writer(plan)
    writer.take_over()
    plan.done.clear()
    plan.after = True
    names = []
    for at in range(1, 8):
        plan.at = at
        plan.done.clear()
        try:
            writer.append([pending(at)], at_ms=1)
        except Crash:
            names.append(plan.done[-1])
    assert "head.commit" in names
    plan.at = 0
    writer.checkpoint()
    world.check()


# -- What must stop a log ---------------------------------------------------------------------------------------------


def test_a_database_behind_the_published_checkpoint_is_refused():
    world = World()
    writer = world.started()
    writer.append([pending(n) for n in range(5)], at_ms=1)
    writer.checkpoint()
    world.table = MemoryTable()
    with pytest.raises(Fork, match="ahead of the database") as caught:
        world.started()
    assert caught.value.old.size == 5 and caught.value.new.size == 0


def test_a_database_with_another_root_is_refused():
    one, two = World(), World()
    for world, n in ((one, 0), (two, 100)):
        writer = world.started()
        writer.append([pending(n + i) for i in range(5)], at_ms=1)
        writer.checkpoint()
    one.public = two.public
    with pytest.raises(Fork, match="not the committed one"):
        one.started()


def test_a_longer_database_with_another_history_is_refused():
    one, two = World(), World()
    for world, n, count in ((one, 0, 5), (two, 100, 9)):
        writer = world.started()
        writer.append([pending(n + i) for i in range(count)], at_ms=1)
        writer.checkpoint()
    two.public.objects["checkpoint"] = one.public.objects["checkpoint"]
    with pytest.raises(Fork):
        two.started()


def test_a_published_checkpoint_that_got_ahead_meanwhile_stops_the_log():
    world = World()
    writer = world.started()
    writer.append([pending(0)], at_ms=1)
    world.public.put("checkpoint", notes.sign(Checkpoint(ORIGIN, 9, bytes(32)).body, SIGNER))
    with pytest.raises(Fork, match="ahead"):
        writer.checkpoint()


def test_a_second_root_for_a_signed_size_stops_the_log():
    world = World()
    writer = world.started()
    writer.append([pending(0)], at_ms=1)
    world.table.notes[ORIGIN, 1] = notes.sign(Checkpoint(ORIGIN, 1, bytes(32)).body, SIGNER)
    with pytest.raises(Fork, match="signed before"):
        writer.checkpoint()


def test_a_changed_batch_object_stops_the_log_before_anything_is_signed():
    world = World()
    writer = world.started()
    writer.append([pending(0)], at_ms=1)
    [name] = world.store.objects
    raw = bytearray(world.store.objects[name])
    raw[10] ^= 1
    world.store.objects[name] = bytes(raw)
    with pytest.raises(Tampered, match="SHA-256"):
        writer.checkpoint()
    assert not world.public.objects and not world.table.notes


def test_a_store_that_lies_at_once_is_noticed():
    class Lying(MemoryStore):
        def create(self, name, data):
            super().create(name, data[:-1] + bytes([data[-1] ^ 1]))

    world = World(store=Lying())
    with pytest.raises(Tampered):
        world.started().append([pending(0)], at_ms=1)
    assert world.table.states[ORIGIN].next_index == 0


def test_a_missing_batch_row_stops_the_log():
    world = World()
    writer = world.started()
    for n in range(3):
        writer.append([pending(n)], at_ms=1)
    del world.table.batches[ORIGIN][1]
    with pytest.raises(Tampered, match="none for 1"):
        writer.checkpoint()


def test_other_bytes_under_a_final_name_stop_the_log():
    world = World()
    writer = world.started()
    writer.append([pending(0)], at_ms=1)
    world.public.create("tile/0/000.p/1", b"x" * 32)
    with pytest.raises(Tampered, match="tile/0/000.p/1"):
        writer.checkpoint()
    assert not world.table.notes


def test_a_flipped_bit_at_the_edge_stops_the_log():
    world = World()
    writer = world.started()
    writer.append([pending(n) for n in range(300)], at_ms=1)
    writer.checkpoint()
    name = "tile/1/000.p/1"
    world.public.objects[name] = bytes([world.public.objects[name][0] ^ 1]) + world.public.objects[name][1:]
    writer.append([pending(300)], at_ms=2)
    with pytest.raises(Tampered, match="size 300"):
        writer.checkpoint()
    assert (ORIGIN, 301) not in world.table.notes


@pytest.mark.parametrize("what", ["tile/entries/001", "tile/0/001", "tile/1/000.p/3", "batch", "gone"])
def test_a_flipped_bit_anywhere_is_found_by_scrub_and_stops_signing_until_it_is_repaired(what):
    world = World()
    writer = world.started()
    writer.append([pending(n) for n in range(800)], at_ms=1)
    writer.checkpoint()
    assert writer.scrub(2) == 2
    objects = world.store.objects if what == "batch" else world.public.objects
    name = (
        next(iter(world.store.objects)) if what == "batch" else "tile/entries/001" if what == "gone" else what
    )
    good = objects[name]
    if what == "gone":
        del objects[name]
    else:
        objects[name] = (
            good[: 100 % len(good)] + bytes([good[100 % len(good)] ^ 4]) + good[100 % len(good) + 1 :]
        )
    with pytest.raises(Tampered):
        for _ in range(4):
            writer.scrub(1)
    writer.append([pending(800)], at_ms=2)
    for _ in range(2):
        with pytest.raises(LedgerError, match="not signed"):
            writer.checkpoint()
    assert (ORIGIN, 801) not in world.table.notes
    objects[name] = good
    assert writer.checkpoint().checkpoint.size == 801
    world.check()


def test_a_short_log_has_nothing_to_scrub():
    writer = World().started()
    assert writer.scrub(4) == 0


def test_heads_that_were_dropped_from_memory_are_asked_for_again(monkeypatch):
    monkeypatch.setattr("vouchsafe.ledger.log.CACHED_SUBJECTS", 3)
    world = World()
    writer = world.started()
    for n in range(40):
        writer.append([pending(n)], at_ms=n)
    writer.checkpoint()
    world.check()


def test_append_and_checkpoint_may_run_at_the_same_time(tmp_path):
    world = World(FolderStore(tmp_path / "store"), FolderStore(tmp_path / "public"))
    writer = world.started()
    failures = []

    def signing():
        try:
            for _ in range(20):
                writer.checkpoint(at_ms=1)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=signing)
    thread.start()
    for n in range(40):
        writer.append([pending(n * 50 + i) for i in range(50)], at_ms=n)
    thread.join()
    assert not failures
    assert writer.checkpoint(at_ms=2).checkpoint.size == 2000
    world.check()


def test_the_head_in_memory_moves_only_from_where_it_stands():
    world = World()
    writer = world.started()
    writer.append([pending(0)], at_ms=1)
    batch = Batch(1, batches.BatchRow(0, 1, "x", bytes(32)), 1, [], [])
    with pytest.raises(Fenced, match="next index"):
        writer.head.commit(batch, [])
    with pytest.raises(Fenced, match="size"):
        writer.head.mark(fence=1, old_size=1, size=2, root=bytes(32))
