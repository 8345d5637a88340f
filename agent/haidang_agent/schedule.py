"""When probes run: APScheduler, a thread for each probe, so that a slow or crashing one never delays the others."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobExecutionEvent, JobSubmissionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.runner import Runner

SNAPSHOT = "snapshot"


class Schedule:
    """Probes at their intervals, all of them first at once; `take_snapshot` every `push_interval` seconds."""

    def __init__(self, runner: Runner, take_snapshot: Callable[[], None], push_interval: float) -> None:
        # It warns of each run left out; those are counted instead.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._runner = runner
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(runner.probes) + 1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._left_out, EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
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

    def _left_out(self, event: JobSubmissionEvent | JobExecutionEvent) -> None:
        if event.job_id != SNAPSHOT:
            self._runner.overran(event.job_id)
