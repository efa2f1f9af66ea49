"""Worker processes for appraisal. A pool of 0 works in the calling process: for tests, seeding and small
batches.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
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
        self._packed = b""

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
        jobs = [executor.submit(appraisal.appraise, job, self._packed, at_ms) for job in _jobs(groups)]
        return [found for job in jobs for found in job.result()]

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
            self._executor = ProcessPoolExecutor(self._workers, mp_context=context)
        return self._executor


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
