"""A writer killed at random loses nothing that it acknowledged, and never signs two roots for one size."""

import random
import subprocess
import sys
import time
from contextlib import suppress

import psycopg
import pytest

from tests.kernel.log_writer import ORIGIN, SIGNER
from vouchsafe.ledger import audit, tree
from vouchsafe.ledger.checkpoints import open_checkpoint
from vouchsafe.ledger.errors import Missing
from vouchsafe.ledger.reader import Reader
from vouchsafe.ledger.stores import FolderStore

pytestmark = [pytest.mark.server, pytest.mark.slow]
KILLS = 12


def test_killed_writers_lose_nothing_and_fork_nothing(db, tmp_path):
    chance = random.Random(20261122)
    seen = {}
    public = FolderStore(tmp_path / "public")
    for _ in range(KILLS):
        before = acknowledged(tmp_path)
        child = subprocess.Popen([sys.executable, "-m", "tests.kernel.log_writer", db.app_dsn, str(tmp_path)])
        try:
            until = time.monotonic() + 30
            while len(acknowledged(tmp_path)) == len(before) and time.monotonic() < until:
                time.sleep(0.01)
            end = time.monotonic() + chance.uniform(0, 0.3)
            while time.monotonic() < end:
                follow(public, seen)
        finally:
            child.kill()
            child.wait()
        follow(public, seen)
    acks = acknowledged(tmp_path)
    assert len(acks) >= KILLS * 40
    finish(db, tmp_path)
    reader = Reader(public)
    last = reader.checkpoint(SIGNER.verifier)
    report = audit.fsck(Reader(public), SIGNER.verifier, leaf_check=audit.ChainCheck().see)
    assert report.is_sound, report.first_bad
    for index, leaf_hash in acks.items():
        assert tree.leaf_hash(reader.entry(index)).hex() == leaf_hash
    assert seen
    for size, root in seen.items():
        assert reader.root_at(size) == root
    with psycopg.connect(db.app_dsn) as conn:
        kept = conn.execute("SELECT size, root, note FROM checkpoint WHERE origin = %s", (ORIGIN,)).fetchall()
        next_index = conn.execute("SELECT next_index FROM log_head").fetchone()[0]
    assert last.size == next_index
    for size, root, note in kept:
        assert open_checkpoint(note, [SIGNER.verifier]).root == root == reader.root_at(size)


def finish(db, folder):
    from tests.kernel.log_writer import take_over

    writer = take_over(db.app_dsn, folder)
    writer.checkpoint(at_ms=0)
    writer.head.release()


def follow(public, seen):
    """Somebody outside who remembers every checkpoint that was ever public."""
    with suppress(Missing):
        checkpoint = open_checkpoint(public.get("checkpoint"), [SIGNER.verifier])
        assert seen.setdefault(checkpoint.size, checkpoint.root) == checkpoint.root


def acknowledged(folder):
    path = folder / "acks"
    lines = path.read_text().splitlines() if path.exists() else []
    return {int(index): leaf_hash for index, leaf_hash in (line.split() for line in lines if len(line) > 64)}
