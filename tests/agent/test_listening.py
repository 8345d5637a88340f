"""Ports at an address that the machine gets only after the agent has started, as where DHCP is late."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent.listening import Port
from haidang_agent.outbox import Outbox

from tests.agent.machines import Machine
from tests.agent.namespaces import Namespace
from tests.agent.scripted_centre import scripted_centre
from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LATE = "10.77.0.2"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 10).close()"


def test_the_agent_measures_meanwhile_and_listens_as_soon_as_it_can(tmp_path: Path) -> None:
    with Namespace() as school, scripted_centre() as centre:
        machine = Machine(tmp_path, centre)
        machine.config.write_text(
            machine.config.read_text().replace("127.0.0.1:" + str(machine.port), f"{LATE}:9810")
            + f'[relay]\nlisten = "{LATE}:9196"\n'
        )
        machine.within = school.command()

        def answers(port: int) -> bool:
            return subprocess.run(school.command(sys.executable, "-c", CONNECT, LATE, str(port)), check=False,
                                  capture_output=True).returncode == 0  # fmt: skip

        with machine.running() as process:
            eventually("it measures", lambda: measured(machine) > 1, seconds=120)
            assert not answers(9810)
            school.ip("address", "add", f"{LATE}/24", "dev", "lo")
            for port in (9810, 9196):
                eventually(f"port {port} answers", lambda port=port: answers(port), seconds=120, every=0.5)
            process.terminate()
            said = process.communicate(timeout=60)[1]
    for setting in ("[agent] listen", "[relay] listen"):
        assert said.count(f"{setting}: this machine has no address {LATE} now") == 1


def measured(machine: Machine) -> int:
    """Snapshots that its outbox has."""
    with closing(Outbox(machine.state / "outbox.db")) as outbox:
        return outbox.stats().snapshots


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"])
def test_on_either_address_family(listen: str) -> None:
    opened = Port("[agent] listen", listen).open()
    assert opened is not None
    with closing(opened):
        socket.create_connection(opened.getsockname()[:2], 30).close()


def test_a_port_that_is_taken_stops_the_start_and_not_what_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Another program may take the port before the address is there; it may end, too.
    """
    caplog.set_level("INFO", "haidang_agent.listening")
    with socket.create_server(("127.0.0.1", free_port())) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(OSError, match=r"^\[agent\] listen = '127.*': Address already in use; choose another port"):
            Port("[agent] listen", listen).open()

        port = Port("[agent] listen", listen)
        with monkeypatch.context() as late:
            late.setattr(socket.socket, "bind", absent(socket.socket.bind))
            assert port.open() is None
        assert (port.open(), port.open()) == (None, None)
    opened = port.open()
    assert opened is not None
    opened.close()
    assert [each.message for each in caplog.records] == [
        "[agent] listen: this machine has no address 127.0.0.1 now; tried again",
        f"[agent] listen = {listen}: Address already in use; tried again",
        "[agent] listen: the address 127.0.0.1 is there now",
    ]


def absent(_: Callable[..., None]) -> Callable[..., None]:
    def bind(*_: object) -> None:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))

    return bind
