"""When probes run: APScheduler, a thread for each run, so that a slow or crashing one never delays the others."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.runner import Runner

SNAPSHOT = "snapshot"
LONGEST_WAIT_SECONDS = 5.0
"""So soon a clock that was set is noticed; each look costs an old PC a wake-up."""
LATEST = timedelta(seconds=60)
"""A job that is later than this was not late: the clock was set, or the machine slept."""
EARLIEST = timedelta(seconds=1)


class _Threads(BaseExecutor):  # type: ignore[misc]  # APScheduler ships no types
    """A daemon thread for each run: one that hangs does not keep the process from ending."""

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        Thread(target=self._work, args=(job, run_times), name=job.id, daemon=True).start()

    def _work(self, job: Any, run_times: list[datetime]) -> None:
        self._run_job_success(job.id, run_job(job, None, run_times, self._logger.name))


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler ships no types
    """APScheduler goes by the wall clock; when that is set, this one goes on from the new time.

    Without it a PC whose clock is put back an hour would not measure for an hour, and one that starts in the year 2000
    (empty CMOS battery) would work through every second since then.
    """

    def _process_jobs(self) -> float:
        now = datetime.now(self.timezone)
        for job in self.get_jobs():
            if not now - LATEST <= job.next_run_time <= now + job.trigger.interval + EARLIEST:
                job.modify(next_run_time=now)
        wait = super()._process_jobs()
        return LONGEST_WAIT_SECONDS if wait is None else min(float(wait), LONGEST_WAIT_SECONDS)


class Schedule:
    """Probes at their intervals, all of them first at once; `take_snapshot` every `push_interval` seconds."""

    def __init__(self, runner: Runner, take_snapshot: Callable[[], None], push_interval: float) -> None:
        # It warns of each run left out; those are counted instead.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._runner = runner
        self._scheduler = _Scheduler(
            executors={"default": _Threads()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._left_out, EVENT_JOB_MAX_INSTANCES)
        now = datetime.now().astimezone()
        for name, probe in runner.probes.items():
            self._scheduler.add_job(
                runner.run, "interval", args=(name,), id=name, seconds=probe.every_seconds, next_run_time=now
            )
        self._scheduler.add_job(
            take_snapshot, "interval", id=SNAPSHOT, seconds=push_interval, next_run_time=now + timedelta(seconds=0.5)
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """No further runs; one that hangs is not waited for."""
        self._scheduler.shutdown(wait=False)

    def _left_out(self, event: JobSubmissionEvent) -> None:
        if event.job_id != SNAPSHOT:
            self._runner.overran(event.job_id)
