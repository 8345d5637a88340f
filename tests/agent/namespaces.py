"""Private networks for tests, made of network namespaces (root); all of it is gone when the `with` ends."""

from __future__ import annotations

import itertools
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNT = itertools.count(1)


def open_files() -> int:
    """How many this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def run(*command: str, stdin: str | None = None) -> str:
    """Standard output; a failure shows standard error."""
    done = subprocess.run(command, check=False, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """A machine with a network stack of its own, `lo` up."""

    def __init__(self) -> None:
        self.name = f"haidang-{os.getpid()}-{next(COUNT)}"

    def __enter__(self) -> Self:
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        run("ip", "netns", "del", self.name)

    def ip(self, *words: str) -> str:
        return run("ip", "-n", self.name, *words)

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words: str) -> str:
        return run(*self.command(*words))

    def nft(self, rules: str) -> str:
        return run(*self.command("nft", "-f", "-"), stdin=rules)

    def sysctl(self, key: str, value: str) -> None:
        run(*self.command("tee", f"/proc/sys/{key.replace('.', '/')}"), stdin=value)

    def drop(self, rule: str, hook: str = "input") -> None:
        """Drop the packets that `rule` describes, until `accept_all`."""
        chain = f"type filter hook {hook} priority 0; {rule} counter drop;".replace("; ", "\n")
        self.nft(f"table inet test {{\nchain {hook} {{\n{chain}\n}}\n}}\n")

    def accept_all(self) -> None:
        self.nft("flush ruleset\n")


class Lan:
    """`agent` (10.9.0.1, interface lan0) and PCs (10.9.0.2 …, MAC 02:00:00:00:00:02 …) on one switch."""

    def __init__(self, pcs: int, prefix: int = 28) -> None:
        self._count, self._prefix = pcs, prefix
        self._stack = ExitStack()
        self.pcs: list[Namespace] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._switch = stack.enter_context(Namespace())
            self._switch.ip("link", "add", "br0", "type", "bridge")
            self._switch.ip("link", "set", "br0", "up")
            self.agent, *self.pcs = (stack.enter_context(Namespace()) for _ in range(self._count + 1))
            for number, machine in enumerate([self.agent, *self.pcs], start=1):
                self._connect(machine, number)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def switch_off(self, pc: Namespace) -> None:
        pc.ip("link", "set", "lan0", "down")

    def _connect(self, machine: Namespace, number: int) -> None:
        mac = f"02:00:00:00:00:{number:02x}"
        self._switch.ip(
            "link", "add", f"port{number}", "type", "veth", "peer", "lan0", "address", mac, "netns", machine.name
        )
        self._switch.ip("link", "set", f"port{number}", "master", "br0", "up")
        machine.ip("address", "add", f"10.9.0.{number}/{self._prefix}", "broadcast", "+", "dev", "lan0")
        machine.ip("link", "set", "lan0", "up")


def addresses(names: Iterable[str], namespace: Namespace) -> None:
    """Give `namespace` an interface `lan0` that is up with these addresses, and nothing at its other end."""
    namespace.ip("link", "add", "lan0", "type", "veth", "peer", "end0")
    for interface in ("lan0", "end0"):
        namespace.ip("link", "set", interface, "up")
    for name in names:
        namespace.ip("address", "add", name, "broadcast", "+", "dev", "lan0")
