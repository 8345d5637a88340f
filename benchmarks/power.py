"""A machine whose power can be cut: its files lie on a disk that forgets what was never flushed to it.

Two ext4 file systems, one within the other, each on a loop device. The inner one is the machine's. What the outer one
has of it in the page cache is the disk's own volatile cache: the kernel writes it down when the inner one flushes
(fsync, a commit of its journal every 5 s), or after 30 s by itself. A cut stops the outer one without a flush
(EXT4_IOC_SHUTDOWN, which xfstests' `godown` uses for this); mounted again, both recover from their journals.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

SHUTDOWN = 0x8004587D
"""_IOR('X', 125, __u32) of linux/fs.h."""
NO_FLUSH = struct.pack("I", 2)
"""EXT4_GOING_FLAGS_NOLOGFLUSH: the journal is not written either."""
OVERHEAD_MIB = 96
UNMOUNT_SECONDS = 20.0
PROOF = b"lighthouse" * 1000


class PowerError(Exception):
    """No such disk can be made on this machine, or a cut of it did not do what it has to."""


class Machine:
    """A context: `path` is there within it. Raises PowerError.

    It takes root, two loop devices, and a mount namespace of its own (`unshare --mount`): where another process makes a
    copy of the namespace, the disk stays busy for as long as that lives.
    """

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.path = folder / "machine"
        self._disk, self._below = folder / "disk.img", folder / "disk"
        self._image = self._below / "machine.img"
        self._mebibytes = mebibytes
        self._mounted = ExitStack()

    def __enter__(self) -> Self:
        for folder in (self.path, self._below):
            folder.mkdir(parents=True)
        with ExitStack() as undo:
            undo.callback(self._mounted.close)
            _make(self._disk, self._mebibytes * 9 // 8 + OVERHEAD_MIB)
            self._mount(self._disk, self._below)
            _make(self._image, self._mebibytes)
            self._mount(self._image, self.path)
            self._prove()
            undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._mounted.close()
        self._disk.unlink()

    def sync(self) -> None:
        """What has been written so far is on the disk: it was installed long ago."""
        _run("sync", "-f", str(self.path))

    def cut(self) -> None:
        """The power goes and comes back. Whatever ran on it has to be killed before, and started after."""
        disk = os.open(self._below, os.O_RDONLY)
        try:
            fcntl.ioctl(disk, SHUTDOWN, NO_FLUSH)
        finally:
            os.close(disk)
        self._mounted.close()
        self._mount(self._disk, self._below)
        self._mount(self._image, self.path)

    def _prove(self) -> None:
        """What was synced is there after a cut, and what was not is gone."""
        synced, unsynced = self.path / "synced", self.path / "unsynced"
        with synced.open("wb") as file:
            file.write(PROOF)
            file.flush()
            os.fsync(file.fileno())
        unsynced.write_bytes(PROOF)
        self.cut()
        if not synced.exists() or synced.read_bytes() != PROOF:
            raise PowerError("a file that was synced did not survive the power cut")
        if unsynced.exists() and unsynced.read_bytes():
            raise PowerError("a file that was not synced survived the power cut")

    def _mount(self, image: Path, folder: Path) -> None:
        _run("mount", "-o", "loop", str(image), str(folder))
        self._mounted.callback(_unmount, folder)


def _make(image: Path, mebibytes: int) -> None:
    with image.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, mebibytes << 20)
    _run("mkfs.ext4", "-q", "-F", str(image))


def _unmount(folder: Path) -> None:
    """The loop device that lies in it lets go a moment after its own file system has."""
    deadline = time.monotonic() + UNMOUNT_SECONDS
    while True:
        try:
            return _run("umount", str(folder))
        except PowerError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        needs = "it takes root, /dev/loop-control, e2fsprogs and a mount namespace of its own (unshare --mount)"
        raise PowerError(f"{' '.join(command)}: {done.stdout.strip()}; {needs}")
