"""A real store with the real rules, and what a school with two ISPs has told it: one line cut, traffic on the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import yaml
from haidang_collector.supervisor.files import alerts_folder

from tests.collector import remote_write as rw
from tests.servers import Prometheus, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTER = {"unit": "UP", "district": "Quận 1", "agent": "a-UP"}
WAN1 = ROUTER | {"wan": "wan1"}
WAN2 = ROUTER | {"wan": "wan2"}
DAY = 86400.0
AGAIN_SECONDS = 5.0
Telling = Callable[[float], Iterable[bytes]]
"""What is said at a moment (Unix seconds), as encoded series."""


def now_told(now: float, began: float) -> Iterator[bytes]:
    """What the agent and the registry say at this moment, since they began to."""
    yield rw.simple("haidang_collector_start_timestamp_seconds", began, now)
    yield rw.simple("haidang_agent_expected", 1, now, **ROUTER)
    yield rw.simple("haidang_agent_stopped", 0, now, **ROUTER)
    yield rw.simple("haidang_agent_last_seen_timestamp_seconds", now, now, **ROUTER)
    yield rw.simple("haidang_agent_info", 1, now, **ROUTER, roles="router,host")
    yield rw.simple("haidang_agent_egress_info", 1, now, **ROUTER, isp="FPT")
    yield rw.simple("school_internet_up", 1, now, **ROUTER)
    for labels, isp, evidence, up in ((WAN1, "VNPT", "optical", 0), (WAN2, "FPT", "declared", 1)):
        yield rw.simple("school_wan_info", 1, now, **labels, isp=isp, medium="fibre", evidence=evidence)
        yield rw.simple("school_wan_up", up, now, **labels, isp=isp)
        yield rw.simple("school_wan_active", up, now, **labels, isp=isp)
        yield rw.simple("school_wan_loss_ratio", 1 - 0.98 * up, now, **labels, isp=isp)
    yield rw.simple("school_wan_rtt_seconds", 0.0072, now, **WAN2, isp="FPT")
    yield rw.simple("school_wan_jitter_seconds", 0.0011, now, **WAN2, isp="FPT")
    yield rw.simple("school_fibre_rx_power_dbm", -18.26, now, **WAN2)
    for cause in ("carrier", "isp"):
        yield rw.simple("school_outage_active", cause == "carrier", now, **WAN1, cause=cause)
    change = {"from": "wan1", "to": "wan2"}
    yield rw.simple("school_wan_last_failover_timestamp_seconds", began - 300, now, **ROUTER, **change)
    yield rw.simple("school_wan_last_failover_duration_seconds", 3.24, now, **ROUTER, **change)


def history_told(now: float) -> Iterator[bytes]:
    """Ten days of books, a sample an hour: both lines watched throughout, wan1 down for 2 % of it."""
    hours = [now - 10 * DAY + 3600 * hour for hour in range(241)]

    def book(name: str, share: float, **labels: str) -> bytes:
        counts = [(share * (at - hours[0]), at) for at in hours]
        names = (f"agent:school_{name}_seconds:{steps}" for steps in ("total", "sparse"))
        return b"".join(rw.series(sorted([("__name__", each), *labels.items()]), counts) for each in names)

    for labels, isp, down in ((WAN1, "VNPT", 0.02), (WAN2, "FPT", 0.0)):
        yield book("wan_observed", 1, **labels, isp=isp)
        yield book("outage", down, **labels, cause="carrier")
        yield book("outage", down / 10, **labels, cause="router")
    yield book("outage", 0.001, **ROUTER, cause="power")
    yield book("outage", 0.00001, **ROUTER, cause="carrier")
    yield book("unobserved", 0.01, **ROUTER, reason="power")


@contextmanager
def told_store(folder: Path, more: Telling = lambda _: ()) -> Iterator[Prometheus]:
    """Rules are evaluated every second here, to be done sooner. What is said now, `more` too, is said all the time."""
    rules = folder / "rules"
    rules.mkdir()
    for file in (alerts_folder() / "rules").glob("*.yml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in content["groups"]:
            group["interval"] = "1s"
        (rules / file.name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with prometheus(folder, more=f"rule_files: [{rules}/*.yml]\n") as store:
        tell(store, *history_told(time.time() - 1))
        with _telling(store, more):
            eventually(
                "the books are closed", lambda: len(store.query("unit:school_wan_availability:ratio")) == 4, seconds=30
            )
            month = 'unit:school_outage_seconds:increase{window="30d",cause="carrier",wan="wan1"} > 3600'
            eventually("and those of the month", lambda: len(store.query(month)) == 1, seconds=30)
            eventually("the line is down", lambda: len(store.query("unit:school_wan_up == 0")) == 1, seconds=30)
            yield store


@contextmanager
def _telling(store: Prometheus, more: Telling) -> Iterator[None]:
    """As agents do: what was said once is no longer known after 40 s, which a busy machine may take to get there."""
    over, began = threading.Event(), time.time()

    def tell_on() -> None:
        while not over.wait(AGAIN_SECONDS):
            now = time.time()
            tell(store, *now_told(now, began), *more(now))

    tell(store, *now_told(began, began), *more(began))
    thread = threading.Thread(target=tell_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def tell(store: Prometheus, *series: bytes) -> None:
    httpx.post(store.write_url, content=rw.snappy(b"".join(series)), headers=rw.HEADERS).raise_for_status()
