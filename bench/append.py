"""Durable log append, beside the two limits it is measured against in the same run: raw SHA-256 and raw
fsync.

    python bench/append.py [--leaves 81920] [--batch 4096] [--subjects 20000] [--refs]

Starts a PostgreSQL of its own (durability on, printed), writes device.evidence leaves through
`ledger.log.Writer` with the PostgreSQL head and the folder store, signs a checkpoint about once a second,
and then checks the whole log from its bytes. A leaf counts when its batch object is fsynced and its
transaction committed.
"""

import argparse
import hashlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(tempfile.mkdtemp(prefix="vs-bench-"))
DATA.chmod(0o755)
os.environ.setdefault("VOUCHSAFE_DATA", str(DATA))
os.environ["DJANGO_SETTINGS_MODULE"] = "vouchsafe.server.settings"

ORIGIN = "bench.example/fleet/0"


def raw_sha256(size: int, count: int = 200_000) -> float:
    """Hashes a second of inputs as long as a leaf, on one core."""
    data = secrets.token_bytes(size)
    begun = time.perf_counter()
    for _ in range(count):
        hashlib.sha256(data).digest()
    return count / (time.perf_counter() - begun)


def raw_fsync(folder: Path, size: int, count: int = 100) -> float:
    """Files of a batch object's size written and fsynced a second."""
    data = secrets.token_bytes(size)
    begun = time.perf_counter()
    for number in range(count):
        handle = os.open(folder / f"raw-{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(handle, data)
        os.fsync(handle)
        os.close(handle)
    rate = count / (time.perf_counter() - begun)
    for number in range(count):
        os.unlink(folder / f"raw-{number}")
    return rate


def pending(count: int, start: int, subjects: int, refs: bool) -> list:
    """Leaves as intake makes them; making them is not timed, since it is not appending."""
    from vouchsafe.ledger.log import Pending

    commits = secrets.token_hex(32 * count)
    return [
        Pending(
            f"{(start + n) % subjects:032x}",
            "device.evidence",
            "k:9f2c41d07be83a55",
            commits[64 * n : 64 * n + 64],
            {
                "ctr": start + n,
                "dlog": [n, "ab" * 32],
                "fmt": 1,
                "gw": "cd" * 16,
                "policy": "ef" * 32,
                "ref_digest": "01" * 32,
                "ref_ix": 12,
                "tier": 2,
                "vec": [2, 2, 2, 0, 2, 0, 0, 2],
            },
            ref=refs,
        )
        for n in range(count)
    ]


def run(options: argparse.Namespace) -> int:
    import django
    import psycopg

    from vouchsafe.kernel import loghead
    from vouchsafe.ledger import audit, notes
    from vouchsafe.ledger.log import Writer
    from vouchsafe.ledger.reader import Reader
    from vouchsafe.ledger.stores import FolderStore
    from vouchsafe.server import database, postgres

    server = postgres.Postgres(DATA / "postgres")
    server.start()
    try:
        server.create_database("bench")
        django.setup()
        database.migrate(server.url(postgres.OWNER, "bench"), postgres.APP)
        dsn = server.url(postgres.APP, "bench")
        with psycopg.connect(dsn) as conn:
            for name in ("server_version", "fsync", "full_page_writes", "synchronous_commit"):
                print(f"SHOW {name:20} {conn.execute(f'SHOW {name}').fetchone()[0]}")
        head = loghead.PgHead(loghead.connect(dsn), ORIGIN)
        public = FolderStore(DATA / "logs")
        signer = notes.Signer(ORIGIN, secrets.token_bytes(32))
        writer = Writer(ORIGIN, head, FolderStore(DATA / "store"), public, [signer])
        writer.take_over()
        appending = checkpointing = 0.0
        slowest = 0.0
        since = time.perf_counter()
        starts = range(0, options.leaves, options.batch)
        total = len(starts) * options.batch
        for number, start in enumerate(starts):
            batch = pending(options.batch, start, options.subjects, options.refs)
            begun = time.perf_counter()
            done = writer.append(batch, at_ms=number)
            appending += time.perf_counter() - begun
            if time.perf_counter() - since >= 1 or number == len(starts) - 1:
                begun = time.perf_counter()
                writer.checkpoint(at_ms=number)
                checkpointing += time.perf_counter() - begun
                slowest = max(slowest, time.perf_counter() - begun)
                since = time.perf_counter()
        report = audit.fsck(Reader(public), signer.verifier)
        head.release()
        leaf = len(done[0].leaf)
        sha, sync = raw_sha256(leaf), raw_fsync(DATA, options.batch * (leaf + 42))
        both = total / (appending + checkpointing)
        print(f"leaves {total}, {leaf} bytes each, batches of {options.batch}, {options.subjects} subjects")
        print(f"durable leaves/s       {total / appending:>10,.0f}   (acknowledged after the commit)")
        print(f"with checkpoints       {both:>10,.0f}   (tiles written, read back, signed; one thread)")
        print(f"slowest checkpoint     {slowest:>10.2f} s")
        share = total / appending / sha
        print(f"raw SHA-256 of a leaf  {sha:>10,.0f}/s  -> durable append is {share:.1%} of it")
        print(
            f"raw fsync of a batch   {sync:>10,.0f}/s  -> {sync * options.batch:,.0f} leaves/s if it were all"
        )
        found = "sound" if report.is_sound else report.first_bad
        print(f"fsck from bytes        {found}, {report.hashed} entries")
        return 0 if report.is_sound and report.hashed == total else 1
    finally:
        server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--leaves", type=int, default=81_920)
    parser.add_argument("--batch", type=int, default=4_096)
    parser.add_argument("--subjects", type=int, default=20_000)
    parser.add_argument("--refs", action="store_true", help="a leaf_ref row for every leaf, as `records` has")
    try:
        return run(parser.parse_args())
    finally:
        shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
