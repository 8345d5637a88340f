from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from haidang_collector.supervisor import child as module
from haidang_collector.supervisor.child import Child

from tests.disks import disk
from tests.servers import free_port, wait_until_ready
from tests.waiting import eventually

NOWHERE = "http://127.0.0.1:9/"
PARENT = """\
import os, subprocess, sys
subprocess.Popen([sys.executable, '-IS', sys.argv[1], str(os.getpid()), '0', 'sh', '-c', sys.argv[2]]).wait()
"""
LEASH = Path(module.__file__).with_name("leash.py")


def child(folder: Path, *command: str) -> Child:
    return Child("it", command, folder / "it.log", NOWHERE, os.environ)


def ended(started: Child) -> Child:
    eventually("it ends", lambda: started.status is not None, seconds=10)
    return started


def test_pauses_grow_up_to_half_a_minute(tmp_path: Path) -> None:
    dead = child(tmp_path, "false")
    dead.start()
    ended(dead)

    assert [dead.plan_restart() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_after_a_minute_of_health_the_pause_is_short_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = child(tmp_path, "false")
    dead.start()
    ended(dead)
    for _ in range(4):
        dead.plan_restart()
    monkeypatch.setattr(module, "STEADY_SECONDS", 0.0)

    assert dead.plan_restart() == 1


def test_what_cannot_be_started_now_is_tried_again(tmp_path: Path) -> None:
    """The system refuses it (here for its environment); what else runs must not fall with it."""
    refused = Child("it", ["true"], tmp_path / "it.log", NOWHERE, {"TOO_LONG": "x" * (1 << 18)})

    assert refused.restart() == "Argument list too long"
    assert refused.restart_at is not None
    assert refused.restart_at > time.monotonic()


def test_last_words_are_whole(tmp_path: Path) -> None:
    """Also those written just before the end, and by a program without a final newline."""
    for number in range(5):
        said = ended_words(tmp_path, f"echo one; echo; printf 'the end {number}' >&2; exit 3")
        assert said == f"the end {number}"


def ended_words(folder: Path, script: str) -> str:
    said = child(folder, "sh", "-c", script)
    said.start()
    return ended(said).last_words


def test_a_program_that_cannot_be_run_says_so(tmp_path: Path) -> None:
    missing = child(tmp_path, "/no/such/program")
    missing.start()

    assert ended(missing).last_words == "/no/such/program cannot be run: No such file or directory"
    assert missing.status == 127


def test_stop_kills_what_does_not_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    deaf = child(tmp_path, "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    deaf.start()
    eventually("it is deaf", lambda: "deaf" in (tmp_path / "it.log").read_text(), seconds=10)

    deaf.stop()

    assert deaf.status == -signal.SIGKILL


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """However the parent ended: here it is killed."""
    note = tmp_path / "pid"
    script = f"echo $$ > {note}.new; mv {note}.new {note}; exec sleep 60"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(LEASH), script])
    eventually("the child runs", note.exists, seconds=10)
    pid = int(note.read_text())
    assert alive(pid)

    parent.kill()
    parent.wait()

    eventually("the child is gone", lambda: not alive(pid), seconds=5)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_steps_back_is_nicer_also_between_sessions(tmp_path: Path) -> None:
    script = "echo $(nice) of $(sed 's/.* //' /proc/self/autogroup 2>/dev/null || echo 5)"
    first, behind = (
        Child("it", ["sh", "-c", script], tmp_path / f"{niceness}.log", NOWHERE, os.environ, niceness=niceness)
        for niceness in (0, 5)
    )
    for each in (first, behind):
        each.start()

    own, nicer = (ended(each).last_words.split(" of ") for each in (first, behind))

    assert int(nicer[0]) == min(19, int(own[0]) + 5)
    assert nicer[1] == "5"


def test_a_child_of_a_parent_already_gone_does_not_begin(tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    done = subprocess.run([sys.executable, "-IS", LEASH, "1", "0", "touch", begun], check=False)

    assert (done.returncode, begun.exists()) == (127, False)


def test_the_log_is_bounded_and_has_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haidang_collector.supervisor.log.FILE_BYTES", 10_000)
    year = time.strftime("%Y")
    talker = child(tmp_path, "sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done")
    talker.start()

    eventually("all is written", lambda: ended(talker).last_words == "line 2999", seconds=20)
    logs = sorted(tmp_path.iterdir())
    assert [log.name for log in logs] == ["it.log", "it.log.1"]
    assert all(log.stat().st_size <= 10_000 for log in logs)
    assert logs[0].read_text()[:4] in (year, time.strftime("%Y"))


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    talker = child(tmp_path, "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")
    talker.start()

    assert ended(talker).last_words == "end"
    assert max(map(len, (tmp_path / "it.log").read_text().splitlines())) < 20_000


def test_a_full_disk_does_not_stop_the_child(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its pipe is read on, and nothing is written over the supervisor's own words."""
    with disk(tmp_path / "full", "16k") as folder:
        talker = child(folder, "sh", "-c", "head -c 30000 /dev/zero | tr '\\0' '\\n' | sed s/^/line/; echo end")
        talker.start()

        ended(talker)
        eventually("the log is closed", lambda: not talker._output._thread.is_alive(), seconds=5)  # type: ignore[union-attr]
        assert talker.last_words == "end"
    assert capfd.readouterr().err == ""


def test_readiness_is_asked_past_any_proxy(tmp_path: Path) -> None:
    """Offices set http_proxy for everything; no proxy reaches this machine's loopback."""
    port = free_port()
    ask = (
        "import sys; from pathlib import Path; from haidang_collector.supervisor.child import Child\n"
        f"print(Child('it', [], Path('log'), 'http://127.0.0.1:{port}/', {{}}).ready())"
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", tmp_path],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/", server)
        proxied = os.environ | {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
        asked = subprocess.run([sys.executable, "-c", ask], env=proxied, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        server.kill()
        server.wait()

    assert asked.stdout == "True\n"
