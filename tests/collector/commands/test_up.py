"""`haidang up` in a network namespace of its own: its agent pings and asks the whole subnet who is there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from haidang_collector.supervisor.programs import own

from tests.agent.namespaces import Namespace
from tests.disks import disk
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FETCH = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode())"
NAMES = {"prometheus", "alertmanager", "collector", "agent"}
IN_USE = "{} is in use by another `haidang up` (process {}); stop it or give another --data\n"
STATE = '<tr class="(\\w+)">\\s*<td><a href="/units/TRIAL"'


class Trial:
    """`haidang up` on a folder, in a namespace."""

    def __init__(self, namespace: Namespace, data: Path) -> None:
        self.namespace = namespace
        self.data = data
        self.words = data.with_name("words")
        self.process: subprocess.Popen[bytes]

    def command(self, *options: str | Path) -> list[str]:
        given = ["--data", str(self.data), "--target", "127.0.0.1", "--lang", "en", *map(str, options)]
        return self.namespace.command(own("haidang"), "up", *given)

    def start(self, *options: str | Path) -> None:
        """Returns when everything is up."""
        environment = os.environ | {"HAIDANG_AGENT_PUSH_INTERVAL": "1s"}
        with self.words.open("wb") as words:
            self.process = subprocess.Popen(self.command(*options), stdout=words, stderr=words, env=environment)
        eventually("all is up", lambda: "Ctrl-C stops everything." in self.said(), seconds=40, every=0.02)

    def refused(self, *options: str | Path, **environment: str) -> tuple[int, str]:
        """Exit status and words of one that does not start."""
        done = subprocess.run(
            self.command(*options),
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            env=os.environ | environment,
        )
        return done.returncode, done.stderr

    def said(self) -> str:
        return self.words.read_text()

    def children(self) -> dict[str, int]:
        """Process id by name."""
        found = {}
        for pid in self.pids():
            command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            name = next(name for name, sign in SIGNS.items() if sign in command)
            found[name] = pid
        return found

    def pids(self) -> list[int]:
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    def fetch(self, url: str) -> str:
        return self.namespace.run(sys.executable, "-IS", "-c", FETCH, url)

    def state(self) -> str:
        """What the list of units says of this machine's unit."""
        found = re.search(STATE, self.fetch("http://127.0.0.1:8080/units"))
        return found[1] if found else ""

    def query(self, expression: str) -> list[dict[str, object]]:
        query = urllib.parse.urlencode({"query": expression})
        result: list[dict[str, object]] = json.loads(self.fetch(f"http://127.0.0.1:9090/api/v1/query?{query}"))["data"][
            "result"
        ]
        return result

    def identity(self) -> str:
        return str(json.loads((self.data / "agent/credentials.json").read_text())["agent"])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=120)


SIGNS = {
    "prometheus": "prometheus.yml",
    "alertmanager": "alertmanager.yml",
    "collector": " serve ",
    "agent": "agent.toml",
}


def alive(pids: Mapping[Any, int]) -> dict[Any, int]:
    """An orphan that ended and that process 1 has not reaped yet is not among them."""
    return {name: pid for name, pid in pids.items() if _runs(pid)}


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    with Namespace() as namespace:
        namespace.sysctl("net.ipv4.ping_group_range", "0 2147483647")
        trial = Trial(namespace, tmp_path / "data")
        yield trial
        if hasattr(trial, "process") and trial.process.poll() is None:
            trial.stop()


def test_a_machine_is_shown_and_the_next_start_goes_on(trial: Trial) -> None:
    """The whole life: first start, state on the page, stop in order, second start with the same agent and data."""
    trial.start()
    eventually("the page says that there is Internet", lambda: trial.state() == "up", seconds=30)
    children, identity = trial.children(), trial.identity()
    assert set(children) == NAMES
    eventually("Prometheus watches itself", lambda: trial.query('up{job="prometheus"} == 1') != [], seconds=15)

    assert trial.stop() == 0
    assert alive(children) == {}
    stops = re.findall(r"stopping (\w+)", trial.said())
    assert stops == ["agent", "alertmanager", "prometheus", "collector"]
    assert trial.said().endswith("stopped\n")

    trial.start()
    assert "enrolling" not in trial.said()
    assert trial.identity() == identity
    assert len(trial.query("count_over_time(school_internet_up[10m]) > 0")) == 1
    eventually("the page says so again", lambda: trial.state() == "up", seconds=30)


def test_what_dies_is_started_again_and_said_and_nobody_else_gets_the_folder(trial: Trial) -> None:
    trial.start()
    assert trial.refused("--port", "18080") == (1, IN_USE.format(trial.data, trial.process.pid))
    before = trial.children()

    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    eventually("all work again", lambda: all(f"{name} works again" in trial.said() for name in NAMES), seconds=40)
    after = trial.children()
    assert set(after) == NAMES
    assert set(after.values()).isdisjoint(before.values())
    for name in NAMES:
        log = re.escape(str(trial.data / f"log/{name}.log"))
        assert re.search(
            rf"^{name} ended \(status -9\) and starts again in 1 s; .*\(log: {log}\)$", trial.said(), re.MULTILINE
        )
    assert trial.stop() == 0
    assert alive(after) == {}


