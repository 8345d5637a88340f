"""The doctor beside the agent that runs: its service, its answer, its outbox, its probes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from haidang_agent import __version__, own_metrics, runner
from haidang_agent.doctor_running import Running
from haidang_agent.doctor_service import judge_service, judge_task
from haidang_agent.metrics_server import MetricsServer
from haidang_agent.platform.windows_service import XML
from haidang_agent.probe import Sample
from haidang_agent.registry import discover
from haidang_agent.tables import Agent

from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_agent.finding import Finding

INFO = Sample(own_metrics.INFO, 1, (__version__, "linux", "site"))
MB = 1 << 20


@contextmanager
def answering(*samples: Sample) -> Iterator[Running]:
    """The doctor beside an agent whose /metrics tells this."""
    server = MetricsServer("127.0.0.1:0", lambda: samples)
    server.start()
    try:
        yield Running(Agent(listen=f"127.0.0.1:{server.port}", outbox_max_mb=10))
    finally:
        server.stop()


def outbox(*, waiting: float = 0, used: float = MB, writable: float = 1, age: float | None = None) -> Sequence[Sample]:
    samples = [
        INFO,
        Sample(own_metrics.OUTBOX_WRITABLE, writable),
        Sample(own_metrics.OUTBOX_SNAPSHOTS, waiting),
        Sample(own_metrics.OUTBOX_BYTES, used),
    ]
    return samples if age is None else [*samples, Sample(own_metrics.OUTBOX_OLDEST, time.time() - age)]


def findings(running: Running) -> dict[str, Finding]:
    return {finding.check: finding for finding in running.findings(enrolled=True)}


@pytest.mark.parametrize(
    ("load", "active", "at_boot", "state", "case"),
    [
        ("loaded", "active", "enabled", "ok", ""),
        ("loaded", "active", "static", "ok", ""),
        ("loaded", "active", "disabled", "warn", "not_at_boot"),
        ("loaded", "active", "enabled-runtime", "warn", "not_at_boot"),
        ("loaded", "active", "", "warn", "not_at_boot"),
        ("loaded", "inactive", "enabled", "fail", "service_stopped"),
        ("loaded", "failed", "enabled", "fail", "service_fails"),
        ("loaded", "activating", "enabled", "fail", "service_fails"),
        ("not-found", "inactive", "", "warn", "no_service"),
        ("masked", "inactive", "masked", "warn", "no_service"),
    ],
)
def test_the_service_as_systemd_shows_it(load: str, active: str, at_boot: str, state: str, case: str) -> None:
    found = judge_service(f"LoadState={load}\nActiveState={active}\nUnitFileState={at_boot}\n")

    assert (found.check, found.state, found.case) == ("service", state, case)


@pytest.mark.parametrize(
    ("text", "found", "state", "case"),
    [
        (XML, True, "ok", ""),
        (XML.replace("<Settings>", "<Settings><Enabled>false</Enabled>"), True, "fail", "task_off"),
        ("", False, "warn", "no_service"),
    ],
    ids=["as installed", "switched off", "none"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_task_as_windows_shows_it(text: str, found: bool, state: str, case: str, encoding: str) -> None:
    told = judge_task(text.encode(encoding).decode(errors="replace"), found=found)

    assert (told.state, told.case) == (state, case)


def test_an_agent_that_runs_is_sound() -> None:
    with answering(*outbox(waiting=2, age=20)) as running:
        found = findings(running)

    assert [(each.check, each.state) for each in found.values()] == [("running agent", "ok"), ("outbox", "ok")]
    assert found["outbox"].found == "2 snapshots wait, 1.0 of 10 MB"


def test_one_that_was_renewed_and_not_restarted() -> None:
    with answering(Sample(own_metrics.INFO, 1, ("0.0.9", "linux", "site")), *outbox()[1:]) as running:
        assert findings(running)["running agent"].case == "restart"


@pytest.mark.parametrize(
    ("samples", "state", "case"),
    [
        (outbox(writable=0), "fail", "outbox_closed"),
        ([INFO], "fail", "outbox_closed"),
        (outbox(waiting=900, used=9.5 * MB, age=90_000), "fail", "outbox_full"),
        (outbox(waiting=900, used=2 * MB, age=1000), "warn", "outbox_waits"),
        (outbox(waiting=0, used=9.9 * MB), "ok", ""),
    ],
    ids=["refused by the disk", "cannot be read", "full", "waits", "large and empty"],
)
def test_the_outbox(samples: Sequence[Sample], state: str, case: str) -> None:
    with answering(*samples) as running:
        found = findings(running)["outbox"]

    assert (found.state, found.case) == (state, case)


def test_no_agent_is_a_fault_once_the_machine_is_enrolled() -> None:
    running = Running(Agent(listen=f"127.0.0.1:{free_port()}"))

    assert [each.case for each in running.findings(enrolled=True)] == ["agent_away"]
    assert [each.state for each in running.findings(enrolled=False)] == ["warn"]


def test_an_agent_that_hides_is_not_called_away() -> None:
    assert [each.case for each in Running(Agent(listen="")).findings(enrolled=True)] == ["agent_hidden"]


def test_another_program_on_the_port() -> None:
    class Another(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"# a printer's page\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Another) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        found = findings(Running(Agent(listen=f"127.0.0.1:{server.server_address[1]}")))
        thread.join()

    assert (found["running agent"].state, found["running agent"].case) == ("fail", "port_taken")
    assert "outbox" not in found


@pytest.mark.parametrize(
    ("reason", "case"), [("denied", "right_missing"), ("timeout", "probe_fails"), ("bug", "probe_fails"), (None, "")]
)
def test_a_probe_is_as_the_running_agent_says(reason: str | None, case: str) -> None:
    """
    Root, who asks, may do more than the service: what this process may do is no evidence then.
    """
    failed = [Sample(runner.FAILED, float(each == reason), ("lan", each)) for each in runner.REASONS]
    with answering(INFO, *failed) as running:
        found = running.probe("lan", discover()["lan"])

    assert (found.probe, found.case) == ("lan", case)
