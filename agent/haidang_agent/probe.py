"""What a probe is: the only module of ours, with `platform`, that the files under `probes/` import.

A probe declares everything about itself in one `PROBE`; the runner calls it and is the only one that catches.
It has three outcomes: samples, `NothingToMeasureError` (there is no such thing here: healthy) and `ProbeError`.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from haidang_agent.tables import Lab, Portal, Server, Service, Snmp, Wan

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
    part_of: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """A family of cumulative buckets (`le` is their upper bound), sum and count: three metrics of one name."""

    name: str
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]

    @property
    def metrics(self) -> tuple[Metric, Metric, Metric]:
        """`_bucket`, `_sum` and `_count`."""
        return _parts(self)


@cache
def _parts(histogram: Histogram) -> tuple[Metric, Metric, Metric]:
    name, text, labels = histogram.name, histogram.help, histogram.labels
    return (
        Metric(f"{name}_bucket", text, (*labels, "le"), "counter", histogram),
        Metric(f"{name}_sum", text, labels, "counter", histogram),
        Metric(f"{name}_count", text, labels, "counter", histogram),
    )


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

    def observe(self, histogram: Histogram, value: float, labels: tuple[str, ...]) -> None:
        """Count `value` into its buckets."""
        bucket, total, count = histogram.metrics
        for bound in (*histogram.bounds, math.inf):
            self.add(bucket, float(value <= bound), (*labels, _bound(bound)))
        self.add(total, value, labels)
        self.add(count, 1, labels)

    def histogram(self, histogram: Histogram, labels: tuple[str, ...]) -> Iterator[Sample]:
        """All samples of the histogram, 0 where nothing was observed yet."""
        bucket, total, count = histogram.metrics
        for bound in (*histogram.bounds, math.inf):
            yield self.sample(bucket, (*labels, _bound(bound)))
        yield self.sample(total, labels)
        yield self.sample(count, labels)

    def copy(self) -> dict[str, float]:
        """All counters by series text, as the outbox stores them."""
        with self._lock:
            return dict(self._values)

    @staticmethod
    def _key(metric: Metric, labels: tuple[str, ...]) -> str:
        return "\x1f".join((metric.name, *labels))


def _bound(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else repr(bound)


class Evidence:
    """What probes let one another know: facts by kind and subject, the newest only, and none beyond its time.

    A kind is written by one probe and named in its module; who reads it takes nothing for granted. Thread-safe.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._facts: dict[tuple[str, str], tuple[Any, float]] = {}
        self._listeners: list[Callable[[str], None]] = []

    def tell(self, kind: str, subject: str, fact: object, lasts_seconds: float) -> None:
        """`fact` holds for so long, unless another is told before."""
        before = self.ask(kind, subject)
        self._facts[kind, subject] = (fact, self._now() + lasts_seconds)
        if fact != before:
            for listener in tuple(self._listeners):
                listener(kind)

    def ask(self, kind: str, subject: str = "") -> Any:
        """The fact, or None where none is known now."""
        fact, until = self._facts.get((kind, subject), (None, 0.0))
        return fact if self._now() <= until else None

    def listen(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """`listener` gets the kind when another fact is told, in the teller's thread; what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


class Memory:
    """What a probe must know after a restart, as JSON by key; stored in the same transaction as each snapshot.

    Thread-safe. A value is replaced as a whole, never changed in place.
    """

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        self._values = dict(stored or {})

    def recall(self, key: str) -> Any:
        """None where nothing was kept."""
        return self._values.get(key)

    def keep(self, key: str, value: object) -> None:
        self._values[key] = value

    def copy(self) -> dict[str, Any]:
        return dict(self._values)


class Moment(NamedTuple):
    """When something was, in seconds: on the monotonic clock of the boot `boot`, and by the machine's own clock.

    `centre` is the centre's time, None where that was not known yet.
    """

    boot: str
    monotonic: float
    wall: float
    centre: float | None

    @property
    def unix(self) -> float:
        """The centre's time, the machine's own where that is not known."""
        return self.wall if self.centre is None else self.centre


class Timekeeper(Protocol):
    """The agent's clock, as far as probes need it."""

    def moment(self) -> Moment:
        """Now."""


class MachineTime:
    """Only the machine's own clock: for commands and tests; the running agent knows the centre's time."""

    def moment(self) -> Moment:
        return Moment("", time.monotonic(), time.time(), None)


@dataclass(frozen=True, slots=True)
class Watch:
    """The tables that say what is there to watch (agent.toml, or the centre).

    `use` and `room` are what this machine is for and the lab it was told to be in; `unit_key` is secret, empty
    where it is not known.
    """

    roles: tuple[Role, ...] = ()
    use: str = ""
    room: str = ""
    unit_key: bytes = field(default=b"", repr=False)
    server: Server | None = None
    wan: tuple[Wan, ...] = ()
    lab: tuple[Lab, ...] = ()
    snmp: tuple[Snmp, ...] = ()
    service: tuple[Service, ...] = ()
    portal: Portal | None = None

    @property
    def outside(self) -> frozenset[str]:
        """Interfaces that lead to an ISP: who stands there is not the school's, and is neither asked nor watched."""
        return frozenset(name for line in self.wan for name in (line.interface, line.port) if name)


@dataclass(frozen=True, slots=True)
class Host:
    """The machine a probe looks at, and what it is told to watch; tests hand in captured trees.

    `state_dir` is the agent's folder for what must stay at the school; None for commands: nothing is written then.
    """

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    totals: Totals = field(default_factory=Totals)
    evidence: Evidence = field(default_factory=Evidence)
    memory: Memory = field(default_factory=Memory)
    time: Timekeeper = field(default_factory=MachineTime)
    watch: Watch = field(default_factory=Watch)
    state_dir: Path | None = None


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
    live: bool = False
    """Measures in a thread of its own: `collect` only tells, and is asked again whenever somebody looks."""


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
