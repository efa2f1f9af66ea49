"""A log's writer as a process of its own, to be killed: appends, keeps its acknowledgements, signs.

python -m tests.kernel.log_writer DSN FOLDER
"""

import os
import sys
import time
from pathlib import Path

from vouchsafe.kernel import loghead
from vouchsafe.kernel.loghead import PgHead
from vouchsafe.ledger import notes
from vouchsafe.ledger.errors import Fenced
from vouchsafe.ledger.log import Pending, Writer
from vouchsafe.ledger.stores import FolderStore

ORIGIN = "kill.example/fleet/0"
SIGNER = notes.Signer(ORIGIN, b"k" * 32)


def take_over(dsn: str, folder: Path) -> Writer:
    """The database may need a moment to notice that the last writer is dead."""
    while True:
        head = PgHead(loghead.connect(dsn), ORIGIN)
        writer = Writer(ORIGIN, head, FolderStore(folder / "store"), FolderStore(folder / "public"), [SIGNER])
        try:
            writer.take_over()
        except Fenced:
            head.release()
            time.sleep(0.02)
        else:
            return writer


def main(dsn: str, folder: Path) -> None:
    writer = take_over(dsn, folder)
    acks = os.open(folder / "acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    while True:
        first = writer.head.read().next_index
        items = [
            Pending(f"{n % 9:032x}", "device.evidence", "s:intake", f"{first + n:064x}", {"n": first + n})
            for n in range(40)
        ]
        done = writer.append(items, at_ms=int(time.time() * 1000))
        # Acknowledged: from here on it may never be lost.
        os.write(acks, b"".join(b"%d %s\n" % (d.index, d.leaf_hash.hex().encode()) for d in done))
        os.fsync(acks)
        writer.checkpoint(at_ms=int(time.time() * 1000))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
