"""Reading foreign logs, over folders and HTTP; checking them from bytes; serving ours; proofs of two steps."""

import gzip
import http.server
import shutil
import threading

import pytest

from tests.ledger.test_log import ORIGIN, SIGNER, World, pending
from vouchsafe.ledger import audit, leaves, notes, policy, proofs, reader, serving, tiles, tree
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.errors import LedgerError, Malformed, Missing, ProofError, SignatureError, Tampered
from vouchsafe.ledger.head import MemoryHead
from vouchsafe.ledger.log import Pending, Writer
from vouchsafe.ledger.reader import Reader, Unreachable, UrlSource
from vouchsafe.ledger.stores import FolderStore, MemoryStore

FOREIGN_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
FOREIGN = {"vectors/tessera-log": 8, "device-evidence/transparency-dev_tessera/testdata/log": 15}


def at_size(folder, size, tmp_path):
    """The foreign log as it stood at one size."""
    place = tmp_path / f"log-{size}"
    place.mkdir()
    shutil.copytree(folder / "tile", place / "tile", copy_function=shutil.copyfile)
    shutil.copyfile(folder / f"checkpoint.{size}", place / "checkpoint")
    return place


@pytest.mark.parametrize("folder", FOREIGN)
def test_a_foreign_log_is_read_proved_and_checked_at_every_size(fixtures, folder, tmp_path):
    notes_of = {}
    for size in range(FOREIGN[folder] + 1):
        place = at_size(fixtures / folder, size, tmp_path)
        log = Reader(place)
        checkpoint = log.checkpoint(FOREIGN_KEY)
        assert checkpoint.size == size
        assert log.root_at(size) == checkpoint.root
        report = audit.fsck(Reader(str(place)), FOREIGN_KEY)
        assert report.is_sound and report.hashed == size
        for index in range(size):
            proof = log.prove(index)
            accepted = proofs.parse(proof.encode()).verify(
                tree.leaf_hash(log.entry(index)), policy.of_log(notes.parse_vkey(FOREIGN_KEY))
            )
            assert accepted.checkpoint == checkpoint
        for old, earlier in notes_of.items():
            tree.verify_consistency(old, size, log.consistency(old), earlier.root, checkpoint.root)
        notes_of[size] = checkpoint
    assert log.entry(0) == b"one" and log.entry(2) == b"three"


@pytest.mark.parametrize("name", ["tile/entries/000.p/8", "tile/0/000.p/8", "checkpoint"])
@pytest.mark.parametrize("byte", range(0, 40, 3))
def test_any_changed_byte_of_a_foreign_log_is_found(fixtures, tmp_path, name, byte):
    place = at_size(fixtures / "vectors/tessera-log", 8, tmp_path)
    raw = bytearray((place / name).read_bytes())
    raw[byte % len(raw)] ^= 1
    (place / name).chmod(0o644)
    (place / name).write_bytes(bytes(raw))
    try:
        report = audit.fsck(Reader(place), FOREIGN_KEY)
    except (SignatureError, Malformed):
        assert name == "checkpoint"
    else:
        assert not report.is_sound
        assert report.first_bad.place.startswith(name)
        assert str(report.first_bad)


