"""The `services` probe: phases, faults, statuses; what is not known is absent; each at a moment of its own."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from haidang_agent.probe import Host, NothingToMeasureError, ProbeError, Sample, Watch
from haidang_agent.probes.services import PROBE, Services, Settings
from haidang_agent.tables import Seconds, Service

from tests.agent.website.hostile import dripping, saying, serving
from tests.servers import free_port
from tests.waiting import eventually

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nxin chao"
AT_ONCE = Settings(spread=Seconds(0.0), timeout=Seconds(3.0))


@contextlib.contextmanager
def started(*services: Service, settings: Settings = AT_ONCE) -> Iterator[Services]:
    host = Host(watch=Watch(roles=("site",), service=services), state_dir=Path("/khong-co"))
    with contextlib.closing(Services(settings, host)) as probe:
        yield probe


def series(samples: Iterator[Sample]) -> dict[tuple[str, ...], float]:
    return {(metric.name, *labels): value for metric, value, labels in samples}


def measured(*services: Service, settings: Settings = AT_ONCE) -> dict[tuple[str, ...], float]:
    with started(*services, settings=settings) as probe:
        samples = list(probe.collect())
    assert all(sample.metric in PROBE.metrics for sample in samples)
    return series(iter(samples))


def test_a_service_that_is_well() -> None:
    with serving(saying(OK)) as port:
        found = measured(Service("smas", f"http://127.0.0.1:{port}/", match="chao"))

    phases = ("resolve", "connect", "processing", "transfer", "content")
    assert {key: value for key, value in found.items() if key[0] == "school_service_up"} == {
        ("school_service_up", "smas", phase): 1 for phase in phases
    }
    assert {key[2] for key in found if key[0] == "school_service_duration_seconds"} == set(phases) - {"content"}
    assert found["school_service_http_status", "smas"] == 200
    assert found["school_service_ip_version", "smas"] == 4
    assert not any(key[0] == "school_service_fault" for key in found)


def test_each_is_told_apart_and_what_was_not_come_to_is_absent() -> None:
    with (
        serving(saying(OK)) as well,
        serving(saying(b"HTTP/1.1 503 Qua tai\r\n\r\n")) as ill,
        serving(dripping(b"", b"", 1)) as dumb,
    ):
        found = measured(
            Service("well", f"http://127.0.0.1:{well}/"),
            Service("ill", f"http://127.0.0.1:{ill}/"),
            Service("dumb", f"http://127.0.0.1:{dumb}/"),
            Service("gone", f"http://127.0.0.1:{free_port()}/"),
            Service("nameless", "http://khong-co.invalid/"),
            Service("wrong", f"http://127.0.0.1:{well}/", match="tam biet"),
        )

    assert {key[1:] for key in found if key[0] == "school_service_fault"} == {
        ("ill", "status"), ("dumb", "no_answer"), ("gone", "refused"), ("nameless", "name_unknown"),
        ("wrong", "mismatch"),
    }  # fmt: skip
    up = {key[1:]: value for key, value in found.items() if key[0] == "school_service_up"}
    assert {key for key, value in up.items() if not value} == {
        ("ill", "processing"), ("dumb", "processing"), ("gone", "connect"), ("nameless", "resolve"),
        ("wrong", "content"),
    }  # fmt: skip
    assert ("gone", "processing") not in up
    assert ("school_service_duration_seconds", "gone", "connect") not in found, "a failed phase has no duration"
    assert found["school_service_http_status", "ill"] == 503
    assert ("school_service_http_status", "dumb") not in found


def test_each_has_a_moment_of_its_own() -> None:
    asked: list[float] = []
    with serving(lambda connection, over: (asked.append(time.monotonic()), saying(OK)(connection, over))[1]) as port:
        services = [Service(str(number), f"http://127.0.0.1:{port}/") for number in range(8)]
        began = time.monotonic()
        measured(*services, settings=replace(AT_ONCE, spread=Seconds(1.6)))

    assert len(asked) == 8
    assert all(moment - began >= 0.2 * number for number, moment in enumerate(sorted(asked))), asked


def test_a_proxy_is_asked_for_each_page_and_a_silent_one_is_at_fault() -> None:
    service = Service("smas", "http://ten.invalid/", match="chao")
    with serving(saying(OK)) as port:
        found = measured(service, settings=replace(AT_ONCE, proxy=f"http://127.0.0.1:{port}"))
    alone = measured(service, settings=replace(AT_ONCE, proxy=f"http://127.0.0.1:{free_port()}"))

    assert found["school_service_up", "smas", "content"] == 1
    assert alone["school_service_fault", "smas", "proxy"] == 1


def test_who_asks_by_a_command_does_not_wait() -> None:
    with serving(saying(OK)) as port:
        services = tuple(Service(str(number), f"http://127.0.0.1:{port}/") for number in range(20))
        began = time.monotonic()
        with contextlib.closing(Services(Settings(), Host(watch=Watch(service=services)))) as probe:
            list(probe.collect())

    assert time.monotonic() - began < 30


def test_one_that_is_asked_seldom_is_still_told() -> None:
    asked: list[int] = []
    with serving(lambda connection, over: (asked.append(1), saying(OK)(connection, over))[1]) as port:
        settings = replace(AT_ONCE, every=Seconds(180.0))
        with started(Service("smas", f"http://127.0.0.1:{port}/"), settings=settings) as probe:
            rounds = [series(probe.collect()) for _ in range(4)]

    assert all(("school_service_up", "smas", "transfer") in told for told in rounds)
    assert len(asked) == 2, "in the first round, and in one of the next three"


def test_a_fault_is_logged_when_it_begins_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    port = free_port()
    with started(Service("smas", f"http://127.0.0.1:{port}/")) as probe:
        list(probe.collect())
        list(probe.collect())
        with serving(saying(OK), port):
            list(probe.collect())

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "refused" in caplog.text


def test_closing_ends_a_round_at_once() -> None:
    with serving(dripping(b"", b"", 1)) as port:
        probe = Services(
            Settings(timeout=Seconds(12.0)), Host(watch=Watch(service=(Service("a", f"http://127.0.0.1:{port}/"),)))
        )
        running = threading.Thread(target=lambda: list(probe.collect()), daemon=True)
        running.start()
        probe.close()
        eventually("the round is over", lambda: not running.is_alive(), seconds=5, every=0.02)


def test_without_services_there_is_nothing_to_measure() -> None:
    with pytest.raises(NothingToMeasureError):
        Services(Settings(), Host())


@pytest.mark.parametrize(("settings", "url", "named"), [
    (Settings(), "smas.edu.vn", "'smas' url"), (Settings(), "https://u:secret@smas.edu.vn/", "'smas' url"),
    (Settings(timeout=Seconds(30.0)), "https://smas.edu.vn/", "timeout"),
    (Settings(spread=Seconds(600.0)), "https://smas.edu.vn/", "spread"),
    (Settings(every=Seconds(1.0)), "https://smas.edu.vn/", "every"),
    (Settings(proxy="10.0.0.1:3128"), "https://smas.edu.vn/", "proxy"),
    (Settings(proxy="https://10.0.0.1:3128"), "https://smas.edu.vn/", "proxy"),
    (Settings(proxy="http://u:secret@10.0.0.1:3128"), "https://smas.edu.vn/", "proxy"),
    (Settings(ca="/khong/co.pem"), "https://smas.edu.vn/", "ca"),
])  # fmt: skip
def test_what_is_misconfigured(settings: Settings, url: str, named: str) -> None:
    with pytest.raises(ProbeError, match=named) as refused, started(Service("smas", url), settings=settings):
        pass

    assert refused.value.reason == "misconfigured"
    assert "secret" not in str(refused.value)
