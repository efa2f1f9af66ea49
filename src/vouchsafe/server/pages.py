"""gunicorn's settings that no option of its command line can give: its workers end with it.

A worker whose gunicorn was killed would go on holding the port for seconds, and the next gunicorn couldn't bind it.
What such a worker had not answered was not acknowledged, and what it had committed is in the database.
"""

import ctypes
import os
import signal
from typing import Any


def post_fork(server: Any, worker: Any) -> None:
    """Called by gunicorn in each new worker. Linux only; elsewhere it does nothing."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        return
    if os.getppid() != worker.ppid:  # it was killed before we asked
        os._exit(1)
