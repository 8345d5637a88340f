"""The start page at 2,500 units, each with an agent and a known Internet state."""

from __future__ import annotations

import http.client
import statistics
import tempfile
import time
from array import array
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.wire import encode
from haidang_collector.registry.database import Database
from haidang_collector.registry.models import Agent

from benchmarks import centre
from benchmarks.measure import fetch

if TYPE_CHECKING:
    from tests.servers import Prometheus

UNITS = 2_500
DISTRICTS = 24
DOWN_EVERY = 100
RUNS = 20


def main(_: float) -> None:
    codes = [f"U-{number:04d}" for number in range(UNITS)]
    rows = "".join(f"{code},School {code},{_district(number)},primary\n" for number, code in enumerate(codes))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        running = centre.start(stack, folder, units=f"code,name,district,level\n{rows}")
        _enrol_all(running.environment["HAIDANG_DATABASE_URL"], codes)
        _tell_states(running.store, codes)
        fetch(running.url)
        times = [_timed(running.url) for _ in range(RUNS)]
    print(
        f"start page at {UNITS} units: median {statistics.median(times) * 1000:.0f} ms, "
        f"worst {max(times) * 1000:.0f} ms of {RUNS} (at most 100)"
    )


def _district(number: int) -> str:
    return f"D{number % DISTRICTS:02d}"


def _enrol_all(database_url: str, codes: list[str]) -> None:
    database = Database(database_url)
    now = datetime.now(UTC)
    with database.write() as session:
        session.add_all(
            Agent(
                id=f"a-{code}", unit=code, key_hash="0" * 64, roles="site", version="0", os="linux",
                enrolled_at=now, last_seen=now.timestamp(), stopped=False,
            )
            for code in codes
        )  # fmt: skip
    database.close()


def _tell_states(store: Prometheus, codes: list[str]) -> None:
    """What the recording rule would say: one unit in a hundred is down."""
    layout = tuple(
        (("__name__", "unit:school_internet_up"), ("district", _district(number)), ("unit", code))
        for number, code in enumerate(codes)
    )
    values = array("d", (float(number % DOWN_EVERY > 0) for number in range(UNITS)))
    connection = http.client.HTTPConnection("127.0.0.1", store.port)
    connection.request("POST", "/api/v1/write", encode(layout, [int(time.time() * 1000)], [values]))
    answer = connection.getresponse()
    if answer.status >= http.client.MULTIPLE_CHOICES:
        raise RuntimeError(f"the store said {answer.status}: {answer.read()!r}")
    connection.close()


def _timed(url: str) -> float:
    began = time.perf_counter()
    body = fetch(url)
    took = time.perf_counter() - began
    if b"U-0000" not in body or b">25<" not in body:
        raise RuntimeError("the start page does not show the units that are down")
    return took
