"""A small Internet inside one namespace: its name server is dnsmasq, and TLS servers stand at addresses of `lo`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, cast

from tests.agent.namespaces import Namespace
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).with_name("tls_server.py")
RESOLVER = "127.0.0.1"


class Internet(Namespace):
    """The machine that looks, with the name server RESOLVER."""

    def __enter__(self) -> Self:
        super().__enter__()
        with ExitStack() as stack:
            stack.callback(super().__exit__)
            folder = Path("/etc/netns") / self.name
            folder.mkdir(parents=True)
            stack.callback(shutil.rmtree, folder)
            (folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\n")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def names(self, *records: str) -> Iterator[None]:
        """dnsmasq that knows these (`name,address`); `name` may be `#` for all others, which else do not exist."""
        words = [
            f"--address=/{name}/{address}" if name == "#" else f"--host-record={name},{address}"
            for name, _, address in (record.partition(",") for record in records)
        ]
        if not any(word.startswith("--address=/#/") for word in words):
            words.append("--address=/#/")
        command = (
            "dnsmasq",
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
            "--pid-file=",
        )
        listening = (f"--listen-address={RESOLVER}", "--bind-interfaces", "--user=root")
        process = subprocess.Popen(self.command(*command, *listening, *words))
        try:
            eventually("dnsmasq listens", lambda: f"{RESOLVER}:53" in self.run("ss", "-lunH"), seconds=20)
            yield
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def site(self, address: str, *certificates: str, port: int = 443) -> Iterator[IO[str]]:
        """A TLS server; `certificates` are `name=file`. What it says."""
        self.ip("address", "replace", f"{address}/32", "dev", "lo")
        command = self.command(sys.executable, str(SERVER), f"{address}:{port}", *certificates)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            said = cast("IO[str]", process.stdout)
            try:
                assert said.readline() == "ready\n"
                yield said
            finally:
                process.kill()
