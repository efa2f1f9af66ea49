"""Worker processes for appraisal. A pool of 0 works in the calling process: for tests, seeding and small
batches.
"""

import hashlib
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from types import TracebackType

from vouchsafe.attest.verify import Appraisal
from vouchsafe.fleet import appraisal
from vouchsafe.fleet.appraisal import Group, Rules

SMALL = 48
"""Items below which a batch is not worth sending to another process."""
JOB = 160
"""Items a job: small enough that two workers finish together."""


class Pool:
    """Appraises groups of items. A context manager; workers start on first use."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None
        self._rules: Rules | None = None
        self._packed = self._name = b""

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def __call__(self, groups: list[Group], rules: Rules, at_ms: int) -> list[tuple[int, Appraisal]]:
        """Every item's number and verdict; a device's items in its own order."""
        if self._workers < 1 or sum(len(group.items) for group in groups) < SMALL:
            return appraisal.appraise_with(groups, rules, at_ms)
        executor = self._started()
        if rules != self._rules:
            self._rules, self._packed = rules, rules.packed()
            self._name = hashlib.sha256(self._packed).digest()
        jobs = _jobs(groups)
        # Rules grow with every nonce that was given out: they travel only to a worker that says it lacks them.
        sent = [executor.submit(appraisal.appraise, job, self._name, None, at_ms) for job in jobs]
        found = [one.result() for one in sent]
        if any(one is None for one in found):
            again = {
                n: executor.submit(appraisal.appraise, jobs[n], self._name, self._packed, at_ms)
                for n, one in enumerate(found)
                if one is None
            }
            found = [again[n].result() if one is None else one for n, one in enumerate(found)]
        return [verdict for one in found if one is not None for verdict in one]

    def start(self) -> None:
        """Bring the workers up before the first batch comes."""
        if self._workers:
            for job in [self._started().submit(int) for _ in range(self._workers)]:
                job.result()

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            # Not fork: the parent has threads and database connections that a child must not inherit.
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["vouchsafe.fleet.appraisal"])
            self._executor = ProcessPoolExecutor(
                self._workers, mp_context=context, initializer=_end_with_parent
            )
        return self._executor


def _end_with_parent() -> None:
    """End this worker when the intake ends, however it does.

    Without it a worker of a killed intake waits for jobs for ever: it holds the writing end of its own queue, and it
    keeps its fork server alive too.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _jobs(groups: list[Group]) -> list[list[Group]]:
    jobs: list[list[Group]] = [[]]
    size = 0
    for group in groups:
        if size >= JOB:
            jobs.append([])
            size = 0
        jobs[-1].append(group)
        size += len(group.items)
    return jobs
