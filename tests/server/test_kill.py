"""Each process of the product is killed under load, and nothing that was acknowledged is lost.

The long run is `python tools/chaos.py --kills 50`; this one kills each process once, so that the tool and what it relies
on stay true: the supervisor that starts again, the intake that takes its log over, and no process left behind.
"""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "chaos.py"

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_one_kill_of_each_process_loses_nothing_and_leaves_nothing_behind() -> None:
    done = subprocess.run(
        [sys.executable, TOOL, "--kills", "1", "--devices", "10", "--seed", "3"],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "lost: nothing; forks: none" in done.stdout
    assert "'web': 1, 'worker': 1, 'intake': 1, 'postgres': 1, 'supervisor': 1" in done.stdout
