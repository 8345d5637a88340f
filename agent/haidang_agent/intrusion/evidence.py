"""Frames as evidence: the last ones before an incident was found and the first ones after, in files of this machine.

Bounded: what is remembered, the size of a file, the number of files. Only the owner of the state folder may read them.
"""

from __future__ import annotations

import logging
import os
import struct
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

log = logging.getLogger(__name__)

RECENT_FRAMES, RECENT_BYTES = 256, 128 << 10
MOST_FRAMES, MOST_BYTES = 200, 128 << 10
"""Of one file."""
MOST_FILES = 50
HEAD = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
"""Of a pcap file with nanoseconds, Ethernet (draft-ietf-opsawg-pcap)."""
RECORD = struct.Struct("<IIII")
SUFFIX = ".pcap"


class Kept(NamedTuple):
    """`time` is Unix seconds, `length` the bytes on the wire."""

    time: float
    length: int
    data: bytes


class Recent:
    """The frames that came last."""

    def __init__(self) -> None:
        self._frames: deque[Kept] = deque()
        self._bytes = 0

    def add(self, frame: Kept) -> None:
        self._frames.append(frame)
        self._bytes += len(frame.data)
        while len(self._frames) > RECENT_FRAMES or self._bytes > RECENT_BYTES:
            self._bytes -= len(self._frames.popleft().data)

    def about(self, addresses: Collection[bytes]) -> list[Kept]:
        """Those that name one of these MAC or IPv4 addresses anywhere; all, where none is given."""
        return [frame for frame in self._frames if not addresses or any(each in frame.data for each in addresses)]


class Files:
    """One folder. Where it cannot be written, `problem` says so and incidents go without."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._room: dict[str, tuple[int, int]] = {}
        """Frames and bytes that files of open incidents may still take."""
        self.problem = ""

    def begin(self, case: str, frames: Iterable[Kept], wanted: Collection[str]) -> str:
        """A file for the case, empty where it could not be written. Makes room: `wanted` files go last.

        Files that are neither new nor `wanted` take no more frames.
        """
        name = f"{case}{SUFFIX}"
        records: list[bytes] = []
        room = MOST_FRAMES, MOST_BYTES
        for frame in frames:
            record = _record(frame)
            if not room[0] or len(record) > room[1]:
                break
            records.append(record)
            room = room[0] - 1, room[1] - len(record)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(wanted)
            self._write(name, os.O_CREAT | os.O_TRUNC, HEAD + b"".join(records))
        except OSError as failed:
            self._fail(failed)
            return ""
        self._room = {old: left for old, left in self._room.items() if old in wanted} | {name: room}
        return name

    def add(self, name: str, frame: Kept) -> None:
        """One more frame, if it has room."""
        frames, size = self._room.get(name, (0, 0))
        record = _record(frame)
        if not frames or len(record) > size:
            return
        self._room[name] = frames - 1, size - len(record)
        try:
            self._write(name, os.O_APPEND, record)
        except OSError as failed:
            del self._room[name]
            self._fail(failed)

    def _write(self, name: str, flags: int, data: bytes) -> None:
        file = os.open(self._folder / name, os.O_WRONLY | flags, 0o600)
        try:
            os.write(file, data)
        finally:
            os.close(file)

    def _make_room(self, wanted: Collection[str]) -> None:
        """The oldest go, those of no case first."""
        files = sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda file: (file.name in wanted, file.stat().st_mtime))
        for file in files[: max(len(files) - MOST_FILES + 1, 0)]:
            file.unlink()

    def _fail(self, failed: OSError) -> None:
        problem = f"evidence cannot be written to {self._folder}: {failed.strerror or failed}"
        if problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem


def _record(frame: Kept) -> bytes:
    seconds, fraction = divmod(frame.time, 1)
    return RECORD.pack(int(seconds), int(fraction * 1e9), len(frame.data), frame.length) + frame.data
