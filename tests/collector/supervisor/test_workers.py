"""The parent of workers, with workers that serve nobody."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.waiting import eventually

PARENT = """\
import os, signal, sys
from haidang_collector.supervisor import child, workers
child.STEADY_SECONDS = 1e9
workers.MEMORY = workers.Path(sys.argv[1])
workers.STOP_SECONDS = 0.2
{serve}
sys.exit(workers.Workers(2, serve, lambda text: print(text, flush=True)).run(lambda: print('listening', flush=True)))
"""
PATIENT = """\
def serve(worker, ready):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    (worker.counts / f"{worker.number}.asleep").touch()
    ready()
    signal.pause()
"""
DEAF = """\
def serve(worker, ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()
    while True:
        signal.pause()
"""
SHORT_OF_MEMORY = """\
fork, answers = os.fork, [None, None, OSError(12, "Cannot allocate memory")]
def fork_or_fail():
    answer = answers.pop(0) if answers else None
    if answer:
        raise answer
    return fork()
os.fork = fork_or_fail
"""
UNWILLING = "def serve(worker, ready): sys.exit(7)"


def started(folder: Path, serve: str) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-W", "error", "-c", PARENT.format(serve=serve), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def two(process: subprocess.Popen[bytes], folder: Path) -> list[psutil.Process]:
    """The workers, as soon as both are there and noted."""
    children = psutil.Process(process.pid).children
    eventually("two are there", lambda: len(children()) == 2 == len([*folder.glob("*/*.pid")]), seconds=30)
    return children()


def test_a_start_that_cannot_succeed_ends_with_its_status(tmp_path: Path) -> None:
    process = started(tmp_path / "memory", UNWILLING)

    said, _ = process.communicate(timeout=120)

    assert (process.returncode, said) == (7, b"")
    assert [*(tmp_path / "memory").iterdir()] == []


def test_workers_end_with_their_parent_however_that_ended(tmp_path: Path) -> None:
    with started(tmp_path, PATIENT) as process:
        workers = two(process, tmp_path)
        eventually("they sleep", lambda: len([*tmp_path.glob("*/*.asleep")]) == 2, seconds=30)

        process.kill()

        eventually("they are gone", lambda: not any(map(psutil.Process.is_running, workers)), seconds=20)
    assert [*tmp_path.iterdir()] == []


def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    with started(tmp_path, DEAF) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        workers = two(process, tmp_path)

        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=120) == 0
        assert not any(map(psutil.Process.is_running, workers))
    assert [*tmp_path.iterdir()] == []


def test_one_that_ended_is_replaced_after_a_pause_that_grows(tmp_path: Path) -> None:
    """
    Whatever ended it: nobody but its parent is to ask a worker to go.
    """
    with started(tmp_path, PATIENT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        for pause in (1, 2):
            two(process, tmp_path)
            [noted] = tmp_path.glob("*/1.*.pid")
            pid = noted.name.split(".")[1]
            os.kill(int(pid), signal.SIGKILL)

            said = process.stdout.readline().decode()
            assert said == f"worker 1 (process {pid}) was ended by SIGKILL; it starts again in {pause} s\n"
            eventually("its place is taken", lambda: not noted.exists() and [*tmp_path.glob("*/1.*.pid")], seconds=20)  # noqa: B023 - called at once
        process.terminate()
        assert process.wait(timeout=120) == 0


def test_the_others_go_on_when_the_folder_of_counts_is_removed(tmp_path: Path) -> None:
    """
    systemd-logind does that in /dev/shm when the user who started us logs out (RemoveIPC=).
    """
    with started(tmp_path, PATIENT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        first, second = two(process, tmp_path)
        eventually("both sleep", lambda: len([*tmp_path.glob("*/*.asleep")]) == 2, seconds=30)
        [folder] = tmp_path.iterdir()
        shutil.rmtree(folder)
        first.kill()

        assert b"was ended by SIGKILL" in process.stdout.readline()
        eventually("there is one in its place", lambda: [*tmp_path.glob("*/*.asleep")], seconds=30)
        assert second.is_running()
        process.terminate()
        assert process.wait(timeout=120) == 0


def test_the_others_go_on_while_there_is_no_memory_for_another(tmp_path: Path) -> None:
    with started(tmp_path, PATIENT + SHORT_OF_MEMORY) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        first, second = two(process, tmp_path)
        first.kill()

        assert b"was ended by SIGKILL" in process.stdout.readline()
        assert b"cannot be started (Cannot allocate memory); it is tried again in 2 s" in process.stdout.readline()
        assert second in two(process, tmp_path)
        process.terminate()
        assert process.wait(timeout=120) == 0
