"""Moves aside what Prometheus does not start with after a power cut: files of `chunks_head` without their beginning.

Prometheus does not sync such a file when it makes it, so after a cut its first bytes may be zeros instead of the magic
number (tsdb/docs/format/head_chunks.md). The last file it removes by itself where it is so, from 2.39 on; at any other
it stops: `opening storage failed: …/chunks_head/000001: invalid magic number 0`.

The samples in these files are in its log (WAL, and WBL for late ones) too. It reads from there what no file holds, but
skips what is older than the newest chunk of the same series that a file does hold. So the files after a broken one go
with it: without the broken one alone samples are missing, or the gap in the numbers is refused.

It needs the standard library of Python 3.8 only, and runs by itself: the Ansible role prometheus ships this file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

MAGIC = bytes.fromhex("0130bc91")
HEADER_BYTES = 8
"""Magic number, version, padding."""
ASIDE = "chunks_head_aside"
"""In the store's folder; Prometheus does not look into it."""


def move_aside(data: Path) -> list[Path]:
    """The first file of the store in `data` that has no sound beginning, and all after it; where they are now.

    Nothing is deleted but what was moved two times before. Raises OSError.
    """
    files = _numbered(data / "chunks_head")
    sound = [_begins_soundly(file) for file in files]
    broken = files[sound.index(False) :] if False in sound else []
    if not broken:
        return []
    (data / ASIDE).mkdir(exist_ok=True)
    moment = time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime())
    folder = Path(tempfile.mkdtemp(prefix=moment, dir=data / ASIDE))
    moved = [file.rename(folder / file.name) for file in broken]
    earlier = sorted(each for each in (data / ASIDE).glob("*T*Z-*") if each != folder)
    for old in earlier[:-1]:
        shutil.rmtree(old)
    return moved


def main() -> int:
    """Exit status: 0 the store's files are sound now, 1 they could not be read or moved."""
    parser = argparse.ArgumentParser(
        prog="head_chunks.py",
        description="Move aside files of chunks_head that a power cut has left without a beginning; Prometheus must "
        "not run. Their samples are in its log too.",
        epilog="example: head_chunks.py /var/lib/prometheus/metrics2",
    )
    parser.add_argument("data", type=Path, metavar="DIR", help="what Prometheus has as --storage.tsdb.path")
    data = parser.parse_args().data
    try:
        moved = move_aside(data)
    except OSError as failed:
        sys.stderr.write(f"{failed.filename}: {failed.strerror}\n")
        return 1
    for file in moved:
        sys.stderr.write(f"moved to {file}: a file of chunks_head without a beginning, or after one\n")
    return 0


def _numbered(folder: Path) -> list[Path]:
    """Those that Prometheus reads, in its order; a store that never ran has none."""
    try:
        found = [file for file in folder.iterdir() if file.name.isascii() and file.name.isdigit()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda file: int(file.name))


def _begins_soundly(file: Path) -> bool:
    with file.open("rb") as opened:
        header = opened.read(HEADER_BYTES)
    return len(header) == HEADER_BYTES and header.startswith(MAGIC)


if __name__ == "__main__":
    sys.exit(main())
