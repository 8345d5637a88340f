"""GET /metrics: for scrapers that behave, and those that do not."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.error import HTTPError

import pytest
from haidang_agent.metrics_server import MetricsServer
from haidang_agent.probe import Metric, Sample

from tests.servers import get

UP = Metric("school_trial_up", "1 if up.")


def one() -> Iterable[Sample]:
    return [Sample(UP, 1.0)]


@contextmanager
def serving(listen: str = "127.0.0.1:0", samples=one) -> Iterator[MetricsServer]:
    server = MetricsServer(listen, samples)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(("listen", "host"), [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]")])
def test_metrics_on_either_address_family(listen: str, host: str) -> None:
    with serving(listen) as server:
        assert b"school_trial_up 1.0\n" in get(f"http://{host}:{server.port}/metrics?x=1")


def test_any_other_path_is_not_found() -> None:
    with serving() as server, pytest.raises(HTTPError, match="404") as refused:
        get(f"http://127.0.0.1:{server.port}/")
    refused.value.close()


def test_a_scraper_that_leaves_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    def many() -> Iterable[Sample]:
        return (Sample(Metric(f"school_trial_{number}", "x" * 1000), 1.0) for number in range(10_000))

    with serving(samples=many) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as leaver:
            leaver.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            leaver.recv(10)
        with socket.create_connection(("127.0.0.1", server.port)):
            pass
        assert get(f"http://127.0.0.1:{server.port}/metrics")
    assert "Traceback" not in capfd.readouterr().err


def test_a_crash_is_logged_and_the_next_scrape_answered(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([ZeroDivisionError, one])

    def crashes() -> Iterable[Sample]:
        return next(answers)()

    with serving(samples=lambda: _raised(crashes())) as server:
        with pytest.raises(OSError, match="closed connection"):
            get(f"http://127.0.0.1:{server.port}/metrics")
        assert get(f"http://127.0.0.1:{server.port}/metrics")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def _raised(what: object) -> Iterable[Sample]:
    if isinstance(what, Exception):
        raise what
    return what
