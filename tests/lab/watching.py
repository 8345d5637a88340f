"""Who said what when: a program of its own asks an agent's /metrics twenty times a second and writes down each change.

`python watching.py URL SECONDS FILE`; a line of JSON for every change, times monotonic. `Timeline` reads it back.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import time
import urllib.parse
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.lab.node import Node

EVERY_SECONDS = 0.05
ASK_SECONDS = 2.0
WATCHED = re.compile(
    r"school_(wan_(up|active|carrier|loss_ratio|changes_total|failovers_total|last_failover_duration_seconds)"
    r"|outage(s_total|_active|_seconds_total)|internet_up)\{?"
)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Series(NamedTuple):
    name: str
    labels: frozenset[tuple[str, str]]

    @classmethod
    def read(cls, text: str) -> Self:
        """`name{label="value"}`."""
        name, _, labels = text.partition("{")
        return cls(name, frozenset(pair for pair in LABEL.findall(labels) if pair[1]))

    def label(self, name: str) -> str:
        """Empty where it has none, as Prometheus has it."""
        return dict(self.labels).get(name, "")

    def __str__(self) -> str:
        return self.name + "{" + ",".join(f'{name}="{value}"' for name, value in sorted(self.labels)) + "}"


class Step(NamedTuple):
    """`value` since `at`, None where the series is absent."""

    at: float
    series: Series
    value: float | None
    before: float | None


class Timeline:
    """What was said, by series. Times are those at which the answer had come: a delay is never flattered."""

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self._values: dict[Series, list[tuple[float, float | None]]] = {}
        self.failures: list[tuple[float, str]] = []
        self.until = 0.0
        for record in records:
            self.until = record["at"]
            if "failure" in record:
                self.failures.append((record["at"], record["failure"]))
            for text, value in record.get("changes", {}).items():
                self._values.setdefault(Series.read(text), []).append((record["at"], value))

    @classmethod
    def read(cls, file: Path) -> Self:
        """As far as whole lines are there."""
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        return cls(json.loads(line) for line in lines if line.endswith("\n"))

    def value(self, at: float, name: str, **labels: str) -> float | None:
        """Of the one series with these labels among its own; None where it is absent."""
        values = [value for series, value in self.at(at, name) if set(labels.items()) <= series.labels]
        if len(values) > 1:
            raise LookupError(f"{name} {labels} is several")
        return values[0] if values else None

    def at(self, at: float, name: str) -> list[tuple[Series, float]]:
        """All of that name that were there then."""
        values = ((series, self._at(series, at)) for series in self._of(name))
        return [(series, value) for series, value in values if value is not None]

    def steps(self, name: str, begin: float, end: float) -> list[Step]:
        """Every change of these series within the time, in order."""
        return sorted(self._steps(name, begin, end), key=lambda step: step.at)

    def rises(self, name: str, begin: float, end: float) -> dict[Series, float]:
        """By how much these counters rose within the time; one that was absent was 0."""
        return {
            series: rise
            for series in self._of(name)
            if (rise := (self._at(series, end) or 0.0) - (self._at(series, begin) or 0.0))
        }

    def _of(self, name: str) -> list[Series]:
        return [series for series in self._values if series.name == name]

    def _at(self, series: Series, at: float) -> float | None:
        values = self._values[series]
        place = bisect_right(values, at, key=lambda pair: pair[0])
        return values[place - 1][1] if place else None

    def _steps(self, name: str, begin: float, end: float) -> Iterator[Step]:
        for series in self._of(name):
            before: float | None = None
            for at, value in self._values[series]:
                if begin < at <= end:
                    yield Step(at, series, value, before)
                before = value


class Watcher:
    """Context manager: watches `url` from within the node."""

    def __init__(self, node: Node, url: str, folder: Path) -> None:
        self._node, self._url = node, url
        self._record = folder / "watched.jsonl"

    def __enter__(self) -> Self:
        self._record.write_text("", encoding="utf-8")
        command = [sys.executable, "-IS", __file__, self._url, str(EVERY_SECONDS), str(self._record)]
        self._process = self._node.start(*command)
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            process.terminate()

    def timeline(self) -> Timeline:
        """Until now. Raises RuntimeError where the watching program has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the watcher ended with {self._process.returncode}")
        return Timeline.read(self._record)


def changes(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float | None]:
    gone: dict[str, float | None] = {series: None for series in before if series not in after}
    return gone | {series: value for series, value in after.items() if before.get(series) != value}


def watched(exposition: str) -> dict[str, float]:
    """The series that matter here, by their text."""
    lines = (line.rpartition(" ") for line in exposition.splitlines() if WATCHED.match(line))
    return {series: float(value) for series, _, value in lines}


def ask(url: str) -> str:
    """The text of the answer. Raises OSError or HTTPException."""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", where.path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def main(url: str, seconds: float, file: Path) -> None:
    """Writes a line at least every second, so that who reads it knows how far it goes."""
    known: dict[str, float] = {}
    written = 0.0
    with file.open("a", encoding="utf-8") as out:
        due = time.monotonic()
        while True:
            record: dict[str, Any] = {}
            try:
                seen = watched(ask(url))
                if news := changes(known, seen):
                    record["changes"] = news
                known = seen
            except (OSError, http.client.HTTPException) as failure:
                record["failure"] = f"{type(failure).__name__}: {failure}"
            at = time.monotonic()
            if record or at - written > 1:
                out.write(json.dumps({"at": at} | record) + "\n")
                out.flush()
                written = at
            due = max(due + seconds, at)
            time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
