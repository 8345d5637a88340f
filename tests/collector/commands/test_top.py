from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.collector import remote_write as rw
from tests.servers import prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.collector.commands.conftest import Haidang
    from tests.servers import Prometheus


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """What two agents pushed, and what the collector counted against one of them."""
    with prometheus(tmp_path_factory.mktemp("store")) as running:
        now = time.time()
        big = [rw.simple("up", 1, now, agent="a-big", district="D1", n=f"{n}", unit="U1") for n in range(30)]
        bad = rw.simple("up", 1, now, agent="a-bad", district="D1", unit="U2")
        other = [
            rw.simple("unit:up:sum", 1, now, agent="a-big", unit="U1"),
            rw.simple("haidang_agent_expected", 1, now, agent="a-big", job="registry", unit="U1"),
        ]
        labels = {"agent": "a-bad", "district": "D1", "job": "collector", "reason": "rate", "unit": "U2"}
        refused = rw.series(
            [("__name__", "haidang_ingest_agent_refused_total"), *labels.items()],
            [(10 * n, now - 600 + 60 * n) for n in range(10)],
        )
        body = rw.snappy(b"".join([*big, bad, *other, refused]))
        httpx.post(running.write_url, content=body, headers=rw.HEADERS).raise_for_status()
        yield running


@pytest.fixture(autouse=True)
def _asked_there(store: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_PROMETHEUS_URL", store.url)


def test_who_is_refused_comes_first_then_who_has_the_most_series(haidang: Haidang) -> None:
    """
    What rules recorded and what was scraped is not the agents' doing.
    """
    bad, big = json.loads(haidang("agents", "top", "--json").stdout)

    assert (bad["agent"], bad["unit"], bad["series"], list(bad["refused"])) == ("a-bad", "U2", 1, ["rate"])
    assert bad["refused"]["rate"] > 50
    assert big == {"agent": "a-big", "unit": "U1", "district": "D1", "series": 30, "refused": {}}


def test_a_person_sees_how_much_of_the_limit_it_is(haidang: Haidang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_AGENT_SERIES", "60")

    last = haidang("agents", "top").stdout.splitlines()[-1].split()

    assert last == ["a-big", "U1", "D1", "30", "50%", "-"]


def test_an_agents_metrics_by_their_number(haidang: Haidang) -> None:
    assert json.loads(haidang("agents", "top", "--agent", "a-big", "--json").stdout) == {"up": 30}


def test_the_series_of_an_agent_in_two_tenants_are_added_up(haidang: Haidang, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    As of a unit that is of another district since today. Here all tenants have the same.
    """
    monkeypatch.setenv("HAIDANG_STORE", "mimir")
    monkeypatch.setenv("HAIDANG_STORE_TENANT", "district")

    assert json.loads(haidang("agents", "top", "--agent", "a-big", "--json").stdout) == {"up": 60}


def test_what_is_no_id_is_not_put_into_a_query(haidang: Haidang) -> None:
    result = haidang("agents", "top", "--agent", '"} or up{x="')

    assert (result.exit_code, result.stdout) == (2, "")


def test_a_store_that_is_away_is_one_line(haidang: Haidang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_PROMETHEUS_URL", "http://127.0.0.1:1")

    result = haidang("agents", "top", data=tmp_path / "another")

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
