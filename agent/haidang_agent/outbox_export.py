"""The backlog as a file to carry to the centre, and what follows for the outbox.

A relay's file also has what it keeps for others (`relay.carried`): frames that they have sealed, each as a part.

Nothing leaves the outbox by being exported: the stick may be lost. What is in the file is noted, by snapshot; once the
centre says that it has it, it is settled as if it had been sent. Until then it is sent as ever when the link is back.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import struct
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from haidang_agent.wire import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from haidang_agent.credentials import Credentials
    from haidang_agent.outbox import Batch, Outbox

MAGIC = b"HAIDANG-EXPORT 1\n"
SIGNED_FOR = b"haidang-export-1"
FRAME = struct.Struct(">II32s")
"""Number of the frame, length of its body, HMAC-SHA256 over the header's line, number and body."""
FRAME_SAMPLES = 60_000
MOST_FRAMES = 20_000
"""Of this agent's own."""
HIGHEST_NUMBER = 99_999
"""Of a part; those of others come after one's own."""
FAR_MS = 1 << 62
KEY_ID, KEY_FRAME = "export", "export:"
"""In `meta`: which export is noted, and by frame the runs of snapshots in it, as [[first id, how many] …]."""
RANGES = re.compile("[0-9]{1,5}(-[0-9]{1,5})?")


class Exported(NamedTuple):
    """`untimed`: snapshots that are not in the file, for nobody knows when they were taken. Times in milliseconds.

    `left`: snapshots that are not in it because it holds no more parts; they were taken after `last_ms`.
    `others`: parts that are of other agents; their numbers begin where `frames` ends.
    """

    export: str
    frames: int
    snapshots: int
    samples: int
    first_ms: int | None
    last_ms: int | None
    untimed: int
    left: int
    others: int = 0


def write(outbox: Outbox, who: Credentials, out: BinaryIO, now: float, others: Iterable[bytes] = ()) -> Exported:
    """Everything whose time is known, the oldest first, then `others`, as far as it fits. Raises OutboxError, OSError.

    What was noted of an earlier export is forgotten: what is left of it is in this one.
    """
    header = {"agent": who.agent, "export": secrets.token_hex(8), "created": round(now)}
    line = json.dumps(header).encode() + b"\n"
    out.write(MAGIC + line)
    key = signing_key(who.key)
    noted: list[list[list[int]]] = []
    samples, stamps = 0, []
    for number, batch in enumerate(_batches(outbox)):
        out.write(_frame(key, line, number, encode(batch.layout, batch.timestamps_ms, batch.values)))
        noted.append(_runs(batch.ids))
        samples += len(batch.ids) * len(batch.layout)
        stamps += [batch.timestamps_ms[0], batch.timestamps_ms[-1]]
    number = len(noted)
    for frame in islice(others, HIGHEST_NUMBER - number):
        out.write(_frame(key, line, number, frame))
        number += 1
    out.write(_frame(key, line, number, b""))
    with outbox.transaction() as database:
        database.execute("DELETE FROM meta WHERE key GLOB ?", (KEY_FRAME + "*",))
        database.executemany(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            [(KEY_ID, header["export"]), *((f"{KEY_FRAME}{n}", json.dumps(runs)) for n, runs in enumerate(noted))],
        )
        (untimed,) = database.execute("SELECT count(*) FROM snapshot WHERE timestamp_ms ISNULL").fetchone()
        left = 0
        if len(noted) == MOST_FRAMES:
            (left,) = database.execute("SELECT count(*) FROM waiting WHERE timestamp_ms > ?", stamps[-1:]).fetchone()
    first, last = min(stamps, default=None), max(stamps, default=None)
    count = sum(length for runs in noted for _, length in runs)
    of_others = number - len(noted)
    return Exported(str(header["export"]), len(noted), count, samples, first, last, untimed, left, of_others)


def waiting(outbox: Outbox) -> str:
    """The export of which something is still here, empty without any. Raises OutboxError."""
    with outbox.transaction() as database:
        named = database.execute("SELECT value FROM meta WHERE key = ?", (KEY_ID,)).fetchone()
        if named is None:
            return ""
        for (runs,) in database.execute("SELECT value FROM meta WHERE key GLOB ?", (KEY_FRAME + "*",)).fetchall():
            for first, count in json.loads(runs):
                if database.execute(
                    "SELECT 1 FROM waiting WHERE id >= ? AND id < ? LIMIT 1", (first, first + count)
                ).fetchone():
                    return str(named[0])
        database.execute("DELETE FROM meta WHERE key = ? OR key GLOB ?", (KEY_ID, KEY_FRAME + "*"))
        return ""


def settle(outbox: Outbox, export: str, ranges: str) -> None:
    """The centre has these frames (`0-11,13`) of this export. Raises OutboxError.

    Nothing is settled where another export was noted meanwhile: its frames hold other snapshots.
    """
    for number in (each for first, last in told(ranges) for each in range(first, min(last, MOST_FRAMES) + 1)):
        key = f"{KEY_FRAME}{number}"
        with outbox.transaction() as database:
            noted = database.execute(
                "SELECT frame.value FROM meta AS frame JOIN meta AS named ON named.key = ? AND named.value = ? "
                "WHERE frame.key = ?",
                (KEY_ID, export, key),
            ).fetchone()
        if noted is None:
            continue
        outbox.settle([each for first, count in json.loads(noted[0]) for each in range(first, first + count)])
        with outbox.transaction() as database:
            database.execute("DELETE FROM meta WHERE key = ?", (key,))


def trust_clock(outbox: Outbox) -> int:
    """Give snapshots without a time, for good, what this machine's own clock said when they were taken. How many.

    Those that would not lie after all before them are left. Raises OutboxError.
    """
    with outbox.transaction() as database:
        (last,) = database.execute("SELECT max(timestamp_ms) FROM snapshot").fetchone()
        known = max(last or 0, int(outbox.note("last_timestamp_ms") or 0))
        rows = database.execute("SELECT id, wall_ms FROM snapshot WHERE timestamp_ms ISNULL ORDER BY id").fetchall()
        timed = []
        for number, wall_ms in rows:
            if wall_ms > known:
                known = wall_ms
                timed.append((wall_ms, number))
        database.executemany("UPDATE snapshot SET timestamp_ms = ? WHERE id = ?", timed)
        outbox.note("last_timestamp_ms", str(known))
    return len(timed)


def signing_key(key: str, purpose: bytes = SIGNED_FOR) -> bytes:
    """What an export is signed with: the centre knows an agent's key by its SHA-256 only, so it is made from that."""
    return hmac.digest(hashlib.sha256(key.encode()).hexdigest().encode(), purpose, "sha256")


def _frame(key: bytes, line: bytes, number: int, body: bytes) -> bytes:
    signature = hmac.digest(key, line + struct.pack(">I", number) + body, "sha256")
    return FRAME.pack(number, len(body), signature) + body


def _batches(outbox: Outbox) -> Iterator[Batch]:
    after = -FAR_MS
    for _ in range(MOST_FRAMES):
        batch = outbox.backlog(FAR_MS, after, FRAME_SAMPLES)
        if batch is None:
            return
        after = batch.timestamps_ms[-1]
        yield batch


def _runs(ids: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in ids:
        if runs and number == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    return runs


def told(ranges: str) -> Iterator[tuple[int, int]]:
    """First and last part of each run in `0-11,13`; what is none is left out. A number has at most five digits."""
    for part in ranges.split(","):
        if RANGES.fullmatch(part):
            first, _, last = part.partition("-")
            yield int(first), int(last or first)
