"""2,500 portals as the centre looks at them, on one core: real pages of 60 KB with a feed each, by TLS, from nginx."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_collector.centre.looking import NAMES_AT_ONCE, PortalSeen, Round
from haidang_collector.centre.records import targets
from haidang_collector.registry.models import Portal, Unit
from haidang_collector.registry.store import Registry
from haidang_reach.connecting import trusting
from haidang_reach.exchange import Way
from haidang_reach.resolving import Resolver

from benchmarks.measure import MIB, wait_for
from tests.agent.intrusion.authority import Authority
from tests.reach.feeds import News, at, page, rss
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTALS, TITLES, ITEMS = 2_500, 400, 20
SILENT_EVERY = 50
"""One in so many takes the connection and says nothing: its look lasts until the time is over."""
SECONDS_AT_MOST = 300
NGINX = """\
daemon off; pid {folder}/nginx.pid; error_log stderr crit; worker_processes 1;
events {{ worker_connections 2000; }}
http {{
  access_log off; default_type text/html; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate};
    root {folder};
    rewrite ^/\\d+/$ /page.html; rewrite ^/\\d+/tin.xml$ /tin.xml;
  }}
}}
"""


def main(_: float) -> None:
    with tempfile.TemporaryDirectory(prefix="haidang-bench-") as name, socket.create_server(("127.0.0.1", 0)) as silent:
        folder = Path(name)
        authority = Authority(folder, "bench")
        registry = Registry(f"sqlite:///{folder / 'registry.db'}")
        with _served(folder, authority) as port:
            _register(registry, port, silent.getsockname()[1])
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            for what in ("first round", "second round"):
                _measure(what, registry, authority)
        registry.close()


@contextmanager
def _served(folder: Path, authority: Authority) -> Iterator[int]:
    port = free_port()
    (folder / "tin.xml").write_bytes(rss(News(f"Tin {n} của trường", f"/tin/{n}", at(23, 8, n)) for n in range(ITEMS)))
    head = '<link rel="alternate" type="application/rss+xml" href="tin.xml">'
    titles = (
        f"Bài viết số {number} về hoạt động ngoại khóa, học tập và rèn luyện của trường" for number in range(TITLES)
    )
    (folder / "page.html").write_text(page(titles, head), encoding="utf-8")
    certificate = authority.issue("localhost")
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, certificate=certificate))
    folder.chmod(0o755)
    with subprocess.Popen(["nginx", "-c", str(config)]) as process:
        wait_for("nginx", lambda: _listens(port))
        yield port
        process.terminate()


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def _register(registry: Registry, port: int, silent: int) -> None:
    with registry.database.write() as session:
        for number in range(PORTALS):
            code = f"TH-{number:04}"
            session.add(Unit(code=code, name=code, district=f"Quận {number % 24}", level="primary", students={}))
        session.flush()
        for number in range(PORTALS):
            where = port if number % SILENT_EVERY else silent
            session.add(Portal(unit=f"TH-{number:04}", url=f"https://localhost:{where}/{number}/"))


def _measure(what: str, registry: Registry, authority: Authority) -> None:
    with closing(Resolver(NAMES_AT_ONCE)) as resolver:
        way = Way(resolver, trusting(str(authority.pem)))
        began, cpu, faults, feeds = time.monotonic(), time.process_time(), 0, 0
        for seen in Round(registry.database, way).look(targets(registry.database), {}):
            assert isinstance(seen, PortalSeen)
            faults += seen.look.front.fault is not None
            feeds += seen.look.feed == "valid"
        took, used = time.monotonic() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    print(
        f"{what}: {PORTALS} portals, {faults} down, {feeds} feeds read, in {took:.0f} s of {SECONDS_AT_MOST}; "
        f"{used:.0f} s of one core, {peak:.0f} MiB at most",
        flush=True,
    )
