"""Runs probes and keeps what they measured last. The only place that catches what a probe raises."""

from __future__ import annotations

import logging
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from haidang_agent.probe import Metric, NothingToMeasureError, ProbeError, Reason, Sample, Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from haidang_agent.config import Config
    from haidang_agent.probe import AnyProbe, Collector, Host

log = logging.getLogger(__name__)

REASONS: tuple[Reason, ...] = get_args(Reason)
FRESH_INTERVALS = 3.0
"""A probe's samples are reported until it has been silent for so many of its intervals (and two pushes)."""

SUCCESS = Metric("haidang_probe_success", "1 if the probe's last run measured, 0 if it failed.", ("probe",))
DURATION = Metric("haidang_probe_duration_seconds", "How long the probe's last run took.", ("probe",))
FAILED = Metric(
    "haidang_probe_failed", "1 for the reason the probe's last run failed for, else 0.", ("probe", "reason")
)
OVERRUNS = Metric("haidang_probe_overruns_total", "Runs left out: the one before still ran.", ("probe",), "counter")
METRICS = (SUCCESS, DURATION, FAILED, OVERRUNS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A probe's last run: `at` in monotonic seconds; `reason` and `detail` empty where it went well."""

    samples: tuple[Sample, ...]
    at: float
    duration: float
    reason: Reason | None = None
    detail: str = ""
    absent: bool = False


class Runner:
    """Starts the probes that this machine's roles and configuration name. Thread-safe."""

    def __init__(self, probes: Mapping[str, AnyProbe], config: Config, host: Host) -> None:
        watch = Watch(
            roles=config.agent.roles,
            use=config.agent.use,
            room=config.agent.lab,
            unit_key=bytes.fromhex(config.privacy.unit_key),
            server=config.server,
            wan=config.wan,
            lab=config.lab,
            snmp=config.snmp,
            service=config.service,
            portal=config.portal,
        )
        self._host = replace(host, watch=watch)
        self._freshest = 2 * config.agent.push_interval
        self._lock = threading.Lock()
        self._outcomes: dict[str, Outcome] = {}
        self._under_way: dict[str, float] = {}
        self._collectors: dict[str, Collector] = {}
        self._closed = False
        self.probes = {name: probe for name, probe in probes.items() if wanted(probe, config)}
        for name in self.probes:
            self._host.totals.add(OVERRUNS, 0, (name,))
        self._settings = config.probes

    def run(self, name: str) -> Outcome:
        """Run one probe once; never raises for what the probe does."""
        probe = self.probes[name]
        began = time.monotonic()
        with self._lock:
            self._under_way[name] = began
        outcome = Outcome((), began, 0.0)
        try:
            samples = tuple(self._collector(name, probe).collect())
            _check(samples, probe)
            outcome = replace(outcome, samples=samples)
        except NothingToMeasureError as absent:
            outcome = replace(outcome, absent=True, detail=str(absent))
        except ProbeError as failed:
            outcome = replace(outcome, reason=failed.reason, detail=failed.detail)
        except Exception as crash:
            outcome = replace(outcome, reason="bug", detail=repr(crash))
            log.debug("probe %s crashed", name, exc_info=True)
        now = time.monotonic()
        outcome = replace(outcome, at=now, duration=now - began)
        self._keep(name, outcome)
        return outcome

    def overran(self, name: str) -> None:
        """A run was left out because the one before was not done."""
        self._host.totals.add(OVERRUNS, 1, (name,))

    def outcomes(self) -> dict[str, Outcome]:
        """The last run of each probe that had one; one that hangs failed by `timeout`."""
        now = time.monotonic()
        with self._lock:
            hanging = {name: began for name, began in self._under_way.items() if now - began > self._patience(name)}
            return self._outcomes | {name: Outcome((), now, now - began, "timeout") for name, began in hanging.items()}

    def complete(self) -> bool:
        """Every probe had its first run, or hangs in it."""
        return len(self.outcomes()) == len(self.probes)

    def samples(self) -> Iterable[Sample]:
        """What is known now: fresh samples of every probe, and how the probes fare."""
        for name, probe in self.probes.items():
            if probe.live and name in self._collectors:
                self.run(name)
        now = time.monotonic()
        for name, outcome in self.outcomes().items():
            fresh = max(FRESH_INTERVALS * self.probes[name].every_seconds, self._freshest)
            if now - outcome.at <= fresh:
                yield from outcome.samples
                yield Sample(DURATION, outcome.duration, (name,))
            yield Sample(SUCCESS, float(outcome.reason is None and now - outcome.at <= fresh), (name,))
            for reason in REASONS:
                yield Sample(FAILED, float(reason == outcome.reason), (name, reason))
            yield self._host.totals.sample(OVERRUNS, (name,))

    def close(self) -> None:
        """What was measured last is still told."""
        with self._lock:
            self._closed = True
            started = list(self._collectors.values())
            self._collectors.clear()
        for collector in started:
            collector.close()

    def _collector(self, name: str, probe: AnyProbe) -> Collector:
        if name not in self._collectors:
            if sys.platform not in probe.platforms:
                raise ProbeError("unsupported", f"not on {sys.platform}")
            started = probe.start(self._settings[name], self._host)
            with self._lock:
                if not self._closed:
                    self._collectors[name] = started
                    return started
            started.close()
            raise NothingToMeasureError("closed while it was being started")
        return self._collectors[name]

    def _patience(self, name: str) -> float:
        """A run that outlasts its time a little still counts: its samples are as good."""
        return self.probes[name].timeout_seconds + self._freshest

    def _keep(self, name: str, outcome: Outcome) -> None:
        with self._lock:
            self._under_way.pop(name, None)
            if self._closed:
                return
            before = self._outcomes.get(name)
            self._outcomes[name] = outcome
        if outcome.reason != (before.reason if before else None):
            if outcome.reason is None:
                log.info("probe %s measures again", name)
            else:
                log.warning("probe %s failed: %s: %s", name, outcome.reason, outcome.detail)


def wanted(probe: AnyProbe, config: Config) -> bool:
    """By its name in `[agent] probes`, or where that is empty by a role of this machine."""
    chosen = config.agent.probes
    return probe.name in chosen if chosen else bool(probe.roles.intersection(config.agent.roles))


def _check(samples: tuple[Sample, ...], probe: AnyProbe) -> None:
    """Raises ValueError for what would spoil the snapshot for the other probes."""
    declared = {metric.name: metric for metric in probe.metrics}
    for metric, value, labels in samples:
        if declared.get(metric.name) != metric:
            raise ValueError(f"{metric.name} is not among the metrics that the probe declares")
        if len(labels) != len(metric.labels) or not all(isinstance(label, str) for label in labels):
            raise ValueError(f"{metric.name}: {labels!r} are no values of the labels {metric.labels!r}")
        if not isinstance(value, (int, float)):
            raise ValueError(f"{metric.name}: {value!r} is no number")
    if len({(sample.metric.name, sample.labels) for sample in samples}) < len(samples):
        raise ValueError("the probe gave two values for one series")
