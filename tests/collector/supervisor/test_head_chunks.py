"""Files of head chunks that a power cut has left without a beginning, before a real Prometheus."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.supervisor import head_chunks
from haidang_collector.supervisor.head_chunks import MAGIC, move_aside

from tests.collector import remote_write as rw
from tests.servers import PROMETHEUS_YML, Prometheus, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUNDS, SAMPLES = 3, 300
"""A chunk is full after 120 samples, and goes into the file of this run."""
SOUND = MAGIC + b"\x01\0\0\0" + bytes(8)


def files(data: Path) -> list[Path]:
    return sorted((data / "chunks_head").iterdir())


def write(store: Prometheus, begin: float, numbers: range) -> None:
    """A series as it comes, and one that is late, as of a school that was offline."""
    for name, since in (("live", begin), ("late", begin - 2 * ROUNDS * SAMPLES)):
        body = rw.snappy(rw.series([("__name__", name)], [(number, since + number) for number in numbers]))
        httpx.post(store.write_url, content=body, headers=rw.HEADERS, trust_env=False).raise_for_status()


def stored(store: Prometheus) -> dict[str, list[int]]:
    found = store.query('{__name__=~"live|late"}[2h]')
    return {each["metric"]["__name__"]: [int(value) for _, value in each["values"]] for each in found}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A store that was stopped in order twice, with a file of head chunks of each run; a copy is in `sound`."""
    folder = tmp_path_factory.mktemp("store")
    store = Prometheus(folder, free_port(), PROMETHEUS_YML.format(window="31d"))
    begin = time.time() - ROUNDS * SAMPLES
    for number in range(ROUNDS):
        store.start()
        if number == 0:
            body = rw.snappy(rw.simple("late", -1, begin))
            httpx.post(store.write_url, content=body, headers=rw.HEADERS, trust_env=False).raise_for_status()
        write(store, begin, range(number * SAMPLES, (number + 1) * SAMPLES))
        os.kill(store.pid, signal.SIGTERM)
        os.waitid(os.P_PID, store.pid, os.WEXITED | os.WNOWAIT)
        store.kill()
    shutil.copytree(folder / "data", folder / "sound")
    yield store
    store.kill()


@pytest.mark.parametrize("zeroed", [(0,), (1,), (1, 2), (0, 1, 2)], ids=str)
def test_prometheus_starts_again_and_has_every_sample(kept: Prometheus, zeroed: tuple[int, ...]) -> None:
    """
    It reads them from its log, late ones too; of what lies before the first broken file nothing is touched.
    """
    data = kept.folder / "data"
    shutil.rmtree(data)
    shutil.copytree(kept.folder / "sound", data)
    names = [file.name for file in files(data)]
    before = {file.name: file.read_bytes() for file in files(data)}
    assert len(names) == ROUNDS
    assert all(len(before[name].rstrip(b"\0")) > len(SOUND) for name in names), "there are chunks in it"
    for number in zeroed:
        before[names[number]] = bytes(len(before[names[number]]))
        (data / "chunks_head" / names[number]).write_bytes(before[names[number]])
    with pytest.raises(RuntimeError):
        kept.start()
    kept.kill()
    assert "invalid magic number 0" in kept.log().splitlines()[-1]
    left = [file.name for file in files(data)]
    assert left == (names[:-1] if zeroed[-1] == ROUNDS - 1 else names), "the last it has removed by itself"
    before = {name: before[name] for name in left}

    moved = move_aside(data)

    assert [file.name for file in moved] == left[zeroed[0] :]
    assert {file.name: file.read_bytes() for file in (*files(data), *moved)} == before
    kept.start()
    expected = list(range(ROUNDS * SAMPLES))
    try:
        assert stored(kept) == {"live": expected, "late": [*expected, -1]}
    finally:
        kept.kill()


def test_a_sound_store_and_one_that_never_ran_are_not_touched(tmp_path: Path) -> None:
    head = tmp_path / "chunks_head"
    assert move_aside(tmp_path) == []
    head.mkdir()
    for name, content in {"000001": SOUND, "000002": SOUND[:8], "3.tmp": b"", "notes": bytes(16), "²": b""}.items():
        (head / name).write_bytes(content)

    assert move_aside(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["chunks_head"]
    assert len(files(tmp_path)) == 5


@pytest.mark.parametrize("content", [b"", SOUND[:7], bytes(64), b"\0" + SOUND, MAGIC[::-1] + SOUND], ids=bytes.hex)
def test_files_are_in_the_order_of_their_numbers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "chunks_head").mkdir()
    for name in ("999999", "1000000", "1000001"):
        (tmp_path / "chunks_head" / name).write_bytes(content if name == "1000000" else SOUND)

    assert [file.name for file in move_aside(tmp_path)] == ["1000000", "1000001"]
    assert [file.name for file in files(tmp_path)] == ["999999"]


def test_the_last_two_movings_are_kept(tmp_path: Path) -> None:
    """
    However often the power is cut, they do not fill the disk. What somebody else put there stays.
    """
    (tmp_path / "chunks_head").mkdir()
    aside = tmp_path / "chunks_head_aside"
    (aside / "notes").mkdir(parents=True)
    for day in ("20260101T000000Z-a", "20260102T000000Z-b"):
        (aside / day).mkdir()
        (aside / day / "000001").touch()
    (tmp_path / "chunks_head/000001").write_bytes(bytes(16))

    (moved,) = move_aside(tmp_path)

    assert {path.name for path in aside.iterdir()} == {"notes", "20260102T000000Z-b", moved.parent.name}


def test_alone_on_a_host_it_says_what_it_did(tmp_path: Path) -> None:
    """
    By the file itself, as the role ships it, with nothing of ours to import.
    """

    def run() -> tuple[int, str]:
        command = [sys.executable, "-IS", head_chunks.__file__, tmp_path]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.stdout == ""
        return done.returncode, done.stderr

    (tmp_path / "chunks_head").mkdir()
    (tmp_path / "chunks_head/000007").write_bytes(bytes(16))

    status, said = run()

    (moved,) = (tmp_path / "chunks_head_aside").glob("*/000007")
    assert (status, said) == (0, f"moved to {moved}: a file of chunks_head without a beginning, or after one\n")
    assert run() == (0, "")
    (tmp_path / "chunks_head").rmdir()
    (tmp_path / "chunks_head").touch()
    assert run() == (1, f"{tmp_path / 'chunks_head'}: Not a directory\n")
