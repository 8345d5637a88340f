"""What a probe is: the only module of ours, with `platform`, that the files under `probes/` import.

A probe declares everything about itself in one `PROBE`; the runner calls it and is the only one that catches.
It has three outcomes: samples, `NothingToMeasureError` (there is no such thing here: healthy) and `ProbeError`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Reason = Literal["timeout", "denied", "unsupported", "misconfigured", "unreadable", "bug"]
Role = Literal["site", "router", "host"]

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family: base units, `_total` for counters, help that ends in a full stop."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


class Sample(NamedTuple):
    """One measured value; `labels` are the values of `metric.labels`, in that order."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


class NothingToMeasureError(Exception):
    """The thing this probe measures does not exist here. Not a failure: nothing is reported."""


class ProbeError(Exception):
    """The probe could not measure; `reason` comes from a closed set and is reported, `detail` goes to the log."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Totals:
    """Counters that outlive the process: the agent stores them in the same transaction as each snapshot."""

    def __init__(self, stored: dict[str, float] | None = None) -> None:
        self._values = dict(stored or {})
        self._lock = threading.Lock()

    def add(self, metric: Metric, amount: float = 1.0, labels: tuple[str, ...] = ()) -> None:
        """Raise the counter; adding 0 makes it exist, so that its series starts at 0."""
        key = self._key(metric, labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0.0) + amount

    def sample(self, metric: Metric, labels: tuple[str, ...] = ()) -> Sample:
        """The counter as a sample, 0 where nothing was added yet."""
        with self._lock:
            return Sample(metric, self._values.get(self._key(metric, labels), 0.0), labels)

    def copy(self) -> dict[str, float]:
        """All counters by series text, as the outbox stores them."""
        with self._lock:
            return dict(self._values)

    @staticmethod
    def _key(metric: Metric, labels: tuple[str, ...]) -> str:
        return "\x1f".join((metric.name, *labels))


@dataclass(frozen=True, slots=True)
class Host:
    """The machine a probe looks at; tests hand in captured trees."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    totals: Totals = field(default_factory=Totals)


class Collector(Protocol):
    """A started probe."""

    def collect(self) -> Iterable[Sample]:
        """Measure once. All samples or none: an exception discards those already made."""

    def close(self) -> None:
        """Give back sockets and threads."""


@dataclass(frozen=True, slots=True)
class Probe(Generic[S]):
    """Everything the agent needs to know of a probe.

    `settings` is a frozen dataclass whose fields all have defaults: the section `[probes.<name>]`.
    `needs` are Linux capabilities without which part of it cannot work, e.g. `CAP_NET_RAW`.
    """

    name: str
    start: Callable[[S, Host], Collector]
    settings: type[S]
    metrics: tuple[Metric, ...]
    every_seconds: float
    timeout_seconds: float
    roles: frozenset[Role] = frozenset({"site", "router", "host"})
    needs: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset({"linux", "win32"})


AnyProbe = Probe[Any]


@dataclass(frozen=True, slots=True)
class Stateless(Generic[S]):
    """A collector for a probe that is a plain function and keeps nothing between two runs."""

    function: Callable[[S, Host], Iterable[Sample]]
    settings: S
    host: Host

    def collect(self) -> Iterable[Sample]:
        return self.function(self.settings, self.host)

    def close(self) -> None:
        """Nothing to give back."""