def test_nothing_outlives_a_killed_supervisor_and_the_folder_is_free_again(trial: Trial) -> None:
    """
    Nor does a file that a power cut has left empty keep Prometheus from starting.
    """
    trial.start()
    children = trial.children()

    trial.process.kill()
    trial.process.wait()
    for name in ("000007", "000008"):
        (trial.data / "prometheus/data/chunks_head" / name).write_bytes(bytes(16))

    trial.start()
    assert alive(children) == {}
    moved = re.findall(r"after a power cut, so it was moved: (.+)", trial.said())
    assert [Path(file).name for file in moved] == ["000007", "000008"]
    assert all(Path(file).exists() for file in moved)
    assert trial.stop() == 0


def test_portals_are_looked_at_and_several_workers_serve_where_that_is_wanted(trial: Trial) -> None:
    trial.start("--portals", "--no-agent", "--workers", "2")
    log = trial.data / "log" / "portals.log"
    eventually("a round was made", lambda: log.exists() and "portals: 0" in log.read_text(), seconds=20)
    assert "with 2 workers" in (trial.data / "log" / "collector.log").read_text()
    children = psutil.Process(trial.process.pid).children(recursive=True)
    workers = [child for child in children if "--workers=2" in child.cmdline()]
    pids = dict(enumerate(child.pid for child in children))
    assert len(workers) == 3, "and their parent"

    assert trial.stop() == 0
    assert alive(pids) == {}
    assert re.findall(r"stopping (\w+)", trial.said())[0] == "portals"


def test_a_stop_while_starting_leaves_nothing(trial: Trial) -> None:
    with trial.words.open("wb") as words:
        trial.process = subprocess.Popen(trial.command(), stdout=words, stderr=words)
    eventually("three are there", lambda: len(trial.pids()) >= 3, seconds=20, every=0.01)
    children = dict(enumerate(trial.pids()))

    assert trial.stop() == 130
    assert alive(children) == {}


def test_an_identity_that_the_registry_does_not_know_is_replaced(trial: Trial) -> None:
    trial.start()
    trial.stop()
    identity = trial.identity()
    for file in trial.data.glob("haidang.db*"):
        file.unlink()

    trial.start()

    assert "enrolling this machine's agent" in trial.said()
    assert trial.identity() != identity


def test_a_busy_port_is_one_line(trial: Trial) -> None:
    listen = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 9093)); print('on', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        trial.namespace.command(sys.executable, "-c", listen), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"on\n"

    refused = trial.refused()
    holder.communicate()

    assert refused == (1, "port 9093 is in use; stop what uses it or give another with --alertmanager-port\n")


def test_two_ports_alike_are_one_line(trial: Trial) -> None:
    assert trial.refused("--prometheus-port", "8080") == (
        1,
        "--prometheus-port and --port are both 8080; give each its own port\n",
    )


def test_a_missing_program_is_one_line_that_names_its_package(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "ip").symlink_to("/usr/sbin/ip")

    status, words = trial.refused(PATH=str(tmp_path))

    assert status == 1
    assert words.startswith("prometheus is not on PATH; on Debian: apt-get install prometheus;")
    assert words.count("\n") == 1
    assert not trial.data.exists()


@pytest.mark.parametrize("mounted", [{"options": "ro"}, {"size": "16k"}], ids=str)
def test_a_folder_that_takes_nothing_is_one_line(trial: Trial, mounted: dict[str, str]) -> None:
    """A read-only file system stops root too; a full disk is noticed at the latest by who needs it."""
    with disk(trial.data, **mounted):
        status, words = trial.refused()

    assert status == 1
    assert "Traceback" not in words
    last = words.splitlines()[-1]
    assert str(trial.data) in last
    assert ("Read-only file system" if "options" in mounted else "") in last


def test_mail_needs_a_server_and_someone_to_get_it(trial: Trial) -> None:
    assert trial.refused("--smtp", "mail.example:25") == (2, "--smtp and --mail-to go together\n")
    assert trial.refused("--smtp", "mail.example", "--mail-to", "an@example")[0] == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--deadman-token-file", "t"], "--deadman-token-file goes with --deadman"),
        (["--deadman", "watch.example"], "--deadman watch.example: write an address as https://"),
        (["--deadman", "http://watch.example/watchdog", "--deadman-token-file", "t"], "with a token it must be https"),
        (["--deadman", "https://watch.example/", "--deadman-token-file", "/none/t"], "/none/t: No such file"),
    ],
)
def test_a_switch_that_cannot_be_held_is_one_line(trial: Trial, options: list[str], words: str) -> None:
    status, said = trial.refused(*options)

    assert status == 2
    assert words in said
    assert len(said.splitlines()) == 1


def test_words_in_vietnamese(trial: Trial) -> None:
    assert trial.refused("--prometheus-port", "8080", "--lang", "vi")[1].endswith("mỗi tùy chọn phải có cổng riêng\n")
