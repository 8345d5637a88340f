"""One of the processes that serve together: which one it is, and how their counts are put together.

What they count stands in files that all of them map into memory, each its own (prometheus_client's multiprocess mode).
The files go by the worker's number and not by its process: who is started again in the place of one that was killed
counts on from where that one was, so that no counter ever goes back.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNTS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(frozen=True, slots=True)
class Worker:
    """`number` from 1 on. `started`: when the first of them was, Unix seconds.

    `counts`: the folder of what all of them count; None: there is this one only.
    """

    number: int = 1
    started: float = field(default_factory=time.time)
    counts: Path | None = None

    @property
    def does_the_rounds(self) -> bool:
        """Whether what one process is to do for all of them is this one's."""
        return self.number == 1

    def count_with_others(self) -> None:
        """Before the first metric of this process is made."""
        if self.counts is not None:
            os.environ[COUNTS_VARIABLE] = str(self.counts)
            values.ValueClass = values.MultiProcessValue(lambda: self.number)  # type: ignore[no-untyped-call]  # no types

    def of_all(self, own: CollectorRegistry) -> CollectorRegistry:
        """What /metrics shows, where `own` is what this process counts: sums, and each process' own costs."""
        if self.counts is None:
            return own
        shown = CollectorRegistry()
        MultiProcessCollector(shown, str(self.counts))  # type: ignore[no-untyped-call]  # as above
        shown.register(Processes(self.counts))
        return shown


class Processes(Collector):
    """`process_*` of every worker, by its number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for file in sorted(self._folder.glob("*.pid")):
            number, pid = file.stem.split(".")
            for one in ProcessCollector(pid=lambda of=pid: of, registry=None).collect():  # type: ignore[misc]
                family = families.setdefault(one.name, Metric(one.name, one.documentation, one.type))
                for sample in one.samples:
                    family.add_sample(sample.name, sample.labels | {"worker": number}, sample.value)
        yield from families.values()


def note(folder: Path, number: int, pid: int) -> Path:
    """Makes the process known to `Processes`, until the file that is returned is removed."""
    file = folder / f"{number}.{pid}.pid"
    file.touch()
    return file
