"""What a second worker adds: the identities of 50,000 agents against the ingest alone, into a sink that only answers.

Each pushes twice, as fast as they are answered on few connections: first as somebody new, then as one whose series are
known. Then once more, paced, on as many connections as this machine's limit of open files allows: every 15 s, or at
half of what was just seen where that is less.

With two cores, the senders and the sink take part of what a second worker could use: their time is told as well.
"""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import sys
import tempfile
import time
from array import array
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from haidang_agent.wire import encode
from haidang_collector.registry.credentials import secret_hash
from haidang_collector.registry.database import Database
from haidang_collector.registry.models import Agent, Unit
from sqlalchemy import insert

from benchmarks import senders
from benchmarks.ingest import MILLION, Behind, layout, running, sink
from benchmarks.measure import cpu_seconds, fetch, rss_mib, scaled, wait_for
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AGENTS, SERIES, PER_UNIT = 50_000, 40, 20
PUSHES = 2
FEW_CONNECTIONS = 64
PUSH_SECONDS = 15
SPARE_FILES = 200
MOST_CONNECTIONS = 18_000
"""Of the 20,000 that the collector lets in; and a client's address has some 28,000 ports. Each is used every 15 s."""
BIN = Path(sys.executable).parent


def main(_: float) -> None:
    agents = scaled(AGENTS)
    with tempfile.TemporaryDirectory(prefix="haidang-bench-") as text, sink(Path(text)) as store:
        folder = Path(text)
        keys = enrol(database(folder), agents)
        for workers in (1, 2):
            with collector(folder, store, workers) as (port, parent):
                most = _as_fast_as_answered(port, keys, parent, store, folder)
                _paced(port, keys, parent, folder, min(agents / PUSH_SECONDS, most / 2))


def _as_fast_as_answered(port: int, keys: Sequence[str], parent: psutil.Process, store: Behind, folder: Path) -> float:
    """Requests per second."""
    body = _body()
    each = [[senders.request(key, body) for key in keys[number::FEW_CONNECTIONS]] for number in range(FEW_CONNECTIONS)]
    rows = [PUSHES * requests for requests in each]
    before, sink_before, senders_before = _seconds(parent), cpu_seconds(store.pid), _children_seconds()
    outcome = senders.send(port, rows, folder / "plan")
    ours = [now - then for now, then in zip(_seconds(parent), before, strict=True)]
    requests = PUSHES * len(keys)
    samples = requests * SERIES
    print(
        f"{len(ours)} worker(s): {PUSHES} pushes of {len(keys):,} agents, {SERIES} series, on {FEW_CONNECTIONS}: "
        f"{samples / outcome.seconds:,.0f} samples/s ({requests / outcome.seconds:,.0f} requests/s), "
        f"p50 {outcome.p50_ms:.0f} ms, p99 {outcome.p99_ms:.0f} ms, answers {dict(outcome.answers)}; "
        f"CPU s: workers {' + '.join(f'{each:.1f}' for each in ours)} "
        f"({sum(ours) / samples * MILLION:.1f} per million samples), sink {cpu_seconds(store.pid) - sink_before:.1f}, "
        f"senders {_children_seconds() - senders_before:.1f}",
        flush=True,
    )
    return requests / outcome.seconds


def _paced(port: int, keys: Sequence[str], parent: psutil.Process, folder: Path, rate: float) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connections = min(len(keys), MOST_CONNECTIONS, hard - SPARE_FILES, int(rate * PUSH_SECONDS))
    body = _body()
    rows = [[senders.request(key, body) for key in keys[number::connections]] for number in range(connections)]
    own = _files(parent)
    sending = senders.start(port, rows, folder / "plan", rate)
    all_open = sum(own) + connections
    wait_for("connections", lambda: sum(_files(parent)) >= all_open or sending.poll() is not None, seconds=120)
    shares = [files - before for files, before in zip(_files(parent), own, strict=True)]
    outcome = senders.collect(sending)
    memory = " + ".join(f"{rss_mib(each.pid):.0f}" for each in _workers(parent))
    print(
        f"{'':13}{rate:,.0f} requests/s ({rate * SERIES:,.0f} samples/s) on {connections:,} connections "
        f"({' + '.join(map(str, shares))}): p50 {outcome.p50_ms:.1f} ms, p99 {outcome.p99_ms:.1f} ms, "
        f"worst {outcome.worst_ms:.0f} ms, answers {dict(outcome.answers)}; memory {memory} MiB",
        flush=True,
    )


def _body() -> bytes:
    """One snapshot, of now."""
    return encode(layout(SERIES), [int(time.time() * 1000)], [array("d", range(SERIES))])


def enrol(url: str, count: int) -> list[str]:
    """So many agents, written at once; their Authorization headers."""
    keys = [(f"a-{number:012}", secrets.token_urlsafe(32)) for number in range(count)]
    units = [{"code": f"U-{number}", "name": "x", "district": f"Q{number % 24}", "level": "primary", "students": {}}
             for number in range(count // PER_UNIT + 1)]  # fmt: skip
    rows = [
        {
            "id": name, "unit": f"U-{number // PER_UNIT}", "key_hash": secret_hash(key), "roles": "host",
            "version": "0", "os": "linux", "enrolled_at": datetime.now(UTC), "stopped": False,
            "new_key_wanted": False,
        }
        for number, (name, key) in enumerate(keys)
    ]  # fmt: skip
    with contextlib.closing(Database(url)) as database:
        database.prepare()
        with database.write() as session:
            session.execute(insert(Unit), units)
            session.execute(insert(Agent), rows)
    return [f"Bearer {name}.{key}" for name, key in keys]


def database(folder: Path) -> str:
    return f"sqlite:///{folder}/haidang.db"


@contextlib.contextmanager
def collector(folder: Path, store: Behind, workers: int) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    environment = {
        **os.environ,
        "HAIDANG_DATABASE_URL": database(folder),
        "HAIDANG_LISTEN": f"127.0.0.1:{port}",
        "HAIDANG_STORE_WRITE_URL": store.write_url,
        "HAIDANG_WORKERS": str(workers),
    }
    with running(folder, f"collector{workers}", [BIN / "haidang", "serve"], environment) as process:
        wait_for("the collector", lambda: bool(fetch(f"http://127.0.0.1:{port}/healthz")))
        yield port, psutil.Process(process.pid)


def _workers(parent: psutil.Process) -> list[psutil.Process]:
    """A collector alone has no children."""
    return parent.children() or [parent]


def _seconds(parent: psutil.Process) -> list[float]:
    return [cpu_seconds(each.pid) for each in _workers(parent)]


def _children_seconds() -> float:
    """Of the senders: this process waits for no other child meanwhile."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _files(parent: psutil.Process) -> list[int]:
    """That each worker has open."""
    return [each.num_fds() for each in _workers(parent)]
