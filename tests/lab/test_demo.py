"""`make demo`, as a script plays it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tests.lab.traces import left_of
from tests.servers import free_port, get
from tests.waiting import eventually

DEMO = [sys.executable, str(Path(__file__).parents[2] / "scripts" / "demo.py")]


def test_a_visitor_finds_the_school_on_the_page_and_can_play_with_it() -> None:
    """
    The page on this machine's loopback is the centre's. A script ends with the first order that makes no sense.
    """
    port = free_port()
    script = "wait up; isp viettel; cut VNPT; delay Viettel 20; off 2; on 2; wait drained; cut nobody; wait down"
    command = [*DEMO, "--port", str(port), "--script", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        page = eventually("the page", lambda: get(f"http://127.0.0.1:{port}/units").decode(), seconds=60)
        said, _ = demo.communicate(timeout=60)

    assert "Trường Tiểu học Hải Đăng" in page
    for line in (
        "VNPT has lost the carrier",
        "the traffic goes by Viettel",
        "PC 2: agent does not answer",
        "PC 2: agent runs",
    ):
        assert line in said
    assert said.splitlines()[-1].endswith("there is no ISP nobody; there are VNPT, Viettel")
    assert demo.returncode == 1
    assert left_of(demo.pid) == []


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        played = subprocess.run([*DEMO, "--port", port], capture_output=True, text=True, check=False)

    assert played.returncode == 2
    assert f"port {port} cannot be had" in played.stdout
    assert played.stdout.count("\n") == 1


def test_without_root_there_is_one_line() -> None:
    """Nobody, who still may read the repository."""
    words = ["setpriv", "--reuid=65534", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", *DEMO]
    played = subprocess.run(words, capture_output=True, text=True, check=False)

    assert played.returncode == 2
    assert "needs root" in played.stdout
    assert played.stdout.count("\n") == 1