def test_missing_and_shortened_objects_are_named(fixtures, tmp_path):
    place = at_size(fixtures / "vectors/tessera-log", 8, tmp_path)
    (place / "tile/0/000.p/8").unlink()
    report = audit.fsck(Reader(place), FOREIGN_KEY)
    assert (report.first_bad.place, report.first_bad.got) == ("tile/0/000.p/8", "none")
    (place / "checkpoint").unlink()
    with pytest.raises(Missing):
        audit.fsck(Reader(place), FOREIGN_KEY)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A log of our own with 70,000 entries; its batch objects and heads are in memory."""
    world = World(MemoryStore(), FolderStore(tmp_path_factory.mktemp("log") / "public"))
    writer = world.started()
    for start in range(0, 70_000, 5_000):
        writer.append([pending(start + n, ref=False) for n in range(5_000)], at_ms=start)
    writer.checkpoint(at_ms=70_000)
    return world.public.path


def test_a_log_of_70000_entries_is_sound_and_has_the_specified_files(written):
    seen = []
    report = audit.fsck(
        Reader(written),
        SIGNER.verifier,
        leaf_check=audit.ChainCheck().see,
        progress=lambda a, b: seen.append((a, b)),
    )
    assert report.is_sound and report.hashed == 70_000 and seen[-1] == (70_000, 70_000)
    found = set(FolderStore(written).list("tile"))
    assert {t.path for t in tiles.tiles_of(70_000)} <= found
    assert sum("/.p/" not in n and ".p/" not in n for n in found if n.startswith("tile/0/")) == 273


def test_any_entry_and_size_of_a_large_log_is_proved(written):
    log = Reader(written)
    checkpoint = log.checkpoint(SIGNER.verifier)
    for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999):
        tree.verify_inclusion(
            index, 70_000, tree.leaf_hash(log.entry(index)), log.inclusion(index), checkpoint.root
        )
    for old in (1, 255, 256, 257, 65_536, 65_537, 69_999):
        tree.verify_consistency(old, 70_000, log.consistency(old), log.root_at(old), checkpoint.root)
    assert len(list(log.entries(300, 600))) == 300
    assert log.leaf_hash(5) == tree.leaf_hash(log.entry(5))


def test_a_proof_in_an_earlier_size_is_made_and_checked_too(written):
    log = Reader(written)
    log.checkpoint(SIGNER.verifier)
    for size in (101, 256, 65_537):
        tree.verify_inclusion(100, size, log.leaf_hash(100), log.inclusion(100, size), log.root_at(size))


@pytest.mark.parametrize(
    "name", ["tile/entries/001", "tile/0/001", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
)
def test_the_object_that_is_wrong_is_the_one_that_is_named(written, name):
    class Flipped(FolderStore):
        def get(self, wanted, *, max_bytes=None):
            data = super().get(wanted, max_bytes=max_bytes)
            return data[:20] + bytes([data[20] ^ 1]) + data[21:] if wanted == name else data

    report = audit.fsck(Reader(Flipped(written)), SIGNER.verifier)
    assert report.first_bad.place.split(" ")[0] == name
    full = name.split(".")[0] if name.startswith("tile/0") or "entries" in name else None
    if full:
        with pytest.raises((Tampered, Malformed)):
            audit.check_bundle(Reader(Flipped(written), size=70_000), 1, report.root)


def test_a_bundle_under_another_root_is_refused(written):
    with pytest.raises(Tampered, match="tiles of size 70000"):
        audit.check_bundle(Reader(written, size=70_000), 1, bytes(32))
    audit.check_bundle(Reader(written, size=70_000), 1, Reader(written, size=70_000).root_at(70_000))


def test_caches_are_bounded(written, monkeypatch):
    monkeypatch.setattr(reader, "CACHED_TILES", 3)
    monkeypatch.setattr(reader, "CACHED_BUNDLES", 2)
    log = Reader(written)
    log.checkpoint(SIGNER.verifier)
    for index in range(0, 70_000, 1_000):
        log.entry(index)
    assert len(log._levels) <= 3 and len(log._bundles) <= 2


def test_before_a_checkpoint_nothing_is_fetched():
    class Nothing:
        def get(self, name, *, max_bytes=None):
            raise AssertionError(name)

    log = Reader(Nothing())
    for act in (lambda: log.entry(0), lambda: log.inclusion(0), lambda: log.prove(0), lambda: log.size):
        with pytest.raises(LedgerError, match="no verified checkpoint"):
            act()


def test_entries_and_sizes_outside_are_refused():
    world = World()
    writer = world.started()
    writer.append([pending(0)], at_ms=1)
    writer.checkpoint()
    log = Reader(world.public, size=1)
    for act in (
        lambda: log.entry(1),
        lambda: log.entry(-1),
        lambda: log.root_at(2),
        lambda: log.consistency(0, 2),
    ):
        with pytest.raises(LedgerError):
            act()
    with pytest.raises(LedgerError, match="checkpoint"):
        log.prove(0)


def test_a_collected_partial_tile_is_replaced_by_the_full_one():
    world = World()
    writer = world.started()
    writer.append([pending(n) for n in range(100)], at_ms=1)
    old = writer.checkpoint()
    writer.append([pending(100 + n) for n in range(200)], at_ms=2)
    writer.checkpoint()
    assert not world.public.exists("tile/0/000.p/100")
    log = Reader(world.public)
    log.use(old.checkpoint, old.note)
    for index in (0, 99):
        proof = log.prove(index)
        proof.verify(tree.leaf_hash(log.entry(index)), policy.of_log(SIGNER.verifier))


@pytest.mark.parametrize("error", [Missing("x"), Unreachable("x: expected 200, got 403")])
def test_a_partial_tile_that_is_refused_is_replaced_by_the_full_one_or_the_refusal_stands(written, error):
    class Collected(FolderStore):
        full = True

        def get(self, name, *, max_bytes=None):
            if ".p/" in name or (not self.full and name != "checkpoint"):
                raise error
            return super().get(name, max_bytes=max_bytes)

    store = Collected(written)
    log = Reader(store, size=300)  # tiles 1 of both kinds are partial at this size, and full by now
    tree.verify_inclusion(
        299,
        300,
        tree.leaf_hash(log.entry(299)),
        log.inclusion(299),
        Reader(written, size=70_000).root_at(300),
    )
    for tile in (tiles.tile_at(tiles.ENTRIES, 1, 300), tiles.tile_at(0, 1, 300), tiles.TileId(0, 0)):
        store.full = False
        with pytest.raises(type(error)):
            Reader(store, size=300).fetch(tile)


def test_an_entry_that_is_not_the_hashed_one_is_refused():
    world = World()
    writer = world.started()
    writer.append([pending(n) for n in range(2)], at_ms=1)
    writer.checkpoint()
    name = "tile/entries/000.p/2"
    world.public.objects[name] = world.public.objects[name].replace(b'"ctr":1', b'"ctr":7')
    log = Reader(world.public)
    log.checkpoint(SIGNER.verifier)
    log.entry(0)
    with pytest.raises(Tampered, match="entry 1"):
        log.entry(1)


def test_tiles_that_do_not_give_the_signed_root_prove_nothing():
    world = World()
    writer = world.started()
    writer.append([pending(n) for n in range(4)], at_ms=1)
    writer.checkpoint()
    world.public.objects["tile/0/000.p/4"] = bytes(128)
    log = Reader(world.public)
    log.checkpoint(SIGNER.verifier)
    with pytest.raises(ProofError):
        log.prove(0)


def test_a_checkpoint_whose_root_is_none_of_the_tiles_is_found():
    world = World()
    writer = world.started()
    writer.append([pending(n) for n in range(4)], at_ms=1)
    writer.checkpoint()
    world.public.objects["checkpoint"] = notes.sign(Checkpoint(ORIGIN, 4, bytes(32)).body, SIGNER)
    report = audit.fsck(Reader(world.public), SIGNER.verifier)
    assert report.first_bad.place == "checkpoint"


@pytest.mark.parametrize("what", ["time", "chain", "form"])
def test_leaves_that_break_their_promises_are_found(what):
    head = "0" * 32
    first = leaves.encode(leaves.Leaf(5, "s:x", "0" * 64, "decision", "0" * 64, 0, head, {"pix": -1}))
    prev = tree.leaf_hash(first).hex()
    second = {
        "time": leaves.Leaf(4, "s:x", "0" * 64, "decision", prev, 1, head, {"pix": 0}),
        "chain": leaves.Leaf(6, "s:x", "0" * 64, "decision", prev, 2, head, {"pix": 0}),
        "form": None,
    }[what]
    check = audit.ChainCheck()
    check.see(0, first)
    with pytest.raises((Tampered, Malformed), match="entry 1"):
        check.see(1, leaves.encode(second) if second else b"free text")


def test_a_chain_that_moves_in_starts_anywhere():
    moved = leaves.Leaf(5, "s:x", "0" * 64, "subject.move", "1" * 64, 9, "0" * 32, {"pix": -1})
    check = audit.ChainCheck()
    check.see(0, leaves.encode(moved))
    assert check.heads["0" * 32][0] == 9


# -- HTTP -------------------------------------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    store: FolderStore
    mode = ""

    def do_GET(self):
        if self.mode == "moved" and "/moved" not in self.path:
            self.send_response(302)
            self.send_header("Location", self.path.replace("/log/", "/log/moved/"))
            self.end_headers()
            return
        self.path = self.path.replace("/moved", "")
        if self.mode == "redirect":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/checkpoint")
            self.end_headers()
            return
        if self.mode == "broken":
            self.send_response(500)
            self.end_headers()
            return
        served = serving.serve({"fleet/0": self.store}, self.path.removeprefix("/log/"))
        body = served.body or b""
        self.send_response(served.status)
        if self.mode == "gzip" and "/entries/" in self.path:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        if self.mode == "not gzip" or self.mode == "half gzip":
            body = b"plain" if self.mode == "not gzip" else gzip.compress(body)[:-12]
            self.send_header("Content-Encoding", "gzip")
        if self.mode == "bomb":
            body = gzip.compress(bytes(30_000_000))
            self.send_header("Content-Encoding", "gzip")
        if self.mode == "huge":
            body = b"x" * 1_000_002
        self.send_header("Content-Type", served.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def served(written):
    handler = type("H", (Handler,), {"store": FolderStore(written)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}/log/fleet/0"
    server.shutdown()
    server.server_close()


def test_a_log_is_read_over_http_plain_or_compressed(served):
    handler, url = served
    for mode in ("", "gzip", "moved"):
        handler.mode = mode
        log = Reader(url)
        checkpoint = log.checkpoint(SIGNER.verifier)
        tree.verify_inclusion(
            69_000, 70_000, tree.leaf_hash(log.entry(69_000)), log.inclusion(69_000), checkpoint.root
        )


@pytest.mark.parametrize(
    ("mode", "error", "word"),
    [
        ("redirect", Malformed, "http"),
        ("broken", Unreachable, "expected 200, got 500"),
        ("not gzip", Malformed, "gzip data"),
        ("half gzip", Malformed, "gzip data"),
        ("bomb", Malformed, "at most"),
        ("huge", Malformed, "at most 1000000 bytes"),
    ],
)
def test_bad_answers_are_told_apart(served, mode, error, word):
    handler, url = served
    handler.mode = mode
    with pytest.raises(error, match=word):
        Reader(url).checkpoint(SIGNER.verifier)


def test_an_absent_server_is_unreachable_and_other_schemes_are_refused(tmp_path):
    with pytest.raises(Unreachable):
        Reader("http://127.0.0.1:9/log").checkpoint(SIGNER.verifier)
    for url in ("file:///etc", "ftp://host/log", "data://x"):
        with pytest.raises(Malformed, match="http"):
            Reader(url)
    with pytest.raises(Missing):
        UrlSource.get(_Fixed404(), "checkpoint")


class _Fixed404(UrlSource):
    def __init__(self):
        from urllib.error import HTTPError

        def refuse(request, timeout):
            raise HTTPError(request.full_url, 404, "not found", None, None)

        self.url, self.timeout_s, self._open = "http://x", 1, refuse


def test_a_source_may_be_a_path_text_or_store(tmp_path):
    assert isinstance(reader.source_of(tmp_path), FolderStore)
    assert isinstance(reader.source_of(str(tmp_path)), FolderStore)
    assert isinstance(reader.source_of("https://log.example/"), UrlSource)
    store = MemoryStore()
    assert reader.source_of(store) is store


# -- Serving ----------------------------------------------------------------------------------------------------------


def test_checkpoint_and_tiles_are_served_with_their_types(written):
    logs = {"records": MemoryStore(), "fleet/0": FolderStore(written)}
    answer = serving.serve(logs, "fleet/0/checkpoint")
    assert (answer.status, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert answer.cache_control == "public, max-age=2"
    for name in ("tile/0/000", "tile/entries/000", "tile/0/273.p/112", "tile/2/000.p/1"):
        answer = serving.serve(logs, f"fleet/0/{name}")
        assert (answer.status, answer.content_type) == (200, "application/octet-stream")
        assert "immutable" in answer.cache_control and len(answer.body) > 0


@pytest.mark.parametrize(
    "path",
    [
        "",
        "fleet",
        "fleet/0",
        "fleet/0/",
        "fleet/1/checkpoint",
        "records/checkpoint",
        "fleet/0/checkpoint/",
        "fleet/0/../0/checkpoint",
        "fleet/0/tile/../checkpoint",
        "fleet/0//checkpoint",
        "fleet/0/tile/0/273",
        "fleet/0/tile/0/273.p/113",
        "fleet/0/tile/0/000.p/256",
        "fleet/0/tile/0/%2e%2e/000",
        "fleet/0/tile/0/000\0",
        "/etc/passwd",
        "fleet/0/" + "x" * 5000,
    ],
)
def test_everything_else_is_not_found(written, path):
    answer = serving.serve({"records": MemoryStore(), "fleet/0": FolderStore(written)}, path)
    assert (answer.status, answer.body, answer.cache_control) == (404, None, "no-store")


# -- Proof files ------------------------------------------------------------------------------------------------------


def small():
    world = World()
    writer = world.started()
    writer.append([pending(n) for n in range(5)], at_ms=1)
    writer.checkpoint()
    log = Reader(world.public)
    log.checkpoint(SIGNER.verifier)
    return log


def test_a_proof_file_reads_back_with_and_without_extra():
    log = small()
    made = log.prove(3)
    for extra in (None, b"", b"opaque"):
        proof = proofs.make(made.index, made.hashes, made.note, extra)
        assert proofs.parse(proof.encode()) == proof
    assert made.encode().startswith(b"c2sp.org/tlog-proof@v1\nindex 3\n")


def test_a_proof_of_one_entry_has_no_hashes():
    world = World()
    writer = world.started()
    writer.append([pending(0)], at_ms=1)
    writer.checkpoint()
    log = Reader(world.public)
    log.checkpoint(SIGNER.verifier)
    proof = proofs.parse(log.prove(0).encode())
    assert proof.hashes == ()
    proof.verify(tree.leaf_hash(log.entry(0)), policy.of_log(SIGNER.verifier))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: b"x" + d, "proof line 1"),
        (lambda d: d.replace(b"index 3", b"index 03"), "proof line 2"),
        (lambda d: d.replace(b"index 3", b"number 3"), "proof line 2"),
        (lambda d: d.replace(b"index 3", b"extra !\nindex 3"), "proof line 2"),
        (lambda d: d.replace(b"index 3", b"extra eA==\nextra eA==\nindex 3"), "proof line 3"),
        (lambda d: d.replace(b"index 3\n", b"index 3\nAAAA\n"), "proof line 3"),
        (lambda d: d.replace(b"index 3\n", b"index 3\n" + b"A" * 43 + b"=\n" * 1), None),
        (lambda d: d.replace(b"index 3\n", b"index 3\n" + (b"A" * 43 + b"=\n") * 64), "proof"),
        (lambda d: d.replace(b"\n\n", b"\n"), "proof"),
        (lambda d: d[: d.index(b"\n\n")] + b"\n\n", "proof checkpoint"),
        (lambda d: b"c2sp.org/tlog-proof@v1\n\n" + d, "proof line 2"),
        (lambda d: d.replace(b"index", b"ind\xff"), "proof byte 26"),
        (lambda d: b"x" * 2_000_000, "proof"),
        (lambda d: d.replace(b"index 3", b"extra " + b"AAAA" * 30_000 + b"\nindex 3"), "proof line 2"),
    ],
)
def test_broken_proof_files_name_the_line(change, place):
    data = change(small().prove(3).encode())
    if place is None:
        proof = proofs.parse(data)
        with pytest.raises(ProofError):
            proof.verify(tree.leaf_hash(small().entry(3)), policy.of_log(SIGNER.verifier))
        return
    with pytest.raises(Malformed) as caught:
        proofs.parse(data)
    assert caught.value.place == place


ROOT_ORIGIN = "demo.example/root"
ROOT_SIGNER = notes.Signer(ROOT_ORIGIN, b"r" * 32)
POLICIES = {
    "shard_policy": policy.of_log(SIGNER.verifier),
    "root_policy": policy.of_log(ROOT_SIGNER.verifier),
}


def two_steps(**changes):
    log = small()
    facts = {"origin": ORIGIN, "size": log.last.size, "root": log.last.root.hex(), **changes}
    kind = facts.pop("kind", "shard.checkpoint")
    store = MemoryStore()
    writer = Writer(ROOT_ORIGIN, MemoryHead(ROOT_ORIGIN), MemoryStore(), store, [ROOT_SIGNER])
    writer.take_over()
    commit = leaves.commitment(bytes(32), log.note)
    writer.append([Pending(leaves.log_subject(ORIGIN), kind, "s:publisher", commit, facts)], at_ms=5)
    writer.checkpoint()
    root = Reader(store)
    root.checkpoint(ROOT_SIGNER.verifier)
    return proofs.TwoStep(log.entry(3), log.prove(3), root.entry(0), root.prove(0))


def test_a_proof_of_two_steps_leads_to_the_root():
    shown = proofs.verify_two_step(two_steps(), **POLICIES)
    assert (shown.shard.size, shown.root.checkpoint.origin) == (5, ROOT_ORIGIN)


@pytest.mark.parametrize(
    "changes", [{"size": 4}, {"root": "00" * 32}, {"origin": "demo.example/fleet/9"}, {"kind": "decision"}]
)
def test_a_root_entry_of_another_checkpoint_proves_nothing(changes):
    with pytest.raises(ProofError, match="step 2 entry"):
        proofs.verify_two_step(two_steps(**changes), **POLICIES)


def test_each_step_is_checked():
    good = two_steps()
    other = proofs.TwoStep(good.entry + b" ", good.shard, good.root_entry, good.root)
    with pytest.raises(ProofError):
        proofs.verify_two_step(other, **POLICIES)
    with pytest.raises(SignatureError):
        proofs.verify_two_step(
            good, shard_policy=POLICIES["root_policy"], root_policy=POLICIES["root_policy"]
        )
    with pytest.raises(SignatureError):
        proofs.verify_two_step(
            good, shard_policy=POLICIES["shard_policy"], root_policy=POLICIES["shard_policy"]
        )
    with pytest.raises(Malformed):
        proofs.verify_two_step(proofs.TwoStep(good.entry, good.shard, b"{}", good.root), **POLICIES)
