"""Series of a simulated past into a store: as blocks that promtool makes for Prometheus, or by VictoriaMetrics' import.

A Prometheus takes samples by remote write of the last 31 days only (as `haidang up` starts it), and none into blocks
that are in use: so its folder must be empty, and nothing is in it until all is.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, Protocol

from haidang_collector.simulate.grid import WINDOW
from haidang_collector.supervisor.trial import UNIT as TRIAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from haidang_collector.simulate.grid import Grid
    from haidang_collector.simulate.series import Pace, Series

HOUR, MEBIBYTE = 3600, 1 << 20
ANSWER_SECONDS = 600.0
OF_UNITS = f'{{unit!="",unit!="{TRIAL}"}}'
"""The unit that `haidang up` makes for its own machine is no hindrance."""
LONGEST_ANSWER = 2000


class BackfillError(OSError):
    """The store cannot be filled; the text says why and what to do."""


class Filled(NamedTuple):
    """`samples` of `series`; `size`: what they take on disk, None where the store does not tell."""

    samples: int
    series: int
    seconds: float
    size: int | None


class Store(Protocol):
    """What takes the past, one window of time after another."""

    def head(self, series: Series) -> str:
        """What stands before the values of a series."""

    def line(self, head: str, times: Sequence[str], runs: Sequence[tuple[int, int, float]]) -> str:
        """The values of a window."""

    def put(self, parts: Iterator[str]) -> None:
        """A window. Raises BackfillError."""

    def finish(self) -> int | None:
        """All was put; the size of it. Raises BackfillError."""


def fill(found: Iterable[Series], grid: Grid, store: Store, progress: Callable[[int, float], None]) -> Filled:
    """Write all; `progress` hears of samples so far, and of the share that is done. Raises BackfillError."""
    began, samples = time.monotonic(), 0
    lines = [(series, store.head(series)) for series in found]
    windows = list(grid.windows())
    for number, (begin, end) in enumerate(windows, start=1):
        counted = [0]
        store.put(_window(lines, grid, store, begin, end, counted))
        samples += counted[0]
        progress(samples, number / len(windows))
    size = store.finish()
    return Filled(samples, len(lines), round(time.monotonic() - began, 1), size)


def _window(
    lines: Sequence[tuple[Series, str]], grid: Grid, store: Store, begin: int, end: int, counted: list[int]
) -> Iterator[str]:
    known: dict[Pace, tuple[Sequence[int], Sequence[str]]] = {}
    for series, head in lines:
        if series.pace not in known:
            times = grid.times(series.pace, begin, end)
            known[series.pace] = (times, list(map(str, times)))
        times, texts = known[series.pace]
        if times and (runs := list(series.runs(times))):
            counted[0] += sum(until - start for start, until, _ in runs)
            yield store.line(head, texts, runs)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _in_large_pieces(parts: Iterator[str]) -> Iterator[bytes]:
    """Of a mebibyte and a line."""
    piece = bytearray()
    for part in parts:
        piece += part.encode()
        if len(piece) >= MEBIBYTE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


class Blocks:
    """Blocks for a Prometheus that does not run; `folder` is its --storage.tsdb.path, and empty."""

    def __init__(self, folder: Path) -> None:
        """Raises BackfillError."""
        if folder.is_dir() and any(folder.iterdir()):
            raise BackfillError(
                f"{folder} holds data already; a past is written into an empty store only: give a new --data folder, "
                "fill it before `haidang up` runs there"
            )
        program = shutil.which("promtool")
        if program is None:
            raise BackfillError("promtool is not on PATH; on Debian it comes with: apt-get install prometheus")
        self._program, self._folder = program, folder
        self._draft = folder.with_name(f"{folder.name}.past")
        self._pool = ThreadPoolExecutor(1)
        self._under_way: Future[None] | None = None
        self._number = 0

    def head(self, series: Series) -> str:
        labels = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in series.labels)
        return f"{series.name}{{{labels}}} "

    def line(self, head: str, times: Sequence[str], runs: Sequence[tuple[int, int, float]]) -> str:
        parts = []
        for start, until, value in runs:
            before = f"{head}{_number(value)} "
            parts.append(before + f"\n{before}".join(times[start:until]) + "\n")
        return "".join(parts)

    def put(self, parts: Iterator[str]) -> None:
        """While promtool works on one window the next is written."""
        if not self._number:
            shutil.rmtree(self._draft, ignore_errors=True)
            self._draft.mkdir(parents=True)
        self._number += 1
        text = self._draft / f"{self._number}.txt"
        with text.open("w", encoding="utf-8") as out:
            out.writelines(parts)
            out.write("# EOF\n")
        self._wait()
        self._under_way = self._pool.submit(self._make_block, text)

    def finish(self) -> int:
        self._wait()
        self._pool.shutdown()
        if self._folder.is_dir():
            self._folder.rmdir()
        self._draft.rename(self._folder)
        return sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())

    def _wait(self) -> None:
        if self._under_way is not None:
            self._under_way.result()

    def _make_block(self, text: Path) -> None:
        command = [self._program, "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
        longest = f"--max-block-duration={WINDOW // HOUR}h"
        done = subprocess.run(  # noqa: S603 - the store's own program
            [*command, longest, text, self._draft], capture_output=True, text=True, check=False
        )
        text.unlink()
        if done.returncode:
            raise BackfillError(f"promtool: {(done.stderr or done.stdout).strip()[-LONGEST_ANSWER:]}")


class Victoria:
    """A VictoriaMetrics that runs at `url`, single node."""

    def __init__(self, url: str) -> None:
        """Raises BackfillError."""
        try:
            parts = urllib.parse.urlsplit(url)
            port = parts.port or 80
        except ValueError as wrong:
            raise BackfillError(f"{url}: {wrong}; write it as http://127.0.0.1:8428") from None
        if parts.scheme != "http" or not parts.hostname:
            raise BackfillError(f"{url}: write it as http://127.0.0.1:8428")
        self._host, self._port, self._path = parts.hostname, port, parts.path.rstrip("/")
        asked = urllib.parse.urlencode({"match[]": OF_UNITS, "start": "-400d", "limit": "1"})
        try:
            units = [series["unit"] for series in json.loads(self._ask("GET", f"/api/v1/series?{asked}"))["data"]]
        except (ValueError, KeyError, TypeError):
            raise BackfillError(f"{url} does not answer as a VictoriaMetrics; is it the right address?") from None
        if units:
            raise BackfillError(
                f"{url} holds series of units already, as {units[0]!r}; a past is written once only, and never among "
                "real units"
            )

    def head(self, series: Series) -> str:
        metric = {"__name__": series.name, **dict(series.labels)}
        return f'{{"metric":{json.dumps(metric, ensure_ascii=False)},"values":['

    def line(self, head: str, times: Sequence[str], runs: Sequence[tuple[int, int, float]]) -> str:
        values = ",".join(",".join([_number(value)] * (until - start)) for start, until, value in runs)
        stamps = "000,".join(text for start, until, _ in runs for text in times[start:until])
        return f'{head}{values}],"timestamps":[{stamps}000]}}\n'

    def put(self, parts: Iterator[str]) -> None:
        self._ask("POST", "/api/v1/import", _in_large_pieces(parts))

    def finish(self) -> None:
        """Answers that were kept from before know nothing of it."""
        self._ask("GET", "/internal/resetRollupResultCache")

    def _ask(self, method: str, path: str, body: Iterable[bytes] | None = None) -> bytes:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, f"{self._path}{path}", body, encode_chunked=body is not None,
                               headers={"Transfer-Encoding": "chunked"} if body is not None else {})  # fmt: skip
            answer = connection.getresponse()
            said = answer.read(MEBIBYTE)
        except (OSError, http.client.HTTPException) as failed:
            raise BackfillError(f"http://{self._host}:{self._port}: {failed or type(failed).__name__}") from None
        finally:
            connection.close()
        if answer.status >= http.client.MULTIPLE_CHOICES:
            text = said[:LONGEST_ANSWER].decode(errors="replace")
            raise BackfillError(f"http://{self._host}:{self._port}{path} answered {answer.status}: {text}")
        return said
