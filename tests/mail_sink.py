"""A real SMTP server in a process of its own: `python -m tests.mail_sink PORT FILE`.

What it takes stands in FILE before it says 250, a line of JSON each, so that whoever sends can be killed at any moment.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Letter:
    """One that was taken, at `at` in Unix seconds; `key` is empty in what the collector did not send."""

    at: float
    to: str
    key: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class MailSink:
    """A server that runs at `port` and keeps letters in `file`."""

    port: int
    file: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def letters(self) -> list[Letter]:
        """In the order they were taken; a line that is being written is left out."""
        whole, _, _ = self.file.read_text(encoding="utf-8").rpartition("\n")
        return [Letter(*json.loads(line)) for line in whole.splitlines()]


@contextmanager
def mail_sink(folder: Path) -> Iterator[MailSink]:
    sink = MailSink(free_port(), folder / "letters.jsonl")
    sink.file.touch()
    command = [sys.executable, "-m", "tests.mail_sink", str(sink.port), str(sink.file)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        eventually("the mail server listens", process.stdout.readline, seconds=20)
        yield sink
    finally:
        process.kill()
        process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()


class _Keeper:
    def __init__(self, file: Path) -> None:
        self._file = file.open("a", encoding="utf-8")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        letter = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        body = letter.get_body(("plain",))
        words = (
            time.time(),
            envelope.rcpt_tos[0],
            str(letter["X-Haidang-Message"] or ""),
            str(letter["Subject"]),
            body.get_content() if body else "",
        )
        self._file.write(json.dumps(words, ensure_ascii=False) + "\n")
        self._file.flush()
        return "250 kept"


async def _serve(port: int, file: Path) -> None:
    keeper = _Keeper(file)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keeper, hostname="sink.example", enable_SMTPUTF8=True), "127.0.0.1", port, backlog=1000
    )
    print("listening", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
