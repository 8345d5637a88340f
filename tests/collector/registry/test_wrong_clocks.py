"""Machines whose clocks are off by years: a distinct answer, corrected at the first contact, never a new enrolment."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from haidang_agent.centre import Centre
from haidang_agent.clock import Clock
from haidang_agent.outbox import Outbox
from haidang_agent.shipper import Shipper
from haidang_collector.registry.store import Registry

from tests.agent.outboxes import layout, snapshot
from tests.agent.shipping import drained
from tests.collector import remote_write as rw
from tests.collector.running import add_agent, database_url, serving
from tests.servers import prometheus

if TYPE_CHECKING:
    from pathlib import Path

YEARS = 365 * 86400.0


def measured_and_sent(folder: Path, url: str, bearer: str, ahead: float) -> None:
    """What an agent does on a machine whose clock is so many seconds ahead: it measures before it hears the centre."""
    outbox = Outbox(folder / f"{ahead}.db")
    clock = Clock(outbox, "this boot", wall=lambda: time.time() + ahead)
    outbox.append(snapshot(ahead, of=layout("off_by")), clock.stamp(), {})
    shipper = Shipper(
        Centre(url, credentials=bearer, learn=clock.learn), outbox, clock, lambda centre: centre.config(None)
    )
    shipper.start()
    try:
        drained(outbox, seconds=30)
    finally:
        shipper.stop(60.0)
        outbox.close()


def test_what_is_measured_by_a_wrong_clock_comes_at_its_true_time_from_the_same_agent(tmp_path: Path) -> None:
    database = database_url(tmp_path)
    agent, authorization = add_agent(database)
    bearer = authorization.removeprefix("Bearer ")
    began = time.time()
    with (
        prometheus(tmp_path) as store,
        serving(tmp_path, DATABASE_URL=database, STORE_WRITE_URL=store.write_url) as served,
        closing(Registry(database)) as registry,
    ):
        for ahead in (-17 * YEARS, 11 * YEARS):
            measured_and_sent(tmp_path, served.url, bearer, ahead)
        ended = time.time()
        [series] = store.query("off_by[1h]", at=ended + 60)
        assert series["metric"]["agent"] == agent
        assert [float(value) for _, value in series["values"]] == [-17 * YEARS, 11 * YEARS]
        assert all(began - 1 <= when <= ended + 1 for when, _ in series["values"])

        with closing(Centre(served.url, None, bearer)) as centre:
            for ahead, words in ((-17 * YEARS, "is older than 30 days"), (11 * YEARS, "s in the future; here it is")):
                told = centre.write(rw.snappy(rw.simple("up", 1, time.time() + ahead)))
                assert (told.status, words in told.text) == (400, True), told.text
                assert abs(float(told.headers["haidang-time"]) - time.time()) < 3600
            assert centre.config(None).status == 200, "it is the agent that it was"
        assert [each.agent for each in registry.agents()] == [agent]
