"""A log of any length, written by the library's own writer: for tests that read one from its bytes alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vouchsafe.ledger import leaves, notes
from vouchsafe.ledger.head import MemoryHead
from vouchsafe.ledger.limits import MAX_BATCH
from vouchsafe.ledger.log import Pending, Writer
from vouchsafe.ledger.stores import FolderStore, MemoryStore

ORIGIN = "log.example/long"
SIGNER = notes.Signer(ORIGIN, b"\x07" * 32)
AT_MS = 1_766_361_600_000
SUBJECTS = 500


def pending(number: int) -> Pending:
    """The leaf number `number`: one of 500 subjects, so that chains are long too."""
    return Pending(
        f"{number % SUBJECTS:032x}",
        "record.event",
        "s:kernel",
        leaves.commitment(bytes(32), b"%d" % number),
        {"version": number // SUBJECTS},
    )


@contextmanager
def hurried() -> Iterator[None]:
    """Without waiting for the disk: what is written here need not survive a loss of power."""
    fsync = os.fsync
    os.fsync = lambda handle: None
    try:
        yield
    finally:
        os.fsync = fsync


def write_log(folder: Path, n: int) -> tuple[str, str]:
    """A log of `n` entries in `folder` (`checkpoint`, `tile/…`), made by the writer; gives (vkey, origin)."""
    writer = Writer(ORIGIN, MemoryHead(ORIGIN), MemoryStore(), FolderStore(folder), [SIGNER])
    writer.take_over()
    with hurried():
        for start in range(0, n, MAX_BATCH):
            writer.append(
                [pending(at) for at in range(start, min(n, start + MAX_BATCH))], at_ms=AT_MS + start
            )
        writer.checkpoint(at_ms=AT_MS + n)
    return SIGNER.verifier.vkey, ORIGIN
