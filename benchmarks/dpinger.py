"""What dpinger would say of a line: a model of its published rule, fed with the answers of Debian's ping.

dpinger is not in Debian, so this is not it. The rule is that of its README, its NOTES and its options, checked against
its source (github.com/dennypage/dpinger): an echo every 500 ms, kept for 60 s; one without an answer after 2 s counts
as lost until an answer comes; every second the mean round trip and the loss in whole per cent are compared with 500 ms
and 20 %; above either is an alarm, which ends after 10 checks below both. These are the values that pfSense starts it
with (docs.netgate.com, "Gateway Logs").
"""

from __future__ import annotations

import re
import subprocess
import time
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.lab.isp import Isp
    from tests.lab.node import Node

SEND_SECONDS, PERIOD_SECONDS, LOST_AFTER_SECONDS, CHECK_SECONDS = 0.5, 60.0, 2.0, 1.0
LATENCY_SECONDS, LOSS_PERCENT, HOLD_CHECKS = 0.5, 20, 10
ANSWER = re.compile(r"^\[(\d+\.\d+)\] .* icmp_seq=(\d+) .* time=([\d.]+) ms", re.MULTILINE)
USER, TABLE = 4242, 301
"""Its own pings, and nobody else's, find the line's gateway by a rule for this user."""


class Echo(NamedTuple):
    """Monotonic seconds; `trip` is None without an answer."""

    sent: float
    trip: float | None


class Pinger:
    """Context manager: pings an address by a line while inside."""

    def __init__(self, router: Node, isp: Isp, address: str, folder: Path) -> None:
        self._router, self._isp, self._address = router, isp, address
        self._record = folder / f"ping-{isp.wan}.txt"

    def __enter__(self) -> Self:
        wan, table = self._isp.wan, TABLE + int(self._isp.wan.removeprefix("wan"))
        self._router.ip(
            f"route add default via {self._isp.gateway} dev {wan} table {table}",
            f"rule add uidrange {USER}-{USER} oif {wan} lookup {table} priority {table}",
        )
        who = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        ping = ["ping", "-n", "-D", f"-i{SEND_SECONDS}", "-I", wan, self._address]
        with self._record.open("wb") as out:
            self._process = self._router.start(*who, *ping, stdout=out, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            process.terminate()

    def echoes(self) -> list[Echo]:
        """Until the last answered. When those without an answer were sent is taken from their neighbours."""
        offset = time.time() - time.monotonic()
        answered = {
            int(number): (float(at) - offset - float(trip) / 1000, float(trip) / 1000)
            for at, number, trip in ANSWER.findall(self._record.read_text(encoding="utf-8"))
        }
        found = []
        for (number, (sent, trip)), (later, (sent_later, _)) in pairwise(sorted(answered.items())):
            step = (sent_later - sent) / (later - number)
            found += [Echo(sent, trip), *(Echo(sent + step * lost, None) for lost in range(1, later - number))]
        return found


def alarms(echoes: Sequence[Echo]) -> list[tuple[float, float]]:
    """From when to when there was an alarm."""
    if not echoes:
        return []
    sent = [echo.sent for echo in echoes]
    found, since, hold, now = [], 0.0, 0, sent[0]
    while now < sent[-1]:
        now += CHECK_SECONDS
        if _exceeds(echoes[bisect_left(sent, now - PERIOD_SECONDS) : bisect_right(sent, now)], now):
            since, hold = (since if hold else now), HOLD_CHECKS
        elif hold:
            hold -= 1
            if not hold:
                found.append((since, now))
    return [*found, (since, now)] if hold else found


def _exceeds(window: Sequence[Echo], now: float) -> bool:
    trips = [echo.trip for echo in window if echo.trip is not None and echo.sent + echo.trip <= now]
    pending = [echo for echo in window if echo.trip is None or echo.sent + echo.trip > now]
    lost = sum(now - echo.sent > LOST_AFTER_SECONDS for echo in pending)
    loss = lost * 100 // (lost + len(trips)) if lost else 0
    return loss > LOSS_PERCENT or bool(trips and sum(trips) / len(trips) > LATENCY_SECONDS)
