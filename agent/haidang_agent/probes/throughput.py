"""How much each line carries, by HTTP transfers with the department's server (docs/throughput.md). Off without `url`.

A test is a download and, with `upload_url`, an upload: on a router of each line that has an `interface` (bound to it),
elsewhere of the default path (`wan` empty). It runs in a thread of its own, inside the window and the budgets, and not
while the evidence `internet` or `snmp_wan` says that there is no line, nor before the centre's time is known: the
machine's own clock may be wrong, and the window is a promise. Figures stay until the line's next test, over restarts
too, with the time they were measured at. A test that fails leaves none.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.platform.transfer import ANSWER_SECONDS, Limits
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample
from haidang_agent.tables import Seconds
from haidang_agent.wan.line_test import LineTest, directions
from haidang_agent.wan.throughput_plan import Plan, Record, Records, Window, time_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

RATE = Metric(
    "school_wan_throughput_bytes_per_second", "What the line carried in its last test.", ("wan", "isp", "direction")
)
BYTES = Metric(
    "school_wan_throughput_bytes_total", "Bytes that the tests themselves moved.", ("wan", "direction"), "counter"
)
TIME = Metric("school_wan_throughput_timestamp_seconds", "When the line's last test measured.", ("wan", "isp"))

GOODBYE_SECONDS = 2.0
A_DAY, TWO_HOURS, LONG_ENOUGH = Seconds(86400.0), Seconds(7200.0), Seconds(15.0)
LEAST = {"every": 60, "budget_bytes": 1_000_000, "max_bytes_per_second": 10_000, "max_seconds": 1, "streams": 1}
MOST = {"max_seconds": 60, "streams": 16}


@dataclass(frozen=True, slots=True)
class Settings:
    """`url` is a large file; `ca` a PEM file, empty for the system's CAs. `window` is local time in `time_zone`.

    Budgets are of one line, both directions together: `budget_bytes` of a test, `month_budget_bytes` of a calendar
    month. A figure near `max_bytes_per_second` says "at least". Tests begin at random within `spread` after they may.
    """

    url: str = ""
    upload_url: str = ""
    ca: str = ""
    window: str = "22:00-05:00"
    time_zone: str = "Asia/Ho_Chi_Minh"
    every: Seconds = A_DAY
    spread: Seconds = TWO_HOURS
    budget_bytes: int = 100_000_000
    month_budget_bytes: int = 4_000_000_000
    max_bytes_per_second: int = 12_500_000
    max_seconds: Seconds = LONG_ENOUGH
    streams: int = 4


class Line(NamedTuple):
    """`device` empty: the default path."""

    wan: str
    isp: str
    device: str


class Throughput:
    """`collect` starts a test where one is due, and tells what the last one of each line measured."""

    def __init__(self, settings: Settings, host: Host) -> None:
        if not settings.url:
            raise NothingToMeasureError("[probes.throughput] url is empty")
        self._host, self._records, self._spread = host, Records(host.memory), settings.spread
        self._directions = directions(settings.url, settings.upload_url, settings.ca)
        self._plan = _plan(settings, len(self._directions))
        share = settings.budget_bytes // len(self._directions)
        self._limits = Limits(share, settings.max_bytes_per_second, settings.max_seconds, settings.streams)
        own = host.watch.wan if "router" in host.watch.roles else ()  # the interfaces are the router's
        lines = [Line(wan.name, wan.isp, wan.interface) for wan in own if wan.interface]
        self._lines = lines or [Line("", "", "")]
        self._starts: float | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._under_way: LineTest | None = None
        self._crash: Exception | None = None

    def collect(self) -> Iterator[Sample]:
        """Returns at once; a test goes on behind."""
        if self._crash is not None:
            crash, self._crash = self._crash, None
            raise crash
        self._start_where_due()
        records = {line: self._records[line.wan] for line in self._lines}
        failures = [record.failed for record in records.values() if record.failed and not record.rates]
        if len(failures) == len(records):
            reason, detail = failures[0]
            raise ProbeError(reason, detail)
        for line, record in records.items():
            for direction in self._directions:
                yield self._host.totals.sample(BYTES, (line.wan, direction.name))
            for name, rate in record.rates.items():
                yield Sample(RATE, rate, (line.wan, line.isp, name))
            if record.measured is not None:
                yield Sample(TIME, record.measured, (line.wan, line.isp))

    def close(self) -> None:
        """Ends a test under way; what it measured is lost, what it moved is counted."""
        self._closed.set()
        if self._under_way is not None:
            self._under_way.end()
        if self._thread is not None:
            self._thread.join(GOODBYE_SECONDS)

    def _start_where_due(self) -> None:
        now = self._host.time.moment()
        if now.centre is None or (self._thread is not None and self._thread.is_alive()):
            return
        if not any(self._may_test(line, now.centre) for line in self._lines):
            self._starts = None
            return
        if self._starts is None:
            latest = min(self._spread, self._plan.left(now.centre) - self._plan.needs)
            self._starts = now.monotonic + random.uniform(0, latest)  # noqa: S311 - no secret
        if now.monotonic >= self._starts:
            self._starts = None
            self._thread = threading.Thread(target=self._test, name="throughput", daemon=True)
            self._thread.start()

    def _may_test(self, line: Line, now: float) -> bool:
        evidence = self._host.evidence
        internet, snmp = evidence.ask("internet") or {}, evidence.ask("snmp_wan", line.wan) or {}
        if internet.get("up") is False or snmp.get("carrier") is False:
            return False
        return self._plan.allows(self._records[line.wan], now)

    def _test(self) -> None:
        try:
            for line in self._lines:
                now = self._host.time.moment().centre
                if now is not None and not self._closed.is_set() and self._may_test(line, now):
                    self._test_line(line, now)
        except Exception as crash:  # noqa: BLE001 - the next `collect` raises it, for the runner to name
            self._crash = crash

    def _test_line(self, line: Line, now: float) -> None:
        """The budget is booked before and set right after, so that no crash makes tests free."""
        before, month = self._records[line.wan], self._plan.month(now)
        self._records[line.wan] = replace(before, tried=now, used=before.spent(month, self._plan.budget))
        self._under_way = test = LineTest(self._directions, line.device, self._limits)
        if self._closed.is_set():
            test.end()
        result = test.run()
        for direction, moved in result.moved.items():
            self._host.totals.add(BYTES, moved, (line.wan, direction))
        used = before.spent(month, sum(result.moved.values()))
        if test.ended.is_set():
            self._records[line.wan] = replace(before, tried=now, used=used)
            return
        record = self._records[line.wan] = Record(now, now if result.rates else None, result.rates, result.failed, used)
        name = line.wan or "the default path"
        if result.failed:
            log.warning("throughput of %s: %s", name, result.failed[1])
        if self._plan.used_up(record, now):
            log.warning("throughput of %s: the budget of %s is used up, no test before the next month", name, month)


def _plan(settings: Settings, count: int) -> Plan:
    """For `count` directions. Raises ProbeError with the key and the fix."""
    wrong = [f"{key} must be at least {least}" for key, least in LEAST.items() if getattr(settings, key) < least]
    wrong += [f"{key} must be at most {most}" for key, most in MOST.items() if getattr(settings, key) > most]
    if wrong:
        raise ProbeError("misconfigured", f"[probes.throughput] {', '.join(wrong)}")
    try:
        return Plan(
            Window.parse(settings.window),
            time_zone(settings.time_zone),
            every=settings.every,
            needs=count * (settings.max_seconds + ANSWER_SECONDS),
            budget=settings.budget_bytes,
            month_budget=settings.month_budget_bytes,
        )
    except ValueError as unusable:
        raise ProbeError("misconfigured", f"[probes.throughput] {unusable}") from unusable


PROBE = Probe(
    name="throughput",
    start=Throughput,
    settings=Settings,
    metrics=(RATE, BYTES, TIME),
    every_seconds=60,
    timeout_seconds=5,
    roles=frozenset({"site", "router"}),
)
