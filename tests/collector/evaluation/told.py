"""A real store that was told, ten days ago and now, what the recording rules and the registry say of a small city."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import httpx
from haidang_collector.registry.facts import UnitFact

from tests.collector import remote_write as rw
from tests.servers import Prometheus, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime.fromtimestamp(int(time.time()), ZONE)
PAST = NOW - timedelta(days=10)
TRICKY = 'T"H\\}.*'
"""A code that would match other units, or none, if it were not quoted."""
REGISTERED = [
    UnitFact("TH-001", "Trường Tiểu học Sao Mai", "Quận 1", "primary"),
    UnitFact("TH-002", "Trường Tiểu học Hoa Sen", "Quận 10", "primary"),
    UnitFact("TH-003", "Trường Tiểu học mới mở", "Quận 2", "primary"),
    UnitFact("NEW", "Trường vừa đăng ký", "Quận 2", "primary"),
]
Told = tuple[str, float, dict[str, str]]


def now_told() -> Iterator[Told]:
    one, two, three = (
        {"unit": unit, "district": district}
        for unit, district in (("TH-001", "Quận 1"), ("TH-002", "Quận 10"), ("TH-003", "Quận 2"))
    )
    tricky = {"unit": TRICKY, "district": "Quận 1"}
    for labels in (one, two, three, tricky):
        yield "school_unit_info", 1, labels | {"name": "Tên cũ", "level": "primary"}
        yield "unit:school_info", 1, labels | {"level": "primary"}
    yield "city:row_compliant:ratio", 0.5, {"row": "R1"}
    yield "school:row:compliant", 1, one | {"row": "R1"}
    yield "school:row:source", 1, one | {"row": "R1", "source": "measured"}
    yield "school:row:evidence_age_seconds", 90, one | {"row": "R1"}
    yield "unit:school_fibre:evidence", 1, one | {"evidence": "optical"}
    yield "school:row:compliant", 0, two | {"row": "R1"}
    yield "school:row:compliant", float("nan"), three | {"row": "R1"}
    yield "unit:school_isps:count", float("nan"), one
    yield "school:row:compliant", 0, one | {"row": "R4"}
    for source in ("measured", "declared"):
        yield "school:row:source", 1, one | {"row": "R4", "source": source}
    yield "unit:school_students:count", 840, one | {"level": "primary"}
    yield "school:computers_missing", 11, one
    yield "school:row:not_applicable", 1, one | {"row": "R14"}
    yield "school:row:not_applicable", 1, one | {"row": "R4"}
    yield "school:row:compliant", 1, tricky | {"row": "R15"}


def past_told() -> Iterator[Told]:
    for unit in ("TH-001", "GONE"):
        labels = {"unit": unit, "district": "Quận 1"}
        yield "school_unit_info", 1, labels | {"name": "Tên cũ", "level": "mixed"}
        yield "school:row:compliant", 0, labels | {"row": "R1"}
    yield "city:row_compliant:ratio", 0, {"row": "R1"}


def tell(store: Prometheus, told: Iterator[Told], at: datetime) -> None:
    body = b"".join(
        rw.series(sorted((labels | {"__name__": name}).items()), [(value, at.timestamp())])
        for name, value, labels in told
    )
    httpx.post(store.write_url, content=rw.snappy(body), headers=rw.HEADERS).raise_for_status()


@contextmanager
def told_store(folder: Path, now: datetime = NOW) -> Iterator[Prometheus]:
    with prometheus(folder) as store:
        tell(store, past_told(), PAST)
        tell(store, now_told(), now)
        yield store
