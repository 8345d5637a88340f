"""`haidang-agent export`: a file or a reason, and the outbox as it was."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent import cli, credentials
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Outbox
from haidang_agent.outbox_export import MOST_FRAMES
from haidang_agent.relay.custody import Custody
from haidang_agent.relay.frame import Label
from haidang_agent.stamp import Stamp

from tests.agent.outboxes import ABC, at, fill, snapshot

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    credentials.save(tmp_path, Credentials("k" * 43, "a-1", "TH-001"))
    (tmp_path / "agent.toml").write_text(f'[agent]\nstate_dir = "{tmp_path}"\n')
    return tmp_path


def export(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "haidang_agent",
        "export",
        folder / "stick",
        "--config",
        folder / "agent.toml",
        *more,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_backlog_of_an_agent_that_runs_is_written(folder: Path) -> None:
    outbox = Outbox(folder / "outbox.db")
    now = round(time.time() * 1000)
    fill(outbox, [now - 15_000, now])

    done = export(folder)

    assert done.returncode == 0, done.stderr
    assert "2 snapshots, 4 samples, from " in done.stdout
    assert (folder / "stick").read_bytes().startswith(b"HAIDANG-EXPORT 1\n")
    assert "k" * 43 not in (folder / "stick").read_bytes().decode(errors="replace")
    assert outbox.stats().snapshots == 2
    again = export(folder)
    assert (again.returncode, again.stdout) == (2, "")
    assert "is there already" in again.stderr
    outbox.close()


@pytest.mark.parametrize("of_folders", [0, errno.EINVAL])
def test_its_name_is_on_the_stick_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], of_folders: int
) -> None:
    """
    Where the file system of a stick does not sync a folder, that is said, and the file is good all the same.
    """
    with closing(Outbox(folder / "outbox.db")) as outbox:
        fill(outbox, [round(time.time() * 1000)])
    real, synced = os.fsync, []

    def fsync(handle: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        synced.append((is_folder, (folder / "stick").exists()))
        if is_folder and of_folders:
            raise OSError(of_folders, os.strerror(of_folders))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(SystemExit) as ended:
        cli.main(["export", str(folder / "stick"), "--config", str(folder / "agent.toml")])

    assert ended.value.code == 0
    assert synced == [(False, False), (True, True)]
    assert ("take it out only when it is ejected" in capsys.readouterr().err) is bool(of_folders)


def test_what_has_no_time_is_told(folder: Path) -> None:
    outbox = Outbox(folder / "outbox.db")
    outbox.append(snapshot(1.0, 1.0), Stamp(None, "boot", 10, round(time.time() * 1000)), {})
    outbox.close()

    left = export(folder, "--json")
    assert (left.returncode, json.loads(left.stdout)["export"]["untimed"]) == (1, 1)
    assert "export again with --trust-clock" in left.stderr
    assert not list(folder.glob("stick*"))
    trusted = export(folder, "--json", "--trust-clock")
    assert (trusted.returncode, json.loads(trusted.stdout)["export"]["snapshots"]) == (0, 1)


def test_what_does_not_fit_is_told(folder: Path) -> None:
    """Series that come and go by turns: each snapshot is a part."""
    now = round(time.time() * 1000)
    with closing(Outbox(folder / "outbox.db")) as outbox:
        fill(outbox, [now])
        outbox.append(snapshot(1.0, 2.0, 3.0, of=ABC), at(now + 1), {})
        with outbox.transaction() as database:
            database.execute(
                "WITH RECURSIVE pair(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM pair WHERE number <= ?) "
                "INSERT INTO snapshot(timestamp_ms, boot, monotonic_ms, wall_ms, layout, stale, packed) "
                "SELECT timestamp_ms + 2 * number, boot, monotonic_ms, wall_ms, layout, stale, packed "
                "FROM pair, snapshot",
                (MOST_FRAMES // 2,),
            )

        done = export(folder, "--json")

    told = json.loads(done.stdout)
    assert (told["export"]["frames"], told["export"]["left"]) == (MOST_FRAMES, 4)
    assert done.returncode == 1
    (problem,) = told["problems"]
    assert problem.startswith("4 snapshots are left out, of the time after ")
    assert (folder / "stick").exists()


def test_what_a_relay_keeps_for_others_is_in_it(folder: Path) -> None:
    with closing(Outbox(folder / "outbox.db")) as outbox:
        fill(outbox, [round(time.time() * 1000)])
    with closing(Custody(folder / "relay.db", 5 << 20)) as custody:
        for number in range(3):
            custody.take(b"frame %d" % number, Label(f"a-{number % 2}", "0" * 32, 1, 10), "10.0.0.1")
        done = export(folder)
        assert custody.stats().frames == 3

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("; 3 frames of 2 other agents\n")
    assert (folder / "stick").read_bytes().count(b"frame ") == 3


def test_a_relay_that_has_nothing_of_its_own(folder: Path) -> None:
    with closing(Outbox(folder / "outbox.db")) as outbox:
        outbox.stats()
    with closing(Custody(folder / "relay.db", 5 << 20)) as custody:
        custody.take(b"frame", Label("a-2", "0" * 32, 1, 10), "10.0.0.1")

    done = export(folder, "--json")

    told = json.loads(done.stdout)["export"]
    assert (done.returncode, done.stderr) == (0, "")
    assert [told[name] for name in ("frames", "others", "other_agents", "others_left")] == [0, 1, 1, 0]
    assert (folder / "stick").exists()


def test_custody_that_cannot_be_read_keeps_nothing_else_from_the_stick(folder: Path) -> None:
    with closing(Outbox(folder / "outbox.db")) as outbox:
        fill(outbox, [round(time.time() * 1000)])
    (folder / "relay.db").mkdir()

    done = export(folder)

    assert done.returncode == 1
    assert done.stdout.startswith(f"{folder / 'stick'}: 1 snapshots, ")
    assert "of what lies in this relay's custody for other agents not all is in this file: " in done.stderr


def test_what_another_unit_measured_is_not_written_in_this_ones_name(folder: Path) -> None:
    """
    This machine was enrolled anew with `--force`, and the agent that sets the file aside was not restarted yet.
    """
    now = round(time.time() * 1000)
    with closing(Outbox(folder / "outbox.db")) as outbox:
        outbox.belong_to("a-0", "TH-000")
        outbox.append(snapshot(1.0, 1.0), Stamp(None, "boot", 10, now), {})

        refused = export(folder, "--trust-clock")

        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("export: what waits here was measured for TH-000, ")
        assert "restart the agent" in refused.stderr
        assert not list(folder.glob("stick*"))
        assert not list(folder.glob("outbox.db.unit-*"))
        assert (outbox.stats().snapshots, outbox.newest()) == (1, None)

        outbox.belong_to("a-1", "TH-001")
        fill(outbox, [now, now + 1])
    done = export(folder, "--json")
    assert (done.returncode, json.loads(done.stdout)["export"]["snapshots"]) == (0, 2)


@pytest.mark.parametrize("begun", ["outbox.db", "relay.db"])
def test_a_file_that_root_begins_belongs_to_the_agents_user(folder: Path, begun: str) -> None:
    """
    `sudo haidang-agent export` found the file broken; the agent that runs beside it goes on with the new one.
    """
    nobody = 65534
    with closing(Outbox(folder / "outbox.db")) as outbox, closing(Custody(folder / "relay.db", 1 << 20)) as custody:
        outbox.stats()
        custody.stats()
    (folder / begun).write_bytes(b"this is no database, and long enough to be looked at" * 100)
    for file in (folder, *folder.glob("*.db")):
        os.chown(file, nobody, nobody)

    export(folder)
    export(folder)

    assert len(list(folder.glob(f"{begun}.corrupt-*"))) == 1
    with closing(Outbox(folder / "outbox.db")) as outbox, closing(Custody(folder / "relay.db", 1 << 20)) as custody:
        fill(outbox, [1])
        custody.take(b"frame", Label("a-2", "0" * 32, 1, 10), "10.0.0.1")
        files = [folder / (begun + ending) for ending in ("", "-wal", "-shm")]
        assert [(each.stat().st_uid, each.stat().st_gid, each.stat().st_mode & 0o777) for each in files] == [
            (nobody, nobody, 0o600)
        ] * 3


def test_what_root_finds_in_the_files_place_is_not_given_away(folder: Path) -> None:
    """
    The folder is the agent user's, who could put a link to any file there.
    """
    other = folder / "of-root"
    other.write_bytes(b"")
    (folder / "outbox.db").symlink_to(other)
    os.chown(folder, 65534, 65534)

    export(folder)

    assert other.stat().st_uid == 0


def test_another_id_of_the_same_unit_exports_all(folder: Path) -> None:
    with closing(Outbox(folder / "outbox.db")) as outbox:
        outbox.belong_to("a-0", "TH-001")
        fill(outbox, [round(time.time() * 1000)])

    done = export(folder)

    assert done.returncode == 0, done.stderr
    assert "1 snapshots" in done.stdout


def test_a_machine_where_no_agent_ran(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(f'[agent]\nstate_dir = "{tmp_path}"\n')

    done = export(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no enrolled agent has run on this machine" in done.stderr
