"""Whether the online systems are usable from inside the school, how long each phase of asking takes, what is at fault.

Each `[[service]]` is asked for its page by a new connection. Phases and faults are those of `haidang_reach.faults`; the
phase that fails is the part at fault: name (`resolve`), path (`connect`), TLS, server (`processing`, `transfer`) or
`content`. A phase that was not come to has no sample.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample
from haidang_agent.tables import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_reach.answer import Answer

log = logging.getLogger(__name__)

UP = Metric("school_service_up", "1 if the service got through the phase, 0 if it failed there.", ("service", "phase"))
SECONDS = Metric(
    "school_service_duration_seconds",
    "How long the phase took, summed up over redirects; absent where it was not got through.",
    ("service", "phase"),
)
FAULT = Metric("school_service_fault", "1 for what is at fault now; absent where nothing is.", ("service", "fault"))
STATUS = Metric("school_service_http_status", "Status of the last answer.", ("service",))
VERSION = Metric("school_service_ip_version", "By which version of IP it was reached, 4 or 6.", ("service",))

A_ROUND, A_WHILE, MOST_SPREAD = Seconds(60.0), Seconds(10.0), Seconds(45.0)
LONGEST_TIMEOUT, LONGEST_EVERY = 12.0, 1800.0
"""A round ends before the next begins; rules look at services every half hour."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Each service is asked once in `every`, at its own random moment within `spread` of a round of a minute.

    `timeout` is for one service, redirects and all. `proxy` is `http://name:port`, which is then asked for every page
    (RFC 9110, CONNECT); the environment's variables are not looked at. `ca` is a PEM file of further authorities.
    """

    timeout: Seconds = A_WHILE
    spread: Seconds = MOST_SPREAD
    every: Seconds = A_ROUND
    proxy: str = ""
    ca: str = ""


class Services:
    """Keeps what each service answered last, for those that are not asked in every round."""

    def __init__(self, settings: Settings, host: Host) -> None:
        if not host.watch.service:
            raise NothingToMeasureError("there is no [[service]]")
        from haidang_agent.services.asking import Asker  # noqa: PLC0415 - TLS, for sites with services

        _check(settings)
        self._host, self._answers = host, dict[str, "Answer"]()
        try:
            self._asker = Asker(
                host.watch.service,
                timeout=settings.timeout,
                spread=settings.spread if host.state_dir else 0.0,  # who asks by a command waits for it
                every=settings.every,
                proxy=settings.proxy,
                ca=settings.ca,
                now=self._now,
            )
        except ValueError as wrong:
            raise ProbeError("misconfigured", str(wrong)) from wrong

    def collect(self) -> Iterator[Sample]:
        """One round; it takes up to 57 s."""
        for name, answer in self._asker.round().items():
            before = self._answers.get(name)
            if answer.fault is not None and (before is None or before.fault != answer.fault):
                log.warning("service %s: %s: %s", name, answer.fault, answer.detail)
            elif answer.fault is None and before is not None and before.fault is not None:
                log.info("service %s is usable again", name)
            self._answers[name] = answer
        for name, answer in self._answers.items():
            yield from _samples(name, answer)

    def close(self) -> None:
        self._asker.close()

    def _now(self) -> float:
        return self._host.time.moment().unix


def _check(settings: Settings) -> None:
    bounds = (("timeout", 0.1, LONGEST_TIMEOUT), ("spread", 0.0, MOST_SPREAD), ("every", A_ROUND, LONGEST_EVERY))
    for key, least, most in bounds:
        value = getattr(settings, key)
        if not least <= value <= most:
            text = f'[probes.services] {key} = {value:g} s: must be from "{least:g}s" to "{most:g}s"'
            raise ProbeError("misconfigured", text)


def _samples(name: str, answer: Answer) -> Iterator[Sample]:
    for phase, got_through in answer.passed().items():
        yield Sample(UP, float(got_through), (name, phase))
        if got_through and phase in answer.seconds:
            yield Sample(SECONDS, answer.seconds[phase], (name, phase))
    if answer.fault is not None:
        yield Sample(FAULT, 1.0, (name, answer.fault))
    if answer.status is not None:
        yield Sample(STATUS, float(answer.status), (name,))
    if answer.version is not None:
        yield Sample(VERSION, float(answer.version), (name,))


PROBE = Probe(
    name="services",
    start=Services,
    settings=Settings,
    metrics=(UP, SECONDS, FAULT, STATUS, VERSION),
    every_seconds=60,
    timeout_seconds=58,
    roles=frozenset({"site"}),
)
