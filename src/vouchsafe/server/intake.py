"""The intake process: the one writer of the fleet's log, behind HTTP on a port of its own.

The answer with leaf indexes comes from the process that commits. A lost database connection or a lost fence ends the
process; the supervisor starts it again, and senders repeat what wasn't acknowledged.
"""

import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import django
from waitress.server import create_server

if TYPE_CHECKING:
    from vouchsafe.fleet.intake import Intake

log = logging.getLogger("vouchsafe.intake")
_TICK_S = 0.5


def main() -> int:
    django.setup()
    from django.conf import settings

    from vouchsafe.fleet.intake import Intake
    from vouchsafe.fleet.intake_app import Door
    from vouchsafe.kernel import publish

    with Intake(publish.dsn(), publish.site(), workers=os.cpu_count() or 2) as intake:
        intake.start_workers()
        threading.Thread(target=_checkpoints, args=(intake,), daemon=True).start()
        server = create_server(
            Door(intake, _now_ms, lost=_end_soon), host="127.0.0.1", port=settings.VOUCHSAFE_INTAKE_PORT, threads=8,
            max_request_body_size=64 * 1024 * 1024, channel_timeout=60, ident=None,
        )  # fmt: skip
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.close())
        try:
            server.run()
        except OSError:  # closed by the signal while it waited
            pass
    return 0


def _checkpoints(intake: "Intake") -> None:
    """Sign what is committed, each tick. A fault here ends the process: a log that can't be signed must not grow."""
    while True:
        time.sleep(_TICK_S)
        try:
            intake.writer.scrub(1)  # a little of what is stored is hashed again before each signature
            intake.checkpoint(_now_ms())
        except Exception:
            log.exception("the checkpoint failed; the process ends and is started again")
            os._exit(1)


def _end_soon() -> None:
    """End once the refusal is on its way: without its connection this process can take nothing any more."""
    threading.Timer(0.2, os._exit, (1,)).start()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vouchsafe.server.settings")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    sys.exit(main())
