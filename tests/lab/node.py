"""One machine of the virtual school: a network namespace and the processes started in it."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.guardian import NAMESPACES, kill_inside, remove

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_index = itertools.count(100)

EVERYBODY = "0 2147483647"
AS_DEBIAN_HAS_IT = {
    "ipv4/ping_group_range": EVERYBODY,
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv6/conf/all/keep_addr_on_down": "1",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/accept_ra": "0",
}


class Node:
    """`name` is the namespace's."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._processes: list[subprocess.Popen[Any]] = []

    def ip(self, *lines: str) -> None:
        """Lines of `ip` commands, carried out at once."""
        feed(["ip", "-n", self.name, "-batch", "-"], lines)

    def ip6(self, *lines: str) -> None:
        """The same for IPv6, where a line does not tell by an address."""
        feed(["ip", "-6", "-n", self.name, "-batch", "-"], lines)

    def nft(self, *lines: str) -> None:
        """Lines of an nftables ruleset."""
        feed(self._inside(["nft", "-f", "-"]), lines)

    def sysctl(self, settings: Mapping[str, str]) -> None:
        """`sysctl({"ipv4/ip_forward": "1"})`, below net/."""
        with self.inside():
            for key, value in settings.items():
                Path("/proc/sys/net", key).write_text(value, encoding="ascii")

    def run(
        self, *command: str, check: bool = False, timeout: float = 120, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; the output is captured. Further options as for subprocess.run."""
        return subprocess.run(
            self._inside(command), capture_output=True, text=True, check=check, timeout=timeout, **options
        )

    def start(self, *command: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a process. It lives until it is stopped, the power is cut, or this program ends, however that ends."""
        process = subprocess.Popen(self._inside(command), **options)
        self._processes.append(process)
        return process

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread's sockets are made in the node's network (setns(2)); another thread's are not."""
        with Path("/proc/thread-self/ns/net").open("rb") as home, (NAMESPACES / self.name).open("rb") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def kill_all(self) -> None:
        """As if the power had gone: every process in the namespace, and those started from here."""
        kill_inside([self.name])
        for process in self._processes:
            with process:
                process.kill()
        self._processes.clear()

    def _inside(self, command: Iterable[str]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]


def cable(here: str, there: str, far: Node) -> str:
    """A line for `near.ip`: an interface `here` in it, joined to `there` in `far`.

    No index is used twice, for the kernel tells of a carrier up to a second late where both ends have the same.
    """
    near_index, far_index = next(_index), next(_index)
    return f"link add {here} index {near_index} type veth peer name {there} index {far_index} netns {far.name}"


def add_namespaces(nodes: Collection[Node]) -> None:
    """Make the nodes' namespaces, with loopback up, and unprivileged ping allowed as Debian has it."""
    feed(["ip", "-batch", "-"], [f"netns add {node.name}" for node in nodes])
    for node in nodes:
        node.ip("link set lo up")
        node.sysctl(AS_DEBIAN_HAS_IT)


def remove_namespaces(nodes: Collection[Node]) -> None:
    """Kill what runs in them and take them away; those that are gone already are no error."""
    remove([node.name for node in nodes])
    for node in nodes:
        node.kill_all()


def feed(command: list[str], lines: Iterable[str]) -> None:
    """Lines to a command's standard input. Raises RuntimeError with its complaint and the lines."""
    text = "\n".join(lines) + "\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}\n{text}")


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "setns")
