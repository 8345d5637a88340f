"""What is one worker's, of several."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.ingest import routes
from haidang_collector.settings import BadSettingError, Settings

from tests.collector import remote_write as rw
from tests.collector.running import add_agent, client_of, database_url

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("workers", "of_agent", "of_unit", "its_unit", "its_backlog"),
    [(1, 200.0, 300.0, 300.0, 1000.0), (2, 200.0, 300.0, 200.0, 500.0), (2, 100.0, 300.0, 150.0, 500.0),
     (4, 200.0, 100.0, 100.0, 250.0)],
)  # fmt: skip
def test_what_can_be_divided_is(
    workers: int, of_agent: float, of_unit: float, its_unit: float, its_backlog: float
) -> None:
    """
    All agents of a unit may be with one worker, and each may bring there what an agent may.
    """
    settings = Settings(
        workers=workers, agent_samples_per_second=of_agent, unit_samples_per_second=of_unit, backlog_rate=1000.0
    )

    its = settings.of_a_worker()

    assert (its.agent_samples_per_second, its.unit_samples_per_second) == (of_agent, its_unit)
    assert (its.backlog_rate, its.unit_series) == (its_backlog, settings.unit_series)


@pytest.mark.parametrize("count", [0, -1, 65])
def test_a_number_of_no_use_is_refused(count: int) -> None:
    with pytest.raises(BadSettingError, match=f"HAIDANG_WORKERS={count}: give"):
        Settings(workers=count)


@pytest.mark.parametrize(("workers", "connection"), [(1, None), (2, "close")])
def test_only_where_there_are_others_agents_are_sent_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, connection: str | None
) -> None:
    monkeypatch.setattr(routes, "MOVED", 1.0)
    url = database_url(tmp_path)
    headers = rw.HEADERS | {"Authorization": add_agent(url)[1]}
    store = httpx.MockTransport(lambda _: httpx.Response(204))
    with client_of(Settings(database_url=url, workers=workers), store=store) as client:
        answer = client.post("/api/v1/write", content=rw.snappy(rw.simple("up", 1, time.time())), headers=headers)

    assert (answer.status_code, answer.headers.get("connection")) == (204, connection)
    assert answer.headers["Haidang-Backlog-Rate"] == f"{1_000_000 / workers:.0f}"
